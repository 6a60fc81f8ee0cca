/* Projection: accounts, from session.* events (HTTP contract, 4 and 10.2). */
#include "wa_project_int.h"


wa_err_t
wa_ev_on_created(wa_ev_t *e)
{
    wa_ev_args_t   a = { .n = 0 };
    const wa_jv_t  *o;

    o = wa_jv_get(e->data, "account");

    if (o == NULL) {
        return WA_OK;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, e->session);
    wa_ev_arg(&a, wa_ev_text(e, o, "name"));
    wa_ev_arg(&a, wa_ev_key(e, o, "state"));
    wa_ev_arg(&a, wa_ev_key(e, o, "status"));
    wa_ev_arg(&a, e->at);
    wa_ev_arg(&a, o->raw);

    if (e->bad || e->session.p == NULL) {
        return WA_OK;
    }

    return wa_ev_run(e,
        "INSERT INTO wa_accounts (id, tenant, session_id, name,"
        " state, status, created_at, updated_at, object)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
        " created_at = excluded.created_at,"
        " object = excluded.object", &a);
}


/* Of an account older than the database too. */
wa_err_t
wa_ev_on_status(wa_ev_t *e)
{
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, e->session);
    wa_ev_arg(&a, wa_ev_key(e, e->data, "state"));
    wa_ev_arg(&a, wa_ev_key(e, e->data, "status"));
    wa_ev_arg(&a, wa_ev_text(e, e->data, "reason"));
    wa_ev_arg(&a, e->at);

    if (e->bad || e->session.p == NULL) {
        return WA_OK;
    }

    return wa_ev_run(e,
        "INSERT INTO wa_accounts (id, tenant, session_id, state,"
        " status, reason, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
        " status = excluded.status, reason = excluded.reason,"
        " updated_at = excluded.updated_at", &a);
}


wa_err_t
wa_ev_on_connected(wa_ev_t *e)
{
    wa_ev_args_t   a = { .n = 0 };
    const wa_jv_t  *user;

    user = wa_jv_get(e->data, "user");

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, wa_ev_word(e, e->data, "whatsapp_number"));
    wa_ev_arg(&a, wa_ev_word(e, user, "id"));
    wa_ev_arg(&a, wa_ev_text(e, user, "name"));
    wa_ev_arg(&a, e->at);

    if (e->bad) {
        return WA_OK;
    }

    return wa_ev_run(e,
        "UPDATE wa_accounts SET whatsapp_number = $2, jid = $3,"
        " push_name = $4, connected_at = $5, updated_at = $5"
        " WHERE id = $1", &a);
}


/* History goes with the account only when the event says so. */
wa_err_t
wa_ev_on_session_deleted(wa_ev_t *e)
{
    size_t        i;
    wa_ev_args_t  a = { .n = 0 };
    wa_err_t      rc;

    static const char  *const wipe[] = {
        "DELETE FROM wa_messages WHERE account_id = $1",
        "DELETE FROM wa_receipts WHERE account_id = $1",
        "DELETE FROM wa_reactions WHERE account_id = $1",
        "DELETE FROM wa_votes WHERE account_id = $1",
        "DELETE FROM wa_raw WHERE account_id = $1",
        "DELETE FROM wa_chats WHERE account_id = $1",
        "DELETE FROM wa_contacts WHERE account_id = $1",
        "DELETE FROM wa_calls WHERE account_id = $1",
        "DELETE FROM wa_presence WHERE account_id = $1",
        "DELETE FROM wa_groups WHERE account_id = $1",
        "DELETE FROM wa_group_members WHERE account_id = $1",
        "DELETE FROM wa_group_past WHERE account_id = $1",
        "DELETE FROM wa_labels WHERE account_id = $1",
        "DELETE FROM wa_label_links WHERE account_id = $1",
        "DELETE FROM wa_app_state WHERE account_id = $1",
        ("DELETE FROM wa_events WHERE shard = $2 AND account_id = $1"
         " AND type NOT LIKE 'session.%'")
    };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, e->at);

    rc = wa_ev_run(e,
        "UPDATE wa_accounts SET deleted_at = $2, updated_at = $2"
        " WHERE id = $1", &a);

    if (!wa_jv_is_false(e->data, "keep_history")) {
        return rc;
    }

    /* Nothing of this batch comes after it. */

    if (rc == WA_OK) {
        rc = wa_batch_flush(e->batch, e->db);
    }

    for (i = 0; rc == WA_OK && i < sizeof(wipe) / sizeof(wipe[0]); i++) {
        a.n = 1;

        if (i == sizeof(wipe) / sizeof(wipe[0]) - 1) {
            wa_ev_arg_int(&a, e->entry->shard);
        }

        rc = wa_ev_run(e, wipe[i], &a);
    }

    return rc;
}
