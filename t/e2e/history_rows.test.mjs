// Rows of the history beside messages and chats themselves: contacts, totals,
// chats by their state, messages with receipts and reactions.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { settled } from './lib/history.mjs';
import { numbers, Stage, until } from './lib/stage.mjs';

let s, w, me, other, ann, ben;

before(async () => {
    s = await Stage.start();
    ({ w } = s);
    me = await s.me('rows');
    other = await s.me('other rows');
    ann = await s.env.person('Ann', 0);
    ben = await s.env.person('Ben 100%', 0);
    for (const text of numbers('ann', 3)) {
        await ann.phone.sendText(me.account, text);
    }
    await ben.phone.sendText(me.account, 'ben 0');
    await ben.phone.sendText(other.account, 'ben 1');
    await s.sent(me, ben.account.pn, 'to ben 0');
    await settled(w, '', 6);
});

afterEach(() => s.checkClean());

after(() => s.close());

const get = path => w.api('GET', path);
const fails = async (path, status, code) => {
    const r = await w.request('GET', path);
    assert.equal(r.status, status, `${path}: ${r.raw}`);
    assert.equal(r.json.error.code, code, path);
};

describe('contacts', () => {
    it('are those who wrote, with both addresses', async () => {
        const r = await get(`/api/contacts?account=${me.id}`);
        assert.equal(r.success, true);
        assert.equal(r.total, 2);
        assert.equal(r.pagination.total, 2);
        assert.deepEqual(r.data.map(c => c.notify_name),
            ['Ben 100%', 'Ann']);
        const c = r.data[1];
        assert.equal(c.jid, ann.pn);
        assert.equal(c.lid, ann.lid);
        assert.equal(c.phone_number, ann.account.pn);
        assert.equal(c.phoneNumber, ann.account.pn);
        assert.equal(c.name, 'Ann');
        assert.equal(c.account_id, me.id);
        assert.equal(c.totalMessages, 3);
        assert.ok(Math.abs(Date.parse(c.lastMessageAt) - Date.now()) < 6e4);
        assert.deepEqual(c.tags, []);
        assert.equal((await get('/api/contacts')).total, 3);
    });

    it('have an id that leads to them', async () => {
        const [c] = (await get(`/api/contacts?account=${other.id}`)).data;
        assert.deepEqual(await get(`/api/contacts/${c.id}`), c);
        assert.deepEqual(await get('/api/contacts/'
            + encodeURIComponent(c.id)), c);
        await fails(`/api/contacts/${c.id}?account=${me.id}`, 404,
            'CONTACT_NOT_FOUND');
        await fails(`/api/contacts/${other.id}:x`, 400,
            'INVALID_RECIPIENT');
    });

    it('are not whoever was asked about', async () => {
        const r = await get('/api/contacts/15559999999/about'
            + `?account=${me.id}`);
        assert.equal(r.data.about, null);
        const { about } = (await get(`/api/contacts/${ann.pn}/about`
            + `?account=${me.id}`)).data;
        await until('the history has what Ann says', async () =>
            (await get(`/api/contacts/${ann.pn}?account=${me.id}`))
                .status_text === about);
        await fails('/api/contacts/15559999999', 404, 'CONTACT_NOT_FOUND');
    });

    it('are searched and paged', async () => {
        const search = async t => (await get(`/api/contacts?account=${me.id}`
            + `&search=${encodeURIComponent(t)}`)).data.map(c =>
            c.notify_name);
        assert.deepEqual(await search('aNN'), ['Ann']);
        assert.deepEqual(await search('100%'), ['Ben 100%']);
        assert.deepEqual(await search('%'), ['Ben 100%']);
        assert.deepEqual(await search(ann.account.pn), ['Ann']);
        assert.deepEqual(await search('_'), []);
        const names = [];
        let path = '/api/contacts?limit=1';
        while (path !== undefined) {
            const r = await w.request('GET', path);
            assert.equal(r.headers.get('x-total-count'), '3');
            names.push(...r.json.data.map(c => c.notify_name));
            path = /<(.*)>; rel="next"/.exec(r.headers.get('link')
                ?? '')?.[1];
        }
        assert.deepEqual(names, ['Ben 100%', 'Ben 100%', 'Ann']);
        await fails('/api/contacts?tag=x', 400, 'INVALID_PARAMETER');
        await fails('/api/contacts?account=nobody', 404,
            'ACCOUNT_NOT_FOUND');
    });

    it('are found by any address', async () => {
        for (const ref of [ann.account.pn, ann.pn, ann.lid,
            `${ann.account.pn}@c.us`]) {
            const c = await get(`/api/contacts/${ref}`);
            assert.equal(c.jid, ann.pn, ref);
            assert.equal(c.lid, ann.lid, ref);
        }
        await fails('/api/contacts/15559999999', 404, 'CONTACT_NOT_FOUND');
        await fails('/api/contacts/nobody', 400, 'INVALID_RECIPIENT');
        await fails(`/api/contacts/${ann.account.pn}?account=${other.id}`,
            404, 'CONTACT_NOT_FOUND');
    });
});

