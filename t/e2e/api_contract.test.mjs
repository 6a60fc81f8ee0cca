// The HTTP contract, row by row, as far as no phone is needed: routes,
// credentials, bodies, origins, errors, and the life of an account whose
// WhatsApp cannot be reached.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { startContract } from './lib/contract.mjs';

let w;

before(async () => {
    w = await startContract();
});

after(async () => {
    await w.stop();
});

// -- helpers ---------------------------------------------------------------

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const ABSENT = '00000000-0000-4000-8000-000000000000';

/** Every error has this shape and nothing else. */
function assertError(res, status, code) {
    const text = JSON.stringify(res.body);
    assert.equal(res.status, status, text);
    assert.match(res.headers['content-type'], /^application\/json/);
    assert.deepEqual(Object.keys(res.body).sort(), ['error', 'error_code',
        'message', 'request_id', 'success'], text);
    assert.equal(res.body.success, false);
    assert.equal(res.body.error.code, code, text);
    assert.equal(res.body.error_code, code);
    assert.equal(res.body.message, res.body.error.message);
    assert.ok(res.body.message.length > 0);
    assert.equal(typeof res.body.error.details, 'object');
    assert.ok(!Array.isArray(res.body.error.details));
    assert.equal(res.body.request_id, res.headers['x-request-id']);
    if (status === 401) {
        assert.equal(res.headers['www-authenticate'], 'Bearer');
    }
    if (status === 503) {
        assert.match(res.headers['retry-after'], /^\d+$/);
    }
    return res.body.error;
}

/** The names of the fields a validation error complains about. */
function fieldsOf(error) {
    return error.details.fields.map(f => f.field);
}

async function create(body = {}) {
    const res = await w.call('POST', '/api/accounts',
        { body: { name: 'test', ...body } });
    assert.equal(res.status, 201, JSON.stringify(res.body));
    return res.body;
}

async function removeAll() {
    const { body } = await w.call('GET', '/api/accounts');
    for (const { id } of body) {
        const res = await w.call('DELETE', `/api/accounts/${id}`);
        assert.equal(res.status, 200, JSON.stringify(res.body));
    }
}

/** A request as exact bytes would make it, e.g. without Content-Length. */
function raw(method, path, headers, chunks) {
    return new Promise((resolve, reject) => {
        const req = http.request(w.url + path, { method, headers }, res => {
            const parts = [];
            res.on('data', d => parts.push(d));
            res.on('end', () => resolve({ status: res.statusCode,
                headers: res.headers,
                body: JSON.parse(Buffer.concat(parts).toString()) }));
        });
        req.on('error', reject);
        for (const c of chunks) {
            req.write(c);
        }
        req.end();
    });
}

// -- routes ----------------------------------------------------------------

describe('routes', () => {
    test('an unknown path is ROUTE_NOT_FOUND', async () => {
        for (const path of ['/', '/nothing', '/api/nothing', '/api/accounts/',
            '/api/accounts/x/y', '/api//', '/api/v2/accounts', '/apiv1',
            '/session', '/session/x/nothing', '/favicon.ico']) {
            assertError(await w.call('GET', path), 404, 'ROUTE_NOT_FOUND');
        }
    });

    test('a known path with another method is 405 and says which', async () => {
        const rows = [
            ['DELETE', '/api/accounts', 'GET, HEAD, POST, OPTIONS'],
            ['POST', '/api/accounts/x',
                'GET, HEAD, PATCH, DELETE, OPTIONS'],
            ['GET', '/api/accounts/x/messages/send', 'POST, OPTIONS'],
            ['PUT', '/health', 'GET, HEAD, OPTIONS'],
            ['GET', '/api/messages/send', 'POST, OPTIONS'],
        ];
        for (const [method, path, allow] of rows) {
            const res = await w.call(method, path);
            assertError(res, 405, 'METHOD_NOT_ALLOWED');
            assert.equal(res.headers.allow, allow, path);
        }
    });

    test('HEAD answers like GET without a body', async () => {
        for (const path of ['/api', '/health', '/api/accounts']) {
            const get = await w.call('GET', path);
            const head = await w.call('HEAD', path);
            assert.equal(head.status, get.status);
            assert.equal(head.text, '');
            assert.equal(head.headers['content-type'],
                get.headers['content-type']);
        }
        const missing = await w.call('HEAD', '/nothing');
        assert.equal(missing.status, 404);
        assert.equal(missing.text, '');
    });

    test('/api/v1 is a synonym of /api', async () => {
        const res = await w.call('GET', '/api/v1/accounts');
        assert.equal(res.status, 200);
        assert.deepEqual(res.body, []);
        assert.equal((await w.call('GET', '/api/v1')).body.name, 'wahub');
        assertError(await w.call('GET', `/api/v1/accounts/${ABSENT}`), 404,
            'ACCOUNT_NOT_FOUND');
    });

    test('a location serves only the rows of its groups', async () => {
        const res = await w.call('GET', '/api/accounts', { at: w.groupUrl });
        assertError(res, 404, 'ROUTE_NOT_FOUND');
        const send = await w.call('POST', '/api/messages', { at: w.groupUrl,
            body: { to: '4917012345', text: 'x', account: 'none' } });
        assertError(send, 404, 'ACCOUNT_NOT_FOUND');
        assert.equal((await w.call('GET', '/health', { at: w.groupUrl }))
            .status, 200);
    });

    test('GET /api names the service and its routes', async () => {
        const { status, body } = await w.call('GET', '/api', { key: null });
        assert.equal(status, 200);
        assert.equal(body.message, 'WhatsApp Monitoring API v1.0');
        assert.equal(Object.keys(body)[0], 'message');
        assert.equal(body.name, 'wahub');
        assert.match(body.version, /^\d+\.\d+\.\d+$/);
        assert.equal(body.docs, '/api-docs');
        assert.equal(body.openapi, '/api/openapi.json');
        const all = Object.values(body.endpoints)
            .flatMap(group => Object.keys(group));
        assert.ok(all.includes('POST /api/accounts'));
        assert.ok(all.includes('POST /session/{sessionId}/send'));
    });

    test('every answer carries the common headers', async () => {
        for (const path of ['/api', '/nothing', '/api/accounts']) {
            const { headers } = await w.call('GET', path);
            assert.equal(headers['cache-control'], 'no-store');
            assert.equal(headers['x-content-type-options'], 'nosniff');
            assert.match(headers['x-request-id'], /^[0-9a-f]{32}$/);
        }
    });

    test('a harmless request id is taken over, another is not', async () => {
        const good = await w.call('GET', '/api',
            { headers: { 'X-Request-Id': 'abc.DEF_1-2' } });
        assert.equal(good.headers['x-request-id'], 'abc.DEF_1-2');
        for (const id of ['a b', 'a"b', 'x'.repeat(65), '<s>']) {
            const res = await w.call('GET', '/api',
                { headers: { 'X-Request-Id': id } });
            assert.match(res.headers['x-request-id'], /^[0-9a-f]{32}$/);
        }
    });
});

