/*
 * Who is mentioned, see wa_event_mention.h.
 */
#include "wa_event_mention.h"

#include "wa_group.h"
#include "wa_lid.h"


static bool mention_jid(const char *text, wa_jid_t *jid);
static void mention_pair(wa_account_t *a, const Wa__Group *g,
    const wa_jid_t *jid, wa_mention_t *out);


size_t
wa_mentions_need(const wa_content_t *c, const wa_jid_t *chat,
    wa_arena_t *arena, wa_key_t *keys)
{
    size_t    i, n;
    wa_jid_t  jid;

    if (c->n_mentions == 0) {
        return 0;
    }

    n = (wa_jid_is_group(chat) && wa_group_need(chat, arena, &keys[0]));

    for (i = 0; i < c->n_mentions && i < WA_MENTIONS_KNOWN_MAX; i++) {

        if (mention_jid(c->mentions[i], &jid)) {
            n += wa_lid_need(&jid, arena, &keys[n]);
        }
    }

    return n;
}


const wa_mention_t *
wa_mentions_find(wa_account_t *a, const wa_content_t *c,
    const wa_jid_t *chat, wa_arena_t *arena)
{
    size_t         i;
    wa_jid_t       jid;
    Wa__Group     *g;
    wa_mention_t  *list;

    g = NULL;
    list = (c->n_mentions == 0) ? NULL
           : wa_arena_calloc(arena, c->n_mentions, sizeof(wa_mention_t));

    if (list == NULL
        || (wa_jid_is_group(chat)
            && wa_group_get(a, chat, arena, &g) != WA_OK))
    {
        return NULL;
    }

    for (i = 0; i < c->n_mentions && i < WA_MENTIONS_KNOWN_MAX; i++) {

        if (mention_jid(c->mentions[i], &jid)) {
            mention_pair(a, g, &jid, &list[i]);
        }
    }

    return list;
}


/* Bare, of a person. */
static bool
mention_jid(const char *text, wa_jid_t *jid)
{
    if (wa_jid_parse(wa_span_str(text), jid) != WA_OK
        || !wa_jid_is_user(jid))
    {
        return false;
    }

    *jid = wa_jid_bare(jid);

    return true;
}


static void
mention_pair(wa_account_t *a, const Wa__Group *g, const wa_jid_t *jid,
    wa_mention_t *out)
{
    Wa__GroupMember  *m;

    m = (g == NULL) ? NULL : wa_group_member(g, jid);

    if (m != NULL) {
        wa_group_member_jids(m, &out->lid, &out->pn);
    }

    if (wa_jid_is_lid(jid)) {
        out->lid = *jid;

        if (out->pn.server == WA_SERVER_NONE
            && !wa_pn_of(a, jid, &out->pn))
        {
            out->pn.server = WA_SERVER_NONE;
        }

        return;
    }

    out->pn = *jid;

    if (out->lid.server == WA_SERVER_NONE && !wa_lid_of(a, jid, &out->lid)) {
        out->lid.server = WA_SERVER_NONE;
    }
}


void
wa_mentions_json(const wa_message_view_t *v, wa_jw_t *w)
{
    size_t               i;
    wa_jid_t             jid;
    const wa_content_t  *c;

    c = v->content;
    wa_jw_open(w, WA_JW("mentions"), '[');

    for (i = 0; i < c->n_mentions; i++) {

        if (v->mentions != NULL
            && v->mentions[i].pn.server != WA_SERVER_NONE)
        {
            wa_jw_jid(w, NULL, &v->mentions[i].pn);

        } else {
            wa_jw_str(w, NULL, c->mentions[i]);
        }
    }

    if (c->mentions_all) {
        wa_jw_str(w, NULL, "all");
    }

    wa_jw_close(w, ']');

    if (c->n_mentions == 0) {
        return;
    }

    wa_jw_open(w, WA_JW("mention_lids"), '[');

    for (i = 0; i < c->n_mentions; i++) {

        if (v->mentions != NULL
            && v->mentions[i].lid.server != WA_SERVER_NONE)
        {
            wa_jw_jid(w, NULL, &v->mentions[i].lid);

        } else if (mention_jid(c->mentions[i], &jid) && wa_jid_is_lid(&jid)) {
            wa_jw_jid(w, NULL, &jid);

        } else {
            wa_jw_null(w, NULL);
        }
    }

    wa_jw_close(w, ']');
}
