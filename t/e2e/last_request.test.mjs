// A worker that is asked to end finishes the requests it has begun, also
// when all they wait for is Redis; the one that comes after it is asked
// before it knows its stores, and answers when it does.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { after, afterEach, before, it } from 'node:test';
import { Stage, until } from './lib/stage.mjs';

let s, w, me, server, base, page;

before(async () => {
    server = createServer((req, res) => page(res)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${server.address().port}`;
    s = await Stage.start({ workers: 1, sim: { media: true } });
    ({ w } = s);
    me = await s.me('last');
    await s.settled(me);
});

afterEach(() => s.checkClean());

after(async () => {
    await s?.close();
    server?.closeAllConnections();
    server?.close();
});

/** A connection of which a request is written in parts. */
class Half {
    static async open() {
        const half = new Half();
        half.got = '';
        half.socket = connect(Number(w.env.PORT), '127.0.0.1');
        half.socket.on('data', d => {
            half.got += d;
        });
        half.end = once(half.socket, 'close');
        await once(half.socket, 'connect');
        return half;
    }
}

const newest = () => w.pids().workers.at(-1);

/** The worker is told to end now, which it does without a crash. */
async function terminated(pid) {
    process.kill(pid, 'SIGTERM');
    assert.equal(await until('the worker has ended', () => new RegExp(
        `worker process ${pid} exited (.*)`).exec(w.log())?.[1]),
    'with code 0');
}

const handedOver = pid => until('the old worker has handed over', () =>
    new RegExp(`${pid}#${pid}: wahub: worker .* has handed over`)
        .test(w.log()));

it('a request that waits for Redis is answered', async () => {
    const client = await Half.open();
    const begun = newest();
    client.socket.write(`GET /api/accounts/${me.id} HTTP/1.1\r\nHost: wahub\r\n`
        + `X-Api-Key: ${w.key}\r\nConnection: close\r\n`);
    // the worker has it: anything that came later is answered
    assert.equal((await w.request('GET', '/health')).status, 200);
    await w.script('reload');
    await handedOver(begun);
    await w.redis('client', 'pause', '1000', 'all');
    client.socket.write('\r\n');
    await client.end;
    assert.match(client.got, /^HTTP\/1\.1 200 /);
    assert.match(client.got, /"state":"/);
    await until('the old worker is gone', () =>
        !w.pids().workers.includes(begun));
});

it('a file that is not on its way yet is told of by a worker that ends '
    + 'at once', async () => {
    const begun = newest();
    me.account.faults.muteIq = 'w:m';
    const asked = s.sim.next('iq', (conn, iq) =>
        conn.device === me.device && iq.attrs.xmlns === 'w:m');
    const answer = w.request('POST', `/api/accounts/${me.id}/messages`,
        { to: me.account.pn, type: 'document', media: { base64:
            randomBytes(100).toString('base64') } });
    await asked;
    await terminated(begun);
    const r = await answer;
    assert.equal(r.status, 503, r.raw.toString());
    assert.equal(r.json.error.code, 'OWNER_UNAVAILABLE');
    delete me.account.faults.muteIq;
    await until('READY', async () => (await w.patient('GET',
        `/api/accounts/${me.id}`)).state === 'READY');
});

it('a file that is fetched for one is awaited', async () => {
    const ann = await s.env.person('ann', 0);
    const client = await Half.open();
    const begun = newest();
    const body = JSON.stringify({ to: ann.account.pn, type: 'document',
        media: { url: `${base}/slow.bin` } });
    client.socket.write(`POST /api/accounts/${me.id}/messages HTTP/1.1\r\n`
        + `Host: wahub\r\nX-Api-Key: ${w.key}\r\nConnection: close\r\n`
        + 'Content-Type: application/json\r\n'
        + `Content-Length: ${body.length}\r\n\r\n{`);
    assert.equal((await w.request('GET', '/health')).status, 200);
    await w.script('reload');
    await handedOver(begun);
    await w.state(me.id, 'READY');
    // longer than a worker stays for the answers of Redis
    page = res => setTimeout(() => res.end(randomBytes(1000)), 6000);
    client.socket.write(body.slice(1));
    await client.end;
    assert.match(client.got, /^HTTP\/1\.1 201 /);
    await until('the old worker is gone', () =>
        !w.pids().workers.includes(begun));
});

it('a request that waits for a Redis that does not answer is told by a '
    + 'worker that ends at once', async () => {
    const begun = newest();
    process.kill(w.redisPid(), 'SIGSTOP');
    let r;
    try {
        const answer = w.request('GET', '/health');
        // the worker has it: anything that came later is answered
        await w.request('GET', '/api/health/live');
        await terminated(begun);
        r = await answer;
    } finally {
        process.kill(w.redisPid(), 'SIGCONT');
    }
    assert.equal(r.status, 503);
    assert.equal(r.json.services.redis, 'unhealthy');
});

it('the first requests of a new worker wait until it knows its stores',
    async () => {
        const begun = await until('a worker', () => newest() > 0
            && newest());
        await w.redis('client', 'pause', '600', 'all');
        await w.reload();
        await until('the old worker leaves', () => new RegExp(
            `${begun}#${begun}: wahub: worker .* leaves`).test(w.log()));
        const answers = await Promise.all(['/health', '/api/health/ready',
            '/api/accounts', `/api/accounts/${me.id}`, '/api/messages']
            .map(path => w.request('GET', path)));
        assert.deepEqual(answers.map(r => r.status),
            [200, 200, 200, 200, 200]);
        await until('the old worker is gone', () =>
            !w.pids().workers.includes(begun));
    });
