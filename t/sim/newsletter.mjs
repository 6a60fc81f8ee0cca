// Channels: who owns and follows them, their messages in plain text, views
// and reactions as counts, and the iqs that ask for all this. What is asked
// in JSON (mex) is in newsletter_mex.mjs.
import { proto } from 'baileys/WAProto/index.js';
import { bytesOf, child, children, node, parseJid, show } from './codec.mjs';
import { IqError } from './iq_error.mjs';
import { randomBytes } from './keys.mjs';

const TYPES = ['text', 'media', 'poll', 'reaction'];
const LIVE_S = 300;
const PAGE_MAX = 100;
const EDITED = '3';
const REACTION_GONE = '7';
const DELETED = '8';
const MEDIA = ['imageMessage', 'videoMessage', 'audioMessage',
    'documentMessage', 'stickerMessage', 'ptvMessage'];
const now = () => Math.floor(Date.now() / 1000);

export class Newsletter {
    constructor(id, owner, { name, description = '' }) {
        this.jid = `${id}@newsletter`;
        this.owner = owner;
        this.name = name;
        this.description = description ?? '';
        this.invite = randomBytes(11).toString('hex');
        this.created = now();
        this.followers = new Set([owner]);
        this.admins = new Set([owner]);
        this.muted = new Set();
        this.messages = [];
        this.nextServerId = 100;
        this.live = new Map();
        this.gone = false;
        this.updates = 0;
    }

    byServerId(id) {
        return this.messages.find(m => String(m.serverId) === String(id));
    }

    byId(id) {
        return this.messages.find(m => m.id === id);
    }

    role(account) {
        return account === this.owner ? 'OWNER'
            : this.admins.has(account) ? 'ADMIN'
                : this.followers.has(account) ? 'SUBSCRIBER' : 'GUEST';
    }
}

export class Newsletters {
    constructor(sim) {
        this.sim = sim;
        this.all = new Map();
        this.nextId = 120363400000000001n;
    }

    create(owner, fields) {
        const n = new Newsletter(String(this.nextId++), owner, fields);
        this.all.set(n.jid, n);
        return n;
    }

    /** By address or invite code; undefined for one that is gone. */
    find(key) {
        const n = this.all.get(key)
            ?? [...this.all.values()].find(x => x.invite === key);
        return n?.gone ? undefined : n;
    }
}

/** One message as iqs and live updates show it. */
function entry(n, m, { account, text }) {
    const counts = new Map();
    for (const code of m.reactions.values()) {
        counts.set(code, (counts.get(code) ?? 0) + 1);
    }
    const content = [];
    if (text && !m.deleted) {
        content.push(node('plaintext', { mediatype: m.mediatype }, m.bytes));
    }
    if (m.views.size > 0) {
        content.push(node('views_count', { count: m.views.size }));
    }
    if (counts.size > 0) {
        content.push(node('reactions', {}, [...counts].map(([code, count]) =>
            node('reaction', { code, count }))));
    }
    return node('message', { server_id: m.serverId, id: m.id, t: m.t,
        type: m.type, edit: m.deleted ? DELETED : undefined,
        is_sender: m.author === account ? 'true' : undefined }, content);
}

/** Tells those who asked for live updates lately. */
export function announce(sim, n, m) {
    for (const [device, until] of n.live) {
        if (until < Date.now() || device.removed) {
            n.live.delete(device);
            continue;
        }
        sim.notify(device, { type: 'newsletter', from: n.jid },
            [node('live_updates', {}, [entry(n, m,
                { account: device.account, text: false })])]);
    }
}

/* ---- iqs ---- */

function count(conn, iq, attrs) {
    const c = Number(attrs.count ?? 20);
    if (!Number.isInteger(c) || c < 1 || c > PAGE_MAX) {
        conn.violate('newsletter', `count="${attrs.count}"`, iq);
        throw new IqError(400, 'bad-request');
    }
    return c;
}

function need(conn, key) {
    const n = conn.sim.newsletters.find(key);
    if (n === undefined) {
        throw new IqError(404, 'item-not-found');
    }
    return n;
}

function listed(conn, n, list) {
    return node('messages', { jid: n.jid, t: now() },
        list.map(m => entry(n, m, { account: conn.account, text: true })));
}

