// Media of channels: not encrypted, uploaded to a place of their own, posted
// with the upload's handle; received, verified and kept like others.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { proto } from 'baileys';
import { post } from '../sim/newsletter.mjs';
import { Stage } from './lib/stage.mjs';

let s, sim, w, me, ann, channel, own;

before(async () => {
    s = await Stage.start({ sim: { media: true } });
    ({ sim, w } = s);
    me = await s.me('reader');
    ann = await s.env.person('ann');
    await s.settled(me);
    channel = await ann.client.sock.newsletterCreate('News', 'of the day');
    await w.api('POST', `/api/channels/${channel.id}/follow?account=${me.id}`,
        {});
    own = (await w.api('POST', `/api/channels?account=${me.id}`, {
        name: 'Ours', description: '', accept_terms: true })).data;
    await ann.client.sock.newsletterFollow(own.jid);
});

afterEach(() => s.env.checkClean());

after(() => s?.close());

const sha256 = b => createHash('sha256').update(b).digest();

/** Ann's channel gets a message with the file; returns its event. */
async function posted(bytes, name, more, mediatype = 'image') {
    const file = await sim.media.put(bytes, mediatype);
    const id = `3EB0${randomBytes(8).toString('hex').toUpperCase()}`;
    post(sim, sim.newsletters.find(channel.id), ann.account, { id,
        type: 'media', mediatype, bytes: Buffer.from(proto.Message.encode({
            [name]: { directPath: file.path, fileSha256: sha256(bytes),
                url: `https://${sim.media.host}${file.path}`,
                fileLength: bytes.length, ...more } }).finish()) });
    const e = await w.events.wait(x => x.type === 'message.received'
        && x.data.message.message_id === id, `message ${id}`);
    return { file, message: e.data.message };
}

const told = (type, message) => w.events.wait(e => e.type === type
    && (e.data.media?.id ?? e.data.media_id) === message.media_id, type)
    .then(e => e.data);

describe('media of a channel that is followed', () => {
    it('are fetched, verified and kept', async () => {
        const bytes = randomBytes(70000);
        const { message } = await posted(bytes, 'imageMessage',
            { mimetype: 'image/jpeg', caption: 'seen' });
        assert.equal(message.remote_jid, channel.id);
        assert.equal(message.body, 'seen');
        assert.equal(message.has_media, true);
        const { media } = await told('media.ready', message);
        assert.equal(media.file_hash, sha256(bytes).toString('hex'));
        assert.equal(media.mime_type, 'image/jpeg');
        assert.deepEqual(readFileSync(join(w.data, 'media', 'default',
            media.file_path)), bytes);
    });

    it('go on where a connection broke off', async () => {
        const bytes = randomBytes(300000);
        const kept = sim.media.put;
        sim.media.put = async function put(...args) {
            return Object.assign(await kept.apply(this, args),
                { cut: 100000 });
        };
        const { message, file } = await posted(bytes, 'videoMessage',
            { mimetype: 'video/mp4' }, 'video').finally(() => {
            sim.media.put = kept;
        });
        const { media } = await told('media.ready', message);
        assert.equal(media.file_hash, sha256(bytes).toString('hex'));
        const starts = sim.media.downloads.filter(d => d.file === file);
        assert.equal(starts.length, 2);
        assert.ok(starts[1].from > 0);
    });

    it('are not taken when they are not what was announced', async () => {
        const { message } = await posted(randomBytes(5000), 'imageMessage',
            { mimetype: 'image/jpeg', fileSha256: randomBytes(32) });
        const { error } = await told('media.failed', message);
        assert.ok(error);
    });

    it('are not asked of a phone when they are gone', async () => {
        let asked = 0;
        const count = () => asked++;
        sim.on('media-retry', count);
        const kept = sim.media.publish;
        sim.media.publish = function publish(file) {
            kept.call(this, file);
            file.expired = true;
        };
        const { message } = await posted(randomBytes(5000), 'imageMessage',
            { mimetype: 'image/jpeg' }).finally(() => {
            sim.media.publish = kept;
        });
        await told('media.failed', message);
        sim.off('media-retry', count);
        assert.equal(asked, 0);
    });
});

describe('media posted to a channel of our own', () => {
    const KINDS = {
        image: ['imageMessage', { caption: 'a picture' }, 'image'],
        video: ['videoMessage', { caption: 'a film' }, 'video'],
        audio: ['audioMessage', { ptt: true }, 'audio'],
        document: ['documentMessage', { filename: 'a.bin' }, 'document'],
        sticker: ['stickerMessage', {}, 'image'],
    };

    for (const [type, [name, more, place]] of Object.entries(KINDS)) {
        it(`${type}`, async () => {
            const bytes = randomBytes(20011);
            const upload = sim.next('upload');
            const r = await w.request('POST',
                `/api/accounts/${me.id}/messages`, { to: own.jid, type,
                    base64: bytes.toString('base64'), ...more });
            assert.equal(r.status, 201, r.raw.toString());
            const [file] = await upload;
            assert.equal(file.plain, true);
            assert.equal(file.kind, place);
            assert.deepEqual(readFileSync(file.name), bytes);
            const m = await ann.client.wait('message', x =>
                x.id === r.json.message_id, ann.client.messages);
            const content = m.raw.message[name];
            assert.equal(content.mediaKey?.length ?? 0, 0);
            assert.equal(content.directPath, file.path);
            assert.deepEqual(Buffer.from(content.fileSha256), sha256(bytes));
            assert.equal(Number(content.fileLength), bytes.length);
            if (more.caption !== undefined) {
                assert.equal(content.caption, more.caption);
            }
        });
    }
});
