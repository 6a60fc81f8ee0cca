/*
 * Projection: the chats of a batch, and who writes in them.
 *
 * A chat's row says which message is its last one and how many were not
 * read.  Both follow from the rows of its messages, so it is written once a
 * batch, not with each message.
 */
#include "wa_news.h"
#include "wa_project_int.h"


/* Bytes that the chats of a batch may take; a batch has some MB itself. */
#define CHAT_ARENA_MAX  (64 * 1024 * 1024)


/* Longer is no setting of WhatsApp's, s. */
#define CHAT_EXPIRY_MAX  (366 * 86400)


struct wa_batch_chat_s {
    wa_batch_chat_t  *next;
    wa_span_t         account;
    wa_span_t         jid;
    wa_span_t         tenant;
    wa_span_t         lid;             /* p NULL: not said                  */
    wa_span_t         name;            /* p NULL: not said                  */
    wa_span_t         who;             /* who wrote last, as written        */
    wa_span_t         who_lid;
    wa_span_t         who_name;
    uint32_t          shard;
    bool              group;
    bool              none;            /* a broadcast is no chat            */
    bool              read;            /* from the phone: all before it     */
    wa_span_t         newest;          /* id of the newest message          */
    int64_t           newest_ts;
    bool              newest_mine;
    wa_span_t         in;              /* id of the last one that came in   */
    size_t            n_in;            /* since it was read                 */
    int64_t           expiry;          /* s, as the last one says; 0: none  */
    int64_t           first_pos;       /* what came in, for counting        */
    int64_t           last_pos;
    int64_t           min_ts;
    int64_t           max_ts;
    int64_t           ms;
};


static wa_err_t chat_find(wa_ev_t *e, wa_span_t jid, wa_batch_chat_t **out);
static wa_err_t chat_count(wa_ev_t *e, wa_batch_chat_t *c,
    const wa_jv_t *m, bool from_me);
static wa_err_t chat_keep(wa_batch_t *b, wa_span_t *to, wa_span_t s);
static wa_err_t chat_contact(wa_ev_t *e, wa_batch_chat_t *c,
    const wa_jv_t *m);
static wa_err_t chat_read(wa_ev_t *e, wa_span_t jid);
static wa_err_t chat_write(wa_sql_t *db, const wa_batch_chat_t *c);
static bool span_same(wa_span_t a, wa_span_t b);
static bool ends_with(wa_span_t s, const char *end);


wa_err_t
wa_batch_init(wa_batch_t *b, size_t n)
{
    size_t  slots;

    memset(b, 0, sizeof(*b));

    for (slots = 16; slots < 2 * n; slots *= 2) { /* void */ }

    b->slots = wa_calloc(slots, sizeof(wa_batch_chat_t *));
    if (b->slots == NULL) {
        return WA_ERR_NOMEM;
    }

    b->n_slots = slots;
    b->tail = &b->first;
    wa_arena_init(&b->arena, 0);
    wa_arena_set_limit(&b->arena, CHAT_ARENA_MAX);

    return WA_OK;
}


void
wa_batch_free(wa_batch_t *b)
{
    wa_free(b->slots);
    wa_arena_free(&b->arena);
    memset(b, 0, sizeof(*b));
}


wa_err_t
wa_batch_chat(wa_ev_t *e, const wa_jv_t *m)
{
    bool              from_me;
    wa_err_t          rc;
    wa_span_t         jid, lid, name;
    wa_batch_chat_t  *c;

    jid = wa_ev_key(e, m, "remote_jid");
    lid = wa_ev_word(e, m, "lid");

    if (e->bad) {
        return WA_OK;
    }

    rc = chat_find(e, jid, &c);

    if (rc != WA_OK) {
        return rc;
    }

    from_me = wa_jv_is_true(m, "from_me");
    name = from_me || c->group ? wa_span_none()
                               : wa_ev_text(e, m, "push_name");
    c->ms = (int64_t) e->entry->id.ms;
    rc = chat_count(e, c, m, from_me);

    if (rc == WA_OK && lid.p != NULL) {
        rc = chat_keep(e->batch, &c->lid, lid);
    }

    if (rc == WA_OK && name.p != NULL) {
        rc = chat_keep(e->batch, &c->name, name);
    }

    return rc == WA_OK && !from_me ? chat_contact(e, c, m) : rc;
}


/* What was read here, or on another device; messages before it in the batch
   count no more.  Or how long messages are kept from now on. */
