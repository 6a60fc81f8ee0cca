// History in SQLite: everything that happened is in it once, over crashes,
// reloads, a full disk, and with two servers on one file.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { bodies, holds, messages, settled } from './lib/history.mjs';
import { numbers, Stage, until } from './lib/stage.mjs';
import { freePort, Wahub } from './lib/wahub.mjs';

let s, w, me, ann;

async function begin(options) {
    s = await Stage.start(options);
    ({ w } = s);
    me = await s.me('historian');
    ann = await s.env.person('ann', 0);
}

/** `count` texts from the contact, in order, with a little room. */
async function receive(prefix, count, room = 4) {
    for (const text of numbers(prefix, count)) {
        await ann.phone.sendText(me.account, text);
        await pause(room);
    }
}

async function send(prefix, count, server = w) {
    for (const text of numbers(prefix, count)) {
        await server.patient('POST', `/api/accounts/${me.id}/messages`,
            { to: ann.account.pn, text, client_message_id: text }, 60000);
    }
}

describe('history', () => {
    let stranger;

    before(async () => {
        stranger = await freePort();
        await begin({ conf: `server {
            listen 127.0.0.1:${stranger};
            wahub_anonymous stranger;
            location / {
                wahub_api;
            }
        }` });
    });

    afterEach(() => s.checkClean());
    after(() => s.close());

    it('shows what was received and sent, once', async () => {
        await receive('plain in', 5);
        await send('plain out', 5);
        await holds(w, 'plain in', numbers('plain in', 5));
        await holds(w, 'plain out', numbers('plain out', 5));
        const all = await messages(w);
        assert.equal(new Set(all.map(m => m.id)).size, all.length);
        for (const m of all.filter(x => x.body.startsWith('plain'))) {
            assert.equal(m.account_id, me.id);
            assert.equal(m.remote_jid, `${ann.account.pn}@s.whatsapp.net`);
            assert.equal(m.from_me, m.body.startsWith('plain out'));
            assert.equal(m.direction, m.from_me ? 'OUTBOUND' : 'INBOUND');
        }
        const event = w.events.of('message.received')
            .find(e => e.data.message.body === 'plain in 3');
        const row = all.find(m => m.body === 'plain in 3');
        for (const name of ['id', 'message_id', 'timestamp', 'push_name',
            'remote_jid', 'from_jid', 'type', 'status']) {
            assert.deepEqual(row[name], event.data.message[name], name);
        }
    });

    it('knows a message by both its ids, with receipts', async () => {
        const m = await until('the receipt', async () =>
            (await messages(w, '&from_me=true')).find(x =>
                x.body === 'plain out 0' && x.status === 'DELIVERED'));
        for (const id of [m.id, m.message_id]) {
            const one = await w.api('GET', `/api/messages/${id}`);
            assert.equal(one.id, m.id);
            assert.deepEqual(one.receipts.map(r => r.status), ['delivered']);
        }
        const r = await w.request('GET', '/api/messages/3EB0FFFFFFFFFFFF');
        assert.equal(r.status, 404);
        assert.equal(r.json.error.code, 'MESSAGE_NOT_FOUND');
    });

    it('is filtered and paged', async () => {
        const pn = ann.account.pn;
        const r = await w.request('GET', '/api/messages?limit=3');
        assert.equal(r.json.data.length, 3);
        assert.equal(r.json.data[0].body, 'plain out 4');
        assert.equal(r.json.total, Number(r.headers.get('x-total-count')));
        assert.deepEqual(await bodies(w, 'plain', '&direction=INBOUND'),
            numbers('plain in', 5));
        assert.deepEqual(await bodies(w, 'plain', `&chat=${pn}&from_me=1`),
            numbers('plain out', 5));
        assert.deepEqual(await bodies(w, 'plain', '&search=IN%203'),
            ['plain in 3']);
        assert.deepEqual(await bodies(w, '', '&before=1000'), []);
        assert.deepEqual(await bodies(w, '', '&has_media=true'), []);
        assert.deepEqual(await bodies(w, 'plain', '&type=TEXT&from_me=1'),
            numbers('plain out', 5));
        assert.deepEqual(await bodies(w, '', '&type=view_once'), []);
        for (const [path, code] of [['status=LOST', 'INVALID_PARAMETER'],
            ['direction=sideways', 'INVALID_PARAMETER'],
            ['type=nonsense', 'INVALID_PARAMETER'],
            ['type=tex', 'INVALID_PARAMETER'],
            ['chat=nobody', 'INVALID_PARAMETER'],
            ['cursor=zz', 'INVALID_PARAMETER'],
            ['order=up', 'INVALID_PARAMETER'],
            ['before=soon', 'INVALID_PARAMETER'],
            ['search=%FF', 'INVALID_PARAMETER'],
            ['offset=1&cursor=1', 'CONFLICTING_PARAMETERS'],
            ['account=a&session_id=b', 'CONFLICTING_PARAMETERS'],
            ['account=nobody', 'ACCOUNT_NOT_FOUND']]) {
            const bad = await w.request('GET', `/api/messages?${path}`);
            assert.equal(bad.json.error.code, code, path);
        }
    });

    it('has the chats', async () => {
        const jid = `${ann.account.pn}@s.whatsapp.net`;
        const list = await w.api('GET', '/api/chats');
        assert.deepEqual(list.data.map(c => c.jid), [jid]);
        assert.equal(list.data[0].last_message_body, 'plain out 4');
        const chat = await w.api('GET', `/api/chats/${ann.account.pn}`);
        assert.equal(chat.jid, jid);
        assert.equal(chat.recent_messages[0].body, 'plain out 4');
        assert.equal((await w.request('GET', '/api/chats/nobody')).status,
            400);
        const r = await w.request('GET', '/api/chats/15559999999');
        assert.equal(r.json.error.code, 'CHAT_NOT_FOUND');
    });

    it('has the rows of sessions and of the tenant', async () => {
        const path = `/session/${me.id}/messages`;
        const r = await w.api('GET', `${path}?limit=6`);
        assert.equal(r.total, 10);
        assert.equal(r.hasMore, true);
        assert.deepEqual(r.messages.map(m => m.message),
            [...numbers('plain in', 5), 'plain out 0']);
        assert.deepEqual(r.messages.map(m => m.status),
            [...Array(5).fill('RECEIVED'), 'SENT']);
        assert.equal(r.messages[0].platform, 'WHATSAPP');
        assert.equal(r.messages[0].tenant_id, 'default');
        assert.equal(r.messages[0].metadata.fromMe, false);
        const rest = await w.api('GET', `${path}?limit=6&offset=6`);
        assert.deepEqual(rest.messages.map(m => m.message),
            numbers('plain out', 5).slice(1));
        assert.equal(rest.hasMore, false);
        const sent = await w.api('GET', `${path}?status=SENT`);
        assert.deepEqual(sent.messages.map(m => m.message),
            numbers('plain out', 5));
        const all = await w.api('GET', '/tenant/messages');
        assert.equal(all.total, 10);
        assert.deepEqual(all.sessionIds, [me.id]);
        const bad = await w.request('GET', `${path}?status=READ`);
        assert.equal(bad.json.error.code, 'INVALID_PARAMETER');
    });

    it('belongs to its tenant', async () => {
        const ask = async path => {
            const r = await fetch(`http://127.0.0.1:${stranger}${path}`);
            return { status: r.status, json: await r.json() };
        };
        const all = await messages(w);
        assert.ok(all.length > 0);
        for (const path of ['/api/messages', '/api/chats']) {
            const r = await ask(path);
            assert.equal(r.status, 200, path);
            assert.deepEqual(r.json.data, [], path);
            assert.equal(r.json.total, 0, path);
        }
        for (const path of [`/api/messages/${all[0].id}`,
            `/api/chats/${ann.account.pn}`, `/api/messages?account=${me.id}`]) {
            assert.equal((await ask(path)).status, 404, path);
        }
    });

    it('misses and doubles nothing over kills, reloads, a restart',
        async t => {
            const count = 240;
            const inbound = receive('hard in', count, 25);
            const outbound = send('hard out', 60);
            const kill = async () => {
                for (const pid of w.pids().workers) {
                    process.kill(pid, 'SIGKILL');
                }
            };
            await pause(1000);
            await kill();
            await pause(2500);
            await w.script('reload');
            await pause(1500);
            await kill();
            process.kill(w.redisPid(), 'SIGKILL');
            await pause(300);
            await w.resume();
            await inbound;
            await outbound;
            await s.env.drained(me.device);
            w.allowedAlerts.push(/exited on signal 9/);
            await settled(w, 'hard in', count, 60000);
            await settled(w, 'hard out', 60, 60000);
            await holds(w, 'hard in', numbers('hard in', count));
            await holds(w, 'hard out', numbers('hard out', 60));
            t.diagnostic(`${count + 60} messages in the history`);
        });
});

