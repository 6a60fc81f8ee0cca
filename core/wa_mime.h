/*
 * What a file is: its media type from its content (libmagic), from its name,
 * and what follows from a type.
 */
#ifndef WA_MIME_H
#define WA_MIME_H

#include "wa_base.h"


/* "type/subtype; codecs=opus" and a NUL. */
#define WA_MIME_MAX   128u

/* What libmagic needs of a file's beginning: office documents name their
   parts behind a few pictures. */
#define WA_MIME_HEAD  65536u


/* One thread at a time. */
typedef struct wa_mime_s  wa_mime_t;

/* WA_ERR_IO: the library has no data base.  Reads a file: job side. */
wa_err_t wa_mime_create(wa_mime_t **out);
void wa_mime_free(wa_mime_t *m);       /* NULL-safe */

/*
 * The type of a file that begins with `head`.  False: nothing is known
 * (`out` untouched), or only that it is text or bytes (`out` says which): a
 * name knows better.
 */
bool wa_mime_sniff(wa_mime_t *m, wa_span_t head, char out[WA_MIME_MAX]);

/*
 * Takes over a type that somebody gave: "type/subtype" in lower case, with
 * parameters only if they are plain.  False: it is not one.
 */
bool wa_mime_parse(wa_span_t text, char out[WA_MIME_MAX]);

/* True if `mime` without parameters is "type/subtype". */
bool wa_mime_is(const char *mime, const char *type);

/* By the name's ending; NULL: unknown. */
const char *wa_mime_of_name(wa_span_t filename);

/* Ending of a stored file, 1..8 of [a-z0-9]; "bin" when nothing fits. */
const char *wa_mime_extension(const char *mime);

/*
 * May a browser show it in its own window: pictures, sound, video, PDF and
 * plain text.  What can carry a program (HTML, SVG, XML) may not.
 */
bool wa_mime_is_inline(const char *mime);

#endif /* WA_MIME_H */
