// Linking by QR: the code and its renewal, the scan, the restart with 515,
// the states on the way, and links that must be refused.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { inflateSync } from 'node:zlib';
import { parseQr } from '../sim/pairing.mjs';
import { Stage, until } from './lib/stage.mjs';

let s, sim, w;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
});

afterEach(() => s.checkClean());

after(() => s.close());

/** A QR picture as rows of '1' (dark) and '0', a character per module. */
function modules(rows) {
    const dark = rows.map(r => r.indexOf('1')).filter(i => i >= 0);
    const left = Math.min(...dark);
    const top = rows.findIndex(r => r.includes('1'));
    // a finder pattern is seven modules wide
    const unit = (rows[top].slice(left).indexOf('0')) / 7;
    assert.ok(Number.isInteger(unit), `module of ${unit} pixels`);
    const size = (rows[top].lastIndexOf('1') + 1 - left) / unit;
    return Array.from({ length: size }, (_, y) => Array.from({ length: size },
        (_, x) => rows[top + y * unit][left + x * unit]).join(''));
}

/** One bit per pixel, no filter but 0: what libpng writes for a QR. */
function pngRows(png) {
    const width = png.readUInt32BE(16);
    const height = png.readUInt32BE(20);
    const depth = png[24];
    const data = [];
    let palette = Buffer.from([0, 0, 0, 255, 255, 255]);
    for (let at = 8; at < png.length;) {
        const size = png.readUInt32BE(at);
        const kind = png.toString('latin1', at + 4, at + 8);
        const body = png.subarray(at + 8, at + 8 + size);
        if (kind === 'IDAT') {
            data.push(body);
        } else if (kind === 'PLTE') {
            palette = body;
        }
        at += 12 + size;
    }
    assert.equal(depth, 1);
    const raw = inflateSync(Buffer.concat(data));
    const line = 1 + Math.ceil(width / 8);
    assert.equal(raw.length, line * height);
    const rows = [];
    for (let y = 0; y < height; y++) {
        assert.equal(raw[y * line], 0, 'row filter');
        let row = '';
        for (let x = 0; x < width; x++) {
            const bit = raw[y * line + 1 + (x >> 3)] >> (7 - (x & 7)) & 1;
            row += palette[bit * 3] < 128 ? '1' : '0';
        }
        rows.push(row);
    }
    return rows;
}