// -- nginx's own errors ----------------------------------------------------

describe("errors that nginx makes have the same shape", () => {
    test('a body over client_max_body_size', async () => {
        const res = await w.call('POST', '/api/accounts',
            { text: JSON.stringify({ name: 'x'.repeat(3 << 20) }) });
        assertError(res, 413, 'BODY_TOO_LARGE');
    });

    test('a body over wahub_max_body, announced or chunked', async () => {
        const text = JSON.stringify({ name: 'x'.repeat(1.5 * (1 << 20)) });
        assertError(await w.call('POST', '/api/accounts', { text }), 413,
            'BODY_TOO_LARGE');
        const headers = { 'X-Api-Key': w.apiKey,
            'Content-Type': 'application/json',
            'Transfer-Encoding': 'chunked' };
        assertError(await raw('POST', '/api/accounts', headers, [text]), 413,
            'BODY_TOO_LARGE');
    });

    test('deny all', async () => {
        assertError(await w.call('GET', '/api/accounts/denied',
            { at: w.openUrl }), 403,
            'FORBIDDEN');
    });

    test('error_page does not hide an error', async () => {
        assertError(await w.call('GET', '/nothing', { at: w.groupUrl }), 404,
            'ROUTE_NOT_FOUND');
    });
});

// -- credentials -----------------------------------------------------------

describe('credentials', () => {
    const tries = path => [
        ['no credential', path, {}, 401],
        ['X-Api-Key', path, { 'X-Api-Key': () => w.apiKey }, 200],
        ['lower case header', path, { 'x-api-key': () => w.apiKey }, 200],
        ['bearer', path, { Authorization: () => `Bearer ${w.apiKey}` }, 200],
        ['bearer, any case', path,
            { Authorization: () => `bEARER  ${w.apiKey}` }, 200],
        ['admin key', path, { 'X-Api-Key': () => w.adminKey }, 200],
        ['wrong key', path, { 'X-Api-Key': () => 'x'.repeat(40) }, 401],
        ['empty key', path, { 'X-Api-Key': () => '' }, 401],
        ['key with a tail', path, { 'X-Api-Key': () => `${w.apiKey}x` }, 401],
        ['half a key', path,
            { 'X-Api-Key': () => w.apiKey.slice(0, -1) }, 401],
        ['a token', path, { Authorization: () => 'Bearer aaa.bbb.ccc' }, 401],
        ['empty bearer', path, { Authorization: () => 'Bearer ' }, 401],
        ['wrong key before a good one', path, { 'X-Api-Key': () => 'nope',
            Authorization: () => `Bearer ${w.apiKey}` }, 401],
        ['admin in an unknown tenant', path, { 'X-Api-Key': () => w.adminKey,
            'X-Wahub-Tenant': () => 'acme' }, 401],
    ];

    for (const [name, path, headers, status] of tries('/api/accounts')) {
        test(`${name}: ${status}`, async () => {
            const h = Object.fromEntries(Object.entries(headers)
                .map(([k, v]) => [k, v()]));
            const res = await w.call('GET', path, { key: null, headers: h });
            if (status === 200) {
                assert.equal(res.status, 200);
            } else {
                assertError(res, 401, 'UNAUTHORIZED');
            }
        });
    }

    test('the query key works where it is on', async () => {
        const path = `/api/accounts?api_key=${encodeURIComponent(w.apiKey)}`;
        assert.equal((await w.call('GET', path, { key: null })).status, 200);
        assertError(await w.call('GET', '/api/accounts?api_key=nope',
            { key: null }), 401, 'UNAUTHORIZED');
        assertError(await w.call('GET', path, { key: null, at: w.openUrl,
            headers: { 'X-Api-Key': 'nope' } }), 401, 'UNAUTHORIZED');
    });

    test('an anonymous location needs none, and refuses a bad one',
        async () => {
            const at = w.openUrl;
            assert.equal((await w.call('GET', '/api/accounts',
                { key: null, at })).status, 200);
            assertError(await w.call('GET', '/api/accounts',
                { key: 'wrong-key-of-some-length', at }), 401,
            'UNAUTHORIZED');
        });

    test('a public row refuses a bad credential too', async () => {
        assert.equal((await w.call('GET', '/health', { key: null })).status,
            200);
        assertError(await w.call('GET', '/health', { key: 'nope' }), 401,
            'UNAUTHORIZED');
    });

    test('401 comes before the body is looked at', async () => {
        assertError(await w.call('POST', '/api/accounts',
            { key: null, text: '{"broken' }), 401, 'UNAUTHORIZED');
    });
});

