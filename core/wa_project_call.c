/*
 * Projection: calls (HTTP contract, 6.2 and 10.2).  Each event tells the
 * whole call; the row keeps when it began and the object of the last one.
 */
#include "wa_project_int.h"


wa_err_t
wa_ev_on_call(wa_ev_t *e)
{
    wa_span_t       id;
    wa_ev_args_t    a = { .n = 0 };
    const wa_jv_t  *o;

    o = wa_jv_get(e->data, "call");
    id = (o == NULL) ? wa_span_none() : wa_ev_key(e, o, "id");

    if (id.p == NULL) {
        return WA_OK;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, id);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, wa_ev_word(e, o, "from_jid"));
    wa_ev_arg(&a, wa_ev_word(e, o, "from_lid"));
    wa_ev_arg(&a, wa_ev_word(e, o, "group_jid"));
    wa_ev_arg_int(&a, wa_ev_int(o, "timestamp"));
    wa_ev_arg_int(&a, wa_ev_pos(e));
    wa_ev_arg_int(&a, e->entry->shard);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);
    wa_ev_arg(&a, o->raw);

    if (e->bad) {
        return WA_OK;
    }

    return wa_ev_run(e,
        "INSERT INTO wa_calls (account_id, id, tenant, from_jid, from_lid,"
        " group_jid, ts, pos, shard, updated_ms, object)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " ON CONFLICT (account_id, id) DO UPDATE SET"
        " from_jid = COALESCE(excluded.from_jid, wa_calls.from_jid),"
        " from_lid = COALESCE(excluded.from_lid, wa_calls.from_lid),"
        " updated_ms = excluded.updated_ms, object = excluded.object", &a);
}
