/* Protobuf: samples against their JSON, bounds, allocation. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "message.pb-c.h"

#include "wa_failmem.h"
#include "wa_pb.h"
#include "wa_vectors.h"


/* -- a message compared with its JSON description -------------------------- */

/* extendedTextMessage -> extended_text_message; fileSha256 -> file_sha256 */
static void
snake(const char *camel, char *out, size_t cap)
{
    size_t  n;

    for (n = 0; *camel != '\0' && n + 2 < cap; camel++) {
        if (*camel >= 'A' && *camel <= 'Z') {
            out[n++] = '_';
            out[n++] = (char) (*camel | 0x20);

        } else {
            out[n++] = *camel;
        }
    }

    out[n] = '\0';
}


static void assert_message_is(const ProtobufCMessage *msg, json_t *want);


static void
assert_bytes_are(const ProtobufCBinaryData *b, json_t *want)
{
    size_t   i;
    json_t  *byte;

    want = wa_vectors_get(want, "data");
    assert_int_equal(b->len, json_array_size(want));

    json_array_foreach(want, i, byte) {
        assert_int_equal(b->data[i], json_integer_value(byte));
    }
}


/* 64-bit numbers are text in the JSON, enumerations are names. */
static void
assert_number_is(int64_t v, json_t *want)
{
    if (json_is_string(want)) {
        assert_int_equal(v, strtoll(json_string_value(want), NULL, 10));

    } else {
        assert_int_equal(v, json_integer_value(want));
    }
}


static void
assert_enum_is(const ProtobufCFieldDescriptor *f, int v, json_t *want)
{
    const ProtobufCEnumValue  *e;

    e = protobuf_c_enum_descriptor_get_value(f->descriptor, v);
    assert_non_null(e);
    assert_string_equal(e->name, json_string_value(want));
}


static void
assert_value_is(const ProtobufCFieldDescriptor *f, const void *p,
    json_t *want)
{
    switch (f->type) {

    case PROTOBUF_C_TYPE_MESSAGE:
        assert_non_null(*(ProtobufCMessage *const *) p);
        assert_message_is(*(ProtobufCMessage *const *) p, want);
        break;

    case PROTOBUF_C_TYPE_STRING:
        assert_string_equal(*(char *const *) p, json_string_value(want));
        break;

    case PROTOBUF_C_TYPE_BYTES:
        assert_bytes_are(p, want);
        break;

    case PROTOBUF_C_TYPE_BOOL:
        assert_int_equal(*(const protobuf_c_boolean *) p,
                         json_is_true(want));
        break;

    case PROTOBUF_C_TYPE_ENUM:
        assert_enum_is(f, *(const int *) p, want);
        break;

    case PROTOBUF_C_TYPE_DOUBLE:
        assert_true(*(const double *) p == json_number_value(want));
        break;

    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        assert_number_is(*(const int64_t *) p, want);
        break;

    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        assert_number_is(*(const uint32_t *) p, want);
        break;

    default:
        fail_msg("field type %d", (int) f->type);
    }
}


static size_t
element_size(const ProtobufCFieldDescriptor *f)
{
    switch (f->type) {

    case PROTOBUF_C_TYPE_MESSAGE:
    case PROTOBUF_C_TYPE_STRING:
        return sizeof(void *);

    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);

    default:
        return 4;
    }
}


static void
assert_field_is(const ProtobufCMessage *msg, const char *key, json_t *want)
{
    char         name[128];
    size_t       i;
    json_t      *item;
    const char  *base, *list;

    const ProtobufCFieldDescriptor  *f;

    snake(key, name, sizeof(name));

    f = protobuf_c_message_descriptor_get_field_by_name(msg->descriptor,
                                                        name);
    if (f == NULL) {
        fail_msg("%s has no field %s", msg->descriptor->name, name);
        return;
    }

    base = (const char *) msg;

    if (f->label != PROTOBUF_C_LABEL_REPEATED) {

        if (f->quantifier_offset != 0) {
            assert_int_equal(*(const protobuf_c_boolean *) (const void *)
                             (base + f->quantifier_offset), 1);
        }

        assert_value_is(f, base + f->offset, want);
        return;
    }

    assert_int_equal(*(const size_t *) (const void *)
                     (base + f->quantifier_offset), json_array_size(want));
    list = *(const char *const *) (const void *) (base + f->offset);

    json_array_foreach(want, i, item) {
        assert_value_is(f, list + i * element_size(f), item);
    }
}


static void
assert_message_is(const ProtobufCMessage *msg, json_t *want)
{
    json_t      *value;
    const char  *key;

    json_object_foreach(want, key, value) {
        assert_field_is(msg, key, value);
    }

    assert_int_equal(msg->n_unknown_fields, 0);
}


