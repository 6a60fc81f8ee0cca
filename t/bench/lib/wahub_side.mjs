// wahub as it is measured: one worker, its own Redis with every commit on
// disk, driven over HTTP as programs drive it.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { until, Wahub } from '../../e2e/lib/wahub.mjs';
import { cpuSeconds, loopSeconds, proportionalKib, quiet, residentKib }
    from './proc.mjs';
import { parallel } from './remote.mjs';

const LINK_WIDTH = 8;
const PAGE = 500;
const STORM_MS = 120000;
const FETCH_MS = 300000;

export class WahubSide {
    constructor(sim, { url, rootKeyHex, media }, env = {}) {
        this.name = 'wahub';
        this.sim = sim;
        this.accounts = [];
        this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
        this.hub = new Wahub({ sim: { url, rootKeyHex, media },
            workers: 1, env });
    }

    async start() {
        await this.hub.start();
        // nobody listens to the events while they are measured
        this.hub.events.close();
        this.hub.events = undefined;
        [this.pid] = this.hub.pids().workers;
        this.redisPid = this.hub.redisPid();
    }

    /** Everything whose CPU is watched for silence. */
    get pids() {
        return [this.pid, this.redisPid];
    }

    cpu() {
        return { main: cpuSeconds(this.pid), loop: loopSeconds(this.pid),
            redis: cpuSeconds(this.redisPid) };
    }

    async memory() {
        await quiet(this.pids);
        return { main: residentKib(this.pid), pss: proportionalKib(this.pid),
            redis: await this.redisKib() };
    }

    async redisKib() {
        const used = await this.hub.redis('info', 'memory');
        return Number(/used_memory:(\d+)/.exec(used)[1]) / 1024;
    }

    /** POST with as little of a client as node offers. */
    post(path, body) {
        return this.request('POST', path, body, 201);
    }

    request(method, path, body, status) {
        const data = JSON.stringify(body);
        return new Promise((resolve, reject) => {
            const req = http.request({ host: '127.0.0.1',
                port: this.hub.env.PORT, path, method,
                agent: this.agent, headers: { 'x-api-key': this.hub.key,
                    'content-type': 'application/json',
                    'content-length': Buffer.byteLength(data) } }, res => {
                const parts = [];
                res.on('data', d => parts.push(d));
                res.on('end', () => (res.statusCode === status
                    ? resolve() : reject(new Error(`${path}: `
                        + `${res.statusCode} ${Buffer.concat(parts)}`))));
            });
            req.on('error', reject);
            req.end(data);
        });
    }

    /** Links until there are `total` accounts. */
    async link(total) {
        const had = this.accounts.length;
        await parallel(total - had, LINK_WIDTH, async i => {
            const { id } = await this.hub.create({ name: `A${had + i}` });
            const { qr } = await this.state(id, 'QR');
            const person = await this.sim.call('scan', qr);
            await this.state(id, 'READY');
            this.accounts[had + i] = { id, ...person };
        });
    }

    state(id, state) {
        return until(`${id} ${state}`, async () => {
            const a = await this.hub.account(id);
            return a.state === state ? a : undefined;
        });
    }

    async ready() {
        let n = 0;
        for (let at = 0; at < this.accounts.length; at += PAGE) {
            const list = await this.hub.api('GET', '/api/accounts?state=READY'
                + `&limit=${PAGE}&offset=${at}`);
            n += list.length;
        }
        return n;
    }

    /** Stops and starts; returns seconds from the start to the last login,
     *  and to the last READY, and the CPU since the worker began. `rate`:
     *  how the server throttles logins meanwhile. */
    async restart(rate) {
        const n = this.accounts.length;
        await this.hub.stop();
        await this.sim.call('throttle', rate);
        const before = await this.sim.call('logins');
        const start = performance.now();
        const all = this.sim.call('waitLogins', before + n, STORM_MS);
        await this.start();
        await all;
        const seconds = (performance.now() - start) / 1000;
        await until(`${n} READY`, async () => await this.ready() === n);
        const ready = (performance.now() - start) / 1000;
        await quiet(this.pids);
        await this.sim.call('throttle');
        return { seconds, ready, ...this.cpu() };
    }

