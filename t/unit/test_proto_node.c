/* Node tree and WABinary: vectors, builder, hostile input, allocation. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <zlib.h>

#include <cmocka.h>

#include "wa_crypto.h"
#include "wa_failmem.h"
#include "wa_inflate.h"
#include "wa_limits.h"
#include "wa_node.h"
#include "wa_node_codec.h"
#include "wa_vectors.h"


/* -- a node from its JSON description -------------------------------------- */

static wa_span_t
json_span(wa_vectors_t *v, json_t *s)
{
    wa_span_t  out;

    /* jansson keeps the text as long as the document lives */

    (void) v;
    out = wa_span(json_string_value(s), json_string_length(s));
    assert_non_null(out.p);

    return out;
}


static wa_node_t *
json_node(wa_vectors_t *v, json_t *from)
{
    size_t       i;
    json_t      *value;
    wa_node_t   *node;
    const char  *key;

    node = wa_node_new(&v->arena, wa_vectors_str(from, "tag"));

    json_object_foreach(wa_vectors_get(from, "attrs"), key, value) {
        wa_node_set(&v->arena, node, key, json_span(v, value));
    }

    if (wa_vectors_has(from, "bytes_hex")) {
        wa_node_bytes(node, wa_vectors_hex(v, from, "bytes_hex"));
    }

    if (wa_vectors_has(from, "text")) {
        wa_node_text(node, json_span(v, wa_vectors_get(from, "text")));
    }

    if (wa_vectors_has(from, "children")) {
        node->content = WA_CONTENT_NODES;

        json_array_foreach(wa_vectors_get(from, "children"), i, value) {
            wa_node_add(&v->arena, node, json_node(v, value));
        }
    }

    assert_int_equal(wa_node_ok(node), WA_OK);

    return node;
}


/* Text and bytes are compared alike: bytes that are UTF-8 decode to text. */
static void
assert_node_is(const wa_node_t *node, wa_vectors_t *v, json_t *want)
{
    size_t       i;
    json_t      *value;
    wa_span_t    s;
    wa_node_t   *child;
    const char  *key;

    assert_true(wa_node_is(node, wa_vectors_str(want, "tag")));
    assert_int_equal(node->n_attrs,
                     json_object_size(wa_vectors_get(want, "attrs")));

    json_object_foreach(wa_vectors_get(want, "attrs"), key, value) {
        s = wa_node_attr(node, key);
        assert_non_null(s.p);
        assert_true(wa_span_eq(s, json_span(v, value)));
    }

    if (wa_vectors_has(want, "bytes_hex")) {
        assert_true(wa_span_eq(wa_node_content(node),
                               wa_vectors_hex(v, want, "bytes_hex")));

    } else if (wa_vectors_has(want, "text")) {
        assert_true(wa_span_eq(wa_node_content(node),
                    json_span(v, wa_vectors_get(want, "text"))));

    } else if (wa_vectors_has(want, "children")) {
        assert_int_equal(node->content, WA_CONTENT_NODES);
        assert_int_equal(node->n_nodes,
                         json_array_size(wa_vectors_get(want, "children")));
        child = wa_node_first(node);

        json_array_foreach(wa_vectors_get(want, "children"), i, value) {
            assert_node_is(child, v, value);
            child = child->next;
        }

    } else {
        assert_int_equal(node->content, WA_CONTENT_NONE);
    }
}


static void
assert_round_trip(wa_span_t packed)
{
    wa_buf_t    again = WA_BUF_EMPTY;
    wa_node_t  *node;
    wa_arena_t  arena;

    wa_arena_init(&arena, 0);

    assert_int_equal(wa_node_unpack(packed, &arena, &node), WA_OK);
    assert_int_equal(wa_node_pack(node, &again), WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&again), packed));

    wa_arena_free(&arena);
    wa_buf_free(&again);
}


