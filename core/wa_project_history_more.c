/*
 * Taking in history: what others did with a message, and what the rows have
 * in common, see wa_history_int.h.
 */
#include "wa_history_int.h"

#include "wa_pb.h"
#include "wa_project_int.h"


/* Of one message: a group has 1,024 members. */
#define MORE_MAX        1024u

#define MORE_EMOJI_MAX  64u

/* U+FFFD */
#define REPLACEMENT     "\xef\xbf\xbd"


typedef Wa__WebMessageInfo__Key  history_key_t;


static wa_err_t more_reactions(wa_history_t *h, wa_sql_t *db,
    const wa_message_view_t *v, const Wa__WebMessageInfo *info);
static wa_err_t more_receipts(wa_history_t *h, wa_sql_t *db,
    const wa_message_view_t *v, const Wa__WebMessageInfo *info);
static wa_err_t more_receipt(wa_history_t *h, wa_sql_t *db,
    const wa_message_view_t *v, const wa_jid_t *who, const char *word,
    int rank, int64_t at);
static wa_err_t more_votes(wa_history_t *h, wa_sql_t *db,
    const wa_message_view_t *v, const Wa__WebMessageInfo *info);
static wa_err_t vote_options(const wa_content_t *c,
    const Wa__WebMessageInfo__PollUpdate__Vote *vote, wa_buf_t *out);
static bool more_who(wa_history_t *h, const wa_message_view_t *v,
    const history_key_t *key, wa_jid_t *show, wa_jid_t *lid);


wa_err_t
wa_history_row_more(wa_history_t *h, wa_sql_t *db,
    const wa_message_view_t *v, const Wa__WebMessageInfo *info)
{
    wa_err_t  rc;

    rc = more_reactions(h, db, v, info);

    if (rc == WA_OK && v->from_me) {
        rc = more_receipts(h, db, v, info);
    }

    if (rc == WA_OK && v->content->kind == WA_KIND_POLL) {
        rc = more_votes(h, db, v, info);
    }

    return rc;
}


static wa_err_t
more_reactions(wa_history_t *h, wa_sql_t *db, const wa_message_view_t *v,
    const Wa__WebMessageInfo *info)
{
    size_t        i;
    wa_err_t      rc;
    wa_jid_t      show, lid;
    wa_ev_args_t  a;

    const Wa__WebMessageInfo__Reaction  *r;

    rc = WA_OK;

    for (i = 0; rc == WA_OK && i < info->n_reactions && i < MORE_MAX; i++) {
        r = info->reactions[i];

        if (r->text == NULL || r->text[0] == '\0'
            || strlen(r->text) > MORE_EMOJI_MAX
            || !more_who(h, v, r->key, &show, &lid))
        {
            continue;
        }

        a.n = 0;
        wa_ev_arg(&a, wa_span_str(h->account_id));
        wa_ev_arg(&a, wa_span_str(v->ref));
        wa_ev_arg(&a, wa_history_address(h, &show));
        wa_ev_arg(&a, wa_history_text(h, r->text));
        wa_ev_arg_int(&a, r->sender_timestamp_ms > 0
                          ? r->sender_timestamp_ms : v->timestamp * 1000);

        rc = wa_ev_exec(db,
            "INSERT INTO wa_reactions (account_id, id, from_jid, emoji, ms)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING", &a);
    }

    return rc;
}


static wa_err_t
more_receipts(wa_history_t *h, wa_sql_t *db, const wa_message_view_t *v,
    const Wa__WebMessageInfo *info)
{
    size_t     i;
    wa_err_t   rc;
    wa_jid_t   who;

    const Wa__WebMessageInfo__Receipt  *r;

    rc = WA_OK;

    for (i = 0; rc == WA_OK && i < info->n_user_receipt && i < MORE_MAX;
         i++)
    {
        r = info->user_receipt[i];

        if (r->user_jid == NULL
            || !wa_history_jid(wa_span_str(r->user_jid), &who)
            || !wa_jid_is_user(&who))
        {
            continue;
        }

        rc = more_receipt(h, db, v, &who, "delivered", 40,
                          r->receipt_timestamp);

        if (rc == WA_OK) {
            rc = more_receipt(h, db, v, &who, "read", 50, r->read_timestamp);
        }

        if (rc == WA_OK) {
            rc = more_receipt(h, db, v, &who, "played", 60,
                              r->played_timestamp);
        }
    }

    return rc;
}


static wa_err_t
more_receipt(wa_history_t *h, wa_sql_t *db, const wa_message_view_t *v,
    const wa_jid_t *who, const char *word, int rank, int64_t at)
{
    wa_jid_t      show, lid;
    wa_ev_args_t  a = { .n = 0 };

    if (at <= 0) {
        return WA_OK;
    }

    wa_history_show(h, who, &show, &lid);

    wa_ev_arg(&a, wa_span_str(h->account_id));
    wa_ev_arg(&a, wa_span_str(v->ref));
    wa_ev_arg(&a, wa_history_address(h, &show));
    wa_ev_arg_int(&a, rank);
    wa_ev_arg(&a, wa_span_str(word));
    wa_ev_arg_int(&a, at);

    return wa_ev_exec(db,
        "INSERT INTO wa_receipts (account_id, id, recipient_jid, rank,"
        " status, ts) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT DO NOTHING", &a);
}


