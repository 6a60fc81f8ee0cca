// Nothing is lost on the way in: messages without their content, what the own
// phone hands out, odd kinds, long queues, repeats and changed order.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import { proto } from 'baileys/WAProto/index.js';
import { node } from '../sim/codec.mjs';
import { answerRequest } from '../sim/placeholder.mjs';
import { encodeMessage } from '../sim/signal.mjs';
import { numbers, Stage } from './lib/stage.mjs';

let s, sim, w, me, ann;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
    me = await s.me('inbox');
    await s.settled(me);
    ann = await s.env.person('Ann', 0);
});

afterEach(async () => {
    me.device.faults = {};
    await s.checkClean();
    s.checkOnce();
});

after(() => s.close());

const told = id => w.events.of('message.undecryptable', me.id)
    .filter(e => e.data.message_id === id).map(e => e.data);

const asked = (test = () => true) => new Promise(resolve => {
    const listener = a => {
        if (test(a)) {
            me.phone.off('asked', listener);
            resolve(a);
        }
    };
    me.phone.on('asked', listener);
});

/** The phone's answer to a request that it had kept silent about. */
const answerLate = (id, keys) => answerRequest(me.phone, me.device, id,
    { protocolMessage: { type: 16, peerDataOperationRequestMessage: {
        peerDataOperationRequestType: 4,
        placeholderMessageResendRequest: keys.map(k =>
            ({ messageKey: k })) } } });

async function stillWorks() {
    const text = `still works ${randomBytes(4).toString('hex')}`;
    await ann.phone.sendText(me.account, text);
    await w.received(text);
    await s.env.drained(me.device);
}

