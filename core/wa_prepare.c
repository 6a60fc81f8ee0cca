/*
 * Message, copies and records of one send, see wa_prepare.h.
 */
#include "wa_prepare.h"

#include "wa_event_message.h"
#include "wa_expiry.h"
#include "wa_group.h"
#include "wa_group_send.h"
#include "wa_lid.h"
#include "wa_message.h"
#include "wa_newsletter_send.h"
#include "wa_node_codec.h"
#include "wa_pb.h"
#include "wa_privacy.h"
#include "wa_send_seal.h"


/* A stanza to two devices, beside their copies. */
#define PREPARE_STANZA_GUESS  600


static wa_err_t prepare_refs(wa_task_t *t, wa_prepare_t *p,
    const wa_jid_t *chat, const Wa__Group *g);
static wa_err_t prepare_ref(wa_task_t *t, const char *name,
    const wa_jid_t *chat, bool lid, wa_compose_ref_t *ref);
static wa_err_t prepare_unknown(wa_send_t *s, const wa_jid_t *chat);
static wa_err_t prepare_mentions(wa_task_t *t, wa_draft_t *d,
    const Wa__Group *g);
static Wa__SentMessage *prepare_sent(wa_task_t *t, const char *name);
static wa_err_t prepare_phash(wa_task_t *t, wa_prepare_t *p);
static wa_jid_t prepare_address(const wa_account_t *a,
    const wa_prepare_t *p, const wa_jid_t *device);
static wa_err_t prepare_copies(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p,
    wa_node_t *stanza, bool *answered);
static wa_err_t prepare_put_pending(wa_unit_t *u, const wa_send_t *s,
    const char *to, const char *pn, wa_span_t stanza);


wa_err_t
wa_prepare_message(wa_task_t *t, wa_prepare_t *p)
{
    char           id[WA_MESSAGE_ID_LEN];
    uint8_t        random[16];
    wa_err_t       rc;
    wa_jid_t       chat;
    wa_send_t     *s;
    Wa__Group     *g;
    wa_compose_t   in;
    wa_account_t  *a;

    a = t->account;
    s = p->send;
    g = NULL;
    s->ts = wa_unix_s(a);

    wa_account_random(a, random, sizeof(random));
    wa_account_random(a, p->secret, sizeof(p->secret));

    rc = wa_message_id(s->ts,
                       wa_span_str(wa_account_self(a, WA_SERVER_PN)->user),
                       random, id);
    if (rc != WA_OK) {
        return rc;
    }

    memcpy(s->id, id, sizeof(id));

    chat = p->chat;

    if (chat.server == WA_SERVER_NONE) {
        chat = s->to;
        wa_lid_prefer(a, &chat);
    }

    if (wa_jid_is_group(&chat)) {
        rc = wa_group_get(a, &chat, &t->arena, &g);
    }

    if (rc == WA_OK) {
        rc = prepare_refs(t, p, &chat, g);
    }

    if (rc == WA_OK && g != NULL) {
        rc = prepare_mentions(t, s->draft, g);
    }

    if (rc != WA_OK) {
        return rc;
    }

    memset(&in, 0, sizeof(in));

    in.chat = &chat;
    in.now_ms = wa_unix_ms(a);
    in.secret = p->secret;
    in.expiration = g == NULL ? wa_expiry_get(a, &s->to, &in.expiration_set)
                              : g->ephemeral;

    rc = wa_compose_message(s->draft, &in, &s->message);

    wa_stanza_of(&s->draft->message, &p->attrs);
    p->keyed = s->draft->secret;

    return rc == WA_OK && p->seal ? wa_seal_reaction(t, p) : rc;
}


wa_err_t
wa_prepare_again(wa_task_t *t, wa_prepare_t *p)
{
    wa_span_t  message, secret;

    message = wa_span_buf(&p->send->message);
    secret = wa_message_secret(message, &t->arena);
    p->keyed = (secret.n == sizeof(p->secret));

    if (p->keyed) {
        memcpy(p->secret, secret.p, sizeof(p->secret));
    }

    return wa_stanza_attrs(message, &t->arena, &p->attrs);
}


