/*
 * Taking in history: the first pass, and what the account learns, see
 * wa_history.h.
 */
#include "wa_history_int.h"

#include <stdio.h>

#include "wa_b64.h"
#include "wa_pb.h"
#include "wa_privacy.h"


/* What is kept of one piece of history, bytes: some 60,000 people. */
#define HISTORY_KEEP_MAX   (20u * 1024 * 1024)

/* People and other things in one command for the account. */
#define HISTORY_LEARN_MAX  64

/* HistorySync nests: conversation, its message, that message's info. */
#define DEPTH_CHAT         1
#define DEPTH_MESSAGE      2
#define DEPTH_INFO         3


static wa_err_t scan_open(wa_history_t *h, const wa_pbstream_item_t *item);
static wa_err_t scan_item(wa_history_t *h, const wa_pbstream_item_t *item);
static wa_err_t scan_root(wa_history_t *h, const wa_pbstream_item_t *item);
static wa_err_t scan_chat(wa_history_t *h, const wa_pbstream_item_t *item);
static wa_err_t scan_chat_text(wa_history_t *h,
    const wa_pbstream_item_t *item);
static wa_err_t scan_chat_new(wa_history_t *h);
static wa_err_t scan_chat_end(wa_history_t *h);
static wa_err_t scan_who(wa_history_t *h, const wa_pbstream_item_t *item);
static void scan_pair(wa_history_t *h, const char *pn, const char *lid);
static void scan_person(wa_history_t *h, wa_span_t text);
static wa_err_t learn_trust(wa_history_t *h, json_t *args);
static wa_err_t learn_people(wa_history_t *h, json_t *args, bool pairs);
static json_t *jid_json(const wa_jid_t *jid);
static json_t *base64_json(wa_span_t bytes);


wa_err_t
wa_history_create(wa_history_t **out, const wa_history_conf_t *conf)
{
    wa_err_t       rc;
    wa_history_t  *h;

    h = wa_calloc(1, sizeof(wa_history_t));
    if (h == NULL) {
        return WA_ERR_NOMEM;
    }

    (void) snprintf(h->account_id, sizeof(h->account_id), "%s",
                    conf->account_id);
    (void) snprintf(h->session_id, sizeof(h->session_id), "%s",
                    conf->session_id);
    (void) snprintf(h->tenant, sizeof(h->tenant), "%s", conf->tenant);
    memcpy(h->master_key, conf->master_key, WA_KEY_LEN);

    h->shard = conf->shard;
    h->lid = wa_jid_bare(&conf->lid);
    h->since_s = conf->since_s;
    h->messages = conf->messages;
    h->read = conf->read;
    h->ctx = conf->ctx;
    h->owner.id = h->account_id;
    h->owner.session_id = h->session_id;
    h->owner.self = wa_jid_bare(&conf->pn);
    h->owner.now_ms = conf->now_ms;
    h->owner.master_key = h->master_key;
    h->tail = &h->first;
    h->trust_tail = &h->trust;

    wa_arena_init(&h->keep, 65536);
    wa_arena_set_limit(&h->keep, HISTORY_KEEP_MAX);
    wa_arena_init(&h->arena, 0);

    rc = wa_history_map_init(&h->map, &h->keep);

    if (rc == WA_OK) {
        h->secrets = json_array();
        rc = h->secrets == NULL ? WA_ERR_NOMEM : WA_OK;
    }

    if (rc == WA_OK && h->lid.server != WA_SERVER_NONE) {
        (void) wa_history_map_pair(&h->map, &h->owner.self, &h->lid);
        rc = h->map.nomem ? WA_ERR_NOMEM : WA_OK;
    }

    if (rc != WA_OK) {
        wa_history_free(h);
        return rc;
    }

    *out = h;

    return WA_OK;
}


void
wa_history_free(wa_history_t *h)
{
    if (h == NULL) {
        return;
    }

    wa_history_source_close(&h->source);
    wa_history_map_free(&h->map);
    wa_arena_free(&h->arena);
    wa_arena_free(&h->keep);
    json_decref(h->secrets);
    wa_wipe(h, sizeof(*h));
    wa_free(h);
}


