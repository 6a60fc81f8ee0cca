// A client version that WhatsApp finds too old: the present one is looked for
// where WhatsApp names it, kept in Redis, and used; and what is told when it
// cannot be found.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createGate } from 'node:net';
import { after, afterEach, before, it } from 'node:test';
import { RedisServer } from './lib/redis.mjs';
import { Stage, until } from './lib/stage.mjs';
import { freePort, Wahub } from './lib/wahub.mjs';

const BUILT_IN = 1045649367;

let s, sim, w, page;
const asked = [];
let build;

before(async () => {
    const port = await freePort();
    page = createServer((req, res) => {
        asked.push(req.headers);
        if (build === undefined) {
            res.writeHead(503).end('no');
            return;
        }
        // late in the page, and split where it hurts
        res.writeHead(200, { 'content-type': 'text/html' });
        res.write(`<html>${'x'.repeat(200000)}"client_rev`);
        setTimeout(() => res.end(`ision":${build},"tier":1}</html>`), 20);
    }).listen(port, '127.0.0.1');
    await once(page, 'listening');
    s = await Stage.start({ workers: 2,
        env: { WAHUB_VERSION_URL: `http://127.0.0.1:${port}/` } });
    ({ sim, w } = s);
});

afterEach(() => s.checkClean());

after(async () => {
    page.close();
    await s.close();
});

const versionOf = link => link.payload.userAgent.appVersion.tertiary;

async function restart(id) {
    const r = await w.api('POST', `/api/accounts/${id}/restart`);
    return r.state;
}

it('is replaced by the one that the page names', async () => {
    const me = await s.me('Version');
    assert.equal(versionOf(me.device.link), BUILT_IN);
    await s.settled(me);
    sim.options.minBuild = BUILT_IN + 10;
    build = BUILT_IN + 20;
    const next = sim.next('login', d => d === me.device);
    await restart(me.id);
    await next;
    assert.equal(versionOf(me.device.link), build);
    await w.state(me.id, 'READY');
    assert.equal(asked.length, 1);
    assert.match(asked[0]['user-agent'], /Chrome\/\d+/);
    assert.equal(asked[0]['sec-fetch-mode'], 'navigate');
    assert.equal(await w.redis('get', 'wahub:version'), `2.3000.${build}`);
    assert.equal(w.events.of('session.error', me.id).length, 0);
    const told = w.events.of('session.disconnected', me.id).at(-1);
    assert.match(told.data.reason, /too old \(405\)/);

    // what is new is known to all from the start
    await w.stop();
    const again = sim.next('login', d => d === me.device);
    await w.start();
    await again;
    assert.equal(versionOf(me.device.link), build);
    await w.state(me.id, 'READY');
    assert.equal(asked.length, 1);
});

it('is an error that says so when there is none', async () => {
    const { id } = await w.create({ name: 'Old' });
    await w.qr(id);
    sim.options.minBuild = build + 10;
    await restart(id);
    const a = await w.state(id, 'ERROR');
    assert.match(a.reason, /no newer one was found: its page names no newer/);
    const e = await w.events.wait(x => x.type === 'session.error'
        && x.account_id === id);
    assert.equal(e.data.code, 405);
    assert.equal(asked.length, 2);

    // another worker has found it: Redis says so, and nobody asks the page
    await w.redis('set', 'wahub:version', `2.3000.${build + 11}`);
    await w.api('POST', `/api/accounts/${id}/start`);
    await w.qr(id);
    assert.equal(asked.length, 2);
    sim.options.minBuild = 0;
});

it('is not looked for again and again', async () => {
    sim.options.minBuild = 2 ** 31;
    build = undefined;
    const made = [await w.create({ name: 'A' }), await w.create({ name: 'B' }),
        await w.create({ name: 'C' })];
    for (const { id } of made) {
        const a = await w.state(id, 'ERROR');
        assert.match(a.reason, /405/);
    }
    const before = asked.length;
    // at most one look for each worker
    assert.ok(before <= 4, `${before} requests`);
    await w.api('POST', `/api/accounts/${made[0].id}/start`);
    await w.state(made[0].id, 'ERROR');
    assert.equal(asked.length, before);
    sim.options.minBuild = 0;
});

/** Hands on what a worker and Redis tell each other; what heard(bytes) of the
 *  worker gives is awaited before it hears Redis again. */
async function openGate(to, heard) {
    const gate = createGate(worker => {
        const server = connect(to, '127.0.0.1');
        let held;
        worker.on('data', bytes => {
            held = heard(bytes) ?? held;
            server.write(bytes);
        });
        server.on('data', async bytes => {
            await held;
            worker.write(bytes);
        });
        for (const [end, other] of [[worker, server], [server, worker]]) {
            end.on('close', () => other.destroy()).on('error', () => {});
        }
    }).listen(0, '127.0.0.1');
    await once(gate, 'listening');
    return gate;
}

it('may be asked for by a worker that ends', async () => {
    const redis = await new RedisServer().start();
    let open, asks;
    const question = new Promise(done => {
        asks = done;
    });
    const gate = await openGate(redis.port, bytes => {
        // its last words
        if (open !== undefined && bytes.includes('ZREM')) {
            open();
        }
        if (sim.options.minBuild === 0
            || !bytes.includes('$3\r\nGET\r\n$13\r\nwahub:version')) {
            return undefined;
        }
        asks();
        return new Promise(done => {
            open = done;
        });
    });
    const other = new Wahub({ sim, redis, workers: 1, env: {
        WAHUB_REDIS: `redis://127.0.0.1:${gate.address().port}` } });
    try {
        await other.start();
        const [pid] = other.pids().workers;
        sim.options.minBuild = 2 ** 31;
        await other.create({ name: 'Late' });
        await question;
        process.kill(pid, 'SIGTERM');
        assert.equal(await until('it has ended', () => new RegExp(
            `worker process ${pid} exited (.*)`).exec(other.log())?.[1]),
        'with code 0');
    } finally {
        sim.options.minBuild = 0;
        open?.();
        await other.close();
        gate.close();
        await redis.close();
    }
});
