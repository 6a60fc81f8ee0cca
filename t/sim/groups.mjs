// Groups: who is in which, what it is called, what its members are told.
// Messages to groups are in group_routing.mjs.
import { bytesOf, child, children, node, parseJid, SERVER, show, textOf }
    from './codec.mjs';
import { IqError } from './iq_error.mjs';
import { randomBytes } from './keys.mjs';
import { participantHash } from './registry.mjs';

const GROUP = 'g.us';
const MEMBERS_MAX = 1024;
const SUBJECT_MAX = 100;
const DESCRIPTION_MAX = 2048;
const now = () => Math.floor(Date.now() / 1000);

export function isGroup(text) {
    return parseJid(text)?.server === GROUP;
}

class Group {
    constructor(groups, { id, subject, creator, mode }) {
        this.groups = groups;
        this.sim = groups.sim;
        this.id = id;
        this.subject = subject;
        this.subjectBy = creator;
        this.subjectTime = now();
        this.creator = creator;
        this.creation = now();
        this.mode = mode;
        this.members = new Map([[creator, 'superadmin']]);
        this.description = undefined;
        this.flags = new Set(); // announcement, locked, parent ...
        this.ephemeral = 0;
        this.approval = false;
        this.addMode = 'all_member_add';
        this.code = undefined;
        this.requests = new Map();
        this.parent = undefined;
        this.keys = new Map(); // sender device -> its sender key as seen
        this.version = 1;
    }

    get jid() {
        return `${this.id}@${GROUP}`;
    }

    /** Address of an account or device in the group's own form. */
    name(who) {
        if (who.jid !== undefined) {
            return who.jid(this.mode === 'lid' ? 'lid' : SERVER);
        }
        return this.mode === 'lid' ? `${who.lid}@lid` : `${who.pn}@${SERVER}`;
    }

    /** Members are named by LID from now on, and nobody is told. */
    moveToLid() {
        this.mode = 'lid';
        this.moved = true;
    }

    /** The other form, as the attribute it travels in. */
    alias(who, prefix) {
        return this.mode === 'lid'
            ? { [`${prefix}_pn`]: `${who.pn}@${SERVER}` }
            : { [`${prefix}_lid`]: `${who.lid}@lid` };
    }

    participant(account, extra = {}) {
        const role = this.members.get(account);
        return node('participant', { jid: this.name(account),
            ...(this.mode === 'lid'
                ? { phone_number: `${account.pn}@${SERVER}` }
                : { lid: `${account.lid}@lid` }),
            type: role === 'member' ? undefined : role, ...extra });
    }

    isAdmin(account) {
        return ['admin', 'superadmin'].includes(this.members.get(account));
    }

    devices() {
        return [...this.members.keys()].flatMap(a => [...a.devices.values()]);
    }

    hash() {
        return participantHash(this.devices(),
            this.mode === 'lid' ? 'lid' : SERVER);
    }

    node() {
        const content = [...this.members.keys()].map(a => this.participant(a));
        for (const f of this.flags) {
            content.push(node(f));
        }
        if (this.description !== undefined) {
            content.push(node('description', { id: this.description.id,
                t: now() }, [node('body', {},
                Buffer.from(this.description.text))]));
        }
        if (this.ephemeral > 0) {
            content.push(node('ephemeral', { expiration: this.ephemeral }));
        }
        if (this.approval) {
            content.push(node('membership_approval_mode', {},
                [node('group_join', { state: 'on' })]));
        }
        content.push(node('member_add_mode', {}, Buffer.from(this.addMode)));
        if (this.parent !== undefined) {
            content.push(node('linked_parent', { jid: this.parent.jid }));
        }
        return node('group', { id: this.id, subject: this.subject,
            s_t: this.subjectTime, s_o: this.name(this.subjectBy),
            creation: this.creation, creator: this.name(this.creator),
            creator_pn: `${this.creator.pn}@${SERVER}`,
            addressing_mode: this.mode, size: this.members.size,
            p_v_id: this.version, a_v_id: 1 }, content);
    }

