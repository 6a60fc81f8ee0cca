/* multipart/form-data: every cut, what a part says, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_multipart.h"


/* "name|filename|type=body;" for each part */
typedef struct {
    wa_buf_t  seen;
    wa_err_t  fail;
} log_t;

#define CD    "Content-Disposition: form-data; "
#define HEAD  "--b\r\n" CD "name=\"a\"\r\n\r\n"


static void
note(log_t *l, wa_span_t s)
{
    assert_int_equal(wa_buf_append_span(&l->seen, s), WA_OK);
}


static void
note_optional(log_t *l, wa_span_t s)
{
    note(l, wa_span_str("|"));
    note(l, s.p == NULL ? wa_span_str("-") : s);
}


static wa_err_t
on_begin(void *data, const wa_part_t *part)
{
    note(data, part->name);
    note_optional(data, part->filename);
    note_optional(data, part->type);
    note(data, wa_span_str("="));

    return ((log_t *) data)->fail;
}


static wa_err_t
on_body(void *data, wa_span_t bytes)
{
    assert_true(bytes.n > 0);
    note(data, bytes);

    return WA_OK;
}


static wa_err_t
on_end(void *data)
{
    note(data, wa_span_str(";"));

    return WA_OK;
}


static const wa_multipart_handlers_t  handlers = {
    on_begin, on_body, on_end
};


/* The parts in `l`, as they come in pieces of `step` bytes. */
static wa_err_t
parse(wa_span_t in, const char *boundary, size_t step, log_t *l)
{
    size_t           at, n;
    wa_err_t         rc;
    wa_multipart_t  *mp;

    l->seen.n = 0;
    assert_int_equal(wa_multipart_create(&mp, boundary, &handlers, l),
                     WA_OK);
    rc = WA_OK;

    for (at = 0; at < in.n && rc == WA_OK; at += n) {
        n = in.n - at < step ? in.n - at : step;
        rc = wa_multipart_feed(mp, wa_span(in.p + at, n));
    }

    /* the first error stays */

    if (rc != WA_OK) {
        assert_int_equal(wa_multipart_feed(mp, wa_span_str("x")), rc);
    }

    rc = wa_multipart_finish(mp);
    wa_multipart_free(mp);

    return rc;
}


typedef struct {
    const char  *in;
    const char  *seen;
    wa_err_t     rc;
} row_t;


static const row_t  rows[] = {
    { HEAD "body\r\n--b--\r\n", "a|-|-=body;", WA_OK },
    { HEAD "\r\n--b--", "a|-|-=;", WA_OK },
    { "preamble\r\n" HEAD "x\r\n--b--epilogue\r\n--b\r\n", "a|-|-=x;",
      WA_OK },
    { HEAD "1\r\n--b  \r\n" CD "name=c\r\n\r\n2\r\n--b--",
      "a|-|-=1;c|-|-=2;", WA_OK },

    /* almost a delimiter */
    { HEAD "x\r\r\n\r\n-\r\n--\r\n--a\r\n--b--",
      "a|-|-=x\r\r\n\r\n-\r\n--\r\n--a;", WA_OK },
    { HEAD "\r\n\r\n--b--", "a|-|-=\r\n;", WA_OK },

    /* what a part says */
    { "--b\r\ncontent-disposition:form-data;filename=\"a;b.jpg\";name=\"f\""
      "\r\nCONTENT-TYPE: image/jpeg\r\n\r\n\r\n--b--",
      "f|a;b.jpg|image/jpeg=;", WA_OK },
    { "--b\r\n" CD "name=\"f\"; filename=\"a\\\"%22\\\\C:\\x\"\r\n\r\n"
      "\r\n--b--", "f|a\"\"\\C:\\x|-=;", WA_OK },
    { "--b\r\n" CD "name=f; filename=\"x\"; filename*=UTF-8'de'%c3%a4\r\n"
      "\r\n\r\n--b--", "f|\xc3\xa4|-=;", WA_OK },
    { "--b\r\n" CD "name=f; filename*=latin1''x; filename=y\r\n\r\n"
      "\r\n--b--", "f|y|-=;", WA_OK },
    { "--b\r\n" CD "name=f; filename=\"../../etc/passwd\"\r\n\r\n\r\n--b--",
      "f|../../etc/passwd|-=;", WA_OK },

    /* refused */
    { "", "", WA_ERR_SYNTAX },
    { "no delimiter", "", WA_ERR_SYNTAX },
    { HEAD "never ends", "a|-|-=never ends", WA_ERR_SYNTAX },
    { HEAD "x\r\n--b-x", "a|-|-=x;", WA_ERR_SYNTAX },
    { HEAD "x\r\n--bx", "a|-|-=x;", WA_ERR_SYNTAX },
    { "--b\r\n\r\nx\r\n--b--", "", WA_ERR_SYNTAX },
    { "--b\r\n" CD "filename=x\r\n\r\nx\r\n--b--", "", WA_ERR_SYNTAX },
    { "--b\r\nContent-Disposition: attachment; name=x\r\n\r\nx\r\n--b--", "",
      WA_ERR_SYNTAX },
    { "--b\r\n" CD "name=x\n\r\nx\r\n--b--", "", WA_ERR_SYNTAX },
    { "--b\r\n" CD "name=x\r\n" CD "name=y\r\n\r\nx\r\n--b--", "",
      WA_ERR_SYNTAX }
};


