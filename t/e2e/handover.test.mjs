// A reload moves many accounts: only a few are without a socket at a time,
// also when the server lets in one after another, and each login is made
// once.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Stage, until } from './lib/stage.mjs';
import { Wahub } from './lib/wahub.mjs';

const ACCOUNTS = 40;
const WINDOW = 16;

let s, sim, w, people;

before(async () => {
    s = await Stage.start({ workers: 1 });
    ({ sim, w } = s);
    people = [];
    for (let i = 0; i < ACCOUNTS; i += 4) {
        people.push(...await Promise.all([0, 1, 2, 3].map(k =>
            s.me(`moved ${i + k}`))));
    }
});

afterEach(() => s.checkClean());

after(() => s.close());

/** Watches `body` until `count` have logged in: most accounts without a socket
 *  at a time, logins. */
async function watched(body, count = ACCOUNTS) {
    const devices = new Set(people.map(p => p.device));
    const dark = new Set();
    const seen = { most: 0, logins: 0, replaced: 0 };
    const down = ({ device }) => {
        if (devices.has(device) && device.link === undefined) {
            dark.add(device);
            seen.most = Math.max(seen.most, dark.size);
        }
    };
    const up = device => {
        seen.logins++;
        dark.delete(device);
    };
    const replaced = () => seen.replaced++;
    sim.on('disconnect', down);
    sim.on('login', up);
    sim.on('replaced', replaced);
    await body();
    await until('everybody is back', () => seen.logins >= count
        && dark.size === 0);
    sim.off('disconnect', down);
    sim.off('login', up);
    sim.off('replaced', replaced);
    return seen;
}

async function allReady() {
    await until('all READY', async () => (await w.patient('GET',
        '/api/accounts?state=READY&limit=500')).length === ACCOUNTS);
}

describe('a reload with many accounts', () => {
    for (const [name, rate] of [['moves a few at a time', undefined],
        ['waits for a server that throttles', { perSecond: 20,
            longestMs: 15000 }]]) {
        it(name, async t => {
            const [old] = w.pids().workers;
            sim.faults.loginRate = rate;
            const seen = await watched(async () => {
                await w.script('reload');
                await until('the old worker is gone', () =>
                    !w.pids().workers.includes(old));
            });
            delete sim.faults.loginRate;
            t.diagnostic(`at most ${seen.most} without a socket`);
            assert.ok(seen.most > 0 && seen.most <= WINDOW, `${seen.most}`);
            assert.equal(seen.logins, ACCOUNTS);
            assert.equal(seen.replaced, 0);
            await allReady();
        });
    }

    /** Nothing has moved for a while: two givers would be two windows. */
    async function settled() {
        let [last, since] = ['', 0];
        await until('shards at rest', () => {
            const now = people.map(p => p.device.logins).join();
            if (now !== last) {
                [last, since] = [now, Date.now()];
            }
            return Date.now() - since > 3000;
        });
    }

    it('so does an instance that joins, and one that goes', async t => {
        const b = new Wahub({ sim, mate: w, workers: 1 });
        const came = await watched(async () => {
            await b.start();
            await settled();
        }, ACCOUNTS / 5);
        const went = await watched(() => b.stop(), came.logins);
        t.diagnostic(`${came.logins} went over, at most ${came.most} and `
            + `${went.most} without a socket`);
        for (const seen of [came, went]) {
            assert.ok(seen.most <= WINDOW, `${seen.most}`);
            assert.equal(seen.replaced, 0);
        }
        await b.close();
        await allReady();
    });

    it('a stop does not wait for anybody', async () => {
        const begun = performance.now();
        await w.script('stop');
        const ms = performance.now() - begun;
        assert.ok(ms < 6000, `${ms} ms`);
        await watched(() => w.start());
        await allReady();
    });
});
