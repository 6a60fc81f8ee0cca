// Client iqs: one table by type and xmlns.
import { bytesOf, child, children, node, parseJid, SERVER, show }
    from './codec.mjs';
import { appStateIq } from './appstate.mjs';
import * as prekeys from './prekeys.mjs';
import { usync } from './usync.mjs';
import { groupIq } from './groups.mjs';
import { IqError } from './iq_error.mjs';
import { pictureGet, pictureSet } from './picture.mjs';
import { checkThrottle, serverTime } from './throttle.mjs';
import { takeToken } from './identity.mjs';
import { blocklistGet, blocklistSet, privacyGet, privacySet }
    from './privacy.mjs';
import { randomBytes } from './keys.mjs';
import { statusPrivacy } from './status.mjs';
import { aboutSet, businessGet } from './profile.mjs';
import { newsletterGet, newsletterSet } from './newsletter.mjs';
import { mex, terms } from './newsletter_mex.mjs';
import { pairCodeIq } from './paircode.mjs';
import { passkeyIq } from './passkey.mjs';

const now = () => Math.floor(Date.now() / 1000);

function encryptGet(conn, iq) {
    switch (iq.content?.[0]?.tag) {
    case 'count':
        return prekeys.count(conn);
    case 'digest':
        return prekeys.digest(conn);
    case 'key':
        return prekeys.fetch(conn, iq);
    default:
        throw new IqError(400, 'bad-request');
    }
}

function encryptSet(conn, iq) {
    return child(iq, 'rotate') === undefined ? prekeys.upload(conn, iq)
        : prekeys.rotate(conn, iq);
}

function passive(conn, iq) {
    const tag = iq.content?.[0]?.tag;
    if (tag !== 'active' && tag !== 'passive') {
        throw new IqError(400, 'bad-request');
    }
    if (tag === 'active' && conn.device.passive) {
        conn.device.passive = false;
        conn.afterReply = () => conn.device.mailbox.attach(conn);
    }
    return undefined;
}

function md(conn, iq) {
    const remove = child(iq, 'remove-companion-device');
    if (remove === undefined) {
        throw new IqError(400, 'bad-request');
    }
    const target = conn.sim.registry.device(remove.attrs.jid);
    if (target === undefined || target.account !== conn.account
        || target.id === 0 || remove.attrs.reason !== 'user_initiated') {
        conn.violate('logout', show(remove), iq);
        throw new IqError(400, 'bad-request');
    }
    conn.afterReply = () => conn.sim.removeDevice(target, 'own');
    return undefined;
}

function mediaConn(conn) {
    if (conn.sim.media !== undefined) {
        return conn.sim.media.conn(conn.device);
    }
    return [node('media_conn', { auth: randomBytes(24).toString('base64'),
        ttl: 3600, auth_ttl: 21600, max_buckets: 12,
        id: conn.sim.counters.stanzasIn }, [
        node('host', { hostname: conn.sim.options.mediaHost,
            type: 'primary' }, [node('upload'), node('download')])])];
}

function ping(conn) {
    conn.sim.counters.pings++;
    return conn.knob('mutePing') ? 'silence' : undefined;
}

const TABLE = {
    'get w:p': ping,
    'get urn:xmpp:ping': ping,
    'get encrypt': encryptGet,
    'set encrypt': encryptSet,
    'set passive': passive,
    'get usync': usync,
    'set md': md,
    'get privacy': privacyGet,
    'set privacy': privacySet,
    'get w:g2': groupIq,
    'set w:g2': groupIq,
    'get blocklist': blocklistGet,
    'set blocklist': blocklistSet,
    'get abt': () => [node('props', { protocol: 1, ab_key: 'sim', hash: 'sim',
        refresh: 86400, refresh_id: 1 },
    [node('prop', { config_code: 1304, config_value: 257 })])],
    'set w:m': mediaConn,
    'set w:sync:app:state': appStateIq,
    'set urn:xmpp:whatsapp:dirty': () => undefined,
    'set w:stats': () => undefined,
    'get disappearing_mode': () => [node('disappearing_mode',
        { duration: 0, t: now() })],
    'set disappearing_mode': () => undefined,
    'set status': aboutSet,
    'get w:biz': businessGet,
    'get status': statusPrivacy,
    'get w:mex': mex,
    'set tos': terms,
    'get newsletter': newsletterGet,
    'set newsletter': newsletterSet,
    'get w:profile:picture': pictureGet,
    'set w:profile:picture': pictureSet,
};

/** Linking: a passkey's steps, or those of a code. */
function linking(conn, iq) {
    const step = passkeyIq(conn, iq);
    return step === undefined ? pairCodeIq(conn, iq) : step();
}

// Before login.
const REGISTERING = { 'get w:p': ping, 'set md': linking, 'get md': linking };

function checkFrame(conn, iq) {
    const { id, to, type } = iq.attrs;
    const target = parseJid(to);
    if (id === undefined || id === '') {
        conn.violate('iq', 'no id', iq);
    } else if (conn.iqIds.has(id)) {
        conn.violate('iq', `id ${id} used twice`, iq);
    }
    conn.iqIds.add(id);
    if (target === undefined) {
        conn.violate('iq', `to="${to}"`, iq);
    }
    if (!['get', 'set', 'result', 'error'].includes(type)) {
        conn.violate('iq', `type="${type}"`, iq);
    }
    if (iq.content instanceof Uint8Array || bytesOf(iq) !== undefined) {
        conn.violate('iq', 'content is not a list of nodes', iq);
    }
}

function reply(conn, iq, type, content, attrs = {}) {
    conn.send(node('iq', { from: `@${SERVER}`, id: iq.attrs.id, type,
        ...attrs }, content));
}

function refuse(conn, iq, e) {
    if (!(e instanceof IqError)) {
        throw e;
    }
    reply(conn, iq, 'error', [node('error',
        { code: e.code, text: e.message, ...e.attrs })]);
}

/** An answer that takes time: others overtake it. */
function later(conn, iq, answer) {
    answer.then(content => reply(conn, iq, 'result', content))
        .catch(e => refuse(conn, iq, e))
        .catch(e => conn.violate('iq', e.stack, iq));
}

export function handleIq(conn, iq) {
    const { type, id } = iq.attrs;
    if (type === 'result' || type === 'error') {
        const w = conn.waiting.get(id);
        if (w === undefined) {
            conn.violate('iq', 'answer to nothing', iq);
            return;
        }
        conn.waiting.delete(id);
        clearTimeout(w.timer);
        w.answered?.(iq);
        w.resolve(iq);
        return;
    }
    checkFrame(conn, iq);
    const key = `${type} ${iq.attrs.xmlns}`;
    const handler = (conn.device === undefined ? REGISTERING : TABLE)[key];
    if (conn.device === undefined && handler === undefined) {
        conn.violate('iq', 'before login', iq);
        return;
    }
    const mute = conn.knob('muteIq') === iq.attrs.xmlns;
    conn.sim.emit('iq', conn, iq);
    if (mute) {
        return;
    }
    try {
        if (handler === undefined) {
            conn.sim.unknown.push(show(iq));
            throw new IqError(501, 'feature-not-implemented');
        }
        checkThrottle(conn, iq);
        const content = handler(conn, iq);
        if (content instanceof Promise) {
            later(conn, iq, content);
        } else if (content !== 'silence') {
            reply(conn, iq, 'result', content,
                handler === ping
                ? { t: serverTime(conn.sim, conn.account) } : {});
        }
    } catch (e) {
        refuse(conn, iq, e);
    }
    const after = conn.afterReply;
    conn.afterReply = undefined;
    after?.();
}
