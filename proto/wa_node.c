/* The node tree: getters, builder, debug dump. */

#include "wa_limits.h"
#include "wa_node.h"


/* Attributes of an ordinary stanza; the array doubles beyond. */
#define WA_NODE_ATTRS_MIN  6u

/* Longest attribute value that a dump shows. */
#define WA_NODE_DUMP_VALUE  64u


bool
wa_node_is(const wa_node_t *node, const char *tag)
{
    return node != NULL && wa_span_eq_str(node->tag, tag);
}


static wa_attr_t *
wa_node_find(const wa_node_t *node, const char *key)
{
    uint32_t  i;

    if (node == NULL) {
        return NULL;
    }

    for (i = 0; i < node->n_attrs; i++) {
        if (wa_span_eq_str(node->attrs[i].key, key)) {
            return &node->attrs[i];
        }
    }

    return NULL;
}


wa_span_t
wa_node_attr(const wa_node_t *node, const char *key)
{
    const wa_attr_t  *attr;

    attr = wa_node_find(node, key);

    return (attr != NULL) ? attr->value : wa_span_none();
}


bool
wa_node_attr_is(const wa_node_t *node, const char *key, const char *value)
{
    wa_span_t  s;

    s = wa_node_attr(node, key);

    return s.p != NULL && wa_span_eq_str(s, value);
}


bool
wa_node_attr_jid(const wa_node_t *node, const char *key, wa_jid_t *out)
{
    wa_span_t  s;

    s = wa_node_attr(node, key);

    return s.n != 0 && wa_jid_parse(s, out) == WA_OK;
}


bool
wa_node_attr_u64(const wa_node_t *node, const char *key, uint64_t *out)
{
    return wa_span_u64(wa_node_attr(node, key), out);
}


bool
wa_node_attr_i64(const wa_node_t *node, const char *key, int64_t *out)
{
    return wa_span_i64(wa_node_attr(node, key), out);
}


wa_node_t *
wa_node_first(const wa_node_t *node)
{
    return (node != NULL) ? node->first : NULL;
}


static wa_node_t *
wa_node_search(wa_node_t *node, const char *tag)
{
    while (node != NULL && !wa_span_eq_str(node->tag, tag)) {
        node = node->next;
    }

    return node;
}


wa_node_t *
wa_node_child(const wa_node_t *node, const char *tag)
{
    return wa_node_search(wa_node_first(node), tag);
}


wa_node_t *
wa_node_sibling(const wa_node_t *child, const char *tag)
{
    return (child != NULL) ? wa_node_search(child->next, tag) : NULL;
}


wa_node_t *
wa_node_child_at(const wa_node_t *node, size_t i)
{
    wa_node_t  *child;

    child = wa_node_first(node);

    while (child != NULL && i > 0) {
        child = child->next;
        i--;
    }

    return child;
}


wa_span_t
wa_node_content(const wa_node_t *node)
{
    if (node == NULL
        || (node->content != WA_CONTENT_BYTES
            && node->content != WA_CONTENT_TEXT))
    {
        return wa_span_none();
    }

    return node->bytes;
}


wa_span_t
wa_node_child_content(const wa_node_t *node, const char *tag)
{
    return wa_node_content(wa_node_child(node, tag));
}


wa_node_t *
wa_node_new(wa_arena_t *a, const char *tag)
{
    wa_node_t  *node;

    node = wa_arena_calloc(a, 1, sizeof(*node));
    if (node != NULL) {
        node->tag = wa_span_str(tag);
    }

    return node;
}


wa_node_t *
wa_node_iq(wa_arena_t *a, const char *type, const char *xmlns)
{
    wa_node_t  *iq;

    iq = wa_node_new(a, "iq");
    wa_node_set_str(a, iq, "to", "s.whatsapp.net");
    wa_node_set_str(a, iq, "type", type);
    wa_node_set_str(a, iq, "xmlns", xmlns);

    return iq;
}


void
wa_node_fail(wa_node_t *node, wa_err_t err)
{
    if (node != NULL && node->err == WA_OK) {
        node->err = err;
    }
}


void
wa_node_set(wa_arena_t *a, wa_node_t *node, const char *key, wa_span_t value)
{
    uint32_t    cap;
    wa_attr_t  *attr, *grown;

    if (node == NULL || value.n == 0) {
        return;
    }

    attr = wa_node_find(node, key);
    if (attr != NULL) {
        attr->value = value;
        return;
    }

    if (node->n_attrs >= WA_NODE_ATTRS_MAX) {
        wa_node_fail(node, WA_ERR_LIMIT);
        return;
    }

    if (node->n_attrs == node->cap_attrs) {
        cap = (node->n_attrs != 0) ? 2 * node->n_attrs : WA_NODE_ATTRS_MIN;

        grown = wa_arena_calloc(a, cap, sizeof(*grown));
        if (grown == NULL) {
            wa_node_fail(node, WA_ERR_NOMEM);
            return;
        }

        if (node->n_attrs != 0) {
            memcpy(grown, node->attrs, node->n_attrs * sizeof(*grown));
        }

        node->attrs = grown;
        node->cap_attrs = cap;
    }

    attr = &node->attrs[node->n_attrs++];
    attr->key = wa_span_str(key);
    attr->value = value;
}


void
wa_node_set_str(wa_arena_t *a, wa_node_t *node, const char *key,
    const char *value)
{
    wa_node_set(a, node, key, wa_span_str(value));
}


static void
wa_node_set_copy(wa_arena_t *a, wa_node_t *node, const char *key,
    wa_span_t value)
{
    wa_span_t  copy;

    if (node == NULL) {
        return;
    }

    if (wa_arena_dup_span(a, value, &copy) != WA_OK) {
        wa_node_fail(node, WA_ERR_NOMEM);
        return;
    }

    wa_node_set(a, node, key, copy);
}


