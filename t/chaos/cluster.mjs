// The wahubs under test, and what can happen to their processes. A second
// instance shares the first one's Redis; it comes and goes.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { until, Wahub } from '../e2e/lib/wahub.mjs';

const GONE_MS = 20000;

function gone(pid) {
    try {
        return readFileSync(`/proc/${pid}/stat`, 'utf8')
            .split(') ')[1][0] === 'Z';
    } catch {
        return true;
    }
}

function kill(pids, signal = 'SIGKILL') {
    for (const pid of pids) {
        try {
            process.kill(pid, signal);
        } catch (e) {
            if (e.code !== 'ESRCH') {
                throw e;
            }
        }
    }
}

async function killed(pids) {
    kill(pids);
    await until(`the end of ${pids}`, () => pids.every(gone), GONE_MS);
}

export class Cluster {
    constructor(options) {
        this.options = options;
        this.a = new Wahub(options);
        this.running = new Set();
        this.downtime = 0;
        this.replaced = new Map(); // instance -> its old master
    }

    async start() {
        await this.a.start();
        this.running.add(this.a);
        return this;
    }

    /** Nobody needs redis-cli's view of the events any more. */
    static unhear(w) {
        w.events?.close();
        w.events = undefined;
    }

    get list() {
        return [...this.running];
    }

    /** Master and workers; waits while they change. */
    pids(w) {
        return until('a running nginx', () => {
            try {
                const p = w.pids();
                return p.workers.every(x => x > 0) && p;
            } catch {
                return undefined;
            }
        });
    }

    async run(w) {
        await w.script('run');
        this.running.add(w);
    }

    async workers(w, which) {
        const { workers } = await this.pids(w);
        return which === undefined ? workers
            : [workers[which % workers.length]];
    }

    async killWorkers(w, which) {
        await killed(await this.workers(w, which));
    }

    async crash(w) {
        const { master, workers } = await this.pids(w);
        this.running.delete(w);
        // the master first: it would start others
        kill([master]);
        await killed([master, ...workers]);
    }

    /** The master dies, its workers live on for a while. */
    async orphan(w, ms) {
        const { master, workers } = await this.pids(w);
        await killed([master]);
        await pause(ms);
        this.running.delete(w);
        await killed(workers);
        await this.run(w);
    }

    async upgrade(w) {
        // nginx takes no second upgrade before the old master is gone, which
        // waits for the requests of its workers
        await until('the end of the master before', () =>
            gone(this.replaced.get(w)), 60000);
        const { master } = await this.pids(w);
        kill([master], 'SIGUSR2');
        await until('a new master', () => {
            try {
                const pid = Number(readFileSync(join(w.data, 'nginx.pid'),
                    'utf8'));
                return pid > 0 && pid !== master;
            } catch {
                return undefined;
            }
        });
        kill([master], 'SIGQUIT');
        this.replaced.set(w, master);
    }

    async sleep(w, which, ms) {
        const pids = await this.workers(w, which);
        kill(pids, 'SIGSTOP');
        await pause(ms);
        kill(pids, 'SIGCONT');
    }

    async killRedis() {
        await killed([this.a.redisPid()]);
    }

    async restartRedis(ms) {
        await this.killRedis();
        await pause(ms);
        await this.run(this.a);
    }

    async join() {
        if (this.b === undefined) {
            this.b = new Wahub({ ...this.options, mate: this.a });
            await this.b.start();
            Cluster.unhear(this.b);
            this.running.add(this.b);
        } else {
            await this.run(this.b);
        }
    }

    async leave(w) {
        this.running.delete(w);
        await w.script('stop');
    }

    /** Everything runs again. */
    async heal() {
        for (const w of [this.a, this.b]) {
            if (w !== undefined && this.running.has(w)) {
                kill((await this.pids(w)).workers, 'SIGCONT');
            }
        }
        await this.run(this.a);
    }

    /** Kills what still runs out of our directories, whatever happened. */
    sweep() {
        const dirs = [this.a, this.b].filter(w => w !== undefined)
            .map(w => `${w.data}/`);
        for (const pid of readdirSync('/proc').filter(n => /^\d+$/.test(n))) {
            try {
                const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
                if (Number(pid) !== process.pid
                    && dirs.some(d => line.includes(d))) {
                    process.kill(Number(pid), 'SIGKILL');
                }
            } catch {
                // it has ended meanwhile
            }
        }
    }

    async close(options) {
        try {
            for (const w of [this.b, this.a]) {
                await w?.close(options);
            }
        } finally {
            this.sweep();
        }
    }
}

/** What may happen: { weight, draw(rng) -> parameters, run(c, parameters) }.
 *  `w` picks an instance that runs. */
const which = rng => ({ w: rng.int(0, 1), n: rng.int(0, 7) });
const one = (c, p) => c.list[p.w % c.list.length];

export const PROCESS_FAULTS = {
    'kill a worker': { weight: 5, draw: which,
        run: (c, p) => c.killWorkers(one(c, p), p.n) },
    'kill all workers': { weight: 2, draw: which,
        run: (c, p) => c.killWorkers(one(c, p)) },
    'kill nginx, start': { weight: 2,
        draw: rng => ({ ms: rng.int(0, 2000) }),
        run: async (c, p) => {
            await c.crash(c.a);
            await pause(p.ms);
            await c.run(c.a);
        } },
    'kill the master, then its workers, start': { weight: 1,
        draw: rng => ({ ms: rng.int(0, 3000) }),
        run: (c, p) => c.orphan(c.a, p.ms) },
    reload: { weight: 5, draw: which,
        run: (c, p) => one(c, p).script('reload') },
    'reload, kill a worker': { weight: 2,
        draw: rng => ({ ...which(rng), ms: rng.int(0, 400) }),
        run: async (c, p) => {
            const w = one(c, p);
            await w.script('reload');
            await pause(p.ms);
            await c.killWorkers(w, p.n);
        } },
    upgrade: { weight: 3, draw: which,
        run: (c, p) => c.upgrade(one(c, p)) },
    'kill Redis, start': { weight: 4,
        draw: rng => ({ ms: rng.chance(0.5) ? 0 : rng.int(0, 6000) }),
        run: (c, p) => c.restartRedis(p.ms) },
    'kill nginx and Redis, start': { weight: 1,
        draw: rng => ({ ms: rng.int(0, 1000) }),
        run: async (c, p) => {
            const redis = c.killRedis();
            await c.crash(c.a);
            await redis;
            await pause(p.ms);
            await c.run(c.a);
        } },
    'a worker sleeps': { weight: 3,
        draw: rng => ({ ...which(rng), ms: rng.int(500, 7000) }),
        run: (c, p) => c.sleep(one(c, p), p.n, p.ms) },
    'second instance comes or goes': { weight: 6,
        draw: rng => ({ how: rng.pick(['kill', 'kill', 'stop']) }),
        run: async (c, p) => {
            if (!c.running.has(c.b)) {
                await c.join();
            } else if (p.how === 'kill') {
                await c.crash(c.b);
            } else {
                await c.leave(c.b);
            }
        } },
    'stop, start': { weight: 1,
        draw: rng => ({ ms: rng.int(0, 1000) }),
        run: async (c, p) => {
            await c.leave(c.a);
            await pause(p.ms);
            await c.run(c.a);
        } },
};
