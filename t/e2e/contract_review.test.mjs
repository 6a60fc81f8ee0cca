// The HTTP contract as a stranger would test it: every event against its
// schema, every QR picture read back, the words of refusals, preflights,
// odd queries, and what an operator may write into the http block.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventErrors } from './lib/event_schema.mjs';
import { readPng, readSvg, readTxt } from './lib/qr.mjs';
import { Stage, until } from './lib/stage.mjs';
import { freePort, Hook, Wahub } from './lib/wahub.mjs';

const servers = {
    anonymous: 'wahub_anonymous default;',
    agent: 'wahub_anonymous default role=AGENT;',
    billing: 'wahub_anonymous default role=BILLING_ADMIN;',
    streams: '',
    off: 'wahub_query_key off;',
    pinned: 'wahub_tenant default;',
    other: 'wahub_tenant acme;',
};

const LOCATIONS = `
    location / { wahub_api; }
`;

let stage;
let w;
const urls = {};

before(async () => {
    let conf = `
        log_format review '$wahub_tenant|$wahub_account|$wahub_user|'
                          '$wahub_message_id|$wahub_error_code|$status';
        wahub_cold_pace   5/h;
        wahub_deaf_after  90s;
    `;
    for (const [name, directives] of Object.entries(servers)) {
        const port = await freePort();
        urls[name] = `http://127.0.0.1:${port}`;
        conf += `server { listen 127.0.0.1:${port}; ${directives}
            ${LOCATIONS} }\n`;
    }
    const port = await freePort();
    urls.groups = `http://127.0.0.1:${port}`;
    conf += `server { listen 127.0.0.1:${port};
        location /api/accounts { wahub_accounts; wahub_messages; }
        location = /health { wahub_accounts; }
        location /tenant { wahub_accounts; }
        location /session { wahub_messages; }
    }\n`;
    stage = await Stage.start({ conf });
    ({ w } = stage);
});

after(() => stage.close());

