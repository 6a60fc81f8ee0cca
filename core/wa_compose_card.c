/*
 * Contacts: vCards, made or as they were given.
 * Source: RFC 2426; `waid` is WhatsApp's own parameter.
 */
#include "wa_compose_int.h"

#include <stdio.h>

#include "wa_wr.h"


/* Contract limit. */
#define CARD_CONTACTS_MAX  20

/* Bytes; ours. */
#define CARD_NAME_MAX      255
#define CARD_VALUE_MAX     255
#define CARD_PHONES_MAX    16
#define CARD_MAX           16384
#define CARD_DIGITS_LEAST  5


static Wa__Message__ContactMessage *card_one(wa_draft_t *d,
    const json_t *o);
static Wa__Message__ContactMessage *card_of_jid(wa_draft_t *d,
    const json_t *args);
static Wa__Message__ContactMessage *card_new(wa_draft_t *d, char *name,
    char *vcard);
static char *card_make(wa_draft_t *d, const json_t *o, const char *name);
static void card_phone(wa_draft_t *d, wa_wr_t *w, const json_t *v);
static void card_line(wa_wr_t *w, const char *what, const char *value,
    const char *end);
static char *card_finish(wa_draft_t *d, wa_wr_t *w, wa_buf_t *out);


void
wa_compose_contact(wa_draft_t *d, const json_t *args)
{
    char                                 title[32];
    size_t                               i, n;
    const json_t                        *list;
    Wa__Message__ContactMessage         *card;
    Wa__Message__ContactsArrayMessage   *a;

    list = json_object_get(args, "contacts");
    n = json_array_size(list);

    if (list == NULL || n == 1) {
        card = list == NULL ? card_of_jid(d, args)
                            : card_one(d, json_array_get(list, 0));
        if (card == NULL) {
            return;
        }

        d->message.contact_message = card;
        d->slot = &card->context_info;
        d->secret = true;
        return;
    }

    if (n == 0 || n > CARD_CONTACTS_MAX) {
        wa_arg_bad(d, "contacts", "OUT_OF_RANGE", "must be 1 to 20 contacts");
        return;
    }

    a = wa_arg_new(d, sizeof(*a));

    if (a == NULL) {
        return;
    }

    wa__message__contacts_array_message__init(a);

    a->contacts = wa_arg_new(d, n * sizeof(*a->contacts));

    for (i = 0; i < n && d->error.code == NULL; i++) {
        a->contacts[i] = card_one(d, json_array_get(list, i));
    }

    (void) snprintf(title, sizeof(title), "%u contacts", (unsigned) n);

    a->n_contacts = n;
    a->display_name = wa_arena_strdup(&d->arena, wa_span_str(title));

    if (a->display_name == NULL) {
        wa_arg_refuse(d, "INTERNAL_ERROR", "Out of memory");
        return;
    }

    d->message.contacts_array_message = a;
    d->slot = &a->context_info;
    d->secret = true;
}


/* {contact_jid, name}: the number is all that is known. */
static Wa__Message__ContactMessage *
card_of_jid(wa_draft_t *d, const json_t *args)
{
    char      *name, *vcard;
    json_t    *o;
    wa_jid_t   jid;

    name = wa_arg_need(d, args, "name", CARD_NAME_MAX);

    if (json_object_get(args, "contact_jid") == NULL) {
        wa_arg_bad(d, "contact_jid", "REQUIRED", "is required");
    }

    if (d->error.code != NULL) {
        return NULL;
    }

    if (!wa_arg_jid(json_object_get(args, "contact_jid"), &jid)
        || jid.server != WA_SERVER_PN)
    {
        wa_arg_bad(d, "contact_jid", "INVALID", "is not a phone number");
        return NULL;
    }

    o = json_pack("{s:[s]}", "phones", jid.user);
    vcard = card_make(d, o, name);
    json_decref(o);

    return card_new(d, name, vcard);
}


