/*
 * Taking in history: the rows of chats and people, see wa_history_int.h.
 *
 * A chat that is there already was made by live messages or by an earlier
 * piece: what it says stays, but for what it did not know and for its last
 * message, if history has a newer one.
 */
#include "wa_history_int.h"

#include "wa_expiry.h"
#include "wa_project_int.h"


/* "For ever", as app state has it, too. */
#define CHAT_MUTE_EVER    (-1)

/* A name is shown, not searched. */
#define CHAT_NAME_MAX     512

/* More have left no group that there is. */
#define CHAT_PAST_MAX     4096u


static wa_span_t chat_name(wa_history_t *h, const wa_history_chat_t *chat);
static bool is_phone(const wa_jid_t *jid);


wa_err_t
wa_history_row_chat(wa_history_t *h, wa_sql_t *db,
    const wa_history_chat_t *chat)
{
    wa_err_t                    rc;
    wa_jid_t                    show, lid;
    wa_span_t                   name;
    wa_ev_args_t                a = { .n = 0 };
    const wa_history_place_t   *p;

    p = &h->place;
    show = chat->jid;
    memset(&lid, 0, sizeof(lid));
    name = chat_name(h, chat);

    if (wa_jid_is_user(&chat->jid)) {
        wa_history_show(h, &chat->jid, &show, &lid);
        rc = wa_history_row_contact(h, db, &chat->jid, wa_span_none());

        if (rc != WA_OK) {
            return rc;
        }
    }

    if (wa_jid_is_broadcast(&chat->jid) || !h->messages
        || (p->n == 0 && chat->last_s == 0))
    {
        return WA_OK;
    }

    wa_ev_arg(&a, wa_span_str(h->account_id));
    wa_ev_arg(&a, wa_history_address(h, &show));
    wa_ev_arg(&a, wa_span_str(h->tenant));
    wa_ev_arg(&a, wa_history_address(h, &lid));
    wa_ev_arg(&a, name);
    wa_ev_arg_int(&a, wa_jid_is_group(&chat->jid));
    wa_ev_arg_int(&a, chat->archived);
    wa_ev_arg_int(&a, chat->pinned);
    wa_ev_arg_int(&a, chat->mute_s < 0 ? CHAT_MUTE_EVER
                      : chat->mute_s * 1000 > h->owner.now_ms
                        ? chat->mute_s : 0);
    wa_ev_arg_int(&a, chat->expiry_s <= WA_EXPIRY_MAX ? chat->expiry_s : 0);
    wa_ev_arg_int(&a, chat->unread);
    wa_ev_arg_int(&a, p->newest[0] != '\0' ? p->newest_s : chat->last_s);
    wa_ev_arg(&a, wa_span_str(p->newest));
    wa_ev_arg_int(&a, p->newest_mine);
    wa_ev_arg_int(&a, h->shard);
    wa_ev_arg_int(&a, h->owner.now_ms);

    h->totals.chats++;

    return wa_ev_exec(db,
        "INSERT INTO wa_chats (account_id, jid, tenant, lid, name, is_group,"
        " is_archived, is_pinned, mute_expiry, ephemeral_duration,"
        " unread_count, last_ts, last_pos, last_id, last_body,"
        " last_from_me, shard, updated_ms)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
        " NULLIF(CAST($9 AS BIGINT), 0), NULLIF($10, 0), $11, $12,"
        " COALESCE((SELECT m.pos FROM wa_messages m"
        "  WHERE m.account_id = $1 AND m.id = $13), 0), $13,"
        " (SELECT SUBSTR(m.body, 1, " WA_CHAT_BRIEF ") FROM wa_messages m"
        "  WHERE m.account_id = $1 AND m.id = $13"
        "  AND m.deleted_at IS NULL), $14, $15, $16)"
        " ON CONFLICT (account_id, jid) DO UPDATE SET"
        " lid = COALESCE(wa_chats.lid, excluded.lid),"
        " name = COALESCE(wa_chats.name, excluded.name),"
        " ephemeral_duration = COALESCE(wa_chats.ephemeral_duration,"
        "  excluded.ephemeral_duration),"
        WA_CHAT_IF_NEWER(last_id)
        WA_CHAT_IF_NEWER(last_body)
        WA_CHAT_IF_NEWER(last_from_me)
        WA_CHAT_IF_NEWER(last_pos)
        WA_CHAT_IF_NEWER(last_ts)
        " updated_ms = excluded.updated_ms", &a);
}


