/* Bounded protobuf-c on an arena. */

#include "wa_pb.h"
#include "wa_rd.h"


enum {
    WA_WIRE_VARINT = 0,
    WA_WIRE_64     = 1,
    WA_WIRE_BYTES  = 2,
    WA_WIRE_32     = 5
};


/* Largest field number of the protobuf language. */
#define WA_PB_NUMBER_MAX  ((1u << 29) - 1)


typedef struct {
    wa_arena_t  *arena;
    bool         failed;
} wa_pb_alloc_t;

typedef struct {
    uint32_t  depth;
    uint32_t  fields;           /* still allowed */
} wa_pb_walk_t;


static void *
wa_pb_alloc(void *data, size_t size)
{
    void           *p;
    wa_pb_alloc_t  *a;

    a = data;

    p = wa_arena_alloc(a->arena, size);
    if (p == NULL) {
        a->failed = true;
    }

    return p;
}


/* The arena forgets everything at once. */
static void
wa_pb_release(void *data, void *p)
{
    (void) data;
    (void) p;
}


static const ProtobufCMessageDescriptor *
wa_pb_submessage(const ProtobufCMessageDescriptor *desc, uint64_t number)
{
    const ProtobufCFieldDescriptor  *field;

    field = protobuf_c_message_descriptor_get_field(desc, (unsigned) number);

    if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE) {
        return NULL;
    }

    return field->descriptor;
}


/*
 * Follows the structure without storing anything.  Recursion is bounded by
 * walk->depth, so it is safe where protobuf-c's own would not be.
 */
static wa_err_t
wa_pb_walk(const ProtobufCMessageDescriptor *desc, wa_span_t in,
    wa_pb_walk_t *walk, uint32_t depth)
{
    bool       ok;
    wa_rd_t    r;
    uint64_t   key, value;
    wa_err_t   rc;
    wa_span_t  body;

    const ProtobufCMessageDescriptor  *sub;

    if (depth > walk->depth) {
        return WA_ERR_LIMIT;
    }

    r = wa_rd(in);

    while (wa_rd_left(&r) != 0) {

        if (walk->fields-- == 0) {
            walk->fields = 0;
            return WA_ERR_LIMIT;
        }

        /*
         * Checked here: protobuf-c takes number 0 when its varint is longer
         * than needed, and would then write what it does not read.
         */

        if (!wa_rd_varint(&r, &key)
            || key >> 3 == 0
            || key >> 3 > WA_PB_NUMBER_MAX)
        {
            return WA_ERR_SYNTAX;
        }

        switch (key & 7) {

        case WA_WIRE_VARINT:
            ok = wa_rd_varint(&r, &value);
            break;

        case WA_WIRE_64:
            ok = wa_rd_bytes(&r, 8, &body);
            break;

        case WA_WIRE_32:
            ok = wa_rd_bytes(&r, 4, &body);
            break;

        case WA_WIRE_BYTES:
            ok = wa_rd_varint(&r, &value)
                 && value <= wa_rd_left(&r)
                 && wa_rd_bytes(&r, (size_t) value, &body);

            sub = ok ? wa_pb_submessage(desc, key >> 3) : NULL;

            if (sub != NULL) {

                rc = wa_pb_walk(sub, body, walk, depth + 1);
                if (rc != WA_OK) {
                    return rc;
                }
            }

            break;

        default:
            ok = false;         /* groups: not in any schema of ours */
        }

        if (!ok) {
            return WA_ERR_SYNTAX;
        }
    }

    return WA_OK;
}


wa_err_t
wa_pb_unpack(const ProtobufCMessageDescriptor *desc, wa_span_t in,
    wa_arena_t *arena, const wa_pb_limits_t *limits, ProtobufCMessage **out)
{
    static const wa_pb_limits_t  standard = {
        WA_PB_BYTES_MAX, WA_PB_DEPTH_MAX, WA_PB_FIELDS_MAX
    };
    static const uint8_t  empty;

    wa_err_t            rc;
    wa_pb_walk_t        walk;
    wa_pb_alloc_t       alloc;
    ProtobufCMessage   *msg;
    ProtobufCAllocator  allocator;

    if (limits == NULL) {
        limits = &standard;
    }

    if (in.n > limits->bytes) {
        return WA_ERR_LIMIT;
    }

    walk.depth = limits->depth;
    walk.fields = limits->fields;

    rc = wa_pb_walk(desc, in, &walk, 1);
    if (rc != WA_OK) {
        return rc;
    }

    alloc.arena = arena;
    alloc.failed = false;

    allocator.alloc = wa_pb_alloc;
    allocator.free = wa_pb_release;
    allocator.allocator_data = &alloc;

    msg = protobuf_c_message_unpack(desc, &allocator, in.n,
                                    in.n != 0 ? in.p : &empty);
    if (msg == NULL) {
        return alloc.failed ? WA_ERR_NOMEM : WA_ERR_SYNTAX;
    }

    *out = msg;

    return WA_OK;
}


wa_err_t
wa_pb_pack(const ProtobufCMessage *msg, wa_buf_t *out)
{
    size_t    n;
    wa_err_t  rc;

    n = protobuf_c_message_get_packed_size(msg);

    if (n > WA_PB_BYTES_MAX) {
        return WA_ERR_LIMIT;
    }

    if (n == 0) {
        return WA_OK;
    }

    rc = wa_buf_reserve(out, n);
    if (rc != WA_OK) {
        return rc;
    }

    out->n += protobuf_c_message_pack(msg, out->p + out->n);

    return WA_OK;
}
