/*
 * A server that means harm: every kind of stanza with each part missing, of
 * another type, absurdly large, doubled, cut short or nested, through the
 * engine's public verb; the seeds are those of fuzz_stanza.  Whatever comes,
 * the account answers the next ping, tells nothing that is not JSON, delivers
 * nothing that nobody sealed, and forgets what it no longer needs.
 */
#include <dirent.h>
#include <stdio.h>

#include "wa_hostile.h"


#define SEEDS       WAHUB_VECTORS_DIR "/../fuzz/corpus/stanza"
#define SEED_MAX    8192
#define NODES_MAX   64


/* ---- mutations of a tree ---- */

static size_t
tree_list(wa_node_t *n, wa_node_t **list, size_t k)
{
    if (k == NODES_MAX) {
        return k;
    }

    list[k++] = n;

    for (n = n->first; n != NULL; n = n->next) {
        k = tree_list(n, list, k);
    }

    return k;
}


/* The i-th node of a fresh copy; NULL: there are fewer. */
static wa_node_t *
fresh(wa_span_t packed, wa_arena_t *arena, size_t i, wa_node_t **root)
{
    size_t      n;
    wa_node_t  *list[NODES_MAX];

    wa_arena_free(arena);
    wa_arena_init(arena, 0);
    assert_int_equal(wa_node_unpack(packed, arena, root), WA_OK);
    n = tree_list(*root, list, 0);

    return i < n ? list[i] : NULL;
}


static void
mutate_attrs(bench_t *b, wa_span_t packed, size_t i)
{
    size_t       k, v;
    wa_node_t   *n, *root;
    wa_arena_t   arena;

    static char        large[70000];
    static const char *const  values[] = {
        NULL, "0", "-1", "4294967296", "18446744073709551615",
        "18446744073709551616", "9223372036854775807", "1e9", "true",
        "@", "@s.whatsapp.net", "15550109999:7@s.whatsapp.net",
        "111000111:65535@lid", "1@2@3", "120363000000000042@g.us",
        "\xff\xfe\xc0\x80", "a\x01\x1f\x7f", "..", large
    };

    memset(large, '7', sizeof(large) - 1);
    wa_arena_init(&arena, 0);

    for (k = 0; fresh(packed, &arena, i, &root) != NULL; k++) {

        if (k == fresh(packed, &arena, i, &root)->n_attrs) {
            break;
        }

        for (v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            n = fresh(packed, &arena, i, &root);

            if (values[v] == NULL) {
                n->attrs[k] = n->attrs[--n->n_attrs];

            } else {
                n->attrs[k].value = wa_span_str(values[v]);
            }

            feed_node(b, root);
        }
    }

    wa_arena_free(&arena);
}


static void
mutate_content(bench_t *b, wa_span_t packed, size_t i)
{
    size_t       v;
    wa_node_t   *n, *root;
    wa_arena_t   arena;

    static uint8_t           large[100000];
    static const wa_span_t   values[] = {
        { NULL, 0 }, { large, 0 }, { large, 1 }, { large, 31 },
        { large, 33 }, { large, sizeof(large) }
    };

    wa_arena_init(&arena, 0);

    for (v = 0; v < 2 * sizeof(values) / sizeof(values[0]); v++) {
        n = fresh(packed, &arena, i, &root);
        n->first = n->last = NULL;
        n->n_nodes = 0;
        n->bytes = values[v / 2];
        n->content = v % 2 == 0 ? WA_CONTENT_BYTES : WA_CONTENT_TEXT;

        if (values[v / 2].p == NULL) {
            n->content = v % 2 == 0 ? WA_CONTENT_NONE : WA_CONTENT_NODES;
        }

        feed_node(b, root);
    }

    wa_arena_free(&arena);
}


/* A node that is not there, that is there often, that is another. */
static void
mutate_places(bench_t *b, wa_span_t packed, size_t i)
{
    size_t       v, k;
    wa_node_t   *n, *root, *copy, *list[NODES_MAX];
    wa_arena_t   arena;

    static const size_t       counts[] = { 2, 300, 5000 };
    static const char *const  tags[] = {
        "message", "iq", "enc", "error", "participant", "list", "user"
    };

    wa_arena_init(&arena, 0);

    for (v = 0; v < sizeof(tags) / sizeof(tags[0]); v++) {
        fresh(packed, &arena, i, &root)->tag = wa_span_str(tags[v]);
        feed_node(b, root);
    }

    for (v = 0; v < sizeof(counts) / sizeof(counts[0]) && i > 0; v++) {
        n = fresh(packed, &arena, i, &root);

        for (k = 1; k < counts[v]; k++) {
            copy = wa_arena_dup(&arena, n, sizeof(*n));
            n->next = copy;
        }

        feed_node(b, root);
    }

    for (k = 0; i > 0 && k < tree_list(fresh(packed, &arena, 0, &root), list,
                                       0); k++)
    {
        if (list[k]->first == NULL) {
            continue;
        }

        list[k]->first = list[k]->first->next;
        list[k]->n_nodes--;
        feed_node(b, root);
    }

    wa_arena_free(&arena);
}


static void
mutate_bytes(bench_t *b, wa_span_t packed)
{
    size_t    i;
    uint8_t   was;
    uint8_t  *p;

    p = malloc(packed.n);
    memcpy(p, packed.p, packed.n);

    for (i = 0; i < packed.n; i++) {
        feed(b, wa_span(p, i));
        was = p[i];
        p[i] = (uint8_t) ~was;
        feed(b, wa_span(p, packed.n));
        p[i] = 0xf8;
        feed(b, wa_span(p, packed.n));
        p[i] = was;
    }

    free(p);
}


