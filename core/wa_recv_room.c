/*
 * Messages in groups and broadcasts: one <enc type=skmsg> for everybody and,
 * before the first of them, one <enc> for each device with the sender key.
 */
#include "group.pb-c.h"

#include "wa_account_int.h"
#include "wa_padding.h"
#include "wa_pb.h"
#include "wa_recv_int.h"
#include "wa_signal_group.h"


wa_err_t
wa_recv_room_parse(const wa_node_t *stanza, wa_recv_t *m)
{
    m->room = m->from;

    if (!wa_node_attr_jid(stanza, "participant", &m->from)
        || !wa_recv_writes(&m->from))
    {
        return WA_ERR_STATE;
    }

    return WA_OK;
}


wa_err_t
wa_recv_room_key(wa_unit_t *u, wa_task_t *t, wa_recv_t *m)
{
    wa_err_t            rc;
    wa_span_t           plain;
    wa_signal_plain_t   out;

    rc = wa_signal_decrypt(u, &m->enc, wa_node_attr(m->direct, "type"),
                           wa_node_content(m->direct), &t->arena, &out);

    if (rc == WA_ERR_NOMEM || rc == WA_ERR_STATE || rc == WA_ERR_FATAL) {
        return rc;
    }

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "a member's key does not decrypt: "
               "%s", wa_err_name(rc));
        m->reason = out.retry_code;
        return WA_OK;
    }

    m->keyed = true;
    plain = out.padded;

    if (wa_padding_strip(&plain) != WA_OK) {
        return WA_OK;
    }

    return wa_recv_room_learn(u, t, m, plain);
}


wa_err_t
wa_recv_room_learn(wa_unit_t *u, wa_task_t *t, const wa_recv_t *m,
    wa_span_t plain)
{
    wa_err_t                        rc;
    wa_jid_t                        room;
    Wa__KeyMessage                 *k;
    Wa__KeyMessage__Distribution   *d;

    rc = WA_PB_UNPACK(wa__key_message__descriptor, plain, &t->arena, &k);

    if (rc != WA_OK) {
        return rc == WA_ERR_NOMEM ? rc : WA_OK;
    }

    if (k->device_sent_message != NULL
        && k->device_sent_message->message != NULL)
    {
        k = k->device_sent_message->message;
    }

    d = k->sender_key_distribution_message;

    if (d == NULL || d->group_id == NULL || !d->has_axolotl) {
        return WA_OK;
    }

    if (wa_jid_parse(wa_span_str(d->group_id), &room) != WA_OK
        || !wa_jid_eq(&room, &m->room))
    {
        wa_log(t->account, WA_LOG_WARN, "a sender key for another room");
        return WA_OK;
    }

    rc = wa_skey_process(u, &m->room, &m->enc, wa_pb_span(&d->axolotl));

    if (rc == WA_ERR_SYNTAX || rc == WA_ERR_ARG) {
        wa_log(t->account, WA_LOG_INFO, "a sender key does not parse");
        return WA_OK;
    }

    return rc;
}
