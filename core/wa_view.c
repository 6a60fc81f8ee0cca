/*
 * The account as others see it: settings, public view, event envelopes.
 */
#include <stdio.h>
#include <time.h>

#include "wa_alive.h"
#include "wa_history_verbs.h"
#include "wa_life_int.h"
#include "wa_pair.h"
#include "wa_pair_code.h"
#include "wa_passkey.h"
#include "wa_proxy.h"
#include "wa_qr.h"


#define VIEW_QR_PX  256

/* What an ISO time can say, unix ms. */
#define ISO_MIN_MS  INT64_C(-62135596800000)
#define ISO_MAX_MS  INT64_C(253402300799999)


static const struct {
    const char  *name;
    const char  *word;                 /* reference 000's `status`         */
    const char  *sentence;
} states[] = {
    { "INIT", "INIT", "Created, not started" },
    { "CONNECTING", "AUTH", "Connecting to WhatsApp" },
    { "QR", "QR", "QR code generated, scan to connect" },
    { "CODE", "QR", "Enter the pairing code on the phone" },
    { "PASSKEY", "AUTH", "WhatsApp asks for a passkey of the account" },
    { "AUTH", "AUTH", "WhatsApp session authenticated successfully" },
    { "LOADING", "AUTH", "Loading: receiving waiting messages" },
    { "READY", "READY", "WhatsApp session connected successfully" },
    { "DISCONNECTED", "DISCONNECTED", "Disconnected" },
    { "STOPPED", "DISCONNECTED", "Stopped" },
    { "LOGGED_OUT", "DISCONNECTED", "Logged out" },
    { "AUTH_FAILURE", "DISCONNECTED", "Authentication failed" },
    { "ERROR", "DISCONNECTED", "Gave up" }
};

/* Settings a caller may give at creation; types are checked by the table. */
static const struct {
    const char  *name;
    json_type    type;
    bool         update;               /* may be changed later             */
} settings[] = {
    { "tenant_id", JSON_STRING, false },
    { "session_id", JSON_STRING, false },
    { "name", JSON_STRING, true },
    { "description", JSON_STRING, true },
    { "webhook_url", JSON_STRING, true },
    { "user_id", JSON_STRING, true },
    { "auto_relink", JSON_TRUE, true },
    { "always_available", JSON_TRUE, true },
    { "is_default", JSON_TRUE, true },
    { "is_notification", JSON_TRUE, true },
    { "reject_calls", JSON_TRUE, true },
    { "reject_calls_text", JSON_STRING, true },
    { "ai_config", JSON_OBJECT, true },
    { "metadata", JSON_OBJECT, true },
    { "drip_per_minute", JSON_REAL, true },
    { "history", JSON_OBJECT, true },
    { WA_PAIR_PHONE, JSON_STRING, false }
};


/* Members of the account object (HTTP contract 4.1) that have two names. */
static const struct {
    const char  *name;
    const char  *alias;
} aliases[] = {
    { "session_id", "sessionId" },
    { "phone_number", "whatsapp_number" },
    { "user_id", "userId" },
    { "is_notification", "isNotification" },
    { "ai_config", "aiConfig" },
    { "last_seen_at", "last_seen" },
    { "created_at", "createdAt" },
    { "updated_at", "updatedAt" }
};


static bool setting_fits(const json_t *v, json_type type);


const char *
wa_state_name(wa_state_e s)
{
    return (size_t) s < sizeof(states) / sizeof(states[0])
           ? states[s].name : "ERROR";
}


const char *
wa_state_word(const wa_account_t *a, wa_state_e s)
{
    if (s == WA_STATE_CONNECTING
        && (a->creds == NULL || !a->creds->linked))
    {
        return "INIT";
    }

    return states[s].word;
}


/* In `buf`: the sentence and, after a colon, the reason. */
const char *
wa_state_sentence(const wa_account_t *a, char *buf, size_t cap)
{
    const wa_life_t  *l;

    l = a->life;

    if (l->reason[0] == '\0'
        || strcmp(l->reason, states[l->state].sentence) == 0)
    {
        return states[l->state].sentence;
    }

    (void) snprintf(buf, cap, "%s: %s", states[l->state].sentence,
                    l->reason);

    return buf;
}


