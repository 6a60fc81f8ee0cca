/*
 * The bytes of WABinary; private to wa_node_decode.c and wa_node_encode.c.
 *
 *     node    = list header (size), tag, size-1 strings, [content]
 *     size    = 1 + 2 * attributes + (content ? 1 : 0)
 *     content = list of nodes | bytes | string
 *
 * A string is a token, packed digits, raw bytes or an address; the parts of
 * an address are strings that are not addresses themselves, so strings never
 * nest deeper than one level.
 */

#ifndef WA_NODE_CODEC_INT_H
#define WA_NODE_CODEC_INT_H


/* Tag bytes; below WA_TAG_DICT they are single-byte tokens. */
enum {
    WA_TAG_LIST_EMPTY = 0,
    WA_TAG_DICT       = 236,        /* ..239 */
    WA_TAG_INTEROP    = 245,
    WA_TAG_FB         = 246,
    WA_TAG_AD         = 247,
    WA_TAG_LIST_8     = 248,
    WA_TAG_LIST_16    = 249,
    WA_TAG_PAIR       = 250,
    WA_TAG_HEX        = 251,
    WA_TAG_BINARY_8   = 252,
    WA_TAG_BINARY_20  = 253,
    WA_TAG_BINARY_32  = 254,
    WA_TAG_NIBBLE     = 255
};

/* AD_JID domain byte. */
enum {
    WA_DOMAIN_PN         = 0,
    WA_DOMAIN_LID        = 1,
    WA_DOMAIN_HOSTED     = 128,
    WA_DOMAIN_HOSTED_LID = 129
};

#define WA_PACKED_ODD   0x80u
#define WA_PACKED_LEN   0x7fu
#define WA_FLAG_ZLIB    0x02u
#define WA_BINARY_8     (1u << 8)
#define WA_BINARY_20    (1u << 20)


#endif /* WA_NODE_CODEC_INT_H */
