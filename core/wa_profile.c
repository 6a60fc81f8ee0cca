/*
 * Profiles, see wa_profile.h.
 */
#include "wa_profile.h"

#include "business.pb-c.h"

#include "wa_account_int.h"
#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_mex.h"
#include "wa_notify.h"
#include "wa_pb.h"
#include "wa_receipt.h"


#define PROFILE_WAIT_MS   20000

/* For the second one of two. */
#define ABOUT_WAIT_MS     5000

/* Bytes of a text that a person gives; more is cut off. */
#define PROFILE_TEXT_MAX  4096

/* Entries of a list in a business profile. */
#define PROFILE_LIST_MAX  32


typedef struct {
    wa_query_t  query;                  /* must be first */
    wa_span_t   text;
} about_t;


static void about_set(wa_task_t *t, wa_err_t rc);
static void about_shown(wa_task_t *t, wa_err_t rc);
static void business_told(wa_task_t *t, wa_err_t rc);
static json_t *business_json(const wa_node_t *profile);
static json_t *business_list(const wa_node_t *parent, const char *tag);
static json_t *business_hours(const wa_node_t *hours);
static json_t *business_options(const wa_node_t *options);
static json_t *profile_text(wa_span_t text);
static json_t *profile_attr(const wa_node_t *n, const char *name);
static bool notice_who(const wa_node_t *stanza, wa_jid_t *who);
static void notice_apply(wa_task_t *t, wa_err_t rc);
static void notice_tell(wa_unit_t *u, wa_task_t *t, const wa_jid_t *who);
static bool notice_business(wa_task_t *t, json_t *contact);


static size_t
characters(wa_span_t text)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < text.n; i++) {
        n += (text.p[i] & 0xc0) != 0x80;
    }

    return n;
}


/* ---- profile.about ---- */

void
wa_profile_about_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    about_t    *q;
    wa_err_t    rc;
    wa_node_t  *iq;
    wa_task_t  *t;
    wa_span_t   about;

    t = wa_query_task(a, cmd, "about", about_set, sizeof(about_t));

    if (t == NULL) {
        return;
    }

    about = wa_query_arg(cmd->args, "about");

    if (!json_is_string(json_object_get(cmd->args, "about"))
        || characters(about) > WA_PROFILE_ABOUT)
    {
        wa_query_refuse(t, "VALIDATION_ERROR",
                        "about: a text of up to 139 characters");
        return;
    }

    q = t->data;
    rc = wa_arena_dup_span(&t->arena, about, &q->text);

    if (rc == WA_OK) {
        iq = wa_node_iq(&t->arena, "set", "status");
        wa_node_bytes(wa_node_add_new(&t->arena, iq, "status"), q->text);
        rc = wa_task_iq_within(t, iq, PROFILE_WAIT_MS);
    }

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


/*
 * WhatsApp keeps the text twice: as <iq xmlns=status> sets it, which is what
 * a usync tells, and as a query in JSON does, which is what its programs show
 * (with an emoji and an end, neither of which there is here).  The web client
 * sets both (whatsmeow pull request 1219).
 */
static void
about_set(wa_task_t *t, wa_err_t rc)
{
    about_t    *q;
    wa_node_t  *iq;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    q = t->data;
    iq = wa_mex_iq(t, WA_MEX_PROFILE_ABOUT,
                   json_pack("{s:{s:o, s:i}}", "input",
                             "text", q->text.n == 0 ? json_null()
                                                    : wa_json_span(q->text),
                             "ephemeral_duration_sec", 0));

    t->resume = about_shown;
    rc = (iq == NULL) ? WA_ERR_NOMEM
                      : wa_task_iq_within(t, iq, ABOUT_WAIT_MS);

    if (rc != WA_AGAIN) {
        about_shown(t, rc);
    }
}


/* A server that does not know the query has the text all the same. */
static void
about_shown(wa_task_t *t, wa_err_t rc)
{
    json_t  *value;

    rc = wa_mex_answer(t, rc, "xwa2_update_text_status", &value);
    json_decref(value);

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_WARN, "the about text may not be shown "
               "everywhere: %s %u", wa_err_name(rc), (unsigned) t->iq_code);
    }

    wa_query_done(t, json_pack("{s:b}", "success", 1));
}


/* ---- contact.business ---- */

void
wa_profile_business_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_err_t    rc;
    wa_jid_t    jid;
    wa_node_t  *iq, *node;
    wa_task_t  *t;

    t = wa_query_task(a, cmd, "business", business_told,
                      sizeof(wa_query_t));

    if (t == NULL) {
        return;
    }

    if (!wa_query_arg_jid(cmd->args, "jid", &jid) || !wa_jid_is_user(&jid)) {
        wa_query_refuse(t, "VALIDATION_ERROR",
                        "jid: not the address of a person");
        return;
    }

    jid = wa_jid_person(&jid);
    iq = wa_node_iq(&t->arena, "get", "w:biz");

    node = wa_node_add_new(&t->arena, iq, "business_profile");
    wa_node_set_str(&t->arena, node, "v", "244");
    node = wa_node_add_new(&t->arena, node, "profile");
    wa_node_set_jid(&t->arena, node, "jid", &jid);

    rc = wa_task_iq_within(t, iq, PROFILE_WAIT_MS);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


