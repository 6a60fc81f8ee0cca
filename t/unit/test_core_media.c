/* Media hosts, requests for another upload, events of transfers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wa_media.h"
#include "wa_host.h"
#include "wa_peer.h"


#define KEY_TEXT  "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="


typedef struct {
    wa_host_t   *h;
    wa_peer_t   *p;
    wa_arena_t  *arena;
} server_t;


static int
setup(void **state)
{
    const wa_node_t  *iq;

    static server_t  s;

    s.h = wa_host_create();
    s.p = wa_peer_create(s.h);
    s.arena = wa_peer_arena(s.p);
    wa_host_make(s.h);
    wa_peer_link(s.p, "15550001111:3@s.whatsapp.net", "222:3@lid");
    wa_peer_login(s.p);

    while ((iq = wa_peer_next(s.p)) != NULL) {
        wa_peer_error(s.p, iq, 500);
    }

    *state = &s;

    return 0;
}


static int
teardown(void **state)
{
    server_t  *s = *state;

    wa_peer_free(s->p);
    wa_host_free(s->h);

    return 0;
}


static const char *
reply_code(server_t *s)
{
    return wa_host_reply(s->h)->code;
}


static const char *
reply_str(server_t *s, const char *name)
{
    return json_string_value(json_object_get(wa_host_reply(s->h)->data,
                                             name));
}


static void
ask_conn(server_t *s, const char *refresh)
{
    json_t  *args;

    args = json_pack("{s:s}", "verb", "media.conn");

    if (refresh != NULL) {
        json_object_set_new(args, "refresh", json_string(refresh));
    }

    wa_host_submit(s->h, WA_OP_QUERY, args);
}


static void
answer_conn(server_t *s, const char *auth, const char *host)
{
    wa_node_t        *conn, *h;
    const wa_node_t  *iq;

    iq = wa_peer_expect(s->p, "iq");
    assert_true(wa_node_attr_is(iq, "xmlns", "w:m"));
    assert_true(wa_node_attr_is(iq, "type", "set"));
    assert_non_null(wa_node_child(iq, "media_conn"));

    conn = wa_node_new(s->arena, "media_conn");

    if (auth != NULL) {
        wa_node_set_str(s->arena, conn, "auth", auth);
    }

    wa_node_set_str(s->arena, conn, "ttl", "300");
    h = wa_node_add_new(s->arena, conn, "host");
    wa_node_set_str(s->arena, h, "hostname", host);
    (void) wa_node_add_new(s->arena, h, "download");
    wa_peer_result(s->p, iq, conn);
}


static void
hosts_are_asked_for_once(void **state)
{
    json_t    *host;
    server_t  *s = *state;

    ask_conn(s, NULL);
    answer_conn(s, "first", "one.example");
    assert_null(reply_code(s));
    assert_string_equal(reply_str(s, "auth"), "first");
    host = json_array_get(json_object_get(wa_host_reply(s->h)->data,
                                          "hosts"), 0);
    assert_string_equal(json_string_value(json_object_get(host, "hostname")),
                        "one.example");
    assert_true(json_is_true(json_object_get(host, "download")));
    assert_true(json_is_false(json_object_get(host, "upload")));

    /* again: nothing is asked; nor when another auth was refused */

    ask_conn(s, NULL);
    assert_string_equal(reply_str(s, "auth"), "first");
    ask_conn(s, "older");
    assert_string_equal(reply_str(s, "auth"), "first");
    assert_null(wa_peer_next(s->p));

    ask_conn(s, "first");
    answer_conn(s, "second", "two.example");
    assert_string_equal(reply_str(s, "auth"), "second");

    wa_peer_advance(s->p, 301000);

    while (wa_peer_next(s->p) != NULL) { /* void */ }

    ask_conn(s, NULL);
    answer_conn(s, "third", "two.example");
    assert_string_equal(reply_str(s, "auth"), "third");
}


static void
hosts_may_be_refused(void **state)
{
    server_t  *s = *state;

    ask_conn(s, NULL);
    wa_peer_error(s->p, wa_peer_expect(s->p, "iq"), 403);
    assert_string_equal(reply_code(s), "SEND_FAILED");

    ask_conn(s, NULL);
    answer_conn(s, NULL, "one.example");
    assert_string_equal(reply_code(s), "SEND_FAILED");

    wa_peer_drop(s->p);
    ask_conn(s, NULL);
    assert_string_equal(reply_code(s), "ACCOUNT_NOT_READY");
}


static void
ask_retry(server_t *s)
{
    wa_host_submit(s->h, WA_OP_QUERY,
        json_pack("{s:s, s:s, s:s, s:b, s:s}", "verb", "media.retry",
                  "message_id", "MSG1", "chat", "777@lid", "from_me", 0,
                  "media_key", KEY_TEXT));
}


