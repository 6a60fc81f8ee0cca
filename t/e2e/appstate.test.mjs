// App state: what an account's devices share beside messages. The other ends
// are the simulated phone, which checks every MAC, and Baileys as another
// companion of the same account.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { Stage, until } from './lib/stage.mjs';
import { noteState } from './lib/state_watch.mjs';

const STRICT = { socketOptions: { appStateMacVerification:
    { patch: true, snapshot: true } } };
const NAMES = 90;
let stage, sim, w, me, bob, other, state;

const friend = i => `1555000${1000 + i}@s.whatsapp.net`;
const contact = (i, name) => ({ index: ['contact', friend(i)], version: 2,
    value: { contactAction: { fullName: name, firstName: `first ${i}` } } });

before(async () => {
    stage = await Stage.start({ sim: { media: true, devicesForm: 'lid' } });
    ({ sim, w } = stage);
    bob = await stage.env.person('bob', 0);
    me = await stage.me('me', { companions: 1, client: STRICT,
        before: async ({ phone, account, client }) => {
            state = account.state;
            state.snapshots = true;
            other = noteState(client);
            await phone.state.set('regular_low', ['archive', bob.pn], 3,
                { archiveChatAction: { archived: true } });
            await phone.state.setMany('critical_unblock_low',
                Array.from({ length: NAMES }, (_, i) =>
                    contact(i, `name ${i}`)));
            await phone.state.set('regular', ['label_edit', '4'], 3,
                { labelEditAction: { name: 'Before', color: 2 } });
            await phone.state.set('regular', ['future_thing', 'a'], 1,
                { timeFormatAction: {} });
        } });
    await bob.phone.sendText(me.account, 'hello');
});

afterEach(() => stage.env.checkClean());

after(() => stage?.close());

const get = path => w.api('GET', path);
const chat = () => get(`/api/chats/${bob.pn}`);
const shows = (what, test) => until(what, async () => {
    const r = await w.request('GET', `/api/chats/${bob.pn}`);
    return r.status === 200 && test(r.json);
});

async function call(method, path, body, status = 200) {
    const r = await w.request(method, path, body);
    assert.equal(r.status, status, `${method} ${path}: ${r.raw}`);
    return r.json;
}

const event = (type, test) => w.events.wait(e => e.type === type
    && e.account_id === me.id && test(e.data), `${type} ${test}`)
    .then(e => e.data);

const chatEvent = test => event('chat.updated', d => d.chat.jid === bob.pn
    && test(d.chat)).then(d => d.chat);

describe('app state at linking', () => {
    it('comes as snapshots, told once for many', async () => {
        const d = await event('app_state.synced', x => x.last
            && x.collection === 'critical_unblock_low');
        assert.equal(d.snapshot, true);
        assert.equal(d.version, 1);
        // (a contact who wrote is told beside it)
        assert.equal(w.events.of('contact.updated', me.id).filter(e =>
            e.data.created === undefined).length, 0);
        await until('the names', async () =>
            (await get(`/api/contacts?account=${me.id}&limit=500`)).data
                .filter(c => /^name \d+$/.test(c.name)).length === NAMES);
        const c = await get(`/api/contacts/${friend(7)}`);
        assert.equal(c.name, 'name 7');
        assert.equal(c.short_name, 'first 7');
    });

    it('is in the chats and labels', async () => {
        await shows('archived', c => c.is_archived
            && c.last_message_body === 'hello');
        await until('the label', async () =>
            (await get('/api/labels')).data.length === 1);
        const [l] = (await get('/api/labels')).data;
        assert.deepEqual([l.id, l.name, l.color, l.chats],
            ['4', 'Before', '2', []]);
    });
});

