/*
 * The node tree: what a stanza is once decoded, or before it is encoded.
 *
 *     <iq id="7" to="@s.whatsapp.net">          tag, attrs
 *         <count/>                              content: child nodes,
 *     </iq>                                     or text, or bytes, or none
 *
 * Nodes live in an arena and die with it.  Children are a singly linked list:
 *
 *     for (c = node->first; c != NULL; c = c->next) { ... }
 *
 * A decoded tree also points into the bytes it was decoded from.  Getters
 * never fail: an absent attribute is a span with p == NULL, an absent child
 * is NULL, and every getter accepts a NULL node, so that look-ups can be
 * chained.
 */

#ifndef WA_NODE_H
#define WA_NODE_H

#include "wa_base.h"
#include "wa_jid.h"
#include "wa_mem.h"
#include "wa_wr.h"


typedef enum {
    WA_CONTENT_NONE = 0,
    WA_CONTENT_NODES,           /* first..next; may be empty */
    WA_CONTENT_BYTES,           /* always written as BINARY_x */
    WA_CONTENT_TEXT             /* written as a string: tokens, packing */
} wa_content_e;

typedef struct {
    wa_span_t  key;
    wa_span_t  value;           /* text; an address is in its text form */
} wa_attr_t;

typedef struct wa_node_s  wa_node_t;

struct wa_node_s {
    wa_span_t      tag;
    wa_attr_t     *attrs;
    uint32_t       n_attrs;
    uint32_t       cap_attrs;   /* builder's business */
    wa_content_e   content;
    wa_err_t       err;         /* builder: first error below this node */
    uint32_t       n_nodes;
    wa_node_t     *first;
    wa_node_t     *last;
    wa_node_t     *next;        /* next sibling */
    wa_span_t      bytes;       /* WA_CONTENT_BYTES and WA_CONTENT_TEXT */
};


/* -- reading -------------------------------------------------------------- */

bool wa_node_is(const wa_node_t *node, const char *tag);

wa_span_t wa_node_attr(const wa_node_t *node, const char *key);
bool wa_node_attr_is(const wa_node_t *node, const char *key,
    const char *value);

/* False when absent or not a valid value; *out is then untouched. */
bool wa_node_attr_jid(const wa_node_t *node, const char *key, wa_jid_t *out);
bool wa_node_attr_u64(const wa_node_t *node, const char *key, uint64_t *out);
bool wa_node_attr_i64(const wa_node_t *node, const char *key, int64_t *out);

/* The first child, the first child with this tag, the i-th child. */
wa_node_t *wa_node_first(const wa_node_t *node);
wa_node_t *wa_node_child(const wa_node_t *node, const char *tag);
wa_node_t *wa_node_child_at(const wa_node_t *node, size_t i);

/* The next sibling of `child` with this tag. */
wa_node_t *wa_node_sibling(const wa_node_t *child, const char *tag);

/* Text or bytes of a node (of its child `tag`); p == NULL when none. */
wa_span_t wa_node_content(const wa_node_t *node);
wa_span_t wa_node_child_content(const wa_node_t *node, const char *tag);


/* -- building ------------------------------------------------------------- */

/*
 * Errors are sticky and travel up: a failed call marks its node, and
 * wa_node_add() marks the parent.  wa_node_new() may return NULL; every
 * builder call accepts NULL (and wa_node_add() of a NULL child marks the
 * parent), so a whole tree is checked once: wa_node_ok(root).
 * Strings given as const char * (tags, keys, wa_node_set_str values) and
 * spans are NOT copied, they must live as long as the arena: literals, or
 * wa_arena_dup_span().  wa_node_set_jid() and the number setters copy.
 * An empty value is not written at all: the attribute is left out, as the
 * official client does.
 */
wa_node_t *wa_node_new(wa_arena_t *a, const char *tag);

/* <iq to=s.whatsapp.net type xmlns>, still without its id. */
wa_node_t *wa_node_iq(wa_arena_t *a, const char *type, const char *xmlns);

void wa_node_set(wa_arena_t *a, wa_node_t *node, const char *key,
    wa_span_t value);
void wa_node_set_str(wa_arena_t *a, wa_node_t *node, const char *key,
    const char *value);
void wa_node_set_u64(wa_arena_t *a, wa_node_t *node, const char *key,
    uint64_t value);
void wa_node_set_jid(wa_arena_t *a, wa_node_t *node, const char *key,
    const wa_jid_t *jid);

/* Content.  The last of bytes/text wins; a node with children keeps them. */
void wa_node_add(wa_arena_t *a, wa_node_t *parent, wa_node_t *child);
void wa_node_bytes(wa_node_t *node, wa_span_t bytes);
void wa_node_text(wa_node_t *node, wa_span_t text);

/* wa_node_new() + wa_node_add(). */
wa_node_t *wa_node_add_new(wa_arena_t *a, wa_node_t *parent,
    const char *tag);

/* Marks the node with an error of the caller's own. */
void wa_node_fail(wa_node_t *node, wa_err_t err);

/* WA_OK, or the first error below root: WA_ERR_NOMEM, _LIMIT, _ARG, _STATE. */
wa_err_t wa_node_ok(const wa_node_t *root);


/*
 * XML-like text for debug logs.  Content is shown by its length only, and so
 * are attribute values of more than 64 bytes; control characters are shown
 * as '?'.  Stops at the writer's bound.
 */
void wa_node_dump(const wa_node_t *node, wa_wr_t *w);


#endif /* WA_NODE_H */
