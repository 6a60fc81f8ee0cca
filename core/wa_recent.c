/*
 * Lately seen stanzas, see wa_recent.h.
 */
#include "wa_recent.h"

#include "wa_account_int.h"
#include "wa_crypto.h"


/* 1 KiB; a burst larger than this is still caught by the seen records when
   it is delivered again after a reconnect. */
#define RECENT_MAX  128

/* Unix seconds, year 9999: what an ISO time can say. */
#define RECENT_TIME_MAX  INT64_C(253402300799)

struct wa_recent_s {
    uint64_t  brief[RECENT_MAX];
    size_t    next;
};


static void name_make(const char *prefix, const uint8_t *digest,
    char out[WA_STANZA_NAME_LEN]);
static uint64_t brief_of(const uint8_t *digest);


wa_err_t
wa_stanza_key(const wa_account_t *a, const wa_node_t *stanza,
    wa_stanza_key_t *out)
{
    int64_t    ts;
    uint8_t    digest[WA_SHA256_LEN];
    uint32_t   today, day;
    wa_err_t   rc;
    wa_span_t  parts[5];

    parts[0] = wa_node_attr(stanza, "from");
    parts[1] = wa_span("/", 1);
    parts[2] = wa_node_attr(stanza, "participant");
    parts[3] = wa_span("/", 1);
    parts[4] = wa_node_attr(stanza, "id");

    rc = wa_sha256(parts, 5, digest);
    if (rc != WA_OK) {
        return rc;
    }

    name_make("seen/", digest, out->seen);
    name_make("rtry/", digest, out->rtry);
    out->brief = brief_of(digest);

    today = wa_day(wa_unix_s(a));
    day = today;

    if (wa_node_attr_i64(stanza, "t", &ts) && ts > 0) {
        day = wa_day(ts);
    }

    if (day > today + 1 || day + WA_BUCKET_DAYS <= today + 1) {
        day = today;
    }

    out->day = day;

    return WA_OK;
}


int64_t
wa_stanza_time(const wa_account_t *a, const wa_node_t *stanza)
{
    int64_t  ts;

    if (!wa_node_attr_i64(stanza, "t", &ts) || ts <= 0 || ts > RECENT_TIME_MAX)
    {
        return wa_unix_s(a);
    }

    return ts;
}


wa_err_t
wa_recent_brief(const wa_span_t *parts, size_t n, uint64_t *brief)
{
    uint8_t   digest[WA_SHA256_LEN];
    wa_err_t  rc;

    rc = wa_sha256(parts, n, digest);
    if (rc != WA_OK) {
        return rc;
    }

    *brief = brief_of(digest);

    return WA_OK;
}


/* Never 0, which is an empty place of the ring. */
static uint64_t
brief_of(const uint8_t *digest)
{
    size_t    i;
    uint64_t  v;

    v = 0;

    for (i = 16; i < 24; i++) {
        v = (v << 8) | digest[i];
    }

    return v == 0 ? 1 : v;
}


static void
name_make(const char *prefix, const uint8_t *digest,
    char out[WA_STANZA_NAME_LEN])
{
    char    *p;
    size_t   i;

    static const char  hex[] = "0123456789abcdef";

    memcpy(out, prefix, 5);
    p = out + 5;

    for (i = 0; i < 16; i++) {
        *p++ = hex[digest[i] >> 4];
        *p++ = hex[digest[i] & 0x0f];
    }

    *p = '\0';
}


bool
wa_recent_has(const wa_account_t *a, uint64_t brief)
{
    size_t  i;

    if (a->recent == NULL) {
        return false;
    }

    for (i = 0; i < RECENT_MAX; i++) {
        if (a->recent->brief[i] == brief) {
            return true;
        }
    }

    return false;
}


void
wa_recent_add(wa_account_t *a, uint64_t brief)
{
    if (a->recent == NULL) {
        a->recent = wa_calloc(1, sizeof(wa_recent_t));

        /* Without the ring every message looks its record up. */

        if (a->recent == NULL) {
            return;
        }
    }

    a->recent->brief[a->recent->next] = brief;
    a->recent->next = (a->recent->next + 1) % RECENT_MAX;
}


void
wa_recent_free(wa_account_t *a)
{
    wa_free(a->recent);
    a->recent = NULL;
}
