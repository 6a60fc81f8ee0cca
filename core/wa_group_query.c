/*
 * Group queries: arguments -> iq, see wa_group_query.h.  Protocol 14.
 */
#include "wa_group_query_int.h"

#include "wa_account_int.h"


#define QUERY_PEOPLE_MAX  1024
#define QUERY_WAIT_MS     20000

/* In characters, as WhatsApp counts. */
#define QUERY_SUBJECT_MAX      100
#define QUERY_DESCRIPTION_MAX  2048


static void group_asked(wa_task_t *t, wa_err_t rc);
static void group_refused(wa_task_t *t, wa_err_t rc);
static void group_known(wa_task_t *t, wa_err_t rc);
static void group_described(wa_task_t *t, wa_err_t rc);
static void group_leave(wa_task_t *t);
static void group_leave_known(wa_task_t *t, wa_err_t rc);


/* ---- arguments ---- */

static size_t
characters(wa_span_t text)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < text.n; i++) {
        n += (text.p[i] & 0xc0) != 0x80;
    }

    return n;
}


static wa_span_t
arg_text(wa_task_t *t, const json_t *args, const char *name)
{
    wa_span_t  text;

    text = wa_query_arg(args, name);

    if (text.n == 0
        || wa_arena_dup_span(&t->arena, text, &text) != WA_OK)
    {
        return wa_span_none();
    }

    return text;
}


/* <participant jid/> for each of them. */
static const char *
add_people(wa_task_t *t, const json_t *args, wa_node_t *parent)
{
    size_t         i, n;
    wa_jid_t       jid;
    wa_node_t     *node;
    const json_t  *list, *item;

    list = json_object_get(args, "participants");
    n = json_array_size(list);

    if (n == 0 || n > QUERY_PEOPLE_MAX) {
        return "participants: 1 to 1024 addresses";
    }

    for (i = 0; i < n; i++) {
        item = json_array_get(list, i);

        if (!json_is_string(item)
            || wa_jid_parse(wa_span(json_string_value(item),
                                    json_string_length(item)), &jid) != WA_OK
            || !wa_jid_is_user(&jid))
        {
            return "participants: not an address";
        }

        jid = wa_jid_person(&jid);
        node = wa_node_add_new(&t->arena, parent, "participant");
        wa_node_set_jid(&t->arena, node, "jid", &jid);
    }

    return NULL;
}


static const char *
add_groups(wa_task_t *t, const json_t *args, wa_node_t *parent)
{
    size_t         i, n;
    wa_jid_t       jid;
    wa_node_t     *node;
    const json_t  *list, *item;

    list = json_object_get(args, "groups");
    n = json_array_size(list);

    if (n == 0 || n > 100) {
        return "groups: 1 to 100 addresses";
    }

    for (i = 0; i < n; i++) {
        item = json_array_get(list, i);

        if (!json_is_string(item)
            || wa_jid_parse(wa_span(json_string_value(item),
                                    json_string_length(item)), &jid) != WA_OK
            || !wa_jid_is_group(&jid))
        {
            return "groups: not the address of a group";
        }

        node = wa_node_add_new(&t->arena, parent, "group");
        wa_node_set_jid(&t->arena, node, "jid", &jid);
    }

    return NULL;
}


/* ---- questions ---- */

static const char *
build_create(wa_task_t *t, group_query_t *q, const json_t *args,
    wa_node_t *iq)
{
    wa_jid_t    parent;
    wa_node_t  *create, *node;

    q->text = arg_text(t, args, "subject");

    if (q->text.n == 0 || characters(q->text) > QUERY_SUBJECT_MAX) {
        return "subject: 1 to 100 characters";
    }

    create = wa_node_add_new(&t->arena, iq, "create");
    wa_node_set(&t->arena, create, "subject", q->text);
    wa_node_set(&t->arena, create, "key",
                wa_account_next_id(t->account, &t->arena));

    if (json_is_true(json_object_get(args, "community"))) {
        node = wa_node_add_new(&t->arena, create, "parent");
        wa_node_set_str(&t->arena, node, "default_membership_approval_mode",
                        "request_required");
        return NULL;
    }

    if (wa_query_arg_jid(args, "parent", &parent)) {
        node = wa_node_add_new(&t->arena, create, "linked_parent");
        wa_node_set_jid(&t->arena, node, "jid", &parent);
    }

    q->people = create;

    return add_people(t, args, create);
}


