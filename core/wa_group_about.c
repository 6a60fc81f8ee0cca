/*
 * What <notification type=w:gp2> tells about a group that is not in its
 * record: who asks to be let in, which groups a community links.  Told beside
 * the group in group.updated.
 *
 *     join_requests: {action created|revoked, method, by_jid, participants}
 *     linked:        {action link|unlink, type, groups: [{jid, name}]}
 *
 * Source: whatsmeow group.go, zapo events/group.ts.
 */
#include "wa_group.h"

#include "wa_event_message.h"


static json_t *about_requests(const wa_node_t *c, const wa_jid_t *actor,
    wa_arena_t *arena);
static json_t *about_people(const wa_node_t *c, const char *tag,
    wa_arena_t *arena);
static json_t *about_links(const wa_node_t *c);
static json_t *about_attr(const wa_node_t *c, const char *name);


bool
wa_group_node_jid(const wa_node_t *node, wa_jid_t *jid)
{
    wa_span_t  id;

    id = wa_node_attr(node, "id");

    if (id.n == 0) {
        id = wa_node_attr(node, "jid");
    }

    return id.n != 0
           && (wa_jid_parse(id, jid) == WA_OK
               || wa_jid_make(jid, id, WA_SERVER_GROUP, 0) == WA_OK)
           && wa_jid_is_group(jid);
}


wa_err_t
wa_group_about(const wa_node_t *c, const wa_jid_t *actor, wa_arena_t *arena,
    json_t **about)
{
    json_t      *o;
    const char  *name;

    if (wa_node_is(c, "created_membership_requests")
        || wa_node_is(c, "revoked_membership_requests")
        || wa_node_is(c, "membership_approval_request"))
    {
        name = "join_requests";
        o = about_requests(c, actor, arena);

    } else if (wa_node_is(c, "link") || wa_node_is(c, "unlink")) {
        name = "linked";
        o = about_links(c);

    } else {
        return WA_OK;
    }

    if (*about == NULL) {
        *about = json_object();
    }

    return o == NULL || json_object_set_new(*about, name, o) != 0
               ? WA_ERR_NOMEM : WA_OK;
}


/* Who asks alone is the one who did it. */
static json_t *
about_requests(const wa_node_t *c, const wa_jid_t *actor, wa_arena_t *arena)
{
    bool     revoked;
    json_t  *people;

    revoked = wa_node_is(c, "revoked_membership_requests");

    if (wa_node_is(c, "membership_approval_request")) {
        people = json_pack("[o]", wa_json_jid(actor));

    } else {
        people = about_people(c, revoked ? "participant" : "requested_user",
                              arena);
    }

    return json_pack("{s:s, s:o, s:o, s:o}",
                     "action", revoked ? "revoked" : "created",
                     "method", about_attr(c, "request_method"),
                     "by_jid", wa_json_jid(actor), "participants", people);
}


static json_t *
about_people(const wa_node_t *c, const char *tag, wa_arena_t *arena)
{
    json_t            *list;
    wa_err_t           rc;
    wa_jid_t           show;
    const wa_node_t   *p;
    Wa__GroupMember   *m;

    list = json_array();

    for (p = wa_node_child(c, tag); p != NULL; p = wa_node_sibling(p, tag)) {
        rc = wa_group_participant(p, arena, &m);

        if (rc == WA_ERR_SYNTAX) {
            continue;
        }

        if (rc == WA_OK) {
            show = wa_group_member_show(m);
        }

        if (rc != WA_OK
            || json_array_append_new(list, wa_json_jid(&show)) != 0)
        {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


static json_t *
about_links(const wa_node_t *c)
{
    bool              link;
    json_t           *list, *o;
    wa_jid_t          jid;
    const wa_node_t  *g;

    link = wa_node_is(c, "link");
    list = json_array();

    for (g = wa_node_child(c, "group"); g != NULL;
         g = wa_node_sibling(g, "group"))
    {
        if (!wa_group_node_jid(g, &jid)) {
            continue;
        }

        o = json_pack("{s:o, s:o}", "jid", wa_json_jid(&jid),
                      "name", about_attr(g, "subject"));

        if (json_array_append_new(list, o) != 0) {
            json_decref(list);
            return NULL;
        }
    }

    return json_pack("{s:s, s:o, s:o}", "action", link ? "link" : "unlink",
                     "type", about_attr(c, link ? "link_type"
                                                : "unlink_type"),
                     "groups", list);
}


/* json null: it has none. */
static json_t *
about_attr(const wa_node_t *c, const char *name)
{
    wa_span_t  text;

    text = wa_node_attr(c, name);

    return text.p == NULL ? json_null() : wa_json_span(text);
}
