/*
 * Retry receipts that we get: a device could not decrypt what we sent.
 *
 *     wa_retry_answer    which message, from whom; its record
 *     answer_found       may this device have it?  how often did it ask?
 *                        not kept: wa_retry_unkept()
 *     answer_session     its keys from the receipt, from the server, or the
 *                        session that there is
 *     answer_send        one unit: session, count, the copy, the ack
 *
 * The copy is not listed as pending: should it get lost, the device asks
 * again.
 */
#include "wa_retry.h"

#include <stdio.h>

#include "wa_account_int.h"
#include "wa_alive.h"
#include "wa_bundle.h"
#include "wa_group.h"
#include "wa_group_send.h"
#include "wa_lid.h"
#include "wa_message.h"
#include "wa_pb.h"
#include "wa_privacy.h"
#include "wa_rd.h"
#include "wa_receipt.h"
#include "wa_sent.h"
#include "wa_signal_group.h"
#include "wa_status.h"
#include "wa_stanza.h"


/* A new session for a device that asks again, at most once in this time,
   whatever it asks for: otherwise two sides that both start over never
   meet. */
#define RENEW_INTERVAL_S  3600

/* Record anew/<address>, of today or, just after midnight, yesterday. */
#define RENEW_DAYS        2
#define RENEW_NAME_LEN    (WA_JID_TEXT_MAX + 8)

/* Devices with a count of their own in one record. */
#define RESENDS_MAX       64

#define ANSWER_KEYS_MAX   (WA_BUNDLE_KEYS + WA_SIGNAL_KEYS + 1                 \
                           + WA_PRIVACY_KEYS + RENEW_DAYS)

typedef struct {
    wa_jid_t                  from;
    wa_jid_t                  room;      /* NONE: it was written 1:1      */
    wa_jid_t                  enc;       /* whose session                 */
    wa_span_t                 id;        /* of the message                */
    uint32_t                  days[WA_BUCKET_DAYS];
    size_t                    n_days;
    uint32_t                  day;       /* where it was found            */
    Wa__SentMessage          *sent;
    Wa__SentMessage__Resend  *resend;    /* of this device                */
    wa_jid_t                  chat;
    uint64_t                  count;     /* as the receipt says           */
    uint64_t                  error;
    bool                      own;       /* one of our own devices        */
    bool                      bundle;    /* the receipt brings keys       */
    bool                      renewed;   /* keys were asked for           */
    wa_err_t                  fetched;
} answer_t;


static bool answer_parse(wa_task_t *t, answer_t *r);
static void answer_days(const wa_account_t *a, const wa_node_t *retry,
    answer_t *r);
static void answer_found(wa_task_t *t, wa_err_t rc);
static bool answer_load(wa_task_t *t, answer_t *r);
static bool answer_allowed(wa_task_t *t, answer_t *r);
static bool answer_count(wa_task_t *t, answer_t *r);
static void answer_session(wa_task_t *t, wa_err_t rc);
static bool answer_wants_renewal(wa_task_t *t, const answer_t *r);
static bool answer_renewed(wa_account_t *a, const answer_t *r);
static bool answer_renew_name(const answer_t *r, char name[RENEW_NAME_LEN]);
static wa_err_t answer_put_renewed(wa_unit_t *u, const answer_t *r);
static void answer_fetched(wa_task_t *t, wa_err_t rc);
static void answer_fetch(wa_task_t *t);
static void answer_send(wa_task_t *t, wa_err_t rc);
static wa_err_t answer_bundle(wa_unit_t *u, wa_task_t *t,
    const answer_t *r);
static wa_err_t answer_stanza(wa_unit_t *u, wa_task_t *t, answer_t *r);
static wa_err_t answer_need(wa_task_t *t, const answer_t *r);
static void answer_ack(wa_task_t *t);


