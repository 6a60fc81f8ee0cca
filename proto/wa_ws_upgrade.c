/* The HTTP/1.1 upgrade that opens a WebSocket (RFC 6455 section 4.1). */

#include "wa_crypto.h"
#include "wa_limits.h"
#include "wa_mem.h"
#include "wa_wr.h"
#include "wa_ws_int.h"


/* RFC 6455 section 1.3. */
static const char  wa_ws_guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* Random bytes behind Sec-WebSocket-Key. */
#define WA_WS_KEY_LEN  16u

/* What the answer's headers have shown so far. */
enum {
    WA_WS_SAW_UPGRADE    = 1,
    WA_WS_SAW_CONNECTION = 2,
    WA_WS_SAW_ACCEPT     = 4,
    WA_WS_SAW_ALL        = 7
};


/* Printable, without spaces: cannot end a request line or a header. */
static bool
wa_ws_token(const char *s)
{
    if (s == NULL || *s == '\0') {
        return false;
    }

    for ( ; *s != '\0'; s++) {
        if (*s <= ' ' || *s > '~') {
            return false;
        }
    }

    return true;
}


static wa_err_t
wa_ws_keys(wa_ws_t *ws, wa_buf_t *key)
{
    uint8_t    nonce[WA_WS_KEY_LEN], digest[WA_SHA1_LEN];
    wa_buf_t   accept = WA_BUF_EMPTY;
    wa_err_t   rc;
    wa_span_t  parts[2];

    ws->random(ws->random_data, nonce, sizeof(nonce));

    rc = wa_b64_encode(wa_span(nonce, sizeof(nonce)), WA_B64_STD, key);
    if (rc != WA_OK) {
        return rc;
    }

    parts[0] = wa_span_buf(key);
    parts[1] = wa_span_str(wa_ws_guid);

    rc = wa_sha1(parts, 2, digest);

    if (rc == WA_OK) {
        rc = wa_b64_encode(wa_span(digest, sizeof(digest)), WA_B64_STD,
                           &accept);
    }

    if (rc == WA_OK) {
        memcpy(ws->upgrade->accept, accept.p, accept.n);
        ws->upgrade->accept[accept.n] = '\0';
    }

    wa_buf_free(&accept);

    return rc;
}


