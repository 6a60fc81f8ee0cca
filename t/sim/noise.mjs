// Noise XX and IK, responder side, and the transport that follows. A client
// that tries IK with another key than ours, or in vain (`ik` false), is
// answered with the server static, which makes it fall back to XXfallback.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { proto } from 'baileys/WAProto/index.js';
import { agree, generate, hkdf, sha256 } from './keys.mjs';

const { HandshakeMessage } = proto;
const PROLOGUE = Buffer.from('WA\x06\x03', 'latin1');
const XX = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0', 'latin1');
const IK = Buffer.from('Noise_IK_25519_AESGCM_SHA256\0\0\0\0', 'latin1');
const XX_FALLBACK = Buffer.from('Noise_XXfallback_25519_AESGCM_SHA256',
    'latin1');
const NONE = Buffer.alloc(0);
const TAG = 16;

function nonce(counter) {
    const iv = Buffer.alloc(12);
    iv.writeUInt32BE(counter, 8);
    return iv;
}

function seal(key, counter, plain, aad) {
    const c = createCipheriv('aes-256-gcm', key, nonce(counter));
    c.setAAD(aad);
    return Buffer.concat([c.update(plain), c.final(), c.getAuthTag()]);
}

function open(key, counter, sealed, aad) {
    if (sealed.length < TAG) {
        throw new Error('ciphertext shorter than its tag');
    }
    const d = createDecipheriv('aes-256-gcm', key, nonce(counter));
    d.setAAD(aad);
    d.setAuthTag(sealed.subarray(sealed.length - TAG));
    return Buffer.concat([d.update(sealed.subarray(0, sealed.length - TAG)),
        d.final()]);
}

function need(bytes, size, what) {
    if (bytes === null || bytes === undefined
        || (size !== 0 && bytes.length !== size) || bytes.length === 0) {
        throw new Error(`${what}: wrong or missing (` +
            `${bytes?.length ?? 0} bytes)`);
    }
    return Buffer.from(bytes);
}

export class NoiseResponder {
    constructor(chain, { ik = true } = {}) {
        this.chain = chain;
        this.ik = ik;
        this.ephemeral = generate();
        this.clientStatic = undefined;
        this.sendKey = undefined;
    }

    begin(name) {
        this.hash = name.length === 32 ? name : sha256(name);
        this.salt = this.hash;
        this.key = this.hash;
        this.counter = 0;
        this.mixHash(PROLOGUE);
    }

    mixHash(data) {
        this.hash = sha256(this.hash, data);
    }

    mixKey(shared) {
        const out = hkdf(shared, this.salt, 64);
        this.salt = out.subarray(0, 32);
        this.key = out.subarray(32);
        this.counter = 0;
    }

    enc(plain) {
        const out = seal(this.key, this.counter++, plain, this.hash);
        this.mixHash(out);
        return out;
    }

    dec(sealed) {
        const out = open(this.key, this.counter++, sealed, this.hash);
        this.mixHash(sealed);
        return out;
    }

    /** ClientHello bytes -> ServerHello bytes; throws on a bad hello. With
     *  IK `this.payload` is there already, and no finish follows. */
    hello(bytes) {
        const { clientHello } = HandshakeMessage.decode(bytes);
        this.clientEphemeral = need(clientHello?.ephemeral, 32,
            'client hello ephemeral');
        this.tried = (clientHello.static?.length ?? 0) > 0 ? 'IK' : 'XX';
        if (this.tried === 'IK' && this.ik && this.resume(clientHello)) {
            return this.resumed();
        }
        this.begin(this.tried === 'IK' ? XX_FALLBACK : XX);
        this.mixHash(this.clientEphemeral);
        this.mixHash(this.ephemeral.pub);
        this.mixKey(agree(this.clientEphemeral, this.ephemeral.priv));
        const encStatic = this.enc(this.chain.server.pub);
        this.mixKey(agree(this.clientEphemeral, this.chain.server.priv));
        const payload = this.enc(this.chain.encoded);
        return Buffer.from(HandshakeMessage.encode({ serverHello: {
            ephemeral: this.ephemeral.pub, static: encStatic, payload,
        } }).finish());
    }

    /** Whether the hello was made with our key. */
    resume(clientHello) {
        this.begin(IK);
        this.mixHash(this.chain.server.pub);
        this.mixHash(this.clientEphemeral);
        this.mixKey(agree(this.clientEphemeral, this.chain.server.priv));
        try {
            this.clientStatic = this.dec(need(clientHello.static, 48,
                'client hello static'));
            this.mixKey(agree(this.clientStatic, this.chain.server.priv));
            this.payload = this.dec(need(clientHello.payload, 0,
                'client hello payload'));
        } catch {
            this.clientStatic = undefined;
            return false;
        }
        return true;
    }

    resumed() {
        this.mixHash(this.ephemeral.pub);
        this.mixKey(agree(this.clientEphemeral, this.ephemeral.priv));
        this.mixKey(agree(this.clientStatic, this.ephemeral.priv));
        const payload = this.enc(this.chain.encoded);
        this.split();
        return Buffer.from(HandshakeMessage.encode({ serverHello: {
            ephemeral: this.ephemeral.pub, payload,
        } }).finish());
    }

    split() {
        const out = hkdf(NONE, this.salt, 64);
        this.receiveKey = out.subarray(0, 32);
        this.sendKey = out.subarray(32);
        this.received = 0;
        this.sent = 0;
    }

    /** ClientFinish bytes -> ClientPayload bytes; transport is ready after. */
    finish(bytes) {
        const { clientFinish } = HandshakeMessage.decode(bytes);
        const sealedStatic = need(clientFinish?.static, 48,
            'client finish static');
        this.clientStatic = this.dec(sealedStatic);
        this.mixKey(agree(this.clientStatic, this.ephemeral.priv));
        const payload = this.dec(need(clientFinish.payload, 0,
            'client finish payload'));
        this.split();
        return payload;
    }

    seal(plain) {
        return seal(this.sendKey, this.sent++, plain, NONE);
    }

    open(sealed) {
        return open(this.receiveKey, this.received++, sealed, NONE);
    }
}
