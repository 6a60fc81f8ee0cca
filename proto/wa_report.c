/* Reporting tokens, see wa_report.h. */

#include "wa_crypto.h"
#include "wa_limits.h"
#include "wa_rd.h"
#include "wa_report.h"
#include "wa_wr.h"


/* Messages inside of messages, and the lists inside of these. */
#define REPORT_DEPTH_MAX  16

/* A field that is reported: whole, or by the fields `sub` of the message in
   it.  Tables are in the order of numbers and end with 0. */
typedef struct rule_s  rule_t;

struct rule_s {
    uint32_t       field;
    const rule_t  *sub;
};


static wa_err_t report_message(wa_span_t in, const rule_t *rules,
    unsigned depth, wa_buf_t *out);
static wa_err_t report_rule(wa_span_t in, const rule_t *rule,
    unsigned depth, wa_buf_t *out);
static wa_err_t report_sub(wa_span_t value, const rule_t *rule,
    unsigned depth, wa_buf_t *out);
static bool report_field(wa_rd_t *r, uint32_t *field, wa_span_t *value,
    wa_span_t *raw);
static void report_varint(wa_wr_t *w, uint64_t v);


/* The table is the protocol's; a wrapped message is reported as a plain one
   is. */
static const rule_t  message_rules[32];

static const rule_t  context[] = { { 21, NULL }, { 22, NULL }, { 0, NULL } };

static const rule_t  wrapped[] = { { 1, message_rules }, { 0, NULL } };

static const rule_t  image[] = {
    { 2, NULL }, { 3, NULL }, { 8, NULL }, { 11, NULL }, { 17, context },
    { 25, NULL }, { 0, NULL }
};

static const rule_t  contact[] = {
    { 1, NULL }, { 16, NULL }, { 17, context }, { 0, NULL }
};

static const rule_t  location[] = {
    { 3, NULL }, { 4, NULL }, { 5, NULL }, { 16, NULL }, { 17, context },
    { 0, NULL }
};

static const rule_t  text[] = {
    { 1, NULL }, { 17, context }, { 30, NULL }, { 0, NULL }
};

static const rule_t  document[] = {
    { 2, NULL }, { 7, NULL }, { 10, NULL }, { 17, context }, { 20, NULL },
    { 0, NULL }
};

static const rule_t  audio[] = {
    { 2, NULL }, { 7, NULL }, { 9, NULL }, { 17, context }, { 21, NULL },
    { 0, NULL }
};

static const rule_t  video[] = {
    { 2, NULL }, { 6, NULL }, { 7, NULL }, { 13, NULL }, { 17, context },
    { 20, NULL }, { 0, NULL }
};

static const rule_t  protocol[] = {
    { 1, NULL }, { 2, NULL }, { 14, message_rules }, { 15, NULL },
    { 0, NULL }
};

static const rule_t  live_location[] = {
    { 6, NULL }, { 16, NULL }, { 17, context }, { 0, NULL }
};

static const rule_t  sticker[] = {
    { 4, NULL }, { 5, NULL }, { 8, NULL }, { 13, NULL }, { 17, context },
    { 0, NULL }
};

static const rule_t  invite[] = {
    { 1, NULL }, { 2, NULL }, { 4, NULL }, { 5, NULL }, { 6, NULL },
    { 7, context }, { 0, NULL }
};

static const rule_t  option[] = { { 1, NULL }, { 2, NULL }, { 0, NULL } };

static const rule_t  poll[] = {
    { 2, NULL }, { 3, option }, { 5, context }, { 8, option }, { 0, NULL }
};

static const rule_t  newsletter[] = { { 1, NULL }, { 0, NULL } };

static const rule_t  result[] = {
    { 1, NULL }, { 2, newsletter }, { 3, context }, { 0, NULL }
};

static const rule_t  message_rules[32] = {
    { 1, NULL },
    { 3, image },
    { 4, contact },
    { 5, location },
    { 6, text },
    { 7, document },
    { 8, audio },
    { 9, video },
    { 12, protocol },
    { 18, live_location },
    { 26, sticker },
    { 28, invite },
    { 37, wrapped },
    { 49, poll },
    { 53, wrapped },
    { 55, wrapped },
    { 58, wrapped },
    { 59, wrapped },
    { 60, poll },
    { 64, poll },
    { 66, video },
    { 74, wrapped },
    { 87, wrapped },
    { 88, result },
    { 92, wrapped },
    { 93, wrapped },
    { 94, wrapped }
};


wa_err_t
wa_report_content(wa_span_t message, wa_buf_t *out)
{
    size_t    before;
    wa_err_t  rc;

    before = out->n;
    rc = report_message(message, message_rules, 0, out);

    if (rc != WA_OK) {
        out->n = before;
    }

    return rc;
}


