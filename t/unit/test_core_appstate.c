/* App state: snapshots, patches and what is wrong with them; patches of
   ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_chain.h"
#include "wa_pb.h"
#include "wa_synced.h"


#define CHAT    "15551234567@s.whatsapp.net"

/* Records whose map is more than one unit writes. */
#define LARGE   9000

/* So many of them that every part of the map changes. */
#define SOME    600

#define FIRST   "as/" WA_CHAIN_NAME "/00"


/* As a server_sync would. */
static void
want(sync_t *s, wa_collection_e c)
{
    wa_as_want(wa_host_account(s->h), 1u << c);
    (void) wa_account_expire(wa_host_account(s->h), wa_host_now(s->h));
    wa_host_drain(s->h);
}


static const wa_node_t *
collection(const wa_node_t *iq, const char *name)
{
    const wa_node_t  *c;

    for (c = wa_node_child(wa_node_child(iq, "sync"), "collection");
         c != NULL;
         c = wa_node_sibling(c, "collection"))
    {
        if (wa_node_attr_is(c, "name", name)) {
            return c;
        }
    }

    return NULL;
}


static wa_node_t *
sync_node(sync_t *s, const char *name, wa_node_t **sync)
{
    wa_node_t  *c;

    *sync = wa_node_new(wa_peer_arena(s->p), "sync");
    c = wa_node_add_new(wa_peer_arena(s->p), *sync, "collection");
    wa_node_set_str(wa_peer_arena(s->p), c, "name", name);

    return c;
}


/* Answers with patches `from`..`to` of the vectors. */
static void
give_patches(sync_t *s, const wa_node_t *iq, size_t from, size_t to,
    bool more)
{
    char        path[32];
    wa_node_t  *sync, *c, *list, *p;

    c = sync_node(s, "regular_high", &sync);

    if (more) {
        wa_node_set_str(wa_peer_arena(s->p), c, "has_more_patches", "true");
    }

    list = wa_node_add_new(wa_peer_arena(s->p), c, "patches");

    for (; from <= to; from++) {
        (void) snprintf(path, sizeof(path),
                        "patches.%zu.syncd_patch_protobuf", from - 1);
        p = wa_node_add_new(wa_peer_arena(s->p), list, "patch");
        wa_node_bytes(p, wa_vectors_hex(&s->v, s->v.root, path));
    }

    wa_peer_result(s->p, iq, sync);
    wa_peer_advance(s->p, 100);
}


/* A snapshot whose file is at /snap, handed out in small pieces. */
static void
give_snapshot(sync_t *s, const wa_node_t *iq, wa_span_t file)
{
    uint8_t     ref[2 + 32 + 2 + 5 + 2 + 32];
    wa_node_t  *sync, *c, *n;

    memset(ref, 9, sizeof(ref));
    memcpy(ref, "\x0a\x20", 2);
    memcpy(ref + 34, "\x12\x05/snap", 7);
    memcpy(ref + 41, "\x2a\x20", 2);
    wa_host_file(s->h, "/snap", file, 7);

    c = sync_node(s, "regular_high", &sync);
    n = wa_node_add_new(wa_peer_arena(s->p), c, "snapshot");
    wa_node_bytes(n, wa_span(ref, sizeof(ref)));
    wa_peer_result(s->p, iq, sync);
    wa_peer_advance(s->p, 100);
}


static json_t *
data_of(sync_t *s, const char *type, size_t nth)
{
    size_t   i;
    json_t  *e, *d;

    for (i = 0; i < wa_host_events(s->h); i++) {

        if (strcmp(wa_host_event_type(s->h, i), type) == 0 && nth-- == 0) {
            e = json_loads(wa_host_event_body(s->h, i), 0, NULL);
            assert_non_null(e);
            d = json_incref(json_object_get(e, "data"));
            json_decref(e);
            return d;
        }
    }

    fail_msg("no event %s", type);

    return NULL;
}


static size_t
count(sync_t *s, const char *type)
{
    return wa_host_event_count(s->h, type);
}


