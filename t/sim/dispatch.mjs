// Incoming stanzas by tag, and the small ones that need no file of their own.
import { child, children, node, parseJid, show } from './codec.mjs';
import { handleIq } from './iq.mjs';
import { routeMessage } from './routing.mjs';
import { handleAck, handleReceipt } from './receipts.mjs';

function handleIb(conn, stanza) {
    for (const c of children(stanza)) {
        if (c.tag === 'offline_batch') {
            if (!/^\d{1,4}$/.test(c.attrs.count ?? '')) {
                conn.violate('ib', 'offline_batch count', stanza);
                return;
            }
            conn.device?.mailbox.batch(Number(c.attrs.count));
        } else if (c.tag === 'unified_session') {
            if (!/^\d{1,10}$/.test(c.attrs.id ?? '')) {
                conn.violate('ib', 'unified_session id', stanza);
            }
        } else {
            conn.sim.unknown.push(show(stanza));
        }
    }
}

/** Presence of a device: shown to those who subscribed to the account. */
function handlePresence(conn, stanza) {
    const { type, name, to } = stanza.attrs;
    const { account, device, sim } = conn;
    if (type === 'subscribe') {
        sim.registry.account(to)?.subscribers.add(device);
        return;
    }
    if (name === undefined) {
        sim.violate(device, 'presence-without-name', show(stanza), stanza);
    } else {
        account.name = name;
    }
    device.available = type === undefined || type === 'available';
    sim.emit('presence', device, device.available);
    for (const s of account.subscribers) {
        s.link?.send?.(node('presence', { from: `${account.lid}@lid`,
            type: device.available ? undefined : 'unavailable' }));
    }
}

function handleChatstate(conn, stanza) {
    const peer = conn.sim.registry.account(stanza.attrs.to);
    const state = children(stanza)[0]?.tag;
    if (peer === undefined || !['composing', 'paused'].includes(state)) {
        conn.violate('chatstate', show(stanza), stanza);
        return;
    }
    const { server } = parseJid(stanza.attrs.to);
    for (const d of peer.devices.values()) {
        d.link?.send?.(node('chatstate', { from: conn.device.jid(server) },
            stanza.content));
    }
}

export function dispatch(conn, stanza) {
    const { sim, device } = conn;
    if (stanza.tag === 'iq') {
        handleIq(conn, stanza);
        return;
    }
    if (stanza.tag === 'ib') {
        handleIb(conn, stanza);
        return;
    }
    if (stanza.tag === 'ack' && conn.registration !== undefined) {
        conn.registration.onAck(stanza);
        return;
    }
    if (device === undefined) {
        conn.violate('order', `${stanza.tag} before login`, stanza);
        return;
    }
    switch (stanza.tag) {
    case 'message':
        routeMessage(sim, device, stanza);
        return;
    case 'receipt':
        handleReceipt(sim, device, stanza);
        return;
    case 'ack':
        handleAck(sim, device, stanza);
        return;
    case 'presence':
        handlePresence(conn, stanza);
        return;
    case 'chatstate':
        handleChatstate(conn, stanza);
        return;
    default:
        conn.violate('stanza', `unknown tag ${stanza.tag}`, stanza);
        sim.unknown.push(show(child(stanza) ?? stanza));
    }
}
