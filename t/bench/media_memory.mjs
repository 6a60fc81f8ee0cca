// What a large document costs: a contact sends it, wahub fetches it, and then
// sends it back. Tells the time and what wahub's workers take of memory
// meanwhile. Needs about six times the document's size below TMPDIR.
//
//   WAHUB_MODULE=... node t/bench/media_memory.mjs [--mib 2048] [--limit 64]
//
// Ends with 1 when the workers together grow by more than --limit MiB.
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync, writeSync, openSync,
    closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Stage } from '../e2e/lib/stage.mjs';
import { residentKib } from './lib/proc.mjs';

const SAMPLE_MS = 20;
const MIB = 1048576;

const { values: args } = parseArgs({ options: {
    mib: { type: 'string', default: '2048' },
    limit: { type: 'string', default: '64' },
} });
const mib = Number(args.mib);
const limit = Number(args.limit);
if (!(mib > 0 && mib <= 2048 && limit > 0)) {
    throw new Error('--mib is 1 to 2048, --limit is positive');
}

/** A file in which no two MiB are the same; returns its SHA-256. */
function makeFile(path) {
    const chunk = Buffer.alloc(MIB, 'wahub');
    const digest = createHash('sha256');
    const fd = openSync(path, 'w');
    for (let i = 0; i < mib; i++) {
        chunk.writeUInt32LE(i);
        digest.update(chunk);
        for (let at = 0; at < MIB;) {
            at += writeSync(fd, chunk, at);
        }
    }
    closeSync(fd);
    return digest.digest('hex');
}

/** Runs `work`; returns seconds, and MiB before and at most. */
async function measure(pids, work) {
    const resident = () => pids.reduce((n, p) => n + residentKib(p), 0)
        / 1024;
    const before = resident();
    let most = before;
    const timer = setInterval(() => {
        most = Math.max(most, resident());
    }, SAMPLE_MS);
    const start = performance.now();
    try {
        const result = await work();
        return { seconds: (performance.now() - start) / 1000, before, most,
            result };
    } finally {
        clearInterval(timer);
    }
}

const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);

function report(name, { seconds, before, most }) {
    row(name, seconds.toFixed(1), (mib / seconds).toFixed(0),
        before.toFixed(1), most.toFixed(1), (most - before).toFixed(1));
    return most - before;
}

async function main(dir) {
    const path = join(dir, 'document');
    const hash = makeFile(path);
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    const stage = await Stage.start({ sim: { media: true },
        conf: 'wahub_max_media_size 0;\n' });
    const { w, sim } = stage;
    try {
        const me = await stage.me('me');
        const you = await stage.env.person('you');
        await stage.settled(me);
        const pids = w.pids().workers;
        row('', 's', 'MiB/s', 'MiB before', 'MiB at most', 'MiB more');
        row('---', '---:', '---:', '---:', '---:', '---:');

        // a message that Baileys has uploaded the file for
        let started;
        const begun = new Promise(resolve => {
            started = resolve;
        });
        sim.once('download', () => started());
        const sent = you.client.sock.sendMessage(me.lid, { document: {
            stream: createReadStream(path) }, fileName: 'document.bin',
        mimetype: 'application/octet-stream' });
        await Promise.race([begun, sent.then(() => begun)]);
        const down = await measure(pids, () => w.events.wait(e =>
            e.type === 'media.ready' || e.type === 'media.failed',
        'the file', 600000));
        const { media, error } = down.result.data;
        if (media?.file_hash !== hash) {
            throw new Error(`not the document: ${error ?? media.file_hash}`);
        }
        const grown = [report(`fetched, ${mib} MiB`, down)];

        const up = await measure(pids, () => w.request('POST',
            `/api/accounts/${me.id}/messages`, { to: you.lid,
                type: 'document', media_id: media.id }));
        if (up.result.status !== 201) {
            throw new Error(`not sent: ${up.result.raw}`);
        }
        grown.push(report(`sent, ${mib} MiB`, up));
        return grown;
    } finally {
        await stage.close();
    }
}

const dir = mkdtempSync(join(tmpdir(), 'wahub-media-'));
try {
    const grown = await main(dir);
    if (Math.max(...grown) > limit) {
        console.error(`more than ${limit} MiB`);
        process.exitCode = 1;
    }
} finally {
    rmSync(dir, { recursive: true, force: true });
}
