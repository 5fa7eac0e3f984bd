#include "core/child.h"

#include "core/clock.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PIECE = 4096,
    WORDS_KEPT = 2048,  /* of what it says; the end of it is what matters */
    TOKEN_PIECE = 16,   /* so many characters of a token are not told */
    LOOK_EVERY_MS = 50, /* whether it is gone: what it has started may hold its streams open */
    GRACE_MS = 2000,    /* between the wish that it ends and its end */
};

enum stream { STREAM_IN, STREAM_OUT, STREAM_ERR, STREAMS };

struct child {
    const struct child_options *options;
    struct child_result *result;
    pid_t pid;
    int ours[STREAMS];   /* our ends of its pipes; -1: closed */
    int theirs[STREAMS]; /* the other ends, until it has them; that of its input we keep, to see what it left unread */
    size_t written;
    char said[WORDS_KEPT + 1];
    size_t said_length;
    bool said_more; /* than is kept */
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* --- finding it --- */

/* Whether there is such a program in a directory, whose name has `length` bytes: an errno. */
static int look_in(const char *directory, size_t length, const char *program)
{
    char path[PATH_MAX];
    struct stat info;

    if (program[0] == '/')
        length = 0;
    if ((size_t)snprintf(path, sizeof path, "%.*s%s%s", (int)length, directory, length > 0 ? "/" : "", program) >=
        sizeof path)
        return ENAMETOOLONG;
    if (stat(path, &info) != 0 || access(path, X_OK) != 0)
        return errno;
    return S_ISREG(info.st_mode) ? 0 : EACCES;
}

static int look_in_path(const char *places, const char *program)
{
    int reason = ENOENT;

    while (reason != 0 && places[0] != '\0') {
        const size_t length = strcspn(places, ":");
        reason = look_in(places, length, program);
        places += length + (places[length] == ':' ? 1 : 0);
    }
    return reason;
}

bool child_find(const char *program, const char *directory, struct error *error)
{
    const char *places = getenv("PATH");

    if (strchr(program, '/') != NULL) {
        errno = look_in(directory, strlen(directory), program);
        return errno == 0 || error_errno(error, "cannot run %.200s", program) ||
               error_hint(error, errno == EACCES ? "make it executable: chmod +x" : "a relative path starts at %.200s",
                          directory);
    }
    errno = look_in_path(places != NULL ? places : "", program);
    return errno == 0 || error_errno(error, "cannot run %.200s", program) ||
           error_hint(error, "it was looked for in PATH: %.200s", places != NULL ? places : "which is not set");
}

/* --- starting it --- */

/* What signs in to Azure, to its services, or to the databases that tokens go to. */
static const char *const known_secrets[] = {
    "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD",        "AZURE_PASSWORD", "IDENTITY_HEADER",
    "MSI_SECRET",          "COMMUNICATION_SERVICES_CONNECTION_STRING", "PGPASSWORD",
};

/* One that is not for others, by the first `length` bytes. */
static bool is_withheld(const struct child_options *options, const char *name, size_t length)
{
    const size_t known = sizeof known_secrets / sizeof known_secrets[0];

    for (size_t i = 0; i < known + options->without_count; i++) {
        const char *secret = i < known ? known_secrets[i] : options->without[i - known];
        if (strncmp(secret, name, length) == 0 && secret[length] == '\0')
            return true;
    }
    return false;
}

/* Our variables without those. The array is malloc'd, its texts are borrowed. */
static char **environment_for(const struct child_options *options)
{
    size_t count = 0;
    size_t kept = 0;

    while (environ[count] != NULL)
        count++;
    char **list = calloc(count + 1, sizeof *list);
    for (size_t i = 0; list != NULL && i < count; i++)
        if (!is_withheld(options, environ[i], strcspn(environ[i], "=")))
            list[kept++] = environ[i];
    return list;
}

/* An errno. */
static int add_files(const struct child *child, posix_spawn_file_actions_t *files)
{
    int reason = 0;

    for (int stream = 0; reason == 0 && stream < STREAMS; stream++)
        reason = posix_spawn_file_actions_adddup2(files, child->theirs[stream], stream);
    if (reason == 0)
        reason = posix_spawn_file_actions_addclosefrom_np(files, STREAMS);
    if (reason == 0 && child->options->directory != NULL)
        reason = posix_spawn_file_actions_addchdir_np(files, child->options->directory);
    return reason;
}

/* An errno. */
static int spawn(struct child *child, char *const *environment)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t signals;