describe('changes of others', () => {
    it('come from the phone', async () => {
        const { phone } = me;
        await phone.state.set('regular_high', ['mute', bob.pn], 2,
            { muteAction: { muted: true, muteEndTimestamp: -1 } });
        const c = await chatEvent(x => x.is_muted === true);
        assert.equal(c.mute_expiry, null);
        assert.equal(c.lid, bob.lid);
        await shows('muted', x => x.is_muted && x.mute_expiry === null);
        await phone.state.set('critical_unblock_low', ['contact', bob.pn], 2,
            { contactAction: { fullName: 'Robert B', firstName: 'Robert',
                lidJid: bob.lid } });
        const d = await event('contact.updated', x =>
            x.contact.name === 'Robert B');
        assert.equal(d.contact.jid, bob.pn);
        assert.equal(d.contact.lid, bob.lid);
        // an address book without usernames clears none
        assert.equal('username' in d.contact, false);
        await shows('its name', x => x.name === 'Robert B');
        const said = new Promise(done => sim.on('presence-sent',
            (device, type, name) => device === me.device
                && name === 'New me' && done(type)));
        await phone.state.set('critical_block', ['setting_pushName'], 1,
            { pushNameSetting: { name: 'New me' } });
        await event('setting.updated', x => x.name === 'push_name'
            && x.value === 'New me');
        assert.equal((await w.account(me.id)).push_name, 'New me');
        assert.equal(await said, 'unavailable');
    });

    it('are settings', async () => {
        const set = (collection, name, version, value) =>
            me.phone.state.set(collection, [name], version, value);
        await set('critical_block', 'setting_locale', 3,
            { localeSetting: { locale: 'pt_BR' } });
        await set('regular_low', 'setting_unarchiveChats', 4,
            { unarchiveChatsSetting: { unarchiveChats: true } });
        await set('regular_low', 'time_format', 7,
            { timeFormatAction: { isTwentyFourHourFormatEnabled: true } });
        await other.client.sock.chatModify({ disableLinkPreviews:
            { isPreviewsDisabled: true } }, '');
        for (const [name, value] of [['locale', 'pt_BR'],
            ['unarchive_chats', true], ['time_format_24h', true],
            ['disable_link_previews', true]]) {
            const d = await event('setting.updated', x => x.name === name);
            assert.equal(d.value, value);
        }
        await other.next('settings.update', u => u.setting === 'locale'
            && u.value === 'pt_BR');
        await other.next('creds.update', u =>
            u.accountSettings?.unarchiveChats === true);
    });

    it('are stars, and messages hidden on the phone', async () => {
        await bob.phone.sendText(me.account, 'to be hidden');
        const m = (await w.received('to be hidden')).data.message;
        const index = kind => [kind, bob.pn, m.message_id, '0', '0'];
        await me.phone.state.set('regular_high', index('star'), 2,
            { starAction: { starred: true } });
        const s = await event('message.starred', x =>
            x.message_id === m.message_id);
        assert.deepEqual([s.id, s.value], [m.id, true]);
        const shown = () => get(`/api/messages/${m.id}`).catch(() => ({}));
        await until('the star', async () => (await shown()).is_starred);
        await me.phone.state.set('regular_high', index('deleteMessageForMe'),
            3, { deleteMessageForMeAction: { deleteMedia: true } });
        await event('message.deleted', x => x.id === m.id && x.for === 'me');
        await until('hidden', async () => (await shown()).is_deleted);
        // in a group whose writer is left out WhatsApp's id is all there is
        const room = kind => [kind, '120363000000000777@g.us', 'WROTE1',
            '0', '0'];
        await me.phone.state.set('regular_high', room('star'), 2,
            { starAction: { starred: true } });
        await me.phone.state.set('regular_high', room('deleteMessageForMe'),
            3, { deleteMessageForMeAction: { deleteMedia: true } });
        for (const type of ['message.starred', 'message.deleted']) {
            const d = await event(type, x => x.message_id === 'WROTE1');
            assert.equal(d.id, 'WROTE1', type);
        }
    });

    it('come from another companion', async () => {
        const { sock } = me.client;
        await sock.chatModify({ pin: true }, bob.pn);
        await chatEvent(x => x.is_pinned === true);
        await shows('pinned', x => x.is_pinned);
        await sock.chatModify({ addLabel: { id: '9', name: 'Theirs',
            color: 1, deleted: false } }, '');
        await sock.addChatLabel(bob.pn, '9');
        await event('label.associated', x => x.label_id === '9' && x.value);
        await until('the label', async () => (await get('/api/labels')).data
            .some(l => l.id === '9' && l.chats[0] === bob.pn));
    });
});

