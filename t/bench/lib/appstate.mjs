// App state: patches of the phone that are fetched, and changes of ours; of
// wahub also how long a large snapshot keeps the event loop, from
// t/unit/bench_appstate.c, built and run.
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { acquaint, cpuOf, repeat } from './work.mjs';

const ROOT = resolve(import.meta.dirname, '../../..');

/** { received, written }, each as work.mjs has it. */
export async function appstate(sim, side, { received, written, times }) {
    const chat = await acquaint(sim, side, 'Stated');
    const to = side.accounts[0];
    const out = {};
    await sim.call('patches', { to, count: 10 });
    out.received = await repeat(times, received, () => cpuOf(side, () =>
        sim.call('patches', { to, count: received })));
    await side.change({ chat, count: 10 });
    out.written = await repeat(times, written, () => cpuOf(side, async () => {
        const start = performance.now();
        await side.change({ chat, count: written });
        return performance.now() - start;
    }));
    return out;
}

/** Of `records`: the longest time that one call of the engine took, in ms,
 *  and records per CPU second. */
export function snapshot(records, say) {
    execFileSync('make', ['-j2', '--no-print-directory', 'bench-appstate'],
        { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
    const { snapshot: s, file } = JSON.parse(execFileSync(
        resolve(ROOT, 'build/lib/unit/bench_appstate'), [String(records)],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
    const out = { records, longest: Math.max(s.longest, file.longest),
        p99: Math.max(s.p99, file.p99), rate: records / s.seconds };
    say(`wahub: app state of ${records}: ${out.rate.toFixed(0)}/s, longest `
        + `${out.longest} ms`);
    return out;
}
