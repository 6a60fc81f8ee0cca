/*
 * Account objects in the words of each reference.
 */
#include "ngx_http_wahub_view.h"

#include "wa_qr.h"


/*
 * HTTP contract 4.3.  Two columns of a pair: the word before the account
 * was ever linked, and after.
 */
typedef struct {
    wa_state_e    state;
    const char   *status[2];            /* 000: account.status           */
    const char   *hub;                  /* 001                           */
    const char   *row[2];               /* 002: session row              */
    const char   *item;                 /* 004                           */
} ngx_http_wahub_state_row_t;

/* A member of the account object; `alias` gets the same value. */
typedef struct {
    const char   *name;
    const char   *alias;
    const char   *source;               /* of the view; NULL: `name`     */
} ngx_http_wahub_member_t;


static const ngx_http_wahub_state_row_t  ngx_http_wahub_states[] = {

    { WA_STATE_INIT, { "INIT", "INIT" }, "disconnected",
      { "pending", "pending" }, "session_not_connected" },

    { WA_STATE_CONNECTING, { "INIT", "AUTH" }, "connecting",
      { "pending", "disconnected" }, "connecting" },

    { WA_STATE_QR, { "QR", "QR" }, "qr",
      { "pending", "pending" }, "qr_generated" },

    { WA_STATE_CODE, { "QR", "QR" }, "qr",
      { "pending", "pending" }, "qr_generated" },

    { WA_STATE_PASSKEY, { "AUTH", "AUTH" }, "connecting",
      { "pending", "disconnected" }, "loading" },

    { WA_STATE_AUTH, { "AUTH", "AUTH" }, "connecting",
      { "pending", "disconnected" }, "authenticated" },

    { WA_STATE_LOADING, { "AUTH", "AUTH" }, "connecting",
      { "pending", "disconnected" }, "loading" },

    { WA_STATE_READY, { "READY", "READY" }, "connected",
      { "active", "active" }, "session_connected" },

    { WA_STATE_DISCONNECTED, { "DISCONNECTED", "DISCONNECTED" },
      "disconnected", { "disconnected", "disconnected" },
      "session_not_connected" },

    { WA_STATE_STOPPED, { "DISCONNECTED", "DISCONNECTED" },
      "disconnected", { "disconnected", "disconnected" },
      "session_not_connected" },

    { WA_STATE_LOGGED_OUT, { "DISCONNECTED", "DISCONNECTED" },
      "disconnected", { "disconnected", "disconnected" },
      "session_not_connected" },

    { WA_STATE_AUTH_FAILURE, { "DISCONNECTED", "DISCONNECTED" },
      "disconnected", { "error", "error" }, "auth_failure" },

    { WA_STATE_ERROR, { "DISCONNECTED", "DISCONNECTED" },
      "disconnected", { "error", "error" }, "error" }
};


/* HTTP contract 4.1, without what is derived from the state. */
static const ngx_http_wahub_member_t  ngx_http_wahub_account_members[] = {
    { "id", NULL, NULL },
    { "session_id", "sessionId", NULL },
    { "tenant_id", NULL, NULL },
    { "name", NULL, NULL },
    { "description", NULL, NULL },
    { "provider", NULL, NULL },
    { "state", NULL, NULL },
    { "reason", NULL, NULL },
    { "message", NULL, NULL },
    { "pairing_code", NULL, NULL },
    { "pairing_expires_at", NULL, NULL },
    { "phone_number", "whatsapp_number", NULL },
    { "jid", NULL, NULL },
    { "lid", NULL, NULL },
    { "push_name", NULL, NULL },
    { "webhook_url", NULL, NULL },
    { "user_id", "userId", NULL },
    { "proxy", NULL, NULL },
    { "is_default", NULL, NULL },
    { "is_active", NULL, NULL },
    { "auto_relink", NULL, NULL },
    { "always_available", NULL, NULL },
    { "drip_per_minute", NULL, NULL },
    { "history", NULL, NULL },
    { "is_notification", "isNotification", NULL },
    { "ai_config", "aiConfig", NULL },
    { "metadata", NULL, NULL },
    { "reject_calls", NULL, NULL },
    { "reject_calls_text", NULL, NULL },
    { "restrictions", NULL, NULL },
    { "degraded", NULL, NULL },
    { "connected_at", NULL, NULL },
    { "last_seen_at", "last_seen", NULL },
    { "created_at", "createdAt", NULL },
    { "updated_at", "updatedAt", NULL },
    { NULL, NULL, NULL }
};


