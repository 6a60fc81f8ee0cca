/* Device lists and the notifications that end them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "adv.pb-c.h"

#include "wa_account_int.h"
#include "wa_bench.h"
#include "wa_crypto.h"
#include "wa_device_int.h"
#include "wa_failmem.h"
#include "wa_lid.h"
#include "wa_pb.h"
#include "wa_signal.h"


static const char  ana_pn[] = "15552222@s.whatsapp.net";
static const char  ana_lid[] = "200000000000002@lid";
static const char  own_pn[] = "15550001@s.whatsapp.net";


/* <user jid><devices><device-list>..</device-list></devices><lid/></user>;
   ids[i] == 0xffff ends; companions get key-index = id * 10. */
static wa_node_t *
user_node(wa_bench_t *b, const char *address, const char *lid,
    const uint16_t *ids)
{
    wa_node_t  *user, *list, *device;

    user = wa_node_new(b->arena, "user");
    wa_node_set_str(b->arena, user, "jid", address);
    list = wa_node_add_new(b->arena, wa_node_add_new(b->arena, user,
                                                     "devices"),
                           "device-list");

    for ( /* void */ ; *ids != 0xffff; ids++) {
        device = wa_node_add_new(b->arena, list, "device");
        wa_node_set_u64(b->arena, device, "id", *ids);

        if (*ids != 0) {
            wa_node_set_u64(b->arena, device, "key-index", *ids * 10u);
        }
    }

    if (lid != NULL) {
        wa_node_set_str(b->arena, wa_node_add_new(b->arena, user, "lid"),
                        "val", lid);
    }

    return user;
}


static wa_node_t *
usync_node(wa_bench_t *b, wa_node_t *one, wa_node_t *two)
{
    wa_node_t  *usync, *list;

    usync = wa_node_new(b->arena, "usync");
    (void) wa_node_add_new(b->arena, usync, "result");
    list = wa_node_add_new(b->arena, usync, "list");

    if (one != NULL) {
        wa_node_add(b->arena, list, one);
    }

    if (two != NULL) {
        wa_node_add(b->arena, list, two);
    }

    return usync;
}


static void
assert_devices(const wa_device_list_t *list, size_t user,
    const char *const *want)
{
    char    text[WA_JID_TEXT_MAX];
    size_t  i;

    for (i = 0; want[i] != NULL; i++) {
        assert_true(i < list->users[user].n);
        assert_true(list->users[user].first + i < list->n_devices);
        (void) wa_jid_format(&list->devices[list->users[user].first + i],
                             text, sizeof(text));
        assert_string_equal(text, want[i]);
    }

    assert_int_equal(list->users[user].n, i);
}


static const wa_node_t *
usync_iq(wa_bench_t *b, size_t users)
{
    const wa_node_t  *iq, *usync, *query;

    iq = wa_peer_expect(b->peer, "iq");
    assert_true(wa_node_attr_is(iq, "xmlns", "usync"));
    usync = wa_node_child(iq, "usync");
    assert_true(wa_node_attr_is(usync, "mode", "query"));
    assert_true(wa_node_attr_is(usync, "context", "message"));
    assert_true(wa_node_attr_is(usync, "index", "0"));
    assert_true(wa_node_attr_is(usync, "last", "true"));
    assert_true(wa_node_attr(usync, "sid").n > 0);
    query = wa_node_child(usync, "query");
    assert_true(wa_node_attr_is(wa_node_child(query, "devices"), "version",
                                "2"));
    assert_non_null(wa_node_child(query, "lid"));
    assert_int_equal(wa_node_child(usync, "list")->n_nodes, users);

    return iq;
}


/* Ana and ourselves, asked from the server and answered plainly. */
static void
resolve_both(wa_bench_t *b, wa_device_list_t *list, wa_node_t *ana)
{
    wa_jid_t          users[2];
    const wa_node_t  *iq;

    static const uint16_t  own[] = { 0, 4, 7, 0xffff };

    users[0] = wa_bench_jid(ana_pn);
    users[1] = wa_bench_jid(own_pn);
    assert_int_equal(wa_devices_resolve(wa_bench_task(b), users, 2, list),
                     WA_AGAIN);
    wa_bench_run(b);
    iq = usync_iq(b, 2);
    wa_peer_result(b->peer, iq, usync_node(b, ana, user_node(b,
                       "100000000000001@lid", NULL, own)));
    assert_true(b->ended);
    assert_int_equal(b->rc, WA_OK);
}