static const char *
build_subject(wa_task_t *t, group_query_t *q, const json_t *args,
    wa_node_t *iq)
{
    q->text = arg_text(t, args, "subject");

    if (q->text.n == 0 || characters(q->text) > QUERY_SUBJECT_MAX) {
        return "subject: 1 to 100 characters";
    }

    wa_node_bytes(wa_node_add_new(&t->arena, iq, "subject"), q->text);

    return NULL;
}


static const char *
build_people(wa_task_t *t, group_query_t *q, const json_t *args,
    wa_node_t *iq)
{
    size_t      i;
    wa_node_t  *node;
    wa_span_t   action;

    static const char *const  actions[] = {
        "add", "remove", "promote", "demote"
    };

    action = wa_query_arg(args, "action");

    for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {

        if (wa_span_eq_str(action, actions[i])) {
            node = wa_node_add_new(&t->arena, iq, actions[i]);
            q->people = (i == 0) ? node : NULL;

            return add_people(t, args, node);
        }
    }

    return "action: add, remove, promote or demote";
}


static const char *
build_settings(wa_task_t *t, group_query_t *q, const json_t *args,
    wa_node_t *iq)
{
    json_int_t      seconds;
    wa_node_t      *node;
    const json_t   *v;

    (void) q;

    v = json_object_get(args, "announce");

    if (json_is_boolean(v)) {
        (void) wa_node_add_new(&t->arena, iq, json_is_true(v)
                                              ? "announcement"
                                              : "not_announcement");
        return NULL;
    }

    v = json_object_get(args, "locked");

    if (json_is_boolean(v)) {
        (void) wa_node_add_new(&t->arena, iq, json_is_true(v) ? "locked"
                                                              : "unlocked");
        return NULL;
    }

    v = json_object_get(args, "join_approval");

    if (json_is_boolean(v)) {
        node = wa_node_add_new(&t->arena, iq, "membership_approval_mode");
        node = wa_node_add_new(&t->arena, node, "group_join");
        wa_node_set_str(&t->arena, node, "state", json_is_true(v) ? "on"
                                                                  : "off");
        return NULL;
    }

    v = json_object_get(args, "ephemeral_duration");
    seconds = json_integer_value(v);

    if (json_is_integer(v) && seconds >= 0 && seconds <= 365 * 86400) {
        node = wa_node_add_new(&t->arena, iq, seconds != 0
                                              ? "ephemeral"
                                              : "not_ephemeral");
        if (seconds != 0) {
            wa_node_set_u64(&t->arena, node, "expiration",
                            (uint64_t) seconds);
        }

        return NULL;
    }

    if (wa_span_eq_str(wa_query_arg(args, "member_add_mode"), "all")
        || wa_span_eq_str(wa_query_arg(args, "member_add_mode"), "admin"))
    {
        node = wa_node_add_new(&t->arena, iq, "member_add_mode");
        wa_node_bytes(node, wa_span_str(
            wa_span_eq_str(wa_query_arg(args, "member_add_mode"), "all")
            ? "all_member_add" : "admin_add"));
        return NULL;
    }

    return "announce, locked, join_approval, ephemeral_duration or "
           "member_add_mode";
}


static const char *
build_invite(wa_task_t *t, group_query_t *q, const json_t *args,
    wa_node_t *iq)
{
    (void) q;

    /* The same question as "set" makes a new code. */

    wa_node_set_str(&t->arena, iq, "type",
                    json_is_true(json_object_get(args, "revoke")) ? "set"
                                                                  : "get");
    (void) wa_node_add_new(&t->arena, iq, "invite");

    return NULL;
}


