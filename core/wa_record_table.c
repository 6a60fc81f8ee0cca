/*
 * The table of records in memory: chained, with an LRU list.  Values are
 * plaintext secrets, so every release wipes.
 */
#include "wa_record_int.h"


static void table_grow(wa_store_t *s);
static void table_shrink(wa_store_t *s);
static void table_chain(wa_store_t *s, wa_entry_t *e);


void
wa_table_init(wa_store_t *s, size_t *total)
{
    s->bucket = s->few;
    s->n_buckets = WA_TABLE_BUCKETS;
    s->total = total;
}


static size_t
table_size(const wa_entry_t *e)
{
    return sizeof(wa_entry_t) + strlen(e->name) + 1;
}


static void
table_count(wa_store_t *s, size_t more, size_t less)
{
    s->bytes += more;
    s->bytes -= less;
    *s->total += more;
    *s->total -= less;
}


static uint32_t
table_hash(const char *name, size_t len, uint32_t day)
{
    size_t    i;
    uint32_t  h;

    h = 2166136261u ^ day;

    for (i = 0; i < len; i++) {
        h = (h ^ (uint8_t) name[i]) * 16777619u;
    }

    return h;
}


wa_entry_t *
wa_table_find(wa_store_t *s, const char *name, size_t len, uint32_t day)
{
    uint32_t     h;
    wa_entry_t  *e;

    h = table_hash(name, len, day);

    for (e = s->bucket[h & (s->n_buckets - 1)]; e != NULL; e = e->chain) {

        if (e->hash == h && e->day == day
            && strncmp(e->name, name, len) == 0 && e->name[len] == '\0')
        {
            return e;
        }
    }

    return NULL;
}


/* It is the newest. */
static void
table_append(wa_store_t *s, wa_entry_t *e)
{
    e->newer = NULL;
    e->older = s->newest;

    if (s->newest != NULL) {
        s->newest->newer = e;

    } else {
        s->oldest = e;
    }

    s->newest = e;
}


wa_entry_t *
wa_table_add(wa_store_t *s, const char *name, size_t len, uint32_t day)
{
    wa_entry_t  *e;

    e = wa_calloc(1, sizeof(wa_entry_t) + len + 1);

    if (e == NULL) {
        return NULL;
    }

    memcpy(e->name, name, len);
    e->day = day;
    e->hash = table_hash(name, len, day);
    e->absent = true;

    table_grow(s);
    table_chain(s, e);
    s->n++;
    table_count(s, table_size(e), 0);
    table_append(s, e);

    return e;
}


static void
table_unlink(wa_store_t *s, wa_entry_t *e)
{
    if (e->newer != NULL) {
        e->newer->older = e->older;

    } else {
        s->newest = e->older;
    }

    if (e->older != NULL) {
        e->older->newer = e->newer;

    } else {
        s->oldest = e->newer;
    }
}


void
wa_table_touch(wa_store_t *s, wa_entry_t *e)
{
    if (s->newest == e) {
        return;
    }

    table_unlink(s, e);
    table_append(s, e);
}


void
wa_table_drop(wa_store_t *s, wa_entry_t *e)
{
    wa_entry_t  **pe;

    for (pe = &s->bucket[e->hash & (s->n_buckets - 1)]; *pe != e;
         pe = &(*pe)->chain)
    {
        /* void */
    }

    *pe = e->chain;
    table_unlink(s, e);

    table_count(s, 0, table_size(e) + e->value.cap);
    s->n--;
    wa_buf_wipe(&e->value);
    wa_free(e);
    table_shrink(s);
}


wa_buf_t
wa_table_swap(wa_store_t *s, wa_entry_t *e, wa_buf_t value)
{
    wa_buf_t  old;

    old = e->value;
    e->value = value;
    table_count(s, value.cap, old.cap);

    return old;
}


void
wa_table_clear(wa_store_t *s)
{
    while (s->oldest != NULL) {
        wa_table_drop(s, s->oldest);
    }
}


/* ---- buckets ---- */

static void
table_chain(wa_store_t *s, wa_entry_t *e)
{
    wa_entry_t  **head;

    head = &s->bucket[e->hash & (s->n_buckets - 1)];
    e->chain = *head;
    *head = e;
}


/* Every entry into `n` buckets at `bucket`, which are empty. */
static void
table_move(wa_store_t *s, wa_entry_t **bucket, uint32_t n)
{
    wa_entry_t  *e;

    if (s->bucket != s->few) {
        table_count(s, 0, s->n_buckets * sizeof(wa_entry_t *));
        wa_free(s->bucket);
    }

    s->bucket = bucket;
    s->n_buckets = n;

    if (bucket != s->few) {
        table_count(s, n * sizeof(wa_entry_t *), 0);
    }

    for (e = s->oldest; e != NULL; e = e->newer) {
        table_chain(s, e);
    }
}


/* Four times as many; without memory the chains get longer, nothing else. */
static void
table_grow(wa_store_t *s)
{
    wa_entry_t  **bucket;

    if (s->n < s->n_buckets * 2 || s->n_buckets >= WA_TABLE_BUCKETS_MAX) {
        return;
    }

    bucket = wa_calloc(s->n_buckets * 4, sizeof(wa_entry_t *));

    if (bucket != NULL) {
        table_move(s, bucket, s->n_buckets * 4);
    }
}


static void
table_shrink(wa_store_t *s)
{
    if (s->bucket != s->few && s->n < WA_TABLE_BUCKETS) {
        memset(s->few, 0, sizeof(s->few));
        table_move(s, s->few, WA_TABLE_BUCKETS);
    }
}
