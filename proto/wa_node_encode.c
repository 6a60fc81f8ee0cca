/*
 * Node tree to WABinary, choosing for every string the form that the official
 * client chooses: token, nibbles, hex, address, raw.
 */

#include "wa_limits.h"
#include "wa_node_codec.h"
#include "wa_node_codec_int.h"
#include "wa_token.h"
#include "wa_wr.h"


static void wa_node_write(const wa_node_t *node, wa_wr_t *w, unsigned depth);


static void
wa_node_write_list(wa_wr_t *w, size_t n)
{
    if (n == 0) {
        wa_wr_u8(w, WA_TAG_LIST_EMPTY);

    } else if (n <= UINT8_MAX) {
        wa_wr_u8(w, WA_TAG_LIST_8);
        wa_wr_u8(w, (uint8_t) n);

    } else if (n <= WA_NODE_LIST_MAX) {
        wa_wr_u8(w, WA_TAG_LIST_16);
        wa_wr_u16(w, (uint16_t) n);

    } else {
        wa_wr_fail(w, WA_ERR_LIMIT);
    }
}


static void
wa_node_write_binary(wa_wr_t *w, wa_span_t s)
{
    if (s.n < WA_BINARY_8) {
        wa_wr_u8(w, WA_TAG_BINARY_8);
        wa_wr_u8(w, (uint8_t) s.n);

    } else if (s.n < WA_BINARY_20) {
        wa_wr_u8(w, WA_TAG_BINARY_20);
        wa_wr_u24(w, (uint32_t) s.n);

    } else if (s.n <= WA_FRAME_MAX) {
        wa_wr_u8(w, WA_TAG_BINARY_32);
        wa_wr_u32(w, (uint32_t) s.n);

    } else {
        wa_wr_fail(w, WA_ERR_LIMIT);
    }

    wa_wr_span(w, s);
}


/* The packed value of a character, 16 when the alphabet lacks it. */
static unsigned
wa_node_symbol(uint8_t c, uint8_t tag)
{
    if (c >= '0' && c <= '9') {
        return (unsigned) (c - '0');
    }

    if (tag == WA_TAG_HEX) {
        return (c >= 'A' && c <= 'F') ? (unsigned) (c - 'A' + 10) : 16;
    }

    if (c == '-') {
        return 10;
    }

    return (c == '.') ? 11 : 16;
}


static bool
wa_node_write_packed(wa_wr_t *w, wa_span_t s, uint8_t tag)
{
    size_t    i, n;
    unsigned  high, low;

    if (s.n > WA_PACKED_MAX) {
        return false;
    }

    for (i = 0; i < s.n; i++) {
        if (wa_node_symbol(s.p[i], tag) > 15) {
            return false;
        }
    }

    n = (s.n + 1) / 2;

    wa_wr_u8(w, tag);
    wa_wr_u8(w, (uint8_t) (n | (s.n % 2 != 0 ? WA_PACKED_ODD : 0)));

    for (i = 0; i < s.n; i += 2) {
        high = wa_node_symbol(s.p[i], tag);
        low = (i + 1 < s.n) ? wa_node_symbol(s.p[i + 1], tag) : 15;
        wa_wr_u8(w, (uint8_t) (high << 4 | low));
    }

    return true;
}


/* Any string but an address. */
static void
wa_node_write_plain(wa_wr_t *w, wa_span_t s)
{
    wa_token_t  token;

    if (wa_token_find(s, &token)) {

        if (token.table != WA_TOKEN_SINGLE) {
            wa_wr_u8(w, (uint8_t) (WA_TAG_DICT + token.table));
        }

        wa_wr_u8(w, token.index);
        return;
    }

    if (s.n != 0
        && (wa_node_write_packed(w, s, WA_TAG_NIBBLE)
            || wa_node_write_packed(w, s, WA_TAG_HEX)))
    {
        return;
    }

    wa_node_write_binary(w, s);
}


static void
wa_node_write_ad(wa_wr_t *w, const wa_jid_t *jid, uint8_t domain)
{
    wa_wr_u8(w, WA_TAG_AD);
    wa_wr_u8(w, domain);
    wa_wr_u8(w, (uint8_t) jid->device);
    wa_node_write_plain(w, wa_span(jid->user, jid->user_len));
}


static void
wa_node_write_pair(wa_wr_t *w, const wa_jid_t *jid)
{
    wa_wr_u8(w, WA_TAG_PAIR);

    if (jid->user_len == 0) {
        wa_wr_u8(w, WA_TAG_LIST_EMPTY);

    } else {
        wa_node_write_plain(w, wa_span(jid->user, jid->user_len));
    }

    wa_node_write_plain(w,
                 wa_span_str(wa_server_name((wa_server_e) jid->server)));
}


