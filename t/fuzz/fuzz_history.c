/*
 * History of a phone, first pass: what the account is told of it must be
 * bounded and well formed whatever the bytes.  First byte: odd, they are
 * packed; even, they are packed here, so that what is inside gets read.
 */

#include "fuzz.h"

#include "wa_crypto.h"
#include "wa_history.h"
#include "wa_history_verbs.h"


#define BLOCK_MAX  65535u


/* A zlib stream of stored blocks around the bytes, and its sum. */
static void
pack(wa_span_t in, wa_buf_t *out)
{
    size_t    i, n;
    uint8_t   head[5], sum[4];
    uint32_t  a, b;

    wa_fuzz_check(wa_buf_append(out, "\x78\x01", 2) == WA_OK);
    a = 1;
    b = 0;

    do {
        n = in.n < BLOCK_MAX ? in.n : BLOCK_MAX;
        head[0] = n == in.n;
        head[1] = (uint8_t) n;
        head[2] = (uint8_t) (n >> 8);
        head[3] = (uint8_t) ~head[1];
        head[4] = (uint8_t) ~head[2];
        wa_fuzz_check(wa_buf_append(out, head, 5) == WA_OK);
        wa_fuzz_check(wa_buf_append(out, in.p, n) == WA_OK);

        for (i = 0; i < n; i++) {
            a = (a + in.p[i]) % 65521;
            b = (b + a) % 65521;
        }

        in = wa_span(in.p + n, in.n - n);
    } while (!head[0]);

    sum[0] = (uint8_t) (b >> 8);
    sum[1] = (uint8_t) b;
    sum[2] = (uint8_t) (a >> 8);
    sum[3] = (uint8_t) a;
    wa_fuzz_check(wa_buf_append(out, sum, 4) == WA_OK);
}


static wa_err_t
read_span(void *ctx, uint64_t offset, uint8_t *buf, size_t cap, size_t *n)
{
    wa_span_t  *s = ctx;

    *n = 0;

    if (offset < s->n) {
        *n = s->n - offset < cap ? s->n - (size_t) offset : cap;
        memcpy(buf, s->p + offset, *n);
    }

    return WA_OK;
}


static void
check(const json_t *args)
{
    size_t       i;
    json_t      *v;
    const char  *key;

    json_object_foreach((json_t *) (uintptr_t) args, key, v) {
        wa_fuzz_check(json_array_size(v) <= WA_HISTORY_LEARN_MAX);

        for (i = 0; i < json_array_size(v); i++) {
            wa_fuzz_check(json_array_get(v, i) != NULL);
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t              *args;
    wa_buf_t             packed = WA_BUF_EMPTY;
    wa_err_t             rc;
    wa_span_t            in;
    wa_history_t        *h;
    wa_history_conf_t    conf;

    if (size == 0 || wa_crypto_init() != WA_OK) {
        return 0;
    }

    in = wa_span(data + 1, size - 1);

    if ((data[0] & 1) == 0) {
        pack(in, &packed);
        in = wa_span_buf(&packed);
    }

    memset(&conf, 0, sizeof(conf));
    conf.account_id = "a1";
    conf.session_id = "s1";
    conf.tenant = "default";
    conf.messages = true;
    conf.read = read_span;
    conf.ctx = &in;
    wa_fuzz_check(wa_jid_parse(wa_span_str("1@s.whatsapp.net"), &conf.pn)
                  == WA_OK);
    wa_fuzz_check(wa_history_create(&h, &conf) == WA_OK);

    rc = wa_history_scan(h);

    while (rc == WA_OK) {
        rc = wa_history_learn(h, &args);

        if (rc == WA_OK) {
            check(args);
            wa_history_learnt(h, args);
            json_decref(args);
        }
    }

    wa_fuzz_check(rc == WA_AGAIN || rc == WA_ERR_SYNTAX
                  || rc == WA_ERR_LIMIT);
    wa_history_free(h);
    wa_buf_free(&packed);

    return 0;
}
