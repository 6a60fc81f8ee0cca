/* Pure helpers of the contract: names, shards, recipients. */
#include "wa_account.h"
#include "wa_jid.h"


#define RECIPIENT_DIGITS_MIN  5
#define RECIPIENT_DIGITS_MAX  20
#define RECIPIENT_TEXT_MAX    128


static const char *const op_names[WA_OP_MAX] = {
    "create", "update", "delete", "start", "stop", "restart", "logout",
    "relink", "send", "query"
};


const char *
wa_op_name(wa_op_e op)
{
    return (size_t) op < WA_OP_MAX ? op_names[op] : "";
}


wa_err_t
wa_op_parse(wa_span_t name, wa_op_e *op)
{
    size_t  i;

    for (i = 0; i < WA_OP_MAX; i++) {
        if (wa_span_eq_str(name, op_names[i])) {
            *op = (wa_op_e) i;
            return WA_OK;
        }
    }

    return WA_ERR_ARG;
}


uint32_t
wa_shard_of(wa_span_t account_id, uint32_t n_shards)
{
    size_t    i;
    uint32_t  h;

    h = 2166136261u;

    for (i = 0; i < account_id.n; i++) {
        h = (h ^ account_id.p[i]) * 16777619u;
    }

    return n_shards == 0 ? 0 : h % n_shards;
}


static wa_err_t
recipient_digits(wa_span_t text, wa_jid_t *jid)
{
    char     digits[RECIPIENT_DIGITS_MAX];
    size_t   i, n;
    uint8_t  c;

    n = 0;

    for (i = 0; i < text.n; i++) {
        c = text.p[i];

        if (c >= '0' && c <= '9') {
            if (n == RECIPIENT_DIGITS_MAX) {
                return WA_ERR_ARG;
            }

            digits[n++] = (char) c;

        } else if (!(c == '+' && n == 0) && c != ' ' && c != '-'
                   && c != '(' && c != ')' && c != '.')
        {
            return WA_ERR_ARG;
        }
    }

    if (n < RECIPIENT_DIGITS_MIN
        || (digits[0] == '0' && digits[1] == '0'))
    {
        return WA_ERR_ARG;
    }

    return wa_jid_make(jid, wa_span(digits, n), WA_SERVER_PN, 0);
}


static bool
recipient_user_ok(const wa_jid_t *jid)
{
    size_t  i, dashes;

    dashes = 0;

    for (i = 0; i < jid->user_len; i++) {

        if (jid->user[i] == '-' && wa_jid_is_group(jid) && i > 0) {
            dashes++;

        } else if (jid->user[i] < '0' || jid->user[i] > '9') {
            return false;
        }
    }

    return jid->user_len > 0 && dashes <= 1;
}


wa_err_t
wa_recipient_parse(wa_span_t text, char *buf, size_t cap)
{
    wa_jid_t  jid, bare;

    if (text.n == 0 || text.n > RECIPIENT_TEXT_MAX) {
        return WA_ERR_ARG;
    }

    if (memchr(text.p, '@', text.n) == NULL) {
        if (recipient_digits(text, &jid) != WA_OK) {
            return WA_ERR_ARG;
        }

    } else {
        if (wa_jid_parse(text, &jid) != WA_OK) {
            return WA_ERR_ARG;
        }

        if (jid.server == WA_SERVER_LEGACY) {
            jid.server = WA_SERVER_PN;
        }

        switch (jid.server) {

        case WA_SERVER_PN:
        case WA_SERVER_LID:
        case WA_SERVER_GROUP:
        case WA_SERVER_NEWSLETTER:
            break;

        case WA_SERVER_BROADCAST:
            if (wa_jid_is_status(&jid)) {
                break;
            }

            if (!recipient_user_ok(&jid)) {
                return WA_ERR_ARG;
            }

            break;

        default:
            return WA_ERR_ARG;
        }

        if (!wa_jid_is_status(&jid) && !recipient_user_ok(&jid)) {
            return WA_ERR_ARG;
        }
    }

    bare = wa_jid_bare(&jid);

    return wa_jid_format(&bare, buf, cap) == 0 ? WA_ERR_ARG : WA_OK;
}
