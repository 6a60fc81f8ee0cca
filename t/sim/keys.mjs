// Curve25519 keys and signatures, by way of npm libsignal. Public keys are
// 32 bytes here (as in stanzas); `withType` gives libsignal's 33-byte form.
import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';

const curve = createRequire(import.meta.url)('libsignal/src/curve.js');
const TYPE = Buffer.from([5]);

export function withType(pub) {
    return pub.length === 33 ? Buffer.from(pub)
        : Buffer.concat([TYPE, Buffer.from(pub)]);
}

export function withoutType(pub) {
    return Buffer.from(pub.length === 33 ? pub.subarray(1) : pub);
}

export function generate() {
    const { pubKey, privKey } = curve.generateKeyPair();
    return { pub: Buffer.from(pubKey.subarray(1)), priv: Buffer.from(privKey) };
}

export function agree(pub, priv) {
    return Buffer.from(curve.calculateAgreement(withType(pub), priv));
}

export function sign(priv, ...parts) {
    return Buffer.from(curve.calculateSignature(priv, Buffer.concat(parts)));
}

/** libsignal's own verify returns a boolean (Baileys drops it). */
export function verify(pub, signature, ...parts) {
    try {
        return curve.verifySignature(withType(pub), Buffer.concat(parts),
            Buffer.from(signature)) === true;
    } catch {
        return false;
    }
}

export function sha256(...parts) {
    const h = createHash('sha256');
    parts.forEach(p => h.update(p));
    return h.digest();
}

export function sha1(...parts) {
    const h = createHash('sha1');
    parts.forEach(p => h.update(p));
    return h.digest();
}

export function hmac(key, ...parts) {
    const h = createHmac('sha256', key);
    parts.forEach(p => h.update(p));
    return h.digest();
}

export function hkdf(ikm, salt, size, info = '') {
    return Buffer.from(hkdfSync('sha256', ikm, salt, info, size));
}

export function signedPreKey(identity, id) {
    const pair = generate();
    return { id, ...pair, signature: sign(identity.priv, withType(pair.pub)) };
}

export { randomBytes };
