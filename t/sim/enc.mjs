// What the server can see of one `<enc>`: its shape, the keys it names, and
// whether a message key was used twice.
import { createRequire } from 'node:module';
import { bytesOf, show } from './codec.mjs';
import { sha256, withoutType } from './keys.mjs';

const { WhisperMessage, PreKeyWhisperMessage } = createRequire(
    import.meta.url)('libsignal/src/protobufs.js');
const VERSION = 0x33;
const MAC = 8;
const RATCHETS_KEPT = 16;
const COUNTERS_KEPT = 4096;
const ATTRS = ['v', 'type', 'mediatype', 'decrypt-fail', 'count', 'state'];

function parseMessage(bytes) {
    if (bytes.length < 1 + MAC + 2 || bytes[0] !== VERSION) {
        throw new Error('not a version 3 message');
    }
    const m = WhisperMessage.decode(bytes.subarray(1, bytes.length - MAC));
    if (m.ephemeralKey?.length !== 33 || m.ephemeralKey[0] !== 5) {
        throw new Error('ratchet key is not 33 bytes of type 5');
    }
    if (!(m.ciphertext?.length > 0) || m.ciphertext.length % 16 !== 0) {
        throw new Error('ciphertext is not whole blocks');
    }
    return m;
}

function preKeyProblems(m, sender, target) {
    const out = [];
    const same = (a, b) => Buffer.from(a ?? []).equals(Buffer.from(b));
    if (m.identityKey?.length !== 33
        || !same(withoutType(Buffer.from(m.identityKey)), sender.identityPub)) {
        out.push('identity key is not that of the sending device');
    }
    if (m.registrationId !== sender.registrationId) {
        out.push(`registration id ${m.registrationId}`);
    }
    if (m.baseKey?.length !== 33) {
        out.push('base key is not 33 bytes');
    }
    if (!target.signedPreKeys.has(m.signedPreKeyId)) {
        out.push(`signed prekey ${m.signedPreKeyId} is unknown`);
    }
    if (m.preKeyId && !target.issued.has(m.preKeyId)) {
        out.push(`one-time prekey ${m.preKeyId} was never handed out`);
    }
    return out;
}

/** Remembers (ratchet key, counter) per pair of devices; the same pair with
 *  other bytes means that a message key was used twice. */
export class RatchetWatch {
    constructor() {
        this.pairs = new Map();
    }

    /** True when this use is fine. */
    note(sender, target, m, bytes) {
        const pair = `${sender.pnJid}>${target.pnJid}`;
        let ratchets = this.pairs.get(pair);
        if (ratchets === undefined) {
            ratchets = new Map();
            this.pairs.set(pair, ratchets);
        }
        const key = Buffer.from(m.ephemeralKey).toString('base64');
        let counters = ratchets.get(key);
        if (counters === undefined) {
            counters = new Map();
            ratchets.set(key, counters);
            if (ratchets.size > RATCHETS_KEPT) {
                ratchets.delete(ratchets.keys().next().value);
            }
        }
        const mark = sha256(bytes).readUInt32BE();
        const before = counters.get(m.counter);
        if (before !== undefined) {
            return before === mark;
        }
        counters.set(m.counter, mark);
        if (counters.size > COUNTERS_KEPT) {
            counters.delete(counters.keys().next().value);
        }
        return true;
    }
}

/** Checks one enc from `sender` to `target`; returns { kind, problems }. */
export function checkEnc(sim, sender, target, enc) {
    const problems = [];
    const bytes = bytesOf(enc);
    const { type } = enc.attrs;
    if (enc.attrs.v !== '2') {
        problems.push(`enc v="${enc.attrs.v}"`);
    }
    if (type !== 'msg' && type !== 'pkmsg') {
        return { type, problems: [...problems, `enc type="${type}"`] };
    }
    if (bytes === undefined) {
        return { type, problems: [...problems, 'enc content is not bytes'] };
    }
    for (const a of Object.keys(enc.attrs)) {
        if (!ATTRS.includes(a)) {
            problems.push(`enc attribute ${a}`);
        }
    }
    try {
        let inner = bytes;
        if (type === 'pkmsg') {
            if (bytes[0] !== VERSION) {
                throw new Error('not a version 3 prekey message');
            }
            const outer = PreKeyWhisperMessage.decode(bytes.subarray(1));
            problems.push(...preKeyProblems(outer, sender, target));
            inner = Buffer.from(outer.message);
        }
        const m = parseMessage(inner);
        if (!sim.ratchets.note(sender, target, m, inner)) {
            problems.push(`message key used twice: counter ${m.counter}`);
        }
    } catch (e) {
        problems.push(`${type}: ${e.message} in ${show(enc)}`);
    }
    return { type, problems };
}