describe('totals', () => {
    it('count by type, chat and day', async () => {
        const t = await get('/api/messages/stats');
        assert.equal(t.total, 6);
        assert.equal(t.mediaCount, 0);
        assert.deepEqual(t.byType, [{ message_type: 'text', count: 6 }]);
        assert.deepEqual(new Map(t.byChat.map(c => [c.remote_jid, c.count])),
            new Map([[ann.pn, 3], [ben.pn, 3]]));
        assert.equal(t.byDay.reduce((sum, d) => sum + d.count, 0), 6);
        assert.match(t.byDay[0].day, /^20\d\d-\d\d-\d\d$/);
        const of = await get(`/api/messages/stats?account=${other.id}`);
        assert.equal(of.total, 1);
    });
});

describe('chats', () => {
    it('are filtered by what is unread or archived', async () => {
        const jids = async query => (await get(`/api/chats?account=${me.id}`
            + `&${query}`)).data.map(c => c.jid);
        assert.deepEqual((await jids('unread=true')).sort(),
            [ann.pn, ben.pn].sort());
        await ann.phone.sendText(me.account, 'ann 3');
        await me.phone.sendText(ann.account, 'read on the phone');
        await until('the chat to be read', async () =>
            (await jids('unread=true')).length === 1);
        assert.deepEqual(await jids('unread=true'), [ben.pn]);
        assert.deepEqual(await jids('unread=0'), [ann.pn]);
        assert.deepEqual(await jids('archived=true'), []);
        assert.equal((await jids('archived=false')).length, 2);
        await fails('/api/chats?unread=maybe', 400, 'INVALID_PARAMETER');
    });
});

describe('whoever writes for the first time', () => {
    it('is found as soon as the message is told of', async () => {
        await s.settled(me);
        // four in a row: a machine that stands still is not waited for
        let n = 0;
        await until('people who are found at once', async () => {
            const status = [];
            for (let i = 0; i < 4; i++) {
                const p = await s.env.person(`New ${n++}`, 0);
                await p.phone.sendText(me.account, `new ${n}`);
                await w.received(`new ${n}`);
                const asked = await Promise.all([
                    w.request('GET', `/api/chats/${p.pn}`),
                    w.request('GET', `/api/contacts/${p.pn}`),
                    w.request('PATCH', `/api/chats/${p.pn}`,
                        { pinned: false })]);
                status.push(...asked.map(r => r.status));
            }
            return status.every(x => x === 200);
        }, 60000);
    });
});

describe('messages', () => {
    it('carry receipts and reactions on demand', async () => {
        const list = query => get(`/api/messages?account=${me.id}`
            + `&from_me=true&search=to%20ben${query}`);
        const m = await until('the receipt', async () =>
            (await list('&include=receipts')).data.find(x =>
                x.receipts.length > 0));
        assert.deepEqual(m.receipts.map(r => [r.recipient_jid, r.status]),
            [[ben.pn, 'delivered']]);
        assert.equal(m.reactions, undefined);
        await ben.phone.sendMessage(me.account, { reactionMessage: {
            key: { remoteJid: me.lid, id: m.message_id, fromMe: false },
            text: '👍', senderTimestampMs: Date.now() } });
        const both = await until('the reaction', async () =>
            (await list('&include=receipts,reactions')).data.find(x =>
                x.reactions.length > 0));
        assert.deepEqual(both.reactions.map(r => [r.from_jid, r.emoji]),
            [[ben.pn, '👍']]);
        assert.equal(both.receipts.length, 1);
        assert.equal((await list('')).data[0].receipts, undefined);
        await fails('/api/messages?include=raw', 400, 'INVALID_PARAMETER');
        await fails('/api/messages?include=', 400, 'INVALID_PARAMETER');
    });

    it('are found as soon as they are told of', async () => {
        // five in a row: a machine that stands still is not waited for
        await until('messages that are found at once', async () => {
            const status = [];
            for (const text of numbers('at once', 5)) {
                const { id } = await s.sent(me, ben.account.pn, text);
                const r = await w.request('GET', `/api/messages/${id}`);
                status.push(r.status);
            }
            return status.every(x => x === 200);
        });
    });
});

it('every event was as the contract has it', () => s.checkEvents());
