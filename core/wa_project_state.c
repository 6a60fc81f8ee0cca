/*
 * Projection of app state: what all devices know of chats, contacts, labels,
 * settings; and what has no meaning yet.
 */
#include "wa_project_int.h"


/* A chat that has a row only because something is said of it. */
#define STATE_CHAT(column)                                                    \
    "INSERT INTO wa_chats (account_id, jid, tenant, lid, is_group,"           \
    " unread_count, last_ts, last_pos, last_id, last_from_me, shard,"         \
    " updated_ms, " column ") VALUES ($1, $2, $3, $4, $5, 0, 0, 0, '', 0,"    \
    " $6, $7, $8) ON CONFLICT (account_id, jid) DO UPDATE SET"                \
    " lid = COALESCE(excluded.lid, wa_chats.lid),"                            \
    " " column " = excluded." column ","                                      \
    " updated_ms = excluded.updated_ms"

/* What came in after $3. */
#define STATE_LATER                                                           \
    "(SELECT COUNT(*) FROM wa_messages m"                                     \
    "  WHERE m.tenant = wa_chats.tenant AND m.chat_jid = $2"                  \
    "  AND m.ts > $3 AND m.account_id || '' = $1 AND m.from_me = 0"           \
    "  AND m.type NOT IN " WA_CHANGE_TYPES ")"

/* For ever, where a time of its end would be. */
#define STATE_EVER  (-1)


static wa_err_t state_flag(wa_ev_t *e, const wa_jv_t *chat, const char *set,
    const char *clear, int64_t value);
static wa_err_t state_read(wa_ev_t *e, const wa_jv_t *chat);
static wa_err_t state_unread(wa_ev_t *e, const wa_jv_t *chat);


wa_err_t
wa_ev_chat_state(wa_ev_t *e, const wa_jv_t *chat)
{
    int64_t         end;
    wa_err_t        rc;
    const wa_jv_t  *v;

    rc = wa_batch_flush(e->batch, e->db);

    if (rc != WA_OK) {
        return rc;
    }

    v = wa_jv_get(chat, "is_archived");

    if (v != NULL) {
        return state_flag(e, chat, STATE_CHAT("is_archived"),
            "UPDATE wa_chats SET is_archived = 0, updated_ms = $3"
            " WHERE account_id = $1 AND jid = $2", v->type == WA_JV_TRUE);
    }

    v = wa_jv_get(chat, "is_pinned");

    if (v != NULL) {
        return state_flag(e, chat, STATE_CHAT("is_pinned"),
            "UPDATE wa_chats SET is_pinned = 0, updated_ms = $3"
            " WHERE account_id = $1 AND jid = $2", v->type == WA_JV_TRUE);
    }

    v = wa_jv_get(chat, "is_muted");

    if (v != NULL) {
        end = wa_ev_int(chat, "mute_expiry");
        return state_flag(e, chat, STATE_CHAT("mute_expiry"),
            "UPDATE wa_chats SET mute_expiry = NULL, updated_ms = $3"
            " WHERE account_id = $1 AND jid = $2",
            v->type != WA_JV_TRUE ? 0 : end > 0 ? end : STATE_EVER);
    }

    if (wa_jv_is_true(chat, "marked_unread")) {
        return state_unread(e, chat);
    }

    return wa_ev_int(chat, "read_until") > 0 ? state_read(e, chat)
                                             : WA_AGAIN;
}


/* 0: what is not so needs no row. */
static wa_err_t
state_flag(wa_ev_t *e, const wa_jv_t *chat, const char *set,
    const char *clear, int64_t value)
{
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, chat, "jid"));

    if (value == 0) {
        wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);
        return e->bad ? WA_OK : wa_ev_run(e, clear, &a);
    }

    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, wa_ev_word(e, chat, "lid"));
    wa_ev_arg_int(&a, wa_jv_is_true(chat, "is_group"));
    wa_ev_arg_int(&a, e->entry->shard);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);
    wa_ev_arg_int(&a, value);

    return e->bad ? WA_OK : wa_ev_run(e, set, &a);
}


/* What came after that message is still unread. */
static wa_err_t
state_read(wa_ev_t *e, const wa_jv_t *chat)
{
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, chat, "jid"));
    wa_ev_arg_int(&a, wa_ev_int(chat, "read_until"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    return e->bad ? WA_OK : wa_ev_run(e,
        "UPDATE wa_chats SET updated_ms = $4, unread_count ="
        " CASE WHEN last_ts <= $3 THEN 0"
        " WHEN " STATE_LATER " < unread_count THEN " STATE_LATER
        " ELSE unread_count END WHERE account_id = $1 AND jid = $2", &a);
}


static wa_err_t
state_unread(wa_ev_t *e, const wa_jv_t *chat)
{
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, chat, "jid"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    return e->bad ? WA_OK : wa_ev_run(e,
        "UPDATE wa_chats SET unread_count = 1, updated_ms = $3"
        " WHERE account_id = $1 AND jid = $2 AND unread_count = 0", &a);
}


/*
 * chat.cleared, chat.deleted: its messages are gone, up to a time or all
 * there were.  A chat without any later one is no chat any more.
 */
wa_err_t
wa_ev_on_chat_cleared(wa_ev_t *e)
{
    int64_t       until;
    wa_ev_args_t  a = { .n = 0 };
    wa_err_t      rc;

    until = wa_ev_int(e->data, "until");

    if (until <= 0) {
        until = (int64_t) (e->entry->id.ms / 1000);
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "jid"));
    wa_ev_arg_int(&a, until);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    if (e->bad) {
        return WA_OK;
    }

    rc = wa_batch_flush(e->batch, e->db);

    if (rc == WA_OK) {
        wa_ev_arg(&a, e->tenant);
        wa_ev_arg(&a, e->at);
        wa_ev_arg_int(&a, wa_jv_is_true(e->data, "keep_starred"));

        rc = wa_ev_run(e,
            "UPDATE wa_messages SET deleted_at = $6, updated_ms = $4"
            " WHERE tenant = $5 AND chat_jid = $2 AND ts <= $3"
            " AND account_id || '' = $1 AND deleted_at IS NULL"
            " AND ($7 = 0 OR is_starred = 0)", &a);
    }

    a.n = 4;

    if (rc == WA_OK && wa_span_eq_str(e->type, "chat.deleted")) {
        a.n = 3;
        return wa_ev_run(e,
            "DELETE FROM wa_chats WHERE account_id = $1 AND jid = $2"
            " AND last_ts <= $3", &a);
    }

    return rc != WA_OK ? rc : wa_ev_run(e,
        "UPDATE wa_chats SET last_body = NULL, unread_count = 0,"
        " updated_ms = $4"
        " WHERE account_id = $1 AND jid = $2 AND last_ts <= $3", &a);
}


