/*
 * Privacy settings, see wa_settings.h.
 *
 *     settings_known    the record is in memory; ask or set
 *     settings_told     the answer to "get"; the end
 *     settings_done     the answer to one "set"; the next
 */
#include "wa_settings.h"

#include "wa_account_int.h"
#include "wa_event_message.h"
#include "wa_notify.h"


/* The record; real ones have some 200 bytes. */
#define SETTINGS_MAX        4096

/* A category or a value. */
#define SETTINGS_WORD_MAX   64

/* Settings in one command. */
#define SETTINGS_ONCE_MAX   16


#define V_ALL    1
#define V_CONT   2
#define V_BLACK  4
#define V_NONE   8
#define V_MATCH  16
#define V_KNOWN  32
#define V_OFF    64
#define V_ON     128

#define V_SEEN   (V_ALL|V_CONT|V_BLACK|V_NONE)

static const struct {
    const char  *name;                  /* of the HTTP contract             */
    const char  *category;              /* WhatsApp's                       */
    unsigned     values;
    bool         list;
} settings[] = {
    { "last_seen", "last", V_SEEN, true },
    { "online", "online", V_ALL|V_MATCH, false },
    { "profile_picture", "profile", V_SEEN, true },
    { "about", "status", V_SEEN, true },
    { "read_receipts", "readreceipts", V_ALL|V_NONE, false },
    { "group_add", "groupadd", V_SEEN, true },
    { "call_add", "calladd", V_ALL|V_KNOWN|V_CONT, false },
    { "messages", "messages", V_ALL|V_CONT, false },
    { "defense", "defense", V_OFF|V_ON, false },
    { "stickers", "stickers", V_SEEN, false },
    { "linked_profiles", "linked_profiles", V_SEEN, false },
    { "pix", "pix", V_SEEN, false }
};

static const char *const  words[] = {
    "all", "contacts", "contact_blacklist", "none", "match_last_seen",
    "known", "off", "on_standard"
};

typedef struct {
    wa_query_t    query;                /* must be first                    */
    size_t        n;
    size_t        done;
    struct {
        const char  *category;
        const char  *value;
    } set[SETTINGS_ONCE_MAX];
} settings_t;


static const char *settings_parse(json_t *args, settings_t *s);
static const char *settings_word(const json_t *value, unsigned allowed);
static void settings_step(wa_task_t *t);
static void settings_told(wa_task_t *t, wa_err_t rc);
static void settings_done(wa_task_t *t, wa_err_t rc);
static bool settings_line(wa_span_t *text, wa_span_t *category,
    wa_span_t *value);
static bool settings_append(wa_buf_t *out, wa_span_t category,
    wa_span_t value);
static json_t *settings_json(wa_account_t *a);
static wa_err_t settings_event(wa_unit_t *u, const wa_node_t *privacy);


void
wa_settings_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_task_t   *t;
    settings_t  *s;
    const char  *wrong;

    t = wa_query_task(a, cmd, "privacy", settings_told, sizeof(settings_t));

    if (t == NULL) {
        return;
    }

    s = t->data;

    if (wa_span_eq_str(wa_query_arg(cmd->args, "verb"), "privacy.set")) {
        wrong = settings_parse(json_object_get(cmd->args, "settings"), s);

        if (wrong != NULL) {
            wa_query_refuse(t, "VALIDATION_ERROR", wrong);
            return;
        }
    }

    settings_step(t);
}


static const char *
settings_parse(json_t *args, settings_t *s)
{
    void          *at;
    size_t         i;
    const char    *key;
    const json_t  *value;

    if (json_object_size(args) == 0
        || json_object_size(args) > SETTINGS_ONCE_MAX)
    {
        return "settings: must be an object with 1 to 16 members";
    }

    for (at = json_object_iter(args); at != NULL;
         at = json_object_iter_next(args, at))
    {
        key = json_object_iter_key(at);
        value = json_object_iter_value(at);

        for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {

            if (strcmp(key, settings[i].name) == 0
                || strcmp(key, settings[i].category) == 0)
            {
                break;
            }
        }

        if (i == sizeof(settings) / sizeof(settings[0])) {
            return "settings: there is no such privacy setting";
        }

        s->set[s->n].category = settings[i].category;
        s->set[s->n].value = settings_word(value, settings[i].values);

        if (s->set[s->n++].value == NULL) {
            return "settings: one has a value that it cannot have";
        }
    }

    return NULL;
}


