/* <notification>: serial stanza task, which it ends. */
#ifndef WA_NOTIFY_H
#define WA_NOTIFY_H

#include "wa_account_int.h"
#include "wa_task.h"
#include "wa_unit.h"


void wa_notify_stanza(wa_task_t *t);

/*
 * How the handlers of an account_sync's children end.  Commits `u`, then the
 * next child has its turn in the same task; after the last one the stanza is
 * acknowledged and the task ended.  `done`: the child that was handled.
 */
void wa_notify_account(wa_task_t *t, wa_unit_t *u, const char *done);

#endif /* WA_NOTIFY_H */
