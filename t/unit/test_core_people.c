/* Calls, lookups, profiles and pictures: what is told, asked and refused. */
#include "wa_room_pair.h"

#include "business.pb-c.h"

#include "wa_b64.h"
#include "wa_call.h"
#include "wa_lookup.h"


#define BOB        BOB_LID ":7@lid"


static const wa_reply_t *
reply(room_t *r)
{
    return wa_host_reply(r->side[0].h);
}


static void
ask(room_t *r, json_t *args)
{
    wa_host_submit(r->side[0].h, WA_OP_QUERY, args);
    room_run(r);
}


/* ---- calls ---- */

/* One <call> from Bob; `content` may be NULL. */
static wa_node_t *
call(room_t *r, const char *id, const char *tag, int64_t t)
{
    char       *copy;
    wa_node_t  *n, *c;

    copy = wa_arena_strdup(&r->arena, wa_span_str(id));
    n = wa_node_new(&r->arena, "call");
    wa_node_set(&r->arena, n, "id", wa_account_next_id(room_account(r, 0),
                                                      &r->arena));
    wa_node_set_str(&r->arena, n, "from", BOB);
    wa_node_set_u64(&r->arena, n, "t", (uint64_t) t);
    c = wa_node_add_new(&r->arena, n, tag);
    wa_node_set_str(&r->arena, c, "call-id", copy);
    wa_node_set_str(&r->arena, c, "call-creator", BOB);
    wa_node_set_str(&r->arena, c, "caller_pn", BOB_PN "@s.whatsapp.net");

    return n;
}


static int64_t
now_s(room_t *r)
{
    return wa_unix_s(room_account(r, 0));
}


static void
feed(room_t *r, wa_node_t *n)
{
    size_t  acks;

    acks = room_count(r, 0, "ack", NULL);
    room_feed(r, 0, n);
    room_run(r);
    assert_int_equal(room_count(r, 0, "ack", NULL), acks + 1);
}


/* The i-th event's status; "" when there is none. */
static const char *
told(room_t *r, size_t i, bool *missed)
{
    static char  status[32];

    json_t  *e, *c;

    e = room_event(r, 0, "call", i);
    c = json_object_get(json_object_get(e, "data"), "call");
    (void) snprintf(status, sizeof(status), "%s", c == NULL ? ""
                    : json_string_value(json_object_get(c, "status")));

    if (missed != NULL) {
        *missed = json_is_true(json_object_get(c, "is_missed"));
    }

    json_decref(e);

    return status;
}


static void
a_call_goes_forward_only(void **state)
{
    bool        missed;
    room_t     *r = *state;
    wa_node_t  *n;

    feed(r, call(r, "C1", "offer", now_s(r)));
    feed(r, call(r, "C1", "preaccept", now_s(r)));
    feed(r, call(r, "C1", "offer", now_s(r)));
    feed(r, call(r, "C1", "transport", now_s(r)));

    n = call(r, "C1", "terminate", now_s(r) + 5);
    wa_node_set_str(&r->arena, wa_node_first(n), "reason", "timeout");
    feed(r, n);
    feed(r, call(r, "C1", "accept", now_s(r)));
    feed(r, call(r, "C1", "terminate", now_s(r)));

    assert_int_equal(room_events(r, 0, "call"), 3);
    assert_string_equal(told(r, 0, &missed), "offer");
    assert_false(missed);
    assert_string_equal(told(r, 1, NULL), "ringing");
    assert_string_equal(told(r, 2, &missed), "timeout");
    assert_true(missed);
}


static void
a_call_is_known_after_a_restart(void **state)
{
    json_t     *e, *c;
    room_t     *r = *state;
    wa_node_t  *n;

    n = call(r, "C1", "offer", now_s(r));
    (void) wa_node_add_new(&r->arena, wa_node_first(n), "video");
    feed(r, n);
    feed(r, call(r, "C1", "accept", now_s(r)));
    room_restart(r, 0);
    feed(r, call(r, "C1", "terminate", now_s(r) + 61));

    e = room_event(r, 0, "call", 2);
    c = json_object_get(json_object_get(e, "data"), "call");
    assert_true(json_is_true(json_object_get(c, "is_video")));
    assert_int_equal(json_integer_value(json_object_get(c, "duration")), 61);
    assert_string_equal(json_string_value(json_object_get(c, "from_jid")),
                        BOB_PN "@s.whatsapp.net");
    json_decref(e);
}


