/*
 * The numbers by which the server knows its queries in JSON (wa_mex.h).  It
 * changes them with the builds of the web client, so they can be configured.
 */
#ifndef WA_MEX_ID_H
#define WA_MEX_ID_H

#include "wa_base.h"


typedef enum {
    WA_MEX_CHANNEL_LIST = 0,
    WA_MEX_CHANNEL_GET,
    WA_MEX_CHANNEL_CREATE,
    WA_MEX_CHANNEL_UPDATE,
    WA_MEX_CHANNEL_FOLLOW,
    WA_MEX_CHANNEL_UNFOLLOW,
    WA_MEX_CHANNEL_MUTE,
    WA_MEX_CHANNEL_UNMUTE,
    WA_MEX_CHANNEL_DELETE,
    WA_MEX_PROFILE_ABOUT,
    WA_MEX_QUERIES                     /* how many there are               */
} wa_mex_e;

/* 20 digits and NUL. */
#define WA_MEX_ID_MAX  21

/* Zeroed: those built in, of the builds that Baileys 7 and whatsmeow use. */
typedef struct {
    char  id[WA_MEX_QUERIES][WA_MEX_ID_MAX];
} wa_mex_ids_t;


/*
 * From now on the query `name` ("channel.list", "channel.get", ...) has the
 * number `id`, 1..20 digits.  WA_ERR_GONE: there is no such query.
 * WA_ERR_SYNTAX: not such a number.  WA_ERR_DUPLICATE: it has one.
 */
wa_err_t wa_mex_ids_set(wa_mex_ids_t *ids, wa_span_t name, wa_span_t id);

/* The number of a query, as long as `ids` lives. */
const char *wa_mex_ids_get(const wa_mex_ids_t *ids, wa_mex_e query);

#endif /* WA_MEX_ID_H */
