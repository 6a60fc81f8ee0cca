/*
 * Prekey bundles: the public keys of one device, from which a session is
 * made without asking that device.  They come in answers to <key> queries
 * and in retry receipts.  Facts: protocol 7.1, 8.4.
 */
#ifndef WA_BUNDLE_H
#define WA_BUNDLE_H

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_node.h"
#include "wa_task.h"
#include "wa_unit.h"


struct wa_bundle_s {
    uint32_t   registration_id;
    uint8_t    identity[32];
    uint32_t   signed_id;
    uint8_t    signed_pub[32];
    uint8_t    signature[64];
    bool       has_prekey;          /* false: exhausted, that is normal    */
    uint32_t   prekey_id;
    uint8_t    prekey_pub[32];
    wa_span_t  device_identity;     /* borrowed from the node; may be none */
};

typedef struct wa_bundle_s  wa_bundle_t;


/*
 * Reads a <user> of a <key> answer, or the <keys> of a retry receipt; there
 * the <registration> is a sibling: pass it, else NULL.
 * WA_ERR_SYNTAX: a part is missing or has a wrong length.
 * WA_ERR_REFUSED: the node holds an <error>.
 */
wa_err_t wa_bundle_parse(const wa_node_t *node,
    const wa_node_t *registration, wa_bundle_t *out);

/* Records of wa_bundle_process(), as wa_signal_need(). */
#define WA_BUNDLE_KEYS  3

size_t wa_bundle_need(const wa_jid_t *jid, wa_arena_t *arena,
    wa_key_t *keys);

/*
 * Verifies the bundle (signed prekey; of a companion that brings its device
 * identity also that) and puts a new session into the unit; an old one is
 * archived inside the record.  Another identity key than the known one is
 * accepted and stored.  About 0.3 ms.
 * WA_ERR_AUTH: a signature is wrong; unit unchanged.
 * WA_ERR_SYNTAX, WA_ERR_STATE, WA_ERR_NOMEM.
 */
wa_err_t wa_bundle_process(wa_unit_t *u, const wa_jid_t *jid,
    const wa_bundle_t *b, wa_arena_t *arena);

/*
 * Child task: fetches bundles for these devices (addressed as given) and
 * makes sessions; when the parent is resumed these are in memory and
 * handed to the store before anything the parent commits.
 *   WA_AGAIN  started; the parent's resume gets WA_OK, or the error of the
 *             query (WA_ERR_REFUSED, _TIMEOUT, _GONE, _NOMEM)
 *   else      not started (WA_ERR_ARG: n is 0 or above WA_BUNDLE_MAX)
 * results[i] (the parent's memory, alive until then) says for device i:
 *   WA_OK           there is a session
 *   WA_ERR_GONE     not registered any more (406); the user's device list
 *                   was forgotten
 *   WA_ERR_REFUSED  another error of the server: later
 *   WA_ERR_AUTH, WA_ERR_SYNTAX, ...  its bundle is not acceptable
 */
#define WA_BUNDLE_MAX  1024

wa_err_t wa_bundle_fetch(wa_task_t *parent, const wa_jid_t *devices,
    size_t n, wa_err_t *results);

#endif /* WA_BUNDLE_H */
