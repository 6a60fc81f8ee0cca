/*
 * Codes, statuses and the body of errors.
 */
#include "ngx_http_wahub_error.h"

#include "ngx_http_wahub_idem.h"


typedef struct {
    const char  *code;
    ngx_uint_t   status;
    ngx_uint_t   retry_after;               /* s; 0: no header           */
    const char  *message;
} ngx_http_wahub_error_row_t;

typedef struct {
    ngx_uint_t   status;
    const char  *code;
} ngx_http_wahub_status_row_t;

typedef struct {
    const char  *state;
    ngx_uint_t   passing;
    const char  *message;
} ngx_http_wahub_wanting_t;


/*
 * HTTP contract 2.5 and 20.  The engine's codes pass through here too, so
 * a code that is missing becomes a 500.
 */
static const ngx_http_wahub_error_row_t  ngx_http_wahub_errors[] = {
    { "INVALID_JSON", 400, 0, "The body is not valid JSON" },
    { "VALIDATION_ERROR", 400, 0, "The request is not valid" },
    { "INVALID_PARAMETER", 400, 0, "A query parameter is not valid" },
    { "CONFLICTING_PARAMETERS", 400, 0,
      "Parameters contradict each other" },
    { "MISSING_RECIPIENT", 400, 0, "Recipient is required" },
    { "INVALID_RECIPIENT", 400, 0,
      "Recipient is neither a phone number nor a JID" },
    { "MISSING_CONTENT", 400, 0, "Message content is required" },
    { "INVALID_MEDIA", 400, 0, "Media cannot be read" },
    { "INVALID_MEDIA_TYPE", 400, 0, "Media type is not supported" },
    { "INVALID_URL", 400, 0, "Not a valid http or https URL" },
    { "URL_NOT_ALLOWED", 400, 0, "This URL may not be called" },

    { "UNAUTHORIZED", 401, 0, "A valid API key is required" },

    { "FORBIDDEN", 403, 0, "Not allowed" },
    { "INSUFFICIENT_SCOPE", 403, 0, "The credential does not allow this" },
    { "ORIGIN_NOT_ALLOWED", 403, 0, "This origin is not allowed" },

    { "INVALID_FILE_NAME", 403, 0, "Not a valid file name" },
    { "INVALID_SIGNATURE", 403, 0, "The link is not valid any more" },

    { "ROUTE_NOT_FOUND", 404, 0, "No such route" },
    { "RESOURCE_NOT_FOUND", 404, 0, "Not found" },
    { "ACCOUNT_NOT_FOUND", 404, 0, "Account not found" },
    { "SESSION_NOT_FOUND", 404, 0, "Session not found" },
    { "MESSAGE_NOT_FOUND", 404, 0, "Message not found" },
    { "CHAT_NOT_FOUND", 404, 0, "Chat not found" },
    { "CONTACT_NOT_FOUND", 404, 0, "Contact not found" },
    { "MEDIA_SEND_FAILED", 502, 0, "The file could not be uploaded" },
    { "MEDIA_FETCH_FAILED", 502, 0, "The URL does not give the file" },
    { "MEDIA_NOT_FOUND", 404, 0, "Media not found" },
    { "GROUP_NOT_FOUND", 404, 0, "Group not found" },
    { "QR_NOT_AVAILABLE", 404, 0, "No QR code is available" },

    { "METHOD_NOT_ALLOWED", 405, 0, "This method is not allowed here" },

    { "ACCOUNT_NOT_READY", 409, 0, "Account not ready" },
    { "ALREADY_EXISTS", 409, 0, "It exists already" },
    { "AMBIGUOUS_ID", 409, 0,
      "Several accounts have this id: narrow with account=" },
    { "IDEMPOTENCY_IN_PROGRESS", 409, 1,
      "A request with this Idempotency-Key is still running" },
    { "INVALID_STATE", 409, 0, "Not possible in this state" },
    { "PROVIDER_UNSUPPORTED", 409, 0,
      "The account's provider cannot do this" },

    { "BODY_TOO_LARGE", 413, 0, "The body is too large" },
    { "MEDIA_TOO_LARGE", 413, 0, "The file is too large" },
    { "UNSUPPORTED_CONTENT_TYPE", 415, 0,
      "Content-Type must be application/json" },

    { "IDEMPOTENCY_KEY_REUSED", 422, 0,
      "This Idempotency-Key was used for another request" },

    { "RATE_LIMIT_EXCEEDED", 429, 1, "Too many requests" },
    { "MAX_ACCOUNT_LIMIT_REACHED", 429, 0,
      "The tenant has as many accounts as it may have" },

    { "INTERNAL_ERROR", 500, 0, "Internal error" },

    { "SEND_FAILED", 502, 0, "WhatsApp refused the message" },
    { "REACHOUT_LIMITED", 502, 0,
      "WhatsApp limits messages to new contacts for this account" },
    { "STALE_ADDRESS", 502, 0,
      "WhatsApp says the recipient's address is out of date" },
    { "RECIPIENT_REFUSED", 502, 0, "WhatsApp refused the recipient" },
    { "WHATSAPP_RATE_LIMIT", 502, 0, "WhatsApp limits this account's rate" },

    { "STORE_UNAVAILABLE", 503, 2, "The store is not available" },
    { "OWNER_UNAVAILABLE", 503, 1,
      "The account is moving between workers" },
    { "SHUTTING_DOWN", 503, 1, "The server is shutting down" },

    { "OWNER_TIMEOUT", 504, 0,
      "The account did not answer in time; the outcome is not known" }
};


