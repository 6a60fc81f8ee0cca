// The JSON schemas of events as the HTTP contract gives them (10.1, 10.2),
// with the message (6.1) and account (4.1) objects as $defs: the types that
// wahub publishes so far.
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const s = { type: 'string' };
const sn = { type: ['string', 'null'] };
const b = { type: 'boolean' };
const i = { type: 'integer' };
const inn = { type: ['integer', 'null'] };
const on = { type: ['object', 'null'] };
const R = { $ref: '#/$defs/R' };
const State = { $ref: '#/$defs/State' };
const iso = { type: 'string', format: 'date-time' };
const ison = { type: ['string', 'null'], format: 'date-time' };
const M = { type: 'object', required: ['message'],
    properties: { message: { $ref: '#/$defs/M' } } };

const object = (required, properties) =>
    ({ type: 'object', required, properties });

const all = properties => object(Object.keys(properties), properties);

const types = {
    'session.created': object(['account'],
        { account: { $ref: '#/$defs/A' } }),
    'session.deleted': object(['account_id'], { account_id: R }),
    'session.status': object(['state', 'previous', 'status'], {
        state: State, previous: State, reason: sn, message: s,
        status: { enum: ['INIT', 'QR', 'AUTH', 'READY', 'DISCONNECTED'] } }),
    'session.qr_code': object(['qr', 'qr_image', 'expires_at'], { qr: R,
        qr_image: { type: 'string', pattern: '^data:image/png;base64,' },
        expires_at: iso }),
    'session.pairing_code': object(['code', 'expires_at'], {
        code: { type: 'string', pattern: '^[0-9A-Z]{4}-[0-9A-Z]{4}$' },
        expires_at: iso }),
    'session.passkey': object(['stage', 'expires_at'], {
        stage: { enum: ['challenge', 'confirm'] }, expires_at: iso,
        code: s }),
    'session.authenticated': object(['jid'], { jid: sn }),
    'session.loading': object([], { percent: { type: 'number', minimum: 0,
        maximum: 100 }, message: s }),
    'session.connected': object(['whatsapp_number', 'user'], {
        whatsapp_number: sn, user: object(['id'], { id: s, name: sn }) }),
    'session.disconnected': object(['reason', 'will_reconnect'],
        { reason: s, code: inn, will_reconnect: b }),
    'session.logged_out': object(['reason'], { reason: s }),
    'session.auth_failure': object(['reason'], { reason: s }),
    'session.error': object(['reason'], { reason: s, code: inn }),
    'message.received': M,
    'message.echo': M,
    'message.sent': M,
    'message.failed': object(['message', 'error'], {
        message: { $ref: '#/$defs/M' },
        error: object(['code', 'message'], { code: s, message: s }) }),
    'message.receipt': object(['id', 'message_id', 'chat_jid',
        'recipient_jid', 'status', 'timestamp'], { id: R, message_id: R,
        chat_jid: R, recipient_jid: R, timestamp: i, from_me: b,
        status: { enum: ['sent', 'delivered', 'read', 'played'] } }),
    'presence.updated': object(['chat_jid', 'jid', 'status'], {
        chat_jid: R, jid: R, lid: sn, last_seen: inn, status: { enum: [
            'available', 'unavailable', 'composing', 'recording',
            'paused'] } }),
    'privacy.updated': object(['settings'], { settings: { type: 'object',
        additionalProperties: s } }),
    'blocklist.updated': object(['action', 'people'], {
        action: { enum: ['block', 'unblock', 'changed'] },
        people: { type: 'array', items: object(['jid', 'lid'],
            { jid: R, lid: sn }) } }),
    'message.reaction': object(['target_id', 'chat_jid', 'from_jid',
        'emoji'], { target_id: R, chat_jid: R, from_jid: R, from_me: b,
        emoji: s }),
    'message.edited': object(['id', 'body', 'edited_at'], { id: R,
        message_id: R, chat_jid: R, body: sn, edited_at: iso }),
    'message.deleted': object(['id', 'deleted_at'], { id: R, message_id: R,
        chat_jid: R, by_jid: sn, for: { enum: ['everyone', 'me'] },
        deleted_at: iso }),
    'chat.updated': object(['chat'], { created: b,
        chat: object(['jid'], { jid: R, name: sn, is_muted: b }) }),
    'chat.deleted': object(['jid'], { jid: R }),
    'chat.cleared': object(['jid', 'keep_starred'], { jid: R, lid: sn,
        until: i, keep_starred: b }),
    'message.starred': object(['id', 'value'], { id: R, message_id: R,
        chat_jid: R, value: b }),
    'message.queued': object(['message'], { message: { $ref: '#/$defs/M' },
        position: i }),
    'poll.vote': object(['target_id', 'voter_jid', 'options'], {
        target_id: R, chat_jid: R, voter_jid: R,
        options: { type: 'array', items: s } }),
    'media.ready': object(['media'], { media: { $ref: '#/$defs/Media' },
        message_id: R }),
    'media.failed': object(['media_id', 'error'], { media_id: R, error: s }),
    'group.updated': object(['group'], { created: b,
        group: { $ref: '#/$defs/Group' } }),
    'group.participants': object(['jid', 'action', 'participants'], {
        jid: R, action: { enum: ['add', 'remove', 'promote', 'demote'] },
        participants: { type: 'array', items: R }, by_jid: sn }),
    'label.updated': object(['id', 'name'], { id: R, name: s, color: sn,
        deleted: b }),
    'label.associated': object(['label_id', 'type', 'value'], {
        label_id: R, type: { enum: ['chat', 'message'] }, chat_jid: sn,
        message_id: sn, value: b }),
    'setting.updated': object(['name', 'value'], { name: s,
        value: { type: ['string', 'boolean', 'null'] } }),
    'app_state.synced': all({ collection: s, version: i, changes: i,
        snapshot: b, last: b }),
    'history.sync': object(['chats', 'contacts', 'messages'], { chats: i,
        contacts: i, messages: i, progress: inn, is_latest: b }),
    'message.undecryptable': object(['message_id', 'chat_jid', 'from_jid'],
        { message_id: R, chat_jid: R, from_jid: R, retrying: b }),
    'chat.merged': object(['from', 'into'], { from: R, into: R, lid: sn }),
    'story.posted': object(['story'], { story: object(['id', 'from_jid',
        'timestamp', 'message_type', 'expires_at'], { id: R, from_jid: R,
        timestamp: i, message_type: s, body: sn, media_id: sn,
        expires_at: iso }) }),
    'call': object(['call'], { call: all({ id: R, account_id: R,
        from_jid: sn, from_lid: sn, group_jid: sn, from_me: b, is_group: b,
        is_video: b, timestamp: i, duration: inn, is_missed: b,
        status: { enum: ['offer', 'ringing', 'accept', 'reject', 'timeout',
            'terminate'] }, participants: { type: 'array', items: R } }) }),
    'contact.updated': object(['contact'], { created: b,
        contact: object(['jid'], { jid: R, lid: sn, account_id: R,
            status_text: sn, profile_pic_url: sn, picture_id: sn }) }),
    'account.restricted': object(['kind', 'until', 'code'], {
        kind: { enum: ['reachout', 'rate', 'temporary_ban'] }, until: ison,
        code: inn }),
    'account.restricted_cleared': object(['kind'], {
        kind: { enum: ['reachout', 'rate', 'temporary_ban'] }, code: inn }),
    'account.degraded': object(['reason'], { reason: { enum:
        ['deaf', 'decrypt', 'prekeys', 'clock', 'storage'] } }),
    'account.degraded_cleared': object(['reason'], { reason: { enum:
        ['deaf', 'decrypt', 'prekeys', 'clock', 'storage'] } }),
    'identity.changed': object(['jid', 'lid'], { jid: R, lid: sn }),
};

