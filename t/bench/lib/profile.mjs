// Where the worker's CPU goes, by perf: a recording around one part.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Starts recording; returns a function that ends it. */
export function profile(pid, dir, part) {
    mkdirSync(dir, { recursive: true });
    const child = spawn('perf', ['record', '-q', '-F', '999', '-p',
        String(pid), '-o', join(dir, `${part}.data`)],
    { stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(child, 'exit');
    return async () => {
        child.kill('SIGINT');
        await ended;
    };
}
