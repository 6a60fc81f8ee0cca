/*
 * Lookups: commands in, answers out; see wa_lookup.h.
 */
#include "wa_lookup_int.h"

#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_privacy.h"


/* Longer than a question and the wait before it may take. */
#define LOOKUP_TIMEOUT_MS  (WA_LOOKUP_WAIT_MS + 16000)

/* Characters of a number as people write it. */
#define LOOKUP_INPUT_MAX   40


static const char *lookup_phones(wa_task_t *t, wa_lookup_t *l,
    const json_t *args);
static wa_err_t lookup_phone(wa_task_t *t, wa_lookup_item_t *item);
static wa_err_t lookup_need(wa_task_t *t, const wa_lookup_t *l);
static void lookup_known(wa_task_t *t, wa_err_t rc);
static wa_err_t lookup_user(wa_task_t *t, wa_lookup_item_t *item);
static void about_known(wa_task_t *t, wa_err_t rc);
static void about_ready(wa_task_t *t, wa_err_t rc);
static void lookup_ask(wa_task_t *t, wa_lookup_t *l);
static void lookup_told(wa_task_t *t, wa_err_t rc);
static void check_loaded(wa_task_t *t, wa_err_t rc);
static void about_told(wa_task_t *t, wa_lookup_t *l);
static void lookup_limited(wa_task_t *t, int64_t wait_s);


void
wa_lookup_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_err_t      rc;
    wa_key_t      key;
    wa_task_t    *t;
    const char   *wrong;
    wa_lookup_t  *l;

    t = wa_query_task(a, cmd, "lookup", lookup_told, sizeof(wa_lookup_t));

    if (t == NULL) {
        return;
    }

    l = t->data;
    l->task = t;
    l->about = wa_span_eq_str(wa_query_arg(cmd->args, "verb"),
                              "contact.about");

    if (!l->about) {
        wrong = lookup_phones(t, l, cmd->args);

        if (wrong != NULL) {
            wa_query_refuse(t, "VALIDATION_ERROR", wrong);
            return;
        }

        t->resume = lookup_known;
        rc = lookup_need(t, l);

        if (rc != WA_AGAIN) {
            lookup_known(t, rc);
        }

        return;
    }

    l->n = 1;
    l->asked = 1;
    l->items = wa_arena_calloc(&t->arena, 1, sizeof(*l->items));

    if (l->items == NULL) {
        wa_query_failed(t, WA_ERR_NOMEM);
        return;
    }

    if (!wa_query_arg_jid(cmd->args, "jid", &l->items->jid)
        || !wa_jid_is_user(&l->items->jid))
    {
        wa_query_refuse(t, "VALIDATION_ERROR",
                        "jid: not the address of a person");
        return;
    }

    l->items->jid = wa_jid_person(&l->items->jid);
    t->resume = about_known;

    rc = wa_lid_need(&l->items->jid, &t->arena, &key) == WA_LID_KEYS
         ? wa_task_need(t, &key, WA_LID_KEYS) : WA_ERR_NOMEM;

    if (rc != WA_AGAIN) {
        about_known(t, rc);
    }
}


/* NULL: fine. */
static const char *
lookup_phones(wa_task_t *t, wa_lookup_t *l, const json_t *args)
{
    size_t         i, n;
    const json_t  *list, *v;

    list = json_object_get(args, "phones");
    n = json_array_size(list);

    if (n == 0 || n > WA_LOOKUP_MAX) {
        return "phones: 1 to 50 numbers";
    }

    l->items = wa_arena_calloc(&t->arena, n, sizeof(*l->items));

    if (l->items == NULL) {
        return "out of memory";
    }

    l->n = n;

    for (i = 0; i < n; i++) {
        v = json_array_get(list, i);

        if (!json_is_string(v) || json_string_length(v) > LOOKUP_INPUT_MAX) {
            return "phones: not a number";
        }

        if (wa_arena_dup_span(&t->arena,
                              wa_span(json_string_value(v),
                                      json_string_length(v)),
                              &l->items[i].input) != WA_OK
            || lookup_phone(t, &l->items[i]) != WA_OK)
        {
            return "out of memory";
        }

    }

    return NULL;
}


