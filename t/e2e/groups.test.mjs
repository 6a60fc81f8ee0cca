// wahub as a member of groups whose other members are Baileys clients and
// phones.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { proto } from 'baileys';
import { child, node } from '../sim/codec.mjs';
import { giveToken } from '../sim/identity.mjs';
import { newId } from '../sim/ids.mjs';
import { jpegSize } from '../sim/picture.mjs';
import { png } from './lib/png.mjs';
import { checkReport } from './lib/report.mjs';
import { Stage, until } from './lib/stage.mjs';

// WhatsApp allows 1024; the simulator needs minutes for that
const SIZE = Number(process.env.GROUP_SIZE ?? 24);

let stage, sim, w, me, bob, cat;

const text = body => e => e.type === 'message.received'
    && e.data.message.body === body;

before(async () => {
    stage = await Stage.start({ sim: { devicesForm: 'lid' } });
    ({ sim, w } = stage);
    [me, bob, cat] = [await stage.me('wanda', { companions: 1 }),
        await stage.env.person('bob'), await stage.env.person('cat')];
    await stage.settled(me);
});

afterEach(() => stage.env.checkClean());

after(() => stage.close());

function room(mode = 'lid', members = [me, cat], creator = bob) {
    return sim.groups.create({ creator: creator.account, mode,
        subject: `room of ${mode}`, members: members.map(m => m.account) });
}

async function received(body) {
    return (await w.events.wait(text(body), body)).data.message;
}

/** The reaction in an EncReactionMessage. */
function opened(secret, id, author, writer, { encPayload, encIv }) {
    const key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0),
        Buffer.from(`${id}${author}${writer}Enc Reaction`), 32));
    const d = createDecipheriv('aes-256-gcm', key, encIv);
    d.setAuthTag(encPayload.subarray(-16));
    return proto.Message.ReactionMessage.decode(Buffer.concat([
        d.update(encPayload.subarray(0, -16)), d.final()]));
}

describe('receiving', () => {
    for (const mode of ['lid', 'pn']) {
        it(`takes what members write in a group of ${mode}`, async () => {
            const g = room(mode);
            const body = `${mode} of a client`;
            await bob.client.sendText(g.jid, body);
            const m = await received(body);
            assert.equal(m.remote_jid, g.jid);
            assert.equal(m.lid, null);
            assert.equal(m.participant, bob.pn);
            assert.equal(m.from_jid, bob.pn);
            assert.equal(m.from_lid, bob.lid);
            assert.equal(m.phone_number, null);
            assert.equal(m.push_name, 'bob');
            await cat.phone.groups.send(g, { conversation: `${mode} phone` });
            assert.equal((await received(`${mode} phone`)).participant,
                cat.pn);
            await bob.client.sendText(g.jid, `${mode} again`);
            await received(`${mode} again`);
            await me.phone.groups.send(g, { conversation: `${mode} echo` });
            const echo = (await w.events.wait(e => e.type === 'message.echo'
                && e.data.message.body === `${mode} echo`)).data.message;
            assert.equal(echo.remote_jid, g.jid);
            assert.equal(echo.from_me, true);
            await stage.env.drained(me.device);
        });
    }

    it('tells both addresses of whom a message mentions', async () => {
        const g = room('lid', [me]);
        const dan = sim.phone({ name: 'dan' }).account;
        g.add(bob.account, [dan]);
        await bob.client.sock.sendMessage(g.jid, { text: 'hi dan',
            mentions: [`${dan.lid}@lid`, me.lid] });
        const m = await received('hi dan');
        assert.deepEqual(m.mentions, [`${dan.pn}@s.whatsapp.net`, me.pn]);
        assert.deepEqual(m.mention_lids, [`${dan.lid}@lid`, me.lid]);
    });

    it('takes a key that comes with every message', async () => {
        const g = room();
        for (let i = 0; i < 7; i++) {
            await cat.phone.groups.send(g, { conversation: `keyed ${i}` },
                { all: true });
        }
        await received('keyed 6');
        assert.equal(stage.bodies('keyed').length, 7);
    });

    it('loses nothing when a key overtakes messages', async () => {
        const g = room();
        await cat.phone.groups.send(g, { conversation: 'early 0' });
        await received('early 0');
        me.device.faults.reorder = 1;
        await cat.phone.groups.send(g, { conversation: 'early 1' },
            { all: true });
        await cat.phone.groups.send(g, { conversation: 'early 2' },
            { all: true });
        await received('early 2');
        await received('early 1');
        assert.equal(w.events.of('message.undecryptable').length, 0);
    });

    it('asks for what it cannot decrypt and gets it', async () => {
        const g = room();
        await cat.phone.groups.send(g, { conversation: 'intact' });
        await received('intact');
        const retry = sim.next('retry');
        me.device.faults.corruptEnc = 1;
        await cat.phone.groups.send(g, { conversation: 'spoilt' });
        await retry;
        assert.equal((await received('spoilt')).participant, cat.pn);
        await stage.env.drained(me.device);
    });
});

