// The simulator can fail: each case breaks one rule on purpose, through a
// real Baileys socket or by hand, and the violation must be seen.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import WebSocket from 'ws';
import { proto } from 'baileys';
import { be, node } from '../sim/codec.mjs';
import { generate, sign, verify, withType } from '../sim/keys.mjs';
import { makeChain } from '../sim/certs.mjs';
import { parseQr } from '../sim/pairing.mjs';
import { SimEnv } from './lib/sim_env.mjs';

const { CertChain, HandshakeMessage } = proto;
let env;
let a;
let b;

before(async () => {
    env = await SimEnv.start({ devicesForm: 'lid' });
    a = await env.person('strict', 1, { auto: false });
    b = await env.person('other', 1);
    await a.client.sendText(b.lid, 'start');
    await b.client.waitText('start');
    await b.client.sendText(a.lid, 'answer');
    await a.client.waitText('answer');
});

after(() => env.stop());

/** Sends a stanza over a's socket; resolves with the violation it makes. */
async function breaks(kind, stanza) {
    const seen = env.sim.next('violation', v => v.kind === kind, 5000);
    await a.client.sock.sendNode(stanza);
    const [v] = await seen;
    env.sim.violations.length = 0;
    return v;
}

/** A correct message of a to b, as a stanza, kept from the wire. */
async function captured(text) {
    const seen = env.sim.next('message', d => d === a.device());
    await a.client.sendText(b.lid, text);
    const [, , stanza] = await seen;
    await b.client.waitText(text);
    return stanza;
}

describe('messages', () => {
    it('needs every device it was told about', async () => {
        const m = await captured('complete');
        const list = m.content[0].content.filter(t =>
            t.attrs.jid !== b.lid);
        const v = await breaks('fanout', node('message',
            { ...m.attrs, id: '3EB0000000000001' },
            [node('participants', {}, list)]));
        assert.match(v.text, /left out/);
    });

    it('sees a message key that is used twice', async () => {
        const m = await captured('key reuse');
        const to = m.content[0].content.map(t => {
            const enc = t.content[0];
            const bytes = Buffer.from(enc.content);
            bytes[bytes.length - 9] ^= 1;
            return { ...t, content: [{ ...enc, content: bytes }] };
        });
        const v = await breaks('enc', node('message',
            { ...m.attrs, id: '3EB0000000000002' },
            [node('participants', {}, to)]));
        assert.match(v.text, /used twice/);
    });

    it('sees an id with other content', async () => {
        const m = await captured('first content');
        const other = await captured('second content');
        await breaks('message-id', node('message', m.attrs, other.content));
    });

    it('drops the same stanza sent again', async () => {
        const m = await captured('once only');
        const before = env.sim.counters.repeated;
        const acked = new Promise(resolve => a.client.sock.ws.on(
            'CB:ack', n => n.attrs.id === m.attrs.id && resolve(n)));
        await a.client.sock.sendNode(m);
        await acked;
        assert.equal(env.sim.counters.repeated, before + 1);
        assert.deepEqual(env.sim.violations, []);
        assert.equal(b.client.messages.filter(x => x.text === 'once only')
            .length, 1);
    });

    it('refuses text where bytes belong', async () => {
        const m = await captured('bytes');
        const to = m.content[0].content.map(t => ({ ...t,
            content: [{ ...t.content[0], content: 'message' }] }));
        await breaks('enc', node('message',
            { ...m.attrs, id: '3EB0000000000003' },
            [node('participants', {}, to)]));
    });

    it('refuses a device-identity without a pkmsg', async () => {
        const m = await captured('identity');
        await breaks('device-identity', node('message',
            { ...m.attrs, id: '3EB0000000000004' },
            [m.content[0], node('device-identity', {}, Buffer.from('x'))]));
    });

    it('refuses a resend that nobody asked for', async () => {
        const m = await captured('unasked');
        const enc = m.content[0].content[0].content[0];
        await breaks('resend', node('message', { id: m.attrs.id,
            to: b.lid, type: 'text', device_fanout: 'false' },
        [{ ...enc, attrs: { ...enc.attrs, count: '1' } }]));
    });
});