static void
encodings_match_vectors(void **state)
{
    size_t        i, n;
    json_t       *c;
    uint8_t       digest[32], *fill;
    wa_buf_t      out = WA_BUF_EMPTY;
    wa_span_t     want, whole;
    wa_node_t    *node;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "wabinary.json");

    json_array_foreach(wa_vectors_get(v.root, "encode"), i, c) {
        print_message("%s\n", wa_vectors_str(c, "name"));

        node = json_node(&v, wa_vectors_get(c, "node"));
        out.n = 0;

        if (wa_vectors_has(c, "node.content_fill")) {
            n = (size_t) wa_vectors_int(c, "node.content_fill.count");
            fill = wa_arena_alloc(&v.arena, n);
            assert_non_null(fill);
            memset(fill, 0xab, n);
            wa_node_bytes(node, wa_span(fill, n));

            assert_int_equal(wa_node_pack(node, &out), WA_OK);
            assert_int_equal(out.n, wa_vectors_int(c, "encoded_length"));
            whole = wa_span_buf(&out);
            assert_int_equal(wa_sha256(&whole, 1, digest), WA_OK);
            assert_memory_equal(digest, wa_vectors_hex(&v, c,
                                                "encoded_sha256").p, 32);
            assert_round_trip(whole);
            continue;
        }

        want = wa_vectors_hex(&v, c, "encoded_hex");

        /* the builder leaves empty attributes out, the wire may have them */

        if (strncmp(wa_vectors_str(c, "name"), "empty string", 12) != 0) {
            assert_int_equal(wa_node_pack(node, &out), WA_OK);

            if (!wa_span_eq(wa_span_buf(&out), want)) {
                fail_msg("%s", wa_vectors_str(c, "name"));
            }
        }

        assert_int_equal(wa_node_unpack(want, &v.arena, &node), WA_OK);
        assert_node_is(node, &v, wa_vectors_get(c, "decoded"));
        assert_round_trip(want);
    }

    assert_true(i >= 27);

    wa_buf_free(&out);
    wa_vectors_close(&v);
}


static void
other_forms_decode(void **state)
{
    size_t        i;
    json_t       *c;
    wa_buf_t      out = WA_BUF_EMPTY;
    wa_node_t    *node;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "wabinary.json");

    json_array_foreach(wa_vectors_get(v.root, "decode_only"), i, c) {
        print_message("%s\n", wa_vectors_str(c, "name"));
        assert_int_equal(wa_node_unpack(wa_vectors_hex(&v, c, "hex"),
                                        &v.arena, &node), WA_OK);
        assert_node_is(node, &v, wa_vectors_get(c, "decoded"));
    }

    json_array_foreach(wa_vectors_get(v.root, "compressed"), i, c) {
        print_message("%s\n", wa_vectors_str(c, "name"));
        out.n = 0;
        assert_int_equal(wa_node_unpack(wa_vectors_hex(&v, c, "hex"),
                                        &v.arena, &node), WA_OK);
        assert_int_equal(wa_node_pack(node, &out), WA_OK);
        assert_true(wa_span_eq(wa_span_buf(&out),
                    wa_vectors_hex(&v, c, "same_as_uncompressed_hex")));
    }

    assert_int_equal(i, 2);

    json_array_foreach(wa_vectors_get(v.root, "errors"), i, c) {
        print_message("%s\n", wa_vectors_str(c, "name"));
        node = NULL;
        assert_int_equal(wa_node_unpack(wa_vectors_hex(&v, c, "hex"),
                                        &v.arena, &node), WA_ERR_SYNTAX);
        assert_null(node);
    }

    assert_int_equal(i, 4);

    wa_buf_free(&out);
    wa_vectors_close(&v);
}


/* Every cut and every changed byte of every vector: an answer, no crash. */
static void
damaged_nodes_never_crash(void **state)
{
    size_t        i, k;
    json_t       *c;
    uint8_t      *copy;
    wa_err_t      rc;
    wa_span_t     in;
    wa_node_t    *node;
    wa_arena_t    arena;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "wabinary.json");
    wa_arena_init(&arena, 0);

    json_array_foreach(wa_vectors_get(v.root, "encode"), i, c) {

        if (!wa_vectors_has(c, "encoded_hex")) {
            continue;
        }

        in = wa_vectors_hex(&v, c, "encoded_hex");

        if (in.n > 600) {
            continue;
        }

        for (k = 0; k < in.n; k++) {
            copy = malloc(in.n);
            assert_non_null(copy);

            memcpy(copy, in.p, k);
            copy = realloc(copy, k != 0 ? k : 1);
            assert_int_equal(wa_node_unpack(wa_span(copy, k), &arena, &node),
                             WA_ERR_SYNTAX);
            free(copy);

            copy = malloc(in.n + 1);
            assert_non_null(copy);
            memcpy(copy, in.p, in.n);

            for (copy[k] = 0; copy[k] < 255; copy[k]++) {
                rc = wa_node_unpack(wa_span(copy, in.n), &arena, &node);
                assert_true(rc == WA_OK || rc == WA_ERR_SYNTAX
                            || rc == WA_ERR_LIMIT);
            }

            free(copy);
            wa_arena_reset(&arena);
        }

        copy = malloc(in.n + 1);
        assert_non_null(copy);
        memcpy(copy, in.p, in.n);
        copy[in.n] = 0;
        assert_int_equal(wa_node_unpack(wa_span(copy, in.n + 1), &arena,
                                        &node), WA_ERR_SYNTAX);
        free(copy);
    }

    wa_arena_free(&arena);
    wa_vectors_close(&v);
}


