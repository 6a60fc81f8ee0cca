// A wahub of its own for a test: started with ./wahub run in a directory
// that dies with it, driven over HTTP, watched through Redis and a webhook.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readdirSync,
    readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);
const WAIT_MS = 30000;

/** A port nobody listens on, below those that the kernel gives to outgoing
 *  connections: a stopped server finds it free again. */
export async function freePort() {
    for (;;) {
        const port = 12000 + Math.floor(Math.random() * 20000);
        const s = createTcp().listen(port, '127.0.0.1');
        const free = await once(s, 'listening').then(() => true, () => false);
        if (free) {
            s.close();
            await once(s, 'close');
            return port;
        }
    }
}

/** Resolves with the first value that is not undefined; for conditions that
 *  nobody announces (a process that ends, a file). */
export async function until(what, probe, ms = WAIT_MS) {
    const end = Date.now() + ms;
    for (;;) {
        const v = await probe();
        if (v !== undefined && v !== false) {
            return v;
        }
        if (Date.now() > end) {
            throw new Error(`waited ${ms} ms for ${what}`);
        }
        await new Promise(r => setTimeout(r, 25));
    }
}

/** Every event on wahub's pub/sub channels, in order. */
class Events extends EventEmitter {
    /** cli: arguments of redis-cli that lead to the server, which may be
     *  about to start. */
    constructor(cli) {
        super();
        this.setMaxListeners(0);
        this.all = [];
        this.closed = false;
        let done = false;
        this.ready = new Promise(r => this.once('subscribed', () => {
            done = true;
            r();
        }));
        const subscribe = () => {
            if (this.closed) {
                return;
            }
            this.child = spawn('redis-cli', [...cli, '--csv',
                'psubscribe', 'wahub:events:*'], { stdio: ['ignore', 'pipe',
                'ignore'] });
            createInterface({ input: this.child.stdout }).on('line',
                line => this.onLine(line));
            this.child.once('close', () => done
                || setTimeout(subscribe, 25));
        };
        subscribe();
    }

    onLine(line) {
        if (line.startsWith('"psubscribe"')) {
            this.emit('subscribed');
            return;
        }
        const m = /^"pmessage","[^"]*","([^"]*)",(".*")$/s.exec(line);
        if (m === null) {
            return;
        }
        // redis-cli escapes as C does; for our JSON that is JSON's own way
        // but for \xNN
        const text = JSON.parse(m[2].replace(/\\x([0-9a-f]{2})/g,
            '\\u00$1').replace(/\\a/g, '\\u0007'));
        const event = JSON.parse(Buffer.from(text, 'latin1').toString());
        event.channel = m[1];
        this.all.push(event);
        this.emit('event', event);
    }

    of(type, account) {
        return this.all.filter(e => e.type === type
            && (account === undefined || e.account_id === account));
    }

    wait(test, what = String(test), ms = WAIT_MS) {
        const found = this.all.find(test);
        if (found !== undefined) {
            return Promise.resolve(found);
        }
        return new Promise((done, reject) => {
            const timer = setTimeout(() => {
                this.off('event', listener);
                reject(new Error(`no event in ${ms} ms: ${what}; seen: `
                    + this.all.map(e => e.type).slice(-20).join(' ')));
            }, ms);
            const listener = e => {
                if (test(e)) {
                    clearTimeout(timer);
                    this.off('event', listener);
                    done(e);
                }
            };
            this.on('event', listener);
        });
    }

    close() {
        this.closed = true;
        this.child.kill();
    }
}

/** A webhook receiver; answers 200 unless told otherwise. */
export class Hook extends EventEmitter {
    constructor() {
        super();
        this.setMaxListeners(0);
        this.posts = [];
        this.status = 200;
    }

    async listen(address = '127.0.0.1') {
        this.server = createServer((req, res) => {
            const parts = [];
            req.on('data', d => parts.push(d));
            req.on('end', () => {
                const body = JSON.parse(Buffer.concat(parts).toString());
                this.posts.push({ headers: req.headers, body,
                    url: req.url });
                res.writeHead(this.status).end('ok');
                this.emit('post', body);
            });
        }).listen(0, address);
        await once(this.server, 'listening');
        this.url = `http://${address}:${this.server.address().port}/hook`;
        return this;
    }

