/* LTHash, see wa_lthash.h. */

#include "wa_crypto.h"
#include "wa_lthash.h"


static wa_err_t lthash_mix(uint8_t *hash, const uint8_t *mac, bool add);


wa_err_t
wa_lthash_add(uint8_t hash[WA_LTHASH_LEN],
    const uint8_t mac[WA_LTHASH_ITEM_LEN])
{
    return lthash_mix(hash, mac, true);
}


wa_err_t
wa_lthash_sub(uint8_t hash[WA_LTHASH_LEN],
    const uint8_t mac[WA_LTHASH_ITEM_LEN])
{
    return lthash_mix(hash, mac, false);
}


static wa_err_t
lthash_mix(uint8_t *hash, const uint8_t *mac, bool add)
{
    size_t    i;
    uint8_t   item[WA_LTHASH_LEN];
    uint32_t  lane, by;
    wa_err_t  rc;

    rc = wa_hkdf(wa_span(mac, WA_LTHASH_ITEM_LEN), wa_span_none(),
                 wa_span_str("WhatsApp Patch Integrity"), item,
                 sizeof(item));

    if (rc != WA_OK) {
        return rc;
    }

    for (i = 0; i < WA_LTHASH_LEN; i += 2) {
        lane = (uint32_t) hash[i] | (uint32_t) hash[i + 1] << 8;
        by = (uint32_t) item[i] | (uint32_t) item[i + 1] << 8;
        lane = add ? lane + by : lane - by;
        hash[i] = (uint8_t) (lane & 0xff);
        hash[i + 1] = (uint8_t) (lane >> 8 & 0xff);
    }

    return WA_OK;
}
