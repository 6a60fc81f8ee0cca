/*
 * Decoding, shared between its files.
 */
#ifndef WA_MESSAGE_INT_H
#define WA_MESSAGE_INT_H

#include "wa_message.h"


/* What a ContextInfo says, into *c; NULL: nothing. */
void wa_message_context(const Wa__ContextInfo *ci, wa_content_t *c);

/*
 * Each looks whether the (unwrapped) message is of one of its kinds, and if
 * so fills *c in and returns true.
 */
bool wa_message_fill_media(const Wa__Message *m, wa_content_t *c);
bool wa_message_fill_place(const Wa__Message *m, wa_content_t *c);
bool wa_message_fill_poll(const Wa__Message *m, wa_arena_t *arena,
    wa_content_t *c);
bool wa_message_fill_reference(const Wa__Message *m, wa_content_t *c);
bool wa_message_fill_business(const Wa__Message *m, wa_content_t *c);
bool wa_message_fill_answer(const Wa__Message *m, wa_content_t *c);
bool wa_message_fill_rest(const Wa__Message *m, wa_content_t *c);

/* Whichever version of the poll it is; NULL: none. */
const Wa__Message__PollCreationMessage *wa_message_poll(
    const Wa__Message *m);

/* The template's text part, in either of its places; NULL: none. */
const Wa__Message__TemplateMessage__HydratedFourRowTemplate *
    wa_message_template(const Wa__Message__TemplateMessage *t);

#endif /* WA_MESSAGE_INT_H */
