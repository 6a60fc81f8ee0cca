// App state of an account: the server keeps collections as chains of patches
// it cannot read; the phone has the keys, writes patches of its own, and
// checks each patch of a companion as a strict device would. Keys, MACs and
// LTHash are made here, from Node's crypto alone.
//
//   const state = phone.account.state          AppState
//   await phone.state.set('regular_low', ['archive', jid], 3,
//       { archiveChatAction: { archived: true } })
//   phone.state.get('regular_low', ['archive', jid])        the value, or
//                                                           undefined
//   phone.state.remove(...)     phone.state.setMany(collection, [...])
//   state.snapshots = true      who asks gets a snapshot (not Baileys, which
//                               looks for files on a host of its own)
//   state.batch = 2             patches in one answer
//   state.conflicts = 1         so many patches are refused with 409
//   state.beforePatch = f       awaited, with the collection's name, before a
//                               companion's patch is looked at
//   state.spoil = 'snapshotMac' | 'patchMac' | 'valueMac' | 'lost'
//                               of the next patch or snapshot that is handed
//                               out: one byte is wrong; a patch is left out
//   state.spoil = 'swapped' | 'twice'
//                               two patches in the wrong order, each patch
//                               twice; not for Baileys
//   state.broken = 'regular'   every patch and snapshot of it is wrong; not
//                              for Baileys
//   state.victim = device       spoil is for this one alone
//   state.quiet = true         nobody is told of patches
//   phone.state.withhold = true keys are shared when they are asked for
//   phone.state.rotate()        another key from now on, shared with all
//
// Events of the simulator: appstate-patch (device, collection, version),
// appstate-snapshot (device, collection), appstate-keys (device, ids),
// appstate-fetched (device, collection): it has been handed all there is.
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync }
    from 'node:crypto';
import { proto } from 'baileys';
import { be, bytesOf, child, children, node, SERVER, show }
    from './codec.mjs';
import { IqError } from './iq_error.mjs';
import { randomBytes } from './keys.mjs';

export const COLLECTIONS = ['critical_block', 'critical_unblock_low',
    'regular_high', 'regular_low', 'regular'];
const SET = 0;
const REMOVE = 1;
const KEY_SHARE = 6;
const KEY_REQUEST = 7;
const EMPTY = Buffer.alloc(128);

// where actions live and the version they are written with
const ACTIONS = { archive: ['regular_low', 3], pin_v1: ['regular_low', 5],
    markChatAsRead: ['regular_low', 3], mute: ['regular_high', 2],
    star: ['regular_high', 2], deleteMessageForMe: ['regular_high', 3],
    clearChat: ['regular_high', 6], deleteChat: ['regular_high', 6],
    contact: ['critical_unblock_low', 2], setting_pushName:
    ['critical_block', 1], label_edit: ['regular', 3], label_jid:
    ['regular', 3], label_message: ['regular', 3] };

const hkdf = (key, info, n) => Buffer.from(hkdfSync('sha256', key,
    Buffer.alloc(0), info, n));
const hmac = (key, parts, algorithm = 'sha256') => {
    const h = createHmac(algorithm, key);
    parts.forEach(p => h.update(p));
    return h.digest();
};
const be64 = n => {
    const b = Buffer.alloc(8);
    b.writeBigUInt64BE(BigInt(n));
    return b;
};
const num = v => Number(v?.toString() ?? 0);

export function expand(data) {
    const all = hkdf(data, 'WhatsApp Mutation Keys', 160);
    const part = i => all.subarray(i * 32, i * 32 + 32);
    return { index: part(0), cipher: part(1), value: part(2),
        snapshot: part(3), patch: part(4) };
}

function mix(hash, mac, sign) {
    const item = hkdf(mac, 'WhatsApp Patch Integrity', 128);
    const out = Buffer.from(hash);
    for (let i = 0; i < 128; i += 2) {
        out.writeUInt16LE((out.readUInt16LE(i) + sign
            * item.readUInt16LE(i)) & 0xffff, i);
    }
    return out;
}

