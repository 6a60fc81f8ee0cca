/*
 * Sending to a group: the stanza and what goes with it, see wa_group_send.h.
 */
#include "wa_group_send_int.h"

#include <stdlib.h>

#include "wa_padding.h"
#include "wa_pb.h"
#include "wa_privacy.h"
#include "wa_signal_group.h"


static int room_compare(const void *a, const void *b);
static wa_err_t room_distribute(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p,
    wa_node_t *stanza, bool *pkmsg);
static wa_err_t room_encrypt(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p,
    wa_node_t *stanza);
static wa_err_t room_put_holders(wa_unit_t *u, wa_task_t *t,
    const wa_prepare_t *p);
static void room_named(wa_task_t *t, const wa_room_t *r, wa_node_t **list,
    wa_node_t *stanza);
static void room_meta(wa_task_t *t, const wa_prepare_t *p,
    wa_node_t *stanza);
static wa_err_t room_phash(wa_task_t *t, wa_prepare_t *p);


/*
 * <message id to type addressing_mode phash [edit]>
 *     [<participants><to jid><enc/></to>...</participants>]
 *     <enc v=2 type=skmsg/>[<device-identity/>][<meta/>][<reporting/>]
 *
 * A status has no addressing_mode; those of its audience who have the key
 * are listed, too: <to jid/>.
 */
wa_err_t
wa_group_unit(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p)
{
    bool         pkmsg;
    wa_err_t     rc;
    wa_node_t   *stanza;
    wa_room_t   *r;
    wa_arena_t  *arena;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    r = p->room;
    arena = &t->arena;
    pkmsg = false;
    stanza = wa_node_new(arena, "message");

    wa_node_set(arena, stanza, "id", wa_span_str(p->send->id));
    wa_node_set_jid(arena, stanza, "to", &p->chat);
    wa_stanza_message(&p->attrs, arena, stanza);

    if (!r->status) {
        p->send->group_mode = r->lid ? "lid" : "pn";
        wa_node_set_str(arena, stanza, "addressing_mode",
                        p->send->group_mode);
    }

    rc = room_distribute(u, t, p, stanza, &pkmsg);

    if (rc == WA_OK) {
        rc = room_encrypt(u, t, p, stanza);
    }

    if (rc == WA_OK) {
        rc = room_phash(t, p);
    }

    if (rc != WA_OK) {
        return rc;
    }

    wa_node_set_str(arena, stanza, "phash", p->send->phash);

    if (pkmsg) {
        wa_sent_identity(t->account, arena, stanza);
    }

    room_meta(t, p, stanza);
    rc = wa_privacy_reporting(t, p, r->lid, stanza);

    if (rc == WA_OK && r->n_lacking != 0) {
        rc = room_put_holders(u, t, p);
    }

    return rc == WA_OK ? wa_prepare_records(u, p, stanza) : rc;
}


/* The key for those who lack it.  Who could not be given it stays marked. */
static wa_err_t
room_distribute(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p,
    wa_node_t *stanza, bool *pkmsg)
{
    size_t          i;
    wa_err_t        rc;
    wa_buf_t        message = WA_BUF_EMPTY;
    wa_node_t      *list, *to, *enc;
    wa_room_t      *r;
    wa_room_device_t  *d;

    r = p->room;
    rc = WA_OK;

    if (r->rotate) {
        rc = wa_skey_drop(u, &p->chat, wa_group_sender(t->account));
    }

    if (rc == WA_OK) {
        rc = wa_group_keyed(u, &p->chat, &t->arena, &message);
    }

    list = NULL;

    for (i = 0; rc == WA_OK && i < r->n_devices; i++) {
        d = &r->devices[i];

        if (!d->lacks) {
            continue;
        }

        rc = wa_sent_enc(u, &t->arena, &d->jid, wa_span_buf(&message), 0,
                         &enc, pkmsg);

        if (rc != WA_OK && rc != WA_ERR_NOMEM) {
            wa_log(t->account, WA_LOG_INFO, "no key for a device: %s",
                   wa_err_name(rc));
            rc = WA_OK;
            continue;
        }

        if (rc == WA_OK) {

            /* A receiver shows no placeholder for a key that was to come
               with something hidden. */

            wa_stanza_enc(&p->attrs, &t->arena, enc);
            list = (list == NULL) ? wa_node_add_new(&t->arena, stanza,
                                                    "participants") : list;
            to = wa_node_add_new(&t->arena, list, "to");
            wa_node_set_jid(&t->arena, to, "jid", &d->to);
            wa_node_add(&t->arena, to, enc);
            d->given = true;
            d->lacks = false;
        }
    }

    wa_buf_wipe(&message);

    if (rc == WA_OK && r->status) {
        room_named(t, r, &list, stanza);
    }

    return rc;
}


