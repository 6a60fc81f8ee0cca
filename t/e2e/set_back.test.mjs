// A Redis that comes back older than it was: a failover that lost confirmed
// writes, a backup that was put in place.  No message key is used twice, what
// others write is read, and the account says what happened.
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { RedisServer } from './lib/redis.mjs';
import { numbers, Stage, until } from './lib/stage.mjs';

let s, sim, w, redis, me, ann, room;

const log = () => join(redis.dir, 'appendonlydir');
const kept = () => join(redis.dir, 'kept');

/** What Redis has now, between two writes. */
function keep() {
    process.kill(redis.pid, 'SIGSTOP');
    try {
        rmSync(kept(), { recursive: true, force: true });
        cpSync(log(), kept(), { recursive: true });
    } finally {
        process.kill(redis.pid, 'SIGCONT');
    }
}

async function setBack() {
    await redis.kill();
    rmSync(log(), { recursive: true });
    cpSync(kept(), log(), { recursive: true });
    await redis.start();
}

const arrived = text => Promise.all([s.arrived(ann, text)]);

async function out(text, to = ann.account.pn) {
    await w.patient('POST', `/api/accounts/${me.id}/messages`, { to, text });
    await arrived(text);
    assert.deepEqual(s.seen(ann, text), [[text], [text]]);
}

async function back(text, to = me.pn) {
    await ann.client.sendText(to, text);
    await w.received(text, 30000);
}

/** Both ways, alone and in the group. */
async function talk(name) {
    await out(`${name} out`);
    await out(`${name} room`, room.jid);
    await back(`${name} in`);
    await back(`${name} room in`, room.jid);
}

before(async () => {
    redis = await new RedisServer().start();
    s = await Stage.start({ redis, conf: 'wahub_lease 2s;' });
    ({ sim, w } = s);
    me = await s.me('old');
    ann = await s.env.person('ann');
    room = sim.groups.create({ creator: ann.account, mode: 'lid',
        subject: 'room', members: [me.account] });
    await s.settled(me);
    await talk('first');
});

afterEach(() => s.env.checkClean());

after(async () => {
    await s?.close();
    await redis?.close();
});

const said = (from, what) => until(`"${what}" in the log`,
    () => w.log().slice(from).includes(what));

/** What is written down after keep(), and then never was. */
async function lose(name) {
    keep();
    for (const text of numbers(`${name} lost`, 2)) {
        await talk(text);
    }
    await s.env.drained(me.device);
    // what a worker that starts anew finds the loss by
    await until('the history of it', async () => (await w.api('GET',
        `/api/messages?account=${me.id}&limit=50`)).data.some(m =>
        m.body === `${name} lost 1 room in`));
}

/** The server has got prekeys after those it had. */
const renewed = before => until('new prekeys', () =>
    me.device.skeyId > before + 1 && Math.max(...me.device.prekeys.keys())
        > 8192);

describe('a Redis that is set back', () => {
    it('under a running wahub', async () => {
        const from = w.log().length;
        const { skeyId } = me.device;
        await lose('running');
        await setBack();
        await w.resume();
        await talk('running');
        await said(from, 'the store has forgotten');
        await renewed(skeyId);
    });

    it('while wahub stands still', async () => {
        const { skeyId } = me.device;
        await lose('still');
        await w.stop();
        await setBack();
        const from = w.log().length;
        await w.start();
        await w.state(me.id, 'READY');
        await said(from, 'has forgotten');
        await back('still first');
        await talk('still');
        await renewed(skeyId);
    });

    it('is not found twice', async () => {
        const from = w.log().length;
        await w.stop();
        await w.start();
        await w.state(me.id, 'READY');
        await talk('again');
        assert.doesNotMatch(w.log().slice(from), /has forgotten/);
    });
});
