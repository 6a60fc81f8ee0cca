/*
 * TLS to Redis, with a hiredis that has it (see `config`).  hiredis' own
 * setup does not check the name in the certificate, so the session is made
 * here.
 */
#include "ngx_http_wahub_redis_int.h"


#ifdef NGX_HTTP_WAHUB_REDIS_TLS

#include <hiredis/hiredis_ssl.h>


static ngx_int_t
ngx_http_wahub_redis_verify(ngx_http_wahub_redis_t *rc, SSL *ssl)
{
    char  *host = (char *) rc->conf->host.data;

    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1) {
        return NGX_OK;
    }

    if (SSL_set1_host(ssl, host) != 1
        || SSL_set_tlsext_host_name(ssl, host) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_redis_secure(ngx_http_wahub_redis_t *rc, redisAsyncContext *ac)
{
    SSL  *ssl;

    ssl = SSL_new(rc->conf->ssl->ctx);
    if (ssl == NULL) {
        ngx_ssl_error(NGX_LOG_ERR, rc->worker->log, 0,
                      "wahub: no TLS session for redis");
        return NGX_ERROR;
    }

    if (ngx_http_wahub_redis_verify(rc, ssl) != NGX_OK
        || redisInitiateSSL(&ac->c, ssl) != REDIS_OK)
    {
        ngx_ssl_error(NGX_LOG_ERR, rc->worker->log, 0,
                      "wahub: no TLS session for redis");
        SSL_free(ssl);
        return NGX_ERROR;
    }

    /* hiredis frees it, after the cleanup hook */
    rc->tls = ssl;

    return NGX_OK;
}


const char *
ngx_http_wahub_redis_distrust(ngx_http_wahub_redis_t *rc)
{
    long  n;

    n = (rc->tls == NULL) ? X509_V_OK : SSL_get_verify_result(rc->tls);

    return n == X509_V_OK ? NULL : X509_verify_cert_error_string(n);
}

#endif