    /** Tells every device of the members (and of `more`) what `actor` did. */
    tell(actor, content, { more = [], except = [] } = {}) {
        const sender = actor?.account ?? actor;
        this.version++;
        for (const a of new Set([...this.members.keys(), ...more])) {
            if (except.includes(a)) {
                continue;
            }
            this.sim.notifyAccount(a, { type: 'w:gp2', from: this.jid,
                addressing_mode: this.mode,
                ...(sender === undefined ? {} : {
                    participant: this.name(sender), notify: sender.name,
                    ...this.alias(sender, 'participant') }),
            }, [content]);
        }
        this.groups.sim.emit('group', this, content);
    }

    add(actor, accounts) {
        const fresh = accounts.filter(a => !this.members.has(a));
        fresh.forEach(a => this.members.set(a, 'member'));
        this.tell(actor, node('add', {},
            fresh.map(a => this.participant(a))), { except: fresh });
        for (const a of fresh) {
            this.sim.notifyAccount(a, { type: 'w:gp2', from: this.jid,
                addressing_mode: this.mode,
                participant: this.name(actor.account ?? actor) },
            [node('create', { reason: 'add' }, [this.node()])]);
        }
    }

    remove(actor, accounts) {
        const gone = accounts.filter(a => this.members.has(a));
        const content = node('remove', {},
            gone.map(a => this.participant(a)));
        gone.forEach(a => this.members.delete(a));
        this.tell(actor, content, { more: gone });
    }

    setRole(actor, accounts, role) {
        accounts.forEach(a => this.members.set(a, role));
        this.tell(actor, node(role === 'admin' ? 'promote' : 'demote', {},
            accounts.map(a => this.participant(a))));
    }
}

export class Groups {
    constructor(sim) {
        this.sim = sim;
        this.all = new Map();
        this.nextId = 120363000000000000n;
    }

    /** Without an iq, for tests: `creator` and `members` are accounts,
     *  `parent` is the community it belongs to. */
    create({ creator, members = [], subject = 'a group', mode = 'lid',
        flags = [], parent }) {
        const group = new Group(this, { id: String(this.nextId++), creator,
            subject, mode });
        members.forEach(a => group.members.set(a, 'member'));
        flags.forEach(f => group.flags.add(f));
        group.parent = parent;
        this.all.set(group.id, group);
        group.tell(creator, node('create', { type: 'new' }, [group.node()]));
        return group;
    }

    get(text) {
        return isGroup(text) ? this.all.get(parseJid(text).user) : undefined;
    }

    byCode(code) {
        return [...this.all.values()].find(g => g.code !== undefined
            && g.code === code);
    }
}

/** The group of a request and, unless `any`, the right to ask. */
function groupOf(conn, iq, { admin = false, any = false } = {}) {
    const group = conn.sim.groups.get(iq.attrs.to);
    if (group === undefined) {
        throw new IqError(404, 'item-not-found');
    }
    if (!any && !group.members.has(conn.account)) {
        throw new IqError(403, 'forbidden');
    }
    if (admin && !group.isAdmin(conn.account)) {
        throw new IqError(401, 'not-authorized');
    }
    return group;
}

/** Who gave the asker a privacy token is shown it, and nobody else is. */
function checkTrust(conn, account, participant, list) {
    const shown = child(participant, 'privacy');
    const given = account?.tokens?.get(conn.account) ?? [];
    if (shown !== undefined
        && !given.some(x => bytesOf(shown)?.equals(x.bytes))) {
        conn.violate('token', `not the token of ${participant.attrs.jid}`,
            list);
    }
    if (shown !== undefined) {
        conn.sim.emit('group-token', conn.device, account);
    }
}

