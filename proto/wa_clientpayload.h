/*
 * ClientPayload: who we say we are, inside the Noise handshake.
 * Vectors pairing.json (client_payload).
 */

#ifndef WA_CLIENTPAYLOAD_H
#define WA_CLIENTPAYLOAD_H

#include "wa_base.h"


/* Strings are borrowed, NUL-terminated. */
typedef struct {
    uint32_t     version[3];        /* {2, 3000, build} */
    const char  *language;          /* ISO 639-1, NULL: "en" */
    const char  *country;           /* ISO 3166-1, NULL: "US" */
    const char  *push_name;         /* NULL: left out */
} wa_client_t;

/* What the phone shows in its device list, and which history we ask for. */
typedef struct {
    const char  *os;                /* NULL: "Linux" */
    uint32_t     version[3];        /* of that system, shown nowhere */
    uint32_t     platform_type;     /* DeviceProps.PlatformType, 1 = Chrome */
    bool         full_sync;         /* the whole history: heavy */
    bool         call_log;
    bool         group_history;
    uint32_t     storage_quota_mb;  /* 0: 10240 */
    uint32_t     days;              /* of history; 0: the phone decides */
} wa_client_device_t;

typedef struct {
    uint32_t        registration_id;
    uint8_t         identity[32];           /* public */
    uint32_t        signed_prekey_id;       /* u24 */
    uint8_t         signed_prekey[32];      /* public */
    uint8_t         signature[64];
} wa_client_keys_t;

/*
 * Appends the registration payload (no account yet).
 * WA_ERR_ARG: signed_prekey_id above 24 bits.  WA_ERR_NOMEM.
 */
wa_err_t wa_clientpayload_register(const wa_client_t *client,
    const wa_client_device_t *device, const wa_client_keys_t *keys,
    wa_buf_t *out);

typedef struct {
    uint64_t  username;             /* own phone number as an integer */
    uint32_t  device;               /* own device id */
    bool      passive;              /* hold the offline queue until active */
    bool      lid_db_migrated;
    int32_t   login_counter;        /* field lc; 0: left out */
} wa_client_login_t;

/* Appends the login payload. */
wa_err_t wa_clientpayload_login(const wa_client_t *client,
    const wa_client_login_t *login, wa_buf_t *out);

/* Appends the DeviceProps protobuf alone. */
wa_err_t wa_clientpayload_device(const wa_client_device_t *device,
    wa_buf_t *out);


#endif /* WA_CLIENTPAYLOAD_H */