const account = all({
    id: { type: 'string', format: 'uuid' }, session_id: s, sessionId: s,
    tenant_id: s, name: s, description: sn,
    provider: { enum: ['web', 'cloud', 'external'] },
    status: { enum: ['INIT', 'QR', 'AUTH', 'READY', 'DISCONNECTED'] },
    state: State, reason: sn, message: s, qr_code: sn, qr: sn,
    pairing_code: sn, proxy: sn, phone_number: sn, whatsapp_number: sn, jid: sn,
    lid: sn, push_name: sn, webhook_url: sn, user_id: sn, userId: sn,
    is_default: b, is_active: b, auto_relink: b,
    drip_per_minute: { type: 'number' }, is_notification: b,
    isNotification: b, reject_calls: b, reject_calls_text: sn,
    ai_config: on, aiConfig: on, metadata: on,
    snapshot_timestamp: ison, connected_at: ison, last_seen_at: ison,
    last_seen: ison, created_at: iso, createdAt: iso, updated_at: iso,
    updatedAt: iso,
});

const message = {
    ...all({
        id: { type: 'string', minLength: 1, maxLength: 64 }, message_id: sn,
        waMessageId: sn, client_message_id: sn, clientMessageId: sn,
        account_id: { type: 'string', format: 'uuid' }, session_id: s,
        sessionId: s, remote_jid: R, jid: R, from_jid: sn, participant: sn,
        from_me: b, from: R, to: R, phone_number: sn, push_name: sn,
        direction: { enum: ['INBOUND', 'OUTBOUND'] },
        status: { enum: ['QUEUED', 'PENDING', 'SENT', 'DELIVERED', 'READ',
            'PLAYED', 'FAILED', 'CANCELLED', 'RECEIVED'] },
        timestamp: i,
        message_type: { type: 'string', pattern: '^[a-z_]+$' },
        type: { type: 'string', pattern: '^[A-Z_]+$' }, body: sn, text: sn,
        quoted_id: sn, mentions: { type: 'array', items: s },
        is_forwarded: b, forward_score: i, is_starred: b, is_broadcast: b,
        is_ephemeral: b, ephemeral_duration: inn, is_view_once: b,
        is_status: b, edit_type: { enum: [0, 1, 2] }, is_deleted: b,
        has_media: b,
        source: { enum: ['whatsapp', 'api', 'queue', 'campaign', 'phone',
            'history'] },
        created_at: iso, createdAt: iso, updated_at: iso, updatedAt: iso,
        metadata: on,
    }),
};

