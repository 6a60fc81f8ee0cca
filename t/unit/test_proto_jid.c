/* Addresses and tokens. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_jid.h"
#include "wa_token.h"


static wa_jid_t
jid(const char *text)
{
    wa_jid_t  j;

    if (wa_jid_parse(wa_span_str(text), &j) != WA_OK) {
        fail_msg("cannot parse \"%s\"", text);
    }

    return j;
}


static void
addresses_parse_and_format(void **state)
{
    char      text[WA_JID_TEXT_MAX];
    size_t    i, n, cap;
    wa_jid_t  j;

    static const struct {
        const char   *text;
        const char   *user;
        wa_server_e   server;
        uint16_t      device;
        uint16_t      integrator;
        const char   *back;         /* NULL: the same text */
    } rows[] = {
        { "15551234567@s.whatsapp.net", "15551234567", WA_SERVER_PN, 0, 0,
          NULL },
        { "15551234567:12@s.whatsapp.net", "15551234567", WA_SERVER_PN, 12, 0,
          NULL },
        { "15551234567:0@s.whatsapp.net", "15551234567", WA_SERVER_PN, 0, 0,
          "15551234567@s.whatsapp.net" },
        { "100000012345678:65535@lid", "100000012345678", WA_SERVER_LID,
          65535, 0, NULL },
        { "123-456@g.us", "123-456", WA_SERVER_GROUP, 0, 0, NULL },
        { "@g.us", "", WA_SERVER_GROUP, 0, 0, NULL },
        { "status@broadcast", "status", WA_SERVER_BROADCAST, 0, 0, NULL },
        { "120363@newsletter", "120363", WA_SERVER_NEWSLETTER, 0, 0, NULL },
        { "1:99@hosted", "1", WA_SERVER_HOSTED, 99, 0, NULL },
        { "1:99@hosted.lid", "1", WA_SERVER_HOSTED_LID, 99, 0, NULL },
        { "100012345:7@msgr", "100012345", WA_SERVER_MSGR, 7, 0, NULL },
        { "9-abc-1:2@interop", "abc-1", WA_SERVER_INTEROP, 2, 9, NULL },
        { "x@call", "x", WA_SERVER_CALL, 0, 0, NULL },
        { "867051314767696@bot", "867051314767696", WA_SERVER_BOT, 0, 0,
          NULL },
        { "1@c.us", "1", WA_SERVER_LEGACY, 0, 0, NULL },
        { "s.whatsapp.net", "", WA_SERVER_ROOT, 0, 0, "@s.whatsapp.net" },
        { "@s.whatsapp.net", "", WA_SERVER_ROOT, 0, 0, NULL },
        { "a@elsewhere.org", "a", WA_SERVER_OTHER, 0, 0, "" }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char  *back;

        print_message("%s\n", rows[i].text);

        j = jid(rows[i].text);

        assert_string_equal(j.user, rows[i].user);
        assert_int_equal(j.user_len, strlen(rows[i].user));
        assert_int_equal(j.server, rows[i].server);
        assert_int_equal(j.device, rows[i].device);
        assert_int_equal(j.integrator, rows[i].integrator);

        back = (rows[i].back != NULL) ? rows[i].back : rows[i].text;
        n = wa_jid_format(&j, text, sizeof(text));
        assert_int_equal(n, strlen(back));

        if (n == 0) {
            continue;
        }

        assert_string_equal(text, back);

        for (cap = 0; cap <= n; cap++) {
            char  *exact;

            exact = malloc(cap + 1);
            assert_non_null(exact);
            assert_int_equal(wa_jid_format(&j, exact, cap), 0);
            free(exact);
        }
    }
}


static void
bad_addresses_are_refused(void **state)
{
    char      text[256];
    size_t    i;
    wa_jid_t  j, before;

    static const char *const  bad[] = {
        "", "@", "a", "a@", "@lid", "@x", ":1@lid", "a:@lid", "a:x@lid",
        "a:65536@lid", "a:-1@lid", "a:1:2@lid", "a b@lid", "a@b@lid",
        "abc@interop", "x-1@interop", "99999-1@interop", "9-@interop",
        "\t@lid", "@s.whatsapp.net@s.whatsapp.net"
    };

    (void) state;

    memset(&j, 0x55, sizeof(j));
    before = j;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (wa_jid_parse(wa_span_str(bad[i]), &j) != WA_ERR_SYNTAX) {
            fail_msg("accepted \"%s\"", bad[i]);
        }

        assert_memory_equal(&j, &before, sizeof(j));
    }

    memset(text, '1', sizeof(text));
    memcpy(text + WA_JID_USER_MAX, "@lid", 5);
    assert_int_equal(wa_jid_parse(wa_span_str(text), &j), WA_OK);
    assert_int_equal(j.user_len, WA_JID_USER_MAX);

    memset(text, '1', sizeof(text));
    memcpy(text + WA_JID_USER_MAX + 1, "@lid", 5);
    assert_int_equal(wa_jid_parse(wa_span_str(text), &j), WA_ERR_LIMIT);

    assert_int_equal(wa_jid_parse(wa_span("a\0b@lid", 7), &j), WA_ERR_SYNTAX);

    assert_int_equal(wa_jid_make(&j, wa_span_str("a:b"), WA_SERVER_PN, 0),
                     WA_ERR_ARG);
    assert_int_equal(wa_jid_make(&j, wa_span_none(), WA_SERVER_PN, 0),
                     WA_ERR_ARG);
    assert_int_equal(wa_jid_make(&j, wa_span(text, 64), WA_SERVER_PN, 0),
                     WA_ERR_LIMIT);
    assert_int_equal(wa_jid_make(&j, wa_span_str("7"), WA_SERVER_PN, 3),
                     WA_OK);
}


