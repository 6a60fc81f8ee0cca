/* Commands that change the account itself (all but WA_OP_SEND and
   WA_OP_QUERY). */
#ifndef WA_COMMAND_H
#define WA_COMMAND_H

#include "wa_account_int.h"


void wa_command_run(wa_account_t *a, const wa_cmd_t *cmd);

#endif /* WA_COMMAND_H */
