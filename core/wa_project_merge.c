/*
 * Projection: a person was known under two addresses, and now it is known
 * that they are one (chat.merged, HTTP contract 20).
 *
 * The messages' objects are the one exception from "kept as the event had
 * it": their addresses are part of what a chat's messages are found and shown
 * by, and every row of the chat is rewritten anyway.
 */
#include "wa_project_int.h"


static wa_err_t merge_messages(wa_ev_t *e, wa_ev_args_t *a);
static wa_err_t merge_rows(wa_ev_t *e, const wa_ev_args_t *a);
static wa_err_t merge_chat(wa_ev_t *e, const wa_ev_args_t *a);
static wa_err_t merge_labels(wa_ev_t *e, const wa_ev_args_t *a);
static wa_err_t merge_past(wa_ev_t *e, const wa_ev_args_t *a);
static wa_err_t merge_contact(wa_ev_t *e, const wa_ev_args_t *a);
static wa_err_t merge_calls(wa_ev_t *e, const wa_ev_args_t *a);
static wa_span_t merge_member(wa_ev_t *e, const char *name, wa_span_t value);


wa_err_t
wa_ev_on_merged(wa_ev_t *e)
{
    wa_ev_args_t  a = { .n = 0 };
    wa_err_t      rc;
    wa_span_t     from, into;

    from = wa_ev_key(e, e->data, "from");
    into = wa_ev_key(e, e->data, "into");

    if (e->bad || wa_span_eq(from, into)) {
        return WA_OK;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, from);
    wa_ev_arg(&a, into);
    wa_ev_arg(&a, wa_ev_word(e, e->data, "lid"));
    wa_ev_arg(&a, wa_ev_phone(into));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    rc = wa_batch_flush(e->batch, e->db);

    if (rc == WA_OK) {
        rc = merge_messages(e, &a);
    }

    if (rc == WA_OK) {
        rc = merge_rows(e, &a);
    }

    if (rc == WA_OK) {
        rc = merge_chat(e, &a);
    }

    if (rc == WA_OK) {
        rc = merge_calls(e, &a);
    }

    if (rc == WA_OK) {
        rc = merge_labels(e, &a);
    }

    if (rc == WA_OK) {
        rc = merge_past(e, &a);
    }

    return rc == WA_OK ? merge_contact(e, &a) : rc;
}


static wa_err_t
merge_labels(wa_ev_t *e, const wa_ev_args_t *a)
{
    wa_err_t      rc;
    wa_ev_args_t  m = *a;

    m.n = 3;

    rc = wa_ev_run(e,
        "INSERT INTO wa_label_links (account_id, label_id, chat_jid,"
        " message_id, updated_ms)"
        " SELECT l.account_id, l.label_id, $3, l.message_id, l.updated_ms"
        " FROM wa_label_links l"
        " WHERE l.account_id = $1 AND l.chat_jid = $2"
        " ON CONFLICT (account_id, label_id, chat_jid, message_id)"
        " DO NOTHING", &m);

    if (rc != WA_OK) {
        return rc;
    }

    m.n = 2;

    return wa_ev_run(e, "DELETE FROM wa_label_links WHERE account_id = $1"
                        " AND chat_jid = $2", &m);
}


/* Who left a group: the last time counts.  Members need nothing, the group's
   next event lists them all. */
static wa_err_t
merge_past(wa_ev_t *e, const wa_ev_args_t *a)
{
    wa_err_t      rc;
    wa_ev_args_t  m = *a;

    m.n = 4;

    rc = wa_ev_run(e,
        "INSERT INTO wa_group_past (account_id, group_jid, jid, lid,"
        " reason, left_ts)"
        " SELECT p.account_id, p.group_jid, $3, COALESCE($4, p.lid),"
        " p.reason, p.left_ts FROM wa_group_past p"
        " WHERE p.account_id = $1 AND p.jid = $2"
        " ON CONFLICT (account_id, group_jid, jid) DO UPDATE SET"
        " lid = COALESCE(excluded.lid, wa_group_past.lid),"
        " reason = CASE WHEN excluded.left_ts > wa_group_past.left_ts"
        "  THEN excluded.reason ELSE wa_group_past.reason END,"
        " left_ts = CASE WHEN excluded.left_ts > wa_group_past.left_ts"
        "  THEN excluded.left_ts ELSE wa_group_past.left_ts END", &m);

    if (rc != WA_OK) {
        return rc;
    }

    m.n = 2;

    return wa_ev_run(e, "DELETE FROM wa_group_past WHERE account_id = $1"
                        " AND jid = $2", &m);
}