static void
patches_are_applied(void **state)
{
    json_t           *d, *chat;
    sync_t           *s = *state;
    wa_as_t           as;
    wa_span_t         hash;
    const wa_node_t  *iq, *c;

    sync_login(s);
    iq = sync_asked(s);
    assert_non_null(iq);
    c = collection(iq, "regular_high");
    assert_null(wa_node_attr(c, "version").p);
    assert_true(wa_node_attr_is(c, "return_snapshot", "true"));
    assert_non_null(collection(iq, "critical_block"));

    give_patches(s, iq, 1, 2, true);
    iq = sync_asked(s);
    assert_non_null(iq);
    assert_null(collection(iq, "regular"));
    c = collection(iq, "regular_high");
    assert_true(wa_node_attr_is(c, "version", "2"));
    assert_true(wa_node_attr_is(c, "return_snapshot", "false"));
    give_patches(s, iq, 3, 3, false);

    as = sync_known(s);
    assert_int_equal(as.c[WA_COLLECTION_REGULAR_HIGH].version, 3);

    /* of the others the server said nothing */

    assert_true(!as.c[WA_COLLECTION_REGULAR].known
                && as.c[WA_COLLECTION_REGULAR].dirty);
    hash = wa_vectors_hex(&s->v, s->v.root, "patches.2.lthash_after");
    assert_memory_equal(as.c[WA_COLLECTION_REGULAR_HIGH].hash, hash.p,
                        hash.n);

    /* muted for ever, then not; starred, then not */

    assert_int_equal(count(s, "chat.updated"), 2);
    d = data_of(s, "chat.updated", 0);
    chat = json_object_get(d, "chat");
    assert_string_equal(json_string_value(json_object_get(chat, "jid")),
                        CHAT);
    assert_true(json_is_true(json_object_get(chat, "is_muted")));
    assert_true(json_is_null(json_object_get(chat, "mute_expiry")));
    json_decref(d);
    assert_int_equal(count(s, "message.starred"), 2);
    d = data_of(s, "message.starred", 1);
    assert_true(json_is_false(json_object_get(d, "value")));
    assert_string_equal(json_string_value(json_object_get(d, "message_id")),
                        "3EB0AABBCC");
    json_decref(d);

    /* the same once more changes nothing */

    want(s, WA_COLLECTION_REGULAR_HIGH);
    iq = sync_asked(s);
    assert_non_null(iq);
    give_patches(s, iq, 2, 3, false);
    assert_int_equal(count(s, "chat.updated"), 2);
    assert_int_equal(sync_known(s).c[WA_COLLECTION_REGULAR_HIGH].version, 3);
}


/* They do not wait for one another: one commit for three of them, and what
   is asked next waits for that. */
static void
patches_travel_together(void **state)
{
    sync_t           *s = *state;
    const wa_node_t  *iq;

    sync_login(s);
    iq = sync_asked(s);
    assert_non_null(iq);
    wa_host_hold(s->h, true);
    give_patches(s, iq, 1, 3, true);
    assert_int_equal(wa_host_held(s->h), 1);
    assert_null(sync_asked(s));
    wa_host_confirm(s->h);
    iq = sync_asked(s);
    assert_non_null(iq);
    assert_true(wa_node_attr_is(collection(iq, "regular_high"), "version",
                                "3"));
    assert_int_equal(count(s, "message.starred"), 2);
}


