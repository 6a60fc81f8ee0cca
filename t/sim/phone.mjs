// The primary device (0) of an account: a phone that scans QR codes, chats,
// and unlinks companions. It lives in this process, without a socket, but
// what it sends passes the same checks as anybody's stanzas.
import { EventEmitter } from 'node:events';
import { bare, be, bytesOf, child, node, parseJid, uintOf } from './codec.mjs';
import { encodeMessage, SignalDevice } from './signal.mjs';
import { registerKeys, takeBundle } from './prekeys.mjs';
import { routeMessage } from './routing.mjs';
import { handleReceipt } from './receipts.mjs';
import { parseQr } from './pairing.mjs';
import { enterCode } from './paircode.mjs';
import { PhoneState } from './appstate.mjs';
import { Album, answerRequest } from './placeholder.mjs';
import { answerRecovery } from './recovery.mjs';
import { newId } from './ids.mjs';
import { forGroup, GroupPhone } from './group_phone.mjs';
import { mediumOf } from './media.mjs';

export { newId };

const BATCH = 30;
const SENT_KEPT = 512;
const MAX_RETRIES = 5;

export function textOfMessage(m) {
    return m?.conversation || m?.extendedTextMessage?.text || undefined;
}

export class Phone extends EventEmitter {
    constructor(sim, account) {
        super();
        this.setMaxListeners(0);
        this.sim = sim;
        this.account = account;
        this.virtual = true;
        this.signal = new SignalDevice(account.key);
        this.sent = new Map();
        this.media = new Map();
        this.pending = new Map();
        this.failures = new Map();
        this.work = Promise.resolve();
        this.outgoing = Promise.resolve();
        this.receipts = true;
        this.groups = new GroupPhone(this);
        this.state = new PhoneState(this);
        this.album = new Album();
        this.on('message', m => this.album.keep(m.id, { own: m.own,
            message: m.message, pushName: m.own ? undefined
                : m.from.account.name }));
        this.answers = true;
        const device = account.addDevice(0);
        this.device = device;
        account.phone = this;
        this.publishKeys();
        device.link = this;
    }

    publishKeys() {
        const { device, signal } = this;
        device.identityPub = signal.identity.pub;
        device.registrationId = signal.registrationId;
        registerKeys(device, signal.signed.id, signal.signed.pub,
            signal.signed.signature);
    }

    /** More one-time keys on the server; the first with the first use, as
     *  most phones of a big test never need any. */
    refill() {
        for (const [id, pub] of this.signal.generatePrekeys(BATCH)) {
            this.device.prekeys.set(id, pub);
        }
    }

    /** Points the camera at a QR; resolves with the linked Device. */
    async scan(text, options) {
        const qr = parseQr(text);
        const registration = this.sim.refs.get(qr.ref);
        if (registration === undefined) {
            throw new Error('QR: the server does not know this ref');
        }
        return registration.link(this.account, qr, options);
    }

    /** Types a pairing code; options: paircode.mjs. */
    enterCode(text, options) {
        return enterCode(this, text, options);
    }

    onLinked(device) {
        this.emit('linked', device);
    }

    /** First login of a companion: what a phone shares with it. */
    async greet(device) {
        await this.state.greet(device);
    }

    logout(device) {
        this.sim.removeDevice(device);
    }

    devices() {
        return [...this.account.devices.values()];
    }

    /** New phone, same number: other identity key, companions gone. */
    reinstall() {
        this.account.companions().forEach(d => this.logout(d));
        this.signal = new SignalDevice();
        this.account.key = this.signal.identity;
        this.device.prekeys.clear();
        this.device.signedPreKeys.clear();
        this.device.issued.clear();
        this.publishKeys();
        this.sim.notifyIdentity(this.account);
    }

    deliver(stanza) {
        this.work = this.work.then(() => this.handle(stanza)).catch(e => {
            this.sim.violate(this.device, 'phone', e.stack, stanza);
        });
    }

