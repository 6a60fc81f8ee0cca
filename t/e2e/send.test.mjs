// Outbound texts: to every device of a contact and the own ones, in every
// form of address, in order, once, whatever happens to the connection, and
// with WhatsApp's refusals told as they are.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { numbers, Stage, until } from './lib/stage.mjs';

let s, sim, w, me, ann;

before(async () => {
    s = await Stage.start({ conf: 'wahub_send_timeout 700ms;' });
    ({ sim, w } = s);
    me = await s.me('sender');
    ann = await s.env.person('ann', 0);
});

afterEach(() => s.checkClean());

after(() => s.close());

const sentEvent = id => w.events.wait(e => e.type === 'message.sent'
    && e.data.message.message_id === id, `message.sent ${id}`);

describe('a text', () => {
    it('reaches every device of the contact and the own ones', async () => {
        const self = await s.me('many', { companions: 1 });
        const bob = await s.env.person('bob', 2);
        const r = await s.sent(self, bob.account.pn, 'to all devices');
        await s.arrived(bob, 'to all devices');
        assert.equal((await bob.client.waitText('to all devices')).id,
            r.message_id);
        assert.equal((await bob.client.waitText('to all devices')).fromMe,
            false);
        const copy = await self.client.waitText('to all devices');
        assert.equal(copy.fromMe, true);
        assert.equal(copy.id, r.message_id);
        assert.equal(copy.chat, bob.lid);
        assert.equal((await s.env.phoneText(self, 'to all devices')).own,
            true);
        await s.sent(self, bob.account.pn, 'in the sessions now');
        await s.arrived(bob, 'in the sessions now');
        await bob.client.sendText(self.lid, 'answer');
        await w.received('answer');
        await s.sent(self, bob.account.pn, 'after the answer');
        await s.arrived(bob, 'after the answer');
        assert.deepEqual(s.seen(bob, 'to all'),
            [['to all devices'], ['to all devices'], ['to all devices']]);
    });

    it('is told as sent, then delivered and read', async () => {
        const r = await s.sent(me, ann.account.pn, 'with receipts',
            { metadata: { order: 17 } });
        assert.equal(r.to, ann.pn);
        assert.equal(r.jid, ann.pn);
        assert.equal(r.account_id, me.id);
        const m = (await sentEvent(r.message_id)).data.message;
        assert.equal(m.id, r.id);
        assert.equal(m.from_me, true);
        assert.equal(m.source, 'api');
        assert.equal(m.status, 'SENT');
        assert.equal(m.body, 'with receipts');
        assert.deepEqual(m.metadata, { order: 17 });
        const receipt = status => w.events.wait(e =>
            e.type === 'message.receipt' && e.data.status === status
            && e.data.message_id === r.message_id, status);
        const { data } = await receipt('delivered');
        assert.equal(data.id, r.id);
        assert.equal(data.chat_jid, ann.pn);
        assert.equal(data.recipient_jid, ann.pn);
        ann.phone.read(r.message_id, me.account.device(0));
        await receipt('read');
    });

    it('is answered when a device has it, if asked (wait)', async () => {
        const path = `/api/accounts/${me.id}/messages`;
        const rows = [[path, { wait: 'device' }], [`${path}?wait=device`]];
        for (const [i, [row, more]] of rows.entries()) {
            const text = `wait for a device ${i}`;
            const r = await w.request('POST', row, { to: ann.account.pn,
                text, ...more });
            assert.equal(r.status, 201, r.raw.toString());
            assert.equal(r.json.status, 'DELIVERED');
            await s.arrived(ann, text);
        }
        ann.phone.receipts = false;
        const late = await w.send(me.id, ann.account.pn, 'no receipt',
            { wait: 'device' });
        ann.phone.receipts = true;
        assert.equal(late.status, 201, late.raw.toString());
        assert.equal(late.json.status, 'SENT');
    });

    it('tells when a device got it, as the history does', async () => {
        const send = (wait, text = 'when') => w.request('POST',
            '/api/messages', { wait, account: me.id, to: ann.account.pn,
                text });
        const { json } = await send('device');
        assert.equal(json.status, 'DELIVERED');
        assert.equal(json.read_at, null);
        const m = await until('the history', async () => {
            const r = await w.request('GET', `/api/messages/${json.id}`);
            return r.json.status === 'DELIVERED' && r.json;
        });
        assert.match(m.delivered_at, /^20.*Z$/);
        assert.equal(json.delivered_at, m.delivered_at);
        assert.equal(json.deliveredAt, m.delivered_at);
        const sent = await send('server');
        assert.equal(sent.json.status, 'SENT');
        assert.equal(sent.json.delivered_at, null);
        // what is read has come, too
        ann.phone.receipts = false;
        const sending = send('device', 'when read');
        const { id } = await s.env.phoneText(ann, 'when read');
        ann.phone.read(id, me.account.device(0));
        const read = (await sending).json;
        ann.phone.receipts = true;
        assert.equal(read.status, 'READ');
        assert.match(read.read_at, /^20.*Z$/);
        assert.equal(read.readAt, read.read_at);
        assert.equal(read.delivered_at, read.read_at);
    });

    it('goes to every form of address', async () => {
        const { pn, lid } = ann.account;
        const spaced = `+${pn[0]} (${pn.slice(1, 4)}) ${pn.slice(4, 7)}-`
            + pn.slice(7);
        const forms = [pn, `+${pn}`, spaced, `${pn}@s.whatsapp.net`,
            `${pn}@c.us`, `${lid}@lid`, `${pn}:3@s.whatsapp.net`];
        for (const [i, to] of forms.entries()) {
            const r = await s.sent(me, to, `form ${i}`);
            assert.equal(r.to, ann.pn, to);
        }
        await s.arrived(ann, `form ${forms.length - 1}`);
        assert.deepEqual(s.seen(ann, 'form '),
            [numbers('form', forms.length)]);
    });

    it('goes to the own number, by number and by LID', async () => {
        const self = await s.me('self', { companions: 1 });
        for (const [i, to] of [self.account.pn, self.lid].entries()) {
            await s.sent(self, to, `note ${i}`);
            const m = await s.env.phoneText(self, `note ${i}`);
            assert.equal(m.own, true);
            assert.equal(m.chat, self.account);
            assert.equal((await self.client.waitText(`note ${i}`)).fromMe,
                true);
        }
        assert.deepEqual(s.seen(self, 'note'),
            [numbers('note', 2), numbers('note', 2)]);
    });

    it('of every script and of 65536 bytes', async () => {
        const texts = ['ü', '👨‍👩‍👧 ✓', 'مرحبا', 'two\nlines\t"q" \\ \u2028',
            'x'.repeat(65536), '€'.repeat(21845)];
        for (const t of texts) {
            await s.sent(me, ann.account.pn, t);
            await s.arrived(ann, t);
        }
    });

    it('quotes: what was received by its id, own texts whole', async () => {
        const { id } = await ann.phone.sendText(me.account, 'a question');
        const m = (await w.received('a question')).data.message;
        await s.sent(me, ann.account.pn, 'an answer', { quoted_id: m.id });
        const quote = async text => (await s.env.phoneText(ann, text))
            .message.extendedTextMessage.contextInfo;
        const info = await quote('an answer');
        assert.equal(info.stanzaId, id);
        assert.equal(info.participant, ann.lid);
        const own = await s.sent(me, ann.account.pn, 'a remark');
        for (const ref of [own.id, own.message_id]) {
            const text = `as I said, ${ref}`;
            await s.sent(me, ann.account.pn, text, { quoted_id: ref });
            const c = await quote(text);
            assert.equal(c.stanzaId, own.message_id);
            assert.equal(c.participant, me.lid);
            assert.equal(c.quotedMessage.conversation
                || c.quotedMessage.extendedTextMessage.text, 'a remark');
        }
        const unknown = await w.send(me.id, ann.account.pn, 'no',
            { quoted_id: 'no message has this id' });
        assert.equal(unknown.status, 404);
        assert.equal(unknown.json.error.code, 'MESSAGE_NOT_FOUND');
    });
});

