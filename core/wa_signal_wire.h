/*
 * The outer form of "msg" and "pkmsg" ciphertexts, walked before libsignal
 * sees them: what is malformed never reaches its bundled, older protobuf
 * reader, and the prekeys a pkmsg asks for are known beforehand.
 * Facts: protocol 7.2; field numbers of SignalMessage, PreKeySignalMessage.
 */
#ifndef WA_SIGNAL_WIRE_H
#define WA_SIGNAL_WIRE_H

#include "wa_base.h"


#define WA_SIGNAL_MAC_LEN  8        /* behind the protobuf of a msg        */
#define WA_POINT_LEN       33       /* public key with its type byte 05    */

/* Spans point into the input. */
typedef struct {
    uint32_t   registration_id;
    bool       has_prekey;
    uint32_t   prekey_id;
    uint32_t   signed_id;
    wa_span_t  base_key;            /* WA_POINT_LEN                        */
    wa_span_t  identity;            /* WA_POINT_LEN                        */
    wa_span_t  message;             /* the msg inside                      */
} wa_pkmsg_t;

/* WA_ERR_SYNTAX: *out untouched.  Checks the msg inside too. */
wa_err_t wa_pkmsg_parse(wa_span_t in, wa_pkmsg_t *out);

/* WA_ERR_SYNTAX. */
wa_err_t wa_sigmsg_check(wa_span_t in);

#endif /* WA_SIGNAL_WIRE_H */
