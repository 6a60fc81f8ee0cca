// A Signal device in this process: keys, prekeys and sessions in memory, on
// top of npm libsignal. Used by the simulated phones and light contacts.
import { createRequire } from 'node:module';
import { proto } from 'baileys/WAProto/index.js';
import { generate, randomBytes, signedPreKey, withType } from './keys.mjs';

const libsignal = createRequire(import.meta.url)('libsignal');
const { ProtocolAddress, SessionBuilder, SessionCipher, SessionRecord }
    = libsignal;
const PKMSG = 3;
const BATCH = 50;

// libsignal tries a message with each of its sessions and keeps the ratchet
// step of those that failed: two sessions opened at the same time break each
// other, which is no fault of whoever is tested. Holds for Baileys too.
const tryOne = SessionCipher.prototype.decryptWithSessions;

SessionCipher.prototype.decryptWithSessions = async function (data,
    sessions) {
    if (sessions.length < 2) {
        return tryOne.call(this, data, sessions);
    }
    let failure;
    for (const session of sessions) {
        const before = session.serialize();
        try {
            return await tryOne.call(this, data, [session]);
        } catch (e) {
            Object.assign(session, session.constructor.deserialize(before));
            failure = e;
        }
    }
    throw failure;
};

export function pad(bytes) {
    const n = 1 + randomBytes(1)[0] % 16;
    return Buffer.concat([bytes, Buffer.alloc(n, n)]);
}

export function unpad(bytes) {
    const n = bytes[bytes.length - 1];
    if (n < 1 || n > 16 || n > bytes.length
        || !bytes.subarray(bytes.length - n).every(b => b === n)) {
        throw new Error('bad padding');
    }
    return bytes.subarray(0, bytes.length - n);
}

export function encodeMessage(message) {
    return pad(Buffer.from(proto.Message.encode(
        proto.Message.fromObject(message)).finish()));
}

/** Name of a remote device's session: always by LID. */
function addressOf(device) {
    return new ProtocolAddress(`${device.account.lid}_1`, device.id);
}

export class SignalDevice {
    constructor(identity = generate()) {
        this.identity = identity;
        this.registrationId = 1 + randomBytes(2).readUInt16BE() % 16380;
        this.signed = signedPreKey(identity, 1);
        this.prekeys = new Map();
        this.nextId = 1;
        this.sessions = new Map();
        this.libIdentity = { pubKey: withType(identity.pub),
            privKey: identity.priv };
        this.storage = this.makeStorage();
    }

    makeStorage() {
        const pair = p => p && { pubKey: withType(p.pub), privKey: p.priv };
        return {
            getOurIdentity: () => this.libIdentity,
            getOurRegistrationId: () => this.registrationId,
            isTrustedIdentity: () => true,
            loadSession: name => this.sessions.get(name),
            storeSession: (name, record) => {
                this.sessions.set(name, record);
            },
            loadPreKey: id => pair(this.prekeys.get(id)),
            removePreKey: id => {
                this.prekeys.delete(id);
            },
            loadSignedPreKey: id => (id === this.signed.id
                ? pair(this.signed) : undefined),
        };
    }

    /** Makes a batch of one-time keys; returns them as [id, pub]. */
    generatePrekeys(count = BATCH) {
        const out = [];
        for (let i = 0; i < count; i++) {
            const id = this.nextId++;
            const pair = generate();
            this.prekeys.set(id, pair);
            out.push([id, pair.pub]);
        }
        return out;
    }

    hasSession(device) {
        return this.sessions.get(addressOf(device).toString())
            ?.haveOpenSession() === true;
    }

    forget(device) {
        this.sessions.delete(addressOf(device).toString());
    }

    async startSession(device, bundle) {
        await new SessionBuilder(this.storage, addressOf(device)).initOutgoing({
            registrationId: bundle.registrationId,
            identityKey: withType(bundle.identity),
            signedPreKey: { keyId: bundle.skey.id,
                publicKey: withType(bundle.skey.pub),
                signature: bundle.skey.signature },
            preKey: bundle.key && { keyId: bundle.key.id,
                publicKey: withType(bundle.key.pub) },
        });
    }

    async encrypt(device, plain) {
        const { type, body } = await new SessionCipher(this.storage,
            addressOf(device)).encrypt(plain);
        return { type: type === PKMSG ? 'pkmsg' : 'msg',
            bytes: Buffer.from(body) };
    }

    /** A failed decrypt leaves libsignal's record half changed, so the
     *  session is put back as it was. */
    async decrypt(device, type, bytes) {
        const address = addressOf(device);
        const name = address.toString();
        const before = this.sessions.get(name)?.serialize();
        const cipher = new SessionCipher(this.storage, address);
        try {
            const plain = type === 'pkmsg'
                ? await cipher.decryptPreKeyWhisperMessage(bytes)
                : await cipher.decryptWhisperMessage(bytes);
            return proto.Message.decode(unpad(Buffer.from(plain)));
        } catch (e) {
            if (before !== undefined) {
                this.sessions.set(name, SessionRecord.deserialize(before));
            }
            throw e;
        }
    }
}
