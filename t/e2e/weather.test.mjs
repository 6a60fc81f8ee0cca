// A bad network: packets lost, answers seconds away, links that die without
// a word, in one direction or both; a server that wants to be left alone or
// whose clock is wrong. Nothing is lost, nothing comes twice, and READY is
// shown only while the server answers.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { node } from '../sim/codec.mjs';
import { SimEnv } from './lib/sim_env.mjs';
import { numbers, Stage, until } from './lib/stage.mjs';
import { Wahub } from './lib/wahub.mjs';
import { WeatherProxy } from './lib/weather_proxy.mjs';

const DEAF_S = 5;

let s, sim, w, proxy, ann;

before(async () => {
    const env = await SimEnv.start();
    ({ sim } = env);
    proxy = await new WeatherProxy(sim.port, 7).listen();
    w = new Wahub({ sim, env: { WAHUB_ENDPOINT: proxy.url },
        conf: `wahub_deaf_after ${DEAF_S}s;` });
    await w.start();
    s = new Stage(env, w);
    ann = await env.person('ann', 0);
});

after(async () => {
    await s.close();
    await proxy.close();
});

const health = async me => (await w.api('GET',
    `/api/accounts/${me.id}/health`)).data;

/** Texts both ways while `during` goes on; each arrives once. */
async function chat(me, name, count, during) {
    const [from, to] = ['in', 'out'].map(x => numbers(`${name} ${x}`, count));
    const traffic = (async () => {
        for (let i = 0; i < count; i++) {
            await ann.phone.sendText(me.account, from[i]);
            const r = await w.patient('POST',
                `/api/accounts/${me.id}/messages`, { to: ann.account.pn,
                    text: to[i], wait: 'none' });
            assert.ok(r.message_id);
        }
    })();
    await during?.();
    await traffic;
    await Promise.all([...from.map(t => w.received(t, 60000)),
        ...to.map(t => s.env.phoneText(ann, t))]);
    assert.deepEqual(s.bodies(`${name} in`), from);
    assert.deepEqual(s.seen(ann, `${name} out`), [to]);
}

const concern = (me, type, ms) => w.events.wait(e => e.account_id === me.id
    && e.type === `account.${type}`, type, ms);

describe('weather', { concurrency: true }, () => {
    it('a tenth of the packets lost, answers two seconds away', async () => {
        const me = await s.me('rough');
        await s.settled(me);
        Object.assign(proxy.of(me.device).weather,
            { delayMs: 1000, loss: 0.1, againMs: 1200 });
        await chat(me, 'rough', 6);
        assert.ok(proxy.packets > 20);
        assert.ok(proxy.lost > 0);
    });

    it('a link that stops for a while, and one that stays dead', async () => {
        const me = await s.me('stalled');
        await s.settled(me);
        const link = proxy.of(me.device);
        await chat(me, 'pause', 4, async () => {
            link.stall();
            // what both ends say waits in it
            const ways = new Set();
            await new Promise(done => link.held.on('packet', way =>
                ways.add(way).size === 2 && done()));
            link.resume();
        });

        proxy.of(me.device).stall();
        await chat(me, 'dead', 2);
        const e = await concern(me, 'degraded');
        assert.equal(e.data.reason, 'deaf');
        const moved = w.events.all.find(x => x.account_id === me.id
            && x.type === 'session.status' && x.data.previous === 'READY');
        assert.equal(moved.data.state, 'CONNECTING');
        await concern(me, 'degraded_cleared');
        const h = await health(me);
        assert.ok(h.reconnects_24h >= 1);
        assert.equal(h.state, 'READY');
    });

    it('a server that talks but cannot hear', async () => {
        const me = await s.me('unheard');
        await s.settled(me);
        const link = proxy.of(me.device);
        link.stall('up');
        const timer = setInterval(() => me.device.link?.send(
            node('chatstate', { from: ann.lid }, [node('composing')])), 300);
        try {
            await concern(me, 'degraded', 20000);
        } finally {
            clearInterval(timer);
        }
        await w.state(me.id, 'READY');
        await chat(me, 'heard', 2);
    });

    it('the way in that the server proposes is taken, if it works',
        async () => {
            const me = await s.me('routed');
            const way = Buffer.from('0802080d', 'hex');
            const next = () => sim.next('login', d => d === me.device);
            me.device.link.send(node('ib', { from: '@s.whatsapp.net' },
                [node('edge_routing', {}, [node('routing_info', {}, way)])]));
            await health(me); // what came before is done
            let login = next();
            me.device.link.ws.terminate();
            const [, conn] = await login;
            assert.deepEqual(conn.routing, way);
            sim.faults.refuseRouting = true;
            login = next();
            me.device.link.ws.terminate();
            const [, other] = await login;
            delete sim.faults.refuseRouting;
            assert.equal(other.routing, undefined);
        });

    it('a server that has had enough, and one whose clock is wrong',
        async () => {
            const me = await s.me('calm');
            await s.settled(me);
            const carl = await s.env.person('carl', 0);
            me.account.faults.throttle = { xmlns: 'usync', backoff: 2 };
            const r = await w.send(me.id, carl.account.pn, 'too early');
            assert.equal(r.status, 502);
            assert.equal(r.json.error_code, 'WHATSAPP_RATE_LIMIT');
            delete me.account.faults.throttle;
            const begun = Date.now();
            await s.sent(me, carl.account.pn, 'in good time');
            assert.ok(Date.now() - begun > 1500);
            await s.env.phoneText(carl, 'in good time');

            me.account.faults.clockS = -3600;
            const clock = x => x.account_id === me.id
                && x.data.reason === 'clock';
            await w.events.wait(x => x.type === 'account.degraded'
                && clock(x), 'a wrong clock', 20000);
            const h = await health(me);
            assert.ok(h.clock_skew_ms > 3500000, `${h.clock_skew_ms}`);
            assert.ok(h.degraded.includes('clock'));
            assert.ok((await w.account(me.id)).degraded.includes('clock'));
            await chat(me, 'skewed', 2);
            delete me.account.faults.clockS;
            await w.events.wait(x => x.type === 'account.degraded_cleared'
                && clock(x), 'a clock that is right again', 20000);
        });
});

describe('health', () => {
    it('is told of every account, to its tenant alone', async () => {
        const { id } = await w.create({ name: 'fresh' });
        const h = await health({ id });
        assert.equal(typeof h.state, 'string');
        assert.ok(!Number.isNaN(Date.parse(h.since)));
        for (const name of ['reconnects_24h', 'decrypt_failures_24h',
            'retries_24h', 'undelivered_webhooks']) {
            assert.equal(h[name], 0, name);
        }
        assert.equal(h.restricted_until, null);
        assert.ok(w.pids().workers.includes(h.owner.pid));
        assert.equal(typeof h.owner.node, 'string');
        const r = await w.request('GET', '/api/accounts/nobody/health');
        assert.equal(r.status, 404);
        assert.equal(r.json.error_code, 'ACCOUNT_NOT_FOUND');
    });
});
