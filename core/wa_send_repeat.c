/*
 * Sends without an answer: read back after a restart, repeated after a login
 * and when the server stays silent, with the same bytes each time.
 */
#include "wa_conn.h"
#include "wa_idem.h"
#include "wa_pb.h"
#include "wa_send.h"
#include "wa_send_int.h"


static void repeat_listed(wa_task_t *t, wa_err_t rc);
static wa_err_t repeat_need(wa_task_t *t);
static wa_err_t repeat_keys(wa_task_t *t, wa_key_t *keys, size_t *n);
static void repeat_loaded(wa_task_t *t, wa_err_t rc);
static void repeat_restore_all(wa_task_t *t);
static wa_err_t repeat_restore(wa_account_t *a, const char *id,
    const Wa__PendingSend *p);


void
wa_send_online(wa_account_t *a)
{
    wa_send_t   *s;
    wa_sends_t  *ss;

    ss = wa_sends_get(a);

    if (ss == NULL) {
        wa_log(a, WA_LOG_ERROR, "no memory to repeat unanswered sends");
        return;
    }

    for (s = ss->head; s != NULL; s = s->next) {
        s->due = (s->state >= WA_SEND_COMMITTED);
    }

    wa_send_repeat(a);
}


void
wa_send_repeat(wa_account_t *a)
{
    wa_err_t     rc;
    wa_key_t     key;
    wa_task_t   *t;
    wa_sends_t  *ss;

    ss = a->sends;

    if (ss->repeating) {
        return;
    }

    t = wa_task_new(a, "send repeat", repeat_listed);
    if (t == NULL) {
        wa_log(a, WA_LOG_ERROR, "no memory to repeat unanswered sends");
        return;
    }

    ss->repeating = true;

    if (ss->restored) {
        rc = WA_OK;

    } else {
        key.name = wa_span_str("pending");
        key.day = 0;
        rc = wa_task_need(t, &key, 1);
    }

    if (rc != WA_AGAIN) {
        repeat_listed(t, rc);
    }
}


static void
repeat_listed(wa_task_t *t, wa_err_t rc)
{
    t->resume = repeat_loaded;

    if (rc == WA_OK) {
        rc = repeat_need(t);
    }

    if (rc != WA_AGAIN) {
        repeat_loaded(t, rc);
    }
}


