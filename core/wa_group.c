/*
 * Groups: records, parsing, asking the server, see wa_group.h.
 */
#include "wa_group.h"

#include <stdio.h>

#include "wa_account_int.h"
#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_pb.h"
#include "wa_signal_group.h"


#define GROUP_NAME_LEN   (WA_JID_TEXT_MAX + 8)

typedef struct {
    wa_jid_t    jid;
    bool        anew;
    uint32_t   *code;
    Wa__Group  *told;
} group_ask_t;


static bool group_name(const char *prefix, const wa_jid_t *jid,
    char name[GROUP_NAME_LEN]);
static wa_err_t group_list_put(wa_unit_t *u, const wa_jid_t *jid, bool in);
static wa_err_t group_list_pack(wa_unit_t *u, const Wa__GroupList *list);
static void group_parse_flags(const wa_node_t *node, Wa__Group *g);
static wa_err_t group_parse_members(const wa_node_t *node,
    wa_arena_t *arena, Wa__Group *g);
static char *group_user(const wa_node_t *node, const char *name, bool lid,
    wa_arena_t *arena);
static void group_ask(wa_task_t *t, wa_err_t rc);
static void group_answered(wa_task_t *t, wa_err_t rc);
static void group_store(wa_task_t *t, wa_err_t rc);


bool
wa_group_need(const wa_jid_t *jid, wa_arena_t *arena, wa_key_t *key)
{
    char  name[GROUP_NAME_LEN];

    key->day = 0;

    return group_name("grp/", jid, name)
           && wa_arena_dup_span(arena, wa_span_str(name), &key->name)
              == WA_OK;
}


static bool
group_name(const char *prefix, const wa_jid_t *jid,
    char name[GROUP_NAME_LEN])
{
    char  text[WA_JID_TEXT_MAX];

    if (!wa_jid_is_group(jid) || jid->user_len == 0
        || wa_jid_format(jid, text, sizeof(text)) == 0)
    {
        return false;
    }

    (void) snprintf(name, GROUP_NAME_LEN, "%s%s", prefix, text);

    return true;
}


wa_err_t
wa_group_get(wa_account_t *a, const wa_jid_t *jid, wa_arena_t *arena,
    Wa__Group **g)
{
    char       name[GROUP_NAME_LEN];
    wa_err_t   rc;
    wa_span_t  value;

    *g = NULL;

    if (!group_name("grp/", jid, name)
        || wa_record_get(a, name, 0, &value) != WA_OK || value.p == NULL)
    {
        return WA_OK;
    }

    rc = WA_PB_UNPACK(wa__group__descriptor, value, arena, g);

    return rc == WA_ERR_NOMEM ? rc : WA_OK;
}


bool
wa_group_known(wa_account_t *a, const wa_jid_t *jid)
{
    char       name[GROUP_NAME_LEN];
    wa_span_t  value;

    return group_name("grp/", jid, name)
           && wa_record_get(a, name, 0, &value) == WA_OK && value.p != NULL;
}