const char *
wa_meta_str(const wa_account_t *a, const char *key)
{
    const char  *s;

    s = json_string_value(json_object_get(a->life->meta, key));

    return s == NULL ? "" : s;
}


bool
wa_meta_bool(const wa_account_t *a, const char *key, bool otherwise)
{
    const json_t  *v;

    v = json_object_get(a->life->meta, key);

    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}


static bool
setting_fits(const json_t *v, json_type type)
{
    switch (type) {

    case JSON_TRUE:
        return json_is_boolean(v);

    case JSON_REAL:
        return json_is_number(v);

    default:
        return json_typeof(v) == type;
    }
}


wa_err_t
wa_life_settings(wa_account_t *a, const json_t *args, bool update)
{
    size_t   i;
    json_t  *v;

    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        v = json_object_get(args, settings[i].name);

        if (v == NULL || (update && !settings[i].update)) {
            continue;
        }

        if (json_is_null(v)) {
            (void) json_object_del(a->life->meta, settings[i].name);
            continue;
        }

        if (!setting_fits(v, settings[i].type)
            || (strcmp(settings[i].name, "history") == 0
                && wa_history_depth_check(v) != WA_OK))
        {
            return WA_ERR_ARG;
        }

        if (json_object_set(a->life->meta, settings[i].name, v) != 0) {
            return WA_ERR_NOMEM;
        }
    }

    return WA_OK;
}


wa_err_t
wa_life_init(wa_account_t *a, const json_t *args)
{
    wa_err_t    rc;
    wa_life_t  *l;

    l = a->life;
    l->meta = json_object();

    if (l->meta == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = wa_life_settings(a, args, false);

    if (rc != WA_OK) {
        return rc;
    }

    if (wa_meta_str(a, "tenant_id")[0] == '\0'
        || wa_meta_str(a, "session_id")[0] == '\0')
    {
        return WA_ERR_ARG;
    }

    l->created_ms = wa_unix_ms(a);
    l->updated_ms = l->created_ms;
    l->since_ms = l->created_ms;
    l->state = WA_STATE_INIT;

    return json_object_set_new(l->meta, "created_ms",
                               json_integer(l->created_ms)) == 0
           ? WA_OK : WA_ERR_NOMEM;
}


int64_t
wa_iso_ms(const char *text)
{
    int        ms;
    struct tm  tm;

    memset(&tm, 0, sizeof(tm));
    ms = 0;

    if (text == NULL
        || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &tm.tm_year,
                  &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
                  &tm.tm_sec, &ms) < 6)
    {
        return 0;
    }

    tm.tm_year -= 1900;
    tm.tm_mon -= 1;

    return (int64_t) timegm(&tm) * 1000 + ms;
}


wa_err_t
wa_life_load(wa_account_t *a, wa_span_t meta, wa_span_t view)
{
    size_t       i;
    json_t      *v;
    wa_life_t   *l;
    const char  *s;

    l = a->life;
    l->meta = json_loadb((const char *) meta.p, meta.n, 0, NULL);

    if (!json_is_object(l->meta)) {
        return WA_ERR_SYNTAX;
    }

    l->created_ms = json_integer_value(json_object_get(l->meta,
                                                       "created_ms"));
    l->state = WA_STATE_DISCONNECTED;

    v = json_loadb((const char *) view.p, view.n, 0, NULL);
    s = json_string_value(json_object_get(v, "state"));

    for (i = 0; s != NULL && i < sizeof(states) / sizeof(states[0]); i++) {
        if (strcmp(states[i].name, s) == 0) {
            l->state = (wa_state_e) i;
        }
    }

    /* The connection of the former life is gone, and its QR code too. */
    if (l->state < WA_STATE_STOPPED) {
        l->state = WA_STATE_DISCONNECTED;
    }

    s = json_string_value(json_object_get(v, "reason"));

    if (s != NULL && l->state != WA_STATE_DISCONNECTED) {
        (void) snprintf(l->reason, sizeof(l->reason), "%s", s);
    }

    l->updated_ms = wa_iso_ms(json_string_value(json_object_get(v,
                                                   "updated_at")));
    l->connected_ms = wa_iso_ms(json_string_value(json_object_get(v,
                                                   "connected_at")));
    l->seen_ms = wa_iso_ms(json_string_value(json_object_get(v,
                                                   "last_seen_at")));
    l->since_ms = l->updated_ms;
    wa_restrict_load(a, json_object_get(v, "restrictions"));
    wa_alive_load_view(a, json_object_get(v, "degraded"));
    json_decref(v);

    return WA_OK;
}