describe('sending', () => {
    const sent = async (g, body) => (await stage.sent(me, g.jid, body)).id;

    async function arrives(body, people = [bob, cat]) {
        await Promise.all(people.map(p => stage.arrived(p, body)));
    }

    for (const mode of ['lid', 'pn']) {
        it(`mentions members as a group of ${mode} names them`, async () => {
            const g = room(mode, [cat]);
            g.members.set(me.account, 'member'); // wahub has to ask
            for (const given of [cat.pn, cat.lid]) {
                const body = who => `from ${given}: @${who.split('@')[0]}!`;
                await stage.sent(me, g.jid, body(given),
                    { mentions: [given, 'all'] });
                const { raw } = await bob.client.waitText(body(cat[mode]));
                assert.deepEqual(raw.message.extendedTextMessage.contextInfo
                    .mentionedJid, [cat[mode]]);
                const { data: { message: m } } = await w.events.wait(e =>
                    e.type === 'message.sent'
                    && e.data.message.body === body(cat[mode]));
                assert.deepEqual(m.mentions, [cat.pn, 'all']);
                assert.deepEqual(m.mention_lids, [cat.lid]);
            }
        });

        it(`writes to every device in a group of ${mode}`, async () => {
            const g = room(mode);
            await sent(g, `to ${mode}`);
            await arrives(`to ${mode}`);
            await me.client.waitText(`to ${mode}`);
            await stage.env.phoneText(me, `to ${mode}`);
            const next = sim.next('group-message');
            await sent(g, `more to ${mode}`);
            await arrives(`more to ${mode}`);
            const [, , stanza] = await next;
            assert.ok(!stanza.content.some(c => c.tag === 'participants'),
                'the key was given out again');
            await checkReport(stanza,
                (await bob.client.waitText(`more to ${mode}`)).raw,
                me[mode], g.jid);
            const { data } = await w.events.wait(e =>
                e.type === 'message.sent'
                && e.data.message.body === `to ${mode}`);
            assert.equal(data.message.remote_jid, g.jid);
        });
    }

    it('hides the keys that go with what is hidden', async () => {
        const g = room();
        await bob.client.sendText(g.jid, 'no key of ours yet');
        const { data } = await w.received('no key of ours yet');
        const next = sim.next('group-message');
        const r = await w.request('POST', '/api/messages', { account: me.id,
            to: g.jid, type: 'reaction', target_id: data.message.id,
            emoji: '👍' });
        assert.equal(r.status, 201, r.raw.toString());
        const given = child((await next)[2], 'participants').content;
        assert.ok(given.length > 2);
        for (const t of given) {
            assert.equal(child(t, 'enc').attrs['decrypt-fail'], 'hide');
        }
    });

    it('seals reactions among members who do not see one another',
        async () => {
            const g = room('lid', [cat]);
            g.flags.add('announcement').add('default_sub_group');
            g.members.set(me.account, 'admin'); // wahub has to ask
            const secret = randomBytes(32);
            const id = newId();
            await bob.client.sock.relayMessage(g.jid, proto.Message.fromObject(
                { conversation: 'to all', messageContextInfo:
                    { messageSecret: secret } }), { messageId: id });
            const m = await received('to all');
            for (const [emoji, ...errors] of [['🔐'], [''], ['🔁', 421]]) {
                sim.ackErrors.set(me.account, errors);
                const r = await w.api('POST', '/api/actions/react', { jid:
                    g.jid, message_id: m.id, emoji, account: me.id });
                const { raw: { message } } = await bob.client.wait('message',
                    x => x.id === r.message_id, bob.client.messages);
                const e = message.encReactionMessage;
                assert.equal(e.targetMessageKey.id, id);
                assert.equal(e.targetMessageKey.participant, bob.lid);
                assert.equal(opened(secret, id, bob.lid, me.lid, e).text,
                    emoji);
                const { data } = await w.events.wait(x =>
                    x.type === 'message.reaction' && x.data.from_me
                    && x.data.target_id === m.id && x.data.emoji === emoji);
                assert.equal(data.chat_jid, g.jid);
            }
        });

    it('tells who got it', async () => {
        const g = room();
        const id = await sent(g, 'receipts please');
        const { data } = await w.events.wait(e => e.type === 'message.receipt'
            && e.data.id === id && e.data.recipient_jid === bob.pn);
        assert.equal(data.chat_jid, g.jid);
        assert.equal(data.status, 'delivered');
    });

    it('sends again to the one device that asks', async () => {
        const g = room();
        await sent(g, 'first of all');
        await arrives('first of all');
        const again = sim.next('group-resend');
        cat.device().faults.corruptEnc = 1;
        await sent(g, 'broken for cat');
        await arrives('broken for cat');
        const [, target] = await again;
        assert.equal(target, cat.device());
    });

    it('gives the key again to who asks for what is not kept', async () => {
        const g = room();
        await sent(g, 'long ago');
        await arrives('long ago');
        const id = newId();
        me.device.mailbox.post(node('receipt', { id, type: 'retry',
            from: g.jid, participant: cat.phone.device.jid('lid') },
        [node('retry', { v: 1, count: 1, id, t: 1700000000 })]));
        await stage.env.drained(me.device);
        const next = sim.next('group-message');
        await sent(g, 'long after');
        await arrives('long after');
        const given = child((await next)[2], 'participants');
        assert.deepEqual(given.content.map(x => x.attrs.jid),
            [cat.phone.device.jid('lid')]);
    });

    it('reaches a device that was linked later', async () => {
        const g = room();
        await sent(g, 'before the link');
        await arrives('before the link');
        const late = stage.env.client({ name: 'late' });
        await late.link(bob.phone);
        await stage.env.drained(me.device);
        await sent(g, 'after the link');
        await late.waitText('after the link');
        await sent(g, 'still after it');
        await late.waitText('still after it');
    });

    it(`reaches ${SIZE} members`, async () => {
        const crowd = Array.from({ length: SIZE - 2 }, (_, i) =>
            sim.phone({ name: `member ${i}` }));
        const read = crowd.slice(0, 8).map(p => stage.env.phoneText(
            { phone: p, account: p.account, inbox: [] }, 'to the crowd'));
        for (const [i, p] of crowd.entries()) {
            // signatures in JavaScript take longer than the send may
            p.refill();
            p.account.keyIndexList();
            if (i >= read.length) {
                p.deliver = () => {};
            }
        }
        const g = room('lid', [me, ...crowd]);
        assert.equal(g.members.size, SIZE);
        const next = sim.next('group-message');
        await sent(g, 'to the crowd');
        const [, , stanza] = await next;
        assert.ok(stanza.content.find(c => c.tag === 'participants')
            .content.length > SIZE);
        await Promise.all(read);
        await sent(g, 'to the crowd once more');
        await stage.arrived(bob, 'to the crowd once more');
    });

    it('follows a group that names its members by LID by now', async () => {
        const g = room('pn');
        await sent(g, 'by number');
        await arrives('by number');
        g.moveToLid();
        await sent(g, 'by LID');
        await arrives('by LID');
    });

    it('is refused where it is no member', async () => {
        const g = room('lid', [cat]);
        const r = await w.send(me.id, g.jid, 'let me in');
        assert.equal(r.status, 502);
        assert.equal(r.json.error.code, 'SEND_FAILED');
    });
});

