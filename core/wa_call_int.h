/*
 * Calls, shared between their files: wa_call.c stanzas, wa_call_record.c the
 * record and the event, wa_call_reject.c refusing.
 */
#ifndef WA_CALL_INT_H
#define WA_CALL_INT_H

#include "store.pb-c.h"

#include "wa_account_int.h"
#include "wa_call.h"


#define WA_CALL_RECORD  "calls"

typedef Wa__CallList__Call  wa_call_t;


/* The list, in `arena`; needs the record.  One that does not read is empty.
   WA_ERR_NOMEM. */
wa_err_t wa_calls_get(wa_account_t *a, wa_arena_t *arena,
    Wa__CallList **list);

/* WA_ERR_LIMIT, WA_ERR_NOMEM. */
wa_err_t wa_calls_put(wa_unit_t *u, Wa__CallList *list);

/* NULL: not there. */
wa_call_t *wa_calls_find(const Wa__CallList *list, wa_span_t id);

/* A new one at the end; the oldest goes.  NULL: out of memory. */
wa_call_t *wa_calls_add(Wa__CallList *list, wa_arena_t *arena,
    wa_span_t id);

/* Who calls, as shown: the phone address when known. */
bool wa_call_caller(const wa_call_t *c, wa_jid_t *jid);

/* New reference: the call object of the HTTP contract. */
json_t *wa_call_json(const wa_account_t *a, const wa_call_t *c);

/* Event `call`. */
wa_err_t wa_call_event(wa_unit_t *u, const wa_call_t *c);

/* Holds the stanza that refuses it and marks it; neither record nor event. */
wa_err_t wa_call_refuse(wa_unit_t *u, wa_arena_t *arena, wa_call_t *c);

/* A call that came just now is to be refused by the account's settings. */
bool wa_call_unwanted(const wa_account_t *a, const wa_call_t *c);

/* What the settings say to the caller, NULL: nothing, or it was said lately;
   marks it as said. */
const char *wa_call_text(const wa_account_t *a, const Wa__CallList *list,
    wa_call_t *c);

/* Sends a text to the caller.  Nobody waits for it. */
void wa_call_say(wa_account_t *a, const wa_call_t *c, const char *text);

#endif /* WA_CALL_INT_H */
