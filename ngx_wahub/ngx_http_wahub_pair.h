/*
 * What rows about linking share.
 */
#ifndef NGX_HTTP_WAHUB_PAIR_H
#define NGX_HTTP_WAHUB_PAIR_H

#include "ngx_http_wahub_api.h"


#define NGX_HTTP_WAHUB_NUMBER_MAX  20       /* digits, contract 2.4 */


/*
 * A person's phone number in any of the forms of contract 2.4 as digits, in
 * `digits` of NGX_HTTP_WAHUB_NUMBER_MAX bytes.  NGX_DECLINED: it is none.
 */
ngx_int_t ngx_http_wahub_pair_number(const ngx_str_t *text, u_char *digits,
    ngx_str_t *number);

#endif /* NGX_HTTP_WAHUB_PAIR_H */