describe('what others do', () => {
    const change = (g, test) => w.events.wait(e => e.data.group?.jid === g.jid
        && e.type === 'group.updated' && test(e.data.group), String(test));
    const people = (g, action) => w.events.wait(e => e.data.jid === g.jid
        && e.type === 'group.participants' && e.data.action === action,
    action);

    it('is followed', async () => {
        const g = room('lid', [me]);
        const { data } = await change(g, x => x.participant_count === 2);
        assert.equal(data.created, true);
        assert.equal(data.group.name, 'room of lid');
        assert.equal(data.group.owner_jid, bob.pn);
        const s = bob.client.sock;
        await s.groupUpdateSubject(g.jid, 'named by bob');
        await change(g, x => x.name === 'named by bob');
        await s.groupUpdateDescription(g.jid, 'by bob');
        await change(g, x => x.description === 'by bob');
        await s.groupSettingUpdate(g.jid, 'announcement');
        await change(g, x => x.is_announce);
        await s.groupSettingUpdate(g.jid, 'not_announcement');
        await s.groupToggleEphemeral(g.jid, 86400);
        await change(g, x => x.ephemeral_duration === 86400
            && !x.is_announce);
        await s.groupParticipantsUpdate(g.jid, [cat.lid], 'add');
        const added = await people(g, 'add');
        assert.deepEqual(added.data.participants, [cat.pn]);
        assert.equal(added.data.by_jid, bob.pn);
        await s.groupParticipantsUpdate(g.jid, [cat.lid], 'promote');
        await people(g, 'promote');
        await change(g, x => x.participants.some(p => p.jid === cat.pn
            && p.role === 'admin'));
    });

    it('means another sender key when a member goes', async () => {
        const g = room();
        await stage.sent(me, g.jid, 'with cat');
        await stage.arrived(cat, 'with cat');
        await bob.client.sock.groupParticipantsUpdate(g.jid, [cat.lid],
            'remove');
        await people(g, 'remove');
        await change(g, x => x.participant_count === 2);
        await stage.sent(me, g.jid, 'without cat');
        await stage.arrived(bob, 'without cat');
        assert.ok(!cat.client.messages.some(m => m.text === 'without cat'));
    });

    it('may be that it is added, and removed', async () => {
        const g = room('lid', [cat]);
        await bob.client.sock.groupParticipantsUpdate(g.jid, [me.lid], 'add');
        await change(g, x => x.participant_count === 3);
        await stage.sent(me, g.jid, 'here I am');
        await stage.arrived(cat, 'here I am');
        await bob.client.sock.groupParticipantsUpdate(g.jid, [me.lid],
            'remove');
        await people(g, 'remove');
        await until('it is gone from the list', async () => {
            const list = await w.api('GET', `/api/groups?account=${me.id}`);
            return !list.data.some(x => x.jid === g.jid);
        });
    });
});

