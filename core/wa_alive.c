/*
 * What an account counts and worries about, see wa_alive.h.
 */
#include "wa_alive.h"

#include "wa_life_int.h"
#include "wa_prekey.h"
#include "wa_query.h"
#include "wa_rd.h"
#include "wa_wr.h"


#define ALIVE_HOURS    24
#define ALIVE_HOUR_MS  (3600 * 1000)

/* The record: version, newest hour (u32), counts (u16 each). */
#define ALIVE_VERSION  1
#define ALIVE_SIZE     (1 + 4 + WA_COUNTS * ALIVE_HOURS * 2)

/* What the engine was told of the host's disks. */
#define ALIVE_ROOM_UNKNOWN  0
#define ALIVE_ROOM          1
#define ALIVE_ROOM_NONE     2

/* A server that is wrong by more than a century is no clock. */
#define ALIVE_TIME_MAX_S  INT64_C(4102444800)


struct wa_alive_s {
    int64_t    hour;                    /* unix, of the newest column      */
    uint16_t   counts[WA_COUNTS][ALIVE_HOURS];  /* column: hour % 24       */
    int64_t    skew_ms;
    wa_time_t  rtt_ms;                  /* -1: not known                   */
    wa_time_t  stanza_at;               /* -1: none came                   */
    wa_time_t  bad_at;                  /* of the level below              */
    uint16_t   bad;                     /* decrypt failures not forgiven   */
    uint8_t    degraded;                /* bits by wa_degraded_e           */
    bool       skew_known;
    bool       unrouted;
};

static const char *const  reasons[WA_DEGRADED_REASONS] = {
    "deaf", "decrypt", "prekeys", "clock", "storage"
};


static wa_alive_t *
alive_get(wa_account_t *a)
{
    if (a->alive == NULL) {
        a->alive = wa_calloc(1, sizeof(wa_alive_t));

        if (a->alive != NULL) {
            a->alive->rtt_ms = -1;
            a->alive->stanza_at = -1;
        }
    }

    return a->alive;
}


void
wa_alive_free(wa_account_t *a)
{
    wa_free(a->alive);
    a->alive = NULL;
}


/* ---- counts ---- */

static int64_t
alive_hour(const wa_account_t *a)
{
    return wa_unix_ms(a) / ALIVE_HOUR_MS;
}


/* Makes the present hour's column; a clock that was set back a little goes
   on in the newest one. */
static void
alive_roll(const wa_account_t *a, wa_alive_t *v)
{
    size_t   i;
    int64_t  hour;

    hour = alive_hour(a);

    if (hour < v->hour && v->hour - hour < ALIVE_HOURS) {
        return;
    }

    if (hour < v->hour || hour - v->hour >= ALIVE_HOURS) {
        memset(v->counts, 0, sizeof(v->counts));
        v->hour = hour;
        return;
    }

    while (v->hour < hour) {
        v->hour++;

        for (i = 0; i < WA_COUNTS; i++) {
            v->counts[i][v->hour % ALIVE_HOURS] = 0;
        }
    }
}


static void
alive_put(wa_unit_t *u, const wa_alive_t *v)
{
    size_t    i, k;
    wa_wr_t   w;
    wa_buf_t  buf = WA_BUF_EMPTY;

    wa_wr_init(&w, &buf, ALIVE_SIZE);
    wa_wr_u8(&w, ALIVE_VERSION);
    wa_wr_u32(&w, (uint32_t) v->hour);

    for (i = 0; i < WA_COUNTS; i++) {
        for (k = 0; k < ALIVE_HOURS; k++) {
            wa_wr_u16(&w, v->counts[i][k]);
        }
    }

    if (w.err == WA_OK) {
        (void) wa_unit_put_cold(u, WA_RECORD_ALIVE, 0, wa_span_buf(&buf));

    } else {
        wa_unit_fail(u, w.err);
    }

    wa_buf_free(&buf);
}


