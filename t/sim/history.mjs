// What a phone gives of its history to a companion: HistorySync, deflated,
// in the notification itself or as a file on the media servers; and older
// messages of a chat when it is asked for them.
//
//   id = await offer(phone, device, { syncType, progress, conversations, ... },
//       { inline: true })
//   device.history.get(id).taken     the receipt has come
//   phone.older = (ask, device) => HistorySync | undefined
//
// Events of the simulator: history-taken (device, id); of the phone:
// history-asked (request).
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { proto } from 'baileys/WAProto/index.js';
import { hkdf } from 'baileys/lib/Utils/crypto.js';
import { parseJid } from './codec.mjs';
import { randomBytes } from './keys.mjs';

const { Type } = proto.Message.ProtocolMessage;
const { HistorySyncType } = proto.HistorySync;
const ON_DEMAND = proto.Message.PeerDataOperationRequestType
    .HISTORY_SYNC_ON_DEMAND;

const sha256 = b => createHash('sha256').update(b).digest();

/** The file as the media servers have it. */
function seal(plain) {
    const mediaKey = randomBytes(32);
    const keys = hkdf(mediaKey, 112, { info: 'WhatsApp History Keys' });
    const iv = keys.subarray(0, 16);
    const cipher = createCipheriv('aes-256-cbc', keys.subarray(16, 48), iv);
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    const mac = createHmac('sha256', keys.subarray(48, 80)).update(iv)
        .update(body).digest().subarray(0, 10);
    return { mediaKey, bytes: Buffer.concat([body, mac]) };
}

export const encodeHistory = sync => deflateSync(proto.HistorySync.encode(
    proto.HistorySync.fromObject(sync)).finish());

/** Resolves with the id of the message that offers it. `packed`: bytes in
 *  place of what `sync` would be. */
export async function offer(phone, device, sync, { inline = false, packed,
    session, expired = false } = {}) {
    const bytes = packed ?? encodeHistory(sync);
    const notification = { syncType: sync.syncType
        ?? HistorySyncType.RECENT, chunkOrder: sync.chunkOrder ?? 1,
    progress: sync.progress, peerDataRequestSessionId: session };
    let file;
    if (inline) {
        notification.initialHistBootstrapInlinePayload = bytes;
    } else {
        const sealed = seal(bytes);
        file = await phone.sim.media.put(sealed.bytes, 'md-msg-hist');
        file.expired = expired;
        Object.assign(notification, { mediaKey: sealed.mediaKey,
            fileSha256: sha256(bytes), fileLength: bytes.length,
            fileEncSha256: sha256(sealed.bytes), directPath: file.path });
    }
    const id = await phone.sendPeer(device, { protocolMessage: {
        type: Type.HISTORY_SYNC_NOTIFICATION,
        historySyncNotification: notification } });
    device.history ??= new Map();
    device.history.set(id, { file, taken: false });
    if (!inline) {
        phone.media.set(id, { ...notification, history: true });
    }
    return id;
}

/** <receipt type=hist_sync>: the file may go. */
export function historyTaken(sim, device, stanza, bad) {
    const { id, to } = stanza.attrs;
    const piece = device.history?.get(id);
    if (parseJid(to)?.device !== 0
        || sim.registry.account(to) !== device.account) {
        bad('hist-sync', `to="${to}" is not the own bare address`);
    }
    if (piece === undefined) {
        bad('hist-sync', `nothing was offered as ${id}`);
        return;
    }
    piece.taken = true;
    sim.emit('history-taken', device, id);
}

/** A companion asks for older messages; false: it asks something else. */
export async function answerOlder(phone, author, id, message) {
    const request = message.protocolMessage?.peerDataOperationRequestMessage;
    const ask = request?.historySyncOnDemandRequest;
    if (request?.peerDataOperationRequestType !== ON_DEMAND) {
        return false;
    }
    const bad = text => phone.sim.violate(author, 'history', `${author}: `
        + text);
    if (parseJid(ask?.chatJid) === undefined || !ask.oldestMsgId) {
        bad(`chat "${ask?.chatJid}", message "${ask?.oldestMsgId}"`);
    }
    if (!(ask?.onDemandMsgCount >= 1)
        || String(ask.oldestMsgTimestampMs).length !== 10) {
        bad(`count ${ask?.onDemandMsgCount}, before `
            + `${ask?.oldestMsgTimestampMs}, which is to be in seconds`);
    }
    phone.emit('history-asked', ask, author);
    const sync = phone.older?.(ask, author);
    if (sync !== undefined) {
        await offer(phone, author, { syncType: HistorySyncType.ON_DEMAND,
            progress: 100, ...sync }, { inline: true, session: id });
    }
    return true;
}

/** A conversation as phones have it, newest message first. */
export function conversation(id, messages, more = {}) {
    return { id, ...more, messages: messages.map((m, i) => ({
        msgOrderId: messages.length - i,
        message: { key: { remoteJid: id, fromMe: m.own ?? false, id: m.id,
            participant: m.participant }, message: m.message
            ?? { conversation: m.text }, messageTimestamp: m.t,
        status: m.status, ...m.info } })) };
}

export { HistorySyncType };
