/*
 * ClientPayload: a web client on a desktop.  Field values as the official web
 * client and Baileys send them; a deviating fingerprint makes pairing fail.
 */

#include "handshake.pb-c.h"

#include "wa_clientpayload.h"
#include "wa_crypto.h"
#include "wa_pb.h"
#include "wa_wr.h"


typedef Wa__ClientPayload                              wa_payload_t;
typedef Wa__ClientPayload__UserAgent                   wa_user_agent_t;
typedef Wa__ClientPayload__UserAgent__AppVersion       wa_app_version_t;
typedef Wa__ClientPayload__WebInfo                     wa_web_info_t;
typedef Wa__ClientPayload__DevicePairingRegistrationData  wa_pairing_t;
typedef Wa__DeviceProps__HistorySyncConfig             wa_history_config_t;


/* Quota that whatsmeow and Baileys announce, in MiB. */
#define WA_STORAGE_QUOTA_MB  10240u

/* Type byte of a Curve25519 public key. */
#define WA_KEY_TYPE          5u


/* The parts that point at each other while the payload is packed. */
typedef struct {
    wa_payload_t      payload;
    wa_user_agent_t   agent;
    wa_app_version_t  version;
    wa_web_info_t     web;
} wa_common_t;


/* protobuf-c's strings are not const, packing does not write. */
static char *
wa_text(const char *s)
{
    return (char *) (uintptr_t) s;
}


static void
wa_clientpayload_common(wa_common_t *c, const wa_client_t *client)
{
    wa__client_payload__init(&c->payload);
    wa__client_payload__user_agent__init(&c->agent);
    wa__client_payload__user_agent__app_version__init(&c->version);
    wa__client_payload__web_info__init(&c->web);

    c->version.has_primary = 1;
    c->version.primary = client->version[0];
    c->version.has_secondary = 1;
    c->version.secondary = client->version[1];
    c->version.has_tertiary = 1;
    c->version.tertiary = client->version[2];

    c->agent.has_platform = 1;
    c->agent.platform = WA__CLIENT_PAYLOAD__USER_AGENT__PLATFORM__WEB;
    c->agent.app_version = &c->version;
    c->agent.mcc = wa_text("000");
    c->agent.mnc = wa_text("000");
    c->agent.os_version = wa_text("0.1");
    c->agent.device = wa_text("Desktop");
    c->agent.os_build_number = wa_text("0.1");
    c->agent.has_release_channel = 1;
    c->agent.release_channel =
                    WA__CLIENT_PAYLOAD__USER_AGENT__RELEASE_CHANNEL__RELEASE;
    c->agent.locale_language_iso6391 =
                    wa_text(client->language != NULL ? client->language : "en");
    c->agent.locale_country_iso31661_alpha2 =
                    wa_text(client->country != NULL ? client->country : "US");

    c->web.has_web_sub_platform = 1;
    c->web.web_sub_platform =
                    WA__CLIENT_PAYLOAD__WEB_INFO__WEB_SUB_PLATFORM__WEB_BROWSER;

    c->payload.user_agent = &c->agent;
    c->payload.web_info = &c->web;
    c->payload.push_name = wa_text(client->push_name);
    c->payload.has_connect_type = 1;
    c->payload.connect_type = WA__CLIENT_PAYLOAD__CONNECT_TYPE__WIFI_UNKNOWN;
    c->payload.has_connect_reason = 1;
    c->payload.connect_reason =
                        WA__CLIENT_PAYLOAD__CONNECT_REASON__USER_ACTIVATED;
}


static void
wa_clientpayload_history(wa_history_config_t *h,
    const wa_client_device_t *device)
{
    wa__device_props__history_sync_config__init(h);

    h->has_storage_quota_mb = 1;
    h->storage_quota_mb = (device->storage_quota_mb != 0)
                          ? device->storage_quota_mb : WA_STORAGE_QUOTA_MB;

    h->has_inline_initial_payload_in_e2_ee_msg = 1;
    h->inline_initial_payload_in_e2_ee_msg = 1;
    h->has_support_call_log_history = 1;
    h->support_call_log_history = device->call_log;
    h->has_support_bot_user_agent_chat_history = 1;
    h->support_bot_user_agent_chat_history = 1;
    h->has_support_cag_reactions_and_polls = 1;
    h->support_cag_reactions_and_polls = 1;
    h->has_support_biz_hosted_msg = 1;
    h->support_biz_hosted_msg = 1;
    h->has_support_recent_sync_chunk_message_count_tuning = 1;
    h->support_recent_sync_chunk_message_count_tuning = 1;
    h->has_support_hosted_group_msg = 1;
    h->support_hosted_group_msg = 1;
    h->has_support_fbid_bot_chat_history = 1;
    h->support_fbid_bot_chat_history = 1;
    h->has_support_message_association = 1;
    h->support_message_association = 1;
    h->has_support_group_history = 1;
    h->support_group_history = device->group_history;

    if (device->days != 0) {
        h->has_full_sync_days_limit = 1;
        h->full_sync_days_limit = device->days;
        h->has_recent_sync_days_limit = 1;
        h->recent_sync_days_limit = device->days;
    }
}


