// Tenants do not see each other: every row of GET /api is asked by a tenant
// with the ids of another one, and with ids that nobody has.  The answers
// must be the same.  Rows come from the server, so a new row that takes ids
// this file does not know of, or a body that it does not have, fails here.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { placeCall } from '../sim/calls.mjs';
import { png } from './lib/png.mjs';
import { Stage, until } from './lib/stage.mjs';
import { freePort } from './lib/wahub.mjs';

let stage, sim, w, guest, me, ann, carl, mine;
let theirs;     // kind -> ids of the default tenant
let nobodys;    // kind -> ids of the same form that nobody has
let secrets;    // what only the default tenant may read
const bases = {};

const SERVERS = {
    other: 'wahub_anonymous other;',
    pinned: 'wahub_tenant other;',      // for rows that need no key
};

// what a parameter of a path is, by the segment before it
const KINDS = { accounts: 'account', session: 'account', status: 'account',
    files: 'account', '{sessionId}': 'file', messages: 'message',
    'by-message': 'message', download: 'message', media: 'media',
    calls: 'call', chats: 'chat', labels: 'label', groups: 'group',
    invite: 'code', channels: 'channel', contacts: 'contact' };

const FIXED = { '{setting}': 'about' };

// bodies with ids in them; x.KIND is an id, FRIEND somebody to write to
const text = x => ({ to: x.chat, text: 'hi' });
const file = (x, friend) => ({ to: friend, media_id: x.media });
const target = (x, friend) => ({ to: friend, target_id: x.message,
    text: 'hi', emoji: 'y', type: 'reaction' });
const old = (x, friend) => ({ jid: friend, message_id: x.message,
    text: 'hi', emoji: 'y' });
const none = () => ({});
const people = x => ({ participants: [x.contact], action: 'add' });

