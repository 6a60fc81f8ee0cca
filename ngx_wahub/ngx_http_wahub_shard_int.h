/*
 * Membership and leases, shared by ngx_http_wahub_shard*.c.
 */
#ifndef NGX_HTTP_WAHUB_SHARD_INT_H
#define NGX_HTTP_WAHUB_SHARD_INT_H

#include "ngx_http_wahub_shard.h"


#define NGX_HTTP_WAHUB_MEMBERS_MAX  1024


struct ngx_http_wahub_shards_s {
    ngx_http_wahub_worker_t     *worker;
    ngx_http_wahub_shard_t      *elts;
    ngx_uint_t                   n;

    ngx_pool_t                  *pool;       /* members, made anew each beat */
    ngx_pool_t                  *spare;      /* the list before that       */
    ngx_str_t                   *members;
    ngx_uint_t                   nmembers;

    ngx_int_t                    acquire;    /* scripts                    */
    ngx_int_t                    renew;
    ngx_int_t                    release;
    ngx_int_t                    member;
    ngx_int_t                    cluster;

    ngx_str_t                    channel;    /* "<prefix>:shards"          */
    ngx_str_t                    members_key;
    ngx_str_t                    starts_key; /* crash-loop guard           */
    ngx_str_t                    cluster_key;

    ngx_event_t                  tick;
    ngx_uint_t                   lost;       /* leases, since last logged  */
    ngx_uint_t                   reported;   /* held, last time logged     */
    ngx_msec_t                   beat_at;    /* last heartbeat             */
    ngx_msec_t                   settled_at; /* no acquiring before        */
    ngx_msec_t                   rebalance_at; /* no handing over before   */
    ngx_msec_t                   grace_at;   /* silent members kept until  */

    ngx_msec_t                   leave_at;   /* passing on since           */
    ngx_msec_t                   look_at;    /* whether that is too slow   */
    ngx_uint_t                   to_pass;    /* accounts, at leave_at      */
    ngx_uint_t                   passed;     /* of them, up elsewhere      */
    ngx_uint_t                   passing;    /* accounts between owners    */
    ngx_uint_t                   window;     /* most of them at a time     */

    unsigned                     admitted:1; /* shares key and shards      */
    unsigned                     refused:1;  /* said that it does not      */
    unsigned                     grace:1;    /* grace_at is to come        */
    unsigned                     beating:1;
    unsigned                     beat_again:1; /* asked for meanwhile      */
    unsigned                     greeted:1;  /* said hello, counted start  */
    unsigned                     start_counted:1;
    unsigned                     leaving:1;
    unsigned                     alone:1;    /* leaving, nobody else lives */
};


/* ngx_http_wahub_shard_member.c */

ngx_int_t ngx_http_wahub_member_init(ngx_http_wahub_shards_t *ss);

/* Refreshes the list of members; then decides anew which shards to hold. */
void ngx_http_wahub_member_beat(ngx_http_wahub_shards_t *ss);

/* First contact with Redis: asks whether this is our cluster, and if it is
   becomes a member. */
void ngx_http_wahub_member_hello(ngx_http_wahub_shards_t *ss);
void ngx_http_wahub_member_leave(ngx_http_wahub_shards_t *ss);

/* ngx_http_wahub_shard.c: asks for what is wanted, gives what is not. */
void ngx_http_wahub_shards_act(ngx_http_wahub_shards_t *ss);

/* "free <n>": somebody released shard n. */
void ngx_http_wahub_shards_freed(ngx_http_wahub_shards_t *ss, ngx_uint_t n);

/* ngx_http_wahub_shard_pass.c */

#define NGX_HTTP_WAHUB_PASS_WINDOW  16           /* accounts               */

/* This worker leaves: everything is to be passed on. */
void ngx_http_wahub_pass_leave(ngx_http_wahub_shards_t *ss);

/* Whether a shard that is to go may go now; counts its accounts as under
   way if so. */
ngx_uint_t ngx_http_wahub_pass_turn(ngx_http_wahub_shard_t *shard);

/* "up <n>": the accounts of shard n have been tried by its new owner. */
void ngx_http_wahub_pass_up(ngx_http_wahub_shards_t *ss, ngx_uint_t n);

/* Members came or went. */
void ngx_http_wahub_pass_members(ngx_http_wahub_shards_t *ss);

void ngx_http_wahub_pass_tick(ngx_http_wahub_shards_t *ss);

#endif /* NGX_HTTP_WAHUB_SHARD_INT_H */
