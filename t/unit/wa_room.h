/*
 * Accounts in one room: whole wahub accounts and a small WhatsApp server in
 * between, stanza by stanza, without bytes and sockets (wa_room_conn.h).
 */
#ifndef WA_ROOM_H
#define WA_ROOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "adv.pb-c.h"

#include "wa_account_int.h"
#include "wa_adv.h"
#include "wa_conn.h"
#include "wa_crypto.h"
#include "wa_dispatch.h"
#include "wa_host.h"
#include "wa_life.h"
#include "wa_node_codec.h"
#include "wa_out.h"
#include "wa_pb.h"
#include "wa_prekey.h"
#include "wa_room_conn.h"
#include "wa_send.h"
#include "wa_task_int.h"
#include "wa_unit_int.h"


#define ROOM_SIDES   4
#define ROOM_LOG     8192


/* ---- the room ---- */

typedef struct {
    wa_host_t  *h;
    wa_jid_t    pn;                     /* with device */
    wa_jid_t    lid;
    bool        away;                   /* the server keeps its stanzas */
    wa_buf_t    queue[64];
    size_t      n_queue;
} side_t;

typedef struct room_s {
    side_t      side[ROOM_SIDES];
    size_t      n;
    wa_arena_t  arena;                  /* of the log */
    wa_node_t  *log[ROOM_LOG];          /* what came to the server */
    size_t      from[ROOM_LOG];
    size_t      n_log;
    unsigned    ack_error;              /* of the next messages */
    bool        no_acks;
    bool        no_lids;                /* usync tells none for numbers */
    bool        spoil;                  /* flips a bit in the next <enc>s */
    const char *phash;                  /* told in acks */
    bool        refresh_lid;            /* told in acks */

    /* Answers an iq; NULL, or false: the room does. */
    bool      (*answer)(struct room_s *r, size_t i, const wa_node_t *iq);
} room_t;


static inline wa_account_t *
room_account(room_t *r, size_t i)
{
    return wa_host_account(r->side[i].h);
}


/* Runs what was made ready outside of a verb. */
static inline void
room_kick(room_t *r, size_t i)
{
    (void) wa_account_expire(room_account(r, i), wa_host_now(r->side[i].h));
    wa_host_drain(r->side[i].h);
}


static inline void
room_ready(room_t *r, size_t i)
{
    wa_account_t  *a;

    a = room_account(r, i);
    a->now = wa_host_now(r->side[i].h);
    wa_life_move(a, WA_STATE_READY, NULL, 0);
    wa_send_online(a);
    room_kick(r, i);
}


/* What linking leaves: a device identity signed by some account key. */
static inline void
room_link(wa_account_t *a, wa_buf_t *out)
{
    uint8_t         priv[32], pub[32], random[64];
    wa_buf_t        inner = WA_BUF_EMPTY, outer = WA_BUF_EMPTY;
    wa_adv_t        adv;
    wa_span_t       parts[3];
    wa_arena_t      arena;
    wa_adv_fail_e   fail;
    uint8_t         sig[64], mac[32];

    Wa__ADVSignedDeviceIdentity      signed_id =
                                  WA__ADVSIGNED_DEVICE_IDENTITY__INIT;
    Wa__ADVSignedDeviceIdentityHMAC  container =
                                  WA__ADVSIGNED_DEVICE_IDENTITY_HMAC__INIT;

    static const uint8_t  details[] = { 0x08, 1, 0x10, 1, 0x18, 1 };
    static const uint8_t  prefix[] = { 6, 0 };

    wa_arena_init(&arena, 0);
    wa_random(random, sizeof(random));
    assert_int_equal(wa_x25519_keypair(priv, pub), WA_OK);

    parts[0] = wa_span(prefix, sizeof(prefix));
    parts[1] = wa_span(details, sizeof(details));
    parts[2] = wa_span(a->creds->identity.pub, 32);
    assert_int_equal(wa_xeddsa_sign(sig, priv, parts, 3, random), WA_OK);

    signed_id.has_details = 1;
    signed_id.details = wa_pb_bytes(parts[1]);
    signed_id.has_account_signature_key = 1;
    signed_id.account_signature_key = wa_pb_bytes(wa_span(pub, 32));
    signed_id.has_account_signature = 1;
    signed_id.account_signature = wa_pb_bytes(wa_span(sig, 64));
    assert_int_equal(WA_PB_PACK(&signed_id, &inner), WA_OK);

    parts[0] = wa_span_buf(&inner);
    assert_int_equal(wa_hmac_sha256(wa_span(a->creds->adv_secret, 32), parts,
                                    1, mac), WA_OK);
    container.has_details = 1;
    container.details = wa_pb_bytes(wa_span_buf(&inner));
    container.has_hmac = 1;
    container.hmac = wa_pb_bytes(wa_span(mac, 32));
    assert_int_equal(WA_PB_PACK(&container, &outer), WA_OK);

    assert_int_equal(wa_adv_pair(wa_span_buf(&outer), a->creds->adv_secret,
                                 a->creds->identity.priv,
                                 a->creds->identity.pub, random, &arena,
                                 &adv, &fail), WA_OK);
    assert_int_equal(wa_buf_append_span(out, adv.stored), WA_OK);

    wa_buf_free(&inner);
    wa_buf_free(&outer);
    wa_arena_free(&arena);
}


