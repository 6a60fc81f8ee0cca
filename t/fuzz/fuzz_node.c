/*
 * WABinary: whatever decodes must encode, and the encoding must be stable:
 * decode(encode(x)) = x.
 */

#include "fuzz.h"

#include "wa_node_codec.h"


/* Smaller than in production: the fuzzer's time goes to shapes, not sizes. */
#define FUZZ_ARENA_MAX  (8u * 1024 * 1024)


static void
fuzz_read(const wa_node_t *node)
{
    wa_jid_t          jid;
    int64_t           i;
    uint64_t          u;
    const wa_node_t  *child;

    (void) wa_node_attr_jid(node, "from", &jid);
    (void) wa_node_attr_u64(node, "t", &u);
    (void) wa_node_attr_i64(node, "id", &i);
    (void) wa_node_content(node);

    for (child = wa_node_first(node); child != NULL; child = child->next) {
        fuzz_read(child);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wa_wr_t      w;
    uint8_t     *in;
    wa_buf_t     first = WA_BUF_EMPTY;
    wa_buf_t     second = WA_BUF_EMPTY;
    wa_buf_t     text = WA_BUF_EMPTY;
    wa_err_t     rc;
    wa_node_t   *node;
    wa_arena_t   arena;

    wa_arena_init(&arena, 0);
    wa_arena_set_limit(&arena, FUZZ_ARENA_MAX);
    in = wa_fuzz_copy(data, size);

    rc = wa_node_unpack(wa_span(in, size), &arena, &node);

    if (rc != WA_OK) {
        wa_fuzz_check(rc == WA_ERR_SYNTAX || rc == WA_ERR_LIMIT
                      || rc == WA_ERR_NOMEM);
        goto done;
    }

    fuzz_read(node);

    wa_wr_init(&w, &text, 4096);
    wa_node_dump(node, &w);
    wa_fuzz_check(w.err == WA_OK || w.err == WA_ERR_LIMIT);

    rc = wa_node_pack(node, &first);
    wa_fuzz_check(rc == WA_OK || rc == WA_ERR_LIMIT);

    if (rc == WA_OK) {
        rc = wa_node_unpack(wa_span_buf(&first), &arena, &node);

        /* twice the tree may be more than the arena allows */

        wa_fuzz_check(rc == WA_OK || rc == WA_ERR_NOMEM);
    }

    if (rc == WA_OK) {
        wa_fuzz_check(wa_node_pack(node, &second) == WA_OK);
        wa_fuzz_check(wa_span_eq(wa_span_buf(&first), wa_span_buf(&second)));
    }

done:

    free(in);
    wa_buf_free(&first);
    wa_buf_free(&second);
    wa_buf_free(&text);
    wa_arena_free(&arena);

    return 0;
}
