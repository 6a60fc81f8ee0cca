/*
 * Lookups, shared between their files: wa_lookup.c takes the commands,
 * wa_lookup_batch.c puts them into questions, wa_lookup_answer.c reads what
 * comes back.
 */
#ifndef WA_LOOKUP_INT_H
#define WA_LOOKUP_INT_H

#include "wa_account_int.h"
#include "wa_lookup.h"


/* One number or person. */
typedef struct {
    wa_span_t    input;          /* as asked                               */
    wa_jid_t     jid;            /* whom it means; NONE: nobody            */
    wa_node_t   *user;           /* <user> of the question                 */

    bool         exists;
    wa_jid_t     pn;             /* NONE: not told                         */
    wa_jid_t     lid;
    bool         business;
    bool         hidden;
    wa_span_t    verified;       /* name; empty: none                      */
    wa_span_t    username;
    wa_span_t    about;
    int64_t      about_s;        /* unix; 0: not told                      */
} wa_lookup_item_t;

typedef struct wa_lookup_s  wa_lookup_t;

/* A command that waits; in its task's arena. */
struct wa_lookup_s {
    wa_query_t          query;
    wa_lookup_t        *next;
    wa_task_t          *task;
    bool                about;   /* else a check                           */
    bool                queued;
    bool                taken;   /* by the question that is on its way     */
    bool                answered;
    wa_err_t            rc;
    uint32_t            code;    /* WA_ERR_REFUSED                         */
    size_t              n;
    size_t              asked;   /* of them by the server                  */
    wa_lookup_item_t   *items;
};

struct wa_lookups_s {
    wa_lookup_t        *first;
    wa_task_t          *batch;   /* NULL: no question is on its way        */
    int64_t             spent_ms;    /* when the allowance is full again, on
                                        the account's clock                */
    wa_time_t           not_before;  /* the server said so                 */
};


/* Puts it into the next question; its task sleeps and is made ready.
   WA_ERR_NOMEM; WA_ERR_LIMIT: not now, *wait_s says when. */
wa_err_t wa_lookup_enqueue(wa_account_t *a, wa_lookup_t *l, int64_t *wait_s);
void wa_lookup_unlink(wa_account_t *a, wa_lookup_t *l);

/* What the answer says about these, texts in their tasks' arenas. */
void wa_lookup_read(wa_lookup_t *l, const wa_node_t *list);

/* Seconds that the server wants to be left alone; 0: it does not say. */
int64_t wa_lookup_backoff(const wa_node_t *usync);

/* New references; NULL: out of memory. */
json_t *wa_lookup_about(const wa_lookup_item_t *item);
json_t *wa_lookup_checked(wa_account_t *a, const wa_lookup_t *l);

/* contact.updated of the businesses and usernames among contacts that know
   us. */
void wa_lookup_tell(wa_unit_t *u, const wa_lookup_t *l);

/* Records that these two read. */
wa_err_t wa_lookup_need(wa_task_t *t, const wa_lookup_t *l);

#endif /* WA_LOOKUP_INT_H */