/* The request is checked with its key; the answer is sealed with `key`. */
static void
answer_retry(server_t *s, uint8_t fill, wa_span_t plain)
{
    uint8_t            key[32], k[32], sealed[128], out[128];
    wa_span_t          iv, text;
    wa_node_t         *n, *enc, *part;
    const wa_node_t   *receipt, *rmr;

    static const uint8_t  nonce[12] = { 9 };

    receipt = wa_peer_expect(s->p, "receipt");
    assert_true(wa_node_attr_is(receipt, "type", "server-error"));
    assert_true(wa_node_attr_is(receipt, "id", "MSG1"));
    assert_true(wa_node_attr_is(receipt, "to",
                                "15550001111@s.whatsapp.net"));
    rmr = wa_node_child(receipt, "rmr");
    assert_true(wa_node_attr_is(rmr, "jid", "777@lid"));
    assert_true(wa_node_attr_is(rmr, "from_me", "false"));

    memset(key, 1, sizeof(key));
    assert_int_equal(wa_hkdf(wa_span(key, 32), wa_span_none(),
                             wa_span_str("WhatsApp Media Retry Notification"),
                             k, 32), WA_OK);
    iv = wa_node_child_content(wa_node_child(receipt, "encrypt"), "enc_iv");
    text = wa_node_child_content(wa_node_child(receipt, "encrypt"), "enc_p");
    assert_int_equal(iv.n, 12);
    assert_int_equal(wa_gcm_open(k, iv.p, wa_span_str("MSG1"), text, out),
                     WA_OK);
    assert_memory_equal(out, "\x0a\x04MSG1", 6);

    n = wa_node_new(s->arena, "notification");
    wa_node_set_str(s->arena, n, "type", "mediaretry");
    wa_node_set_str(s->arena, n, "id", "MSG1");
    wa_node_set_str(s->arena, n, "from", "15550001111@s.whatsapp.net");

    if (plain.p == NULL) {
        part = wa_node_add_new(s->arena, n, "error");
        wa_node_set_str(s->arena, part, "code", "2");

    } else {
        k[0] ^= fill;
        assert_int_equal(wa_gcm_seal(k, nonce, wa_span_str("MSG1"), plain,
                                     sealed), WA_OK);
        enc = wa_node_add_new(s->arena, n, "encrypt");
        part = wa_node_add_new(s->arena, enc, "enc_p");
        wa_node_bytes(part, wa_span(sealed, plain.n + 16));
        part = wa_node_add_new(s->arena, enc, "enc_iv");
        wa_node_bytes(part, wa_span(nonce, 12));
    }

    wa_peer_send(s->p, n);
    assert_true(wa_node_attr_is(wa_peer_expect(s->p, "ack"), "type",
                                "mediaretry"));
}


static void
the_phone_is_asked_again(void **state)
{
    size_t     before;
    server_t  *s = *state;

    static const char  found[] = "\x0a\x04MSG1\x12\x02/x\x18\x01";

    ask_retry(s);
    answer_retry(s, 0, wa_span(found, sizeof(found) - 1));
    assert_null(reply_code(s));
    assert_string_equal(reply_str(s, "direct_path"), "/x");

    ask_retry(s);
    answer_retry(s, 0, wa_span_none());
    assert_string_equal(reply_code(s), "MEDIA_NOT_FOUND");

    /* a wrong seal ends nothing, time does */

    before = wa_host_replies(s->h);
    ask_retry(s);
    answer_retry(s, 1, wa_span(found, sizeof(found) - 1));
    assert_int_equal(wa_host_replies(s->h), before);
    wa_peer_advance(s->p, 61000);
    assert_int_equal(wa_host_replies(s->h), before + 1);
    assert_string_equal(reply_code(s), "OWNER_TIMEOUT");
}


static void
waiting_requests_end_with_the_account(void **state)
{
    server_t  *s = *state;

    ask_retry(s);
    ask_retry(s);
    wa_host_restart(s->h);
}


static void
bad_requests_are_refused(void **state)
{
    server_t  *s = *state;

    wa_host_submit(s->h, WA_OP_QUERY,
        json_pack("{s:s, s:s, s:s, s:s}", "verb", "media.retry",
                  "message_id", "MSG1", "chat", "777@lid", "media_key",
                  "AQE="));
    assert_string_equal(reply_code(s), "INVALID_PARAMETER");
    wa_host_submit(s->h, WA_OP_QUERY,
        json_pack("{s:s, s:s, s:s, s:s}", "verb", "media.retry",
                  "message_id", "MSG1", "chat", "", "media_key", KEY_TEXT));
    assert_string_equal(reply_code(s), "INTERNAL_ERROR");
    assert_null(wa_peer_next(s->p));
}


static void
events_need_no_connection(void **state)
{
    server_t  *s = *state;

    wa_peer_drop(s->p);
    wa_host_submit(s->h, WA_OP_QUERY,
        json_pack("{s:s, s:s, s:{s:s, s:s}}", "verb", "event.tell", "type",
                  "media.failed", "data", "media_id", "abc", "error", "x"));
    assert_null(reply_code(s));
    assert_int_equal(wa_host_event_count(s->h, "media.failed"), 1);
    assert_non_null(strstr(wa_host_event_body(s->h,
                                              wa_host_events(s->h) - 1),
                           "\"media_id\":\"abc\""));

    /* what only the engine may say, the host may not */

    wa_host_submit(s->h, WA_OP_QUERY,
        json_pack("{s:s, s:s, s:{}}", "verb", "event.tell", "type",
                  "message.received", "data"));
    assert_string_equal(reply_code(s), "INVALID_PARAMETER");
    assert_int_equal(wa_host_event_count(s->h, "message.received"), 0);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(hosts_are_asked_for_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(hosts_may_be_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_phone_is_asked_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            waiting_requests_end_with_the_account, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_requests_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(events_need_no_connection, setup,
                                        teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