void
wa_retry_answer(wa_task_t *t)
{
    char       name[WA_SENT_NAME_LEN];
    size_t     i, n;
    answer_t  *r;
    wa_err_t   rc;
    wa_key_t   keys[WA_BUCKET_DAYS + WA_LID_KEYS + 1];

    r = wa_arena_calloc(&t->arena, 1, sizeof(answer_t));
    if (r == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    t->data = r;

    if (!answer_parse(t, r) || !wa_sent_name("out/", r->id, name)) {
        answer_ack(t);
        return;
    }

    for (i = 0; i < r->n_days; i++) {
        keys[i].name = wa_span_str(name);
        keys[i].day = r->days[i];
    }

    n = r->n_days + wa_lid_need(&r->from, &t->arena, keys + r->n_days);

    if (wa_jid_is_status(&r->room) && wa_status_need(&t->arena, keys + n)) {
        n++;
    }

    t->resume = answer_found;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        answer_found(t, rc);
    }
}


static bool
answer_parse(wa_task_t *t, answer_t *r)
{
    wa_account_t     *a;
    const wa_node_t  *retry;

    a = t->account;
    retry = wa_node_child(t->stanza, "retry");

    if (retry == NULL || !wa_node_attr_jid(t->stanza, "from", &r->from)) {
        return false;
    }

    if (wa_jid_is_group(&r->from) || wa_jid_is_status(&r->from)) {
        r->room = r->from;

        if (!wa_node_attr_jid(t->stanza, "participant", &r->from)) {
            return false;
        }
    }

    if (!wa_jid_is_user(&r->from)) {
        return false;
    }

    r->id = wa_node_attr(t->stanza, "id");

    if (wa_node_attr(retry, "id").n != 0) {
        r->id = wa_node_attr(retry, "id");
    }

    if (!wa_node_attr_u64(retry, "count", &r->count)) {
        r->count = 1;
    }

    if (!wa_node_attr_u64(retry, "error", &r->error)) {
        r->error = 0;
    }

    r->own = wa_account_is_self(a, &r->from);
    r->bundle = wa_node_child(t->stanza, "keys") != NULL;

    answer_days(a, retry, r);

    return r->count <= WA_RETRY_MAX;
}


/* Attribute t is when the message was sent by the server's clock, which is
   not ours: look at the days beside it too. */
static void
answer_days(const wa_account_t *a, const wa_node_t *retry, answer_t *r)
{
    int64_t   ts;
    uint32_t  day, today, i;

    today = wa_day(wa_unix_s(a));

    if (wa_node_attr_i64(retry, "t", &ts) && ts > 0) {
        day = wa_day(ts);

        if (day <= today + 1 && day + WA_BUCKET_DAYS > today) {
            r->days[0] = day;
            r->days[1] = day - 1;
            r->days[2] = day + 1;
            r->n_days = 3;
            return;
        }
    }

    for (i = 0; i < WA_BUCKET_DAYS && i < today; i++) {
        r->days[i] = today - i;
    }

    r->n_days = i;
}


static void
answer_found(wa_task_t *t, wa_err_t rc)
{
    answer_t  *r;

    r = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    r->enc = r->from;
    wa_lid_prefer(t->account, &r->enc);

    if (!answer_load(t, r)) {
        wa_retry_unkept(t, &r->room, &r->enc);
        return;
    }

    if (!answer_allowed(t, r) || !answer_count(t, r)) {
        answer_ack(t);
        return;
    }

    t->resume = answer_session;
    rc = answer_need(t, r);

    if (rc != WA_AGAIN) {
        answer_session(t, rc);
    }
}


static bool
answer_load(wa_task_t *t, answer_t *r)
{
    char       name[WA_SENT_NAME_LEN];
    size_t     i;
    wa_span_t  value;

    if (!wa_sent_name("out/", r->id, name)) {
        return false;
    }

    for (i = 0; i < r->n_days; i++) {

        if (wa_record_get(t->account, name, r->days[i], &value) == WA_OK
            && value.p != NULL)
        {
            r->day = r->days[i];

            return WA_PB_UNPACK(wa__sent_message__descriptor, value,
                                &t->arena, &r->sent) == WA_OK
                   && r->sent->has_message;
        }
    }

    wa_log(t->account, WA_LOG_INFO,
           "a device asks for a message that is not kept");

    return false;
}


