/*
 * protobuf-c on an arena, bounded.
 *
 * protobuf-c recurses per nested message and allocates per field, so the
 * input is walked once beforehand, guided by the descriptor, and refused when
 * it is too deep or has too many fields.
 *
 * Strings in unpacked messages end at their first NUL byte and are not
 * checked to be UTF-8: whoever turns them into JSON has to.
 */

#ifndef WA_PB_H
#define WA_PB_H

#include <protobuf-c/protobuf-c.h>

#include "wa_base.h"
#include "wa_limits.h"
#include "wa_mem.h"


typedef struct {
    size_t    bytes;            /* input size */
    uint32_t  depth;            /* nested messages */
    uint32_t  fields;           /* all levels together */
} wa_pb_limits_t;

/*
 * Unpacks into arena memory; the result needs no free and may point into
 * `in` nowhere (protobuf-c copies).  limits NULL: WA_PB_*_MAX.
 * WA_ERR_SYNTAX, WA_ERR_LIMIT, WA_ERR_NOMEM: *out untouched.
 */
wa_err_t wa_pb_unpack(const ProtobufCMessageDescriptor *desc, wa_span_t in,
    wa_arena_t *arena, const wa_pb_limits_t *limits, ProtobufCMessage **out);

/* Appends the packed message.  WA_ERR_LIMIT above WA_PB_BYTES_MAX. */
wa_err_t wa_pb_pack(const ProtobufCMessage *msg, wa_buf_t *out);

/*
 * The same without casts at the call: WA_PB_UNPACK(wa__message__descriptor,
 * in, arena, &msg) with Wa__Message *msg; WA_PB_PACK(msg, out).
 */
#define WA_PB_UNPACK(desc, in, arena, out)                                    \
    wa_pb_unpack(&(desc), (in), (arena), NULL,                                \
        (ProtobufCMessage **) (void *) (out))
#define WA_PB_PACK(msg, out)  wa_pb_pack(&(msg)->base, (out))


/* A borrowed view of a bytes field, and the other way round. */
static inline wa_span_t
wa_pb_span(const ProtobufCBinaryData *b)
{
    return wa_span(b->data, b->len);
}


/* protobuf-c's struct is not const-correct: packing does not write. */
static inline ProtobufCBinaryData
wa_pb_bytes(wa_span_t s)
{
    ProtobufCBinaryData  b;

    b.len = s.n;
    b.data = (uint8_t *) (uintptr_t) s.p;

    return b;
}


#endif /* WA_PB_H */
