/*
 * Projection: groups and who is in them, from group.updated and
 * group.participants (HTTP contract, 7 and 10.2).
 *
 * A change is told with the whole group; members are written as a set, so
 * that one change in a group of a thousand writes one row.
 */
#include "wa_project_int.h"

#include "wa_event_message.h"
#include "wa_json.h"


/* The rows of a JSON array [[jid, lid, role], ...]. */
#define GROUP_MEMBERS(from)                                                   \
    "(SELECT value->>0 AS jid, value->>1 AS lid, value->>2 AS role"           \
    " FROM " from ") AS m"
#define GROUP_MEMBERS_SQLITE                                                  \
    GROUP_MEMBERS("json_each($3)")
#define GROUP_MEMBERS_PG                                                      \
    GROUP_MEMBERS("json_array_elements(CAST($3 AS json)) AS x (value)")

#define GROUP_GONE(members)                                                   \
    "DELETE FROM wa_group_members WHERE account_id = $1"                      \
    " AND group_jid = $2 AND jid NOT IN (SELECT jid FROM " members ")"

#define GROUP_COME(members)                                                   \
    "INSERT INTO wa_group_members (account_id, group_jid, jid, lid, role,"    \
    " added_ms)"                                                              \
    " SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), jid, MAX(lid), MAX(role),"   \
    " CAST($4 AS BIGINT)"                                                     \
    " FROM " members " WHERE jid IS NOT NULL GROUP BY jid"                    \
    " ON CONFLICT (account_id, group_jid, jid) DO UPDATE SET"                 \
    " lid = excluded.lid, role = excluded.role"                               \
    " WHERE wa_group_members.role <> excluded.role"                           \
    " OR wa_group_members.lid IS DISTINCT FROM excluded.lid"


static wa_err_t group_row(wa_ev_t *e, const wa_jv_t *o, wa_span_t jid);
static wa_err_t group_members(wa_ev_t *e, const wa_jv_t *list,
    wa_span_t jid);
static json_t *group_member_list(wa_ev_t *e, const wa_jv_t *list);
static bool group_is_left(wa_ev_t *e);
static wa_err_t group_left(wa_ev_t *e, wa_span_t jid);
static wa_err_t group_past(wa_ev_t *e, wa_span_t jid);
static bool group_address(const wa_jv_t *v);


wa_err_t
wa_ev_on_group(wa_ev_t *e)
{
    wa_err_t        rc;
    wa_span_t       jid;
    const wa_jv_t  *o;

    o = wa_jv_get(e->data, "group");
    jid = (o == NULL) ? wa_span_none() : wa_ev_key(e, o, "jid");

    if (jid.p == NULL || e->bad) {
        return WA_OK;
    }

    rc = group_row(e, o, jid);

    if (rc == WA_OK && group_is_left(e)) {
        return group_left(e, jid);
    }

    return rc == WA_OK ? group_members(e, wa_jv_get(o, "participants"), jid)
                       : rc;
}


/* Who comes and goes is in the group.updated beside it, unless we went. */
wa_err_t
wa_ev_on_group_people(wa_ev_t *e)
{
    wa_err_t   rc;
    wa_span_t  jid;

    jid = wa_ev_key(e, e->data, "jid");

    if (e->bad) {
        return WA_OK;
    }

    rc = wa_span_eq_str(wa_ev_word(e, e->data, "action"), "remove")
         ? group_past(e, jid) : WA_OK;

    return rc == WA_OK && group_is_left(e) ? group_left(e, jid) : rc;
}


/* Who went by himself is told as removed by himself. */
static wa_err_t
group_past(wa_ev_t *e, wa_span_t jid)
{
    wa_err_t        rc;
    wa_span_t       by;
    wa_ev_args_t    a;
    const wa_jv_t  *list, *who;

    rc = WA_OK;
    by = wa_ev_word(e, e->data, "by_jid");
    list = wa_jv_get(e->data, "participants");
    who = list != NULL && list->type == WA_JV_ARRAY ? list->u.child : NULL;

    for ( /* void */ ; rc == WA_OK && who != NULL; who = who->next) {

        if (!group_address(who)) {
            continue;
        }

        a.n = 0;
        wa_ev_arg(&a, e->account);
        wa_ev_arg(&a, jid);
        wa_ev_arg(&a, who->u.s);
        wa_ev_arg(&a, wa_span_str(by.n == 0 || wa_span_eq(by, who->u.s)
                                  ? "left" : "removed"));
        wa_ev_arg_int(&a, (int64_t) e->entry->id.ms / 1000);

        rc = wa_ev_run(e,
            "INSERT INTO wa_group_past (account_id, group_jid, jid, lid,"
            " reason, left_ts) VALUES ($1, $2, $3,"
            " (SELECT MAX(m.lid) FROM wa_group_members m"
            "  WHERE m.account_id = $1 AND m.group_jid = $2 AND m.jid = $3),"
            " $4, $5) ON CONFLICT (account_id, group_jid, jid) DO UPDATE SET"
            " lid = COALESCE(excluded.lid, wa_group_past.lid),"
            " reason = excluded.reason, left_ts = excluded.left_ts"
            " WHERE excluded.left_ts > wa_group_past.left_ts", &a);
    }

    return rc;
}


