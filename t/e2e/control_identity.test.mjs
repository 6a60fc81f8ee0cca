// Control run: Baileys at both ends of what the simulator knows about
// privacy tokens, strangers and stale addresses.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { giveToken } from '../sim/identity.mjs';
import { SimEnv } from './lib/sim_env.mjs';

let env, sim, a, b;

before(async () => {
    env = await SimEnv.start({ devicesForm: 'lid' });
    ({ sim } = env);
    [a, b] = [await env.person('a'), await env.person('b')];
});

afterEach(() => {
    a.account.faults = {};
    b.account.faults = {};
    env.checkClean();
});

after(() => env.stop());

const refused = async (client, to, text, code) => {
    const nack = sim.next('nack', d => d.pnJid === client.user.id);
    await client.sendText(to, text);
    assert.equal((await nack)[2], code);
};

describe('strangers', () => {
    it('are refused with 463, and let in by a token', async () => {
        a.account.faults.reachout = true;
        const c = await env.person('stranger', 0);
        await refused(a.client, c.lid, 'who are you', 463);
        assert.deepEqual(c.inbox, []);
        await giveToken(sim, c.account, a.account, { device: a.device() });
        await a.client.sendText(c.lid, 'known now');
        await env.phoneText(c, 'known now');
    });

    it('are no strangers after a message of theirs', async () => {
        const given = sim.next('token', giver => giver === a.account);
        await a.client.sendText(b.lid, 'hello, it is me');
        await b.client.waitText('hello, it is me');
        await given;
        await env.drained(b.device());
        b.account.faults.reachout = true;
        await b.client.sendText(a.lid, 'hello you');
        await a.client.waitText('hello you');
    });

    it('do not pass with an old or a foreign token', async () => {
        const c = await env.person('c', 0);
        const d = await env.person('d', 0);
        await giveToken(sim, c.account, a.account, { device: a.device() });
        c.account.tokens.get(a.account).forEach(k => {
            k.t -= 4 * 604800;
        });
        a.account.faults.reachout = true;
        await refused(a.client, c.lid, 'with an old one', 463);
        assert.equal(sim.violations.splice(0)[0].kind, 'token');
        d.account.tokens = new Map();
        await giveToken(sim, d.account, a.account, { device: a.device() });
        d.account.tokens.get(a.account)[0].bytes = Buffer.alloc(16);
        await refused(a.client, d.lid, 'with a foreign one', 463);
        assert.equal(sim.violations.splice(0)[0].kind, 'token');
    });
});

describe('addresses', () => {
    it('by number are refused where LIDs are asked for', async () => {
        a.account.faults.lidOnly = true;
        await refused(a.client, b.pn, 'to a number', 479);
        await a.client.sendText(b.lid, 'to a LID');
        await b.client.waitText('to a LID');
    });

    it('of other devices than there are are refused', async () => {
        await a.client.sendText(b.lid, 'list is known');
        await b.client.waitText('list is known');
        a.account.faults.exactDevices = true;
        const { device } = b.phone;
        const late = env.client({ name: 'late' });
        sim.notifyDevices = () => {};
        await late.link(b.phone);
        delete sim.notifyDevices;
        await refused(a.client, b.lid, 'too few copies', 479);
        sim.notifyDevices(b.account, 'add',
            [...b.account.devices.values()].at(-1));
        await env.drained(a.device());
        await a.client.sendText(b.lid, 'to all of them');
        await late.waitText('to all of them');
        assert.equal(device.removed, false);
    });
});
