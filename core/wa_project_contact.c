/*
 * Projection: what is told of a contact (contact.updated, HTTP contract 7 and
 * 10.2).  An event has the members that it is about; null takes one away.
 */
#include "wa_project_int.h"


#define CONTACT_SET(name, said)                                               \
    " " name " = CASE WHEN " said " = 1 THEN excluded." name                  \
    "  ELSE wa_contacts." name " END,"


#define CONTACT_CLEAR(name, said)                                             \
    " " name " = CASE WHEN " said " = 1 THEN NULL ELSE " name " END,"

#define CONTACT_NAMES  (sizeof(names) / sizeof(names[0]))


static const char *const  names[] = {
    "name", "short_name", "username", "status_text", "profile_pic_url",
    "verified_name"
};


static wa_err_t contact_forget(wa_ev_t *e, const wa_jv_t *o, wa_span_t jid);


wa_err_t
wa_ev_on_contact(wa_ev_t *e)
{
    bool            known;
    size_t          i;
    wa_span_t       jid, text;
    wa_ev_args_t    a = { .n = 0 };
    const wa_jv_t  *o;

    o = wa_jv_get(e->data, "contact");
    jid = (o == NULL) ? wa_span_none() : wa_ev_key(e, o, "jid");

    /* what was made of the row itself says nothing new */

    if (jid.n == 0 || wa_jv_get(e->data, "created") != NULL) {
        return WA_OK;
    }

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, jid);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, wa_ev_word(e, o, "lid"));
    wa_ev_arg(&a, wa_ev_phone(jid));
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);
    wa_ev_arg_int(&a, wa_ev_pos(e));
    wa_ev_arg_int(&a, e->entry->shard);

    known = false;

    for (i = 0; i < CONTACT_NAMES; i++) {
        text = wa_ev_text(e, o, names[i]);
        known = known || text.p != NULL;
        wa_ev_arg(&a, text);
    }

    for (i = 0; i < CONTACT_NAMES; i++) {
        wa_ev_arg_int(&a, wa_jv_get(o, names[i]) != NULL);
    }

    if (e->bad) {
        return WA_OK;
    }

    if (!known) {
        return contact_forget(e, o, jid);
    }

    return wa_ev_run(e,
        "INSERT INTO wa_contacts (account_id, jid, tenant, lid,"
        " phone_number, first_seen_ms, updated_ms, pos, shard, name,"
        " short_name, username, status_text, profile_pic_url,"
        " verified_name)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10, $11, $12,"
        " $13, $14)"
        " ON CONFLICT (account_id, jid) DO UPDATE SET"
        CONTACT_SET("name", "$15")
        CONTACT_SET("short_name", "$16")
        CONTACT_SET("username", "$17")
        CONTACT_SET("status_text", "$18")
        CONTACT_SET("profile_pic_url", "$19")
        CONTACT_SET("verified_name", "$20")
        " lid = COALESCE(excluded.lid, wa_contacts.lid),"
        " updated_ms = excluded.updated_ms", &a);
}


/* Nothing is known of whoever it is: a question about a number that nobody
   has makes no contact of it. */
static wa_err_t
contact_forget(wa_ev_t *e, const wa_jv_t *o, wa_span_t jid)
{
    size_t        i;
    wa_ev_args_t  a = { .n = 0 };

    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, jid);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);

    for (i = 0; i < CONTACT_NAMES; i++) {
        wa_ev_arg_int(&a, wa_jv_get(o, names[i]) != NULL);
    }

    wa_ev_arg(&a, wa_ev_word(e, o, "lid"));

    return wa_ev_run(e,
        "UPDATE wa_contacts SET"
        CONTACT_CLEAR("name", "$4")
        CONTACT_CLEAR("short_name", "$5")
        CONTACT_CLEAR("username", "$6")
        CONTACT_CLEAR("status_text", "$7")
        CONTACT_CLEAR("profile_pic_url", "$8")
        CONTACT_CLEAR("verified_name", "$9")
        " lid = COALESCE($10, lid), updated_ms = $3"
        " WHERE account_id = $1 AND jid = $2", &a);
}
