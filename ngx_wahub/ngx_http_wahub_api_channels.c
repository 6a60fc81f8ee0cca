/*
 * /api/channels: what is asked of WhatsApp about channels (newsletters) and
 * done with them.  Posts and reactions are messages like any others, see
 * ngx_http_wahub_api_messages.c.
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_page.h"

#include "wa_jid.h"


#define NGX_HTTP_WAHUB_CHANNEL_TIMEOUT  20000   /* ms: WhatsApp is asked */
#define NGX_HTTP_WAHUB_CHANNEL_KEY_MAX  128     /* address or invite     */
#define NGX_HTTP_WAHUB_CHANNEL_PAGE     100     /* messages              */


static const ngx_http_wahub_field_t  ngx_http_wahub_channel_new[] = {
    { "name", "name", ngx_http_wahub_field_text, 1, 400, 1, 0 },
    { "description", "description", ngx_http_wahub_field_text, 0, 4096,
      0, 0 },
    { "accept_terms", "accept_terms", ngx_http_wahub_field_bool, 0, 0,
      0, 0 },
    { "picture", "picture", ngx_http_wahub_field_refused, 0, 0, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};

static const ngx_http_wahub_field_t  ngx_http_wahub_channel_changes[] = {
    { "name", "name", ngx_http_wahub_field_text, 1, 400, 0, 0 },
    { "description", "description", ngx_http_wahub_field_text, 0, 4096,
      0, 0 },
    { "picture", "picture", ngx_http_wahub_field_refused, 0, 0, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};

/* By route->arg. */
static const char *const  ngx_http_wahub_channel_verbs[] = {
    "channel.follow", "channel.unfollow", "channel.mute", "channel.unmute",
    "channel.live", "channel.delete"
};


static ngx_int_t ngx_http_wahub_channel_jid(ngx_http_wahub_ctx_t *ctx,
    json_t *args);
static void ngx_http_wahub_channel_call(ngx_http_wahub_ctx_t *ctx,
    const char *verb, ngx_http_wahub_result_pt handler);
static void ngx_http_wahub_channels_listed(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_channel_created(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_channel_deleted(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


void
ngx_http_wahub_channels_list(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open(ctx, 100) != NULL) {
        ctx->args = json_object();
        ngx_http_wahub_channel_call(ctx, "channel.list",
                                    ngx_http_wahub_channels_listed);
    }
}


static void
ngx_http_wahub_channels_listed(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    size_t                  i;
    json_t                 *channel, *list;
    json_int_t              limit, offset, total, pages;
    ngx_http_wahub_page_t  *page;

    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    page = ctx->state;
    list = json_array();

    json_array_foreach(result->data, i, channel) {

        if (ngx_http_wahub_page_take(ctx)
            && json_array_append(list, channel) != 0)
        {
            json_decref(list);
            list = NULL;
            break;
        }
    }

    if (list == NULL || ngx_http_wahub_page_close(ctx) != NGX_OK) {
        json_decref(list);
        ngx_http_wahub_answer(ctx, NGX_HTTP_OK, NULL);
        return;
    }

    limit = page->limit;
    offset = page->offset;
    total = (json_int_t) json_array_size(result->data);
    pages = (total + limit - 1) / limit;

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:b, s:o, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I}}",
                  "success", 1, "data", list, "total", total,
                  "limit", limit, "offset", offset, "pagination",
                  "page", offset / limit + 1, "limit", limit,
                  "total", total, "pages", pages, "totalPages", pages));
}


/* By address or by invite code. */
void
ngx_http_wahub_channels_get(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *key;

    key = ngx_http_wahub_json_text(&ctx->params[0]);

    if (key == NULL
        || ctx->params[0].len > NGX_HTTP_WAHUB_CHANNEL_KEY_MAX)
    {
        json_decref(key);
        ngx_http_wahub_error(ctx, "RESOURCE_NOT_FOUND", NULL);
        return;
    }

    ctx->args = json_pack("{s:o}", "key", key);
    ngx_http_wahub_channel_call(ctx, "channel.get",
                                ngx_http_wahub_answer_data);
}


void
ngx_http_wahub_channels_create(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_channel_new,
                                   ctx->args) == NGX_OK)
    {
        ngx_http_wahub_channel_call(ctx, "channel.create",
                                    ngx_http_wahub_channel_created);
    }
}