/* Five members of an object hold the address, two of them as digits where it
   is a number; inside a JSON string their quotes would be escaped. */
static wa_err_t
merge_messages(wa_ev_t *e, wa_ev_args_t *a)
{
    size_t        i;
    wa_span_t     from, into, digits;
    wa_ev_args_t  m = { .n = 0 };

    static const char *const  names[] = {
        "remote_jid", "jid", "from_jid", "from", "to"
    };

    from = a->v[1].s;
    into = a->v[2].s;
    digits = a->v[4].s.n > 0 ? a->v[4].s : into;

    wa_ev_arg(&m, e->account);
    wa_ev_arg(&m, from);
    wa_ev_arg(&m, into);
    wa_ev_arg_int(&m, (int64_t) e->entry->id.ms);
    wa_ev_arg(&m, e->tenant);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        wa_ev_arg(&m, merge_member(e, names[i], from));
        wa_ev_arg(&m, merge_member(e, names[i], i < 3 ? into : digits));
    }

    wa_ev_arg(&m, merge_member(e, "phone_number", a->v[4].s));

    if (e->nomem) {
        return WA_ERR_NOMEM;
    }

    return wa_ev_run(e,
        "UPDATE wa_messages SET chat_jid = $3,"
        " from_jid = CASE WHEN from_jid = $2 THEN $3 ELSE from_jid END,"
        " updated_ms = $4,"
        " object = REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(object,"
        "  $6, $7), $8, $9), $10, $11), $12, $13), $14, $15),"
        "  '\"phone_number\":null', $16)"
        " WHERE tenant = $5 AND chat_jid = $2 AND account_id = $1", &m);
}


/* "name":"value" as it stands in an object; p NULL: null. */
static wa_span_t
merge_member(wa_ev_t *e, const char *name, wa_span_t value)
{
    char    *p;
    size_t   n, cap;

    cap = strlen(name) + value.n + sizeof("\"\":\"\"null");
    p = wa_arena_alloc(e->arena, cap);

    if (p == NULL) {
        e->nomem = true;
        return wa_span_none();
    }

    n = 0;
    p[n++] = '"';
    memcpy(p + n, name, strlen(name));
    n += strlen(name);
    memcpy(p + n, "\":", 2);
    n += 2;

    if (value.p == NULL) {
        memcpy(p + n, "null", 4);
        return wa_span(p, n + 4);
    }

    p[n++] = '"';
    memcpy(p + n, value.p, value.n);
    n += value.n;
    p[n++] = '"';

    return wa_span(p, n);
}


/* Who told, reacted or voted: rows of both addresses may exist.  Receipts are
   those of the chat alone, in groups there are too many. */
