// The parts of the benchmark: what is started for each and in which order.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { appstate, snapshot } from './appstate.mjs';
import { BaileysSide } from './baileys_side.mjs';
import { record } from './profile.mjs';
import { history, takeIn } from './history.mjs';
import { Loop } from './loop.mjs';
import { project } from './project.mjs';
import { Remote } from './remote.mjs';
import { soak } from './soak.mjs';
import { WahubSide } from './wahub_side.mjs';
import * as work from './work.mjs';

const SIM = resolve(import.meta.dirname, 'sim_process.mjs');

/** What one contact, and at a time how many requests, and so on. */
export const WIDTH = 16;
export const CONTACTS = 16;
export const CROWD = 50;

/** How a cold start meets a server that lets in only so many. */
export const STORM = { perSecond: 50, longestMs: 5000 };

const TRAFFIC = {
    receive: (sim, side, count, times) => work.receive(sim, side,
        { count, times }),
    crowd: (sim, side, count, times) => work.receive(sim, side,
        { count, times, accounts: CROWD }),
    receipts: (sim, side, count, times) => work.receipts(sim, side,
        { count, times }),
    send: (sim, side, count, times) => work.send(sim, side,
        { count, times, width: WIDTH }),
    echo: (sim, side, count, times) => work.roundTrips(sim, side,
        { count, times, contacts: CONTACTS }),
    offline: (sim, side, count, times) => work.offline(sim, side,
        { count, times, contacts: CONTACTS }),
};

/** Pieces of a phone's history. */
const PIECES = 10;

export const FILES = {
    large: { text: '16 MiB', size: 16 << 20, width: 2 },
    small: { text: '100 KiB', size: 100 << 10, width: 8 } };

export const PARTS = ['idle', 'tls', ...Object.keys(TRAFFIC), 'group',
    'media', 'project', 'history', 'appstate', 'reconnect', 'soak'];

/** 10, 100 ... up to and with `most`. */
function steps(most) {
    const out = [];
    for (let n = 10; n < most; n *= 10) {
        out.push(n);
    }
    return [...out, most];
}

