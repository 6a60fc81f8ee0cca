// Control run: Baileys at both ends of the simulated media servers.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { downloadMediaMessage } from 'baileys';
import { STATUS } from '../sim/audience.mjs';
import { SimEnv } from './lib/sim_env.mjs';

let env, a, b;

before(async () => {
    // Baileys takes no certificates of its own for media
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    env = await SimEnv.start({ devicesForm: 'lid', media: true });
    a = await env.person('a');
    b = await env.person('b');
});

afterEach(() => env.checkClean());

after(() => env.stop());

const KINDS = {
    image: bytes => ({ image: bytes, caption: 'a caption',
        jpegThumbnail: '', width: 1, height: 1 }),
    video: bytes => ({ video: bytes, jpegThumbnail: '' }),
    audio: bytes => ({ audio: bytes, seconds: 2,
        mimetype: 'audio/ogg; codecs=opus' }),
    document: bytes => ({ document: bytes, fileName: 'a.bin',
        mimetype: 'application/octet-stream' }),
    sticker: bytes => ({ sticker: bytes }),
};

async function send(kind, bytes, to = b.lid, options = {}) {
    const sent = await a.client.sock.sendMessage(to, KINDS[kind](bytes),
        options);
    return b.client.wait('message', m => m.id === sent.key.id,
        b.client.messages);
}

const fetched = (m, context) => downloadMediaMessage(m.raw, 'buffer', {},
    context);

describe('media of Baileys', () => {
    for (const kind of Object.keys(KINDS)) {
        it(`carries ${kind}`, async () => {
            const bytes = randomBytes(70001);
            const m = await send(kind, bytes);
            assert.deepEqual(await fetched(m), bytes);
        });
    }

    for (const mode of ['lid', 'pn']) {
        it(`carries them in a group of ${mode}`, async () => {
            const g = env.sim.groups.create({ creator: a.account, mode,
                subject: 'pictures', members: [b.account] });
            const bytes = randomBytes(900);
            const m = await send('video', bytes, g.jid);
            assert.equal(m.chat, g.jid);
            assert.deepEqual(await fetched(m), bytes);
        });
    }

    it('carries them as statuses', async () => {
        for (const kind of ['image', 'video', 'audio']) {
            const bytes = randomBytes(900);
            const m = await send(kind, bytes, STATUS,
                { statusJidList: [b.lid] });
            assert.equal(m.chat, STATUS);
            assert.deepEqual(await fetched(m), bytes);
        }
    });

    it('asks the phone for what has expired', async () => {
        const bytes = randomBytes(500);
        const upload = env.sim.next('upload');
        const m = await send('image', bytes);
        const [file] = await upload;
        env.sim.media.expire(file);
        await assert.rejects(fetched(m));
        const asked = env.sim.next('media-retry');
        // it learns where to look from a media_conn of its own
        await b.client.sock.refreshMediaConn(true);
        await b.client.sock.updateMediaMessage(m.raw);
        assert.deepEqual(await fetched(m), bytes);
        assert.equal((await asked)[1], m.id);
    });

    it('hears that the phone has it no more', async () => {
        const upload = env.sim.next('upload');
        const m = await send('image', randomBytes(40));
        env.sim.media.expire((await upload)[0]);
        env.sim.media.forgetful = true;
        await assert.rejects(b.client.sock.updateMediaMessage(m.raw));
        env.sim.media.forgetful = false;
    });

    it('refreshes an auth that is refused', async () => {
        // it asks for another one and goes on with the next host
        env.sim.media.hosts = [env.sim.media.host];
        await a.client.sock.refreshMediaConn(true);
        env.sim.media.refuse = [401];
        const bytes = randomBytes(33);
        const before = env.sim.media.auths.size;
        assert.deepEqual(await fetched(await send('image', bytes)), bytes);
        assert.equal(env.sim.media.refuse.length, 0);
        assert.ok(env.sim.media.auths.size >= before);
        env.sim.media.hosts = [];
    });

    it('serves ranges, wrong bytes and cut connections', async () => {
        const upload = env.sim.next('upload');
        await send('document', randomBytes(5000));
        const [file] = await upload;
        const url = `https://${env.sim.media.host}${file.path}`;
        const headers = { origin: 'https://web.whatsapp.com' };
        const whole = Buffer.from(await (await fetch(url, { headers }))
            .arrayBuffer());
        assert.equal(whole.length, file.size);
        const r = await fetch(url, { headers: { ...headers,
            range: 'bytes=100-' } });
        assert.equal(r.status, 206);
        assert.deepEqual(Buffer.from(await r.arrayBuffer()),
            whole.subarray(100));
        file.cut = 64;
        await assert.rejects(fetch(url, { headers }).then(x =>
            x.arrayBuffer()));
        file.spoil = true;
        const wrong = Buffer.from(await (await fetch(url, { headers }))
            .arrayBuffer());
        assert.notDeepEqual(wrong, whole);
    });
});
