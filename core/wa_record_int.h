/*
 * Private to the store of records: the table of what is in memory.
 */
#ifndef WA_RECORD_INT_H
#define WA_RECORD_INT_H

#include "wa_store.h"


/* Buckets of a table that holds little; more are allocated when it grows. */
#define WA_TABLE_BUCKETS      32
#define WA_TABLE_BUCKETS_MAX  16384


typedef struct wa_fetch_s  wa_fetch_t;

struct wa_entry_s {
    wa_entry_t  *chain;
    wa_entry_t  *newer;
    wa_entry_t  *older;
    wa_entry_t  *next_marked;
    wa_buf_t     value;
    uint64_t     keep;                 /* last load it must outlive        */
    uint32_t     hash;
    uint32_t     day;
    bool         absent;
    bool         marked;               /* its value is in no commit yet    */
    bool         cold;                 /* leaves memory with its commit    */
    char         name[];
};

/* One load on its way; keys and names live in the arena. */
struct wa_fetch_s {
    wa_fetch_t  *next;
    wa_arena_t   arena;
    wa_load_t    load;
};

struct wa_store_s {
    wa_entry_t  **bucket;              /* `few`, or allocated              */
    uint32_t     n_buckets;            /* a power of two                   */
    uint32_t     n;                    /* entries                          */
    wa_entry_t  *newest;
    wa_entry_t  *oldest;
    wa_entry_t  *marked;               /* in the order of marking          */
    wa_entry_t **marked_tail;
    size_t       n_marked;
    wa_fetch_t  *fetches;
    size_t       bytes;                /* of entries and their values      */
    size_t      *total;                /* of all accounts of the engine    */
    size_t       fetching;
    uint64_t     token;
    wa_entry_t  *few[WA_TABLE_BUCKETS];
};


/* `total` gets and loses every byte that `s` does. */
void wa_table_init(wa_store_t *s, size_t *total);

/* NULL: not in memory. */
wa_entry_t *wa_table_find(wa_store_t *s, const char *name, size_t len,
    uint32_t day);

/* A new entry, absent, the newest.  NULL: no memory. */
wa_entry_t *wa_table_add(wa_store_t *s, const char *name, size_t len,
    uint32_t day);

/* Puts `value` in, which is the entry's from now on; the old one is the
   caller's. */
wa_buf_t wa_table_swap(wa_store_t *s, wa_entry_t *e, wa_buf_t value);

/* It is the newest. */
void wa_table_touch(wa_store_t *s, wa_entry_t *e);

/* Wiped and freed; a table that lost most gives back its buckets. */
void wa_table_drop(wa_store_t *s, wa_entry_t *e);
void wa_table_clear(wa_store_t *s);

#endif /* WA_RECORD_INT_H */
