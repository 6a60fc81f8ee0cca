/*
 * What makes a send happen once: the Idempotency-Key of its request, and the
 * client's own message id (client_message_id).
 *
 * Each is a record in the day bucket of the send, idem/<hash> and cid/<hash>.
 * It is written in the unit that commits the send, so there is either both or
 * neither, and again in the unit that settles it.  A repeat is thus answered
 * with what happened, also by another worker after a crash; while the send
 * has no answer yet, the repeat waits with it.
 *
 * The key counts for 24 hours, the client's own id as long as the bucket.
 * A request that was refused (HTTP 4xx) is kept under its key too, without a
 * message.  What WhatsApp refused while the caller waited is not kept: nobody
 * got the message, and the same key may try again.
 */
#ifndef WA_IDEM_H
#define WA_IDEM_H

#include "wa_send_int.h"


/* "idem/" or "cid/", 32 hex digits, NUL. */
#define WA_IDEM_NAME_LEN  40

/* Most records wa_idem_need() asks for. */
#define WA_IDEM_KEYS      2

struct wa_idem_s {
    char      name[WA_IDEM_NAME_LEN];
    uint8_t   body[WA_SHA256_LEN];
    bool      final;           /* PENDING is the answer (wait=none)        */
    bool      checked;         /* the key is known to be new               */
    json_t   *refusal;         /* {code, message, details?}; NULL: a send  */
    char     *request_id;      /* with a refusal; may be NULL              */
};


/*
 * Reads args.idempotency {key, body: 64 hex digits each, request_id?,
 * refusal?}.  *idem NULL: there is none.  WA_ERR_ARG: malformed;
 * WA_ERR_NOMEM.
 */
wa_err_t wa_idem_create(const json_t *args, wa_idem_t **idem);

/* From the record of a pending send. */
wa_err_t wa_idem_restore(const Wa__PendingSend *p, wa_idem_t **idem);

/* NULL-safe. */
void wa_idem_free(wa_idem_t *idem);

/*
 * The send was found to be malformed: true if that answer is to be kept; the
 * entry then stands for the refusal.  Steals `details`, which may be NULL.
 */
bool wa_idem_refuse(wa_idem_t *idem, const char *code, const char *message,
    json_t *details);

/*
 * Another request with this key is being worked on: answers
 * IDEMPOTENCY_IN_PROGRESS or IDEMPOTENCY_KEY_REUSED and says true.
 * `s` is not in the list yet.
 */
bool wa_idem_busy(wa_account_t *a, const wa_send_t *s);

/* Adds the key's records; returns how many. */
size_t wa_idem_need(const wa_account_t *a, const wa_send_t *s,
    wa_key_t *keys);

/*
 * With the records in memory: true if the command has been answered, or
 * waits with the first send from now on; false: the key is new, or there is
 * none.  A refusal is always answered, and written.
 */
bool wa_idem_known(wa_task_t *t, wa_send_t *s);

/* "cid/<hash>" of a client's own id. */
wa_err_t wa_client_id_name(const char *client_id,
    char name[WA_IDEM_NAME_LEN]);

/* The same for record `cid`, in any bucket. */
bool wa_client_id_known(wa_task_t *t, wa_send_t *s, const char *cid);

/*
 * Puts `c` into the bucket of the send's day; id, address and time are those
 * of `s`.
 */
wa_err_t wa_idem_write(wa_unit_t *u, const char *name, const wa_send_t *s,
    Wa__ClientSend *c);

/* The records of a send that is being committed.  `cid` "": none. */
wa_err_t wa_idem_put(wa_unit_t *u, const wa_send_t *s, const char *cid);

/* What became of it.  `code` NULL: WhatsApp took it. */
wa_err_t wa_idem_settle(wa_unit_t *u, const wa_send_t *s, const char *code,
    const char *message, unsigned provider_code);

/* A caller that waited for a receipt is told it (wait=device). */
wa_err_t wa_idem_delivered(wa_unit_t *u, const wa_send_t *s,
    const char *status);

#endif /* WA_IDEM_H */
