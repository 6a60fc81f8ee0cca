// Who knows whom: strangers that WhatsApp does not let in, the tokens that
// do, and what the account is not allowed for now.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { giveToken, timelock } from '../sim/identity.mjs';
import { Stage, until } from './lib/stage.mjs';

let s, sim, w, me;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
    me = await s.me('sender');
});

afterEach(async () => {
    me.account.faults = {};
    await s.checkClean();
});

after(() => s.close());

const refused = async (to, text) => {
    const r = await w.send(me.id, to.account.pn, text);
    assert.equal(r.status, 502, r.raw.toString());
    assert.equal(r.json.error.code, 'REACHOUT_LIMITED');
    assert.equal(r.json.error.details.provider_code, 463);
    return r.json.error.details.message_id;
};

const restrictions = async () =>
    (await w.api('GET', `/api/accounts/${me.id}`)).restrictions;

describe('a stranger', () => {
    it('is refused with 463, and reached with his token', async () => {
        const ann = await s.env.person('ann', 0);
        me.account.faults.reachout = true;
        const id = await refused(ann, 'a cold text');
        const error = { code: 'REACHOUT_LIMITED', provider_code: 463 };
        const e = await w.events.wait(x => x.type === 'message.failed'
            && x.data.message.message_id === id);
        const { message, ...rest } = e.data.error;
        assert.deepEqual(rest, error);
        assert.deepEqual(e.data.message.error, e.data.error);
        const kept = await until('the history', async () => {
            const r = await w.request('GET', `/api/messages/${id}`);
            return r.status === 200 && r.json;
        });
        assert.equal(kept.status, 'FAILED');
        assert.deepEqual(kept.error, { ...error, message });
        assert.deepEqual(ann.inbox, []);

        await giveToken(sim, ann.account, me.account, { device: me.device });
        const r = await s.sent(me, ann.account.pn, 'with a token');
        assert.equal(r.cold, undefined);
        await s.arrived(ann, 'with a token');
    });

    it('is told as cold until he writes', async () => {
        const bob = await s.env.person('bob', 0);
        const r = await s.sent(me, bob.account.pn, 'hello stranger');
        assert.equal(r.cold, true);
        await bob.phone.sendText(me.account, 'hello yourself');
        await w.received('hello yourself');
        const next = await s.sent(me, bob.account.pn, 'we know each other');
        assert.equal(next.cold, undefined);
    });

    it('gets our token, which lets him in', async () => {
        const carol = await s.env.person('carol', 1);
        carol.account.faults.reachout = true;
        const nack = sim.next('nack', d => d.account === carol.account);
        await carol.client.sendText(me.lid, 'too early');
        assert.equal((await nack)[2], 463);

        const given = sim.next('token', (giver, taker) =>
            giver === me.account && taker === carol.account);
        await s.sent(me, carol.account.pn, 'nice to meet you');
        await given;
        await carol.client.waitText('nice to meet you');
        await s.env.drained(carol.device());
        await carol.client.sendText(me.lid, 'pleased as well');
        await w.received('pleased as well');

        // and the one that Carol's client gave in return goes along
        me.account.faults.reachout = true;
        await until('her token', () =>
            carol.account.tokens?.has(me.account));
        await s.env.drained(me.device);
        await s.sent(me, carol.account.pn, 'friends');
        await carol.client.waitText('friends');
    });
});

describe('an account that may not write to strangers', () => {
    it('is told so after two of them', async () => {
        const [dan, eve] = [await s.env.person('dan', 0),
            await s.env.person('eve', 0)];
        me.account.faults.reachout = true;
        await refused(dan, 'one');
        await refused(eve, 'two');
        const e = await w.events.wait(x => x.type === 'account.restricted');
        assert.deepEqual(e.data, { kind: 'reachout', until: null,
            code: 463 });
        assert.deepEqual(await restrictions(), [e.data]);
        me.account.faults = {};
        await s.sent(me, dan.account.pn, 'three');
        await w.events.wait(x => x.type === 'account.restricted_cleared');
        assert.deepEqual(await restrictions(), []);
    });

    it('is told until when, if WhatsApp says it', async () => {
        const ends = Math.floor(Date.now() / 1000) + 86400;
        timelock(sim, me.account, true, ends);
        const e = await w.events.wait(x => x.type === 'account.restricted'
            && x.data.until !== null);
        assert.equal(Date.parse(e.data.until), ends * 1000);
        assert.deepEqual(await restrictions(), [e.data]);
        const before = w.events.of('account.restricted_cleared').length;
        timelock(sim, me.account, false);
        await until('the end', () => w.events
            .of('account.restricted_cleared').length > before);
        assert.deepEqual(await restrictions(), []);
    });
});
