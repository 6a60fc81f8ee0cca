// WhatsApp's media servers: HTTPS, uploads with an auth made by media_conn
// and a token that is the hash of the file, downloads with ranges, files that
// expire, and phones that upload a file again when they are asked to.
//
//   const sim = await new WaSim({ media: true }).listen();
//   sim.media.host, sim.media.ca                 "localhost:PORT", PEM file
//   file = await sim.next('upload')              see File
//   file = await sim.media.put(bytes, 'image')   a channel's, not encrypted
//   sim.media.expire(file)                       410 from now on
//   file.spoil = true                            one byte is wrong
//   file.cut = 1000                              once: connection ends there
//   sim.media.refuse = [401]                     statuses of the next uploads
//   sim.media.busy = [503]                       of the next downloads
//   sim.media.forgetful = true                   phones do not have the file
//
// Events of the simulator: upload, download, media-retry.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, createReadStream, createWriteStream, mkdtempSync,
    readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { proto } from 'baileys';
import { aesDecryptGCM, aesEncryptGCM, hkdf }
    from 'baileys/lib/Utils/crypto.js';
import { bare, bytesOf, child, node, parseJid, SERVER } from './codec.mjs';
import { randomBytes } from './keys.mjs';

const ORIGIN = 'https://web.whatsapp.com';
const KINDS = ['image', 'video', 'audio', 'document', 'sticker', 'ptt', 'gif',
    'thumbnail-link', 'md-app-state', 'md-msg-hist'];
const RETRY_INFO = 'WhatsApp Media Retry Notification';
const MIN_ENCRYPTED = 26;               // a block and the MAC
const NOT_FOUND = 2;

const url64 = b => b.toString('base64').replaceAll('+', '-')
    .replaceAll('/', '_');
const bare64 = text => text.replace(/=+$/, '');

function makeCertificate(dir) {
    const file = name => join(dir, name);
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
        'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj',
        '/CN=localhost', '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout',
        file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' });
    return { key: readFileSync(file('key.pem')),
        cert: readFileSync(file('cert.pem')) };
}

/** Something that was uploaded: kind, hash, size, account, path (direct). */
class File {
    constructor(fields) {
        Object.assign(this, { spoil: false, cut: 0, expired: false,
            ...fields });
    }
}

export class MediaServer {
    constructor(sim) {
        this.sim = sim;
        this.auths = new Map();
        this.files = new Map();
        this.byHash = new Map();
        this.downloads = [];
        this.refuse = [];
        this.busy = [];
        this.hosts = [];
        this.forgetful = false;
        this.ttl = 3600;
    }

    async listen() {
        this.dir = mkdtempSync(join(tmpdir(), 'wa-media-'));
        chmodSync(this.dir, 0o755); // others read the certificate
        const tls = makeCertificate(this.dir);
        this.ca = join(this.dir, 'cert.pem');
        this.server = https.createServer(tls, (req, res) => {
            this.handle(req, res).catch(e => {
                if (!['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE',
                    'ABORT_ERR'].includes(e.code)) {
                    this.bad(`${req.method} ${req.url}: ${e.stack}`);
                }
                res.destroy();
            });
        }).listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        this.host = `localhost:${this.server.address().port}`;
        return this;
    }

    async close() {
        this.server.closeAllConnections();
        await new Promise(resolve => this.server.close(resolve));
        rmSync(this.dir, { recursive: true, force: true });
    }

    bad(text, stanza) {
        this.sim.violate(undefined, 'media', text, stanza);
    }

    /** Content of the answer to a media_conn iq. */
    conn(device) {
        const auth = randomBytes(24).toString('base64');
        this.auths.set(auth, device);
        const hosts = [...this.hosts, this.host];
        return [node('media_conn', { auth, ttl: this.ttl, auth_ttl: 21600,
            max_buckets: 12, id: this.auths.size },
        hosts.map((hostname, i) => node('host', { hostname,
            type: i === 0 ? 'primary' : 'fallback',
            maxContentLengthBytes: 2147483648 },
        [node('upload'), node('download')])))];
    }

