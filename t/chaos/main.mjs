// ./wahub chaos [minutes] [seed]: traffic in both directions while nearly
// everything fails that can fail, then an audit. Exit status 1 when a
// message was lost, doubled, reordered, or anything else is not as it must
// be. The same seed gives the same people, texts and order of faults.
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { show } from '../sim/codec.mjs';
import { Hook, until } from '../e2e/lib/wahub.mjs';
import { SimEnv } from '../e2e/lib/sim_env.mjs';
import { Stage } from '../e2e/lib/stage.mjs';
import { clean, COUNTS, table } from './audit.mjs';
import { Cluster, PROCESS_FAULTS } from './cluster.mjs';
import { Random } from './random.mjs';
import { Subscriber } from './redis.mjs';
import { Sources } from './sources.mjs';
import { Traffic } from './traffic.mjs';
import { calm, WEATHER } from './weather.mjs';

const number = (name, value) => {
    const n = Number(process.env[name] ?? value);
    if (!(n > 0)) {
        throw new Error(`${name}=${process.env[name]} is not a number`);
    }
    return n;
};
const ACCOUNTS = number('CHAOS_ACCOUNTS', 24);
const CONTACTS = number('CHAOS_CONTACTS', 8);
const CLIENTS = 3; // contacts that are Baileys clients
const CHATS = 3; // contacts of an account
const PACE_MS = number('CHAOS_PACE', 2500);
const SETTLE_MS = number('CHAOS_SETTLE', 90000);
const CONF = `wahub_lease 3s; ${process.env.CHAOS_CONF ?? ''}`;
const TRACE = process.env.CHAOS_TRACE
    && createWriteStream(process.env.CHAOS_TRACE);
const SHOWN = 12;

const minutes = Number(process.argv[2] ?? 5);
const seed = process.argv[3] ?? randomBytes(4).toString('hex');
if (!(minutes > 0 && minutes <= 1440)) {
    process.stderr.write('usage: ./wahub chaos [MINUTES] [SEED]\n');
    process.exit(2);
}

const begun = performance.now();
const say = text => process.stdout.write(
    `${((performance.now() - begun) / 1000).toFixed(1).padStart(7)}  `
    + `${text}\n`);
const told = p => Object.entries(p).map(([k, v]) => `${k}=${v}`).join(' ');

class Run {
    constructor() {
        this.rng = new Random(seed, 'chaos');
        this.faults = 0;
        this.background = [];
    }

    async prepare() {
        this.env = await SimEnv.start({ ackTimeoutMs: 60000,
            trace: TRACE && ((conn, way, stanza) => TRACE.write(
                `${new Date().toISOString()} ${conn.name} ${way} `
                + `${show(stanza)}\n`)) });
        this.sim = this.env.sim;
        this.hook = await new Hook().listen();
        this.cluster = new Cluster({ sim: this.sim, conf: CONF });
        await this.cluster.start();
        const { a } = this.cluster;
        this.subscriber = new Subscriber(a.socket);
        await this.subscriber.ready;
        const stage = new Stage(this.env, a);
        this.contacts = await Promise.all(Array.from({ length: CONTACTS },
            async (_, i) => ({ name: `c${i}`, ...await this.env.person(
                `c${i}`, i < CLIENTS ? 1 : 0) })));
        this.people = [];
        const pick = this.rng.fork('people');
        while (this.people.length < ACCOUNTS) {
            const n = this.people.length;
            this.people.push(...await Promise.all(Array.from(
                { length: Math.min(8, ACCOUNTS - n) }, async (_, i) => ({
                    name: `a${n + i}`, contacts: pick.some(this.contacts,
                        CHATS), ...await stage.me(`a${n + i}`,
                        { webhook_url: this.hook.url }) }))));
        }
        await Promise.all(this.people.map(p => stage.settled(p)));
        Cluster.unhear(a);
        this.traffic = new Traffic({ sim: this.sim, cluster: this.cluster,
            rng: this.rng, people: this.people, contacts: this.contacts,
            pace: PACE_MS });
        this.sources = new Sources(this);
    }

    /** One fault after another until the time is over. */
    async processes(end) {
        const rng = this.rng.fork('processes');
        const weights = Object.fromEntries(Object.entries(PROCESS_FAULTS)
            .map(([k, f]) => [k, f.weight]));
        for (;;) {
            const name = rng.weighted(weights);
            const fault = PROCESS_FAULTS[name];
            const p = fault.draw(rng);
            const rest = rng.chance(0.25) ? rng.int(0, 300)
                : rng.int(500, 6000);
            if (performance.now() > end) {
                return;
            }
            say(`#${++this.faults} ${name} ${told(p)}`);
            await fault.run(this.cluster, p);
            await pause(rest);
        }
    }

    /** These overlap: each runs beside the next ones. */
    async weather(end) {
        const rng = this.rng.fork('weather');
        const weights = Object.fromEntries(Object.entries(WEATHER)
            .map(([k, f]) => [k, f.weight]));
        for (;;) {
            const name = rng.weighted(weights);
            const p = WEATHER[name].draw(rng);
            const people = rng.some(this.people,
                Math.ceil(this.people.length * p.part));
            const rest = rng.int(200, 3000);
            if (performance.now() > end) {
                return;
            }
            say(`   ${name} ${told(p)}`);
            this.background.push(WEATHER[name].run(this.sim, people, p));
            await pause(rest);
        }
    }

