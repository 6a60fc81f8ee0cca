// Queries in JSON about channels (xmlns w:mex). The ids are those of the web
// client's builds that Baileys and whatsmeow use; each has its own variables.
import { bytesOf, child, children, node, parseJid, SERVER } from './codec.mjs';
import { IqError } from './iq_error.mjs';

class MexError extends Error {
    constructor(code, text) {
        super(text);
        this.code = code;
    }
}

const MUTE = new Map([[true, 'ON'], [false, 'OFF']]);

function metadata(n, account) {
    return { id: n.jid, state: { type: 'ACTIVE' },
        thread_metadata: {
            creation_time: String(n.created), invite: n.invite,
            name: { id: String(n.created * 1000), text: n.name,
                update_time: String(n.created * 1e6) },
            description: { id: String(n.created * 1000 + 1),
                text: n.description, update_time: String(n.created * 1e6) },
            subscribers_count: String(n.followers.size),
            verification: 'UNVERIFIED', handle: null,
            picture: { id: '', type: 'IMAGE', direct_path: '' },
            preview: { id: '', type: 'PREVIEW', direct_path: '' },
            settings: { reaction_codes: { value: 'ALL' } } },
        viewer_metadata: account === undefined ? null
            : { mute: MUTE.get(n.muted.has(account)), role: n.role(account) } };
}

function keys(vars, required, optional = []) {
    const names = Object.keys(vars);
    const missing = required.filter(k => !names.includes(k));
    const extra = names.filter(k => ![...required, ...optional].includes(k));
    if (missing.length > 0 || extra.length > 0) {
        throw new MexError(400, `variables: ${[...missing, ...extra]}`);
    }
}

function target(conn, vars, role) {
    const n = conn.sim.newsletters.find(vars.newsletter_id);
    if (parseJid(vars.newsletter_id)?.server !== 'newsletter'
        || n === undefined) {
        throw new MexError(404, 'Newsletter not found');
    }
    if (role !== undefined && !role.includes(n.role(conn.account))) {
        throw new MexError(403, 'Not authorized');
    }
    return n;
}

/** The account's other devices hear of it. */
function tell(conn, op, member, value) {
    for (const d of conn.account.devices.values()) {
        if (d !== conn.device && !d.link?.virtual) {
            conn.sim.notify(d, { type: 'mex', from: `@${SERVER}` },
                [node('update', { op_name: op }, Buffer.from(JSON.stringify(
                    { data: { [member]: value } })))]);
        }
    }
}

function create(conn, vars) {
    keys(vars, ['input']);
    keys(vars.input, ['name'], ['description', 'picture']);
    const { name, description } = vars.input;
    if (typeof name !== 'string' || name === '' || name.length > 100) {
        throw new MexError(400, 'Name is not valid');
    }
    const n = conn.sim.newsletters.create(conn.account,
        { name, description });
    return metadata(n, conn.account);
}

function update(conn, vars) {
    keys(vars, ['newsletter_id', 'updates']);
    keys(vars.updates, ['settings'], ['name', 'description', 'picture']);
    const n = target(conn, vars, ['OWNER', 'ADMIN']);
    n.name = vars.updates.name ?? n.name;
    n.description = vars.updates.description ?? n.description;
    return { ...metadata(n), viewer_metadata: undefined };
}

function get(conn, vars) {
    keys(vars, ['input', 'fetch_viewer_metadata', 'fetch_full_image',
        'fetch_creation_time']);
    keys(vars.input, ['key', 'type'], ['view_role']);
    const { key, type } = vars.input;
    const n = conn.sim.newsletters.find(key);
    if (n === undefined || type !== (key === n.jid ? 'JID' : 'INVITE')) {
        throw new MexError(404, 'Newsletter not found');
    }
    return metadata(n, vars.fetch_viewer_metadata ? conn.account
        : undefined);
}

function list(conn, vars) {
    keys(vars, []);
    return [...conn.sim.newsletters.all.values()]
        .filter(n => !n.gone && n.followers.has(conn.account))
        .map(n => metadata(n, conn.account));
}

function follow(conn, vars) {
    keys(vars, ['newsletter_id']);
    const n = target(conn, vars);
    n.followers.add(conn.account);
    tell(conn, 'NotificationNewsletterJoin', 'xwa2_notify_newsletter_on_join',
        metadata(n, conn.account));
    return { id: n.jid, state: { type: 'ACTIVE' } };
}

