// Presence, typing and receipts with Baileys at the other end, and another
// Baileys beside wahub on the same account.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { groupedReceipt } from '../sim/read_sync.mjs';
import { phoneBlocks, phoneExcepts, setPrivacy } from '../sim/privacy.mjs';
import { phonePresence, phoneTypes } from '../sim/presence.mjs';
import { Stage, until } from './lib/stage.mjs';

const shown = [];

let stage, sim, w, me, bob, account;

before(async () => {
    stage = await Stage.start();
    ({ sim, w } = stage);
    sim.on('presence-sent', (...args) => shown.push(args));
    bob = await stage.env.person('Bob', 1);
    me = await stage.me('me', { companions: 1 });
    await stage.settled(me);
    account = `/api/accounts/${me.id}`;
    await bob.phone.sendText(me.account, 'hello');
    await w.received('hello');
});

afterEach(() => stage.env.checkClean());

after(() => stage?.close());

const event = (type, test) => w.events.wait(e => e.type === type
    && e.account_id === me.id && test(e.data), `${type} ${test}`);

/** The next such event, not one that was before. */
const next = (type, test = () => true) => {
    const since = w.events.all.length;
    return w.events.wait(e => e.type === type && e.account_id === me.id
        && w.events.all.indexOf(e) >= since && test(e.data),
    `${type} ${test}`).then(e => e.data);
};

const presence = (status, jid = bob.pn) => next('presence.updated',
    d => d.status === status && d.jid === jid);

const act = body => w.request('POST', '/api/actions/presence',
    { account: me.id, ...body });

const stanza = (name, test = () => true) =>
    sim.next(name, (...args) => args[0] === me.device && test(...args));

describe('our own presence', () => {
    it('is unavailable until it is asked for', async () => {
        assert.ok(!me.device.available);
        assert.ok(shown.some(([device, type, name]) => device === me.device
            && type === 'unavailable' && name === 'me'));
        const there = stanza('presence', (d, available) => available);
        const away = stanza('presence', (d, available) => !available);
        const before = Date.now();
        const r = await act({ type: 'available', seconds: 3 });
        assert.equal(r.status, 200, r.raw.toString());
        assert.equal(r.json.success, true);
        const ends = Date.parse(r.json.until);
        assert.ok(ends >= before + 2000 && ends <= Date.now() + 3000,
            r.json.until);
        await there;
        await away;
    });

    it('is there while the setting says so, on each connection', async () => {
        let there = stanza('presence', (d, available) => available);
        await w.api('PATCH', account, { always_available: true });
        await there;
        const away = stanza('presence', (d, available) => !available);
        assert.equal((await act({ type: 'unavailable' })).json.available,
            false);
        await away;
        await w.api('PATCH', account, { always_available: true });
        there = stanza('presence', (d, available) => available);
        me.device.link.streamError({ code: 503 });
        await there;
        await w.state(me.id, 'READY');
        assert.equal((await w.account(me.id)).always_available, true);
    });

    it('is refused where it makes no sense', async () => {
        for (const [body, code] of [
            [{ type: 'asleep' }, 'VALIDATION_ERROR'],
            [{}, 'VALIDATION_ERROR'],
            [{ type: 'available', seconds: 0 }, 'VALIDATION_ERROR'],
            [{ type: 'composing' }, 'MISSING_RECIPIENT'],
            [{ type: 'composing', jid: 'nobody' }, 'INVALID_RECIPIENT'],
            [{ type: 'paused', jid: 'status@broadcast' },
                'INVALID_RECIPIENT'],
        ]) {
            const r = await act(body);
            assert.equal(r.status, 400, r.raw.toString());
            assert.equal(r.json.error_code, code);
        }
    });
});

