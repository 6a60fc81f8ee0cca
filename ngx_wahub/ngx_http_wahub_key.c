/*
 * Names of Redis keys, the clock of the wall, and which shard an account
 * lives in.  All keys of a shard carry the hash tag {s<n>}, so that a
 * commit touches one slot of a Redis Cluster.
 */
#include "ngx_http_wahub.h"


void
ngx_http_wahub_key_shard(ngx_http_wahub_main_conf_t *wmcf, ngx_uint_t shard,
    const char *name, u_char *buf, ngx_str_t *key)
{
    u_char  *p;

    p = ngx_snprintf(buf, NGX_HTTP_WAHUB_KEY_MAX, "%V:{s%ui}:%s",
                     &wmcf->redis_prefix, shard, name);

    key->data = buf;
    key->len = p - buf;
}


void
ngx_http_wahub_key_account(ngx_http_wahub_main_conf_t *wmcf,
    const ngx_str_t *id, u_char *buf, ngx_str_t *key)
{
    u_char  *p;

    p = ngx_snprintf(buf, NGX_HTTP_WAHUB_KEY_MAX, "%V:{s%ui}:a:%V",
                     &wmcf->redis_prefix, ngx_http_wahub_shard_of(wmcf, id),
                     id);

    key->data = buf;
    key->len = p - buf;
}


void
ngx_http_wahub_key_tenant(ngx_http_wahub_main_conf_t *wmcf,
    const ngx_str_t *tenant, u_char *buf, ngx_str_t *key)
{
    u_char  *p;

    p = ngx_snprintf(buf, NGX_HTTP_WAHUB_KEY_MAX, "%V:t:%V",
                     &wmcf->redis_prefix, tenant);

    key->data = buf;
    key->len = p - buf;
}


ngx_uint_t
ngx_http_wahub_shard_of(ngx_http_wahub_main_conf_t *wmcf, const ngx_str_t *id)
{
    return wa_shard_of(ngx_http_wahub_span(id), (uint32_t) wmcf->shards);
}


int64_t
ngx_http_wahub_wall_ms(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + (int64_t) tp->msec;
}
