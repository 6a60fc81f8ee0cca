/*
 * Making messages, shared between its files.
 *
 *   wa_compose.c          the table of kinds, what all kinds have, packing
 *   wa_compose_args.c     members of the arguments, checked
 */
#ifndef WA_COMPOSE_INT_H
#define WA_COMPOSE_INT_H

#include "wa_compose.h"


/*
 * Readers of one member of `o`.  The first error of a draft stays; after one
 * they may return anything harmless.  `max` in bytes.
 */

/* NUL-terminated copy; NULL: absent or "", or an error. */
char *wa_arg_text(wa_draft_t *d, const json_t *o, const char *name,
    size_t max);

/* The same; absent or "" is an error. */
char *wa_arg_need(wa_draft_t *d, const json_t *o, const char *name,
    size_t max);

/* Absent: false. */
bool wa_arg_bool(wa_draft_t *d, const json_t *o, const char *name);

/* False: absent, or an error; *out untouched. */
bool wa_arg_number(wa_draft_t *d, const json_t *o, const char *name,
    double min, double max, double *out);
bool wa_arg_int(wa_draft_t *d, const json_t *o, const char *name,
    int64_t min, int64_t max, int64_t *out);

/* A message reference, wahub's id or WhatsApp's.  False: absent or bad. */
bool wa_arg_ref(wa_draft_t *d, const json_t *o, const char *name,
    wa_compose_ref_t *out);

/* The recipient's forms of address, made bare.  False: not one. */
bool wa_arg_jid(const json_t *v, wa_jid_t *out);

/* Notes an error about a field; `what` completes "<field>: ". */
void wa_arg_bad(wa_draft_t *d, const char *field, const char *problem,
    const char *what);

/* Notes another one; `message` is a sentence. */
void wa_arg_refuse(wa_draft_t *d, const char *code, const char *message);

#endif /* WA_COMPOSE_INT_H */
