/*
 * The verbs.  Each sets the clock, does its work, runs what became ready and
 * trims memory; outputs wait in the queue for wa_account_next().
 */
#include <stdarg.h>
#include <stdio.h>

#include "wa_alive.h"
#include "wa_alive_pulse.h"
#include "wa_alive_throttle.h"
#include "wa_cache.h"
#include "wa_command.h"
#include "wa_conn.h"
#include "wa_filename.h"
#include "wa_history_verbs.h"
#include "wa_life.h"
#include "wa_life_int.h"
#include "wa_lookup.h"
#include "wa_media_verbs.h"
#include "wa_mend.h"
#include "wa_offline.h"
#include "wa_out.h"
#include "wa_pair.h"
#include "wa_appstate.h"
#include "wa_placeholder.h"
#include "wa_presence.h"
#include "wa_prekey.h"
#include "wa_proxy.h"
#include "wa_query.h"
#include "wa_recv.h"
#include "wa_send.h"
#include "wa_signal.h"
#include "wa_store.h"
#include "wa_task_int.h"
#include "wa_unit_int.h"
#include "wa_version.h"


/* Unconfirmed units and parked stanzas above which input is not read. */
#define ACCOUNT_UNITS_MAX   128
#define ACCOUNT_PARKED_MAX  256

/* Memory of parked stanzas: two of the largest kind. */
#define ACCOUNT_PARKED_BYTES_MAX  (32u * 1024 * 1024)

#define ENGINE_QR_TIMEOUT_MS    600000
#define ENGINE_SEND_TIMEOUT_MS  20000
#define ENGINE_CACHE_BYTES      (4 * 1024 * 1024)
#define ENGINE_RECORDS_BYTES    (64 * 1024 * 1024)


static void account_opened(wa_task_t *t, wa_err_t rc);
static void account_begin(wa_account_t *a);


/* ---- engine ---- */

static char *
engine_string(const char *s)
{
    char    *p;
    size_t   n;

    n = strlen(s) + 1;
    p = wa_alloc(n);

    if (p != NULL) {
        memcpy(p, s, n);
    }

    return p;
}


wa_engine_t *
wa_engine_create(const wa_engine_conf_t *conf)
{
    wa_engine_t  *e;

    if (wa_crypto_init() != WA_OK) {
        return NULL;
    }

    e = wa_calloc(1, sizeof(wa_engine_t));
    if (e == NULL) {
        return NULL;
    }

    e->conf = *conf;
    e->conf.ws_host = engine_string(conf->ws_host);
    e->conf.ws_path = engine_string(conf->ws_path);
    e->conf.os_name = engine_string(conf->os_name == NULL ? "wahub"
                                                          : conf->os_name);
    e->conf.public_url = engine_string(conf->public_url == NULL
                                       ? "" : conf->public_url);

    if (e->conf.qr_timeout_ms == 0) {
        e->conf.qr_timeout_ms = ENGINE_QR_TIMEOUT_MS;
    }

    if (e->conf.send_timeout_ms == 0) {
        e->conf.send_timeout_ms = ENGINE_SEND_TIMEOUT_MS;
    }

    if (e->conf.deaf_after_ms == 0) {
        e->conf.deaf_after_ms = WA_PULSE_DEAF_MS;
    }

    if (e->conf.deaf_after_ms < WA_PULSE_DEAF_MIN_MS) {
        e->conf.deaf_after_ms = WA_PULSE_DEAF_MIN_MS;
    }

    if (e->conf.build == 0) {
        e->conf.build = WA_VERSION_BUILD;
    }

    if (e->conf.cache_bytes == 0) {
        e->conf.cache_bytes = ENGINE_CACHE_BYTES;
    }

    if (e->conf.records_bytes == 0) {
        e->conf.records_bytes = ENGINE_RECORDS_BYTES;
    }

    if (e->conf.ws_host == NULL || e->conf.ws_path == NULL
        || e->conf.os_name == NULL || e->conf.public_url == NULL
        || wa_link_key(e->conf.master_key, e->link_key) != WA_OK
        || wa_signal_init(e) != WA_OK)
    {
        wa_engine_free(e);
        return NULL;
    }

    return e;
}


void
wa_engine_free(wa_engine_t *e)
{
    if (e == NULL) {
        return;
    }

    wa_signal_shutdown(e);
    wa_buf_free(&e->text);
    wa_arena_pool_free(&e->arenas);
    wa_ws_spares_free(&e->spares);
    wa_free((void *) (uintptr_t) e->conf.ws_host);
    wa_free((void *) (uintptr_t) e->conf.ws_path);
    wa_free((void *) (uintptr_t) e->conf.os_name);
    wa_free((void *) (uintptr_t) e->conf.public_url);
    wa_wipe(e->link_key, sizeof(e->link_key));
    wa_wipe(&e->conf, sizeof(e->conf));
    wa_free(e);
}