    int reason = posix_spawn_file_actions_init(&files);
    if (reason != 0)
        return reason;
    reason = posix_spawnattr_init(&attributes);
    if (reason == 0) {
        sigfillset(&signals);
        posix_spawnattr_setsigdefault(&attributes, &signals);
        sigemptyset(&signals);
        posix_spawnattr_setsigmask(&attributes, &signals);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
        reason = add_files(child, &files);
        if (reason == 0)
            reason = posix_spawnp(&child->pid, child->options->argv[0], &files, &attributes, child->options->argv,
                                  environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return reason;
}

/* A program without a place for its output writes it where it writes its errors. */
static bool open_pipes(struct child *child, struct error *error)
{
    for (int stream = 0; stream < STREAMS; stream++) {
        int ends[2];
        if (stream == STREAM_OUT && child->options->output == NULL)
            continue;
        if (pipe2(ends, O_CLOEXEC) != 0)
            return error_errno(error, "cannot make a pipe");
        const int mine = stream == STREAM_IN ? 1 : 0;
        child->ours[stream] = ends[mine];
        child->theirs[stream] = ends[1 - mine];
        fcntl(child->ours[stream], F_SETFL, O_NONBLOCK);
    }
    if (child->options->output == NULL)
        child->theirs[STREAM_OUT] = fcntl(child->theirs[STREAM_ERR], F_DUPFD_CLOEXEC, 0);
    return child->theirs[STREAM_OUT] >= 0 || error_errno(error, "cannot make a pipe");
}

static bool start(struct child *child, struct error *error)
{
    char **environment = environment_for(child->options);
    bool ok = environment != NULL || error_no_memory(error);

    ok = ok && open_pipes(child, error);
    if (ok) {
        errno = spawn(child, environment);
        ok = errno == 0 || error_errno(error, "cannot start %s", child->options->argv[0]);
    }
    free(environment);
    close_end(&child->theirs[STREAM_OUT]);
    close_end(&child->theirs[STREAM_ERR]);
    return ok;
}

/* --- its streams --- */

static void feed(struct child *child)
{
    const struct child_options *options = child->options;

    while (child->written < options->input_length) {
        const ssize_t count = write(child->ours[STREAM_IN], (const char *)options->input + child->written,
                                    options->input_length - child->written);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return; /* the pipe is full; we hold its other end as well, so that it always has a reader */
        child->written += (size_t)count;
    }
    close_end(&child->ours[STREAM_IN]);
}

static void keep_words(struct child *child, const char *bytes, size_t length)
{
    if (length > WORDS_KEPT) {
        bytes += length - WORDS_KEPT;
        length = WORDS_KEPT;
        child->said_more = true;
    }
    const size_t over = child->said_length + length > WORDS_KEPT ? child->said_length + length - WORDS_KEPT : 0;
    if (over > 0) {
        child->said_more = true;
        memmove(child->said, child->said + over, child->said_length - over);
        child->said_length -= over;
    }
    memcpy(child->said + child->said_length, bytes, length);
    child->said_length += length;
}

/* Takes what is there. False when it is more than the caller wants. */
static bool take(struct child *child, enum stream stream)
{
    struct buffer *output = stream == STREAM_OUT ? child->options->output : NULL;
    char bytes[PIECE];
    bool ok = true;

    while (ok && child->ours[stream] >= 0) {
        const ssize_t count = read(child->ours[stream], bytes, sizeof bytes);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            break;
        if (count == 0)
            close_end(&child->ours[stream]);
        else if (output == NULL)
            keep_words(child, bytes, (size_t)count);
        else
            buffer_append(output, bytes, (size_t)count);
        ok = output == NULL || !buffer_failed(output);
    }
    explicit_bzero(bytes, sizeof bytes);
    return ok;
}

static bool serve_streams(struct child *child, int timeout_ms)
{
    struct pollfd polled[STREAMS];

    for (int stream = 0; stream < STREAMS; stream++)
        polled[stream] = (struct pollfd){.fd = child->ours[stream], .events = stream == STREAM_IN ? POLLOUT : POLLIN};
    if (poll(polled, STREAMS, timeout_ms) <= 0)
        return true;
    if (child->ours[STREAM_IN] >= 0 && polled[STREAM_IN].revents != 0)
        feed(child);
    const bool fits = take(child, STREAM_OUT);
    return take(child, STREAM_ERR) && fits;
}

/* --- its words --- */

/* Whether the first TOKEN_PIECE characters stand in a token of the input. What else the input holds, such as a user's
 * key, may be told. */
static bool is_of_a_token(const struct child_options *options, const char *piece)
{
    const char *input = options->input;
    const char *end = input + options->input_length;
    const char *at = input;

    while (at != NULL && (at = memmem(at, (size_t)(end - at), piece, TOKEN_PIECE)) != NULL) {
        const char *run = at;
        while (run > input && text_is_token_character(run[-1]))
            run--;
        if (memmem(run, (size_t)(at - run) + TOKEN_PIECE, "eyJ", 3) != NULL)
            return true;
        at = memmem(at, (size_t)(end - at), "eyJ", 3);
    }
    return false;
}

/* Where a token, or a piece of one of the input, begins in a run of token characters; its end when there is none. */
static char *find_token(const struct child_options *options, char *run, const char *end)
{
    while (run < end && strncmp(run, "eyJ", 3) != 0 && (end - run < TOKEN_PIECE || !is_of_a_token(options, run)))
        run++;
    return run;
}

/* text_print() knows a whole token, by its beginning. A program may wrap its lines, or quote the end of one: each piece
 * gets that beginning here, or, behind white space, is joined to the one before. */
static void mark_tokens(const struct child_options *options, char *said)
{
    static const char beginning[] = {'e', 'y', 'J'};
    char *behind = NULL; /* the last piece */

    while (*said != '\0') {
        char *run = said;
        while (text_is_token_character(*said))
            said++;
        if (said == run) {
            behind = strchr(" \r\n\t", *said) != NULL ? behind : NULL;
            said++;
        } else if (behind != NULL && said - run >= TOKEN_PIECE) {
            memset(behind, '.', (size_t)(run - behind));
            behind = said;
        } else {
            run = find_token(options, run, said);
            if (run < said)
                memcpy(run, beginning, sizeof beginning);
            behind = run < said ? said : NULL;
        }
    }
}

/* The end of what it said, from the beginning of a line where something is left out: half a token would not be known as
 * one. */
static void copy_words(struct child *child)
{
    char *said = child->said;

    said[child->said_length] = '\0';
    for (size_t i = 0; i < child->said_length; i++)
        if (said[i] == '\0')
            said[i] = ' ';
    if (child->said_more) {
        const char *line = strchr(said, '\n');
        said = line != NULL ? (char *)line + 1 : said + child->said_length;
    }
    for (size_t length = strlen(said); length > 0 && strchr(" \r\n\t", said[length - 1]) != NULL; length--)
        said[length - 1] = '\0';
    mark_tokens(child->options, said);
    char line[WORDS_KEPT + 1];
    text_print(said, line, sizeof line);
    const size_t length = strlen(line);
    size_t from = length < CHILD_WORDS_SIZE ? 0 : length - CHILD_WORDS_SIZE + 1;
    while ((line[from] & 0xC0) == 0x80) /* not in the middle of a character */
        from++;
    snprintf(child->result->words, CHILD_WORDS_SIZE, "%s", line + from);
    explicit_bzero(child->said, sizeof child->said);
    explicit_bzero(line, sizeof line);
}

/* --- its end --- */

/* Ends all that it started, first by asking. */
static void end_it(const struct child *child, int *asked, int64_t now_us, int64_t *next_us)
{
    kill(-child->pid, *asked == 0 ? SIGTERM : SIGKILL);
    (*asked)++;
    *next_us = now_us + (int64_t)GRACE_MS * 1000;
}

static bool is_to_stop(const struct child_options *options)
{
    struct pollfd polled = {.fd = options->stop_fd, .events = POLLIN};

    return options->stop_fd != 0 && poll(&polled, 1, 0) > 0;
}

static void watch(struct child *child)
{
    int64_t end_us = clock_monotonic_us(&clock_system) + (int64_t)child->options->time_limit_ms * 1000;
    enum child_end reason = CHILD_EXITED;
    int asked = 0;
    int status;

    for (;;) {
        const int64_t now_us = clock_monotonic_us(&clock_system);
        if (now_us >= end_us) {
            reason = reason == CHILD_EXITED ? CHILD_TIMED_OUT : reason;
            end_it(child, &asked, now_us, &end_us);
        } else if (reason == CHILD_EXITED && is_to_stop(child->options)) {
            reason = CHILD_STOPPED;
            end_it(child, &asked, now_us, &end_us);
        }
        const int64_t left_ms = (end_us - now_us + 999) / 1000;
        if (!serve_streams(child, left_ms < 0               ? 0
                                  : left_ms < LOOK_EVERY_MS ? (int)left_ms
                                                            : LOOK_EVERY_MS) &&
            reason == CHILD_EXITED) {
            reason = CHILD_OVERFLOWED;
            end_it(child, &asked, now_us, &end_us);
        }
        if (waitpid(child->pid, &status, WNOHANG) == child->pid)
            break;
    }
    if (asked > 0)
        kill(-child->pid, SIGKILL); /* what it has started and left behind */
    if (!serve_streams(child, 0) && reason == CHILD_EXITED)
        reason = CHILD_OVERFLOWED;
    int held = 0;
    if (ioctl(child->theirs[STREAM_IN], FIONREAD, &held) != 0)
        held = 0;
    child->result->unread_bytes = child->options->input_length - child->written + (size_t)held;
    child->result->end = reason == CHILD_EXITED && WIFSIGNALED(status) ? CHILD_KILLED : reason;
    child->result->status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    copy_words(child);
}

/* "./store ended with status 3: what it said" */
static bool tell(const struct child_options *options, const struct child_result *result, struct error *error)
{
    const char *separator = result->words[0] != '\0' ? ": " : "";
    const char *name = options->argv[0];

    switch (result->end) {
    case CHILD_EXITED:
        if (result->status == 0)
            return true;
        return error_set(error, ERROR_SYSTEM, "%s ended with status %d%s%s", name, result->status, separator,
                         result->words);
    case CHILD_KILLED:
        return error_set(error, ERROR_SYSTEM, "%s was ended by signal %d (%s)%s%s", name, result->status,
                         strsignal(result->status), separator, result->words);
    case CHILD_TIMED_OUT:
        return error_set(error, ERROR_SYSTEM, "%s took longer than %.3g s and was ended%s%s", name,
                         options->time_limit_ms / 1000.0, separator, result->words);
    case CHILD_STOPPED: return error_set(error, ERROR_SYSTEM, "%s was interrupted%s%s", name, separator, result->words);
    case CHILD_OVERFLOWED:
        return error_set(error, ERROR_SYSTEM, "%s wrote more than %zu bytes and was ended", name, options->output->cap);
    case CHILD_NOT_STARTED: break;
    }
    return false;
}

bool child_run(const struct child_options *options, struct child_result *result, struct error *error)
{
    struct child child = {.options = options, .result = result, .ours = {-1, -1, -1}, .theirs = {-1, -1, -1}};

    *result = (struct child_result){.end = CHILD_NOT_STARTED, .unread_bytes = options->input_length};
    if (start(&child, error)) {
        feed(&child);
        watch(&child);
    }
    for (int stream = 0; stream < STREAMS; stream++) {
        close_end(&child.ours[stream]);
        close_end(&child.theirs[stream]);
    }
    return tell(options, result, error);
}
