// Baileys as an application uses it, with credentials in memory, as a process
// of its own.
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync, writeFileSync }
    from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { downloadMediaMessage } from 'baileys';
import { BaileysClient } from '../../e2e/lib/baileys_client.mjs';
import { parallel, serve } from './remote.mjs';

const clients = [];
const FETCH_MS = 300000;
const HISTORY_MS = 600000;
const dir = mkdtempSync(join(tmpdir(), 'wahub-bench-'));
const done = new EventEmitter();
// an application that writes to groups keeps what it knows of them
const groups = new Map();
let echo = false;
let fetched = 0;
let told = 0;
let url;

process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

/** Keeps a received file on disk, as wahub does. */
async function keep(m) {
    await pipeline(await downloadMediaMessage(m, 'stream', {}),
        createWriteStream(join(dir, `in-${fetched}-${m.key.id}`)));
    fetched++;
    done.emit('fetched');
}

/** Does not keep what it got: only the client itself is measured. */
class LeanClient extends BaileysClient {
    listen(sock) {
        sock.ev.on('creds.update', u => Object.assign(this.creds, u));
        sock.ev.on('connection.update', u => this.onConnection(sock, u));
        sock.ev.on('messages.upsert', ({ messages }) =>
            messages.forEach(m => this.onText(m)));
        sock.ev.on('messaging-history.set', ({ messages }) => {
            told += messages.length;
            done.emit('told');
        });
    }

    onText(m) {
        if (m.message?.documentMessage && !m.key.fromMe) {
            keep(m).catch(e => process.stderr.write(`${e.stack}\n`));
            return;
        }
        const text = m.message?.conversation
            ?? m.message?.extendedTextMessage?.text;
        if (echo && !m.key.fromMe && text !== undefined) {
            this.sock.sendMessage(m.key.remoteJid, { text: `re: ${text}` });
        }
    }
}

serve({
    start(simUrl) {
        url = simUrl;
    },

    /** A new client, up to its QR; `history`: it takes in that of its
     *  phone, and waits for it after linking. */
    async open(options) {
        const history = options?.history === true;
        const client = new LeanClient({ url, name: `b${clients.length}`,
            socketOptions: { shouldSyncHistoryMessage: () => history,
                cachedGroupMetadata: async jid => groups.get(jid) } });
        clients.push(client);
        client.start();
        return client.waitQr();
    },

    async waitOpen(i) {
        await clients[i].waitOpen();
    },

    async closeAll() {
        await Promise.all(clients.map(c => c.close()));
        await parallel(clients.length, clients.length, async i => {
            if (clients[i].open) {
                await clients[i].wait('close');
            }
        });
    },

    async openAll() {
        await parallel(clients.length, clients.length, i =>
            clients[i].start().waitOpen(60000));
    },

    collect() {
        global.gc();
        global.gc();
    },

    async send({ to, count, width }) {
        const jid = to.includes('@') ? to : `${to}@s.whatsapp.net`;
        const start = performance.now();
        if (jid.endsWith('@g.us') && !groups.has(jid)) {
            groups.set(jid, await clients[0].sock.groupMetadata(jid));
        }
        await parallel(count, width, i =>
            clients[0].sock.sendMessage(jid, { text: `text ${i}` }));
        return performance.now() - start;
    },

    async change({ chat, count }) {
        for (let i = 0; i < count; i++) {
            await clients[0].sock.chatModify({ pin: i % 2 === 0 },
                `${chat}@s.whatsapp.net`);
        }
    },

    files(count, size) {
        return Array.from({ length: count }, () => {
            const name = join(dir, randomBytes(8).toString('hex'));
            writeFileSync(name, randomBytes(size));
            return name;
        });
    },

    async sendFiles({ to, files, width }) {
        await parallel(files.length, width, i => clients[0].sock.sendMessage(
            `${to}@s.whatsapp.net`, { document: { url: files[i] },
                fileName: 'a.bin', mimetype: 'application/octet-stream' }));
    },

    fetched: () => fetched,

    async waitFetched(count) {
        const signal = AbortSignal.timeout(FETCH_MS);
        while (fetched < count) {
            await once(done, 'fetched', { signal });
        }
    },

    async waitHistory(count) {
        const signal = AbortSignal.timeout(HISTORY_MS);
        while (told < count) {
            await once(done, 'told', { signal });
        }
    },

    setEcho(on) {
        echo = on;
    },
});
