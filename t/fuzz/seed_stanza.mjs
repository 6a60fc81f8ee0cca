#!/usr/bin/env node
// Writes t/fuzz/corpus/stanza: one stanza of each kind that a server sends,
// in the form of npm baileys. Each file is a byte (1: the account has asked
// something) and a row of stanzas: u16 length, the payload of a frame. The
// seeds of fuzz_stanza and test_hostile.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode, node } from '../sim/codec.mjs';

const DIR = join(import.meta.dirname, 'corpus/stanza');
const ANN = '111000111:3@lid';
const PN = '15550100001@s.whatsapp.net';
const ME = '15550109999:7@s.whatsapp.net';
const GROUP = '120363000000000042@g.us';
const CHANNEL = '120363000000000077@newsletter';
const T = '1767225600';
const bytes = (n, v = 7) => Buffer.alloc(n, v);
const text = s => Buffer.from(s);
let count = 0;

const enc = (type, n = 120) => node('enc', { v: 2, type }, bytes(n, 0x33));
const message = (attrs, content) => node('message', { id: `3EB0${++count}`,
    t: T, type: 'text', notify: 'Ann', ...attrs }, content);
const notification = (type, content, attrs = {}) => node('notification',
    { id: String(9000 + ++count), t: T, from: PN, type, ...attrs }, content);
const result = (id, content, type = 'result') => node('iq',
    { id, type, from: '@s.whatsapp.net' }, content);
const json = o => [node('update', { op_name: 'NotificationNewsletterUpdate' },
    text(JSON.stringify(o)))];

const device = (id, extra = {}) => node('device', {
    jid: `15550100001:${id}@s.whatsapp.net`,
    'key-index': id, ...extra });
const participant = (jid, extra = {}) => node('participant', { jid, ...extra });
const group = node('group', { id: '120363000000000042', subject: 'Walks',
    creation: T, s_t: T, s_o: ANN, creator: ANN, addressing_mode: 'lid',
    p_v_id: '1' }, [
    participant(ANN, { type: 'superadmin', phone_number: PN }),
    participant('222000222@lid', {}), node('announcement'), node('locked'),
    node('description', { id: 'D1', participant: ANN, t: T },
        [node('body', {}, text('All about walks'))]),
    node('ephemeral', { expiration: 86400 }), node('membership_approval_mode',
        {}, [node('group_join', { state: 'on' })])]);