/* Who is no business has no profile, or an error 404. */
static void
business_told(wa_task_t *t, wa_err_t rc)
{
    json_t           *business;
    const wa_node_t  *profile;

    if (rc != WA_OK && (rc != WA_ERR_REFUSED || t->iq_code != 404)) {
        wa_query_failed(t, rc);
        return;
    }

    profile = rc != WA_OK ? NULL
              : wa_node_child(wa_node_child(t->answer, "business_profile"),
                              "profile");
    business = profile == NULL || profile->first == NULL
               ? json_null() : business_json(profile);

    wa_query_done(t, json_pack("{s:o}", "business", business));
}


static json_t *
business_json(const wa_node_t *p)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "jid", profile_attr(p, "jid"),
        "description", profile_text(wa_node_child_content(p,
                                                          "description")),
        "address", profile_text(wa_node_child_content(p, "address")),
        "email", profile_text(wa_node_child_content(p, "email")),
        "websites", business_list(p, "website"),
        "categories", business_list(wa_node_child(p, "categories"),
                                    "category"),
        "hours", business_hours(wa_node_child(p, "business_hours")),
        "profile_options", business_options(wa_node_child(p,
                                                "profile_options")));
}


static json_t *
business_list(const wa_node_t *parent, const char *tag)
{
    json_t           *list;
    const wa_node_t  *n;

    list = json_array();

    for (n = wa_node_child(parent, tag);
         n != NULL && json_array_size(list) < PROFILE_LIST_MAX;
         n = wa_node_sibling(n, tag))
    {
        (void) json_array_append_new(list,
                                     profile_text(wa_node_content(n)));
    }

    return list;
}


/* Open and closing time are minutes after midnight. */
static json_t *
business_hours(const wa_node_t *hours)
{
    json_t           *list;
    const wa_node_t  *n;

    if (hours == NULL) {
        return json_null();
    }

    list = json_array();

    for (n = wa_node_child(hours, "business_hours_config");
         n != NULL && json_array_size(list) < PROFILE_LIST_MAX;
         n = wa_node_sibling(n, "business_hours_config"))
    {
        (void) json_array_append_new(list,
            json_pack("{s:o, s:o, s:o, s:o}",
                      "day", profile_attr(n, "day_of_week"),
                      "mode", profile_attr(n, "mode"),
                      "open", profile_attr(n, "open_time"),
                      "close", profile_attr(n, "close_time")));
    }

    return json_pack("{s:o, s:o}", "timezone",
                     profile_attr(hours, "timezone"), "days", list);
}


static json_t *
business_options(const wa_node_t *options)
{
    char              name[64];
    json_t           *o;
    const wa_node_t  *n;

    if (wa_node_first(options) == NULL) {
        return json_null();
    }

    o = json_object();

    for (n = wa_node_first(options);
         n != NULL && json_object_size(o) < PROFILE_LIST_MAX;
         n = n->next)
    {
        if (n->tag.n < sizeof(name)) {
            memcpy(name, n->tag.p, n->tag.n);
            name[n->tag.n] = '\0';
            (void) json_object_set_new(o, name,
                                       profile_text(wa_node_content(n)));
        }
    }

    return o;
}


static json_t *
profile_text(wa_span_t text)
{
    if (text.n == 0) {
        return json_null();
    }

    return wa_json_span(wa_span(text.p, text.n > PROFILE_TEXT_MAX
                                        ? PROFILE_TEXT_MAX : text.n));
}


static json_t *
profile_attr(const wa_node_t *n, const char *name)
{
    return profile_text(wa_node_attr(n, name));
}


/* The certificate's signatures are the server's word to itself: the name is
   shown, nothing rests on it. */
wa_span_t
wa_profile_verified(wa_arena_t *arena, const wa_node_t *node)
{
    Wa__VerifiedNameDetails       *d;
    Wa__VerifiedNameCertificate   *c;

    if (WA_PB_UNPACK(wa__verified_name_certificate__descriptor,
                     wa_node_content(node), arena, &c) != WA_OK
        || !c->has_details
        || WA_PB_UNPACK(wa__verified_name_details__descriptor,
                        wa_pb_span(&c->details), arena, &d) != WA_OK
        || d->verified_name == NULL)
    {
        return wa_span_none();
    }

    return wa_span_str(d->verified_name);
}


/* ---- notifications ---- */