void
wa_node_set_u64(wa_arena_t *a, wa_node_t *node, const char *key,
    uint64_t value)
{
    size_t  n;
    char    text[20];               /* digits of 2^64 - 1 */

    n = sizeof(text);

    do {
        text[--n] = (char) ('0' + value % 10);
        value /= 10;
    } while (value != 0);

    wa_node_set_copy(a, node, key, wa_span(text + n, sizeof(text) - n));
}


void
wa_node_set_jid(wa_arena_t *a, wa_node_t *node, const char *key,
    const wa_jid_t *jid)
{
    char    text[WA_JID_TEXT_MAX];
    size_t  n;

    n = wa_jid_format(jid, text, sizeof(text));
    if (n == 0) {
        wa_node_fail(node, WA_ERR_ARG);
        return;
    }

    wa_node_set_copy(a, node, key, wa_span(text, n));
}


void
wa_node_add(wa_arena_t *a, wa_node_t *parent, wa_node_t *child)
{
    (void) a;

    if (parent == NULL) {
        return;
    }

    if (child == NULL) {
        wa_node_fail(parent, WA_ERR_NOMEM);
        return;
    }

    /* A node has one parent, and not both children and text. */

    if (child->next != NULL || parent->last == child || parent == child) {
        wa_node_fail(parent, WA_ERR_ARG);
        return;
    }

    if (parent->content != WA_CONTENT_NONE
        && parent->content != WA_CONTENT_NODES)
    {
        wa_node_fail(parent, WA_ERR_STATE);
        return;
    }

    if (parent->n_nodes >= WA_NODE_LIST_MAX) {
        wa_node_fail(parent, WA_ERR_LIMIT);
        return;
    }

    parent->content = WA_CONTENT_NODES;

    if (parent->last == NULL) {
        parent->first = child;

    } else {
        parent->last->next = child;
    }

    parent->last = child;
    parent->n_nodes++;

    wa_node_fail(parent, child->err);
}


wa_node_t *
wa_node_add_new(wa_arena_t *a, wa_node_t *parent, const char *tag)
{
    wa_node_t  *child;

    child = wa_node_new(a, tag);
    wa_node_add(a, parent, child);

    return child;
}


static void
wa_node_put(wa_node_t *node, wa_content_e content, wa_span_t bytes)
{
    if (node == NULL) {
        return;
    }

    if (node->content == WA_CONTENT_NODES) {
        wa_node_fail(node, WA_ERR_STATE);
        return;
    }

    node->content = content;
    node->bytes = bytes;
}


void
wa_node_bytes(wa_node_t *node, wa_span_t bytes)
{
    wa_node_put(node, WA_CONTENT_BYTES, bytes);
}


void
wa_node_text(wa_node_t *node, wa_span_t text)
{
    wa_node_put(node, WA_CONTENT_TEXT, text);
}


static wa_err_t
wa_node_check(const wa_node_t *node, unsigned depth)
{
    wa_err_t          rc;
    const wa_node_t  *child;

    if (node->err != WA_OK) {
        return node->err;
    }

    if (depth > WA_NODE_DEPTH_MAX) {
        return WA_ERR_LIMIT;
    }

    for (child = node->first; child != NULL; child = child->next) {

        rc = wa_node_check(child, depth + 1);
        if (rc != WA_OK) {
            return rc;
        }
    }

    return WA_OK;
}


wa_err_t
wa_node_ok(const wa_node_t *root)
{
    return (root != NULL) ? wa_node_check(root, 1) : WA_ERR_NOMEM;
}


static void
wa_node_dump_text(wa_wr_t *w, wa_span_t s)
{
    size_t   i;
    uint8_t  c;

    if (s.n > WA_NODE_DUMP_VALUE) {
        wa_wr_str(w, "[");
        wa_wr_dec(w, s.n);
        wa_wr_str(w, "]");
        return;
    }

    for (i = 0; i < s.n; i++) {
        c = s.p[i];
        wa_wr_u8(w, (c < 0x20 || c == 0x7f || c == '"') ? '?' : c);
    }
}


static void
wa_node_dump_at(const wa_node_t *node, wa_wr_t *w, unsigned depth)
{
    uint32_t          i;
    const wa_node_t  *child;

    wa_wr_str(w, "<");
    wa_node_dump_text(w, node->tag);

    for (i = 0; i < node->n_attrs; i++) {
        wa_wr_str(w, " ");
        wa_node_dump_text(w, node->attrs[i].key);
        wa_wr_str(w, "=\"");
        wa_node_dump_text(w, node->attrs[i].value);
        wa_wr_str(w, "\"");
    }

    switch (node->content) {

    case WA_CONTENT_BYTES:
    case WA_CONTENT_TEXT:
        wa_wr_str(w, ">[");
        wa_wr_dec(w, node->bytes.n);
        wa_wr_str(w, "]</");
        break;

    case WA_CONTENT_NODES:
        wa_wr_str(w, ">");

        for (child = node->first; child != NULL; child = child->next) {

            if (w->err != WA_OK || depth >= WA_NODE_DEPTH_MAX) {
                break;
            }

            wa_node_dump_at(child, w, depth + 1);
        }

        wa_wr_str(w, "</");
        break;

    default:
        wa_wr_str(w, "/>");
        return;
    }

    wa_node_dump_text(w, node->tag);
    wa_wr_str(w, ">");
}


void
wa_node_dump(const wa_node_t *node, wa_wr_t *w)
{
    if (node != NULL) {
        wa_node_dump_at(node, w, 1);
    }
}
