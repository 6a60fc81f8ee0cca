/*
 * Taking in history: the rows of messages, see wa_history_int.h.
 *
 * What came live wins: a message that has a row keeps it.  A row of history
 * has a negative `pos`, so that within one second it stands before live ones;
 * its event was none of the log.
 */
#include "wa_history_int.h"

#include "wa_account_int.h"
#include "wa_archive_media.h"
#include "wa_b64.h"
#include "wa_pb.h"
#include "wa_project_int.h"


/* StubType of WebMessageInfo; others tell of the chat. */
#define STUB_REVOKE        1
#define STUB_CALL_VOICE    40
#define STUB_CALL_VIDEO    41
#define STUB_GROUP_VOICE   45
#define STUB_GROUP_VIDEO   46

/* Larger ones are not kept, as of live messages. */
#define HISTORY_RAW_MAX    (256u * 1024)

/* Secrets that are handed to the account, of messages not older than it
   keeps them. */
#define HISTORY_SECRETS    512u

#define HISTORY_ID_MAX     128u


/* A message on its way into its row. */
typedef struct {
    wa_history_t               *h;
    wa_sql_t                   *db;
    const wa_history_chat_t    *chat;
    const Wa__WebMessageInfo   *info;
    wa_content_t                content;
    wa_message_view_t           view;
    char                        ref[WA_MESSAGE_REF_LEN];
    char                        medium[WA_MEDIUM_ID_SIZE];
    wa_span_t                   alias;      /* the chat's other address    */
    int                         rank;
    uint64_t                    order;
} history_row_t;


static bool row_read(history_row_t *r, wa_err_t *rc);
static bool row_people(history_row_t *r);
static void row_mentions(history_row_t *r);
static void row_status(history_row_t *r);
static wa_err_t row_put(history_row_t *r);
static int64_t row_pos(const history_row_t *r);
static wa_err_t row_medium_id(history_row_t *r);
static wa_err_t row_raw(history_row_t *r);
static wa_err_t row_medium(history_row_t *r);
static wa_err_t row_secret(history_row_t *r);
static void row_newest(history_row_t *r);


wa_err_t
wa_history_row_message(wa_history_t *h, wa_sql_t *db,
    const wa_history_chat_t *chat, const Wa__WebMessageInfo *info,
    uint64_t order)
{
    wa_err_t        rc;
    history_row_t  *r;

    r = wa_arena_calloc(&h->arena, 1, sizeof(*r));
    if (r == NULL) {
        return WA_ERR_NOMEM;
    }

    r->h = h;
    r->db = db;
    r->chat = chat;
    r->info = info;
    r->order = order;

    rc = WA_OK;

    if (!row_read(r, &rc)) {
        h->totals.skipped += (rc == WA_OK);
        return rc;
    }

    rc = row_put(r);

    if (rc == WA_OK && r->content.raw) {
        rc = row_raw(r);
    }

    if (rc == WA_OK && r->view.media_id != NULL) {
        rc = row_medium(r);
    }

    if (rc == WA_OK) {
        rc = wa_history_row_more(h, db, &r->view, info);
    }

    if (rc == WA_OK) {
        rc = row_secret(r);
    }

    if (rc == WA_OK) {
        h->totals.messages++;
        row_newest(r);
    }

    return rc;
}


/* False: no message to show, or *rc. */
static bool
row_read(history_row_t *r, wa_err_t *rc)
{
    bool                       notice;
    wa_span_t                  plain;
    const Wa__WebMessageInfo  *info;

    info = r->info;

    if (info->key == NULL || info->key->id == NULL
        || info->key->id[0] == '\0' || strlen(info->key->id) > HISTORY_ID_MAX
        || !info->has_message_timestamp
        || info->message_timestamp > INT64_MAX / 1000)
    {
        return false;
    }

    r->view.timestamp = (int64_t) info->message_timestamp;

    if (r->view.timestamp < r->h->since_s || !row_people(r)) {
        return false;
    }

    plain = info->has_message ? wa_pb_span(&info->message) : wa_span_none();
    *rc = wa_message_decode(plain, &r->h->arena, &r->content);

    if (*rc != WA_OK) {
        *rc = (*rc == WA_ERR_NOMEM) ? *rc : WA_OK;
        return false;
    }

    switch (info->has_message_stub_type ? info->message_stub_type : 0) {

    case STUB_CALL_VOICE:
    case STUB_CALL_VIDEO:
    case STUB_GROUP_VOICE:
    case STUB_GROUP_VIDEO:
        r->content.kind = WA_KIND_CALL;
        notice = true;
        break;

    case STUB_REVOKE:
        notice = true;
        break;

    default:
        notice = false;
    }

    if (!notice && (r->content.nothing || plain.n == 0
                    || r->content.kind == WA_KIND_PROTOCOL
                    || r->content.kind == WA_KIND_REACTION
                    || r->content.kind == WA_KIND_POLL_UPDATE))
    {
        return false;
    }

    if (r->content.secret.p == NULL
        && info->message_secret.len == WA_MESSAGE_SECRET_LEN)
    {
        r->content.secret = wa_pb_span(&info->message_secret);
    }

    r->view.message_id = wa_span_str(info->key->id);
    r->view.content = &r->content;
    r->view.plain = plain;
    r->view.source = "history";
    r->view.ref = r->ref;
    row_status(r);

    return true;
}