/* json_null for 0. */
static json_t *
view_time(int64_t ms)
{
    char  buf[32];

    return ms == 0 ? json_null() : json_string(wa_iso_time(ms, buf));
}


static json_t *
view_setting(const wa_account_t *a, const char *key)
{
    json_t  *v;

    v = json_object_get(a->life->meta, key);

    return v == NULL ? json_null() : json_incref(v);
}


static json_t *
view_jid(const wa_jid_t *jid)
{
    char      buf[WA_JID_TEXT_MAX];
    wa_jid_t  bare;

    bare = wa_jid_bare(jid);

    return wa_jid_format(&bare, buf, sizeof(buf)) == 0 ? json_null()
                                                       : json_string(buf);
}


static void
view_code(const wa_account_t *a, json_t *v)
{
    bool     shown;
    char     code[10];
    int64_t  expires_ms;

    shown = (a->life->state == WA_STATE_CODE)
            && wa_pair_code_shown(a, code, &expires_ms);

    (void) json_object_set_new(v, "pairing_code",
                               shown ? json_string(code) : json_null());
    (void) json_object_set_new(v, "pairing_expires_at",
                               view_time(shown ? expires_ms : 0));
}


static void
view_identity(const wa_account_t *a, json_t *v)
{
    json_t            *name;
    const wa_creds_t  *c;

    c = a->creds;

    if (c == NULL || !c->linked) {
        (void) json_object_set_new(v, "linked", json_false());
        (void) json_object_set_new(v, "phone_number", json_null());
        (void) json_object_set_new(v, "jid", json_null());
        (void) json_object_set_new(v, "lid", json_null());
        (void) json_object_set_new(v, "push_name", json_null());
        return;
    }

    name = json_stringn((const char *) c->push_name.p, c->push_name.n);

    (void) json_object_set_new(v, "linked", json_true());
    (void) json_object_set_new(v, "phone_number", json_string(c->jid.user));
    (void) json_object_set_new(v, "jid", view_jid(&c->jid));
    (void) json_object_set_new(v, "lid", view_jid(&c->lid));
    (void) json_object_set_new(v, "push_name",
                               c->push_name.n == 0 || name == NULL
                               ? json_null() : json_incref(name));
    json_decref(name);
}


json_t *
wa_life_view(wa_account_t *a)
{
    char          sentence[WA_REASON_MAX + 80];
    bool          shown;
    size_t        i;
    json_t       *v;
    int64_t       qr_expires_ms;
    wa_life_t    *l;
    const char   *qr;

    static const char  *const given[] = {
        "session_id", "tenant_id", "name", "description", "webhook_url",
        "user_id", "ai_config", "metadata", "reject_calls_text",
        WA_PROXY_SETTING
    };

    l = a->life;
    qr_expires_ms = 0;
    shown = (l->state == WA_STATE_QR)
            && wa_pair_code(a, &qr, &qr_expires_ms);

    v = json_pack("{s:s, s:s, s:s, s:s?, s:s, s:b, s:b, s:b, s:b, s:b, s:b}",
                  "id", a->id, "provider", "web",
                  "state", wa_state_name(l->state),
                  "reason", l->reason[0] == '\0' ? NULL : l->reason,
                  "message", wa_state_sentence(a, sentence,
                                               sizeof(sentence)),
                  "is_default", wa_meta_bool(a, "is_default", false),
                  "is_active", l->state != WA_STATE_STOPPED,
                  "auto_relink", wa_meta_bool(a, "auto_relink", true),
                  "always_available",
                  wa_meta_bool(a, "always_available", false),
                  "is_notification",
                  wa_meta_bool(a, "is_notification", false),
                  "reject_calls", wa_meta_bool(a, "reject_calls", false));

    if (v == NULL) {
        return NULL;
    }

    for (i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        (void) json_object_set_new(v, given[i], view_setting(a, given[i]));
    }

    (void) json_object_set_new(v, "drip_per_minute",
        json_object_get(l->meta, "drip_per_minute") == NULL
        ? json_integer(3) : view_setting(a, "drip_per_minute"));
    (void) json_object_set_new(v, "history", wa_history_depth_view(a));
    (void) json_object_set_new(v, "qr", shown ? json_string(qr)
                                              : json_null());
    (void) json_object_set_new(v, "qr_expires_at",
                               view_time(shown ? qr_expires_ms : 0));
    (void) json_object_set_new(v, "restrictions", wa_restrict_view(a));
    (void) json_object_set_new(v, "degraded", wa_alive_view(a));
    (void) json_object_set_new(v, "connected_at",
                               view_time(l->connected_ms));
    (void) json_object_set_new(v, "last_seen_at", view_time(l->seen_ms));
    (void) json_object_set_new(v, "created_at", view_time(l->created_ms));
    (void) json_object_set_new(v, "updated_at", view_time(l->updated_ms));
    view_code(a, v);
    view_identity(a, v);

    return v;
}


