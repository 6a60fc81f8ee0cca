// Nothing is lost and nothing doubled while messages flow both ways and
// Redis restarts, Redis is away, or nginx reloads.  What counts: events on
// pub/sub, posts at the webhook, texts at the contacts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Hook } from './lib/wahub.mjs';
import { numbers, Stage, until } from './lib/stage.mjs';

let s, sim, w, hook, me, ann;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
    hook = await new Hook().listen();
    me = await s.me('durable', { webhook_url: hook.url });
    ann = await s.env.person('ann', 0);
    await ann.phone.sendText(me.account, 'hello');
    await w.received('hello');
    await s.sent(me, ann.account.pn, 'hello back');
});

afterEach(() => s.checkClean());

after(async () => {
    hook.close();
    await s.close();
});

const PACE_MS = 8;

/** Texts both ways until stop(); then waits for all and checks them. */
class Traffic {
    constructor(name) {
        this.name = name;
        this.running = true;
        this.inbound = 0;
        this.answers = [];
        this.refused = 0;
        this.slowest = 0;
        // one that fails ends the other
        this.work = [this.receive(), this.send()].map(p => p.finally(() => {
            this.running = false;
        }));
        this.work.forEach(p => p.catch(() => undefined));
    }

    async receive() {
        while (this.running) {
            await ann.phone.sendText(me.account,
                `${this.name} in ${this.inbound++}`);
            await pause(PACE_MS);
        }
    }

    async send() {
        while (this.running) {
            const text = `${this.name} out ${this.answers.length}`;
            const begun = Date.now();
            const r = await until(`an answer to "${text}"`, async () => {
                try {
                    const x = await w.send(me.id, ann.account.pn, text,
                        { client_message_id: text });
                    if (x.status >= 300) {
                        this.refused++;
                        assert.ok([503, 504].includes(x.status),
                            `${x.status} ${x.raw}`);
                        return undefined;
                    }
                    return x;
                } catch (e) {
                    if (e instanceof assert.AssertionError) {
                        throw e;
                    }
                    this.refused++; // the connection was cut
                    return undefined;
                }
            }, 60000);
            this.slowest = Math.max(this.slowest, Date.now() - begun);
            this.answers.push(r.json);
            await pause(PACE_MS);
        }
    }

    /** Resolves when both directions have moved on by `count`. */
    async more(count) {
        const [i, o] = [this.inbound + count, this.answers.length + count];
        await until('traffic', () => !this.running || (this.inbound >= i
            && this.answers.length >= o), 60000);
        if (!this.running) {
            await this.stop();
        }
    }

    async stop() {
        this.running = false;
        await Promise.all(this.work);
    }

    async check({ events = true, repeats = false } = {}) {
        await this.stop();
        const inbound = numbers(`${this.name} in`, this.inbound);
        const outbound = numbers(`${this.name} out`, this.answers.length);
        const posted = () => hook.posts.map(p => p.body)
            .filter(b => b.text?.startsWith(`${this.name} in`));
        await until('all posts', () =>
            new Set(posted().map(b => b.text)).size >= inbound.length, 60000);
        await until('all texts at the contact', () =>
            s.seen(ann, `${this.name} out`)[0].length >= outbound.length);
        await s.env.drained(me.device);
        const texts = posted().map(b => b.text);
        assert.deepEqual(inbound.filter(t => !texts.includes(t)), [], 'lost');
        const again = texts.filter((t, i) => texts.indexOf(t) !== i);
        if (repeats) {
            // an attempt whose end nobody lived to record is made again,
            // and its event_id tells so
            this.repeated = again.length;
            assert.equal(new Set(posted().map(b => b.event_id)).size,
                inbound.length);
        } else {
            assert.deepEqual(again, [], 'doubled');
        }
        assert.deepEqual([...s.seen(ann, `${this.name} out`)[0]].sort(),
            outbound.sort());
        assert.equal(new Set(this.answers.map(a => a.message_id)).size,
            outbound.length);
        if (events) {
            await until('all events', () =>
                s.bodies(`${this.name} in`).length >= inbound.length);
            assert.deepEqual(s.bodies(`${this.name} in`).sort(),
                inbound.sort());
            s.checkOnce();
            s.checkOnce('message.sent');
        }
    }
}