const wa_history_totals_t *
wa_history_totals(const wa_history_t *h)
{
    return &h->totals;
}


/* -- the first pass -------------------------------------------------------- */

wa_err_t
wa_history_scan(wa_history_t *h)
{
    wa_err_t            rc;
    wa_pbstream_item_t  item;

    rc = wa_history_source_open(&h->source, h->read, h->ctx);

    while (rc == WA_OK) {
        rc = wa_history_source_next(&h->source, &item);

        if (rc == WA_OK) {
            rc = item.type == WA_PBSTREAM_OPEN ? scan_open(h, &item)
                                               : scan_item(h, &item);
        }

        wa_arena_reset(&h->arena);
    }

    wa_history_source_close(&h->source);

    if (rc != WA_AGAIN || h->map.nomem) {
        return rc == WA_AGAIN ? WA_ERR_NOMEM : rc;
    }

    h->at = h->map.first;
    h->scanned_all = true;

    return WA_OK;
}


/* Which fields are looked at. */
static wa_err_t
scan_open(wa_history_t *h, const wa_pbstream_item_t *item)
{
    wa_err_t        rc;
    wa_pbstream_t  *s;

    s = h->source.stream;

    switch (item->depth) {

    case 0:

        if (item->number == WA_HISTORY_CHAT) {
            rc = wa_pbstream_enter(s);
            return rc == WA_OK ? scan_chat_new(h) : rc;
        }

        if (item->number == WA_HISTORY_STATUSES) {
            h->place.chat = NULL;
            return wa_pbstream_enter(s);
        }

        if (item->number == WA_HISTORY_PUSHNAME
            || item->number == WA_HISTORY_PAST
            || item->number == WA_HISTORY_CALL
            || item->number == WA_HISTORY_MAPPING
            || item->number == WA_HISTORY_SALT)
        {
            return wa_pbstream_take(s, WA_HISTORY_FIELD_MAX);
        }

        return WA_OK;

    case DEPTH_CHAT:

        if (h->place.chat == NULL) {
            break;
        }

        if (item->number == WA_HISTORY_CHAT_MSG) {

            /* In a chat of two the writers are known. */

            return wa_jid_is_user(&h->place.chat->jid)
                   ? WA_OK : wa_pbstream_enter(s);
        }

        return wa_pbstream_take(s, WA_HISTORY_TEXT_MAX);

    case DEPTH_MESSAGE:
        return item->number == WA_HISTORY_MSG_INFO ? wa_pbstream_enter(s)
                                                   : WA_OK;

    default:
        break;
    }

    /* of a WebMessageInfo */

    return item->number == WA_HISTORY_INFO_KEY
           || item->number == WA_HISTORY_INFO_WHO
           ? wa_pbstream_take(s, WA_HISTORY_TEXT_MAX) : WA_OK;
}


static wa_err_t
scan_item(wa_history_t *h, const wa_pbstream_item_t *item)
{
    if (item->depth == 0) {
        return scan_root(h, item);
    }

    if (item->depth == DEPTH_CHAT && h->place.chat != NULL) {
        return scan_chat(h, item);
    }

    return item->type == WA_PBSTREAM_BYTES ? scan_who(h, item) : WA_OK;
}


