// Redis full, a replica, without its disk, loading, slow, stopped, dead: the
// accounts pause, nothing is acked that is not stored, callers are told, and
// all goes on by itself.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, rmdirSync, writeFileSync }
    from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { freePort, Hook } from './lib/wahub.mjs';
import { RedisServer } from './lib/redis.mjs';
import { numbers, Stage, until } from './lib/stage.mjs';

const WORKERS = 2;

let s, w, redis, hook, me, ann;

before(async () => {
    redis = await new RedisServer().start();
    // longer than any of the faults
    s = await Stage.start({ redis, workers: WORKERS,
        conf: 'wahub_lease 30s;' });
    ({ w } = s);
    hook = await new Hook().listen();
    me = await s.me('states', { webhook_url: hook.url });
    ann = await s.env.person('ann', 0);
    await ann.phone.sendText(me.account, 'hello');
    await w.received('hello');
    await s.sent(me, ann.account.pn, 'hello back');
    await s.settled(me);
});

afterEach(() => s.checkClean());

after(async () => {
    hook.close();
    await s.close();
    await redis.close();
});

const health = () => w.request('GET', '/health');
const send = text => w.send(me.id, ann.account.pn, text);

async function degraded() {
    const h = await until('degraded health', async () => {
        const x = await health();
        return x.json.status === 'degraded' && x;
    });
    assert.equal(h.status, 503);
    assert.equal(h.json.services.redis, 'unhealthy');
    assert.ok(Number(h.headers.get('retry-after')) > 0);
}

async function refused(text) {
    const r = await send(text);
    assert.equal(r.status, 503, r.raw.toString());
    assert.equal(r.json.error.code, 'STORE_UNAVAILABLE');
    assert.ok(Number(r.headers.get('retry-after')) > 0);
}

/** Every worker knows: all of some requests, spread over them, agree. */
async function allDegraded() {
    await degraded();
    await until('no worker says ok', async () =>
        (await Promise.all(Array.from({ length: 8 }, health)))
            .every(h => h.status === 503));
}

const lines = (mark, re) => w.log().slice(mark).split('\n')
    .filter(l => re.test(l));

/** While `enter` to `leave`, and afterwards. */
async function through(name, enter, leave, { said, again, sockets = true,
    flips = false }) {
    const mark = w.log().length;
    const { logins } = me.device;
    await enter();
    await allDegraded();
    for (let i = 0; i < 4; i++) {
        await refused(`${name} into nothing ${i}`);
    }
    for (const text of numbers(`${name} in`, 10)) {
        await ann.phone.sendText(me.account, text);
    }
    // time in which an ack would come
    await until('some repeats', () => new Promise(r =>
        setTimeout(() => r(true), 1500)));
    assert.ok(me.device.mailbox.entries.length >= 10,
        'nothing is acked that is not stored');
    assert.deepEqual(hook.posts.filter(p =>
        p.body.text?.startsWith(`${name} in`)), []);
    await leave();
    await until('healthy', async () => (await health()).status === 200);
    for (const text of numbers(`${name} in`, 10)) {
        await hook.wait(b => b.text === text);
    }
    await s.env.drained(me.device);
    const r = await w.patient('POST', `/api/accounts/${me.id}/messages`,
        { to: ann.account.pn, text: `${name} after` });
    assert.ok(['SENT', 'PENDING'].includes(r.status), r.status);
    await s.arrived(ann, `${name} after`);
    assert.deepEqual(hook.posts.map(p => p.body.text)
        .filter(t => t?.startsWith(`${name} in`)),
    numbers(`${name} in`, 10));
    assert.deepEqual(s.seen(ann, name), [[`${name} after`]]);
    // the other worker may hear of it later
    await until('READY', async () => (await w.patient('GET',
        `/api/accounts/${me.id}`)).state === 'READY');
    if (sockets) {
        assert.equal(me.device.logins, logins, 'the socket has stayed');
    }
    const bad = lines(mark, said);
    assert.ok(bad.length >= 1 && bad.length <= WORKERS * 2,
        `${bad.length} lines: ${bad.join('\n')}`);
    if (again !== undefined) {
        // with `flips` it may end as a trouble that was news before
        await until('each worker says that it is over', () =>
            lines(mark, again).length >= (flips ? 1 : WORKERS));
        assert.ok(lines(mark, again).length <= WORKERS);
        assert.ok(flips || bad.length === WORKERS, bad.join('\n'));
    }
    assert.deepEqual(lines(mark, /redis refused/), []);
}