/* What is neither a number nor a LID is nobody. */
static wa_err_t
lookup_phone(wa_task_t *t, wa_lookup_item_t *item)
{
    char  jid[WA_JID_TEXT_MAX];

    if (wa_recipient_parse(item->input, jid, sizeof(jid)) != WA_OK
        || wa_jid_parse(wa_span_str(jid), &item->jid) != WA_OK
        || !wa_jid_is_user(&item->jid))
    {
        item->jid.server = WA_SERVER_NONE;
        return WA_OK;
    }

    if (wa_jid_is_lid(&item->jid)) {
        item->lid = item->jid;
        return WA_OK;
    }

    return lookup_user(t, item);
}


static wa_err_t
lookup_need(wa_task_t *t, const wa_lookup_t *l)
{
    size_t     i, n;
    wa_key_t  *keys;

    keys = wa_arena_calloc(&t->arena, l->n * WA_LID_KEYS, sizeof(*keys));

    if (keys == NULL) {
        return WA_ERR_NOMEM;
    }

    n = 0;

    for (i = 0; i < l->n; i++) {
        if (l->items[i].lid.server != WA_SERVER_NONE) {
            n += wa_lid_need(&l->items[i].lid, &t->arena, keys + n);
        }
    }

    return n == 0 ? WA_OK : wa_task_need(t, keys, n);
}


/* WhatsApp is asked by number only: a LID whose number is not known is not
   asked for. */
static void
lookup_known(wa_task_t *t, wa_err_t rc)
{
    size_t             i;
    wa_lookup_t       *l;
    wa_lookup_item_t  *item;

    l = t->data;

    for (i = 0; rc == WA_OK && i < l->n; i++) {
        item = &l->items[i];

        if (item->lid.server != WA_SERVER_NONE) {
            item->jid.server = WA_SERVER_NONE;

            if (wa_pn_of(t->account, &item->lid, &item->jid)) {
                item->jid = wa_jid_person(&item->jid);
                rc = lookup_user(t, item);
            }
        }

        l->asked += item->user != NULL;
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    lookup_ask(t, l);
}


/* <user><contact>+digits</contact></user> */
static wa_err_t
lookup_user(wa_task_t *t, wa_lookup_item_t *item)
{
    char       *text;
    size_t      n;
    wa_node_t  *contact;

    n = item->jid.user_len;
    text = wa_arena_alloc(&t->arena, n + 1);

    if (text == NULL) {
        return WA_ERR_NOMEM;
    }

    text[0] = '+';
    memcpy(text + 1, item->jid.user, n);

    item->user = wa_node_new(&t->arena, "user");
    contact = wa_node_add_new(&t->arena, item->user, "contact");
    wa_node_bytes(contact, wa_span(text, n + 1));

    return wa_node_ok(item->user);
}


/* ---- contact.about ---- */

static void
about_known(wa_task_t *t, wa_err_t rc)
{
    size_t              n;
    wa_key_t            keys[WA_PRIVACY_KEYS];
    wa_lookup_t        *l;
    wa_lookup_item_t   *item;

    l = t->data;
    item = l->items;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    if (wa_jid_is_pn(&item->jid)) {
        item->pn = item->jid;

    } else {
        item->lid = item->jid;
        (void) wa_pn_of(t->account, &item->jid, &item->pn);
    }

    wa_lid_prefer(t->account, &item->jid);

    if (wa_jid_is_lid(&item->jid)) {
        item->lid = item->jid;
    }

    t->resume = about_ready;
    n = wa_privacy_need(&item->jid, &t->arena, keys);
    rc = (n == 0) ? WA_ERR_NOMEM : wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        about_ready(t, rc);
    }
}


