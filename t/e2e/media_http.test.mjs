// Media over HTTP: uploads in every form, downloads with ranges and
// conditions, links and their signatures, names that are traps, other
// tenants, and how much memory a large file takes.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, renameSync, statSync,
    symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { png } from './lib/png.mjs';
import { freePort, until, Wahub } from './lib/wahub.mjs';

const SERVERS = {
    other: 'wahub_anonymous other;',
    public: 'wahub_files public;',
    whole: 'wahub_public_url https://files.example/wahub/;',
    private: 'wahub_files private;',
    reader: 'wahub_anonymous default role=BILLING_ADMIN;',
    large: 'wahub_max_upload 100m; client_max_body_size 101m;',
};
const MIB = 1024 * 1024;

let w;
const urls = {};

before(async () => {
    let conf = '';
    for (const [name, directives] of Object.entries(SERVERS)) {
        const port = await freePort();
        urls[name] = `http://127.0.0.1:${port}`;
        conf += `server { listen 127.0.0.1:${port}; ${directives}
            location / { wahub_api; } }\n`;
    }
    w = await new Wahub({ conf }).start();
});

after(async () => {
    try {
        w.checkSecrets();
    } finally {
        await w.close();
    }
});

/** A path as it is, which fetch() would tidy up. */
function raw(method, path, { base = w.url, key = w.key, headers = {},
    body } = {}) {
    return new Promise((done, reject) => {
        const { hostname, port } = new URL(base);
        const req = httpRequest({ method, path, hostname, port, agent: false,
            headers: { ...(key === null ? {} : { 'x-api-key': key }),
                ...headers } }, res => {
            const parts = [];
            res.on('data', d => parts.push(d));
            res.on('end', () => {
                const bytes = Buffer.concat(parts);
                let json;
                try {
                    json = JSON.parse(bytes.toString());
                } catch { /* a file */ }
                done({ status: res.statusCode, headers: res.headers, bytes,
                    json });
            });
            res.on('error', reject);
        });
        req.setTimeout(30000, () => req.destroy(new Error('no answer')));
        req.on('error', reject);
        req.end(body);
    });
}

const get = (path, options) => raw('GET', path, options);

function form(parts) {
    const f = new FormData();
    for (const [name, value, filename] of parts) {
        if (filename === undefined) {
            f.append(name, value);
        } else {
            f.append(name, value instanceof Blob ? value
                : new Blob([value]), filename);
        }
    }
    return f;
}

async function post(path, parts, { base = w.url, key = w.key } = {}) {
    const res = await fetch(base + path, { method: 'POST',
        headers: key === null ? {} : { 'x-api-key': key },
        body: form(parts) });
    return { status: res.status, json: await res.json() };
}

async function upload(bytes, filename = 'file.bin', type = undefined) {
    const blob = type === undefined ? bytes : new Blob([bytes], { type });
    const r = await post('/api/media', [['file', blob, filename]]);
    assert.equal(r.status, 201, JSON.stringify(r.json));
    assert.equal(r.json.success, true);
    return r.json.data;
}

const sha256 = b => createHash('sha256').update(b).digest('hex');

/** Files of the store, below the tenant's folder. */
function stored(tenant = 'default') {
    return readdirSync(join(w.data, 'media', tenant), { recursive: true,
        withFileTypes: true }).filter(e => e.isFile()).map(e => e.name);
}

function leftovers() {
    return readdirSync(join(w.data, 'media/.tmp'));
}

