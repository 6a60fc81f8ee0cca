// 1:1 messages: checks on what a device sends, and delivery to every device
// that is meant to have it.
import { bare, bytesOf, child, children, node, parseJid, SERVER }
    from './codec.mjs';
import { checkDeviceIdentity } from './adv.mjs';
import { checkEnc } from './enc.mjs';
import { routeNewsletter } from './newsletter.mjs';
import { participantHash } from './registry.mjs';
import { sha256 } from './keys.mjs';
import { knob, take } from './faults.mjs';
import { refusal } from './identity.mjs';
import { routeGroupMessage } from './group_routing.mjs';
import { checkPeer } from './placeholder.mjs';
import { routeStatus } from './status.mjs';

const TYPES = ['text', 'media', 'reaction', 'poll', 'event', 'pay',
    'medianotify'];
const CHILDREN = ['participants', 'enc', 'device-identity', 'reporting',
    'tctoken', 'cstoken', 'meta', 'biz', 'bot'];

export function ack(sim, sender, stanza, extra = {}) {
    const reply = node('ack', { class: 'message', id: stanza.attrs.id,
        from: stanza.attrs.to, t: Math.floor(Date.now() / 1000), ...extra });
    const { link } = sender;
    if (link === undefined) {
        return;
    }
    if (link.virtual) {
        link.deliver(reply);
    } else if (take(sim, sender, 'cutBeforeAck')) {
        link.ws.terminate();
    } else if (knob(sim, sender.account, 'holdAcks')) {
        link.heldAcks.push(reply);
    } else {
        link.send(reply);
    }
}

export function checkShape(bad, stanza) {
    const { id, type } = stanza.attrs;
    if (!/^[\x21-\x7e]{8,64}$/.test(id ?? '')) {
        bad('message', `id "${id}"`);
    }
    if (!TYPES.includes(type)) {
        bad('message', `type "${type}"`);
    }
    for (const c of children(stanza)) {
        if (!CHILDREN.includes(c.tag)) {
            bad('message', `child ${c.tag}`);
        }
    }
    const report = child(child(stanza, 'reporting'), 'reporting_token');
    if (child(stanza, 'reporting') !== undefined
        && (bytesOf(report)?.length !== 16 || report.attrs.v !== '2')) {
        bad('message', 'reporting_token is not 16 bytes with v=2');
    }
    for (const t of ['tctoken', 'cstoken']) {
        const n = child(stanza, t);
        if (n !== undefined && bytesOf(n) === undefined) {
            bad('message', `${t} is not bytes`);
        }
    }
}

/** The fan-out as [{ target, jid, enc }]; unknown devices have no target. */
function readFanout(sim, bad, stanza) {
    const list = child(stanza, 'participants');
    const to = parseJid(stanza.attrs.to);
    if (list === undefined) {
        const encs = children(stanza, 'enc');
        if (encs.length !== 1) {
            bad('message', `${encs.length} enc without participants`);
            return [];
        }
        return [{ target: sim.registry.device(stanza.attrs.to),
            jid: stanza.attrs.to, enc: encs[0] }];
    }
    const seen = new Set();
    return children(list).map(t => {
        const p = parseJid(t.attrs.jid);
        if (t.tag !== 'to' || p === undefined) {
            bad('message', `participants holds ${t.tag} ${t.attrs.jid}`);
        } else if (p.server !== to.server) {
            bad('message', `${t.attrs.jid} in a message to @${to.server}`);
        }
        if (seen.has(t.attrs.jid)) {
            bad('fanout-twice', `${t.attrs.jid} twice`);
        }
        seen.add(t.attrs.jid);
        const encs = children(t, 'enc');
        if (encs.length !== 1) {
            bad('message', `${encs.length} enc for ${t.attrs.jid}`);
        }
        return { target: sim.registry.device(t.attrs.jid), jid: t.attrs.jid,
            enc: encs[0] };
    });
}

