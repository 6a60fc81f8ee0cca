// usync: device lists, LIDs, number checks.
import { bytesOf, child, children, node, parseJid, SERVER, show, textOf }
    from './codec.mjs';
import { aboutNode, businessNode, usernameNode } from './profile.mjs';

const CONTEXTS = ['interactive', 'background', 'message', 'notification',
    'voip', 'add', 'missing_device'];

function check(conn, iq, u) {
    const bad = t => conn.violate('usync', t, iq);
    if (u === undefined) {
        bad('no usync node');
        return false;
    }
    if (!u.attrs.sid || u.attrs.index !== '0' || u.attrs.last !== 'true') {
        bad('sid, index or last');
    }
    if (!['query', 'full', 'delta'].includes(u.attrs.mode)
        || !CONTEXTS.includes(u.attrs.context)) {
        bad('mode or context');
    }
    if (children(child(u, 'query')).length === 0
        || children(child(u, 'list'), 'user').length === 0) {
        bad('empty query or list');
        return false;
    }
    const d = child(child(u, 'query'), 'devices');
    if (d !== undefined && d.attrs.version !== '2') {
        bad('devices version is not 2');
    }
    return true;
}

function find(conn, user) {
    const contact = child(user, 'contact');
    if (user.attrs.jid !== undefined) {
        const p = parseJid(user.attrs.jid);
        if (p === undefined || p.explicit) {
            conn.violate('usync', `user jid ${user.attrs.jid}`);
        }
        return { account: conn.sim.registry.account(user.attrs.jid),
            asked: user.attrs.jid };
    }
    const text = textOf(contact) ?? '';
    const digits = text.replace(/^\+/, '').replace(/@c\.us$/, '');
    if (!/^\d{5,20}$/.test(digits)) {
        conn.violate('usync', `contact "${text}"`);
    }
    return { account: conn.sim.registry.byPn.get(digits),
        asked: `${digits}@${SERVER}` };
}

function devicesNode(conn, account, asked, known) {
    if (account === undefined) {
        return node('devices', {}, [node('device-list', {}, [])]);
    }
    const hash = account.deviceHash();
    if (known?.attrs.device_hash === hash) {
        return undefined;
    }
    const devices = [...account.devices.values()];
    account.tellers.add(conn.device);
    conn.device.told.set(account, new Set(devices.map(d => d.id)));
    return node('devices', {}, [
        node('device-list', { hash }, devices.map(d => node('device', {
            id: d.id, 'key-index': d.id === 0 ? undefined : d.keyIndex,
        }))),
        node('key-index-list', { ts: account.listTime },
            account.keyIndexList()),
    ]);
}

function answer(conn, user, tags) {
    const { account, asked } = find(conn, user);
    const lidAsked = parseJid(asked)?.server === 'lid';
    const content = [];
    for (const tag of tags) {
        if (tag === 'devices') {
            const n = devicesNode(conn, account, asked, child(user, 'devices'));
            if (n === undefined && tags.length === 1) {
                return undefined;
            }
            if (n !== undefined) {
                content.push(n);
            }
        } else if (tag === 'lid' && account !== undefined && !lidAsked) {
            content.push(node('lid', { val: `${account.lid}@lid` }));
        } else if (tag === 'contact') {
            content.push(node('contact',
                { type: account === undefined ? 'out' : 'in' },
                bytesOf(child(user, 'contact'))));
        } else if (tag === 'status' && account !== undefined) {
            content.push(aboutNode(conn, account, user));
        } else if (tag === 'business' && account !== undefined) {
            content.push(businessNode(account));
        } else if (tag === 'username' && account !== undefined) {
            content.push(usernameNode(account));
        }
    }
    return node('user', { jid: asked, pn_jid: lidAsked && account !== undefined
        ? `${account.pn}@${SERVER}` : undefined },
    content.filter(n => n !== undefined));
}

/** Knob usyncLimit (seconds): asked for too much, no answers. */
function limited(conn, tag) {
    const backoff = conn.knob('usyncLimit');
    return backoff === undefined || tag === 'devices' || tag === 'lid'
        ? undefined : [node('error', { code: 429, text: 'rate-overlimit',
            backoff })];
}

export function usync(conn, iq) {
    const u = child(iq, 'usync');
    if (!check(conn, iq, u)) {
        return [node('usync', {}, [node('result'), node('list', {}, [])])];
    }
    const tags = children(child(u, 'query')).map(q => q.tag);
    const users = children(child(u, 'list'), 'user');
    conn.sim.emit('usync', conn, users.map(x => x.attrs.jid ?? show(x)), tags);
    return [node('usync', { sid: u.attrs.sid, index: 0, last: 'true',
        mode: u.attrs.mode, context: u.attrs.context }, [
        node('result', {}, tags.map(t => node(t, {}, limited(conn, t)))),
        node('list', {}, users.map(x => answer(conn, x, tags))
            .filter(x => x !== undefined)),
    ])];
}
