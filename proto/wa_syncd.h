/*
 * App state on the wire: the keys, the MACs and the messages of collections
 * (protocol notes, app state; vectors appstate.json).
 *
 *     key data --HKDF("WhatsApp Mutation Keys", 160)--> five keys
 *     index blob = HMAC-SHA256(index key, index)
 *     value blob = iv | AES-256-CBC(SyncActionData) | value MAC
 *
 * Records are read one by one, from bytes in pieces of any size, so that
 * nobody holds a snapshot in memory.
 */

#ifndef WA_SYNCD_H
#define WA_SYNCD_H

#include "wa_base.h"
#include "wa_crypto.h"
#include "wa_lthash.h"


#define WA_SYNCD_MAC_LEN     32u

/* Real ids have six bytes. */
#define WA_SYNCD_KEY_ID_MAX  64u

/* One record, and all that comes beside the records of a message. */
#define WA_SYNCD_FIELD_MAX   (1024u * 1024)

/* A collection's name. */
#define WA_SYNCD_NAME_MAX    32u

/* A direct path of the media servers. */
#define WA_SYNCD_PATH_MAX    1024u


typedef struct {
    uint8_t    index[WA_KEY_LEN];
    uint8_t    cipher[WA_KEY_LEN];
    uint8_t    value_mac[WA_KEY_LEN];
    uint8_t    snapshot_mac[WA_KEY_LEN];
    uint8_t    patch_mac[WA_KEY_LEN];
} wa_syncd_keys_t;

/* The caller wipes *out.  WA_ERR_ARG: no key data. */
wa_err_t wa_syncd_keys(wa_span_t key_data, wa_syncd_keys_t *out);


/* SyncdMutation.SyncdOperation */
typedef enum {
    WA_SYNCD_SET = 0,
    WA_SYNCD_REMOVE = 1
} wa_syncd_op_e;

/* A mutation, or a record of a snapshot (op SET).  Spans point into the
   reader and live until its next call.  Of WA_SYNCD_RECOVERY the index is
   there instead of its MAC, and the blob is SyncActionData, as it is. */
typedef struct {
    wa_syncd_op_e  op;
    wa_span_t      index_mac;           /* WA_SYNCD_MAC_LEN bytes          */
    wa_span_t      blob;                /* iv, ciphertext, value MAC       */
    wa_span_t      value_mac;           /* its last WA_SYNCD_MAC_LEN bytes */
    wa_span_t      key_id;              /* 1..WA_SYNCD_KEY_ID_MAX bytes    */
    wa_span_t      index;               /* JSON text                       */
} wa_syncd_record_t;

/*
 * Checks the value MAC and decrypts; SyncActionData bytes are appended.
 * WA_ERR_AUTH: the MAC is wrong; WA_ERR_DECRYPT: no whole blocks, or wrong
 * padding.  WA_ERR_NOMEM.
 */
wa_err_t wa_syncd_open(const wa_syncd_keys_t *keys,
    const wa_syncd_record_t *record, wa_buf_t *plain);

/*
 * The other way round: appends the value blob of SyncActionData bytes.  Its
 * last WA_SYNCD_MAC_LEN bytes are the value MAC.
 */
wa_err_t wa_syncd_seal(const wa_syncd_keys_t *keys, wa_syncd_op_e op,
    wa_span_t key_id, const uint8_t iv[16], wa_span_t plain,
    wa_buf_t *blob);

wa_err_t wa_syncd_index_mac(const wa_syncd_keys_t *keys, wa_span_t index,
    uint8_t out[WA_SYNCD_MAC_LEN]);

/* Of a collection's state at `version`. */
wa_err_t wa_syncd_snapshot_mac(const wa_syncd_keys_t *keys,
    const uint8_t hash[WA_LTHASH_LEN], uint64_t version, wa_span_t name,
    uint8_t out[WA_SYNCD_MAC_LEN]);

/* Of a patch: `macs` are the value MACs of its mutations in order, `n` of
   them, `stride` bytes apart. */
wa_err_t wa_syncd_patch_mac(const wa_syncd_keys_t *keys,
    const uint8_t snapshot_mac[WA_SYNCD_MAC_LEN], const uint8_t *macs,
    size_t n, size_t stride, uint64_t version, wa_span_t name,
    uint8_t out[WA_SYNCD_MAC_LEN]);

/*
 * The same for a patch of any length: begin, wa_hmac_update() with the value
 * MAC of each mutation, end; *h is the caller's to free from the first to the
 * last.  WA_ERR_NOMEM.
 */
