/* fault_answer.h - what a fault does to an answer before it becomes HTTP. What it does to the wire: fault_wire.h. */
#ifndef EMULATOR_FAULT_ANSWER_H
#define EMULATOR_FAULT_ANSWER_H

#include "answer.h"
#include "faults.h"
#include "moment.h"

/* `answer` is the right one, or blank where the fault does not act. */
void fault_spoil(const struct fault *fault, enum operation operation, struct moment now, struct answer *answer);

#endif