/* Only the person it was written to, or we ourselves, may have it. */
static bool
answer_allowed(wa_task_t *t, answer_t *r)
{
    wa_jid_t       person, pn, other;
    wa_account_t  *a;

    a = t->account;
    person = wa_jid_person(&r->from);

    if (wa_jid_parse(wa_span_str(r->sent->to), &r->chat) != WA_OK) {
        return false;
    }

    /* What was posted, only to whom it was shown. */

    if (wa_jid_is_status(&r->room)) {
        wa_lid_prefer(a, &person);

        return wa_jid_eq(&r->room, &r->chat)
               && (r->own || wa_status_seen_by(a, &t->arena, &person));
    }

    /* To a member of the group, as the server says. */

    if (r->room.server != WA_SERVER_NONE) {
        return wa_jid_eq(&r->room, &r->chat);
    }

    if (r->own || wa_jid_eq_bare(&person, &r->chat)) {
        return true;
    }

    if (r->sent->pn != NULL
        && wa_jid_parse(wa_span_str(r->sent->pn), &pn) == WA_OK
        && wa_jid_eq_bare(&person, &pn))
    {
        return true;
    }

    if (wa_jid_is_lid(&person) ? wa_pn_of(a, &person, &other)
                               : wa_lid_of(a, &person, &other))
    {
        if (wa_jid_eq_bare(&other, &r->chat)) {
            return true;
        }
    }

    wa_log(a, WA_LOG_WARN, "a device asks for a message to somebody else");

    return false;
}


/* Finds or adds this device's count; false: it asked too often. */
static bool
answer_count(wa_task_t *t, answer_t *r)
{
    char                       device[WA_JID_TEXT_MAX];
    size_t                     i;
    Wa__SentMessage__Resend   *x, **list;

    if (wa_jid_format(&r->from, device, sizeof(device)) == 0) {
        return false;
    }

    for (i = 0; i < r->sent->n_resends; i++) {
        x = r->sent->resends[i];

        if (x->device != NULL && strcmp(x->device, device) == 0) {
            x->count++;
            x->has_count = 1;
            r->resend = x;

            return x->count <= WA_RETRY_MAX;
        }
    }

    if (i >= RESENDS_MAX) {
        return false;
    }

    list = wa_arena_calloc(&t->arena, i + 1, sizeof(*list));
    x = wa_arena_calloc(&t->arena, 1, sizeof(*x));

    if (list == NULL || x == NULL) {
        return false;
    }

    if (i != 0) {
        memcpy(list, r->sent->resends, i * sizeof(*list));
    }

    wa__sent_message__resend__init(x);

    x->device = wa_arena_strdup(&t->arena, wa_span_str(device));
    x->has_count = 1;
    x->count = 1;
    list[i] = x;

    r->sent->resends = list;
    r->sent->n_resends = i + 1;
    r->resend = x;

    return x->device != NULL;
}


static void
answer_session(wa_task_t *t, wa_err_t rc)
{
    answer_t  *r;

    r = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    if (r->bundle || !answer_wants_renewal(t, r)) {
        answer_send(t, WA_OK);
        return;
    }

    answer_fetch(t);
}


static void
answer_fetch(wa_task_t *t)
{
    answer_t  *r;
    wa_err_t   rc;

    r = t->data;

    r->renewed = true;
    t->resume = answer_fetched;
    rc = wa_bundle_fetch(t, &r->enc, 1, &r->fetched);

    if (rc != WA_AGAIN) {
        answer_fetched(t, rc);
    }
}


static bool
answer_wants_renewal(wa_task_t *t, const answer_t *r)
{
    uint32_t         known, told;
    wa_span_t        reg;
    wa_account_t    *a;

    a = t->account;

    if (!wa_signal_has_session(a, &r->enc)) {
        return true;
    }

    reg = wa_node_child_content(t->stanza, "registration");

    if (reg.n == 4
        && wa_signal_remote_registration(a, &r->enc, &known) == WA_OK)
    {
        told = ((uint32_t) reg.p[0] << 24) | ((uint32_t) reg.p[1] << 16)
               | ((uint32_t) reg.p[2] << 8) | reg.p[3];

        if (told != known) {
            return true;
        }
    }

    if (r->error == WA_RETRY_INVALID_MESSAGE || r->error == WA_RETRY_BAD_MAC)
    {
        return true;
    }

    return r->count >= 2 && !answer_renewed(a, r);
}