    async handle(req, res) {
        const url = new URL(req.url, `https://${this.host}`);
        const origin = req.headers.origin;
        if (origin !== ORIGIN) {
            this.bad(`${req.method} ${url.pathname}: origin ${origin}`);
        }
        if (req.method === 'POST') {
            await this.upload(req, res, url);
        } else if (req.method === 'GET') {
            await this.download(req, res, url);
        } else {
            res.writeHead(405).end();
        }
    }

    async upload(req, res, url) {
        const m = /^\/(mms|newsletter)\/(?:newsletter-)?([a-z-]+)\/([^/]+)$/
            .exec(url.pathname);
        const auth = url.searchParams.get('auth');
        const token = decodeURIComponent(m?.[3] ?? '');
        if (m === null || !KINDS.includes(m[2])) {
            this.bad(`upload to ${url.pathname}`);
            return this.end(req, res, 404);
        }
        const status = this.refuse.shift();
        if (status === 401) {
            this.auths.delete(auth);
        }
        if (!this.auths.has(auth) || status !== undefined) {
            if (status === undefined) {
                this.bad(`upload with the auth "${auth}"`);
            }
            return this.end(req, res, status ?? 401);
        }
        if (bare64(url.searchParams.get('token') ?? '') !== bare64(token)) {
            this.bad(`upload: two tokens in ${req.url}`);
        }
        const device = this.auths.get(auth);
        const file = await this.store(req, { kind: m[2], plain:
            m[1] === 'newsletter', device, account: device.account });
        if (bare64(url64(file.hash)) !== bare64(token)) {
            this.bad(`upload: the token is not the hash of the file`);
            return this.end(req, res, 400);
        }
        if (!file.plain && (file.size < MIN_ENCRYPTED
            || file.size % 16 !== 10)) {
            this.bad(`upload of ${file.size} bytes cannot be encrypted`);
        }
        this.publish(file);
        this.sim.emit('upload', file);
        res.writeHead(200, { 'content-type': 'application/json' }).end(
            JSON.stringify({ url: `https://${this.host}${file.path}`,
                direct_path: file.path, handle: file.plain
                    ? randomBytes(12).toString('hex') : undefined }));
        return undefined;
    }

    end(req, res, status) {
        req.resume();
        res.writeHead(status, { 'content-type': 'text/plain' }).end('no\n');
    }

    async store(req, fields) {
        const name = join(this.dir, randomBytes(8).toString('hex'));
        const digest = createHash('sha256');
        let size = 0;
        await pipeline(req, new Transform({ transform(chunk, _, done) {
            digest.update(chunk);
            size += chunk.length;
            done(null, chunk);
        } }), createWriteStream(name));
        return new File({ ...fields, name, size, hash: digest.digest() });
    }

    /** A file as it is, of somebody's whose uploads are not seen. */
    async put(bytes, kind) {
        const file = await this.store([bytes], { kind, plain: true });
        this.publish(file);
        return file;
    }

    /** A direct path for the file; an older one stays what it is. */
    publish(file) {
        file.path = `/v/t62.7118-24/${randomBytes(8).toString('hex')}_n.enc` +
            `?ccb=11-4&oh=${randomBytes(8).toString('hex')}`;
        this.files.set(file.path.split('?')[0], file);
        this.byHash.set(file.hash.toString('hex'), file);
    }

    expire(file) {
        file.expired = true;
    }

    async download(req, res, url) {
        const file = this.files.get(url.pathname);
        const hash = url.searchParams.get('hash');
        const status = this.busy.shift();
        if (file !== undefined && !req.url.startsWith(file.path)) {
            this.bad(`download: the path has changed: ${req.url}`);
        }
        if (file === undefined || file.expired || status !== undefined) {
            this.sim.emit('refused-download', file, url);
            return this.end(req, res, status ?? (file === undefined ? 404
                : 410));
        }
        if (hash !== null && bare64(hash) !== bare64(url64(file.hash))) {
            this.bad(`download: hash ${hash} in ${req.url}`);
        }
        return this.serve(req, res, file);
    }