describe('typing', () => {
    it('is shown to the contact', async () => {
        for (const [type, tag, media] of [['composing', 'composing'],
            ['recording', 'composing', 'audio'], ['paused', 'paused']]) {
            const typed = stanza('chatstate');
            assert.equal((await act({ type, jid: bob.account.pn })).status,
                200);
            const [, to, state] = await typed;
            assert.equal(to, bob.lid);
            assert.deepEqual([state.tag, state.attrs.media], [tag, media]);
        }
    });

    it('of others is told, once in a while', async () => {
        for (const status of ['composing', 'recording', 'paused']) {
            const told = presence(status);
            phoneTypes(bob.phone, me.lid, status);
            phoneTypes(bob.phone, me.lid, status);
            const d = await told;
            assert.equal(d.chat_jid, bob.pn);
            assert.equal(d.lid, bob.lid);
            assert.equal(d.last_seen, null);
        }
        assert.deepEqual(w.events.of('presence.updated', me.id)
            .filter(e => e.data.jid === bob.pn).map(e => e.data.status),
        ['composing', 'recording', 'paused']);
    });

    it('is told of groups with the person', async () => {
        const group = sim.groups.create({ subject: 'typing',
            creator: bob.account, members: [me.account] });
        const told = presence('composing');
        phoneTypes(bob.phone, group.jid);
        assert.equal((await told).chat_jid, group.jid);
    });
});

describe('the presence of others', () => {
    it('is told to who subscribes', async () => {
        const away = sim.next('presence', (d, available) => !available
            && d === bob.device(0));
        await bob.client.sock.sendPresenceUpdate('unavailable');
        await away;
        const gone = presence('unavailable');
        const r = await w.api('POST', '/api/presence/subscribe',
            { account: me.id, jid: bob.account.pn });
        assert.deepEqual(r.data, { person: { jid: bob.pn, lid: bob.lid },
            available: true });
        await gone;
        let told = presence('available');
        phonePresence(bob.phone, true);
        await told;
        told = presence('unavailable');
        phonePresence(bob.phone, false);
        assert.ok(Math.abs((await told).last_seen - Date.now() / 1000) < 60);
    });

    it('goes on after a reconnect, until it is unsubscribed', async () => {
        const again = stanza('subscribe');
        me.device.link.streamError({ code: 503 });
        const [, whom] = await again;
        assert.equal(whom, bob.account);
        await w.state(me.id, 'READY');
        const list = await w.api('GET',
            `/api/presence/subscriptions?account=${me.id}`);
        assert.deepEqual(list.data.subscriptions,
            [{ jid: bob.pn, lid: bob.lid }]);
        const over = stanza('unsubscribe');
        await w.api('POST', '/api/presence/unsubscribe',
            { account: me.id, jid: bob.lid });
        await over;
        const left = await w.api('GET',
            `/api/presence/subscriptions?account=${me.id}`);
        assert.deepEqual(left.data.subscriptions, []);
    });

    it('shows the token that the contact gave', async () => {
        const { giveToken } = await import('../sim/identity.mjs');
        await giveToken(sim, bob.account, me.account, { device: me.device });
        const asked = stanza('subscribe');
        await w.api('POST', '/api/presence/subscribe',
            { account: me.id, jid: bob.lid });
        const [, , { token }] = await asked;
        assert.ok(token);
    });

    it('is in the history', async () => {
        const path = `/api/presence?account=${me.id}&jid=${bob.account.pn}`;
        const list = await until('presence in the history', async () => {
            const { data } = await w.api('GET', path);
            return data.some(p => p.status === 'unavailable'
                && p.last_seen !== null) && data;
        });
        assert.ok(list.some(p => p.status === 'composing'
            && p.chat_jid === bob.pn));
        assert.ok(list.some(p => p.chat_jid.endsWith('@g.us')));
        assert.ok(Date.parse(list[0].logged_at)
            >= Date.parse(list.at(-1).logged_at));
        const { data } = await w.api('GET', `${path}&before=1`);
        assert.deepEqual(data, []);
    });
});

const stored = (id, test) => until(`message ${id}`, async () => {
    const r = await w.request('GET', `/api/messages/${id}`);
    return r.status === 200 && test(r.json) && r.json;
});

const unread = (chat, count) => until(`${count} unread in ${chat}`,
    async () => (await w.request('GET', `/api/chats/${chat}`)).json
        ?.unread_count === count);