function messages(conn, iq, q) {
    const { type, jid, key, before, after } = q.attrs;
    if (parseJid(iq.attrs.to)?.user !== ''
        || !(type === 'jid' && parseJid(jid)?.server === 'newsletter')
            && !(type === 'invite' && key !== undefined)) {
        conn.violate('newsletter', show(q), iq);
        throw new IqError(400, 'bad-request');
    }
    const n = need(conn, jid ?? key);
    const c = count(conn, iq, q.attrs);
    if (after !== undefined) {
        return [listed(conn, n, n.messages.filter(m =>
            m.serverId > Number(after)).slice(0, c))];
    }
    return [listed(conn, n, n.messages.filter(m => before === undefined
        || m.serverId < Number(before)).slice(-c))];
}

function messageUpdates(conn, iq, q) {
    const n = need(conn, iq.attrs.to);
    const c = count(conn, iq, q.attrs);
    const list = n.messages.filter(m => q.attrs.after === undefined
        || m.serverId > Number(q.attrs.after)).slice(-c);
    return [node('message_updates', {}, [node('messages', { jid: n.jid,
        t: now() }, list.map(m => entry(n, m, { account: conn.account,
        text: false })))])];
}

export function newsletterGet(conn, iq) {
    const q = child(iq, 'messages');
    if (q !== undefined) {
        return messages(conn, iq, q);
    }
    const u = child(iq, 'message_updates');
    if (u !== undefined) {
        return messageUpdates(conn, iq, u);
    }
    throw new IqError(400, 'bad-request');
}

export function newsletterSet(conn, iq) {
    if (child(iq, 'live_updates') === undefined) {
        throw new IqError(400, 'bad-request');
    }
    const n = need(conn, iq.attrs.to);
    n.live.set(conn.device, Date.now() + LIVE_S * 1000);
    return [node('live_updates', { duration: LIVE_S })];
}

/* ---- messages ---- */

function ack(sender, stanza, extra) {
    sender.link?.send?.(node('ack', { class: 'message', id: stanza.attrs.id,
        from: stanza.attrs.to, t: now(), ...extra }));
}

/** What may not be in a message that everybody reads. */
function checkContent(bad, stanza, bytes) {
    let m;
    try {
        m = proto.Message.decode(bytes);
    } catch (e) {
        bad(`plaintext does not parse: ${e.message}`);
        return;
    }
    // padding and fields of no message come back as nothing
    if (proto.Message.encode(m).finish().length !== bytes.length) {
        bad('plaintext is more than a Message');
    }
    for (const f of ['deviceSentMessage', 'senderKeyDistributionMessage',
        'protocolMessage', 'reactionMessage', 'ephemeralMessage']) {
        if (m[f]) {
            bad(`plaintext holds ${f}`);
        }
    }
    const inner = m.documentWithCaptionMessage?.message ?? m;
    const media = MEDIA.map(f => inner[f]).find(x => x);
    if ((stanza.attrs.type === 'media') !== (media !== undefined
        && media !== null)) {
        bad(`type "${stanza.attrs.type}" for this content`);
    }
    if (media && (media.mediaKey?.length > 0
        || media.fileEncSha256?.length > 0)) {
        bad('media with keys: channel media are not encrypted');
    }
    if (media && !stanza.attrs.media_id && !stanza.attrs.edit) {
        bad('media without media_id');
    }
    if (media && !child(stanza, 'plaintext').attrs.mediatype) {
        bad('media without mediatype');
    }
    const info = Object.values(m).find(x => x?.contextInfo)?.contextInfo;
    if (info?.expiration) {
        bad('channel messages do not expire');
    }
}

function deliver(sim, n, sender, m, attrs, content) {
    for (const account of n.followers) {
        for (const d of account.devices.values()) {
            if (d !== sender && !d.link?.virtual) {
                d.mailbox.post(node('message', { from: n.jid, id: m.id,
                    server_id: m.serverId, t: m.t, type: m.type,
                    is_sender: account === m.author ? 'true' : undefined,
                    ...attrs }, content));
            }
        }
    }
}

function react(sim, n, sender, stanza, bad) {
    const { server_id: serverId, edit } = stanza.attrs;
    const r = child(stanza, 'reaction');
    const m = n.byServerId(serverId);
    if (children(stanza).length !== 1 || r === undefined
        || (r.attrs.code === undefined) !== (edit === REACTION_GONE)) {
        bad('reaction: one node, and edit=7 exactly without a code');
    }
    if (m === undefined || m.deleted) {
        ack(sender, stanza, { error: 404 });
        return;
    }
    if (!n.followers.has(sender.account)) {
        ack(sender, stanza, { error: 403 });
        return;
    }
    if (r?.attrs.code === undefined) {
        m.reactions.delete(sender.account);
    } else {
        m.reactions.set(sender.account, r.attrs.code);
    }
    ack(sender, stanza, { server_id: serverId });
    announce(sim, n, m);
}