static void
old_calls_are_forgotten(void **state)
{
    char     id[32];
    size_t   i;
    room_t  *r = *state;

    for (i = 0; i <= WA_CALLS_KEPT; i++) {
        (void) snprintf(id, sizeof(id), "C%zu", i);
        feed(r, call(r, id, "offer", now_s(r)));
    }

    assert_int_equal(room_events(r, 0, "call"), WA_CALLS_KEPT + 1);

    /* the second one is still known, the first one is not */

    feed(r, call(r, "C1", "offer", now_s(r)));
    assert_int_equal(room_events(r, 0, "call"), WA_CALLS_KEPT + 1);
    feed(r, call(r, "C0", "terminate", now_s(r)));
    assert_int_equal(room_events(r, 0, "call"), WA_CALLS_KEPT + 2);
}


static void
odd_calls_are_only_acknowledged(void **state)
{
    size_t      i;
    char        longer[200];
    room_t     *r = *state;
    wa_node_t  *n;

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';

    feed(r, call(r, "", "offer", now_s(r)));
    feed(r, call(r, longer, "offer", now_s(r)));
    feed(r, call(r, "C1", "mystery", now_s(r)));

    n = call(r, "C1", "offer", now_s(r));
    wa_node_set_str(&r->arena, wa_node_first(n), "call-creator", "1@g.us");
    feed(r, n);

    n = wa_node_new(&r->arena, "call");
    wa_node_set_str(&r->arena, n, "id", "empty");
    wa_node_set_str(&r->arena, n, "from", BOB);
    feed(r, n);

    assert_int_equal(room_events(r, 0, "call"), 0);

    /* more people than are kept */

    n = call(r, "C2", "offer", now_s(r));
    wa_node_set_str(&r->arena, wa_node_first(n), "group-jid", "1@g.us");
    n->first->content = WA_CONTENT_NODES;
    wa_node_t  *info = wa_node_add_new(&r->arena, n->first, "group_info");

    for (i = 0; i < 3 * WA_CALL_PEOPLE_MAX; i++) {
        wa_node_set_str(&r->arena, wa_node_add_new(&r->arena, info, "user"),
                        "jid", i % 2 ? BOB : "nobody");
    }

    feed(r, n);
    assert_string_equal(told(r, 0, NULL), "offer");
}


static void
a_call_is_refused(void **state)
{
    room_t     *r = *state;
    wa_node_t  *sent;

    feed(r, call(r, "C1", "offer", now_s(r)));
    ask(r, json_pack("{s:s, s:s}", "verb", "call.reject", "id", "C1"));
    assert_null(reply(r)->code);

    sent = room_last(r, 0, "call", NULL);
    assert_non_null(sent);
    assert_true(wa_node_attr_is(sent, "to", BOB_LID "@lid"));
    assert_true(wa_node_attr_is(sent, "from", ALICE_PN "@s.whatsapp.net"));
    sent = wa_node_child(sent, "reject");
    assert_true(wa_node_attr_is(sent, "call-id", "C1"));
    assert_true(wa_node_attr_is(sent, "call-creator", BOB_LID "@lid"));
    assert_true(wa_node_attr_is(sent, "count", "0"));
    assert_string_equal(told(r, 1, NULL), "reject");

    ask(r, json_pack("{s:s, s:s}", "verb", "call.reject", "id", "C1"));
    assert_string_equal(reply(r)->code, "INVALID_STATE");
    ask(r, json_pack("{s:s, s:s}", "verb", "call.reject", "id", "C9"));
    assert_string_equal(reply(r)->code, "RESOURCE_NOT_FOUND");
    ask(r, json_pack("{s:s}", "verb", "call.reject"));
    assert_string_equal(reply(r)->code, "VALIDATION_ERROR");
    assert_int_equal(room_count(r, 0, "call", NULL), 1);
}


