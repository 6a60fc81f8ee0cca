// What every control test starts from: one simulator with Baileys' known
// deviations allowed, phones with linked clients, and an end check that
// nobody broke the protocol.
import assert from 'node:assert/strict';
import { WaSim } from '../../sim/server.mjs';
import { allowBaileys, makeClient } from './baileys_client.mjs';

export class SimEnv {
    constructor(sim) {
        this.sim = sim;
        this.clients = [];
    }

    static async start(options) {
        const sim = await new WaSim(options).listen();
        allowBaileys(sim);
        return new SimEnv(sim);
    }

    client(options) {
        const c = makeClient({ url: this.sim.url, ...options });
        this.clients.push(c);
        return c;
    }

    /** An account with a phone and `count` linked Baileys companions. */
    async person(name, count = 1, options = {}) {
        const phone = this.sim.phone({ name });
        const inbox = [];
        phone.on('message', m => inbox.push(m));
        const clients = [];
        for (let i = 0; i < count; i++) {
            const c = this.client({ name: `${name}-${i + 1}`, ...options });
            await c.link(phone);
            clients.push(c);
        }
        const { account } = phone;
        return { phone, account, clients, client: clients[0], inbox,
            lid: `${account.lid}@lid`, pn: `${account.pn}@s.whatsapp.net`,
            device: (i = 0) => account.device(clients[i].device) };
    }

    /** Resolves when the phone of `person` has received this text. */
    phoneText(person, text) {
        const test = m => m.text === text;
        const seen = person.inbox.find(test);
        return seen !== undefined ? Promise.resolve(seen)
            : new Promise((resolve, reject) => {
                const timer = setTimeout(() => reject(new Error(
                    `phone of ${person.account.name}: no "${text}"`)), 20000);
                const listener = m => {
                    if (test(m)) {
                        clearTimeout(timer);
                        person.phone.off('message', listener);
                        resolve(m);
                    }
                };
                person.phone.on('message', listener);
            });
    }

    /** Resolves when the device has answered everything it was sent. */
    async drained(device) {
        if (device.mailbox.entries.length > 0) {
            await this.sim.next('drained', d => d === device);
        }
    }

    async closeClients() {
        await Promise.all(this.clients.splice(0).map(c => c.close()));
    }

    /** Nothing was broken since the last look. */
    checkClean() {
        assert.deepEqual(this.sim.violations.splice(0), []);
        assert.deepEqual(this.sim.unknown.splice(0), []);
    }

    async stop() {
        await this.closeClients();
        await this.sim.close();
    }
}
