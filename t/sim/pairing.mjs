// Linking a companion: refs for the QR, what the phone's scan says, the
// companion's signature, and the restart.
import { proto } from 'baileys/WAProto/index.js';
import { bytesOf, child, node, show } from './codec.mjs';
import { randomBytes } from './keys.mjs';
import { checkDeviceIdentity, deviceSignatureOf, signDevice, wrapHmac }
    from './adv.mjs';
import { passkeyGate } from './passkey.mjs';
import { registerKeys } from './prekeys.mjs';

const PREFIX = 'https://wa.me/settings/linked_devices#';
const CLIENT_TYPES = '123456789cdef';
// Which DeviceProps.PlatformType goes with which clientType character.
const PLATFORM = { 1: 1, 2: 6, 3: 2, 4: 3, 5: 4, 6: 5, 7: 7 };

/** Reads a QR as a current phone does; throws an Error saying what is
 *  wrong with it. */
export function parseQr(text) {
    if (typeof text !== 'string' || !text.startsWith(PREFIX)) {
        throw new Error('QR does not start with the deep-link prefix');
    }
    const parts = text.slice(PREFIX.length).split(',');
    if (parts.length === 4) {
        throw new Error('QR has the old form of 4 parts');
    }
    if (parts.length !== 5) {
        throw new Error(`QR has ${parts.length} parts instead of 5`);
    }
    const [ref, noise, identity, adv, clientType] = parts;
    const key = (b64, what) => {
        const bytes = Buffer.from(b64, 'base64');
        if (bytes.length !== 32 || bytes.toString('base64') !== b64) {
            throw new Error(`QR: ${what} is not the base64 of 32 bytes`);
        }
        return bytes;
    };
    if (ref === '') {
        throw new Error('QR: empty ref');
    }
    if (clientType.length !== 1 || !CLIENT_TYPES.includes(clientType)) {
        throw new Error(`QR: client type "${clientType}" is refused`);
    }
    return { ref, noise: key(noise, 'noise key'), clientType,
        identity: key(identity, 'identity key'), adv: key(adv, 'adv secret') };
}

export class Registration {
    constructor(conn, data) {
        this.conn = conn;
        this.data = data;
        this.identity = Buffer.from(data.eIdent);
        this.refs = [];
        this.account = undefined;
        this.asked = new Map();
        this.props = proto.DeviceProps.decode(data.deviceProps);
    }

    start() {
        const { sim } = this.conn;
        const { refs, refLifetimeMs } = sim.options;
        for (let i = 0; i < refs; i++) {
            const ref = `2@${randomBytes(96).toString('base64')}`;
            this.refs.push(ref);
            sim.refs.set(ref, this);
        }
        this.timer = setTimeout(() => this.conn.streamEnd(), refLifetimeMs);
        this.conn.request({ type: 'set', xmlns: 'md' }, [
            node('pair-device', {}, this.refs.map(r =>
                node('ref', {}, Buffer.from(r)))),
        ], { answered: reply => {
            if (reply.attrs.type !== 'result' || reply.content !== undefined) {
                this.conn.violate('pairing', 'answer to pair-device', reply);
            }
            this.ready = true;
            sim.emit('pair-device', this);
        } }).catch(() => {});
    }

    /** A client whose DeviceProps.os matches may do this. */
    allows(kind) {
        return [...this.conn.sim.allowances].some(([pattern, kinds]) =>
            pattern.test(this.props.os) && kinds.includes(kind));
    }

    stop() {
        clearTimeout(this.timer);
        this.refs.forEach(r => this.conn.sim.refs.delete(r));
    }

    /** Asks the companion for another adv secret in its QR; resolves when
     *  it has acked that. */
    refresh() {
        return this.ask('companion_reg_refresh',
            [node('companion_reg_refresh')]);
    }

    /** Sends a notification; resolves when it has been acked. */
    ask(type, content) {
        const n = this.conn.sim.notification({ from: '@s.whatsapp.net',
            type }, content);
        const acked = new Promise(resolve =>
            this.asked.set(n.attrs.id, { type, resolve }));
        this.conn.send(n);
        return acked;
    }