static const ngx_http_wahub_member_t  ngx_http_wahub_session_members[] = {
    { "id", NULL, NULL },
    { "tenant_id", NULL, NULL },
    { "session_id", NULL, NULL },
    { "name", NULL, NULL },
    { "description", NULL, NULL },
    { "whatsapp_number", NULL, "phone_number" },
    { "is_active", NULL, NULL },
    { "metadata", NULL, NULL },
    { "connected_at", NULL, NULL },
    { "last_seen_at", NULL, NULL },
    { "created_at", NULL, NULL },
    { "updated_at", NULL, NULL },
    { NULL, NULL, NULL }
};


static const ngx_http_wahub_state_row_t *ngx_http_wahub_view_row(
    json_t *view);
static ngx_uint_t ngx_http_wahub_view_linked(json_t *view);
static json_t *ngx_http_wahub_view_copy(json_t *view,
    const ngx_http_wahub_member_t *members);
static json_t *ngx_http_wahub_view_user(json_t *view);


wa_state_e
ngx_http_wahub_view_state(json_t *view)
{
    return ngx_http_wahub_view_row(view)->state;
}


static const ngx_http_wahub_state_row_t *
ngx_http_wahub_view_row(json_t *view)
{
    ngx_uint_t   i, n;
    const char  *state;

    state = json_string_value(json_object_get(view, "state"));
    n = sizeof(ngx_http_wahub_states) / sizeof(ngx_http_wahub_state_row_t);

    for (i = 0; state != NULL && i < n; i++) {
        if (ngx_strcmp(wa_state_name(ngx_http_wahub_states[i].state), state)
            == 0)
        {
            return &ngx_http_wahub_states[i];
        }
    }

    return &ngx_http_wahub_states[0];
}


static ngx_uint_t
ngx_http_wahub_view_linked(json_t *view)
{
    return json_is_true(json_object_get(view, "linked")) ? 1 : 0;
}


void
ngx_http_wahub_view_orphan(json_t *view)
{
    switch (ngx_http_wahub_view_state(view)) {

    case WA_STATE_CONNECTING:
    case WA_STATE_QR:
    case WA_STATE_CODE:
    case WA_STATE_PASSKEY:
    case WA_STATE_AUTH:
    case WA_STATE_LOADING:
    case WA_STATE_READY:
        break;

    default:
        return;
    }

    (void) json_object_set_new(view, "state", json_string("CONNECTING"));
    (void) json_object_set_new(view, "message",
                               json_string("Connecting to WhatsApp"));
    (void) json_object_set_new(view, "reason", json_null());
    (void) json_object_set_new(view, "qr", json_null());
    (void) json_object_set_new(view, "qr_expires_at", json_null());
    (void) json_object_set_new(view, "pairing_code", json_null());
    (void) json_object_set_new(view, "pairing_expires_at", json_null());
}


ngx_str_t
ngx_http_wahub_view_text(json_t *view, const char *name)
{
    return ngx_http_wahub_json_str(json_object_get(view, name));
}


ngx_str_t
ngx_http_wahub_view_qr(json_t *view)
{
    ngx_str_t  qr;

    if (ngx_http_wahub_view_state(view) == WA_STATE_QR) {
        return ngx_http_wahub_view_text(view, "qr");
    }

    ngx_str_null(&qr);

    return qr;
}


json_t *
ngx_http_wahub_view_qr_image(json_t *view)
{
    json_t     *image;
    wa_buf_t    url = WA_BUF_EMPTY;
    ngx_str_t   qr;

    qr = ngx_http_wahub_view_qr(view);

    if (qr.len == 0
        || wa_qr_data_url(ngx_http_wahub_span(&qr), NGX_HTTP_WAHUB_QR_PX,
                          &url) != WA_OK)
    {
        wa_buf_free(&url);
        return json_null();
    }

    image = json_stringn((char *) url.p, url.n);
    wa_buf_free(&url);

    return image;
}


const char *
ngx_http_wahub_view_status_hub(json_t *view)
{
    return ngx_http_wahub_view_row(view)->hub;
}


const char *
ngx_http_wahub_view_status_session(json_t *view)
{
    return ngx_http_wahub_view_state(view) == WA_STATE_READY
           ? "connected" : "disconnected";
}


const char *
ngx_http_wahub_view_status_item(json_t *view)
{
    return ngx_http_wahub_view_row(view)->item;
}


