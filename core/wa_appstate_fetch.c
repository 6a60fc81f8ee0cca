/*
 * Fetching app state:
 *
 *     fetch_ask        one iq for all that is wanted
 *     fetch_answered   what came, copied
 *     fetch_next       a snapshot or a patch: a child applies it
 *     fetch_applied    what to do when it is not right
 *     fetch_store      patches were taken one after the other: all are stored
 *     fetch_round      is there more?  then again
 *     fetch_mark       what is known now, what waits for a key
 */
#include "wa_appstate_int.h"


/* Answers for one wish: the server sends some patches at a time. */
#define FETCH_ROUNDS_MAX  1000

/* Snapshots after a mistake, for each collection. */
#define FETCH_REPAIRS     2

/* Patches of an answer. */
#define FETCH_PATCHES_MAX 4096

/* So many of them, or bytes of them, before the host's loop goes on. */
#define FETCH_SLICE       8
#define FETCH_SLICE_BYTES 16384


typedef struct piece_s  piece_t;

struct piece_s {
    piece_t          *next;
    wa_collection_e   collection;
    bool              snapshot;
    wa_span_t         bytes;
};

typedef struct {
    unsigned         mask;              /* wanted still                    */
    unsigned         all;               /* of the wish                     */
    unsigned         repair;            /* to be fetched as a snapshot     */
    unsigned         more;              /* the server has more             */
    unsigned         blocked;           /* a key is missing                */
    unsigned         failed;            /* given up for now                */
    unsigned         told;              /* the server spoke of them        */
    unsigned         rounds;
    unsigned         repairs[WA_COLLECTION_MAX];
    piece_t         *pieces;
    size_t           slice;             /* taken since the loop went on    */
    size_t           slice_bytes;
    wa_as_input_t    in;
    wa_err_t         error;
} fetch_t;


static void fetch_need(wa_task_t *t);
static void fetch_ask(wa_task_t *t, wa_err_t rc);
static void fetch_answered(wa_task_t *t, wa_err_t rc);
static wa_err_t fetch_collection(wa_task_t *t, fetch_t *f,
    const wa_node_t *c);
static wa_err_t fetch_piece(wa_task_t *t, piece_t ***tail,
    wa_collection_e k, const wa_node_t *n, bool snapshot);
static void fetch_next(wa_task_t *t);
static void fetch_applied(wa_task_t *t, wa_err_t rc);
static void fetch_rested(wa_task_t *t, wa_err_t rc);
static void fetch_broken(wa_task_t *t, fetch_t *f, wa_err_t rc);
static void fetch_skip(fetch_t *f, wa_collection_e k);
static void fetch_store(wa_task_t *t);
static void fetch_round(wa_task_t *t, wa_err_t rc);
static void fetch_mark(wa_task_t *t, wa_err_t rc);
static void fetch_end(wa_task_t *t, wa_err_t rc);


wa_err_t
wa_as_fetch(wa_task_t *parent, unsigned mask)
{
    fetch_t    *f;
    wa_task_t  *t;

    t = wa_task_child(parent, "app state", fetch_ask);
    f = (t == NULL) ? NULL : wa_arena_calloc(&t->arena, 1, sizeof(fetch_t));

    if (t == NULL) {
        return WA_ERR_NOMEM;
    }

    if (f == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return WA_AGAIN;
    }

    f->mask = mask;
    f->all = mask;
    t->data = f;
    fetch_need(t);

    return WA_AGAIN;
}


static void
fetch_need(wa_task_t *t)
{
    wa_err_t  rc;
    wa_key_t  keys[WA_APPSTATE_KEYS];

    t->resume = fetch_ask;
    rc = wa_task_need(t, keys, wa_appstate_need(keys));

    if (rc != WA_AGAIN) {
        fetch_ask(t, rc);
    }
}


