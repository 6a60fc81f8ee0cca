// Control run: Baileys is linked by a code on the simulator, and what the
// simulator must refuse is refused.
import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';
import { BAILEYS_ALLOWANCES } from './lib/baileys_client.mjs';
import { SimEnv } from './lib/sim_env.mjs';

// The code is only given to a system that exists.
const BROWSER = ['Mac OS', 'Chrome', '14.4.1'];

let env;

before(async () => {
    env = await SimEnv.start();
    // it sends the short fields as text, and another nonce; and when it
    // knows the number it says before the login that it is there
    env.sim.allow(/^Mac OS$/, [...BAILEYS_ALLOWANCES, 'pairing-form',
        'order']);
});

afterEach(async () => {
    await env.closeClients();
    env.checkClean();
});

after(() => env.stop());

async function asking(phone, browser = BROWSER) {
    const c = env.client({ socketOptions: { browser } });
    const made = env.sim.next('pair-device');
    c.start();
    await made;
    const told = env.sim.next('pair-code');
    const code = await c.sock.requestPairingCode(phone.account.pn);
    await told;
    return { c, code };
}

it('is linked by the code it shows', async () => {
    const phone = env.sim.phone();
    const { c, code } = await asking(phone);
    const device = await phone.enterCode(code);
    await c.waitOpen();
    assert.equal(c.user.id, device.pnJid);
});

it('is not linked by another code', async () => {
    const phone = env.sim.phone();
    const { code } = await asking(phone);
    const other = code[0] === '1' ? `2${code.slice(1)}`
        : `1${code.slice(1)}`;
    await assert.rejects(phone.enterCode(other), /wrong code/);
    assert.deepEqual(phone.devices().map(d => d.id), [0]);
});

it('gets no code for a system that does not exist', async () => {
    const phone = env.sim.phone();
    const refused = env.sim.next('iq');
    const c = env.client();
    const made = env.sim.next('pair-device');
    c.start();
    await made;
    await c.sock.requestPairingCode(phone.account.pn);
    await refused;
    assert.equal(env.sim.pairCodes.has(phone.account.pn), false);
    // what it sent was not of the right form either, and that is seen
    const kinds = new Set(env.sim.violations.splice(0).map(v => v.kind));
    assert.deepEqual([...kinds], ['pairing-form']);
});
