// An instance for contract tests, started by ./wahub run: no simulator (the
// endpoint is a closed port), its own Redis that a test may stop, and three
// servers:
//
//   url        the main one: all rows, API key
//   openUrl    wahub_anonymous, a list of origins
//   groupUrl   wahub_messages only, local origins, an error_page
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)),
    '../../..');

async function freePort() {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

const extra = (open, group) => `
server {
    listen               127.0.0.1:${open};
    wahub_anonymous      default;
    wahub_cors_origins   https://app.example.org https://*.example.com;
    location / {
        wahub_api;
    }
    location /api/accounts/denied {
        deny all;
        wahub_api;
    }
}

server {
    listen               127.0.0.1:${group};
    wahub_cors_local     on;
    error_page           400 404 409 500 503 /50x.html;
    location / {
        wahub_messages;
    }
}
`;

class Contract {
    constructor(dir, ports, more) {
        this.dir = dir;
        this.ports = ports;
        this.url = `http://127.0.0.1:${ports[0]}`;
        this.openUrl = `http://127.0.0.1:${ports[1]}`;
        this.groupUrl = `http://127.0.0.1:${ports[2]}`;
        this.env = {
            ...process.env,
            PORT: String(ports[0]),
            WAHUB_DATA: path.join(dir, 'var'),
            WAHUB_REDIS: `redis://127.0.0.1:${ports[3]}/0`,
            WAHUB_ENDPOINT: 'ws://127.0.0.1:9/ws/chat',
            WAHUB_WEBHOOK_ALLOW: '127.0.0.0/8',
            WAHUB_MAX_ACCOUNTS: '5',
            WAHUB_HTTP_EXTRA: path.join(dir, 'extra.conf'),
            ...more,
        };
    }

    async redisStart() {
        this.redis = spawn('redis-server', ['--port', String(this.ports[3]),
            '--bind', '127.0.0.1', '--dir', this.dir, '--appendonly', 'yes',
            '--save', ''], { stdio: ['ignore', 'pipe', 'inherit'] });
        let text = '';
        for await (const chunk of this.redis.stdout) {
            text += chunk;
            if (text.includes('Ready to accept connections')) {
                break;
            }
        }
        this.redis.stdout.resume();
    }

    async redisStop() {
        const gone = once(this.redis, 'exit');
        this.redis.kill('SIGTERM');
        await gone;
    }

    wahub(command) {
        return spawnSync(path.join(ROOT, 'wahub'), [command], {
            env: this.env, encoding: 'utf8', input: '', timeout: 300000 });
    }

    async start() {
        fs.writeFileSync(this.env.WAHUB_HTTP_EXTRA,
            extra(this.ports[1], this.ports[2]));
        await this.redisStart();
        const run = this.wahub('run');
        if (run.status !== 0) {
            await this.redisStop();
            throw new Error(`./wahub run: ${run.stdout}${run.stderr}`);
        }
        const key = name => fs.readFileSync(
            path.join(this.env.WAHUB_DATA, name), 'utf8').split('\n')[0];
        this.apiKey = key('api.key');
        this.adminKey = key('admin.key');
        return this;
    }

    log(name) {
        return fs.readFileSync(path.join(this.env.WAHUB_DATA, 'log', name),
            'utf8');
    }

    accessLog() {
        return this.log('access.log');
    }

    errorLog() {
        return this.log('error.log');
    }

    /** Ends everything; an alert or a sanitizer report fails the test. */
    async stop() {
        this.wahub('stop');
        await this.redisStop();
        const bad = this.errorLog().split('\n').filter(line =>
            /\[(alert|emerg)\]|Sanitizer|runtime error:|exited on signal/
                .test(line));
        if (bad.length > 0) {
            throw new Error(`error log:\n${bad.join('\n')}`);
        }
        fs.rmSync(this.dir, { recursive: true, force: true });
    }

    /**
     * One request.  `body` is sent as JSON, `text` as it is with `type`;
     * `key` null: no credential; `at`: another server's URL.
     */
    call(method, target, options = {}) {
        const { body, key = this.apiKey, at = this.url } = options;
        const headers = { ...options.headers };
        const text = body === undefined ? options.text : JSON.stringify(body);
        const type = 'type' in options ? options.type : 'application/json';
        if (key !== null) {
            headers['X-Api-Key'] ??= key;
        }
        if (text !== undefined) {
            headers['Content-Length'] = Buffer.byteLength(text);
            if (type !== undefined) {
                headers['Content-Type'] = type;
            }
        }
        return new Promise((resolve, reject) => {
            const { hostname, port } = new URL(at);
            const req = http.request({ hostname, port, method, headers,
                path: encodeURI(target).replaceAll('%25', '%') }, res => {
                const parts = [];
                res.on('data', d => parts.push(d));
                res.on('end', () => {
                    const bytes = Buffer.concat(parts);
                    const json = /json/.test(res.headers['content-type']);
                    resolve({ status: res.statusCode, headers: res.headers,
                        bytes, text: bytes.toString(),
                        body: json && bytes.length > 0
                            ? JSON.parse(bytes.toString()) : undefined });
                });
            });
            // a refused body may end the connection while it is still sent
            req.on('error', e => (req.res === undefined ? reject(e) : null));
            req.end(text);
        });
    }

    /** A new account; its object. */
    async create(body = {}) {
        const res = await this.call('POST', '/api/accounts',
            { body: { name: 'test', ...body } });
        assert.equal(res.status, 201, JSON.stringify(res.body));
        return res.body;
    }

    async removeAll() {
        const { body } = await this.call('GET', '/api/accounts');
        for (const { id } of body) {
            const res = await this.call('DELETE', `/api/accounts/${id}`);
            assert.equal(res.status, 200, JSON.stringify(res.body));
        }
    }

    /** Asks until `check` is true, at most `ms`. */
    async until(check, ms = 20000) {
        const end = Date.now() + ms;
        while (!await check()) {
            if (Date.now() > end) {
                throw new Error(`not within ${ms} ms: ${check}`);
            }
            await pause(50);
        }
    }
}

export async function startContract(more = {}) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'wahub-contract-'));
    fs.chmodSync(dir, 0o755);
    const ports = [];
    for (let i = 0; i < 4; i++) {
        ports.push(await freePort());
    }
    return new Contract(dir, ports, more).start();
}

/** Every error has this shape and nothing else. */
export function assertError(res, status, code) {
    const text = JSON.stringify(res.body);
    assert.equal(res.status, status, text);
    assert.match(res.headers['content-type'], /^application\/json/);
    assert.deepEqual(Object.keys(res.body).sort(), ['error', 'error_code',
        'message', 'request_id', 'success'], text);
    assert.equal(res.body.success, false);
    assert.equal(res.body.error.code, code, text);
    assert.equal(res.body.error_code, code);
    assert.equal(res.body.message, res.body.error.message);
    assert.ok(res.body.message.length > 0);
    assert.equal(typeof res.body.error.details, 'object');
    assert.ok(!Array.isArray(res.body.error.details));
    assert.equal(res.body.request_id, res.headers['x-request-id']);
    if (status === 401) {
        assert.equal(res.headers['www-authenticate'], 'Bearer');
    }
    if (status === 503) {
        assert.match(res.headers['retry-after'], /^\d+$/);
    }
    return res.body.error;
}

/** The names of the fields a validation error complains about. */
export function fieldsOf(error) {
    return error.details.fields.map(f => f.field);
}
