// Incoming stanzas by tag, and the small ones that need no file of their own.
import { child, children, show } from './codec.mjs';
import { handleCall } from './calls.mjs';
import { handleIq } from './iq.mjs';
import { routeMessage } from './routing.mjs';
import { handleAck, handleReceipt } from './receipts.mjs';
import { handleChatstate, handlePresence } from './presence.mjs';

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
    case 'call':
        handleCall(sim, device, stanza);
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
