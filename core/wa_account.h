/*
 * The engine's whole public face: one object per linked WhatsApp account,
 * driven by five verbs and drained by one.
 *
 *     bytes, commands, completions, time        loads, commits, bytes,
 *     -------------------------------->  [a] -> replies, connect, close
 *         feed submit complete expire              wa_account_next
 *
 * The engine does no I/O, reads no clock and starts no thread.  The host
 * (ngx_wahub/, a unit test, a fuzzer) calls a verb, then drains with
 * wa_account_next() until it answers false, then arms one timer for
 * wa_account_deadline().  Verbs never re-enter: calling one from inside a
 * drain is WA_ERR_STATE.
 *
 * Order of effects.  Every input becomes at most one unit: record writes,
 * events and held effects (frames, replies).  The unit leaves as
 * WA_OUT_COMMIT; its effects come out of wa_account_next() only after the
 * host has completed that commit with WA_OK.  Commits of one account carry
 * consecutive numbers and must be applied in that order; a host that lost
 * the answer (Redis away) may apply the same number again, the store
 * answers "already applied".  A commit that cannot be applied at all
 * (fenced off, wrong number) ends the object: WA_OUT_GONE.
 *
 * Threads: an engine and its accounts belong to one thread.
 */
#ifndef WA_ACCOUNT_H
#define WA_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "wa_base.h"
#include "wa_crypto.h"
#include "wa_media.h"
#include "wa_mex_id.h"


#define WA_ACCOUNT_ID_LEN   36              /* uuid text */


typedef struct wa_engine_s   wa_engine_t;
typedef struct wa_account_s  wa_account_t;


/* Life cycle as the HTTP contract words it. */
typedef enum {
    WA_STATE_INIT = 0,
    WA_STATE_CONNECTING,
    WA_STATE_QR,
    WA_STATE_CODE,                       /* a code to type on the phone   */
    WA_STATE_PASSKEY,                    /* a passkey is asked for        */
    WA_STATE_AUTH,
    WA_STATE_LOADING,
    WA_STATE_READY,
    WA_STATE_DISCONNECTED,
    WA_STATE_STOPPED,
    WA_STATE_LOGGED_OUT,
    WA_STATE_AUTH_FAILURE,
    WA_STATE_ERROR
} wa_state_e;


/*
 * Engine configuration, copied by wa_engine_create().  `host`, `path` and
 * `origin` are used for the WebSocket handshake; dialling (DNS, TCP, TLS)
 * is the host's.  Times are milliseconds.
 */
typedef struct {
    uint8_t        master_key[WA_KEY_LEN];      /* seals records at rest   */
    uint8_t        noise_root_key[WA_KEY_LEN];  /* pinned root public key  */
    const char    *ws_host;                     /* "web.whatsapp.com"      */
    const char    *ws_path;                     /* "/ws/chat"              */
    uint32_t       build;                       /* client version 2.3000.N;
                                                   0: built-in default     */
    const char    *os_name;                     /* shown on the phone;
                                                   NULL: "wahub"           */
    const char    *public_url;                  /* before links in webhook
                                                   bodies; NULL: they are
                                                   paths                   */
    uint32_t       qr_timeout_ms;               /* 0: 10 min               */
    uint32_t       send_timeout_ms;             /* 0: 20 s                 */
    uint32_t       deaf_after_ms;               /* the server is silent:
                                                   reconnect; 0: 90 s, at
                                                   least 5 s               */
    uint32_t       lookups_per_hour;            /* numbers asked for;
                                                   0: 600                  */
    wa_mex_ids_t   query_ids;                   /* zeroed: built in        */
    uint32_t       cache_bytes;                 /* records in memory, of
                                                   one account (8 KiB when
                                                   idle); 0: 4 MiB        */
    size_t         records_bytes;               /* and of all accounts;
                                                   0: 64 MiB              */
    void         (*random)(void *ctx, uint8_t *p, size_t n);  /* NULL:
                                                   the system's            */
    void          *random_ctx;
    /* One line, no secrets, no message text.  May be NULL.
       level: 0 error, 1 warn, 2 notice, 3 info, 4 debug. */
    void         (*log)(void *ctx, const wa_account_t *a, int level,
                        const char *line);
    void          *log_ctx;
} wa_engine_conf_t;


/*
 * A record's address inside an account.  `day` 0: the account's own hash,
 * lives as long as the account.  Otherwise a bucket for that unix day
 * (seconds / 86400), which the store expires WA_BUCKET_DAYS later.
 */
#define WA_BUCKET_DAYS  15

typedef struct {
    wa_span_t      name;                 /* [a-zA-Z0-9/._:@-]{1,200}      */
    uint32_t       day;
} wa_key_t;