// -- origins ---------------------------------------------------------------

describe('origins', () => {
    const from = (origin, more = {}) => ({ ...more,
        headers: { Origin: origin, ...more.headers } });

    test('an origin that is not listed is refused', async () => {
        for (const origin of ['https://evil.org', 'null',
            'https://app.example.org.evil.org', 'https://a.b.example.com',
            'http://app.example.org', 'https://evil-example.com']) {
            const res = await w.call('GET', '/api/accounts',
                from(origin, { at: w.openUrl, key: null }));
            assertError(res, 403, 'ORIGIN_NOT_ALLOWED');
            assert.equal(res.headers['access-control-allow-origin'],
                undefined);
        }
    });

    test('a listed origin is echoed with credentials', async () => {
        for (const origin of ['https://app.example.org',
            'https://x.example.com']) {
            const { status, headers } = await w.call('GET', '/api/accounts',
                from(origin, { at: w.openUrl, key: null }));
            assert.equal(status, 200);
            assert.equal(headers['access-control-allow-origin'], origin);
            assert.equal(headers['access-control-allow-credentials'], 'true');
            assert.match(headers.vary, /Origin/);
            assert.match(headers['access-control-expose-headers'],
                /X-Request-Id.*Link/);
        }
    });

    test('the own host passes', async () => {
        const res = await w.call('GET', '/api/accounts', from(w.url));
        assert.equal(res.status, 200);
        assert.equal(res.headers['access-control-allow-origin'], w.url);
    });

    test('wahub_cors_local lets loopback and private origins in',
        async () => {
            const path = '/api/messages';
            for (const origin of ['http://localhost:3000',
                'http://127.0.0.1:5173', 'http://192.168.1.2']) {
                const res = await w.call('OPTIONS', path,
                    from(origin, { at: w.groupUrl, key: null }));
                assert.equal(res.status, 204, origin);
            }
            assertError(await w.call('OPTIONS', path,
                from('http://8.8.8.8', { at: w.groupUrl, key: null })), 403,
            'ORIGIN_NOT_ALLOWED');
        });

    test('preflight answers 204 with what is allowed', async () => {
        const res = await w.call('OPTIONS', '/api/accounts',
            from('https://app.example.org', { at: w.openUrl, key: null,
                headers: { 'Access-Control-Request-Method': 'POST' } }));
        assert.equal(res.status, 204);
        assert.equal(res.text, '');
        assert.match(res.headers['access-control-allow-methods'],
            /GET, POST, PUT, PATCH, DELETE, OPTIONS/);
        assert.match(res.headers['access-control-allow-headers'],
            /X-Api-Key.*X-Wahub-Account/);
        assert.equal(res.headers['access-control-max-age'], '600');
    });

    test('public rows are open to every origin, without credentials',
        async () => {
            const { headers } = await w.call('GET', '/health',
                from('https://evil.org', { key: null }));
            assert.equal(headers['access-control-allow-origin'], '*');
            assert.equal(headers['access-control-allow-credentials'],
                undefined);
        });

    test('errors after the origin check carry the headers too', async () => {
        const res = await w.call('GET', `/api/accounts/${ABSENT}`,
            from('https://app.example.org', { at: w.openUrl, key: null }));
        assertError(res, 404, 'ACCOUNT_NOT_FOUND');
        assert.equal(res.headers['access-control-allow-origin'],
            'https://app.example.org');
    });
});

// -- bodies ----------------------------------------------------------------

describe('bodies', () => {
    const nested = n => `{"name":"x","metadata":${'{"a":'.repeat(n)}1${
        '}'.repeat(n)}}`;

    const broken = [
        ['not JSON', '{"name":'],
        ['trailing bytes', '{"name":"x"} {}'],
        ['a duplicate member', '{"name":"x","name":"y"}'],
        ['a nested duplicate', '{"name":"x","metadata":{"a":1,"a":2}}'],
        ['depth 33', nested(32)],
        ['depth 5000', nested(5000)],
        ['a NUL escape', '{"name":"a\\u0000b"}'],
        ['a NUL byte', '{"name":"a\0b"}'],
        ['an unpaired surrogate', '{"name":"\\ud800"}'],
        ['bad UTF-8', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff,
            0x22, 0x7d])],
        ['an array', '[]'],
        ['a string', '"x"'],
        ['a number', '1'],
    ];

    for (const [name, text] of broken) {
        test(`${name} is INVALID_JSON`, async () => {
            assertError(await w.call('POST', '/api/accounts', { text }), 400,
                'INVALID_JSON');
        });
    }

    test('another content type is 415', async () => {
        for (const type of ['text/plain', 'application/x-www-form-urlencoded',
            'multipart/form-data; boundary=x', 'application/jsonx',
            undefined]) {
            assertError(await w.call('POST', '/api/accounts',
                { text: '{"name":"x"}', type }), 415,
            'UNSUPPORTED_CONTENT_TYPE');
        }
    });

    test('an empty body is an empty object', async () => {
        const e = assertError(await w.call('POST', '/api/accounts'), 400,
            'VALIDATION_ERROR');
        assert.deepEqual(fieldsOf(e), ['name']);
    });

    test('depth 32, a charset and a spooled body are fine', async () => {
        const filler = ' '.repeat(300000);
        const res = await w.call('POST', '/api/accounts',
            { text: nested(31) + filler,
                type: 'application/json; charset=utf-8' });
        assert.equal(res.status, 201, res.text);
        await removeAll();
    });
});

