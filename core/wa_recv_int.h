/*
 * Receiving, shared between its files: one message on its way in.
 */
#ifndef WA_RECV_INT_H
#define WA_RECV_INT_H

#include "wa_appstate.h"
#include "wa_message.h"
#include "wa_node.h"
#include "wa_recent.h"
#include "wa_task.h"
#include "wa_unit.h"


typedef struct {
    wa_arena_t       *arena;       /* of the task                          */
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
    wa_jid_t          room;        /* group or broadcast; NONE: 1:1; then
                                      chat and those below are the sender */
    const wa_node_t  *node;        /* the <enc>                            */
    const wa_node_t  *direct;      /* room: beside it, one that brings the
                                      sender key; NULL: none               */
    wa_span_t         type;
    wa_span_t         plain;       /* Message bytes                        */
    wa_stanza_key_t   key;
    uint64_t          business;    /* a name that was told; 0: none        */
    uint8_t           reason;      /* wa_retry_e                           */
    bool              pair;        /* pn and lid are both from the stanza  */
    bool              from_me;
    bool              peer;        /* category=peer                        */
    bool              asked;       /* the seen record is loaded            */
    bool              known;       /* delivered before                     */
    bool              sought;      /* a session of the PN was looked for   */
    bool              keyed;       /* the direct <enc> was decrypted       */
    bool              referred;    /* what it refers to is there           */
    wa_err_t          failed;      /* why it does not decrypt              */
} wa_recv_t;


/* Fills in pn, lid, show and who from chat and the map in memory. */
void wa_recv_resolve(wa_account_t *a, wa_recv_t *m);

/*
 * Said in a room, for all who are in it.  What somebody sends to a broadcast
 * list of theirs is not: each who gets it sees it in the chat with its writer
 * (Baileys getChatId; whatsmeow IsIncomingBroadcast).
 */
static inline bool
wa_recv_in_room(const wa_recv_t *m)
{
    return m->room.server != WA_SERVER_NONE
           && (m->from_me || !wa_jid_is_list(&m->room));
}

/* Where it was said, as events show it. */
static inline const wa_jid_t *
wa_recv_chat(const wa_recv_t *m)
{
    return wa_recv_in_room(m) ? &m->room : &m->show;
}


/* ---- rooms (wa_recv_room.c) ---- */

/*
 * Takes room and sending device from a stanza that came from a room.
 * WA_ERR_STATE: nobody's message.
 */
wa_err_t wa_recv_room_parse(const wa_node_t *stanza, wa_recv_t *m);

/*
 * Decrypts the <enc> that brings the sender key, if there is one, and takes
 * the key in; m->keyed tells.  Sets m->reason if it does not decrypt.
 * WA_OK also then; WA_ERR_NOMEM, WA_ERR_STATE, WA_ERR_FATAL: drop the unit.
 */
wa_err_t wa_recv_room_key(wa_unit_t *u, wa_task_t *t, wa_recv_t *m);

/* Takes in the sender key in a Message from the room's member, if there is
   one.  WA_ERR_NOMEM, WA_ERR_STATE. */
wa_err_t wa_recv_room_learn(wa_unit_t *u, wa_task_t *t, const wa_recv_t *m,
    wa_span_t plain);


/* A person or a bot. */
bool wa_recv_writes(const wa_jid_t *jid);

/* A bot's message that is told: the beginning of an answer, of an unknown
   kind if it does not open with the secret of what the bot was asked, and the
   end. */
bool wa_recv_bot(const wa_node_t *stanza);

/* Takes over the task of a parsed message that no session opens; ends it. */
void wa_recv_unknown(wa_task_t *t);

/* Puts what follows from a decrypted message into the unit: events, records
   and the receipt.  WA_ERR_NOMEM: drop the unit. */
wa_err_t wa_recv_deliver(wa_unit_t *u, wa_task_t *t, wa_recv_t *m,
    const wa_content_t *c);

/* The same without a receipt: for a message that came another way than in its
   own stanza. */
wa_err_t wa_recv_deliver_late(wa_unit_t *u, wa_recv_t *m,
    const wa_content_t *c);

/*
 * Who wrote the message that a key points at; `fromMe` in a key is as its
 * writer sees it.  *author: bare, the LID when known; of ours it says
 * nothing.  False: no usable key.
 */
bool wa_recv_target(wa_account_t *a, const wa_recv_t *m,
    const Wa__MessageKey *key, bool *ours, wa_jid_t *author);


/* ---- what has to be there first (wa_recv_refer.c) ---- */

/*
 * True: the unit was dropped, and `again` is called when it is there, where
 * the message is to be decrypted once more.  False: there is nothing of the
 * kind, or it is there.
 */
bool wa_recv_refer(wa_task_t *t, wa_unit_t *u, const wa_content_t *c,
    wa_task_pt again);


/* ---- what is sealed with another message's secret (wa_recv_sealed.c) ---- */

/* Records that are needed to open it; returns how many, WA_SEALED_KEYS at
   most.  The names are in m->arena. */
#define WA_SEALED_KEYS  (2 * WA_BUCKET_DAYS + 1)

size_t wa_recv_sealed_need(wa_account_t *a, const wa_recv_t *m,
    const wa_content_t *c, wa_key_t *keys);

/*
 * Opens it.  *done: it was a vote, its event is in the unit.  Otherwise *out,
 * a copy of *c beforehand, is the content to be delivered: *c itself, when it
 * does not open.  WA_ERR_NOMEM, WA_ERR_LIMIT: drop the unit.
 */
wa_err_t wa_recv_sealed(wa_unit_t *u, const wa_recv_t *m,
    const wa_content_t *c, wa_content_t *out, bool *done);

/* Keeps the secret of a message for what will refer to it. */
wa_err_t wa_recv_secret_keep(wa_unit_t *u, const wa_content_t *c,
    const char *ref);


/* Records of what our own phone may tell: WA_PLACEHOLDER_KEYS + 1 at most. */
size_t wa_recv_primary_need(wa_account_t *a, wa_arena_t *arena,
    wa_key_t *keys);

/* The receipt alone. */
void wa_recv_answer(wa_unit_t *u, wa_task_t *t, const wa_recv_t *m);

#endif /* WA_RECV_INT_H */
