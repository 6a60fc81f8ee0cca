// Inbound messages: from phones and Baileys, copies of own devices, the
// offline queue, repeats, odd frames, and what cannot be decrypted.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { node } from '../sim/codec.mjs';
import { encodeMessage } from '../sim/signal.mjs';
import { numbers, Stage } from './lib/stage.mjs';

let s, sim, w;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
});

afterEach(async () => {
    await s.checkClean();
    s.checkOnce();
});

after(() => s.close());

/** Something went wrong before; the account must still be well. */
async function stillWorks(me, contact) {
    const text = `still works ${randomBytes(4).toString('hex')}`;
    await contact.sendText(me.account, text);
    await w.received(text);
    assert.equal((await w.account(me.id)).state, 'READY');
    await s.env.drained(me.device);
}

describe('text', () => {
    let me, phone;

    before(async () => {
        me = await s.me('text');
        phone = sim.phone({ name: 'Phil' });
    });

    it('of a phone becomes an event', async () => {
        const { id } = await phone.sendText(me.account, 'from a phone');
        const e = await w.received('from a phone');
        const m = e.data.message;
        const pn = `${phone.account.pn}@s.whatsapp.net`;
        assert.equal(e.account_id, me.id);
        assert.equal(m.message_id, id);
        assert.equal(m.waMessageId, id);
        assert.equal(m.remote_jid, pn);
        assert.equal(m.from_jid, pn);
        assert.equal(m.from_me, false);
        assert.equal(m.direction, 'INBOUND');
        assert.equal(m.phone_number, phone.account.pn);
        assert.equal(m.push_name, 'Phil');
        assert.equal(m.message_type, 'text');
        assert.equal(m.type, 'TEXT');
        assert.equal(m.text, 'from a phone');
        assert.equal(m.source, 'whatsapp');
        assert.ok(Math.abs(m.timestamp - Date.now() / 1000) < 60);
        assert.ok(m.id.length > 0 && m.id.length <= 64);
    });

    it('of somebody new is told as a chat and a contact, once', async () => {
        const jid = `${phone.account.pn}@s.whatsapp.net`;
        const told = (type, what, test) => w.events.wait(e => e.type === type
            && e.account_id === me.id && e.data[what].jid === jid
            && test(e.data), `${type} ${test}`).then(e => e.data[what]);
        const chat = await told('chat.updated', 'chat', d => d.created);
        assert.equal(chat.account_id, me.id);
        assert.equal(chat.name, 'Phil');
        assert.equal(chat.is_group, false);
        assert.equal(chat.last_message_body, 'from a phone');
        const contact = await told('contact.updated', 'contact',
            d => d.created);
        assert.deepEqual(contact, { jid, lid: `${phone.account.lid}@lid`,
            account_id: me.id, phone_number: phone.account.pn, name: 'Phil',
            notify_name: 'Phil' });
        // another name is told, the chat is no new one
        phone.account.name = 'Philip';
        await phone.sendText(me.account, 'renamed');
        const named = await told('contact.updated', 'contact',
            d => d.created === false);
        assert.equal(named.notify_name, 'Philip');
        assert.equal((await w.api('GET', `/api/contacts/${jid}?account=${
            me.id}`)).notify_name, 'Philip');
        assert.equal(w.events.of('chat.updated', me.id).length, 1);
        assert.equal(w.events.of('contact.updated', me.id).length, 2);
    });

    it('addressed by phone number is from the same person', async () => {
        await phone.sendText(me.account, 'by number', { server: 'pn' });
        const m = (await w.received('by number')).data.message;
        assert.equal(m.remote_jid, `${phone.account.pn}@s.whatsapp.net`);
        await phone.sendText(me.account, 'by LID again');
        await w.received('by LID again');
    });

    it('of Baileys arrives, and Baileys sees it delivered', async () => {
        const b = await s.env.person('b');
        const receipt = sim.next('receipt', (d, r) => d === me.device);
        const id = await b.client.sendText(me.lid, 'from baileys');
        const m = (await w.received('from baileys')).data.message;
        assert.equal(m.message_id, id);
        assert.equal(m.remote_jid, b.pn);
        const [, stanza] = await receipt;
        assert.equal(stanza.attrs.type, 'inactive');
        await b.client.sendText(me.pn, 'and by number');
        await w.received('and by number');
    });

    it('of every length and script', async () => {
        const texts = ['x', 'ä', '😀 family 👨‍👩‍👧', 'שלום עולם', '中文',
            'line\nbreak\ttab "quotes" \\ \u0001\u2028', 'a'.repeat(65536)];
        for (const t of texts) {
            await phone.sendText(me.account, t);
            await w.received(t);
        }
    });

    it('with a style or a quote', async () => {
        const { id } = await phone.sendText(me.account, 'to quote');
        await phone.sendMessage(me.account, { extendedTextMessage: {
            text: 'quoting', contextInfo: { stanzaId: id,
                participant: me.lid, isForwarded: true, forwardingScore: 2,
                quotedMessage: { conversation: 'to quote' } } } });
        const m = (await w.received('quoting')).data.message;
        const quoted = (await w.received('to quote')).data.message;
        assert.ok([id, quoted.id].includes(m.quoted_id), m.quoted_id);
        assert.equal(m.quoted_body, 'to quote');
        assert.equal(m.is_forwarded, true);
        assert.equal(m.forward_score, 2);
    });

    it('of several contacts at once keeps each one in order', async () => {
        const phones = [phone, sim.phone(), sim.phone()];
        for (let i = 0; i < 40; i++) {
            phones.forEach((p, k) =>
                p.sendText(me.account, `many ${k} ${i}`));
        }
        for (const k of phones.keys()) {
            await w.received(`many ${k} 39`);
            assert.deepEqual(s.bodies(`many ${k} `),
                numbers(`many ${k}`, 40));
        }
    });
});