describe('a request that cannot be sent', () => {
    const refused = async (to, text, status, code, id = me.id) => {
        const r = await w.send(id, to, text);
        assert.equal(r.status, status, `${to}: ${r.raw.toString()}`);
        assert.equal(r.json.success, false);
        assert.equal(r.json.error.code, code);
        assert.equal(r.json.error_code, code);
        return r;
    };

    it('without text or recipient', async () => {
        await refused(ann.account.pn, '', 400, 'MISSING_CONTENT');
        await refused(ann.account.pn, undefined, 400, 'MISSING_CONTENT');
        await refused(undefined, 'x', 400, 'MISSING_RECIPIENT');
        await refused('nobody', 'x', 400, 'INVALID_RECIPIENT');
        await refused('0015550100', 'x', 400, 'INVALID_RECIPIENT');
        await refused('1@example.com', 'x', 400, 'INVALID_RECIPIENT');
        const r = await w.send(me.id, ann.account.pn, 'x'.repeat(65537));
        assert.equal(r.status, 400);
    });

    it('to a number that has no WhatsApp', async () => {
        const r = await refused('999888777666', 'hello?', 502,
            'SEND_FAILED');
        assert.match(r.json.message, /not on WhatsApp/);
        const { provider_code: code, message_id: id } = r.json.error.details;
        assert.equal(code, 404);

        // told, and kept, like what the server refuses later
        const e = await w.events.wait(x => x.type === 'message.failed'
            && x.data.message.message_id === id, 'message.failed');
        assert.equal(e.data.error.code, 'SEND_FAILED');
        assert.equal(e.data.error.provider_code, 404);
        const row = await until('its row', async () => (await w.api('GET',
            `/api/messages?account=${me.id}&chat=999888777666`)).data.at(0));
        assert.equal(row.message_id, id);
        assert.equal(row.body, 'hello?');
        assert.equal(row.status, 'FAILED');
        assert.equal(row.error.code, 'SEND_FAILED');
        await s.sent(me, ann.account.pn, 'others still work');
    });

    it('before the account is READY', async () => {
        const { id } = await w.create({ name: 'Fresh' });
        await w.state(id, 'QR');
        const r = await refused(ann.account.pn, 'x', 409,
            'ACCOUNT_NOT_READY', id);
        assert.equal(r.json.error.details.state, 'QR');
        await w.api('POST', `/api/accounts/${id}/stop`);
        await w.state(id, 'STOPPED');
        await refused(ann.account.pn, 'x', 409, 'ACCOUNT_NOT_READY', id);
    });

    it('while the account is away', async () => {
        const away = await s.me('away');
        away.account.faults.failure = { reason: 503 };
        away.device.link.streamError({ code: 503 });
        await w.state(away.id, 'DISCONNECTED');
        const r = await refused(ann.account.pn, 'x', 503,
            'ACCOUNT_NOT_READY', away.id);
        assert.ok(Number(r.headers.get('retry-after')) > 0);
        delete away.account.faults.failure;
        await w.state(away.id, 'READY');
    });

    for (const [error, code] of [[463, 'REACHOUT_LIMITED'],
        [479, 'STALE_ADDRESS'], [420, 'RECIPIENT_REFUSED'],
        [429, 'WHATSAPP_RATE_LIMIT'], [400, 'SEND_FAILED']]) {
        it(`because WhatsApp says ${error}`, async () => {
            // a stale address is looked up and tried again, once
            sim.ackErrors.set(me.account, [error, ...error === 479 ? [error]
                : []]);
            const text = `refused with ${error}`;
            const r = await refused(ann.account.pn, text, 502, code);
            assert.equal(r.json.error.details.provider_code, error);
            const e = await w.events.wait(x => x.type === 'message.failed'
                && x.data.message.body === text);
            assert.equal(e.data.error.code, code);
            assert.equal(e.data.message.status, 'FAILED');
            await s.sent(me, ann.account.pn, `after ${error}`);
            await s.arrived(ann, `after ${error}`);
            assert.deepEqual(s.seen(ann, text), [[]]);
        });
    }
});

