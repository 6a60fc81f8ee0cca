// What the tests of wahub start from: a simulated WhatsApp with Baileys
// contacts, a wahub of its own against it, and end checks that nobody broke
// the protocol and that wahub's log is clean.
import assert from 'node:assert/strict';
import { node } from '../../sim/codec.mjs';
import { newId } from '../../sim/phone.mjs';
import { encodeMessage } from '../../sim/signal.mjs';
import { eventErrors } from './event_schema.mjs';
import { SimEnv } from './sim_env.mjs';
import { until, Wahub } from './wahub.mjs';

export class Stage {
    constructor(env, w) {
        this.env = env;
        this.sim = env.sim;
        this.w = w;
    }

    /** options: `sim` for the simulator, the rest for Wahub. */
    static async start({ sim = {}, ...options } = {}) {
        const env = await SimEnv.start(sim);
        const w = new Wahub({ sim: env.sim, ...options });
        try {
            await w.start();
        } catch (e) {
            await env.stop();
            throw e;
        }
        return new Stage(env, w);
    }

    /** An account of wahub's, linked to a phone of its own and READY,
     *  with `companions` Baileys clients beside it (`client`: their
     *  options); `before` sees the person before wahub is linked. */
    async me(name, { companions = 0, w = this.w, client, before,
        ...options } = {}) {
        const person = await this.env.person(name, companions, client);
        await before?.(person);
        const { phone, account } = person;
        const { id } = await w.patient('POST', '/api/accounts',
            { name, ...options });
        const device = await phone.scan(await w.qr(id));
        await w.state(id, 'READY');
        return { ...person, id, device, account, phone };
    }

    /** Waits for what follows a new link: the first keys, the message of the
     *  own phone that they call for, and the question which groups there
     *  are.  Before faults that count. */
    async settled(me) {
        const { device } = me;
        await until('the first keys', () => device.greeting !== undefined);
        await device.greeting;
        await until('its groups', () => device.askedGroups > 0);
        await this.env.drained(device);
    }

    /** Bodies of one kind of event that begin with `prefix`, as they came. */
    bodies(prefix, type = 'message.received', w = this.w) {
        return w.events.of(type).map(e => e.data.message.body)
            .filter(b => b?.startsWith(prefix));
    }

    /** What a person's phone and each client have seen, own copies too. */
    seen(person, prefix) {
        const match = m => m.text?.startsWith(prefix);
        return [person.inbox, ...person.clients.map(c => c.messages)]
            .map(list => list.filter(match).map(m => m.text));
    }

    /** A contact's devices have all got this text. */
    async arrived(person, text) {
        await Promise.all([this.env.phoneText(person, text),
            ...person.clients.map(c => c.waitText(text))]);
    }

    /** Sends and requires that WhatsApp took it; returns the answer. */
    async sent(me, to, text, more) {
        const r = await this.w.send(me.id, to, text, more);
        assert.equal(r.status, 201, `${text}: ${r.raw.toString()}`);
        assert.equal(r.json.status, 'SENT');
        return r.json;
    }

    /** Puts a message of the phone `from` into wahub's mailbox that no
     *  client would send: `plain` (a Message, or bytes as they are) under
     *  a real session.  Resolves with its id. */
    async inject(me, from, plain, attrs = {}) {
        const bytes = Buffer.isBuffer(plain) ? plain : encodeMessage(plain);
        const enc = await from.encryptFor(me.device, bytes);
        return this.post(me, from, [enc], attrs);
    }

    post(me, from, content, attrs = {}) {
        const id = attrs.id ?? newId();
        me.device.mailbox.post(node('message', { from: from.device.lidJid,
            id, type: 'text', t: Math.floor(Date.now() / 1000),
            notify: from.account.name,
            sender_pn: `${from.account.pn}@s.whatsapp.net`, ...attrs },
        content));
        return id;
    }

    /** Every message id was reported once. */
    checkOnce(type = 'message.received', w = this.w) {
        const ids = w.events.of(type).map(e =>
            `${e.account_id} ${e.data.message.message_id}`);
        assert.deepEqual(ids.filter((x, i) => ids.indexOf(x) !== i), []);
    }

    /** Every event so far is as the HTTP contract has it. */
    checkEvents(w = this.w) {
        assert.deepEqual(w.events.all.map(eventErrors).filter(x => x !== ''),
            []);
    }

    /** For afterEach. */
    async checkClean() {
        this.sim.faults = {};
        await this.env.closeClients();
        this.env.checkClean();
    }

    async close(options) {
        try {
            await this.w.close(options);
        } finally {
            await this.env.stop();
        }
        this.env.checkClean();
    }
}

/** numbers('a', 3) -> ['a 0', 'a 1', 'a 2'] */
export function numbers(prefix, count) {
    return Array.from({ length: count }, (_, i) => `${prefix} ${i}`);
}

export { until };
