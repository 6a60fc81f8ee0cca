/*
 * Payloads sealed with the secret of an earlier message: poll votes, answers
 * to events, encrypted reactions, comments and edits, what bots answer.
 * Source: protocol notes on content recipes; vectors msgsecret.json.
 */
#ifndef WA_SECRET_H
#define WA_SECRET_H

#include "wa_message.h"


/* Everything borrowed; addresses are bare. */
typedef struct {
    wa_span_t    secret;         /* WA_MESSAGE_SECRET_LEN bytes            */
    wa_sealed_e  use;
    wa_span_t    message_id;     /* of the message referred to; of a bot's
                                    answer its own                         */
    wa_jid_t     author;         /* its sender                             */
    wa_jid_t     writer;         /* who sealed this                        */
} wa_secret_t;


/*
 * Opens a payload; *out is in the arena.  WA_ERR_AUTH: another secret, or
 * other addresses.  WA_ERR_SYNTAX: the payload or its iv has an impossible
 * length.  WA_ERR_ARG, WA_ERR_NOMEM.
 */
wa_err_t wa_secret_open(const wa_secret_t *s, wa_span_t iv,
    wa_span_t payload, wa_arena_t *arena, wa_span_t *out);

/*
 * Seals one; *out, payload and tag, is in the arena.  `iv` has 12 random bytes
 * that were never used with this secret.  Errors of wa_secret_open() but for
 * WA_ERR_AUTH.
 */
wa_err_t wa_secret_seal(const wa_secret_t *s, wa_span_t iv, wa_span_t plain,
    wa_arena_t *arena, wa_span_t *out);

#endif /* WA_SECRET_H */
