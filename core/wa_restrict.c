/*
 * Restrictions of an account, see wa_restrict.h.
 */
#include "wa_restrict.h"

#include "wa_life_int.h"
#include "wa_send_int.h"


/* Contacts in a row that were refused because they do not know us. */
#define RESTRICT_STREAK  2

/* Codes of WhatsApp. */
#define CODE_RATE        429
#define CODE_REACHOUT    463
#define CODE_CAPPED      475


static const char *const  kinds[WA_RESTRICT_KINDS] = {
    "reachout", "rate", "temporary_ban"
};


static json_t *restrict_json(wa_restrict_e kind, const wa_restriction_t *r);
static void restrict_refused(wa_unit_t *u, wa_restrict_t *all,
    const wa_jid_t *who);
static int64_t restrict_seconds(const json_t *v);


void
wa_restrict_set(wa_unit_t *u, wa_restrict_e kind, unsigned code,
    int64_t until_ms)
{
    wa_account_t      *a;
    wa_restriction_t  *r;

    if (u == NULL) {
        return;
    }

    a = wa_unit_account(u);
    r = &a->life->restricts.of[kind];

    /* What is known of its end is not forgotten for a refusal without. */

    if (r->on && (until_ms == 0 || until_ms == r->until_ms)) {
        return;
    }

    r->on = true;
    r->code = code;
    r->until_ms = until_ms;

    wa_log(a, WA_LOG_WARN, "WhatsApp restricts this account: %s (%u)",
           kinds[kind], code);
    (void) wa_unit_event(u, "account.restricted", restrict_json(kind, r));
    wa_life_put_view(u);
}


void
wa_restrict_clear(wa_unit_t *u, wa_restrict_e kind)
{
    json_t            *data;
    wa_account_t      *a;
    wa_restriction_t  *r;

    if (u == NULL) {
        return;
    }

    a = wa_unit_account(u);
    r = &a->life->restricts.of[kind];

    if (!r->on) {
        return;
    }

    data = restrict_json(kind, r);
    (void) json_object_del(data, "until");
    memset(r, 0, sizeof(*r));

    wa_log(a, WA_LOG_NOTICE, "WhatsApp restricts this account no longer: %s",
           kinds[kind]);
    (void) wa_unit_event(u, "account.restricted_cleared", data);
    wa_life_put_view(u);
}


void
wa_restrict_settled(wa_unit_t *u, const wa_send_t *s, unsigned code)
{
    wa_restrict_t  *all;

    if (u == NULL) {
        return;
    }

    all = &wa_unit_account(u)->life->restricts;

    switch (code) {

    case 0:
        wa_restrict_clear(u, WA_RESTRICT_RATE);

        if (s->cold) {
            all->streak = 0;
            wa_restrict_clear(u, WA_RESTRICT_REACHOUT);
        }

        break;

    case CODE_RATE:
        wa_restrict_set(u, WA_RESTRICT_RATE, code, 0);
        break;

    case CODE_REACHOUT:
        restrict_refused(u, all, s->lid.server != WA_SERVER_NONE ? &s->lid
                                                                 : &s->pn);
        break;

    case CODE_CAPPED:
        wa_restrict_set(u, WA_RESTRICT_REACHOUT, code, 0);
        break;

    default:
        break;
    }
}


static void
restrict_refused(wa_unit_t *u, wa_restrict_t *all, const wa_jid_t *who)
{
    if (all->streak > 0 && wa_jid_eq_bare(&all->refused, who)) {
        return;
    }

    all->refused = *who;

    if (all->streak < RESTRICT_STREAK && ++all->streak < RESTRICT_STREAK) {
        return;
    }

    wa_restrict_set(u, WA_RESTRICT_REACHOUT, CODE_REACHOUT, 0);
}


/* {is_active, time_enforcement_ends: unix s as text, enforcement_type} */
wa_err_t
wa_restrict_timelock(wa_unit_t *u, const json_t *value)
{
    int64_t  until_s;

    if (!json_is_true(json_object_get(value, "is_active"))) {
        wa_restrict_clear(u, WA_RESTRICT_REACHOUT);
        return WA_OK;
    }

    until_s = restrict_seconds(json_object_get(value,
                                               "time_enforcement_ends"));
    wa_restrict_set(u, WA_RESTRICT_REACHOUT, CODE_REACHOUT, until_s * 1000);

    return WA_OK;
}


/* Text or number; 0: neither, or not a time that can be said. */
static int64_t
restrict_seconds(const json_t *v)
{
    int64_t  s;

    s = json_integer_value(v);

    if (json_is_string(v)
        && !wa_span_i64(wa_span_str(json_string_value(v)), &s))
    {
        s = 0;
    }

    return s > 0 && s < INT64_C(253402300800) ? s : 0;
}


static json_t *
restrict_json(wa_restrict_e kind, const wa_restriction_t *r)
{
    char  iso[32];

    return json_pack("{s:s, s:o, s:o}", "kind", kinds[kind],
                     "until", r->until_ms == 0
                              ? json_null()
                              : json_string(wa_iso_time(r->until_ms, iso)),
                     "code", r->code == 0 ? json_null()
                                          : json_integer(r->code));
}


json_t *
wa_restrict_view(const wa_account_t *a)
{
    size_t                   i;
    json_t                  *list;
    const wa_restriction_t  *r;

    list = json_array();

    for (i = 0; i < WA_RESTRICT_KINDS; i++) {
        r = &a->life->restricts.of[i];

        if (r->on) {
            (void) json_array_append_new(list,
                       restrict_json((wa_restrict_e) i, r));
        }
    }

    return list;
}


void
wa_restrict_load(wa_account_t *a, const json_t *list)
{
    size_t             i, k;
    const char        *kind;
    const json_t      *item;
    wa_restriction_t  *r;

    for (i = 0; i < json_array_size(list); i++) {
        item = json_array_get(list, i);
        kind = json_string_value(json_object_get(item, "kind"));

        for (k = 0; kind != NULL && k < WA_RESTRICT_KINDS; k++) {

            if (strcmp(kind, kinds[k]) != 0) {
                continue;
            }

            r = &a->life->restricts.of[k];
            r->on = true;
            r->code = (unsigned) json_integer_value(json_object_get(item,
                                                                   "code"));
            r->until_ms = wa_iso_ms(json_string_value(json_object_get(item,
                                                                  "until")));
        }
    }
}


/* ---- time ---- */

/* A ban ends with the next login that succeeds. */
wa_time_t
wa_restrict_deadline(const wa_account_t *a)
{
    size_t                   i;
    wa_time_t                at, next;
    const wa_restriction_t  *r;

    next = -1;

    for (i = 0; i < WA_RESTRICT_BAN; i++) {
        r = &a->life->restricts.of[i];

        if (!r->on || r->until_ms == 0) {
            continue;
        }

        at = a->now + (r->until_ms > wa_unix_ms(a)
                       ? r->until_ms - wa_unix_ms(a) : 0);

        if (next < 0 || at < next) {
            next = at;
        }
    }

    return next;
}


void
wa_restrict_expire(wa_account_t *a)
{
    size_t                   i;
    wa_unit_t               *u;
    const wa_restriction_t  *r;

    for (i = 0; i < WA_RESTRICT_BAN; i++) {
        r = &a->life->restricts.of[i];

        if (r->on && r->until_ms != 0 && wa_unix_ms(a) >= r->until_ms) {
            u = wa_unit_new(a);
            wa_restrict_clear(u, (wa_restrict_e) i);
            (void) wa_unit_commit(u, NULL);
        }
    }
}
