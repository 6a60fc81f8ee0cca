// The master that Redis Sentinel names: found, followed when it moves or
// dies, and the old one is never written again.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { freePort, Hook } from './lib/wahub.mjs';
import { RedisServer, Sentinel } from './lib/redis.mjs';
import { numbers, Stage, until } from './lib/stage.mjs';

const PASSWORD = 'sentinel-test';

let s, w, servers, sentinels, hook, me, ann;

const byPort = port => servers.find(r => r.port === port);

/** The one that all sentinels name, once it says so itself. */
const master = not => until('a master', async () => {
    const ports = await Promise.all(sentinels.map(x => x.master()
        .catch(() => undefined)));
    const up = ports.filter(p => p !== undefined);
    const server = byPort(up[0]);
    if (!up.every(p => p === up[0]) || server === not) {
        return undefined;
    }
    const role = await server.info('role').catch(() => undefined);
    return role === 'master' && server;
}, 60000);

const linked = (from, count) => until('replication', async () =>
    await from.info('connected_slaves') === String(count)
    && /state=online/.test(await from.info('slave0')), 60000);

/** What the other does not have yet would be lost with this one. */
async function replicated(from, to) {
    await s.env.drained(me.device);
    let [offset, since] = ['', 0];
    await until('all is replicated', async () => {
        const now = await from.info('master_repl_offset');
        if (now !== offset || now !== await to.info('slave_repl_offset')) {
            [offset, since] = [now, Date.now()];
        }
        return Date.now() - since > 300;
    });
}

before(async () => {
    const options = { password: PASSWORD, lines: [
        'repl-diskless-sync-delay 0', 'repl-ping-replica-period 1'] };
    const first = await new RedisServer(options).start();
    const second = await new RedisServer({ ...options, lines: [
        ...options.lines, `replicaof 127.0.0.1 ${first.port}`] }).start();
    servers = [first, second];
    await linked(first, 1);
    sentinels = [];
    for (let i = 0; i < 2; i++) {
        sentinels.push(await new Sentinel(first).start());
    }
    await until('the sentinels to know each other and the replica',
        async () => (await Promise.all(sentinels.map(async x =>
            /num-other-sentinels\n1\n/.test(await x.call('sentinel',
                'master', 'main')) && /\n/.test(await x.call('sentinel',
                'replicas', 'main'))))).every(Boolean), 60000);
    const redis = { cli: first.cli, url: `sentinel://:${PASSWORD}@`
        + `127.0.0.1:${await freePort()},`
        + `${sentinels.map(x => `127.0.0.1:${x.port}`)}/main/3` };
    s = await Stage.start({ redis });
    ({ w } = s);
    hook = await new Hook().listen();
    me = await s.me('follower', { webhook_url: hook.url });
    ann = await s.env.person('ann', 0);
});

afterEach(() => s.checkClean());

after(async () => {
    hook?.close();
    await s?.close();
    await Promise.all([...sentinels, ...servers].map(x => x.close()));
});

async function both(name) {
    for (const text of numbers(`${name} in`, 5)) {
        await ann.phone.sendText(me.account, text);
    }
    for (const text of numbers(`${name} in`, 5)) {
        await hook.wait(b => b.text === text);
    }
    await w.patient('POST', `/api/accounts/${me.id}/messages`,
        { to: ann.account.pn, text: `${name} out` });
    await s.arrived(ann, `${name} out`);
    assert.deepEqual(s.seen(ann, `${name} out`), [[`${name} out`]]);
    assert.deepEqual(hook.posts.map(p => p.body.text)
        .filter(t => t?.startsWith(`${name} in`)), numbers(`${name} in`, 5));
}

/** Connections of wahub's to a server: nobody else chooses database 3. */
const clients = async server => (await server.call('client', 'list'))
    .split('\n').filter(l => / db=3 /.test(l)
        && !/ flags=[MS]/.test(l)).length; // nor replication

describe('with sentinels', () => {
    it('works on the master, in its database', async () => {
        await s.settled(me);
        await both('first');
        const now = await master();
        assert.equal(now, servers[0]);
        assert.notEqual(await now.call('-n', '3', 'dbsize'), '0');
        assert.match(w.log(), new RegExp(
            `redis master "main" is at 127\\.0\\.0\\.1:${now.port}`));
        assert.ok(!w.log().includes(PASSWORD));
    });

    it('follows a failover', async () => {
        const before = await master();
        const { logins } = me.device;
        // the last that an account does by itself after it was linked
        await until('its groups', () => me.device.askedGroups > 0);
        await replicated(before, servers.find(r => r !== before));
        assert.equal(await sentinels[0].call('sentinel', 'failover', 'main'),
            'OK');
        const now = await master(before);
        await both('moved');
        await until('the old one is a replica', async () =>
            await before.info('role') === 'slave');
        assert.ok(await clients(now) > 0);
        assert.equal(await clients(before), 0);
        assert.equal(me.device.logins, logins, 'the socket has stayed');
        await linked(now, 1);
    });

    it('follows when the master dies, and lets the dead rest', async () => {
        const before = await master();
        await before.kill();
        const now = await master(before);
        await both('survived');
        await before.start();
        await until('it is a replica', async () =>
            await before.info('role') === 'slave', 60000);
        await both('returned');
        assert.equal(await clients(before), 0);
        assert.equal(await master(), now);
        await linked(now, 1);
    });

    it('a master that becomes a replica is not written', async () => {
        const before = await master();
        const other = servers.find(r => r !== before);
        await replicated(before, other);
        // sentinels would undo it, and tell: READONLY must be enough
        sentinels.forEach(x => process.kill(x.pid, 'SIGSTOP'));
        try {
            await other.call('replicaof', 'no', 'one');
            await before.call('replicaof', '127.0.0.1', other.port);
            await until('READONLY was understood', () =>
                /is a replica and takes no writes/.test(w.log())
                && /is not the master: "slave"/.test(w.log()));
            const r = await w.send(me.id, ann.account.pn, 'nowhere');
            // 504: the worker that was asked knew before the owner did
            assert.ok([503, 504].includes(r.status), r.raw.toString());
            await before.call('replicaof', 'no', 'one');
            await other.call('replicaof', '127.0.0.1', before.port);
        } finally {
            sentinels.forEach(x => process.kill(x.pid, 'SIGCONT'));
        }
        await linked(before, 1);
        await both('found again');
        assert.deepEqual(s.seen(ann, 'nowhere'), [[]]);
    });

    it('a sentinel that dies is replaced', async () => {
        await sentinels[0].kill();
        await both('one sentinel');
        await sentinels[0].start();
        await sentinels[1].kill();
        await both('the other');
        await sentinels[1].start();
    });

    it('a sentinel that lies is not believed', async () => {
        // through the channel that tells of moves
        for (const x of sentinels) {
            for (const lie of ['main', 'main 1 2 3', 'other 1 1 127.0.0.1 1',
                'main 127.0.0.1 1 127.0.0.1 0',
                'main 127.0.0.1 1 127.0.0.1 99999999999999999999',
                `main 127.0.0.1 1 ${'x'.repeat(300)} 1`, ' ', '']) {
                await x.call('publish', '+switch-master', lie);
            }
        }
        await both('not believed');
    });
});
