// Channels: found, followed, made and changed over HTTP; messages, edits and
// counts arrive as events.  The other end is Baileys.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { writeFileSync } from 'node:fs';
import { proto } from 'baileys';
import { node } from '../sim/codec.mjs';
import { post } from '../sim/newsletter.mjs';
import { mexQueries } from '../sim/newsletter_mex.mjs';
import { eventErrors } from './lib/event_schema.mjs';
import { Stage, until } from './lib/stage.mjs';

let s, sim, w, me, ann, channel, channels;

before(async () => {
    s = await Stage.start({ conf: '' });
    ({ sim, w } = s);
    me = await s.me('reader');
    ann = await s.env.person('ann');
    await s.settled(me);
    channel = await ann.client.sock.newsletterCreate('News', 'of the day');
    channels = (method, path = '', body) => w.request(method,
        `/api/channels${path}${path.includes('?') ? '&' : '?'}account=`
        + me.id, body);
});

afterEach(() => s.env.checkClean());

after(() => s.close());

const at = (n, tail = '') => `/${n.jid ?? n.id}${tail}`;
const of = id => sim.newsletters.find(id);

async function ok(promise, status = 200) {
    const r = await promise;
    assert.equal(r.status, status, r.raw.toString());
    return r.json;
}

async function refused(promise, status, code) {
    const r = await promise;
    assert.equal(r.status, status, r.raw.toString());
    assert.equal(r.json.error.code, code);
}

function event(type, test) {
    return w.events.wait(e => e.type === type && test(e.data), type)
        .then(e => {
            assert.equal(eventErrors(e), '');
            return e.data;
        });
}

