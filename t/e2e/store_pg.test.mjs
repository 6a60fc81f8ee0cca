// History in PostgreSQL: messages do not wait for it, whatever it does, and
// it catches up.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { bodies, holds, logged } from './lib/history.mjs';
import { Postgres } from './lib/postgres.mjs';
import { numbers, Stage, until } from './lib/stage.mjs';
import { Wahub } from './lib/wahub.mjs';

const KEEP = 10;

let pg, s, w, me, ann;

before(async () => {
    pg = await Postgres.start();
    s = await Stage.start({ conf: `wahub_event_log ${KEEP} 1h;`, env: {
        WAHUB_STORE: pg.url, WAHUB_STORE_PASSWORD_FILE: pg.passwordFile } });
    ({ w } = s);
    me = await s.me('postgres');
    ann = await s.env.person('ann', 0);
});

afterEach(() => s.checkClean());

after(async () => {
    try {
        await s?.close();
    } finally {
        await pg?.close();
    }
});

async function receive(prefix, count) {
    for (const text of numbers(prefix, count)) {
        await ann.phone.sendText(me.account, text);
        await pause(4);
    }
    await w.received(`${prefix} ${count - 1}`);
}

async function send(prefix, count) {
    for (const text of numbers(prefix, count)) {
        await s.sent(me, ann.account.pn, text);
    }
}

/** Every worker says so. */
function health(status, database) {
    return until(`health ${status}`, async () => {
        const all = await Promise.all(Array.from({ length: 8 },
            () => w.request('GET', '/health')));
        return all.every(r => r.status === status
            && r.json.services.database === database
            && r.json.services.redis === 'healthy');
    });
}

describe('PostgreSQL', () => {
    it('has what happened, once', async () => {
        await receive('here', 20);
        await send('here out', 5);
        await holds(w, 'here out', numbers('here out', 5));
        assert.deepEqual((await bodies(w, 'here')).filter(b =>
            !b.startsWith('here out')), numbers('here', 20));
        await health(200, 'healthy');
    });

    it('keeps an upload under its Idempotency-Key once', async () => {
        const all = await Promise.all(Array.from({ length: 8 }, () =>
            w.request('POST', '/api/media', { base64: 'QUJD' },
                { 'idempotency-key': 'upload' })));
        assert.deepEqual(all.map(r => r.status), Array(8).fill(201));
        assert.equal(new Set(all.map(r => r.raw.toString())).size, 1);
        assert.equal(all.filter(r => r.headers.get('idempotent-replayed')
            === null).length, 1);
        assert.equal((await w.api('GET', '/api/media/stats')).total, 1);
        const other = await w.request('POST', '/api/media',
            { base64: 'QUJE' }, { 'idempotency-key': 'upload' });
        assert.equal(other.json.error_code, 'IDEMPOTENCY_KEY_REUSED');
    });

    it('away: reads 503, messages flow, nothing is cut from the log',
        async () => {
            await pg.stop('SIGQUIT');
            await receive('away', 60);
            await send('away out', 10);
            await health(503, 'unhealthy');
            const r = await w.request('GET', '/api/messages');
            assert.equal(r.status, 503);
            assert.equal(r.json.error.code, 'STORE_UNAVAILABLE');
            assert.ok(Number(r.headers.get('retry-after')) > 0);
            assert.ok(await logged(w) >= 70, 'every event waits');

            await pg.resume();
            await holds(w, 'away out', numbers('away out', 10));
            assert.deepEqual((await bodies(w, 'away')).filter(b =>
                !b.startsWith('away out')), numbers('away', 60));
            await health(200, 'healthy');
            // the next events let the log be cut, in whole nodes
            await receive('after', 5);
            await until('a short log', async () =>
                await logged(w) < KEEP + 40);
            await holds(w, 'after', numbers('after', 5));
        });

    it('locked: receiving does not wait, reads end with 503', async () => {
        const release = await pg.hold(
            'LOCK TABLE wa_messages IN ACCESS EXCLUSIVE MODE');
        let slowest = 0;
        for (const text of numbers('locked', 20)) {
            const begun = Date.now();
            await ann.phone.sendText(me.account, text);
            await w.received(text);
            slowest = Math.max(slowest, Date.now() - begun);
        }
        assert.ok(slowest < 3000, `a message took ${slowest} ms`);
        const r = await w.request('GET', '/api/messages');
        assert.equal(r.status, 503);
        await send('locked out', 3);
        await release();
        await holds(w, 'locked out', numbers('locked out', 3));
        assert.deepEqual((await bodies(w, 'locked')).filter(b =>
            !b.startsWith('locked out')), numbers('locked', 20));
    });

    it('reads beyond the queue are refused at once', async () => {
        const release = await pg.hold(
            'LOCK TABLE wa_messages IN ACCESS EXCLUSIVE MODE');
        const begun = Date.now();
        const all = await Promise.all(Array.from({ length: 400 },
            async () => {
                const r = await w.request('GET', '/api/messages');
                return { status: r.status, ms: Date.now() - begun };
            }));
        await release();
        assert.deepEqual([...new Set(all.map(r => r.status))], [503]);
        assert.ok(all.some(r => r.ms < 4500), 'some at once');
        assert.ok(all.every(r => r.ms < 20000), 'all in time');
        await until('reads work again', async () =>
            (await w.request('GET', '/api/messages')).status === 200);
    });

    it('its password is nowhere but in its file', async () => {
        w.checkSecrets(pg.password);
        assert.ok(!readFileSync(join(w.data, 'nginx.conf'), 'utf8')
            .includes(pg.password));
        const { stdout } = await w.script('status');
        assert.ok(!stdout.includes(pg.password));
    });

    it('a password in the URL is refused', async () => {
        const bad = new Wahub({ env: { WAHUB_STORE:
            'postgresql://wahub:secret@127.0.0.1/wahub' } });
        const e = await bad.start().then(() => undefined, x => x);
        assert.match(e?.stderr ?? '', /must not contain a password/);
        await bad.close({ check: false });
    });

    it('made by a newer wahub: left alone, and said clearly', async () => {
        const version = Number(await pg.sql(
            'SELECT max(version) FROM wa_schema'));
        await pg.sql(`INSERT INTO wa_schema (version) VALUES (${version + 1})`);
        w.allowedAlerts.push(/made by a newer wahub/);
        // connections check it when they are made
        await pg.stop('SIGQUIT');
        await pg.resume();
        await receive('newer', 5);
        await send('newer out', 2);
        await until('the line', () => w.log().includes(
            'made by a newer wahub'));
        await health(503, 'unhealthy');
        assert.equal((await w.request('GET', '/api/messages')).status, 503);
        assert.equal((await w.account(me.id)).state, 'READY');

        await pg.sql(`DELETE FROM wa_schema WHERE version = ${version + 1}`);
        await w.script('reload');
        await holds(w, 'newer out', numbers('newer out', 2));
    });
});
