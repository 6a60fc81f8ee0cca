/* A room with three people: the fixture of tests that need no other. */
#ifndef WA_ROOM_TRIO_H
#define WA_ROOM_TRIO_H

#include "wa_room_people.h"


static int
setup(void **state)
{
    return people_setup(state, 3);
}

#endif /* WA_ROOM_TRIO_H */
