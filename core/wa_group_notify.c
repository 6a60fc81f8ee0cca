/*
 * <notification type=w:gp2>: what somebody did in a group of ours.
 *
 *     wa_group_notification   records
 *     notify_loaded           unknown group: ask first; then what is told is
 *                             in the answer already
 *     notify_apply            one unit: record, events, ack
 *
 * A device that has our sender key and is no member's any more makes the
 * next send choose a new key (wa_group_send.c).
 */
#include "wa_group.h"

#include "wa_account_int.h"
#include "wa_event_message.h"
#include "wa_receipt.h"


typedef struct {
    wa_jid_t    jid;
    wa_jid_t    actor;           /* as shown; NONE: not told              */
    Wa__Group  *group;           /* NULL: not known                       */
    bool        asked;           /* the record is of now                  */
    bool        changed;
    bool        created;
    bool        left;
    json_t     *about;           /* told beside the group; NULL: nothing  */
} notify_t;

typedef struct {
    const char  *tag;
    void       (*apply)(wa_task_t *t, notify_t *n, const wa_node_t *c);
} notify_change_t;


static void notify_loaded(wa_task_t *t, wa_err_t rc);
static void notify_asked(wa_task_t *t, wa_err_t rc);
static void notify_apply(wa_task_t *t, wa_err_t rc);
static void notify_change(wa_unit_t *u, wa_task_t *t, notify_t *n,
    const wa_node_t *c);
static wa_err_t notify_people(wa_unit_t *u, wa_task_t *t, notify_t *n,
    const wa_node_t *c);
static void notify_member(wa_task_t *t, notify_t *n, const wa_node_t *c,
    Wa__GroupMember *m);
static bool notify_is_gone(const wa_node_t *c);
static bool notify_rises(const wa_node_t *c);
static bool notify_falls(const wa_node_t *c);
static const char *notify_action(const wa_node_t *c);
static void notify_left(wa_unit_t *u);
static wa_err_t notify_need(wa_task_t *t, const notify_t *n);
static bool notify_unknowable(const wa_account_t *a, const wa_node_t *st);


/* ---- what changes the record ---- */

static void
change_create(wa_task_t *t, notify_t *n, const wa_node_t *c)
{
    wa_jid_t    jid;
    Wa__Group  *g;

    if (wa_group_parse(t->account, wa_node_child(c, "group"), &t->arena,
                       &jid, &g) == WA_OK
        && wa_jid_eq(&jid, &n->jid))
    {
        n->created = (n->group == NULL);
        n->group = g;
        n->changed = true;
    }
}


static void
change_subject(wa_task_t *t, notify_t *n, const wa_node_t *c)
{
    n->group->subject = wa_arena_strdup(&t->arena,
                                        wa_node_attr(c, "subject"));
    n->changed = true;
}


static void
change_description(wa_task_t *t, notify_t *n, const wa_node_t *c)
{
    n->group->description = NULL;
    n->group->description_id = NULL;

    if (wa_node_child(c, "delete") == NULL) {
        n->group->description = wa_arena_strdup(&t->arena,
                                    wa_node_child_content(c, "body"));
        n->group->description_id = wa_arena_strdup(&t->arena,
                                       wa_node_attr(c, "id"));
    }

    n->changed = true;
}


static void
change_flag(wa_task_t *t, notify_t *n, const wa_node_t *c)
{
    Wa__Group  *g;

    (void) t;

    g = n->group;
    n->changed = true;

    if (wa_node_is(c, "announcement") || wa_node_is(c, "not_announcement")) {
        g->has_announce = 1;
        g->announce = wa_node_is(c, "announcement");

    } else if (wa_node_is(c, "locked") || wa_node_is(c, "unlocked")) {
        g->has_locked = 1;
        g->locked = wa_node_is(c, "locked");

    } else {
        g->has_suspended = 1;
        g->suspended = wa_node_is(c, "suspended");
    }
}


