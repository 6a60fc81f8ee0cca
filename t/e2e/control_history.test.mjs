// Control run: a Baileys companion takes in the history of its phone.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { conversation, HistorySyncType, offer } from '../sim/history.mjs';
import { SimEnv } from './lib/sim_env.mjs';

const NOW = Math.floor(Date.now() / 1000);

let env, a, device;

before(async () => {
    env = await SimEnv.start({ devicesForm: 'lid' });
    a = await env.person('a', 1, { socketOptions:
        { shouldSyncHistoryMessage: () => true } });
    device = a.device();
});

afterEach(() => env.checkClean());

after(() => env.stop());

/** Resolves with what the client makes of it. */
function taken() {
    return within('history', resolve =>
        a.client.sock.ev.on('messaging-history.set', resolve));
}

function within(what, start) {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${what}`)),
            30000);
        start(value => {
            clearTimeout(timer);
            resolve(value);
        });
    });
}

describe('history of Baileys', () => {
    it('comes inside the notification', async () => {
        const set = taken();
        const receipt = env.sim.next('history-taken');
        const id = await offer(a.phone, device, {
            syncType: HistorySyncType.INITIAL_BOOTSTRAP, progress: 100,
            conversations: [conversation('100000012345678@lid', [
                { id: 'H2', text: 'newer', t: NOW - 10 },
                { id: 'H1', text: 'older', t: NOW - 20, own: true }],
            { pnJid: '15551234567@s.whatsapp.net', unreadCount: 1 })],
            pushnames: [],
            phoneNumberToLidMappings: [{ pnJid: '15551234567@s.whatsapp.net',
                lidJid: '100000012345678@lid' }],
        }, { inline: true });
        const { chats, messages } = await set;
        assert.deepEqual(chats.map(c => c.id), ['100000012345678@lid']);
        assert.deepEqual(messages.map(m => m.message.conversation),
            ['newer', 'older']);
        const [d, told] = await receipt;
        assert.deepEqual([d, told], [device, id]);
    });

    it('comes when older messages are asked for', async () => {
        a.phone.older = ask => ({ conversations: [conversation(ask.chatJid, [
            { id: 'H0', text: 'oldest', t: NOW - 30 }])] });
        const asked = within('request', resolve =>
            a.phone.once('history-asked', resolve));
        const set = taken();
        await a.client.sock.fetchMessageHistory(50, { fromMe: true,
            remoteJid: '100000012345678@lid', id: 'H1' }, NOW - 20);
        assert.equal((await asked).oldestMsgId, 'H1');
        const { messages } = await set;
        assert.deepEqual(messages.map(m => m.key.id), ['H0']);
    });
});
