/*
 * App state, shared between its files.
 *
 *   wa_appstate.c         when what is fetched; the turn
 *   wa_appstate_fetch.c   asking the server, and going on after mistakes
 *   wa_appstate_apply.c   one snapshot or patch: reading, MACs
 *   wa_appstate_take.c    the same: what it says becomes a unit
 *   wa_appstate_map.c     records
 *   wa_appstate_key.c     keys
 *   wa_appstate_ask.c     requests to our phone
 *   wa_appstate_recover.c what it answers instead of a broken snapshot
 *   wa_appstate_event*.c  a mutation -> events
 *   wa_appstate_write.c   patches of ours
 *   wa_appstate_query.c   verbs
 */
#ifndef WA_APPSTATE_INT_H
#define WA_APPSTATE_INT_H

#include "wa_account_int.h"
#include "wa_appstate.h"
#include "wa_inflate.h"
#include "wa_jv.h"


#define WA_AS_RECORD        "as"
#define WA_AS_RECORD_KEYS   "askeys"

/* Records a collection's map is divided into. */
#define WA_AS_BUCKETS       64
#define WA_AS_ENTRY         (2 * WA_SYNCD_MAC_LEN)
#define WA_AS_NAME          40

/* Keys that our phone is asked for, remembered. */
#define WA_AS_REQUESTS      16

/* Our phone is not asked again for the same within a day. */
#define WA_AS_AGAIN_S       86400

/* Collections that our phone sent, waiting: one for each that it is asked
   for. */
#define WA_AS_ANSWERS       4

/* Mutations of one snapshot or patch. */
#define WA_AS_CHANGES_MAX   1000000u

/* Whose events are told one by one. */
#define WA_AS_SINGLE_MAX    128


typedef struct {
    bool      known;
    bool      dirty;
    bool      blocked;
    uint64_t  version;
    int64_t   asked;                   /* our phone, for all of it; unix s */
    uint8_t   hash[WA_LTHASH_LEN];
} wa_as_collection_t;

typedef struct {
    uint8_t   id[WA_SYNCD_KEY_ID_MAX];
    size_t    n;
    int64_t   asked;                   /* unix s */
} wa_as_request_t;

/* The record `as`. */
typedef struct {
    wa_as_collection_t  c[WA_COLLECTION_MAX];
    wa_as_request_t     requests[WA_AS_REQUESTS];
    size_t              n_requests;
    unsigned            answers;       /* as/answer/<n>, by bit            */
} wa_as_t;

typedef struct wa_as_waiter_s  wa_as_waiter_t;

struct wa_as_waiter_s {
    wa_as_waiter_t  *next;
    wa_task_t       *task;
};

/* In memory while there is anything to do. */
struct wa_appstate_s {
    bool                busy;          /* somebody has the turn            */
    bool                syncing;       /* a task will fetch what is wanted */
    uint8_t             wanted;        /* collections, by bit              */
    uint8_t             failures;      /* in a row                         */
    bool                answered;      /* our phone sent a collection      */
    int64_t             dirty;         /* the server's mark; 0: none       */
    wa_as_waiter_t     *waiters;
    uint64_t            tokens;        /* files fetched                    */
    wa_syncd_reader_t  *reader;        /* of who has the turn; large       */
    wa_arena_t          scratch;       /* the same's mutations             */
    wa_hmac_t          *patch_mac;     /* of its patch, so far             */
    wa_inflater_t      *inflater;      /* of what our phone sent           */
};

/* NULL: no memory. */
struct wa_appstate_s *wa_as_state(wa_account_t *a);

/* One at a time: true, it is the task's turn; false: it is resumed with
   WA_OK when it is, `w` lives until then. */
bool wa_as_enter(wa_task_t *t, wa_as_waiter_t *w);
void wa_as_leave(wa_account_t *a);

/* Makes the reader of who has the turn, if there is none yet; false: no
   memory. */
bool wa_as_reader(wa_account_t *a);

/* Fetches these collections soon, and before that takes what our phone
   sent. */
void wa_as_want(wa_account_t *a, unsigned mask);

/* Child task, for who has the turn: fetches until all is here.  The parent
   is resumed with WA_OK, or the first error that was not a collection's. */
wa_err_t wa_as_fetch(wa_task_t *parent, unsigned mask);


/* -- records -------------------------------------------------------------- */

/* Needs the record in memory. */
wa_err_t wa_as_get(wa_account_t *a, wa_as_t *out);
wa_err_t wa_as_put(wa_unit_t *u, const wa_as_t *as);

wa_err_t wa_as_keys_get(wa_account_t *a, wa_arena_t *arena,
    Wa__AppStateKeys **out);