static void
fetch_ask(wa_task_t *t, wa_err_t rc)
{
    size_t      i;
    fetch_t    *f;
    wa_as_t     as;
    bool        whole;
    wa_node_t  *iq, *sync, *c;

    f = t->data;

    if (rc == WA_OK && !wa_account_online(t->account)) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK) {
        rc = wa_as_get(t->account, &as);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    iq = wa_node_iq(&t->arena, "set", "w:sync:app:state");
    sync = wa_node_add_new(&t->arena, iq, "sync");

    for (i = 0; i < WA_COLLECTION_MAX; i++) {

        if ((f->mask >> i & 1) == 0) {
            continue;
        }

        whole = !as.c[i].known || (f->repair >> i & 1) != 0;
        c = wa_node_add_new(&t->arena, sync, "collection");
        wa_node_set_str(&t->arena, c, "name",
                        wa_collection_name((wa_collection_e) i));

        if (!whole) {
            wa_node_set_u64(&t->arena, c, "version", as.c[i].version);
        }

        wa_node_set_str(&t->arena, c, "return_snapshot",
                        whole ? "true" : "false");
    }

    t->resume = fetch_answered;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
fetch_answered(wa_task_t *t, wa_err_t rc)
{
    fetch_t          *f;
    const wa_node_t  *sync, *c;

    f = t->data;
    f->more = 0;
    f->told = 0;
    f->pieces = NULL;

    if (rc == WA_OK) {
        sync = wa_node_child(t->answer, "sync");

        for (c = wa_node_child(sync, "collection");
             c != NULL && rc == WA_OK;
             c = wa_node_sibling(c, "collection"))
        {
            rc = fetch_collection(t, f, c);
        }
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    fetch_next(t);
}


static wa_err_t
fetch_collection(wa_task_t *t, fetch_t *f, const wa_node_t *c)
{
    size_t            n;
    piece_t         **tail;
    wa_err_t          rc;
    wa_span_t         code;
    wa_collection_e   k;
    const wa_node_t  *p, *patches;

    k = wa_collection_find(wa_node_attr(c, "name"));

    if (k == WA_COLLECTION_MAX || (f->mask >> k & 1) == 0) {
        return WA_OK;
    }

    if (wa_node_attr_is(c, "type", "error")) {
        code = wa_node_attr(wa_node_child(c, "error"), "code");
        wa_log(t->account, WA_LOG_WARN, "the server refuses app state %s: "
               "%.*s", wa_collection_name(k), (int) code.n,
               code.p == NULL ? "" : (const char *) code.p);
        f->failed |= 1u << k;
        return WA_OK;
    }

    f->told |= 1u << k;

    if (wa_node_attr_is(c, "has_more_patches", "true")) {
        f->more |= 1u << k;
    }

    for (tail = &f->pieces; *tail != NULL; tail = &(*tail)->next) {
        /* void */
    }

    p = wa_node_child(c, "snapshot");
    rc = p == NULL ? WA_OK : fetch_piece(t, &tail, k, p, true);

    patches = wa_node_child(c, "patches");
    n = 0;

    for (p = wa_node_child(patches == NULL ? c : patches, "patch");
         p != NULL && rc == WA_OK && n < FETCH_PATCHES_MAX;
         p = wa_node_sibling(p, "patch"))
    {
        rc = fetch_piece(t, &tail, k, p, false);
        n++;
    }

    return rc;
}


static wa_err_t
fetch_piece(wa_task_t *t, piece_t ***tail, wa_collection_e k,
    const wa_node_t *n, bool snapshot)
{
    piece_t    *p;
    wa_span_t   bytes;

    bytes = wa_node_content(n);

    if (bytes.n == 0) {
        return WA_OK;
    }

    p = wa_arena_calloc(&t->arena, 1, sizeof(piece_t));

    if (p == NULL
        || wa_arena_dup_span(&t->arena, bytes, &p->bytes) != WA_OK)
    {
        return WA_ERR_NOMEM;
    }

    p->collection = k;
    p->snapshot = snapshot;
    **tail = p;
    *tail = &p->next;

    return WA_OK;
}


static void
fetch_next(wa_task_t *t)
{
    fetch_t   *f;
    wa_err_t   rc;

    f = t->data;

    if (f->pieces == NULL) {
        fetch_store(t);
        return;
    }

    memset(&f->in, 0, sizeof(f->in));
    f->in.collection = f->pieces->collection;
    f->in.snapshot = f->pieces->snapshot;
    f->in.ahead = true;
    f->in.bytes = f->pieces->bytes;

    t->resume = fetch_applied;
    rc = wa_as_apply(t, &f->in);

    if (rc != WA_AGAIN) {
        fetch_applied(t, rc);
    }
}


static void
fetch_applied(wa_task_t *t, wa_err_t rc)
{
    fetch_t          *f;
    unsigned          bit;
    wa_collection_e   k;

    f = t->data;
    k = f->pieces->collection;
    bit = 1u << k;
    f->pieces = f->pieces->next;

    switch (rc) {

    case WA_OK:
        if (f->in.snapshot) {
            f->repair &= ~bit;
        }

        break;

    case WA_ERR_NO_SESSION:
        wa_as_key_ask(t->account, f->in.missing, f->in.n_missing);
        f->blocked |= bit;
        fetch_skip(f, k);
        break;

    case WA_ERR_AUTH:
    case WA_ERR_SYNTAX:
    case WA_ERR_DECRYPT:
    case WA_ERR_LIMIT:
    case WA_ERR_GONE:
        fetch_broken(t, f, rc);
        fetch_skip(f, k);
        break;

    default:
        f->error = rc;
        f->failed |= bit;
        fetch_skip(f, k);
    }

    f->slice_bytes += f->in.bytes.n;

    if (++f->slice < FETCH_SLICE && f->slice_bytes < FETCH_SLICE_BYTES) {
        fetch_next(t);
        return;
    }

    t->resume = fetch_rested;
    (void) wa_task_sleep(t, t->account->now);
}


static void
fetch_rested(wa_task_t *t, wa_err_t rc)
{
    fetch_t  *f;

    f = t->data;
    f->slice = 0;
    f->slice_bytes = 0;

    if (rc != WA_OK) {
        fetch_end(t, rc);
        return;
    }

    fetch_next(t);
}


/* The chain is broken, or what we made of it: all of it anew. */
static void
fetch_broken(wa_task_t *t, fetch_t *f, wa_err_t rc)
{
    unsigned         bit;
    wa_collection_e  k;

    k = f->in.collection;
    bit = 1u << k;

    wa_log(t->account, WA_LOG_WARN, "a %s of app state %s is not right: %s",
           f->in.snapshot ? "snapshot" : "patch", wa_collection_name(k),
           wa_err_name(rc));

    if (f->repairs[k]++ < FETCH_REPAIRS) {
        f->repair |= bit;
        return;
    }

    f->repair &= ~bit;
    f->failed |= bit;
    wa_as_recover_ask(t->account, k);
}


/* What follows in its chain. */
static void
fetch_skip(fetch_t *f, wa_collection_e k)
{
    piece_t  **p;

    f->more &= ~(1u << k);

    for (p = &f->pieces; *p != NULL; /* void */ ) {

        if ((*p)->collection == k) {
            *p = (*p)->next;

        } else {
            p = &(*p)->next;
        }
    }
}


/* A unit without anything in it waits for those before. */
static void
fetch_store(wa_task_t *t)
{
    wa_err_t  rc;

    t->resume = fetch_round;
    rc = wa_task_commit(t, wa_unit_new(t->account));

    if (rc != WA_AGAIN) {
        fetch_end(t, rc);
    }
}


static void
fetch_round(wa_task_t *t, wa_err_t rc)
{
    fetch_t   *f;
    wa_key_t   keys[WA_APPSTATE_KEYS];

    f = t->data;

    if (rc != WA_OK) {
        fetch_end(t, rc);
        return;
    }

    f->failed |= f->mask & ~f->told;
    f->mask = (f->more | f->repair) & ~(f->blocked | f->failed);

    if (f->mask != 0 && ++f->rounds < FETCH_ROUNDS_MAX) {
        fetch_need(t);
        return;
    }

    t->resume = fetch_mark;
    rc = wa_task_need(t, keys, wa_appstate_need(keys));

    if (rc != WA_AGAIN) {
        fetch_mark(t, rc);
    }
}


/* What changed since is wanted already, and stays dirty. */
static void
fetch_mark(wa_task_t *t, wa_err_t rc)
{
    size_t         i;
    fetch_t       *f;
    wa_as_t        as;
    unsigned       bit;
    bool           changed, blocked, dirty;
    wa_unit_t     *u;
    wa_account_t  *a;

    a = t->account;
    f = t->data;
    changed = false;

    if (rc == WA_OK) {
        rc = wa_as_get(a, &as);
    }

    for (i = 0; rc == WA_OK && i < WA_COLLECTION_MAX; i++) {
        bit = 1u << i;

        if ((f->all & bit) == 0) {
            continue;
        }

        blocked = (f->blocked & bit) != 0;
        dirty = (a->appstate->wanted & bit) != 0 ? as.c[i].dirty
                : ((f->failed | f->blocked) & bit) != 0;

        if (!as.c[i].known && !blocked && !dirty) {
            as.c[i].known = true;              /* nothing is in it */
            changed = true;
        }

        changed |= (as.c[i].blocked != blocked || as.c[i].dirty != dirty);
        as.c[i].blocked = blocked;
        as.c[i].dirty = dirty;
    }

    if (rc != WA_OK || !changed) {
        fetch_end(t, rc);
        return;
    }

    u = wa_unit_new(a);
    (void) wa_as_put(u, &as);
    t->resume = fetch_end;
    rc = wa_task_commit(t, u);

    if (rc != WA_AGAIN) {
        fetch_end(t, rc);
    }
}


static void
fetch_end(wa_task_t *t, wa_err_t rc)
{
    fetch_t  *f;

    f = t->data;
    wa_task_end(t, rc == WA_OK ? f->error : rc);
}