describe('changes of ours', () => {
    it('reach the phone and the other companion', async () => {
        const c = await call('PATCH', `/api/chats/${bob.pn}`,
            { archived: false, pinned: false, muted_until: null });
        assert.deepEqual([c.is_archived, c.is_pinned, c.is_muted],
            [false, false, false]);
        await other.next('chats.update', u => u.id === bob.lid
            && u.archived === false);
        await other.next('chats.update', u => u.id === bob.lid
            && u.pinned === null);
        const { phone } = me;
        assert.equal(phone.state.get('regular_low', ['archive', bob.lid])
            .archiveChatAction.archived, false);
        assert.equal(phone.state.get('regular_high', ['mute', bob.lid])
            .muteAction.muted, false);
        await shows('none of it', x => !x.is_archived && !x.is_pinned
            && !x.is_muted);
    });

    it('say until when, and up to which message', async () => {
        const until = Math.floor(Date.now() / 1000) + 3600;
        const c = await call('PATCH', `/api/chats/${bob.pn}`,
            { muted_until: until, unread: true });
        assert.equal(c.mute_expiry, until);
        const mute = me.phone.state.get('regular_high', ['mute', bob.lid]);
        assert.equal(Number(mute.muteAction.muteEndTimestamp), until * 1000);
        await shows('unread', x => x.unread_count > 0
            && x.mute_expiry === until);
        await call('PATCH', `/api/chats/${bob.pn}`, { unread: false });
        await shows('read', x => x.unread_count === 0);
        const { read, messageRange: r } = me.phone.state.get('regular_low',
            ['markChatAsRead', bob.lid]).markChatAsReadAction;
        assert.equal(read, true);
        assert.equal(r.messages[0].key.remoteJid, bob.lid);
        assert.equal(Number(r.lastMessageTimestamp),
            (await chat()).last_message_ts);
    });

    it('are answered with what was changed before, too', async () => {
        const path = `/api/chats/${bob.pn}`;
        const flags = c => [c.is_archived, c.is_pinned, c.is_muted,
            c.unread_count > 0];
        for (const [body, then] of [
            [{ muted_until: null, unread: false },
                [false, false, false, false]],
            [{ pinned: true }, [false, true, false, false]],
            [{ muted: true }, [false, true, true, false]],
            [{ unread: true }, [false, true, true, true]],
            [{ muted: false }, [false, true, false, true]],
            [{ archived: true }, [true, false, false, true]],
            [{ archived: false, unread: false },
                [false, false, false, false]]]) {
            assert.deepEqual(flags(await call('PATCH', path, body)), then);
        }
    });

    it('are made anew after a conflict', async () => {
        state.conflicts = 2;
        await call('PATCH', `/api/chats/${bob.pn}`, { pinned: true });
        assert.equal(state.conflicts, 0);
        await other.next('chats.update', u => u.id === bob.lid
            && u.pinned > 0);
    });

    it('are made anew when the phone was faster', async () => {
        let races = 3;
        state.beforePatch = async name => {
            if (name === 'regular_low' && races > 0) {
                races--;
                await me.phone.state.set(name, ['archive',
                    friend(races)], 3, { archiveChatAction:
                    { archived: true } });
            }
        };
        await Promise.all([call('PATCH', `/api/chats/${bob.pn}`,
            { unread: true }), call('PATCH', `/api/chats/${bob.pn}`,
            { pinned: false })]);
        state.beforePatch = undefined;
        assert.equal(races, 0);
        for (const i of [0, 1, 2]) {
            await event('chat.updated', x => x.chat.jid === friend(i)
                && x.chat.is_archived);
        }
        await call('PATCH', `/api/chats/${bob.pn}`,
            { unread: false, pinned: true });
    });

    it('are the name that others are shown', async () => {
        await call('PATCH', '/api/profile', { account: me.id,
            name: 'Our own' });
        await other.next('creds.update', u => u.me?.name === 'Our own');
        assert.equal(me.phone.state.get('critical_block',
            ['setting_pushName']).pushNameSetting.name, 'Our own');
    });

    it('are stars, and messages deleted for us alone', async () => {
        const a = (await w.received('hello')).data.message;
        const starred = await call('PATCH', `/api/messages/${a.id}`,
            { starred: true });
        assert.equal(starred.is_starred, true);
        const e = await event('message.starred', x => x.id === a.id);
        assert.deepEqual([e.message_id, e.chat_jid, e.value],
            [a.message_id, bob.pn, true]);
        await other.next('messages.update', u => u.key.id === a.message_id
            && u.update.starred === true);
        await until('the star', async () =>
            (await get(`/api/messages/${a.id}`)).is_starred);
        const r = await call('DELETE', `/api/messages/${a.id}?for=me`);
        assert.equal(r.success, true);
        await event('message.deleted', x => x.id === a.id && x.for === 'me');
        await other.next('messages.delete', u =>
            u.keys[0].id === a.message_id);
        await until('deleted', async () =>
            (await get(`/api/messages/${a.id}`)).is_deleted);
    });

    it('are labels', async () => {
        const l = await call('POST', '/api/labels',
            { account: me.id, name: 'Ours', color: 5 }, 201);
        assert.equal(l.id, '10');
        await other.next('labels.edit', x => x.id === '10'
            && x.name === 'Ours' && x.color === 5);
        await until('the label', async () => (await get('/api/labels')).data
            .some(x => x.id === '10'));
        assert.deepEqual([l.color, l.chats], ['5', []]);
        await call('PUT', `/api/labels/10/chats/${bob.pn}`);
        await other.next('labels.association', x => x.type === 'add'
            && x.association.labelId === '10');
        const m = (await w.received('hello')).data.message;
        await call('PUT', `/api/labels/10/chats/${bob.pn}`
            + `?message=${m.message_id}`);
        await other.next('labels.association', x => x.type === 'add'
            && x.association.messageId === m.message_id);
        await until('its chat', async () => (await get('/api/labels')).data
            .some(x => x.id === '10' && x.chats.includes(bob.pn)));
        const named = await call('PATCH', '/api/labels/10', { name: 'Own' });
        assert.deepEqual([named.name, named.color, named.chats],
            ['Own', '5', [bob.pn]]);
        await other.next('labels.edit', x => x.id === '10'
            && x.name === 'Own' && x.color === 5);
        await until('the name', async () => (await get('/api/labels')).data
            .some(x => x.id === '10' && x.name === 'Own'));
        assert.equal((await call('PATCH', '/api/labels/10', { color: 7 }))
            .name, 'Own');
        await other.next('labels.edit', x => x.id === '10'
            && x.name === 'Own' && x.color === 7);
        await call('DELETE', `/api/labels/10/chats/${bob.pn}`);
        await call('DELETE', '/api/labels/10');
        await other.next('labels.edit', x => x.id === '10' && x.deleted);
        await until('no label', async () => (await get('/api/labels')).data
            .every(x => x.id !== '10'));
        await call('DELETE', '/api/labels/10', undefined, 404);
    });

    it('are labels made one after the other, and at once', async () => {
        const make = name => call('POST', '/api/labels',
            { account: me.id, name }, 201);
        const made = [await make('one'), await make('two'),
            ...await Promise.all([make('three'), make('four')])];
        assert.equal(new Set(made.map(l => l.id)).size, 4);
        for (const l of made) {
            await other.next('labels.edit', x => x.id === l.id
                && x.name === l.name);
        }
        await until('all of them', async () => {
            const { data } = await get('/api/labels');
            return made.every(l => data.some(x => x.id === l.id
                && x.name === l.name));
        });
        for (const l of made) {
            await call('DELETE', `/api/labels/${l.id}`);
        }
    });

    it('are labels that are used as soon as they are told of', async () => {
        // three in a row: a machine that stands still is not waited for
        await until('labels that are found at once', async () => {
            const made = [];
            for (let i = 0; i < 3; i++) {
                const l = await call('POST', '/api/labels',
                    { account: me.id, name: `at once ${i}` }, 201);
                const r = await w.request('PUT',
                    `/api/labels/${l.id}/chats/${bob.pn}`);
                made.push([l.id, r.status]);
            }
            await until('the labels', async () => {
                const { data } = await get('/api/labels');
                return made.every(([id]) => data.some(x => x.id === id));
            });
            for (const [id] of made) {
                await call('DELETE', `/api/labels/${id}`);
            }
            return made.every(([, status]) => status === 200);
        });
    });

    it('are names in the address book', async () => {
        const path = `/api/contacts/${bob.pn}/name`;
        await call('PUT', path, { account: me.id, name: 'Bobby',
            first_name: 'B' });
        const { contactAction: c } = me.phone.state.get(
            'critical_unblock_low', ['contact', bob.pn]);
        assert.deepEqual([c.fullName, c.firstName, c.lidJid],
            ['Bobby', 'B', bob.lid]);
        await other.next('contacts.upsert', x => x.name === 'Bobby');
        await shows('its name', x => x.name === 'Bobby');
        await call('PUT', path, { account: me.id, name: null });
        assert.equal(me.phone.state.get('critical_unblock_low',
            ['contact', bob.pn]), undefined);
        await shows('its own name', x => x.name !== 'Bobby');
        await call('PUT', path, { account: me.id }, 400);
    });

    it('are refused when they make no sense', async () => {
        for (const [method, path, body, status] of [
            ['PATCH', `/api/chats/${bob.pn}`, {}, 400],
            ['PATCH', `/api/chats/${bob.pn}`, { archived: 'x' }, 400],
            ['PATCH', `/api/chats/${bob.pn}`, { muted_until: 5 }, 400],
            ['PATCH', '/api/chats/4917000000', { pinned: true }, 404],
            ['PATCH', '/api/chats/x', { pinned: true }, 400],
            ['POST', '/api/labels', { account: me.id }, 400],
            ['POST', '/api/labels',
                { account: me.id, name: 'No colour', color: 20 }, 400],
            ['PATCH', '/api/labels/4', { color: 20 }, 400],
            ['PATCH', '/api/labels/4', {}, 400],
            ['DELETE', '/api/chats/4917000000', undefined, 404]]) {
            await call(method, path, body, status);
        }
    });
});

