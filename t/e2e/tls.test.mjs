// The way to the server: wss with a certificate of our own authority, and
// everything that must not be taken for WhatsApp.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync }
    from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Proxy } from '../sim/proxy.mjs';
import { SimEnv } from './lib/sim_env.mjs';
import { freePort, Wahub } from './lib/wahub.mjs';

let dir;

/** An authority, and certificates of it for a name and an address. */
function makeCertificates() {
    const openssl = (...args) => execFileSync('openssl', args,
        { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
        '-nodes', '-days', '30'];
    for (const ca of ['ca', 'other']) {
        openssl('req', '-x509', ...key, '-subj', `/CN=Test ${ca}`, '-keyout',
            `${ca}.key`, '-out', `${ca}.pem`);
    }
    for (const [name, san] of [['good', 'DNS:localhost,IP:127.0.0.1'],
        ['wrong', 'DNS:example.org,IP:192.0.2.1']]) {
        openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout',
            `${name}.key`, '-out', `${name}.csr`);
        writeFileSync(join(dir, 'san'), `subjectAltName=${san}`);
        openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem',
            '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-extfile',
            'san', '-out', `${name}.pem`);
    }
}

const pem = name => readFileSync(join(dir, name));

before(() => {
    dir = mkdtempSync(join(tmpdir(), 'wahub-ca-'));
    chmodSync(dir, 0o755);
    makeCertificates();
});

after(() => rmSync(dir, { recursive: true, force: true }));

/** A wahub against `env`; an account of it in the state it ends up in. */
async function attempt(env, more, expected) {
    const w = await new Wahub({ sim: env?.sim, env: more }).start();
    try {
        const { id } = await w.create();
        const a = await w.state(id, expected);
        return { w, id, a, async end() {
            await w.close();
        } };
    } catch (e) {
        await w.close({ check: false });
        throw e;
    }
}

async function refused(env, more, words) {
    const r = await attempt(env, more, 'DISCONNECTED');
    try {
        assert.match(r.a.reason, words);
        assert.equal(r.a.qr, null);
        assert.equal((await r.w.request('GET',
            `/api/accounts/${r.id}/qr`)).status, 404);
        const line = r.w.log().split('\n').find(l => l.includes(r.id)
            && words.test(l));
        assert.ok(line !== undefined, r.w.log());
        const e = await r.w.events.wait(x => x.account_id === r.id
            && x.type === 'session.disconnected');
        assert.match(e.data.reason, words);
        assert.deepEqual(r.w.events.of('session.qr_code'), []);
    } finally {
        await r.end();
    }
}

describe('wss', () => {
    const tls = name => ({ key: pem(`${name}.key`), cert: pem(`${name}.pem`) });
    const withSim = async (name, f, options = {}) => {
        const env = await SimEnv.start({ tls: tls(name), ...options });
        try {
            await f(env);
        } finally {
            await env.stop();
        }
        assert.deepEqual(env.sim.violations, []);
    };
    const trusted = () => ({ WAHUB_TRUSTED_CERTIFICATE: join(dir, 'ca.pem') });

    it('links and chats, by address and by name', () => withSim('good',
        async env => {
            for (const host of ['127.0.0.1', 'localhost']) {
                const r = await attempt(env, { ...trusted(), WAHUB_ENDPOINT:
                    env.sim.url.replace('127.0.0.1', host) }, 'QR');
                const phone = env.sim.phone();
                const ann = env.sim.phone();
                const told = new Promise(resolve => ann.on('message',
                    resolve));
                await phone.scan(r.a.qr);
                await r.w.state(r.id, 'READY');
                await ann.sendText(phone.account, `over ${host}`);
                await r.w.received(`over ${host}`);
                await ann.sendText(phone.account, 'x'.repeat(60000));
                await r.w.received('x'.repeat(60000));
                const sent = await r.w.send(r.id, ann.account.pn,
                    'y'.repeat(60000));
                assert.equal(sent.status, 201);
                assert.equal((await told).text.length, 60000);

                // through a proxy, which looks the name up
                const proxy = await new Proxy({ user: 'u', password: 'p' })
                    .listen();
                for (const scheme of ['socks5', 'http']) {
                    const again = env.sim.next('login');
                    await r.w.api('PATCH', `/api/accounts/${r.id}`,
                        { proxy: proxy.url(scheme) });
                    await again;
                    await r.w.state(r.id, 'READY');
                    await ann.sendText(phone.account, `${host} ${scheme}`);
                    await r.w.received(`${host} ${scheme}`);
                }
                assert.deepEqual(proxy.tunnels.map(t => t.target),
                    Array(2).fill(`${host}:${env.sim.port}`));
                proxy.close();
                await r.end();
            }
        }));

    it('is refused without a trusted authority', () => withSim('good', env =>
        refused(env, { WAHUB_TRUSTED_CERTIFICATE: join(dir, 'other.pem') },
            /certificate/i)));

    it('is refused by the system\'s authorities', () => withSim('good',
        env => refused(env, {}, /certificate/i)));

    it('is refused for another host\'s certificate', () => withSim('wrong',
        env => refused(env, trusted(), /certificate|host/i)));

    it('is refused for another address', () => withSim('good',
        env => refused(env, trusted(), /certificate|host/i),
        { host: '127.0.0.2' }));
});