static void
depth_and_counts_are_bounded(void **state)
{
    size_t       i, n;
    uint8_t     *deep;
    wa_node_t   *node, *top;
    wa_arena_t   arena;
    wa_buf_t     out = WA_BUF_EMPTY;

    static const uint8_t  level[] = { 0xf8, 2, 25, 0xf8, 1 };
    static const uint8_t  leaf[] = { 0xf8, 1, 25 };

    /* an address inside an address would recurse */
    static const uint8_t  nested[] = {
        0, 0xf8, 3, 25, 8, 0xfa, 0xfa, 0, 3, 3
    };

    (void) state;

    wa_arena_init(&arena, 0);

    for (n = WA_NODE_DEPTH_MAX - 1; n <= 100000;
         n = (n < WA_NODE_DEPTH_MAX) ? n + 1 : n * 50)
    {
        deep = malloc(n * sizeof(level) + sizeof(leaf));
        assert_non_null(deep);

        for (i = 0; i < n; i++) {
            memcpy(deep + i * sizeof(level), level, sizeof(level));
        }

        memcpy(deep + n * sizeof(level), leaf, sizeof(leaf));

        assert_int_equal(wa_node_decode(wa_span(deep, n * sizeof(level)
                                                      + sizeof(leaf)),
                                        &arena, &node),
                         n < WA_NODE_DEPTH_MAX ? WA_OK : WA_ERR_LIMIT);
        free(deep);
        wa_arena_reset(&arena);
    }

    assert_int_equal(wa_node_unpack(wa_span(nested, sizeof(nested)), &arena,
                                    &node), WA_ERR_SYNTAX);

    /* the same bound holds for what we build */

    top = wa_node_new(&arena, "a");

    for (i = 0; i < WA_NODE_DEPTH_MAX; i++) {
        node = wa_node_new(&arena, "a");
        wa_node_add(&arena, node, top);
        top = node;
    }

    assert_int_equal(wa_node_ok(top), WA_ERR_LIMIT);
    assert_int_equal(wa_node_pack(top, &out), WA_ERR_LIMIT);
    assert_int_equal(out.n, 0);
    assert_int_equal(wa_node_pack(top->first, &out), WA_OK);

    /* an arena bound is an error like any other */

    wa_arena_free(&arena);
    wa_arena_set_limit(&arena, 64);
    assert_int_equal(wa_node_decode(wa_span(leaf, 3), &arena, &node),
                     WA_ERR_NOMEM);

    wa_arena_free(&arena);
    wa_buf_free(&out);
}


