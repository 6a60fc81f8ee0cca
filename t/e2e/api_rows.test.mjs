// The HTTP contract of the rows, as far as no phone is needed: accounts whose
// WhatsApp cannot be reached, sends that are refused, hostile input, health.
import assert from 'node:assert/strict';
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

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const ABSENT = '00000000-0000-4000-8000-000000000000';

// -- accounts --------------------------------------------------------------

describe('accounts', () => {
    after(() => w.removeAll());

    test('create, read, list, change, delete', async () => {
        const made = await w.create({ name: 'Büro', session_id: 'main',
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
        ['no number to pair with', { name: 'x', pairing_phone: 'none' },
            ['pairing_phone']],
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
        const { id } = await w.create();
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
        await w.removeAll();
    });

    test('a taken session_id is ALREADY_EXISTS, a freed one is free',
        async () => {
            await w.create({ session_id: 'twice' });
            assertError(await w.call('POST', '/api/accounts', { body: {
                name: 'x', session_id: 'twice' } }), 409, 'ALREADY_EXISTS');
            await w.call('DELETE', '/session/twice');
            await w.create({ session_id: 'twice' });
            await w.removeAll();
        });

    test('the limit is MAX_ACCOUNT_LIMIT_REACHED until one is deleted',
        async () => {
            const made = [];
            for (let i = 0; i < 5; i++) {
                made.push(await w.create({ name: `n${i}` }));
            }
            assert.deepEqual(made.map(a => a.is_default),
                [true, false, false, false, false]);
            const res = await w.call('POST', '/api/accounts',
                { body: { name: 'six' } });
            const e = assertError(res, 429, 'MAX_ACCOUNT_LIMIT_REACHED');
            assert.deepEqual(e.details, { current: 5, max: 5 });
            assert.equal(res.headers['retry-after'], undefined);
            await w.call('DELETE', `/api/accounts/${made[2].id}`);
            await w.create({ name: 'six' });
            await w.removeAll();
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
            await w.removeAll();
        });

    test('pages', async () => {
        for (let i = 0; i < 5; i++) {
            await w.create({ name: `n${i}`, session_id: `p${i}` });
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
        for (const query of ['provider=cloud', 'provider=external',
            'state=READY', 'state=PASSKEY']) {
            [got] = await names(query);
            assert.deepEqual(got, [], query);
        }

        for (const query of ['limit=0', 'limit=-1', 'limit=x', 'offset=-1',
            'offset=100001', 'page=0', 'limit=', 'limit=1.5', 'limit=%zz',
            'provider=nobody', 'state=ready', 'state=WAITING']) {
            assertError(await w.call('GET', `/api/accounts?${query}`), 400,
                'INVALID_PARAMETER');
        }
        assertError(await w.call('GET', '/api/accounts?page=1&offset=1'),
            400, 'CONFLICTING_PARAMETERS');
        await w.removeAll();
    });

    test('delete takes keep_history and logout as booleans', async () => {
        const { id } = await w.create();
        for (const query of ['logout=maybe', 'keep_history=2']) {
            assertError(await w.call('DELETE', `/api/accounts/${id}?${query}`),
                400, 'INVALID_PARAMETER');
        }
        assert.equal((await w.call('DELETE',
            `/api/accounts/${id}?logout=false&keep_history=1`)).status, 200);
    });

    test('one default at a time', async () => {
        const a = await w.create({ session_id: 'a' });
        const b = await w.create({ session_id: 'b' });
        assert.equal((await w.call('PATCH', '/api/accounts/b',
            { body: { is_default: true } })).body.is_default, true);
        await w.until(async () => (await w.call('GET', '/api/accounts/a'))
            .body.is_default === false);
        const status = await w.call('GET', '/api/connection/status');
        assert.equal(status.body.account_id, b.id);
        await w.call('DELETE', '/api/accounts/b');
        assert.equal((await w.call('GET', '/api/connection/status'))
            .body.account_id, a.id, 'without a default it is the oldest');
        await w.removeAll();
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
    after(() => w.removeAll());

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
        const a = await w.create({ session_id: 'a' });
        const b = await w.create({ session_id: 'b' });
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
        await w.removeAll();
    });

    test('every vocabulary for a stopped account', async () => {
        const { id } = await w.create({ session_id: 'v' });
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
        await w.removeAll();
    });

    test('no QR is 404 and tells the state', async () => {
        await w.create({ session_id: 'q' });
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
        await w.removeAll();
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
        await w.create({ session_id: 'tx' });
        await w.call('POST', '/api/accounts/tx/stop');
    });

    after(() => w.removeAll());

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
        ['an image that is not there', { to: '491701234567', type: 'image',
            text: 'x' }, 'MISSING_CONTENT'],
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
            'VALIDATION_ERROR'],
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

    test('no other account than that of the path', async () => {
        const { id } = (await w.call('GET', '/api/accounts/tx')).body;
        for (const path of ['/api/accounts/tx/messages',
            '/session/tx/send', `/api/accounts/${id}/send`]) {
            const said = async account => assertError(await w.call('POST',
                path, { body: { to: '491701234567', message: 'x',
                    account } }), ...(account === 'other'
                ? [400, 'CONFLICTING_PARAMETERS']
                : [409, 'ACCOUNT_NOT_READY']));
            await said('other');
            await said('tx');
            await said(id);
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

// -- hostile input ---------------------------------------------------------

/** Numbers that look random and are the same in every run. */
function mulberry(seed) {
    return () => {
        seed = (seed + 0x6d2b79f5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

describe('hostile input', () => {
    before(async () => {
        await w.create({ session_id: 'fz' });
        await w.call('POST', '/api/accounts/fz/stop');
    });

    after(() => w.removeAll());

    test('never gives a 5xx, and errors keep their shape', async () => {
        const random = mulberry(20260101);
        const pick = list => list[Math.floor(random() * list.length)];
        const values = ['', 'x', 'fz', ABSENT, 0, -1, 1e308, 2 ** 53, true,
            null, [], {}, [[]], { a: { b: [1] } }, '\u0001', '\u2028',
            'x'.repeat(300), '%00', '../..', "' OR 1=1", '<script>',
            '4917012345', '4917012345@s.whatsapp.net', '1@lid', '@', '::',
            'http://[', 'http://a:b@c', 'http://10.0.0.1', 'status@broadcast',
            '\ud83d\ude00'];
        const names = ['name', 'session_id', 'webhook_url', 'metadata', 'to',
            'jid', 'text', 'message', 'type', 'account', 'content', 'wait',
            'is_default', 'description', 'provider', 'client_message_id',
            'quoted_id', 'mode', 'limit', 'offset', 'format', 'size'];
        const paths = ['/api/accounts', '/api/accounts/fz',
            '/api/accounts/fz/webhook', '/api/accounts/fz/messages',
            '/api/accounts/fz/qr', '/api/messages', '/api/messages/send',
            '/session/fz/send', '/session/fz', '/session/fz/qr',
            '/api/connection/status', '/api/connection/qr/image',
            '/tenant/sessions', '/api/whatsapp/session/list-realtime',
            '/api/accounts/%SLOT%', '/session/%SLOT%/status', '/%SLOT%'];
        for (let i = 0; i < 1500; i++) {
            const method = pick(['GET', 'POST', 'PUT', 'PATCH', 'HEAD',
                'DELETE']);
            const slot = encodeURIComponent(String(pick(values)));
            let path = pick(paths).replace('%SLOT%', slot);
            if (method === 'DELETE' && /fz/.test(path)) {
                continue;
            }
            if (random() < 0.5) {
                path += `?${pick(names)}=${encodeURIComponent(
                    String(pick(values)))}`;
            }
            const body = Object.fromEntries(Array.from({ length: 3 },
                () => [pick(names), pick(values)]));
            let text = JSON.stringify(body);
            if (random() < 0.2) {
                text = text.slice(0, Math.floor(random() * text.length));
            }
            const res = await w.call(method, path,
                method === 'GET' || method === 'HEAD' ? {} : { text });
            const what = `${method} ${path} ${text}: ${res.status}`;
            assert.ok(res.status < 500, what);
            if (res.status >= 400 && method !== 'HEAD'
                && res.headers['x-request-id'] !== undefined) {
                assertError(res, res.status, res.body?.error_code);
            }
            if (res.status === 201) {
                await w.call('DELETE', `/api/accounts/${res.body.id}`);
            }
        }
    });

    test('clients that go away harm nobody', async () => {
        const random = mulberry(7);
        const rows = [['GET', '/api/accounts'], ['GET', '/api/accounts/fz'],
            ['GET', '/health'], ['POST', '/api/accounts/fz/stop'],
            ['PATCH', '/api/accounts/fz'], ['GET', '/api/connection/status'],
            ['POST', '/api/accounts/fz/messages']];
        await Promise.all(Array.from({ length: 300 }, (_, i) => new Promise(
            done => {
                const [method, path] = rows[i % rows.length];
                const text = '{"name":"fz","to":"4917012345","text":"x"}';
                const req = http.request(w.url + path, { method, headers: {
                    'X-Api-Key': w.apiKey, ...(method === 'GET' ? {} : {
                        'Content-Type': 'application/json',
                        'Content-Length': text.length }) } });
                req.on('error', () => {});
                req.on('close', done);
                req.on('response', res => res.resume());
                if (method === 'GET') {
                    req.end();
                } else if (random() < 0.3) {
                    req.write(text.slice(0, 10));
                } else {
                    req.end(text);
                }
                setTimeout(() => req.destroy(), random() * 6);
            })));
        const { status, body } = await w.call('GET', '/api/accounts/fz');
        assert.equal(status, 200);
        assert.equal(body.state, 'STOPPED');
    });
});

// -- health ----------------------------------------------------------------

describe('health', () => {
    test('says what is up, and sessions only to who may read', async () => {
        await w.create({ session_id: 'h' });
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
        await w.removeAll();
    });

    test('live and ready', async () => {
        assert.deepEqual((await w.call('GET', '/api/health/live',
            { key: null })).body, { alive: true });
        assert.deepEqual((await w.call('GET', '/api/health/ready',
            { key: null })).body, { ready: true });
    });

    test('without Redis: degraded, 503 everywhere, and back again',
        async () => {
            await w.create({ session_id: 'r' });
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
            await w.removeAll();
        });
});

// -- logs ------------------------------------------------------------------

describe('logs', () => {
    test('the variables name tenant, account, request and error', async () => {
        const { id } = await w.create({ session_id: 'log' });
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
        await w.removeAll();
    });
});
