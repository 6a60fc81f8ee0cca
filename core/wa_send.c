/*
 * Sends of one account: commands in, the queue.
 */
#include "wa_send.h"

#include "wa_event_message.h"
#include "wa_idem.h"
#include "wa_newsletter_send.h"
#include "wa_pb.h"
#include "wa_send_int.h"
#include "wa_send_typing.h"
#include "wa_status.h"


/* Contract limits. */
#define SEND_CLIENT_ID_MAX  128
#define SEND_METADATA_MAX   4096

#define SEND_TIMEOUT_MS     20000


static const char *send_parse_command(const json_t *args, wa_send_t *s,
    const char **message);
static const char *send_parse(const json_t *args, wa_send_t *s,
    const char **message);
static const char *send_parse_content(const json_t *args, wa_send_t *s,
    const char **message);
static json_t *send_error_details(const wa_send_t *s);
static const char *send_parse_rest(const json_t *args, wa_send_t *s,
    const char **message);
static const char *arg_string(const json_t *args, const char *name,
    size_t *len);
static void send_link(wa_sends_t *ss, wa_send_t *s);
static wa_send_t *send_first(wa_account_t *a);


wa_sends_t *
wa_sends_get(wa_account_t *a)
{
    if (a->sends == NULL) {
        a->sends = wa_calloc(1, sizeof(wa_sends_t));

        if (a->sends != NULL) {
            a->sends->tail = &a->sends->head;
        }
    }

    return a->sends;
}


void
wa_sends_free(wa_account_t *a)
{
    wa_send_t  *s;

    if (a->sends == NULL) {
        return;
    }

    while (a->sends->head != NULL) {
        s = a->sends->head;
        a->sends->head = s->next;
        wa_send_free(s);
    }

    while (a->sends->taken != NULL) {
        s = a->sends->taken;
        a->sends->taken = s->next;
        wa_send_free(s);
    }

    wa_free(a->sends->doubts);
    wa_free(a->sends->issuing);
    wa_free(a->sends);
    a->sends = NULL;
}


void
wa_sends_reset(wa_account_t *a)
{
    wa_send_t  *s, *after;

    if (a->sends == NULL) {
        return;
    }

    for (s = a->sends->head; s != NULL; s = after) {
        after = s->next;

        if (s->asked) {
            s->asked = false;
            wa_account_reply(a, s->cmd_id, wa_send_failure(s),
                             "The account was unlinked", NULL);
        }

        if (s->state == WA_SEND_PREPARING || s->state == WA_SEND_COMMITTED) {
            s->dropped = true;          /* its task finds the mark */

        } else {
            wa_send_remove(a, s);
        }
    }
}


void
wa_sends_quiesce(wa_account_t *a)
{
    wa_send_t  *s, *after;

    if (a->sends == NULL) {
        return;
    }

    for (s = a->sends->head; s != NULL; s = after) {
        after = s->next;

        if (s->asked && s->state == WA_SEND_DURABLE) {
            wa_send_pending(a, s);

        } else if (s->typing_until != 0) {
            wa_send_not_ready(a, s);
        }
    }

    wa_sends_taken_end(a);
}


void
wa_send_pending(wa_account_t *a, wa_send_t *s)
{
    json_t  *data;

    s->asked = false;
    data = wa_send_result(a, s, "PENDING");

    if (data == NULL) {
        wa_account_reply(a, s->cmd_id, "INTERNAL_ERROR", "Out of memory",
                         NULL);
        return;
    }

    wa_account_reply(a, s->cmd_id, NULL, NULL, data);
}


void
wa_send_free(wa_send_t *s)
{
    wa_draft_free(s->draft);
    wa_buf_wipe(&s->message);
    wa_free(s->client_id);
    wa_free(s->metadata);
    wa_free(s->media_id);
    wa_free(s->audience);
    wa_idem_free(s->idem);
    wa_free(s);
}


/* ---- the command ---- */

void
wa_send_start(wa_account_t *a, const wa_cmd_t *cmd)
{
    uint32_t     timeout;
    wa_send_t   *s;
    wa_sends_t  *ss;
    const char  *code, *message;

    ss = wa_sends_get(a);
    s = wa_calloc(1, sizeof(wa_send_t));

    if (ss == NULL || s == NULL) {
        wa_free(s);
        wa_account_reply(a, cmd->id, "INTERNAL_ERROR", "Out of memory", NULL);
        return;
    }

    s->cmd_id = cmd->id;
    s->asked = true;

    timeout = a->engine->conf.send_timeout_ms;
    s->reply_at = a->now + (timeout != 0 ? timeout : SEND_TIMEOUT_MS);

    code = send_parse_command(cmd->args, s, &message);

    if (code == NULL && ss->queued >= WA_SEND_QUEUE_MAX) {
        code = "RATE_LIMIT_EXCEEDED";
        message = "Too many messages of this account are waiting";
    }

    if (code != NULL) {
        wa_account_reply(a, cmd->id, code, message, send_error_details(s));
        wa_send_free(s);
        return;
    }

    if (s->idem != NULL && wa_idem_busy(a, s)) {
        wa_send_free(s);
        return;
    }

    send_link(ss, s);
    ss->queued++;

    /* What a key stands for is told in every state. */

    if (wa_account_state(a) != WA_STATE_READY && s->idem == NULL) {
        wa_send_not_ready(a, s);
        return;
    }

    wa_send_watch(a, s);
    wa_send_next(a);
}


