/*
 * Sends that change another message: the server has taken one, so what it
 * changes is told, as it is when a person's phone does it.
 */
#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_message.h"
#include "wa_send_int.h"


static json_t *change_protocol(const wa_send_t *s, const wa_content_t *c,
    const char *ref, const char **type);


wa_err_t
wa_send_changed(wa_unit_t *u, const wa_send_t *s, const wa_content_t *c)
{
    char         ref[WA_MESSAGE_REF_LEN];
    json_t      *data;
    wa_jid_t     self;
    const char  *type;

    if ((c->kind != WA_KIND_REACTION && c->kind != WA_KIND_PROTOCOL)
        || c->target == NULL
        || wa_send_target_ref(u, s, c->target, ref) != WA_OK)
    {
        return WA_OK;
    }

    if (c->kind == WA_KIND_PROTOCOL) {
        data = change_protocol(s, c, ref, &type);

        return data == NULL ? WA_OK : wa_unit_event(u, type, data);
    }

    self = wa_jid_bare(wa_account_self(wa_unit_account(u), WA_SERVER_PN));

    return wa_unit_event(u, "message.reaction",
                         json_pack("{s:s, s:s, s:o, s:o, s:b, s:o}",
                                   "target_id", ref,
                                   "target_message_id", c->target->id,
                                   "chat_jid", wa_json_jid(wa_send_show(s)),
                                   "from_jid", wa_json_jid(&self),
                                   "from_me", 1,
                                   "emoji", wa_json_text(c->emoji)));
}


/* An edit or a deletion; NULL: neither. */
static json_t *
change_protocol(const wa_send_t *s, const wa_content_t *c, const char *ref,
    const char **type)
{
    char  when[32];

    /* Pins are of this kind too. */

    if (c->protocol == NULL || !c->protocol->has_type) {
        return NULL;
    }

    switch (c->protocol->type) {

    case WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT:
        *type = "message.edited";

        return json_pack("{s:s, s:s, s:o, s:o, s:s}",
                         "id", ref,
                         "message_id", c->target->id,
                         "chat_jid", wa_json_jid(wa_send_show(s)),
                         "body", wa_json_text(c->text),
                         "edited_at", wa_iso_time(c->protocol->timestamp_ms,
                                                  when));

    case WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__REVOKE:
        *type = "message.deleted";

        return json_pack("{s:s, s:s, s:o, s:n, s:s, s:s}",
                         "id", ref,
                         "message_id", c->target->id,
                         "chat_jid", wa_json_jid(wa_send_show(s)),
                         "by_jid",
                         "for", "everyone",
                         "deleted_at", wa_iso_time(s->ts * 1000, when));

    default:
        return NULL;
    }
}


wa_err_t
wa_send_target_ref(wa_unit_t *u, const wa_send_t *s, const Wa__MessageKey *key,
    char *out)
{
    wa_jid_t       author;
    wa_account_t  *a;

    a = wa_unit_account(u);

    if (key->id == NULL) {
        return WA_ERR_SYNTAX;
    }

    author = s->lid.server != WA_SERVER_NONE ? s->lid : *wa_send_show(s);

    if (key->participant != NULL) {

        if (wa_jid_parse(wa_span_str(key->participant), &author) != WA_OK) {
            return WA_ERR_SYNTAX;
        }

        wa_lid_prefer(a, &author);
    }

    return wa_message_ref(a, key->has_from_me && key->from_me, &author,
                          wa_span_str(key->id), out);
}
