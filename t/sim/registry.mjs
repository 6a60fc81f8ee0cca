// What the server knows: accounts, their devices, who was told which list.
import { Mailbox } from './mailbox.mjs';
import { jid, parseJid, SERVER } from './codec.mjs';
import { generate, sha256 } from './keys.mjs';
import { signKeyIndexList } from './adv.mjs';

const SEEN_MAX = 16384;

/** Set that forgets its oldest members. */
export class Recent {
    constructor(max = SEEN_MAX) {
        this.max = max;
        this.map = new Map();
    }

    set(key, value = true) {
        this.map.delete(key);
        this.map.set(key, value);
        if (this.map.size > this.max) {
            this.map.delete(this.map.keys().next().value);
        }
    }

    get(key) {
        return this.map.get(key);
    }

    has(key) {
        return this.map.has(key);
    }

    delete(key) {
        return this.map.delete(key);
    }
}

export class Device {
    constructor(account, id) {
        this.account = account;
        this.id = id;
        this.keyIndex = 0;
        this.os = '';
        this.noisePub = undefined;
        this.identityPub = undefined;
        this.registrationId = 0;
        this.advIdentity = undefined;
        this.signedPreKeys = new Map();
        this.skeyId = 0;
        this.prekeys = new Map();
        this.issued = new Map();
        this.link = undefined;
        this.mailbox = new Mailbox(this);
        this.received = new Recent();
        this.sentIds = new Recent();
        this.retryWanted = new Recent();
        this.acked = new Recent(1024);
        this.told = new Map();
        this.allowances = new Set();
        this.removed = false;
        this.askedGroups = 0; // for all of them
        this.greeting = undefined;
        this.faults = {};
    }

    get pnJid() {
        return jid(this.account.pn, SERVER, this.id);
    }

    get lidJid() {
        return jid(this.account.lid, 'lid', this.id);
    }

    jid(server) {
        return server === 'lid' ? this.lidJid : this.pnJid;
    }

    toString() {
        return this.pnJid;
    }
}

export class Account {
    constructor(sim, { pn, lid, name = `user ${pn}` }) {
        this.sim = sim;
        this.pn = String(pn);
        this.lid = String(lid);
        this.name = name;
        this.key = generate();
        this.rawId = Number(BigInt(pn) % 0x7fffffffn);
        this.devices = new Map();
        this.nextDevice = 1;
        this.nextKeyIndex = 1;
        this.listTime = Math.floor(Date.now() / 1000);
        this.faults = {};
        this.phone = undefined;
        this.subscribers = new Map();
        this.tellers = new Set();
        this.signedList = undefined;
    }

    addDevice(id) {
        const device = new Device(this, id);
        this.devices.set(id, device);
        return device;
    }

    /** A device joined or left: new signed list, newer timestamp. */
    listChanged() {
        this.listTime = Math.max(this.listTime + 1,
            Math.floor(Date.now() / 1000));
        this.signedList = undefined;
    }

    keyIndexList() {
        this.signedList ??= signKeyIndexList(this.key, this.rawId,
            [...this.devices.values()].filter(d => d.id !== 0)
                .map(d => d.keyIndex), this.listTime);
        return this.signedList;
    }

    deviceHash() {
        return participantHash([...this.devices.values()]);
    }

    device(id) {
        return this.devices.get(id);
    }

    companions() {
        return [...this.devices.values()].filter(d => d.id !== 0);
    }
}

/** phash over LID addresses, `user.0:device@server`, sorted. */
export function participantHash(devices, server = 'lid') {
    const names = devices.map(d => {
        const p = parseJid(d.jid(server));
        return `${p.user}.0:${p.device}@${p.server}`;
    }).sort();
    return '2:' + sha256(Buffer.from(names.join(''))).subarray(0, 6)
        .toString('base64');
}

export class Registry {
    constructor(sim) {
        this.sim = sim;
        this.byPn = new Map();
        this.byLid = new Map();
        this.nextPn = 15550100001n;
    }

    create({ pn, lid, name } = {}) {
        const number = pn === undefined ? String(this.nextPn++) : String(pn);
        if (this.byPn.has(number)) {
            throw new Error(`account ${number} exists`);
        }
        const account = new Account(this.sim, {
            pn: number, name,
            lid: lid ?? String(BigInt(number) * 7n + 100000000000000n),
        });
        this.byPn.set(account.pn, account);
        this.byLid.set(account.lid, account);
        return account;
    }

    /** Account of an address in either form; undefined when unknown. */
    account(text) {
        const p = parseJid(text);
        if (p === undefined) {
            return undefined;
        }
        if (p.server === 'lid') {
            return this.byLid.get(p.user);
        }
        return p.server === SERVER ? this.byPn.get(p.user) : undefined;
    }

    device(text) {
        return this.account(text)?.device(parseJid(text).device);
    }

    accounts() {
        return this.byPn.values();
    }
}