/* The refusal leaves when it is durable, and not after a crash before. */
static void
a_refusal_waits_for_its_commit(void **state)
{
    room_t  *r = *state;

    wa_host_submit(r->side[0].h, WA_OP_UPDATE,
                   json_pack("{s:b}", "reject_calls", 1));
    wa_host_hold(r->side[0].h, true);
    room_feed(r, 0, call(r, "C1", "offer", now_s(r)));
    room_run(r);
    assert_int_equal(room_count(r, 0, "call", NULL), 0);

    wa_host_hold(r->side[0].h, false);

    while (wa_host_held(r->side[0].h) > 0) {
        wa_host_confirm(r->side[0].h);
    }

    room_run(r);
    assert_int_equal(room_count(r, 0, "call", NULL), 1);
    assert_string_equal(told(r, 0, NULL), "reject");

    /* one of two minutes ago is not refused */

    feed(r, call(r, "C2", "offer", now_s(r) - 120));
    assert_int_equal(room_count(r, 0, "call", NULL), 1);
}


/* ---- lookups ---- */

static json_t *
numbers(size_t n)
{
    char     text[40];
    size_t   i;
    json_t  *list;

    list = json_array();

    for (i = 0; i < n; i++) {
        (void) snprintf(text, sizeof(text), "+49 151 %05zu", i);
        (void) json_array_append_new(list, json_string(text));
    }

    return json_pack("{s:s, s:o}", "verb", "contact.check", "phones", list);
}


static void
lookup(room_t *r, size_t n)
{
    ask(r, numbers(n));
    wa_host_advance(r->side[0].h, 2);
    room_run(r);
}


static void
lookups_have_an_allowance(void **state)
{
    size_t      asked;
    room_t     *r = *state;
    wa_node_t  *iq;

    lookup(r, WA_LOOKUP_MAX);
    assert_null(reply(r)->code);
    assert_int_equal(json_array_size(json_object_get(reply(r)->data,
                                                     "contacts")),
                     WA_LOOKUP_MAX);

    iq = room_last(r, 0, "iq", "get");
    assert_true(wa_node_attr_is(iq, "xmlns", "usync"));
    iq = wa_node_child(wa_node_child(iq, "usync"), "list");
    assert_int_equal(iq->n_nodes, WA_LOOKUP_MAX);
    assert_true(wa_span_eq_str(wa_node_child_content(wa_node_first(iq),
                                                     "contact"),
                               "+4915100000"));

    asked = room_count(r, 0, "iq", "get");
    lookup(r, WA_LOOKUP_MAX);
    assert_string_equal(reply(r)->code, "RATE_LIMIT_EXCEEDED");
    assert_true(json_integer_value(json_object_get(reply(r)->data,
                                                   "retry_after")) > 60);
    assert_int_equal(room_count(r, 0, "iq", "get"), asked);

    wa_host_advance(r->side[0].h, 3600000);
    room_ready(r, 0);
    lookup(r, WA_LOOKUP_MAX);
    assert_null(reply(r)->code);
}


static void
odd_lookups_are_refused(void **state)
{
    json_t  *o;
    room_t  *r = *state;

    ask(r, numbers(0));
    assert_string_equal(reply(r)->code, "VALIDATION_ERROR");
    ask(r, numbers(WA_LOOKUP_MAX + 1));
    assert_string_equal(reply(r)->code, "VALIDATION_ERROR");
    ask(r, json_pack("{s:s, s:[i]}", "verb", "contact.check", "phones", 1));
    assert_string_equal(reply(r)->code, "VALIDATION_ERROR");
    ask(r, json_pack("{s:s, s:s}", "verb", "contact.about", "jid", "1@g.us"));
    assert_string_equal(reply(r)->code, "VALIDATION_ERROR");

    /* nobody has to be asked for these */

    ask(r, json_pack("{s:s, s:[s, s]}", "verb", "contact.check", "phones",
                     "", "1@g.us"));
    assert_null(reply(r)->code);
    o = json_array_get(json_object_get(reply(r)->data, "contacts"), 1);
    assert_true(json_is_false(json_object_get(o, "exists")));
    assert_int_equal(room_count(r, 0, "iq", "get"), 0);
}


