/*
 * ADV signatures.  Every signed text begins with two bytes that say what it
 * is: 6, then the kind below.
 */

#include "adv.pb-c.h"

#include "wa_adv.h"
#include "wa_pb.h"


typedef enum {
    WA_ADV_ACCOUNT          = 0,    /* primary's signature over a companion */
    WA_ADV_DEVICE           = 1,    /* the companion's own */
    WA_ADV_KEY_INDEX        = 2,    /* primary's list of valid companions */
    WA_ADV_ACCOUNT_HOSTED   = 5,
    WA_ADV_DEVICE_HOSTED    = 6,
    WA_ADV_KEY_INDEX_HOSTED = 7
} wa_adv_kind_e;

typedef Wa__ADVSignedDeviceIdentity  wa_adv_signed_t;


static void
wa_adv_prefix(uint8_t prefix[2], wa_adv_kind_e kind)
{
    prefix[0] = 6;
    prefix[1] = (uint8_t) kind;
}


/* A blob whose shape is wrong, unless memory was short. */
static wa_err_t
wa_adv_unpacked(wa_err_t rc)
{
    return (rc == WA_OK || rc == WA_ERR_NOMEM) ? rc : WA_ERR_SYNTAX;
}


/*
 * Reads the signed identity and its details.  The account key may be missing
 * (need_key false), the account signature must be there.
 */
static wa_err_t
wa_adv_read(wa_span_t blob, bool need_key, wa_arena_t *arena,
    wa_adv_signed_t **identity, Wa__ADVDeviceIdentity **device)
{
    wa_err_t          rc;
    wa_adv_signed_t  *sdi;

    rc = WA_PB_UNPACK(wa__advsigned_device_identity__descriptor, blob, arena,
                      &sdi);
    if (rc != WA_OK) {
        return wa_adv_unpacked(rc);
    }

    if (sdi->has_details == 0
        || sdi->has_account_signature == 0
        || sdi->account_signature.len != WA_SIG_LEN)
    {
        return WA_ERR_SYNTAX;
    }

    if (sdi->has_account_signature_key
        ? sdi->account_signature_key.len != WA_KEY_LEN : need_key)
    {
        return WA_ERR_SYNTAX;
    }

    rc = WA_PB_UNPACK(wa__advdevice_identity__descriptor,
                      wa_pb_span(&sdi->details), arena, device);
    if (rc != WA_OK) {
        return wa_adv_unpacked(rc);
    }

    *identity = sdi;

    return WA_OK;
}


static bool
wa_adv_hosted(const Wa__ADVDeviceIdentity *device)
{
    return device->device_type == WA__ADVENCRYPTION_TYPE__HOSTED;
}


static bool
wa_adv_account_signed(const wa_adv_signed_t *sdi, bool hosted,
    const uint8_t identity[32], const uint8_t account_key[32])
{
    uint8_t    prefix[2];
    wa_span_t  parts[3];

    wa_adv_prefix(prefix, hosted ? WA_ADV_ACCOUNT_HOSTED : WA_ADV_ACCOUNT);

    parts[0] = wa_span(prefix, sizeof(prefix));
    parts[1] = wa_pb_span(&sdi->details);
    parts[2] = wa_span(identity, WA_KEY_LEN);

    return wa_xeddsa_verify(account_key, parts, 3,
                            sdi->account_signature.data);
}


/* What the companion signs: prefix, details, own identity, account key. */
static void
wa_adv_device_parts(const uint8_t prefix[2], const wa_adv_signed_t *sdi,
    const uint8_t identity[32], const uint8_t account_key[32],
    wa_span_t parts[4])
{
    parts[0] = wa_span(prefix, 2);
    parts[1] = wa_pb_span(&sdi->details);
    parts[2] = wa_span(identity, WA_KEY_LEN);
    parts[3] = wa_span(account_key, WA_KEY_LEN);
}


static wa_err_t
wa_adv_pack(const wa_adv_signed_t *sdi, wa_arena_t *arena, wa_span_t *out)
{
    wa_buf_t  blob = WA_BUF_EMPTY;
    wa_err_t  rc;

    rc = WA_PB_PACK(sdi, &blob);
    if (rc == WA_OK) {
        rc = wa_arena_dup_span(arena, wa_span_buf(&blob), out);
    }

    wa_buf_free(&blob);

    return rc;
}


