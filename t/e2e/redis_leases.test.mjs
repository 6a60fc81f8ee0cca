// Who may act: workers that sleep or lose Redis longer than their lease say
// nothing, and shards move once when instances come and go.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { freePort, Hook, Wahub } from './lib/wahub.mjs';
import { RedisServer } from './lib/redis.mjs';
import { numbers, Stage, until } from './lib/stage.mjs';

const SHARDS = 256;
const LEASE_MS = 2000;
const CONF = 'wahub_lease 2s;';
const CALM_CONF = 'wahub_lease 5s;'; // kept by a machine that stands still

const calm = ms => new Promise(r => setTimeout(r, ms));

/** Bytes that arrive on a socket of the simulator from now on. */
function listen(link) {
    const heard = { bytes: 0, closed: false };
    link.ws._socket.on('data', d => {
        heard.bytes += d.length;
    });
    link.ws._socket.on('close', () => {
        heard.closed = true;
    });
    return heard;
}

describe('one worker', () => {
    let s, w, redis, me, ann;

    before(async () => {
        redis = await new RedisServer().start();
        s = await Stage.start({ redis, workers: 1, conf: CONF });
        ({ w } = s);
        w.allowedAlerts.push(/worker process \d+ exited on signal 9/);
        me = await s.me('lease');
        ann = await s.env.person('ann', 0);
        await ann.phone.sendText(me.account, 'hello');
        await w.received('hello');
        await s.sent(me, ann.account.pn, 'hello back');
        await s.settled(me);
    });

    afterEach(() => s.checkClean());

    after(async () => {
        await s.close();
        await redis.close();
    });

    /** Nothing is heard from `link` once the lease is over, but its end. */
    async function falls(link, texts, enter) {
        await enter();
        for (const t of texts) {
            await ann.phone.sendText(me.account, t);
        }
        // what was on its way when the lease ended
        await calm(LEASE_MS / 2);
        const heard = listen(link);
        await until('the end of the socket', () => heard.closed,
            2 * LEASE_MS);
        assert.equal(heard.bytes, 0);
        assert.ok(me.device.mailbox.entries.length >= texts.length);
    }

    async function rises(texts) {
        await until('READY', async () => (await w.patient('GET',
            `/api/accounts/${me.id}`)).state === 'READY');
        await s.env.drained(me.device);
        for (const t of texts) {
            await w.received(t);
        }
        s.checkOnce();
    }

    it('that cannot renew falls silent', async () => {
        const texts = numbers('refusing', 5);
        const port = await freePort();
        await falls(me.device.link, texts, () =>
            redis.call('replicaof', '127.0.0.1', port));
        const r = await w.send(me.id, ann.account.pn, 'nobody acts');
        assert.equal(r.status, 503);
        await redis.call('replicaof', 'no', 'one');
        await rises(texts);
        assert.deepEqual(s.seen(ann, 'nobody acts'), [[]]);
    });

    it('that slept longer than its lease says nothing', async () => {
        const { link } = me.device;
        const [pid] = w.pids().workers;
        const texts = numbers('asleep', 5);
        const { logins } = me.device;
        process.kill(pid, 'SIGSTOP');
        for (const t of texts) {
            await ann.phone.sendText(me.account, t);
        }
        // a question that is answered at once when a client hears it
        link.request({ type: 'get', xmlns: 'urn:xmpp:ping' }, undefined,
            { timeoutMs: 60000 }).catch(() => undefined);
        await until('the end of its leases', async () =>
            await redis.call('--scan', '--pattern', 'wahub:*:lease') === '');
        const heard = listen(link);
        process.kill(pid, 'SIGCONT');
        await until('the end of the socket', () => heard.closed);
        assert.equal(heard.bytes, 0);
        await rises(texts);
        assert.equal(me.device.logins, logins + 1);
    });

    it('that is killed is not called READY', async () => {
        const { workers: [pid] } = w.pids();
        process.kill(pid, 'SIGKILL');
        await until('another worker', () => {
            const { workers } = w.pids();
            return workers.length === 1 && workers[0] !== pid && workers[0];
        });
        const view = await w.patient('GET', `/api/accounts/${me.id}`);
        const leased = await redis.call('--scan', '--pattern',
            'wahub:*:lease');
        assert.notEqual(leased, '', 'asked before the lease ended');
        assert.equal(view.state, 'CONNECTING');
        await rises([]);
    });
});

