// Every kind of message that is no file, sent over HTTP: a Baileys contact
// reads what was meant, the own other devices get their copies, and the
// server sees the attributes that go with the kind.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { child } from '../sim/codec.mjs';
import { Stage, until } from './lib/stage.mjs';

let s, w, me, bob;

before(async () => {
    s = await Stage.start();
    ({ w } = s);
    me = await s.me('sender', { companions: 1 });
    bob = await s.env.person('bob', 1);
    await s.sent(me, bob.account.pn, 'first');
    await s.arrived(bob, 'first');
});

afterEach(() => s.env.checkClean());

after(() => s.close());

async function post(path, body, status = 201) {
    const r = await w.request('POST', path, { account: me.id, ...body });
    assert.equal(r.status, status, r.raw.toString());
    return r.json;
}

const send = (body, status) => post('/api/messages',
    { to: bob.account.pn, ...body }, status);

/** The message with this id as each end has it. */
async function arrived(id) {
    const seen = c => c.wait('message', m => m.id === id, c.messages);
    const [theirs, copy] = await Promise.all([seen(bob.client),
        seen(me.client)]);
    const phone = await until(`${id} at the phone`,
        () => bob.inbox.find(m => m.id === id));
    assert.equal(theirs.fromMe, false);
    assert.equal(copy.fromMe, true);
    assert.equal(copy.chat, bob.lid);
    assert.deepEqual(plain(copy.raw.message), plain(theirs.raw.message));
    return { message: theirs.raw.message, stanza: phone.stanza,
        raw: theirs.raw };
}

// Baileys turns the key of a reaction to its own view
const plain = m => JSON.parse(JSON.stringify({ ...m,
    messageContextInfo: undefined,
    reactionMessage: m.reactionMessage?.text }));

function attrs({ stanza }, want) {
    const enc = child(stanza, 'enc');
    assert.deepEqual({ type: stanza.attrs.type, edit: stanza.attrs.edit,
        mediatype: enc.attrs.mediatype, hide: enc.attrs['decrypt-fail'],
        meta: child(stanza, 'meta')?.attrs }, { edit: undefined,
        mediatype: undefined, hide: undefined, meta: undefined, ...want });
}

const secretOf = m => m.messageContextInfo?.messageSecret;

