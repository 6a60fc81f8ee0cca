/*
 * Records: everything an account keeps, by name.  One home each:
 *
 *   name                 day  content
 *   view                 -    public account object, JSON, not sealed
 *   meta                 -    settings (name, webhook, ...), JSON, not sealed
 *   creds                -    device credentials         (wa_creds.h)
 *   proxy                -    URL of the account's own   (wa_proxy.h)
 *   prekeys              -    one-time prekey counters   (wa_prekey.h)
 *   pk/<block>           -    private one-time prekeys, 64 ids a block
 *   spk/<id>             -    signed prekey pair, kept for late pkmsg
 *   sess/<address>       -    Signal session record of one device
 *   ident/<address>      -    identity key of one device, 33 bytes
 *   skey/<room>/<addr.>  -    sender key of one device in a group
 *   skto/<room>          -    devices that have ours
 *   grp/<jid>            -    what is known of a group   (wa_group.h)
 *   grps                 -    which groups there is one of
 *   lid/<pn user>        -    LID user of a phone number
 *   pn/<lid user>        -    phone number of a LID user
 *   dev/<user@server>    -    device list of a user      (wa_device.h)
 *   exp/<user@server>    -    how long a chat keeps messages (wa_expiry.h)
 *   trust/<user@server>  -    privacy tokens of a contact (wa_privacy.h)
 *   watch                -    whose presence is told     (wa_presence.h)
 *   privacy              -    privacy settings           (wa_settings.h)
 *   block                -    hash of the blocklist      (wa_blocklist.h)
 *   nct                  -    salt of tokens that stand in (wa_privacy.h)
 *   pending              -    ids of sends without a server ack, in order
 *   pend/<id>            -    one of them: packed stanza, ready to repeat
 *   out/<id>             yes  sent message, for a peer's retry receipt
 *   sec/<reference>      yes  secret of a message, for what refers to it
 *   seen/<hash>          yes  (chat, sender, id) was delivered; of a
 *                             channel also its number (wa_newsletter.h)
 *   anew/<address>       yes  when a device's session was made anew because
 *                             it asked for messages again
 *   rtry/<hash>          yes  retry receipts sent for one message
 *   hist                 -    history that our phone offers
 *                             (wa_history_verbs.h)
 *   hist/<hash>          -    one piece of it
 *   wanted               -    messages our phone is asked for
 *                             (wa_placeholder.h)
 *   calls                -    the latest calls           (wa_call.h)
 *   cid/<hash>           yes  a client's own id -> message  (wa_idem.h)
 *   idem/<hash>          yes  an Idempotency-Key -> answer  (wa_idem.h)
 *   alive                -    what was counted in 24 h   (wa_alive.h)
 *   as                   -    app state: how far it is known
 *   as/<collection>/<b>  -    app state: index MAC -> value MAC
 *   as/answer/<n>        -    a collection as our phone sent it
 *   askeys               -    app state keys (wa_appstate.h)
 *   behind               -    mark of the host, not sealed (wa_mend.h)
 *
 * <address> is the Signal address of wa_jid_signal_address().  All but view,
 * meta and behind are sealed with the master key, bound to account and name.
 *
 * The account keeps a bounded part of them in memory.  A name that is not
 * in memory is fetched with wa_task_need() first; wa_record_get() never
 * waits.  Writing goes through a unit (wa_unit.h), is visible to the next
 * wa_record_get() at once, and is kept in memory at least until committed.
 */
#ifndef WA_RECORD_H
#define WA_RECORD_H

#include "wa_account.h"


#define WA_RECORD_NAME_MAX   200
#define WA_RECORD_VALUE_MAX  (4 * 1024 * 1024)
                                             /* a session with 2000 skipped
                                                keys is 182 kB, a first send
                                                to 1024 members with three
                                                devices each 900 kB          */

/*
 * The record's value, borrowed until the next put of the same name or the
 * end of the verb.  WA_OK: value->p NULL means "does not exist".
 * WA_AGAIN: not in memory, call wa_task_need() (a caller that did is never
 * answered this).
 */
wa_err_t wa_record_get(wa_account_t *a, const char *name, uint32_t day,
    wa_span_t *value);

/* Unix day of a time in seconds. */
uint32_t wa_day(int64_t unix_s);

#endif /* WA_RECORD_H */
