/* signals.h - being asked to end: SIGINT, SIGTERM, and SIGHUP unless it is ignored.
 *
 * The first signal asks to stop in good order; the second ends the process at once, which is as safe as kill -9.  They
 * stay blocked when nobody watches any more: one that comes then is the first of the next watch.
 */
#ifndef ROLLCALL_CMD_SIGNALS_H
#define ROLLCALL_CMD_SIGNALS_H

#include "core/error.h"

#include <pthread.h>

struct signals {
    int signal_fd;
    int quit_fd;
    int stop_fd;          /* readable when the first one has come */
    _Atomic int received; /* its number; 0: none */
    pthread_t thread;
};

bool signals_start(struct signals *signals, struct error *error);
void signals_stop(struct signals *signals);

#endif
