/*
 * Messages to our own phone (category=peer): requests of a companion to the
 * primary device.  They are encrypted for device 0 alone, are no part of a
 * chat, and the server keeps them while the phone is away.
 * Source: protocol notes on peer messages; whatsmeow sendPeerMessage.
 */
#ifndef WA_PRIMARY_H
#define WA_PRIMARY_H

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_task.h"
#include "wa_unit.h"


/* Keys of wa_primary_need(). */
#define WA_PRIMARY_KEYS  5

/* The phone's address as its session is named. */
wa_jid_t wa_primary_jid(const wa_account_t *a);

/* Records of wa_primary_send() and of wa_bundle_fetch() for the phone; 0: out
   of memory. */
size_t wa_primary_need(const wa_account_t *a, wa_arena_t *arena,
    wa_key_t *keys);

/*
 * Encrypts Message bytes and holds the stanza.  Needs a session with the
 * phone in memory.  WA_ERR_NO_SESSION: fetch one first; WA_ERR_NOMEM; else
 * errors of wa_sent_enc().
 */
wa_err_t wa_primary_send(wa_unit_t *u, wa_arena_t *arena, wa_span_t message);

#endif /* WA_PRIMARY_H */