describe('uploads', () => {
    test('a picture, as a form', async () => {
        const bytes = png(300, 150);
        const m = await upload(bytes, '../../etc/Grüße "1".png', 'image/png');
        assert.match(m.id, /^[0-9a-f]{32}$/);
        assert.equal(m.file_hash, sha256(bytes));
        assert.equal(m.file_size, bytes.length);
        assert.equal(m.mime_type, 'image/png');
        assert.equal(m.mimetype, 'image/png');
        assert.equal(m.size, bytes.length);
        assert.equal(m.type, 'image');
        assert.equal(m.original_filename, 'Grüße "1".png');
        assert.equal(m.originalname, 'Grüße "1".png');
        assert.deepEqual([m.width, m.height], [300, 150]);
        assert.equal(m.download_status, 'downloaded');
        assert.match(m.file_path,
            /^\d{4}\/\d{2}\/\d{2}\/[0-9a-f]{64}\.png$/);
        assert.equal(m.account_id, null);
        assert.equal(m.message_id, null);
        assert.deepEqual(readFileSync(join(w.data, 'media/default',
            m.file_path)), bytes);

        const again = await w.api('GET', `/api/media/${m.id}`);
        for (const k of Object.keys(again)) {
            assert.deepEqual(again[k], m[k], k);
        }

        const d = await get(`/api/media/${m.id}/download`);
        assert.equal(d.status, 200);
        assert.deepEqual(d.bytes, bytes);
        assert.equal(d.headers['content-disposition'],
            'inline; filename="Gr____e _1_.png"; '
            + "filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%221%22.png");

        // a JPEG of at most 100 by 100, by its frame header
        const t = await get(m.thumbnail_url, { key: null });
        assert.equal(t.status, 200);
        assert.equal(t.headers['content-type'], 'image/jpeg');
        assert.equal(t.bytes.readUInt16BE(0), 0xffd8);
        const sof = t.bytes.indexOf(Buffer.from([0xff, 0xc0]));
        assert.deepEqual([t.bytes.readUInt16BE(sof + 7),
            t.bytes.readUInt16BE(sof + 5)], [100, 50]);
    });

    test('base64 in JSON, plain and as a data URL', async () => {
        const bytes = Buffer.from('%PDF-1.4\n%äöü\n');
        const r = await w.api('POST', '/api/media',
            { base64: bytes.toString('base64'), filename: 'a.pdf' });
        assert.equal(r.data.mime_type, 'application/pdf');
        assert.equal(r.data.type, 'document');
        assert.equal(r.data.file_hash, sha256(bytes));
        const u = await w.api('POST', '/api/media/upload',
            { base64: `data:audio/ogg;base64,${
                bytes.toString('base64url')}` });
        assert.equal(u.data.mime_type, 'audio/ogg');
        assert.equal(u.data.type, 'audio');
        assert.equal(u.data.file_hash, sha256(bytes));

        for (const base64 of ['', '%%%', 'abcde', 'data:image/png,abc',
            'QUJD=QUJD']) {
            const bad = await w.request('POST', '/api/media', { base64 });
            assert.equal(bad.status, 400, base64);
            assert.equal(bad.json.error_code, 'INVALID_MEDIA');
        }
        const wrong = await w.request('POST', '/api/media',
            { base64: 'QUJD', mime_type: 'no type' });
        assert.equal(wrong.status, 400);
        const none = await w.request('POST', '/api/media', {});
        assert.equal(none.status, 400);
        assert.equal(none.json.error_code, 'VALIDATION_ERROR');
    });

    test('large JSON is not read in the event loop, and limited',
        async () => {
            const bytes = randomBytes(3 * MIB);
            const r = await w.api('POST', '/api/media',
                { base64: bytes.toString('base64') });
            assert.equal(r.data.file_hash, sha256(bytes));
            const bad = await w.request('POST', '/api/media',
                `{"base64":"${'A'.repeat(MIB)}`);
            assert.equal(bad.json.error_code, 'INVALID_JSON');
            const long = await w.request('POST', '/api/media',
                `{"base64":"${'A'.repeat(20 * MIB)}"}`);
            assert.equal(long.status, 413);
            assert.equal(long.json.error_code, 'BODY_TOO_LARGE');
            // other rows still have the small limit, and take no forms
            const other = await w.request('POST', '/api/accounts',
                { name: 'x'.repeat(2 * MIB) });
            assert.equal(other.status, 413);
            const f = await post('/api/accounts', [['name', 'x']]);
            assert.equal(f.status, 415);
        });

    test('several files, one content', async () => {
        const bytes = randomBytes(5000);
        const hash = sha256(bytes);
        const r = await post('/api/media/upload-multiple',
            [1, 2, 3].map(i => ['files', bytes, `${i}.txt`]));
        assert.equal(r.status, 201);
        assert.equal(r.json.data.count, 3);
        assert.deepEqual(r.json.data.files.map(f => f.original_filename),
            ['1.txt', '2.txt', '3.txt']);
        assert.equal(new Set(r.json.data.files.map(f => f.id)).size, 3);
        assert.equal(stored().filter(n => n.startsWith(hash)).length, 1);
        for (const f of r.json.data.files) {
            assert.deepEqual((await get(f.url)).bytes, bytes);
        }
        const many = await post('/api/media/upload-multiple',
            Array.from({ length: 11 }, (_, i) => ['files', bytes, `${i}`]));
        assert.equal(many.status, 400);
        const two = await post('/api/media',
            [['file', 'a', 'a'], ['file', 'b', 'b']]);
        assert.equal(two.status, 400);
    });

    test('forms that are none', async () => {
        const type = 'multipart/form-data; boundary=b';
        const part = '--b\r\nContent-Disposition: form-data; name="file"; '
            + 'filename="x"\r\n\r\n';
        for (const body of ['', 'x', part, `${part}x`, `${part}x\r\n--b`,
            '--b\r\nX: y\r\n\r\n\r\n--b--']) {
            const r = await raw('POST', '/api/media',
                { headers: { 'content-type': type }, body });
            assert.equal(r.status, 400, body);
            assert.match(r.json.error_code, /VALIDATION_ERROR/);
        }
        await until('no temporary file', () => leftovers().length === 0);
    });

    test('an empty file is a file', async () => {
        const m = await upload(Buffer.alloc(0), 'empty.txt');
        assert.equal(m.file_size, 0);
        assert.equal(m.mime_type, 'text/plain');
        const d = await get(m.url);
        assert.equal(d.status, 200);
        assert.equal(d.bytes.length, 0);
    });

    test('a picture that lies about its size costs nothing', async () => {
        const m = await upload(png(8, 8, [60000, 60000]), 'bomb.png');
        assert.equal(m.mime_type, 'image/png');
        assert.equal(m.thumbnail_url, null);
        const broken = await upload(png(300, 300).subarray(0, 200), 'b.png');
        assert.equal(broken.thumbnail_url, null);
    });

    test('one Idempotency-Key, one upload, one answer', async () => {
        const bytes = randomBytes(2000);
        const send = (key, parts, path = '/api/media') =>
            fetch(w.url + path, { method: 'POST', body: form(parts),
                headers: { 'x-api-key': w.key, 'idempotency-key': key } })
                .then(async r => ({ status: r.status, text: await r.text(),
                    replay: r.headers.get('idempotent-replayed') }));
        const again = (r, first) => {
            assert.deepEqual([r.status, r.text, r.replay],
                [first.status, first.text, 'true']);
        };
        const code = r => JSON.parse(r.text).error_code;
        const count = async () => (await w.api('GET', '/api/media/stats'))
            .total;
        const before = await count();

        // a form, whose boundary is another each time
        const one = await send('one', [['file', bytes, 'a.bin']]);
        assert.deepEqual([one.status, one.replay], [201, null]);
        const { id, url } = JSON.parse(one.text).data;
        again(await send('one', [['file', bytes, 'a.bin']]), one);
        assert.deepEqual((await get(url, { key: null })).bytes, bytes);
        assert.equal((await w.api('GET', `/api/media/${id}`)).file_hash,
            sha256(bytes));

        // another content, name, field: another request
        for (const parts of [[['file', randomBytes(9), 'a.bin']],
            [['file', bytes, 'b.bin']],
            [['file', bytes, 'a.bin'], ['type', 'x']]]) {
            const other = await send('one', parts);
            assert.deepEqual([other.status, code(other)],
                [422, 'IDEMPOTENCY_KEY_REUSED']);
        }
        assert.equal(await count(), before + 1);

        // the path and the tenant belong to the key
        assert.equal((await send('one', [['file', bytes, 'a.bin']],
            '/api/media/upload')).replay, null);
        // all at once
        const many = await Promise.all(Array.from({ length: 8 }, () =>
            send('many', [['file', bytes, 'm.bin']])));
        const first = many.filter(r => r.replay === null);
        assert.equal(first.length, 1);
        many.filter(r => r.replay !== null).forEach(r => again(r, first[0]));

        // several files, base64, a refusal
        const two = [['files', 'a', '1.txt'], ['files', 'b', '2.txt']];
        const multi = await send('multi', two, '/api/media/upload-multiple');
        assert.equal(JSON.parse(multi.text).data.count, 2);
        again(await send('multi', two, '/api/media/upload-multiple'), multi);
        assert.equal(await count(), before + 5);

        const json = (key, body) => w.request('POST', '/api/media', body,
            { 'idempotency-key': key });
        const plain = await json('json', { base64: 'QUJD' });
        const plainAgain = await json('json', { base64: 'QUJD' });
        assert.equal(plainAgain.raw.toString(), plain.raw.toString());
        assert.equal(plainAgain.headers.get('idempotent-replayed'), 'true');

        const bad = await json('bad', { base64: '%%%' });
        assert.deepEqual([bad.status, bad.json.error_code],
            [400, 'INVALID_MEDIA']);
        const badAgain = await json('bad', { base64: '%%%' });
        assert.equal(badAgain.raw.toString(), bad.raw.toString());
        assert.equal(badAgain.headers.get('idempotent-replayed'), 'true');
        assert.equal((await json('bad', { base64: 'QUJD' })).status, 422);
        const none = await json('none', {});
        const noneAgain = await json('none', {});
        assert.equal(none.json.error_code, 'VALIDATION_ERROR');
        assert.equal(noneAgain.raw.toString(), none.raw.toString());
        const there = await raw('POST', '/api/media', { key: null,
            base: urls.other, body: '{}', headers: {
                'content-type': 'application/json',
                'idempotency-key': 'none' } });
        assert.equal(there.status, 400);
        assert.equal(there.headers['idempotent-replayed'], undefined);
        assert.equal((await json('x'.repeat(256), { base64: 'QUJD' }))
            .json.error_code, 'VALIDATION_ERROR');
        await until('no temporary file', () => leftovers().length === 0);
    });

    test('who may', async () => {
        assert.equal((await post('/api/media', [['file', 'x', 'x']],
            { key: null })).status, 401);
        assert.equal((await post('/api/media', [['file', 'x', 'x']],
            { key: null, base: urls.reader })).status, 403);
    });
});

