/*
 * What a server may send during and after the handshake.  The first byte
 * chooses: a server hello, a certificate chain, or a transport frame.
 * None of it can be authentic, so nothing may be accepted.
 */

#include "fuzz.h"

#include "wa_noise.h"


#define FUZZ_NOW_S  1763690000


/* Any clamped key will do. */
static const uint8_t  fuzz_priv[32] = {
    0x40, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 0x51
};


static void
fuzz_hello(wa_span_t in)
{
    wa_buf_t    out = WA_BUF_EMPTY;
    wa_err_t    rc;
    wa_noise_t  n;

    wa_fuzz_check(wa_noise_init(&n, fuzz_priv) == WA_OK);
    wa_fuzz_check(wa_noise_client_hello(&n, &out) == WA_OK);

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


static void
fuzz_transport(wa_span_t in)
{
    wa_err_t    rc;
    wa_span_t   plain;
    wa_noise_t  n;
    wa_arena_t  arena;

    memset(&n, 0, sizeof(n));
    memcpy(n.read_key, fuzz_priv, sizeof(fuzz_priv));
    n.state = WA_NOISE_TRANSPORT;

    wa_arena_init(&arena, 0);

    rc = wa_noise_open(&n, in, &arena, &plain);
    wa_fuzz_check(rc == WA_ERR_AUTH);
    wa_fuzz_check(n.state == WA_NOISE_FAILED);

    wa_arena_free(&arena);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t    *in;
    wa_cert_e   why;

    if (size == 0 || wa_crypto_init() != WA_OK) {
        return 0;
    }

    in = wa_fuzz_copy(data + 1, size - 1);

    switch (data[0] % 3) {

    case 0:
        fuzz_hello(wa_span(in, size - 1));
        break;

    case 1:
        wa_fuzz_check(wa_noise_cert_check(wa_span(in, size - 1),
                          wa_noise_root_production, fuzz_priv, FUZZ_NOW_S,
                          &why) == WA_ERR_AUTH);
        wa_fuzz_check(why != WA_CERT_OK);
        break;

    default:
        fuzz_transport(wa_span(in, size - 1));
    }

    free(in);

    return 0;
}
