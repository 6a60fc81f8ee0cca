/*
 * Calls and commands, shared by ngx_http_wahub_call*.c.
 */
#ifndef NGX_HTTP_WAHUB_CALL_INT_H
#define NGX_HTTP_WAHUB_CALL_INT_H

#include "ngx_http_wahub_call.h"


#define NGX_HTTP_WAHUB_CALLS_MAX  20000


/* What this worker believes about the holder of a shard, for a moment. */
typedef struct {
    ngx_str_t                    member;     /* malloc'd                   */
    ngx_msec_t                   until;
} ngx_http_wahub_owner_t;


struct ngx_http_wahub_calls_s {
    ngx_http_wahub_worker_t     *worker;
    ngx_rbtree_t                 tree;       /* calls by id                */
    ngx_rbtree_node_t            sentinel;
    ngx_http_wahub_owner_t      *owners;     /* one per shard              */
    ngx_queue_t                  answers;    /* not known to be heard      */
    ngx_str_t                    channel;    /* "<prefix>:m:<member>"      */
    uint64_t                     next_id;
    ngx_uint_t                   n;
};


/* A caller here; the account may be anywhere. */
struct ngx_http_wahub_call_s {
    ngx_rbtree_node_t            node;       /* key: id                    */
    ngx_http_wahub_calls_t      *calls;
    ngx_http_wahub_call_pt       handler;
    void                        *data;
    json_t                      *args;
    ngx_event_t                  event;      /* posted: start, deliver     */
    ngx_event_t                  timer;      /* retry or deadline          */
    ngx_msec_t                   deadline;
    ngx_msec_t                   patience;   /* retry until                */
    wa_op_e                      op;

    const char                  *code;       /* the result, when delivered */
    u_char                      *text;       /* malloc'd code and message  */
    const char                  *message;
    json_t                      *result;

    ngx_uint_t                   pending;    /* Redis replies to come      */
    unsigned                     sent:1;     /* the owner may have it      */
    unsigned                     retry:1;    /* `timer` is for a retry     */
    unsigned                     ended:1;    /* result is set              */
    unsigned                     dead:1;     /* cancelled or delivered     */
    u_char                       account[WA_ACCOUNT_ID_LEN];
};


/* A command given to an account here; the caller may be anywhere. */
typedef struct {
    ngx_queue_t                  queue;      /* in slot->commands          */
    uint64_t                     id;         /* of the engine's command    */
    uint64_t                     call_id;    /* of the caller              */
    wa_op_e                      op;
    size_t                       from_len;   /* 0: the caller is here      */
    u_char                       from[];     /* member                     */
} ngx_http_wahub_command_t;


/* ngx_http_wahub_call.c */

/* The result is delivered from a posted event; `data` is taken. */
void ngx_http_wahub_call_end(ngx_http_wahub_call_t *call, const char *code,
    const char *message, json_t *data);
ngx_http_wahub_call_t *ngx_http_wahub_call_get(ngx_http_wahub_calls_t *cs,
    uint64_t id);

/* A Redis reply has come.  NGX_DONE: nobody waits for it, call is freed. */
ngx_int_t ngx_http_wahub_call_replied(ngx_http_wahub_call_t *call);

/* The holder has changed, or is changing: look again in a moment. */
void ngx_http_wahub_call_retry(ngx_http_wahub_call_t *call);

/* ngx_http_wahub_call_local.c */

/*
 * Runs a command on an account of this worker; an answer goes to the
 * caller `call_id` of member `from` (len 0: here), maybe from inside.
 * NGX_DECLINED: not the holder, or leaving; nobody is answered.
 */
ngx_int_t ngx_http_wahub_command_run(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account, wa_op_e op, json_t *args, uint64_t call_id,
    const ngx_str_t *from);

/* ngx_http_wahub_call_remote.c */

/* Finds the holder and publishes the command to it. */
void ngx_http_wahub_call_forward(ngx_http_wahub_call_t *call);

/* Publishes a JSON text to a member.  NGX_DECLINED: Redis is away. */
ngx_int_t ngx_http_wahub_call_say(ngx_http_wahub_worker_t *w,
    const ngx_str_t *member, json_t *json, ngx_http_wahub_redis_pt handler,
    void *data);

/* What comes in on the member's channel. */
void ngx_http_wahub_call_message(void *data, const ngx_str_t *channel,
    const ngx_str_t *message);

/* ngx_http_wahub_call_answer.c */

/* Answers a caller elsewhere.  `data` is borrowed. */
void ngx_http_wahub_call_answer(ngx_http_wahub_worker_t *w,
    const ngx_str_t *from, uint64_t call_id, const char *code,
    const char *message, json_t *data);

/* Drops the answers that were not heard; Redis is closed. */
void ngx_http_wahub_answers_free(ngx_http_wahub_calls_t *cs);

#endif /* NGX_HTTP_WAHUB_CALL_INT_H */
