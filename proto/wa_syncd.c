/* Keys and MACs of app state, see wa_syncd.h. */

#include "wa_syncd.h"


#define SYNCD_IV_LEN  16u


static wa_err_t syncd_value_mac(const wa_syncd_keys_t *keys,
    wa_syncd_op_e op, wa_span_t key_id, wa_span_t sealed,
    uint8_t out[WA_SYNCD_MAC_LEN]);
static void syncd_be64(uint64_t v, uint8_t out[8]);


wa_err_t
wa_syncd_keys(wa_span_t key_data, wa_syncd_keys_t *out)
{
    uint8_t   all[5 * WA_KEY_LEN];
    wa_err_t  rc;

    if (key_data.n == 0) {
        return WA_ERR_ARG;
    }

    rc = wa_hkdf(key_data, wa_span_none(),
                 wa_span_str("WhatsApp Mutation Keys"), all, sizeof(all));

    if (rc == WA_OK) {
        memcpy(out->index, all, WA_KEY_LEN);
        memcpy(out->cipher, all + WA_KEY_LEN, WA_KEY_LEN);
        memcpy(out->value_mac, all + 2 * WA_KEY_LEN, WA_KEY_LEN);
        memcpy(out->snapshot_mac, all + 3 * WA_KEY_LEN, WA_KEY_LEN);
        memcpy(out->patch_mac, all + 4 * WA_KEY_LEN, WA_KEY_LEN);
    }

    wa_wipe(all, sizeof(all));

    return rc;
}


wa_err_t
wa_syncd_open(const wa_syncd_keys_t *keys, const wa_syncd_record_t *record,
    wa_buf_t *plain)
{
    uint8_t    mac[WA_SYNCD_MAC_LEN];
    wa_err_t   rc;
    wa_span_t  sealed;

    sealed = wa_span(record->blob.p, record->blob.n - WA_SYNCD_MAC_LEN);
    rc = syncd_value_mac(keys, record->op, record->key_id, sealed, mac);

    if (rc != WA_OK) {
        return rc;
    }

    if (!wa_memeq(mac, record->value_mac.p, sizeof(mac))) {
        return WA_ERR_AUTH;
    }

    if (sealed.n < SYNCD_IV_LEN) {
        return WA_ERR_DECRYPT;
    }

    return wa_cbc_decrypt(keys->cipher, sealed.p,
                          wa_span(sealed.p + SYNCD_IV_LEN,
                                  sealed.n - SYNCD_IV_LEN), plain);
}


wa_err_t
wa_syncd_seal(const wa_syncd_keys_t *keys, wa_syncd_op_e op,
    wa_span_t key_id, const uint8_t iv[16], wa_span_t plain, wa_buf_t *blob)
{
    size_t    from;
    uint8_t   mac[WA_SYNCD_MAC_LEN];
    wa_err_t  rc;

    from = blob->n;
    rc = wa_buf_append(blob, iv, SYNCD_IV_LEN);

    if (rc == WA_OK) {
        rc = wa_cbc_encrypt(keys->cipher, iv, plain, blob);
    }

    if (rc == WA_OK) {
        rc = syncd_value_mac(keys, op, key_id,
                             wa_span(blob->p + from, blob->n - from), mac);
    }

    return rc == WA_OK ? wa_buf_append(blob, mac, sizeof(mac)) : rc;
}


/* HMAC-SHA512(op | key id | iv and ciphertext | length of the first two as
   eight bytes), its first half; op counts from 1 here. */
static wa_err_t
syncd_value_mac(const wa_syncd_keys_t *keys, wa_syncd_op_e op,
    wa_span_t key_id, wa_span_t sealed, uint8_t out[WA_SYNCD_MAC_LEN])
{
    uint8_t    code, length[8], full[WA_SHA512_LEN];
    wa_err_t   rc;
    wa_span_t  parts[4];

    code = (op == WA_SYNCD_SET) ? 1 : 2;
    syncd_be64(key_id.n + 1, length);

    parts[0] = wa_span(&code, 1);
    parts[1] = key_id;
    parts[2] = sealed;
    parts[3] = wa_span(length, sizeof(length));

    rc = wa_hmac_sha512(wa_span(keys->value_mac, WA_KEY_LEN), parts, 4,
                        full);

    if (rc == WA_OK) {
        memcpy(out, full, WA_SYNCD_MAC_LEN);
    }

    return rc;
}


wa_err_t
wa_syncd_index_mac(const wa_syncd_keys_t *keys, wa_span_t index,
    uint8_t out[WA_SYNCD_MAC_LEN])
{
    return wa_hmac_sha256(wa_span(keys->index, WA_KEY_LEN), &index, 1, out);
}


wa_err_t
wa_syncd_snapshot_mac(const wa_syncd_keys_t *keys,
    const uint8_t hash[WA_LTHASH_LEN], uint64_t version, wa_span_t name,
    uint8_t out[WA_SYNCD_MAC_LEN])
{
    uint8_t    number[8];
    wa_span_t  parts[3];

    syncd_be64(version, number);

    parts[0] = wa_span(hash, WA_LTHASH_LEN);
    parts[1] = wa_span(number, sizeof(number));
    parts[2] = name;

    return wa_hmac_sha256(wa_span(keys->snapshot_mac, WA_KEY_LEN), parts, 3,
                          out);
}


wa_err_t
wa_syncd_patch_mac(const wa_syncd_keys_t *keys,
    const uint8_t snapshot_mac[WA_SYNCD_MAC_LEN], const uint8_t *macs,
    size_t n, size_t stride, uint64_t version, wa_span_t name,
    uint8_t out[WA_SYNCD_MAC_LEN])
{
    size_t      i;
    wa_err_t    rc;
    wa_hmac_t  *h;

    h = NULL;
    rc = wa_syncd_patch_mac_begin(keys, snapshot_mac, &h);

    for (i = 0; rc == WA_OK && i < n; i++) {
        rc = wa_hmac_update(h, wa_span(macs + i * stride,
                                       WA_SYNCD_MAC_LEN));
    }

    if (rc == WA_OK) {
        rc = wa_syncd_patch_mac_end(h, version, name, out);
    }

    wa_hmac_free(h);

    return rc;
}


wa_err_t
wa_syncd_patch_mac_begin(const wa_syncd_keys_t *keys,
    const uint8_t snapshot_mac[WA_SYNCD_MAC_LEN], wa_hmac_t **h)
{
    wa_err_t  rc;

    *h = NULL;
    rc = wa_hmac_create(h, wa_span(keys->patch_mac, WA_KEY_LEN));

    return rc == WA_OK
           ? wa_hmac_update(*h, wa_span(snapshot_mac, WA_SYNCD_MAC_LEN))
           : rc;
}


wa_err_t
wa_syncd_patch_mac_end(wa_hmac_t *h, uint64_t version, wa_span_t name,
    uint8_t out[WA_SYNCD_MAC_LEN])
{
    uint8_t   number[8];
    wa_err_t  rc;

    syncd_be64(version, number);
    rc = wa_hmac_update(h, wa_span(number, sizeof(number)));

    if (rc == WA_OK) {
        rc = wa_hmac_update(h, name);
    }

    return rc == WA_OK ? wa_hmac_final(h, out) : rc;
}


static void
syncd_be64(uint64_t v, uint8_t out[8])
{
    size_t  i;

    for (i = 0; i < 8; i++) {
        out[i] = (uint8_t) (v >> (56 - 8 * i) & 0xff);
    }
}
