/* options.h - the command line. */
#ifndef EMULATOR_OPTIONS_H
#define EMULATOR_OPTIONS_H

#include "address.h"
#include "service.h"

enum options_request { OPTIONS_SERVE, OPTIONS_HELP, OPTIONS_VERSION };

enum { SEED_TEXT_SIZE = 256 };

struct options {
    enum options_request request;
    struct address listen;
    bool tls;
    const char *tls_directory; /* NULL: a temporary one */
    const char *access_key;    /* base64; NULL: made from the seed */
    const char *ready_file;    /* NULL: none */
    char seed[SEED_TEXT_SIZE];
    bool seed_is_random;
    uint64_t preload;
    int64_t latency_least_us;
    int64_t latency_most_us;
    struct service_options service; /* service.seed is &seed */
};

/* Borrows the arguments. */
bool options_parse(int count, char **arguments, struct options *options, struct error *error);
void options_print_help(void);
/* The section OPTIONS of the manual page, from the same table; malloc'd, NULL when out of memory. */
char *options_manual(void);

#endif