static void
inflation_is_bounded(void **state)
{
    uLongf     n;
    uint8_t   *big, *packed;
    size_t     size, k;
    wa_buf_t   out = WA_BUF_EMPTY;

    (void) state;

    size = 1u << 20;
    n = compressBound(size);
    big = calloc(1, size);
    packed = malloc(n + 1);
    assert_non_null(big);
    assert_non_null(packed);
    assert_int_equal(compress(packed, &n, big, size), Z_OK);

    assert_int_equal(wa_buf_append_str(&out, "x"), WA_OK);

    assert_int_equal(wa_inflate(wa_span(packed, n), size, &out), WA_OK);
    assert_int_equal(out.n, size + 1);
    assert_memory_equal(out.p + 1, big, size);

    out.n = 1;
    assert_int_equal(wa_inflate(wa_span(packed, n), size - 1, &out),
                     WA_ERR_LIMIT);
    assert_int_equal(out.n, 1);
    assert_int_equal(wa_inflate(wa_span(packed, n), 0, &out), WA_ERR_LIMIT);

    for (k = 0; k < n; k++) {
        assert_int_equal(wa_inflate(wa_span(packed, k), size, &out),
                         WA_ERR_SYNTAX);
        assert_int_equal(out.n, 1);
    }

    packed[n] = 0;
    assert_int_equal(wa_inflate(wa_span(packed, n + 1), size, &out),
                     WA_ERR_SYNTAX);
    packed[n - 1] ^= 1;
    assert_int_equal(wa_inflate(wa_span(packed, n), size, &out),
                     WA_ERR_SYNTAX);
    assert_int_equal(wa_inflate(wa_span_none(), size, &out), WA_ERR_SYNTAX);

    n = compressBound(0);
    assert_int_equal(compress(packed, &n, big, 0), Z_OK);
    assert_int_equal(wa_inflate(wa_span(packed, n), 0, &out), WA_OK);
    assert_int_equal(out.n, 1);

    free(big);
    free(packed);
    wa_buf_free(&out);
}


static void
getters_accept_what_is_not_there(void **state)
{
    int64_t      s;
    uint64_t     u;
    wa_jid_t     j;
    wa_node_t   *iq, *list;
    wa_arena_t   a;

    (void) state;

    wa_arena_init(&a, 0);

    iq = wa_node_new(&a, "iq");
    wa_node_set_str(&a, iq, "id", "77");
    wa_node_set_str(&a, iq, "off", "-5");
    wa_node_set_u64(&a, iq, "t", UINT64_MAX);
    wa_node_set_str(&a, iq, "from", "1:2@lid");
    list = wa_node_add_new(&a, iq, "list");
    wa_node_text(wa_node_add_new(&a, list, "item"), wa_span_str("one"));
    wa_node_add_new(&a, list, "other");
    wa_node_text(wa_node_add_new(&a, list, "item"), wa_span_str("two"));

    assert_int_equal(wa_node_ok(iq), WA_OK);
    assert_true(wa_node_is(iq, "iq"));
    assert_false(wa_node_is(iq, "i"));
    assert_true(wa_node_attr_is(iq, "id", "77"));
    assert_false(wa_node_attr_is(iq, "id", "7"));
    assert_false(wa_node_attr_is(iq, "none", ""));
    assert_true(wa_node_attr_u64(iq, "id", &u) && u == 77);
    assert_true(wa_node_attr_u64(iq, "t", &u) && u == UINT64_MAX);
    assert_true(wa_node_attr_i64(iq, "off", &s) && s == -5);
    assert_false(wa_node_attr_u64(iq, "off", &u));
    assert_false(wa_node_attr_u64(iq, "none", &u));
    assert_true(wa_node_attr_jid(iq, "from", &j) && j.device == 2);
    assert_false(wa_node_attr_jid(iq, "id", &j));

    assert_ptr_equal(wa_node_child(iq, "list"), list);
    assert_true(wa_span_eq_str(wa_node_child_content(list, "item"), "one"));
    assert_true(wa_span_eq_str(wa_node_content(
                wa_node_sibling(wa_node_child(list, "item"), "item")),
                "two"));
    assert_true(wa_node_is(wa_node_child_at(list, 1), "other"));
    assert_null(wa_node_child_at(list, 3));
    assert_null(wa_node_sibling(wa_node_child_at(list, 2), "item"));
    assert_null(wa_node_content(iq).p);

    /* a chain of look-ups through nothing */

    assert_null(wa_node_child(wa_node_child(iq, "no"), "no"));
    assert_null(wa_node_child_content(wa_node_child(iq, "no"), "no").p);
    assert_null(wa_node_attr(NULL, "id").p);
    assert_null(wa_node_first(NULL));
    assert_null(wa_node_sibling(NULL, "x"));
    assert_false(wa_node_is(NULL, "iq"));
    assert_false(wa_node_attr_jid(NULL, "id", &j));

    wa_arena_free(&a);
}