/* Signs, and fills *out. */
static wa_err_t
wa_adv_answer(wa_adv_signed_t *sdi, const Wa__ADVDeviceIdentity *device,
    const uint8_t identity_priv[32], const uint8_t identity_pub[32],
    const uint8_t random[64], wa_arena_t *arena, wa_adv_t *out)
{
    uint8_t          prefix[2], signature[64];
    wa_err_t         rc;
    wa_adv_t         result;
    wa_span_t        parts[4];
    wa_adv_signed_t  reply;

    memset(&result, 0, sizeof(result));

    memcpy(result.account_key, sdi->account_signature_key.data, WA_KEY_LEN);
    result.raw_id = device->raw_id;
    result.key_index = device->key_index;
    result.timestamp = device->timestamp;
    result.hosted = wa_adv_hosted(device);

    /* The official client signs with the plain prefix for hosted ones too. */

    wa_adv_prefix(prefix, WA_ADV_DEVICE);
    wa_adv_device_parts(prefix, sdi, identity_pub, result.account_key, parts);

    rc = wa_xeddsa_sign(signature, identity_priv, parts, 4, random);
    if (rc != WA_OK) {
        return rc;
    }

    sdi->has_device_signature = 1;
    sdi->device_signature = wa_pb_bytes(wa_span(signature, WA_SIG_LEN));

    rc = wa_adv_pack(sdi, arena, &result.stored);
    if (rc != WA_OK) {
        return rc;
    }

    reply = *sdi;
    reply.has_account_signature_key = 0;

    rc = wa_adv_pack(&reply, arena, &result.reply);
    if (rc != WA_OK) {
        return rc;
    }

    *out = result;

    return WA_OK;
}


/* Only who showed the QR knows adv_secret: checks that the phone saw it. */
static wa_err_t
wa_adv_open(wa_span_t container, const uint8_t adv_secret[32],
    wa_arena_t *arena, wa_span_t *details, wa_adv_fail_e *fail)
{
    uint8_t    mac[WA_SHA256_LEN], prefix[2];
    wa_err_t   rc;
    wa_span_t  parts[2];

    Wa__ADVSignedDeviceIdentityHMAC  *c;

    *fail = WA_ADV_FAIL_FORMAT;

    if (container.n > WA_ADV_MAX) {
        return WA_ERR_LIMIT;
    }

    rc = WA_PB_UNPACK(wa__advsigned_device_identity_hmac__descriptor,
                      container, arena, &c);
    if (rc != WA_OK) {
        return wa_adv_unpacked(rc);
    }

    if (c->has_details == 0
        || c->has_hmac == 0
        || c->hmac.len != WA_SHA256_LEN)
    {
        return WA_ERR_SYNTAX;
    }

    wa_adv_prefix(prefix, WA_ADV_ACCOUNT_HOSTED);

    parts[0] = wa_span(prefix, c->account_type
                               == WA__ADVENCRYPTION_TYPE__HOSTED ? 2 : 0);
    parts[1] = wa_pb_span(&c->details);

    rc = wa_hmac_sha256(wa_span(adv_secret, WA_KEY_LEN), parts, 2, mac);
    if (rc != WA_OK) {
        return rc;
    }

    if (!wa_memeq(mac, c->hmac.data, sizeof(mac))) {
        *fail = WA_ADV_FAIL_HMAC;
        return WA_ERR_AUTH;
    }

    *details = parts[1];

    return WA_OK;
}