describe('over HTTP', () => {
    const call = (method, path, body) => w.api(method,
        `/api/groups${path}${path.includes('?') ? '&' : '?'}account=${me.id}`,
        body);

    it('a group is made, changed, shown and left', async () => {
        await giveToken(sim, bob.account, me.account, { device: me.device });
        const trusted = sim.next('group-token');
        const made = await call('POST', '', { subject: 'made here',
            participants: [bob.pn, cat.account.pn] });
        assert.equal((await trusted)[1], bob.account);
        const at = `/${made.jid}`;
        assert.equal(made.participant_count, 3);
        assert.deepEqual(await call('PUT', `${at}/subject`,
            { subject: 'called so' }), { success: true });
        assert.deepEqual(await call('PUT', `${at}/description`,
            { description: 'first' }), { success: true });
        await call('PUT', `${at}/description`, { description: 'second' });
        await call('PUT', `${at}/settings`, { announce: true });
        await call('PUT', `${at}/settings`, { ephemeral_duration: 86400 });
        const m = await call('GET', `${at}/metadata`);
        assert.equal(m.subject, 'called so');
        assert.equal(m.desc, 'second');
        assert.equal(m.announce, true);
        assert.equal(m.ephemeralDuration, 86400);
        assert.equal(m.owner, me.pn);
        assert.equal(m.participants.find(p => p.id === me.pn).admin,
            'superadmin');
        const one = await call('GET', at);
        assert.equal(one.name, 'called so');
        assert.equal(one.participants.find(p => p.jid === bob.pn).role,
            'member');
        assert.ok(made.first_seen_at);
        const since = await until('since when', async () => {
            const g = await call('GET', at);
            return g.first_seen_at && g.participants.every(p =>
                Date.parse(p.added_at) >= Date.parse(g.first_seen_at))
                ? g : undefined;
        });
        assert.equal(since.participants.length, 3);
        const list = await until('it is listed', async () => {
            const l = await call('GET', '?search=CALLED');
            return l.total === 1 && l.data[0].is_announce
                && l.data[0].ephemeral_duration === 86400 ? l : undefined;
        });
        assert.equal(list.data[0].jid, made.jid);
        assert.equal(list.data[0].participant_count, 3);
        assert.equal(list.data[0].participants, undefined);
        assert.ok(list.data[0].first_seen_at);
        assert.deepEqual(await call('POST', `${at}/leave`),
            { success: true });
        await w.events.wait(e => e.type === 'group.participants'
            && e.data.jid === made.jid && e.data.action === 'remove');
        await until('it is listed no more', async () =>
            (await call('GET', '?search=called%20so')).total === 0);
    });

    it('a picture is set, shown, followed and removed', async () => {
        const g = room('lid', [bob], me);
        const pic = `/${g.jid}/profile-pic`;
        const url = x => new RegExp(`^https://.*/${x.id}-preview`);
        const shown = test => w.events.wait(e => e.type === 'group.updated'
            && e.data.group.jid === g.jid
            && test(e.data.group.profile_pic_url), String(test));
        assert.deepEqual(await call('GET', pic), { url: null });
        const r = await call('PUT', pic,
            { image: png(900, 700).toString('base64') });
        assert.equal(r.success, true);
        assert.equal(r.id, g.picture.id);
        assert.deepEqual(jpegSize(g.picture.bytes), [640, 640]);
        const mine = g.picture;
        await shown(x => url(mine).test(x));
        assert.match((await call('GET', `/${g.jid}`)).profile_pic_url,
            url(mine));
        assert.match((await call('GET', `${pic}?size=image`)).url, /-image/);
        await bob.client.sock.query({ tag: 'iq', attrs: { type: 'set',
            to: 's.whatsapp.net', xmlns: 'w:profile:picture',
            target: g.jid }, content: [{ tag: 'picture',
            attrs: { type: 'image' }, content: mine.bytes }] });
        assert.notEqual(g.picture.id, mine.id);
        await shown(x => url(g.picture).test(x));
        await call('GET', `/${g.jid}/metadata`); // read anew: not forgotten
        assert.match((await call('GET', `/${g.jid}`)).profile_pic_url,
            url(g.picture));
        await bob.client.sock.removeProfilePicture(g.jid);
        await until('it is gone', async () => (await call('GET',
            `/${g.jid}`)).profile_pic_url === null);
        await call('PUT', pic, { image: mine.bytes.toString('base64') });
        await until('it is back', async () => (await call('GET',
            `/${g.jid}`)).profile_pic_url !== null);
        const gone = await call('DELETE', pic);
        assert.equal(gone.success, true);
        assert.equal(gone.message, 'Picture removed');
        assert.equal(g.picture, undefined);
        await until('the list says so', async () => {
            const l = await call('GET', `?search=${g.jid}`);
            return l.total === 1 && l.data[0].profile_pic_url === null;
        });
        const bad = await w.request('PUT',
            `/api/groups${pic}?account=${me.id}`,
            { image: Buffer.from('no picture').toString('base64') });
        assert.equal(bad.json.error.code, 'INVALID_MEDIA');
        assert.equal((await w.request('GET',
            `/api/groups${pic}?account=${me.id}&size=huge`)).status, 400);
    });

    it('members come and go one by one', async () => {
        const g = room('lid', [], me);
        cat.account.faults.groupAdd = 403;
        const r = await call('POST', `/${g.jid}/participants`, {
            action: 'add', participants: [bob.pn, cat.pn, '15559999999'] });
        delete cat.account.faults.groupAdd;
        assert.deepEqual(r.result.map(x => x.status), ['200', '403', '404']);
        assert.ok(r.result[1].invite.code);
        const p = await call('POST', `/${g.jid}/participants`, {
            action: 'promote', participants: [bob.pn] });
        assert.deepEqual(p.result, [{ jid: bob.pn, status: '200' }]);
        assert.equal(g.members.get(bob.account), 'admin');
        await call('POST', `/${g.jid}/participants`, { action: 'remove',
            participants: [bob.pn] });
        assert.ok(!g.members.has(bob.account));
    });

    it('codes invite, and admins approve', async () => {
        const g = room('lid', [], me);
        const { code, link } = await call('GET', `/${g.jid}/invite-code`);
        assert.equal(link, `https://chat.whatsapp.com/${code}`);
        assert.equal((await call('GET', `/invite/${code}`)).jid, g.jid);
        const other = await call('DELETE', `/${g.jid}/invite-code`);
        assert.notEqual(other.code, code);
        assert.equal(other.success, true);
        assert.equal(other.message, 'Invite code revoked');
        await call('PUT', `/${g.jid}/settings`, { join_approval: true });
        await bob.client.sock.groupAcceptInvite(other.code);
        const { data } = await w.events.wait(e => e.type === 'group.updated'
            && e.data.join_requests !== undefined, 'a request');
        assert.equal(data.group.jid, g.jid);
        assert.deepEqual(data.join_requests, { action: 'created',
            method: 'invite_link', by_jid: bob.pn, participants: [bob.pn] });
        const { requests } = await call('GET', `/${g.jid}/requests`);
        assert.deepEqual(requests.map(x => x.jid), [bob.pn]);
        const r = await call('POST', `/${g.jid}/requests`, {
            action: 'approve', participants: [bob.lid] });
        assert.deepEqual(r.result.map(x => x.status), ['200']);
        assert.ok(g.members.has(bob.account));
        const theirs = room('lid', [cat]);
        theirs.code = 'theircode';
        assert.deepEqual(await call('POST', '/join', { code: 'theircode' }),
            { jid: theirs.jid, pending: false });
    });

    it('a community holds groups', async () => {
        const c = await call('POST', '', { subject: 'village',
            community: true });
        assert.equal(c.is_community, true);
        const g = room('lid', [], me);
        await call('POST', `/${c.jid}/linked`, { groups: [g.jid] });
        const { groups } = await call('GET', `/${c.jid}/linked`);
        assert.deepEqual(groups, [{ jid: g.jid, name: g.subject }]);
        const unlinked = await call('DELETE', `/${c.jid}/linked`,
            { groups: [g.jid] });
        assert.equal(unlinked.success, true);
        assert.equal(unlinked.message, 'Groups unlinked');
        assert.deepEqual((await call('GET', `/${c.jid}/linked`)).groups, []);
        const told = action => w.events.wait(e => e.type === 'group.updated'
            && e.data.group.jid === c.jid
            && e.data.linked?.action === action, action);
        for (const action of ['link', 'unlink']) {
            assert.deepEqual((await told(action)).data.linked, { action,
                type: 'sub_group', groups: [{ jid: g.jid,
                    name: g.subject }] });
        }
        await call('POST', `/${c.jid}/linked`, { groups: [g.jid] });
        await call('POST', `/${c.jid}/leave`);
        const gone = jid => w.events.wait(e => e.data.jid === jid
            && e.type === 'group.participants'
            && e.data.action === 'remove'
            && e.data.participants.includes(me.pn), `${jid} is left`);
        await Promise.all([gone(c.jid), gone(g.jid)]);
    });

    it('all groups are fetched after linking, and when they are dirty',
        async () => {
            const p = sim.phone({ name: 'joiner' });
            const g = room('lid', [{ account: p.account }]);
            const { id } = await w.patient('POST', '/api/accounts',
                { name: 'joiner' });
            const device = await p.scan(await w.qr(id));
            const told = name => w.events.wait(e => e.account_id === id
                && e.type === 'group.updated'
                && e.data.group.name === name, name);
            await told('room of lid');
            g.subject = 'unheard of';
            const clean = sim.next('iq', (conn, iq) => conn.device === device
                && iq.attrs.xmlns === 'urn:xmpp:whatsapp:dirty');
            device.link.send(node('ib', {}, [node('dirty',
                { type: 'groups', timestamp: 1700000000 })]));
            await told('unheard of');
            const [, iq] = await clean;
            assert.deepEqual({ ...iq.content[0].attrs },
                { type: 'groups', timestamp: '1700000000' });
            await w.api('DELETE', `/api/accounts/${id}`);
        });

    it('what is stored is told while the account is stopped', async () => {
        const g = room('lid', [cat], me);
        await call('GET', `/${g.jid}`);
        await w.api('POST', `/api/accounts/${me.id}/stop`);
        assert.equal((await call('GET', `/${g.jid}`)).name, g.subject);
        const unknown = await w.request('GET',
            `/api/groups/120363000000000999@g.us?account=${me.id}`);
        assert.equal(unknown.status, 409);
        assert.equal(unknown.json.error.code, 'ACCOUNT_NOT_READY');
        await w.api('POST', `/api/accounts/${me.id}/start`);
        await w.state(me.id, 'READY');
    });

    it('all groups are fetched', async () => {
        const r = await call('POST', '/sync');
        const mine = [...sim.groups.all.values()].filter(g =>
            g.members.has(me.account)).length;
        assert.deepEqual(r, { success: true, synced: mine, failed: 0,
            total: mine });
    });

    it('what WhatsApp refuses is an error', async () => {
        const g = room();
        let r = await w.request('PUT',
            `/api/groups/${g.jid}/settings?account=${me.id}`,
            { announce: true });
        assert.equal(r.status, 502);
        assert.equal(r.json.error.details.provider_code, 401);
        r = await w.request('GET',
            `/api/groups/1203@g.us/metadata?account=${me.id}`);
        assert.equal(r.status, 404);
        assert.equal(r.json.error.code, 'GROUP_NOT_FOUND');
        r = await w.request('GET',
            `/api/groups/${bob.pn}?account=${me.id}`);
        assert.equal(r.status, 400);
    });
});

it('every event was as the contract has it', () => stage.checkEvents());
