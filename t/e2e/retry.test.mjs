// When a contact cannot read what wahub sent: retry receipts, new sessions,
// new identities, devices that went and came.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { node } from '../sim/codec.mjs';
import { Stage, until } from './lib/stage.mjs';

let s, sim, w, me;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
    me = await s.me('retry');
});

afterEach(() => s.checkClean());

after(() => s.close());

/** `device` asked wahub `count` times or more for a message. */
const asked = (device, count = 1) => sim.next('retry', (d, t, id, n) =>
    d === device && t === me.device && n >= count);

async function chat(person, text) {
    await s.sent(me, person.account.pn, text);
    await s.arrived(person, text);
}

describe('a damaged message is sent again', () => {
    it('to a phone: first message and later', async () => {
        const p = await s.env.person('p', 0);
        for (const text of ['damaged first', 'damaged later']) {
            p.phone.device.faults.corruptEnc = 1;
            const retry = asked(p.phone.device);
            await s.sent(me, p.account.pn, text);
            await retry;
            await s.arrived(p, text);
        }
        await chat(p, 'damaged no more');
        assert.deepEqual(s.seen(p, 'damaged'), [['damaged first',
            'damaged later', 'damaged no more']]);
    });

    it('to a Baileys companion, the others see it once', async () => {
        const b = await s.env.person('b', 2);
        await chat(b, 'good');
        b.device(1).faults.corruptEnc = 1;
        const retry = asked(b.device(1));
        await s.sent(me, b.account.pn, 'bad for one');
        await retry;
        await s.arrived(b, 'bad for one');
        await chat(b, 'good again');
        assert.deepEqual(s.seen(b, 'bad for'), [['bad for one'],
            ['bad for one'], ['bad for one']]);
        await b.client.sendText(me.lid, 'back to you');
        await w.received('back to you');
    });

    it('several times, with keys', async () => {
        const p = await s.env.person('several', 0);
        await chat(p, 'fine');
        p.phone.device.faults.corruptEnc = 3;
        const third = asked(p.phone.device, 3);
        await s.sent(me, p.account.pn, 'three times bad');
        await third;
        await s.arrived(p, 'three times bad');
        await chat(p, 'and on');
    });

    it('at most five times', async () => {
        const p = await s.env.person('five', 0);
        await chat(p, 'well');
        let resends = 0;
        const count = (sender, to, stanza) => {
            resends += sender === me.device
                && stanza.attrs.device_fanout === 'false' ? 1 : 0;
        };
        sim.on('message', count);
        p.phone.device.faults.corruptEnc = 20;
        const fifth = asked(p.phone.device, 5);
        const r = await s.sent(me, p.account.pn, 'hopeless');
        await fifth;
        // a sixth request, which the phone itself would not make
        const told = sim.next('ack-receipt', d => d === me.device);
        me.device.mailbox.post(node('receipt', { type: 'retry',
            id: r.message_id, from: p.phone.device.lidJid,
            t: Math.floor(Date.now() / 1000) }, [
            node('retry', { v: 1, count: 6, id: r.message_id,
                t: Math.floor(Date.now() / 1000) }),
            node('registration', {}, Buffer.alloc(4, 1))]));
        await told;
        delete p.phone.device.faults.corruptEnc;
        await s.env.drained(me.device);
        await s.sent(me, p.account.pn, 'well again');
        await s.arrived(p, 'well again');
        sim.off('message', count);
        assert.ok(resends >= 4 && resends <= 5, `${resends} resends`);
        assert.deepEqual(s.seen(p, 'hopeless'), [[]]);
    });

    it('to an own companion, as a copy', async () => {
        const self = await s.me('own', { companions: 1 });
        const p = await s.env.person('own-p', 0);
        await s.sent(self, p.account.pn, 'copy 0');
        await self.client.waitText('copy 0');
        const companion = self.account.device(self.client.device);
        companion.faults.corruptEnc = 1;
        const retry = sim.next('retry', d => d === companion);
        await s.sent(self, p.account.pn, 'copy 1');
        await retry;
        const m = await self.client.waitText('copy 1');
        assert.equal(m.fromMe, true);
        assert.equal(m.chat, p.lid);
        assert.deepEqual(s.seen(p, 'copy'), [['copy 0', 'copy 1']]);
    });

    it('after a restart in between', async () => {
        const p = await s.env.person('between', 0);
        await chat(p, 'before it');
        const { phone } = p;
        // the receipt is written but waits until wahub is back
        const { askAgain } = phone;
        let later;
        phone.askAgain = stanza => {
            later = () => askAgain.call(phone, stanza);
        };
        phone.device.faults.corruptEnc = 1;
        await s.sent(me, p.account.pn, 'asked for late');
        await until('the failure', () => later !== undefined);
        await w.stop();
        phone.askAgain = askAgain;
        later();
        await w.start();
        await s.arrived(p, 'asked for late');
        await w.state(me.id, 'READY');
        await until('an owner', async () =>
            (await w.send(me.id, p.account.pn, 'after it')).status === 201);
        await s.arrived(p, 'after it');
    });
});

