/* <notification>, <call>: serial stanza tasks; each ends its task. */
#ifndef WA_NOTIFY_H
#define WA_NOTIFY_H

#include "wa_account_int.h"


void wa_notify_stanza(wa_task_t *t);
void wa_notify_call(wa_task_t *t);

#endif /* WA_NOTIFY_H */
