/* Sending to a channel: the newsletter's parts of wa_send*.c. */
#ifndef WA_NEWSLETTER_SEND_H
#define WA_NEWSLETTER_SEND_H

#include "wa_compose.h"
#include "wa_message.h"
#include "wa_prepare.h"


/*
 * What may be sent to a channel.  NULL: fine, and what channels do not have
 * is taken out of the draft; otherwise the error code, a sentence in
 * *message.
 */
const char *wa_newsletter_check(wa_draft_t *d, const char **message);

/*
 * After wa_prepare_message(): goes on with `ready`, now or later, with WA_OK
 * once wa_newsletter_unit() can be called, WA_ERR_ARG (the draft's error says
 * why: MESSAGE_NOT_FOUND, INVALID_STATE), WA_ERR_NOMEM.
 * A target of at most ten digits is taken for the server's number.
 */
void wa_newsletter_prepare(wa_task_t *t, wa_prepare_t *p, wa_task_pt ready);

/* wa_prepare_unit() for channels. */
wa_err_t wa_newsletter_unit(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p);

/*
 * The event of what was sent, if it changes another message: message.edited,
 * message.deleted, message.reaction.  WA_ERR_STATE: it is a message of its
 * own, or of another chat; WA_ERR_NOMEM.
 */
wa_err_t wa_newsletter_changed(wa_unit_t *u, const wa_send_t *s,
    const wa_content_t *c);

/* The server took it: its number is kept.  Does nothing for other chats. */
void wa_newsletter_acked(wa_unit_t *u, const wa_send_t *s,
    const wa_node_t *ack);

#endif /* WA_NEWSLETTER_SEND_H */