function textRows(text) {
    const rows = [];
    for (const line of text.replaceAll(/\x1b\[[0-9;]*m/g, '').split('\n')) {
        const pairs = { ' ': '11', '▀': '01', '▄': '10', '█': '00' };
        const cells = [...line].map(c => pairs[c]);
        if (cells.length > 20) {
            assert.ok(!cells.includes(undefined), `in "${line}"`);
            rows.push(cells.map(c => c[0]).join(''));
            rows.push(cells.map(c => c[1]).join(''));
        }
    }
    return rows;
}

function svgRows(svg) {
    const [, size] = /viewBox="0 0 (\d+) \1"/.exec(svg);
    const rows = Array.from({ length: Number(size) }, () =>
        Array(Number(size)).fill('0'));
    for (const [, x, y] of svg.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
        rows[y][x] = '1';
    }
    return rows.map(r => r.join(''));
}

describe('the code', () => {
    let id, phone;

    before(async () => {
        ({ id } = await w.create({ name: 'Code' }));
        phone = sim.phone();
        await w.qr(id);
    });

    after(() => w.api('DELETE', `/api/accounts/${id}`));

    const form = f => w.request('GET', `/api/accounts/${id}/qr?format=${f}`);

    it('is what a phone expects', async () => {
        const a = await w.account(id);
        const qr = parseQr(a.qr);
        assert.equal(qr.clientType, '1');
        assert.equal(a.status, 'QR');
        const left = Date.parse(a.qr_expires_at) - Date.now();
        assert.ok(left > 30000 && left <= 60000, `${left} ms`);
    });

    it('shows the same modules as PNG, data URL, SVG and text', async () => {
        const png = await form('png');
        const picture = modules(pngRows(png.raw));
        assert.ok(picture.length > 50);
        assert.equal((picture.length - 17) % 4, 0);
        const json = (await form('json')).json;
        const url = Buffer.from(json.qr_code.split(',')[1], 'base64');
        assert.deepEqual(modules(pngRows(url)), picture);
        const svg = (await form('svg')).raw.toString();
        assert.deepEqual(modules(svgRows(svg)), picture);
        const text = (await form('txt')).raw.toString();
        assert.deepEqual(modules(textRows(text)), picture);
    });

    it('is announced with its picture', async () => {
        const e = await w.events.wait(x => x.type === 'session.qr_code'
            && x.account_id === id);
        assert.equal(e.channel, `wahub:events:default:${id}`);
        assert.equal(e.data.qr, (await w.account(id)).qr);
        assert.match(e.data.qr_image, /^data:image\/png;base64,/);
        assert.match(e.id, /^\d{13,}-\d+-\d+$/);
        assert.equal(e.tenant_id, 'default');
        assert.equal(e.session_id, id);
    });

    it('gets another secret when the server asks for it', async () => {
        const before = (await w.account(id)).qr;
        const { ref } = parseQr(before);
        await sim.refs.get(ref).refresh();
        const next = await until('another code', async () => {
            const { qr } = await w.account(id);
            return qr !== before && qr;
        });
        assert.equal(parseQr(next).ref, ref);
        assert.notDeepEqual(parseQr(next).adv, parseQr(before).adv);
        await phone.scan(next);
        await w.state(id, 'READY');
    });
});

describe('a link', () => {
    it('goes through every state, with its events', async () => {
        const phone = sim.phone();
        const { id } = await w.create({ name: 'States',
            session_id: 'states' });
        const qr = await w.qr(id);
        const device = await phone.scan(qr);
        const a = await w.state(id, 'READY');
        assert.equal(device.logins, 1);
        assert.equal(a.phone_number, phone.account.pn);
        assert.equal(a.jid, `${phone.account.pn}@s.whatsapp.net`);
        assert.equal(a.lid, `${phone.account.lid}@lid`);
        assert.equal(a.qr, null);
        const mine = w.events.all.filter(e => e.account_id === id);
        assert.deepEqual(mine.filter(e => e.type === 'session.status')
            .map(e => e.data.state),
        ['CONNECTING', 'QR', 'AUTH', 'LOADING', 'READY']);
        assert.deepEqual(mine.filter(e => e.type === 'session.status')
            .map(e => e.data.previous),
        ['INIT', 'CONNECTING', 'QR', 'AUTH', 'LOADING']);
        const kinds = mine.map(e => e.type)
            .filter(t => t !== 'session.status');
        assert.deepEqual(kinds, ['session.created', 'session.qr_code',
            'session.authenticated', 'session.loading', 'session.connected']);
        assert.ok(mine.every(e =>
            e.channel === 'wahub:events:default:states'));
        const connected = mine.find(e => e.type === 'session.connected');
        assert.equal(connected.data.whatsapp_number, phone.account.pn);
        const ids = mine.map(e => e.id.split('-').map(Number));
        assert.ok(ids.every((x, i) => i === 0 || x[0] > ids[i - 1][0]
            || (x[0] === ids[i - 1][0] && x[1] > ids[i - 1][1])),
        'event ids grow');
    });

    it('takes a code after the first socket is used up', async () => {
        const { refLifetimeMs } = sim.options;
        sim.options.refLifetimeMs = 100;
        const phone = sim.phone();
        const ended = sim.next('disconnect');
        const { id } = await w.create({ name: 'Renewed' });
        // its codes may be used up before anybody could ask for one
        const { data: { qr: first } } = await w.events.wait(e =>
            e.type === 'session.qr_code' && e.account_id === id);
        await ended;
        sim.options.refLifetimeMs = refLifetimeMs;
        const next = await until('a code of the next socket', async () => {
            const a = await w.account(id);
            assert.equal(a.state, 'QR');
            return a.qr !== null && a.qr !== first
                && sim.refs.has(parseQr(a.qr).ref) && a.qr;
        });
        assert.notEqual(parseQr(next).ref, parseQr(first).ref);
        await phone.scan(next);
        await w.state(id, 'READY');
    });

    it('of two accounts at once, whichever worker answers', async () => {
        const people = [sim.phone(), sim.phone(), sim.phone(), sim.phone()];
        const made = await Promise.all(people.map(() =>
            w.create({ name: 'Both' })));
        await Promise.all(made.map(async ({ id }, i) =>
            people[i].scan(await w.qr(id))));
        for (const [i, { id }] of made.entries()) {
            await w.state(id, 'READY');
            // every connection may land on the other worker
            const numbers = await Promise.all(Array.from({ length: 8 },
                async () => {
                    const r = await w.request('GET', `/api/accounts/${id}`,
                        undefined, { connection: 'close' });
                    return r.json.phone_number;
                }));
            assert.deepEqual(new Set(numbers),
                new Set([people[i].account.pn]));
        }
        await Promise.all(Array.from({ length: 12 }, (_, i) => {
            const to = people[(i + 1) % 4].account.pn;
            return s.sent(made[i % 4], to, `cross ${i}`);
        }));
        for (let i = 0; i < 12; i++) {
            await w.received(`cross ${i}`);
        }
    });

    for (const spoil of ['hmac', 'account-signature']) {
        it(`is refused when the ${spoil} is wrong`, async () => {
            const phone = sim.phone();
            const { id } = await w.create({ name: 'Spoiled' });
            await assert.rejects(phone.scan(await w.qr(id), { spoil }),
                e => e.code === 401);
            const a = await w.state(id, 'AUTH_FAILURE');
            assert.equal(a.status, 'DISCONNECTED');
            assert.ok(a.reason.length > 0);
            assert.equal(a.phone_number, null);
            assert.deepEqual(phone.devices().map(d => d.id), [0]);
            const e = await w.events.wait(x => x.account_id === id
                && x.type === 'session.auth_failure');
            assert.equal(e.data.reason, a.reason);
            await w.api('POST', `/api/accounts/${id}/relink`);
            await phone.scan(await w.qr(id));
            await w.state(id, 'READY');
        });
    }

    it('survives a server that goes away before the scan', async () => {
        const phone = sim.phone();
        const { id } = await w.create({ name: 'Patient' });
        const first = await w.qr(id);
        await sim.goDark();
        await sim.listenAgain();
        const next = await until('a fresh code', async () => {
            const { qr } = await w.account(id);
            return qr !== null && qr !== first && qr;
        });
        await phone.scan(next);
        await w.state(id, 'READY');
    });
});