/* False: no such key. */
bool wa_as_key(const Wa__AppStateKeys *list, wa_span_t id,
    wa_syncd_keys_t *out);

/* Of what is written with; NULL: there is none. */
const Wa__AppStateKeys__Key *wa_as_key_newest(const Wa__AppStateKeys *list);

/* Keys that are missing: our phone is asked for them, unless it was today.
   Nobody waits for it. */
void wa_as_key_ask(wa_account_t *a, const wa_as_request_t *missing,
    size_t n);


/* -- our phone ------------------------------------------------------------ */

/* Puts a request into the unit (wa_primary_send), or nothing.  The records
   of wa_appstate_need() are there.  Errors of wa_primary_send(). */
typedef wa_err_t (*wa_as_ask_pt)(wa_unit_t *u, wa_task_t *t,
    const void *what);

/* A task that calls `send` with a copy of *what once there is a session with
   our phone.  Nobody waits for it; what fails is logged. */
void wa_as_ask(wa_account_t *a, wa_as_ask_pt send, const void *what,
    size_t size);

/* The server's snapshot is broken: our phone is asked for the collection,
   unless it was today. */
void wa_as_recover_ask(wa_account_t *a, wa_collection_e c);

/* Child task, for who has the turn: takes what our phone sent.  The parent
   is resumed with WA_OK. */
wa_err_t wa_as_recover(wa_task_t *parent);

/* The map of a collection, as far as it is loaded. */
typedef struct {
    uint8_t   *entries[WA_AS_BUCKETS];         /* WA_AS_ENTRY bytes each   */
    uint32_t   n[WA_AS_BUCKETS];
    uint32_t   cap[WA_AS_BUCKETS];
    uint64_t   touched;                        /* by bit                   */
} wa_as_map_t;

unsigned wa_as_bucket(const uint8_t *index_mac);

/* "as/regular/3f"; name of WA_AS_NAME. */
void wa_as_map_name(wa_collection_e c, unsigned bucket, char *name);

/* Keys of the buckets of `mask`, 64 at most; 0 also for want of memory
   (*rc). */
size_t wa_as_map_need(uint64_t mask, wa_collection_e c, wa_arena_t *arena,
    wa_key_t *keys, wa_err_t *rc);

/* The first n of the buckets of `mask`. */
uint64_t wa_as_map_some(uint64_t mask, size_t n);

/* Reads the buckets of `mask`; their bytes so far are added to *bytes. */
wa_err_t wa_as_map_load(wa_account_t *a, wa_collection_e c, uint64_t mask,
    wa_arena_t *arena, wa_as_map_t *m, size_t *bytes);

/*
 * One mutation: changes map and hash.  REMOVE of what is not there changes
 * nothing.  WA_ERR_NOMEM.
 */
wa_err_t wa_as_map_mix(wa_as_map_t *m, wa_arena_t *arena, wa_syncd_op_e op,
    const uint8_t *index_mac, const uint8_t *value_mac,
    uint8_t hash[WA_LTHASH_LEN]);

/* Whether something has this index; its bucket is loaded. */
bool wa_as_map_has(const wa_as_map_t *m, const uint8_t *index_mac);

/* Bytes of the touched buckets. */
size_t wa_as_map_bytes(const wa_as_map_t *m);

/* Writes touched buckets, from *bucket on, until they have `max` bytes or all
   are written (*bucket: WA_AS_BUCKETS). */
wa_err_t wa_as_map_put(wa_unit_t *u, wa_collection_e c,
    const wa_as_map_t *m, size_t max, unsigned *bucket);


/* -- a snapshot or a patch ------------------------------------------------ */

typedef struct {
    wa_collection_e         collection;
    bool                    snapshot;
    bool                    recovery;  /* as our phone sent it: the
                                          collection is what it says       */
    bool                    packed;    /* of a recovery: gzip              */
    bool                    ahead;     /* a small patch: the parent goes on
                                          before it is stored              */
    wa_span_t               bytes;     /* SyncdPatch, or of a snapshot its
                                          ExternalBlobReference, or
                                          SyncdSnapshotRecovery            */
    wa_as_request_t         missing[WA_AS_REQUESTS];
    size_t                  n_missing;
} wa_as_input_t;

/*
 * Child task, for who has the turn; `in` lives until the parent is resumed:
 *   WA_OK           taken, or known already
 *   WA_ERR_NO_SESSION  keys are missing: in->missing
 *   WA_ERR_AUTH, _SYNTAX, _DECRYPT, _LIMIT   it is not right
 *   WA_ERR_GONE     the file is not there any more
 *   WA_ERR_STATE    a recovery that is not wanted, or older than what is known
 *   WA_ERR_IO, WA_ERR_TIMEOUT, WA_ERR_REFUSED, WA_ERR_NOMEM   later
 */
