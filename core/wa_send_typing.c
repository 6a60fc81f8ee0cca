/*
 * Typing before a message comes, see wa_send_typing.h.
 */
#include "wa_send_typing.h"

#include "wa_lid.h"


static bool typing_tell(wa_account_t *a, const wa_send_t *s,
    const char *state);


bool
wa_typing_start(wa_account_t *a, wa_send_t *s)
{
    wa_time_t    left, ms;
    wa_sends_t  *ss;

    ss = a->sends;

    if (s->draft == NULL || s->draft->typing_ms == 0) {
        return false;
    }

    left = s->reply_at > a->now ? (s->reply_at - a->now) / 2 : 0;
    ms = (wa_time_t) s->draft->typing_ms;
    ms = ms < left ? ms : left;
    s->draft->typing_ms = 0;

    if (ms == 0 || ss->typing >= WA_TYPING_MAX
        || !typing_tell(a, s, "composing"))
    {
        return false;
    }

    s->typed = true;
    s->typing_until = a->now + ms;
    s->state = WA_SEND_QUEUED;
    ss->preparing = false;
    ss->queued++;
    ss->typing++;

    wa_send_watch(a, s);

    return true;
}


void
wa_typing_end(wa_account_t *a, wa_send_t *s)
{
    if (s->typing_until != 0) {
        s->typing_until = 0;
        a->sends->typing--;
    }
}


void
wa_typing_paused(wa_account_t *a, const wa_send_t *s)
{
    if (s->typed) {
        (void) typing_tell(a, s, "paused");
    }
}


bool
wa_typing_waits(const wa_account_t *a, const wa_send_t *s)
{
    const wa_send_t  *first;

    if (a->sends->typing == 0) {
        return false;
    }

    for (first = a->sends->head; first != s; first = first->next) {

        if (first->typing_until != 0 && wa_jid_eq_bare(&first->to, &s->to)) {
            return true;
        }
    }

    return s->typing_until != 0;
}


/* False: nobody can be shown it. */
static bool
typing_tell(wa_account_t *a, const wa_send_t *s, const char *state)
{
    bool         told;
    wa_jid_t     chat;
    wa_node_t   *stanza, *what;
    wa_arena_t   arena;

    if (!wa_account_online(a)
        || (wa_send_target(&s->to) != WA_TARGET_USER
            && wa_send_target(&s->to) != WA_TARGET_GROUP))
    {
        return false;
    }

    chat = s->to;
    wa_lid_prefer(a, &chat);

    wa_arena_init_pool(&arena, &a->engine->arenas);
    stanza = wa_node_new(&arena, "chatstate");
    wa_node_set_jid(&arena, stanza, "to", &chat);
    what = wa_node_add_new(&arena, stanza, state);

    if (s->draft != NULL && s->draft->type != NULL
        && strcmp(s->draft->type, "audio") == 0
        && strcmp(state, "composing") == 0)
    {
        wa_node_set_str(&arena, what, "media", "audio");
    }

    told = (wa_account_send_now(a, stanza) == WA_OK);
    wa_arena_free(&arena);

    return told;
}