wa_err_t
wa_report_token(wa_span_t message, const uint8_t secret[32], wa_span_t id,
    wa_span_t sender, wa_span_t chat, uint8_t out[WA_REPORT_TOKEN_LEN])
{
    uint8_t    key[WA_KEY_LEN], mac[WA_SHA256_LEN];
    wa_buf_t   info = WA_BUF_EMPTY, content = WA_BUF_EMPTY;
    wa_err_t   rc;
    wa_span_t  part;

    rc = wa_report_content(message, &content);

    if (rc == WA_OK && content.n == 0) {
        rc = WA_ERR_STATE;
    }

    if (rc == WA_OK) {
        rc = wa_buf_append_span(&info, id);
    }

    if (rc == WA_OK) {
        rc = wa_buf_append_span(&info, sender);
    }

    if (rc == WA_OK) {
        rc = wa_buf_append_span(&info, chat);
    }

    if (rc == WA_OK) {
        rc = wa_buf_append_str(&info, "Report Token");
    }

    if (rc == WA_OK) {
        rc = wa_hkdf(wa_span(secret, 32), wa_span_none(),
                     wa_span_buf(&info), key, sizeof(key));
    }

    if (rc == WA_OK) {
        part = wa_span_buf(&content);
        rc = wa_hmac_sha256(wa_span(key, sizeof(key)), &part, 1, mac);
    }

    if (rc == WA_OK) {
        memcpy(out, mac, WA_REPORT_TOKEN_LEN);
    }

    wa_wipe(key, sizeof(key));
    wa_buf_wipe(&content);
    wa_buf_free(&info);

    return rc;
}


/* One pass for each rule: rules are few, and so the order is theirs. */
static wa_err_t
report_message(wa_span_t in, const rule_t *rules, unsigned depth,
    wa_buf_t *out)
{
    wa_err_t  rc;

    if (depth > REPORT_DEPTH_MAX) {
        return WA_ERR_LIMIT;
    }

    for ( /* void */ ; rules->field != 0; rules++) {
        rc = report_rule(in, rules, depth, out);

        if (rc != WA_OK) {
            return rc;
        }
    }

    return WA_OK;
}


static wa_err_t
report_rule(wa_span_t in, const rule_t *rule, unsigned depth, wa_buf_t *out)
{
    wa_rd_t    r;
    uint32_t   field;
    wa_err_t   rc;
    wa_span_t  value, raw;

    r = wa_rd(in);

    while (wa_rd_left(&r) > 0) {

        if (!report_field(&r, &field, &value, &raw)) {
            return WA_ERR_SYNTAX;
        }

        if (field != rule->field) {
            continue;
        }

        rc = (rule->sub == NULL || value.p == NULL)
             ? wa_buf_append_span(out, raw)
             : report_sub(value, rule, depth, out);

        if (rc != WA_OK) {
            return rc;
        }
    }

    return WA_OK;
}


/* A message of which nothing is left is not mentioned. */
static wa_err_t
report_sub(wa_span_t value, const rule_t *rule, unsigned depth,
    wa_buf_t *out)
{
    wa_wr_t   w;
    wa_buf_t  inner = WA_BUF_EMPTY;
    wa_err_t  rc;

    rc = report_message(value, rule->sub, depth + 1, &inner);

    if (rc == WA_OK && inner.n > 0) {
        wa_wr_init(&w, out, WA_PB_BYTES_MAX);
        report_varint(&w, (uint64_t) rule->field << 3 | 2);
        report_varint(&w, inner.n);
        wa_wr_span(&w, wa_span_buf(&inner));
        rc = w.err;
    }

    wa_buf_wipe(&inner);

    return rc;
}


/* One field: `raw` with its tag; `value` what a length was given for, p NULL
   for numbers. */
static bool
report_field(wa_rd_t *r, uint32_t *field, wa_span_t *value, wa_span_t *raw)
{
    uint64_t        tag, n;
    wa_span_t       skipped;
    const uint8_t  *start;

    start = r->p;
    *value = wa_span_none();

    if (!wa_rd_varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX) {
        return false;
    }

    *field = (uint32_t) (tag >> 3);

    switch (tag & 7) {

    case 0:
        if (!wa_rd_varint(r, &n)) {
            return false;
        }

        break;

    case 1:
        if (!wa_rd_bytes(r, 8, &skipped)) {
            return false;
        }

        break;

    case 2:
        if (!wa_rd_varint(r, &n) || n > wa_rd_left(r)
            || !wa_rd_bytes(r, (size_t) n, value))
        {
            return false;
        }

        break;

    case 5:
        if (!wa_rd_bytes(r, 4, &skipped)) {
            return false;
        }

        break;

    default:
        return false;
    }

    *raw = wa_span(start, (size_t) (r->p - start));

    return true;
}


static void
report_varint(wa_wr_t *w, uint64_t v)
{
    while (v > 0x7f) {
        wa_wr_u8(w, (uint8_t) (v | 0x80));
        v >>= 7;
    }

    wa_wr_u8(w, (uint8_t) v);
}
