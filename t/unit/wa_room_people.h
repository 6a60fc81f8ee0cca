/*
 * The people of most rooms, one linked device each, and what they are told of
 * each other's texts.  wa_room_pair.h and wa_room_trio.h say who is there.
 */
#ifndef WA_ROOM_PEOPLE_H
#define WA_ROOM_PEOPLE_H

#include "wa_room.h"


#define ALICE_PN   "4915100001"
#define ALICE_LID  "70000001"
#define BOB_PN     "4915100002"
#define BOB_LID    "70000002"
#define CAROL_PN   "4915100003"
#define CAROL_LID  "70000003"


/* The first n of them. */
static inline int
people_setup(void **state, size_t n)
{
    room_t  *r;

    r = room_create();
    room_add(r, ALICE_PN, ALICE_LID, 5);

    if (n > 1) {
        room_add(r, BOB_PN, BOB_LID, 7);
    }

    if (n > 2) {
        room_add(r, CAROL_PN, CAROL_LID, 9);
    }

    *state = r;

    return 0;
}


static inline int
teardown(void **state)
{
    room_free(*state);

    return 0;
}


static inline const char *
message_field(json_t *event, const char *name)
{
    json_t  *m;

    m = json_object_get(json_object_get(event, "data"), "message");

    return json_string_value(json_object_get(m, name));
}


static inline void
assert_text(json_t *event, const char *text)
{
    assert_non_null(event);
    assert_string_equal(message_field(event, "body"), text);
    assert_string_equal(message_field(event, "type"), "TEXT");
}

#endif /* WA_ROOM_PEOPLE_H */
