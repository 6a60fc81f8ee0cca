/*
 * Projection: messages and what happens to them (HTTP contract, 5.3, 6, 10.2).
 */
#include "wa_json.h"
#include "wa_project_int.h"


/* The shown part of a chat's last message, bytes. */
#define MESSAGE_BRIEF_MAX  200

/* Sequence numbers within one millisecond that `pos` tells apart. */
#define MESSAGE_SEQ_MAX    4095

/* The order of status words: they only move forward (HTTP contract, 5.3).
   A failure is left only for proof of delivery. */
#define RANK_SENT          30
#define RANK_DELIVERED     40
#define RANK_READ          50


static wa_err_t message_put(wa_ev_t *e, const json_t *m);
static wa_err_t message_settle(wa_ev_t *e, wa_span_t id);
static wa_err_t message_chat(wa_ev_t *e, const json_t *m);
static wa_err_t message_contact(wa_ev_t *e, const json_t *m);
static int status_rank(wa_span_t status);
static wa_span_t brief(wa_span_t text);
static wa_span_t phone_of(wa_span_t jid);
static bool ends_with(wa_span_t s, const char *end);
static int64_t event_pos(const wa_ev_t *e);


wa_err_t
wa_ev_on_message(wa_ev_t *e)
{
    wa_err_t       rc;
    wa_span_t      id;
    const json_t  *m;

    m = json_object_get(e->data, "message");
    id = wa_ev_key(e, m, "id");
    rc = message_put(e, m);

    if (rc != WA_OK || e->bad) {
        return rc;
    }

    if (json_is_true(json_object_get(m, "from_me"))) {
        rc = message_settle(e, id);
    }

    if (rc == WA_OK && !json_is_true(json_object_get(m, "is_status"))) {
        rc = message_chat(e, m);
    }

    if (rc == WA_OK) {
        rc = message_contact(e, m);
    }

    return rc;
}


/* A repeat under the same id changes nothing, unless the status moved. */
static wa_err_t
message_put(wa_ev_t *e, const json_t *m)
{
    int           rank;
    wa_ev_args_t  a = { .n = 0 };
    wa_err_t      rc;
    wa_span_t     status;

    status = wa_ev_key(e, m, "status");
    rank = status_rank(status);

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, m, "id"));
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, wa_ev_word(e, m, "message_id"));
    wa_ev_arg(&a, wa_ev_key(e, m, "remote_jid"));
    wa_ev_arg(&a, wa_ev_word(e, m, "from_jid"));
    wa_ev_arg(&a, wa_ev_word(e, m, "from_lid"));
    wa_ev_arg(&a, wa_ev_word(e, m, "participant"));
    wa_ev_arg_int(&a, json_is_true(json_object_get(m, "from_me")));
    wa_ev_arg(&a, wa_ev_key(e, m, "message_type"));
    wa_ev_arg_int(&a, json_is_true(json_object_get(m, "has_media")));
    wa_ev_arg(&a, status);
    wa_ev_arg_int(&a, rank);
    wa_ev_arg_int(&a, wa_ev_int(m, "timestamp"));
    wa_ev_arg_int(&a, event_pos(e));
    wa_ev_arg_int(&a, e->entry->shard);
    wa_ev_arg(&a, wa_ev_text(e, m, "body"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    if (rank < 0 || e->bad) {
        e->bad = true;
        return WA_OK;
    }

    e->text.n = 0;
    rc = wa_json_write(m, &e->text);

    if (rc == WA_ERR_LIMIT) {
        e->bad = true;
        return WA_OK;
    }

    if (rc != WA_OK) {
        return rc;
    }

    wa_ev_arg(&a, wa_span_buf(&e->text));

    return wa_ev_run(e,
        "INSERT INTO wa_messages (account_id, id, tenant,"
        " message_id, chat_jid, from_jid, from_lid, participant,"
        " from_me, type, has_media, status, rank, ts, pos, shard,"
        " body, updated_ms, object)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
        " $12, $13, $14, $15, $16, $17, $18, $19)"
        " ON CONFLICT (account_id, id) DO UPDATE SET"
        " message_id = COALESCE(excluded.message_id,"
        "  wa_messages.message_id),"
        " status = excluded.status, rank = excluded.rank,"
        " ts = excluded.ts,"
        " body = CASE WHEN wa_messages.edited_at IS NULL"
        "  THEN excluded.body ELSE wa_messages.body END,"
        " updated_ms = excluded.updated_ms,"
        " object = excluded.object"
        " WHERE wa_messages.rank < excluded.rank", &a);
}


/*
 * Brings an outbound message to the status its receipts prove.  Run after
 * either arrives: a receipt may be in the log before the message's ack.
 */
static wa_err_t
message_settle(wa_ev_t *e, wa_span_t id)
{
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, id);
    wa_ev_arg_int(&a, RANK_DELIVERED);
    wa_ev_arg_int(&a, RANK_READ);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    return wa_ev_run(e,
        "UPDATE wa_messages SET"
        " rank = (SELECT MAX(r.rank) FROM wa_receipts r"
        "  WHERE r.account_id = $1 AND r.id = $2),"
        " status = (SELECT UPPER(r.status) FROM wa_receipts r"
        "  WHERE r.account_id = $1 AND r.id = $2"
        "  ORDER BY r.rank DESC LIMIT 1),"
        " delivered_ts = (SELECT MIN(r.ts) FROM wa_receipts r"
        "  WHERE r.account_id = $1 AND r.id = $2"
        "  AND r.rank >= $3),"
        " read_ts = (SELECT MIN(r.ts) FROM wa_receipts r"
        "  WHERE r.account_id = $1 AND r.id = $2"
        "  AND r.rank >= $4),"
        " updated_ms = $5"
        " WHERE account_id = $1 AND id = $2 AND from_me = 1"
        " AND rank < (SELECT MAX(r.rank) FROM wa_receipts r"
        "  WHERE r.account_id = $1 AND r.id = $2)", &a);
}


