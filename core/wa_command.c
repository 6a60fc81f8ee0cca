/*
 * create, update, delete, start, stop, restart, logout, relink.
 */
#include "wa_command.h"
#include "wa_conn.h"
#include "wa_life_int.h"
#include "wa_pair.h"
#include "wa_presence.h"
#include "wa_pair_code.h"
#include "wa_proxy.h"
#include "wa_unit_int.h"


/* A phone that does not answer does not keep an account from leaving. */
#define COMMAND_UNLINK_MS  5000


typedef struct {
    uint64_t   id;
    wa_op_e    op;
    bool       keep_history;
} wa_leave_t;


static void command_created(wa_task_t *t, wa_err_t rc);
static void command_leave(wa_account_t *a, const wa_cmd_t *cmd,
    bool unlink);
static void command_unlinked(wa_task_t *t, wa_err_t rc);
static void command_left(wa_task_t *t, wa_err_t rc);


static void
command_fail(wa_account_t *a, uint64_t id, wa_err_t rc)
{
    if (rc == WA_ERR_ARG) {
        wa_account_reply(a, id, "VALIDATION_ERROR",
                         "A member has the wrong type", NULL);
        return;
    }

    wa_account_reply(a, id, "INTERNAL_ERROR", "The command failed", NULL);
}


static void
command_create(wa_account_t *a, const wa_cmd_t *cmd)
{
    bool        proxy;
    wa_err_t    rc;
    wa_unit_t  *u;
    wa_task_t  *t;

    if (a->creds != NULL) {
        wa_account_reply(a, cmd->id, "ALREADY_EXISTS",
                         "The account exists", NULL);
        return;
    }

    a->creds = wa_calloc(1, sizeof(wa_creds_t));
    rc = (a->creds == NULL) ? WA_ERR_NOMEM
                            : wa_creds_generate(a, a->creds);

    if (rc == WA_OK) {
        rc = wa_life_init(a, cmd->args);
    }

    proxy = false;

    if (rc == WA_OK) {
        rc = wa_proxy_take(a, cmd->args, &proxy);
    }

    t = wa_task_new(a, "create", command_created);

    if (rc != WA_OK || t == NULL) {
        command_fail(a, cmd->id, rc);
        wa_account_abandon(a);
        return;
    }

    u = wa_unit_new(a);
    wa_unit_mark_create(u);
    (void) wa_creds_save(u);
    wa_life_put_meta(u);
    wa_life_put_view(u);

    if (proxy) {
        wa_proxy_save(u);
    }

    (void) wa_unit_event(u, "session.created",
                         json_pack("{s:o}", "account",
                                   wa_life_account(a)));
    (void) wa_unit_reply(u, cmd->id, NULL, NULL, wa_life_view(a));

    rc = wa_task_commit(t, u);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
        command_fail(a, cmd->id, rc);
        wa_account_abandon(a);
    }
}


static void
command_created(wa_task_t *t, wa_err_t rc)
{
    wa_account_t  *a;

    a = t->account;
    wa_task_end(t, rc);
    wa_pair_code_given(a);
    wa_life_begin(a);
}


/* Who is connected, or is about to be, connects anew. */
static void
command_reroute(wa_account_t *a)
{
    if (a->life->state == WA_STATE_ERROR
        || (a->conn == NULL && a->life->dial_at == 0))
    {
        return;
    }

    wa_conn_close(a);
    wa_pair_pause(a);

    /* the code on show went with the connection */

    if (a->life->state == WA_STATE_QR || a->life->state == WA_STATE_CODE) {
        wa_life_move(a, a->life->state, NULL, 0);
    }

    a->life->attempts = 0;
    wa_life_redial(a);
}


static void
command_update(wa_account_t *a, const wa_cmd_t *cmd)
{
    bool        proxy;
    wa_err_t    rc;
    wa_unit_t  *u;

    proxy = false;
    rc = wa_life_settings(a, cmd->args, true);

    if (rc == WA_OK) {
        rc = wa_proxy_take(a, cmd->args, &proxy);
    }

    if (rc != WA_OK) {
        command_fail(a, cmd->id, rc);
        return;
    }

    a->life->updated_ms = wa_unix_ms(a);

    u = wa_unit_new(a);
    wa_life_put_meta(u);
    wa_life_put_view(u);

    if (proxy) {
        wa_proxy_save(u);
    }

    (void) wa_unit_reply(u, cmd->id, NULL, NULL, wa_life_view(a));
    rc = wa_unit_commit(u, NULL);

    if (rc != WA_OK) {
        command_fail(a, cmd->id, rc);
        return;
    }

    if (json_object_get(cmd->args, "always_available") != NULL) {
        a->presence.until = 0;
        a->presence.off = false;
        wa_presence_apply(a);
    }

    if (proxy) {
        command_reroute(a);
    }
}


/* Answers with the view once everything before it is durable. */
static void
command_answer(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_unit_t  *u;

    u = wa_unit_new(a);
    wa_life_put_view(u);
    (void) wa_unit_reply(u, cmd->id, NULL, NULL, wa_life_view(a));

    if (wa_unit_commit(u, NULL) != WA_OK) {
        command_fail(a, cmd->id, WA_ERR_NOMEM);
    }
}


