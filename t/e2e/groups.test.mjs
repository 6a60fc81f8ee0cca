// wahub as a member of groups whose other members are Baileys clients and
// phones.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { Stage } from './lib/stage.mjs';

let stage, sim, w, me, bob, cat;

const text = body => e => e.type === 'message.received'
    && e.data.message.body === body;

before(async () => {
    stage = await Stage.start({ sim: { devicesForm: 'lid' } });
    ({ sim, w } = stage);
    [me, bob, cat] = [await stage.me('wanda', { companions: 1 }),
        await stage.env.person('bob'), await stage.env.person('cat')];
    await stage.settled(me);
});

afterEach(() => stage.env.checkClean());

after(() => stage.close());

function room(mode = 'lid', members = [me, cat], creator = bob) {
    return sim.groups.create({ creator: creator.account, mode,
        subject: `room of ${mode}`, members: members.map(m => m.account) });
}

async function received(body) {
    return (await w.events.wait(text(body), body)).data.message;
}

describe('receiving', () => {
    for (const mode of ['lid', 'pn']) {
        it(`takes what members write in a group of ${mode}`, async () => {
            const g = room(mode);
            const body = `${mode} of a client`;
            await bob.client.sendText(g.jid, body);
            const m = await received(body);
            assert.equal(m.remote_jid, g.jid);
            assert.equal(m.lid, null);
            assert.equal(m.participant, bob.pn);
            assert.equal(m.from_jid, bob.pn);
            assert.equal(m.from_lid, bob.lid);
            assert.equal(m.phone_number, null);
            assert.equal(m.push_name, 'bob');
            await cat.phone.groups.send(g, { conversation: `${mode} phone` });
            assert.equal((await received(`${mode} phone`)).participant,
                cat.pn);
            await bob.client.sendText(g.jid, `${mode} again`);
            await received(`${mode} again`);
            await me.phone.groups.send(g, { conversation: `${mode} echo` });
            const echo = (await w.events.wait(e => e.type === 'message.echo'
                && e.data.message.body === `${mode} echo`)).data.message;
            assert.equal(echo.remote_jid, g.jid);
            assert.equal(echo.from_me, true);
            await stage.env.drained(me.device);
        });
    }

    it('takes a key that comes with every message', async () => {
        const g = room();
        for (let i = 0; i < 7; i++) {
            await cat.phone.groups.send(g, { conversation: `keyed ${i}` },
                { all: true });
        }
        await received('keyed 6');
        assert.equal(stage.bodies('keyed').length, 7);
    });

    it('loses nothing when a key overtakes messages', async () => {
        const g = room();
        await cat.phone.groups.send(g, { conversation: 'early 0' });
        await received('early 0');
        me.device.faults.reorder = 1;
        await cat.phone.groups.send(g, { conversation: 'early 1' },
            { all: true });
        await cat.phone.groups.send(g, { conversation: 'early 2' },
            { all: true });
        await received('early 2');
        await received('early 1');
        assert.equal(w.events.of('message.undecryptable').length, 0);
    });

    it('asks for what it cannot decrypt and gets it', async () => {
        const g = room();
        await cat.phone.groups.send(g, { conversation: 'intact' });
        await received('intact');
        const retry = sim.next('retry');
        me.device.faults.corruptEnc = 1;
        await cat.phone.groups.send(g, { conversation: 'spoilt' });
        await retry;
        assert.equal((await received('spoilt')).participant, cat.pn);
        await stage.env.drained(me.device);
    });
});

describe('sending', () => {
    const sent = async (g, body) => (await stage.sent(me, g.jid, body)).id;

    async function arrives(body, people = [bob, cat]) {
        await Promise.all(people.map(p => stage.arrived(p, body)));
    }

    for (const mode of ['lid', 'pn']) {
        it(`writes to every device in a group of ${mode}`, async () => {
            const g = room(mode);
            await sent(g, `to ${mode}`);
            await arrives(`to ${mode}`);
            await me.client.waitText(`to ${mode}`);
            await stage.env.phoneText(me, `to ${mode}`);
            const next = sim.next('group-message');
            await sent(g, `more to ${mode}`);
            await arrives(`more to ${mode}`);
            const [, , stanza] = await next;
            assert.ok(!stanza.content.some(c => c.tag === 'participants'),
                'the key was given out again');
            const { data } = await w.events.wait(e =>
                e.type === 'message.sent'
                && e.data.message.body === `to ${mode}`);
            assert.equal(data.message.remote_jid, g.jid);
        });
    }

    it('tells who got it', async () => {
        const g = room();
        const id = await sent(g, 'receipts please');
        const { data } = await w.events.wait(e => e.type === 'message.receipt'
            && e.data.id === id && e.data.recipient_jid === bob.pn);
        assert.equal(data.chat_jid, g.jid);
        assert.equal(data.status, 'delivered');
    });

    it('sends again to the one device that asks', async () => {
        const g = room();
        await sent(g, 'first of all');
        await arrives('first of all');
        const again = sim.next('group-resend');
        cat.device().faults.corruptEnc = 1;
        await sent(g, 'broken for cat');
        await arrives('broken for cat');
        const [, target] = await again;
        assert.equal(target, cat.device());
    });

    it('reaches a device that was linked later', async () => {
        const g = room();
        await sent(g, 'before the link');
        await arrives('before the link');
        const late = stage.env.client({ name: 'late' });
        await late.link(bob.phone);
        await stage.env.drained(me.device);
        await sent(g, 'after the link');
        await late.waitText('after the link');
        await sent(g, 'still after it');
        await late.waitText('still after it');
    });

    it('is refused where it is no member', async () => {
        const g = room('lid', [cat]);
        const r = await w.send(me.id, g.jid, 'let me in');
        assert.equal(r.status, 502);
        assert.equal(r.json.error.code, 'SEND_FAILED');
    });
});
