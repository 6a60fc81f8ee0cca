/*
 * history.learn: what a piece of history says of people, see
 * wa_history_verbs.h.
 *
 *     learn_loaded    pairs that are new all over, together
 *     learn_pairs     the rest one after another: sessions may have to move
 *     learn_people    who is known of those that are asked for; and one unit:
 *                     tokens, settings of chats, salt, secrets
 *
 * The task keeps the arguments as text in its arena, which goes with it
 * whatever ends it.
 */
#include "wa_history_verbs.h"

#include "wa_account_int.h"
#include "wa_b64.h"
#include "wa_event_message.h"
#include "wa_expiry.h"
#include "wa_json.h"
#include "wa_lid.h"
#include "wa_privacy.h"


/* Of each person: tokens, the salt, the chat's setting, the other address;
   and of each that is asked for. */
#define LEARN_KEYS                                                            \
    (WA_HISTORY_LEARN_MAX * (WA_PRIVACY_KEYS + 1 + 2 * WA_LID_KEYS))

/* Secrets come in one command. */
#define SECRETS_MAX  1024u


typedef struct {
    wa_query_t   query;
    wa_span_t    args;          /* JSON text */
    size_t       at;            /* the pair that is being learnt */
} learn_t;


static void learn_loaded(wa_task_t *t, wa_err_t rc);
static void learn_pairs(wa_task_t *t, wa_err_t rc);
static json_t *learn_asked(wa_account_t *a, const json_t *args);
static void learn_need(wa_task_t *t);
static void learn_people(wa_task_t *t, wa_err_t rc);
static wa_err_t learn_person(wa_unit_t *u, const json_t *v);
static wa_err_t learn_token(wa_unit_t *u, const wa_jid_t *jid,
    const json_t *v);
static wa_err_t learn_secrets(wa_unit_t *u, wa_arena_t *arena,
    const json_t *list);
static wa_err_t learn_secret(wa_unit_t *u, wa_arena_t *arena,
    const json_t *v);
static const json_t *learn_list(const json_t *args, const char *name,
    size_t *n);
static bool jid_at(const json_t *v, wa_jid_t *jid);
static bool pair_at(const json_t *v, wa_jid_t *pn, wa_jid_t *lid);


void
wa_history_learn_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    size_t         i, n, count;
    learn_t       *l;
    wa_buf_t       text = WA_BUF_EMPTY;
    wa_err_t       rc;
    wa_jid_t       pn, lid;
    wa_key_t       keys[LEARN_KEYS];
    wa_task_t     *t;
    const json_t  *list;

    t = wa_query_task(a, cmd, "history learn", learn_loaded,
                      sizeof(learn_t));

    if (t == NULL) {
        return;
    }

    l = t->data;
    rc = wa_json_write(cmd->args, &text);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&t->arena, wa_span_buf(&text), &l->args);
    }

    wa_buf_wipe(&text);

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    list = learn_list(cmd->args, "pairs", &count);

    for (i = 0, n = 0; i < count; i++) {

        if (pair_at(json_array_get(list, i), &pn, &lid)) {
            n += wa_lid_need(&pn, &t->arena, keys + n);
            n += wa_lid_need(&lid, &t->arena, keys + n);
        }
    }

    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        learn_loaded(t, rc);
    }
}


static void
learn_loaded(wa_task_t *t, wa_err_t rc)
{
    size_t         i, n, count;
    json_t        *args;
    learn_t       *l;
    wa_jid_t       known;
    const json_t  *list;
    wa_lid_pair_t  pairs[WA_HISTORY_LEARN_MAX];

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    l = t->data;
    args = wa_json_read(l->args);
    list = learn_list(args, "pairs", &count);

    for (i = 0, n = 0; i < count; i++) {

        if (pair_at(json_array_get(list, i), &pairs[n].pn, &pairs[n].lid)
            && !wa_lid_of(t->account, &pairs[n].pn, &known)
            && !wa_pn_of(t->account, &pairs[n].lid, &known))
        {
            n++;
        }
    }

    json_decref(args);
    t->resume = learn_pairs;

    if (n != 0) {
        rc = wa_lid_learn_new(t, pairs, n);
    }

    if (rc != WA_AGAIN) {
        learn_pairs(t, rc);
    }
}