/* People are named by LID where the chat does so. */
static wa_err_t
prepare_refs(wa_task_t *t, wa_prepare_t *p, const wa_jid_t *chat,
    const Wa__Group *g)
{
    bool        lid;
    wa_err_t    rc;
    wa_send_t  *s;

    s = p->send;
    lid = wa_jid_is_lid(chat) || (g != NULL && g->lid);

    rc = prepare_ref(t, p->quoted, chat, lid, &s->draft->quoted);

    if (rc == WA_OK) {
        rc = prepare_ref(t, p->target, chat, lid, &s->draft->target);
    }

    return rc == WA_OK ? prepare_unknown(s, chat) : rc;
}


/* What neither the records nor the history have.  A channel's messages are
   known by another record (wa_newsletter_known.c). */
static wa_err_t
prepare_unknown(wa_send_t *s, const wa_jid_t *chat)
{
    wa_draft_t  *d;

    d = s->draft;

    if (wa_jid_is_newsletter(chat)) {
        return WA_OK;
    }

    if (d->quoted.missing && !d->quoted.known && d->quote_optional) {
        d->quoted.id = wa_span_none();
    }

    if ((d->quoted.id.p == NULL || !d->quoted.missing || d->quoted.known)
        && (d->target.id.p == NULL || !d->target.missing || d->target.known))
    {
        return WA_OK;
    }

    wa_compose_unknown(d);

    return WA_ERR_ARG;
}


/* As the group's messages name its members. */
static wa_err_t
prepare_mentions(wa_task_t *t, wa_draft_t *d, const Wa__Group *g)
{
    size_t     i;
    wa_jid_t  *as;

    if (d->n_mentions == 0) {
        return WA_OK;
    }

    as = wa_arena_calloc(&t->arena, d->n_mentions, sizeof(wa_jid_t));

    if (as == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < d->n_mentions; i++) {
        as[i] = wa_group_address(t->account, g, &d->mentions[i]);
    }

    return wa_compose_mentions_as(d, as);
}


/*
 * Whose message it is: ours are kept and can be quoted whole; the history
 * knows others.  Where it was not asked, wahub's own id tells whether it is
 * ours, and anything else is taken as the contact's.
 */
static wa_err_t
prepare_ref(wa_task_t *t, const char *name, const wa_jid_t *chat, bool lid,
    wa_compose_ref_t *ref)
{
    char              own[WA_MESSAGE_REF_LEN];
    wa_err_t          rc;
    wa_account_t     *a;
    Wa__SentMessage  *sent;

    if (ref->id.p == NULL) {
        return WA_OK;
    }

    a = t->account;
    sent = prepare_sent(t, name);

    if (sent != NULL) {
        ref->known = true;
        ref->from_me = true;
        ref->message = wa_pb_span(&sent->message);
        ref->timestamp = sent->timestamp;

    } else if (!ref->known && ref->ref.p != NULL) {
        rc = wa_message_ref(a, true, NULL, ref->id, own);

        if (rc != WA_OK) {
            return rc;
        }

        ref->from_me = wa_span_eq_str(ref->ref, own);
        ref->known = ref->from_me || !ref->missing;
    }

    if (lid && ref->lid.server != WA_SERVER_NONE) {
        ref->sender = ref->lid;
    }

    if (ref->from_me) {
        ref->sender = wa_jid_bare(wa_account_self(a, lid ? WA_SERVER_LID
                                                         : WA_SERVER_PN));

    } else if (ref->sender.server == WA_SERVER_NONE
               && wa_send_target(chat) == WA_TARGET_USER)
    {
        ref->sender = *chat;
    }

    return WA_OK;
}


/* Its record, in the arena; NULL: it is not kept. */
static Wa__SentMessage *
prepare_sent(wa_task_t *t, const char *name)
{
    uint32_t            today, i;
    wa_span_t           value;
    Wa__SentMessage    *sent;

    today = wa_day(wa_unix_s(t->account));

    for (i = 0; i < WA_BUCKET_DAYS && i < today; i++) {

        if (wa_record_get(t->account, name, today - i, &value) == WA_OK
            && value.p != NULL
            && WA_PB_UNPACK(wa__sent_message__descriptor, value, &t->arena,
                            &sent) == WA_OK
            && sent->has_message)
        {
            return sent;
        }
    }

    return NULL;
}


/*
 * <message id to type [edit peer_recipient_pn]>
 *     <participants><to jid><enc/></to>...</participants>
 *     [<device-identity/>][<meta/>][<reporting/>][<tctoken/> or <cstoken/>]
 */
