// Accounts behind a proxy: HTTP CONNECT and SOCKS5, with and without
// credentials; another proxy makes another connection; proxies that refuse,
// are silent or talk nonsense; and where a user's proxy may not be.
import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';
import { Proxy } from '../sim/proxy.mjs';
import { Stage, until } from './lib/stage.mjs';

const PASSWORD = 'p@ss:wörd/%';

let s, sim, w, open, closed, me;

before(async () => {
    open = await new Proxy().listen();
    closed = await new Proxy({ user: 'me&you', password: PASSWORD }).listen();
    s = await Stage.start();
    ({ sim, w } = s);
});

afterEach(async () => {
    open.fault = undefined;
    assert.deepEqual([...open.problems, ...closed.problems], []);
    await s.checkClean();
});

after(async () => {
    open.close();
    closed.close();
    await s.close();
});

const set = (id, proxy) => w.request('PATCH', `/api/accounts/${id}`,
    { proxy });

/** Changes the proxy and awaits the login that follows. */
async function change(proxy) {
    const next = sim.next('login', d => d === me.device);
    const r = await set(me.id, proxy);
    assert.equal(r.status, 200, r.raw.toString());
    await next;
    await w.state(me.id, 'READY');
    return r.json;
}

it('links an account through it', async () => {
    me = await s.me('Proxied', { proxy: open.url('socks5') });
    await s.settled(me);
    assert.ok(open.tunnels.length >= 2); // pairing, login
    assert.ok(open.tunnels.every(t => t.kind === 'socks5'
        && t.target === `127.0.0.1:${sim.port}`));
    assert.equal((await w.account(me.id)).proxy, open.url('socks5'));
    await sim.phone().sendText(me.account, 'through it');
    await w.received('through it');
});

it('connects anew by another one, with credentials, never shown', async () => {
    const a = await change(closed.url('socks5h'));
    assert.equal(a.proxy, closed.url('socks5h').replace(/:[^:@]*@/, ':***@'));
    assert.equal(closed.tunnels.length, 1);
    await change(closed.url('http'));
    assert.deepEqual(closed.tunnels.map(t => t.kind), ['socks5', 'http']);
    const secret = encodeURIComponent(PASSWORD);
    const list = await w.request('GET', '/api/accounts');
    assert.ok(!list.raw.includes(secret));
    assert.ok(!JSON.stringify(w.events.all).includes(secret));
    w.checkSecrets(secret, PASSWORD);
    const [key] = (await w.redis('--scan', '--pattern', `*:a:${me.id}`))
        .split('\n');
    const records = await w.redis('hgetall', key);
    assert.match(records, /proxy/);
    assert.ok(!records.includes(secret));
});

it('is kept over a restart', async () => {
    const before = closed.tunnels.length;
    await w.stop();
    const next = sim.next('login', d => d === me.device);
    await w.start();
    await next;
    await w.state(me.id, 'READY');
    assert.equal(closed.tunnels.length, before + 1);
    assert.equal(closed.tunnels.at(-1).kind, 'http');
    // the name changes nothing
    const r = await w.request('PATCH', `/api/accounts/${me.id}`,
        { name: 'Other', proxy: closed.url('http') });
    assert.equal(r.status, 200);
    assert.equal((await w.account(me.id)).state, 'READY');
    assert.equal(closed.tunnels.length, before + 1);
});

it('says what is wrong with it, and goes on trying', async () => {
    const wrong = `http://me:nobody@127.0.0.1:${closed.port}`;
    for (const [fault, proxy, reason] of [
        [undefined, wrong, /proxy: it wants other credentials/],
        [undefined, wrong.replace('http', 'socks5'), /wants other credent/],
        ['refuse', open.url('socks5'), /proxy: it does not connect/],
        ['refuse', open.url('http'), /proxy: it does not connect/],
        ['early', open.url('http'), /proxy: it does not connect/],
        ['garbage', open.url('http'), /proxy: its answer is too long/],
        ['garbage', open.url('socks5'), /proxy: it does not speak SOCKS5/],
        [undefined, 'http://127.0.0.1:1', /connection refused/],
    ]) {
        open.fault = fault;
        const since = w.events.all.length;
        assert.equal((await set(me.id, proxy)).status, 200);
        await w.events.wait(e => e.type === 'session.disconnected'
            && w.events.all.indexOf(e) >= since && reason.test(e.data.reason),
        `${proxy} ${fault}: ${reason}`);
    }
    open.fault = 'drip';
    await change(open.url('http'));
    await change(open.url('socks5'));
    await change(null);
    assert.equal((await w.account(me.id)).proxy, null);
});

it('must be a proxy, and not in the operator\'s network', async () => {
    for (const [proxy, code] of [
        ['socks4://127.0.0.1:1080', 'INVALID_URL'],
        ['https://proxy.example:443', 'INVALID_URL'],
        ['socks5://proxy.example', 'INVALID_URL'],
        ['http://a%0d%0aX:b@proxy.example:1', 'INVALID_URL'],
        ['http://:b@proxy.example:1', 'INVALID_URL'],
        ['http://proxy.example:1/path', 'INVALID_URL'],
        [`http://${'u'.repeat(256)}@proxy.example:1`, 'INVALID_URL'],
        [7, 'INVALID_URL'],
        ['http://10.0.0.1:8080', 'URL_NOT_ALLOWED'],
        ['socks5://[::1]:1080', 'URL_NOT_ALLOWED'],
        ['socks5://2852039166:1080', 'URL_NOT_ALLOWED'],
    ]) {
        const r = await set(me.id, proxy);
        assert.equal(r.status, 400, String(proxy));
        const { code: got, details } = r.json.error;
        assert.equal(details.fields?.[0].code ?? got, code, String(proxy));
    }
    assert.equal((await w.account(me.id)).state, 'READY');
    await until('ready', async () =>
        (await w.account(me.id)).state === 'READY');
});
