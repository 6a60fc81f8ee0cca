/* Loader of the test vectors. */

#include <stdio.h>
#include <stdlib.h>

#include "wa_b64.h"
#include "wa_vectors.h"


#ifndef WAHUB_VECTORS_DIR
#define WAHUB_VECTORS_DIR  "t/vectors"
#endif


static void
wa_vectors_die(const char *what, const char *name)
{
    fprintf(stderr, "vectors: %s: %s\n", what, name);
    exit(2);
}


void
wa_vectors_open(wa_vectors_t *v, const char *name)
{
    char          path[1024];
    const char   *dir;
    json_error_t  error;

    dir = getenv("WAHUB_VECTORS");
    if (dir == NULL) {
        dir = WAHUB_VECTORS_DIR;
    }

    snprintf(path, sizeof(path), "%s/%s", dir, name);

    v->root = json_load_file(path, 0, &error);
    if (v->root == NULL) {
        wa_vectors_die(error.text, path);
    }

    wa_arena_init(&v->arena, 0);
}


void
wa_vectors_close(wa_vectors_t *v)
{
    json_decref(v->root);
    wa_arena_free(&v->arena);
}


static json_t *
wa_vectors_find(json_t *from, const char *path)
{
    char         key[128];
    size_t       n;
    const char  *dot;

    while (from != NULL && *path != '\0') {
        dot = strchr(path, '.');
        n = (dot != NULL) ? (size_t) (dot - path) : strlen(path);

        if (n >= sizeof(key)) {
            return NULL;
        }

        memcpy(key, path, n);
        key[n] = '\0';

        from = json_is_array(from)
               ? json_array_get(from, strtoul(key, NULL, 10))
               : json_object_get(from, key);

        path += n + (dot != NULL ? 1 : 0);
    }

    return from;
}


bool
wa_vectors_has(json_t *from, const char *path)
{
    return wa_vectors_find(from, path) != NULL;
}


json_t *
wa_vectors_get(json_t *from, const char *path)
{
    json_t  *found;

    found = wa_vectors_find(from, path);
    if (found == NULL) {
        wa_vectors_die("no such member", path);
    }

    return found;
}


const char *
wa_vectors_str(json_t *from, const char *path)
{
    const char  *s;

    s = json_string_value(wa_vectors_get(from, path));
    if (s == NULL) {
        wa_vectors_die("not a string", path);
    }

    return s;
}


int64_t
wa_vectors_int(json_t *from, const char *path)
{
    json_t  *found;

    found = wa_vectors_get(from, path);
    if (!json_is_integer(found)) {
        wa_vectors_die("not an integer", path);
    }

    return (int64_t) json_integer_value(found);
}


wa_span_t
wa_vectors_unhex(wa_vectors_t *v, const char *hex)
{
    size_t    n;
    uint8_t  *p;

    n = strlen(hex) / 2;
    p = wa_arena_alloc(&v->arena, n);

    if (p == NULL || wa_hex_decode(wa_span_str(hex), p, n) != WA_OK) {
        wa_vectors_die("not hex", hex);
    }

    return wa_span(p, n);
}


wa_span_t
wa_vectors_hex(wa_vectors_t *v, json_t *from, const char *path)
{
    return wa_vectors_unhex(v, wa_vectors_str(from, path));
}
