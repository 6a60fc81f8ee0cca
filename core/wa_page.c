/*
 * Web pages, see wa_page.h.  libxml2 calls for each element; no tree is made.
 */
#include "wa_page.h"
#include "wa_jw.h"

#include <string.h>
#include <strings.h>

#include <libxml/HTMLparser.h>


typedef struct {
    wa_page_t        *page;
    wa_buf_t          title;            /* of <title>                    */
    wa_buf_t          description;      /* for search engines            */
    bool              in_title;
    bool              had_title;
    wa_err_t          err;
} page_reader_t;


/* Collapses white space; cut at a character's border. */
static void
page_text(page_reader_t *r, wa_buf_t *out, wa_span_t text, size_t max)
{
    size_t  i, n;
    bool    space;

    space = false;

    for (i = 0; i < text.n && r->err == WA_OK; i += n) {
        n = wa_utf8_len(text.p + i, text.n - i);

        if (n == 0 || text.p[i] <= ' ' || text.p[i] == 0x7f) {
            n = (n == 0) ? 1 : n;
            space = true;
            continue;
        }

        if (space && out->n > 0) {
            if (out->n + 1 > max) {
                return;
            }

            r->err = wa_buf_append(out, " ", 1);
        }

        space = false;

        if (out->n + n > max) {
            return;
        }

        if (r->err == WA_OK) {
            r->err = wa_buf_append(out, text.p + i, n);
        }
    }
}


static const char *
page_attr(const xmlChar **atts, const char *name)
{
    size_t  i;

    for (i = 0; atts != NULL && atts[i] != NULL; i += 2) {
        if (strcasecmp((const char *) atts[i], name) == 0) {
            return (const char *) atts[i + 1];
        }
    }

    return NULL;
}


/* What is said first is what counts. */
static void
page_meta(page_reader_t *r, const xmlChar **atts)
{
    wa_buf_t    *out;
    const char  *name, *content;

    content = page_attr(atts, "content");
    name = page_attr(atts, "property");

    if (name == NULL) {
        name = page_attr(atts, "name");
    }

    if (name == NULL || content == NULL) {
        return;
    }

    if (strcasecmp(name, "og:title") == 0) {
        out = &r->page->title;

    } else if (strcasecmp(name, "og:description") == 0) {
        out = &r->page->description;

    } else if (strcasecmp(name, "og:image") == 0
               || strcasecmp(name, "og:image:secure_url") == 0)
    {
        out = &r->page->image;

        if (strlen(content) > WA_PAGE_URL_MAX) {
            return;
        }

    } else if (strcasecmp(name, "description") == 0) {
        out = &r->description;

    } else {
        return;
    }

    if (out->n == 0) {
        page_text(r, out, wa_span_str(content),
                  out == &r->page->image ? WA_PAGE_URL_MAX
                                         : WA_PAGE_TEXT_MAX);
    }
}


static void
page_start(void *data, const xmlChar *name, const xmlChar **atts)
{
    page_reader_t  *r = data;

    if (strcasecmp((const char *) name, "title") == 0) {
        r->in_title = !r->had_title;

    } else if (strcasecmp((const char *) name, "meta") == 0) {
        page_meta(r, atts);
    }
}


static void
page_end(void *data, const xmlChar *name)
{
    page_reader_t  *r = data;

    if (strcasecmp((const char *) name, "title") == 0 && r->in_title) {
        r->in_title = false;
        r->had_title = true;
    }
}


/* Pieces: white space between them is kept until all are there. */
static void
page_characters(void *data, const xmlChar *text, int n)
{
    page_reader_t  *r = data;

    if (r->in_title && n > 0 && r->err == WA_OK
        && r->title.n < 4 * WA_PAGE_TEXT_MAX)
    {
        r->err = wa_buf_append(&r->title, text, (size_t) n);
    }
}


/* Pages are full of mistakes; nobody wants to read of them. */
static void
page_quiet(void *data, const char *format, ...)
{
    (void) data;
    (void) format;
}


wa_err_t
wa_page_read(wa_span_t html, wa_page_t *page)
{
    page_reader_t      r;
    xmlSAXHandler      sax;
    htmlParserCtxtPtr  ctxt;

    if (html.n > WA_PAGE_MAX) {
        return WA_ERR_LIMIT;
    }

    memset(&r, 0, sizeof(r));
    r.page = page;

    memset(&sax, 0, sizeof(sax));
    sax.startElement = page_start;
    sax.endElement = page_end;
    sax.characters = page_characters;
    sax.warning = page_quiet;
    sax.error = page_quiet;
    sax.fatalError = page_quiet;

    xmlInitParser();
    ctxt = htmlCreatePushParserCtxt(&sax, &r, NULL, 0, NULL,
                                    XML_CHAR_ENCODING_NONE);
    if (ctxt == NULL) {
        return WA_ERR_NOMEM;
    }

    (void) htmlCtxtUseOptions(ctxt, HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING
                                    | HTML_PARSE_NONET | HTML_PARSE_RECOVER);
    (void) htmlParseChunk(ctxt, (const char *) html.p, (int) html.n, 0);
    (void) htmlParseChunk(ctxt, NULL, 0, 1);

    if (ctxt->myDoc != NULL) {
        xmlFreeDoc(ctxt->myDoc);
    }

    htmlFreeParserCtxt(ctxt);

    if (page->title.n == 0) {
        page_text(&r, &page->title, wa_span_buf(&r.title), WA_PAGE_TEXT_MAX);
    }

    if (page->description.n == 0) {
        page_text(&r, &page->description, wa_span_buf(&r.description),
                  WA_PAGE_TEXT_MAX);
    }

    wa_buf_free(&r.title);
    wa_buf_free(&r.description);

    return r.err;
}


void
wa_page_free(wa_page_t *page)
{
    wa_buf_free(&page->title);
    wa_buf_free(&page->description);
    wa_buf_free(&page->image);
}


wa_span_t
wa_page_link(wa_span_t text)
{
    size_t       i, n, scheme;
    const char  *p;

    for (i = 0; i + 8 < text.n; i++) {
        p = (const char *) text.p + i;
        scheme = strncasecmp(p, "https://", 8) == 0 ? 8
                 : strncasecmp(p, "http://", 7) == 0 ? 7 : 0;

        if (scheme == 0) {
            continue;
        }

        for (n = scheme; i + n < text.n; n++) {
            if (text.p[i + n] <= ' ' || text.p[i + n] >= 0x7f
                || strchr("<>\"`{}|\\^", text.p[i + n]) != NULL)
            {
                break;
            }
        }

        while (n > scheme && strchr(".,;:!?)]'*_~", p[n - 1]) != NULL) {
            n--;
        }

        if (n > scheme && n <= WA_PAGE_URL_MAX) {
            return wa_span(p, n);
        }

        i += n - 1;
    }

    return wa_span_none();
}
