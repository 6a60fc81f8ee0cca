/* Media types, see wa_mime.h. */
#include "wa_mime.h"

#include <magic.h>

#include "wa_mem.h"


struct wa_mime_s {
    magic_t  cookie;
};


/* The first row of a type gives its extension. */
static const struct {
    const char  *extension;
    const char  *mime;
} mime_types[] = {
    { "jpg", "image/jpeg" },
    { "jpeg", "image/jpeg" },
    { "png", "image/png" },
    { "webp", "image/webp" },
    { "gif", "image/gif" },
    { "heic", "image/heic" },
    { "bmp", "image/bmp" },
    { "tiff", "image/tiff" },
    { "svg", "image/svg+xml" },
    { "mp4", "video/mp4" },
    { "m4v", "video/x-m4v" },
    { "3gp", "video/3gpp" },
    { "mov", "video/quicktime" },
    { "webm", "video/webm" },
    { "mkv", "video/x-matroska" },
    { "avi", "video/x-msvideo" },
    { "ogg", "audio/ogg" },
    { "opus", "audio/opus" },
    { "oga", "audio/ogg" },
    { "mp3", "audio/mpeg" },
    { "m4a", "audio/mp4" },
    { "m4a", "audio/x-m4a" },
    { "aac", "audio/aac" },
    { "amr", "audio/amr" },
    { "wav", "audio/wav" },
    { "wav", "audio/x-wav" },
    { "flac", "audio/flac" },
    { "pdf", "application/pdf" },
    { "txt", "text/plain" },
    { "csv", "text/csv" },
    { "html", "text/html" },
    { "htm", "text/html" },
    { "xml", "text/xml" },
    { "vcf", "text/vcard" },
    { "json", "application/json" },
    { "zip", "application/zip" },
    { "gz", "application/gzip" },
    { "rar", "application/vnd.rar" },
    { "7z", "application/x-7z-compressed" },
    { "doc", "application/msword" },
    { "xls", "application/vnd.ms-excel" },
    { "ppt", "application/vnd.ms-powerpoint" },
    { "docx", "application/vnd.openxmlformats-officedocument"
              ".wordprocessingml.document" },
    { "xlsx", "application/vnd.openxmlformats-officedocument"
              ".spreadsheetml.sheet" },
    { "pptx", "application/vnd.openxmlformats-officedocument"
              ".presentationml.presentation" },
    { "odt", "application/vnd.oasis.opendocument.text" },
    { "ods", "application/vnd.oasis.opendocument.spreadsheet" },
    { "apk", "application/vnd.android.package-archive" },
    { "was", "application/was" }
};

#define N_TYPES  (sizeof(mime_types) / sizeof(mime_types[0]))

static const char *const  mime_inline[] = {
    "image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp",
    "video/mp4", "video/webm", "video/3gpp", "video/quicktime",
    "audio/ogg", "audio/opus", "audio/mpeg", "audio/mp4", "audio/x-m4a",
    "audio/aac", "audio/amr", "audio/wav", "audio/x-wav", "audio/flac",
    "application/pdf", "text/plain"
};

/* What libmagic says when it knows nothing. */
static const char *const  mime_vague[] = {
    "application/octet-stream", "text/plain"
};


static uint8_t
lower(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') ? (uint8_t) (c - 'A' + 'a') : c;
}


/* RFC 9110 5.6.2, without what means something in a shell or a header. */
static bool
token_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+'
           || c == '_';
}


wa_err_t
wa_mime_create(wa_mime_t **out)
{
    wa_mime_t  *m;

    m = wa_calloc(1, sizeof(*m));

    if (m == NULL) {
        return WA_ERR_NOMEM;
    }

    m->cookie = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS
                           | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_ELF);

    if (m->cookie == NULL) {
        wa_free(m);
        return WA_ERR_NOMEM;
    }

    if (magic_load(m->cookie, NULL) != 0) {
        wa_mime_free(m);
        return WA_ERR_IO;
    }

    *out = m;

    return WA_OK;
}


void
wa_mime_free(wa_mime_t *m)
{
    if (m != NULL) {
        magic_close(m->cookie);
        wa_free(m);
    }
}


bool
wa_mime_sniff(wa_mime_t *m, wa_span_t head, char out[WA_MIME_MAX])
{
    size_t       i;
    const char  *found;

    if (head.n == 0) {
        return false;
    }

    found = magic_buffer(m->cookie, head.p,
                         head.n > WA_MIME_HEAD ? WA_MIME_HEAD : head.n);

    if (found == NULL || !wa_mime_parse(wa_span_str(found), out)) {
        return false;
    }

    for (i = 0; i < sizeof(mime_vague) / sizeof(mime_vague[0]); i++) {
        if (strcmp(out, mime_vague[i]) == 0) {
            return false;
        }
    }

    return true;
}


bool
wa_mime_parse(wa_span_t text, char out[WA_MIME_MAX])
{
    size_t   i, n, slash;
    uint8_t  c;

    slash = 0;

    for (n = 0; n < text.n; n++) {
        c = text.p[n];

        if (c == '/' && slash == 0 && n > 0) {
            slash = n;

        } else if (!token_char(c)) {
            break;
        }
    }

    if (slash == 0 || n == slash + 1 || n >= WA_MIME_MAX
        || (n < text.n && text.p[n] != ';' && text.p[n] != ' '))
    {
        return false;
    }

    for (i = 0; i < n; i++) {
        out[i] = (char) lower(text.p[i]);
    }

    out[n] = '\0';

    /* parameters: all or none */

    for (i = n; i < text.n; i++) {
        c = text.p[i];

        if (!token_char(c) && c != ';' && c != ' ' && c != '=') {
            return true;
        }
    }

    if (n < text.n && text.n < WA_MIME_MAX) {
        memcpy(out + n, text.p + n, text.n - n);
        out[text.n] = '\0';
    }

    return true;
}


bool
wa_mime_is(const char *mime, const char *type)
{
    size_t  n;

    n = strlen(type);

    return strncmp(mime, type, n) == 0
           && (mime[n] == '\0' || mime[n] == ';' || mime[n] == ' ');
}


const char *
wa_mime_of_name(wa_span_t filename)
{
    size_t  i, k, n;

    for (n = filename.n; n > 0 && filename.p[n - 1] != '.'; n--) {
        if (filename.n - n >= 8) {
            return NULL;
        }
    }

    if (n == 0) {
        return NULL;
    }

    for (i = 0; i < N_TYPES; i++) {

        if (strlen(mime_types[i].extension) != filename.n - n) {
            continue;
        }

        for (k = 0; k < filename.n - n; k++) {
            if ((char) lower(filename.p[n + k])
                != mime_types[i].extension[k])
            {
                break;
            }
        }

        if (k == filename.n - n) {
            return mime_types[i].mime;
        }
    }

    return NULL;
}


const char *
wa_mime_extension(const char *mime)
{
    size_t  i;

    for (i = 0; i < N_TYPES; i++) {
        if (wa_mime_is(mime, mime_types[i].mime)) {
            return mime_types[i].extension;
        }
    }

    return "bin";
}


bool
wa_mime_is_inline(const char *mime)
{
    size_t  i;

    for (i = 0; i < sizeof(mime_inline) / sizeof(mime_inline[0]); i++) {
        if (wa_mime_is(mime, mime_inline[i])) {
            return true;
        }
    }

    return false;
}
