// The HTTP contract around every row: routes, nginx's own errors,
// credentials, origins, bodies.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { assertError, fieldsOf, startContract } from './lib/contract.mjs';

let w;

before(async () => {
    w = await startContract();
});

after(async () => {
    await w.stop();
});

const ABSENT = '00000000-0000-4000-8000-000000000000';

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
        assert.ok(all.includes('GET /api/groups'));
    });

    test('the README names every row', async () => {
        const { body } = await w.call('GET', '/api', { key: null });
        const plain = text => text.replaceAll(/\{[^}]*\}/g, '{}');
        const readme = plain(readFileSync(new URL('../../README.md',
            import.meta.url), 'utf8'));
        const paths = Object.values(body.endpoints).flatMap(group =>
            Object.keys(group)).map(row => plain(row.split(' ')[1]));
        // as a path, or as its end: `…/leave`, `unmute`
        assert.deepEqual(paths.filter(path => {
            const end = path.split('/');
            return ![path, `…/${end.at(-1)}`, `…/${end.slice(-2).join('/')}`,
                `\`${end.at(-1)}\``].some(x => readme.split(x).slice(1)
                .some(rest => !/^[\w/-]/.test(rest)));
        }), []);
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
            { text: JSON.stringify({ name: 'x'.repeat(22 << 20) }) });
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
        await w.removeAll();
    });
});
