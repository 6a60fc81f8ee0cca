// The simulated WhatsApp with its phones, as a process of its own. The same
// one serves wahub and Baileys.
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { allowBaileys } from '../../e2e/lib/baileys_client.mjs';
import { node } from '../../sim/codec.mjs';
import { newId } from '../../sim/ids.mjs';
import { WaSim } from '../../sim/server.mjs';
import { serve } from './remote.mjs';
import { Rooms } from './sim_group.mjs';
import { offered, taken } from './sim_history.mjs';
import { uploaded } from './sim_media.mjs';

const CHUNK = 64;
const IDLE_MS = 60000;
const CROWD_MS = 300000;

createRequire(import.meta.url)('libsignal');
console.info = () => {};
console.warn = () => {};
console.error = () => {};

const received = new Map();
const lost = new Map();
const gaps = new Map();
let logins = 0;
let uploads = 0;
let rooms;
let sim;

/** How long devices are without a socket: from the end of one to the next
 *  login.  A login that comes first has no gap. */
function watchSockets() {
    sim.on('login', device => {
        logins++;
        const gap = performance.now() - (lost.get(device) ?? Infinity);
        gaps.set(device, (gaps.get(device) ?? 0) + Math.max(0, gap));
        lost.delete(device);
        sim.emit('bench-login');
    });
    sim.on('disconnect', ({ device }) => {
        if (device !== undefined && device.link === undefined) {
            lost.set(device, performance.now());
        }
    });
}

// the process ends without closing the simulator
process.on('exit', () => {
    if (sim?.media !== undefined) {
        rmSync(sim.media.dir, { recursive: true, force: true });
    }
});

function deviceOf({ pn, device }) {
    return sim.registry.byPn.get(pn).device(device);
}

/** Resolves when the device has answered all that it was sent. */
async function drained(device, ms = IDLE_MS) {
    const signal = AbortSignal.timeout(ms);
    while (device?.mailbox.entries.length > 0 && !device.removed) {
        const [who] = await once(sim, 'drained', { signal });
        if (who === device && device.mailbox.entries.length === 0) {
            return;
        }
    }
}

function watch(phone) {
    const { pn } = phone.account;
    received.set(pn, 0);
    phone.on('message', m => {
        if (!m.own && m.text !== undefined) {
            received.set(pn, received.get(pn) + 1);
            sim.emit('bench-text', pn, m.text);
        }
    });
    return phone;
}

/** What the device was sent is remembered until its answers are here. */
function expect(device, count) {
    device.received.max = Math.max(device.received.max, 2 * count);
}

async function prepare(from, device, count) {
    const { phone } = sim.registry.byPn.get(from);
    expect(device, count);
    device.mailbox.hold();
    for (let i = 0; i < count; i++) {
        const sent = phone.sendText(device.account, `text ${i}`);
        if (i % CHUNK === CHUNK - 1 || i === count - 1) {
            await sent;
        }
    }
}

/** One contact's share of the round trips: a text, its reply, the next. */
async function pingPong(pn, to, turns, take) {
    const { phone } = sim.registry.byPn.get(pn);
    while (take()) {
        const mark = `ping ${turns.next++}`;
        const reply = sim.next('bench-text', (who, text) => who === pn
            && text === `re: ${mark}`, IDLE_MS);
        reply.catch(() => {});
        await phone.sendText(to, mark);
        await reply;
    }
}

