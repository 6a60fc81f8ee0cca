// What the kernel says about a process.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const TICKS = Number(execFileSync('getconf', ['CLK_TCK'],
    { encoding: 'utf8' }));

/** CPU seconds, user and system, of all threads so far. */
export function cpuSeconds(pid) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Resident memory in KiB. */
export function residentKib(pid) {
    const line = /^VmRSS:\s*(\d+) kB/m.exec(
        readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(line[1]);
}

export function median(list) {
    const s = [...list].sort((a, b) => a - b);
    const mid = s.length >> 1;
    return s.length % 2 === 1 ? s[mid] : (s[mid - 1] + s[mid]) / 2;
}

export function pause(ms) {
    return new Promise(r => setTimeout(r, ms));
}

/** Waits until the processes use no CPU worth speaking of: less than 10 ms
 *  in half a second each. Gives up silently after `limitMs`. */
export async function quiet(pids, limitMs = 15000) {
    const end = Date.now() + limitMs;
    let before = pids.map(cpuSeconds);
    for (;;) {
        await pause(500);
        const now = pids.map(cpuSeconds);
        if (now.every((v, i) => v - before[i] <= 0.011)
            || Date.now() > end) {
            return;
        }
        before = now;
    }
}
