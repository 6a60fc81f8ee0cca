// Deliberate misbehaviour. A knob is read from the account first, then from
// the server: sim.faults.latencyMs = 20; account.faults.compress = true.
// The counted ones (corruptEnc, duplicate, reorder, ...) may also be set on one
// device: device.faults.corruptEnc = 1.
//
//   latencyMs       delay of every outgoing frame
//   compress        nodes leave zlib-compressed (flag 2)
//   split           WebSocket messages of at most this many bytes
//   coalesce        frames of this many milliseconds leave as one message
//   dropAfterFrames connection is cut after so many frames in and out
//   cutBeforeAck    how many messages are delivered, but the connection is
//                   cut in place of the ack
//   loseMessage     how many messages are lost with the connection
//   swallow         how many messages are lost without a trace
//   muteIq          iqs of this xmlns stay unanswered
//   mutePing        pings stay unanswered
//   holdAcks        message acks are kept until release(account)
//   corruptEnc      how many delivered messages get a wrong MAC
//   duplicate       how many delivered stanzas are sent twice
//   reorder         how many delivered messages change places with the next
//   failure         { reason, ... } answers each login
//   loginRate       { perSecond, longestMs }: logins wait for their turn; who
//                   would wait longer than that is sent away with 503
//   ik              'decline', 'spoil' or 'close': what happens to a hello of
//                   Noise IK; of the server only, nobody is known yet
//   passkey         of an account: it is linked with a passkey, passkey.mjs
//   codeRefused     code of the error that answers who wants a pairing code
//   reachout, lidOnly, exactDevices  refusals, see identity.mjs
//   hideNumber      what this account sends by LID does not name its number
//   throttle, clockS  see throttle.mjs
//   refuseRouting   who names a way in is cut off (all accounts)
//   usyncLimit      lookups are refused for so many seconds, see usync.mjs
//   spoilChain      see certs.mjs; certificate chain of new connections
import { createRequire } from 'node:module';

const { PreKeyWhisperMessage } = createRequire(import.meta.url)(
    'libsignal/src/protobufs.js');

export const KNOBS = ['latencyMs', 'compress', 'split', 'coalesce',
    'dropAfterFrames', 'cutBeforeAck', 'loseMessage', 'swallow', 'muteIq',
    'mutePing', 'holdAcks', 'corruptEnc', 'duplicate', 'reorder', 'failure',
    'loginRate', 'reachout', 'lidOnly', 'exactDevices', 'hideNumber',
    'spoilChain', 'unavailable', 'unavailableType', 'throttle', 'clockS',
    'refuseRouting', 'usyncLimit', 'codeRefused', 'ik', 'passkey'];

export function knob(sim, account, name) {
    return account?.faults[name] ?? sim.faults[name];
}

/** Uses up one unit of a counted knob. */
export function take(sim, device, name) {
    for (const holder of [device.faults, device.account.faults, sim.faults]) {
        if (holder[name] > 0) {
            holder[name]--;
            return true;
        }
    }
    return false;
}

/** The MAC is the end of the inner message, also inside a pkmsg. */
function spoilMac(enc) {
    const flip = bytes => {
        const out = Buffer.from(bytes);
        out[out.length - 1] ^= 0x55;
        return out;
    };
    if (enc.attrs.type !== 'pkmsg') {
        return { ...enc, content: flip(enc.content) };
    }
    const outer = PreKeyWhisperMessage.decode(enc.content.subarray(1));
    outer.message = flip(outer.message);
    return { ...enc, content: Buffer.concat([enc.content.subarray(0, 1),
        PreKeyWhisperMessage.encode(outer).finish()]) };
}

function withWrongMac(stanza) {
    return { ...stanza, content: stanza.content.map(c =>
        (c.tag === 'enc' ? spoilMac(c) : c)) };
}

/** One stanza to deliver -> the stanzas that really leave. */
export function applyEncFaults(sim, device, stanza) {
    let out = [stanza];
    if (stanza.tag === 'message') {
        if (Array.isArray(stanza.content)
            && stanza.content.some(c => c.tag === 'enc')
            && take(sim, device, 'corruptEnc')) {
            out = [withWrongMac(stanza)];
        }
        if (device.heldBack !== undefined) {
            out.push(device.heldBack);
            device.heldBack = undefined;
        } else if (take(sim, device, 'reorder')) {
            device.heldBack = out[0];
            return [];
        }
    }
    if (take(sim, device, 'duplicate')) {
        out = [...out, ...out];
    }
    return out;
}
