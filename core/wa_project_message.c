/*
 * Projection: messages and what happens to them (HTTP contract, 5.3, 6, 10.2).
 */
#include "wa_project_int.h"


/* Sequence numbers within one millisecond that `pos` tells apart. */
#define MESSAGE_SEQ_MAX    4095

/* The order of status words: they only move forward (HTTP contract, 5.3).
   A failure is left only for proof of delivery. */
#define RANK_SENT          30
#define RANK_DELIVERED     40
#define RANK_READ          50


/* What an event of the app state is about: in a group it may know WhatsApp's
   id alone, which then stands in both places. */
#define MESSAGE_BY(id, tenant, message_id, chat)                              \
    "CASE WHEN CAST(" id " AS TEXT) <>"                                       \
    " COALESCE(CAST(" message_id " AS TEXT), '')"                             \
    " THEN CAST(" id " AS TEXT) ELSE"                                         \
    " (SELECT MAX(x.id) FROM wa_messages x WHERE x.tenant = " tenant          \
    "  AND x.message_id = " message_id " AND x.account_id = $1"               \
    "  AND x.chat_jid = " chat ") END"


static bool message_is_change(wa_ev_t *e, const wa_jv_t *m);
static wa_err_t message_put(wa_ev_t *e, const wa_jv_t *m);
static wa_err_t message_settle(wa_ev_t *e, wa_span_t id);
static wa_err_t receipt_own(wa_ev_t *e, wa_span_t id, int rank,
    wa_span_t status);
static int status_rank(wa_span_t status);


wa_err_t
wa_ev_on_message(wa_ev_t *e)
{
    wa_err_t       rc;
    wa_span_t      id;
    const wa_jv_t  *m;

    m = wa_jv_get(e->data, "message");
    id = wa_ev_key(e, m, "id");
    rc = message_put(e, m);

    if (rc != WA_OK || e->bad) {
        return rc;
    }

    rc = wa_ev_keep_raw(e, id);

    if (rc == WA_OK && wa_jv_is_true(m, "from_me")) {
        rc = message_settle(e, id);
    }

    if (rc == WA_OK) {
        rc = wa_ev_medium(e, m);
    }

    return rc == WA_OK && !message_is_change(e, m) ? wa_batch_chat(e, m) : rc;
}


/* A reaction, a pin, a vote: no chat has it as its last message, nor as one
   that is to be read. */
static bool
message_is_change(wa_ev_t *e, const wa_jv_t *m)
{
    wa_span_t  type;

    type = wa_ev_word(e, m, "message_type");

    return wa_span_eq_str(type, "reaction")
           || wa_span_eq_str(type, "protocol")
           || wa_span_eq_str(type, "poll_update");
}


/* A repeat under the same id changes nothing, unless the status moved.  What
   the phone's history said before (pos < 0) counts less than the message's own
   event. */
static wa_err_t
message_put(wa_ev_t *e, const wa_jv_t *m)
{
    int           rank;
    wa_ev_args_t  a = { .n = 0 };
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
    wa_ev_arg_int(&a, wa_jv_is_true(m, "from_me"));
    wa_ev_arg(&a, wa_ev_key(e, m, "message_type"));
    wa_ev_arg_int(&a, wa_jv_is_true(m, "has_media"));
    wa_ev_arg(&a, status);
    wa_ev_arg_int(&a, rank);
    wa_ev_arg_int(&a, wa_ev_int(m, "timestamp"));
    wa_ev_arg_int(&a, wa_ev_pos(e));
    wa_ev_arg_int(&a, e->entry->shard);
    wa_ev_arg(&a, wa_ev_text(e, m, "body"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    if (rank < 0 || e->bad) {
        e->bad = true;
        return WA_OK;
    }

    wa_ev_arg(&a, m->raw);

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
        " status = CASE WHEN wa_messages.rank < excluded.rank"
        "  THEN excluded.status ELSE wa_messages.status END,"
        " rank = CASE WHEN wa_messages.rank < excluded.rank"
        "  THEN excluded.rank ELSE wa_messages.rank END,"
        " pos = CASE WHEN wa_messages.pos < 0"
        "  THEN excluded.pos ELSE wa_messages.pos END,"
        " ts = excluded.ts,"
        " body = CASE WHEN wa_messages.edited_at IS NULL"
        "  THEN excluded.body ELSE wa_messages.body END,"
        " updated_ms = excluded.updated_ms,"
        " object = excluded.object"
        " WHERE wa_messages.rank < excluded.rank"
        " OR wa_messages.pos < 0", &a);
}


/*
 * Brings an outbound message to the status its receipts prove: one may be in
 * the log before the message's ack.
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

    /* What others wrote was read on a device of ours. */

    if (wa_jv_is_true(e->data, "from_me")) {
        return receipt_own(e, id, rank, wa_span(upper, status.n));
    }

    rc = wa_ev_run(e,
        "INSERT INTO wa_receipts (account_id, id, recipient_jid,"
        " rank, status, ts) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT DO NOTHING", &a);

    if (rc != WA_OK) {
        return rc;
    }

    a.n = 2;
    wa_ev_arg_int(&a, rank);
    wa_ev_arg(&a, wa_span(upper, status.n));
    wa_ev_arg_int(&a, wa_ev_int(e->data, "timestamp"));
    wa_ev_arg_int(&a, RANK_DELIVERED);
    wa_ev_arg_int(&a, RANK_READ);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    return wa_ev_run(e,
        "UPDATE wa_messages SET"
        " status = CASE WHEN rank < $3 THEN $4 ELSE status END,"
        " rank = CASE WHEN rank < $3 THEN $3 ELSE rank END,"
        " delivered_ts = CASE WHEN $3 >= $6 AND (delivered_ts IS NULL"
        "  OR delivered_ts > $5) THEN $5 ELSE delivered_ts END,"
        " read_ts = CASE WHEN $3 >= $7 AND (read_ts IS NULL"
        "  OR read_ts > $5) THEN $5 ELSE read_ts END,"
        " updated_ms = $8"
        " WHERE account_id = $1 AND id = $2 AND from_me = 1"
        " AND (rank < $3 OR ($3 >= $6 AND delivered_ts > $5)"
        "  OR ($3 >= $7 AND read_ts > $5))", &a);
}


