/*
 * Taking in history: the rows of calls, see wa_history_int.h.
 *
 * What a phone's log says of a call becomes the object that its events would
 * have told, as far as the log goes.
 */
#include "wa_history_int.h"

#include "wa_crypto.h"
#include "wa_project_int.h"


#define CALL_ID_MAX      128u

/* More are in no call. */
#define CALL_PEOPLE_MAX  256u

/* A time in ms: no call was in the year 5138. */
#define CALL_MS_MIN      INT64_C(100000000000)

/* Later, and longer, is a mistake: the year 9999, a hundred days. */
#define CALL_TIME_MAX    INT64_C(253402300799)
#define CALL_LONG_MAX    INT64_C(8640000)


/* CallLogRecord.CallResult, as far as it is told apart. */
enum {
    CALL_REJECTED = 1,
    CALL_CANCELLED,
    CALL_ELSEWHERE,                 /* another device of ours took it      */
    CALL_MISSED,
    CALL_ONGOING = 10
};

typedef struct {
    const Wa__HistoryCall  *c;
    wa_span_t               id;
    wa_span_t               group;      /* p NULL: none                    */
    wa_jid_t                from;       /* either may be WA_SERVER_NONE    */
    wa_jid_t                lid;
    int64_t                 at;         /* unix s                          */
    bool                    mine;       /* our account called              */
} history_call_t;


static bool call_read(wa_history_t *h, const Wa__HistoryCall *c,
    history_call_t *out);
static wa_err_t call_pos(const history_call_t *call, int64_t *pos);
static wa_err_t call_object(wa_history_t *h, const history_call_t *call,
    wa_buf_t *out);
static const char *call_status(const Wa__HistoryCall *c);


/* One that was told live stays as it is. */
wa_err_t
wa_history_row_call(wa_history_t *h, wa_sql_t *db, const Wa__HistoryCall *c)
{
    int64_t          pos;
    wa_buf_t         object = WA_BUF_EMPTY;
    wa_err_t         rc;
    wa_ev_args_t     a = { .n = 0 };
    history_call_t   call;

    if (!call_read(h, c, &call)) {
        return WA_OK;
    }

    rc = call_pos(&call, &pos);

    if (rc == WA_OK) {
        rc = call_object(h, &call, &object);
    }

    if (rc == WA_OK) {
        wa_ev_arg(&a, wa_span_str(h->account_id));
        wa_ev_arg(&a, call.id);
        wa_ev_arg(&a, wa_span_str(h->tenant));
        wa_ev_arg(&a, wa_history_address(h, &call.from));
        wa_ev_arg(&a, wa_history_address(h, &call.lid));
        wa_ev_arg(&a, call.group);
        wa_ev_arg_int(&a, call.at);
        wa_ev_arg_int(&a, pos);
        wa_ev_arg_int(&a, h->shard);
        wa_ev_arg_int(&a, h->owner.now_ms);
        wa_ev_arg(&a, wa_span_buf(&object));

        rc = wa_ev_exec(db,
            "INSERT INTO wa_calls (account_id, id, tenant, from_jid,"
            " from_lid, group_jid, ts, pos, shard, updated_ms, object)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
            " ON CONFLICT DO NOTHING", &a);
    }

    wa_buf_free(&object);

    return rc;
}


