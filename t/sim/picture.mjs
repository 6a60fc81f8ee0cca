// Pictures of groups and of accounts: w:profile:picture.
import { bytesOf, child, node, parseJid } from './codec.mjs';
import { isGroup } from './groups.mjs';
import { IqError } from './iq_error.mjs';
import { shows } from './profile.mjs';

const SIDE_MAX = 640;

let changes = 0;

/** Width and height of a baseline or progressive JPEG. */
export function jpegSize(bytes) {
    if (bytes?.readUInt16BE(0) !== 0xffd8) {
        return undefined;
    }
    for (let i = 2; i + 9 < bytes.length;) {
        const marker = bytes.readUInt16BE(i);
        if (marker >= 0xffc0 && marker <= 0xffc2) {
            return [bytes.readUInt16BE(i + 7), bytes.readUInt16BE(i + 5)];
        }
        i += 2 + bytes.readUInt16BE(i + 2);
    }
    return undefined;
}

/** Whose picture is meant: a group that the asker is in, or a person. */
function owner(conn, iq) {
    const { target } = iq.attrs;
    if (target === undefined) {
        return conn.account;
    }
    if (!isGroup(target)) {
        const account = conn.sim.registry.account(target);
        if (account === undefined || parseJid(target).device) {
            throw new IqError(404, 'item-not-found');
        }
        return account;
    }
    const group = conn.sim.groups.get(target);
    if (group === undefined) {
        throw new IqError(404, 'item-not-found');
    }
    if (!group.members.has(conn.account)) {
        throw new IqError(401, 'not-authorized');
    }
    return group;
}

export function pictureGet(conn, iq) {
    const asked = child(iq, 'picture');
    if (asked?.attrs.query !== 'url'
        || !['preview', 'image'].includes(asked.attrs.type)) {
        conn.violate('picture', 'not a question', iq);
        throw new IqError(400, 'bad-request');
    }
    const who = owner(conn, iq);
    if (who.members === undefined
        && !shows(conn, who, child(asked, 'tctoken'), iq)) {
        throw new IqError(401, 'not-authorized');
    }
    const { picture } = who;
    if (picture === undefined) {
        throw new IqError(404, 'item-not-found');
    }
    const path = `/v/${picture.id}-${asked.attrs.type}.jpg`;
    return [node('picture', { id: picture.id, type: asked.attrs.type,
        url: `https://pps.whatsapp.net${path}`, direct_path: path })];
}

export function pictureSet(conn, iq) {
    const who = owner(conn, iq);
    const image = child(iq, 'picture');
    if (who !== conn.account && who.members === undefined) {
        conn.violate('picture', 'of somebody else', iq);
        throw new IqError(403, 'forbidden');
    }
    if (who.members !== undefined && who.flags.has('locked')
        && !who.isAdmin(conn.account)) {
        throw new IqError(403, 'forbidden');
    }
    if (image === undefined) {
        delete who.picture;
    } else {
        const bytes = bytesOf(image);
        const [w, h] = jpegSize(bytes) ?? [];
        if (image.attrs.type !== 'image' || w === undefined || w !== h
            || w > SIDE_MAX) {
            throw new IqError(406, 'not-acceptable');
        }
        who.picture = { id: String(1700000000 + ++changes), bytes };
    }
    if (who.members !== undefined) {
        tell(conn, who);
    }
    return image === undefined ? undefined
        : [node('picture', { id: who.picture.id })];
}

/** Every device of the members but the one that did it. */
function tell(conn, group) {
    const { picture } = group;
    const actor = group.name(conn.account);
    const devices = group.devices().filter(d => d !== conn.device);
    for (const d of devices) {
        conn.sim.notify(d, { type: 'picture', from: group.jid,
            author: actor }, [node(picture === undefined ? 'delete' : 'set',
            { jid: group.jid, id: picture?.id, author: actor })]);
    }
}
