// Every kind of message that a contact can send: a real Baileys client is the
// contact; webhook, pub/sub and history tell what it was.
import assert from 'node:assert/strict';
import { createCipheriv, createHash, hkdfSync, randomBytes }
    from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { proto } from 'baileys';
import { Stage, until } from './lib/stage.mjs';
import { Hook } from './lib/wahub.mjs';

let s, w, me, ann, sock, hook;

before(async () => {
    s = await Stage.start();
    ({ w } = s);
    hook = await new Hook().listen();
    me = await s.me('types', { webhook_url: hook.url });
    ann = await s.env.person('ann');
    ({ sock } = ann.client);
    await ann.client.sendText(me.lid, 'hello');
    await w.received('hello');
});

after(async () => {
    s.checkOnce();
    hook.close();
    await s.close();
});

/** The message object that arrived under this id. */
async function arrived(id) {
    const e = await w.events.wait(x => x.type === 'message.received'
        && x.data.message.message_id === id, `message ${id}`);
    return e.data.message;
}

/** Sends as an application would, or a Message as it is. */
async function sends(content, options) {
    const m = await sock.sendMessage(me.lid, content, options);
    return m.key.id;
}

async function relays(message) {
    const { message_id: id = randomBytes(10).toString('hex').toUpperCase(),
        ...rest } = message;
    await sock.relayMessage(me.lid, proto.Message.fromObject(rest),
        { messageId: id });
    return id;
}

/** From the history, once it is there. */
function kept(id, query = '', test = () => true) {
    return until(`${id} in the history`, async () => {
        const r = await w.request('GET', `/api/messages/${id}${query}`);
        return r.status === 200 && test(r.json) ? r.json : undefined;
    });
}

const MEDIUM = { url: 'https://mmg.whatsapp.net/v/x', mediaKey:
    Buffer.alloc(32, 7), fileSha256: Buffer.alloc(32, 8), fileEncSha256:
    Buffer.alloc(32, 9), directPath: '/v/t62.7118-24/x', fileLength: 4321,
mediaKeyTimestamp: 1768903500 };

describe('media are described', () => {
    const rows = [
        ['image', 'image', { imageMessage: { ...MEDIUM, mimetype:
            'image/jpeg', caption: 'a view', width: 640, height: 480 } },
        { body: 'a view', media_width: 640, media_height: 480 }],
        ['video', 'video', { videoMessage: { ...MEDIUM, mimetype:
            'video/mp4', seconds: 9 } }, { media_duration: 9 }],
        ['video', 'gif', { videoMessage: { ...MEDIUM, mimetype: 'video/mp4',
            gifPlayback: true } }, {}],
        ['video', 'ptv', { ptvMessage: { ...MEDIUM, mimetype: 'video/mp4',
            seconds: 3 } }, {}],
        ['audio', 'audio', { audioMessage: { ...MEDIUM, mimetype:
            'audio/mp4', seconds: 61 } }, { media_duration: 61 }],
        ['audio', 'ptt', { audioMessage: { ...MEDIUM, mimetype:
            'audio/ogg; codecs=opus', seconds: 2, ptt: true, waveform:
            Buffer.alloc(64, 5) } }, {}],
        ['document', 'document', { documentWithCaptionMessage: { message: {
            documentMessage: { ...MEDIUM, mimetype: 'application/pdf',
                fileName: 'a b.pdf', caption: 'read this' } } } },
        { media_filename: 'a b.pdf', body: 'read this' }],
        ['sticker', 'sticker', { stickerMessage: { ...MEDIUM, mimetype:
            'image/webp', isAnimated: true, width: 512, height: 512 } }, {}],
        ['image', 'image', { viewOnceMessageV2: { message: { imageMessage: {
            ...MEDIUM, mimetype: 'image/jpeg', viewOnce: true } } } },
        { is_view_once: true }],
    ];

    for (const [type, kind, message, expected] of rows) {
        it(`${type}: ${kind}${expected.is_view_once ? ', once' : ''}`,
            async () => {
                const m = await arrived(await relays(message));
                assert.equal(m.message_type, type);
                assert.equal(m.mediaType, kind);
                assert.equal(m.has_media, true);
                assert.equal(m.media_size, 4321);
                assert.match(m.media_id, /^[0-9a-f]{32}$/);
                for (const [name, value] of Object.entries(expected)) {
                    assert.equal(m[name], value, name);
                }
                assert.ok(!JSON.stringify(m).includes(
                    MEDIUM.mediaKey.toString('base64')));
                assert.equal((await kept(m.id)).mediaType, kind);
            });
    }

    it('a view-once message without its medium is named', async () => {
        const m = await arrived(await relays({ viewOnceMessageV2: { message:
            { imageMessage: { viewOnce: true } } } }));
        assert.equal(m.message_type, 'view_once');
        assert.equal(m.has_media, false);
        assert.equal(m.is_view_once, true);
    });
});