describe('downloads', () => {
    const bytes = randomBytes(300000);
    let m;
    let path;

    before(async () => {
        m = await upload(bytes, 'movie.mp4', 'video/mp4');
        path = `/api/media/${m.id}/download`;
    });

    test('headers', async () => {
        const r = await get(path);
        assert.equal(r.status, 200);
        assert.deepEqual(r.bytes, bytes);
        assert.equal(r.headers['content-type'], 'video/mp4');
        assert.equal(r.headers.etag, `"${m.file_hash}"`);
        assert.equal(r.headers['accept-ranges'], 'bytes');
        assert.equal(r.headers['cache-control'],
            'private, max-age=31536000, immutable');
        assert.equal(r.headers['x-content-type-options'], 'nosniff');
        assert.equal(r.headers['content-disposition'],
            'inline; filename="movie.mp4"');
        assert.ok(Date.parse(r.headers['last-modified']) <= Date.now());
        const a = await get(`${path}?disposition=attachment`);
        assert.equal(a.headers['content-disposition'],
            'attachment; filename="movie.mp4"');
        const h = await raw('HEAD', path);
        assert.equal(h.status, 200);
        assert.equal(h.headers['content-length'], String(bytes.length));
        assert.equal(h.bytes.length, 0);
        const cors = await get(m.url, { key: null,
            headers: { origin: 'https://anywhere.example' } });
        assert.equal(cors.headers['access-control-allow-origin'], '*');
    });

    test('ranges', async () => {
        const range = value => get(path, { headers: { range: value } });
        const one = await range('bytes=100-199');
        assert.equal(one.status, 206);
        assert.equal(one.headers['content-range'],
            `bytes 100-199/${bytes.length}`);
        assert.deepEqual(one.bytes, bytes.subarray(100, 200));
        assert.deepEqual((await range('bytes=-10')).bytes,
            bytes.subarray(-10));
        assert.deepEqual((await range('bytes=299990-')).bytes,
            bytes.subarray(-10));
        const two = await range('bytes=0-0,10-11');
        assert.equal(two.status, 206);
        assert.match(two.headers['content-type'], /multipart\/byteranges/);
        const no = await range(`bytes=${bytes.length}-`);
        assert.equal(no.status, 416);
        assert.equal(no.headers['content-range'], `bytes */${bytes.length}`);
        assert.equal(no.headers['cache-control'], 'no-store');
        assert.match(no.headers['x-request-id'], /^[0-9a-f]{32}$/);
        assert.equal(no.json.success, false);
        const stale = await get(path, { headers: { range: 'bytes=0-1',
            'if-range': '"other"' } });
        assert.equal(stale.status, 200);
    });

    test('conditions', async () => {
        const same = await get(path,
            { headers: { 'if-none-match': `"x", "${m.file_hash}"` } });
        assert.equal(same.status, 304);
        assert.equal(same.bytes.length, 0);
        assert.equal(same.headers.etag, `"${m.file_hash}"`);
        const other = await get(path,
            { headers: { 'if-none-match': '"x"' } });
        assert.equal(other.status, 200);
        const match = await get(path, { headers: { 'if-match': '"x"' } });
        assert.equal(match.status, 412);
        assert.equal(match.headers['cache-control'], 'no-store');
    });

    test('what is not there', async () => {
        for (const id of ['0'.repeat(32), 'x', m.id.toUpperCase(),
            `${m.id}0`, '%ff', 'a'.repeat(400)]) {
            for (const row of ['', '/download']) {
                const r = await get(`/api/media/${id}${row}`);
                assert.equal(r.status, 404, id);
                assert.equal(r.json.error_code, 'MEDIA_NOT_FOUND');
            }
        }
        const r = await get('/api/media/by-message/nothing');
        assert.equal(r.status, 404);
        assert.equal(r.json.error_code, 'MEDIA_NOT_FOUND');
        assert.equal((await get(`${path}?thumb=1`)).status, 404);
        assert.equal((await get(`${path}?thumb=x`)).status, 400);
    });

    test('a retry of what needs none', async () => {
        const retry = id => w.request('POST', `/api/media/${id}/retry`);
        assert.deepEqual((await retry(m.id)).json, { success: true });
        assert.equal((await retry('0'.repeat(32))).status, 404);
    });

    test('a file that is gone, or became a link, is not found', async () => {
        const secret = join(w.data, 'api.key');
        const gone = await upload(randomBytes(100), 'gone');
        const file = join(w.data, 'media/default', gone.file_path);
        unlinkSync(file);
        assert.equal((await get(gone.url)).status, 404);
        symlinkSync(secret, file);
        assert.equal((await get(gone.url)).status, 404);
        unlinkSync(file);
        const day = join(file, '..');
        renameSync(day, `${day}.away`);
        try {
            symlinkSync(`${day}.away`, day);
            assert.equal((await get(m.url)).status, 404);
        } finally {
            unlinkSync(day);
            renameSync(`${day}.away`, day);
        }
        assert.equal((await get(m.url)).status, 200);
    });

    test('the store is the owner\'s only', () => {
        const file = join(w.data, 'media/default', m.file_path);
        assert.equal(statSync(file).mode & 0o077, 0);
        assert.equal(lstatSync(join(file, '..')).mode & 0o077, 0);
        assert.equal(statSync(join(w.data, 'media')).mode & 0o077, 0);
    });

    test('another tenant finds nothing', async () => {
        const base = urls.other;
        const missing = await get(`/api/media/${'0'.repeat(32)}`, { base,
            key: null });
        assert.equal(missing.status, 404);
        for (const p of [`/api/media/${m.id}`, path, `${path}?thumb=1`,
            new URL(m.url, base).pathname]) {
            const r = await get(p, { base, key: null });
            assert.equal(r.status, 404, p);
            assert.deepEqual({ ...r.json, request_id: 0 },
                { ...missing.json, request_id: 0 });
        }
        const stats = await get('/api/media/stats', { base, key: null });
        assert.equal(stats.json.total, 0);
        const list = await get('/media', { base, key: null });
        assert.deepEqual(list.json, { media: [], count: 0 });
        // one content, but a copy for each tenant
        const own = await post('/api/media', [['file', bytes, 'mine.mp4']],
            { base, key: null });
        assert.equal(own.status, 201);
        assert.equal(stored('other').length, 1);
        assert.equal((await get(`/api/media/${own.json.data.id}`)).status,
            404);
    });
});

