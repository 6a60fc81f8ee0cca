/*
 * The table of routes, and the handlers in it.
 */
#ifndef NGX_HTTP_WAHUB_ROUTE_H
#define NGX_HTTP_WAHUB_ROUTE_H

#include "ngx_http_wahub_api.h"


/* What is done with a channel (route->arg). */
#define NGX_HTTP_WAHUB_CHANNEL_FOLLOW    0
#define NGX_HTTP_WAHUB_CHANNEL_UNFOLLOW  1
#define NGX_HTTP_WAHUB_CHANNEL_MUTE      2
#define NGX_HTTP_WAHUB_CHANNEL_UNMUTE    3
#define NGX_HTTP_WAHUB_CHANNEL_LIVE      4
#define NGX_HTTP_WAHUB_CHANNEL_DELETE    5


/* ngx_http_wahub_route_table.c */
extern const ngx_http_wahub_route_t  ngx_http_wahub_routes[];
extern const ngx_uint_t              ngx_http_wahub_routes_n;

/*
 * Finds the row for ctx->path and the method; sets ctx->route, ctx->params
 * and ctx->allow.  Literal segments win over parameters; rows of a group
 * that the location does not serve do not exist.
 * NGX_OK; NGX_DECLINED: no such path; NGX_ABORT: not with this method.
 */
ngx_int_t ngx_http_wahub_route_find(ngx_http_wahub_ctx_t *ctx,
    ngx_uint_t method);

/* {group: {"GET /path": text}} of what the location serves. */
json_t *ngx_http_wahub_route_list(ngx_http_wahub_ctx_t *ctx);