static void
snapshots_are_read_in_pieces(void **state)
{
    sync_t           *s = *state;
    wa_as_t           as;
    wa_span_t         hash;
    const wa_node_t  *iq;

    sync_login(s);
    iq = sync_asked(s);
    assert_non_null(iq);
    give_snapshot(s, iq, wa_vectors_hex(&s->v, s->v.root,
                                        "snapshot_v2.syncd_snapshot_protobuf"
                                        ));
    assert_null(sync_asked(s));

    as = sync_known(s);
    assert_int_equal(as.c[WA_COLLECTION_REGULAR_HIGH].version, 2);
    hash = wa_vectors_hex(&s->v, s->v.root, "snapshot_v2.lthash");
    assert_memory_equal(as.c[WA_COLLECTION_REGULAR_HIGH].hash, hash.p,
                        hash.n);
    assert_int_equal(count(s, "app_state.synced"), 1);
    assert_int_equal(count(s, "chat.updated"), 0);
    assert_int_equal(wa_host_files_ended(s->h), 1);

    /* and the chain goes on from there */

    want(s, WA_COLLECTION_REGULAR_HIGH);
    iq = sync_asked(s);
    assert_non_null(iq);
    assert_true(wa_node_attr_is(collection(iq, "regular_high"), "version",
                                "2"));
    give_patches(s, iq, 3, 3, false);
    assert_int_equal(sync_known(s).c[WA_COLLECTION_REGULAR_HIGH].version, 3);
}


/* One wrong byte anywhere: nothing of it counts, a snapshot is asked for,
   and after that is wrong twice, no more for now. */
static void
what_is_wrong_changes_nothing(void **state)
{
    size_t            i;
    uint8_t          *copy;
    sync_t           *s = *state;
    wa_span_t         file;
    const wa_node_t  *iq, *c;

    file = wa_vectors_hex(&s->v, s->v.root,
                          "snapshot_v2.syncd_snapshot_protobuf");
    sync_login(s);
    copy = malloc(file.n);
    assert_non_null(copy);

    for (i = 0; i < 3; i++) {
        iq = sync_asked(s);
        assert_non_null(iq);
        c = collection(iq, "regular_high");
        assert_true(wa_node_attr_is(c, "return_snapshot", "true"));
        memcpy(copy, file.p, file.n);
        copy[file.n - 20 * (i + 1)] ^= 4;
        give_snapshot(s, iq, wa_span(copy, file.n));
    }

    assert_null(sync_asked(s));
    free(copy);
    assert_int_equal(wa_host_files_ended(s->h), 3);
    assert_false(sync_known(s).c[WA_COLLECTION_REGULAR_HIGH].known);
    assert_true(sync_known(s).c[WA_COLLECTION_REGULAR_HIGH].dirty);
    assert_int_equal(count(s, "app_state.synced"), 0);
}


static void
a_gap_calls_for_a_snapshot(void **state)
{
    sync_t           *s = *state;
    const wa_node_t  *iq;

    sync_login(s);
    iq = sync_asked(s);
    give_patches(s, iq, 1, 1, false);
    want(s, WA_COLLECTION_REGULAR_HIGH);
    iq = sync_asked(s);
    assert_non_null(iq);
    give_patches(s, iq, 3, 3, false);
    iq = sync_asked(s);
    assert_non_null(iq);
    assert_true(wa_node_attr_is(collection(iq, "regular_high"),
                                "return_snapshot", "true"));
    assert_int_equal(sync_known(s).c[WA_COLLECTION_REGULAR_HIGH].version, 1);
}


/* A restart in the middle of a snapshot begins it again. */
static void
nothing_is_half_known_after_a_crash(void **state)
{
    sync_t           *s = *state;
    const wa_node_t  *iq;

    sync_login(s);
    iq = sync_asked(s);
    wa_host_hold(s->h, true);
    give_patches(s, iq, 1, 1, false);
    wa_host_restart(s->h);
    wa_host_hold(s->h, false);
    sync_login(s);
    iq = sync_asked(s);
    assert_non_null(iq);
    assert_true(wa_node_attr_is(collection(iq, "regular_high"),
                                "return_snapshot", "true"));
    give_patches(s, iq, 1, 1, false);
    assert_int_equal(sync_known(s).c[WA_COLLECTION_REGULAR_HIGH].version, 1);
}


/* The next iq about app state is answered with these bytes; `hold`: commits
   from then on. */
