// The passkey gate: after a scan the server wants a WebAuthn assertion; then
// companion and phone agree on keys, and a person compares a code on both.
// An account with the knob `passkey` has it: { credential, origin? } (protocol:
// whatsmeow pair-passkey.go; messages by Baileys' protobufs).
import { createDecipheriv } from 'node:crypto';
import { proto } from 'baileys/WAProto/index.js';
import { bytesOf, child, node } from './codec.mjs';
import { IqError } from './iq_error.mjs';
import { agree, generate, hkdf, hmac, randomBytes, sha256 } from './keys.mjs';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTVWXYZ';
const TAGS = ['passkey_prologue', 'companion_nonce',
    'encrypted_pairing_request'];

function codeOf(bytes) {
    let bits = BigInt(`0x${bytes.toString('hex')}`);
    let text = '';
    for (let i = 0; i < 8; i++) {
        text = ALPHABET[Number(bits & 31n)] + text;
        bits >>= 5n;
    }
    return `${text.slice(0, 4)}-${text.slice(4)}`;
}

class Passkey {
    /** `adv`: the secret in the code that was scanned. */
    constructor(registration, account, adv) {
        this.registration = registration;
        this.conn = registration.conn;
        this.account = account;
        this.adv = adv;
        this.ref = `4@${randomBytes(24).toString('base64')}`;
        this.options = { challenge: randomBytes(32).toString('base64url'),
            rpId: 'web.whatsapp.com', timeout: 300000,
            allowCredentials: [{ type: 'public-key',
                id: account.faults.passkey.credential }],
            userVerification: 'required' };
        this.request = new Promise((resolve, reject) => {
            this.done = resolve;
            this.failed = reject;
        });
    }

    bad(iq, what) {
        this.conn.violate('passkey', what, iq);
        throw new IqError(400, 'bad-request');
    }

    optionsNode() {
        return node('passkey_request_options', {},
            Buffer.from(JSON.stringify(this.options)));
    }

    /** Resolves when the companion has acked the request. */
    ask() {
        const { hollow } = this.account.faults.passkey;
        return this.registration.ask('passkey_prologue_request',
            hollow ? [] : [this.optionsNode()]);
    }

    get(iq) {
        if (child(iq, 'passkey_request_options') !== undefined) {
            return [this.optionsNode()];
        }
        if (child(iq, 'ref') !== undefined) {
            return [node('ref', {}, Buffer.from(this.ref))];
        }
        return this.bad(iq, 'unknown query');
    }

    set(iq, tag) {
        return { passkey_prologue: this.prologue, companion_nonce: this.nonce,
            encrypted_pairing_request: this.pairing }[tag].call(this, iq);
    }

    prologue(iq) {
        const { credential } = this.account.faults.passkey;
        const p = child(iq, 'passkey_prologue');
        const payload = bytesOf(child(p, 'prologue_payload'));
        let assertion;
        try {
            assertion = JSON.parse(bytesOf(child(p, 'webauthn_assertion'))
                .toString());
        } catch {
            this.bad(iq, 'assertion is no JSON');
        }
        if (bytesOf(child(p, 'credential_id'))?.toString('base64url')
            !== credential || payload === undefined) {
            this.bad(iq, 'credential or payload');
        }
        const clientData = JSON.parse(Buffer.from(
            assertion.response.clientDataJSON, 'base64url').toString());
        if (clientData.challenge !== this.options.challenge) {
            throw new IqError(403, 'forbidden');
        }
        const proof = bytesOf(child(p, 'pairing_handoff_proof'));
        const key = hkdf(this.adv, Buffer.alloc(0), 32,
            'shortcake-passkey-handoff-v1');
        if (proof !== undefined && !proof.equals(hmac(key, payload))) {
            this.bad(iq, 'handoff proof');
        }
        this.proven = proof !== undefined;
        const { companionEphemeralIdentity, commitment } =
            proto.ProloguePayload.decode(payload);
        this.identity = Buffer.from(companionEphemeralIdentity);
        this.commitment = Buffer.from(commitment.hash);
        const id = proto.CompanionEphemeralIdentity.decode(this.identity);
        if (id.ref !== this.ref || id.publicKey.length !== 32
            || id.deviceType !== this.registration.props.platformType) {
            this.bad(iq, 'ephemeral identity');
        }
        this.companion = Buffer.from(id.publicKey);
        this.deviceType = id.deviceType;
        this.own = generate();
        this.ownNonce = randomBytes(32);
        this.conn.afterReply = () => this.registration.ask(
            'crsc_continuation', [node('primary_ephemeral_identity', {},
                Buffer.from(proto.PrimaryEphemeralIdentity.encode({
                    publicKey: this.own.pub, nonce: this.ownNonce,
                }).finish()))]);
        return undefined;
    }