describe('own devices', () => {
    it('make echoes: phone and companion', async () => {
        const me = await s.me('echo', { companions: 1 });
        const contact = await s.env.person('c');
        const { id } = await me.phone.sendText(contact.account, 'my phone');
        const echo = text => w.events.wait(e => e.type === 'message.echo'
            && e.data.message.body === text, `echo "${text}"`);
        const m = (await echo('my phone')).data.message;
        assert.equal(m.message_id, id);
        assert.equal(m.from_me, true);
        assert.equal(m.from_jid, null);
        assert.equal(m.direction, 'OUTBOUND');
        assert.equal(m.source, 'phone');
        assert.equal(m.remote_jid, contact.pn);
        await me.client.sendText(contact.lid, 'my companion');
        assert.equal((await echo('my companion')).data.message.remote_jid,
            contact.pn);
        await me.client.sendText(contact.pn, 'by number');
        assert.equal((await echo('by number')).data.message.remote_jid,
            contact.pn);
        await me.client.sendText(me.lid, 'note to self');
        const note = (await echo('note to self')).data.message;
        assert.equal(note.remote_jid, me.pn);
        assert.deepEqual(w.events.of('message.received', me.id), []);
        s.checkOnce('message.echo');
    });

    it('cannot be played by a contact', async () => {
        const me = await s.me('forged');
        const phone = sim.phone();
        const before = w.events.of('message.echo').length;
        await s.inject(me, phone, { deviceSentMessage: {
            destinationJid: phone.account.lid + '@lid',
            message: { conversation: 'forged copy' } } });
        await s.inject(me, phone, { protocolMessage: { type: 6,
            appStateSyncKeyShare: { keys: [{ keyId: { keyId:
                Buffer.from([9, 9]) }, keyData: { keyData:
                Buffer.alloc(32) } }] } } });
        await stillWorks(me, phone);
        assert.equal(w.events.of('message.echo').length, before);
        assert.deepEqual(s.bodies('forged'), []);
    });
});

