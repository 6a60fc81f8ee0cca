/*
 * The reporting token of an outgoing message: what lets WhatsApp check a
 * report of abuse by the recipient without having read the message.
 * Source: protocol notes 7.9; vectors reportingtoken.json.
 */
#ifndef WA_REPORT_H
#define WA_REPORT_H

#include "wa_base.h"


#define WA_REPORT_TOKEN_LEN  16u

/*
 * Appends what a report is about: the listed fields of a serialised Message
 * in the order of their numbers.  Nothing is appended for kinds that are not
 * listed.  WA_ERR_SYNTAX: not a protobuf; WA_ERR_LIMIT: nested too deep;
 * WA_ERR_NOMEM.  After an error nothing was appended.
 */
wa_err_t wa_report_content(wa_span_t message, wa_buf_t *out);

/*
 * The token.  `secret`: the message's own 32 bytes; `id`: of the stanza;
 * `sender`, `chat`: bare addresses as text, in the stanza's form.
 * WA_ERR_STATE: nothing in it can be reported; the errors of above.
 */
wa_err_t wa_report_token(wa_span_t message, const uint8_t secret[32],
    wa_span_t id, wa_span_t sender, wa_span_t chat,
    uint8_t out[WA_REPORT_TOKEN_LEN]);


#endif /* WA_REPORT_H */
