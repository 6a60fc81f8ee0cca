/* Numbers of queries, see wa_mex_id.h. */
#include "wa_mex_id.h"


static const struct {
    const char  *name;
    const char  *id;
} mex_queries[WA_MEX_QUERIES] = {
    [WA_MEX_CHANNEL_LIST] = { "channel.list", "6388546374527196" },
    [WA_MEX_CHANNEL_GET] = { "channel.get", "6563316087068696" },
    [WA_MEX_CHANNEL_CREATE] = { "channel.create", "8823471724422422" },
    [WA_MEX_CHANNEL_UPDATE] = { "channel.update", "24250201037901610" },
    [WA_MEX_CHANNEL_FOLLOW] = { "channel.follow", "24404358912487870" },
    [WA_MEX_CHANNEL_UNFOLLOW] = { "channel.unfollow", "9767147403369991" },
    [WA_MEX_CHANNEL_MUTE] = { "channel.mute", "29766401636284406" },
    [WA_MEX_CHANNEL_UNMUTE] = { "channel.unmute", "9864994326891137" },
    [WA_MEX_CHANNEL_DELETE] = { "channel.delete", "30062808666639665" },
    [WA_MEX_PROFILE_ABOUT] = { "profile.about", "9152604461510864" }
};


wa_err_t
wa_mex_ids_set(wa_mex_ids_t *ids, wa_span_t name, wa_span_t id)
{
    size_t  i, k;

    for (k = 0; k < WA_MEX_QUERIES; k++) {
        if (wa_span_eq_str(name, mex_queries[k].name)) {
            break;
        }
    }

    if (k == WA_MEX_QUERIES) {
        return WA_ERR_GONE;
    }

    if (id.n == 0 || id.n >= WA_MEX_ID_MAX) {
        return WA_ERR_SYNTAX;
    }

    for (i = 0; i < id.n; i++) {
        if (id.p[i] < '0' || id.p[i] > '9') {
            return WA_ERR_SYNTAX;
        }
    }

    if (ids->id[k][0] != '\0') {
        return WA_ERR_DUPLICATE;
    }

    memcpy(ids->id[k], id.p, id.n);
    ids->id[k][id.n] = '\0';

    return WA_OK;
}


const char *
wa_mex_ids_get(const wa_mex_ids_t *ids, wa_mex_e query)
{
    return ids->id[query][0] != '\0' ? ids->id[query]
                                     : mex_queries[query].id;
}