static void
mutate(bench_t *b, wa_span_t packed)
{
    size_t       i;
    wa_node_t   *root;
    wa_arena_t   arena;

    wa_arena_init(&arena, 0);

    for (i = 0; i < 3; i++) {
        feed(b, packed);                /* as it is, and replayed          */
    }

    for (i = 0; fresh(packed, &arena, i, &root) != NULL; i++) {
        mutate_attrs(b, packed, i);
        mutate_content(b, packed, i);
        mutate_places(b, packed, i);
    }

    check_alive(b);
    mutate_bytes(b, packed);
    check_alive(b);
    wa_arena_free(&arena);
}


/* ---- seeds ---- */

static size_t
seed_read(const char *name, uint8_t *buf)
{
    char    path[512];
    FILE   *f;
    size_t  n;

    (void) snprintf(path, sizeof(path), "%s/%s", SEEDS, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    n = fread(buf, 1, SEED_MAX, f);
    (void) fclose(f);

    return n;
}


static bool
seed_starts(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}


static void
run_seed(bench_t *b, const char *name)
{
    size_t          at, n, len;
    wa_account_t   *a;

    static uint8_t  buf[SEED_MAX];

    b->seed = name;
    n = seed_read(name, buf);

    for (at = 1; at + 2 < n; at += len) {
        len = (size_t) buf[at] << 8 | buf[at + 1];
        at += 2;
        assert_true(len <= n - at);
        mutate(b, wa_span(buf + at, len));

        if (seed_starts(name, "iq-")) {
            break;                      /* the rows differ in their id     */
        }
    }

    check_events(b);

    if (!seed_starts(name, "message-channel")) {
        check_forged(b);
    }

    /* What waited for answers gives up, one after the other. */

    for (at = 0; at < 200 && wa_tasks_count(victim(b)) > 8; at++) {
        wa_host_advance(host(b), 300 * 1000);
        (void) swallow(b);
        recover(b);
    }

    check_alive(b);
    a = victim(b);

    if (wa_tasks_count(a) > 8 || wa_account_footprint(a) > 8u << 20) {
        fail_msg("%s: %zu tasks, %zu bytes are left", name,
                 wa_tasks_count(a), wa_account_footprint(a));
    }

    room_leave(b);
}


static void
run_seeds(bench_t *b, const char *prefix)
{
    size_t          n;
    DIR            *dir;
    struct dirent  *e;

    n = 0;
    dir = opendir(SEEDS);
    assert_non_null(dir);

    for (e = readdir(dir); e != NULL; e = readdir(dir)) {

        if (seed_starts(e->d_name, prefix)) {
            run_seed(b, e->d_name);
            n++;
        }
    }

    (void) closedir(dir);
    assert_true(n > 0);
    assert_true(!seed_starts(prefix, "iq-") || b->answered > 500);
    print_message("           %zu seeds, %zu variants, %zu rooms, %zu "
                  "answers\n", n, b->tries, b->rebuilt, b->answered);
}


#define SEED_TEST(name, prefix)                                               \
    static void                                                               \
    name(void **state)                                                        \
    {                                                                         \
        run_seeds(*state, prefix);                                            \
    }

SEED_TEST(messages_of_every_shape, "message-")
SEED_TEST(receipts_of_every_shape, "receipt")
SEED_TEST(acks_of_every_shape, "ack")
SEED_TEST(iqs_of_every_shape, "iq-")
SEED_TEST(ends_of_streams_of_every_shape, "stream")
SEED_TEST(logins_of_every_shape, "success")
SEED_TEST(failures_of_every_shape, "failure")
SEED_TEST(ibs_of_every_shape, "ib-")
SEED_TEST(presences_of_every_shape, "presence")
SEED_TEST(chat_states_of_every_shape, "chatstate")
SEED_TEST(calls_of_every_shape, "call-")
SEED_TEST(notifications_of_every_shape, "notification-")
SEED_TEST(statuses_of_every_shape, "status")
SEED_TEST(strangers_of_every_shape, "unknown")


/* ---- over-deep, as bytes: our own encoder refuses to make it ---- */

static void
nesting_without_end_is_refused(void **state)
{
    size_t    i, k;
    uint8_t  *p;
    bench_t  *b = *state;

    static const size_t  depths[] = { 31, 32, 33, 1000, 100000 };

    b->seed = "nesting";

    for (k = 0; k < sizeof(depths) / sizeof(depths[0]); k++) {

        /* flag, then lists of two: a tag, a list of one child */

        p = malloc(depths[k] * 5 + 4);
        p[0] = 0;

        for (i = 0; i < depths[k]; i++) {
            memcpy(p + 1 + i * 5, "\xf8\x02\x13\xf8\x01", 5);
        }

        memcpy(p + 1 + i * 5, "\xf8\x01\x13", 3);
        feed(b, wa_span(p, depths[k] * 5 + 4));
        free(p);
    }

    check_alive(b);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest  tests[] = {
        T(messages_of_every_shape),
        T(receipts_of_every_shape),
        T(acks_of_every_shape),
        T(iqs_of_every_shape),
        T(ends_of_streams_of_every_shape),
        T(logins_of_every_shape),
        T(failures_of_every_shape),
        T(ibs_of_every_shape),
        T(presences_of_every_shape),
        T(chat_states_of_every_shape),
        T(calls_of_every_shape),
        T(notifications_of_every_shape),
        T(statuses_of_every_shape),
        T(strangers_of_every_shape),
        T(nesting_without_end_is_refused)
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