static const char *
build_code(wa_task_t *t, group_query_t *q, const json_t *args, wa_node_t *iq)
{
    wa_node_t  *invite;

    q->text = arg_text(t, args, "code");

    if (q->text.n == 0 || q->text.n > 64) {
        return "code: missing";
    }

    invite = wa_node_add_new(&t->arena, iq, "invite");
    wa_node_set(&t->arena, invite, "code", q->text);

    return NULL;
}


static const char *
build_requests(wa_task_t *t, group_query_t *q, const json_t *args,
    wa_node_t *iq)
{
    (void) q;
    (void) args;
    (void) wa_node_add_new(&t->arena, iq, "membership_approval_requests");

    return NULL;
}


static const char *
build_answer(wa_task_t *t, group_query_t *q, const json_t *args,
    wa_node_t *iq)
{
    wa_span_t    action;
    wa_node_t   *node;

    (void) q;

    action = wa_query_arg(args, "action");

    if (!wa_span_eq_str(action, "approve")
        && !wa_span_eq_str(action, "reject"))
    {
        return "action: approve or reject";
    }

    node = wa_node_add_new(&t->arena, iq, "membership_requests_action");

    return add_people(t, args,
                      wa_node_add_new(&t->arena, node,
                                      wa_span_eq_str(action, "approve")
                                      ? "approve" : "reject"));
}


static const char *
build_linked(wa_task_t *t, group_query_t *q, const json_t *args,
    wa_node_t *iq)
{
    (void) q;
    (void) args;
    (void) wa_node_add_new(&t->arena, iq, "sub_groups");

    return NULL;
}


static const char *
build_link(wa_task_t *t, group_query_t *q, const json_t *args, wa_node_t *iq)
{
    wa_node_t  *node;

    (void) q;

    node = wa_node_add_new(&t->arena, iq, "links");
    node = wa_node_add_new(&t->arena, node, "link");
    wa_node_set_str(&t->arena, node, "link_type", "sub_group");

    return add_groups(t, args, node);
}


static const char *
build_unlink(wa_task_t *t, group_query_t *q, const json_t *args,
    wa_node_t *iq)
{
    wa_node_t  *node;

    (void) q;

    node = wa_node_add_new(&t->arena, iq, "unlink");
    wa_node_set_str(&t->arena, node, "unlink_type", "sub_group");

    return add_groups(t, args, node);
}


static const char *
build_sync(wa_task_t *t, group_query_t *q, const json_t *args, wa_node_t *iq)
{
    wa_node_t  *node;

    (void) q;
    (void) args;

    node = wa_node_add_new(&t->arena, iq, "participating");
    (void) wa_node_add_new(&t->arena, node, "participants");
    (void) wa_node_add_new(&t->arena, node, "description");

    return NULL;
}


static const char *
build_description(wa_task_t *t, group_query_t *q, const json_t *args,
    wa_node_t *iq)
{
    (void) iq;

    if (!json_is_string(json_object_get(args, "description"))) {
        return "description: a text of up to 2048 characters";
    }

    q->text = arg_text(t, args, "description");

    return characters(q->text) > QUERY_DESCRIPTION_MAX
           ? "description: a text of up to 2048 characters" : NULL;
}


