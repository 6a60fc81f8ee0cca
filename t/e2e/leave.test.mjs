// Leaving: DELETE, logout, relink, stop. What WhatsApp knows afterwards, and
// what is left in Redis.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Stage, until } from './lib/stage.mjs';

let s, sim, w, ann;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
    ann = await s.env.person('ann', 0);
});

afterEach(() => s.checkClean());

after(() => s.close());

const devices = me => me.phone.devices().map(d => d.id);

/** Every Redis key that names the account. */
async function keysOf(id) {
    const keys = await w.redis('--scan', '--pattern', `*${id}*`);
    return keys.split('\n').filter(k => k !== '');
}

async function used(name, options) {
    const me = await s.me(name, options);
    await ann.phone.sendText(me.account, `${name} in`);
    await w.received(`${name} in`);
    await s.sent(me, ann.account.pn, `${name} out`);
    await s.env.drained(me.device);
    return me;
}

describe('DELETE', () => {
    it('unlinks the device and leaves nothing', async () => {
        const me = await used('del', { session_id: 'del' });
        assert.deepEqual(devices(me), [0, 1]);
        assert.ok((await keysOf(me.id)).length > 0);
        const unlinked = sim.next('unlinked', d => d === me.device);
        const r = await w.api('DELETE', `/api/accounts/${me.id}`);
        await unlinked;
        assert.equal(r.success, true);
        assert.equal(r.message, 'Account deleted successfully');
        assert.deepEqual(devices(me), [0]);
        assert.deepEqual(await keysOf(me.id), []);
        assert.equal(await w.redis('hget', 'wahub:t:default', 'del'), '');
        for (const ref of [me.id, 'del']) {
            const gone = await w.request('GET', `/api/accounts/${ref}`);
            assert.equal(gone.status, 404);
            assert.equal(gone.json.error.code, 'ACCOUNT_NOT_FOUND');
        }
        const again = await w.request('DELETE', `/api/accounts/${me.id}`);
        assert.equal(again.status, 404);
        const e = await w.events.wait(x => x.type === 'session.deleted');
        assert.equal(e.data.account_id, me.id);
        const next = await w.create({ session_id: 'del' });
        assert.notEqual(next.id, me.id);
        await w.api('DELETE', '/api/accounts/del');
    });

    it('with logout=false keeps the device', async () => {
        const me = await used('keep');
        await w.api('DELETE', `/api/accounts/${me.id}?logout=false`);
        assert.deepEqual(devices(me), [0, 1]);
        assert.deepEqual(await keysOf(me.id), []);
        await until('the socket is closed', () =>
            me.device.link === undefined);
    });

    it('of accounts in every other state', async () => {
        const qr = await w.create({ name: 'qr' });
        await w.state(qr.id, 'QR');
        const stopped = await used('stopped');
        await w.api('POST', `/api/accounts/${stopped.id}/stop`);
        const out = await used('out', { auto_relink: false });
        out.phone.logout(out.device);
        await w.state(out.id, 'LOGGED_OUT');
        const away = await used('away');
        away.account.faults.failure = { reason: 503 };
        away.device.link.streamError({ code: 503 });
        await w.state(away.id, 'DISCONNECTED');
        for (const { id } of [qr, stopped, out, away]) {
            await w.api('DELETE', `/api/accounts/${id}`);
            assert.deepEqual(await keysOf(id), []);
        }
        delete away.account.faults.failure;
    });

    it('when WhatsApp does not answer the logout', async () => {
        const me = await used('deaf');
        const original = me.device.link.handler;
        me.device.link.handler = () => {};
        const begun = Date.now();
        await w.api('DELETE', `/api/accounts/${me.id}`);
        assert.ok(Date.now() - begun < 15000);
        assert.deepEqual(await keysOf(me.id), []);
        me.device.link?.ws.terminate();
        assert.ok(original !== undefined);
    });

    it('while messages flow', async () => {
        const me = await used('busy');
        for (let i = 0; i < 50; i++) {
            ann.phone.sendText(me.account, `flow ${i}`);
        }
        await w.received('flow 3');
        await w.api('DELETE', `/api/accounts/${me.id}`);
        assert.deepEqual(devices(me), [0]);
        assert.deepEqual(await keysOf(me.id), []);
        // the contact notices that the device is gone
        await ann.phone.sendText(me.account, 'after the end');
        assert.deepEqual(await keysOf(me.id), []);
    });
});

