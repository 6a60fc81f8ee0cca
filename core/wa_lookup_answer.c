/*
 * Answers to lookups, see wa_lookup.h.
 */
#include "wa_lookup_int.h"

#include "wa_event_message.h"
#include "wa_hashes.h"
#include "wa_life_int.h"
#include "wa_privacy.h"
#include "wa_profile.h"
#include "wa_signal.h"


/* Of texts that people give themselves; more is cut off (bytes). */
#define ANSWER_TEXT_MAX  1024

#define ANSWER_ITEM_KEYS (WA_PRIVACY_KEYS + WA_SIGNAL_KEYS)

/* A server that says nothing sensible is left alone for so long, s. */
#define BACKOFF_MIN  10
#define BACKOFF_MAX  86400


static bool answer_is(const wa_node_t *user, const wa_lookup_item_t *item);
static void answer_check(wa_lookup_t *l, wa_lookup_item_t *item,
    const wa_node_t *user);
static void answer_about(wa_lookup_t *l, wa_lookup_item_t *item,
    const wa_node_t *user);
static wa_span_t answer_text(wa_lookup_t *l, const wa_node_t *node);
static const wa_jid_t *answer_jid(const wa_lookup_item_t *item);
static const char *answer_reach(wa_account_t *a,
    const wa_lookup_item_t *item);
static json_t *text_or_null(wa_span_t text);
static json_t *jid_or_null(const wa_jid_t *jid);


int64_t
wa_lookup_backoff(const wa_node_t *usync)
{
    int64_t           s;
    const wa_node_t  *n, *error;

    n = wa_node_first(wa_node_child(usync, "result"));

    for ( /* void */ ; n != NULL; n = n->next) {
        error = wa_node_child(n, "error");

        if (error == NULL || !wa_node_attr_is(error, "code", "429")) {
            continue;
        }

        if (!wa_node_attr_i64(error, "backoff", &s) || s < BACKOFF_MIN) {
            return BACKOFF_MIN;
        }

        return s > BACKOFF_MAX ? BACKOFF_MAX : s;
    }

    return 0;
}


void
wa_lookup_read(wa_lookup_t *l, const wa_node_t *list)
{
    size_t            i;
    const wa_node_t  *user;

    user = wa_node_child(list, "user");

    for ( /* void */ ; user != NULL; user = wa_node_sibling(user, "user")) {

        for (i = 0; i < l->n; i++) {

            if (!answer_is(user, &l->items[i])) {
                continue;
            }

            if (l->about) {
                answer_about(l, &l->items[i], user);

            } else {
                answer_check(l, &l->items[i], user);
            }
        }
    }
}


/* A number's account may go by another one (a digit that a country added):
   then only the repeated question says whom it is about. */
static bool
answer_is(const wa_node_t *user, const wa_lookup_item_t *item)
{
    wa_jid_t   jid;
    wa_span_t  asked;

    if (item->jid.server == WA_SERVER_NONE) {
        return false;
    }

    asked = wa_node_child_content(user, "contact");

    if (asked.n > 0 && asked.p[0] == '+') {
        asked = wa_span(asked.p + 1, asked.n - 1);
    }

    if (asked.n > 0) {
        return wa_span_eq_str(asked, item->jid.user);
    }

    return (wa_node_attr_jid(user, "jid", &jid)
            && wa_jid_eq_bare(&jid, &item->jid))
           || (wa_node_attr_jid(user, "pn_jid", &jid)
               && wa_jid_eq_bare(&jid, &item->jid));
}


static void
answer_check(wa_lookup_t *l, wa_lookup_item_t *item, const wa_node_t *user)
{
    wa_jid_t          jid;
    const wa_node_t  *business;

    item->exists = wa_node_attr_is(wa_node_child(user, "contact"), "type",
                                   "in");

    if (!item->exists) {
        return;
    }

    if (wa_node_attr_jid(user, "jid", &jid)) {

        if (wa_jid_is_pn(&jid)) {
            item->pn = wa_jid_person(&jid);

        } else if (wa_jid_is_lid(&jid)) {
            item->lid = wa_jid_person(&jid);
        }
    }

    if (wa_node_attr_jid(user, "pn_jid", &jid) && wa_jid_is_pn(&jid)) {
        item->pn = wa_jid_person(&jid);
    }

    if (item->pn.server == WA_SERVER_NONE) {
        item->pn = item->jid;
    }

    if (wa_node_attr_jid(wa_node_child(user, "lid"), "val", &jid)
        && wa_jid_is_lid(&jid))
    {
        item->lid = wa_jid_person(&jid);
    }

    business = wa_node_child(wa_node_child(user, "business"),
                             "verified_name");
    item->business = (business != NULL);

    if (business != NULL) {
        item->verified = wa_profile_verified(&l->task->arena, business);
    }

    item->username = answer_text(l, wa_node_child(user, "username"));
}


