/*
 * What callers may ask about channels, see wa_newsletter.h.
 *
 * Most is one query in JSON: a row in the table below.  Pages of messages
 * and live updates have iqs of their own, views are a receipt.
 */
#include "wa_newsletter.h"

#include "wa_account_int.h"
#include "wa_mex.h"
#include "wa_query.h"


/* The notice whose terms the makers of channels accept, and its stage. */
#define TERMS_NOTICE  "20601218"
#define TERMS_STAGE   "5"

#define PAGE_DEFAULT  20

/* Limits of the server, in bytes (names: 100 characters). */
#define NAME_MAX_LEN         400
#define DESCRIPTION_MAX_LEN  4096
#define KEY_MAX_LEN          128


typedef enum {
    RESULT_CHANNEL = 0,
    RESULT_LIST,
    RESULT_DONE
} result_e;

typedef json_t *(*variables_pt)(const json_t *args);

typedef struct {
    const char    *verb;
    wa_mex_e       id;
    const char    *member;             /* of the answer's "data"           */
    result_e       result;
    variables_pt   variables;          /* NULL: arguments are not valid    */
} mex_verb_t;

typedef struct {
    wa_query_t         query;
    const mex_verb_t  *verb;
    wa_node_t         *next;           /* iq after the terms; NULL: none   */
    wa_jid_t           jid;
} channel_query_t;

typedef void (*plain_pt)(wa_account_t *a, const wa_cmd_t *cmd);


static json_t *variables_none(const json_t *args);
static json_t *variables_get(const json_t *args);
static json_t *variables_create(const json_t *args);
static json_t *variables_update(const json_t *args);
static json_t *variables_jid(const json_t *args);
static json_t *text_or_null(const json_t *args, const char *name);
static void channel_invalid(wa_account_t *a, const wa_cmd_t *cmd,
    const char *code);
static void channel_mex(wa_account_t *a, const wa_cmd_t *cmd,
    const mex_verb_t *verb);
static wa_node_t *channel_terms(wa_task_t *t);
static void channel_accepted(wa_task_t *t, wa_err_t rc);
static void channel_answered(wa_task_t *t, wa_err_t rc);
static json_t *channel_list(wa_account_t *a, const json_t *value);
static void channel_failed(wa_task_t *t, wa_err_t rc);
static void channel_messages(wa_account_t *a, const wa_cmd_t *cmd);
static void channel_messages_answered(wa_task_t *t, wa_err_t rc);
static void channel_live(wa_account_t *a, const wa_cmd_t *cmd);
static void channel_live_answered(wa_task_t *t, wa_err_t rc);
static void channel_viewed(wa_account_t *a, const wa_cmd_t *cmd);


static const mex_verb_t  mex_verbs[] = {
    { "channel.list", WA_MEX_CHANNEL_LIST, "xwa2_newsletter_subscribed",
      RESULT_LIST, variables_none },
    { "channel.get", WA_MEX_CHANNEL_GET, "xwa2_newsletter",
      RESULT_CHANNEL, variables_get },
    { "channel.create", WA_MEX_CHANNEL_CREATE, "xwa2_newsletter_create",
      RESULT_CHANNEL, variables_create },
    { "channel.update", WA_MEX_CHANNEL_UPDATE, "xwa2_newsletter_update",
      RESULT_CHANNEL, variables_update },
    { "channel.follow", WA_MEX_CHANNEL_FOLLOW, "xwa2_newsletter_join_v2",
      RESULT_DONE, variables_jid },
    { "channel.unfollow", WA_MEX_CHANNEL_UNFOLLOW,
      "xwa2_newsletter_leave_v2", RESULT_DONE, variables_jid },
    { "channel.mute", WA_MEX_CHANNEL_MUTE, "xwa2_newsletter_mute_v2",
      RESULT_DONE, variables_jid },
    { "channel.unmute", WA_MEX_CHANNEL_UNMUTE, "xwa2_newsletter_unmute_v2",
      RESULT_DONE, variables_jid },
    { "channel.delete", WA_MEX_CHANNEL_DELETE, "xwa2_newsletter_delete_v2",
      RESULT_DONE, variables_jid }
};

static const struct {
    const char  *verb;
    plain_pt     run;
} plain_verbs[] = {
    { "channel.messages", channel_messages },
    { "channel.live", channel_live },
    { "channel.viewed", channel_viewed }
};