static void
devices_are_asked_for_once_and_named_by_lid(void **state)
{
    wa_bench_t        *b = *state;
    wa_jid_t           users[2], pn, lid;
    wa_device_list_t   list;

    static const uint16_t     ids[] = { 0, 12, 0xffff };
    static const char *const  ana[] = {
        "200000000000002@lid", "200000000000002:12@lid", NULL
    };
    static const char *const  own[] = {
        "100000000000001@lid", "100000000000001:4@lid", NULL
    };

    resolve_both(b, &list, user_node(b, ana_pn, ana_lid, ids));
    assert_int_equal(list.n_users, 2);
    assert_devices(&list, 0, ana);
    assert_devices(&list, 1, own);
    assert_string_equal(list.users[0].jid.user, "200000000000002");

    pn = wa_bench_jid(ana_pn);
    assert_true(wa_lid_of(b->a, &pn, &lid));
    assert_non_null(wa_host_record(b->host, "dev/200000000000002@lid", 0).p);
    assert_null(wa_host_record(b->host, "dev/15552222@s.whatsapp.net", 0).p);

    /* Now from memory, under any of the two addresses. */
    users[0] = wa_bench_jid(ana_lid);
    users[1] = wa_bench_jid(own_pn);
    assert_int_equal(wa_devices_resolve(wa_bench_task(b), users, 2, &list),
                     WA_OK);
    assert_devices(&list, 0, ana);
    assert_devices(&list, 1, own);
    users[0] = wa_bench_jid(ana_pn);
    assert_int_equal(wa_devices_resolve(wa_bench_task(b), users, 1, &list),
                     WA_OK);
    assert_devices(&list, 0, ana);

    /* A day later (by the clock of the last verb) it is asked for again. */
    wa_peer_advance(b->peer, (WA_DEVICES_FRESH_S + 100) * (wa_time_t) 1000);

    while (wa_peer_next(b->peer) != NULL) {
        /* pings and the like */
    }

    assert_int_equal(wa_devices_resolve(wa_bench_task(b), users, 1, &list),
                     WA_AGAIN);
    wa_bench_run(b);
    (void) usync_iq(b, 1);
}


static void
a_note_to_oneself_asks_once(void **state)
{
    wa_bench_t        *b = *state;
    wa_jid_t           users[2];
    wa_device_list_t   list;
    const wa_node_t   *iq;

    static const uint16_t     ids[] = { 0, 7, 0xffff };
    static const char *const  own[] = { "100000000000001@lid", NULL };

    users[0] = wa_bench_jid("100000000000001:7@lid");
    users[1] = wa_bench_jid(own_pn);
    assert_int_equal(wa_devices_resolve(wa_bench_task(b), users, 2, &list),
                     WA_AGAIN);
    wa_bench_run(b);
    iq = usync_iq(b, 1);
    wa_peer_result(b->peer, iq, usync_node(b, user_node(b,
                       "100000000000001@lid", NULL, ids), NULL));
    assert_true(b->ended);
    assert_devices(&list, 0, own);
    assert_devices(&list, 1, own);
}


static void
an_unknown_number_has_no_address(void **state)
{
    wa_bench_t        *b = *state;
    wa_device_list_t   list;

    static const uint16_t  none[] = { 0xffff };

    resolve_both(b, &list, user_node(b, ana_pn, NULL, none));
    assert_int_equal(list.users[0].jid.server, WA_SERVER_NONE);
    assert_int_equal(list.users[0].n, 0);
    assert_int_equal(list.users[1].n, 2);
}


