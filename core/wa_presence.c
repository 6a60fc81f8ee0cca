/*
 * The account's own presence, see wa_presence.h.
 */
#include "wa_presence.h"

#include "wa_alive.h"
#include "wa_conn.h"
#include "wa_hashes.h"
#include "wa_lid.h"
#include "wa_life_int.h"


typedef struct {
    wa_query_t    query;                /* must be first                    */
    wa_jid_t      to;
    const char   *type;
} state_t;

/* A timer of "available". */
typedef struct {
    uint16_t      turn;
} lapse_t;


static void presence_set(wa_account_t *a, const wa_cmd_t *cmd,
    bool available);
static bool presence_wanted(const wa_account_t *a);
static void presence_announce(wa_account_t *a, bool available);
static wa_span_t presence_name(wa_account_t *a, wa_arena_t *arena);
static void presence_lapse(wa_account_t *a);
static void presence_lapsed(wa_task_t *t, wa_err_t rc);
static void chatstate_start(wa_account_t *a, const wa_cmd_t *cmd,
    const char *type);
static void chatstate_known(wa_task_t *t, wa_err_t rc);


void
wa_presence_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    size_t     i;
    wa_span_t  type;

    static const char *const  states[] = {
        "composing", "recording", "paused"
    };

    type = wa_query_arg(cmd->args, "type");

    if (wa_span_eq_str(type, "available")
        || wa_span_eq_str(type, "unavailable"))
    {
        presence_set(a, cmd, wa_span_eq_str(type, "available"));
        return;
    }

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {

        if (wa_span_eq_str(type, states[i])) {
            chatstate_start(a, cmd, states[i]);
            return;
        }
    }

    wa_account_reply(a, cmd->id, "VALIDATION_ERROR",
                     "type: must be available, unavailable, composing, "
                     "recording or paused", NULL);
}


static void
presence_set(wa_account_t *a, const wa_cmd_t *cmd, bool available)
{
    json_t      *data;
    json_int_t   seconds;
    wa_time_t    until;

    seconds = json_integer_value(json_object_get(cmd->args, "seconds"));

    if (a->creds->push_name.n == 0) {
        wa_account_reply(a, cmd->id, "INVALID_STATE",
                         "The account's name, which presence is shown with, "
                         "is not known yet", NULL);
        return;
    }

    if (seconds < 0 || seconds > WA_PRESENCE_SECONDS_MAX) {
        wa_account_reply(a, cmd->id, "VALIDATION_ERROR",
                         "seconds must be 1 to 86400", NULL);
        return;
    }

    until = a->now + (seconds == 0 ? WA_PRESENCE_SECONDS
                                   : (wa_time_t) seconds) * 1000;

    a->presence.turn++;
    a->presence.off = !available;
    a->presence.until = available ? until : 0;
    presence_announce(a, available);

    if (available && !wa_meta_bool(a, "always_available", false)) {
        presence_lapse(a);
        data = json_pack("{s:b, s:I}", "available", 1, "until_ms",
                         (json_int_t) (until + a->engine->wall_offset_ms));

    } else {
        data = json_pack("{s:b}", "available", (int) available);
    }

    wa_account_reply(a, cmd->id, NULL, NULL, data);
}


static bool
presence_wanted(const wa_account_t *a)
{
    return !a->presence.off
           && (a->presence.until > a->now
               || wa_meta_bool(a, "always_available", false));
}


void
wa_presence_apply(wa_account_t *a)
{
    bool  wanted;

    if (!wa_account_online(a) || a->creds->push_name.n == 0
        || wa_account_state(a) != WA_STATE_READY)
    {
        return;
    }

    wanted = presence_wanted(a);

    if (a->presence.gen != wa_conn_generation(a)
        || wanted != wa_account_available(a))
    {
        presence_announce(a, wanted);
    }
}


/* <presence type name/>; whoever comes online tells a session first. */
static void
presence_announce(wa_account_t *a, bool available)
{
    char         id[WA_UNIFIED_LEN];
    wa_node_t   *node, *session;
    wa_arena_t   arena;

    wa_arena_init_pool(&arena, &a->engine->arenas);

    if (available) {
        node = wa_node_new(&arena, "ib");
        session = wa_node_add_new(&arena, node, "unified_session");
        wa_unified_session_id(wa_unix_ms(a), -wa_alive_skew(a), id);
        wa_node_set_str(&arena, session, "id", id);
        (void) wa_account_send_now(a, node);
    }

    node = wa_node_new(&arena, "presence");
    wa_node_set_str(&arena, node, "type", available ? "available"
                                                    : "unavailable");
    wa_node_set(&arena, node, "name", presence_name(a, &arena));

    if (wa_account_send_now(a, node) == WA_OK) {
        a->presence.gen = wa_conn_generation(a);
        wa_conn_set_available(a, available);
    }

    wa_arena_free(&arena);

    if (available) {
        wa_presence_watch(a);
    }
}


