// Statuses: wahub sees those of others and posts its own, with Baileys at
// the other end.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { bytesOf, child, children } from '../sim/codec.mjs';
import { Audience, STATUS } from '../sim/audience.mjs';
import { checkReport } from './lib/report.mjs';
import { Stage, until } from './lib/stage.mjs';

let stage, sim, w, me, bob, cat;

before(async () => {
    stage = await Stage.start({ sim: { devicesForm: 'lid' } });
    ({ sim, w } = stage);
    [bob, cat] = await Promise.all(['bob', 'cat'].map(n =>
        stage.env.person(n)));
    me = await stage.me('me', { companions: 1 });
    await stage.settled(me);
});

afterEach(() => stage.env.checkClean());

after(() => stage?.close());

const story = body => w.events.wait(e => e.type === 'story.posted'
    && e.data.story.body === body, body);

describe('what others post', () => {
    it('is a message and a story', async () => {
        await bob.client.sendText(STATUS, 'by bob',
            { statusJidList: [me.lid, cat.lid] });
        const { data } = await w.events.wait(e =>
            e.type === 'message.received'
            && e.data.message.body === 'by bob');
        assert.equal(data.message.remote_jid, STATUS);
        assert.equal(data.message.is_status, true);
        assert.equal(data.message.is_broadcast, false);
        assert.equal(data.message.participant, bob.pn);
        const s = (await story('by bob')).data.story;
        assert.equal(s.id, data.message.id);
        assert.equal(s.from_jid, bob.pn);
        assert.equal(s.message_type, 'text');
        assert.equal(s.timestamp, data.message.timestamp);
        assert.equal(Date.parse(s.expires_at) / 1000, s.timestamp + 86400);
    });

    it('is answered in the chat of its author', async () => {
        const { data } = await w.events.wait(e =>
            e.type === 'message.received'
            && e.data.message.body === 'by bob');
        await stage.sent(me, bob.pn, 'nice', { quoted_id:
            data.message.id });
        const { contextInfo: c } = (await bob.client.waitText('nice')).raw
            .message.extendedTextMessage;
        assert.equal(c.stanzaId, data.message.message_id);
        assert.equal(c.remoteJid, STATUS);
        assert.equal(c.participant, bob.lid);
        assert.equal(c.quotedMessage.extendedTextMessage?.text
            ?? c.quotedMessage.conversation, 'by bob');
    });

    it('comes from phones, our own among them', async () => {
        const people = [me, bob, cat].map(p => p.account);
        await cat.phone.groups.send(new Audience(sim, people),
            { conversation: 'by phone' }, { all: true });
        assert.equal((await story('by phone')).data.story.from_jid, cat.pn);
        await me.phone.groups.send(new Audience(sim, people),
            { conversation: 'by ours' }, { all: true });
        assert.equal((await story('by ours')).data.story.from_jid, me.pn);
        await stage.env.drained(me.device);
    });

    it('is asked for again where it does not decrypt', async () => {
        const retry = sim.next('retry');
        me.device.faults.corruptEnc = 1;
        await cat.phone.groups.send(new Audience(sim, [me, bob, cat].map(p =>
            p.account)), { conversation: 'spoilt' }, { all: true });
        await retry;
        assert.equal((await story('spoilt')).data.story.from_jid, cat.pn);
        await stage.env.drained(me.device);
    });
});

