// The simulator's part in measuring groups: rooms full of phones.
import { node } from '../../sim/codec.mjs';
import { handleReceipt } from '../../sim/receipts.mjs';

const WITNESSES = 3;
const PREKEYS = 2;

/** A phone that answers what it is sent in groups without decrypting it: a
 *  thousand phones that do would be what is measured. */
function lighten(sim, phone) {
    phone.groups.onMessage = async ({ attrs }) => handleReceipt(sim,
        phone.device, node('receipt', { id: attrs.id, to: attrs.from,
            participant: attrs.participant }));
    // what it signs and generates is made now, not when it is asked for
    phone.account.keyIndexList();
    for (const [id, pub] of phone.signal.generatePrekeys(PREKEYS)) {
        phone.device.prekeys.set(id, pub);
    }
    phone.refill = () => {};
}

export class Rooms {
    /** `watch(phone)` counts the texts of a phone that decrypts. */
    constructor(sim, watch) {
        this.sim = sim;
        this.watch = watch;
        this.crowds = new Map();
    }

    /** The same `count` people for each room of that size. */
    people(count) {
        if (!this.crowds.has(count)) {
            this.crowds.set(count, Array.from({ length: count }, (_, i) => {
                const phone = this.sim.phone({ name: `Member ${i}` });
                if (i < WITNESSES) {
                    return this.watch(phone);
                }
                lighten(this.sim, phone);
                return phone;
            }));
        }
        return this.crowds.get(count);
    }

    /** A new group of `size` with `account` in it: its address, and the
     *  members who decrypt what is said. */
    open(account, size) {
        const people = this.people(size - 1);
        const group = this.sim.groups.create({ creator: account,
            members: people.map(p => p.account), subject: `${size} people` });
        return { jid: group.jid, witnesses: people.slice(0, WITNESSES)
            .map(p => p.account.pn) };
    }
}