void
wa_engine_set_clock(wa_engine_t *e, int64_t wall_ms, wa_time_t now)
{
    e->wall_offset_ms = wall_ms - now;
}


/* ---- life of the object ---- */

wa_account_t *
wa_account_create(wa_engine_t *e, wa_span_t id, void *host)
{
    wa_account_t  *a;

    if (id.n != WA_ACCOUNT_ID_LEN) {
        return NULL;
    }

    a = wa_calloc(1, sizeof(wa_account_t));
    if (a == NULL) {
        return NULL;
    }

    a->engine = e;
    a->host = host;
    memcpy(a->id, id.p, id.n);

    if (wa_outq_create(a) != WA_OK || wa_tasks_create(a) != WA_OK
        || wa_store_create(a) != WA_OK || wa_commits_create(a) != WA_OK
        || wa_life_create(a) != WA_OK)
    {
        wa_account_free(a);
        return NULL;
    }

    return a;
}


void
wa_account_free(wa_account_t *a)
{
    if (a == NULL) {
        return;
    }

    a->gone = true;
    wa_sends_free(a);
    wa_recv_free(a);
    wa_presence_free(a);
    wa_prekeys_free(a);
    wa_alive_free(a);
    wa_throttles_free(a);
    wa_pair_free(a);
    wa_media_state_free(a);
    wa_appstate_free(a);

    if (a->outq != NULL && a->tasks != NULL) {
        wa_conn_close(a);
    }

    wa_commits_free(a);
    wa_tasks_free(a);
    wa_lookups_free(a);
    wa_store_free(a);
    wa_life_free(a);
    wa_outq_free(a);
    wa_creds_wipe(a->creds);
    wa_free(a->creds);
    wa_proxy_free(a);
    wa_free(a);
}


void
wa_account_abandon(wa_account_t *a)
{
    wa_outq_gone(a, WA_GONE_DELETED);
}


/* ---- verbs ---- */

static wa_err_t
account_enter(wa_account_t *a, wa_time_t now)
{
    if (a->in_verb || a->draining || a->gone) {
        return WA_ERR_STATE;
    }

    a->in_verb = true;
    a->now = now;

    return WA_OK;
}


static void
account_leave(wa_account_t *a)
{
    wa_tasks_run(a);
    wa_cache_used(a);
    a->in_verb = false;
}


static wa_key_t
account_key(const char *name)
{
    wa_key_t  k;

    k.name = wa_span_str(name);
    k.day = 0;

    return k;
}


wa_err_t
wa_account_open(wa_account_t *a, wa_time_t now)
{
    wa_err_t    rc;
    wa_key_t    keys[7];
    wa_task_t  *t;

    rc = account_enter(a, now);

    if (rc != WA_OK) {
        return rc;
    }

    t = wa_task_new(a, "open", account_opened);

    if (t == NULL) {
        a->in_verb = false;
        return WA_ERR_NOMEM;
    }

    keys[0] = account_key("creds");
    keys[1] = account_key("meta");
    keys[2] = account_key(WA_RECORD_VIEW);
    keys[3] = account_key(WA_RECORD_SEQ);
    keys[4] = account_key(WA_RECORD_ALIVE);
    keys[5] = account_key(WA_PROXY_RECORD);
    keys[6] = account_key(WA_RECORD_BEHIND);

    rc = wa_task_need(t, keys, 7);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }

    account_leave(a);

    return rc == WA_AGAIN ? WA_OK : rc;
}


