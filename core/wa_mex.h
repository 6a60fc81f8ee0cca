/*
 * Queries in JSON (GraphQL by number), the way WhatsApp asks for channels,
 * restrictions and other newer things:
 *
 *     <iq type=get xmlns=w:mex><query query_id=N>{"variables":{}}</query>
 *     <iq type=result><result>{"data":{"xwa2_..":..},"errors":[..]}</result>
 *
 * A query's number belongs to a build of the web client and to the set of
 * variables of that build; old ones are served for long (wa_mex_id.h).
 */
#ifndef WA_MEX_H
#define WA_MEX_H

#include <jansson.h>

#include "wa_account.h"
#include "wa_node.h"
#include "wa_task.h"


/* An answer or notification longer than this is not read (bytes). */
#define WA_MEX_TEXT_MAX  (2 * 1024 * 1024)


/*
 * The iq of a query, in the task's arena, for wa_task_iq().  Steals
 * `variables`, an object.  NULL: out of memory, or `variables` is NULL.
 */
wa_node_t *wa_mex_iq(wa_task_t *t, wa_mex_e query, json_t *variables);

/*
 * In the resume function: what `rc` and t->answer say.  *out: member `name`
 * of "data", a new reference; it may be JSON null.
 * WA_ERR_REFUSED: t->iq_code is the code of the iq's error or of the first
 * of "errors", 0 if it has none.  WA_ERR_SYNTAX: no JSON of this form (the
 * binary form "argo" is not understood, the web client is not sent it).
 * WA_ERR_LIMIT: longer than WA_MEX_TEXT_MAX.  Otherwise `rc` itself.
 */
wa_err_t wa_mex_answer(wa_task_t *t, wa_err_t rc, const char *name,
    json_t **out);

/* Serial task of <notification type=mex>; ends it. */
void wa_mex_notification(wa_task_t *t);

#endif /* WA_MEX_H */