const valueMac = (keys, op, id, sealed) => hmac(keys.value,
    [Buffer.from([op + 1]), id, sealed, be64(id.length + 1)], 'sha512')
    .subarray(0, 32);
const snapshotMac = (keys, hash, version, name) => hmac(keys.snapshot,
    [hash, be64(version), Buffer.from(name)]);
const patchMac = (keys, smac, macs, version, name) => hmac(keys.patch,
    [smac, ...macs, be64(version), Buffer.from(name)]);

class Collection {
    constructor(name) {
        this.name = name;
        this.version = 0;
        this.hash = EMPTY;
        this.entries = new Map(); // index MAC -> { record, mac, data }
        this.patches = [];
    }

    /** Hash and entries as the mutations make them; changes nothing. */
    after(mutations) {
        let { hash } = this;
        const entries = new Map(this.entries);
        for (const m of mutations) {
            const k = m.index.toString('hex');
            const prior = entries.get(k);
            if (prior !== undefined) {
                hash = mix(hash, prior.mac, -1);
            }
            if (m.op === SET) {
                hash = mix(hash, m.mac, 1);
                entries.set(k, m);
            } else {
                entries.delete(k);
            }
        }
        return { hash, entries };
    }
}

/** The server's side of one account, and the keys its phone made. */
export class AppState {
    constructor(account) {
        this.account = account;
        this.collections = new Map(COLLECTIONS.map(name =>
            [name, new Collection(name)]));
        this.keys = [];
        this.snapshots = false;
        this.batch = 50;
        this.conflicts = 0;
        this.spoil = undefined;
        this.victim = undefined;
        this.broken = undefined;
        this.quiet = false;
    }

    newKey() {
        const key = { id: Buffer.concat([be(0, 2),
            be(this.keys.length + 1, 4)]), data: randomBytes(32),
        timestamp: Date.now() + this.keys.length };
        this.keys.push(key);
        return key;
    }

    get key() {
        return this.keys.at(-1) ?? this.newKey();
    }

    keysOf(id) {
        const key = this.keys.find(k => k.id.equals(Buffer.from(id)));
        return key && expand(key.data);
    }

    /** What a device that has the keys reads; undefined after bad(). */
    open(mutation, bad) {
        const { operation, record } = mutation;
        const blob = Buffer.from(record?.value?.blob ?? []);
        const id = Buffer.from(record?.keyId?.id ?? []);
        const index = Buffer.from(record?.index?.blob ?? []);
        const keys = this.keysOf(id);
        const sealed = blob.subarray(0, -32);
        const mac = blob.subarray(-32);
        if (keys === undefined || sealed.length < 32
            || index.length !== 32) {
            return bad(`mutation with key ${id.toString('hex')}`);
        }
        if (!valueMac(keys, operation ?? SET, id, sealed).equals(mac)) {
            return bad('value MAC');
        }
        const d = createDecipheriv('aes-256-cbc', keys.cipher,
            sealed.subarray(0, 16));
        const data = proto.SyncActionData.decode(Buffer.concat([
            d.update(sealed.subarray(16)), d.final()]));
        if (!hmac(keys.index, [data.index]).equals(index)) {
            return bad('index MAC');
        }
        return { op: operation ?? SET, index, mac, record, data,
            name: JSON.parse(Buffer.from(data.index).toString()) };
    }