wa_err_t
wa_ws_upgrade_start(wa_ws_t *ws, const wa_ws_conf_t *conf, wa_buf_t *out)
{
    wa_wr_t   w;
    wa_buf_t  key = WA_BUF_EMPTY;
    wa_err_t  rc;

    if (!wa_ws_token(conf->host)
        || !wa_ws_token(conf->path)
        || conf->path[0] != '/'
        || (conf->origin != NULL && !wa_ws_token(conf->origin)))
    {
        return WA_ERR_ARG;
    }

    ws->upgrade = wa_calloc(1, sizeof(*ws->upgrade));
    if (ws->upgrade == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = wa_ws_keys(ws, &key);
    if (rc != WA_OK) {
        wa_buf_free(&key);
        return rc;
    }

    wa_wr_init(&w, out, SIZE_MAX);

    wa_wr_str(&w, "GET ");
    wa_wr_str(&w, conf->path);
    wa_wr_str(&w, " HTTP/1.1\r\nHost: ");
    wa_wr_str(&w, conf->host);
    wa_wr_str(&w, "\r\nUpgrade: websocket\r\nConnection: Upgrade"
                  "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
    wa_wr_span(&w, wa_span_buf(&key));

    if (conf->origin != NULL) {
        wa_wr_str(&w, "\r\nOrigin: ");
        wa_wr_str(&w, conf->origin);
    }

    wa_wr_str(&w, "\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n\r\n");

    wa_buf_free(&key);

    if (w.err != WA_OK) {
        wa_wr_undo(&w);
    }

    return w.err;
}


void
wa_ws_upgrade_free(wa_ws_t *ws)
{
    if (ws->upgrade == NULL) {
        return;
    }

    wa_buf_free(&ws->upgrade->head);
    wa_free(ws->upgrade);
    ws->upgrade = NULL;
}


static uint8_t
wa_ws_lower(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') ? (uint8_t) (c | 0x20) : c;
}


/* want is lower case. */
static bool
wa_ws_is(wa_span_t s, const char *want)
{
    size_t  i;

    if (s.n != strlen(want)) {
        return false;
    }

    for (i = 0; i < s.n; i++) {
        if (wa_ws_lower(s.p[i]) != (uint8_t) want[i]) {
            return false;
        }
    }

    return true;
}


/* Whether a comma-separated list has this element. */
static bool
wa_ws_has(wa_span_t list, const char *want)
{
    size_t     i, start, end;

    start = 0;

    for (i = 0; i <= list.n; i++) {

        if (i < list.n && list.p[i] != ',') {
            continue;
        }

        end = i;

        while (start < end && list.p[start] == ' ') {
            start++;
        }

        while (end > start && list.p[end - 1] == ' ') {
            end--;
        }

        if (wa_ws_is(wa_span(list.p + start, end - start), want)) {
            return true;
        }

        start = i + 1;
    }

    return false;
}


/* Cuts the next line, without its end, off *head. */
static wa_span_t
wa_ws_line(wa_span_t *head)
{
    size_t     n;
    wa_span_t  line;

    for (n = 0; n < head->n && head->p[n] != '\n'; n++) { /* void */ }

    line = wa_span(head->p, n);

    if (n < head->n) {
        n++;
    }

    *head = wa_span(head->p + n, head->n - n);

    if (line.n != 0 && line.p[line.n - 1] == '\r') {
        line.n--;
    }

    return line;
}


/* "HTTP/1.1 101 Switching Protocols" */
static bool
wa_ws_status(wa_span_t line, uint16_t *status)
{
    size_t     i;
    uint64_t   v;

    static const char  version[] = "http/1.1 ";

    i = sizeof(version) - 1;

    if (line.n < i + 3
        || !wa_ws_is(wa_span(line.p, i), version)
        || !wa_span_u64(wa_span(line.p + i, 3), &v)
        || (line.n > i + 3 && line.p[i + 3] != ' '))
    {
        return false;
    }

    *status = (uint16_t) v;

    return true;
}


/* False when the header must not be in an answer to our request. */
static bool
wa_ws_header(const wa_ws_upgrade_t *u, wa_span_t line, unsigned *saw)
{
    size_t     i;
    wa_span_t  name, value;

    for (i = 0; i < line.n && line.p[i] != ':'; i++) { /* void */ }

    if (i == 0 || i == line.n) {
        return false;
    }

    name = wa_span(line.p, i);
    value = wa_span(line.p + i + 1, line.n - i - 1);

    while (value.n != 0 && (value.p[0] == ' ' || value.p[0] == '\t')) {
        value.p++;
        value.n--;
    }

    while (value.n != 0
           && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t'))
    {
        value.n--;
    }

    if (wa_ws_is(name, "upgrade") && wa_ws_is(value, "websocket")) {
        *saw |= WA_WS_SAW_UPGRADE;
    }

    if (wa_ws_is(name, "connection") && wa_ws_has(value, "upgrade")) {
        *saw |= WA_WS_SAW_CONNECTION;
    }

    if (wa_ws_is(name, "sec-websocket-accept")) {

        if (!wa_span_eq_str(value, u->accept)) {
            return false;
        }

        *saw |= WA_WS_SAW_ACCEPT;
    }

    /* We offered neither: accepting one would change the framing. */

    return !wa_ws_is(name, "sec-websocket-extensions")
           && !wa_ws_is(name, "sec-websocket-protocol");
}


static wa_err_t
wa_ws_answer(wa_ws_t *ws, wa_span_t head)
{
    unsigned   saw;
    wa_span_t  line;

    if (!wa_ws_status(wa_ws_line(&head), &ws->http_status)
        || ws->http_status != 101)
    {
        return WA_ERR_SYNTAX;
    }

    saw = 0;

    while (head.n != 0) {
        line = wa_ws_line(&head);

        if (line.n != 0 && !wa_ws_header(ws->upgrade, line, &saw)) {
            return WA_ERR_SYNTAX;
        }
    }

    return (saw == WA_WS_SAW_ALL) ? WA_OK : WA_ERR_SYNTAX;
}


/* Length of the head with its empty line, 0 when that has not come yet. */
static size_t
wa_ws_head_end(const wa_buf_t *head, size_t from)
{
    size_t  i;

    for (i = from; i + 4 <= head->n; i++) {
        if (memcmp(head->p + i, "\r\n\r\n", 4) == 0) {
            return i + 4;
        }
    }

    return 0;
}


wa_err_t
wa_ws_upgrade_feed(wa_ws_t *ws)
{
    size_t     n, end, before;
    wa_err_t   rc;
    wa_buf_t  *head;

    head = &ws->upgrade->head;
    before = head->n;

    n = WA_WS_RESPONSE_MAX - before;

    if (n > ws->in.n) {
        n = ws->in.n;
    }

    rc = wa_buf_append(head, ws->in.p, n);
    if (rc != WA_OK) {
        return rc;
    }

    /* The empty line may be cut by the border between two inputs. */

    end = wa_ws_head_end(head, before > 3 ? before - 3 : 0);

    if (end == 0) {
        ws->in = wa_span(ws->in.p + n, ws->in.n - n);
        return (head->n < WA_WS_RESPONSE_MAX) ? WA_AGAIN : WA_ERR_LIMIT;
    }

    /* Bytes behind the head are frames already. */

    n = end - before;
    ws->in = wa_span(ws->in.p + n, ws->in.n - n);

    rc = wa_ws_answer(ws, wa_span(head->p, end));
    if (rc == WA_OK) {
        wa_ws_upgrade_free(ws);
    }

    return rc;
}
