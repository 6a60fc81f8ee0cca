/*
 * Sends to large groups: who is given our key, and how long it takes.  The
 * members are phones with one device each; the server answers for them.
 */
#include "wa_room.h"

#include <time.h>

#define ALICE_PN   "4915100001"
#define ALICE_LID  "70000001"
#define GROUP      "120363000000000001"
#define MEMBERS    1024                 /* Alice is one of them            */

typedef struct {
    size_t      members;
    uint8_t     identity[32];           /* public; the same for all        */
    uint8_t     prekey[32];
    uint8_t     signature[64];
    int64_t     away_us;                /* spent here, not in wahub        */
} crowd_t;

static crowd_t  crowd;


static int64_t
now_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


static void
member_jid(size_t i, char jid[64])
{
    (void) snprintf(jid, 64, i == 0 ? ALICE_LID "@lid" : "8%07zu@lid", i);
}


static wa_node_t *
answer_new(room_t *r, const wa_node_t *iq)
{
    wa_node_t  *answer;

    answer = wa_node_new(&r->arena, "iq");
    wa_node_set_str(&r->arena, answer, "type", "result");
    wa_node_set_str(&r->arena, answer, "from", "s.whatsapp.net");
    wa_node_set(&r->arena, answer, "id", wa_node_attr(iq, "id"));

    return answer;
}


static wa_node_t *
answer_group(room_t *r, const wa_node_t *iq)
{
    char         jid[64];
    size_t       i;
    wa_node_t   *answer, *group, *p;
    wa_arena_t  *ar;

    ar = &r->arena;
    answer = answer_new(r, iq);
    group = wa_node_add_new(ar, answer, "group");
    wa_node_set_str(ar, group, "id", GROUP);
    wa_node_set_str(ar, group, "subject", "a crowd");
    wa_node_set_str(ar, group, "addressing_mode", "lid");

    for (i = 0; i < crowd.members; i++) {
        member_jid(i, jid);
        p = wa_node_add_new(ar, group, "participant");
        wa_node_set_str(ar, p, "jid",
                        wa_arena_strdup(ar, wa_span_str(jid)));
    }

    return answer;
}


static wa_node_t *
answer_devices(room_t *r, const wa_node_t *iq)
{
    wa_node_t        *answer, *list, *user, *n;
    wa_arena_t       *ar;
    const wa_node_t  *q;

    ar = &r->arena;
    answer = answer_new(r, iq);
    list = wa_node_add_new(ar, wa_node_add_new(ar, answer, "usync"), "list");
    q = wa_node_child(wa_node_child(wa_node_child(iq, "usync"), "list"),
                      "user");

    for ( /* void */ ; q != NULL; q = wa_node_sibling(q, "user")) {
        user = wa_node_add_new(ar, list, "user");
        wa_node_set(ar, user, "jid", wa_node_attr(q, "jid"));
        n = wa_node_add_new(ar, wa_node_add_new(ar, user, "devices"),
                            "device-list");
        n = wa_node_add_new(ar, n, "device");
        wa_node_set_str(ar, n, "id", "0");
    }

    return answer;
}


static wa_node_t *
answer_bundles(room_t *r, const wa_node_t *iq)
{
    wa_node_t        *answer, *list, *user, *n;
    wa_arena_t       *ar;
    const wa_node_t  *q;

    static const uint8_t  type = 5;

    ar = &r->arena;
    answer = answer_new(r, iq);
    list = wa_node_add_new(ar, answer, "list");
    q = wa_node_child(wa_node_child(iq, "key"), "user");

    for ( /* void */ ; q != NULL; q = wa_node_sibling(q, "user")) {
        user = wa_node_add_new(ar, list, "user");
        wa_node_set(ar, user, "jid", wa_node_attr(q, "jid"));
        room_be(ar, wa_node_add_new(ar, user, "registration"), 77, 4);
        wa_node_bytes(wa_node_add_new(ar, user, "type"), wa_span(&type, 1));
        wa_node_bytes(wa_node_add_new(ar, user, "identity"),
                      wa_span(crowd.identity, 32));
        n = wa_node_add_new(ar, user, "skey");
        room_be(ar, wa_node_add_new(ar, n, "id"), 1, 3);
        wa_node_bytes(wa_node_add_new(ar, n, "value"),
                      wa_span(crowd.prekey, 32));
        wa_node_bytes(wa_node_add_new(ar, n, "signature"),
                      wa_span(crowd.signature, 64));
    }

    return answer;
}


