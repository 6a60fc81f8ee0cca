// Linking an account that WhatsApp wants a passkey for: the challenge goes
// out, the assertion comes in, the code is compared and confirmed. Baileys
// does not know this; what the simulator checks with are its protobufs.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, it } from 'node:test';
import { assertionFor } from '../sim/passkey.mjs';
import { Stage } from './lib/stage.mjs';

let s, sim, w;

before(async () => {
    s = await Stage.start({ workers: 2 });
    ({ sim, w } = s);
});

afterEach(() => s.checkClean());

after(() => s.close());

const ask = (id, body) => w.request(body === undefined ? 'GET' : 'POST',
    `/api/accounts/${id}/passkey`, body);

for (const hollow of [false, true]) {
    it(`is linked by challenge and code${hollow
        ? ', options asked for' : ''}`, async () => {
        const credential = randomBytes(32).toString('base64url');
        const phone = sim.phone();
        phone.account.faults.passkey = { credential, hollow };
        const { id } = await w.create({ name: 'Passkey' });
        const qr = await w.qr(id);
        assert.equal((await ask(id)).status, 404);
        const linked = phone.scan(qr);
        linked.catch(() => {});
        const a = await w.state(id, 'PASSKEY');
        assert.equal(a.status, 'AUTH');
        assert.equal(a.qr, null);
        const e = await w.events.wait(x => x.type === 'session.passkey'
            && x.account_id === id);
        assert.equal(e.data.stage, 'challenge');
        assert.ok(Date.parse(e.data.expires_at) > Date.now());

        const { json: pending } = await ask(id);
        assert.equal(pending.stage, 'challenge');
        assert.equal(pending.rp_id, 'web.whatsapp.com');
        assert.equal(pending.challenge.allowCredentials[0].id, credential);
        assert.equal(pending.code, null);
        assert.equal((await ask(id, {})).status, 400);
        assert.equal((await ask(id, { assertion: { id: 'x' } })).status, 400);
        assert.equal((await ask(id, { confirm: true })).json.error_code,
            'INVALID_STATE');

        // for another challenge: refused, and the right one still serves
        const stale = await ask(id, { assertion: assertionFor(
            { challenge: 'other' }, credential) });
        assert.equal(stale.status, 502);
        assert.equal(stale.json.error.details.provider_code, 403);

        const shown = sim.next('passkey-code',
            p => p.account === phone.account);
        const taken = await ask(id, { assertion: assertionFor(
            pending.challenge, credential) });
        assert.equal(taken.status, 200, taken.raw.toString());
        const [passkey] = await shown;
        assert.equal(passkey.proven, true);
        await w.events.wait(x => x.type === 'session.passkey'
            && x.account_id === id && x.data.stage === 'confirm');
        const { json: confirm } = await ask(id);
        assert.equal(confirm.stage, 'confirm');
        assert.equal(confirm.code, passkey.code);
        assert.equal((await ask(id, { confirm: true })).status, 200);
        const device = await linked;
        await w.state(id, 'READY');
        assert.equal(device.account, phone.account);
        assert.equal((await ask(id)).status, 404);
    });
}

it('begins anew when the connection is lost', async () => {
    const phone = sim.phone();
    phone.account.faults.passkey = { credential: 'AAAA' };
    const { id } = await w.create({ name: 'Lost' });
    phone.scan(await w.qr(id)).catch(() => {});
    await w.state(id, 'PASSKEY');
    const conn = [...sim.connections].find(c =>
        c.registration?.passkey?.account === phone.account);
    conn.ws.terminate();
    await w.state(id, 'QR');
    assert.equal((await ask(id)).status, 404);
    const other = sim.phone();
    await other.scan((await w.account(id)).qr ?? await w.qr(id));
    await w.state(id, 'READY');
});