describe('receipts of what we sent', () => {
    it('tell of delivery, reading and playing', async () => {
        const { message_id: id } = await stage.sent(me, bob.pn, 'ticks');
        await bob.client.waitText('ticks');
        const read = event('message.receipt', d => d.message_id === id
            && d.status === 'read');
        await bob.client.sock.readMessages([{ remoteJid: me.lid, id }]);
        await read;
        const played = event('message.receipt', d => d.message_id === id
            && d.status === 'played');
        await bob.client.sock.sendReceipt(me.lid, undefined, [id], 'played');
        await played;
        const m = await stored(id, x => x.status === 'PLAYED');
        assert.ok(m.receipts.every(r => r.recipient_jid === bob.pn));
        assert.deepEqual([...new Set(m.receipts.map(r => r.status))].sort(),
            ['delivered', 'played', 'read']);
    });

    it('of several messages come in one', async () => {
        const ids = [];
        for (const text of ['one', 'two', 'three']) {
            ids.push((await stage.sent(me, bob.pn, text)).message_id);
            await bob.client.waitText(text);
        }
        const all = Promise.all(ids.map(id => event('message.receipt',
            d => d.message_id === id && d.status === 'read')));
        const [, s] = await Promise.all([bob.client.sock.readMessages(
            ids.map(id => ({ remoteJid: me.lid, id }))),
        sim.next('receipt', (d, r) => d === bob.device(0)
            && r.attrs.type === 'read')]);
        assert.equal(s[1].content[0].content.length, 2);
        await all;
    });

    it('of many members come in one', async () => {
        const cat = sim.phone({ name: 'Cat' });
        const group = sim.groups.create({ subject: 'many',
            creator: me.account, members: [bob.account, cat.account] });
        await cat.sendText(me.account, 'meow');
        await w.received('meow');
        const t = Math.floor(Date.now() / 1000) - 60;
        const told = ['A', 'B'].flatMap(id => [bob.account, cat.account]
            .map(a => event('message.receipt', d => d.message_id
                === `GROUPED${id}` && d.chat_jid === group.jid
                && d.recipient_jid === `${a.pn}@s.whatsapp.net`)));
        groupedReceipt(sim, me.device, group.jid, undefined, {
            GROUPEDA: [[bob.account, t], [cat.account, t + 1]],
            GROUPEDB: [[bob.account, t + 2], [cat.account, t + 3]] });
        const times = (await Promise.all(told)).map(e => e.data.timestamp);
        assert.deepEqual(times, [t, t + 1, t + 2, t + 3]);
        await stage.env.drained(me.device);
    });
});

describe('reading', () => {
    const arrive = async text => {
        const { id } = await bob.phone.sendText(me.account, text);
        await me.client.waitText(text);
        return { id, ref: (await w.received(text)).data.message.id };
    };

    const read = (ids, more) => w.api('POST', '/api/actions/read',
        { account: me.id, jid: bob.account.pn, message_ids: ids, ...more });

    it('here is shown on the other devices and to the sender', async () => {
        const { id, ref } = await arrive('read here');
        await unread(bob.pn, 2); // and the first greeting
        const own = me.client.waitStatus(id, 4);
        const told = new Promise(resolve => bob.phone.on('receipt', r =>
            r.id === id && r.type === 'read' && resolve()));
        await read([ref]);
        await Promise.all([own, told]);
        await unread(bob.pn, 0);
        const m = await stored(ref, x => x.status === 'READ');
        assert.ok(Date.parse(m.read_at) > 0);
        const { data } = await event('message.receipt',
            d => d.message_id === id);
        assert.equal(data.id, ref);
        assert.equal(data.from_me, true);
        assert.equal(data.recipient_jid, me.pn);
    });

    it('on another device is known here', async () => {
        const { ref, id } = await arrive('read there');
        await unread(bob.pn, 1);
        await me.client.sock.readMessages([{ remoteJid: bob.lid, id }]);
        await unread(bob.pn, 0);
        await stored(ref, x => x.status === 'READ');
    });

    it('and playing are not shown where that is private', async () => {
        const told = next('privacy.updated', d =>
            d.settings.read_receipts === 'none');
        setPrivacy(me.account, 'readreceipts', 'none', me.phone.device);
        await told;
        const { id, ref } = await arrive('in private');
        const kinds = [];
        bob.phone.on('receipt', r => r.id === id && kinds.push(r.type));
        const own = me.client.waitStatus(id, 4);
        await read([ref]);
        await own;
        const played = sim.next('receipt', (d, s) => d === me.device
            && s.attrs.type === 'played-self');
        await w.api('POST', '/api/actions/played', { account: me.id,
            jid: bob.account.pn, message_ids: [ref] });
        await played;
        await stored(ref, x => x.status === 'PLAYED');
        assert.ok(!kinds.includes('read') && !kinds.includes('played'));
        setPrivacy(me.account, 'readreceipts', 'all', me.phone.device);
    });
});

