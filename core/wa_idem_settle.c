/*
 * The records of a send that is committed, taken by WhatsApp, refused.
 */
#include "wa_idem.h"

#include "wa_pb.h"


static wa_err_t idem_settle_key(wa_unit_t *u, const wa_send_t *s,
    const char *code, const char *message, unsigned provider_code);
static wa_err_t idem_settle_client(wa_unit_t *u, const wa_send_t *s,
    const char *code, const char *message, unsigned provider_code);


wa_err_t
wa_idem_write(wa_unit_t *u, const char *name, const wa_send_t *s,
    Wa__ClientSend *c)
{
    char      to[WA_JID_TEXT_MAX];
    wa_err_t  rc;
    wa_buf_t  packed = WA_BUF_EMPTY;

    if (s->id[0] != '\0') {

        if (wa_jid_format(wa_send_show(s), to, sizeof(to)) == 0) {
            return WA_ERR_ARG;
        }

        c->id = (char *) (uintptr_t) s->id;
        c->to = to;
        c->has_cold = s->cold;
        c->cold = s->cold;
    }

    c->has_timestamp = 1;
    c->timestamp = s->ts;

    rc = WA_PB_PACK(c, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put_cold(u, name, wa_day(s->ts), wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc;
}


wa_err_t
wa_idem_put(wa_unit_t *u, const wa_send_t *s, const char *cid)
{
    wa_err_t        rc;
    Wa__ClientSend  c = WA__CLIENT_SEND__INIT;

    rc = WA_OK;
    c.status = (char *) (uintptr_t) "PENDING";

    if (cid[0] != '\0') {
        rc = wa_idem_write(u, cid, s, &c);
    }

    if (rc == WA_OK && s->idem != NULL) {
        c.has_body = 1;
        c.body = wa_pb_bytes(wa_span(s->idem->body, WA_SHA256_LEN));
        c.has_final = s->idem->final;
        c.final = s->idem->final;
        rc = wa_idem_write(u, s->idem->name, s, &c);
    }

    return rc;
}


wa_err_t
wa_idem_settle(wa_unit_t *u, const wa_send_t *s, const char *code,
    const char *message, unsigned provider_code)
{
    wa_err_t  rc;

    rc = WA_OK;

    if (s->idem != NULL && !s->idem->final) {
        rc = idem_settle_key(u, s, code, message, provider_code);
    }

    if (rc == WA_OK && s->client_id != NULL) {
        rc = idem_settle_client(u, s, code, message, provider_code);
    }

    return rc;
}


wa_err_t
wa_idem_delivered(wa_unit_t *u, const wa_send_t *s, const char *status)
{
    Wa__ClientSend  c = WA__CLIENT_SEND__INIT;

    if (s->idem == NULL || s->idem->final) {
        return WA_OK;
    }

    c.status = (char *) (uintptr_t) status;
    c.has_receipt = s->told_ts != 0;
    c.receipt = s->told_ts;
    c.has_body = 1;
    c.body = wa_pb_bytes(wa_span(s->idem->body, WA_SHA256_LEN));

    return wa_idem_write(u, s->idem->name, s, &c);
}


/*
 * A failure is kept unless its caller is told right now and the server has
 * said that nobody got the message.
 */
static wa_err_t
idem_settle_key(wa_unit_t *u, const wa_send_t *s, const char *code,
    const char *message, unsigned provider_code)
{
    json_t          *details;
    wa_err_t         rc;
    Wa__ClientSend   c = WA__CLIENT_SEND__INIT;

    c.has_body = 1;
    c.body = wa_pb_bytes(wa_span(s->idem->body, WA_SHA256_LEN));

    if (code == NULL) {
        c.status = (char *) (uintptr_t) (s->told != NULL ? s->told : "SENT");
        c.has_receipt = s->told_ts != 0;
        c.receipt = s->told_ts;

        return wa_idem_write(u, s->idem->name, s, &c);
    }

    if (s->asked && provider_code != 0) {
        return wa_unit_del(u, s->idem->name, wa_day(s->ts));
    }

    details = json_pack("{s:I, s:s}", "provider_code",
                        (json_int_t) provider_code, "message_id", s->id);
    c.status = (char *) (uintptr_t) "FAILED";
    c.code = (char *) (uintptr_t) code;
    c.message = (char *) (uintptr_t) message;
    c.details = details == NULL ? NULL : json_dumps(details, JSON_COMPACT);
    json_decref(details);

    rc = wa_idem_write(u, s->idem->name, s, &c);
    free(c.details);

    return rc;
}


/* What the server refused nobody got: the id is free again. */
static wa_err_t
idem_settle_client(wa_unit_t *u, const wa_send_t *s, const char *code,
    const char *message, unsigned provider_code)
{
    char             name[WA_IDEM_NAME_LEN];
    wa_err_t         rc;
    Wa__ClientSend   c = WA__CLIENT_SEND__INIT;

    rc = wa_client_id_name(s->client_id, name);
    if (rc != WA_OK) {
        return rc;
    }

    if (code != NULL && provider_code != 0) {
        return wa_unit_del(u, name, wa_day(s->ts));
    }

    c.status = (char *) (uintptr_t) (code == NULL ? "SENT" : "FAILED");
    c.code = (char *) (uintptr_t) code;
    c.message = (char *) (uintptr_t) message;

    return wa_idem_write(u, name, s, &c);
}
