// The audit finds what it is there for.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clean, compare, compareStream, COUNTS, Ledger, table,
    withoutRepeats } from './audit.mjs';
import { Random } from './random.mjs';

const said = n => {
    const ledger = new Ledger();
    for (let i = 0; i < n; i++) {
        ledger.say('in', `chat ${i % 2}`, `text ${i}`, `ID${i}`);
    }
    return ledger.of(() => true);
};

const seen = list => list.map(i => ({ text: `text ${i}`, id: `ID${i}` }));

const counts = r => COUNTS.map(c => r[c].length);

describe('a source that saw', () => {
    it('everything in order is clean', () => {
        const r = compare(said(6), seen([0, 1, 2, 3, 4, 5]));
        assert.ok(clean(r));
        assert.deepEqual([r.said, r.seen], [6, 6]);
    });

    it('two chats mixed is clean', () => {
        assert.ok(clean(compare(said(6), seen([1, 3, 0, 2, 5, 4]))));
    });

    it('nothing has lost all', () => {
        assert.deepEqual(counts(compare(said(3), [])), [3, 0, 0, 0, 0]);
    });

    it('one less has lost it', () => {
        const r = compare(said(4), seen([0, 1, 3]));
        assert.deepEqual(r.lost, ['text 2']);
        assert.deepEqual(counts(r), [1, 0, 0, 0, 0]);
    });

    it('one twice has doubled it', () => {
        const r = compare(said(4), seen([0, 1, 2, 0, 3]));
        assert.deepEqual(r.doubled, ['text 0']);
        assert.deepEqual(counts(r), [0, 1, 0, 0, 0]);
    });

    it('another order within a chat has reordered', () => {
        const r = compare(said(6), seen([4, 0, 2, 1, 3, 5]));
        assert.deepEqual(r.reordered, ['text 0', 'text 2']);
        assert.deepEqual(counts(r), [0, 0, 2, 0, 0]);
    });

    it('something nobody said has a foreign text', () => {
        const r = compare(said(2), [...seen([0, 1]), { text: 'x', id: 'y' }]);
        assert.deepEqual(counts(r), [0, 0, 0, 1, 0]);
    });

    it('another id for a text has a new id', () => {
        const r = compare(said(2), [seen([0])[0],
            { text: 'text 1', id: 'other' }]);
        assert.deepEqual(counts(r), [0, 0, 0, 0, 1]);
    });
});

describe('the webhook', () => {
    it('may repeat an event, not say it under another id', () => {
        const posts = seen([0, 0, 1, 1]).map((p, i) =>
            ({ ...p, event: ['a', 'a', 'b', 'c'][i] }));
        const r = withoutRepeats(posts);
        assert.equal(r.repeated, 1);
        assert.deepEqual(compare(said(2), r.posts).doubled, ['text 1']);
    });
});

describe('the stream', () => {
    const log = ['1-0-7', '2-0-7', '3-0-7', '1-0-8'];

    it('may be silent only while Redis was away', () => {
        const r = compareStream(log, ['1-0-7', '1-0-8'], id =>
            id.startsWith('2-'));
        assert.deepEqual(r.lost, ['3-0-7']);
        assert.equal(r.unheard, 1);
    });

    it('says nothing twice, out of order or of its own', () => {
        const r = compareStream(log, ['2-0-7', '1-0-8', '1-0-7', '3-0-7',
            '3-0-7', '9-0-7'], () => false);
        assert.deepEqual(r.reordered, ['1-0-7']);
        assert.deepEqual(r.doubled, ['3-0-7']);
        assert.deepEqual(r.foreign, ['9-0-7']);
        assert.deepEqual(r.lost, []);
    });
});

it('a text is said once', () => {
    const ledger = new Ledger();
    ledger.say('in', 'c', 't', '1');
    assert.throws(() => ledger.say('in', 'c', 't', '2'), /said before/);
});

it('the table has a line for each source', () => {
    const text = table([['log', compare(said(2), seen([0]))]]);
    assert.match(text, /^ *said +seen +lost .*\nlog +2 +1 +1 +0/);
});

it('the same seed draws the same, for each name its own', () => {
    const draw = (seed, name) => {
        const r = new Random(seed).fork(name);
        return [r.int(0, 1e9), r.pick([1, 2, 3]), r.weighted({ a: 1, b: 9 }),
            r.some([1, 2, 3, 4], 2), r.next()];
    };
    assert.deepEqual(draw('s', 'n'), draw('s', 'n'));
    assert.notDeepEqual(draw('s', 'n'), draw('s', 'm'));
    assert.notDeepEqual(draw('s', 'n'), draw('t', 'n'));
});
