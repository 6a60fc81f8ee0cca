// Files that a URL names: fetched by wahub from where it may call, and sent.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import http from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { downloadMediaMessage } from 'baileys';
import { Stage } from './lib/stage.mjs';
import { Wahub } from './lib/wahub.mjs';

// beginnings that a type is told by
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUl' +
    'EQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const OGG = Buffer.concat([Buffer.from('OggS\0\x02'), Buffer.alloc(20),
    Buffer.from('\x01\x13OpusHead\x01\x01'), randomBytes(300)]);

let stage, sim, w, me, you, server, base, requests;

/** path -> (req, res) */
const pages = new Map();

before(async () => {
    // Baileys takes no certificates of its own for media
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    server = http.createServer((req, res) => {
        requests.push(req);
        const page = pages.get(req.url);
        if (page === undefined) {
            res.writeHead(404).end('no such page');
        } else {
            page(req, res);
        }
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${server.address().port}`;
    requests = [];
    stage = await Stage.start({ sim: { media: true },
        conf: 'wahub_max_media_size 1m;\n' });
    ({ sim, w } = stage);
    me = await stage.me('me');
    you = await stage.env.person('you');
});

afterEach(() => stage.env.checkClean());

after(async () => {
    await stage?.close();
    server?.closeAllConnections();
    server?.close();
});

function page(path, bytes, headers = {}) {
    pages.set(path, (req, res) => res.writeHead(200, headers).end(bytes));
    return base + path;
}

function redirect(path, location, status = 302) {
    pages.set(path, (req, res) => res.writeHead(status, { location })
        .end('elsewhere'));
    return base + path;
}

const post = (path, body) => w.request('POST', path, { to: you.lid,
    ...body });
const send = body => post(`/api/accounts/${me.id}/messages`, body);

async function arrived(id) {
    const m = await you.client.wait('message', x => x.id === id,
        you.client.messages);
    const all = { ...m.raw.message,
        ...m.raw.message.documentWithCaptionMessage?.message };
    const [name, content] = Object.entries(all).find(([, x]) => x?.mediaKey);
    return { bytes: await downloadMediaMessage(m.raw, 'buffer', {}), name,
        content };
}

async function refused(promise, status, code) {
    const r = await promise;
    assert.equal(r.status, status, r.raw.toString());
    assert.equal(r.json.error.code, code);
    return r.json;
}

describe('a URL as the source of a file', () => {
    it('is fetched, kept and sent', async () => {
        const bytes = randomBytes(200000);
        const r = await send({ type: 'document', media: { url:
            page('/files/a%20report.pdf?x=1', bytes) } });
        assert.equal(r.status, 201, r.raw.toString());
        const got = await arrived(r.json.message_id);
        assert.deepEqual(got.bytes, bytes);
        assert.equal(got.content.fileName, 'a report.pdf');
        const req = requests.at(-1);
        assert.match(req.headers['user-agent'], /^wahub\//);
        assert.equal(req.headers.origin, undefined);
        assert.equal(req.headers.authorization, undefined);
    });

    it('is told what it is by its content, not by its server', async () => {
        const r = await post('/api/messages', { account: me.id, type: 'image',
            url: page('/picture', PNG, { 'content-type': 'text/html' }),
            caption: 'see' });
        assert.equal(r.status, 201, r.raw.toString());
        assert.equal(r.json.has_media, true);
        assert.deepEqual([r.json.mediaType, r.json.media_mime_type,
            r.json.media_size, r.json.media_width, r.json.mediaCaption],
        ['image', 'image/png', PNG.length, 1, 'see']);
        assert.equal((await w.api('GET', `/api/media/${r.json.media_id}`))
            .file_size, PNG.length);
        assert.equal(r.json.mediaUrl, r.json.media_url);
        const linked = await fetch(w.url + r.json.media_url);
        assert.deepEqual(Buffer.from(await linked.arrayBuffer()), PNG);
        const got = await arrived(r.json.message_id);
        assert.equal(got.content.mimetype, 'image/png');
        assert.equal(got.content.caption, 'see');
        assert.equal(got.content.width, 1);
    });

    it('may lead to another three times, not more', async () => {
        const bytes = randomBytes(10);
        page('/there', bytes);
        redirect('/r3', `${base}/there`, 301);
        redirect('/r2', 'r3', 307);
        redirect('/r1', '/r2', 303);
        const r = await send({ type: 'document', url: `${base}/r1` });
        assert.equal(r.status, 201, r.raw.toString());
        const got = await arrived(r.json.message_id);
        assert.deepEqual(got.bytes, bytes);
        assert.equal(got.content.fileName, 'r1');
        await refused(send({ type: 'document', url: redirect('/r0', '/r1') }),
            502, 'MEDIA_FETCH_FAILED');
    });

    it('is not called where it may not', async () => {
        const port = server.address().port;
        const n = requests.length;
        for (const url of ['http://10.0.0.1/x', 'http://[::1]/x',
            'http://169.254.169.254/latest/meta-data', 'http://0xa.1/x'])
        {
            await refused(send({ type: 'document', url }), 400,
                'URL_NOT_ALLOWED');
        }
        for (const url of ['http://a:b@127.0.0.1/x', 'http://x y/z']) {
            await refused(send({ type: 'document', url }), 400,
                'INVALID_URL');
        }
        assert.equal(requests.length, n);
        for (const url of ['http://10.0.0.1/x', `http://[::1]:${port}/there`,
            `http://[::ffff:10.0.0.1]:${port}/there`])
        {
            await refused(send({ type: 'document', url:
                redirect('/away', url) }), 400, 'URL_NOT_ALLOWED');
        }
        for (const url of ['ftp://127.0.0.1/x', 'file:///etc/passwd',
            `http://a:b@127.0.0.1:${port}/there`])
        {
            await refused(send({ type: 'document', url:
                redirect('/away', url) }), 400, 'INVALID_URL');
        }
        assert.ok(requests.slice(n).every(r => r.url === '/away'));
    });

    it('is judged by the addresses of its name', async t => {
        const name = hostname();
        const all = await lookup(name, { all: true }).catch(() => []);
        if (!all.some(a => a.address.startsWith('127.'))
            || all.some(a => !/^(127\.|::1$|f)/.test(a.address)))
        {
            t.skip(`${name} is not this machine alone`);
            return;
        }
        const strict = await new Wahub({ sim, env: {
            WAHUB_WEBHOOK_ALLOW: '' } }).start();
        try {
            const { id } = await strict.api('POST', '/api/accounts',
                { name: 'strict' });
            const n = requests.length;
            await refused(strict.request('POST',
                `/api/accounts/${id}/messages`, { to: '15550001111',
                    type: 'document', url: `http://${name}:`
                        + `${server.address().port}/there` }), 400,
            'URL_NOT_ALLOWED');
            assert.equal(requests.length, n);
        } finally {
            await strict.close();
        }
    });

    it('that gives no file is MEDIA_FETCH_FAILED', async () => {
        pages.set('/short', (req, res) => {
            res.writeHead(200, { 'content-length': 1000 }).write('x');
            setImmediate(() => res.destroy());
        });
        for (const path of ['/none', '/short']) {
            await refused(send({ type: 'document', url: base + path }), 502,
                'MEDIA_FETCH_FAILED');
        }
        await refused(send({ type: 'document', url: page('/empty', '') }),
            400, 'INVALID_MEDIA');
        await refused(send({ type: 'document', url: 'http://127.0.0.1:1/' }),
            502, 'MEDIA_FETCH_FAILED');
    });

    it('that gives too much is MEDIA_TOO_LARGE', async () => {
        const most = randomBytes(1048576);
        const r = await send({ type: 'document', url: page('/most', most) });
        assert.equal(r.status, 201, r.raw.toString());
        assert.deepEqual((await arrived(r.json.message_id)).bytes, most);
        let sent = 0;
        pages.set('/endless', (req, res) => {
            const more = () => {
                while (!res.destroyed && sent < 1 << 28) {
                    sent += 65536;
                    if (!res.write(most.subarray(0, 65536))) {
                        res.once('drain', more);
                        return;
                    }
                }
            };
            more();
        });
        await refused(send({ type: 'document', url: `${base}/endless` }),
            413, 'MEDIA_TOO_LARGE');
        assert.ok(sent < 1 << 28, `${sent} bytes were taken`);
    });

    it('waits for its turn', async () => {
        const held = [];
        pages.set('/slow', (req, res) => held.push(res));
        const all = Array.from({ length: 6 }, () => send({ type: 'document',
            url: `${base}/slow` }));
        for (let i = 0; i < 6; i++) {
            while (held.length === 0) {
                await once(server, 'request');
            }
            assert.ok(held.length <= 2, `${held.length} at a time`);
            held.shift().end(`file ${i}`);
        }
        for (const r of await Promise.all(all)) {
            assert.equal(r.status, 201, r.raw.toString());
        }
    });

    it('leaves nothing behind that was not sent', () => {
        assert.deepEqual(readdirSync(join(w.data, 'media', '.tmp')), []);
    });
});