json_t *
wa_life_account(wa_account_t *a)
{
    size_t   i;
    json_t  *v;

    v = wa_life_view(a);

    if (v == NULL) {
        return NULL;
    }

    for (i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        (void) json_object_set(v, aliases[i].alias,
                               json_object_get(v, aliases[i].name));
    }

    (void) json_object_del(v, "linked");
    (void) json_object_set_new(v, "status",
        json_string(wa_state_word(a, a->life->state)));
    (void) json_object_set_new(v, "qr_code", json_null());
    (void) json_object_set_new(v, "pairing_code", json_null());
    (void) json_object_set_new(v, "snapshot_timestamp", json_null());

    return v;
}


static void
view_put_json(wa_unit_t *u, const char *record, json_t *v)
{
    char  *text;

    text = (v == NULL) ? NULL : json_dumps(v, JSON_COMPACT);

    if (text == NULL) {
        wa_unit_fail(u, WA_ERR_NOMEM);
        return;
    }

    (void) wa_unit_put(u, record, 0, wa_span_str(text));
    free(text);
}


void
wa_life_put_view(wa_unit_t *u)
{
    json_t  *v;

    if (u == NULL) {
        return;
    }

    v = wa_life_view(wa_unit_account(u));
    view_put_json(u, WA_RECORD_VIEW, v);
    json_decref(v);
}


void
wa_life_put_meta(wa_unit_t *u)
{
    if (u != NULL) {
        view_put_json(u, "meta", wa_unit_account(u)->life->meta);
    }
}


static json_t *
event_qr(wa_account_t *a)
{
    char         iso[32];
    json_t      *data;
    int64_t      expires_ms;
    wa_buf_t     image = WA_BUF_EMPTY;
    const char  *qr;

    if (!wa_pair_code(a, &qr, &expires_ms)) {
        return NULL;
    }

    data = json_pack("{s:s, s:s}", "qr", qr, "expires_at",
                     wa_iso_time(expires_ms, iso));

    if (wa_qr_data_url(wa_span_str(qr), VIEW_QR_PX, &image) == WA_OK) {
        (void) json_object_set_new(data, "qr_image",
            json_stringn((const char *) image.p, image.n));
    }

    wa_buf_free(&image);

    return data;
}


void
wa_life_qr_event(wa_unit_t *u)
{
    json_t  *data;

    data = event_qr(wa_unit_account(u));

    if (data != NULL) {
        (void) wa_unit_event(u, "session.qr_code", data);
    }
}


static void
view_code_event(wa_unit_t *u)
{
    char     code[10], iso[32];
    int64_t  expires_ms;

    if (wa_pair_code_shown(wa_unit_account(u), code, &expires_ms)) {
        (void) wa_unit_event(u, "session.pairing_code",
            json_pack("{s:s, s:s}", "code", code, "expires_at",
                      wa_iso_time(expires_ms, iso)));
    }
}


