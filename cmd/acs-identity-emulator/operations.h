/* operations.h - what the operations do; each fills the answer. */
#ifndef EMULATOR_OPERATIONS_H
#define EMULATOR_OPERATIONS_H

#include "service.h"

void operation_create(struct service *service, const struct call *call, struct answer *answer);
void operation_issue(struct service *service, const struct call *call, struct answer *answer);
void operation_revoke(struct service *service, const struct call *call, struct answer *answer);
void operation_delete(struct service *service, const struct call *call, struct answer *answer);
void operation_get(struct service *service, const struct call *call, struct answer *answer);
void operation_exchange(struct service *service, const struct call *call, struct answer *answer);

void operation_token(struct service *service, const struct call *call, struct answer *answer);
void operation_managed_identity(struct service *service, const struct call *call, struct answer *answer);
void operation_discovery(struct service *service, const struct call *call, struct answer *answer);

#endif
