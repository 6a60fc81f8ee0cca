// Privacy settings with their exception lists, and the blocklist: both bound
// to a hash that other devices' changes make stale.
import { child, children, node, parseJid, SERVER } from './codec.mjs';
import { IqError } from './iq_error.mjs';
import { sha256 } from './keys.mjs';
import { takeToken } from './identity.mjs';

const SEEN = ['all', 'contacts', 'contact_blacklist', 'none'];

const VALUES = { last: SEEN, online: ['all', 'match_last_seen'],
    profile: SEEN, status: SEEN, readreceipts: ['all', 'none'],
    groupadd: SEEN, calladd: ['all', 'known', 'contacts'],
    messages: ['all', 'contacts'], defense: ['off', 'on_standard'] };

const LISTED = ['last', 'profile', 'status', 'groupadd'];

const DEFAULTS = { readreceipts: 'all', profile: 'all', status: 'contacts',
    online: 'all', last: 'all', groupadd: 'all', calladd: 'all',
    messages: 'all', defense: 'off' };

const hashOf = people => (people.size === 0 ? 'none'
    : sha256(Buffer.from([...people].map(a => a.lid).sort().join()))
        .subarray(0, 6).toString('base64'));

const settings = account => (account.privacy ??= { ...DEFAULTS });
const listOf = (account, name) => {
    account.exceptions ??= new Map();
    if (!account.exceptions.has(name)) {
        account.exceptions.set(name, new Set());
    }
    return account.exceptions.get(name);
};
const blocked = account => (account.blocked ??= new Set());

function notifyOthers(account, device, content) {
    for (const d of account.devices.values()) {
        if (d !== device) {
            account.sim.notify(d, { type: 'account_sync',
                from: `${account.pn}@${SERVER}` }, content);
        }
    }
}

const lidUser = account => node('user', { jid: `${account.lid}@lid`,
    pn_jid: `${account.pn}@${SERVER}` });

export function privacyGet(conn, iq) {
    const { account } = conn;
    const privacy = child(iq, 'privacy');
    const list = child(privacy, 'list');
    if (list !== undefined) {
        const { name, value } = list.attrs;
        if (!LISTED.includes(name) || value !== 'contact_blacklist'
            || privacy.attrs.addressing_mode !== 'lid') {
            throw new IqError(400, 'bad-request');
        }
        const people = listOf(account, name);
        return [node('privacy', {}, [node('list', { name, value,
            dhash: hashOf(people) }, [...people].map(lidUser))])];
    }
    return [node('privacy', {}, Object.entries(settings(account))
        .map(([name, value]) => node('category', { name, value })))];
}

function changeList(conn, iq, category) {
    const { account, sim } = conn;
    const { name, dhash } = category.attrs;
    const people = listOf(account, name);
    if (!LISTED.includes(name)
        || child(iq, 'privacy').attrs.addressing_mode !== 'lid') {
        throw new IqError(400, 'bad-request');
    }
    if (dhash !== hashOf(people)) {
        sim.emit('stale-list', conn.device, name);
        throw new IqError(409, 'conflict');
    }
    for (const u of children(category, 'user')) {
        const person = sim.registry.account(u.attrs.jid);
        if (person === undefined || parseJid(u.attrs.jid).server !== 'lid'
            || (u.attrs.pn_jid !== undefined
                && sim.registry.account(u.attrs.pn_jid) !== person)
            || !['add', 'remove'].includes(u.attrs.action)) {
            conn.violate('privacy', 'user of an exception list', iq);
            throw new IqError(400, 'bad-request');
        }
        people[u.attrs.action === 'add' ? 'add' : 'delete'](person);
    }
    return hashOf(people);
}

/** A setting is changed on `device`, or on the phone. */
export function setPrivacy(account, name, value, device) {
    settings(account)[name] = value;
    notifyOthers(account, device, [node('privacy', {},
        [node('category', { name, value })])]);
}

export function privacySet(conn, iq) {
    const { account, device } = conn;
    for (const t of children(child(iq, 'tokens'), 'token')) {
        takeToken(conn, iq, t);
    }
    const answer = children(child(iq, 'privacy'), 'category').map(c => {
        const { name, value } = c.attrs;
        if (!VALUES[name]?.includes(value)) {
            conn.violate('privacy', `${name}=${value}`, iq);
            throw new IqError(400, 'bad-request');
        }
        const dhash = children(c, 'user').length > 0
            ? changeList(conn, iq, c) : undefined;
        setPrivacy(account, name, value, device);
        return node('category', { name, value, dhash });
    });
    return answer.length > 0 ? [node('privacy', {}, answer)] : undefined;
}

/** The phone leaves somebody out. */
export function phoneExcepts(phone, name, person) {
    listOf(phone.account, name).add(person);
    setPrivacy(phone.account, name, 'contact_blacklist', phone.device);
}

export function blocklistGet(conn) {
    const people = blocked(conn.account);
    return [node('list', { dhash: hashOf(people) }, [...people].map(a =>
        node('item', { jid: `${a.lid}@lid` })))];
}

function block(account, person, action, device) {
    const people = blocked(account);
    const before = hashOf(people);
    people[action === 'block' ? 'add' : 'delete'](person);
    notifyOthers(account, device, [node('blocklist', { action: 'modify',
        prev_dhash: before, dhash: hashOf(people) }, [node('item',
        { jid: `${person.lid}@lid`, action })])]);
}

export function blocklistSet(conn, iq) {
    const { account, device, sim } = conn;
    const item = child(iq, 'item');
    const { jid, pn_jid: pn, unknown_identifier: unknown, action, dhash }
        = item?.attrs ?? {};
    const person = sim.registry.account(jid);
    if (person === undefined || parseJid(jid).server !== 'lid'
        || !['block', 'unblock'].includes(action)
        || (unknown !== undefined && (unknown !== 'true'
            || pn !== undefined || action !== 'block'))
        || (action === 'block' && unknown === undefined
            ? sim.registry.account(pn) !== person : pn !== undefined)) {
        conn.violate('blocklist', JSON.stringify(item?.attrs), iq);
        throw new IqError(400, 'bad-request');
    }
    if (dhash !== undefined && dhash !== hashOf(blocked(account))) {
        sim.emit('stale-list', device, 'block');
        throw new IqError(409, 'conflict');
    }
    block(account, person, action, device);
    return [node('list', { matched: 'true',
        dhash: hashOf(blocked(account)) })];
}

export const phoneBlocks = (phone, person, action = 'block') =>
    block(phone.account, person, action, phone.device);
