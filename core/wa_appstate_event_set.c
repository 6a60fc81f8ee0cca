/*
 * Contacts, labels and settings of app state -> events.
 */
#include <stdio.h>

#include "wa_appstate_event.h"
#include "wa_creds.h"
#include "wa_event_message.h"
#include "wa_life_int.h"
#include "wa_presence.h"
#include "wa_privacy.h"


static void contact_tell(wa_as_sink_t *s, const wa_as_item_t *item,
    const char *name, const char *first, const char *username);
static void setting_tell(wa_as_sink_t *s, const char *name, json_t *value);


/* -- contacts ------------------------------------------------------------- */

static void
contact_tell(wa_as_sink_t *s, const wa_as_item_t *item, const char *name,
    const char *first, const char *username)
{
    json_t    *contact;
    wa_jid_t   show, lid;

    if (!wa_as_chat(s, item, 1, &show, &lid)) {
        return;
    }

    contact = json_pack("{s:o, s:o, s:s, s:o, s:o}",
                        "jid", wa_json_jid(&show),
                        "lid", wa_json_jid(&lid),
                        "account_id", wa_unit_account(s->u)->id,
                        "name", wa_json_text(name),
                        "short_name", wa_json_text(first));

    /* An address book without one says nothing about it. */

    if (contact != NULL && username != NULL && *username != '\0'
        && json_object_set_new(contact, "username", wa_json_text(username))
           != 0)
    {
        json_decref(contact);
        contact = NULL;
    }

    wa_as_tell(s, "contact.updated",
               contact == NULL ? NULL : json_pack("{s:o}", "contact",
                                                  contact));
}


void
wa_as_on_contact(wa_as_sink_t *s, const wa_as_item_t *item)
{
    const Wa__SyncActionValue__Contact  *c;

    c = item->op == WA_SYNCD_SET ? item->value->contact_action : NULL;

    contact_tell(s, item, c == NULL ? NULL : c->full_name,
                 c == NULL ? NULL : c->first_name,
                 c == NULL ? NULL : c->username);
}


void
wa_as_on_lid_contact(wa_as_sink_t *s, const wa_as_item_t *item)
{
    const Wa__SyncActionValue__LidContact  *c;

    c = item->op == WA_SYNCD_SET ? item->value->lid_contact_action : NULL;

    contact_tell(s, item, c == NULL ? NULL : c->full_name,
                 c == NULL ? NULL : c->first_name,
                 c == NULL ? NULL : c->username);
}


/* The pair was learnt already. */
void
wa_as_on_nothing(wa_as_sink_t *s, const wa_as_item_t *item)
{
    (void) s;
    (void) item;
}


/* -- labels --------------------------------------------------------------- */

void
wa_as_on_label(wa_as_sink_t *s, const wa_as_item_t *item)
{
    bool                                     deleted;
    char                                     color[16];
    const Wa__SyncActionValue__LabelEdit    *l;

    l = item->op == WA_SYNCD_SET ? item->value->label_edit_action : NULL;
    deleted = (l == NULL || l->deleted);
    (void) snprintf(color, sizeof(color), "%d",
                    l == NULL ? 0 : (int) l->color);

    wa_as_tell(s, "label.updated",
               json_pack("{s:o, s:o, s:s?, s:b, s:o*}",
                         "id", wa_json_span(item->part[1]),
                         "name", wa_json_text(l == NULL || l->name == NULL
                                              ? "" : l->name),
                         "color", l == NULL ? NULL : color,
                         "deleted", (int) deleted,
                         "predefined_id",
                         l == NULL || !l->has_predefined_id ? NULL
                         : json_integer(l->predefined_id)));
}


void
wa_as_on_label_chat(wa_as_sink_t *s, const wa_as_item_t *item)
{
    bool      on;
    wa_jid_t  show, lid;

    on = item->op == WA_SYNCD_SET
         && item->value->label_association_action != NULL
         && item->value->label_association_action->labeled;

    if (wa_as_chat(s, item, 2, &show, &lid)) {
        wa_as_tell(s, "label.associated",
                   json_pack("{s:o, s:s, s:o, s:n, s:b}",
                             "label_id", wa_json_span(item->part[1]),
                             "type", "chat",
                             "chat_jid", wa_json_jid(&show), "message_id",
                             "value", (int) on));
    }
}