wa_err_t
wa_adv_pair(wa_span_t container, const uint8_t adv_secret[32],
    const uint8_t identity_priv[32], const uint8_t identity_pub[32],
    const uint8_t random[64], wa_arena_t *arena, wa_adv_t *out,
    wa_adv_fail_e *fail)
{
    wa_err_t                rc;
    wa_span_t               details;
    wa_adv_signed_t        *sdi;
    Wa__ADVDeviceIdentity  *device;

    rc = wa_adv_open(container, adv_secret, arena, &details, fail);
    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_adv_read(details, true, arena, &sdi, &device);
    if (rc != WA_OK) {
        return rc;
    }

    if (!wa_adv_account_signed(sdi, wa_adv_hosted(device), identity_pub,
                               sdi->account_signature_key.data))
    {
        *fail = WA_ADV_FAIL_SIGNATURE;
        return WA_ERR_AUTH;
    }

    rc = wa_adv_answer(sdi, device, identity_priv, identity_pub, random,
                       arena, out);
    if (rc == WA_OK) {
        *fail = WA_ADV_FAIL_NONE;
    }

    return rc;
}


wa_err_t
wa_adv_verify_device(wa_span_t signed_identity, const uint8_t identity[32],
    const uint8_t *account_key, wa_arena_t *arena)
{
    bool                    hosted;
    uint8_t                 prefix[2];
    wa_err_t                rc;
    wa_span_t               parts[4];
    const uint8_t          *key;
    wa_adv_signed_t        *sdi;
    Wa__ADVDeviceIdentity  *device;

    if (signed_identity.n > WA_ADV_MAX) {
        return WA_ERR_LIMIT;
    }

    rc = wa_adv_read(signed_identity, account_key == NULL, arena, &sdi,
                     &device);
    if (rc != WA_OK) {
        return rc;
    }

    if (sdi->has_device_signature == 0
        || sdi->device_signature.len != WA_SIG_LEN)
    {
        return WA_ERR_SYNTAX;
    }

    key = sdi->has_account_signature_key ? sdi->account_signature_key.data
                                         : account_key;
    hosted = wa_adv_hosted(device);

    if (!wa_adv_account_signed(sdi, hosted, identity, key)) {
        return WA_ERR_AUTH;
    }

    wa_adv_prefix(prefix, hosted ? WA_ADV_DEVICE_HOSTED : WA_ADV_DEVICE);
    wa_adv_device_parts(prefix, sdi, identity, key, parts);

    return wa_xeddsa_verify(identity, parts, 4, sdi->device_signature.data)
           ? WA_OK : WA_ERR_AUTH;
}


wa_err_t
wa_adv_key_index(wa_span_t signed_list, const uint8_t *account_key,
    wa_arena_t *arena, wa_adv_index_t *out)
{
    bool            hosted;
    uint8_t         prefix[2];
    wa_err_t        rc;
    wa_span_t       parts[2];
    const uint8_t  *key;

    Wa__ADVKeyIndexList        *list;
    Wa__ADVSignedKeyIndexList  *blob;

    rc = WA_PB_UNPACK(wa__advsigned_key_index_list__descriptor, signed_list,
                      arena, &blob);
    if (rc != WA_OK) {
        return wa_adv_unpacked(rc);
    }

    key = account_key;

    if (key == NULL
        && blob->has_account_signature_key
        && blob->account_signature_key.len == WA_KEY_LEN)
    {
        key = blob->account_signature_key.data;
    }

    if (key == NULL
        || blob->has_details == 0
        || blob->has_account_signature == 0
        || blob->account_signature.len != WA_SIG_LEN)
    {
        return WA_ERR_SYNTAX;
    }

    rc = WA_PB_UNPACK(wa__advkey_index_list__descriptor,
                      wa_pb_span(&blob->details), arena, &list);
    if (rc != WA_OK) {
        return wa_adv_unpacked(rc);
    }

    hosted = (list->account_type == WA__ADVENCRYPTION_TYPE__HOSTED);

    wa_adv_prefix(prefix, hosted ? WA_ADV_KEY_INDEX_HOSTED
                                 : WA_ADV_KEY_INDEX);

    parts[0] = wa_span(prefix, sizeof(prefix));
    parts[1] = wa_pb_span(&blob->details);

    if (!wa_xeddsa_verify(key, parts, 2, blob->account_signature.data)) {
        return WA_ERR_AUTH;
    }

    out->raw_id = list->raw_id;
    out->current_index = list->current_index;
    out->timestamp = list->timestamp;
    out->valid = list->valid_indexes;
    out->n_valid = list->n_valid_indexes;

    return WA_OK;
}
