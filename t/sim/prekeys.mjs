// Signal prekeys on the server: count, digest, upload, rotate, bundles.
import { be, bytesOf, child, children, node, uintOf } from './codec.mjs';
import { sha1, verify, withType } from './keys.mjs';
import { publicIdentity } from './adv.mjs';
import { IqError } from './iq_error.mjs';

const MAX_ID = 0xffffff;

export function registerKeys(device, id, pub, signature) {
    device.signedPreKeys.set(id, { id, pub, signature });
    device.skeyId = id;
}

function readSkey(conn, n, stanza) {
    const id = uintOf(child(n, 'id'), 3);
    const pub = bytesOf(child(n, 'value'));
    const signature = bytesOf(child(n, 'signature'));
    if (id === undefined || pub?.length !== 32 || signature?.length !== 64) {
        conn.violate('prekeys', 'malformed skey', stanza);
        throw new IqError(400, 'bad-request');
    }
    if (!verify(conn.device.identityPub, signature, withType(pub))) {
        conn.violate('prekeys', 'skey signature does not verify', stanza);
        throw new IqError(400, 'bad-request');
    }
    return { id, pub, signature };
}

function readKeys(conn, list, stanza) {
    const { device } = conn;
    const keys = new Map();
    for (const k of children(list, 'key')) {
        const id = uintOf(child(k, 'id'), 3);
        const pub = bytesOf(child(k, 'value'));
        if (id === undefined || id < 1 || id > MAX_ID || pub?.length !== 32) {
            conn.violate('prekeys', `malformed key, id ${id}`, stanza);
            throw new IqError(400, 'bad-request');
        }
        if (keys.has(id)) {
            conn.violate('prekeys', `key id ${id} twice in one upload`);
        }
        keys.set(id, pub);
        noteKey(conn, device, id, pub);
    }
    if (keys.size === 0 || keys.size > 812) {
        conn.violate('prekeys', `${keys.size} keys in an upload`);
    }
    return keys;
}

/** One id may stand for one key only, for ever; a consumed key never
 *  comes back. */
function noteKey(conn, device, id, pub) {
    const present = device.prekeys.get(id);
    const issued = device.issued.get(id);
    if (present !== undefined && !present.equals(pub)) {
        conn.violate('prekeys', `key id ${id} uploaded with another key`);
    }
    if (issued !== undefined) {
        conn.violate('prekeys', issued.equals(pub)
            ? `key id ${id} uploaded again after it was handed out`
            : `key id ${id} reused for another key`);
    }
}

export function count(conn) {
    return [node('count', { value: conn.device.prekeys.size })];
}

export function digest(conn) {
    const { device } = conn;
    if (device.prekeys.size === 0) {
        throw new IqError(404, 'item-not-found');
    }
    const skey = device.signedPreKeys.get(device.skeyId);
    const ids = [...device.prekeys.keys()];
    return [node('digest', {}, [
        node('registration', {}, be(device.registrationId, 4)),
        node('type', {}, Buffer.from([5])),
        node('identity', {}, device.identityPub),
        node('skey', {}, [node('id', {}, be(skey.id, 3)),
            node('value', {}, skey.pub),
            node('signature', {}, skey.signature)]),
        node('list', {}, ids.map(id => node('id', {}, be(id, 3)))),
        node('hash', {}, sha1(device.identityPub, skey.pub, skey.signature,
            ...device.prekeys.values())),
    ])];
}

export function upload(conn, iq) {
    const { device, sim } = conn;
    if (uintOf(child(iq, 'registration'), 4) !== device.registrationId) {
        conn.violate('prekeys', 'registration id changed', iq);
    }
    if (!bytesOf(child(iq, 'type'))?.equals(Buffer.from([5]))) {
        conn.violate('prekeys', 'type is not 5', iq);
    }
    if (!bytesOf(child(iq, 'identity'))?.equals(device.identityPub)) {
        conn.violate('prekeys', 'identity key changed', iq);
        throw new IqError(400, 'bad-request');
    }
    const skey = readSkey(conn, child(iq, 'skey'), iq);
    const keys = readKeys(conn, child(iq, 'list'), iq);
    registerKeys(device, skey.id, skey.pub, skey.signature);
    keys.forEach((pub, id) => device.prekeys.set(id, pub));
    device.lowSent = false;
    sim.emit('prekeys', device, keys.size);
    if (!device.greeted && sim.options.greet) {
        device.greeted = true;
        device.greeting = device.account.phone?.greet(device);
    }
    return undefined;
}

export function rotate(conn, iq) {
    const skey = readSkey(conn, child(child(iq, 'rotate'), 'skey'), iq);
    const known = conn.device.signedPreKeys.get(skey.id);
    if (known !== undefined && !known.pub.equals(skey.pub)) {
        conn.violate('prekeys', `signed prekey id ${skey.id} reused`, iq);
    }
    registerKeys(conn.device, skey.id, skey.pub, skey.signature);
    return undefined;
}

/** Takes a bundle of `device`; its one-time key is gone afterwards. */
export function takeBundle(device) {
    const skey = device.signedPreKeys.get(device.skeyId);
    if (device.prekeys.size === 0) {
        device.link?.refill?.();
    }
    const next = device.prekeys.entries().next();
    let key;
    if (!next.done) {
        const [id, pub] = next.value;
        key = { id, pub };
        device.prekeys.delete(id);
        device.issued.set(id, pub);
        device.account.sim.prekeysTaken(device);
    }
    return { registrationId: device.registrationId, skey, key,
        identity: device.identityPub };
}

function bundleNode(device, asked) {
    const b = takeBundle(device);
    const content = [
        node('registration', {}, be(b.registrationId, 4)),
        node('type', {}, Buffer.from([5])),
        node('identity', {}, b.identity),
        node('skey', {}, [node('id', {}, be(b.skey.id, 3)),
            node('value', {}, b.skey.pub),
            node('signature', {}, b.skey.signature)]),
    ];
    if (b.key !== undefined) {
        content.push(node('key', {}, [node('id', {}, be(b.key.id, 3)),
            node('value', {}, b.key.pub)]));
    }
    if (device.id !== 0) {
        content.push(node('device-identity', {},
            publicIdentity(device.advIdentity)));
    }
    return node('user', { jid: asked, t: device.account.listTime }, content);
}

export function fetch(conn, iq) {
    const users = children(child(iq, 'key'), 'user');
    if (users.length === 0) {
        conn.violate('prekeys', 'key fetch without users', iq);
        throw new IqError(400, 'bad-request');
    }
    const seen = new Set();
    return [node('list', {}, users.map(u => {
        const asked = u.attrs.jid;
        const device = conn.sim.registry.device(asked);
        if (seen.has(asked)) {
            conn.violate('prekeys', `${asked} twice in one key fetch`);
        }
        seen.add(asked);
        if (device === conn.device) {
            conn.violate('own-bundle', 'fetches its own bundle', iq);
        }
        if (device === undefined || device.signedPreKeys.size === 0) {
            return node('user', { jid: asked },
                [node('error', { code: 406, text: 'not-acceptable' })]);
        }
        return bundleNode(device, asked);
    }))];
}