static wa_err_t
scan_root(wa_history_t *h, const wa_pbstream_item_t *item)
{
    size_t                        i;
    wa_err_t                      rc;
    Wa__HistoryCall              *call;
    Wa__HistoryMapping           *pair;
    Wa__HistoryPushname          *name;
    Wa__HistoryPastParticipants  *past;

    if (item->type == WA_PBSTREAM_END && item->number == WA_HISTORY_CHAT) {
        return scan_chat_end(h);
    }

    if (item->type != WA_PBSTREAM_BYTES) {
        return WA_OK;
    }

    rc = WA_OK;

    switch (item->number) {

    case WA_HISTORY_MAPPING:
        rc = WA_PB_UNPACK(wa__history_mapping__descriptor, item->bytes,
                          &h->arena, &pair);

        if (rc == WA_OK) {
            scan_pair(h, pair->pn_jid, pair->lid_jid);
        }

        break;

    case WA_HISTORY_PUSHNAME:
        rc = WA_PB_UNPACK(wa__history_pushname__descriptor, item->bytes,
                          &h->arena, &name);

        if (rc == WA_OK) {
            scan_person(h, wa_span_str(name->id));
        }

        break;

    case WA_HISTORY_PAST:
        rc = WA_PB_UNPACK(wa__history_past_participants__descriptor,
                          item->bytes, &h->arena, &past);

        for (i = 0; rc == WA_OK && i < past->n_past_participants; i++) {
            scan_person(h,
                        wa_span_str(past->past_participants[i]->user_jid));
        }

        break;

    case WA_HISTORY_CALL:
        rc = WA_PB_UNPACK(wa__history_call__descriptor, item->bytes,
                          &h->arena, &call);

        if (rc == WA_OK) {
            scan_person(h, wa_span_str(call->call_creator_jid));
        }

        break;

    default:

        if (item->bytes.n >= 1 && item->bytes.n <= 64) {
            rc = wa_arena_dup_span(&h->keep, item->bytes, &h->salt);
        }
    }

    /* One part that does not parse says nothing about the rest. */

    return rc == WA_ERR_NOMEM ? rc : WA_OK;
}


static wa_err_t
scan_chat_new(wa_history_t *h)
{
    wa_history_chat_t  *c;

    c = wa_arena_calloc(&h->keep, 1, sizeof(*c));
    if (c == NULL) {
        return WA_ERR_LIMIT;
    }

    *h->tail = c;
    h->tail = &c->next;
    h->place.chat = c;

    memset(&h->scanned, 0, sizeof(h->scanned));
    h->scanned.expiry_s = -1;

    return WA_OK;
}


static wa_err_t
scan_chat(wa_history_t *h, const wa_pbstream_item_t *item)
{
    int64_t               v;
    wa_history_chat_t    *c;
    wa_history_trust_t   *t;

    if (item->type == WA_PBSTREAM_BYTES) {
        return scan_chat_text(h, item);
    }

    if (item->type != WA_PBSTREAM_VARINT) {
        return WA_OK;
    }

    c = h->place.chat;
    t = &h->scanned;
    v = item->value > INT64_MAX ? -1 : (int64_t) item->value;

    switch (item->number) {

    case 5:                                     /* lastMsgTimestamp        */
    case 12:                                    /* conversationTimestamp   */
        c->last_s = v > c->last_s ? v : c->last_s;
        break;

    case 6:
        c->unread = v >= 0 && v <= UINT32_MAX ? (uint32_t) v : 0;
        break;

    case 9:                                     /* ephemeralExpiration     */
        c->expiry_s = v > 0 ? v : 0;
        t->expiry_s = c->expiry_s;
        break;

    case 10:
        t->expiry_set_s = v;
        break;

    case 16:
        c->archived = v != 0;
        break;

    case 22:                                    /* tcTokenTimestamp        */
        t->received_s = v;
        break;

    case 24:
        c->pinned = v != 0;
        break;

    case 25:                                    /* muteEndTime, ms or s    */
        c->mute_s = v > 100000000000 ? v / 1000 : v;
        break;

    case 28:                                    /* tcTokenSenderTimestamp  */
        t->issued_s = v;
        break;

    default:
        break;
    }

    return WA_OK;
}


static wa_err_t
scan_chat_text(wa_history_t *h, const wa_pbstream_item_t *item)
{
    wa_jid_t            jid;
    wa_history_chat_t  *c;

    c = h->place.chat;

    switch (item->number) {

    case WA_HISTORY_CHAT_ID:

        if (wa_history_jid(item->bytes, &jid)) {
            c->jid = wa_jid_is_user(&jid) ? wa_jid_person(&jid)
                                          : wa_jid_bare(&jid);
            scan_person(h, item->bytes);
        }

        return WA_OK;

    case 13:                                    /* name                    */
        return wa_arena_dup_span(&h->keep, item->bytes, &c->name);

    case 21:                                    /* tcToken                 */
        return item->bytes.n != 0 && item->bytes.n <= WA_TRUST_TOKEN_MAX
               ? wa_arena_dup_span(&h->keep, item->bytes, &h->scanned.token)
               : WA_OK;

    case 39:                                    /* pnJid                   */
    case 42:                                    /* lidJid                  */

        if (wa_history_jid(item->bytes, &jid)) {
            (void) (wa_jid_is_pn(&jid)
                    ? wa_history_map_pair(&h->map, &jid, &c->jid)
                    : wa_history_map_pair(&h->map, &c->jid, &jid));
        }

        return WA_OK;

    default:
        return WA_OK;
    }
}


