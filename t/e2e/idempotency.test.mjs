// One key, one message, one answer: repeats, in parallel, after crashes,
// reloads and takeovers, and after answers that were not final.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import { Stage, until } from './lib/stage.mjs';
import { Wahub } from './lib/wahub.mjs';

const CONF = 'wahub_lease 2s; wahub_send_timeout 4s;';

let s, sim, w, me, ann;

before(async () => {
    s = await Stage.start({ conf: CONF });
    ({ sim, w } = s);
    w.allowedAlerts.push(/worker process \d+ exited on signal 9/);
    me = await s.me('sender');
    ann = await s.env.person('ann', 0);
    await s.sent(me, ann.account.pn, 'sessions first');
    await s.settled(me);
});

afterEach(() => s.checkClean());

after(() => s.close());

const send = (key, text, { path = `/api/accounts/${me.id}/messages`, via = w,
    ...more } = {}) => via.request('POST', path, { to: ann.account.pn, text,
    ...more }, { 'idempotency-key': key });

const code = r => r.json?.error?.code;
const isReplay = r => r.headers.get('idempotent-replayed') === 'true';

function assertReplay(r, first) {
    assert.equal(r.status, first.status, r.raw.toString());
    assert.equal(r.raw.toString(), first.raw.toString());
    assert.ok(isReplay(r));
}

/** Asked again while nobody can tell, as a client would. */
const settled = (key, text, options) => until(`an answer to "${text}"`,
    async () => {
        const r = await send(key, text, options).catch(() => undefined);
        const again = r === undefined || r.status === 503 || r.status === 504
            || code(r) === 'IDEMPOTENCY_IN_PROGRESS';
        return again ? undefined : r;
    });

/** What the contact saw of this text, after all that is on its way. */
async function seenOnce(text) {
    const mark = `after ${text} ${randomUUID()}`;
    await w.patient('POST', `/api/accounts/${me.id}/messages`,
        { to: ann.account.pn, text: mark, client_message_id: mark });
    await s.arrived(ann, mark);
    assert.deepEqual(s.seen(ann, text), [[text]]);
}

/** The sockets of a process that lead to this port of ours. */
function socketTo(pids, port, localPort) {
    const hex = n => n.toString(16).toUpperCase().padStart(4, '0');
    const inode = readFileSync('/proc/net/tcp', 'utf8').split('\n')
        .map(line => line.trim().split(/\s+/))
        .find(f => f[1]?.endsWith(`:${hex(localPort)}`)
            && f[2].endsWith(`:${hex(port)}`))?.[9];
    return pids.find(pid => readdirSync(`/proc/${pid}/fd`).some(fd => {
        try {
            return readlinkSync(`/proc/${pid}/fd/${fd}`)
                === `socket:[${inode}]`;
        } catch {
            return false;
        }
    }));
}

/** The worker, of this instance or of others too, with the connection. */
const holder = (...more) => socketTo([w, ...more].flatMap(x =>
    x.pids().workers), sim.port, me.device.link.ws._socket.remotePort);

const killAll = (list, signal = 'SIGKILL') =>
    list.forEach(pid => process.kill(pid, signal));