static void
errors_of_the_server_reach_the_parent(void **state)
{
    wa_bench_t        *b = *state;
    wa_jid_t           user;
    wa_node_t         *usync, *result;
    wa_device_list_t   list;

    user = wa_bench_jid(ana_pn);
    assert_int_equal(wa_devices_resolve(wa_bench_task(b), &user, 0, &list),
                     WA_ERR_ARG);
    user = wa_bench_jid("1@g.us");
    assert_int_equal(wa_devices_resolve(wa_bench_task(b), &user, 1, &list),
                     WA_ERR_ARG);

    user = wa_bench_jid(ana_pn);
    assert_int_equal(wa_devices_resolve(wa_bench_task(b), &user, 1, &list),
                     WA_AGAIN);
    wa_bench_run(b);
    wa_peer_error(b->peer, usync_iq(b, 1), 500);
    assert_int_equal(b->rc, WA_ERR_REFUSED);

    /* The rate limit of one protocol: the next question waits. */
    assert_int_equal(wa_devices_resolve(wa_bench_task(b), &user, 1, &list),
                     WA_AGAIN);
    wa_bench_run(b);
    usync = wa_node_new(b->arena, "usync");
    result = wa_node_add_new(b->arena, usync, "result");
    wa_node_set_u64(b->arena,
                    wa_node_add_new(b->arena,
                                    wa_node_add_new(b->arena, result,
                                                    "devices"), "error"),
                    "code", 429);
    wa_peer_result(b->peer, usync_iq(b, 1), usync);
    assert_int_equal(b->rc, WA_ERR_REFUSED);

    assert_int_equal(wa_devices_resolve(wa_bench_task(b), &user, 1, &list),
                     WA_AGAIN);
    wa_bench_run(b);
    assert_null(wa_peer_next(b->peer));
    wa_peer_drop(b->peer);
    assert_int_equal(b->rc, WA_ERR_GONE);
}


/* ---- signed lists ---- */

/* Adds the <key-index-list> that allows the companion with index 120. */
static void
add_index_list(wa_bench_t *b, wa_node_t *user, const wa_keypair_t *account)
{
    uint32_t                     valid[2] = { 0, 120 };
    wa_span_t                    details;
    wa_node_t                   *node;
    Wa__ADVKeyIndexList          list;
    Wa__ADVSignedKeyIndexList    sl;

    wa__advkey_index_list__init(&list);
    list.has_raw_id = list.has_timestamp = list.has_current_index = 1;
    list.raw_id = 9;
    list.timestamp = 1767225600;
    list.current_index = 12;
    list.n_valid_indexes = 2;
    list.valid_indexes = valid;
    details = wa_bench_pack(b, &list.base);

    wa__advsigned_key_index_list__init(&sl);
    sl.has_details = sl.has_account_signature = 1;
    sl.has_account_signature_key = 1;
    sl.details = wa_pb_bytes(details);
    sl.account_signature = wa_pb_bytes(wa_bench_sign(b, account, "\x06\x02",
                               details, wa_span_none(), wa_span_none()));
    sl.account_signature_key = wa_pb_bytes(wa_span(account->pub, 32));

    node = wa_node_add_new(b->arena, wa_node_child(user, "devices"),
                           "key-index-list");
    wa_node_set_u64(b->arena, node, "ts", 1767225600);
    wa_node_bytes(node, wa_bench_pack(b, &sl.base));
}


