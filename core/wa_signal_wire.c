/*
 * Both messages are: version byte, protobuf, and for msg a MAC.  Unknown
 * fields are stepped over (7 and 8 of a pkmsg exist in newer schemas), but
 * each must lie inside the input.
 */
#include "wa_rd.h"
#include "wa_signal_wire.h"


#define WIRE_VERSION       3        /* upper half of the version byte      */
#define WIRE_POINT_TYPE    0x05
#define WIRE_FIELD_MAX     16       /* known fields: 6; each once          */

#define WIRE_VARINT        0
#define WIRE_FIXED64       1
#define WIRE_BYTES         2
#define WIRE_FIXED32       5


typedef struct {
    uint32_t   number;
    uint32_t   kind;
    uint64_t   value;               /* WIRE_VARINT                         */
    wa_span_t  bytes;               /* WIRE_BYTES                          */
} wire_field_t;


static bool wire_version(wa_rd_t *r);
static bool wire_next(wa_rd_t *r, wire_field_t *f);
static bool wire_point(const wire_field_t *f);
static bool wire_u32(const wire_field_t *f, uint32_t *out);


wa_err_t
wa_pkmsg_parse(wa_span_t in, wa_pkmsg_t *out)
{
    bool          ok, has_signed;
    size_t        n;
    wa_rd_t       r;
    wa_pkmsg_t    m;
    wire_field_t  f;

    r = wa_rd(in);

    if (!wire_version(&r)) {
        return WA_ERR_SYNTAX;
    }

    memset(&m, 0, sizeof(m));
    has_signed = false;

    for (n = 0; wa_rd_left(&r) > 0; n++) {

        if (n == WIRE_FIELD_MAX || !wire_next(&r, &f)) {
            return WA_ERR_SYNTAX;
        }

        ok = true;

        switch (f.number) {

        case 1:
            m.has_prekey = true;
            ok = wire_u32(&f, &m.prekey_id);
            break;

        case 2:
            ok = wire_point(&f);
            m.base_key = f.bytes;
            break;

        case 3:
            ok = wire_point(&f);
            m.identity = f.bytes;
            break;

        case 4:
            ok = (f.kind == WIRE_BYTES);
            m.message = f.bytes;
            break;

        case 5:
            ok = wire_u32(&f, &m.registration_id);
            break;

        case 6:
            has_signed = true;
            ok = wire_u32(&f, &m.signed_id);
            break;

        default:
            break;
        }

        if (!ok) {
            return WA_ERR_SYNTAX;
        }
    }

    if (!has_signed || m.base_key.p == NULL || m.identity.p == NULL
        || m.message.p == NULL || wa_sigmsg_check(m.message) != WA_OK)
    {
        return WA_ERR_SYNTAX;
    }

    *out = m;

    return WA_OK;
}


wa_err_t
wa_sigmsg_check(wa_span_t in)
{
    bool          key, counter, body;
    size_t        n;
    wa_rd_t       r;
    uint32_t      v;
    wire_field_t  f;

    r = wa_rd(in);

    if (!wire_version(&r) || wa_rd_left(&r) <= WA_SIGNAL_MAC_LEN) {
        return WA_ERR_SYNTAX;
    }

    r.end -= WA_SIGNAL_MAC_LEN;
    key = false;
    counter = false;
    body = false;

    for (n = 0; wa_rd_left(&r) > 0; n++) {

        if (n == WIRE_FIELD_MAX || !wire_next(&r, &f)) {
            return WA_ERR_SYNTAX;
        }

        if (f.number == 1 && !wire_point(&f)) {
            return WA_ERR_SYNTAX;
        }

        if ((f.number == 2 || f.number == 3) && !wire_u32(&f, &v)) {
            return WA_ERR_SYNTAX;
        }

        if (f.number == 4 && f.kind != WIRE_BYTES) {
            return WA_ERR_SYNTAX;
        }

        key |= (f.number == 1);
        counter |= (f.number == 2);
        body |= (f.number == 4);
    }

    return key && counter && body ? WA_OK : WA_ERR_SYNTAX;
}


static bool
wire_version(wa_rd_t *r)
{
    uint8_t  version;

    return wa_rd_u8(r, &version) && version >> 4 == WIRE_VERSION;
}


static bool
wire_next(wa_rd_t *r, wire_field_t *f)
{
    uint64_t   tag, len;
    wa_span_t  skipped;

    if (!wa_rd_varint(r, &tag) || tag > UINT32_MAX || tag >> 3 == 0) {
        return false;
    }

    f->number = (uint32_t) (tag >> 3);
    f->kind = (uint32_t) (tag & 7);
    f->value = 0;
    f->bytes = wa_span_none();

    switch (f->kind) {

    case WIRE_VARINT:
        return wa_rd_varint(r, &f->value);

    case WIRE_FIXED64:
        return wa_rd_bytes(r, 8, &skipped);

    case WIRE_BYTES:
        return wa_rd_varint(r, &len) && len <= wa_rd_left(r)
               && wa_rd_bytes(r, (size_t) len, &f->bytes);

    case WIRE_FIXED32:
        return wa_rd_bytes(r, 4, &skipped);

    default:
        return false;               /* groups: in none of these schemas    */
    }
}


static bool
wire_point(const wire_field_t *f)
{
    return f->kind == WIRE_BYTES && f->bytes.n == WA_POINT_LEN
           && f->bytes.p[0] == WIRE_POINT_TYPE;
}


static bool
wire_u32(const wire_field_t *f, uint32_t *out)
{
    if (f->kind != WIRE_VARINT || f->value > UINT32_MAX) {
        return false;
    }

    *out = (uint32_t) f->value;

    return true;
}