static void
give_chain(sync_t *s, const char *tag, const wa_hist_t *w, bool hold)
{
    wa_node_t        *sync, *n;
    const wa_node_t  *iq;

    iq = sync_asked(s);
    assert_non_null(iq);
    n = wa_node_add_new(wa_peer_arena(s->p),
                        sync_node(s, WA_CHAIN_NAME, &sync), tag);
    wa_node_bytes(n, wa_span_buf(&w->b));
    wa_host_hold(s->h, hold);
    wa_peer_result(s->p, iq, sync);
    wa_peer_advance(s->p, 100);
}


/* A map of more than one unit: between them nothing counts, and a crash there
   begins it all again. */
static void
a_large_map_is_written_in_parts(void **state)
{
    size_t            i;
    sync_t           *s = *state;
    wa_as_t           as;
    wa_buf_t          before = WA_BUF_EMPTY;
    wa_span_t         r;
    wa_hist_t         w = { .depth = 0 };
    wa_chain_t        chain;
    const wa_node_t  *iq;

    wa_chain_init(&chain, LARGE);
    wa_chain_share(s->h);
    sync_login(s);
    wa_chain_snapshot(&chain, s->h, "name", LARGE, &w);
    give_chain(s, "snapshot", &w, false);
    assert_null(sync_asked(s));
    as = sync_known(s);
    assert_true(as.c[WA_COLLECTION_CRITICAL_UNBLOCK_LOW].known);
    assert_memory_equal(as.c[WA_COLLECTION_CRITICAL_UNBLOCK_LOW].hash,
                        chain.hash, WA_LTHASH_LEN);

    /* a patch of one reads and writes a part of it */

    wa_chain_patch(&chain, s->h, "another", 1, false, &w);
    want(s, WA_COLLECTION_CRITICAL_UNBLOCK_LOW);
    give_chain(s, "patch", &w, false);
    as = sync_known(s);
    assert_int_equal(as.c[WA_COLLECTION_CRITICAL_UNBLOCK_LOW].version, 2);
    assert_int_equal(count(s, "contact.updated"), 1);

    /* the end of the one before the last commit */

    wa_chain_patch(&chain, s->h, "third", SOME, true, &w);
    want(s, WA_COLLECTION_CRITICAL_UNBLOCK_LOW);
    give_chain(s, "patch", &w, true);
    assert_null(sync_asked(s));              /* only for the hosts of media */

    r = wa_host_record(s->h, FIRST, 0);
    assert_int_equal(wa_buf_append_span(&before, r), WA_OK);

    for (i = 0; wa_span_eq(r, wa_span_buf(&before)); i++) {
        assert_true(i < 4 * LARGE / WA_AS_SLICE);
        wa_host_confirm(s->h);
        wa_peer_advance(s->p, 20);
        r = wa_host_record(s->h, FIRST, 0);
    }

    wa_host_restart(s->h);
    wa_host_hold(s->h, false);
    sync_login(s);
    iq = sync_asked(s);
    assert_non_null(iq);
    assert_true(wa_node_attr_is(collection(iq, WA_CHAIN_NAME),
                                "return_snapshot", "true"));

    wa_buf_free(&before);
    wa_buf_free(&w.b);
    wa_chain_free(&chain);
}