static wa_err_t
account_restore(wa_account_t *a)
{
    wa_err_t   rc;
    uint64_t   seq;
    wa_span_t  creds, meta, view, text, alive, proxy, behind;

    if (!wa_store_get(a, "creds", 0, &creds)
        || !wa_store_get(a, "meta", 0, &meta)
        || !wa_store_get(a, WA_RECORD_VIEW, 0, &view)
        || !wa_store_get(a, WA_RECORD_SEQ, 0, &text)
        || !wa_store_get(a, WA_PROXY_RECORD, 0, &proxy)
        || !wa_store_get(a, WA_RECORD_BEHIND, 0, &behind)
        || creds.p == NULL || meta.p == NULL || !wa_span_u64(text, &seq))
    {
        return WA_ERR_SYNTAX;
    }

    wa_commits_set_seq(a, seq);
    a->behind = a->behind || seq < a->expected || behind.p != NULL;

    if (wa_store_get(a, WA_RECORD_ALIVE, 0, &alive)) {
        wa_alive_load(a, alive);
    }

    a->creds = wa_calloc(1, sizeof(wa_creds_t));

    if (a->creds == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = wa_creds_decode(creds, a->creds);

    if (rc == WA_OK) {
        rc = wa_proxy_load(a, proxy);
    }

    return rc != WA_OK ? rc : wa_life_load(a, meta, view);
}


static void
account_opened(wa_task_t *t, wa_err_t rc)
{
    wa_account_t  *a;

    a = t->account;

    if (rc == WA_OK) {
        rc = account_restore(a);
    }

    /* What open needed once is not kept. */
    wa_store_clear(a);
    wa_task_end(t, rc);

    if (rc != WA_OK) {
        wa_log(a, WA_LOG_ERROR, "the account's records cannot be read: %s",
               wa_err_name(rc));
        return;
    }

    if (a->behind) {
        wa_mend_start(a, account_begin);
        return;
    }

    account_begin(a);
}


static void
account_begin(wa_account_t *a)
{
    if (!a->quiesced) {
        wa_life_begin(a);
    }
}


void
wa_account_expect(wa_account_t *a, uint64_t seq)
{
    a->expected = seq;
}


wa_err_t
wa_account_behind(wa_account_t *a, wa_time_t now)
{
    wa_err_t  rc;

    rc = account_enter(a, now);

    if (rc != WA_OK) {
        return rc;
    }

    if (a->creds == NULL) {
        a->behind = true;

    } else if (!a->quiesced) {
        wa_mend_start(a, NULL);
    }

    account_leave(a);

    return WA_OK;
}


wa_err_t
wa_account_feed(wa_account_t *a, wa_span_t in, wa_time_t now)
{
    wa_err_t  rc;

    rc = account_enter(a, now);

    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_conn_feed(a, in);
    account_leave(a);

    return rc;
}


wa_err_t
wa_account_submit(wa_account_t *a, const wa_cmd_t *cmd, wa_time_t now)
{
    wa_err_t  rc;

    rc = account_enter(a, now);

    if (rc != WA_OK) {
        return rc;
    }

    if (a->quiesced) {
        wa_account_reply(a, cmd->id, "OWNER_UNAVAILABLE",
                         "The account is moving to another worker", NULL);

    } else if (a->life->meta == NULL && cmd->op != WA_OP_CREATE) {
        wa_account_reply(a, cmd->id, "OWNER_UNAVAILABLE",
                         "The account is being loaded", NULL);

    } else if (cmd->op == WA_OP_SEND) {
        wa_send_start(a, cmd);

    } else if (cmd->op == WA_OP_QUERY) {
        wa_query_start(a, cmd);

    } else {
        wa_command_run(a, cmd);
    }

    account_leave(a);

    return WA_OK;
}


wa_err_t
wa_account_complete(wa_account_t *a, const wa_done_t *done, wa_time_t now)
{
    wa_err_t  rc;

    rc = account_enter(a, now);

    if (rc != WA_OK) {
        return rc;
    }

    switch (done->type) {

    case WA_DONE_LOAD:
        rc = wa_store_loaded(a, done->token, done->values, done->n);

        if (rc != WA_ERR_ARG) {
            wa_tasks_loaded(a, done->token, rc);
            rc = WA_OK;
        }

        break;

    case WA_DONE_COMMIT:
        rc = wa_commits_done(a, done->seq, done->err);
        break;

    case WA_DONE_CONNECT:
        wa_conn_connected(a, done->err, done->text);
        break;

    case WA_DONE_CLOSED:
        wa_conn_closed(a, done->text);
        break;

    case WA_DONE_VERSION:
        wa_version_answered(a, done->err, done->text);
        break;

    case WA_DONE_STRETCH:
        rc = wa_tasks_stretched(a, done->token,
                                done->n == 1
                                && done->values[0].n == WA_KEY_LEN
                                ? done->values[0].p : NULL, done->err);
        break;

    case WA_DONE_FETCH:
        wa_tasks_fetched(a, done->token, done->err,
                         done->n == 0 ? wa_span_none() : done->values[0]);
        break;

    default:
        rc = WA_ERR_ARG;
    }

    account_leave(a);

    return rc;
}


wa_err_t
wa_account_expire(wa_account_t *a, wa_time_t now)
{
    wa_err_t  rc;

    rc = account_enter(a, now);

    if (rc != WA_OK) {
        return rc;
    }

    wa_conn_expire(a);
    wa_pair_expire(a);
    wa_life_expire(a);
    wa_offline_expire(a);
    wa_placeholder_expire(a);
    wa_history_expire(a);
    wa_tasks_expire(a);
    account_leave(a);

    return WA_OK;
}


bool
wa_account_next(wa_account_t *a, wa_out_t *out)
{
    wa_commits_next(a);
    a->draining = wa_outq_next(a, out);

    return a->draining;
}


wa_time_t
wa_account_deadline(const wa_account_t *a)
{
    size_t     i;
    wa_time_t  at[8], min;

    if (a->gone) {
        return -1;
    }

    at[0] = wa_conn_deadline(a);
    at[1] = wa_pair_deadline(a);
    at[2] = wa_life_deadline(a);
    at[3] = wa_tasks_deadline(a);
    at[4] = wa_offline_deadline(a);
    at[5] = wa_commits_deadline(a);
    at[6] = wa_placeholder_deadline(a);
    at[7] = wa_history_deadline(a);
    min = -1;

    for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        if (at[i] >= 0 && (min < 0 || at[i] < min)) {
            min = at[i];
        }
    }

    return min;
}


