/* Shared by wa_life.c, wa_view.c and wa_command.c. */
#ifndef WA_LIFE_INT_H
#define WA_LIFE_INT_H

#include "wa_life.h"
#include "wa_restrict.h"


#define WA_REASON_MAX  120

struct wa_life_s {
    json_t       *meta;                /* settings, record "meta"          */
    wa_state_e    state;
    int           code;
    char          reason[WA_REASON_MAX];
    int64_t       created_ms;
    int64_t       updated_ms;
    int64_t       since_ms;            /* in this state                    */
    int64_t       connected_ms;        /* 0: never                         */
    int64_t       seen_ms;
    wa_time_t     dial_at;             /* 0: no reconnect planned          */
    wa_time_t     loading_until;       /* 0: not loading                   */
    wa_time_t     quiet_until;         /* 0: word of a queue, or no login  */
    wa_time_t     stable_at;           /* backoff forgets its past then    */
    wa_restrict_t restricts;          /* what WhatsApp forbids for now     */
    uint8_t       attempts;
    uint8_t       restarts;            /* at once, since it was stable     */
    bool          leaving;
    bool          relink;              /* dial once logged out             */
};


/* A string setting, "" when absent. */
const char *wa_meta_str(const wa_account_t *a, const char *key);
bool wa_meta_bool(const wa_account_t *a, const char *key, bool otherwise);

/* The word of reference 000; a sentence for people, maybe in `buf`. */
const char *wa_state_word(const wa_account_t *a, wa_state_e s);
const char *wa_state_sentence(const wa_account_t *a, char *buf, size_t cap);

/* Takes known settings from args; null removes.  WA_ERR_ARG: wrong type. */
wa_err_t wa_life_settings(wa_account_t *a, const json_t *args, bool update);

/* Holds meta and view in the unit. */
void wa_life_put_meta(wa_unit_t *u);

/* Adds the state's own event ("session.connected", ...). */
void wa_life_state_event(wa_unit_t *u, wa_state_e state);

/* session.qr_code of the code shown now. */
void wa_life_qr_event(wa_unit_t *u);

/* Replaces the credentials and empties the account's records in `u`. */
wa_err_t wa_life_reset(wa_unit_t *u);

#endif /* WA_LIFE_INT_H */