function accountsIn(conn, list) {
    return children(list, 'participant').map(p => {
        const account = conn.sim.registry.account(p.attrs.jid);
        if (parseJid(p.attrs.jid)?.explicit) {
            conn.violate('group', `participant ${p.attrs.jid}`, list);
        }
        checkTrust(conn, account, p, list);
        return { jid: p.attrs.jid, account };
    });
}

/** What keeps an account out: its privacy, or that it is not there. */
function refusal(account) {
    return account === undefined ? 404 : account.faults.groupAdd;
}

function create(conn, iq, request) {
    const { subject } = request.attrs;
    if (subject === undefined || subject.length > SUBJECT_MAX) {
        throw new IqError(406, 'not-acceptable');
    }
    const asked = accountsIn(conn, request);
    const members = asked.filter(p => refusal(p.account) === undefined)
        .map(p => p.account).filter(a => a !== conn.account);
    const group = conn.sim.groups.create({ creator: conn.account, subject,
        members,
        flags: child(request, 'parent') === undefined ? [] : ['parent'],
        parent: conn.sim.groups.get(child(request, 'linked_parent')
            ?.attrs.jid) });
    const n = group.node();
    for (const p of asked.filter(x => refusal(x.account) !== undefined)) {
        n.content.push(node('participant', { jid: p.jid,
            error: refusal(p.account) }));
    }
    return [n];
}

function participants(conn, iq, request) {
    const group = groupOf(conn, iq, { admin: request.tag !== 'add' });
    if (request.tag === 'add' && group.addMode === 'admin_add'
        && !group.isAdmin(conn.account)) {
        throw new IqError(401, 'not-authorized');
    }
    const good = [];
    const results = accountsIn(conn, request).map(({ jid, account }) => {
        const is = account !== undefined && group.members.has(account);
        let error;
        if (request.tag === 'add') {
            error = is ? 409 : refusal(account);
            if (error === undefined
                && group.members.size + good.length >= MEMBERS_MAX) {
                error = 419;
            }
        } else if (!is) {
            error = 404;
        }
        if (error === undefined) {
            good.push(account);
        }
        return node('participant', { jid, error },
            error === 403 ? [node('add_request', { code: 'INVITE' + jid[0],
                expiration: now() + 259200 })] : undefined);
    });
    if (good.length > 0) {
        conn.afterReply = () => {
            switch (request.tag) {
            case 'add':
                return group.add(conn.account, good);
            case 'remove':
                return group.remove(conn.account, good);
            default:
                return group.setRole(conn.account, good,
                    request.tag === 'promote' ? 'admin' : 'member');
            }
        };
    }
    return [node(request.tag, {}, results)];
}

/** A community and those of its groups that the account is in. */
function leaving(conn, parent) {
    if (parent?.flags.has('parent') !== true) {
        return [];
    }
    return [parent, ...[...conn.sim.groups.all.values()].filter(g =>
        g.parent === parent && g.members.has(conn.account))];
}

function leave(conn, iq, request) {
    const { parent_group_jid: parent } = child(request, 'linked_groups')
        ?.attrs ?? {};
    const groups = parent !== undefined
        ? leaving(conn, conn.sim.groups.get(parent))
        : children(request, 'group').map(g =>
            conn.sim.groups.get(isGroup(g.attrs.id) ? g.attrs.id
                : `${g.attrs.id}@g.us`));
    if (groups.length === 0
        || (parent === undefined && groups.some(g => g?.flags.has('parent')))
        || groups.some(g => !g?.members.has(conn.account))) {
        throw new IqError(404, 'item-not-found');
    }
    conn.afterReply = () => groups.forEach(g =>
        g.remove(conn.account, [conn.account]));
    return [node('leave', {}, groups.map(g => node('group', { id: g.id })))];
}

