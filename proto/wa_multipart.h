/*
 * multipart/form-data (RFC 7578, RFC 2046 5.1), as a stream: bytes come in
 * pieces of any size, parts go out as they are recognised.  Memory does not
 * depend on the size of a part.
 */
#ifndef WA_MULTIPART_H
#define WA_MULTIPART_H

#include "wa_base.h"


#define WA_MULTIPART_BOUNDARY_MAX  70u      /* RFC 2046 5.1.1 */
#define WA_MULTIPART_HEAD_MAX      8192u    /* headers of one part */
#define WA_MULTIPART_NAME_MAX      255u
#define WA_MULTIPART_PARTS_MAX     128u

typedef struct wa_multipart_s  wa_multipart_t;

/* Of one part; spans die when the handler returns.  p NULL: not said. */
typedef struct {
    wa_span_t   name;             /* never NULL */
    wa_span_t   filename;         /* as sent, any bytes but NUL, CR, LF */
    wa_span_t   type;             /* Content-Type */
} wa_part_t;

/*
 * begin, body (any number of times), end; then the next part.  Whatever one
 * of them returns but WA_OK ends the parser with that error.
 */
typedef struct {
    wa_err_t  (*begin)(void *data, const wa_part_t *part);
    wa_err_t  (*body)(void *data, wa_span_t bytes);
    wa_err_t  (*end)(void *data);
} wa_multipart_handlers_t;


/*
 * The boundary of a Content-Type "multipart/form-data; boundary=...", with
 * or without quotes.  False: another type, or none.
 */
bool wa_multipart_boundary(wa_span_t content_type,
    char out[WA_MULTIPART_BOUNDARY_MAX + 1]);

/* `handlers` must outlive it.  WA_ERR_ARG: no such boundary; WA_ERR_NOMEM. */
wa_err_t wa_multipart_create(wa_multipart_t **out, const char *boundary,
    const wa_multipart_handlers_t *handlers, void *data);
void wa_multipart_free(wa_multipart_t *mp);     /* NULL-safe */

/*
 * WA_ERR_SYNTAX, WA_ERR_LIMIT (headers, names, parts), WA_ERR_NOMEM, or a
 * handler's error.  The first error is repeated by every later call.
 */
wa_err_t wa_multipart_feed(wa_multipart_t *mp, wa_span_t bytes);

/* No more bytes: WA_ERR_SYNTAX unless the closing boundary has come. */
wa_err_t wa_multipart_finish(wa_multipart_t *mp);

#endif /* WA_MULTIPART_H */
