# What counts as delivered is on the disk: what is synced and renamed, and in which order.

setup() {
    load helper
    job_setup
    ! is_sanitized || skip "a sanitizer does not let others be loaded before it"
    cc -shared -fPIC -x c -o watch.so - <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "sync tokens.db" into the file `events`; programs that the run starts are in the same directory. */
static void note(const char *what, const char *path)
{
    char line[512];
    const char *name = strrchr(path, '/');
    const int length = snprintf(line, sizeof line, "%s %s\n", what, name != NULL ? name + 1 : path);
    const int fd = open("events", O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (write(fd, line, (size_t)length) == length)
        close(fd);
}

static void note_fd(int fd)
{
    char link[64];
    char path[512] = "";

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) > 0)
        note("sync", path);
}

int fsync(int fd)
{
    note_fd(fd);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd)
{
    note_fd(fd);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int rename(const char *from, const char *to)
{
    note("name", to);
    return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(from, to);
}

int link(const char *from, const char *to)
{
    note("name", to);
    return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "link"))(from, to);
}
END
}

teardown() {
    job_teardown
}

# events_of SINKS: a run with them; what it syncs and names, in its order, where one thing is not done twice in a row.
events_of() {
    write_job outputs="{ tokens: $1 }"
    LD_PRELOAD=$PWD/watch.so run_job
    [ "$status" -eq 0 ]
    EVENTS=$(sed 's/contoso\.ledger.*/ledger/; s/tokens\.db.*/database/; s/tokens-.*cms/sealed/' events | uniq | tr '\n' ',')
    echo "$EVENTS"
}

@test "the journal of a file is on the disk before the ledger counts its tokens, and the file before it has its name" {
    events_of '{ csv: out/tokens.csv }'
    [[ $EVENTS == *'sync .tokens.csv.partial,sync ledger,sync .tokens.csv.partial,name tokens.csv,sync out,'* ]]
    rm -r events out "$LEDGER"*
    events_of '{ ndjson: out/tokens.ndjson }'
    [[ $EVENTS == *'sync .tokens.ndjson.partial,sync ledger,sync .tokens.ndjson.partial,name tokens.ndjson,sync out,'* ]]
}

@test "so are the journal of a sealed file, and what is sealed" {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out recipient.pem -subj /CN=recipient -days 30 2>/dev/null
    events_of '{ csv: out/tokens.csv, encrypt: recipient.pem }'
    [[ $EVENTS == *'sync .tokens.csv.partial,sync ledger,sync .tokens.csv.cms.partial-1,name sealed,sync out,'* ]]
}

@test "a database is on the disk, and that it is whole, before the ledger counts its tokens" {
    events_of '{ sqlite: out/tokens.db }'
    # Its journal, that there is one, its pages, and that there is none any more.
    [[ $EVENTS == *'sync database,sync out,sync database,sync out,sync ledger,'* ]]
}
