// Accounts stay linked, and nothing is lost or doubled, whatever ends: the
// script's stop, one worker, all workers, the master.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import { conversation, offer } from '../sim/history.mjs';
import { numbers, Stage, until } from './lib/stage.mjs';

let s, sim, w, me, ann;

before(async () => {
    s = await Stage.start({ conf: 'wahub_lease 2s;' });
    ({ sim, w } = s);
    w.allowedAlerts.push(/worker process \d+ exited on signal 9/);
    me = await s.me('restart');
    ann = await s.env.person('ann', 0);
    await ann.phone.sendText(me.account, 'hello');
    await w.received('hello');
    await s.sent(me, ann.account.pn, 'hello back');
});

afterEach(async () => {
    await s.checkClean();
    await forgive();
});

after(() => s.close());

/** The worker whose socket leads to the simulator's end of the link. */
function holder() {
    const { remotePort } = me.device.link.ws._socket;
    const inode = readFileSync('/proc/net/tcp', 'utf8').split('\n')
        .map(line => line.trim().split(/\s+/))
        .find(f => f[1]?.endsWith(`:${remotePort.toString(16)
            .toUpperCase().padStart(4, '0')}`)
            && f[2].endsWith(`:${sim.port.toString(16).toUpperCase()
                .padStart(4, '0')}`))?.[9];
    const has = pid => readdirSync(`/proc/${pid}/fd`).some(fd => {
        try {
            return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`;
        } catch {
            return false;
        }
    });
    return w.pids().workers.find(has);
}

/** Kills on purpose are no crash loop: after several, workers wait up to a
 *  minute before they take accounts. */
async function forgive() {
    const keys = await w.redis('--scan', '--pattern', 'wahub:starts:*');
    await w.redis('del', ...keys.split('\n'));
}

const login = () => sim.next('login', d => d === me.device, 30000);

async function both(text) {
    await ann.phone.sendText(me.account, `${text} in`);
    await w.received(`${text} in`);
    await s.sent(me, ann.account.pn, `${text} out`);
    await s.arrived(ann, `${text} out`);
    assert.deepEqual(s.seen(ann, `${text} out`), [[`${text} out`]]);
}

describe('the account comes back without a QR', () => {
    let qrs;

    before(() => {
        qrs = () => w.events.of('session.qr_code', me.id).length;
    });

    it('after stop and run', async () => {
        const { connected_at: at } = await w.account(me.id);
        await w.stop();
        assert.equal(me.device.link, undefined);
        for (const t of numbers('stopped', 20)) {
            await ann.phone.sendText(me.account, t);
        }
        await w.start();
        await w.state(me.id, 'READY');
        await w.received('stopped 19');
        assert.deepEqual(s.bodies('stopped'), numbers('stopped', 20));
        assert.equal(qrs(), 0);
        assert.ok((await w.account(me.id)).connected_at > at);
        await both('after stop');
    });

    it('after the kill of its worker', async () => {
        const before = qrs();
        const pid = holder();
        assert.ok(pid > 0, 'the worker that holds the account');
        const back = login();
        process.kill(pid, 'SIGKILL');
        for (const t of numbers('killed', 20)) {
            await ann.phone.sendText(me.account, t);
        }
        await back;
        await w.state(me.id, 'READY');
        await w.received('killed 19');
        assert.deepEqual(s.bodies('killed'), numbers('killed', 20));
        assert.equal(qrs(), before);
        await both('after kill');
        s.checkOnce();
    });

    it('after the kill of the other worker, untouched', async () => {
        const { logins } = me.device;
        const other = w.pids().workers.find(p => p !== holder());
        process.kill(other, 'SIGKILL');
        await until('another worker', () => {
            const { workers } = w.pids();
            return workers.length === 2 && !workers.includes(other);
        });
        await both('other killed');
        assert.equal(me.device.logins, logins);
    });

    it('after the kill of all processes', async () => {
        const { master, workers } = w.pids();
        const gone = sim.next('disconnect', c => c.device === me.device);
        [master, ...workers].forEach(p => process.kill(p, 'SIGKILL'));
        await gone;
        for (const t of numbers('crashed', 20)) {
            await ann.phone.sendText(me.account, t);
        }
        await w.start();
        await w.received('crashed 19');
        assert.deepEqual(s.bodies('crashed'), numbers('crashed', 20));
        await w.state(me.id, 'READY');
        await both('after crash');
    });

    it('after the kill of everything, Redis too', async () => {
        const { master, workers } = w.pids();
        const gone = sim.next('disconnect', c => c.device === me.device);
        [master, ...workers, w.redisPid()]
            .forEach(p => process.kill(p, 'SIGKILL'));
        await gone;
        await ann.phone.sendText(me.account, 'power cut');
        await w.start();
        await w.received('power cut');
        await w.state(me.id, 'READY');
        await both('after power cut');
    });

    it('after the kill of its worker in the middle of traffic', async () => {
        const { events } = w;
        const seen = text => events.all.filter(e =>
            e.type === 'message.received'
            && e.data.message.body?.startsWith(text))
            .map(e => e.data.message.body);
        const answers = [];
        let pid = holder();
        const traffic = (async () => {
            for (let i = 0; i < 150; i++) {
                await ann.phone.sendText(me.account, `busy in ${i}`);
                if (i === 40 || i === 90) {
                    const back = login();
                    process.kill(pid, 'SIGKILL');
                    await back;
                    pid = holder();
                }
            }
        })();
        const sends = (async () => {
            for (let i = 0; i < 60; i++) {
                const text = `busy out ${i}`;
                const r = await until(`an answer to "${text}"`, async () => {
                    try {
                        const x = await w.send(me.id, ann.account.pn, text,
                            { client_message_id: text });
                        return x.status < 300 && x;
                    } catch {
                        return undefined; // the connection was cut
                    }
                });
                answers.push(r.json);
            }
        })();
        await Promise.all([traffic, sends]);
        await w.received('busy in 149');
        await until('the last one sent', () => s.seen(ann, 'busy out')[0]
            .includes('busy out 59'));
        assert.deepEqual([...new Set(seen('busy in'))].sort(),
            numbers('busy in', 150).sort());
        s.checkOnce();
        assert.deepEqual([...s.seen(ann, 'busy out')[0]].sort(),
            numbers('busy out', 60).sort());
        assert.equal(new Set(answers.map(a => a.message_id)).size, 60);
        await s.env.drained(me.device);
    });
});

describe('what was true before the end', () => {
    it('is in the history of the phone, whole and once', async t => {
        const count = 5000;
        const bob = '15557770001@s.whatsapp.net';
        const now = Math.floor(Date.now() / 1000);
        const list = query => w.patient('GET', '/api/messages?account='
            + `${me.id}&chat=${bob}&${query}`);
        const more = n => until(`more than ${n} rows`, async () => {
            const { total } = await list('limit=1');
            return total > n ? total : undefined;
        }, 60000);
        const id = await offer(me.phone, me.device, { conversations: [
            conversation(bob, numbers('b', count).map((text, i) => ({
                id: `B${i}`, text, t: now - i })), { unreadCount: 4 })] },
        { inline: true });
        const piece = me.device.history.get(id);

        // among its rows, twice; the second time Redis
        const first = await more(0);
        w.pids().workers.forEach(pid => process.kill(pid, 'SIGKILL'));
        const then = await more((await list('limit=1')).total);
        const before = piece.taken;
        process.kill(w.redisPid(), 'SIGKILL');
        await until('all rows, which need no Redis', async () => (await
        w.patient('GET', `/api/messages?chat=${bob}&limit=1`)).total
            === count, 60000);
        await w.resume();
        await until('hist_sync', () => piece.taken, 90000);
        t.diagnostic(`ends at ${first} and ${then} rows of ${count}`);
        assert.equal(before, false);
        const { data, total } = await list('order=asc&limit=2');
        assert.equal(total, count);
        assert.deepEqual(data.map(m => m.body),
            [`b ${count - 1}`, `b ${count - 2}`]);
        const { data: chats } = await w.patient('GET',
            `/api/chats?account=${me.id}`);
        const chat = chats.find(c => c.jid === bob);
        assert.equal(chat.unread_count, 4);
        assert.equal(chat.last_message_body, 'b 0');
        await w.state(me.id, 'READY');
        await both('after history');
    });

    it('is sent if it was accepted', async () => {
        me.account.faults.holdAcks = true;
        const r = await w.send(me.id, ann.account.pn, 'unacked at the end',
            { wait: 'none' });
        assert.equal(r.status, 202);
        await s.arrived(ann, 'unacked at the end');
        me.account.faults.loseMessage = 1;
        const lost = await w.send(me.id, ann.account.pn, 'lost at the end',
            { wait: 'none' });
        assert.equal(lost.status, 202, lost.raw.toString());
        const { master, workers } = w.pids();
        [master, ...workers].forEach(p => process.kill(p, 'SIGKILL'));
        delete me.account.faults.holdAcks;
        await w.start();
        for (const x of [r, lost]) {
            await w.events.wait(e => e.type === 'message.sent'
                && e.data.message.message_id === x.json.message_id);
        }
        await s.arrived(ann, 'lost at the end');
        assert.deepEqual(s.seen(ann, 'unacked at'), [['unacked at the end']]);
        assert.deepEqual(s.seen(ann, 'lost at'), [['lost at the end']]);
    });

    it('stays stopped, logged out and unlinked as it was', async () => {
        const [a, b] = [await s.me('stays-stopped'),
            await s.me('stays-out', { auto_relink: false })];
        await w.api('POST', `/api/accounts/${a.id}/stop`);
        b.phone.logout(b.device);
        await w.state(b.id, 'LOGGED_OUT');
        await w.stop();
        await w.start();
        await w.state(me.id, 'READY');
        assert.equal((await w.account(a.id)).state, 'STOPPED');
        assert.equal((await w.account(b.id)).state, 'LOGGED_OUT');
        await w.patient('POST', `/api/accounts/${a.id}/start`);
        await w.state(a.id, 'READY');
    });

    it('is not called READY while nobody holds it', async () => {
        me.account.faults.failure = { reason: 503 };
        await w.stop();
        await w.start();
        const { state } = await w.account(me.id);
        delete me.account.faults.failure;
        assert.notEqual(state, 'READY');
        await w.state(me.id, 'READY');
    });
});
