/*
 * Who is who in a piece of history, see wa_history_map.h.
 */
#include "wa_history_map.h"


#define MAP_SLOTS_MIN  256u


static wa_history_person_t *map_look(const wa_history_map_t *m,
    const wa_jid_t *jid, size_t *slot);
static bool map_grow(wa_history_map_t *m);
static size_t map_hash(const wa_history_map_t *m, uint8_t server,
    const char *user, size_t n);


wa_err_t
wa_history_map_init(wa_history_map_t *m, wa_arena_t *arena)
{
    memset(m, 0, sizeof(*m));

    m->slots = wa_calloc(MAP_SLOTS_MIN, sizeof(wa_history_person_t *));
    if (m->slots == NULL) {
        return WA_ERR_NOMEM;
    }

    m->n_slots = MAP_SLOTS_MIN;
    m->tail = &m->first;
    m->arena = arena;

    return WA_OK;
}


void
wa_history_map_free(wa_history_map_t *m)
{
    wa_free(m->slots);
    memset(m, 0, sizeof(*m));
}


wa_history_person_t *
wa_history_map_add(wa_history_map_t *m, const wa_jid_t *jid)
{
    size_t                slot;
    wa_jid_t              who;
    wa_history_person_t  *p;

    if (!wa_jid_is_user(jid)) {
        return NULL;
    }

    who = wa_jid_person(jid);
    p = map_look(m, &who, &slot);

    if (p != NULL) {
        return p;
    }

    if (m->n >= WA_HISTORY_PEOPLE_MAX) {
        return NULL;
    }

    if (2 * m->n < m->n_slots || map_grow(m)) {
        p = wa_arena_alloc(m->arena, sizeof(*p) + who.user_len);
    }

    if (p == NULL) {
        m->nomem = true;
        return NULL;
    }

    memset(p, 0, sizeof(*p));
    p->server = who.server;
    p->user_len = who.user_len;
    memcpy(p->user, who.user, who.user_len);

    (void) map_look(m, &who, &slot);
    m->slots[slot] = p;
    m->n++;
    *m->tail = p;
    m->tail = &p->next;

    return p;
}


bool
wa_history_map_pair(wa_history_map_t *m, const wa_jid_t *pn,
    const wa_jid_t *lid)
{
    wa_history_person_t  *a, *b;

    if (!wa_jid_is_pn(pn) || !wa_jid_is_lid(lid)) {
        return false;
    }

    a = wa_history_map_add(m, pn);
    b = wa_history_map_add(m, lid);

    if (a == NULL || b == NULL) {
        return false;
    }

    if (a->other != NULL && a->other != b) {
        a->other->other = NULL;
    }

    if (b->other != NULL && b->other != a) {
        b->other->other = NULL;
    }

    a->other = b;
    b->other = a;

    return true;
}


void
wa_history_map_find(const wa_history_map_t *m, const wa_jid_t *jid,
    wa_jid_t *pn, wa_jid_t *lid)
{
    size_t                      slot;
    wa_jid_t                    who, other;
    const wa_history_person_t  *p;

    who = wa_jid_person(jid);
    memset(&other, 0, sizeof(other));
    memset(pn, 0, sizeof(*pn));
    memset(lid, 0, sizeof(*lid));

    if (!wa_jid_is_user(&who)) {
        return;
    }

    p = map_look(m, &who, &slot);

    if (p != NULL && p->other != NULL) {
        other = wa_history_person_jid(p->other);
    }

    *pn = wa_jid_is_pn(&who) ? who : other;
    *lid = wa_jid_is_pn(&who) ? other : who;
}


wa_jid_t
wa_history_person_jid(const wa_history_person_t *p)
{
    wa_jid_t  jid;

    memset(&jid, 0, sizeof(jid));
    memcpy(jid.user, p->user, p->user_len);
    jid.user_len = p->user_len;
    jid.server = p->server;

    return jid;
}


/* NULL: not there; *slot is where it would be. */
static wa_history_person_t *
map_look(const wa_history_map_t *m, const wa_jid_t *jid, size_t *slot)
{
    size_t                i;
    wa_history_person_t  *p;

    for (i = map_hash(m, jid->server, jid->user, jid->user_len);
         m->slots[i] != NULL;
         i = (i + 1) & (m->n_slots - 1))
    {
        p = m->slots[i];

        if (p->server == jid->server && p->user_len == jid->user_len
            && memcmp(p->user, jid->user, p->user_len) == 0)
        {
            *slot = i;
            return p;
        }
    }

    *slot = i;

    return NULL;
}


static bool
map_grow(wa_history_map_t *m)
{
    size_t                 i;
    wa_history_person_t   *p, **slots;

    slots = wa_calloc(2 * m->n_slots, sizeof(wa_history_person_t *));
    if (slots == NULL) {
        return false;
    }

    wa_free(m->slots);
    m->slots = slots;
    m->n_slots *= 2;

    for (p = m->first; p != NULL; p = p->next) {
        i = map_hash(m, p->server, p->user, p->user_len);

        while (slots[i] != NULL) {
            i = (i + 1) & (m->n_slots - 1);
        }

        slots[i] = p;
    }

    return true;
}


static size_t
map_hash(const wa_history_map_t *m, uint8_t server, const char *user,
    size_t n)
{
    size_t    i;
    uint32_t  hash;

    hash = (2166136261u ^ server) * 16777619u;

    for (i = 0; i < n; i++) {
        hash = (hash ^ (uint8_t) user[i]) * 16777619u;
    }

    return hash & (m->n_slots - 1);
}