    onAck(stanza) {
        const { id, class: tag, type, to } = stanza.attrs;
        const asked = this.asked.get(id);
        if (asked === undefined || tag !== 'notification'
            || type !== asked.type
            || !['s.whatsapp.net', '@s.whatsapp.net'].includes(to)) {
            this.conn.violate('ack', 'while registering', stanza);
            return;
        }
        this.asked.delete(id);
        asked.resolve();
    }

    checkQr(qr) {
        if (!qr.noise.equals(this.conn.noise.clientStatic)) {
            throw new Error('QR: noise key is not that of the connection');
        }
        if (!qr.identity.equals(this.identity)) {
            throw new Error('QR: identity key is not the registered one');
        }
        const expected = PLATFORM[qr.clientType];
        if (expected !== undefined && expected !== this.props.platformType) {
            this.conn.violate('pairing', `client type ${qr.clientType} with ` +
                `platform type ${this.props.platformType}`);
        }
    }

    /** Carries one scan through; resolves with the new Device. `spoil`:
     *  'hmac' or 'account-signature' (the client must refuse). */
    async link(account, qr, { spoil = '' } = {}) {
        this.checkQr(qr);
        if (this.account !== undefined) {
            throw new Error('QR was used already');
        }
        const { conn } = this;
        this.account = account;
        this.stop();
        if (account.faults.passkey !== undefined) {
            qr = await passkeyGate(this, account, qr);
            this.checkQr(qr);
        }
        const keyIndex = account.nextKeyIndex++;
        const id = account.nextDevice++;
        const identity = signDevice(account.key, account.rawId, keyIndex,
            spoil === 'account-signature' ? randomBytes(32) : this.identity);
        const sealed = wrapHmac(identity,
            spoil === 'hmac' ? randomBytes(32) : qr.adv);
        const reply = await conn.request({ type: 'set', xmlns: 'md',
            t: Math.floor(Date.now() / 1000) }, [
            node('pair-success', {}, [
                node('device-identity', {}, sealed),
                node('device', { jid: `${account.pn}:${id}@s.whatsapp.net`,
                    lid: `${account.lid}:${id}@lid` }),
                node('platform', { name: 'android' }),
            ])]);
        if (reply.attrs.type === 'error') {
            const e = child(reply, 'error');
            const error = new Error(`companion refused: ${e?.attrs.text}`);
            error.code = Number(e?.attrs.code);
            conn.close('pairing refused');
            throw error;
        }
        this.checkReply(reply, identity, keyIndex);
        return this.finish(account, id, keyIndex, identity);
    }

    checkReply(reply, identity, keyIndex) {
        const { conn } = this;
        const di = child(child(reply, 'pair-device-sign'), 'device-identity');
        const bytes = bytesOf(di);
        const problems = bytes === undefined
            ? ['pair-device-sign without device-identity bytes']
            : checkDeviceIdentity(bytes, identity, this.identity, false);
        if (di?.attrs['key-index'] !== String(keyIndex)) {
            problems.push(`key-index ${di?.attrs['key-index']}`);
        }
        if (problems.length > 0) {
            problems.forEach(p => conn.violate('pairing', p, reply));
            conn.streamError({ code: 500 });
            throw new Error(`bad pairing reply: ${problems.join('; ')} in ` +
                show(reply));
        }
        identity.deviceSignature = deviceSignatureOf(bytes);
    }

    finish(account, id, keyIndex, identity) {
        const { conn, data } = this;
        const { sim } = conn;
        const device = account.addDevice(id);
        device.keyIndex = keyIndex;
        device.os = this.props.os;
        device.noisePub = conn.noise.clientStatic;
        device.identityPub = this.identity;
        device.registrationId = Buffer.from(data.eRegid).readUInt32BE();
        device.advIdentity = identity;
        registerKeys(device, Buffer.from(data.eSkeyId).readUIntBE(0, 3),
            Buffer.from(data.eSkeyVal), Buffer.from(data.eSkeySig));
        for (const [pattern, kinds] of sim.allowances) {
            if (pattern.test(device.os)) {
                kinds.forEach(k => device.allowances.add(k));
            }
        }
        account.listChanged();
        sim.notifyDevices(account, 'add', device);
        sim.emit('linked', device);
        account.phone?.onLinked(device);
        setTimeout(() => conn.streamError({ code: 515 }),
            sim.options.restartDelayMs);
        return device;
    }
}