// -- accounts --------------------------------------------------------------

describe('accounts', () => {
    after(removeAll);

    test('create, read, list, change, delete', async () => {
        const made = await create({ name: 'Büro', session_id: 'main',
            description: 'first', user_id: 'u1', metadata: { a: [1] },
            webhook_url: 'http://127.0.0.1:9/hook?x=1' });
        assert.match(made.id, UUID);
        assert.equal(made.session_id, 'main');
        assert.equal(made.sessionId, 'main');
        assert.equal(made.tenant_id, 'default');
        assert.equal(made.name, 'Büro');
        assert.equal(made.provider, 'web');
        assert.equal(made.status, 'INIT');
        assert.equal(made.is_default, true);
        assert.equal(made.auto_relink, true);
        assert.equal(made.drip_per_minute, 3);
        assert.equal(made.userId, 'u1');
        assert.deepEqual(made.metadata, { a: [1] });
        assert.equal(made.webhook_url, 'http://127.0.0.1:9/hook?x=1');
        assert.match(made.created_at, ISO);
        assert.equal(made.createdAt, made.created_at);
        for (const name of ['qr_code', 'qr', 'pairing_code', 'phone_number',
            'whatsapp_number', 'jid', 'lid', 'push_name', 'connected_at',
            'last_seen_at', 'last_seen', 'snapshot_timestamp', 'ai_config']) {
            assert.equal(made[name], null, name);
        }

        for (const ref of [made.id, 'main']) {
            const got = await w.call('GET', `/api/accounts/${ref}`);
            assert.equal(got.status, 200);
            assert.equal(got.body.id, made.id);
        }

        const list = await w.call('GET', '/api/accounts');
        assert.equal(list.headers['x-total-count'], '1');
        assert.deepEqual(list.body.map(a => a.id), [made.id]);

        const patched = await w.call('PATCH', '/api/accounts/main', { body: {
            name: 'New', description: null, isNotification: true,
            aiConfig: { on: 1 }, drip_per_minute: 6, auto_relink: false } });
        assert.equal(patched.status, 200, patched.text);
        assert.equal(patched.body.name, 'New');
        assert.equal(patched.body.description, null);
        assert.equal(patched.body.is_notification, true);
        assert.deepEqual(patched.body.ai_config, { on: 1 });
        assert.equal(patched.body.drip_per_minute, 6);
        assert.equal(patched.body.auto_relink, false);

        const gone = await w.call('DELETE', '/api/accounts/main');
        assert.deepEqual(gone.body, { success: true,
            message: 'Account deleted successfully' });
        assertError(await w.call('GET', `/api/accounts/${made.id}`), 404,
            'ACCOUNT_NOT_FOUND');
        assertError(await w.call('DELETE', '/api/accounts/main'), 404,
            'ACCOUNT_NOT_FOUND');
    });

    const invalid = [
        ['name missing', {}, ['name']],
        ['name empty', { name: '' }, ['name']],
        ['name null', { name: null }, ['name']],
        ['name a number', { name: 5 }, ['name']],
        ['name too long', { name: 'x'.repeat(121) }, ['name']],
        ['session_id with a slash', { name: 'x', session_id: 'a/b' },
            ['session_id']],
        ['session_id too long', { name: 'x', session_id: 'x'.repeat(65) },
            ['session_id']],
        ['description too long', { name: 'x', description: 'x'.repeat(1001) },
            ['description']],
        ['metadata a string', { name: 'x', metadata: 'x' }, ['metadata']],
        ['metadata too large', { name: 'x', metadata: { a:
            'x'.repeat(17000) } }, ['metadata']],
        ['auto_relink a string', { name: 'x', auto_relink: 'yes' },
            ['auto_relink']],
        ['another provider', { name: 'x', provider: 'cloud' }, ['provider']],
        ['a proxy', { name: 'x', proxy: 'socks5://x' }, ['proxy']],
        ['several at once', { name: '', session_id: '', auto_relink: 1 },
            ['name', 'session_id', 'auto_relink']],
    ];

    for (const [name, body, fields] of invalid) {
        test(`create refuses: ${name}`, async () => {
            const e = assertError(await w.call('POST', '/api/accounts',
                { body }), 400, 'VALIDATION_ERROR');
            assert.deepEqual(fieldsOf(e), fields);
            assert.deepEqual((await w.call('GET', '/api/accounts')).body, []);
        });
    }

    test('both spellings with different values contradict', async () => {
        assertError(await w.call('POST', '/api/accounts', { body: {
            name: 'x', user_id: 'a', userId: 'b' } }), 400,
        'CONFLICTING_PARAMETERS');
    });

    const urls = [
        ['ftp://example.org/', 'INVALID_URL'],
        ['http://', 'INVALID_URL'],
        ['http://user:pw@example.org/', 'INVALID_URL'],
        ['http://example.org\\@10.0.0.1/', 'INVALID_URL'],
        ['http://exa mple.org/', 'INVALID_URL'],
        ['http://example.org:99999/', 'INVALID_URL'],
        [`http://example.org/${'x'.repeat(2048)}`, 'INVALID_URL'],
        ['http://10.0.0.1/', 'URL_NOT_ALLOWED'],
        ['http://169.254.169.254/latest', 'URL_NOT_ALLOWED'],
        ['http://0xa.1/', 'URL_NOT_ALLOWED'],
        ['http://167772161/', 'URL_NOT_ALLOWED'],
        ['http://[::1]/', 'URL_NOT_ALLOWED'],
        ['http://[::ffff:10.0.0.1]/', 'URL_NOT_ALLOWED'],
        ['http://[64:ff9b::a00:1]/', 'URL_NOT_ALLOWED'],
        ['http://[fd00::1]/', 'URL_NOT_ALLOWED'],
        ['http://[fe80::1]/', 'URL_NOT_ALLOWED'],
        ['http://[2002:a00:1::]/', 'URL_NOT_ALLOWED'],
        ['http://0.0.0.0/', 'URL_NOT_ALLOWED'],
        ['http://224.0.0.1/', 'URL_NOT_ALLOWED'],
    ];

    test('webhook URLs are checked', async () => {
        for (const [url, code] of urls) {
            const res = await w.call('POST', '/api/accounts',
                { body: { name: 'x', webhook_url: url } });
            assert.deepEqual(fieldsOf(assertError(res, 400, code)),
                ['webhook_url'], url);
        }
    });

    test('the webhook is set, changed and removed', async () => {
        const { id } = await create();
        const path = `/api/accounts/${id}/webhook`;
        for (const url of ['https://example.org/a', null,
            'http://[2606:4700::1111]:8080/x']) {
            const res = await w.call('PUT', path,
                { body: { webhook_url: url } });
            assert.equal(res.status, 200, res.text);
            assert.equal(res.body.webhook_url, url);
            assert.equal((await w.call('GET', `/api/accounts/${id}`))
                .body.webhook_url, url);
        }
        assertError(await w.call('PUT', path, { body: {} }), 400,
            'VALIDATION_ERROR');
        assertError(await w.call('PUT', path,
            { body: { webhook_url: 'http://10.1.1.1/' } }), 400,
        'URL_NOT_ALLOWED');
        assertError(await w.call('PUT', path, { body: { webhook_url: 7 } }),
            400, 'INVALID_URL');
        await removeAll();
    });

    test('a taken session_id is ALREADY_EXISTS, a freed one is free',
        async () => {
            await create({ session_id: 'twice' });
            assertError(await w.call('POST', '/api/accounts', { body: {
                name: 'x', session_id: 'twice' } }), 409, 'ALREADY_EXISTS');
            await w.call('DELETE', '/session/twice');
            await create({ session_id: 'twice' });
            await removeAll();
        });

    test('the limit is MAX_ACCOUNT_LIMIT_REACHED until one is deleted',
        async () => {
            const made = [];
            for (let i = 0; i < 5; i++) {
                made.push(await create({ name: `n${i}` }));
            }
            assert.deepEqual(made.map(a => a.is_default),
                [true, false, false, false, false]);
            const res = await w.call('POST', '/api/accounts',
                { body: { name: 'six' } });
            const e = assertError(res, 429, 'MAX_ACCOUNT_LIMIT_REACHED');
            assert.deepEqual(e.details, { current: 5, max: 5 });
            assert.equal(res.headers['retry-after'], undefined);
            await w.call('DELETE', `/api/accounts/${made[2].id}`);
            await create({ name: 'six' });
            await removeAll();
        });

    test('creations at the same moment respect the limit and the names',
        async () => {
            const all = await Promise.all(Array.from({ length: 12 },
                (_, i) => w.call('POST', '/api/accounts',
                    { body: { name: 'x', session_id: `s${i % 6}` } })));
            const count = status => all.filter(r => r.status === status)
                .length;
            assert.equal(count(201), 5);
            assert.equal(count(201) + count(409) + count(429), 12);
            await removeAll();
        });

    test('pages', async () => {
        for (let i = 0; i < 5; i++) {
            await create({ name: `n${i}`, session_id: `p${i}` });
        }
        const names = async query => {
            const res = await w.call('GET', `/api/accounts?${query}`);
            assert.equal(res.status, 200, res.text);
            return [res.body.map(a => a.name), res.headers];
        };
        const [all] = await names('');
        assert.deepEqual([...all].sort(), ['n0', 'n1', 'n2', 'n3', 'n4']);
        let [got, headers] = await names('limit=2');
        assert.deepEqual(got, all.slice(0, 2));
        assert.equal(headers['x-total-count'], '5');
        assert.match(headers.link,
            /^<\/api\/accounts\?limit=2&offset=2>; rel="next"$/);
        [got, headers] = await names('limit=2&offset=4');
        assert.deepEqual(got, all.slice(4));
        assert.equal(headers.link, undefined);
        [got] = await names('limit=2&page=2');
        assert.deepEqual(got, all.slice(2, 4));
        [got] = await names('offset=99');
        assert.deepEqual(got, []);
        [got] = await names('limit=100000');
        assert.equal(got.length, 5);
        [, headers] = await names(`limit=1&provider=web&api_key=${w.apiKey}`);
        assert.match(headers.link, /provider=web/);
        assert.doesNotMatch(headers.link, /api_key/);
        [got] = await names('provider=cloud');
        assert.deepEqual(got, []);

        for (const query of ['limit=0', 'limit=-1', 'limit=x', 'offset=-1',
            'offset=100001', 'page=0', 'limit=', 'limit=1.5', 'limit=%zz']) {
            assertError(await w.call('GET', `/api/accounts?${query}`), 400,
                'INVALID_PARAMETER');
        }
        assertError(await w.call('GET', '/api/accounts?page=1&offset=1'),
            400, 'CONFLICTING_PARAMETERS');
        await removeAll();
    });

    test('delete takes keep_history and logout as booleans', async () => {
        const { id } = await create();
        for (const query of ['logout=maybe', 'keep_history=2']) {
            assertError(await w.call('DELETE', `/api/accounts/${id}?${query}`),
                400, 'INVALID_PARAMETER');
        }
        assert.equal((await w.call('DELETE',
            `/api/accounts/${id}?logout=false&keep_history=1`)).status, 200);
    });

    test('one default at a time', async () => {
        const a = await create({ session_id: 'a' });
        const b = await create({ session_id: 'b' });
        assert.equal((await w.call('PATCH', '/api/accounts/b',
            { body: { is_default: true } })).body.is_default, true);
        await w.until(async () => (await w.call('GET', '/api/accounts/a'))
            .body.is_default === false);
        const status = await w.call('GET', '/api/connection/status');
        assert.equal(status.body.account_id, b.id);
        await w.call('DELETE', '/api/accounts/b');
        assert.equal((await w.call('GET', '/api/connection/status'))
            .body.account_id, a.id, 'without a default it is the oldest');
        await removeAll();
    });

    test('an id that does not exist is the same 404 on every row',
        async () => {
            const rows = [['GET', ''], ['PATCH', ''], ['DELETE', ''],
                ['PUT', '/webhook'], ['GET', '/qr'], ['POST', '/start'],
                ['POST', '/stop'], ['POST', '/restart'], ['POST', '/logout'],
                ['POST', '/relink'], ['POST', '/messages'],
                ['POST', '/messages/send'], ['POST', '/send']];
            for (const ref of [ABSENT, 'nobody', 'a.b', 'a%20b', 'ü']) {
                for (const [method, rest] of rows) {
                    const res = await w.call(method,
                        `/api/accounts/${ref}${rest}`);
                    assertError(res, 404, 'ACCOUNT_NOT_FOUND');
                }
            }
        });

    test('references 002 and 004 call it SESSION_NOT_FOUND', async () => {
        for (const [method, path] of [['GET', '/session/x/status'],
            ['GET', '/session/x/qr'], ['DELETE', '/session/x'],
            ['POST', '/session/x/disconnect'], ['POST', '/session/x/send'],
            ['POST', '/session/x/regenerate-qr'],
            ['GET', '/api/whatsapp/session/status/x']]) {
            assertError(await w.call(method, path), 404, 'SESSION_NOT_FOUND');
        }
    });
});

