// One identity per person: LIDs first, addresses that become known or change,
// devices and identities that come and go.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { changeNumber } from '../sim/identity.mjs';
import { messages } from './lib/history.mjs';
import { Stage, until } from './lib/stage.mjs';

let s, sim, w, me;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
    me = await s.me('keeper');
});

afterEach(async () => {
    me.account.faults = {};
    await s.checkClean();
});

after(() => s.close());

const merged = from => w.events.wait(e => e.type === 'chat.merged'
    && e.data.from === from, `chat.merged from ${from}`);

/** The chats of a person as the API lists them. */
const chats = async person => (await w.api('GET',
    '/api/chats?limit=500')).data.filter(c =>
    [person.pn, person.lid].includes(c.jid));

describe('a contact', () => {
    it('is written to by LID, whatever address is given', async () => {
        const ann = await s.env.person('ann', 1);
        me.account.faults.lidOnly = true;
        for (const [i, to] of [ann.account.pn, ann.pn, ann.lid].entries()) {
            const r = await s.sent(me, to, `address ${i}`);
            assert.equal(r.to, ann.pn);
            await s.arrived(ann, `address ${i}`);
        }
        const e = await w.events.wait(x => x.type === 'message.sent'
            && x.data.message.body === 'address 2');
        assert.equal(e.data.message.remote_jid, ann.pn);
        assert.equal(e.data.message.lid, ann.lid);
    });

    it('known by LID alone is merged when the number comes', async () => {
        const bob = await s.env.person('bob', 0);
        bob.account.faults.hideNumber = true;
        await bob.phone.sendText(me.account, 'from nowhere');
        const { message } = (await w.received('from nowhere')).data;
        assert.equal(message.remote_jid, bob.lid);
        assert.equal(message.lid, bob.lid);
        await until('the chat', async () => (await chats(bob)).length === 1);
        assert.equal((await chats(bob))[0].jid, bob.lid);

        bob.account.faults = {};
        await bob.phone.sendText(me.account, 'here I am');
        const e = await merged(bob.lid);
        assert.deepEqual(e.data, { from: bob.lid, into: bob.pn,
            lid: bob.lid });
        assert.equal((await w.received('here I am')).data.message.remote_jid,
            bob.pn);
        const [chat, ...more] = await until('one chat', async () => {
            const list = await chats(bob);
            return list[0]?.jid === bob.pn && list;
        });
        assert.deepEqual(more, []);
        assert.equal(chat.lid, bob.lid);
        const old = (await messages(w)).find(m => m.id === message.id);
        assert.equal(old.remote_jid, bob.pn);
        assert.equal(old.from_jid, bob.pn);
        assert.equal(old.lid, bob.lid);
    });

    it('known by LID alone is merged when he is answered', async () => {
        const carol = await s.env.person('carol', 0);
        carol.account.faults.hideNumber = true;
        await carol.phone.sendText(me.account, 'guess who');
        await w.received('guess who');
        const r = await s.sent(me, carol.lid, 'no idea');
        assert.equal(r.to, carol.pn);
        await s.arrived(carol, 'no idea');
        assert.equal((await merged(carol.lid)).data.into, carol.pn);
    });

    it('with a new number keeps the chat', async () => {
        const dan = await s.env.person('dan', 0);
        await s.sent(me, dan.account.pn, 'to the old number');
        await s.arrived(dan, 'to the old number');
        changeNumber(sim, dan.account, '15550199999');
        const e = await merged(dan.pn);
        assert.equal(e.data.into, '15550199999@s.whatsapp.net');
        const r = await s.sent(me, '15550199999', 'to the new number');
        assert.equal(r.to, '15550199999@s.whatsapp.net');
        await s.arrived(dan, 'to the new number');
    });

    it('who registers anew is told, and chats go on', async () => {
        const eve = await s.env.person('eve', 0);
        await s.sent(me, eve.account.pn, 'to the old phone');
        await s.arrived(eve, 'to the old phone');
        eve.phone.reinstall();
        const e = await w.events.wait(x => x.type === 'identity.changed'
            && x.data.lid === eve.lid);
        assert.equal(e.data.jid, eve.pn);
        await s.sent(me, eve.account.pn, 'to the new phone');
        await s.arrived(eve, 'to the new phone');
        await eve.phone.sendText(me.account, 'new phone, who are you');
        await w.received('new phone, who are you');
        assert.equal(w.events.of('identity.changed')
            .filter(x => x.data.lid === eve.lid).length, 1);
    });
});

describe('devices', () => {
    it('that are not known yet are found after a refusal', async () => {
        const finn = await s.env.person('finn', 0);
        await s.sent(me, finn.account.pn, 'to the phone');
        await s.arrived(finn, 'to the phone');
        sim.notifyDevices = () => {};
        const late = s.env.client({ name: 'late' });
        await late.link(finn.phone);
        delete sim.notifyDevices;

        me.account.faults.exactDevices = true;
        const nacks = [];
        const note = (...args) => nacks.push(args[2]);
        sim.on('nack', note);
        await s.sent(me, finn.account.pn, 'to every device');
        await s.arrived(finn, 'to every device');
        await late.waitText('to every device');
        sim.off('nack', note);
        assert.deepEqual(nacks, [479]);
        assert.deepEqual(s.seen(finn, 'to every device'),
            [['to every device']]);
    });

    it('that are removed are followed without asking', async () => {
        const gina = await s.env.person('gina', 2);
        await s.sent(me, gina.account.pn, 'to three');
        await s.arrived(gina, 'to three');
        gina.phone.logout(gina.device(1));
        await s.env.drained(me.device);
        const asked = [];
        const note = (conn, users) => conn.device === me.device
            && asked.push(...users);
        sim.on('usync', note);
        await s.sent(me, gina.account.pn, 'to two');
        sim.off('usync', note);
        await gina.client.waitText('to two');
        assert.deepEqual(asked, []);
    });
});
