/*
 * Posting to status@broadcast, see wa_status.h.
 *
 *     status_known    the keys' record; who is meant?
 *     status_told     the owner's list, from the server
 *     status_people   from here on it is a group
 */
#include "wa_status.h"

#include "wa_compose_int.h"
#include "wa_event_message.h"
#include "wa_group_send_int.h"
#include "wa_pb.h"


/* How long a post is shown, seconds. */
#define STATUS_LIFE  86400

static const char  status_room[] = "status@broadcast";


static void status_known(wa_task_t *t, wa_err_t rc);
static void status_told(wa_task_t *t, wa_err_t rc);
static void status_people(wa_task_t *t, wa_prepare_t *p);
static void status_refuse(wa_task_t *t, wa_prepare_t *p);
static wa_err_t status_listed(wa_send_t *s, const wa_node_t *list);
static wa_err_t status_holders(wa_task_t *t, wa_send_t *s);
static wa_err_t status_holder_list(wa_account_t *a, wa_arena_t *arena,
    Wa__KeyHolders **h);
static wa_err_t status_members(wa_task_t *t, wa_prepare_t *p);


const char *
wa_status_parse(wa_send_t *s, const json_t *args, const char **message)
{
    size_t         i, n;
    const char    *type;
    const json_t  *list;

    type = s->draft->type;

    if (strcmp(type, "text") != 0 && strcmp(type, "image") != 0
        && strcmp(type, "video") != 0 && strcmp(type, "audio") != 0
        && strcmp(type, "delete") != 0)
    {
        *message = "A status is a text, an image, a video or a voice note";
        return "PROVIDER_UNSUPPORTED";
    }

    list = json_object_get(args, "audience");

    if (list == NULL || json_is_null(list)) {
        return NULL;
    }

    n = json_array_size(list);

    if (n == 0 || n > WA_STATUS_AUDIENCE_MAX) {
        wa_arg_bad(s->draft, "audience", "INVALID",
                   "is not a list of 1 to 5000 people");
        *message = s->draft->error.message;
        return s->draft->error.code;
    }

    s->audience = wa_calloc(n, sizeof(wa_jid_t));

    if (s->audience == NULL) {
        *message = "Out of memory";
        return "INTERNAL_ERROR";
    }

    for (i = 0; i < n; i++) {

        if (!wa_arg_jid(json_array_get(list, i), &s->audience[i])
            || !wa_jid_is_user(&s->audience[i]))
        {
            wa_arg_bad(s->draft, "audience", "INVALID",
                       "is not a list of phone numbers or addresses");
            *message = s->draft->error.message;
            return s->draft->error.code;
        }

        s->audience[i] = wa_jid_person(&s->audience[i]);
    }

    s->n_audience = n;

    return NULL;
}


void
wa_status_prepare(wa_task_t *t, wa_prepare_t *p, wa_task_pt then)
{
    wa_err_t    rc;
    wa_key_t    key;
    wa_room_t  *r;

    r = wa_arena_calloc(&t->arena, 1, sizeof(wa_room_t));

    if (r == NULL || !wa_status_need(&t->arena, &key)) {
        then(t, WA_ERR_NOMEM);
        return;
    }

    r->status = true;
    r->lid = true;
    r->then = then;
    p->room = r;

    t->resume = status_known;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        status_known(t, rc);
    }
}


bool
wa_status_need(wa_arena_t *arena, wa_key_t *key)
{
    char      name[WA_ROOM_NAME_LEN];
    wa_jid_t  room;

    key->day = 0;

    return wa_jid_parse(wa_span_str(status_room), &room) == WA_OK
           && wa_room_holders_name(&room, name)
           && wa_arena_dup_span(arena, wa_span_str(name), &key->name)
              == WA_OK;
}