describe('a full disk', () => {
    let dir, reason, mounted = false;

    before(async () => {
        dir = mkdtempSync(join(tmpdir(), 'wahub-full-'));
        try {
            execFileSync('mount', ['-t', 'tmpfs', '-o',
                'size=3m,mode=0777', 'none', dir], { stdio: 'pipe' });
            mounted = true;
        } catch (e) {
            reason = `a small tmpfs cannot be mounted: ${e.message}`;
            return;
        }
        await begin({ workers: 1, env: { WAHUB_STORE:
            `sqlite:${dir}/history.db` } });
    });

    after(async () => {
        if (mounted) {
            await s.close();
            execFileSync('umount', [dir]);
        }
        rmSync(dir, { recursive: true, force: true });
    });

    it('stops the history, not the messages', async t => {
        if (!mounted) {
            t.skip(reason);
            return;
        }
        await receive('room', 3);
        await holds(w, 'room', numbers('room', 3));
        const { bavail, bsize } = statfsSync(dir);
        writeFileSync(join(dir, 'ballast'), Buffer.alloc(bavail * bsize));
        w.allowedAlerts.push(/history database has no space left/);

        await receive('full in', 60);
        await w.received('full in 59');
        await send('full out', 5);
        await until('the alert', () =>
            w.log().includes('history database has no space left'));
        const told = await w.events.wait(e => e.type === 'account.degraded');
        assert.equal(told.account_id, me.id);
        assert.deepEqual(told.data, { reason: 'storage' });
        const health = await w.api('GET', `/api/accounts/${me.id}/health`);
        assert.deepEqual(health.data.degraded, ['storage']);
        assert.deepEqual((await w.account(me.id)).degraded, ['storage']);
        await until('health', async () => {
            const r = await w.request('GET', '/health');
            return r.status === 503
                && r.json.services.database === 'unhealthy'
                && r.json.services.redis === 'healthy';
        });

        assert.deepEqual(w.events.of('account.degraded_cleared'), []);
        rmSync(join(dir, 'ballast'));
        await w.events.wait(e => e.type === 'account.degraded_cleared'
            && e.data.reason === 'storage', 40000);
        assert.deepEqual((await w.account(me.id)).degraded, []);
        assert.equal(w.events.of('account.degraded').length, 1);
        await holds(w, 'full in', numbers('full in', 60));
        await holds(w, 'full out', numbers('full out', 5));
        assert.equal((await w.request('GET', '/health')).status, 200);
        assert.equal(w.log().split('has no space left').length - 1
            <= w.pids().workers.length, true, 'one line per worker');
    });
});