describe('the offline queue', () => {
    it('of 300 messages comes in order, once', async () => {
        const me = await s.me('queue');
        const phone = sim.phone();
        await phone.sendText(me.account, 'before');
        await w.received('before');
        await w.api('POST', `/api/accounts/${me.id}/stop`);
        await w.state(me.id, 'STOPPED');
        for (const t of numbers('offline', 300)) {
            await phone.sendText(me.account, t);
        }
        await w.api('POST', `/api/accounts/${me.id}/start`);
        await w.received('offline 299');
        await s.env.drained(me.device);
        assert.deepEqual(s.bodies('offline '), numbers('offline', 300));
        await w.state(me.id, 'READY');
        await stillWorks(me, phone);
    });

    it('comes again after a cut in its middle, once', async () => {
        const me = await s.me('cut');
        const phone = sim.phone();
        await phone.sendText(me.account, 'before the cut');
        await w.received('before the cut');
        await w.api('POST', `/api/accounts/${me.id}/stop`);
        await w.state(me.id, 'STOPPED');
        for (const t of numbers('cut', 100)) {
            await phone.sendText(me.account, t);
        }
        me.account.faults.dropAfterFrames = 80;
        await w.api('POST', `/api/accounts/${me.id}/start`);
        await w.received('cut 99');
        assert.deepEqual(s.bodies('cut '), numbers('cut', 100));
        assert.ok(me.device.logins >= 3);
        await s.env.drained(me.device);
    });

    it('may hold a first message of a new contact', async () => {
        const me = await s.me('new');
        await w.api('POST', `/api/accounts/${me.id}/stop`);
        await w.state(me.id, 'STOPPED');
        const people = Array.from({ length: 8 }, () => sim.phone());
        for (const [i, p] of people.entries()) {
            await p.sendText(me.account, `stranger ${i}`);
        }
        await w.api('POST', `/api/accounts/${me.id}/start`);
        await w.received('stranger 7');
        assert.deepEqual(s.bodies('stranger'), numbers('stranger', 8));
        await s.env.drained(me.device);
    });
});

describe('repeats', () => {
    it('of a stanza at once change nothing', async () => {
        const me = await s.me('dup');
        await s.settled(me);
        const phone = sim.phone();
        me.account.faults.duplicate = 20;
        for (const t of numbers('dup', 10)) {
            await phone.sendText(me.account, t);
        }
        await w.received('dup 9');
        await stillWorks(me, phone);
        assert.deepEqual(s.bodies('dup '), numbers('dup', 10));
        assert.deepEqual(w.events.of('message.undecryptable', me.id), []);
    });

    it('later, and after a restart, change nothing', async () => {
        const me = await s.me('late');
        await s.settled(me);
        const phone = sim.phone();
        const original = me.device.mailbox.post;
        const stanzas = [];
        me.device.mailbox.post = function post(stanza, options) {
            stanzas.push(stanza);
            return original.call(this, stanza, options);
        };
        for (const t of numbers('late', 5)) {
            await phone.sendText(me.account, t);
        }
        await w.received('late 4');
        await s.env.drained(me.device);
        me.device.mailbox.post = original;
        const messages = stanzas.filter(x => x.tag === 'message');
        assert.equal(messages.length, 5);
        messages.forEach(x => me.device.mailbox.post(x));
        await stillWorks(me, phone);
        await w.stop();
        await w.start();
        await w.state(me.id, 'READY');
        messages.forEach(x => me.device.mailbox.post(x));
        await stillWorks(me, phone);
        assert.deepEqual(s.bodies('late '), []);
        assert.deepEqual(w.events.of('message.undecryptable', me.id), []);
    });

    it('that change places decrypt', async () => {
        const me = await s.me('order');
        await s.settled(me);
        const phone = sim.phone();
        await phone.sendText(me.account, 'order 0');
        await w.received('order 0');
        for (let i = 1; i < 9; i += 2) {
            me.account.faults.reorder = 1;
            await phone.sendText(me.account, `order ${i}`);
            await phone.sendText(me.account, `order ${i + 1}`);
        }
        await w.received('order 7');
        await w.received('order 8');
        assert.deepEqual(s.bodies('order ').sort(), numbers('order', 9));
    });
});

