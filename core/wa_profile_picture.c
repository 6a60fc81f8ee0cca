/*
 * Profile pictures: asked for, set and removed, see wa_profile_picture.h.
 */
#include "wa_profile_picture.h"

#include "wa_account_int.h"
#include "wa_b64.h"
#include "wa_event_message.h"
#include "wa_group_picture.h"
#include "wa_lid.h"
#include "wa_privacy.h"
#include "wa_profile.h"


#define PICTURE_WAIT_MS  20000
#define PICTURE_URL_MAX  2048


typedef struct {
    wa_query_t  query;
    wa_jid_t    jid;            /* WA_SERVER_NONE: the account's own       */
    bool        full;
    bool        set;            /* to be changed, not asked for            */
    wa_span_t   image;          /* empty: to be removed                    */
} picture_t;


static const char *picture_args(wa_task_t *t, picture_t *p,
    const json_t *args);
static const char *picture_image(wa_task_t *t, picture_t *p,
    const json_t *args);
static void picture_known(wa_task_t *t, wa_err_t rc);
static void picture_ask(wa_task_t *t, wa_err_t rc);
static wa_node_t *picture_iq(wa_arena_t *arena, const char *type);
static void picture_send(wa_task_t *t, wa_node_t *iq);
static void picture_change(wa_task_t *t, picture_t *p);
static void picture_told(wa_task_t *t, wa_err_t rc);
static void picture_tell(wa_task_t *t, picture_t *p, json_t *data);
static void picture_changed(wa_task_t *t, wa_err_t rc);
static json_t *picture_text(wa_span_t text);


void
wa_profile_picture_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_err_t     rc;
    wa_key_t     key;
    wa_task_t   *t;
    picture_t   *p;
    const char  *wrong;

    t = wa_query_task(a, cmd, "picture", picture_known, sizeof(picture_t));

    if (t == NULL) {
        return;
    }

    p = t->data;
    wrong = picture_args(t, p, cmd->args);

    if (wrong != NULL) {
        wa_query_refuse(t, "VALIDATION_ERROR", wrong);
        return;
    }

    if (p->set) {
        picture_change(t, p);
        return;
    }

    rc = WA_OK;

    if (wa_jid_is_user(&p->jid)) {
        rc = wa_lid_need(&p->jid, &t->arena, &key) == WA_LID_KEYS
             ? wa_task_need(t, &key, WA_LID_KEYS) : WA_ERR_NOMEM;
    }

    if (rc != WA_AGAIN) {
        picture_known(t, rc);
    }
}


static const char *
picture_args(wa_task_t *t, picture_t *p, const json_t *args)
{
    wa_span_t  verb;

    verb = wa_query_arg(args, "verb");
    p->set = !wa_span_eq_str(verb, "picture.get");
    p->full = wa_span_eq_str(wa_query_arg(args, "size"), "image");

    if (json_object_get(args, "jid") != NULL || !p->set) {

        if (!wa_query_arg_jid(args, "jid", &p->jid)
            || p->jid.user_len == 0
            || (!wa_jid_is_group(&p->jid)
                && (p->set || !wa_jid_is_user(&p->jid))))
        {
            return p->set ? "jid: not the address of a group"
                          : "jid: not the address of a person or group";
        }

        p->jid = wa_jid_person(&p->jid);
    }

    if (wa_span_eq_str(verb, "picture.set")) {
        return picture_image(t, p, args);
    }

    return NULL;
}


static const char *
picture_image(wa_task_t *t, picture_t *p, const json_t *args)
{
    bool       ok;
    wa_buf_t   image = WA_BUF_EMPTY;
    wa_span_t  text;

    text = wa_query_arg(args, "image");

    if (text.n == 0 || text.n > (WA_PICTURE_MAX + 2) / 3 * 4) {
        return "image: 1 byte to 512 KiB";
    }

    ok = wa_b64_decode(text, WA_B64_STD, &image) == WA_OK && image.n > 3
         && memcmp(image.p, "\xff\xd8\xff", 3) == 0
         && wa_arena_dup_span(&t->arena, wa_span_buf(&image), &p->image)
            == WA_OK;
    wa_buf_free(&image);

    return ok ? NULL : "image: not a JPEG";
}


/* ---- picture.get ---- */

/* Whether the person has a LID is known, if anybody knows. */
static void
picture_known(wa_task_t *t, wa_err_t rc)
{
    size_t      n;
    wa_key_t    keys[WA_PRIVACY_KEYS];
    picture_t  *p;

    p = t->data;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_lid_prefer(t->account, &p->jid);
    t->resume = picture_ask;
    n = wa_privacy_need(&p->jid, &t->arena, keys);

    if (n != 0) {
        rc = wa_task_need(t, keys, n);
    }

    if (rc != WA_AGAIN) {
        picture_ask(t, rc);
    }
}


/* For our own picture no token is sent: there is none, and the server does
   not answer a question with one. */
static void
picture_ask(wa_task_t *t, wa_err_t rc)
{
    picture_t   *p;
    wa_node_t   *iq, *node;
    wa_arena_t  *arena;

    p = t->data;
    arena = &t->arena;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    iq = wa_profile_picture_iq(arena, &p->jid, p->full);
    node = wa_node_ok(iq) == WA_OK ? wa_node_first(iq) : NULL;

    if (node != NULL && !wa_account_is_self(t->account, &p->jid)) {
        rc = wa_privacy_tctoken(t->account, arena, &p->jid, node);

        if (rc != WA_OK) {
            wa_query_failed(t, rc);
            return;
        }
    }

    t->resume = picture_told;
    picture_send(t, iq);
}