static wa_err_t
receipt_own(wa_ev_t *e, wa_span_t id, int rank, wa_span_t status)
{
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, id);
    wa_ev_arg_int(&a, rank);
    wa_ev_arg(&a, status);
    wa_ev_arg_int(&a, wa_ev_int(e->data, "timestamp"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    return wa_ev_run(e,
        "UPDATE wa_messages SET status = $4, rank = $3,"
        " read_ts = COALESCE(read_ts, $5), updated_ms = $6"
        " WHERE account_id = $1 AND id = $2 AND from_me = 0"
        " AND rank < $3", &a);
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

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "id"));
    wa_ev_arg(&a, wa_ev_text(e, e->data, "body"));
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

    return wa_ev_run(e,
        "UPDATE wa_chats SET last_body = SUBSTR($3, 1, "
        WA_CHAT_BRIEF "), updated_ms = $5"
        " WHERE account_id = $1 AND last_id = $2"
        " AND jid = (SELECT m.chat_jid FROM wa_messages m"
        "  WHERE m.account_id = $1 AND m.id = $2"
        "  AND m.edited_at = $4)", &a);
}


/* Somebody else than who wrote it: an admin.  `by_jid` of our own deletions
   is null. */
wa_err_t
wa_ev_on_deleted(wa_ev_t *e)
{
    wa_ev_args_t  a = { .n = 0 };
    size_t        shared;
    wa_err_t      rc;

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "id"));
    wa_ev_arg(&a, wa_ev_key(e, e->data, "deleted_at"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, wa_ev_word(e, e->data, "message_id"));
    wa_ev_arg(&a, wa_ev_word(e, e->data, "chat_jid"));
    shared = a.n;
    wa_ev_arg(&a, wa_ev_word(e, e->data, "by_jid"));
    wa_ev_arg(&a, wa_ev_word(e, e->data, "for"));

    if (e->bad) {
        return WA_OK;
    }

    rc = wa_ev_run(e,
        "UPDATE wa_messages SET deleted_at = $3, updated_ms = $4, by_admin ="
        " CASE WHEN CAST($9 AS TEXT) = 'me' THEN 0"
        "  WHEN CAST($8 AS TEXT) IS NULL THEN 1 - from_me"
        "  WHEN from_me = 1 THEN 1"
        "  WHEN CAST($8 AS TEXT) IN (from_jid, from_lid) THEN 0"
        "  WHEN from_jid IS NULL THEN 0 ELSE 1 END"
        " WHERE account_id = $1 AND deleted_at IS NULL AND id = "
        MESSAGE_BY("$2", "$5", "$6", "$7"), &a);

    if (rc != WA_OK) {
        return rc;
    }

    a.n = shared;

    return wa_ev_run(e,
        "UPDATE wa_chats SET last_body = NULL, updated_ms = $4"
        " WHERE account_id = $1 AND last_id = "
        MESSAGE_BY("$2", "$5", "$6", "$7")
        " AND jid = (SELECT m.chat_jid FROM wa_messages m"
        "  WHERE m.account_id = $1 AND m.id = wa_chats.last_id"
        "  AND m.deleted_at = $3)", &a);
}


wa_err_t
wa_ev_on_starred(wa_ev_t *e)
{
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "id"));
    wa_ev_arg_int(&a, wa_jv_is_true(e->data, "value"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, wa_ev_word(e, e->data, "message_id"));
    wa_ev_arg(&a, wa_ev_word(e, e->data, "chat_jid"));

    if (e->bad) {
        return WA_OK;
    }

    return wa_ev_run(e,
        "UPDATE wa_messages SET is_starred = $3, updated_ms = $4"
        " WHERE account_id = $1 AND id = " MESSAGE_BY("$2", "$5", "$6",
                                                      "$7"), &a);
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


int64_t
wa_ev_pos(const wa_ev_t *e)
{
    uint64_t  ms, seq;

    ms = e->entry->id.ms & (UINT64_MAX >> 14);
    seq = e->entry->id.seq;

    return (int64_t) (ms * (MESSAGE_SEQ_MAX + 1)
                      + (seq > MESSAGE_SEQ_MAX ? MESSAGE_SEQ_MAX : seq));
}