void
wa_newsletter_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    size_t     i;
    wa_jid_t   jid;
    wa_span_t  verb;

    verb = wa_query_arg(cmd->args, "verb");

    if (json_object_get(cmd->args, "jid") != NULL
        && (!wa_query_arg_jid(cmd->args, "jid", &jid)
            || !wa_jid_is_newsletter(&jid)))
    {
        channel_invalid(a, cmd, "INVALID_RECIPIENT");
        return;
    }

    for (i = 0; i < sizeof(mex_verbs) / sizeof(mex_verbs[0]); i++) {
        if (wa_span_eq_str(verb, mex_verbs[i].verb)) {
            channel_mex(a, cmd, &mex_verbs[i]);
            return;
        }
    }

    for (i = 0; i < sizeof(plain_verbs) / sizeof(plain_verbs[0]); i++) {
        if (wa_span_eq_str(verb, plain_verbs[i].verb)) {

            if (json_object_get(cmd->args, "jid") == NULL) {
                channel_invalid(a, cmd, "INVALID_RECIPIENT");
                return;
            }

            plain_verbs[i].run(a, cmd);
            return;
        }
    }

    wa_account_reply(a, cmd->id, "INVALID_PARAMETER", "Unknown verb", NULL);
}


static void
channel_invalid(wa_account_t *a, const wa_cmd_t *cmd, const char *code)
{
    wa_account_reply(a, cmd->id, code,
                     strcmp(code, "INVALID_RECIPIENT") == 0
                     ? "This is not the address of a channel"
                     : "An argument is missing or not valid", NULL);
}


/* ---- arguments ---- */

static json_t *
variables_none(const json_t *args)
{
    (void) args;

    return json_object();
}


static json_t *
variables_get(const json_t *args)
{
    bool       by_jid;
    wa_jid_t   jid;
    wa_span_t  key;

    key = wa_query_arg(args, "key");

    if (key.n == 0 || key.n > KEY_MAX_LEN) {
        return NULL;
    }

    by_jid = wa_jid_parse(key, &jid) == WA_OK && wa_jid_is_newsletter(&jid);

    return json_pack("{s:b, s:b, s:b, s:{s:o, s:s}}",
                     "fetch_creation_time", 1,
                     "fetch_full_image", 1,
                     "fetch_viewer_metadata", 1,
                     "input",
                     "key", wa_json_span(key),
                     "type", by_jid ? "JID" : "INVITE");
}


static json_t *
variables_create(const json_t *args)
{
    wa_span_t  name;

    name = wa_query_arg(args, "name");

    if (name.n == 0 || name.n > NAME_MAX_LEN
        || wa_query_arg(args, "description").n > DESCRIPTION_MAX_LEN)
    {
        return NULL;
    }

    return json_pack("{s:{s:o, s:o}}", "input", "name", wa_json_span(name),
                     "description", text_or_null(args, "description"));
}


static json_t *
variables_update(const json_t *args)
{
    json_t     *updates, *jid;
    wa_span_t   name, about;

    name = wa_query_arg(args, "name");
    about = wa_query_arg(args, "description");
    jid = json_object_get(args, "jid");

    if (jid == NULL || (name.p == NULL && about.p == NULL)
        || (name.p != NULL && name.n == 0) || name.n > NAME_MAX_LEN
        || about.n > DESCRIPTION_MAX_LEN)
    {
        return NULL;
    }

    updates = json_pack("{s:n}", "settings");

    if (name.p != NULL) {
        (void) json_object_set_new(updates, "name", wa_json_span(name));
    }

    if (about.p != NULL) {
        (void) json_object_set_new(updates, "description",
                                   wa_json_span(about));
    }

    return json_pack("{s:O, s:o}", "newsletter_id", jid, "updates", updates);
}


static json_t *
variables_jid(const json_t *args)
{
    return json_pack("{s:O}", "newsletter_id", json_object_get(args, "jid"));
}


static json_t *
text_or_null(const json_t *args, const char *name)
{
    wa_span_t  text;

    text = wa_query_arg(args, name);

    return text.p == NULL ? json_null() : wa_json_span(text);
}


/* ---- queries in JSON ---- */

