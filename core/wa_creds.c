/*
 * Credentials at rest: one version byte, then the fields in order.  Numbers
 * are big-endian, byte strings of variable length have a u16 length.
 */
#include "wa_account_int.h"
#include "wa_rd.h"
#include "wa_wr.h"


/* Version 1 ended before the server's key, version 2 before the era. */
#define CREDS_VERSION  3
#define CREDS_MAX      8192

/* libsignal's convention for registration ids. */
#define CREDS_REGISTRATION_MAX  16383u


wa_err_t
wa_creds_generate(wa_account_t *a, wa_creds_t *c)
{
    uint8_t    random[64], type;
    wa_err_t   rc;
    uint16_t   id;
    wa_span_t  parts[2];

    memset(c, 0, sizeof(*c));
    wa_account_random(a, c->noise.priv, 32);
    wa_account_random(a, c->identity.priv, 32);
    wa_account_random(a, c->signed_prekey.key.priv, 32);
    wa_account_random(a, c->adv_secret, 32);
    wa_account_random(a, (uint8_t *) &id, sizeof(id));
    wa_account_random(a, random, sizeof(random));

    c->registration_id = 1 + id % CREDS_REGISTRATION_MAX;
    wa_creds_clamp(c->noise.priv);
    wa_creds_clamp(c->identity.priv);
    wa_creds_clamp(c->signed_prekey.key.priv);

    rc = wa_x25519_public(c->noise.pub, c->noise.priv);

    if (rc == WA_OK) {
        rc = wa_x25519_public(c->identity.pub, c->identity.priv);
    }

    if (rc == WA_OK) {
        rc = wa_x25519_public(c->signed_prekey.key.pub,
                              c->signed_prekey.key.priv);
    }

    if (rc == WA_OK) {
        type = 0x05;
        parts[0] = wa_span(&type, 1);
        parts[1] = wa_span(c->signed_prekey.key.pub, 32);
        c->signed_prekey.id = 1;
        c->signed_prekey.created_s = wa_unix_s(a);
        rc = wa_xeddsa_sign(c->signed_prekey.signature, c->identity.priv,
                            parts, 2, random);
    }

    wa_wipe(random, sizeof(random));

    if (rc != WA_OK) {
        wa_wipe(c, sizeof(*c));
    }

    return rc;
}


/* RFC 7748 5: what every X25519 private key looks like. */
void
wa_creds_clamp(uint8_t priv[32])
{
    priv[0] &= 248;
    priv[31] &= 127;
    priv[31] |= 64;
}


static void
creds_jid_write(wa_wr_t *w, const wa_jid_t *jid)
{
    char    text[WA_JID_TEXT_MAX];
    size_t  n;

    n = wa_jid_format(jid, text, sizeof(text));
    wa_wr_u8(w, (uint8_t) n);
    wa_wr_bytes(w, text, n);
}


static void
creds_bytes_write(wa_wr_t *w, const wa_buf_t *b)
{
    if (b->n > UINT16_MAX) {
        wa_wr_fail(w, WA_ERR_LIMIT);
        return;
    }

    wa_wr_u16(w, (uint16_t) b->n);
    wa_wr_span(w, wa_span_buf(b));
}


static void
creds_time_write(wa_wr_t *w, uint64_t s)
{
    wa_wr_u32(w, (uint32_t) (s >> 32));
    wa_wr_u32(w, (uint32_t) s);
}


wa_err_t
wa_creds_save(wa_unit_t *u)
{
    wa_wr_t            w;
    wa_buf_t           out = WA_BUF_EMPTY;
    const wa_creds_t  *c;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    c = wa_unit_account(u)->creds;
    wa_wr_init(&w, &out, CREDS_MAX);

    wa_wr_u8(&w, CREDS_VERSION);
    wa_wr_bytes(&w, c->noise.priv, 32);
    wa_wr_bytes(&w, c->identity.priv, 32);
    wa_wr_u32(&w, c->registration_id);
    wa_wr_bytes(&w, c->adv_secret, 32);
    wa_wr_u32(&w, c->signed_prekey.id);
    wa_wr_bytes(&w, c->signed_prekey.key.priv, 32);
    wa_wr_bytes(&w, c->signed_prekey.signature, 64);
    creds_time_write(&w, (uint64_t) c->signed_prekey.created_s);
    wa_wr_u8(&w, c->linked ? 1 : 0);
    creds_jid_write(&w, &c->jid);
    creds_jid_write(&w, &c->lid);
    creds_bytes_write(&w, &c->device_identity);
    creds_bytes_write(&w, &c->push_name);
    creds_bytes_write(&w, &c->platform);
    creds_bytes_write(&w, &c->business_name);
    creds_bytes_write(&w, &c->routing_info);
    wa_wr_u32(&w, c->login_counter);
    wa_wr_bytes(&w, c->server.key, sizeof(c->server.key));
    creds_time_write(&w, c->server.not_before);
    creds_time_write(&w, c->server.not_after);
    wa_wr_u32(&w, c->era);

    if (w.err == WA_OK) {
        (void) wa_unit_put(u, "creds", 0, wa_span_buf(&out));

    } else {
        wa_unit_fail(u, w.err);
    }

    wa_buf_wipe(&out);

    return w.err;
}


