/*
 * Notifications: most are only acknowledged; those that change what we know
 * have a handler.  Every one is acknowledged, with its type.
 */
#include "wa_device.h"
#include "wa_group.h"
#include "wa_group_picture.h"
#include "wa_lid.h"
#include "wa_life.h"
#include "wa_media_verbs.h"
#include "wa_mex.h"
#include "wa_newsletter.h"
#include "wa_notify.h"
#include "wa_pair.h"
#include "wa_prekey.h"
#include "wa_privacy.h"
#include "wa_receipt.h"


static void
notify_ack(wa_task_t *t, const char *type)
{
    wa_unit_t  *u;

    u = wa_unit_new(t->account);
    (void) wa_ack_stanza(u, t->stanza, type, 0);
    wa_task_end(t, wa_unit_commit(u, NULL));
}


static void
notify_encrypt(wa_task_t *t)
{
    const wa_node_t  *n;

    n = t->stanza;

    if (wa_node_child(n, "identity") != NULL) {
        wa_identity_notification(t);
        return;
    }

    if (wa_node_child(n, "count") != NULL) {
        wa_prekey_low(t->account);

    } else if (wa_node_child(n, "digest") != NULL) {
        wa_prekey_digest_check(t->account);
    }

    notify_ack(t, NULL);
}


/* account_sync: with <devices>, one of our own devices came or went. */
static void
notify_account(wa_task_t *t)
{
    if (wa_node_child(t->stanza, "devices") != NULL) {
        wa_device_own_notification(t);
        return;
    }

    notify_ack(t, NULL);
}


/*
 * Some accounts are linked only with a passkey, which a device without a
 * screen does not have: the code on show will not be accepted.
 */
static void
notify_passkey(wa_task_t *t)
{
    wa_unit_t     *u;
    wa_account_t  *a;

    a = t->account;
    u = wa_unit_new(a);

    if (!a->creds->linked) {
        wa_log(a, WA_LOG_WARN, "WhatsApp asks for a passkey");
        wa_life_set(u, wa_life_state(a), "this account can only be linked "
                    "with a passkey, which is not supported", 0);
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    wa_task_end(t, wa_unit_commit(u, NULL));
}


static void
notify_picture(wa_task_t *t)
{
    wa_jid_t  from;

    if (wa_node_attr_jid(t->stanza, "from", &from)
        && wa_jid_is_group(&from))
    {
        wa_group_picture_notification(t);
        return;
    }

    notify_ack(t, NULL);
}


void
wa_notify_stanza(wa_task_t *t)
{
    if (wa_node_attr_is(t->stanza, "type", "encrypt")) {
        notify_encrypt(t);

    } else if (wa_node_attr_is(t->stanza, "type", "devices")) {
        wa_device_notification(t);

    } else if (wa_node_attr_is(t->stanza, "type", "w:gp2")) {
        wa_group_notification(t);

    } else if (wa_node_attr_is(t->stanza, "type", "picture")) {
        notify_picture(t);

    } else if (wa_node_attr_is(t->stanza, "type", "account_sync")) {
        notify_account(t);

    } else if (wa_node_attr_is(t->stanza, "type", "contacts")) {
        wa_lid_notification(t);

    } else if (wa_node_attr_is(t->stanza, "type", "privacy_token")) {
        wa_privacy_notification(t);

    } else if (wa_node_attr_is(t->stanza, "type", "companion_reg_refresh"))
    {
        wa_pair_refresh(t);

    } else if (wa_node_attr_is(t->stanza, "type",
                               "passkey_prologue_request"))
    {
        notify_passkey(t);

    } else if (wa_node_attr_is(t->stanza, "type", "mediaretry")) {
        wa_media_retry_notification(t);

    } else if (wa_node_attr_is(t->stanza, "type", "newsletter")) {
        wa_newsletter_notification(t);

    } else if (wa_node_attr_is(t->stanza, "type", "mex")) {
        wa_mex_notification(t);

    } else {
        notify_ack(t, NULL);
    }
}


/* <ack class=call type=offer|...>: the type is the child's tag. */
void
wa_notify_call(wa_task_t *t)
{
    char             *type;
    const wa_node_t  *c;

    c = wa_node_first(t->stanza);
    type = (c == NULL) ? NULL : wa_arena_strdup(&t->arena, c->tag);

    notify_ack(t, type);
}