wa_err_t wa_as_apply(wa_task_t *parent, wa_as_input_t *in);

/* A mutation that was opened. */
typedef struct {
    wa_syncd_op_e              op;
    wa_span_t                  index;                  /* JSON text        */
    wa_span_t                  part[WA_APPSTATE_INDEX_MAX];
    size_t                     n_parts;
    const Wa__SyncActionValue *value;                  /* NULL: none       */
    wa_span_t                  raw;                    /* SyncActionData   */
} wa_as_item_t;

#define WA_AS_SLICE  64

typedef struct wa_as_change_s  wa_as_change_t;

struct wa_as_change_s {
    uint8_t  op;
    uint8_t  index_mac[WA_SYNCD_MAC_LEN];
    uint8_t  value_mac[WA_SYNCD_MAC_LEN];
};

#define WA_AS_BLOCK  256

typedef struct wa_as_block_s  wa_as_block_t;

struct wa_as_block_s {
    wa_as_block_t   *next;
    size_t           n;
    wa_as_change_t   c[WA_AS_BLOCK];
};

#define WA_AS_DERIVED  8

typedef struct {
    wa_as_input_t      *in;
    wa_syncd_form_e     form;
    wa_syncd_head_t     head;
    bool                external;      /* records come from the file       */
    bool                fetching;      /* t->piece is a new one            */
    bool                fetched;       /* the host has the file            */
    bool                ended;         /* no more bytes                    */
    wa_span_t           rest;          /* of a recovery                    */
    bool                last;          /* the slice is the last one        */
    uint64_t            version;
    wa_syncd_blob_t     blob;
    wa_file_fetch_t          f;
    void              (*next)(wa_task_t *t, wa_err_t rc);   /* with bytes  */

    wa_as_block_t      *blocks;
    wa_as_block_t      *block;         /* the last one; mixed next         */
    size_t              n_changes;

    Wa__AppStateKeys   *keys;
    struct {
        wa_span_t        id;
        wa_syncd_keys_t  keys;
    }                   derived[WA_AS_DERIVED];
    size_t              n_derived;

    wa_as_map_t         map;
    uint64_t            loading;       /* buckets, by bit                  */
    uint64_t            loaded;
    size_t              largest;       /* bytes that came at once          */
    unsigned            bucket;        /* written so far                   */
    uint8_t             hash[WA_LTHASH_LEN];

    wa_as_item_t        items[WA_AS_SLICE];
    size_t              n_items;
    size_t              learned;
    size_t              told;          /* items so far                     */
} wa_as_apply_t;

/* NULL: we do not have the key. */
const wa_syncd_keys_t *wa_as_derive(wa_task_t *t, wa_as_apply_t *ap,
    wa_span_t id);

/* From the first record on, again. */
void wa_as_source_open(wa_task_t *t, wa_as_apply_t *ap);

/*
 * WA_OK: a record; WA_AGAIN: call wa_as_source_wait(); WA_ERR_STATE: there
 * are no more.  Else what is wrong.
 */
wa_err_t wa_as_source_next(wa_task_t *t, wa_as_apply_t *ap,
    wa_syncd_record_t *record);

/* `then` is resumed when there are more bytes; WA_AGAIN, or an error. */
wa_err_t wa_as_source_wait(wa_task_t *t, wa_as_apply_t *ap, wa_task_pt then);

/* To be called by `then`: takes the bytes. */
wa_err_t wa_as_source_take(wa_task_t *t, wa_as_apply_t *ap, wa_err_t rc);

/* All is right: the rest. */
void wa_as_take_start(wa_task_t *t);
void wa_as_apply_end(wa_task_t *t, wa_err_t rc);


/* -- events --------------------------------------------------------------- */

typedef struct {
    wa_unit_t        *u;
    wa_collection_e   collection;
    uint64_t          version;
    bool              single;          /* each event by itself             */
    bool              snapshot;
    json_t           *list;            /* the others, and what is kept     */
    size_t            n;               /* items                            */
    wa_err_t          err;
} wa_as_sink_t;

void wa_as_event(wa_as_sink_t *s, const wa_as_item_t *item);

/* Tells what was gathered.  Ends the sink: its first error. */
wa_err_t wa_as_event_end(wa_as_sink_t *s, bool last);

/* Addresses that the events of an item are told with: up to 2. */
size_t wa_as_event_jids(const wa_as_item_t *item, wa_jid_t *jids);

/* A number and its LID that an item names; false: none. */
bool wa_as_event_pair(const wa_as_item_t *item, wa_jid_t *pn,
    wa_jid_t *lid);

#endif /* WA_APPSTATE_INT_H */