    wait(test, ms = WAIT_MS) {
        const found = this.posts.find(p => test(p.body));
        if (found !== undefined) {
            return Promise.resolve(found.body);
        }
        return new Promise((done, reject) => {
            const timer = setTimeout(() => {
                this.off('post', listener);
                reject(new Error(`no webhook post in ${ms} ms`));
            }, ms);
            const listener = body => {
                if (test(body)) {
                    clearTimeout(timer);
                    this.off('post', listener);
                    done(body);
                }
            };
            this.on('post', listener);
        });
    }

    close() {
        this.server.closeAllConnections();
        this.server.close();
    }
}

export class Wahub {
    /** options: sim (WaSim), env, workers; conf = directives for the http
     *  block; mate = a Wahub to form a cluster with: its Redis and keys;
     *  redis = a RedisServer (lib/redis.mjs) in place of a private one;
     *  inside = command that starts others in another network, where
     *  `address` leads. */
    constructor({ sim, env = {}, workers = 2, conf, mate, redis,
        inside = [], address = '127.0.0.1' } = {}) {
        this.mate = mate;
        this.inside = inside;
        this.address = address;
        this.server = redis ?? mate?.server;
        this.data = mkdtempSync(join(tmpdir(), 'wahub-e2e-'));
        this.env = { WAHUB_DATA: this.data, WAHUB_WORKERS: String(workers),
            WAHUB_WEBHOOK_ALLOW: '127.0.0.0/8', WAHUB_MAX_ACCOUNTS: '0',
            ...(sim === undefined ? {} : { WAHUB_ENDPOINT: sim.url,
                WAHUB_NOISE_ROOT_KEY: sim.rootKeyHex,
                WAHUB_VERSION_URL: 'http://127.0.0.1:9/' }),
            ...(sim?.media === undefined ? {} : {
                WAHUB_MEDIA_HOST: sim.media.host,
                WAHUB_TRUSTED_CERTIFICATE: sim.media.ca }), ...env };
        this.allowedAlerts = [];
        if (conf !== undefined) {
            this.env.WAHUB_HTTP_EXTRA = join(this.data, 'extra.conf');
            writeFileSync(this.env.WAHUB_HTTP_EXTRA, conf);
        }
    }

    script(...args) {
        const [command, ...rest] = [...this.inside, join(ROOT, 'wahub'),
            ...args];
        return run(command, rest, { cwd: ROOT,
            env: { ...process.env, ...this.env }, timeout: 300000 });
    }

    async start() {
        this.env.PORT ??= String(await freePort());
        this.url = `http://${this.address}:${this.env.PORT}`;
        if (this.server !== undefined) {
            this.env.WAHUB_REDIS ??= this.server.url;
        }
        if (this.mate !== undefined) {
            this.env.WAHUB_REDIS ??= `unix:${this.mate.socket}`;
            for (const name of ['secret.key', 'api.key', 'admin.key']) {
                copyFileSync(join(this.mate.data, name),
                    join(this.data, name));
                chmodSync(join(this.data, name), 0o600);
            }
        }
        this.socket = join((this.mate ?? this).data, 'redis.sock');
        this.cli = this.server?.cli ?? ['-s', this.socket];
        await this.run();
        this.key = readFileSync(join(this.data, 'api.key'), 'utf8').trim();
        return this;
    }

    /** ./wahub run; the first events of what it starts are not missed. */
    async run() {
        const before = this.events;
        this.events = new Events(this.cli);
        try {
            await this.script('run');
            await this.events.ready;
        } catch (e) {
            this.events.close();
            throw e;
        } finally {
            before?.close();
        }
    }

    /** Starts what is missing (a killed Redis) of a running instance. */
    async resume() {
        const { all } = this.events;
        await this.run();
        this.events.all.unshift(...all);
    }

    /** Over a connection of its own: a worker that leaves closes idle ones,
     *  in the moment in which another request may be written to them. */
    async request(method, path, body, headers = {}) {
        const res = await fetch(this.url + path, { method, headers: {
            connection: 'close', 'x-api-key': this.key,
            ...(body === undefined ? {}
                : { 'content-type': 'application/json' }), ...headers },
        body: body === undefined ? undefined : typeof body === 'string'
            ? body : JSON.stringify(body), redirect: 'manual' });
        const raw = Buffer.from(await res.arrayBuffer());
        let json;
        try {
            json = JSON.parse(raw.toString());
        } catch {
            json = undefined;
        }
        return { status: res.status, headers: res.headers, raw, json };
    }

