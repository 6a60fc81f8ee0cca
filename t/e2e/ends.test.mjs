// How connections end, and what follows from each end: stream errors,
// failures at login, servers that cannot be trusted or talk nonsense.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { deflateSync } from 'node:zlib';
import { node } from '../sim/codec.mjs';
import { Stage, until } from './lib/stage.mjs';

let s, sim, w, ann;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
    ann = await s.env.person('ann', 0);
});

afterEach(() => s.checkClean());

after(() => s.close());

let count = 0;

async function works(me) {
    const text = `works ${++count}`;
    await ann.phone.sendText(me.account, text);
    await w.received(text);
    await s.sent(me, ann.account.pn, text);
    await s.arrived(ann, text);
}

const states = id => w.events.of('session.status', id)
    .map(e => e.data.state);

/** Nobody connects for so long; a plain reconnect comes within 1.2 s. */
async function noConnection(ms = 2500) {
    let seen = 0;
    const note = () => seen++;
    sim.on('connection', note);
    await assert.rejects(sim.next('connection', () => true, ms), /no "conn/);
    sim.off('connection', note);
    assert.equal(seen, 0);
}

describe('comes back by itself', { concurrency: true }, () => {
    const ends = {
        'stream error 503': link => link.streamError({ code: 503 }),
        'stream error 500': link => link.streamError({ code: 500 }),
        'an unknown stream error': link => link.streamError({},
            [node('strange-condition')]),
        'xmlstreamend': link => link.streamEnd(),
        'a closed socket': link => link.ws.close(),
        'a reset socket': link => link.ws._socket.resetAndDestroy(),
        'a close frame with a reason': link => link.ws.close(1011, 'oops'),
        'a frame that does not decrypt': link => link.writeFrame(
            randomBytes(40)),
        'a frame of no bytes, then noise': link => link.write(
            Buffer.concat([Buffer.alloc(3), randomBytes(3000)])),
        'a WebSocket frame that is broken': link => link.ws._socket.write(
            Buffer.from([0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9])),
    };
    for (const [name, end] of Object.entries(ends)) {
        it(`after ${name}`, async () => {
            const me = await s.me(name);
            const { link } = me.device;
            const from = w.events.all.length;
            end(link);
            await w.events.wait(e => w.events.all.indexOf(e) >= from
                && e.type === 'session.connected'
                && e.account_id === me.id);
            assert.ok(me.device.logins >= 2);
            await works(me);
            assert.equal(w.events.of('session.qr_code', me.id).length, 1);
        });
    }
});

describe('is not disturbed', () => {
    const noise = {
        'a text message': link => link.ws.send('hello'),
        'WebSocket pings': link => link.ws.ping('x'.repeat(125)),
        'a node that does not parse': link => link.writeFrame(
            link.noise.seal(Buffer.from('00f8050102030405', 'hex'))),
        'a zip bomb': link => link.writeFrame(link.noise.seal(Buffer.concat([
            Buffer.from([2]), deflateSync(Buffer.alloc(1 << 26))]))),
    };
    for (const [name, make] of Object.entries(noise)) {
        it(`by ${name}`, async () => {
            const me = await s.me(name);
            make(me.device.link);
            await works(me);
            assert.equal(me.device.logins, 1);
        });
    }
});

describe('comes back', () => {
    it('after 515 at once', async () => {
        const me = await s.me('515');
        const took = [];
        // the quickest of three: the machine may be busy with other things
        for (let i = 0; i < 3; i++) {
            const begun = performance.now();
            me.device.link.streamError({ code: 515 });
            await sim.next('login', d => d === me.device);
            took.push(performance.now() - begun);
            await w.state(me.id, 'READY');
        }
        assert.ok(Math.min(...took) < 600, `${took} ms`);
        await works(me);
    });

    it('tells why it was away', async () => {
        const me = await s.me('reason');
        const from = w.events.all.length;
        me.device.link.streamError({ code: 503 });
        const e = await w.events.wait(x => x.type === 'session.disconnected'
            && w.events.all.indexOf(x) >= from);
        assert.match(e.data.reason, /503/);
        assert.equal(e.data.will_reconnect, true);
        const a = await w.account(me.id);
        assert.ok(['DISCONNECTED', 'CONNECTING'].includes(a.state));
        await w.state(me.id, 'READY');
        assert.equal((await w.account(me.id)).reason, null);
    });

    it('with growing pauses while the server fails', async () => {
        const me = await s.me('pauses');
        me.account.faults.failure = { reason: 500 };
        const at = [];
        const note = () => {
            if (at.push(performance.now()) === 4) {
                delete me.account.faults.failure;
            }
        };
        const gone = sim.next('disconnect', c => c.device === me.device);
        me.device.link.ws.terminate();
        await gone;
        at.push(performance.now());
        sim.on('connection', note);
        await until('three attempts', () => at.length >= 4, 20000);
        sim.off('connection', note);
        const gaps = at.slice(1).map((x, i) => x - at[i]);
        // 1, 2, 4 s, each a fifth more or less
        gaps.slice(0, 3).forEach((g, i) => assert.ok(
            g > 750 * 2 ** i && g < 1500 * 2 ** i,
            `pauses of ${gaps.map(Math.round)} ms`));
        await w.state(me.id, 'READY');
        await works(me);
    });
});

describe('waits', () => {
    it('long after 429', async () => {
        const me = await s.me('slow-down');
        me.device.link.streamError({ code: 429 });
        await w.state(me.id, 'DISCONNECTED');
        assert.match((await w.account(me.id)).reason, /429/);
        await noConnection();
        await w.api('POST', `/api/accounts/${me.id}/restart`);
        await w.state(me.id, 'READY');
        await works(me);
    });

    it('until a temporary ban is over', async () => {
        const me = await s.me('banned');
        const from = w.events.all.length;
        me.account.faults.failure = { reason: 402, code: 101, expire: 4 };
        me.device.link.streamError({ code: 503 });
        const a = await w.state(me.id, 'ERROR');
        assert.match(a.reason, /ban/);
        delete me.account.faults.failure;
        const begun = performance.now();
        await w.state(me.id, 'READY');
        assert.ok(performance.now() - begun > 2000);
        assert.ok(w.events.all.slice(from).some(e =>
            e.type === 'session.error' && e.account_id === me.id));
        await works(me);
    });
});

describe('gives up', () => {
    const fatal = { 400: /400/, 405: /old/, 406: /ban/, 409: /409/ };
    for (const [reason, words] of Object.entries(fatal)) {
        it(`after failure ${reason}`, async () => {
            const me = await s.me(`fatal-${reason}`);
            me.account.faults.failure = { reason };
            me.device.link.streamError({ code: 503 });
            const a = await w.state(me.id, 'ERROR');
            assert.equal(a.status, 'DISCONNECTED');
            assert.match(a.reason, words);
            const e = await w.events.wait(x => x.type === 'session.error'
                && x.account_id === me.id);
            assert.equal(e.data.code, Number(reason));
            const r = await w.send(me.id, ann.account.pn, 'x');
            assert.equal(r.status, 409);
            assert.equal(r.json.error.details.state, 'ERROR');
            await noConnection(1500);
            delete me.account.faults.failure;
            await w.api('POST', `/api/accounts/${me.id}/start`);
            await w.state(me.id, 'READY');
            await works(me);
        });
    }

    it('when another connection took over', async () => {
        const me = await s.me('twin');
        me.device.link.streamError({}, [node('conflict',
            { type: 'replaced' })]);
        const a = await w.state(me.id, 'ERROR');
        assert.match(a.reason, /replaced/);
        await noConnection();
        assert.equal((await w.account(me.id)).state, 'ERROR');
        await w.api('POST', `/api/accounts/${me.id}/restart`);
        await w.state(me.id, 'READY');
        await works(me);
    });
});

describe('is logged out', () => {
    const ends = {
        'by the phone': me => me.phone.logout(me.device),
        'by stream error 401': me => me.device.link.streamError(
            { code: 401 }),
        'by stream error 516': me => me.device.link.streamError(
            { code: 516 }),
        'by failure 401': me => {
            me.account.faults.failure = { reason: 401, location: 'odn' };
            me.device.link.streamEnd();
        },
        'by failure 403': me => {
            me.account.faults.failure = { reason: 403 };
            me.device.link.streamEnd();
        },
    };
    for (const [name, end] of Object.entries(ends)) {
        it(`${name}, and shows a new QR`, async () => {
            const me = await s.me(name);
            const before = me.device;
            end(me);
            const e = await w.events.wait(x => x.account_id === me.id
                && x.type === 'session.logged_out');
            assert.match(e.data.reason, /logged out|locked/);
            const qr = await w.qr(me.id);
            delete me.account.faults.failure;
            const a = await w.account(me.id);
            assert.equal(a.phone_number, null);
            me.device = await me.phone.scan(qr);
            await w.state(me.id, 'READY');
            assert.notEqual(me.device.id, before.id);
            assert.ok(!me.device.identityPub.equals(before.identityPub));
            assert.ok(!me.device.noisePub.equals(before.noisePub));
            assert.deepEqual(states(me.id).filter(x => x === 'LOGGED_OUT'
                || x === 'QR'), ['QR', 'LOGGED_OUT', 'QR']);
            await works(me);
        });
    }

    it('and stays so without auto_relink', async () => {
        const me = await s.me('no-relink', { auto_relink: false });
        me.phone.logout(me.device);
        const a = await w.state(me.id, 'LOGGED_OUT');
        assert.equal(a.status, 'DISCONNECTED');
        assert.equal(a.qr, null);
        await noConnection();
        assert.equal((await w.account(me.id)).state, 'LOGGED_OUT');
        await w.api('POST', `/api/accounts/${me.id}/relink`);
        me.device = await me.phone.scan(await w.qr(me.id));
        await w.state(me.id, 'READY');
        await works(me);
    });
});

describe('a server that is not WhatsApp', () => {
    for (const spoil of ['root', 'leaf-signature', 'issuer-serial',
        'leaf-key', 'expired']) {
        it(`is refused: ${spoil}`, async () => {
            const from = w.log().length;
            sim.faults.spoilChain = spoil;
            const payloads = [];
            const { id } = await w.create({ name: spoil });
            const a = await w.state(id, 'DISCONNECTED');
            assert.match(a.reason, /certificate/i);
            assert.equal(a.qr, null);
            const line = w.log().slice(from).split('\n').find(l =>
                l.includes(id) && /certificate/i.test(l));
            assert.match(line, /\[(error|warn)\]/);
            for (const c of sim.connections) {
                if (c.payload !== undefined && c.device === undefined) {
                    payloads.push(c.name);
                }
            }
            assert.deepEqual(payloads, [], 'sent its payload');
            delete sim.faults.spoilChain;
            await w.qr(id);
            await w.api('DELETE', `/api/accounts/${id}`);
        });
    }

    it('is refused on every reconnect too', async () => {
        const me = await s.me('pinned');
        sim.faults.spoilChain = 'root';
        me.device.link.streamError({ code: 515 });
        await until('a refusal', async () => {
            const a = await w.account(me.id);
            return a.state === 'DISCONNECTED'
                && /certificate/i.test(a.reason);
        });
        delete sim.faults.spoilChain;
        await w.state(me.id, 'READY');
        await works(me);
    });
});
