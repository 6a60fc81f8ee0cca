/*
 * <call> stanzas, see wa_call.h.
 *
 *     wa_call_stanza    what is it about?  both addresses of the caller
 *     call_learnt       records
 *     call_apply        one unit: record, event, ack, maybe a refusal
 */
#include "wa_call_int.h"

#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_receipt.h"
#include "wa_recent.h"


/* Longer ids are nobody's. */
#define CALL_ID_MAX  128

#define CALL_KEYS    2


typedef struct {
    const wa_node_t  *node;          /* the stanza's child                  */
    wa_span_t         id;
    wa_jid_t          from;          /* device whose stanza it is           */
    wa_jid_t          creator;
    wa_jid_t          pn;            /* of the creator; NONE: not known     */
    wa_jid_t          lid;
    wa_call_e         status;
    int64_t           ts;
    bool              offer;
} call_input_t;


static bool call_read(wa_task_t *t, call_input_t *in);
static bool call_status(const wa_node_t *node, call_input_t *in);
static void call_learnt(wa_task_t *t, wa_err_t rc);
static void call_apply(wa_task_t *t, wa_err_t rc);
static wa_call_t *call_make(wa_task_t *t, Wa__CallList *list,
    const call_input_t *in);
static char *call_jid(wa_arena_t *arena, const wa_jid_t *jid);
static void call_people(wa_task_t *t, wa_call_t *c, const wa_node_t *offer);
static bool call_move(wa_account_t *a, wa_call_t *c, const call_input_t *in);
static void call_ack(wa_task_t *t, wa_unit_t *u);


void
wa_call_stanza(wa_task_t *t)
{
    wa_err_t       rc;
    wa_unit_t     *u;
    call_input_t  *in;

    in = wa_arena_calloc(&t->arena, 1, sizeof(*in));

    if (in == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);     /* it comes again               */
        return;
    }

    t->data = in;
    in->node = wa_node_first(t->stanza);

    if (!call_read(t, in)) {
        u = wa_unit_new(t->account);
        call_ack(t, u);
        wa_task_end(t, wa_unit_commit(u, NULL));
        return;
    }

    t->resume = call_learnt;
    rc = WA_OK;

    if (in->pn.server != WA_SERVER_NONE && in->lid.server != WA_SERVER_NONE
        && !wa_account_is_self(t->account, &in->creator))
    {
        rc = wa_lid_learn(t, &in->pn, &in->lid);
    }

    if (rc != WA_AGAIN) {
        call_learnt(t, rc);
    }
}


/* False: it is of no call, or of the wiring of one. */
static bool
call_read(wa_task_t *t, call_input_t *in)
{
    wa_jid_t          other;
    const wa_node_t  *n;

    n = in->node;
    in->id = wa_node_attr(n, "call-id");

    if (in->id.n == 0 || in->id.n > CALL_ID_MAX
        || memchr(in->id.p, 0, in->id.n) != NULL
        || !call_status(n, in)
        || !wa_node_attr_jid(t->stanza, "from", &in->from)
        || !wa_node_attr_jid(n, "call-creator", &in->creator)
        || !wa_jid_is_user(&in->creator))
    {
        return false;
    }

    in->ts = wa_stanza_time(t->account, t->stanza);

    /* The other address stands beside the one that is used. */

    if (wa_jid_is_lid(&in->creator)) {
        in->lid = wa_jid_person(&in->creator);

        if (wa_node_attr_jid(n, "caller_pn", &other)
            && wa_jid_is_pn(&other))
        {
            in->pn = wa_jid_person(&other);
        }

    } else {
        in->pn = wa_jid_person(&in->creator);

        if (wa_node_attr_jid(n, "caller_lid", &other)
            && wa_jid_is_lid(&other))
        {
            in->lid = wa_jid_person(&other);
        }
    }

    return true;
}


/* A call that another device of ours took or refused ends here with the
   reason for it. */
static bool
call_status(const wa_node_t *n, call_input_t *in)
{
    if (wa_node_is(n, "offer") || wa_node_is(n, "offer_notice")) {
        in->offer = true;
        in->status = WA_CALL_OFFER;

    } else if (wa_node_is(n, "preaccept")) {
        in->status = WA_CALL_RINGING;

    } else if (wa_node_is(n, "accept")
               || wa_node_attr_is(n, "reason", "accepted_elsewhere"))
    {
        in->status = WA_CALL_ACCEPT;

    } else if (wa_node_is(n, "reject")
               || wa_node_attr_is(n, "reason", "rejected_elsewhere"))
    {
        in->status = WA_CALL_REJECT;

    } else if (wa_node_is(n, "terminate")) {
        in->status = wa_node_attr_is(n, "reason", "timeout")
                     ? WA_CALL_TIMEOUT : WA_CALL_TERMINATE;

    } else {
        return false;
    }

    return true;
}


static void
call_learnt(wa_task_t *t, wa_err_t rc)
{
    size_t         n;
    wa_key_t       keys[CALL_KEYS];
    call_input_t  *in;

    in = t->data;

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "addresses of a caller not learnt: "
               "%s", wa_err_name(rc));
    }

    keys[0] = (wa_key_t) { wa_span_str(WA_CALL_RECORD), 0 };
    n = 1 + wa_lid_need(&in->creator, &t->arena, keys + 1);

    t->resume = call_apply;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        call_apply(t, rc);
    }
}


