// The handshake of a reconnect: IK with the server's key of before, XX where
// that key is not the server's any more, and what becomes of it when IK does
// not get through.
import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';
import { makeChain } from '../sim/certs.mjs';
import { Stage } from './lib/stage.mjs';

let s, sim, w, me;
const hellos = [];

before(async () => {
    s = await Stage.start({ workers: 1 });
    ({ sim, w } = s);
    sim.on('hello', (conn, how) => hellos.push(how));
    me = await s.me('Resume');
    await s.settled(me);
});

afterEach(() => s.checkClean());

after(() => s.close());

/** Another login, by so many handshakes; how they went. */
async function relogin(count = 1) {
    hellos.length = 0;
    const next = sim.next('login', d => d === me.device
        && hellos.length >= count);
    await w.api('POST', `/api/accounts/${me.id}/restart`);
    await next;
    return [...hellos];
}

it('is IK once the server is known', async () => {
    assert.deepEqual(await relogin(), ['IK']);
    await w.state(me.id, 'READY');
    await sim.phone().sendText(me.account, 'over IK');
    await w.received('over IK');
});

it('is IK after a restart: the key is kept', async () => {
    hellos.length = 0;
    await w.stop();
    const next = sim.next('login', d => d === me.device);
    await w.start();
    await next;
    await w.state(me.id, 'READY');
    assert.deepEqual(hellos, ['IK']);
});

it('falls back to XX when the server has another key', async () => {
    sim.chain = makeChain({ root: sim.chain.root });
    assert.deepEqual(await relogin(), ['XXfallback']);
    assert.deepEqual(await relogin(), ['IK']);
    sim.faults.ik = 'decline';
    assert.deepEqual(await relogin(), ['XXfallback']);
});

for (const fault of ['spoil', 'close']) {
    it(`is XX after one that failed (${fault})`, async () => {
        sim.faults.ik = fault;
        assert.deepEqual(await relogin(2), ['IK', 'XX']);
        await w.state(me.id, 'READY');
        delete sim.faults.ik;
        assert.deepEqual(await relogin(), ['IK']);
    });
}