static bool
answer(room_t *r, size_t i, const wa_node_t *iq)
{
    int64_t     began;
    wa_node_t  *node;

    began = now_us();
    node = NULL;

    if (wa_node_attr_is(iq, "xmlns", "w:g2")) {
        node = answer_group(r, iq);

    } else if (wa_node_attr_is(iq, "xmlns", "usync")) {
        node = answer_devices(r, iq);

    } else if (wa_node_child(iq, "key") != NULL) {
        node = answer_bundles(r, iq);
    }

    crowd.away_us += now_us() - began;

    if (node != NULL) {
        room_feed(r, i, node);
    }

    return node != NULL;
}


static int
setup(void **state)
{
    room_t     *r;
    uint8_t     priv[32], prekey[32], random[64];
    wa_span_t   parts[2];

    static const uint8_t  type = 5;

    memset(&crowd, 0, sizeof(crowd));
    r = room_create();
    room_add(r, ALICE_PN, ALICE_LID, 5);
    r->answer = answer;

    wa_random(random, sizeof(random));
    assert_int_equal(wa_x25519_keypair(priv, crowd.identity), WA_OK);
    assert_int_equal(wa_x25519_keypair(prekey, crowd.prekey), WA_OK);
    parts[0] = wa_span(&type, 1);
    parts[1] = wa_span(crowd.prekey, 32);
    assert_int_equal(wa_xeddsa_sign(crowd.signature, priv, parts, 2, random),
                     WA_OK);
    *state = r;

    return 0;
}


static int
teardown(void **state)
{
    room_free(*state);

    return 0;
}


/* Sends one text, and tells who is given the key with it: given[i] is how
   often member i was. */
static wa_node_t *
text(room_t *r, const char *what, size_t given[MEMBERS])
{
    char              jid[64];
    size_t            i, sent;
    int64_t           began;
    wa_node_t        *m;
    const wa_node_t  *to;

    began = now_us();
    crowd.away_us = 0;
    sent = room_count(r, 0, "message", NULL);
    room_send(r, 0, GROUP "@g.us", what);
    room_run(r);

    /* Sessions are made a few in a turn. */

    for (i = 0; i < MEMBERS && room_count(r, 0, "message", NULL) == sent; i++)
    {
        room_kick(r, 0);
        room_run(r);
    }

    print_message("%zu members, %s: %.1f ms of wahub and libsignal\n",
                  crowd.members, what,
                  (double) (now_us() - began - crowd.away_us) / 1000);

    m = room_last(r, 0, "message", NULL);
    assert_non_null(m);
    assert_true(wa_node_attr_is(wa_node_child(m, "enc"), "type", "skmsg"));
    memset(given, 0, MEMBERS * sizeof(size_t));
    to = wa_node_child(wa_node_child(m, "participants"), "to");

    for ( /* void */ ; to != NULL; to = wa_node_sibling(to, "to")) {
        assert_non_null(wa_node_child(to, "enc"));

        for (i = 0; i < crowd.members; i++) {
            member_jid(i, jid);
            given[i] += wa_node_attr_is(to, "jid", jid);
        }
    }

    return m;
}


static void
leave(room_t *r, size_t member)
{
    char         jid[64];
    wa_node_t   *n, *p;
    wa_arena_t  *ar;

    ar = &r->arena;
    member_jid(member, jid);
    n = wa_node_new(ar, "notification");
    wa_node_set_str(ar, n, "id", "leave1");
    wa_node_set_str(ar, n, "type", "w:gp2");
    wa_node_set_str(ar, n, "from", GROUP "@g.us");
    wa_node_set_str(ar, n, "participant", jid);
    p = wa_node_add_new(ar, wa_node_add_new(ar, n, "remove"), "participant");
    wa_node_set_str(ar, p, "jid", jid);
    room_feed(r, 0, n);
    room_run(r);
    crowd.members--;
}


static void
send_to(room_t *r, size_t members)
{
    size_t      i, given[MEMBERS];
    wa_node_t  *m;

    crowd.members = members;

    (void) text(r, "first text", given);
    assert_int_equal(given[0], 1);      /* our phone, a device of ours */

    for (i = 1; i < members; i++) {
        assert_int_equal(given[i], 1);
    }

    m = text(r, "second text", given);
    assert_null(wa_node_child(m, "participants"));

    /* The last one goes: a new key, for everybody else. */

    leave(r, members - 1);
    (void) text(r, "after a leave", given);

    for (i = 0; i < members; i++) {
        assert_int_equal(given[i], i == members - 1 ? 0 : 1);
    }

    m = text(r, "and again", given);
    assert_null(wa_node_child(m, "participants"));
    assert_int_equal(room_events(r, 0, "message.sent"), 4);
}


static void
each_of_256_gets_the_key_once(void **state)
{
    send_to(*state, 256);
}


static void
each_of_1024_gets_the_key_once(void **state)
{
    send_to(*state, MEMBERS);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(each_of_256_gets_the_key_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(each_of_1024_gets_the_key_once,
                                        setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
