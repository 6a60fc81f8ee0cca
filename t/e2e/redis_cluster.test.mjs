// Redis itself as the judge of one slot: a node of a cluster refuses every
// command and script whose keys leave a slot.  What scripts touch without
// naming it, which it would let pass, its monitor shows.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, afterEach, before, describe, it } from 'node:test';
import { createInterface } from 'node:readline';
import { Hook, Wahub } from './lib/wahub.mjs';
import { RedisServer } from './lib/redis.mjs';
import { numbers, Stage, until } from './lib/stage.mjs';

const CONF = 'wahub_lease 2s;';

let s, sim, w, redis, hook, me, ann, monitor;

/** Compares what scripts do with the keys they were given. */
class Monitor {
    constructor(cli) {
        this.bad = [];
        this.checked = 0;
        this.keys = undefined;
        this.child = spawn('redis-cli', [...cli, 'monitor'],
            { stdio: ['ignore', 'pipe', 'ignore'] });
        this.ready = new Promise(r => {
            createInterface({ input: this.child.stdout }).on('line', line => {
                r();
                this.onLine(line);
            });
        });
    }

    onLine(line) {
        const args = (line.match(/"(?:[^"\\]|\\.)*"/g) ?? [])
            .slice(0, 64).map(a => a.slice(1, -1));
        if (!/^\S+ \[\d+ lua\]/.test(line)) {
            this.keys = /^eval/i.test(args[0] ?? '')
                ? new Set(args.slice(3, 3 + Number(args[2]))) : undefined;
            return;
        }
        const [name, ...rest] = args;
        if (/^(publish|pubsub|time)$/i.test(name)) {
            return;
        }
        const at = /^xinfo$/i.test(name) ? 1 : 0;
        for (const key of /^(del|mget)$/i.test(name) ? rest
            : rest.slice(at, at + 1)) {
            this.checked++;
            if (!this.keys?.has(key)) {
                this.bad.push(`${name} ${key}`);
            }
        }
    }
}

before(async () => {
    redis = await new RedisServer({ cluster: true }).start();
    await redis.call('cluster', 'addslotsrange', 0, 16383);
    await until('the cluster', async () => /cluster_state:ok/.test(
        await redis.call('cluster', 'info')));
    monitor = new Monitor(redis.cli);
    await monitor.ready;
    s = await Stage.start({ redis, conf: CONF });
    ({ sim, w } = s);
    hook = await new Hook().listen();
    ann = await s.env.person('ann', 0);
});

afterEach(() => s.checkClean());

after(async () => {
    monitor.child.kill();
    hook.close();
    await s.close();
    await redis.close();
});

describe('a cluster of one node', () => {
    it('refuses what leaves a slot', async () => {
        const refusal = await redis.call('eval', 'return 1', 2, 'a', 'b');
        assert.match(refusal, /CROSSSLOT/);
    });

    it('links, receives, tells the webhook', async () => {
        me = await s.me('slot', { webhook_url: hook.url, companions: 0 });
        for (const text of numbers('in', 20)) {
            await ann.phone.sendText(me.account, text);
        }
        for (const text of numbers('in', 20)) {
            await hook.wait(b => b.text === text);
        }
        await s.env.drained(me.device);
        s.checkOnce();
    });

    it('sends', async () => {
        for (const text of numbers('out', 20)) {
            await s.sent(me, ann.account.pn, text);
        }
        await s.arrived(ann, 'out 19');
    });

    it('lists, changes, stops, starts', async () => {
        assert.equal((await w.api('GET', '/api/accounts')).length, 1);
        await w.api('PATCH', `/api/accounts/${me.id}`, { name: 'other' });
        await w.api('POST', `/api/accounts/${me.id}/stop`);
        await w.state(me.id, 'STOPPED');
        await w.api('POST', `/api/accounts/${me.id}/start`);
        await w.state(me.id, 'READY');
        const refused = await w.request('POST', '/api/accounts',
            { name: 'twin', session_id: me.id });
        assert.equal(refused.status, 409);
        assert.equal((await w.request('GET', '/health')).status, 200);
    });

    it('relinks', async () => {
        await w.api('POST', `/api/accounts/${me.id}/relink`);
        me.device = await me.phone.scan(await w.qr(me.id));
        await w.state(me.id, 'READY');
        await ann.phone.sendText(me.account, 'linked anew');
        await hook.wait(b => b.text === 'linked anew');
    });

    it('moves shards between instances', async () => {
        const b = await new Wahub({ sim, conf: CONF, mate: w }).start();
        try {
            await s.sent(me, ann.account.pn, 'asked here');
            await b.patient('POST', `/api/accounts/${me.id}/messages`,
                { to: ann.account.pn, text: 'asked there' });
            await s.arrived(ann, 'asked there');
        } finally {
            await b.close();
        }
        await w.state(me.id, 'READY');
    });

    it('deletes, and leaves nothing', async () => {
        await w.api('DELETE', `/api/accounts/${me.id}`);
        assert.equal((await w.request('GET', `/api/accounts/${me.id}`))
            .status, 404);
        const keys = (await redis.call('keys', '*:a:*')).trim();
        assert.equal(keys, '');
    });

    it('has refused nothing of all that', async () => {
        assert.doesNotMatch(w.log(), /CROSSSLOT|MOVED|accesses keys|slot/);
        const errors = (await redis.call('info', 'errorstats'))
            .split(/\r?\n/).filter(l => l.startsWith('errorstat_'));
        // the one of the first test
        assert.deepEqual(errors, ['errorstat_CROSSSLOT:count=1']);
    });

    it('has seen no script touch a key it was not given', t => {
        t.diagnostic(`${monitor.checked} keys`);
        assert.ok(monitor.checked > 1000);
        assert.deepEqual([...new Set(monitor.bad)], []);
    });
});