/* What is known of somebody came later than what the phone had written. */
static void
learn_pairs(wa_task_t *t, wa_err_t rc)
{
    size_t         n;
    json_t        *args;
    learn_t       *l;
    wa_jid_t       pn, lid, known;
    const json_t  *list;

    l = t->data;
    args = wa_json_read(l->args);
    list = learn_list(args, "pairs", &n);

    while (rc != WA_ERR_NOMEM && rc != WA_ERR_GONE && rc != WA_AGAIN
           && l->at < n)
    {
        rc = WA_OK;

        if (pair_at(json_array_get(list, l->at++), &pn, &lid)
            && !wa_lid_of(t->account, &pn, &known)
            && !wa_pn_of(t->account, &lid, &known))
        {
            rc = wa_lid_learn(t, &pn, &lid);
        }
    }

    json_decref(args);

    if (rc == WA_ERR_NOMEM || rc == WA_ERR_GONE) {
        wa_query_failed(t, rc);

    } else if (rc != WA_AGAIN) {
        learn_need(t);
    }
}


/* People are kept under the LID when it is known. */
static void
learn_need(wa_task_t *t)
{
    size_t         i, n, count;
    json_t        *args;
    learn_t       *l;
    wa_err_t       rc;
    wa_jid_t       jid;
    wa_key_t       keys[LEARN_KEYS];
    const json_t  *list;

    l = t->data;
    args = wa_json_read(l->args);
    list = learn_list(args, "people", &count);

    for (i = 0, n = 0; i < count; i++) {

        if (wa_query_arg_jid(json_array_get(list, i), "jid", &jid)) {
            n += wa_lid_need(&jid, &t->arena, keys + n);
            n += wa_privacy_need(&jid, &t->arena, keys + n);
            n += wa_expiry_need(&jid, &t->arena, &keys[n]) ? 1 : 0;
        }
    }

    list = learn_list(args, "ask", &count);

    for (i = 0; i < count; i++) {

        if (jid_at(json_array_get(list, i), &jid)) {
            n += wa_lid_need(&jid, &t->arena, keys + n);
        }
    }

    json_decref(args);
    t->resume = learn_people;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        learn_people(t, rc);
    }
}


/* New reference: [[pn, lid], ...]; NULL: no memory. */
static json_t *
learn_asked(wa_account_t *a, const json_t *args)
{
    size_t         i, count;
    json_t        *pairs;
    wa_jid_t       jid, other;
    const json_t  *list;

    pairs = json_array();
    list = learn_list(args, "ask", &count);

    for (i = 0; i < count; i++) {

        if (!jid_at(json_array_get(list, i), &jid)) {
            continue;
        }

        if (wa_jid_is_pn(&jid) && wa_lid_of(a, &jid, &other)) {
            (void) json_array_append_new(pairs,
                json_pack("[o, o]", wa_json_jid(&jid), wa_json_jid(&other)));

        } else if (wa_jid_is_lid(&jid) && wa_pn_of(a, &jid, &other)) {
            (void) json_array_append_new(pairs,
                json_pack("[o, o]", wa_json_jid(&other), wa_json_jid(&jid)));
        }
    }

    return pairs;
}


static void
learn_people(wa_task_t *t, wa_err_t rc)
{
    size_t         i, count;
    json_t        *args;
    learn_t       *l;
    wa_buf_t       salt = WA_BUF_EMPTY;
    wa_unit_t     *u;
    const json_t  *list;

    l = t->data;
    args = wa_json_read(l->args);

    if (rc != WA_OK || args == NULL) {
        json_decref(args);
        wa_query_failed(t, rc == WA_OK ? WA_ERR_NOMEM : rc);
        return;
    }

    u = wa_unit_new(t->account);
    rc = u == NULL ? WA_ERR_NOMEM : WA_OK;
    list = learn_list(args, "people", &count);

    for (i = 0; rc == WA_OK && i < count; i++) {
        rc = learn_person(u, json_array_get(list, i));
    }

    if (rc == WA_OK
        && wa_b64_decode(wa_query_arg(args, "salt"), WA_B64_STD, &salt)
           == WA_OK && salt.n != 0 && salt.n <= 64)
    {
        rc = wa_privacy_salt(u, wa_span_buf(&salt));
    }

    wa_buf_wipe(&salt);

    if (rc == WA_OK) {
        rc = learn_secrets(u, &t->arena, json_object_get(args, "secrets"));
    }

    if (rc == WA_OK) {
        rc = wa_unit_reply(u, l->query.cmd_id, NULL, NULL,
                           json_pack("{s:o}", "pairs",
                                     learn_asked(t->account, args)));
    }

    json_decref(args);

    wa_query_settle(t, u, rc);
}