void
wa_as_on_label_message(wa_as_sink_t *s, const wa_as_item_t *item)
{
    bool      on;
    wa_jid_t  show, lid;

    on = item->op == WA_SYNCD_SET
         && item->value->label_association_action != NULL
         && item->value->label_association_action->labeled;

    if (wa_as_chat(s, item, 2, &show, &lid)) {
        wa_as_tell(s, "label.associated",
                   json_pack("{s:o, s:s, s:o, s:o, s:b}",
                             "label_id", wa_json_span(item->part[1]),
                             "type", "message",
                             "chat_jid", wa_json_jid(&show),
                             "message_id", wa_json_span(item->part[3]),
                             "value", (int) on));
    }
}


/* -- settings ------------------------------------------------------------- */

/* Steals value. */
static void
setting_tell(wa_as_sink_t *s, const char *name, json_t *value)
{
    wa_as_tell(s, "setting.updated", json_pack("{s:s, s:o}", "name", name,
                                               "value", value));
}


void
wa_as_on_push_name(wa_as_sink_t *s, const wa_as_item_t *item)
{
    wa_span_t      name;
    wa_account_t  *a;

    a = wa_unit_account(s->u);

    if (item->op != WA_SYNCD_SET || item->value->push_name_setting == NULL) {
        return;
    }

    name = wa_span_str(item->value->push_name_setting->name);

    if (name.n == 0 || name.n > WA_PRESENCE_NAME_MAX || s->err != WA_OK
        || wa_span_eq(name, wa_span_buf(&a->creds->push_name)))
    {
        return;
    }

    s->err = wa_presence_name(s->u, name);
    setting_tell(s, "push_name", wa_json_span(name));

    /* Who sees us is to see the new name. */

    if (s->err == WA_OK) {
        wa_presence_apply(a);
    }
}


void
wa_as_on_salt(wa_as_sink_t *s, const wa_as_item_t *item)
{
    wa_err_t   rc;
    wa_span_t  salt;

    salt = wa_span_none();

    if (item->op == WA_SYNCD_SET
        && item->value->nct_salt_sync_action != NULL)
    {
        salt = wa_span(item->value->nct_salt_sync_action->salt.data,
                       item->value->nct_salt_sync_action->salt.len);
    }

    rc = wa_privacy_salt(s->u, salt);

    if (rc != WA_OK && rc != WA_ERR_ARG && s->err == WA_OK) {
        s->err = rc;
    }
}


void
wa_as_on_locale(wa_as_sink_t *s, const wa_as_item_t *item)
{
    if (item->op == WA_SYNCD_SET && item->value->locale_setting != NULL) {
        setting_tell(s, "locale",
                     wa_json_text(item->value->locale_setting->locale));
    }
}


void
wa_as_on_unarchive(wa_as_sink_t *s, const wa_as_item_t *item)
{
    if (item->op == WA_SYNCD_SET
        && item->value->unarchive_chats_setting != NULL)
    {
        setting_tell(s, "unarchive_chats", json_boolean(
            item->value->unarchive_chats_setting->unarchive_chats));
    }
}


void
wa_as_on_time(wa_as_sink_t *s, const wa_as_item_t *item)
{
    if (item->op == WA_SYNCD_SET && item->value->time_format_action != NULL)
    {
        setting_tell(s, "time_format_24h", json_boolean(
            item->value->time_format_action
                ->is_twenty_four_hour_format_enabled));
    }
}


void
wa_as_on_previews(wa_as_sink_t *s, const wa_as_item_t *item)
{
    const Wa__SyncActionValue__Flag  *f;

    f = item->op == WA_SYNCD_SET
        ? item->value->privacy_setting_disable_link_previews_action : NULL;

    if (f != NULL) {
        setting_tell(s, "disable_link_previews", json_boolean(f->value));
    }
}
