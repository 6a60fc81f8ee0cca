// The HTTP contract for an account with a phone: the QR in every form, the
// life cycle in every vocabulary, the answers of every send row, and the
// account's webhook.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WaSim } from '../sim/server.mjs';
import { Hook, until, Wahub } from './lib/wahub.mjs';

let sim;
let w;

before(async () => {
    sim = await new WaSim().listen();
    w = await new Wahub({ sim }).start();
});

after(async () => {
    await w.close();
    await sim.close();
    assert.deepEqual(sim.violations, []);
});

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const DATA_URL = /^data:image\/png;base64,/;

function pngSize(bytes) {
    assert.equal(bytes.subarray(0, 8).toString('latin1'),
        '\x89PNG\r\n\x1a\n');
    assert.equal(bytes.subarray(12, 16).toString(), 'IHDR');
    return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

function pngOf(dataUrl) {
    assert.match(dataUrl, DATA_URL);
    return pngSize(Buffer.from(dataUrl.split(',')[1], 'base64'));
}

// -- the QR code -----------------------------------------------------------

describe('the QR code', () => {
    let id;

    before(async () => {
        ({ id } = await w.create({ session_id: 'scan', name: 'Scan' }));
        await w.state(id, 'QR');
    });

    after(() => w.api('DELETE', `/api/accounts/${id}`));

    test('is in the account, raw and as a picture', async () => {
        const a = await w.account(id);
        assert.equal(a.status, 'QR');
        assert.equal(a.qr.split(',').length >= 4, true);
        assert.match(a.qr_expires_at, ISO);
        const [width, height] = pngOf(a.qr_code);
        assert.ok(width >= 256);
        assert.equal(width, height);
        const list = await w.api('GET', '/api/accounts');
        assert.match(list.find(x => x.id === id).qr_code, DATA_URL);
    });

    test('JSON', async () => {
        const q = await w.api('GET', '/api/accounts/scan/qr');
        assert.deepEqual(Object.keys(q).sort(), ['expires_at', 'qr',
            'qr_code', 'qr_image', 'timestamp']);
        assert.equal(q.qr_image, q.qr_code);
        pngOf(q.qr_code);
        assert.match(q.timestamp, ISO);
        assert.match(q.expires_at, ISO);
    });

    test('PNG, SVG and text', async () => {
        const png = await w.request('GET', '/api/accounts/scan/qr?format=png');
        assert.equal(png.headers.get('content-type'), 'image/png');
        pngSize(png.raw);
        const svg = await w.request('GET', '/api/accounts/scan/qr?format=svg');
        assert.match(svg.headers.get('content-type'), /^image\/svg\+xml/);
        assert.match(svg.raw.toString(), /<svg[^>]*viewBox/);
        const txt = await w.request('GET', '/api/accounts/scan/qr?format=txt');
        assert.match(txt.headers.get('content-type'),
            /^text\/plain; charset=utf-8/);
        const lines = txt.raw.toString().trimEnd().split('\n');
        assert.ok(lines.length > 20);
        assert.match(txt.raw.toString(), /[▀▄█]/);
    });

    test("reference 001's rows", async () => {
        const status = await w.api('GET',
            '/api/connection/status?account=scan');
        assert.deepEqual([status.status, status.jid, status.hasQR,
            status.state], ['qr', null, true, 'QR']);
        const q = await w.api('GET', '/api/connection/qr?account=scan');
        assert.deepEqual(Object.keys(q).sort(), ['qr', 'raw']);
        pngOf(q.qr);
        for (const [size, least] of [[100, 100], [1024, 1024]]) {
            const r = await w.request('GET',
                `/api/connection/qr/image?account=scan&size=${size}`);
            assert.equal(r.headers.get('content-type'), 'image/png');
            assert.ok(pngSize(r.raw)[0] >= least);
        }
    });

    test("reference 002's rows", async () => {
        const q = await w.api('GET', '/session/scan/qr');
        assert.deepEqual(Object.keys(q).sort(), ['qr', 'qr_image',
            'sessionId']);
        assert.equal(q.sessionId, 'scan');
        const s = await w.api('GET', '/session/scan/status');
        assert.equal(s.status, 'disconnected');
        assert.equal(s.state, 'QR');
        assert.ok(s.qr.length > 50);
        const { sessions } = await w.api('GET', '/tenant/sessions');
        assert.equal(sessions.find(x => x.session_id === 'scan').status,
            'pending');
    });

    test("reference 004's rows", async () => {
        const { data } = await w.api('GET',
            '/api/whatsapp/session/status/scan');
        assert.equal(data.status, 'qr_generated');
        assert.equal(data.needsQR, true);
        assert.equal(data.isConnected, false);
        pngOf(data.qrImage);
        const list = await w.api('GET',
            '/api/whatsapp/session/list-realtime?status=needsQR');
        assert.equal(list.summary.needsQR, 1);
        assert.equal(list.data[0].hasQR, true);
        assert.equal(list.data[0].sessionId, 'scan');
    });

    test('regenerate-qr shows another code', async () => {
        const before = (await w.account(id)).qr;
        const r = await w.request('POST', '/session/scan/regenerate-qr');
        assert.equal(r.status, 200, r.raw.toString());
        assert.equal(r.json.success, true);
        assert.equal(r.json.sessionId, 'scan');
        assert.notEqual(r.json.qr, before);
        pngOf(r.json.qr_image);
        const phone = sim.phone();
        await phone.scan(r.json.qr);
        await w.state(id, 'READY');
        const gone = await w.request('GET', '/api/accounts/scan/qr');
        assert.equal(gone.status, 404);
        assert.equal(gone.json.error.code, 'QR_NOT_AVAILABLE');
        assert.match(gone.json.message, /connected/);
    });
});

// -- a linked account ------------------------------------------------------

describe('a linked account', () => {
    let phone, contact, id, inbox;

    before(async () => {
        phone = sim.phone({ name: 'Linked' });
        contact = sim.phone({ name: 'Contact' });
        inbox = [];
        contact.on('message', m => inbox.push(m));
        ({ id } = await w.link(phone, { session_id: 'live', name: 'Live' }));
    });

    after(() => w.api('DELETE', `/api/accounts/${id}`));

    const arrived = text => until(`"${text}" at the contact`,
        () => inbox.find(m => m.text === text));

    test('is READY in every vocabulary', async () => {
        const a = await w.account(id);
        const pn = phone.account.pn;
        assert.equal(a.status, 'READY');
        assert.equal(a.qr_code, null);
        assert.equal(a.qr, null);
        assert.equal(a.phone_number, pn);
        assert.equal(a.whatsapp_number, pn);
        assert.equal(a.jid, `${pn}@s.whatsapp.net`);
        assert.match(a.connected_at, ISO);

        const status = await w.api('GET',
            '/api/connection/status?account=live');
        assert.deepEqual(status, { status: 'connected', jid: a.jid,
            hasQR: false, account_id: id, state: 'READY' });

        const { sessions } = await w.api('GET', '/tenant/sessions');
        const row = sessions.find(s => s.session_id === 'live');
        assert.equal(row.status, 'active');
        assert.equal(row.connected, true);
        assert.equal(row.whatsapp_number, pn);
        assert.equal(row.user.id, a.jid);

        const s = await w.api('GET', '/session/live/status');
        assert.equal(s.status, 'connected');

        const item = await w.api('GET',
            '/api/whatsapp/session/status/live');
        assert.equal(item.data.status, 'session_connected');
        assert.equal(item.data.isConnected, true);
        const health = await w.api('GET', '/health');
        assert.ok(health.sessions.some(x => x.sessionId === 'live'
            && x.connected === true));
    });

    const rows = [
        ['/api/accounts/live/messages', 201, { text: 't-native' }, r => {
            assert.equal(r.status, 'SENT');
            assert.equal(r.account_id, id);
            assert.equal(r.session_id, 'live');
            assert.equal(r.key.fromMe, true);
            assert.equal(r.key.id, r.message_id);
        }],
        ['/api/messages', 201, { text: 't-message', account: 'live',
            metadata: { a: 1 } }, r => {
            assert.equal(r.message_type, 'text');
            assert.equal(r.type, 'TEXT');
            assert.equal(r.body, 't-message');
            assert.equal(r.text, 't-message');
            assert.equal(r.direction, 'OUTBOUND');
            assert.equal(r.from_me, true);
            assert.equal(r.waMessageId, r.message_id);
            assert.deepEqual(r.metadata, { a: 1 });
            assert.equal(r.has_media, false);
        }],
        ['/api/accounts/live/messages/send', 200, { message: 't-000' }, r => {
            assert.equal(r.message, 'Text message sent');
            assert.match(r.to, /^\d+@c\.us$/);
            assert.equal(r.status, 'SENT');
        }],
        ['/api/accounts/live/send', 200, { message: 't-send' }, r =>
            assert.equal(r.message, 'Text message sent')],
        ['/api/actions/send/text', 200, { text: 't-001',
            account: 'live' }, r => {
            assert.equal(r.key.fromMe, true);
            assert.match(r.key.remoteJid, /@s\.whatsapp\.net$|@lid$/);
        }],
        ['/session/live/send', 200, { message: 't-002' }, r =>
            assert.equal(r.sessionId, 'live')],
    ];

    for (const [path, status, body, check] of rows) {
        test(`POST ${path} sends`, async () => {
            const r = await w.request('POST', path,
                { ...body, to: contact.account.pn });
            assert.equal(r.status, status, r.raw.toString());
            assert.equal(r.json.success, true);
            assert.ok(r.json.id.length > 0 && r.json.id.length <= 64);
            assert.ok(r.json.message_id.length > 0);
            check(r.json);
            await arrived(body.text ?? body.message);
        });
    }

    test('POST /api/messages/send answers as reference 003', async () => {
        const r = await w.api('POST', '/api/messages/send', {
            to: `+${contact.account.pn}`, message: 't-003',
            session_id: 'live' });
        assert.deepEqual(Object.keys(r.data).sort(), ['messageId',
            'queuedAt', 'status', 'waMessageId']);
        await arrived('t-003');
    });

    test('wait=none answers 202 PENDING and still sends', async () => {
        const r = await w.request('POST',
            '/api/accounts/live/messages?wait=none',
            { to: contact.account.pn, text: 't-none' });
        assert.equal(r.status, 202, r.raw.toString());
        assert.equal(r.json.status, 'PENDING');
        await arrived('t-none');
    });

    test('a client_message_id is sent once', async () => {
        const once = () => w.request('POST', '/api/accounts/live/messages', {
            to: contact.account.pn, text: 't-once',
            client_message_id: 'c-1' });
        const [first, second] = [await once(), await once()];
        assert.equal(first.status, 201, first.raw.toString());
        assert.equal(second.status, 200, second.raw.toString());
        assert.equal(second.json.id, first.json.id);
        await w.send('live', contact.account.pn, 't-after-once');
        await arrived('t-after-once');
        assert.equal(inbox.filter(m => m.text === 't-once').length, 1);
    });

    test('stop, start and restart keep the link', async () => {
        const stop = await w.api('POST', '/session/live/disconnect');
        assert.deepEqual(Object.keys(stop), ['success', 'message']);
        assert.equal((await w.state(id, 'STOPPED')).phone_number,
            phone.account.pn);
        assert.equal((await w.send(id, contact.account.pn, 'x')).status, 409);
        await w.api('POST', '/api/accounts/live/start');
        await w.state(id, 'READY');
        const { connected_at: at } = await w.account(id);
        assert.equal((await w.api('POST',
            '/api/connection/restart?account=live')).success, true);
        await until('a new connection', async () => {
            const a = await w.account(id);
            return a.state === 'READY' && a.connected_at > at;
        });
    });

    test('logout unlinks at WhatsApp and does not link anew', async () => {
        const r = await w.api('POST', '/api/connection/logout?account=live');
        assert.equal(r.success, true);
        const a = await w.state(id, 'LOGGED_OUT');
        assert.equal(a.status, 'DISCONNECTED');
        assert.equal(a.phone_number, null);
        assert.deepEqual(phone.devices().map(d => d.id), [0]);
        assert.equal((await w.send(id, contact.account.pn, 'x')).status, 409);
    });

    test('relink shows a QR again', async () => {
        await w.api('POST', '/api/accounts/live/relink');
        await phone.scan(await w.qr(id));
        await w.state(id, 'READY');
    });

    test('DELETE unlinks and frees the name', async () => {
        const made = await w.link(phone, { session_id: 'gone' });
        assert.equal(phone.devices().length, 3);
        await w.api('DELETE', '/session/gone');
        assert.equal(phone.devices().length, 2);
        assert.equal((await w.request('GET', `/api/accounts/${made.id}`))
            .status, 404);
        assert.equal(await w.redis('--scan', '--pattern',
            `wahub:*:a:${made.id}*`), '');
    });
});

// -- webhooks --------------------------------------------------------------

describe('the account webhook', () => {
    let phone, contact, id, hook;

    before(async () => {
        hook = await new Hook().listen();
        phone = sim.phone();
        contact = sim.phone();
        ({ id } = await w.link(phone, { session_id: 'hooked',
            webhook_url: hook.url }));
    });

    after(async () => {
        hook.close();
        await w.api('DELETE', `/api/accounts/${id}`);
    });

    const pending = async () => {
        const keys = (await w.redis('--scan', '--pattern', 'wahub:*:hook'))
            .split('\n').filter(k => k !== '');
        return keys.length;
    };

    test('gets messages in the unified format', async () => {
        const seen = w.received('hello hook');
        await contact.sendText(phone.account, 'hello hook');
        const body = await hook.wait(b => b.text === 'hello hook');
        assert.match(body.event_id, /^\d{13,}-\d+-\d+$/);
        assert.equal(body.event, 'message');
        assert.equal(body.direction, 'inbound');
        assert.equal(body.account_id, id);
        assert.equal(body.from, `${contact.account.pn}@c.us`);
        assert.equal(body.to, `${phone.account.pn}@c.us`);
        assert.equal(body.from_me, false);
        assert.equal(body.is_group, false);
        assert.equal(body.type, 'text');
        assert.equal(body.media, null);
        assert.ok(Number.isInteger(body.timestamp));
        const post = hook.posts.find(p => p.body === body);
        assert.equal(post.headers['x-webhook-event'], 'message');
        assert.equal(post.headers['x-webhook-attempt'], '1');
        assert.match(post.headers['user-agent'], /^wahub\/\d/);
        assert.equal(post.headers['content-type'], 'application/json');
        assert.equal(post.headers['x-webhook-signature'], undefined);
        assert.equal(post.headers.expect, undefined);
        assert.equal((await seen).id, body.event_id);
        await until('no pending delivery', async () => await pending() === 0);
    });

    test('gets many in order', async () => {
        const from = hook.posts.length;
        for (let i = 0; i < 50; i++) {
            contact.sendText(phone.account, `order ${i}`);
        }
        await hook.wait(b => b.text === 'order 49');
        assert.deepEqual(hook.posts.slice(from).map(p => p.body.text),
            Array.from({ length: 50 }, (_, i) => `order ${i}`));
    });

    test('is attempted once, whatever the answer', async () => {
        hook.status = 500;
        await contact.sendText(phone.account, 'refused');
        await hook.wait(b => b.text === 'refused');
        hook.status = 302;
        await contact.sendText(phone.account, 'redirected');
        await hook.wait(b => b.text === 'redirected');
        hook.status = 200;
        await contact.sendText(phone.account, 'fine');
        await hook.wait(b => b.text === 'fine');
        assert.equal(hook.posts.filter(p => p.body.text === 'refused').length,
            1);
        await until('no pending delivery', async () => await pending() === 0);
        assert.match(w.log(), /webhook delivery \S+ failed: status 500/);
    });

    test('is changed without touching the connection', async () => {
        const { connected_at: at } = await w.account(id);
        const other = await new Hook().listen();
        try {
            await w.api('PUT', `/api/accounts/${id}/webhook`,
                { webhook_url: other.url });
            await contact.sendText(phone.account, 'moved');
            await other.wait(b => b.text === 'moved');
            assert.equal(hook.posts.some(p => p.body.text === 'moved'),
                false);
            await w.api('PUT', `/api/accounts/${id}/webhook`,
                { webhook_url: null });
            const seen = w.received('unseen');
            await contact.sendText(phone.account, 'unseen');
            await seen;
            await w.api('PUT', `/api/accounts/${id}/webhook`,
                { webhook_url: other.url });
            await contact.sendText(phone.account, 'again');
            await other.wait(b => b.text === 'again');
            assert.deepEqual(other.posts.map(p => p.body.text),
                ['moved', 'again']);
        } finally {
            other.close();
        }
        assert.equal((await w.account(id)).connected_at, at);
    });

    test('a slow or closed receiver delays only its own account',
        async () => {
            const silent = createServer(() => {}).listen(0, '127.0.0.1');
            await new Promise(r => silent.once('listening', r));
            const url = `http://127.0.0.1:${silent.address().port}/`;
            await w.api('PUT', `/api/accounts/${id}/webhook`,
                { webhook_url: url });
            await contact.sendText(phone.account, 'into the void');
            await until('one pending delivery', async () =>
                await pending() === 1);
            const begun = Date.now();
            await contact.sendText(phone.account, 'not held up');
            await w.received('not held up');
            assert.ok(Date.now() - begun < 3000);
            await w.api('PUT', `/api/accounts/${id}/webhook`,
                { webhook_url: hook.url });
            await contact.sendText(phone.account, 'after it');
            await hook.wait(b => b.text === 'after it');
            silent.closeAllConnections();
            silent.close();
            assert.match(w.log(), /webhook delivery \S+ failed: status 0/);
        });

    test('an address that is not allowed is never called', async () => {
        const before = w.log().split('address not allowed').length;
        // allowed when it was set: a name, refused when it is resolved
        await w.api('PUT', `/api/accounts/${id}/webhook`,
            { webhook_url: 'http://ip6-allnodes:81/' });
        await contact.sendText(phone.account, 'to a forbidden place');
        await w.received('to a forbidden place');
        await until('the refusal', () => w.log()
            .split(/address not allowed|host not found/).length > before);
        await until('no pending delivery', async () => await pending() === 0);
    });

    test('a delivery outlives the worker that was making it', async () => {
        let answers = false;
        const posts = [];
        const server = createServer((req, res) => {
            const parts = [];
            req.on('data', d => parts.push(d));
            req.on('end', () => {
                posts.push(JSON.parse(Buffer.concat(parts).toString()));
                if (answers) {
                    res.end();
                }
            });
        }).listen(0, '127.0.0.1');
        await new Promise(r => server.once('listening', r));
        await w.api('PUT', `/api/accounts/${id}/webhook`, { webhook_url:
            `http://127.0.0.1:${server.address().port}/` });
        await contact.sendText(phone.account, 'interrupted');
        await until('the first attempt', () => posts.length === 1);
        await contact.sendText(phone.account, 'behind it');
        await until('two pending deliveries', async () => {
            const key = await w.redis('--scan', '--pattern', 'wahub:*:hook');
            return key !== '' && await w.redis('hlen', key) === '2';
        });
        answers = true;
        w.allowedAlerts.push(/exited on signal 9/);
        for (const pid of w.pids().workers) {
            process.kill(pid, 'SIGKILL');
        }
        await until('both deliveries again', () => posts.length === 3);
        assert.deepEqual(posts.map(p => p.text),
            ['interrupted', 'interrupted', 'behind it']);
        assert.equal(posts[0].event_id, posts[1].event_id);
        await until('no pending delivery', async () => await pending() === 0);
        await w.state(id, 'READY');
        server.closeAllConnections();
        server.close();
    });
});

// -- TLS -------------------------------------------------------------------

describe('a webhook over https', () => {
    let dir, phone, contact, secure, posts, hooked;

    before(async () => {
        dir = mkdtempSync(join(tmpdir(), 'wahub-tls-'));
        for (const name of ['known', 'unknown']) {
            execFileSync('openssl', ['req', '-x509', '-newkey', 'ec',
                '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days',
                '2', '-subj', `/CN=${name}`, '-addext',
                'subjectAltName=DNS:localhost', '-keyout',
                join(dir, `${name}.key`), '-out', join(dir, `${name}.pem`)],
            { stdio: 'ignore' });
        }
        execFileSync('chmod', ['-R', 'a+rX', dir]);
        secure = await new Wahub({ sim, env: { WAHUB_TRUSTED_CERTIFICATE:
            join(dir, 'known.pem') } }).start();
        phone = sim.phone();
        contact = sim.phone();
        posts = [];
        hooked = await secure.link(phone);
    });

    after(async () => {
        await secure.close();
        rmSync(dir, { recursive: true, force: true });
    });

    const receiver = async name => {
        const server = createSecure({
            key: readFileSync(join(dir, `${name}.key`)),
            cert: readFileSync(join(dir, `${name}.pem`)) }, (req, res) => {
            req.resume();
            req.on('end', () => {
                posts.push(`${name} ${req.headers.host}`);
                res.end();
            });
        }).listen(0, '127.0.0.1');
        await new Promise(r => server.once('listening', r));
        return server;
    };

    const post = async (server, host) => {
        await secure.api('PUT', `/api/accounts/${hooked.id}/webhook`,
            { webhook_url: `https://${host}:${server.address().port}/` });
        await contact.sendText(phone.account, 'tls');
    };

    const failures = () => secure.log().split('webhook delivery').length - 1;

    test('goes to a host whose certificate is trusted', async () => {
        const server = await receiver('known');
        await post(server, 'localhost');
        await until('the post', () => posts.length === 1);
        assert.equal(posts[0], `known localhost:${server.address().port}`);
        await post(server, '127.0.0.1');
        await until('the refusal', () => failures() === 1);
        server.close();
        assert.equal(posts.length, 1, 'the name must match');
    });

    test('does not go to one that is not trusted', async () => {
        const server = await receiver('unknown');
        await post(server, 'localhost');
        await until('the refusal', () => failures() === 2);
        server.close();
        assert.equal(posts.length, 1);
    });
});
