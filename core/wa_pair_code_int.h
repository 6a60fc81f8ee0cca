/*
 * Shared by wa_pair_code*.c.  One task at a time makes a code or answers the
 * phone; it belongs to the connection it was started on.
 */
#ifndef WA_PAIR_CODE_INT_H
#define WA_PAIR_CODE_INT_H

#include "wa_linkcode.h"
#include "wa_pair_code.h"


#define WA_CODE_REF_MAX  512            /* bytes */


struct wa_pair_code_s {
    char           code[WA_LINKCODE_LEN + 1];   /* "": none                */
    uint8_t        ephemeral_priv[32];
    uint8_t        ephemeral_pub[32];
    uint8_t        ref[WA_CODE_REF_MAX];
    size_t         ref_len;
    wa_task_t     *task;                /* of this connection              */
    uint8_t        hellos;
    bool           shown;
    bool           typed;
    bool           notify;              /* a person asked for this one     */
    bool           asked;               /* cmd_id waits                    */
    uint64_t       cmd_id;
    wa_time_t      answer_by;
    wa_time_t      expires_at;
    int64_t        expires_ms;
};

/* Data of a task. */
typedef struct {
    wa_stretch_t   stretch;
    uint32_t       generation;
    char           code[WA_LINKCODE_LEN + 1];
    uint8_t        salt[WA_LINKCODE_SALT];
    uint8_t        wrapped[WA_LINKCODE_WRAPPED];
    uint8_t        primary_identity[32];
    uint8_t        bundle[WA_LINKCODE_BUNDLE];
} wa_code_work_t;


/*
 * A task of this connection whose first wait is the stretching of the code
 * with `salt`; `given` (may be NULL) is what its data begin as.  False: out of
 * memory.
 */
bool wa_code_task(wa_account_t *a, const char *what, wa_task_pt resume,
    const uint8_t *salt, const wa_code_work_t *given);

/* The code, the connection or the account is not the task's any more: it
   ends by wa_code_retire(), which begins anew where that is wanted. */
bool wa_code_stale(wa_task_t *t);
void wa_code_retire(wa_task_t *t);

/* Wipes and ends the task. */
void wa_code_end(wa_task_t *t, wa_err_t rc);

/* An iq with <link_code_companion_reg stage=..>, and its children. */
wa_node_t *wa_code_reg(wa_task_t *t, const char *stage, wa_node_t **iq);
void wa_code_bytes(wa_task_t *t, wa_node_t *reg, const char *tag,
    wa_span_t bytes);

#endif /* WA_PAIR_CODE_INT_H */