/* What an account is not ready for lack of, and whether it comes back
   without a human. */
static const ngx_http_wahub_wanting_t  ngx_http_wahub_wanting[] = {
    { "INIT", 0, "Account not ready: it was not started" },
    { "CONNECTING", 1, "Account not ready: it is connecting" },
    { "QR", 0, "Account not ready: scan the QR code first" },
    { "CODE", 0, "Account not ready: enter the pairing code on the phone" },
    { "PASSKEY", 0, "Account not ready: WhatsApp asks for a passkey" },
    { "AUTH", 1, "Account not ready: it is logging in" },
    { "LOADING", 1, "Account not ready: it is loading" },
    { "DISCONNECTED", 1,
      "Account not ready: the connection was lost, it is coming back" },
    { "STOPPED", 0, "Account not ready: it is stopped, start it first" },
    { "LOGGED_OUT", 0, "Account not ready: it is logged out, link it first" },
    { "AUTH_FAILURE", 0, "Account not ready: linking failed, try again" },
    { "ERROR", 0, "Account not ready: it gave up, see its reason" }
};


static const ngx_http_wahub_status_row_t  ngx_http_wahub_statuses[] = {
    { 400, "VALIDATION_ERROR" },
    { 401, "UNAUTHORIZED" },
    { 403, "FORBIDDEN" },
    { 404, "ROUTE_NOT_FOUND" },
    { 405, "METHOD_NOT_ALLOWED" },
    { 413, "BODY_TOO_LARGE" },
    { 415, "UNSUPPORTED_CONTENT_TYPE" },
    { 429, "RATE_LIMIT_EXCEEDED" },
    { 500, "INTERNAL_ERROR" },
    { 503, "SHUTTING_DOWN" },
    { 504, "OWNER_TIMEOUT" }
};


static const ngx_http_wahub_error_row_t *ngx_http_wahub_error_find(
    const char *code);
static json_t *ngx_http_wahub_error_fields(const char *message);
static const char *ngx_http_wahub_error_rename(ngx_http_wahub_ctx_t *ctx,
    const char *code);
static const ngx_http_wahub_wanting_t *ngx_http_wahub_error_wanting(
    json_t *details);


void
ngx_http_wahub_error(ngx_http_wahub_ctx_t *ctx, const char *code,
    const char *message)
{
    ngx_http_wahub_error_details(ctx, code, message, NULL);
}


void
ngx_http_wahub_error_details(ngx_http_wahub_ctx_t *ctx, const char *code,
    const char *message, json_t *details)
{
    json_t                            *body;
    ngx_uint_t                         status;
    const ngx_http_wahub_error_row_t  *row;

    row = ngx_http_wahub_error_find(code);

    if (row != NULL
        && ngx_http_wahub_idem_keep(ctx, code, row->status, message, details)
           == NGX_OK)
    {
        return;
    }

    body = ngx_http_wahub_error_body(ctx, code, message, details, &status);

    ngx_http_wahub_answer(ctx, status, body);
}


void
ngx_http_wahub_error_result(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    json_t  *details;

    details = json_incref(result->data);

    if (details == NULL && ngx_strcmp(result->code, "VALIDATION_ERROR") == 0)
    {
        details = ngx_http_wahub_error_fields(result->message);
    }

    ngx_http_wahub_error_details(ctx, result->code, result->message, details);
}


/* The verbs of the engine begin what they say with the field: "name: ..." */
static json_t *
ngx_http_wahub_error_fields(const char *message)
{
    size_t  n;

    n = (message == NULL) ? 0 : strspn(message, "abcdefghijklmnopqrstuvwxyz_");

    if (n == 0 || ngx_strncmp(message + n, ": ", 2) != 0) {
        return NULL;
    }

    return json_pack("{s:[{s:s%,s:s,s:s}]}", "fields", "field", message, n,
                     "code", "INVALID", "message", message);
}


void
ngx_http_wahub_error_field(ngx_http_wahub_ctx_t *ctx, const char *field,
    const char *code, const char *message)
{
    json_t  *details;

    details = json_pack("{s:[{s:s,s:s,s:s}]}", "fields", "field", field,
                        "code", code, "message", message);

    ngx_http_wahub_error_details(ctx, "VALIDATION_ERROR", message, details);
}


void
ngx_http_wahub_error_query(ngx_http_wahub_ctx_t *ctx, const char *name)
{
    json_t  *details;

    details = json_pack("{s:s}", "parameter", name);

    ngx_http_wahub_error_details(ctx, "INVALID_PARAMETER", NULL, details);
}


