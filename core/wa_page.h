/*
 * What a web page tells about itself, for the preview of a link.
 *
 * Slow by its nature: job side.  A page is untrusted input.
 */
#ifndef WA_PAGE_H
#define WA_PAGE_H

#include "wa_base.h"


/* Bytes that are looked at, and that are taken. */
#define WA_PAGE_MAX        524288u
#define WA_PAGE_TEXT_MAX   1024u
#define WA_PAGE_URL_MAX    2048u


/* UTF-8, white space collapsed; empty: not said. */
typedef struct {
    wa_buf_t    title;
    wa_buf_t    description;
    wa_buf_t    image;                  /* URL as it stands there        */
} wa_page_t;


/*
 * Reads HTML, whole or cut: Open Graph's properties before <title> and the
 * description for search engines.  `page` starts zeroed and is freed by
 * wa_page_free().  WA_ERR_LIMIT: longer than WA_PAGE_MAX.  WA_ERR_NOMEM.
 */
wa_err_t wa_page_read(wa_span_t html, wa_page_t *page);

/* Repeatable. */
void wa_page_free(wa_page_t *page);

/*
 * The first http or https link in a text, without what ends the sentence
 * after it; a view of `text`, empty: none.
 */
wa_span_t wa_page_link(wa_span_t text);

#endif /* WA_PAGE_H */
