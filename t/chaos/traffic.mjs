// Who talks to whom. Texts are numbered and unique, so every sighting of
// one can be told from every other.
import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { newId } from '../sim/phone.mjs';
import { Ledger } from './audit.mjs';

const REQUEST_MS = 25000;
const AGAIN_MS = [20, 400];
// what a client asks again after: the contract's words for "later"
const LATER = { 503: true, 504: true, 409: 'IDEMPOTENCY_IN_PROGRESS' };

export class Traffic extends EventEmitter {
    /** people: accounts of wahub's; contacts: others; pace: mean pause of
     *  one speaker in ms. */
    constructor({ sim, cluster, rng, people, contacts, pace }) {
        super();
        this.setMaxListeners(0);
        Object.assign(this, { sim, cluster, people, contacts, pace });
        this.ledger = new Ledger();
        this.rng = rng.fork('traffic');
        this.spoken = new Map(); // id -> what the server has yet to take
        this.wrong = []; // answers that a client may not get
        this.open = new Map(); // text -> sends without an answer so far
        this.asked = 0;
        this.slowest = 0;
        this.work = [];
        this.running = false;
        this.key = cluster.a.key;
        sim.on('message', (sender, to, stanza) =>
            this.onTaken(sender, stanza));
    }

    start() {
        this.running = true;
        for (const me of this.people) {
            for (const contact of me.contacts) {
                const name = `${me.name} ${contact.name}`;
                this.work.push(this.receive(me, contact, name),
                    this.send(me, contact, name));
            }
            this.work.push(this.echo(me));
        }
    }

    /** No new texts; resolves when every send has its answer. */
    async stop() {
        this.running = false;
        await Promise.all(this.work);
    }

    async rest(rng) {
        const ms = rng.chance(0.3) ? rng.int(0, 20)
            : -Math.log(1 - rng.next()) * this.pace * 1.4;
        await pause(Math.min(ms, this.pace * 5));
    }

    /** The server took a message: from now on it must arrive. */
    onTaken(sender, stanza) {
        const s = this.spoken.get(stanza.attrs.id);
        if (s !== undefined && sender.account === s.from) {
            this.spoken.delete(stanza.attrs.id);
            const m = this.ledger.say(s.key, s.chat, s.text,
                stanza.attrs.id);
            Object.assign(m, { me: s.me, contact: s.contact });
        }
    }

    async receive(me, contact, name) {
        const rng = this.rng.fork(`${name} in`);
        await pause(rng.int(0, this.pace));
        for (let n = 0; this.running; n++) {
            const id = newId();
            const text = `${name} in ${n}`;
            this.spoken.set(id, { key: 'in', chat: `${name} in`, text, me,
                contact, from: contact.account });
            const client = rng.chance(0.7) ? contact.client : undefined;
            try {
                if (client === undefined) {
                    await contact.phone.sendText(me.account, text, { id });
                } else {
                    await client.sendText(`${me.account.lid}@lid`, text,
                        { messageId: id });
                }
            } catch {
                // a client that failed: what the server took counts
            }
            await this.rest(rng);
        }
    }

    async echo(me) {
        const rng = this.rng.fork(`${me.name} echo`);
        for (let n = 0; this.running; n++) {
            await pause(rng.int(0, this.pace * 6));
            const contact = rng.pick(me.contacts);
            const id = newId();
            const chat = `${me.name} ${contact.name} echo`;
            const text = `${chat} ${n}`;
            this.spoken.set(id, { key: 'echo', chat, text, me, contact,
                from: me.account });
            await me.phone.sendText(contact.account, text, { id });
        }
    }

    async send(me, contact, name) {
        const rng = this.rng.fork(`${name} out`);
        await pause(rng.int(0, this.pace));
        for (let n = 0; this.running; n++) {
            const text = `${name} out ${n}`;
            const body = JSON.stringify({ text, client_message_id: text,
                to: rng.pick([contact.account.pn,
                    `${contact.account.lid}@lid`]) });
            const headers = { 'content-type': 'application/json',
                'x-api-key': this.key,
                ...(rng.chance(0.5) ? { 'idempotency-key': text } : {}) };
            this.open.set(text, Date.now());
            const answer = await this.insist(me, body, headers, rng, text);
            if (answer === undefined) {
                return;
            }
            this.slowest = Math.max(this.slowest,
                Date.now() - this.open.get(text));
            this.open.delete(text);
            const m = this.ledger.say('out', `${name} out`, text,
                answer.message_id);
            Object.assign(m, { me, contact });
            await this.rest(rng);
        }
    }

    /** Asks until there is an answer; undefined: given up. */
    async insist(me, body, headers, rng, text) {
        while (!this.given) {
            const w = rng.pick(this.cluster.list);
            this.asked++;
            if (w !== undefined) {
                const got = await this.post(w, me, body, headers, text);
                if (got !== undefined) {
                    return got;
                }
            }
            await pause(rng.int(...AGAIN_MS));
        }
        return undefined;
    }

    async post(w, me, body, headers, text) {
        let res, raw;
        try {
            res = await fetch(`${w.url}/api/accounts/${me.id}/messages`, {
                method: 'POST', body, headers,
                signal: AbortSignal.timeout(REQUEST_MS) });
            raw = await res.text();
        } catch {
            return undefined; // cut off, or nobody there
        }
        let json;
        try {
            json = JSON.parse(raw);
        } catch {
            json = undefined;
        }
        if (res.ok && json?.message_id !== undefined) {
            return json;
        }
        const later = LATER[res.status];
        const good = later === true ? json?.error?.code !== undefined
            : later !== undefined && json?.error?.code === later;
        if (!good) {
            this.wrong.push(`${text}: ${res.status} ${raw}`);
        }
        return undefined;
    }

    /** Sends that nobody answered are given up. */
    giveUp() {
        this.given = true;
    }
}
