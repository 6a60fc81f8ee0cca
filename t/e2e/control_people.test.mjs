// Control run: calls, profiles and contacts between Baileys clients and the
// simulated phones, as wahub is tested on.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { placeCall } from '../sim/calls.mjs';
import { changeAbout } from '../sim/profile.mjs';
import { SimEnv } from './lib/sim_env.mjs';

let env, sim, a, b, calls, sock;

before(async () => {
    env = await SimEnv.start({ devicesForm: 'lid' });
    ({ sim } = env);
    [a, b] = await Promise.all(['ann', 'bob'].map(n => env.person(n)));
    ({ sock } = a.client);
    calls = [];
    sock.ev.on('call', list => {
        calls.push(...list);
        list.forEach(c => a.client.emit('call', c));
    });
});

afterEach(() => env.checkClean());

after(() => env?.stop());

const told = (call, status) => a.client.wait('call', c => c.id === call.id
    && c.status === status, calls);

describe('a call', () => {
    it('rings, and nobody answers', async () => {
        const call = placeCall(b.phone, a.account, { video: true });
        const offer = await told(call, 'offer');
        assert.equal(offer.from, call.creator);
        assert.equal(offer.callerPn, b.pn);
        assert.equal(offer.isVideo, true);
        call.wiring();
        call.timeout();
        await told(call, 'timeout');
        await env.drained(a.device());
    });

    it('is refused by a client', async () => {
        const call = placeCall(b.phone, a.account);
        const refused = sim.next('call-reject');
        const offer = await told(call, 'offer');
        await sock.rejectCall(offer.id, offer.from);
        assert.equal((await refused)[1], a.device());
        assert.equal(call.state, 'reject');
        await env.drained(a.device());
    });

    it('cannot be refused twice', async () => {
        const call = placeCall(b.phone, a.account);
        const offer = await told(call, 'offer');
        await sock.rejectCall(offer.id, offer.from);
        await sock.rejectCall(offer.id, offer.from);
        const [v] = sim.violations.splice(0);
        assert.match(v.text, /state reject/);
    });
});

describe('a person', () => {
    it('is found by number, or is not there', async () => {
        const [found, ...more] = await sock.onWhatsApp(`+${b.account.pn}`,
            '+15550009999');
        assert.equal(found.exists, true);
        assert.equal(found.jid, b.pn);
        assert.deepEqual(more.filter(m => m.exists), []);
    });

    it('says something about itself, to some', async () => {
        changeAbout(b.account, 'busy');
        const about = async () => (await sock.fetchStatus(b.pn))[0].status;
        assert.equal((await about()).status, 'busy');
        b.account.hides = true;
        assert.equal((await about()).status, '');
        delete b.account.hides;
    });

    it('may be a business', async () => {
        assert.equal(await sock.getBusinessProfile(b.pn), undefined);
        b.account.business = { name: 'Bob & Co', description: 'all sorts',
            email: 'bob@example.com', websites: ['https://example.com'],
            categories: ['Shop'], hours: { timezone: 'Europe/Berlin',
                days: [{ day_of_week: 'mon', mode: 'open_24h' }] } };
        const p = await sock.getBusinessProfile(b.pn);
        assert.equal(p.description, 'all sorts');
        assert.equal(p.category, 'Shop');
        assert.equal(p.business_hours.business_config[0].day_of_week, 'mon');
        delete b.account.business;
    });

    it('changes what it says about itself', async () => {
        await sock.updateProfileStatus('at work');
        assert.equal(a.account.about.text, 'at work');
    });
});