/* Those without an answer function are not one iq. */
static const group_verb_t  verbs[] = {
    { "group.get", NULL, false, NULL, NULL },
    { "group.metadata", NULL, false, NULL, NULL },
    { "group.description", NULL, false, build_description, NULL },
    { "group.sync", "get", true, build_sync, wa_group_answer_all },
    { "group.create", "set", true, build_create, wa_group_answer_created },
    { "group.leave", "set", true, NULL, wa_group_answer_done },
    { "group.subject", "set", false, build_subject, wa_group_answer_done },
    { "group.participants", "set", false, build_people,
      wa_group_answer_people },
    { "group.settings", "set", false, build_settings, wa_group_answer_done },
    { "group.invite", "get", false, build_invite, wa_group_answer_invite },
    { "group.inspect", "get", true, build_code, wa_group_answer_group },
    { "group.join", "set", true, build_code, wa_group_answer_joined },
    { "group.requests", "get", false, build_requests,
      wa_group_answer_requests },
    { "group.answer", "set", false, build_answer, wa_group_answer_people },
    { "group.linked", "get", false, build_linked, wa_group_answer_linked },
    { "group.link", "set", false, build_link, wa_group_answer_done },
    { "group.unlink", "set", false, build_unlink, wa_group_answer_done },
    { NULL, NULL, false, NULL, NULL }
};


void
wa_group_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_err_t             rc;
    wa_node_t           *iq;
    wa_task_t           *t;
    wa_span_t            name;
    const char          *wrong;
    group_query_t       *q;
    const group_verb_t  *v;

    name = wa_query_arg(cmd->args, "verb");

    for (v = verbs; v->name != NULL && !wa_span_eq_str(name, v->name); v++) {
        /* void */
    }

    t = wa_query_task(a, cmd, "group", group_asked, sizeof(group_query_t));

    if (t == NULL) {
        return;
    }

    q = t->data;
    q->verb = v;

    if (v->name == NULL) {
        wa_query_refuse(t, "INVALID_PARAMETER", "Unknown verb");
        return;
    }

    iq = wa_node_new(&t->arena, "iq");
    (void) wa_jid_parse(wa_span_str("@g.us"), &q->jid);

    if (wa_span_eq_str(name, "group.leave") || !v->server) {
        if (!wa_query_arg_jid(cmd->args, "jid", &q->jid)
            || !wa_jid_is_group(&q->jid) || q->jid.user_len == 0)
        {
            wa_query_refuse(t, "VALIDATION_ERROR",
                            "jid: not the address of a group");
            return;
        }
    }

    wrong = (v->build == NULL) ? NULL : v->build(t, q, cmd->args, iq);

    if (wrong != NULL) {
        wa_query_refuse(t, "VALIDATION_ERROR", wrong);
        return;
    }

    if (q->people != NULL) {
        q->iq = iq;
        wa_group_ask_in(t);
        return;
    }

    if (wa_span_eq_str(name, "group.leave")) {
        q->iq = iq;
        group_leave(t);
        return;
    }

    if (v->answer != NULL) {
        wa_group_ask(t, iq);
        return;
    }

    t->resume = group_known;

    /* What is stored can be told without WhatsApp, and only that. */

    if (v->build == NULL && !wa_account_online(a)) {
        group_known(t, WA_OK);
        return;
    }

    rc = wa_group_resolve(t, &q->jid, !wa_span_eq_str(name, "group.get"),
                          &q->code);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


static void
group_leave(wa_task_t *t)
{
    wa_err_t        rc;
    wa_key_t        key;
    group_query_t  *q;

    q = t->data;
    t->resume = group_leave_known;
    rc = wa_group_need(&q->jid, &t->arena, &key)
         ? wa_task_need(t, &key, 1) : WA_ERR_NOMEM;

    if (rc != WA_AGAIN) {
        group_leave_known(t, rc);
    }
}


