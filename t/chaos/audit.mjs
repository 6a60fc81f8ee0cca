// Compares what was said with what each side knows of it. Pure: everything
// comes in as lists, so that the audit itself can be tested.
//
// A message: { chat, text, id }. `chat` names one direction of one pair of
// people, `text` is unique in the run, `id` is WhatsApp's. The ledger holds
// the messages of a chat in the order they were said. What a source saw is
// a list of { text, id } in the order it saw them.

export const COUNTS = ['lost', 'doubled', 'reordered', 'foreign', 'new ids'];

/** What has been said, chat by chat. */
export class Ledger {
    constructor() {
        this.messages = new Map();
        this.chats = new Map();
    }

    /** `key` tells sources which messages concern them. */
    say(key, chat, text, id) {
        if (this.messages.has(text)) {
            throw new Error(`"${text}" was said before`);
        }
        const list = this.chats.get(chat) ?? [];
        const m = { key, chat, text, id, at: list.length };
        list.push(m);
        this.chats.set(chat, list);
        this.messages.set(text, m);
        return m;
    }

    of(test) {
        return [...this.messages.values()].filter(test);
    }
}

function listed(bad, kind, m, text = m.text) {
    bad[kind].push(text);
}

/** Compares one source. `expected`: messages of the ledger it must have
 *  seen; `seen`: what it saw. Returns { said, seen, lost: [texts], ... }. */
export function compare(expected, seen) {
    const bad = Object.fromEntries(COUNTS.map(c => [c, []]));
    const wanted = new Map(expected.map(m => [m.text, m]));
    const first = new Map();
    const last = new Map();
    for (const s of seen) {
        const m = wanted.get(s.text);
        if (m === undefined) {
            listed(bad, 'foreign', s, String(s.text ?? s.id));
            continue;
        }
        if (first.has(m.text)) {
            listed(bad, 'doubled', m);
        } else {
            first.set(m.text, s);
            if (m.at < (last.get(m.chat) ?? 0)) {
                listed(bad, 'reordered', m);
            } else {
                last.set(m.chat, m.at);
            }
        }
        if (s.id !== undefined && m.id !== undefined && s.id !== m.id) {
            listed(bad, 'new ids', m);
        }
    }
    for (const m of expected) {
        if (!first.has(m.text)) {
            listed(bad, 'lost', m);
        }
    }
    return { said: expected.length, seen: seen.length, ...bad };
}

/** Takes repeats of one event id out of a list of webhook posts; what is
 *  left must be single. Returns { posts, repeated }. */
export function withoutRepeats(posts) {
    const ids = new Set();
    const left = posts.filter(p => {
        const known = ids.has(p.event);
        ids.add(p.event);
        return !known;
    });
    return { posts: left, repeated: posts.length - left.length };
}

/** Stream against log: both lists of event ids in order; `missed(id)` tells
 *  which the subscriber was not there for. */
export function compareStream(log, stream, missed) {
    const at = new Map(log.map((id, i) => [id, i]));
    const shard = id => id.slice(id.lastIndexOf('-'));
    const seen = new Set();
    const last = new Map();
    const bad = Object.fromEntries(COUNTS.map(c => [c, []]));
    for (const id of stream) {
        if (!at.has(id)) {
            bad.foreign.push(id);
        } else if (seen.has(id)) {
            bad.doubled.push(id);
        } else {
            if (at.get(id) < (last.get(shard(id)) ?? 0)) {
                bad.reordered.push(id);
            }
            last.set(shard(id), at.get(id));
        }
        seen.add(id);
    }
    const gone = log.filter(id => !seen.has(id));
    bad.lost.push(...gone.filter(id => !missed(id)));
    return { said: log.length, seen: stream.length,
        unheard: gone.length - bad.lost.length, ...bad };
}

export function clean(result) {
    return COUNTS.every(c => result[c].length === 0);
}

/** The rows as text, a column for each count. */
export function table(rows) {
    const cells = [['', 'said', 'seen', ...COUNTS], ...rows.map(
        ([name, r]) => [name, r.said, r.seen,
            ...COUNTS.map(c => r[c].length)])].map(r => r.map(String));
    const widths = cells[0].map((_, i) =>
        Math.max(...cells.map(r => r[i].length)));
    return cells.map(r => r.map((c, i) => (i === 0 ? c.padEnd(widths[0])
        : c.padStart(widths[i]))).join('  ')).join('\n');
}