describe('a message of its own', () => {
    it('text with mentions, forwarded', async () => {
        const r = await send({ text: `hi @${bob.account.pn}`, forwarded: true,
            mentions: [`+${bob.account.pn}`] });
        assert.equal(r.message_type, 'text');
        assert.deepEqual(r.mentions, [bob.pn]);
        assert.equal(r.is_forwarded, true);
        const got = await arrived(r.message_id);
        const { contextInfo: c } = got.message.extendedTextMessage;
        assert.deepEqual(c.mentionedJid, [bob.pn]);
        assert.equal(c.isForwarded, true);
        assert.equal(c.forwardingScore, 1);
        attrs(got, { type: 'text' });
    });

    it('text that disappears', async () => {
        const r = await send({ text: 'for a day', expiration: 86400 });
        const got = await arrived(r.message_id);
        assert.equal(got.message.extendedTextMessage.contextInfo.expiration,
            86400);
    });

    it('text that is typed first', async () => {
        const shown = [];
        bob.client.sock.ev.on('presence.update', p => shown.push(
            [p.id.replace(/[:@].*/, ''),
                Object.values(p.presences)[0].lastKnownPresence]));
        const at = Date.now();
        const r = await send({ text: 'typed', typing_ms: 400 });
        assert.ok(Date.now() - at >= 400);
        await arrived(r.message_id);
        assert.deepEqual(shown[0], [me.account.lid, 'composing']);
        const bad = await send({ text: 'x', typing_ms: 10001 }, 400);
        assert.equal(bad.error.details.fields[0].field, 'typing_ms');
    });

    it('location', async () => {
        const r = await send({ type: 'LOCATION', latitude: 52.5163,
            longitude: 13.3777, name: 'Gate', address: 'Square 1' });
        assert.equal(r.type, 'LOCATION');
        assert.equal(r.latitude, 52.5163);
        assert.equal(r.location_name, 'Gate');
        const got = await arrived(r.message_id);
        const l = got.message.locationMessage;
        assert.equal(l.degreesLatitude, 52.5163);
        assert.equal(l.degreesLongitude, 13.3777);
        assert.deepEqual([l.name, l.address], ['Gate', 'Square 1']);
        attrs(got, { type: 'media', mediatype: 'location' });
        const live = await post('/api/actions/send/location', { live: true,
            jid: bob.pn, latitude: 1, longitude: 2 }, 200);
        const l2 = (await arrived(live.message_id)).message
            .liveLocationMessage;
        assert.equal(l2.degreesLongitude, 2);
        assert.ok(Number(l2.sequenceNumber) > 0);
    });

    it('contact', async () => {
        const r = await post('/api/actions/send/contact', { jid: bob.pn,
            contact_jid: '+49 151 00000077', name: 'Ann; Mary' }, 200);
        assert.equal(r.success, true);
        assert.equal(r.key.id, r.message_id);
        const native = await send({ type: 'contact', name: 'Ann',
            contact_jid: '+49 151 00000077' });
        assert.deepEqual(native.contacts, [{ name: 'Ann',
            phones: ['4915100000077'] }]);
        assert.equal(native.phone_number, bob.account.pn);
        assert.equal(native.sent_at, native.created_at);
        const got = await arrived(r.message_id);
        const c = got.message.contactMessage;
        assert.equal(c.displayName, 'Ann; Mary');
        assert.match(c.vcard, /\nFN:Ann\\; Mary\n/);
        assert.match(c.vcard, /;waid=4915100000077:\+4915100000077\n/);
        attrs(got, { type: 'media', mediatype: 'vcard' });
        const two = await send({ type: 'contact', contacts: [
            { name: 'A', phones: ['4915100000078'] },
            { name: 'B', phones: ['4915100000079'], email: 'b@example.org' },
        ] });
        const many = await arrived(two.message_id);
        assert.deepEqual(many.message.contactsArrayMessage.contacts
            .map(x => x.displayName), ['A', 'B']);
        attrs(many, { type: 'media', mediatype: 'contact_array' });
    });

    it('poll', async () => {
        const r = await send({ type: 'poll', name: 'Lunch?',
            options: ['Soup', 'Bread'] });
        assert.deepEqual(r.poll_options, ['Soup', 'Bread']);
        const got = await arrived(r.message_id);
        const p = got.message.pollCreationMessageV3;
        assert.equal(p.name, 'Lunch?');
        assert.deepEqual(p.options.map(o => o.optionName),
            ['Soup', 'Bread']);
        assert.equal(secretOf(got.message).length, 32);
        attrs(got, { type: 'poll', meta: { polltype: 'creation' } });
        const any = await post('/api/actions/send/poll', { jid: bob.pn,
            name: 'Any?', options: ['a', 'b', 'c'], selectable: 0 }, 200);
        const many = (await arrived(any.message_id)).message;
        assert.equal(many.pollCreationMessage.selectableOptionsCount, 0);
    });

    it('event', async () => {
        const r = await send({ type: 'event', name: 'Party',
            start_time: 1893456000, location: { latitude: 1, longitude: 2,
                name: 'Here' } });
        const got = await arrived(r.message_id);
        const e = got.message.eventMessage;
        assert.equal(e.name, 'Party');
        assert.equal(Number(e.startTime), 1893456000);
        assert.equal(e.location.name, 'Here');
        assert.equal(secretOf(got.message).length, 32);
        attrs(got, { type: 'event', meta: { event_type: 'creation' } });
    });
});

/** The message as the history has it, once `test` holds. */
const kept = (id, test) => until(`${id} in the history`, async () => {
    const r = await w.request('GET', `/api/messages/${id}`);
    return r.status === 200 && test(r.json) ? r.json : undefined;
});

const told = (type, test) => w.events.wait(e => e.type === type
    && test(e.data), type);

describe('the answer', () => {
    it('tells of the message what the history tells', async () => {
        const group = await post('/api/groups', { subject: 'Two',
            participants: [bob.account.pn] });
        const names = ['message_type', 'type', 'body', 'text',
            'is_ephemeral', 'ephemeral_duration', 'is_status',
            'participant'];
        const phones = ['4915100000078'];

        for (const body of [
            { text: 'for a day', expiration: 86400 },
            { text: 'for ever', expiration: 0, to: group.jid },
            { text: 'posted', to: 'status@broadcast',
                audience: [bob.account.pn], expiration: 86400 },
            { type: 'POLL', name: 'Tea?', options: ['a', 'b'] },
            { type: 'event', name: 'Tea', start_time: 1893456000 },
            { type: 'contact', name: 'Ann', contact_jid: '4915100000077' },
            { type: 'contact', contacts: [{ name: 'Bo', phones }] },
            { type: 'contact', contacts: [{ name: 'A', phones },
                { name: 'B', phones }] },
            { type: 'location', latitude: 1, longitude: 2, name: 'Here' },
            { type: 'group_invite', group_jid: group.jid, code: 'abc',
                expires_at: 1893456000, name: 'Two', caption: 'join' },
            { type: 'album', images: 2 },
        ]) {
            const r = await send(body);
            const row = await kept(r.id, () => true);
            const part = m => names.map(n => [n, m[n]]);
            assert.deepEqual(part(r), part(row), JSON.stringify(body));
        }
    });
});

