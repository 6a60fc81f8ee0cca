/*
 * The row of the table (ngx_http_wahub_route_table.c) that a request is for;
 * the table is also what GET /api shows.
 */
#include "ngx_http_wahub_route.h"


typedef struct {
    ngx_uint_t    group;
    const char   *name;
} ngx_http_wahub_group_t;

typedef struct {
    ngx_uint_t    method;
    const char   *name;
} ngx_http_wahub_verb_t;


static const ngx_http_wahub_group_t  ngx_http_wahub_groups[] = {
    { NGX_HTTP_WAHUB_GROUP_ALL, "system" },
    { NGX_HTTP_WAHUB_GROUP_ACCOUNTS, "accounts" },
    { NGX_HTTP_WAHUB_GROUP_MESSAGES, "messages" },
    { NGX_HTTP_WAHUB_GROUP_CHATS, "chats" },
    { NGX_HTTP_WAHUB_GROUP_MEDIA, "media" },
    { NGX_HTTP_WAHUB_GROUP_CONTACTS, "contacts" },
    { NGX_HTTP_WAHUB_GROUP_GROUPS, "groups" },
    { 0, NULL }
};


static const ngx_http_wahub_verb_t  ngx_http_wahub_verbs[] = {
    { NGX_HTTP_GET, "GET" },
    { NGX_HTTP_POST, "POST" },
    { NGX_HTTP_PUT, "PUT" },
    { NGX_HTTP_PATCH, "PATCH" },
    { NGX_HTTP_DELETE, "DELETE" },
    { 0, NULL }
};


static ngx_int_t ngx_http_wahub_route_match(const ngx_str_t *pattern,
    const ngx_str_t *path, ngx_str_t *params);
static ngx_int_t ngx_http_wahub_route_add(json_t *group,
    const ngx_http_wahub_route_t *route);


ngx_int_t
ngx_http_wahub_route_find(ngx_http_wahub_ctx_t *ctx, ngx_uint_t method)
{
    ngx_int_t                      weight, best;
    ngx_str_t                      params[NGX_HTTP_WAHUB_PARAMS_MAX];
    ngx_uint_t                     i;
    const ngx_http_wahub_route_t  *route;

    best = -1;
    ctx->route = NULL;
    ctx->allow = 0;

    if (method == NGX_HTTP_HEAD) {
        method = NGX_HTTP_GET;
    }

    for (i = 0; i < ngx_http_wahub_routes_n; i++) {
        route = &ngx_http_wahub_routes[i];

        if ((route->group & ctx->conf->groups) == 0) {
            continue;
        }

        ngx_memzero(params, sizeof(params));
        weight = ngx_http_wahub_route_match(&route->path, &ctx->path,
                                            params);

        if (weight < 0 || weight < best) {
            continue;
        }

        if (weight > best) {
            best = weight;
            ctx->route = NULL;
            ctx->allow = 0;
        }

        ctx->allow |= route->method;

        if (route->method == NGX_HTTP_GET) {
            ctx->allow |= NGX_HTTP_HEAD;
        }

        if (route->method == method || ctx->preflight) {
            ctx->route = route;
            ngx_memcpy(ctx->params, params, sizeof(params));
        }
    }

    if (best < 0) {
        return NGX_DECLINED;
    }

    return ctx->route == NULL ? NGX_ABORT : NGX_OK;
}


/*
 * Byte by byte, a parameter at once.  The weight has one bit per segment,
 * the first one highest, set for a literal: so "/api/messages/send"
 * outweighs "/api/messages/{id}".  -1: no match.
 */
static ngx_int_t
ngx_http_wahub_route_match(const ngx_str_t *pattern, const ngx_str_t *path,
    ngx_str_t *params)
{
    u_char     *p, *s, *plast, *slast;
    ngx_int_t   weight, bit;
    ngx_uint_t  n;

    p = pattern->data;
    plast = p + pattern->len;
    s = path->data;
    slast = s + path->len;
    weight = 0;

    /* most rows end in another word */

    if (plast[-1] != '}' && (s == slast || plast[-1] != slast[-1])) {
        return -1;
    }

    bit = 1 << 16;
    n = 0;

    while (p < plast && s < slast) {

        if (*p != '{') {

            if (*p != *s) {
                return -1;
            }

            if (*p == '/') {
                bit >>= 1;
                weight |= bit;
            }

            p++;
            s++;
            continue;
        }

        weight &= ~bit;
        params[n].data = s;

        while (s < slast && *s != '/') {
            s++;
        }

        params[n].len = (size_t) (s - params[n].data);

        if (params[n++].len == 0) {
            return -1;
        }

        while (p < plast && *p != '/') {
            p++;
        }
    }

    return (p == plast && s == slast) ? weight : -1;
}


json_t *
ngx_http_wahub_route_list(ngx_http_wahub_ctx_t *ctx)
{
    json_t                        *groups, *group;
    ngx_uint_t                     i, k;
    const ngx_http_wahub_group_t  *g;

    groups = json_object();

    for (k = 0; ngx_http_wahub_groups[k].name != NULL; k++) {
        g = &ngx_http_wahub_groups[k];
        group = json_object();

        for (i = 0; i < ngx_http_wahub_routes_n; i++) {
            if (ngx_http_wahub_routes[i].group != g->group
                || (g->group & ctx->conf->groups) == 0)
            {
                continue;
            }

            if (ngx_http_wahub_route_add(group, &ngx_http_wahub_routes[i])
                != NGX_OK)
            {
                json_decref(group);
                json_decref(groups);
                return NULL;
            }
        }

        if (json_object_size(group) == 0) {
            json_decref(group);
            continue;
        }

        if (json_object_set_new(groups, g->name, group) != 0) {
            json_decref(groups);
            return NULL;
        }
    }

    return groups;
}


static ngx_int_t
ngx_http_wahub_route_add(json_t *group, const ngx_http_wahub_route_t *route)
{
    int          rc;
    u_char      *last, buf[128];
    ngx_uint_t   i;

    for (i = 0; ngx_http_wahub_verbs[i].name != NULL; i++) {
        if (ngx_http_wahub_verbs[i].method == route->method) {
            break;
        }
    }

    last = ngx_snprintf(buf, sizeof(buf) - 1, "%s %V",
                        ngx_http_wahub_verbs[i].name, &route->path);
    *last = '\0';

    rc = json_object_set_new(group, (char *) buf,
                             json_string(route->about));

    return rc == 0 ? NGX_OK : NGX_ERROR;
}