    /** A patch of a companion: everything in it is looked at. */
    check(device, c, patch) {
        let wrong;
        const bad = text => {
            wrong ??= text;
            return undefined;
        };
        const mutations = patch.mutations.map(m => this.open(m, bad))
            .filter(m => m !== undefined);
        const keys = this.keysOf(patch.keyId?.id ?? []);
        if (patch.version || patch.externalMutations || keys === undefined
            || mutations.length === 0) {
            bad('version, key or mutations');
        }
        if (wrong === undefined) {
            const { hash } = c.after(mutations);
            const smac = snapshotMac(keys, hash, c.version + 1, c.name);
            const pmac = patchMac(keys, smac, mutations.map(m => m.mac),
                c.version + 1, c.name);
            if (!smac.equals(Buffer.from(patch.snapshotMac))) {
                bad('snapshot MAC');
            } else if (!pmac.equals(Buffer.from(patch.patchMac))) {
                bad('patch MAC');
            }
        }
        if (wrong !== undefined) {
            this.account.sim.violate(device, 'appstate',
                `${device}: ${c.name}: ${wrong}`);
            return undefined;
        }
        mutations.forEach(m => this.checkAction(device, c, m));
        return mutations;
    }

    checkAction(device, c, m) {
        const [action] = m.name;
        const [where, version] = ACTIONS[action] ?? [];
        const { sim } = this.account;
        if (where === undefined) {
            return;
        }
        if (where !== c.name || version !== m.data.version) {
            sim.violate(device, `appstate-${action}`, `${device}: `
                + `${action} in ${c.name}, version ${m.data.version}`);
        }
        if (m.op === SET && num(m.data.value?.timestamp) < 1e12) {
            sim.violate(device, 'appstate', `${device}: ${action} without `
                + 'a time in ms');
        }
    }

    append(c, patch, mutations, from) {
        const { hash, entries } = c.after(mutations);
        c.version++;
        c.hash = hash;
        c.entries = entries;
        patch.version = { version: c.version };
        c.patches.push({ version: c.version, bytes: Buffer.from(
            proto.SyncdPatch.encode(patch).finish()) });
        const { sim } = this.account;
        for (const d of this.account.devices.values()) {
            if (d !== from && d.id !== 0 && !this.quiet) {
                sim.notify(d, { type: 'server_sync',
                    from: `${this.account.pn}@${SERVER}` },
                [node('collection', { name: c.name,
                    version: c.version })]);
            }
        }
        sim.emit('appstate-patch', from, c.name, c.version);
    }

    spoiled(kind, device) {
        if (this.spoil !== kind
            || ![undefined, device].includes(this.victim)) {
            return false;
        }
        this.spoil = undefined;
        return true;
    }

    /** Patches as they are handed out. */
    bytesOf(p, device, broken = false) {
        const patch = proto.SyncdPatch.decode(p.bytes);
        if (this.spoiled('snapshotMac', device)) {
            patch.snapshotMac[3] ^= 1;
        } else if (this.spoiled('patchMac', device) || broken) {
            patch.patchMac[3] ^= 1;
        } else if (this.spoiled('valueMac', device)) {
            patch.mutations[0].record.value.blob[20] ^= 1;
        } else {
            return p.bytes;
        }
        return Buffer.from(proto.SyncdPatch.encode(patch).finish());
    }

    snapshotOf(c, device) {
        const keys = expand(this.key.data);
        const mac = snapshotMac(keys, c.hash, c.version, c.name);
        if (this.spoiled('snapshot', device) || this.broken === c.name) {
            mac[0] ^= 1;
        }
        return Buffer.from(proto.SyncdSnapshot.encode({
            version: { version: c.version },
            records: [...c.entries.values()].map(e => e.record),
            mac, keyId: { id: this.key.id } }).finish());
    }
}

/** A file as the media servers keep app state: its reference. */
async function upload(sim, bytes) {
    const mediaKey = randomBytes(32);
    const keys = hkdf(mediaKey, 'WhatsApp App State Keys', 112);
    const c = createCipheriv('aes-256-cbc', keys.subarray(16, 48),
        keys.subarray(0, 16));
    const sealed = Buffer.concat([c.update(bytes), c.final()]);
    const mac = hmac(keys.subarray(48, 80), [keys.subarray(0, 16), sealed]);
    const file = await sim.media.put(Buffer.concat([sealed,
        mac.subarray(0, 10)]), 'md-app-state');
    return proto.ExternalBlobReference.encode({ mediaKey,
        directPath: file.path, handle: 'handle', fileSizeBytes: bytes.length,
        fileSha256: createHash('sha256').update(bytes).digest(),
        fileEncSha256: file.hash }).finish();
}

