/*
 * Every limit of proto/, each with its reason.  A value above its limit is
 * WA_ERR_LIMIT, never a crash or an unbounded allocation.
 */

#ifndef WA_LIMITS_H
#define WA_LIMITS_H


/* The length field of a protocol frame has 24 bits. */
#define WA_FRAME_MAX            ((1u << 24) - 1)

/*
 * Frames before the peer is authenticated: a server hello with its two
 * certificates is below 512 bytes, padding fields may enlarge it.
 */
#define WA_FRAME_HANDSHAKE_MAX  (64u * 1024)

/* Routing info is an opaque blob of some ten bytes; u24 on the wire. */
#define WA_ROUTING_INFO_MAX     1024u

/*
 * Stanzas of all known kinds nest below 10 levels.  The decoder recurses once
 * per level, so this is also what bounds its stack.
 */
#define WA_NODE_DEPTH_MAX       32u

/* LIST_16 carries a 16-bit count. */
#define WA_NODE_LIST_MAX        65535u

/* Attributes of one node: the richest known stanza has fewer than 40. */
#define WA_NODE_ATTRS_MAX       256u

/*
 * Nodes in one stanza.  The largest legal ones are usync results and
 * participating-group lists: thousands of users with a few children each.
 */
#define WA_NODE_TOTAL_MAX       262144u

/* Memory of one stanza's tree (arena bound used with the two above). */
#define WA_STANZA_ARENA_MAX     (96u * 1024 * 1024)

/* Packed strings store their length in seven bits, in bytes. */
#define WA_PACKED_MAX           127u

/* Inflated stanza: the same bound as an uncompressed one. */
#define WA_INFLATE_MAX          (1u << 24)

/* User part of a JID: group ids are the longest known ones (up to 31). */
#define WA_JID_USER_MAX         63u

/* user + integrator + device + longest server name + separators + NUL. */
#define WA_JID_TEXT_MAX         104u

/*
 * Protobuf: quotedMessage chains nest two levels per quote; real messages
 * stay below 20.  protobuf-c recurses once per level.
 */
#define WA_PB_DEPTH_MAX         64u

/* Fields in one protobuf message, nested ones included. */
#define WA_PB_FIELDS_MAX        131072u

/* A message plaintext cannot exceed the frame that carried it. */
#define WA_PB_BYTES_MAX         WA_FRAME_MAX

/* Answer to the WebSocket upgrade request, status line and headers. */
#define WA_WS_RESPONSE_MAX      8192u

/* One WebSocket frame: a protocol frame with its header and then some. */
#define WA_WS_FRAME_MAX         (32u * 1024 * 1024)

/* RFC 6455 5.5: payload of ping, pong and close. */
#define WA_WS_CONTROL_MAX       125u

/* ADV blobs are below 200 bytes; the official client accepts 1..500. */
#define WA_ADV_MAX              500u

/* HKDF-SHA256 yields at most 255 blocks (RFC 5869 2.3). */
#define WA_HKDF_MAX             (255u * 32)

/* Header of an arena chunk plus its first objects fit a 4 KiB page. */
#define WA_ARENA_CHUNK          4000u


#endif /* WA_LIMITS_H */