static void
companions_without_a_signature_are_dropped(void **state)
{
    wa_bench_t        *b = *state;
    wa_jid_t           ana;
    wa_unit_t         *u;
    wa_node_t         *user;
    wa_keypair_t       key, other;
    wa_device_list_t   list;

    static const uint16_t     ids[] = { 0, 12, 66, 0xffff };
    static const char *const  allowed[] = {
        "200000000000002@lid", "200000000000002:12@lid", NULL
    };
    static const char *const  primary[] = { "200000000000002@lid", NULL };

    assert_int_equal(wa_x25519_keypair(key.priv, key.pub), WA_OK);
    assert_int_equal(wa_x25519_keypair(other.priv, other.pub), WA_OK);

    user = user_node(b, ana_pn, ana_lid, ids);
    add_index_list(b, user, &key);
    resolve_both(b, &list, user);
    assert_devices(&list, 0, allowed);

    /* Her identity is known, the list is of another key. */
    ana = wa_bench_jid(ana_lid);
    u = wa_unit_new(b->a);
    assert_int_equal(wa_signal_identity_save(u, &ana, key.pub), WA_OK);
    assert_int_equal(wa_devices_forget(u, &ana), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(b->host);

    user = user_node(b, ana_lid, NULL, ids);
    add_index_list(b, user, &other);
    assert_int_equal(wa_devices_resolve(wa_bench_task(b), &ana, 1, &list),
                     WA_AGAIN);
    wa_bench_run(b);
    wa_peer_result(b->peer, usync_iq(b, 1), usync_node(b, user, NULL));
    assert_int_equal(b->rc, WA_OK);
    assert_devices(&list, 0, primary);
}


/* Servers that send no list, an empty one, or one we cannot check. */
static void
a_list_that_cannot_be_checked_counts_as_none(void **state)
{
    size_t             i;
    wa_bench_t        *b = *state;
    wa_jid_t           ana;
    wa_node_t         *user, *node;
    wa_unit_t         *u;
    wa_device_list_t   list;

    static const uint16_t     ids[] = { 0, 12, 0xffff };
    static const char *const  all[] = {
        "200000000000002@lid", "200000000000002:12@lid", NULL
    };
    static const wa_span_t    lists[] = {
        { (const uint8_t *) "", 0 }, { (const uint8_t *) "\x09\x08\x07", 3 }
    };

    ana = wa_bench_jid(ana_lid);

    for (i = 0; i < 2; i++) {
        user = user_node(b, ana_lid, NULL, ids);
        node = wa_node_add_new(b->arena, wa_node_child(user, "devices"),
                               "key-index-list");
        wa_node_bytes(node, lists[i]);
        assert_int_equal(wa_devices_resolve(wa_bench_task(b), &ana, 1, &list),
                         WA_AGAIN);
        wa_bench_run(b);
        wa_peer_result(b->peer, usync_iq(b, 1), usync_node(b, user, NULL));
        assert_int_equal(b->rc, WA_OK);
        assert_devices(&list, 0, all);

        u = wa_unit_new(b->a);
        assert_int_equal(wa_devices_forget(u, &ana), WA_OK);
        assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
        wa_host_drain(b->host);
    }
}


/* Asked for a LID, the server names the number and gives the LID inside. */
static void
an_answer_by_number_is_taken_for_the_lid(void **state)
{
    wa_bench_t        *b = *state;
    wa_jid_t           ana;
    wa_device_list_t   list;

    static const uint16_t     ids[] = { 0, 12, 0xffff };
    static const char *const  all[] = {
        "200000000000002@lid", "200000000000002:12@lid", NULL
    };

    ana = wa_bench_jid(ana_lid);
    assert_int_equal(wa_devices_resolve(wa_bench_task(b), &ana, 1, &list),
                     WA_AGAIN);
    wa_bench_run(b);
    wa_peer_result(b->peer, usync_iq(b, 1),
                   usync_node(b, user_node(b, ana_pn, ana_lid, ids), NULL));
    assert_int_equal(b->rc, WA_OK);
    assert_devices(&list, 0, all);
}


/* ---- notifications ---- */

static wa_node_t *
notification(wa_bench_t *b, const char *type, const char *from)
{
    wa_node_t  *n;

    n = wa_node_new(b->arena, "notification");
    wa_node_set_str(b->arena, n, "type", type);
    wa_node_set_str(b->arena, n, "from", from);
    wa_node_set_str(b->arena, n, "id", "n1");

    return n;
}


static void
expect_ack(wa_bench_t *b, const char *type)
{
    const wa_node_t  *ack;

    ack = wa_peer_expect(b->peer, "ack");
    assert_true(wa_node_attr_is(ack, "class", "notification"));
    assert_true(wa_node_attr_is(ack, "id", "n1"));
    assert_true(wa_node_attr_is(ack, "type", type));
    assert_null(wa_peer_next(b->peer));
}


static void
a_removed_device_loses_its_session(void **state)
{
    wa_bench_t        *b = *state;
    wa_jid_t           pn, lid;
    wa_node_t         *n, *device;
    wa_device_list_t   list;

    static const uint16_t  ids[] = { 0, 12, 0xffff };

    resolve_both(b, &list, user_node(b, ana_pn, ana_lid, ids));
    wa_bench_put(b, "sess/200000000000002_1.0", "value");
    wa_bench_put(b, "sess/200000000000002_1.12", "value");

    n = notification(b, "devices", ana_pn);
    wa_node_set_str(b->arena, n, "lid", ana_lid);
    device = wa_node_add_new(b->arena, wa_node_add_new(b->arena, n,
                                                       "remove"), "device");
    wa_node_set_str(b->arena, device, "jid", "15552222:12@s.whatsapp.net");
    wa_node_set_str(b->arena, device, "lid", "200000000000002:12@lid");
    wa_peer_send(b->peer, n);
    expect_ack(b, "devices");

    assert_false(wa_bench_stored(b, "dev/200000000000002@lid"));
    assert_false(wa_bench_stored(b, "sess/200000000000002_1.12"));
    assert_true(wa_bench_stored(b, "sess/200000000000002_1.0"));

    /* An unknown person: the pair is learnt on the way. */
    n = notification(b, "devices", "15557777@s.whatsapp.net");
    wa_node_set_str(b->arena, n, "lid", "200000000000007@lid");
    (void) wa_node_add_new(b->arena, n, "add");
    wa_peer_send(b->peer, n);
    expect_ack(b, "devices");
    pn = wa_bench_jid("15557777@s.whatsapp.net");
    assert_true(wa_lid_of(b->a, &pn, &lid));
    assert_string_equal(lid.user, "200000000000007");
}


/* The hash of a list with these devices of Ana, by LID. */
static const char *
hash_of(wa_bench_t *b, const uint16_t *ids)
{
    char      *hash;
    size_t     n;
    wa_jid_t   ana, all[8];

    ana = wa_bench_jid(ana_lid);

    for (n = 0; ids[n] != 0xffff; n++) {
        all[n] = wa_jid_with_device(&ana, ids[n]);
    }

    hash = wa_arena_alloc(b->arena, WA_PHASH_LEN);
    assert_int_equal(wa_devices_phash(all, n, hash), WA_OK);

    return hash;
}


static void
change(wa_bench_t *b, const char *tag, const char *attr, const char *hash,
    const char *device)
{
    wa_node_t  *n, *c;

    n = notification(b, "devices", ana_pn);
    wa_node_set_str(b->arena, n, "lid", ana_lid);
    c = wa_node_add_new(b->arena, n, tag);
    wa_node_set_str(b->arena, c, attr, hash);
    wa_node_set_str(b->arena, wa_node_add_new(b->arena, c, "device"), "jid",
                    device);
    wa_peer_send(b->peer, n);
    expect_ack(b, "devices");
}


static void
a_list_stays_if_its_hash_is_as_told(void **state)
{
    wa_jid_t             lid;
    wa_bench_t          *b = *state;
    wa_device_list_t     list;
    wa_device_record_t   rec;

    static const uint16_t  three[] = { 0, 12, 13, 0xffff };
    static const uint16_t  two[] = { 0, 13, 0xffff };
    static const uint16_t  four[] = { 0, 13, 14, 0xffff };

    lid = wa_bench_jid(ana_lid);
    resolve_both(b, &list, user_node(b, ana_pn, ana_lid, three));

    /* Told by number: the session is kept under the LID. */
    wa_bench_put(b, "sess/200000000000002_1.12", "value");
    wa_bench_put(b, "ident/200000000000002_1.12", "value");
    change(b, "remove", "device_lid_hash", hash_of(b, two),
           "15552222:12@s.whatsapp.net");
    assert_true(wa_device_record_get(b->a, &lid, &rec));
    assert_int_equal(rec.n, 2);
    assert_int_equal(rec.devices[1].id, 13);
    assert_false(wa_bench_stored(b, "sess/200000000000002_1.12"));
    assert_false(wa_bench_stored(b, "ident/200000000000002_1.12"));

    /* Told once more, in the other attribute. */
    change(b, "remove", "device_hash", hash_of(b, two),
           "200000000000002:12@lid");
    assert_true(wa_device_record_get(b->a, &lid, &rec));
    assert_int_equal(rec.n, 2);

    /* What came to be before we asked. */
    change(b, "add", "device_hash", hash_of(b, two),
           "200000000000002:13@lid");
    assert_true(wa_device_record_get(b->a, &lid, &rec));

    /* A new one: the signed list is asked for. */
    change(b, "add", "device_hash", hash_of(b, four),
           "200000000000002:14@lid");
    assert_false(wa_device_record_get(b->a, &lid, &rec));
    assert_false(wa_bench_stored(b, "dev/200000000000002@lid"));
}


static void
own_devices_that_are_gone_lose_their_sessions(void **state)
{
    wa_node_t         *n, *list;
    wa_bench_t        *b = *state;
    wa_device_list_t   devices;

    static const uint16_t  ids[] = { 0, 0xffff };

    resolve_both(b, &devices, user_node(b, ana_pn, ana_lid, ids));
    assert_true(wa_bench_stored(b, "dev/100000000000001@lid"));
    wa_bench_put(b, "sess/100000000000001_1.0", "value");
    wa_bench_put(b, "sess/100000000000001_1.4", "value");

    n = notification(b, "account_sync", own_pn);
    list = wa_node_add_new(b->arena, n, "devices");
    wa_node_set_str(b->arena, wa_node_add_new(b->arena, list, "device"),
                    "jid", own_pn);
    wa_node_set_str(b->arena, wa_node_add_new(b->arena, list, "device"),
                    "jid", "15550001:7@s.whatsapp.net");
    wa_peer_send(b->peer, n);
    expect_ack(b, "account_sync");

    assert_false(wa_bench_stored(b, "dev/100000000000001@lid"));
    assert_false(wa_bench_stored(b, "sess/100000000000001_1.4"));
    assert_true(wa_bench_stored(b, "sess/100000000000001_1.0"));
}


static void
one_notice_may_tell_of_several_things(void **state)
{
    wa_node_t         *n, *part;
    wa_bench_t        *b = *state;
    wa_device_list_t   devices;

    static const uint16_t  ids[] = { 0, 0xffff };

    resolve_both(b, &devices, user_node(b, ana_pn, ana_lid, ids));
    n = notification(b, "account_sync", own_pn);

    part = wa_node_add_new(b->arena, n, "blocklist");
    part = wa_node_add_new(b->arena, part, "item");
    wa_node_set_str(b->arena, part, "jid", ana_lid);
    wa_node_set_str(b->arena, part, "action", "block");

    part = wa_node_add_new(b->arena, n, "privacy");
    part = wa_node_add_new(b->arena, part, "category");
    wa_node_set_str(b->arena, part, "name", "last");
    wa_node_set_str(b->arena, part, "value", "none");

    part = wa_node_add_new(b->arena, n, "devices");
    wa_node_set_str(b->arena, wa_node_add_new(b->arena, part, "device"),
                    "jid", own_pn);

    wa_peer_send(b->peer, n);
    expect_ack(b, "account_sync");

    assert_false(wa_bench_stored(b, "dev/100000000000001@lid"));
    assert_int_equal(wa_host_event_count(b->host, "privacy.updated"), 1);
    assert_int_equal(wa_host_event_count(b->host, "blocklist.updated"), 1);
}


static void
a_new_registration_drops_all_sessions(void **state)
{
    wa_bench_t        *b = *state;
    wa_node_t         *n;
    const char        *event;
    wa_device_list_t   list;

    static const uint16_t  ids[] = { 0, 12, 0xffff };

    resolve_both(b, &list, user_node(b, ana_pn, ana_lid, ids));
    wa_bench_put(b, "sess/200000000000002_1.0", "value");
    wa_bench_put(b, "ident/200000000000002_1.0", "value");
    wa_bench_put(b, "sess/200000000000002_1.12", "value");
    wa_bench_put(b, "ident/200000000000002_1.12", "value");
    wa_bench_put(b, "sess/15552222.0", "value");
    wa_bench_put(b, "sess/15552222.12", "value");
    wa_bench_put(b, "sess/200000000000003_1.0", "value");

    n = notification(b, "encrypt", ana_pn);
    (void) wa_node_add_new(b->arena, n, "identity");
    wa_host_hold(b->host, true);
    wa_peer_send(b->peer, n);
    assert_null(wa_peer_next(b->peer));         /* durable first           */
    wa_host_hold(b->host, false);
    expect_ack(b, "encrypt");

    assert_false(wa_bench_stored(b, "sess/200000000000002_1.0"));
    assert_false(wa_bench_stored(b, "ident/200000000000002_1.0"));
    assert_false(wa_bench_stored(b, "sess/200000000000002_1.12"));
    assert_false(wa_bench_stored(b, "ident/200000000000002_1.12"));
    assert_false(wa_bench_stored(b, "sess/15552222.0"));
    assert_false(wa_bench_stored(b, "sess/15552222.12"));
    assert_false(wa_bench_stored(b, "dev/200000000000002@lid"));
    assert_true(wa_bench_stored(b, "sess/200000000000003_1.0"));

    assert_int_equal(wa_host_event_count(b->host, "identity.changed"), 1);
    event = wa_host_event_body(b->host, wa_host_events(b->host) - 1);
    assert_non_null(strstr(event, "\"jid\":\"15552222@s.whatsapp.net\""));
    assert_non_null(strstr(event, "\"lid\":\"200000000000002@lid\""));
}


/* Takes in a device list with the n-th allocation failing; false: there
   were fewer. */
static bool
resolve_without_memory(wa_bench_t *b, const wa_keypair_t *key, size_t n)
{
    bool               failed;
    wa_jid_t           ana;
    wa_buf_t           bytes = WA_BUF_EMPTY;
    wa_node_t         *user, *answer;
    const wa_node_t   *iq;
    wa_device_list_t   list;

    static const uint16_t  ids[] = { 0, 12, 0xffff };

    ana = wa_bench_jid(ana_pn);
    assert_int_equal(wa_devices_resolve(wa_bench_task(b), &ana, 1, &list),
                     WA_AGAIN);
    wa_bench_run(b);
    iq = usync_iq(b, 1);
    user = user_node(b, ana_pn, ana_lid, ids);
    add_index_list(b, user, key);
    answer = wa_peer_answer(b->peer, iq, "result");
    wa_node_add(b->arena, answer, usync_node(b, user, NULL));
    wa_peer_seal(b->peer, answer, &bytes);

    wa_failmem.count = 0;
    wa_failmem.fail_at = n;
    (void) wa_account_feed(b->a, wa_span_buf(&bytes),
                           wa_host_now(b->host));
    wa_host_drain(b->host);
    failed = wa_failmem.count >= n;
    wa_failmem.fail_at = 0;
    wa_buf_free(&bytes);

    /* A signature check without memory counts as a failed one. */
    if (b->ended && b->rc == WA_OK) {
        assert_in_range(list.users[0].n, failed ? 1 : 2, 2);

    } else {
        assert_true(failed);
    }

    return failed;
}


static void
no_memory_ends_in_an_error(void **state)
{
    bool           failed;
    void          *b;
    size_t         n;
    wa_keypair_t   key;

    static const wa_mem_hooks_t  hooks = {
        wa_failmem_alloc, wa_failmem_realloc, wa_failmem_free
    };

    (void) state;
    assert_int_equal(wa_crypto_init(), WA_OK);
    assert_int_equal(wa_x25519_keypair(key.priv, key.pub), WA_OK);
    failed = true;

    for (n = 1; failed && n < 1000; n++) {
        wa_failmem.fail_at = 0;
        wa_failmem.live = 0;
        wa_mem_set_hooks(&hooks);
        assert_int_equal(wa_bench_setup(&b), 0);
        failed = resolve_without_memory(b, &key, n);
        assert_int_equal(wa_bench_teardown(&b), 0);
        assert_int_equal(wa_failmem.live, 0);
        wa_mem_set_hooks(NULL);
    }

    assert_true(n > 20 && n < 1000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(
            devices_are_asked_for_once_and_named_by_lid,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(a_note_to_oneself_asks_once,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(an_unknown_number_has_no_address,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(errors_of_the_server_reach_the_parent,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(
            companions_without_a_signature_are_dropped,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(
            a_list_that_cannot_be_checked_counts_as_none, wa_bench_setup,
            wa_bench_teardown),
        cmocka_unit_test_setup_teardown(
            an_answer_by_number_is_taken_for_the_lid, wa_bench_setup,
            wa_bench_teardown),
        cmocka_unit_test_setup_teardown(a_removed_device_loses_its_session,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(a_list_stays_if_its_hash_is_as_told,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(
            own_devices_that_are_gone_lose_their_sessions,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(one_notice_may_tell_of_several_things,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(a_new_registration_drops_all_sessions,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test(no_memory_ends_in_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
