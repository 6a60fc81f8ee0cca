// The history as the HTTP API tells it, compared with what happened.
import assert from 'node:assert/strict';
import { until } from './stage.mjs';

/** Every message, oldest first, page by page as a client would. */
export async function messages(w, query = '') {
    const all = [];
    let path = `/api/messages?order=asc&limit=100${query}`;
    while (path !== undefined) {
        const r = await w.request('GET', path);
        assert.equal(r.status, 200, `${path}: ${r.raw}`);
        all.push(...r.json.data);
        path = /<(.*)>; rel="next"/.exec(r.headers.get('link') ?? '')?.[1];
    }
    return all;
}

/** Bodies that begin with `prefix`, in the order of the history. */
export async function bodies(w, prefix, query) {
    return (await messages(w, query)).map(m => m.body)
        .filter(b => b.startsWith(prefix));
}

/** Resolves when the history has `count` messages with the prefix; reads
 *  that fail meanwhile are repeated. */
export async function settled(w, prefix, count, ms = 30000) {
    let list = [];
    try {
        return await until('the history', async () => {
            list = await bodies(w, prefix).catch(e => {
                if (e instanceof assert.AssertionError
                    && !/: 50[34] /.test(e.message)) {
                    throw e;
                }
                return [];
            });
            return list.length >= count ? list : undefined;
        }, ms);
    } catch (e) {
        throw new Error(`${e.message}: ${list.length} of ${count} texts`);
    }
}

/** The history has these texts, each once, in this order. */
export async function holds(w, prefix, texts) {
    const list = await settled(w, prefix, texts.length);
    assert.deepEqual(list, texts);
}

/** Events in all logs of the shards that hold any. */
export async function logged(w) {
    const keys = (await w.redis('--raw', 'keys', 'wahub:{s*}:log'))
        .split('\n').filter(k => k !== '');
    const sizes = await Promise.all(keys.map(k => w.redis('xlen', k)));
    return sizes.reduce((sum, n) => sum + Number(n), 0);
}