describe('a channel of somebody', () => {
    it('is found by invite and by address', async () => {
        const { data } = await ok(channels('GET', `/${channel.invite}`));
        assert.equal(data.jid, channel.id);
        assert.equal(data.account_id, me.id);
        assert.equal(data.name, 'News');
        assert.equal(data.description, 'of the day');
        assert.equal(data.role, 'guest');
        assert.equal(data.subscribers, 1);
        assert.equal(data.invite_url,
            `https://whatsapp.com/channel/${channel.invite}`);
        const again = await ok(channels('GET', at(channel)));
        assert.deepEqual(again.data, data);
        await refused(channels('GET', '/1@newsletter'), 404,
            'RESOURCE_NOT_FOUND');
        await refused(channels('POST', '/15550001111@s.whatsapp.net/follow'),
            400, 'INVALID_RECIPIENT');
    });

    it('is followed, listed and muted', async () => {
        assert.equal((await ok(channels('GET'))).total, 0);
        assert.equal((await ok(channels('POST', at(channel, '/follow')))).jid,
            channel.id);
        assert.equal(of(channel.id).role(me.account), 'SUBSCRIBER');
        await ok(channels('POST', at(channel, '/mute')));
        const list = await ok(channels('GET'));
        assert.equal(list.total, 1);
        assert.equal(list.data[0].jid, channel.id);
        assert.equal(list.data[0].muted, true);
        await ok(channels('POST', at(channel, '/unmute')));
        await refused(channels('PATCH', at(channel), { name: 'Mine' }), 403,
            'FORBIDDEN');
        await refused(channels('DELETE', at(channel)), 403, 'FORBIDDEN');
    });

    it('is heard: posts, edits, deletions', async () => {
        const { client } = ann;
        const id = await client.sendText(channel.id, 'first post');
        const { data } = await w.received('first post');
        assert.equal(eventErrors(await w.received('first post')), '');
        assert.equal(data.message.message_id, id);
        assert.equal(data.message.remote_jid, channel.id);
        assert.equal(data.message.from_jid, channel.id);
        assert.equal(data.message.from_me, false);
        await client.sock.relayMessage(channel.id, proto.Message.fromObject(
            { conversation: 'corrected' }), { messageId: id,
            additionalAttributes: { edit: '3' } });
        const edited = await event('message.edited',
            d => d.message_id === id);
        assert.equal(edited.id, data.message.id);
        assert.equal(edited.body, 'corrected');
        await client.sock.relayMessage(channel.id, proto.Message.fromObject(
            {}), { messageId: id, additionalAttributes: { edit: '8' } });
        const gone = await event('message.deleted',
            d => d.message_id === id);
        assert.equal(gone.id, data.message.id);
        await s.env.drained(me.device);
        s.checkOnce();
    });

    it('says a thing once, however often it comes', async () => {
        me.device.faults.duplicate = 1;
        await ann.client.sendText(channel.id, 'said twice');
        await w.received('said twice');
        await ann.client.sendText(channel.id, 'said after it');
        await w.received('said after it');
        assert.deepEqual(s.bodies('said'), ['said twice', 'said after it']);
    });

    it('tells own posts of the phone as such', async () => {
        const n = of(channel.id);
        n.admins.add(me.account);
        post(sim, n, me.account, { id: '3EB0FROMMYPHONE1',
            bytes: Buffer.from(proto.Message.encode({
                conversation: 'from my phone' }).finish()) });
        const d = await event('message.echo',
            x => x.message.body === 'from my phone');
        assert.equal(d.message.from_me, true);
        assert.equal(d.message.remote_jid, channel.id);
        n.admins.delete(me.account);
    });

    it('sends nothing that only own devices may', async () => {
        const give = (id, bytes) => me.device.mailbox.post(node('message',
            { from: channel.id, id, server_id: 90, type: 'text',
                t: Math.floor(Date.now() / 1000) },
            [node('plaintext', {}, Buffer.from(bytes))]));
        give('3EB0PROTOCOL0001', proto.Message.encode({ protocolMessage: {
            type: 0, key: { id: 'X', fromMe: true } } }).finish());
        give('3EB0NOTAMESSAGE1', [0xff, 0xff, 0xff]);
        await s.env.drained(me.device);
        assert.deepEqual(w.events.of('message.deleted').filter(
            e => e.data.message_id === 'X'), []);
        assert.equal(sim.nacks.splice(0).filter(x =>
            x.id === '3EB0NOTAMESSAGE1' && x.error === '491').length, 1);
    });

    it('shows its messages, views and reactions', async () => {
        const { data } = await ok(channels('GET', at(channel,
            '/messages?limit=3')));
        assert.deepEqual(data.map(m => m.server_id).sort((a, b) => a - b),
            data.map(m => m.server_id));
        const all = await ok(channels('GET', at(channel, '/messages')));
        const m = all.data.find(x => x.body === 'said twice');
        assert.equal(m.id, w.events.of('message.received').find(e =>
            e.data.message.body === 'said twice').data.message.id);
        assert.equal(m.views, 0);
        const before = await ok(channels('GET', at(channel,
            `/messages?before=${m.server_id}`)));
        assert.ok(before.data.every(x => x.server_id < m.server_id));
        assert.equal(before.data[0].is_deleted, true);

        const live = await ok(channels('POST', at(channel, '/live')));
        assert.equal(live.duration, 300);
        await ok(channels('POST', at(channel, '/viewed'),
            { server_ids: [m.server_id] }));
        const d = await event('chat.updated', x =>
            x.messages?.[0].server_id === m.server_id);
        assert.equal(d.chat.jid, channel.id);
        assert.deepEqual(d.messages, [{ id: m.id, message_id: m.message_id,
            server_id: m.server_id, views: 1, reaction_counts: [] }]);
        await ann.client.sock.newsletterReactMessage(channel.id,
            String(m.server_id), '👍');
        const r = await event('chat.updated', x =>
            x.messages?.[0].reaction_counts.length === 1);
        assert.deepEqual(r.messages[0].reaction_counts,
            [{ emoji: '👍', count: 1 }]);
        await refused(channels('POST', at(channel, '/viewed'),
            { server_ids: ['x'] }), 400, 'VALIDATION_ERROR');
        await refused(channels('GET', at(channel, '/messages?limit=x')), 400,
            'INVALID_PARAMETER');
    });

    it('is left', async () => {
        await ok(channels('POST', at(channel, '/unfollow')));
        assert.equal(of(channel.id).role(me.account), 'GUEST');
        assert.equal((await ok(channels('GET'))).total, 0);
    });
});

