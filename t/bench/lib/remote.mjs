// A part of the benchmark in a process of its own, so that its CPU and memory
// are not counted with anybody else's: methods called over node's IPC.
import { fork } from 'node:child_process';
import { once } from 'node:events';

const END_MS = 10000;

export class Remote {
    constructor(file, options = {}) {
        this.child = fork(file, [], { execArgv: ['--expose-gc'],
            stdio: ['ignore', 'inherit', 'inherit', 'ipc'], ...options });
        this.pid = this.child.pid;
        this.calls = new Map();
        this.next = 0;
        this.child.on('message', m => this.settle(m));
        this.child.on('exit', code => this.gone(code));
    }

    settle({ id, error, value }) {
        const call = this.calls.get(id);
        this.calls.delete(id);
        if (error === undefined) {
            call?.resolve(value);
        } else {
            call?.reject(new Error(error));
        }
    }

    gone(code) {
        for (const { reject } of this.calls.values()) {
            reject(new Error(`the process ended (${code})`));
        }
        this.calls.clear();
    }

    call(name, ...args) {
        const id = this.next++;
        return new Promise((resolve, reject) => {
            this.calls.set(id, { resolve, reject });
            this.child.send({ id, name, args });
        });
    }

    /** Ends the process; it has a moment to remove its files. */
    async close() {
        if (this.child.exitCode === null && this.child.signalCode === null) {
            const gone = once(this.child, 'exit');
            const late = setTimeout(() => this.child.kill('SIGKILL'), END_MS);
            if (this.child.connected) {
                this.child.disconnect();
            }
            await gone;
            clearTimeout(late);
        }
    }
}

/** The other end: answers calls with the methods of `api`. */
export function serve(api) {
    process.on('message', async ({ id, name, args }) => {
        try {
            process.send({ id, value: await api[name](...args) });
        } catch (e) {
            process.send({ id, error: e.stack });
        }
    });
    process.on('disconnect', () => process.exit(0));
}

/** Runs `work(i)` for i in 0..count-1, at most `width` at a time. */
export async function parallel(count, width, work) {
    let next = 0;
    const lane = async () => {
        while (next < count) {
            await work(next++);
        }
    };
    await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}