/* The key first: a malformed send that has one is an entry, too. */
static const char *
send_parse_command(const json_t *args, wa_send_t *s, const char **message)
{
    wa_err_t     rc;
    const char  *code;

    rc = wa_idem_create(args, &s->idem);

    if (rc != WA_OK) {
        *message = wa_err_name(rc);
        return "INTERNAL_ERROR";
    }

    if (s->idem != NULL && s->idem->refusal != NULL) {
        return NULL;
    }

    code = send_parse(args, s, message);

    if (s->idem == NULL) {
        return code;
    }

    s->idem->final = s->wait_none;

    return code != NULL && wa_idem_refuse(s->idem, code, *message,
                                          send_error_details(s)) ? NULL
                                                                 : code;
}


/* New reference, {"fields":[...]} of the contract; NULL: about none. */
static json_t *
send_error_details(const wa_send_t *s)
{
    const wa_compose_error_t  *e;

    if (s->draft == NULL || s->draft->error.field == NULL) {
        return NULL;
    }

    e = &s->draft->error;

    return json_pack("{s:[{s:s, s:s, s:s}]}", "fields", "field", e->field,
                     "code", e->problem, "message", e->message);
}


/* NULL: fine; otherwise the error code, and a sentence in *message. */
static const char *
send_parse(const json_t *args, wa_send_t *s, const char **message)
{
    char         jid[WA_JID_TEXT_MAX];
    size_t       n;
    const char  *to;

    to = arg_string(args, "to", &n);

    if (to == NULL || n == 0) {
        *message = "The recipient is missing";
        return "MISSING_RECIPIENT";
    }

    if (wa_recipient_parse(wa_span(to, n), jid, sizeof(jid)) != WA_OK
        || wa_jid_parse(wa_span_str(jid), &s->to) != WA_OK)
    {
        *message = "The recipient is not a phone number or WhatsApp address";
        return "INVALID_RECIPIENT";
    }

    switch (wa_send_target(&s->to)) {

    case WA_TARGET_USER:
    case WA_TARGET_GROUP:
    case WA_TARGET_STATUS:
    case WA_TARGET_NEWSLETTER:
        break;

    default:
        *message = "Only contacts, groups, channels and the status can be "
                   "written to";
        return "PROVIDER_UNSUPPORTED";
    }

    s->to = wa_jid_bare(&s->to);

    return send_parse_content(args, s, message);
}


/* The draft comes with its error, if any. */
static const char *
send_parse_content(const json_t *args, wa_send_t *s, const char **message)
{
    const char  *code;

    s->draft = wa_compose_parse(args);

    if (s->draft == NULL) {
        *message = "Out of memory";
        return "INTERNAL_ERROR";
    }

    if (s->draft->error.code != NULL) {
        *message = s->draft->error.message;
        return s->draft->error.code;
    }

    if (wa_send_target(&s->to) == WA_TARGET_NEWSLETTER) {
        code = wa_newsletter_check(s->draft, message);

        if (code != NULL) {
            return code;
        }
    }

    if (wa_send_target(&s->to) == WA_TARGET_STATUS) {
        code = wa_status_parse(s, args, message);

        if (code != NULL) {
            return code;
        }
    }

    return send_parse_rest(args, s, message);
}


static const char *
send_parse_rest(const json_t *args, wa_send_t *s, const char **message)
{
    char        *dump;
    size_t       n;
    json_t      *metadata;
    const char  *p;

    p = arg_string(args, "client_message_id", &n);

    if (p != NULL && n > SEND_CLIENT_ID_MAX) {
        *message = "client_message_id is longer than 128 bytes";
        return "VALIDATION_ERROR";
    }

    if (p != NULL && n != 0) {
        s->client_id = wa_send_dup(p, n);

        if (s->client_id == NULL) {
            *message = "Out of memory";
            return "INTERNAL_ERROR";
        }
    }

    p = arg_string(args, "wait", &n);
    s->wait_none = (p != NULL && strcmp(p, "none") == 0);
    s->wait_device = (p != NULL && strcmp(p, "device") == 0);

    metadata = json_object_get(args, "metadata");

    if (json_is_object(metadata)) {
        dump = json_dumps(metadata, JSON_COMPACT);
        n = dump == NULL ? 0 : strlen(dump);

        if (n != 0 && n <= SEND_METADATA_MAX) {
            s->metadata = wa_send_dup(dump, n);
        }

        free(dump);

        if (s->metadata == NULL) {
            *message = "metadata is longer than 4096 bytes";
            return "VALIDATION_ERROR";
        }
    }

    p = arg_string(json_object_get(args, "media"), "media_id", &n);

    if (n == WA_MEDIUM_ID_SIZE - 1) {
        s->media_id = wa_send_dup(p, n);

        if (s->media_id == NULL) {
            *message = "Out of memory";
            return "INTERNAL_ERROR";
        }
    }

    return NULL;
}