wa_err_t
wa_clientpayload_device(const wa_client_device_t *device, wa_buf_t *out)
{
    wa_history_config_t           history;
    Wa__DeviceProps               props;
    Wa__DeviceProps__AppVersion   version;

    wa__device_props__init(&props);
    wa__device_props__app_version__init(&version);
    wa_clientpayload_history(&history, device);

    version.has_primary = 1;
    version.primary = device->version[0];
    version.has_secondary = 1;
    version.secondary = device->version[1];
    version.has_tertiary = 1;
    version.tertiary = device->version[2];

    props.os = wa_text(device->os != NULL ? device->os : "Linux");
    props.version = &version;
    props.has_platform_type = 1;
    props.platform_type =
                    (Wa__DeviceProps__PlatformType) device->platform_type;
    props.has_require_full_sync = 1;
    props.require_full_sync = device->full_sync;
    props.history_sync_config = &history;

    return WA_PB_PACK(&props, out);
}


/* MD5 of the dotted version; names the build, protects nothing. */
static wa_err_t
wa_clientpayload_build(const wa_client_t *client, uint8_t hash[WA_MD5_LEN])
{
    wa_wr_t    w;
    wa_buf_t   text = WA_BUF_EMPTY;
    wa_err_t   rc;
    wa_span_t  part;

    wa_wr_init(&w, &text, SIZE_MAX);

    wa_wr_dec(&w, client->version[0]);
    wa_wr_str(&w, ".");
    wa_wr_dec(&w, client->version[1]);
    wa_wr_str(&w, ".");
    wa_wr_dec(&w, client->version[2]);

    rc = w.err;

    if (rc == WA_OK) {
        part = wa_span_buf(&text);
        rc = wa_md5(&part, 1, hash);
    }

    wa_buf_free(&text);

    return rc;
}


static void
wa_clientpayload_be(uint32_t v, uint8_t *p, size_t n)
{
    while (n > 0) {
        p[--n] = (uint8_t) v;
        v >>= 8;
    }
}


wa_err_t
wa_clientpayload_register(const wa_client_t *client,
    const wa_client_device_t *device, const wa_client_keys_t *keys,
    wa_buf_t *out)
{
    uint8_t       regid[4], keyid[3], type, build[WA_MD5_LEN];
    wa_buf_t      props = WA_BUF_EMPTY;
    wa_err_t      rc;
    wa_common_t   c;
    wa_pairing_t  pair;

    if (keys->signed_prekey_id > 0xffffff) {
        return WA_ERR_ARG;
    }

    rc = wa_clientpayload_device(device, &props);
    if (rc != WA_OK) {
        goto done;
    }

    rc = wa_clientpayload_build(client, build);
    if (rc != WA_OK) {
        goto done;
    }

    wa_clientpayload_be(keys->registration_id, regid, sizeof(regid));
    wa_clientpayload_be(keys->signed_prekey_id, keyid, sizeof(keyid));
    type = WA_KEY_TYPE;

    wa__client_payload__device_pairing_registration_data__init(&pair);

    pair.has_e_regid = 1;
    pair.e_regid = wa_pb_bytes(wa_span(regid, sizeof(regid)));
    pair.has_e_keytype = 1;
    pair.e_keytype = wa_pb_bytes(wa_span(&type, 1));
    pair.has_e_ident = 1;
    pair.e_ident = wa_pb_bytes(wa_span(keys->identity, 32));
    pair.has_e_skey_id = 1;
    pair.e_skey_id = wa_pb_bytes(wa_span(keyid, sizeof(keyid)));
    pair.has_e_skey_val = 1;
    pair.e_skey_val = wa_pb_bytes(wa_span(keys->signed_prekey, 32));
    pair.has_e_skey_sig = 1;
    pair.e_skey_sig = wa_pb_bytes(wa_span(keys->signature, 64));
    pair.has_build_hash = 1;
    pair.build_hash = wa_pb_bytes(wa_span(build, sizeof(build)));
    pair.has_device_props = 1;
    pair.device_props = wa_pb_bytes(wa_span_buf(&props));

    wa_clientpayload_common(&c, client);

    c.payload.has_passive = 1;
    c.payload.passive = 0;
    c.payload.has_pull = 1;
    c.payload.pull = 0;
    c.payload.device_pairing_data = &pair;

    rc = WA_PB_PACK(&c.payload, out);

done:

    wa_buf_free(&props);

    return rc;
}


wa_err_t
wa_clientpayload_login(const wa_client_t *client,
    const wa_client_login_t *login, wa_buf_t *out)
{
    wa_common_t  c;

    wa_clientpayload_common(&c, client);

    c.payload.has_username = 1;
    c.payload.username = login->username;
    c.payload.has_device = 1;
    c.payload.device = login->device;
    c.payload.has_passive = 1;
    c.payload.passive = login->passive;
    c.payload.has_pull = 1;
    c.payload.pull = 1;
    c.payload.has_lid_db_migrated = 1;
    c.payload.lid_db_migrated = login->lid_db_migrated;

    if (login->login_counter != 0) {
        c.payload.has_lc = 1;
        c.payload.lc = login->login_counter;
    }

    return WA_PB_PACK(&c.payload, out);
}
