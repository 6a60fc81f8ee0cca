/*
 * What reads the marks of JSON text, shared by those who make values of them
 * (wa_json_read.c: jansson's, wa_jv.c: views).
 */
#ifndef WA_JSON_INT_H
#define WA_JSON_INT_H

#include "wa_json.h"


/* Start with p, end and WA_BUF_EMPTY; wipe `text` at the end. */
typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
    wa_buf_t        text;              /* a string without its escapes     */
} wa_json_reader_t;


void wa_json_read_space(wa_json_reader_t *r);

/* The next byte that means something, if it is `c`. */
bool wa_json_read_mark(wa_json_reader_t *r, uint8_t c);

/*
 * Behind the opening quote.  The span is of the input, or when there are
 * escapes of r->text: it lasts until the next string.  Not checked to be
 * UTF-8.  False: not a string, or no memory.
 */
bool wa_json_read_string(wa_json_reader_t *r, wa_span_t *out);

/* Exactly this word. */
bool wa_json_read_word(wa_json_reader_t *r, const char *word);

/* Integers that do not fit are refused, as by jansson. */
bool wa_json_read_number(wa_json_reader_t *r, bool *real, int64_t *i,
    double *d);

#endif /* WA_JSON_INT_H */