static wa_err_t
learn_person(wa_unit_t *u, const json_t *v)
{
    int64_t   expiry;
    wa_err_t  rc;
    wa_jid_t  jid;

    if (!wa_query_arg_jid(v, "jid", &jid) || !wa_jid_is_user(&jid)) {
        return WA_OK;
    }

    expiry = json_integer_value(json_object_get(v, "expiry"));
    rc = WA_OK;

    if (json_is_integer(json_object_get(v, "expiry")) && expiry >= 0
        && expiry <= WA_EXPIRY_MAX)
    {
        rc = wa_expiry_put(u, &jid, (uint32_t) expiry,
            json_integer_value(json_object_get(v, "expiry_set")));
    }

    return rc == WA_OK ? learn_token(u, &jid, v) : rc;
}


/* The newest token counts, and when ours was given last. */
static wa_err_t
learn_token(wa_unit_t *u, const wa_jid_t *jid, const json_t *v)
{
    bool         changed;
    int64_t      received, issued;
    wa_buf_t     token = WA_BUF_EMPTY;
    wa_err_t     rc;
    wa_trust_t   trust;

    received = json_integer_value(json_object_get(v, "received"));
    issued = json_integer_value(json_object_get(v, "issued"));
    wa_trust_get(wa_unit_account(u), jid, &trust);
    changed = false;

    if (received > trust.received_s && received <= UINT32_MAX
        && wa_b64_decode(wa_query_arg(v, "token"), WA_B64_STD, &token)
           == WA_OK && token.n != 0 && token.n <= WA_TRUST_TOKEN_MAX)
    {
        trust.received_s = received;
        trust.token = wa_span_buf(&token);
        changed = true;
    }

    if (issued > trust.issued_s && issued <= UINT32_MAX) {
        trust.issued_s = issued;
        changed = true;
    }

    rc = changed ? wa_trust_put(u, jid, &trust) : WA_OK;
    wa_buf_wipe(&token);

    return rc;
}


static wa_err_t
learn_secrets(wa_unit_t *u, wa_arena_t *arena, const json_t *list)
{
    size_t    i;
    wa_err_t  rc;

    rc = WA_OK;

    for (i = 0; rc == WA_OK && i < json_array_size(list) && i < SECRETS_MAX;
         i++)
    {
        rc = learn_secret(u, arena, json_array_get(list, i));
    }

    return rc;
}


static wa_err_t
learn_secret(wa_unit_t *u, wa_arena_t *arena, const json_t *v)
{
    size_t          i, n;
    wa_buf_t        secret = WA_BUF_EMPTY;
    wa_err_t        rc;
    wa_span_t       id;
    const char    **options;
    const char     *ref;
    const json_t   *list;
    wa_content_t    c;

    memset(&c, 0, sizeof(c));
    ref = json_string_value(json_object_get(v, "ref"));
    list = json_object_get(v, "options");
    n = json_array_size(list);

    if (ref == NULL || strlen(ref) >= WA_MESSAGE_REF_LEN
        || (!wa_message_ref_parse(wa_span_str(ref), &id)
            && strspn(ref, "0123456789abcdef") != strlen(ref)))
    {
        return WA_OK;
    }

    rc = wa_b64_decode(wa_query_arg(v, "secret"), WA_B64_STD, &secret);

    if (rc != WA_OK || secret.n != WA_MESSAGE_SECRET_LEN) {
        wa_buf_wipe(&secret);
        return rc == WA_ERR_NOMEM ? rc : WA_OK;
    }

    options = wa_arena_calloc(arena, n + 1, sizeof(*options));

    if (options != NULL) {

        for (i = 0; i < n; i++) {
            options[i] = json_string_value(json_array_get(list, i));

            if (options[i] == NULL) {
                options[i] = "";
            }
        }

        c.secret = wa_span_buf(&secret);
        c.poll_options = options;
        c.n_poll_options = n;
        rc = wa_recv_secret_keep(u, &c, ref);

    } else {
        rc = WA_ERR_NOMEM;
    }

    wa_buf_wipe(&secret);

    return rc;
}


/* Not more of it than a command may bring. */
static const json_t *
learn_list(const json_t *args, const char *name, size_t *n)
{
    const json_t  *list;

    list = json_object_get(args, name);
    *n = json_array_size(list);

    if (*n > WA_HISTORY_LEARN_MAX) {
        *n = WA_HISTORY_LEARN_MAX;
    }

    return list;
}


static bool
jid_at(const json_t *v, wa_jid_t *jid)
{
    const char  *text;

    text = json_string_value(v);

    return text != NULL && wa_jid_parse(wa_span_str(text), jid) == WA_OK;
}


static bool
pair_at(const json_t *v, wa_jid_t *pn, wa_jid_t *lid)
{
    return jid_at(json_array_get(v, 0), pn) && jid_at(json_array_get(v, 1), lid)
           && wa_jid_is_pn(pn) && wa_jid_is_lid(lid);
}