/* A linked account `user` with two addresses and this device number. */
static inline size_t
room_add(room_t *r, const char *pn, const char *lid, uint16_t device)
{
    side_t         *s;
    wa_unit_t      *u;
    wa_account_t   *a;

    s = &r->side[r->n];
    s->h = wa_host_create();
    wa_host_make(s->h);

    a = wa_host_account(s->h);
    assert_int_equal(wa_jid_make(&s->pn, wa_span_str(pn), WA_SERVER_PN,
                                 device), WA_OK);
    assert_int_equal(wa_jid_make(&s->lid, wa_span_str(lid), WA_SERVER_LID,
                                 device), WA_OK);
    assert_non_null(a->creds);

    a->creds->linked = true;
    a->creds->jid = s->pn;
    a->creds->lid = s->lid;
    wa_buf_free(&a->creds->device_identity);
    room_link(a, &a->creds->device_identity);

    u = wa_unit_new(a);
    assert_int_equal(wa_creds_save(u), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(s->h);
    wa_conn_dial(a);
    r->n++;
    room_ready(r, r->n - 1);

    return r->n - 1;
}


/* The object dies and comes back over its records, online again. */
static inline void
room_restart(room_t *r, size_t i)
{
    wa_host_restart(r->side[i].h);
    assert_true(room_account(r, i)->creds->linked);
    wa_conn_dial(room_account(r, i));
    room_ready(r, i);
}


static inline void
room_feed(room_t *r, size_t i, const wa_node_t *node)
{
    wa_buf_t  packed = WA_BUF_EMPTY;

    assert_int_equal(wa_node_pack(node, &packed), WA_OK);

    if (r->side[i].away) {
        assert_true(r->side[i].n_queue < 64);
        r->side[i].queue[r->side[i].n_queue++] = packed;
        return;
    }

    assert_int_equal(wa_account_feed(room_account(r, i), wa_span_buf(&packed),
                                     wa_host_now(r->side[i].h)), WA_OK);
    wa_host_drain(r->side[i].h);
    wa_buf_free(&packed);
}


/* Gives what was kept for an away side, in order. */
static inline void
room_back(room_t *r, size_t i)
{
    size_t   k;
    side_t  *s;

    s = &r->side[i];
    s->away = false;

    for (k = 0; k < s->n_queue; k++) {
        assert_int_equal(wa_account_feed(room_account(r, i),
                                         wa_span_buf(&s->queue[k]),
                                         wa_host_now(s->h)), WA_OK);
        wa_host_drain(s->h);
        wa_buf_free(&s->queue[k]);
    }

    s->n_queue = 0;
}


static inline bool
room_find(const room_t *r, const wa_jid_t *jid, size_t *i)
{
    for (*i = 0; *i < r->n; (*i)++) {

        if (wa_jid_eq(jid, &r->side[*i].pn) || wa_jid_eq(jid,
                                                         &r->side[*i].lid))
        {
            return true;
        }
    }

    return false;
}


static inline void
room_usync(room_t *r, size_t i, const wa_node_t *iq)
{
    size_t            k, known;
    wa_jid_t          jid;
    wa_node_t        *answer, *list, *user, *devices, *n;
    wa_arena_t       *ar;
    const wa_node_t  *q;

    ar = &r->arena;
    answer = wa_node_new(ar, "iq");
    wa_node_set_str(ar, answer, "type", "result");
    wa_node_set_str(ar, answer, "from", "s.whatsapp.net");
    wa_node_set(ar, answer, "id", wa_node_attr(iq, "id"));
    list = wa_node_add_new(ar, wa_node_add_new(ar, answer, "usync"), "list");
    q = wa_node_child(wa_node_child(wa_node_child(iq, "usync"), "list"),
                      "user");

    for ( /* void */ ; wa_node_attr_jid(q, "jid", &jid);   /* or a number */
         q = wa_node_sibling(q, "user"))
    {
        user = wa_node_add_new(ar, list, "user");
        wa_node_set_jid(ar, user, "jid", &jid);
        devices = wa_node_add_new(ar, wa_node_add_new(ar, user, "devices"),
                                  "device-list");
        known = 0;

        for (k = 0; k < r->n; k++) {
            if (!wa_jid_eq_bare(&jid, &r->side[k].pn)
                && !wa_jid_eq_bare(&jid, &r->side[k].lid))
            {
                continue;
            }

            n = wa_node_add_new(ar, devices, "device");
            wa_node_set_u64(ar, n, "id", r->side[k].pn.device);

            if (r->side[k].pn.device != 0) {
                wa_node_set_u64(ar, n, "key-index", 1);
            }

            if (known++ == 0 && !r->no_lids) {
                n = wa_node_add_new(ar, user, "lid");
                jid = wa_jid_bare(&r->side[k].lid);
                wa_node_set_jid(ar, n, "val", &jid);
            }
        }
    }

    room_feed(r, i, answer);
}


static inline void
room_be(wa_arena_t *ar, wa_node_t *n, uint32_t v, size_t size)
{
    size_t    k;
    uint8_t  *p;

    p = wa_arena_alloc(ar, size);

    for (k = 0; k < size; k++) {
        p[k] = (uint8_t) (v >> (8 * (size - 1 - k)));
    }

    wa_node_bytes(n, wa_span(p, size));
}


static inline void
room_bundle(room_t *r, wa_node_t *user, size_t i)
{
    uint8_t             *pub;
    uint32_t             id;
    wa_node_t           *n;
    wa_unit_t           *u;
    wa_arena_t          *ar;
    wa_account_t        *a;
    const wa_creds_t    *c;

    static const uint8_t  type = 5;

    ar = &r->arena;
    a = room_account(r, i);
    c = a->creds;
    pub = wa_arena_alloc(ar, 32);

    u = wa_unit_new(a);
    assert_int_equal(wa_prekey_take(u, &id, pub), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(r->side[i].h);

    room_be(ar, wa_node_add_new(ar, user, "registration"),
            c->registration_id, 4);
    wa_node_bytes(wa_node_add_new(ar, user, "type"), wa_span(&type, 1));
    wa_node_bytes(wa_node_add_new(ar, user, "identity"),
                  wa_span(c->identity.pub, 32));
    n = wa_node_add_new(ar, user, "skey");
    room_be(ar, wa_node_add_new(ar, n, "id"), c->signed_prekey.id, 3);
    wa_node_bytes(wa_node_add_new(ar, n, "value"),
                  wa_span(c->signed_prekey.key.pub, 32));
    wa_node_bytes(wa_node_add_new(ar, n, "signature"),
                  wa_span(c->signed_prekey.signature, 64));
    n = wa_node_add_new(ar, user, "key");
    room_be(ar, wa_node_add_new(ar, n, "id"), id, 3);
    wa_node_bytes(wa_node_add_new(ar, n, "value"), wa_span(pub, 32));

    if (r->side[i].pn.device != 0) {
        wa_node_bytes(wa_node_add_new(ar, user, "device-identity"),
                      wa_span_buf(&c->device_identity));
    }
}


/* wa_prekey_take() needs its record in memory. */
static inline void
room_load_prekeys(wa_task_t *t, wa_err_t rc)
{
    wa_key_t  key;

    if (t->data == NULL) {
        t->data = t;
        key.name = wa_span_str(WA_PREKEY_RECORD);
        key.day = 0;
        rc = wa_task_need(t, &key, 1);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    wa_task_end(t, rc);
}


static inline void
room_keys(room_t *r, size_t i, const wa_node_t *iq)
{
    size_t            k;
    wa_jid_t          jid;
    wa_node_t        *answer, *list, *user, *n;
    wa_task_t        *t;
    wa_arena_t       *ar;
    const wa_node_t  *q;

    ar = &r->arena;
    answer = wa_node_new(ar, "iq");
    wa_node_set_str(ar, answer, "type", "result");
    wa_node_set_str(ar, answer, "from", "s.whatsapp.net");
    wa_node_set(ar, answer, "id", wa_node_attr(iq, "id"));
    list = wa_node_add_new(ar, answer, "list");
    q = wa_node_child(wa_node_child(iq, "key"), "user");

    for ( /* void */ ; q != NULL; q = wa_node_sibling(q, "user")) {
        assert_true(wa_node_attr_jid(q, "jid", &jid));
        user = wa_node_add_new(ar, list, "user");
        wa_node_set_jid(ar, user, "jid", &jid);

        if (!room_find(r, &jid, &k)) {
            n = wa_node_add_new(ar, user, "error");
            wa_node_set_str(ar, n, "code", "406");
            continue;
        }

        t = wa_task_new(room_account(r, k), "prekeys", room_load_prekeys);
        wa_task_ready(t, WA_OK);
        room_kick(r, k);
        room_bundle(r, user, k);
    }

    room_feed(r, i, answer);
}


/* One copy of a message, as the server hands it to one device. */
static inline void
room_copy(room_t *r, size_t i, const wa_node_t *msg, const wa_jid_t *to,
    wa_node_t *enc)
{
    size_t       k;
    wa_jid_t     chat;
    wa_buf_t     bytes = WA_BUF_EMPTY;
    wa_node_t   *m, *e;
    wa_span_t    spoiled;
    wa_arena_t  *ar;

    if (!room_find(r, to, &k)) {
        return;
    }

    ar = &r->arena;
    m = wa_node_new(ar, "message");
    wa_node_set(ar, m, "id", wa_node_attr(msg, "id"));
    wa_node_set_jid(ar, m, "from", wa_jid_is_lid(to) ? &r->side[i].lid
                                                     : &r->side[i].pn);
    wa_node_set_str(ar, m, "type", "text");
    wa_node_set_str(ar, m, "notify", "Some One");
    wa_node_set_u64(ar, m, "t",
                    (uint64_t) wa_unix_s(room_account(r, i)));

    if (wa_jid_eq_bare(&r->side[i].pn, &r->side[k].pn)) {
        if (wa_node_attr_jid(msg, "recipient", &chat)
            || wa_node_attr_jid(msg, "to", &chat))
        {
            chat = wa_jid_bare(&chat);
            wa_node_set_jid(ar, m, "recipient", &chat);
        }

    } else if (wa_jid_is_lid(to)) {
        chat = wa_jid_bare(&r->side[i].pn);
        wa_node_set_jid(ar, m, "sender_pn", &chat);

    } else {
        chat = wa_jid_bare(&r->side[i].lid);
        wa_node_set_jid(ar, m, "sender_lid", &chat);
    }

    e = wa_node_add_new(ar, m, "enc");
    wa_node_set_str(ar, e, "v", "2");
    wa_node_set(ar, e, "type", wa_node_attr(enc, "type"));
    wa_node_set(ar, e, "count", wa_node_attr(enc, "count"));

    assert_int_equal(wa_buf_append_span(&bytes, wa_node_content(enc)), WA_OK);

    if (r->spoil) {
        bytes.p[bytes.n - 1] ^= 1;
    }

    assert_int_equal(wa_arena_dup_span(ar, wa_span_buf(&bytes), &spoiled),
                     WA_OK);
    wa_buf_free(&bytes);
    wa_node_bytes(e, spoiled);

    room_feed(r, k, m);
}


static inline void
room_message(room_t *r, size_t i, const wa_node_t *msg)
{
    wa_jid_t     to;
    wa_node_t   *ack, *n;
    wa_arena_t  *ar;

    ar = &r->arena;

    if (!r->no_acks) {
        ack = wa_node_new(ar, "ack");
        wa_node_set_str(ar, ack, "class", "message");
        wa_node_set(ar, ack, "id", wa_node_attr(msg, "id"));
        wa_node_set(ar, ack, "from", wa_node_attr(msg, "to"));

        if (r->ack_error != 0) {
            wa_node_set_u64(ar, ack, "error", r->ack_error);
        }

        if (r->phash != NULL) {
            wa_node_set_str(ar, ack, "phash", r->phash);
        }

        if (r->refresh_lid) {
            wa_node_set_str(ar, ack, "refresh_lid", "true");
        }

        room_feed(r, i, ack);
    }

    if (r->ack_error != 0) {
        return;
    }

    n = wa_node_child(wa_node_child(msg, "participants"), "to");

    for ( /* void */ ; n != NULL; n = wa_node_sibling(n, "to")) {
        assert_true(wa_node_attr_jid(n, "jid", &to));
        room_copy(r, i, msg, &to, wa_node_child(n, "enc"));
    }

    n = wa_node_child(msg, "enc");

    if (n != NULL && wa_node_attr_jid(msg, "to", &to)) {
        room_copy(r, i, msg, &to, n);
    }
}


static inline void
room_receipt(room_t *r, size_t i, const wa_node_t *node)
{
    size_t       k;
    wa_jid_t     to;
    wa_node_t   *m, *c, *next;
    wa_arena_t  *ar;

    if (!wa_node_attr_jid(node, "to", &to) || !room_find(r, &to, &k)
        || k == i)
    {
        return;
    }

    ar = &r->arena;
    m = wa_node_new(ar, "receipt");
    wa_node_set(ar, m, "id", wa_node_attr(node, "id"));
    wa_node_set(ar, m, "type", wa_node_attr(node, "type"));
    wa_node_set_jid(ar, m, "from", wa_jid_is_lid(&to) ? &r->side[i].lid
                                                      : &r->side[i].pn);
    wa_node_set_u64(ar, m, "t", (uint64_t) wa_unix_s(room_account(r, i)));

    for (c = wa_node_first(node); c != NULL; c = next) {
        next = c->next;
        c->next = NULL;
        wa_node_add(ar, m, c);
    }

    room_feed(r, k, m);
}


static inline void
room_handle(room_t *r, size_t i, wa_node_t *node)
{
    wa_node_t   *answer;
    wa_arena_t  *ar;

    ar = &r->arena;

    if (wa_node_is(node, "message")) {
        room_message(r, i, node);

    } else if (wa_node_is(node, "receipt")) {
        room_receipt(r, i, node);

    } else if (wa_node_is(node, "iq")) {

        if (r->answer != NULL && r->answer(r, i, node)) {
            return;
        }

        if (wa_node_attr_is(node, "xmlns", "usync")) {
            room_usync(r, i, node);

        } else if (wa_node_attr_is(node, "xmlns", "encrypt")
                   && wa_node_child(node, "key") != NULL)
        {
            room_keys(r, i, node);

        } else {
            answer = wa_node_new(ar, "iq");
            wa_node_set_str(ar, answer, "type", "result");
            wa_node_set(ar, answer, "id", wa_node_attr(node, "id"));
            room_feed(r, i, answer);
        }
    }
}


/* Takes one stanza of a side and lets the server handle it. */
static inline bool
room_step(room_t *r, size_t i)
{
    wa_conn_t   *c;
    wa_node_t   *node;
    wa_span_t    bytes;

    wa_host_drain(r->side[i].h);
    c = room_account(r, i)->conn;

    if (c == NULL || c->n_out == 0) {
        return false;
    }

    assert_int_equal(wa_arena_dup_span(&r->arena, wa_span(c->out[0].p,
                                                          c->out[0].n),
                                       &bytes), WA_OK);
    free(c->out[0].p);
    memmove(c->out, c->out + 1, --c->n_out * sizeof(room_out_t));

    assert_int_equal(wa_node_unpack(bytes, &r->arena, &node), WA_OK);

    assert_true(r->n_log < ROOM_LOG);
    r->from[r->n_log] = i;
    r->log[r->n_log++] = node;

    room_handle(r, i, node);

    return true;
}


/* Lets the server work until all is quiet. */
static inline void
room_run(room_t *r)
{
    bool    again;
    size_t  i;

    do {
        again = false;

        for (i = 0; i < r->n; i++) {
            while (room_step(r, i)) {
                again = true;
            }

            /* Patient units: see wa_unit_set_patient(). */

            if (wa_commits_deadline(room_account(r, i)) >= 0) {
                wa_host_advance(r->side[i].h, WA_UNIT_PATIENCE_MS);
                again = true;
            }
        }
    } while (again);
}


/* How many stanzas of side i with this tag and type (NULL: any). */
static inline size_t
room_count(const room_t *r, size_t i, const char *tag, const char *type)
{
    size_t  k, n;

    n = 0;

    for (k = 0; k < r->n_log; k++) {
        n += r->from[k] == i && wa_node_is(r->log[k], tag)
             && (type == NULL || wa_node_attr_is(r->log[k], "type", type));
    }

    return n;
}


/* The last one of these; NULL: none. */
static inline wa_node_t *
room_last(const room_t *r, size_t i, const char *tag, const char *type)
{
    size_t  k;

    for (k = r->n_log; k > 0; k--) {
        if (r->from[k - 1] == i && wa_node_is(r->log[k - 1], tag)
            && (type == NULL
                || wa_node_attr_is(r->log[k - 1], "type", type)))
        {
            return r->log[k - 1];
        }
    }

    return NULL;
}


/* The server's ack of the last message of side i. */
static inline wa_node_t *
room_ack(room_t *r, size_t i)
{
    wa_node_t  *ack, *msg;

    msg = room_last(r, i, "message", NULL);
    assert_non_null(msg);

    ack = wa_node_new(&r->arena, "ack");
    wa_node_set_str(&r->arena, ack, "class", "message");
    wa_node_set(&r->arena, ack, "id", wa_node_attr(msg, "id"));
    wa_node_set(&r->arena, ack, "from", wa_node_attr(msg, "to"));

    if (r->ack_error != 0) {
        wa_node_set_u64(&r->arena, ack, "error", r->ack_error);
    }

    return ack;
}


static inline void
room_send(room_t *r, size_t i, const char *to, const char *text)
{
    wa_host_submit(r->side[i].h, WA_OP_SEND,
                   json_pack("{s:s, s:s, s:s}", "to", to, "type", "text",
                             "text", text));
}


/* The i-th event of a type as JSON (new reference); NULL: none. */
static inline json_t *
room_event(room_t *r, size_t i, const char *type, size_t nth)
{
    size_t      k;
    wa_host_t  *h;

    h = r->side[i].h;

    for (k = 0; k < wa_host_events(h); k++) {

        if (strcmp(wa_host_event_type(h, k), type) == 0 && nth-- == 0) {
            return json_loads(wa_host_event_body(h, k), 0, NULL);
        }
    }

    return NULL;
}


static inline size_t
room_events(const room_t *r, size_t i, const char *type)
{
    return wa_host_event_count(r->side[i].h, type);
}


static inline room_t *
room_create(void)
{
    room_t  *r;

    r = calloc(1, sizeof(room_t));
    assert_non_null(r);
    wa_arena_init(&r->arena, 0);

    return r;
}


static inline void
room_free(room_t *r)
{
    size_t  i, k;

    for (i = 0; i < r->n; i++) {
        wa_host_free(r->side[i].h);

        for (k = 0; k < r->side[i].n_queue; k++) {
            wa_buf_free(&r->side[i].queue[k]);
        }
    }

    wa_arena_free(&r->arena);
    free(r);
}

#endif /* WA_ROOM_H */
