/*
 * Files of WhatsApp's media servers that the engine reads in pieces
 * (WA_OUT_FETCH): fetched once to the store's temporary folder, read from
 * there, never kept.
 */
#ifndef NGX_HTTP_WAHUB_BLOB_H
#define NGX_HTTP_WAHUB_BLOB_H

#include "ngx_http_wahub_account.h"


/* The piece that is asked for; the engine hears of it later.  NGX_ERROR: out
   of memory. */
ngx_int_t ngx_http_wahub_blob_fetch(ngx_http_wahub_account_t *slot,
    const wa_file_fetch_t *f);

/* No more of it is wanted. */
void ngx_http_wahub_blob_end(ngx_http_wahub_account_t *slot,
    uint64_t token);

/* The account is dropped: none of its files is wanted. */
void ngx_http_wahub_blob_forget(ngx_http_wahub_account_t *slot);

#endif /* NGX_HTTP_WAHUB_BLOB_H */
