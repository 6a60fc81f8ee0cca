/*
 * Membership: who is alive, and which shards that gives to whom.
 *
 * Members are a sorted set with the time each one lives until, by Redis'
 * clock.  A shard belongs to the member with the highest hash of (member,
 * shard): when one joins or leaves, only its share moves.
 *
 * Members of one cluster must have the same master key and number of shards,
 * or they would take accounts from each other that they cannot read, or hold
 * one twice.  A key tells what the members have; who has anything else stays
 * outside, says so and asks again.
 *
 * Notices on "<prefix>:shards" only save time, nothing depends on them:
 *   hello <member>   joined            leave <member>   is going
 *   free <shard>     was released      up <shard>    its accounts are tried
 */
#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_script.h"
#include "ngx_http_wahub_shard_int.h"

#include "wa_crypto.h"


/*
 * Workers of one instance start, and leave, within a moment: nobody takes
 * or gives shards before the others have been seen.
 */
#define NGX_HTTP_WAHUB_SETTLE         250
#define NGX_HTTP_WAHUB_REBALANCE      500

/* "<shards> <hex of half a hash>" */
#define NGX_HTTP_WAHUB_CLUSTER_HEX    (WA_SHA256_LEN)
#define NGX_HTTP_WAHUB_CLUSTER_LEN                                           \
    (NGX_INT_T_LEN + 1 + NGX_HTTP_WAHUB_CLUSTER_HEX)

#define NGX_HTTP_WAHUB_STARTS_WINDOW  60
#define NGX_HTTP_WAHUB_STARTS_FREE    3          /* without delay          */
#define NGX_HTTP_WAHUB_STARTS_DELAY   60000


static ngx_int_t ngx_http_wahub_member_cluster(
    ngx_http_wahub_main_conf_t *wmcf, u_char *buf, ngx_str_t *text);