static const char *
arg_string(const json_t *args, const char *name, size_t *len)
{
    const json_t  *v;

    v = json_object_get(args, name);
    *len = json_string_length(v);

    return json_string_value(v);
}


char *
wa_send_dup(const char *p, size_t n)
{
    char  *copy;

    copy = wa_alloc(n + 1);

    if (copy != NULL) {
        memcpy(copy, p, n);
        copy[n] = '\0';
    }

    return copy;
}


wa_target_e
wa_send_target(const wa_jid_t *to)
{
    switch (to->server) {

    case WA_SERVER_PN:
    case WA_SERVER_LID:
        return WA_TARGET_USER;

    case WA_SERVER_GROUP:
        return WA_TARGET_GROUP;

    case WA_SERVER_BROADCAST:
        return strcmp(to->user, "status") == 0 ? WA_TARGET_STATUS
                                               : WA_TARGET_NONE;

    case WA_SERVER_NEWSLETTER:
        return WA_TARGET_NEWSLETTER;

    default:
        return WA_TARGET_NONE;
    }
}


/* ---- the list ---- */

static void
send_link(wa_sends_t *ss, wa_send_t *s)
{
    s->next = NULL;
    *ss->tail = s;
    ss->tail = &s->next;
}


void
wa_send_remove(wa_account_t *a, wa_send_t *s)
{
    if (wa_send_detach(a, s)) {
        wa_send_free(s);
    }
}


bool
wa_send_detach(wa_account_t *a, wa_send_t *s)
{
    wa_send_t  **ps;
    wa_sends_t  *ss;

    ss = a->sends;

    for (ps = &ss->head; *ps != NULL && *ps != s; ps = &(*ps)->next) {
        /* void */
    }

    if (*ps == NULL) {
        return false;
    }

    *ps = s->next;

    if (s->next == NULL) {
        ss->tail = ps;
    }

    switch (s->state) {

    case WA_SEND_QUEUED:
        wa_typing_end(a, s);
        ss->queued--;
        break;

    case WA_SEND_PREPARING:
        ss->preparing = false;
        break;

    default:
        ss->unacked--;
    }

    /* A timer with nothing to watch would only keep the account busy. */

    if (ss->head == NULL && ss->timer != NULL && !ss->timer->ready
        && !ss->in_timer)
    {
        wa_task_end(ss->timer, WA_OK);
        ss->timer = NULL;
    }

    return true;
}


wa_send_t *
wa_send_find(wa_account_t *a, wa_span_t id)
{
    wa_send_t  *s;

    for (s = a->sends == NULL ? NULL : a->sends->head; s != NULL; s = s->next)
    {
        if (s->state >= WA_SEND_COMMITTED
            && wa_span_eq(id, wa_span_str(s->id)))
        {
            return s;
        }
    }

    return NULL;
}


void
wa_send_next(wa_account_t *a)
{
    wa_send_t   *s;
    wa_sends_t  *ss;

    ss = a->sends;

    /* Before record "pending" was read it must not be written. */

    if (!ss->restored) {
        wa_send_repeat(a);
        return;
    }

    while (!ss->preparing && !ss->repeating && ss->queued != 0
           && ss->unacked < WA_SEND_UNACKED_MAX)
    {
        s = send_first(a);

        if (s == NULL) {
            return;
        }

        if (wa_account_state(a) != WA_STATE_READY && s->idem == NULL) {
            wa_send_not_ready(a, s);
            continue;
        }

        s->state = WA_SEND_PREPARING;
        ss->queued--;
        ss->preparing = true;
        wa_send_prepare(a, s);
    }
}


/* The first one whose turn it is; NULL: none. */
static wa_send_t *
send_first(wa_account_t *a)
{
    wa_send_t  *s;

    for (s = a->sends->head; s != NULL; s = s->next) {

        if (s->state == WA_SEND_QUEUED && !wa_typing_waits(a, s)) {
            break;
        }
    }

    return s;
}


wa_err_t
wa_send_put_list(wa_unit_t *u, const wa_send_t *leave)
{
    size_t             n;
    wa_err_t           rc;
    wa_buf_t           packed = WA_BUF_EMPTY;
    wa_send_t         *s;
    wa_sends_t        *ss;
    char              *ids[WA_SEND_UNACKED_MAX];
    Wa__PendingList    list = WA__PENDING_LIST__INIT;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    ss = wa_unit_account(u)->sends;
    n = 0;

    for (s = ss->head; s != NULL && n < WA_SEND_UNACKED_MAX; s = s->next) {

        if (s->state >= WA_SEND_COMMITTED && s != leave) {
            ids[n++] = s->id;
        }
    }

    if (n == 0) {
        return wa_unit_del(u, "pending", 0);
    }

    list.ids = ids;
    list.n_ids = n;

    rc = WA_PB_PACK(&list, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put(u, "pending", 0, wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc;
}