describe('two instances', () => {
    const ACCOUNTS = 16;
    let s, a, b, redis, hook, ann, people;

    before(async () => {
        redis = await new RedisServer().start();
        s = await Stage.start({ redis, conf: CALM_CONF });
        a = s.w;
        hook = await new Hook().listen();
        ann = await s.env.person('ann', 0);
        await until('all shards held', async () =>
            (await leases()).length === SHARDS);
        people = await Promise.all(Array.from({ length: ACCOUNTS },
            (_, i) => s.me(`member ${i}`, { webhook_url: hook.url })));
    });

    afterEach(() => s.checkClean());

    after(async () => {
        hook.close();
        await b?.close();
        await s.close();
        await redis.close();
    });

    async function values(name) {
        const keys = (await redis.call('--scan', '--pattern',
            `wahub:*:${name}`)).split('\n').filter(k => k !== '');
        return keys.length === 0 ? []
            : (await redis.call('mget', ...keys)).split('\n')
                .filter(v => v !== '');
    }

    const leases = async () => (await values('lease'))
        .map(v => Number(/-(\d+):\d+$/.exec(v)[1]));

    /** How often any shard has been taken so far: what Redis has written
     *  down, over its restarts too. */
    function taken() {
        const dir = join(redis.dir, 'appendonlydir');
        return readdirSync(dir).map(f => readFileSync(join(dir, f), 'latin1')
            .match(/\r\nset\r\n\$\d+\r\n[^\r]*:epoch\r\n/gi)?.length ?? 0)
            .reduce((sum, n) => sum + n, 0);
    }

    async function settled(pids) {
        await until(`all shards at ${pids.length} workers`, async () => {
            const held = await leases();
            return held.length === SHARDS && new Set(held).size
                === pids.length && held.every(pid => pids.includes(pid));
        });
        await until('every account has a socket', () =>
            people.every(p => p.device.link !== undefined));
        // time in which a restless cluster would move something
        await calm(2 * LEASE_MS);
    }

    const logins = () => people.map(p => p.device.logins);

    async function allWork(name) {
        await Promise.all(people.map(async (p, i) => {
            await ann.phone.sendText(p.account, `${name} ${i}`);
            await hook.wait(x => x.text === `${name} ${i}`
                && x.account_id === p.id);
        }));
        assert.deepEqual(hook.posts.map(x => x.body.text)
            .filter(x => x.startsWith(`${name} `)).sort(),
        numbers(name, ACCOUNTS).sort());
    }

    /** Runs `change`; each shard in `moved(held)` was taken once, each
     *  account logged in at most once. */
    async function once(change, pids, moved) {
        const before = { taken: taken(), logins: logins() };
        await change();
        await settled(pids());
        const held = await leases();
        const took = taken() - before.taken;
        assert.equal(took, moved(held), 'shards taken');
        const more = logins().map((n, i) => n - before.logins[i]);
        assert.ok(more.every(n => n <= 1), `logins ${more}`);
        return { took, more: more.filter(n => n > 0).length };
    }

    const all = () => [...a.pids().workers, ...b.pids().workers];

    it('a second one takes about half, once', async t => {
        await settled(a.pids().workers);
        b = new Wahub({ sim: s.sim, conf: CALM_CONF, mate: a });
        const mine = held => held.filter(pid =>
            b.pids().workers.includes(pid)).length;
        const { took, more } = await once(() => b.start(), all, mine);
        t.diagnostic(`${took} shards, ${more} accounts moved`);
        assert.ok(took > SHARDS / 3 && took < 2 * SHARDS / 3, `${took}`);
        await allWork('spread');
    });

    it('Redis away longer than the lease: everybody takes his own again',
        async t => {
            const of = async () => (await values('lease')).map(v =>
                v.replace(/:\d+$/, '')).sort();
            const before = await of();
            const { took } = await once(async () => {
                await redis.kill();
                await until('no account has a socket', () =>
                    people.every(p => p.device.link === undefined));
                await redis.start();
            }, all, () => SHARDS);
            t.diagnostic(`${took} shards taken`);
            assert.deepEqual(await of(), before);
            await allWork('returned');
        });

    it('the second goes: its half moves back, once', async t => {
        const mine = (await leases()).filter(pid =>
            b.pids().workers.includes(pid)).length;
        const { took, more } = await once(() => b.stop(),
            () => a.pids().workers, () => mine);
        t.diagnostic(`${took} shards, ${more} accounts moved`);
        await allWork('gathered');
    });
});
