// A real WhatsApp client (npm baileys) pointed at the simulator: credentials
// in memory, nothing fetched from the internet, quiet.
import { EventEmitter } from 'node:events';
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import makeWASocket, { initAuthCreds, jidDecode } from 'baileys';

const OS = 'Baileys';
const VERSION = [2, 3000, 1043857760];
const WAIT_MS = 20000;

/** What Baileys does that the simulator otherwise refuses, and why it is
 *  forgiven. None of these is allowed to any other client. */
export const BAILEYS_ALLOWANCES = [
    'enc-phash', // writes its own 6-character phash on every <enc>
    'device-identity-resend', // resends always carry it, even beside a msg
    'resend-recipient', // compares its PN with a LID, so leaves the chat out
    'resend-to-all', // a retry by device 0 makes it send to every device
    'fanout-twice', // to itself: lists every own device as both ends
    'group-phash', // sends none to groups
    'group-self', 'own-bundle', // to groups: counts itself as a recipient
    'group-key', // keeps its sender key when a member leaves
    'status-meta', // does not say whom its audience is made of
    'status-own', // shows its status to none of its own devices
    'receipt-own-status', // takes what its account posted for somebody's
    'call-ack', // does not say what of a call it acknowledges
    'presence-without-name', // announces presence before it has a push name
];

export function allowBaileys(sim) {
    sim.allow(new RegExp(`^${OS}$`), BAILEYS_ALLOWANCES);
}

// libsignal prints whole sessions to the console; keep test output readable
const quiet = new Console(new Writable({ write: (c, e, done) => done() }));
if (process.env.BAILEYS_CONSOLE === undefined) {
    for (const f of ['info', 'warn', 'error']) {
        const loud = console[f].bind(console);
        console[f] = (...args) => (/session|decrypt|prekey/i.test(
            String(args[0])) ? quiet : { [f]: loud })[f](...args);
    }
}

// Baileys leaves timers of up to 30 s behind after queries and logins; they
// must not keep a finished test process alive
const plainTimeout = globalThis.setTimeout;
const politeTimeout = (f, ms, ...args) => {
    const timer = plainTimeout(f, ms, ...args);
    return ms >= 5000 ? timer.unref() : timer;
};
globalThis.setTimeout = Object.assign(politeTimeout, plainTimeout);

function makeLogger(level) {
    const logger = { level, child: () => logger };
    for (const f of ['trace', 'debug', 'info', 'warn', 'error', 'fatal']) {
        logger[f] = level === 'silent' ? () => {}
            : (...a) => process.stderr.write(`${f} ` + a.map(x =>
                (typeof x === 'string' ? x : JSON.stringify(x, (k, v) =>
                    (v instanceof Error ? v.stack : v)))).join(' ') + '\n');
    }
    return logger;
}

/** Key store in memory. */
function memoryKeys() {
    const data = new Map();
    return {
        data,
        get: async (type, ids) => Object.fromEntries(ids
            .map(id => [id, data.get(`${type}-${id}`)])
            .filter(([, v]) => v !== undefined && v !== null)),
        set: async changes => {
            for (const [type, entries] of Object.entries(changes)) {
                for (const [id, value] of Object.entries(entries)) {
                    if (value === null || value === undefined) {
                        data.delete(`${type}-${id}`);
                    } else {
                        data.set(`${type}-${id}`, value);
                    }
                }
            }
        },
        clear: async () => data.clear(),
    };
}

export class BaileysClient extends EventEmitter {
    constructor({ url, name = 'baileys', level = 'silent', auto = true,
        socketOptions = {} }) {
        super();
        this.setMaxListeners(0);
        this.url = url;
        this.name = name;
        this.creds = initAuthCreds();
        this.keys = memoryKeys();
        this.logger = makeLogger(process.env.BAILEYS_LOG ?? level);
        this.auto = auto;
        this.socketOptions = socketOptions;
        this.messages = [];
        this.updates = [];
        this.closes = [];
        this.open = false;
        this.stopped = true;
        this.qr = undefined;
        this.sent = new Map();
    }

    get user() {
        return this.creds.me;
    }

    get device() {
        return jidDecode(this.creds.me.id).device;
    }