    nonce(iq) {
        const nonce = bytesOf(child(iq, 'companion_nonce'));
        if (nonce?.length !== 32 || this.identity === undefined
            || !sha256(this.identity, nonce).equals(this.commitment)) {
            this.bad(iq, 'the nonce is not what was committed to');
        }
        const digest = sha256(nonce, this.own.pub);
        this.code = codeOf(Buffer.from(this.ownNonce.subarray(0, 5)
            .map((b, i) => b ^ digest[i])));
        this.registration.conn.sim.emit('passkey-code', this);
        return undefined;
    }

    pairing(iq) {
        const { encryptedPayload, iv } = proto.EncryptedPairingRequest.decode(
            bytesOf(child(iq, 'encrypted_pairing_request')) ?? []);
        if (this.code === undefined) {
            this.bad(iq, 'nobody has seen a code yet');
        }
        const key = hkdf(agree(this.companion, this.own.priv),
            `Companion Pairing ${this.deviceType} with ref ${this.ref}`, 32,
            'Pairing Information Encryption Key');
        const sealed = Buffer.from(encryptedPayload);
        const d = createDecipheriv('aes-256-gcm', key, iv);
        d.setAuthTag(sealed.subarray(-16));
        let plain;
        try {
            plain = Buffer.concat([d.update(sealed.subarray(0, -16)),
                d.final()]);
        } catch {
            this.bad(iq, 'the pairing request does not open');
        }
        const r = proto.PairingRequest.decode(plain);
        this.conn.afterReply = () => this.done({
            noise: Buffer.from(r.companionPublicKey),
            identity: Buffer.from(r.companionIdentityKey),
            adv: Buffer.from(r.advSecret) });
        return undefined;
    }
}

/** Asks for the assertion; resolves with what the companion says it is, in
 *  the form of a scanned code. */
export async function passkeyGate(registration, account, qr) {
    registration.passkey = new Passkey(registration, account, qr.adv);
    clearTimeout(registration.timer);
    await registration.passkey.ask();
    const said = await registration.passkey.request;
    return { ...said, clientType: qr.clientType };
}

/** <iq xmlns=md> of a companion that is being linked; undefined: not ours. */
export function passkeyIq(conn, iq) {
    const { passkey } = conn.registration;
    if (passkey === undefined) {
        return undefined;
    }
    if (iq.attrs.type === 'get') {
        return () => passkey.get(iq);
    }
    const tag = TAGS.find(t => child(iq, t) !== undefined);
    return tag === undefined ? undefined : () => passkey.set(iq, tag);
}

/** What an authenticator with the right credential answers. */
export function assertionFor(options, credential) {
    return { id: credential, rawId: credential, type: 'public-key',
        authenticatorAttachment: 'platform', clientExtensionResults: {},
        response: {
            clientDataJSON: Buffer.from(JSON.stringify({
                type: 'webauthn.get', challenge: options.challenge,
                origin: 'https://web.whatsapp.com',
            })).toString('base64url'),
            authenticatorData: randomBytes(37).toString('base64url'),
            signature: randomBytes(70).toString('base64url'),
            userHandle: null } };
}
