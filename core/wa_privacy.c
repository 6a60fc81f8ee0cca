/*
 * Trust records and the nodes made from them, see wa_privacy.h.  Tokens on
 * their way in and out are in wa_privacy_token.c.
 */
#include "wa_privacy.h"

#include <stdio.h>

#include "wa_hashes.h"
#include "wa_lid.h"
#include "wa_message.h"
#include "wa_rd.h"
#include "wa_report.h"
#include "wa_wr.h"


#define TRUST_VERSION   1
#define TRUST_NAME_LEN  (WA_JID_TEXT_MAX + 7)

#define SALT_NAME       "nct"
#define SALT_MAX        64


static bool trust_name(const wa_jid_t *jid, char *buf);
static bool trust_decode(wa_span_t in, wa_trust_t *trust);
static void wr_time(wa_wr_t *w, int64_t s);
static bool rd_time(wa_rd_t *r, int64_t *s);
static bool trust_holds(const wa_account_t *a, const wa_trust_t *trust);
static wa_err_t trust_add(wa_arena_t *arena, const wa_trust_t *trust,
    const char *tag, wa_node_t *node);
static wa_err_t nodes_token(wa_account_t *a, wa_arena_t *arena,
    const wa_jid_t *contact, const wa_trust_t *trust, wa_node_t *stanza);


size_t
wa_privacy_need(const wa_jid_t *jid, wa_arena_t *arena, wa_key_t *keys)
{
    char       name[TRUST_NAME_LEN];
    wa_span_t  text;

    if (!trust_name(jid, name)
        || wa_arena_dup_span(arena, wa_span_str(name), &text) != WA_OK)
    {
        return 0;
    }

    keys[0] = (wa_key_t) { text, 0 };
    keys[1] = (wa_key_t) { wa_span_str(SALT_NAME), 0 };

    return WA_PRIVACY_KEYS;
}


static bool
trust_name(const wa_jid_t *jid, char *buf)
{
    if (!wa_jid_is_user(jid)) {
        return false;
    }

    snprintf(buf, TRUST_NAME_LEN, "trust/%s@%s", jid->user,
             wa_server_name(wa_jid_is_pn(jid) ? WA_SERVER_PN
                                              : WA_SERVER_LID));

    return true;
}


void
wa_trust_get(wa_account_t *a, const wa_jid_t *jid, wa_trust_t *trust)
{
    char       name[TRUST_NAME_LEN];
    wa_span_t  value;

    memset(trust, 0, sizeof(*trust));

    if (trust_name(jid, name)
        && wa_record_get(a, name, 0, &value) == WA_OK && value.p != NULL
        && !trust_decode(value, trust))
    {
        memset(trust, 0, sizeof(*trust));
    }
}


static bool
trust_decode(wa_span_t in, wa_trust_t *trust)
{
    uint8_t  version;
    wa_rd_t  r;

    r = wa_rd(in);

    return wa_rd_u8(&r, &version) && version == TRUST_VERSION
           && rd_time(&r, &trust->received_s) && rd_time(&r, &trust->issued_s)
           && wa_rd_left(&r) <= WA_TRUST_TOKEN_MAX
           && wa_rd_bytes(&r, wa_rd_left(&r), &trust->token);
}


wa_err_t
wa_trust_put(wa_unit_t *u, const wa_jid_t *jid, const wa_trust_t *trust)
{
    char      name[TRUST_NAME_LEN];
    wa_wr_t   w;
    wa_buf_t  buf = WA_BUF_EMPTY;
    wa_err_t  rc;

    if (!trust_name(jid, name) || trust->token.n > WA_TRUST_TOKEN_MAX) {
        return WA_ERR_ARG;
    }

    wa_wr_init(&w, &buf, WA_RECORD_VALUE_MAX);
    wa_wr_u8(&w, TRUST_VERSION);
    wr_time(&w, trust->received_s);
    wr_time(&w, trust->issued_s);
    wa_wr_span(&w, trust->token);

    rc = w.err;

    if (rc == WA_OK) {
        rc = wa_unit_put(u, name, 0, wa_span_buf(&buf));
    }

    wa_buf_wipe(&buf);

    return rc;
}


static void
wr_time(wa_wr_t *w, int64_t s)
{
    wa_wr_u32(w, (uint32_t) ((uint64_t) s >> 32));
    wa_wr_u32(w, (uint32_t) (uint64_t) s);
}


static bool
rd_time(wa_rd_t *r, int64_t *s)
{
    uint32_t  high, low;

    if (!wa_rd_u32(r, &high) || !wa_rd_u32(r, &low)) {
        return false;
    }

    *s = (int64_t) ((uint64_t) high << 32 | low);

    return true;
}


wa_err_t
wa_trust_move(wa_unit_t *u, const wa_jid_t *pn, const wa_jid_t *lid)
{
    char           name[TRUST_NAME_LEN];
    wa_err_t       rc;
    wa_trust_t     old, now;
    wa_account_t  *a;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);
    wa_trust_get(a, pn, &old);

    if (old.received_s == 0 && old.issued_s == 0) {
        return WA_OK;
    }

    wa_trust_get(a, lid, &now);

    if (old.received_s > now.received_s) {
        now.received_s = old.received_s;
        now.token = old.token;
    }

    if (old.issued_s > now.issued_s) {
        now.issued_s = old.issued_s;
    }

    rc = wa_trust_put(u, lid, &now);

    if (rc == WA_OK && trust_name(pn, name)) {
        rc = wa_unit_del(u, name, 0);
    }

    return rc;
}