ngx_int_t
ngx_http_wahub_error_send(ngx_http_wahub_ctx_t *ctx, const char *code,
    const char *message)
{
    json_t      *body;
    ngx_uint_t   status;

    body = ngx_http_wahub_error_body(ctx, code, message, NULL, &status);

    return ngx_http_wahub_answer_send(ctx, status, body);
}


json_t *
ngx_http_wahub_error_body(ngx_http_wahub_ctx_t *ctx, const char *code,
    const char *message, json_t *details, ngx_uint_t *status)
{
    json_t                            *body, *id;
    json_int_t                         later;
    const ngx_http_wahub_wanting_t    *wanting;
    const ngx_http_wahub_error_row_t  *row;

    code = ngx_http_wahub_error_rename(ctx, code);
    row = ngx_http_wahub_error_find(code);

    *status = (row == NULL) ? 500 : row->status;
    ctx->retry_after = (row == NULL) ? 0 : row->retry_after;

    later = json_integer_value(json_object_get(details, "retry_after"));

    if (ctx->retry_after != 0 && later > 0) {
        ctx->retry_after = (ngx_uint_t) later;
    }

    wanting = ngx_strcmp(code, "ACCOUNT_NOT_READY") == 0
              ? ngx_http_wahub_error_wanting(details) : NULL;

    if (wanting != NULL) {
        message = wanting->message;

        if (wanting->passing) {
            *status = 503;
            ctx->retry_after = 2;
        }
    }

    if (message == NULL || message[0] == '\0') {
        message = (row == NULL) ? "Internal error" : row->message;
    }

    if (*status == 500) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "internal error answered, code \"%s\"", code);
    }

    ctx->vars.error_code.data = ngx_pnalloc(ctx->request->pool,
                                            ngx_strlen(code));

    if (ctx->vars.error_code.data != NULL) {
        ctx->vars.error_code.len = ngx_strlen(code);
        ngx_memcpy(ctx->vars.error_code.data, code,
                   ctx->vars.error_code.len);
    }

    if (json_is_object(details) == 0) {
        json_decref(details);
        details = json_object();
    }

    id = ngx_http_wahub_json_text(ctx->first_id.len != 0
                                  ? &ctx->first_id : &ctx->vars.request_id);

    body = json_pack("{s:b,s:{s:s,s:s,s:o},s:s,s:s,s:o}",
                     "success", 0,
                     "error", "code", code, "message", message,
                     "details", details,
                     "error_code", code, "message", message,
                     "request_id", id);

    return body;
}


const char *
ngx_http_wahub_error_of_status(ngx_uint_t status)
{
    ngx_uint_t  i, n;

    n = sizeof(ngx_http_wahub_statuses)
        / sizeof(ngx_http_wahub_status_row_t);

    for (i = 0; i < n; i++) {
        if (ngx_http_wahub_statuses[i].status == status) {
            return ngx_http_wahub_statuses[i].code;
        }
    }

    return status < 500 ? "VALIDATION_ERROR" : "INTERNAL_ERROR";
}


static const ngx_http_wahub_error_row_t *
ngx_http_wahub_error_find(const char *code)
{
    ngx_uint_t  i, n;

    n = sizeof(ngx_http_wahub_errors) / sizeof(ngx_http_wahub_error_row_t);

    for (i = 0; i < n; i++) {
        if (ngx_strcmp(ngx_http_wahub_errors[i].code, code) == 0) {
            return &ngx_http_wahub_errors[i];
        }
    }

    return NULL;
}


/* References 002 and 004 call an account a session. */
static const char *
ngx_http_wahub_error_rename(ngx_http_wahub_ctx_t *ctx, const char *code)
{
    ngx_uint_t   i;
    ngx_str_t   *path;

    static const ngx_str_t  sessions[] = {
        ngx_string("/session"),
        ngx_string("/tenant"),
        ngx_string("/api/whatsapp")
    };

    if (ngx_strcmp(code, "ACCOUNT_NOT_FOUND") != 0) {
        return code;
    }

    path = &ctx->path;

    for (i = 0; i < sizeof(sessions) / sizeof(ngx_str_t); i++) {
        if (path->len > sessions[i].len
            && path->data[sessions[i].len] == '/'
            && ngx_memcmp(path->data, sessions[i].data, sessions[i].len)
               == 0)
        {
            return "SESSION_NOT_FOUND";
        }
    }

    return code;
}


static const ngx_http_wahub_wanting_t *
ngx_http_wahub_error_wanting(json_t *details)
{
    ngx_uint_t   i, n;
    const char  *state;

    n = sizeof(ngx_http_wahub_wanting) / sizeof(ngx_http_wahub_wanting_t);
    state = json_string_value(json_object_get(details, "state"));

    for (i = 0; state != NULL && i < n; i++) {
        if (ngx_strcmp(state, ngx_http_wahub_wanting[i].state) == 0) {
            return &ngx_http_wahub_wanting[i];
        }
    }

    return NULL;
}
