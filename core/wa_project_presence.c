/*
 * Projection: who was there and who typed, from presence.updated (HTTP
 * contract, 6.2 and 10.2).  Kept for some days; a row takes what is older of
 * its shard along, in the transaction that holds the shard.
 */
#include "wa_project_int.h"


/* Set before there are threads. */
static int64_t  presence_keep_ms = INT64_C(7) * 86400 * 1000;


void
wa_project_presence_keep(int64_t ms)
{
    presence_keep_ms = ms;
}


wa_err_t
wa_ev_on_presence(wa_ev_t *e)
{
    int64_t         ms;
    wa_err_t        rc;
    wa_ev_args_t    a = { .n = 0 };
    const wa_jv_t  *last;

    ms = (int64_t) e->entry->id.ms;
    last = wa_jv_get(e->data, "last_seen");

    wa_ev_arg_int(&a, e->entry->shard);
    wa_ev_arg_int(&a, wa_ev_pos(e));
    wa_ev_arg_int(&a, ms);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "chat_jid"));
    wa_ev_arg(&a, wa_ev_key(e, e->data, "jid"));
    wa_ev_arg(&a, wa_ev_word(e, e->data, "lid"));
    wa_ev_arg(&a, wa_ev_key(e, e->data, "status"));

    if (last != NULL && last->type == WA_JV_INT) {
        wa_ev_arg_int(&a, wa_ev_int(e->data, "last_seen"));

    } else {
        wa_ev_arg(&a, wa_span_none());
    }

    if (e->bad) {
        return WA_OK;
    }

    rc = wa_ev_run(e,
        "INSERT INTO wa_presence (shard, pos, ms, tenant, account_id,"
        " chat_jid, jid, lid, status, last_seen)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT DO NOTHING", &a);

    if (rc != WA_OK) {
        return rc;
    }

    a.n = 1;
    wa_ev_arg_int(&a, ms - presence_keep_ms);

    return wa_ev_run(e, "DELETE FROM wa_presence WHERE shard = $1"
                        " AND ms < $2", &a);
}
