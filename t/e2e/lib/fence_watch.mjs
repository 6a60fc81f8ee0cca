// Watches every script that Redis runs (MONITOR) and notes those that write
// records or the log of a shard under an epoch that is over.
import { Link } from '../../chaos/redis.mjs';

const WRITES = new Set(['hset', 'hdel', 'del', 'xadd', 'sadd', 'srem',
    'expireat', 'publish']);
const ARGS = 24; // enough for the keys and the fence

function words(line) {
    const out = [];
    for (const m of line.matchAll(/"((?:[^"\\]|\\.)*)"/g)) {
        out.push(m[1]);
        if (out.length > ARGS) {
            break;
        }
    }
    return out;
}

export class FenceWatch {
    constructor(socket) {
        this.link = new Link(socket);
        this.epochs = new Map(); // shard -> newest epoch
        this.stale = [];
        this.writes = 0;
        this.refused = 0;
        this.current = undefined;
    }

    async start() {
        await new Promise((done, reject) => {
            this.link.once('reply', done);
            this.link.once('close', () => reject(new Error('no Redis')));
            this.link.send('MONITOR');
        });
        this.link.on('reply', line => this.onLine(line));
        return this;
    }

    onLine(line) {
        const from = /^[\d.]+ \[\d+ ([^\]]*)\]/.exec(line)?.[1];
        const [command, ...args] = words(line);
        if (from !== 'lua') {
            this.finish();
            this.script(from, command.toLowerCase(), args);
            return;
        }
        const [key, value] = args;
        const shard = /\{s(\d+)\}/.exec(key)?.[1];
        const lease = /:lease$/.test(key) && command.toLowerCase() === 'set'
            && /:(\d+)$/.exec(value);
        if (lease) {
            this.epochs.set(shard, Math.max(Number(lease[1]),
                this.epochs.get(shard) ?? 0));
        } else if (this.current !== undefined
            && WRITES.has(command.toLowerCase())) {
            this.current.wrote = true;
        }
    }

    /** A commit: its first key is the lease, its first value the fence. */
    script(from, command, args) {
        const keys = Number(args[1]);
        const fence = /^.*:(\d+)$/.exec(args[2 + keys] ?? '');
        const shard = /\{s(\d+)\}:lease$/.exec(args[2] ?? '')?.[1];
        if (!['eval', 'evalsha'].includes(command) || shard === undefined
            || fence === null || !args.some(a => /:log$/.test(a))) {
            return;
        }
        this.current = { from, shard, epoch: Number(fence[1]),
            newest: this.epochs.get(shard) ?? 0, wrote: false };
    }

    /** The script before is over. */
    finish() {
        const c = this.current;
        this.current = undefined;
        if (c === undefined) {
            return;
        }
        if (!c.wrote) {
            this.refused++;
            return;
        }
        this.writes++;
        if (c.epoch < c.newest) {
            this.stale.push(c);
        }
        this.epochs.set(c.shard, Math.max(c.epoch, c.newest));
    }

    close() {
        this.link.socket.destroy();
    }
}