    async storm() {
        const end = performance.now() + minutes * 60000;
        this.traffic.start();
        const lanes = await Promise.allSettled([this.processes(end),
            this.weather(end)]);
        await Promise.all(this.background);
        const failed = lanes.find(l => l.status === 'rejected');
        if (failed !== undefined) {
            throw failed.reason;
        }
    }

    /** All faults end; then waits until nothing moves any more. */
    async settle() {
        say('faults end');
        calm(this.sim, this.people);
        await this.cluster.heal();
        const bound = setTimeout(() => this.traffic.giveUp(), SETTLE_MS);
        await this.traffic.stop();
        clearTimeout(bound);
        say('every send has its answer');
        for (const [what, probe] of [
            ['every account READY', async () => (await Promise.all(
                this.people.map(p => this.cluster.a.account(p.id)
                    .catch(() => undefined)))).every(v =>
                v?.state === 'READY')],
            ['everything at webhook and contacts', () =>
                this.sources.settled()],
            ['everything in the log', () => this.sources.logged()],
        ]) {
            await until(what, probe, SETTLE_MS).then(() => say(what),
                e => say(`NOT ${what}: ${e.message}`));
        }
        await this.subscriber.caughtUp();
    }

    /** What must not be there at all: [name, list]. */
    async never() {
        const log = await this.sources.log();
        const of = type => log.filter(e => e.type === type)
            .map(e => JSON.stringify(e.data).slice(0, 300));
        const states = await Promise.all(this.people.map(async p =>
            [p.name, (await this.cluster.a.account(p.id)).state]));
        const alerts = [this.cluster.a, this.cluster.b].flatMap(w =>
            (w?.log() ?? '').split('\n').filter(l => (/\[(alert|emerg)\]/
                .test(l) && !/exited on signal 9/.test(l))
                || /Sanitizer|runtime error:/.test(l)));
        return [
            ['broken protocol, message keys reused', this.sim.violations
                .map(v => `${v.kind}: ${v.text}`)],
            ['stanzas the simulator does not know', this.sim.unknown],
            ['accounts not READY', states.filter(([, s]) => s !== 'READY')
                .map(s => s.join(' '))],
            ['sends never answered', [...this.traffic.open.keys()]],
            ['answers a client may not get', this.traffic.wrong],
            ['message.failed', of('message.failed')],
            ['message.undecryptable', of('message.undecryptable')],
            ['messages that Baileys could not read at first',
                this.sources.stubs],
            ['alerts in the log, crashes', alerts],
        ];
    }

    async report() {
        const rows = await this.sources.rows();
        const never = await this.never();
        const { traffic, sources, sim } = this;
        const out = [`\nseed ${seed}, ${minutes} minutes, `
            + `${this.faults} process faults; ${this.people.length} accounts,`
            + ` ${this.people.reduce((n, p) => n + p.device.logins, 0)}`
            + ` logins; ${traffic.asked} requests,`
            + ` slowest send ${traffic.slowest} ms`, '', table(rows), ''];
        for (const [name, list] of never) {
            out.push(`${name}: ${list.length}`);
        }
        out.push(`not counted: ${sources.repeated} webhook posts repeated`
            + ` with the same event id, ${sources.unheard} events published`
            + ` while Redis was away, ${sim.counters.retries} retry`
            + ` receipts, ${sim.counters.repeated} messages repeated`);
        for (const [name, r] of rows) {
            COUNTS.filter(c => r[c].length > 0).forEach(c =>
                out.push(`${name}: ${c}:`, ...cut(r[c])));
        }
        never.filter(([, list]) => list.length > 0).forEach(([name, list]) =>
            out.push(`${name}:`, ...cut(list)));
        process.stdout.write(`${out.join('\n')}\n`);
        return rows.every(([, r]) => clean(r))
            && never.every(([, list]) => list.length === 0);
    }

    async close(good) {
        this.traffic?.giveUp();
        this.subscriber?.close();
        this.hook?.close();
        if (!good && this.cluster !== undefined) {
            process.stdout.write(`logs are kept in ${[this.cluster.a,
                this.cluster.b].filter(w => w !== undefined)
                .map(w => w.data).join(' and ')}\n`);
            process.env.WAHUB_KEEP = '1';
        }
        await this.cluster?.close({ check: false });
        await this.env?.stop();
    }
}

function cut(list) {
    const rest = list.length - SHOWN;
    return [...list.slice(0, SHOWN).map(t => `    ${t}`),
        ...(rest > 0 ? [`    and ${rest} more`] : [])];
}

const run = new Run();
let good = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
        say(`ended by ${signal}`);
        run.cluster?.sweep();
        process.exit(130);
    });
}
try {
    say(`seed ${seed}`);
    await run.prepare();
    say(`${ACCOUNTS} accounts linked`);
    await run.storm();
    await run.settle();
    good = await run.report();
} catch (e) {
    process.stdout.write(`chaos ended early: ${e.stack}\n`);
} finally {
    await run.close(good);
}
say(good ? 'good' : `NOT good; repeat it with ./wahub chaos ${minutes} `
    + `${seed}`);
process.exit(good ? 0 : 1);
