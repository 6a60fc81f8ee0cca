/* Hex and base64. */

#include "wa_b64.h"


static const char  wa_b64_alphabet[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
};


wa_err_t
wa_b64_encode(wa_span_t in, wa_b64_e kind, wa_buf_t *out)
{
    size_t       i, left, groups, chars;
    uint32_t     v;
    uint8_t     *d;
    const char  *abc;

    if (in.n == 0) {
        return WA_OK;
    }

    groups = in.n / 3 + (in.n % 3 != 0);

    if (!wa_mul_size(groups, 4, &chars)) {
        return WA_ERR_NOMEM;
    }

    if (wa_buf_reserve(out, chars) != WA_OK) {
        return WA_ERR_NOMEM;
    }

    abc = wa_b64_alphabet[kind];
    d = out->p + out->n;

    for (i = 0; i < in.n; i += 3) {
        left = in.n - i;

        v = (uint32_t) in.p[i] << 16;
        v |= (left > 1) ? (uint32_t) in.p[i + 1] << 8 : 0;
        v |= (left > 2) ? in.p[i + 2] : 0;

        *d++ = (uint8_t) abc[v >> 18];
        *d++ = (uint8_t) abc[(v >> 12) & 63];

        if (left > 1) {
            *d++ = (uint8_t) abc[(v >> 6) & 63];

        } else if (kind == WA_B64_STD) {
            *d++ = '=';
        }

        if (left > 2) {
            *d++ = (uint8_t) abc[v & 63];

        } else if (kind == WA_B64_STD) {
            *d++ = '=';
        }
    }

    out->n = (size_t) (d - out->p);

    return WA_OK;
}


static int
wa_b64_value(uint8_t c, wa_b64_e kind)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    if (c == (uint8_t) wa_b64_alphabet[kind][62]) {
        return 62;
    }

    if (c == (uint8_t) wa_b64_alphabet[kind][63]) {
        return 63;
    }

    return -1;
}


wa_err_t
wa_b64_decode(wa_span_t in, wa_b64_e kind, wa_buf_t *out)
{
    int        value;
    size_t     i;
    uint8_t   *d;
    uint32_t   acc, bits;

    if (kind == WA_B64_STD) {

        if (in.n % 4 != 0) {
            return WA_ERR_SYNTAX;
        }

        for (i = 0; i < 2 && in.n != 0 && in.p[in.n - 1] == '='; i++) {
            in.n--;
        }
    }

    if (in.n % 4 == 1) {
        return WA_ERR_SYNTAX;
    }

    if (wa_buf_reserve(out, in.n / 4 * 3 + 3) != WA_OK) {
        return WA_ERR_NOMEM;
    }

    d = out->p + out->n;
    acc = 0;
    bits = 0;

    for (i = 0; i < in.n; i++) {

        value = wa_b64_value(in.p[i], kind);
        if (value < 0) {
            return WA_ERR_SYNTAX;
        }

        acc = (acc << 6) | (uint32_t) value;
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            *d++ = (uint8_t) (acc >> bits);
            acc &= (1u << bits) - 1;
        }
    }

    /* The unused bits of the last character must be zero: one text per value */

    if (acc != 0) {
        return WA_ERR_SYNTAX;
    }

    out->n = (size_t) (d - out->p);

    return WA_OK;
}


wa_err_t
wa_hex_encode(wa_span_t in, wa_buf_t *out)
{
    static const char  digits[] = "0123456789abcdef";

    size_t  i, chars;

    if (!wa_mul_size(in.n, 2, &chars)) {
        return WA_ERR_NOMEM;
    }

    if (wa_buf_reserve(out, chars) != WA_OK) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < in.n; i++) {
        out->p[out->n++] = (uint8_t) digits[in.p[i] >> 4];
        out->p[out->n++] = (uint8_t) digits[in.p[i] & 15];
    }

    return WA_OK;
}


static int
wa_hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }

    return -1;
}


wa_err_t
wa_hex_decode(wa_span_t in, uint8_t *out, size_t n)
{
    int     high, low;
    size_t  i;

    if (in.n % 2 != 0 || in.n / 2 != n) {
        return WA_ERR_SYNTAX;
    }

    for (i = 0; i < n; i++) {
        high = wa_hex_value(in.p[2 * i]);
        low = wa_hex_value(in.p[2 * i + 1]);

        if (high < 0 || low < 0) {
            return WA_ERR_SYNTAX;
        }

        out[i] = (uint8_t) (high << 4 | low);
    }

    return WA_OK;
}
