/*
 * What is kept of a channel's message: its number and whether it is ours,
 * as text in its seen/<hash> record: "117", "117/me".
 */
#include "wa_newsletter.h"

#include <stdio.h>

#include "wa_account_int.h"


#define KNOWN_ID_MAX  256
#define KNOWN_OURS    "/me"


wa_err_t
wa_newsletter_key(wa_account_t *a, const wa_jid_t *channel, wa_span_t id,
    const char *what, int64_t ts, wa_stanza_key_t *key)
{
    int         n;
    char        from[WA_JID_TEXT_MAX], text[KNOWN_ID_MAX];
    wa_err_t    rc;
    wa_node_t  *stanza;
    wa_arena_t  arena;

    n = snprintf(text, sizeof(text), "%.*s%s", (int) id.n,
                 (const char *) id.p, what);

    if (id.n >= sizeof(text) || n < 0 || (size_t) n >= sizeof(text)
        || wa_jid_format(channel, from, sizeof(from)) == 0)
    {
        return WA_ERR_ARG;
    }

    wa_arena_init_pool(&arena, &a->engine->arenas);
    stanza = wa_node_new(&arena, "message");
    wa_node_set_str(&arena, stanza, "from", from);
    wa_node_set_str(&arena, stanza, "id", text);

    if (ts > 0) {
        wa_node_set_u64(&arena, stanza, "t", (uint64_t) ts);
    }

    rc = wa_node_ok(stanza);

    if (rc == WA_OK) {
        rc = wa_stanza_key(a, stanza, key);
    }

    wa_arena_free(&arena);

    return rc;
}


/* The bucket is the day of the message, which is not always known. */
size_t
wa_newsletter_need(wa_account_t *a, const wa_stanza_key_t *key,
    wa_key_t *keys)
{
    size_t    n;
    uint32_t  today;

    today = wa_day(wa_unix_s(a));

    for (n = 0; n < WA_BUCKET_DAYS && n < today; n++) {
        keys[n].name = wa_span_str(key->seen);
        keys[n].day = today - (uint32_t) n;
    }

    return n;
}


bool
wa_newsletter_known(wa_account_t *a, const wa_stanza_key_t *key,
    wa_newsletter_known_t *out)
{
    size_t     i, digits;
    uint32_t   today;
    wa_span_t  value;

    memset(out, 0, sizeof(*out));
    today = wa_day(wa_unix_s(a));

    for (i = 0; i < WA_BUCKET_DAYS && i < today; i++) {

        if (wa_record_get(a, key->seen, today - (uint32_t) i, &value)
            != WA_OK || value.p == NULL)
        {
            continue;
        }

        digits = 0;

        while (digits < value.n && value.p[digits] >= '0'
               && value.p[digits] <= '9')
        {
            digits++;
        }

        if (!wa_span_u64(wa_span(value.p, digits), &out->server_id)) {
            out->server_id = 0;
        }

        out->from_me = wa_span_eq_str(wa_span(value.p + digits,
                                              value.n - digits), KNOWN_OURS);

        return true;
    }

    return false;
}


wa_err_t
wa_newsletter_put(wa_unit_t *u, const wa_stanza_key_t *key,
    const wa_newsletter_known_t *known)
{
    int   n;
    char  value[32];

    n = snprintf(value, sizeof(value), "%llu%s",
                 (unsigned long long) known->server_id,
                 known->from_me ? KNOWN_OURS : "");

    return wa_unit_put_cold(u, key->seen, key->day,
                            wa_span(value, (size_t) n));
}
