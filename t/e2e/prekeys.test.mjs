// One-time keys: uploaded once, refilled, checked against the server, never
// used twice.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { encodeMessage } from '../sim/signal.mjs';
import { Stage, until } from './lib/stage.mjs';

let s, sim, w;

before(async () => {
    s = await Stage.start({ conf: 'wahub_lease 2s;' });
    ({ sim, w } = s);
});

afterEach(() => s.checkClean());

after(() => s.close());

/** An account of wahub's after its first upload. */
async function ready(name) {
    const uploads = [];
    const note = (device, size) => uploads.push([device, size]);
    sim.on('prekeys', note);
    const me = await s.me(name);
    const own = () => uploads.filter(u => u[0] === me.device)
        .map(u => u[1]);
    await until('the first upload', () => own().length > 0);
    return { ...me, uploads: own };
}

describe('one-time keys', () => {
    it('are 812 at first, with ids that were never used', async () => {
        const me = await ready('first');
        assert.deepEqual(me.uploads(), [812]);
        const ids = [...me.device.prekeys.keys(), ...me.device.issued.keys()];
        assert.equal(new Set(ids).size, 812);
    });

    it('are refilled when the server runs low, with new ids', async () => {
        const me = await ready('low');
        const before = new Set([...me.device.prekeys.keys(),
            ...me.device.issued.keys()]);
        const people = 3;
        // all but four are handed out
        let taken = 0;
        for (const [id, pub] of me.device.prekeys) {
            if (me.device.prekeys.size <= 4 + people) {
                break;
            }
            me.device.prekeys.delete(id);
            me.device.issued.set(id, pub);
            taken++;
        }
        assert.ok(taken > 700);
        const more = sim.next('prekeys', d => d === me.device);
        for (let i = 0; i < people; i++) {
            const p = sim.phone();
            await p.sendText(me.account, `taker ${i}`);
            await w.received(`taker ${i}`);
        }
        const [, size] = await more;
        assert.ok(size > 0 && size <= 812);
        const fresh = [...me.device.prekeys.keys()].filter(id =>
            !before.has(id));
        assert.equal(fresh.length, size);
        const p = sim.phone();
        await p.sendText(me.account, 'with a new key');
        await w.received('with a new key');
    });

    it('are refilled after a login that finds few', async () => {
        const me = await ready('few');
        await w.api('POST', `/api/accounts/${me.id}/stop`);
        await w.state(me.id, 'STOPPED');
        for (const [id, pub] of [...me.device.prekeys].slice(2)) {
            me.device.prekeys.delete(id);
            me.device.issued.set(id, pub);
        }
        const more = sim.next('prekeys', d => d === me.device);
        await w.api('POST', `/api/accounts/${me.id}/start`);
        await more;
        assert.ok(me.device.prekeys.size > 10);
    });

    it('are not uploaded again by a login that finds enough', async () => {
        const me = await ready('enough');
        for (let i = 0; i < 3; i++) {
            const counted = sim.next('iq', (conn, iq) =>
                conn.device === me.device && iq.content?.[0]?.tag === 'count');
            await w.api('POST', `/api/accounts/${me.id}/restart`);
            await counted;
            await w.state(me.id, 'READY');
        }
        const p = sim.phone();
        await p.sendText(me.account, 'no upload');
        await w.received('no upload');
        assert.deepEqual(me.uploads(), [812]);
    });

    it('are uploaded again when the server has lost them', async () => {
        const me = await ready('lost');
        me.device.prekeys.clear();
        const again = sim.next('prekeys', d => d === me.device);
        sim.notifyDigest(me.device);
        await again;
        assert.ok(me.device.prekeys.size > 0);
        const p = sim.phone();
        await p.sendText(me.account, 'after the loss');
        await w.received('after the loss');
    });

    it('are uploaded again when the server\'s signed key differs',
        async () => {
            const me = await ready('skey');
            const old = me.device.signedPreKeys.get(me.device.skeyId);
            const other = [...(await ready('skey-other')).device
                .signedPreKeys.values()][0];
            me.device.signedPreKeys.set(me.device.skeyId, { ...other,
                id: me.device.skeyId });
            // shortly after an upload the server's word is not taken
            await w.stop();
            await w.start();
            await until('the login', () => me.device.link !== undefined);
            const again = sim.next('prekeys', d => d === me.device);
            sim.notifyDigest(me.device);
            await again;
            const now = me.device.signedPreKeys.get(me.device.skeyId);
            assert.deepEqual(now.pub, old.pub);
            const p = sim.phone();
            await p.sendText(me.account, 'after the mix-up');
            await w.received('after the mix-up');
        });

    it('may be missing in a bundle', async () => {
        const me = await ready('empty');
        const keys = new Map(me.device.prekeys);
        me.device.prekeys.clear();
        const p = sim.phone();
        await p.sendText(me.account, 'without a one-time key');
        await w.received('without a one-time key');
        keys.forEach((pub, id) => me.device.prekeys.set(id, pub));
    });

    it('open one session each', async () => {
        const me = await ready('twice');
        const [p, q] = [sim.phone(), sim.phone()];
        const [id, pub] = [...me.device.prekeys][0];
        const bundle = () => {
            const skey = me.device.signedPreKeys.get(me.device.skeyId);
            return { registrationId: me.device.registrationId, skey,
                identity: me.device.identityPub, key: { id, pub } };
        };
        me.device.prekeys.delete(id);
        me.device.issued.set(id, pub);
        const retry = sim.next('retry', d => d === me.device);
        for (const [phone, text] of [[p, 'takes it'], [q, 'takes it too']]) {
            await phone.signal.startSession(me.device, bundle());
            await s.inject(me, phone, encodeMessage({ conversation: text }));
        }
        await w.received('takes it');
        const [, target, , count] = await retry;
        assert.equal(target, q.device);
        assert.equal(count, 1);
        assert.deepEqual(s.bodies('takes it'), ['takes it']);
        await q.sendText(me.account, 'with a session of its own');
        await w.received('with a session of its own');
    });

    it('and the first upload survive a kill in its middle', async () => {
        w.allowedAlerts.push(/worker process \d+ exited on signal 9/);
        const uploads = [];
        const note = (d, size) => uploads.push(size);
        const phone = sim.phone();
        const { id } = await w.create({ name: 'interrupted' });
        const counted = sim.next('iq', (conn, iq) => conn.account ===
            phone.account && iq.content[0]?.tag === 'count');
        const device = await phone.scan(await w.qr(id));
        await counted;
        sim.on('prekeys', note);
        const { master, workers } = w.pids();
        [master, ...workers].forEach(p => process.kill(p, 'SIGKILL'));
        await w.start();
        await until('an upload', () => device.prekeys.size > 100);
        const p = sim.phone();
        await p.sendText(phone.account, 'after the interruption');
        await w.received('after the interruption');
        sim.off('prekeys', note);
    });
});