function killRedis() {
    const pid = w.redisPid();
    process.kill(pid, 'SIGKILL');
    return until('Redis is gone', () => {
        try {
            return readFileSync(`/proc/${pid}/stat`, 'utf8')
                .split(') ')[1][0] === 'Z';
        } catch {
            return true;
        }
    });
}

describe('Redis', () => {
    it('killed and started again in the middle of traffic', async t => {
        const { logins } = me.device;
        const traffic = new Traffic('redis');
        await traffic.more(40);
        await killRedis();
        await w.resume();
        await traffic.more(40);
        await killRedis();
        await w.resume();
        await traffic.more(40);
        // pub/sub has no memory: what was published while the subscriber
        // was gone is in the log and at the webhook
        await traffic.check({ events: false, repeats: true });
        t.diagnostic(`${traffic.inbound} in, ${traffic.answers.length} out, `
            + `${traffic.refused} refused, slowest ${traffic.slowest} ms, `
            + `${traffic.repeated} posts repeated, `
            + `${me.device.logins - logins} logins`);
    });

    it('killed while sessions do not fit into memory', async () => {
        const crowd = await Promise.all(Array.from({ length: 40 },
            (_, i) => s.env.person(`crowd ${i}`, 0)));
        const answers = [];
        const round = n => Promise.all(crowd.map(async (p, i) => {
            await p.phone.sendText(me.account, `crowd ${n} in ${i}`);
            answers.push(await w.patient('POST',
                `/api/accounts/${me.id}/messages`, { to: p.account.pn,
                    text: `crowd ${n} out`,
                    client_message_id: `crowd ${n} ${i}` }));
        }));
        for (let n = 0; n < 6; n++) {
            const work = round(n);
            if (n % 2 === 1) {
                await killRedis();
                await w.resume();
            }
            await work;
        }
        const posted = () => hook.posts.map(p => p.body.text)
            .filter(t => t?.startsWith('crowd'));
        await until('all posts', () => posted().length >= 240, 60000);
        await s.env.drained(me.device);
        assert.equal(new Set(posted()).size, 240);
        assert.equal(new Set(hook.posts.map(p => p.body)
            .filter(b => b.text?.startsWith('crowd'))
            .map(b => b.event_id)).size, 240);
        for (const p of crowd) {
            await s.arrived(p, 'crowd 5 out');
            assert.deepEqual(s.seen(p, 'crowd')[0].sort(),
                Array.from({ length: 6 }, (_, n) => `crowd ${n} out`));
        }
        assert.deepEqual(w.events.of('message.undecryptable'), []);
        assert.equal(new Set(answers.map(a => a.message_id)).size, 240);
    });

    it('away for a while: 503, degraded, then all is well', async () => {
        await killRedis();
        const degraded = await until('degraded health', async () => {
            const h = await w.request('GET', '/health');
            assert.equal(h.status, 503);
            return h.json?.status === 'degraded' && h.json;
        });
        assert.equal(degraded.services.redis, 'unhealthy');
        for (const [method, path, body] of [
            ['POST', `/api/accounts/${me.id}/messages`,
                { to: ann.account.pn, text: 'into nothing' }],
            ['GET', `/api/accounts/${me.id}`],
            ['POST', '/api/accounts', { name: 'nowhere' }],
        ]) {
            const r = await w.request(method, path, body);
            assert.equal(r.status, 503, `${path}: ${r.raw.toString()}`);
            assert.equal(r.json.error.code, 'STORE_UNAVAILABLE');
            assert.ok(Number(r.headers.get('retry-after')) > 0);
        }
        const live = await w.request('GET', '/api/health/live');
        assert.equal(live.status, 200);
        // arrives while nothing can be stored: neither acked nor lost
        for (const text of numbers('away', 10)) {
            await ann.phone.sendText(me.account, text);
        }
        // longer than the lease
        await pause(12000);
        assert.ok(me.device.mailbox.entries.length >= 10,
            'nothing is acked while nothing can be stored');
        await w.resume();
        for (const text of numbers('away', 10)) {
            await hook.wait(b => b.text === text);
        }
        await s.env.drained(me.device);
        await until('READY', async () => (await w.patient('GET',
            `/api/accounts/${me.id}`)).state === 'READY');
        // each worker comes back by itself
        await until('good health', async () =>
            (await w.request('GET', '/health')).status === 200);
        await w.patient('POST', `/api/accounts/${me.id}/messages`,
            { to: ann.account.pn, text: 'after the absence' });
        await s.arrived(ann, 'after the absence');
        assert.deepEqual(s.seen(ann, 'into nothing'), [[]]);
        assert.deepEqual(hook.posts.map(p => p.body.text)
            .filter(x => x?.startsWith('away ')), numbers('away', 10));
    });
});