/* The patch of a command: every MAC is checked here. */
static void
check_patch(sync_t *s, const wa_node_t *iq, uint64_t version)
{
    size_t             n;
    uint8_t            hash[WA_LTHASH_LEN], mac[WA_SYNCD_MAC_LEN];
    uint8_t            macs[4][WA_SYNCD_MAC_LEN];
    wa_as_t            as;
    wa_buf_t           plain = WA_BUF_EMPTY;
    wa_span_t          name;
    const wa_node_t   *c;
    wa_syncd_record_t  r;
    wa_syncd_reader_t  reader;

    c = wa_node_child(wa_node_child(iq, "sync"), "collection");
    name = wa_node_attr(c, "name");
    as = sync_known(s);
    memcpy(hash, as.c[wa_collection_find(name)].hash, sizeof(hash));
    wa_syncd_reader_init(&reader, WA_SYNCD_PATCH);
    assert_int_equal(wa_syncd_reader_feed(&reader,
                                          wa_node_child_content(c, "patch")),
                     WA_OK);

    for (n = 0; wa_syncd_reader_next(&reader, &r) == WA_OK; n++) {
        assert_true(n < 4);
        plain.n = 0;
        assert_int_equal(wa_syncd_open(&s->keys, &r, &plain), WA_OK);
        memcpy(macs[n], r.value_mac.p, sizeof(mac));
        assert_int_equal(wa_lthash_add(hash, macs[n]), WA_OK);
    }

    assert_true(n > 0 && !reader.head.has_version);
    assert_int_equal(wa_syncd_snapshot_mac(&s->keys, hash, version, name,
                                           mac), WA_OK);
    assert_memory_equal(mac, reader.head.snapshot_mac, sizeof(mac));
    assert_int_equal(wa_syncd_patch_mac(&s->keys, mac, macs[0], n,
                                        sizeof(mac), version, name, mac),
                     WA_OK);
    assert_memory_equal(mac, reader.head.patch_mac, sizeof(mac));

    wa_buf_free(&plain);
    wa_syncd_reader_free(&reader);
}


static void
give_code(sync_t *s, const wa_node_t *iq, const char *name, unsigned code)
{
    wa_node_t  *sync, *c, *e;

    c = sync_node(s, name, &sync);

    if (code != 0) {
        wa_node_set_str(wa_peer_arena(s->p), c, "type", "error");
        e = wa_node_add_new(wa_peer_arena(s->p), c, "error");
        wa_node_set_u64(wa_peer_arena(s->p), e, "code", code);
    }

    wa_peer_result(s->p, iq, sync);
    wa_peer_advance(s->p, 100);
}


static void
patches_of_ours(void **state)
{
    json_t           *d;
    sync_t           *s = *state;
    const wa_node_t  *iq;

    sync_login(s);
    iq = sync_asked(s);
    give_code(s, iq, "regular_low", 0);

    wa_host_submit(s->h, WA_OP_QUERY,
                   json_pack("{s:s, s:s, s:b, s:{s:s, s:b, s:i}}",
                             "verb", "chat.change", "jid", CHAT,
                             "archived", 1, "last", "id", "M1",
                             "from_me", 0, "timestamp", 1700000000));
    iq = sync_asked(s);
    assert_non_null(iq);
    assert_true(wa_node_attr_is(collection(iq, "regular_low"), "version",
                                "0"));
    check_patch(s, iq, 1);

    /* not before the server has it */

    assert_int_equal(count(s, "chat.updated"), 0);
    give_code(s, iq, "regular_low", 409);
    iq = sync_asked(s);
    assert_non_null(iq);
    assert_null(wa_node_child(collection(iq, "regular_low"), "patch"));
    give_code(s, iq, "regular_low", 0);
    iq = sync_asked(s);
    assert_non_null(iq);
    check_patch(s, iq, 1);
    assert_int_equal(wa_host_replies(s->h), 1);
    give_code(s, iq, "regular_low", 0);
    assert_int_equal(wa_host_replies(s->h), 2);
    assert_null(wa_host_reply(s->h)->code);
    assert_int_equal(sync_known(s).c[WA_COLLECTION_REGULAR_LOW].version, 1);

    d = data_of(s, "chat.updated", 0);
    assert_true(json_is_true(json_object_get(json_object_get(d, "chat"),
                                             "is_archived")));
    json_decref(d);
    d = data_of(s, "chat.updated", 1);
    assert_true(json_is_false(json_object_get(json_object_get(d, "chat"),
                                              "is_pinned")));
    json_decref(d);

    /* refused for good */

    wa_host_submit(s->h, WA_OP_QUERY,
                   json_pack("{s:s, s:s, s:b}", "verb", "chat.change",
                             "jid", CHAT, "muted", 1));
    iq = sync_asked(s);
    give_code(s, iq, "regular_high", 0);
    iq = sync_asked(s);
    check_patch(s, iq, 1);
    give_code(s, iq, "regular_high", 400);
    assert_int_equal(wa_host_replies(s->h), 3);
    assert_string_equal(wa_host_reply(s->h)->code, "SEND_FAILED");
    assert_int_equal(count(s, "chat.updated"), 2);

    /* the own name needs no address, and is known at once */

    wa_host_submit(s->h, WA_OP_QUERY,
                   json_pack("{s:s, s:s}", "verb", "setting.push_name",
                             "name", "Someone else"));
    iq = sync_asked(s);
    give_code(s, iq, "critical_block", 0);
    iq = sync_asked(s);
    check_patch(s, iq, 1);
    give_code(s, iq, "critical_block", 0);
    assert_int_equal(wa_host_replies(s->h), 4);
    assert_null(wa_host_reply(s->h)->code);
    d = data_of(s, "setting.updated", 0);
    assert_string_equal(json_string_value(json_object_get(d, "value")),
                        "Someone else");
    json_decref(d);

    wa_host_submit(s->h, WA_OP_QUERY,
                   json_pack("{s:s, s:s}", "verb", "chat.change", "jid",
                             CHAT));
    assert_string_equal(wa_host_reply(s->h)->code, "VALIDATION_ERROR");
}


