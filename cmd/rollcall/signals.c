#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void *watch_signals(void *context)
{
    struct signals *signals = context;
    struct pollfd fds[2] = {{.fd = signals->signal_fd, .events = POLLIN}, {.fd = signals->quit_fd, .events = POLLIN}};
    struct signalfd_siginfo info;
    const uint64_t one = 1;

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if ((fds[1].revents & POLLIN) != 0)
            return NULL;
        if (read(signals->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
            continue;
        /* A terminal that goes away is no reason of its own: 143. */
        const int number = info.ssi_signo == SIGHUP ? SIGTERM : (int)info.ssi_signo;
        if (signals->received != 0)
            _exit(128 + number);
        signals->received = number;
        if (write(signals->stop_fd, &one, sizeof one) != (ssize_t)sizeof one)
            _exit(128 + number);
    }
}

bool signals_start(struct signals *signals, struct error *error)
{
    sigset_t set;
    struct sigaction hangup;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) /* nohup ignores it */
        sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signals->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    signals->quit_fd = eventfd(0, EFD_CLOEXEC);
    signals->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signals->signal_fd < 0 || signals->quit_fd < 0 || signals->stop_fd < 0)
        return error_errno(error, "cannot watch for signals");
    if (pthread_create(&signals->thread, NULL, watch_signals, signals) != 0)
        return error_set(error, ERROR_SYSTEM, "cannot start a thread");
    return true;
}

void signals_stop(struct signals *signals)
{
    const uint64_t one = 1;

    if (write(signals->quit_fd, &one, sizeof one) == (ssize_t)sizeof one)
        pthread_join(signals->thread, NULL);
    close(signals->signal_fd);
    close(signals->quit_fd);
    close(signals->stop_fd);
}
