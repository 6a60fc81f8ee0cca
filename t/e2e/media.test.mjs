// Media over the wire: what contacts send is fetched, verified and kept.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { downloadMediaMessage } from 'baileys';
import { Stage, until } from './lib/stage.mjs';

const run = promisify(execFile);
const sha256 = b => createHash('sha256').update(b).digest('hex');

let stage, sim, w, me, you;

before(async () => {
    // Baileys takes no certificates of its own for media
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    stage = await Stage.start({ sim: { media: true },
        conf: 'wahub_max_media_size 1m;\n' });
    ({ sim, w } = stage);
    me = await stage.me('me');
    you = await stage.env.person('you');
});

afterEach(() => stage.env.checkClean());

after(() => stage?.close());

const SENDS = {
    image: (bytes, more) => ({ image: bytes, jpegThumbnail: '', ...more }),
    video: bytes => ({ video: bytes, jpegThumbnail: '' }),
    audio: bytes => ({ audio: bytes, seconds: 2, ptt: true,
        mimetype: 'audio/ogg; codecs=opus' }),
    document: (bytes, more) => ({ document: bytes, fileName: 'a b.bin',
        mimetype: 'application/octet-stream', ...more }),
    sticker: bytes => ({ sticker: bytes }),
};

/** A contact sends; resolves with the upload, the event's message. */
async function send(kind, bytes, { spoil, ...more } = {}) {
    const uploaded = sim.next('upload').then(([file]) => {
        Object.assign(file, spoil);
        return file;
    });
    const m = await you.client.sock.sendMessage(me.lid,
        SENDS[kind](bytes, more));
    const event = await w.events.wait(e => e.type === 'message.received'
        && e.data.message.message_id === m.key.id, `message ${m.key.id}`);
    return { file: await uploaded, message: event.data.message };
}

const ready = message => w.events.wait(e => e.type === 'media.ready'
    && e.data.media.id === message.media_id, `media ${message.media_id}`)
    .then(e => e.data.media);

const failed = message => w.events.wait(e => e.type === 'media.failed'
    && e.data.media_id === message.media_id, `failure ${message.media_id}`)
    .then(e => e.data);

/** The row of the history database. */
async function row(message) {
    const { stdout } = await run('sqlite3', ['-json', '-cmd',
        '.timeout 5000', join(w.data, 'store', 'history.db'),
        `SELECT * FROM wa_media WHERE id = '${message.media_id}'`]);
    return stdout === '' ? undefined : JSON.parse(stdout)[0];
}

function content(media) {
    return readFileSync(join(w.data, 'media', 'default', media.file_path));
}

describe('received media', () => {
    for (const kind of Object.keys(SENDS)) {
        it(`fetches ${kind}`, async () => {
            const bytes = randomBytes(50021);
            const { message } = await send(kind, bytes);
            const media = await ready(message);
            assert.equal(media.download_status, 'downloaded');
            assert.equal(media.file_hash, sha256(bytes));
            assert.equal(media.file_size, bytes.length);
            assert.equal(media.message_id, message.message_id);
            assert.deepEqual(content(media), bytes);
        });
    }

    it('goes on where a connection broke off', async () => {
        const bytes = randomBytes(300000);
        const before = sim.media.downloads.length;
        const { message, file } = await send('document', bytes,
            { spoil: { cut: 70000 } });
        assert.deepEqual(content(await ready(message)), bytes);
        const starts = sim.media.downloads.slice(before)
            .filter(d => d.file === file).map(d => d.from);
        assert.equal(starts.length, 2);
        assert.equal(starts[0], 0);
        assert.ok(starts[1] > 0, `starts at ${starts}`);
    });

    it('tries again when servers are busy', async () => {
        sim.media.busy = [503, 429];
        const bytes = randomBytes(100);
        const { message } = await send('image', bytes);
        assert.deepEqual(content(await ready(message)), bytes);
        assert.equal(sim.media.busy.length, 0);
    });

    it('asks the phone for what has expired', async () => {
        const bytes = randomBytes(4000);
        const asked = sim.next('media-retry');
        const { message } = await send('document', bytes,
            { spoil: { expired: true } });
        assert.deepEqual(content(await ready(message)), bytes);
        assert.equal((await asked)[1], message.message_id);
    });

    it('asks the phone for what is not what was announced', async () => {
        const bytes = randomBytes(4000);
        const asked = sim.next('media-retry');
        const { message } = await send('document', bytes,
            { spoil: { spoil: true } });
        assert.deepEqual(content(await ready(message)), bytes);
        assert.equal((await asked)[1], message.message_id);
    });

    it('gives up when nobody has it any more', async () => {
        sim.media.forgetful = true;
        const { message } = await send('image', randomBytes(60),
            { spoil: { expired: true } });
        const { error } = await failed(message);
        assert.match(error, /phone/);
        const r = await row(message);
        assert.equal(r.status, 4);
        assert.equal(r.path, null);
        sim.media.forgetful = false;
    });

    it('leaves large files alone', async () => {
        const before = sim.media.downloads.length;
        const { message } = await send('document', randomBytes(1100000));
        const r = await until('the row is settled', async () => {
            const x = await row(message);
            return x?.status === 3 && x;
        });
        assert.equal(r.size, 1100000);
        assert.equal(sim.media.downloads.length, before);
    });

    it('fetches them when they are asked for', async () => {
        const bytes = randomBytes(1300000);
        const { message } = await send('document', bytes);
        await until('it is left alone', async () =>
            (await row(message))?.status === 3);
        const path = `/api/media/${message.media_id}`;
        const before = await w.request('GET', path);
        assert.equal(before.json.download_status, 'skipped');
        assert.equal((await w.request('GET', `${path}/download`)).status,
            404);
        const r = await w.request('POST', `${path}/retry`, {});
        assert.equal(r.status, 200, r.raw.toString());
        assert.equal(r.json.success, true, r.raw.toString());
        const media = await ready(message);
        assert.equal(media.file_hash, sha256(bytes));
        assert.deepEqual(content(media), bytes);
        const got = await w.request('GET', `${path}/download`);
        assert.equal(got.status, 200);
        assert.equal(sha256(got.raw), sha256(bytes));
    });

    it('keeps keys to itself', async () => {
        const { message } = await send('image', randomBytes(80));
        await ready(message);
        const all = JSON.stringify(w.events.all);
        assert.ok(!all.includes('media_key'));
        assert.ok(!all.includes('direct_path'));
        const r = await row(message);
        assert.ok(!r.descriptor.includes('media_key'));
        assert.ok(r.descriptor.length > 200);
    });
});