describe('content without media', () => {
    it('a link with its preview', async () => {
        const m = await arrived(await relays({ extendedTextMessage: {
            text: 'see https://example.org', matchedText:
            'https://example.org', title: 'Example', description: 'It is' } }));
        assert.equal(m.body, 'see https://example.org');
        assert.deepEqual(m.interactive, { type: 'link_preview', url:
            'https://example.org', title: 'Example', description: 'It is' });
    });

    it('a place, and one that moves', async () => {
        const m = await arrived(await sends({ location: { degreesLatitude:
            52.5, degreesLongitude: 13.25, name: 'Here' } }));
        assert.equal(m.message_type, 'location');
        assert.deepEqual([m.latitude, m.longitude, m.location_name],
            [52.5, 13.25, 'Here']);
        const live = await arrived(await relays({ liveLocationMessage: {
            degreesLatitude: 1.5, degreesLongitude: 2.5, sequenceNumber: 4,
            accuracyInMeters: 12, caption: 'on my way' } }));
        assert.equal(live.message_type, 'location');
        assert.equal(live.interactive.type, 'live_location');
        assert.equal(live.interactive.sequence, 4);
    });

    it('contacts', async () => {
        const vcard = 'BEGIN:VCARD\nVERSION:3.0\nFN:Jeff Singh\nORG:Ashoka '
            + 'Uni;\nitem1.TEL;type=CELL;type=VOICE;waid=911234567890:'
            + '+91 12345 67890\nTEL:+1 555\nEMAIL:j@example.org\nEND:VCARD';
        const m = await arrived(await sends({ contacts: { displayName:
            'Jeff', contacts: [{ displayName: 'Jeff', vcard }] } }));
        assert.equal(m.message_type, 'contact');
        assert.deepEqual(m.contacts, [{ name: 'Jeff', phones:
            ['911234567890', '+1 555'], organization: 'Ashoka Uni', email:
            'j@example.org', vcard }]);
    });

    it('mentions, quotes and what was forwarded', async () => {
        const first = await sends({ text: 'to be quoted' });
        const m = await arrived(await relays({ extendedTextMessage: {
            text: 'hi @all', contextInfo: { stanzaId: first, participant:
                ann.lid, quotedMessage: { imageMessage: { caption: 'cap' } },
            nonJidMentions: 1, mentionedJid: [me.lid, ann.pn, '7@lid'],
            isForwarded: true,
            forwardingScore: 5, expiration: 86400 } } }));
        assert.deepEqual(m.mentions, [me.pn, ann.pn, '7@lid', 'all']);
        assert.deepEqual(m.mention_lids, [me.lid, ann.lid, '7@lid']);
        assert.equal(m.quoted_body, 'cap');
        assert.equal(m.forward_score, 5);
        assert.equal(m.ephemeral_duration, 86400);
    });

    it('buttons, lists, forms and the answers to them', async () => {
        const button = await arrived(await relays({ buttonsResponseMessage: {
            selectedButtonId: 'b1', selectedDisplayText: 'Yes', type: 1 } }));
        assert.equal(button.message_type, 'buttons');
        assert.deepEqual(button.interactive, { type: 'button_reply',
            button_reply: { id: 'b1', title: 'Yes' } });
        const list = await arrived(await relays({ listResponseMessage: {
            title: 'Tea', singleSelectReply: { selectedRowId: 'r2' } } }));
        assert.equal(list.interactive.list_reply.id, 'r2');
        const form = await arrived(await relays({ interactiveResponseMessage:
            { body: { text: 'Sent' }, nativeFlowResponseMessage: { name: 'f',
                paramsJson: '{"a":1}' } } }));
        assert.equal(form.body, 'Sent');
        assert.equal(form.interactive.nfm_reply.response_json, '{"a":1}');
        const menu = await arrived(await relays({ listMessage: { title: 'M',
            description: 'Choose', buttonText: 'Open', listType: 1, sections:
            [{ title: 'S', rows: [{ title: 'R', rowId: 'r' }] }] } }));
        assert.deepEqual(menu.interactive.action.sections, [{ title: 'S',
            rows: [{ id: 'r', title: 'R' }] }]);
        const template = await arrived(await relays({ templateMessage: {
            hydratedTemplate: { hydratedContentText: 'Hello', hydratedButtons:
                [{ index: 0, urlButton: { displayText: 'Go', url: 'u' } }] } } }));
        assert.equal(template.message_type, 'template');
        assert.equal(template.interactive.action.buttons[0].url, 'u');
    });

    it('orders, products, invitations, albums, payments, calls',
        async () => {
            const rows = [
                ['order', { orderMessage: { orderId: 'o', itemCount: 2,
                    message: 'please' } }],
                ['product', { productMessage: { product: { productId: 'p',
                    title: 'Hat' } } }],
                ['interactive', { groupInviteMessage: { groupJid: '1@g.us',
                    inviteCode: 'c', groupName: 'G', inviteExpiration: 9 } }],
                ['interactive', { albumMessage: { expectedImageCount: 2 } }],
                ['unsupported', { sendPaymentMessage: {} }],
                ['call', { callLogMesssage: { isVideo: true, callOutcome: 1,
                    durationSecs: 0, callType: 0 } }],
            ];
            for (const [type, message] of rows) {
                const m = await arrived(await relays(message));
                assert.equal(m.message_type, type);
            }
        });

    it('the pictures of an album point at it', async () => {
        const album = await sock.sendMessage(me.lid,
            { album: { expectedImageCount: 2, expectedVideoCount: 0 } });
        const m = await arrived(album.key.id);
        assert.deepEqual(m.interactive, { type: 'album', images: 2,
            videos: 0 });
        const one = await arrived(await relays({ imageMessage: { ...MEDIUM,
            mimetype: 'image/jpeg' }, messageContextInfo: {
            messageAssociation: { associationType: 1,
                parentMessageKey: album.key } } }));
        assert.equal(one.type, 'IMAGE');
        assert.deepEqual(one.interactive, { type: 'album_item',
            album_id: m.id, album_message_id: album.key.id });
    });

    it('what nobody knows is kept as it came', async () => {
        const id = await relays({ messageHistoryNotice: { contextInfo: {
            stanzaId: 'X' } } });
        const m = await arrived(id);
        assert.equal(m.message_type, 'unknown');
        assert.equal(m.raw, undefined);
        const { raw } = await kept(m.id, '?include=raw');
        const back = proto.Message.decode(Buffer.from(raw, 'base64'));
        assert.equal(back.messageHistoryNotice.contextInfo.stanzaId, 'X');
        assert.equal((await kept(m.id)).raw, undefined);
    });
});

