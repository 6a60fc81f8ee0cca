/*
 * Messages whose <enc> is of a kind that nobody here can open (bots write
 * msmsg, and there will be others): they are told as unknown, so that none
 * gets lost silently, and never asked for again.
 */
#include "wa_recv_int.h"

#include "wa_account_int.h"
#include "wa_lid.h"
#include "wa_receipt.h"


static void unknown_loaded(wa_task_t *t, wa_err_t rc);


bool
wa_recv_writes(const wa_jid_t *jid)
{
    return wa_jid_is_user(jid) || jid->server == WA_SERVER_BOT;
}


/* The rest of an answer follows as edits of its beginning, in many pieces. */
bool
wa_recv_bot(const wa_node_t *stanza)
{
    const wa_node_t  *bot;

    bot = wa_node_child(stanza, "bot");

    return wa_node_child(stanza, "enc") != NULL
           && !wa_node_attr_is(bot, "edit", "inner")
           && !wa_node_attr_is(bot, "edit", "last");
}


void
wa_recv_unknown(wa_task_t *t)
{
    size_t      n;
    wa_err_t    rc;
    wa_key_t    keys[1 + WA_LID_KEYS];
    wa_recv_t  *m;

    m = t->data;

    keys[0].name = wa_span_str(m->key.seen);
    keys[0].day = m->key.day;
    n = 1 + wa_lid_need(&m->chat, &t->arena, keys + 1);

    t->resume = unknown_loaded;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        unknown_loaded(t, rc);
    }
}


static void
unknown_loaded(wa_task_t *t, wa_err_t rc)
{
    wa_span_t       seen;
    wa_recv_t      *m;
    wa_unit_t      *u;
    wa_account_t   *a;
    wa_content_t    content;

    a = t->account;
    m = t->data;

    if (rc == WA_OK) {
        rc = wa_record_get(a, m->key.seen, m->key.day, &seen);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    wa_recv_resolve(a, m);
    u = wa_unit_new(a);

    if (u == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    if (seen.p == NULL && !m->peer) {
        memset(&content, 0, sizeof(content));
        content.kind = WA_KIND_UNKNOWN;

        rc = wa_recv_deliver_late(u, m, &content);

        if (rc != WA_OK) {
            wa_unit_drop(u);
            wa_task_end(t, rc);
            return;
        }

        (void) wa_unit_put_cold(u, m->key.seen, m->key.day, wa_span("1", 1));
    }

    /* No receipt: the writer would think that it can be read. */

    if (m->from_me) {
        wa_recv_answer(u, t, m);

    } else {
        (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    }

    wa_task_end(t, wa_unit_commit(u, NULL));
}
