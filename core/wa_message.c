/*
 * Content -> Message bytes, and names of kinds, see wa_message.h.
 */
#include "wa_message.h"

#include <strings.h>

#include "wa_limits.h"
#include "wa_pb.h"
#include "wa_wr.h"


/* Tags of hand-written fields: number << 3 | 2 (length-delimited). */
#define TAG_DEVICE_SENT    ((31u << 3) | 2u)
#define TAG_CONTEXT_INFO   ((35u << 3) | 2u)
#define TAG_DESTINATION    ((1u << 3) | 2u)
#define TAG_MESSAGE        ((2u << 3) | 2u)
#define TAG_SECRET         ((3u << 3) | 2u)


typedef struct {
    const char  *lower;
    const char  *upper;
} kind_name_t;


static void wr_varint(wa_wr_t *w, uint64_t v);
static size_t varint_size(uint64_t v);


/* By wa_kind_e. */
static const kind_name_t  kind_names[WA_KIND_MAX] = {
    { "unknown", "UNKNOWN" },
    { "text", "TEXT" },
    { "image", "IMAGE" },
    { "video", "VIDEO" },
    { "audio", "AUDIO" },
    { "document", "DOCUMENT" },
    { "sticker", "STICKER" },
    { "location", "LOCATION" },
    { "contact", "CONTACT" },
    { "reaction", "REACTION" },
    { "poll", "POLL" },
    { "poll_update", "POLL_UPDATE" },
    { "view_once", "VIEW_ONCE" },
    { "interactive", "INTERACTIVE" },
    { "list", "LIST" },
    { "buttons", "BUTTONS" },
    { "protocol", "PROTOCOL" },
    { "unsupported", "UNSUPPORTED" },
    { "template", "TEMPLATE" },
    { "order", "ORDER" },
    { "product", "PRODUCT" },
    { "call", "CALL" },
    { "event", "EVENT" }
};


bool
wa_push_name_says(wa_span_t name)
{
    return name.n != 0 && !wa_span_eq_str(name, "-");
}


const char *
wa_kind_name(wa_kind_e kind)
{
    return kind_names[(unsigned) kind < WA_KIND_MAX ? kind : 0].lower;
}


const char *
wa_kind_name_upper(wa_kind_e kind)
{
    return kind_names[(unsigned) kind < WA_KIND_MAX ? kind : 0].upper;
}


bool
wa_kind_is_name(wa_span_t word)
{
    size_t  i;

    for (i = 0; i < WA_KIND_MAX; i++) {
        if (strlen(kind_names[i].lower) == word.n
            && strncasecmp(kind_names[i].lower, (const char *) word.p,
                           word.n) == 0)
        {
            return true;
        }
    }

    return false;
}


wa_err_t
wa_message_encode_copy(const wa_jid_t *to, wa_span_t message,
    const uint8_t *secret, wa_buf_t *out)
{
    char     dest[WA_JID_TEXT_MAX];
    size_t   dest_len, inner;
    wa_wr_t  w;

    dest_len = wa_jid_format(to, dest, sizeof(dest));
    if (dest_len == 0) {
        return WA_ERR_ARG;
    }

    if (message.n > WA_PB_BYTES_MAX) {
        return WA_ERR_LIMIT;
    }

    inner = 1 + varint_size(dest_len) + dest_len
            + 1 + varint_size(message.n) + message.n;

    wa_wr_init(&w, out, WA_PB_BYTES_MAX);

    wr_varint(&w, TAG_DEVICE_SENT);
    wr_varint(&w, inner);
    wr_varint(&w, TAG_DESTINATION);
    wr_varint(&w, dest_len);
    wa_wr_bytes(&w, dest, dest_len);
    wr_varint(&w, TAG_MESSAGE);
    wr_varint(&w, message.n);
    wa_wr_span(&w, message);

    if (secret != NULL) {
        wr_varint(&w, TAG_CONTEXT_INFO);
        wr_varint(&w, 2 + 32);
        wr_varint(&w, TAG_SECRET);
        wr_varint(&w, 32);
        wa_wr_bytes(&w, secret, 32);
    }

    if (w.err != WA_OK) {
        wa_wr_undo(&w);
    }

    return w.err;
}


wa_span_t
wa_message_secret(wa_span_t message, wa_arena_t *arena)
{
    Wa__Message  *m;

    if (WA_PB_UNPACK(wa__message__descriptor, message, arena, &m) != WA_OK
        || m->message_context_info == NULL
        || !m->message_context_info->has_message_secret
        || m->message_context_info->message_secret.len != 32)
    {
        return wa_span_none();
    }

    return wa_pb_span(&m->message_context_info->message_secret);
}


static void
wr_varint(wa_wr_t *w, uint64_t v)
{
    while (v >= 0x80) {
        wa_wr_u8(w, (uint8_t) (v | 0x80));
        v >>= 7;
    }

    wa_wr_u8(w, (uint8_t) v);
}


static size_t
varint_size(uint64_t v)
{
    size_t  n;

    for (n = 1; v >= 0x80; n++) {
        v >>= 7;
    }

    return n;
}
