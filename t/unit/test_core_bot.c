/* What bots answer: sealed with the secret of the question. */
#include "wa_room_pair.h"

#include "context.pb-c.h"
#include "message.pb-c.h"
#include "store.pb-c.h"

#include "wa_message.h"


#define BOT    "867051314767696@bot"
#define LID    ALICE_LID "@lid"


typedef struct {
    const char  *id;
    const char  *edit;           /* NULL: it says nothing about itself     */
    const char  *target;         /* what it goes on with; NULL: nothing    */
    const char  *question;
    const char  *sealed_id;
    const char  *author;         /* of the question                        */
    const char  *text;
} answer_t;

typedef struct {
    char     id[64];
    uint8_t  secret[WA_MESSAGE_SECRET_LEN];
} question_t;


/* As whatsmeow (msgsecret.go) and zapo (message/kinds/bot.ts) have it. */
static void
seal(room_t *r, const uint8_t *secret, const answer_t *b, const uint8_t *iv,
    wa_span_t plain, wa_span_t *out)
{
    int      n;
    char     info[256], aad[256];
    uint8_t  bot[32], key[32], *p;

    assert_int_equal(wa_hkdf(wa_span(secret, 32), wa_span_none(),
                             wa_span_str("Bot Message"), bot, sizeof(bot)),
                     WA_OK);
    n = snprintf(info, sizeof(info), "%s%s" BOT, b->sealed_id, b->author);
    assert_int_equal(wa_hkdf(wa_span(bot, sizeof(bot)), wa_span_none(),
                             wa_span(info, (size_t) n), key, sizeof(key)),
                     WA_OK);
    n = snprintf(aad, sizeof(aad), "%s%c" BOT, b->sealed_id, 0);
    p = wa_arena_alloc(&r->arena, plain.n + 16);
    assert_int_equal(wa_gcm_seal(key, iv, wa_span(aad, (size_t) n), plain,
                                 p), WA_OK);
    *out = wa_span(p, plain.n + 16);
}


static void
bot_says(room_t *r, const uint8_t *secret, const answer_t *b)
{
    wa_buf_t                   buf = WA_BUF_EMPTY;
    wa_span_t                  payload, bytes;
    wa_node_t                 *n, *c;
    Wa__Message                m = WA__MESSAGE__INIT;
    Wa__MessageSecretMessage   s = WA__MESSAGE_SECRET_MESSAGE__INIT;

    static const uint8_t  iv[12] = { 1, 2, 3 };

    m.conversation = (char *) (uintptr_t) b->text;
    assert_int_equal(WA_PB_PACK(&m, &buf), WA_OK);
    seal(r, secret, b, iv, wa_span_buf(&buf), &payload);
    buf.n = 0;

    s.has_enc_iv = 1;
    s.enc_iv = wa_pb_bytes(wa_span(iv, sizeof(iv)));
    s.has_enc_payload = 1;
    s.enc_payload = wa_pb_bytes(payload);
    assert_int_equal(WA_PB_PACK(&s, &buf), WA_OK);
    assert_int_equal(wa_arena_dup_span(&r->arena, wa_span_buf(&buf), &bytes),
                     WA_OK);
    wa_buf_free(&buf);

    n = wa_node_new(&r->arena, "message");
    wa_node_set_str(&r->arena, n, "id", b->id);
    wa_node_set_str(&r->arena, n, "from", BOT);
    wa_node_set_str(&r->arena, n, "type", "text");
    wa_node_set_u64(&r->arena, n, "t",
                    (uint64_t) wa_unix_s(room_account(r, 0)));
    c = wa_node_add_new(&r->arena, n, "meta");
    wa_node_set_str(&r->arena, c, "target_id", b->question);
    wa_node_set_str(&r->arena, c, "target_sender_jid", b->author);

    if (b->edit != NULL) {
        c = wa_node_add_new(&r->arena, n, "bot");
        wa_node_set_str(&r->arena, c, "edit", b->edit);

        if (b->target != NULL) {
            wa_node_set_str(&r->arena, c, "edit_target_id", b->target);
        }
    }

    c = wa_node_add_new(&r->arena, n, "enc");
    wa_node_set_str(&r->arena, c, "v", "2");
    wa_node_set_str(&r->arena, c, "type", "msmsg");
    wa_node_bytes(c, bytes);

    room_feed(r, 0, n);
    room_run(r);
}


/* What side i sent last: its id and secret. */
static void
asked(room_t *r, size_t i, question_t *q)
{
    char               name[80];
    wa_key_t           key;
    wa_span_t          id, value, secret;
    wa_task_t         *t;
    wa_account_t      *a;
    Wa__SentMessage   *sent;

    a = room_account(r, i);
    id = wa_node_attr(room_last(r, i, "message", NULL), "id");
    (void) snprintf(q->id, sizeof(q->id), "%.*s", (int) id.n,
                    (const char *) id.p);
    (void) snprintf(name, sizeof(name), "out/%s", q->id);

    key.name = wa_span_str(name);
    key.day = wa_day(wa_unix_s(a));
    t = wa_task_new(a, "test", wa_task_end);

    if (wa_task_need(t, &key, 1) == WA_OK) {
        wa_task_end(t, WA_OK);
    }

    wa_host_drain(r->side[i].h);
    assert_int_equal(wa_record_get(a, name, key.day, &value), WA_OK);
    assert_int_equal(WA_PB_UNPACK(wa__sent_message__descriptor, value,
                                  &r->arena, &sent), WA_OK);
    secret = wa_message_secret(wa_pb_span(&sent->message), &r->arena);
    assert_int_equal(secret.n, sizeof(q->secret));
    memcpy(q->secret, secret.p, secret.n);
}


