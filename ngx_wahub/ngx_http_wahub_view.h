/*
 * The account's public object as the engine stores it ("view"), and what
 * each row of the contract makes of it: HTTP contract 4.1 to 4.4.
 *
 * Everything that follows from the state (three status vocabularies, the
 * flags of reference 004) comes from one table in the source file.
 */
#ifndef NGX_HTTP_WAHUB_VIEW_H
#define NGX_HTTP_WAHUB_VIEW_H

#include "ngx_http_wahub_api.h"


#define NGX_HTTP_WAHUB_QR_PX  256           /* contract 4.4              */


/* WA_STATE_INIT for a view without a known state. */
wa_state_e ngx_http_wahub_view_state(json_t *view);

/*
 * Nobody holds the account now: a state that tells of a living connection
 * becomes CONNECTING (which is what comes next), a QR code is withdrawn.
 */
void ngx_http_wahub_view_orphan(json_t *view);

/* A member's text; { 0, NULL } when null or absent. */
ngx_str_t ngx_http_wahub_view_text(json_t *view, const char *name);

/* The text to draw as a QR code; len 0: none is waiting for a scan. */
ngx_str_t ngx_http_wahub_view_qr(json_t *view);

/* The QR code as a PNG data URL; JSON null when there is none. */
json_t *ngx_http_wahub_view_qr_image(json_t *view);

/* Status words of references 001, 002 (answer) and 004. */
const char *ngx_http_wahub_view_status_hub(json_t *view);
const char *ngx_http_wahub_view_status_session(json_t *view);
const char *ngx_http_wahub_view_status_item(json_t *view);

/* New references; NULL: out of memory. */
json_t *ngx_http_wahub_view_account(json_t *view);          /* 4.1       */
json_t *ngx_http_wahub_view_session(json_t *view);          /* 002 row   */
json_t *ngx_http_wahub_view_item(json_t *view);             /* 004 item  */

#endif /* NGX_HTTP_WAHUB_VIEW_H */
