/*
 * Shared by the fuzz targets: a property that does not hold ends the process
 * so that the fuzzer keeps the input.
 */

#ifndef WA_FUZZ_H
#define WA_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "wa_base.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


#define wa_fuzz_check(condition)                                              \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__,           \
                    __LINE__, #condition);                                    \
            abort();                                                          \
        }                                                                     \
    } while (0)


/* A heap copy of exactly n bytes, so that a read past the end is seen. */
static inline uint8_t *
wa_fuzz_copy(const uint8_t *p, size_t n)
{
    uint8_t  *copy;

    copy = malloc(n != 0 ? n : 1);
    if (copy == NULL) {
        abort();
    }

    if (n != 0) {
        memcpy(copy, p, n);
    }

    return copy;
}


#endif /* WA_FUZZ_H */