wa_err_t
wa_privacy_salt(wa_unit_t *u, wa_span_t salt)
{
    if (salt.n > SALT_MAX) {
        return WA_ERR_ARG;
    }

    return salt.n == 0 ? wa_unit_del(u, SALT_NAME, 0)
                       : wa_unit_put(u, SALT_NAME, 0, salt);
}


/* ---- beside a message ---- */

wa_err_t
wa_privacy_nodes(wa_task_t *t, wa_prepare_t *p, wa_node_t *stanza,
    bool answered)
{
    wa_err_t       rc;
    wa_trust_t     trust;
    wa_account_t  *a;

    rc = wa_privacy_reporting(t, p, wa_jid_is_lid(&p->chat), stanza);

    if (rc != WA_OK || p->self) {
        return rc;
    }

    a = t->account;
    wa_trust_get(a, &p->chat, &trust);

    p->send->cold = !trust_holds(a, &trust) && !answered;
    p->send->issue = wa_tctoken_due(trust.issued_s, wa_unix_s(a));

    return nodes_token(a, &t->arena, &p->chat, &trust, stanza);
}


wa_err_t
wa_privacy_token(wa_account_t *a, wa_arena_t *arena, const wa_jid_t *contact,
    wa_node_t *stanza)
{
    wa_jid_t    person;
    wa_trust_t  trust;

    person = wa_jid_person(contact);
    wa_trust_get(a, &person, &trust);

    return nodes_token(a, arena, &person, &trust, stanza);
}


wa_err_t
wa_privacy_tctoken(wa_account_t *a, wa_arena_t *arena,
    const wa_jid_t *contact, wa_node_t *node)
{
    wa_jid_t    person;
    wa_trust_t  trust;

    person = wa_jid_person(contact);
    wa_trust_get(a, &person, &trust);

    return trust_holds(a, &trust) ? trust_add(arena, &trust, "tctoken", node)
                                  : WA_OK;
}


wa_err_t
wa_privacy_member(wa_account_t *a, wa_arena_t *arena,
    const wa_jid_t *contact, wa_node_t *node)
{
    wa_jid_t    person;
    wa_trust_t  trust;

    person = wa_jid_person(contact);
    wa_trust_get(a, &person, &trust);

    return trust_holds(a, &trust) ? trust_add(arena, &trust, "privacy", node)
                                  : WA_OK;
}


static wa_err_t
trust_add(wa_arena_t *arena, const wa_trust_t *trust, const char *tag,
    wa_node_t *node)
{
    wa_err_t   rc;
    wa_span_t  token;

    rc = wa_arena_dup_span(arena, trust->token, &token);

    if (rc == WA_OK) {
        wa_node_bytes(wa_node_add_new(arena, node, tag), token);
        rc = wa_node_ok(node);
    }

    return rc;
}


static bool
trust_holds(const wa_account_t *a, const wa_trust_t *trust)
{
    return trust->token.n > 0
           && wa_tctoken_valid(trust->received_s, wa_unix_s(a));
}


/* A message without a secret of its own, or about nothing, has none. */
wa_err_t
wa_privacy_reporting(wa_task_t *t, const wa_prepare_t *p, bool lid,
    wa_node_t *stanza)
{
    char         from[WA_JID_TEXT_MAX], chat[WA_JID_TEXT_MAX];
    uint8_t     *token;
    wa_err_t     rc;
    wa_jid_t     self;
    wa_node_t   *node;
    wa_span_t    secret;
    wa_arena_t  *arena;

    arena = &t->arena;
    secret = wa_message_secret(wa_span_buf(&p->send->message), arena);

    if (secret.n != 32) {
        return WA_OK;
    }

    self = wa_jid_bare(wa_account_self(t->account, lid ? WA_SERVER_LID
                                                       : WA_SERVER_PN));
    token = wa_arena_alloc(arena, WA_REPORT_TOKEN_LEN);

    if (token == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = wa_report_token(wa_span_buf(&p->send->message), secret.p,
                         wa_span_str(p->send->id),
                         wa_span(from, wa_jid_format(&self, from,
                                                     sizeof(from))),
                         wa_span(chat, wa_jid_format(&p->chat, chat,
                                                     sizeof(chat))), token);

    if (rc != WA_OK) {
        return rc == WA_ERR_NOMEM ? rc : WA_OK;
    }

    node = wa_node_add_new(arena, wa_node_add_new(arena, stanza, "reporting"),
                           "reporting_token");
    wa_node_set_str(arena, node, "v", "2");
    wa_node_bytes(node, wa_span(token, WA_REPORT_TOKEN_LEN));

    return wa_node_ok(stanza);
}


/* Where the contact's token is of no use another stands in. */
static wa_err_t
nodes_token(wa_account_t *a, wa_arena_t *arena, const wa_jid_t *contact,
    const wa_trust_t *trust, wa_node_t *stanza)
{
    char        lid[WA_JID_TEXT_MAX];
    uint8_t    *made;
    wa_err_t    rc;
    wa_span_t   salt;

    if (trust_holds(a, trust)) {
        return trust_add(arena, trust, "tctoken", stanza);
    }

    if (!wa_jid_is_lid(contact)
        || wa_record_get(a, SALT_NAME, 0, &salt) != WA_OK
        || salt.n == 0)
    {
        return WA_OK;
    }

    made = wa_arena_alloc(arena, WA_SHA256_LEN);
    rc = made == NULL ? WA_ERR_NOMEM
         : wa_cstoken(salt, wa_span(lid, wa_jid_format(contact, lid,
                                                       sizeof(lid))), made);

    if (rc == WA_OK) {
        wa_node_bytes(wa_node_add_new(arena, stanza, "cstoken"),
                      wa_span(made, WA_SHA256_LEN));
        rc = wa_node_ok(stanza);
    }

    return rc;
}
