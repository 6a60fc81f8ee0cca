// Messages that a companion cannot have: the server leaves the <enc> out
// (knob `unavailable`), the companion asks its phone (peer data operation),
// and the phone hands the message out of what it has seen.
import { proto } from 'baileys/WAProto/index.js';
import { bytesOf, child, children, node, parseJid, SERVER }
    from './codec.mjs';
import { take } from './faults.mjs';
import { answerOlder } from './history.mjs';

const KEPT = 512;
const RESEND = proto.Message.PeerDataOperationRequestType
    .PLACEHOLDER_MESSAGE_RESEND;
const { Type } = proto.Message.ProtocolMessage;

/** The stanza without its content, as often as the knob says; the kind
 *  comes from `unavailableType` of the same device. */
export function withhold(sim, device, stanza) {
    if (stanza.attrs.category === 'peer'
        || !children(stanza).some(c => c.tag === 'enc')
        || !take(sim, device, 'unavailable')) {
        return stanza;
    }
    const type = device.faults.unavailableType;
    return { ...stanza, content: type === 'absent' ? undefined
        : [node('unavailable', { type })] };
}

/** Rules for what a companion sends to its own phone. */
export function checkPeer(bad, sender, stanza) {
    const to = parseJid(stanza.attrs.to);
    if (to.server !== SERVER || to.device !== 0
        || to.user !== sender.account.pn) {
        bad('peer', `to="${stanza.attrs.to}" is not the own bare address`);
    }
    if (child(stanza, 'meta')?.attrs.appdata !== 'default') {
        bad('peer', 'no <meta appdata=default/>');
    }
    for (const tag of ['participants', 'tctoken', 'cstoken', 'reporting']) {
        if (child(stanza, tag) !== undefined) {
            bad('peer', `<${tag}> in a peer message`);
        }
    }
    if (bytesOf(child(stanza, 'enc')) === undefined) {
        bad('peer', 'enc content is not bytes');
    }
}

/** What a phone has seen, by message id. */
export class Album {
    constructor() {
        this.kept = new Map();
    }

    keep(id, entry) {
        this.kept.set(id, { timestamp: Math.floor(Date.now() / 1000),
            ...entry });
        if (this.kept.size > KEPT) {
            this.kept.delete(this.kept.keys().next().value);
        }
    }

    info(key) {
        const m = this.kept.get(key.id);
        if (m === undefined || Boolean(key.fromMe) !== m.own) {
            return undefined;
        }
        return { key, message: m.message, messageTimestamp: m.timestamp,
            pushName: m.pushName };
    }
}

/** A request of an own companion; resolves when it is answered. */
export async function answerRequest(phone, author, id, message) {
    const { sim } = phone;
    if (await answerOlder(phone, author, id, message)) {
        return;
    }
    const request = message.protocolMessage?.peerDataOperationRequestMessage;
    if (message.protocolMessage?.type
        !== Type.PEER_DATA_OPERATION_REQUEST_MESSAGE
        || request?.peerDataOperationRequestType !== RESEND) {
        return;
    }
    const keys = request.placeholderMessageResendRequest
        .map(r => r.messageKey);
    for (const key of keys) {
        if (!key?.id || parseJid(key.remoteJid) === undefined) {
            sim.violate(author, 'peer', `${author}: message key `
                + JSON.stringify(key));
        }
    }
    phone.emit('asked', { id, from: author, keys });
    const results = keys.map(key => phone.album.info(key))
        .filter(info => info !== undefined)
        .map(info => ({ placeholderMessageResendResponse: {
            webMessageInfoBytes: proto.WebMessageInfo.encode(
                proto.WebMessageInfo.fromObject(info)).finish() } }));
    if (!phone.answers || results.length === 0) {
        return;
    }
    await phone.sendPeer(author, { protocolMessage: {
        type: Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
        peerDataOperationRequestResponseMessage: {
            peerDataOperationRequestType: RESEND, stanzaId: id,
            peerDataOperationResult: results } } });
}
