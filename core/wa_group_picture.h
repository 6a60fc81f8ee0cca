/*
 * The picture of a group: where its preview is, kept in the group's record
 * (profile_pic_url of the HTTP contract).  Addresses are WhatsApp's and good
 * for some days; they are learnt when somebody asks for one, and when a
 * picture is changed.  Facts: protocol 15 (pictures), 8.6.
 */
#ifndef WA_GROUP_PICTURE_H
#define WA_GROUP_PICTURE_H

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_task.h"


/* Keeps the address of a group's picture, empty for none, with the event of
   a changed group if it was another.  Nobody waits for it. */
void wa_group_picture_told(wa_account_t *a, const wa_jid_t *group,
    wa_span_t url);

/* Asks where the new picture is, and keeps that.  Nobody waits for it. */
void wa_group_picture_ask(wa_account_t *a, const wa_jid_t *group);

/* Serial stanza task of <notification type=picture> from a group; ends
   it. */
void wa_group_picture_notification(wa_task_t *t);

#endif /* WA_GROUP_PICTURE_H */
