/*
 * Shared by wa_prekey.c (records), wa_prekey_upload.c (the maintenance task:
 * count, upload) and wa_prekey_check.c (digest, rotation).
 */
#ifndef WA_PREKEY_INT_H
#define WA_PREKEY_INT_H

#include "wa_account_int.h"
#include "wa_prekey.h"


#define WA_PREKEY_BLOCK    64u          /* ids per record                  */
#define WA_PREKEY_SLICE    16           /* key pairs per loop turn: 0.5 ms */
#define WA_PREKEY_DAILY_S  86400        /* digests are compared once a day */
#define WA_PREKEY_ROTATE_S (27 * 86400)

/* The record WA_PREKEY_RECORD. */
typedef struct {
    uint32_t  next_id;                  /* first id of the next batch      */
    uint32_t  sent_first;               /* batch that was sent but not     */
    uint32_t  sent_end;                 /* confirmed; equal: none          */
    uint32_t  retry_next;               /* next id of wa_prekey_take()     */
    uint32_t  signed_sent;              /* signed prekey the server has    */
    bool      uploaded;                 /* an upload was confirmed once    */
    int64_t   digest_s;                 /* digests agreed, unix seconds    */
} wa_prekey_counters_t;

/* What is to be done, in this order. */
#define WA_PREKEY_COUNT   0x01u
#define WA_PREKEY_UPLOAD  0x02u
#define WA_PREKEY_FULL    0x04u         /* with UPLOAD: as many as at first */
#define WA_PREKEY_DIGEST  0x08u
#define WA_PREKEY_DAILY   0x10u         /* digest if the last is a day old */
#define WA_PREKEY_ROTATE  0x20u         /* if it is time to                */

struct wa_prekeys_s {
    wa_task_t  *task;                   /* maintenance; NULL: not running  */
    uint32_t    wants;
    int64_t     left;                   /* on the server; -1: not known    */
    wa_time_t   uploaded_at;            /* 0: not in this process          */
};


/* WA_ERR_STATE: not in memory.  An absent record reads as fresh counters. */
wa_err_t wa_prekey_counters_get(wa_account_t *a, wa_prekey_counters_t *c);
wa_err_t wa_prekey_counters_put(wa_unit_t *u,
    const wa_prekey_counters_t *c);

/* Asks for the counters; as wa_task_need(). */
wa_err_t wa_prekey_counters_need(wa_task_t *t);

/* First thing in `self`, which got `rc`: true with the counters; false: it is
   called again with them, or the task has ended for an error. */
bool wa_prekey_counters_load(wa_task_t *t, wa_task_pt self, wa_err_t rc,
    wa_prekey_counters_t *c);

/* Writes them in a unit of their own, and ends the task. */
void wa_prekey_counters_save(wa_task_t *t, const wa_prekey_counters_t *c);

/*
 * Writes the blocks of the n private keys of ids first..; what these blocks
 * held before is replaced, so a batch begins with a new block.  They leave
 * memory with the commit.  Deletes the blocks of an abandoned batch.
 */
wa_err_t wa_prekey_blocks_put(wa_unit_t *u, uint32_t first,
    const uint8_t (*priv)[32], size_t n);
wa_err_t wa_prekey_blocks_del(wa_unit_t *u, uint32_t first, uint32_t end);

/* Keeps a signed prekey that is not the current one any more. */
wa_err_t wa_prekey_signed_put(wa_unit_t *u, const wa_signed_prekey_t *key);

/* A signed prekey of so many ids behind the current one; nothing is changed.
   False: not possible. */
bool wa_prekey_signed_make(wa_account_t *a, uint32_t step,
    wa_signed_prekey_t *out);

/* <skey> of the current signed prekey; an <id> of three bytes. */
wa_node_t *wa_prekey_skey_node(wa_task_t *t);
void wa_prekey_id_node(wa_task_t *t, wa_node_t *parent, uint32_t id);

/* Children of the maintenance task, which each of them resumes. */
void wa_prekey_digest_start(wa_task_t *parent);
void wa_prekey_rotate_start(wa_task_t *parent);

/* A child with zeroed data; NULL: the parent resumes with WA_ERR_NOMEM. */
wa_task_t *wa_prekey_child(wa_task_t *parent, const char *what,
    size_t data_size);

#endif /* WA_PREKEY_INT_H */
