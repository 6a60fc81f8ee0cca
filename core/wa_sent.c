/*
 * Sent messages and their encrypted copies, see wa_sent.h.
 */
#include "wa_sent.h"

#include "wa_account_int.h"
#include "wa_padding.h"
#include "wa_pb.h"
#include "wa_signal.h"


bool
wa_sent_name(const char *prefix, wa_span_t id, char name[WA_SENT_NAME_LEN])
{
    size_t   i, n;
    uint8_t  c;

    n = strlen(prefix);

    if (id.n == 0 || id.n > WA_SENT_ID_MAX || n + id.n >= WA_SENT_NAME_LEN) {
        return false;
    }

    for (i = 0; i < id.n; i++) {
        c = id.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.'))
        {
            return false;
        }
    }

    memcpy(name, prefix, n);
    memcpy(name + n, id.p, id.n);
    name[n + id.n] = '\0';

    return true;
}


wa_err_t
wa_sent_put(wa_unit_t *u, wa_span_t id, uint32_t day,
    const Wa__SentMessage *sent)
{
    char      name[WA_SENT_NAME_LEN];
    wa_err_t  rc;
    wa_buf_t  packed = WA_BUF_EMPTY;

    if (!wa_sent_name("out/", id, name)) {
        return WA_ERR_ARG;
    }

    rc = WA_PB_PACK(sent, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put_cold(u, name, day, wa_span_buf(&packed));
    }

    wa_buf_wipe(&packed);

    return rc;
}


wa_err_t
wa_sent_enc(wa_unit_t *u, wa_arena_t *arena, const wa_jid_t *to,
    wa_span_t message, unsigned count, wa_node_t **enc, bool *pkmsg)
{
    uint8_t      random;
    wa_err_t     rc;
    wa_buf_t     padded = WA_BUF_EMPTY;
    wa_span_t    cipher;
    wa_node_t   *node;
    const char  *type;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    wa_account_random(wa_unit_account(u), &random, 1);

    rc = wa_buf_reserve(&padded, message.n + 16);

    if (rc == WA_OK) {
        rc = wa_buf_append_span(&padded, message);
    }

    if (rc == WA_OK) {
        rc = wa_padding_add(&padded, random);
    }

    if (rc == WA_OK) {
        rc = wa_signal_encrypt(u, to, wa_span_buf(&padded), arena, &type,
                               &cipher);
    }

    wa_buf_wipe(&padded);

    if (rc != WA_OK) {
        return rc;
    }

    node = wa_node_new(arena, "enc");

    wa_node_set_str(arena, node, "v", "2");
    wa_node_set_str(arena, node, "type", type);

    if (count != 0) {
        wa_node_set_u64(arena, node, "count", count);
    }

    wa_node_bytes(node, cipher);

    if (strcmp(type, "pkmsg") == 0) {
        *pkmsg = true;
    }

    *enc = node;
    return WA_OK;
}


void
wa_sent_identity(const wa_account_t *a, wa_arena_t *arena, wa_node_t *parent)
{
    wa_node_t  *node;

    node = wa_node_add_new(arena, parent, "device-identity");
    wa_node_bytes(node, wa_span_buf(&a->creds->device_identity));
}
