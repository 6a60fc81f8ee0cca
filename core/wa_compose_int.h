/*
 * Making messages, shared between its files.
 *
 *   wa_compose.c          the table of kinds, what all kinds have, packing
 *   wa_compose_args.c     members of the arguments, checked
 *   wa_compose_kinds.c    texts, places, polls, events, invitations
 *   wa_compose_card.c     contacts
 *   wa_compose_media.c    media, once they are uploaded
 *   wa_compose_refer.c    what changes another message
 *   wa_compose_mention.c  who is mentioned
 */
#ifndef WA_COMPOSE_INT_H
#define WA_COMPOSE_INT_H

#include "wa_compose.h"


/*
 * Readers of one member of `o`.  The first error of a draft stays; after one
 * they may return anything harmless.  `max` in bytes.
 */

/* NUL-terminated copy; NULL: absent or "", or an error. */
char *wa_arg_text(wa_draft_t *d, const json_t *o, const char *name,
    size_t max);

/* The same; absent or "" is an error. */
char *wa_arg_need(wa_draft_t *d, const json_t *o, const char *name,
    size_t max);

/* Absent: false. */
bool wa_arg_bool(wa_draft_t *d, const json_t *o, const char *name);

/* False: absent, or an error; *out untouched. */
bool wa_arg_number(wa_draft_t *d, const json_t *o, const char *name,
    double min, double max, double *out);
bool wa_arg_int(wa_draft_t *d, const json_t *o, const char *name,
    int64_t min, int64_t max, int64_t *out);

/* base64 with padding, `min`..`max` bytes.  False: absent, or an error. */
bool wa_arg_bytes(wa_draft_t *d, const json_t *o, const char *name,
    size_t min, size_t max, ProtobufCBinaryData *out);

/* A message reference, wahub's id or WhatsApp's.  False: absent or bad. */
bool wa_arg_ref(wa_draft_t *d, const json_t *o, const char *name,
    wa_compose_ref_t *out);

/* The recipient's forms of address, made bare.  False: not one. */
bool wa_arg_jid(const json_t *v, wa_jid_t *out);

/* Notes an error about a field; `what` completes "<field>: ". */
void wa_arg_bad(wa_draft_t *d, const char *field, const char *problem,
    const char *what);

/* Notes another one; `message` is a sentence. */
void wa_arg_refuse(wa_draft_t *d, const char *code, const char *message);

/* Zeroed, in the arena; NULL is noted. */
void *wa_arg_new(wa_draft_t *d, size_t size);

/* A row of the table each. */
void wa_compose_text(wa_draft_t *d, const json_t *args);
void wa_compose_location(wa_draft_t *d, const json_t *args);
void wa_compose_poll(wa_draft_t *d, const json_t *args);
void wa_compose_event(wa_draft_t *d, const json_t *args);
void wa_compose_invite(wa_draft_t *d, const json_t *args);
void wa_compose_contact(wa_draft_t *d, const json_t *args);
void wa_compose_image(wa_draft_t *d, const json_t *args);
void wa_compose_video(wa_draft_t *d, const json_t *args);
void wa_compose_audio(wa_draft_t *d, const json_t *args);
void wa_compose_document(wa_draft_t *d, const json_t *args);
void wa_compose_sticker(wa_draft_t *d, const json_t *args);
void wa_compose_album(wa_draft_t *d, const json_t *args);
void wa_compose_reaction(wa_draft_t *d, const json_t *args);
void wa_compose_edit(wa_draft_t *d, const json_t *args);
void wa_compose_delete(wa_draft_t *d, const json_t *args);
void wa_compose_pin(wa_draft_t *d, const json_t *args);
void wa_compose_keep(wa_draft_t *d, const json_t *args);

/* The member `mentions`, which all kinds have. */
void wa_compose_mentions(wa_draft_t *d, const json_t *args);

/* The key of d->target.  Errors of wa_compose_message(). */
wa_err_t wa_compose_key(wa_draft_t *d, const wa_compose_t *c);

/* An edit of a medium whose bytes are known becomes one of its caption. */
wa_err_t wa_compose_caption(wa_draft_t *d);

/* A message that another one takes over: without its wrappers, in the arena
   of the draft and to be changed at will.  Errors of wa_message_decode(). */
wa_err_t wa_compose_open(wa_draft_t *d, wa_span_t message, Wa__Message **out);

/* Text of an address, in the arena; NULL: no memory. */
char *wa_compose_jid(wa_draft_t *d, const wa_jid_t *jid);

#endif /* WA_COMPOSE_INT_H */