export function checkIdentity(bad, sender, stanza, anyPreKey, resend) {
    const list = children(stanza, 'device-identity');
    if (anyPreKey && sender.id !== 0 && list.length !== 1) {
        bad('device-identity', `${list.length} of them beside a pkmsg`);
    }
    if (!anyPreKey && list.length > 0) {
        bad(resend ? 'device-identity-resend' : 'device-identity',
            'present without a pkmsg');
    }
    if (list.length > 0 && sender.id !== 0) {
        const bytes = bytesOf(list[0]);
        const problems = bytes === undefined ? ['content is not bytes']
            : checkDeviceIdentity(bytes, sender.advIdentity,
                sender.identityPub, true);
        problems.forEach(p => bad('device-identity', p));
    }
}

/** Devices of both accounts that the sender left out; those it was told
 *  about are its fault, others are only reported back by phash. */
function checkComplete(bad, sender, account, fanout) {
    const expected = new Set([...account.devices.values(),
        ...sender.account.devices.values()]);
    expected.delete(sender);
    let differs = false;
    for (const f of fanout) {
        differs ||= f.target === undefined || !expected.delete(f.target);
        if (f.target === sender) {
            bad('fanout', 'contains the sending device itself');
        }
    }
    for (const d of expected) {
        differs = true;
        if (sender.id === 0 || sender.told.get(d.account)?.has(d.id)) {
            bad('fanout', `${d} is left out`);
        }
    }
    return differs;
}

function deliver(sim, sender, target, stanza, enc, account) {
    const { id, type, to, edit, category } = stanza.attrs;
    const { server } = parseJid(to);
    const own = target.account === sender.account;
    const attrs = { from: sender.jid(server), id, type, edit, category,
        t: Math.floor(Date.now() / 1000), notify: sender.account.name };
    if (own && category !== 'peer') {
        attrs.recipient = `${server === 'lid' ? account.lid : account.pn}` +
            `@${server}`;
        if (server === 'lid') {
            attrs.peer_recipient_pn = `${account.pn}@${SERVER}`;
        } else {
            attrs.peer_recipient_lid = `${account.lid}@lid`;
        }
    } else if (!own && server === 'lid'
        && !knob(sim, sender.account, 'hideNumber')) {
        attrs.sender_pn = `${sender.account.pn}@${SERVER}`;
    } else if (!own && server !== 'lid') {
        attrs.sender_lid = `${sender.account.lid}@lid`;
    }
    const content = [enc];
    const identity = child(stanza, 'device-identity');
    if (enc.attrs.type === 'pkmsg' && identity !== undefined) {
        content.push(identity);
    }
    for (const t of ['meta', 'reporting', 'biz']) {
        content.push(...children(stanza, t));
    }
    sim.counters.delivered++;
    target.mailbox.post(node('message', attrs, content),
        { own: own && category !== 'peer' });
}

function digestOf(fanout) {
    return sha256(...fanout.map(f => bytesOf(f.enc) ?? Buffer.alloc(0)))
        .toString('base64', 0, 18);
}

/** What kind of message this is and whether it may be sent at all. */
function classify(bad, sender, stanza, fanout) {
    const { id, device_fanout: single, category } = stanza.attrs;
    if (category === 'peer') {
        if (sender.id !== 0) {
            checkPeer(bad, sender, stanza);
        }
        return 'peer';
    }
    const count = child(stanza, 'enc')?.attrs.count;
    if (single === 'false' || count !== undefined) {
        const target = fanout[0]?.target;
        if (target === undefined
            || !sender.retryWanted.has(`${id}|${target.pnJid}`)) {
            bad('resend', 'nobody asked for this retry');
        }
        if (target?.account === sender.account
            && stanza.attrs.recipient === undefined) {
            bad('resend-recipient', 'own device is not told the chat');
        }
        return 'resend';
    }
    return 'message';
}