/* <status t>text</status>, or code 401 or 403 where it is not for us. */
static void
answer_about(wa_lookup_t *l, wa_lookup_item_t *item, const wa_node_t *user)
{
    const wa_node_t  *status;

    status = wa_node_child(user, "status");
    item->exists = true;
    item->hidden = wa_node_attr_is(status, "code", "401")
                   || wa_node_attr_is(status, "code", "403");
    item->about = answer_text(l, status);

    if (!wa_node_attr_i64(status, "t", &item->about_s)
        || item->about_s < 0 || item->about_s > INT32_MAX)
    {
        item->about_s = 0;
    }
}


static wa_span_t
answer_text(wa_lookup_t *l, const wa_node_t *node)
{
    wa_span_t  text, copy;

    text = wa_node_content(node);

    if (text.n > ANSWER_TEXT_MAX) {
        text.n = ANSWER_TEXT_MAX;
    }

    return text.n != 0
           && wa_arena_dup_span(&l->task->arena, text, &copy) == WA_OK
           ? copy : wa_span_none();
}


/* ---- how well we know each other ---- */

static const wa_jid_t *
answer_jid(const wa_lookup_item_t *item)
{
    return item->lid.server != WA_SERVER_NONE ? &item->lid : &item->pn;
}


wa_err_t
wa_lookup_need(wa_task_t *t, const wa_lookup_t *l)
{
    size_t     i, n;
    wa_key_t  *keys;

    keys = wa_arena_calloc(&t->arena, l->n * ANSWER_ITEM_KEYS,
                           sizeof(*keys));

    if (keys == NULL) {
        return WA_ERR_NOMEM;
    }

    n = 0;

    for (i = 0; i < l->n; i++) {
        if (l->items[i].exists) {
            n += wa_privacy_need(answer_jid(&l->items[i]), &t->arena,
                                 keys + n);
            n += wa_signal_need(answer_jid(&l->items[i]), &t->arena,
                                keys + n);
        }
    }

    return n == 0 ? WA_OK : wa_task_need(t, keys, n);
}


/* The contact's phone has answered us, or gave us a token that is valid. */
static const char *
answer_reach(wa_account_t *a, const wa_lookup_item_t *item)
{
    wa_trust_t       trust;
    const wa_jid_t  *jid;

    jid = answer_jid(item);
    wa_trust_get(a, jid, &trust);

    if ((trust.token.n > 0
         && wa_tctoken_valid(trust.received_s, wa_unix_s(a)))
        || wa_signal_answered(a, jid))
    {
        return "warm";
    }

    return a->life->restricts.of[WA_RESTRICT_REACHOUT].on ? "limited"
                                                           : "cold";
}


/* ---- JSON ---- */

static json_t *
text_or_null(wa_span_t text)
{
    return text.n == 0 ? json_null() : wa_json_span(text);
}


static json_t *
jid_or_null(const wa_jid_t *jid)
{
    return jid->server == WA_SERVER_NONE ? json_null() : wa_json_jid(jid);
}


json_t *
wa_lookup_checked(wa_account_t *a, const wa_lookup_t *l)
{
    size_t                   i;
    json_t                  *list, *o;
    const wa_lookup_item_t  *item;

    list = json_array();

    for (i = 0; i < l->n; i++) {
        item = &l->items[i];
        o = json_pack("{s:o, s:b, s:o, s:o, s:b, s:o, s:o, s:s?}",
                      "input", wa_json_span(item->input),
                      "exists", item->exists,
                      "jid", jid_or_null(&item->pn),
                      "lid", item->exists ? jid_or_null(&item->lid)
                                          : json_null(),
                      "is_business", item->business,
                      "verified_name", text_or_null(item->verified),
                      "username", text_or_null(item->username),
                      "reachable", item->exists ? answer_reach(a, item)
                                                : NULL);

        if (json_array_append_new(list, o) != 0) {
            json_decref(list);
            return NULL;
        }
    }

    return json_pack("{s:o}", "contacts", list);
}


void
wa_lookup_tell(wa_unit_t *u, const wa_lookup_t *l)
{
    size_t                   i;
    wa_account_t            *a;
    const wa_lookup_item_t  *item;

    if (u == NULL) {
        return;
    }

    a = wa_unit_account(u);

    for (i = 0; i < l->n; i++) {
        item = &l->items[i];

        if (!item->exists || (item->verified.n == 0 && item->username.n == 0)
            || strcmp(answer_reach(a, item), "warm") != 0)
        {
            continue;
        }

        (void) wa_unit_event(u, "contact.updated",
            json_pack("{s:{s:o, s:o, s:s, s:o, s:o}}", "contact",
                      "jid", jid_or_null(&item->pn),
                      "lid", jid_or_null(&item->lid),
                      "account_id", a->id,
                      "verified_name", text_or_null(item->verified),
                      "username", text_or_null(item->username)));
    }
}


json_t *
wa_lookup_about(const wa_lookup_item_t *item)
{
    char  set[32];

    (void) wa_iso_time(item->about_s * 1000, set);

    return json_pack("{s:o, s:o, s:o, s:o, s:b}",
                     "jid", jid_or_null(item->pn.server != WA_SERVER_NONE
                                        ? &item->pn : &item->lid),
                     "lid", jid_or_null(&item->lid),
                     "about", text_or_null(item->about),
                     "set_at", item->about_s == 0 ? json_null()
                                                  : json_string(set),
                     "hidden", item->hidden);
}