void
wa_life_state_event(wa_unit_t *u, wa_state_e state)
{
    char               jid[WA_JID_TEXT_MAX];
    wa_jid_t           bare;
    wa_life_t         *l;
    wa_account_t      *a;
    const wa_creds_t  *c;

    a = wa_unit_account(u);
    l = a->life;
    c = a->creds;
    jid[0] = '\0';

    if (c != NULL) {
        bare = wa_jid_bare(&c->jid);

        if (wa_jid_format(&bare, jid, sizeof(jid)) == 0) {
            jid[0] = '\0';
        }
    }

    switch (state) {

    case WA_STATE_QR:
        wa_life_qr_event(u);
        break;

    case WA_STATE_CODE:
        view_code_event(u);
        break;

    case WA_STATE_PASSKEY:
        wa_passkey_event(u);
        break;

    case WA_STATE_AUTH:
        (void) wa_unit_event(u, "session.authenticated",
                             json_pack("{s:s}", "jid", jid));
        break;

    case WA_STATE_LOADING:
        (void) wa_unit_event(u, "session.loading",
            json_pack("{s:i, s:s}", "percent", 0, "message",
                      "Receiving waiting messages"));
        break;

    case WA_STATE_READY:
        (void) wa_unit_event(u, "session.connected",
            json_pack("{s:s, s:{s:s, s:o}}",
                      "whatsapp_number", c == NULL ? "" : c->jid.user,
                      "user", "id", jid, "name",
                      c == NULL || c->push_name.n == 0 ? json_null()
                      : json_stringn((const char *) c->push_name.p,
                                     c->push_name.n)));
        break;

    case WA_STATE_DISCONNECTED:
    case WA_STATE_STOPPED:
        (void) wa_unit_event(u, "session.disconnected",
            json_pack("{s:s, s:b}", "reason",
                      state == WA_STATE_STOPPED ? "Stopped"
                      : l->reason[0] != '\0' ? l->reason
                      : "Connection lost", "will_reconnect",
                      state == WA_STATE_DISCONNECTED));
        break;

    case WA_STATE_LOGGED_OUT:
        (void) wa_unit_event(u, "session.logged_out",
            json_pack("{s:s}", "reason", l->reason[0] != '\0' ? l->reason
                      : "Logged out"));
        break;

    case WA_STATE_AUTH_FAILURE:
        (void) wa_unit_event(u, "session.auth_failure",
            json_pack("{s:s}", "reason", l->reason));
        break;

    case WA_STATE_ERROR:
        (void) wa_unit_event(u, "session.error",
            json_pack("{s:s, s:o}", "reason", l->reason, "code",
                      l->code == 0 ? json_null()
                                   : json_integer(l->code)));
        break;

    default:
        break;
    }
}


void
wa_life_envelope(wa_account_t *a, const char *type, wa_jw_t *w)
{
    wa_jw_open(w, NULL, '{');
    wa_jw_str(w, WA_JW("type"), type);
    wa_jw_time(w, WA_JW("timestamp"), wa_unix_ms(a));
    wa_jw_str(w, WA_JW("tenant_id"), wa_meta_str(a, "tenant_id"));
    wa_jw_str(w, WA_JW("account_id"), a->id);
    wa_jw_str(w, WA_JW("session_id"), wa_meta_str(a, "session_id"));
    wa_jw_name(w, WA_JW("data"));
}


static void
iso_digits(char *p, uint32_t v, size_t n)
{
    while (n > 0) {
        p[--n] = (char) ('0' + v % 10);
        v /= 10;
    }
}


char *
wa_iso_time(int64_t unix_ms, char *buf)
{
    int64_t   days, era, y;
    uint32_t  ms, doe, yoe, doy, mp;

    /* Years of four digits: 0001 to 9999. */

    if (unix_ms < ISO_MIN_MS || unix_ms > ISO_MAX_MS) {
        unix_ms = 0;
    }

    days = unix_ms / 86400000 - (unix_ms % 86400000 < 0);
    ms = (uint32_t) (unix_ms - days * 86400000);

    /* Eras of 400 years that begin on 1 March, so that leap days end them. */

    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    doe = (uint32_t) (days - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    y = yoe + era * 400 + (mp >= 10);

    memcpy(buf, "0000-00-00T00:00:00.000Z", 25);
    iso_digits(buf, (uint32_t) y, 4);
    iso_digits(buf + 5, mp < 10 ? mp + 3 : mp - 9, 2);
    iso_digits(buf + 8, doy - (153 * mp + 2) / 5 + 1, 2);
    iso_digits(buf + 11, ms / 3600000, 2);
    iso_digits(buf + 14, ms / 60000 % 60, 2);
    iso_digits(buf + 17, ms / 1000 % 60, 2);
    iso_digits(buf + 20, ms % 1000, 3);

    return buf;
}