/** The iq of devices: set w:sync:app:state. */
export async function appStateIq(conn, iq) {
    const list = [];
    for (const n of children(child(iq, 'sync'), 'collection')) {
        list.push(await collectionAnswer(conn, n, iq));
    }
    return [node('sync', {}, list)];
}

async function collectionAnswer(conn, n, iq) {
    const { state } = conn.account;
    const { name, version, return_snapshot: whole } = n.attrs;
    const c = state.collections.get(name);
    if (c === undefined || (version !== undefined && !/^\d+$/.test(version))
        || !['true', 'false'].includes(whole)
        || (version === undefined && whole !== 'true')) {
        conn.violate('appstate', show(n), iq);
        throw new IqError(400, 'bad-request');
    }
    const bytes = bytesOf(child(n, 'patch'));
    if (bytes !== undefined) {
        await state.beforePatch?.(name);
        return takePatch(conn, c, Number(version ?? 0), bytes);
    }
    return handOut(conn, c, Number(version ?? 0), whole === 'true');
}

function takePatch(conn, c, version, bytes) {
    const { state } = conn.account;
    const { name } = c;
    if (version !== c.version || state.conflicts > 0) {
        state.conflicts = Math.max(0, state.conflicts - 1);
        return node('collection', { name, type: 'error',
            version: c.version }, [node('error', { code: 409,
            text: 'conflict' })]);
    }
    const patch = proto.SyncdPatch.decode(bytes);
    const mutations = state.check(conn.device, c, patch);
    if (mutations === undefined) {
        return node('collection', { name, type: 'error' },
            [node('error', { code: 400, text: 'bad-request' })]);
    }
    state.append(c, patch, mutations, conn.device);
    return node('collection', { name, version: c.version });
}

async function handOut(conn, c, version, whole) {
    const { state, sim } = conn.account;
    const { name } = c;
    const content = [];
    if (version > c.version) {
        conn.violate('appstate', `${name}: version ${version} is not known`);
    }
    if (whole && c.version > 0 && state.snapshots
        && !/Baileys/.test(conn.device.os)) {
        content.push(node('snapshot', {}, await upload(sim,
            state.snapshotOf(c, conn.device))));
        sim.emit('appstate-snapshot', conn.device, name);
        return node('collection', { name, version: c.version }, content);
    }
    const from = whole ? 0 : version;
    const list = c.patches.filter(p => p.version > from);
    let some = list.slice(0, state.batch);
    if (some.length > 1 && state.spoiled('lost', conn.device)) {
        some = some.slice(1);
    }
    const baileys = /Baileys/.test(conn.device.os);
    if (!baileys && some.length > 1
        && state.spoiled('swapped', conn.device)) {
        some = [some[1], some[0], ...some.slice(2)];
    } else if (!baileys && some.length > 0
        && state.spoiled('twice', conn.device)) {
        some = some.flatMap(p => [p, p]);
    }
    if (some.length > 0) {
        content.push(node('patches', {}, some.map(p =>
            node('patch', {}, state.bytesOf(p, conn.device,
                !baileys && state.broken === name)))));
    }
    if (some.at(-1) === list.at(-1)) {
        sim.emit('appstate-fetched', conn.device, name);
    }
    return node('collection', { name, version: c.version,
        has_more_patches: some.at(-1) !== list.at(-1) ? 'true' : undefined },
    content);
}