/* A community goes with all its groups (protocol 14). */
static void
group_leave_known(wa_task_t *t, wa_err_t rc)
{
    wa_node_t      *leave, *node;
    Wa__Group      *g;
    group_query_t  *q;

    q = t->data;

    if (rc == WA_OK) {
        rc = wa_group_get(t->account, &q->jid, &t->arena, &g);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    leave = wa_node_add_new(&t->arena, q->iq, "leave");

    if (g != NULL && g->community) {
        node = wa_node_add_new(&t->arena, leave, "linked_groups");
        wa_node_set_jid(&t->arena, node, "parent_group_jid", &q->jid);

    } else {
        node = wa_node_add_new(&t->arena, leave, "group");
        wa_node_set_jid(&t->arena, node, "id", &q->jid);
    }

    t->resume = group_asked;
    wa_group_ask(t, q->iq);
}


void
wa_group_ask(wa_task_t *t, wa_node_t *iq)
{
    wa_err_t        rc;
    group_query_t  *q;

    q = t->data;

    if (q->verb->server) {
        wa_node_set_str(&t->arena, iq, "to", "@g.us");

    } else {
        wa_node_set_jid(&t->arena, iq, "to", &q->jid);
    }

    if (q->verb->type != NULL && wa_node_attr(iq, "type").n == 0) {
        wa_node_set_str(&t->arena, iq, "type", q->verb->type);
    }

    wa_node_set_str(&t->arena, iq, "xmlns", "w:g2");
    rc = wa_task_iq_within(t, iq, QUERY_WAIT_MS);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


static void
group_asked(wa_task_t *t, wa_err_t rc)
{
    group_query_t  *q;

    q = t->data;

    if (rc == WA_OK) {
        q->verb->answer(t, q);
        return;
    }

    if (rc == WA_ERR_REFUSED) {
        q->code = t->iq_code;
    }

    group_refused(t, rc);
}


static void
group_refused(wa_task_t *t, wa_err_t rc)
{
    group_query_t  *q;

    q = t->data;
    t->iq_code = q->code;

    if (rc == WA_ERR_REFUSED && q->code == 404) {
        wa_query_refuse(t, "GROUP_NOT_FOUND", "There is no such group");
        return;
    }

    wa_query_failed(t, rc);
}


/* The record is in the store; for a description, what is to be replaced. */
static void
group_known(wa_task_t *t, wa_err_t rc)
{
    wa_key_t        key;
    wa_node_t      *iq, *node;
    Wa__Group      *g;
    wa_span_t       id;
    group_query_t  *q;

    q = t->data;

    if (rc != WA_OK) {
        group_refused(t, rc);
        return;
    }

    rc = wa_group_need(&q->jid, &t->arena, &key)
         ? wa_task_need(t, &key, 1) : WA_ERR_NOMEM;

    if (rc == WA_AGAIN) {
        return;
    }

    if (rc == WA_OK) {
        rc = wa_group_get(t->account, &q->jid, &t->arena, &g);
    }

    if (rc == WA_OK && g == NULL) {
        rc = wa_account_online(t->account) ? WA_ERR_STATE : WA_ERR_GONE;
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    if (q->verb->build == NULL) {
        wa_query_done(t, strcmp(q->verb->name, "group.get") == 0
                         ? wa_group_json(t->account, &q->jid, g)
                         : wa_group_metadata(&q->jid, g));
        return;
    }

    iq = wa_node_new(&t->arena, "iq");
    wa_node_set_str(&t->arena, iq, "type", "set");
    node = wa_node_add_new(&t->arena, iq, "description");

    if (g->description_id != NULL) {
        wa_node_set_str(&t->arena, node, "prev", g->description_id);
    }

    if (q->text.n == 0) {
        wa_node_set_str(&t->arena, node, "delete", "true");

    } else {
        id = wa_account_next_id(t->account, &t->arena);
        wa_node_set(&t->arena, node, "id", id);
        wa_node_bytes(wa_node_add_new(&t->arena, node, "body"), q->text);
    }

    t->resume = group_described;
    wa_group_ask(t, iq);
}


static void
group_described(wa_task_t *t, wa_err_t rc)
{
    group_query_t  *q;

    q = t->data;

    if (rc != WA_OK) {
        q->code = (rc == WA_ERR_REFUSED) ? t->iq_code : 0;
        group_refused(t, rc);
        return;
    }

    wa_group_answer_done(t, q);
}