static void
call_apply(wa_task_t *t, wa_err_t rc)
{
    bool           changed;
    wa_call_t     *c;
    wa_unit_t     *u;
    const char    *text;
    call_input_t  *in;
    Wa__CallList  *list;

    in = t->data;
    text = NULL;

    if (rc == WA_OK) {
        rc = wa_calls_get(t->account, &t->arena, &list);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);             /* it comes again                 */
        return;
    }

    c = wa_calls_find(list, in->id);
    changed = (c == NULL);

    if (c == NULL) {
        c = call_make(t, list, in);

        if (c == NULL) {
            wa_task_end(t, WA_ERR_NOMEM);
            return;
        }

    } else {
        changed = call_move(t->account, c, in);
    }

    u = wa_unit_new(t->account);

    if (changed && in->offer
        && wa_node_attr(t->stanza, "offline").p == NULL
        && wa_call_unwanted(t->account, c)
        && wa_call_refuse(u, &t->arena, c) == WA_OK)
    {
        text = wa_call_text(t->account, list, c);
    }

    if (changed) {
        (void) wa_calls_put(u, list);
        (void) wa_call_event(u, c);
    }

    call_ack(t, u);
    rc = wa_unit_commit(u, NULL);

    if (rc == WA_OK && text != NULL) {
        wa_call_say(t->account, c, text);
    }

    wa_task_end(t, rc);
}


/* What came before we did not see, or it was long ago: the rest is told with
   what this stanza says. */
static wa_call_t *
call_make(wa_task_t *t, Wa__CallList *list, const call_input_t *in)
{
    wa_jid_t          group, other;
    wa_call_t        *c;
    wa_account_t     *a;
    const wa_node_t  *n;

    a = t->account;
    n = in->node;
    c = wa_calls_add(list, &t->arena, in->id);

    if (c == NULL) {
        return NULL;
    }

    c->creator = call_jid(&t->arena, &in->creator);
    c->has_from_me = 1;
    c->from_me = wa_account_is_self(a, &in->creator);
    c->has_video = 1;
    c->video = wa_node_child(n, "video") != NULL
               || wa_node_attr_is(n, "media", "video");
    c->has_offered = 1;
    c->offered = in->ts;
    c->has_status = 1;
    c->status = (uint32_t) in->status;

    if (in->pn.server != WA_SERVER_NONE) {
        c->pn = call_jid(&t->arena, &in->pn);

    } else if (wa_pn_of(a, &in->lid, &other)) {
        c->pn = call_jid(&t->arena, &other);
    }

    if (in->lid.server != WA_SERVER_NONE) {
        c->lid = call_jid(&t->arena, &in->lid);

    } else if (wa_lid_of(a, &in->pn, &other)) {
        c->lid = call_jid(&t->arena, &other);
    }

    if (wa_node_attr_jid(n, "group-jid", &group)
        && wa_jid_is_group(&group))
    {
        c->group = call_jid(&t->arena, &group);
    }

    if (in->status == WA_CALL_ACCEPT) {
        c->has_accepted = 1;
        c->accepted = in->ts;
    }

    call_people(t, c, n);

    return c;
}


static char *
call_jid(wa_arena_t *arena, const wa_jid_t *jid)
{
    char       buf[WA_JID_TEXT_MAX];
    size_t     n;

    n = wa_jid_format(jid, buf, sizeof(buf));

    return n == 0 ? NULL : wa_arena_strdup(arena, wa_span(buf, n));
}


/* <group_info><user jid/>*: who is asked to a group call. */
static void
call_people(wa_task_t *t, wa_call_t *c, const wa_node_t *offer)
{
    wa_jid_t          jid, pn;
    const wa_node_t  *user;

    user = wa_node_child(wa_node_child(offer, "group_info"), "user");

    if (user == NULL) {
        return;
    }

    c->participants = wa_arena_calloc(&t->arena, WA_CALL_PEOPLE_MAX,
                                      sizeof(*c->participants));

    if (c->participants == NULL) {
        return;
    }

    for ( /* void */ ;
         user != NULL && c->n_participants < WA_CALL_PEOPLE_MAX;
         user = wa_node_sibling(user, "user"))
    {
        if (!wa_node_attr_jid(user, "jid", &jid) || !wa_jid_is_user(&jid)) {
            continue;
        }

        if (wa_node_attr_jid(user, "user_pn", &pn) && wa_jid_is_pn(&pn)) {
            jid = pn;
        }

        jid = wa_jid_person(&jid);
        c->participants[c->n_participants] = call_jid(&t->arena, &jid);
        c->n_participants += c->participants[c->n_participants] != NULL;
    }
}


/* True: there is something new to tell. */
static bool
call_move(wa_account_t *a, wa_call_t *c, const call_input_t *in)
{
    if (c->status >= WA_CALL_REJECT || (uint32_t) in->status <= c->status) {
        return false;
    }

    /* In a group one person's no is not the end of the call. */

    if (c->group != NULL && in->status == WA_CALL_REJECT
        && !wa_account_is_self(a, &in->from))
    {
        return false;
    }

    c->has_status = 1;
    c->status = (uint32_t) in->status;

    if (in->status == WA_CALL_ACCEPT) {
        c->has_accepted = 1;
        c->accepted = in->ts;

    } else if (in->status >= WA_CALL_REJECT) {
        c->has_ended = 1;
        c->ended = in->ts;
    }

    return true;
}


/* <ack class=call type=offer|...>: the type is the child's tag. */
static void
call_ack(wa_task_t *t, wa_unit_t *u)
{
    char             *type;
    const wa_node_t  *c;

    c = wa_node_first(t->stanza);
    type = (c == NULL) ? NULL : wa_arena_strdup(&t->arena, c->tag);

    (void) wa_ack_stanza(u, t->stanza, type, 0);
}
