/*
 * WABinary <-> node tree.
 *
 * One node is a list of 1 + 2 * attributes + (content ? 1 : 0) strings; tags
 * of the format are named in wa_node_codec_int.h.  Source: whatsmeow
 * binary/decoder.go, binary/encoder.go; vectors wabinary.json.
 */

#ifndef WA_NODE_CODEC_H
#define WA_NODE_CODEC_H

#include "wa_base.h"
#include "wa_mem.h"
#include "wa_node.h"


/*
 * Decodes exactly one node (no flag byte) from `in` into `arena`.
 * Returned spans point into `in`, into `arena` or into the token table; they
 * die with whichever goes first.
 * WA_AGAIN: never, a frame is complete.  WA_ERR_SYNTAX: not a node, or bytes
 * behind it.  WA_ERR_LIMIT: deeper, longer or more nodes than wa_limits.h
 * allows.  WA_ERR_NOMEM: arena full.  *node only on success.
 */
wa_err_t wa_node_decode(wa_span_t in, wa_arena_t *arena, wa_node_t **node);

/*
 * Decodes the plaintext of a frame: flag byte (bit 1: the rest is a zlib
 * stream), then one node.  Inflated bytes are placed in `arena`.
 * Errors as above; WA_ERR_LIMIT also for more than WA_INFLATE_MAX bytes.
 */
wa_err_t wa_node_unpack(wa_span_t frame_plain, wa_arena_t *arena,
    wa_node_t **node);

/*
 * Appends flag byte 00 and the encoded node to out, in the forms the official
 * client chooses: single token, double token, nibbles, hex, address, raw.
 * The error of a failed builder (wa_node_ok) is returned unchanged.
 * WA_ERR_LIMIT: deeper than WA_NODE_DEPTH_MAX, or over WA_FRAME_MAX bytes.
 * WA_ERR_ARG: a node without a tag.  After an error out is unchanged.
 */
wa_err_t wa_node_pack(const wa_node_t *node, wa_buf_t *out);


#endif /* WA_NODE_CODEC_H */
