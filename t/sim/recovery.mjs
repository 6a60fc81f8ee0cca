// A collection of app state as a phone sends it to a companion that cannot
// read the server's: its records as they are, with the hash that they make
// (peer data operation COMPANION_SYNCD_SNAPSHOT_FATAL_RECOVERY; fields:
// whatsmeow appstate.ProcessRecovery).
//
// Events of the simulator: appstate-recovery (device, collection).
import { gzipSync } from 'node:zlib';
import { proto } from 'baileys';

const { Type } = proto.Message.ProtocolMessage;
const RECOVERY = proto.Message.PeerDataOperationRequestType
    .COMPANION_SYNCD_SNAPSHOT_FATAL_RECOVERY;

/** True if the message is such a request; resolves when it is answered. */
export async function answerRecovery(phone, author, id, message) {
    const p = message.protocolMessage;
    const request = p?.peerDataOperationRequestMessage;
    if (p?.type !== Type.PEER_DATA_OPERATION_REQUEST_MESSAGE
        || request?.peerDataOperationRequestType !== RECOVERY) {
        return false;
    }
    const { sim, state } = phone;
    const { collectionName, timestamp } =
        request.syncdCollectionFatalRecoveryRequest ?? {};
    const c = state.server.collections.get(collectionName);
    const off = Math.abs(Number(timestamp ?? 0) - Date.now() / 1000);
    if (c === undefined || collectionName === 'critical_block'
        || off > 86400) {
        sim.violate(author, 'peer', `${author}: recovery of `
            + `${collectionName} at ${timestamp}`);
        return true;
    }
    sim.emit('appstate-recovery', author, collectionName);
    const bytes = encodeRecovery(c);
    await phone.sendPeer(author, { protocolMessage: {
        type: Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
        peerDataOperationRequestResponseMessage: {
            peerDataOperationRequestType: RECOVERY, stanzaId: id,
            peerDataOperationResult: [{ syncdSnapshotFatalRecoveryResponse: {
                collectionSnapshot: gzipSync(bytes),
                isCompressed: true } }] } } });
    return true;
}

const varint = n => n < 128 ? [n]
    : [n % 128 + 128, ...varint(Math.floor(n / 128))];
const field = (number, bytes) => Buffer.concat([
    Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]),
    bytes]);

/** SyncdSnapshotRecovery, which Baileys does not know. */
function encodeRecovery({ version, name, entries, hash }) {
    return Buffer.concat([
        field(1, Buffer.from([8, ...varint(version)])),
        field(2, Buffer.from(name)),
        ...[...entries.values()].map(e => field(3, Buffer.concat([
            field(1, proto.SyncActionData.encode(e.data).finish()),
            field(2, e.record.keyId.id), field(3, e.mac)]))),
        field(4, hash)]);
}
