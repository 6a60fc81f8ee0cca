/*
 * Media files: the names of their kinds, encryption and decryption in pieces,
 * and the envelope in which a phone is asked to upload a file again.
 *
 *     media key --HKDF(kind)--> iv, cipher key, mac key
 *     file = AES-256-CBC(plain) || HMAC-SHA256(iv || ciphertext)[0:10]
 *
 * Vectors media.json.
 */

#ifndef WA_MEDIA_H
#define WA_MEDIA_H

#include "wa_base.h"
#include "wa_crypto.h"


#define WA_MEDIA_MAC_LEN  10u

/* wa_media_seal_update() and _open_update() append this much at most beside
   the length of their input. */
#define WA_MEDIA_MORE     64u


/* Order of the table in wa_media.c. */
typedef enum {
    WA_MEDIA_IMAGE = 0,
    WA_MEDIA_VIDEO,
    WA_MEDIA_AUDIO,
    WA_MEDIA_DOCUMENT,
    WA_MEDIA_STICKER,
    WA_MEDIA_HISTORY,
    WA_MEDIA_APP_STATE,
    WA_MEDIA_LINK_THUMBNAIL,
    WA_MEDIA_MAX
} wa_media_e;


/* "image"; never NULL.  The names of descriptors and of logs. */
const char *wa_media_name(wa_media_e kind);

/* WA_ERR_ARG: not such a name. */
wa_err_t wa_media_parse(wa_span_t name, wa_media_e *kind);

/* The last part of the upload path, and `mms-type` of a download. */
const char *wa_media_mms(wa_media_e kind);


typedef struct {
    uint8_t    iv[16];
    uint8_t    cipher[WA_KEY_LEN];
    uint8_t    mac[WA_KEY_LEN];
} wa_media_keys_t;

/* WA_ERR_NOMEM.  The caller wipes *out. */
wa_err_t wa_media_keys(wa_media_e kind, const uint8_t key[32],
    wa_media_keys_t *out);


/* Known at the end of a file. */
typedef struct {
    uint8_t    sha256[WA_SHA256_LEN];           /* of the plaintext        */
    uint8_t    enc_sha256[WA_SHA256_LEN];       /* of the file on the wire */
    uint64_t   length;                          /* bytes of plaintext      */
    uint64_t   enc_length;
} wa_media_sums_t;

/*
 * Encryption.  `key` NULL: the file stays as it is (newsletters) and both
 * digests are the same.  Pieces of any size up to 1 GiB; output is appended.
 * WA_ERR_NOMEM: only free the object.
 */
typedef struct wa_media_seal_s  wa_media_seal_t;

wa_err_t wa_media_seal_create(wa_media_seal_t **out, wa_media_e kind,
    const uint8_t *key);
wa_err_t wa_media_seal_update(wa_media_seal_t *m, wa_span_t in,
    wa_buf_t *out);
wa_err_t wa_media_seal_final(wa_media_seal_t *m, wa_buf_t *out,
    wa_media_sums_t *sums);
void wa_media_seal_free(wa_media_seal_t *m);            /* NULL-safe       */

/*
 * Decryption.  What update appends is not verified: it must not be shown to
 * anybody before wa_media_open_final() has answered WA_OK.
 * Final: WA_ERR_AUTH, the MAC is wrong or the file is too short for one;
 * WA_ERR_DECRYPT, no whole blocks or wrong padding.  The digests are to be
 * compared by the caller, who knows them.  WA_ERR_NOMEM.
 */
typedef struct wa_media_open_s  wa_media_open_t;

wa_err_t wa_media_open_create(wa_media_open_t **out, wa_media_e kind,
    const uint8_t *key);
wa_err_t wa_media_open_update(wa_media_open_t *m, wa_span_t in,
    wa_buf_t *out);
wa_err_t wa_media_open_final(wa_media_open_t *m, wa_buf_t *out,
    wa_media_sums_t *sums);
void wa_media_open_free(wa_media_open_t *m);            /* NULL-safe       */


/*
 * Appends the sealed request for a new upload of the media of message `id`:
 * ServerErrorReceipt under a key made of the media key.  `iv` is 12 fresh
 * bytes.  WA_ERR_ARG: an empty id or one above 128 bytes.  WA_ERR_NOMEM.
 */
wa_err_t wa_media_retry_seal(const uint8_t key[32], wa_span_t id,
    const uint8_t iv[12], wa_buf_t *out);

/* MediaRetryNotification.ResultType */
typedef enum {
    WA_MEDIA_RETRY_ERROR = 0,
    WA_MEDIA_RETRY_OK = 1,
    WA_MEDIA_RETRY_NOT_FOUND = 2,
    WA_MEDIA_RETRY_DECRYPT = 3
} wa_media_retry_e;

/*
 * The phone's answer.  `path`, the new direct path, is appended to and stays
 * as it was unless the result is WA_MEDIA_RETRY_OK.
 * WA_ERR_AUTH: not sealed for this message; WA_ERR_SYNTAX: of another form,
 * for another message, or without a path; WA_ERR_LIMIT: above 4 KiB.
 * WA_ERR_NOMEM.
 */
wa_err_t wa_media_retry_open(const uint8_t key[32], wa_span_t id,
    wa_span_t iv, wa_span_t sealed, wa_media_retry_e *result,
    wa_buf_t *path);


#endif /* WA_MEDIA_H */
