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

afterEach(() => stage.checkClean());

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
