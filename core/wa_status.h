/*
 * Posting to status@broadcast: a group of one's own making for each post.
 * Facts: protocol 9.3 (status), 15 (status privacy).
 *
 * Who may see it is said by "audience" of the send, else by the list that the
 * account's owner chose on the phone, as far as that is a list of people:
 * "my contacts" and "my contacts except" need contacts that nobody has told
 * us.  What is taken back goes to those who have our sender key.
 */
#ifndef WA_STATUS_H
#define WA_STATUS_H

#include "wa_prepare.h"


#define WA_STATUS_AUDIENCE_MAX  5000

/*
 * Checks what is to be posted and reads "audience" into the send.  NULL: fine;
 * else the error's code, and a sentence in *message.
 */
const char *wa_status_parse(wa_send_t *s, const json_t *args,
    const char **message);

/* As wa_group_prepare().  WA_ERR_ARG: the draft has the error. */
void wa_status_prepare(wa_task_t *t, wa_prepare_t *p, wa_task_pt then);

/* Names the record of those who have our key. */
bool wa_status_need(wa_arena_t *arena, wa_key_t *key);

/* This person was given it.  Needs that record; by LID. */
bool wa_status_seen_by(wa_account_t *a, wa_arena_t *arena,
    const wa_jid_t *person);

/* Forgets the device lists of the audience: the server counts others. */
void wa_status_doubt(wa_unit_t *u, const wa_send_t *s);

/* story.posted, of ours (`from` NULL) or somebody's. */
wa_err_t wa_status_event(wa_unit_t *u, const char *ref,
    const wa_jid_t *from, int64_t timestamp, const wa_content_t *c,
    const char *media_id);

#endif /* WA_STATUS_H */
