/* Being there, typing, and reading: our own and that of others. */
#include "wa_room_people.h"

#include "wa_presence.h"
#include "wa_settings.h"

#define ROOM       "120363001@g.us"


static int
setup(void **state)
{
    return people_setup(state, 1);
}


static void
name(room_t *r, const char *text)
{
    wa_unit_t  *u;

    u = wa_unit_new(room_account(r, 0));
    assert_int_equal(wa_presence_name(u, wa_span_str(text)), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(r->side[0].h);
}


/* Runs a verb; NULL: it succeeded, else its code. */
static const char *
query(room_t *r, json_t *args)
{
    wa_host_submit(r->side[0].h, WA_OP_QUERY, args);
    room_run(r);

    return wa_host_reply(r->side[0].h)->code;
}


static const char *
set(room_t *r, const char *type, int seconds)
{
    return query(r, json_pack("{s:s, s:s, s:i}", "verb", "presence.set",
                              "type", type, "seconds", seconds));
}


static const char *
watch(room_t *r, const char *verb, const char *jid)
{
    return query(r, json_pack("{s:s, s:s}", "verb", verb, "jid", jid));
}


/* <tag from [participant type last]>[<child [media]/>]</tag> */
static void
feed(room_t *r, const char *tag, const char *const *attrs, const char *child,
    const char *media)
{
    wa_node_t  *n, *c;

    n = wa_node_new(&r->arena, tag);

    for ( /* void */ ; attrs[0] != NULL; attrs += 2) {
        wa_node_set_str(&r->arena, n, attrs[0], attrs[1]);
    }

    if (child != NULL) {
        c = wa_node_add_new(&r->arena, n, child);

        if (media != NULL) {
            wa_node_set_str(&r->arena, c, "media", media);
        }
    }

    room_feed(r, 0, n);
    room_run(r);
}

#define FEED(r, tag, child, media, ...)                                       \
    feed(r, tag, (const char *const[]) { __VA_ARGS__, NULL }, child, media)


/* A member of the data of the i-th event of a type, as JSON text. */
static const char *
told(room_t *r, const char *type, size_t i, const char *member)
{
    static char  out[256];

    char         *text;
    json_t       *e, *v;
    const char   *s;

    e = room_event(r, 0, type, i);
    assert_non_null(e);
    v = json_object_get(json_object_get(e, "data"), member);
    s = json_string_value(v);
    text = s == NULL ? json_dumps(v, JSON_ENCODE_ANY) : NULL;
    (void) snprintf(out, sizeof(out), "%s",
                    s != NULL ? s : text != NULL ? text : "absent");
    free(text);
    json_decref(e);

    return out;
}


/* ---- our own ---- */

static void
available_ends_by_itself(void **state)
{
    room_t     *r = *state;
    wa_node_t  *p;

    assert_string_equal(set(r, "available", 5), "INVALID_STATE");
    name(r, "Ali@ce");
    assert_null(set(r, "available", 5));
    p = room_last(r, 0, "presence", "available");
    assert_true(wa_node_attr_is(p, "name", "Alice"));
    assert_int_equal(room_count(r, 0, "ib", NULL), 1);
    assert_true(wa_account_available(room_account(r, 0)));

    /* A later request counts, its end too. */

    wa_host_advance(r->side[0].h, 4000);
    assert_null(set(r, "available", 5));
    wa_host_advance(r->side[0].h, 2000);
    room_run(r);
    assert_true(wa_account_available(room_account(r, 0)));
    wa_host_advance(r->side[0].h, 3100);
    room_run(r);
    assert_false(wa_account_available(room_account(r, 0)));
    assert_int_equal(room_count(r, 0, "presence", "unavailable"), 1);

    assert_string_equal(set(r, "available", 86401), "VALIDATION_ERROR");
    assert_string_equal(set(r, "here", 1), "VALIDATION_ERROR");
}


static void
always_is_until_told_otherwise(void **state)
{
    room_t  *r = *state;

    name(r, "Alice");
    wa_host_submit(r->side[0].h, WA_OP_UPDATE,
                   json_pack("{s:b}", "always_available", 1));
    room_run(r);
    assert_true(wa_account_available(room_account(r, 0)));

    assert_null(set(r, "unavailable", 1));
    assert_false(wa_account_available(room_account(r, 0)));

    /* A short time in it ends in what the setting says. */

    assert_null(set(r, "available", 1));
    wa_host_advance(r->side[0].h, 2000);
    room_run(r);
    assert_true(wa_account_available(room_account(r, 0)));

    room_restart(r, 0);
    assert_false(wa_account_available(room_account(r, 0)));
    wa_presence_apply(room_account(r, 0));
    room_run(r);
    assert_true(wa_account_available(room_account(r, 0)));

    wa_host_submit(r->side[0].h, WA_OP_UPDATE,
                   json_pack("{s:b}", "always_available", 0));
    room_run(r);
    assert_false(wa_account_available(room_account(r, 0)));
}


static void
subscriptions_are_kept(void **state)
{
    char       jid[40];
    size_t     i;
    room_t    *r = *state;
    json_t    *list;

    name(r, "Alice");
    assert_string_equal(watch(r, "presence.subscribe", ROOM),
                        "INVALID_RECIPIENT");
    assert_string_equal(watch(r, "presence.subscribe",
                              ALICE_PN "@s.whatsapp.net"),
                        "INVALID_RECIPIENT");

    for (i = 0; i < WA_PRESENCE_WATCH_MAX; i++) {
        (void) snprintf(jid, sizeof(jid), "%zu@lid", 1000 + i);
        assert_null(watch(r, "presence.subscribe", jid));
    }

    assert_null(watch(r, "presence.subscribe", "1000@lid"));
    assert_string_equal(watch(r, "presence.subscribe", "9999@lid"),
                        "INVALID_STATE");
    assert_null(watch(r, "presence.unsubscribe", "1000@lid"));
    assert_null(watch(r, "presence.unsubscribe", "1000@lid"));
    assert_null(watch(r, "presence.subscribe", "9999:7@lid"));
    assert_string_equal(watch(r, "presence.subscribe", "9998@lid"),
                        "INVALID_STATE");

    for (i = 1; i < WA_PRESENCE_WATCH_MAX - 2; i++) {
        (void) snprintf(jid, sizeof(jid), "%zu@lid", 1000 + i);
        assert_null(watch(r, "presence.unsubscribe", jid));
    }

    /* The rest goes out anew on another connection, one after the other. */

    room_restart(r, 0);
    r->n_log = 0;
    assert_null(set(r, "available", 60));

    for (i = 0; i < 6; i++) {
        wa_host_advance(r->side[0].h, 700);
        room_run(r);
    }

    assert_int_equal(room_count(r, 0, "presence", "subscribe"), 3);
    assert_null(query(r, json_pack("{s:s}", "verb", "presence.list")));
    list = json_object_get(wa_host_reply(r->side[0].h)->data,
                           "subscriptions");
    assert_int_equal(json_array_size(list), 3);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(list, 2), "jid")), "9999@lid");
}


