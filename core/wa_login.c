/*
 * Login and the ends of a stream.  Reasons and conditions: whatsmeow
 * connectionevents.go.
 */
#include <stdio.h>

#include "wa_alive.h"
#include "wa_appstate.h"
#include "wa_clientpayload.h"
#include "wa_conn.h"
#include "wa_device.h"
#include "wa_group_sync.h"
#include "wa_hashes.h"
#include "wa_history_verbs.h"
#include "wa_life_int.h"
#include "wa_login.h"
#include "wa_offline.h"
#include "wa_prekey.h"
#include "wa_placeholder.h"
#include "wa_presence.h"
#include "wa_send.h"
#include "wa_settings.h"
#include "wa_version.h"


/* A rate-limited stream is left alone for this long at least. */
#define LOGIN_RATE_MS  60000

/* A ban said to last longer than a year has no end worth waiting for. */
#define LOGIN_BAN_MAX_S  (366 * 86400)


static void login_activate(wa_task_t *t, wa_err_t rc);
static void login_active(wa_task_t *t, wa_err_t rc);
static void login_dirty(wa_account_t *a, const wa_node_t *dirty);
static void login_clean(wa_task_t *t, wa_err_t rc);
static void login_cleaned(wa_task_t *t, wa_err_t rc);
static void login_revoked(wa_account_t *a, const char *text, int code);


static void
login_client(wa_account_t *a, wa_client_t *client)
{
    a->build = a->engine->conf.build;

    memset(client, 0, sizeof(*client));
    client->version[0] = 2;
    client->version[1] = 3000;
    client->version[2] = a->build;
}


wa_err_t
wa_login_payload(wa_account_t *a, wa_buf_t *out)
{
    wa_client_t         client;
    wa_creds_t         *c;
    wa_client_keys_t    keys;
    wa_client_login_t   login;
    wa_client_device_t  device;
    wa_history_depth_t  depth;

    c = a->creds;
    login_client(a, &client);

    if (c->linked) {
        memset(&login, 0, sizeof(login));

        if (!wa_span_u64(wa_span_str(c->jid.user), &login.username)) {
            return WA_ERR_STATE;
        }

        login.device = c->jid.device;
        login.passive = true;
        login.lid_db_migrated = true;
        login.login_counter = 1;

        return wa_clientpayload_login(&client, &login, out);
    }

    memset(&device, 0, sizeof(device));
    device.os = a->engine->conf.os_name;
    device.version[0] = 1;
    device.platform_type = 1;
    device.call_log = true;
    device.group_history = true;
    depth = wa_history_depth(a);
    device.full_sync = (depth.mode == WA_HISTORY_MODE_FULL);
    device.days = depth.days;

    keys.registration_id = c->registration_id;
    memcpy(keys.identity, c->identity.pub, 32);
    keys.signed_prekey_id = c->signed_prekey.id;
    memcpy(keys.signed_prekey, c->signed_prekey.key.pub, 32);
    memcpy(keys.signature, c->signed_prekey.signature, 64);

    return wa_clientpayload_register(&client, &device, &keys, out);
}


void
wa_login_success(wa_account_t *a, const wa_node_t *node)
{
    wa_jid_t    lid;
    wa_unit_t  *u;
    wa_task_t  *t;

    /* Seen before a pairing has ended: not a login. */
    if (!a->creds->linked || wa_account_online(a)) {
        return;
    }

    wa_conn_set_online(a);
    wa_alive_clock(a, node, 0);

    u = wa_unit_new(a);

    if (wa_node_attr_jid(node, "lid", &lid) && wa_jid_is_lid(&lid)
        && !wa_jid_eq_bare(&lid, &a->creds->lid))
    {
        lid.device = a->creds->jid.device;
        a->creds->lid = lid;
        (void) wa_creds_save(u);
    }

    /* Until the phone tells a name, the one the server knows. */

    if (a->creds->push_name.n == 0) {
        (void) wa_presence_name(u, wa_node_attr(node, "display_name"));
    }

    wa_life_loading(a);
    wa_life_set(u, WA_STATE_LOADING, NULL, 0);
    (void) wa_unit_commit(u, NULL);

    t = wa_task_new(a, "activate", login_activate);

    if (t != NULL) {
        wa_task_ready(t, WA_OK);
    }
}


/* <iq type=set xmlns=passive><active/></iq>: before it the server holds the
   queue back. */