static void
test_every_cut(void **state)
{
    log_t   l;
    size_t  i, step;

    (void) state;
    memset(&l, 0, sizeof(l));

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (step = 1; step < 200; step++) {
            if (parse(wa_span_str(rows[i].in), "b", step, &l) != rows[i].rc
                || !wa_span_eq_str(wa_span_buf(&l.seen), rows[i].seen))
            {
                fail_msg("row %zu, step %zu: \"%.*s\"", i, step,
                         (int) l.seen.n, (const char *) l.seen.p);
            }
        }
    }

    wa_buf_free(&l.seen);
}


static void
test_limits(void **state)
{
    log_t      l;
    size_t     i;
    wa_buf_t   in;

    (void) state;
    memset(&l, 0, sizeof(l));
    memset(&in, 0, sizeof(in));

    /* headers without end */

    assert_int_equal(wa_buf_append_str(&in, "--b\r\nX: "), WA_OK);

    for (i = 0; i < WA_MULTIPART_HEAD_MAX; i++) {
        assert_int_equal(wa_buf_append_str(&in, "x"), WA_OK);
    }

    assert_int_equal(parse(wa_span_buf(&in), "b", 1000, &l), WA_ERR_LIMIT);

    /* parts without end */

    in.n = 0;

    for (i = 0; i <= WA_MULTIPART_PARTS_MAX; i++) {
        assert_int_equal(wa_buf_append_str(&in, HEAD "\r\n"), WA_OK);
    }

    assert_int_equal(parse(wa_span_buf(&in), "b", 1000, &l), WA_ERR_LIMIT);

    /* NUL in a header; a handler's error */

    assert_int_equal(parse(wa_span("--b\r\nX:\0\r\n", 10), "b", 3, &l),
                     WA_ERR_SYNTAX);
    l.fail = WA_ERR_FULL;
    assert_int_equal(parse(wa_span_str(HEAD "x\r\n--b--"), "b", 7, &l),
                     WA_ERR_FULL);

    wa_buf_free(&in);
    wa_buf_free(&l.seen);
}


static void
test_boundary(void **state)
{
    char    out[WA_MULTIPART_BOUNDARY_MAX + 1], longest[200];
    size_t  i;

    static const struct {
        const char  *type;
        const char  *boundary;
    } list[] = {
        { "multipart/form-data; boundary=abc", "abc" },
        { "Multipart/Form-Data;charset=utf-8; Boundary=\"a b\"", "a b" },
        { " multipart/form-data ;boundary=--x ", "--x" },
        { "multipart/form-data", NULL },
        { "multipart/form-data; boundary=", NULL },
        { "multipart/form-data; boundary=\"\"", NULL },
        { "multipart/form-data; boundary=\"x", NULL },
        { "multipart/form-data; boundary=a\tb", NULL },
        { "multipart/mixed; boundary=abc", NULL },
        { "application/json", NULL },
        { "", NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (wa_multipart_boundary(wa_span_str(list[i].type), out)
            != (list[i].boundary != NULL))
        {
            fail_msg("\"%s\"", list[i].type);
        }

        if (list[i].boundary != NULL) {
            assert_string_equal(out, list[i].boundary);
        }
    }

    (void) snprintf(longest, sizeof(longest),
                    "multipart/form-data; boundary=%071d", 0);
    assert_false(wa_multipart_boundary(wa_span_str(longest), out));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_boundary)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
