/*
 * Groups: what they are called and who is in them.  Record grp/<jid>, filled
 * by w:g2 queries and kept true by w:gp2 notifications; "grps" lists which
 * there are.  Facts: protocol 14 (groups), 9.2 (sending).
 */
#ifndef WA_GROUP_H
#define WA_GROUP_H

#include "group.pb-c.h"

#include <jansson.h>

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_mem.h"
#include "wa_node.h"
#include "wa_task.h"
#include "wa_unit.h"


#define WA_GROUP_MEMBERS_MAX  5000      /* more are not read               */
#define WA_GROUP_LIST_MAX     5000

#define WA_GROUP_RECORD_LIST  "grps"

typedef enum {
    WA_ROLE_MEMBER = 0,
    WA_ROLE_ADMIN,
    WA_ROLE_SUPERADMIN
} wa_role_e;


/* Names the record; false: not a group, or out of memory. */
bool wa_group_need(const wa_jid_t *jid, wa_arena_t *arena, wa_key_t *key);

/* *g is NULL when there is no record (or it is not in memory). */
wa_err_t wa_group_get(wa_account_t *a, const wa_jid_t *jid,
    wa_arena_t *arena, Wa__Group **g);

/* Whether there is one, without reading it. */
bool wa_group_known(wa_account_t *a, const wa_jid_t *jid);

/* Writes the record and, if the list lacks it, "grps".  Needs both. */
wa_err_t wa_group_put(wa_unit_t *u, const wa_jid_t *jid, const Wa__Group *g);

/* The records of groups that were just read, and "grps", for
   wa_group_keep() and wa_group_put(): as wa_task_need(). */
wa_err_t wa_group_need_all(wa_task_t *t, const wa_jid_t *jids, size_t n);

/* A group that was just read keeps what WhatsApp did not tell with it: its
   picture, its invite code.  Needs its record. */
void wa_group_keep(wa_account_t *a, const wa_jid_t *jid, wa_arena_t *arena,
    Wa__Group *g);

/* Forgets what is known, so that it is asked for again.  No record needed. */
wa_err_t wa_group_forget(wa_unit_t *u, const wa_jid_t *jid);

/* We are not in it any more: the record and our sender key go.  Needs
   "grps". */
wa_err_t wa_group_left(wa_unit_t *u, const wa_jid_t *jid);

/* All groups were fetched once; and the mark of that.  Need "grps". */
bool wa_group_synced(wa_account_t *a, wa_arena_t *arena);
wa_err_t wa_group_put_synced(wa_unit_t *u);

/*
 * Reads <group id ...>.  Strings point into the arena.  WA_ERR_SYNTAX: no
 * id; WA_ERR_LIMIT: too many members; WA_ERR_NOMEM.
 */
wa_err_t wa_group_parse(const wa_account_t *a, const wa_node_t *node,
    wa_arena_t *arena, wa_jid_t *jid, Wa__Group **g);

/* A member by either address; NULL: none. */
Wa__GroupMember *wa_group_member(const Wa__Group *g, const wa_jid_t *who);

/* A person as the group's messages name them: by LID or by number, bare; as
   given, when the other address is not known.  The map is in memory, or the
   person is a member. */
wa_jid_t wa_group_address(wa_account_t *a, const Wa__Group *g,
    const wa_jid_t *who);

/* Its addresses; server NONE where there is none. */
void wa_group_member_jids(const Wa__GroupMember *m, wa_jid_t *lid,
    wa_jid_t *pn);

/* <participant jid lid|phone_number type> -> member.  WA_ERR_SYNTAX,
   WA_ERR_NOMEM. */
wa_err_t wa_group_participant(const wa_node_t *node, wa_arena_t *arena,
    Wa__GroupMember **m);

/* The phone address if known: what the HTTP contract shows. */
wa_jid_t wa_group_member_show(const Wa__GroupMember *m);

/* Group object of the HTTP contract, with its participants.  New reference;
   NULL: no memory. */
json_t *wa_group_json(const wa_account_t *a, const wa_jid_t *jid,
    const Wa__Group *g);

/* The form of GET .../metadata. */
json_t *wa_group_metadata(const wa_jid_t *jid, const Wa__Group *g);

/*
 * Child task: sees to it that there is a record, asking the server when
 * there is none, or `anew`.  The resume gets WA_OK (ask for the record
 * again), WA_ERR_REFUSED (iq_code is then in *code), _TIMEOUT, _GONE,
 * _SYNTAX, _NOMEM.  `code` may be NULL; it must live until then.
 *   WA_AGAIN  started;  WA_ERR_ARG not a group;  WA_ERR_NOMEM
 */
wa_err_t wa_group_resolve(wa_task_t *parent, const wa_jid_t *jid, bool anew,
    uint32_t *code);

/* Whose sender key we write with: our LID where there is one. */
const wa_jid_t *wa_group_sender(const wa_account_t *a);

/* Serial stanza task of <notification type=w:gp2>; ends it. */
void wa_group_notification(wa_task_t *t);

/* The event of a group that became known or changed; `about` NULL, or an
   object whose members are told beside the group, stolen. */
wa_err_t wa_group_event(wa_unit_t *u, const wa_jid_t *jid,
    const Wa__Group *g, bool created, json_t *about);

/* Puts into *about (NULL: a new object) what a child of a w:gp2 notification
   by `actor` tells that no record holds.  WA_ERR_NOMEM. */
wa_err_t wa_group_about(const wa_node_t *c, const wa_jid_t *actor,
    wa_arena_t *arena, json_t **about);

/* Which group a <group> names, by id or jid.  False: none. */
bool wa_group_node_jid(const wa_node_t *node, wa_jid_t *jid);

#endif /* WA_GROUP_H */
