/*
 * Queries in JSON and notifications of that kind, see wa_mex.h.
 */
#include "wa_mex.h"

#include "wa_account_int.h"
#include "wa_json.h"
#include "wa_newsletter.h"
#include "wa_receipt.h"
#include "wa_restrict.h"


/* Puts events that follow from member `name` of "data" into the unit. */
typedef wa_err_t (*mex_told_pt)(wa_unit_t *u, const json_t *value);

static const struct {
    const char   *name;
    mex_told_pt   told;
} mex_told[] = {
    { "xwa2_notify_newsletter_on_join", wa_newsletter_told_join },
    { "xwa2_notify_newsletter_on_leave", wa_newsletter_told_leave },
    { "xwa2_notify_newsletter_on_mute_change", wa_newsletter_told_mute },
    { "xwa2_notify_newsletter_on_metadata_update",
      wa_newsletter_told_join },
    { "xwa2_notify_account_reachout_timelock", wa_restrict_timelock }
};


static wa_err_t mex_read(wa_span_t text, json_t **root);
static unsigned mex_error_code(const json_t *errors);
static wa_err_t mex_tell(wa_unit_t *u, const wa_node_t *update);


wa_node_t *
wa_mex_iq(wa_task_t *t, wa_mex_e query, json_t *variables)
{
    json_t     *body;
    wa_buf_t    text = WA_BUF_EMPTY;
    wa_err_t    rc;
    wa_span_t   copy;
    wa_node_t  *iq, *node;

    body = json_pack("{s:o}", "variables", variables);
    rc = (body == NULL) ? WA_ERR_NOMEM : wa_json_write(body, &text);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&t->arena, wa_span_buf(&text), &copy);
    }

    json_decref(body);
    wa_buf_free(&text);

    if (rc != WA_OK) {
        return NULL;
    }

    iq = wa_node_iq(&t->arena, "get", "w:mex");
    node = wa_node_add_new(&t->arena, iq, "query");
    wa_node_set_str(&t->arena, node, "query_id",
                    wa_mex_ids_get(&t->account->engine->conf.query_ids,
                                   query));
    wa_node_bytes(node, copy);

    return iq;
}


wa_err_t
wa_mex_answer(wa_task_t *t, wa_err_t rc, const char *name, json_t **out)
{
    json_t           *root, *errors, *value;
    const wa_node_t  *result;

    *out = NULL;

    if (rc != WA_OK) {
        return rc;
    }

    result = wa_node_child(t->answer, "result");

    if (wa_node_attr(result, "format").n != 0
        && !wa_node_attr_is(result, "format", "json"))
    {
        return WA_ERR_SYNTAX;
    }

    rc = mex_read(wa_node_content(result), &root);
    if (rc != WA_OK) {
        return rc;
    }

    errors = json_object_get(root, "errors");
    value = json_object_get(json_object_get(root, "data"), name);

    if (json_array_size(errors) != 0) {
        t->iq_code = mex_error_code(errors);
        rc = WA_ERR_REFUSED;

    } else if (value == NULL) {
        rc = WA_ERR_SYNTAX;

    } else {
        *out = json_incref(value);
    }

    json_decref(root);

    return rc;
}


static wa_err_t
mex_read(wa_span_t text, json_t **root)
{
    if (text.n > WA_MEX_TEXT_MAX) {
        return WA_ERR_LIMIT;
    }

    *root = (text.n == 0) ? NULL : wa_json_read(text);

    if (!json_is_object(*root)) {
        json_decref(*root);
        return WA_ERR_SYNTAX;
    }

    return WA_OK;
}


static unsigned
mex_error_code(const json_t *errors)
{
    json_int_t     code;
    const json_t  *extensions;

    extensions = json_object_get(json_array_get(errors, 0), "extensions");
    code = json_integer_value(json_object_get(extensions, "error_code"));

    return code > 0 && code <= UINT32_MAX ? (unsigned) code : 0;
}


void
wa_mex_notification(wa_task_t *t)
{
    wa_err_t          rc;
    wa_unit_t        *u;
    const wa_node_t  *update;

    u = wa_unit_new(t->account);
    rc = (u == NULL) ? WA_ERR_NOMEM : WA_OK;

    for (update = wa_node_child(t->stanza, "update");
         update != NULL && rc == WA_OK;
         update = wa_node_sibling(update, "update"))
    {
        rc = mex_tell(u, update);
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc);
        return;
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    wa_task_end(t, wa_unit_commit(u, NULL));
}


/* What cannot be read is acknowledged like anything that is not for us. */
static wa_err_t
mex_tell(wa_unit_t *u, const wa_node_t *update)
{
    size_t         i;
    json_t        *root;
    wa_err_t       rc;
    const json_t  *value;

    if (mex_read(wa_node_content(update), &root) != WA_OK) {
        wa_log(wa_unit_account(u), WA_LOG_INFO,
               "notification in JSON is not read");
        return WA_OK;
    }

    rc = WA_OK;

    for (i = 0; i < sizeof(mex_told) / sizeof(mex_told[0]); i++) {
        value = json_object_get(json_object_get(root, "data"),
                                mex_told[i].name);

        if (json_is_object(value) && rc == WA_OK) {
            rc = mex_told[i].told(u, value);
        }
    }

    json_decref(root);

    return rc;
}
