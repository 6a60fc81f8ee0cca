/* A collection of app state as a phone writes it, see wa_chain.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_chain.h"
#include "wa_synced.h"


/* Pieces the host hands out. */
#define PIECE  65536


static const uint8_t  key_data[32] = { 3 };


static void chain_contact(wa_chain_t *c, wa_hist_t *w, size_t i,
    const char *name, bool mutation);
static void chain_key(wa_hist_t *w, unsigned number);
static void chain_file(wa_chain_t *c, wa_host_t *h, wa_hist_t *out);


void
wa_chain_init(wa_chain_t *c, size_t max)
{
    memset(c, 0, sizeof(*c));
    c->macs = calloc(max, WA_SYNCD_MAC_LEN);
    assert_non_null(c->macs);
    assert_int_equal(wa_syncd_keys(wa_span(key_data, sizeof(key_data)),
                                   &c->keys), WA_OK);
}


void
wa_chain_free(wa_chain_t *c)
{
    wa_buf_free(&c->file.b);
    free(c->macs);
}


void
wa_chain_share(wa_host_t *h)
{
    sync_share(h, wa_span_str(WA_CHAIN_KEY),
               wa_span(key_data, sizeof(key_data)));
}


void
wa_chain_snapshot(wa_chain_t *c, wa_host_t *h, const char *name, size_t n,
    wa_hist_t *out)
{
    size_t      i;
    uint8_t     mac[WA_SYNCD_MAC_LEN];
    wa_hist_t  *w;

    w = &c->file;
    w->b.n = 0;
    c->version++;
    wa_hist_begin(w, 1);
    wa_hist_varint(w, 1, c->version);
    wa_hist_end(w);

    for (i = 0; i < n; i++) {
        chain_contact(c, w, i, name, false);
    }

    c->n = n;
    assert_int_equal(wa_syncd_snapshot_mac(&c->keys, c->hash, c->version,
                                           wa_span_str(WA_CHAIN_NAME), mac),
                     WA_OK);
    wa_hist_bytes(w, 3, mac, sizeof(mac));
    chain_key(w, 4);
    chain_file(c, h, out);
}


void
wa_chain_patch(wa_chain_t *c, wa_host_t *h, const char *name, size_t n,
    bool file, wa_hist_t *out)
{
    size_t      i, at;
    uint8_t     mac[WA_SYNCD_MAC_LEN], pmac[WA_SYNCD_MAC_LEN];
    wa_hist_t  *w;

    w = file ? &c->file : out;
    w->b.n = 0;
    c->version++;

    for (i = 0; i < n; i++) {
        at = w->b.n;
        chain_contact(c, w, i, name, true);

        if (!file) {
            w->b.p[at] = 2 << 3 | 2;    /* another field than in a file */
        }
    }

    assert_int_equal(wa_syncd_snapshot_mac(&c->keys, c->hash, c->version,
                                           wa_span_str(WA_CHAIN_NAME), mac),
                     WA_OK);
    assert_int_equal(wa_syncd_patch_mac(&c->keys, mac, c->macs, n,
                                        WA_SYNCD_MAC_LEN, c->version,
                                        wa_span_str(WA_CHAIN_NAME), pmac),
                     WA_OK);

    if (file) {
        out->b.n = 0;
        wa_hist_begin(out, 3);
        chain_file(c, h, out);
        wa_hist_end(out);
    }

    wa_hist_bytes(out, 4, mac, sizeof(mac));
    wa_hist_bytes(out, 5, pmac, sizeof(pmac));
    chain_key(out, 6);
}


/* A record or mutation of contact i; its MAC is kept and in the hash. */
static void
chain_contact(wa_chain_t *c, wa_hist_t *w, size_t i, const char *name,
    bool mutation)
{
    char       index[96], text[96];
    uint8_t    iv[16] = { 7 }, mac[WA_SYNCD_MAC_LEN], *known;
    wa_buf_t   blob = WA_BUF_EMPTY;
    wa_hist_t  d = { .depth = 0 };

    (void) snprintf(index, sizeof(index),
                    "[\"contact\",\"1555%07zu@s.whatsapp.net\"]", i);
    wa_hist_str(&d, 1, index);
    wa_hist_begin(&d, 2);
    wa_hist_varint(&d, 1, 1763700000000);
    wa_hist_begin(&d, 3);
    (void) snprintf(text, sizeof(text), "%s %zu", name, i);
    wa_hist_str(&d, 1, text);
    wa_hist_str(&d, 2, name);
    wa_hist_end(&d);
    wa_hist_end(&d);
    wa_hist_varint(&d, 4, 2);

    memcpy(iv, &i, sizeof(i));
    assert_int_equal(wa_syncd_seal(&c->keys, WA_SYNCD_SET,
                                   wa_span_str(WA_CHAIN_KEY), iv,
                                   wa_span_buf(&d.b), &blob), WA_OK);
    assert_int_equal(wa_syncd_index_mac(&c->keys, wa_span_str(index), mac),
                     WA_OK);
    known = c->macs + i * WA_SYNCD_MAC_LEN;

    if (i < c->n) {
        assert_int_equal(wa_lthash_sub(c->hash, known), WA_OK);
    }

    memcpy(known, blob.p + blob.n - WA_SYNCD_MAC_LEN, WA_SYNCD_MAC_LEN);
    assert_int_equal(wa_lthash_add(c->hash, known), WA_OK);
    wa_hist_begin(w, mutation ? 1 : 2);

    if (mutation) {
        wa_hist_varint(w, 1, 0);
        wa_hist_begin(w, 2);
    }

    wa_hist_begin(w, 1);
    wa_hist_bytes(w, 1, mac, sizeof(mac));
    wa_hist_end(w);
    wa_hist_begin(w, 2);
    wa_hist_bytes(w, 1, blob.p, blob.n);
    wa_hist_end(w);
    chain_key(w, 3);

    if (mutation) {
        wa_hist_end(w);
    }

    wa_hist_end(w);
    wa_buf_free(&d.b);
    wa_buf_free(&blob);
}


static void
chain_key(wa_hist_t *w, unsigned number)
{
    wa_hist_begin(w, number);
    wa_hist_str(w, 1, WA_CHAIN_KEY);
    wa_hist_end(w);
}


/* ExternalBlobReference of what was made. */
static void
chain_file(wa_chain_t *c, wa_host_t *h, wa_hist_t *out)
{
    uint8_t  key[32] = { 9 };

    wa_hist_bytes(out, 1, key, sizeof(key));
    wa_hist_str(out, 2, "/file");
    wa_hist_bytes(out, 5, key, sizeof(key));
    wa_host_file(h, "/file", wa_span_buf(&c->file.b), PIECE);
}
