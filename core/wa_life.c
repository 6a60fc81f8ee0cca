/*
 * State changes and the reconnect policy.
 */
#include <stdio.h>

#include "wa_alive.h"
#include "wa_conn.h"
#include "wa_life_int.h"
#include "wa_login.h"
#include "wa_out.h"
#include "wa_pair.h"
#include "wa_presence.h"
#include "wa_pair_code.h"
#include "wa_proxy.h"
#include "wa_send.h"
#include "wa_task_int.h"
#include "wa_unit_int.h"


/* Backoff 1 s, 2 s, 4 s ... 60 s (HTTP contract 4.3), +-20 %. */
#define LIFE_BACKOFF_MS      1000
#define LIFE_BACKOFF_MAX_MS  60000
#define LIFE_STABLE_MS       30000

/* Restarts the server may ask for in a row before backoff sets in; linking
   takes one. */
#define LIFE_RESTARTS        3

/* READY is announced at the latest after this, offline queue or not. */
#define LIFE_LOADING_MS      30000

/* And after this where there is no word of a queue, not even of its end. */
#define LIFE_QUIET_MS        5000

/* Setting that holds the end of a ban, or of another wait in ERROR; unix ms. */
#define LIFE_BANNED          "banned_until_ms"


static void life_ban_wait(wa_account_t *a, int64_t until_ms);
static void life_autorelink(wa_task_t *t, wa_err_t rc);


wa_err_t
wa_life_create(wa_account_t *a)
{
    a->life = wa_calloc(1, sizeof(wa_life_t));

    return a->life == NULL ? WA_ERR_NOMEM : WA_OK;
}


void
wa_life_free(wa_account_t *a)
{
    if (a->life == NULL) {
        return;
    }

    json_decref(a->life->meta);
    wa_free(a->life);
    a->life = NULL;
}


wa_state_e
wa_life_state(const wa_account_t *a)
{
    return a->life->state;
}


bool
wa_life_leaving(const wa_account_t *a)
{
    return a->life->leaving;
}


void
wa_life_set(wa_unit_t *u, wa_state_e state, const char *reason, int code)
{
    char           sentence[WA_REASON_MAX + 80];
    wa_life_t     *l;
    wa_state_e     previous;
    wa_account_t  *a;

    if (u == NULL) {
        return;
    }

    a = wa_unit_account(u);
    l = a->life;
    previous = l->state;

    l->state = state;
    l->code = code;
    l->updated_ms = wa_unix_ms(a);

    if (state != previous) {
        l->since_ms = l->updated_ms;
    }

    (void) snprintf(l->reason, sizeof(l->reason), "%s",
                    reason == NULL ? "" : reason);

    if (state != WA_STATE_LOADING) {
        l->loading_until = 0;
        l->quiet_until = 0;
    }

    if (state == WA_STATE_READY) {
        wa_restrict_clear(u, WA_RESTRICT_BAN);
        wa_alive_set(u, WA_DEGRADED_DEAF, false);
        l->stable_at = a->now + LIFE_STABLE_MS;
        l->connected_ms = l->updated_ms;
        l->seen_ms = l->updated_ms;

    } else if (previous == WA_STATE_READY) {
        l->seen_ms = l->updated_ms;
    }

    if ((previous == WA_STATE_READY || previous == WA_STATE_LOADING)
        && (state == WA_STATE_CONNECTING || state == WA_STATE_DISCONNECTED))
    {
        wa_alive_count(u, WA_COUNT_RECONNECTS);
    }

    wa_life_put_view(u);

    if (state == previous) {
        return;
    }

    (void) wa_unit_event(u, "session.status",
        json_pack("{s:s, s:s, s:s, s:s*, s:s}",
                  "state", wa_state_name(state),
                  "previous", wa_state_name(previous),
                  "status", wa_state_word(a, state),
                  "reason", l->reason[0] == '\0' ? NULL : l->reason,
                  "message", wa_state_sentence(a, sentence,
                                               sizeof(sentence))));

    wa_life_state_event(u, state);

    wa_log(a, WA_LOG_NOTICE, "%s -> %s%s%s", wa_state_name(previous),
           wa_state_name(state), l->reason[0] == '\0' ? "" : ": ",
           l->reason);
}


void
wa_life_move(wa_account_t *a, wa_state_e state, const char *reason, int code)
{
    wa_unit_t  *u;

    u = wa_unit_new(a);
    wa_life_set(u, state, reason, code);
    (void) wa_unit_commit(u, NULL);
}


void
wa_life_begin(wa_account_t *a)
{
    const json_t  *banned;

    switch (a->life->state) {

    case WA_STATE_ERROR:
        banned = json_object_get(a->life->meta, LIFE_BANNED);

        if (banned != NULL) {
            life_ban_wait(a, json_integer_value(banned));
        }

        return;

    case WA_STATE_STOPPED:
    case WA_STATE_LOGGED_OUT:
    case WA_STATE_AUTH_FAILURE:
        return;

    default:
        wa_life_redial(a);
    }
}