static void
samples_match_vectors(void **state)
{
    size_t             i, n;
    json_t            *c;
    wa_buf_t           out = WA_BUF_EMPTY;
    wa_span_t          in;
    wa_arena_t         arena;
    wa_vectors_t       v;
    ProtobufCMessage  *msg;

    (void) state;

    wa_vectors_open(&v, "protobuf.json");
    wa_arena_init(&arena, 0);
    n = 0;

    json_array_foreach(wa_vectors_get(v.root, "samples"), i, c) {

        if (strcmp(wa_vectors_str(c, "type"), "Message") != 0) {
            continue;
        }

        print_message("%s\n", wa_vectors_str(c, "name"));
        n++;

        in = wa_vectors_hex(&v, c, "hex");
        assert_int_equal(wa_pb_unpack(&wa__message__descriptor, in, &arena,
                                      NULL, &msg), WA_OK);
        assert_message_is(msg, wa_vectors_get(c, "json"));

        out.n = 0;
        assert_int_equal(wa_pb_pack(msg, &out), WA_OK);
        assert_true(wa_span_eq(wa_span_buf(&out), in));

        wa_arena_reset(&arena);
    }

    assert_true(n >= 17);

    wa_buf_free(&out);
    wa_arena_free(&arena);
    wa_vectors_close(&v);
}


/* What a newer client adds must survive, not break. */
static void
unknown_fields_are_kept(void **state)
{
    wa_buf_t      out = WA_BUF_EMPTY;
    wa_arena_t    arena;
    Wa__Message  *msg;

    /* conversation "hi", field 2000 varint, field 2001 bytes, 2002 fixed64 */
    static const uint8_t  in[] = {
        0x0a, 2, 'h', 'i',
        0x80, 0x7d, 0x05,
        0x8a, 0x7d, 2, 0xff, 0xfe,
        0x91, 0x7d, 1, 2, 3, 4, 5, 6, 7, 8
    };

    (void) state;

    wa_arena_init(&arena, 0);

    assert_int_equal(WA_PB_UNPACK(wa__message__descriptor,
                                  wa_span(in, sizeof(in)), &arena, &msg),
                     WA_OK);
    assert_string_equal(msg->conversation, "hi");
    assert_int_equal(msg->base.n_unknown_fields, 3);
    assert_int_equal(WA_PB_PACK(msg, &out), WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&out), wa_span(in, sizeof(in))));

    assert_int_equal(WA_PB_UNPACK(wa__message__descriptor, wa_span_none(),
                                  &arena, &msg), WA_OK);
    assert_null(msg->conversation);
    out.n = 0;
    assert_int_equal(WA_PB_PACK(msg, &out), WA_OK);
    assert_int_equal(out.n, 0);

    wa_buf_free(&out);
    wa_arena_free(&arena);
}


/* ephemeralMessage{message{ephemeralMessage{...}}}, `levels` times. */
static void
nest(wa_buf_t *b, size_t levels)
{
    size_t    i, k;
    uint8_t   head[8];
    size_t    n;
    wa_buf_t  outer = WA_BUF_EMPTY;

    static const uint8_t  keys[2][2] = { { 0x0a, 0 }, { 0xc2, 0x02 } };

    assert_int_equal(wa_buf_append_str(b, "\x0a\x01x"), WA_OK);

    for (i = 0; i < 2 * levels; i++) {
        n = 0;
        head[n++] = keys[i % 2][0];

        if (i % 2 == 1) {
            head[n++] = keys[1][1];
        }

        for (k = b->n; k > 0x7f; k >>= 7) {
            head[n++] = (uint8_t) (0x80 | (k & 0x7f));
        }

        head[n++] = (uint8_t) k;

        outer.n = 0;
        assert_int_equal(wa_buf_append(&outer, head, n), WA_OK);
        assert_int_equal(wa_buf_append_span(&outer, wa_span_buf(b)), WA_OK);
        wa_buf_move(b, &outer);
    }
}


