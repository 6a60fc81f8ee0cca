/*
 * Who is mentioned in a message, by both addresses.  The wire names a person
 * in one way, in groups mostly by LID (protocol 9.9).
 */
#ifndef WA_EVENT_MENTION_H
#define WA_EVENT_MENTION_H

#include "wa_account.h"
#include "wa_event_message.h"
#include "wa_jw.h"
#include "wa_mem.h"
#include "wa_task.h"


/* Those whose other address is looked for; more stay as they stand. */
#define WA_MENTIONS_KNOWN_MAX  64

/* Of WA_MENTIONS_KNOWN_MAX people, and the group's. */
#define WA_MENTION_KEYS  (WA_MENTIONS_KNOWN_MAX + 1)


/* Records that tell the other addresses, WA_MENTION_KEYS at most; returns how
   many.  `chat` is where the message is.  Names are in the arena. */
size_t wa_mentions_need(const wa_content_t *c, const wa_jid_t *chat,
    wa_arena_t *arena, wa_key_t *keys);

/* Both addresses, as far as records in memory know; in the arena.  NULL: there
   are none, or no memory. */
const wa_mention_t *wa_mentions_find(wa_account_t *a, const wa_content_t *c,
    const wa_jid_t *chat, wa_arena_t *arena);

/* The members "mentions", phone addresses where they are known, and, unless
   nobody is mentioned, "mention_lids" of the same order. */
void wa_mentions_json(const wa_message_view_t *v, wa_jw_t *w);

#endif /* WA_EVENT_MENTION_H */
