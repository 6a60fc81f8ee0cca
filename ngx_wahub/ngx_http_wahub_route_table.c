/*
 * Which function serves which path: one row each, whose handler has its
 * prototype in the header.
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_api_media.h"
#include "ngx_http_wahub_send.h"


#define GET     NGX_HTTP_GET
#define POST    NGX_HTTP_POST
#define PUT     NGX_HTTP_PUT
#define PATCH   NGX_HTTP_PATCH
#define DELETE  NGX_HTTP_DELETE

#define G(name)       NGX_HTTP_WAHUB_GROUP_ ## name
#define A(name)       NGX_HTTP_WAHUB_ACCESS_ ## name
#define F(name)       ngx_http_wahub_ ## name
#define NONE          NGX_HTTP_WAHUB_ACCOUNT_NONE
#define IN_PATH       NGX_HTTP_WAHUB_ACCOUNT_PATH
#define SELECT        NGX_HTTP_WAHUB_ACCOUNT_SELECT
#define BRIEF         NGX_HTTP_WAHUB_ACCOUNT_BRIEF
#define UPLOAD        NGX_HTTP_WAHUB_ACCOUNT_UPLOAD
#define SEND(name)    NGX_HTTP_WAHUB_SEND_ ## name
#define KIND(name)    NGX_HTTP_WAHUB_KIND_ ## name
#define CHANNEL(name) NGX_HTTP_WAHUB_CHANNEL_ ## name
#define GROUP(name)   NGX_HTTP_WAHUB_GROUPS_ ## name
#define CHATS(name)   NGX_HTTP_WAHUB_CHATS_ ## name
#define LABELS(name)  NGX_HTTP_WAHUB_LABELS_ ## name
#define PATH(text)    ngx_string(text)


const ngx_http_wahub_route_t  ngx_http_wahub_routes[] = {

    /* system */

    { GET, PATH("/api"), G(ALL), A(PUBLIC), NONE,
      F(system_index), 0, "what is served here" },

    { GET, PATH("/health"), G(ALL), A(PUBLIC), NONE,
      F(system_health), 0, "health of the server" },

    { GET, PATH("/api/health"), G(ALL), A(PUBLIC), NONE,
      F(system_health), 0, "health of the server" },

    { GET, PATH("/api/health/live"), G(ALL), A(PUBLIC), NONE,
      F(system_live), 0, "the process answers" },

    { GET, PATH("/api/health/ready"), G(ALL), A(PUBLIC), NONE,
      F(system_ready), 0, "the process can work" },

    /* accounts */

    { GET, PATH("/api/accounts"), G(ACCOUNTS), A(READ), NONE,
      F(accounts_list), 0, "list accounts" },

    { POST, PATH("/api/accounts"), G(ACCOUNTS), A(MANAGE), NONE,
      F(accounts_create), 0, "create an account" },

    { GET, PATH("/api/accounts/{id}"), G(ACCOUNTS), A(READ), IN_PATH,
      F(accounts_get), 0, "one account" },

    { PATCH, PATH("/api/accounts/{id}"), G(ACCOUNTS), A(MANAGE), IN_PATH,
      F(accounts_patch), 0, "change an account" },

    { DELETE, PATH("/api/accounts/{id}"), G(ACCOUNTS), A(MANAGE), IN_PATH,
      F(accounts_delete), 0, "log out and delete an account" },

    { PUT, PATH("/api/accounts/{id}/webhook"), G(ACCOUNTS), A(MANAGE),
      IN_PATH, F(accounts_webhook), 0, "set the account's webhook" },

    { GET, PATH("/api/accounts/{id}/qr"), G(ACCOUNTS), A(READ), IN_PATH,
      F(accounts_qr), 0, "the QR code: format=json|png|svg|txt" },

    { GET, PATH("/api/accounts/{id}/health"), G(ACCOUNTS), A(READ), IN_PATH,
      F(accounts_health), 0, "how the connection and the account fare" },

    { POST, PATH("/api/accounts/{id}/pair"), G(ACCOUNTS), A(MANAGE),
      IN_PATH, F(pair_code), 0, "link by a code to type on the phone" },

    { GET, PATH("/api/accounts/{id}/passkey"), G(ACCOUNTS), A(MANAGE),
      IN_PATH, F(passkey_get), 0, "the passkey that WhatsApp asks for" },

    { POST, PATH("/api/accounts/{id}/passkey"), G(ACCOUNTS), A(MANAGE),
      IN_PATH, F(passkey_answer), 0, "the passkey's answer, or confirm" },

    { POST, PATH("/api/accounts/{id}/start"), G(ACCOUNTS), A(MANAGE),
      IN_PATH, F(accounts_action), WA_OP_START, "connect" },

    { POST, PATH("/api/accounts/{id}/stop"), G(ACCOUNTS), A(MANAGE),
      IN_PATH, F(accounts_action), WA_OP_STOP, "disconnect, stay linked" },

    { POST, PATH("/api/accounts/{id}/restart"), G(ACCOUNTS), A(MANAGE),
      IN_PATH, F(accounts_action), WA_OP_RESTART, "connect anew" },

    { POST, PATH("/api/accounts/{id}/logout"), G(ACCOUNTS), A(MANAGE),
      IN_PATH, F(accounts_action), WA_OP_LOGOUT, "unlink from WhatsApp" },

    { POST, PATH("/api/accounts/{id}/relink"), G(ACCOUNTS), A(MANAGE),
      IN_PATH, F(accounts_action), WA_OP_RELINK, "unlink, show a new QR" },

    { GET, PATH("/api/accounts/{id}/privacy"), G(ACCOUNTS), A(READ),
      IN_PATH|BRIEF, F(privacy_get), 0, "privacy settings at WhatsApp" },

    { PATCH, PATH("/api/accounts/{id}/privacy"), G(ACCOUNTS), A(MANAGE),
      IN_PATH|BRIEF, F(privacy_set), 0, "change privacy settings" },

    { GET, PATH("/api/accounts/{id}/privacy/{setting}"), G(ACCOUNTS),
      A(READ), IN_PATH|BRIEF, F(privacy_list), 0, "who is left out" },

    { PATCH, PATH("/api/accounts/{id}/privacy/{setting}"), G(ACCOUNTS),
      A(MANAGE), IN_PATH|BRIEF, F(privacy_except), 0,
      "leave people out, or not" },

    { GET, PATH("/api/accounts/{id}/blocklist"), G(ACCOUNTS), A(READ),
      IN_PATH|BRIEF, F(blocklist_get), 0, "blocked people" },

    { POST, PATH("/api/accounts/{id}/blocklist"), G(ACCOUNTS), A(MANAGE),
      IN_PATH|BRIEF, F(blocklist_set), 0, "block or unblock a person" },

    /* the selected account */

    { GET, PATH("/api/profile"), G(ACCOUNTS), A(READ), SELECT,
      F(profile_get), 0, "name, about text and picture of the account" },

    { PATCH, PATH("/api/profile"), G(ACCOUNTS), A(MANAGE), SELECT|BRIEF,
      F(profile_set), 0, "change them" },

    { PUT, PATH("/api/profile/picture"), G(ACCOUNTS), A(MANAGE),
      SELECT|BRIEF|UPLOAD, F(profile_set_picture), 0,
      "give the account a picture" },

    { DELETE, PATH("/api/profile/picture"), G(ACCOUNTS), A(MANAGE),
      SELECT|BRIEF, F(profile_no_picture), 0, "take it away" },

    { GET, PATH("/api/connection/status"), G(ACCOUNTS), A(READ), NONE,
      F(connection_status), 0, "state of the connection" },

    { GET, PATH("/api/connection/qr"), G(ACCOUNTS), A(READ), SELECT,
      F(connection_qr), 0, "the QR code" },

    { GET, PATH("/api/connection/qr/image"), G(ACCOUNTS), A(READ), SELECT,
      F(connection_qr_image), 0, "the QR code as PNG" },

    { POST, PATH("/api/connection/restart"), G(ACCOUNTS), A(MANAGE), SELECT,
      F(connection_action), WA_OP_RESTART, "connect anew" },

    { POST, PATH("/api/connection/logout"), G(ACCOUNTS), A(MANAGE), SELECT,
      F(connection_action), WA_OP_LOGOUT, "unlink from WhatsApp" },

    { POST, PATH("/api/connection/new-qr"), G(ACCOUNTS), A(MANAGE), SELECT,
      F(connection_action), WA_OP_RELINK, "unlink, show a new QR" },

    /* sessions */

    { GET, PATH("/tenant/sessions"), G(ACCOUNTS), A(READ), NONE,
      F(sessions_list), 0, "list sessions" },

    { POST, PATH("/tenant/sessions"), G(ACCOUNTS), A(MANAGE), NONE,
      F(sessions_create), 0, "create a session" },

    { DELETE, PATH("/session/{sessionId}"), G(ACCOUNTS), A(MANAGE), IN_PATH,
      F(accounts_delete), 0, "log out and delete a session" },

    { POST, PATH("/session/{sessionId}/disconnect"), G(ACCOUNTS), A(MANAGE),
      IN_PATH, F(connection_action), WA_OP_STOP, "disconnect, stay linked" },

    { GET, PATH("/session/{sessionId}/qr"), G(ACCOUNTS), A(READ), IN_PATH,
      F(sessions_qr), 0, "the QR code" },

    { POST, PATH("/session/{sessionId}/regenerate-qr"), G(ACCOUNTS),
      A(MANAGE), IN_PATH, F(sessions_regenerate), WA_OP_RELINK,
      "unlink, show a new QR" },

    { GET, PATH("/session/{sessionId}/status"), G(ACCOUNTS), A(READ),
      IN_PATH, F(sessions_status), 0, "state of a session" },

    { GET, PATH("/api/whatsapp/session/status/{sessionId}"), G(ACCOUNTS),
      A(READ), IN_PATH, F(realtime_status), 0, "state of a session" },

    { GET, PATH("/api/whatsapp/session/list-realtime"), G(ACCOUNTS),
      A(READ), NONE, F(realtime_list), 0, "states of all sessions" },

    /* messages */

    { POST, PATH("/api/messages"), G(MESSAGES), A(SEND),
      SELECT|BRIEF|UPLOAD, F(messages_send), SEND(MESSAGE), "send a message" },

    { POST, PATH("/api/accounts/{id}/messages"), G(MESSAGES), A(SEND),
      IN_PATH|BRIEF|UPLOAD, F(messages_send), SEND(ACCOUNT),
      "send a message" },

    { POST, PATH("/api/accounts/{id}/messages/send"), G(MESSAGES), A(SEND),
      IN_PATH|BRIEF|UPLOAD, F(messages_send), SEND(000),
      "send a message" },

    { POST, PATH("/api/accounts/{id}/send"), G(MESSAGES), A(SEND),
      IN_PATH|BRIEF|UPLOAD, F(messages_send), SEND(000), "send a message" },

    { POST, PATH("/api/actions/send/text"), G(MESSAGES), A(SEND),
      SELECT|BRIEF, F(messages_send), SEND(001)|KIND(TEXT), "send a text" },

    { POST, PATH("/api/actions/send/image"), G(MESSAGES), A(SEND),
      SELECT|BRIEF|UPLOAD, F(messages_send), SEND(001)|KIND(IMAGE),
      "send an image" },

    { POST, PATH("/api/actions/send/video"), G(MESSAGES), A(SEND),
      SELECT|BRIEF|UPLOAD, F(messages_send), SEND(001)|KIND(VIDEO),
      "send a video" },

    { POST, PATH("/api/actions/send/audio"), G(MESSAGES), A(SEND),
      SELECT|BRIEF|UPLOAD, F(messages_send), SEND(001)|KIND(AUDIO),
      "send a sound" },

    { POST, PATH("/api/actions/send/document"), G(MESSAGES), A(SEND),
      SELECT|BRIEF|UPLOAD, F(messages_send), SEND(001)|KIND(DOCUMENT),
      "send a document" },

    { POST, PATH("/api/actions/send/sticker"), G(MESSAGES), A(SEND),
      SELECT|BRIEF|UPLOAD, F(messages_send), SEND(001)|KIND(STICKER),
      "send a sticker" },

    { POST, PATH("/api/actions/send/location"), G(MESSAGES), A(SEND),
      SELECT|BRIEF, F(messages_send), SEND(001)|KIND(LOCATION),
      "send a place" },

    { POST, PATH("/api/actions/send/contact"), G(MESSAGES), A(SEND),
      SELECT|BRIEF, F(messages_send), SEND(001)|KIND(CONTACT),
      "send a contact" },

    { POST, PATH("/api/actions/send/poll"), G(MESSAGES), A(SEND),
      SELECT|BRIEF, F(messages_send), SEND(001)|KIND(POLL),
      "send a poll" },

    { POST, PATH("/api/actions/react"), G(MESSAGES), A(SEND),
      SELECT|BRIEF, F(messages_send), SEND(001)|KIND(REACTION),
      "react to a message" },

    { POST, PATH("/api/actions/edit"), G(MESSAGES), A(SEND),
      SELECT|BRIEF, F(messages_send), SEND(001)|KIND(EDIT),
      "edit a message" },

    { POST, PATH("/api/actions/read"), G(MESSAGES), A(SEND), SELECT|BRIEF,
      F(actions_read), 0, "tell that messages were read" },

    { POST, PATH("/api/actions/played"), G(MESSAGES), A(SEND), SELECT|BRIEF,
      F(actions_read), 1, "tell that messages were heard or opened" },

    { POST, PATH("/api/actions/presence"), G(MESSAGES), A(SEND),
      SELECT|BRIEF, F(actions_presence), 0, "be available, or typing" },

    { PUT, PATH("/api/actions/profile-status"), G(MESSAGES), A(SEND),
      SELECT|BRIEF, F(profile_status), 0, "the account's about text" },

    { POST, PATH("/api/actions/delete"), G(MESSAGES), A(SEND),
      SELECT|BRIEF, F(messages_send), SEND(001)|KIND(DELETE),
      "delete a message" },

    { POST, PATH("/session/{sessionId}/send"), G(MESSAGES), A(SEND),
      IN_PATH|BRIEF, F(messages_send), SEND(002)|KIND(TEXT),
      "send a text" },

    { POST, PATH("/session/{sessionId}/send-image"), G(MESSAGES), A(SEND),
      IN_PATH|BRIEF|UPLOAD, F(messages_send), SEND(002)|KIND(IMAGE),
      "send an image" },

    { POST, PATH("/session/{sessionId}/send-video"), G(MESSAGES), A(SEND),
      IN_PATH|BRIEF|UPLOAD, F(messages_send), SEND(002)|KIND(VIDEO),
      "send a video" },

    { POST, PATH("/session/{sessionId}/send-audio"), G(MESSAGES), A(SEND),
      IN_PATH|BRIEF|UPLOAD, F(messages_send), SEND(002)|KIND(AUDIO),
      "send a sound" },

    { POST, PATH("/session/{sessionId}/send-document"), G(MESSAGES),
      A(SEND), IN_PATH|BRIEF|UPLOAD, F(messages_send),
      SEND(002)|KIND(DOCUMENT), "send a document" },

    { POST, PATH("/api/messages/send"), G(MESSAGES), A(SEND), SELECT|BRIEF,
      F(messages_send), SEND(003)|KIND(TEXT), "send a text" },

    { POST, PATH("/api/messages/send-media"), G(MESSAGES), A(SEND),
      SELECT|BRIEF|UPLOAD, F(messages_send), SEND(003_MEDIA),
      "send a file" },

    { GET, PATH("/api/messages"), G(MESSAGES), A(READ), NONE,
      F(history_messages), 0, "list messages" },

    { GET, PATH("/api/messages/stats"), G(MESSAGES), A(READ), NONE,
      F(history_stats), 0, "totals of messages" },

    { GET, PATH("/api/messages/{id}"), G(MESSAGES), A(READ), NONE,
      F(history_message), 0, "one message, with its receipts" },

    { PATCH, PATH("/api/messages/{id}"), G(MESSAGES), A(SEND), NONE,
      F(messages_patch), 0, "edit a message, or mark it as read" },

    { DELETE, PATH("/api/messages/{id}"), G(MESSAGES), A(SEND), NONE,
      F(messages_delete), 0, "delete a message" },

    { GET, PATH("/session/{sessionId}/messages"), G(MESSAGES), A(READ),
      IN_PATH, F(history_session), 0, "messages of a session" },

    { GET, PATH("/tenant/messages"), G(MESSAGES), A(READ), NONE,
      F(history_tenant), 0, "messages of all sessions" },

    { GET, PATH("/api/stories"), G(CHATS), A(READ), NONE,
      F(stories_list), 0, "list posts to the status" },

    { GET, PATH("/api/calls"), G(CHATS), A(READ), NONE,
      F(calls_list), 0, "list calls" },

    { POST, PATH("/api/calls/{id}/reject"), G(CHATS), A(SEND),
      SELECT|BRIEF, F(calls_reject), 0, "refuse a call" },

    /* chats */

    { GET, PATH("/api/chats"), G(CHATS), A(READ), NONE,
      F(history_chats), 0, "list chats" },

    { GET, PATH("/api/chats/{jid}"), G(CHATS), A(READ), NONE,
      F(history_chat), 0, "one chat, with its newest messages" },

    { PATCH, PATH("/api/chats/{jid}"), G(CHATS), A(SEND), NONE,
      F(chats_patch), CHATS(CHANGE),
      "archive, pin, mute, mark as unread or read" },

    { DELETE, PATH("/api/chats/{jid}"), G(CHATS), A(SEND), NONE,
      F(chats_delete), CHATS(DELETE), "delete a chat" },

    { POST, PATH("/api/chats/{jid}/clear"), G(CHATS), A(SEND), NONE,
      F(chats_clear), CHATS(CLEAR), "delete the messages of a chat" },

    { GET, PATH("/api/labels"), G(CHATS), A(READ), NONE,
      F(labels_list), 0, "list labels" },

    { POST, PATH("/api/labels"), G(CHATS), A(SEND), SELECT,
      F(labels_create), LABELS(CREATE), "a new label" },

    { PATCH, PATH("/api/labels/{id}"), G(CHATS), A(SEND), NONE,
      F(labels_change), LABELS(EDIT), "name and colour of a label" },

    { DELETE, PATH("/api/labels/{id}"), G(CHATS), A(SEND), NONE,
      F(labels_change), LABELS(DELETE), "delete a label" },

    { PUT, PATH("/api/labels/{id}/chats/{jid}"), G(CHATS), A(SEND), NONE,
      F(labels_change), LABELS(ADD), "give a chat a label" },

    { DELETE, PATH("/api/labels/{id}/chats/{jid}"), G(CHATS), A(SEND), NONE,
      F(labels_change), LABELS(REMOVE), "take a label from a chat" },

    { POST, PATH("/api/chats/{jid}/history"), G(CHATS), A(SEND),
      SELECT|BRIEF, F(chats_older), 0, "ask the phone for older messages" },

    /* presence */

    { GET, PATH("/api/presence"), G(CHATS), A(READ), NONE,
      F(presence_list), 0, "who was there, who typed" },

    { GET, PATH("/api/presence/subscriptions"), G(CHATS), A(READ),
      SELECT|BRIEF, F(presence_watched), 0, "whose presence is told" },

    { POST, PATH("/api/presence/subscribe"), G(CHATS), A(SEND),
      SELECT|BRIEF, F(presence_watch), 1, "have someone's presence told" },

    { POST, PATH("/api/presence/unsubscribe"), G(CHATS), A(SEND),
      SELECT|BRIEF, F(presence_watch), 0, "have it told no more" },

    /* groups */

    { GET, PATH("/api/groups"), G(GROUPS), A(READ), NONE,
      F(groups_list), 0,
      "list the groups" },

    { POST, PATH("/api/groups"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_create), 0,
      "create a group" },

    { POST, PATH("/api/groups/sync"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_sync), 0,
      "fetch all groups" },

    { POST, PATH("/api/groups/join"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_join), 0,
      "join by invite code" },

    { GET, PATH("/api/groups/invite/{code}"), G(GROUPS), A(READ),
      SELECT|BRIEF, F(groups_inspect), 0,
      "the group of an invite code" },

    { GET, PATH("/api/groups/{jid}"), G(GROUPS), A(READ),
      SELECT|BRIEF, F(groups_ask), GROUP(GET),
      "one group" },

    { GET, PATH("/api/groups/{jid}/past-participants"), G(GROUPS), A(READ),
      NONE, F(groups_past), 0,
      "who has left a group" },

    { GET, PATH("/api/groups/{jid}/metadata"), G(GROUPS), A(READ),
      SELECT|BRIEF, F(groups_ask), GROUP(METADATA),
      "one group, as WhatsApp has it" },

    { GET, PATH("/api/groups/{jid}/invite-code"), G(GROUPS), A(READ),
      SELECT|BRIEF, F(groups_ask), GROUP(INVITE),
      "the invite code" },

    { DELETE, PATH("/api/groups/{jid}/invite-code"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_ask), GROUP(REVOKE),
      "make another invite code" },

    { PUT, PATH("/api/groups/{jid}/subject"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_set), GROUP(SUBJECT),
      "rename a group" },

    { PUT, PATH("/api/groups/{jid}/description"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_set), GROUP(DESCRIPTION),
      "describe a group" },

    { PUT, PATH("/api/groups/{jid}/settings"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_set), GROUP(SETTINGS),
      "change a setting" },

    { GET, PATH("/api/groups/{jid}/profile-pic"), G(GROUPS), A(READ),
      SELECT|BRIEF, F(groups_picture), 0,
      "where the picture of a group is" },

    { PUT, PATH("/api/groups/{jid}/profile-pic"), G(GROUPS), A(SEND),
      SELECT|BRIEF|UPLOAD, F(groups_set_picture), 0,
      "give a group a picture" },

    { DELETE, PATH("/api/groups/{jid}/profile-pic"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_ask), GROUP(NO_PICTURE),
      "take the picture of a group away" },

    { POST, PATH("/api/groups/{jid}/participants"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_people), GROUP(PARTICIPANTS),
      "add, remove, promote, demote" },

    { GET, PATH("/api/groups/{jid}/requests"), G(GROUPS), A(READ),
      SELECT|BRIEF, F(groups_ask), GROUP(REQUESTS),
      "who asks to join" },

    { POST, PATH("/api/groups/{jid}/requests"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_people), GROUP(ANSWER),
      "approve or reject them" },

    { GET, PATH("/api/groups/{jid}/linked"), G(GROUPS), A(READ),
      SELECT|BRIEF, F(groups_ask), GROUP(LINKED),
      "groups of a community" },

    { POST, PATH("/api/groups/{jid}/linked"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_people), GROUP(LINK),
      "put groups into a community" },

    { DELETE, PATH("/api/groups/{jid}/linked"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_people), GROUP(UNLINK),
      "take groups out of it" },

    { POST, PATH("/api/groups/{jid}/leave"), G(GROUPS), A(SEND),
      SELECT|BRIEF, F(groups_ask), GROUP(LEAVE),
      "leave a group" },

    /* channels */

    { GET, PATH("/api/channels"), G(CHATS), A(READ), SELECT|BRIEF,
      F(channels_list), 0, "list the channels that are followed" },

    { POST, PATH("/api/channels"), G(CHATS), A(SEND), SELECT|BRIEF,
      F(channels_create), 0, "create a channel" },

    { GET, PATH("/api/channels/{jid}"), G(CHATS), A(READ), SELECT|BRIEF,
      F(channels_get), 0, "one channel, by address or invite code" },

    { PATCH, PATH("/api/channels/{jid}"), G(CHATS), A(SEND), SELECT|BRIEF,
      F(channels_update), 0, "change name or description of a channel" },

    { DELETE, PATH("/api/channels/{jid}"), G(CHATS), A(MANAGE),
      SELECT|BRIEF, F(channels_action), CHANNEL(DELETE),
      "delete a channel" },

    { GET, PATH("/api/channels/{jid}/messages"), G(CHATS), A(READ),
      SELECT|BRIEF, F(channels_messages), 0,
      "messages of a channel, with views and reactions" },

    { POST, PATH("/api/channels/{jid}/follow"), G(CHATS), A(SEND),
      SELECT|BRIEF, F(channels_action), CHANNEL(FOLLOW),
      "follow a channel" },

    { POST, PATH("/api/channels/{jid}/unfollow"), G(CHATS), A(SEND),
      SELECT|BRIEF, F(channels_action), CHANNEL(UNFOLLOW),
      "follow a channel no more" },

    { POST, PATH("/api/channels/{jid}/mute"), G(CHATS), A(SEND),
      SELECT|BRIEF, F(channels_action), CHANNEL(MUTE), "mute a channel" },

    { POST, PATH("/api/channels/{jid}/unmute"), G(CHATS), A(SEND),
      SELECT|BRIEF, F(channels_action), CHANNEL(UNMUTE),
      "unmute a channel" },

    { POST, PATH("/api/channels/{jid}/live"), G(CHATS), A(SEND),
      SELECT|BRIEF, F(channels_action), CHANNEL(LIVE),
      "have views and reactions told as they come, for a while" },

    { POST, PATH("/api/channels/{jid}/viewed"), G(CHATS), A(SEND),
      SELECT|BRIEF, F(channels_viewed), 0, "count views of messages" },

    /* contacts */

    { GET, PATH("/api/contacts"), G(CONTACTS), A(READ), NONE,
      F(contacts_list), 0, "list contacts" },

    { GET, PATH("/api/contacts/{jid}"), G(CONTACTS), A(READ), NONE,
      F(contacts_one), 0, "one contact" },

    { POST, PATH("/api/contacts/check"), G(CONTACTS), A(READ), SELECT|BRIEF,
      F(contacts_check), 0, "which numbers are on WhatsApp" },

    { GET, PATH("/api/contacts/{jid}/profile-pic"), G(CONTACTS), A(READ),
      NONE|BRIEF, F(contacts_picture), 0,
      "where the picture of a person is" },

    { GET, PATH("/api/contacts/{jid}/about"), G(CONTACTS), A(READ),
      NONE|BRIEF, F(contacts_ask), NGX_HTTP_WAHUB_CONTACT_ABOUT,
      "what a person says about itself" },

    { GET, PATH("/api/contacts/{jid}/business"), G(CONTACTS), A(READ),
      NONE|BRIEF, F(contacts_ask), NGX_HTTP_WAHUB_CONTACT_BUSINESS,
      "the profile of a business" },

    { PUT, PATH("/api/contacts/{jid}/name"), G(CONTACTS), A(MANAGE),
      NONE|BRIEF, F(contacts_name), 0, "the name in the phone's address book" },

    /* media; arg: how many files, or what is answered */

    { POST, PATH("/api/media"), G(MEDIA), A(SEND), NONE|UPLOAD,
      F(files_upload), 1, "keep a file" },

    { POST, PATH("/api/media/upload"), G(MEDIA), A(SEND), NONE|UPLOAD,
      F(files_upload), 1, "keep a file" },

    { POST, PATH("/api/media/upload-multiple"), G(MEDIA), A(SEND),
      NONE|UPLOAD, F(files_upload), 10, "keep several files" },

    { GET, PATH("/api/media/stats"), G(MEDIA), A(READ), NONE,
      F(files_stats), 0, "how many files, of which types" },

    { GET, PATH("/api/media/{id}"), G(MEDIA), A(READ), NONE,
      F(files_get), 0, "one file's facts" },

    { GET, PATH("/api/media/{id}/download"), G(MEDIA), A(PUBLIC), NONE,
      F(files_download), 0, "a file: thumb=1, disposition=attachment" },

    { POST, PATH("/api/media/{id}/retry"), G(MEDIA), A(SEND), NONE,
      F(files_retry), 0, "fetch a file that is not there" },

    { GET, PATH("/api/media/by-message/{msgId}"), G(MEDIA), A(READ), NONE,
      F(files_by_message), 0, "the file of a message" },

    { GET, PATH("/files/{sessionId}/{fileName}"), G(MEDIA), A(PUBLIC), NONE,
      F(files_file), 0, "a file by its link" },

    { GET, PATH("/media"), G(MEDIA), A(READ), NONE,
      F(files_list), 0, "the newest files" },

    { GET, PATH("/media/stats"), G(MEDIA), A(READ), NONE,
      F(files_stats), 1, "how many files, of which types" },

    { GET, PATH("/media/download/{messageId}"), G(MEDIA), A(READ), NONE,
      F(files_by_message), NGX_HTTP_WAHUB_LOOK_OPEN,
      "the file of a message" }
};


const ngx_uint_t  ngx_http_wahub_routes_n =
    sizeof(ngx_http_wahub_routes) / sizeof(ngx_http_wahub_route_t);
