/* spec_fixture.h - a folder of its own for each test, and a job spec in it. */
#ifndef ROLLCALL_TESTS_SPEC_FIXTURE_H
#define ROLLCALL_TESTS_SPEC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/spec.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A whole spec, in pieces: a test leaves out the one that it writes itself. */
#define TOP "version: 1\nname: demo\n"
#define RESOURCE "resource:\n  connection_string: { env: ACS_CONNECTION }\n"
#define LEDGER "ledger: demo.ledger\n"
#define ROSTER "roster:\n  csv: users.csv\n  key: user_id\n"
#define RULES "rules:\n  added: provision\n"
#define WHOLE TOP RESOURCE LEDGER ROSTER RULES /* 10 lines */

struct fixture {
    char folder[64];
    struct spec *spec;
    struct problems problems;
    struct error error;
    char printed[32 * 1024]; /* the problems as the user sees them */
};

static inline void write_bytes(const char *name, const void *bytes, size_t length)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static inline void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static inline void write_program(const char *name)
{
    write_text(name, "#!/bin/sh\n");
    assert_int_equal(chmod(name, 0755), 0);
}

/* The tests run in their folder, so that messages hold short names. */
static inline int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    strcpy(fixture->folder, "/tmp/rollcall-spec-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    assert_int_equal(chdir(fixture->folder), 0);
    umask(022);
    write_text("users.csv", "user_id,department\nanna,sales\n");
    write_text("older.csv", "user_id,department\n");
    write_text("cert.pem", "not really\n");
    setenv("ACS_CONNECTION", "endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0", 1);
    *state = fixture;
    return 0;
}

static inline int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline void unload(struct fixture *fixture)
{
    spec_free(fixture->spec);
    problems_clear(&fixture->problems);
    fixture->spec = NULL;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;

    unload(fixture);
    assert_int_equal(chdir("/"), 0);
    nftw(fixture->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

static inline void print_problems(struct fixture *fixture)
{
    FILE *stream = fmemopen(fixture->printed, sizeof fixture->printed, "w");

    assert_non_null(stream);
    problems_print(&fixture->problems, stream);
    fclose(stream);
}

static inline void load_bytes(struct fixture *fixture, const void *bytes, size_t length, enum spec_secrets secrets)
{
    unload(fixture);
    memset(fixture->printed, 0, sizeof fixture->printed);
    write_bytes("job.yaml", bytes, length);
    fixture->spec = spec_load("job.yaml", secrets, &fixture->problems, &fixture->error);
    print_problems(fixture);
}

/* The spec of a text that must be valid. */
static inline const struct spec *load(void **state, const char *yaml)
{
    struct fixture *fixture = *state;

    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);
    assert_string_equal(fixture->printed, "");
    assert_non_null(fixture->spec);
    return fixture->spec;
}

/* Loads a text with faults; they must be exactly these, as the user sees them. */
static inline void refuses(void **state, const char *yaml, const char *expected)
{
    struct fixture *fixture = *state;

    load_bytes(fixture, yaml, strlen(yaml), SPEC_WITH_SECRETS);
    assert_string_equal(fixture->printed, expected);
    assert_null(fixture->spec);
    assert_int_equal(fixture->error.code, ERROR_INPUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