static void
status_known(wa_task_t *t, wa_err_t rc)
{
    wa_node_t     *iq;
    wa_send_t     *s;
    wa_prepare_t  *p;

    p = t->data;
    s = p->send;

    if (rc == WA_OK && s->audience == NULL
        && strcmp(s->draft->type, "delete") == 0)
    {
        rc = status_holders(t, s);
    }

    if (rc == WA_OK && s->audience != NULL) {
        status_people(t, p);
        return;
    }

    if (rc == WA_OK) {
        iq = wa_node_iq(&t->arena, "get", "status");
        (void) wa_node_add_new(&t->arena, iq, "privacy");

        t->resume = status_told;
        rc = wa_task_iq(t, iq);
    }

    if (rc != WA_AGAIN) {
        p->room->then(t, rc);
    }
}


static void
status_told(wa_task_t *t, wa_err_t rc)
{
    wa_prepare_t      *p;
    const wa_node_t   *list;

    p = t->data;

    if (rc != WA_OK) {
        p->room->then(t, rc);
        return;
    }

    list = wa_node_child(wa_node_child(t->answer, "privacy"), "list");

    while (list != NULL && !wa_node_attr_is(list, "default", "true")) {
        list = wa_node_sibling(list, "list");
    }

    if (list == NULL || !wa_node_attr_is(list, "type", "whitelist")) {
        status_refuse(t, p);
        return;
    }

    rc = status_listed(p->send, list);

    if (rc != WA_OK) {
        p->room->then(t, rc);
        return;
    }

    if (p->send->n_audience == 0) {
        status_refuse(t, p);
        return;
    }

    status_people(t, p);
}


static void
status_refuse(wa_task_t *t, wa_prepare_t *p)
{
    wa_arg_bad(p->send->draft, "audience", "REQUIRED",
               "is missing, and the account has no list of people");
    p->room->then(t, WA_ERR_ARG);
}


static wa_err_t
status_listed(wa_send_t *s, const wa_node_t *list)
{
    size_t            n;
    wa_jid_t          jid;
    const wa_node_t  *user;

    n = 0;

    for (user = wa_node_child(list, "user"); user != NULL;
         user = wa_node_sibling(user, "user"))
    {
        n++;
    }

    if (n > WA_STATUS_AUDIENCE_MAX) {
        return WA_ERR_LIMIT;
    }

    s->audience = wa_calloc(n + 1, sizeof(wa_jid_t));

    if (s->audience == NULL) {
        return WA_ERR_NOMEM;
    }

    for (user = wa_node_child(list, "user"); user != NULL;
         user = wa_node_sibling(user, "user"))
    {
        if (wa_node_attr_jid(user, "jid", &jid) && wa_jid_is_user(&jid)) {
            s->audience[s->n_audience++] = wa_jid_person(&jid);
        }
    }

    return WA_OK;
}


/* Those who have the key: who saw what is to go. */
static wa_err_t
status_holders(wa_task_t *t, wa_send_t *s)
{
    size_t           i;
    wa_err_t         rc;
    wa_jid_t         jid;
    Wa__KeyHolders  *h;

    rc = status_holder_list(t->account, &t->arena, &h);

    if (rc != WA_OK || h == NULL || h->n_devices == 0) {
        return rc;
    }

    s->audience = wa_calloc(h->n_devices, sizeof(wa_jid_t));

    if (s->audience == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < h->n_devices; i++) {

        if (wa_jid_parse(wa_span_str(h->devices[i]), &jid) != WA_OK
            || !wa_jid_is_user(&jid))
        {
            continue;
        }

        jid = wa_jid_person(&jid);

        /* Devices of one person follow each other. */

        if (s->n_audience == 0
            || !wa_jid_eq(&s->audience[s->n_audience - 1], &jid))
        {
            s->audience[s->n_audience++] = jid;
        }
    }

    return WA_OK;
}


