/*
 * What others are doing, see wa_presence.h.
 */
#include "wa_presence.h"

#include "wa_account_int.h"
#include "wa_lid.h"
#include "wa_recent.h"


/* The same of the same person in the same chat is told again after this long:
   typing is repeated every ten seconds. */
#define PRESENCE_REPEAT_MS  5000

/* Those who told last. */
#define PRESENCE_SAID       16

/* So many at once, and so many a second in the long run. */
#define PRESENCE_BURST      100
#define PRESENCE_RATE       10

/* Unix seconds, year 9999. */
#define PRESENCE_TIME_MAX   INT64_C(253402300799)

typedef struct {
    uint64_t     brief;             /* of who and where */
    const char  *status;            /* NULL: free */
    wa_time_t    at;
} said_t;

struct wa_presence_said_s {
    said_t       said[PRESENCE_SAID];
    size_t       next;
    wa_time_t    full_at;           /* when the budget is whole again */
};

typedef struct {
    wa_jid_t     room;              /* NONE: the person's own chat */
    wa_jid_t     who;
    const char  *status;
    int64_t      last_seen;         /* -1: not told */
} told_t;


static void presence_start(wa_task_t *t, const told_t *told);
static void presence_loaded(wa_task_t *t, wa_err_t rc);
static bool presence_news(wa_account_t *a, const told_t *told,
    const wa_jid_t *pn);


void
wa_presence_stanza(wa_task_t *t)
{
    told_t     told;
    int64_t    last;
    wa_span_t  type;

    memset(&told, 0, sizeof(told));
    told.last_seen = -1;
    type = wa_node_attr(t->stanza, "type");

    if (type.p == NULL || wa_span_eq_str(type, "available")) {
        told.status = "available";

    } else if (wa_span_eq_str(type, "unavailable")) {
        told.status = "unavailable";

    } else {
        wa_task_end(t, WA_OK);
        return;
    }

    /* "deny", "none", "error": the person does not say. */

    if (wa_node_attr_i64(t->stanza, "last", &last) && last > 0
        && last <= PRESENCE_TIME_MAX)
    {
        told.last_seen = last;
    }

    if (!wa_node_attr_jid(t->stanza, "from", &told.who)) {
        wa_task_end(t, WA_OK);
        return;
    }

    presence_start(t, &told);
}


void
wa_chatstate_stanza(wa_task_t *t)
{
    told_t            told;
    const wa_node_t  *c;

    memset(&told, 0, sizeof(told));
    told.last_seen = -1;
    c = wa_node_child(t->stanza, "composing");

    if (c != NULL) {
        told.status = wa_node_attr_is(c, "media", "audio") ? "recording"
                                                           : "composing";

    } else if (wa_node_child(t->stanza, "paused") != NULL) {
        told.status = "paused";
    }

    if (told.status == NULL
        || !wa_node_attr_jid(t->stanza, "from", &told.who))
    {
        wa_task_end(t, WA_OK);
        return;
    }

    if (wa_jid_is_group(&told.who)) {
        told.room = told.who;

        if (!wa_node_attr_jid(t->stanza, "participant", &told.who)) {
            wa_task_end(t, WA_OK);
            return;
        }
    }

    presence_start(t, &told);
}


static void
presence_start(wa_task_t *t, const told_t *told)
{
    wa_err_t  rc;
    wa_key_t  keys[WA_LID_KEYS];

    if (!wa_jid_is_user(&told->who)
        || wa_account_is_self(t->account, &told->who))
    {
        wa_task_end(t, WA_OK);
        return;
    }

    t->data = wa_arena_dup(&t->arena, told, sizeof(told_t));

    if (t->data == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    t->resume = presence_loaded;
    rc = wa_task_need(t, keys, wa_lid_need(&told->who, &t->arena, keys));

    if (rc != WA_AGAIN) {
        presence_loaded(t, rc);
    }
}


static void
presence_loaded(wa_task_t *t, wa_err_t rc)
{
    told_t        *told;
    wa_jw_t        w;
    wa_jid_t       pn, lid;
    wa_unit_t     *u;
    wa_account_t  *a;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    a = t->account;
    told = t->data;
    pn = told->who;
    lid = told->who;

    if (wa_jid_is_lid(&pn)) {
        (void) wa_pn_of(a, &told->who, &pn);

    } else if (!wa_lid_of(a, &told->who, &lid)) {
        memset(&lid, 0, sizeof(lid));
    }

    pn = wa_jid_person(&pn);
    lid = wa_jid_person(&lid);

    if (!presence_news(a, told, &pn)) {
        wa_task_end(t, WA_OK);
        return;
    }

    u = wa_unit_new(a);
    wa_unit_event_begin(u, "presence.updated", &w);
    wa_jw_open(&w, NULL, '{');
    wa_jw_jid(&w, WA_JW("chat_jid"), told->room.server != WA_SERVER_NONE
                                     ? &told->room : &pn);
    wa_jw_jid(&w, WA_JW("jid"), &pn);
    wa_jw_jid(&w, WA_JW("lid"), &lid);
    wa_jw_str(&w, WA_JW("status"), told->status);

    if (told->last_seen < 0) {
        wa_jw_null(&w, WA_JW("last_seen"));

    } else {
        wa_jw_int(&w, WA_JW("last_seen"), told->last_seen);
    }

    wa_jw_close(&w, '}');
    (void) wa_unit_event_end(u, &w);
    wa_unit_set_patient(u);

    /* Lost is lost: the next one tells anew. */

    (void) wa_unit_commit(u, NULL);
    wa_task_end(t, WA_OK);
}


/* False: a repeat, or one of too many. */
static bool
presence_news(wa_account_t *a, const told_t *told, const wa_jid_t *pn)
{
    size_t                      i;
    said_t                     *said;
    uint64_t                    brief;
    wa_span_t                   parts[3];
    struct wa_presence_said_s  *s;

    s = a->presence.said;

    if (s == NULL) {
        s = wa_calloc(1, sizeof(*s));
        a->presence.said = s;
    }

    parts[0] = wa_span_str(pn->user);
    parts[1] = wa_span("/", 1);
    parts[2] = wa_span_str(told->room.user);

    if (s == NULL || wa_recent_brief(parts, 3, &brief) != WA_OK) {
        return false;
    }

    for (i = 0; i < PRESENCE_SAID; i++) {

        if (s->said[i].status != NULL && s->said[i].brief == brief) {
            break;
        }
    }

    said = &s->said[i < PRESENCE_SAID ? i : s->next];

    if (i < PRESENCE_SAID && strcmp(said->status, told->status) == 0
        && a->now < said->at + PRESENCE_REPEAT_MS)
    {
        return false;
    }

    if (s->full_at < a->now) {
        s->full_at = a->now;
    }

    if (s->full_at + 1000 / PRESENCE_RATE
        > a->now + PRESENCE_BURST * 1000 / PRESENCE_RATE)
    {
        return false;
    }

    s->full_at += 1000 / PRESENCE_RATE;
    s->next = (i < PRESENCE_SAID) ? s->next : (s->next + 1) % PRESENCE_SAID;
    said->brief = brief;
    said->status = told->status;
    said->at = a->now;

    return true;
}


void
wa_presence_free(wa_account_t *a)
{
    wa_free(a->presence.said);
    a->presence.said = NULL;
}
