/*
 * A message's medium -> a row of wa_media that waits for its file.
 */
#include "wa_archive_media.h"
#include "wa_project_int.h"


static int64_t medium_number(const wa_jv_t *o, const char *name);


wa_err_t
wa_ev_medium(wa_ev_t *e, const wa_jv_t *m)
{
    wa_media_t      row;
    const wa_jv_t  *o;

    if (e->entry->aside.n == 0) {
        return WA_OK;
    }

    o = wa_jv_get(wa_jv_read(e->entry->aside, e->arena), "media");

    if (o == NULL) {
        return WA_OK;
    }

    wa_media_init(&row);
    row.id = wa_ev_word(e, o, "id");

    if (!wa_media_id_valid(row.id)) {
        return WA_OK;
    }

    row.tenant = e->tenant;
    row.account = e->account;
    row.message = wa_ev_word(e, m, "id");
    row.message_id = wa_ev_word(e, m, "message_id");
    row.kind = wa_ev_media_kind(wa_ev_word(e, o, "kind"));
    row.mime = wa_ev_text(e, o, "mimetype");
    row.filename = wa_ev_text(e, o, "filename");
    row.descriptor = wa_ev_text(e, o, "descriptor");
    row.size = medium_number(o, "file_length");
    row.width = medium_number(o, "width");
    row.height = medium_number(o, "height");
    row.duration = medium_number(o, "seconds");
    row.shard = e->entry->shard;
    row.created_ms = (int64_t) e->entry->id.ms;
    row.status = WA_MEDIA_PENDING;

    return wa_media_add(e->db, &row);
}


wa_span_t
wa_ev_media_kind(wa_span_t kind)
{
    if (wa_span_eq_str(kind, "gif") || wa_span_eq_str(kind, "ptv")) {
        return wa_span_str("video");
    }

    return wa_span_eq_str(kind, "ptt") ? wa_span_str("audio") : kind;
}


static int64_t
medium_number(const wa_jv_t *o, const char *name)
{
    int64_t  i;

    i = wa_ev_int(o, name);

    return i > 0 ? i : -1;
}