describe('the same key', () => {
    const rows = () => [
        ['/api/messages', { account: me.id }, 201],
        [`/api/accounts/${me.id}/messages`, {}, 201],
        [`/api/accounts/${me.id}/messages/send`, {}, 200],
        [`/api/accounts/${me.id}/send`, {}, 200],
        ['/api/actions/send/text', { account: me.id }, 200],
        [`/session/${me.id}/send`, {}, 200],
        ['/api/messages/send', { account: me.id }, 200],
    ];

    it('gives the same answer on every row that sends', async () => {
        const key = 'one key for all, each path its own';
        for (const [i, [path, more, status]] of rows().entries()) {
            const text = `row ${i}`;
            const first = await send(key, text, { path, ...more });
            assert.equal(first.status, status, first.raw.toString());
            assert.ok(!isReplay(first));
            assertReplay(await send(key, text, { path, ...more }), first);
            // /api/v1 is the same path
            const v1 = path.replace(/^\/api\//, '/api/v1/');
            assertReplay(await send(key, text, { path: v1, ...more }), first);
            await seenOnce(text);
        }
    });

    it('with another body is refused', async () => {
        const key = randomUUID();
        const first = await send(key, 'the one');
        assert.equal(first.status, 201);
        for (const more of [{}, { metadata: {} }]) {
            const r = await send(key, 'the other', more);
            assert.equal(r.status, 422, r.raw.toString());
            assert.equal(code(r), 'IDEMPOTENCY_KEY_REUSED');
            assert.ok(!isReplay(r));
        }
        // the bytes count, not what they mean
        const spaced = await w.request('POST',
            `/api/accounts/${me.id}/messages`,
            `{ "to": "${ann.account.pn}", "text": "the one" }`,
            { 'idempotency-key': key });
        assert.equal(code(spaced), 'IDEMPOTENCY_KEY_REUSED');
        assertReplay(await send(key, 'the one'), first);
        assert.deepEqual(s.seen(ann, 'the other'), [[]]);
        await seenOnce('the one');
    });

    it('is 1 to 255 printable ASCII characters', async () => {
        for (const key of ['', 'x'.repeat(256), 'caf\u00e9', 'a\tb']) {
            const r = await send(key, 'bad key');
            assert.equal(r.status, 400, key);
            assert.equal(code(r), 'VALIDATION_ERROR');
            assert.equal(r.json.error.details.fields[0].field,
                'Idempotency-Key');
        }
        for (const key of ['x', ' !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
            'y'.repeat(255)]) {
            const first = await send(key, `good key ${key.length}`);
            assert.equal(first.status, 201, first.raw.toString());
            assertReplay(await send(key, `good key ${key.length}`), first);
        }
        assert.deepEqual(s.seen(ann, 'bad key'), [[]]);
    });

    it('of 50 requests at once sends one message', async () => {
        const key = randomUUID();
        const all = await Promise.all(Array.from({ length: 50 }, () =>
            send(key, 'fifty')));
        const first = all.filter(r => r.status === 201 && !isReplay(r));
        assert.equal(first.length, 1);
        for (const r of all.filter(x => x !== first[0])) {
            if (r.status === 409) {
                assert.equal(code(r), 'IDEMPOTENCY_IN_PROGRESS');
                assert.equal(r.headers.get('retry-after'), '1');
            } else {
                assertReplay(r, first[0]);
            }
        }
        assertReplay(await send(key, 'fifty'), first[0]);
        await seenOnce('fifty');
    });

    it('of 50 requests while the first one runs is refused', async () => {
        const key = randomUUID();
        me.account.faults.holdAcks = true;
        let answered = 0;
        const all = Array.from({ length: 50 }, () =>
            send(key, 'fifty more').finally(() => answered++));
        await until('all but one', () => answered === 49);
        await s.arrived(ann, 'fifty more');
        sim.releaseAcks(me.account);
        const codes = (await Promise.all(all)).map(r => r.status).sort();
        assert.deepEqual(codes, [201, ...Array(49).fill(409)]);
        await seenOnce('fifty more');
    });

    it('gives a malformed request its answer again', async () => {
        const key = randomUUID();
        const path = `/api/accounts/${me.id}/messages`;
        const ask = body => w.request('POST', path, body,
            { 'idempotency-key': key });
        const first = await ask({ to: ann.account.pn });
        assert.equal(first.status, 400);
        assert.equal(code(first), 'MISSING_CONTENT');
        assertReplay(await ask({ to: ann.account.pn }), first);
        const r = await ask({ to: ann.account.pn, text: 'valid now' });
        assert.equal(code(r), 'IDEMPOTENCY_KEY_REUSED');
        const quote = randomUUID();
        const unknown = await send(quote, 'quote', { quoted_id: 'no such' });
        assert.equal(code(unknown), 'MESSAGE_NOT_FOUND');
        assertReplay(await send(quote, 'quote', { quoted_id: 'no such' }),
            unknown);
        assert.deepEqual(s.seen(ann, 'valid now'), [[]]);
    });

    it('may try again what was not accepted', async () => {
        const key = randomUUID();
        sim.ackErrors.set(me.account, [463]);
        const refused = await send(key, 'second try');
        assert.equal(refused.status, 502);
        assert.equal(code(refused), 'REACHOUT_LIMITED');
        const r = await send(key, 'second try');
        assert.equal(r.status, 201, r.raw.toString());
        assert.ok(!isReplay(r));
        await seenOnce('second try');
    });

    it('is answered while the account is stopped', async () => {
        const other = await s.me('stopped');
        const path = `/api/accounts/${other.id}/messages`;
        const [done, fresh] = [randomUUID(), randomUUID()];
        const first = await send(done, 'before the stop', { path });
        assert.equal(first.status, 201, first.raw.toString());
        await w.api('POST', `/api/accounts/${other.id}/stop`);
        await w.state(other.id, 'STOPPED');
        assertReplay(await send(done, 'before the stop', { path }), first);
        const r = await send(fresh, 'during the stop', { path });
        assert.equal(r.status, 409);
        assert.equal(code(r), 'ACCOUNT_NOT_READY');
        await w.api('POST', `/api/accounts/${other.id}/start`);
        await w.state(other.id, 'READY');
        const later = await send(fresh, 'during the stop', { path });
        assert.equal(later.status, 201, later.raw.toString());
        assert.ok(!isReplay(later));
    });
});

describe('an answer that was not final', () => {
    /** A send whose ack is held back until its time is over.  A machine
     *  that stands still may make it a 504; then another one is tried. */
    async function held() {
        for (let i = 0; ; i++) {
            me.account.faults.holdAcks = true;
            const [key, text] = [randomUUID(), `held ${i}`];
            const first = await send(key, text);
            if (first.status === 202 || i === 3) {
                assert.equal(first.status, 202, first.raw.toString());
                return { key, text, first };
            }
            sim.releaseAcks(me.account);
            await settled(key, text);
        }
    }

    it('202 after the time-out: the repeat tells the truth', async () => {
        const { key, text, first } = await held();
        // one of two waits for what becomes of the first
        const both = [send(key, text), send(key, text)];
        const busy = await Promise.race(both);
        assert.equal(code(busy), 'IDEMPOTENCY_IN_PROGRESS');
        sim.releaseAcks(me.account);
        const r = (await Promise.all(both)).find(x => x !== busy);
        assert.equal(r.status, 201, r.raw.toString());
        assert.ok(isReplay(r));
        assert.equal(r.json.message_id, first.json.message_id);
        assertReplay(await send(key, text), r);
        await seenOnce(text);
    });

    it('202 as asked for (wait=none) stays the answer', async () => {
        const key = randomUUID();
        const first = await settled(key, 'not waited for', { wait: 'none' });
        assert.equal(first.status, 202, first.raw.toString());
        await w.events.wait(e => e.type === 'message.sent'
            && e.data.message.message_id === first.json.message_id);
        assertReplay(await send(key, 'not waited for', { wait: 'none' }),
            first);
        await seenOnce('not waited for');
    });

    it('504: the repeat tells the truth', async () => {
        const key = randomUUID();
        // a connection to the worker that does not hold the account
        const owner = holder();
        const agent = await until('a connection to the other worker',
            () => otherWorker(owner));
        me.account.faults.holdAcks = true;
        const first = over(agent, key, 'no answer');
        await s.arrived(ann, 'no answer');
        process.kill(owner, 'SIGSTOP');
        const r = await first.finally(() => process.kill(owner, 'SIGCONT'));
        assert.equal(r.status, 504, r.text);
        assert.equal(JSON.parse(r.text).error.code, 'OWNER_TIMEOUT');
        agent.destroy();
        sim.releaseAcks(me.account);
        const truth = await settled(key, 'no answer');
        assert.equal(truth.status, 201, truth.raw.toString());
        assert.ok(isReplay(truth));
        assert.equal(truth.json.message_id,
            ann.inbox.find(m => m.text === 'no answer').id);
        // the worker that stood still has lost its leases, and gets the
        // account back from the one that took it meanwhile
        await until('home again', () => me.device.link?.ws !== undefined
            && holder() === owner);
        await until('READY', async () => (await w.patient('GET',
            `/api/accounts/${me.id}`)).state === 'READY');
        await seenOnce('no answer');
    });
});

/** An agent whose one connection is with another worker than `owner`. */
async function otherWorker(owner) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const port = await new Promise((resolve, reject) => {
        const req = http.get(`${w.url}/api/health/live`, { agent }, res => {
            const { localPort } = req.socket;
            res.resume().on('end', () => resolve(localPort));
        }).on('error', reject);
    });
    const pid = socketTo(w.pids().workers, port, Number(w.env.PORT));
    if (pid !== undefined && pid !== owner) {
        return agent;
    }
    agent.destroy();
    return undefined;
}

