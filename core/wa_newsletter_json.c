/*
 * Channels and their messages as JSON, see wa_newsletter.h.
 */
#include "wa_newsletter.h"

#include "wa_account_int.h"
#include "wa_json.h"
#include "wa_message.h"


/* Kinds of reactions on one message that are told. */
#define REACTIONS_MAX  100

#define INVITE_URL  "https://whatsapp.com/channel/"


static json_t *channel_text(const json_t *o, const char *name);
static json_t *channel_number(const json_t *v);
static json_t *channel_lower(const json_t *v);
static json_t *channel_url(const json_t *invite);
static json_t *message_json(wa_account_t *a, const wa_jid_t *channel,
    const wa_node_t *m, bool brief);
static json_t *message_object(wa_account_t *a, const wa_jid_t *channel,
    const wa_node_t *m);
static json_t *message_ids(wa_account_t *a, const wa_jid_t *channel,
    const wa_node_t *m);
static json_t *message_reactions(const wa_node_t *m);


json_t *
wa_newsletter_channel(wa_account_t *a, const json_t *meta)
{
    wa_jid_t       jid;
    const json_t  *thread, *viewer, *invite;
    const char    *id, *mute;

    id = json_string_value(json_object_get(meta, "id"));

    if (id == NULL || wa_jid_parse(wa_span_str(id), &jid) != WA_OK
        || !wa_jid_is_newsletter(&jid))
    {
        return NULL;
    }

    thread = json_object_get(meta, "thread_metadata");
    viewer = json_object_get(meta, "viewer_metadata");
    invite = json_object_get(thread, "invite");
    mute = json_string_value(json_object_get(viewer, "mute"));

    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
                     "s:o, s:o}",
        "jid", wa_json_jid(&jid),
        "account_id", a->id,
        "name", channel_text(thread, "name"),
        "description", channel_text(thread, "description"),
        "invite", json_is_string(invite) ? json_incref((json_t *) invite)
                                         : json_null(),
        "invite_url", channel_url(invite),
        "subscribers",
            channel_number(json_object_get(thread, "subscribers_count")),
        "verified", json_boolean(json_is_string(json_object_get(thread,
                                                          "verification"))
            && strcmp(json_string_value(json_object_get(thread,
                                        "verification")), "VERIFIED") == 0),
        "state", channel_lower(json_object_get(json_object_get(meta, "state"),
                                               "type")),
        "role", channel_lower(json_object_get(viewer, "role")),
        "muted", mute == NULL ? json_null()
                              : json_boolean(strcmp(mute, "ON") == 0),
        "created_ts",
            channel_number(json_object_get(thread, "creation_time")));
}


/* name: {"text": "..."} */
static json_t *
channel_text(const json_t *o, const char *name)
{
    json_t  *v;

    v = json_object_get(json_object_get(o, name), "text");

    return json_is_string(v) ? json_incref(v) : json_null();
}


/* Numbers come as text. */
static json_t *
channel_number(const json_t *v)
{
    int64_t  n;

    if (json_is_integer(v)) {
        return json_integer(json_integer_value(v));
    }

    if (!json_is_string(v)
        || !wa_span_i64(wa_span_str(json_string_value(v)), &n))
    {
        return json_null();
    }

    return json_integer(n);
}


/* Words of the server's are in capitals. */
static json_t *
channel_lower(const json_t *v)
{
    char         word[32];
    size_t       i, n;
    const char  *s;

    s = json_string_value(v);
    n = json_string_length(v);

    if (s == NULL || n >= sizeof(word)) {
        return json_null();
    }

    for (i = 0; i < n; i++) {
        word[i] = (s[i] >= 'A' && s[i] <= 'Z') ? (char) (s[i] + 32) : s[i];
    }

    return json_stringn(word, n);
}


static json_t *
channel_url(const json_t *invite)
{
    if (!json_is_string(invite)) {
        return json_null();
    }

    return json_sprintf(INVITE_URL "%s", json_string_value(invite));
}


