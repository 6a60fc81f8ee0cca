// A phone as a member of groups: sender keys in memory, copies and resends.
// The group cipher is the one of npm baileys.
import { GroupCipher, GroupSessionBuilder, SenderKeyDistributionMessage,
    SenderKeyName, SenderKeyRecord }
    from 'baileys/lib/Signal/Group/index.js';
import { proto } from 'baileys/WAProto/index.js';
import { child, children, node } from './codec.mjs';
import { encodeMessage, pad, unpad } from './signal.mjs';
import { newId } from './ids.mjs';
import { handleReceipt } from './receipts.mjs';
import { routeMessage } from './routing.mjs';
import { isRoom } from './audience.mjs';

const KEPT = 256;

function nameOf(room, device) {
    return new SenderKeyName(room, { id: `${device.account.lid}_1`,
        deviceId: device.id, toString() {
            return `${this.id}.${this.deviceId}`;
        } });
}

export class GroupPhone {
    constructor(phone) {
        this.phone = phone;
        this.sim = phone.sim;
        this.records = new Map();
        this.holders = new Map(); // room -> devices that have our key
        this.sent = new Map();
        const keys = this.records;
        this.store = {
            loadSenderKey: async name => {
                const r = keys.get(name.toString());
                return r === undefined ? new SenderKeyRecord()
                    : SenderKeyRecord.deserialize(r);
            },
            storeSenderKey: async (name, record) => {
                keys.set(name.toString(), Buffer.from(JSON.stringify(
                    record.serialize())));
            },
        };
    }

    async learn(author, message) {
        const m = message.senderKeyDistributionMessage;
        if (!m?.axolotlSenderKeyDistributionMessage) {
            return;
        }
        await new GroupSessionBuilder(this.store).process(
            nameOf(m.groupId, author), new SenderKeyDistributionMessage(null,
                null, null, null, m.axolotlSenderKeyDistributionMessage));
    }

    async open(room, author, enc) {
        if (enc.attrs.type === 'skmsg') {
            const plain = await new GroupCipher(this.store,
                nameOf(room, author)).decrypt(Buffer.from(enc.content));
            return proto.Message.decode(unpad(Buffer.from(plain)));
        }
        return this.phone.signal.decrypt(author, enc.attrs.type,
            Buffer.from(enc.content));
    }

    async onMessage(stanza) {
        const { phone } = this;
        const { from, id, participant } = stanza.attrs;
        const author = this.sim.registry.device(participant);
        let message;
        try {
            for (const enc of children(stanza, 'enc')) {
                const m = await this.open(from, author, enc);
                await this.learn(author, m);
                message = enc.attrs.type === 'skmsg' || message === undefined
                    ? m : message;
            }
        } catch (error) {
            phone.emit('undecryptable', { id, from: author, error });
            phone.askAgain(stanza);
            return;
        }
        phone.failures.delete(id);
        phone.noteMedia(id, message);
        const own = author.account === phone.account;
        if (phone.receipts) {
            handleReceipt(this.sim, phone.device, node('receipt', { id,
                to: from, participant, type: own ? 'sender' : undefined }));
        }
        phone.emit('message', { id, from: author, message, own, room: from,
            text: message.conversation
                || message.extendedTextMessage?.text || undefined, stanza });
    }

    /** A new sender key with the next message. */
    forget(room) {
        this.records.delete(nameOf(room, this.phone.device).toString());
        this.holders.delete(room);
    }

    async skdm(room) {
        return (await new GroupSessionBuilder(this.store).create(
            nameOf(room, this.phone.device))).serialize();
    }

    distribution(room, bytes) {
        return { groupId: room, axolotlSenderKeyDistributionMessage: bytes };
    }

    /** Sends to a group; with `all` every device is given the key again, as
     *  some clients do with each message. Resolves with the id. */
    async send(group, message, { all = false, id = newId() } = {}) {
        const { phone } = this;
        const room = group.jid;
        const bytes = await this.skdm(room);
        const holders = this.holders.get(room) ?? new Set();
        const list = [];
        for (const d of group.devices()) {
            if (d !== phone.device && (all || !holders.has(d))) {
                list.push(node('to', { jid: group.name(d) }, [
                    await phone.encryptFor(d, encodeMessage({
                        senderKeyDistributionMessage:
                            this.distribution(room, bytes) }))]));
                holders.add(d);
            }
        }
        this.holders.set(room, holders);
        const cipher = await new GroupCipher(this.store,
            nameOf(room, phone.device)).encrypt(pad(Buffer.from(
            proto.Message.encode(proto.Message.fromObject(message))
                .finish())));
        this.sent.set(id, message);
        if (this.sent.size > KEPT) {
            this.sent.delete(this.sent.keys().next().value);
        }
        routeMessage(this.sim, phone.device, node('message', { id, to: room,
            type: 'text', addressing_mode: group.mode,
            phash: group.hash() }, [
            ...(list.length > 0 ? [node('participants', {}, list)] : []),
            node('enc', { v: 2, type: 'skmsg' }, Buffer.from(cipher)),
            ...(group.meta ?? [])]));
        return id;
    }

    async onRetry(stanza) {
        const { id, from, participant } = stanza.attrs;
        const message = this.sent.get(id);
        const target = this.sim.registry.device(participant);
        if (message === undefined || target === undefined) {
            return;
        }
        await this.phone.renew(stanza, target);
        const enc = await this.phone.encryptFor(target, encodeMessage({
            ...message, senderKeyDistributionMessage:
                this.distribution(from, await this.skdm(from)) }));
        enc.attrs.count = child(stanza, 'retry').attrs.count;
        routeMessage(this.sim, this.phone.device, node('message', { id,
            to: from, participant, type: 'text' }, [enc]));
    }
}

export function forGroup(stanza) {
    return isRoom(stanza.attrs.from);
}