wa_err_t
wa_prepare_unit(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p)
{
    bool           answered;
    wa_err_t       rc;
    wa_buf_t       copy = WA_BUF_EMPTY;
    wa_node_t     *stanza;
    wa_send_t     *s;
    wa_arena_t    *arena;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (p->room != NULL) {
        return wa_group_unit(u, t, p);
    }

    if (wa_jid_is_newsletter(&p->chat)) {
        return wa_newsletter_unit(u, t, p);
    }

    s = p->send;
    arena = &t->arena;

    rc = wa_message_encode_copy(&p->chat, wa_span_buf(&s->message),
                                p->keyed ? p->secret : NULL, &copy);
    if (rc != WA_OK) {
        wa_buf_wipe(&copy);
        return rc;
    }

    p->copy = wa_span_buf(&copy);
    stanza = wa_node_new(arena, "message");

    wa_node_set(arena, stanza, "id", wa_span_str(s->id));
    wa_node_set_jid(arena, stanza, "to", &p->chat);
    wa_stanza_message(&p->attrs, arena, stanza);

    if (wa_jid_is_lid(&p->chat) && s->pn.server == WA_SERVER_PN && !p->self) {
        wa_node_set_jid(arena, stanza, "peer_recipient_pn", &s->pn);
    }

    rc = prepare_copies(u, t, p, stanza, &answered);

    wa_buf_wipe(&copy);
    p->copy = wa_span_none();

    if (rc == WA_OK) {
        rc = wa_privacy_nodes(t, p, stanza, answered);
    }

    if (rc == WA_OK) {
        rc = prepare_phash(t, p);
    }

    if (rc == WA_OK) {
        rc = wa_prepare_records(u, p, stanza);
    }

    return rc;
}


/* Over all devices of both sides, the one we are included, as the server
   counts them. */
static wa_err_t
prepare_phash(wa_task_t *t, wa_prepare_t *p)
{
    size_t     i, n;
    wa_jid_t  *all;

    n = p->list.n_devices;

    all = wa_arena_calloc(&t->arena, n + 1, sizeof(wa_jid_t));
    if (all == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < n; i++) {
        all[i] = prepare_address(t->account, p, &p->list.devices[i]);
    }

    all[n] = *wa_account_self(t->account, wa_jid_is_lid(&p->chat)
                                          ? WA_SERVER_LID : WA_SERVER_PN);

    return wa_devices_phash(all, n + 1, p->send->phash);
}


/*
 * A stanza is either in LIDs or in phone numbers.  Our own devices are known
 * by LID; where the contact has none, they are written as numbers too.  Their
 * sessions stay those of the LID.
 */
static wa_jid_t
prepare_address(const wa_account_t *a, const wa_prepare_t *p,
    const wa_jid_t *device)
{
    wa_jid_t  own;

    if (wa_jid_is_lid(&p->chat) || !wa_jid_is_lid(device)
        || !wa_account_is_self(a, device))
    {
        return *device;
    }

    own = wa_jid_with_device(wa_account_self(a, WA_SERVER_PN),
                             device->device);

    if (wa_jid_is_hosted(device)) {
        own.server = WA_SERVER_HOSTED;
    }

    return own;
}


/*
 * A device without a usable session is left out; the contact needs one.
 * *answered: one of the contact's has used its session.
 */
static wa_err_t
prepare_copies(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p,
    wa_node_t *stanza, bool *answered)
{
    bool                       pkmsg, own;
    size_t                     i, done;
    wa_jid_t                   address;
    wa_err_t                   rc, last;
    wa_node_t                 *list, *to, *enc;
    wa_arena_t                *arena;
    const wa_jid_t            *d;
    const wa_device_user_t    *user;

    arena = &t->arena;
    user = &p->list.users[0];
    list = wa_node_add_new(arena, stanza, "participants");
    last = WA_ERR_NO_SESSION;
    pkmsg = false;
    done = 0;
    *answered = false;

    for (i = 0; i < p->list.n_devices; i++) {
        d = &p->list.devices[i];
        own = p->self || i < user->first || i >= user->first + user->n;

        rc = wa_sent_enc(u, arena, d, own ? p->copy
                                          : wa_span_buf(&p->send->message),
                         0, &enc, &pkmsg);

        if (rc == WA_ERR_NOMEM) {
            return rc;
        }

        if (rc != WA_OK) {
            wa_log(t->account, WA_LOG_INFO, "no copy for a device: %s",
                   wa_err_name(rc));
            last = own ? last : rc;
            continue;
        }

        done += (!own || p->self);
        wa_stanza_enc(&p->attrs, arena, enc);
        *answered = *answered
                    || (!own && wa_node_attr_is(enc, "type", "msg"));

        to = wa_node_add_new(arena, list, "to");
        address = prepare_address(t->account, p, d);
        wa_node_set_jid(arena, to, "jid", &address);
        wa_node_add(arena, to, enc);
    }

    if (pkmsg) {
        wa_sent_identity(t->account, arena, stanza);
    }

    wa_stanza_meta(&p->attrs, arena, stanza);

    return done == 0 ? last : WA_OK;
}