const BODIES = {
    'POST /api/accounts': [x => ({ name: 'n', session_id: x.session })],
    'POST /tenant/sessions': [x => ({ name: 'n', session_id: x.session })],
    'PATCH /api/accounts/{id}': [() => ({ name: 'changed' })],
    'PUT /api/accounts/{id}/webhook': [() => ({ webhook_url:
        'http://127.0.0.1:9/' })],
    'POST /api/accounts/{id}/pair': [() => ({ phone_number: '4915100000001' })],
    'POST /api/accounts/{id}/passkey': [() => ({ confirm: true })],
    'POST /api/accounts/{id}/start': [none],
    'POST /api/accounts/{id}/stop': [none],
    'POST /api/accounts/{id}/restart': [none],
    'POST /api/accounts/{id}/logout': [none],
    'POST /api/accounts/{id}/relink': [none],
    'PATCH /api/accounts/{id}/privacy': [() => ({ about: 'none' })],
    'PATCH /api/accounts/{id}/privacy/{setting}': [x => ({ add:
        [x.contact] })],
    'POST /api/accounts/{id}/blocklist': [x => ({ jid: x.contact,
        action: 'block' })],
    'PATCH /api/profile': [() => ({ about: 'changed' })],
    'PUT /api/profile/picture': [x => ({ media_id: x.media })],
    'POST /api/connection/restart': [none],
    'POST /api/connection/logout': [none],
    'POST /api/connection/new-qr': [none],
    'POST /session/{sessionId}/disconnect': [none],
    'POST /session/{sessionId}/regenerate-qr': [none],
    'POST /api/messages': [text, target,
        (x, friend) => ({ ...file(x, friend), type: 'document' }),
        (x, friend) => ({ to: friend, text: 'hi', quoted_id: x.message }),
        (x, friend) => ({ ...target(x, friend), type: 'edit' }),
        (x, friend) => ({ ...target(x, friend), type: 'delete' }),
        (x, friend) => ({ ...target(x, friend), type: 'star',
            value: true }),
        (x, friend) => ({ ...file(x, friend), type: 'image',
            album_id: x.message })],
    'POST /api/accounts/{id}/messages': [text],
    'POST /api/accounts/{id}/messages/send': [text],
    'POST /api/accounts/{id}/send': [text],
    'POST /api/actions/send/text': [x => ({ jid: x.chat, text: 'hi' })],
    'POST /api/actions/send/image': [file],
    'POST /api/actions/send/video': [file],
    'POST /api/actions/send/audio': [file],
    'POST /api/actions/send/document': [file],
    'POST /api/actions/send/sticker': [file],
    'POST /api/actions/send/location': [x => ({ jid: x.chat, latitude: 1,
        longitude: 1 })],
    'POST /api/actions/send/contact': [x => ({ jid: x.chat, name: 'A',
        contact_jid: '4915100000077' })],
    'POST /api/actions/send/poll': [x => ({ jid: x.chat, name: 'A',
        options: ['a', 'b'] })],
    'POST /api/actions/react': [old],
    'POST /api/actions/edit': [old],
    'POST /api/actions/delete': [old],
    'POST /api/actions/read': [x => ({ jid: x.group,
        message_ids: [x.message] })],
    'POST /api/actions/played': [x => ({ jid: x.group,
        message_ids: [x.message] })],
    'POST /api/actions/presence': [x => ({ type: 'composing',
        jid: x.chat })],
    'PUT /api/actions/profile-status': [() => ({ status: 'changed' })],
    'POST /session/{sessionId}/send': [text],
    'POST /session/{sessionId}/send-image': [file],
    'POST /session/{sessionId}/send-video': [file],
    'POST /session/{sessionId}/send-audio': [file],
    'POST /session/{sessionId}/send-document': [file],
    'POST /api/messages/send': [text],
    'POST /api/messages/send-media': [file],
    'PATCH /api/messages/{id}': [() => ({ starred: true }),
        () => ({ text: 'changed' }), () => ({ read: true })],
    'POST /api/calls/{id}/reject': [none],
    'PATCH /api/chats/{jid}': [() => ({ archived: true })],
    'POST /api/chats/{jid}/clear': [none],
    'POST /api/chats/{jid}/history': [none],
    'POST /api/labels': [() => ({ name: 'changed' })],
    'PATCH /api/labels/{id}': [() => ({ name: 'changed' })],
    'PUT /api/labels/{id}/chats/{jid}': [none],
    'POST /api/presence/subscribe': [x => ({ jid: x.contact })],
    'POST /api/presence/unsubscribe': [x => ({ jid: x.contact })],
    'POST /api/groups': [x => ({ subject: 's', participants: [],
        community_jid: x.group })],
    'POST /api/groups/sync': [none],
    'POST /api/groups/join': [none],
    'PUT /api/groups/{jid}/subject': [() => ({ subject: 'changed' })],
    'PUT /api/groups/{jid}/description': [() => ({ description: 'c' })],
    'PUT /api/groups/{jid}/settings': [() => ({ announce: true })],
    'PUT /api/groups/{jid}/profile-pic': [x => ({ media_id: x.media })],
    'POST /api/groups/{jid}/participants': [people],
    'POST /api/groups/{jid}/requests': [x => ({ ...people(x),
        action: 'approve' })],
    'POST /api/groups/{jid}/linked': [x => ({ groups: [x.group] })],
    'POST /api/groups/{jid}/leave': [none],
    'POST /api/channels': [() => ({ name: 'n' })],
    'PATCH /api/channels/{jid}': [() => ({ name: 'changed' })],
    'POST /api/channels/{jid}/follow': [none],
    'POST /api/channels/{jid}/unfollow': [none],
    'POST /api/channels/{jid}/mute': [none],
    'POST /api/channels/{jid}/unmute': [none],
    'POST /api/channels/{jid}/live': [none],
    'POST /api/channels/{jid}/viewed': [() => ({ server_ids: [1] })],
    'POST /api/contacts/check': [x => ({ phones: [x.phone] })],
    'PUT /api/contacts/{jid}/name': [() => ({ name: 'changed' })],
    'POST /api/media': [x => ({ base64: 'eA==', filename: 'a.txt',
        account: x.account })],
    'POST /api/media/upload': [() => ({ base64: 'eA==' })],
    'POST /api/media/upload-multiple': [none],
    'POST /api/media/{id}/retry': [none],
};