describe('other stanzas', () => {
    it('refuses a receipt for what was never delivered', async () => {
        await breaks('receipt', node('receipt', { id: '3EB0FFFFFFFFFFFF',
            to: b.lid }));
    });

    it('refuses an ack of nothing', async () => {
        await breaks('ack', node('ack', { id: '12345', class: 'notification',
            to: b.lid }));
    });

    it('refuses an iq id that was used before', async () => {
        const ping = node('iq', { id: 'same', to: '@s.whatsapp.net',
            type: 'get', xmlns: 'w:p' });
        await a.client.sock.sendNode(ping);
        await breaks('iq', ping);
    });

    it('answers an unknown iq with 501', async () => {
        await assert.rejects(a.client.sock.query(node('iq', { type: 'get',
            to: '@s.whatsapp.net', xmlns: 'nothing' })),
        e => e.data === 501);
        assert.equal(env.sim.unknown.splice(0).length, 1);
    });

    it('refuses a prekey id with another key', async () => {
        const d = a.device();
        const id = d.prekeys.keys().next().value;
        const skey = d.signedPreKeys.get(d.skeyId);
        await breaks('prekeys', node('iq', { id: 'up', type: 'set',
            to: '@s.whatsapp.net', xmlns: 'encrypt' }, [
            node('registration', {}, be(d.registrationId, 4)),
            node('type', {}, Buffer.from([5])),
            node('identity', {}, d.identityPub),
            node('list', {}, [node('key', {}, [node('id', {}, be(id, 3)),
                node('value', {}, generate().pub)])]),
            node('skey', {}, [node('id', {}, be(skey.id, 3)),
                node('value', {}, skey.pub),
                node('signature', {}, skey.signature)]),
        ]));
    });

    it('cuts off who does not ack', async () => {
        const quick = await SimEnv.start({ ackTimeoutMs: 400 });
        try {
            const c = await quick.person('lazy', 1, { auto: false });
            const seen = quick.sim.next('violation',
                v => v.kind === 'missing-ack', 5000);
            c.client.sock.ws.removeAllListeners('CB:notification');
            quick.sim.notifyLow(c.device());
            await seen;
            await c.client.wait('close', () => true,
                c.client.closes.slice(1));
        } finally {
            await quick.stop();
        }
    });
});

describe('linking', () => {
    const key = Buffer.alloc(32, 7).toString('base64');
    const prefix = 'https://wa.me/settings/linked_devices#';
    const bad = {
        'no prefix': `2@ref,${key},${key},${key},1`,
        'old form': `${prefix}2@ref,${key},${key},${key}`,
        'short key': `${prefix}2@ref,${key.slice(4)},${key},${key},1`,
        'client type 0': `${prefix}2@ref,${key},${key},${key},0`,
        'empty ref': `${prefix},${key},${key},${key},1`,
    };
    for (const [name, text] of Object.entries(bad)) {
        it(`phone refuses a QR with ${name}`, () => {
            assert.throws(() => parseQr(text), /QR/);
        });
    }

    it('phone refuses a ref that the server does not know', async () => {
        await assert.rejects(env.sim.phone().scan(
            `${prefix}2@ref,${key},${key},${key},1`), /does not know/);
    });

    it('client refuses a wrong HMAC', async () => {
        const phone = env.sim.phone();
        const c = env.client({ auto: false });
        c.start();
        await assert.rejects(phone.scan(await c.waitQr(), { spoil: 'hmac' }));
        assert.equal(phone.devices().length, 1);
    });
});

