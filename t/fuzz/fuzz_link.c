/*
 * What linking reads.  The first byte chooses: a page that names the client
 * version, in pieces of the second byte's size; the phone's answer to a
 * passkey; the server's answer to a hello of Noise IK, which cannot be
 * authentic.
 */

#include "fuzz.h"

#include "wa_noise.h"
#include "wa_shortcake.h"
#include "wa_version.h"


#define FUZZ_NOW_S  1763690000


/* Any clamped key will do. */
static const uint8_t  fuzz_priv[32] = {
    0x40, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 0x51
};


static void
fuzz_version(const uint8_t *p, size_t n)
{
    bool               found;
    size_t             size, k;
    uint8_t           *piece;
    wa_version_find_t  f;

    if (n == 0) {
        return;
    }

    size = 1u + p[0];
    p++;
    n--;
    found = false;
    memset(&f, 0, sizeof(f));

    while (n > 0 && !found) {
        k = n < size ? n : size;
        piece = wa_fuzz_copy(p, k);
        found = wa_version_find(&f, wa_span(piece, k));
        free(piece);
        p += k;
        n -= k;
    }

    wa_fuzz_check(found == (f.build != 0));
    wa_fuzz_check(f.tail_len <= WA_VERSION_TAIL);
}


static void
fuzz_primary(wa_span_t in)
{
    uint8_t   pub[32], nonce[32], key[32];
    wa_err_t  rc;

    rc = wa_shortcake_primary(in, pub, nonce);
    wa_fuzz_check(rc == WA_OK || rc == WA_ERR_SYNTAX || rc == WA_ERR_LIMIT);

    if (rc == WA_OK) {
        rc = wa_shortcake_key(fuzz_priv, pub, 1, wa_span_str("ref"), key);
        wa_fuzz_check(rc == WA_OK || rc == WA_ERR_AUTH);
    }
}


static void
fuzz_resumed(wa_span_t in)
{
    wa_buf_t    out = WA_BUF_EMPTY;
    wa_err_t    rc;
    wa_noise_t  n;

    wa_fuzz_check(wa_noise_init(&n, fuzz_priv) == WA_OK);
    wa_fuzz_check(wa_noise_resume(&n, wa_noise_root_production, fuzz_priv,
                                  n.e_pub, wa_span_str("payload"), &out)
                  == WA_OK);

    out.n = 0;
    rc = wa_noise_server_hello(&n, in, wa_noise_root_production, fuzz_priv,
                               n.e_pub, wa_span_str("payload"), FUZZ_NOW_S,
                               &out);

    wa_fuzz_check(rc == WA_ERR_AUTH || rc == WA_ERR_SYNTAX);
    wa_fuzz_check(n.state == WA_NOISE_FAILED);
    wa_fuzz_check(out.n == 0);

    wa_noise_wipe(&n);
    wa_buf_free(&out);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t  *in;

    if (size == 0 || wa_crypto_init() != WA_OK) {
        return 0;
    }

    in = wa_fuzz_copy(data + 1, size - 1);

    switch (data[0] % 3) {

    case 0:
        fuzz_version(in, size - 1);
        break;

    case 1:
        fuzz_primary(wa_span(in, size - 1));
        break;

    default:
        fuzz_resumed(wa_span(in, size - 1));
        break;
    }

    free(in);

    return 0;
}
