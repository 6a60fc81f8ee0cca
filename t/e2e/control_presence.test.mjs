// Control run: presence, typing, reading on several devices, privacy settings
// and the blocklist, with Baileys at both ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, describe, it } from 'node:test';
import { phoneBlocks, setPrivacy } from '../sim/privacy.mjs';
import { phonePresence, phoneTypes } from '../sim/presence.mjs';
import { SimEnv } from './lib/sim_env.mjs';

const WAIT_MS = 20000;

let env, sim, ann, bob;

before(async () => {
    env = await SimEnv.start();
    ({ sim } = env);
    ann = await env.person('Ann', 2);
    bob = await env.person('Bob', 1);
    await Promise.all([...ann.clients.map((c, i) => [c, ann.device(i)]),
        [bob.client, bob.device(0)]].map(async ([c, device]) => {
        c.creds.me.name = c.name;
        if (!device.available) {
            await sim.next('presence', d => d === device);
        }
    }));
});

afterEach(() => env.checkClean());

after(() => env.stop());

/** The first event of a client for which `test` gives something. */
function told(client, name, test) {
    return new Promise((resolve, reject) => {
        const { ev } = client.sock;
        const timer = setTimeout(() => reject(new Error(`${client.name}: no ` +
            `${name} (${test})`)), WAIT_MS);
        const listener = value => {
            const found = test(value);
            if (found) {
                clearTimeout(timer);
                ev.off(name, listener);
                resolve(found);
            }
        };
        ev.on(name, listener);
    });
}

const presence = (client, id, state) => told(client, 'presence.update',
    u => u.id === id && Object.values(u.presences).find(p =>
        p.lastKnownPresence === state));

describe('presence', () => {
    it('is told to who is there and asked', async () => {
        const [a] = ann.clients;
        const [b] = bob.clients;
        const away = once(sim, 'presence',
            { signal: AbortSignal.timeout(WAIT_MS) });
        await b.sock.sendPresenceUpdate('unavailable');
        assert.deepEqual(await away, [bob.device(0), false]);
        await a.sock.sendPresenceUpdate('available');
        let state = presence(a, bob.lid, 'unavailable');
        await a.sock.presenceSubscribe(bob.lid);
        await state;
        state = presence(a, bob.lid, 'available');
        await b.sock.sendPresenceUpdate('available');
        await state;
        state = presence(a, bob.lid, 'unavailable');
        await b.sock.sendPresenceUpdate('unavailable');
        assert.ok((await state).lastSeen > 0);
    });

    it('of a phone, and typing, both ways', async () => {
        const [a] = ann.clients;
        let state = presence(a, bob.lid, 'available');
        phonePresence(bob.phone, true);
        await state;
        for (const s of ['composing', 'recording']) {
            state = presence(a, bob.lid, s);
            phoneTypes(bob.phone, ann.lid, s);
            await state;
        }
        const typed = once(sim, 'chatstate',
            { signal: AbortSignal.timeout(WAIT_MS) });
        await a.sock.sendPresenceUpdate('recording', bob.lid);
        const [device, to, child] = await typed;
        assert.equal(device, ann.device(0));
        assert.equal(to, bob.lid);
        assert.equal(child.attrs.media, 'audio');
    });
});

describe('reading', () => {
    it('is told to the sender and to own devices', async () => {
        const [a, second] = ann.clients;
        const [b] = bob.clients;
        const id = await b.sendText(ann.lid, 'read me');
        await Promise.all([a.waitText('read me'), second.waitText('read me')]);
        const own = told(second, 'messages.update', list => list.find(u =>
            u.key.id === id && !u.key.fromMe && u.update.status === 4));
        await a.sock.readMessages([{ remoteJid: bob.lid, id }]);
        assert.equal((await own).key.remoteJid, bob.lid);
        await b.waitStatus(id, 4);
    });

    it('stays between own devices where it is private', async () => {
        const [a, second] = ann.clients;
        const [b] = bob.clients;
        await a.sock.updateReadReceiptsPrivacy('none');
        await a.sock.fetchPrivacySettings(true);
        const id = await b.sendText(ann.lid, 'read me not');
        await Promise.all([a.waitText('read me not'),
            second.waitText('read me not')]);
        const own = told(second, 'messages.update', list => list.find(u =>
            u.key.id === id && u.update.status === 4));
        await a.sock.readMessages([{ remoteJid: bob.lid, id }]);
        await own;
        assert.ok(!b.updates.some(u => u.id === id && u.status >= 4));
        await a.sock.updateReadReceiptsPrivacy('all');
    });
});

describe('privacy and the blocklist', () => {
    it('are read, set, and told to the other devices', async () => {
        const [a, second] = ann.clients;
        setPrivacy(ann.account, 'last', 'contacts', ann.phone.device);
        assert.equal((await a.sock.fetchPrivacySettings(true)).last,
            'contacts');
        await second.sock.updateLastSeenPrivacy('none');
        assert.equal((await a.sock.fetchPrivacySettings(true)).last, 'none');
        const state = presence(bob.client, ann.lid, 'available');
        await bob.client.sock.sendPresenceUpdate('available');
        await bob.client.sock.presenceSubscribe(ann.lid);
        await state;
        let change = told(second, 'blocklist.update', u => u);
        await a.sock.updateBlockStatus(bob.lid, 'block');
        assert.deepEqual(await change, { blocklist: [bob.lid], type: 'add' });
        assert.deepEqual(await a.sock.fetchBlocklist(), [bob.lid]);
        change = told(a, 'blocklist.update', u => u);
        phoneBlocks(ann.phone, bob.account, 'unblock');
        assert.equal((await change).type, 'remove');
        assert.deepEqual(await a.sock.fetchBlocklist(), []);
    });
});
