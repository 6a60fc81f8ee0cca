// A worker that is asked to end finishes the requests it has begun, also
// when all they wait for is Redis.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, afterEach, before, it } from 'node:test';
import { Stage, until } from './lib/stage.mjs';

let s, w, me;

before(async () => {
    s = await Stage.start({ workers: 1 });
    ({ w } = s);
    me = await s.me('last');
});

afterEach(() => s.checkClean());

after(() => s.close());

it('a request that waits for Redis is answered', async () => {
    const client = connect(Number(w.env.PORT), '127.0.0.1');
    await once(client, 'connect');
    let got = '';
    client.on('data', d => {
        got += d;
    });
    const end = once(client, 'close');
    const begun = w.pids().workers[0];
    client.write(`GET /api/accounts/${me.id} HTTP/1.1\r\nHost: wahub\r\n`
        + `X-Api-Key: ${w.key}\r\nConnection: close\r\n`);
    // the worker has it: anything that came later is answered
    assert.equal((await w.request('GET', '/health')).status, 200);
    await w.script('reload');
    await until('the old worker has handed over', () =>
        w.log().includes(`${begun}#${begun}: wahub: worker`)
        && /has handed over/.test(w.log()));
    await w.redis('client', 'pause', '1000', 'all');
    client.write('\r\n');
    await end;
    assert.match(got, /^HTTP\/1\.1 200 /);
    assert.match(got, /"state":"/);
    await until('the old worker is gone', () =>
        !w.pids().workers.includes(begun));
});
