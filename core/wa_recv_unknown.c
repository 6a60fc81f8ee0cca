/*
 * Messages whose <enc> is of a kind that nobody here can open: they are told
 * as unknown, so that none gets lost silently, and never asked for again.
 * What a bot answers (msmsg) opens with the secret of the question.
 */
#include "wa_recv_int.h"

#include "wa_account_int.h"
#include "wa_lid.h"
#include "wa_pb.h"
#include "wa_receipt.h"


static wa_err_t unknown_content(wa_task_t *t, wa_content_t *c);
static void unknown_loaded(wa_task_t *t, wa_err_t rc);


bool
wa_recv_writes(const wa_jid_t *jid)
{
    return wa_jid_is_user(jid) || jid->server == WA_SERVER_BOT;
}


/* The rest of an answer follows as edits of its beginning, in many pieces, of
   which the last one has all of it. */
bool
wa_recv_bot(const wa_node_t *stanza)
{
    const wa_node_t  *bot;

    bot = wa_node_child(stanza, "bot");

    if (wa_node_attr_is(bot, "edit", "last")
        && wa_node_attr(bot, "edit_target_id").n == 0)
    {
        return false;
    }

    return wa_node_child(stanza, "enc") != NULL
           && !wa_node_attr_is(bot, "edit", "inner");
}


void
wa_recv_unknown(wa_task_t *t)
{
    size_t         n;
    wa_err_t       rc;
    wa_key_t       keys[1 + WA_LID_KEYS + WA_SEALED_KEYS];
    wa_recv_t     *m;
    wa_content_t   content;

    m = t->data;
    rc = unknown_content(t, &content);

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    keys[0].name = wa_span_str(m->key.seen);
    keys[0].day = m->key.day;
    n = 1 + wa_lid_need(&m->chat, &t->arena, keys + 1);
    n += wa_recv_sealed_need(t->account, m, &content, keys + n);

    t->resume = unknown_loaded;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        unknown_loaded(t, rc);
    }
}


/* What is told when it does not open; how it opens, if it is a bot's: <meta>
   names the question (whatsmeow message.go, decryptBotMessage; whatsapp-rust
   message/msg_secret.rs). */
static wa_err_t
unknown_content(wa_task_t *t, wa_content_t *c)
{
    wa_err_t                   rc;
    wa_recv_t                 *m;
    wa_span_t                  id;
    Wa__MessageKey            *key;
    const wa_node_t           *bot, *enc;
    Wa__MessageSecretMessage  *s;

    m = t->data;
    memset(c, 0, sizeof(*c));
    c->kind = WA_KIND_UNKNOWN;

    if (m->from.server != WA_SERVER_BOT) {
        return WA_OK;
    }

    bot = wa_node_child(t->stanza, "bot");
    enc = wa_node_child(t->stanza, "enc");
    id = wa_node_attr(wa_node_child(t->stanza, "meta"), "target_id");
    c->edit = wa_node_attr_is(bot, "edit", "last");
    c->nothing = c->edit;

    if (m->room.server != WA_SERVER_NONE || id.n == 0
        || !wa_node_attr_is(enc, "type", "msmsg"))
    {
        return WA_OK;
    }

    rc = WA_PB_UNPACK(wa__message_secret_message__descriptor,
                      wa_node_content(enc), &t->arena, &s);

    if (rc != WA_OK) {
        return rc == WA_ERR_NOMEM ? rc : WA_OK;
    }

    key = wa_arena_calloc(&t->arena, 1, sizeof(*key));

    if (key == NULL) {
        return WA_ERR_NOMEM;
    }

    wa__message_key__init(key);
    key->id = wa_arena_strdup(&t->arena, id);

    c->target = key;
    c->sealed = WA_SEALED_BOT;
    c->sealed_iv = wa_pb_span(&s->enc_iv);
    c->sealed_payload = wa_pb_span(&s->enc_payload);
    c->sealed_id = c->edit ? wa_node_attr(bot, "edit_target_id") : m->id;

    return key->id == NULL ? WA_ERR_NOMEM : WA_OK;
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

    if (rc == WA_OK) {
        rc = unknown_content(t, &content);
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