/** A contact's client has fetched what it was sent. */
async function arrived(r) {
    const { message_id: id } = r.json;
    const m = await you.client.wait('message', x => x.id === id,
        you.client.messages);
    return { bytes: await downloadMediaMessage(m.raw, 'buffer', {}),
        content: Object.values(m.raw.message).find(x => x?.mediaKey),
        message: m.raw.message };
}

describe('media to be sent', () => {
    const post = (path, body, options) => w.request('POST', path, body,
        options);

    it('goes out from base64', async () => {
        const bytes = randomBytes(3001);
        const r = await post(`/api/accounts/${me.id}/messages`, { to: you.lid,
            type: 'image', media: { base64: bytes.toString('base64'),
                mime_type: 'image/jpeg' }, caption: 'look' });
        assert.equal(r.status, 201, r.raw?.toString());
        const got = await arrived(r);
        assert.deepEqual(got.bytes, bytes);
        assert.equal(got.content.caption, 'look');
        assert.equal(got.content.mimetype, 'image/jpeg');
    });

    it('goes out again by its media_id', async () => {
        const bytes = randomBytes(70000);
        const up = await post('/api/media', {
            base64: bytes.toString('base64'), filename: 'report.pdf',
            mime_type: 'application/pdf' });
        assert.equal(up.status, 201, up.raw?.toString());
        const r = await post(`/api/accounts/${me.id}/messages`, { to: you.lid,
            type: 'document', media_id: up.json.data?.id ?? up.json.id });
        assert.equal(r.status, 201, r.raw?.toString());
        const got = await arrived(r);
        assert.deepEqual(got.bytes, bytes);
        assert.equal(got.content.fileName, 'report.pdf');
    });

    it('has its seconds, when it is a voice note', async () => {
        const bytes = readFileSync(new URL(
            '../fuzz/corpus/ogg/three_seconds', import.meta.url));
        const r = await post(`/api/messages?account=${me.id}`, { to: you.lid,
            type: 'audio', ptt: true, base64: bytes.toString('base64'),
            mime_type: 'audio/ogg; codecs=opus' });
        assert.equal(r.status, 201, r.raw?.toString());
        assert.equal((await arrived(r)).content.seconds, 3);
    });

    it('goes out as a part of an album', async () => {
        const send = body => post(`/api/messages?account=${me.id}`,
            { to: you.lid, ...body });
        const album = (await send({ type: 'album', images: 2 })).json;
        const seen = r => you.client.wait('message',
            x => x.id === r.message_id, you.client.messages);
        assert.equal((await seen(album)).raw.message.albumMessage
            .expectedImageCount, 2);
        const picture = { type: 'image', mime_type: 'image/jpeg',
            base64: randomBytes(90).toString('base64') };
        const r = await send({ ...picture, album_id: album.id });
        assert.equal(r.status, 201, r.raw?.toString());
        const a = (await seen(r.json)).raw.message.messageContextInfo.messageAssociation;
        assert.equal(a.associationType, 1);
        assert.equal(a.parentMessageKey.id, album.message_id);
        assert.equal(a.parentMessageKey.fromMe, true);
        assert.equal((await send({ ...picture, album_id: 'AAAA' })).status,
            404);
    });

    it('has rows of its own for each kind', async () => {
        const bytes = randomBytes(64);
        const r = await post(`/api/actions/send/audio?account=${me.id}`,
            { jid: you.lid, base64: bytes.toString('base64'), ptt: true });
        assert.equal(r.status, 200, r.raw?.toString());
        assert.deepEqual((await arrived({ json: { message_id: r.json
            .message_id ?? r.json.messageId } })).bytes, bytes);
    });

    it('asks for another auth, and tries other hosts', async () => {
        sim.media.refuse = [401, 503];
        const bytes = randomBytes(10);
        const r = await post(`/api/accounts/${me.id}/messages`, { to: you.lid,
            type: 'video', base64: bytes.toString('base64') });
        assert.equal(r.status, 201, r.raw?.toString());
        assert.deepEqual((await arrived(r)).bytes, bytes);
        assert.equal(sim.media.refuse.length, 0);
    });

    it('says what is missing', async () => {
        const path = `/api/accounts/${me.id}/messages`;
        const none = await post(path, { to: you.lid, type: 'image' });
        assert.equal(none.status, 400);
        const unknown = await post(path, { to: you.lid, type: 'image',
            media_id: 'f'.repeat(32) });
        assert.equal(unknown.status, 404);
    });
});
