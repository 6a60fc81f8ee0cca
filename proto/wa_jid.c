/* Addresses: parse, format, compare. */

#include "wa_jid.h"


/*
 * Server names by wa_server_e.  ROOT shares its name with PN and is told
 * apart by the missing user.
 */
static const char *const  wa_server_names[] = {
    "",                         /* NONE */
    "s.whatsapp.net",           /* PN */
    "lid",
    "g.us",
    "broadcast",
    "newsletter",
    "hosted",
    "hosted.lid",
    "msgr",
    "interop",
    "call",
    "bot",
    "c.us",                     /* LEGACY */
    "s.whatsapp.net",           /* ROOT */
    ""                          /* OTHER */
};

#define WA_SERVERS  (sizeof(wa_server_names) / sizeof(wa_server_names[0]))

/* Room for "65535" twice, two separators and a signal suffix. */
#define WA_JID_SHORT  24u


const char *
wa_server_name(wa_server_e server)
{
    if ((size_t) server >= WA_SERVERS) {
        return "";
    }

    return wa_server_names[server];
}


wa_server_e
wa_server_find(wa_span_t name)
{
    size_t  i;

    if (name.n == 0) {
        return WA_SERVER_NONE;
    }

    for (i = WA_SERVER_PN; i < WA_SERVER_ROOT; i++) {
        if (wa_span_eq_str(name, wa_server_names[i])) {
            return (wa_server_e) i;
        }
    }

    return WA_SERVER_OTHER;
}


/* Splits at the last `sep`: text keeps what is before, *tail what follows. */
static bool
wa_jid_split(wa_span_t *text, char sep, wa_span_t *tail)
{
    size_t  i;

    for (i = text->n; i > 0; i--) {
        if (text->p[i - 1] == (uint8_t) sep) {
            *tail = wa_span(text->p + i, text->n - i);
            text->n = i - 1;
            return true;
        }
    }

    return false;
}


static bool
wa_jid_number(wa_span_t text, uint16_t *out)
{
    uint64_t  v;

    if (!wa_span_u64(text, &v) || v > UINT16_MAX) {
        return false;
    }

    *out = (uint16_t) v;

    return true;
}


/* integrator-user: the first '-' separates. */
static bool
wa_jid_integrator(wa_span_t *user, uint16_t *out)
{
    size_t  i;

    for (i = 0; i < user->n; i++) {

        if (user->p[i] != '-') {
            continue;
        }

        if (!wa_jid_number(wa_span(user->p, i), out)) {
            return false;
        }

        *user = wa_span(user->p + i + 1, user->n - i - 1);
        return true;
    }

    return false;
}


wa_err_t
wa_jid_make(wa_jid_t *jid, wa_span_t user, wa_server_e server,
    uint16_t device)
{
    size_t  i;

    if (user.n > WA_JID_USER_MAX) {
        return WA_ERR_LIMIT;
    }

    if (user.n == 0) {
        return WA_ERR_ARG;
    }

    for (i = 0; i < user.n; i++) {
        if (user.p[i] == '@' || user.p[i] == ':' || user.p[i] <= ' ') {
            return WA_ERR_ARG;
        }
    }

    memset(jid, 0, sizeof(*jid));

    memcpy(jid->user, user.p, user.n);
    jid->user_len = (uint8_t) user.n;
    jid->server = (uint8_t) server;
    jid->device = device;

    return WA_OK;
}


wa_err_t
wa_jid_parse(wa_span_t text, wa_jid_t *jid)
{
    uint16_t     device, integrator;
    wa_err_t     rc;
    wa_span_t    user, name, number;
    wa_server_e  server;

    user = text;

    if (!wa_jid_split(&user, '@', &name)) {
        name = text;
        user = wa_span_none();
    }

    server = wa_server_find(name);

    if (user.n == 0) {

        if (server != WA_SERVER_PN
            && !(server == WA_SERVER_GROUP && text.n != name.n))
        {
            return WA_ERR_SYNTAX;
        }

        memset(jid, 0, sizeof(*jid));
        jid->server = (server == WA_SERVER_PN) ? WA_SERVER_ROOT
                                               : WA_SERVER_GROUP;
        return WA_OK;
    }

    if (server == WA_SERVER_NONE) {
        return WA_ERR_SYNTAX;
    }

    device = 0;
    integrator = 0;

    if (wa_jid_split(&user, ':', &number) && !wa_jid_number(number, &device)) {
        return WA_ERR_SYNTAX;
    }

    if (server == WA_SERVER_INTEROP && !wa_jid_integrator(&user, &integrator))
    {
        return WA_ERR_SYNTAX;
    }

    rc = wa_jid_make(jid, user, server, device);
    if (rc != WA_OK) {
        return (rc == WA_ERR_ARG) ? WA_ERR_SYNTAX : rc;
    }

    jid->integrator = integrator;

    return WA_OK;
}


/* Decimal digits of v at p; returns how many. */
static size_t
wa_jid_dec(char *p, uint16_t v)
{
    char    digits[5];
    size_t  i, n;

    n = 0;

    do {
        digits[n++] = (char) ('0' + v % 10);
        v = (uint16_t) (v / 10);
    } while (v != 0);

    for (i = 0; i < n; i++) {
        p[i] = digits[n - 1 - i];
    }

    return n;
}