wa_err_t
wa_ev_on_label(wa_ev_t *e)
{
    wa_ev_args_t  a = { .n = 0 };
    wa_err_t      rc;

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "id"));

    if (e->bad) {
        return WA_OK;
    }

    if (wa_jv_is_true(e->data, "deleted")) {
        rc = wa_ev_run(e, "DELETE FROM wa_label_links"
                          " WHERE account_id = $1 AND label_id = $2", &a);

        return rc != WA_OK ? rc
               : wa_ev_run(e, "DELETE FROM wa_labels"
                              " WHERE account_id = $1 AND id = $2", &a);
    }

    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "name"));
    wa_ev_arg(&a, wa_ev_word(e, e->data, "color"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);
    wa_ev_arg_int(&a, wa_ev_pos(e));
    wa_ev_arg_int(&a, e->entry->shard);

    return e->bad ? WA_OK : wa_ev_run(e,
        "INSERT INTO wa_labels (account_id, id, tenant, name, color,"
        " first_seen_ms, updated_ms, pos, shard)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)"
        " ON CONFLICT (account_id, id) DO UPDATE SET"
        " name = excluded.name, color = excluded.color,"
        " updated_ms = excluded.updated_ms", &a);
}


wa_err_t
wa_ev_on_label_link(wa_ev_t *e)
{
    wa_span_t     id;
    wa_ev_args_t  a = { .n = 0 };

    id = wa_ev_word(e, e->data, "message_id");

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "label_id"));
    wa_ev_arg(&a, wa_ev_key(e, e->data, "chat_jid"));
    wa_ev_arg(&a, id.p == NULL ? wa_span_str("") : id);

    if (e->bad) {
        return WA_OK;
    }

    if (!wa_jv_is_true(e->data, "value")) {
        return wa_ev_run(e,
            "DELETE FROM wa_label_links WHERE account_id = $1"
            " AND label_id = $2 AND chat_jid = $3 AND message_id = $4", &a);
    }

    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    return wa_ev_run(e,
        "INSERT INTO wa_label_links (account_id, label_id, chat_jid,"
        " message_id, updated_ms) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (account_id, label_id, chat_jid, message_id)"
        " DO UPDATE SET updated_ms = excluded.updated_ms", &a);
}


wa_err_t
wa_ev_on_setting(wa_ev_t *e)
{
    wa_ev_args_t    a = { .n = 0 };
    wa_err_t        rc;
    const wa_jv_t  *value;

    value = wa_jv_get(e->data, "value");

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "name"));
    wa_ev_arg(&a, value == NULL ? wa_span_none() : value->raw);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    if (e->bad) {
        return WA_OK;
    }

    rc = wa_ev_run(e,
        "INSERT INTO wa_app_state (account_id, idx, value, updated_ms)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (account_id, idx)"
        " DO UPDATE SET value = excluded.value,"
        " updated_ms = excluded.updated_ms", &a);

    if (rc != WA_OK || value == NULL || value->type != WA_JV_STRING
        || !wa_span_eq_str(wa_ev_word(e, e->data, "name"), "push_name"))
    {
        return rc;
    }

    a.n = 1;
    wa_ev_arg(&a, wa_ev_text(e, e->data, "value"));

    return wa_ev_run(e, "UPDATE wa_accounts SET push_name = $2"
                        " WHERE id = $1", &a);
}


wa_err_t
wa_ev_on_kept(wa_ev_t *e)
{
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "index"));

    if (e->bad) {
        return WA_OK;
    }

    if (wa_jv_is_true(e->data, "removed")) {
        return wa_ev_run(e, "DELETE FROM wa_app_state"
                            " WHERE account_id = $1 AND idx = $2", &a);
    }

    wa_ev_arg(&a, wa_ev_word(e, e->data, "collection"));
    wa_ev_arg(&a, wa_ev_text(e, e->data, "raw"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    return wa_ev_run(e,
        "INSERT INTO wa_app_state (account_id, idx, collection, raw,"
        " updated_ms) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (account_id, idx) DO UPDATE SET"
        " collection = excluded.collection, raw = excluded.raw,"
        " updated_ms = excluded.updated_ms", &a);
}
