/*
 * The account's output queue: what wa_account_next() hands to the host, in
 * order.  Bytes for the transport are gathered into one buffer per verb.
 */
#ifndef WA_OUT_H
#define WA_OUT_H

#include "wa_account_int.h"


wa_err_t wa_outq_create(wa_account_t *a);
void wa_outq_free(wa_account_t *a);

/* `load` and `commit` are borrowed until completed by the host. */
wa_err_t wa_outq_load(wa_account_t *a, const wa_load_t *load);
wa_err_t wa_outq_commit(wa_account_t *a, const wa_commit_t *commit);

/* `stretch` is borrowed until it was handed out. */
wa_err_t wa_outq_stretch(wa_account_t *a, const wa_stretch_t *stretch);
/* `fetch` lives until the host has answered, or the account has ended. */
wa_err_t wa_outq_fetch(wa_account_t *a, const wa_file_fetch_t *fetch);
wa_err_t wa_outq_fetched(wa_account_t *a, uint64_t token);

/* Takes the commit put in last back; nothing was put in since. */
void wa_outq_uncommit(wa_account_t *a);

/* Steals `data` also on error. */
wa_err_t wa_outq_reply(wa_account_t *a, uint64_t id, const char *code,
    const char *message, json_t *data);

/* WA_OUT_CONNECT, WA_OUT_HISTORY and WA_OUT_CLOSE; CLOSE follows the bytes
   gathered. */
wa_err_t wa_outq_simple(wa_account_t *a, wa_out_e type);

/* From now on GONE is the only output. */
void wa_outq_gone(wa_account_t *a, wa_gone_e why);

/* Where transport bytes are appended. */
wa_buf_t *wa_outq_bytes(wa_account_t *a);

bool wa_outq_next(wa_account_t *a, wa_out_t *out);
bool wa_outq_empty(const wa_account_t *a);
size_t wa_outq_footprint(const wa_account_t *a);

#endif /* WA_OUT_H */