/* Who wrote it, and where; and its reference, which follows from that. */
static bool
row_people(history_row_t *r)
{
    bool                            room;
    wa_jid_t                        who;
    const char                     *text;
    const Wa__WebMessageInfo__Key  *key;

    key = r->info->key;
    room = !wa_jid_is_user(&r->chat->jid);
    r->view.from_me = key->has_from_me && key->from_me;

    if (room) {
        r->view.chat = r->chat->jid;
        text = r->info->participant != NULL && r->info->participant[0] != '\0'
               ? r->info->participant : key->participant;

        if (r->view.from_me) {
            who = r->h->owner.self;

        } else if (text == NULL
                   || !wa_history_jid(wa_span_str(text), &who)
                   || !wa_jid_is_user(&who))
        {
            return false;
        }

        r->view.from_me |= wa_history_is_self(r->h, &who);

    } else {
        wa_history_show(r->h, &r->chat->jid, &r->view.chat,
                        &r->view.chat_lid);
        who = r->view.from_me ? r->h->owner.self : r->chat->jid;

        if (r->view.chat_lid.server != WA_SERVER_NONE) {
            r->alias = wa_history_address(r->h, &r->view.chat_lid);
        }
    }

    wa_history_show(r->h, &who, &r->view.sender, &r->view.sender_lid);
    row_mentions(r);

    if (wa_push_name_says(wa_span_str(r->info->push_name))
        && !r->view.from_me)
    {
        r->view.push_name = wa_span_str(r->info->push_name);
    }

    /* As of live messages: the LID when it is known. */

    return wa_message_ref_of(r->h->account_id, r->view.from_me,
                             r->view.sender_lid.server != WA_SERVER_NONE
                             ? &r->view.sender_lid : &r->view.sender,
                             wa_span_str(key->id), r->ref)
           == WA_OK;
}


/* Without memory they stay as they stand. */
static void
row_mentions(history_row_t *r)
{
    size_t         i;
    wa_jid_t       jid;
    wa_mention_t  *list;

    if (r->content.n_mentions == 0) {
        return;
    }

    list = wa_arena_calloc(&r->h->arena, r->content.n_mentions,
                           sizeof(wa_mention_t));

    for (i = 0; list != NULL && i < r->content.n_mentions; i++) {

        if (wa_history_jid(wa_span_str(r->content.mentions[i]), &jid)
            && wa_jid_is_user(&jid))
        {
            wa_history_map_find(&r->h->map, &jid, &list[i].pn, &list[i].lid);
        }
    }

    r->view.mentions = list;
}


static void
row_status(history_row_t *r)
{
    int  status;

    static const struct {
        const char  *word;
        int          rank;
    } words[] = {
        { "FAILED", 35 },
        { "PENDING", 20 },
        { "SENT", 30 },
        { "DELIVERED", 40 },
        { "READ", 50 },
        { "PLAYED", 60 }
    };

    r->view.status = "RECEIVED";
    r->rank = 10;

    if (!r->view.from_me) {
        return;
    }

    status = r->info->has_status ? r->info->status : 2;

    if (status < 0 || status > 5) {
        status = 2;
    }

    r->view.status = words[status].word;
    r->rank = words[status].rank;
}


/* Of a chat that was known under another address at the time the message may
   be there under another reference.  (Few messages have one id: || keeps
   SQLite from looking through the account's.) */