void
wa_life_redial(wa_account_t *a)
{
    wa_life_t  *l;

    l = a->life;
    l->dial_at = 0;

    if (a->quiesced || a->gone || l->leaving) {
        return;
    }

    (void) json_object_del(l->meta, LIFE_BANNED);

    /* A code on its way, and a link being made, keep their state. */
    if (l->state != WA_STATE_QR && l->state != WA_STATE_CODE
        && l->state != WA_STATE_AUTH
        && l->state != WA_STATE_CONNECTING)
    {
        wa_life_move(a, WA_STATE_CONNECTING, NULL, 0);
    }

    wa_conn_dial(a);
}


/* True if it may connect again at once; counts. */
static bool
life_at_once(wa_account_t *a)
{
    wa_life_t  *l;

    l = a->life;

    if (l->stable_at != 0 && a->now >= l->stable_at) {
        l->restarts = 0;
    }

    if (l->restarts == LIFE_RESTARTS) {
        return false;
    }

    l->stable_at = 0;
    l->restarts++;

    return true;
}


void
wa_life_restart(wa_account_t *a)
{
    if (!life_at_once(a)) {
        wa_conn_closed(a, "the server asks for one restart after another");
        return;
    }

    wa_conn_close(a);
    wa_life_redial(a);
}


void
wa_life_deaf(wa_account_t *a, const char *why)
{
    wa_unit_t  *u;

    if (a->life->state != WA_STATE_READY
        && a->life->state != WA_STATE_LOADING)
    {
        wa_conn_closed(a, why);
        return;
    }

    if (!life_at_once(a)) {
        wa_alive_tell(a, WA_DEGRADED_DEAF, true);
        wa_conn_closed(a, why);
        return;
    }

    wa_conn_close(a);

    u = wa_unit_new(a);
    wa_alive_set(u, WA_DEGRADED_DEAF, true);
    wa_life_set(u, WA_STATE_CONNECTING, why, 0);
    (void) wa_unit_commit(u, NULL);

    wa_life_redial(a);
}


void
wa_life_redial_later(wa_account_t *a, wa_time_t min_ms)
{
    uint8_t     r[2];
    wa_time_t   delay;
    wa_life_t  *l;

    l = a->life;

    if (l->stable_at != 0 && a->now >= l->stable_at) {
        l->attempts = 0;
    }

    l->stable_at = 0;
    delay = l->attempts >= 6 ? LIFE_BACKOFF_MAX_MS
                             : LIFE_BACKOFF_MS << l->attempts;

    if (l->attempts < 6) {
        l->attempts++;
    }

    if (delay < min_ms) {
        delay = min_ms;
    }

    if (delay > LIFE_BACKOFF_MAX_MS && min_ms <= LIFE_BACKOFF_MAX_MS) {
        delay = LIFE_BACKOFF_MAX_MS;
    }

    wa_account_random(a, r, sizeof(r));
    delay = delay * 8 / 10
            + delay * 4 * ((r[0] << 8) | r[1]) / (10 * 65536);

    l->dial_at = a->now + delay;
}


void
wa_life_conn_lost(wa_account_t *a, const char *why)
{
    wa_life_t  *l;

    l = a->life;

    if (a->quiesced || a->gone || l->leaving) {
        return;
    }

    switch (l->state) {

    case WA_STATE_STOPPED:
    case WA_STATE_LOGGED_OUT:
    case WA_STATE_AUTH_FAILURE:
    case WA_STATE_ERROR:
        return;

    case WA_STATE_QR:
    case WA_STATE_CODE:
        /* The next connection brings new codes. */
        wa_pair_pause(a);
        wa_life_move(a, l->state, why, 0);
        break;

    case WA_STATE_AUTH:
        break;

    default:
        wa_life_move(a, WA_STATE_DISCONNECTED, why, 0);
    }

    wa_life_redial_later(a, 0);
}


void
wa_life_give_up(wa_account_t *a, wa_state_e state, const char *reason,
    int code)
{
    a->life->dial_at = 0;
    wa_conn_close(a);
    wa_pair_free(a);
    wa_life_move(a, state, reason, code);
}


void
wa_life_wait(wa_account_t *a, const char *reason, int code, int64_t until_ms)
{
    wa_unit_t  *u;

    wa_life_give_up(a, WA_STATE_ERROR, reason, code);

    if (until_ms == 0
        || json_object_set_new(a->life->meta, LIFE_BANNED,
                               json_integer(until_ms)) != 0)
    {
        return;
    }

    u = wa_unit_new(a);
    wa_life_put_meta(u);
    (void) wa_unit_commit(u, NULL);

    life_ban_wait(a, until_ms);
}


void
wa_life_ban(wa_account_t *a, const char *reason, int code, int64_t until_ms)
{
    wa_unit_t  *u;

    wa_life_wait(a, reason, code, until_ms);

    u = wa_unit_new(a);
    wa_restrict_set(u, WA_RESTRICT_BAN, (unsigned) code, until_ms);
    (void) wa_unit_commit(u, NULL);
}


