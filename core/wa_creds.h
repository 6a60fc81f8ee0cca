/*
 * Device credentials: who this companion is.  Loaded once per life of the
 * account object and kept in memory; every change goes to record "creds"
 * through wa_creds_save() in the unit that makes it true.
 */
#ifndef WA_CREDS_H
#define WA_CREDS_H

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_noise.h"
#include "wa_unit.h"


typedef struct {
    uint8_t     priv[32];
    uint8_t     pub[32];
} wa_keypair_t;

typedef struct {
    uint32_t      id;               /* u24 on the wire                     */
    wa_keypair_t  key;
    uint8_t       signature[64];    /* by the identity key over 05 || pub  */
    int64_t       created_s;        /* unix seconds                        */
} wa_signed_prekey_t;

typedef struct {
    wa_keypair_t        noise;
    wa_keypair_t        identity;
    uint32_t            registration_id;    /* 1..16383                    */
    uint8_t             adv_secret[32];
    wa_signed_prekey_t  signed_prekey;      /* the current one             */

    bool                linked;             /* pair-success is durable     */
    wa_jid_t            jid;                /* own PN with device          */
    wa_jid_t            lid;                /* own LID with device         */
    wa_buf_t            device_identity;    /* ADVSignedDeviceIdentity with
                                               accountSignatureKey and
                                               deviceSignature             */
    wa_buf_t            push_name;
    wa_buf_t            platform;
    wa_buf_t            business_name;
    wa_buf_t            routing_info;       /* edge routing blob           */
    uint32_t            login_counter;
    wa_noise_server_t   server;             /* of the last handshake that
                                               told it; zeros: none        */
    uint32_t            era;                /* of the sessions that may be
                                               written with (wa_mend.h);
                                               0: all                      */
} wa_creds_t;


/* Fresh keys for a first link; nothing saved.  WA_ERR_NOMEM. */
wa_err_t wa_creds_generate(wa_account_t *a, wa_creds_t *c);

/* Makes 32 random bytes an X25519 private key (RFC 7748 5). */
void wa_creds_clamp(uint8_t priv[32]);

wa_err_t wa_creds_save(wa_unit_t *u);       /* a->creds -> record "creds"  */
wa_err_t wa_creds_decode(wa_span_t in, wa_creds_t *c);  /* WA_ERR_SYNTAX   */
void wa_creds_wipe(wa_creds_t *c);          /* frees and wipes; NULL-safe  */

#endif /* WA_CREDS_H */
