/*
 * WebSocket client.  The first byte chooses whether the upgrade is done
 * already and how the stream is cut; the result must not depend on the cut.
 */

#include "fuzz.h"

#include "wa_crypto.h"
#include "wa_ws.h"


#define FUZZ_ANSWER                                                           \
    "HTTP/1.1 101 Switching Protocols\r\n"                                    \
    "Upgrade: websocket\r\n"                                                  \
    "Connection: Upgrade\r\n"                                                 \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


/* The nonce of RFC 6455 section 1.3, whose answer is known. */
static void
fuzz_random(void *unused, uint8_t *p, size_t n)
{
    size_t  i;

    (void) unused;

    for (i = 0; i < n; i++) {
        p[i] = (uint8_t) "the sample nonce"[i % 16];
    }
}


static wa_err_t
fuzz_run(const uint8_t *p, size_t n, size_t step, bool open, wa_buf_t *data,
    wa_buf_t *out)
{
    size_t     at, len;
    uint8_t   *piece;
    wa_ws_t   *ws;
    wa_err_t   rc;

    static const wa_ws_conf_t  conf = {
        "web.whatsapp.com", "/ws/chat", NULL, fuzz_random, NULL, NULL
    };

    wa_fuzz_check(wa_ws_create(&ws, &conf, out) == WA_OK);
    out->n = 0;

    rc = WA_OK;

    if (open) {
        rc = wa_ws_feed(ws, wa_span_str(FUZZ_ANSWER), data, out);
        wa_fuzz_check(rc == WA_OK && wa_ws_state(ws) == WA_WS_OPEN);
    }

    for (at = 0; at < n && rc == WA_OK; at += len) {
        len = (n - at < step) ? n - at : step;
        piece = wa_fuzz_copy(p + at, len);
        rc = wa_ws_feed(ws, wa_span(piece, len), data, out);
        free(piece);
    }

    wa_fuzz_check(rc == WA_OK || rc == WA_ERR_SYNTAX || rc == WA_ERR_LIMIT);
    wa_fuzz_check((rc == WA_OK) == (wa_ws_state(ws) != WA_WS_FAILED));
    wa_fuzz_check(data->n <= n);

    wa_ws_free(ws);

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool      open;
    wa_err_t  a, b;
    wa_buf_t  data_a = WA_BUF_EMPTY;
    wa_buf_t  data_b = WA_BUF_EMPTY;
    wa_buf_t  out_a = WA_BUF_EMPTY;
    wa_buf_t  out_b = WA_BUF_EMPTY;

    if (size == 0 || wa_crypto_init() != WA_OK) {
        return 0;
    }

    open = (data[0] & 1) == 0;

    a = fuzz_run(data + 1, size - 1, size, open, &data_a, &out_a);
    b = fuzz_run(data + 1, size - 1, (size_t) (data[0] >> 1) % 61 + 1, open,
                 &data_b, &out_b);

    wa_fuzz_check(a == b);
    wa_fuzz_check(wa_span_eq(wa_span_buf(&data_a), wa_span_buf(&data_b)));
    wa_fuzz_check(wa_span_eq(wa_span_buf(&out_a), wa_span_buf(&out_b)));

    wa_buf_free(&data_a);
    wa_buf_free(&data_b);
    wa_buf_free(&out_a);
    wa_buf_free(&out_b);

    return 0;
}
