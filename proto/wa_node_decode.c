/*
 * WABinary to node tree: flag byte, inflation, one node.
 */

#include "wa_inflate.h"
#include "wa_limits.h"
#include "wa_node_codec.h"
#include "wa_node_codec_int.h"
#include "wa_rd.h"
#include "wa_token.h"
#include "wa_wr.h"


typedef struct {
    wa_rd_t      rd;
    wa_arena_t  *arena;
    uint32_t     nodes;         /* decoded so far, all levels */
} wa_node_rd_t;


static wa_err_t wa_node_read(wa_node_rd_t *r, unsigned depth,
    wa_node_t *node);


/* A string that is present but empty: p must not be NULL. */
static wa_span_t
wa_node_empty(void)
{
    return wa_span("", 0);
}


static wa_err_t
wa_node_read_packed(wa_node_rd_t *r, uint8_t tag, wa_span_t *out)
{
    static const char  nibbles[] = "0123456789-.";
    static const char  hex[] = "0123456789ABCDEF";

    char        *text;
    size_t       i, n, symbols;
    uint8_t      head, v;
    wa_span_t    bytes;
    const char  *alphabet;

    if (!wa_rd_u8(&r->rd, &head)
        || !wa_rd_bytes(&r->rd, head & WA_PACKED_LEN, &bytes))
    {
        return WA_ERR_SYNTAX;
    }

    n = 2 * bytes.n;

    if (head & WA_PACKED_ODD) {

        if (n == 0) {
            return WA_ERR_SYNTAX;
        }

        n--;
    }

    alphabet = (tag == WA_TAG_HEX) ? hex : nibbles;
    symbols = (tag == WA_TAG_HEX) ? 16 : 12;

    text = wa_arena_alloc(r->arena, n + 1);
    if (text == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < n; i++) {
        v = bytes.p[i / 2];
        v = (i % 2 == 0) ? (uint8_t) (v >> 4) : (uint8_t) (v & 15);

        if (v >= symbols) {
            return WA_ERR_SYNTAX;
        }

        text[i] = alphabet[v];
    }

    *out = wa_span(text, n);

    return WA_OK;
}


/* Raw bytes behind a BINARY_x tag. */
static wa_err_t
wa_node_read_binary(wa_node_rd_t *r, uint8_t tag, wa_span_t *out)
{
    bool      ok;
    uint8_t   n8;
    uint32_t  n;

    n8 = 0;
    n = 0;

    if (tag == WA_TAG_BINARY_8) {
        ok = wa_rd_u8(&r->rd, &n8);
        n = n8;

    } else if (tag == WA_TAG_BINARY_20) {
        ok = wa_rd_u24(&r->rd, &n);
        n &= WA_BINARY_20 - 1;

    } else {
        ok = wa_rd_u32(&r->rd, &n);
    }

    if (!ok || !wa_rd_bytes(&r->rd, n, out)) {
        return WA_ERR_SYNTAX;
    }

    return WA_OK;
}


/* Any string but an address. */
static wa_err_t
wa_node_read_plain(wa_node_rd_t *r, uint8_t tag, wa_span_t *out)
{
    wa_token_t  token;

    if (tag == WA_TAG_LIST_EMPTY) {
        *out = wa_node_empty();
        return WA_OK;
    }

    if (tag == WA_TAG_HEX || tag == WA_TAG_NIBBLE) {
        return wa_node_read_packed(r, tag, out);
    }

    if (tag >= WA_TAG_BINARY_8) {
        return wa_node_read_binary(r, tag, out);
    }

    token.table = WA_TOKEN_SINGLE;
    token.index = tag;

    if (tag >= WA_TAG_DICT) {

        if (tag > WA_TAG_DICT + 3) {
            return WA_ERR_SYNTAX;
        }

        token.table = (uint8_t) (tag - WA_TAG_DICT);

        if (!wa_rd_u8(&r->rd, &token.index)) {
            return WA_ERR_SYNTAX;
        }
    }

    *out = wa_token_text(token);

    return (out->p != NULL) ? WA_OK : WA_ERR_SYNTAX;
}


static wa_err_t
wa_node_read_part(wa_node_rd_t *r, wa_span_t *out)
{
    uint8_t  tag;

    if (!wa_rd_u8(&r->rd, &tag)) {
        return WA_ERR_SYNTAX;
    }

    return wa_node_read_plain(r, tag, out);
}