static void
login_activate(wa_task_t *t, wa_err_t rc)
{
    wa_node_t  *iq;

    iq = wa_node_iq(&t->arena, "set", "passive");
    wa_node_add_new(&t->arena, iq, "active");

    t->resume = login_active;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
login_active(wa_task_t *t, wa_err_t rc)
{
    char           id[WA_UNIFIED_LEN];
    wa_node_t     *ib, *session;
    wa_account_t  *a;

    a = t->account;

    /* The rest does not hang on this answer. */
    if (rc == WA_ERR_REFUSED || rc == WA_ERR_TIMEOUT) {
        wa_log(a, WA_LOG_WARN, "the server does not activate the "
               "connection: %s %u", wa_err_name(rc), (unsigned) t->iq_code);
        rc = WA_OK;
    }

    if (rc == WA_OK && !wa_account_online(a)) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK) {
        ib = wa_node_new(&t->arena, "ib");
        session = wa_node_add_new(&t->arena, ib, "unified_session");
        wa_unified_session_id(wa_unix_ms(a), -wa_alive_skew(a), id);
        wa_node_set_str(&t->arena, session, "id", id);
        (void) wa_account_send_now(a, ib);
    }

    wa_task_end(t, rc);

    if (rc == WA_OK) {

        if (!wa_offline_told(a)) {
            wa_life_listen(a);
        }

        wa_prekey_after_login(a);
        wa_send_online(a);
        wa_placeholder_online(a);
        wa_history_online(a);
    }
}


void
wa_login_queue_end(wa_account_t *a)
{
    wa_offline_end(a);
    wa_life_ready(a);
    wa_group_sync_ready(a);
    wa_appstate_ready(a);
}


void
wa_login_ib(wa_account_t *a, const wa_node_t *node)
{
    wa_span_t         s;
    wa_unit_t        *u;
    const wa_node_t  *c;

    c = wa_node_child(node, "offline_preview");

    if (c != NULL) {
        wa_offline_preview(a, c);
    }

    if (wa_node_child(node, "offline") != NULL) {
        wa_login_queue_end(a);
    }

    for (c = wa_node_child(node, "dirty"); c != NULL;
         c = wa_node_sibling(c, "dirty"))
    {
        login_dirty(a, c);
    }

    c = wa_node_child(node, "edge_routing");
    s = wa_node_child_content(c, "routing_info");

    if (s.n > 0 && s.n <= WA_ROUTING_INFO_MAX
        && !wa_span_eq(s, wa_span_buf(&a->creds->routing_info)))
    {
        a->creds->routing_info.n = 0;
        (void) wa_buf_append_span(&a->creds->routing_info, s);

        u = wa_unit_new(a);
        (void) wa_creds_save(u);
        (void) wa_unit_commit(u, NULL);
    }

    if (wa_node_child(node, "downgrade_webclient") != NULL) {
        wa_log(a, WA_LOG_WARN, "the phone does not support linked devices");
    }
}


/*
 * The server's copy of what we know about this account changed while nobody
 * told us.  Of the kinds there are, groups and app state are fetched anew;
 * our own device list and the privacy settings are forgotten, and only then is
 * the mark taken away.  Of channels nothing is kept: each question about them
 * goes to the server.
 */
