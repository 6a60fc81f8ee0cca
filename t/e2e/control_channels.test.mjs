// Control run: Baileys at both ends of a channel, what channels.test.mjs
// asks of wahub; and proof that the simulator's checks can fail.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { proto } from 'baileys';
import { SimEnv } from './lib/sim_env.mjs';

let env, owner, fan, channel;

before(async () => {
    env = await SimEnv.start();
    owner = await env.person('owner', 2);
    fan = await env.person('fan');
});

afterEach(() => env.checkClean());

after(() => env.stop());

const sent = (test = () => true) => env.sim.next('newsletter-message',
    (d, s) => test(s.attrs));

describe('channels between Baileys clients', () => {
    it('are created, renamed and looked up', async () => {
        const { sock } = owner.client;
        channel = await sock.newsletterCreate('News', 'of the day');
        assert.match(channel.id, /^\d+@newsletter$/);
        assert.equal(channel.name, 'News');
        await sock.newsletterUpdateName(channel.id, 'Other news');
        const { sock: other } = fan.client;
        const byInvite = await other.newsletterMetadata('invite',
            channel.invite);
        assert.equal(byInvite.id, channel.id);
        assert.equal(byInvite.thread_metadata.name.text, 'Other news');
        const byJid = await other.newsletterMetadata('jid', channel.id);
        assert.equal(byJid.viewer_metadata.role, 'GUEST');
        await assert.rejects(other.newsletterUpdateName(channel.id, 'Mine'),
            e => e.output.statusCode === 403);
        await assert.rejects(other.newsletterMetadata('jid',
            '1@newsletter'), e => e.output.statusCode === 404);
    });

    it('are followed and muted', async () => {
        const { sock } = fan.client;
        await sock.newsletterFollow(channel.id);
        await sock.newsletterMute(channel.id);
        const m = await sock.newsletterMetadata('jid', channel.id);
        assert.deepEqual(m.viewer_metadata,
            { mute: 'ON', role: 'SUBSCRIBER' });
        await sock.newsletterUnmute(channel.id);
        const all = await sock.newsletterSubscribers(channel.id);
        assert.equal(all.subscribers, 2);
    });

    it('carry posts, edits and deletions', async () => {
        const id = await owner.client.sendText(channel.id, 'first post');
        const m = await fan.client.waitText('first post');
        assert.equal(m.id, id);
        assert.equal(m.chat, channel.id);
        assert.match(m.raw.key.server_id, /^\d+$/);
        await owner.clients[1].waitText('first post');
        await env.drained(fan.device());
        const { sock } = owner.client;
        const edited = proto.Message.fromObject(
            { conversation: 'first post, corrected' });
        await sock.relayMessage(channel.id, edited,
            { messageId: id, additionalAttributes: { edit: '3' } });
        await fan.client.waitText('first post, corrected');
        const gone = sent(a => a.edit === '8');
        await sock.relayMessage(channel.id, proto.Message.fromObject({}),
            { messageId: id, additionalAttributes: { edit: '8' } });
        await gone;
        await env.drained(fan.device());
        assert.equal(env.sim.newsletters.find(channel.id).byId(id).deleted,
            true);
    });

    it('count reactions, live and when asked', async () => {
        const id = await owner.client.sendText(channel.id, 'react to this');
        const m = await fan.client.waitText('react to this');
        const live = await owner.client.sock.subscribeNewsletterUpdates(
            channel.id);
        assert.equal(live.duration, '300');
        const told = new Promise(resolve => owner.client.sock.ws.once(
            'CB:notification,type:newsletter', resolve));
        const { sock } = fan.client;
        const serverId = m.raw.key.server_id;
        await sock.newsletterReactMessage(channel.id, serverId, '👍');
        const [update] = (await told).content[0].content;
        assert.equal(update.attrs.server_id, serverId);
        assert.deepEqual(update.content[0].content[0].attrs,
            { code: '👍', count: '1' });
        const r = await sock.newsletterFetchMessages(channel.id, 5);
        const [list] = r.content[0].content;
        assert.equal(list.content.at(-1).attrs.id, id);
        await sock.newsletterReactMessage(channel.id, serverId, '');
        await env.drained(owner.device());
        assert.equal(env.sim.newsletters.find(channel.id).byId(id).reactions
            .size, 0);
    });

    it('are left and deleted', async () => {
        await fan.client.sock.newsletterUnfollow(channel.id);
        await owner.client.sock.newsletterDelete(channel.id);
        await assert.rejects(fan.client.sock.newsletterMetadata('jid',
            channel.id), e => e.output.statusCode === 404);
    });
});

describe('the checks of channels', () => {
    const violation = () => env.sim.next('violation').then(([v]) => v);
    const expect = async (act, text) => {
        const [v] = await Promise.all([violation(), act()]);
        assert.match(v.text, text);
        env.sim.violations.splice(0);
        env.sim.unknown.splice(0);
    };

    it('see what is not a plain Message', async () => {
        const { sock } = owner.client;
        const { id: jid } = await sock.newsletterCreate('Strict', '');
        const message = content => sock.sendNode({ tag: 'message',
            attrs: { to: jid, type: 'text',
                id: sock.generateMessageTag() + 'ABCDEFGH' }, content });
        const plain = bytes => [{ tag: 'plaintext', attrs: {},
            content: bytes }];
        const text = proto.Message.encode({ conversation: 'x' }).finish();
        await expect(() => message(plain(Buffer.concat([text,
            Buffer.from([0xc2, 0x3e, 0x01, 0x02])]))), /more than a Message/);
        await expect(() => message(plain('text')), /plaintext of bytes/);
        await expect(() => message([{ tag: 'enc', attrs: { v: '2' },
            content: text }]), /plaintext of bytes/);
        await expect(() => message(plain(proto.Message.encode({
            reactionMessage: { text: 'x' } }).finish())), /reactionMessage/);
        await expect(() => message(plain(proto.Message.encode({
            imageMessage: { mediaKey: Buffer.alloc(32) } }).finish())),
        /type "text" for this content/);
    });

    it('see receipts that channels do not have', async () => {
        const { sock } = owner.client;
        const { id: jid } = await sock.newsletterCreate('Receipts', '');
        await expect(() => sock.sendReceipt(jid, undefined, ['3EB01234'],
            undefined), /receipt of type/);
    });

    it('see queries that are none', async () => {
        const { sock } = owner.client;
        await expect(() => assert.rejects(sock.query({ tag: 'iq',
            attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'w:mex' },
            content: [{ tag: 'query', attrs: { query_id: '1' },
                content: Buffer.from('{"variables":{}}') }] })),
        /query_id 1/);
    });
});
