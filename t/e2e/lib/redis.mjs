// Redis servers of a test's own: real processes in a directory that dies
// with them, in every state a server can be in.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, until } from './wahub.mjs';

const run = promisify(execFile);

/** One process; subclassed for what answers before it is ready. */
class Server {
    constructor(lines, { password, user, args = [], cluster } = {}) {
        this.args = args;
        this.cluster = cluster;
        this.lines = lines;
        this.dir = mkdtempSync(join(tmpdir(), 'wahub-redis-'));
        this.conf = join(this.dir, 'redis.conf');
        this.password = password;
        this.user = user;
    }

    get cli() {
        return ['-p', String(this.port), '--no-auth-warning',
            ...(this.user === undefined ? [] : ['--user', this.user]),
            ...(this.password === undefined ? [] : ['-a', this.password])];
    }

    /** Keeps its port and data over restarts. */
    async start({ ready = true } = {}) {
        if (this.port !== undefined) {
            return this.spawn(ready);
        }
        // a port that was free a moment ago may be somebody's by now
        for (let tries = 1; ; tries++) {
            this.port = await freePort();
            writeFileSync(this.conf, [`port ${this.port}`,
                'bind 127.0.0.1', `dir ${this.dir}`, ...this.lines,
                ...(this.cluster ? ['cluster-enabled yes',
                    `cluster-port ${await freePort()}`] : []), '']
                .join('\n'));
            try {
                return await this.spawn(ready);
            } catch (e) {
                if (this.child.exitCode === null || tries === 5) {
                    throw e;
                }
            }
        }
    }

    async spawn(ready) {
        this.child = spawn('redis-server', [this.conf, ...this.args],
            { stdio: ['ignore', 'pipe', 'pipe'] });
        let said = '';
        this.child.stdout.on('data', text => {
            said = `${said}${text}`.slice(-1000);
        });
        this.child.stderr.resume();
        if (ready) {
            await until(`Redis on ${this.port}`, async () => {
                if (this.child.exitCode !== null) {
                    throw new Error(`Redis on ${this.port} ended: ${said}`);
                }
                return await this.call('ping').catch(() => '') === 'PONG';
            });
        }
        return this;
    }

    get pid() {
        return this.child.pid;
    }

    call(...args) {
        return run('redis-cli', [...this.cli, ...args.map(String)])
            .then(r => r.stdout.trim());
    }

    async config(name, value) {
        const r = await this.call('config', 'set', name, value);
        if (r !== 'OK') {
            throw new Error(`config set ${name}: ${r}`);
        }
    }

    /** undefined also while sentinels cut its clients off. */
    async info(name) {
        const text = await this.call('info').catch(() => '');
        return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(text)?.[1];
    }

    async kill(signal = 'SIGKILL') {
        if (this.child?.exitCode === null
            && this.child.signalCode === null) {
            const gone = once(this.child, 'exit');
            this.child.kill(signal);
            await gone;
        }
    }

    async close() {
        await this.kill();
        rmSync(this.dir, { recursive: true, force: true });
    }
}

export class RedisServer extends Server {
    /** options: lines = more of the configuration; password, user;
        cluster: a node of one. */
    constructor({ lines = [], ...more } = {}) {
        super(['appendonly yes', 'appendfsync always',
            'save ""', ...lines, ...(more.password !== undefined
                && more.user === undefined
                ? [`requirepass ${more.password}`,
                    `masterauth ${more.password}`] : [])], more);
    }

    get url() {
        return `redis://127.0.0.1:${this.port}`;
    }
}

/**
 * Watches a master under the name "main"; one is enough to move it.  Quick in
 * all but calling a master dead: were a slow machine to do that while the
 * one before is just back, with what it knew when it died, sentinels would
 * promote that.
 */
export class Sentinel extends Server {
    constructor(master) {
        super([`sentinel monitor main 127.0.0.1 ${master.port} 1`,
            'sentinel down-after-milliseconds main 6000',
            'sentinel failover-timeout main 5000',
            ...(master.password === undefined ? []
                : [`sentinel auth-pass main ${master.password}`])],
        { args: ['--sentinel'] });
    }

    async start(options) {
        await super.start(options);
        await this.call('sentinel', 'debug', 'info-period', 1000,
            'publish-period', 500, 'tilt-period', 3000);
        return this;
    }

    async master() {
        const [, port] = (await this.call('sentinel',
            'get-master-addr-by-name', 'main')).split('\n');
        return Number(port);
    }
}
