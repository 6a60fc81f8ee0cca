// Control run: what Baileys clients and phones post to status@broadcast
// reaches the audience, as wahub is tested on.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { Audience, STATUS } from '../sim/audience.mjs';
import { SimEnv } from './lib/sim_env.mjs';

let env, a, b, c;

before(async () => {
    env = await SimEnv.start({ devicesForm: 'lid' });
    [a, b, c] = await Promise.all(['ann', 'bob', 'cat'].map(n =>
        env.person(n)));
});

afterEach(() => env.checkClean());

after(() => env.stop());

const post = (from, text, people, more) => from.client.sendText(STATUS, text,
    { statusJidList: people.map(p => p.lid), ...more });

async function seenBy(text, people) {
    for (const p of people) {
        const m = await p.client.waitText(text);
        assert.equal(m.chat, STATUS);
        await env.phoneText(p, text);
    }
}

describe('a status', () => {
    it('of a client reaches those it is meant for', async () => {
        await post(a, 'for both', [b, c]);
        await seenBy('for both', [b, c]);
        await post(a, 'for bob', [b]);
        await seenBy('for bob', [b]);
        await post(a, 'for both again', [b, c]);
        await seenBy('for both again', [b, c]);
        assert.ok(!c.client.messages.some(m => m.text === 'for bob'));
    });

    it('of a phone reaches them, and its own client', async () => {
        const audience = new Audience(env.sim,
            [a, b, c].map(p => p.account));
        await c.phone.groups.send(audience, { conversation: 'by phone' },
            { all: true });
        await seenBy('by phone', [a, b]);
        await c.client.waitText('by phone');
    });

    it('that cannot be decrypted is asked for again', async () => {
        const retry = env.sim.next('retry');
        b.device().faults.corruptEnc = 1;
        await c.phone.groups.send(new Audience(env.sim,
            [a, b, c].map(p => p.account)), { conversation: 'spoilt once' },
        { all: true });
        await retry;
        await seenBy('spoilt once', [a, b]);
        // a client sends again, too, but as if it were no status
        b.device().faults.corruptEnc = 1;
        await post(a, 'spoilt again', [b, c]);
        await b.client.waitText('spoilt again');
    });
});