describe('order', () => {
    it('of 50 sends one by one', async () => {
        for (const t of numbers('one by one', 50)) {
            await s.sent(me, ann.account.pn, t);
        }
        await s.arrived(ann, 'one by one 49');
        assert.deepEqual(s.seen(ann, 'one by one'),
            [numbers('one by one', 50)]);
    });

    it('of sends that do not wait for each other', async () => {
        const bob = await s.env.person('order-b', 0);
        for (const t of numbers('burst', 50)) {
            const [a, b] = await Promise.all([ann, bob].map(p =>
                w.send(me.id, p.account.pn, t, { wait: 'none' })));
            assert.equal(a.status, 202, a.raw.toString());
            assert.equal(a.json.status, 'PENDING');
            assert.equal(b.status, 202);
        }
        for (const p of [ann, bob]) {
            await s.arrived(p, 'burst 49');
            assert.deepEqual(s.seen(p, 'burst'), [numbers('burst', 50)]);
        }
        await until('50 message.sent each', () =>
            s.bodies('burst', 'message.sent').length === 100);
        s.checkOnce('message.sent');
    });

    it('of 60 requests at once: each once', async () => {
        const answers = await Promise.all(numbers('at once', 60).map(t =>
            s.sent(me, ann.account.pn, t)));
        assert.equal(new Set(answers.map(a => a.message_id)).size, 60);
        await until('all of them', () =>
            s.seen(ann, 'at once')[0].length >= 60);
        assert.deepEqual(s.seen(ann, 'at once')[0].sort(),
            numbers('at once', 60).sort());
    });
});

