/*
 * Sending to a group, shared between its files.
 */
#ifndef WA_GROUP_SEND_INT_H
#define WA_GROUP_SEND_INT_H

#include "wa_group.h"
#include "wa_group_send.h"


#define WA_ROOM_NAME_LEN  (WA_JID_TEXT_MAX + 8)

/* A device of a member. */
typedef struct {
    wa_jid_t   jid;               /* its session                           */
    wa_jid_t   to;                /* as the stanza names it                */
    bool       lacks;             /* our sender key                        */
    bool       given;             /* it, in this stanza                    */
    char       name[WA_JID_TEXT_MAX];       /* of `jid`                    */
} wa_room_device_t;

struct wa_room_s {
    wa_task_pt           then;
    Wa__Group           *group;
    bool                 lid;     /* the stanza names LIDs                 */
    bool                 status;  /* an audience, not a group              */
    bool                 anew;    /* nothing was known of the group        */
    wa_jid_t            *users;   /* as in group->members                  */
    size_t               n_users;
    size_t               asked;   /* users whose devices are known         */
    wa_device_list_t     list;    /* of the last question                  */
    wa_room_device_t       *devices;
    size_t               n_devices;
    size_t               cap_devices;
    bool                 rotate;  /* somebody has the key who may not, or
                                     it is not to be used any more         */
    size_t               n_lacking;
    wa_jid_t            *missing;
    wa_err_t            *results;
    size_t               n_missing;
    size_t               fetched;
};


/* Goes on with r->group and r->users: whose devices they are. */
void wa_room_ask(wa_task_t *t);

/* Record skto/<jid>.  False: no text form. */
bool wa_room_holders_name(const wa_jid_t *jid, char name[WA_ROOM_NAME_LEN]);

#endif /* WA_GROUP_SEND_INT_H */