serve({
    /** options: tls, media (with media servers). */
    async start(options) {
        sim = new WaSim({ checkCanonical: false, ackTimeoutMs: 180000,
            ...options });
        watchSockets();
        sim.on('upload', () => uploads++);
        rooms = new Rooms(sim, watch);
        await sim.listen();
        allowBaileys(sim);
        return { url: sim.url, rootKeyHex: sim.rootKeyHex, media: sim.media
            && { host: sim.media.host, ca: sim.media.ca } };
    },

    /** { perSecond, longestMs }, or nothing: no limit. */
    throttle(rate) {
        sim.faults.loginRate = rate ?? undefined;
    },

    forgetGaps() {
        gaps.clear();
    },

    /** When `count` devices have logged in since: the ms that each one was
     *  without a socket, 0 where the old one lasted until the new one. */
    async gaps(count) {
        const signal = AbortSignal.timeout(IDLE_MS);
        while (gaps.size < count) {
            await once(sim, 'bench-login', { signal });
        }
        return [...gaps.values()];
    },

    /** Cuts a device's connection as a dead network does; resolves when it
     *  has logged in again. */
    async cut(to) {
        const device = deviceOf(to);
        if (device?.link !== undefined) {
            const back = sim.next('login', d => d === device, IDLE_MS);
            device.link.ws.terminate();
            await back;
        }
    },

    /** Cuts the connections of all of them at once; ms until the last one
     *  has logged in again, and how long each was without a socket. */
    async cutAll(to) {
        const signal = AbortSignal.timeout(CROWD_MS);
        gaps.clear();
        const start = performance.now();
        to.map(deviceOf).forEach(d => d.link?.ws.terminate());
        while (gaps.size < to.length) {
            await once(sim, 'bench-login', { signal });
        }
        return { ms: performance.now() - start, gaps: [...gaps.values()] };
    },

    unlink(to) {
        const { phone } = sim.registry.byPn.get(to.pn);
        phone.logout(deviceOf(to));
    },

    contact(name) {
        return watch(sim.phone({ name })).account.pn;
    },

    /** A new person scans; resolves when the device has logged in. */
    async scan(qr) {
        const phone = sim.phone({ name: 'Bench' });
        const device = await phone.scan(qr);
        return { pn: phone.account.pn, device: device.id };
    },

    logins: () => logins,

    /** Resolves when `count` logins have happened in all. */
    async waitLogins(count, ms = IDLE_MS) {
        const signal = AbortSignal.timeout(ms);
        while (logins < count) {
            await once(sim, 'bench-login', { signal });
        }
    },

    /** `count` texts to each device, encrypted and checked but kept back,
     *  so that the speed measured later is not that of this process. */
    async prepare({ from, to, count }) {
        for (const one of to) {
            await prepare(from, deviceOf(one), count);
        }
    },

    /** `count` receipts of one contact, delivered and read by turns, each of
     *  another text, kept back like texts. */
    async prepareReceipts({ from, to, count }) {
        const { device: teller } = sim.registry.byPn.get(from).phone;
        for (const one of to) {
            const device = deviceOf(one);
            device.mailbox.hold();
            for (let i = 0; i < count; i++) {
                device.mailbox.post(node('receipt', { from: teller.lidJid,
                    id: newId(), type: i % 2 === 0 ? undefined : 'read',
                    t: Math.floor(Date.now() / 1000) }));
            }
        }
    },

    /** `count` texts of all these people in turn, for a device that is not
     *  connected. */
    async queue({ from, to, count }) {
        const device = deviceOf(to);
        const phones = from.map(pn => sim.registry.byPn.get(pn).phone);
        expect(device, count);
        for (let i = 0; i < count; i++) {
            const sent = phones[i % phones.length].sendText(device.account,
                `text ${i}`);
            if (i % CHUNK === CHUNK - 1 || i === count - 1) {
                await sent;
            }
        }
    },

    /** A new group of so many, known to the device. */
    async room(to, size) {
        const device = deviceOf(to);
        const room = rooms.open(device.account, size);
        await drained(device);
        return room;
    },

    /** The witnesses have decrypted `count` texts each, and the device has
     *  answered the receipts of everybody. */
    async heard({ to, witnesses, count }) {
        const signal = AbortSignal.timeout(CROWD_MS);
        while (witnesses.some(pn => received.get(pn) < count)) {
            await once(sim, 'bench-text', { signal });
        }
        await drained(deviceOf(to), CROWD_MS);
    },

    /** The phone writes `count` patches, then says so; resolves when the
     *  device has been handed the last one: ms since it was told. */
    async patches({ to, count }) {
        const { phone } = sim.registry.byPn.get(to.pn);
        const device = deviceOf(to);
        const { state } = phone.account;
        const set = i => phone.state.set('regular_low',
            ['pin_v1', `1555${1000000 + i % 50}@s.whatsapp.net`], 5,
            { pinAction: { pinned: i % 100 < 50 } });
        await drained(device);
        state.quiet = true;
        for (let i = 1; i < count; i++) {
            await set(i);
        }
        state.quiet = false;
        const all = sim.next('appstate-fetched', d => d === device,
            CROWD_MS);
        const start = performance.now();
        await set(count);
        await all;
        return performance.now() - start;
    },

    uploads: () => uploads,

    /** `count` documents of `size` bytes, uploaded and told of. */
    async documents({ from, to, count, size }) {
        const { phone } = sim.registry.byPn.get(from);
        const device = deviceOf(to);
        device.mailbox.hold();
        for (let i = 0; i < count; i++) {
            await phone.sendMessage(device.account, uploaded(sim, phone,
                size));
        }
    },

    /** History of the device's phone, see sim_history.mjs. */
    offerHistory(to, options) {
        return offered(sim.registry.byPn.get(to.pn).phone, deviceOf(to),
            options);
    },

    takeHistory: to => taken(sim, deviceOf(to)),

    /** Lets them go; resolves when every one has been answered. */
    async release(to) {
        const devices = to.map(deviceOf);
        const start = performance.now();
        devices.forEach(d => d.mailbox.release());
        await Promise.all(devices.map(d => drained(d)));
        return performance.now() - start;
    },

    async text({ from, to, text }) {
        const device = deviceOf(to);
        await sim.registry.byPn.get(from).phone.sendText(device.account,
            text);
        await drained(device);
    },

    /** Resolves when the server has it, whoever is there to read it. */
    async textLater({ from, to, text }) {
        const device = deviceOf(to);
        if (device !== undefined) {
            await sim.registry.byPn.get(from).phone.sendText(device.account,
                text);
        }
    },

    received: pn => received.get(pn),

    /** Resolves when the contact has decrypted `count` texts in all. */
    async waitReceived(pn, count) {
        const signal = AbortSignal.timeout(IDLE_MS);
        while (received.get(pn) < count) {
            await once(sim, 'bench-text', { signal });
        }
    },

    drained: to => drained(deviceOf(to)),

    /** Each contact writes, waits for the reply "re: ..." and writes again,
     *  until `count` round trips are done in all. */
    async roundTrips({ contacts, to, count }) {
        const device = deviceOf(to);
        const turns = { next: 0 };
        let left = count;
        const start = performance.now();
        await Promise.all(contacts.map(pn => pingPong(pn, device.account,
            turns, () => left-- > 0)));
        const ms = performance.now() - start;
        await drained(device);
        return ms;
    },

    violations: () => sim.violations.splice(0),
});