/* Addresses are ASCII; a row can hold them. */
static bool
group_address(const wa_jv_t *v)
{
    size_t  i;

    if (v->type != WA_JV_STRING || v->u.s.n == 0
        || v->u.s.n >= WA_JID_TEXT_MAX)
    {
        return false;
    }

    for (i = 0; i < v->u.s.n; i++) {

        if (v->u.s.p[i] <= 0x20 || v->u.s.p[i] >= 0x7f) {
            return false;
        }
    }

    return true;
}


static wa_err_t
group_row(wa_ev_t *e, const wa_jv_t *o, wa_span_t jid)
{
    json_t        *object;
    wa_err_t       rc;
    wa_ev_args_t   a = { .n = 0 };

    object = wa_json_read(o->raw);

    if (object == NULL) {
        return WA_ERR_NOMEM;
    }

    (void) json_object_del(object, "participants");
    e->text.n = 0;
    rc = wa_json_write(object, &e->text);
    json_decref(object);

    if (rc != WA_OK) {
        return rc;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, jid);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, wa_ev_text(e, o, "name"));
    wa_ev_arg(&a, wa_ev_word(e, o, "community_jid"));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);
    wa_ev_arg_int(&a, wa_ev_pos(e));
    wa_ev_arg_int(&a, e->entry->shard);
    wa_ev_arg(&a, wa_span_buf(&e->text));

    return wa_ev_run(e,
        "INSERT INTO wa_groups (account_id, jid, tenant, name,"
        " community_jid, first_seen_ms, pos, shard, updated_ms, object)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $6, $9)"
        " ON CONFLICT (account_id, jid) DO UPDATE SET name = excluded.name,"
        " community_jid = excluded.community_jid, left_ms = NULL,"
        " updated_ms = excluded.updated_ms, object = excluded.object", &a);
}


static wa_err_t
group_members(wa_ev_t *e, const wa_jv_t *list, wa_span_t jid)
{
    bool           sqlite;
    json_t        *members;
    wa_err_t       rc;
    wa_ev_args_t   a = { .n = 0 };

    if (list == NULL || list->type != WA_JV_ARRAY) {
        return WA_OK;
    }

    members = group_member_list(e, list);

    if (members == NULL) {
        return WA_ERR_NOMEM;
    }

    e->text.n = 0;
    rc = wa_json_write(members, &e->text);
    json_decref(members);

    if (rc != WA_OK) {
        return rc;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, jid);
    wa_ev_arg(&a, wa_span_buf(&e->text));

    sqlite = (wa_sql_backend(e->db) == WA_SQL_SQLITE);

    rc = wa_ev_run(e, sqlite ? GROUP_GONE(GROUP_MEMBERS_SQLITE)
                             : GROUP_GONE(GROUP_MEMBERS_PG), &a);

    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    return rc == WA_OK ? wa_ev_run(e, sqlite
                                      ? GROUP_COME(GROUP_MEMBERS_SQLITE)
                                      : GROUP_COME(GROUP_MEMBERS_PG), &a)
                       : rc;
}


/* Only what was checked goes on: new reference, NULL: no memory. */
static json_t *
group_member_list(wa_ev_t *e, const wa_jv_t *list)
{
    json_t         *out, *member;
    wa_span_t       jid, lid, role;
    const wa_jv_t  *m;

    out = json_array();

    for (m = list->u.child; out != NULL && m != NULL; m = m->next) {
        e->bad = false;
        jid = wa_ev_key(e, m, "jid");
        lid = wa_ev_word(e, m, "lid");
        role = wa_ev_key(e, m, "role");

        if (e->bad || jid.n == 0) {
            continue;
        }

        member = json_pack("[o, o, o]", wa_json_span(jid),
                           lid.p == NULL ? json_null() : wa_json_span(lid),
                           wa_json_span(role));

        if (json_array_append_new(out, member) != 0) {
            json_decref(out);
            return NULL;
        }
    }

    e->bad = false;

    return out;
}


static bool
group_is_left(wa_ev_t *e)
{
    const wa_jv_t  *left;

    if (e->entry->aside.n == 0) {
        return false;
    }

    left = wa_jv_get(wa_jv_read(e->entry->aside, e->arena), "left");

    return left != NULL && wa_span_eq_str(left->raw, "true");
}


/* The row stays: messages of it do, too. */
static wa_err_t
group_left(wa_ev_t *e, wa_span_t jid)
{
    wa_err_t      rc;
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, jid);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    rc = wa_ev_run(e,
        "UPDATE wa_groups SET left_ms = $3, updated_ms = $3"
        " WHERE account_id = $1 AND jid = $2", &a);

    a.n = 2;

    return rc == WA_OK ? wa_ev_run(e,
        "DELETE FROM wa_group_members WHERE account_id = $1"
        " AND group_jid = $2", &a) : rc;
}