/* The level of decrypt failures, after what time has forgiven. */
static void
alive_forgive(const wa_account_t *a, wa_alive_t *v)
{
    wa_time_t  n;

    n = (a->now - v->bad_at) / WA_ALIVE_DECRYPT_MS;

    if (n >= v->bad) {
        v->bad = 0;
        v->bad_at = a->now;
        return;
    }

    v->bad = (uint16_t) (v->bad - n);
    v->bad_at += n * WA_ALIVE_DECRYPT_MS;
}


void
wa_alive_count(wa_unit_t *u, wa_count_e what)
{
    uint16_t      *n;
    wa_alive_t    *v;
    wa_account_t  *a;

    if (u == NULL) {
        return;
    }

    a = wa_unit_account(u);
    v = alive_get(a);

    if (v == NULL) {
        return;                         /* a number less, no harm          */
    }

    alive_roll(a, v);
    n = &v->counts[what][v->hour % ALIVE_HOURS];

    if (*n < UINT16_MAX) {
        (*n)++;
    }

    alive_put(u, v);

    if (what != WA_COUNT_DECRYPT) {
        return;
    }

    alive_forgive(a, v);

    if (v->bad < WA_ALIVE_DECRYPT_MAX) {
        v->bad++;
    }

    if (v->bad == WA_ALIVE_DECRYPT_MAX) {
        wa_alive_set(u, WA_DEGRADED_DECRYPT, true);
    }
}


unsigned
wa_alive_total(const wa_account_t *a, wa_count_e what)
{
    size_t             i;
    int64_t            now, hour;
    unsigned           n;
    const wa_alive_t  *v;

    v = a->alive;

    if (v == NULL) {
        return 0;
    }

    n = 0;
    now = alive_hour(a);

    for (i = 0; i < ALIVE_HOURS; i++) {
        hour = v->hour - (int64_t) i;

        if (hour >= 0 && now - hour < ALIVE_HOURS) {
            n += v->counts[what][hour % ALIVE_HOURS];
        }
    }

    return n;
}


void
wa_alive_load(wa_account_t *a, wa_span_t record)
{
    size_t       i, k;
    uint8_t      version;
    wa_rd_t      r;
    uint32_t     hour;
    wa_alive_t  *v;

    if (record.p == NULL || record.n != ALIVE_SIZE) {
        return;
    }

    r = wa_rd(record);

    if (!wa_rd_u8(&r, &version) || version != ALIVE_VERSION
        || !wa_rd_u32(&r, &hour))
    {
        return;
    }

    v = alive_get(a);

    if (v == NULL) {
        return;
    }

    v->hour = (int64_t) hour;

    for (i = 0; i < WA_COUNTS; i++) {
        for (k = 0; k < ALIVE_HOURS; k++) {
            (void) wa_rd_u16(&r, &v->counts[i][k]);
        }
    }
}


/* ---- concerns ---- */

static bool
alive_is(const wa_account_t *a, wa_degraded_e reason)
{
    return a->alive != NULL && (a->alive->degraded & (1u << reason)) != 0;
}


void
wa_alive_set(wa_unit_t *u, wa_degraded_e reason, bool on)
{
    wa_alive_t    *v;
    wa_account_t  *a;

    if (u == NULL) {
        return;
    }

    a = wa_unit_account(u);

    if (alive_is(a, reason) == on) {
        return;
    }

    v = alive_get(a);

    if (v == NULL) {
        wa_unit_fail(u, WA_ERR_NOMEM);
        return;
    }

    v->degraded = (uint8_t) (v->degraded ^ (1u << reason));

    /* Of a full disk the host's log tells once, not for each account. */
    wa_log(a, reason == WA_DEGRADED_STORAGE ? WA_LOG_INFO
              : on ? WA_LOG_WARN : WA_LOG_NOTICE, "the account is %s: %s",
           on ? "degraded" : "no longer degraded", reasons[reason]);

    (void) wa_unit_event(u, on ? "account.degraded"
                               : "account.degraded_cleared",
                         json_pack("{s:s}", "reason", reasons[reason]));
    wa_life_put_view(u);
}