/* Only the event that made the message's row counts for its chat. */
static wa_err_t
message_chat(wa_ev_t *e, const json_t *m)
{
    bool          from_me, group;
    wa_ev_args_t  a = { .n = 0 };
    wa_span_t     jid;

    jid = wa_ev_key(e, m, "remote_jid");
    from_me = json_is_true(json_object_get(m, "from_me"));
    group = ends_with(jid, "@g.us");

    if (ends_with(jid, "@broadcast")) {
        return WA_OK;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, jid);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, wa_ev_word(e, m, "lid"));
    wa_ev_arg(&a, from_me || group ? wa_span_none()
                                  : wa_ev_text(e, m, "push_name"));
    wa_ev_arg_int(&a, group);
    wa_ev_arg_int(&a, !from_me);
    wa_ev_arg_int(&a, wa_ev_int(m, "timestamp"));
    wa_ev_arg_int(&a, event_pos(e));
    wa_ev_arg(&a, wa_ev_key(e, m, "id"));
    wa_ev_arg(&a, brief(wa_ev_text(e, m, "body")));
    wa_ev_arg_int(&a, from_me);
    wa_ev_arg_int(&a, e->entry->shard);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    /* Whoever answers on the phone has read what was there. */

    wa_ev_arg_int(&a, wa_span_eq_str(wa_ev_word(e, m, "source"), "phone"));

    return wa_ev_run(e,
        "INSERT INTO wa_chats (account_id, jid, tenant, lid, name,"
        " is_group, unread_count, last_ts, last_pos, last_id,"
        " last_body, last_from_me, shard, updated_ms)"
        " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
        " $13, $14 WHERE EXISTS (SELECT 1 FROM wa_messages m"
        "  WHERE m.account_id = $1 AND m.id = $10 AND m.pos = $9"
        "  AND m.shard = $13)"
        " ON CONFLICT (account_id, jid) DO UPDATE SET"
        " lid = COALESCE(excluded.lid, wa_chats.lid),"
        " name = COALESCE(excluded.name, wa_chats.name),"
        " unread_count = CASE WHEN $15 = 1 THEN 0 ELSE"
        "  wa_chats.unread_count + excluded.unread_count END,"
        " last_pos = CASE WHEN excluded.last_ts >= wa_chats.last_ts"
        "  THEN excluded.last_pos ELSE wa_chats.last_pos END,"
        " last_id = CASE WHEN excluded.last_ts >= wa_chats.last_ts"
        "  THEN excluded.last_id ELSE wa_chats.last_id END,"
        " last_body = CASE WHEN excluded.last_ts"
        "  >= wa_chats.last_ts THEN excluded.last_body"
        "  ELSE wa_chats.last_body END,"
        " last_from_me = CASE WHEN excluded.last_ts"
        "  >= wa_chats.last_ts THEN excluded.last_from_me"
        "  ELSE wa_chats.last_from_me END,"
        " last_ts = CASE WHEN excluded.last_ts >= wa_chats.last_ts"
        "  THEN excluded.last_ts ELSE wa_chats.last_ts END,"
        " updated_ms = excluded.updated_ms", &a);
}


