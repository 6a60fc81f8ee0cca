// Control run: real Baileys clients at both ends of the simulator pass what
// wahub is tested on. Linking, logging in, chatting.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { SimEnv } from './lib/sim_env.mjs';

let env;

before(async () => {
    // Baileys reads only the jid of a device notification and keeps its list
    // under that name, so the server must use the form it asked in
    env = await SimEnv.start({ devicesForm: 'lid' });
});

afterEach(async () => {
    await env.closeClients();
    env.checkClean();
});

after(() => env.stop());

describe('linking', () => {
    it('shows a QR, is scanned, restarts with 515 and logs in', async () => {
        const phone = env.sim.phone();
        const c = env.client();
        c.start();
        const qr = await c.waitQr();
        const parts = qr.split('#')[1].split(',');
        assert.equal(parts.length, 5);
        const device = await phone.scan(qr);
        assert.equal(device.id, 1);
        await c.waitClose(515);
        await c.waitOpen();
        assert.equal(c.user.id, device.pnJid);
        assert.equal(c.user.lid, device.lidJid);
        assert.equal(device.logins, 1);
        assert.ok(device.prekeys.size >= 811); // the phone may have used one
    });

    it('rotates the code and accepts a later ref', async () => {
        const phone = env.sim.phone();
        const c = env.client({ socketOptions: { qrTimeout: 100 } });
        c.start();
        const first = await c.waitQr();
        const later = await c.wait('qr', q => q !== first);
        await phone.scan(later);
        await c.waitOpen();
    });

    it('logs in again without a QR', async () => {
        const a = await env.person('restart');
        await a.client.close();
        a.client.qr = undefined;
        a.client.start();
        await a.client.waitOpen();
        assert.equal(a.device().logins, 2);
        assert.equal(a.client.qr, undefined);
    });

    it('is unlinked from the phone', async () => {
        const a = await env.person('unlink');
        a.phone.logout(a.device());
        await a.client.waitClose(401);
        assert.deepEqual(a.phone.devices().map(d => d.id), [0]);
        a.client.start();
        await a.client.wait('close', code => code === 401);
    });

    it('unlinks itself', async () => {
        const a = await env.person('leave');
        const gone = env.sim.next('unlinked');
        await a.client.logout();
        await gone;
        assert.deepEqual(a.phone.devices().map(d => d.id), [0]);
    });
});

describe('1:1 text', () => {
    it('flows both ways between two clients, with receipts', async () => {
        const [a, b] = [await env.person('a'), await env.person('b')];
        const id = await a.client.sendText(b.lid, 'from a');
        const m = await b.client.waitText('from a');
        assert.equal(m.id, id);
        assert.equal(m.fromMe, false);
        assert.equal(m.alt, a.pn);
        await a.client.waitStatus(id, 3);
        await b.client.sendText(a.lid, 'from b');
        await a.client.waitText('from b');
        await b.client.sendText(a.lid, 'again, in the session');
        await a.client.waitText('again, in the session');
        assert.equal((await env.phoneText(a, 'from a')).own, true);
        assert.equal((await env.phoneText(b, 'from a')).own, false);
    });

    it('works with phone-number addresses', async () => {
        const [a, b] = [await env.person('c'), await env.person('d')];
        await a.client.sendText(b.pn, 'to a number');
        const m = await b.client.waitText('to a number');
        assert.equal(m.alt, a.lid);
        await b.client.sendText(a.pn, 'answer to a number');
        await a.client.waitText('answer to a number');
    });

    it('reaches every device of a contact and the own ones', async () => {
        const a = await env.person('e', 2);
        const b = await env.person('f', 2);
        const id = await a.client.sendText(b.lid, 'to all');
        for (const c of b.clients) {
            assert.equal((await c.waitText('to all')).fromMe, false);
        }
        const copy = await a.clients[1].waitText('to all');
        assert.equal(copy.id, id);
        assert.equal(copy.fromMe, true);
        assert.equal(copy.chat, b.lid);
        await env.phoneText(a, 'to all');
        await env.phoneText(b, 'to all');
        await b.clients[1].sendText(a.lid, 'from the second');
        for (const c of a.clients) {
            await c.waitText('from the second');
        }
        assert.equal((await b.clients[0].waitText('from the second')).fromMe,
            true);
    });

    it('includes a companion that was linked later', async () => {
        const [a, b] = [await env.person('g'), await env.person('h')];
        await a.client.sendText(b.lid, 'one device');
        await b.client.waitText('one device');
        const late = env.client({ name: 'late' });
        const told = env.sim.next('ack-notification', d => d === a.device());
        await late.link(b.phone);
        await told;
        await a.client.sendText(b.lid, 'two devices');
        await b.client.waitText('two devices');
        await late.waitText('two devices');
    });

    it('takes messages of the phone and marks read', async () => {
        const [a, b] = [await env.person('i'), await env.person('j', 0)];
        const { ack, id } = await b.phone.sendText(a.account, 'phone speaks');
        assert.equal(ack.attrs.error, undefined);
        const m = await a.client.waitText('phone speaks');
        const read = new Promise(resolve => b.phone.on('receipt', r =>
            r.type === 'read' && resolve(r)));
        await a.client.sock.readMessages([m.raw.key]);
        assert.equal((await read).id, id);
        await a.phone.sendText(b.account, 'own phone speaks');
        const copy = await a.client.waitText('own phone speaks');
        assert.equal(copy.fromMe, true);
    });

    it('survives a new phone with another identity', async () => {
        const [a, b] = [await env.person('k'), await env.person('l', 0)];
        await a.client.sendText(b.lid, 'to the old phone');
        await env.phoneText(b, 'to the old phone');
        const told = env.sim.next('ack-notification', d => d === a.device());
        b.phone.reinstall();
        await told;
        await a.client.sendText(b.lid, 'to the new phone');
        await env.phoneText(b, 'to the new phone');
        await b.phone.sendText(a.account, 'new phone answers');
        await a.client.waitText('new phone answers');
    });
});