bool
wa_account_paused(const wa_account_t *a)
{
    return wa_commits_pending(a) >= ACCOUNT_UNITS_MAX
           || wa_tasks_parked(a) >= ACCOUNT_PARKED_MAX
           || wa_tasks_parked_bytes(a) >= ACCOUNT_PARKED_BYTES_MAX;
}


void
wa_account_quiesce(wa_account_t *a, wa_time_t now)
{
    if (account_enter(a, now) != WA_OK) {
        return;
    }

    a->quiesced = true;
    wa_sends_quiesce(a);
    wa_life_quiesce(a);
    wa_pair_pause(a);
    wa_conn_close(a);
    account_leave(a);
}


bool
wa_account_idle(const wa_account_t *a)
{
    return wa_commits_pending(a) == 0 && wa_outq_empty(a);
}


/* ---- facts ---- */

void *
wa_account_host(const wa_account_t *a)
{
    return a->host;
}


const char *
wa_account_id(const wa_account_t *a)
{
    return a->id;
}


const char *
wa_account_tenant(const wa_account_t *a)
{
    return wa_meta_str(a, "tenant_id");
}


const char *
wa_account_session_id(const wa_account_t *a)
{
    return wa_meta_str(a, "session_id");
}


const char *
wa_account_webhook_url(const wa_account_t *a)
{
    return wa_meta_str(a, "webhook_url");
}


const char *
wa_account_jid(const wa_account_t *a)
{
    return a->creds == NULL ? "" : a->creds->jid.user;
}


wa_state_e
wa_account_state(const wa_account_t *a)
{
    return wa_life_state(a);
}


size_t
wa_account_footprint(const wa_account_t *a)
{
    return sizeof(*a) + wa_outq_footprint(a) + wa_tasks_footprint(a)
           + wa_store_footprint(a) + wa_commits_footprint(a)
           + wa_life_footprint(a) + wa_conn_footprint(a)
           + (a->creds == NULL ? 0 : sizeof(wa_creds_t)
              + a->creds->device_identity.cap + a->creds->push_name.cap
              + a->creds->platform.cap + a->creds->business_name.cap
              + a->creds->routing_info.cap);
}


/* ---- for the rest of core/ ---- */

int64_t
wa_unix_ms(const wa_account_t *a)
{
    return a->now + a->engine->wall_offset_ms;
}


int64_t
wa_unix_s(const wa_account_t *a)
{
    return wa_unix_ms(a) / 1000;
}


void
wa_account_random(wa_account_t *a, uint8_t *p, size_t n)
{
    if (a->engine->conf.random != NULL) {
        a->engine->conf.random(a->engine->conf.random_ctx, p, n);
        return;
    }

    wa_random(p, n);
}


void
wa_log(const wa_account_t *a, int level, const char *fmt, ...)
{
    int                      n;
    char                     line[512];
    va_list                  args;
    const wa_engine_conf_t  *conf;

    conf = &a->engine->conf;

    if (conf->log == NULL) {
        return;
    }

    va_start(args, fmt);
    n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);

    if (n >= 0) {
        conf->log(conf->log_ctx, a, level, line);
    }
}


void
wa_account_reply(wa_account_t *a, uint64_t cmd_id, const char *code,
    const char *message, json_t *data)
{
    (void) wa_outq_reply(a, cmd_id, code, message, data);
}


const wa_jid_t *
wa_account_self(const wa_account_t *a, unsigned server)
{
    return server == WA_SERVER_LID ? &a->creds->lid : &a->creds->jid;
}


bool
wa_account_is_self(const wa_account_t *a, const wa_jid_t *jid)
{
    wa_jid_t  person;

    person = wa_jid_person(jid);

    return wa_jid_eq_bare(&person, &a->creds->jid)
           || wa_jid_eq_bare(&person, &a->creds->lid);
}