void
ngx_http_wahub_channels_update(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    if (ngx_http_wahub_channel_jid(ctx, ctx->args) != NGX_OK
        || ngx_http_wahub_body_fields(ctx, ngx_http_wahub_channel_changes,
                                      ctx->args) != NGX_OK)
    {
        return;
    }

    if (json_object_size(ctx->args) == 1) {
        ngx_http_wahub_error_field(ctx, "name", "REQUIRED",
                                   "name or description: is required");
        return;
    }

    ngx_http_wahub_channel_call(ctx, "channel.update",
                                ngx_http_wahub_answer_data);
}


void
ngx_http_wahub_channels_action(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    if (ngx_http_wahub_channel_jid(ctx, ctx->args) == NGX_OK) {
        ngx_http_wahub_channel_call(ctx,
            ngx_http_wahub_channel_verbs[ctx->route->arg],
            ctx->route->method == NGX_HTTP_DELETE
            ? ngx_http_wahub_channel_deleted : ngx_http_wahub_answer_result);
    }
}


/* Newest last; `before` is the server_id of the first of a later page. */
void
ngx_http_wahub_channels_messages(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t  limit, before;

    limit = 20;
    before = 0;

    if (ngx_http_wahub_query_int(ctx->request, "limit", 1,
                                 NGX_MAX_INT_T_VALUE, &limit) == NGX_ERROR)
    {
        ngx_http_wahub_error_query(ctx, "limit");
        return;
    }

    if (ngx_http_wahub_query_int(ctx->request, "before", 1,
                                 NGX_MAX_INT_T_VALUE, &before) == NGX_ERROR)
    {
        ngx_http_wahub_error_query(ctx, "before");
        return;
    }

    limit = ngx_min(limit, NGX_HTTP_WAHUB_CHANNEL_PAGE);
    ctx->args = json_pack("{s:I, s:I}", "limit", (json_int_t) limit,
                          "before", (json_int_t) before);

    if (ngx_http_wahub_channel_jid(ctx, ctx->args) == NGX_OK) {
        ngx_http_wahub_channel_call(ctx, "channel.messages",
                                    ngx_http_wahub_answer_data);
    }
}


/* {"server_ids": [117, 118]}: what was shown to somebody. */
void
ngx_http_wahub_channels_viewed(ngx_http_wahub_ctx_t *ctx)
{
    size_t   i;
    json_t  *ids, *id;

    ids = ngx_http_wahub_body_get(ctx, "server_ids");

    if (json_array_size(ids) == 0
        || json_array_size(ids) > NGX_HTTP_WAHUB_CHANNEL_PAGE)
    {
        ngx_http_wahub_error_field(ctx, "server_ids", "INVALID_TYPE",
            "server_ids: must be an array of 1 to 100 numbers");
        return;
    }

    json_array_foreach(ids, i, id) {

        if (json_is_integer(id) == 0 || json_integer_value(id) <= 0) {
            ngx_http_wahub_error_field(ctx, "server_ids", "INVALID_TYPE",
                "server_ids: must be an array of 1 to 100 numbers");
            return;
        }
    }

    ctx->args = json_pack("{s:O}", "server_ids", ids);

    if (ngx_http_wahub_channel_jid(ctx, ctx->args) == NGX_OK) {
        ngx_http_wahub_channel_call(ctx, "channel.viewed",
                                    ngx_http_wahub_answer_result);
    }
}


/* -- calls and answers ---------------------------------------------------- */

/* NGX_ERROR: answered. */
static ngx_int_t
ngx_http_wahub_channel_jid(ngx_http_wahub_ctx_t *ctx, json_t *args)
{
    char  text[WA_JID_TEXT_MAX + 1];

    if (ngx_http_wahub_path_jid(ctx, 0, wa_jid_is_newsletter, "a channel",
                                text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (json_object_set_new(args, "jid", json_string(text)) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_wahub_channel_call(ngx_http_wahub_ctx_t *ctx, const char *verb,
    ngx_http_wahub_result_pt handler)
{
    ngx_http_wahub_wait_query(ctx, verb, NGX_HTTP_WAHUB_CHANNEL_TIMEOUT,
                              handler);
}


static void
ngx_http_wahub_channel_created(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_CREATED,
                          json_pack("{s:b, s:O}", "success", 1, "data",
                                    result->data));
}


static void
ngx_http_wahub_channel_deleted(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_answer_done_with(ctx, result, "Channel deleted");
}
