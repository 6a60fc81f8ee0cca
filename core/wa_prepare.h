/*
 * What is put together for one send: the message, its copies for every
 * device, and the records that let it be repeated.
 */
#ifndef WA_PREPARE_H
#define WA_PREPARE_H

#include "wa_device.h"
#include "wa_idem.h"
#include "wa_send_int.h"
#include "wa_stanza.h"


/* Recipient and ourselves. */
#define WA_PREPARE_USERS_MAX  2

typedef struct wa_room_s  wa_room_t;            /* wa_group_send.c       */

typedef struct {
    wa_send_t         *send;
    char               cid[WA_IDEM_NAME_LEN];   /* "" none                */
    char               quoted[WA_SENT_NAME_LEN];    /* records of those */
    char               target[WA_SENT_NAME_LEN];    /* referred to; "" */
    wa_jid_t           users[WA_PREPARE_USERS_MAX];
    size_t             n_users;
    bool               self;                    /* chat with ourselves    */
    wa_device_list_t   list;
    wa_jid_t          *missing;
    wa_err_t          *results;
    size_t             n_missing;
    bool               fetched;
    wa_jid_t           chat;                    /* as addressed           */
    bool               again;                   /* sent and refused once  */
    bool               asked;                   /* about a group of which
                                                   nothing was known      */
    char               id[WA_SENT_ID_MAX + 1];  /* again: of the send     */
    bool               keyed;                   /* `secret` is in it      */
    uint8_t            secret[WA_COMPOSE_SECRET_LEN];
    wa_stanza_attrs_t  attrs;
    wa_span_t          copy;                    /* for own devices        */
    wa_room_t         *room;                    /* NULL: to one person    */
    wa_task_pt         ready;                   /* channels: goes on there */
    uint64_t           server_id;               /* of what is reacted to   */
    bool               seal;                    /* wa_send_seal.h          */
    wa_span_t          wire;                    /* Message bytes that leave
                                                   instead of the send's;
                                                   n 0: none              */
    bool               same_id;                 /* changes a message under
                                                   its id: its record stays */
} wa_prepare_t;


/*
 * Chooses id and secret and makes the Message and what is seen of it
 * outside.  Needs the records of the messages that it refers to.  The chat
 * is p->chat, if that is set, else the recipient's best address.
 * Errors of wa_compose_message().
 */
wa_err_t wa_prepare_message(wa_task_t *t, wa_prepare_t *p);

/* The Message bytes that leave. */
static inline wa_span_t
wa_prepare_wire(const wa_prepare_t *p)
{
    return p->wire.n != 0 ? p->wire : wa_span_buf(&p->send->message);
}


/* The same for a send that has its Message: what is seen of it outside.
   Errors of wa_stanza_attrs(). */
wa_err_t wa_prepare_again(wa_task_t *t, wa_prepare_t *p);

/*
 * Fills the unit: sessions, out/<id>, pend/<id>, pending, the client's id
 * and key, the held stanza.  Needs all session records.  WA_ERR_NO_SESSION:
 * no device of the recipient can be encrypted for; other errors: drop the
 * unit.
 */
wa_err_t wa_prepare_unit(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p);

/* The last part of it: out/<id>, pend/<id>, pending, the client's id and key,
   and the stanza, held.  WA_ERR_ARG, WA_ERR_LIMIT, WA_ERR_NOMEM. */
wa_err_t wa_prepare_records(wa_unit_t *u, wa_prepare_t *p,
    const wa_node_t *stanza);

/* Shared by wa_send_prepare.c and wa_send_again.c: from the device lists, or
   the members of the group, on; the end without a stanza; true: nobody waits
   for it any more. */
void wa_prepare_resolve(wa_task_t *t, wa_prepare_t *p);
void wa_prepare_failed(wa_task_t *t, wa_err_t rc);
bool wa_prepare_dropped(wa_task_t *t);

/* The same steps of a send that is made anew.  Takes the unit. */
void wa_prepare_again_ready(wa_task_t *t, wa_unit_t *u);
void wa_prepare_again_failed(wa_task_t *t, wa_err_t rc);

#endif /* WA_PREPARE_H */
