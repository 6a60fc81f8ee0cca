/*
 * Contact cards (vCard 2.1 to 4.0) -> "contacts" of a message.
 *
 * Only what the contract names is read: name, numbers, organisation, mail.
 * The card itself stands beside it.  Lines are taken as they come, the
 * encodings of vCard 2.1 are left as they are.
 */
#include "wa_event_int.h"


/* WhatsApp lets people choose 257. */
#define CARD_CONTACTS_MAX  257
#define CARD_PHONES_MAX    50

/* A photo inside makes cards large; more than this is only cut. */
#define CARD_BYTES_MAX     (64 * 1024)

typedef struct {
    wa_span_t  name;         /* without group and parameters */
    wa_span_t  parameters;
    wa_span_t  value;
} card_line_t;


static void contact(const Wa__Message__ContactMessage *c, wa_jw_t *w);
static void contact_phones(wa_span_t card, wa_jw_t *w);
static bool card_line(wa_span_t *rest, card_line_t *out);
static bool card_is(const card_line_t *line, const char *name);
static wa_span_t card_value(wa_span_t card, const char *name);
static wa_span_t card_waid(const card_line_t *line);
static bool lower_eq(wa_span_t s, const char *lower);


void
wa_event_contacts(const wa_content_t *c, wa_jw_t *w)
{
    size_t                                    i, n;
    const Wa__Message__ContactsArrayMessage  *list;

    if (c->kind != WA_KIND_CONTACT || c->message == NULL) {
        return;
    }

    wa_jw_open(w, WA_JW("contacts"), '[');
    list = c->message->contacts_array_message;

    if (c->message->contact_message != NULL) {
        contact(c->message->contact_message, w);

    } else if (list != NULL) {
        n = list->n_contacts < CARD_CONTACTS_MAX ? list->n_contacts
                                                 : CARD_CONTACTS_MAX;

        for (i = 0; i < n; i++) {
            contact(list->contacts[i], w);
        }
    }

    wa_jw_close(w, ']');
}


static void
contact(const Wa__Message__ContactMessage *c, wa_jw_t *w)
{
    wa_span_t  card, s;

    card = wa_span_str(c->vcard);

    if (card.n > CARD_BYTES_MAX) {
        card.n = CARD_BYTES_MAX;
    }

    wa_jw_open(w, NULL, '{');

    s = wa_span_str(c->display_name);
    wa_jw_text(w, WA_JW("name"), s.n != 0 ? s : card_value(card, "fn"));
    contact_phones(card, w);

    s = card_value(card, "org");

    if (s.p != NULL) {
        wa_jw_text(w, WA_JW("organization"), s);
    }

    s = card_value(card, "email");

    if (s.p != NULL) {
        wa_jw_text(w, WA_JW("email"), s);
    }

    wa_jw_text(w, WA_JW("vcard"), card);
    wa_jw_close(w, '}');
}


/* WhatsApp's own form of a number when the card has it. */
static void
contact_phones(wa_span_t card, wa_jw_t *w)
{
    size_t       n;
    wa_span_t    waid;
    card_line_t  line;

    n = 0;
    wa_jw_open(w, WA_JW("phones"), '[');

    while (n < CARD_PHONES_MAX && card_line(&card, &line)) {

        if (!card_is(&line, "tel")) {
            continue;
        }

        waid = card_waid(&line);
        wa_jw_text(w, NULL, waid.p != NULL ? waid : line.value);
        n++;
    }

    wa_jw_close(w, ']');
}


/* The next "group.NAME;parameters:value"; false: the end. */
static bool
card_line(wa_span_t *rest, card_line_t *out)
{
    size_t     i, end, colon, semicolon;
    wa_span_t  s;

    while (rest->n != 0) {
        s = *rest;

        for (end = 0; end < s.n && s.p[end] != '\n'; end++) { /* void */ }

        *rest = wa_span(s.p + end + (end < s.n), s.n - end - (end < s.n));

        if (end > 0 && s.p[end - 1] == '\r') {
            end--;
        }

        for (colon = 0; colon < end && s.p[colon] != ':'; colon++) {
            /* void */
        }

        if (colon == end) {
            continue;
        }

        for (semicolon = 0; semicolon < colon; semicolon++) {
            if (s.p[semicolon] == ';') {
                break;
            }
        }

        out->name = wa_span(s.p, semicolon);

        for (i = 0; i < semicolon; i++) {
            if (s.p[i] == '.') {
                out->name = wa_span(s.p + i + 1, semicolon - i - 1);
            }
        }

        out->parameters = wa_span(s.p + semicolon, colon - semicolon);
        out->value = wa_span(s.p + colon + 1, end - colon - 1);

        return true;
    }

    return false;
}


static bool
card_is(const card_line_t *line, const char *name)
{
    return lower_eq(line->name, name);
}


static wa_span_t
card_value(wa_span_t card, const char *name)
{
    card_line_t  line;

    while (card_line(&card, &line)) {

        if (!card_is(&line, name)) {
            continue;
        }

        /* The parts of an organisation: the first is its name. */

        while (line.value.n != 0
               && line.value.p[line.value.n - 1] == ';')
        {
            line.value.n--;
        }

        return line.value;
    }

    return wa_span_none();
}


/* TEL;type=CELL;waid=393331234567:+39 333 1234567 */
static wa_span_t
card_waid(const card_line_t *line)
{
    size_t     i, n;
    wa_span_t  p;

    p = line->parameters;

    for (i = 0; i + 6 <= p.n; i++) {

        if (!lower_eq(wa_span(p.p + i, 6), ";waid=")) {
            continue;
        }

        p = wa_span(p.p + i + 6, p.n - i - 6);

        for (n = 0; n < p.n && p.p[n] >= '0' && p.p[n] <= '9'; n++) {
            /* void */
        }

        return n == 0 ? wa_span_none() : wa_span(p.p, n);
    }

    return wa_span_none();
}


static bool
lower_eq(wa_span_t s, const char *lower)
{
    size_t   i;
    uint8_t  c;

    if (s.n != strlen(lower)) {
        return false;
    }

    for (i = 0; i < s.n; i++) {
        c = s.p[i];
        c = (c >= 'A' && c <= 'Z') ? (uint8_t) (c - 'A' + 'a') : c;

        if (c != (uint8_t) lower[i]) {
            return false;
        }
    }

    return true;
}
