/*
 * The picture of a group, see wa_group_picture.h.
 */
#include "wa_group_picture.h"

#include "wa_account_int.h"
#include "wa_group.h"
#include "wa_profile_picture.h"
#include "wa_receipt.h"


#define PICTURE_WAIT_MS  20000

typedef struct {
    wa_jid_t   jid;
    wa_span_t  url;
    bool       anew;            /* others know an older one                */
} picture_t;


static picture_t *picture_task(wa_account_t *a, const wa_jid_t *group,
    wa_task_t **t);
static void picture_question(wa_task_t *t, const picture_t *p);
static void picture_answered(wa_task_t *t, wa_err_t rc);
static wa_err_t picture_need(wa_task_t *t, const picture_t *p);
static void picture_need_then(wa_task_t *t, wa_task_pt then);
static void picture_keep(wa_task_t *t, wa_err_t rc);
static void picture_changed(wa_task_t *t, wa_err_t rc);
static wa_err_t picture_put(wa_unit_t *u, wa_task_t *t, Wa__Group *g,
    bool event);


void
wa_group_picture_told(wa_account_t *a, const wa_jid_t *group, wa_span_t url)
{
    wa_task_t  *t;
    picture_t  *p;

    p = picture_task(a, group, &t);

    if (p == NULL) {
        return;
    }

    if (wa_arena_dup_span(&t->arena, url, &p->url) != WA_OK) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    picture_need_then(t, picture_keep);
}


void
wa_group_picture_ask(wa_account_t *a, const wa_jid_t *group)
{
    wa_task_t  *t;
    picture_t  *p;

    p = picture_task(a, group, &t);

    if (p != NULL) {
        p->anew = true;
        picture_question(t, p);
    }
}


static picture_t *
picture_task(wa_account_t *a, const wa_jid_t *group, wa_task_t **t)
{
    picture_t  *p;

    *t = wa_task_new(a, "group picture", picture_keep);
    p = (*t == NULL) ? NULL
                     : wa_arena_calloc(&(*t)->arena, 1, sizeof(picture_t));

    if (p == NULL) {

        if (*t != NULL) {
            wa_task_end(*t, WA_ERR_NOMEM);
        }

        return NULL;
    }

    (*t)->data = p;
    p->jid = *group;

    return p;
}


static void
picture_question(wa_task_t *t, const picture_t *p)
{
    wa_err_t    rc;
    wa_node_t  *iq;

    iq = wa_profile_picture_iq(&t->arena, &p->jid, false);
    t->resume = picture_answered;
    rc = wa_task_iq_within(t, iq, PICTURE_WAIT_MS);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


/* Refused: there is none, or none for us.  No answer: nobody knows. */
static void
picture_answered(wa_task_t *t, wa_err_t rc)
{
    picture_t  *p;

    p = t->data;

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&t->arena,
                               wa_profile_picture_url(t->answer), &p->url);

    } else if (rc == WA_ERR_REFUSED || rc == WA_ERR_TIMEOUT) {
        rc = WA_OK;
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    picture_need_then(t, picture_keep);
}


static wa_err_t
picture_need(wa_task_t *t, const picture_t *p)
{
    wa_key_t  keys[2];

    if (!wa_group_need(&p->jid, &t->arena, &keys[0])) {
        return WA_ERR_NOMEM;
    }

    keys[1].name = wa_span_str(WA_GROUP_RECORD_LIST);
    keys[1].day = 0;

    return wa_task_need(t, keys, 2);
}


static void
picture_need_then(wa_task_t *t, wa_task_pt then)
{
    wa_err_t  rc;

    t->resume = then;
    rc = picture_need(t, t->data);

    if (rc != WA_AGAIN) {
        then(t, rc);
    }
}


/* Of a group that nothing is kept of, nothing is kept. */
static void
picture_keep(wa_task_t *t, wa_err_t rc)
{
    Wa__Group  *g;
    wa_unit_t  *u;
    picture_t  *p;

    p = t->data;

    if (rc == WA_OK) {
        rc = wa_group_get(t->account, &p->jid, &t->arena, &g);
    }

    if (rc != WA_OK || g == NULL
        || (!p->anew && wa_span_eq(p->url, g->picture == NULL
                                           ? wa_span_none()
                                           : wa_span_str(g->picture))))
    {
        wa_task_end(t, rc);
        return;
    }

    u = wa_unit_new(t->account);
    rc = picture_put(u, t, g, true);

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc);
        return;
    }

    wa_task_end(t, wa_unit_commit(u, NULL));
}


static wa_err_t
picture_put(wa_unit_t *u, wa_task_t *t, Wa__Group *g, bool event)
{
    wa_err_t    rc;
    picture_t  *p;

    p = t->data;
    g->picture = p->url.n == 0 ? NULL : wa_arena_strdup(&t->arena, p->url);

    if (u == NULL || (p->url.n != 0 && g->picture == NULL)) {
        return WA_ERR_NOMEM;
    }

    rc = wa_group_put(u, &p->jid, g);

    return rc == WA_OK && event ? wa_group_event(u, &p->jid, g, false, NULL)
                                : rc;
}


/* ---- what others do ---- */

void
wa_group_picture_notification(wa_task_t *t)
{
    wa_err_t    rc;
    picture_t  *p;

    p = wa_arena_calloc(&t->arena, 1, sizeof(picture_t));
    t->data = p;

    if (p == NULL || !wa_node_attr_jid(t->stanza, "from", &p->jid)) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    t->resume = picture_changed;
    rc = picture_need(t, p);

    if (rc != WA_AGAIN) {
        picture_changed(t, rc);
    }
}


/*
 * The address that is kept is no longer right.  The new one is asked for,
 * but not for all that happened while we were away.
 */
static void
picture_changed(wa_task_t *t, wa_err_t rc)
{
    bool        ask;
    Wa__Group  *g;
    wa_unit_t  *u;
    picture_t  *p;

    p = t->data;

    if (rc == WA_OK) {
        rc = wa_group_get(t->account, &p->jid, &t->arena, &g);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    ask = g != NULL && wa_node_child(t->stanza, "set") != NULL
          && wa_node_attr(t->stanza, "offline").n == 0;

    u = wa_unit_new(t->account);

    if (g != NULL && g->picture != NULL) {
        rc = picture_put(u, t, g, !ask);
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc);
        return;
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    rc = wa_unit_commit(u, NULL);

    if (rc == WA_OK && ask) {
        wa_group_picture_ask(t->account, &p->jid);
    }

    wa_task_end(t, rc);
}
