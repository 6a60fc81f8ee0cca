/* A room with two people: the fixture of tests that need no other. */
#ifndef WA_ROOM_PAIR_H
#define WA_ROOM_PAIR_H

#include "wa_room_people.h"


static int
setup(void **state)
{
    return people_setup(state, 2);
}

#endif /* WA_ROOM_PAIR_H */