/* ---- others ---- */

static void
others_are_told_once(void **state)
{
    room_t  *r = *state;

    FEED(r, "presence", NULL, NULL, "from", BOB_LID "@lid");
    FEED(r, "presence", NULL, NULL, "from", BOB_LID "@lid", "type",
         "unavailable", "last", "1767225000");
    FEED(r, "chatstate", "composing", NULL, "from", BOB_LID ":3@lid");
    FEED(r, "chatstate", "composing", NULL, "from", BOB_LID ":3@lid");
    FEED(r, "chatstate", "composing", "audio", "from", BOB_LID "@lid");
    FEED(r, "chatstate", "paused", NULL, "from", BOB_LID "@lid");
    FEED(r, "chatstate", "composing", NULL, "from", ROOM, "participant",
         BOB_LID "@lid");
    FEED(r, "chatstate", "composing", NULL, "from", BOB_LID "@lid");

    assert_int_equal(room_events(r, 0, "presence.updated"), 7);
    assert_string_equal(told(r, "presence.updated", 0, "status"),
                        "available");
    assert_string_equal(told(r, "presence.updated", 0, "last_seen"), "null");
    assert_string_equal(told(r, "presence.updated", 1, "last_seen"),
                        "1767225000");
    assert_string_equal(told(r, "presence.updated", 2, "jid"),
                        BOB_LID "@lid");
    assert_string_equal(told(r, "presence.updated", 3, "status"),
                        "recording");
    assert_string_equal(told(r, "presence.updated", 5, "chat_jid"), ROOM);
    assert_string_equal(told(r, "presence.updated", 6, "status"),
                        "composing");

    wa_host_advance(r->side[0].h, 10000);
    FEED(r, "chatstate", "composing", NULL, "from", BOB_LID "@lid");
    assert_int_equal(room_events(r, 0, "presence.updated"), 8);
}