const seeds = {
    'message-msg': [message({ from: ANN, sender_pn: PN }, [enc('msg')])],
    'message-pkmsg': [message({ from: ANN }, [enc('pkmsg', 300),
        node('device-identity', {}, bytes(80))])],
    'message-skmsg': [message({ from: GROUP, participant: ANN,
        addressing_mode: 'lid', participant_pn: PN }, [enc('skmsg')])],
    'message-both': [message({ from: GROUP, participant: ANN },
        [enc('pkmsg', 300), enc('skmsg')])],
    'message-own': [message({ from: '15550109999@s.whatsapp.net',
        recipient: PN, peer_recipient_pn: PN }, [enc('msg')])],
    'message-peer': [message({ from: '15550109999@s.whatsapp.net',
        category: 'peer', push_priority: 'high' }, [enc('msg')])],
    'message-status': [message({ from: 'status@broadcast',
        participant: ANN }, [enc('skmsg')])],
    'message-offline': [message({ from: ANN, offline: 3 }, [enc('msg')])],
    'message-unavailable': [message({ from: ANN }, [node('unavailable',
        { type: 'view_once' })])],
    'message-msmsg': [message({ from: '867051314767696@bot' }, [node('meta',
        { target_id: '3EB0AA', target_sender_jid: PN }), enc('msmsg')])],
    'message-retried': [message({ from: ANN }, [node('enc', { v: 2,
        type: 'pkmsg', count: 2, 'decrypt-fail': 'hide', mediatype: 'image' },
    bytes(200))])],
    'message-channel': [message({ from: CHANNEL, server_id: 101,
        is_sender: 'true' }, [node('plaintext', {}, Buffer.from(
        '0a0568656c6c6f', 'hex')), node('reactions', {}, [node('reaction',
        { code: '+', count: 3 })]), node('views_count', { count: 4 })])],
    'status': [node('status', { id: '3EB0AB', from: ANN, t: T, type: 'text' },
        [enc('skmsg')])],
    'receipt': [node('receipt', { id: '3EB0A1', from: ANN, t: T })],
    'receipt-list': [node('receipt', { id: '3EB0A1', from: ANN, t: T,
        type: 'read' }, [node('list', {}, [node('item', { id: '3EB0A2' }),
        node('item', { id: '3EB0A3' })])])],
    'receipt-group': [node('receipt', { id: '3EB0A1', from: GROUP,
        participant: ANN, t: T, type: 'read' })],
    'receipt-participants': [node('receipt', { id: '3EB0A1', from: GROUP,
        t: T }, [node('participants', { key: '3EB0A1' }, [node('user',
        { jid: ANN, t: T })])])],
    'receipt-retry': [node('receipt', { id: '3EB0A1', from: ANN, t: T,
        type: 'retry', participant: ANN }, [node('retry', { v: 1, count: 2,
        id: '3EB0A1', t: T, error: 4 }), node('registration', {}, bytes(4)),
    node('keys', {}, [node('type', {}, bytes(1, 5)), node('identity', {},
        bytes(32)), node('key', {}, [node('id', {}, bytes(3)),
        node('value', {}, bytes(32))]), node('skey', {}, [node('id', {},
        bytes(3)), node('value', {}, bytes(32)), node('signature', {},
        bytes(64))]), node('device-identity', {}, bytes(60))])])],
    'receipt-server-error': [node('receipt', { id: '3EB0A1', from: ANN,
        type: 'server-error' }, [node('encrypt', {}, [node('enc_p', {},
        bytes(40)), node('enc_iv', {}, bytes(12))]), node('rmr', { jid: PN,
        from_me: 'false' })])],
    'ack': [node('ack', { class: 'message', id: '3EB0A1', from: ANN, t: T,
        phash: '2:abcdefgh' })],
    'ack-error': [node('ack', { class: 'message', id: '3EB0A1', from: ANN,
        error: 479 })],
    'ack-receipt': [node('ack', { class: 'receipt', id: '1', from: ANN })],
    'iq-result': [result('1', [node('count', { value: 10 })])],
    'iq-error': [result('1', [node('error', { code: 429, text: 'rate',
        backoff: 5 })], 'error')],
    'iq-usync': [1, 2, 3].map(i => result(String(i), [node('usync', {},
        [node('result', {}, [node('devices')]), node('list', {}, [node('user',
            { jid: PN }, [node('devices', {}, [node('device-list', {},
            [node('device', { id: 0 }), node('device', { id: 3,
                'key-index': 1 })]), node('key-index-list', { ts: T },
            bytes(60))]), node('lid', { val: '111000111@lid' })])])])])),
    'iq-keys': [1, 2, 3].map(i => result(String(i), [node('list', {},
        [node('user', { jid: ANN }, [node('registration', {}, bytes(4)),
            node('type', {}, bytes(1, 5)), node('identity', {}, bytes(32)),
            node('skey', {}, [node('id', {}, bytes(3)), node('value', {},
                bytes(32)), node('signature', {}, bytes(64))]),
            node('key', {}, [node('id', {}, bytes(3)), node('value', {},
                bytes(32))])])])])),
    'iq-groups': [1, 2, 3, 4, 5, 6].map(i => result(String(i),
        [node('groups', {}, [group])])),
    'iq-group': [1, 2, 3].map(i => result(String(i), [group])),
    'iq-media': [1, 2].map(i => result(String(i), [node('media_conn',
        { auth: 'abc', ttl: 300, auth_ttl: 300, max_buckets: 12 },
        [node('host', { hostname: 'mmg.whatsapp.net' })])])),
    'iq-ping': [node('iq', { id: 's1', type: 'get', xmlns: 'urn:xmpp:ping',
        from: '@s.whatsapp.net' })],
    'iq-pair-device': [node('iq', { id: 's2', type: 'set', xmlns: 'md',
        from: '@s.whatsapp.net' }, [node('pair-device', {}, [node('ref', {},
        text('2@abcdefghij')), node('ref', {}, text('2@klmnopqrst'))])])],
    'iq-pair-success': [node('iq', { id: 's3', type: 'set', xmlns: 'md',
        from: '@s.whatsapp.net' }, [node('pair-success', {}, [
        node('device-identity', {}, bytes(120)), node('device', { jid: ME,
            lid: '99000099:7@lid' }), node('platform', { name: 'android' }),
        node('biz', { name: 'Shop' })])])],
    'success': [node('success', { t: T, lid: '99000099:7@lid', props: 27,
        display_name: 'Me' })],
    'failure': [node('failure', { reason: 503, location: 'odn' })],
    'failure-ban': [node('failure', { reason: 402, code: 101,
        expire: 3600 })],
    'stream-error': [node('stream:error', { code: 515 })],
    'stream-conflict': [node('stream:error', {}, [node('conflict',
        { type: 'replaced' })])],
    'stream-ack': [node('stream:error', {}, [node('ack', { class: 'message',
        id: '1' })])],
    'streamend': [node('xmlstreamend')],
    'ib-offline': [node('ib', { from: '@s.whatsapp.net' }, [
        node('offline_preview', { count: 3, message: 2, receipt: 1,
            notification: 0, appdata: 0 })]), node('ib', {}, [node('offline',
        { count: 3 })])],
    'ib-dirty': [node('ib', {}, [node('dirty', { type: 'groups',
        timestamp: T }), node('dirty', { type: 'account_sync',
        timestamp: T })])],
    'ib-routing': [node('ib', {}, [node('edge_routing', {}, [
        node('routing_info', {}, bytes(12))]), node('downgrade_webclient')])],
    'presence': [node('presence', { from: ANN, type: 'unavailable',
        last: T })],
    'chatstate': [node('chatstate', { from: GROUP, participant: ANN },
        [node('composing', { media: 'audio' })])],
    'call-offer': [node('call', { id: 'C1', from: ANN, t: T, notify: 'Ann',
        version: '2.24', platform: 'android', e: 0 }, [node('offer',
        { 'call-id': 'CALL1', 'call-creator': ANN, caller_pn: PN }, [
            node('audio', { enc: 'opus', rate: 16000 }), node('enc', { v: 2,
                type: 'msg' }, bytes(80))])])],
    'call-terminate': [node('call', { id: 'C2', from: ANN, t: T }, [
        node('terminate', { 'call-id': 'CALL1', 'call-creator': ANN,
            reason: 'timeout' })])],
    'notification-encrypt': [notification('encrypt', [node('count',
        { value: 3 })], { from: '@s.whatsapp.net' })],
    'notification-digest': [notification('encrypt', [node('digest')],
        { from: '@s.whatsapp.net' })],
    'notification-identity': [notification('encrypt', [node('identity')],
        { lid: '111000111@lid' })],
    'notification-devices': [notification('devices', [node('update',
        { device_hash: '2:abcd', jid: PN }, [device(3), node('key-index-list',
            { ts: T }, bytes(60))])], { lid: '111000111@lid' })],
    'notification-devices-add': [notification('devices', [node('add',
        { device_hash: '2:abcd' }, [device(3)]), node('remove',
        { device_hash: '2:abce' }, [device(4)])])],
    'notification-account-sync': [notification('account_sync', [
        node('devices', { dhash: '2:abc' }, [device(0), device(3)]),
        node('privacy'), node('picture'), node('status')])],
    'notification-server-sync': [notification('server_sync', [
        node('collection', { name: 'regular', version: 5 })])],
    'notification-picture': [notification('picture', [node('set',
        { id: 123, author: ANN, jid: GROUP })], { from: GROUP })],
    'notification-token': [notification('privacy_token', [node('tokens', {},
        [node('token', { type: 'trusted_contact', t: T }, bytes(20))])],
    { sender_lid: '111000111@lid' })],
    'notification-mediaretry': [notification('mediaretry', [node('rmr',
        { jid: PN, from_me: 'false', participant: ANN }), node('encrypt', {},
        [node('enc_p', {}, bytes(60)), node('enc_iv', {}, bytes(12))])],
    { id: '3EB0A1' })],
    'notification-mex': [notification('mex', json({ data: {
        xwa2_notify_newsletter_on_join: { id: CHANNEL } } }),
    { from: '@s.whatsapp.net' })],
    'notification-timelock': [notification('mex', [node('update',
        { op_name: 'NotificationUserReachoutTimelockUpdate' }, text(
            JSON.stringify({ data: { xwa2_notify_account_reachout_timelock: {
                is_active: true, time_enforcement_ends: '1900000000',
                enforcement_type: 'DEFAULT' } } })))])],
    'notification-newsletter': [notification('newsletter', [
        node('live_updates', {}, [node('messages', { t: T }, [
            node('message', { server_id: 5, type: 'text' }, [
                node('reactions', {}, [node('reaction', { code: 'x',
                    count: 2 })]), node('views_count', { count: 9 })])])])],
    { from: CHANNEL })],
    'notification-business': [notification('business', [node('verified_name',
        { jid: PN }, bytes(40))])],
    'notification-contacts': [notification('contacts', [node('modify',
        { old: PN, new: '15550100002@s.whatsapp.net',
            old_lid: '111000111@lid', new_lid: '111000112@lid' })])],
    'notification-link-code': [notification('link_code_companion_reg', [
        node('link_code_companion_reg', { stage: 'primary_hello' }, [
            node('link_code_pairing_wrapped_primary_ephemeral_pub', {},
                bytes(80)), node('primary_identity_pub', {}, bytes(32)),
            node('link_code_pairing_ref', {}, text('ref'))])])],
    'notification-disappearing': [notification('disappearing_mode', [
        node('disappearing_mode', { duration: 86400, t: T })])],
    'unknown': [node('stranger', { a: 'b' }, [node('deep', {}, [node('er',
        {}, text('x'))])])],
};