describe('nginx -s reload', () => {
    it('several times in the middle of traffic', async t => {
        const gaps = [];
        let left = 0;
        const down = c => {
            if (c.device === me.device) {
                left = performance.now();
            }
        };
        const up = d => {
            if (d === me.device && left > 0) {
                gaps.push(performance.now() - left);
            }
        };
        sim.on('disconnect', down);
        sim.on('login', up);
        const traffic = new Traffic('reload');
        await traffic.more(30);
        const RELOADS = 5;
        for (let i = 1; i <= RELOADS; i++) {
            const old = w.pids().workers;
            const back = sim.next('login', d => d === me.device);
            await w.script('reload');
            await back;
            await traffic.more(30);
            await until('the old workers are gone', () =>
                !w.pids().workers.some(p => old.includes(p)));
        }
        sim.off('disconnect', down);
        sim.off('login', up);
        await traffic.check();
        const list = gaps.map(g => Math.round(g));
        t.diagnostic(`${traffic.inbound} in, ${traffic.answers.length} out, `
            + `${traffic.refused} refused; without a socket for `
            + `${list.join(', ')} ms`);
        assert.ok(list.length >= RELOADS);
        assert.ok(Math.max(...list) < 5000, `gaps ${list} ms`);
    });

    it('and the binary of the master too', async () => {
        const traffic = new Traffic('upgrade');
        await traffic.more(20);
        const { master } = w.pids();
        const back = sim.next('login', d => d === me.device);
        process.kill(master, 'SIGUSR2');
        const pid = await until('a new master', () => {
            try {
                const id = Number(readFileSync(join(w.data, 'nginx.pid'),
                    'utf8'));
                return id > 0 && id !== master && id;
            } catch {
                return undefined;
            }
        });
        process.kill(master, 'SIGQUIT');
        await back;
        await traffic.more(20);
        await traffic.check();
        assert.equal(w.pids().master, pid);
    });
});

describe('a worker', () => {
    it('killed in the middle of traffic', async t => {
        w.allowedAlerts.push(/worker process \d+ exited on signal 9/);
        const traffic = new Traffic('kill');
        await traffic.more(30);
        const { workers } = w.pids();
        const back = sim.next('login', d => d === me.device);
        const begun = performance.now();
        workers.forEach(p => process.kill(p, 'SIGKILL'));
        await back;
        const gap = Math.round(performance.now() - begun);
        await traffic.more(30);
        await traffic.check({ repeats: true });
        t.diagnostic(`without a socket for ${gap} ms, `
            + `${traffic.refused} refused, `
            + `${traffic.repeated} posts repeated`);
        assert.ok(gap < 15000);
    });
});

describe('what is on disk', () => {
    it('holds no keys, and no texts outside the event log', async () => {
        const text = 'a very private sentence';
        await ann.phone.sendText(me.account, text);
        await w.received(text);
        await s.sent(me, ann.account.pn, `${text}, answered`);
        const secret = readFileSync(join(w.data, 'secret.key'));
        const keys = [w.key, secret.toString('hex'),
            secret.toString('base64'),
            readFileSync(join(w.data, 'admin.key'), 'utf8').trim()];
        w.checkSecrets(text, ...keys);
        const dump = execFileSync('find', [join(w.data, 'redis'), '-type',
            'f', '-size', '+0'], { encoding: 'utf8' }).trim().split('\n')
            .map(f => readFileSync(f));
        assert.ok(dump.length > 0);
        const found = needle => dump.some(d => d.includes(needle));
        // the identity and prekeys of the device, as the server knows them,
        // are public; private ones are not known here, but raw records of
        // libsignal hold the public ones too
        for (const d of [secret, me.device.noisePub, ...keys]) {
            assert.ok(!found(d), 'a key is in Redis');
        }
        assert.ok(!found(me.device.identityPub), 'unsealed credentials');
    });
});