/* t->data: the list of record "pending", the first time. */
static wa_err_t
repeat_need(wa_task_t *t)
{
    size_t             n;
    wa_err_t           rc;
    wa_key_t          *keys;
    wa_sends_t        *ss;
    wa_span_t          value;
    Wa__PendingList   *list;

    ss = t->account->sends;
    list = NULL;
    n = ss->unacked;

    if (!ss->restored) {
        rc = wa_record_get(t->account, "pending", 0, &value);

        if (rc == WA_OK && value.p != NULL) {
            rc = WA_PB_UNPACK(wa__pending_list__descriptor, value, &t->arena,
                              &list);
        }

        if (rc != WA_OK) {
            return rc;
        }

        n += list == NULL ? 0 : list->n_ids;
        t->data = list;
    }

    if (n == 0) {
        return WA_OK;
    }

    keys = wa_arena_calloc(&t->arena, n, sizeof(wa_key_t));
    if (keys == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = repeat_keys(t, keys, &n);

    return rc != WA_OK ? rc : wa_task_need(t, keys, n);
}


static wa_err_t
repeat_keys(wa_task_t *t, wa_key_t *keys, size_t *n)
{
    char              *name;
    size_t             i, left;
    wa_send_t         *s;
    Wa__PendingList   *list;

    list = t->data;
    left = list == NULL ? 0 : list->n_ids;
    s = t->account->sends->head;
    *n = 0;
    i = 0;

    while (s != NULL || i < left) {

        name = wa_arena_alloc(&t->arena, WA_SENT_NAME_LEN);
        if (name == NULL) {
            return WA_ERR_NOMEM;
        }

        if (s != NULL) {

            if (s->state == WA_SEND_DURABLE && s->due
                && wa_sent_name("pend/", wa_span_str(s->id), name))
            {
                keys[(*n)++].name = wa_span_str(name);
            }

            s = s->next;

        } else if (wa_sent_name("pend/", wa_span_str(list->ids[i++]), name)) {
            keys[(*n)++].name = wa_span_str(name);
        }
    }

    return WA_OK;
}


static void
repeat_loaded(wa_task_t *t, wa_err_t rc)
{
    bool              again;
    char              name[WA_SENT_NAME_LEN];
    wa_send_t        *s;
    wa_sends_t       *ss;
    wa_span_t         value;
    wa_account_t     *a;
    Wa__PendingSend  *p;

    a = t->account;
    ss = a->sends;

    ss->repeating = false;

    if (rc != WA_OK) {
        wa_log(a, WA_LOG_ERROR, "unanswered sends are not repeated: %s",
               wa_err_name(rc));
        wa_task_end(t, rc);
        return;
    }

    repeat_restore_all(t);
    ss->restored = true;
    again = false;

    for (s = ss->head; s != NULL; s = s->next) {

        if (s->state != WA_SEND_DURABLE || !s->due
            || !wa_account_online(a)
            || !wa_sent_name("pend/", wa_span_str(s->id), name))
        {
            continue;
        }

        /* A login while this task waited made more of them due. */

        if (wa_record_get(a, name, 0, &value) != WA_OK) {
            again = true;
            continue;
        }

        s->due = false;
        s->repeat_at = a->now + WA_SEND_REPEAT_MS;
        wa_send_watch(a, s);

        if (value.p == NULL
            || WA_PB_UNPACK(wa__pending_send__descriptor, value, &t->arena,
                            &p) != WA_OK)
        {
            wa_log(a, WA_LOG_ERROR, "record of an unanswered send is gone");
            continue;
        }

        s->attempts++;
        wa_conn_send_packed(a, wa_pb_span(&p->stanza));
    }

    wa_task_end(t, WA_OK);

    if (again) {
        wa_send_repeat(a);

    } else {
        wa_send_next(a);
    }
}


static void
repeat_restore_all(wa_task_t *t)
{
    char              name[WA_SENT_NAME_LEN];
    size_t            i;
    wa_span_t         value;
    wa_account_t     *a;
    Wa__PendingList  *list;
    Wa__PendingSend  *p;

    a = t->account;
    list = t->data;

    for (i = 0; list != NULL && i < list->n_ids; i++) {

        if (wa_send_find(a, wa_span_str(list->ids[i])) == NULL
            && wa_sent_name("pend/", wa_span_str(list->ids[i]), name)
            && wa_record_get(a, name, 0, &value) == WA_OK && value.p != NULL
            && WA_PB_UNPACK(wa__pending_send__descriptor, value, &t->arena,
                            &p) == WA_OK)
        {
            (void) repeat_restore(a, list->ids[i], p);
        }
    }
}


/* A send of an earlier life of this account: in front of what came since. */
static wa_err_t
repeat_restore(wa_account_t *a, const char *id, const Wa__PendingSend *p)
{
    wa_send_t   *s, **ps;
    wa_sends_t  *ss;

    ss = a->sends;
    s = wa_calloc(1, sizeof(wa_send_t));

    if (s == NULL) {
        return WA_ERR_NOMEM;
    }

    s->state = WA_SEND_DURABLE;
    s->ts = p->timestamp;
    s->due = true;
    s->cold = p->has_cold && p->cold;
    memcpy(s->id, id, strlen(id) + 1);      /* wa_sent_name() passed it */

    if (p->to == NULL || wa_jid_parse(wa_span_str(p->to), &s->to) != WA_OK) {
        wa_send_free(s);
        return WA_ERR_SYNTAX;
    }

    if (wa_jid_is_lid(&s->to)) {
        s->lid = s->to;

    } else {
        s->pn = s->to;
    }

    if (p->pn != NULL) {
        (void) wa_jid_parse(wa_span_str(p->pn), &s->pn);
    }

    if (p->phash != NULL && strlen(p->phash) < WA_PHASH_LEN) {
        memcpy(s->phash, p->phash, strlen(p->phash) + 1);
    }

    if (p->client_id != NULL) {
        s->client_id = wa_send_dup(p->client_id, strlen(p->client_id));
    }

    if (p->metadata != NULL) {
        s->metadata = wa_send_dup(p->metadata, strlen(p->metadata));
    }

    if (p->media_id != NULL) {
        s->media_id = wa_send_dup(p->media_id, strlen(p->media_id));
    }

    if (wa_buf_append_span(&s->message, wa_pb_span(&p->message)) != WA_OK
        || wa_idem_restore(p, &s->idem) != WA_OK)
    {
        wa_send_free(s);
        return WA_ERR_NOMEM;
    }

    for (ps = &ss->head; *ps != NULL && (*ps)->state == WA_SEND_DURABLE
         && !(*ps)->asked; ps = &(*ps)->next)
    {
        /* void */
    }

    s->next = *ps;
    *ps = s;

    if (s->next == NULL) {
        ss->tail = &s->next;
    }

    ss->unacked++;

    return WA_OK;
}
