/*
 * Who is left out of a privacy setting, see wa_settings.h.
 *
 *     list_ask        the list and its hash
 *     list_told       ... and with nothing to change, the answer
 *     list_resolve    addresses of those who are added or taken out
 *     list_set        the change, bound to the hash
 *     list_was_set    stale: from the beginning; done: the list once more
 */
#include "wa_settings.h"

#include "wa_account_int.h"
#include "wa_event_message.h"
#include "wa_lid.h"


/* What the server answers when the list is not the one of the hash. */
#define LIST_STALE        409

/* Attempts of one change. */
#define LIST_ATTEMPTS     3

/* People on a list that are answered. */
#define LIST_PEOPLE_MAX   5000

#define LIST_HASH_MAX     128

typedef struct {
    wa_jid_t      jid;                  /* as it was given                  */
    wa_jid_t      lid;
    bool          add;
} person_t;

typedef struct {
    wa_query_t    query;                /* must be first                    */
    const char   *category;
    person_t     *people;
    size_t        n_people;
    size_t        resolved;
    wa_jid_t     *listed;
    size_t        n_listed;
    wa_span_t     hash;
    unsigned      attempts;
    bool          done;                 /* the change was taken             */
} list_t;


static const char *list_parse(wa_task_t *t, list_t *l, const json_t *args);
static bool list_people(list_t *l, const json_t *names, bool add);
static void list_ask(wa_task_t *t);
static void list_told(wa_task_t *t, wa_err_t rc);
static wa_err_t list_take(wa_task_t *t, list_t *l, const wa_node_t *list);
static void list_resolve(wa_task_t *t, wa_err_t rc);
static void list_set(wa_task_t *t);
static void list_was_set(wa_task_t *t, wa_err_t rc);
static void list_show(wa_task_t *t);
static void list_shown(wa_task_t *t, wa_err_t rc);


void
wa_settings_list_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    bool         has;
    list_t      *l;
    wa_task_t   *t;
    const char  *wrong;

    t = wa_query_task(a, cmd, "privacy list", list_told, sizeof(list_t));

    if (t == NULL) {
        return;
    }

    l = t->data;
    has = false;
    l->category = wa_settings_category(wa_query_arg(cmd->args, "name"), &has);

    if (l->category == NULL || !has) {
        wa_query_refuse(t, "VALIDATION_ERROR",
                        "setting: there is no list for this one");
        return;
    }

    l->done = wa_span_eq_str(wa_query_arg(cmd->args, "verb"),
                             "privacy.list");
    wrong = l->done ? NULL : list_parse(t, l, cmd->args);

    if (wrong != NULL) {
        wa_query_refuse(t, "VALIDATION_ERROR", wrong);
        return;
    }

    list_ask(t);
}


static const char *
list_parse(wa_task_t *t, list_t *l, const json_t *args)
{
    size_t         n;
    const json_t  *add, *remove;

    add = json_object_get(args, "add");
    remove = json_object_get(args, "remove");
    n = json_array_size(add) + json_array_size(remove);

    if (n == 0 || n > WA_SETTINGS_PEOPLE_MAX) {
        return "add: with remove, must name 1 to 256 people";
    }

    l->people = wa_arena_calloc(&t->arena, n, sizeof(person_t));

    if (l->people == NULL) {
        return "Out of memory";
    }

    return list_people(l, add, true) && list_people(l, remove, false)
           ? NULL : "add: like remove, must be a list of addresses";
}


static bool
list_people(list_t *l, const json_t *names, bool add)
{
    size_t         i;
    person_t      *p;
    const json_t  *name;

    for (i = 0; i < json_array_size(names); i++) {
        name = json_array_get(names, i);
        p = &l->people[l->n_people++];
        p->add = add;

        if (!json_is_string(name)
            || wa_jid_parse(wa_span(json_string_value(name),
                                    json_string_length(name)), &p->jid)
               != WA_OK
            || !wa_jid_is_user(&p->jid))
        {
            return false;
        }

        p->jid = wa_jid_person(&p->jid);
    }

    return true;
}


