// Curve25519 keys and signatures, by way of npm libsignal. Public keys are
// 32 bytes here (as in stanzas); `withType` gives libsignal's 33-byte form.
import { createHash, createHmac, createPublicKey, hkdfSync, randomBytes,
    verify as verifyBytes } from 'node:crypto';
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

const P = 2n ** 255n - 19n;

/** x ** (P - 2), which is 1 / x. */
function inverse(x) {
    let out = 1n;
    let base = x;
    for (let e = P - 2n; e > 0n; e >>= 1n) {
        if (e & 1n) {
            out = out * base % P;
        }
        base = base * base % P;
    }
    return out;
}

/** The Ed25519 key of a Curve25519 public key, as XEdDSA has it; `sign` is
 *  the sign bit that travels in the signature. */
function edwardsKey(pub, sign) {
    const u = BigInt(`0x${Buffer.from(pub).reverse().toString('hex')}`)
        & (2n ** 255n - 1n);
    const y = (u + P - 1n) * inverse(u + 1n) % P;
    const x = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();
    x[31] |= sign;
    return createPublicKey({ format: 'jwk', key: { kty: 'OKP',
        crv: 'Ed25519', x: x.toString('base64url') } });
}

/** XEdDSA by way of OpenSSL's Ed25519: libsignal's own takes 5 ms, and a
 *  thousand accounts want thousands. control_strict.test.mjs holds the two
 *  against each other. */
export function verify(pub, signature, ...parts) {
    try {
        const s = Buffer.from(signature);
        const key = edwardsKey(withoutType(pub), s[63] & 0x80);
        s[63] &= 0x7f;
        return verifyBytes(null, Buffer.concat(parts), key, s);
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
