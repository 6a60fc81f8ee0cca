// What takes minutes by nature, all at the same time: the pace of QR codes,
// servers that fall silent, acks that never come.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { parseQr } from '../sim/pairing.mjs';
import { Stage, until } from './lib/stage.mjs';
import { Wahub } from './lib/wahub.mjs';

let s, sim, w;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
});

after(() => s.close());

describe('with patience', { concurrency: true }, () => {
    it('a QR gets its next ref after a minute', async () => {
        const { id } = await w.create({ name: 'rotation' });
        const qrs = [await w.qr(id)];
        const first = Date.now();
        const { refs } = sim.refs.get(parseQr(qrs[0]).ref);
        const next = async ms => {
            const qr = await until('the next code', async () => {
                const { qr: now } = await w.account(id);
                return now !== null && now !== qrs.at(-1) && now;
            }, ms);
            qrs.push(qr);
            return Date.now();
        };
        const second = await next(85000);
        // a minute, then 20 s; either moment may have been seen late
        assert.ok(second - first > 50000 && second - first < 75000,
            `${second - first} ms`);
        const third = await next(45000);
        assert.ok(third - second > 10000 && third - second < 40000,
            `${third - second} ms`);
        assert.deepEqual(qrs.map(q => parseQr(q).ref), refs.slice(0, 3));
        const events = w.events.of('session.qr_code', id);
        assert.deepEqual(events.map(e => e.data.qr), qrs);
        // no state event for a new code in the same state
        assert.equal(w.events.of('session.status', id)
            .filter(e => e.data.state === 'QR').length, 1);
        const phone = sim.phone();
        await phone.scan(qrs.at(-1));
        await w.state(id, 'READY');
    });

    it('a server that answers no ping is left', async () => {
        const me = await s.me('deaf');
        const { link } = me.device;
        me.account.faults.mutePing = true;
        const silent = Date.now();
        await sim.next('disconnect', c => c === link, 90000);
        const took = Date.now() - silent;
        delete me.account.faults.mutePing;
        assert.ok(took > 15000 && took < 75000, `${took} ms`);
        await w.state(me.id, 'READY');
        const e = await w.events.wait(x => x.account_id === me.id
            && x.type === 'session.status' && x.data.previous === 'READY');
        assert.equal(e.data.state, 'CONNECTING');
        assert.match(e.data.reason, /ping|answer|silent/i);
        for (const type of ['degraded', 'degraded_cleared']) {
            const told = await w.events.wait(x => x.account_id === me.id
                && x.type === `account.${type}`, type);
            assert.equal(told.data.reason, 'deaf');
        }
        const ann = sim.phone();
        await ann.sendText(me.account, 'heard again');
        await w.received('heard again');
    });

    it('an ack that never comes: the same message goes again', async () => {
        const me = await s.me('unacked');
        const ann = await s.env.person('ann', 0);
        me.account.faults.swallow = 1;
        const ids = [];
        const note = (sender, to, stanza) => sender === me.device
            && ids.push(stanza.attrs.id);
        sim.on('message', note);
        const begun = Date.now();
        const r = await w.send(me.id, ann.account.pn, 'swallowed');
        assert.equal(r.status, 202);
        const waited = Date.now() - begun;
        assert.ok(waited > 15000 && waited < 40000, `${waited} ms`);
        await w.events.wait(e => e.type === 'message.sent'
            && e.data.message.message_id === r.json.message_id,
        'message.sent', 120000);
        sim.off('message', note);
        assert.deepEqual(ids, [r.json.message_id]);
        await s.env.phoneText(ann, 'swallowed');
        assert.deepEqual(s.seen(ann, 'swallowed'), [['swallowed']]);
    });

    it('a server that is silent from the start is left', async () => {
        let calls = 0;
        const server = createServer(c => {
            calls++;
            c.on('error', () => {});
            c.resume();
        }).listen(0, '127.0.0.1');
        await once(server, 'listening');
        const x = await new Wahub({ env: { WAHUB_ENDPOINT:
            `ws://127.0.0.1:${server.address().port}/ws/chat` } }).start();
        try {
            const { id } = await x.create();
            const e = await x.events.wait(y => y.account_id === id
                && y.type === 'session.disconnected', 'giving up', 60000);
            assert.match(e.data.reason, /answer|time/i);
            await until('the next attempt', () => calls >= 2);
        } finally {
            await x.close();
            server.close();
        }
    });

    it('an iq without an answer does not block the account', async () => {
        const me = await s.me('stuck');
        const ann = await s.env.person('ann2', 0);
        me.account.faults.muteIq = 'usync';
        const r = w.send(me.id, ann.account.pn, 'cannot resolve');
        await sim.next('iq', (conn, iq) => conn.device === me.device
            && iq.attrs.xmlns === 'usync');
        delete me.account.faults.muteIq;
        await ann.phone.sendText(me.account, 'still receives');
        await w.received('still receives');
        const answer = await r;
        assert.ok([202, 502, 503, 504].includes(answer.status),
            answer.raw.toString());
        const later = await until('a later send', async () => {
            const y = await w.send(me.id, ann.account.pn, 'resolves now');
            return y.status === 201 && y.json;
        }, 90000);
        assert.equal(later.status, 'SENT');
        await s.arrived(ann, 'resolves now');
    });
});

describe('afterwards', () => {
    it('nobody has broken the protocol', () => s.checkClean());
});