/* The server does not know who is meant: people without a copy, by name. */
static void
room_named(wa_task_t *t, const wa_room_t *r, wa_node_t **list,
    wa_node_t *stanza)
{
    bool       given;
    size_t     i, k;
    wa_jid_t   user;
    wa_node_t  *to;

    for (i = 0; i < r->n_devices; i = k) {
        user = wa_jid_bare(&r->devices[i].to);
        given = false;

        for (k = i; k < r->n_devices
                    && wa_jid_eq_bare(&r->devices[k].to, &user); k++)
        {
            given = given || r->devices[k].given;
        }

        if (given || wa_account_is_self(t->account, &user)) {
            continue;
        }

        if (*list == NULL) {
            *list = wa_node_add_new(&t->arena, stanza, "participants");
        }

        to = wa_node_add_new(&t->arena, *list, "to");
        wa_node_set_jid(&t->arena, to, "jid", &user);
    }
}


/* A post says whom its audience is made of; what changes one does not. */
static void
room_meta(wa_task_t *t, const wa_prepare_t *p, wa_node_t *stanza)
{
    wa_node_t  *meta;

    if (!p->room->status) {
        wa_stanza_meta(&p->attrs, &t->arena, stanza);
        return;
    }

    if (p->attrs.edit == NULL) {
        meta = wa_node_add_new(&t->arena, stanza, "meta");
        wa_node_set_str(&t->arena, meta, "status_setting", "allowlist");
    }
}


wa_err_t
wa_group_keyed(wa_unit_t *u, const wa_jid_t *group, wa_arena_t *arena,
    wa_buf_t *message)
{
    char                          text[WA_JID_TEXT_MAX];
    wa_err_t                      rc;
    wa_span_t                     key;
    Wa__KeyMessage                k = WA__KEY_MESSAGE__INIT;
    Wa__KeyMessage__Distribution  d = WA__KEY_MESSAGE__DISTRIBUTION__INIT;

    if (u == NULL || wa_jid_format(group, text, sizeof(text)) == 0) {
        return u == NULL ? WA_ERR_NOMEM : WA_ERR_ARG;
    }

    rc = wa_skey_distribution(u, group, wa_group_sender(wa_unit_account(u)),
                              arena, &key);

    if (rc == WA_ERR_DECRYPT) {

        /* Not usable any more: another key, which nobody has. */

        rc = wa_skey_drop(u, group, wa_group_sender(wa_unit_account(u)));

        if (rc == WA_OK) {
            rc = wa_skey_distribution(u, group,
                     wa_group_sender(wa_unit_account(u)), arena, &key);
        }
    }

    if (rc != WA_OK) {
        return rc;
    }

    d.group_id = text;
    d.has_axolotl = 1;
    d.axolotl = wa_pb_bytes(key);
    k.sender_key_distribution_message = &d;

    return WA_PB_PACK(&k, message);
}


static wa_err_t
room_encrypt(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p, wa_node_t *stanza)
{
    uint8_t     random;
    wa_err_t    rc;
    wa_buf_t    padded = WA_BUF_EMPTY;
    wa_span_t   cipher;
    wa_node_t  *enc;

    wa_account_random(t->account, &random, 1);

    rc = wa_buf_reserve(&padded, wa_prepare_wire(p).n + 16);

    if (rc == WA_OK) {
        rc = wa_buf_append_span(&padded, wa_prepare_wire(p));
    }

    if (rc == WA_OK) {
        rc = wa_padding_add(&padded, random);
    }

    if (rc == WA_OK) {
        rc = wa_skey_encrypt(u, &p->chat, wa_group_sender(t->account),
                             wa_span_buf(&padded), &t->arena, &cipher);
    }

    wa_buf_wipe(&padded);

    if (rc != WA_OK) {
        return rc;
    }

    enc = wa_node_add_new(&t->arena, stanza, "enc");
    wa_node_set_str(&t->arena, enc, "v", "2");
    wa_node_set_str(&t->arena, enc, "type", "skmsg");
    wa_stanza_enc(&p->attrs, &t->arena, enc);
    wa_node_bytes(enc, cipher);

    return WA_OK;
}


