// Acks and receipts from a device: they clear its mailbox, and receipts
// travel on to the people they are for.
import { bytesOf, child, children, node, parseJid, uintOf } from './codec.mjs';
import { verify, withType } from './keys.mjs';
import { checkDeviceIdentity } from './adv.mjs';
import { groupReceipt } from './group_routing.mjs';
import { isRoom, STATUS } from './audience.mjs';
import { historyTaken } from './history.mjs';
import { newsletterReceipt } from './newsletter.mjs';
import { checkRead, syncRead } from './read_sync.mjs';

const TYPES = [undefined, 'inactive', 'sender', 'peer_msg', 'hist_sync', 'read',
    'read-self', 'played', 'played-self', 'server-error', 'retry',
    'enc_rekey_retry', 'view'];
const CLEARS = [undefined, 'inactive', 'sender', 'peer_msg'];
const TRAVELS = [undefined, 'inactive', 'read', 'played'];
const CLASSES = ['message', 'receipt', 'notification', 'call'];
const MAX_IDS = 256;
const UNKNOWN_STANZA = '488';

function expectedType(entry) {
    if (entry.own) {
        return ['sender'];
    }
    return entry.stanza.attrs.category === 'peer' ? ['peer_msg', 'hist_sync']
        : [undefined, 'inactive'];
}

function clearMessage(sim, device, stanza, id, bad) {
    const { type, to } = stanza.attrs;
    const entry = device.mailbox.answered('message', id, e =>
        expectedType(e).includes(type));
    if (entry === undefined) {
        return;
    }
    entry.replied = true;
    if (!expectedType(entry).includes(type)) {
        bad(entry.own && to === STATUS ? 'receipt-own-status' : 'receipt',
            `type "${type}" for a message that needs ` +
            `"${expectedType(entry)[0]}"`);
    }
    const author = sim.registry.device(entry.stanza.attrs.from);
    if (stanza.attrs.participant !== entry.stanza.attrs.participant) {
        bad('receipt', `participant="${stanza.attrs.participant}", author is `
            + entry.stanza.attrs.participant);
    }
    if (author !== undefined && sim.registry.device(to) !== author
        && entry.stanza.attrs.category !== 'peer') {
        bad('receipt', `to="${to}", message came from ` +
            entry.stanza.attrs.from);
    }
    if (entry.own && sim.registry.account(stanza.attrs.recipient)
        !== sim.registry.account(entry.stanza.attrs.recipient)) {
        bad('receipt', `recipient="${stanza.attrs.recipient}"`);
    }
}

function travel(sim, device, stanza) {
    const { to, id, type } = stanza.attrs;
    if (isRoom(to)) {
        groupReceipt(sim, device, stanza);
        return;
    }
    const { server } = parseJid(to);
    const account = sim.registry.account(to);
    if (account === undefined || account === device.account) {
        return;
    }
    for (const d of account.devices.values()) {
        d.mailbox.post(node('receipt', { from: device.jid(server), id, type,
            t: Math.floor(Date.now() / 1000) }, stanza.content));
    }
}

function checkKeys(device, keys, bad) {
    const skey = child(keys, 'skey');
    const key = child(keys, 'key');
    const id = uintOf(child(key, 'id'), 3);
    const pub = bytesOf(child(key, 'value'));
    const spub = bytesOf(child(skey, 'value'));
    const sig = bytesOf(child(skey, 'signature'));
    if (!bytesOf(child(keys, 'type'))?.equals(Buffer.from([5]))
        || !bytesOf(child(keys, 'identity'))?.equals(device.identityPub)) {
        bad('retry', 'type or identity in keys');
    }
    if (id === undefined || pub?.length !== 32) {
        bad('retry', 'one-time key in keys');
    } else if (device.prekeys.has(id)) {
        bad('retry', `one-time key ${id} is in the uploaded pool`);
    } else {
        const before = device.issued.get(id);
        if (before !== undefined) {
            bad('retry', `one-time key ${id} was handed out before`);
        }
        device.issued.set(id, pub);
    }
    if (spub?.length !== 32 || sig?.length !== 64
        || !verify(device.identityPub, sig, withType(spub))) {
        bad('retry', 'skey in keys');
    } else if (!device.signedPreKeys.has(uintOf(child(skey, 'id'), 3))) {
        bad('retry', 'skey in keys was never uploaded');
    }
    const di = bytesOf(child(keys, 'device-identity'));
    if (device.id !== 0) {
        const problems = di === undefined ? ['device-identity is missing']
            : checkDeviceIdentity(di, device.advIdentity, device.identityPub,
                true);
        problems.forEach(p => bad('retry', p));
    }
}