describe('logout', () => {
    it('unlinks, wipes the keys, keeps the account', async () => {
        const me = await used('logout');
        const unlinked = sim.next('unlinked', d => d === me.device);
        const before = await w.redis('hkeys', (await keysOf(me.id))
            .find(k => k.endsWith(`:a:${me.id}`)));
        assert.match(before, /sess\//);
        await w.api('POST', `/api/accounts/${me.id}/logout`);
        await unlinked;
        const a = await w.state(me.id, 'LOGGED_OUT');
        assert.equal(a.jid, null);
        assert.equal(a.lid, null);
        assert.deepEqual(devices(me), [0]);
        const left = await w.redis('hkeys', (await keysOf(me.id))
            .find(k => k.endsWith(`:a:${me.id}`)));
        assert.doesNotMatch(left, /sess\/|ident\/|pk\//);
        const e = await w.events.wait(x => x.type === 'session.logged_out'
            && x.account_id === me.id);
        assert.ok(e.data.reason.length > 0);
        // a human asked: no new QR by itself
        assert.deepEqual(w.events.of('session.qr_code', me.id).length, 1);
        await w.api('POST', `/api/accounts/${me.id}/relink`);
        me.device = await me.phone.scan(await w.qr(me.id));
        await w.state(me.id, 'READY');
        await ann.phone.sendText(me.account, 'linked anew');
        await w.received('linked anew');
        await s.sent(me, ann.account.pn, 'answered anew');
        await s.env.phoneText(ann, 'answered anew');
    });

    it('to another phone takes that number', async () => {
        const me = await used('switch');
        await w.api('POST', `/api/accounts/${me.id}/logout`);
        await w.state(me.id, 'LOGGED_OUT');
        await w.api('POST', `/api/accounts/${me.id}/relink`);
        const other = sim.phone({ name: 'other' });
        await other.scan(await w.qr(me.id));
        const a = await w.state(me.id, 'READY');
        assert.equal(a.phone_number, other.account.pn);
        assert.equal(a.lid, `${other.account.lid}@lid`);
        await ann.phone.sendText(other.account, 'to the other');
        const e = await w.received('to the other');
        assert.equal(e.account_id, me.id);
    });
});

describe('in the middle of things', () => {
    for (const verb of ['relink', 'logout', 'stop', 'restart']) {
        it(`${verb} while the keys are uploaded`, async () => {
            const phone = sim.phone();
            const { id } = await w.create({ name: verb });
            const counted = sim.next('iq', (conn, iq) =>
                conn.account === phone.account
                && iq.content?.[0]?.tag === 'count');
            await phone.scan(await w.qr(id));
            await counted;
            await w.api('POST', `/api/accounts/${id}/${verb}`);
            if (verb === 'logout') {
                await w.api('POST', `/api/accounts/${id}/relink`);
            }
            if (verb === 'logout' || verb === 'relink') {
                const device = await phone.scan(await w.qr(id));
                await until('keys', () => device.prekeys.size > 0);
            } else {
                await w.api('POST', `/api/accounts/${id}/start`);
                const device = phone.account.device(1);
                await until('keys', () => device.prekeys.size > 0);
            }
            await w.state(id, 'READY');
            await ann.phone.sendText(phone.account, `${verb} done`);
            await w.received(`${verb} done`);
        });

        it(`${verb} while messages flow both ways`, async () => {
            const me = await used(`flow-${verb}`);
            for (let i = 0; i < 60; i++) {
                ann.phone.sendText(me.account, `${verb} in ${i}`);
                w.send(me.id, ann.account.pn, `${verb} out ${i}`)
                    .catch(() => {});
            }
            await w.received(`${verb} in 5`);
            await w.api('POST', `/api/accounts/${me.id}/${verb}`);
            if (verb === 'logout') {
                await w.api('POST', `/api/accounts/${me.id}/relink`);
            }
            if (verb === 'logout' || verb === 'relink') {
                me.device = await me.phone.scan(await w.qr(me.id));
            } else {
                await w.api('POST', `/api/accounts/${me.id}/start`);
            }
            await w.state(me.id, 'READY');
            await ann.phone.sendText(me.account, `${verb} after`);
            await w.received(`${verb} after`);
            await s.sent(me, ann.account.pn, `${verb} answered`);
            await s.arrived(ann, `${verb} answered`);
            const out = s.seen(ann, `${verb} out`)[0];
            assert.equal(new Set(out).size, out.length);
            s.checkOnce();
        });
    }
});

describe('relink', () => {
    it('of a READY account shows a QR and forgets the link', async () => {
        const me = await used('relink');
        await w.api('POST', `/api/accounts/${me.id}/relink`);
        const qr = await w.qr(me.id);
        assert.equal((await w.account(me.id)).phone_number, null);
        me.device = await me.phone.scan(qr);
        await w.state(me.id, 'READY');
        await ann.phone.sendText(me.account, 'relinked');
        await w.received('relinked');
        // what was said before is still there
        await until('the history of both links', async () => {
            const { data } = await w.api('GET',
                `/api/messages?account=${me.id}`);
            const said = data.map(m => m.body);
            return ['relink in', 'relink out', 'relinked'].every(text =>
                said.includes(text));
        });
    });
});

describe('stop, start, restart', () => {
    it('keep the link and say so', async () => {
        const me = await used('stop');
        const gone = sim.next('disconnect', c => c.device === me.device);
        const stopped = await w.api('POST', `/api/accounts/${me.id}/stop`);
        assert.equal(stopped.state, 'STOPPED');
        await gone;
        assert.deepEqual(devices(me), [0, 1]);
        assert.equal(stopped.phone_number, me.account.pn);
        const e = await w.events.wait(x => x.account_id === me.id
            && x.type === 'session.disconnected');
        assert.equal(e.data.will_reconnect, false);
        const twice = await w.request('POST', `/api/accounts/${me.id}/stop`);
        assert.equal(twice.status, 200);
        await w.api('POST', `/api/accounts/${me.id}/start`);
        await w.state(me.id, 'READY');
        const again = await w.request('POST',
            `/api/accounts/${me.id}/start`);
        assert.equal(again.status, 200);
        const { logins } = me.device;
        const login = sim.next('login', d => d === me.device);
        await w.api('POST', `/api/accounts/${me.id}/restart`);
        await login;
        await w.state(me.id, 'READY');
        assert.equal(me.device.logins, logins + 1);
        await ann.phone.sendText(me.account, 'after it all');
        await w.received('after it all');
        assert.equal(w.events.of('session.qr_code', me.id).length, 1);
    });
});