static void
login_dirty(wa_account_t *a, const wa_node_t *dirty)
{
    bool        channels;
    int64_t     when;
    wa_err_t    rc;
    wa_span_t   ts;
    wa_node_t  *iq, *clean;
    wa_task_t  *t;
    wa_unit_t  *u;

    if (a->creds->linked && wa_node_attr_is(dirty, "type", "groups")
        && wa_node_attr_i64(dirty, "timestamp", &when) && when > 0)
    {
        wa_group_sync_dirty(a, when);
        return;
    }

    if (a->creds->linked && wa_node_attr_is(dirty, "type", "syncd_app_state")
        && wa_node_attr_i64(dirty, "timestamp", &when) && when > 0)
    {
        wa_appstate_dirty(a, when);
        return;
    }

    channels = wa_node_attr_is(dirty, "type", "newsletter_metadata");

    if (!a->creds->linked
        || (!channels && !wa_node_attr_is(dirty, "type", "account_sync")))
    {
        return;
    }

    t = wa_task_new(a, "dirty", login_clean);

    if (t == NULL) {
        return;                         /* told again at the next login    */
    }

    iq = wa_node_iq(&t->arena, "set", "urn:xmpp:whatsapp:dirty");
    clean = wa_node_add_new(&t->arena, iq, "clean");
    wa_node_set_str(&t->arena, clean, "type",
                    channels ? "newsletter_metadata" : "account_sync");

    if (wa_arena_dup_span(&t->arena, wa_node_attr(dirty, "timestamp"), &ts)
        != WA_OK)
    {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    wa_node_set(&t->arena, clean, "timestamp", ts);
    t->data = iq;

    if (channels) {
        login_clean(t, WA_OK);
        return;
    }

    u = wa_unit_new(a);
    (void) wa_devices_forget(u, &a->creds->jid);
    (void) wa_devices_forget(u, &a->creds->lid);
    (void) wa_settings_forget(u);
    rc = wa_task_commit(t, u);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
login_clean(wa_task_t *t, wa_err_t rc)
{
    t->resume = login_cleaned;

    if (rc == WA_OK) {
        rc = wa_task_iq(t, t->data);
    }

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
login_cleaned(wa_task_t *t, wa_err_t rc)
{
    wa_task_end(t, rc);
}


/*
 * The server does not know this device any more.  One that was never linked
 * has nothing to lose, and dialling again at once would only bring the same
 * answer.
 */
static void
login_revoked(wa_account_t *a, const char *text, int code)
{
    if (a->creds->linked) {
        wa_life_logged_out(a, text);

    } else {
        wa_life_give_up(a, WA_STATE_AUTH_FAILURE,
                        "the server refused the pairing", code);
    }
}


typedef enum {
    END_LOGOUT = 0,
    END_ERROR,
    END_VERSION,
    END_BAN                            /* until `expire` seconds have gone */
} wa_end_e;

/* <failure reason=..> that do not end in a reconnect. */
static const struct {
    uint32_t     reason;
    wa_end_e     end;
    const char  *text;
} failures[] = {
    { 400, END_ERROR, "the server refused the login (400)" },
    { 401, END_LOGOUT, "logged out from the phone" },
    { 402, END_BAN, "temporarily banned (402)" },
    { 403, END_LOGOUT, "the account is locked or its main device is gone "
                       "(403)" },
    { 405, END_VERSION, NULL },
    { 406, END_ERROR, "the account is banned (406)" },
    { 409, END_ERROR, "the client description was refused (409)" },
    { 411, END_ERROR, "multi-device mismatch (411)" },
    { 418, END_ERROR, "refused by the server (418)" }
};


void
wa_login_failure(wa_account_t *a, const wa_node_t *node)
{
    size_t    i;
    char      text[64];
    int64_t   until_ms;
    uint64_t  reason, expire;

    if (!wa_node_attr_u64(node, "reason", &reason)) {
        reason = 0;
    }

    for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {

        if (failures[i].reason != reason) {
            continue;
        }

        if (failures[i].end == END_LOGOUT) {
            login_revoked(a, failures[i].text, (int) reason);

        } else if (failures[i].end == END_VERSION) {
            wa_version_refused(a);

        } else if (failures[i].end == END_BAN) {
            until_ms = 0;

            if (wa_node_attr_u64(node, "expire", &expire)
                && expire < LOGIN_BAN_MAX_S)
            {
                until_ms = wa_unix_ms(a) + (int64_t) expire * 1000;
            }

            wa_life_ban(a, failures[i].text, (int) reason, until_ms);

        } else {
            wa_life_give_up(a, WA_STATE_ERROR, failures[i].text,
                            (int) reason);
        }

        return;
    }

    (void) snprintf(text, sizeof(text), "the server failed (%llu)",
                    (unsigned long long) reason);
    wa_conn_closed(a, text);
}


void
wa_login_stream_error(wa_account_t *a, const wa_node_t *node)
{
    char              text[96];
    wa_span_t         type;
    uint64_t          code;
    const wa_node_t  *conflict, *ack;

    if (!wa_node_attr_u64(node, "code", &code)) {
        code = 0;
    }

    conflict = wa_node_child(node, "conflict");
    type = wa_node_attr(conflict, "type");

    if (code == 515) {
        /* Normal after pairing, and at the server's will. */
        wa_life_restart(a);
        return;
    }

    if (code == 516 || wa_span_eq_str(type, "device_removed")
        || (code == 401 && conflict == NULL))
    {
        login_revoked(a, "logged out from the phone", (int) code);
        return;
    }

    if (conflict != NULL || code == 440) {
        wa_life_give_up(a, WA_STATE_ERROR,
                        "replaced by another connection with the same keys",
                        (int) (code == 0 ? 440 : code));
        return;
    }

    ack = wa_node_child(node, "ack");

    if (ack != NULL) {
        wa_log(a, WA_LOG_ERROR, "the server missed our ack of a %.*s",
               (int) wa_node_attr(ack, "class").n,
               (const char *) wa_node_attr(ack, "class").p);
    }

    (void) snprintf(text, sizeof(text), "stream error %llu%s",
                    (unsigned long long) code,
                    wa_node_child(node, "xml-not-well-formed") != NULL
                    ? " (our frame was not understood)" : "");

    wa_conn_closed(a, text);

    if (code == 429) {
        wa_life_redial_later(a, LOGIN_RATE_MS);
    }
}


void
wa_login_stream_end(wa_account_t *a)
{
    wa_conn_closed(a, "the server ended the stream");
}
