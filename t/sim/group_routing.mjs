// Messages to groups: checks on what a member sends, the sender key it shows,
// and delivery to every device of the members.
import { bytesOf, child, children, node, parseJid } from './codec.mjs';
import { checkEnc } from './enc.mjs';
import { sha256 } from './keys.mjs';
import { ack, checkIdentity, checkShape } from './routing.mjs';
import { roomOf } from './audience.mjs';
import { isGroup } from './groups.mjs';
import { proto } from 'baileys/WAProto/index.js';

const SIGNATURE = 64;
const VERSION = 0x33;

function parseSenderKeyMessage(enc) {
    const bytes = bytesOf(enc);
    if (bytes === undefined || bytes[0] !== VERSION
        || bytes.length < SIGNATURE + 3) {
        throw new Error('skmsg is not a version 3 sender key message');
    }
    return proto.SenderKeyMessage.decode(bytes.subarray(1,
        bytes.length - SIGNATURE));
}

/** One device's sender key as the stanzas show it: who was given it, and
 *  which iterations were used. */
class SenderKey {
    constructor(id) {
        this.id = id;
        this.holders = new Set();
        this.used = new Map();
    }
}

function checkSenderKey(c, enc, given) {
    const { group, sender, bad } = c;
    let m;
    try {
        m = parseSenderKeyMessage(enc);
    } catch (e) {
        bad('group', e.message);
        return;
    }
    let key = group.keys.get(sender);
    if (key?.id !== m.id) {
        key = new SenderKey(m.id);
        group.keys.set(sender, key);
    }
    const mark = sha256(bytesOf(enc)).readUInt32BE();
    const before = key.used.get(m.iteration);
    if (before !== undefined && before !== mark) {
        bad('group', `iteration ${m.iteration} used twice`);
    }
    key.used.set(m.iteration, mark);
    given.forEach(d => key.holders.add(d));
    for (const d of key.holders) {
        if (d.removed || !group.members.has(d.account)) {
            bad('group-key', `${d} has left but has the sender key`);
            break;
        }
    }
    for (const d of group.devices()) {
        if (d !== sender && !key.holders.has(d)
            && (sender.id === 0 || sender.told.get(d.account)?.has(d.id))) {
            bad('group', `${d} was not given the sender key`);
        }
    }
}

/** The list of copies: [{ target, enc }]; all for devices of members. */
function readCopies(c) {
    const { sim, group, sender, stanza, bad } = c;
    const server = parseJid(group.name(sender)).server;
    return children(child(stanza, 'participants')).map(t => {
        const target = sim.registry.device(t.attrs.jid);
        const encs = children(t, 'enc');
        if (t.tag !== 'to' || parseJid(t.attrs.jid)?.server !== server) {
            bad('group', `participants holds ${t.tag} ${t.attrs.jid}`);
        }
        if (target !== undefined && !group.members.has(target.account)) {
            bad('group', `a copy for ${t.attrs.jid}, who is no member`);
        }
        if (target === sender) {
            bad('group-self', 'a copy for the sending device itself');
        }
        if (encs.length !== 1) {
            bad('group', `${encs.length} enc for ${t.attrs.jid}`);
        }
        return { target, enc: encs[0] };
    }).filter(x => x.target !== undefined && x.enc !== undefined);
}

function deliver(c, target, encs) {
    const { group, sender, stanza } = c;
    const { id, type, edit } = stanza.attrs;
    const own = target.account === sender.account;
    const identity = child(stanza, 'device-identity');
    const content = [...encs];
    if (identity !== undefined && encs.some(e => e.attrs.type === 'pkmsg')) {
        content.push(identity);
    }
    for (const t of ['meta', 'reporting', 'biz']) {
        content.push(...children(stanza, t));
    }
    c.sim.counters.delivered++;
    target.mailbox.post(node('message', { from: group.jid, id, type, edit,
        participant: group.name(sender), notify: sender.account.name,
        ...group.alias(sender.account, 'participant'),
        addressing_mode: group.mode, t: Math.floor(Date.now() / 1000) },
    content), { own });
}

/** A copy for the one device whose retry receipt asked for it. */
export function resend(c) {
    const { sim, sender, stanza, bad } = c;
    const { id, participant } = stanza.attrs;
    const target = sim.registry.device(participant);
    const enc = child(stanza, 'enc');
    if (target === undefined || enc === undefined
        || !sender.retryWanted.has(`${id}|${target.pnJid}`)) {
        bad('resend', 'nobody asked for this retry');
        ack(sim, sender, stanza);
        return;
    }
    const r = checkEnc(sim, sender, target, enc);
    r.problems.forEach(p => bad(p === 'enc attribute phash' ? 'enc-phash'
        : 'enc', `to ${participant}: ${p}`));
    checkIdentity(bad, sender, stanza, r.type === 'pkmsg', true);
    deliver(c, target, [enc]);
    c.group.keys.get(sender)?.holders.add(target);
    ack(sim, sender, stanza);
    sim.emit('group-resend', sender, target, stanza);
}

