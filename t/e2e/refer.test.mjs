// Messages about earlier ones: whose they were and what they said comes from
// the history, in chats and in groups of either kind.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Stage, until } from './lib/stage.mjs';

let s, w, me, bob, cat;

before(async () => {
    s = await Stage.start({ sim: { devicesForm: 'lid' } });
    ({ w } = s);
    me = await s.me('sender');
    bob = await s.env.person('bob', 1);
    cat = await s.env.person('cat', 1);
    await s.settled(me);
});

afterEach(() => s.env.checkClean());

after(() => s.close());

async function post(path, body, status) {
    const r = await w.request('POST', path, { account: me.id, ...body });
    assert.equal(r.status, status, r.raw.toString());
    return r.json;
}

const send = (to, body, status = 201) => post('/api/messages',
    { to, ...body }, status);

/** The Message with this id as bob's client has it. */
const at = async ({ message_id: id }, who = bob) => (await who.client.wait(
    'message', m => m.id === id, who.client.messages)).raw.message;

const quote = async (...args) => (await at(...args)).extendedTextMessage
    .contextInfo;

/** As the history has it, once `test` holds. */
const row = (id, test) => until(`${id} in the history`, async () => {
    const { status, json } = await w.request('GET', `/api/messages/${id}`);
    return status === 200 && test(json) ? json : undefined;
});

const received = async body => (await w.received(body)).data.message;

describe('in a chat', () => {
    it('a quote shows what was said', async () => {
        const { id } = await bob.phone.sendText(me.account, 'a question');
        const m = await received('a question');
        for (const ref of [m.id, id]) {
            const c = await quote(await send(bob.pn,
                { text: `answer to ${ref}`, quoted_id: ref }));
            assert.equal(c.stanzaId, id);
            assert.equal(c.participant, bob.lid);
            assert.equal(c.quotedMessage.conversation, 'a question');
            assert.equal(c.remoteJid ?? '', '');
        }
    });

    it('a quote of what is unknown is refused', async () => {
        for (const ref of ['3EB0000000000000000000',
            '0123456789abcdef-3EB0000000000000000000']) {
            const r = await send(bob.pn, { text: 'no', quoted_id: ref },
                404);
            assert.equal(r.error_code, 'MESSAGE_NOT_FOUND');
            const t = await send(bob.pn, { type: 'reaction', emoji: 'x',
                target_id: ref }, 404);
            assert.equal(t.error_code, 'MESSAGE_NOT_FOUND');
        }
    });

    it('or left out, where the reference does so', async () => {
        for (const ref of ['3EB0000000000000000000', 'no such id']) {
            const r = await post('/api/actions/send/text', { jid: bob.pn,
                text: `without ${ref}`, quoted_id: ref }, 200);
            const m = await at(r);
            assert.equal(m.conversation, `without ${ref}`);
        }
        const own = await send(bob.pn, { text: 'with it' });
        const r = await post('/api/actions/send/text', { jid: bob.pn,
            text: 'again', quoted_id: own.id }, 200);
        assert.equal((await quote(r)).stanzaId, own.message_id);
    });
});

describe('PATCH and DELETE of a message', () => {
    const call = async (method, id, body, status, query = '') => {
        const r = await w.request(method, `/api/messages/${id}${query}`,
            body);
        assert.equal(r.status, status, r.raw.toString());
        return r.json;
    };
    const stored = id => until('the history', async () => (await w.request(
        'GET', `/api/messages/${id}`)).status === 200);
    const update = (id, test) => bob.client.wait('update',
        u => u.id === id && test(u), bob.client.updates);

    it('edit and take back what is ours', async () => {
        const own = await send(bob.pn, { text: 'frist' });
        await stored(own.id);
        const r = await call('PATCH', own.id, { text: 'first' }, 200);
        assert.equal(r.id, own.id);
        assert.equal(r.body, 'first');
        assert.equal(r.edit_type, 1);
        await update(own.message_id, u => u.message != null);
        assert.deepEqual(await call('DELETE', own.message_id, undefined, 200,
            '?for=everyone'), { success: true, message: 'Message deleted' });
        await update(own.message_id, u => u.message === null);
    });

    it('mark as read what is not', async () => {
        const id = await bob.client.sendText(me.lid, 'read this');
        const m = await received('read this');
        await stored(m.id);
        const r = await call('PATCH', m.id, { status: 'READ' }, 200);
        assert.equal(r.id, m.id);
        await bob.client.waitStatus(id, 4);
        const code = async (...args) => (await call(...args)).error_code;
        assert.equal(await code('PATCH', m.id, { text: 'mine' }, 409),
            'INVALID_STATE');
        assert.equal(await code('DELETE', m.id, undefined, 409),
            'INVALID_STATE');
    });

    it('refuse what makes no sense', async () => {
        const rows = [['PATCH', 'none', { text: 'x' }, 404],
            ['DELETE', 'none', undefined, 404], ['PATCH', 'x', {}, 400],
            ['PATCH', 'x', { status: 'UNREAD' }, 400],
            ['PATCH', 'x', { text: 'a', status: 'READ' }, 400],
            ['PATCH', 'x', { starred: 'x' }, 400],
            ['PATCH', 'x', { starred: true }, 404]];
        for (const row of rows) {
            const r = await call(...row);
            assert.equal(r.success, false);
        }
    });
});

