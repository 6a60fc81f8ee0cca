/*
 * Sends with an Idempotency-Key from the first of two accounts in a room.
 */
#ifndef WA_KEYED_H
#define WA_KEYED_H

#include "wa_room.h"

#include "wa_idem.h"

#define ALICE_PN   "4915100001"
#define ALICE_LID  "70000001"
#define BOB_PN     "4915100002"
#define BOB_LID    "70000002"


static inline int
setup(void **state)
{
    room_t  *r;

    r = room_create();
    room_add(r, ALICE_PN, ALICE_LID, 5);
    room_add(r, BOB_PN, BOB_LID, 7);
    *state = r;

    return 0;
}


static inline int
teardown(void **state)
{
    room_free(*state);

    return 0;
}


/* 32 bytes that are another number each. */
static inline const char *
hex(unsigned n)
{
    size_t       i;
    static char  text[2][65];
    static int   turn;

    turn = !turn;

    for (i = 0; i < 32; i++) {
        (void) snprintf(text[turn] + 2 * i, 3, "%02x",
                        (i == 0 ? n >> 8 : n) & 0xff);
    }

    return text[turn];
}


static inline json_t *
keyed(unsigned key, unsigned body, const char *text)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s}}", "to", BOB_PN, "text", text,
                     "idempotency", "key", hex(key), "body", hex(body));
}


static inline void
submit(room_t *r, json_t *args)
{
    wa_host_submit(r->side[0].h, WA_OP_SEND, args);
    room_run(r);
}


static inline const wa_reply_t *
reply(room_t *r)
{
    return wa_host_reply(r->side[0].h);
}


static inline size_t
replies(room_t *r)
{
    return wa_host_replies(r->side[0].h);
}


static inline const char *
field(room_t *r, const char *name)
{
    const char  *s;

    s = json_string_value(json_object_get(reply(r)->data, name));

    return s == NULL ? "" : s;
}


static inline bool
replayed(room_t *r)
{
    return json_object_get(reply(r)->data, "replayed") != NULL;
}


static inline void
assert_code(room_t *r, const char *code)
{
    if (code == NULL) {
        assert_null(reply(r)->code);
        return;
    }

    assert_non_null(reply(r)->code);
    assert_string_equal(reply(r)->code, code);
}


/* The answer but for the mark of a replay. */
static inline json_t *
answer(room_t *r)
{
    json_t  *data;

    data = json_deep_copy(reply(r)->data);
    (void) json_object_del(data, "replayed");

    return data;
}


static inline void
assert_answer(room_t *r, json_t *first)
{
    json_t  *data;

    data = answer(r);
    assert_true(json_equal(data, first));
    json_decref(data);
}


/* The server's ack of a message of side 0. */
static inline void
ack(room_t *r, const char *id, unsigned error)
{
    wa_node_t  *n;

    n = wa_node_new(&r->arena, "ack");
    wa_node_set_str(&r->arena, n, "class", "message");
    wa_node_set_str(&r->arena, n, "id", id);

    if (error != 0) {
        wa_node_set_u64(&r->arena, n, "error", error);
    }

    room_feed(r, 0, n);
    room_run(r);
}


static inline const char *
last_id(room_t *r)
{
    static char      id[WA_SENT_ID_MAX + 1];
    const wa_node_t  *m;
    wa_span_t         s;

    m = room_last(r, 0, "message", NULL);
    assert_non_null(m);
    s = wa_node_attr(m, "id");
    assert_true(s.n < sizeof(id));
    memcpy(id, s.p, s.n);
    id[s.n] = '\0';

    return id;
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* WA_KEYED_H */
