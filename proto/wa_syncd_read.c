/*
 * Messages of app state, in pieces and in whole, see wa_syncd.h.  Their
 * fields are read by hand: protobuf-c wants a whole message in memory, and a
 * snapshot may have a hundred thousand records.
 */

#include "wa_limits.h"
#include "wa_rd.h"
#include "wa_syncd.h"
#include "wa_wr.h"


enum {
    WIRE_VARINT = 0,
    WIRE_64     = 1,
    WIRE_BYTES  = 2,
    WIRE_32     = 5
};

typedef struct {
    uint64_t   number;
    uint32_t   wire;
    uint64_t   value;                   /* WIRE_VARINT                     */
    wa_span_t  bytes;                   /* WIRE_BYTES                      */
} field_t;


static wa_err_t reader_field(wa_syncd_reader_t *r, const field_t *f,
    wa_syncd_record_t *record);
static wa_err_t reader_head(wa_syncd_reader_t *r, const field_t *f);
static wa_err_t mutation_read(wa_span_t in, wa_syncd_record_t *record);
static wa_err_t record_read(wa_span_t in, wa_syncd_record_t *record);
static wa_err_t recovery_head(wa_syncd_head_t *h, const field_t *f);
static wa_err_t plain_read(wa_span_t in, wa_syncd_record_t *record);
static bool only_bytes(wa_span_t in, wa_span_t *out);
static bool only_number(wa_span_t in, uint64_t *out);
static bool field_next(wa_rd_t *rd, field_t *f);
static bool mac_copy(wa_span_t in, uint8_t *out);
static size_t varint_len(uint64_t v);
static void put_varint(wa_wr_t *w, uint64_t v);
static void put_bytes(wa_wr_t *w, uint32_t number, wa_span_t s);
static size_t len_bytes(size_t n);
static void put_nested(wa_wr_t *w, uint32_t number, wa_span_t inner);


void
wa_syncd_reader_init(wa_syncd_reader_t *r, wa_syncd_form_e form)
{
    memset(r, 0, sizeof(*r));
    r->form = form;
}


void
wa_syncd_reader_free(wa_syncd_reader_t *r)
{
    wa_buf_wipe(&r->buf);
    wa_wipe(&r->head.blob, sizeof(r->head.blob));
    r->at = 0;
}


wa_err_t
wa_syncd_reader_feed(wa_syncd_reader_t *r, wa_span_t in)
{
    wa_buf_consume(&r->buf, r->at);
    r->at = 0;

    return wa_buf_append_span(&r->buf, in);
}


bool
wa_syncd_reader_ended(const wa_syncd_reader_t *r)
{
    return r->at == r->buf.n;
}


wa_err_t
wa_syncd_reader_next(wa_syncd_reader_t *r, wa_syncd_record_t *record)
{
    field_t   f;
    wa_rd_t   rd;
    wa_err_t  rc;

    for ( ;; ) {
        rd = wa_rd(wa_span(r->buf.p + r->at, r->buf.n - r->at));

        if (wa_rd_left(&rd) == 0) {
            return WA_AGAIN;
        }

        if (!field_next(&rd, &f)) {

            /* Cut off, or wrong: what is too long for a field is wrong. */

            return r->buf.n - r->at > WA_SYNCD_FIELD_MAX ? WA_ERR_LIMIT
                                                         : WA_AGAIN;
        }

        r->at = (size_t) (rd.p - r->buf.p);
        rc = reader_field(r, &f, record);

        if (rc != WA_AGAIN) {
            return rc;
        }
    }
}


/* WA_OK: a record.  WA_AGAIN: another field. */
static wa_err_t
reader_field(wa_syncd_reader_t *r, const field_t *f,
    wa_syncd_record_t *record)
{
    if (f->wire == WIRE_BYTES && f->bytes.n > WA_SYNCD_FIELD_MAX) {
        return WA_ERR_LIMIT;
    }

    switch (r->form) {

    case WA_SYNCD_MUTATIONS:
        return f->number == 1 && f->wire == WIRE_BYTES
               ? mutation_read(f->bytes, record) : WA_AGAIN;

    case WA_SYNCD_PATCH:
        return f->number == 2 && f->wire == WIRE_BYTES
               ? mutation_read(f->bytes, record) : reader_head(r, f);

    case WA_SYNCD_RECOVERY:
        return f->number == 3 && f->wire == WIRE_BYTES
               ? plain_read(f->bytes, record) : recovery_head(&r->head, f);

    default:
        record->op = WA_SYNCD_SET;
        return f->number == 2 && f->wire == WIRE_BYTES
               ? record_read(f->bytes, record) : reader_head(r, f);
    }
}