/* ---- pictures, about ---- */

static void
pictures_are_asked_for_and_set(void **state)
{
    room_t     *r = *state;
    wa_buf_t    text = WA_BUF_EMPTY;
    wa_node_t  *iq;

    ask(r, json_pack("{s:s, s:s}", "verb", "picture.get", "jid",
                     BOB_PN "@s.whatsapp.net"));
    assert_null(reply(r)->code);
    assert_true(json_is_null(json_object_get(reply(r)->data, "url")));
    iq = room_last(r, 0, "iq", "get");
    assert_true(wa_node_attr_is(iq, "xmlns", "w:profile:picture"));
    assert_true(wa_node_attr_is(iq, "target", BOB_PN "@s.whatsapp.net"));
    assert_true(wa_node_attr_is(wa_node_child(iq, "picture"), "query",
                                "url"));

    assert_int_equal(wa_b64_encode(wa_span("\xff\xd8\xff\xe0xyz", 7),
                                   WA_B64_STD, &text), WA_OK);
    ask(r, json_pack("{s:s, s:s%}", "verb", "picture.set", "image",
                     text.p, text.n));
    wa_buf_free(&text);
    assert_null(reply(r)->code);
    iq = room_last(r, 0, "iq", "set");
    assert_null(wa_node_attr(iq, "target").p);
    assert_int_equal(wa_node_child_content(iq, "picture").n, 7);

    ask(r, json_pack("{s:s, s:s}", "verb", "picture.remove", "jid",
                     "123@g.us"));
    assert_null(reply(r)->code);
    iq = room_last(r, 0, "iq", "set");
    assert_true(wa_node_attr_is(iq, "target", "123@g.us"));
    assert_null(wa_node_first(iq));

    ask(r, json_pack("{s:s, s:s}", "verb", "picture.set", "image", "eHl6"));
    assert_string_equal(reply(r)->code, "VALIDATION_ERROR");
    ask(r, json_pack("{s:s, s:s}", "verb", "picture.remove", "jid",
                     BOB_PN "@s.whatsapp.net"));
    assert_string_equal(reply(r)->code, "VALIDATION_ERROR");
    ask(r, json_pack("{s:s}", "verb", "picture.get"));
    assert_string_equal(reply(r)->code, "VALIDATION_ERROR");
}


static void
notices_of_people_are_told(void **state)
{
    json_t     *e, *c;
    room_t     *r = *state;
    wa_node_t  *n;

    n = wa_node_new(&r->arena, "notification");
    wa_node_set_str(&r->arena, n, "id", "n1");
    wa_node_set_str(&r->arena, n, "type", "status");
    wa_node_set_str(&r->arena, n, "from", BOB_PN "@s.whatsapp.net");
    wa_node_bytes(wa_node_add_new(&r->arena, n, "set"),
                  wa_span_str("at work"));
    feed(r, n);

    n = wa_node_new(&r->arena, "notification");
    wa_node_set_str(&r->arena, n, "id", "n2");
    wa_node_set_str(&r->arena, n, "type", "picture");
    wa_node_set_str(&r->arena, n, "from", BOB_PN "@s.whatsapp.net");
    wa_node_set_str(&r->arena, wa_node_add_new(&r->arena, n, "set"), "id",
                    "1700000000");
    feed(r, n);

    assert_int_equal(room_events(r, 0, "contact.updated"), 2);
    e = room_event(r, 0, "contact.updated", 0);
    c = json_object_get(json_object_get(e, "data"), "contact");
    assert_string_equal(json_string_value(json_object_get(c,
                            "status_text")), "at work");
    json_decref(e);

    e = room_event(r, 0, "contact.updated", 1);
    c = json_object_get(json_object_get(e, "data"), "contact");
    assert_string_equal(json_string_value(json_object_get(c, "picture_id")),
                        "1700000000");
    assert_true(json_is_null(json_object_get(c, "profile_pic_url")));
    json_decref(e);
}


