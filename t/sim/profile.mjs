// What people say about themselves: about texts, business profiles, verified
// names, usernames, and who is shown them.
//
//   account.about = { text, t }          changed by setAbout()
//   account.shownAbout = { text, emoji, ephemeral_duration_sec }
//                                        what newer programs show
//   account.noShownAbout = true          the server does not know that query
//   account.hides = true                 only those it gave a token see it
//   account.business = { name, description, ... }
//   account.username = 'name'
import { proto } from 'baileys';
import { bytesOf, child, node, SERVER } from './codec.mjs';
import { IqError } from './iq_error.mjs';
import { mexQueries } from './newsletter_mex.mjs';

const ABOUT = 'Hey there! I am using WhatsApp.';
const ABOUT_MAX = 139;

const now = () => Math.floor(Date.now() / 1000);

/** Does `account` show itself to who asks?  A token that it never gave is a
 *  violation. */
export function shows(conn, account, token, stanza) {
    if (token !== undefined) {
        const known = account.tokens?.get(conn.account)
            ?.some(k => bytesOf(token)?.equals(k.bytes));
        if (!known || account === conn.account) {
            conn.violate('token', 'token that this contact never gave',
                stanza);
        }
    }
    return account === conn.account || !account.hides || token !== undefined;
}

/** <status> of a usync answer. */
export function aboutNode(conn, account, user) {
    if (!shows(conn, account, child(user, 'tctoken'), user)) {
        return node('status', { code: 401 });
    }
    const { text, t } = account.about ?? { text: ABOUT, t: account.listTime };
    return text === '' ? node('status', { t })
        : node('status', { t }, Buffer.from(text));
}

/** <business> of a usync answer. */
export function businessNode(account) {
    if (account.business === undefined) {
        return undefined;
    }
    const details = proto.VerifiedNameCertificate.Details.encode({
        serial: 7, issuer: 'ent:wa', verifiedName: account.business.name,
    }).finish();
    return node('business', {}, [node('verified_name', { v: 1, serial: '7',
        verified_level: 'unknown' },
    Buffer.from(proto.VerifiedNameCertificate.encode({ details,
        signature: Buffer.alloc(64) }).finish()))]);
}

export function usernameNode(account) {
    return account.username === undefined ? undefined
        : node('username', {}, Buffer.from(account.username));
}

/** Tells everybody who asked for the devices of `account`. */
export function tellPeople(account, attrs, content) {
    for (const d of account.tellers) {
        if (d.account !== account && !d.removed) {
            account.sim.notify(d, { from: `${account.pn}@${SERVER}`,
                ...attrs }, content);
        }
    }
}

/** A person changes its about text on the phone. */
export function changeAbout(account, text) {
    account.about = { text, t: now() };
    tellPeople(account, { type: 'status' },
        [node('set', {}, Buffer.from(text))]);
}

/** A person changes its picture on the phone; undefined takes it away. */
export function changePicture(account, id) {
    const jid = `${account.pn}@${SERVER}`;
    account.picture = id === undefined ? undefined
        : { id, bytes: Buffer.alloc(0) };
    tellPeople(account, { type: 'picture' }, [id === undefined
        ? node('delete', { jid, author: jid })
        : node('set', { jid, author: jid, id })]);
}

/** <iq set status><status>text</status> */
export function aboutSet(conn, iq) {
    const status = child(iq, 'status');
    const text = bytesOf(status)?.toString() ?? '';
    if (status === undefined || [...text].length > ABOUT_MAX) {
        conn.violate('about', 'not an about text', iq);
        throw new IqError(406, 'not-acceptable');
    }
    conn.account.about = { text, t: now() };
    conn.sim.emit('about', conn.account, text);
    return undefined;
}

/** The same as a query in JSON; what <iq set status> sets stays. */
function shownAboutSet(conn, { input, ...more }) {
    const { text, emoji, ephemeral_duration_sec: end, ...rest } = input ?? {};
    if (Object.keys({ ...more, ...rest }).length > 0
        || !Number.isInteger(end) || end < 0
        || !(text === null || (typeof text === 'string' && text !== ''
            && [...text].length <= ABOUT_MAX))
        || !(emoji === undefined || typeof emoji?.content === 'string')) {
        conn.violate('about', `not an about text: ${JSON.stringify(input)}`);
        throw new IqError(400, 'bad-request');
    }
    if (conn.account.noShownAbout) {
        throw new IqError(404, 'item-not-found');
    }
    conn.account.shownAbout = input;
    return { result: 'SUCCESS' };
}

mexQueries({ '9152604461510864': ['xwa2_update_text_status',
    shownAboutSet] });

/** <iq get w:biz><business_profile v><profile jid/> */
export function businessGet(conn, iq) {
    const asked = child(iq, 'business_profile');
    const profile = child(asked, 'profile');
    const account = conn.sim.registry.account(profile?.attrs.jid);
    if (asked?.attrs.v !== '244' || profile === undefined) {
        conn.violate('business', 'not a question', iq);
        throw new IqError(400, 'bad-request');
    }
    if (account?.business === undefined) {
        return [node('business_profile', {}, [])];
    }
    const { description, address, email, websites = [], categories = [],
        hours } = account.business;
    const text = (tag, value) => (value === undefined ? []
        : [node(tag, {}, Buffer.from(value))]);
    return [node('business_profile', { v: 244 }, [
        node('profile', { jid: profile.attrs.jid, tag: '1' }, [
            ...text('address', address), ...text('description', description),
            ...text('email', email),
            ...websites.flatMap(w => text('website', w)),
            node('categories', {}, categories.map((c, i) => node('category',
                { id: i + 1 }, Buffer.from(c)))),
            ...(hours === undefined ? [] : [node('business_hours',
                { timezone: hours.timezone }, hours.days.map(d =>
                    node('business_hours_config', d)))]),
        ])])];
}