describe('rows of the references', () => {
    const url = () => page('/p.png', PNG);

    it('000: media_url, its kind by what it is', async () => {
        const r = await post(`/api/accounts/${me.id}/messages/send`,
            { media_url: url(), caption: 'a dot' });
        assert.equal(r.status, 200, r.raw.toString());
        assert.equal(r.json.success, true);
        assert.equal(r.json.message, 'Media message sent');
        const got = await arrived(r.json.message_id);
        assert.equal(got.name, 'imageMessage');
        assert.equal(got.content.caption, 'a dot');
        assert.deepEqual(got.bytes, PNG);
        const sound = await post(`/api/accounts/${me.id}/send`,
            { media_url: page('/s', OGG) });
        assert.equal(sound.status, 200, sound.raw.toString());
        assert.equal((await arrived(sound.json.message_id)).name,
            'audioMessage');
        const other = await post(`/api/accounts/${me.id}/send`,
            { media_url: page('/o.bin', randomBytes(50)), message: 'it' });
        assert.equal(other.status, 200, other.raw.toString());
        const file = await arrived(other.json.message_id);
        assert.equal(file.name, 'documentMessage');
        assert.equal(file.content.caption, 'it');
        assert.equal(file.content.fileName, 'o.bin');
    });

    it('000: media_type', async () => {
        const path = `/api/accounts/${me.id}/messages/send`;
        for (const [type, name] of [['document', 'documentMessage'],
            ['image/png', 'imageMessage'], ['sticker', 'stickerMessage']])
        {
            const r = await post(path, { media_url: url(),
                media_type: type });
            assert.equal(r.status, 200, r.raw.toString());
            assert.equal((await arrived(r.json.message_id)).name, name);
        }
        await refused(post(path, { media_url: url(), media_type: 'poll' }),
            400, 'INVALID_MEDIA_TYPE');
        await refused(post(path, { media_url: 'nowhere' }), 400,
            'INVALID_URL');
    });

    it('001 and 002: url, and a URL in the place of the file', async () => {
        const one = await w.request('POST',
            `/api/actions/send/image?account=${me.id}`, { jid: you.lid,
                url: url() });
        assert.equal(one.status, 200, one.raw.toString());
        assert.deepEqual((await arrived(one.json.message_id)).bytes, PNG);
        const two = await post(`/session/${me.id}/send-image`,
            { image: url() });
        assert.equal(two.status, 200, two.raw.toString());
        assert.deepEqual((await arrived(two.json.message_id)).bytes, PNG);
    });

    it('003: send-media', async () => {
        const path = `/api/messages/send-media?account=${me.id}`;
        const uploaded = sim.next('upload');
        const r = await post(path, { mediaType: 'image', mediaUrl: url(),
            caption: 'x' });
        assert.equal(r.status, 200, r.raw.toString());
        assert.equal(r.json.data.mediaType, 'image');
        assert.ok(r.json.data.messageId);
        assert.ok(r.json.data.status);
        assert.equal((await uploaded)[0].kind, 'image');
        const up = await w.request('POST', '/api/media', {
            base64: PNG.toString('base64') });
        const again = await post(path, { mediaType: 'document',
            mediaId: up.json.data.id, filename: 'dot.png' });
        assert.equal(again.status, 200, again.raw.toString());
        assert.equal(again.json.data.mediaType, 'document');
        await refused(post(path, { mediaUrl: url() }), 400,
            'VALIDATION_ERROR');
        await refused(post(path, { mediaType: 'text', mediaUrl: url() }),
            400, 'INVALID_MEDIA_TYPE');
        await refused(post(path, { mediaType: 'image' }), 400,
            'MISSING_CONTENT');
        await refused(post(path, { mediaType: 'image', mediaId: 'x',
            mediaUrl: url() }), 400, 'CONFLICTING_PARAMETERS');
    });
});