static void
command_start(wa_account_t *a, const wa_cmd_t *cmd)
{
    switch (a->life->state) {

    case WA_STATE_INIT:
    case WA_STATE_STOPPED:
    case WA_STATE_LOGGED_OUT:
    case WA_STATE_AUTH_FAILURE:
    case WA_STATE_ERROR:
    case WA_STATE_DISCONNECTED:
        a->life->attempts = 0;
        wa_life_redial(a);
        break;

    default:
        break;
    }

    command_answer(a, cmd);
}


static void
command_stop(wa_account_t *a, const wa_cmd_t *cmd)
{
    if (a->life->state != WA_STATE_STOPPED) {
        wa_life_give_up(a, WA_STATE_STOPPED, NULL, 0);
    }

    command_answer(a, cmd);
}


static void
command_restart(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_conn_close(a);
    wa_pair_free(a);
    a->life->attempts = 0;

    if (a->life->state != WA_STATE_CONNECTING) {
        wa_life_move(a, WA_STATE_CONNECTING, NULL, 0);
    }

    wa_life_redial(a);
    command_answer(a, cmd);
}


/*
 * delete, logout and relink: first the server is told, if it can be, then
 * everything goes in one unit.
 */
static void
command_leave(wa_account_t *a, const wa_cmd_t *cmd, bool unlink)
{
    wa_err_t     rc;
    wa_task_t   *t;
    wa_node_t   *iq, *rm;
    wa_leave_t  *l;

    if (a->life->leaving) {
        wa_account_reply(a, cmd->id, "INVALID_STATE",
                         "The account is leaving already", NULL);
        return;
    }

    t = wa_task_new(a, wa_op_name(cmd->op), command_unlinked);
    l = (t == NULL) ? NULL : wa_arena_alloc(&t->arena, sizeof(*l));

    if (l == NULL) {
        if (t != NULL) {
            wa_task_end(t, WA_ERR_NOMEM);
        }

        command_fail(a, cmd->id, WA_ERR_NOMEM);
        return;
    }

    l->id = cmd->id;
    l->op = cmd->op;
    l->keep_history = !json_is_false(json_object_get(cmd->args,
                                                     "keep_history"));
    t->data = l;
    a->life->leaving = true;
    a->life->dial_at = 0;

    if (!unlink || !a->creds->linked || !wa_account_online(a)) {
        wa_task_ready(t, WA_OK);
        return;
    }

    iq = wa_node_iq(&t->arena, "set", "md");
    rm = wa_node_add_new(&t->arena, iq, "remove-companion-device");
    wa_node_set_jid(&t->arena, rm, "jid", &a->creds->jid);
    wa_node_set_str(&t->arena, rm, "reason", "user_initiated");

    rc = wa_task_iq_within(t, iq, COMMAND_UNLINK_MS);

    if (rc != WA_AGAIN) {
        wa_task_ready(t, rc);
    }
}


static void
command_unlinked(wa_task_t *t, wa_err_t rc)
{
    wa_unit_t     *u;
    wa_leave_t    *l;
    wa_account_t  *a;

    a = t->account;
    l = t->data;

    if (rc == WA_ERR_REFUSED || rc == WA_ERR_TIMEOUT) {
        wa_log(a, WA_LOG_WARN, "unlinking at the server: %s",
               wa_err_name(rc));
    }

    wa_conn_close(a);
    wa_pair_free(a);
    u = wa_unit_new(a);

    if (l->op == WA_OP_DELETE) {
        wa_unit_mark_wipe(u);
        (void) wa_unit_event(u, "session.deleted",
                             json_pack("{s:s, s:b}", "account_id", a->id,
                                       "keep_history",
                                       (int) l->keep_history));
        (void) wa_unit_reply(u, l->id, NULL, NULL, wa_life_view(a));

    } else {
        if (wa_life_reset(u) != WA_OK) {
            wa_unit_fail(u, WA_ERR_NOMEM);
        }

        wa_life_set(u, WA_STATE_LOGGED_OUT, "Logged out", 0);
        (void) wa_unit_reply(u, l->id, NULL, NULL, wa_life_view(a));
    }

    t->resume = command_left;
    rc = wa_task_commit(t, u);

    if (rc != WA_AGAIN) {
        a->life->leaving = false;
        command_fail(a, l->id, rc);
        wa_task_end(t, rc);
    }
}


static void
command_left(wa_task_t *t, wa_err_t rc)
{
    wa_op_e        op;
    wa_account_t  *a;

    a = t->account;
    op = ((wa_leave_t *) t->data)->op;
    a->life->leaving = false;
    wa_task_end(t, rc);

    if (op == WA_OP_RELINK) {
        wa_life_redial(a);
    }
}


void
wa_command_run(wa_account_t *a, const wa_cmd_t *cmd)
{
    const json_t  *unlink;

    switch (cmd->op) {

    case WA_OP_CREATE:
        command_create(a, cmd);
        break;

    case WA_OP_UPDATE:
        command_update(a, cmd);
        break;

    case WA_OP_DELETE:
        unlink = json_object_get(cmd->args, "logout");
        command_leave(a, cmd, !json_is_false(unlink));
        break;

    case WA_OP_START:
        command_start(a, cmd);
        break;

    case WA_OP_STOP:
        command_stop(a, cmd);
        break;

    case WA_OP_RESTART:
        command_restart(a, cmd);
        break;

    case WA_OP_LOGOUT:
    case WA_OP_RELINK:
        command_leave(a, cmd, true);
        break;

    default:
        wa_account_reply(a, cmd->id, "INTERNAL_ERROR", "Unknown command",
                         NULL);
    }
}
