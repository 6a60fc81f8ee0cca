/*
 * Addresses.  A wa_jid_t is a plain value: copy it, compare it, store it; it
 * points nowhere.
 *
 * Text forms: user@server, user:device@server, @server (server alone),
 * integrator-user:device@interop.  Source: whatsmeow types/jid.go and the
 * JID tags of the binary protocol (wa_node_codec.h).
 */

#ifndef WA_JID_H
#define WA_JID_H

#include "wa_base.h"
#include "wa_limits.h"


typedef enum {
    WA_SERVER_NONE = 0,         /* zeroed value: not an address */
    WA_SERVER_PN,               /* user@s.whatsapp.net, phone number */
    WA_SERVER_LID,              /* user@lid, hidden address */
    WA_SERVER_GROUP,            /* @g.us */
    WA_SERVER_BROADCAST,        /* @broadcast, status@broadcast too */
    WA_SERVER_NEWSLETTER,
    WA_SERVER_HOSTED,           /* PN device hosted by Meta */
    WA_SERVER_HOSTED_LID,       /* hosted.lid */
    WA_SERVER_MSGR,             /* FB_JID */
    WA_SERVER_INTEROP,
    WA_SERVER_CALL,
    WA_SERVER_BOT,
    WA_SERVER_LEGACY,           /* c.us */
    WA_SERVER_ROOT,             /* s.whatsapp.net without a user */
    WA_SERVER_OTHER             /* any other server; has no text form here */
} wa_server_e;

typedef struct {
    char      user[WA_JID_USER_MAX + 1];    /* NUL-terminated */
    uint8_t   user_len;
    uint8_t   server;                       /* wa_server_e */
    uint16_t  device;                       /* 0: the primary, or none */
    uint16_t  integrator;                   /* WA_SERVER_INTEROP only */
} wa_jid_t;


/*
 * WA_ERR_SYNTAX: no server, no user where one is needed, bad device number.
 * WA_ERR_LIMIT: user longer than WA_JID_USER_MAX.  *jid only on success.
 * An unknown server parses as WA_SERVER_OTHER.
 * "s.whatsapp.net" and "@s.whatsapp.net" are both WA_SERVER_ROOT; "@g.us",
 * the address of requests about no particular group, is a GROUP without user.
 */
wa_err_t wa_jid_parse(wa_span_t text, wa_jid_t *jid);

/*
 * Writes the full text and a NUL, returns the length without it.  0: cap too
 * small or the value has no text form.  WA_JID_TEXT_MAX always suffices.
 */
size_t wa_jid_format(const wa_jid_t *jid, char *buf, size_t cap);

/*
 * Builds a value.  WA_ERR_ARG: user empty, or with @, :, space or a control
 * character in it.  WA_ERR_LIMIT: longer than WA_JID_USER_MAX.
 */
wa_err_t wa_jid_make(wa_jid_t *jid, wa_span_t user, wa_server_e server,
    uint16_t device);

/* Name of the server part, "" for NONE and OTHER. */
const char *wa_server_name(wa_server_e server);
wa_server_e wa_server_find(wa_span_t name);

/* The same address with device 0. */
wa_jid_t wa_jid_bare(const wa_jid_t *jid);
wa_jid_t wa_jid_with_device(const wa_jid_t *jid, uint16_t device);

/* Whose device it is: device 0, at the plain server if it is a hosted one. */
wa_jid_t wa_jid_person(const wa_jid_t *jid);

/* Values of WA_SERVER_OTHER and WA_SERVER_NONE equal nothing. */
bool wa_jid_eq(const wa_jid_t *a, const wa_jid_t *b);
bool wa_jid_eq_bare(const wa_jid_t *a, const wa_jid_t *b);

/* Total order (server, user, device) for sorting and binary search. */
int wa_jid_cmp(const wa_jid_t *a, const wa_jid_t *b);

bool wa_jid_is_pn(const wa_jid_t *jid);         /* PN or HOSTED */
bool wa_jid_is_lid(const wa_jid_t *jid);        /* LID or HOSTED_LID */
bool wa_jid_is_user(const wa_jid_t *jid);       /* PN or LID, or hosted */
bool wa_jid_is_hosted(const wa_jid_t *jid);
bool wa_jid_is_group(const wa_jid_t *jid);
bool wa_jid_is_broadcast(const wa_jid_t *jid);
bool wa_jid_is_status(const wa_jid_t *jid);     /* status@broadcast */
bool wa_jid_is_list(const wa_jid_t *jid);       /* any other @broadcast */
bool wa_jid_is_newsletter(const wa_jid_t *jid);
bool wa_jid_is_root(const wa_jid_t *jid);

/*
 * Name of a Signal record: user[_1|_128|_129].device, the suffix for lid,
 * hosted and hosted.lid.  Returns the length as wa_jid_format() does, 0 also
 * for servers that have no devices.
 */
size_t wa_jid_signal_address(const wa_jid_t *jid, char *buf, size_t cap);

/* The part before the dot only (libsignal takes name and device apart). */
size_t wa_jid_signal_name(const wa_jid_t *jid, char *buf, size_t cap);


#endif /* WA_JID_H */
