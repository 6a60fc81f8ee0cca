// Who knows whom: privacy tokens, refusals of messages to strangers (463),
// addresses and device lists that must be right (479), restrictions.
import { createHmac } from 'node:crypto';
import { bytesOf, child, node, parseJid, SERVER } from './codec.mjs';
import { randomBytes } from './keys.mjs';
import { knob } from './faults.mjs';

const WEEK = 604800;
const WEEKS = 4;

const now = () => Math.floor(Date.now() / 1000);

function valid(t) {
    return Math.floor(t / WEEK) > Math.floor(now() / WEEK) - WEEKS;
}

/** `giver` trusts `taker` from now on: every device of the taker is told a
 *  token.  Resolves when `device`, if given, has answered. */
export function giveToken(sim, giver, taker, { t = now(), device } = {}) {
    const bytes = randomBytes(16);
    giver.tokens ??= new Map();
    giver.tokens.set(taker, [...giver.tokens.get(taker) ?? [], { bytes, t }]);
    sim.emit('token', giver, taker, t);
    return new Promise(resolve => {
        for (const d of taker.devices.values()) {
            sim.notify(d, { type: 'privacy_token',
                from: `${giver.pn}@${SERVER}`, sender_lid: `${giver.lid}@lid` },
            [node('tokens', {}, [node('token', { type: 'trusted_contact',
                t, jid: d.pnJid }, bytes)])],
            () => d === device && resolve(bytes));
        }
        if (device === undefined) {
            resolve(bytes);
        }
    });
}

/** What a message to `account` shows: undefined, or a valid reason to let it
 *  pass. Anything that is not what the server handed out is a violation. */
function shownToken(bad, sender, account, stanza) {
    const own = account === sender.account;
    const tc = child(stanza, 'tctoken');
    const cs = child(stanza, 'cstoken');
    if (own && (tc ?? cs) !== undefined) {
        bad('token', 'token in a message to oneself');
    }
    if (tc !== undefined && cs !== undefined) {
        bad('token', 'tctoken and cstoken');
    }
    if (tc !== undefined) {
        const known = account.tokens?.get(sender.account)
            ?.find(k => bytesOf(tc)?.equals(k.bytes));
        if (known === undefined) {
            bad('token', 'tctoken that this contact never gave');
        } else if (!valid(known.t)) {
            bad('token', 'tctoken is too old');
        } else {
            return 'tctoken';
        }
    }
    if (cs !== undefined) {
        const want = createHmac('sha256', sender.account.nctSalt ?? '')
            .update(`${account.lid}@lid`).digest();
        if (!bytesOf(cs)?.equals(want)) {
            bad('token', 'cstoken is not made from the salt');
        } else {
            return 'cstoken';
        }
    }
    return undefined;
}

/**
 * Knobs (faults.mjs) of the sending account:
 *   reachout       strangers may not be written to: 463 without a token
 *   lidOnly        an account is addressed by LID: otherwise 479
 *   exactDevices   copies for other devices than there are: 479, not phash
 * Phones are beyond all this.  Returns the error of the ack, or undefined.
 */
export function refusal({ sim, sender, stanza, bad, account, differs }) {
    if (sender.id === 0) {
        return undefined;
    }
    const token = shownToken(bad, sender, account, stanza);
    const on = name => knob(sim, sender.account, name);
    if (on('lidOnly') && parseJid(stanza.attrs.to).server !== 'lid') {
        return 479;
    }
    if (on('exactDevices') && differs) {
        sim.emit('stale', sender, account);
        return 479;
    }
    if (on('reachout') && account !== sender.account && token === undefined) {
        return 463;
    }
    return undefined;
}

/** <iq set privacy><tokens>: handed on to the person it was made for. */
export function takeToken(conn, iq, token) {
    const { jid, type, t } = token.attrs;
    const peer = conn.sim.registry.account(jid);
    if (peer === undefined || type !== 'trusted_contact'
        || !/^\d{10}$/.test(t ?? '') || parseJid(jid).explicit) {
        conn.violate('privacy', `token for ${jid}, ${type}, t=${t}`, iq);
        return;
    }
    giveToken(conn.sim, conn.account, peer, { t: Number(t) });
}

/** Tells an account that WhatsApp lets it write to nobody new, or that this
 *  is over. */
export function timelock(sim, account, active, ends) {
    const text = JSON.stringify({ data: {
        xwa2_notify_account_reachout_timelock: { is_active: active,
            enforcement_type: active ? 'RESTRICT_ALL_COMPANIONS' : 'DEFAULT',
            time_enforcement_ends: active ? String(ends) : null },
    } });
    sim.notifyAccount(account, { type: 'mex', from: `@${SERVER}` },
        [node('update', {
            op_name: 'NotificationUserReachoutTimelockUpdate',
        }, Buffer.from(text))]);
}

/** A contact has another number and keeps the LID. */
export function changeNumber(sim, account, pn) {
    const old = account.pn;
    sim.registry.byPn.delete(old);
    account.pn = String(pn);
    sim.registry.byPn.set(account.pn, account);
    for (const d of account.tellers) {
        if (d.account !== account && !d.removed) {
            sim.notify(d, { type: 'contacts', from: `${old}@${SERVER}` },
                [node('modify', { old: `${old}@${SERVER}`,
                    new: `${account.pn}@${SERVER}`,
                    old_lid: `${account.lid}@lid`,
                    new_lid: `${account.lid}@lid` })]);
        }
    }
}