void
wa_alive_tell(wa_account_t *a, wa_degraded_e reason, bool on)
{
    wa_unit_t  *u;

    if (alive_is(a, reason) == on || a->quiesced || a->gone) {
        return;
    }

    u = wa_unit_new(a);
    wa_alive_set(u, reason, on);
    (void) wa_unit_commit(u, NULL);
}


json_t *
wa_alive_view(const wa_account_t *a)
{
    unsigned   i;
    json_t    *list;

    list = json_array();

    for (i = 0; i < WA_DEGRADED_REASONS; i++) {
        if (alive_is(a, (wa_degraded_e) i)) {
            (void) json_array_append_new(list, json_string(reasons[i]));
        }
    }

    return list;
}


void
wa_alive_load_view(wa_account_t *a, const json_t *list)
{
    size_t       i;
    unsigned     k;
    wa_alive_t  *v;
    const char  *s;

    for (i = 0; i < json_array_size(list); i++) {
        s = json_string_value(json_array_get(list, i));

        for (k = 0; s != NULL && k < WA_DEGRADED_REASONS; k++) {

            if (strcmp(s, reasons[k]) != 0) {
                continue;
            }

            v = alive_get(a);

            if (v == NULL) {
                return;
            }

            v->degraded = (uint8_t) (v->degraded | (1u << k));
        }
    }

    /* How bad it was is not kept: as bad as it takes. */

    if (alive_is(a, WA_DEGRADED_DECRYPT)) {
        a->alive->bad = WA_ALIVE_DECRYPT_MAX;
        a->alive->bad_at = a->now;
    }
}


void
wa_engine_set_full(wa_engine_t *e, bool full)
{
    e->room = full ? ALIVE_ROOM_NONE : ALIVE_ROOM;
}


/* What the account says of the host's disks is not what the engine knows,
   also because another host said it. */
static bool
alive_room_differs(const wa_account_t *a)
{
    return a->creds != NULL && a->engine->room != ALIVE_ROOM_UNKNOWN
           && alive_is(a, WA_DEGRADED_STORAGE)
              != (a->engine->room == ALIVE_ROOM_NONE);
}


static wa_time_t
alive_forgiven_at(const wa_account_t *a)
{
    wa_time_t          steps;
    const wa_alive_t  *v;

    v = a->alive;

    if (!alive_is(a, WA_DEGRADED_DECRYPT)) {
        return -1;
    }

    steps = v->bad > WA_ALIVE_DECRYPT_MAX / 2
            ? v->bad - WA_ALIVE_DECRYPT_MAX / 2 : 0;

    return v->bad_at + steps * WA_ALIVE_DECRYPT_MS;
}


wa_time_t
wa_alive_deadline(const wa_account_t *a)
{
    return alive_room_differs(a) ? a->now : alive_forgiven_at(a);
}


void
wa_alive_expire(wa_account_t *a)
{
    wa_time_t  at;

    if (alive_room_differs(a)) {
        wa_alive_tell(a, WA_DEGRADED_STORAGE,
                      a->engine->room == ALIVE_ROOM_NONE);
    }

    at = alive_forgiven_at(a);

    if (at >= 0 && a->now >= at) {
        alive_forgive(a, a->alive);
        wa_alive_tell(a, WA_DEGRADED_DECRYPT, false);
    }
}


/* ---- the connection ---- */

void
wa_alive_stanza(wa_account_t *a)
{
    wa_alive_t  *v;

    v = alive_get(a);

    if (v != NULL) {
        v->stanza_at = a->now;
    }
}


void
wa_alive_pong(wa_account_t *a, wa_time_t rtt_ms)
{
    wa_alive_t  *v;

    v = alive_get(a);

    if (v != NULL) {
        v->rtt_ms = rtt_ms;
    }
}