json_t *
wa_profile_contact(wa_account_t *a, const wa_jid_t *who)
{
    wa_jid_t  show, lid;

    memset(&lid, 0, sizeof(lid));
    show = *who;

    if (wa_jid_is_lid(who)) {
        lid = *who;
        (void) wa_pn_of(a, who, &show);

    } else {
        (void) wa_lid_of(a, who, &lid);
    }

    return json_pack("{s:o, s:o, s:s}", "jid", wa_json_jid(&show), "lid",
                     lid.server == WA_SERVER_NONE ? json_null()
                                                  : wa_json_jid(&lid),
                     "account_id", a->id);
}


void
wa_profile_notification(wa_task_t *t)
{
    wa_err_t  rc;
    wa_key_t  key;
    wa_jid_t  who;

    t->resume = notice_apply;
    rc = WA_OK;

    if (notice_who(t->stanza, &who)
        && wa_lid_need(&who, &t->arena, &key) == WA_LID_KEYS)
    {
        rc = wa_task_need(t, &key, WA_LID_KEYS);
    }

    if (rc != WA_AGAIN) {
        notice_apply(t, rc);
    }
}


/* A business names itself through the server. */
static bool
notice_who(const wa_node_t *stanza, wa_jid_t *who)
{
    const wa_node_t  *n;

    if (!wa_node_attr_is(stanza, "type", "business")) {
        return wa_node_attr_jid(stanza, "from", who);
    }

    n = wa_node_child(stanza, "verified_name");

    if (n == NULL) {
        n = wa_node_child(stanza, "remove");
    }

    return n != NULL && wa_node_attr_jid(n, "jid", who);
}


static void
notice_apply(wa_task_t *t, wa_err_t rc)
{
    wa_jid_t    who;
    wa_unit_t  *u;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    u = wa_unit_new(t->account);

    if (u != NULL && notice_who(t->stanza, &who) && wa_jid_is_user(&who)
        && !wa_account_is_self(t->account, &who))
    {
        who = wa_jid_person(&who);
        notice_tell(u, t, &who);
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    wa_task_end(t, wa_unit_commit(u, NULL));
}


/* <set>text</set> of type status, without a text when it was taken away;
   <set id/>, <add id/>, <delete/> of type picture, where nothing at all is a
   deletion as well (whatsapp-rust notification/profile.rs). */
static void
notice_tell(wa_unit_t *u, wa_task_t *t, const wa_jid_t *who)
{
    bool              about, business, gone;
    json_t           *c;
    const wa_node_t  *n;

    n = wa_node_first(t->stanza);
    about = wa_node_attr_is(t->stanza, "type", "status");
    business = wa_node_attr_is(t->stanza, "type", "business");
    gone = (n == NULL || wa_node_is(n, "delete"));

    if (!business
        && (about ? !wa_node_is(n, "set")
                  : (!gone && !wa_node_is(n, "set")
                     && !wa_node_is(n, "add"))))
    {
        return;
    }

    c = wa_profile_contact(wa_unit_account(u), who);

    if (c == NULL) {
        wa_unit_fail(u, WA_ERR_NOMEM);
        return;
    }

    if (business) {

        if (!notice_business(t, c)) {
            json_decref(c);
            return;
        }

    } else if (about) {
        (void) json_object_set_new(c, "status_text",
                                   profile_text(wa_node_content(n)));

    } else {
        (void) json_object_set_new(c, "profile_pic_url", json_null());
        (void) json_object_set_new(c, "picture_id", gone
                                   ? json_null() : profile_attr(n, "id"));
    }

    (void) wa_unit_event(u, "contact.updated",
                         json_pack("{s:o}", "contact", c));
}


/* <verified_name jid>certificate</verified_name>; <remove jid/> of who is no
   business any more.  Both may give a hash in place of the address, which
   tells us nothing (zapo client/events/business.ts, whatsapp-rust
   stanza/business.rs).  False: nothing is told. */
static bool
notice_business(wa_task_t *t, json_t *contact)
{
    wa_span_t         name;
    const wa_node_t  *n;

    n = wa_node_child(t->stanza, "verified_name");
    name = (n == NULL) ? wa_span_none() : wa_profile_verified(&t->arena, n);

    if (n != NULL && name.n == 0) {
        return false;
    }

    (void) json_object_set_new(contact, "verified_name", profile_text(name));

    return true;
}


/* It does not say what the picture is now (whatsmeow notification.go,
   handleAccountSyncNotification). */
void
wa_profile_own_notification(wa_task_t *t)
{
    json_t        *c;
    wa_jid_t       me;
    wa_unit_t     *u;
    wa_account_t  *a;

    a = t->account;
    me = wa_jid_person(&a->creds->jid);
    u = wa_unit_new(a);
    c = wa_profile_contact(a, &me);

    if (c == NULL) {
        wa_unit_fail(u, WA_ERR_NOMEM);

    } else {
        (void) json_object_set_new(c, "profile_pic_url", json_null());
        (void) wa_unit_event(u, "contact.updated",
                             json_pack("{s:o}", "contact", c));
    }

    wa_notify_account(t, u, "picture");
}