function unfollow(conn, vars) {
    keys(vars, ['newsletter_id']);
    const n = target(conn, vars, ['SUBSCRIBER', 'ADMIN']);
    n.followers.delete(conn.account);
    n.admins.delete(conn.account);
    tell(conn, 'NotificationNewsletterLeave',
        'xwa2_notify_newsletter_on_leave', { id: n.jid, role: 'GUEST' });
    return { id: n.jid, state: { type: 'ACTIVE' } };
}

function mute(on) {
    return (conn, vars) => {
        keys(vars, ['newsletter_id']);
        const n = target(conn, vars, ['SUBSCRIBER', 'ADMIN', 'OWNER']);
        n.muted[on ? 'add' : 'delete'](conn.account);
        tell(conn, 'NotificationNewsletterUserSettingChange',
            'xwa2_notify_newsletter_on_mute_change',
            { id: n.jid, mute: MUTE.get(on) });
        return { id: n.jid, state: { type: 'ACTIVE' } };
    };
}

function remove(conn, vars) {
    keys(vars, ['newsletter_id']);
    const n = target(conn, vars, ['OWNER']);
    n.gone = true;
    return { id: n.jid, state: { type: 'DELETED' } };
}

function subscribers(conn, vars) {
    keys(vars, ['newsletter_id']);
    return { subscribers: target(conn, vars).followers.size };
}

function adminCount(conn, vars) {
    keys(vars, ['newsletter_id']);
    return { admin_count: target(conn, vars).admins.size };
}

const QUERIES = {
    '8823471724422422': ['xwa2_newsletter_create', create],
    '24250201037901610': ['xwa2_newsletter_update', update],
    '6563316087068696': ['xwa2_newsletter', get],
    '6388546374527196': ['xwa2_newsletter_subscribed', list],
    '24404358912487870': ['xwa2_newsletter_join_v2', follow],
    '9767147403369991': ['xwa2_newsletter_leave_v2', unfollow],
    '29766401636284406': ['xwa2_newsletter_mute_v2', mute(true)],
    '9864994326891137': ['xwa2_newsletter_unmute_v2', mute(false)],
    '30062808666639665': ['xwa2_newsletter_delete_v2', remove],
    '9783111038412085': ['xwa2_newsletter_subscribers', subscribers],
    '7130823597031706': ['xwa2_newsletter_admin', adminCount],
};

/** Other files add their queries: id -> [member of data, handler]. */
export function mexQueries(more) {
    Object.assign(QUERIES, more);
}

function answer(conn, path, handler, variables) {
    try {
        return { data: { [path]: handler(conn, variables) } };
    } catch (e) {
        if (!(e instanceof MexError)) {
            throw e;
        }
        return { data: { [path]: null }, errors: [{ message: e.message,
            path: [path], extensions: { error_code: e.code,
                is_retryable: false, severity: 'CRITICAL' } }] };
    }
}

/** Who makes channels has accepted the terms of that. */
export function terms(conn, iq) {
    const { id, stage } = child(iq, 'notice')?.attrs ?? {};
    if (id !== '20601218' || stage !== '5') {
        throw new IqError(400, 'bad-request');
    }
    conn.sim.terms.add(conn.account);
    return undefined;
}

export function mex(conn, iq) {
    const query = children(iq)[0];
    const bytes = bytesOf(query);
    const bad = text => {
        conn.violate('mex', text, iq);
        return new IqError(400, 'bad-request');
    };
    if (children(iq).length !== 1 || query.tag !== 'query'
        || bytes === undefined || parseJid(iq.attrs.to)?.user !== '') {
        throw bad('not one query of bytes to the server');
    }
    let body;
    try {
        body = JSON.parse(bytes.toString());
    } catch (e) {
        throw bad(e.message);
    }
    if (Object.keys(body).join() !== 'variables') {
        throw bad(`members ${Object.keys(body)}`);
    }
    const row = QUERIES[query.attrs.query_id];
    if (row === undefined) {
        throw bad(`query_id ${query.attrs.query_id}`);
    }
    return [node('result', {}, Buffer.from(JSON.stringify(
        answer(conn, ...row, body.variables))))];
}