// rows without an id that would change the guest's own account for good
const OWN = [/\/api\/groups$/, /\/api\/groups\/(sync|join)$/,
    /\/api\/channels$/, /\/api\/labels$/, /profile/, /\/api\/connection\//];

// rows that rest for a while after an answer, whatever was named
const RESTS = /\/history$/;

// rows that make an account, under the name of one of theirs
const MAKERS = ['POST /api/accounts', 'POST /tenant/sessions'];

/** A request of the guest; no key. */
async function ask(method, path, { body, headers, base = bases.other } = {}) {
    const res = await fetch(base + path, { method, redirect: 'manual',
        headers: { connection: 'close', ...(body === undefined ? {}
            : { 'content-type': 'application/json' }), ...headers },
        body: body === undefined ? undefined : JSON.stringify(body) });
    const raw = Buffer.from(await res.arrayBuffer());
    let json;
    try {
        json = JSON.parse(raw.toString());
    } catch {
        json = undefined;
    }
    return { status: res.status, headers: res.headers, raw, json };
}

before(async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    let conf = '';
    for (const [name, directives] of Object.entries(SERVERS)) {
        const port = await freePort();
        bases[name] = `http://127.0.0.1:${port}`;
        conf += `server { listen 127.0.0.1:${port}; ${directives}
            location / { wahub_api; } }\n`;
    }
    stage = await Stage.start({ sim: { media: true, devicesForm: 'lid' },
        conf });
    ({ sim, w } = stage);
    guest = Object.create(w, { request: { value: (method, path, body) =>
        ask(method, path, { body }) } });
    me = await stage.me('Cloaked', { session_id: 'cloaked-session',
        description: 'cloaked words' });
    mine = await stage.me('guest', { w: guest });
    ann = await stage.env.person('Ann of theirs');
    carl = await stage.env.person('Carl of nobody', 0);
    await stage.settled(me);
    await stage.settled(mine);
    await fill();
});

after(async () => {
    // the guest did try to see a channel that is not there
    sim.violations = sim.violations.filter(v => v.kind !== 'newsletter');
    await stage?.close();
});

const event = (type, test) => w.events.wait(e => e.type === type
    && e.account_id === me.id && test(e.data), `${type} ${test}`)
    .then(e => e.data);

/** What the default tenant has. */
async function fill() {
    const group = sim.groups.create({ creator: ann.account, mode: 'lid',
        subject: 'theirs', members: [me.account] });
    const other = sim.groups.create({ creator: carl.account, mode: 'lid',
        subject: 'nobodys', members: [ann.account] });
    await ann.client.sendText(me.lid, 'cloaked text');
    const m = (await w.received('cloaked text')).data.message;
    await ann.client.sendText(group.jid, 'cloaked in the group');
    const g = (await w.received('cloaked in the group')).data.message;
    await ann.client.sock.sendMessage(me.lid, { image: png(40, 20),
        jpegThumbnail: '' });
    const { media } = await event('media.ready', () => true);
    const { data: upload } = await w.api('POST', '/api/media',
        { base64: randomBytes(900).toString('base64'),
            filename: 'cloaked.bin' });
    const call = placeCall(ann.phone, me.account);
    await event('call', d => d.call.id === call.id);
    call.timeout();
    await event('call', d => d.call.status === 'timeout');
    await me.phone.state.set('regular', ['label_edit', '99000074'], 3,
        { labelEditAction: { name: 'cloaked label', color: 2 } });
    await event('label.updated', d => d.name === 'cloaked label');
    await w.api('PUT', `/api/contacts/${ann.pn}/name`, { account: me.id,
        name: 'cloaked name' });
    const rows = async path => (await w.api('GET', path)).data;
    const has = async (path, test) => (await rows(path)).some(test);
    await until('the history', async () =>
        await has('/api/calls', x => x.status === 'timeout')
        && await has('/api/labels', x => x.name === 'cloaked label')
        && await has('/api/groups', x => x.jid === group.jid)
        && await has('/api/chats', x => x.name === 'cloaked name')
        && await has('/api/messages', x => x.message_type === 'image'));
    const [contact] = await rows(`/api/contacts?search=${ann.account.pn}`);
    const files = [media, upload];
    theirs = { account: [me.id, 'cloaked-session'],
        session: ['cloaked-session', me.id],
        message: [m.id, m.message_id, g.id, media.message_id],
        media: files.map(f => f.id), file: files.map(f =>
            new URL(f.url ?? `/files/media/${f.id}.bin`, w.url).pathname
                .split('/').at(-1)),
        chat: [ann.pn, group.jid, ann.lid], group: [group.jid],
        contact: [ann.pn, contact.id, ann.lid], phone: [ann.account.pn],
        call: [call.id], label: ['99000074'], code: ['AbsentInviteCode1234'],
        channel: ['120363000000000001@newsletter'] };
    nobodys = { account: [randomUUID(), 'absent-session'],
        session: ['absent-session', randomUUID()],
        message: theirs.message.map(id => id.replace(/[0-9A-F]{8}$/i,
            s => s === '0000000f' ? '0000000e' : '0000000F'.slice(-s.length))),
        media: files.map(() => randomBytes(16).toString('hex')),
        chat: [carl.pn, other.jid, carl.lid], group: [other.jid],
        contact: [carl.pn, contact.id.replace(me.id, randomUUID()),
            carl.lid], phone: [carl.account.pn],
        call: [randomBytes(16).toString('hex').toUpperCase()
            .slice(0, call.id.length)], label: ['99000075'],
        code: ['AbsentInviteCode4321'],
        channel: ['120363000000000002@newsletter'] };
    nobodys.file = theirs.file.map((f, i) => nobodys.media[i] + f.slice(32));
    secrets = [me.id, 'cloaked', m.id, m.message_id, g.id, call.id,
        media.message_id, ...theirs.media];
}

