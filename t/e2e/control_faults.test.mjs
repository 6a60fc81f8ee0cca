// Control run under bad weather: offline queue, duplicates, wrong MACs, odd
// frames, stream errors. Baileys at both ends.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { node } from '../sim/codec.mjs';
import { SimEnv } from './lib/sim_env.mjs';

let env;

before(async () => {
    env = await SimEnv.start();
});

afterEach(async () => {
    env.sim.faults = {};
    await env.closeClients();
    env.checkClean();
});

after(() => env.stop());

async function pair(name, count) {
    return [await env.person(`${name}1`, count), await env.person(`${name}2`)];
}

function texts(client, prefix) {
    return client.messages.filter(m => m.text?.startsWith(prefix))
        .map(m => m.text);
}

describe('delivery', () => {
    it('hands out the offline queue in order, once', async () => {
        const [a, b] = await pair('off');
        await b.client.close();
        const all = [];
        for (let i = 0; i < 120; i++) {
            all.push(`off ${i}`);
            await a.client.sendText(b.lid, `off ${i}`);
        }
        await a.client.close();
        b.client.start();
        await b.client.waitText('off 119');
        assert.deepEqual(texts(b.client, 'off'), all);
        assert.equal(b.client.messages.find(m => m.text === 'off 0').type,
            'append');
        await env.drained(b.device());
    });

    it('delivers again what was not acked before a cut', async () => {
        const [a, b] = await pair('cut');
        const closes = b.client.closes.length;
        b.account.faults.dropAfterFrames = 1;
        await a.client.sendText(b.lid, 'cut 1');
        await b.client.wait('close', () => true, b.client.closes.slice(closes));
        await b.client.waitText('cut 1');
        await a.client.sendText(b.lid, 'cut 2');
        await b.client.waitText('cut 2');
        assert.deepEqual(texts(b.client, 'cut'), ['cut 1', 'cut 2']);
    });

    it('shows a stanza that comes twice only once', async () => {
        const [a, b] = await pair('dup');
        b.account.faults.duplicate = 3;
        for (const t of ['dup 1', 'dup 2', 'dup 3', 'dup 4']) {
            await a.client.sendText(b.lid, t);
        }
        await b.client.waitText('dup 4');
        assert.deepEqual(texts(b.client, 'dup'),
            ['dup 1', 'dup 2', 'dup 3', 'dup 4']);
    });

    it('decrypts messages that change places', async () => {
        const [a, b] = await pair('ord');
        await a.client.sendText(b.lid, 'ord 0');
        await b.client.waitText('ord 0');
        b.account.faults.reorder = 1;
        await a.client.sendText(b.lid, 'ord 1');
        await a.client.sendText(b.lid, 'ord 2');
        await b.client.waitText('ord 1');
        await b.client.waitText('ord 2');
    });

    it('waits for held acks', async () => {
        const [a, b] = await pair('held');
        a.account.faults.holdAcks = true;
        const id = await a.client.sendText(b.lid, 'held');
        await b.client.waitText('held');
        env.sim.releaseAcks(a.account);
        await a.client.waitStatus(id, 3);
    });
});

describe('retry', () => {
    it('asks again for a message with a wrong MAC', async () => {
        const [a, b] = await pair('mac');
        await a.client.sendText(b.lid, 'first contact');
        await b.client.waitText('first contact');
        b.device().faults.corruptEnc = 1;
        const asked = env.sim.next('retry', d => d === b.device());
        await a.client.sendText(b.lid, 'damaged');
        const [, target, , count] = await asked;
        assert.equal(target, a.device());
        assert.equal(count, 1);
        await b.client.waitText('damaged');
        assert.equal((await env.phoneText(b, 'damaged')).text, 'damaged');
    });

    it('asks a phone again, which resends', async () => {
        const [a, b] = await pair('ask');
        await b.phone.sendText(a.account, 'ask 0');
        await a.client.waitText('ask 0');
        await a.client.sendText(b.lid, 'now both have sessions');
        await env.phoneText(b, 'now both have sessions');
        a.device().faults.corruptEnc = 2;
        const asked = env.sim.next('retry', (d, t, id, count) =>
            d === a.device() && count === 2);
        await b.phone.sendText(a.account, 'ask 1');
        await asked;
        await a.client.waitText('ask 1');
    });

    it('answers the retry of a phone', async () => {
        const [a, b] = await pair('comp');
        await a.client.sendText(b.lid, 'comp 0');
        await env.phoneText(b, 'comp 0');
        b.phone.device.faults.corruptEnc = 1;
        const asked = env.sim.next('retry', d => d === b.phone.device);
        await a.client.sendText(b.lid, 'comp 1');
        await asked;
        await env.phoneText(b, 'comp 1');
        await b.client.waitText('comp 1');
    });

    it('asks again for the copy of an own device', async () => {
        const [a, b] = await pair('own', 2);
        await a.client.sendText(b.lid, 'own 0');
        await a.clients[1].waitText('own 0');
        a.device(1).faults.corruptEnc = 1;
        const asked = env.sim.next('retry', d => d === a.device(1));
        await a.client.sendText(b.lid, 'own 1');
        await asked;
        const m = await a.clients[1].waitText('own 1');
        assert.equal(m.fromMe, true);
    });

    it('goes round with the next text afterwards', async () => {
        const [a, b] = await pair('round');
        a.account.faults.corruptEnc = 1;
        await b.client.sendText(a.lid, 'round 0');
        await a.client.waitText('round 0');
        await b.client.sendText(a.lid, 'round 1');
        await a.client.waitText('round 1');
        await a.client.sendText(b.lid, 'round 2');
        await b.client.waitText('round 2');
    });
});

