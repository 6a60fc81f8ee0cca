/*
 * Notifications: most are only acknowledged; those that change what we know
 * have a handler.  Every one is acknowledged, with its type.
 */
#include "wa_blocklist.h"
#include "wa_appstate.h"
#include "wa_device.h"
#include "wa_group.h"
#include "wa_group_picture.h"
#include "wa_lid.h"
#include "wa_media_verbs.h"
#include "wa_mex.h"
#include "wa_newsletter.h"
#include "wa_notify.h"
#include "wa_pair.h"
#include "wa_pair_code.h"
#include "wa_passkey.h"
#include "wa_prekey.h"
#include "wa_privacy.h"
#include "wa_profile.h"
#include "wa_receipt.h"
#include "wa_settings.h"


#define N_PARTS  (sizeof(parts) / sizeof(parts[0]))


static void notify_end(wa_task_t *t, wa_err_t rc);


/* Of account_sync: one of our own devices came or went, and what was set on
   the phone. */
static const struct {
    const char  *tag;
    void       (*handle)(wa_task_t *t);
} parts[] = {
    { "devices", wa_device_own_notification },
    { "privacy", wa_settings_notification },
    { "blocklist", wa_blocklist_notification },
    { "picture", wa_profile_own_notification }
};


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


/* What is committed of the parts before is done again if the stanza comes
   again, which does no harm. */
void
wa_notify_account(wa_task_t *t, wa_unit_t *u, const char *done)
{
    bool      after;
    size_t    i;
    wa_err_t  rc;

    after = (done == NULL);

    for (i = 0; i < N_PARTS; i++) {

        if (!after) {
            after = (strcmp(parts[i].tag, done) == 0);
            continue;
        }

        if (wa_node_child(t->stanza, parts[i].tag) == NULL) {
            continue;
        }

        rc = (done == NULL) ? WA_OK : wa_unit_commit(u, NULL);

        if (rc != WA_OK) {
            notify_end(t, rc);
            return;
        }

        parts[i].handle(t);
        return;
    }

    if (done == NULL) {
        notify_ack(t, NULL);
        return;
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    notify_end(t, wa_unit_commit(u, NULL));
}


static void
notify_end(wa_task_t *t, wa_err_t rc)
{
    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_WARN, "notification not handled: %s",
               wa_err_name(rc));
    }

    wa_task_end(t, rc);
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

    wa_profile_notification(t);
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
        wa_notify_account(t, NULL, NULL);

    } else if (wa_node_attr_is(t->stanza, "type", "status")
               || wa_node_attr_is(t->stanza, "type", "business"))
    {
        wa_profile_notification(t);

    } else if (wa_node_attr_is(t->stanza, "type", "contacts")) {
        wa_lid_notification(t);

    } else if (wa_node_attr_is(t->stanza, "type", "privacy_token")) {
        wa_privacy_notification(t);

    } else if (wa_node_attr_is(t->stanza, "type", "companion_reg_refresh"))
    {
        wa_pair_refresh(t);

    } else if (wa_node_attr_is(t->stanza, "type", "link_code_companion_reg"))
    {
        wa_pair_code_notification(t);

    } else if (wa_node_attr_is(t->stanza, "type",
                               "passkey_prologue_request"))
    {
        wa_passkey_request(t);

    } else if (wa_node_attr_is(t->stanza, "type", "crsc_continuation")) {
        wa_passkey_continuation(t);

    } else if (wa_node_attr_is(t->stanza, "type", "server_sync")) {
        wa_appstate_notification(t);

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