// -- an account that cannot reach WhatsApp ---------------------------------

describe('the selected account', () => {
    after(removeAll);

    test('without any account', async () => {
        assert.deepEqual((await w.call('GET', '/api/connection/status')).body,
            { status: 'disconnected', jid: null, hasQR: false,
                account_id: null, state: null });
        for (const [method, path] of [['GET', '/api/connection/qr'],
            ['POST', '/api/connection/restart'],
            ['POST', '/api/messages']]) {
            assertError(await w.call(method, path,
                method === 'GET' ? {} : { body: { to: '4917012345',
                    text: 'x' } }), 404, 'ACCOUNT_NOT_FOUND');
        }
    });

    test('the selectors', async () => {
        const a = await create({ session_id: 'a' });
        const b = await create({ session_id: 'b' });
        const get = async (query, headers) => {
            const res = await w.call('GET',
                `/api/connection/status${query}`, { headers });
            return res.status === 200 ? res.body.account_id : res;
        };
        assert.equal(await get(''), a.id);
        assert.equal(await get('?account=b'), b.id);
        assert.equal(await get(`?account=${b.id}`), b.id);
        assert.equal(await get('', { 'X-Wahub-Account': 'b' }), b.id);
        assert.equal(await get('?account=b', { 'X-Wahub-Account': 'b' }),
            b.id);
        assertError(await get('?account=a', { 'X-Wahub-Account': 'b' }), 400,
            'CONFLICTING_PARAMETERS');
        assertError(await get('?account=zzz'), 404, 'ACCOUNT_NOT_FOUND');

        for (const name of ['account', 'account_id', 'session_id',
            'sessionId', 'phoneNumberId']) {
            const res = await w.call('POST', '/api/connection/restart',
                { body: { [name]: 'b' } });
            assert.equal(res.status, 200, res.text);
        }
        assertError(await w.call('POST', '/api/connection/restart',
            { body: { account: 'a', sessionId: 'b' } }), 400,
        'CONFLICTING_PARAMETERS');
        assertError(await w.call('POST', '/api/connection/restart?account=a',
            { body: { account: 'b' } }), 400, 'CONFLICTING_PARAMETERS');
        assertError(await w.call('POST', '/api/connection/restart',
            { body: { account: 1 } }), 400, 'VALIDATION_ERROR');
        await removeAll();
    });

    test('every vocabulary for a stopped account', async () => {
        const { id } = await create({ session_id: 'v' });
        const stop = await w.call('POST', `/api/accounts/${id}/stop`);
        assert.equal(stop.status, 200, stop.text);
        assert.equal(stop.body.state, 'STOPPED');
        assert.equal(stop.body.status, 'DISCONNECTED');
        assert.equal(stop.body.is_active, false);

        const status = (await w.call('GET', '/api/connection/status')).body;
        assert.equal(status.status, 'disconnected');
        assert.equal(status.state, 'STOPPED');

        const sessions = (await w.call('GET', '/tenant/sessions')).body;
        assert.equal(sessions.count, 1);
        const [row] = sessions.sessions;
        assert.equal(row.status, 'disconnected');
        assert.equal(row.connected, false);
        assert.equal(row.user, null);
        assert.deepEqual(Object.keys(row).sort(), ['connected',
            'connected_at', 'created_at', 'description', 'id', 'is_active',
            'last_seen_at', 'metadata', 'name', 'session_id', 'status',
            'tenant_id', 'updated_at', 'user', 'whatsapp_number']);

        const session = (await w.call('GET', '/session/v/status')).body;
        assert.equal(session.sessionId, 'v');
        assert.equal(session.status, 'disconnected');
        assert.equal(session.state, 'STOPPED');
        assert.equal(session.qr, null);
        assert.equal(session.whatsapp_number, null);

        const item = (await w.call('GET',
            '/api/whatsapp/session/status/v')).body;
        assert.equal(item.success, true);
        assert.equal(item.data.status, 'session_not_connected');
        assert.equal(item.data.userId, 'system');
        assert.equal(item.data.qrImage, null);
        for (const flag of ['isConnected', 'needsQR', 'isLoading',
            'hasError']) {
            assert.equal(item.data[flag], false, flag);
        }

        const list = (await w.call('GET',
            '/api/whatsapp/session/list-realtime')).body;
        assert.deepEqual(list.summary, { connected: 0, disconnected: 1,
            loading: 0, needsQR: 0, error: 0, total: 1 });
        assert.equal(list.data[0].hasQR, false);
        assert.match(list.timestamp, ISO);
        const filtered = async query => (await w.call('GET',
            `/api/whatsapp/session/list-realtime?${query}`)).body.summary;
        assert.equal((await filtered('status=disconnected')).total, 1);
        assert.equal((await filtered('status=session_not_connected')).total,
            1);
        assert.equal((await filtered('status=connected')).total, 0);
        assert.equal((await filtered('userId=system')).total, 1);
        assert.equal((await filtered('userId=other')).total, 0);
        assertError(await w.call('GET',
            '/api/whatsapp/session/list-realtime?status=nonsense'), 400,
        'INVALID_PARAMETER');
        await removeAll();
    });

    test('no QR is 404 and tells the state', async () => {
        await create({ session_id: 'q' });
        await w.call('POST', '/session/q/disconnect');
        for (const path of ['/api/accounts/q/qr', '/api/connection/qr',
            '/api/accounts/q/qr?format=png', '/api/accounts/q/qr?format=svg',
            '/api/accounts/q/qr?format=txt', '/api/connection/qr/image',
            '/session/q/qr']) {
            const e = assertError(await w.call('GET', path), 404,
                'QR_NOT_AVAILABLE');
            assert.equal(e.details.state, 'STOPPED');
        }
        assertError(await w.call('GET', '/api/accounts/q/qr?format=gif'),
            400, 'INVALID_PARAMETER');
        for (const size of ['99', '1025', 'x', '']) {
            assertError(await w.call('GET',
                `/api/connection/qr/image?size=${size}`), 400,
            'INVALID_PARAMETER');
        }
        await removeAll();
    });

    test('POST /tenant/sessions answers a session row', async () => {
        const res = await w.call('POST', '/tenant/sessions',
            { body: { session_id: 's1', name: 'S', description: 'd' } });
        assert.equal(res.status, 201, res.text);
        assert.equal(res.body.session_id, 's1');
        assert.equal(res.body.status, 'pending');
        assertError(await w.call('POST', '/tenant/sessions',
            { body: { session_id: 's1', name: 'S' } }), 409,
        'ALREADY_EXISTS');
        assert.deepEqual(fieldsOf(assertError(await w.call('POST',
            '/tenant/sessions', { body: {} }), 400, 'VALIDATION_ERROR')),
        ['session_id', 'name']);
        assert.deepEqual((await w.call('DELETE', '/session/s1')).body,
            { success: true, message: 'Session deleted successfully' });
    });
});