static wa_err_t
merge_rows(wa_ev_t *e, const wa_ev_args_t *a)
{
    size_t        i;
    wa_err_t      rc;
    wa_ev_args_t  m = *a;

    static const struct {
        size_t       n;                 /* parameters */
        const char  *text;
    } statements[] = {
        { 4,
          "INSERT INTO wa_receipts (account_id, id, recipient_jid, rank,"
          " status, ts) SELECT r.account_id, r.id, $3, r.rank, r.status, r.ts"
          " FROM wa_receipts r WHERE r.account_id = $1"
          " AND r.recipient_jid = $2 AND r.id IN (SELECT m.id"
          "  FROM wa_messages m WHERE m.tenant = $4 AND m.chat_jid = $3"
          "  AND m.account_id = $1)"
          " ON CONFLICT DO NOTHING" },

        { 4,
          "DELETE FROM wa_receipts WHERE account_id = $1"
          " AND recipient_jid = $2 AND id IN (SELECT m.id FROM wa_messages m"
          "  WHERE m.tenant = $4 AND m.chat_jid = $3 AND m.account_id = $1)" },

        { 3,
          "INSERT INTO wa_reactions (account_id, id, from_jid, emoji, ms)"
          " SELECT r.account_id, r.id, $3, r.emoji, r.ms"
          " FROM wa_reactions r WHERE r.account_id = $1 AND r.from_jid = $2"
          " ON CONFLICT DO NOTHING" },

        { 2,
          "DELETE FROM wa_reactions WHERE account_id = $1"
          " AND from_jid = $2" },

        { 3,
          "INSERT INTO wa_votes (account_id, id, voter, lid, options, ms)"
          " SELECT v.account_id, v.id, $3, v.lid, v.options, v.ms"
          " FROM wa_votes v WHERE v.account_id = $1 AND v.voter = $2"
          " ON CONFLICT (account_id, id, voter) DO UPDATE SET"
          " lid = COALESCE(excluded.lid, wa_votes.lid),"
          " options = excluded.options, ms = excluded.ms"
          " WHERE excluded.ms >= wa_votes.ms" },

        { 2,
          "DELETE FROM wa_votes WHERE account_id = $1 AND voter = $2" }
    };

    m.n = 3;
    wa_ev_arg(&m, e->tenant);
    rc = WA_OK;

    for (i = 0; rc == WA_OK && i < sizeof(statements) / sizeof(statements[0]);
         i++)
    {
        m.n = statements[i].n;
        rc = wa_ev_run(e, statements[i].text, &m);
    }

    return rc;
}


static wa_err_t
merge_chat(wa_ev_t *e, const wa_ev_args_t *a)
{
    wa_err_t      rc;
    wa_ev_args_t  m = *a;

    m.v[4] = m.v[5];
    m.n = 5;

    rc = wa_ev_run(e,
        "INSERT INTO wa_chats (account_id, jid, tenant, lid, name,"
        " is_group, is_archived, is_pinned, mute_expiry, unread_count,"
        " last_ts, last_pos, last_id, last_body, last_from_me, shard,"
        " updated_ms, ephemeral_duration)"
        " SELECT c.account_id, $3, c.tenant, COALESCE($4, c.lid), c.name,"
        " c.is_group, c.is_archived, c.is_pinned, c.mute_expiry,"
        " c.unread_count, c.last_ts, c.last_pos, c.last_id, c.last_body,"
        " c.last_from_me, c.shard, $5, c.ephemeral_duration"
        " FROM wa_chats c"
        " WHERE c.account_id = $1 AND c.jid = $2"
        " ON CONFLICT (account_id, jid) DO UPDATE SET"
        " lid = COALESCE(excluded.lid, wa_chats.lid),"
        " name = COALESCE(wa_chats.name, excluded.name),"
        " is_archived = CASE WHEN excluded.is_archived = 1 THEN 1"
        "  ELSE wa_chats.is_archived END,"
        " is_pinned = CASE WHEN excluded.is_pinned = 1 THEN 1"
        "  ELSE wa_chats.is_pinned END,"
        " mute_expiry = COALESCE(wa_chats.mute_expiry,"
        "  excluded.mute_expiry),"
        " ephemeral_duration = COALESCE(wa_chats.ephemeral_duration,"
        "  excluded.ephemeral_duration),"
        " unread_count = wa_chats.unread_count + excluded.unread_count,"
        " last_pos = CASE WHEN excluded.last_ts > wa_chats.last_ts"
        "  THEN excluded.last_pos ELSE wa_chats.last_pos END,"
        " last_id = CASE WHEN excluded.last_ts > wa_chats.last_ts"
        "  THEN excluded.last_id ELSE wa_chats.last_id END,"
        " last_body = CASE WHEN excluded.last_ts > wa_chats.last_ts"
        "  THEN excluded.last_body ELSE wa_chats.last_body END,"
        " last_from_me = CASE WHEN excluded.last_ts > wa_chats.last_ts"
        "  THEN excluded.last_from_me ELSE wa_chats.last_from_me END,"
        " last_ts = CASE WHEN excluded.last_ts > wa_chats.last_ts"
        "  THEN excluded.last_ts ELSE wa_chats.last_ts END,"
        " updated_ms = excluded.updated_ms", &m);

    if (rc != WA_OK) {
        return rc;
    }

    m.n = 2;

    return wa_ev_run(e, "DELETE FROM wa_chats WHERE account_id = $1"
                        " AND jid = $2", &m);
}