wa_err_t
wa_ev_on_chat(wa_ev_t *e)
{
    bool            unread;
    wa_err_t        rc;
    wa_ev_args_t    a = { .n = 0 };
    const wa_jv_t  *chat;

    if (wa_jv_get(e->data, "created") != NULL) {
        return WA_OK;                   /* made of the row (wa_news.h) */
    }

    chat = wa_jv_get(e->data, "chat");
    rc = wa_ev_chat_state(e, chat);

    if (rc != WA_AGAIN) {
        return rc;
    }

    unread = (chat != NULL && wa_jv_get(chat, "unread_count") != NULL);

    if (!unread && (chat == NULL
                    || wa_jv_get(chat, "ephemeral_duration") == NULL))
    {
        return WA_OK;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, chat, "jid"));
    wa_ev_arg_int(&a, wa_ev_int(chat, unread ? "unread_count"
                                             : "ephemeral_duration"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    if (e->bad) {
        return WA_OK;
    }

    rc = wa_batch_flush(e->batch, e->db);

    if (rc == WA_OK && unread && wa_jv_get(chat, "source") != NULL) {
        return chat_read(e, a.v[1].s);
    }

    return rc != WA_OK ? rc : wa_ev_run(e, unread
        ? "UPDATE wa_chats SET unread_count = $3, updated_ms = $4"
          " WHERE account_id = $1 AND jid = $2"
        : "UPDATE wa_chats SET ephemeral_duration = $3, updated_ms = $4"
          " WHERE account_id = $1 AND jid = $2", &a);
}


/* What came after the newest that was read is still unread, as far as it was
   (a message may have come while the other device told). */
#define CHAT_LATER                                                            \
    "(SELECT COUNT(*) FROM wa_messages n WHERE n.tenant = $3"                 \
    " AND n.chat_jid = $2 AND n.account_id || '' = $1 AND n.from_me = 0"      \
    " AND n.type NOT IN ('reaction', 'protocol') AND n.ts >"                  \
    " (SELECT r.ts FROM wa_messages r WHERE r.tenant = $3"                    \
    "  AND r.chat_jid = $2 AND r.account_id || '' = $1 AND r.from_me = 0"     \
    "  AND r.read_ts IS NOT NULL ORDER BY r.ts DESC LIMIT 1))"

static wa_err_t
chat_read(wa_ev_t *e, wa_span_t jid)
{
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, jid);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    return wa_ev_run(e,
        "UPDATE wa_chats SET unread_count ="
        " CASE WHEN unread_count < " CHAT_LATER " THEN unread_count"
        " ELSE " CHAT_LATER " END, updated_ms = $4"
        " WHERE account_id = $1 AND jid = $2", &a);
}


static wa_err_t
chat_count(wa_ev_t *e, wa_batch_chat_t *c, const wa_jv_t *m, bool from_me)
{
    int64_t    ts, expiry;
    wa_err_t   rc;
    wa_span_t  id;

    rc = WA_OK;
    id = wa_ev_key(e, m, "id");
    ts = wa_ev_int(m, "timestamp");

    if (c->newest.p == NULL || ts >= c->newest_ts) {
        c->newest_ts = ts;
        c->newest_mine = from_me;
        rc = chat_keep(e->batch, &c->newest, id);
    }

    /* Whoever answers on the phone has read what was there. */

    if (from_me && wa_span_eq_str(wa_ev_word(e, m, "source"), "phone")) {
        c->read = true;
        c->n_in = 0;
    }

    if (from_me || rc != WA_OK) {
        return rc;
    }

    expiry = wa_ev_int(m, "ephemeral_duration");

    if (expiry > 0 && expiry <= CHAT_EXPIRY_MAX) {
        c->expiry = expiry;
    }

    if (c->n_in++ == 0) {
        c->first_pos = wa_ev_pos(e);
        c->min_ts = ts;
        c->max_ts = ts;
    }

    c->last_pos = wa_ev_pos(e);
    c->min_ts = ts < c->min_ts ? ts : c->min_ts;
    c->max_ts = ts > c->max_ts ? ts : c->max_ts;

    return chat_keep(e->batch, &c->in, id);
}