static Wa__Message__ContactMessage *
card_one(wa_draft_t *d, const json_t *o)
{
    char  *name, *vcard;

    if (!json_is_object(o)) {
        wa_arg_bad(d, "contacts", "INVALID_TYPE", "must hold objects");
        return NULL;
    }

    name = wa_arg_need(d, o, "name", CARD_NAME_MAX);
    vcard = wa_arg_text(d, o, "vcard", CARD_MAX);

    if (vcard != NULL && strncasecmp(vcard, "BEGIN:VCARD", 11) != 0) {
        wa_arg_bad(d, "vcard", "INVALID", "is not a vCard");
    }

    if (d->error.code != NULL) {
        return NULL;
    }

    return card_new(d, name, vcard != NULL ? vcard : card_make(d, o, name));
}


static Wa__Message__ContactMessage *
card_new(wa_draft_t *d, char *name, char *vcard)
{
    Wa__Message__ContactMessage  *c;

    c = wa_arg_new(d, sizeof(*c));

    if (c == NULL || vcard == NULL) {
        return NULL;
    }

    wa__message__contact_message__init(c);

    c->display_name = name;
    c->vcard = vcard;

    return c;
}


static char *
card_make(wa_draft_t *d, const json_t *o, const char *name)
{
    size_t         i, n;
    wa_wr_t        w;
    wa_buf_t       out = WA_BUF_EMPTY;
    const char    *organization, *email;
    const json_t  *phones;

    phones = json_object_get(o, "phones");
    n = json_array_size(phones);

    if (n == 0 || n > CARD_PHONES_MAX) {
        wa_arg_bad(d, "phones", n == 0 ? "REQUIRED" : "OUT_OF_RANGE",
                   "must be 1 to 16 phone numbers");
        return NULL;
    }

    organization = wa_arg_text(d, o, "organization", CARD_VALUE_MAX);
    email = wa_arg_text(d, o, "email", CARD_VALUE_MAX);

    wa_wr_init(&w, &out, CARD_MAX);

    card_line(&w, "BEGIN:VCARD\nVERSION:3.0\nN:;", name, ";;;\n");
    card_line(&w, "FN:", name, "\n");

    if (organization != NULL) {
        card_line(&w, "ORG:", organization, ";\n");
    }

    for (i = 0; i < n; i++) {
        card_phone(d, &w, json_array_get(phones, i));
    }

    if (email != NULL) {
        card_line(&w, "EMAIL:", email, "\n");
    }

    card_line(&w, "END:VCARD", "", "");

    return card_finish(d, &w, &out);
}


static char *
card_finish(wa_draft_t *d, wa_wr_t *w, wa_buf_t *out)
{
    char  *card;

    card = NULL;

    if (w->err != WA_OK) {
        wa_arg_bad(d, "contacts", "TOO_LONG", "is too long");

    } else if (d->error.code == NULL) {
        card = wa_arena_strdup(&d->arena, wa_span_buf(out));

        if (card == NULL) {
            wa_arg_refuse(d, "INTERNAL_ERROR", "Out of memory");
        }
    }

    wa_buf_wipe(out);

    return card;
}


static void
card_phone(wa_draft_t *d, wa_wr_t *w, const json_t *v)
{
    char         digits[32];
    size_t       n;
    const char  *p;

    n = 0;

    for (p = json_string_value(v); p != NULL && *p != '\0'; p++) {

        if (*p >= '0' && *p <= '9' && n < sizeof(digits) - 1) {
            digits[n++] = *p;

        } else if (strchr("+-(). ", *p) == NULL || n >= sizeof(digits) - 1) {
            n = 0;
            break;
        }
    }

    digits[n] = '\0';

    if (n < CARD_DIGITS_LEAST) {
        wa_arg_bad(d, "phones", "INVALID", "must hold phone numbers");
        return;
    }

    card_line(w, "TEL;type=CELL;type=VOICE;waid=", digits, ":+");
    card_line(w, digits, "", "\n");
}


/* A value's line breaks and separators are escaped. */
static void
card_line(wa_wr_t *w, const char *what, const char *value, const char *end)
{
    wa_wr_bytes(w, what, strlen(what));

    for ( /* void */ ; *value != '\0'; value++) {

        switch (*value) {

        case '\\':
        case ',':
        case ';':
            wa_wr_u8(w, '\\');
            wa_wr_u8(w, (uint8_t) *value);
            break;

        case '\n':
            wa_wr_bytes(w, "\\n", 2);
            break;

        case '\r':
            break;

        default:
            wa_wr_u8(w, (uint8_t) *value);
        }
    }

    wa_wr_bytes(w, end, strlen(end));
}
