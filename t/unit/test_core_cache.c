/* The bound of an engine for the records of all its accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wa_cache.h"
#include "wa_host.h"
#include "wa_record_int.h"


#define ACCOUNTS  4
#define KIB       1024


typedef struct {
    wa_host_t     *host;
    wa_engine_t   *engine;
    wa_account_t  *a[ACCOUNTS];
} stage_t;


static int
setup(void **state)
{
    char             id[WA_ACCOUNT_ID_LEN + 1];
    size_t           i;
    static stage_t   stage;

    stage.host = wa_host_create();
    stage.engine = wa_host_engine(stage.host);
    stage.engine->conf.records_bytes = 64 * KIB;

    for (i = 0; i < ACCOUNTS; i++) {
        (void) snprintf(id, sizeof(id), "%0*zu", WA_ACCOUNT_ID_LEN, i);
        stage.a[i] = wa_account_create(stage.engine, wa_span_str(id), NULL);
        assert_non_null(stage.a[i]);
    }

    *state = &stage;

    return 0;
}


static int
teardown(void **state)
{
    size_t    i;
    stage_t  *s = *state;

    for (i = 0; i < ACCOUNTS; i++) {
        wa_account_free(s->a[i]);
    }

    wa_host_free(s->host);

    return 0;
}


/* `n` records of a KiB from number `first` on, as one verb would. */
static void
fill(wa_account_t *a, size_t first, size_t n)
{
    char        name[32];
    size_t      i;
    uint8_t     value[KIB];
    wa_prior_t  prior;

    memset(value, 'v', sizeof(value));

    for (i = first; i < first + n; i++) {
        (void) snprintf(name, sizeof(name), "k/%zu", i);
        assert_int_equal(wa_store_put(a, name, 0,
                                      wa_span(value, sizeof(value)), &prior),
                         WA_OK);
        wa_buf_wipe(&prior.value);
    }

    wa_cache_used(a);
}


/* Without using it. */
static bool
has(wa_account_t *a, size_t i)
{
    char  name[32];

    (void) snprintf(name, sizeof(name), "k/%zu", i);

    return wa_table_find(a->store, name, strlen(name), 0) != NULL;
}


static size_t
bytes(const stage_t *s)
{
    size_t  i, n;

    n = wa_host_account(s->host)->store->bytes;

    for (i = 0; i < ACCOUNTS; i++) {
        n += s->a[i]->store->bytes;
    }

    return n;
}


static void
the_total_is_what_the_accounts_have(void **state)
{
    stage_t  *s = *state;

    fill(s->a[0], 0, 20);
    fill(s->a[1], 0, 10);
    fill(s->a[0], 5, 20);
    assert_int_equal(s->engine->records, bytes(s));
    wa_store_trim(s->a[0], 3 * KIB);
    assert_int_equal(s->engine->records, bytes(s));
    wa_store_clear(s->a[1]);
    assert_int_equal(s->engine->records, bytes(s));
    assert_true(bytes(s) < 4 * KIB);
}


static void
who_was_used_least_recently_gives_first(void **state)
{
    stage_t  *s = *state;

    wa_store_clear(wa_host_account(s->host));
    fill(s->a[0], 0, 15);
    fill(s->a[1], 0, 15);
    fill(s->a[2], 0, 15);
    wa_cache_used(s->a[0]);
    assert_true(has(s->a[0], 0) && has(s->a[1], 0) && has(s->a[2], 0));

    fill(s->a[3], 0, 18);
    assert_true(has(s->a[0], 0) && has(s->a[2], 0) && has(s->a[3], 0));
    assert_false(has(s->a[1], 0));
    assert_true(s->engine->records <= s->engine->conf.records_bytes);

    fill(s->a[3], 18, 22);
    assert_true(has(s->a[0], 0) && has(s->a[3], 0));
    assert_false(has(s->a[1], 14) || has(s->a[2], 0));

    /* The one that has nothing is back with its next verb. */
    fill(s->a[1], 0, 15);
    assert_true(has(s->a[1], 0) && has(s->a[3], 0) && has(s->a[0], 14));
    assert_false(has(s->a[2], 14) || has(s->a[0], 0));
    assert_int_equal(s->engine->records, bytes(s));
}


static void
what_must_stay_stays(void **state)
{
    stage_t   *s = *state;
    uint64_t   token;
    wa_key_t   keys[2];
    wa_span_t  none;

    memset(&none, 0, sizeof(none));
    fill(s->a[0], 0, 10);
    keys[0].name = wa_span_str("k/3");
    keys[0].day = 0;
    keys[1].name = wa_span_str("k/other");
    keys[1].day = 0;
    assert_int_equal(wa_store_load(s->a[0], keys, 2, &token), WA_AGAIN);

    fill(s->a[1], 0, 60);
    assert_true(has(s->a[0], 3));
    assert_false(has(s->a[0], 4));

    assert_int_equal(wa_store_loaded(s->a[0], token, &none, 1), WA_OK);
    assert_true(has(s->a[0], 3));
    assert_int_equal(s->engine->records, bytes(s));
}


static void
an_account_that_goes_leaves_nothing(void **state)
{
    stage_t  *s = *state;

    fill(s->a[0], 0, 10);
    fill(s->a[1], 0, 10);
    fill(s->a[2], 0, 10);
    wa_account_free(s->a[1]);
    s->a[1] = wa_account_create(s->engine,
                                wa_span_str(s->a[0]->id), NULL);
    assert_non_null(s->a[1]);
    assert_int_equal(s->engine->records, bytes(s));

    fill(s->a[3], 0, 100);
    assert_false(has(s->a[0], 9) || has(s->a[2], 9) || has(s->a[3], 0));
    assert_true(has(s->a[3], 60) && has(s->a[3], 99));
    assert_int_equal(s->engine->records, bytes(s));
}


static void
a_table_of_thousands_is_found_in_and_shrinks(void **state)
{
    size_t    i;
    stage_t  *s = *state;

    s->engine->conf.records_bytes = 16 * KIB * KIB;
    fill(s->a[0], 0, 3000);
    assert_true(s->a[0]->store->n_buckets >= 1024);

    for (i = 0; i < 3000; i++) {
        assert_true(has(s->a[0], i));
    }

    assert_false(has(s->a[0], 3000));
    wa_cache_idle(s->a[0]);
    assert_int_equal(s->a[0]->store->n_buckets, WA_TABLE_BUCKETS);
    assert_true(has(s->a[0], 2999));
    assert_false(has(s->a[0], 2000));
    assert_int_equal(s->engine->records, bytes(s));
    assert_true(s->a[0]->store->bytes <= 4 * KIB);
}


int
main(void)
{
#define TEST(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)

    const struct CMUnitTest  tests[] = {
        TEST(the_total_is_what_the_accounts_have),
        TEST(who_was_used_least_recently_gives_first),
        TEST(what_must_stay_stays),
        TEST(an_account_that_goes_leaves_nothing),
        TEST(a_table_of_thousands_is_found_in_and_shrinks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
