/*
 * Whether the server at the other end of a connection is there (HTTP contract
 * 20, "liveness by traffic"; protocol.md 5).
 *
 * Two things are watched.  Bytes that come prove that we hear the server;
 * answers to what we sent (iq results, acks) prove that it hears us.  Without
 * an answer for 20 to 30 s a ping asks for one.  The connection is dead when
 * a ping stays unanswered for 20 s while nothing else comes, or when no bytes
 * came, or no answer, for engine conf deaf_after_ms: a flood of messages may
 * hold up an answer, but not for ever.
 */
#ifndef WA_ALIVE_PULSE_H
#define WA_ALIVE_PULSE_H

#include "wa_account_int.h"


/* Of engine conf deaf_after_ms: default and least. */
#define WA_PULSE_DEAF_MS      90000
#define WA_PULSE_DEAF_MIN_MS  5000

typedef enum {
    WA_PULSE_BEATS = 0,
    WA_PULSE_PING,              /* send one, then wa_pulse_pinged()        */
    WA_PULSE_MUTE,              /* dead: does not answer                   */
    WA_PULSE_DEAF               /* dead: nothing comes                     */
} wa_pulse_e;

typedef struct {
    wa_time_t  heard_at;        /* bytes came                              */
    wa_time_t  ping_at;         /* the next ping, if none is under way     */
    wa_time_t  pinged_at;
    uint64_t   ping_id;
    bool       pinged;          /* a ping is unanswered                    */
} wa_pulse_t;


void wa_pulse_start(wa_account_t *a, wa_pulse_t *p);

/* Bytes came.  Cheap. */
void wa_pulse_heard(wa_account_t *a, wa_pulse_t *p);

/* The server answered something of ours. */
void wa_pulse_answered(wa_account_t *a, wa_pulse_t *p);

/* The ping with this iq number is on its way. */
void wa_pulse_pinged(wa_account_t *a, wa_pulse_t *p, uint64_t id);

/* What is to be done now. */
wa_pulse_e wa_pulse_check(const wa_account_t *a, const wa_pulse_t *p);

/* When to check again.  Traffic only moves it away, so a check at an earlier
   answer of this function is never late. */
wa_time_t wa_pulse_deadline(const wa_account_t *a, const wa_pulse_t *p);

/* We did not read for a while: the silence was ours. */
void wa_pulse_excuse(wa_account_t *a, wa_pulse_t *p);

/* Nothing came since before the last ping was due. */
bool wa_pulse_idle(const wa_account_t *a, const wa_pulse_t *p);

#endif /* WA_ALIVE_PULSE_H */
