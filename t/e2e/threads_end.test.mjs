// A worker's threads are gone before its process ends: what libraries keep
// for each thread must not meet the end of the libraries themselves.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';
import { resolve } from 'node:path';
import { Stage } from './lib/stage.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
const SHIM = 'build/lib/e2e/thread_end.so';

it('waits for threads that are slow to end', async () => {
    execFileSync('make', ['--no-print-directory', SHIM],
        { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
    const s = await Stage.start({ env: { LD_PRELOAD: resolve(ROOT, SHIM) } });
    try {
        await s.me('me');
        const { workers } = s.w.pids();
        await s.w.stop();
        for (const pid of workers) {
            assert.match(s.w.log(), new RegExp(`^exit of ${pid} with 0 `,
                'm'));
        }
    } finally {
        await s.close();
    }
});
