/*
 * Profile pictures: the account's own, a person's, a group's.  One place for
 * xmlns w:profile:picture.  Verbs of WA_OP_QUERY:
 *
 *   picture.get     jid (person or group), size preview|image = preview
 *                   -> {url s|null, id s|null, hidden b}; url is https at
 *                   WhatsApp's servers and good for some days; null: there
 *                   is no picture, or (hidden) it is not shown to us
 *   picture.set     image: a JPEG in base64, square, up to
 *                   WA_PICTURE_SIDE pixels and WA_PICTURE_MAX bytes;
 *                   jid: of a group; absent: the account's own
 *                   -> {success, id s|null}
 *   picture.remove  jid as before -> {success, id: null}
 *
 * Errors: VALIDATION_ERROR, those of wa_query_failed() (a group where we may
 * not: SEND_FAILED 401 or 403; a bad image: SEND_FAILED 406).  Facts: protocol
 * 15; with whatsmeow user.go and Baileys chats.js, a person is asked for
 * together with the token that person gave us.
 */
#ifndef WA_PROFILE_PICTURE_H
#define WA_PROFILE_PICTURE_H

#include "wa_mem.h"
#include "wa_node.h"
#include "wa_query.h"


/* Pixels of a side, and bytes. */
#define WA_PICTURE_SIDE  640
#define WA_PICTURE_MAX   (512 * 1024)


/* One function for the three: the verb is in the arguments. */
void wa_profile_picture_query(wa_account_t *a, const wa_cmd_t *cmd);

/* The question alone, without a person's token; complete but for its id.
   Check it with wa_node_ok().  `full`: not a preview. */
wa_node_t *wa_profile_picture_iq(wa_arena_t *arena, const wa_jid_t *jid,
    bool full);

/* The address in an answer, borrowed; empty: there is no picture. */
wa_span_t wa_profile_picture_url(const wa_node_t *answer);

#endif /* WA_PROFILE_PICTURE_H */
