/*
 * Servers that answer and yet do not serve: full, replicas, without a disk.
 *
 *   [takes writes] -- an error of the table --> [trouble] -- probe --+
 *         ^                                        ^    refused      |
 *         |                                        +-----------------+
 *         +-------------- the probe's answer is no error ------------+
 *
 * The probe writes nothing: SET XX of a key that never exists is refused
 * whenever a write would be, and changes neither data nor append-only file.
 * Each change of the state makes one line in the log.  A trouble that ends
 * and comes back within seconds is logged as "info".
 */
#include "ngx_http_wahub_redis_int.h"


#define NGX_HTTP_WAHUB_REDIS_SLOW  2000          /* ms                     */
#define NGX_HTTP_WAHUB_REDIS_CALM  10            /* s                      */


typedef struct {
    const char  *code;                           /* of the error answer    */
    const char  *reason;
} ngx_http_wahub_redis_trouble_t;


/* Known by where they lie. */
static const char  ngx_http_wahub_replica[] =
    "is a replica and takes no writes";
static const char  ngx_http_wahub_orphan[] =
    "is a replica that has lost its master";

static const ngx_http_wahub_redis_trouble_t  ngx_http_wahub_troubles[] = {
    { "OOM", "is full, its maxmemory is reached" },
    { "READONLY", ngx_http_wahub_replica },
    { "MISCONF", "cannot write to its disk" },
    { "LOADING", "is loading its data" },
    { "MASTERDOWN", ngx_http_wahub_orphan },
    { "NOREPLICAS", "has fewer replicas than it wants for writes" },
    { "BUSY", "is busy with somebody's script" },
    { "CLUSTERDOWN", "is a node of a cluster that is down" }
};


static void ngx_http_wahub_redis_probed(void *data,
    ngx_http_wahub_redis_reply_t *reply);


const char *
ngx_http_wahub_redis_diagnose(const redisReply *r)
{
    size_t       n;
    ngx_uint_t   i;
    const char  *p;

    p = r->str;

    /* before Redis 7: "ERR Error running script (...): ...: -OOM ..." */

    if (ngx_strncmp(p, "ERR Error running script", 24) == 0) {
        p = ngx_strstr(p, ": -");

        if (p == NULL) {
            return NULL;
        }

        p += 3;
    }

    for (i = 0; i < sizeof(ngx_http_wahub_troubles)
                    / sizeof(ngx_http_wahub_redis_trouble_t); i++)
    {
        n = ngx_strlen(ngx_http_wahub_troubles[i].code);

        if (ngx_strncmp(p, ngx_http_wahub_troubles[i].code, n) == 0
            && (p[n] == ' ' || p[n] == '\0'))
        {
            return ngx_http_wahub_troubles[i].reason;
        }
    }

    return NULL;
}


void
ngx_http_wahub_redis_troubled(ngx_http_wahub_redis_t *rc, const redisReply *r)
{
    ngx_uint_t   level;
    const char  *reason;

    if (rc->up == 0) {
        return;
    }

    reason = ngx_http_wahub_redis_diagnose(r);

    if (reason == NULL || reason == rc->trouble) {
        return;
    }

    /* which of the two it says depends on the command */

    if (reason == ngx_http_wahub_replica
        && rc->trouble == ngx_http_wahub_orphan)
    {
        return;
    }

    if (rc->trouble == NULL) {
        /* one that comes and goes, as at the edge of maxmemory, is not news */

        rc->relapsed = (reason == rc->last
                        && ngx_time() - rc->cured < NGX_HTTP_WAHUB_REDIS_CALM);
        rc->since = ngx_time();

    } else {
        rc->relapsed = 0;
    }

    rc->trouble = reason;

    level = rc->relapsed ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, rc->worker->log, 0,
                  "wahub: redis \"%V\" %s; accounts wait: \"%s\"",
                  &rc->conf->url, reason, r->str);

    if (rc->conf->master.len != 0
        && ngx_strncmp(r->str, "READONLY", sizeof("READONLY") - 1) == 0)
    {
        /* it was the master: the sentinels know who is */
        ngx_http_wahub_redis_reset(rc, reason);
        ngx_http_wahub_sentinel_doubt(rc->worker);
    }
}


void
ngx_http_wahub_redis_probe(ngx_http_wahub_redis_t *rc)
{
    ngx_str_t  argv[4];

    if (rc->probing) {
        return;
    }

    ngx_str_set(&argv[0], "SET");
    argv[1] = rc->probe_key;
    ngx_str_set(&argv[2], "1");
    ngx_str_set(&argv[3], "XX");

    if (ngx_http_wahub_redis_command(rc, ngx_http_wahub_redis_probed, rc,
                                     argv, 4)
        == NGX_OK)
    {
        rc->probing = 1;
    }
}


static void
ngx_http_wahub_redis_probed(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_uint_t               level;
    ngx_http_wahub_redis_t  *rc = data;

    rc->probing = 0;

    if (reply == NULL || rc->trouble == NULL
        || ngx_http_wahub_redis_type(reply) == ngx_http_wahub_redis_error)
    {
        return;
    }

    rc->last = rc->trouble;
    rc->trouble = NULL;
    rc->cured = ngx_time();

    level = rc->relapsed ? NGX_LOG_INFO : NGX_LOG_NOTICE;

    ngx_log_error(level, rc->worker->log, 0,
                  "wahub: redis \"%V\" takes writes again after %T s",
                  &rc->conf->url, ngx_time() - rc->since);

    ngx_http_wahub_redis_announce(rc, 1);
}


ngx_uint_t
ngx_http_wahub_redis_answers(ngx_http_wahub_redis_t *rc)
{
    return rc->up && rc->ac != NULL
           && (rc->pending == 0
               || ngx_current_msec - rc->heard < NGX_HTTP_WAHUB_REDIS_SLOW);
}


ngx_uint_t
ngx_http_wahub_redis_writable(ngx_http_wahub_redis_t *rc)
{
    return ngx_http_wahub_redis_answers(rc) && rc->trouble == NULL;
}
