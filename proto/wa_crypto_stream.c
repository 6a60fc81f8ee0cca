/*
 * Digests and ciphers for what does not fit into memory: media files.
 *
 * OpenSSL 3 calls the plain SHA functions deprecated; see wa_crypto_sha256.c.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "wa_crypto.h"
#include "wa_mem.h"


#define STREAM_PIECE_MAX  ((size_t) 1 << 30)


struct wa_sha256_s {
    SHA256_CTX       run;
};

struct wa_cbc_s {
    EVP_CIPHER_CTX  *evp;
};


wa_err_t
wa_sha256_create(wa_sha256_t **out)
{
    wa_sha256_t  *d;

    d = wa_alloc(sizeof(*d));

    if (d == NULL) {
        return WA_ERR_NOMEM;
    }

    (void) SHA256_Init(&d->run);
    *out = d;

    return WA_OK;
}


void
wa_sha256_update(wa_sha256_t *d, wa_span_t data)
{
    if (data.n != 0) {
        (void) SHA256_Update(&d->run, data.p, data.n);
    }
}


void
wa_sha256_final(wa_sha256_t *d, uint8_t out[32])
{
    (void) SHA256_Final(out, &d->run);
}


void
wa_sha256_free(wa_sha256_t *d)
{
    if (d == NULL) {
        return;
    }

    wa_wipe(d, sizeof(*d));
    wa_free(d);
}


wa_err_t
wa_cbc_create(wa_cbc_t **out, bool encrypt, const uint8_t key[32],
    const uint8_t iv[16])
{
    wa_cbc_t  *c;

    c = wa_calloc(1, sizeof(*c));

    if (c == NULL) {
        return WA_ERR_NOMEM;
    }

    c->evp = EVP_CIPHER_CTX_new();

    if (c->evp == NULL
        || EVP_CipherInit_ex2(c->evp, EVP_aes_256_cbc(), key, iv, encrypt,
                              NULL)
           != 1
        || EVP_CIPHER_CTX_set_padding(c->evp, encrypt) != 1)
    {
        wa_cbc_free(c);
        return WA_ERR_NOMEM;
    }

    *out = c;

    return WA_OK;
}


wa_err_t
wa_cbc_update(wa_cbc_t *c, wa_span_t in, uint8_t *out, size_t *n)
{
    int  written;

    *n = 0;

    if (in.n > STREAM_PIECE_MAX) {
        return WA_ERR_ARG;
    }

    if (in.n == 0) {
        return WA_OK;
    }

    if (EVP_CipherUpdate(c->evp, out, &written, in.p, (int) in.n) != 1) {
        return WA_ERR_NOMEM;
    }

    *n = (size_t) written;

    return WA_OK;
}


wa_err_t
wa_cbc_final(wa_cbc_t *c, uint8_t *out, size_t *n)
{
    int  written;

    *n = 0;

    if (EVP_CipherFinal_ex(c->evp, out, &written) != 1) {
        return WA_ERR_DECRYPT;
    }

    *n = (size_t) written;

    return WA_OK;
}


void
wa_cbc_free(wa_cbc_t *c)
{
    if (c == NULL) {
        return;
    }

    EVP_CIPHER_CTX_free(c->evp);
    wa_free(c);
}