/* The i-th of a type: its id for our users, and its text. */
static void
told(room_t *r, const char *type, size_t i, char id[64], char text[64])
{
    json_t  *e, *d;

    e = room_event(r, 0, type, i);
    assert_non_null(e);
    d = json_object_get(e, "data");

    if (json_object_get(d, "message") != NULL) {
        d = json_object_get(d, "message");
        assert_string_equal(json_string_value(json_object_get(d,
                                "remote_jid")), BOT);
    }

    (void) snprintf(id, 64, "%s",
                    json_string_value(json_object_get(d, "id")));
    (void) snprintf(text, 64, "%s", json_is_string(json_object_get(d, "body"))
                    ? json_string_value(json_object_get(d, "body")) : "");
    json_decref(e);
}


/* The phone asks: we have a copy of the question. */
static void
what_a_bot_answers_the_phone_is_read(void **state)
{
    char         first[64], last[64], text[64];
    size_t       phone;
    room_t      *r = *state;
    question_t   q;

    phone = room_add(r, ALICE_PN, ALICE_LID, 0);
    room_send(r, phone, BOB_PN, "what is the weather like?");
    room_run(r);
    assert_int_equal(room_events(r, 0, "message.echo"), 1);
    asked(r, phone, &q);

    bot_says(r, q.secret, &(answer_t) { "B1", "first", NULL, q.id, "B1", LID,
                                        "It" });
    bot_says(r, q.secret, &(answer_t) { "B2", "inner", "B1", q.id, "B1", LID,
                                        "It is" });
    bot_says(r, q.secret, &(answer_t) { "B3", "last", "B1", q.id, "B1", LID,
                                        "It is fine" });

    assert_int_equal(room_events(r, 0, "message.received"), 1);
    told(r, "message.received", 0, first, text);
    assert_string_equal(text, "It");
    assert_int_equal(room_events(r, 0, "message.edited"), 1);
    told(r, "message.edited", 0, last, text);
    assert_string_equal(text, "It is fine");
    assert_string_equal(first, last);
    assert_int_equal(room_count(r, 0, "ack", NULL), 3);
}


/* We ask, and the bot knows us by our number; it says all of it at once. */
static void
what_a_bot_answers_us_is_read(void **state)
{
    char         id[64], text[64];
    room_t      *r = *state;
    question_t   q;

    room_send(r, 0, BOB_PN, "what is the weather like?");
    room_run(r);
    asked(r, 0, &q);
    bot_says(r, q.secret, &(answer_t) { "B1", NULL, NULL, q.id, "B1",
                                        ALICE_PN "@s.whatsapp.net",
                                        "It is fine" });
    told(r, "message.received", 0, id, text);
    assert_string_equal(text, "It is fine");
}


static void
what_does_not_open_is_told_as_unknown(void **state)
{
    json_t      *e;
    size_t       i, acks;
    room_t      *r = *state;
    question_t   q, wrong;

    room_send(r, 0, BOB_PN, "what is the weather like?");
    room_run(r);
    asked(r, 0, &q);
    acks = room_count(r, 0, "ack", NULL);
    wrong = q;
    wrong.secret[0] ^= 1;

    bot_says(r, wrong.secret, &(answer_t) { "B1", "first", NULL, q.id, "B1",
                                            LID, "It" });
    bot_says(r, q.secret, &(answer_t) { "B2", "full", NULL, q.id, "B1", LID,
                                        "of another id" });
    bot_says(r, q.secret, &(answer_t) { "B3", NULL, NULL, "3EB0AA", "B3",
                                        LID, "to nothing" });

    /* an end without a beginning, or of nothing */

    bot_says(r, wrong.secret, &(answer_t) { "B4", "last", "B1", q.id, "B1",
                                            LID, "It is fine" });
    bot_says(r, q.secret, &(answer_t) { "B5", "last", NULL, q.id, "B5", LID,
                                        "It is fine" });

    assert_int_equal(room_events(r, 0, "message.received"), 3);
    assert_int_equal(room_events(r, 0, "message.edited"), 0);

    for (i = 0; i < 3; i++) {
        e = room_event(r, 0, "message.received", i);
        assert_string_equal(message_field(e, "type"), "UNKNOWN");
        json_decref(e);
    }

    assert_int_equal(room_count(r, 0, "ack", NULL), acks + 5);
}


#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(what_a_bot_answers_the_phone_is_read),
        T(what_a_bot_answers_us_is_read),
        T(what_does_not_open_is_told_as_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