/* The phone has opened them already: options by their digests. */
static wa_err_t
more_votes(wa_history_t *h, wa_sql_t *db, const wa_message_view_t *v,
    const Wa__WebMessageInfo *info)
{
    size_t        i;
    wa_buf_t      options = WA_BUF_EMPTY;
    wa_err_t      rc;
    wa_jid_t      show, lid;
    wa_ev_args_t  a;

    const Wa__WebMessageInfo__PollUpdate  *u;

    rc = WA_OK;

    for (i = 0; rc == WA_OK && i < info->n_poll_updates && i < MORE_MAX;
         i++)
    {
        u = info->poll_updates[i];

        if (u->vote == NULL
            || !more_who(h, v, u->poll_update_message_key, &show, &lid))
        {
            continue;
        }

        options.n = 0;
        rc = vote_options(v->content, u->vote, &options);

        if (rc != WA_OK) {
            break;
        }

        a.n = 0;
        wa_ev_arg(&a, wa_span_str(h->account_id));
        wa_ev_arg(&a, wa_span_str(v->ref));
        wa_ev_arg(&a, wa_history_address(h, &show));
        wa_ev_arg(&a, wa_history_address(h, &lid));
        wa_ev_arg(&a, wa_span_buf(&options));
        wa_ev_arg_int(&a, u->sender_timestamp_ms);

        rc = wa_ev_exec(db,
            "INSERT INTO wa_votes (account_id, id, voter, lid, options, ms)"
            " VALUES ($1, $2, $3, $4, $5, $6)"
            " ON CONFLICT (account_id, id, voter) DO UPDATE SET"
            " options = excluded.options, ms = excluded.ms"
            " WHERE excluded.ms > wa_votes.ms", &a);
    }

    wa_buf_free(&options);

    return rc;
}


static wa_err_t
vote_options(const wa_content_t *c,
    const Wa__WebMessageInfo__PollUpdate__Vote *vote, wa_buf_t *out)
{
    size_t      i, k;
    uint8_t     digest[WA_SHA256_LEN];
    wa_jw_t     w;
    wa_err_t    rc;
    wa_span_t   name;

    wa_jw_init(&w, out);
    wa_jw_open(&w, NULL, '[');

    for (i = 0; i < c->n_poll_options; i++) {
        name = wa_span_str(c->poll_options[i]);
        rc = wa_sha256(&name, 1, digest);

        if (rc != WA_OK) {
            return rc;
        }

        for (k = 0; k < vote->n_selected_options; k++) {

            if (wa_span_eq(wa_pb_span(&vote->selected_options[k]),
                           wa_span(digest, sizeof(digest))))
            {
                wa_jw_text(&w, NULL, name);
                break;
            }
        }
    }

    wa_jw_close(&w, ']');

    return w.err;
}


/* Whose reaction or vote the key is of. */
static bool
more_who(wa_history_t *h, const wa_message_view_t *v,
    const history_key_t *key, wa_jid_t *show, wa_jid_t *lid)
{
    wa_jid_t  who;

    if (key == NULL) {
        return false;
    }

    if (key->has_from_me && key->from_me) {
        who = h->owner.self;

    } else if (wa_jid_is_user(&v->chat)) {
        who = v->chat;

    } else if (key->participant == NULL
               || !wa_history_jid(wa_span_str(key->participant), &who)
               || !wa_jid_is_user(&who))
    {
        return false;
    }

    wa_history_show(h, &who, show, lid);

    return true;
}


void
wa_history_show(const wa_history_t *h, const wa_jid_t *jid, wa_jid_t *show,
    wa_jid_t *lid)
{
    wa_jid_t  pn;

    wa_history_map_find(&h->map, jid, &pn, lid);
    *show = pn.server != WA_SERVER_NONE ? pn : *lid;
}


wa_span_t
wa_history_address(wa_history_t *h, const wa_jid_t *jid)
{
    char        text[WA_JID_TEXT_MAX];
    size_t      n;
    wa_span_t   out;

    n = wa_jid_format(jid, text, sizeof(text));
    out = wa_span_none();

    if (n != 0
        && wa_arena_dup_span(&h->arena, wa_span(text, n), &out) != WA_OK)
    {
        h->nomem = true;
    }

    return out;
}


wa_span_t
wa_history_text(wa_history_t *h, const char *text)
{
    size_t    i, k, n, len, bad;
    uint8_t  *copy;

    const uint8_t  *p = (const uint8_t *) text;

    if (text == NULL) {
        return wa_span_none();
    }

    len = strlen(text);
    bad = 0;

    for (i = 0; i < len; i += n) {
        n = wa_utf8_len(p + i, len - i);

        if (n == 0) {
            bad++;
            n = 1;
        }
    }

    if (bad == 0) {
        return wa_span(text, len);
    }

    copy = wa_arena_alloc(&h->arena, len + 2 * bad);
    if (copy == NULL) {
        h->nomem = true;
        return wa_span_none();
    }

    for (i = 0, k = 0; i < len; i += n) {
        n = wa_utf8_len(p + i, len - i);

        if (n == 0) {
            memcpy(copy + k, REPLACEMENT, 3);
            k += 3;
            n = 1;

        } else {
            memcpy(copy + k, p + i, n);
            k += n;
        }
    }

    return wa_span(copy, k);
}
