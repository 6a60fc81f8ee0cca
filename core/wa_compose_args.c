/*
 * Members of the arguments of a send, checked, see wa_compose_int.h.
 */
#include "wa_compose_int.h"

#include <math.h>
#include <stdio.h>

#include "wa_account.h"
#include "wa_b64.h"
#include "wa_event_message.h"
#include "wa_sent.h"


/* Of a message that is quoted: its text and a few thumbnails. */
#define ARG_MESSAGE_MAX  (256 * 1024)


static void arg_known(wa_draft_t *d, const json_t *o,
    wa_compose_ref_t *out);
static const char *arg_shown(wa_draft_t *d, const json_t *v);
static void arg_address(const json_t *o, const char *name, wa_jid_t *out);


void
wa_arg_bad(wa_draft_t *d, const char *field, const char *problem,
    const char *what)
{
    if (d->error.code != NULL) {
        return;
    }

    d->error.code = "VALIDATION_ERROR";
    d->error.field = field;
    d->error.problem = problem;

    (void) snprintf(d->error.message, sizeof(d->error.message), "%s: %s",
                    field, what);
}


void
wa_arg_refuse(wa_draft_t *d, const char *code, const char *message)
{
    if (d->error.code != NULL) {
        return;
    }

    d->error.code = code;

    (void) snprintf(d->error.message, sizeof(d->error.message), "%s",
                    message);
}


char *
wa_arg_text(wa_draft_t *d, const json_t *o, const char *name, size_t max)
{
    char        *copy;
    size_t       n;
    json_t      *v;
    const char  *text;

    v = json_object_get(o, name);

    if (v == NULL || json_is_null(v)) {
        return NULL;
    }

    text = json_string_value(v);
    n = json_string_length(v);

    if (text == NULL) {
        wa_arg_bad(d, name, "INVALID_TYPE", "has the wrong type");
        return NULL;
    }

    if (n > max) {
        wa_arg_bad(d, name, "TOO_LONG", "is too long");
        return NULL;
    }

    /* A protobuf string here ends at its first NUL. */

    if (strlen(text) != n) {
        wa_arg_bad(d, name, "INVALID", "holds a NUL");
        return NULL;
    }

    if (n == 0) {
        return NULL;
    }

    copy = wa_arena_strdup(&d->arena, wa_span(text, n));

    if (copy == NULL) {
        wa_arg_refuse(d, "INTERNAL_ERROR", "Out of memory");
    }

    return copy;
}


char *
wa_arg_need(wa_draft_t *d, const json_t *o, const char *name, size_t max)
{
    char  *text;

    text = wa_arg_text(d, o, name, max);

    if (text == NULL) {
        wa_arg_bad(d, name, "REQUIRED", "is required");
    }

    return text;
}


bool
wa_arg_bool(wa_draft_t *d, const json_t *o, const char *name)
{
    const json_t  *v;

    v = json_object_get(o, name);

    if (v != NULL && !json_is_null(v) && !json_is_boolean(v)) {
        wa_arg_bad(d, name, "INVALID_TYPE", "has the wrong type");
    }

    return json_is_true(v);
}


bool
wa_arg_number(wa_draft_t *d, const json_t *o, const char *name, double min,
    double max, double *out)
{
    double         x;
    const json_t  *v;

    v = json_object_get(o, name);

    if (v == NULL || json_is_null(v)) {
        return false;
    }

    if (!json_is_number(v)) {
        wa_arg_bad(d, name, "INVALID_TYPE", "has the wrong type");
        return false;
    }

    x = json_number_value(v);

    if (!(x >= min && x <= max)) {
        wa_arg_bad(d, name, "OUT_OF_RANGE", "is out of range");
        return false;
    }

    *out = x;
    return true;
}


/* Bounds are far below what a double holds exactly. */
bool
wa_arg_int(wa_draft_t *d, const json_t *o, const char *name, int64_t min,
    int64_t max, int64_t *out)
{
    double  x;

    if (!wa_arg_number(d, o, name, (double) min, (double) max, &x)) {
        return false;
    }

    if (floor(x) != x) {
        wa_arg_bad(d, name, "INVALID_TYPE", "must be a whole number");
        return false;
    }

    *out = (int64_t) x;
    return true;
}