// -- sending, as far as it can be refused ----------------------------------

describe('sending', () => {
    before(async () => {
        await create({ session_id: 'tx' });
        await w.call('POST', '/api/accounts/tx/stop');
    });

    after(removeAll);

    const refused = [
        ['no recipient', { text: 'x' }, 'MISSING_RECIPIENT'],
        ['empty recipient', { to: '', text: 'x' }, 'MISSING_RECIPIENT'],
        ['a name', { to: 'bob', text: 'x' }, 'INVALID_RECIPIENT'],
        ['four digits', { to: '1234', text: 'x' }, 'INVALID_RECIPIENT'],
        ['21 digits', { to: '1'.repeat(21), text: 'x' }, 'INVALID_RECIPIENT'],
        ['a leading 00', { to: '004917012345', text: 'x' },
            'INVALID_RECIPIENT'],
        ['a foreign server', { to: '123456@evil.org', text: 'x' },
            'INVALID_RECIPIENT'],
        ['a long recipient', { to: '1'.repeat(200), text: 'x' },
            'INVALID_RECIPIENT'],
        ['a number as recipient', { to: 491701234567, text: 'x' },
            'INVALID_RECIPIENT'],
        ['two recipients', { to: '491701234567', jid: '491701234568',
            text: 'x' }, 'CONFLICTING_PARAMETERS'],
        ['no text', { to: '491701234567' }, 'MISSING_CONTENT'],
        ['empty text', { to: '491701234567', text: '' }, 'MISSING_CONTENT'],
        ['text a number', { to: '491701234567', text: 5 },
            'VALIDATION_ERROR'],
        ['text too long', { to: '491701234567', text: 'x'.repeat(65537) },
            'VALIDATION_ERROR'],
        ['two texts', { to: '491701234567', text: 'a', message: 'b' },
            'CONFLICTING_PARAMETERS'],
        ['an image', { to: '491701234567', type: 'image', text: 'x' },
            'VALIDATION_ERROR'],
        ['a media URL', { to: '491701234567', media_url: 'http://x/y',
            text: 'x' }, 'VALIDATION_ERROR'],
        ['the queue', { to: '491701234567', text: 'x', mode: 'queue' },
            'VALIDATION_ERROR'],
        ['queue: true', { to: '491701234567', text: 'x', queue: true },
            'VALIDATION_ERROR'],
        ['a long client id', { to: '491701234567', text: 'x',
            client_message_id: 'x'.repeat(129) }, 'VALIDATION_ERROR'],
        ['metadata too large', { to: '491701234567', text: 'x',
            metadata: { a: 'x'.repeat(5000) } }, 'VALIDATION_ERROR'],
        ['an unknown wait', { to: '491701234567', text: 'x', wait: 'ever' },
            'INVALID_PARAMETER'],
    ];

    for (const [name, body, code] of refused) {
        test(`${name} is ${code}`, async () => {
            assertError(await w.call('POST', '/api/accounts/tx/messages',
                { body }), 400, code);
        });
    }

    test('a stopped account is ACCOUNT_NOT_READY, 409, on every row',
        async () => {
            const body = { to: '+49 (170) 1234-567', message: 'x' };
            for (const path of ['/api/accounts/tx/messages', '/api/messages',
                '/api/accounts/tx/messages/send', '/api/accounts/tx/send',
                '/api/actions/send/text', '/session/tx/send',
                '/api/messages/send', '/api/v1/messages']) {
                const e = assertError(await w.call('POST', path, { body }),
                    409, 'ACCOUNT_NOT_READY');
                assert.equal(e.details.state, 'STOPPED');
            }
        });

    test('the members may lie in "content"', async () => {
        assertError(await w.call('POST', '/api/messages', { body: {
            to: '491701234567', type: 'TEXT', content: { text: 'x' } } }),
        409, 'ACCOUNT_NOT_READY');
        assertError(await w.call('POST', '/api/messages', { body: {
            to: '491701234567', text: 'y', content: { text: 'x' } } }), 400,
        'CONFLICTING_PARAMETERS');
    });

    test('an account that comes back by itself is 503', async () => {
        await w.call('POST', '/api/accounts/tx/start');
        const body = { to: '491701234567', text: 'x' };
        const res = await w.call('POST', '/api/accounts/tx/messages',
            { body });
        const e = assertError(res, 503, 'ACCOUNT_NOT_READY');
        assert.match(e.details.state, /^(CONNECTING|DISCONNECTED)$/);
    });
});