static void
odd_ones_are_not_told(void **state)
{
    room_t  *r = *state;

    FEED(r, "presence", NULL, NULL, "id", "1");
    FEED(r, "presence", NULL, NULL, "from", "nobody");
    FEED(r, "presence", NULL, NULL, "from", ROOM, "count", "3");
    FEED(r, "presence", NULL, NULL, "from", BOB_LID "@lid", "type", "error");
    FEED(r, "presence", NULL, NULL, "from", ALICE_LID ":1@lid");
    FEED(r, "chatstate", NULL, NULL, "from", BOB_LID "@lid");
    FEED(r, "chatstate", "dancing", NULL, "from", BOB_LID "@lid");
    FEED(r, "chatstate", "composing", NULL, "from", ROOM);
    FEED(r, "chatstate", "composing", NULL, "from", ROOM, "participant",
         ROOM);
    FEED(r, "chatstate", "paused", NULL, "from", ROOM, "participant",
         ALICE_LID "@lid");
    assert_int_equal(room_events(r, 0, "presence.updated"), 0);

    FEED(r, "presence", NULL, NULL, "from", BOB_LID "@lid", "last",
         "99999999999999999999");
    FEED(r, "presence", NULL, NULL, "from", "70000003@lid", "last", "-5");
    assert_int_equal(room_events(r, 0, "presence.updated"), 2);
    assert_string_equal(told(r, "presence.updated", 0, "last_seen"), "null");
    assert_string_equal(told(r, "presence.updated", 1, "last_seen"), "null");
}


static void
a_flood_is_cut(void **state)
{
    char     jid[40];
    size_t   i;
    room_t  *r = *state;

    for (i = 0; i < 1000; i++) {
        (void) snprintf(jid, sizeof(jid), "%zu@lid", 5000 + i);
        FEED(r, "presence", NULL, NULL, "from", jid);
    }

    i = room_events(r, 0, "presence.updated");
    assert_in_range(i, 100, 400);
    wa_host_advance(r->side[0].h, 60000);
    FEED(r, "presence", NULL, NULL, "from", BOB_LID "@lid");
    assert_int_equal(room_events(r, 0, "presence.updated"), i + 1);
}


/* ---- reading ---- */