static wa_err_t
message_contact(wa_ev_t *e, const json_t *m)
{
    wa_ev_args_t  a = { .n = 0 };
    wa_span_t     jid, name;

    jid = wa_ev_word(e, m, "from_jid");
    name = wa_ev_text(e, m, "push_name");

    if (jid.n == 0 || json_is_true(json_object_get(m, "from_me"))) {
        return WA_OK;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, jid);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, wa_ev_word(e, m, "from_lid"));
    wa_ev_arg(&a, phone_of(jid));
    wa_ev_arg(&a, name);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    return wa_ev_run(e,
        "INSERT INTO wa_contacts (account_id, jid, tenant, lid,"
        " phone_number, notify_name, first_seen_ms, updated_ms)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"
        " ON CONFLICT (account_id, jid) DO UPDATE SET"
        " lid = COALESCE(excluded.lid, wa_contacts.lid),"
        " notify_name = COALESCE(excluded.notify_name,"
        "  wa_contacts.notify_name),"
        " updated_ms = excluded.updated_ms"
        " WHERE (excluded.lid IS NOT NULL AND"
        "  wa_contacts.lid IS DISTINCT FROM excluded.lid)"
        " OR (excluded.notify_name IS NOT NULL AND"
        "  wa_contacts.notify_name IS DISTINCT FROM"
        "  excluded.notify_name)", &a);
}


wa_err_t
wa_ev_on_receipt(wa_ev_t *e)
{
    int           rank;
    size_t        i;
    char          upper[16];
    wa_ev_args_t  a = { .n = 0 };
    wa_err_t      rc;
    wa_span_t     id, who, status;

    id = wa_ev_key(e, e->data, "id");
    who = wa_ev_key(e, e->data, "recipient_jid");
    status = wa_ev_key(e, e->data, "status");

    if (e->bad || status.n >= sizeof(upper)) {
        return WA_OK;
    }

    for (i = 0; i < status.n; i++) {
        upper[i] = (char) (status.p[i] & ~0x20);
    }

    rank = status_rank(wa_span(upper, status.n));

    if (rank < RANK_SENT) {
        return WA_OK;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, id);
    wa_ev_arg(&a, who);
    wa_ev_arg_int(&a, rank);
    wa_ev_arg(&a, status);
    wa_ev_arg_int(&a, wa_ev_int(e->data, "timestamp"));

    rc = wa_ev_run(e,
        "INSERT INTO wa_receipts (account_id, id, recipient_jid,"
        " rank, status, ts) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT DO NOTHING", &a);

    return rc == WA_OK ? message_settle(e, id) : rc;
}


wa_err_t
wa_ev_on_reaction(wa_ev_t *e)
{
    wa_ev_args_t  a = { .n = 0 };
    wa_span_t     emoji;

    emoji = wa_ev_key(e, e->data, "emoji");

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "target_id"));
    wa_ev_arg(&a, wa_ev_key(e, e->data, "from_jid"));

    if (e->bad) {
        return WA_OK;
    }

    if (emoji.n == 0) {
        return wa_ev_run(e,
            "DELETE FROM wa_reactions WHERE account_id = $1"
            " AND id = $2 AND from_jid = $3", &a);
    }

    wa_ev_arg(&a, emoji);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    return wa_ev_run(e,
        "INSERT INTO wa_reactions (account_id, id, from_jid, emoji,"
        " ms) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (account_id, id, from_jid) DO UPDATE SET"
        " emoji = excluded.emoji, ms = excluded.ms", &a);
}


