/*
 * The record of calls, and how one is told, see wa_call.h.
 */
#include "wa_call_int.h"

#include "wa_event_message.h"
#include "wa_pb.h"


static const char *const  call_words[] = {
    "offer", "ringing", "accept", "reject", "timeout", "terminate"
};


static json_t *call_text(const char *text);


wa_err_t
wa_calls_get(wa_account_t *a, wa_arena_t *arena, Wa__CallList **list)
{
    wa_err_t    rc;
    wa_span_t   value;

    rc = wa_record_get(a, WA_CALL_RECORD, 0, &value);

    if (rc == WA_OK && value.p != NULL) {
        rc = WA_PB_UNPACK(wa__call_list__descriptor, value, arena, list);

        if (rc == WA_OK || rc == WA_ERR_NOMEM) {
            return rc;
        }

        wa_log(a, WA_LOG_WARN, "record of calls does not read: %s",
               wa_err_name(rc));
    }

    *list = wa_arena_calloc(arena, 1, sizeof(**list));

    if (*list == NULL) {
        return WA_ERR_NOMEM;
    }

    wa__call_list__init(*list);

    return WA_OK;
}


wa_err_t
wa_calls_put(wa_unit_t *u, Wa__CallList *list)
{
    wa_buf_t  packed = WA_BUF_EMPTY;
    wa_err_t  rc;

    rc = WA_PB_PACK(list, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put(u, WA_CALL_RECORD, 0, wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc;
}


wa_call_t *
wa_calls_find(const Wa__CallList *list, wa_span_t id)
{
    size_t  i;

    for (i = list->n_calls; i > 0; i--) {

        if (list->calls[i - 1]->id != NULL
            && wa_span_eq_str(id, list->calls[i - 1]->id))
        {
            return list->calls[i - 1];
        }
    }

    return NULL;
}


wa_call_t *
wa_calls_add(Wa__CallList *list, wa_arena_t *arena, wa_span_t id)
{
    size_t       n, old;
    wa_call_t   *c, **calls;

    c = wa_arena_calloc(arena, 1, sizeof(*c));
    calls = wa_arena_calloc(arena, WA_CALLS_KEPT, sizeof(*calls));

    if (c == NULL || calls == NULL) {
        return NULL;
    }

    wa__call_list__call__init(c);
    c->id = wa_arena_strdup(arena, id);

    if (c->id == NULL) {
        return NULL;
    }

    old = list->n_calls < WA_CALLS_KEPT ? 0
                                        : list->n_calls - WA_CALLS_KEPT + 1;
    n = list->n_calls - old;

    if (n != 0) {
        memcpy(calls, list->calls + old, n * sizeof(*calls));
    }

    calls[n] = c;
    list->calls = calls;
    list->n_calls = n + 1;

    return c;
}


bool
wa_call_caller(const wa_call_t *c, wa_jid_t *jid)
{
    const char  *text;

    text = c->pn != NULL ? c->pn : c->lid != NULL ? c->lid : c->creator;

    if (text == NULL || wa_jid_parse(wa_span_str(text), jid) != WA_OK) {
        return false;
    }

    *jid = wa_jid_person(jid);

    return true;
}


static json_t *
call_text(const char *text)
{
    return text == NULL ? json_null() : wa_json_text(text);
}


/*
 * `is_missed`: it was for us, nobody of ours answered or refused it, and it
 * is over.
 */
json_t *
wa_call_json(const wa_account_t *a, const wa_call_t *c)
{
    size_t     i;
    bool       missed;
    json_t    *o, *people;
    wa_jid_t   caller;

    missed = !c->from_me && !c->has_accepted
             && (c->status == WA_CALL_TIMEOUT
                 || c->status == WA_CALL_TERMINATE);

    people = json_array();

    for (i = 0; i < c->n_participants; i++) {
        (void) json_array_append_new(people,
                                     wa_json_text(c->participants[i]));
    }

    o = json_pack("{s:o, s:s, s:o, s:o, s:o, s:b, s:b, s:b, s:s, s:I, s:o,"
                  " s:b, s:o}",
                  "id", wa_json_text(c->id),
                  "account_id", a->id,
                  "from_jid", wa_call_caller(c, &caller)
                              ? wa_json_jid(&caller) : json_null(),
                  "from_lid", call_text(c->lid),
                  "group_jid", call_text(c->group),
                  "from_me", c->from_me,
                  "is_group", c->group != NULL,
                  "is_video", c->video,
                  "status", c->status <= WA_CALL_TERMINATE
                            ? call_words[c->status] : "terminate",
                  "timestamp", (json_int_t) c->offered,
                  "duration", c->has_accepted && c->has_ended
                              && c->ended >= c->accepted
                              ? json_integer(c->ended - c->accepted)
                              : json_null(),
                  "is_missed", missed,
                  "participants", people);

    return o;
}


wa_err_t
wa_call_event(wa_unit_t *u, const wa_call_t *c)
{
    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    return wa_unit_event(u, "call",
                         json_pack("{s:o}", "call",
                                   wa_call_json(wa_unit_account(u), c)));
}