/* False: it is none that a row can hold, or older than what is wanted. */
static bool
call_read(wa_history_t *h, const Wa__HistoryCall *c, history_call_t *out)
{
    wa_jid_t  who;

    memset(out, 0, sizeof(*out));
    out->c = c;
    out->id = wa_history_text(h, c->call_id);
    out->at = c->start_time > CALL_MS_MIN ? c->start_time / 1000
                                          : c->start_time;

    if (out->id.n == 0 || out->id.n > CALL_ID_MAX || out->at <= 0
        || out->at > CALL_TIME_MAX || out->at < h->since_s)
    {
        return false;
    }

    if (c->group_jid != NULL
        && wa_history_jid(wa_span_str(c->group_jid), &who)
        && wa_jid_is_group(&who))
    {
        out->group = wa_history_address(h, &who);
    }

    out->mine = !c->is_incoming;

    /* Who made it says more: the web client writes the flag the other way
       round, and does not read it (whatsapp-rust call_log.rs). */

    if (c->call_creator_jid != NULL
        && wa_history_jid(wa_span_str(c->call_creator_jid), &who)
        && wa_jid_is_user(&who))
    {
        wa_history_show(h, &who, &out->from, &out->lid);

        if (wa_jid_is_pn(&out->from) || h->lid.server != WA_SERVER_NONE) {
            out->mine = wa_jid_eq_bare(&out->from, &h->owner.self);
        }
    }

    return true;
}


/* Negative, as with messages: the place among calls of the same second, the
   same at each repeat. */
static wa_err_t
call_pos(const history_call_t *call, int64_t *pos)
{
    uint8_t   digest[WA_SHA256_LEN];
    wa_err_t  rc;

    rc = wa_sha256(&call->id, 1, digest);

    *pos = rc != WA_OK ? 0
           : -1 - (int64_t) ((uint32_t) digest[0] << 24
                             | (uint32_t) digest[1] << 16
                             | (uint32_t) digest[2] << 8 | digest[3]);

    return rc;
}


/* The contract's Call, as wa_call_json() makes it of a live one. */
static wa_err_t
call_object(wa_history_t *h, const history_call_t *call, wa_buf_t *out)
{
    size_t                   i;
    wa_jw_t                  w;
    wa_jid_t                 who, show, lid;
    const Wa__HistoryCall   *c;

    c = call->c;

    wa_jw_init(&w, out);
    wa_jw_open(&w, NULL, '{');
    wa_jw_text(&w, WA_JW("id"), call->id);
    wa_jw_str(&w, WA_JW("account_id"), h->account_id);
    wa_jw_jid(&w, WA_JW("from_jid"), &call->from);
    wa_jw_jid(&w, WA_JW("from_lid"), &call->lid);
    wa_jw_text(&w, WA_JW("group_jid"), call->group);
    wa_jw_bool(&w, WA_JW("from_me"), call->mine);
    wa_jw_bool(&w, WA_JW("is_group"), call->group.n != 0);
    wa_jw_bool(&w, WA_JW("is_video"), c->is_video != 0);
    wa_jw_str(&w, WA_JW("status"), call_status(c));
    wa_jw_int(&w, WA_JW("timestamp"), call->at);

    if (c->has_duration && c->duration > 0 && c->duration < CALL_LONG_MAX) {
        wa_jw_int(&w, WA_JW("duration"), c->duration);

    } else {
        wa_jw_null(&w, WA_JW("duration"));
    }

    wa_jw_bool(&w, WA_JW("is_missed"), !call->mine
               && (c->call_result == CALL_MISSED
                   || c->call_result == CALL_CANCELLED));
    wa_jw_open(&w, WA_JW("participants"), '[');

    for (i = 0; i < c->n_participants && i < CALL_PEOPLE_MAX; i++) {

        if (c->participants[i]->user_jid != NULL
            && wa_history_jid(wa_span_str(c->participants[i]->user_jid),
                              &who)
            && wa_jid_is_user(&who))
        {
            wa_history_show(h, &who, &show, &lid);
            wa_jw_jid(&w, NULL, &show);
        }
    }

    wa_jw_close(&w, ']');
    wa_jw_close(&w, '}');

    return w.err;
}


static const char *
call_status(const Wa__HistoryCall *c)
{
    switch (c->call_result) {

    case CALL_REJECTED:
        return "reject";

    case CALL_ELSEWHERE:
    case CALL_ONGOING:
        return "accept";

    case CALL_MISSED:
        return "timeout";

    default:
        return "terminate";
    }
}