typedef struct {
    wa_key_t       key;
    wa_span_t      value;                /* p == NULL: delete             */
} wa_write_t;

/*
 * One event.  `body` is a JSON object in the standard envelope WITHOUT its
 * "id" member, e.g. {"type":"message.received",...}: the store appends it
 * to the shard's log, which makes the id, and publishes
 * {"id":"<ms>-<seq>-<shard>","type":...}.  `hook`, if p != NULL, is the
 * same happening in the account webhook's `unified` format, a JSON object
 * WITHOUT its "event_id" member; the store keeps it as a pending delivery
 * in the same commit.  `aside`, if p != NULL, is a JSON object that goes to
 * the log beside the body and is never published: what only the projection
 * and the owner of the account may know (wa_event_message.h).
 */
typedef struct {
    const char    *type;
    wa_span_t      body;
    wa_span_t      hook;
    wa_span_t      aside;
} wa_event_t;

typedef struct {
    uint64_t           seq;              /* the account's commit number   */
    const wa_write_t  *writes;
    size_t             n_writes;
    const wa_event_t  *events;
    size_t             n_events;
    bool               create;           /* first commit: the account must
                                            not exist; seq is 1           */
    bool               reset;            /* the account's hash is emptied
                                            before the writes are applied
                                            (the device was unlinked)     */
    bool               wipe;             /* after this the account's hash
                                            and all its buckets are gone  */
} wa_commit_t;

typedef struct {
    uint64_t           token;
    const wa_key_t    *keys;
    size_t             n;
} wa_load_t;

/* PBKDF2-HMAC-SHA256 with `iterations`; the key has WA_KEY_LEN bytes. */
typedef struct {
    uint64_t       token;
    wa_span_t      password;             /* secret                        */
    wa_span_t      salt;
    uint32_t       iterations;
} wa_stretch_t;


/*
 * A file of WhatsApp's media servers that the engine reads in pieces.  At its
 * first piece (offset 0 of a new token) the host fetches and decrypts it and
 * compares what is announced, later ones come from there.  `conn` is what
 * the servers are (JSON as of the query "media.conn"), NULL: not known.
 * Answer WA_DONE_FETCH; WA_OUT_FETCHED says that no more is wanted.
 */
#define WA_FETCH_PIECE  (32 * 1024)

typedef struct {
    uint64_t        token;
    uint64_t        offset;
    wa_media_e      kind;
    wa_span_t       path;                /* direct path                   */
    const uint8_t  *key;                 /* 32 bytes                      */
    const uint8_t  *sha256;              /* of the plaintext; NULL: none  */
    const uint8_t  *enc_sha256;          /* of the file; NULL: none       */
    const json_t   *conn;
} wa_file_fetch_t;


/* What a caller may ask.  Names on the wire: wa_op_name(). */
typedef enum {
    WA_OP_CREATE = 0,    /* args: tenant_id, session_id, name, description?,
                            webhook_url?, user_id?, auto_relink?, proxy?,
                            pairing_phone? (digits), always_available?,
                            is_default?, is_notification?, ai_config?,
                            reject_calls?, reject_calls_text?,
                            metadata?                                      */
    WA_OP_UPDATE,        /* args: any of name, description, user_id,
                            auto_relink, always_available, is_default,
                            is_notification, reject_calls,
                            reject_calls_text, ai_config, metadata,
                            drip_per_minute;
                            webhook_url, proxy (null removes)              */
    WA_OP_DELETE,        /* args: logout? b = true, keep_history? b = true */
    WA_OP_START,
    WA_OP_STOP,
    WA_OP_RESTART,       /* socket dropped, credentials kept               */
    WA_OP_LOGOUT,        /* unlink at WhatsApp, keep the account           */
    WA_OP_RELINK,        /* forget credentials, show a new QR              */
    WA_OP_SEND,          /* args: to (validated recipient text), type
                            "text", text, client_message_id?, metadata?,
                            quoted_id?, wait none|server|device,
                            idempotency?
                            {key, body: SHA-256 in hex, request_id?,
                            refusal? {code, message, details?}: nothing
                            is sent, the answer is kept}                   */
    WA_OP_QUERY,         /* args: verb, and what the verb takes
                            (wa_query.c)                                   */
    WA_OP_MAX
} wa_op_e;

typedef struct {
    uint64_t       id;                   /* host's; returned in the reply */
    wa_op_e        op;
    json_t        *args;                 /* borrowed for the call; object
                                            or NULL                       */
} wa_cmd_t;

/*
 * Answer to a command.  `code` NULL: success, `data` is the result
 * (account object for account commands, send result for WA_OP_SEND, the
 * verb's for WA_OP_QUERY).
 * Otherwise `code` is an error code of the HTTP contract
 * ("ACCOUNT_NOT_READY", "SEND_FAILED", ...), `message` a sentence and
 * `data` the details object or NULL.
 */
