// Certificate chain of the server's Noise static key: root -> intermediate
// -> leaf, in the form that a strict client accepts.
import { proto } from 'baileys/WAProto/index.js';
import { generate, sign } from './keys.mjs';

const { CertChain } = proto;
const { Details } = CertChain.NoiseCertificate;
const DAY = 86400;

function certificate(issuerKey, fields) {
    const details = Buffer.from(Details.encode(fields).finish());
    return { details, signature: sign(issuerKey.priv, details) };
}

/** Makes keys and the encoded chain. `spoil` names one deliberate fault:
 *  'root' (signed by another root), 'leaf-signature', 'issuer-serial',
 *  'leaf-key' (not the server's static key), 'expired'. */
export function makeChain({ root = generate(), spoil = '' } = {}) {
    const intermediate = generate();
    const server = generate();
    const now = Math.floor(Date.now() / 1000);
    const notBefore = now - 30 * DAY;
    const notAfter = spoil === 'expired' ? now - DAY : now + 300 * DAY;
    const top = certificate(spoil === 'root' ? generate() : root, {
        serial: 1, issuerSerial: 0, key: intermediate.pub, notBefore, notAfter,
    });
    const leaf = certificate(
        spoil === 'leaf-signature' ? generate() : intermediate, {
            serial: 2,
            issuerSerial: spoil === 'issuer-serial' ? 7 : 1,
            key: spoil === 'leaf-key' ? generate().pub : server.pub,
            notBefore, notAfter,
        });
    return {
        root, server,
        encoded: Buffer.from(CertChain.encode({ leaf, intermediate: top })
            .finish()),
    };
}