describe('links', () => {
    let m;
    let link;

    before(async () => {
        m = await upload('some text\n', 'a.txt');
        link = new URL(m.url, w.url);
    });

    test('a signature is enough', async () => {
        const r = await get(m.url, { key: null });
        assert.equal(r.status, 200);
        assert.equal(r.bytes.toString(), 'some text\n');
        const exp = Number(link.searchParams.get('exp'));
        const days = (exp - Date.now() / 1000) / 86400;
        assert.ok(days > 6.9 && days < 8.1, `${days} days`);
        assert.match(link.pathname, /^\/files\/media\/[0-9a-f]{32}\.txt$/);
    });

    test('without, or with another one, it is not', async () => {
        const none = await get(link.pathname, { key: null });
        assert.equal(none.status, 401);
        for (const change of [l => l.searchParams.set('exp', '1'),
            l => l.searchParams.set('exp', '9999999999'),
            l => l.searchParams.set('sig', 'A'.repeat(43)),
            l => l.searchParams.set('sig', ''),
            l => { l.pathname = l.pathname.replace('/media/', '/x/'); }]) {
            const l = new URL(link);
            change(l);
            const r = await get(l.pathname + l.search, { key: null });
            assert.equal(r.status, 403, l.search);
            assert.equal(r.json.error_code, 'INVALID_SIGNATURE');
        }
        // a key does not need one
        assert.equal((await get(link.pathname)).status, 200);
    });

    test('public and private', async () => {
        const base = urls.public;
        const open = await get(link.pathname, { base, key: null });
        assert.equal(open.status, 200);
        assert.match(open.headers['cache-control'], /^public/);
        // only the link with the secret name is open
        assert.equal((await get(`/api/media/${m.id}/download`,
            { base, key: null })).status, 401);
        const shut = await get(m.url, { base: urls.private, key: null });
        assert.equal(shut.status, 403);
        assert.equal((await get(m.url, { base: urls.private })).status, 200);
    });

    test('whole with a public URL', async () => {
        const r = await get(`/api/media/${m.id}`, { base: urls.whole });
        const at = 'https://files.example/wahub';
        assert.ok(r.json.url.startsWith(`${at}/files/`), r.json.url);
        const back = r.json.url.slice(at.length);
        assert.equal((await get(back, { key: null })).status, 200);
        const up = await post('/api/media', [['file', png(40, 40), 'a.png']],
            { base: urls.whole });
        assert.ok(up.json.data.url.startsWith(`${at}/files/`));
        assert.ok(up.json.data.thumbnail_url.startsWith(`${at}/api/media/`));
    });

    test('names that are traps', async () => {
        const id = m.id;
        for (const name of ['..', '.', '.hidden', '../x', '..%2f..%2fapi.key',
            '%2e%2e%2f%2e%2e%2fsecret.key', '%2e%2e/%2e%2e/secret.key',
            `..%5c${id}.txt`, `${id}.txt%2f..`, `a..b`, `${id}.txt/x`,
            `x/../${id}.txt`, 'a%20b', 'ä', 'a'.repeat(161)]) {
            const r = await get(`/files/media/${encodeURI(name)
                .replaceAll('%25', '%')}`);
            assert.equal(r.status, 403, name);
            assert.equal(r.json.error_code, 'INVALID_FILE_NAME', name);
        }
        for (const path of ['/files/../api.key', '/files/%2e%2e/x',
            '/files//etc/passwd']) {
            assert.equal((await get(path)).status, 403, path);
        }
        assert.equal((await get(`/files/media/${id}%00.txt`)).status, 400);
        for (const name of [id, `${id}.bin`, `${id}.txt.txt`, `${id}.TXT`,
            'secret.key', 'history.db']) {
            const r = await get(`/files/media/${name}`);
            assert.equal(r.status, 404, name);
            assert.equal(r.json.error_code, 'MEDIA_NOT_FOUND');
        }
    });

    test('what could run in a browser is only saved', async () => {
        for (const [type, name] of [['text/html', 'a.html'],
            ['image/svg+xml', 'a.svg'], ['application/xml', 'a.xml'],
            ['application/x-unknown', 'a.x']]) {
            const p = await upload('<script>alert(1)</script>', name, type);
            const r = await get(p.url, { key: null });
            assert.equal(r.status, 200);
            assert.equal(r.headers['content-type'], type);
            assert.match(r.headers['content-disposition'], /^attachment/);
            assert.equal(r.headers['content-security-policy'],
                "sandbox; default-src 'none'");
            assert.equal(r.headers['x-content-type-options'], 'nosniff');
        }
        const sniffed = await upload('<!DOCTYPE html><html></html>', 'a.jpg');
        assert.equal(sniffed.mime_type, 'text/html');
    });
});

