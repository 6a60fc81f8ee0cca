/*
 * Disappearing chats, see wa_expiry.h.
 */
#include "wa_expiry.h"

#include <stdio.h>

#include "store.pb-c.h"

#include "wa_account_int.h"
#include "wa_pb.h"


#define EXPIRY_NAME_LEN  (WA_JID_TEXT_MAX + 8)


static bool expiry_name(const wa_jid_t *chat, char name[EXPIRY_NAME_LEN]);
static bool expiry_read(wa_account_t *a, const char *name, uint32_t *seconds,
    int64_t *set);


bool
wa_expiry_need(const wa_jid_t *chat, wa_arena_t *arena, wa_key_t *key)
{
    char  name[EXPIRY_NAME_LEN];

    key->day = 0;

    return expiry_name(chat, name)
           && wa_arena_dup_span(arena, wa_span_str(name), &key->name)
              == WA_OK;
}


uint32_t
wa_expiry_get(wa_account_t *a, const wa_jid_t *chat, int64_t *set)
{
    char      name[EXPIRY_NAME_LEN];
    uint32_t  seconds;

    *set = 0;

    return expiry_name(chat, name) && expiry_read(a, name, &seconds, set)
           ? seconds : 0;
}


wa_err_t
wa_expiry_put(wa_unit_t *u, const wa_jid_t *chat, uint32_t seconds,
    int64_t set)
{
    char             name[EXPIRY_NAME_LEN];
    int64_t          since, now;
    wa_buf_t         packed = WA_BUF_EMPTY;
    uint32_t         known;
    wa_err_t         rc;
    wa_account_t    *a;
    Wa__ChatExpiry   e = WA__CHAT_EXPIRY__INIT;

    a = wa_unit_account(u);
    now = wa_unix_s(a);

    if (seconds > WA_EXPIRY_MAX || !expiry_name(chat, name)) {
        return WA_OK;
    }

    /* A clock ahead of ours must not keep later settings out. */

    if (set <= 0 || set > now) {
        set = now;
    }

    if (expiry_read(a, name, &known, &since)
        && (known == seconds || since > set))
    {
        return WA_OK;
    }

    e.has_seconds = 1;
    e.seconds = seconds;
    e.has_since = 1;
    e.since = set;

    rc = WA_PB_PACK(&e, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put(u, name, 0, wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc;
}


static bool
expiry_name(const wa_jid_t *chat, char name[EXPIRY_NAME_LEN])
{
    char      text[WA_JID_TEXT_MAX];
    wa_jid_t  bare;

    bare = wa_jid_bare(chat);

    if (!wa_jid_is_user(&bare)
        || wa_jid_format(&bare, text, sizeof(text)) == 0)
    {
        return false;
    }

    (void) snprintf(name, EXPIRY_NAME_LEN, "exp/%s", text);

    return true;
}


/* False: not in memory, or broken; an absent one is 0 since ever. */
static bool
expiry_read(wa_account_t *a, const char *name, uint32_t *seconds,
    int64_t *set)
{
    bool             ok;
    wa_arena_t       arena;
    wa_span_t        value;
    Wa__ChatExpiry  *e;

    *seconds = 0;
    *set = 0;

    if (wa_record_get(a, name, 0, &value) != WA_OK) {
        return false;
    }

    if (value.p == NULL) {
        return true;
    }

    wa_arena_init(&arena, 0);
    ok = (WA_PB_UNPACK(wa__chat_expiry__descriptor, value, &arena, &e)
          == WA_OK);

    if (ok && e->has_seconds && e->seconds <= WA_EXPIRY_MAX) {
        *seconds = e->seconds;
        *set = e->has_since ? e->since : 0;
    }

    wa_arena_free(&arena);

    return ok;
}
