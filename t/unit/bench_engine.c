/*
 * The engine's work for texts, without bytes and sockets: for profilers that
 * count instructions, which do not mind what else the machine does.
 *
 *     make bench-engine
 *     valgrind --tool=callgrind --toggle-collect=bench_run \
 *         build/lib/unit/bench_engine texts|turns [N]
 *
 * `texts`: one account writes N times to another; a text is sent, acked,
 * received and its delivery receipt taken in.  `turns`: they write in turn,
 * so that every text begins a new ratchet.  What the verbs of wa_account.h
 * cost, by callgrind_annotate --inclusive=yes, is the engine's part.
 */
#include "wa_room.h"


#define ALICE_PN   "4915100001"
#define ALICE_LID  "70000001"
#define BOB_PN     "4915100002"
#define BOB_LID    "70000002"

/* More would not fit into the log of the room. */
#define BENCH_MAX  400


void bench_run(room_t *r, bool turns, size_t n);


/* Not static: callgrind is told its name. */
void
bench_run(room_t *r, bool turns, size_t n)
{
    bool    back;
    size_t  i;

    for (i = 0; i < n; i++) {
        back = turns && i % 2 == 1;
        room_send(r, back, back ? ALICE_PN : BOB_PN,
                  "a text of ordinary length, as people write");
        room_run(r);
    }
}


int
main(int argc, char **argv)
{
    bool     turns;
    size_t   n;
    room_t  *r;

    turns = (argc > 1 && strcmp(argv[1], "turns") == 0);
    n = (argc > 2) ? strtoul(argv[2], NULL, 10) : 200;

    if (n == 0 || n > BENCH_MAX) {
        (void) fprintf(stderr, "usage: bench_engine texts|turns [1..%d]\n",
                       BENCH_MAX);
        return 2;
    }

    r = room_create();
    room_add(r, ALICE_PN, ALICE_LID, 5);
    room_add(r, BOB_PN, BOB_LID, 7);

    room_send(r, 0, BOB_PN, "hello");
    room_run(r);
    room_send(r, 1, ALICE_PN, "hello back");
    room_run(r);

    bench_run(r, turns, n);

    if (room_events(r, 1, "message.received") < n / 2) {
        (void) fprintf(stderr, "texts were lost\n");
        return 1;
    }

    room_free(r);

    return 0;
}