/* FB_JID and INTEROP_JID. */
static void
wa_node_write_foreign(wa_wr_t *w, const wa_jid_t *jid)
{
    bool  interop;

    interop = (jid->server == WA_SERVER_INTEROP);

    wa_wr_u8(w, interop ? WA_TAG_INTEROP : WA_TAG_FB);
    wa_node_write_plain(w, wa_span(jid->user, jid->user_len));
    wa_wr_u16(w, jid->device);

    if (interop) {
        wa_wr_u16(w, jid->integrator);
    }

    wa_node_write_plain(w,
                 wa_span_str(wa_server_name((wa_server_e) jid->server)));
}


/*
 * False when the text is not an address, or one that would not come back as
 * the same text: it is then written as it stands.
 */
static bool
wa_node_write_jid(wa_wr_t *w, wa_span_t s)
{
    char      text[WA_JID_TEXT_MAX];
    size_t    n;
    wa_jid_t  jid;

    if (s.n >= sizeof(text)
        || memchr(s.p, '@', s.n) == NULL
        || wa_jid_parse(s, &jid) != WA_OK)
    {
        return false;
    }

    n = wa_jid_format(&jid, text, sizeof(text));

    if (!wa_span_eq(s, wa_span(text, n))) {
        return false;
    }

    switch (jid.server) {

    case WA_SERVER_MSGR:
    case WA_SERVER_INTEROP:
        wa_node_write_foreign(w, &jid);
        return true;

    case WA_SERVER_HOSTED:
    case WA_SERVER_HOSTED_LID:
    case WA_SERVER_PN:
    case WA_SERVER_LID:
        break;

    default:

        if (jid.device != 0) {
            return false;
        }

        wa_node_write_pair(w, &jid);
        return true;
    }

    /* AD_JID has one byte for the device. */

    if (jid.device > UINT8_MAX) {
        return false;
    }

    if (jid.server == WA_SERVER_HOSTED) {
        wa_node_write_ad(w, &jid, WA_DOMAIN_HOSTED);

    } else if (jid.server == WA_SERVER_HOSTED_LID) {
        wa_node_write_ad(w, &jid, WA_DOMAIN_HOSTED_LID);

    } else if (jid.device == 0) {
        wa_node_write_pair(w, &jid);

    } else {
        wa_node_write_ad(w, &jid, jid.server == WA_SERVER_LID
                                  ? WA_DOMAIN_LID : WA_DOMAIN_PN);
    }

    return true;
}


static void
wa_node_write_string(wa_wr_t *w, wa_span_t s)
{
    wa_token_t  token;

    if (s.n != 0
        && !wa_token_find(s, &token)
        && wa_node_write_jid(w, s))
    {
        return;
    }

    wa_node_write_plain(w, s);
}


static void
wa_node_write_content(const wa_node_t *node, wa_wr_t *w, unsigned depth)
{
    const wa_node_t  *child;

    switch (node->content) {

    case WA_CONTENT_NODES:
        wa_node_write_list(w, node->n_nodes);

        for (child = node->first; child != NULL; child = child->next) {
            wa_node_write(child, w, depth + 1);
        }

        break;

    case WA_CONTENT_BYTES:
        wa_node_write_binary(w, node->bytes);
        break;

    case WA_CONTENT_TEXT:
        wa_node_write_string(w, node->bytes);
        break;

    case WA_CONTENT_NONE:
        break;
    }
}


static void
wa_node_write(const wa_node_t *node, wa_wr_t *w, unsigned depth)
{
    size_t    size;
    uint32_t  i;

    if (w->err != WA_OK) {
        return;
    }

    if (node->err != WA_OK) {
        wa_wr_fail(w, node->err);
        return;
    }

    if (node->tag.n == 0) {
        wa_wr_fail(w, WA_ERR_ARG);
        return;
    }

    if (depth > WA_NODE_DEPTH_MAX) {
        wa_wr_fail(w, WA_ERR_LIMIT);
        return;
    }

    size = 1 + 2 * (size_t) node->n_attrs
           + (node->content != WA_CONTENT_NONE ? 1 : 0);

    wa_node_write_list(w, size);
    wa_node_write_string(w, node->tag);

    for (i = 0; i < node->n_attrs; i++) {
        wa_node_write_string(w, node->attrs[i].key);
        wa_node_write_string(w, node->attrs[i].value);
    }

    wa_node_write_content(node, w, depth);
}


wa_err_t
wa_node_pack(const wa_node_t *node, wa_buf_t *out)
{
    wa_wr_t  w;

    if (node == NULL) {
        return WA_ERR_NOMEM;
    }

    wa_wr_init(&w, out, WA_FRAME_MAX);

    wa_wr_u8(&w, 0);
    wa_node_write(node, &w, 1);

    if (w.err != WA_OK) {
        wa_wr_undo(&w);
    }

    return w.err;
}
