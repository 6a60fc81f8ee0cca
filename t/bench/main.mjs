// Benchmarks: wahub beside Baileys, on the simulator, in one run.
//
//   ./wahub bench [PART...] [--quick] [--runs N] [--accounts N]
//                 [--minutes N] [--no-baileys] [--out FILE]
//                 [--profile]
//
// PART: idle (a thousand accounts: memory, logins, idle CPU, handovers), tls
// (the same over TLS 1.3), receive, crowd (received by 50 accounts), receipts,
// send, echo, offline (texts that waited while the account was away), group
// (texts to 256 and 1,024 members), media (documents both ways), project (an
// event log into the history database), history (of a phone, taken in, and
// how long the event loop is busy with it), appstate (patches both ways, a
// large snapshot), reconnect (500 accounts whose sockets are cut at once),
// soak (some minutes of everything; ends with 1 when memory or file
// descriptors grow).  Without PART: all.  Results are written to
// bench/results.md only when all was run; --out names another file.
// --profile tells where wahub's worker spends its CPU, by groups of symbols;
// it needs perf (Debian: linux-perf).
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BaileysSide, Bench, PARTS, WahubSide } from './lib/parts.mjs';
import { needPerf } from './lib/profile.mjs';
import { markdown, profiles, table } from './lib/report.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
const FULL = { runs: 3, minutes: 3, idleSeconds: 60, project: 50000,
    history: 100000, snapshot: 100000,
    accounts: { wahub: 1000, Baileys: 100 },
    reconnect: { wahub: 500, Baileys: 100 },
    files: { large: 8, small: 400 },
    wahub: { receive: 10000, crowd: 10000, receipts: 10000, send: 5000,
        echo: 2000, offline: 10000, appstate: { received: 5000, written: 1000 },
        group: { 256: 200, 1024: 50 } },
    Baileys: { receive: 5000, receipts: 5000, send: 2000, echo: 1000,
        offline: 5000, appstate: { received: 2000, written: 500 },
        group: { 256: 50, 1024: 20 } } };
const QUICK = { runs: 1, minutes: 1, idleSeconds: 20, project: 10000,
    history: 20000, snapshot: 20000,
    accounts: { wahub: 100, Baileys: 30 },
    reconnect: { wahub: 100, Baileys: 30 },
    files: { large: 4, small: 100 },
    wahub: { receive: 5000, crowd: 5000, receipts: 5000, send: 2000,
        echo: 1000, offline: 5000, appstate: { received: 1000, written: 200 },
        group: { 256: 40, 1024: 10 } },
    Baileys: { receive: 2000, receipts: 2000, send: 1000, echo: 500,
        offline: 2000, appstate: { received: 500, written: 100 },
        group: { 256: 10, 1024: 4 } } };

const { values: args, positionals } = parseArgs({ options: {
    quick: { type: 'boolean', default: false },
    runs: { type: 'string' },
    accounts: { type: 'string' },
    minutes: { type: 'string' },
    only: { type: 'string' },
    baileys: { type: 'boolean', default: true },
    out: { type: 'string' },
    profile: { type: 'boolean', default: false },
}, allowNegative: true, allowPositionals: true });

/** The plan of this call: numbers that are no numbers end it. */
function makePlan() {
    const plan = structuredClone(args.quick ? QUICK : FULL);
    const number = (name, text) => {
        const n = Number(text);
        if (!(n > 0)) {
            throw new Error(`--${name} ${text} is not a number`);
        }
        return n;
    };
    plan.runs = number('runs', args.runs ?? plan.runs);
    plan.minutes = number('minutes', args.minutes ?? plan.minutes);
    if (args.accounts !== undefined) {
        plan.accounts.wahub = number('accounts', args.accounts);
        for (const side of Object.keys(plan.reconnect)) {
            plan.reconnect[side] = Math.min(plan.reconnect[side],
                plan.accounts.wahub);
        }
    }
    return plan;
}

function chosenParts() {
    const chosen = [...positionals, ...(args.only?.split(',') ?? [])];
    const unknown = chosen.find(p => !PARTS.includes(p));
    if (unknown !== undefined) {
        throw new Error(`there is no part "${unknown}": ${PARTS.join(' ')}`);
    }
    return chosen.length === 0 ? PARTS : chosen;
}

function say(text) {
    process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

async function main() {
    const plan = makePlan();
    const parts = chosenParts();
    if (args.profile) {
        needPerf();
    }
    const started = Date.now();
    const load = [os.loadavg()[0]];
    const bench = new Bench({ plan, times: plan.runs, parts, say,
        profile: args.profile });
    const results = { wahub: await bench.measure(WahubSide) };
    if (args.baileys) {
        results.Baileys = await bench.measure(BaileysSide);
    }
    load.push(os.loadavg()[0]);
    const meta = { plan, load, quick: args.quick,
        seconds: Math.round((Date.now() - started) / 1000) };
    process.stdout.write(`${table(results)}\n`
        + `${profiles(results)}`);

    const whole = args.baileys && PARTS.every(p => parts.includes(p));
    if ((whole && !args.quick) || args.out !== undefined) {
        const file = resolve(args.out ?? `${ROOT}/bench/results.md`);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, markdown(results, meta));
        say(`written to ${file}`);
    }
    return results.wahub.soak?.ok === false ? 1 : 0;
}

try {
    process.exitCode = await main();
} catch (e) {
    process.stderr.write(`bench: ${e.stack}\n`);
    process.exitCode = 1;
}
