// A bad network between wahub and the simulator: a TCP proxy whose links can
// be slow, lossy, or dead without anybody being told. What TCP makes of a
// lost packet is what an application sees of it: everything behind it comes
// late, by the time until it is sent again.
import { EventEmitter, once } from 'node:events';
import { connect, createServer } from 'node:net';

const PACKET = 1460;
const BACKLOG = 1 << 20;

/** Mulberry32: the same seed makes the same weather. */
function random(seed) {
    let a = seed;
    return () => {
        a = (a + 0x6d2b79f5) | 0;
        let t = Math.imul(a ^ (a >>> 15), 1 | a);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

/** One direction of a link. */
class Way {
    constructor(link, from, to) {
        this.link = link;
        this.from = from;
        this.to = to;
        this.queue = [];
        this.queued = 0;
        this.last = 0;
        this.stalled = false;
        from.on('data', d => this.take(d));
        from.on('end', () => this.link.close());
        from.on('error', () => this.link.close());
        from.on('close', () => this.link.close());
    }

    take(data) {
        const { delayMs, loss, againMs } = this.link.weather;
        for (let i = 0; i < data.length; i += PACKET) {
            // links in fine weather do not draw: the others' is the same
            // however much passes beside them
            const lost = loss > 0 && this.link.proxy.random() < loss;
            this.link.proxy.packets++;
            this.link.proxy.lost += lost ? 1 : 0;
            this.last = Math.max(this.last, Date.now() + delayMs
                + (lost ? againMs : 0));
            this.queue.push({ at: this.last,
                data: data.subarray(i, i + PACKET) });
        }
        this.queued += data.length;
        if (this.stalled) {
            this.link.held.emit('packet', this);
        }
        if (this.queued > BACKLOG) {
            this.from.pause();
        }
        this.run();
    }

    run() {
        clearTimeout(this.timer);
        while (!this.stalled && this.queue.length > 0) {
            const wait = this.queue[0].at - Date.now();
            if (wait > 0) {
                this.timer = setTimeout(() => this.run(), wait);
                return;
            }
            const { data } = this.queue.shift();
            this.queued -= data.length;
            this.to.write(data);
        }
        if (this.queued <= BACKLOG) {
            this.from.resume();
        }
    }
}

class Link {
    constructor(proxy, client) {
        this.proxy = proxy;
        this.weather = { ...proxy.weather };
        this.held = new EventEmitter();
        this.client = client;
        this.server = connect(proxy.target, '127.0.0.1');
        this.up = new Way(this, client, this.server);
        this.down = new Way(this, this.server, client);
        client.setNoDelay(true);
        this.server.setNoDelay(true);
    }

    /** Nothing passes any more, and no end is seen: 'up', 'down' or both. */
    stall(...ways) {
        for (const way of ways.length > 0 ? ways : ['up', 'down']) {
            this[way].stalled = true;
        }
    }

    /** What was held up goes on. */
    resume() {
        for (const way of [this.up, this.down]) {
            way.stalled = false;
            way.run();
        }
    }

    close() {
        clearTimeout(this.up?.timer);
        clearTimeout(this.down?.timer);
        this.client.destroy();
        this.server.destroy();
        this.proxy.links.delete(this);
    }
}

export class WeatherProxy {
    constructor(target, seed = 1) {
        this.target = target;
        this.random = random(seed);
        this.links = new Set();
        this.packets = 0;
        this.lost = 0;
        this.clear();
    }

    async listen() {
        this.tcp = createServer(c => this.links.add(new Link(this, c)));
        this.tcp.listen(0, '127.0.0.1');
        await once(this.tcp, 'listening');
        this.url = `ws://127.0.0.1:${this.tcp.address().port}/ws/chat`;
        return this;
    }

    /** The weather of new links. */
    clear() {
        this.weather = { delayMs: 0, loss: 0, againMs: 0 };
    }

    /** The link that a device of the simulator is connected over. */
    of(device) {
        return [...this.links].find(l => device.link?.peer.endsWith(
            `:${l.server.localPort}`));
    }

    async close() {
        for (const l of this.links) {
            l.close();
        }
        this.tcp.close();
        await once(this.tcp, 'close');
    }
}
