// The little Redis that the audit needs: commands on a unix socket, and a
// subscriber that knows when it could not hear.
import { EventEmitter } from 'node:events';
import { connect } from 'node:net';

const RETRY_MS = 50;
const PING_MS = 100;

/** Takes one RESP2 reply from `buf` at `at`: [value, end] or undefined. */
function take(buf, at) {
    const eol = buf.indexOf('\r\n', at);
    if (eol < 0) {
        return undefined;
    }
    const head = buf.toString('latin1', at + 1, eol);
    switch (String.fromCharCode(buf[at])) {
    case '+':
        return [head, eol + 2];
    case '-':
        return [new Error(head), eol + 2];
    case ':':
        return [Number(head), eol + 2];
    case '$': {
        const end = eol + 2 + Number(head);
        if (head === '-1') {
            return [null, eol + 2];
        }
        return buf.length < end + 2 ? undefined
            : [buf.toString('utf8', eol + 2, end), end + 2];
    }
    case '*': {
        const list = [];
        let next = eol + 2;
        for (let i = 0; i < Number(head); i++) {
            const item = take(buf, next);
            if (item === undefined) {
                return undefined;
            }
            list.push(item[0]);
            next = item[1];
        }
        return [list, next];
    }
    default:
        throw new Error('not a Redis reply');
    }
}

/** One connection; "reply" with each value, "close" once. */
export class Link extends EventEmitter {
    constructor(path) {
        super();
        this.input = Buffer.alloc(0);
        this.socket = connect(path);
        this.socket.on('data', d => this.onData(d));
        this.socket.on('error', () => {});
        this.socket.on('close', () => this.emit('close'));
    }

    onData(data) {
        this.input = Buffer.concat([this.input, data]);
        let at = 0;
        for (;;) {
            const got = at < this.input.length
                ? take(this.input, at) : undefined;
            if (got === undefined) {
                break;
            }
            at = got[1];
            this.emit('reply', got[0]);
        }
        this.input = this.input.subarray(at);
    }

    send(...args) {
        this.socket.write(`*${args.length}\r\n` + args.map(a =>
            `$${Buffer.byteLength(String(a))}\r\n${a}\r\n`).join(''));
    }
}

/** Runs commands on a connection of their own; resolves with the replies. */
export function redis(path, commands) {
    return new Promise((resolve, reject) => {
        const link = new Link(path);
        const replies = [];
        link.on('reply', r => {
            replies.push(r);
            if (replies.length === commands.length) {
                link.socket.end();
                resolve(replies);
            }
        });
        link.on('close', () => reject(new Error('Redis hung up')));
        commands.forEach(c => link.send(...c));
    });
}

/** The event log of every shard: [{ id, ...event }], in order by shard. */
export async function readLogs(path, prefix = 'wahub') {
    const keys = [];
    let cursor = '0';
    do {
        const [[next, list]] = await redis(path, [['SCAN', cursor, 'MATCH',
            `${prefix}:{s*}:log`, 'COUNT', 1000]]);
        cursor = next;
        keys.push(...list);
    } while (cursor !== '0');
    const out = [];
    for (const key of keys) {
        const shard = /\{s(\d+)\}/.exec(key)[1];
        const [entries] = await redis(path, [['XRANGE', key, '-', '+']]);
        out.push(...entries.map(([id, fields]) => ({
            ...JSON.parse(fields[1]), id: `${id}-${shard}` })));
    }
    return out;
}

/** Hears every event until close(); `gaps` are the times [from, to] in
 *  which it may have missed some because Redis was gone. */
export class Subscriber extends EventEmitter {
    constructor(path, prefix = 'wahub') {
        super();
        this.path = path;
        this.pattern = `${prefix}:events:*`;
        this.all = [];
        this.gaps = [];
        this.from = 0;
        this.open();
        this.ready = new Promise(r => this.once('ready', r));
        this.timer = setInterval(() => this.ping(), PING_MS);
    }

    open() {
        this.link = new Link(this.path);
        this.asked = 0;
        this.link.on('reply', r => this.onReply(r));
        this.link.on('close', () => !this.ended
            && setTimeout(() => !this.ended && this.open(), RETRY_MS));
        this.link.send('PSUBSCRIBE', this.pattern);
    }

    // what was published before a ping that was answered has been heard
    ping() {
        if (this.asked === 0 && this.subscribed === this.link) {
            this.asked = Date.now();
            this.link.send('PING');
        }
    }

    onReply(r) {
        if (!Array.isArray(r)) {
            // -LOADING: soon it will do
            this.asked = 0;
            return;
        }
        switch (r[0]) {
        case 'psubscribe':
            this.gaps.push([this.from, Date.now()]);
            this.from = Date.now();
            this.subscribed = this.link;
            this.emit('ready');
            return;
        case 'pong':
            this.from = this.asked;
            this.asked = 0;
            return;
        case 'pmessage':
            this.all.push({ ...JSON.parse(r[3]), channel: r[2] });
            break;
        default:
        }
    }

    /** True when an event of this time may have gone unheard. */
    missed(ms) {
        return this.gaps.some(([from, to]) => ms >= from - 1 && ms <= to + 1);
    }

    /** Resolves when everything published so far has been heard. */
    async caughtUp() {
        const now = Date.now();
        while (this.from <= now) {
            await new Promise(r => setTimeout(r, PING_MS));
        }
    }

    close() {
        this.ended = true;
        clearInterval(this.timer);
        this.link.socket.destroy();
    }
}