static wa_err_t
scan_chat_end(wa_history_t *h)
{
    wa_jid_t             jid;
    wa_history_trust_t  *t;

    t = &h->scanned;
    jid = h->place.chat->jid;
    h->place.chat = NULL;

    if (!wa_jid_is_user(&jid)
        || (t->token.n == 0 && t->issued_s <= 0 && t->expiry_s < 0))
    {
        return WA_OK;
    }

    t = wa_arena_dup(&h->keep, t, sizeof(*t));
    if (t == NULL) {
        return WA_ERR_LIMIT;
    }

    t->jid = jid;
    *h->trust_tail = t;
    h->trust_tail = &t->next;

    return WA_OK;
}


/* Who wrote a message: the others of a group, and of statuses. */
static wa_err_t
scan_who(wa_history_t *h, const wa_pbstream_item_t *item)
{
    wa_err_t                   rc;
    Wa__WebMessageInfo__Key   *key;

    if (item->number == WA_HISTORY_INFO_WHO) {
        scan_person(h, item->bytes);
        return WA_OK;
    }

    rc = WA_PB_UNPACK(wa__web_message_info__key__descriptor, item->bytes,
                      &h->arena, &key);

    if (rc == WA_OK) {
        scan_person(h, wa_span_str(key->participant));
    }

    return rc == WA_ERR_NOMEM ? rc : WA_OK;
}


static void
scan_pair(wa_history_t *h, const char *pn, const char *lid)
{
    wa_jid_t  a, b;

    if (wa_history_jid(wa_span_str(pn), &a)
        && wa_history_jid(wa_span_str(lid), &b)
        && !wa_history_is_self(h, &a) && !wa_history_is_self(h, &b))
    {
        (void) wa_history_map_pair(&h->map, &a, &b);
    }
}


static void
scan_person(wa_history_t *h, wa_span_t text)
{
    wa_jid_t  jid;

    if (text.n != 0 && wa_history_jid(text, &jid)) {
        (void) wa_history_map_add(&h->map, &jid);
    }
}


/* Addresses are ASCII; others would be refused by the database, and by JSON. */
bool
wa_history_jid(wa_span_t text, wa_jid_t *jid)
{
    size_t  i;

    for (i = 0; i < text.n; i++) {

        if (text.p[i] <= 0x20 || text.p[i] >= 0x7f) {
            return false;
        }
    }

    return wa_jid_parse(text, jid) == WA_OK;
}


bool
wa_history_is_self(const wa_history_t *h, const wa_jid_t *jid)
{
    return wa_jid_eq_bare(jid, &h->owner.self)
           || wa_jid_eq_bare(jid, &h->lid);
}


/* -- what the account learns ----------------------------------------------- */

/*
 * In this order: pairs, tokens and settings of chats, the salt; then who is
 * still unknown, for an answer.  Secrets are known after the second pass.
 */