wa_node_t *
wa_profile_picture_iq(wa_arena_t *arena, const wa_jid_t *jid, bool full)
{
    wa_node_t  *iq, *node;

    iq = picture_iq(arena, "get");
    wa_node_set_jid(arena, iq, "target", jid);

    node = wa_node_add_new(arena, iq, "picture");
    wa_node_set_str(arena, node, "type", full ? "image" : "preview");
    wa_node_set_str(arena, node, "query", "url");

    return iq;
}


static wa_node_t *
picture_iq(wa_arena_t *arena, const char *type)
{
    wa_node_t  *iq;

    iq = wa_node_iq(arena, type, "w:profile:picture");

    return iq;
}


static void
picture_send(wa_task_t *t, wa_node_t *iq)
{
    wa_err_t  rc;

    rc = wa_task_iq_within(t, iq, PICTURE_WAIT_MS);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


/* No picture is an error 404 or an answer without one; 401 and 403: the
   person does not show it to us. */
static void
picture_told(wa_task_t *t, wa_err_t rc)
{
    bool              hidden;
    json_t           *data;
    picture_t        *p;
    wa_span_t         url, id;
    const wa_node_t  *n;

    hidden = false;
    n = NULL;

    if (rc == WA_ERR_REFUSED && (t->iq_code == 401 || t->iq_code == 403)) {
        hidden = true;

    } else if (rc == WA_OK) {
        n = wa_node_child(t->answer, "picture");

    } else if (rc != WA_ERR_REFUSED || t->iq_code != 404) {
        wa_query_failed(t, rc);
        return;
    }

    url = n == NULL ? wa_span_none() : wa_profile_picture_url(t->answer);
    id = url.n == 0 ? wa_span_none() : wa_node_attr(n, "id");
    p = t->data;

    if (wa_jid_is_group(&p->jid) && !p->full && !hidden) {
        wa_group_picture_told(t->account, &p->jid, url);
    }

    data = json_pack("{s:o, s:o, s:b}", "url", picture_text(url), "id",
                     picture_text(id), "hidden", hidden);

    if (data != NULL && wa_jid_is_user(&p->jid) && !p->full && !hidden
        && !wa_account_is_self(t->account, &p->jid))
    {
        picture_tell(t, p, data);
        return;
    }

    wa_query_done(t, data);
}


/* Where a person's picture is, others want to know, too.  Steals `data`. */
static void
picture_tell(wa_task_t *t, picture_t *p, json_t *data)
{
    json_t     *c;
    wa_err_t    rc;
    wa_unit_t  *u;

    c = wa_profile_contact(t->account, &p->jid);

    if (c == NULL) {
        json_decref(data);
        wa_query_failed(t, WA_ERR_NOMEM);
        return;
    }

    (void) json_object_set(c, "profile_pic_url",
                           json_object_get(data, "url"));
    (void) json_object_set(c, "picture_id", json_object_get(data, "id"));

    u = wa_unit_new(t->account);
    (void) wa_unit_event(u, "contact.updated",
                         json_pack("{s:o}", "contact", c));
    (void) wa_unit_reply(u, p->query.cmd_id, NULL, NULL, data);
    rc = wa_unit_commit(u, NULL);

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_task_end(t, WA_OK);
}


wa_span_t
wa_profile_picture_url(const wa_node_t *answer)
{
    wa_span_t  url;

    url = wa_node_attr(wa_node_child(answer, "picture"), "url");

    return url.n > PICTURE_URL_MAX || url.n < 8
           || memcmp(url.p, "https://", 8) != 0 ? wa_span_none() : url;
}


static json_t *
picture_text(wa_span_t text)
{
    return text.n == 0 ? json_null() : wa_json_span(text);
}


/* ---- picture.set, picture.remove ---- */

static void
picture_change(wa_task_t *t, picture_t *p)
{
    wa_node_t   *iq, *node;
    wa_arena_t  *arena;

    arena = &t->arena;
    iq = picture_iq(arena, "set");

    if (p->jid.server != WA_SERVER_NONE) {
        wa_node_set_jid(arena, iq, "target", &p->jid);
    }

    if (p->image.n != 0) {
        node = wa_node_add_new(arena, iq, "picture");
        wa_node_set_str(arena, node, "type", "image");
        wa_node_bytes(node, p->image);
    }

    t->resume = picture_changed;
    picture_send(t, iq);
}


static void
picture_changed(wa_task_t *t, wa_err_t rc)
{
    picture_t  *p;
    wa_span_t   id;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    p = t->data;

    if (wa_jid_is_group(&p->jid) && p->image.n != 0) {
        wa_group_picture_ask(t->account, &p->jid);

    } else if (wa_jid_is_group(&p->jid)) {
        wa_group_picture_told(t->account, &p->jid, wa_span_none());
    }

    id = wa_node_attr(wa_node_child(t->answer, "picture"), "id");
    wa_query_done(t, json_pack("{s:b, s:o}", "success", 1, "id",
                               picture_text(id)));
}