for (const mode of ['lid', 'pn']) {
    describe(`in a group of ${mode}`, () => {
        const form = who => mode === 'lid' ? who.lid : who.pn;
        let room, m, own;

        before(async () => {
            room = s.sim.groups.create({ creator: bob.account, mode,
                subject: mode, members: [me.account, cat.account] }).jid;
            await bob.client.sendText(room, `${mode} said`);
            m = await received(`${mode} said`);
            own = await send(room, { text: `${mode} own` });
        });

        it('a quote names its author', async () => {
            const c = await quote(await send(room, { text: 'indeed',
                quoted_id: m.id }));
            assert.equal(c.stanzaId, m.message_id);
            assert.equal(c.participant, form(bob));
            assert.equal(c.quotedMessage.conversation
                ?? c.quotedMessage.extendedTextMessage?.text, `${mode} said`);
            const mine = await quote(await send(room, { text: 'as I said',
                quoted_id: own.id }));
            assert.equal(mine.participant, form(me));
        });

        it('a quote elsewhere names the group', async () => {
            const c = await quote(await send(cat.pn, { text: 'bob says',
                quoted_id: m.message_id }), cat);
            assert.equal(c.remoteJid, room);
            assert.equal(c.stanzaId, m.message_id);
            assert.equal(c.participant, bob.lid);
        });

        it('a reaction finds its message', async () => {
            const key = async (id, who) => (await at(await send(room, {
                type: 'reaction', emoji: '👍', target_id: id }), who))
                .reactionMessage.key;
            const theirs = await key(m.message_id, cat);
            assert.equal(theirs.id, m.message_id);
            assert.equal(theirs.participant, form(bob));
            assert.equal(theirs.fromMe, false);
            const mine = await key(own.id, cat);
            assert.equal(mine.id, own.message_id);
            assert.equal(mine.fromMe, false);
        });

        it('an own message is pinned, edited and deleted', async () => {
            const pin = await at(await send(room, { type: 'pin',
                target_id: own.message_id }));
            assert.equal(pin.pinInChatMessage.key.id, own.message_id);
            await send(room, { type: 'edit', target_id: own.id,
                text: 'better' });
            const update = test => bob.client.wait('update', u =>
                u.id === own.message_id && test(u), bob.client.updates);
            const e = await update(u => u.message != null);
            assert.equal(e.message.editedMessage.message.extendedTextMessage
                .text, 'better');
            await send(room, { type: 'delete', target_id: own.id });
            await update(u => u.message === null);
            const r = await send(room, { type: 'edit', target_id: m.id,
                text: 'not mine' }, 409);
            assert.equal(r.error_code, 'INVALID_STATE');
            assert.equal((await row(own.id, x => x.is_deleted)).edit_type,
                1);
        });

        it('what many wrote is read, nobody says who did', async () => {
            const sent = await Promise.all([bob, cat].map(async (p, i) => {
                const { key } = await p.client.sock.sendMessage(room,
                    { text: `${mode} read ${i}` });
                const { id } = await received(`${mode} read ${i}`);
                return { id, message_id: key.id };
            }));
            await post('/api/actions/read', { jid: room, message_ids:
                [sent[0].id, sent[1].message_id, own.id] }, 200);
            await Promise.all([bob, cat].map(({ client }, i) => client.wait(
                'update', u => u.id === sent[i].message_id
                    && u.receipt?.readTimestamp != null, client.updates)));
            for (const { id } of sent) {
                await row(id, x => x.status === 'READ');
            }
            const r = await post('/api/actions/read', { jid: room,
                message_ids: [sent[0].id, '3EB0000000000000000000'] }, 404);
            assert.equal(r.error_code, 'MESSAGE_NOT_FOUND');
            const bad = await post('/api/actions/read', { jid: room,
                message_ids: [1] }, 400);
            assert.equal(bad.error.details.fields[0].field, 'message_ids');
        });

        it('an admin deletes what another wrote', async () => {
            const mine = await send(room, { text: 'not for long' });
            await bob.client.sock.sendMessage(room, { delete: {
                remoteJid: room, fromMe: false, id: mine.message_id,
                participant: form(me) } });
            const gone = await row(mine.id, x => x.is_deleted);
            assert.equal(gone.edit_type, 2);
            assert.equal(gone.body, 'not for long');
        });
    });
}
