/* The client version: its text, and finding it in a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wa_host.h"
#include "wa_peer.h"
#include "wa_version.h"


static void
only_versions_of_the_web_are_versions(void **state)
{
    size_t    i;
    char      text[WA_VERSION_TEXT];
    uint32_t  build;

    static const char  *const bad[] = {
        "", "2.3000.", "2.3000.0", "2.3000.-1", "2.3000.1x", "2.3000.1 ",
        "2.2413.51", "3.3000.5", "2.3000.4294967296",
        "2.3000.99999999999999999999999999"
    };

    (void) state;

    assert_int_equal(wa_version_parse(wa_span_str("2.3000.1045649367"),
                                      &build), WA_OK);
    assert_int_equal(build, 1045649367);

    wa_version_format(UINT32_MAX, text);
    assert_string_equal(text, "2.3000.4294967295");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(wa_version_parse(wa_span_str(bad[i]), &build),
                         WA_ERR_SYNTAX);
    }
}


/* The same page in pieces of every size. */
static void
page_names_its_build_in_any_pieces(void **state)
{
    bool               found;
    size_t             i, k, n, size;
    wa_version_find_t  f;

    static const struct {
        const char  *page;
        uint32_t     build;
    } pages[] = {
        { "<html>{\"x\":1,\"client_revision\":1045649367,\"y\":2}",
          1045649367 },
        { "self.x='{\\\"server_revision\\\":1,\\\"client_revision\\\":"
          "1031234567,\\\"tier\\\"'", 1031234567 },
        { "client_revision, client_revision\":x,\"client_revision\": 77}",
          77 },
        { "client_revision\":0,", 0 },
        { "client_revision\":12345678901234,", 0 },
        { "client_revision\":123", 0 },
        { "nothing here", 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        n = strlen(pages[i].page);

        for (size = 1; size <= n; size++) {
            memset(&f, 0, sizeof(f));
            found = false;

            for (k = 0; k < n && !found; k += size) {
                found = wa_version_find(&f,
                            wa_span(pages[i].page + k,
                                    n - k < size ? n - k : size));
            }

            assert_int_equal(found, pages[i].build != 0);
            assert_int_equal(f.build, pages[i].build);
        }
    }
}


typedef struct {
    wa_host_t  *h;
    wa_peer_t  *p;
} old_t;


static void
old_open(old_t *o)
{
    o->h = wa_host_create();
    o->p = wa_peer_create(o->h);
    wa_host_make(o->h);
    wa_peer_link(o->p, "15550001111:3@s.whatsapp.net", "222:3@lid");
    wa_peer_login(o->p);
}


/* The server says that our version is too old. */
static void
old_refuse(old_t *o)
{
    wa_node_t  *n;

    n = wa_node_new(wa_peer_arena(o->p), "failure");
    wa_node_set_str(wa_peer_arena(o->p), n, "reason", "405");
    wa_peer_send(o->p, n);
}


static void
old_close(old_t *o)
{
    wa_peer_free(o->p);
    wa_host_free(o->h);
}


static void
newer_version_is_looked_for_once_and_used(void **state)
{
    old_t     o;
    size_t    connects;
    uint32_t  build;

    (void) state;

    old_open(&o);
    build = wa_engine_version(wa_host_engine(o.h));
    assert_int_equal(build, WA_VERSION_BUILD);
    connects = wa_host_connects(o.h);

    old_refuse(&o);
    assert_int_equal(wa_host_versions(o.h), 1);
    assert_int_equal(wa_account_state(wa_host_account(o.h)),
                     WA_STATE_DISCONNECTED);
    assert_int_equal(wa_host_connects(o.h), connects);

    wa_engine_set_version(wa_host_engine(o.h), build + 5);
    wa_host_version(o.h, WA_OK, NULL);
    assert_int_equal(wa_host_connects(o.h), connects + 1);

    /* Refused again, while another account brought an even newer one. */

    wa_peer_connect(o.p);
    wa_engine_set_version(wa_host_engine(o.h), build + 6);
    old_refuse(&o);
    assert_int_equal(wa_host_versions(o.h), 1);
    assert_int_equal(wa_host_connects(o.h), connects + 2);

    old_close(&o);
}


static void
no_newer_version_is_an_error_that_is_told(void **state)
{
    old_t   o;
    size_t  connects;

    (void) state;

    old_open(&o);
    connects = wa_host_connects(o.h);
    old_refuse(&o);
    wa_host_version(o.h, WA_ERR_STATE, "the page names none");

    assert_int_equal(wa_account_state(wa_host_account(o.h)),
                     WA_STATE_ERROR);
    assert_int_equal(wa_host_event_count(o.h, "session.error"), 1);
    assert_non_null(strstr(wa_host_event_body(o.h, wa_host_events(o.h) - 1),
                           "the page names none"));
    assert_non_null(strstr(wa_host_event_body(o.h, wa_host_events(o.h) - 1),
                           "\"code\":405"));
    assert_int_equal(wa_host_connects(o.h), connects);

    /* It is tried again after a while; a late answer changes nothing. */

    wa_host_version(o.h, WA_OK, NULL);
    assert_int_equal(wa_host_connects(o.h), connects);
    wa_host_advance(o.h, 15 * 60000 + 1);
    assert_int_equal(wa_host_connects(o.h), connects + 1);

    old_close(&o);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(only_versions_of_the_web_are_versions),
        cmocka_unit_test(page_names_its_build_in_any_pieces),
        cmocka_unit_test(newer_version_is_looked_for_once_and_used),
        cmocka_unit_test(no_newer_version_is_an_error_that_is_told)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
