// Media over the wire: what contacts send is fetched, verified and kept.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { downloadMediaMessage } from 'baileys';
import { STATUS } from '../sim/audience.mjs';
import { child } from '../sim/codec.mjs';
import { Stage, until } from './lib/stage.mjs';
import { Hook } from './lib/wahub.mjs';

const run = promisify(execFile);
const sha256 = b => createHash('sha256').update(b).digest('hex');

// what links begin with; nobody listens there
const PUBLIC = 'https://files.example/wahub';

let stage, sim, w, me, you;

before(async () => {
    // Baileys takes no certificates of its own for media
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    stage = await Stage.start({ sim: { media: true, devicesForm: 'lid' },
        conf: `wahub_max_media_size 1m;\nwahub_public_url ${PUBLIC};\n` });
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
async function send(kind, bytes, { spoil, to = me.lid, options, ...more } = {})
{
    const uploaded = sim.next('upload').then(([file]) => {
        Object.assign(file, spoil);
        return file;
    });
    const m = await you.client.sock.sendMessage(to,
        SENDS[kind](bytes, more), options);
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

    /** What a signed link leads to, without a key. */
    const linked = async url => {
        assert.ok(url?.startsWith(`${PUBLIC}/`), url);
        const r = await fetch(w.url + url.slice(PUBLIC.length));
        return { status: r.status,
            hash: sha256(Buffer.from(await r.arrayBuffer())) };
    };

    it('has links that are good without a key', async t => {
        const bytes = randomBytes(2000);
        const hook = await new Hook().listen();
        const put = url => w.api('PUT', `/api/accounts/${me.id}/webhook`,
            { webhook_url: url });
        await put(hook.url);
        t.after(async () => {
            await put(null);
            hook.close();
        });
        const { message } = await send('image', bytes, { caption: 'hooked' });
        const { url } = await ready(message);
        const got = await linked(url);
        assert.deepEqual(got, { status: 200, hash: sha256(bytes) });
        // the webhook had the same one before the file was there
        const body = await hook.wait(b => b.text === 'hooked');
        const { media_url: early, ...rest } = body.media;
        assert.deepEqual(rest, { mimetype: 'image/jpeg', filename: null,
            size: bytes.length, duration: null });
        assert.equal(early.split('?')[0], url.split('?')[0]);
        assert.equal((await linked(early)).status, 200);
        assert.equal((await linked(early.replace(/.$/, x =>
            x === 'A' ? 'B' : 'A'))).status, 403);
    });

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
        // found by either id of its message, as what is received
        const { id, message_id } = r.json;
        for (const ref of [id, message_id]) {
            const path = `/api/media/by-message/${ref}?account=${me.id}`;
            const media = (await until('the row', async () => {
                const found = await w.request('GET', path);
                return found.status === 200 && found;
            })).json;
            assert.equal(media.message_id, message_id);
            assert.equal(media.account_id, me.id);
            assert.equal(media.file_hash, sha256(bytes));
            assert.equal(media.download_status, 'downloaded');
            const file = await w.request('GET', `/media/download/${ref}`
                + `?account=${me.id}`);
            assert.equal(sha256(file.raw), sha256(bytes));
        }
    });

    it('is found as soon as its message is told of', async () => {
        // three in a row: a machine that stands still is not waited for
        await until('files that are found at once', async () => {
            const status = [];
            for (const path of ['/api/media/by-message', '/media/download',
                '/api/media/by-message']) {
                const r = await post(`/api/accounts/${me.id}/messages`,
                    { to: you.lid, type: 'image', media: {
                        base64: randomBytes(300).toString('base64'),
                        mime_type: 'image/jpeg' } });
                assert.equal(r.status, 201, r.raw?.toString());
                status.push((await w.request('GET',
                    `${path}/${r.json.id}`)).status);
            }
            return status.every(x => x === 200);
        }, 60000);
    });

    it('is asked for by account, when two of the tenant have it', async () => {
        const other = await stage.me('other');
        const r = await post(`/api/accounts/${me.id}/messages`, { to: other.lid,
            type: 'image', media: { base64: randomBytes(300)
                .toString('base64'), mime_type: 'image/jpeg' } });
        assert.equal(r.status, 201, r.raw?.toString());
        const of = query => w.request('GET',
            `/api/media/by-message/${r.json.message_id}${query}`);
        for (const id of [me.id, other.id]) {
            const found = await until('the row', async () => {
                const x = await of(`?account=${id}`);
                return x.json.download_status === 'downloaded' && x;
            });
            assert.equal(found.json.account_id, id);
        }
        const both = await of('');
        assert.equal(both.status, 409, both.raw.toString());
        assert.equal(both.json.error.code, 'AMBIGUOUS_ID');
        await w.api('DELETE', `/api/accounts/${other.id}`);
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

    it('has its waveform, when it is a voice note', async () => {
        const { file, waveform } = JSON.parse(readFileSync(new URL(
            '../vectors/waveform.json', import.meta.url)));
        const send = async ptt => {
            const r = await post(`/api/messages?account=${me.id}`, { to:
                you.lid, type: 'audio', ptt, base64: Buffer.from(file, 'hex')
                .toString('base64') });
            assert.equal(r.status, 201, r.raw?.toString());
            return (await arrived(r)).content;
        };
        const note = await send(true);
        assert.equal(note.seconds, 2);
        assert.equal(note.waveform.length, 64);
        const off = [...note.waveform].map((v, i) => Math.abs(v
            - waveform[i]));
        assert.ok(Math.max(...off) <= 3, [...note.waveform].join());
        assert.ok(!(await send(false)).waveform?.length);
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

    it('goes out once under an Idempotency-Key', async () => {
        const base64 = randomBytes(70).toString('base64');
        const rows = [[`/api/actions/send/image?account=${me.id}`,
            { jid: you.lid, base64 }],
        [`/session/${me.id}/send-image`, { to: you.lid, image: base64 }]];
        for (const [path, body] of rows) {
            const key = { 'idempotency-key': 'a picture' };
            const first = await post(path, body, key);
            assert.equal(first.status, 200, first.raw.toString());
            const again = await post(path, body, key);
            assert.equal(again.status, 200, again.raw.toString());
            assert.equal(again.raw.toString(), first.raw.toString());
            assert.equal(again.headers.get('idempotent-replayed'), 'true');
            await arrived(first);
            assert.equal(you.client.messages.filter(m => m.id === first.json
                .message_id).length, 1);
        }
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

describe('media where more than two talk', () => {
    const room = mode => sim.groups.create({ creator: you.account, mode,
        subject: 'pictures', members: [me.account] });

    /** Sent by wahub; what it says beside it. */
    async function sends(to, event, body) {
        const bytes = randomBytes(800);
        const next = sim.next(event);
        const r = await w.request('POST', `/api/messages?account=${me.id}`,
            { to, base64: bytes.toString('base64'), ...body });
        assert.equal(r.status, 201, r.raw.toString());
        const got = await arrived(r);
        assert.deepEqual(got.bytes, bytes);
        const [, , stanza] = await next;
        assert.equal(stanza.attrs.type, 'media');
        return { ...got, id: r.json.id, mediatype: child(stanza, 'enc').attrs
            .mediatype };
    }

    for (const mode of ['lid', 'pn']) {
        it(`comes and goes in a group of ${mode}`, async () => {
            const { jid } = room(mode);
            const bytes = randomBytes(900);
            const { message } = await send('image', bytes, { to: jid,
                caption: `seen in ${mode}` });
            assert.equal(message.remote_jid, jid);
            assert.equal(message.participant, you.pn);
            assert.equal(message.body, `seen in ${mode}`);
            assert.deepEqual(content(await ready(message)), bytes);
            const note = await sends(jid, 'group-message', { type: 'audio',
                ptt: true, mime_type: 'audio/ogg; codecs=opus' });
            assert.equal(note.mediatype, 'ptt');
            assert.equal(note.content.ptt, true);
        });
    }

    it('asks the phone for what a member sent', async () => {
        const bytes = randomBytes(700);
        const asked = sim.next('media-retry');
        const { message } = await send('video', bytes,
            { to: room('lid').jid, spoil: { expired: true } });
        assert.deepEqual(content(await ready(message)), bytes);
        assert.equal((await asked)[1], message.message_id);
    });

    const story = id => w.events.wait(e => e.type === 'story.posted'
        && e.data.story.id === id, `story ${id}`).then(e => e.data.story);

    it('is seen as statuses of others', async () => {
        for (const [kind, type, options] of [['image', 'image', { caption:
            'my day' }], ['video', 'video'], ['audio', 'audio']])
        {
            const bytes = randomBytes(900);
            const { message } = await send(kind, bytes, { to: STATUS,
                options: { statusJidList: [me.lid] }, ...options });
            assert.equal(message.remote_jid, STATUS);
            assert.equal(message.participant, you.pn);
            const media = await ready(message);
            assert.deepEqual(content(media), bytes);
            const s = await story(message.id);
            assert.equal(s.from_jid, you.pn);
            assert.equal(s.message_type, type);
            assert.equal(s.body, options?.caption ?? null);
            assert.equal(s.media_id, media.id);
        }
    });

    it('is posted as statuses, and all are listed', async () => {
        const audience = [you.pn];
        const posted = [];
        for (const [kind, body] of [['image', { type: 'image', caption:
            'our day', mime_type: 'image/jpeg' }], ['video', { type: 'video',
            mime_type: 'video/mp4' }], ['ptt', { type: 'audio', ptt: true,
            mime_type: 'audio/ogg; codecs=opus', background_argb:
            0xff336699 }]])
        {
            const p = await sends(STATUS, 'status', { audience, ...body });
            assert.equal(p.mediatype, kind);
            assert.equal(p.content.caption || undefined, body.caption);
            assert.equal(p.content.backgroundArgb || undefined,
                body.background_argb);
            posted.push(await story(p.id));
        }
        const list = async q => (await w.api('GET', '/api/stories'
            + `?account=${me.id}${q}`)).data;
        assert.ok(posted.every(s => s.media_id !== null
            && s.from_jid === me.pn));
        const own = await until('our stories', async () => {
            const l = await list(`&jid=${me.pn}`);
            return l.length === 3 && l;
        });
        assert.deepEqual(own, posted.toReversed());
        const theirs = await list(`&jid=${you.lid}`);
        assert.deepEqual(theirs.map(s => s.message_type),
            ['audio', 'video', 'image']);
        for (const s of [...own, ...theirs]) {
            const got = await w.request('GET',
                `/api/media/${s.media_id}/download`);
            assert.equal(got.status, 200, got.raw.toString());
        }
        assert.deepEqual(await list('&limit=2&offset=1'),
            (await list('')).slice(1, 3));
        assert.deepEqual((await w.request('GET', '/api/stories?account=nn'))
            .status, 404);
    });
});

describe('a full disk', () => {
    let mounted, reason;

    before(() => {
        try {
            execFileSync('mount', ['-t', 'tmpfs', '-o',
                'size=2m,mode=0777', 'none', join(w.data, 'media')],
            { stdio: 'pipe' });
            mounted = true;
        } catch (e) {
            reason = `a small tmpfs cannot be mounted: ${e.message}`;
        }
    });

    after(() => mounted && execFileSync('umount', ['-l',
        join(w.data, 'media')]));

    it('refuses uploads, lets downloads wait, and tells', async t => {
        if (!mounted) {
            t.skip(reason);
            return;
        }
        const upload = () => w.request('POST', '/api/media',
            { filename: 'a.bin', base64: randomBytes(300000)
                .toString('base64') });
        const told = (type, ms) => w.events.wait(e => e.type === type
            && e.data.reason === 'storage', type, ms);
        const there = await upload();
        assert.equal(there.status, 201, there.raw.toString());
        const dir = join(w.data, 'media');
        const ballast = join(dir, 'ballast');
        const { bavail, bsize } = statfsSync(dir);
        writeFileSync(ballast, Buffer.alloc((bavail - 8) * bsize));
        w.allowedAlerts.push(/no space left for files/);

        const bytes = randomBytes(100000);
        const { message } = await send('document', bytes);
        assert.equal((await told('account.degraded')).account_id, me.id);
        assert.deepEqual((await w.account(me.id)).degraded, ['storage']);
        const waiting = await until('the row', async () => {
            const x = await row(message);
            return x?.error !== null && x;
        });
        assert.deepEqual([waiting.status, waiting.attempts, waiting.error],
            [0, 0, 'there is no space left for files']);
        const lines = () => w.log().split('no space left for files').length
            - 1;
        await until('every worker knows what one has found', () =>
            lines() === w.pids().workers.length);
        for (const r of [await upload(), await w.request('POST',
            `/api/accounts/${me.id}/messages`, { to: you.lid,
                type: 'document', media_id: there.json.data.id })]) {
            assert.equal(r.status, 503, r.raw.toString());
            assert.equal(r.json.error.code, 'STORE_UNAVAILABLE');
            assert.match(r.json.error.message, /no space left/);
            assert.ok(Number(r.headers.get('retry-after')) > 0);
        }

        unlinkSync(ballast);
        await told('account.degraded_cleared', 40000);
        assert.deepEqual((await w.account(me.id)).degraded, []);
        assert.deepEqual(content(await ready(message)), bytes);
        assert.equal((await upload()).status, 201);
        assert.equal(lines(), w.pids().workers.length,
            'one line per worker');
    });
});

it('every event was as the contract has it', () => stage.checkEvents());