wa_err_t
wa_group_put(wa_unit_t *u, const wa_jid_t *jid, const Wa__Group *g)
{
    char      name[GROUP_NAME_LEN];
    wa_err_t  rc;
    wa_buf_t  packed = WA_BUF_EMPTY;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (!group_name("grp/", jid, name)) {
        return WA_ERR_ARG;
    }

    rc = WA_PB_PACK(g, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put_cold(u, name, 0, wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc == WA_OK ? group_list_put(u, jid, true) : rc;
}


wa_err_t
wa_group_need_all(wa_task_t *t, const wa_jid_t *jids, size_t n)
{
    size_t     i;
    wa_key_t  *keys;

    keys = wa_arena_calloc(&t->arena, n + 1, sizeof(wa_key_t));

    if (keys == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < n; i++) {
        if (!wa_group_need(&jids[i], &t->arena, &keys[i])) {
            return WA_ERR_NOMEM;
        }
    }

    keys[n].name = wa_span_str(WA_GROUP_RECORD_LIST);
    keys[n].day = 0;

    return wa_task_need(t, keys, n + 1);
}


void
wa_group_keep(wa_account_t *a, const wa_jid_t *jid, wa_arena_t *arena,
    Wa__Group *g)
{
    Wa__Group  *old;

    if (wa_group_get(a, jid, arena, &old) == WA_OK && old != NULL) {
        g->picture = (g->picture == NULL) ? old->picture : g->picture;
        g->invite = (g->invite == NULL) ? old->invite : g->invite;
    }
}


wa_err_t
wa_group_forget(wa_unit_t *u, const wa_jid_t *jid)
{
    char  name[GROUP_NAME_LEN];

    return group_name("grp/", jid, name) ? wa_unit_del(u, name, 0)
                                         : WA_ERR_ARG;
}


wa_err_t
wa_group_left(wa_unit_t *u, const wa_jid_t *jid)
{
    char           name[GROUP_NAME_LEN];
    wa_err_t       rc;
    wa_account_t  *a;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);
    rc = wa_group_forget(u, jid);

    if (rc == WA_OK && group_name("skto/", jid, name)) {
        rc = wa_unit_del(u, name, 0);
    }

    if (rc == WA_OK) {
        rc = wa_skey_drop(u, jid, wa_group_sender(a));
    }

    return rc == WA_OK ? group_list_put(u, jid, false) : rc;
}


const wa_jid_t *
wa_group_sender(const wa_account_t *a)
{
    const wa_jid_t  *lid;

    lid = wa_account_self(a, WA_SERVER_LID);

    return lid->server == WA_SERVER_NONE ? wa_account_self(a, WA_SERVER_PN)
                                         : lid;
}


static wa_err_t
group_list_put(wa_unit_t *u, const wa_jid_t *jid, bool in)
{
    char            text[WA_JID_TEXT_MAX];
    char          **jids;
    size_t          i, n;
    wa_err_t        rc;
    wa_span_t       value;
    wa_arena_t      arena;
    Wa__GroupList  *old, list = WA__GROUP_LIST__INIT;

    if (wa_jid_format(jid, text, sizeof(text)) == 0) {
        return WA_ERR_ARG;
    }

    wa_arena_init_pool(&arena, &wa_unit_account(u)->engine->arenas);

    if (wa_record_get(wa_unit_account(u), WA_GROUP_RECORD_LIST, 0, &value)
        != WA_OK
        || WA_PB_UNPACK(wa__group_list__descriptor, value, &arena, &old)
           != WA_OK)
    {
        old = &list;
    }

    jids = wa_arena_calloc(&arena, old->n_jids + 1, sizeof(char *));
    rc = (jids == NULL) ? WA_ERR_NOMEM : WA_OK;
    n = 0;

    for (i = 0; rc == WA_OK && i < old->n_jids; i++) {
        if (strcmp(old->jids[i], text) != 0) {
            jids[n++] = old->jids[i];
        }
    }

    if (rc != WA_OK || (in && n != old->n_jids) || (!in && n == old->n_jids)
        || n >= WA_GROUP_LIST_MAX)
    {
        wa_arena_free(&arena);
        return rc;
    }

    if (in) {
        jids[n++] = text;
    }

    list.jids = jids;
    list.n_jids = n;
    list.has_synced = old->has_synced;
    list.synced = old->synced;
    rc = group_list_pack(u, &list);
    wa_arena_free(&arena);

    return rc;
}


static wa_err_t
group_list_pack(wa_unit_t *u, const Wa__GroupList *list)
{
    wa_err_t  rc;
    wa_buf_t  packed = WA_BUF_EMPTY;

    rc = WA_PB_PACK(list, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put_cold(u, WA_GROUP_RECORD_LIST, 0,
                              wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc;
}


bool
wa_group_synced(wa_account_t *a, wa_arena_t *arena)
{
    wa_span_t       value;
    Wa__GroupList  *list;

    return wa_record_get(a, WA_GROUP_RECORD_LIST, 0, &value) == WA_OK
           && value.p != NULL
           && WA_PB_UNPACK(wa__group_list__descriptor, value, arena, &list)
              == WA_OK
           && list->has_synced && list->synced;
}


wa_err_t
wa_group_put_synced(wa_unit_t *u)
{
    wa_err_t        rc;
    wa_span_t       value;
    wa_arena_t      arena;
    Wa__GroupList  *list, none = WA__GROUP_LIST__INIT;

    wa_arena_init_pool(&arena, &wa_unit_account(u)->engine->arenas);
    list = &none;

    if (wa_record_get(wa_unit_account(u), WA_GROUP_RECORD_LIST, 0, &value)
        == WA_OK && value.p != NULL
        && WA_PB_UNPACK(wa__group_list__descriptor, value, &arena, &list)
           != WA_OK)
    {
        list = &none;
    }

    list->has_synced = 1;
    list->synced = 1;
    rc = group_list_pack(u, list);
    wa_arena_free(&arena);

    return rc;
}


wa_err_t
wa_group_parse(const wa_account_t *a, const wa_node_t *node,
    wa_arena_t *arena, wa_jid_t *jid, Wa__Group **out)
{
    int64_t           t;
    wa_err_t          rc;
    wa_span_t         id;
    Wa__Group        *g;
    const wa_node_t  *n;

    id = wa_node_attr(node, "id");

    if (id.n == 0) {
        return WA_ERR_SYNTAX;
    }

    if (wa_jid_parse(id, jid) != WA_OK
        && wa_jid_make(jid, id, WA_SERVER_GROUP, 0) != WA_OK)
    {
        return WA_ERR_SYNTAX;
    }

    g = wa_arena_alloc(arena, sizeof(Wa__Group));

    if (g == NULL || !wa_jid_is_group(jid)) {
        return g == NULL ? WA_ERR_NOMEM : WA_ERR_SYNTAX;
    }

    wa__group__init(g);
    g->subject = wa_arena_strdup(arena, wa_node_attr(node, "subject"));
    g->has_lid = 1;
    g->lid = wa_node_attr_is(node, "addressing_mode", "lid");
    g->owner_lid = group_user(node, "creator", true, arena);
    g->owner_pn = group_user(node, "creator", false, arena);

    if (g->owner_pn == NULL) {
        g->owner_pn = group_user(node, "creator_pn", false, arena);
    }

    if (wa_node_attr_i64(node, "creation", &t)) {
        g->has_created = 1;
        g->created = t;
    }

    g->has_fetched = 1;
    g->fetched = wa_unix_s(a);

    n = wa_node_child(node, "description");

    if (n != NULL) {
        g->description = wa_arena_strdup(arena,
                                         wa_node_child_content(n, "body"));
        g->description_id = wa_arena_strdup(arena, wa_node_attr(n, "id"));
    }

    id = wa_node_attr(wa_node_child(node, "linked_parent"), "jid");

    if (id.n != 0) {
        g->parent = wa_arena_strdup(arena, id);
    }

    group_parse_flags(node, g);
    rc = group_parse_members(node, arena, g);
    *out = g;

    return rc;
}


static void
group_parse_flags(const wa_node_t *node, Wa__Group *g)
{
    uint64_t          seconds;
    const wa_node_t  *n;

    g->has_announce = 1;
    g->announce = wa_node_child(node, "announcement") != NULL;
    g->has_locked = 1;
    g->locked = wa_node_child(node, "locked") != NULL;
    g->has_community = 1;
    g->community = wa_node_child(node, "parent") != NULL;
    g->has_community_announce = 1;
    g->community_announce = wa_node_child(node, "default_sub_group") != NULL;
    g->has_suspended = 1;
    g->suspended = wa_node_child(node, "suspended") != NULL;
    g->has_admin_add = 1;
    g->admin_add = wa_span_eq_str(wa_node_child_content(node,
                                                        "member_add_mode"),
                                  "admin_add");
    n = wa_node_child(node, "membership_approval_mode");
    g->has_approval = 1;
    g->approval = wa_node_attr_is(wa_node_child(n, "group_join"), "state",
                                  "on");

    if (wa_node_attr_u64(wa_node_child(node, "ephemeral"), "expiration",
                         &seconds)
        && seconds <= UINT32_MAX)
    {
        g->has_ephemeral = 1;
        g->ephemeral = (uint32_t) seconds;
    }
}


static wa_err_t
group_parse_members(const wa_node_t *node, wa_arena_t *arena, Wa__Group *g)
{
    size_t             n;
    wa_err_t           rc;
    const wa_node_t   *c;

    n = 0;

    for (c = wa_node_child(node, "participant"); c != NULL;
         c = wa_node_sibling(c, "participant"))
    {
        n++;
    }

    if (n == 0) {
        return WA_OK;
    }

    if (n > WA_GROUP_MEMBERS_MAX) {
        return WA_ERR_LIMIT;
    }

    g->members = wa_arena_calloc(arena, n, sizeof(*g->members));

    if (g->members == NULL) {
        return WA_ERR_NOMEM;
    }

    for (c = wa_node_child(node, "participant"); c != NULL;
         c = wa_node_sibling(c, "participant"))
    {
        if (wa_node_attr(c, "error").n != 0) {
            continue;
        }

        rc = wa_group_participant(c, arena, &g->members[g->n_members]);

        if (rc == WA_ERR_NOMEM) {
            return rc;
        }

        g->n_members += (rc == WA_OK);
    }

    return WA_OK;
}


wa_err_t
wa_group_participant(const wa_node_t *node, wa_arena_t *arena,
    Wa__GroupMember **out)
{
    size_t             i;
    wa_jid_t           jid;
    Wa__GroupMember   *m;

    static const char *const  names[] = { "jid", "lid", "phone_number" };

    m = wa_arena_alloc(arena, sizeof(Wa__GroupMember));

    if (m == NULL) {
        return WA_ERR_NOMEM;
    }

    wa__group_member__init(m);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (!wa_node_attr_jid(node, names[i], &jid)) {
            continue;
        }

        if (jid.server == WA_SERVER_LID && m->lid == NULL) {
            m->lid = wa_arena_strdup(arena, wa_span_str(jid.user));

        } else if (jid.server == WA_SERVER_PN && m->pn == NULL) {
            m->pn = wa_arena_strdup(arena, wa_span_str(jid.user));
        }
    }

    if (m->lid == NULL && m->pn == NULL) {
        return WA_ERR_SYNTAX;
    }

    m->has_role = 1;
    m->role = wa_node_attr_is(node, "type", "superadmin")
              ? WA_ROLE_SUPERADMIN
              : wa_node_attr_is(node, "type", "admin") ? WA_ROLE_ADMIN
                                                       : WA_ROLE_MEMBER;
    *out = m;

    return WA_OK;
}


static char *
group_user(const wa_node_t *node, const char *name, bool lid,
    wa_arena_t *arena)
{
    wa_jid_t  jid;

    if (!wa_node_attr_jid(node, name, &jid)
        || jid.server != (lid ? WA_SERVER_LID : WA_SERVER_PN))
    {
        return NULL;
    }

    return wa_arena_strdup(arena, wa_span_str(jid.user));
}


void
wa_group_member_jids(const Wa__GroupMember *m, wa_jid_t *lid, wa_jid_t *pn)
{
    memset(lid, 0, sizeof(*lid));
    memset(pn, 0, sizeof(*pn));

    if (m->lid != NULL) {
        (void) wa_jid_make(lid, wa_span_str(m->lid), WA_SERVER_LID, 0);
    }

    if (m->pn != NULL) {
        (void) wa_jid_make(pn, wa_span_str(m->pn), WA_SERVER_PN, 0);
    }
}


wa_jid_t
wa_group_member_show(const Wa__GroupMember *m)
{
    wa_jid_t  lid, pn;

    wa_group_member_jids(m, &lid, &pn);

    return pn.server != WA_SERVER_NONE ? pn : lid;
}


Wa__GroupMember *
wa_group_member(const Wa__Group *g, const wa_jid_t *who)
{
    size_t       i;
    const char  *user;

    for (i = 0; i < g->n_members; i++) {
        user = wa_jid_is_lid(who) ? g->members[i]->lid : g->members[i]->pn;

        if (user != NULL && strcmp(user, who->user) == 0) {
            return g->members[i];
        }
    }

    return NULL;
}


wa_jid_t
wa_group_address(wa_account_t *a, const Wa__Group *g, const wa_jid_t *who)
{
    wa_jid_t          lid, pn, other;
    Wa__GroupMember  *m;

    if (wa_jid_is_lid(who) == (g->lid != 0)) {
        return *who;
    }

    m = wa_group_member(g, who);

    if (m != NULL) {
        wa_group_member_jids(m, &lid, &pn);
        other = g->lid ? lid : pn;

        if (other.server != WA_SERVER_NONE) {
            return other;
        }
    }

    if (g->lid ? wa_lid_of(a, who, &other) : wa_pn_of(a, who, &other)) {
        return other;
    }

    return *who;
}


wa_err_t
wa_group_resolve(wa_task_t *parent, const wa_jid_t *jid, bool anew,
    uint32_t *code)
{
    wa_err_t      rc;
    wa_key_t      keys[2];
    wa_task_t    *t;
    group_ask_t  *q;

    if (!wa_jid_is_group(jid) || jid->user_len == 0) {
        return WA_ERR_ARG;
    }

    t = wa_task_child(parent, "group", group_ask);

    if (t == NULL) {
        return WA_ERR_NOMEM;
    }

    q = wa_arena_calloc(&t->arena, 1, sizeof(group_ask_t));

    if (q == NULL || !wa_group_need(jid, &t->arena, &keys[0])) {
        wa_task_end(t, WA_ERR_NOMEM);
        return WA_AGAIN;
    }

    q->jid = *jid;
    q->anew = anew;
    q->code = code;
    t->data = q;

    keys[1].name = wa_span_str(WA_GROUP_RECORD_LIST);
    keys[1].day = 0;

    rc = wa_task_need(t, keys, 2);

    if (rc != WA_AGAIN) {
        group_ask(t, rc);
    }

    return WA_AGAIN;
}


static void
group_ask(wa_task_t *t, wa_err_t rc)
{
    Wa__Group    *g;
    wa_node_t    *iq, *query;
    group_ask_t  *q;

    q = t->data;

    if (rc == WA_OK && !q->anew) {
        rc = wa_group_get(t->account, &q->jid, &t->arena, &g);

        if (rc == WA_OK && g != NULL) {
            wa_task_end(t, WA_OK);
            return;
        }
    }

    if (rc == WA_OK) {
        iq = wa_node_new(&t->arena, "iq");
        wa_node_set_jid(&t->arena, iq, "to", &q->jid);
        wa_node_set_str(&t->arena, iq, "type", "get");
        wa_node_set_str(&t->arena, iq, "xmlns", "w:g2");
        query = wa_node_add_new(&t->arena, iq, "query");
        wa_node_set_str(&t->arena, query, "request", "interactive");

        t->resume = group_answered;
        rc = wa_task_iq(t, iq);
    }

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
group_answered(wa_task_t *t, wa_err_t rc)
{
    wa_key_t      key;
    wa_jid_t      jid;
    Wa__Group    *g;
    group_ask_t  *q;

    q = t->data;

    if (rc == WA_ERR_REFUSED && q->code != NULL) {
        *q->code = t->iq_code;
    }

    if (rc == WA_OK) {
        rc = wa_group_parse(t->account, wa_node_child(t->answer, "group"),
                            &t->arena, &jid, &g);
    }

    if (rc == WA_OK && !wa_jid_eq(&jid, &q->jid)) {
        rc = WA_ERR_SYNTAX;
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    q->told = g;
    key.name = wa_span_str(WA_GROUP_RECORD_LIST);
    key.day = 0;

    t->resume = group_store;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        group_store(t, rc);
    }
}


static void
group_store(wa_task_t *t, wa_err_t rc)
{
    bool          created;
    Wa__Group    *old;
    wa_unit_t    *u;
    group_ask_t  *q;

    q = t->data;

    if (rc == WA_OK) {
        rc = wa_group_get(t->account, &q->jid, &t->arena, &old);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    created = (old == NULL);
    wa_group_keep(t->account, &q->jid, &t->arena, q->told);
    u = wa_unit_new(t->account);

    rc = wa_group_put(u, &q->jid, q->told);

    if (rc == WA_OK) {
        rc = wa_group_event(u, &q->jid, q->told, created, NULL);
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc);
        return;
    }

    wa_task_end(t, wa_unit_commit(u, NULL));
}