/** Ack attributes for a sender whose list of devices is not ours. */
function checkHash(c) {
    const { group, sender, stanza, bad } = c;
    const expected = group.hash();
    const { phash } = stanza.attrs;
    if (phash === undefined) {
        bad('group-phash', 'no phash');
        return {};
    }
    if (phash === expected) {
        return {};
    }
    const known = group.devices().every(d => d === sender
        || sender.told.get(d.account)?.has(d.id));
    if (known) {
        bad('group', `phash ${phash} instead of ${expected}`);
    }
    c.sim.counters.stale++;
    return { phash: expected };
}

/** Checks and delivers what goes to everybody in c.group. */
export function route(c, copies) {
    const { sim, group, sender, stanza, bad } = c;
    const { id, addressing_mode: mode } = stanza.attrs;
    const encs = children(stanza, 'enc');
    let anyPreKey = false;
    for (const { target, enc } of copies) {
        const r = checkEnc(sim, sender, target, enc);
        anyPreKey ||= r.type === 'pkmsg';
        r.problems.forEach(p => bad('enc', `to ${target}: ${p}`));
    }
    checkIdentity(bad, sender, stanza, anyPreKey, false);
    if (encs.length !== 1 || encs[0].attrs.type !== 'skmsg'
        || encs[0].attrs.v !== '2') {
        bad('group', `${encs.length} enc, the first of type `
            + encs[0]?.attrs.type);
        ack(sim, sender, stanza, { error: 479 });
        return;
    }
    if (mode !== group.mode) {
        if (!group.moved) {
            bad('group', `addressing_mode "${mode}"`);
        }
        ack(sim, sender, stanza, { error: 421 });
        return;
    }
    const digest = sha256(bytesOf(encs[0]) ?? Buffer.alloc(0))
        .toString('base64', 0, 18);
    const before = sender.sentIds.get(id);
    if (before !== undefined) {
        if (before !== digest) {
            bad('message-id', `id ${id} again with other content`);
        }
        sim.counters.repeated++;
        ack(sim, sender, stanza);
        return;
    }
    const error = sim.ackErrors.get(sender.account)?.shift();
    if (error !== undefined) {
        ack(sim, sender, stanza, { error });
        return;
    }
    sender.sentIds.set(id, digest);
    checkSenderKey(c, encs[0], copies.map(x => x.target));
    const extra = checkHash(c);
    for (const target of group.devices()) {
        if (target !== sender) {
            const copy = copies.find(x => x.target === target);
            deliver(c, target, [...(copy === undefined ? [] : [copy.enc]),
                encs[0]]);
        }
    }
    ack(sim, sender, stanza, extra);
    sim.emit('group-message', sender, group, stanza);
}

/** True when the stanza was for a group and is dealt with. */
export function routeGroupMessage(sim, sender, stanza) {
    if (!isGroup(stanza.attrs.to)) {
        return false;
    }
    const bad = (kind, text) => sim.violate(sender, kind,
        `${sender}: ${text}`, stanza);
    const group = sim.groups.get(stanza.attrs.to);
    sim.counters.messages++;
    checkShape(bad, stanza);
    if (group === undefined) {
        ack(sim, sender, stanza, { error: 404 });
        return true;
    }
    const c = { sim, group, sender, stanza, bad };
    if (!group.members.has(sender.account)
        || (group.flags.has('announcement')
            && !group.isAdmin(sender.account))) {
        ack(sim, sender, stanza, { error: 403 });
        return true;
    }
    if (stanza.attrs.participant !== undefined) {
        resend(c);
    } else {
        route(c, readCopies(c));
    }
    return true;
}

/** A receipt to a group goes to the devices of one member. */
export function groupReceipt(sim, device, stanza) {
    const { to, participant, id, type } = stanza.attrs;
    const group = roomOf(sim, to);
    const bad = text => sim.violate(device, 'receipt', `${device}: ${text}`,
        stanza);
    const author = sim.registry.account(participant);
    if (group === undefined || author === undefined) {
        bad(`participant="${participant}" in ${to}`);
        return;
    }
    if (!group.moved && parseJid(participant).server
        !== parseJid(group.name(author)).server) {
        bad(`participant="${participant}", the writer is ` +
            group.name(author));
        return;
    }
    const attrs = { from: group.jid, participant: group.name(device), id,
        type, t: Math.floor(Date.now() / 1000) };
    if (type === 'retry') {
        sim.registry.device(participant)?.mailbox.post(node('receipt', attrs,
            stanza.content));
        return;
    }
    if (author !== device.account) {
        for (const d of author.devices.values()) {
            d.mailbox.post(node('receipt', attrs, stanza.content));
        }
    }
}
