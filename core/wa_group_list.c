/*
 * group.list: every group that there is a record of, without asking anybody.
 *
 *     group_listed     which ones: their records
 *     group_loaded     the answer
 */
#include "wa_group_query_int.h"

#include "wa_account_int.h"
#include "wa_pb.h"


static void group_listed(wa_task_t *t, wa_err_t rc);
static void group_loaded(wa_task_t *t, wa_err_t rc);
static wa_err_t group_names(wa_task_t *t, group_query_t *q);


void
wa_group_list(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_err_t    rc;
    wa_key_t    key;
    wa_task_t  *t;

    t = wa_query_task(a, cmd, "group", group_listed, sizeof(group_query_t));

    if (t == NULL) {
        return;
    }

    key.name = wa_span_str(WA_GROUP_RECORD_LIST);
    key.day = 0;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        group_listed(t, rc);
    }
}


static void
group_listed(wa_task_t *t, wa_err_t rc)
{
    size_t          i;
    wa_key_t       *keys;
    group_query_t  *q;

    q = t->data;

    if (rc == WA_OK) {
        rc = group_names(t, q);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    keys = wa_arena_calloc(&t->arena, q->n + 1, sizeof(wa_key_t));

    for (i = 0; keys != NULL && i < q->n; i++) {
        if (!wa_group_need(&q->jids[i], &t->arena, &keys[i])) {
            keys = NULL;
        }
    }

    if (keys == NULL) {
        wa_query_failed(t, WA_ERR_NOMEM);
        return;
    }

    t->resume = group_loaded;
    rc = wa_task_need(t, keys, q->n);

    if (rc != WA_AGAIN) {
        group_loaded(t, rc);
    }
}


static wa_err_t
group_names(wa_task_t *t, group_query_t *q)
{
    size_t          i;
    wa_err_t        rc;
    wa_span_t       value;
    Wa__GroupList  *list;

    if (wa_record_get(t->account, WA_GROUP_RECORD_LIST, 0, &value) != WA_OK
        || value.p == NULL)
    {
        return WA_OK;
    }

    rc = WA_PB_UNPACK(wa__group_list__descriptor, value, &t->arena, &list);

    if (rc != WA_OK) {
        return rc;
    }

    q->jids = wa_arena_calloc(&t->arena, list->n_jids + 1, sizeof(wa_jid_t));

    if (q->jids == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < list->n_jids; i++) {
        if (wa_jid_parse(wa_span_str(list->jids[i]), &q->jids[q->n])
            == WA_OK && wa_jid_is_group(&q->jids[q->n]))
        {
            q->n++;
        }
    }

    return WA_OK;
}


static void
group_loaded(wa_task_t *t, wa_err_t rc)
{
    size_t          i;
    json_t         *list, *o;
    Wa__Group      *g;
    wa_arena_t      arena;
    group_query_t  *q;

    q = t->data;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    list = json_array();

    for (i = 0; i < q->n && rc == WA_OK; i++) {
        wa_arena_init_pool(&arena, &t->account->engine->arenas);
        rc = wa_group_get(t->account, &q->jids[i], &arena, &g);

        if (rc == WA_OK && g != NULL) {
            o = wa_group_json(t->account, &q->jids[i], g);
            (void) json_object_del(o, "participants");

            if (json_array_append_new(list, o) != 0) {
                rc = WA_ERR_NOMEM;
            }
        }

        wa_arena_free(&arena);
    }

    if (rc != WA_OK) {
        json_decref(list);
        wa_query_failed(t, rc);
        return;
    }

    wa_query_done(t, list);
}
