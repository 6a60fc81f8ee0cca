/*
 * A read-only view of JSON text: values in an arena, strings as spans of the
 * text itself.
 *
 * The projection reads some fifteen of an event's eighty members and keeps
 * the rest as text; a jansson value of it costs three heap objects a member.
 */
#ifndef WA_JV_H
#define WA_JV_H

#include "wa_mem.h"


typedef enum {
    WA_JV_NULL = 0,
    WA_JV_FALSE,
    WA_JV_TRUE,
    WA_JV_INT,
    WA_JV_REAL,
    WA_JV_STRING,
    WA_JV_ARRAY,
    WA_JV_OBJECT
} wa_jv_type_e;

typedef struct wa_jv_s  wa_jv_t;

struct wa_jv_s {
    wa_jv_type_e    type;
    uint32_t        count;             /* ARRAY, OBJECT: values in it       */
    wa_span_t       key;               /* of a member                       */
    wa_span_t       raw;               /* the value's text                  */
    const wa_jv_t  *next;              /* in the same array or object       */
    union {
        wa_span_t       s;             /* STRING: UTF-8, p never NULL; may
                                          have NULs in it                   */
        int64_t         i;
        double          d;
        const wa_jv_t  *child;         /* the first of an array; members
                                          in no order                       */
    } u;
};


/*
 * The object or array that the text is, all of it; as wa_json_read() sees
 * it.  Lives as long as text and arena.  NULL: not JSON, out of its bounds,
 * or no memory.
 */
const wa_jv_t *wa_jv_read(wa_span_t text, wa_arena_t *arena);

/* NULL: no such member, or `o` is NULL or no object. */
const wa_jv_t *wa_jv_get(const wa_jv_t *o, const char *name);

/* p NULL: none, or no string.  (All below: as wa_jv_get() finds it.) */
wa_span_t wa_jv_str(const wa_jv_t *o, const char *name);

/* 0: none, or no integer. */
int64_t wa_jv_int(const wa_jv_t *o, const char *name);

bool wa_jv_is_true(const wa_jv_t *o, const char *name);
bool wa_jv_is_false(const wa_jv_t *o, const char *name);

#endif /* WA_JV_H */
