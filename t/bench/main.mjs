// Benchmarks: wahub beside Baileys, on the simulator, in one run.
//
//   ./wahub bench [--quick] [--runs N] [--only PART,...] [--no-baileys]
//                 [--accounts N] [--out FILE] [--profile DIR]
//
// PART: idle (memory and logins), receive, send, echo. Results are written
// to bench/results.md only when everything was run; --out names another
// file. --profile records wahub's worker with perf, one file for each part.
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BaileysSide } from './lib/baileys_side.mjs';
import { profile } from './lib/profile.mjs';
import { Remote } from './lib/remote.mjs';
import { markdown, table } from './lib/report.mjs';
import { WahubSide } from './lib/wahub_side.mjs';
import * as work from './lib/work.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
const SIM = resolve(import.meta.dirname, 'lib/sim_process.mjs');
const PARTS = ['idle', 'receive', 'send', 'echo'];
const WIDTH = 16;
const CONTACTS = 16;
const FULL = { runs: 3, accounts: { wahub: 500, Baileys: 100 },
    wahub: { receive: 10000, send: 5000, echo: 2000 },
    Baileys: { receive: 5000, send: 2000, echo: 1000 } };
const QUICK = { runs: 1, accounts: { wahub: 100, Baileys: 30 },
    wahub: { receive: 5000, send: 2000, echo: 1000 },
    Baileys: { receive: 2000, send: 1000, echo: 500 } };

const { values: args } = parseArgs({ options: {
    quick: { type: 'boolean', default: false },
    runs: { type: 'string' },
    only: { type: 'string', default: PARTS.join(',') },
    baileys: { type: 'boolean', default: true },
    accounts: { type: 'string' },
    out: { type: 'string' },
    profile: { type: 'string' },
}, allowNegative: true });
const plan = args.quick ? QUICK : FULL;
const parts = args.only.split(',');
const times = Number(args.runs ?? plan.runs);

function say(text) {
    process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

/** 1, 10, 100 ... up to and with `most`. */
function steps(most) {
    const out = [];
    for (let n = 1; n < most; n *= 10) {
        out.push(n);
    }
    return [...out, most];
}

async function idle(side) {
    const most = Number(args.accounts ?? plan.accounts[side.name]);
    const [one] = await work.memory(side, [1], say);
    const restarted = await work.logins(side, 1);
    const linked = await work.memory(side, steps(most).slice(1), say);
    const login = await work.logins(side, times);
    say(`${side.name}: ${login.perSecond.toFixed(0)} logins/s`);
    return { one, restarted, linked, login };
}

const WORK = {
    receive: (sim, side, count) => work.receive(sim, side, { count, times }),
    send: (sim, side, count) => work.send(sim, side,
        { count, times, width: WIDTH }),
    echo: (sim, side, count) => work.roundTrips(sim, side,
        { count, times, contacts: CONTACTS }),
};

/** Starts a side, runs `body`, ends it; what the simulator held against it
 *  makes the numbers worthless. */
async function withSide(Side, body) {
    const sim = new Remote(SIM);
    let side;
    try {
        side = new Side(sim, await sim.call('start'));
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

async function traffic(sim, side, out) {
    await side.link(1);
    for (const part of parts.filter(p => WORK[p] !== undefined)) {
        const recorder = args.profile !== undefined && side.name === 'wahub'
            ? profile(side.pid, resolve(args.profile), part) : undefined;
        out[part] = await WORK[part](sim, side, plan[side.name][part]);
        await recorder?.();
        say(`${side.name}: ${part} ${out[part].perSecond.toFixed(0)}/s, `
            + `${out[part].main.toFixed(3)} CPU s per 1,000`);
    }
    out.after = (await side.memory()).main;
}

async function measure(Side) {
    const out = { parts: {} };
    if (parts.includes('idle')) {
        out.idle = await withSide(Side, (sim, side) => idle(side));
    }
    if (parts.some(p => WORK[p] !== undefined)) {
        await withSide(Side, (sim, side) => traffic(sim, side, out.parts));
    }
    return out;
}

const started = Date.now();
const load = [os.loadavg()[0]];
const results = { wahub: await measure(WahubSide) };
if (args.baileys) {
    results.Baileys = await measure(BaileysSide);
}
load.push(os.loadavg()[0]);
const meta = { plan, times, load, quick: args.quick, width: WIDTH,
    contacts: CONTACTS,
    seconds: Math.round((Date.now() - started) / 1000) };
process.stdout.write(`${table(results)}\n`);

const whole = args.baileys && PARTS.every(p => parts.includes(p));
if (whole || args.out !== undefined) {
    const file = resolve(args.out ?? `${ROOT}/bench/results.md`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, markdown(results, meta));
    say(`written to ${file}`);
}
