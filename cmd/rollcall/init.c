/* rollcall init: asks what it must know, and writes a job spec that is valid. */
#include "job.h"

#include "core/buffer.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPEC_MAX = 64 * 1024, ANSWER_MAX = 4096 };

enum { ROSTER = 1, KEY, SIGN_IN, REMOVED, QUESTIONS = REMOVED };

/* Each option is a question as well: asked by its help. */
static const struct command_option options[] = {
    {"roster", "FILE", "the CSV file with the users, relative to the job spec", ROSTER},
    {"key", "COLUMN", "the column with each user's unique key", KEY},
    {"sign-in", "access-key|entra", "how to sign in to the resource", SIGN_IN},
    {"removed", "keep|revoke|delete", "what becomes of users who are gone from the roster", REMOVED},
    {0},
};

static const char *const initial[QUESTIONS] = {"users.csv", "user_id", "access-key", "revoke"};

static bool is_one_of(const char *answer, const char *choices)
{
    const size_t length = strlen(answer);

    for (const char *word = choices; length > 0; word = strchr(word, '|') + 1) {
        if (strncmp(word, answer, length) == 0 && (word[length] == '|' || word[length] == '\0'))
            return true;
        if (strchr(word, '|') == NULL)
            return false;
    }
    return false;
}

static bool is_answer(const struct command_option *option, const char *answer)
{
    if (answer[0] == '\0' || strlen(answer) >= ANSWER_MAX)
        fprintf(stderr, "rollcall: --%s must not be %s\n", option->name, answer[0] == '\0' ? "empty" : "so long");
    else if (strchr(option->argument, '|') != NULL && !is_one_of(answer, option->argument))
        fprintf(stderr, "rollcall: --%s takes %s, not \"%.80s\"\n", option->name, option->argument, answer);
    else
        return true;
    return false;
}

/* Asks on the terminal until there is an answer. False after a message, when no answer can come any more. */
static bool ask(const struct command_option *option, const char *usual, char answer[ANSWER_MAX])
{
    const bool is_choice = strchr(option->argument, '|') != NULL;

    do {
        fprintf(stderr, is_choice ? "%s (%s) [%s]: " : "%s%.0s [%s]: ", option->help, option->argument, usual);
        fflush(stderr);
        if (fgets(answer, ANSWER_MAX, stdin) == NULL) {
            fputs("\nrollcall: no answer came, and nothing is written\n", stderr);
            return false;
        }
        answer[strcspn(answer, "\n")] = '\0';
        if (answer[0] == '\0')
            snprintf(answer, ANSWER_MAX, "%s", usual);
    } while (!is_answer(option, answer));
    return true;
}

static bool ask_all(char answers[QUESTIONS][ANSWER_MAX])
{
    for (int i = 0; i < QUESTIONS; i++) {
        if (answers[i][0] != '\0')
            continue;
        if (isatty(STDIN_FILENO) != 1) {
            fprintf(stderr,
                    "rollcall: --%s is missing, and there is no terminal to ask on\n"
                    "  hint: rollcall init JOB.yaml --roster users.csv --key user_id --sign-in access-key --removed "
                    "revoke\n",
                    options[i].name);
            return false;
        }
        if (!ask(&options[i], initial[i], answers[i]))
            return false;
    }
    return true;
}

/* --- the file --- */

/* A text of the user's as YAML: in double quotes, unless it is a plain word. */
static void append_scalar(struct buffer *text, const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./";

    if (value[strspn(value, plain)] == '\0' && (value[0] < '0' || value[0] > '9')) {
        buffer_append_text(text, value);
        return;
    }
    buffer_append_char(text, '"');
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            buffer_append_char(text, '\\');
        if ((unsigned char)*value < 0x20)
            buffer_append_format(text, "\\x%02x", (unsigned)*value);
        else
            buffer_append_char(text, *value);
    }
    buffer_append_char(text, '"');
}

/* The name of the file without its folder and ending, made of what a name may hold. */
static void append_name(struct buffer *text, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    const char *end = strrchr(base, '.');
    const size_t length = end != NULL && end > base ? (size_t)(end - base) : strlen(base);

    for (size_t i = 0; i < length && i < 64; i++)
        buffer_append_char(text, strchr("._-", base[i]) != NULL || (base[i] >= '0' && base[i] <= '9') ||
                                         ((base[i] | 0x20) >= 'a' && (base[i] | 0x20) <= 'z')
                                     ? base[i]
                                     : '-');
}

static const char *sign_in_lines(const char *answer)
{
    if (strcmp(answer, "access-key") == 0)
        return "  connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }   # or { file: PATH }\n";
    return "  endpoint: { env: COMMUNICATION_SERVICES_ENDPOINT }\n"
           "  credential: default             # or one kind by name: managed_identity, workload_identity, ...\n";
}