describe('what refers to a message', () => {
    it('a reaction, another one, none', async () => {
        const id = await sends({ text: 'react to me' });
        const m = await arrived(id);
        const key = { remoteJid: me.lid, fromMe: true, id };
        for (const emoji of ['👍', '❤️']) {
            await sends({ react: { text: emoji, key } });
            await w.events.wait(e => e.type === 'message.reaction'
                && e.data.target_id === m.id && e.data.emoji === emoji);
        }
        const { reactions } = await kept(m.id, '', x => x.reactions[0]
            ?.emoji === '❤️');
        assert.deepEqual(reactions.map(r => r.from_jid), [ann.pn]);
        await sends({ react: { text: '', key } });
        await kept(m.id, '', x => x.reactions.length === 0);
    });

    it('an edit and a deletion, by their author only', async () => {
        const id = await sends({ text: 'first words' });
        const m = await arrived(id);
        await sends({ text: 'better words', edit: { remoteJid: me.lid,
            fromMe: true, id } });
        const edited = await kept(m.id, '', x => x.edit_type === 1);
        assert.equal(edited.body, 'better words');
        assert.ok(edited.edited_at);

        const mine = await s.sent(me, ann.lid, 'not yours');
        await relays({ protocolMessage: { type: 14, key: { remoteJid: me.lid,
            fromMe: false, id: mine.message_id }, editedMessage: {
            conversation: 'forged' }, timestampMs: Date.now() } });
        await sends({ delete: { remoteJid: me.lid, fromMe: true, id } });
        const gone = await kept(m.id, '', x => x.is_deleted);
        assert.ok(gone.deleted_at);
        assert.equal((await kept(mine.id)).body, 'not yours');
    });

    it('the time that messages of the chat are kept', async () => {
        await relays({ protocolMessage: { type: 3, ephemeralExpiration:
            604800 } });
        const { data } = await w.events.wait(e => e.type === 'chat.updated'
            && e.data.chat.ephemeral_duration === 604800);
        assert.equal(data.chat.jid, ann.pn);
        assert.equal(data.chat.lid, ann.lid);
    });

    it('a pin', async () => {
        const id = await sends({ text: 'pin me' });
        const m = await arrived(id);
        const pin = await arrived(await sends({ pin: { remoteJid: me.lid,
            fromMe: true, id }, type: 1, time: 86400 }));
        assert.equal(pin.message_type, 'protocol');
        assert.equal(pin.interactive.type, 'pin');
        assert.equal(pin.interactive.target_id, m.id);
        assert.equal(pin.interactive.value, true);
    });
});

