/*
 * Group queries: what wa_group_query.c (questions) and wa_group_answer.c
 * (answers) share.
 */
#ifndef WA_GROUP_QUERY_INT_H
#define WA_GROUP_QUERY_INT_H

#include "wa_group.h"
#include "wa_group_query.h"


typedef struct group_verb_s  group_verb_t;

typedef struct {
    wa_query_t            q;              /* must be first                 */
    const group_verb_t   *verb;
    wa_jid_t              jid;
    wa_span_t             text;
    wa_node_t            *iq;             /* until it is sent              */
    wa_node_t            *people;         /* its parent of <participant>s,
                                             who are to join; NULL: none   */
    wa_task_pt            asked;          /* takes the answer              */
    uint32_t              code;
    Wa__Group           **groups;         /* sync                          */
    wa_jid_t             *jids;
    size_t                n;
    size_t                total;
} group_query_t;

/* NULL: fine; otherwise what is wrong with the arguments. */
typedef const char *(*group_build_pt)(wa_task_t *t, group_query_t *q,
    const json_t *args, wa_node_t *iq);

/* The answer is t->answer.  Ends the task. */
typedef void (*group_answer_pt)(wa_task_t *t, group_query_t *q);

struct group_verb_s {
    const char       *name;
    const char       *type;               /* of the iq                     */
    bool              server;             /* asked at @g.us                */
    group_build_pt    build;
    group_answer_pt   answer;
};


/* Sends the iq; ends the task when that fails. */
void wa_group_ask(wa_task_t *t, wa_node_t *iq);

/* Says more about q->people, then sends q->iq. */
void wa_group_ask_in(wa_task_t *t);

void wa_group_answer_done(wa_task_t *t, group_query_t *q);
void wa_group_answer_people(wa_task_t *t, group_query_t *q);
void wa_group_answer_invite(wa_task_t *t, group_query_t *q);
void wa_group_answer_group(wa_task_t *t, group_query_t *q);
void wa_group_answer_created(wa_task_t *t, group_query_t *q);
void wa_group_answer_joined(wa_task_t *t, group_query_t *q);
void wa_group_answer_requests(wa_task_t *t, group_query_t *q);
void wa_group_answer_linked(wa_task_t *t, group_query_t *q);
void wa_group_answer_all(wa_task_t *t, group_query_t *q);

/* Writes the groups of q, answers and ends the task. */
void wa_group_answer_store(wa_task_t *t, wa_err_t rc);

#endif /* WA_GROUP_QUERY_INT_H */
