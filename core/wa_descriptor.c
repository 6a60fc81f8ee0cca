/*
 * Sealed descriptors, see wa_descriptor.h.
 */
#include "wa_descriptor.h"


#define DESCRIPTOR_INFO  "wahub media descriptor"


static wa_err_t
descriptor_key(const uint8_t master[WA_KEY_LEN], uint8_t out[WA_KEY_LEN])
{
    return wa_hkdf(wa_span(master, WA_KEY_LEN), wa_span_none(),
                   wa_span_str(DESCRIPTOR_INFO), out, WA_KEY_LEN);
}


wa_err_t
wa_descriptor_seal(const uint8_t master[WA_KEY_LEN], wa_span_t media_id,
    wa_span_t json, wa_buf_t *out)
{
    uint8_t   key[WA_KEY_LEN];
    wa_buf_t  sealed = WA_BUF_EMPTY;
    wa_err_t  rc;

    rc = descriptor_key(master, key);

    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_seal(key, media_id, json, &sealed);

    if (rc == WA_OK) {
        rc = wa_b64_encode(wa_span_buf(&sealed), WA_B64_STD, out);
    }

    wa_wipe(key, sizeof(key));
    wa_buf_free(&sealed);

    return rc;
}


wa_err_t
wa_descriptor_open(const uint8_t master[WA_KEY_LEN], wa_span_t media_id,
    wa_span_t text, wa_buf_t *out)
{
    uint8_t   key[WA_KEY_LEN];
    wa_buf_t  sealed = WA_BUF_EMPTY;
    wa_err_t  rc;

    rc = wa_b64_decode(text, WA_B64_STD, &sealed);

    if (rc == WA_OK) {
        rc = descriptor_key(master, key);
    }

    if (rc == WA_OK) {
        rc = wa_unseal(key, media_id, wa_span_buf(&sealed), out);
        wa_wipe(key, sizeof(key));
    }

    wa_buf_free(&sealed);

    return rc;
}
