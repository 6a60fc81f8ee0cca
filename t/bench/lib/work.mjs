// The work that is measured, the same for every side.
import { median, pause, quiet } from './proc.mjs';

/** wahub forgets failures after 30 s of READY. */
const STABLE_MS = 31000;

/** Runs `work` and returns what it took: CPU seconds of every process. */
export async function cpuOf(side, work) {
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

export async function repeat(times, count, run) {
    const runs = [];
    for (let i = 0; i < times; i++) {
        runs.push(await run());
    }
    return perThousand(runs, count);
}

/** A contact with whom the first account has exchanged texts both ways. */
export async function acquaint(sim, side, name) {
    const contact = await sim.call('contact', name);
    await sim.call('text', { from: contact, to: side.accounts[0],
        text: 'hello' });
    await side.send({ to: contact, count: 1, width: 1 });
    await sim.call('waitReceived', contact, 1);
    await sim.call('text', { from: contact, to: side.accounts[0],
        text: 'hello again' });
    return contact;
}

/** What each part of `times` restarts took, as medians. */
export async function logins(side, times) {
    const runs = [];
    const sizes = [];
    for (let i = 0; i < times; i++) {
        runs.push(await side.restart());
        sizes.push(await side.memory());
    }
    const n = side.accounts.length;
    const mid = f => (f(runs[0], sizes[0]) === undefined ? undefined
        : median(runs.map((r, i) => f(r, sizes[i]))));
    return { n, perSecond: mid(r => n / r.seconds), ready: mid(r => r.ready),
        resident: mid((r, m) => m.main), pss: mid((r, m) => m.pss),
        main: mid(r => r.main / n),
        redis: mid(r => r.redis && r.redis / n) };
}

/** CPU ms of every process per account and minute, with nothing to do. */
export async function idle(side, seconds) {
    await quiet(side.pids);
    const before = side.cpu();
    const start = performance.now();
    await pause(seconds * 1000);
    const minutes = (performance.now() - start) / 60000;
    const after = side.cpu();
    return Object.fromEntries(Object.keys(after).map(k => [k,
        (after[k] - before[k]) * 1000 / side.accounts.length / minutes]));
}

/** All sockets cut at once, as a router that restarts does: what each account
 *  costs until the last one is back.  Each time after so long in peace that
 *  the first pause is the short one. */
export async function reconnects(sim, side, times) {
    const runs = [];
    const n = side.accounts.length;
    for (let i = 0; i < times; i++) {
        let gaps;
        await pause(STABLE_MS);
        const run = await cpuOf(side, async () => {
            const cut = await sim.call('cutAll', side.accounts);
            ({ gaps } = cut);
            return cut.ms;
        });
        runs.push({ ...run, gaps });
    }
    const mid = f => median(runs.map(f));
    return { n, perSecond: mid(r => n / r.ms * 1000),
        gap: mid(r => median(r.gaps)),
        worst: Math.max(...runs.flatMap(r => r.gaps)),
        main: mid(r => r.cpu.main / n),
        redis: runs[0].cpu.redis && mid(r => r.cpu.redis / n) };
}

/** The median of the runs' medians and the worst gap of all, in ms. */
export async function handovers(side, kind, times) {
    const runs = [];
    for (let i = 0; i < times; i++) {
        runs.push(await side.handover(kind));
    }
    return { median: median(runs.map(median)),
        worst: Math.max(...runs.flat()) };
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

/** Runs `run(n)`, first with a tenth; what Redis keeps of that tenth is
 *  what messages cost it. */
async function measured(side, times, count, run) {
    const few = Math.ceil(count / 10);
    const before = await side.redisKib?.();
    await run(few);
    const after = await side.redisKib?.();
    const result = await repeat(times, count, () => run(count));
    result.kept = after === undefined ? undefined
        : (after - before) / few * 1000;
    return result;
}

/** `count` texts in all, to the first `accounts` accounts. */
export async function receive(sim, side, { count, times, accounts = 1 }) {
    const from = await acquaint(sim, side, 'Sender');
    const to = side.accounts.slice(0, accounts);
    for (const one of to) {
        await sim.call('text', { from, to: one, text: 'hello' });
    }
    return measured(side, times, count, async n => {
        await sim.call('prepare', { from, to, count: n / accounts });
        return cpuOf(side, () => sim.call('release', to));
    });
}

/** `count` receipts of one contact, each of another text. */
export async function receipts(sim, side, { count, times }) {
    const from = await acquaint(sim, side, 'Reader');
    const to = side.accounts.slice(0, 1);
    await sim.call('text', { from, to: to[0], text: 'hello' });
    return measured(side, times, count, async n => {
        await sim.call('prepareReceipts', { from, to, count: n });
        return cpuOf(side, () => sim.call('release', to));
    });
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
    return measured(side, times, count, run);
}

export async function roundTrips(sim, side, { count, times, contacts }) {
    const list = [];
    for (let i = 0; i < contacts; i++) {
        list.push(await acquaint(sim, side, `Friend ${i}`));
    }
    await side.setEcho(true);
    const run = n => cpuOf(side, () => sim.call('roundTrips',
        { contacts: list, to: side.accounts[0], count: n }));
    const result = await measured(side, times, count, run);
    await side.setEcho(false);
    return result;
}

/** Texts that gathered while the account was away, from its return on. */
export async function offline(sim, side, { count, times, contacts }) {
    const from = [];
    for (let i = 0; i < contacts; i++) {
        from.push(await acquaint(sim, side, `Absent ${i}`));
    }
    const to = side.accounts[0];
    return measured(side, times, count, async n => {
        await side.leave();
        await sim.call('queue', { from, to, count: n });
        return cpuOf(side, async () => {
            const start = performance.now();
            await side.comeBack();
            await sim.call('drained', to);
            return performance.now() - start;
        });
    });
}

/** Texts to a group of `size` until every receipt was answered: the first,
 *  those that follow, and the first to further groups of the same people. */
export async function group(sim, side, { size, count, times, width }) {
    const to = side.accounts[0];
    let said = 0;
    const say = (room, n) => cpuOf(side, async () => {
        const start = performance.now();
        await side.send({ to: room.jid, count: n, width });
        said += n;
        await sim.call('heard', { ...room, to, count: said });
        return performance.now() - start;
    });
    const one = ({ ms, cpu }) => ({ ms, ...cpu });
    const room = await sim.call('room', to, size);
    const first = one(await say(room, 1));
    const texts = await repeat(times, count, () => say(room, count));
    const again = [];
    for (let i = 0; i < times; i++) {
        again.push(one(await say(await sim.call('room', to, size), 1)));
    }
    return { first, texts, again: Object.fromEntries(Object.keys(first)
        .map(k => [k, median(again.map(r => r[k]))])) };
}

/** Documents of `size` bytes each way, by MiB and by file. */
export async function media(sim, side, { size, count, times, width }) {
    const contact = await acquaint(sim, side, 'Archivist');
    const [to] = side.accounts;
    const both = runs => ({ mib: perThousand(runs, count * size / 2 ** 20),
        files: perThousand(runs, count) });
    const sent = [];
    const fetched = [];
    for (let i = 0; i < times; i++) {
        const files = await side.files(count, size);
        const had = await sim.call('uploads');
        sent.push(await cpuOf(side, async () => {
            const start = performance.now();
            await side.sendFiles({ to: contact, files, width });
            return performance.now() - start;
        }));
        const uploads = await sim.call('uploads') - had;
        if (uploads !== count) {
            throw new Error(`${side.name}: ${uploads} of ${count} uploaded`);
        }
        await sim.call('documents', { from: contact, to, count, size });
        const before = await side.fetched();
        fetched.push(await cpuOf(side, async () => {
            const start = performance.now();
            await sim.call('release', [to]);
            await side.waitFetched(before + count);
            return performance.now() - start;
        }));
    }
    return { sent: both(sent), received: both(fetched) };
}