    async serve(req, res, file) {
        const range = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '');
        const from = range === null ? 0 : Number(range[1]);
        if (from >= file.size) {
            return this.end(req, res, 416);
        }
        const last = range?.[2] ? Math.min(Number(range[2]), file.size - 1)
            : file.size - 1;
        this.downloads.push({ file, from });
        this.sim.emit('download', file, from);
        res.writeHead(range === null ? 200 : 206, { 'content-length':
            last - from + 1, 'content-type': 'application/octet-stream',
        ...(range === null ? {} : { 'content-range':
            `bytes ${from}-${last}/${file.size}` }) });
        const cut = file.cut;
        file.cut = 0;
        let at = from;
        const spoil = new Transform({ transform(chunk, _, done) {
            const out = Buffer.from(chunk);
            if (file.spoil && at === 0) {
                out[0] ^= 1;
            }
            at += out.length;
            done(null, out);
        } });
        if (cut > 0) {
            const head = createReadStream(file.name, { start: from,
                end: Math.min(last, from + cut - 1) });
            for await (const chunk of head) {
                res.write(chunk);
            }
            // what was written is to arrive before the end does
            await new Promise(resolve => res.write('', resolve));
            res.socket.end();
            return undefined;
        }
        await pipeline(createReadStream(file.name, { start: from, end: last }),
            spoil, res);
        return undefined;
    }

    /** A server-error receipt: the own phone is asked for the file. */
    onRetry(device, stanza, bad) {
        const { id, to } = stanza.attrs;
        const { account } = device;
        const rmr = child(stanza, 'rmr');
        const enc = child(stanza, 'encrypt');
        const sealed = bytesOf(child(enc, 'enc_p'));
        const iv = bytesOf(child(enc, 'enc_iv'));
        if (to !== `${account.pn}@${SERVER}` && to !== `${account.lid}@lid`) {
            bad('media-retry', `to="${to}"`);
        }
        const known = account.phone.media.get(id);
        // what is no message of a chat names none
        const named = parseJid(rmr?.attrs.jid) !== undefined
            && ['true', 'false'].includes(rmr.attrs.from_me);
        if (known?.history === true ? rmr !== undefined : !named) {
            bad('media-retry', 'rmr');
            return;
        }
        if (iv?.length !== 12 || sealed === undefined) {
            bad('media-retry', 'encrypt');
            return;
        }
        if ((known?.history === true) !== (stanza.attrs.category === 'peer')) {
            bad('media-retry', `category="${stanza.attrs.category}"`);
        }
        const content = known === undefined || this.forgetful
            ? [node('error', { code: NOT_FOUND })]
            : this.answer(known, id, sealed, iv, bad);
        this.sim.emit('media-retry', device, id);
        this.sim.notify(device, { id, type: 'mediaretry',
            from: bare(account.phone.device.pnJid) }, [
            ...(rmr === undefined ? [] : [node('rmr', { jid: rmr.attrs.jid,
                from_me: rmr.attrs.from_me,
                participant: rmr.attrs.participant })]), ...content]);
    }

    answer(medium, id, sealed, iv, bad) {
        const key = hkdf(Buffer.from(medium.mediaKey), 32,
            { info: RETRY_INFO });
        let asked;
        try {
            asked = proto.ServerErrorReceipt.decode(aesDecryptGCM(sealed, key,
                iv, Buffer.from(id)));
        } catch (e) {
            bad('media-retry', `enc_p: ${e.message}`);
        }
        if (asked?.stanzaId !== id) {
            bad('media-retry', `enc_p asks for ${asked?.stanzaId}`);
        }
        const file = this.byHash.get(Buffer.from(medium.fileEncSha256)
            .toString('hex'));
        const answer = { stanzaId: id };
        if (file === undefined) {
            answer.result = NOT_FOUND;
        } else {
            const again = new File({ ...file, expired: false, spoil: false });
            this.publish(again);
            answer.result = 1;
            answer.directPath = again.path;
        }
        const nonce = randomBytes(12);
        return [node('encrypt', {}, [
            node('enc_p', {}, aesEncryptGCM(proto.MediaRetryNotification
                .encode(answer).finish(), key, nonce, Buffer.from(id))),
            node('enc_iv', {}, nonce)])];
    }
}

/** What a message has of media; undefined: none. */
export function mediumOf(message) {
    const inner = message?.documentWithCaptionMessage?.message
        ?? message?.viewOnceMessage?.message
        ?? message?.viewOnceMessageV2?.message ?? message;
    return Object.values(inner ?? {}).find(m => m?.mediaKey?.length === 32
        && m.fileEncSha256 !== undefined);
}