describe('a message without its content', () => {
    it('is told once and comes from the own phone', async () => {
        me.device.faults.unavailable = 1;
        const request = asked();
        const { id } = await ann.phone.sendText(me.account, 'withheld');
        const { keys } = await request;
        assert.deepEqual(keys.map(k => [k.id, Boolean(k.fromMe)]),
            [[id, false]]);
        const m = (await w.received('withheld')).data.message;
        assert.equal(m.message_id, id);
        assert.equal(m.remote_jid, ann.pn);
        assert.equal(m.from_lid, ann.lid);
        assert.equal(m.push_name, 'Ann');
        assert.equal(m.from_me, false);
        assert.ok(Math.abs(m.timestamp - Date.now() / 1000) < 60);
        assert.deepEqual(told(id).map(d => [d.chat_jid, d.from_jid,
            d.retrying, d.reason]), [[ann.pn, ann.pn, true, 'unavailable']]);
        await stillWorks();
    });

    it('has no child at all', async () => {
        me.device.faults.unavailable = 1;
        me.device.faults.unavailableType = 'absent';
        const { id } = await ann.phone.sendText(me.account, 'bare');
        assert.equal((await w.received('bare')).data.message.message_id, id);
        assert.equal(told(id).length, 1);
    });

    it('was sent by the own phone', async () => {
        me.device.faults.unavailable = 1;
        const { id } = await me.phone.sendText(ann.account, 'own words');
        const e = await w.events.wait(x => x.type === 'message.echo'
            && x.data.message.body === 'own words', 'the echo');
        assert.equal(e.data.message.message_id, id);
        assert.equal(e.data.message.remote_jid, ann.pn);
        assert.equal(e.data.message.from_me, true);
        assert.deepEqual(told(id).map(d => d.from_jid), [me.pn]);
        await stillWorks();
    });

    it('is not asked for when nobody hands it out', async () => {
        const requests = [];
        const note = a => requests.push(...a.keys.map(k => k.id));
        me.phone.on('asked', note);
        const ids = [];
        for (const type of ['view_once', 'view_once_unavailable_fanout',
            'bot_unavailable_fanout', 'hosted_unavailable_fanout']) {
            me.device.faults.unavailable = 1;
            me.device.faults.unavailableType = type;
            ids.push((await ann.phone.sendText(me.account, type)).id);
        }
        me.device.faults = { unavailable: 1 };
        await ann.phone.sendText(me.account, 'but this one');
        await w.received('but this one');
        me.phone.off('asked', note);
        assert.equal(requests.some(id => ids.includes(id)), false);
        assert.deepEqual(ids.map(id => told(id)).flat()
            .map(d => [d.reason, d.retrying]), [['view_once', false],
            ['view_once', false], ['bot', false], ['hosted', false]]);
    });

    it('that comes again is told once, and asked for once', async () => {
        me.phone.answers = false;
        const id = s.post(me, ann.phone, [node('unavailable')]);
        const request = asked(a => a.keys.some(k => k.id === id));
        s.post(me, ann.phone, [node('unavailable')], { id });
        assert.equal((await request).keys.filter(k => k.id === id).length,
            1);
        await stillWorks();
        me.phone.answers = true;
        assert.equal(told(id).length, 1);
    });

    it('is taken after a restart, too', async () => {
        me.phone.answers = false;
        me.device.faults.unavailable = 1;
        const request = asked();
        const { id } = await ann.phone.sendText(me.account, 'before it');
        const { keys, id: stanza } = await request;
        assert.equal(keys[0].id, id);
        await w.stop();
        me.phone.answers = true;
        await w.start();
        await w.state(me.id, 'READY');
        // the phone answers late
        await answerLate(stanza, keys);
        await w.received('before it');
        await stillWorks();
    });

    it('comes by itself after all: the answer changes nothing', async () => {
        me.phone.answers = false;
        me.device.faults.unavailable = 1;
        const request = asked();
        const sent = await ann.phone.sendText(me.account, 'came itself');
        const { keys, id } = await request;
        await s.inject(me, ann.phone, { conversation: 'came itself' },
            { id: sent.id });
        await w.received('came itself');
        me.phone.answers = true;
        await answerLate(id, keys);
        await stillWorks();
        assert.deepEqual(s.bodies('came itself'), ['came itself']);
    });

    it('is taken from nobody but the phone, and only when wanted',
        async () => {
            const info = id => proto.WebMessageInfo.encode(
                proto.WebMessageInfo.fromObject({ key: { remoteJid: ann.lid,
                    id, fromMe: false }, message: { conversation:
                    'slipped in' } })).finish();
            const answer = bytes => ({ protocolMessage: { type: 17,
                peerDataOperationRequestResponseMessage: {
                    peerDataOperationRequestType: 4, stanzaId: 'x',
                    peerDataOperationResult: [{
                        placeholderMessageResendResponse: {
                            webMessageInfoBytes: bytes } }] } } });
            me.phone.answers = false;
            me.device.faults.unavailable = 1;
            const request = asked();
            const sent = await ann.phone.sendText(me.account, 'wanted');
            await request;
            // a contact answers; then the phone, unasked, and with junk
            await s.inject(me, ann.phone, answer(info(sent.id)));
            await me.phone.sendPeer(me.device, answer(info('3EB0ABCDEF')));
            await me.phone.sendPeer(me.device, answer(randomBytes(40)));
            await stillWorks();
            me.phone.answers = true;
            assert.deepEqual(s.bodies('slipped in'), []);
        });
});