describe('a contact that changed', () => {
    it('has a new phone: told by a notification', async () => {
        const p = await s.env.person('new', 1);
        await chat(p, 'to the old phone');
        await p.client.close();
        const told = sim.next('ack-notification', d => d === me.device);
        p.phone.reinstall();
        await told;
        await s.env.drained(me.device);
        await s.sent(me, p.account.pn, 'to the new phone');
        await s.env.phoneText(p, 'to the new phone');
        await p.phone.sendText(me.account, 'the new phone answers');
        await w.received('the new phone answers');
        await s.sent(me, p.account.pn, 'and again');
        await s.env.phoneText(p, 'and again');
    });

    it('has a new phone and nobody said so', async () => {
        const p = await s.env.person('secret', 0);
        await chat(p, 'to the old');
        const { notifyIdentity } = sim;
        sim.notifyIdentity = () => {};
        p.phone.reinstall();
        sim.notifyIdentity = notifyIdentity;
        const allowed = sim.violations.length;
        await s.sent(me, p.account.pn, 'surprise');
        await s.env.phoneText(p, 'surprise');
        // the old session's message names keys that are gone
        sim.violations.splice(allowed);
        await p.phone.sendText(me.account, 'surprised too');
        await w.received('surprised too');
        await s.sent(me, p.account.pn, 'all is known now');
        await s.env.phoneText(p, 'all is known now');
    });

    it('writes first with the new identity', async () => {
        const p = await s.env.person('first', 0);
        await chat(p, 'hello old');
        const { notifyIdentity } = sim;
        sim.notifyIdentity = () => {};
        p.phone.reinstall();
        sim.notifyIdentity = notifyIdentity;
        await p.phone.sendText(me.account, 'new me');
        await w.received('new me');
        await s.sent(me, p.account.pn, 'hello new');
        await s.env.phoneText(p, 'hello new');
    });

    it('lost its session with us', async () => {
        const p = await s.env.person('forgetful', 0);
        await chat(p, 'remember');
        await p.phone.sendText(me.account, 'I do');
        await w.received('I do');
        p.phone.signal.forget(me.device);
        await s.sent(me, p.account.pn, 'still?');
        await s.arrived(p, 'still?');
        p.phone.signal.forget(me.device);
        await p.phone.sendText(me.account, 'again from zero');
        await w.received('again from zero');
        await chat(p, 'from zero too');
    });

    it('asks for a message that is not known', async () => {
        const p = await s.env.person('unknown', 0);
        await chat(p, 'known');
        for (const id of ['3EB0FFFFFFFFFFFFFFFFFF', 'x'.repeat(200), '\x01']) {
            const told = sim.next('ack-receipt', d => d === me.device);
            me.device.mailbox.post(node('receipt', { type: 'retry', id,
                from: p.phone.device.lidJid,
                t: Math.floor(Date.now() / 1000) }, [
                node('retry', { v: 1, count: 1, id,
                    t: Math.floor(Date.now() / 1000) })]));
            await told;
        }
        await chat(p, 'known again');
    });

    it('may not ask for what was not sent to it', async () => {
        const p = await s.env.person('nosy-p', 0);
        const q = await s.env.person('nosy-q', 0);
        await chat(q, 'hello q');
        const r = await s.sent(me, p.account.pn, 'for p only');
        await s.arrived(p, 'for p only');
        const told = sim.next('ack-receipt', d => d === me.device);
        me.device.mailbox.post(node('receipt', { type: 'retry',
            id: r.message_id, from: q.phone.device.lidJid,
            t: Math.floor(Date.now() / 1000) }, [
            node('retry', { v: 1, count: 1, id: r.message_id,
                t: Math.floor(Date.now() / 1000) }),
            node('registration', {}, Buffer.alloc(4))]));
        await told;
        await chat(q, 'only this for q');
        assert.deepEqual(s.seen(q, ''), [['hello q', 'only this for q']]);
    });
});