describe('what is about another message', () => {
    const update = (id, test) => bob.client.wait('update',
        u => u.id === id && test(u), bob.client.updates);

    it('reactions come and go', async () => {
        const { id } = await bob.phone.sendText(me.account, 'to react to');
        const m = (await w.received('to react to')).data.message;
        const r = await post('/api/actions/react', { jid: bob.pn,
            message_id: m.id, emoji: '👍' }, 200);
        const got = await arrived(r.message_id);
        const { key, text } = got.message.reactionMessage;
        assert.equal(text, '👍');
        assert.equal(key.id, id);
        assert.equal(key.fromMe, true);
        attrs(got, { type: 'reaction', hide: 'hide' });
        const e = await told('message.reaction', x => x.emoji === '👍');
        assert.equal(e.data.target_id, m.id);
        assert.equal(e.data.chat_jid, bob.pn);
        assert.equal(e.data.from_me, true);
        await kept(m.id, x => x.reactions?.[0]?.emoji === '👍');
        const none = await send({ type: 'reaction', target_id: id,
            emoji: '' });
        assert.equal(none.reaction_emoji, '');
        const gone = await arrived(none.message_id);
        assert.equal(gone.message.reactionMessage.text, '');
        attrs(gone, { type: 'reaction', edit: '7', hide: 'hide' });
        await kept(m.id, x => x.reactions?.length === 0);
        const own = await s.sent(me, bob.account.pn, 'my own');
        const self = await send({ type: 'reaction', target_id: own.id,
            emoji: '🙂' });
        const row = await kept(self.id, () => true);
        assert.deepEqual([row.reaction_emoji, row.reaction_target_id,
            row.media_id, row.is_starred], ['🙂', own.id, null, false]);
        const mine = await arrived(self.message_id);
        assert.equal(mine.message.reactionMessage.key.fromMe, false);
    });

    it('an edit', async () => {
        const first = await s.sent(me, bob.account.pn, 'a typo');
        const r = await post('/api/actions/edit', { jid: bob.pn,
            message_id: first.id, text: 'no typo' }, 200);
        assert.notEqual(r.message_id, first.message_id);
        const u = await update(first.message_id, x => x.message != null);
        assert.equal(u.message.editedMessage.message.extendedTextMessage.text,
            'no typo');
        const got = await arrived(r.message_id);
        attrs(got, { type: 'text', edit: '1', hide: 'hide' });
        const e = await told('message.edited', x => x.id === first.id);
        assert.equal(e.data.body, 'no typo');
        const now = await kept(first.id, x => x.body === 'no typo');
        assert.equal(now.edit_type, 1);
    });

    it('a deletion for everyone', async () => {
        const first = await s.sent(me, bob.account.pn, 'regretted');
        const r = await post('/api/actions/delete', { jid: bob.pn,
            message_id: first.message_id }, 200);
        const u = await update(first.message_id, x => x.message === null);
        assert.equal(u.messageStubType, 1);
        const e = await told('message.deleted', x => x.id === first.id);
        assert.equal(e.data.for, 'everyone');
        await kept(first.id, x => x.is_deleted);
        attrs(await arrived(r.message_id),
            { type: 'text', edit: '7', hide: 'hide' });
    });

    it('a pin and its end', async () => {
        const first = await s.sent(me, bob.account.pn, 'important');
        const r = await send({ type: 'pin', target_id: first.id,
            duration: 86400 });
        const got = await arrived(r.message_id);
        assert.equal(got.message.pinInChatMessage.type, 1);
        assert.equal(got.message.messageContextInfo
            .messageAddOnDurationInSecs, 86400);
        attrs(got, { type: 'text', edit: '2', hide: 'hide' });
        const end = await send({ type: 'pin', target_id: first.id,
            value: false });
        assert.equal((await arrived(end.message_id)).message
            .pinInChatMessage.type, 2);
    });

    it('a star, and what is deleted for this account only', async () => {
        await s.env.phoneText(me, 'first');
        const own = await s.sent(me, bob.account.pn, 'to be starred');
        const r = await send({ type: 'star', target_id: own.id });
        assert.deepEqual([r.id, r.message_id, r.status, r.is_starred],
            [own.id, own.message_id, 'SENT', true]);
        assert.deepEqual(r.key, own.key);
        await told('message.starred', x => x.id === own.id && x.value);
        await kept(own.id, x => x.is_starred);
        await send({ type: 'star', target_id: own.message_id,
            value: false });
        await kept(own.id, x => !x.is_starred);

        const { id } = await bob.phone.sendText(me.account, 'not for me');
        const m = (await w.received('not for me')).data.message;
        const theirs = await send({ type: 'star', target_id: m.id });
        assert.deepEqual([theirs.id, theirs.from_me, theirs.direction,
            theirs.message_type, theirs.body, theirs.from,
            theirs.is_starred, theirs.key.fromMe], [m.id, false, 'INBOUND',
            'text', 'not for me', bob.account.pn, true, false]);
        await kept(m.id, x => x.is_starred);
        const gone = await post('/api/actions/delete', { jid: bob.pn,
            message_id: id, for: 'me' }, 200);
        assert.deepEqual([gone.success, gone.key], [true,
            { remoteJid: bob.pn, fromMe: false, id }]);
        const e = await told('message.deleted', x => x.id === m.id);
        assert.equal(e.data.for, 'me');
        await kept(m.id, x => x.is_deleted);

        const code = async (body, status) => (await send({ type: 'star',
            ...body }, status)).error_code;
        assert.equal(await code({ target_id: 'AAAA' }, 404),
            'MESSAGE_NOT_FOUND');
        assert.equal(await code({}, 400), 'VALIDATION_ERROR');
        assert.equal(await code({ target_id: own.id, value: 1 }, 400),
            'VALIDATION_ERROR');
    });

    it('is refused about what is not ours', async () => {
        const { id } = await bob.phone.sendText(me.account, 'not yours');
        const m = (await w.received('not yours')).data.message;
        const code = async (body, status) => (await send(body, status))
            .error_code;
        assert.equal(await code({ type: 'edit', target_id: m.id, text: 'x' },
            409), 'INVALID_STATE');
        assert.equal(await code({ type: 'delete', target_id: m.id }, 409),
            'INVALID_STATE');
        assert.equal(await code({ type: 'edit', target_id: id, text: 'x' },
            409), 'INVALID_STATE');
        assert.equal(await code({ type: 'edit', target_id: 'AAAA',
            text: 'x' }, 404), 'MESSAGE_NOT_FOUND');
    });
});

