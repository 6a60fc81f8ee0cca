// Two wahubs on two networks. One is cut off from Redis, or from everything:
// it stops by itself when its lease is over, the other one takes over, and
// when the network is whole again there is one owner and nothing is lost or
// doubled.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { clean, compare, Ledger, withoutRepeats } from '../chaos/audit.mjs';
import { FenceWatch } from './lib/fence_watch.mjs';
import { Host, hubAddress, inHub, missing } from './lib/netns.mjs';
import { SimEnv } from './lib/sim_env.mjs';
import { Stage, until } from './lib/stage.mjs';
import { freePort, Hook, Wahub } from './lib/wahub.mjs';

const LEASE_MS = 3000;
const TAKEOVER_MS = LEASE_MS + 8000; // busy machines
const ACCOUNTS = 16;
const PACE_MS = 80;
const WHATSAPP = '10.77.9.1'; // and the webhook
const REDIS = '10.77.8.1';
const nets = n => ({
    whatsapp: { hub: `10.77.${n}.1`, own: `10.77.${n}.2`, reach: WHATSAPP },
    redis: { hub: `10.77.${n + 1}.1`, own: `10.77.${n + 1}.2`,
        reach: REDIS },
});

const reason = process.env.WAHUB_TEST_IN_HUB === undefined
    ? missing() : undefined;

if (reason !== undefined) {
    it('two instances, partitioned', { skip: reason }, () => {});
    process.stdout.write(`${reason}\n`);
} else if (await inHub(import.meta.filename)) {
    partitions();
}