/* Every member is there; what the view lacks is null. */
static json_t *
ngx_http_wahub_view_copy(json_t *view,
    const ngx_http_wahub_member_t *members)
{
    json_t      *object, *value;
    ngx_uint_t   i;
    const char  *source;

    object = json_object();

    if (object == NULL) {
        return NULL;
    }

    for (i = 0; members[i].name != NULL; i++) {
        source = members[i].source == NULL ? members[i].name
                                           : members[i].source;
        value = json_object_get(view, source);

        if (value == NULL) {
            value = json_null();
        }

        if (json_object_set(object, members[i].name, value) != 0
            || (members[i].alias != NULL
                && json_object_set(object, members[i].alias, value) != 0))
        {
            json_decref(object);
            return NULL;
        }
    }

    return object;
}


json_t *
ngx_http_wahub_view_account(json_t *view)
{
    int         rc;
    json_t     *account, *expires;
    ngx_str_t   qr;

    account = ngx_http_wahub_view_copy(view, ngx_http_wahub_account_members);

    if (account == NULL) {
        return NULL;
    }

    qr = ngx_http_wahub_view_qr(view);
    expires = (qr.len == 0) ? NULL : json_object_get(view, "qr_expires_at");

    rc = json_object_set_new(account, "status",
             json_string(ngx_http_wahub_view_row(view)
                         ->status[ngx_http_wahub_view_linked(view)]));
    rc |= json_object_set_new(account, "qr_code",
                              ngx_http_wahub_view_qr_image(view));
    rc |= json_object_set_new(account, "qr",
                              qr.len == 0 ? json_null()
                                          : ngx_http_wahub_json_text(&qr));
    rc |= json_object_set(account, "qr_expires_at",
                          expires == NULL ? json_null() : expires);
    rc |= json_object_set_new(account, "snapshot_timestamp", json_null());

    if (rc != 0) {
        json_decref(account);
        return NULL;
    }

    return account;
}


json_t *
ngx_http_wahub_view_session(json_t *view)
{
    int                                rc;
    json_t                            *session;
    const ngx_http_wahub_state_row_t  *row;

    session = ngx_http_wahub_view_copy(view, ngx_http_wahub_session_members);

    if (session == NULL) {
        return NULL;
    }

    row = ngx_http_wahub_view_row(view);

    rc = json_object_set_new(session, "status",
             json_string(row->row[ngx_http_wahub_view_linked(view)]));
    rc |= json_object_set_new(session, "connected",
                              json_boolean(row->state == WA_STATE_READY));
    rc |= json_object_set_new(session, "user",
                              ngx_http_wahub_view_user(view));

    if (rc != 0) {
        json_decref(session);
        return NULL;
    }

    return session;
}


static json_t *
ngx_http_wahub_view_user(json_t *view)
{
    json_t  *jid, *name;

    jid = json_object_get(view, "jid");
    name = json_object_get(view, "push_name");

    if (json_is_string(jid) == 0) {
        return json_null();
    }

    return json_pack("{s:O,s:O}", "id", jid,
                     "name", name == NULL ? json_null() : name);
}


json_t *
ngx_http_wahub_view_item(json_t *view)
{
    json_t      *item, *user;
    ngx_str_t    qr;
    wa_state_e   state;

    state = ngx_http_wahub_view_state(view);
    qr = ngx_http_wahub_view_qr(view);
    user = json_object_get(view, "user_id");

    item = json_pack("{s:O?,s:s,s:O?,s:o,s:o,s:O?,s:O?,s:b,s:b,s:b,s:b}",
        "sessionId", json_object_get(view, "session_id"),
        "status", ngx_http_wahub_view_status_item(view),
        "message", json_object_get(view, "message"),
        "qr", qr.len == 0 ? json_null() : ngx_http_wahub_json_text(&qr),
        "userId", json_is_string(user) ? json_incref(user)
                                       : json_string("system"),
        "createdAt", json_object_get(view, "created_at"),
        "updatedAt", json_object_get(view, "updated_at"),
        "isConnected", state == WA_STATE_READY,
        "needsQR", qr.len > 0,
        "isLoading", state == WA_STATE_LOADING || state == WA_STATE_PASSKEY
                     || state == WA_STATE_CONNECTING,
        "hasError", state == WA_STATE_AUTH_FAILURE
                    || state == WA_STATE_ERROR);

    return item;
}
