// Light contacts: an account with only its phone, driven in this process,
// that chats by itself. For demos and for load.
import { EventEmitter } from 'node:events';

const LINES = [
    'Hi! Are you there?', 'Did you see the news today?',
    'Shall we meet at seven?', 'I forgot my umbrella again.',
    'The train is late, as always.', 'Coffee tomorrow?',
    'What was the name of that restaurant?', 'Thanks, that helped a lot.',
    'Can you call me back later?', 'Look at the moon tonight!',
];

export class Contact extends EventEmitter {
    constructor(sim, { name = 'Chatty Carla', pn, reply = t => `You said: ${t}`,
        everyMs = 4000 } = {}) {
        super();
        this.phone = sim.phone({ name, pn });
        this.account = this.phone.account;
        this.everyMs = everyMs;
        this.timers = new Map();
        this.next = 0;
        this.answered = new Set();
        this.phone.on('message', m => this.onMessage(m, reply));
    }

    onMessage(m, reply) {
        this.emit('text', m);
        if (m.text === undefined || m.own) {
            return;
        }
        const answer = reply(m.text, m);
        if (answer !== undefined) {
            this.send(m.chat, answer);
        }
    }

    async send(to, text) {
        this.emit('sent', { to, text });
        return this.phone.sendText(to, text);
    }

    /** Sends a line every few seconds until stop(). */
    chatWith(account) {
        if (this.timers.has(account)) {
            return;
        }
        this.timers.set(account, setInterval(() => {
            this.send(account, LINES[this.next++ % LINES.length]);
        }, this.everyMs));
    }

    /** Sends `count` texts as fast as they can be encrypted; resolves when
     *  the server has taken the last one. */
    async burst(account, count, prefix = 'burst') {
        let last;
        for (let i = 0; i < count; i++) {
            last = this.phone.sendText(account, `${prefix} ${i}`);
            if (i % 64 === 63) {
                await last;
            }
        }
        await last;
    }

    stop() {
        this.timers.forEach(t => clearInterval(t));
        this.timers.clear();
    }
}
