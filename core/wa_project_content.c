/*
 * Projection: votes, and what is kept of a message beyond its object (HTTP
 * contract, 6.1, 10.2).
 */
#include "wa_project_int.h"


/*
 * The newest vote of a person counts.  A person whose hidden address was not
 * known at the first vote is the same one afterwards.
 */
wa_err_t
wa_ev_on_vote(wa_ev_t *e)
{
    wa_ev_args_t    a = { .n = 0 };
    wa_err_t        rc;
    wa_span_t       id, voter, lid;
    const wa_jv_t  *options;

    id = wa_ev_key(e, e->data, "target_id");
    voter = wa_ev_key(e, e->data, "voter_jid");
    lid = wa_ev_word(e, e->data, "voter_lid");
    options = wa_jv_get(e->data, "options");

    if (e->bad || options == NULL || options->type != WA_JV_ARRAY) {
        return WA_OK;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, id);
    wa_ev_arg(&a, voter);
    wa_ev_arg(&a, lid);
    wa_ev_arg(&a, options->raw);
    wa_ev_arg_int(&a, wa_ev_int(e->data, "timestamp_ms"));

    rc = wa_ev_run(e,
        "INSERT INTO wa_votes (account_id, id, voter, lid, options, ms)"
        " VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (account_id, id, voter) DO UPDATE SET"
        " lid = COALESCE(excluded.lid, wa_votes.lid),"
        " options = excluded.options, ms = excluded.ms"
        " WHERE excluded.ms >= wa_votes.ms", &a);

    if (rc != WA_OK || lid.p == NULL || wa_span_eq(lid, voter)) {
        return rc;
    }

    a.n = 4;

    return wa_ev_run(e,
        "DELETE FROM wa_votes WHERE account_id = $1 AND id = $2"
        " AND voter = $4 AND voter <> $3", &a);
}


wa_err_t
wa_ev_keep_raw(wa_ev_t *e, wa_span_t id)
{
    wa_ev_args_t  a = { .n = 0 };
    wa_span_t     raw;

    if (e->entry->aside.n == 0) {
        return WA_OK;
    }

    raw = wa_jv_str(wa_jv_read(e->entry->aside, e->arena), "raw");

    if (raw.p == NULL || memchr(raw.p, 0, raw.n) != NULL) {
        return WA_OK;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, id);
    wa_ev_arg(&a, raw);

    return wa_ev_run(e,
        "INSERT INTO wa_raw (account_id, id, message)"
        " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", &a);
}
