// What waits for one device: live stanzas until they are acked, and the
// offline queue after a login (preview, batches, end mark).
import { node } from './codec.mjs';
import { applyEncFaults } from './faults.mjs';
import { withhold } from './placeholder.mjs';

const WINDOW_UNASKED = 5;

export class Mailbox {
    constructor(device) {
        this.device = device;
        this.entries = [];
        this.phase = 'away';
        this.asked = false;
        this.window = WINDOW_UNASKED;
        this.unasked = 0;
        this.offlineTotal = 0;
        this.open = 0;      // offline: so many of the first entries are sent
        this.batches = 0;   // asked for on this link
    }

    /** Adds a stanza (message, receipt, notification, call). `own` marks a
     *  copy for another device of the sender: only a `sender` receipt
     *  clears it. */
    post(stanza, { own = false, onAnswered = undefined } = {}) {
        const { device } = this;
        if (stanza.tag === 'message') {
            device.received.set(stanza.attrs.id, stanza.attrs.from);
        }
        if (device.link?.virtual) {
            applyEncFaults(device.account.sim, device, stanza)
                .forEach(s => device.link.deliver(s));
            return;
        }
        const entry = { stanza, own, onAnswered, link: undefined, sentAt: 0,
            offline: 0 };
        this.entries.push(entry);
        if (this.phase === 'live') {
            this.transmit(entry);
        } else if (this.phase === 'offline') {
            this.pump();
        }
    }

    /** The device became active on `link`: everything unacked goes again. */
    attach(link) {
        this.link = link;
        this.asked = false;
        this.unasked = WINDOW_UNASKED;
        this.offlineTotal = 0;
        this.open = 0;
        this.batches = 0;
        const count = {};
        for (const e of this.entries) {
            e.link = undefined;
            count[e.stanza.tag] = (count[e.stanza.tag] ?? 0) + 1;
        }
        this.phase = 'offline';
        if (this.entries.length > 0) {
            link.send(node('ib', { from: '@s.whatsapp.net' }, [
                node('offline_preview', {
                    count: this.entries.length,
                    message: count.message ?? 0,
                    notification: count.notification ?? 0,
                    receipt: count.receipt ?? 0, appdata: 0, call: 0,
                })]));
        }
        this.pump();
    }

    detach() {
        this.link = undefined;
        this.phase = 'away';
    }

    /** Keeps what comes from now on until release(). */
    hold() {
        this.phase = 'held';
    }

    release() {
        this.phase = 'live';
        for (const e of this.entries) {
            if (e.link !== this.link) {
                this.transmit(e);
            }
        }
    }

    /** `<offline_batch count>`: how many may be unanswered at a time. */
    batch(count) {
        this.asked = true;
        this.batches++;
        this.window = Math.max(1, Math.min(count, 500));
        if (this.phase === 'offline') {
            this.pump();
        }
    }

    pump() {
        while (this.open < this.entries.length) {
            if (this.asked ? this.open >= this.window : this.unasked <= 0) {
                return;
            }
            this.unasked--;
            const e = this.entries[this.open++];
            e.offline = ++this.offlineTotal;
            this.transmit(e);
        }
        if (this.phase === 'offline' && this.link !== undefined) {
            this.phase = 'live';
            this.link.send(node('ib', { from: '@s.whatsapp.net' }, [
                node('offline', { count: this.offlineTotal })]));
            for (const e of this.entries) {
                if (e.link !== this.link) {
                    this.transmit(e);
                }
            }
        }
    }

    transmit(entry) {
        const { link, device } = this;
        const { sim } = device.account;
        entry.link = link;
        entry.sentAt = Date.now();
        sim.unanswered.add(this);
        let { stanza } = entry;
        if (entry.offline > 0) {
            stanza = { ...stanza,
                attrs: { ...stanza.attrs, offline: String(entry.offline) } };
        }
        stanza = withhold(sim, device, stanza);
        for (const s of applyEncFaults(sim, device, stanza)) {
            link.send(s);
        }
    }

    /** Finds what an ack or receipt answers; removes it when it clears.
     *  Receipts of several devices for one message share its id: then the
     *  one that `suits`. */
    answered(tag, id, clears, suits = () => true) {
        const fits = e => e.stanza.tag === tag && e.stanza.attrs.id === id
            && e.link !== undefined;
        let i = this.entries.findIndex(e => fits(e) && suits(e));
        if (i < 0) {
            i = this.entries.findIndex(fits);
        }
        if (i < 0) {
            return undefined;
        }
        const entry = this.entries[i];
        if (clears(entry)) {
            this.entries.splice(i, 1);
            this.open -= i < this.open ? 1 : 0;
            if (this.entries.length === 0) {
                this.device.account.sim.emit('drained', this.device);
            }
            if (this.phase === 'offline') {
                this.pump();
            }
        }
        return entry;
    }

    /** Entries that were sent on the present link before `limit`. */
    overdue(limit) {
        return this.entries.filter(e => e.link === this.link
            && e.link !== undefined && e.sentAt < limit);
    }
}
