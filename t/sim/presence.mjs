// Who is there and who is typing: told to those who asked for it, and only
// while they are there themselves.
import { bytesOf, child, children, node, parseJid, show } from './codec.mjs';
import { roomOf } from './audience.mjs';

const now = () => Math.floor(Date.now() / 1000);
const NAME_MAX = 200;

/** A phone has no link of its own that could be away. */
const listens = device => device.link?.virtual
    || (device.available && device.link !== undefined);

const send = (device, stanza) => (device.link?.virtual
    ? device.link.deliver(stanza) : device.link?.send?.(stanza));

const online = account => [...account.devices.values()]
    .some(d => d.available && d.link !== undefined);

/** How `account` is shown to `viewer`, in the form it was asked in. */
function shown(account, viewer, server) {
    const from = server === 'lid' ? `${account.lid}@lid`
        : `${account.pn}@s.whatsapp.net`;
    const { last = 'all', online: seen = 'all' } = account.privacy ?? {};
    const hidden = last === 'none';
    if (online(account) && !(hidden && seen === 'match_last_seen')) {
        return node('presence', { from });
    }
    return node('presence', { from, type: 'unavailable',
        last: hidden ? 'deny' : account.lastSeen ?? 'none' });
}

function tell(account) {
    for (const [viewer, server] of account.subscribers) {
        if (listens(viewer) && viewer.account !== account) {
            send(viewer, shown(account, viewer, server));
        }
    }
}

/** A device is (un)available from now on. */
export function setAvailable(device, available) {
    const { account } = device;
    if (Boolean(device.available) === available) {
        return;
    }
    device.available = available;
    account.lastSeen = now();
    account.sim.emit('presence', device, available);
    tell(account);
}

/** The link is gone, and with it what it had asked for. */
export function forgetPresence(device) {
    for (const account of device.watches ?? []) {
        account.subscribers.delete(device);
    }
    device.watches = undefined;
    setAvailable(device, false);
}

function subscribe(conn, stanza, on) {
    const { sim, device } = conn;
    const { to } = stanza.attrs;
    const account = sim.registry.account(to);
    if (account === undefined || parseJid(to).explicit
        || account === device.account) {
        conn.violate('presence', show(stanza), stanza);
        return;
    }
    const token = child(stanza, 'tctoken');
    if (token !== undefined && !account.tokens?.get(device.account)
        ?.some(k => bytesOf(token)?.equals(k.bytes))) {
        conn.violate('token', 'tctoken that this contact never gave', stanza);
    }
    if (children(stanza).some(c => c !== token)) {
        conn.violate('presence', show(stanza), stanza);
    }
    if (!on) {
        account.subscribers.delete(device);
        device.watches?.delete(account);
        sim.emit('unsubscribe', device, account);
        return;
    }
    const { server } = parseJid(to);
    account.subscribers.set(device, server);
    (device.watches ??= new Set()).add(account);
    sim.emit('subscribe', device, account, { token: token !== undefined });
    if (listens(device)) {
        send(device, shown(account, device, server));
    }
}

export function handlePresence(conn, stanza) {
    const { type = 'available', name } = stanza.attrs;
    const { account, device, sim } = conn;
    if (type === 'subscribe' || type === 'unsubscribe') {
        subscribe(conn, stanza, type === 'subscribe');
        return;
    }
    if (type !== 'available' && type !== 'unavailable') {
        conn.violate('presence', show(stanza), stanza);
        return;
    }
    if (name === undefined) {
        sim.violate(device, 'presence-without-name', show(stanza), stanza);
    } else if (name.length > NAME_MAX) {
        conn.violate('presence', 'name', stanza);
    } else {
        account.name = name;
    }
    sim.emit('presence-sent', device, type, name);
    setAvailable(device, type === 'available');
}

/** <composing [media=audio]/> or <paused/> of `device` to a chat. */
export function chatstate(sim, device, to, content, bad = () => {}) {
    const [state, more] = content ?? [];
    if (!['composing', 'paused'].includes(state?.tag) || more !== undefined
        || ![undefined, 'audio'].includes(state.attrs.media)) {
        bad();
        return;
    }
    const room = roomOf(sim, to);
    sim.emit('chatstate', device, to, state);
    if (room !== undefined) {
        for (const d of room.devices()) {
            if (d.account !== device.account && listens(d)) {
                send(d, node('chatstate', { from: room.jid,
                    participant: room.name(device) }, content));
            }
        }
        return;
    }
    const peer = sim.registry.account(to);
    if (peer === undefined || parseJid(to).explicit) {
        bad();
        return;
    }
    const { server } = parseJid(to);
    for (const d of peer.devices.values()) {
        if (listens(d)) {
            send(d, node('chatstate', { from: device.jid(server) }, content));
        }
    }
}

export function handleChatstate(conn, stanza) {
    chatstate(conn.sim, conn.device, stanza.attrs.to, children(stanza),
        () => conn.violate('chatstate', show(stanza), stanza));
}

/** What a phone does: it is there or not, and types. */
export const phonePresence = (phone, available) =>
    setAvailable(phone.device, available);

export function phoneTypes(phone, to, state = 'composing') {
    const tag = state === 'recording' ? 'composing' : state;
    chatstate(phone.sim, phone.device, to, [node(tag,
        state === 'recording' ? { media: 'audio' } : {})]);
}
