/* Communities: what their notifications tell, and how they are left. */
#include "wa_room_trio.h"

#include "wa_group.h"


#define ROOM     "120363000000000001@g.us"
#define VILLAGE  "120363000000000002@g.us"


/* Puts a notification of Bob about a group into side 0's way; its child, to
   be filled in before tell(). */
static wa_node_t *
told(room_t *r, const char *from, const char *tag, wa_node_t **n)
{
    static unsigned  id;

    *n = wa_node_new(&r->arena, "notification");
    wa_node_set_u64(&r->arena, *n, "id", ++id);
    wa_node_set_str(&r->arena, *n, "from", from);
    wa_node_set_str(&r->arena, *n, "type", "w:gp2");
    wa_node_set_str(&r->arena, *n, "participant", BOB_LID "@lid");
    wa_node_set_str(&r->arena, *n, "participant_pn",
                    BOB_PN "@s.whatsapp.net");

    return wa_node_add_new(&r->arena, *n, tag);
}


static void
tell(room_t *r, const wa_node_t *n)
{
    size_t  before;

    before = room_count(r, 0, "ack", NULL);
    room_feed(r, 0, n);
    room_run(r);
    assert_int_equal(room_count(r, 0, "ack", NULL), before + 1);
}


/* A community, or a group of it; ours and Bob's. */
static void
know(room_t *r, const char *jid, const char *parent)
{
    size_t      i;
    wa_jid_t    pn, lid;
    wa_node_t  *n, *g, *p;

    g = wa_node_add_new(&r->arena, told(r, jid, "create", &n), "group");
    wa_node_set_str(&r->arena, g, "id", jid);
    wa_node_set_str(&r->arena, g, "subject", "known");
    wa_node_set_str(&r->arena, g, "addressing_mode", "lid");

    if (parent == NULL) {
        (void) wa_node_add_new(&r->arena, g, "parent");

    } else {
        p = wa_node_add_new(&r->arena, g, "linked_parent");
        wa_node_set_str(&r->arena, p, "jid", parent);
    }

    for (i = 0; i < 2; i++) {
        pn = wa_jid_bare(&r->side[i].pn);
        lid = wa_jid_bare(&r->side[i].lid);
        p = wa_node_add_new(&r->arena, g, "participant");
        wa_node_set_jid(&r->arena, p, "jid", &lid);
        wa_node_set_jid(&r->arena, p, "phone_number", &pn);
    }

    tell(r, n);
}


/* Data of the latest event of its type. */
static json_t *
latest(room_t *r, const char *type)
{
    json_t  *e, *data;

    assert_true(room_events(r, 0, type) != 0);
    e = room_event(r, 0, type, room_events(r, 0, type) - 1);
    data = json_incref(json_object_get(e, "data"));
    json_decref(e);

    return data;
}


/* The latest event's member `name` is this JSON; NULL: it has none. */
static void
assert_told(room_t *r, const char *type, const char *name, const char *want)
{
    char    *text;
    json_t  *data, *v, *expected;

    data = latest(r, type);
    v = json_object_get(data, name);

    if (want == NULL) {
        assert_null(v);
        json_decref(data);
        return;
    }

    expected = json_loads(want, JSON_DECODE_ANY, NULL);
    assert_non_null(expected);

    if (v == NULL || !json_equal(v, expected)) {
        text = json_dumps(data, 0);
        fail_msg("%s of %s is not %s", name, text, want);
    }

    json_decref(expected);
    json_decref(data);
}


static void
assert_community(room_t *r, const char *jid)
{
    json_t  *data, *v;

    data = latest(r, "group.updated");
    v = json_object_get(json_object_get(data, "group"), "community_jid");

    if (jid == NULL) {
        assert_true(json_is_null(v));

    } else {
        assert_string_equal(json_string_value(v), jid);
    }

    json_decref(data);
}


static void
who_asks_to_be_let_in_is_told(void **state)
{
    room_t     *r = *state;
    wa_node_t  *n, *c, *p;

    know(r, ROOM, VILLAGE);

    c = told(r, ROOM, "created_membership_requests", &n);
    wa_node_set_str(&r->arena, c, "request_method", "invite_link");
    p = wa_node_add_new(&r->arena, c, "requested_user");
    wa_node_set_str(&r->arena, p, "jid", CAROL_LID "@lid");
    wa_node_set_str(&r->arena, p, "phone_number", CAROL_PN "@s.whatsapp.net");
    tell(r, n);
    assert_told(r, "group.updated", "join_requests",
                "{\"action\":\"created\",\"method\":\"invite_link\","
                "\"by_jid\":\"" BOB_PN "@s.whatsapp.net\",\"participants\":"
                "[\"" CAROL_PN "@s.whatsapp.net\"]}");

    c = told(r, ROOM, "revoked_membership_requests", &n);
    p = wa_node_add_new(&r->arena, c, "participant");
    wa_node_set_str(&r->arena, p, "jid", CAROL_LID "@lid");
    tell(r, n);
    assert_told(r, "group.updated", "join_requests",
                "{\"action\":\"revoked\",\"method\":null,"
                "\"by_jid\":\"" BOB_PN "@s.whatsapp.net\",\"participants\":"
                "[\"" CAROL_LID "@lid\"]}");

    c = told(r, ROOM, "membership_approval_request", &n);
    wa_node_set_str(&r->arena, c, "request_method", "linked_group_join");
    tell(r, n);
    assert_told(r, "group.updated", "join_requests",
                "{\"action\":\"created\",\"method\":\"linked_group_join\","
                "\"by_jid\":\"" BOB_PN "@s.whatsapp.net\",\"participants\":"
                "[\"" BOB_PN "@s.whatsapp.net\"]}");
}