describe('changes by hundreds', () => {
    it('come in a file, which Baileys looks for on another host', async () => {
        const version = await me.phone.state.setMany('critical_unblock_low',
            Array.from({ length: 200 }, (_, i) => contact(i, `again ${i}`)),
            { external: true });
        const d = await event('app_state.synced', x => x.last
            && !x.snapshot && x.collection === 'critical_unblock_low');
        assert.equal(d.version, version);
        await until('the names', async () => (await get(
            `/api/contacts/${friend(199)}`).catch(() => ({}))).name
            === 'again 199');
        assert.equal((await get(`/api/contacts/${friend(3)}`)).name,
            'again 3');
    });
});

describe('what is wrong', () => {
    for (const [kind, n] of [['snapshotMac', 1], ['patchMac', 2],
        ['valueMac', 3], ['lost', 4], ['swapped', 5]]) {
        it(`is repaired by a snapshot: ${kind}`, async () => {
            const asked = sim.next('appstate-snapshot', d => d === me.device);
            state.spoil = kind;
            state.victim = me.device;
            // two that are fetched at once, so that one of them can be
            // missing: again, if the account was just about to look
            for (let i = 0; state.spoil === kind && i < 10; i++) {
                const name = `${kind} ${i}`;
                for (const x of ['one', 'two']) {
                    state.quiet = x === 'one';
                    await me.phone.state.set('regular',
                        ['label_edit', `${x}${n}`], 3,
                        { labelEditAction: { name: `${x} ${name}` } });
                }
                await until('the labels', async () => {
                    const { data } = await get('/api/labels?limit=500');
                    return ['one', 'two'].every(x =>
                        data.some(l => l.name === `${x} ${name}`));
                });
            }
            await asked;
            state.spoil = undefined;
        });
    }

    const label = name => me.phone.state.set('regular',
        ['label_edit', 'recovered'], 3, { labelEditAction: { name } });
    const labelled = name => until('the label', async () =>
        (await get('/api/labels?limit=500')).data.some(l =>
            l.id === 'recovered' && l.name === name));

    it('is recovered by the phone when no snapshot is right', async () => {
        const snapshots = [];
        const count = (d, name) => d === me.device && snapshots.push(name);
        sim.on('appstate-snapshot', count);
        const asked = sim.next('appstate-recovery', d => d === me.device);
        state.broken = 'regular';
        await label('Recovered');
        assert.equal((await asked)[1], 'regular');
        state.broken = undefined;
        const d = await event('app_state.synced', x => x.snapshot && x.last
            && x.collection === 'regular' && x.version
                === state.collections.get('regular').version);
        assert.equal(d.changes,
            state.collections.get('regular').entries.size);
        sim.off('appstate-snapshot', count);
        assert.ok(snapshots.length >= 2
            && snapshots.every(name => name === 'regular'));
        await labelled('Recovered');
        // the chain goes on from there, in both directions
        await label('Onward');
        await event('label.updated', x => x.name === 'Onward');
        await call('PATCH', '/api/labels/recovered', { color: 3 });
        assert.equal(me.phone.state.get('regular',
            ['label_edit', 'recovered']).labelEditAction.color, 3);
    });

    it('is not asked of the phone twice a day', async () => {
        const asked = [];
        const note = (d, name) => asked.push(name);
        sim.on('appstate-recovery', note);
        let left = 2;
        const tried = sim.next('appstate-snapshot', d => d === me.device
            && --left === 0);
        state.broken = 'regular';
        await label('Again');
        await tried;
        state.broken = undefined;
        await label('By itself');
        await labelled('By itself');
        sim.off('appstate-recovery', note);
        assert.deepEqual(asked, []);
    });

    it('is a patch that comes twice: it counts once', async () => {
        const before = w.events.of('app_state.synced', me.id).length;
        state.spoil = 'twice';
        await me.phone.state.set('regular', ['label_edit', 'twice'], 3,
            { labelEditAction: { name: 'Twice' } });
        await event('label.updated', x => x.name === 'Twice');
        await me.phone.state.set('regular', ['label_edit', 'twice'], 3,
            { labelEditAction: { name: 'Once' } });
        await event('label.updated', x => x.name === 'Once');
        assert.equal(state.spoil, undefined);
        assert.equal(w.events.of('label.updated', me.id).filter(e =>
            e.data.id === 'twice').length, 2);
        assert.equal(w.events.of('app_state.synced', me.id).length, before);
    });

    it('is a key that is missing: the phone is asked', async () => {
        me.phone.state.withhold = true;
        const asked = sim.next('appstate-keys', d => d === me.device);
        await me.phone.state.rotate();
        await me.phone.state.set('regular', ['label_edit', 'late'], 3,
            { labelEditAction: { name: 'Late' } });
        await asked;
        await event('label.updated', x => x.name === 'Late');
        me.phone.state.withhold = false;
        // Baileys does not ask
        await Promise.all(me.account.companions().map(d =>
            me.phone.state.greet(d)));
        // and what is written from now on has the new key
        await call('PATCH', `/api/chats/${bob.pn}`, { pinned: false });
    });
});