void
wa_alive_clock(wa_account_t *a, const wa_node_t *node, wa_time_t age_ms)
{
    int64_t      t, skew;
    wa_alive_t  *v;

    v = alive_get(a);

    if (v == NULL || !wa_node_attr_i64(node, "t", &t) || t <= 0
        || t > ALIVE_TIME_MAX_S)
    {
        return;
    }

    /* Whole seconds: half of one on average. */
    skew = wa_unix_ms(a) - age_ms - (t * 1000 + 500);
    v->skew_ms = skew;
    v->skew_known = true;
    skew = skew < 0 ? -skew : skew;

    if (skew >= WA_ALIVE_CLOCK_MS) {
        wa_alive_tell(a, WA_DEGRADED_CLOCK, true);

    } else if (skew < WA_ALIVE_CLOCK_OK_MS) {
        wa_alive_tell(a, WA_DEGRADED_CLOCK, false);
    }
}


int64_t
wa_alive_skew(const wa_account_t *a)
{
    return a->alive == NULL ? 0 : a->alive->skew_ms;
}


void
wa_alive_set_routed(wa_account_t *a, bool works)
{
    wa_alive_t  *v;

    v = alive_get(a);

    if (v != NULL) {
        v->unrouted = !works;
    }
}


bool
wa_alive_routed(const wa_account_t *a)
{
    return a->alive == NULL || !a->alive->unrouted;
}


/* ---- the verb ---- */

static json_t *
alive_ms(wa_time_t ms)
{
    return ms < 0 ? json_null() : json_integer(ms);
}


static json_t *
alive_time(int64_t unix_ms)
{
    char  iso[32];

    return unix_ms == 0 ? json_null()
                        : json_string(wa_iso_time(unix_ms, iso));
}


/* The latest of the ends that are known. */
static int64_t
alive_restricted_ms(const wa_account_t *a)
{
    size_t                   i;
    int64_t                  until;
    const wa_restriction_t  *r;

    until = 0;

    for (i = 0; i < WA_RESTRICT_KINDS; i++) {
        r = &a->life->restricts.of[i];

        if (r->on && r->until_ms > until) {
            until = r->until_ms;
        }
    }

    return until;
}


static json_t *
alive_given(const json_t *args, const char *name)
{
    json_t  *v;

    v = json_object_get(args, name);

    return v == NULL ? json_null() : json_incref(v);
}


void
wa_alive_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    json_t      *data;
    wa_alive_t  *v;

    v = alive_get(a);

    if (v == NULL) {
        wa_account_reply(a, cmd->id, "INTERNAL_ERROR", "Out of memory",
                         NULL);
        return;
    }

    data = json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o,"
                     " s:o, s:o, s:o}",
        "state", wa_state_name(a->life->state),
        "since", alive_time(a->life->since_ms),
        "last_stanza_ms", alive_ms(v->stanza_at < 0
                                   ? -1 : a->now - v->stanza_at),
        "ping_rtt_ms", alive_ms(v->rtt_ms),
        "reconnects_24h",
        (json_int_t) wa_alive_total(a, WA_COUNT_RECONNECTS),
        "decrypt_failures_24h",
        (json_int_t) wa_alive_total(a, WA_COUNT_DECRYPT),
        "retries_24h", (json_int_t) wa_alive_total(a, WA_COUNT_RETRIES),
        "prekeys_left", alive_ms(wa_prekey_left(a)),
        "clock_skew_ms", v->skew_known ? json_integer(v->skew_ms)
                                       : json_null(),
        "restricted_until", alive_time(alive_restricted_ms(a)),
        "degraded", wa_alive_view(a),
        "undelivered_webhooks", alive_given(cmd->args,
                                            "undelivered_webhooks"),
        "owner", alive_given(cmd->args, "owner"));

    wa_account_reply(a, cmd->id, data == NULL ? "INTERNAL_ERROR" : NULL,
                     data == NULL ? "Out of memory" : NULL, data);
}