describe('privacy settings', () => {
    const settings = () => w.api('GET', `${account}/privacy`);

    it('are told and changed', async () => {
        const { data } = await settings();
        assert.equal(data.last_seen, 'all');
        assert.equal(data.read_receipts, 'all');
        assert.equal(data.about, 'contacts');
        const told = next('privacy.updated', d => 'online' in d.settings);
        const r = await w.api('PATCH', `${account}/privacy`,
            { last_seen: 'none', online: 'match_last_seen' });
        assert.equal(r.data.last_seen, 'none');
        assert.equal((await told).settings.online, 'match_last_seen');
        assert.equal(me.account.privacy.last, 'none');
        for (const body of [{}, { last_seen: 'some' }, { mood: 'all' },
            { read_receipts: 'contacts' }]) {
            const bad = await w.request('PATCH', `${account}/privacy`, body);
            assert.equal(bad.status, 400, bad.raw.toString());
        }
    });

    it('have lists of people who are left out', async () => {
        const path = `${account}/privacy/last_seen`;
        const cat = sim.phone({ name: 'Cat' }).account;
        assert.deepEqual((await w.api('GET', path)).data,
            { name: 'last_seen', except: [] });
        // the phone is quicker: the hash that wahub has read is stale
        const stale = sim.next('stale-list');
        sim.next('iq', (conn, iq) => conn.device === me.device
            && iq.attrs.type === 'get' && iq.attrs.xmlns === 'privacy')
            .then(() => phoneExcepts(me.phone, 'last', cat));
        const r = await w.api('PATCH', path, { add: [bob.account.pn] });
        await stale;
        assert.deepEqual(r.data.except.map(p => p.lid).sort(),
            [bob.lid, `${cat.lid}@lid`].sort());
        assert.equal((await settings()).data.last_seen, 'contact_blacklist');
        const less = await w.api('PATCH', path, { remove: [bob.lid] });
        assert.deepEqual(less.data.except.map(p => p.lid),
            [`${cat.lid}@lid`]);
        const bad = await w.request('GET', `${account}/privacy/online`);
        assert.equal(bad.status, 400);
    });
});

describe('the blocklist', () => {
    const path = () => `${account}/blocklist`;

    it('is told and changed, from both sides', async () => {
        assert.deepEqual((await w.api('GET', path())).data, { blocked: [] });
        let told = next('blocklist.updated');
        const r = await w.api('POST', path(),
            { jid: bob.account.pn, action: 'block' });
        assert.deepEqual(r.data, { jid: bob.pn, lid: bob.lid,
            blocked: true });
        assert.deepEqual(await told, { action: 'block',
            people: [{ jid: bob.pn, lid: bob.lid }] });
        assert.deepEqual((await w.api('GET', path())).data,
            { blocked: [{ jid: bob.pn, lid: bob.lid }] });
        told = next('blocklist.updated');
        phoneBlocks(me.phone, bob.account, 'unblock');
        assert.equal((await told).action, 'unblock');
        assert.deepEqual(await me.client.sock.fetchBlocklist(), []);
    });

    it('is changed although it is another one than known', async () => {
        await w.api('GET', path());
        const cat = sim.phone({ name: 'Cat' });
        me.account.blocked.add(cat.account); // nobody tells us
        const stale = sim.next('stale-list');
        await w.api('POST', path(), { jid: bob.lid, action: 'block' });
        await stale;
        assert.equal((await w.api('GET', path())).data.blocked.length, 2);
        await w.api('POST', path(), { jid: bob.lid, action: 'unblock' });
        const bad = await w.request('POST', path(),
            { jid: bob.lid, action: 'like' });
        assert.equal(bad.status, 400);
    });

    it('takes a stranger whose number nobody knows', async () => {
        const lid = `${sim.phone({ name: 'Dan' }).account.lid}@lid`;
        const r = await w.request('POST', path(),
            { jid: lid, action: 'block' });
        assert.equal(r.status, 200, r.raw.toString());
        assert.deepEqual(r.json.data, { jid: lid, lid, blocked: true });
        assert.ok((await w.api('GET', path())).data.blocked
            .some(p => p.lid === lid));
    });
});

it('every event was as the contract has it', () => stage.checkEvents());