static bool
answer_renewed(wa_account_t *a, const answer_t *r)
{
    char       name[RENEW_NAME_LEN];
    size_t     i;
    int64_t    now;
    wa_rd_t    rd;
    uint32_t   then;
    wa_span_t  value;

    now = wa_unix_s(a);

    for (i = 0; i < RENEW_DAYS && answer_renew_name(r, name); i++) {

        if (wa_record_get(a, name, wa_day(now) - (uint32_t) i, &value)
            != WA_OK)
        {
            continue;
        }

        rd = wa_rd(value);

        if (wa_rd_u32(&rd, &then) && now - (int64_t) then <= RENEW_INTERVAL_S)
        {
            return true;
        }
    }

    return false;
}


static bool
answer_renew_name(const answer_t *r, char name[RENEW_NAME_LEN])
{
    char  address[WA_JID_TEXT_MAX];

    if (wa_jid_signal_address(&r->enc, address, sizeof(address)) == 0) {
        return false;
    }

    (void) snprintf(name, RENEW_NAME_LEN, "anew/%s", address);

    return true;
}


static wa_err_t
answer_put_renewed(wa_unit_t *u, const answer_t *r)
{
    char      name[RENEW_NAME_LEN];
    int64_t   now;
    uint8_t   value[4];

    if (u == NULL || !answer_renew_name(r, name)) {
        return u == NULL ? WA_ERR_NOMEM : WA_ERR_ARG;
    }

    now = wa_unix_s(wa_unit_account(u));

    value[0] = (uint8_t) (now >> 24);
    value[1] = (uint8_t) (now >> 16);
    value[2] = (uint8_t) (now >> 8);
    value[3] = (uint8_t) now;

    return wa_unit_put(u, name, wa_day(now), wa_span(value, sizeof(value)));
}


static void
answer_fetched(wa_task_t *t, wa_err_t rc)
{
    answer_t  *r;

    r = t->data;

    if (rc == WA_OK) {
        rc = r->fetched;
    }

    if (rc == WA_ERR_NOMEM) {
        wa_task_end(t, rc);
        return;
    }

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "no keys of a device that asks for "
               "a message again: %s", wa_err_name(rc));
        answer_ack(t);
        return;
    }

    t->resume = answer_send;
    rc = answer_need(t, r);

    if (rc != WA_AGAIN) {
        answer_send(t, rc);
    }
}


static void
answer_send(wa_task_t *t, wa_err_t rc)
{
    answer_t   *r;
    wa_unit_t  *u;

    r = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    u = wa_unit_new(t->account);

    if (r->bundle) {
        rc = answer_bundle(u, t, r);

        if (rc == WA_ERR_AUTH || rc == WA_ERR_SYNTAX) {

            /* The server has keys of that device too. */

            wa_unit_drop(u);
            r->bundle = false;
            answer_fetch(t);
            return;
        }
    }

    if (rc == WA_OK) {
        rc = answer_stanza(u, t, r);
    }

    if (rc == WA_OK) {
        rc = wa_sent_put(u, r->id, r->day, r->sent);
    }

    if (rc == WA_OK && r->renewed) {
        rc = answer_put_renewed(u, r);
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);

        if (rc == WA_ERR_NOMEM) {
            wa_task_end(t, rc);
            return;
        }

        wa_log(t->account, WA_LOG_INFO, "message is not sent again: %s",
               wa_err_name(rc));
        answer_ack(t);
        return;
    }

    wa_log(t->account, WA_LOG_INFO, "message is sent again, time %u",
           (unsigned) r->resend->count);

    wa_alive_count(u, WA_COUNT_RETRIES);
    (void) wa_ack_stanza(u, t->stanza, NULL, 0);

    wa_task_end(t, wa_unit_commit(u, NULL));
}


static wa_err_t
answer_bundle(wa_unit_t *u, wa_task_t *t, const answer_t *r)
{
    wa_err_t     rc;
    wa_bundle_t  b;

    rc = wa_bundle_parse(wa_node_child(t->stanza, "keys"),
                         wa_node_child(t->stanza, "registration"), &b);

    if (rc == WA_OK) {
        rc = wa_bundle_process(u, &r->enc, &b, &t->arena);
    }

    return rc;
}