describe('frames', () => {
    const cases = {
        'of zlib nodes': { compress: true },
        'of single bytes': { split: 1 },
        'cut into sevens': { split: 7 },
        'that come together': { coalesce: 30 },
        'that come together and are cut': { coalesce: 20, split: 100 },
        'that come late': { latencyMs: 40 },
    };
    for (const [name, faults] of Object.entries(cases)) {
        it(name, async () => {
            sim.faults = { ...faults };
            const me = await s.me(name);
            const phone = sim.phone();
            for (const t of numbers(name, 5)) {
                phone.sendText(me.account, t);
            }
            await w.received(`${name} 4`);
            assert.deepEqual(s.bodies(name), numbers(name, 5));
            await phone.sendText(me.account, 'L'.repeat(9000));
            await w.received('L'.repeat(9000));
        });
    }
});

describe('what does not decrypt', () => {
    let me, phone;

    before(async () => {
        me = await s.me('crypt');
        await s.settled(me);
        phone = sim.phone();
    });

    const undecryptable = id => w.events.of('message.undecryptable', me.id)
        .filter(e => e.data.message_id === id);

    it('is asked for again, also a first message', async () => {
        const stranger = sim.phone();
        me.device.faults.corruptEnc = 1;
        const asked = sim.next('retry', d => d === me.device);
        const { id } = await stranger.sendText(me.account, 'bad first');
        const [, target, what, count] = await asked;
        assert.equal(target, stranger.device);
        assert.equal(what, id);
        assert.equal(count, 1);
        await w.received('bad first');
        await stillWorks(me, stranger);
        assert.ok(undecryptable(id).length <= 1);
    });

    it('is asked for again inside a session', async () => {
        await stillWorks(me, phone);
        me.device.faults.corruptEnc = 1;
        await phone.sendText(me.account, 'bad MAC');
        await w.received('bad MAC');
        await stillWorks(me, phone);
    });

    it('is asked for with keys the second time, told once', async () => {
        me.device.faults.corruptEnc = 3;
        const counts = [];
        const note = (d, t, i, count) => d === me.device
            && counts.push(count);
        sim.on('retry', note);
        const { id } = await phone.sendText(me.account, 'bad three times');
        await w.received('bad three times');
        sim.off('retry', note);
        assert.deepEqual(counts, [1, 2, 3]);
        assert.deepEqual(undecryptable(id).map(e => e.data.retrying), [true]);
        const { data } = undecryptable(id)[0];
        assert.equal(data.chat_jid, `${phone.account.pn}@s.whatsapp.net`);
        assert.equal(data.from_jid, `${phone.account.pn}@s.whatsapp.net`);
        await stillWorks(me, phone);
    });

    it('is given up after five times', async () => {
        me.phone.answers = false;
        me.device.faults.corruptEnc = 6;
        const last = sim.next('retry', (d, t, i, count) => d === me.device
            && count === 5);
        const { id } = await phone.sendText(me.account, 'bad for ever');
        await last;
        await stillWorks(me, phone);
        assert.deepEqual(s.bodies('bad for ever'), []);
        assert.deepEqual(undecryptable(id).map(e => e.data.retrying),
            [true]);
        me.phone.answers = true;
    });

    it('is no message at all', async () => {
        const enc = (type, bytes, attrs = {}) =>
            node('enc', { v: 2, type, ...attrs }, bytes);
        const junk = [
            [enc('msg', randomBytes(80))],
            [enc('pkmsg', randomBytes(200))],
            [enc('msg', Buffer.from([0x33]))],
            [enc('msg', Buffer.alloc(1))],
            [enc('pkmsg', Buffer.concat([Buffer.from([0x33]),
                Buffer.alloc(120, 0xff)]))],
            [enc('skmsg', randomBytes(80))],
            [enc('frskmsg', randomBytes(10))],
            [node('enc', { v: 2, type: 'msg' })],
            [node('unavailable', { type: 'view_once' })],
            [],
        ];
        for (const content of junk) {
            s.post(me, phone, content);
        }
        await stillWorks(me, phone);
    });

    it('has a broken inside', async () => {
        const before = w.events.of('message.received', me.id).length;
        await s.inject(me, phone, Buffer.from('no padding\x00'));
        await s.inject(me, phone, Buffer.alloc(16, 16));
        await s.inject(me, phone, Buffer.from([0xff, 0xff, 0xff, 0xff, 1]));
        await s.inject(me, phone, Buffer.concat([Buffer.from([0x0a, 0xff,
            0xff, 0xff, 0xff, 0x0f]), Buffer.from([1])]));
        await s.inject(me, phone, encodeMessage({
            protocolMessage: { type: 3, ephemeralExpiration: 86400 } }));
        await stillWorks(me, phone);
        const more = w.events.of('message.received', me.id).slice(before)
            .filter(e => e.data.message.message_type === 'text');
        assert.deepEqual(more.map(e => e.data.message.body.slice(0, 11)),
            ['still works']);
    });

    it('is not text', async () => {
        await s.inject(me, phone, { imageMessage: { caption: 'a picture',
            mimetype: 'image/jpeg' } });
        const m = (await w.events.wait(e => e.type === 'message.received'
            && e.data.message.body === 'a picture')).data.message;
        assert.equal(m.message_type, 'image');
        await s.inject(me, phone, { ephemeralMessage: { message: {
            extendedTextMessage: { text: 'wrapped' } } } });
        await w.received('wrapped');
        await stillWorks(me, phone);
    });

    it('comes from a group', async () => {
        const { jid: group } = sim.groups.create({ creator: phone.account,
            mode: 'lid', subject: 'noise', members: [me.account] });
        const skmsg = node('enc', { v: 2, type: 'skmsg' }, randomBytes(90));
        const pkmsg = await phone.encryptFor(me.device, encodeMessage({
            senderKeyDistributionMessage: { groupId: group,
                axolotlSenderKeyDistributionMessage: randomBytes(60) } }));
        s.post(me, phone, [skmsg], { from: group,
            participant: phone.device.lidJid });
        s.post(me, phone, [pkmsg, skmsg], { from: group,
            participant: phone.device.lidJid });
        s.post(me, phone, [skmsg], { from: 'status@broadcast',
            participant: phone.device.lidJid });
        await stillWorks(me, phone);
    });
});