/* Over the devices of all members, the one we are included. */
static wa_err_t
room_phash(wa_task_t *t, wa_prepare_t *p)
{
    size_t      i;
    wa_jid_t   *all;
    wa_room_t  *r;

    r = p->room;

    all = wa_arena_calloc(&t->arena, r->n_devices + 1, sizeof(wa_jid_t));
    if (all == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < r->n_devices; i++) {
        all[i] = r->devices[i].to;
    }

    all[i] = *wa_account_self(t->account, r->lid ? WA_SERVER_LID
                                                 : WA_SERVER_PN);

    return wa_devices_phash(all, i + 1, p->send->phash);
}


static wa_err_t
room_put_holders(wa_unit_t *u, wa_task_t *t, const wa_prepare_t *p)
{
    char             name[WA_ROOM_NAME_LEN];
    size_t           i;
    wa_err_t         rc;
    wa_buf_t         packed = WA_BUF_EMPTY;
    wa_room_t       *r;
    Wa__KeyHolders   h = WA__KEY_HOLDERS__INIT;

    r = p->room;

    h.devices = wa_arena_calloc(&t->arena, r->n_devices + 1,
                                sizeof(char *));

    if (h.devices == NULL || !wa_room_holders_name(&p->chat, name)) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < r->n_devices; i++) {
        if (!r->devices[i].lacks) {
            h.devices[h.n_devices++] = r->devices[i].name;
        }
    }

    qsort(h.devices, h.n_devices, sizeof(char *), room_compare);
    rc = WA_PB_PACK(&h, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put_cold(u, name, 0, wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc;
}


static int
room_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


bool
wa_group_holders_need(const wa_jid_t *group, wa_arena_t *arena,
    wa_key_t *key)
{
    char  name[WA_ROOM_NAME_LEN];

    key->day = 0;

    return wa_room_holders_name(group, name)
           && wa_arena_dup_span(arena, wa_span_str(name), &key->name)
              == WA_OK;
}


wa_err_t
wa_group_holders_forget(wa_unit_t *u, const wa_jid_t *room)
{
    char  name[WA_ROOM_NAME_LEN];

    return wa_room_holders_name(room, name) ? wa_unit_del(u, name, 0)
                                            : WA_ERR_ARG;
}


wa_err_t
wa_group_holder_gone(wa_unit_t *u, const wa_jid_t *group,
    const wa_jid_t *device, wa_arena_t *arena)
{
    char             name[WA_ROOM_NAME_LEN], text[WA_JID_TEXT_MAX];
    size_t           i, n;
    wa_err_t         rc;
    wa_buf_t         packed = WA_BUF_EMPTY;
    wa_span_t        value;
    Wa__KeyHolders  *h;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (!wa_room_holders_name(group, name)
        || wa_jid_format(device, text, sizeof(text)) == 0)
    {
        return WA_ERR_ARG;
    }

    if (wa_record_get(wa_unit_account(u), name, 0, &value) != WA_OK
        || value.p == NULL)
    {
        return WA_OK;
    }

    rc = WA_PB_UNPACK(wa__key_holders__descriptor, value, arena, &h);

    if (rc != WA_OK) {
        return rc == WA_ERR_NOMEM ? rc : WA_OK;
    }

    for (i = 0, n = 0; i < h->n_devices; i++) {
        if (strcmp(h->devices[i], text) != 0) {
            h->devices[n++] = h->devices[i];
        }
    }

    if (n == h->n_devices) {
        return WA_OK;
    }

    h->n_devices = n;
    rc = WA_PB_PACK(h, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put_cold(u, name, 0, wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc;
}
