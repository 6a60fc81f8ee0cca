/*
 * HistorySync protobufs as a phone makes them, written by hand: the code
 * under test has no encoder for them.  Fields of a message stand in the order
 * of their numbers, as encoders do it; ends are patched in.
 */
#ifndef WA_HIST_H
#define WA_HIST_H

#include "wa_base.h"
#include "wa_history.h"


typedef struct {
    wa_buf_t   b;
    size_t     open[16];         /* where bodies begin */
    size_t     depth;
} wa_hist_t;

void wa_hist_varint(wa_hist_t *h, unsigned number, uint64_t v);
void wa_hist_bytes(wa_hist_t *h, unsigned number, const void *p, size_t n);
void wa_hist_str(wa_hist_t *h, unsigned number, const char *s);
void wa_hist_begin(wa_hist_t *h, unsigned number);
void wa_hist_end(wa_hist_t *h);

/* HistorySyncMsg{message{key{remoteJid, fromMe, id, participant}, message,
   messageTimestamp, status}, msgOrderId}, left open behind the status:
   wa_hist_msg_end().  `who` NULL: none. */
void wa_hist_msg_begin(wa_hist_t *h, const char *chat, bool from_me,
    const char *id, const char *who, wa_span_t message, uint64_t ts,
    unsigned status);
void wa_hist_msg_end(wa_hist_t *h, uint64_t order);

/* The whole of it, with a text. */
void wa_hist_text(wa_hist_t *h, const char *chat, bool from_me,
    const char *id, const char *who, const char *text, uint64_t ts,
    uint64_t order);

/* Packs what was written; wa_buf_free() it. */
wa_buf_t wa_hist_pack(const wa_hist_t *h);

/* wa_history_read_pt over a wa_span_t. */
wa_err_t wa_hist_read(void *ctx, uint64_t offset, uint8_t *buf, size_t cap,
    size_t *n);

/* Account "a1" with the shard and tenant of wa_db.h, phone 15550001 (100@lid)
   at unix time `now_s`; `packed` is borrowed. */
wa_history_conf_t wa_hist_conf(wa_span_t *packed, int64_t now_s);

#endif /* WA_HIST_H */