describe('handshake', () => {
    async function raw(first) {
        const ws = new WebSocket(env.sim.url,
            { origin: 'https://web.whatsapp.com' });
        await once(ws, 'open');
        const violation = env.sim.next('violation', v => v.kind === 'frame',
            5000);
        ws.send(first);
        await violation;
        await once(ws, 'close');
        env.sim.violations.length = 0;
    }

    it('refuses another intro', () => raw(Buffer.from('WA\x05\x03', 'latin1')));

    it('refuses a hello without a key', () => raw(Buffer.concat([
        Buffer.from('WA\x06\x03', 'latin1'), be(2, 3),
        Buffer.from([0x12, 0])])));

    it('refuses a finish that does not authenticate', async () => {
        const hello = HandshakeMessage.encode({ clientHello:
            { ephemeral: generate().pub } }).finish();
        const finish = HandshakeMessage.encode({ clientFinish:
            { static: Buffer.alloc(48), payload: Buffer.alloc(32) } }).finish();
        await raw(Buffer.concat([Buffer.from('WA\x06\x03', 'latin1'),
            be(hello.length, 3), hello, be(finish.length, 3), finish]));
    });

    function chainHolds(chain, root) {
        const { leaf, intermediate } = CertChain.decode(chain.encoded);
        const { Details } = CertChain.NoiseCertificate;
        const l = Details.decode(leaf.details);
        const i = Details.decode(intermediate.details);
        const now = Date.now() / 1000;
        return verify(root.pub, intermediate.signature, intermediate.details)
            && i.issuerSerial === 0 && l.issuerSerial === i.serial
            && verify(i.key, leaf.signature, leaf.details)
            && Buffer.from(l.key).equals(chain.server.pub)
            && [l, i].every(c => c.notBefore <= now && now < c.notAfter);
    }

    it('has a chain that a strict client accepts', () => {
        assert.equal(chainHolds(env.sim.chain, env.sim.chain.root), true);
    });

    for (const spoil of ['root', 'leaf-signature', 'issuer-serial', 'leaf-key',
        'expired']) {
        it(`can spoil the chain: ${spoil}`, () => {
            const { root } = env.sim.chain;
            assert.equal(chainHolds(makeChain({ root, spoil }), root), false);
        });
    }
});

describe('signatures', () => {
    const curve = createRequire(import.meta.url)('libsignal/src/curve.js');
    const theirs = (pub, signature, message) => {
        try {
            return curve.verifySignature(withType(pub), message,
                Buffer.from(signature)) === true;
        } catch {
            return false;
        }
    };
    const flipped = (bytes, bit) => {
        const out = Buffer.from(bytes);
        out[bit >> 3] ^= 1 << (bit & 7);
        return out;
    };

    it('are accepted and refused as libsignal does', () => {
        for (let i = 0; i < 20; i++) {
            const { pub, priv } = generate();
            const message = randomBytes(1 + i);
            const s = sign(priv, message);
            assert.equal(verify(pub, s, message), true);
            const wrong = [[pub, flipped(s, i * 25), message],
                [pub, flipped(s, 511), message],
                [flipped(pub, i * 12), s, message],
                [pub, s, flipped(message, i)]];
            for (const [p, q, m] of wrong) {
                assert.equal(verify(p, q, m), false);
                assert.equal(theirs(p, q, m), false);
            }
        }
    });
});

describe('a server that throttles logins', () => {
    const count = 5;
    let people;

    /** Cuts everybody off; resolves with the ms until all are back. */
    const cut = async () => {
        const start = performance.now();
        const back = people.map(p => env.sim.next('login',
            d => d === p.device()));
        people.forEach(p => p.device().link.ws.terminate());
        await Promise.all(back);
        return performance.now() - start;
    };

    before(async () => {
        people = [];
        for (let i = 0; i < count; i++) {
            people.push(await env.person(`storm ${i}`, 1));
        }
    });

    afterEach(() => delete env.sim.faults.loginRate);

    it('lets them in one after another', async () => {
        env.sim.faults.loginRate = { perSecond: 10, longestMs: 15000 };
        const ms = await cut();
        assert.ok(ms >= (count - 1) * 100, `${ms} ms`);
    });

    it('sends away who would wait long', async () => {
        env.sim.faults.loginRate = { perSecond: 1, longestMs: 100 };
        const away = env.sim.next('throttled');
        const back = cut();
        await away;
        delete env.sim.faults.loginRate;
        await back;
    });
});