describe('stanzas nobody knows', () => {
    it('are answered or passed over', async () => {
        const me = await s.me('unknown');
        const phone = sim.phone();
        const { link } = me.device;
        for (const n of [
            node('stranger', { from: '@s.whatsapp.net', id: '1' },
                [node('deep', {}, [node('deeper')])]),
            node('ib', { from: '@s.whatsapp.net' }, [node('tos'),
                node('edge_routing', {}, [node('routing_info', {},
                    Buffer.from('080208', 'hex'))]),
                node('dirty', { type: 'account_sync', timestamp: '1' })]),
            node('presence', { from: phone.device.lidJid }),
            node('chatstate', { from: phone.device.lidJid },
                [node('composing')]),
            node('iq', { from: '@s.whatsapp.net', type: 'result', id: 'no' }),
        ]) {
            link.send(n);
        }
        await link.request({ type: 'get', xmlns: 'urn:xmpp:ping' }, [
            node('ping')]);
        for (const type of ['psa', 'w:growth', 'mex', 'account_sync',
            'privacy_token', 'server', 'w:gp2', 'picture', 'encrypt',
            'devices', 'link_code_companion_reg', 'something_new']) {
            const answered = sim.next('ack-notification',
                d => d === me.device);
            sim.notify(me.device, { type, from: `${phone.account.lid}@lid` },
                [node('child', { a: 'b' })]);
            await answered;
        }
        const call = sim.notification({ from: phone.device.lidJid,
            platform: 'android', version: '2' }, [node('offer',
            { 'call-id': 'ABCDEF', 'call-creator': phone.device.lidJid })]);
        me.device.mailbox.post({ ...call, tag: 'call' });
        await stillWorks(me, phone);
        assert.equal(me.device.logins, 1);
    });
});
