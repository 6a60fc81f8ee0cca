/*
 * Groups as the HTTP contract shows them.
 */
#include "wa_group.h"

#include "wa_account_int.h"
#include "wa_event_message.h"


static json_t *group_person(const char *lid, const char *pn);
static json_t *group_members(const Wa__Group *g, bool metadata);
static const char *group_role(uint32_t role);


json_t *
wa_group_json(const wa_account_t *a, const wa_jid_t *jid, const Wa__Group *g)
{
    char     now[32];
    json_t  *o;

    o = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:b, s:b, s:b, s:o}",
                  "jid", wa_json_jid(jid),
                  "account_id", a->id,
                  "name", wa_json_text(g->subject),
                  "description", wa_json_text(g->description),
                  "owner_jid", group_person(g->owner_lid, g->owner_pn),
                  "creation_time", g->has_created
                                   ? json_integer(g->created) : json_null(),
                  "participant_count", (json_int_t) g->n_members,
                  "is_announce", (int) (g->announce != 0),
                  "is_restrict", (int) (g->locked != 0),
                  "is_community", (int) (g->community != 0),
                  "participants", group_members(g, false));

    if (o == NULL
        || json_object_set_new(o, "ephemeral_duration",
                               g->has_ephemeral && g->ephemeral != 0
                               ? json_integer(g->ephemeral) : json_null())
        || json_object_set_new(o, "join_approval",
                               json_boolean(g->approval != 0))
        || json_object_set_new(o, "member_add_mode",
                               json_string(g->admin_add ? "admin" : "all"))
        || json_object_set_new(o, "addressing_mode",
                               json_string(g->lid ? "lid" : "pn"))
        || json_object_set_new(o, "community_jid", wa_json_text(g->parent))
        || json_object_set_new(o, "profile_pic_url", wa_json_text(g->picture))
        || json_object_set_new(o, "invite_code", wa_json_text(g->invite))
        || json_object_set_new(o, "updated_at",
                               json_string(wa_iso_time(wa_unix_ms(a), now))))
    {
        json_decref(o);
        return NULL;
    }

    return o;
}


json_t *
wa_group_metadata(const wa_jid_t *jid, const Wa__Group *g)
{
    json_t  *o;

    o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:b, s:o}",
                  "id", wa_json_jid(jid),
                  "subject", wa_json_text(g->subject),
                  "desc", wa_json_text(g->description),
                  "owner", group_person(g->owner_lid, g->owner_pn),
                  "creation", g->has_created ? json_integer(g->created)
                                             : json_null(),
                  "size", (json_int_t) g->n_members,
                  "announce", (int) (g->announce != 0),
                  "restrict", (int) (g->locked != 0),
                  "participants", group_members(g, true));

    if (o != NULL && g->has_ephemeral && g->ephemeral != 0
        && json_object_set_new(o, "ephemeralDuration",
                               json_integer(g->ephemeral)) != 0)
    {
        json_decref(o);
        return NULL;
    }

    return o;
}


wa_err_t
wa_group_event(wa_unit_t *u, const wa_jid_t *jid, const Wa__Group *g,
    bool created, json_t *about)
{
    json_t  *data, *group;

    if (u == NULL) {
        json_decref(about);
        return WA_ERR_NOMEM;
    }

    group = wa_group_json(wa_unit_account(u), jid, g);
    data = json_pack("{s:o, s:b}", "group", group, "created", (int) created);

    if (data != NULL && about != NULL
        && json_object_update_missing(data, about) != 0)
    {
        json_decref(data);
        data = NULL;
    }

    json_decref(about);

    return data == NULL ? WA_ERR_NOMEM
                        : wa_unit_event(u, "group.updated", data);
}


static json_t *
group_person(const char *lid, const char *pn)
{
    Wa__GroupMember  m = WA__GROUP_MEMBER__INIT;
    wa_jid_t         jid;

    m.lid = (char *) (uintptr_t) lid;
    m.pn = (char *) (uintptr_t) pn;
    jid = wa_group_member_show(&m);

    return wa_json_jid(&jid);
}


/* New reference; NULL: no memory. */
static json_t *
group_members(const Wa__Group *g, bool metadata)
{
    size_t            i;
    json_t           *list, *o;
    wa_jid_t          show, lid, pn;
    Wa__GroupMember  *m;

    list = json_array();

    for (i = 0; list != NULL && i < g->n_members; i++) {
        m = g->members[i];
        wa_group_member_jids(m, &lid, &pn);
        show = wa_group_member_show(m);

        if (metadata) {
            o = json_pack("{s:o, s:o, s:o}", "id", wa_json_jid(&show),
                          "lid", wa_json_jid(&lid),
                          "admin", m->role == WA_ROLE_MEMBER
                                   ? json_null()
                                   : json_string(group_role(m->role)));

        } else {
            o = json_pack("{s:o, s:o, s:o, s:s}",
                          "participant_jid", wa_json_jid(&show),
                          "jid", wa_json_jid(&show),
                          "lid", wa_json_jid(&lid),
                          "role", group_role(m->role));
        }

        if (json_array_append_new(list, o) != 0) {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


static const char *
group_role(uint32_t role)
{
    return role == WA_ROLE_SUPERADMIN ? "superadmin"
           : role == WA_ROLE_ADMIN ? "admin" : "member";
}