describe('a Redis that lost everything', () => {
    before(() => begin());
    after(() => s.close());

    it('does not end the history', async () => {
        // leases change hands: epochs grow
        await w.script('reload');
        await w.state(me.id, 'READY');
        await receive('first life', 5);
        await holds(w, 'first life', numbers('first life', 5));
        await w.stop();
        rmSync(join(w.data, 'redis'), { recursive: true });
        await w.start();
        me = await s.me('historian again');
        await receive('second life', 5);
        await send('second life out', 2);
        await holds(w, 'second life out', numbers('second life out', 2));
        assert.deepEqual(await bodies(w, 'first life'),
            numbers('first life', 5));
        assert.doesNotMatch(w.log(), /projected by a newer owner/);
    });
});

describe('two servers with one history', () => {
    let other;

    before(async () => {
        await begin({ conf: 'wahub_lease 2s;' });
        other = await new Wahub({ sim: s.sim, mate: w,
            conf: 'wahub_lease 2s;' }).start();
    });

    after(async () => {
        await other?.close();
        await s.close();
    });

    it('both tell all of it', async () => {
        await receive('two', 20);
        await holds(w, 'two', numbers('two', 20));
        await holds(other, 'two', numbers('two', 20));
    });

    it('one sleeps longer than its leases: nothing twice', async () => {
        const traffic = receive('sleepy', 150, 30);
        await pause(300);
        const { workers } = w.pids();
        workers.forEach(pid => process.kill(pid, 'SIGSTOP'));
        await pause(4000);
        workers.forEach(pid => process.kill(pid, 'SIGCONT'));
        await traffic;
        await holds(other, 'sleepy', numbers('sleepy', 150));
        await holds(w, 'sleepy', numbers('sleepy', 150));
    });

    it('one dies: the other goes on from there', async () => {
        const traffic = receive('widow', 100, 20);
        await pause(300);
        const { master, workers } = w.pids();
        for (const pid of [master, ...workers]) {
            process.kill(pid, 'SIGKILL');
        }
        await traffic;
        await holds(other, 'widow', numbers('widow', 100));
        await holds(other, 'two', numbers('two', 20));
    });
});