// first_seen_at is of the history database
const group = all({ jid: R, account_id: R, name: sn, description: sn,
    owner_jid: sn, creation_time: inn, participant_count: i,
    is_announce: b, is_restrict: b, profile_pic_url: sn, invite_code: sn,
    updated_at: iso, participants: { type: 'array',
        items: all({ participant_jid: R, jid: R, lid: sn,
            role: { enum: ['member', 'admin', 'superadmin'] } }) } });

const media = all({ id: R, message_id: sn, account_id: sn, mime_type: sn,
    file_size: inn, filename: sn, original_filename: sn, file_path: sn,
    file_hash: sn, width: inn, height: inn, duration: inn, url: sn,
    thumbnail_url: sn, download_error: sn, created_at: iso,
    download_status: { enum: ['pending', 'downloaded', 'failed', 'skipped',
        'expired'] } });

const envelope = {
    type: 'object',
    required: ['id', 'type', 'timestamp', 'tenant_id', 'data'],
    properties: {
        id: { type: 'string', pattern: '^[0-9]{13,}-[0-9]+-[0-9]+$' },
        type: { enum: Object.keys(types) },
        timestamp: iso, tenant_id: s,
        account_id: { type: ['string', 'null'], format: 'uuid' },
        session_id: sn, data: { type: 'object' },
    },
    allOf: Object.entries(types).map(([type, data]) => ({
        if: { properties: { type: { const: type } } },
        then: { properties: { data } },
    })),
    $defs: {
        R: { type: 'string', minLength: 1 },
        State: { enum: ['INIT', 'CONNECTING', 'QR', 'CODE', 'PASSKEY',
            'AUTH', 'LOADING', 'READY', 'DISCONNECTED', 'STOPPED',
            'LOGGED_OUT', 'AUTH_FAILURE', 'ERROR'] },
        A: account,
        M: message,
        Group: group,
        Media: media,
    },
};

const ajv = addFormats(new Ajv({ allErrors: true, strict: true,
    allowUnionTypes: true }));
const check = ajv.compile(envelope);

/** What is wrong with an event, as text; empty when it is valid. */
export function eventErrors(event) {
    return check(event) ? '' : `${event.type} ${event.id}: `
        + ajv.errorsText(check.errors, { dataVar: '' });
}