// -- health ----------------------------------------------------------------

describe('health', () => {
    test('says what is up, and sessions only to who may read', async () => {
        await create({ session_id: 'h' });
        const open = await w.call('GET', '/health', { key: null });
        assert.equal(open.status, 200);
        assert.equal(open.body.status, 'ok');
        assert.match(open.body.timestamp, ISO);
        assert.ok(Number.isInteger(open.body.uptime));
        assert.deepEqual(open.body.services, { database: 'healthy',
            redis: 'healthy', queues: 'healthy' });
        assert.deepEqual(open.body.sessions, []);
        assert.deepEqual(open.body.queue, { totalProcessed: 0 });

        const mine = await w.call('GET', '/api/health');
        assert.deepEqual(mine.body.sessions,
            [{ sessionId: 'h', connected: false }]);
        assert.deepEqual(mine.body.queue, { h: { queueSize: 0 },
            totalProcessed: 0 });
        await removeAll();
    });

    test('live and ready', async () => {
        assert.deepEqual((await w.call('GET', '/api/health/live',
            { key: null })).body, { alive: true });
        assert.deepEqual((await w.call('GET', '/api/health/ready',
            { key: null })).body, { ready: true });
    });

    test('without Redis: degraded, 503 everywhere, and back again',
        async () => {
            await create({ session_id: 'r' });
            await w.redisStop();
            await w.until(async () => (await w.call('GET', '/health'))
                .status === 503);
            const { body } = await w.call('GET', '/health');
            assert.equal(body.status, 'degraded');
            assert.equal(body.services.redis, 'unhealthy');
            assert.equal((await w.call('GET', '/api/health/ready')).status,
                503);
            assert.equal((await w.call('GET', '/api/health/live')).status,
                200);
            for (const [method, path] of [['GET', '/api/accounts'],
                ['GET', '/api/accounts/r'], ['POST', '/api/accounts/r/stop'],
                ['GET', '/tenant/sessions']]) {
                assertError(await w.call(method, path), 503,
                    'STORE_UNAVAILABLE');
            }
            assertError(await w.call('POST', '/api/accounts',
                { body: { name: 'x' } }), 503, 'STORE_UNAVAILABLE');

            await w.redisStart();
            await w.until(async () => (await w.call('GET', '/health'))
                .status === 200);
            await w.until(async () => (await w.call('POST',
                '/api/accounts/r/stop')).status === 200);
            assert.equal((await w.call('GET', '/api/accounts/r')).body.state,
                'STOPPED');
            await removeAll();
        });
});

