/*
 * The projector, shared by ngx_http_wahub_project*.c.
 */
#ifndef NGX_HTTP_WAHUB_PROJECT_INT_H
#define NGX_HTTP_WAHUB_PROJECT_INT_H

#include "ngx_http_wahub_project.h"

#include "wa_news.h"
#include "wa_project.h"


#define NGX_HTTP_WAHUB_PROJECT_DELAY    40      /* ms, collects          */
#define NGX_HTTP_WAHUB_PROJECT_AGAIN    1000    /* ms: Redis refused     */
#define NGX_HTTP_WAHUB_PROJECT_PAUSE    1000    /* ms: database failed   */
#define NGX_HTTP_WAHUB_LOG_ID_LEN       48


typedef struct ngx_http_wahub_round_s  ngx_http_wahub_round_t;

/* One of the news (wa_news.h), told to its account. */
typedef struct {
    ngx_http_wahub_projector_t  *projector;
    json_t                      *item;       /* borrowed from the news   */
} ngx_http_wahub_tell_t;


/* How far a shard is projected. */
typedef struct {
    ngx_queue_t                  queue;      /* dirty                    */
    wa_log_id_t                  position;
    uint64_t                     epoch;
    ngx_uint_t                   added;      /* since the log was cut    */
    ngx_msec_t                   cut_at;
    unsigned                     held:1;
    unsigned                     known:1;    /* position was read        */
    unsigned                     dirty:1;
} ngx_http_wahub_progress_t;


struct ngx_http_wahub_projector_s {
    ngx_http_wahub_worker_t     *worker;
    ngx_http_wahub_progress_t   *shards;
    ngx_queue_t                  dirty;
    ngx_uint_t                   ndirty;
    ngx_event_t                  timer;
    ngx_http_wahub_round_t      *round;      /* NULL: idle               */
    ngx_msec_t                   pause;      /* 0: no failure before     */
    ngx_int_t                    trim;       /* script                   */
    json_t                      *news;       /* being told; or NULL      */
    json_t                      *told;       /* for the next round       */
    ngx_uint_t                   telling;    /* answers to come          */
    ngx_http_wahub_tell_t        tells[2 * WA_NEWS_MAX];
    unsigned                     fenced:1;   /* the last round was       */
};


/* ngx_http_wahub_project.c */

/* Its log may hold something new, if it is ours. */
void ngx_http_wahub_project_dirty(ngx_http_wahub_projector_t *pj,
    ngx_uint_t number);

/* Sees to it that a round starts when there is something to do. */
void ngx_http_wahub_project_plan(ngx_http_wahub_projector_t *pj,
    ngx_msec_t delay);

/* Shortens the log below what is projected. */
void ngx_http_wahub_project_trim(ngx_http_wahub_projector_t *pj,
    ngx_uint_t number);

/* ngx_http_wahub_project_round.c */

/* There is no round; dirty shards, or a database that is to be tried. */
void ngx_http_wahub_round_start(ngx_http_wahub_projector_t *pj);

/* Worker exit: thread jobs have ended. */
void ngx_http_wahub_round_free(ngx_http_wahub_round_t *round);

/* ngx_http_wahub_project_news.c */

/* Tells the accounts; none are being told.  Takes the reference. */
void ngx_http_wahub_news_tell(ngx_http_wahub_projector_t *pj, json_t *news);

#endif /* NGX_HTTP_WAHUB_PROJECT_INT_H */