describe('what was read', () => {
    it('is told to who wrote it, and is unread no more', async () => {
        const unread = async () => (await w.request('GET',
            `/api/chats/${bob.pn}?account=${me.id}`)).json.unread_count;
        const ids = [];
        for (const text of ['read me', 'me too']) {
            ids.push(await bob.client.sendText(me.lid, text));
        }
        const refs = await Promise.all(['read me', 'me too'].map(async t =>
            (await w.received(t)).data.message.id));
        await until('unread', async () => await unread() >= 2);
        await post('/api/actions/read', { jid: bob.pn,
            message_ids: [refs[0], ids[1]] }, 200);
        await Promise.all(ids.map(id => bob.client.waitStatus(id, 4)));
        await until('nothing is unread', async () => await unread() === 0);
        const e = w.events.of('chat.updated').at(-1);
        assert.deepEqual(e.data.chat, { jid: bob.pn, account_id: me.id,
            unread_count: 0 });
    });

    it('needs ids of messages', async () => {
        for (const [ids, status] of [[undefined, 400], [[], 400], ['x', 400],
            [[1], 400], [['a/b'], 404]]) {
            await post('/api/actions/read', { jid: bob.pn,
                message_ids: ids }, status);
        }
        await post('/api/actions/read', { message_ids: ['AAAA'] }, 400);
    });
});

describe('a request that cannot become a message', () => {
    const rows = [
        [{ type: 'nonsense' }, 400, 'VALIDATION_ERROR', 'type'],
        [{ type: 'template' }, 409, 'PROVIDER_UNSUPPORTED'],
        [{ type: 'interactive' }, 409, 'PROVIDER_UNSUPPORTED'],
        [{ type: 'location', latitude: 91, longitude: 0 }, 400,
            'VALIDATION_ERROR', 'latitude'],
        [{ type: 'poll', name: 'x', options: ['a'] }, 400,
            'VALIDATION_ERROR', 'options'],
        [{ type: 'reaction', emoji: 'x' }, 400, 'VALIDATION_ERROR',
            'target_id'],
        [{ type: 'edit', target_id: 'AAAA' }, 400, 'MISSING_CONTENT'],
        [{ text: 'a', message: 'b' }, 400, 'CONFLICTING_PARAMETERS'],
        [{ text: 'x', mentions: ['nobody'] }, 400, 'VALIDATION_ERROR',
            'mentions'],
        [{ text: 'x', view_once: true }, 400, 'VALIDATION_ERROR',
            'view_once'],
        [{ text: 'x', queue: 'yes' }, 400, 'VALIDATION_ERROR', 'queue'],
        [{ text: 'x', wait: 5 }, 400, 'VALIDATION_ERROR', 'wait'],
    ];
    for (const [body, status, code, field] of rows) {
        it(`${JSON.stringify(body)}: ${code}`, async () => {
            const r = await send(body, status);
            assert.equal(r.error_code, code);
            assert.equal(r.error.details.fields?.[0].field, field);
        });
    }
});
