// The client payload inside the handshake: registration or login.
import { proto } from 'baileys/WAProto/index.js';
import { setTimeout as later } from 'node:timers';
import { node } from './codec.mjs';
import { knob } from './faults.mjs';
import { serverTime } from './throttle.mjs';
import { verify, withType } from './keys.mjs';
import { Registration } from './pairing.mjs';

const { ClientPayload, DeviceProps } = proto;
const has = (message, field) => Object.hasOwn(message, field)
    && message[field] !== null && message[field] !== undefined;

function commonProblems(p) {
    const out = [];
    const agent = p.userAgent ?? {};
    if (!has(p, 'userAgent') || agent.appVersion?.primary !== 2
        || agent.appVersion?.secondary !== 3000
        || !(agent.appVersion?.tertiary > 0)) {
        out.push('userAgent.appVersion is not 2.3000.N');
    }
    if (agent.platform !== ClientPayload.UserAgent.Platform.WEB) {
        out.push('userAgent.platform is not WEB');
    }
    for (const f of ['mcc', 'mnc', 'osVersion', 'device', 'osBuildNumber',
        'localeLanguageIso6391', 'localeCountryIso31661Alpha2']) {
        if (!has(agent, f)) {
            out.push(`userAgent.${f} is missing`);
        }
    }
    for (const f of ['webInfo', 'connectType', 'connectReason', 'passive',
        'pull']) {
        if (!has(p, f)) {
            out.push(`${f} is missing`);
        }
    }
    return out;
}

function registrationProblems(p) {
    const out = [];
    const d = p.devicePairingData;
    if (p.passive || p.pull) {
        out.push('passive and pull must be false when registering');
    }
    if (has(p, 'username') || has(p, 'device')) {
        out.push('username or device present when registering');
    }
    const sizes = { eRegid: 4, eKeytype: 1, eIdent: 32, eSkeyId: 3,
        eSkeyVal: 32, eSkeySig: 64, buildHash: 16 };
    for (const [f, size] of Object.entries(sizes)) {
        if (d[f]?.length !== size) {
            out.push(`devicePairingData.${f} is not ${size} bytes`);
        }
    }
    if (out.length === 0 && d.eKeytype[0] !== 5) {
        out.push('eKeytype is not 5');
    }
    if (out.length === 0 && !verify(d.eIdent, d.eSkeySig,
        withType(d.eSkeyVal))) {
        out.push('signed prekey signature does not verify');
    }
    try {
        const props = DeviceProps.decode(d.deviceProps);
        if (!has(props, 'os') || !has(props, 'platformType')) {
            out.push('deviceProps lacks os or platformType');
        }
    } catch (e) {
        out.push(`deviceProps does not parse: ${e.message}`);
    }
    return out;
}

/** First thing after the handshake: tell registration and login apart. */
export function acceptPayload(conn, bytes) {
    const { sim } = conn;
    let p;
    try {
        p = ClientPayload.decode(bytes);
    } catch (e) {
        conn.violate('payload', `client payload: ${e.message}`);
        conn.failure({ reason: 400 });
        return;
    }
    conn.payload = p;
    commonProblems(p).forEach(t => conn.violate('payload', t));
    if ((p.userAgent?.appVersion?.tertiary ?? 0) < sim.options.minBuild) {
        conn.failure({ reason: 405 });
        return;
    }
    if (has(p, 'devicePairingData')) {
        const problems = registrationProblems(p);
        problems.forEach(t => conn.violate('payload', t));
        if (problems.length > 0) {
            conn.failure({ reason: 400 });
            return;
        }
        conn.registration = new Registration(conn, p.devicePairingData);
        conn.registration.start();
        return;
    }
    login(conn, p);
}

function login(conn, p) {
    const { sim } = conn;
    if (!has(p, 'username') || !has(p, 'device')) {
        conn.violate('payload', 'login without username or device');
        conn.failure({ reason: 400 });
        return;
    }
    const account = sim.registry.byPn.get(String(p.username));
    const device = account?.device(p.device);
    const fail = account?.faults.failure ?? sim.faults.failure;
    if (fail !== undefined) {
        conn.failure(fail);
        return;
    }
    if (device === undefined || device.id === 0 || device.removed
        || !device.noisePub.equals(conn.noise.clientStatic)) {
        conn.failure({ reason: 401, location: 'odn' });
        sim.emit('refused', { account, device: p.device });
        return;
    }
    const wait = turn(sim, account);
    if (wait === undefined) {
        conn.failure({ reason: 503 });
        sim.emit('throttled', device);
        return;
    }
    if (wait > 0) {
        later(() => conn.closed || admit(conn, device, p), wait);
        return;
    }
    admit(conn, device, p);
}

/** How many ms until this login may pass; undefined: too long a wait. */
function turn(sim, account) {
    const rate = knob(sim, account, 'loginRate');
    if (rate === undefined) {
        return 0;
    }
    const now = performance.now();
    const at = Math.max(now, sim.nextLogin);
    if (at - now > rate.longestMs) {
        return undefined;
    }
    sim.nextLogin = at + 1000 / rate.perSecond;
    return at - now;
}

function admit(conn, device, p) {
    const { sim } = conn;
    const { account } = device;
    if (device.removed) {
        conn.failure({ reason: 401, location: 'odn' });
        return;
    }
    if (device.link !== undefined) {
        device.link.streamError({}, [node('conflict', { type: 'replaced' })]);
        sim.emit('replaced', device);
    }
    conn.device = device;
    device.link = conn;
    device.logins = (device.logins ?? 0) + 1;
    device.passive = p.passive === true;
    conn.send(node('success', {
        t: serverTime(sim, account), props: 27, companion_enc_static:
        conn.noise.chain.server.pub.toString('base64'), location: 'odn',
        lid: device.lidJid, creation: account.listTime, abprops: 12,
        display_name: account.name,
    }));
    sim.emit('login', device, conn);
    if (!device.passive) {
        device.mailbox.attach(conn);
    }
}
