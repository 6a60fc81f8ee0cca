// The simulated WhatsApp server. In-process API:
//
//   const sim = await new WaSim().listen();         sim.url, sim.rootKeyHex
//   const phone = sim.phone({ pn: '15550001111' }); account with a phone
//   await phone.scan(qrText);                       links what shows the QR
//   sim.violations                                  must stay empty
//
// Events: hello, pair-device, pair-code, passkey-code, linked, login, refused,
// throttled, replaced, disconnect,
// iq, usync, prekeys, message, receipt, retry, stale, violation, presence,
// ack-message, ack-receipt, ack-notification, unlinked, nack, token,
// drained (everything that was sent to a device has been answered).
import { EventEmitter } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { WebSocketServer } from 'ws';
import { Connection } from './connection.mjs';
import { makeChain } from './certs.mjs';
import { node, show, SERVER } from './codec.mjs';
import { Groups } from './groups.mjs';
import { RatchetWatch } from './enc.mjs';
import { Registry } from './registry.mjs';
import { Phone } from './phone.mjs';
import { knob } from './faults.mjs';
import { MediaServer } from './media.mjs';
import { Newsletters } from './newsletter.mjs';

const DEFAULTS = {
    host: '127.0.0.1', port: 0, tls: undefined, path: '/ws/chat', refs: 6,
    refLifetimeMs: 170000, restartDelayMs: 20, ackTimeoutMs: 20000,
    minBuild: 0, lowPrekeys: 5, checkCanonical: true, greet: true,
    mediaHost: 'mmg.whatsapp.net', media: false, maxViolations: 200, devicesForm: 'pn',
};

export class WaSim extends EventEmitter {
    constructor(options = {}) {
        super();
        this.setMaxListeners(0);
        this.options = { ...DEFAULTS, ...options };
        this.chain = makeChain({ root: options.root });
        this.registry = new Registry(this);
        this.newsletters = new Newsletters(this);
        this.terms = new Set();
        this.connections = new Set();
        this.refs = new Map();
        this.pairCodes = new Map(); // number -> registration with a code
        this.faults = {};
        this.violations = [];
        this.allowed = [];
        this.allowances = new Map();
        this.unknown = [];
        this.nacks = [];
        this.ackErrors = new Map();
        this.unanswered = new Set();
        this.nextLogin = 0;
        this.ratchets = new RatchetWatch();
        this.groups = new Groups(this);
        this.statusKeys = new Map(); // sender device -> its key as seen
        this.counters = { stanzasIn: 0, stanzasOut: 0, messages: 0,
            delivered: 0, repeated: 0, receipts: 0, retries: 0, pings: 0,
            stale: 0 };
        this.notificationId = Math.floor(Math.random() * 1e9);
        this.trace = options.trace;
    }

    get rootKeyHex() {
        return this.chain.root.pub.toString('hex');
    }

    get url() {
        const scheme = this.options.tls ? 'wss' : 'ws';
        return `${scheme}://${this.options.host}:${this.port}` +
            this.options.path;
    }

    async listen() {
        const { tls, host, port } = this.options;
        this.http = tls ? https.createServer(tls) : http.createServer();
        this.wss = new WebSocketServer({ server: this.http,
            perMessageDeflate: false, maxPayload: 1 << 24,
            skipUTF8Validation: true });
        this.wss.on('connection', (ws, request) => {
            const c = new Connection(this, ws, request);
            if (request.url.split('?')[0] !== this.options.path) {
                c.violate('path', request.url);
            }
            this.connections.add(c);
            this.emit('connection', c);
        });
        await new Promise((resolve, reject) => {
            this.http.once('error', reject);
            this.http.listen(port, host, 4096, resolve);
        });
        this.port = this.http.address().port;
        if (this.options.media) {
            this.media = await new MediaServer(this).listen();
        }
        this.sweeper = setInterval(() => this.sweep(),
            Math.min(1000, this.options.ackTimeoutMs / 4));
        this.sweeper.unref();
        return this;
    }

    async close() {
        clearInterval(this.sweeper);
        for (const ws of this.wss.clients) {
            ws.terminate();
        }
        await new Promise(resolve => this.wss.close(resolve));
        await new Promise(resolve => this.http.close(resolve));
        await this.media?.close();
    }

    /** Stops accepting and cuts every connection, as a dead network does;
     *  listenAgain() comes back on the same port. */
    async goDark() {
        const gone = new Promise(resolve => this.http.close(resolve));
        this.http.closeAllConnections();
        for (const ws of this.wss.clients) {
            ws.terminate();
        }
        await gone;
    }

    async listenAgain() {
        await new Promise((resolve, reject) => {
            this.http.once('error', reject);
            this.http.listen(this.port, this.options.host, resolve);
        });
    }

    chainFor(conn) {
        const spoil = knob(this, conn.account, 'spoilChain');
        return spoil ? makeChain({ root: this.chain.root, spoil }) : this.chain;
    }