static bool
creds_key_read(wa_rd_t *r, uint8_t *out, size_t n)
{
    wa_span_t  s;

    if (!wa_rd_bytes(r, n, &s)) {
        return false;
    }

    memcpy(out, s.p, n);

    return true;
}


static bool
creds_jid_read(wa_rd_t *r, wa_jid_t *jid)
{
    uint8_t    n;
    wa_span_t  s;

    if (!wa_rd_u8(r, &n) || !wa_rd_bytes(r, n, &s)) {
        return false;
    }

    memset(jid, 0, sizeof(*jid));

    return n == 0 || wa_jid_parse(s, jid) == WA_OK;
}


static bool
creds_bytes_read(wa_rd_t *r, wa_buf_t *out)
{
    uint16_t   n;
    wa_span_t  s;

    return wa_rd_u16(r, &n) && wa_rd_bytes(r, n, &s)
           && wa_buf_append_span(out, s) == WA_OK;
}


static bool
creds_time_read(wa_rd_t *r, uint64_t *s)
{
    uint32_t  hi, lo;

    if (!wa_rd_u32(r, &hi) || !wa_rd_u32(r, &lo)) {
        return false;
    }

    *s = ((uint64_t) hi << 32) | lo;

    return true;
}


wa_err_t
wa_creds_decode(wa_span_t in, wa_creds_t *c)
{
    bool      ok;
    uint8_t   version, linked;
    wa_rd_t   r;
    uint64_t  created;

    memset(c, 0, sizeof(*c));
    r = wa_rd(in);
    version = 0;
    linked = 0;
    created = 0;

    ok = wa_rd_u8(&r, &version) && version >= 1 && version <= CREDS_VERSION
         && creds_key_read(&r, c->noise.priv, 32)
         && creds_key_read(&r, c->identity.priv, 32)
         && wa_rd_u32(&r, &c->registration_id)
         && creds_key_read(&r, c->adv_secret, 32)
         && wa_rd_u32(&r, &c->signed_prekey.id)
         && creds_key_read(&r, c->signed_prekey.key.priv, 32)
         && creds_key_read(&r, c->signed_prekey.signature, 64)
         && creds_time_read(&r, &created)
         && wa_rd_u8(&r, &linked)
         && creds_jid_read(&r, &c->jid)
         && creds_jid_read(&r, &c->lid)
         && creds_bytes_read(&r, &c->device_identity)
         && creds_bytes_read(&r, &c->push_name)
         && creds_bytes_read(&r, &c->platform)
         && creds_bytes_read(&r, &c->business_name)
         && creds_bytes_read(&r, &c->routing_info)
         && wa_rd_u32(&r, &c->login_counter)
         && (version == 1
             || (creds_key_read(&r, c->server.key, sizeof(c->server.key))
                 && creds_time_read(&r, &c->server.not_before)
                 && creds_time_read(&r, &c->server.not_after)))
         && (version <= 2 || wa_rd_u32(&r, &c->era))
         && wa_rd_left(&r) == 0;

    c->linked = (linked == 1);
    c->signed_prekey.created_s = (int64_t) created;

    ok = ok
         && wa_x25519_public(c->noise.pub, c->noise.priv) == WA_OK
         && wa_x25519_public(c->identity.pub, c->identity.priv) == WA_OK
         && wa_x25519_public(c->signed_prekey.key.pub,
                             c->signed_prekey.key.priv) == WA_OK;

    if (!ok) {
        wa_creds_wipe(c);
        return WA_ERR_SYNTAX;
    }

    return WA_OK;
}


void
wa_creds_wipe(wa_creds_t *c)
{
    if (c == NULL) {
        return;
    }

    wa_buf_wipe(&c->device_identity);
    wa_buf_wipe(&c->push_name);
    wa_buf_wipe(&c->platform);
    wa_buf_wipe(&c->business_name);
    wa_buf_wipe(&c->routing_info);
    wa_wipe(c, sizeof(*c));
}