/* One device is meant: in a group it is named beside the group. */
static void
answer_address(wa_arena_t *arena, const answer_t *r, wa_node_t *node)
{
    if (r->room.server != WA_SERVER_NONE) {
        wa_node_set_jid(arena, node, "to", &r->room);
        wa_node_set_jid(arena, node, "participant", &r->from);
        return;
    }

    wa_node_set_jid(arena, node, "to", &r->from);
    wa_node_set_str(arena, node, "device_fanout", "false");

    if (r->own) {
        wa_node_set_jid(arena, node, "recipient", &r->chat);
    }
}


/*
 * <message id to type [edit] t device_fanout=false [recipient]>
 *     <enc v=2 type count/>[<device-identity/>][<meta/>][<tctoken/>]
 */
static wa_err_t
answer_stanza(wa_unit_t *u, wa_task_t *t, answer_t *r)
{
    bool                pkmsg;
    wa_err_t            rc;
    wa_buf_t            copy = WA_BUF_EMPTY;
    wa_span_t           message, secret;
    wa_node_t          *node, *enc;
    wa_arena_t         *arena;
    wa_stanza_attrs_t   attrs;

    arena = &t->arena;
    message = wa_pb_span(&r->sent->message);
    rc = wa_stanza_attrs(message, arena, &attrs);
    pkmsg = false;

    if (rc == WA_OK && r->room.server != WA_SERVER_NONE) {

        /* Two encodings of a Message in a row are one with both fields. */

        rc = wa_group_keyed(u, &r->room, arena, &copy);

        if (rc == WA_OK) {
            rc = wa_buf_append_span(&copy, message);
        }

        message = wa_span_buf(&copy);

    } else if (rc == WA_OK && r->own) {
        secret = wa_message_secret(message, arena);
        rc = wa_message_encode_copy(&r->chat, message, secret.p, &copy);
        message = wa_span_buf(&copy);
    }

    if (rc == WA_OK) {
        rc = wa_sent_enc(u, arena, &r->enc, message,
                         (unsigned) r->count, &enc, &pkmsg);
    }

    wa_buf_wipe(&copy);

    if (rc != WA_OK) {
        return rc;
    }

    node = wa_node_new(arena, "message");

    wa_node_set(arena, node, "id", r->id);
    wa_stanza_message(&attrs, arena, node);
    answer_address(arena, r, node);

    if (r->sent->has_timestamp && r->sent->timestamp > 0) {
        wa_node_set_u64(arena, node, "t", (uint64_t) r->sent->timestamp);
    }

    wa_stanza_enc(&attrs, arena, enc);
    wa_node_add(arena, node, enc);

    if (pkmsg) {
        wa_sent_identity(t->account, arena, node);
    }

    wa_stanza_meta(&attrs, arena, node);

    if (!r->own && r->room.server == WA_SERVER_NONE) {
        rc = wa_privacy_token(t->account, arena, &r->enc, node);
    }

    return rc != WA_OK ? rc : wa_unit_send(u, node);
}


static wa_err_t
answer_need(wa_task_t *t, const answer_t *r)
{
    char      name[RENEW_NAME_LEN];
    size_t    i, n;
    wa_key_t  keys[ANSWER_KEYS_MAX];

    n = wa_signal_need(&r->enc, &t->arena, keys);
    n += wa_bundle_need(&r->enc, &t->arena, keys + n);
    n += wa_privacy_need(&r->enc, &t->arena, keys + n);

    if (r->room.server != WA_SERVER_NONE
        && wa_skey_need(&r->room, wa_group_sender(t->account), &t->arena,
                        keys + n))
    {
        n++;
    }

    for (i = 0; i < RENEW_DAYS && answer_renew_name(r, name); i++, n++) {
        keys[n].day = wa_day(wa_unix_s(t->account)) - (uint32_t) i;

        if (wa_arena_dup_span(&t->arena, wa_span_str(name), &keys[n].name)
            != WA_OK)
        {
            return WA_ERR_NOMEM;
        }
    }

    return n == 0 ? WA_ERR_NOMEM : wa_task_need(t, keys, n);
}


static void
answer_ack(wa_task_t *t)
{
    wa_err_t    rc;
    wa_unit_t  *u;

    u = wa_unit_new(t->account);

    rc = wa_ack_stanza(u, t->stanza, NULL, 0);

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc == WA_ERR_NOMEM ? rc : WA_OK);
        return;
    }

    wa_task_end(t, wa_unit_commit(u, NULL));
}