// -- logs ------------------------------------------------------------------

describe('logs', () => {
    test('the variables name tenant, account, request and error', async () => {
        const { id } = await create({ session_id: 'log' });
        await w.call('GET', '/api/accounts/log',
            { headers: { 'X-Request-Id': 'log-1' } });
        await w.call('GET', '/api/accounts/none',
            { headers: { 'X-Request-Id': 'log-2' } });
        await w.until(() => w.accessLog().includes('log-2'));
        const lines = w.accessLog().split('\n');
        const one = lines.find(l => l.includes('log-1'));
        const two = lines.find(l => l.includes('log-2'));
        assert.ok(one.includes('default') && one.includes(id), one);
        assert.ok(two.includes('ACCOUNT_NOT_FOUND'), two);
        // nginx itself logs this one, with the request line
        await w.call('GET', `/api/accounts/denied?a=1&api_key=${w.apiKey}`,
            { at: w.openUrl, headers: { 'X-Request-Id': 'log-3' } });
        await w.until(() => w.accessLog().includes('log-3'));
        assert.match(w.errorLog(), /denied\?a=1&api_key=\*+ HTTP/);
        assert.ok(!w.accessLog().includes(w.apiKey));
        assert.ok(!w.errorLog().includes(w.apiKey));
        await removeAll();
    });
});
