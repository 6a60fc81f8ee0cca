/* Web pages and links in texts. */

#include "fuzz.h"

#include "wa_page.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wa_err_t   rc;
    wa_page_t  page;
    wa_span_t  link;

    memset(&page, 0, sizeof(page));
    rc = wa_page_read(wa_span(data, size), &page);

    wa_fuzz_check(rc == WA_OK || size > WA_PAGE_MAX);
    wa_fuzz_check(page.title.n <= WA_PAGE_TEXT_MAX);
    wa_fuzz_check(page.description.n <= WA_PAGE_TEXT_MAX);
    wa_fuzz_check(page.image.n <= WA_PAGE_URL_MAX);
    wa_page_free(&page);

    link = wa_page_link(wa_span(data, size));
    wa_fuzz_check(link.n == 0 || (link.p >= data
                                  && link.p + link.n <= data + size));

    return 0;
}