static wa_err_t
chat_find(wa_ev_t *e, wa_span_t jid, wa_batch_chat_t **out)
{
    size_t            i;
    wa_err_t          rc;
    uint32_t          hash;
    wa_batch_t       *b;
    wa_batch_chat_t  *c;

    b = e->batch;
    hash = 2166136261u;

    for (i = 0; i < e->account.n; i++) {
        hash = (hash ^ e->account.p[i]) * 16777619u;
    }

    for (i = 0; i < jid.n; i++) {
        hash = (hash ^ jid.p[i]) * 16777619u;
    }

    /* There are more slots than entries, so one is free. */

    for (i = hash & (b->n_slots - 1); b->slots[i] != NULL;
         i = (i + 1) & (b->n_slots - 1))
    {
        c = b->slots[i];

        if (wa_span_eq(c->jid, jid) && wa_span_eq(c->account, e->account)) {
            *out = c;
            return WA_OK;
        }
    }

    c = wa_arena_calloc(&b->arena, 1, sizeof(wa_batch_chat_t));
    if (c == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = chat_keep(b, &c->account, e->account);

    if (rc == WA_OK) {
        rc = chat_keep(b, &c->jid, jid);
    }

    if (rc == WA_OK) {
        rc = chat_keep(b, &c->tenant, e->tenant);
    }

    if (rc != WA_OK) {
        return rc;
    }

    c->shard = e->entry->shard;
    c->group = ends_with(jid, "@g.us");
    c->none = ends_with(jid, "@broadcast");

    b->slots[i] = c;
    *b->tail = c;
    b->tail = &c->next;
    *out = c;

    return WA_OK;
}


/* What an event says, for as long as the batch.  The same is kept once. */
static wa_err_t
chat_keep(wa_batch_t *b, wa_span_t *to, wa_span_t s)
{
    if (span_same(*to, s)) {
        return WA_OK;
    }

    if (s.p == NULL || s.n == 0) {
        *to = s.p == NULL ? s : wa_span_str("");
        return WA_OK;
    }

    return wa_arena_dup_span(&b->arena, s, to);
}


static wa_err_t
chat_contact(wa_ev_t *e, wa_batch_chat_t *c, const wa_jv_t *m)
{
    wa_ev_args_t  a = { .n = 0 };
    wa_err_t      rc;
    wa_span_t     jid, lid, name;

    jid = wa_ev_word(e, m, "from_jid");
    lid = wa_ev_word(e, m, "from_lid");
    name = wa_ev_text(e, m, "push_name");

    if (jid.n == 0 || e->bad
        || (span_same(c->who, jid) && span_same(c->who_lid, lid)
            && span_same(c->who_name, name)))
    {
        return WA_OK;
    }

    rc = chat_keep(e->batch, &c->who, jid);

    if (rc == WA_OK) {
        rc = chat_keep(e->batch, &c->who_lid, lid);
    }

    if (rc == WA_OK) {
        rc = chat_keep(e->batch, &c->who_name, name);
    }

    if (rc != WA_OK) {
        return rc;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, jid);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, lid);
    wa_ev_arg(&a, wa_ev_phone(jid));
    wa_ev_arg(&a, name);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);
    wa_ev_arg_int(&a, wa_ev_pos(e));
    wa_ev_arg_int(&a, e->entry->shard);

    return wa_ev_run(e,
        "INSERT INTO wa_contacts (account_id, jid, tenant, lid,"
        " phone_number, notify_name, first_seen_ms, updated_ms,"
        " pos, shard, fresh)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9,"
        " " WA_NEWS_CREATED ")"
        " ON CONFLICT (account_id, jid) DO UPDATE SET"
        " lid = COALESCE(excluded.lid, wa_contacts.lid),"
        " notify_name = COALESCE(excluded.notify_name,"
        "  wa_contacts.notify_name),"
        " fresh = CASE WHEN wa_contacts.fresh = 0"
        "  AND excluded.notify_name IS NOT NULL"
        "  AND wa_contacts.notify_name IS DISTINCT FROM"
        "  excluded.notify_name THEN " WA_NEWS_CHANGED
        "  ELSE wa_contacts.fresh END,"
        " updated_ms = excluded.updated_ms"
        " WHERE (excluded.lid IS NOT NULL AND"
        "  wa_contacts.lid IS DISTINCT FROM excluded.lid)"
        " OR (excluded.notify_name IS NOT NULL AND"
        "  wa_contacts.notify_name IS DISTINCT FROM"
        "  excluded.notify_name)", &a);
}