describe('an ack that does not come', () => {
    it('makes it PENDING until it comes', async () => {
        me.account.faults.holdAcks = true;
        const r = await w.send(me.id, ann.account.pn, 'held');
        assert.equal(r.status, 202, r.raw.toString());
        assert.equal(r.json.status, 'PENDING');
        assert.deepEqual(w.events.of('message.sent').filter(e =>
            e.data.message.body === 'held'), []);
        sim.releaseAcks(me.account);
        const e = await sentEvent(r.json.message_id);
        assert.equal(e.data.message.id, r.json.id);
        assert.deepEqual(s.seen(ann, 'held'), [['held']]);
    });

    it('because of a cut after the stanza: it is sent once', async () => {
        me.account.faults.cutBeforeAck = 1;
        const repeated = sim.counters.repeated;
        const r = await w.send(me.id, ann.account.pn, 'cut after');
        assert.ok([201, 202].includes(r.status), r.raw.toString());
        await sentEvent(r.json.message_id);
        assert.equal(sim.counters.repeated, repeated + 1);
        await w.state(me.id, 'READY');
        await s.sent(me, ann.account.pn, 'cut after, next');
        await s.arrived(ann, 'cut after, next');
        assert.deepEqual(s.seen(ann, 'cut after'),
            [['cut after', 'cut after, next']]);
    });

    it('because the stanza was lost: it is sent again', async () => {
        me.account.faults.loseMessage = 1;
        const r = await w.send(me.id, ann.account.pn, 'lost once');
        assert.ok([201, 202].includes(r.status), r.raw.toString());
        await sentEvent(r.json.message_id);
        await s.arrived(ann, 'lost once');
        await w.state(me.id, 'READY');
        assert.deepEqual(s.seen(ann, 'lost once'), [['lost once']]);
    });

    it('for many at once: all are sent again, in order', async () => {
        me.account.faults.holdAcks = true;
        for (const t of numbers('unacked', 20)) {
            const r = await w.send(me.id, ann.account.pn, t,
                { wait: 'none' });
            assert.equal(r.status, 202);
        }
        await s.arrived(ann, 'unacked 19');
        delete me.account.faults.holdAcks;
        me.device.link.ws.terminate();
        await until('20 message.sent', () =>
            s.bodies('unacked', 'message.sent').length === 20);
        await w.state(me.id, 'READY');
        await s.sent(me, ann.account.pn, 'unacked, after');
        await s.arrived(ann, 'unacked, after');
        assert.deepEqual(s.seen(ann, 'unacked'),
            [[...numbers('unacked', 20), 'unacked, after']]);
        s.checkOnce('message.sent');
    });
});

describe('device lists', () => {
    it('follow a companion that was linked later', async () => {
        const eve = await s.env.person('eve');
        await s.sent(me, eve.account.pn, 'one companion');
        await s.arrived(eve, 'one companion');
        const told = sim.next('ack-notification', d => d === me.device);
        const late = s.env.client({ name: 'late' });
        await late.link(eve.phone);
        await told;
        await s.sent(me, eve.account.pn, 'two companions');
        await s.arrived(eve, 'two companions');
        await late.waitText('two companions');
        assert.equal(late.messages.filter(m => m.text !== undefined).length,
            1);
    });

    it('follow a companion that was removed', async () => {
        const eve = await s.env.person('eva', 2);
        await s.sent(me, eve.account.pn, 'both');
        await s.arrived(eve, 'both');
        const told = sim.next('ack-notification', d => d === me.device);
        eve.phone.logout(eve.device(1));
        await told;
        await s.sent(me, eve.account.pn, 'without the second');
        await eve.client.waitText('without the second');
        await s.env.phoneText(eve, 'without the second');
    });

    it('are read again when the server says they are old', async () => {
        const eve = await s.env.person('evi');
        await s.sent(me, eve.account.pn, 'fresh list');
        await s.arrived(eve, 'fresh list');
        // a device that nobody is told about
        const { notifyDevices } = sim;
        sim.notifyDevices = () => {};
        const late = s.env.client({ name: 'silent' });
        await late.link(eve.phone);
        sim.notifyDevices = notifyDevices;
        const stale = sim.next('stale');
        await s.sent(me, eve.account.pn, 'stale list');
        await stale;
        await s.sent(me, eve.account.pn, 'list read again');
        await s.arrived(eve, 'list read again');
        await late.waitText('list read again');
    });

    it('of the own account follow too', async () => {
        const self = await s.me('own-list');
        await s.sent(self, ann.account.pn, 'alone');
        const told = sim.next('ack-notification', d => d === self.device);
        const c = s.env.client({ name: 'own-late' });
        await c.link(self.phone);
        await told;
        await s.sent(self, ann.account.pn, 'with a companion');
        assert.equal((await c.waitText('with a companion')).fromMe, true);
    });
});
