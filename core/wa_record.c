/*
 * Records of an account: loaded, sealed, changed and given to commits.
 */
#include <stdio.h>

#include "wa_cache.h"
#include "wa_out.h"
#include "wa_record_int.h"


#define WA_RECORD_AAD_MAX  (WA_ACCOUNT_ID_LEN + WA_RECORD_NAME_MAX + 2)


static wa_err_t record_aad(wa_account_t *a, const char *name, char *buf,
    size_t cap, wa_span_t *aad);
static wa_err_t store_write(wa_account_t *a, wa_arena_t *arena,
    const wa_entry_t *e, wa_write_t *w);
static wa_err_t store_accept(wa_account_t *a, const wa_key_t *key,
    wa_span_t sealed);


uint32_t
wa_day(int64_t unix_s)
{
    return unix_s < 0 ? 0 : (uint32_t) (unix_s / 86400);
}


wa_err_t
wa_store_create(wa_account_t *a)
{
    a->store = wa_calloc(1, sizeof(wa_store_t));

    if (a->store == NULL) {
        return WA_ERR_NOMEM;
    }

    a->store->marked_tail = &a->store->marked;
    wa_table_init(a->store, &a->engine->records);

    return WA_OK;
}


void
wa_store_free(wa_account_t *a)
{
    wa_store_t  *s;
    wa_fetch_t  *f;

    s = a->store;

    if (s == NULL) {
        return;
    }

    wa_cache_forget(a);
    wa_table_clear(s);

    while (s->fetches != NULL) {
        f = s->fetches;
        s->fetches = f->next;
        wa_arena_free(&f->arena);
        wa_free(f);
    }

    wa_free(s);
    a->store = NULL;
}


bool
wa_record_is_plain(const char *name)
{
    return strcmp(name, WA_RECORD_VIEW) == 0 || strcmp(name, "meta") == 0
           || strcmp(name, WA_RECORD_SEQ) == 0
           || strcmp(name, WA_RECORD_BEHIND) == 0;
}


wa_err_t
wa_record_get(wa_account_t *a, const char *name, uint32_t day,
    wa_span_t *value)
{
    return wa_store_get(a, name, day, value) ? WA_OK : WA_AGAIN;
}


bool
wa_store_get(wa_account_t *a, const char *name, uint32_t day,
    wa_span_t *value)
{
    wa_entry_t  *e;

    e = wa_table_find(a->store, name, strlen(name), day);

    if (e == NULL) {
        return false;
    }

    wa_table_touch(a->store, e);
    *value = e->absent ? wa_span_none() : wa_span_buf(&e->value);

    if (!e->absent && value->p == NULL) {
        value->p = (const uint8_t *) "";        /* present but empty */
    }

    return true;
}


wa_err_t
wa_store_put(wa_account_t *a, const char *name, uint32_t day,
    wa_span_t value, wa_prior_t *prior)
{
    size_t       len;
    wa_err_t     rc;
    wa_buf_t     fresh = WA_BUF_EMPTY;
    wa_store_t  *s;
    wa_entry_t  *e;

    len = strlen(name);

    if (len == 0 || len > WA_RECORD_NAME_MAX
        || value.n > WA_RECORD_VALUE_MAX)
    {
        return WA_ERR_LIMIT;
    }

    rc = wa_buf_append_span(&fresh, value);
    if (rc != WA_OK) {
        return rc;
    }

    s = a->store;
    e = wa_table_find(s, name, len, day);
    memset(prior, 0, sizeof(*prior));

    if (e != NULL) {
        prior->kind = e->absent ? WA_PRIOR_ABSENT : WA_PRIOR_VALUE;

    } else {
        e = wa_table_add(s, name, len, day);

        if (e == NULL) {
            wa_buf_wipe(&fresh);
            return WA_ERR_NOMEM;
        }
    }

    prior->value = wa_table_swap(s, e, fresh);
    prior->entry = e;
    e->absent = (value.p == NULL);

    /* A load that was asked for before must find it here. */

    e->keep = s->token;
    wa_table_touch(s, e);

    return WA_OK;
}


void
wa_store_restore(wa_account_t *a, wa_prior_t *prior)
{
    wa_buf_t     old;
    wa_store_t  *s;
    wa_entry_t  *e;

    s = a->store;
    e = prior->entry;

    if (prior->kind == WA_PRIOR_UNKNOWN) {
        wa_table_drop(s, e);
        return;
    }

    old = wa_table_swap(s, e, prior->value);
    wa_buf_wipe(&old);
    e->absent = (prior->kind == WA_PRIOR_ABSENT);
    memset(prior, 0, sizeof(*prior));
}