/* A snapshot's MAC and key are fields 3 and 4, a patch's 4, 5 and 6. */
static wa_err_t
reader_head(wa_syncd_reader_t *r, const field_t *f)
{
    bool              patch;
    wa_span_t         id;
    wa_syncd_head_t  *h;

    h = &r->head;
    patch = (r->form == WA_SYNCD_PATCH);

    if (f->wire != WIRE_BYTES) {
        return WA_AGAIN;
    }

    if (f->number == 1) {
        h->has_version = only_number(f->bytes, &h->version);
        return h->has_version ? WA_AGAIN : WA_ERR_SYNTAX;
    }

    if (f->number == (patch ? 4 : 3)) {
        h->has_snapshot_mac = mac_copy(f->bytes, h->snapshot_mac);
        return h->has_snapshot_mac ? WA_AGAIN : WA_ERR_SYNTAX;
    }

    if (f->number == (patch ? 6 : 4)) {

        if (!only_bytes(f->bytes, &id) || id.n == 0
            || id.n > sizeof(h->key_id))
        {
            return WA_ERR_SYNTAX;
        }

        memcpy(h->key_id, id.p, id.n);
        h->key_id_len = id.n;
        return WA_AGAIN;
    }

    if (!patch) {
        return WA_AGAIN;
    }

    if (f->number == 3) {
        h->has_blob = true;
        return wa_syncd_blob_read(f->bytes, &h->blob) == WA_OK
               ? WA_AGAIN : WA_ERR_SYNTAX;
    }

    if (f->number == 5) {
        h->has_patch_mac = mac_copy(f->bytes, h->patch_mac);
        return h->has_patch_mac ? WA_AGAIN : WA_ERR_SYNTAX;
    }

    h->has_exit |= (f->number == 7);

    return WA_AGAIN;
}


/* SyncdSnapshotRecovery: version, name and hash are fields 1, 2 and 4. */
static wa_err_t
recovery_head(wa_syncd_head_t *h, const field_t *f)
{
    if (f->wire != WIRE_BYTES) {
        return WA_AGAIN;
    }

    switch (f->number) {

    case 1:
        h->has_version = only_number(f->bytes, &h->version);
        return h->has_version ? WA_AGAIN : WA_ERR_SYNTAX;

    case 2:
        if (f->bytes.n == 0 || f->bytes.n > sizeof(h->name)) {
            return WA_ERR_SYNTAX;
        }

        memcpy(h->name, f->bytes.p, f->bytes.n);
        h->name_len = f->bytes.n;
        return WA_AGAIN;

    case 4:
        if (f->bytes.n != sizeof(h->hash)) {
            return WA_ERR_SYNTAX;
        }

        memcpy(h->hash, f->bytes.p, sizeof(h->hash));
        h->has_hash = true;
        return WA_AGAIN;

    default:
        return WA_AGAIN;
    }
}


/* SyncdPlainTextRecord: SyncActionData, key id and value MAC. */
static wa_err_t
plain_read(wa_span_t in, wa_syncd_record_t *record)
{
    field_t  f;
    wa_rd_t  rd;

    rd = wa_rd(in);
    record->op = WA_SYNCD_SET;
    record->index_mac = wa_span_none();
    record->blob = wa_span_none();
    record->key_id = wa_span_none();
    record->value_mac = wa_span_none();

    while (wa_rd_left(&rd) != 0) {

        if (!field_next(&rd, &f)) {
            return WA_ERR_SYNTAX;
        }

        if (f.wire != WIRE_BYTES) {
            continue;
        }

        if (f.number == 1) {
            record->blob = f.bytes;

        } else if (f.number == 2) {
            record->key_id = f.bytes;

        } else if (f.number == 3) {
            record->value_mac = f.bytes;
        }
    }

    return only_bytes(record->blob, &record->index) && record->index.n != 0
           && record->value_mac.n == WA_SYNCD_MAC_LEN
           && record->key_id.n != 0
           && record->key_id.n <= WA_SYNCD_KEY_ID_MAX ? WA_OK
                                                      : WA_ERR_SYNTAX;
}


