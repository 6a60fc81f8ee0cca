/*
 * The version of WhatsApp Web that we say we are, 2.3000.<build>.  The server
 * raises its floor all the time and answers who is below it with failure 405;
 * the host then looks for the present build, for all accounts together.
 *
 *     405 -> WA_OUT_VERSION -> wa_engine_set_version() -> WA_DONE_VERSION
 *
 * The build is what https://web.whatsapp.com/ names as its client_revision
 * (protocol: whatsmeow update.go; Baileys reads the same from /sw.js).
 */
#ifndef WA_VERSION_H
#define WA_VERSION_H

#include "wa_account.h"


/* "2.3000.4294967295" and NUL. */
#define WA_VERSION_TEXT  20

/* The build in use unless another one is configured or known. */
#define WA_VERSION_BUILD  1045649367u

/* "2.3000.N" -> N, which is not 0.  WA_ERR_SYNTAX: not such a text. */
wa_err_t wa_version_parse(wa_span_t text, uint32_t *build);

void wa_version_format(uint32_t build, char text[WA_VERSION_TEXT]);


/*
 * Finds client_revision in a page that comes in pieces.  Zeroed before the
 * first; `build` is 0 until it was found.
 */
#define WA_VERSION_TAIL  64

typedef struct {
    uint32_t   build;
    size_t     tail_len;
    uint8_t    tail[WA_VERSION_TAIL];   /* of the piece before             */
} wa_version_find_t;

/* True: found, no more is needed. */
bool wa_version_find(wa_version_find_t *f, wa_span_t piece);


/* The account's connection was refused with 405.  Private to core/. */
void wa_version_refused(wa_account_t *a);

/* WA_DONE_VERSION: WA_OK, there is a newer one; otherwise `text` says why
   there is none. */
void wa_version_answered(wa_account_t *a, wa_err_t err, const char *text);

#endif /* WA_VERSION_H */