describe('what the phone does to channels', () => {
    const tell = (op, member, value) => sim.notify(me.device, { type: 'mex',
        from: '@s.whatsapp.net' }, [{ tag: 'update', attrs: { op_name: op },
        content: Buffer.from(typeof value === 'string' ? value
            : JSON.stringify({ data: { [member]: value } })) }]);

    it('is told', async () => {
        tell('NotificationNewsletterJoin', 'xwa2_notify_newsletter_on_join',
            { id: '777@newsletter', thread_metadata: {
                name: { text: 'Joined' } } });
        const joined = await event('chat.updated', d =>
            d.chat.jid === '777@newsletter');
        assert.equal(joined.chat.name, 'Joined');
        tell('NotificationNewsletterUserSettingChange',
            'xwa2_notify_newsletter_on_mute_change',
            { id: '777@newsletter', mute: 'ON' });
        await event('chat.updated', d => d.chat.is_muted === true);
        tell('NotificationNewsletterLeave', 'xwa2_notify_newsletter_on_leave',
            { id: '777@newsletter', role: 'GUEST' });
        await event('chat.deleted', d => d.jid === '777@newsletter');
    });

    it('is acknowledged when it cannot be read', async () => {
        for (const text of ['', '[', '"x"', '{"data":7}',
            '{"data":{"xwa2_notify_newsletter_on_join":{"id":3}}}',
            '{"data":{"xwa2_notify_newsletter_on_mute_change":{}}}']) {
            tell('NotificationNewsletterJoin', '', text);
        }
        await s.env.drained(me.device);
    });
});

