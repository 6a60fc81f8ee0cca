/*
 * Group queries: the server's answers -> JSON and records.
 */
#include "wa_group_query_int.h"

#include <stdio.h>

#include "wa_account_int.h"
#include "wa_event_message.h"


#define ANSWER_GROUPS_MAX  WA_GROUP_LIST_MAX


static json_t *answer_list(const wa_node_t *parent);
static wa_err_t answer_parse(wa_task_t *t, group_query_t *q,
    const wa_node_t *group);
static void answer_need(wa_task_t *t);


void
wa_group_answer_done(wa_task_t *t, group_query_t *q)
{
    (void) q;

    wa_query_done(t, json_pack("{s:b}", "success", 1));
}


/* The list is one level down, or two. */
void
wa_group_answer_people(wa_task_t *t, group_query_t *q)
{
    const wa_node_t  *list;

    (void) q;

    list = wa_node_first(t->answer);

    if (wa_node_is(list, "membership_requests_action")) {
        list = wa_node_first(list);
    }

    wa_query_done(t, json_pack("{s:b, s:o}", "success", 1, "result",
                               answer_list(list)));
}


/*
 * Each with the server's code; who may not be added comes with what an
 * invitation to him needs.
 */
static json_t *
answer_list(const wa_node_t *parent)
{
    json_t           *list, *o;
    int64_t           until;
    wa_span_t         error, shown;
    const wa_node_t  *p, *request;

    list = json_array();

    for (p = wa_node_child(parent, "participant"); p != NULL;
         p = wa_node_sibling(p, "participant"))
    {
        error = wa_node_attr(p, "error");
        shown = wa_node_attr(p, "phone_number");
        shown = shown.n != 0 ? shown : wa_node_attr(p, "jid");
        o = json_pack("{s:o, s:o}", "jid", wa_json_span(shown), "status",
                      error.n == 0 ? json_string("200")
                                   : wa_json_span(error));

        request = wa_node_child(p, "add_request");

        if (request != NULL) {
            if (!wa_node_attr_i64(request, "expiration", &until)) {
                until = 0;
            }

            (void) json_object_set_new(o, "invite",
                json_pack("{s:o, s:I}", "code",
                          wa_json_span(wa_node_attr(request, "code")),
                          "expiration", (json_int_t) until));
        }

        (void) json_array_append_new(list, o);
    }

    return list;
}


void
wa_group_answer_invite(wa_task_t *t, group_query_t *q)
{
    char        link[128];
    wa_span_t   code;

    (void) q;

    code = wa_node_attr(wa_node_child(t->answer, "invite"), "code");

    if (code.n == 0 || code.n > 64) {
        wa_query_failed(t, WA_ERR_SYNTAX);
        return;
    }

    (void) snprintf(link, sizeof(link), "https://chat.whatsapp.com/%.*s",
                    (int) code.n, (const char *) code.p);

    wa_query_done(t, json_pack("{s:o, s:o}", "code", wa_json_span(code),
                               "link", wa_json_text(link)));
}


/* Somebody else's group: shown, not kept. */
void
wa_group_answer_group(wa_task_t *t, group_query_t *q)
{
    wa_err_t    rc;
    wa_jid_t    jid;
    Wa__Group  *g;

    (void) q;

    rc = wa_group_parse(t->account, wa_node_child(t->answer, "group"),
                        &t->arena, &jid, &g);

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_query_done(t, wa_group_json(t->account, &jid, g));
}


void
wa_group_answer_created(wa_task_t *t, group_query_t *q)
{
    wa_err_t          rc;
    const wa_node_t  *group;

    group = wa_node_child(t->answer, "group");
    q->total = 1;
    rc = answer_parse(t, q, group);

    if (rc != WA_OK || q->n == 0) {
        wa_query_failed(t, rc == WA_OK ? WA_ERR_SYNTAX : rc);
        return;
    }

    answer_need(t);
}


void
wa_group_answer_joined(wa_task_t *t, group_query_t *q)
{
    wa_jid_t          jid;
    const wa_node_t  *n;

    (void) q;

    n = wa_node_child(t->answer, "membership_approval_request");

    if (wa_node_attr_jid(n, "jid", &jid)) {
        wa_query_done(t, json_pack("{s:o, s:b}", "jid", wa_json_jid(&jid),
                                   "pending", 1));
        return;
    }

    n = wa_node_child(t->answer, "group");

    if (!wa_node_attr_jid(n, "jid", &jid)) {
        wa_query_failed(t, WA_ERR_SYNTAX);
        return;
    }

    wa_query_done(t, json_pack("{s:o, s:b}", "jid", wa_json_jid(&jid),
                               "pending", 0));
}