/** Seals as WhatsApp's clients do. */
function seal(secret, id, author, writer, use, plain) {
    const key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0),
        Buffer.from(id + author + writer + use), 32));
    const encIv = randomBytes(12);
    const c = createCipheriv('aes-256-gcm', key, encIv);
    if (use === 'Poll Vote' || use === 'Event Response') {
        c.setAAD(Buffer.from(`${id}\0${writer}`));
    }
    const encPayload = Buffer.concat([c.update(plain), c.final(),
        c.getAuthTag()]);
    return { encPayload, encIv };
}

const hash = text => createHash('sha256').update(text).digest();

function vote(secret, id, author, writer, options, more = {}) {
    return relays({ pollUpdateMessage: { pollCreationMessageKey: {
        remoteJid: me.lid, fromMe: author === writer, id, ...more },
    vote: seal(secret, id, author, writer, 'Poll Vote',
        proto.Message.PollVoteMessage.encode({ selectedOptions:
            options.map(hash) }).finish()), senderTimestampMs: Date.now() } });
}

describe('what is sealed with the secret of a message', () => {
    it('votes in a poll of the contact, the newest counts', async () => {
        const sent = await sock.sendMessage(me.lid, { poll: { name: 'Tea?',
            values: ['Yes', 'No', 'Later'], selectableCount: 1 } });
        const { id } = sent.key;
        const m = await arrived(id);
        assert.equal(m.message_type, 'poll');
        assert.deepEqual(m.poll_options, ['Yes', 'No', 'Later']);
        const secret = sent.message.messageContextInfo.messageSecret;
        for (const options of [['Yes'], ['No', 'Later']]) {
            await vote(secret, id, ann.lid, ann.lid, options);
            const e = await w.events.wait(x => x.type === 'poll.vote'
                && x.data.target_id === m.id
                && x.data.options.length === options.length);
            assert.deepEqual(e.data.options, options);
            assert.equal(e.data.voter_jid, ann.pn);
        }
        const { poll_results } = await kept(m.id, '', x => x.poll_results[2]
            .voters.length === 1);
        assert.deepEqual(poll_results, [{ option: 'Yes', voters: [] },
            { option: 'No', voters: [ann.pn] },
            { option: 'Later', voters: [ann.pn] }]);
    });

    it('a vote under the phone number is the same person\'s', async () => {
        const sent = await sock.sendMessage(me.lid, { poll: { name: 'Again?',
            values: ['Yes', 'No'], selectableCount: 1 } });
        const { id } = sent.key;
        const m = await arrived(id);
        const secret = sent.message.messageContextInfo.messageSecret;
        await vote(secret, id, ann.pn, ann.pn, ['No']);
        const r = await kept(m.id, '', x =>
            x.poll_results[1].voters.length === 1);
        assert.deepEqual(r.poll_results[1].voters, [ann.pn]);
    });

    it('a vote that does not open is reported and changes nothing',
        async () => {
            const sent = await sock.sendMessage(me.lid, { poll: { name:
                'Sealed?', values: ['Yes', 'No'], selectableCount: 1 } });
            const { id } = sent.key;
            const m = await arrived(id);
            const bad = await arrived(await vote(randomBytes(32), id, ann.lid,
                ann.lid, ['Yes']));
            assert.equal(bad.message_type, 'poll_update');
            assert.deepEqual((await kept(m.id)).poll_results.map(x =>
                x.voters.length), [0, 0]);
        });

    it('edits, reactions and comments', async () => {
        const messageSecret = randomBytes(32);
        const id = await relays({ conversation: 'sealed from here',
            messageContextInfo: { messageSecret } });
        const m = await arrived(id);
        const key = { remoteJid: me.lid, fromMe: true, id };
        await relays({ secretEncryptedMessage: { targetMessageKey: key,
            secretEncType: 2, ...seal(messageSecret, id, ann.lid, ann.lid,
                'Message Edit', proto.Message.encode({ conversation:
                    'sealed and edited' }).finish()) } });
        const e = await w.events.wait(x => x.type === 'message.edited'
            && x.data.id === m.id);
        assert.equal(e.data.body, 'sealed and edited');
        await relays({ encReactionMessage: { targetMessageKey: key,
            ...seal(messageSecret, id, ann.lid, ann.lid, 'Enc Reaction',
                proto.Message.ReactionMessage.encode({ text: '🔒' })
                    .finish()) } });
        const r = await w.events.wait(x => x.type === 'message.reaction'
            && x.data.emoji === '🔒');
        assert.equal(r.data.target_id, m.id);
        const comment = await arrived(await relays({ encCommentMessage: {
            targetMessageKey: key, ...seal(messageSecret, id, ann.lid,
                ann.lid, 'Enc Comment', proto.Message.encode({ conversation:
                    'sealed comment' }).finish()) } }));
        assert.equal(comment.body, 'sealed comment');
    });

    it('answers to an event', async () => {
        const messageSecret = randomBytes(32);
        const id = await relays({ eventMessage: { name: 'Party', description:
            'At home', startTime: 1800000000, location: { degreesLatitude: 3,
            degreesLongitude: 4, name: 'Home' } }, messageContextInfo:
            { messageSecret } });
        const m = await arrived(id);
        assert.equal(m.message_type, 'event');
        assert.equal(m.body, 'Party');
        assert.equal(m.interactive.start_time, 1800000000);
        await relays({ encEventResponseMessage: { eventCreationMessageKey: {
            remoteJid: me.lid, fromMe: true, id }, ...seal(messageSecret, id,
            ann.lid, ann.lid, 'Event Response', proto.Message
                .EventResponseMessage.encode({ response: 1, timestampMs:
                    Date.now() }).finish()) } });
        const r = await kept(m.id, '', x => x.poll_results?.[0].voters
            .length === 1);
        assert.deepEqual(r.poll_results[0], { option: 'going', voters:
            [ann.pn] });
    });
});

describe('the account\'s webhook', () => {
    it('tells each message', async () => {
        const id = await relays({ imageMessage: { ...MEDIUM, mimetype:
            'image/png', caption: 'for the hook' } });
        const post = await hook.wait(p => p.message_id === id);
        assert.equal(post.type, 'image');
        assert.equal(post.text, 'for the hook');
        assert.equal(post.media.mimetype, 'image/png');
    });
});

it('every event was as the contract has it', () => s.checkEvents());
