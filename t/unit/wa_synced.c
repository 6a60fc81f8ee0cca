/* An account with app state, see wa_synced.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_pb.h"
#include "wa_synced.h"


#define MY_PN   "4915100001:3@s.whatsapp.net"
#define MY_LID  "70000001:3@lid"


int
sync_setup(void **state)
{
    wa_span_t     data;
    sync_t  *s;

    s = calloc(1, sizeof(*s));
    assert_non_null(s);
    wa_vectors_open(&s->v, "appstate.json");
    s->h = wa_host_create();
    s->p = wa_peer_create(s->h);
    wa_host_make(s->h);
    wa_peer_link(s->p, MY_PN, MY_LID);

    data = wa_vectors_hex(&s->v, s->v.root, "key_data");
    assert_int_equal(wa_syncd_keys(data, &s->keys), WA_OK);
    sync_share(s->h, wa_vectors_hex(&s->v, s->v.root, "key_id"), data);
    *state = s;

    return 0;
}


int
sync_teardown(void **state)
{
    sync_t  *s = *state;

    wa_peer_free(s->p);
    wa_host_free(s->h);
    wa_vectors_close(&s->v);
    free(s);

    return 0;
}


void
sync_share(wa_host_t *h, wa_span_t id, wa_span_t data)
{
    wa_buf_t                out = WA_BUF_EMPTY;
    wa_unit_t              *u;
    Wa__AppStateKeys        list = WA__APP_STATE_KEYS__INIT;
    Wa__AppStateKeys__Key   key = WA__APP_STATE_KEYS__KEY__INIT;
    Wa__AppStateKeys__Key  *keys[1] = { &key };

    key.has_id = 1;
    key.id = wa_pb_bytes(id);
    key.has_data = 1;
    key.data = wa_pb_bytes(data);
    key.has_timestamp = 1;
    key.timestamp = 7;
    list.n_keys = 1;
    list.keys = keys;
    assert_int_equal(WA_PB_PACK(&list, &out), WA_OK);

    u = wa_unit_new(wa_host_account(h));
    assert_int_equal(wa_unit_put(u, WA_AS_RECORD_KEYS, 0, wa_span_buf(&out)),
                     WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(h);
    wa_buf_free(&out);
}


void
sync_login(sync_t *s)
{
    wa_node_t  *ib;

    wa_peer_login(s->p);
    ib = wa_node_new(wa_peer_arena(s->p), "ib");
    (void) wa_node_add_new(wa_peer_arena(s->p), ib, "offline");
    wa_peer_send(s->p, ib);
}


const wa_node_t *
sync_asked(sync_t *s)
{
    size_t            i;
    const wa_node_t  *n;

    for (i = 0; i < 50; i++) {
        n = wa_peer_next(s->p);

        if (n == NULL) {
            wa_peer_advance(s->p, 500);
            continue;
        }

        if (wa_node_is(n, "iq")
            && wa_node_attr_is(n, "xmlns", "w:sync:app:state"))
        {
            return n;
        }

        if (wa_node_is(n, "iq")) {
            wa_peer_result(s->p, n, NULL);
        }
    }

    return NULL;
}


static void
loaded(wa_task_t *t, wa_err_t rc)
{
    wa_task_end(t, rc);
}


wa_as_t
sync_known(sync_t *s)
{
    wa_as_t     as;
    wa_key_t    keys[WA_APPSTATE_KEYS];
    wa_task_t  *t;

    t = wa_task_new(wa_host_account(s->h), "test", loaded);

    if (wa_task_need(t, keys, wa_appstate_need(keys)) == WA_OK) {
        wa_task_end(t, WA_OK);
    }

    wa_host_drain(s->h);
    assert_int_equal(wa_as_get(wa_host_account(s->h), &as), WA_OK);

    return as;
}
