/*
 * Shared by the parts of receipts: of one person (wa_receipt.c), of many
 * members in one stanza (wa_receipt_group.c), of own devices
 * (wa_receipt_own.c).
 */
#ifndef WA_RECEIPT_INT_H
#define WA_RECEIPT_INT_H

#include "wa_receipt.h"


/* Ids in one receipt; the server sends at most 256. */
#define WA_RECEIPT_IDS_MAX   256

/* A message id of any client; ours have 22 characters. */
#define WA_RECEIPT_ID_LEN    128


/* Who tells what.  Addresses are bare; server NONE: not known, none. */
typedef struct {
    wa_jid_t     room;          /* NONE: 1:1 */
    wa_jid_t     chat;          /* of a 1:1 chat, the phone's when known */
    wa_jid_t     pn;            /* who tells, the phone's when known */
    wa_jid_t     lid;
    wa_jid_t     author;        /* of the messages, the LID when known; NONE:
                                   they are ours */
    const char  *status;
} wa_receipt_t;

/* Event message.receipt of one message.  WA_ERR_SYNTAX: no such id, nothing
   is told.  WA_ERR_NOMEM. */
wa_err_t wa_receipt_event(wa_unit_t *u, const wa_receipt_t *r, wa_span_t id,
    int64_t timestamp);

/*
 * What an own device tells, or this one is to tell: events of messages that
 * others wrote, and unless `status` is "played" that nothing in the chat is
 * unread.  `phone`: another device did it; what came after these messages is
 * then still unread in the history.  Needs the records of wa_lid_need() for
 * the author.  WA_ERR_NOMEM.
 */
wa_err_t wa_receipt_own(wa_unit_t *u, const wa_jid_t *chat,
    const wa_jid_t *author, const char *status, const wa_span_t *ids,
    size_t n, int64_t timestamp, bool phone);

/* Both addresses of a person as far as they are known. */
void wa_receipt_person(wa_account_t *a, const wa_jid_t *jid, wa_jid_t *pn,
    wa_jid_t *lid);

/* The id of the stanza and those of its <list>, at most
   WA_RECEIPT_IDS_MAX + 1, borrowed from it; returns how many. */
size_t wa_receipt_ids(const wa_node_t *stanza, wa_span_t *ids);

/* Serial tasks of what the file names say; end the task. */
void wa_receipt_group_stanza(wa_task_t *t, const char *status);
void wa_receipt_own_stanza(wa_task_t *t, const char *status);

/* Acknowledges the stanza and ends the task. */
void wa_receipt_ack_only(wa_task_t *t);

#endif /* WA_RECEIPT_INT_H */
