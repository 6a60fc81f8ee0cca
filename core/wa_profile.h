/*
 * Profiles: what people say about themselves, the account's own and that of
 * businesses.  Pictures are in wa_profile_picture.h, about texts of others in
 * wa_lookup.h.  Verbs of WA_OP_QUERY:
 *
 *   profile.about      about: up to WA_PROFILE_ABOUT characters, "" for none
 *                      -> {success}
 *   contact.business   jid -> {business: null | {jid, description, address,
 *                      email, websites [s], categories [s], hours o?,
 *                      profile_options o?}}
 *
 * Errors: VALIDATION_ERROR, those of wa_query_failed().
 *
 * Notifications become contact.updated with what is new: status_text,
 * verified_name, or profile_pic_url null and picture_id (null: it was taken
 * away), because where a picture is has to be asked for.
 *
 * Facts: protocol 15, 8.6; whatsmeow user.go (about, business profile),
 * notification.go (picture, status).
 */
#ifndef WA_PROFILE_H
#define WA_PROFILE_H

#include "wa_query.h"


/* In characters, as WhatsApp counts. */
#define WA_PROFILE_ABOUT  139


void wa_profile_about_query(wa_account_t *a, const wa_cmd_t *cmd);
void wa_profile_business_query(wa_account_t *a, const wa_cmd_t *cmd);

/*
 * New reference: {jid, lid, account_id} of a person, whose number is the jid
 * if it is known; contact.updated adds what is new.  Needs the record of
 * wa_lid_need(), unless both addresses are given.  NULL: out of memory.
 */
json_t *wa_profile_contact(wa_account_t *a, const wa_jid_t *who);

/* The name in the certificate of a <verified_name>; empty: none. */
wa_span_t wa_profile_verified(wa_arena_t *arena, const wa_node_t *node);

/* Serial stanza task of <notification type=picture|status|business> about a
   person; acknowledges it and ends the task. */
void wa_profile_notification(wa_task_t *t);

/* Serial stanza task of <notification type=account_sync> with <picture>: the
   account's own was changed elsewhere.  Told as other people's are, without
   picture_id. */
void wa_profile_own_notification(wa_task_t *t);

#endif /* WA_PROFILE_H */
