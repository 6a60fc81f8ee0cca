/*
 * Sending to a group: who has which devices, who lacks our sender key, and
 * the stanza.  Facts: protocol 9.2, 7.6 (phash).
 *
 *     wa_group_prepare     group record, devices, key holders, sessions
 *     wa_group_unit        one unit: key, sessions, stanza, records
 *
 * Record skto/<jid> lists the devices that were given our key.  One of them
 * gone from the group, or from its account, means a new key for all others.
 */
#ifndef WA_GROUP_SEND_H
#define WA_GROUP_SEND_H

#include "wa_prepare.h"


/*
 * Finds out all that the stanza needs and resumes the task with `then`:
 * WA_OK (all records are in memory), WA_ERR_REFUSED, _TIMEOUT, _GONE,
 * _SYNTAX, _LIMIT (too many devices), _NOMEM.  p->chat is the group.
 */
void wa_group_prepare(wa_task_t *t, wa_prepare_t *p, wa_task_pt then);

/* Fills the unit, as wa_prepare_unit() does. */
wa_err_t wa_group_unit(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p);

/* Appends our sender key of this group to Message bytes, for one device that
   asked again.  Needs the key's record. */
wa_err_t wa_group_keyed(wa_unit_t *u, const wa_jid_t *group,
    wa_arena_t *arena, wa_buf_t *message);

/* A stanza was refused, and with it the copies of the key: nobody is taken to
   have it any more.  No record needed. */
wa_err_t wa_group_holders_forget(wa_unit_t *u, const wa_jid_t *room);

/*
 * A device of a group's member cannot read us, and what it asks for is not
 * kept: it is given our key again with the next message, as if it never had
 * it.  `device` as its session is named.  Needs the record that
 * wa_group_holders_need() names; false: out of memory.  A device that is no
 * holder changes nothing.  WA_ERR_NOMEM, WA_ERR_ARG, those of wa_unit_put().
 */
bool wa_group_holders_need(const wa_jid_t *group, wa_arena_t *arena,
    wa_key_t *key);
wa_err_t wa_group_holder_gone(wa_unit_t *u, const wa_jid_t *group,
    const wa_jid_t *device, wa_arena_t *arena);

#endif /* WA_GROUP_SEND_H */
