// Disappearing chats: the setting is learned from its change and from what
// messages carry, shown, and kept to when something is sent.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Stage, until } from './lib/stage.mjs';

const DAY = 86400;

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

/** What bob's or cat's client sees of a text: its contextInfo. */
async function context(to, text, who = bob, more = {}) {
    const { message_id: id } = await s.sent(me, to, text, more);
    const { raw } = await who.client.wait('message', m => m.id === id,
        who.client.messages);
    return raw.message.extendedTextMessage?.contextInfo;
}

const shown = (who, seconds) => until(`chat with ${seconds} s`, async () => {
    const r = await w.request('GET', `/api/chats/${who.pn}?account=${me.id}`);
    return r.status === 200 && r.json.ephemeral_duration === seconds;
});

const change = async (from, seconds, at) => {
    await s.inject(me, from.phone, { protocolMessage: { type: 3,
        ephemeralExpiration: seconds, ephemeralSettingTimestamp: at } });
    await w.events.wait(e => e.type === 'chat.updated'
        && e.data.chat.jid === from.pn
        && e.data.chat.ephemeral_duration === seconds, `${seconds} s`);
};

describe('a chat', () => {
    const now = Math.floor(Date.now() / 1000) - 100;

    it('is told to disappear, and not any more', async () => {
        await bob.phone.sendText(me.account, 'hello');
        await w.received('hello');
        assert.equal(await context(bob.pn, 'stays'), undefined);
        await change(bob, DAY, now);
        await shown(bob, DAY);
        for (const to of [bob.pn, bob.lid]) {
            const c = await context(to, `goes at ${to}`);
            assert.equal(c.expiration, DAY);
            assert.equal(Number(c.ephemeralSettingTimestamp), now);
        }
        assert.equal(await context(bob.pn, 'but not this', bob,
            { expiration: 0 }), undefined);
        await change(bob, 0, now + 1);
        await shown(bob, 0);
        assert.equal(await context(bob.pn, 'stays again'), undefined);
    });

    it('disappears as its messages do', async () => {
        const body = 'gone in a week';
        await s.inject(me, cat.phone, { extendedTextMessage: { text: body,
            contextInfo: { expiration: 7 * DAY,
                ephemeralSettingTimestamp: now } } });
        await w.received(body);
        await shown(cat, 7 * DAY);
        assert.equal((await context(cat.pn, 'so does this', cat)).expiration,
            7 * DAY);
    });

    it('does not go back to an older setting', async () => {
        await change(cat, 0, now + 2);
        const body = 'came late';
        await s.inject(me, cat.phone, { extendedTextMessage: { text: body,
            contextInfo: { expiration: DAY,
                ephemeralSettingTimestamp: now } } });
        await w.received(body);
        assert.equal(await context(cat.pn, 'stays there', cat), undefined);
    });
});

describe('a group', () => {
    it('has its own', async () => {
        const { jid } = s.sim.groups.create({ creator: bob.account,
            mode: 'lid', subject: 'short', members: [me.account] });
        await bob.client.sendText(jid, 'welcome');
        await w.received('welcome');
        assert.equal(await context(jid, 'kept'), undefined);
        const { sock } = bob.client;
        await sock.groupToggleEphemeral(jid, DAY);
        await w.events.wait(e => e.type === 'group.updated'
            && e.data.group?.jid === jid
            && e.data.group.ephemeral_duration === DAY, 'group');
        assert.equal((await context(jid, 'for a day')).expiration, DAY);
    });
});