typedef struct {
    uint64_t       id;
    const char    *code;
    const char    *message;
    json_t        *data;                 /* host takes the reference      */
} wa_reply_t;


typedef enum {
    WA_OUT_LOAD,         /* read records; answer WA_DONE_LOAD              */
    WA_OUT_COMMIT,       /* apply; answer WA_DONE_COMMIT                   */
    WA_OUT_CONNECT,      /* open the transport; answer WA_DONE_CONNECT     */
    WA_OUT_WRITE,        /* bytes for the transport                        */
    WA_OUT_CLOSE,        /* close the transport after pending bytes; no
                            WA_DONE_CLOSED follows                         */
    WA_OUT_REPLY,
    WA_OUT_STRETCH,      /* a key that takes long to make: in a thread, or
                            at once; answer WA_DONE_STRETCH                */
    WA_OUT_VERSION,      /* the server finds wa_engine_version() too old:
                            answer WA_DONE_VERSION                         */
    WA_OUT_HISTORY,      /* our phone has offered history: see
                            wa_history_verbs.h                             */
    WA_OUT_FETCH,        /* a piece of a file; answer WA_DONE_FETCH        */
    WA_OUT_FETCHED,      /* of the file `token` no more is wanted          */
    WA_OUT_GONE          /* last output: free the object                   */
} wa_out_e;

typedef enum {
    WA_GONE_DELETED,     /* wiped on request                               */
    WA_GONE_RELOAD       /* store and memory disagree (or the fence moved):
                            make a new object if still the owner           */
} wa_gone_e;

/*
 * One output.  `load` and `commit` stay valid until completed; `bytes` and
 * `stretch` and `fetch` until the next call on this account: the host sends or
 * copies them.
 */
typedef struct {
    wa_out_e              type;
    union {
        const wa_load_t   *load;
        const wa_commit_t *commit;
        const wa_stretch_t *stretch;
        wa_span_t          bytes;
        wa_reply_t         reply;
        const wa_file_fetch_t  *fetch;
        uint64_t           token;            /* FETCHED                   */
        wa_gone_e          gone;
    } u;
} wa_out_t;


typedef enum {
    WA_DONE_LOAD,        /* token, values[n] in the order asked            */
    WA_DONE_COMMIT,      /* seq; err WA_OK, or WA_ERR_STATE: refused       */
    WA_DONE_CONNECT,     /* err WA_OK, or WA_ERR_STATE + text              */
    WA_DONE_CLOSED,      /* the transport ended by itself; text            */
    WA_DONE_STRETCH,     /* token, values[1]: the key; err WA_OK or another:
                            it could not be made                           */
    WA_DONE_VERSION,     /* err WA_OK: a newer version is set; otherwise
                            text: why there is none                        */
    WA_DONE_FETCH        /* token, values[0] the piece, n 0: the end was
                            before it; err WA_OK, WA_ERR_GONE: the servers
                            do not have it, WA_ERR_AUTH: it is not what was
                            announced, WA_ERR_IO: another time             */
} wa_done_e;

typedef struct {
    wa_done_e         type;
    wa_err_t          err;
    uint64_t          token;             /* LOAD, STRETCH, FETCH          */
    uint64_t          seq;               /* COMMIT                        */
    const wa_span_t  *values;            /* LOAD, FETCH; p NULL: absent;
                                            borrowed                      */
    size_t            n;
    const char       *text;              /* why, for logs; may be NULL    */
} wa_done_t;


/* ---- engine ---- */

/*
 * NULL: out of memory or libsodium/OpenSSL cannot start.  Strings of
 * `conf` are copied.
 */
wa_engine_t *wa_engine_create(const wa_engine_conf_t *conf);

/* Accounts must have been freed before.  NULL-safe. */
void wa_engine_free(wa_engine_t *e);

/*
 * Tells the engine what wall-clock time (unix ms) `now` (monotonic ms, the
 * scale of every verb) stands for.  Call once per loop turn.
 */
void wa_engine_set_clock(wa_engine_t *e, int64_t wall_ms, wa_time_t now);


/*
 * The client version, 2.3000.<build>, that the next logins name.  See
 * wa_version.h.
 */
void wa_engine_set_version(wa_engine_t *e, uint32_t build);
uint32_t wa_engine_version(const wa_engine_t *e);

/*
 * Whether a disk of the host is full: each account tells it as a concern
 * ("storage") at its next wa_account_expire(), for which its
 * wa_account_deadline() is over at once.  Before the first call nothing is
 * known, and what accounts said before stays.
 */
void wa_engine_set_full(wa_engine_t *e, bool full);


/* ---- account ---- */

