// What the kernel says about a process.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** CPU seconds, user and system, of all threads that live, so far. */
export function cpuSeconds(pid) {
    const dir = `/proc/${pid}/task`;
    return readdirSync(dir).reduce((sum, tid) => sum + Number(readFileSync(
        `${dir}/${tid}/schedstat`, 'utf8').split(' ')[0]), 0) / 1e9;
}

/** The same of the first thread alone: that of the event loop, in nginx as
 *  in node. */
export function loopSeconds(pid) {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8')
        .split(' ')[0]) / 1e9;
}

/** Resident memory in KiB. */
export function residentKib(pid) {
    const line = /^VmRSS:\s*(\d+) kB/m.exec(
        readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(line[1]);
}

/** The most that was resident since peakReset(), in KiB. */
export function peakKib(pid) {
    return Number(/^VmHWM:\s*(\d+) kB/m.exec(
        readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

export function peakReset(pid) {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Resident memory in KiB, shared pages counted by share. */
export function proportionalKib(pid) {
    const line = /^Pss:\s*(\d+) kB/m.exec(
        readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return Number(line[1]);
}

export function openFiles(pid) {
    return readdirSync(`/proc/${pid}/fd`).length;
}

/** Least-squares slope of [x, y] points. */
export function slope(points) {
    const mean = i => points.reduce((sum, p) => sum + p[i], 0)
        / points.length;
    const [mx, my] = [mean(0), mean(1)];
    const over = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
    return over / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
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