    async handle(stanza) {
        switch (stanza.tag) {
        case 'ack':
            this.pending.get(stanza.attrs.id)?.(stanza);
            this.pending.delete(stanza.attrs.id);
            return;
        case 'message':
            await this.onMessage(stanza);
            return;
        case 'receipt':
            if (stanza.attrs.type === 'retry') {
                await this.onRetry(stanza);
            }
            this.emit('receipt', { id: stanza.attrs.id,
                type: stanza.attrs.type ?? 'delivery',
                from: this.sim.registry.device(stanza.attrs.from) });
            return;
        default:
            this.emit(stanza.tag, stanza);
        }
    }

    async onMessage(stanza) {
        if (forGroup(stanza)) {
            await this.groups.onMessage(stanza);
            return;
        }
        const { from, id, recipient } = stanza.attrs;
        const author = this.sim.registry.device(from);
        const enc = child(stanza, 'enc');
        let message;
        try {
            message = await this.signal.decrypt(author, enc.attrs.type,
                Buffer.from(enc.content));
        } catch (e) {
            this.emit('undecryptable', { id, from: author, error: e });
            this.askAgain(stanza);
            return;
        }
        this.failures.delete(id);
        const own = author.account === this.account;
        const inner = message.deviceSentMessage?.message ?? message;
        if (own !== Boolean(message.deviceSentMessage)
            && stanza.attrs.category !== 'peer') {
            this.sim.violate(author, 'device-sent', `${author}: ` +
                `deviceSentMessage ${own ? 'missing' : 'not expected'}`,
            stanza);
        }
        this.answer(stanza, own);
        this.noteMedia(id, inner);
        if (stanza.attrs.category === 'peer') {
            if (!await this.state.onPeer(author, inner)
                && !await answerRecovery(this, author, id, inner)) {
                await answerRequest(this, author, id, inner);
            }
            return;
        }
        this.emit('message', { id, from: author, message: inner, own,
            chat: this.sim.registry.account(recipient ?? from),
            text: textOfMessage(inner), stanza });
    }

    /** A phone keeps the files of its chats. */
    noteMedia(id, message) {
        const medium = mediumOf(message);
        if (medium !== undefined) {
            this.media.set(id, medium);
        }
    }

    answer(stanza, own) {
        const { from, id, recipient, category } = stanza.attrs;
        if (!this.receipts) {
            return;
        }
        const type = category === 'peer' ? 'peer_msg' : own ? 'sender'
            : undefined;
        handleReceipt(this.sim, this.device, node('receipt', { id, type,
            to: from, recipient: own ? recipient : undefined }));
    }

    read(id, from) {
        handleReceipt(this.sim, this.device, node('receipt', { id,
            type: 'read', to: bare(from.lidJid),
            t: Math.floor(Date.now() / 1000) }));
    }

    askAgain(stanza) {
        const { from, id, t, recipient, participant } = stanza.attrs;
        const count = (this.failures.get(id) ?? 0) + 1;
        this.failures.set(id, count);
        if (count > MAX_RETRIES) {
            return;
        }
        const { signal } = this;
        const content = [node('retry', { v: 1, count, id, t, error: 7 }),
            node('registration', {}, be(signal.registrationId, 4))];
        if (count > 1) {
            const [[keyId, pub]] = signal.generatePrekeys(1);
            content.push(node('keys', {}, [
                node('type', {}, Buffer.from([5])),
                node('identity', {}, signal.identity.pub),
                node('key', {}, [node('id', {}, be(keyId, 3)),
                    node('value', {}, pub)]),
                node('skey', {}, [node('id', {}, be(signal.signed.id, 3)),
                    node('value', {}, signal.signed.pub),
                    node('signature', {}, signal.signed.signature)]),
            ]));
        }
        handleReceipt(this.sim, this.device, node('receipt', { id, to: from,
            type: 'retry', recipient, participant }, content));
    }