/* Text of an address: [integrator-]user[:device]@server */
static wa_err_t
wa_node_join(wa_node_rd_t *r, const wa_jid_t *numbers, wa_span_t user,
    wa_span_t server, wa_span_t *out)
{
    wa_wr_t   w;
    wa_buf_t  text = WA_BUF_EMPTY;
    wa_err_t  rc;

    if (server.n == 0) {
        return WA_ERR_SYNTAX;
    }

    wa_wr_init(&w, &text, SIZE_MAX);

    if (numbers->server == WA_SERVER_INTEROP) {
        wa_wr_dec(&w, numbers->integrator);
        wa_wr_u8(&w, '-');
    }

    wa_wr_span(&w, user);

    if (numbers->device != 0) {
        wa_wr_u8(&w, ':');
        wa_wr_dec(&w, numbers->device);
    }

    wa_wr_u8(&w, '@');
    wa_wr_span(&w, server);

    rc = w.err;
    if (rc == WA_OK) {
        rc = wa_arena_dup_span(r->arena, wa_span_buf(&text), out);
    }

    wa_buf_free(&text);

    return rc;
}


static wa_err_t
wa_node_read_ad(wa_node_rd_t *r, wa_span_t *out)
{
    uint8_t      domain, device;
    wa_err_t     rc;
    wa_jid_t     numbers;
    wa_span_t    user;
    wa_server_e  server;

    memset(&numbers, 0, sizeof(numbers));

    if (!wa_rd_u8(&r->rd, &domain) || !wa_rd_u8(&r->rd, &device)) {
        return WA_ERR_SYNTAX;
    }

    rc = wa_node_read_part(r, &user);
    if (rc != WA_OK) {
        return rc;
    }

    switch (domain) {

    case WA_DOMAIN_LID:
        server = WA_SERVER_LID;
        break;

    case WA_DOMAIN_HOSTED:
        server = WA_SERVER_HOSTED;
        break;

    case WA_DOMAIN_HOSTED_LID:
        server = WA_SERVER_HOSTED_LID;
        break;

    default:
        /* 0, and the "agent" numbers of old: all phone numbers */
        server = WA_SERVER_PN;
    }

    numbers.device = device;

    return wa_node_join(r, &numbers, user,
                        wa_span_str(wa_server_name(server)), out);
}


static wa_err_t
wa_node_read_jid(wa_node_rd_t *r, uint8_t tag, wa_span_t *out)
{
    wa_err_t   rc;
    wa_jid_t   numbers;
    wa_span_t  user, server;

    if (tag == WA_TAG_AD) {
        return wa_node_read_ad(r, out);
    }

    memset(&numbers, 0, sizeof(numbers));

    rc = wa_node_read_part(r, &user);
    if (rc != WA_OK) {
        return rc;
    }

    if (tag != WA_TAG_PAIR && !wa_rd_u16(&r->rd, &numbers.device)) {
        return WA_ERR_SYNTAX;
    }

    if (tag == WA_TAG_INTEROP) {
        numbers.server = WA_SERVER_INTEROP;

        if (!wa_rd_u16(&r->rd, &numbers.integrator)) {
            return WA_ERR_SYNTAX;
        }
    }

    rc = wa_node_read_part(r, &server);
    if (rc != WA_OK) {
        return rc;
    }

    return wa_node_join(r, &numbers, user, server, out);
}


static wa_err_t
wa_node_read_string(wa_node_rd_t *r, uint8_t tag, wa_span_t *out)
{
    switch (tag) {

    case WA_TAG_INTEROP:
    case WA_TAG_FB:
    case WA_TAG_AD:
    case WA_TAG_PAIR:
        return wa_node_read_jid(r, tag, out);

    default:
        return wa_node_read_plain(r, tag, out);
    }
}


static wa_err_t
wa_node_read_next(wa_node_rd_t *r, wa_span_t *out)
{
    uint8_t  tag;

    if (!wa_rd_u8(&r->rd, &tag)) {
        return WA_ERR_SYNTAX;
    }

    return wa_node_read_string(r, tag, out);
}


static bool
wa_node_read_list(wa_node_rd_t *r, uint8_t tag, uint32_t *n)
{
    uint8_t   n8;
    uint16_t  n16;

    if (tag == WA_TAG_LIST_EMPTY) {
        *n = 0;
        return true;
    }

    if (tag == WA_TAG_LIST_8 && wa_rd_u8(&r->rd, &n8)) {
        *n = n8;
        return true;
    }

    if (tag == WA_TAG_LIST_16 && wa_rd_u16(&r->rd, &n16)) {
        *n = n16;
        return true;
    }

    return false;
}


static wa_err_t
wa_node_read_children(wa_node_rd_t *r, uint32_t n, unsigned depth,
    wa_node_t *node)
{
    uint32_t    i;
    wa_err_t    rc;
    wa_node_t  *child;

    node->content = WA_CONTENT_NODES;

    for (i = 0; i < n; i++) {

        /* Allocated one by one: the count is only a claim so far. */

        child = wa_arena_calloc(r->arena, 1, sizeof(*child));
        if (child == NULL) {
            return WA_ERR_NOMEM;
        }

        rc = wa_node_read(r, depth + 1, child);
        if (rc != WA_OK) {
            return rc;
        }

        wa_node_add(r->arena, node, child);
    }

    return WA_OK;
}