json_t *
wa_newsletter_messages(wa_account_t *a, const wa_jid_t *channel,
    const wa_node_t *list, bool brief)
{
    size_t            n;
    json_t           *all, *one;
    const wa_node_t  *m;

    all = json_array();
    n = 0;

    for (m = wa_node_child(list, "message");
         m != NULL && all != NULL && n < WA_NEWSLETTER_LIST_MAX;
         m = wa_node_sibling(m, "message"))
    {
        one = message_json(a, channel, m, brief);
        n++;

        if (one == NULL || json_array_append_new(all, one) != 0) {
            json_decref(all);
            return NULL;
        }
    }

    return all;
}


static json_t *
message_json(wa_account_t *a, const wa_jid_t *channel, const wa_node_t *m,
    bool brief)
{
    json_t    *o;
    uint64_t   count, server_id;

    o = brief ? message_ids(a, channel, m) : message_object(a, channel, m);

    if (!wa_node_attr_u64(m, "server_id", &server_id)
        || server_id > INT64_MAX)
    {
        server_id = 0;
    }

    if (!wa_node_attr_u64(wa_node_child(m, "views_count"), "count", &count)
        || count > INT64_MAX)
    {
        count = 0;
    }

    if (o == NULL
        || json_object_set_new(o, "server_id",
                               json_integer((json_int_t) server_id)) != 0
        || json_object_set_new(o, "views",
                               json_integer((json_int_t) count)) != 0
        || json_object_set_new(o, "reaction_counts",
                               message_reactions(m)) != 0)
    {
        json_decref(o);
        return NULL;
    }

    return o;
}


/* The message object of the HTTP contract. */
static json_t *
message_object(wa_account_t *a, const wa_jid_t *channel, const wa_node_t *m)
{
    char                ref[WA_MESSAGE_REF_LEN];
    json_t             *o;
    wa_jw_t             w;
    wa_buf_t            text = WA_BUF_EMPTY;
    wa_span_t           plain;
    wa_arena_t          arena;
    wa_content_t        content;
    wa_message_view_t   v;

    wa_arena_init_pool(&arena, &a->engine->arenas);
    memset(&content, 0, sizeof(content));
    memset(&v, 0, sizeof(v));

    plain = wa_node_child_content(m, "plaintext");

    if (plain.n != 0) {
        (void) wa_message_decode(plain, &arena, &content);
    }

    v.message_id = wa_node_attr(m, "id");
    v.from_me = wa_node_attr_is(m, "is_sender", "true");
    v.ref = ref;
    v.chat = *channel;
    v.sender = *channel;
    v.timestamp = wa_stanza_time(a, m);
    v.content = &content;
    v.status = v.from_me ? "SENT" : "RECEIVED";
    v.source = "history";
    o = NULL;

    if (wa_message_ref(a, v.from_me, channel, v.message_id, ref) == WA_OK) {
        wa_jw_init(&w, &text);
        wa_event_message(a, &v, NULL, &w);
        o = (w.err == WA_OK) ? wa_json_read(wa_span_buf(&text)) : NULL;
    }

    if (o != NULL && plain.n == 0) {
        (void) json_object_set_new(o, "is_deleted", json_true());
    }

    wa_arena_free(&arena);
    wa_buf_wipe(&text);

    return o;
}


static json_t *
message_ids(wa_account_t *a, const wa_jid_t *channel, const wa_node_t *m)
{
    char       ref[WA_MESSAGE_REF_LEN];
    wa_span_t  id;

    id = wa_node_attr(m, "id");

    if (id.n == 0
        || wa_message_ref(a, wa_node_attr_is(m, "is_sender", "true"),
                          channel, id, ref) != WA_OK)
    {
        return json_object();
    }

    return json_pack("{s:s, s:o}", "id", ref, "message_id",
                     wa_json_span(id));
}


static json_t *
message_reactions(const wa_node_t *m)
{
    size_t            n;
    json_t           *all;
    uint64_t          count;
    const wa_node_t  *r;

    all = json_array();
    n = 0;

    for (r = wa_node_child(wa_node_child(m, "reactions"), "reaction");
         r != NULL && n < REACTIONS_MAX;
         r = wa_node_sibling(r, "reaction"))
    {
        if (wa_node_attr_u64(r, "count", &count) && count <= INT64_MAX) {
            (void) json_array_append_new(all,
                json_pack("{s:o, s:I}", "emoji",
                          wa_json_span(wa_node_attr(r, "code")), "count",
                          (json_int_t) count));
            n++;
        }
    }

    return all;
}
