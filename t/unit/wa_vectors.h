/*
 * Test vectors: t/vectors/<name>, found through the environment variable
 * WAHUB_VECTORS or the directory given at compile time.
 */

#ifndef WA_VECTORS_H
#define WA_VECTORS_H

#include <jansson.h>

#include "wa_base.h"
#include "wa_mem.h"


typedef struct {
    json_t      *root;
    wa_arena_t   arena;         /* decoded byte strings */
} wa_vectors_t;

/* Ends the process with a message when the file is missing or not JSON. */
void wa_vectors_open(wa_vectors_t *v, const char *name);
void wa_vectors_close(wa_vectors_t *v);

/*
 * A member by path ("keys.root.pub", "handshakes.0.pattern"); ends the
 * process when it is not there, so a renamed key cannot pass unnoticed.
 */
json_t *wa_vectors_get(json_t *from, const char *path);
bool wa_vectors_has(json_t *from, const char *path);

const char *wa_vectors_str(json_t *from, const char *path);
wa_span_t wa_vectors_hex(wa_vectors_t *v, json_t *from, const char *path);
int64_t wa_vectors_int(json_t *from, const char *path);

/* Hex text to bytes in v's arena. */
wa_span_t wa_vectors_unhex(wa_vectors_t *v, const char *hex);


#endif /* WA_VECTORS_H */