static void
depth_fields_and_size_are_bounded(void **state)
{
    size_t             i;
    wa_buf_t           b = WA_BUF_EMPTY;
    wa_arena_t         arena;
    Wa__Message       *msg;
    wa_pb_limits_t     limits;
    ProtobufCMessage  *out;

    (void) state;

    wa_arena_init(&arena, 0);

    nest(&b, (WA_PB_DEPTH_MAX - 1) / 2);
    assert_int_equal(WA_PB_UNPACK(wa__message__descriptor, wa_span_buf(&b),
                                  &arena, &msg), WA_OK);
    nest(&b, 0);
    wa_buf_free(&b);
    nest(&b, WA_PB_DEPTH_MAX / 2 + 1);
    msg = NULL;
    assert_int_equal(WA_PB_UNPACK(wa__message__descriptor, wa_span_buf(&b),
                                  &arena, &msg), WA_ERR_LIMIT);
    assert_null(msg);

    wa_buf_free(&b);
    nest(&b, 1000);
    assert_int_equal(WA_PB_UNPACK(wa__message__descriptor, wa_span_buf(&b),
                                  &arena, &msg), WA_ERR_LIMIT);

    b.n = 0;

    for (i = 0; i < 100; i++) {
        assert_int_equal(wa_buf_append_str(&b, "\x0a\x01x"), WA_OK);
    }

    limits.bytes = 300;
    limits.depth = 1;
    limits.fields = 100;

    assert_int_equal(wa_pb_unpack(&wa__message__descriptor, wa_span_buf(&b),
                                  &arena, &limits, &out), WA_OK);
    limits.fields = 99;
    assert_int_equal(wa_pb_unpack(&wa__message__descriptor, wa_span_buf(&b),
                                  &arena, &limits, &out), WA_ERR_LIMIT);
    limits.fields = 100;
    limits.bytes = 299;
    assert_int_equal(wa_pb_unpack(&wa__message__descriptor, wa_span_buf(&b),
                                  &arena, &limits, &out), WA_ERR_LIMIT);

    wa_arena_free(&arena);
    wa_arena_set_limit(&arena, 64);
    assert_int_equal(WA_PB_UNPACK(wa__message__descriptor, wa_span_buf(&b),
                                  &arena, &msg), WA_ERR_NOMEM);

    wa_buf_free(&b);
    wa_arena_free(&arena);
}


static void
malformed_messages_are_refused(void **state)
{
    size_t        i;
    wa_arena_t    arena;
    Wa__Message  *msg;

    static const struct {
        const char  *what;
        const char  *bytes;
        size_t       n;
    } bad[] = {
        { "length past the end", "\x0a\x05xy", 4 },
        { "huge length", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10 },
        { "length of 65 bits", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
          11 },
        { "key without value", "\x0a", 1 },
        { "unfinished key", "\x80", 1 },
        { "group", "\x0b\x0c", 2 },
        { "wire type 6", "\x0e", 1 },
        { "field 0", "\x02\x00", 2 },
        { "field 0 in two bytes", "\x82\x00\x00", 3 },
        { "field 2^29", "\x80\x80\x80\x80\x10\x00", 6 },
        { "short fixed32", "\x15\x01\x02", 3 },
        { "short fixed64", "\x11\x01\x02", 3 },
        { "bad message inside", "\x32\x02\x0a\x05", 4 },
        { "text where a message belongs", "\x32\x01x", 3 }
    };

    (void) state;

    wa_arena_init(&arena, 0);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        msg = NULL;

        if (WA_PB_UNPACK(wa__message__descriptor,
                         wa_span(bad[i].bytes, bad[i].n), &arena, &msg)
            != WA_ERR_SYNTAX)
        {
            fail_msg("accepted: %s", bad[i].what);
        }

        assert_null(msg);
    }

    wa_arena_free(&arena);
}


static wa_err_t
pb_scenario(void *data)
{
    wa_buf_t       out = WA_BUF_EMPTY;
    wa_err_t       rc;
    wa_arena_t     arena;
    Wa__Message   *msg;

    wa_arena_init(&arena, 64);

    rc = WA_PB_UNPACK(wa__message__descriptor, *(wa_span_t *) data, &arena,
                      &msg);
    if (rc == WA_OK) {
        rc = WA_PB_PACK(msg, &out);

    } else {
        assert_int_equal(rc, WA_ERR_NOMEM);
    }

    wa_buf_free(&out);
    wa_arena_free(&arena);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    size_t        i;
    json_t       *c;
    wa_span_t     in;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "protobuf.json");

    json_array_foreach(wa_vectors_get(v.root, "samples"), i, c) {

        if (strcmp(wa_vectors_str(c, "type"), "Message") == 0) {
            in = wa_vectors_hex(&v, c, "hex");
            WA_FAILMEM_RUN(pb_scenario, &in);
        }
    }

    wa_vectors_close(&v);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(samples_match_vectors),
        cmocka_unit_test(unknown_fields_are_kept),
        cmocka_unit_test(depth_fields_and_size_are_bounded),
        cmocka_unit_test(malformed_messages_are_refused),
        cmocka_unit_test(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