static wa_err_t
mutation_read(wa_span_t in, wa_syncd_record_t *record)
{
    field_t    f;
    wa_rd_t    rd;
    wa_span_t  inner;

    rd = wa_rd(in);
    inner = wa_span_none();
    record->op = WA_SYNCD_SET;

    while (wa_rd_left(&rd) != 0) {

        if (!field_next(&rd, &f)) {
            return WA_ERR_SYNTAX;
        }

        if (f.number == 1 && f.wire == WIRE_VARINT) {

            if (f.value > WA_SYNCD_REMOVE) {
                return WA_ERR_SYNTAX;
            }

            record->op = (f.value == 0) ? WA_SYNCD_SET : WA_SYNCD_REMOVE;

        } else if (f.number == 2 && f.wire == WIRE_BYTES) {
            inner = f.bytes;
        }
    }

    return record_read(inner, record);
}


static wa_err_t
record_read(wa_span_t in, wa_syncd_record_t *record)
{
    field_t    f;
    wa_rd_t    rd;

    rd = wa_rd(in);
    record->index_mac = wa_span_none();
    record->blob = wa_span_none();
    record->key_id = wa_span_none();
    record->index = wa_span_none();

    while (wa_rd_left(&rd) != 0) {

        if (!field_next(&rd, &f)) {
            return WA_ERR_SYNTAX;
        }

        if (f.wire != WIRE_BYTES || f.number == 0 || f.number > 3) {
            continue;
        }

        if (!only_bytes(f.bytes, f.number == 1 ? &record->index_mac
                                 : f.number == 2 ? &record->blob
                                                 : &record->key_id))
        {
            return WA_ERR_SYNTAX;
        }
    }

    if (record->index_mac.n != WA_SYNCD_MAC_LEN
        || record->blob.n < WA_SYNCD_MAC_LEN
        || record->key_id.n == 0 || record->key_id.n > WA_SYNCD_KEY_ID_MAX)
    {
        return WA_ERR_SYNTAX;
    }

    record->value_mac = wa_span(record->blob.p + record->blob.n
                                - WA_SYNCD_MAC_LEN, WA_SYNCD_MAC_LEN);

    return WA_OK;
}


wa_err_t
wa_syncd_blob_read(wa_span_t in, wa_syncd_blob_t *out)
{
    bool     key;
    field_t  f;
    wa_rd_t  rd;

    memset(out, 0, sizeof(*out));
    rd = wa_rd(in);
    key = false;

    while (wa_rd_left(&rd) != 0) {

        if (!field_next(&rd, &f)) {
            return WA_ERR_SYNTAX;
        }

        if (f.number == 4 && f.wire == WIRE_VARINT) {
            out->size = f.value;
        }

        if (f.wire != WIRE_BYTES) {
            continue;
        }

        if (f.number == 1) {
            key = mac_copy(f.bytes, out->media_key);

        } else if (f.number == 2 && f.bytes.n < sizeof(out->path)
                   && memchr(f.bytes.p, 0, f.bytes.n) == NULL)
        {
            memcpy(out->path, f.bytes.p, f.bytes.n);
            out->path[f.bytes.n] = '\0';

        } else if (f.number == 5) {
            out->has_sha256 = mac_copy(f.bytes, out->sha256);

        } else if (f.number == 6) {
            out->has_enc_sha256 = mac_copy(f.bytes, out->enc_sha256);
        }
    }

    return key && out->path[0] != '\0'
           && (out->has_sha256 || out->has_enc_sha256) ? WA_OK
                                                       : WA_ERR_SYNTAX;
}


/* The one bytes field, number 1, of a small message; empty if it has none. */
static bool
only_bytes(wa_span_t in, wa_span_t *out)
{
    field_t  f;
    wa_rd_t  rd;

    rd = wa_rd(in);
    *out = wa_span_none();

    while (wa_rd_left(&rd) != 0) {

        if (!field_next(&rd, &f)) {
            return false;
        }

        if (f.number == 1 && f.wire == WIRE_BYTES) {
            *out = f.bytes;
        }
    }

    return true;
}