static wa_span_t
chat_name(wa_history_t *h, const wa_history_chat_t *chat)
{
    char  *text;

    if (chat->name.n == 0 || chat->name.n > CHAT_NAME_MAX) {
        return wa_span_none();
    }

    text = wa_arena_strdup(&h->arena, chat->name);
    h->nomem |= (text == NULL);

    return wa_history_text(h, text);
}


/* Under the number when it is known; a name that is there already came from
   the person later. */
wa_err_t
wa_history_row_contact(wa_history_t *h, wa_sql_t *db, const wa_jid_t *jid,
    wa_span_t name)
{
    wa_jid_t      show, lid;
    wa_ev_args_t  a = { .n = 0 };

    if (wa_history_is_self(h, jid)) {
        return WA_OK;
    }

    wa_history_show(h, jid, &show, &lid);

    wa_ev_arg(&a, wa_span_str(h->account_id));
    wa_ev_arg(&a, wa_history_address(h, &show));
    wa_ev_arg(&a, wa_span_str(h->tenant));
    wa_ev_arg(&a, wa_history_address(h, &lid));
    wa_ev_arg(&a, is_phone(&show)
                  ? wa_span(show.user, show.user_len) : wa_span_none());
    wa_ev_arg(&a, name);
    wa_ev_arg_int(&a, h->owner.now_ms);
    wa_ev_arg_int(&a, (int64_t) h->totals.contacts++);
    wa_ev_arg_int(&a, h->shard);

    return wa_ev_exec(db,
        "INSERT INTO wa_contacts (account_id, jid, tenant, lid,"
        " phone_number, notify_name, first_seen_ms, updated_ms, pos, shard)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)"
        " ON CONFLICT (account_id, jid) DO UPDATE SET"
        " lid = COALESCE(wa_contacts.lid, excluded.lid),"
        " notify_name = COALESCE(wa_contacts.notify_name,"
        "  excluded.notify_name),"
        " updated_ms = excluded.updated_ms"
        " WHERE (wa_contacts.lid IS NULL AND excluded.lid IS NOT NULL)"
        " OR (wa_contacts.notify_name IS NULL"
        "  AND excluded.notify_name IS NOT NULL)", &a);
}


wa_err_t
wa_history_row_past(wa_history_t *h, wa_sql_t *db,
    const Wa__HistoryPastParticipants *past)
{
    size_t         i;
    wa_err_t       rc;
    wa_jid_t       group, who, show, lid;
    wa_ev_args_t   a;

    const Wa__HistoryPastParticipants__Participant  *p;

    if (past->group_jid == NULL
        || !wa_history_jid(wa_span_str(past->group_jid), &group)
        || !wa_jid_is_group(&group))
    {
        return WA_OK;
    }

    rc = WA_OK;

    for (i = 0; rc == WA_OK && i < past->n_past_participants
                && i < CHAT_PAST_MAX; i++)
    {
        p = past->past_participants[i];

        if (!wa_history_jid(wa_span_str(p->user_jid), &who)
            || !wa_jid_is_user(&who))
        {
            continue;
        }

        wa_history_show(h, &who, &show, &lid);

        a.n = 0;
        wa_ev_arg(&a, wa_span_str(h->account_id));
        wa_ev_arg(&a, wa_history_address(h, &group));
        wa_ev_arg(&a, wa_history_address(h, &show));
        wa_ev_arg(&a, wa_history_address(h, &lid));
        wa_ev_arg(&a, wa_span_str(p->has_leave_reason && p->leave_reason == 1
                                  ? "removed" : "left"));
        wa_ev_arg_int(&a, p->leave_ts < INT64_MAX ? (int64_t) p->leave_ts
                                                  : 0);

        rc = wa_ev_exec(db,
            "INSERT INTO wa_group_past (account_id, group_jid, jid, lid,"
            " reason, left_ts) VALUES ($1, $2, $3, $4, $5, $6)"
            " ON CONFLICT (account_id, group_jid, jid) DO UPDATE SET"
            " reason = excluded.reason, left_ts = excluded.left_ts"
            " WHERE excluded.left_ts > wa_group_past.left_ts", &a);
    }

    return rc;
}


static bool
is_phone(const wa_jid_t *jid)
{
    return jid->server == WA_SERVER_PN;
}
