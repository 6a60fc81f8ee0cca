// What was read on one device is read on all of an account; and receipts of
// many members that come in one stanza.
import { bare, node } from './codec.mjs';
import { isRoom, roomOf } from './audience.mjs';

const READ = ['read', 'read-self', 'played', 'played-self'];

const now = () => Math.floor(Date.now() / 1000);

/** Own other devices are told; of a 1:1 chat, in the form of its address. */
export function syncRead(sim, device, stanza) {
    const { to, id, type, t, participant } = stanza.attrs;
    if (!READ.includes(type)) {
        return;
    }
    const attrs = { id, type, t: t ?? now() };
    const room = isRoom(to) ? roomOf(sim, to) : undefined;
    if (room === undefined) {
        Object.assign(attrs, { recipient: bare(to),
            from: device.jid(to.endsWith('@lid') ? 'lid' : 's') });
    } else {
        Object.assign(attrs, { from: room.jid, recipient: participant,
            participant: room.name(device) });
    }
    for (const d of device.account.devices.values()) {
        if (d !== device) {
            d.mailbox.post(node('receipt', attrs, stanza.content));
        }
    }
}

/** An account that shows nobody what it reads must not say so in a 1:1 chat
 *  either. */
export function checkRead(device, stanza, bad) {
    const { to, type } = stanza.attrs;
    const hidden = device.account.privacy?.readreceipts === 'none';
    if (hidden && !isRoom(to) && ['read', 'played'].includes(type)) {
        bad('read-privacy', `type "${type}" with read receipts off`);
    }
}

/** One stanza that tells of messages {id: [[account, t], ..]} in a group. */
export function groupedReceipt(sim, device, groupJid, type, messages) {
    const room = roomOf(sim, groupJid);
    const id = Object.keys(messages)[0];
    device.mailbox.post(node('receipt', { from: room.jid, id, type,
        t: now() }, Object.entries(messages).map(([key, users]) =>
        node('participants', { key }, users.map(([account, t]) =>
            node('user', { jid: room.name(account), t }))))));
    return id;
}
