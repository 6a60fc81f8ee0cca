/*
 * A room with three people, one linked device each: the fixture of tests that
 * need no other.
 */
#ifndef WA_ROOM_TRIO_H
#define WA_ROOM_TRIO_H

#include "wa_room.h"


#define ALICE_PN   "4915100001"
#define ALICE_LID  "70000001"
#define BOB_PN     "4915100002"
#define BOB_LID    "70000002"
#define CAROL_PN   "4915100003"
#define CAROL_LID  "70000003"


static int
setup(void **state)
{
    room_t  *r;

    r = room_create();
    room_add(r, ALICE_PN, ALICE_LID, 5);
    room_add(r, BOB_PN, BOB_LID, 7);
    room_add(r, CAROL_PN, CAROL_LID, 9);
    *state = r;

    return 0;
}


static int
teardown(void **state)
{
    room_free(*state);

    return 0;
}

#endif /* WA_ROOM_TRIO_H */