/* *h NULL: there is no record. */
static wa_err_t
status_holder_list(wa_account_t *a, wa_arena_t *arena, Wa__KeyHolders **h)
{
    char       name[WA_ROOM_NAME_LEN];
    wa_err_t   rc;
    wa_jid_t   room;
    wa_span_t  value;

    *h = NULL;

    if (wa_jid_parse(wa_span_str(status_room), &room) != WA_OK
        || !wa_room_holders_name(&room, name)
        || wa_record_get(a, name, 0, &value) != WA_OK
        || value.p == NULL)
    {
        return WA_OK;
    }

    rc = WA_PB_UNPACK(wa__key_holders__descriptor, value, arena, h);

    if (rc != WA_OK) {
        *h = NULL;
    }

    return rc == WA_ERR_NOMEM ? rc : WA_OK;
}


bool
wa_status_seen_by(wa_account_t *a, wa_arena_t *arena, const wa_jid_t *person)
{
    size_t           i;
    wa_jid_t         jid;
    Wa__KeyHolders  *h;

    if (status_holder_list(a, arena, &h) != WA_OK || h == NULL) {
        return false;
    }

    for (i = 0; i < h->n_devices; i++) {

        if (wa_jid_parse(wa_span_str(h->devices[i]), &jid) == WA_OK
            && wa_jid_eq_bare(&jid, person))
        {
            return true;
        }
    }

    return false;
}


static void
status_people(wa_task_t *t, wa_prepare_t *p)
{
    wa_err_t  rc;

    rc = status_members(t, p);

    if (rc != WA_OK) {
        p->room->then(t, rc);
        return;
    }

    wa_room_ask(t);
}


/* The audience and ourselves, as if we were a group. */
static wa_err_t
status_members(wa_task_t *t, wa_prepare_t *p)
{
    size_t            i;
    wa_room_t        *r;
    wa_send_t        *s;
    Wa__GroupMember  *m;

    r = p->room;
    s = p->send;

    r->n_users = s->n_audience + 1;
    r->users = wa_arena_calloc(&t->arena, r->n_users, sizeof(wa_jid_t));
    r->group = wa_arena_calloc(&t->arena, 1, sizeof(Wa__Group));

    if (r->users == NULL || r->group == NULL) {
        return WA_ERR_NOMEM;
    }

    wa__group__init(r->group);
    r->group->members = wa_arena_calloc(&t->arena, r->n_users,
                                        sizeof(*r->group->members));
    m = wa_arena_calloc(&t->arena, 1, sizeof(Wa__GroupMember));

    if (r->group->members == NULL || m == NULL) {
        return WA_ERR_NOMEM;
    }

    /* Their hidden addresses come with their devices. */

    wa__group_member__init(m);

    for (i = 0; i < r->n_users; i++) {
        r->users[i] = i < s->n_audience
                      ? s->audience[i]
                      : wa_jid_bare(wa_group_sender(t->account));
        r->group->members[i] = m;
    }

    r->group->n_members = i;

    return WA_OK;
}


void
wa_status_doubt(wa_unit_t *u, const wa_send_t *s)
{
    size_t    i;
    wa_jid_t  self;

    self = wa_jid_bare(wa_group_sender(wa_unit_account(u)));
    (void) wa_devices_forget(u, &self);

    for (i = 0; i < s->n_audience; i++) {
        (void) wa_devices_forget(u, &s->audience[i]);
    }
}


wa_err_t
wa_status_event(wa_unit_t *u, const char *ref, const wa_jid_t *from,
    int64_t timestamp, const wa_content_t *c, const char *media_id)
{
    char       until[32];
    json_t    *data;
    wa_jid_t   self;

    self = wa_jid_bare(wa_account_self(wa_unit_account(u), WA_SERVER_PN));
    (void) wa_iso_time((timestamp + STATUS_LIFE) * 1000, until);

    data = json_pack("{s:{s:s, s:o, s:I, s:s, s:o, s:o, s:s}}", "story",
                     "id", ref,
                     "from_jid", wa_json_jid(from == NULL ? &self : from),
                     "timestamp", (json_int_t) timestamp,
                     "message_type", wa_kind_name(c->kind),
                     "body", wa_json_text(c->text),
                     "media_id", wa_json_text(media_id),
                     "expires_at", until);

    return data == NULL ? WA_ERR_NOMEM
                        : wa_unit_event(u, "story.posted", data);
}