function subject(conn, iq, request) {
    const group = groupOf(conn, iq,
        { admin: groupOf(conn, iq).flags.has('locked') });
    const text = bytesOf(request)?.toString();
    if (text === undefined) {
        conn.violate('group', 'subject is not bytes', iq);
    }
    if (!text || [...text].length > SUBJECT_MAX) {
        throw new IqError(406, 'not-acceptable');
    }
    Object.assign(group, { subject: text, subjectBy: conn.account,
        subjectTime: now() });
    conn.afterReply = () => group.tell(conn.account, node('subject', {
        subject: text, s_t: group.subjectTime, s_o: group.name(conn.account),
    }));
    return undefined;
}

function description(conn, iq, request) {
    const group = groupOf(conn, iq,
        { admin: groupOf(conn, iq).flags.has('locked') });
    const { id, prev, delete: gone } = request.attrs;
    if (prev !== group.description?.id) {
        throw new IqError(409, 'conflict');
    }
    const body = bytesOf(child(request, 'body'));
    if (gone === 'true') {
        group.description = undefined;
    } else if (body === undefined || id === undefined) {
        conn.violate('group', 'description without id or body', iq);
        throw new IqError(400, 'bad-request');
    } else if ([...body.toString()].length > DESCRIPTION_MAX) {
        throw new IqError(406, 'not-acceptable');
    } else {
        group.description = { id, text: body.toString() };
    }
    conn.afterReply = () => group.tell(conn.account, node('description',
        gone ? { id: prev } : { id }, gone ? [node('delete')]
            : [node('body', {}, body)]));
    return undefined;
}

function setting(conn, iq, request) {
    const group = groupOf(conn, iq, { admin: true });
    switch (request.tag) {
    case 'announcement':
    case 'locked':
        group.flags.add(request.tag);
        break;
    case 'not_announcement':
        group.flags.delete('announcement');
        break;
    case 'unlocked':
        group.flags.delete('locked');
        break;
    case 'ephemeral':
        group.ephemeral = Number(request.attrs.expiration);
        if (!(group.ephemeral > 0)) {
            throw new IqError(400, 'bad-request');
        }
        break;
    case 'not_ephemeral':
        group.ephemeral = 0;
        break;
    case 'member_add_mode':
        group.addMode = textOf(request);
        if (!['admin_add', 'all_member_add'].includes(group.addMode)) {
            throw new IqError(400, 'bad-request');
        }
        break;
    default:
        group.approval = child(request, 'group_join').attrs.state === 'on';
    }
    conn.afterReply = () => group.tell(conn.account, request);
    return undefined;
}

function inviteGet(conn, iq, request) {
    const { code } = request.attrs;
    if (code === undefined) {
        const group = groupOf(conn, iq, { admin: true });
        group.code ??= randomBytes(12).toString('base64url');
        return [node('invite', { code: group.code })];
    }
    const group = conn.sim.groups.byCode(code);
    if (group === undefined) {
        throw new IqError(406, 'not-acceptable');
    }
    return [group.node()];
}

function inviteSet(conn, iq, request) {
    const { code } = request.attrs;
    if (code === undefined) {
        const group = groupOf(conn, iq, { admin: true });
        group.code = randomBytes(12).toString('base64url');
        return [node('invite', { code: group.code })];
    }
    const group = conn.sim.groups.byCode(code);
    if (group === undefined) {
        throw new IqError(406, 'not-acceptable');
    }
    if (group.members.has(conn.account)) {
        throw new IqError(409, 'conflict');
    }
    if (group.approval) {
        group.requests.set(conn.account, now());
        conn.afterReply = () => group.tell(conn.account,
            node('created_membership_requests', { request_method:
                'invite_link' }, [node('requested_user',
                { jid: group.name(conn.account), ...(group.mode === 'lid'
                    ? { phone_number: `${conn.account.pn}@${SERVER}` }
                    : {}) })]));
        return [node('membership_approval_request', { jid: group.jid })];
    }
    conn.afterReply = () => group.add(conn.account, [conn.account]);
    return [node('group', { jid: group.jid })];
}

