/*
 * App state: what all devices of an account share beside messages.  Which
 * chats are archived, pinned, muted, read; starred and hidden messages,
 * labels, names of contacts, settings.  Five collections, each a chain of
 * patches and a snapshot of it; facts: protocol notes, app state.
 *
 * Records:
 *   as                   how far each collection is known, keys asked for
 *   askeys               the keys, as our phone shared them
 *   as/answer/<n>        a collection as our phone sent it, until it is taken
 *   as/<collection>/<b>  index MAC -> value MAC, by the first bits of the
 *                        former: 64 bytes each
 *
 * A change is taken only when every MAC of it is right; what is broken is
 * fetched again as a snapshot, and when that is broken three times, our phone
 * is asked for the collection.  Its events and records are one unit, but for
 * snapshots and large patches, whose events come in pieces before the
 * records, so that a crash repeats them.
 */
#ifndef WA_APPSTATE_H
#define WA_APPSTATE_H

#include "appstate.pb-c.h"
#include "context.pb-c.h"
#include "message.pb-c.h"

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_syncd.h"
#include "wa_task.h"
#include "wa_unit.h"


/* In the order in which they are fetched. */
typedef enum {
    WA_COLLECTION_CRITICAL_BLOCK = 0,
    WA_COLLECTION_CRITICAL_UNBLOCK_LOW,
    WA_COLLECTION_REGULAR_HIGH,
    WA_COLLECTION_REGULAR_LOW,
    WA_COLLECTION_REGULAR,
    WA_COLLECTION_MAX
} wa_collection_e;

const char *wa_collection_name(wa_collection_e c);

/* WA_COLLECTION_MAX: not one of ours. */
wa_collection_e wa_collection_find(wa_span_t name);


/* Ends what is in memory.  NULL-safe. */
void wa_appstate_free(wa_account_t *a);

/* After the offline queue: fetches what is not known, or not all of it. */
void wa_appstate_ready(wa_account_t *a);

/* The server's mark that anything may have changed; unix s. */
void wa_appstate_dirty(wa_account_t *a, int64_t timestamp);

/* Serial stanza task of <notification type=server_sync>: collections have
   changed.  Acknowledges the stanza and ends the task. */
void wa_appstate_notification(wa_task_t *t);


/* Records of wa_appstate_shared(). */
#define WA_APPSTATE_KEYS  2

size_t wa_appstate_need(wa_key_t *keys);

/* Our phone shares keys: they are kept, and what waited for them goes on.
   WA_ERR_NOMEM, WA_ERR_LIMIT. */
wa_err_t wa_appstate_shared(wa_unit_t *u, wa_arena_t *arena,
    const Wa__AppStateSyncKeyShare *share);


/* Our phone answers what it was asked for: a collection is kept, and taken
   soon if it is whole.  Other answers are not looked at.  WA_ERR_NOMEM. */
wa_err_t wa_appstate_answered(wa_unit_t *u,
    const Wa__Message__PeerDataOperationRequestResponseMessage *answer);


/*
 * A change of ours.  `index` has n_index strings, `value` (its timestamp is
 * set here) goes with the action's version; all of it is the parent's and
 * lives until the parent is resumed.
 */
#define WA_APPSTATE_INDEX_MAX   6
#define WA_APPSTATE_CHANGES     4

typedef struct {
    wa_collection_e       collection;
    wa_syncd_op_e         op;
    wa_span_t             index[WA_APPSTATE_INDEX_MAX];
    size_t                n_index;
    int32_t               version;
    Wa__SyncActionValue  *value;
    uint32_t              number;    /* not 0: the last part of the index,
                                        which wa_appstate_write() sets, or
                                        a later one if the index is taken  */
    char                  digits[12];
} wa_appstate_change_t;

/*
 * Child task: writes the changes, all of one collection, as a patch; where
 * the server knows more than we do, that is taken first (five times).
 * WA_AGAIN: started; the parent is resumed when what it changed is durable,
 * with its events told:
 *   WA_OK
 *   WA_ERR_STATE    there is no key yet: our phone has shared none
 *   WA_ERR_REFUSED  the server refuses (t->iq_code is not set)
 *   WA_ERR_LIMIT    there is no number left
 *   WA_ERR_GONE, WA_ERR_TIMEOUT, WA_ERR_NOMEM, WA_ERR_AUTH
 * WA_ERR_ARG, WA_ERR_NOMEM: not started.
 */
wa_err_t wa_appstate_write(wa_task_t *parent,
    wa_appstate_change_t *changes, size_t n);


/* Verbs of WA_OP_QUERY, see wa_appstate_query.c. */
void wa_appstate_query(wa_account_t *a, const wa_cmd_t *cmd);

#endif /* WA_APPSTATE_H */
