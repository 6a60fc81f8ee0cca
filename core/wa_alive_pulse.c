/*
 * Life signs of a connection, see wa_alive_pulse.h.
 */
#include "wa_alive_pulse.h"


/* protocol.md 5: whatsmeow pings every 20-30 s. */
#define PULSE_PING_MS  20000
#define PULSE_PONG_MS  20000


/*
 * Time without an answer until a ping: a quarter of the patience at most, so
 * that there is time for more than one.
 */
static wa_time_t
pulse_quiet(const wa_account_t *a)
{
    wa_time_t  quarter;

    quarter = (wa_time_t) a->engine->conf.deaf_after_ms / 4;

    return quarter < PULSE_PING_MS ? quarter : PULSE_PING_MS;
}


static wa_time_t
pulse_pong(const wa_account_t *a)
{
    wa_time_t  deaf;

    deaf = (wa_time_t) a->engine->conf.deaf_after_ms;

    return deaf < PULSE_PONG_MS ? deaf : PULSE_PONG_MS;
}


void
wa_pulse_start(wa_account_t *a, wa_pulse_t *p)
{
    p->heard_at = a->now;
    p->ping_at = a->now;
    wa_pulse_answered(a, p);
}


void
wa_pulse_heard(wa_account_t *a, wa_pulse_t *p)
{
    p->heard_at = a->now;
}


/* Jitter once per quiet period, not per answer. */
void
wa_pulse_answered(wa_account_t *a, wa_pulse_t *p)
{
    uint8_t    r[2];
    wa_time_t  quiet;

    p->pinged = false;
    quiet = pulse_quiet(a);

    if (p->ping_at > a->now + quiet) {
        return;
    }

    wa_account_random(a, r, sizeof(r));
    p->ping_at = a->now + quiet
                 + quiet * ((r[0] << 8) | r[1]) / (2 * 65536);
}


void
wa_pulse_pinged(wa_account_t *a, wa_pulse_t *p, uint64_t id)
{
    p->pinged = true;
    p->pinged_at = a->now;
    p->ping_id = id;
}


/* When an unanswered ping means the end. */
static wa_time_t
pulse_mute_at(const wa_account_t *a, const wa_pulse_t *p)
{
    wa_time_t  at, last;

    at = (p->heard_at > p->pinged_at ? p->heard_at : p->pinged_at)
         + pulse_pong(a);
    last = p->pinged_at + (wa_time_t) a->engine->conf.deaf_after_ms;

    return at < last ? at : last;
}


static wa_time_t
pulse_deaf_at(const wa_account_t *a, const wa_pulse_t *p)
{
    return p->heard_at + (wa_time_t) a->engine->conf.deaf_after_ms;
}


wa_pulse_e
wa_pulse_check(const wa_account_t *a, const wa_pulse_t *p)
{
    if (a->now >= pulse_deaf_at(a, p)) {
        return WA_PULSE_DEAF;
    }

    if (p->pinged) {
        return a->now >= pulse_mute_at(a, p) ? WA_PULSE_MUTE
                                             : WA_PULSE_BEATS;
    }

    return a->now >= p->ping_at ? WA_PULSE_PING : WA_PULSE_BEATS;
}


wa_time_t
wa_pulse_deadline(const wa_account_t *a, const wa_pulse_t *p)
{
    wa_time_t  at, deaf;

    at = p->pinged ? pulse_mute_at(a, p) : p->ping_at;
    deaf = pulse_deaf_at(a, p);

    return at < deaf ? at : deaf;
}


void
wa_pulse_excuse(wa_account_t *a, wa_pulse_t *p)
{
    p->heard_at = a->now;
    p->pinged_at = a->now;

    if (p->ping_at < a->now) {
        p->ping_at = a->now;
    }
}


bool
wa_pulse_idle(const wa_account_t *a, const wa_pulse_t *p)
{
    return a->now - p->heard_at >= pulse_quiet(a);
}
