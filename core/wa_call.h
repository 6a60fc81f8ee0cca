/*
 * Calls: who calls whom and how it ended.  wahub takes no call, it tells of
 * them (event `call` {call}, HTTP contract 6.2) and may refuse them.
 *
 * A call is a series of <call> stanzas with one call-id.  What later ones do
 * not repeat (video, group, when it began) comes from record `calls`, which
 * holds the last WA_CALLS_KEPT of them; a stanza that comes again tells
 * nothing.  A status only goes forward:
 *
 *   offer      somebody calls
 *   ringing    a device of the other side rings
 *   accept     somebody answered; here or on another device of ours
 *   reject     refused: by our phone, by us, or by who was called
 *   timeout    nobody answered
 *   terminate  hung up; `duration` is told if it was answered
 *
 * Account settings: `reject_calls` (false) refuses calls as they come,
 * `reject_calls_text` is then sent to the caller, once an hour at most.  A
 * call that waited at the server, or began a minute ago, is only told of.
 *
 * Verb of WA_OP_QUERY:  call.reject  id, text? -> call object.  Errors:
 * VALIDATION_ERROR, RESOURCE_NOT_FOUND (no such call), INVALID_STATE (it is
 * over, answered, or our own), those of wa_query_failed().
 *
 * Facts: protocol 15; whatsmeow call.go, types/events/call.go; Baileys
 * Socket/messages-recv.js.
 */
#ifndef WA_CALL_H
#define WA_CALL_H

#include "wa_query.h"


#define WA_CALLS_KEPT  16

/* People of a group call that are kept. */
#define WA_CALL_PEOPLE_MAX  32


/* Order: forward. */
typedef enum {
    WA_CALL_OFFER = 0,
    WA_CALL_RINGING,
    WA_CALL_ACCEPT,
    WA_CALL_REJECT,                     /* this and later ones end it       */
    WA_CALL_TIMEOUT,
    WA_CALL_TERMINATE
} wa_call_e;

/* Serial stanza task of <call>: acknowledges it and ends the task. */
void wa_call_stanza(wa_task_t *t);

void wa_call_query(wa_account_t *a, const wa_cmd_t *cmd);

#endif /* WA_CALL_H */