describe('a wrong root key', () => {
    it('never shows a QR', async () => {
        const env = await SimEnv.start();
        await refused(env, { WAHUB_NOISE_ROOT_KEY: 'a5'.repeat(32) },
            /certificate/i);
        await refused(env, { WAHUB_NOISE_ROOT_KEY: undefined },
            /certificate/i);
        await env.stop();
    });

    it('is a configuration error when it is no key', async () => {
        const w = new Wahub({ env: { WAHUB_NOISE_ROOT_KEY: 'a5a5' } });
        await assert.rejects(w.start(), e =>
            /wahub_noise_root_key/.test(e.stderr));
        await w.close({ check: false });
    });
});

describe('what is no WhatsApp at all', () => {
    const answers = {
        'a web page': [200, {}, '<html>hello</html>'],
        'a refusal': [403, {}, 'no'],
        'a redirect': [302, { location: 'ws://127.0.0.1:1/' }, ''],
    };
    for (const [name, [status, headers, body]] of Object.entries(answers)) {
        it(name, async () => {
            const server = createServer((req, res) =>
                res.writeHead(status, headers).end(body))
                .on('upgrade', (req, socket) => socket.end(
                    `HTTP/1.1 ${status} X\r\n${Object.entries(headers)
                        .map(h => `${h.join(': ')}\r\n`).join('')}` +
                    `content-length: ${body.length}\r\n\r\n${body}`))
                .listen(0, '127.0.0.1');
            await once(server, 'listening');
            await refused(undefined, { WAHUB_ENDPOINT:
                `ws://127.0.0.1:${server.address().port}/ws/chat` },
            new RegExp(`${status}`));
            server.closeAllConnections();
            server.close();
        });
    }

    it('a WebSocket with a wrong accept key', async () => {
        const server = createServer().on('upgrade', (req, socket) =>
            socket.write('HTTP/1.1 101 Switching Protocols\r\n' +
                'Upgrade: websocket\r\nConnection: Upgrade\r\n' +
                'Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n'))
            .listen(0, '127.0.0.1');
        await once(server, 'listening');
        await refused(undefined, { WAHUB_ENDPOINT:
            `ws://127.0.0.1:${server.address().port}/ws/chat` },
        /websocket|upgrade|accept/i);
        server.closeAllConnections();
        server.close();
    });

    it('a server that sends noise', async () => {
        const server = createTcp(c => {
            c.on('error', () => {});
            c.end(Buffer.alloc(100000, 0xa5));
        }).listen(0, '127.0.0.1');
        await once(server, 'listening');
        await refused(undefined, { WAHUB_ENDPOINT:
            `ws://127.0.0.1:${server.address().port}/ws/chat` },
        /websocket|upgrade|HTTP|closed/i);
        server.close();
    });

    it('a closed port and an unknown name', async () => {
        await refused(undefined, { WAHUB_ENDPOINT:
            `ws://127.0.0.1:${await freePort()}/ws/chat` }, /refused/i);
        await refused(undefined, { WAHUB_ENDPOINT:
            'ws://no-such-host.invalid/ws/chat' }, /host|resolve|name/i);
    });
});