/** The rows as [method, path]. */
async function rows() {
    const { json } = await ask('GET', '/api');
    return Object.values(json.endpoints).flatMap(group =>
        Object.keys(group)).map(row => row.split(' '));
}

/** The kinds of the parameters of a path, in order. */
function kinds(path) {
    const parts = path.split('/');
    return parts.flatMap((part, i) => {
        if (part[0] !== '{' || part in FIXED) {
            return [];
        }
        const kind = KINDS[parts[i - 1]] ?? KINDS[parts[i - 2]];
        assert.ok(kind, `${path}: what is ${part}? Name it in KINDS`);
        return [kind];
    });
}

const pick = (ids, n) => new Proxy({}, { get: (_, kind) => {
    assert.ok(kind in ids, `no ids of the kind ${String(kind)}`);
    return ids[kind][n % ids[kind].length];
} });

/** The kinds of the ids in bodies. */
function bodyKinds(bodies) {
    const named = [];
    const watch = new Proxy({}, { get: (_, kind) => {
        named.push(kind);
        return '';
    } });
    bodies.forEach(make => make(watch, ''));
    return named;
}

/** The requests of one row with ids of one side. */
function* requests(method, path, ids) {
    const row = `${method} ${path}`;
    const bodies = BODIES[row] ?? [() => undefined];
    assert.ok(['GET', 'DELETE'].includes(method) || row in BODIES,
        `${row}: has no body in BODIES`);
    const of = kinds(path);
    const turns = Math.max(2, ...[...of, ...bodyKinds(bodies)].map(k =>
        ids[k].length));
    for (let n = 0; n < turns; n++) {
        const x = pick(ids, n);
        let k = 0;
        const target = path.split('/').map(p => p[0] !== '{' ? p
            : FIXED[p] ?? encodeURIComponent(x[of[k++]])).join('/');
        // further bodies with the first two names of a thing
        for (const make of n < 2 ? bodies : bodies.slice(0, 1)) {
            const body = make(x, ann.account.pn);
            if (of.length > 0 || !OWN.some(re => re.test(path))) {
                yield [target, { body }];
            }
            if (of[0] === 'account' || make !== bodies[0]) {
                continue;
            }
            // either name of the account, each in one place
            if (n === 0) {
                yield [`${target}?account=${x.account}`, { body }];
            }
            if (n === turns - 1 && body !== undefined) {
                yield [target, { body: { ...body, account: x.account } }];
            }
            if (n === turns - 1) {
                yield [target, { body, headers: {
                    'x-wahub-account': x.account } }];
            }
        }
        if (method === 'GET' && of.length === 0) {
            for (const name of ['jid', 'chat', 'from', 'search']) {
                yield [`${target}?${name}=${encodeURIComponent(x.contact)}`,
                    {}];
            }
        }
    }
}

/** What is the same whatever was named. */
function shape(value) {
    if (Array.isArray(value)) {
        return value.map(shape);
    }
    return value !== null && typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).map(([k, v]) =>
            [k, shape(v)])) : '';
}

/** An answer without what was sent, and what differs by nature. */
function plain(r, ids) {
    const names = Object.entries(ids).flatMap(([kind, list]) =>
        list.map(id => [id, `<${kind}>`]));
    names.sort((a, b) => b[0].length - a[0].length);
    let body = r.status < 300 ? shape(r.json) : { ...r.json };
    delete body?.request_id;
    delete body?.error?.details?.retry_after;
    delete body?.error?.details?.message_id;    // of what is kept as FAILED
    body = JSON.stringify(body) ?? r.raw.length;
    for (const [id, name] of names) {
        body = String(body).replaceAll(id, name)
            .replaceAll(encodeURIComponent(id), name);
    }
    return { status: r.status, body, total: r.headers.get('x-total-count'),
        type: r.headers.get('content-type') };
}