static void
change_ephemeral(wa_task_t *t, notify_t *n, const wa_node_t *c)
{
    uint64_t  seconds;

    (void) t;

    n->group->has_ephemeral = 0;
    n->changed = true;

    if (wa_node_attr_u64(c, "expiration", &seconds) && seconds != 0
        && seconds <= UINT32_MAX)
    {
        n->group->has_ephemeral = 1;
        n->group->ephemeral = (uint32_t) seconds;
    }
}


static void
change_mode(wa_task_t *t, notify_t *n, const wa_node_t *c)
{
    (void) t;

    n->changed = true;

    if (wa_node_is(c, "member_add_mode")) {
        n->group->has_admin_add = 1;
        n->group->admin_add = wa_span_eq_str(wa_node_content(c),
                                             "admin_add");
        return;
    }

    n->group->has_approval = 1;
    n->group->approval = wa_node_attr_is(wa_node_child(c, "group_join"),
                                         "state", "on");
}


static void
change_invite(wa_task_t *t, notify_t *n, const wa_node_t *c)
{
    n->group->invite = wa_node_is(c, "revoke")
                       ? NULL : wa_arena_strdup(&t->arena,
                                                wa_node_attr(c, "code"));
    n->changed = true;
}


/* Its neighbours and, to a community, its own groups are linked by the same
   words. */
static void
change_link(wa_task_t *t, notify_t *n, const wa_node_t *c)
{
    bool      link;
    wa_jid_t  jid;
    char      text[WA_JID_TEXT_MAX];

    link = wa_node_is(c, "link");

    if (!wa_node_attr_is(c, link ? "link_type" : "unlink_type",
                         "parent_group")
        || (link && (!wa_group_node_jid(wa_node_child(c, "group"), &jid)
                     || wa_jid_format(&jid, text, sizeof(text)) == 0)))
    {
        return;
    }

    n->group->parent = link ? wa_arena_strdup(&t->arena, wa_span_str(text))
                            : NULL;
    n->changed = true;
}


static void
change_delete(wa_task_t *t, notify_t *n, const wa_node_t *c)
{
    (void) t;
    (void) c;

    n->left = true;
}


static const notify_change_t  changes[] = {
    { "subject", change_subject },
    { "description", change_description },
    { "announcement", change_flag },
    { "not_announcement", change_flag },
    { "locked", change_flag },
    { "unlocked", change_flag },
    { "suspended", change_flag },
    { "unsuspended", change_flag },
    { "ephemeral", change_ephemeral },
    { "not_ephemeral", change_ephemeral },
    { "member_add_mode", change_mode },
    { "membership_approval_mode", change_mode },
    { "invite", change_invite },
    { "revoke", change_invite },
    { "link", change_link },
    { "unlink", change_link },
    { "delete", change_delete },
    { NULL, NULL }
};


/* ---- the task ---- */

