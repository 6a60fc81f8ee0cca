/*
 * What of a message's content WhatsApp wants to see outside the encryption:
 * attributes of <message> and <enc>, and <meta>.
 *
 * They follow from the Message bytes alone, so a message that is sent again
 * days later gets the same ones.
 * Source: protocol notes, attributes derived from content.
 */
#ifndef WA_STANZA_H
#define WA_STANZA_H

#include "message.pb-c.h"

#include "wa_base.h"
#include "wa_mem.h"
#include "wa_node.h"


/* Constant strings; NULL: absent. */
typedef struct {
    const char  *type;        /* text, media, reaction, poll, event        */
    const char  *edit;        /* 1 edit, 2 pin, 7 taken back, 8 by admin   */
    const char  *mediatype;   /* of <enc>                                  */
    bool         hide;        /* <enc decrypt-fail=hide>                   */
    const char  *meta_name;   /* the attribute of <meta>                   */
    const char  *meta_value;
} wa_stanza_attrs_t;


/*
 * Of unpadded Message bytes.  `arena` is used for work.  What cannot be read
 * is taken for a text: WA_ERR_NOMEM is the only error.
 */
wa_err_t wa_stanza_attrs(wa_span_t message, wa_arena_t *arena,
    wa_stanza_attrs_t *out);

/* Of a message that is at hand already. */
void wa_stanza_of(const Wa__Message *message, wa_stanza_attrs_t *out);

/* Sets type and edit of <message>. */
void wa_stanza_message(const wa_stanza_attrs_t *x, wa_arena_t *arena,
    wa_node_t *message);

/* Sets mediatype and decrypt-fail of <enc> (also <plaintext>). */
void wa_stanza_enc(const wa_stanza_attrs_t *x, wa_arena_t *arena,
    wa_node_t *enc);

/* Adds <meta>, if there is to be one, as the next child. */
void wa_stanza_meta(const wa_stanza_attrs_t *x, wa_arena_t *arena,
    wa_node_t *message);

#endif /* WA_STANZA_H */
