/*
 * A linked account whose phone shared the app state key of the vectors
 * (appstate.json): the fixture of tests of app state.
 */
#ifndef WA_SYNCED_H
#define WA_SYNCED_H

#include "wa_appstate_int.h"
#include "wa_peer.h"
#include "wa_syncd.h"
#include "wa_vectors.h"


typedef struct {
    wa_host_t        *h;
    wa_peer_t        *p;
    wa_vectors_t      v;
    wa_syncd_keys_t   keys;
} sync_t;

/* As cmocka calls them. */
int sync_setup(void **state);
int sync_teardown(void **state);

/* The account of `h` has this key, and no other. */
void sync_share(wa_host_t *h, wa_span_t id, wa_span_t data);

/* Logs in; nothing is in the offline queue. */
void sync_login(sync_t *s);

/* The next iq about app state, NULL: none comes; others are answered with
   nothing. */
const wa_node_t *sync_asked(sync_t *s);

/* What the account knows of its app state, from the store if need be: an idle
   one keeps little in memory. */
wa_as_t sync_known(sync_t *s);

#endif /* WA_SYNCED_H */
