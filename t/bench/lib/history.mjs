// What taking in a phone's history costs: the rows alone
// (t/unit/bench_history.c, built and run), and the whole of it, from the
// phone's offer to the receipt.
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { peakKib, peakReset, quiet, residentKib } from './proc.mjs';
import { cpuOf } from './work.mjs';

const ROOT = resolve(import.meta.dirname, '../../..');

/** { sqlite, postgresql }: messages per second, and how far the memory grew
 *  meanwhile, in MiB. */
export function history(messages, say) {
    execFileSync('make', ['--no-print-directory', 'bench-history'],
        { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
    const out = JSON.parse(execFileSync(
        resolve(ROOT, 'build/lib/unit/bench_history'), [String(messages)],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
    const take = name => {
        const { per_second: rate, grown_kib: grown } = out[name];
        say(`rows of history into ${name}: ${rate} messages/s, `
            + `${(grown / 1024).toFixed(1)} MiB more`);
        return { rate, grown: grown / 1024 };
    };
    return { sqlite: take('sqlite'), postgresql: take('postgresql') };
}

/** `count` messages of the phone of the first account, in so many pieces:
 *  messages per second, CPU seconds per 1,000, growth in MiB, and with
 *  `loop` what the event loop was busy with at most, in ms. */
export async function takeIn(sim, side, { count, pieces, loop }) {
    await side.link(1, { history: true });
    const [to] = side.accounts;
    await sim.call('offerHistory', to, { count, pieces,
        inline: side.name === 'Baileys' });
    await quiet(side.pids);
    const before = residentKib(side.pid);
    peakReset(side.pid);
    loop?.begin(side.pid);
    const { ms, cpu } = await cpuOf(side, () => side.takeHistory(to, count));
    const each = Object.fromEntries(Object.entries(cpu).map(([k, v]) =>
        [k, v / count * 1000]));
    return { ...each, perSecond: count / ms * 1000,
        grown: (peakKib(side.pid) - before) / 1024,
        loopTime: loop?.read(side.pid) };
}
