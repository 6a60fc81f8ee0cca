/*
 * WA_OP_QUERY: everything a caller may ask of WhatsApp that is no message:
 * groups, channels, profiles.  One command, and a table of verbs in
 * wa_query.c: adding one is a line there and a handler.
 *
 *     args {"verb":"group.create", ...}
 *
 * One verb is for the host alone: event.tell {type, data} commits an event of
 * the catalogue that the host makes (media.ready, media.failed, chat.updated,
 * contact.updated), also while the account is not connected.
 *
 * A handler checks its arguments and answers the command exactly once, then
 * or later: wa_query_done() or wa_query_failed() for what claims nothing about
 * state, wa_unit_reply() beside writes and events.  `cmd` and its args are
 * borrowed for the call: what is needed later is copied into the task.
 */
#ifndef WA_QUERY_H
#define WA_QUERY_H

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_task.h"


/* `cmd->args` is an object; the account is logged in, unless the row says
   that the verb needs no connection. */
typedef void (*wa_query_pt)(wa_account_t *a, const wa_cmd_t *cmd);

/* Runs the verb.  Answers by itself: ACCOUNT_NOT_READY {state},
   INVALID_PARAMETER (no such verb). */
void wa_query_start(wa_account_t *a, const wa_cmd_t *cmd);


/*
 * A task for a command: t->data is a zeroed block of `size` bytes in its
 * arena that begins with a wa_query_t.  NULL: out of memory, answered.
 */
typedef struct {
    uint64_t   cmd_id;
} wa_query_t;

wa_task_t *wa_query_task(wa_account_t *a, const wa_cmd_t *cmd,
    const char *what, wa_task_pt resume, size_t size);

/*
 * Answers the command with an error and ends the task.  WA_ERR_REFUSED takes
 * the code of the iq's answer: SEND_FAILED {provider_code}, 429 is
 * WHATSAPP_RATE_LIMIT; WA_ERR_GONE:
 * ACCOUNT_NOT_READY, or OWNER_UNAVAILABLE while the account moves;
 * WA_ERR_TIMEOUT: OWNER_TIMEOUT; others INTERNAL_ERROR.
 */
void wa_query_failed(wa_task_t *t, wa_err_t rc);

/*
 * Commits `u`, which holds the command's answer, and ends the task.  `rc`: of
 * what was put into it; with an error (then `u` may be NULL), or when it
 * cannot be committed, nothing is written and wa_query_failed() answers.
 */
void wa_query_settle(wa_task_t *t, wa_unit_t *u, wa_err_t rc);

/* Answers with the data, which it steals, and ends the task. */
void wa_query_done(wa_task_t *t, json_t *data);

/* Answers with any error of the HTTP contract and ends the task. */
void wa_query_refuse(wa_task_t *t, const char *code, const char *message);

/* A string among the arguments; p NULL: absent or of another type. */
wa_span_t wa_query_arg(const json_t *args, const char *name);

/* An address among the arguments.  False: absent or malformed. */
bool wa_query_arg_jid(const json_t *args, const char *name, wa_jid_t *jid);

#endif /* WA_QUERY_H */
