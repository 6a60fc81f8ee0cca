/*
 * Messages to our own phone (category=peer): requests of a companion to the
 * primary device.  They are encrypted for device 0 alone, are no part of a
 * chat, and the server keeps them while the phone is away.
 * Source: protocol notes on peer messages; whatsmeow sendPeerMessage.
 */
#ifndef WA_PRIMARY_H
#define WA_PRIMARY_H

#include "message.pb-c.h"

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_task.h"
#include "wa_unit.h"


/* The names that protobuf-c makes are long. */
#define WA_PRIMARY_TYPE(name)                                                 \
    WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__##name
#define WA_PRIMARY_DATA(name)                                                 \
    WA__MESSAGE__PEER_DATA_OPERATION_REQUEST_TYPE__##name
#define WA_PRIMARY_REQUEST(name)                                              \
    Wa__Message__PeerDataOperationRequestMessage__##name
#define WA_PRIMARY_REQUEST_INIT(name)                                         \
    wa__message__peer_data_operation_request_message__##name

typedef Wa__Message__ProtocolMessage                  wa_primary_message_t;
typedef Wa__Message__PeerDataOperationRequestMessage  wa_primary_request_t;


/* Records that a request needs, with their names in the task's arena; called
   anew after each wait.  Returns how many, 0: out of memory. */
#define WA_PRIMARY_MORE  20

typedef size_t (*wa_primary_need_pt)(wa_task_t *t, wa_key_t *keys);


/* The phone's address as its session is named. */
wa_jid_t wa_primary_jid(const wa_account_t *a);

/*
 * Child task: gets ready for wa_primary_send().  WA_AGAIN: the parent is
 * resumed with
 *   WA_OK        the account is online, there is a session with the phone,
 *                and what `need` names is in memory
 *   WA_ERR_GONE  the account is not online, or the phone is not registered
 *   else         errors of wa_task_need(), or of wa_bundle_fetch() and its
 *                result
 * WA_ERR_NOMEM: not started.
 */
wa_err_t wa_primary_reach(wa_task_t *parent, wa_primary_need_pt need);

/*
 * Encrypts a protocol message and holds the stanza.  Needs a session with the
 * phone in memory.  WA_ERR_NO_SESSION: not there; WA_ERR_NOMEM; else errors
 * of wa_sent_enc().
 */
wa_err_t wa_primary_send(wa_unit_t *u, wa_arena_t *arena,
    wa_primary_message_t *message);

/* The same for a request of this type, filled in but for that. */
wa_err_t wa_primary_request(wa_unit_t *u, wa_arena_t *arena,
    Wa__Message__PeerDataOperationRequestType type,
    wa_primary_request_t *request);

#endif /* WA_PRIMARY_H */