/* api_accounts.c */
void ngx_http_wahub_accounts_list(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_accounts_get(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_accounts_patch(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_accounts_delete(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_accounts_webhook(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_accounts_action(ngx_http_wahub_ctx_t *ctx);

/* api_create.c */
void ngx_http_wahub_accounts_create(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_sessions_create(ngx_http_wahub_ctx_t *ctx);

/* api_qr.c */
void ngx_http_wahub_accounts_qr(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_connection_qr(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_connection_qr_image(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_sessions_qr(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_sessions_regenerate(ngx_http_wahub_ctx_t *ctx);

/* api_pair.c */
void ngx_http_wahub_pair_code(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_passkey_get(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_passkey_answer(ngx_http_wahub_ctx_t *ctx);

/* api_connection.c */
void ngx_http_wahub_connection_status(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_connection_action(ngx_http_wahub_ctx_t *ctx);

/* api_sessions.c */
void ngx_http_wahub_sessions_list(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_sessions_status(ngx_http_wahub_ctx_t *ctx);

/* api_realtime.c */
void ngx_http_wahub_realtime_status(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_realtime_list(ngx_http_wahub_ctx_t *ctx);

/* api_messages.c */
void ngx_http_wahub_messages_send(ngx_http_wahub_ctx_t *ctx);

/* Answers with the result of a send. */
void ngx_http_wahub_messages_sent(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);

/* api_change.c */
void ngx_http_wahub_messages_patch(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_messages_delete(ngx_http_wahub_ctx_t *ctx);

/* api_health.c */
void ngx_http_wahub_accounts_health(ngx_http_wahub_ctx_t *ctx);

/* api_actions.c */
void ngx_http_wahub_actions_read(ngx_http_wahub_ctx_t *ctx);

/* api_presence.c */
void ngx_http_wahub_actions_presence(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_presence_list(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_presence_watch(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_presence_watched(ngx_http_wahub_ctx_t *ctx);

/* Puts a recipient's address into ctx->args as "jid".  NGX_ERROR: answered. */
ngx_int_t ngx_http_wahub_arg_jid(ngx_http_wahub_ctx_t *ctx, json_t *value);

/* api_privacy.c */
void ngx_http_wahub_privacy_get(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_privacy_set(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_privacy_list(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_privacy_except(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_blocklist_get(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_blocklist_set(ngx_http_wahub_ctx_t *ctx);

/* api_history.c */
void ngx_http_wahub_history_messages(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_history_message(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_history_chats(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_history_chat(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_chats_older(ngx_http_wahub_ctx_t *ctx);

/* api_chats.c; route->arg of its rows */
#define NGX_HTTP_WAHUB_CHATS_CHANGE  0
#define NGX_HTTP_WAHUB_CHATS_DELETE  1
#define NGX_HTTP_WAHUB_CHATS_CLEAR   2

void ngx_http_wahub_chats_patch(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_chats_delete(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_chats_clear(ngx_http_wahub_ctx_t *ctx);

/* api_labels.c; route->arg of its rows */
#define NGX_HTTP_WAHUB_LABELS_CREATE  0
#define NGX_HTTP_WAHUB_LABELS_EDIT    1
#define NGX_HTTP_WAHUB_LABELS_DELETE  2
#define NGX_HTTP_WAHUB_LABELS_ADD     3
#define NGX_HTTP_WAHUB_LABELS_REMOVE  4

void ngx_http_wahub_labels_list(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_labels_create(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_labels_change(ngx_http_wahub_ctx_t *ctx);

/* api_contacts.c */
void ngx_http_wahub_contacts_list(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_contacts_one(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_contacts_name(ngx_http_wahub_ctx_t *ctx);

/* For rows whose first parameter is a contact's address or its id, which
   says the account: selects the account, then the address is what is left of
   the parameter.  NGX_ERROR: answered. */
void ngx_http_wahub_contacts_select(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next);
ngx_int_t ngx_http_wahub_contacts_address(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_history_stats(ngx_http_wahub_ctx_t *ctx);

/* api_history_session.c */
void ngx_http_wahub_history_session(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_history_tenant(ngx_http_wahub_ctx_t *ctx);

/* api_rooms.c */
void ngx_http_wahub_groups_list(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_groups_past(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_stories_list(ngx_http_wahub_ctx_t *ctx);

/* api_calls.c */
void ngx_http_wahub_calls_list(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_calls_reject(ngx_http_wahub_ctx_t *ctx);

/* api_profile.c; route->arg of _ask() */
#define NGX_HTTP_WAHUB_CONTACT_ABOUT     0
#define NGX_HTTP_WAHUB_CONTACT_BUSINESS  1

void ngx_http_wahub_contacts_picture(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_contacts_ask(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_contacts_check(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_profile_get(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_profile_set(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_profile_status(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_profile_set_picture(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_profile_no_picture(ngx_http_wahub_ctx_t *ctx);

/* api_groups.c; route->arg of its rows */
#define NGX_HTTP_WAHUB_GROUPS_GET           0
#define NGX_HTTP_WAHUB_GROUPS_METADATA      1
#define NGX_HTTP_WAHUB_GROUPS_INVITE        2
#define NGX_HTTP_WAHUB_GROUPS_REQUESTS      3
#define NGX_HTTP_WAHUB_GROUPS_LINKED        4
#define NGX_HTTP_WAHUB_GROUPS_LEAVE         5
#define NGX_HTTP_WAHUB_GROUPS_SUBJECT       6
#define NGX_HTTP_WAHUB_GROUPS_DESCRIPTION   7
#define NGX_HTTP_WAHUB_GROUPS_SETTINGS      8
#define NGX_HTTP_WAHUB_GROUPS_PARTICIPANTS  9
#define NGX_HTTP_WAHUB_GROUPS_ANSWER        10
#define NGX_HTTP_WAHUB_GROUPS_LINK          11
#define NGX_HTTP_WAHUB_GROUPS_UNLINK        12
#define NGX_HTTP_WAHUB_GROUPS_REVOKE        13
#define NGX_HTTP_WAHUB_GROUPS_NO_PICTURE    14

void ngx_http_wahub_groups_ask(ngx_http_wahub_ctx_t *ctx);

/* Answers with the group, which the history adds to.  Takes the reference. */
void ngx_http_wahub_groups_show(ngx_http_wahub_ctx_t *ctx, json_t *group);

/* Looks up an account that is in the group, whichever was selected, then runs
   `next`; without an account if none is. */
void ngx_http_wahub_groups_holder(ngx_http_wahub_ctx_t *ctx,
    const ngx_str_t *jid, ngx_http_wahub_row_pt next);

void ngx_http_wahub_groups_picture(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_groups_set_picture(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_groups_set(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_groups_people(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_groups_sync(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_groups_create(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_groups_join(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_groups_inspect(ngx_http_wahub_ctx_t *ctx);

/* api_channels.c */
void ngx_http_wahub_channels_list(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_channels_get(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_channels_create(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_channels_update(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_channels_action(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_channels_messages(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_channels_viewed(ngx_http_wahub_ctx_t *ctx);

/* api_media.c; route->arg as said in the table */
void ngx_http_wahub_files_get(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_files_by_message(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_files_stats(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_files_list(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_files_download(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_files_file(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_files_upload(ngx_http_wahub_ctx_t *ctx);

/* api_media_retry.c */
void ngx_http_wahub_files_retry(ngx_http_wahub_ctx_t *ctx);

/* api_system.c */
void ngx_http_wahub_system_index(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_system_health(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_system_live(ngx_http_wahub_ctx_t *ctx);
void ngx_http_wahub_system_ready(ngx_http_wahub_ctx_t *ctx);

#endif /* NGX_HTTP_WAHUB_ROUTE_H */