static void
addresses_compare(void **state)
{
    wa_jid_t  a, b, bare;

    (void) state;

    a = jid("1:2@lid");
    b = jid("1:3@lid");

    assert_false(wa_jid_eq(&a, &b));
    assert_true(wa_jid_eq_bare(&a, &b));
    assert_int_equal(wa_jid_cmp(&a, &b), -1);
    assert_int_equal(wa_jid_cmp(&b, &a), 1);
    assert_int_equal(wa_jid_cmp(&a, &a), 0);

    bare = wa_jid_bare(&a);
    assert_int_equal(bare.device, 0);
    b = wa_jid_with_device(&bare, 2);
    assert_true(wa_jid_eq(&a, &b));

    b = jid("1:2@s.whatsapp.net");
    assert_false(wa_jid_eq_bare(&a, &b));
    assert_true(wa_jid_cmp(&a, &b) != 0);
    b = jid("12:2@lid");
    assert_true(wa_jid_cmp(&a, &b) < 0);
    b = jid("1-x:2@interop");
    a = jid("2-x:2@interop");
    assert_false(wa_jid_eq(&a, &b));
    assert_true(wa_jid_cmp(&a, &b) > 0);

    a = jid("x@nowhere");
    assert_false(wa_jid_eq(&a, &a));

    memset(&a, 0, sizeof(a));
    assert_false(wa_jid_eq(&a, &a));

    a = jid("1@lid");
    assert_true(wa_jid_is_lid(&a) && wa_jid_is_user(&a));
    assert_false(wa_jid_is_pn(&a) || wa_jid_is_group(&a)
                 || wa_jid_is_hosted(&a));
    a = jid("1@hosted");
    assert_true(wa_jid_is_pn(&a) && wa_jid_is_hosted(&a));
    a = jid("1@g.us");
    assert_true(wa_jid_is_group(&a));
    a = jid("status@broadcast");
    assert_true(wa_jid_is_status(&a) && wa_jid_is_broadcast(&a)
                && !wa_jid_is_list(&a));
    a = jid("1@broadcast");
    assert_true(!wa_jid_is_status(&a) && wa_jid_is_list(&a));
    a = jid("1@newsletter");
    assert_true(wa_jid_is_newsletter(&a));
    a = jid("s.whatsapp.net");
    assert_true(wa_jid_is_root(&a));
}


static void
signal_addresses_tell_the_servers_apart(void **state)
{
    char      text[32];
    size_t    i, n;
    wa_jid_t  j;

    static const char *const  rows[][2] = {
        { "1@s.whatsapp.net", "1.0" },
        { "1:12@s.whatsapp.net", "1.12" },
        { "1:12@lid", "1_1.12" },
        { "1:99@hosted", "1_128.99" },
        { "1:99@hosted.lid", "1_129.99" }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        j = jid(rows[i][0]);
        n = wa_jid_signal_address(&j, text, sizeof(text));
        assert_int_equal(n, strlen(rows[i][1]));
        assert_string_equal(text, rows[i][1]);
        assert_int_equal(wa_jid_signal_address(&j, text, n), 0);
    }

    j = jid("1:3@lid");
    assert_int_equal(wa_jid_signal_name(&j, text, sizeof(text)), 3);
    assert_string_equal(text, "1_1");

    j = jid("1@g.us");
    assert_int_equal(wa_jid_signal_address(&j, text, sizeof(text)), 0);
}


static void
tokens_are_found_both_ways(void **state)
{
    size_t      table, i, n;
    wa_span_t   text;
    wa_token_t  token, found;

    static const struct {
        const char  *text;
        uint8_t      table;
        uint8_t      index;
    } known[] = {
        { "xmlstreamend", WA_TOKEN_SINGLE, 2 },
        { "s.whatsapp.net", WA_TOKEN_SINGLE, 3 },
        { "iq", WA_TOKEN_SINGLE, 25 },
        { "screen_width", 0, 5 },
        { "body", 1, 0x75 }
    };

    (void) state;

    n = 0;

    for (table = 0; table <= WA_TOKEN_SINGLE; table++) {
        for (i = 0; i < 256; i++) {
            token.table = (uint8_t) table;
            token.index = (uint8_t) i;

            text = wa_token_text(token);

            if (text.p == NULL) {
                continue;
            }

            n++;
            assert_true(wa_token_find(text, &found));
            assert_int_equal(found.table, token.table);
            assert_int_equal(found.index, token.index);

            /* a prefix or an extension of a token is another string */

            if (wa_token_find(wa_span(text.p, text.n - 1), &found)) {
                assert_false(wa_span_eq(wa_token_text(found), text));
            }
        }
    }

    assert_int_equal(n, 235 + 4 * 256);

    token.table = WA_TOKEN_SINGLE;
    token.index = 0;
    assert_null(wa_token_text(token).p);
    token.index = 236;
    assert_null(wa_token_text(token).p);
    token.table = 5;
    token.index = 1;
    assert_null(wa_token_text(token).p);

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_true(wa_token_find(wa_span_str(known[i].text), &found));
        assert_int_equal(found.table, known[i].table);
        assert_int_equal(found.index, known[i].index);
    }

    assert_false(wa_token_find(wa_span_str("no such token"), &found));
    assert_false(wa_token_find(wa_span_none(), &found));
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(addresses_parse_and_format),
        cmocka_unit_test(bad_addresses_are_refused),
        cmocka_unit_test(addresses_compare),
        cmocka_unit_test(signal_addresses_tell_the_servers_apart),
        cmocka_unit_test(tokens_are_found_both_ways)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
