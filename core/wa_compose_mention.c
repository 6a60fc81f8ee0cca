/*
 * Who is mentioned: in the list, and as @<user> in the text.
 *
 * A group in LIDs knows its members by LID alone: a number in the list would
 * be shown as digits and nobody would be told (protocol 9.9).
 */
#include "wa_compose_int.h"

#include <stdlib.h>

#include "wa_wr.h"


typedef struct {
    const char      *user;         /* as given                             */
    const wa_jid_t  *jid;          /* as the chat has it                   */
} mention_t;


static wa_err_t mention_texts(wa_draft_t *d, const mention_t *list, size_t n);
static wa_err_t mention_text(wa_draft_t *d, const mention_t *list, size_t n,
    char **text);
static int mention_order(const void *a, const void *b);


/* Addresses, or "all", alone or among them. */
void
wa_compose_mentions(wa_draft_t *d, const json_t *args)
{
    size_t         i, n;
    const char    *text;
    const json_t  *list, *v;

    list = json_object_get(args, "mentions");

    if (list == NULL || json_is_null(list)) {
        return;
    }

    n = json_is_array(list) ? json_array_size(list) : 1;

    if (n > WA_COMPOSE_MENTIONS_MAX) {
        wa_arg_bad(d, "mentions", "TOO_LONG", "has too many members");
        return;
    }

    d->mentions = wa_arena_calloc(&d->arena, n + 1, sizeof(wa_jid_t));

    if (d->mentions == NULL) {
        wa_arg_refuse(d, "INTERNAL_ERROR", "Out of memory");
        return;
    }

    for (i = 0; i < n; i++) {
        v = json_is_array(list) ? json_array_get(list, i) : list;
        text = json_string_value(v);

        if (text != NULL && strcmp(text, "all") == 0) {
            d->mention_all = true;
            continue;
        }

        if (!wa_arg_jid(v, &d->mentions[d->n_mentions])
            || !wa_jid_is_user(&d->mentions[d->n_mentions]))
        {
            wa_arg_bad(d, "mentions", "INVALID",
                       "is not a list of phone numbers or addresses");
            return;
        }

        d->n_mentions++;
    }
}


wa_err_t
wa_compose_mentions_as(wa_draft_t *d, const wa_jid_t *as)
{
    size_t      i, n;
    wa_err_t    rc;
    mention_t  *list;

    n = 0;
    list = wa_arena_calloc(&d->arena, d->n_mentions + 1, sizeof(mention_t));

    if (list == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < d->n_mentions; i++) {

        if (!wa_jid_eq_bare(&d->mentions[i], &as[i])) {
            list[n].user = d->mentions[i].user;
            list[n++].jid = &as[i];
        }
    }

    if (n == 0) {
        return WA_OK;
    }

    qsort(list, n, sizeof(mention_t), mention_order);
    rc = mention_texts(d, list, n);

    if (rc == WA_OK) {
        memcpy(d->mentions, as, d->n_mentions * sizeof(wa_jid_t));
    }

    return rc;
}


/* The one that the draft has, wherever it is. */
static wa_err_t
mention_texts(wa_draft_t *d, const mention_t *list, size_t n)
{
    size_t        i;
    wa_err_t      rc;
    Wa__Message  *at[2], *m;

    at[0] = &d->message;
    at[1] = &d->inner;
    rc = WA_OK;

    for (i = 0; i < 2 && rc == WA_OK; i++) {
        m = at[i];

        if (m->extended_text_message != NULL) {
            rc = mention_text(d, list, n, &m->extended_text_message->text);

        } else if (m->image_message != NULL) {
            rc = mention_text(d, list, n, &m->image_message->caption);

        } else if (m->video_message != NULL) {
            rc = mention_text(d, list, n, &m->video_message->caption);

        } else if (m->document_message != NULL) {
            rc = mention_text(d, list, n, &m->document_message->caption);
        }
    }

    return rc;
}


/* Every @<digits> that is one of them, and nothing longer. */
static wa_err_t
mention_text(wa_draft_t *d, const mention_t *list, size_t n, char **text)
{
    char         user[WA_JID_USER_MAX + 1];
    size_t       len;
    wa_wr_t      w;
    wa_buf_t     out = WA_BUF_EMPTY;
    mention_t    key, *found;
    const char  *p, *end;

    if (*text == NULL) {
        return WA_OK;
    }

    key.user = user;
    wa_wr_init(&w, &out, SIZE_MAX);

    for (p = *text; *p != '\0'; p = end) {
        end = p + strcspn(p, "@");
        end += (*end == '@');
        wa_wr_bytes(&w, p, (size_t) (end - p));

        len = strspn(end, "0123456789");
        found = NULL;

        if (end[-1] == '@' && len != 0 && len < sizeof(user)) {
            memcpy(user, end, len);
            user[len] = '\0';
            found = bsearch(&key, list, n, sizeof(mention_t), mention_order);
        }

        if (found != NULL) {
            wa_wr_str(&w, found->jid->user);
            end += len;
        }
    }

    *text = w.err == WA_OK ? wa_arena_strdup(&d->arena, wa_span_buf(&out))
                           : NULL;
    wa_buf_wipe(&out);

    return *text == NULL ? WA_ERR_NOMEM : WA_OK;
}


static int
mention_order(const void *a, const void *b)
{
    return strcmp(((const mention_t *) a)->user,
                  ((const mention_t *) b)->user);
}