static wa_err_t
row_put(history_row_t *r)
{
    char             deleted[32];
    wa_jw_t          w;
    wa_buf_t         object = WA_BUF_EMPTY;
    wa_err_t         rc;
    wa_ev_args_t     a = { .n = 0 };
    wa_history_t    *h;
    const wa_content_t  *c;

    h = r->h;
    c = &r->content;

    if (c->medium.direct_path != NULL || c->medium.url != NULL) {
        rc = row_medium_id(r);

        if (rc != WA_OK) {
            return rc;
        }

        r->view.media_id = r->medium;
    }

    wa_jw_init(&w, &object);
    wa_event_message_of(&h->owner, &r->view, NULL, &w);

    wa_ev_arg(&a, wa_span_str(h->account_id));
    wa_ev_arg(&a, wa_span_str(r->ref));
    wa_ev_arg(&a, wa_span_str(h->tenant));
    wa_ev_arg(&a, wa_history_text(h, r->info->key->id));
    wa_ev_arg(&a, wa_history_address(h, &r->view.chat));
    wa_ev_arg(&a, r->view.from_me ? wa_span_none()
                                  : wa_history_address(h, &r->view.sender));
    wa_ev_arg(&a, r->view.from_me ? wa_span_none()
                                  : wa_history_address(h, &r->view.sender_lid));
    wa_ev_arg(&a, wa_jid_is_user(&r->chat->jid) ? wa_span_none()
                  : wa_history_address(h, r->view.from_me ? &h->owner.self
                                               : &r->view.sender));
    wa_ev_arg_int(&a, r->view.from_me);
    wa_ev_arg(&a, wa_span_str(wa_kind_name(c->kind)));
    wa_ev_arg_int(&a, c->medium.kind != NULL);
    wa_ev_arg(&a, wa_span_str(r->view.status));
    wa_ev_arg_int(&a, r->rank);
    wa_ev_arg_int(&a, r->view.timestamp);
    wa_ev_arg_int(&a, row_pos(r));
    wa_ev_arg_int(&a, h->shard);
    wa_ev_arg(&a, wa_history_text(h, c->text));
    wa_ev_arg_int(&a, r->info->has_starred && r->info->starred);

    wa_ev_arg(&a, r->info->message_stub_type == STUB_REVOKE
                  ? wa_span_str(wa_iso_time(
                        r->info->revoke_message_timestamp != 0
                        && r->info->revoke_message_timestamp
                           < INT64_MAX / 1000
                        ? (int64_t) r->info->revoke_message_timestamp * 1000
                        : r->view.timestamp * 1000, deleted))
                  : wa_span_none());
    wa_ev_arg_int(&a, h->owner.now_ms);
    wa_ev_arg(&a, wa_span_buf(&object));
    wa_ev_arg(&a, r->alias);

    rc = w.err != WA_OK ? w.err : wa_ev_exec(r->db,
        "INSERT INTO wa_messages (account_id, id, tenant, message_id,"
        " chat_jid, from_jid, from_lid, participant, from_me, type,"
        " has_media, status, rank, ts, pos, shard, body, is_starred,"
        " deleted_at, updated_ms, object)"
        " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
        " $14, $15, $16, $17, $18, $19, $20, $21"
        " WHERE NOT EXISTS (SELECT 1 FROM wa_messages o WHERE o.tenant = $3"
        "  AND o.message_id = $4 AND o.account_id || '' = $1"
        "  AND o.from_me = $9 AND o.chat_jid || '' IN ($5, $22))"
        " ON CONFLICT DO NOTHING", &a);

    wa_buf_wipe(&object);

    return rc;
}


/* Negative, so below any position of the log; the phone's own order within a
   second. */
static int64_t
row_pos(const history_row_t *r)
{
    size_t    i;
    uint32_t  hash;

    hash = 2166136261u;

    for (i = 0; r->ref[i] != '\0'; i++) {
        hash = (hash ^ (uint8_t) r->ref[i]) * 16777619u;
    }

    return (int64_t) ((r->order & 0xffffff) << 24 | (hash & 0xffffff))
           - ((int64_t) 1 << 48);
}


/* The same whenever the message comes. */
static wa_err_t
row_medium_id(history_row_t *r)
{
    size_t     i;
    uint8_t    digest[WA_SHA256_LEN];
    wa_err_t   rc;
    wa_span_t  parts[3];

    static const char  hex[] = "0123456789abcdef";

    parts[0] = wa_span_str("medium of history ");
    parts[1] = wa_span_str(r->h->account_id);
    parts[2] = wa_span_str(r->ref);
    rc = wa_sha256(parts, 3, digest);

    for (i = 0; rc == WA_OK && i < (WA_MEDIUM_ID_SIZE - 1) / 2; i++) {
        r->medium[2 * i] = hex[digest[i] >> 4];
        r->medium[2 * i + 1] = hex[digest[i] & 0x0f];
    }

    r->medium[WA_MEDIUM_ID_SIZE - 1] = '\0';

    return rc;
}


