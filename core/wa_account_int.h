/*
 * The account object, private to core/.
 */
#ifndef WA_ACCOUNT_INT_H
#define WA_ACCOUNT_INT_H

#include "wa_account.h"
#include "wa_creds.h"
#include "wa_jid.h"
#include "wa_mem.h"
#include "wa_node.h"
#include "wa_record.h"
#include "wa_task.h"
#include "wa_unit.h"
#include "wa_ws.h"


struct wa_signal_s;                         /* wa_signal.c only              */

struct wa_engine_s {
    wa_engine_conf_t        conf;           /* strings owned               */
    uint8_t                 link_key[WA_KEY_LEN];   /* wa_link_key()       */
    struct wa_signal_s     *signal;
    wa_arena_pool_t         arenas;
    wa_ws_spares_t          spares;
    wa_buf_t                text;           /* scratch: an event, a node   */
    int64_t                 wall_offset_ms; /* wall = now + offset         */
    size_t                  records;        /* bytes, of all accounts      */
    wa_account_t           *newest;         /* accounts with records in    */
    wa_account_t           *oldest;         /*   memory (wa_cache.c)       */
    uint64_t                stretches;      /* tokens given out            */
    uint8_t                 resumes_failed; /* Noise IK, since one worked  */
    uint8_t                 room;           /* on disks, wa_alive.c        */
};

typedef struct wa_conn_s    wa_conn_t;      /* wa_conn.c                   */
typedef struct wa_store_s   wa_store_t;     /* wa_record_int.h             */
typedef struct wa_commits_s wa_commits_t;   /* wa_unit.c                   */
typedef struct wa_tasks_s   wa_tasks_t;     /* wa_task.c                   */
typedef struct wa_life_s    wa_life_t;      /* wa_life.c: settings, state  */
typedef struct wa_outq_s    wa_outq_t;      /* wa_out.c                    */
typedef struct wa_sends_s   wa_sends_t;     /* wa_send.c: unanswered sends */
typedef struct wa_pair_s    wa_pair_t;      /* wa_pair.c: QR in progress   */
typedef struct wa_passkey_s wa_passkey_t;   /* wa_passkey.c              */
typedef struct wa_pair_code_s wa_pair_code_t; /* wa_pair_code.c            */
typedef struct wa_recent_s  wa_recent_t;    /* wa_recv.c: lately seen      */
typedef struct wa_alive_s   wa_alive_t;     /* wa_alive.c: counts, concerns */
typedef struct wa_throttles_s  wa_throttles_t;  /* wa_alive_throttle.c      */
typedef struct wa_prekeys_s wa_prekeys_t;   /* wa_prekey.c: uploads         */
typedef struct wa_receipts_s wa_receipts_t; /* wa_receipt_batch.c           */

/* Where the offline queue stands (wa_offline.c). */
typedef struct {
    wa_time_t   stall_at;               /* when silence means: ask again   */
    uint32_t    conn_gen;               /* the connection it comes on      */
    uint32_t    left;                   /* announced, not here yet         */
    uint16_t    batch;                  /* of the last request, not here   */
    uint8_t     stalls;                 /* requests in vain                */
} wa_offline_t;

/* When our phone is to be asked for messages (wa_placeholder_ask.c). */
typedef struct {
    wa_time_t   at;                     /* 0: nothing is wanted            */
    bool        asking;                 /* a task is at it                 */
} wa_wanted_t;

/* Its place among the accounts with records in memory (wa_cache.c). */
typedef struct {
    wa_account_t   *newer;
    wa_account_t   *older;
    bool            linked;
} wa_cached_t;

/* What the account shows of itself (wa_presence.c). */
typedef struct {
    struct wa_presence_said_s  *said;   /* wa_presence_recv.c; NULL        */
    wa_time_t   until;                  /* available by request until      */
    uint32_t    gen;                    /* the connection it was shown on  */
    uint32_t    watched;                /* ... subscriptions were sent on  */
    uint16_t    turn;                   /* of the last request             */
    bool        off;                    /* it was to be unavailable        */
} wa_presence_t;

struct wa_account_s {
    wa_engine_t    *engine;
    void           *host;
    char            id[WA_ACCOUNT_ID_LEN + 1];
    wa_time_t       now;                    /* of the verb that runs       */