static void ngx_http_wahub_member_answered(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_member_stranger(ngx_http_wahub_shards_t *ss,
    const ngx_str_t *ours, const ngx_str_t *theirs);
static void ngx_http_wahub_member_join(ngx_http_wahub_shards_t *ss);
static void ngx_http_wahub_member_beaten(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_member_started(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_member_notice(void *data,
    const ngx_str_t *channel, const ngx_str_t *message);
static void ngx_http_wahub_member_assign(ngx_http_wahub_shards_t *ss);


static ngx_int_t
ngx_http_wahub_member_text(ngx_http_wahub_worker_t *w, ngx_str_t *text,
    const char *name)
{
    text->data = ngx_pnalloc(ngx_cycle->pool, w->conf->redis_prefix.len
                                              + ngx_strlen(name) + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_sprintf(text->data, "%V:%s", &w->conf->redis_prefix, name)
                - text->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_member_init(ngx_http_wahub_shards_t *ss)
{
    u_char                    name[NGX_MAXHOSTNAMELEN + 64];
    ngx_http_wahub_worker_t  *w = ss->worker;

    *ngx_snprintf(name, sizeof(name) - 1, "starts:%V:%ui",
                  &ngx_cycle->hostname, ngx_worker)
        = '\0';

    if (ngx_http_wahub_member_text(w, &ss->channel, "shards") != NGX_OK
        || ngx_http_wahub_member_text(w, &ss->members_key, "members")
           != NGX_OK
        || ngx_http_wahub_member_text(w, &ss->starts_key, (char *) name)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the hash tag puts it beside the members */

    ss->cluster_key.data = ngx_pnalloc(ngx_cycle->pool,
                               ss->members_key.len + sizeof("{}:cluster"));
    if (ss->cluster_key.data == NULL) {
        return NGX_ERROR;
    }

    ss->cluster_key.len = ngx_sprintf(ss->cluster_key.data, "{%V}:cluster",
                                      &ss->members_key)
                          - ss->cluster_key.data;

    ss->settled_at = ngx_current_msec + NGX_HTTP_WAHUB_SETTLE;

    return ngx_http_wahub_redis_subscribe(w->sub, &ss->channel,
                                          ngx_http_wahub_member_notice, ss);
}


/* -- starting and leaving ------------------------------------------------ */

static void
ngx_http_wahub_member_say(ngx_http_wahub_shards_t *ss, const char *word)
{
    u_char                    text[256];
    ngx_str_t                 argv[3];
    ngx_http_wahub_worker_t  *w = ss->worker;

    ngx_str_set(&argv[0], "PUBLISH");
    argv[1] = ss->channel;
    argv[2].data = text;
    argv[2].len = ngx_snprintf(text, sizeof(text), "%s %V", word, &w->member)
                  - text;

    (void) ngx_http_wahub_redis_command(w->redis, NULL, NULL, argv, 3);
}


/* What members must share.  The key itself does not follow from it. */
static ngx_int_t
ngx_http_wahub_member_cluster(ngx_http_wahub_main_conf_t *wmcf, u_char *buf,
    ngx_str_t *text)
{
    u_char     *p;
    uint8_t     hash[WA_SHA256_LEN];
    wa_span_t   parts[2];

    parts[0] = wa_span_str("wahub cluster");
    parts[1] = wa_span(wmcf->secret_key, WA_KEY_LEN);

    if (wa_sha256(parts, 2, hash) != WA_OK) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(buf, "%ui ", wmcf->shards);
    p = ngx_hex_dump(p, hash, NGX_HTTP_WAHUB_CLUSTER_HEX / 2);

    text->data = buf;
    text->len = (size_t) (p - buf);

    return NGX_OK;
}


void
ngx_http_wahub_member_hello(ngx_http_wahub_shards_t *ss)
{
    u_char                    buf[NGX_HTTP_WAHUB_CLUSTER_LEN];
    ngx_str_t                 argv[3];
    ngx_http_wahub_worker_t  *w = ss->worker;

    ss->beat_at = ngx_current_msec;

    if (ss->leaving
        || ngx_http_wahub_member_cluster(w->conf, buf, &argv[2]) != NGX_OK)
    {
        return;
    }

    argv[0] = ss->cluster_key;
    argv[1] = ss->members_key;

    (void) ngx_http_wahub_redis_eval(w->redis, ss->cluster,
                                     ngx_http_wahub_member_answered, ss,
                                     argv, 2, 3);
}


/* No answer: Redis is gone, and hello comes again with it. */
static void
ngx_http_wahub_member_answered(void *data,
    ngx_http_wahub_redis_reply_t *reply)
{
    u_char                    buf[NGX_HTTP_WAHUB_CLUSTER_LEN];
    ngx_str_t                 ours, theirs, before;
    ngx_http_wahub_shards_t  *ss = data;

    theirs = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, 0));
    before = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, 1));

    if (theirs.len == 0
        || ngx_http_wahub_member_cluster(ss->worker->conf, buf, &ours)
           != NGX_OK)
    {
        return;
    }

    if (theirs.len != ours.len
        || ngx_memcmp(theirs.data, ours.data, ours.len) != 0)
    {
        ngx_http_wahub_member_stranger(ss, &ours, &theirs);
        return;
    }

    if (before.len != 0 && (before.len != ours.len
            || ngx_memcmp(before.data, ours.data, ours.len) != 0))
    {
        ngx_log_error(NGX_LOG_CRIT, ss->worker->log, 0,
                      "wahub: accounts in redis \"%V\" are sealed with "
                      "another key than that of \"%V\" and cannot be read",
                      &ss->worker->conf->redis.url,
                      &ss->worker->conf->secret_key_file);
    }

    ss->admitted = 1;
    ss->refused = 0;
    ngx_http_wahub_member_join(ss);
}


static void
ngx_http_wahub_member_stranger(ngx_http_wahub_shards_t *ss,
    const ngx_str_t *ours, const ngx_str_t *theirs)
{
    size_t                       n;
    u_char                      *p;
    ngx_http_wahub_main_conf_t  *wmcf = ss->worker->conf;

    ss->admitted = 0;

    if (ss->refused) {
        return;
    }

    ss->refused = 1;
    p = ngx_strlchr(theirs->data, theirs->data + theirs->len, ' ');
    n = (p == NULL) ? 0 : (size_t) (p - theirs->data);

    if (n > 0 && n < ours->len && ours->data[n] == ' '
        && ngx_memcmp(ours->data, theirs->data, n) == 0)
    {
        ngx_log_error(NGX_LOG_CRIT, ss->worker->log, 0,
                      "wahub: the instances on redis \"%V\" have another "
                      "key than that of \"%V\": copy their key file, or "
                      "use another redis database or wahub_redis_prefix; "
                      "holding no accounts", &wmcf->redis.url,
                      &wmcf->secret_key_file);
        return;
    }

    ngx_log_error(NGX_LOG_CRIT, ss->worker->log, 0,
                  "wahub: the data in redis \"%V\" was made with "
                  "\"wahub_shards %*s\", here it is %ui; holding no accounts",
                  &wmcf->redis.url, n, theirs->data, wmcf->shards);
}


static void
ngx_http_wahub_member_join(ngx_http_wahub_shards_t *ss)
{
    u_char                    text[NGX_INT_T_LEN];
    ngx_str_t                 argv[3];
    ngx_http_wahub_worker_t  *w = ss->worker;

    ngx_http_wahub_member_beat(ss);

    if (ss->greeted || ss->leaving) {
        return;
    }

    ss->greeted = 1;
    ss->settled_at = ngx_current_msec + NGX_HTTP_WAHUB_SETTLE;

    ngx_http_wahub_member_say(ss, "hello");

    /* starts that are not followed by an orderly end are counted */

    ngx_str_set(&argv[0], "INCR");
    argv[1] = ss->starts_key;

    if (ngx_http_wahub_redis_command(w->redis, ngx_http_wahub_member_started,
                                     ss, argv, 2)
        == NGX_OK)
    {
        ss->start_counted = 1;
    }

    ngx_str_set(&argv[0], "EXPIRE");
    argv[2].data = text;
    argv[2].len = ngx_sprintf(text, "%d", NGX_HTTP_WAHUB_STARTS_WINDOW)
                  - text;

    (void) ngx_http_wahub_redis_command(w->redis, NULL, NULL, argv, 3);
}


/* A worker that crashes again and again waits before it takes accounts. */
static void
ngx_http_wahub_member_started(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    int64_t                   n;
    ngx_msec_t                delay;
    ngx_http_wahub_shards_t  *ss = data;

    n = ngx_http_wahub_redis_int(reply);

    if (n <= NGX_HTTP_WAHUB_STARTS_FREE) {
        return;
    }

    delay = (ngx_msec_t) 1000
            << ngx_min(n - NGX_HTTP_WAHUB_STARTS_FREE - 1, 6);
    delay = ngx_min(delay, NGX_HTTP_WAHUB_STARTS_DELAY);

    ss->settled_at = ngx_current_msec + delay;

    ngx_log_error(NGX_LOG_WARN, ss->worker->log, 0,
                  "wahub: start %L of this worker, less than a minute after "
                  "one that did not end in order: taking accounts in %M ms",
                  n, delay);
}


void
ngx_http_wahub_member_leave(ngx_http_wahub_shards_t *ss)
{
    ngx_str_t                 argv[3];
    ngx_http_wahub_worker_t  *w = ss->worker;

    ss->leaving = 1;

    ngx_str_set(&argv[0], "ZREM");
    argv[1] = ss->members_key;
    argv[2] = w->member;

    (void) ngx_http_wahub_redis_command(w->redis, NULL, NULL, argv, 3);

    if (ss->start_counted) {
        ss->start_counted = 0;

        ngx_str_set(&argv[0], "DECR");
        argv[1] = ss->starts_key;

        (void) ngx_http_wahub_redis_command(w->redis, NULL, NULL, argv, 2);
    }

    ngx_http_wahub_member_say(ss, "leave");
}


/* -- heartbeat and assignment -------------------------------------------- */

void
ngx_http_wahub_member_beat(ngx_http_wahub_shards_t *ss)
{
    u_char                    text[NGX_INT_T_LEN];
    ngx_str_t                 argv[3];
    ngx_http_wahub_worker_t  *w = ss->worker;

    if (ss->leaving || ss->admitted == 0) {
        return;
    }

    if (ss->beating) {
        /* the answer under way may be older than the reason to ask */
        ss->beat_again = 1;
        return;
    }

    argv[0] = ss->members_key;
    argv[1] = w->member;
    argv[2].data = text;
    argv[2].len = ngx_sprintf(text, "%M", w->conf->lease) - text;

    if (ngx_http_wahub_redis_eval(w->redis, ss->member,
                                  ngx_http_wahub_member_beaten, ss, argv, 1,
                                  3)
        == NGX_OK)
    {
        ss->beating = 1;
        ss->beat_again = 0;
        ss->beat_at = ngx_current_msec;
    }
}


static ngx_int_t
ngx_http_wahub_member_add(ngx_http_wahub_shards_t *ss, const ngx_str_t *name)
{
    ngx_str_t  *member;

    if (ss->nmembers == NGX_HTTP_WAHUB_MEMBERS_MAX) {
        return NGX_OK;
    }

    member = &ss->members[ss->nmembers];
    member->data = ngx_pnalloc(ss->pool, name->len);

    if (member->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(member->data, name->data, name->len);
    member->len = name->len;
    ss->nmembers++;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_wahub_member_listed(ngx_http_wahub_shards_t *ss,
    const ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < ss->nmembers; i++) {
        if (ss->members[i].len == name->len
            && ngx_memcmp(ss->members[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* Who says that it leaves is not waited for. */
static void
ngx_http_wahub_member_forget(ngx_http_wahub_shards_t *ss,
    const ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < ss->nmembers; i++) {
        if (ss->members[i].len == name->len
            && ngx_memcmp(ss->members[i].data, name->data, name->len) == 0)
        {
            ss->members[i] = ss->members[--ss->nmembers];
            return;
        }
    }
}


/*
 * The new list.  When Redis has just come back, those who lived before and
 * have not been heard yet count as alive for a moment: whoever is first must
 * not take everything only to give half of it back.
 */
static ngx_int_t
ngx_http_wahub_member_list(ngx_http_wahub_shards_t *ss,
    ngx_http_wahub_redis_reply_t *reply)
{
    ngx_str_t    name, *before;
    ngx_uint_t   i, n, nbefore;
    ngx_pool_t  *pool;

    before = ss->members;
    nbefore = ss->nmembers;

    pool = ss->pool;
    ss->pool = ss->spare;
    ss->spare = pool;
    ngx_reset_pool(ss->pool);

    n = ngx_http_wahub_redis_count(reply);
    ss->nmembers = 0;
    ss->members = ngx_palloc(ss->pool,
                             ngx_min(n + nbefore, NGX_HTTP_WAHUB_MEMBERS_MAX)
                             * sizeof(ngx_str_t));
    if (ss->members == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        name = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, i));

        if (ngx_http_wahub_member_add(ss, &name) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (i = 0; ss->grace && i < nbefore; i++) {
        if (ngx_http_wahub_member_listed(ss, &before[i]) == 0
            && ngx_http_wahub_member_add(ss, &before[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_wahub_member_beaten(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_shards_t  *ss = data;

    ss->beating = 0;

    if (ngx_http_wahub_redis_count(reply) == 0 || ss->leaving
        || ngx_http_wahub_member_list(ss, reply) != NGX_OK)
    {
        return;
    }

    if (ss->beat_again) {
        ss->beat_again = 0;
        ngx_http_wahub_member_beat(ss);
        return;
    }

    ngx_http_wahub_member_assign(ss);
    ngx_http_wahub_shards_act(ss);
}


/* FNV-1a over the name, then a finaliser: close names, far hashes. */
static uint64_t
ngx_http_wahub_member_weight(const ngx_str_t *member, ngx_uint_t shard)
{
    size_t    i;
    uint64_t  h;

    h = 0xcbf29ce484222325ULL;

    for (i = 0; i < member->len; i++) {
        h = (h ^ member->data[i]) * 0x100000001b3ULL;
    }

    h ^= (uint64_t) shard * 0x9e3779b97f4a7c15ULL;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;

    return h ^ (h >> 31);
}


static void
ngx_http_wahub_member_assign(ngx_http_wahub_shards_t *ss)
{
    uint64_t    weight, best;
    ngx_str_t  *me, *owner;
    ngx_uint_t  i, k;

    me = &ss->worker->member;

    for (i = 0; i < ss->n; i++) {
        owner = NULL;
        best = 0;

        for (k = 0; k < ss->nmembers; k++) {
            weight = ngx_http_wahub_member_weight(&ss->members[k], i);

            if (owner == NULL || weight > best) {
                owner = &ss->members[k];
                best = weight;
            }
        }

        ss->elts[i].wanted = (owner != NULL && owner->len == me->len
                              && ngx_memcmp(owner->data, me->data, me->len)
                                 == 0);
    }
}


static void
ngx_http_wahub_member_notice(void *data, const ngx_str_t *channel,
    const ngx_str_t *message)
{
    ngx_int_t                 n;
    ngx_str_t                *me, name;
    ngx_http_wahub_shards_t  *ss = data;

    if (message->len > 3 && ngx_strncmp(message->data, "up ", 3) == 0) {
        n = ngx_atoi(message->data + 3, message->len - 3);

        if (n != NGX_ERROR) {
            ngx_http_wahub_pass_up(ss, (ngx_uint_t) n);
        }

        return;
    }

    if (message->len > 5 && ngx_strncmp(message->data, "free ", 5) == 0) {
        n = ngx_atoi(message->data + 5, message->len - 5);

        if (n != NGX_ERROR && ss->leaving == 0) {
            ngx_http_wahub_shards_freed(ss, (ngx_uint_t) n);
        }

        return;
    }

    me = &ss->worker->member;

    if (message->len == 6 + me->len
        && ngx_memcmp(message->data + 6, me->data, me->len) == 0)
    {
        return;
    }

    if (message->len > 6 && ngx_strncmp(message->data, "hello ", 6) == 0) {
        ss->rebalance_at = ngx_current_msec + NGX_HTTP_WAHUB_REBALANCE;

    } else if (message->len > 6
               && ngx_strncmp(message->data, "leave ", 6) == 0)
    {
        name.data = message->data + 6;
        name.len = message->len - 6;
        ngx_http_wahub_member_forget(ss, &name);
    }

    ngx_http_wahub_member_beat(ss);
    ngx_http_wahub_pass_members(ss);
}