/*
 * `id`: uuid text.  The object is empty: next comes either
 * wa_account_open() for an account that exists in the store, or
 * wa_account_submit() with WA_OP_CREATE.  `host` is an opaque pointer for
 * the host (wa_account_host()).  NULL: out of memory.
 */
wa_account_t *wa_account_create(wa_engine_t *e, wa_span_t id, void *host);
void wa_account_free(wa_account_t *a);          /* NULL-safe; any time but
                                                   inside a verb          */

/* Loads the account's records and, unless it was stopped, connects. */
wa_err_t wa_account_open(wa_account_t *a, wa_time_t now);

/*
 * Before wa_account_open(): the store has confirmed commit `seq` of this
 * account.  If it says then that it has applied less, it was set back.
 */
void wa_account_expect(wa_account_t *a, uint64_t seq);

/* The store was set back, as the host found out (wa_mend.h).  Any time.
   WA_ERR_STATE: inside a verb or a drain. */
wa_err_t wa_account_behind(wa_account_t *a, wa_time_t now);

/*
 * Bytes from the transport.  Any split.  Bad bytes never fail the call:
 * they end the connection (WA_OUT_CLOSE) and a reconnect is scheduled.
 * WA_ERR_STATE: no transport is open, or called inside a drain.
 */
wa_err_t wa_account_feed(wa_account_t *a, wa_span_t in, wa_time_t now);

/* The answer always comes as WA_OUT_REPLY, also for refused commands. */
wa_err_t wa_account_submit(wa_account_t *a, const wa_cmd_t *cmd,
    wa_time_t now);

/* WA_ERR_ARG: unknown token or seq (a late answer of an older life). */
wa_err_t wa_account_complete(wa_account_t *a, const wa_done_t *done,
    wa_time_t now);

/* The deadline passed. */
wa_err_t wa_account_expire(wa_account_t *a, wa_time_t now);

/* Takes the next output; false: nothing to do now. */
bool wa_account_next(wa_account_t *a, wa_out_t *out);

/* When to call wa_account_expire(); -1: never. */
wa_time_t wa_account_deadline(const wa_account_t *a);

/*
 * True while too much is uncommitted or parked: stop reading the
 * transport until it turns false (ask again after each completion).
 */
bool wa_account_paused(const wa_account_t *a);

/*
 * Leaves the transport at once without unlinking, for a handover: held
 * effects of commits already sent still come out when these complete.
 * Nothing new is started.  wa_account_idle() tells when all is done.
 */
void wa_account_quiesce(wa_account_t *a, wa_time_t now);
bool wa_account_idle(const wa_account_t *a);

void *wa_account_host(const wa_account_t *a);
const char *wa_account_id(const wa_account_t *a);
const char *wa_account_tenant(const wa_account_t *a);       /* "" unknown */
const char *wa_account_session_id(const wa_account_t *a);   /* "" unknown */
const char *wa_account_webhook_url(const wa_account_t *a);  /* "" none    */
const char *wa_account_proxy(const wa_account_t *a);        /* "" none; URL
                                               that may hold a password   */
const char *wa_account_jid(const wa_account_t *a);          /* "" none    */
wa_state_e wa_account_state(const wa_account_t *a);

/* Bytes of heap the object holds now (for tests and benchmarks). */
size_t wa_account_footprint(const wa_account_t *a);


/* ---- pure helpers the host needs ---- */

const char *wa_state_name(wa_state_e s);                    /* "READY"    */
const char *wa_op_name(wa_op_e op);                         /* "send"     */
wa_err_t wa_op_parse(wa_span_t name, wa_op_e *op);          /* WA_ERR_ARG */

/* FNV-1a of the account id, modulo `n_shards`. */
uint32_t wa_shard_of(wa_span_t account_id, uint32_t n_shards);

/*
 * The record that holds the account's public object (JSON text, not
 * sealed, HTTP contract 4.1 without `qr_code`, `qr_image`): readers on any
 * worker fetch it straight from the store.
 */
#define WA_RECORD_VIEW  "view"

/*
 * Not a record of ours: the field where the store keeps the number of the
 * last applied commit, decimal text.  wa_account_open() asks for it.
 */
#define WA_RECORD_SEQ   "seq"

/*
 * Not a record of ours either: the host's mark that the store was set back,
 * any text.  It is loaded by wa_account_open(), and taken away.
 */
#define WA_RECORD_BEHIND  "behind"

/*
 * Normalises a recipient of the HTTP contract (2.4): digits with
 * separators or a JID text -> canonical JID text in `buf`.
 * WA_ERR_ARG: not a recipient.
 */
wa_err_t wa_recipient_parse(wa_span_t text, char *buf, size_t cap);

#endif /* WA_ACCOUNT_H */
