/*
 * The account's own proxy, see wa_proxy.h.
 */
#include <stdio.h>

#include "wa_life_int.h"
#include "wa_proxy.h"


void
wa_proxy_free(wa_account_t *a)
{
    if (a->proxy == NULL) {
        return;
    }

    wa_wipe(a->proxy, strlen(a->proxy));
    wa_free(a->proxy);
    a->proxy = NULL;
}


const char *
wa_account_proxy(const wa_account_t *a)
{
    return a->proxy == NULL ? "" : a->proxy;
}


static wa_err_t
proxy_set(wa_account_t *a, wa_span_t url)
{
    char  *text;

    text = wa_alloc(url.n + 1);

    if (text == NULL) {
        return WA_ERR_NOMEM;
    }

    memcpy(text, url.p, url.n);
    text[url.n] = '\0';
    wa_proxy_free(a);
    a->proxy = text;

    return WA_OK;
}


/* scheme://user:password@host -> scheme://user:***@host */
static json_t *
proxy_shown(const char *url)
{
    char         text[WA_PROXY_MAX + 8];
    const char  *user, *at, *colon;

    user = strstr(url, "://");
    at = strrchr(url, '@');
    colon = (user == NULL || at == NULL) ? NULL
            : memchr(user + 3, ':', (size_t) (at - user) - 3);

    if (colon == NULL) {
        return json_string(url);
    }

    (void) snprintf(text, sizeof(text), "%.*s:***%s", (int) (colon - url),
                    url, at);

    return json_string(text);
}


wa_err_t
wa_proxy_take(wa_account_t *a, const json_t *args, bool *changed)
{
    wa_err_t       rc;
    wa_span_t      url;
    const json_t  *value;

    *changed = false;
    value = json_object_get(args, WA_PROXY_SETTING);

    if (value == NULL) {
        return WA_OK;
    }

    if (json_is_null(value)) {
        *changed = (a->proxy != NULL);
        wa_proxy_free(a);
        (void) json_object_del(a->life->meta, WA_PROXY_SETTING);
        return WA_OK;
    }

    url = wa_span(json_string_value(value), json_string_length(value));

    if (!json_is_string(value) || url.n == 0 || url.n > WA_PROXY_MAX
        || memchr(url.p, '\0', url.n) != NULL)
    {
        return WA_ERR_ARG;
    }

    *changed = !wa_span_eq_secret(url, wa_span_str(wa_account_proxy(a)));
    rc = proxy_set(a, url);

    if (rc == WA_OK
        && json_object_set_new(a->life->meta, WA_PROXY_SETTING,
                               proxy_shown(a->proxy)) != 0)
    {
        rc = WA_ERR_NOMEM;
    }

    return rc;
}


wa_err_t
wa_proxy_load(wa_account_t *a, wa_span_t record)
{
    return record.n == 0 ? WA_OK : proxy_set(a, record);
}


void
wa_proxy_save(wa_unit_t *u)
{
    wa_account_t  *a;

    if (u == NULL) {
        return;
    }

    a = wa_unit_account(u);

    if (a->proxy == NULL) {
        (void) wa_unit_del(u, WA_PROXY_RECORD, 0);

    } else {
        (void) wa_unit_put(u, WA_PROXY_RECORD, 0, wa_span_str(a->proxy));
    }
}