void
wa_group_answer_requests(wa_task_t *t, group_query_t *q)
{
    json_t            *list;
    int64_t            when;
    wa_jid_t           jid;
    const wa_node_t   *n;

    (void) q;

    list = json_array();
    n = wa_node_child(wa_node_child(t->answer,
                                    "membership_approval_requests"),
                      "membership_approval_request");

    for ( /* void */ ; n != NULL;
         n = wa_node_sibling(n, "membership_approval_request"))
    {
        if (!wa_node_attr_jid(n, "phone_number", &jid)
            && !wa_node_attr_jid(n, "jid", &jid))
        {
            continue;
        }

        (void) json_array_append_new(list,
            json_pack("{s:o, s:o}", "jid", wa_json_jid(&jid),
                      "requested_at",
                      wa_node_attr_i64(n, "request_time", &when)
                      ? json_integer(when) : json_null()));
    }

    wa_query_done(t, json_pack("{s:o}", "requests", list));
}


void
wa_group_answer_linked(wa_task_t *t, group_query_t *q)
{
    json_t            *list;
    wa_jid_t           jid;
    const wa_node_t   *n;

    (void) q;

    list = json_array();
    n = wa_node_child(wa_node_child(t->answer, "sub_groups"), "group");

    for ( /* void */ ; n != NULL; n = wa_node_sibling(n, "group")) {

        if (!wa_group_node_jid(n, &jid)) {
            continue;
        }

        (void) json_array_append_new(list,
            json_pack("{s:o, s:o}", "jid", wa_json_jid(&jid), "name",
                      wa_json_span(wa_node_attr(n, "subject"))));
    }

    wa_query_done(t, json_pack("{s:o}", "groups", list));
}


void
wa_group_answer_all(wa_task_t *t, group_query_t *q)
{
    wa_err_t          rc;
    const wa_node_t  *list, *n;

    list = wa_node_child(t->answer, "groups");

    for (n = wa_node_child(list, "group"); n != NULL;
         n = wa_node_sibling(n, "group"))
    {
        q->total++;
    }

    for (n = wa_node_child(list, "group"); n != NULL;
         n = wa_node_sibling(n, "group"))
    {
        rc = answer_parse(t, q, n);

        if (rc != WA_OK) {
            wa_query_failed(t, rc);
            return;
        }
    }

    answer_need(t);
}


/* A group that cannot be read is left out.  WA_ERR_NOMEM. */
static wa_err_t
answer_parse(wa_task_t *t, group_query_t *q, const wa_node_t *group)
{
    wa_err_t  rc;

    if (q->groups == NULL) {
        q->groups = wa_arena_calloc(&t->arena, q->total, sizeof(*q->groups));
        q->jids = wa_arena_calloc(&t->arena, q->total, sizeof(*q->jids));

        if (q->groups == NULL || q->jids == NULL) {
            return WA_ERR_NOMEM;
        }
    }

    if (q->n >= ANSWER_GROUPS_MAX) {
        return WA_OK;
    }

    rc = wa_group_parse(t->account, group, &t->arena, &q->jids[q->n],
                        &q->groups[q->n]);

    if (rc == WA_ERR_NOMEM) {
        return rc;
    }

    q->n += (rc == WA_OK);

    return WA_OK;
}


static void
answer_need(wa_task_t *t)
{
    wa_err_t        rc;
    group_query_t  *q;

    q = t->data;
    t->resume = wa_group_answer_store;
    rc = wa_group_need_all(t, q->jids, q->n);

    if (rc != WA_AGAIN) {
        wa_group_answer_store(t, rc);
    }
}


void
wa_group_answer_store(wa_task_t *t, wa_err_t rc)
{
    size_t          i;
    json_t         *data;
    wa_unit_t      *u;
    group_query_t  *q;

    q = t->data;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    u = wa_unit_new(t->account);

    for (i = 0; i < q->n && rc == WA_OK; i++) {
        wa_group_keep(t->account, &q->jids[i], &t->arena, q->groups[i]);
        rc = wa_group_put(u, &q->jids[i], q->groups[i]);

        if (rc == WA_OK) {
            rc = wa_group_event(u, &q->jids[i], q->groups[i],
                                strcmp(q->verb->type, "set") == 0, NULL);
        }
    }

    if (strcmp(q->verb->type, "set") == 0) {
        data = wa_group_json(t->account, &q->jids[0], q->groups[0]);

    } else {
        data = json_pack("{s:b, s:I, s:I, s:I}", "success", 1,
                         "synced", (json_int_t) q->n,
                         "failed", (json_int_t) (q->total - q->n),
                         "total", (json_int_t) q->total);
    }

    if (rc == WA_OK && data == NULL) {
        rc = WA_ERR_NOMEM;
    }

    if (rc == WA_OK) {
        rc = wa_unit_reply(u, q->q.cmd_id, NULL, NULL, data);

    } else {
        json_decref(data);
    }

    wa_query_settle(t, u, rc);
}