describe('what we post', () => {
    const post = async (text, people, more) => {
        const next = sim.next('status');
        const r = await stage.sent(me, STATUS, text,
            { audience: people, ...more });
        const [, shown, stanza] = await next;
        return { r, stanza, shown: shown.map(a => a.name).sort() };
    };

    it('reaches the audience and nobody else', async () => {
        const { r, stanza, shown } = await post('ours',
            [bob.pn, cat.lid, bob.lid, me.pn]);
        assert.deepEqual(shown, ['bob', 'cat', 'me']);
        await stage.arrived(bob, 'ours');
        await stage.arrived(cat, 'ours');
        await me.client.waitText('ours');
        assert.equal(child(stanza, 'meta').attrs.status_setting,
            'allowlist');
        assert.equal(bob.client.messages.find(m => m.text === 'ours').chat,
            STATUS);
        assert.equal(r.jid, STATUS);
        await checkReport(stanza, (await bob.client.waitText('ours')).raw,
            me.lid, STATUS);
        const s = (await story('ours')).data.story;
        assert.equal(s.id, r.id);
        assert.equal(s.from_jid, me.pn);
    });

    it('names those who have the key already', async () => {
        const { stanza } = await post('ours too', [bob.lid, cat.pn]);
        const to = children(child(stanza, 'participants'));
        assert.deepEqual(to.map(t => t.attrs.jid).sort(),
            [bob.lid, cat.lid].sort());
        assert.ok(to.every(t => children(t).length === 0));
        await stage.arrived(bob, 'ours too');
        await stage.arrived(cat, 'ours too');
    });

    it('has another key when somebody may not see it', async () => {
        const { stanza, shown } = await post('for bob', [bob.lid]);
        assert.deepEqual(shown, ['bob', 'me']);
        assert.ok(children(child(stanza, 'participants')).every(t =>
            bytesOf(child(t, 'enc')) !== undefined));
        await stage.arrived(bob, 'for bob');
        await post('for both', [bob.lid, cat.lid]);
        await stage.arrived(cat, 'for both');
        assert.ok(!cat.client.messages.some(m => m.text === 'for bob'));
    });

    it('has colours', async () => {
        await post('red', [bob.lid], { background_argb: 0xffff0000,
            text_argb: 0xffffffff, font: 2 });
        const { raw } = await bob.client.waitText('red');
        const m = raw.message.extendedTextMessage;
        assert.equal(m.backgroundArgb, 0xffff0000);
        assert.equal(m.textArgb, 0xffffffff);
        assert.equal(m.font, 2);
    });

    it('is sent again to the one device that asks', async () => {
        const again = sim.next('group-resend');
        bob.device().faults.corruptEnc = 1;
        await post('broken for bob', [bob.lid, cat.lid]);
        await stage.arrived(bob, 'broken for bob');
        assert.equal((await again)[1], bob.device());
    });

    it('is told who got it', async () => {
        const { r } = await post('receipts', [bob.lid]);
        const { data } = await w.events.wait(e =>
            e.type === 'message.receipt' && e.data.id === r.id
            && e.data.recipient_jid === bob.pn);
        assert.equal(data.chat_jid, STATUS);
    });

    it('goes to the list on the phone when nobody is named', async () => {
        let r = await w.send(me.id, STATUS, 'to whom?');
        assert.equal(r.status, 400);
        assert.match(r.json.error.message, /^audience: /);
        me.account.statusList = { type: 'whitelist', users: [cat.account] };
        const { shown } = await post('to the list', undefined);
        assert.deepEqual(shown, ['cat', 'me']);
        await stage.arrived(cat, 'to the list');
        r = await w.send(me.id, STATUS, 'bad', { audience: ['x@g.us'] });
        assert.equal(r.status, 400);
        r = await w.send(me.id, STATUS, undefined, { type: 'poll',
            name: 'a', options: ['b', 'c'] });
        assert.equal(r.status, 409);
        assert.equal(r.json.error.code, 'PROVIDER_UNSUPPORTED');
    });

    it('is taken back where it was shown', async () => {
        const { r } = await post('to go', [bob.lid]);
        await stage.arrived(bob, 'to go');
        const next = sim.next('status');
        await stage.sent(me, STATUS, undefined, { type: 'delete',
            target_id: r.id });
        const [, shown, stanza] = await next;
        assert.deepEqual(shown.map(a => a.name).sort(), ['bob', 'me']);
        assert.equal(stanza.attrs.edit, '7');
        await bob.client.wait('message', m =>
            m.raw.message?.protocolMessage?.key?.id === r.key.id,
            bob.client.messages);
    });
});

describe('stories over HTTP', () => {
    it('are listed, of all or of one', async () => {
        const list = q => w.api('GET', `/api/stories?account=${me.id}${q}`);
        const all = await until('the stories', async () => {
            const l = await list('');
            const has = body => l.data.some(x => x.body === body);
            // what was taken back goes last
            return has('to the list') && !has('to go') ? l : undefined;
        });
        const s = all.data.find(x => x.body === 'ours');
        assert.deepEqual(s, (await story('ours')).data.story);
        const bobs = await list(`&jid=${bob.pn}`);
        assert.deepEqual(bobs.data.map(x => x.body), ['by bob']);
        assert.equal((await list('&before=1000')).total, 0);
        assert.equal((await w.request('GET', '/api/stories?jid=%')).status,
            400);
    });
});

it('every event was as the contract has it', () => stage.checkEvents());