export function routeMessage(sim, sender, stanza) {
    const bad = (kind, text) => sim.violate(sender, kind,
        `${sender}: ${text}`, stanza);
    const { id, to } = stanza.attrs;
    const address = parseJid(to);
    if (sender.link?.ws !== undefined && take(sim, sender, 'loseMessage')) {
        sender.link.ws.terminate();
        return;
    }
    if (sender.link?.ws !== undefined && take(sim, sender, 'swallow')) {
        return;
    }
    if (routeGroupMessage(sim, sender, stanza)
        || routeStatus(sim, sender, stanza)) {
        return;
    }
    if (address?.server === 'newsletter') {
        routeNewsletter(sim, sender, stanza);
        return;
    }
    sim.counters.messages++;
    checkShape(bad, stanza);
    const account = sim.registry.account(to);
    if (address === undefined || account === undefined) {
        ack(sim, sender, stanza, { error: 404 });
        return;
    }
    const fanout = readFanout(sim, bad, stanza);
    const kind = classify(bad, sender, stanza, fanout);
    const digest = digestOf(fanout);
    let only;
    if (kind !== 'resend') {
        const before = sender.sentIds.get(id);
        if (before === digest) {
            sim.counters.repeated++;
            ack(sim, sender, stanza);
            return;
        }
        if (before !== undefined) {
            only = resendTargets(sender, id, fanout);
            bad(only.length > 0 ? 'resend-to-all' : 'message-id',
                `id ${id} again with other content`);
            if (only.length === 0) {
                ack(sim, sender, stanza);
                return;
            }
        }
        sender.sentIds.set(id, digest);
    }
    if (kind === 'message' && address.device !== 0) {
        bad('message', `to="${to}" names a device`);
    }
    if (kind === 'message' && child(stanza, 'participants') === undefined) {
        bad('message', 'no participants');
    }
    forward({ sim, sender, stanza, bad, account, fanout, kind, only });
}

/** Devices whose retry receipt asked for this id (full resend by Baileys). */
function resendTargets(sender, id, fanout) {
    return fanout.map(f => f.target).filter(t => t !== undefined
        && sender.retryWanted.has(`${id}|${t.pnJid}`));
}

function forward(c) {
    const { sim, sender, stanza, bad, account, fanout, kind, only } = c;
    let anyPreKey = false;
    for (const f of fanout) {
        if (f.target === undefined || f.enc === undefined) {
            continue;
        }
        const r = checkEnc(sim, sender, f.target, f.enc);
        anyPreKey ||= r.type === 'pkmsg';
        r.problems.forEach(p => bad(p === 'enc attribute phash'
            ? 'enc-phash' : 'enc', `to ${f.jid}: ${p}`));
    }
    checkIdentity(bad, sender, stanza, anyPreKey, kind === 'resend');
    const extra = {};
    const differs = kind === 'message'
        && checkComplete(bad, sender, account, fanout);
    const refused = kind === 'message'
        ? refusal({ sim, sender, stanza, bad, account, differs }) : undefined;
    if (differs && refused === undefined) {
        extra.phash = participantHash([...new Set([
            ...account.devices.values(), ...sender.account.devices.values()])]);
        sim.counters.stale++;
        sim.emit('stale', sender, account);
    }
    const error = refused ?? sim.ackErrors.get(sender.account)?.shift();
    if (error !== undefined) {
        sender.sentIds.delete(stanza.attrs.id);
        sim.emit('nack', sender, account, error);
        ack(sim, sender, stanza, { error });
        return;
    }
    // a resend to an own device names the chat in `recipient`
    const chat = kind === 'resend' && stanza.attrs.recipient !== undefined
        ? sim.registry.account(stanza.attrs.recipient) : account;
    for (const f of fanout) {
        if (f.target !== undefined && f.target !== sender
            && f.enc !== undefined
            && (only === undefined || only.includes(f.target))) {
            deliver(sim, sender, f.target, stanza, f.enc, chat ?? account);
        }
    }
    ack(sim, sender, stanza, extra);
    sim.emit('message', sender, bare(stanza.attrs.to), stanza);
}