static void
what_a_community_links_is_told(void **state)
{
    room_t     *r = *state;
    wa_node_t  *n, *c, *p;

    know(r, VILLAGE, NULL);
    know(r, ROOM, VILLAGE);

    c = told(r, VILLAGE, "link", &n);
    wa_node_set_str(&r->arena, c, "link_type", "sub_group");
    p = wa_node_add_new(&r->arena, c, "group");
    wa_node_set_str(&r->arena, p, "id", "120363000000000001");
    wa_node_set_str(&r->arena, p, "subject", "well");
    tell(r, n);
    assert_told(r, "group.updated", "linked",
                "{\"action\":\"link\",\"type\":\"sub_group\",\"groups\":"
                "[{\"jid\":\"" ROOM "\",\"name\":\"well\"}]}");

    /* A neighbour went: that says nothing about our own place. */

    c = told(r, ROOM, "unlink", &n);
    wa_node_set_str(&r->arena, c, "unlink_type", "sibling_group");
    p = wa_node_add_new(&r->arena, c, "group");
    wa_node_set_str(&r->arena, p, "jid", "120363000000000003@g.us");
    tell(r, n);
    assert_told(r, "group.updated", "linked",
                "{\"action\":\"unlink\",\"type\":\"sibling_group\","
                "\"groups\":[{\"jid\":\"120363000000000003@g.us\","
                "\"name\":null}]}");
    assert_community(r, VILLAGE);

    c = told(r, ROOM, "unlink", &n);
    wa_node_set_str(&r->arena, c, "unlink_type", "parent_group");
    p = wa_node_add_new(&r->arena, c, "group");
    wa_node_set_str(&r->arena, p, "jid", VILLAGE);
    tell(r, n);
    assert_community(r, NULL);
}


/* Who runs the community runs its groups. */
static void
admins_by_way_of_the_community_are_told(void **state)
{
    room_t     *r = *state;
    wa_node_t  *n, *c, *p;

    know(r, ROOM, VILLAGE);

    c = told(r, ROOM, "linked_group_promote", &n);
    p = wa_node_add_new(&r->arena, c, "participant");
    wa_node_set_str(&r->arena, p, "jid", BOB_LID "@lid");
    wa_node_set_str(&r->arena, p, "phone_number", BOB_PN "@s.whatsapp.net");
    tell(r, n);
    assert_told(r, "group.participants", "action", "\"promote\"");
    assert_told(r, "group.participants", "jid", "\"" ROOM "\"");
    assert_told(r, "group.participants", "participants",
                "[\"" BOB_PN "@s.whatsapp.net\"]");

    /* Told to the community, about one of its groups. */

    know(r, VILLAGE, NULL);
    c = told(r, VILLAGE, "linked_group_demote", &n);
    wa_node_set_str(&r->arena, c, "jid", ROOM);
    p = wa_node_add_new(&r->arena, c, "participant");
    wa_node_set_str(&r->arena, p, "jid", BOB_LID "@lid");
    wa_node_set_str(&r->arena, p, "phone_number", BOB_PN "@s.whatsapp.net");
    tell(r, n);
    assert_told(r, "group.participants", "action", "\"demote\"");
    assert_told(r, "group.participants", "jid", "\"" ROOM "\"");
}


static const wa_node_t *
left(room_t *r, const char *jid)
{
    wa_node_t  *iq;

    wa_host_submit(r->side[0].h, WA_OP_QUERY,
                   json_pack("{s:s, s:s}", "verb", "group.leave", "jid",
                             jid));
    room_run(r);
    iq = room_last(r, 0, "iq", "set");
    assert_non_null(iq);
    assert_true(wa_node_attr_is(iq, "to", "@g.us"));
    assert_true(wa_node_attr_is(iq, "xmlns", "w:g2"));

    return wa_node_first(wa_node_child(iq, "leave"));
}


/* Protocol 14: a community goes with its groups. */
static void
a_community_is_left_as_one(void **state)
{
    room_t           *r = *state;
    const wa_node_t  *n;

    know(r, VILLAGE, NULL);
    know(r, ROOM, VILLAGE);

    n = left(r, VILLAGE);
    assert_true(wa_node_is(n, "linked_groups"));
    assert_true(wa_node_attr_is(n, "parent_group_jid", VILLAGE));

    n = left(r, ROOM);
    assert_true(wa_node_is(n, "group"));
    assert_true(wa_node_attr_is(n, "id", ROOM));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(
            who_asks_to_be_let_in_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_a_community_links_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(
            admins_by_way_of_the_community_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_community_is_left_as_one, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