static void
list_ask(wa_task_t *t)
{
    list_t     *l;
    wa_err_t    rc;
    wa_node_t  *iq, *privacy, *list;

    l = t->data;

    iq = wa_node_iq(&t->arena, "get", "privacy");
    privacy = wa_node_add_new(&t->arena, iq, "privacy");
    wa_node_set_str(&t->arena, privacy, "addressing_mode", "lid");
    list = wa_node_add_new(&t->arena, privacy, "list");
    wa_node_set_str(&t->arena, list, "name", l->category);
    wa_node_set_str(&t->arena, list, "value", "contact_blacklist");

    t->resume = list_told;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


static void
list_told(wa_task_t *t, wa_err_t rc)
{
    list_t  *l;

    l = t->data;

    if (rc == WA_OK) {
        rc = list_take(t, l, wa_node_child(wa_node_child(t->answer,
                                                         "privacy"), "list"));
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    if (l->done) {
        list_show(t);
        return;
    }

    list_resolve(t, WA_OK);
}


/* There may be none yet. */
static wa_err_t
list_take(wa_task_t *t, list_t *l, const wa_node_t *list)
{
    size_t            n;
    wa_span_t         hash;
    const wa_node_t  *user;

    n = (list == NULL) ? 0 : list->n_nodes;
    n = n < LIST_PEOPLE_MAX ? n : LIST_PEOPLE_MAX;
    l->n_listed = 0;
    l->listed = wa_arena_calloc(&t->arena, n + 1, sizeof(wa_jid_t));

    if (l->listed == NULL) {
        return WA_ERR_NOMEM;
    }

    for (user = wa_node_child(list, "user"); user != NULL && l->n_listed < n;
         user = wa_node_sibling(user, "user"))
    {
        if (wa_node_attr_jid(user, "jid", &l->listed[l->n_listed])
            && wa_jid_is_user(&l->listed[l->n_listed]))
        {
            l->n_listed++;
        }
    }

    hash = wa_node_attr(list, "dhash");

    if (hash.n == 0 || hash.n > LIST_HASH_MAX) {
        l->hash = wa_span_str("none");
        return WA_OK;
    }

    return wa_arena_dup_span(&t->arena, hash, &l->hash);
}


/* The server knows people by LID here. */
static void
list_resolve(wa_task_t *t, wa_err_t rc)
{
    list_t    *l;
    person_t  *p;

    l = t->data;
    t->resume = list_resolve;

    while (rc == WA_OK && l->resolved < l->n_people) {
        p = &l->people[l->resolved];

        if (p->lid.server != WA_SERVER_NONE) {
            l->resolved++;
            continue;
        }

        rc = wa_lid_resolve(t, &p->jid, &p->lid);

        if (rc == WA_AGAIN) {
            l->resolved++;
            return;
        }
    }

    if (rc == WA_OK && !wa_account_online(t->account)) {
        rc = WA_ERR_GONE;
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    list_set(t);
}


static void
list_set(wa_task_t *t)
{
    size_t      i;
    list_t     *l;
    wa_err_t    rc;
    person_t   *p;
    wa_node_t  *iq, *privacy, *category, *user;

    l = t->data;

    iq = wa_node_iq(&t->arena, "set", "privacy");
    privacy = wa_node_add_new(&t->arena, iq, "privacy");
    wa_node_set_str(&t->arena, privacy, "addressing_mode", "lid");
    category = wa_node_add_new(&t->arena, privacy, "category");
    wa_node_set_str(&t->arena, category, "name", l->category);
    wa_node_set_str(&t->arena, category, "value", "contact_blacklist");
    wa_node_set(&t->arena, category, "dhash", l->hash);

    for (i = 0; i < l->n_people; i++) {
        p = &l->people[i];

        if (p->lid.server == WA_SERVER_NONE) {
            wa_query_refuse(t, "CONTACT_NOT_FOUND",
                            "One of them is not on WhatsApp");
            return;
        }

        user = wa_node_add_new(&t->arena, category, "user");
        wa_node_set_str(&t->arena, user, "action", p->add ? "add" : "remove");
        wa_node_set_jid(&t->arena, user, "jid", &p->lid);

        if (wa_jid_is_pn(&p->jid)) {
            wa_node_set_jid(&t->arena, user, "pn_jid", &p->jid);
        }
    }

    l->attempts++;
    t->resume = list_was_set;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


static void
list_was_set(wa_task_t *t, wa_err_t rc)
{
    list_t  *l;

    l = t->data;

    if (rc == WA_ERR_REFUSED && t->iq_code == LIST_STALE
        && l->attempts < LIST_ATTEMPTS)
    {
        list_ask(t);
        return;
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    l->done = true;
    list_ask(t);
}


static void
list_show(wa_task_t *t)
{
    size_t     i, n;
    list_t    *l;
    wa_err_t   rc;
    wa_key_t  *keys;

    l = t->data;
    keys = wa_arena_calloc(&t->arena, l->n_listed + 1,
                           WA_LID_KEYS * sizeof(wa_key_t));

    if (keys == NULL) {
        wa_query_failed(t, WA_ERR_NOMEM);
        return;
    }

    for (i = 0, n = 0; i < l->n_listed; i++) {
        n += wa_lid_need(&l->listed[i], &t->arena, keys + n);
    }

    t->resume = list_shown;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        list_shown(t, rc);
    }
}


static void
list_shown(wa_task_t *t, wa_err_t rc)
{
    size_t       i;
    json_t      *except;
    list_t      *l;
    const char  *name;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    l = t->data;
    name = wa_settings_name(wa_span_str(l->category));
    except = json_array();

    for (i = 0; i < l->n_listed; i++) {
        (void) json_array_append_new(except,
                                     wa_settings_person(t->account,
                                                        &l->listed[i]));
    }

    wa_query_done(t, json_pack("{s:s, s:o}", "name", name, "except", except));
}


json_t *
wa_settings_person(wa_account_t *a, const wa_jid_t *jid)
{
    wa_jid_t  pn, lid;

    pn = *jid;
    lid = *jid;

    if (wa_jid_is_lid(jid)) {
        (void) wa_pn_of(a, jid, &pn);

    } else if (!wa_lid_of(a, jid, &lid)) {
        memset(&lid, 0, sizeof(lid));
    }

    pn = wa_jid_person(&pn);
    lid = wa_jid_person(&lid);

    return json_pack("{s:o, s:o}", "jid", wa_json_jid(&pn),
                     "lid", wa_jid_is_lid(&lid) ? wa_json_jid(&lid)
                                                : json_null());
}
