/*
 * JSON of a message's content, shared between its files.
 */
#ifndef WA_EVENT_INT_H
#define WA_EVENT_INT_H

#include "wa_event_message.h"


/* "contacts" of a message with cards; nothing for any other. */
void wa_event_contacts(const wa_content_t *c, wa_jw_t *w);

/*
 * "interactive": what a message holds beyond text and media, in the forms of
 * the Cloud API where those exist; nothing for plain kinds.
 */
void wa_event_interactive(const wa_message_view_t *v, wa_jw_t *w);

#endif /* WA_EVENT_INT_H */