/* <user jid>[<status><tctoken/></status>]</user> */
static void
about_ready(wa_task_t *t, wa_err_t rc)
{
    wa_node_t         *user;
    wa_lookup_t       *l;
    wa_lookup_item_t  *item;

    l = t->data;
    item = l->items;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    user = wa_node_new(&t->arena, "user");
    wa_node_set_jid(&t->arena, user, "jid", &item->jid);
    rc = wa_node_ok(user);

    if (rc == WA_OK && !wa_account_is_self(t->account, &item->jid)) {
        rc = wa_privacy_tctoken(t->account, &t->arena, &item->jid, user);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    item->user = user;
    lookup_ask(t, l);
}


/* ---- the question, and what came of it ---- */

static void
lookup_ask(wa_task_t *t, wa_lookup_t *l)
{
    int64_t   wait_s;
    wa_err_t  rc;

    t->resume = lookup_told;

    if (l->asked == 0) {
        l->answered = true;
        lookup_told(t, WA_OK);
        return;
    }

    rc = wa_lookup_enqueue(t->account, l, &wait_s);

    if (rc == WA_ERR_LIMIT) {
        lookup_limited(t, wait_s);

    } else if (rc != WA_OK) {
        wa_query_failed(t, rc);

    } else {
        (void) wa_task_sleep(t, t->account->now + LOOKUP_TIMEOUT_MS);
    }
}


static void
lookup_told(wa_task_t *t, wa_err_t rc)
{
    wa_lookup_t  *l;

    l = t->data;
    wa_lookup_unlink(t->account, l);

    if (rc == WA_OK) {
        rc = l->answered ? l->rc : WA_ERR_TIMEOUT;
    }

    if (rc == WA_ERR_LIMIT) {
        lookup_limited(t, (t->account->lookups->not_before
                           - t->account->now) / 1000);
        return;
    }

    if (rc != WA_OK) {
        t->iq_code = l->code;
        wa_query_failed(t, rc);
        return;
    }

    if (l->about) {
        about_told(t, l);
        return;
    }

    t->resume = check_loaded;
    rc = wa_lookup_need(t, l);

    if (rc != WA_AGAIN) {
        check_loaded(t, rc);
    }
}


/* What is new of contacts that we know is told to others, too; strangers are
   the caller's matter. */
static void
check_loaded(wa_task_t *t, wa_err_t rc)
{
    json_t       *data;
    wa_unit_t    *u;
    wa_lookup_t  *l;

    l = t->data;
    data = (rc == WA_OK) ? wa_lookup_checked(t->account, l) : NULL;

    if (data == NULL) {
        wa_query_failed(t, rc == WA_OK ? WA_ERR_NOMEM : rc);
        return;
    }

    u = wa_unit_new(t->account);
    wa_lookup_tell(u, l);
    (void) wa_unit_reply(u, l->query.cmd_id, NULL, NULL, data);
    rc = wa_unit_commit(u, NULL);

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_task_end(t, WA_OK);
}


/* What is learnt of a person is told to others, too. */
static void
about_told(wa_task_t *t, wa_lookup_t *l)
{
    json_t      *data;
    wa_err_t     rc;
    wa_unit_t   *u;

    data = wa_lookup_about(l->items);

    if (data == NULL) {
        wa_query_failed(t, WA_ERR_NOMEM);
        return;
    }

    if (l->items->hidden || wa_account_is_self(t->account, &l->items->jid)) {
        wa_query_done(t, data);
        return;
    }

    u = wa_unit_new(t->account);
    (void) wa_unit_event(u, "contact.updated",
                         json_pack("{s:{s:O, s:O, s:s, s:O}}", "contact",
                                   "jid", json_object_get(data, "jid"),
                                   "lid", json_object_get(data, "lid"),
                                   "account_id", t->account->id,
                                   "status_text",
                                   json_object_get(data, "about")));
    (void) wa_unit_reply(u, l->query.cmd_id, NULL, NULL, data);
    rc = wa_unit_commit(u, NULL);

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_task_end(t, WA_OK);
}


static void
lookup_limited(wa_task_t *t, int64_t wait_s)
{
    wa_lookup_t  *l;

    l = t->data;
    wa_account_reply(t->account, l->query.cmd_id, "RATE_LIMIT_EXCEEDED",
                     "This account has asked for many numbers: later",
                     json_pack("{s:I}", "retry_after",
                               (json_int_t) (wait_s < 1 ? 1 : wait_s)));
    wa_task_end(t, WA_OK);
}
