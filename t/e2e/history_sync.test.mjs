// History of the phone: taken in once, without hurting what came live, and
// asked for where it ends.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { randomBytes } from 'node:crypto';
import { conversation, HistorySyncType, offer } from '../sim/history.mjs';
import { Stage, until } from './lib/stage.mjs';

const NOW = Math.floor(Date.now() / 1000);
const ANN = { pn: '15551234567@s.whatsapp.net', lid: '100000012345678@lid' };
const ROOM = '120363000000000001@g.us';

let s, sim, w, me, you;

before(async () => {
    s = await Stage.start({ sim: { media: true } });
    ({ sim, w } = s);
    me = await s.me('me');
    you = await s.env.person('you', 0);
    await s.settled(me);
});

afterEach(() => s.checkClean());

after(() => s.close());

/** Offers, and resolves with the event when the phone has heard that it was
 *  taken in. */
async function take(sync, options) {
    const before = w.events.of('history.sync', me.id).length;
    const id = await offer(me.phone, me.device, sync, options);
    await taken(id);
    return (await until('history.sync', () => w.events
        .of('history.sync', me.id).slice(before).at(0))).data;
}

const taken = id => until('hist_sync', () => me.device.history.get(id).taken);

const list = async query => (await w.api('GET', `/api/messages?account=`
    + `${me.id}&order=asc&${query}`)).data;

const chat = async jid => (await w.api('GET', `/api/chats?account=${me.id}`))
    .data.find(c => c.jid === jid);

const texts = async jid => (await list(`chat=${jid}`)).map(m => m.body);

describe('history of the phone', () => {
    it('comes in the notification', async () => {
        const e = await take({ syncType: HistorySyncType.INITIAL_BOOTSTRAP,
            progress: 40, conversations: [
                conversation(ANN.lid, [
                    { id: 'A2', text: 'newer', t: NOW - 10 },
                    { id: 'A1', text: 'older', t: NOW - 20, own: true,
                        status: 4 }],
                { pnJid: ANN.pn, unreadCount: 3, archived: true }),
                conversation(ROOM, [{ id: 'R1', text: 'in the room',
                    t: NOW - 30, participant: ANN.lid }],
                { name: 'The Room', muteEndTime: -1 })],
            pastParticipants: [{ groupJid: ROOM, pastParticipants: [
                { userJid: ANN.lid, leaveReason: 1, leaveTs: NOW - 99 }] }],
            callLogRecords: [{ callId: 'C1', callCreatorJid: ANN.lid,
                startTime: (NOW - 60) * 1000, isIncoming: true,
                isVideo: true, callResult: 4,
                participants: [{ userJid: ANN.lid }] }],
            pushnames: [{ id: ANN.pn, pushname: 'Ann' }],
            phoneNumberToLidMappings: [{ pnJid: ANN.pn, lidJid: ANN.lid }],
        }, { inline: true });
        assert.deepEqual(e, { chats: 2, contacts: 2, messages: 3,
            progress: 40, is_latest: false, sync_type: 'initial',
            request_id: null });

        const [older, newer] = await list(`chat=${ANN.pn}`);
        assert.equal(newer.body, 'newer');
        assert.equal(newer.source, 'history');
        assert.equal(newer.status, 'RECEIVED');
        assert.equal(newer.from_jid, ANN.pn);
        assert.equal(older.status, 'READ');
        assert.equal(older.from_me, true);
        const [room] = await list(`chat=${ROOM}`);
        assert.equal(room.participant, ANN.pn);

        const ann = await chat(ANN.pn);
        assert.equal(ann.unread_count, 3);
        assert.equal(ann.is_archived, true);
        assert.equal(ann.last_message_body, 'newer');
        const theRoom = await chat(ROOM);
        assert.equal(theRoom.name, 'The Room');
        assert.deepEqual([theRoom.is_muted, theRoom.mute_expiry],
            [true, null]);
        assert.deepEqual((await w.api('GET', `/api/groups/${ROOM}/past-`
            + `participants?account=${me.id}`)).data, [{ jid: ANN.pn,
            participant_jid: ANN.pn, lid: ANN.lid, reason: 'removed',
            left_at: NOW - 99 }]);
        assert.deepEqual((await w.api('GET', `/api/calls?account=${me.id}`))
            .data, [{ id: 'C1', account_id: me.id, from_jid: ANN.pn,
            from_lid: ANN.lid, group_jid: null, from_me: false,
            is_group: false, is_video: true, status: 'timeout',
            timestamp: NOW - 60, duration: null, is_missed: true,
            participants: [ANN.pn] }]);
        const contacts = await w.api('GET',
            `/api/contacts?account=${me.id}&search=15551234567`);
        assert.equal(contacts.data[0].notify_name, 'Ann');
        assert.equal(contacts.data[0].lid, ANN.lid);
    });

    it('comes as a file, and twice changes nothing', async () => {
        const sync = { syncType: HistorySyncType.RECENT, progress: 100,
            conversations: [conversation(ANN.pn, [
                { id: 'A1', text: 'otherwise', t: NOW - 20, own: true },
                { id: 'A0', text: 'oldest', t: NOW - 40 }])] };
        for (let i = 0; i < 2; i++) {
            const e = await take(sync);
            assert.equal(e.messages, 2);
            assert.equal(e.is_latest, true);
            assert.deepEqual(await texts(ANN.pn), ['oldest', 'older',
                'newer']);
        }
        assert.equal(sim.media.downloads.length, 2);
    });

    it('is uploaded once more by the phone when it is gone', async () => {
        const retry = sim.next('media-retry');
        const e = await take({ conversations: [conversation(ANN.pn, [
            { id: 'A3', text: 'from a second upload', t: NOW - 5 }])] },
        { expired: true });
        assert.equal(e.messages, 1);
        await retry;
        assert.equal((await texts(ANN.pn)).at(-1), 'from a second upload');
    });

    it('leaves what came live as it is', async () => {
        const { id } = await you.phone.sendText(me.account, 'live');
        await w.events.wait(e => e.type === 'message.received'
            && e.data.message.message_id === id);
        const pn = `${you.account.pn}@s.whatsapp.net`;
        await take({ conversations: [conversation(you.lid, [
            { id, text: 'altered', t: NOW }])] }, { inline: true });
        assert.deepEqual(await texts(pn), ['live']);
    });

    it('brings the tokens of people', async () => {
        const bob = await s.env.person('bob', 0);
        const bytes = randomBytes(16);
        bob.account.tokens = new Map([[me.account, [{ bytes, t: NOW }]]]);
        await take({ conversations: [{ id: bob.lid, tcToken: bytes,
            tcTokenTimestamp: NOW, pnJid: bob.pn }] });
        me.account.faults.reachout = true;
        await s.sent(me, bob.account.pn, 'with the token of the history');
        await s.arrived(bob, 'with the token of the history');
        me.account.faults.reachout = false;
    });

    it('that cannot be read is given up', async () => {
        const before = w.events.of('history.sync').length;
        const id = await offer(me.phone, me.device, {},
            { inline: true, packed: Buffer.from('not zlib at all') });
        await taken(id);
        assert.equal(w.events.of('history.sync').length, before);
        assert.match(w.log(), /history was not taken in: WA_ERR_SYNTAX/);
    });

    it('is as deep as the account wants it', async () => {
        const path = `/api/accounts/${me.id}`;
        const bad = await w.request('PATCH', path,
            { history: { mode: 'some' } });
        assert.equal(bad.status, 400, bad.raw.toString());
        const history = { mode: 'none', days: 30 };
        assert.deepEqual((await w.api('PATCH', path, { history })).history,
            history);
        const e = await take({ conversations: [conversation(ANN.pn, [
            { id: 'N1', text: 'not wanted', t: NOW - 1 }])],
        pushnames: [{ id: '15557654321@s.whatsapp.net', pushname: 'Cy' }] },
        { inline: true });
        assert.equal(e.messages, 0);
        await w.api('PATCH', path, { history: { days: 1 } });
        assert.equal((await take({ conversations: [conversation(ANN.pn, [
            { id: 'N2', text: 'too old', t: NOW - 90000 }])] },
        { inline: true })).messages, 0);
        await w.api('PATCH', path, { history: null });
    });
});

