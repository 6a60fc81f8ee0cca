// The work that is measured, the same for every side.
import { median, quiet } from './proc.mjs';

/** Runs `work` and returns what it took: CPU seconds of every process. */
async function cpuOf(side, work) {
    await quiet(side.pids);
    const before = side.cpu();
    const ms = await work();
    await quiet(side.pids);
    const after = side.cpu();
    return { ms, cpu: Object.fromEntries(Object.keys(after).map(k =>
        [k, after[k] - before[k]])) };
}

function perThousand(runs, count) {
    const out = { perSecond: median(runs.map(r => count / r.ms * 1000)) };
    for (const k of Object.keys(runs[0].cpu)) {
        out[k] = median(runs.map(r => r.cpu[k] / count * 1000));
    }
    return out;
}

async function repeat(times, count, run) {
    const runs = [];
    for (let i = 0; i < times; i++) {
        runs.push(await run());
    }
    return perThousand(runs, count);
}

/** A contact with whom the first account has exchanged texts both ways. */
async function acquaint(sim, side, name) {
    const contact = await sim.call('contact', name);
    await sim.call('text', { from: contact, to: side.accounts[0],
        text: 'hello' });
    await side.send({ to: contact, count: 1, width: 1 });
    await sim.call('waitReceived', contact, 1);
    await sim.call('text', { from: contact, to: side.accounts[0],
        text: 'hello again' });
    return contact;
}

/** Memory with each number of accounts, as it is after linking them. */
export async function memory(side, steps, say) {
    const out = [];
    for (const n of steps) {
        await side.link(n);
        const m = await side.memory();
        out.push({ n, ...m });
        say(`${side.name}: ${n} linked, ${m.main} KiB`);
    }
    return out;
}

export async function logins(side, times) {
    const runs = [];
    const sizes = [];
    for (let i = 0; i < times; i++) {
        runs.push(await side.restart());
        sizes.push((await side.memory()).main);
    }
    const n = side.accounts.length;
    const out = { n, perSecond: median(runs.map(r => n / r.seconds)),
        resident: median(sizes), main: median(runs.map(r => r.main / n)) };
    if (runs[0].redis !== undefined) {
        out.redis = median(runs.map(r => r.redis / n));
    }
    return out;
}

export async function receive(sim, side, { count, times }) {
    const from = await acquaint(sim, side, 'Sender');
    const to = side.accounts[0];
    const run = async n => {
        await sim.call('prepare', { from, to, count: n });
        return cpuOf(side, () => sim.call('release', to));
    };
    await run(Math.ceil(count / 10));
    return repeat(times, count, () => run(count));
}

export async function send(sim, side, { count, times, width }) {
    const to = await acquaint(sim, side, 'Receiver');
    const run = n => cpuOf(side, async () => {
        const had = await sim.call('received', to);
        const start = performance.now();
        await side.send({ to, count: n, width });
        await sim.call('waitReceived', to, had + n);
        return performance.now() - start;
    });
    await run(Math.ceil(count / 10));
    return repeat(times, count, () => run(count));
}

export async function roundTrips(sim, side, { count, times, contacts }) {
    const list = [];
    for (let i = 0; i < contacts; i++) {
        list.push(await acquaint(sim, side, `Friend ${i}`));
    }
    await side.setEcho(true);
    const run = n => cpuOf(side, () => sim.call('roundTrips',
        { contacts: list, to: side.accounts[0], count: n }));
    await run(Math.ceil(count / 10));
    const result = await repeat(times, count, () => run(count));
    await side.setEcho(false);
    return result;
}
