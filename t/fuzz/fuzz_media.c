/*
 * Media from hosts and phones: a file in pieces must end as the same file at
 * once does, and answers to retries must be bounded.  First byte: size of the
 * pieces.
 */

#include "fuzz.h"

#include "wa_media.h"


static const uint8_t  fuzz_key[WA_KEY_LEN] = { 1, 2, 3 };


static wa_err_t
fuzz_open(const uint8_t *p, size_t n, size_t step, wa_buf_t *out)
{
    size_t            at, len;
    uint8_t          *piece;
    wa_err_t          rc;
    wa_media_sums_t   sums;
    wa_media_open_t  *m;

    wa_fuzz_check(wa_media_open_create(&m, WA_MEDIA_VIDEO, fuzz_key)
                  == WA_OK);

    for (at = 0; at < n; at += len) {
        len = (n - at < step) ? n - at : step;
        piece = wa_fuzz_copy(p + at, len);
        wa_fuzz_check(wa_media_open_update(m, wa_span(piece, len), out)
                      == WA_OK);
        free(piece);
    }

    wa_fuzz_check(out->n <= n);
    rc = wa_media_open_final(m, out, &sums);
    wa_fuzz_check(rc != WA_OK || sums.length == out->n);
    wa_media_open_free(m);

    return rc;
}


/* Sealed here, so that what is inside gets read. */
static void
fuzz_retry(const uint8_t *p, size_t n)
{
    uint8_t           *sealed, k[WA_KEY_LEN];
    wa_err_t           rc;
    wa_buf_t           path = WA_BUF_EMPTY;
    wa_span_t          id;
    wa_media_retry_e   result;

    static const uint8_t  iv[WA_GCM_NONCE_LEN];

    id = wa_span_str("ID");
    sealed = malloc(n + WA_GCM_TAG_LEN);
    wa_fuzz_check(sealed != NULL);
    wa_fuzz_check(wa_hkdf(wa_span(fuzz_key, sizeof(fuzz_key)),
                      wa_span_none(),
                      wa_span_str("WhatsApp Media Retry Notification"), k,
                      sizeof(k)) == WA_OK);
    wa_fuzz_check(wa_gcm_seal(k, iv, id, wa_span(p, n), sealed) == WA_OK);

    rc = wa_media_retry_open(fuzz_key, id, wa_span(iv, sizeof(iv)),
                             wa_span(sealed, n + WA_GCM_TAG_LEN), &result,
                             &path);
    wa_fuzz_check(rc != WA_ERR_AUTH);
    wa_fuzz_check(path.n == 0
                  || (rc == WA_OK && result == WA_MEDIA_RETRY_OK));

    wa_buf_free(&path);
    free(sealed);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wa_err_t  a, b;
    wa_buf_t  whole = WA_BUF_EMPTY;
    wa_buf_t  cut = WA_BUF_EMPTY;

    if (size == 0 || wa_crypto_init() != WA_OK) {
        return 0;
    }

    a = fuzz_open(data + 1, size - 1, size, &whole);
    b = fuzz_open(data + 1, size - 1, (size_t) data[0] % 61 + 1, &cut);

    wa_fuzz_check(a == b);
    wa_fuzz_check(wa_span_eq(wa_span_buf(&whole), wa_span_buf(&cut)));

    fuzz_retry(data + 1, size - 1);

    wa_buf_free(&whole);
    wa_buf_free(&cut);

    return 0;
}