/* Without '@': on the wire a text with one would be an address. */
static wa_span_t
presence_name(wa_account_t *a, wa_arena_t *arena)
{
    char       *copy;
    size_t      i, n;
    wa_span_t   name;

    name = wa_span_buf(&a->creds->push_name);
    copy = wa_arena_alloc(arena, name.n + 1);

    if (copy == NULL) {
        return wa_span_none();
    }

    for (i = 0, n = 0; i < name.n; i++) {

        if (name.p[i] != '@') {
            copy[n++] = (char) name.p[i];
        }
    }

    return wa_span(copy, n);
}


static void
presence_lapse(wa_account_t *a)
{
    lapse_t    *l;
    wa_task_t  *t;

    t = wa_task_new(a, "presence", presence_lapsed);
    l = (t == NULL) ? NULL : wa_arena_alloc(&t->arena, sizeof(lapse_t));

    if (l == NULL) {

        /* Better not than for ever. */

        a->presence.until = 0;
        wa_presence_apply(a);

        if (t != NULL) {
            wa_task_end(t, WA_ERR_NOMEM);
        }

        return;
    }

    l->turn = a->presence.turn;
    t->data = l;

    if (wa_task_sleep(t, a->presence.until) != WA_AGAIN) {
        wa_task_end(t, WA_ERR_STATE);
    }
}


static void
presence_lapsed(wa_task_t *t, wa_err_t rc)
{
    lapse_t       *l;
    wa_account_t  *a;

    a = t->account;
    l = t->data;

    if (l->turn == a->presence.turn) {
        a->presence.until = 0;
        wa_presence_apply(a);
    }

    wa_task_end(t, rc);
}


wa_err_t
wa_presence_name(wa_unit_t *u, wa_span_t name)
{
    wa_err_t       rc;
    wa_account_t  *a;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (name.n == 0 || name.n > WA_PRESENCE_NAME_MAX) {
        return WA_ERR_ARG;
    }

    a = wa_unit_account(u);

    if (wa_span_eq(name, wa_span_buf(&a->creds->push_name))) {
        return WA_OK;
    }

    a->creds->push_name.n = 0;
    rc = wa_buf_append_span(&a->creds->push_name, name);

    if (rc == WA_OK) {
        rc = wa_creds_save(u);
        wa_life_put_view(u);
    }

    a->presence.gen = 0;

    return rc;
}


/* ---- typing ---- */

static void
chatstate_start(wa_account_t *a, const wa_cmd_t *cmd, const char *type)
{
    state_t    *s;
    wa_err_t    rc;
    wa_key_t    keys[WA_LID_KEYS];
    wa_task_t  *t;

    t = wa_query_task(a, cmd, "chatstate", chatstate_known, sizeof(state_t));

    if (t == NULL) {
        return;
    }

    s = t->data;
    s->type = type;

    if (!wa_query_arg_jid(cmd->args, "jid", &s->to)
        || !(wa_jid_is_user(&s->to) || wa_jid_is_group(&s->to)))
    {
        wa_query_refuse(t, "INVALID_RECIPIENT",
                        "The chat is neither a person nor a group");
        return;
    }

    s->to = wa_jid_bare(&s->to);
    rc = wa_task_need(t, keys, wa_lid_need(&s->to, &t->arena, keys));

    if (rc != WA_AGAIN) {
        chatstate_known(t, rc);
    }
}


/* <chatstate to><composing [media=audio]/>|<paused/></chatstate> */
static void
chatstate_known(wa_task_t *t, wa_err_t rc)
{
    state_t    *s;
    wa_node_t  *node, *state;

    s = t->data;

    if (rc == WA_OK) {
        wa_lid_prefer(t->account, &s->to);

        node = wa_node_new(&t->arena, "chatstate");
        wa_node_set_jid(&t->arena, node, "to", &s->to);

        if (strcmp(s->type, "recording") == 0) {
            state = wa_node_add_new(&t->arena, node, "composing");
            wa_node_set_str(&t->arena, state, "media", "audio");

        } else {
            (void) wa_node_add_new(&t->arena, node, s->type);
        }

        rc = wa_account_online(t->account)
             ? wa_account_send_now(t->account, node) : WA_ERR_GONE;
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_query_done(t, json_object());
}