bool
wa_arg_bytes(wa_draft_t *d, const json_t *o, const char *name, size_t min,
    size_t max, ProtobufCBinaryData *out)
{
    wa_err_t       rc;
    wa_buf_t       bytes = WA_BUF_EMPTY;
    const json_t  *v;

    v = json_object_get(o, name);

    if (v == NULL || json_is_null(v)) {
        return false;
    }

    rc = !json_is_string(v) || json_string_length(v) > 2 * max + 4
         ? WA_ERR_SYNTAX
         : wa_b64_decode(wa_span(json_string_value(v),
                                 json_string_length(v)), WA_B64_STD, &bytes);

    if (rc == WA_OK && (bytes.n < min || bytes.n > max)) {
        rc = WA_ERR_SYNTAX;
    }

    if (rc == WA_OK) {
        out->len = bytes.n;
        out->data = wa_arena_dup(&d->arena, bytes.p, bytes.n);
        rc = out->data == NULL ? WA_ERR_NOMEM : WA_OK;
    }

    wa_buf_wipe(&bytes);

    if (rc == WA_ERR_NOMEM) {
        wa_arg_refuse(d, "INTERNAL_ERROR", "Out of memory");

    } else if (rc != WA_OK) {
        wa_arg_bad(d, name, "INVALID", "is not base64 of the right length");
    }

    return rc == WA_OK;
}


void *
wa_arg_new(wa_draft_t *d, size_t size)
{
    void  *p;

    p = wa_arena_calloc(&d->arena, 1, size);

    if (p == NULL) {
        wa_arg_refuse(d, "INTERNAL_ERROR", "Out of memory");
    }

    return p;
}


bool
wa_arg_ref(wa_draft_t *d, const json_t *o, const char *name,
    wa_compose_ref_t *out)
{
    char       *text, probe[WA_SENT_NAME_LEN];
    wa_span_t   id;

    text = wa_arg_text(d, o, name, 2 * WA_SENT_ID_MAX);

    if (text == NULL) {
        return false;
    }

    id = wa_span_str(text);

    if (wa_message_ref_parse(id, &id)) {
        out->ref = wa_span_str(text);
    }

    if (!wa_sent_name("out/", id, probe)) {
        wa_compose_unknown(d);
        return false;
    }

    out->id = id;
    arg_known(d, json_object_get(json_object_get(o, "refs"), name), out);

    return d->error.code == NULL;
}


/* What the history knows of it, see wa_compose_parse(). */
static void
arg_known(wa_draft_t *d, const json_t *o, wa_compose_ref_t *out)
{
    ProtobufCBinaryData  bytes;

    out->missing = json_is_null(o);

    if (!json_is_object(o)) {
        return;
    }

    out->known = true;
    out->from_me = json_is_true(json_object_get(o, "from_me"));
    out->text = arg_shown(d, json_object_get(o, "text"));

    if (json_is_integer(json_object_get(o, "timestamp"))) {
        out->timestamp = json_integer_value(json_object_get(o, "timestamp"));
    }

    if (wa_arg_bytes(d, o, "message", 1, ARG_MESSAGE_MAX, &bytes)) {
        out->message = wa_span(bytes.data, bytes.len);
    }

    arg_address(o, "chat", &out->chat);

    if (!out->from_me) {
        arg_address(o, "sender", &out->sender);
        arg_address(o, "sender_lid", &out->lid);
    }
}


/* Its text, as long as one of ours may be. */
static const char *
arg_shown(wa_draft_t *d, const json_t *v)
{
    char    *text;
    size_t   n;

    n = json_string_length(v);

    if (n == 0 || n > WA_COMPOSE_TEXT_MAX
        || memchr(json_string_value(v), '\0', n) != NULL)
    {
        return NULL;
    }

    text = wa_arena_strdup(&d->arena, wa_span(json_string_value(v), n));

    if (text == NULL) {
        wa_arg_refuse(d, "INTERNAL_ERROR", "Out of memory");
    }

    return text;
}


static void
arg_address(const json_t *o, const char *name, wa_jid_t *out)
{
    if (!wa_arg_jid(json_object_get(o, name), out)) {
        out->server = WA_SERVER_NONE;
    }
}


bool
wa_arg_jid(const json_t *v, wa_jid_t *out)
{
    char         jid[WA_JID_TEXT_MAX];
    const char  *text;

    text = json_string_value(v);

    if (text == NULL
        || wa_recipient_parse(wa_span(text, json_string_length(v)), jid,
                              sizeof(jid)) != WA_OK
        || wa_jid_parse(wa_span_str(jid), out) != WA_OK)
    {
        return false;
    }

    *out = wa_jid_bare(out);
    return true;
}
