// Control run: Baileys clients and phones in the simulator's groups pass what
// wahub is tested on.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { SimEnv } from './lib/sim_env.mjs';

let env, a, b, c;

before(async () => {
    env = await SimEnv.start({ devicesForm: 'lid' });
    [a, b, c] = await Promise.all(['ann', 'bob', 'cat'].map(n =>
        env.person(n)));
});

afterEach(() => env.checkClean());

after(() => env.stop());

async function everybody(text, people) {
    for (const p of people) {
        await p.client.waitText(text);
        await env.phoneText(p, text);
    }
}

function room(mode, members = [b, c]) {
    return env.sim.groups.create({ creator: a.account, mode,
        members: members.map(m => m.account), subject: `room ${mode}` });
}

it('the picture of a group is set, found and removed', async () => {
    const g = room('lid');
    const told = b.client.sock.ev;
    const change = () => new Promise(done =>
        told.on('contacts.update', function seen(list) {
            const x = list.find(c => c.id === g.jid);
            if (x !== undefined) {
                told.off('contacts.update', seen);
                done(x);
            }
        }));
    const set = content => a.client.sock.query({ tag: 'iq', attrs: {
        to: 's.whatsapp.net', type: 'set', xmlns: 'w:profile:picture',
        target: g.jid }, content });
    const jpeg = side => Buffer.from('ffd8ffc0000b08'
        + Buffer.from([side >> 8, side & 255, side >> 8, side & 255])
            .toString('hex') + '0101110000ffd9', 'hex');
    const picture = side => [{ tag: 'picture', attrs: { type: 'image' },
        content: jpeg(side) }];
    let next = change();
    await set(picture(640));
    assert.equal((await next).imgUrl, 'changed');
    assert.match(await b.client.sock.profilePictureUrl(g.jid),
        /^https:\/\/.*preview/);
    await assert.rejects(set(picture(641)), /not-acceptable/);
    next = change();
    await a.client.sock.removeProfilePicture(g.jid);
    assert.equal((await next).imgUrl, 'removed');
    await assert.rejects(b.client.sock.profilePictureUrl(g.jid),
        /item-not-found/);
});

for (const mode of ['lid', 'pn']) {
    describe(`a group addressed by ${mode}`, () => {
        it('carries texts of clients and phones to every device', async () => {
            const g = room(mode);
            await a.client.sendText(g.jid, `${mode} from a client`);
            await everybody(`${mode} from a client`, [b, c]);
            await env.phoneText(a, `${mode} from a client`);
            await b.client.sendText(g.jid, `${mode} an answer`);
            await everybody(`${mode} an answer`, [a, c]);
            await c.phone.groups.send(g, { conversation: `${mode} phone` });
            await everybody(`${mode} phone`, [a, b]);
            await a.client.sendText(g.jid, `${mode} with the same key`);
            await everybody(`${mode} with the same key`, [b, c]);
        });
    });
}

describe('a member', () => {
    it('that cannot decrypt asks again and gets it', async () => {
        const g = room('lid');
        await a.client.sendText(g.jid, 'keys for all');
        await everybody('keys for all', [b, c]);
        const retry = env.sim.next('retry');
        b.device().faults.corruptEnc = 1;
        await a.client.sendText(g.jid, 'spoilt once');
        await retry;
        await b.client.waitText('spoilt once');
    });

    it('is added and removed', async () => {
        const g = room('lid', [b]);
        await a.client.sendText(g.jid, 'before cat');
        await b.client.waitText('before cat');
        const r = await a.client.sock.groupParticipantsUpdate(g.jid,
            [c.lid], 'add');
        assert.equal(r[0].status, '200');
        await a.client.sendText(g.jid, 'with cat');
        await c.client.waitText('with cat');
        await a.client.sock.groupParticipantsUpdate(g.jid, [b.lid],
            'remove');
        await a.client.sendText(g.jid, 'without bob');
        await c.client.waitText('without bob');
        assert.ok(!b.client.messages.some(m => m.text === 'without bob'));
    });
});

describe('metadata', () => {
    it('is what was set', async () => {
        const s = a.client.sock;
        const made = await s.groupCreate('made by a client', [b.lid]);
        await s.groupUpdateSubject(made.id, 'renamed');
        await s.groupUpdateDescription(made.id, 'what it is about');
        await s.groupSettingUpdate(made.id, 'announcement');
        await s.groupToggleEphemeral(made.id, 86400);
        const m = await b.client.sock.groupMetadata(made.id);
        assert.equal(m.subject, 'renamed');
        assert.equal(m.desc, 'what it is about');
        assert.equal(m.announce, true);
        assert.equal(m.ephemeralDuration, 86400);
        const code = await s.groupInviteCode(made.id);
        await c.client.sock.groupAcceptInvite(code);
        assert.equal((await s.groupMetadata(made.id)).participants.length, 3);
        await c.client.sock.groupLeave(made.id);
        assert.equal((await s.groupMetadata(made.id)).participants.length, 2);
    });
});
