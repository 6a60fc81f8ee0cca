/*
 * How long a voice note is: Opus in an Ogg file, without decoding it.
 *
 * The last page of the stream tells how many samples (48 kHz) end on it, the
 * first packet how many of them are not to be heard.
 * Source: RFC 3533 section 6 (pages), RFC 7845 sections 4 and 5.1.
 */
#ifndef WA_OGG_H
#define WA_OGG_H

#include "wa_base.h"


/* Longer is taken for nonsense, s. */
#define WA_OGG_SECONDS_MAX  (10 * 86400)

/*
 * Of a whole file.  Whole seconds, rounded; at least 1 where there is any
 * sound.  Only the first page and the last 64 KiB are looked at.
 * WA_ERR_SYNTAX: no such file, or it does not tell.
 */
wa_err_t wa_ogg_opus_seconds(wa_span_t file, uint32_t *seconds);

#endif /* WA_OGG_H */