wa_err_t
wa_ev_on_edited(wa_ev_t *e)
{
    wa_ev_args_t  a = { .n = 0 };
    wa_err_t      rc;
    wa_span_t     body;

    body = wa_ev_text(e, e->data, "body");

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "id"));
    wa_ev_arg(&a, body);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "edited_at"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    if (e->bad) {
        return WA_OK;
    }

    rc = wa_ev_run(e,
        "UPDATE wa_messages SET body = $3, edited_at = $4,"
        " updated_ms = $5 WHERE account_id = $1 AND id = $2"
        " AND (edited_at IS NULL OR edited_at <= $4)", &a);

    if (rc != WA_OK) {
        return rc;
    }

    a.v[2].s = brief(body);

    return wa_ev_run(e,
        "UPDATE wa_chats SET last_body = $3, updated_ms = $5"
        " WHERE account_id = $1 AND last_id = $2"
        " AND jid = (SELECT m.chat_jid FROM wa_messages m"
        "  WHERE m.account_id = $1 AND m.id = $2"
        "  AND m.edited_at = $4)", &a);
}


wa_err_t
wa_ev_on_deleted(wa_ev_t *e)
{
    wa_ev_args_t  a = { .n = 0 };
    wa_err_t      rc;

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "id"));
    wa_ev_arg(&a, wa_ev_key(e, e->data, "deleted_at"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    if (e->bad) {
        return WA_OK;
    }

    rc = wa_ev_run(e,
        "UPDATE wa_messages SET deleted_at = $3, updated_ms = $4"
        " WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL",
        &a);

    if (rc != WA_OK) {
        return rc;
    }

    return wa_ev_run(e,
        "UPDATE wa_chats SET last_body = NULL, updated_ms = $4"
        " WHERE account_id = $1 AND last_id = $2"
        " AND jid = (SELECT m.chat_jid FROM wa_messages m"
        "  WHERE m.account_id = $1 AND m.id = $2"
        "  AND m.deleted_at = $3)", &a);
}


wa_err_t
wa_ev_on_starred(wa_ev_t *e)
{
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "id"));
    wa_ev_arg_int(&a, json_is_true(json_object_get(e->data, "value")));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    if (e->bad) {
        return WA_OK;
    }

    return wa_ev_run(e,
        "UPDATE wa_messages SET is_starred = $3, updated_ms = $4"
        " WHERE account_id = $1 AND id = $2", &a);
}


/* -1: no status word. */
static int
status_rank(wa_span_t status)
{
    size_t  i;

    static const struct {
        const char  *word;
        int          rank;
    } ranks[] = {
        { "RECEIVED", 10 },
        { "QUEUED", 10 },
        { "PENDING", 20 },
        { "SENT", RANK_SENT },
        { "FAILED", 35 },
        { "CANCELLED", 36 },
        { "DELIVERED", RANK_DELIVERED },
        { "READ", RANK_READ },
        { "PLAYED", 60 }
    };

    for (i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++) {

        if (wa_span_eq_str(status, ranks[i].word)) {
            return ranks[i].rank;
        }
    }

    return -1;
}


/* The beginning of a text, cut between characters. */
static wa_span_t
brief(wa_span_t text)
{
    size_t  n;

    if (text.n <= MESSAGE_BRIEF_MAX) {
        return text;
    }

    n = MESSAGE_BRIEF_MAX;

    while (n > 0 && (text.p[n] & 0xc0) == 0x80) {
        n--;
    }

    return wa_span(text.p, n);
}


static wa_span_t
phone_of(wa_span_t jid)
{
    static const char  server[] = "@s.whatsapp.net";

    if (!ends_with(jid, server)) {
        return wa_span_none();
    }

    return wa_span(jid.p, jid.n - (sizeof(server) - 1));
}


static bool
ends_with(wa_span_t s, const char *end)
{
    size_t  n;

    n = strlen(end);

    return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}


static int64_t
event_pos(const wa_ev_t *e)
{
    uint64_t  ms, seq;

    ms = e->entry->id.ms & (UINT64_MAX >> 14);
    seq = e->entry->id.seq;

    return (int64_t) (ms * (MESSAGE_SEQ_MAX + 1)
                      + (seq > MESSAGE_SEQ_MAX ? MESSAGE_SEQ_MAX : seq));
}
