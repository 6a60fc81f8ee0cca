// The projection's rate: t/unit/bench_project.c, built and run.
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

/** Events a transaction. */
export const BATCH = 500;

const median = list => list.toSorted((a, b) => a - b)[list.length >> 1];

/** Medians of `times` runs, events per second for each backend. */
export function project(events, times, say) {
    execFileSync('make', ['--no-print-directory', 'bench-project'],
        { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
    const rates = JSON.parse(execFileSync(
        resolve(ROOT, 'build/lib/unit/bench_project'),
        [String(events), String(BATCH), String(times)],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
    for (const [name, list] of Object.entries(rates)) {
        say(`projection into ${name}: ${list.join(', ')} events/s`);
    }
    return { sqlite: median(rates.sqlite),
        postgresql: median(rates.postgresql) };
}