static void
channel_mex(wa_account_t *a, const wa_cmd_t *cmd, const mex_verb_t *verb)
{
    json_t           *variables;
    wa_err_t          rc;
    wa_node_t        *iq;
    wa_task_t        *t;
    channel_query_t  *q;

    variables = verb->variables(cmd->args);

    if (variables == NULL) {
        channel_invalid(a, cmd, "VALIDATION_ERROR");
        return;
    }

    t = wa_query_task(a, cmd, "channel", channel_answered,
                      sizeof(channel_query_t));
    if (t == NULL) {
        json_decref(variables);
        return;
    }

    q = t->data;
    q->verb = verb;
    (void) wa_query_arg_jid(cmd->args, "jid", &q->jid);

    iq = wa_mex_iq(t, verb->id, variables);

    if (iq != NULL && verb->variables == variables_create
        && json_is_true(json_object_get(cmd->args, "accept_terms")))
    {
        q->next = iq;
        t->resume = channel_accepted;
        iq = channel_terms(t);
    }

    rc = (iq == NULL) ? WA_ERR_NOMEM : wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


static wa_node_t *
channel_terms(wa_task_t *t)
{
    wa_node_t  *iq, *notice;

    iq = wa_node_iq(&t->arena, "set", "tos");
    notice = wa_node_add_new(&t->arena, iq, "notice");
    wa_node_set_str(&t->arena, notice, "id", TERMS_NOTICE);
    wa_node_set_str(&t->arena, notice, "stage", TERMS_STAGE);

    return iq;
}


static void
channel_accepted(wa_task_t *t, wa_err_t rc)
{
    channel_query_t  *q;

    q = t->data;

    if (rc == WA_OK) {
        t->resume = channel_answered;
        rc = wa_task_iq(t, q->next);
    }

    if (rc != WA_AGAIN) {
        channel_failed(t, rc);
    }
}


static void
channel_answered(wa_task_t *t, wa_err_t rc)
{
    json_t           *value, *data;
    wa_account_t     *a;
    channel_query_t  *q;

    a = t->account;
    q = t->data;

    rc = wa_mex_answer(t, rc, q->verb->member, &value);

    if (rc == WA_OK && json_is_null(value)) {
        t->iq_code = 404;
        rc = WA_ERR_REFUSED;
    }

    if (rc != WA_OK) {
        channel_failed(t, rc);
        return;
    }

    switch (q->verb->result) {

    case RESULT_LIST:
        data = channel_list(a, value);
        break;

    case RESULT_CHANNEL:
        data = wa_newsletter_channel(a, value);
        break;

    default:
        data = json_pack("{s:b, s:o}", "success", 1, "jid",
                         wa_json_jid(&q->jid));
    }

    json_decref(value);
    wa_query_done(t, data);
}


/* One that cannot be read does not take the others with it. */
static json_t *
channel_list(wa_account_t *a, const json_t *value)
{
    size_t   i;
    json_t  *all, *one;

    all = json_array();

    for (i = 0; i < json_array_size(value); i++) {
        one = wa_newsletter_channel(a, json_array_get(value, i));

        if (one != NULL && json_array_append_new(all, one) != 0) {
            json_decref(all);
            return NULL;
        }
    }

    return all;
}


static void
channel_failed(wa_task_t *t, wa_err_t rc)
{
    json_t      *details;
    wa_query_t  *q;
    const char  *code;

    q = t->data;
    code = NULL;

    if (rc == WA_ERR_REFUSED) {

        switch (t->iq_code) {

        case 400:
        case 406:
            code = "VALIDATION_ERROR";
            break;

        case 401:
        case 403:
            code = "FORBIDDEN";
            break;

        case 404:
        case 410:
            code = "RESOURCE_NOT_FOUND";
            break;

        case 429:
            code = "WHATSAPP_RATE_LIMIT";
            break;

        default:
            break;
        }
    }

    if (code == NULL) {
        wa_query_failed(t, rc);
        return;
    }

    details = json_pack("{s:I}", "provider_code", (json_int_t) t->iq_code);
    wa_account_reply(t->account, q->cmd_id, code,
                     "WhatsApp refused what was asked of the channel",
                     details);
    wa_task_end(t, WA_OK);
}


/* ---- messages, live updates, views ---- */

/* <iq get newsletter><messages type=jid jid count [before]/></iq> */
static void
channel_messages(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_err_t          rc;
    wa_node_t        *iq, *m;
    wa_task_t        *t;
    json_int_t        limit, before;
    channel_query_t  *q;

    limit = json_integer_value(json_object_get(cmd->args, "limit"));
    before = json_integer_value(json_object_get(cmd->args, "before"));

    if (limit < 0 || limit > WA_NEWSLETTER_PAGE_MAX || before < 0) {
        channel_invalid(a, cmd, "VALIDATION_ERROR");
        return;
    }

    t = wa_query_task(a, cmd, "channel messages", channel_messages_answered,
                      sizeof(channel_query_t));
    if (t == NULL) {
        return;
    }

    q = t->data;
    (void) wa_query_arg_jid(cmd->args, "jid", &q->jid);

    iq = wa_node_iq(&t->arena, "get", "newsletter");
    m = wa_node_add_new(&t->arena, iq, "messages");
    wa_node_set_str(&t->arena, m, "type", "jid");
    wa_node_set_jid(&t->arena, m, "jid", &q->jid);
    wa_node_set_u64(&t->arena, m, "count",
                    limit == 0 ? PAGE_DEFAULT : (uint64_t) limit);

    if (before != 0) {
        wa_node_set_u64(&t->arena, m, "before", (uint64_t) before);
    }

    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


static void
channel_messages_answered(wa_task_t *t, wa_err_t rc)
{
    channel_query_t  *q;

    q = t->data;

    if (rc != WA_OK) {
        channel_failed(t, rc);
        return;
    }

    wa_query_done(t, wa_newsletter_messages(t->account, &q->jid,
                                            wa_node_child(t->answer,
                                                          "messages"),
                                            false));
}


/* For a while the server tells views and reactions as they come. */
static void
channel_live(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_err_t          rc;
    wa_node_t        *iq;
    wa_task_t        *t;
    channel_query_t  *q;

    t = wa_query_task(a, cmd, "channel live", channel_live_answered,
                      sizeof(channel_query_t));
    if (t == NULL) {
        return;
    }

    q = t->data;
    (void) wa_query_arg_jid(cmd->args, "jid", &q->jid);

    iq = wa_node_new(&t->arena, "iq");
    wa_node_set_jid(&t->arena, iq, "to", &q->jid);
    wa_node_set_str(&t->arena, iq, "type", "set");
    wa_node_set_str(&t->arena, iq, "xmlns", "newsletter");
    (void) wa_node_add_new(&t->arena, iq, "live_updates");

    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


static void
channel_live_answered(wa_task_t *t, wa_err_t rc)
{
    uint64_t          seconds;
    channel_query_t  *q;

    q = t->data;

    if (rc != WA_OK) {
        channel_failed(t, rc);
        return;
    }

    if (!wa_node_attr_u64(wa_node_child(t->answer, "live_updates"),
                          "duration", &seconds) || seconds > UINT32_MAX)
    {
        seconds = 0;
    }

    wa_query_done(t, json_pack("{s:b, s:o, s:I}", "success", 1, "jid",
                               wa_json_jid(&q->jid), "duration",
                               (json_int_t) seconds));
}


/* Views are counted by the server; the receipt claims nothing of ours. */
static void
channel_viewed(wa_account_t *a, const wa_cmd_t *cmd)
{
    size_t       i, n;
    wa_jid_t     jid;
    wa_err_t     rc;
    wa_node_t   *receipt, *list, *item;
    json_int_t   id;
    wa_arena_t   arena;
    const json_t  *ids;

    ids = json_object_get(cmd->args, "server_ids");
    n = json_array_size(ids);

    if (n == 0 || n > WA_NEWSLETTER_PAGE_MAX
        || !wa_query_arg_jid(cmd->args, "jid", &jid))
    {
        channel_invalid(a, cmd, "VALIDATION_ERROR");
        return;
    }

    wa_arena_init_pool(&arena, &a->engine->arenas);
    receipt = wa_node_new(&arena, "receipt");
    wa_node_set(&arena, receipt, "id", wa_account_next_id(a, &arena));
    wa_node_set_jid(&arena, receipt, "to", &jid);
    wa_node_set_str(&arena, receipt, "type", "view");
    list = wa_node_add_new(&arena, receipt, "list");

    for (i = 0; i < n; i++) {
        id = json_integer_value(json_array_get(ids, i));

        if (id <= 0) {
            wa_arena_free(&arena);
            channel_invalid(a, cmd, "VALIDATION_ERROR");
            return;
        }

        item = wa_node_add_new(&arena, list, "item");
        wa_node_set_u64(&arena, item, "server_id", (uint64_t) id);
    }

    rc = wa_account_send_now(a, receipt);
    wa_arena_free(&arena);

    if (rc != WA_OK) {
        wa_account_reply(a, cmd->id, "OWNER_UNAVAILABLE",
                         "The connection was lost", NULL);
        return;
    }

    wa_account_reply(a, cmd->id, NULL, NULL,
                     json_pack("{s:b, s:o, s:I}", "success", 1, "jid",
                               wa_json_jid(&jid), "count", (json_int_t) n));
}