static void
life_ban_wait(wa_account_t *a, int64_t until_ms)
{
    int64_t  left;

    left = until_ms - wa_unix_ms(a);
    a->life->dial_at = a->now + (left > 1 ? left : 1);
}


wa_err_t
wa_life_reset(wa_unit_t *u)
{
    wa_err_t       rc;
    wa_creds_t    *fresh;
    wa_account_t  *a;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);
    fresh = wa_calloc(1, sizeof(wa_creds_t));

    if (fresh == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = wa_creds_generate(a, fresh);

    if (rc != WA_OK) {
        wa_free(fresh);
        return rc;
    }

    wa_creds_wipe(a->creds);
    wa_free(a->creds);
    a->creds = fresh;
    a->life->connected_ms = 0;
    wa_pair_code_forget(a);
    memset(&a->life->restricts, 0, sizeof(a->life->restricts));

    wa_sends_reset(a);
    wa_unit_mark_reset(u);
    (void) wa_creds_save(u);
    wa_proxy_save(u);
    wa_life_put_meta(u);

    return WA_OK;
}


void
wa_life_logged_out(wa_account_t *a, const char *reason)
{
    wa_unit_t  *u;
    wa_task_t  *t;

    a->life->dial_at = 0;
    wa_conn_close(a);
    wa_pair_free(a);

    if (a->life->leaving) {
        return;
    }

    u = wa_unit_new(a);

    if (u == NULL || wa_life_reset(u) != WA_OK) {
        wa_unit_drop(u);
        return;
    }

    wa_life_set(u, WA_STATE_LOGGED_OUT, reason, 0);

    t = NULL;

    if (wa_meta_bool(a, "auto_relink", true)) {
        t = wa_task_new(a, "relink", life_autorelink);
    }

    if (t == NULL) {
        (void) wa_unit_commit(u, NULL);

    } else if (wa_task_commit(t, u) != WA_AGAIN) {
        wa_task_end(t, WA_OK);
    }
}


static void
life_autorelink(wa_task_t *t, wa_err_t rc)
{
    wa_account_t  *a;

    a = t->account;
    wa_task_end(t, rc);

    if (rc == WA_OK && a->life->state == WA_STATE_LOGGED_OUT) {
        wa_life_redial(a);
    }
}


void
wa_life_loading(wa_account_t *a)
{
    a->life->loading_until = a->now + LIFE_LOADING_MS;
    a->life->quiet_until = 0;
}


void
wa_life_listen(wa_account_t *a)
{
    if (a->life->loading_until != 0) {
        a->life->quiet_until = a->now + LIFE_QUIET_MS;
    }
}


void
wa_life_queued(wa_account_t *a)
{
    a->life->quiet_until = 0;
}


void
wa_life_ready(wa_account_t *a)
{
    if (a->life->state == WA_STATE_LOADING) {
        wa_life_move(a, WA_STATE_READY, NULL, 0);
        wa_presence_apply(a);
    }
}


void
wa_life_expire(wa_account_t *a)
{
    wa_life_t  *l;

    l = a->life;

    if (l->dial_at != 0 && a->now >= l->dial_at) {
        wa_life_redial(a);
    }

    if (l->quiet_until != 0 && a->now >= l->quiet_until) {

        /* While we do not read, the silence is ours. */

        if (wa_account_paused(a)) {
            l->quiet_until = a->now + LIFE_QUIET_MS;

        } else {
            wa_log(a, WA_LOG_INFO, "the server tells of no offline queue");
            wa_login_queue_end(a);
        }
    }

    if (l->loading_until != 0 && a->now >= l->loading_until) {
        l->loading_until = 0;
        wa_log(a, WA_LOG_INFO, "the offline queue did not end in time");
        wa_life_ready(a);
    }

    if (!a->quiesced) {
        wa_restrict_expire(a);
        wa_alive_expire(a);
    }
}


wa_time_t
wa_life_deadline(const wa_account_t *a)
{
    wa_time_t         at, alive;
    const wa_life_t  *l;

    l = a->life;
    at = a->quiesced ? -1 : wa_restrict_deadline(a);
    alive = a->quiesced ? -1 : wa_alive_deadline(a);

    if (alive >= 0 && (at < 0 || alive < at)) {
        at = alive;
    }

    if (l->dial_at != 0 && (at < 0 || l->dial_at < at)) {
        at = l->dial_at;
    }

    if (l->loading_until != 0 && (at < 0 || l->loading_until < at)) {
        at = l->loading_until;
    }

    if (l->quiet_until != 0 && (at < 0 || l->quiet_until < at)) {
        at = l->quiet_until;
    }

    return at;
}


void
wa_life_quiesce(wa_account_t *a)
{
    a->life->dial_at = 0;
    a->life->loading_until = 0;
    a->life->quiet_until = 0;
}


size_t
wa_life_footprint(const wa_account_t *a)
{
    /* jansson: about 100 bytes a member */
    return sizeof(wa_life_t) + json_object_size(a->life->meta) * 100;
}