static void
builder_errors_reach_the_root(void **state)
{
    size_t       i;
    wa_jid_t     nobody;
    wa_buf_t     out = WA_BUF_EMPTY;
    wa_node_t   *root, *child;
    wa_arena_t   a;

    static char  names[WA_NODE_ATTRS_MAX + 1][8];

    (void) state;

    wa_arena_init(&a, 0);
    memset(&nobody, 0, sizeof(nobody));

    /* an error below the root, made after the child was added */

    root = wa_node_new(&a, "iq");
    child = wa_node_add_new(&a, root, "list");
    wa_node_set_jid(&a, child, "jid", &nobody);
    assert_int_equal(wa_node_ok(root), WA_ERR_ARG);
    assert_int_equal(wa_node_pack(root, &out), WA_ERR_ARG);
    assert_int_equal(out.n, 0);

    /* setting again replaces; empty values are left out */

    root = wa_node_new(&a, "iq");
    wa_node_set_str(&a, root, "id", "1");
    wa_node_set_str(&a, root, "id", "2");
    wa_node_set_str(&a, root, "x", "");
    assert_int_equal(root->n_attrs, 1);
    assert_true(wa_node_attr_is(root, "id", "2"));

    /* text and children exclude each other, a child has one parent */

    wa_node_text(root, wa_span_str("t"));
    wa_node_bytes(root, wa_span_str("b"));
    assert_int_equal(root->content, WA_CONTENT_BYTES);
    wa_node_add_new(&a, root, "child");
    assert_int_equal(wa_node_ok(root), WA_ERR_STATE);

    root = wa_node_new(&a, "iq");
    child = wa_node_add_new(&a, root, "list");
    wa_node_text(root, wa_span_str("t"));
    assert_int_equal(wa_node_ok(root), WA_ERR_STATE);

    root = wa_node_new(&a, "iq");
    wa_node_add(&a, root, child);
    wa_node_add(&a, root, child);
    assert_int_equal(wa_node_ok(root), WA_ERR_ARG);

    root = wa_node_new(&a, "iq");
    wa_node_add(&a, root, root);
    assert_int_equal(wa_node_ok(root), WA_ERR_ARG);

    root = wa_node_new(&a, "iq");
    wa_node_fail(root, WA_ERR_NO_SESSION);
    wa_node_fail(root, WA_ERR_NOMEM);
    assert_int_equal(wa_node_ok(root), WA_ERR_NO_SESSION);

    for (i = 0; i <= WA_NODE_ATTRS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "k%zu", i);
    }

    root = wa_node_new(&a, "iq");

    for (i = 0; i < WA_NODE_ATTRS_MAX; i++) {
        wa_node_set_str(&a, root, names[i], "v");
    }

    assert_int_equal(wa_node_pack(root, &out), WA_OK);
    assert_round_trip(wa_span_buf(&out));
    wa_node_set_str(&a, root, names[i], "v");
    assert_int_equal(wa_node_ok(root), WA_ERR_LIMIT);

    root = wa_node_new(&a, "");
    assert_int_equal(wa_node_pack(root, &out), WA_ERR_ARG);

    /* a builder without memory */

    wa_arena_free(&a);
    wa_arena_set_limit(&a, 0);
    assert_null(wa_node_new(&a, "iq"));
    assert_int_equal(wa_node_ok(NULL), WA_ERR_NOMEM);
    assert_int_equal(wa_node_pack(NULL, &out), WA_ERR_NOMEM);
    wa_node_set_str(&a, NULL, "a", "b");
    wa_node_set_u64(&a, NULL, "a", 1);
    wa_node_text(NULL, wa_span_str("t"));
    wa_node_add(&a, NULL, NULL);
    wa_node_fail(NULL, WA_ERR_ARG);

    wa_arena_free(&a);
    wa_buf_free(&out);
}