describe('Redis', () => {
    it('full', () => through('full',
        () => redis.config('maxmemory', '1mb'),
        () => redis.config('maxmemory', '0'),
        { said: /redis "[^"]*" is full/, again: /takes writes again/ }));

    it('a replica', async () => {
        const port = await freePort();
        await through('replica',
            () => redis.call('replicaof', '127.0.0.1', port),
            () => redis.call('replicaof', 'no', 'one'),
            { said: /redis "[^"]*" is a replica and takes no writes/,
                again: /takes writes again/ });
    });

    it('a replica that has lost its master', async () => {
        const port = await freePort();
        await redis.config('replica-serve-stale-data', 'no');
        await through('orphan',
            () => redis.call('replicaof', '127.0.0.1', port),
            () => redis.call('replicaof', 'no', 'one'),
            // some commands are answered READONLY
            { said: /redis "[^"]*" is a replica that has lost its master/,
                again: /takes writes again/, flips: true });
    });

    it('without its disk', async () => {
        const file = join(redis.dir, 'dump.rdb');
        const saved = async status => {
            await redis.call('bgsave');
            await until('the end of the save', async () =>
                await redis.info('rdb_last_bgsave_status') === status
                && await redis.info('rdb_bgsave_in_progress') === '0');
        };
        await redis.config('save', '3600 1');
        await through('disk', async () => {
            mkdirSync(file);
            await saved('err');
        }, async () => {
            rmdirSync(file);
            await saved('ok');
        }, { said: /redis "[^"]*" cannot write to its disk/,
            again: /takes writes again/ });
    });

    it('slow: nobody queues up behind it', async () => {
        const mark = w.log().length;
        const bare = () => fetch(`${w.url}/health`).then(r => r.json());
        await redis.call('client', 'pause', 4800, 'all');
        await until('degraded health', async () => (await Promise.all(
            Array.from({ length: 8 }, bare)))
            .every(h => h.status === 'degraded'));
        const took = [];
        for (let i = 0; i < 3; i++) {
            const begun = performance.now();
            await refused(`slow into nothing ${i}`);
            took.push(performance.now() - begun);
        }
        assert.ok(Math.min(...took) < 500, `at once: ${took} ms`);
        await until('healthy', async () =>
            (await bare()).status === 'ok');
        await s.sent(me, ann.account.pn, 'slow after');
        await s.arrived(ann, 'slow after');
        assert.deepEqual(s.seen(ann, 'slow'), [['slow after']]);
        // slow is not away
        assert.deepEqual(lines(mark, /redis connection/), []);
    });

    it('silent', () => through('silent',
        () => process.kill(redis.pid, 'SIGSTOP'),
        () => process.kill(redis.pid, 'SIGCONT'),
        { said: /redis connection \(commands\) .* is down: no answer/ }));

    it('dead, then loading', async () => {
        const mark = w.log().length;
        await redis.call('bgrewriteaof');
        await until('the rewrite', async () =>
            await redis.info('aof_rewrite_in_progress') === '0');
        const keys = Number(await redis.call('dbsize'));
        const plain = readFileSync(redis.conf);
        appendFileSync(redis.conf, `key-load-delay ${
            Math.ceil(5e6 / keys)}\nloading-process-events-interval-bytes `
            + '1024\n');
        try {
            await through('loading', async () => {
                await redis.kill();
                await redis.start({ ready: false });
                await until('"loading" in the log', () =>
                    lines(mark, /is loading its data/).length > 0);
            }, () => undefined, { said: /is loading its data/ });
        } finally {
            writeFileSync(redis.conf, plain);
        }
        await until('each worker has a connection again', () =>
            lines(mark, /redis connection \(commands\).* is up/)
                .length >= WORKERS);
    });

    it('dying under questions: degraded, never another shape', async () => {
        const odd = [];
        let running = true;
        let count = 0;
        const ask = async () => {
            while (running) {
                const h = await health();
                count++;
                if (!['ok', 'degraded'].includes(h.json?.status)) {
                    odd.push(h.raw.toString());
                }
            }
        };
        const asking = Array.from({ length: 8 }, ask);
        for (let i = 0; i < 5; i++) {
            const soon = count + 50;
            await until('questions', () => count > soon);
            await redis.kill();
            await degraded();
            await redis.start();
            await until('healthy', async () =>
                (await health()).status === 200);
        }
        running = false;
        await Promise.all(asking);
        assert.deepEqual(odd, []);
    });

    it('silent under a flood: memory stays bounded', async t => {
        const rss = () => Math.max(...w.pids().workers.map(pid =>
            Number(/VmRSS:\s+(\d+)/.exec(readFileSync(
                `/proc/${pid}/status`, 'utf8'))[1])));
        await until('READY', async () => (await w.patient('GET',
            `/api/accounts/${me.id}`)).state === 'READY');
        const before = rss();
        process.kill(redis.pid, 'SIGSTOP');
        const FLOOD = 1500;
        const pad = 'x'.repeat(2000);
        let peak = before;
        try {
            for (let i = 0; i < FLOOD; i++) {
                await ann.phone.sendText(me.account, `flood ${i} ${pad}`);
                if (i % 100 === 0) {
                    peak = Math.max(peak, rss());
                }
            }
            await degraded();
            await Promise.all(Array.from({ length: 200 }, () =>
                refused('flood into nothing')));
            peak = Math.max(peak, rss());
        } finally {
            process.kill(redis.pid, 'SIGCONT');
        }
        const mine = () => hook.posts.map(p => p.body.text)
            .filter(x => x?.startsWith('flood'));
        await until('all posts', () => mine().length >= FLOOD, 60000);
        await s.env.drained(me.device);
        assert.deepEqual(mine().map(x => Number(x.split(' ')[1])),
            Array.from({ length: FLOOD }, (_, i) => i));
        t.diagnostic(`worker: ${before} KiB, then ${peak} KiB`);
        // AddressSanitizer keeps for a while what was freed
        const room = process.env.WAHUB_NGINX === undefined ? 8192 : 131072;
        assert.ok(peak - before < room, `${before} -> ${peak} KiB`);
    });
});