function over(agent, key, text) {
    return new Promise((resolve, reject) => {
        const req = http.request(`${w.url}/api/accounts/${me.id}/messages`,
            { agent, method: 'POST', headers: { 'x-api-key': w.key,
                'content-type': 'application/json', 'idempotency-key': key } },
            res => {
                const parts = [];
                res.on('data', d => parts.push(d));
                res.on('end', () => resolve({ status: res.statusCode,
                    text: Buffer.concat(parts).toString() }));
            });
        req.on('error', reject);
        req.end(JSON.stringify({ to: ann.account.pn, text }));
    });
}

describe('between the send and the answer', () => {
    /** The request has reached the contact; `end` ends what would answer. */
    async function interrupted(text, end) {
        const key = randomUUID();
        me.account.faults.holdAcks = true;
        // what moves just then has nobody to send it
        const first = until('an owner', async () => {
            const r = await send(key, text).catch(e => e);
            return r.status === 503 ? undefined : r;
        });
        await s.arrived(ann, text);
        await end();
        return { key, answer: await first };
    }

    it('all workers die', async () => {
        const text = 'killed in between';
        const { key, answer } = await interrupted(text, () =>
            killAll(w.pids().workers));
        assert.ok(answer instanceof Error, answer.raw?.toString());
        const back = sim.next('login', d => d === me.device, 30000);
        const repeat = settled(key, text);
        await back;
        sim.releaseAcks(me.account);
        const r = await repeat;
        assert.equal(r.status, 201, r.raw.toString());
        assert.ok(isReplay(r));
        assert.equal(r.json.message_id,
            ann.inbox.find(m => m.text === text).id);
        assertReplay(await send(key, text), r);
        await w.state(me.id, 'READY');
        await seenOnce(text);
    });

    it('the server is reloaded', async () => {
        const text = 'reloaded in between';
        const { key, answer } = await interrupted(text, () =>
            w.script('reload'));
        // durable, and said so
        assert.equal(answer.status, 202, answer.raw?.toString());
        assert.equal(answer.json.status, 'PENDING');
        sim.releaseAcks(me.account);
        const r = await settled(key, text);
        assert.equal(r.status, 201, r.raw.toString());
        assert.ok(isReplay(r));
        assert.equal(r.json.message_id, answer.json.message_id);
        await w.state(me.id, 'READY');
        await seenOnce(text);
    });

    it('the instance dies and another one takes over', async () => {
        const b = await new Wahub({ sim, conf: CONF, mate: w }).start();
        try {
            const done = randomUUID();
            const first = await settled(done, 'before the takeover');
            assert.equal(first.status, 201, first.raw.toString());
            const text = 'taken over in between';
            // the account may have moved to the new instance by now
            let dead;
            const { key } = await interrupted(text, async () => {
                const pid = await until('a connection', () =>
                    me.device.link?.ws !== undefined && holder(b));
                dead = w.pids().workers.includes(pid) ? w : b;
                const { master, workers } = dead.pids();
                killAll([master, ...workers]);
            });
            const via = dead === w ? b : w;
            const back = sim.next('login', d => d === me.device, 30000);
            const repeat = settled(key, text, { via });
            await back;
            sim.releaseAcks(me.account);
            const r = await repeat;
            assert.equal(r.status, 201, r.raw.toString());
            assert.equal(r.json.message_id,
                ann.inbox.find(m => m.text === text).id);
            const again = await settled(done, 'before the takeover', { via });
            assertReplay(again, first);
            const other = await send(key, 'another body', { via });
            assert.equal(code(other), 'IDEMPOTENCY_KEY_REUSED');
            assert.deepEqual(s.seen(ann, text), [[text]]);
            assert.deepEqual(s.seen(ann, 'before the takeover'),
                [['before the takeover']]);
            if (dead === w) {
                await w.start();
            }
            await w.state(me.id, 'READY');
        } finally {
            await b.close();
        }
        await w.state(me.id, 'READY');
        await seenOnce('taken over in between');
    });
});