    /** As request(), but the status must be 2xx; returns the JSON.  What is
     *  only read is asked for again after 503 and 504: a machine that stands
     *  still for seconds makes every server pause. */
    api(method, path, body) {
        return until(`${method} ${path}`, async () => {
            const r = await this.request(method, path, body);
            if (method === 'GET' && [503, 504].includes(r.status)) {
                return undefined;
            }
            assert.ok(r.status < 300,
                `${method} ${path}: ${r.status} ${r.raw.toString()}`);
            return r.json ?? null;
        });
    }

    /** As api(), but 503 and 504 are asked again, as a client would. */
    patient(method, path, body, ms = WAIT_MS) {
        return until(`${method} ${path}`, async () => {
            const r = await this.request(method, path, body)
                .catch(() => undefined);
            if (r === undefined || [503, 504].includes(r.status)) {
                return undefined;
            }
            assert.ok(r.status < 300,
                `${method} ${path}: ${r.status} ${r.raw.toString()}`);
            return r.json;
        }, ms);
    }

    account(id) {
        return this.api('GET', `/api/accounts/${id}`);
    }

    async create(options = {}) {
        return this.patient('POST', '/api/accounts', { name: 'Test',
            ...options });
    }

    /** Awaits that the account enters a state, by its events. */
    async state(id, state, ms = WAIT_MS) {
        const now = await this.account(id);
        if (now.state === state) {
            return now;
        }
        const { events } = this; // another one after a restart
        const since = events.all.length;
        await Promise.race([
            events.wait(e => e.type === 'session.status'
                && e.account_id === id && e.data.state === state
                && events.all.indexOf(e) >= since, `state ${state}`,
            ms),
            until(`state ${state}`, async () =>
                (await this.account(id)).state === state, ms),
        ]);
        return this.account(id);
    }

    async qr(id) {
        const a = await this.state(id, 'QR');
        return a.qr;
    }

    /** A new account, linked to the account of `phone`, READY. */
    async link(phone, options) {
        const { id } = await this.create(options);
        await phone.scan(await this.qr(id));
        return this.state(id, 'READY');
    }

    send(id, to, text, more = {}) {
        return this.request('POST', `/api/accounts/${id}/messages`,
            { to, text, ...more });
    }

    received(text, ms) {
        return this.events.wait(e => e.type === 'message.received'
            && e.data.message.body === text, `message "${text}"`, ms);
    }

    redis(...args) {
        return run('redis-cli', [...this.cli, ...args])
            .then(r => r.stdout.trim());
    }

    pids() {
        const master = Number(readFileSync(join(this.data, 'nginx.pid'),
            'utf8'));
        const workers = readFileSync(`/proc/${master}/task/${master}`
            + '/children', 'utf8').trim().split(' ').map(Number);
        return { master, workers };
    }

    redisPid() {
        return Number(readFileSync(join(this.data, 'redis/redis.pid'),
            'utf8'));
    }

    log() {
        const f = join(this.data, 'log/error.log');
        return existsSync(f) ? readFileSync(f, 'utf8') : '';
    }

    /** The log holds no alert, crash or sanitizer report. */
    checkLog() {
        const bad = this.log().split('\n').filter(line =>
            /\[(alert|emerg)\]|AddressSanitizer|LeakSanitizer|runtime error:/
                .test(line)
            && !this.allowedAlerts.some(re => re.test(line)));
        assert.deepEqual(bad, []);
    }

    /** No secret and none of these texts is in any log. */
    checkSecrets(...texts) {
        const secrets = [this.key, ...texts];
        for (const f of readdirSync(join(this.data, 'log'))) {
            const content = readFileSync(join(this.data, 'log', f), 'utf8');
            for (const s of secrets) {
                assert.ok(!content.includes(s), `${f} contains a secret`);
            }
        }
    }

    /** ./wahub reload, until the master has read the configuration: before
     *  that the file must stay as it is. */
    async reload() {
        const { workers } = this.pids();
        await this.script('reload');
        await until('workers of the new configuration', () =>
            this.pids().workers.some(pid => !workers.includes(pid)));
    }

    async stop() {
        this.events?.close();
        this.events = undefined;
        await this.script('stop');
    }

    async close({ check = true } = {}) {
        try {
            await this.stop();
            if (check) {
                this.checkLog();
            }
        } finally {
            if (process.env.WAHUB_KEEP === undefined) {
                rmSync(this.data, { recursive: true, force: true });
            }
        }
    }
}
