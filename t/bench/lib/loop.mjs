// How long the event loop of a server works between two looks at its sockets:
// t/bench/loop_time.c, built and loaded into it.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync,
    writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');
const STEP_MS = 0.01;
const HEAD = 3;

export class Loop {
    constructor() {
        execFileSync('make', ['--no-print-directory', 'bench-loop'],
            { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
        this.dir = mkdtempSync(join(tmpdir(), 'wahub-loop-'));
        // the workers are another user
        chmodSync(this.dir, 0o1777);
        this.env = { LOOP_TIME_DIR: this.dir,
            LD_PRELOAD: resolve(ROOT, 'build/lib/bench/loop_time.so') };
    }

    file(pid) {
        return join(this.dir, String(pid));
    }

    /** Forgets what was. */
    begin(pid) {
        const { length } = readFileSync(this.file(pid));
        writeFileSync(this.file(pid), Buffer.alloc(length), { flag: 'r+' });
    }

    /** Since then: turns, the longest and the 99th percentile of their CPU
     *  in ms, and the longest by the clock. */
    read(pid) {
        if (!existsSync(this.file(pid))) {
            throw new Error(`${pid} tells nothing of its loop`);
        }
        const bytes = readFileSync(this.file(pid));
        const n = Array.from({ length: bytes.length / 8 },
            (_, i) => Number(bytes.readBigUInt64LE(8 * i)));
        const [turns, cpu, clock] = n;
        let left = turns * 0.01;
        let at = n.length - 1;
        for (; at > HEAD && left >= n[at]; at--) {
            left -= n[at];
        }
        return { turns, longest: cpu / 1e6, clock: clock / 1e6,
            p99: (at - HEAD + 1) * STEP_MS };
    }

    close() {
        rmSync(this.dir, { recursive: true, force: true });
    }
}