void
wa_store_mark(wa_account_t *a, wa_entry_t *entry, bool cold)
{
    wa_store_t  *s;

    s = a->store;
    entry->cold = cold;

    if (entry->marked) {
        return;
    }

    entry->marked = true;
    entry->next_marked = NULL;
    *s->marked_tail = entry;
    s->marked_tail = &entry->next_marked;
    s->n_marked++;
}


void
wa_store_unmark(wa_account_t *a)
{
    wa_store_t  *s;
    wa_entry_t  *e;

    s = a->store;

    for (e = s->marked; e != NULL; e = e->next_marked) {
        e->marked = false;
    }

    s->marked = NULL;
    s->marked_tail = &s->marked;
    s->n_marked = 0;
}


wa_err_t
wa_store_take(wa_account_t *a, wa_arena_t *arena, const wa_write_t **writes,
    size_t *n)
{
    size_t       i;
    wa_err_t     rc;
    wa_write_t  *w;
    wa_store_t  *s;
    wa_entry_t  *e, *next;

    s = a->store;
    w = wa_arena_calloc(arena, s->n_marked + 1, sizeof(wa_write_t));

    if (w == NULL) {
        return WA_ERR_NOMEM;
    }

    for (e = s->marked, i = 0; e != NULL; e = e->next_marked, i++) {

        rc = store_write(a, arena, e, &w[i]);

        if (rc != WA_OK) {
            return rc;
        }
    }

    *writes = w;
    *n = i;
    e = s->marked;
    wa_store_unmark(a);

    /* While a load is on its way, memory must know better than its answer. */

    for (/* void */; e != NULL && s->fetches == NULL; e = next) {
        next = e->next_marked;

        if (e->cold) {
            wa_table_drop(s, e);
        }
    }

    return WA_OK;
}


