/*
 * Stanzas from the server through the engine's public verb, into an account
 * that is linked and logged in: every handler by tag, what it waits for and
 * what it answers.  Input: a byte, whose lowest bit says that the account has
 * questions of its own under way, then rows of a length (u16) and the payload
 * of a frame.  The account lives on, and what it tells others is JSON.
 *
 * The connection without bytes and the host in memory are those of the unit
 * tests.
 */

#include "../unit/wa_room_conn.h"
#include "../unit/wa_host.c"

#include "fuzz.h"
#include "wa_life.h"
#include "wa_send.h"


/* Longest wait of an iq, and what follows it. */
#define FUZZ_PATIENCE_MS  (130 * 1000)

/* No input is worth this much memory. */
#define FUZZ_FOOTPRINT    (32u * 1024 * 1024)


static wa_host_t      *fuzz_host;
static host_record_t  *fuzz_records;       /* of the account as it begins  */
static size_t          fuzz_n;
static uint64_t        fuzz_seq;


static void
fuzz_link(wa_host_t *h)
{
    wa_unit_t     *u;
    wa_account_t  *a;

    a = wa_host_account(h);
    a->creds->linked = true;
    wa_fuzz_check(wa_jid_make(&a->creds->jid, wa_span_str("15550109999"),
                              WA_SERVER_PN, 7) == WA_OK);
    wa_fuzz_check(wa_jid_make(&a->creds->lid, wa_span_str("99000099"),
                              WA_SERVER_LID, 7) == WA_OK);
    u = wa_unit_new(a);
    wa_fuzz_check(wa_creds_save(u) == WA_OK);
    wa_fuzz_check(wa_unit_commit(u, NULL) == WA_OK);
    wa_host_drain(h);
}


static void
fuzz_copy_records(host_record_t *to, const host_record_t *from, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        to[i] = from[i];
        to[i].p = from[i].p == NULL ? NULL
                                    : wa_fuzz_copy(from[i].p, from[i].n);
    }
}


static void
fuzz_begin(void)
{
    if (fuzz_host != NULL) {
        return;
    }

    fuzz_host = wa_host_create();
    wa_host_make(fuzz_host);
    fuzz_link(fuzz_host);
    fuzz_n = fuzz_host->n_records;
    fuzz_seq = fuzz_host->seq;
    fuzz_records = calloc(fuzz_n, sizeof(host_record_t));
    wa_fuzz_check(fuzz_records != NULL);
    fuzz_copy_records(fuzz_records, fuzz_host->records, fuzz_n);
}


/* The same account, whatever the last input did to it. */
static void
fuzz_again(void)
{
    size_t         i;
    wa_host_t     *h = fuzz_host;
    wa_account_t  *a;

    for (i = 0; i < h->n_records; i++) {
        free(h->records[i].p);
        h->records[i].p = NULL;         /* freed before it is written to   */
    }

    for (i = 0; i < h->n_events; i++) {
        free(h->types[i]);
        free(h->bodies[i]);
    }

    h->n_events = 0;
    fuzz_copy_records(h->records, fuzz_records, fuzz_n);
    h->n_records = fuzz_n;
    h->seq = fuzz_seq;
    h->now = 1000;
    wa_engine_set_clock(h->engine, HOST_WALL_MS + h->now, h->now);

    wa_host_restart(h);
    a = wa_host_account(h);
    wa_fuzz_check(a->conn != NULL);
    wa_life_move(a, WA_STATE_READY, NULL, 0);
    wa_send_online(a);
    wa_host_drain(h);
}


/* Iqs 1, 2, 3 ...: devices of a contact, media hosts, a group, channels. */
static void
fuzz_ask(wa_host_t *h)
{
    wa_host_submit(h, WA_OP_SEND,
                   json_pack("{s:s, s:s, s:s}", "to",
                             "15550100001@s.whatsapp.net", "type", "text",
                             "text", "hello"));
    wa_host_submit(h, WA_OP_QUERY, json_pack("{s:s}", "verb", "media.conn"));
    wa_host_submit(h, WA_OP_QUERY,
                   json_pack("{s:s, s:s}", "verb", "group.metadata", "jid",
                             "120363000000000042@g.us"));
    wa_host_submit(h, WA_OP_QUERY,
                   json_pack("{s:s}", "verb", "channel.list"));
}


static void
fuzz_stanza(wa_span_t in)
{
    size_t         i;
    uint8_t       *copy;
    wa_account_t  *a;

    a = wa_host_account(fuzz_host);
    copy = wa_fuzz_copy(in.p, in.n);
    (void) wa_account_feed(a, wa_span(copy, in.n), fuzz_host->now);
    free(copy);
    wa_host_drain(fuzz_host);

    /* Nobody reads what it says. */

    for (i = 0; a->conn != NULL && i < a->conn->n_out; i++) {
        free(a->conn->out[i].p);
    }

    if (a->conn != NULL) {
        a->conn->n_out = 0;
    }
}


static void
fuzz_check_events(const wa_host_t *h)
{
    size_t   i;
    json_t  *o;

    for (i = 0; i < h->n_events; i++) {
        o = json_loads(h->bodies[i], JSON_REJECT_DUPLICATES, NULL);
        wa_fuzz_check(json_is_object(o));
        json_decref(o);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t     n;
    wa_gone_e  why;

    if (wa_crypto_init() != WA_OK) {
        return 0;
    }

    fuzz_begin();
    fuzz_again();

    if (size > 0) {

        if (data[0] & 1) {
            fuzz_ask(fuzz_host);
        }

        data++;
        size--;
    }

    while (size > 2 && !wa_host_gone(fuzz_host, &why)) {
        n = (size_t) data[0] << 8 | data[1];
        data += 2;
        size -= 2;
        n = n < size ? n : size;
        fuzz_stanza(wa_span(data, n));
        data += n;
        size -= n;
        wa_host_advance(fuzz_host, WA_UNIT_PATIENCE_MS + 5);
    }

    wa_fuzz_check(wa_account_footprint(wa_host_account(fuzz_host))
                  < FUZZ_FOOTPRINT);
    wa_host_advance(fuzz_host, FUZZ_PATIENCE_MS);
    fuzz_check_events(fuzz_host);

    return 0;
}
