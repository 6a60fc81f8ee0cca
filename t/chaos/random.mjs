// Numbers from a seed. Every actor draws from a stream of its own, named
// after it, so that what one does never depends on how fast another is.
import { createHash } from 'node:crypto';

export class Random {
    constructor(seed, name = '') {
        this.seed = seed;
        this.name = name;
        const h = createHash('sha256').update(`${seed}|${name}`).digest();
        this.s = [0, 4, 8, 12].map(i => h.readUInt32LE(i));
    }

    /** A stream of its own for `name`. */
    fork(name) {
        return new Random(this.seed, `${this.name}/${name}`);
    }

    /** 0 <= x < 1 (sfc32). */
    next() {
        const s = this.s;
        const t = (s[0] + s[1] + s[3]) | 0;
        s[3] = (s[3] + 1) | 0;
        s[0] = s[1] ^ (s[1] >>> 9);
        s[1] = (s[2] + (s[2] << 3)) | 0;
        s[2] = (s[2] << 21) | (s[2] >>> 11);
        s[2] = (s[2] + t) | 0;
        return (t >>> 0) / 4294967296;
    }

    /** A whole number, both ends included. */
    int(from, to) {
        return from + Math.floor(this.next() * (to - from + 1));
    }

    chance(p) {
        return this.next() < p;
    }

    pick(list) {
        return list[Math.floor(this.next() * list.length)];
    }

    /** `count` different members of a list, all when there are fewer. */
    some(list, count) {
        const rest = [...list];
        const out = [];
        while (out.length < count && rest.length > 0) {
            out.push(...rest.splice(Math.floor(this.next() * rest.length),
                1));
        }
        return out;
    }

    /** One key of { key: weight }. */
    weighted(weights) {
        const list = Object.entries(weights);
        let x = this.next() * list.reduce((n, [, w]) => n + w, 0);
        for (const [key, w] of list) {
            x -= w;
            if (x < 0) {
                return key;
            }
        }
        return list[0][0];
    }
}
