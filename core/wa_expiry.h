/*
 * How long the messages of a chat with one person are kept: record
 * exp/<address>, under each of the person's addresses that is known.  Fed by
 * what the setting's change says, and by what messages carry; a group's is in
 * its own record (wa_group.h).  Source: protocol notes, disappearing chats.
 */
#ifndef WA_EXPIRY_H
#define WA_EXPIRY_H

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_mem.h"
#include "wa_unit.h"


/* Longer is no setting of WhatsApp's, s. */
#define WA_EXPIRY_MAX  (366 * 86400)

/* Names the record; false: not a person, or out of memory. */
bool wa_expiry_need(const wa_jid_t *chat, wa_arena_t *arena, wa_key_t *key);

/* Seconds, 0: for ever; *set: since when, unix s, 0 not known.  Needs the
   record. */
uint32_t wa_expiry_get(wa_account_t *a, const wa_jid_t *chat, int64_t *set);

/*
 * The setting since `set` (unix s).  Needs no record; one that is in memory
 * is only written when it changes, and not by an older setting.
 * Errors of wa_unit_put().
 */
wa_err_t wa_expiry_put(wa_unit_t *u, const wa_jid_t *chat, uint32_t seconds,
    int64_t set);

#endif /* WA_EXPIRY_H */