static wa_err_t
store_write(wa_account_t *a, wa_arena_t *arena, const wa_entry_t *e,
    wa_write_t *w)
{
    char      *name;
    wa_buf_t   sealed;
    wa_err_t   rc;

    name = wa_arena_strdup(arena, wa_span_str(e->name));
    if (name == NULL) {
        return WA_ERR_NOMEM;
    }

    w->key.name = wa_span_str(name);
    w->key.day = e->day;

    if (e->absent) {
        return WA_OK;
    }

    if (wa_record_is_plain(e->name)) {
        return wa_arena_dup_span(arena, wa_span_buf(&e->value), &w->value);
    }

    /* Room for all of it: sealing does not move it out of the arena. */

    sealed.n = 0;
    sealed.cap = e->value.n + WA_SEAL_OVERHEAD;
    sealed.p = wa_arena_alloc(arena, sealed.cap);

    if (sealed.p == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = wa_record_seal(a, e->name, wa_span_buf(&e->value), &sealed);
    w->value = wa_span_buf(&sealed);

    return rc;
}


wa_err_t
wa_store_load(wa_account_t *a, const wa_key_t *keys, size_t n,
    uint64_t *token)
{
    char        *name;
    size_t       i, missing;
    wa_key_t    *copy;
    wa_store_t  *s;
    wa_entry_t  *e;
    wa_fetch_t  *f;

    s = a->store;
    f = NULL;
    copy = NULL;
    missing = 0;

    for (i = 0; i < n; i++) {
        e = wa_table_find(s, (const char *) keys[i].name.p, keys[i].name.n,
                       keys[i].day);

        if (e != NULL) {
            e->keep = s->token + 1;
            wa_table_touch(s, e);
            continue;
        }

        if (f == NULL) {
            f = wa_calloc(1, sizeof(wa_fetch_t));
            if (f == NULL) {
                return WA_ERR_NOMEM;
            }

            wa_arena_init(&f->arena, 1000);
            copy = wa_arena_calloc(&f->arena, n, sizeof(wa_key_t));
        }

        name = copy == NULL ? NULL
                            : wa_arena_strdup(&f->arena, keys[i].name);

        if (name == NULL) {
            goto failed;
        }

        copy[missing].name = wa_span(name, keys[i].name.n);
        copy[missing].day = keys[i].day;
        missing++;
    }

    if (missing == 0) {
        return WA_OK;
    }

    f->load.token = ++s->token;
    f->load.keys = copy;
    f->load.n = missing;

    if (wa_outq_load(a, &f->load) != WA_OK) {
        goto failed;
    }

    f->next = s->fetches;
    s->fetches = f;
    s->fetching++;
    *token = f->load.token;

    return WA_AGAIN;

failed:

    if (f != NULL) {
        wa_arena_free(&f->arena);
        wa_free(f);
    }

    return WA_ERR_NOMEM;
}


wa_err_t
wa_store_loaded(wa_account_t *a, uint64_t token, const wa_span_t *values,
    size_t n)
{
    size_t       i;
    wa_err_t     rc;
    wa_store_t  *s;
    wa_fetch_t  *f, **pf;

    s = a->store;

    for (pf = &s->fetches; *pf != NULL; pf = &(*pf)->next) {
        if ((*pf)->load.token == token) {
            break;
        }
    }

    f = *pf;

    if (f == NULL || n != f->load.n) {
        return WA_ERR_ARG;
    }

    *pf = f->next;
    s->fetching--;
    rc = WA_OK;

    for (i = 0; i < n && rc == WA_OK; i++) {
        rc = store_accept(a, &f->load.keys[i], values[i]);
    }

    wa_arena_free(&f->arena);
    wa_free(f);

    return rc;
}


/*
 * A name that got a value while it was being loaded keeps it: the write is
 * newer than what was read.
 */
static wa_err_t
store_accept(wa_account_t *a, const wa_key_t *key, wa_span_t sealed)
{
    wa_err_t     rc;
    wa_buf_t     plain = WA_BUF_EMPTY;
    char         aad[WA_RECORD_AAD_MAX];
    wa_span_t    aad_span;
    wa_store_t  *s;
    wa_entry_t  *e;
    const char  *name;

    s = a->store;
    name = (const char *) key->name.p;

    if (wa_table_find(s, name, key->name.n, key->day) != NULL) {
        return WA_OK;
    }

    rc = WA_OK;

    if (sealed.p != NULL && wa_record_is_plain(name)) {
        rc = wa_buf_append_span(&plain, sealed);

    } else if (sealed.p != NULL) {
        rc = record_aad(a, name, aad, sizeof(aad), &aad_span);

        if (rc == WA_OK) {
            rc = wa_unseal(a->engine->conf.master_key, aad_span, sealed,
                           &plain);
        }
    }

    if (rc != WA_OK) {
        wa_log(a, WA_LOG_ERROR, "record \"%s\" is unreadable: %s", name,
               rc == WA_ERR_AUTH ? "wrong master key or damaged"
                                 : wa_err_name(rc));
        wa_buf_wipe(&plain);
        return rc;
    }

    e = wa_table_add(s, name, key->name.n, key->day);
    if (e == NULL) {
        wa_buf_wipe(&plain);
        return WA_ERR_NOMEM;
    }

    e->absent = (sealed.p == NULL);
    (void) wa_table_swap(s, e, plain);

    return WA_OK;
}


/* "<account id>/<name>": a record cannot be passed off as another one. */
static wa_err_t
record_aad(wa_account_t *a, const char *name, char *buf, size_t cap,
    wa_span_t *aad)
{
    int  n;

    n = snprintf(buf, cap, "%s/%s", a->id, name);

    if (n < 0 || (size_t) n >= cap) {
        return WA_ERR_LIMIT;
    }

    *aad = wa_span(buf, (size_t) n);

    return WA_OK;
}


wa_err_t
wa_record_seal(wa_account_t *a, const char *name, wa_span_t plain,
    wa_buf_t *out)
{
    char       aad[WA_RECORD_AAD_MAX];
    wa_err_t   rc;
    wa_span_t  aad_span;

    rc = record_aad(a, name, aad, sizeof(aad), &aad_span);

    if (rc != WA_OK) {
        return rc;
    }

    return wa_seal(a->engine->conf.master_key, aad_span, plain, out);
}


size_t
wa_store_loading(const wa_account_t *a)
{
    return a->store->fetching;
}


void
wa_store_clear(wa_account_t *a)
{
    wa_store_unmark(a);

    wa_table_clear(a->store);
}


/*
 * Whoever waits for a load gets all it asked for at once: what was in memory
 * already stays until the load has ended.  What is in no commit yet stays
 * too: the store would answer with the value before it.
 */
void
wa_store_trim(wa_account_t *a, size_t max)
{
    uint64_t     first;
    wa_store_t  *s;
    wa_entry_t  *e, *next;
    wa_fetch_t  *f;

    s = a->store;
    first = UINT64_MAX;

    for (f = s->fetches; f != NULL; f = f->next) {
        if (f->load.token < first) {
            first = f->load.token;
        }
    }

    for (e = s->oldest;
         e != NULL && s->bytes > max;
         e = next)
    {
        next = e->newer;

        if (e->keep < first && !e->marked) {
            wa_table_drop(s, e);
        }
    }
}


size_t
wa_store_footprint(const wa_account_t *a)
{
    return sizeof(wa_store_t) + a->store->bytes;
}
