// Looks for accounts of a wahub that show a QR, and scans it: each account
// with a phone of its own. The QR reaches the phone the way it reaches a
// person, by wahub's HTTP API.
import { readFile } from 'node:fs/promises';

const POLL_MS = 500;

export class AutoScan {
    constructor(sim, { url, keyFile, say = () => {} }) {
        this.sim = sim;
        this.url = url.replace(/\/$/, '');
        this.keyFile = keyFile;
        this.say = say;
        this.phones = new Map();
        this.busy = new Set();
        this.tried = new Map();
    }

    start() {
        const turn = async () => {
            try {
                await this.look();
                this.complaint = undefined;
            } catch (e) {
                this.complain('cannot ask wahub: ' +
                    (e.cause?.code ?? e.message));
            }
            this.timer = setTimeout(turn, POLL_MS);
        };
        this.timer = setTimeout(turn, 0);
        return this;
    }

    stop() {
        clearTimeout(this.timer);
    }

    /** The same trouble is said once, not at every turn. */
    complain(text) {
        if (text !== this.complaint) {
            this.complaint = text;
            this.say(text);
        }
    }

    async look() {
        const key = (await readFile(this.keyFile, 'utf8')).trim();
        const reply = await fetch(`${this.url}/api/accounts`, {
            headers: { 'x-api-key': key },
            signal: AbortSignal.timeout(5000),
        });
        if (!reply.ok) {
            throw new Error(`HTTP ${reply.status}`);
        }
        for (const account of await reply.json()) {
            if (account.state === 'QR' && account.qr
                && !this.busy.has(account.id)
                && this.tried.get(account.id) !== account.qr) {
                this.tried.set(account.id, account.qr);
                this.scan(account);
            }
        }
    }

    async scan(account) {
        this.busy.add(account.id);
        try {
            if (!this.phones.has(account.id)) {
                this.phones.set(account.id,
                    this.sim.phone({ name: `Phone of ${account.name}` }));
            }
            const phone = this.phones.get(account.id);
            this.say(`phone +${phone.account.pn} scans the QR of account ` +
                `"${account.name}"`);
            const device = await phone.scan(account.qr);
            this.say(`account "${account.name}" is linked as ${device}`);
        } catch (e) {
            this.say(`scan of "${account.name}" failed: ${e.message}`);
        } finally {
            this.busy.delete(account.id);
        }
    }
}