/** The phone: it has the keys and writes as any other device. */
export class PhoneState {
    constructor(phone) {
        this.phone = phone;
        this.withhold = false;
        phone.account.state = new AppState(phone.account);
        phone.account.sim = phone.sim;
    }

    get server() {
        return this.phone.account.state;
    }

    mutation(keys, id, { index, version, value, op = SET }) {
        const text = Buffer.from(JSON.stringify(index));
        const plain = proto.SyncActionData.encode(proto.SyncActionData
            .fromObject({ index: text, value: { timestamp: Date.now(),
                ...value }, padding: Buffer.alloc(0), version })).finish();
        const iv = randomBytes(16);
        const c = createCipheriv('aes-256-cbc', keys.cipher, iv);
        const sealed = Buffer.concat([iv, c.update(plain), c.final()]);
        const mac = valueMac(keys, op, id, sealed);
        const record = { index: { blob: hmac(keys.index, [text]) },
            value: { blob: Buffer.concat([sealed, mac]) }, keyId: { id } };
        return { op, index: record.index.blob, mac, record,
            data: proto.SyncActionData.decode(plain), name: index };
    }

    set(collection, index, version, value) {
        return this.setMany(collection, [{ index, version, value }]);
    }

    remove(collection, index, version) {
        return this.setMany(collection, [{ index, version, value: {},
            op: REMOVE }]);
    }

    async setMany(collection, items, { external = false } = {}) {
        const c = this.server.collections.get(collection);
        const { id, data } = this.server.key;
        const keys = expand(data);
        const list = items.map(i => this.mutation(keys, id, i));
        const { hash } = c.after(list);
        const smac = snapshotMac(keys, hash, c.version + 1, c.name);
        const patch = { snapshotMac: smac, keyId: { id },
            patchMac: patchMac(keys, smac, list.map(m => m.mac),
                c.version + 1, c.name) };
        const mutations = list.map(m => ({ operation: m.op,
            record: m.record }));
        if (external) {
            patch.externalMutations = proto.ExternalBlobReference.decode(
                await upload(this.phone.sim, Buffer.from(
                    proto.SyncdMutations.encode({ mutations }).finish())));
        } else {
            patch.mutations = mutations;
        }
        this.server.append(c, patch, list, this.phone.device);
        return c.version;
    }

    get(collection, index) {
        const text = JSON.stringify(index);
        for (const e of this.server.collections.get(collection).entries
            .values()) {
            if (Buffer.from(e.data.index).toString() === text) {
                return e.data.value;
            }
        }
        return undefined;
    }

    share(device, keys) {
        const { account } = this.phone;
        return this.phone.sendPeer(device, { protocolMessage: {
            type: KEY_SHARE, appStateSyncKeyShare: { keys: keys.map(k => ({
                keyId: { keyId: k.id }, keyData: { keyData: k.data,
                    timestamp: k.timestamp, fingerprint: {
                        rawId: account.rawId, currentIndex: 1,
                        deviceIndexes: [0, device.keyIndex] } } })) } } });
    }

    async greet(device) {
        const { server } = this;
        if (this.withhold) {
            return;
        }
        if (server.keys.length === 0) {
            server.newKey();
        }
        await this.share(device, server.keys);
    }

    async rotate() {
        const key = this.server.newKey();
        for (const d of this.phone.account.companions()) {
            if (!this.withhold) {
                await this.share(d, [key]);
            }
        }
    }

    /** A peer message: true if it was about keys. */
    async onPeer(device, message) {
        const p = message.protocolMessage;
        if (p?.type !== KEY_REQUEST) {
            return false;
        }
        const ids = p.appStateSyncKeyRequest.keyIds.map(k =>
            Buffer.from(k.keyId));
        this.phone.sim.emit('appstate-keys', device, ids);
        const keys = ids.map(id => this.server.keys.find(k =>
            k.id.equals(id)) ?? { id, data: Buffer.alloc(0), timestamp: 0 });
        await this.share(device, keys);
        return true;
    }
}