static wa_err_t
merge_contact(wa_ev_t *e, const wa_ev_args_t *a)
{
    wa_err_t      rc;
    wa_ev_args_t  m = *a;

    rc = wa_ev_run(e,
        "INSERT INTO wa_contacts (account_id, jid, tenant, lid,"
        " phone_number, notify_name, first_seen_ms, pos, shard, updated_ms,"
        " name, short_name, username, status_text, profile_pic_url,"
        " verified_name)"
        " SELECT c.account_id, $3, c.tenant, COALESCE($4, c.lid), $5,"
        " c.notify_name, c.first_seen_ms, c.pos, c.shard, $6, c.name,"
        " c.short_name, c.username, c.status_text, c.profile_pic_url,"
        " c.verified_name"
        " FROM wa_contacts c"
        " WHERE c.account_id = $1 AND c.jid = $2"
        " ON CONFLICT (account_id, jid) DO UPDATE SET"
        " lid = COALESCE(excluded.lid, wa_contacts.lid),"
        " notify_name = COALESCE(wa_contacts.notify_name,"
        "  excluded.notify_name),"
        " name = COALESCE(wa_contacts.name, excluded.name),"
        " short_name = COALESCE(wa_contacts.short_name,"
        "  excluded.short_name),"
        " username = COALESCE(wa_contacts.username, excluded.username),"
        " status_text = COALESCE(wa_contacts.status_text,"
        "  excluded.status_text),"
        " profile_pic_url = COALESCE(wa_contacts.profile_pic_url,"
        "  excluded.profile_pic_url),"
        " verified_name = COALESCE(wa_contacts.verified_name,"
        "  excluded.verified_name),"
        " first_seen_ms = CASE WHEN excluded.first_seen_ms"
        "  < wa_contacts.first_seen_ms THEN excluded.first_seen_ms"
        "  ELSE wa_contacts.first_seen_ms END,"
        " updated_ms = excluded.updated_ms", &m);

    if (rc != WA_OK) {
        return rc;
    }

    m.n = 2;

    return wa_ev_run(e, "DELETE FROM wa_contacts WHERE account_id = $1"
                        " AND jid = $2", &m);
}


/* A call's object holds who called once. */
static wa_err_t
merge_calls(wa_ev_t *e, const wa_ev_args_t *a)
{
    wa_ev_args_t  m = { .n = 0 };

    wa_ev_arg(&m, e->account);
    wa_ev_arg(&m, a->v[1].s);
    wa_ev_arg(&m, a->v[2].s);
    wa_ev_arg_int(&m, (int64_t) e->entry->id.ms);
    wa_ev_arg(&m, merge_member(e, "from_jid", a->v[1].s));
    wa_ev_arg(&m, merge_member(e, "from_jid", a->v[2].s));

    if (e->nomem) {
        return WA_ERR_NOMEM;
    }

    return wa_ev_run(e,
        "UPDATE wa_calls SET from_jid = $3, updated_ms = $4,"
        " object = REPLACE(object, $5, $6)"
        " WHERE account_id = $1 AND from_jid = $2", &m);
}
