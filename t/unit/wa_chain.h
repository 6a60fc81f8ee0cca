/*
 * A collection of app state as a phone writes it: contacts in a snapshot, in
 * a patch, or in the file of a patch.
 */
#ifndef WA_CHAIN_H
#define WA_CHAIN_H

#include "wa_hist.h"
#include "wa_host.h"
#include "wa_syncd.h"


#define WA_CHAIN_NAME  "critical_unblock_low"
#define WA_CHAIN_KEY   "key001"

typedef struct {
    wa_syncd_keys_t   keys;
    uint64_t          version;
    uint8_t           hash[WA_LTHASH_LEN];
    uint8_t          *macs;              /* value MACs, one after the other */
    size_t            n;                 /* contacts                        */
    wa_hist_t         file;              /* of the last answer              */
} wa_chain_t;

/* Room for `max` contacts. */
void wa_chain_init(wa_chain_t *c, size_t max);
void wa_chain_free(wa_chain_t *c);

/* The account has the key. */
void wa_chain_share(wa_host_t *h);

/* The first `n` contacts, named "<name> <number>": a snapshot, whose bytes are
   the host's file then; appends its ExternalBlobReference. */
void wa_chain_snapshot(wa_chain_t *c, wa_host_t *h, const char *name,
    size_t n, wa_hist_t *out);

/* The next patch: the first `n` contacts have another name.  `file`: its
   mutations are in the host's file. */
void wa_chain_patch(wa_chain_t *c, wa_host_t *h, const char *name, size_t n,
    bool file, wa_hist_t *out);

#endif /* WA_CHAIN_H */