    async encryptFor(target, plain) {
        if (!this.signal.hasSession(target)) {
            await this.signal.startSession(target, takeBundle(target));
        }
        const { type, bytes } = await this.signal.encrypt(target, plain);
        return node('enc', { v: 2, type }, bytes);
    }

    /** Sends text to an account; resolves with { id, ack }. */
    sendText(to, text, options) {
        return this.sendMessage(to, { conversation: text }, options);
    }

    sendMessage(to, message, { id = newId(), server = 'lid' } = {}) {
        const acked = new Promise(resolve => this.pending.set(id, resolve));
        this.outgoing = this.outgoing.then(() =>
            this.transmit(to, message, id, server));
        this.outgoing.catch(() => {});
        const done = this.outgoing.then(() => acked)
            .then(ack => ({ id, ack }));
        this.outgoing = this.outgoing.catch(() => {});
        return done;
    }

    async transmit(to, message, id, server) {
        const address = server === 'lid' ? `${to.lid}@lid`
            : `${to.pn}@s.whatsapp.net`;
        const plain = encodeMessage(message);
        const own = encodeMessage({ deviceSentMessage:
            { destinationJid: address, message } });
        const targets = [...new Set([...to.devices.values(),
            ...this.account.devices.values()])];
        const list = [];
        for (const t of targets) {
            if (t !== this.device) {
                list.push(node('to', { jid: t.jid(server) }, [
                    await this.encryptFor(t,
                        t.account === this.account ? own : plain)]));
            }
        }
        this.noteMedia(id, message);
        this.sent.set(id, { message, to, server });
        this.album.keep(id, { message, own: true });
        if (this.sent.size > SENT_KEPT) {
            this.sent.delete(this.sent.keys().next().value);
        }
        routeMessage(this.sim, this.device, node('message',
            { id, to: address, type: 'text' },
            [node('participants', {}, list)]));
    }

    async sendPeer(target, message) {
        const enc = await this.encryptFor(target, encodeMessage(message));
        const id = newId();
        routeMessage(this.sim, this.device, node('message', { id,
            to: target.pnJid, type: 'text', category: 'peer' }, [enc]));
        return id;
    }

    /** The session that a retry receipt calls for. */
    async renew(stanza, target) {
        const keys = child(stanza, 'keys');
        if (keys !== undefined) {
            await this.signal.startSession(target, bundleOf(stanza, keys));
        } else if (['4', '7'].includes(child(stanza, 'retry').attrs.error)
            || !this.signal.hasSession(target)) {
            this.signal.forget(target);
        }
    }

    async onRetry(stanza) {
        if (forGroup(stanza)) {
            await this.groups.onRetry(stanza);
            return;
        }
        const { id, from, recipient } = stanza.attrs;
        const target = this.sim.registry.device(from);
        const kept = this.sent.get(id);
        if (kept === undefined || target === undefined) {
            return;
        }
        await this.renew(stanza, target);
        const own = target.account === this.account;
        const { server } = parseJid(from);
        const enc = await this.encryptFor(target, encodeMessage(own
            ? { deviceSentMessage: { destinationJid:
                `${kept.to.lid}@lid`, message: kept.message } }
            : kept.message));
        enc.attrs.count = child(stanza, 'retry').attrs.count;
        routeMessage(this.sim, this.device, node('message', { id,
            to: target.jid(server), type: 'text', device_fanout: 'false',
            recipient: own ? recipient : undefined }, [enc]));
        this.emit('resent', { id, to: target });
    }
}

function bundleOf(stanza, keys) {
    const skey = child(keys, 'skey');
    const key = child(keys, 'key');
    return {
        registrationId: uintOf(child(stanza, 'registration'), 4),
        identity: bytesOf(child(keys, 'identity')),
        skey: { id: uintOf(child(skey, 'id'), 3),
            pub: bytesOf(child(skey, 'value')),
            signature: bytesOf(child(skey, 'signature')) },
        key: key && { id: uintOf(child(key, 'id'), 3),
            pub: bytesOf(child(key, 'value')) },
    };
}