function retry(sim, device, stanza, bad) {
    const { id, to, recipient, participant } = stanza.attrs;
    const r = child(stanza, 'retry');
    const count = Number(r?.attrs.count);
    const target = sim.registry.device(isRoom(to) ? participant : to);
    if (r === undefined || r.attrs.v !== '1' || r.attrs.id !== id
        || !/^\d{10}$/.test(r.attrs.t ?? '') || !(count >= 1 && count <= 5)) {
        bad('retry', 'retry node');
    }
    if (uintOf(child(stanza, 'registration'), 4) !== device.registrationId) {
        bad('retry', 'registration');
    }
    const keys = child(stanza, 'keys');
    if (keys !== undefined) {
        checkKeys(device, keys, bad);
    } else if (count >= 2) {
        bad('retry', `no keys in retry ${count}`);
    }
    if (target === undefined) {
        return;
    }
    const entry = device.mailbox.answered('message', id, () => false);
    if (entry !== undefined) {
        entry.replied = true;
        entry.retried = true;
    }
    sim.counters.retries++;
    sim.emit('retry', device, target, id, count);
    target.retryWanted.set(`${id}|${device.pnJid}`, count);
    if (isRoom(to)) {
        groupReceipt(sim, device, stanza);
        return;
    }
    const { server } = parseJid(to);
    target.mailbox.post(node('receipt', { from: device.jid(server), id,
        type: 'retry', recipient, t: Math.floor(Date.now() / 1000) },
    stanza.content));
}

export function handleReceipt(sim, device, stanza) {
    const bad = (kind, text) => sim.violate(device, kind,
        `${device}: ${text}`, stanza);
    const { id, to, type } = stanza.attrs;
    if (parseJid(to)?.server === 'newsletter') {
        newsletterReceipt(sim, device, stanza);
        return;
    }
    sim.counters.receipts++;
    if (!TYPES.includes(type) || id === undefined
        || parseJid(to) === undefined) {
        bad('receipt', `id "${id}", to "${to}", type "${type}"`);
        return;
    }
    const ids = [id, ...children(child(stanza, 'list'), 'item')
        .map(i => i.attrs.id)];
    if (ids.length > MAX_IDS) {
        bad('receipt', `${ids.length} ids`);
    }
    for (const i of ids) {
        if (!device.received.has(i)) {
            bad('receipt', `message ${i} was never delivered`);
        }
        if (CLEARS.includes(type)) {
            clearMessage(sim, device, stanza, i, bad);
        }
    }
    if (type === 'retry') {
        retry(sim, device, stanza, bad);
    } else if (type === 'hist_sync') {
        historyTaken(sim, device, stanza, bad);
    } else if (type === 'server-error') {
        sim.media?.onRetry(device, stanza, bad);
    } else if (TRAVELS.includes(type)) {
        travel(sim, device, stanza);
    }
    checkRead(device, stanza, bad);
    syncRead(sim, device, stanza);
    sim.emit('receipt', device, stanza);
    device.link?.send?.(node('ack', { class: 'receipt', id, type, from: to }));
}

export function handleAck(sim, device, stanza) {
    const { id, class: tag, error, type, to } = stanza.attrs;
    const bad = text => sim.violate(device, 'ack', `${device}: ${text}`,
        stanza);
    if (error === UNKNOWN_STANZA && id !== undefined && to !== undefined
        && !CLASSES.includes(tag)) {
        sim.nacks.push({ device, id, error });
        return;
    }
    if (!CLASSES.includes(tag) || id === undefined || to === undefined) {
        bad('class, id or to');
        return;
    }
    if (error !== undefined) {
        sim.nacks.push({ device, id, error });
    }
    const exact = `${tag}|${id}|${to}|${type}`;
    const suits = e => e.stanza.attrs.from === to
        && (tag === 'message' || e.stanza.attrs.type === type);
    const known = device.acked.has(exact)
        && !device.mailbox.entries.some(e => e.stanza.tag === tag
            && e.stanza.attrs.id === id && suits(e));
    // the ack of a stanza that was delivered twice
    const entry = known ? undefined : device.mailbox.answered(tag, id,
        e => !e.own || e.replied || error !== undefined, suits);
    if (entry === undefined) {
        if (tag === 'message' ? !device.received.has(id)
            : !device.acked.has(`${tag}|${id}`)) {
            bad(`answers no ${tag}`);
        }
        return;
    }
    device.acked.set(`${tag}|${id}`);
    device.acked.set(exact);
    const expected = tag === 'call' ? children(entry.stanza)[0]?.tag
        : entry.stanza.attrs.type;
    if (tag !== 'message' && type !== expected) {
        sim.violate(device, tag === 'call' ? 'call-ack' : 'ack',
            `${device}: type "${type}" instead of "${expected}"`, stanza);
    }
    if (to !== entry.stanza.attrs.from
        && !(parseJid(to)?.user === '' && entry.stanza.attrs.from[0] === '@')) {
        bad(`to="${to}", stanza came from ${entry.stanza.attrs.from}`);
    }
    entry.onAnswered?.();
    sim.emit(`ack-${tag}`, device, id);
}
