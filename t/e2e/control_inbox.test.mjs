// Control run: a message that the server withholds from a companion is asked
// for at the phone, and the phone hands it out. Baileys is the companion.
import { once } from 'node:events';
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { SimEnv } from './lib/sim_env.mjs';

let env;

before(async () => {
    env = await SimEnv.start();
});

afterEach(async () => {
    env.sim.faults = {};
    await env.closeClients();
    env.checkClean();
});

after(() => env.stop());

describe('a withheld message', () => {
    it('is asked for at the phone', async () => {
        const b = await env.person('b');
        const ann = env.sim.phone({ name: 'Ann' });
        await ann.sendText(b.account, 'plainly');
        await b.client.waitText('plainly');
        const asked = once(b.phone, 'asked', { signal: AbortSignal.timeout(
            20000) });
        b.device().faults.unavailable = 1;
        const { id } = await ann.sendText(b.account, 'withheld');
        const [{ keys, from }] = await asked;
        assert.equal(from, b.device());
        assert.deepEqual(keys.map(k => k.id), [id]);
        await b.client.waitText('withheld');
    });

    it('is not asked for when it is for one view', async () => {
        const b = await env.person('once');
        const ann = env.sim.phone({ name: 'Ann' });
        const asked = [];
        b.phone.on('asked', a => asked.push(...a.keys.map(k => k.id)));
        const { faults } = b.device();
        faults.unavailable = 1;
        faults.unavailableType = 'view_once_unavailable_fanout';
        const once = await ann.sendText(b.account, 'one view');
        faults.unavailableType = undefined;
        faults.unavailable = 1;
        const next = await ann.sendText(b.account, 'any view');
        await b.client.waitText('any view');
        assert.ok(asked.includes(next.id));
        assert.ok(!asked.includes(once.id));
    });
});