/* A label that is asked for with the number 1, until the server has it; the
   number that it got. */
static void
new_label(sync_t *s, const char *number)
{
    uint64_t          version;
    const wa_node_t  *iq;

    wa_host_submit(s->h, WA_OP_QUERY,
                   json_pack("{s:s, s:s, s:s, s:b}", "verb", "label.edit",
                             "id", "1", "name", "New", "new", 1));
    iq = sync_asked(s);
    assert_non_null(iq);

    if (wa_node_child(collection(iq, "regular"), "patch") == NULL) {
        give_code(s, iq, "regular", 0);
        iq = sync_asked(s);
        assert_non_null(iq);
    }

    version = sync_known(s).c[WA_COLLECTION_REGULAR].version + 1;
    check_patch(s, iq, version);
    give_code(s, iq, "regular", 0);
    assert_null(wa_host_reply(s->h)->code);
    assert_string_equal(json_string_value(json_object_get(
                            wa_host_reply(s->h)->data, "id")), number);
}


/* Whoever proposes a number reads the history, which is behind. */
static void
labels_have_numbers_of_their_own(void **state)
{
    sync_t           *s = *state;
    const wa_node_t  *iq;

    sync_login(s);
    iq = sync_asked(s);
    give_code(s, iq, "regular_low", 0);

    new_label(s, "1");
    new_label(s, "2");

    /* another owner */

    wa_host_restart(s->h);
    sync_login(s);
    new_label(s, "3");

    /* one that was deleted keeps its number */

    wa_host_submit(s->h, WA_OP_QUERY,
                   json_pack("{s:s, s:s, s:s, s:b}", "verb", "label.edit",
                             "id", "3", "name", "New", "deleted", 1));
    give_code(s, sync_asked(s), "regular", 0);
    new_label(s, "4");
    assert_int_equal(count(s, "label.updated"), 5);
}


/* The numbers that follow a taken one are not looked through one by one for
   ever. */
static void
many_labels_are_passed_over(void **state)
{
    char              number[12];
    size_t            i;
    sync_t           *s = *state;
    const wa_node_t  *iq;

    sync_login(s);
    iq = sync_asked(s);
    give_code(s, iq, "regular_low", 0);

    for (i = 1; i <= 9; i++) {
        (void) snprintf(number, sizeof(number), "%zu", i);
        new_label(s, number);
    }

    new_label(s, "11");
    new_label(s, "15");
    new_label(s, "23");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(patches_are_applied,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(patches_travel_together,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(snapshots_are_read_in_pieces,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_changes_nothing,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(a_gap_calls_for_a_snapshot,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_half_known_after_a_crash,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(a_large_map_is_written_in_parts,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(patches_of_ours,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(labels_have_numbers_of_their_own,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(many_labels_are_passed_over,
                                        sync_setup, sync_teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