    /** A new account with its phone. */
    phone(fields) {
        return new Phone(this, this.registry.create(fields));
    }

    /** Resolves with the arguments of the next `event` that passes `test`. */
    next(event, test = () => true, ms = 20000) {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => {
                this.off(event, listener);
                reject(new Error(`no "${event}" in ${ms} ms`));
            }, ms);
            const listener = (...args) => {
                if (test(...args)) {
                    clearTimeout(timer);
                    this.off(event, listener);
                    resolve(args);
                }
            };
            this.on(event, listener);
        });
    }

    /** Records a violation, or an allowance if this client has one. */
    violate(device, kind, text, stanza) {
        const v = { kind, text, stanza: stanza && show(stanza) };
        if (device?.allowances.has(kind)) {
            this.allowed.push(v);
            return;
        }
        if (this.violations.length < this.options.maxViolations) {
            this.violations.push(v);
        }
        this.emit('violation', v);
    }

    /** Devices whose DeviceProps.os matches get these kinds forgiven. */
    allow(pattern, kinds) {
        this.allowances.set(pattern, kinds);
    }

    /** Message acks kept back by holdAcks leave now. */
    releaseAcks(account) {
        delete account.faults.holdAcks;
        for (const d of account.devices.values()) {
            d.link?.heldAcks?.splice(0).forEach(a => d.link.send(a));
        }
    }

    sweep() {
        const limit = Date.now() - this.options.ackTimeoutMs;
        for (const box of this.unanswered) {
            const late = box.overdue(limit)[0];
            if (late !== undefined) {
                const { stanza } = late;
                const c = box.link;
                c.violate('missing-ack', `no ack for ${stanza.tag} ` +
                    stanza.attrs.id, stanza);
                c.streamError({}, [node('ack', { class: stanza.tag,
                    id: stanza.attrs.id, type: stanza.attrs.type })]);
            }
            if (box.entries.length === 0) {
                this.unanswered.delete(box);
            }
        }
    }

    notification(attrs, content) {
        return node('notification', { id: String(++this.notificationId),
            t: Math.floor(Date.now() / 1000), ...attrs }, content);
    }

    notify(device, attrs, content, onAnswered) {
        const n = this.notification(attrs, content);
        device.mailbox.post(n, { onAnswered });
        return n.attrs.id;
    }

    notifyAccount(account, attrs, content) {
        for (const d of account.devices.values()) {
            this.notify(d, attrs, content);
        }
    }

    /** Tells own devices and everybody who fetched the list before.
     *  options.devicesForm: 'pn' (phone number with LID beside it) or 'lid'. */
    notifyDevices(account, tag, device) {
        const hash = account.deviceHash();
        const byLid = this.options.devicesForm === 'lid';
        const item = node('device', { 'key-index': device.keyIndex,
            jid: byLid ? device.lidJid : device.pnJid,
            lid: byLid ? undefined : device.lidJid });
        const lid = `${account.lid}@lid`;
        const list = node('key-index-list', { ts: account.listTime },
            account.keyIndexList());
        const readers = new Set([...account.devices.values(),
            ...account.tellers]);
        for (const d of readers) {
            if (d === device || d.removed) {
                continue;
            }
            if (tag === 'remove') {
                d.told.get(account)?.delete(device.id);
            }
            this.notify(d, { type: 'devices', lid: byLid ? undefined : lid,
                from: byLid ? lid : `${account.pn}@${SERVER}` },
            [node(tag, { device_hash: hash }, [item, list])],
            () => tag === 'add' && d.told.get(account)?.add(device.id));
        }
    }

    notifyIdentity(account) {
        for (const d of account.tellers) {
            if (d.account !== account && !d.removed) {
                this.notify(d, { type: 'encrypt', from: `${account.lid}@lid` },
                    [node('identity')]);
            }
        }
    }

    /** Asks a companion for more prekeys. */
    notifyLow(device) {
        return this.notify(device, { type: 'encrypt', from: `@${SERVER}` },
            [node('count', { value: device.prekeys.size })]);
    }

    notifyDigest(device) {
        return this.notify(device, { type: 'encrypt', from: `@${SERVER}` },
            [node('digest')]);
    }

    notifySync(device, name) {
        return this.notify(device, { type: 'server_sync', from:
            `${device.account.pn}@${SERVER}` },
        [node('collection', { name, version: 1 })]);
    }

    prekeysTaken(device) {
        if (device.link?.virtual) {
            if (device.prekeys.size < this.options.lowPrekeys) {
                device.link.refill();
            }
        } else if (device.prekeys.size < this.options.lowPrekeys
            && !device.lowSent) {
            device.lowSent = true;
            this.notifyLow(device);
        }
    }

    removeDevice(device) {
        const { account } = device;
        account.devices.delete(device.id);
        device.removed = true;
        account.listChanged();
        this.notifyDevices(account, 'remove', device);
        device.link?.streamError?.({ code: 401 },
            [node('conflict', { type: 'device_removed' })]);
        this.emit('unlinked', device);
    }
}