/* Strings that look like addresses, but would not come back the same. */
static void
odd_strings_come_back_unchanged(void **state)
{
    size_t       i;
    wa_buf_t     out = WA_BUF_EMPTY;
    wa_node_t   *node, *back;
    wa_arena_t   a;

    static const char *const  odd[] = {
        "1:0@lid", "1:00@lid", "1:01@s.whatsapp.net", "1:300@lid",
        "1:5@g.us", "a@b", "@", "a@", "@lid", "x@y@lid", "1@lid ",
        "a b@lid", "1:65535@hosted", "user@elsewhere.org", "@s.whatsapp.net",
        "@g.us", "s.whatsapp.net", "1-", "-", ".", "0", "A", "G", "a",
        "1@c.us", "1:2@c.us", "0-x@interop", "00-x@interop", "5-a:9@interop",
        "1:70000@lid", "1@msgr", "1:1@bot",
        "1234567890123456789012345678901234567890123456789012345678901234@lid"
    };

    (void) state;

    wa_arena_init(&a, 0);

    for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        out.n = 0;

        node = wa_node_new(&a, "x");
        wa_node_set_str(&a, node, "k", odd[i]);
        wa_node_text(node, wa_span_str(odd[i]));

        assert_int_equal(wa_node_pack(node, &out), WA_OK);
        assert_int_equal(wa_node_unpack(wa_span_buf(&out), &a, &back), WA_OK);

        if (!wa_node_attr_is(back, "k", odd[i])
            || !wa_span_eq_str(wa_node_content(back), odd[i]))
        {
            fail_msg("\"%s\" became \"%.*s\"", odd[i],
                     (int) wa_node_attr(back, "k").n,
                     (const char *) wa_node_attr(back, "k").p);
        }
    }

    wa_arena_free(&a);
    wa_buf_free(&out);
}


static void
dumps_hide_content(void **state)
{
    char         value[100];
    wa_wr_t      w;
    wa_buf_t     out = WA_BUF_EMPTY;
    wa_node_t   *iq;
    wa_arena_t   a;

    (void) state;

    wa_arena_init(&a, 0);
    memset(value, 'v', sizeof(value));

    iq = wa_node_new(&a, "iq");
    wa_node_set_str(&a, iq, "id", "a\"\n\x7f");
    wa_node_set(&a, iq, "long", wa_span(value, sizeof(value)));
    wa_node_bytes(wa_node_add_new(&a, iq, "enc"), wa_span(value, 100));
    wa_node_add_new(&a, iq, "count");

    wa_wr_init(&w, &out, 1000);
    wa_node_dump(iq, &w);
    wa_node_dump(NULL, &w);
    assert_int_equal(w.err, WA_OK);
    assert_true(wa_span_eq_str(wa_span_buf(&out),
        "<iq id=\"a???\" long=\"[100]\"><enc>[100]</enc><count/></iq>"));

    wa_wr_init(&w, &out, 10);
    wa_node_dump(iq, &w);
    assert_int_equal(w.err, WA_ERR_LIMIT);

    wa_arena_free(&a);
    wa_buf_free(&out);
}


static wa_err_t
node_scenario(void *data)
{
    wa_err_t     rc;
    wa_jid_t     jid;
    wa_buf_t     out = WA_BUF_EMPTY;
    wa_node_t   *iq, *back, *list;
    wa_arena_t   a;

    wa_arena_init(&a, 128);

    iq = wa_node_new(&a, "iq");
    wa_node_set_u64(&a, iq, "t", 1763690000);

    rc = wa_jid_parse(wa_span_str("100000012345678:3@lid"), &jid);
    wa_node_set_jid(&a, iq, "to", &jid);
    list = wa_node_add_new(&a, iq, "list");
    wa_node_bytes(wa_node_add_new(&a, list, "enc"), wa_span_str("bytes"));

    if (rc == WA_OK) {
        rc = wa_node_pack(iq, &out);
    }

    if (rc == WA_OK) {
        rc = wa_node_unpack(wa_span_buf(&out), &a, &back);
    }

    if (rc == WA_OK) {
        rc = wa_node_unpack(*(wa_span_t *) data, &a, &back);
    }

    wa_buf_free(&out);
    wa_arena_free(&a);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    wa_span_t     in;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "wabinary.json");
    in = wa_vectors_hex(&v, v.root, "compressed.0.hex");

    WA_FAILMEM_RUN(node_scenario, &in);

    wa_vectors_close(&v);
}


static int
setup(void **state)
{
    (void) state;

    return wa_crypto_init() == WA_OK ? 0 : -1;
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(encodings_match_vectors),
        cmocka_unit_test(other_forms_decode),
        cmocka_unit_test(damaged_nodes_never_crash),
        cmocka_unit_test(depth_and_counts_are_bounded),
        cmocka_unit_test(inflation_is_bounded),
        cmocka_unit_test(getters_accept_what_is_not_there),
        cmocka_unit_test(builder_errors_reach_the_root),
        cmocka_unit_test(odd_strings_come_back_unchanged),
        cmocka_unit_test(dumps_hide_content),
        cmocka_unit_test(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
