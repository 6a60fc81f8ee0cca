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
    "Poll Edit",
    ""
};


static bool secret_has_aad(const wa_secret_t *s);
static wa_err_t secret_key(const wa_secret_t *s, wa_arena_t *arena,
    uint8_t key[32], wa_span_t *aad);


wa_err_t
wa_secret_open(const wa_secret_t *s, wa_span_t iv, wa_span_t payload,
    wa_arena_t *arena, wa_span_t *out)
{
    uint8_t    key[32], *p;
    wa_err_t   rc;
    wa_span_t  aad;

    if (s->secret.n == WA_MESSAGE_SECRET_LEN
        && (iv.n != SECRET_IV_LEN || payload.n < SECRET_TAG_LEN
            || payload.n > SECRET_MAX))
    {
        return WA_ERR_SYNTAX;
    }

    p = wa_arena_alloc(arena, payload.n);

    if (p == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = secret_key(s, arena, key, &aad);

    if (rc == WA_OK) {
        rc = wa_gcm_open(key, iv.p, aad, payload, p);
        wa_wipe(key, sizeof(key));
    }

    if (rc == WA_OK) {
        *out = wa_span(p, payload.n - SECRET_TAG_LEN);
    }

    return rc;
}


wa_err_t
wa_secret_seal(const wa_secret_t *s, wa_span_t iv, wa_span_t plain,
    wa_arena_t *arena, wa_span_t *out)
{
    uint8_t    key[32], *p;
    wa_err_t   rc;
    wa_span_t  aad;

    if (iv.n != SECRET_IV_LEN || plain.n > SECRET_MAX - SECRET_TAG_LEN) {
        return WA_ERR_SYNTAX;
    }

    p = wa_arena_alloc(arena, plain.n + SECRET_TAG_LEN);

    if (p == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = secret_key(s, arena, key, &aad);

    if (rc == WA_OK) {
        rc = wa_gcm_seal(key, iv.p, aad, plain, p);
        wa_wipe(key, sizeof(key));
    }

    if (rc == WA_OK) {
        *out = wa_span(p, plain.n + SECRET_TAG_LEN);
    }

    return rc;
}


static wa_err_t
secret_key(const wa_secret_t *s, wa_arena_t *arena, uint8_t key[32],
    wa_span_t *aad)
{
    char      author[WA_JID_TEXT_MAX], writer[WA_JID_TEXT_MAX];
    size_t    n_author, n_writer, n_use, n_id;
    uint8_t  *info, *p, bot[32];
    wa_err_t  rc;

    if (s->secret.n != WA_MESSAGE_SECRET_LEN || s->use == WA_SEALED_NONE
        || s->use >= sizeof(secret_uses) / sizeof(secret_uses[0]))
    {
        return WA_ERR_ARG;
    }

    n_id = s->message_id.n;

    if (n_id > SECRET_MAX) {
        return WA_ERR_SYNTAX;
    }

    n_author = wa_jid_format(&s->author, author, sizeof(author));
    n_writer = wa_jid_format(&s->writer, writer, sizeof(writer));
    n_use = strlen(secret_uses[s->use]);

    if (n_author == 0 || n_writer == 0) {
        return WA_ERR_ARG;
    }

    info = wa_arena_alloc(arena, n_id + n_author + n_writer + n_use);
    p = wa_arena_alloc(arena, n_id + n_writer + 1);

    if (info == NULL || p == NULL) {
        return WA_ERR_NOMEM;
    }

    memcpy(info, s->message_id.p, n_id);
    memcpy(info + n_id, author, n_author);
    memcpy(info + n_id + n_author, writer, n_writer);
    memcpy(info + n_id + n_author + n_writer, secret_uses[s->use], n_use);

    *aad = wa_span_none();

    if (secret_has_aad(s)) {
        memcpy(p, s->message_id.p, n_id);
        p[n_id] = '\0';
        memcpy(p + n_id + 1, writer, n_writer);
        *aad = wa_span(p, n_id + 1 + n_writer);
    }

    if (s->use != WA_SEALED_BOT) {
        return wa_hkdf(s->secret, wa_span_none(),
                       wa_span(info, n_id + n_author + n_writer + n_use),
                       key, 32);
    }

    /* A bot is given no more than this of the question's secret. */

    rc = wa_hkdf(s->secret, wa_span_none(), wa_span_str("Bot Message"), bot,
                 sizeof(bot));

    if (rc == WA_OK) {
        rc = wa_hkdf(wa_span(bot, sizeof(bot)), wa_span_none(),
                     wa_span(info, n_id + n_author + n_writer), key, 32);
    }

    wa_wipe(bot, sizeof(bot));

    return rc;
}


static bool
secret_has_aad(const wa_secret_t *s)
{
    return s->use == WA_SEALED_POLL_VOTE
           || s->use == WA_SEALED_EVENT_RESPONSE || s->use == WA_SEALED_BOT;
}
