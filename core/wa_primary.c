/*
 * Messages to our own phone, see wa_primary.h.
 */
#include "wa_primary.h"

#include "wa_account_int.h"
#include "wa_bundle.h"
#include "wa_hashes.h"
#include "wa_sent.h"
#include "wa_signal.h"


_Static_assert(WA_PRIMARY_KEYS == WA_SIGNAL_KEYS + WA_BUNDLE_KEYS,
               "room for the records of a session and a bundle");


wa_jid_t
wa_primary_jid(const wa_account_t *a)
{
    const wa_jid_t  *self;

    self = wa_account_self(a, WA_SERVER_LID);

    if (self->server == WA_SERVER_NONE) {
        self = wa_account_self(a, WA_SERVER_PN);
    }

    return wa_jid_bare(self);
}


size_t
wa_primary_need(const wa_account_t *a, wa_arena_t *arena, wa_key_t *keys)
{
    size_t    n, more;
    wa_jid_t  phone;

    phone = wa_primary_jid(a);

    n = wa_signal_need(&phone, arena, keys);
    more = wa_bundle_need(&phone, arena, keys + n);

    return n == 0 || more == 0 ? 0 : n + more;
}


/*
 * <message id to=<own PN> type=text category=peer push_priority=high_force>
 *     <meta appdata=default/><enc/>[<device-identity/>]
 */
wa_err_t
wa_primary_send(wa_unit_t *u, wa_arena_t *arena, wa_span_t message)
{
    bool           pkmsg;
    char           id[WA_MESSAGE_ID_LEN];
    uint8_t        random[16];
    wa_err_t       rc;
    wa_jid_t       phone, to;
    wa_node_t     *node, *meta, *enc;
    wa_account_t  *a;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);
    phone = wa_primary_jid(a);
    to = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));

    if (!wa_signal_has_session(a, &phone)) {
        return WA_ERR_NO_SESSION;
    }

    wa_account_random(a, random, sizeof(random));

    rc = wa_message_id(wa_unix_s(a), wa_span_str(to.user), random, id);

    if (rc == WA_OK) {
        pkmsg = false;
        rc = wa_sent_enc(u, arena, &phone, message, 0, &enc, &pkmsg);
    }

    if (rc != WA_OK) {
        return rc;
    }

    node = wa_node_new(arena, "message");

    wa_node_set(arena, node, "id", wa_span_str(id));
    wa_node_set_jid(arena, node, "to", &to);
    wa_node_set_str(arena, node, "type", "text");
    wa_node_set_str(arena, node, "category", "peer");
    wa_node_set_str(arena, node, "push_priority", "high_force");

    meta = wa_node_add_new(arena, node, "meta");
    wa_node_set_str(arena, meta, "appdata", "default");
    wa_node_add(arena, node, enc);

    if (pkmsg) {
        wa_sent_identity(a, arena, node);
    }

    return wa_unit_send(u, node);
}