describe('the end of a chat', () => {
    it('is cleared, then deleted', async () => {
        await bob.phone.sendText(me.account, 'soon gone');
        const m = (await w.received('soon gone')).data.message;
        await until('stored', async () => (await chat()).last_message_body
            === 'soon gone');
        await call('POST', `/api/chats/${bob.pn}/clear`, {});
        await event('chat.cleared', x => x.jid === bob.pn);
        await until('cleared', async () =>
            (await get(`/api/messages/${m.id}`)).is_deleted);
        await call('DELETE', `/api/chats/${bob.pn}`);
        await event('chat.deleted', x => x.jid === bob.pn);
        await other.next('chats.delete', x => x === bob.lid);
        await until('no chat', async () => (await w.request('GET',
            `/api/chats/${bob.pn}`)).status === 404);
        const { messageRange: r } = me.phone.state.get('regular_high',
            ['clearChat', bob.lid, '1', '1']).clearChatAction;
        assert.equal(r.messages[0].key.id, m.message_id);
        assert.equal(Number(r.lastMessageTimestamp),
            Number(r.messages[0].timestamp));
    });

    it('is ended by another companion, up to a message', async () => {
        const t = Math.floor(Date.now() / 1000);
        const lastMessages = [];
        for (const [text, ago] of [['old', 100], ['young', 50]]) {
            lastMessages.push({ messageTimestamp: t - ago,
                key: { remoteJid: bob.lid, fromMe: false,
                    id: await stage.inject(me, bob.phone,
                        { conversation: text }, { t: t - ago }) } });
        }
        const [old, young] = await Promise.all(['old', 'young'].map(x =>
            w.received(x).then(e => e.data.message)));
        await until('stored', async () => (await w.request('GET',
            `/api/messages/${young.id}`)).status === 200);
        const { sock } = other.client;
        await sock.chatModify({ clear: true,
            lastMessages: lastMessages.slice(0, 1) }, bob.lid);
        const c = await event('chat.cleared', x => x.until === t - 100);
        assert.deepEqual([c.jid, c.lid], [bob.pn, bob.lid]);
        await until('cleared', async () =>
            (await get(`/api/messages/${old.id}`)).is_deleted);
        assert.equal((await get(`/api/messages/${young.id}`)).is_deleted,
            false);
        await sock.chatModify({ delete: true,
            lastMessages: lastMessages.slice(1) }, bob.lid);
        await event('chat.deleted', x => x.until === t - 50);
        await until('no chat', async () => (await w.request('GET',
            `/api/chats/${bob.pn}`)).status === 404);
    });
});

it('every event was as the contract has it', () => stage.checkEvents());
