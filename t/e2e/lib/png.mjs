// Pictures for tests.
import { deflateSync } from 'node:zlib';

function crc32(bytes) {
    let crc = ~0;
    for (const b of bytes) {
        crc ^= b;
        for (let i = 0; i < 8; i++) {
            crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
        }
    }
    return ~crc >>> 0;
}

/** A PNG of one colour; `lie` changes the size in its header. */
export function png(width, height, lie = [width, height]) {
    const chunk = (name, data) => {
        const body = Buffer.concat([Buffer.from(name), data]);
        const out = Buffer.alloc(body.length + 8);
        out.writeUInt32BE(data.length, 0);
        body.copy(out, 4);
        out.writeUInt32BE(crc32(body), body.length + 4);
        return out;
    };
    const head = Buffer.alloc(13);
    head.writeUInt32BE(lie[0], 0);
    head.writeUInt32BE(lie[1], 4);
    head.set([8, 2], 8);
    const row = Buffer.concat([Buffer.from([0]),
        Buffer.alloc(width * 3, Buffer.from([200, 30, 60]))]);
    return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'),
        chunk('IHDR', head),
        chunk('IDAT', deflateSync(Buffer.concat(Array(height).fill(row)))),
        chunk('IEND', Buffer.alloc(0))]);
}