describe('frames', () => {
    const cases = {
        'zlib nodes': { compress: true },
        'frames cut into single bytes': { split: 1 },
        'frames cut into sevens': { split: 7 },
        'coalesced frames': { coalesce: 30 },
        'late frames': { latencyMs: 30 },
        'coalesced and cut': { coalesce: 20, split: 100 },
    };
    for (const [name, faults] of Object.entries(cases)) {
        it(name, async () => {
            env.sim.faults = { ...faults };
            const [a, b] = await pair(name);
            await a.client.sendText(b.lid, 'through');
            await b.client.waitText('through');
            await b.client.sendText(a.lid, 'and back');
            await a.client.waitText('and back');
        });
    }
});

describe('connection', () => {
    for (const code of [503, 515]) {
        it(`comes back after stream error ${code}`, async () => {
            const [a, b] = await pair(`s${code}`);
            a.device().link.streamError({ code });
            await a.client.waitClose(code);
            await a.client.waitOpen();
            await b.client.sendText(a.lid, `after ${code}`);
            await a.client.waitText(`after ${code}`);
        });
    }

    it('comes back after xmlstreamend', async () => {
        const a = await env.person('end');
        a.device().link.streamEnd();
        await a.client.wait('close');
        await a.client.waitOpen();
    });

    it('comes back when the server was away', async () => {
        const [a, b] = await pair('dark');
        await env.sim.goDark();
        await a.client.wait('close', () => true, a.client.closes.slice(1));
        await env.sim.listenAgain();
        await a.client.waitOpen();
        await b.client.waitOpen();
        await a.client.sendText(b.lid, 'light again');
        await b.client.waitText('light again');
    });

    it('stops after failure 401', async () => {
        const a = await env.person('f401');
        await a.client.close();
        a.account.faults.failure = { reason: 401, location: 'odn' };
        a.client.start();
        await a.client.wait('close', c => c === 401);
        assert.equal(a.device().link, undefined);
    });

    it('reports failure 503 and comes back', async () => {
        const a = await env.person('f503');
        await a.client.close();
        a.account.faults.failure = { reason: 503 };
        a.client.start();
        await a.client.wait('close', c => c === 503);
        delete a.account.faults.failure;
        await a.client.waitOpen();
    });

    it('is replaced by a second login with the same keys', async () => {
        const a = await env.person('twin');
        const twin = env.client({ name: 'twin' });
        twin.creds = a.client.creds;
        twin.keys = a.client.keys;
        const replaced = env.sim.next('replaced');
        twin.start();
        await replaced;
        await a.client.waitClose(440);
        await twin.waitOpen();
    });

    it('notices pings that stay unanswered', async () => {
        const a = await env.person('ping', 1,
            { socketOptions: { keepAliveIntervalMs: 300 } });
        a.account.faults.mutePing = true;
        await a.client.waitClose(408);
        a.account.faults.mutePing = false;
        await a.client.waitOpen();
    });

    it('uploads prekeys when the count is low', async () => {
        const a = await env.person('low');
        const d = a.device();
        const count = d.prekeys.size;
        for (const id of [...d.prekeys.keys()].slice(0, count - 2)) {
            d.issued.set(id, d.prekeys.get(id));
            d.prekeys.delete(id);
        }
        const uploaded = env.sim.next('prekeys', x => x === d);
        env.sim.prekeysTaken(d);
        await uploaded;
        assert.ok(d.prekeys.size > 2);
    });

    it('answers what the server asks', async () => {
        const a = await env.person('pong');
        const link = a.device().link;
        link.send(node('chatstate', { from: a.lid }, [node('composing')]));
        env.sim.notifySync(a.device(), 'regular');
        await env.sim.next('ack-notification', d => d === a.device());
    });
});