function partitions() {
    let s, sim, a, b, hosts, redis, hook, ann, people, watch, frames;

    before(async () => {
        hubAddress(WHATSAPP);
        hubAddress(REDIS);
        redis = await startRedis();
        hosts = [await Host.start(nets(1)), await Host.start(nets(3))];
        const env = await SimEnv.start({ host: WHATSAPP,
            trace: (conn, way, stanza) => way === 'in' && frames.push({
                at: Date.now(), from: conn.peer, tag: stanza.tag }) });
        frames = [];
        sim = env.sim;
        hook = await new Hook().listen(WHATSAPP);
        [a, b] = [1, 3].map((n, i) => new Wahub({ sim, redis,
            address: `10.77.${n}.2`, inside: hosts[i].inside(),
            conf: `wahub_lease ${LEASE_MS}ms;`,
            env: { WAHUB_WEBHOOK_ALLOW: '10.0.0.0/8' } }));
        b.mate = a;
        await a.start();
        await b.start();
        watch = await new FenceWatch(redis.socket).start();
        s = new Stage(env, a);
        ann = await env.person('ann', 0);
        await bothHold();
        people = await Promise.all(Array.from({ length: ACCOUNTS }, (_, i) =>
            s.me(`account ${i}`, { w: [a, b][i % 2],
                webhook_url: hook.url })));
        await Promise.all(people.map(p => s.settled(p)));
        await settledDown();
    });

    after(async () => {
        hosts?.forEach(h => h.heal());
        watch?.close();
        hook?.close();
        try {
            await b?.close();
            await a?.close();
        } finally {
            await s?.env.stop();
            hosts?.forEach(h => h.close());
            await redis?.stop();
        }
    });

    /** How many shards each instance holds, by the processes behind the
     *  leases. */
    async function shards() {
        const keys = (await a.redis('--scan', '--pattern', 'wahub:*:lease'))
            .split('\n').filter(k => k !== '');
        const values = keys.length === 0 ? []
            : (await a.redis('mget', ...keys)).split('\n');
        return [a, b].map(w => {
            const { workers } = w.pids();
            return values.filter(v => workers.includes(
                Number(/-(\d+):\d+$/.exec(v)?.[1]))).length;
        });
    }

    const bothHold = () => until('both hold their shards', async () => {
        const [x, y] = await shards();
        return x + y === 256 && x > 96 && y > 96;
    }, 60000);

    const of = w => people.filter(p =>
        p.device.link?.peer.startsWith(`${w.address}:`));

    /** Both hold their shards, and some accounts. */
    async function settledDown() {
        await bothHold();
        await until('every account has a socket, some with each', () =>
            of(a).length > 1 && of(b).length > 1
            && of(a).length + of(b).length === ACCOUNTS);
    }

    /** Texts both ways with every account; sends go through `b`. */
    class Traffic {
        constructor(name) {
            this.name = name;
            this.ledger = new Ledger();
            this.running = true;
            this.work = people.flatMap((p, i) =>
                [this.receive(p, i), this.send(p, i)]);
            this.work.forEach(w => w.catch(() => undefined));
        }

        async receive(p, i) {
            for (let n = 0; this.running; n++) {
                const text = `${this.name} ${i} in ${n}`;
                const { id } = await ann.phone.sendText(p.account, text);
                this.ledger.say('in', `${i} in`, text, id).me = p;
                await pause(PACE_MS);
            }
        }

        async send(p, i) {
            for (let n = 0; this.running; n++) {
                const text = `${this.name} ${i} out ${n}`;
                const r = await b.patient('POST',
                    `/api/accounts/${p.id}/messages`, { text,
                        to: ann.account.pn, client_message_id: text },
                    60000);
                this.ledger.say('out', `${i} out`, text, r.message_id);
                await pause(PACE_MS);
            }
        }

        async more(count) {
            const size = this.ledger.messages.size + count;
            await until(`${count} more texts`, () =>
                this.ledger.messages.size >= size, 60000);
        }

        async check() {
            this.running = false;
            await Promise.all(this.work);
            const inbound = this.ledger.of(m => m.key === 'in');
            const outbound = this.ledger.of(m => m.key === 'out');
            const mine = t => t?.startsWith(`${this.name} `);
            const posts = () => hook.posts.map(({ body }) => body)
                .filter(x => mine(x.text));
            const seen = () => ann.inbox.filter(m => mine(m.text));
            await until('every post', () => new Set(posts().map(x =>
                x.text)).size >= inbound.length, 60000).catch(() => {});
            await until('every text at the contact', () =>
                seen().length >= outbound.length).catch(() => {});
            const once = withoutRepeats(posts().map(x => ({ text: x.text,
                id: x.message_id, event: x.event_id })));
            const [i, o] = [compare(inbound, once.posts),
                compare(outbound, seen())];
            assert.ok(clean(i), JSON.stringify(i));
            assert.ok(clean(o), JSON.stringify(o));
            return `${inbound.length} in, ${outbound.length} out, `
                + `${once.repeated} posts repeated`;
        }
    }

    /** Cuts links of a, watches what both do, heals. */
    async function partition(t, name, links, meanwhile) {
        await settledDown();
        const cutOff = of(a);
        let replaced = 0;
        sim.on('replaced', () => replaced++);
        const traffic = new Traffic(name);
        await traffic.more(40);
        const begun = Date.now();
        hosts[0].cut(...links);
        await meanwhile?.(begun);
        await until('the other one takes over', () =>
            of(b).length === ACCOUNTS, TAKEOVER_MS);
        const took = Date.now() - begun;
        await traffic.more(60);
        const alone = Date.now();
        hosts[0].heal();
        await settledDown();
        await traffic.more(40);
        const told = await traffic.check();
        // one owner, and he is calm
        const logins = () => people.map(p => p.device.logins).join();
        await until('nobody fights for an account', async () => {
            const seen = logins();
            await pause(1000);
            return seen === logins() && people.every(p =>
                p.device.link !== undefined);
        });
        assert.equal([...sim.connections].filter(c => c.device !== undefined
            && !c.closed).length, ACCOUNTS);
        const late = frames.filter(f => f.at > begun + LEASE_MS + 500
            && f.at < alone && f.from.startsWith(`${a.address}:`));
        assert.deepEqual(late, [], 'sent after the lease');
        assert.deepEqual(watch.stale, [], 'written after the lease');
        assert.ok(watch.writes > 0, 'writes were watched');
        for (const p of people) {
            await until('READY', async () =>
                (await b.account(p.id)).state === 'READY');
        }
        s.env.checkClean();
        t.diagnostic(`${cutOff.length} accounts taken over after `
            + `${took} ms, ${replaced} sockets replaced; ${told}; `
            + `${watch.writes} writes, ${watch.refused} refused`);
        return replaced;
    }

    it('the watch sees a write under an old epoch', async () => {
        const commit = epoch => a.redis('eval',
            "redis.call('SET', KEYS[1], ARGV[1]) "
            + "return redis.call('XADD', KEYS[2], '*', 'e', ARGV[1])", '2',
            'watch:{s999}:lease', 'watch:{s999}:log', `member:${epoch}`);
        await commit(7);
        await commit(6);
        await until('what was seen', () => watch.stale.length > 0);
        assert.deepEqual(watch.stale.splice(0).map(x =>
            [x.shard, x.epoch, x.newest]), [['999', 6, 7]]);
        await a.redis('del', 'watch:{s999}:lease', 'watch:{s999}:log');
    });

    describe('an instance', () => {
        it('cut off from Redis', async t => {
            const replaced = await partition(t, 'redis', ['redis'],
                async () => {
                    const [p] = of(a);
                    const r = await until('503', async () => {
                        const x = await a.send(p.id, ann.account.pn,
                            'never sent');
                        return x.status === 503 && x;
                    });
                    assert.ok(Number(r.headers.get('retry-after')) > 0);
                    const health = await a.request('GET', '/health');
                    assert.equal(health.status, 503);
                });
            // it hung up before the other one logged in
            assert.equal(replaced, 0);
            assert.deepEqual(s.seen(ann, 'never sent'), [[]]);
        });

        it('cut off from everything', t => partition(t, 'all',
            ['redis', 'whatsapp']));

        it('cut off for less than its lease', async () => {
            await settledDown();
            const before = people.map(p => p.device.logins).join();
            const traffic = new Traffic('short');
            await traffic.more(40);
            hosts[0].cut('redis');
            await pause(LEASE_MS / 4);
            hosts[0].heal();
            await traffic.more(40);
            await traffic.check();
            assert.equal(people.map(p => p.device.logins).join(), before,
                'its accounts stay where they are');
            assert.deepEqual(watch.stale, []);
            s.env.checkClean();
        });
    });
}

/** A Redis on the hub's network, for both; with a socket for ourselves. */
async function startRedis() {
    const dir = mkdtempSync(join(tmpdir(), 'wahub-redis-'));
    const socket = join(dir, 'redis.sock');
    const port = await freePort();
    const child = spawn('redis-server', ['--port', port, '--bind', REDIS,
        '--protected-mode', 'no', '--unixsocket', socket, '--dir', dir,
        '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
    { stdio: 'ignore' });
    await until('Redis', () => existsSync(socket));
    return { url: `redis://${REDIS}:${port}/0`, socket, cli: ['-s', socket],
        stop: async () => {
            const gone = new Promise(r => child.once('exit', r));
            child.kill();
            await gone;
            rmSync(dir, { recursive: true, force: true });
        } };
}