static const char *
settings_word(const json_t *value, unsigned allowed)
{
    size_t  i;

    for (i = 0; json_is_string(value)
                && i < sizeof(words) / sizeof(words[0]); i++)
    {
        if ((allowed & (1u << i)) != 0
            && strcmp(json_string_value(value), words[i]) == 0)
        {
            return words[i];
        }
    }

    return NULL;
}


/* The next one is set; at last all are asked for. */
static void
settings_step(wa_task_t *t)
{
    wa_err_t     rc;
    wa_node_t   *iq, *privacy, *category;
    settings_t  *s;

    s = t->data;

    if (s->done == s->n) {
        t->resume = settings_told;
        rc = wa_settings_ask(t);

    } else {
        iq = wa_node_iq(&t->arena, "set", "privacy");
        privacy = wa_node_add_new(&t->arena, iq, "privacy");
        category = wa_node_add_new(&t->arena, privacy, "category");
        wa_node_set_str(&t->arena, category, "name",
                        s->set[s->done].category);
        wa_node_set_str(&t->arena, category, "value",
                        s->set[s->done].value);

        t->resume = settings_done;
        rc = wa_task_iq(t, iq);
    }

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


static void
settings_done(wa_task_t *t, wa_err_t rc)
{
    settings_t  *s;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    s = t->data;
    s->done++;
    settings_step(t);
}


wa_err_t
wa_settings_ask(wa_task_t *t)
{
    wa_node_t  *iq;

    iq = wa_node_iq(&t->arena, "get", "privacy");
    (void) wa_node_add_new(&t->arena, iq, "privacy");

    return wa_task_iq(t, iq);
}


static void
settings_told(wa_task_t *t, wa_err_t rc)
{
    wa_unit_t        *u;
    settings_t       *s;
    wa_account_t     *a;
    const wa_node_t  *privacy;

    a = t->account;
    s = t->data;
    privacy = (rc == WA_OK) ? wa_node_child(t->answer, "privacy") : NULL;
    u = (rc == WA_OK) ? wa_unit_new(a) : NULL;

    if (rc == WA_OK) {
        rc = wa_settings_forget(u);
    }

    if (rc == WA_OK) {
        rc = wa_settings_keep(u, privacy);
    }

    if (rc == WA_OK && s->n != 0) {
        rc = settings_event(u, privacy);
    }

    if (rc == WA_OK) {
        rc = wa_unit_reply(u, s->query.cmd_id, NULL, NULL,
                           settings_json(a));
    }

    wa_query_settle(t, u, rc);
}


/* ---- the record ---- */

wa_span_t
wa_settings_get(wa_account_t *a, const char *category)
{
    wa_span_t  text, name, value;

    if (wa_record_get(a, WA_SETTINGS_RECORD, 0, &text) != WA_OK) {
        return wa_span_none();
    }

    while (settings_line(&text, &name, &value)) {

        if (wa_span_eq_str(name, category)) {
            return value;
        }
    }

    return wa_span_none();
}


/* Takes a line off the text. */
static bool
settings_line(wa_span_t *text, wa_span_t *category, wa_span_t *value)
{
    const uint8_t  *end, *space;

    if (text->n == 0) {
        return false;
    }

    end = memchr(text->p, '\n', text->n);
    space = memchr(text->p, ' ', text->n);

    if (end == NULL || space == NULL || space > end) {
        return false;
    }

    *category = wa_span(text->p, (size_t) (space - text->p));
    *value = wa_span(space + 1, (size_t) (end - space - 1));
    *text = wa_span(end + 1, text->n - (size_t) (end + 1 - text->p));

    return true;
}


static bool
settings_plain(wa_span_t word)
{
    size_t  i;

    for (i = 0; i < word.n; i++) {

        if (word.p[i] <= ' ' || word.p[i] >= 0x7f) {
            return false;
        }
    }

    return word.n > 0 && word.n <= SETTINGS_WORD_MAX;
}


static bool
settings_append(wa_buf_t *out, wa_span_t category, wa_span_t value)
{
    if (!settings_plain(category) || !settings_plain(value)
        || out->n + category.n + value.n + 2 > SETTINGS_MAX)
    {
        return true;                     /* it is not a setting we know     */
    }

    return wa_buf_append_span(out, category) == WA_OK
           && wa_buf_append(out, " ", 1) == WA_OK
           && wa_buf_append_span(out, value) == WA_OK
           && wa_buf_append(out, "\n", 1) == WA_OK;
}


wa_err_t
wa_settings_keep(wa_unit_t *u, const wa_node_t *privacy)
{
    bool              ok, told;
    wa_buf_t          buf = WA_BUF_EMPTY;
    wa_err_t          rc;
    wa_span_t         text, category, value;
    const wa_node_t  *c;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (privacy == NULL) {
        return WA_ERR_SYNTAX;
    }

    ok = true;

    for (c = wa_node_child(privacy, "category"); c != NULL;
         c = wa_node_sibling(c, "category"))
    {
        ok &= settings_append(&buf, wa_node_attr(c, "name"),
                              wa_node_attr(c, "value"));
    }

    if (wa_record_get(wa_unit_account(u), WA_SETTINGS_RECORD, 0, &text)
        != WA_OK)
    {
        text = wa_span_none();
    }

    while (settings_line(&text, &category, &value)) {
        told = false;

        for (c = wa_node_child(privacy, "category"); c != NULL && !told;
             c = wa_node_sibling(c, "category"))
        {
            told = wa_span_eq(wa_node_attr(c, "name"), category);
        }

        ok &= told || settings_append(&buf, category, value);
    }

    rc = ok ? wa_unit_put(u, WA_SETTINGS_RECORD, 0, wa_span_buf(&buf))
            : WA_ERR_NOMEM;
    wa_buf_free(&buf);

    return rc;
}


wa_err_t
wa_settings_forget(wa_unit_t *u)
{
    return wa_unit_del(u, WA_SETTINGS_RECORD, 0);
}


/* ---- names ---- */

const char *
wa_settings_category(wa_span_t name, bool *list)
{
    size_t  i;

    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {

        if (wa_span_eq_str(name, settings[i].name)
            || wa_span_eq_str(name, settings[i].category))
        {
            *list = settings[i].list;
            return settings[i].category;
        }
    }

    return NULL;
}


const char *
wa_settings_name(wa_span_t category)
{
    size_t  i;

    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {

        if (wa_span_eq_str(category, settings[i].category)) {
            return settings[i].name;
        }
    }

    return NULL;
}


static void
settings_member(json_t *out, wa_span_t category, wa_span_t value)
{
    char  name[SETTINGS_WORD_MAX + 1];

    if (!settings_plain(category) || !settings_plain(value)) {
        return;
    }

    memcpy(name, category.p, category.n);
    name[category.n] = '\0';

    (void) json_object_set_new(out, wa_settings_name(category) != NULL
                                    ? wa_settings_name(category) : name,
                               wa_json_span(value));
}


/* New reference: as the record has them. */
static json_t *
settings_json(wa_account_t *a)
{
    json_t     *out;
    wa_span_t   text, category, value;

    out = json_object();

    if (wa_record_get(a, WA_SETTINGS_RECORD, 0, &text) == WA_OK) {

        while (settings_line(&text, &category, &value)) {
            settings_member(out, category, value);
        }
    }

    return out;
}


static wa_err_t
settings_event(wa_unit_t *u, const wa_node_t *privacy)
{
    json_t           *out;
    const wa_node_t  *c;

    out = json_object();

    for (c = wa_node_child(privacy, "category"); c != NULL;
         c = wa_node_sibling(c, "category"))
    {
        settings_member(out, wa_node_attr(c, "name"),
                        wa_node_attr(c, "value"));
    }

    return wa_unit_event(u, "privacy.updated",
                         json_pack("{s:o}", "settings", out));
}


/* ---- changed elsewhere ---- */

static void
settings_notified(wa_task_t *t, wa_err_t rc)
{
    wa_unit_t        *u;
    wa_span_t         known;
    const wa_node_t  *privacy;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    privacy = wa_node_child(t->stanza, "privacy");
    u = wa_unit_new(t->account);

    /* A part of what is not known is of no use. */

    if (wa_record_get(t->account, WA_SETTINGS_RECORD, 0, &known) == WA_OK
        && known.p != NULL)
    {
        (void) wa_settings_keep(u, privacy);
    }

    if (wa_node_child(privacy, "category") != NULL) {
        (void) settings_event(u, privacy);
    }

    wa_notify_account(t, u, "privacy");
}


void
wa_settings_notification(wa_task_t *t)
{
    wa_err_t  rc;
    wa_key_t  key;

    key.name = wa_span_str(WA_SETTINGS_RECORD);
    key.day = 0;

    t->resume = settings_notified;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        settings_notified(t, rc);
    }
}