static wa_err_t
wa_node_read_content(wa_node_rd_t *r, unsigned depth, wa_node_t *node)
{
    uint8_t   tag;
    uint32_t  n;

    if (!wa_rd_u8(&r->rd, &tag)) {
        return WA_ERR_SYNTAX;
    }

    switch (tag) {

    case WA_TAG_LIST_EMPTY:
    case WA_TAG_LIST_8:
    case WA_TAG_LIST_16:

        if (!wa_node_read_list(r, tag, &n)) {
            return WA_ERR_SYNTAX;
        }

        return wa_node_read_children(r, n, depth, node);

    case WA_TAG_BINARY_8:
    case WA_TAG_BINARY_20:
    case WA_TAG_BINARY_32:
        node->content = WA_CONTENT_BYTES;
        return wa_node_read_binary(r, tag, &node->bytes);

    default:
        node->content = WA_CONTENT_TEXT;
        return wa_node_read_string(r, tag, &node->bytes);
    }
}


static wa_err_t
wa_node_read_attrs(wa_node_rd_t *r, uint32_t n, wa_node_t *node)
{
    uint32_t  i;
    wa_err_t  rc;

    if (n > WA_NODE_ATTRS_MAX) {
        return WA_ERR_LIMIT;
    }

    if (n == 0) {
        return WA_OK;
    }

    /* A key and a value are at least one byte each. */

    if (2 * (size_t) n > wa_rd_left(&r->rd)) {
        return WA_ERR_SYNTAX;
    }

    node->attrs = wa_arena_calloc(r->arena, n, sizeof(wa_attr_t));
    if (node->attrs == NULL) {
        return WA_ERR_NOMEM;
    }

    node->cap_attrs = n;

    for (i = 0; i < n; i++) {

        rc = wa_node_read_next(r, &node->attrs[i].key);
        if (rc != WA_OK) {
            return rc;
        }

        rc = wa_node_read_next(r, &node->attrs[i].value);
        if (rc != WA_OK) {
            return rc;
        }

        node->n_attrs++;
    }

    return WA_OK;
}


static wa_err_t
wa_node_read(wa_node_rd_t *r, unsigned depth, wa_node_t *node)
{
    uint8_t   tag;
    uint32_t  size;
    wa_err_t  rc;

    if (depth > WA_NODE_DEPTH_MAX || r->nodes >= WA_NODE_TOTAL_MAX) {
        return WA_ERR_LIMIT;
    }

    r->nodes++;

    if (!wa_rd_u8(&r->rd, &tag)
        || !wa_node_read_list(r, tag, &size)
        || size == 0)
    {
        return WA_ERR_SYNTAX;
    }

    rc = wa_node_read_next(r, &node->tag);
    if (rc != WA_OK) {
        return rc;
    }

    if (node->tag.n == 0) {
        return WA_ERR_SYNTAX;
    }

    rc = wa_node_read_attrs(r, (size - 1) / 2, node);
    if (rc != WA_OK) {
        return rc;
    }

    if (size % 2 != 0) {
        return WA_OK;
    }

    return wa_node_read_content(r, depth, node);
}


wa_err_t
wa_node_decode(wa_span_t in, wa_arena_t *arena, wa_node_t **node)
{
    wa_err_t      rc;
    wa_node_t    *root;
    wa_node_rd_t  r;

    r.rd = wa_rd(in);
    r.arena = arena;
    r.nodes = 0;

    root = wa_arena_calloc(arena, 1, sizeof(*root));
    if (root == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = wa_node_read(&r, 1, root);
    if (rc != WA_OK) {
        return rc;
    }

    if (wa_rd_left(&r.rd) != 0) {
        return WA_ERR_SYNTAX;
    }

    *node = root;

    return WA_OK;
}


wa_err_t
wa_node_unpack(wa_span_t frame_plain, wa_arena_t *arena, wa_node_t **node)
{
    wa_rd_t    rd;
    uint8_t    flags;
    wa_buf_t   inflated = WA_BUF_EMPTY;
    wa_err_t   rc;
    wa_span_t  body;

    rd = wa_rd(frame_plain);

    if (!wa_rd_u8(&rd, &flags)) {
        return WA_ERR_SYNTAX;
    }

    body = wa_span(rd.p, wa_rd_left(&rd));

    if (flags & WA_FLAG_ZLIB) {

        rc = wa_inflate(body, WA_INFLATE_MAX, &inflated);
        if (rc == WA_OK) {
            rc = wa_arena_dup_span(arena, wa_span_buf(&inflated), &body);
        }

        wa_buf_wipe(&inflated);

        if (rc != WA_OK) {
            return rc;
        }
    }

    return wa_node_decode(body, arena, node);
}