describe('numbers', () => {
    test('statistics and lists', async () => {
        const stats = await w.api('GET', '/api/media/stats');
        assert.equal(stats.total, stats.downloaded);
        assert.equal(stats.failed, 0);
        assert.ok(stats.byType.some(t => t.mime_type === 'image/png'
            && t.count >= 3));
        assert.ok(stats.totalSize > 3 * MIB);
        const list = await w.api('GET', '/media');
        assert.equal(list.count, list.media.length);
        assert.equal(list.count, Math.min(100, stats.total));
        const sizes = await w.api('GET', '/media/stats');
        assert.ok(sizes.stats.every(t => /^[\d.]+ (B|KB|MB)$/
            .test(t.totalSize)));
        assert.equal((await get('/media/download/nothing')).status, 404);
        assert.equal((await get('/api/media/stats?account=nobody')).status,
            404);
        assert.equal((await get('/media', { key: null })).status, 401);
    });
});

describe('a large file', () => {
    const SIZE = 64 * MIB;
    const LIMIT = 16 * MIB;

    /** Resident memory of the workers that is not a file's, in bytes. */
    function resident() {
        return Math.max(...w.pids().workers.map(pid => {
            const m = /^RssAnon:\s+(\d+) kB/m.exec(
                readFileSync(`/proc/${pid}/status`, 'utf8'));
            return Number(m[1]) * 1024;
        }));
    }

    test('takes little memory, up and down', async () => {
        const before = resident();
        let most = 0;
        const timer = setInterval(() => {
            most = Math.max(most, resident());
        }, 20);
        try {
            const file = join(w.data, 'large');
            const block = randomBytes(MIB);
            const hash = createHash('sha256');
            writeFileSync(file, '');
            for (let i = 0; i < SIZE; i += MIB) {
                writeFileSync(file, block, { flag: 'a' });
                hash.update(block);
            }
            const { openAsBlob } = await import('node:fs');
            const r = await post('/api/media',
                [['file', await openAsBlob(file), 'large.bin']],
                { base: urls.large });
            assert.equal(r.status, 201, JSON.stringify(r.json));
            const digest = hash.digest('hex');
            assert.equal(r.json.data.file_hash, digest);
            unlinkSync(file);

            const res = await fetch(w.url + r.json.data.url);
            const down = createHash('sha256');
            for await (const piece of res.body) {
                down.update(piece);
            }
            assert.equal(down.digest('hex'), digest);
        } finally {
            clearInterval(timer);
        }
        assert.ok(most > 0);
        assert.ok(most - before < LIMIT,
            `${(most - before) / MIB} MiB more`);
    });

    test('a client that goes away leaves nothing', async () => {
        const { hostname, port } = new URL(urls.large);
        await new Promise(done => {
            const req = httpRequest({ method: 'POST', path: '/api/media',
                hostname, port, agent: false, headers: {
                    'x-api-key': w.key, 'content-length': 5 * MIB,
                    'content-type': 'multipart/form-data; boundary=b' } });
            req.on('error', done);
            req.write('--b\r\nContent-Disposition: form-data; name="file"; '
                + 'filename="x"\r\n\r\n');
            req.write(randomBytes(2 * MIB), () => req.destroy(
                new Error('gone')));
        });
        await until('no temporary file', () => leftovers().length === 0);
        assert.equal((await get('/health')).status, 200);
    });
});
