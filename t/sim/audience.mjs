// Whom a status is shown to: to its sender like a group that is made for one
// post, but nobody is told of it and it has no addressing mode.
import { node, parseJid, SERVER } from './codec.mjs';
import { isGroup } from './groups.mjs';
import { participantHash } from './registry.mjs';

export const STATUS = 'status@broadcast';

export class Audience {
    constructor(sim, accounts = []) {
        this.jid = STATUS;
        this.mode = undefined;
        this.flags = new Set();
        this.members = new Map(accounts.map(a => [a, 'member']));
        this.keys = sim.statusKeys;
        this.meta = [node('meta', { status_setting: 'allowlist' })];
    }

    name(who) {
        return who.jid !== undefined ? who.jid('lid') : `${who.lid}@lid`;
    }

    alias(who, prefix) {
        return { [`${prefix}_pn`]: `${who.pn}@${SERVER}` };
    }

    devices() {
        return [...this.members.keys()].flatMap(a => [...a.devices.values()]);
    }

    hash() {
        return participantHash(this.devices(), 'lid');
    }
}

/** A room is where more than two talk: its messages have participants. */
export function isRoom(text) {
    return text === STATUS || isGroup(text);
}

export function roomOf(sim, text) {
    return text === STATUS ? new Audience(sim) : sim.groups.get(text);
}

export function isBareLid(text) {
    const p = parseJid(text);
    return p?.server === 'lid' && !p.explicit;
}
