/*
 * Payloads sealed with a message's secret, see wa_secret.h.
 */
#include "wa_secret.h"

#include "wa_crypto.h"


#define SECRET_IV_LEN   12
#define SECRET_TAG_LEN  16

/* An edit is a Message. */
#define SECRET_MAX      (1024 * 1024)


/* By wa_sealed_e.  Adding an option is said with the words of an edit. */
static const char *const  secret_uses[] = {
    NULL,
    "Poll Vote",
    "Event Response",
    "Enc Reaction",
    "Enc Comment",
    "Message Edit",
    "Event Edit",
    "Poll Edit",
    "Poll Edit"
};


wa_err_t
wa_secret_open(const wa_secret_t *s, wa_span_t iv, wa_span_t payload,
    wa_arena_t *arena, wa_span_t *out)
{
    char       author[WA_JID_TEXT_MAX], writer[WA_JID_TEXT_MAX];
    size_t     n_author, n_writer, n_use, n_aad;
    uint8_t    key[32], *info, *p;
    wa_err_t   rc;
    wa_span_t  aad;

    if (s->secret.n != WA_MESSAGE_SECRET_LEN || s->use == WA_SEALED_NONE
        || s->use >= sizeof(secret_uses) / sizeof(secret_uses[0]))
    {
        return WA_ERR_ARG;
    }

    if (iv.n != SECRET_IV_LEN || payload.n < SECRET_TAG_LEN
        || payload.n > SECRET_MAX || s->message_id.n > SECRET_MAX)
    {
        return WA_ERR_SYNTAX;
    }

    n_author = wa_jid_format(&s->author, author, sizeof(author));
    n_writer = wa_jid_format(&s->writer, writer, sizeof(writer));
    n_use = strlen(secret_uses[s->use]);

    if (n_author == 0 || n_writer == 0) {
        return WA_ERR_ARG;
    }

    info = wa_arena_alloc(arena, s->message_id.n + n_author + n_writer
                                 + n_use);
    p = wa_arena_alloc(arena, payload.n + s->message_id.n + n_writer + 1);

    if (info == NULL || p == NULL) {
        return WA_ERR_NOMEM;
    }

    memcpy(info, s->message_id.p, s->message_id.n);
    memcpy(info + s->message_id.n, author, n_author);
    memcpy(info + s->message_id.n + n_author, writer, n_writer);
    memcpy(info + s->message_id.n + n_author + n_writer, secret_uses[s->use],
           n_use);

    rc = wa_hkdf(s->secret, wa_span_none(),
                 wa_span(info, s->message_id.n + n_author + n_writer + n_use),
                 key, sizeof(key));

    if (rc != WA_OK) {
        return rc;
    }

    aad = wa_span_none();

    if (s->use == WA_SEALED_POLL_VOTE || s->use == WA_SEALED_EVENT_RESPONSE) {
        n_aad = s->message_id.n + 1 + n_writer;
        aad = wa_span(p + payload.n, n_aad);
        memcpy(p + payload.n, s->message_id.p, s->message_id.n);
        p[payload.n + s->message_id.n] = '\0';
        memcpy(p + payload.n + s->message_id.n + 1, writer, n_writer);
    }

    rc = wa_gcm_open(key, iv.p, aad, payload, p);
    wa_wipe(key, sizeof(key));

    if (rc != WA_OK) {
        return rc;
    }

    *out = wa_span(p, payload.n - SECRET_TAG_LEN);

    return WA_OK;
}
