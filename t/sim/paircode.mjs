// Linking by a code that is typed into the phone: what the server keeps of
// it, and what the phone does with it (protocol: whatsmeow pair-code.go).
import { createCipheriv, createDecipheriv, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { bytesOf, child, node, show, textOf } from './codec.mjs';
import { IqError } from './iq_error.mjs';
import { agree, generate, hkdf, randomBytes } from './keys.mjs';

const stretch = promisify(pbkdf2);
const ROUNDS = 131072;
const NONE = Buffer.alloc(0);
const BUNDLE_INFO = 'link_code_pairing_key_bundle_encryption_key';
const CODE = /^[1-9A-HJ-NP-TV-Z]{8}$/;
// Browsers and systems that exist: the server refuses others.
const DISPLAY = new RegExp('^(Chrome|Edge|Firefox|Opera|Safari) '
    + '\\((Windows|Mac OS|Linux|Ubuntu|Chrome OS)\\)$');

const keyOf = (code, salt) => stretch(code, salt, ROUNDS, 32, 'sha256');

function need(conn, iq, reg, tag, size) {
    const n = child(reg, tag);
    const bytes = bytesOf(n);
    if (bytes === undefined && n !== undefined) {
        conn.violate('pairing-form', `${tag} is text, not bytes`, iq);
        return Buffer.from(textOf(n));
    }
    if (bytes === undefined || (size !== 0 && bytes.length !== size)) {
        conn.violate('pairing', `${tag}: ${bytes?.length ?? 'no'} bytes`, iq);
        throw new IqError(400, 'bad-request');
    }
    return bytes;
}

function accountOf(conn, reg) {
    const [, pn] = /^(\d+)@s\.whatsapp\.net$/.exec(reg.attrs.jid ?? '') ?? [];
    return conn.sim.registry.byPn.get(pn);
}

function hello(conn, iq, reg) {
    const { sim, registration } = conn;
    if (!registration.ready) {
        conn.violate('pairing', 'code before pair-device', iq);
    }
    if (!['true', 'false'].includes(reg.attrs.should_show_push_notification)) {
        conn.violate('pairing', 'should_show_push_notification', iq);
    }
    const wrapped = need(conn, iq, reg,
        'link_code_pairing_wrapped_companion_ephemeral_pub', 80);
    const noise = need(conn, iq, reg, 'companion_server_auth_key_pub', 32);
    const platform = need(conn, iq, reg, 'companion_platform_id', 1);
    const nonce = need(conn, iq, reg, 'link_code_pairing_nonce', 1);
    if (!noise.equals(conn.noise.clientStatic)) {
        conn.violate('pairing', 'another noise key in companion_hello', iq);
    }
    if (nonce[0] !== 0) {
        conn.violate('pairing-form', `nonce ${nonce[0]}`, iq);
    }
    const account = accountOf(conn, reg);
    if (account === undefined || !DISPLAY.test(need(conn, iq, reg,
        'companion_platform_display', 0).toString())) {
        throw new IqError(400, 'bad-request');
    }
    const refusal = account.faults.codeRefused ?? sim.faults.codeRefused;
    if (refusal !== undefined) {
        throw new IqError(refusal, 'refused');
    }
    const ref = Buffer.from(`3@${randomBytes(48).toString('base64')}`);
    // the connection stays as long as the code, not as the QR codes
    clearTimeout(registration.timer);
    registration.code = { account, wrapped, ref,
        clientType: platform.toString(), finished: undefined,
        push: reg.attrs.should_show_push_notification === 'true' };
    sim.pairCodes.set(account.pn, registration);
    conn.afterReply = () => sim.emit('pair-code', registration);
    return [node('link_code_companion_reg', { stage: 'companion_hello' },
        [node('link_code_pairing_ref', {}, ref)])];
}

function finish(conn, iq, reg) {
    const { code, identity } = conn.registration;
    const ref = need(conn, iq, reg, 'link_code_pairing_ref', 0);
    const bundle = need(conn, iq, reg,
        'link_code_pairing_wrapped_key_bundle', 156);
    const key = need(conn, iq, reg, 'companion_identity_public', 32);
    if (code?.finished === undefined || !ref.equals(code.ref)
        || accountOf(conn, reg) !== code.account || !key.equals(identity)) {
        conn.violate('pairing', `companion_finish: ${show(reg)}`, iq);
        throw new IqError(400, 'bad-request');
    }
    const { resolve } = code.finished;
    code.finished = undefined;
    conn.afterReply = () => resolve(bundle);
    return undefined;
}

/** <iq type=set xmlns=md> of a companion that is not linked. */
export function pairCodeIq(conn, iq) {
    const reg = child(iq, 'link_code_companion_reg');
    switch (reg?.attrs.stage) {
    case 'companion_hello':
        return hello(conn, iq, reg);
    case 'companion_finish':
        return finish(conn, iq, reg);
    default:
        conn.violate('iq', 'before login', iq);
        throw new IqError(400, 'bad-request');
    }
}

function open(bundle, shared) {
    const key = hkdf(shared, bundle.subarray(0, 32), 32, BUNDLE_INFO);
    const d = createDecipheriv('aes-256-gcm', key, bundle.subarray(32, 44));
    d.setAuthTag(bundle.subarray(140));
    try {
        return Buffer.concat([d.update(bundle.subarray(44, 140)), d.final()]);
    } catch {
        throw new Error('wrong code');
    }
}

/**
 * The person types the code into the phone; resolves with the Device, or
 * rejects with "wrong code".  `hollow`: first a primary_hello without keys,
 * which the companion must wait behind; the rest goes to link().
 */
export async function enterCode(phone, text, { hollow, ...options } = {}) {
    const { sim, account } = phone;
    const code = text.replace(/^(....)-(....)$/, '$1$2');
    const registration = sim.pairCodes.get(account.pn);
    if (!CODE.test(code) || registration === undefined) {
        throw new Error(`no code can be entered: "${text}"`);
    }
    const { wrapped, ref, clientType } = registration.code;
    const tell = parts => registration.ask('link_code_companion_reg', [
        node('link_code_companion_reg', { stage: 'primary_hello' }, parts)]);
    if (hollow) {
        await tell([node('link_code_pairing_ref', {}, ref)]);
    }
    const d = createDecipheriv('aes-256-ctr',
        await keyOf(code, wrapped.subarray(0, 32)), wrapped.subarray(32, 48));
    const companion = d.update(wrapped.subarray(48));
    const own = generate();
    const salt = randomBytes(32);
    const iv = randomBytes(16);
    const c = createCipheriv('aes-256-ctr', await keyOf(code, salt), iv);
    const finished = new Promise((resolve, reject) => {
        registration.code.finished = { resolve, reject };
    });
    await tell([
        node('link_code_pairing_ref', {}, ref),
        node('link_code_pairing_wrapped_primary_ephemeral_pub', {},
            Buffer.concat([salt, iv, c.update(own.pub)])),
        node('primary_identity_pub', {}, account.key.pub),
    ]);
    const bundle = await finished;
    const shared = agree(companion, own.priv);
    const plain = open(bundle, shared);
    const [identity, primary, random] = [plain.subarray(0, 32),
        plain.subarray(32, 64), plain.subarray(64)];
    if (!primary.equals(account.key.pub)) {
        throw new Error('the bundle names another phone');
    }
    const adv = hkdf(Buffer.concat([shared,
        agree(identity, account.key.priv), random]), NONE, 32, 'adv_secret');
    sim.pairCodes.delete(account.pn);
    return registration.link(account, { identity, adv, clientType,
        noise: registration.conn.noise.clientStatic }, options);
}

/** The server wants another code to be shown. */
export function refreshCode(registration) {
    return registration.ask('link_code_companion_reg', [
        node('link_code_companion_reg', { stage: 'refresh_code' }, [
            node('link_code_pairing_ref', {}, registration.code.ref)])]);
}