size_t
wa_jid_format(const wa_jid_t *jid, char *buf, size_t cap)
{
    char         head[WA_JID_SHORT], tail[WA_JID_SHORT];
    size_t       n, head_n, tail_n, name_n;
    const char  *name;

    name = wa_server_name((wa_server_e) jid->server);
    name_n = strlen(name);

    if (name_n == 0) {
        return 0;
    }

    head_n = 0;
    tail_n = 0;

    if (jid->server == WA_SERVER_INTEROP) {
        head_n = wa_jid_dec(head, jid->integrator);
        head[head_n++] = '-';
    }

    if (jid->device != 0) {
        tail[tail_n++] = ':';
        tail_n += wa_jid_dec(tail + tail_n, jid->device);
    }

    tail[tail_n++] = '@';

    n = head_n + jid->user_len + tail_n + name_n;

    if (n >= cap) {
        return 0;
    }

    memcpy(buf, head, head_n);
    buf += head_n;
    memcpy(buf, jid->user, jid->user_len);
    buf += jid->user_len;
    memcpy(buf, tail, tail_n);
    buf += tail_n;
    memcpy(buf, name, name_n + 1);

    return n;
}


wa_jid_t
wa_jid_bare(const wa_jid_t *jid)
{
    return wa_jid_with_device(jid, 0);
}


wa_jid_t
wa_jid_person(const wa_jid_t *jid)
{
    wa_jid_t  person;

    person = wa_jid_bare(jid);

    if (person.server == WA_SERVER_HOSTED) {
        person.server = WA_SERVER_PN;

    } else if (person.server == WA_SERVER_HOSTED_LID) {
        person.server = WA_SERVER_LID;
    }

    return person;
}


wa_jid_t
wa_jid_with_device(const wa_jid_t *jid, uint16_t device)
{
    wa_jid_t  copy;

    copy = *jid;
    copy.device = device;

    return copy;
}


bool
wa_jid_eq_bare(const wa_jid_t *a, const wa_jid_t *b)
{
    return a->server == b->server
           && a->server != WA_SERVER_NONE
           && a->server != WA_SERVER_OTHER
           && a->integrator == b->integrator
           && a->user_len == b->user_len
           && memcmp(a->user, b->user, a->user_len) == 0;
}


bool
wa_jid_eq(const wa_jid_t *a, const wa_jid_t *b)
{
    return a->device == b->device && wa_jid_eq_bare(a, b);
}


int
wa_jid_cmp(const wa_jid_t *a, const wa_jid_t *b)
{
    int  rc;

    if (a->server != b->server) {
        return a->server < b->server ? -1 : 1;
    }

    if (a->integrator != b->integrator) {
        return a->integrator < b->integrator ? -1 : 1;
    }

    rc = strcmp(a->user, b->user);
    if (rc != 0) {
        return rc < 0 ? -1 : 1;
    }

    if (a->device != b->device) {
        return a->device < b->device ? -1 : 1;
    }

    return 0;
}


bool
wa_jid_is_pn(const wa_jid_t *jid)
{
    return jid->server == WA_SERVER_PN || jid->server == WA_SERVER_HOSTED;
}


bool
wa_jid_is_lid(const wa_jid_t *jid)
{
    return jid->server == WA_SERVER_LID
           || jid->server == WA_SERVER_HOSTED_LID;
}


bool
wa_jid_is_user(const wa_jid_t *jid)
{
    return wa_jid_is_pn(jid) || wa_jid_is_lid(jid);
}


bool
wa_jid_is_hosted(const wa_jid_t *jid)
{
    return jid->server == WA_SERVER_HOSTED
           || jid->server == WA_SERVER_HOSTED_LID;
}


bool
wa_jid_is_group(const wa_jid_t *jid)
{
    return jid->server == WA_SERVER_GROUP;
}


bool
wa_jid_is_broadcast(const wa_jid_t *jid)
{
    return jid->server == WA_SERVER_BROADCAST;
}


bool
wa_jid_is_status(const wa_jid_t *jid)
{
    return wa_jid_is_broadcast(jid) && strcmp(jid->user, "status") == 0;
}


bool
wa_jid_is_list(const wa_jid_t *jid)
{
    return wa_jid_is_broadcast(jid) && !wa_jid_is_status(jid);
}


bool
wa_jid_is_newsletter(const wa_jid_t *jid)
{
    return jid->server == WA_SERVER_NEWSLETTER;
}


bool
wa_jid_is_root(const wa_jid_t *jid)
{
    return jid->server == WA_SERVER_ROOT;
}


size_t
wa_jid_signal_name(const wa_jid_t *jid, char *buf, size_t cap)
{
    size_t       n;
    const char  *suffix;

    switch (jid->server) {

    case WA_SERVER_PN:
        suffix = "";
        break;

    case WA_SERVER_LID:
        suffix = "_1";
        break;

    case WA_SERVER_HOSTED:
        suffix = "_128";
        break;

    case WA_SERVER_HOSTED_LID:
        suffix = "_129";
        break;

    default:
        return 0;
    }

    n = jid->user_len + strlen(suffix);

    if (n >= cap) {
        return 0;
    }

    memcpy(buf, jid->user, jid->user_len);
    memcpy(buf + jid->user_len, suffix, strlen(suffix) + 1);

    return n;
}


size_t
wa_jid_signal_address(const wa_jid_t *jid, char *buf, size_t cap)
{
    char    device[WA_JID_SHORT];
    size_t  n, len;

    n = wa_jid_signal_name(jid, buf, cap);
    if (n == 0) {
        return 0;
    }

    device[0] = '.';
    len = 1 + wa_jid_dec(device + 1, jid->device);

    if (n + len >= cap) {
        return 0;
    }

    memcpy(buf + n, device, len);
    buf[n + len] = '\0';

    return n + len;
}