/** An authority and a certificate of it for the simulator. */
function certificates() {
    const dir = mkdtempSync(join(tmpdir(), 'wahub-bench-ca-'));
    const openssl = (...args) => execFileSync('openssl', args,
        { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
        '-nodes', '-days', '30'];
    chmodSync(dir, 0o755);
    openssl('req', '-x509', ...key, '-subj', '/CN=Bench CA', '-keyout',
        'ca.key', '-out', 'ca.pem');
    openssl('req', '-x509', ...key, '-subj', '/CN=bench', '-keyout',
        'key', '-out', 'cert', '-CA', 'ca.pem', '-CAkey', 'ca.key',
        '-addext', 'subjectAltName=IP:127.0.0.1',
        '-addext', 'basicConstraints=critical,CA:FALSE');
    return { dir, tls: { key: readFileSync(join(dir, 'key'), 'utf8'),
        cert: readFileSync(join(dir, 'cert'), 'utf8') },
    env: { WAHUB_TRUSTED_CERTIFICATE: join(dir, 'ca.pem') } };
}

/** Starts a side, runs `body`, ends it; what the simulator held against it
 *  makes the numbers worthless. */
export async function withSide(Side, { tls, env, media }, body) {
    const sim = new Remote(SIM);
    let side;
    try {
        side = new Side(sim, await sim.call('start', { tls, media }), env);
        await side.start();
        const result = await body(sim, side);
        const violations = await sim.call('violations');
        if (violations.length > 0) {
            throw new Error(`${side.name} broke the protocol: `
                + JSON.stringify(violations.slice(0, 3)));
        }
        return result;
    } finally {
        await side?.close();
        await sim.close();
    }
}

export class Bench {
    constructor({ plan, times, parts, say, profile }) {
        Object.assign(this, { plan, times, parts, say, profile });
    }

    has(part) {
        return this.parts.includes(part);
    }

    /** One account, then many: memory, logins; wahub also idle time, the
     *  handovers and a cold start against a throttling server. */
    async idle(side) {
        const { say, times, plan } = this;
        const most = plan.accounts[side.name];
        const [one] = await work.memory(side, [1], say);
        const restarted = await work.logins(side, 1);
        const linked = await work.memory(side, steps(most), say);
        const login = await work.logins(side, times);
        say(`${side.name}: ${login.perSecond.toFixed(0)} logins/s`);
        const out = { one, restarted, linked, login };
        if (side.handover !== undefined) {
            out.rest = await work.idle(side, plan.idleSeconds);
            say(`${side.name}: idle ${out.rest.main.toFixed(2)} ms CPU`);
            for (const kind of ['reload', 'upgrade']) {
                out[kind] = await work.handovers(side, kind, times);
                say(`${side.name}: ${kind} ${Math.round(out[kind].median)} `
                    + `ms, worst ${Math.round(out[kind].worst)} ms`);
            }
            out.storm = await side.restart(STORM);
            say(`${side.name}: back in ${out.storm.ready.toFixed(1)} s`);
        }
        return out;
    }

    /** The result of `work`, with --profile also where the CPU went. */
    async watched(side, work) {
        const stop = this.profile && side.name === 'wahub'
            ? record(side.pid) : undefined;
        const result = await work();
        return { ...result, where: await stop?.() };
    }

    async traffic(sim, side, out) {
        await side.link(1);
        for (const part of Object.keys(TRAFFIC)) {
            const count = this.plan[side.name][part];
            if (!this.has(part) || count === undefined) {
                continue;
            }
            if (part === 'crowd') {
                await side.link(CROWD);
            }
            out[part] = await this.watched(side, () => TRAFFIC[part](sim,
                side, count, this.times));
            this.say(`${side.name}: ${part} `
                + `${out[part].perSecond.toFixed(0)}/s, `
                + `${out[part].main.toFixed(3)} CPU s per 1,000`);
        }
        out.after = (await side.memory()).main;
    }

    /** For each size: the first text, the first to another group of the same
     *  people, and those that follow. */
    async groups(sim, side) {
        const out = {};
        await side.link(1);
        for (const [size, count] of Object.entries(
            this.plan[side.name].group)) {
            out[size] = await this.watched(side, () => work.group(sim, side,
                { size: Number(size), count, times: this.times,
                    width: WIDTH }));
            const { first, texts } = out[size];
            this.say(`${side.name}: group of ${size}: first text `
                + `${first.ms.toFixed(0)} ms, then `
                + `${texts.perSecond.toFixed(1)}/s, `
                + `${texts.main.toFixed(3)} CPU s per 1,000`);
        }
        return out;
    }

    /** Documents, large and small, sent and received. */
    async media(sim, side) {
        const out = {};
        await side.link(1);
        for (const [name, { size, width }] of Object.entries(FILES)) {
            const count = this.plan.files[name];
            out[name] = await this.watched(side, () => work.media(sim, side,
                { size, width, count, times: this.times }));
            for (const way of ['sent', 'received']) {
                const { mib } = out[name][way];
                this.say(`${side.name}: ${name} documents ${way}: `
                    + `${mib.perSecond.toFixed(1)} MiB/s, `
                    + `${mib.main.toFixed(2)} CPU s per 1,000 MiB`);
            }
        }
        return out;
    }

    /** Patches both ways. */
    async appstate(sim, side) {
        await side.link(1);
        const out = await this.watched(side, () => appstate(sim, side,
            { ...this.plan[side.name].appstate, times: this.times }));
        for (const way of ['received', 'written']) {
            this.say(`${side.name}: patches of app state ${way}: `
                + `${out[way].perSecond.toFixed(0)}/s, `
                + `${out[way].main.toFixed(3)} CPU s per 1,000`);
        }
        return out;
    }

    /** The history of a phone, from its offer to the receipt. */
    async takenIn(run, wahub) {
        const loop = wahub ? new Loop() : undefined;
        const options = { count: this.plan.history, pieces: PIECES, loop };
        const out = await run({ media: true, env: loop?.env },
            (sim, side) => takeIn(sim, side, options));
        loop?.close();
        this.say(`history: ${out.perSecond.toFixed(0)} messages/s, `
            + `${out.grown.toFixed(1)} MiB more`
            + (wahub ? `, event loop ${out.loopTime.longest.toFixed(2)} ms `
                + `at most, 99 % within ${out.loopTime.p99.toFixed(2)}, `
                + `by the clock ${out.loopTime.clock.toFixed(2)}` : ''));
        return out;
    }

    async reconnect(sim, side) {
        await side.link(this.plan.reconnect[side.name]);
        const out = await work.reconnects(sim, side, this.times);
        this.say(`${side.name}: ${out.n} cut off, `
            + `${out.perSecond.toFixed(0)} back per second, the last after `
            + `${(out.worst / 1000).toFixed(1)} s`);
        return out;
    }

    async measure(Side) {
        const out = { parts: {} };
        const wahub = Side === WahubSide;
        const run = (options, body) => withSide(Side, options, body);
        if (this.has('idle')) {
            out.idle = await run({}, (sim, side) => this.idle(side));
        }
        if (this.has('tls') && wahub) {
            const { dir, tls, env } = certificates();
            out.tls = await run({ tls, env }, (sim, side) =>
                this.idle(side));
            rmSync(dir, { recursive: true, force: true });
        }
        if (Object.keys(TRAFFIC).some(p => this.has(p))) {
            await run({}, (sim, side) => this.traffic(sim, side, out.parts));
        }
        if (this.has('group')) {
            out.group = await run({}, (sim, side) => this.groups(sim, side));
        }
        if (this.has('media')) {
            out.media = await run({ media: true }, (sim, side) =>
                this.media(sim, side));
        }
        if (this.has('project') && wahub) {
            out.project = project(this.plan.project, this.times, this.say);
        }
        if (this.has('history')) {
            out.taken = await this.takenIn(run, wahub);
            out.history = wahub ? history(this.plan.history, this.say)
                : undefined;
        }
        if (this.has('appstate')) {
            out.appstate = await run({}, (sim, side) =>
                this.appstate(sim, side));
        }
        if (this.has('appstate') && wahub) {
            out.snapshot = snapshot(this.plan.snapshot, this.say);
        }
        if (this.has('reconnect')) {
            out.reconnect = await run({}, (sim, side) =>
                this.reconnect(sim, side));
        }
        if (this.has('soak') && wahub) {
            this.say(`wahub: soak of ${this.plan.minutes} minutes`);
            out.soak = await run({}, (sim, side) => soak(sim, side,
                this.plan.minutes));
        }
        return out;
    }
}

export { BaileysSide, WahubSide };