const group2 = (name, content, attrs) => {
    seeds[`notification-gp2-${name}`] = [notification('w:gp2', content,
        { from: GROUP, participant: ANN, participant_pn: PN, notify: 'Ann',
            addressing_mode: 'lid', ...attrs })];
};
group2('create', [node('create', { type: 'new', key: 'k' }, [group])]);
for (const name of ['add', 'remove', 'promote', 'demote']) {
    group2(name, [node(name, { reason: 'invite', prev_v_id: '1',
        v_id: '2' }, [participant('222000222@lid', { phone_number: PN })])]);
}
group2('subject', [node('subject', { subject: 'New', s_t: T, s_o: ANN })]);
group2('description', [node('description', { id: 'D2', prev: 'D1' },
    [node('body', {}, text('Other'))])]);
group2('settings', [node('locked'), node('unlocked'), node('announcement'),
    node('not_announcement'), node('ephemeral', { expiration: 604800 }),
    node('not_ephemeral'), node('membership_approval_mode', {},
        [node('group_join', { state: 'on' })]), node('member_add_mode', {},
        text('all_member_add'))]);
group2('invite', [node('invite', { code: 'AbCd' }), node('revoke',
    { code: 'x' }), node('link', { link_type: 'sub_group' }, [node('group',
    { jid: '120363000000000043@g.us', subject: 'Sub' })]), node('delete',
    { reason: 'x' }), node('modify', {}, [participant('333000333@lid')])]);
group2('requests', [node('created_membership_requests', {
    request_method: 'invite_link' }, [node('requested_user', { jid: ANN,
    phone_number: PN })]), node('revoked_membership_requests', {},
    [participant(ANN)])]);

seeds['row-groups'] = [...seeds['ib-dirty'], ...seeds['iq-groups'],
    ...seeds['notification-gp2-add'], ...seeds['notification-gp2-subject'],
    ...seeds['message-skmsg']];
seeds['row-prekeys'] = [...seeds['notification-encrypt'], ...[1, 2, 3].map(
    i => result(String(i), [node('count', { value: 0 })]))];
seeds['row-offline'] = [...seeds['ib-offline'], ...seeds['message-offline'],
    ...seeds['receipt'], ...seeds['notification-devices']];

for (const [name, stanzas] of Object.entries(seeds)) {
    const asks = Buffer.from([name.startsWith('iq-') ? 1 : 0]);
    writeFileSync(join(DIR, name), Buffer.concat([asks,
        ...stanzas.flatMap(s => {
        const plain = encode(s);
        const size = Buffer.alloc(2);
        size.writeUInt16BE(plain.length);
        return [size, plain];
    })]));
}
console.log(`${Object.keys(seeds).length} files`);