void
wa_group_notification(wa_task_t *t)
{
    wa_err_t   rc;
    notify_t  *n;

    n = wa_arena_calloc(&t->arena, 1, sizeof(notify_t));

    if (n == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    t->data = n;

    if (!wa_node_attr_jid(t->stanza, "from", &n->jid)
        || !wa_jid_is_group(&n->jid) || n->jid.user_len == 0)
    {
        n->jid.server = WA_SERVER_NONE;
        notify_apply(t, WA_OK);
        return;
    }

    if (!wa_node_attr_jid(t->stanza, "participant_pn", &n->actor)) {
        (void) wa_node_attr_jid(t->stanza, "participant", &n->actor);
    }

    t->resume = notify_loaded;
    rc = notify_need(t, n);

    if (rc != WA_AGAIN) {
        notify_loaded(t, rc);
    }
}


static wa_err_t
notify_need(wa_task_t *t, const notify_t *n)
{
    wa_key_t  keys[2];

    if (!wa_group_need(&n->jid, &t->arena, &keys[0])) {
        return WA_ERR_NOMEM;
    }

    keys[1].name = wa_span_str(WA_GROUP_RECORD_LIST);
    keys[1].day = 0;

    return wa_task_need(t, keys, 2);
}


static void
notify_loaded(wa_task_t *t, wa_err_t rc)
{
    notify_t  *n;

    n = t->data;

    if (rc == WA_OK) {
        rc = wa_group_get(t->account, &n->jid, &t->arena, &n->group);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    if (wa_node_child(t->stanza, "create") != NULL
        || notify_unknowable(t->account, t->stanza)
        || (n->group != NULL && wa_node_child(t->stanza, "modify") == NULL))
    {
        notify_apply(t, WA_OK);
        return;
    }

    t->resume = notify_asked;
    rc = wa_group_resolve(t, &n->jid, true, NULL);

    if (rc != WA_AGAIN) {
        notify_asked(t, rc);
    }
}


/* What a former member may not ask about. */
static bool
notify_unknowable(const wa_account_t *a, const wa_node_t *st)
{
    wa_jid_t          jid;
    const wa_node_t  *p;

    if (wa_node_child(st, "delete") != NULL) {
        return true;
    }

    p = wa_node_child(st, "remove");
    p = wa_node_child(p != NULL ? p : wa_node_child(st, "leave"),
                      "participant");

    for ( /* void */ ; p != NULL; p = wa_node_sibling(p, "participant")) {
        if (wa_node_attr_jid(p, "jid", &jid) && wa_account_is_self(a, &jid)) {
            return true;
        }
    }

    return false;
}


static void
notify_asked(wa_task_t *t, wa_err_t rc)
{
    notify_t  *n;

    n = t->data;

    if (rc == WA_ERR_NOMEM || rc == WA_ERR_GONE) {
        wa_task_end(t, rc);             /* told again */
        return;
    }

    n->asked = (rc == WA_OK);

    t->resume = notify_apply;
    rc = notify_need(t, n);

    if (rc != WA_AGAIN) {
        notify_apply(t, rc);
    }
}


static void
notify_apply(wa_task_t *t, wa_err_t rc)
{
    notify_t         *n;
    wa_unit_t        *u;
    const wa_node_t  *c;

    n = t->data;

    if (rc == WA_OK) {
        rc = wa_group_get(t->account, &n->jid, &t->arena, &n->group);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    u = wa_unit_new(t->account);

    for (c = wa_node_first(t->stanza); c != NULL; c = c->next) {
        if (n->jid.server != WA_SERVER_NONE) {
            notify_change(u, t, n, c);
        }
    }

    if (n->left) {
        (void) wa_group_left(u, &n->jid);

        if (n->group != NULL && wa_node_child(t->stanza, "delete") != NULL) {
            (void) wa_group_event(u, &n->jid, n->group, false, NULL);
            notify_left(u);
        }

    } else if (n->group != NULL && (n->changed || n->about != NULL)) {
        rc = n->changed ? wa_group_put(u, &n->jid, n->group) : WA_OK;

        if (rc == WA_OK) {
            (void) wa_group_event(u, &n->jid, n->group, n->created,
                                  n->about);
            n->about = NULL;
        }
    }

    json_decref(n->about);
    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    wa_task_end(t, wa_unit_commit(u, NULL));
}


static void
notify_change(wa_unit_t *u, wa_task_t *t, notify_t *n, const wa_node_t *c)
{
    size_t  i;

    if (wa_node_is(c, "create")) {
        change_create(t, n, c);
        return;
    }

    if (wa_node_is(c, "add") || notify_is_gone(c)
        || notify_rises(c) || notify_falls(c))
    {
        if (notify_people(u, t, n, c) != WA_OK) {
            wa_unit_fail(u, WA_ERR_NOMEM);
        }

        return;
    }

    if (wa_group_about(c, &n->actor, &t->arena, &n->about) != WA_OK) {
        wa_unit_fail(u, WA_ERR_NOMEM);
        return;
    }

    for (i = 0; changes[i].tag != NULL; i++) {
        if (wa_node_is(c, changes[i].tag)
            && (n->group != NULL || changes[i].apply == change_delete)
            && !n->asked)
        {
            changes[i].apply(t, n, c);
            return;
        }
    }
}


static wa_err_t
notify_people(wa_unit_t *u, wa_task_t *t, notify_t *n, const wa_node_t *c)
{
    bool               here;
    json_t            *list, *data;
    wa_err_t           rc;
    wa_jid_t           at, show, lid, pn;
    const wa_node_t   *p;
    Wa__GroupMember   *m;

    /* A community tells which of its groups. */

    at = n->jid;
    (void) wa_node_attr_jid(c, "jid", &at);
    here = wa_jid_eq(&at, &n->jid);
    list = json_array();

    for (p = wa_node_child(c, "participant"); p != NULL;
         p = wa_node_sibling(p, "participant"))
    {
        rc = wa_group_participant(p, &t->arena, &m);

        if (rc == WA_ERR_SYNTAX) {
            continue;
        }

        if (rc != WA_OK) {
            json_decref(list);
            return rc;
        }

        show = wa_group_member_show(m);
        (void) json_array_append_new(list, wa_json_jid(&show));
        wa_group_member_jids(m, &lid, &pn);

        if (notify_is_gone(c)
            && (wa_account_is_self(t->account, &lid)
                || wa_account_is_self(t->account, &pn)))
        {
            n->left = true;
        }

        if (n->group != NULL && !n->asked && here) {
            notify_member(t, n, c, m);
        }
    }

    data = json_pack("{s:o, s:s, s:o, s:o}", "jid", wa_json_jid(&at),
                     "action", notify_action(c), "participants", list,
                     "by_jid", wa_json_jid(&n->actor));

    rc = (data == NULL) ? WA_ERR_NOMEM
                        : wa_unit_event(u, "group.participants", data);

    if (rc == WA_OK && n->left) {
        notify_left(u);
    }

    return rc;
}


/* Whether somebody went or was sent away is said in one way or the other. */
static bool
notify_is_gone(const wa_node_t *c)
{
    return wa_node_is(c, "remove") || wa_node_is(c, "leave");
}


/* In this group, or, by way of the community, in one of its groups. */
static bool
notify_rises(const wa_node_t *c)
{
    return wa_node_is(c, "promote") || wa_node_is(c, "linked_group_promote");
}


static bool
notify_falls(const wa_node_t *c)
{
    return wa_node_is(c, "demote") || wa_node_is(c, "linked_group_demote");
}


static const char *
notify_action(const wa_node_t *c)
{
    return notify_is_gone(c) ? "remove" : notify_rises(c) ? "promote"
           : notify_falls(c) ? "demote" : "add";
}


/* The history is told beside the event that it is over. */
static void
notify_left(wa_unit_t *u)
{
    wa_jw_t  w;

    wa_unit_aside_begin(u, &w);
    wa_jw_open(&w, NULL, '{');
    wa_jw_bool(&w, WA_JW("left"), true);
    wa_jw_close(&w, '}');
    (void) wa_unit_aside_end(u, &w);
}


static void
notify_member(wa_task_t *t, notify_t *n, const wa_node_t *c,
    Wa__GroupMember *m)
{
    size_t             i, k;
    wa_jid_t           lid, pn;
    Wa__Group         *g;
    Wa__GroupMember   *old, **list;

    g = n->group;
    wa_group_member_jids(m, &lid, &pn);
    old = (m->lid != NULL) ? wa_group_member(g, &lid) : NULL;
    old = (old == NULL && m->pn != NULL) ? wa_group_member(g, &pn) : old;

    if (notify_is_gone(c)) {
        k = 0;

        for (i = 0; i < g->n_members; i++) {
            if (g->members[i] != old) {
                g->members[k++] = g->members[i];
            }
        }

        g->n_members = k;
        n->changed = true;
        return;
    }

    if (old == NULL && wa_node_is(c, "add")
        && g->n_members < WA_GROUP_MEMBERS_MAX)
    {
        list = wa_arena_calloc(&t->arena, g->n_members + 1, sizeof(*list));

        if (list == NULL) {
            return;
        }

        if (g->n_members != 0) {
            memcpy(list, g->members, g->n_members * sizeof(*list));
        }

        list[g->n_members++] = m;
        g->members = list;
        n->changed = true;
        return;
    }

    if (old == NULL) {
        return;
    }

    old->has_role = 1;
    old->role = notify_rises(c) ? WA_ROLE_ADMIN
                : notify_falls(c) ? WA_ROLE_MEMBER : old->role;
    n->changed = true;
}