static bool
only_number(wa_span_t in, uint64_t *out)
{
    field_t  f;
    wa_rd_t  rd;

    rd = wa_rd(in);
    *out = 0;

    while (wa_rd_left(&rd) != 0) {

        if (!field_next(&rd, &f)) {
            return false;
        }

        if (f.number == 1 && f.wire == WIRE_VARINT) {
            *out = f.value;
        }
    }

    return true;
}


/* False: cut off, or no field. */
static bool
field_next(wa_rd_t *rd, field_t *f)
{
    uint64_t  key;

    f->bytes = wa_span_none();
    f->value = 0;

    if (!wa_rd_varint(rd, &key) || key >> 3 == 0) {
        return false;
    }

    f->number = key >> 3;
    f->wire = (uint32_t) (key & 7);

    switch (f->wire) {

    case WIRE_VARINT:
        return wa_rd_varint(rd, &f->value);

    case WIRE_64:
        return wa_rd_bytes(rd, 8, &f->bytes);

    case WIRE_32:
        return wa_rd_bytes(rd, 4, &f->bytes);

    case WIRE_BYTES:
        return wa_rd_varint(rd, &f->value) && f->value <= wa_rd_left(rd)
               && wa_rd_bytes(rd, (size_t) f->value, &f->bytes);

    default:
        return false;
    }
}


static bool
mac_copy(wa_span_t in, uint8_t *out)
{
    if (in.n != WA_SYNCD_MAC_LEN) {
        return false;
    }

    memcpy(out, in.p, WA_SYNCD_MAC_LEN);

    return true;
}


wa_err_t
wa_syncd_patch_pack(const wa_syncd_out_t *mutations, size_t n,
    wa_span_t key_id, const uint8_t snapshot_mac[WA_SYNCD_MAC_LEN],
    const uint8_t patch_mac[WA_SYNCD_MAC_LEN], wa_buf_t *out)
{
    size_t     i, record;
    wa_wr_t    w;
    wa_span_t  index;

    wa_wr_init(&w, out, WA_FRAME_MAX);

    for (i = 0; i < n; i++) {
        index = wa_span(mutations[i].index_mac, WA_SYNCD_MAC_LEN);

        record = len_bytes(len_bytes(index.n))
                 + len_bytes(len_bytes(mutations[i].blob.n))
                 + len_bytes(len_bytes(key_id.n));

        put_varint(&w, 2 << 3 | WIRE_BYTES);
        put_varint(&w, 2 + len_bytes(record));
        put_varint(&w, 1 << 3 | WIRE_VARINT);
        put_varint(&w, mutations[i].op);
        put_varint(&w, 2 << 3 | WIRE_BYTES);
        put_varint(&w, record);
        put_nested(&w, 1, index);
        put_nested(&w, 2, mutations[i].blob);
        put_nested(&w, 3, key_id);
    }

    put_bytes(&w, 4, wa_span(snapshot_mac, WA_SYNCD_MAC_LEN));
    put_bytes(&w, 5, wa_span(patch_mac, WA_SYNCD_MAC_LEN));
    put_nested(&w, 6, key_id);

    if (w.err != WA_OK) {
        wa_wr_undo(&w);
    }

    return w.err;
}


static size_t
varint_len(uint64_t v)
{
    size_t  n;

    for (n = 1; v >= 0x80; n++) {
        v >>= 7;
    }

    return n;
}


static void
put_varint(wa_wr_t *w, uint64_t v)
{
    for ( /* void */ ; v >= 0x80; v >>= 7) {
        wa_wr_u8(w, (uint8_t) (v | 0x80));
    }

    wa_wr_u8(w, (uint8_t) v);
}


static void
put_bytes(wa_wr_t *w, uint32_t number, wa_span_t s)
{
    put_varint(w, number << 3 | WIRE_BYTES);
    put_varint(w, s.n);
    wa_wr_span(w, s);
}


/* Of a field with a number below 16. */
static size_t
len_bytes(size_t n)
{
    return 1 + varint_len(n) + n;
}


/* A message whose field 1 is `inner`. */
static void
put_nested(wa_wr_t *w, uint32_t number, wa_span_t inner)
{
    put_varint(w, number << 3 | WIRE_BYTES);
    put_varint(w, len_bytes(inner.n));
    put_bytes(w, 1, inner);
}