    /** A reload, or an upgrade of the binary: ms without a socket for each
     *  account. */
    async handover(kind) {
        const old = this.hub.pids();
        await quiet(this.pids);
        await this.sim.call('forgetGaps');
        const gaps = this.sim.call('gaps', this.accounts.length);
        gaps.catch(() => {});
        if (kind === 'reload') {
            process.kill(old.master, 'SIGHUP');
        } else {
            process.kill(old.master, 'SIGUSR2');
            await until('a new master', () => this.newMaster(old.master));
            await until('its worker has joined', async () =>
                await this.hub.redis('zcard', 'wahub:members') === '2');
            process.kill(old.master, 'SIGQUIT');
        }
        const result = await gaps;
        await until('the old worker is gone', () =>
            !existsSync(`/proc/${this.pid}`));
        [this.pid] = this.hub.pids().workers;
        return result;
    }

    newMaster(old) {
        try {
            const { master, workers } = this.hub.pids();
            return master !== old && workers[0] > 0;
        } catch {
            // the file is being written
            return false;
        }
    }

    async send({ to, count, width }) {
        const path = `/api/accounts/${this.accounts[0].id}/messages`;
        const start = performance.now();
        await parallel(count, width, i =>
            this.post(path, { to, text: `text ${i}` }));
        return performance.now() - start;
    }

    /** A chat is pinned and unpinned, one after the other. */
    async change({ chat, count }) {
        for (let i = 0; i < count; i++) {
            await this.request('PATCH', `/api/chats/${chat}`,
                { pinned: i % 2 === 0 }, 200);
        }
    }

    /** Gone, until comeBack(). */
    async leave() {
        const { id } = this.accounts[0];
        await this.hub.api('POST', `/api/accounts/${id}/stop`);
        await this.state(id, 'STOPPED');
    }

    comeBack() {
        return this.hub.api('POST',
            `/api/accounts/${this.accounts[0].id}/start`);
    }

    /** Files in the store, to be sent: their ids. */
    async files(count, size) {
        const ids = [];
        for (let i = 0; i < count; i++) {
            const form = new FormData();
            form.append('file', new Blob([randomBytes(size)],
                { type: 'application/octet-stream' }), 'a.bin');
            const res = await fetch(`${this.hub.url}/api/media`, {
                method: 'POST', body: form,
                headers: { 'x-api-key': this.hub.key } });
            const text = await res.text();
            if (res.status !== 201) {
                throw new Error(`/api/media: ${res.status} ${text}`);
            }
            ids.push(JSON.parse(text).data.id);
        }
        return ids;
    }

    async sendFiles({ to, files, width }) {
        const path = `/api/accounts/${this.accounts[0].id}/messages`;
        await parallel(files.length, width, i => this.post(path,
            { to, type: 'document', media_id: files[i] }));
    }

    /** So many files are in the store: looked for on the disk, so that the
     *  question costs the worker nothing. */
    fetched() {
        const dir = join(this.hub.data, 'media', 'default');
        return existsSync(dir) ? readdirSync(dir, { recursive: true,
            withFileTypes: true }).filter(f => f.isFile()).length : 0;
    }

    waitFetched(count) {
        return until(`${count} files`, () => this.fetched() >= count,
            FETCH_MS);
    }

    /** What is given up is answered, too: so the rows are counted. */
    async takeHistory(to, count) {
        const ms = await this.sim.call('takeHistory', to);
        const { total } = await this.hub.api('GET',
            '/api/messages?limit=1');
        if (total !== count) {
            throw new Error(`${total} of ${count} messages are there`);
        }
        return ms;
    }

    /** Replies by the API to what the webhook brings. */
    async setEcho(on) {
        const { id } = this.accounts[0];
        const path = `/api/accounts/${id}/webhook`;
        if (!on) {
            await this.hub.api('PUT', path, { webhook_url: null });
            this.hook.closeAllConnections();
            this.hook.close();
            return;
        }
        const reply = m => this.post(`/api/accounts/${id}/messages`,
            { to: m.from, text: `re: ${m.text}` });
        this.hook = http.createServer((req, res) => {
            const parts = [];
            req.on('data', d => parts.push(d));
            req.on('end', () => {
                res.end();
                reply(JSON.parse(Buffer.concat(parts))).catch(e => {
                    process.stderr.write(`reply: ${e.message}\n`);
                });
            });
        });
        await new Promise(done => this.hook.listen(0, '127.0.0.1', done));
        await this.hub.api('PUT', path, { webhook_url:
            `http://127.0.0.1:${this.hook.address().port}/` });
    }

    async close() {
        this.agent.destroy();
        await this.hub.close({ check: false });
    }
}
