// Two wahubs on one Redis: every account is held once, both answer for all,
// and what one leaves behind the other takes over.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { numbers, Stage, until } from './lib/stage.mjs';
import { Hook, Wahub } from './lib/wahub.mjs';

const ACCOUNTS = 12;
const SHARDS = 256;
const CONF = 'wahub_lease 2s;';

let s, sim, a, b, hook, ann, people, replaced;

before(async () => {
    s = await Stage.start({ conf: CONF });
    ({ sim, w: a } = s);
    replaced = 0;
    sim.on('replaced', () => replaced++);
    hook = await new Hook().listen();
    b = await new Wahub({ sim, conf: CONF, mate: a }).start();
    for (const w of [a, b]) {
        w.allowedAlerts.push(/worker process \d+ exited on signal 9/);
    }
    // a move of shards would cut a pairing short
    await until('all shards spread over four workers', async () => {
        const held = await leases();
        const counts = new Map();
        held.forEach(pid => counts.set(pid, (counts.get(pid) ?? 0) + 1));
        return held.length === SHARDS && counts.size === 4
            && [...counts.values()].every(n => n > SHARDS / 8);
    });
    ann = await s.env.person('ann', 0);
    people = await Promise.all(Array.from({ length: ACCOUNTS }, (_, i) =>
        s.me(`member ${i}`, { w: [a, b][i % 2], webhook_url: hook.url })));
});

afterEach(() => s.checkClean());

after(async () => {
    hook.close();
    await b.close();
    await s.close();
});

/** The pid behind each lease. */
async function leases() {
    const keys = (await a.redis('--scan', '--pattern', 'wahub:*:lease'))
        .split('\n').filter(k => k !== '');
    if (keys.length === 0) {
        return [];
    }
    return (await a.redis('mget', ...keys)).split('\n')
        .map(v => Number(/-(\d+):\d+$/.exec(v)?.[1]))
        .filter(pid => !Number.isNaN(pid));
}

/** Pids of the workers that hold leases, by instance. */
async function holders() {
    const pids = new Set(await leases());
    return [a, b].map(w => {
        try {
            return w.pids().workers.filter(p => pids.has(p));
        } catch {
            return [];
        }
    });
}

/** Every account takes a text and sends one, asked through each of `via`. */
async function allWork(via, name) {
    await Promise.all(people.map(async (p, i) => {
        const text = `${name} ${i}`;
        await ann.phone.sendText(p.account, text);
        await hook.wait(x => x.text === text && x.account_id === p.id);
        for (const [k, w] of via.entries()) {
            const out = `${text} out ${k}`;
            await w.patient('POST', `/api/accounts/${p.id}/messages`,
                { to: ann.account.pn, text: out });
            await s.arrived(ann, out);
        }
    }));
    // a shard may still be on its way to its place
    for (const p of people) {
        await until(`account ${p.id} at rest`, async () =>
            (await via[0].account(p.id)).state === 'READY'
            && p.device.link !== undefined);
    }
    const texts = hook.posts.map(x => x.body.text)
        .filter(t => t.startsWith(`${name} `));
    assert.deepEqual(texts.sort(), numbers(name, ACCOUNTS).sort());
}

const allLinked = () => until('every account has a socket', () =>
    people.every(p => p.device.link !== undefined));

describe('two wahubs', () => {
    it('hold every account once, and both answer', async () => {
        await until('both hold some', async () =>
            (await holders()).every(list => list.length > 0));
        await allLinked();
        assert.equal([...sim.connections].filter(c => c.device !== undefined
            && !c.closed).length, ACCOUNTS);
        await allWork([a, b], 'both');
        assert.equal(replaced, 0);
        const list = await b.api('GET', '/api/accounts');
        assert.deepEqual(list.map(x => x.id).sort(),
            people.map(p => p.id).sort());
    });

    it('share QR codes and settings', async () => {
        const { id } = await a.create({ name: 'shared' });
        const phone = sim.phone();
        await phone.scan(await b.qr(id));
        await a.state(id, 'READY');
        const r = await b.api('PATCH', `/api/accounts/${id}`,
            { name: 'renamed' });
        assert.equal(r.name, 'renamed');
        assert.equal((await a.account(id)).name, 'renamed');
        await b.api('DELETE', `/api/accounts/${id}`);
        assert.equal((await a.request('GET', `/api/accounts/${id}`)).status,
            404);
    });

    it('one stops: the other takes over, nothing is lost', async () => {
        const begun = performance.now();
        const stopping = b.stop();
        for (const t of numbers('during the stop', 30)) {
            await ann.phone.sendText(people[0].account, t);
            await ann.phone.sendText(people[1].account, t);
        }
        await stopping;
        await allLinked();
        const gap = performance.now() - begun;
        for (const p of people.slice(0, 2)) {
            await hook.wait(x => x.account_id === p.id
                && x.text === 'during the stop 29');
            assert.deepEqual(hook.posts.map(x => x.body)
                .filter(x => x.account_id === p.id
                    && x.text.startsWith('during'))
                .map(x => x.text), numbers('during the stop', 30));
        }
        await allWork([a], 'alone');
        assert.ok(gap < 8000, `${gap} ms`);
        assert.equal(replaced, 0);
    });

    it('it comes back: the accounts spread again', async () => {
        await b.start();
        await until('both hold some', async () =>
            (await holders()).every(list => list.length > 0));
        await allLinked();
        await allWork([a, b], 'again');
        assert.equal(replaced, 0);
    });

    it('one dies: the other takes over', async () => {
        const { master, workers } = b.pids();
        [master, ...workers].forEach(p => process.kill(p, 'SIGKILL'));
        await until('only the living hold leases', async () =>
            people.every(p => p.device.link !== undefined)
            && (await holders())[0].length === 2, 20000);
        await allWork([a], 'survivor');
        await b.start();
        await allWork([a, b], 'reunited');
        assert.equal(replaced, 0);
    });
});

describe('a worker that sleeps longer than its lease', () => {
    it('cannot do harm when it wakes', async t => {
        await allLinked();
        const [[pid]] = await holders();
        const before = people.map(p => p.device.logins);
        process.kill(pid, 'SIGSTOP');
        await until('its leases are gone', async () =>
            !(await holders())[0].includes(pid), 20000);
        await until('its accounts log in elsewhere', () =>
            people.some((p, i) => p.device.logins > before[i]), 20000);
        const moved = people.filter((p, i) =>
            p.device.logins > before[i]).length;
        process.kill(pid, 'SIGCONT');
        await allWork([a, b], 'awake');
        t.diagnostic(`${moved} accounts moved, ${replaced} replaced`);
        for (const p of people) {
            await until('READY', async () =>
                (await a.account(p.id)).state === 'READY');
        }
        // it is a member again and gets its share back, then all is calm
        let logins;
        for (let round = 0; round < 4; round++) {
            logins = people.map(p => p.device.logins).join();
            await allWork([a, b], `round ${round}`);
            if (people.map(p => p.device.logins).join() === logins) {
                return;
            }
        }
        assert.fail(`workers fight for accounts: logins ${logins}`);
    });
});