describe('kinds that hold no text', () => {
    const post = (enc, attrs) => s.post(me, ann.phone, enc, attrs);
    const bytes = randomBytes(48);

    it('of an unknown enc are told as unknown, once', async () => {
        const enc = [node('enc', { v: 2, type: 'msmsg' }, bytes)];
        const id = post(enc);
        post(enc, { id });
        const e = await w.events.wait(x => x.type === 'message.received'
            && x.data.message.message_id === id, 'the unknown message');
        const m = e.data.message;
        assert.equal(m.message_type, 'unknown');
        assert.equal(m.body, null);
        assert.equal(m.remote_jid, ann.pn);
        await stillWorks();
    });

    it('are acknowledged, whatever they are', async () => {
        const events = w.events.all.length;
        post([node('plaintext', {}, Buffer.from('x'))]);
        post(undefined, { type: 'medianotify' });
        post(undefined, { type: 'unheard-of', category: 'peer' });
        post([node('unavailable')], { from: '15550001111-1@g.us' });
        await s.env.drained(me.device);
        assert.deepEqual(w.events.all.slice(events).map(e => e.type)
            .filter(t => t.startsWith('message.')), []);
        await stillWorks();
    });

    it('are read receipts in a list', async () => {
        const ids = [];
        for (const t of numbers('listed', 3)) {
            ids.push((await s.sent(me, ann.account.pn, t)).message_id);
        }
        await s.arrived(ann, 'listed 2');
        me.device.mailbox.post(node('receipt', { id: ids[2], type: 'read',
            from: ann.phone.device.lidJid, t: Math.floor(Date.now() / 1000) },
        [node('list', {}, ids.slice(0, 2).map(i =>
            node('item', { id: i })))]));
        for (const i of ids) {
            await w.events.wait(e => e.type === 'message.receipt'
                && e.data.message_id === i && e.data.status === 'read',
            `receipt of ${i}`);
        }
        await stillWorks();
    });
});

/** Kilobytes of all workers: now, and at the most. */
function memory() {
    let [now, peak] = [0, 0];
    for (const pid of w.pids().workers) {
        const text = readFileSync(`/proc/${pid}/status`, 'utf8');
        now += Number(/VmRSS:\s+(\d+)/.exec(text)[1]);
        peak += Number(/VmHWM:\s+(\d+)/.exec(text)[1]);
    }
    return { now, peak };
}

describe('a long queue', () => {
    const asan = /asan/.test(process.env.WAHUB_NGINX ?? '');
    const COUNT = asan ? 2000 : 10000;
    const MORE_KB = 48 * 1024;

    it(`of ${COUNT} messages comes in order, once, in little memory`,
        async t => {
            await stillWorks();
            await w.api('POST', `/api/accounts/${me.id}/stop`);
            await w.state(me.id, 'STOPPED');
            const texts = numbers('long', COUNT);
            const start = performance.now();
            for (const text of texts) {
                s.post(me, ann.phone, [await ann.phone.encryptFor(me.device,
                    encodeMessage({ conversation: text }))]);
            }
            const written = performance.now();
            const before = memory();
            const told = sim.counters.receipts;
            // the connection is lost in the middle, then some come twice
            const cut = d => {
                if (d === me.device
                    && d.mailbox.entries.length <= COUNT / 2) {
                    sim.off('receipt', cut);
                    d.link.streamError({ code: 503 });
                    d.faults.duplicate = 20;
                }
            };
            sim.on('receipt', cut);
            await w.api('POST', `/api/accounts/${me.id}/start`);
            await w.received(texts[COUNT - 1], 120000);
            const done = performance.now();
            await s.env.drained(me.device);
            assert.deepEqual(s.bodies('long '), texts);
            const { peak } = memory();
            const { batches } = me.device.mailbox;
            t.diagnostic(`${COUNT} messages: written in `
                + `${Math.round(written - start)} ms, taken in within `
                + `${Math.round(done - written)} ms, `
                + `${Math.round(COUNT / (done - written) * 1000)}/s, `
                + `${peak - before.now} kB more at the peak, `
                + `${batches} batches after the cut`);
            assert.ok(batches >= 1 && batches <= COUNT / 200 + 5,
                `${batches} batches`);
            assert.ok(sim.counters.receipts - told < COUNT / 4,
                `${sim.counters.receipts - told} receipts`);
            assert.ok(asan || peak - before.now < MORE_KB,
                `${peak - before.now} kB more`);
            await w.state(me.id, 'READY');
            await stillWorks();
        });
});