/** An answer to the guest; what was made by it is removed. */
async function answer(method, path, [target, options]) {
    let r;
    await until(`${method} ${target}`, async () => {
        r = await ask(method, target, options);
        return r.json?.error_code !== 'STORE_UNAVAILABLE'
            && r.status !== 504;
    });
    if (MAKERS.includes(`${method} ${path}`)) {
        assert.equal(r.status, 201, r.raw.toString());
        await ask('DELETE', `/api/accounts/${r.json.id}`);
    }
    return r;
}

/** Rows of a phase do not disturb each other: what the history tells, then
 *  what WhatsApp is asked (which the history learns), then changes of what
 *  there is, then what makes chats, then what makes accounts. */
function phase([method, path]) {
    const row = `${method} ${path}`;
    if (MAKERS.includes(row)) {
        return row;
    }
    const asks = /groups|channels|profile|contacts\/\{jid\}\//.test(path);
    if (method === 'GET') {
        return asks ? 'ask' : 'read';
    }
    return asks || /messages$|send|actions|presence|contacts/.test(path)
        ? 'make' : 'change';
}

/** Asks all of one row with either side's ids; tells what differs. */
async function compare(method, path) {
    const ours = [...requests(method, path, nobodys)];
    const wrong = [];
    if (RESTS.test(path)) {
        await ask(method, ...ours[0]);
    }
    for (const [i, request] of [...requests(method, path, theirs)]
        .entries()) {
        const a = await answer(method, path, ours[i]);
        const b = await answer(method, path, request);
        const sent = JSON.stringify(request);
        const text = b.raw.toString('latin1');
        const told = secrets.filter(s => text.includes(s)
            && !sent.includes(s));
        const [x, y] = [plain(a, nobodys), plain(b, theirs)];
        if (told.length > 0 || JSON.stringify(x) !== JSON.stringify(y)) {
            wrong.push({ row: `${method} ${sent}`, told, nobodys: x,
                theirs: y });
        }
    }
    return { count: ours.length, wrong };
}

/** What the default tenant has, as it reads it. */
async function state() {
    const lists = ['/api/accounts', '/api/messages', '/api/chats',
        '/api/labels', '/api/contacts', '/api/calls', '/api/groups',
        '/api/media/stats'];
    const all = [];
    for (const path of lists) {
        all.push(await w.api('GET', path));
    }
    return all;
}

describe('a tenant', () => {
    it('is asked about all rows', async () => {
        const list = (await rows()).map(r => r.join(' '));
        assert.ok(list.length > 100, `${list.length} rows`);
        assert.deepEqual(Object.keys(BODIES).filter(r =>
            !list.includes(r)), []);
    });

    it('does not see what another one has', async t => {
        const before = await state();
        const seen = w.events.all.length;
        const wrong = [];
        let count = 0;
        const list = await rows();
        for (const now of ['read', 'ask', 'change', 'make', ...MAKERS]) {
            const left = list.filter(row => phase(row) === now);
            const lane = async () => {
                for (let row; (row = left.pop()) !== undefined;) {
                    const found = await compare(...row);
                    count += found.count;
                    wrong.push(...found.wrong);
                }
            };
            await Promise.all(Array.from({ length: 8 }, lane));
        }
        assert.ok(count > 500);
        t.diagnostic(`${count} requests`);
        assert.deepEqual(wrong, []);
        // (new chats and contacts are told behind their messages)
        assert.deepEqual(w.events.all.slice(seen).filter(e =>
            e.account_id === me.id && e.data.created === undefined)
            .map(e => e.type), []);
        assert.deepEqual(await state(), before);
    });

    it('reads no file by a link of another one', async () => {
        for (const [i, id] of theirs.media.entries()) {
            const { url } = await w.api('GET', `/api/media/${id}`);
            const link = new URL(url, w.url);
            assert.equal((await fetch(link)).status, 200);
            // a link is for everybody it is given to, but not everywhere
            const away = await ask('GET', link.pathname + link.search,
                { base: bases.pinned });
            assert.equal(away.status, 404);
            for (const base of [bases.other, bases.pinned]) {
                for (const path of [link.pathname,
                    `/api/media/${id}/download`,
                    `/api/media/${id}/download?exp=9999999999&sig=x`]) {
                    const r = plain(await ask('GET', path, { base }),
                        theirs);
                    assert.deepEqual(r, plain(await ask('GET',
                        path.replace(id, nobodys.media[i]), { base }),
                    nobodys));
                    assert.ok(r.status >= 400, `${r.status}`);
                }
            }
        }
    });
});
