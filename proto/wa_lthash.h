/*
 * LTHash: a digest of a set that changes by its members, in any order.
 *
 *     item(mac) = HKDF-SHA256(mac, no salt, "WhatsApp Patch Integrity", 128)
 *
 * as 64 little-endian numbers of 16 bits, added or subtracted one by one
 * modulo 65536.  The empty set is 128 zero bytes.  Vectors appstate.json.
 */

#ifndef WA_LTHASH_H
#define WA_LTHASH_H

#include "wa_base.h"


#define WA_LTHASH_LEN       128u
#define WA_LTHASH_ITEM_LEN  32u

/* Takes the member with this value MAC into `hash`, or out of it.
   WA_ERR_NOMEM: `hash` is as it was. */
wa_err_t wa_lthash_add(uint8_t hash[WA_LTHASH_LEN],
    const uint8_t mac[WA_LTHASH_ITEM_LEN]);
wa_err_t wa_lthash_sub(uint8_t hash[WA_LTHASH_LEN],
    const uint8_t mac[WA_LTHASH_ITEM_LEN]);


#endif /* WA_LTHASH_H */