/** As w.request(), at another server; `key` null: no credential. */
async function at(name, method, path, { body, key = null, headers = {} }
= {}) {
    const res = await fetch(urls[name] + path, { method, headers: {
        connection: 'close', ...(key === null ? {} : { 'x-api-key': key }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers }, body: body && JSON.stringify(body) });
    const text = await res.text();
    return { status: res.status, headers: res.headers, text,
        json: text === '' ? undefined : JSON.parse(text) };
}

function refused(r, status, code) {
    assert.equal(r.status, status, r.text ?? r.raw.toString());
    assert.equal(r.json.error.code, code);
}

// -- events ------------------------------------------------------------------

describe('published events', () => {
    test('are valid from creation to deletion, on the right channel',
        async () => {
            const bob = await stage.env.person('Bob', 1);
            const person = await stage.env.person('Eve', 0);
            const hook = await new Hook().listen();
            const { id } = await w.create({ name: 'Ùnïcode 😀', session_id:
                'events', webhook_url: hook.url, description: 'd',
            metadata: { a: [1, null] } });
            await person.phone.scan(await w.qr(id));
            const ready = await w.state(id, 'READY');

            await bob.phone.sendText(person.account, 'in ù😀\u0001"');
            await w.received('in ù😀\u0001"');
            const sent = await stage.sent({ id }, bob.pn, 'out');
            await w.events.wait(e => e.type === 'message.receipt'
                && e.data.message_id === sent.message_id);
            await person.phone.sendText(bob.account, 'mine');
            await w.events.wait(e => e.type === 'message.echo');
            await w.api('POST', `/api/accounts/${id}/stop`);
            await w.api('POST', `/api/accounts/${id}/start`);
            await w.state(id, 'READY');
            await w.api('POST', `/api/accounts/${id}/logout`);
            await w.api('DELETE', `/api/accounts/${id}`);
            await w.events.wait(e => e.type === 'session.deleted'
                && e.account_id === id);
            hook.close();

            const mine = w.events.all.filter(e => e.account_id === id);
            assert.deepEqual(mine.map(eventErrors).filter(x => x !== ''),
                []);
            assert.deepEqual([...new Set(mine.map(e => e.channel))],
                ['wahub:events:default:events']);
            assert.equal(new Set(mine.map(e => e.id)).size, mine.length);
            for (const type of ['session.created', 'session.qr_code',
                'session.authenticated', 'session.loading',
                'session.connected', 'session.disconnected',
                'session.logged_out', 'message.received', 'message.sent',
                'message.echo', 'message.receipt'])
            {
                assert.ok(mine.some(e => e.type === type), type);
            }

            // one address of the account everywhere, without a device
            const of = type => mine.find(e => e.type === type).data;
            assert.equal(of('session.authenticated').jid, ready.jid);
            assert.equal(of('session.connected').user.id, ready.jid);
            assert.equal(of('session.connected').whatsapp_number,
                ready.phone_number);

            // the account in the event is the account of the API
            const { account } = of('session.created');
            assert.deepEqual(Object.keys(account).sort(),
                Object.keys(ready).sort());
            assert.equal(account.status, 'INIT');
            assert.equal(account.name, 'Ùnïcode 😀');
            const out = mine.filter(e => e.type === 'session.status')
                .find(e => e.data.state === 'LOGGED_OUT').data;
            assert.equal(out.message, 'Logged out');
        });

    test('states come in the order of the life cycle', async () => {
        const person = await stage.env.person('Ada', 0);
        const { id } = await w.create({ session_id: 'order' });
        await person.phone.scan(await w.qr(id));
        await w.state(id, 'READY');
        const seen = w.events.of('session.status', id).map(e =>
            [e.data.previous, e.data.state, e.data.status]);
        assert.deepEqual(seen, [['INIT', 'CONNECTING', 'INIT'],
            ['CONNECTING', 'QR', 'QR'], ['QR', 'AUTH', 'AUTH'],
            ['AUTH', 'LOADING', 'AUTH'], ['LOADING', 'READY', 'READY']]);
        await w.api('DELETE', '/api/accounts/order');
    });
});

// -- QR pictures -------------------------------------------------------------

describe('QR pictures', () => {
    let qr;

    before(async () => {
        const { id } = await w.create({ session_id: 'pic' });
        qr = await w.qr(id);
    });

    after(() => w.api('DELETE', '/api/accounts/pic'));

    test('every form holds the code, the PNGs in 256 pixels', async () => {
        const get = (path, name) => w.api('GET', path).then(r =>
            name.split('.').reduce((o, k) => o[k], r));
        for (const [path, name] of [
            ['/api/accounts/pic', 'qr_code'],
            ['/api/accounts/pic/qr', 'qr_code'],
            ['/api/accounts/pic/qr', 'qr_image'],
            ['/api/connection/qr?account=pic', 'qr'],
            ['/session/pic/qr', 'qr_image'],
            ['/api/whatsapp/session/status/pic', 'data.qrImage'],
        ]) {
            assert.deepEqual(readPng(await get(path, name)),
                { width: 256, height: 256, text: qr }, `${path} ${name}`);
        }
        const form = async f => (await w.request('GET',
            `/api/accounts/pic/qr?format=${f}`)).raw;
        assert.deepEqual(readPng(await form('png')),
            { width: 256, height: 256, text: qr });
        assert.equal(readSvg((await form('svg')).toString()), qr);
        assert.equal(readTxt((await form('txt')).toString()), qr);
        const event = w.events.of('session.qr_code').findLast(e =>
            e.session_id === 'pic');
        assert.equal(event.data.qr, qr);
        assert.equal(readPng(event.data.qr_image).text, qr);
    });

    test('size is the size', async () => {
        for (const size of [100, 300, 1024]) {
            const r = await w.request('GET',
                `/api/connection/qr/image?account=pic&size=${size}`);
            assert.deepEqual(readPng(r.raw),
                { width: size, height: size, text: qr });
        }
        for (const size of [99, 1025, 'x', '']) {
            refused(await w.request('GET',
                `/api/connection/qr/image?account=pic&size=${size}`), 400,
            'INVALID_PARAMETER');
        }
    });

    test('a send meanwhile says what to do', async () => {
        const r = await w.send('pic', '15550001111', 'x');
        refused(r, 409, 'ACCOUNT_NOT_READY');
        assert.equal(r.json.message,
            'Account not ready: scan the QR code first');
        assert.deepEqual(r.json.error.details, { state: 'QR' });
        await w.api('POST', '/api/accounts/pic/stop');
        for (const path of ['/api/accounts/pic/messages/send',
            '/session/pic/send', '/api/actions/send/text?account=pic'])
        {
            const stopped = await w.request('POST', path,
                { to: '15550001111', message: 'x' });
            refused(stopped, 409, 'ACCOUNT_NOT_READY');
            assert.match(stopped.json.message, /^Account not ready/);
            assert.equal(stopped.json.error.details.state, 'STOPPED');
        }
        await w.api('POST', '/api/accounts/pic/start');
        qr = await w.qr('pic');
    });
});

// -- requests ----------------------------------------------------------------

describe('requests', () => {
    test('preflight of a public row allows GET only', async () => {
        const headers = { origin: 'https://x.example',
            'access-control-request-method': 'GET' };
        for (const path of ['/health', '/api', '/api/health/live']) {
            const r = await at('anonymous', 'OPTIONS', path, { headers });
            assert.equal(r.status, 204);
            assert.equal(r.headers.get('access-control-allow-origin'), '*');
            assert.equal(r.headers.get('access-control-allow-methods'),
                'GET, OPTIONS');
            assert.equal(r.headers.get('access-control-allow-credentials'),
                null);
        }
    });

    test('paging: huge limits are clamped, two positions contradict',
        async () => {
            const list = q => w.request('GET', `/api/accounts?${q}`);
            for (const n of ['501', '4294967296', '9'.repeat(30)]) {
                assert.equal((await list(`limit=${n}`)).status, 200, n);
            }
            for (const q of ['offset=0&page=1', 'cursor=x&page=1',
                'cursor=x&offset=0'])
            {
                refused(await list(q), 400, 'CONFLICTING_PARAMETERS');
            }
            for (const q of ['cursor=x', 'limit=1e3', 'limit=-9', 'page=1.5',
                'offset=', 'limit=0', 'offset=' + '9'.repeat(30)])
            {
                refused(await list(q), 400, 'INVALID_PARAMETER');
            }
        });

    test('/tenant/sessions takes both spellings of session_id', async () => {
        const r = await w.request('POST', '/tenant/sessions',
            { sessionId: 'alias', name: 'x' });
        assert.equal(r.status, 201, r.raw.toString());
        assert.equal(r.json.session_id, 'alias');
        await w.api('DELETE', '/session/alias');
    });
});

// -- what an operator configures ---------------------------------------------

describe('the http block', () => {
    test('anonymous locations and their roles', async () => {
        assert.equal((await at('anonymous', 'GET', '/api/accounts')).status,
            200);
        const made = await at('anonymous', 'POST', '/api/accounts',
            { body: { name: 'open', session_id: 'open' } });
        assert.equal(made.status, 201, made.text);
        assert.equal((await at('agent', 'GET', '/api/accounts/open')).status,
            200);
        refused(await at('agent', 'DELETE', '/api/accounts/open'), 403,
            'INSUFFICIENT_SCOPE');
        refused(await at('billing', 'GET', '/api/accounts'), 403,
            'INSUFFICIENT_SCOPE');
        refused(await at('agent', 'GET', '/api/messages/x'), 404,
            'MESSAGE_NOT_FOUND');
        refused(await at('agent', 'GET', '/api/messages/x?include=raw'), 403,
            'INSUFFICIENT_SCOPE');
        refused(await at('anonymous', 'GET', '/api/accounts',
            { key: 'wrong-wrong-wrong' }), 401, 'UNAUTHORIZED');
        assert.equal((await at('anonymous', 'DELETE',
            '/api/accounts/open')).status, 200);
    });

    test('where the key may stand', async () => {
        const path = `/api/accounts?api_key=${w.key}`;
        refused(await at('streams', 'GET', path), 401, 'UNAUTHORIZED');
        refused(await at('off', 'GET', path), 401, 'UNAUTHORIZED');
        assert.equal((await fetch(w.url + path)).status, 200);
        for (const headers of [{ 'x-api-key': w.key },
            { 'X-API-KEY': w.key }, { authorization: `Bearer ${w.key}` },
            { authorization: `bearer ${w.key}` }])
        {
            assert.equal((await at('off', 'GET', '/api/accounts',
                { headers })).status, 200);
        }
        refused(await at('off', 'GET', '/api/accounts',
            { headers: { authorization: 'Bearer a.b.c' } }), 401,
        'UNAUTHORIZED');
        refused(await at('off', 'GET', '/api/accounts', { headers: {
            'x-api-key': 'bad', authorization: `Bearer ${w.key}` } }), 401,
        'UNAUTHORIZED');
    });

    test('a location pinned to another tenant refuses the key', async () => {
        assert.equal((await at('pinned', 'GET', '/api/accounts',
            { key: w.key })).status, 200);
        refused(await at('other', 'GET', '/api/accounts', { key: w.key }),
            401, 'UNAUTHORIZED');
    });

    test('groups compose', async () => {
        const key = w.key;
        assert.equal((await at('groups', 'GET', '/api/accounts', { key }))
            .status, 200);
        refused(await at('groups', 'POST', '/api/accounts/nope/messages',
            { key, body: { to: '15550001111', text: 'x' } }), 404,
        'ACCOUNT_NOT_FOUND');
        assert.equal((await at('groups', 'GET', '/tenant/sessions', { key }))
            .status, 200);
        refused(await at('groups', 'GET', '/session/nope/status', { key }),
            404, 'ROUTE_NOT_FOUND');
        refused(await at('groups', 'POST', '/session/nope/send',
            { key, body: { to: '15550001111', message: 'x' } }), 404,
        'SESSION_NOT_FOUND');
    });

    test('several keys, one a line; a reload takes new ones', async () => {
        const file = join(w.data, 'api.key');
        const before = readFileSync(file, 'utf8');
        const second = 'second-key-of-the-tenant';
        const answers = (key, status) => until(`${status} for a key`,
            async () => (await w.request('GET', '/api/accounts', undefined,
                { 'x-api-key': key })).status === status);
        writeFileSync(file, `# keys\n${before}\n  ${second}  \n`);
        await w.script('reload');
        await answers(second, 200);
        await answers(w.key, 200);
        await answers('# keys', 401);

        w.allowedAlerts.push(/\[emerg\].*too short, too long or a well/);
        for (const [bad, words] of [['tiny-key\n', /too short/],
            ['your-secret-api-key\n', /well-known sample/]])
        {
            writeFileSync(file, bad);
            await assert.rejects(w.script('reload'), e =>
                words.test(e.stderr) && !e.stderr.includes(bad.trim()));
        }
        await answers(w.key, 200);
        writeFileSync(file, before);
        await w.reload();
        await answers(second, 401);
    });

    test('nonsense in a directive is refused in one line', async () => {
        const file = join(w.data, 'nginx.conf');
        const before = readFileSync(file, 'utf8');
        const put = line => writeFileSync(file, before.replace(
            new RegExp(`^ *${line.split(' ')[0]} .*;`, 'm'), '')
            .replace('http {', `http {\n    ${line};`));
        w.allowedAlerts.push(/\[emerg\].*wahub_/);
        for (const [line, words] of [
            ['wahub_media_path /nonexistent', /No such file or directory/],
            [`wahub_media_path ${file}`, /is not a directory/],
            ['wahub_media_host http://cdn', /must be HOST or HOST:PORT/],
            ['wahub_qr_timeout 0', /must be between 1s and 1d/],
            ['wahub_send_timeout 50d', /must be between 100ms and 1h/],
            ['wahub_lease 1s', /must be between 2s and 1h/]]) {
            put(line);
            await assert.rejects(w.script('reload'), e =>
                words.test(e.stderr)
                && e.stderr.includes(`"${line.split(' ')[0]}"`)
                && e.stderr.trim().split('\n').length === 1, line);
        }

        const closed = join(w.data, 'closed');
        mkdirSync(closed, { mode: 0o500 });
        for (const [line, words] of [
            ['wahub_webhook_timeout 3s',
                '"wahub_webhook_timeout" has no effect in this version'],
            ['wahub_graph_endpoint https://example.org',
                '"wahub_graph_endpoint" has no effect in this version'],
            [`wahub_media_path ${closed}`,
                `no file can be kept in "${closed}"`]]) {
            put(line);
            await w.reload();
            await until(line, () => readFileSync(join(w.data, 'log',
                'error.log'), 'utf8').includes(words));
        }

        writeFileSync(file, before);
        await w.reload();
    });

    test('the admin key may name its tenant', async () => {
        const key = readFileSync(join(w.data, 'admin.key'), 'utf8').trim();
        const get = headers => w.request('GET', '/api/accounts', undefined,
            { 'x-api-key': key, ...headers });
        assert.equal((await get({})).status, 200);
        assert.equal((await get({ 'x-wahub-tenant': 'default' })).status,
            200);
        refused(await get({ 'x-wahub-tenant': 'acme' }), 401,
            'UNAUTHORIZED');
    });
});

// -- two instances on one Redis ----------------------------------------------

describe('an instance that does not belong to the cluster', () => {
    const open = async (conf, keys = [], own = false) => {
        const other = new Wahub({ conf, env: {
            WAHUB_REDIS: `unix:${w.socket}`, WAHUB_START_TIMEOUT: '8' } });
        other.env.PORT = String(await freePort());
        for (const name of keys) {
            copyFileSync(join(w.data, name), join(other.data, name));
        }
        if (own) {
            writeFileSync(join(other.data, 'secret.key'), randomBytes(32),
                { mode: 0o600 });
        }
        return other;
    };
    const stays = async (other, words) => {
        try {
            await assert.rejects(other.script('run'), e => e.code === 1
                && words.test(e.stderr)
                && e.stderr.includes('no healthy answer'));
        } finally {
            await other.close();
        }
    };

    test('another master key: refused, and takes no accounts', async () => {
        const { id } = await w.create({ session_id: 'mine' });
        await w.qr(id);
        await stays(await open(undefined, [], true),
            /have another key than that of/);
        assert.equal((await w.account(id)).state, 'QR');
        await w.api('DELETE', '/api/accounts/mine');
    });

    test('another number of shards: refused', async () => {
        await stays(await open('wahub_shards 16;', ['secret.key']),
            /was made with "wahub_shards 256", here it is 16/);
    });

    test('one without a key takes that of the cluster', async () => {
        const { id } = await w.create({ session_id: 'ours' });
        const other = await open(undefined, ['api.key']);
        try {
            await other.script('run');
            other.url = `http://127.0.0.1:${other.env.PORT}`;
            other.key = w.key;
            assert.equal((await other.account('ours')).id, id);
        } finally {
            await other.close();
        }
        await w.api('DELETE', '/api/accounts/ours');
    });
});
