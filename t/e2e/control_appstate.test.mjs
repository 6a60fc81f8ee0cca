// Control run: app state between phones and Baileys companions, and what the
// simulator refuses.
import { after, afterEach, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { proto } from 'baileys';
import { decodeSyncdSnapshot, encodeSyncdPatch, newLTHashState }
    from 'baileys/lib/Utils/chat-utils.js';
import { SimEnv } from './lib/sim_env.mjs';
import { noteState } from './lib/state_watch.mjs';

const STRICT = { socketOptions: { appStateMacVerification:
    { patch: true, snapshot: true } } };
const RECOVERY = proto.Message.PeerDataOperationRequestType
    .COMPANION_SYNCD_SNAPSHOT_FATAL_RECOVERY;
const LIMIT = { timeout: 20000 };
let env, a, b, one, two;

before(async () => {
    env = await SimEnv.start({ devicesForm: 'lid', media: true });
    a = await env.person('a', 2, STRICT);
    b = await env.person('b', 0);
    [one, two] = a.clients.map(noteState);
});

afterEach(() => env.checkClean());

after(() => env.stop());

const chat = () => b.pn;

describe('app state of Baileys', () => {
    it('comes from the phone', async () => {
        await a.phone.state.set('regular_low', ['archive', chat()], 3,
            { archiveChatAction: { archived: true } });
        await Promise.all([one, two].map(w => w.next('chats.update',
            u => u.id === chat() && u.archived === true)));
        await a.phone.state.set('regular_high', ['mute', chat()], 2,
            { muteAction: { muted: true, muteEndTimestamp: -1 } });
        await two.next('chats.update', u => u.muteEndTime === -1);
    });

    it('goes to the phone and to the other companion', async () => {
        const seen = two.next('chats.update', u => u.pinned > 0);
        await one.client.sock.chatModify({ pin: true }, chat());
        await seen;
        assert.equal(a.phone.state.get('regular_low', ['pin_v1', chat()])
            .pinAction.pinned, true);
        await two.client.sock.chatModify({ addLabel: { id: '7', name: 'New',
            color: 3, deleted: false } }, '');
        await one.next('labels.edit', l => l.name === 'New');
    });

    it('has snapshots that verify', async () => {
        const { state } = a.account;
        for (const c of state.collections.values()) {
            if (c.version > 0) {
                const snapshot = proto.SyncdSnapshot.decode(
                    state.snapshotOf(c));
                const { state: made, mutationMap } =
                    await decodeSyncdSnapshot(c.name, snapshot, async () => ({
                        keyData: state.key.data }), undefined, true);
                assert.equal(made.version, c.version);
                assert.deepEqual(made.hash, c.hash);
                assert.equal(Object.keys(mutationMap).length,
                    c.entries.size);
            }
        }
    });

    it('is sent by the phone to who asks for it', LIMIT, async () => {
        const { sock } = one.client;
        const came = new Promise(done => sock.ev.on('messages.upsert',
            ({ messages }) => messages.forEach(m => {
                const answer = m.message?.protocolMessage
                    ?.peerDataOperationRequestResponseMessage;
                if (answer?.peerDataOperationRequestType === RECOVERY) {
                    done(answer);
                }
            })));
        const id = await sock.sendPeerDataOperationMessage({
            peerDataOperationRequestType: RECOVERY,
            syncdCollectionFatalRecoveryRequest: { timestamp:
                Math.floor(Date.now() / 1000), collectionName:
                'regular_low' } });
        const answer = await came;
        assert.equal(answer.stanzaId, id);
        const { collectionSnapshot, isCompressed } = answer
            .peerDataOperationResult[0].syncdSnapshotFatalRecoveryResponse;
        assert.equal(isCompressed, true);
        const bytes = gunzipSync(collectionSnapshot);
        const c = a.account.state.collections.get('regular_low');
        assert.deepEqual(bytes.subarray(-128), c.hash);
        for (const e of c.entries.values()) {
            assert.ok(bytes.includes(e.mac));
            assert.ok(bytes.includes(e.data.index));
        }
    });

    it('is refused with a wrong MAC', async () => {
        const { state } = a.account;
        const { patch } = await encodeSyncdPatch({ type: 'regular',
            index: ['label_edit', '9'], apiVersion: 3, operation: 0,
            syncAction: { timestamp: Date.now(), labelEditAction:
                { name: 'x' } } }, state.key.id.toString('base64'),
        newLTHashState(), async () => ({ keyData: state.key.data }));
        const version = state.collections.get('regular').version;
        const answer = await one.client.sock.query({ tag: 'iq', attrs: {
            to: '@s.whatsapp.net', type: 'set',
            xmlns: 'w:sync:app:state' }, content: [{ tag: 'sync', attrs: {},
            content: [{ tag: 'collection', attrs: { name: 'regular',
                version: String(version), return_snapshot: 'false' },
            content: [{ tag: 'patch', attrs: {}, content:
                proto.SyncdPatch.encode(patch).finish() }] }] }] });
        assert.equal(answer.content[0].content[0].attrs.type, 'error');
        const [v] = env.sim.violations.splice(0);
        assert.match(v.text, /regular: snapshot MAC/);
    });
});