function requestsGet(conn, iq) {
    const group = groupOf(conn, iq, { admin: true });
    return [node('membership_approval_requests', {},
        [...group.requests].map(([a, t]) => node(
            'membership_approval_request', { jid: group.name(a),
                request_time: t, request_method: 'invite_link',
                ...(group.mode === 'lid'
                    ? { phone_number: `${a.pn}@${SERVER}` } : {}) })))];
}

function requestsAction(conn, iq, request) {
    const group = groupOf(conn, iq, { admin: true });
    const action = request.content[0];
    const good = [];
    const list = accountsIn(conn, action).map(({ jid, account }) => {
        const error = group.requests.delete(account) ? undefined : 404;
        if (error === undefined) {
            good.push(account);
        }
        return node('participant', { jid, error });
    });
    if (action.tag === 'approve' && good.length > 0) {
        conn.afterReply = () => group.add(conn.account, good);
    }
    return [node('membership_requests_action', {},
        [node(action.tag, {}, list)])];
}

/** Tells a community of its groups, and each of them of the community. */
function tellLinked(conn, tag, parent, subs) {
    const about = g => node('group', { id: g.id, subject: g.subject });
    parent.tell(conn.account, node(tag, { [`${tag}_type`]: 'sub_group' },
        subs.map(about)));
    subs.forEach(g => g.tell(conn.account, node(tag,
        { [`${tag}_type`]: 'parent_group' }, [about(parent)])));
}

function links(conn, iq, request) {
    const parent = groupOf(conn, iq, { admin: true });
    const subs = children(child(request, 'link'), 'group').map(g =>
        conn.sim.groups.get(g.attrs.jid));
    subs.forEach(g => {
        g.parent = parent;
    });
    conn.afterReply = () => tellLinked(conn, 'link', parent, subs);
    return [node('links', {}, [node('link', { link_type: 'sub_group' },
        subs.map(g => node('group', { jid: g.jid })))])];
}

function unlink(conn, iq, request) {
    const parent = groupOf(conn, iq, { admin: true });
    const subs = children(request, 'group').map(g =>
        conn.sim.groups.get(g.attrs.jid));
    if (subs.some(g => g?.parent !== parent)) {
        throw new IqError(404, 'item-not-found');
    }
    subs.forEach(g => {
        g.parent = undefined;
    });
    conn.afterReply = () => tellLinked(conn, 'unlink', parent, subs);
    return [node('unlink', { unlink_type: 'sub_group' },
        subs.map(g => node('group', { jid: g.jid })))];
}

function subGroups(conn, iq) {
    const parent = groupOf(conn, iq);
    return [node('sub_groups', {}, [...conn.sim.groups.all.values()]
        .filter(g => g.parent === parent).map(g => node('group',
            { id: g.id, subject: g.subject, s_t: g.subjectTime })))];
}

const GET = {
    query: (conn, iq) => [groupOf(conn, iq).node()],
    participating: conn => {
        conn.device.askedGroups++;
        return [node('groups', {}, [...conn.sim.groups.all.values()]
            .filter(g => g.members.has(conn.account)).map(g => g.node()))];
    },
    invite: inviteGet,
    membership_approval_requests: requestsGet,
    sub_groups: subGroups,
};

const SET = {
    create, leave, subject, description, links, unlink,
    add: participants, remove: participants, promote: participants,
    demote: participants, invite: inviteSet,
    membership_requests_action: requestsAction,
    announcement: setting, not_announcement: setting, locked: setting,
    unlocked: setting, ephemeral: setting, not_ephemeral: setting,
    member_add_mode: setting, membership_approval_mode: setting,
};

export function groupIq(conn, iq) {
    const request = iq.content?.[0];
    const handler = (iq.attrs.type === 'get' ? GET : SET)[request?.tag];
    if (handler === undefined || !isGroup(iq.attrs.to)) {
        conn.sim.unknown.push(show(iq));
        throw new IqError(400, 'bad-request');
    }
    conn.sim.emit('group-iq', conn, iq);
    return handler(conn, iq, request);
}