wa_err_t
wa_batch_flush(wa_batch_t *b, wa_sql_t *db)
{
    wa_err_t          rc;
    wa_batch_chat_t  *c;

    rc = WA_OK;

    for (c = b->first; rc == WA_OK && c != NULL; c = c->next) {

        if (!c->none) {
            rc = chat_write(db, c);
        }
    }

    if (b->first != NULL) {
        memset(b->slots, 0, b->n_slots * sizeof(wa_batch_chat_t *));
        b->first = NULL;
        b->tail = &b->first;
        wa_arena_reset(&b->arena);
    }

    return rc;
}


/*
 * Only messages whose rows this batch made count: those carry a position of
 * its entries.  (Several are found by their chat: || keeps SQLite from
 * looking through the account's.)
 */
static wa_err_t
chat_write(wa_sql_t *db, const wa_batch_chat_t *c)
{
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, c->account);
    wa_ev_arg(&a, c->jid);
    wa_ev_arg(&a, c->tenant);
    wa_ev_arg(&a, c->lid);
    wa_ev_arg(&a, c->name);
    wa_ev_arg_int(&a, c->group);
    wa_ev_arg_int(&a, c->min_ts);
    wa_ev_arg_int(&a, c->max_ts);
    wa_ev_arg_int(&a, c->n_in == 0 ? 0 : c->first_pos);
    wa_ev_arg_int(&a, c->n_in == 0 ? -1 : c->last_pos);
    wa_ev_arg_int(&a, c->shard);
    wa_ev_arg_int(&a, c->read);
    wa_ev_arg_int(&a, c->ms);
    wa_ev_arg(&a, c->newest);
    wa_ev_arg(&a, c->in);
    wa_ev_arg_int(&a, c->newest_ts);
    wa_ev_arg_int(&a, c->newest_mine);
    wa_ev_arg_int(&a, (int64_t) c->n_in);
    wa_ev_arg_int(&a, c->expiry);

    return wa_sql_exec(db,
        "INSERT INTO wa_chats (account_id, jid, tenant, lid, name,"
        " is_group, unread_count, last_ts, last_pos, last_id,"
        " last_body, last_from_me, shard, updated_ms,"
        " ephemeral_duration, fresh)"
        " VALUES ($1, $2, $3, $4, $5, $6,"
        " CASE WHEN $18 = 1 THEN (SELECT COUNT(*) FROM wa_messages n"
        "  WHERE n.account_id = $1 AND n.id = $15 AND n.pos = $9)"
        " ELSE (SELECT COUNT(*) FROM wa_messages n"
        "  WHERE n.tenant = $3 AND n.chat_jid = $2"
        "  AND n.ts BETWEEN $7 AND $8 AND n.pos BETWEEN $9 AND $10"
        "  AND n.shard = $11 AND n.account_id || '' = $1"
        "  AND n.from_me = 0 AND n.type NOT IN " WA_CHANGE_TYPES ") END,"
        " $16,"
        " (SELECT m.pos FROM wa_messages m"
        "  WHERE m.account_id = $1 AND m.id = $14), $14,"
        " (SELECT SUBSTR(m.body, 1, " WA_CHAT_BRIEF ")"
        "  FROM wa_messages m WHERE m.account_id = $1"
        "  AND m.id = $14 AND m.deleted_at IS NULL),"
        " $17, $11, $13, NULLIF($19, 0), " WA_NEWS_CREATED ")"
        " ON CONFLICT (account_id, jid) DO UPDATE SET"
        " lid = COALESCE(excluded.lid, wa_chats.lid),"
        " name = COALESCE(excluded.name, wa_chats.name),"
        " unread_count = excluded.unread_count + CASE WHEN $12 = 1"
        "  THEN 0 ELSE wa_chats.unread_count END,"
        " ephemeral_duration = COALESCE(excluded.ephemeral_duration,"
        "  wa_chats.ephemeral_duration),"
        WA_CHAT_IF_NEWER(last_id)
        WA_CHAT_IF_NEWER(last_body)
        WA_CHAT_IF_NEWER(last_from_me)
        WA_CHAT_IF_NEWER(last_pos)
        WA_CHAT_IF_NEWER(last_ts)
        " updated_ms = excluded.updated_ms", a.v, a.n, NULL);
}


static bool
span_same(wa_span_t a, wa_span_t b)
{
    return (a.p == NULL) == (b.p == NULL) && wa_span_eq(a, b);
}


wa_span_t
wa_ev_phone(wa_span_t jid)
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
