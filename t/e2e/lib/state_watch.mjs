// What a Baileys companion hears of app state, as it comes.
const EVENTS = ['chats.update', 'chats.delete', 'messages.update',
    'messages.delete', 'labels.edit', 'labels.association',
    'contacts.upsert', 'settings.update', 'creds.update'];
const WAIT_MS = 20000;

class StateWatch {
    constructor(client) {
        this.client = client;
        this.seen = [];
        this.waiting = new Set();
        for (const name of EVENTS) {
            client.sock.ev.on(name, value => {
                const list = Array.isArray(value) ? value : [value];
                list.forEach(v => this.take(name, v));
            });
        }
    }

    take(name, value) {
        this.seen.push({ name, value });
        for (const w of this.waiting) {
            if (w.name === name && w.test(value)) {
                this.waiting.delete(w);
                clearTimeout(w.timer);
                w.resolve(value);
            }
        }
    }

    /** Resolves with one that has come, or comes within 20 s. */
    next(name, test = () => true) {
        const found = this.seen.find(s => s.name === name && test(s.value));
        if (found !== undefined) {
            return Promise.resolve(found.value);
        }
        return new Promise((resolve, reject) => {
            const w = { name, test, resolve };
            w.timer = setTimeout(() => {
                this.waiting.delete(w);
                reject(new Error(`${this.client.name}: no ${name} (${test})`
                    + `, but ${JSON.stringify(this.seen.slice(-4))}`));
            }, WAIT_MS);
            this.waiting.add(w);
        });
    }
}

export function noteState(client) {
    return new StateWatch(client);
}
