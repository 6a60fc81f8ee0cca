/*
 * Views of JSON text, see wa_jv.h.
 */
#include "wa_jv.h"

#include "wa_json_int.h"
#include "wa_jw.h"


typedef struct {
    wa_json_reader_t   r;
    wa_arena_t        *arena;
} view_t;


static wa_jv_t *view_value(view_t *v, unsigned depth);


static bool
view_is_utf8(wa_span_t s)
{
    size_t    i, n;
    uint64_t  x;

    for (i = 0; i < s.n; i += n) {

        if (s.n - i >= sizeof(x)) {
            memcpy(&x, s.p + i, sizeof(x));

            if ((x & 0x8080808080808080u) == 0) {
                n = sizeof(x);
                continue;
            }
        }

        n = s.p[i] < 0x80 ? 1 : wa_utf8_len(s.p + i, s.n - i);

        if (n == 0) {
            return false;
        }
    }

    return true;
}


/* Behind the opening quote. */
static bool
view_string(view_t *v, wa_span_t *out)
{
    if (!wa_json_read_string(&v->r, out) || !view_is_utf8(*out)) {
        return false;
    }

    if (out->n == 0) {
        *out = wa_span_str("");
        return true;
    }

    return out->p != v->r.text.p
           || wa_arena_dup_span(v->arena, *out, out) == WA_OK;
}


/* Newest first, so of members with one name the last one is found. */
static bool
view_members(view_t *v, wa_jv_t *o, unsigned depth)
{
    wa_jv_t    *m;
    wa_span_t   key;

    if (wa_json_read_mark(&v->r, '}')) {
        return true;
    }

    do {
        if (!wa_json_read_mark(&v->r, '"') || !view_string(v, &key)
            || memchr(key.p, '\0', key.n) != NULL
            || !wa_json_read_mark(&v->r, ':'))
        {
            return false;
        }

        m = view_value(v, depth);

        if (m == NULL) {
            return false;
        }

        m->key = key;
        m->next = o->u.child;
        o->u.child = m;
        o->count++;

    } while (wa_json_read_mark(&v->r, ','));

    return wa_json_read_mark(&v->r, '}');
}


static bool
view_items(view_t *v, wa_jv_t *list, unsigned depth)
{
    wa_jv_t         *item;
    const wa_jv_t  **tail;

    if (wa_json_read_mark(&v->r, ']')) {
        return true;
    }

    tail = &list->u.child;

    do {
        item = view_value(v, depth);

        if (item == NULL) {
            return false;
        }

        *tail = item;
        tail = &item->next;
        list->count++;

    } while (wa_json_read_mark(&v->r, ','));

    return wa_json_read_mark(&v->r, ']');
}


static bool
view_scalar(view_t *v, wa_jv_t *o)
{
    bool    real;
    size_t  i;

    static const struct {
        const char    *word;
        wa_jv_type_e   type;
    } words[] = {
        { "null", WA_JV_NULL },
        { "true", WA_JV_TRUE },
        { "false", WA_JV_FALSE }
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {

        if (wa_json_read_word(&v->r, words[i].word)) {
            o->type = words[i].type;
            return true;
        }
    }

    if (!wa_json_read_number(&v->r, &real, &o->u.i, &o->u.d)) {
        return false;
    }

    o->type = real ? WA_JV_REAL : WA_JV_INT;

    return true;
}


static wa_jv_t *
view_value(view_t *v, unsigned depth)
{
    bool            ok;
    wa_jv_t        *o;
    const uint8_t  *start;

    wa_json_read_space(&v->r);

    if (v->r.p == v->r.end || depth > WA_JSON_DEPTH_MAX) {
        return NULL;
    }

    o = wa_arena_calloc(v->arena, 1, sizeof(wa_jv_t));
    if (o == NULL) {
        return NULL;
    }

    start = v->r.p;

    switch (*start) {

    case '{':
        v->r.p++;
        o->type = WA_JV_OBJECT;
        ok = view_members(v, o, depth + 1);
        break;

    case '[':
        v->r.p++;
        o->type = WA_JV_ARRAY;
        ok = view_items(v, o, depth + 1);
        break;

    case '"':
        v->r.p++;
        o->type = WA_JV_STRING;
        ok = view_string(v, &o->u.s);
        break;

    default:
        ok = view_scalar(v, o);
        break;
    }

    o->raw = wa_span(start, (size_t) (v->r.p - start));

    return ok ? o : NULL;
}


const wa_jv_t *
wa_jv_read(wa_span_t text, wa_arena_t *arena)
{
    view_t    v = { { NULL, NULL, WA_BUF_EMPTY }, arena };
    wa_jv_t  *o;

    if (text.n == 0) {
        return NULL;
    }

    v.r.p = text.p;
    v.r.end = text.p + text.n;
    o = view_value(&v, 0);
    wa_json_read_space(&v.r);
    wa_buf_wipe(&v.r.text);

    if (o == NULL || v.r.p != v.r.end
        || (o->type != WA_JV_OBJECT && o->type != WA_JV_ARRAY))
    {
        return NULL;
    }

    return o;
}


const wa_jv_t *
wa_jv_get(const wa_jv_t *o, const char *name)
{
    size_t          n;
    const wa_jv_t  *m;

    if (o == NULL || o->type != WA_JV_OBJECT) {
        return NULL;
    }

    n = strlen(name);

    for (m = o->u.child; m != NULL; m = m->next) {

        if (m->key.n == n && memcmp(m->key.p, name, n) == 0) {
            return m;
        }
    }

    return NULL;
}


wa_span_t
wa_jv_str(const wa_jv_t *o, const char *name)
{
    const wa_jv_t  *v;

    v = wa_jv_get(o, name);

    return v != NULL && v->type == WA_JV_STRING ? v->u.s : wa_span_none();
}


int64_t
wa_jv_int(const wa_jv_t *o, const char *name)
{
    const wa_jv_t  *v;

    v = wa_jv_get(o, name);

    return v != NULL && v->type == WA_JV_INT ? v->u.i : 0;
}


bool
wa_jv_is_true(const wa_jv_t *o, const char *name)
{
    const wa_jv_t  *v;

    v = wa_jv_get(o, name);

    return v != NULL && v->type == WA_JV_TRUE;
}


bool
wa_jv_is_false(const wa_jv_t *o, const char *name)
{
    const wa_jv_t  *v;

    v = wa_jv_get(o, name);

    return v != NULL && v->type == WA_JV_FALSE;
}
