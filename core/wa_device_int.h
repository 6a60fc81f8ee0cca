/*
 * The record of a user's device list, shared by wa_device*.c and wa_lid.c.
 */
#ifndef WA_DEVICE_INT_H
#define WA_DEVICE_INT_H

#include "wa_device.h"


/* A list older than this is asked for again even without a notification. */
#define WA_DEVICES_FRESH_S  86400

typedef struct {
    uint16_t  id;
    bool      hosted;
} wa_device_t;

typedef struct {
    int64_t      fetched_s;             /* unix seconds                    */
    size_t       n;
    wa_device_t  devices[WA_DEVICES_PER_USER];
} wa_device_record_t;


/* Names the record of one address; as wa_lid_need(). */
size_t wa_device_need(const wa_jid_t *jid, wa_arena_t *arena,
    wa_key_t *keys);

/* False: none, or not in memory. */
bool wa_device_record_get(wa_account_t *a, const wa_jid_t *jid,
    wa_device_record_t *rec);

wa_err_t wa_device_record_put(wa_unit_t *u, const wa_jid_t *jid,
    const wa_device_record_t *rec);

/* From PN to LID; a list of the LID stays.  Needs both records. */
wa_err_t wa_device_record_move(wa_unit_t *u, const wa_jid_t *pn,
    const wa_jid_t *lid);

#endif /* WA_DEVICE_INT_H */
