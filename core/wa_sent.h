/*
 * What was sent, and copies of it: the out/<id> record that answers retry
 * receipts, and the <enc> of one device.
 */
#ifndef WA_SENT_H
#define WA_SENT_H

#include "store.pb-c.h"

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_node.h"
#include "wa_unit.h"


/* Longest id that is looked up; ours have 22 characters. */
#define WA_SENT_ID_MAX    64

#define WA_SENT_NAME_LEN  (WA_SENT_ID_MAX + 8)

/*
 * "out/<id>" and its kin ("pend/", ...).  False: not an id that we could
 * have made, nothing is written.
 */
bool wa_sent_name(const char *prefix, wa_span_t id,
    char name[WA_SENT_NAME_LEN]);

wa_err_t wa_sent_put(wa_unit_t *u, wa_span_t id, uint32_t day,
    const Wa__SentMessage *sent);

/*
 * Pads, encrypts and wraps one copy: <enc v=2 type=.. [count=..]>.  *pkmsg
 * is set when the copy needs <device-identity> beside it, else untouched.
 * `count` 0: no such attribute.  Errors of wa_signal_encrypt().
 */
wa_err_t wa_sent_enc(wa_unit_t *u, wa_arena_t *arena, const wa_jid_t *to,
    wa_span_t message, unsigned count, wa_node_t **enc, bool *pkmsg);

/* Adds <device-identity> to a stanza with a pkmsg. */
void wa_sent_identity(const wa_account_t *a, wa_arena_t *arena,
    wa_node_t *parent);

#endif /* WA_SENT_H */