    /** Connects; reconnects by itself after 515, and with `auto` also after
     *  503 and lost sockets, as applications built on Baileys do. */
    start() {
        this.stopped = false;
        this.sock = makeWASocket({
            waWebSocketUrl: this.url,
            auth: { creds: this.creds, keys: this.keys },
            version: VERSION,
            browser: [OS, 'Chrome', '1.0'],
            logger: this.logger,
            markOnlineOnConnect: true,
            syncFullHistory: false,
            shouldSyncHistoryMessage: () => false,
            fireInitQueries: true,
            generateHighQualityLinkPreview: false,
            connectTimeoutMs: 10000,
            defaultQueryTimeoutMs: 10000,
            retryRequestDelayMs: 10,
            transactionOpts: { maxCommitRetries: 3, delayBetweenTriesMs: 50 },
            getMessage: async key => this.sent.get(key.id),
            ...this.socketOptions,
        });
        this.listen(this.sock);
        return this;
    }

    listen(sock) {
        sock.ev.on('creds.update', u => Object.assign(this.creds, u));
        sock.ev.on('connection.update', u => this.onConnection(sock, u));
        sock.ev.on('messages.upsert', ({ messages, type }) => {
            for (const m of messages) {
                const entry = { id: m.key.id, fromMe: m.key.fromMe,
                    chat: m.key.remoteJid, alt: m.key.remoteJidAlt, type,
                    text: m.message?.conversation
                        ?? m.message?.extendedTextMessage?.text, raw: m };
                this.messages.push(entry);
                this.emit('message', entry);
                // what was buffered with its message comes merged
                this.noteUpdate({ id: m.key.id, status: m.status });
                for (const receipt of m.userReceipt ?? []) {
                    this.noteUpdate({ id: m.key.id, receipt });
                }
            }
        });
        sock.ev.on('message-receipt.update', list => {
            for (const { key, receipt } of list) {
                this.noteUpdate({ id: key.id, receipt });
            }
        });
        sock.ev.on('messages.update', list => {
            for (const { key, update } of list) {
                this.noteUpdate({ id: key.id, ...update });
            }
        });
    }

    noteUpdate(update) {
        this.updates.push(update);
        this.emit('update', update);
    }

    onConnection(sock, u) {
        if (u.qr !== undefined) {
            this.qr = u.qr;
            this.emit('qr', u.qr);
        }
        if (u.connection === 'open') {
            this.open = true;
            this.emit('open');
        }
        if (u.connection === 'close') {
            this.open = false;
            const code = u.lastDisconnect?.error?.output?.statusCode;
            this.closes.push(code);
            this.emit('close', code);
            const final = [401, 403, 406, 440].includes(code);
            if ((this.auto || code === 515) && !this.stopped && !final) {
                setTimeout(() => !this.stopped && this.start(),
                    code === 515 ? 0 : 200);
            }
        }
    }

    /** Resolves with the first event for which `test` holds, counting those
     *  that have happened already when `past` is given. */
    wait(event, test = () => true, past = [], ms = WAIT_MS) {
        const found = past.find(test);
        if (found !== undefined) {
            return Promise.resolve(found);
        }
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => {
                this.off(event, listener);
                reject(new Error(`${this.name}: no ${event} in ${ms} ms ` +
                    `(${test})`));
            }, ms);
            const listener = value => {
                if (test(value)) {
                    clearTimeout(timer);
                    this.off(event, listener);
                    resolve(value);
                }
            };
            this.on(event, listener);
        });
    }

    async waitOpen(ms) {
        if (!this.open) {
            await this.wait('open', () => true, [], ms);
        }
        return this;
    }

    waitQr() {
        return this.wait('qr', () => true,
            this.qr === undefined ? [] : [this.qr]);
    }

    waitClose(code, ms) {
        return this.wait('close', c => c === code, this.closes, ms);
    }

    waitText(text, ms) {
        return this.wait('message', m => m.text === text, this.messages, ms);
    }

    waitStatus(id, status, ms) {
        return this.wait('update', u => u.id === id && u.status >= status,
            this.updates, ms);
    }

    /** Links to the account of `phone` by QR and waits for the login. */
    async link(phone) {
        this.start();
        await phone.scan(await this.waitQr());
        return this.waitOpen();
    }

    async sendText(jid, text, options) {
        const m = await this.sock.sendMessage(jid, { text }, options);
        this.sent.set(m.key.id, m.message);
        return m.key.id;
    }

    async close() {
        this.stopped = true;
        if (this.sock !== undefined) {
            await this.sock.end(undefined);
        }
    }

    async logout() {
        this.stopped = true;
        await this.sock.logout();
    }
}

export function makeClient(options) {
    return new BaileysClient(options);
}
