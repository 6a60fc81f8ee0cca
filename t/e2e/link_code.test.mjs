// Linking by a code that is typed into the phone: asked for, shown, mistyped,
// renewed, refused.
import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';
import { refreshCode } from '../sim/paircode.mjs';
import { parseQr } from '../sim/pairing.mjs';
import { Stage, until } from './lib/stage.mjs';

const FORM = /^[0-9A-Z]{4}-[0-9A-Z]{4}$/;

let s, sim, w;

before(async () => {
    s = await Stage.start();
    ({ sim, w } = s);
});

afterEach(() => s.checkClean());

after(() => s.close());

const pair = (id, number) => w.request('POST', `/api/accounts/${id}/pair`,
    { phone_number: number });

async function asked(phone, number = phone.account.pn) {
    const { id } = await w.create({ name: 'Code' });
    const told = sim.next('pair-code', r => r.code.account === phone.account);
    const r = await pair(id, number);
    assert.equal(r.status, 200, r.raw.toString());
    const [registration] = await told;
    return { id, registration, answer: r.json };
}

it('shows the code, and takes it after a mistyped one', async () => {
    const phone = sim.phone();
    const { pn } = phone.account;
    const { id, registration, answer } = await asked(phone,
        `+${pn.slice(0, 1)} (${pn.slice(1, 4)}) ${pn.slice(4)}`);
    assert.equal(registration.code.push, true);
    assert.equal(answer.success, true);
    assert.match(answer.pairing_code, FORM);
    const left = Date.parse(answer.expires_at) - Date.now();
    assert.ok(left > 120000 && left <= 180000, `${left} ms`);
    const a = await w.account(id);
    assert.equal(a.state, 'CODE');
    assert.equal(a.status, 'QR');
    assert.equal(a.pairing_code, answer.pairing_code);
    assert.equal(a.qr, null);
    assert.equal(a.qr_code, null);
    const e = await w.events.wait(x => x.type === 'session.pairing_code'
        && x.account_id === id);
    assert.deepEqual(e.data, { code: answer.pairing_code,
        expires_at: answer.expires_at });
    const item = await w.api('GET', `/api/whatsapp/session/status/${id}`);
    assert.equal(item.data.status, 'qr_generated');
    assert.equal(item.data.needsQR, false);

    const other = answer.pairing_code[0] === '1' ? '2' : '1';
    await assert.rejects(phone.enterCode(other
        + answer.pairing_code.slice(1)), /wrong code/);
    assert.equal((await w.account(id)).state, 'CODE');
    await phone.enterCode(answer.pairing_code, { hollow: true });
    const ready = await w.state(id, 'READY');
    assert.equal(ready.phone_number, pn);
    assert.equal(ready.pairing_code, null);
    assert.deepEqual(w.events.of('session.status', id)
        .map(x => x.data.state).filter(x => x !== 'QR'),
    ['CONNECTING', 'CODE', 'AUTH', 'LOADING', 'READY']);
    const again = await pair(id, pn);
    assert.equal(again.status, 409);
    assert.equal(again.json.error_code, 'INVALID_STATE');
    w.checkSecrets(answer.pairing_code);
});

it('is there at once for an account made with a number', async () => {
    const phone = sim.phone();
    const told = sim.next('pair-code', r => r.code.account === phone.account);
    const { id } = await w.create({ name: 'Given',
        pairing_phone: `+${phone.account.pn}` });
    const [registration] = await told;
    assert.equal(registration.code.push, true);
    const a = await w.state(id, 'CODE');
    assert.equal(w.events.of('session.qr_code', id).length, 0);

    // a person asks for another one, then the server does
    const second = (await pair(id, phone.account.pn)).json.pairing_code;
    assert.notEqual(second, a.pairing_code);
    await refreshCode(sim.pairCodes.get(phone.account.pn));
    const third = await until('another code', async () => {
        const { pairing_code: code } = await w.account(id);
        return code !== null && code !== second && code;
    });
    assert.equal(sim.pairCodes.get(phone.account.pn).code.push, false);
    await phone.enterCode(third);
    await w.state(id, 'READY');
});

it('comes anew after the connection was lost', async () => {
    const phone = sim.phone();
    const { id, registration, answer } = await asked(phone);
    const told = sim.next('pair-code', r => r !== registration);
    registration.conn.ws.terminate();
    await told;
    const code = await until('another code', async () => {
        const a = await w.account(id);
        assert.equal(a.state, 'CODE');
        return a.pairing_code !== null
            && a.pairing_code !== answer.pairing_code && a.pairing_code;
    });
    await phone.enterCode(code);
    await w.state(id, 'READY');
});

it('is refused: the QR code stays, and the caller hears why', async () => {
    const phone = sim.phone();
    const { id } = await w.create({ name: 'Refused' });
    await w.qr(id);
    phone.account.faults.codeRefused = 429;
    const r = await pair(id, phone.account.pn);
    assert.equal(r.status, 502, r.raw.toString());
    assert.equal(r.json.error_code, 'SEND_FAILED');
    assert.equal(r.json.error.details.provider_code, 429);
    const a = await w.account(id);
    assert.equal(a.state, 'QR');
    assert.match(a.reason, /429/);
    assert.ok(sim.refs.has(parseQr(a.qr).ref));
    const unknown = await pair(id, '15550009999999');
    assert.equal(unknown.json.error.details.provider_code, 400);
    for (const bad of ['none', '12', 42, '120363000000000001@g.us']) {
        assert.equal((await pair(id, bad)).status, 400, String(bad));
    }
    assert.equal((await pair(id)).json.error_code, 'VALIDATION_ERROR');
    await phone.scan((await w.account(id)).qr);
    await w.state(id, 'READY');
});
