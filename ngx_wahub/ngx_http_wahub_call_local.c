/*
 * Commands on accounts of this worker.
 */
#include "ngx_http_wahub_call_int.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_worker.h"


/* Answers the caller, here or elsewhere.  `data` is taken. */
static void
ngx_http_wahub_command_end(ngx_http_wahub_worker_t *w,
    const ngx_str_t *from, uint64_t call_id, const char *code,
    const char *message, json_t *data)
{
    ngx_http_wahub_call_t  *call;

    if (from->len != 0) {
        ngx_http_wahub_call_answer(w, from, call_id, code, message, data);
        json_decref(data);
        return;
    }

    call = ngx_http_wahub_call_get(w->calls, call_id);

    if (call == NULL) {
        json_decref(data);
        return;
    }

    ngx_http_wahub_call_end(call, code, message, data);
}


/*
 * The slot the command is for.  NGX_OK; NGX_DECLINED: not the holder;
 * NGX_DONE: no such account, or it exists already, and *code says it.
 */
static ngx_int_t
ngx_http_wahub_command_slot(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account, wa_op_e op, ngx_http_wahub_account_t **found,
    const char **code)
{
    ngx_uint_t                 number;
    ngx_http_wahub_shard_t    *shard;
    ngx_http_wahub_account_t  *slot;

    number = ngx_http_wahub_shard_of(w->conf, account);
    shard = ngx_http_wahub_shard_get(w, number);

    if (ngx_http_wahub_shard_serves(shard) == 0) {
        return NGX_DECLINED;
    }

    slot = ngx_http_wahub_account_find(w, account);

    if (slot != NULL && slot->quiesced) {
        return NGX_DECLINED;
    }

    if (op != WA_OP_CREATE) {

        if (slot == NULL) {
            *code = "ACCOUNT_NOT_FOUND";
            return NGX_DONE;
        }

        ngx_http_wahub_account_open(slot);

        if (slot->account == NULL) {
            return NGX_DECLINED;
        }

        *found = slot;
        return NGX_OK;
    }

    if (slot != NULL) {
        *code = "ALREADY_EXISTS";
        return NGX_DONE;
    }

    slot = ngx_http_wahub_account_add(w, shard, account);

    if (slot == NULL) {
        *code = "INTERNAL_ERROR";
        return NGX_DONE;
    }

    slot->opened = 1;
    *found = slot;

    return NGX_OK;
}


/* What the owner's host knows of an account's health. */
static void
ngx_http_wahub_command_health(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account, json_t *args)
{
    const char  *verb;

    verb = json_string_value(json_object_get(args, "verb"));

    if (verb == NULL || ngx_strcmp(verb, "account.health") != 0) {
        return;
    }

    (void) json_object_set_new(args, "undelivered_webhooks",
        json_integer((json_int_t) ngx_http_wahub_webhook_pending(w,
                                                                 account)));
    (void) json_object_set_new(args, "owner",
        json_pack("{s:s%,s:I,s:I}",
                  "node", ngx_cycle->hostname.data, ngx_cycle->hostname.len,
                  "worker", (json_int_t) ngx_worker,
                  "pid", (json_int_t) ngx_pid));
}


ngx_int_t
ngx_http_wahub_command_run(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account, wa_op_e op, json_t *args, uint64_t call_id,
    const ngx_str_t *from)
{
    wa_cmd_t                   cmd;
    ngx_int_t                  rc;
    const char                *code;
    ngx_http_wahub_account_t  *slot;
    ngx_http_wahub_command_t  *command;

    rc = ngx_http_wahub_command_slot(w, account, op, &slot, &code);

    if (rc == NGX_DECLINED) {
        return rc;
    }

    if (rc == NGX_DONE) {
        ngx_http_wahub_command_end(w, from, call_id, code,
                                   ngx_strcmp(code, "ACCOUNT_NOT_FOUND") == 0
                                   ? "Account not found"
                                   : "The account cannot be created", NULL);
        return NGX_OK;
    }

    command = ngx_alloc(sizeof(ngx_http_wahub_command_t) + from->len, w->log);
    if (command == NULL) {
        ngx_http_wahub_command_end(w, from, call_id, "INTERNAL_ERROR",
                                   "out of memory", NULL);
        return NGX_OK;
    }

    command->id = w->calls->next_id++;
    command->call_id = call_id;
    command->op = op;
    command->from_len = from->len;
    ngx_memcpy(command->from, from->data, from->len);
    ngx_queue_insert_tail(&slot->commands, &command->queue);

    if (op == WA_OP_QUERY) {
        ngx_http_wahub_command_health(w, account, args);
    }

    cmd.id = command->id;
    cmd.op = op;
    cmd.args = args;

    (void) wa_account_submit(slot->account, &cmd,
                             ngx_http_wahub_worker_now(w));

    ngx_http_wahub_account_drain(slot);

    return NGX_OK;
}


void
ngx_http_wahub_call_reply(ngx_http_wahub_account_t *slot,
    const wa_reply_t *reply)
{
    ngx_str_t                  from;
    ngx_queue_t               *q;
    ngx_http_wahub_command_t  *command;

    for (q = ngx_queue_head(&slot->commands);
         q != ngx_queue_sentinel(&slot->commands);
         q = ngx_queue_next(q))
    {
        command = ngx_queue_data(q, ngx_http_wahub_command_t, queue);

        if (command->id != reply->id) {
            continue;
        }

        ngx_queue_remove(q);

        if (command->op == WA_OP_CREATE && reply->code != NULL) {
            /* nothing was made: the empty object has no use */
            slot->discard = 1;
        }

        from.data = command->from;
        from.len = command->from_len;

        ngx_http_wahub_command_end(slot->worker, &from, command->call_id,
                                   reply->code, reply->message, reply->data);
        ngx_free(command);
        return;
    }

    json_decref(reply->data);
}


void
ngx_http_wahub_call_abort(ngx_http_wahub_account_t *slot, const char *code,
    const char *message, ngx_uint_t unsure)
{
    ngx_str_t                  from;
    ngx_queue_t               *q;
    ngx_uint_t                 lost;
    ngx_http_wahub_command_t  *command;

    while (ngx_queue_empty(&slot->commands) == 0) {
        q = ngx_queue_head(&slot->commands);
        ngx_queue_remove(q);

        command = ngx_queue_data(q, ngx_http_wahub_command_t, queue);

        from.data = command->from;
        from.len = command->from_len;

        lost = (unsure && (command->op == WA_OP_SEND
                           || command->op == WA_OP_QUERY));

        ngx_http_wahub_command_end(slot->worker, &from, command->call_id,
                                   lost ? "OWNER_TIMEOUT" : code,
                                   lost ? NULL : message, NULL);
        ngx_free(command);
    }
}