wa_err_t wa_syncd_patch_mac_begin(const wa_syncd_keys_t *keys,
    const uint8_t snapshot_mac[WA_SYNCD_MAC_LEN], wa_hmac_t **h);
wa_err_t wa_syncd_patch_mac_end(wa_hmac_t *h, uint64_t version,
    wa_span_t name, uint8_t out[WA_SYNCD_MAC_LEN]);


/* ExternalBlobReference */
typedef struct {
    uint8_t    media_key[WA_KEY_LEN];
    uint8_t    sha256[WA_SHA256_LEN];           /* of the plaintext        */
    uint8_t    enc_sha256[WA_SHA256_LEN];       /* of the file             */
    bool       has_sha256;
    bool       has_enc_sha256;
    uint64_t   size;                            /* 0: not said             */
    char       path[WA_SYNCD_PATH_MAX];         /* direct path, NUL        */
} wa_syncd_blob_t;

/* WA_ERR_SYNTAX: not one, or without key, path or any digest. */
wa_err_t wa_syncd_blob_read(wa_span_t in, wa_syncd_blob_t *out);


/* What is read, and in which of its fields the records are. */
typedef enum {
    WA_SYNCD_SNAPSHOT = 0,              /* SyncdSnapshot                   */
    WA_SYNCD_PATCH,                     /* SyncdPatch                      */
    WA_SYNCD_MUTATIONS,                 /* SyncdMutations                  */
    WA_SYNCD_RECOVERY                   /* SyncdSnapshotRecovery: what a
                                           phone answers, not sealed       */
} wa_syncd_form_e;

/* What stands beside the records; complete when all was read. */
typedef struct {
    bool       has_version;
    bool       has_snapshot_mac;                /* a snapshot's own MAC    */
    bool       has_patch_mac;
    bool       has_blob;                        /* its mutations are there */
    bool       has_exit;                        /* the sender gave up      */
    bool       has_hash;
    uint64_t   version;
    uint8_t    snapshot_mac[WA_SYNCD_MAC_LEN];
    uint8_t    patch_mac[WA_SYNCD_MAC_LEN];
    uint8_t    key_id[WA_SYNCD_KEY_ID_MAX];
    size_t     key_id_len;                      /* 0: not said             */
    wa_syncd_blob_t  blob;
    uint8_t    hash[WA_LTHASH_LEN];             /* of a recovery           */
    char       name[WA_SYNCD_NAME_MAX];         /* its collection          */
    size_t     name_len;                        /* 0: not said             */
} wa_syncd_head_t;

typedef struct {
    wa_syncd_form_e  form;
    wa_buf_t         buf;
    size_t           at;                        /* read so far of buf      */
    wa_syncd_head_t  head;
} wa_syncd_reader_t;

void wa_syncd_reader_init(wa_syncd_reader_t *r, wa_syncd_form_e form);
void wa_syncd_reader_free(wa_syncd_reader_t *r);        /* wipes; repeatable */

/* More bytes.  WA_ERR_NOMEM. */
wa_err_t wa_syncd_reader_feed(wa_syncd_reader_t *r, wa_span_t in);

/*
 * WA_OK: *record is the next one.  WA_AGAIN: feed more, or all was read if
 * wa_syncd_reader_ended().  WA_ERR_SYNTAX, WA_ERR_LIMIT: only free it.
 */
wa_err_t wa_syncd_reader_next(wa_syncd_reader_t *r,
    wa_syncd_record_t *record);

/* Nothing is left of what was fed. */
bool wa_syncd_reader_ended(const wa_syncd_reader_t *r);


/* A mutation of an outgoing patch. */
typedef struct {
    wa_syncd_op_e  op;
    uint8_t        index_mac[WA_SYNCD_MAC_LEN];
    wa_span_t      blob;
} wa_syncd_out_t;

/* Appends SyncdPatch{mutations, snapshotMac, patchMac, keyId}: without a
   version, as the server counts.  WA_ERR_NOMEM, WA_ERR_LIMIT above the size
   of a frame. */
wa_err_t wa_syncd_patch_pack(const wa_syncd_out_t *mutations, size_t n,
    wa_span_t key_id, const uint8_t snapshot_mac[WA_SYNCD_MAC_LEN],
    const uint8_t patch_mac[WA_SYNCD_MAC_LEN], wa_buf_t *out);


#endif /* WA_SYNCD_H */
