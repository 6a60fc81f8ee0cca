// status@broadcast: the strict form of a post, its delivery to the audience
// that it names itself, and the list the owner chose on the phone.
import { child, children, node, parseJid } from './codec.mjs';
import { Audience, isBareLid, STATUS } from './audience.mjs';
import { resend, route } from './group_routing.mjs';
import { ack, checkShape } from './routing.mjs';

/** The people named, and the copies among them; undefined: malformed. */
function readAudience(c) {
    const { sim, sender, stanza, bad } = c;
    const people = new Set();
    const copies = [];
    const seen = new Set();
    for (const t of children(child(stanza, 'participants'))) {
        const { jid } = t.attrs;
        const target = sim.registry.device(jid);
        const encs = children(t, 'enc');
        if (t.tag !== 'to' || parseJid(jid)?.server !== 'lid') {
            bad('status', `participants holds ${t.tag} ${jid}`);
            return undefined;
        }
        if (seen.has(jid)) {
            bad('status', `${jid} twice`);
        }
        seen.add(jid);
        if (encs.length > 1 || (encs.length === 0 && !isBareLid(jid))) {
            bad('status', `${encs.length} enc for ${jid}`);
        }
        if (target === sender) {
            bad('group-self', 'a copy for the sending device itself');
        } else if (target !== undefined) {
            people.add(target.account);
            if (encs.length === 1) {
                copies.push({ target, enc: encs[0] });
            }
        }
    }
    return { people, copies };
}

function checkMeta(c) {
    const { stanza, bad } = c;
    const setting = child(stanza, 'meta')?.attrs.status_setting;
    if (stanza.attrs.edit === undefined) {
        if (!['contacts', 'allowlist', 'denylist'].includes(setting)) {
            bad('status-meta', `status_setting "${setting}"`);
        }
    } else if (setting !== undefined) {
        bad('status', 'status_setting on what is no post');
        return false;
    }
    return true;
}

/** True when the stanza was a status and is dealt with. */
export function routeStatus(sim, sender, stanza) {
    if (stanza.attrs.to !== STATUS) {
        return false;
    }
    const bad = (kind, text) => sim.violate(sender, kind,
        `${sender}: ${text}`, stanza);
    const c = { sim, sender, stanza, bad };
    sim.counters.messages++;
    checkShape(bad, stanza);
    if (stanza.attrs.participant !== undefined) {
        resend({ ...c, group: new Audience(sim) });
        return true;
    }
    const named = readAudience(c);
    if (named === undefined || !checkMeta(c)
        || stanza.attrs.addressing_mode !== undefined) {
        if (stanza.attrs.addressing_mode !== undefined) {
            bad('status', 'addressing_mode on a status');
        }
        ack(sim, sender, stanza, { error: 479 });
        return true;
    }
    const { people, copies } = named;
    const holders = sim.statusKeys.get(sender)?.holders ?? new Set();
    const own = [...sender.account.devices.values()].filter(d => d !== sender
        && !holders.has(d) && !copies.some(x => x.target === d));
    if (own.length > 0) {
        bad('status-own', `${own[0]} was not given the sender key`);
        people.delete(sender.account);
    } else {
        people.add(sender.account);
    }
    c.group = new Audience(sim, [...people]);
    route(c, copies);
    sim.emit('status', sender, [...people], stanza);
    return true;
}

/** Only posts by devices that got them; `list` is set by tests:
 *  { type, users: [account] }. */
export function statusPrivacy(conn) {
    const { type = 'contacts', users = [] } = conn.account.statusList ?? {};
    return [node('privacy', {}, [
        node('list', { type: 'blacklist' }),
        node('list', { type, default: 'true' }, users.map(a =>
            node('user', { jid: `${a.lid}@lid` })))])];
}