describe('older messages', () => {
    it('are asked for before the oldest one', async () => {
        me.phone.older = ask => ({ conversations: [conversation(ask.chatJid,
            [{ id: 'O1', text: 'much older', t: NOW - 5000 }])] });
        const asked = new Promise(resolve => {
            me.phone.once('history-asked', resolve);
        });
        const r = await w.request('POST', `/api/chats/${ANN.pn}/history`,
            { account: me.id, count: 20 });
        assert.equal(r.status, 202, r.raw.toString());
        const ask = await asked;
        assert.deepEqual([ask.chatJid, ask.oldestMsgId, ask.oldestMsgFromMe,
            ask.onDemandMsgCount], [ANN.lid, 'A0', false, 20]);
        const e = await w.events.wait(x => x.type === 'history.sync'
            && x.data.sync_type === 'on_demand');
        assert.equal(e.data.messages, 1);
        assert.equal((await texts(ANN.pn))[0], 'much older');
    });

    it('are not asked for again before the phone has answered', async () => {
        me.phone.older = undefined;
        const path = `/api/chats/${ANN.pn}/history?account=${me.id}`;
        assert.equal((await w.request('POST', path, {})).status, 202);
        const r = await w.request('POST', path, {});
        assert.equal(r.status, 429, r.raw.toString());
        assert.ok(r.json.error.details.retry_after > 0);
        const none = await w.request('POST', `/api/chats/15550000000/history`
            + `?account=${me.id}`, {});
        assert.equal(none.status, 404);
    });
});

it('told no chat or contact of the history as new', async () => {
    // who wrote live is told behind all that came before
    const last = await s.env.person('last', 0);
    await last.phone.sendText(me.account, 'at last');
    await w.events.wait(e => e.type === 'contact.updated'
        && e.data.created && e.data.contact.lid === last.lid);
    const told = w.events.all.filter(e => e.account_id === me.id
        && e.data?.created !== undefined)
        .map(e => (e.data.chat ?? e.data.contact).jid);
    assert.ok(told.includes(`${you.account.pn}@s.whatsapp.net`));
    assert.deepEqual(told.filter(jid => [ANN.pn, ANN.lid, ROOM]
        .includes(jid)), []);
});

it('every event was as the contract has it', () => s.checkEvents());
