// Ways to say which Redis: password, user, database, TLS; what is wrong with
// them is said without telling a secret.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort, Wahub } from './lib/wahub.mjs';
import { RedisServer } from './lib/redis.mjs';

const PASSWORD = 'p4ss-w0rd@home/1';

let dir, file, wrong;

before(() => {
    dir = mkdtempSync(join(tmpdir(), 'wahub-url-'));
    file = join(dir, 'password');
    wrong = join(dir, 'wrong');
    writeFileSync(file, `${PASSWORD}\n`, { mode: 0o600 });
    writeFileSync(wrong, 'something else\n', { mode: 0o600 });
});

after(() => rmSync(dir, { recursive: true, force: true }));

/** Starts a wahub on `url(redis)`, makes an account, looks where it is. */
async function works(options, url, look) {
    const redis = await new RedisServer(options).start();
    const w = new Wahub({ workers: 1, redis,
        env: { WAHUB_REDIS: url(redis) } });
    try {
        await w.start();
        const { id } = await w.create({ name: 'one' });
        await look?.(redis, id);
        const status = (await w.script('status')).stdout;
        assert.match(status, /^redis {3}\S+$/m);
        w.checkSecrets(PASSWORD, encodeURIComponent(PASSWORD));
        for (const secret of [PASSWORD, encodeURIComponent(PASSWORD)]) {
            assert.ok(!status.includes(secret), status);
        }
        return w.log();
    } finally {
        await w.close();
        await redis.close();
    }
}

/** What ./wahub run says when it does not start. */
async function fails(value, more = {}) {
    const w = new Wahub({ workers: 1, env: { WAHUB_REDIS: value,
        WAHUB_START_TIMEOUT: '3', ...more } });
    try {
        await assert.rejects(w.start(), e => {
            w.said = e.stderr;
            return true;
        });
        assert.ok(!w.said.includes(PASSWORD), w.said);
        return w.said + w.log();
    } finally {
        await w.close({ check: false });
    }
}

describe('a password', () => {
    it('in a file', () => works({ password: PASSWORD },
        r => `${r.url} password_file=${file}`));

    it('in the url', () => works({ password: PASSWORD },
        r => `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${r.port}`));

    it('of a user', async () => {
        const lines = ['user default off',
            `user wahub on >${PASSWORD} ~* &* +@all`];
        await works({ user: 'wahub', password: PASSWORD, lines },
            r => `${r.url} user=wahub password_file=${file}`);
        await works({ user: 'wahub', password: PASSWORD, lines },
            r => `redis://wahub:${encodeURIComponent(PASSWORD)
            }@127.0.0.1:${r.port}/0`);
    });

    it('that is wrong is said once', async () => {
        const redis = await new RedisServer({ password: PASSWORD }).start();
        try {
            const said = await fails(`${redis.url} password_file=${wrong}`);
            assert.match(said, /"redis:[^"]*" refused: "WRONGPASS/);
            // two connections
            assert.equal(said.match(/\[error\].*refused/g).length % 2, 0);
            assert.ok(said.match(/\[error\].*refused/g).length <= 4);
        } finally {
            await redis.close();
        }
    });
});

describe('a database', () => {
    for (const [how, url] of [
        ['in the url', r => `${r.url}/7`],
        ['as a parameter', r => `${r.url} db=7`],
    ]) {
        it(how, () => works({}, url, async (redis, id) => {
            assert.match(await redis.call('-n', '7', 'hkeys',
                'wahub:t:default'), new RegExp(id));
            assert.equal(await redis.call('-n', '0', 'dbsize'), '0');
        }));
    }

    it('that cannot be', async () => {
        assert.match(await fails('redis://127.0.0.1:1/x'),
            /invalid database number/);
        assert.match(await fails('redis://127.0.0.1:1/5000'),
            /invalid database number/);
    });
});

describe('refused', () => {
    for (const [value, reason] of [
        ['http://127.0.0.1/', /must begin with "redis:\/\/"/],
        ['unix:relative', /absolute path/],
        ['redis://127.0.0.1:1 colour=blue', /invalid parameter/],
        ['redis://127.0.0.1:1 password_file=/nowhere', /does not exist/],
        ['redis://user@127.0.0.1:1', /user but no password/],
        ['sentinel://127.0.0.1:1', /needs the name of the master/],
        ['sentinel://127.0.0.1:1/', /needs the name of the master/],
        ['sentinel://127.0.0.1:1,,127.0.0.1:2/main', /empty name/],
        ['sentinel://127.0.0.1:1/ma*in', /invalid master name/],
        ['sentinel://127.0.0.1:1/main/x', /invalid database number/],
        [`sentinel://${'127.0.0.1:1,'.repeat(40)}127.0.0.1:1/main`,
            /too many sentinels/],
    ]) {
        it(value.slice(0, 60), async () => {
            assert.match(await fails(value), reason);
        });
    }
});

describe('TLS', () => {
    let cert, key, supported;

    before(async () => {
        [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
        execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
            '/CN=wahub test', '-addext', 'subjectAltName=DNS:localhost',
            '-keyout', key, '-out', cert], { stdio: 'ignore' });
        supported = !/asks for TLS/.test(await fails('rediss://127.0.0.1:1'));
    });

    /** Lines for a server that speaks TLS on `port`. */
    const lines = port => [`tls-port ${port}`, 'tls-auth-clients no',
        `tls-cert-file ${cert}`, `tls-key-file ${key}`];

    it('that hiredis does not have is said', async t => {
        if (supported) {
            t.skip('the hiredis of this module has TLS');
            return;
        }
        for (const value of ['rediss://127.0.0.1:1/2',
            'redis://127.0.0.1:1 tls=on']) {
            assert.match(await fails(value),
                /asks for TLS, which the hiredis .* does not have/);
        }
    });

    it('only for servers by name or address', async () => {
        for (const value of ['unix:/nowhere tls=on',
            'sentinel://127.0.0.1:1/main tls=on']) {
            assert.match(await fails(value), /TLS for "rediss:/);
        }
    });

    it('is spoken, with a password', async t => {
        if (!supported) {
            t.skip('the hiredis of this module has no TLS');
            return;
        }
        const port = await freePort();
        const log = await works({ password: PASSWORD, lines: lines(port) },
            () => `rediss://localhost:${port}/2 ca=${cert} `
                + `password_file=${file}`,
            async (redis, id) => assert.match(await redis.call('-n', '2',
                'hkeys', 'wahub:t:default'), new RegExp(id)));
        assert.match(log, /"rediss:\/\/localhost:\d+\/2" is up/);
    });

    it('with another name or authority is refused', async t => {
        if (!supported) {
            t.skip('the hiredis of this module has no TLS');
            return;
        }
        const port = await freePort();
        const redis = await new RedisServer({ lines: lines(port) }).start();
        try {
            for (const value of [`rediss://127.0.0.1:${port} ca=${cert}`,
                `rediss://localhost:${port}`]) {
                const said = await fails(value);
                assert.doesNotMatch(said, /is up/);
                assert.match(said, /is down: (IP address mismatch|self-sig)/);
            }
        } finally {
            await redis.close();
        }
    });
});
