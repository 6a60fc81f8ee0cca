// Everything at once for some minutes: texts in both directions, accounts
// linked and deleted, unlinked on the phone, sockets cut. What a worker and
// its Redis hold must not grow with time.
import { until } from '../../e2e/lib/wahub.mjs';
import { openFiles, pause, residentKib, slope } from './proc.mjs';

const ACCOUNTS = 40;
const CONTACTS = 8;
const LANES = 4;
const TURN_MS = 40;
const LINK_MS = 1500;
const CUT_MS = 400;
const SAMPLE_MS = 2000;

/** Growth per minute, in the second half, that is taken for noise. */
export const BOUND = { resident: 512, redis: 256, files: 3 };

// What Redis is meant to keep: the event log, and the day buckets in which
// messages wait for retry receipts.
const KEPT = `local sum = 0
for _, p in ipairs({ 'wahub:{s*}:log', 'wahub:{s*}:a:*:*' }) do
  for _, k in ipairs(redis.call('KEYS', p)) do
    sum = sum + redis.call('MEMORY', 'USAGE', k, 'SAMPLES', '0')
  end
end
return sum`;

const any = list => list[Math.floor(Math.random() * list.length)];

class Soak {
    constructor(sim, side) {
        this.sim = sim;
        this.side = side;
        this.samples = [];
        this.count = { received: 0, sent: 0, linked: 0, ended: 0, cut: 0,
            refused: 0 };
    }

    pick() {
        return any(this.side.accounts);
    }

    async every(ms, work) {
        while (performance.now() < this.end) {
            const start = performance.now();
            await work();
            await pause(Math.max(0, ms - (performance.now() - start)));
        }
    }

    async send() {
        const { id } = this.pick();
        try {
            await this.side.post(`/api/accounts/${id}/messages`,
                { to: any(this.contacts), text: 'a text of the soak' });
            this.count.sent++;
        } catch {
            // the account was cut off or deleted in this moment
            this.count.refused++;
        }
    }

    async receive() {
        await this.sim.call('textLater', { from: any(this.contacts),
            to: this.pick(), text: 'a text for the soak' });
        this.count.received++;
    }

    /** One account goes, by the API or on the phone, and another comes. */
    async replace() {
        const { side } = this;
        const old = any(side.accounts.filter(a => a.busy !== true));
        side.accounts.splice(side.accounts.indexOf(old), 1);
        if (Math.random() < 0.5) {
            await this.sim.call('unlink', old);
            await until('the unlink is noticed', async () =>
                (await side.hub.account(old.id)).state !== 'READY');
        }
        await side.hub.patient('DELETE', `/api/accounts/${old.id}`);
        this.count.ended++;
        await side.link(ACCOUNTS);
        this.count.linked++;
    }

    async cut() {
        const account = this.pick();
        this.count.cut++;
        account.busy = true;
        await this.sim.call('cut', account);
        account.busy = false;
    }

    async sample() {
        const { side } = this;
        const kept = Number(await side.hub.redis('eval', KEPT, '0')) / 1024;
        this.samples.push({ at: (performance.now() - this.begun) / 60000,
            resident: residentKib(side.pid), files: openFiles(side.pid),
            kept, redis: await side.redisKib() - kept });
    }

    async run(minutes) {
        await this.side.link(ACCOUNTS);
        this.contacts = [];
        for (let i = 0; i < CONTACTS; i++) {
            this.contacts.push(await this.sim.call('contact', `Soak ${i}`));
        }
        this.begun = performance.now();
        this.end = this.begun + minutes * 60000;
        const lanes = work => Array.from({ length: LANES }, () =>
            this.every(TURN_MS, () => work.call(this)));
        await Promise.all([...lanes(this.send), ...lanes(this.receive),
            this.every(LINK_MS, () => this.replace()),
            this.every(CUT_MS, () => this.cut()),
            this.every(SAMPLE_MS, () => this.sample())]);
        return this.result(minutes);
    }

    result(minutes) {
        const late = this.samples.filter(s => s.at >= minutes / 2);
        const grow = key => slope(late.map(s => [s.at, s[key]]));
        const growth = Object.fromEntries(Object.keys(BOUND).map(k =>
            [k, grow(k)]));
        const first = this.samples[0];
        const last = this.samples.at(-1);
        return { minutes, count: this.count, growth, last, half: late[0],
            accounts: ACCOUNTS, kept: (last.kept - first.kept)
                / (this.count.sent + this.count.received) * 1000,
            ok: Object.keys(BOUND).every(k => growth[k] <= BOUND[k]) };
    }
}

export function soak(sim, side, minutes) {
    return new Soak(sim, side).run(minutes);
}