static const char *removed_line(const char *answer)
{
    if (strcmp(answer, "delete") == 0)
        return "  removed: { do: delete, after: 30d, meanwhile: revoke }   # cut off at once, gone in a month\n";
    if (strcmp(answer, "revoke") == 0)
        return "  removed: revoke                 # their tokens die; they come back with the same identity\n";
    return "  removed: keep                   # or revoke, or { do: delete, after: 30d, meanwhile: revoke }\n";
}

static void append_spec(struct buffer *text, const char *path, char answers[QUESTIONS][ANSWER_MAX])
{
    buffer_append_text(text, "# yaml-language-server: $schema=/usr/share/rollcall/jobs/rollcall.schema.json\n"
                             "#\n"
                             "# `rollcall plan` shows what a run of this job would do; `rollcall run` does it.\n"
                             "# Every key is described in rollcall-job(5).\n"
                             "version: 1\n"
                             "name: ");
    append_name(text, path);
    buffer_append_format(text, "\n\nresource:\n%s", sign_in_lines(answers[SIGN_IN - 1]));
    buffer_append_text(text,
                       "\n# Who has which identity: the only record of it. Paths are relative to this file.\nledger: ");
    append_name(text, path);
    buffer_append_text(text, ".ledger\n\nroster:\n  csv: ");
    append_scalar(text, answers[ROSTER - 1]);
    buffer_append_text(text, "\n  key: ");
    append_scalar(text, answers[KEY - 1]);
    buffer_append_text(text,
                       "\n"
                       "  # watch: [password_changed_at]  # columns whose change makes a user `changed`\n"
                       "\n"
                       "token:\n"
                       "  scopes: [chat, voip]            # leave it out for identities without tokens\n"
                       "  lifetime: 24h                   # 1h to 24h\n"
                       "\n"
                       "rules:\n"
                       "  added: provision                # an identity and a token for who has none\n"
                       "  # changed: [revoke, issue]      # needs roster.watch\n"
                       "  expiring: { within: 12h, do: issue }   # for a run every 6 hours, one of which may fail\n");
    buffer_append_text(text, removed_line(answers[REMOVED - 1]));
    buffer_append_text(text, "\n"
                             "# A run that would exceed one of these sends nothing.\n"
                             "limits:\n"
                             "  delete: 5%                      # of all identities\n"
                             "  revoke: 20%\n"
                             "  shrink: 10%                     # the roster may lose this much between two runs\n"
                             "\n"
                             "outputs:\n"
                             "  mapping: out/mapping.csv        # key, identity, state, end of the token\n"
                             "  tokens: { csv: out/tokens.csv } # mode 0600\n"
                             "  failures: out/failures.csv      # who failed and why; usable as a roster again\n");
}

static bool write_file(const char *path, const struct buffer *text, struct error *error)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0 && errno == EEXIST) {
        error_set(error, ERROR_INPUT, "%s is there already", path);
        return error_hint(error, "give another name, or move it away");
    }
    if (fd < 0)
        return error_errno(error, "cannot write %s", path);
    const bool ok = file_write_all(fd, text->data, text->length) && fsync(fd) == 0;
    if (!ok)
        error_errno(error, "cannot write %s", path);
    close(fd);
    if (!ok)
        unlink(path);
    return ok;
}

/* What is written must be taken by those who read it: the spec, and the roster with that key. */
static int check(const char *path)
{
    struct job job = {.roster_fd = -1};
    int status = command_load(path, SPEC_WITHOUT_SECRETS, &job.spec);

    if (status == 0)
        status = job_plan(&job, &(struct plan_options){0});
    job_close(&job);
    return status;
}

static int write_spec(const char *path, char answers[QUESTIONS][ANSWER_MAX])
{
    struct buffer text;
    struct error error;

    buffer_init(&text, SPEC_MAX);
    append_spec(&text, path, answers);
    const bool ok =
        buffer_failed(&text) ? buffer_error(&text, "the job spec", &error) : write_file(path, &text, &error);
    buffer_clear(&text);
    if (!ok)
        return command_error(&error);
    const int status = check(path);
    if (status != 0) {
        unlink(path);
        fprintf(stderr, "rollcall: %s was not written\n  hint: correct what is said above, and run init again\n", path);
        return status;
    }
    printf("%s is written. What would it do? rollcall plan %s\n", path, path);
    return 0;
}

static int run(const struct command *command, int argc, char **argv)
{
    char answers[QUESTIONS][ANSWER_MAX] = {0};
    const char *path;
    int option;
    int status;

    while ((option = command_next_option(command, argc, argv, &status)) > 0) {
        if (!is_answer(&options[option - 1], optarg))
            return EXIT_USAGE;
        snprintf(answers[option - 1], ANSWER_MAX, "%s", optarg);
    }
    if (option == COMMAND_ENDS)
        return status;
    if (!command_arguments(command, argc, argv, 1, &path) || !ask_all(answers))
        return EXIT_USAGE;
    return write_spec(path, answers);
}

const struct command command_init = {
    .name = "init",
    .arguments = "JOB.yaml",
    .summary = "write a new job spec; asks for what no option says",
    .options = options,
    .run = run,
};
