/*
 * The records of an account that are in memory (see wa_record.h), and the
 * loads that are on their way.
 */
#ifndef WA_STORE_H
#define WA_STORE_H

#include "wa_account_int.h"


wa_err_t wa_store_create(wa_account_t *a);
void wa_store_free(wa_account_t *a);

/* True: `*value` (p NULL: known to be absent).  False: not in memory. */
bool wa_store_get(wa_account_t *a, const char *name, uint32_t day,
    wa_span_t *value);

typedef struct wa_entry_s  wa_entry_t;

/* What a name held before a put. */
typedef enum {
    WA_PRIOR_UNKNOWN = 0,              /* was not in memory               */
    WA_PRIOR_ABSENT,                   /* known not to exist              */
    WA_PRIOR_VALUE
} wa_prior_e;

typedef struct {
    wa_prior_e   kind;
    wa_buf_t     value;                /* owned; WA_PRIOR_VALUE only      */
    wa_entry_t  *entry;                /* where it is in memory           */
} wa_prior_t;

/* Replaces the value (p NULL: absent); the old one goes to the caller. */
wa_err_t wa_store_put(wa_account_t *a, const char *name, uint32_t day,
    wa_span_t value, wa_prior_t *prior);

/* Undo of a put, the latest first; takes what `prior` owns. */
void wa_store_restore(wa_account_t *a, wa_prior_t *prior);

/*
 * The put is part of a committed unit: the record stays in memory until
 * wa_store_take() gives it to a commit.  `cold`: not any longer than that.
 */
void wa_store_mark(wa_account_t *a, wa_entry_t *entry, bool cold);

/*
 * Everything marked, as writes in `arena`: each name once, with its value
 * of now, sealed.  After an error (WA_ERR_NOMEM, WA_ERR_LIMIT) all of it is
 * still marked.
 */
wa_err_t wa_store_take(wa_account_t *a, wa_arena_t *arena,
    const wa_write_t **writes, size_t *n);

/* Nothing is marked any more, as if the units had not been committed. */
void wa_store_unmark(wa_account_t *a);

/*
 * Starts a load of those keys that are not in memory, on behalf of a task.
 * WA_OK: none was missing.  WA_AGAIN: *token identifies it.  WA_ERR_NOMEM.
 */
wa_err_t wa_store_load(wa_account_t *a, const wa_key_t *keys, size_t n,
    uint64_t *token);

/*
 * The host's answer.  WA_ERR_ARG: unknown token.  WA_ERR_AUTH: a record
 * did not unseal (wrong master key or tampered).
 */
wa_err_t wa_store_loaded(wa_account_t *a, uint64_t token,
    const wa_span_t *values, size_t n);

/* Loads on their way. */
size_t wa_store_loading(const wa_account_t *a);

/* Forgets everything in memory. */
void wa_store_clear(wa_account_t *a);

/* Drops the least recently used values above `max` bytes; between verbs. */
void wa_store_trim(wa_account_t *a, size_t max);

size_t wa_store_footprint(const wa_account_t *a);

/* True for records that are kept as plain JSON. */
bool wa_record_is_plain(const char *name);

/* Seals a value for the store, bound to account id and name; appends. */
wa_err_t wa_record_seal(wa_account_t *a, const char *name, wa_span_t plain,
    wa_buf_t *out);

#endif /* WA_STORE_H */
