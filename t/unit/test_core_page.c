/* Pages of links: what they tell about themselves, and what they must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wa_page.h"


static void
assert_page(const char *html, const char *title, const char *description,
    const char *image)
{
    wa_page_t  p;

    memset(&p, 0, sizeof(p));
    assert_int_equal(wa_page_read(wa_span_str(html), &p), WA_OK);

    assert_int_equal(p.title.n, strlen(title));
    assert_memory_equal(p.title.n == 0 ? (const uint8_t *) "" : p.title.p,
                        title, p.title.n);
    assert_int_equal(p.description.n, strlen(description));
    assert_memory_equal(p.description.n == 0 ? (const uint8_t *) ""
                        : p.description.p, description, p.description.n);
    assert_int_equal(p.image.n, strlen(image));
    assert_memory_equal(p.image.n == 0 ? (const uint8_t *) "" : p.image.p,
                        image, p.image.n);
    wa_page_free(&p);
}


static void
test_tells(void **state)
{
    (void) state;

    assert_page("<html><head><title> A &amp;\n b </title>"
                "<meta name=description content='What  it is'></head>",
                "A & b", "What it is", "");
    assert_page("<title>less</title><META PROPERTY='og:title' content='more'>"
                "<meta property=og:title content=second>"
                "<meta property='og:description' content='&lt;b&gt;'>"
                "<meta name=description content=no>"
                "<meta property='og:image' content='https://x/y?a=1&amp;b'>",
                "more", "<b>", "https://x/y?a=1&b");
    assert_page("<title>one</title><svg><title>two</title></svg>", "one", "",
                "");
    assert_page("<meta charset=iso-8859-1><title>gr\xfc\xdf</title>",
                "gr\xc3\xbc\xc3\x9f", "", "");
    assert_page("<title>cut here: the rest did not co", "cut here: the rest "
                "did not co", "", "");
}


static void
test_tells_nothing(void **state)
{
    char       *html;
    size_t      i, n;
    wa_page_t   p;

    (void) state;

    assert_page("", "", "", "");
    assert_page("plain text", "", "", "");
    assert_page("<meta property=og:title><meta content=x><title></title>", "",
                "", "");
    assert_page("<script>document.title='<title>x</title>'</script>", "", "",
                "");

    memset(&p, 0, sizeof(p));
    n = WA_PAGE_MAX;
    html = malloc(n + 1);
    assert_non_null(html);

    for (i = 0; i + 5 <= n; i += 5) {
        memcpy(html + i, "<div>", 5);
    }

    assert_int_equal(wa_page_read(wa_span(html, i), &p), WA_OK);
    assert_int_equal(p.title.n, 0);

    memset(html, 'x', n);
    memcpy(html, "<title>", 7);
    assert_int_equal(wa_page_read(wa_span(html, n), &p), WA_OK);
    assert_true(p.title.n <= WA_PAGE_TEXT_MAX);
    wa_page_free(&p);

    assert_int_equal(wa_page_read(wa_span(html, n + 1), &p), WA_ERR_LIMIT);
    free(html);
}


static void
assert_link(const char *text, const char *link)
{
    wa_span_t  got;

    got = wa_page_link(wa_span_str(text));
    assert_int_equal(got.n, strlen(link));

    if (got.n != 0) {
        assert_memory_equal(got.p, link, got.n);
    }
}


static void
test_links(void **state)
{
    (void) state;

    assert_link("", "");
    assert_link("no link, http:// and https:// alone", "");
    assert_link("see https://example.org/a?b=c#d.", "https://example.org/a?b"
                "=c#d");
    assert_link("(HTTP://x.y)", "HTTP://x.y");
    assert_link("two: http://a.b/ https://c.d/", "http://a.b/");
    assert_link("http://... https://real.one/", "https://real.one/");
    assert_link("quoted \"https://x.y/z\" here", "https://x.y/z");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells),
        cmocka_unit_test(test_tells_nothing),
        cmocka_unit_test(test_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
