// A PostgreSQL of its own for a test: a cluster in a directory that dies
// with it, on a UNIX socket, run by a user without rights (it refuses root),
// with a password.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from './wahub.mjs';

const run = promisify(execFile);
const VERSIONS = '/usr/lib/postgresql';

function programs() {
    let versions = [];
    try {
        versions = readdirSync(VERSIONS).sort((a, b) => a - b);
    } catch {
        // reported below
    }
    assert.ok(versions.length > 0,
        'PostgreSQL is missing: apt-get install postgresql');
    return join(VERSIONS, versions.at(-1), 'bin');
}

function identity() {
    if (process.getuid() !== 0) {
        return {};
    }
    const id = flag => Number(execFileSync('id', [flag, 'postgres']));
    return { uid: id('-u'), gid: id('-g') };
}

export class Postgres {
    constructor() {
        this.bin = programs();
        this.as = identity();
        this.dir = mkdtempSync(join(tmpdir(), 'wahub-pg-'));
        this.data = join(this.dir, 'data');
        this.password = `secret-${Math.random().toString(36).slice(2)}`;
        this.passwordFile = join(this.dir, 'password');
        this.url = `postgresql://wahub@/postgres?host=${this.dir}`;
    }

    static async start() {
        const pg = new Postgres();
        const { dir, data, as } = pg;
        writeFileSync(pg.passwordFile, `${pg.password}\n`, { mode: 0o600 });
        chmodSync(dir, 0o711);
        if (as.uid !== undefined) {
            chownSync(dir, as.uid, as.gid);
            chownSync(pg.passwordFile, as.uid, as.gid);
        }
        await run(join(pg.bin, 'initdb'), ['-D', data, '-U', 'wahub', '-A',
            'scram-sha-256', `--pwfile=${pg.passwordFile}`, '-N', '-E',
            'UTF8', '--locale=C'], { ...as, cwd: dir });
        if (as.uid !== undefined) {
            chownSync(pg.passwordFile, 0, 0);
        }
        await pg.resume();
        return pg;
    }

    async resume() {
        this.server = spawn(join(this.bin, 'postgres'), ['-D', this.data,
            '-c', 'fsync=off', '-c', 'listen_addresses=', '-c',
            `unix_socket_directories=${this.dir}`, '-c',
            'unix_socket_permissions=0777', '-c', 'max_connections=40'],
        { ...this.as, cwd: this.dir, stdio: 'ignore' });
        await until('PostgreSQL', () => this.sql('SELECT 1')
            .then(() => true, () => false));
    }

    /** Ends it as a power cut would (SIGQUIT), or waits for nobody
     *  (SIGINT). */
    async stop(signal = 'SIGINT') {
        const gone = once(this.server, 'exit');
        this.server.kill(signal);
        await gone;
    }

    env() {
        return { ...process.env, PGPASSWORD: this.password };
    }

    args() {
        return ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h',
            this.dir, '-U', 'wahub', 'postgres'];
    }

    sql(statement) {
        return run(join(this.bin, 'psql'), [...this.args(), '-c', statement],
            { env: this.env() }).then(r => r.stdout.trim());
    }

    /** Runs a statement in a transaction that stays open; resolves with a
     *  function that ends it. */
    async hold(statement) {
        const child = spawn(join(this.bin, 'psql'), this.args(),
            { env: this.env(), stdio: ['pipe', 'pipe', 'inherit'] });
        child.stdin.write(`BEGIN; ${statement}; SELECT 'held';\n`);
        for await (const part of child.stdout) {
            if (part.toString().includes('held')) {
                break;
            }
        }
        return async () => {
            const gone = once(child, 'exit');
            child.stdin.end();
            await gone;
        };
    }

    async close() {
        if (this.server.exitCode === null) {
            await this.stop('SIGQUIT');
        }
        rmSync(this.dir, { recursive: true, force: true });
    }
}