static wa_err_t
row_raw(history_row_t *r)
{
    wa_buf_t      text = WA_BUF_EMPTY;
    wa_err_t      rc;
    wa_ev_args_t  a = { .n = 0 };

    if (r->view.plain.n == 0 || r->view.plain.n > HISTORY_RAW_MAX) {
        return WA_OK;
    }

    rc = wa_b64_encode(r->view.plain, WA_B64_STD, &text);

    if (rc == WA_OK) {
        wa_ev_arg(&a, wa_span_str(r->h->account_id));
        wa_ev_arg(&a, wa_span_str(r->ref));
        wa_ev_arg(&a, wa_span_buf(&text));
        rc = wa_ev_exec(r->db, "INSERT INTO wa_raw (account_id, id, message)"
                        " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", &a);
    }

    wa_buf_wipe(&text);

    return rc;
}


/* Fetched when somebody asks for it: a history has thousands of files, and
   the servers do not have most of them any more. */
static wa_err_t
row_medium(history_row_t *r)
{
    wa_buf_t             text = WA_BUF_EMPTY;
    wa_err_t             rc;
    wa_media_t           m;
    wa_history_t        *h;
    const wa_content_t  *c;

    h = r->h;
    c = &r->content;
    rc = wa_event_descriptor(&h->owner, &r->view, &text);

    if (rc == WA_OK) {
        wa_media_init(&m);
        m.id = wa_span_str(r->medium);
        m.tenant = wa_span_str(h->tenant);
        m.account = wa_span_str(h->account_id);
        m.message = wa_span_str(r->ref);
        m.message_id = wa_history_text(h, r->info->key->id);
        m.kind = wa_ev_media_kind(wa_span_str(c->medium.kind));
        m.mime = wa_history_text(h, c->mimetype);
        m.filename = wa_history_text(h, c->filename);
        m.descriptor = wa_span_buf(&text);
        m.error = wa_span_str("of the history: fetched when asked for");
        m.size = c->file_len == 0 || c->file_len > INT64_MAX
                 ? -1 : (int64_t) c->file_len;
        m.width = c->medium.width == 0 ? -1 : (int64_t) c->medium.width;
        m.height = c->medium.height == 0 ? -1 : (int64_t) c->medium.height;
        m.duration = c->seconds == 0 ? -1 : (int64_t) c->seconds;
        m.shard = h->shard;
        m.created_ms = h->owner.now_ms;
        m.status = WA_MEDIA_SKIPPED;
        rc = wa_media_add(r->db, &m);
    }

    wa_buf_free(&text);

    return rc;
}


/* For votes and answers that are still to come. */
static wa_err_t
row_secret(history_row_t *r)
{
    size_t               i;
    json_t              *item, *options;
    wa_buf_t             text = WA_BUF_EMPTY;
    wa_history_t        *h;
    const wa_content_t  *c;

    h = r->h;
    c = &r->content;

    if (c->secret.p == NULL || h->secrets == NULL
        || (c->kind != WA_KIND_POLL && c->kind != WA_KIND_EVENT)
        || json_array_size(h->secrets) >= HISTORY_SECRETS
        || r->view.timestamp + WA_BUCKET_DAYS * 86400
           < h->owner.now_ms / 1000)
    {
        return WA_OK;
    }

    if (wa_b64_encode(c->secret, WA_B64_STD, &text) != WA_OK) {
        return WA_ERR_NOMEM;
    }

    options = json_array();

    for (i = 0; i < c->n_poll_options; i++) {
        (void) json_array_append_new(options,
                                     wa_json_text(c->poll_options[i]));
    }

    item = json_pack("{s:s, s:o, s:o}", "ref", r->ref, "options", options,
                     "secret", wa_json_span(wa_span_buf(&text)));
    wa_buf_wipe(&text);

    return json_array_append_new(h->secrets, item) == 0 ? WA_OK
                                                        : WA_ERR_NOMEM;
}


static void
row_newest(history_row_t *r)
{
    wa_history_place_t  *p;

    p = &r->h->place;
    p->n++;

    if (p->newest[0] == '\0' || r->view.timestamp > p->newest_s) {
        memcpy(p->newest, r->ref, sizeof(p->newest));
        p->newest_s = r->view.timestamp;
        p->newest_mine = r->view.from_me;
    }
}
