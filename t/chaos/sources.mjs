// Where it can be seen what became of a message. Each source collects lists
// of { text, id } per place, and knows which messages must be in them.
import { compare, compareStream, COUNTS, withoutRepeats } from './audit.mjs';
import { readLogs } from './redis.mjs';

function merge(results) {
    const out = { said: 0, seen: 0 };
    COUNTS.forEach(c => {
        out[c] = [];
    });
    for (const r of results) {
        out.said += r.said;
        out.seen += r.seen;
        COUNTS.forEach(c => out[c].push(...r[c]));
    }
    return out;
}

/** Compares account by account: a text at another account is foreign. */
function perAccount(traffic, key, seen) {
    return merge(traffic.people.map(me => compare(
        traffic.ledger.of(m => m.key === key && m.me === me),
        seen.filter(s => s.account === me.id))));
}

const ofEvents = (log, type) => log.filter(e => e.type === type).map(e => ({
    account: e.account_id, text: e.data.message?.body,
    id: e.data.message?.message_id }));

/** A message that Baileys could not decrypt shows as one without a text;
 *  it asks for it again and then shows it. */
const isStub = m => m.raw.messageStubType !== undefined
    && m.raw.messageStubType !== null;

export class Sources {
    constructor({ traffic, hook, subscriber, cluster }) {
        Object.assign(this, { traffic, hook, subscriber, cluster });
    }

    posts() {
        return this.hook.posts.map(({ body }) => ({ text: body.text,
            account: body.account_id, id: body.message_id,
            event: body.event_id, direction: body.direction }));
    }

    /** True when everything has arrived everywhere, as far as counting
     *  tells; for the end of a run. */
    settled() {
        const { ledger, people, contacts } = this.traffic;
        const count = key => ledger.of(m => m.key === key).length;
        const total = count('in') + count('echo');
        if (new Set(this.posts().map(p => p.text)).size < total) {
            return undefined;
        }
        const out = count('out') + count('echo');
        const arrived = contacts.reduce((n, c) => n + new Set(c.inbox
            .filter(m => !m.own).map(m => m.text)).size, 0);
        const behind = contacts.some(c => c.client !== undefined
            && new Set(c.client.messages.filter(m => !m.fromMe)
                .map(m => m.text)).size
            < ledger.of(m => m.contact === c && m.key !== 'in').length);
        return arrived >= out && !behind
            && people.every(p => p.device.mailbox.entries.length === 0);
    }

    async log() {
        this.events ??= await readLogs(this.cluster.a.socket);
        return this.events;
    }

    /** The log tells of every message of the ledger. */
    async logged() {
        this.events = undefined;
        const log = await this.log();
        const { ledger } = this.traffic;
        return ['message.received', 'message.sent', 'message.echo'].every(
            (type, i) => new Set(ofEvents(log, type).map(m => m.text)).size
            >= ledger.of(m => m.key === ['in', 'out', 'echo'][i]).length);
    }

    contacts(list) {
        const { ledger, contacts } = this.traffic;
        return merge(contacts.filter(c => list(c) !== undefined).map(c =>
            compare(ledger.of(m => m.contact === c && m.key !== 'in'),
                list(c))));
    }

    /** Rows [name, result] of the table. */
    async rows() {
        const { traffic } = this;
        const log = await this.log();
        const ids = log.map(e => e.id);
        const { posts, repeated } = withoutRepeats(this.posts());
        this.repeated = repeated;
        const way = d => posts.filter(p => p.direction === d);
        const stream = compareStream(ids, this.subscriber.all.map(e => e.id),
            id => this.subscriber.missed(Number(id.split('-')[0])));
        this.unheard = stream.unheard;
        this.stubs = traffic.contacts.flatMap(c => (c.client?.messages ?? [])
            .filter(isStub).map(m => `${c.name}: ${m.id} `
                + (m.raw.messageStubParameters ?? []).join(' ')));
        const rows = [
            ['event log: received', perAccount(traffic, 'in',
                ofEvents(log, 'message.received'))],
            ['event log: sent', perAccount(traffic, 'out',
                ofEvents(log, 'message.sent'))],
            ['event log: echoes', perAccount(traffic, 'echo',
                ofEvents(log, 'message.echo'))],
            ['webhook: received', perAccount(traffic, 'in',
                way('inbound'))],
            ['webhook: echoes', perAccount(traffic, 'echo',
                way('outbound'))],
            ['pub/sub against the log', stream],
            ['contacts: phones', this.contacts(c =>
                c.inbox.filter(m => !m.own))],
            ['contacts: Baileys', this.contacts(c =>
                c.client?.messages.filter(m => !m.fromMe && !isStub(m)))],
            ['own phones: copies of sends', merge(traffic.people.map(me =>
                compare(traffic.ledger.of(m => m.key === 'out'
                    && m.me === me), me.inbox.filter(m => m.own))))],
        ];
        return [...rows, ...await this.history()];
    }

    /** What GET /api/messages tells; no rows when this build has none. */
    async history() {
        const { traffic, cluster } = this;
        const seen = [];
        for (const me of traffic.people) {
            const list = await allMessages(cluster.a, me.id);
            if (list === undefined) {
                return [];
            }
            seen.push(...list.map(m => ({ account: me.id, text: m.body,
                id: m.message_id, mine: m.from_me })));
        }
        return [
            ['history: received', perAccount(traffic, 'in',
                seen.filter(m => !m.mine))],
            ['history: sent and echoes', merge(traffic.people.map(me =>
                compare(traffic.ledger.of(m => m.key !== 'in'
                    && m.me === me), seen.filter(m => m.mine
                    && m.account === me.id))))],
        ];
    }
}

const PAGE = 500;

/** Every message of an account, oldest first; undefined: no such route. */
async function allMessages(w, id) {
    const out = [];
    let path = `/api/messages?account=${id}&order=asc&limit=${PAGE}`;
    while (path !== undefined) {
        const r = await w.request('GET', path);
        if ([404, 405].includes(r.status)) {
            return undefined;
        }
        if (r.status !== 200) {
            throw new Error(`GET ${path}: ${r.status} ${r.raw}`);
        }
        out.push(...r.json.data);
        path = /<([^>]*)>; *rel="?next/.exec(r.headers.get('link') ?? '')?.[1]
            ?.replace(/^https?:\/\/[^/]*/, '');
    }
    return out;
}