static void
what_people_took_away_is_told(void **state)
{
    size_t      i;
    json_t     *e, *c;
    room_t     *r = *state;
    wa_node_t  *n;

    static const char *const  rows[][3] = {
        { "status", "set", "status_text" },
        { "picture", "delete", "picture_id" },
        { "picture", NULL, "picture_id" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        n = wa_node_new(&r->arena, "notification");
        wa_node_set_str(&r->arena, n, "id", "n1");
        wa_node_set_str(&r->arena, n, "type", rows[i][0]);
        wa_node_set_str(&r->arena, n, "from", BOB_PN "@s.whatsapp.net");

        if (rows[i][1] != NULL) {
            (void) wa_node_add_new(&r->arena, n, rows[i][1]);
        }

        feed(r, n);
        e = room_event(r, 0, "contact.updated", i);
        c = json_object_get(json_object_get(e, "data"), "contact");
        assert_true(json_is_null(json_object_get(c, rows[i][2])));
        assert_int_equal(json_object_get(c, "picture_id") != NULL, i != 0);
        json_decref(e);
    }
}


/* Two parts of one stanza, and one that says nothing. */
static void
a_picture_of_ones_own_is_told(void **state)
{
    json_t     *e, *c;
    room_t     *r = *state;
    wa_node_t  *n;

    n = wa_node_new(&r->arena, "notification");
    wa_node_set_str(&r->arena, n, "id", "n1");
    wa_node_set_str(&r->arena, n, "type", "account_sync");
    wa_node_set_str(&r->arena, n, "from", ALICE_PN "@s.whatsapp.net");
    (void) wa_node_add_new(&r->arena, n, "picture");
    (void) wa_node_add_new(&r->arena, n, "privacy");
    (void) wa_node_add_new(&r->arena, n, "status");
    feed(r, n);

    assert_int_equal(room_events(r, 0, "contact.updated"), 1);
    e = room_event(r, 0, "contact.updated", 0);
    c = json_object_get(json_object_get(e, "data"), "contact");
    assert_string_equal(json_string_value(json_object_get(c, "jid")),
                        ALICE_PN "@s.whatsapp.net");
    assert_string_equal(json_string_value(json_object_get(c, "lid")),
                        ALICE_LID "@lid");
    assert_true(json_is_null(json_object_get(c, "profile_pic_url")));
    assert_null(json_object_get(c, "picture_id"));
    json_decref(e);
}


/* ---- businesses ---- */

/* <verified_name> with a certificate for `name`. */
static wa_node_t *
verified(room_t *r, wa_node_t *parent, const char *name)
{
    wa_buf_t                      buf = WA_BUF_EMPTY;
    wa_span_t                     copy;
    wa_node_t                    *n;
    Wa__VerifiedNameDetails       d = WA__VERIFIED_NAME_DETAILS__INIT;
    Wa__VerifiedNameCertificate   c = WA__VERIFIED_NAME_CERTIFICATE__INIT;

    d.has_serial = 1;
    d.serial = 7;
    d.verified_name = (char *) (uintptr_t) name;
    assert_int_equal(WA_PB_PACK(&d, &buf), WA_OK);
    assert_int_equal(wa_arena_dup_span(&r->arena, wa_span_buf(&buf), &copy),
                     WA_OK);
    buf.n = 0;

    c.has_details = 1;
    c.details = wa_pb_bytes(copy);
    assert_int_equal(WA_PB_PACK(&c, &buf), WA_OK);
    assert_int_equal(wa_arena_dup_span(&r->arena, wa_span_buf(&buf), &copy),
                     WA_OK);
    wa_buf_free(&buf);

    n = wa_node_add_new(&r->arena, parent, "verified_name");
    wa_node_set_str(&r->arena, n, "verified_level", "unknown");
    wa_node_bytes(n, copy);

    return n;
}


/* The i-th one that was told; "": that there is none. */
static const char *
named(room_t *r, size_t i)
{
    static char  text[64];

    json_t  *e, *c, *name;

    e = room_event(r, 0, "contact.updated", i);

    assert_non_null(e);
    c = json_object_get(json_object_get(e, "data"), "contact");
    assert_string_equal(json_string_value(json_object_get(c, "jid")),
                        BOB_PN "@s.whatsapp.net");
    name = json_object_get(c, "verified_name");
    assert_non_null(name);
    (void) snprintf(text, sizeof(text), "%s", json_is_null(name)
                                              ? "" : json_string_value(name));
    json_decref(e);

    return text;
}


static wa_node_t *
business_notice(room_t *r)
{
    wa_node_t  *n;

    n = wa_node_new(&r->arena, "notification");
    wa_node_set_str(&r->arena, n, "id", "b1");
    wa_node_set_str(&r->arena, n, "type", "business");
    wa_node_set_str(&r->arena, n, "from", "s.whatsapp.net");

    return n;
}


static void
a_business_is_named_by_the_server(void **state)
{
    room_t     *r = *state;
    wa_node_t  *n, *v;

    n = business_notice(r);
    v = verified(r, n, "Bob & Co");
    wa_node_set_str(&r->arena, v, "jid", BOB_PN "@s.whatsapp.net");
    feed(r, n);
    assert_string_equal(named(r, 0), "Bob & Co");

    /* Of whom, or what, is not said: */

    n = business_notice(r);
    v = verified(r, n, "Bob & Co");
    wa_node_set_str(&r->arena, v, "hash", "2fa1");
    feed(r, n);
    n = business_notice(r);
    v = wa_node_add_new(&r->arena, n, "verified_name");
    wa_node_set_str(&r->arena, v, "jid", BOB_PN "@s.whatsapp.net");
    feed(r, n);
    n = business_notice(r);
    v = verified(r, n, "Alice & Co");
    wa_node_set_str(&r->arena, v, "jid", ALICE_PN "@s.whatsapp.net");
    feed(r, n);
    feed(r, business_notice(r));
    assert_int_equal(room_events(r, 0, "contact.updated"), 1);

    n = business_notice(r);
    v = wa_node_add_new(&r->arena, n, "remove");
    wa_node_set_str(&r->arena, v, "jid", BOB_PN "@s.whatsapp.net");
    feed(r, n);
    assert_string_equal(named(r, 1), "");
}


/* Bob writes to Alice as a business of that name. */
static void
business_text(room_t *r, const char *name)
{
    size_t      k;
    wa_buf_t   *b;
    wa_span_t   copy;
    wa_node_t  *n;

    r->side[0].away = true;
    room_send(r, 1, ALICE_PN "@s.whatsapp.net", "hello");
    room_run(r);

    for (k = 0; k < r->side[0].n_queue; k++) {
        b = &r->side[0].queue[k];
        assert_int_equal(wa_arena_dup_span(&r->arena, wa_span_buf(b), &copy),
                         WA_OK);
        assert_int_equal(wa_node_unpack(copy, &r->arena, &n), WA_OK);

        if (wa_node_is(n, "message")) {
            (void) verified(r, n, name);
            b->n = 0;
            assert_int_equal(wa_node_pack(n, b), WA_OK);
        }
    }

    room_back(r, 0);
    room_run(r);
}


static void
a_business_is_named_by_its_messages(void **state)
{
    room_t  *r = *state;

    business_text(r, "Bob & Co");
    business_text(r, "Bob & Co");
    assert_int_equal(room_events(r, 0, "message.received"), 2);
    assert_string_equal(named(r, 0), "Bob & Co");
    assert_int_equal(room_events(r, 0, "contact.updated"), 1);

    business_text(r, "Bob & Sons");
    assert_string_equal(named(r, 1), "Bob & Sons");
    assert_int_equal(room_events(r, 0, "message.received"), 3);
}


#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(a_call_goes_forward_only),
        T(a_call_is_known_after_a_restart),
        T(old_calls_are_forgotten),
        T(odd_calls_are_only_acknowledged),
        T(a_call_is_refused),
        T(a_refusal_waits_for_its_commit),
        T(lookups_have_an_allowance),
        T(odd_lookups_are_refused),
        T(pictures_are_asked_for_and_set),
        T(notices_of_people_are_told),
        T(what_people_took_away_is_told),
        T(a_picture_of_ones_own_is_told),
        T(a_business_is_named_by_the_server),
        T(a_business_is_named_by_its_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
