/*
 * Device list records, see wa_device.h.
 *
 * Record dev/<user@server>:  u8 version, u32 u32 fetched (unix s), u16 count,
 * count x { u16 id, u8 flags }.
 */
#include <stdio.h>

#include "wa_account_int.h"
#include "wa_device_int.h"
#include "wa_lid.h"
#include "wa_rd.h"
#include "wa_wr.h"


#define DEVICE_VERSION   1
#define DEVICE_HOSTED    0x01
#define DEVICE_NAME_LEN  (WA_JID_TEXT_MAX + 5)


static bool device_name(const wa_jid_t *jid, char *buf);
static bool device_decode(wa_span_t in, wa_device_record_t *rec);


size_t
wa_device_need(const wa_jid_t *jid, wa_arena_t *arena, wa_key_t *keys)
{
    char       name[DEVICE_NAME_LEN];
    wa_span_t  text;

    if (!device_name(jid, name)
        || wa_arena_dup_span(arena, wa_span_str(name), &text) != WA_OK)
    {
        return 0;
    }

    keys[0] = (wa_key_t) { text, 0 };

    return 1;
}


bool
wa_device_record_get(wa_account_t *a, const wa_jid_t *jid,
    wa_device_record_t *rec)
{
    char       name[DEVICE_NAME_LEN];
    wa_span_t  value;

    return device_name(jid, name)
           && wa_record_get(a, name, 0, &value) == WA_OK && value.p != NULL
           && device_decode(value, rec);
}


wa_err_t
wa_device_record_put(wa_unit_t *u, const wa_jid_t *jid,
    const wa_device_record_t *rec)
{
    char      name[DEVICE_NAME_LEN];
    size_t    i;
    wa_wr_t   w;
    wa_buf_t  buf = WA_BUF_EMPTY;
    wa_err_t  rc;

    if (!device_name(jid, name)) {
        return WA_ERR_ARG;
    }

    wa_wr_init(&w, &buf, WA_RECORD_VALUE_MAX);
    wa_wr_u8(&w, DEVICE_VERSION);
    wa_wr_u32(&w, (uint32_t) ((uint64_t) rec->fetched_s >> 32));
    wa_wr_u32(&w, (uint32_t) (uint64_t) rec->fetched_s);
    wa_wr_u16(&w, (uint16_t) rec->n);

    for (i = 0; i < rec->n; i++) {
        wa_wr_u16(&w, rec->devices[i].id);
        wa_wr_u8(&w, rec->devices[i].hosted ? DEVICE_HOSTED : 0);
    }

    rc = w.err;

    if (rc == WA_OK) {
        rc = wa_unit_put(u, name, 0, wa_span_buf(&buf));
    }

    wa_buf_free(&buf);

    return rc;
}


/* A record this version cannot read counts as none: it is asked for. */
static bool
device_decode(wa_span_t in, wa_device_record_t *rec)
{
    size_t    i;
    uint8_t   version, flags;
    wa_rd_t   r;
    uint16_t  n, id;
    uint32_t  high, low;

    r = wa_rd(in);

    if (!wa_rd_u8(&r, &version) || version != DEVICE_VERSION
        || !wa_rd_u32(&r, &high) || !wa_rd_u32(&r, &low)
        || !wa_rd_u16(&r, &n) || n > WA_DEVICES_PER_USER
        || wa_rd_left(&r) != (size_t) n * 3)
    {
        return false;
    }

    rec->fetched_s = (int64_t) ((uint64_t) high << 32 | low);
    rec->n = n;

    for (i = 0; i < n; i++) {

        if (!wa_rd_u16(&r, &id) || !wa_rd_u8(&r, &flags)) {
            return false;
        }

        rec->devices[i].id = id;
        rec->devices[i].hosted = (flags & DEVICE_HOSTED) != 0;
    }

    return true;
}


wa_err_t
wa_device_record_move(wa_unit_t *u, const wa_jid_t *pn, const wa_jid_t *lid)
{
    char                name[DEVICE_NAME_LEN];
    wa_err_t            rc;
    wa_account_t       *a;
    wa_device_record_t  rec, there;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);

    if (!wa_device_record_get(a, pn, &rec)) {
        return WA_OK;
    }

    rc = WA_OK;

    if (!wa_device_record_get(a, lid, &there)) {
        rc = wa_device_record_put(u, lid, &rec);
    }

    if (rc == WA_OK && device_name(pn, name)) {
        rc = wa_unit_del(u, name, 0);
    }

    return rc;
}


wa_err_t
wa_devices_forget(wa_unit_t *u, const wa_jid_t *user)
{
    char      name[DEVICE_NAME_LEN];
    wa_err_t  rc;
    wa_jid_t  other;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (!device_name(user, name)) {
        return WA_ERR_ARG;
    }

    rc = wa_unit_del(u, name, 0);

    if (rc == WA_OK
        && (wa_lid_of(wa_unit_account(u), user, &other)
            || wa_pn_of(wa_unit_account(u), user, &other))
        && device_name(&other, name))
    {
        rc = wa_unit_del(u, name, 0);
    }

    return rc;
}


wa_err_t
wa_devices_phash(const wa_jid_t *devices, size_t n, char out[WA_PHASH_LEN])
{
    return wa_phash(devices, n, out);
}


/* The list is the user's, so hosted devices share the record. */
static bool
device_name(const wa_jid_t *jid, char *buf)
{
    if (!wa_jid_is_user(jid)) {
        return false;
    }

    snprintf(buf, DEVICE_NAME_LEN, "dev/%s@%s", jid->user,
             wa_server_name(wa_jid_is_pn(jid) ? WA_SERVER_PN
                                              : WA_SERVER_LID));

    return true;
}