    wa_creds_t     *creds;                  /* NULL until loaded or made   */
    wa_life_t      *life;
    wa_store_t     *store;
    wa_cached_t     cached;
    wa_commits_t   *commits;
    wa_tasks_t     *tasks;
    wa_outq_t      *outq;
    wa_conn_t      *conn;                   /* NULL: not connected         */
    wa_sends_t     *sends;                  /* NULL until the first send   */
    wa_recent_t    *recent;                 /* NULL until the first message */
    wa_prekeys_t   *prekeys;                /* NULL until the first login  */
    wa_receipts_t  *receipts;               /* NULL until the first one    */
    wa_alive_t     *alive;                  /* NULL until there is a cause */
    wa_throttles_t *throttles;              /* NULL until we were too fast */

    struct wa_media_state_s  *media;        /* wa_media_verbs.c; NULL      */
    struct wa_lookups_s      *lookups;      /* wa_lookup_batch.c; NULL     */
    struct wa_appstate_s     *appstate;     /* wa_appstate.c; NULL         */

    wa_pair_t      *pair;                   /* NULL: not pairing           */
    wa_pair_code_t *pair_code;              /* NULL: not by code           */
    wa_passkey_t   *passkey;                /* NULL: none was asked for    */
    wa_offline_t    offline;
    wa_wanted_t     wanted;
    wa_presence_t   presence;
    wa_time_t       history_at;         /* WA_OUT_HISTORY; 0: not due      */
    int64_t         groups_dirty;       /* the server's mark; 0: none      */
    bool            groups_syncing;
    uint32_t        conn_gens;              /* connections so far          */
    char           *proxy;                  /* NULL: none; a secret        */
    uint32_t        build;                  /* the last payload's version  */
    bool            resume_not;             /* next handshake: XX          */
    bool            version_asked;          /* WA_OUT_VERSION unanswered   */
    uint64_t        expected;               /* a commit the store has had  */
    bool            behind;                 /* it has not: to be mended    */

    bool            in_verb;
    bool            draining;
    bool            quiesced;
    bool            gone;
};


/* unix seconds / milliseconds of the verb that runs */
int64_t wa_unix_s(const wa_account_t *a);
int64_t wa_unix_ms(const wa_account_t *a);

/* Bytes from the engine's random source. */
void wa_account_random(wa_account_t *a, uint8_t *p, size_t n);

/* printf to the host's log.  No secrets, no message text. */
void wa_log(const wa_account_t *a, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define WA_LOG_ERROR   0
#define WA_LOG_WARN    1
#define WA_LOG_NOTICE  2
#define WA_LOG_INFO    3
#define WA_LOG_DEBUG   4

/* Logged in: stanzas may be sent. */
bool wa_account_online(const wa_account_t *a);

/* Adds a reply that claims nothing about state: not held by a unit.
   Steals `data`. */
void wa_account_reply(wa_account_t *a, uint64_t cmd_id, const char *code,
    const char *message, json_t *data);

/* Nothing of it is in the store: ends with WA_OUT_GONE (DELETED). */
void wa_account_abandon(wa_account_t *a);

/* Sends a stanza that claims nothing about state (pings, queries,
   presence).  WA_ERR_GONE: not connected. */
wa_err_t wa_account_send_now(wa_account_t *a, const wa_node_t *node);

/* Fresh id for our own iqs and receipts ("<8 hex>.<n>"), in `arena`. */
wa_span_t wa_account_next_id(wa_account_t *a, wa_arena_t *arena);

/* Own address in the form of `server` (WA_SERVER_PN or WA_SERVER_LID). */
const wa_jid_t *wa_account_self(const wa_account_t *a, unsigned server);

/* True for every device of this account, under either address. */
bool wa_account_is_self(const wa_account_t *a, const wa_jid_t *jid);

/* "2026-01-20T10:05:00.000Z" of unix ms; buf of 32. */
char *wa_iso_time(int64_t unix_ms, char *buf);

/* The same backwards; 0: NULL, or no such text. */
int64_t wa_iso_ms(const char *text);

#endif /* WA_ACCOUNT_INT_H */
