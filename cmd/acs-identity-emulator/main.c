/* acs-identity-emulator: a local Azure Communication Services Identity service. */
#include "address.h"
#include "options.h"
#include "resource.h"
#include "server.h"
#include "service.h"
#include "tls.h"

#include "core/file.h"
#include "core/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* From here on the signals that end us are read from a descriptor. */
static int open_signals(struct error *error)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0) {
        error_errno(error, "cannot block signals");
        return -1;
    }
    const int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        error_errno(error, "cannot watch signals");
    return fd;
}

static bool write_ready_file(const char *path, const char *connection_string, struct error *error)
{
    struct atomic_file *file = atomic_file_open(path, 0600, error);

    if (file == NULL)
        return false;
    atomic_file_write(file, connection_string, strlen(connection_string));
    atomic_file_write(file, "\n", 1);
    return atomic_file_commit(file, error);
}

/* Tells the connection string on standard output and in the ready file, in this order. */
static bool announce(const struct options *options, const struct resource *resource, const struct address *address,
                     const struct certificate *certificate, struct error *error)
{
    char host[ADDRESS_TEXT_SIZE];
    char line[ADDRESS_TEXT_SIZE + sizeof resource->key_text + 64];

    address_format(address, host);
    snprintf(line, sizeof line, "endpoint=%s://%s/;accesskey=%s", options->tls ? "https" : "http", host,
             resource->key_text);
    printf("%s\n", line);
    if (options->tls)
        printf("certificate=%s\n", certificate->path);
    if (fflush(stdout) != 0)
        return error_errno(error, "cannot write to standard output");
    return options->ready_file == NULL || write_ready_file(options->ready_file, line, error);
}

static bool serve(const struct options *options, const struct resource *resource, struct service *service,
                  struct certificate *certificate, int signal_fd, struct error *error)
{
    struct address address = options->listen;
    struct server server;

    const struct fault *of_tls = faults_of_tls(&service->faults);
    if (of_tls != NULL && !options->tls)
        return error_set(error, ERROR_INPUT, "%s: the fault %s needs --tls", options->service.faults,
                         fault_name(of_tls->kind));
    if (options->tls &&
        (!certificate_make(certificate, error) || !certificate_write(certificate, options->tls_directory, error)))
        return false;
    if (options->ready_file != NULL)
        unlink(options->ready_file); /* of an earlier run: who waits for it must not see it */
    const int listen_fd = address_listen(&address, error);
    if (listen_fd < 0)
        return false;
    const struct server_options server_options = {
        .latency_least_us = options->latency_least_us,
        .latency_most_us = options->latency_most_us,
        .certificate = options->tls ? certificate : NULL,
        .seed = options->seed,
    };
    const bool ok = server_init(&server, service, &server_options, listen_fd, error) &&
                    announce(options, resource, &address, certificate, error) && server_run(&server, signal_fd, error);
    server_clear(&server);
    if (options->ready_file != NULL)
        unlink(options->ready_file);
    return ok;
}

static bool run(const struct options *options, struct error *error)
{
    struct resource resource;
    struct service service;
    struct certificate certificate = {0};

    const int signal_fd = open_signals(error);
    if (signal_fd < 0)
        return false;
    bool ok = false;
    if (resource_init(&resource, options->seed, options->seed_is_random, options->access_key, error) &&
        service_init(&service, &resource, &options->service, error)) {
        ok = service_preload(&service, options->preload, error) &&
             serve(options, &resource, &service, &certificate, signal_fd, error);
        service_clear(&service);
    }
    certificate_clear(&certificate);
    close(signal_fd);
    return ok;
}

int main(int argc, char **argv)
{
    struct options options;
    struct error error = {0};

    process_guard();
    if (!options_parse(argc, argv, &options, &error))
        goto fail;
    switch (options.request) {
    case OPTIONS_HELP: options_print_help(); return 0;
    case OPTIONS_VERSION: printf("acs-identity-emulator %s\n", ROLLCALL_VERSION); return 0;
    case OPTIONS_SERVE: break;
    }
    if (options.seed_is_random)
        fprintf(stderr, "acs-identity-emulator: --seed %s makes this run repeatable\n", options.seed);
    if (run(&options, &error))
        return 0;
fail:
    fprintf(stderr, "acs-identity-emulator: %s\n", error.message);
    if (error.hint[0] != '\0')
        fprintf(stderr, "hint: %s\n", error.hint);
    return error_exit_status(error.code);
}