describe('a channel of our own', () => {
    let own;

    it('is made and changed', async () => {
        const { data } = await ok(channels('POST', '', { name: 'Ours',
            description: 'what we do', accept_terms: true }), 201);
        own = data;
        assert.equal(own.role, 'owner');
        assert.equal(own.name, 'Ours');
        assert.equal(sim.terms.has(me.account), true);
        const r = await ok(channels('PATCH', at(own), { name: 'Ours too' }));
        assert.equal(r.data.name, 'Ours too');
        assert.equal(r.data.description, 'what we do');
        await refused(channels('PATCH', at(own), {}), 400,
            'VALIDATION_ERROR');
        await refused(channels('POST', '', {}), 400, 'VALIDATION_ERROR');
    });

    it('takes posts, which followers read', async () => {
        await ann.client.sock.newsletterFollow(own.jid);
        const r = await s.sent(me, own.jid, 'from the owner');
        assert.equal(r.to, own.jid);
        const m = await ann.client.waitText('from the owner');
        assert.equal(m.id, r.message_id);
        assert.equal(m.chat, own.jid);
        const { message } = await event('message.sent', d =>
            d.message.message_id === r.message_id);
        assert.equal(message.id, r.id);
        assert.equal(message.remote_jid, own.jid);
        const { data } = await ok(channels('GET', at(own, '/messages')));
        assert.equal(data[0].id, r.id);
        assert.equal(data[0].from_me, true);
        assert.equal(data[0].body, 'from the owner');
    });

    it('takes edits, reactions and deletions', async () => {
        const n = of(own.jid);
        const change = (type, more) => ok(w.request('POST',
            `/api/accounts/${me.id}/messages`, { to: own.jid, type, ...more }),
        201);
        const { id, message_id: waId } = await s.sent(me, own.jid, 'draft');
        await ann.client.waitText('draft');
        const r = await change('edit', { target_id: id, text: 'final' });
        assert.equal(r.message_id, waId);
        assert.equal((await ann.client.waitText('final')).id, waId);
        assert.equal((await event('message.edited', d => d.id === id)).body,
            'final');

        await change('reaction', { target_id: id, emoji: '🎉' });
        assert.deepEqual([...n.byId(waId).reactions.values()], ['🎉']);
        const d = await event('message.reaction', x => x.target_id === id);
        assert.equal(d.from_me, true);
        await change('reaction', { emoji: '',
            target_id: String(n.byId(waId).serverId) });
        assert.equal(n.byId(waId).reactions.size, 0);

        await change('delete', { target_id: id });
        assert.equal(n.byId(waId).deleted, true);
        await event('message.deleted', x => x.id === id);
        assert.equal(w.events.of('message.sent').filter(e =>
            e.data.message.message_id === waId).length, 1);
        await refused(w.request('POST', `/api/accounts/${me.id}/messages`,
            { to: own.jid, text: 'x', quoted_id: id }), 409,
        'PROVIDER_UNSUPPORTED');
    });

    it('gets a post once, whatever happens to the connection', async () => {
        const n = of(own.jid);
        me.account.faults.swallow = 1;
        const lost = w.send(me.id, own.jid, 'after a cut', { wait: 'none' });
        assert.equal((await lost).status, 202);
        await until('the first copy', () => me.account.faults.swallow === 0);
        me.device.link.ws.terminate();
        await ann.client.waitText('after a cut');
        const list = n.messages.filter(x => proto.Message.decode(x.bytes)
            .conversation === 'after a cut');
        assert.equal(list.length, 1);
        await w.state(me.id, 'READY');
    });

    it('tells what WhatsApp refuses', async () => {
        const r = await w.send(me.id, channel.id, 'not my channel');
        assert.equal(r.status, 502, r.raw.toString());
        assert.equal(r.json.error.code, 'SEND_FAILED');
        assert.equal(r.json.error.details.provider_code, 403);
    });

    it('is deleted', async () => {
        const gone = await ok(channels('DELETE', at(own)));
        assert.deepEqual(gone, { success: true, jid: own.jid,
            message: 'Channel deleted' });
        await refused(channels('GET', at(own)), 404, 'RESOURCE_NOT_FOUND');
    });
});

describe('a query that WhatsApp knows by another number', () => {
    const configured = line => {
        writeFileSync(w.env.WAHUB_HTTP_EXTRA, `${line}\n`);
        return w.script('reload');
    };

    it('has it from the configuration', async () => {
        const asked = [];
        mexQueries({ '12345678901234567890': ['xwa2_newsletter_join_v2',
            (conn, variables) => {
                asked.push([conn.account, variables]);
                return { id: variables.newsletter_id };
            }] });
        await configured(
            'wahub_query_id channel.follow 12345678901234567890;');
        // a worker that leaves may answer, by the old number, or hang up
        await until('the new number', async () => {
            const r = await channels('POST', at(channel, '/follow'))
                .catch(() => ({}));
            return r.status === 200 && asked.length > 0;
        });
        assert.deepEqual(asked[0],
            [me.account, { newsletter_id: channel.id }]);
        await w.state(me.id, 'READY');
    });

    it('may not have what is no number, or no query', async () => {
        w.allowedAlerts.push(/\[emerg\].*wahub_query_id/);
        const one = 'wahub_query_id channel.get 1;';
        for (const [line, words] of [
            ['wahub_query_id channel.nothing 1;',
                /"wahub_query_id" knows no query "channel.nothing"/],
            ['wahub_query_id channel.get x1;', /"channel.get" must be 1 to/],
            [`${one} ${one}`, /"wahub_query_id" directive is duplicate/]]) {
            await assert.rejects(configured(line), e => words.test(e.stderr));
        }
    });
});
