// WABinary stanzas and addresses. The codec itself is the one of npm baileys,
// on purpose: nothing of the simulator shares code with what it tests.
import { inflateSync, deflateSync } from 'node:zlib';
import { encodeBinaryNode } from 'baileys/lib/WABinary/encode.js';
import { decodeDecompressedBinaryNode } from 'baileys/lib/WABinary/decode.js';
import * as constants from 'baileys/lib/WABinary/constants.js';

export const SERVER = 's.whatsapp.net';
const FLAG_ZLIB = 2;
const MAX_INFLATED = 1 << 24;

/** Builds a node; attributes that are undefined or null are left out. */
export function node(tag, attrs = {}, content = undefined) {
    const clean = {};
    for (const [k, v] of Object.entries(attrs)) {
        if (v !== undefined && v !== null) {
            clean[k] = String(v);
        }
    }
    return { tag, attrs: clean, content };
}

export function encode(stanza, { compress = false } = {}) {
    const plain = encodeBinaryNode(stanza);
    if (!compress) {
        return plain;
    }
    return Buffer.concat([Buffer.from([FLAG_ZLIB]),
        deflateSync(plain.subarray(1))]);
}

/** Decodes one transport payload; `canonical` says whether the sender used
 *  tokens, packing and address forms as the reference encoder does. */
export function decode(buf, { checkCanonical = true } = {}) {
    if (buf.length < 2) {
        throw new Error('stanza shorter than two bytes');
    }
    const flag = buf[0];
    let body = buf.subarray(1);
    if (flag & FLAG_ZLIB) {
        body = inflateSync(body, { maxOutputLength: MAX_INFLATED });
    }
    const ref = { index: 0 };
    const stanza = decodeDecompressedBinaryNode(body, constants, ref);
    const problems = [];
    if (flag !== 0) {
        problems.push(`flag byte is ${flag}, clients send 0`);
    }
    if (ref.index !== body.length) {
        problems.push(`${body.length - ref.index} bytes after the node`);
    }
    if (checkCanonical && !encodeBinaryNode(stanza).subarray(1).equals(
        body.subarray(0, ref.index))) {
        problems.push('encoding differs from the reference encoder: ' +
            body.subarray(0, ref.index).toString('hex'));
    }
    return { stanza, problems };
}

export function children(n, tag) {
    if (n === undefined || !Array.isArray(n.content)) {
        return [];
    }
    return tag === undefined ? n.content
        : n.content.filter(c => c.tag === tag);
}

export function child(n, tag) {
    return children(n, tag)[0];
}

/** Content as bytes; undefined when it was sent as text or children. */
export function bytesOf(n) {
    return n !== undefined && n.content instanceof Uint8Array
        ? Buffer.from(n.content) : undefined;
}

export function textOf(n) {
    if (n === undefined || n.content === undefined) {
        return undefined;
    }
    return Array.isArray(n.content) ? undefined
        : Buffer.from(n.content).toString();
}

export function uintOf(n, size) {
    const b = bytesOf(n);
    return b !== undefined && b.length === size
        ? b.readUIntBE(0, size) : undefined;
}

export function be(value, size) {
    const b = Buffer.alloc(size);
    b.writeUIntBE(value, 0, size);
    return b;
}

/** `user[:device]@server` -> parts; undefined when malformed. */
export function parseJid(text) {
    const m = /^(?:([^:@]+)(?::(\d{1,5}))?)?@([a-z.0-9]+)$/.exec(text ?? '');
    if (m === null) {
        return text === SERVER ? { user: '', device: 0, server: SERVER }
            : undefined;
    }
    return { user: m[1] ?? '', device: m[2] === undefined ? 0 : +m[2],
        explicit: m[2] !== undefined, server: m[3] };
}

export function jid(user, server, device = 0) {
    return device === 0 ? `${user}@${server}` : `${user}:${device}@${server}`;
}

export function bare(text) {
    const p = parseJid(text);
    return p === undefined ? text : jid(p.user, p.server);
}

/** One line for logs and violation reports; bytes only as a length. */
export function show(n, depth = 0) {
    if (n === undefined) {
        return '(none)';
    }
    const attrs = Object.entries(n.attrs).map(([k, v]) => ` ${k}="${v}"`);
    let body = '';
    if (Array.isArray(n.content)) {
        body = depth > 4 ? '…'
            : n.content.map(c => show(c, depth + 1)).join('');
    } else if (n.content instanceof Uint8Array) {
        body = n.content.length <= 24 && /^[\x20-\x7e]*$/.test(
            Buffer.from(n.content).toString('latin1'))
            ? Buffer.from(n.content).toString() : `[${n.content.length} bytes]`;
    } else if (n.content !== undefined) {
        body = `"${n.content}"`;
    }
    return `<${n.tag}${attrs.join('')}>${body}</${n.tag}>`;
}