function change(sim, n, sender, stanza, m, bytes) {
    if (stanza.attrs.edit === DELETED) {
        m.deleted = true;
        m.bytes = Buffer.alloc(0);
    } else {
        m.bytes = bytes;
        m.editedMs = Date.now();
    }
    ack(sender, stanza, { server_id: m.serverId });
    deliver(sim, n, sender, m, { edit: stanza.attrs.edit }, [
        node('plaintext', { mediatype: m.mediatype }, m.bytes),
        node('meta', { msg_edit_t: m.editedMs, original_msg_t: m.t })]);
}

/** The server's part of posting; the simulator's own test messages too. */
export function post(sim, n, author, { id, type = 'text', bytes, mediatype,
    sender }) {
    const m = { id, serverId: n.nextServerId++, author, type, bytes,
        mediatype, t: now(), views: new Set(), reactions: new Map(),
        deleted: false };
    n.messages.push(m);
    deliver(sim, n, sender, m, {}, [node('plaintext', { mediatype },
        bytes)]);
    return m;
}

export function routeNewsletter(sim, sender, stanza) {
    const bad = text => sim.violate(sender, 'newsletter',
        `${sender}: ${text}`, stanza);
    const { id, to, type, edit } = stanza.attrs;
    const n = sim.newsletters.find(to);
    sim.counters.messages++;
    sim.emit('newsletter-message', sender, stanza);
    if (!/^[\x21-\x7e]{8,64}$/.test(id ?? '') || !TYPES.includes(type)) {
        bad(`id "${id}", type "${type}"`);
    }
    const error = sim.ackErrors.get(sender.account)?.shift();
    if (error !== undefined || n === undefined) {
        ack(sender, stanza, { error: error ?? 404 });
        return;
    }
    if (type === 'reaction') {
        react(sim, n, sender, stanza, bad);
        return;
    }
    const bytes = bytesOf(child(stanza, 'plaintext'));
    if (children(stanza).some(c => !['plaintext', 'meta'].includes(c.tag))
        || children(stanza, 'plaintext').length !== 1
        || bytes === undefined) {
        bad('not one plaintext of bytes');
        ack(sender, stanza, { error: 400 });
        return;
    }
    if (!n.admins.has(sender.account)) {
        ack(sender, stanza, { error: 403 });
        return;
    }
    if (edit === DELETED ? bytes.length !== 0 : bytes.length === 0) {
        bad('plaintext is empty exactly when a message is deleted');
    }
    if (edit !== DELETED) {
        checkContent(bad, stanza, bytes);
    }
    const known = n.byId(id);
    if (edit !== undefined) {
        if (![EDITED, DELETED].includes(edit)) {
            bad(`edit="${edit}"`);
        }
        if (known === undefined) {
            ack(sender, stanza, { error: 404 });
            return;
        }
        change(sim, n, sender, stanza, known, bytes);
        return;
    }
    if (known !== undefined) {              // a repeat: same id, same bytes
        if (!known.bytes.equals(bytes)) {
            bad(`id ${id} again with other content`);
        }
        sim.counters.repeated++;
        ack(sender, stanza, { server_id: known.serverId });
        return;
    }
    const m = post(sim, n, sender.account, { id, type, bytes, sender,
        mediatype: child(stanza, 'plaintext').attrs.mediatype });
    ack(sender, stanza, { server_id: m.serverId });
}

/** Receipts to a channel: views are counted, deliveries are nobody's. */
export function newsletterReceipt(sim, device, stanza) {
    const { to, id, type } = stanza.attrs;
    const bad = text => sim.violate(device, 'newsletter',
        `${device}: ${text}`, stanza);
    const n = sim.newsletters.find(to);
    sim.counters.receipts++;
    sim.emit('receipt', device, stanza);
    if (type === 'read-self' && id !== undefined) {
        device.link?.send?.(node('ack', { class: 'receipt', id, type,
            from: to }));
        return;
    }
    const items = children(child(stanza, 'list'), 'item');
    if (type !== 'view' || id === undefined || items.length === 0
        || items.some(i => !/^\d+$/.test(i.attrs.server_id ?? ''))) {
        bad(`receipt of type "${type}"`);
        return;
    }
    for (const i of items) {
        const m = n?.byServerId(i.attrs.server_id);
        if (m === undefined) {
            bad(`view of message ${i.attrs.server_id}`);
        } else if (!m.views.has(device.account)) {
            m.views.add(device.account);
            announce(sim, n, m);
        }
    }
    device.link?.send?.(node('ack', { class: 'receipt', id, type,
        from: to }));
}