wa_err_t
wa_prepare_records(wa_unit_t *u, wa_prepare_t *p, const wa_node_t *stanza)
{
    char             to[WA_JID_TEXT_MAX], pn[WA_JID_TEXT_MAX];
    wa_err_t         rc;
    wa_buf_t         packed = WA_BUF_EMPTY;
    wa_send_t       *s;
    Wa__SentMessage  sent = WA__SENT_MESSAGE__INIT;

    s = p->send;

    if (wa_jid_format(&p->chat, to, sizeof(to)) == 0) {
        return WA_ERR_ARG;
    }

    if (s->pn.server == WA_SERVER_NONE
        || wa_jid_format(&s->pn, pn, sizeof(pn)) == 0)
    {
        pn[0] = '\0';
    }

    sent.has_message = 1;
    sent.message = wa_pb_bytes(wa_prepare_wire(p));
    sent.to = to;
    sent.pn = pn[0] == '\0' ? NULL : pn;
    sent.has_timestamp = 1;
    sent.timestamp = s->ts;

    rc = p->same_id ? WA_OK : wa_sent_put(u, wa_span_str(s->id),
                                          wa_day(s->ts), &sent);

    if (rc == WA_OK) {
        rc = wa_lid_shown(u, wa_send_show(s));
    }

    if (rc == WA_OK) {
        rc = wa_buf_reserve(&packed, s->message.n * 2 + PREPARE_STANZA_GUESS);
    }

    if (rc == WA_OK) {
        rc = wa_node_pack(stanza, &packed);
    }

    if (rc == WA_OK) {
        rc = prepare_put_pending(u, s, to, sent.pn, wa_span_buf(&packed));
    }

    if (rc == WA_OK) {
        rc = wa_unit_send_packed(u, wa_span_buf(&packed));
    }

    wa_buf_wipe(&packed);

    if (rc == WA_OK) {
        rc = wa_send_put_list(u, NULL);
    }

    if (rc == WA_OK && !p->again) {
        rc = wa_idem_put(u, s, p->cid);
    }

    return rc;
}


static wa_err_t
prepare_put_pending(wa_unit_t *u, const wa_send_t *s, const char *to,
    const char *pn, wa_span_t stanza)
{
    char             name[WA_SENT_NAME_LEN];
    wa_err_t         rc;
    wa_buf_t         packed = WA_BUF_EMPTY;
    Wa__RequestKey   key = WA__REQUEST_KEY__INIT;
    Wa__PendingSend  pend = WA__PENDING_SEND__INIT;

    if (!wa_sent_name("pend/", wa_span_str(s->id), name)) {
        return WA_ERR_ARG;
    }

    /* protobuf-c wants char *; packing does not write. */

    pend.has_stanza = 1;
    pend.stanza = wa_pb_bytes(stanza);
    pend.to = (char *) (uintptr_t) to;
    pend.pn = (char *) (uintptr_t) pn;
    pend.has_timestamp = 1;
    pend.timestamp = s->ts;
    pend.phash = (char *) (uintptr_t) s->phash;
    pend.has_message = 1;
    pend.message = wa_pb_bytes(wa_span_buf(&s->message));
    pend.client_id = s->client_id;
    pend.metadata = s->metadata;
    pend.media_id = s->media_id;
    pend.has_cold = s->cold;
    pend.cold = s->cold;

    if (s->idem != NULL) {
        key.name = s->idem->name;
        key.has_body = 1;
        key.body = wa_pb_bytes(wa_span(s->idem->body, WA_SHA256_LEN));
        key.has_final = 1;
        key.final = s->idem->final;
        pend.idem = &key;
    }

    rc = WA_PB_PACK(&pend, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put_cold(u, name, 0, wa_span_buf(&packed));
    }

    wa_buf_wipe(&packed);

    return rc;
}
