/*
 * What messages made new (wa_news.h) is told by the accounts concerned.
 *
 *     round (thread): rows, then what is marked --> event.tell, each account
 *     next round:     marks taken away
 *
 * The events themselves make their shards dirty, so there is a next round.
 * Until it has taken the marks away nothing else is looked for: what comes
 * at once is told in portions.  What could not be told stays marked.
 */
#include "ngx_http_wahub_project_int.h"


#define NGX_HTTP_WAHUB_NEWS_TIMEOUT  60000


static void ngx_http_wahub_news_start(ngx_http_wahub_tell_t *tell);
static void ngx_http_wahub_news_told(void *data,
    const ngx_http_wahub_result_t *result);


void
ngx_http_wahub_news_tell(ngx_http_wahub_projector_t *pj, json_t *news)
{
    size_t                  i;
    json_t                 *item;
    ngx_http_wahub_tell_t  *tell;

    if (pj->worker->draining) {
        json_decref(news);
        return;
    }

    pj->news = news;

    json_array_foreach(news, i, item) {

        if (i == sizeof(pj->tells) / sizeof(pj->tells[0])) {
            break;
        }

        tell = &pj->tells[i];
        tell->projector = pj;
        tell->item = item;
        ngx_http_wahub_news_start(tell);
    }

    if (pj->telling == 0) {
        json_decref(pj->news);
        pj->news = NULL;
    }
}


static void
ngx_http_wahub_news_start(ngx_http_wahub_tell_t *tell)
{
    json_t     *args;
    ngx_str_t   account;

    account.data = (u_char *) json_string_value(
                       json_object_get(tell->item, "account"));
    account.len = json_string_length(json_object_get(tell->item, "account"));
    args = json_pack("{s:s, s:O, s:O}", "verb", "event.tell",
                     "type", json_object_get(tell->item, "type"),
                     "data", json_object_get(tell->item, "data"));

    if (args != NULL && account.len == WA_ACCOUNT_ID_LEN
        && ngx_http_wahub_call(tell->projector->worker, &account,
                               WA_OP_QUERY, args,
                               NGX_HTTP_WAHUB_NEWS_TIMEOUT,
                               ngx_http_wahub_news_told, tell)
           != NULL)
    {
        tell->projector->telling++;
    }

    json_decref(args);
}


static void
ngx_http_wahub_news_told(void *data, const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_tell_t       *tell = data;
    ngx_http_wahub_projector_t  *pj = tell->projector;

    if (result->code == NULL
        || ngx_strcmp(result->code, "ACCOUNT_NOT_FOUND") == 0)
    {
        if (pj->told == NULL) {
            pj->told = json_array();
        }

        (void) json_array_append(pj->told, tell->item);
    }

    if (--pj->telling == 0) {
        json_decref(pj->news);
        pj->news = NULL;
    }
}
