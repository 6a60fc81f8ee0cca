/*
 * Receiving, shared between its files: one message on its way in.
 */
#ifndef WA_RECV_INT_H
#define WA_RECV_INT_H

#include "wa_message.h"
#include "wa_node.h"
#include "wa_recent.h"
#include "wa_task.h"
#include "wa_unit.h"


typedef struct {
    wa_span_t         id;
    wa_jid_t          from;        /* sender device, as in the stanza      */
    wa_jid_t          enc;         /* whose session: the LID when known    */
    wa_jid_t          chat;        /* bare, as in the stanza               */
    wa_jid_t          pn;          /* the chat's person; NONE: not known   */
    wa_jid_t          lid;
    wa_jid_t          show;        /* what events show: the PN when known  */
    wa_jid_t          who;         /* what references use: LID when known  */
    int64_t           ts;          /* unix seconds                         */
    wa_span_t         push_name;
    const wa_node_t  *node;        /* the <enc>                            */
    wa_span_t         type;
    wa_span_t         plain;       /* Message bytes                        */
    wa_stanza_key_t   key;
    uint8_t           reason;      /* wa_retry_e                           */
    bool              pair;        /* pn and lid are both from the stanza  */
    bool              from_me;
    bool              peer;        /* category=peer                        */
    bool              asked;       /* the seen record is loaded            */
    bool              known;       /* delivered before                     */
    bool              sought;      /* a session of the PN was looked for   */
    wa_err_t          failed;      /* why it does not decrypt              */
} wa_recv_t;


/* Fills in pn, lid, show and who from chat and the map in memory. */
void wa_recv_resolve(wa_account_t *a, wa_recv_t *m);

/* Puts what follows from a decrypted message into the unit: events, records
   and the receipt.  WA_ERR_NOMEM: drop the unit. */
wa_err_t wa_recv_deliver(wa_unit_t *u, wa_task_t *t, wa_recv_t *m,
    const wa_content_t *c);

/* The receipt alone.  `c` NULL: not decrypted this time. */
void wa_recv_answer(wa_unit_t *u, wa_task_t *t, const wa_recv_t *m,
    const wa_content_t *c);

#endif /* WA_RECV_INT_H */
