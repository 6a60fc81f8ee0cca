/*
 * Sealed reactions, see wa_send_seal.h.
 */
#include "wa_send_seal.h"

#include <stdio.h>

#include "wa_event_message.h"
#include "wa_group.h"
#include "wa_lid.h"
#include "wa_message.h"
#include "wa_pb.h"
#include "wa_secret.h"


#define SEAL_IV_LEN    12
#define SEAL_NAME_LEN  (WA_MESSAGE_REF_LEN + 8)
#define SEAL_NAMES     2


static size_t seal_names(wa_account_t *a, const wa_compose_ref_t *target,
    char names[SEAL_NAMES][SEAL_NAME_LEN]);
static wa_span_t seal_secret(wa_task_t *t, const wa_compose_ref_t *target);
static wa_err_t seal_pack(wa_task_t *t, wa_prepare_t *p, wa_span_t payload,
    wa_span_t iv);


bool
wa_seal_wants(wa_task_t *t, const wa_send_t *s)
{
    Wa__Group  *g;

    return s->draft != NULL && s->draft->message.reaction_message != NULL
           && wa_jid_is_group(&s->to)
           && wa_group_get(t->account, &s->to, &t->arena, &g) == WA_OK
           && g != NULL && g->community_announce && g->announce;
}


size_t
wa_seal_need(wa_task_t *t, const wa_send_t *s, wa_key_t *keys)
{
    char       names[SEAL_NAMES][SEAL_NAME_LEN];
    size_t     i, k, n, n_names;
    uint32_t   today;
    wa_span_t  name;

    n = 0;
    n_names = seal_names(t->account, &s->draft->target, names);
    today = wa_day(wa_unix_s(t->account));

    for (i = 0; i < n_names; i++) {

        if (wa_arena_dup_span(&t->arena, wa_span_str(names[i]), &name)
            != WA_OK)
        {
            return n;
        }

        for (k = 0; k < WA_BUCKET_DAYS && k < today; k++) {
            keys[n].name = name;
            keys[n++].day = today - (uint32_t) k;
        }
    }

    return n;
}


/* As wa_recv_secret_keep() wrote it: under the LID, if it was known. */
static size_t
seal_names(wa_account_t *a, const wa_compose_ref_t *target,
    char names[SEAL_NAMES][SEAL_NAME_LEN])
{
    char             ref[WA_MESSAGE_REF_LEN];
    size_t           i, n;
    const wa_jid_t  *who[SEAL_NAMES];

    n = 0;
    who[0] = &target->lid;
    who[1] = &target->sender;

    for (i = 0; i < SEAL_NAMES && !target->from_me; i++) {

        if (who[i]->server == WA_SERVER_NONE
            || (i == 1 && wa_jid_eq(who[0], who[1]))
            || wa_message_ref(a, false, who[i], target->id, ref) != WA_OK)
        {
            continue;
        }

        (void) snprintf(names[n++], SEAL_NAME_LEN, "sec/%s", ref);
    }

    return n;
}


wa_err_t
wa_seal_reaction(wa_task_t *t, wa_prepare_t *p)
{
    uint8_t       iv[SEAL_IV_LEN];
    wa_err_t      rc;
    wa_buf_t      plain = WA_BUF_EMPTY;
    wa_span_t     payload;
    wa_draft_t   *d;
    wa_secret_t   s;

    Wa__Message__ReactionMessage  reaction;

    d = p->send->draft;
    memset(&s, 0, sizeof(s));
    s.secret = seal_secret(t, &d->target);

    if (s.secret.n != WA_MESSAGE_SECRET_LEN) {
        return WA_OK;
    }

    s.use = WA_SEALED_REACTION;
    s.message_id = d->target.id;
    s.author = wa_jid_bare(&d->target.sender);
    s.writer = wa_jid_bare(wa_account_self(t->account, WA_SERVER_LID));

    /* The key is told beside it. */

    reaction = *d->message.reaction_message;
    reaction.key = NULL;
    rc = WA_PB_PACK(&reaction, &plain);

    if (rc == WA_OK) {
        wa_account_random(t->account, iv, sizeof(iv));
        rc = wa_secret_seal(&s, wa_span(iv, sizeof(iv)), wa_span_buf(&plain),
                            &t->arena, &payload);
    }

    wa_buf_wipe(&plain);

    return rc == WA_OK ? seal_pack(t, p, payload, wa_span(iv, sizeof(iv)))
                       : rc;
}


/* In the arena; n 0: not known. */
static wa_span_t
seal_secret(wa_task_t *t, const wa_compose_ref_t *target)
{
    char                 names[SEAL_NAMES][SEAL_NAME_LEN];
    size_t               i, n;
    uint32_t             k, today;
    wa_span_t            value;
    Wa__MessageSecret   *s;

    if (target->from_me) {
        return target->message.p == NULL
               ? wa_span_none() : wa_message_secret(target->message,
                                                    &t->arena);
    }

    n = seal_names(t->account, target, names);
    today = wa_day(wa_unix_s(t->account));

    for (i = 0; i < n; i++) {

        for (k = 0; k < WA_BUCKET_DAYS && k < today; k++) {

            if (wa_record_get(t->account, names[i], today - k, &value)
                == WA_OK && value.p != NULL
                && WA_PB_UNPACK(wa__message_secret__descriptor, value,
                                &t->arena, &s) == WA_OK)
            {
                return wa_pb_span(&s->secret);
            }
        }
    }

    return wa_span_none();
}


static wa_err_t
seal_pack(wa_task_t *t, wa_prepare_t *p, wa_span_t payload, wa_span_t iv)
{
    wa_err_t  rc;
    wa_buf_t  out = WA_BUF_EMPTY;

    Wa__Message             m = WA__MESSAGE__INIT;
    Wa__EncReactionMessage  e = WA__ENC_REACTION_MESSAGE__INIT;

    e.target_message_key = p->send->draft->message.reaction_message->key;
    e.has_enc_payload = 1;
    e.enc_payload = wa_pb_bytes(payload);
    e.has_enc_iv = 1;
    e.enc_iv = wa_pb_bytes(iv);
    m.enc_reaction_message = &e;

    rc = WA_PB_PACK(&m, &out);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&t->arena, wa_span_buf(&out), &p->wire);
    }

    if (rc == WA_OK) {
        wa_stanza_of(&m, &p->attrs);
    }

    wa_buf_wipe(&out);

    return rc;
}
