/*
 * Mutations of app state -> events, shared between the two files of it.
 */
#ifndef WA_APPSTATE_EVENT_H
#define WA_APPSTATE_EVENT_H

#include "wa_appstate_int.h"


typedef void (*wa_as_tell_pt)(wa_as_sink_t *s, const wa_as_item_t *item);

/* Steals data; NULL is a failed allocation. */
void wa_as_tell(wa_as_sink_t *s, const char *type, json_t *data);

/* The address part[at] and how it is shown: by the number, if that is known;
   `lid`: server NONE when it is not known.  False: no address. */
bool wa_as_chat(wa_as_sink_t *s, const wa_as_item_t *item, unsigned at,
    wa_jid_t *show, wa_jid_t *lid);

void wa_as_on_contact(wa_as_sink_t *s, const wa_as_item_t *item);
void wa_as_on_lid_contact(wa_as_sink_t *s, const wa_as_item_t *item);
void wa_as_on_label(wa_as_sink_t *s, const wa_as_item_t *item);
void wa_as_on_label_chat(wa_as_sink_t *s, const wa_as_item_t *item);
void wa_as_on_label_message(wa_as_sink_t *s, const wa_as_item_t *item);
void wa_as_on_push_name(wa_as_sink_t *s, const wa_as_item_t *item);
void wa_as_on_salt(wa_as_sink_t *s, const wa_as_item_t *item);
void wa_as_on_nothing(wa_as_sink_t *s, const wa_as_item_t *item);
void wa_as_on_locale(wa_as_sink_t *s, const wa_as_item_t *item);
void wa_as_on_unarchive(wa_as_sink_t *s, const wa_as_item_t *item);
void wa_as_on_time(wa_as_sink_t *s, const wa_as_item_t *item);
void wa_as_on_previews(wa_as_sink_t *s, const wa_as_item_t *item);

#endif /* WA_APPSTATE_EVENT_H */