wa_err_t
wa_history_learn(wa_history_t *h, json_t **args)
{
    wa_err_t  rc;
    json_t   *a;

    a = json_pack("{s:s}", "verb", "history.learn");

    if (a == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = WA_AGAIN;

    if (h->learnt == 0) {
        rc = learn_people(h, a, true);

        if (rc == WA_AGAIN) {
            h->learnt = 1;
        }
    }

    if (h->learnt == 1) {
        rc = learn_trust(h, a);

        if (rc == WA_AGAIN) {
            h->learnt = 2;
            h->at = h->map.first;
        }
    }

    if (h->learnt == 2) {
        rc = learn_people(h, a, false);

        if (rc == WA_AGAIN) {
            h->learnt = 3;
        }
    }

    if (rc == WA_AGAIN && json_array_size(h->secrets) != 0) {
        rc = json_object_set(a, "secrets", h->secrets) == 0 ? WA_OK
                                                            : WA_ERR_NOMEM;
        json_decref(h->secrets);
        h->secrets = NULL;
    }

    if (rc != WA_OK) {
        json_decref(a);
        return rc;
    }

    *args = a;

    return WA_OK;
}


static wa_err_t
learn_people(wa_history_t *h, json_t *args, bool pairs)
{
    size_t                n;
    json_t               *list, *v;
    wa_jid_t              jid, other;
    wa_history_person_t  *p;

    n = 0;
    list = json_array();

    for ( /* void */ ; h->at != NULL && n < HISTORY_LEARN_MAX;
         h->at = h->at->next)
    {
        p = h->at;
        jid = wa_history_person_jid(p);

        if ((p->other != NULL) != pairs || (pairs && wa_jid_is_lid(&jid))
            || wa_history_is_self(h, &jid))
        {
            continue;
        }

        if (pairs) {
            other = wa_history_person_jid(p->other);
            v = json_pack("[o, o]", jid_json(&jid), jid_json(&other));

        } else {
            v = jid_json(&jid);
        }

        if (json_array_append_new(list, v) != 0) {
            json_decref(list);
            return WA_ERR_NOMEM;
        }

        n++;
    }

    if (n == 0) {
        json_decref(list);
        return WA_AGAIN;
    }

    return json_object_set_new(args, pairs ? "pairs" : "ask", list) == 0
           ? WA_OK : WA_ERR_NOMEM;
}


static wa_err_t
learn_trust(wa_history_t *h, json_t *args)
{
    int                   bad;
    size_t                n;
    json_t               *list, *v;
    wa_history_trust_t   *t;

    if (h->trust == NULL && h->salt.n == 0) {
        return WA_AGAIN;
    }

    bad = 0;
    list = json_array();

    for (n = 0; h->trust != NULL && n < HISTORY_LEARN_MAX && bad == 0; n++) {
        t = h->trust;
        h->trust = t->next;

        v = json_pack("{s:o, s:I, s:I, s:I, s:I}", "jid", jid_json(&t->jid),
                      "received", (json_int_t) t->received_s,
                      "issued", (json_int_t) t->issued_s,
                      "expiry", (json_int_t) t->expiry_s,
                      "expiry_set", (json_int_t) t->expiry_set_s);

        if (t->token.n != 0) {
            bad |= json_object_set_new(v, "token", base64_json(t->token));
        }

        bad |= json_array_append_new(list, v);
    }

    bad |= json_object_set_new(args, "people", list);

    if (h->salt.n != 0) {
        bad |= json_object_set_new(args, "salt", base64_json(h->salt));
        h->salt = wa_span_none();
    }

    return bad == 0 ? WA_OK : WA_ERR_NOMEM;
}


void
wa_history_learnt(wa_history_t *h, const json_t *answer)
{
    size_t   i;
    json_t  *pairs, *v;

    pairs = json_object_get(answer, "pairs");

    json_array_foreach(pairs, i, v) {
        scan_pair(h, json_string_value(json_array_get(v, 0)),
                  json_string_value(json_array_get(v, 1)));
    }
}


static json_t *
jid_json(const wa_jid_t *jid)
{
    char  text[WA_JID_TEXT_MAX];

    return wa_jid_format(jid, text, sizeof(text)) == 0 ? NULL
                                                       : json_string(text);
}


static json_t *
base64_json(wa_span_t bytes)
{
    json_t    *v;
    wa_buf_t   text = WA_BUF_EMPTY;

    v = NULL;

    if (wa_b64_encode(bytes, WA_B64_STD, &text) == WA_OK) {
        v = json_stringn((const char *) text.p, text.n);
    }

    wa_buf_wipe(&text);

    return v;
}