static void
privacy(room_t *r, const char *category, const char *value)
{
    wa_node_t  *n, *c;
    wa_unit_t  *u;

    n = wa_node_new(&r->arena, "privacy");
    c = wa_node_add_new(&r->arena, n, "category");
    wa_node_set_str(&r->arena, c, "name", category);
    wa_node_set_str(&r->arena, c, "value", value);
    u = wa_unit_new(room_account(r, 0));
    assert_int_equal(wa_settings_keep(u, n), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(r->side[0].h);
}


static const char *
read_one(room_t *r, const char *jid, const char *sender, bool played)
{
    return query(r, json_pack("{s:s, s:s, s:[s], s:s?, s:b}",
                              "verb", "message.read", "jid", jid,
                              "message_ids", "AAAA", "sender", sender,
                              "played", (int) played));
}


static void
reading_is_told_or_not(void **state)
{
    room_t     *r = *state;
    wa_node_t  *n;

    /* Not known: asked for; nothing is said against it. */

    assert_null(read_one(r, BOB_LID "@lid", NULL, false));
    assert_int_equal(room_count(r, 0, "iq", "get"), 1);
    assert_int_equal(room_count(r, 0, "receipt", "read"), 1);

    privacy(r, "readreceipts", "none");
    assert_null(read_one(r, BOB_LID "@lid", NULL, false));
    assert_int_equal(room_count(r, 0, "receipt", "read-self"), 1);
    assert_null(read_one(r, BOB_LID "@lid", NULL, true));
    assert_int_equal(room_count(r, 0, "receipt", "played-self"), 1);
    assert_null(read_one(r, ROOM, BOB_LID "@lid", false));
    assert_int_equal(room_count(r, 0, "receipt", "read"), 2);

    privacy(r, "readreceipts", "all");
    assert_null(read_one(r, BOB_LID "@lid", NULL, true));
    assert_int_equal(room_count(r, 0, "receipt", "played"), 1);
    assert_null(read_one(r, "status@broadcast", BOB_LID "@lid", false));
    n = room_last(r, 0, "receipt", "read");
    assert_true(wa_node_attr_is(n, "context", "status"));
    assert_true(wa_node_attr_is(n, "participant", BOB_LID "@lid"));
    assert_string_equal(read_one(r, "status@broadcast", NULL, false),
                        "VALIDATION_ERROR");

    assert_null(read_one(r, "777@newsletter", NULL, false));
    n = room_last(r, 0, "receipt", "read-self");
    assert_true(wa_node_attr_is(n, "to", "777@newsletter"));
    assert_null(wa_node_attr(n, "participant").p);
    assert_int_equal(room_events(r, 0, "message.receipt"), 7);
    assert_string_equal(told(r, "message.receipt", 0, "from_me"), "true");
    assert_string_equal(told(r, "message.receipt", 0, "recipient_jid"),
                        ALICE_PN "@s.whatsapp.net");
    assert_string_equal(told(r, "message.receipt", 3, "chat_jid"), ROOM);
    assert_int_equal(room_events(r, 0, "chat.updated"), 4);
}


static void
own_devices_tell(void **state)
{
    room_t  *r = *state;

    FEED(r, "receipt", NULL, NULL, "id", "BBBB", "from", ALICE_LID ":2@lid",
         "recipient", BOB_LID "@lid", "type", "read-self", "t",
         "1767225600");
    assert_int_equal(room_events(r, 0, "message.receipt"), 1);
    assert_string_equal(told(r, "message.receipt", 0, "chat_jid"),
                        BOB_LID "@lid");
    assert_string_equal(told(r, "message.receipt", 0, "status"), "read");
    assert_int_equal(room_events(r, 0, "chat.updated"), 1);

    FEED(r, "receipt", NULL, NULL, "id", "CCCC", "from", ROOM, "participant",
         ALICE_LID ":2@lid", "recipient", BOB_LID "@lid", "type", "played");
    assert_string_equal(told(r, "message.receipt", 1, "chat_jid"), ROOM);
    assert_int_equal(room_events(r, 0, "chat.updated"), 1);

    /* Copies that have arrived, and what names nobody. */

    FEED(r, "receipt", NULL, NULL, "id", "DDDD", "from", ALICE_LID "@lid",
         "recipient", BOB_LID "@lid");
    FEED(r, "receipt", NULL, NULL, "id", "EEEE", "from", ALICE_LID "@lid",
         "type", "read");
    FEED(r, "receipt", NULL, NULL, "id", "FFFF", "from", ALICE_LID "@lid",
         "recipient", ALICE_PN "@s.whatsapp.net", "type", "read");
    assert_int_equal(room_events(r, 0, "message.receipt"), 2);
    assert_int_equal(room_count(r, 0, "ack", NULL), 5);

    /* What Bob sent to a list of his is in the chat with him. */

    FEED(r, "receipt", NULL, NULL, "id", "GGGG", "from", "17@broadcast",
         "participant", ALICE_LID ":2@lid", "recipient", BOB_LID "@lid",
         "type", "read");
    assert_string_equal(told(r, "message.receipt", 2, "chat_jid"),
                        BOB_LID "@lid");
    assert_int_equal(room_events(r, 0, "chat.updated"), 2);
}


static void
many_members_tell_at_once(void **state)
{
    size_t      i, k;
    room_t     *r = *state;
    wa_jid_t    jid;
    wa_node_t  *n, *list, *user;
    char        text[40];

    n = wa_node_new(&r->arena, "receipt");
    wa_node_set_str(&r->arena, n, "id", "M0");
    wa_node_set_str(&r->arena, n, "from", ROOM);

    for (k = 0; k < 2; k++) {
        list = wa_node_add_new(&r->arena, n, "participants");
        wa_node_set_str(&r->arena, list, "key", k == 0 ? "M0" : "M1");

        for (i = 0; i < 600; i++) {
            (void) snprintf(text, sizeof(text), "%zu:2@lid", 5000 + i);
            assert_int_equal(wa_jid_parse(wa_span_str(text), &jid), WA_OK);
            user = wa_node_add_new(&r->arena, list, "user");
            wa_node_set_jid(&r->arena, user, "jid", &jid);
            wa_node_set_u64(&r->arena, user, "t", 1767225600 + i);
        }
    }

    room_feed(r, 0, n);
    room_run(r);
    assert_int_equal(room_events(r, 0, "message.receipt"), 1200);
    assert_int_equal(room_count(r, 0, "ack", NULL), 1);
    assert_string_equal(told(r, "message.receipt", 1199, "message_id"),
                        "M1");
    assert_string_equal(told(r, "message.receipt", 1199, "recipient_jid"),
                        "5599@lid");
    assert_string_equal(told(r, "message.receipt", 1199, "timestamp"),
                        "1767226199");
    assert_string_equal(told(r, "message.receipt", 0, "status"),
                        "delivered");

    /* Of nobody, of ourselves, of no room. */

    FEED(r, "receipt", "participants", NULL, "id", "M2", "from", ROOM);
    FEED(r, "receipt", "participants", NULL, "id", "M3", "from",
         BOB_LID "@lid");
    FEED(r, "receipt", "participants", NULL, "id", "M4", "from", ROOM,
         "type", "inactive");
    assert_int_equal(room_count(r, 0, "ack", NULL), 4);
    assert_int_equal(room_events(r, 0, "message.receipt"), 1200);
}


static void
settings_are_plain_words(void **state)
{
    bool           list;
    room_t        *r = *state;
    wa_account_t  *a;

    a = room_account(r, 0);
    privacy(r, "last", "all");
    privacy(r, "online", "match_last_seen");
    privacy(r, "last", "contacts");
    assert_true(wa_span_eq_str(wa_settings_get(a, "last"), "contacts"));
    assert_true(wa_span_eq_str(wa_settings_get(a, "online"),
                               "match_last_seen"));

    privacy(r, "two words", "all");
    privacy(r, "line\nbreak", "all");
    privacy(r, "status", "x\nlast all");
    assert_true(wa_span_eq_str(wa_settings_get(a, "last"), "contacts"));
    assert_null(wa_settings_get(a, "line").p);
    assert_null(wa_settings_get(a, "status").p);

    assert_string_equal(wa_settings_category(wa_span_str("about"), &list),
                        "status");
    assert_true(list);
    assert_string_equal(wa_settings_category(wa_span_str("readreceipts"),
                                             &list), "readreceipts");
    assert_false(list);
    assert_null(wa_settings_category(wa_span_str("mood"), &list));
    assert_string_equal(query(r, json_pack("{s:s, s:{s:s}}", "verb",
                                           "privacy.set", "settings",
                                           "last", "match_last_seen")),
                        "VALIDATION_ERROR");
    assert_string_equal(query(r, json_pack("{s:s, s:s, s:[s]}", "verb",
                                           "privacy.except", "name", "last",
                                           "add", ROOM)),
                        "VALIDATION_ERROR");
    assert_string_equal(query(r, json_pack("{s:s, s:s, s:s}", "verb",
                                           "blocklist.set", "jid",
                                           ALICE_LID "@lid", "action",
                                           "block")), "INVALID_RECIPIENT");
    assert_null(query(r, json_pack("{s:s, s:s, s:s}", "verb",
                                   "blocklist.set", "jid",
                                   BOB_LID "@lid", "action",
                                   "block")));
}


#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(available_ends_by_itself),
        T(always_is_until_told_otherwise),
        T(subscriptions_are_kept),
        T(others_are_told_once),
        T(odd_ones_are_not_told),
        T(a_flood_is_cut),
        T(reading_is_told_or_not),
        T(own_devices_tell),
        T(many_members_tell_at_once),
        T(settings_are_plain_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
