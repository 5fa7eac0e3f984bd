/* Tokens in files: every test is made with CSV and with JSON lines. */
#include "ledger_writing.h"

#include "ledger/ledger_internal.h"
#include "output/sink.h"

#define PATH "out/tokens"
#define JOURNAL "out/.tokens.partial"
#define CSV_HEADER "user_id,identity_id,token,expires_at\n"
#define ENDS_S (WHEN_MS / 1000 + 3600)
#define ENDS "2023-11-14T23:13:20Z"
#define NOW_S (WHEN_MS / 1000)
#define SOMEBODY_ELSE 65534

static const struct sink_kind *const kind = &sink_token_file;

static struct spec_sink sinks[2];
static struct spec spec;
static struct sink_options options;
static void *sink;

static int begin(enum spec_sink_kind format)
{
    static char path[] = PATH;
    static char key[] = "user_id";

    sinks[0] = (struct spec_sink){.kind = format, .name = path, .path = path, .required = true};
    sinks[1] = (struct spec_sink){.kind = SINK_COMMAND, .required = true};
    spec = (struct spec){.roster.key = key, .outputs = {.sinks = sinks, .sink_count = 1}};
    return ledger_begin_test(NULL);
}

static int begin_csv(void **state)
{
    (void)state;
    return begin(SINK_CSV);
}

static int begin_ndjson(void **state)
{
    (void)state;
    return begin(SINK_NDJSON);
}

static int end(void **state)
{
    if (sink != NULL)
        kind->close(sink);
    sink = NULL;
    return ledger_end_test(state);
}

static bool is_csv(void)
{
    return sinks[0].kind == SINK_CSV;
}

/* As sinks_open() does it. */
static void *try_sink(void)
{
    int64_t last;

    options = (struct sink_options){.spec = &spec, .sink = &sinks[0], .ledger = ledger, .now_s = NOW_S};
    works(ledger_last_journal(ledger, &last, &error));
    void *opened = kind->open(&options, &error);
    if (opened != NULL)
        works(ledger_forget_journals(ledger, last, &error));
    return opened;
}

/* The beginning of a run. */
static void open_sink(void)
{
    sink = try_sink();
    works(sink != NULL);
    works(kind->begin(sink, ledger, begin_run(), &error));
}

/* Its end. */
static void finish(void)
{
    char shown[SINK_SHOWN_SIZE];
    void *finished = sink;

    sink = NULL;
    works(kind->finish(finished, ledger, NOW_S, shown, &error));
    assert_string_equal(shown, PATH);
    end_run(RUN_DONE);
}

/* As after a kill: the journal stays. */
static void kill_run(void)
{
    kind->close(sink);
    sink = NULL;
}

static struct secret secret_of(const char *text)
{
    struct secret secret = {0};

    works(secret_set(&secret, text, strlen(text), &error));
    return secret;
}

/* Delivers a token, as the recorder does before its commit. */
static void deliver(const char *key, unsigned number, const char *text)
{
    struct secret value = secret_of(text);
    const struct token token = {.key = key,
                                .key_length = strlen(key),
                                .identity = identity_id(number),
                                .value = &value,
                                .expires_at_s = ENDS_S};

    works(kind->deliver(sink, &token, 1, NULL, &error) == SINK_ANSWERED);
    secret_clear(&value);
}

/* The recorder's commit for it. */
static void commit(const char *key, enum action action, unsigned number, const char *text, int64_t ends_s)
{
    struct result result = result_of(key, action, OUTCOME_DONE, identity_id(number));

    result.token_wanted = result.token_delivered = true;
    result.token_expires_at_s = ends_s;
    assert_true(token_fingerprint(text, strlen(text), result.token_fingerprint));
    record(&result);
}

static void provision_with(const char *key, unsigned number, const char *text)
{
    deliver(key, number, text);
    commit(key, ACTION_PROVISION, number, text, ENDS_S);
}

/* A run that makes one token. */
static void run_with(const char *key, unsigned number, const char *text)
{
    open_sink();
    provision_with(key, number, text);
    finish();
}

/* One that is killed behind it. */
static void killed_run_with(const char *key, unsigned number, const char *text)
{
    open_sink();
    provision_with(key, number, text);
    kill_run();
}

static const char *row(const char *key, unsigned number, const char *text)
{
    static char rows[4][256];
    static unsigned turn;
    char *line = rows[turn++ % 4];

    snprintf(line, sizeof rows[0],
             is_csv() ? "%s,%s,%s,%s\n"
                      : "{\"user_id\":\"%s\",\"identity_id\":\"%s\",\"token\":\"%s\",\"expires_at\":\"%s\"}\n",
             key, identity_id(number), text, ENDS);
    return line;
}

static const char *header(void)
{
    return is_csv() ? CSV_HEADER : "";
}

/* The file is the header and these rows in this order; NULL: no such row. */
static void holds(const char *first, const char *second)
{
    char expected[1024];

    snprintf(expected, sizeof expected, "%s%s%s", header(), first != NULL ? first : "", second != NULL ? second : "");
    assert_string_equal(read_file(PATH), expected);
}

static size_t length_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

/* What stands behind the journal's last line. */
static void append_to_journal(const char *text)
{
    FILE *journal = fopen(JOURNAL, "a");

    fputs(text, journal);
    fclose(journal);
}

static void a_token_is_in_the_file_after_the_run_and_in_the_journal_before(void **state)
{
    (void)state;
    open_sink();
    provision_with("anna", 1, "token-1");
    assert_false(is_there(PATH));
    assert_int_equal(mode_of(JOURNAL), 0600);
    assert_non_null(strstr(read_file(JOURNAL), "token-1"));
    finish();
    assert_false(is_there(JOURNAL));
    assert_int_equal(mode_of(PATH), 0600);
    assert_int_equal(mode_of("out"), 0700);
    holds(row("anna", 1, "token-1"), NULL);
}

static void a_run_without_a_token_leaves_the_file_as_it_is(void **state)
{
    (void)state;
    open_sink();
    finish();
    assert_false(is_there(PATH));
    assert_false(is_there(JOURNAL));
    run_with("anna", 1, "token-1");
    open_sink();
    finish();
    holds(row("anna", 1, "token-1"), NULL);
}

static void tokens_of_other_users_stay_in_the_file(void **state)
{
    (void)state;
    run_with("anna", 1, "token-1");
    run_with("bert", 2, "token-2");
    holds(row("bert", 2, "token-2"), row("anna", 1, "token-1"));
}

static void a_superseded_token_is_dropped(void **state)
{
    (void)state;
    run_with("anna", 1, "token-1");
    open_sink();
    deliver("anna", 1, "token-2");
    commit("anna", ACTION_ISSUE, 1, "token-2", ENDS_S);
    finish();
    holds(row("anna", 1, "token-2"), NULL);
}

static void tokens_that_ended_or_were_revoked_are_dropped(void **state)
{
    (void)state;
    open_sink();
    provision_with("anna", 1, "token-1");
    deliver("bert", 2, "token-2");
    commit("bert", ACTION_PROVISION, 2, "token-2", NOW_S);
    provision_with("carl", 3, "token-3");
    finish();
    act("carl", ACTION_REVOKE, true);
    run_with("dora", 4, "token-4");
    holds(row("dora", 4, "token-4"), row("anna", 1, "token-1"));
}

/* --- after a kill --- */

static void the_journal_of_a_killed_run_is_taken_over(void **state)
{
    (void)state;
    run_with("anna", 1, "token-1");
    killed_run_with("bert", 2, "token-2");
    reopen_ledger();
    open_sink();
    holds(row("bert", 2, "token-2"), row("anna", 1, "token-1"));
    assert_int_equal(mode_of(PATH), 0600);
    assert_int_equal(length_of(JOURNAL), 0);
}

static void a_torn_last_line_is_cut_off(void **state)
{
    (void)state;
    killed_run_with("anna", 1, "token-1");
    append_to_journal(is_csv() ? "bert," RESOURCE_PART "0000" : "{\"user_id\":\"bert\",\"iden");
    open_sink();
    holds(row("anna", 1, "token-1"), NULL);
}

static void a_journal_torn_in_its_header_is_dropped(void **state)
{
    (void)state;
    open_sink();
    kill_run();
    write_file(JOURNAL, "user_id,iden");
    open_sink();
    holds(NULL, NULL);
    assert_string_equal(read_file(JOURNAL), "");
}

/* The run was killed while it appended the old file to the journal. */
static void half_an_appending_is_cut_off(void **state)
{
    struct token_journal journal;
    char path[PATH_MAX];

    (void)state;
    open_sink();
    provision_with("anna", 1, "token-1");
    provision_with("bert", 2, "token-2");
    finish();
    killed_run_with("carl", 3, "token-3");
    struct stat status;
    assert_int_equal(stat(JOURNAL, &status), 0);
    works(ledger_find_journal(ledger, realpath(JOURNAL, path), &journal, &error));
    works(ledger_note_journal_length(ledger, journal.id, status.st_ino, status.st_size, &error));
    append_to_journal(row("anna", 1, "token-1"));
    append_to_journal("be");
    open_sink();
    char expected[1024];
    snprintf(expected, sizeof expected, "%s%s%s%s", header(), row("carl", 3, "token-3"), row("anna", 1, "token-1"),
             row("bert", 2, "token-2"));
    assert_string_equal(read_file(PATH), expected);
}

/* Killed between the journal's sync and the ledger's commit: nobody else knows this identity. */
static void an_identity_that_only_the_journal_knows_is_recorded_before_it_is_shown(void **state)
{
    (void)state;
    open_sink();
    deliver("anna", 1, "token-1");
    intend("anna", ACTION_PROVISION, "", false);
    kill_run();
    reopen_ledger();
    open_sink();
    assert_string_equal(identity_of("anna").id, identity_id(1));
    assert_int_equal(identity_of("anna").token_expires_at_s, ENDS_S);
    assert_int_equal(counts_at(0).open_tasks, 0);
    holds(row("anna", 1, "token-1"), NULL);
}

static void a_token_that_only_the_journal_knows_takes_the_place_of_the_former_one(void **state)
{
    (void)state;
    run_with("anna", 1, "token-1");
    open_sink();
    deliver("anna", 1, "token-2");
    intend("anna", ACTION_ISSUE, identity_id(1), true);
    kill_run();
    reopen_ledger();
    open_sink();
    holds(row("anna", 1, "token-2"), NULL);
}

static void refuses_strangers(const char *path)
{
    assert_null(try_sink());
    assert_int_equal(error.code, ERROR_LIMIT);
    says(path);
    says("names identities that the ledger does not know");
    hints("rollcall import JOB.yaml ");
}

static void a_journal_with_an_identity_that_the_ledger_cannot_know_is_refused(void **state)
{
    (void)state;
    run_with("bert", 2, "token-2");
    open_sink();
    deliver("anna", 1, "token-1");
    kill_run();
    refuses_strangers(JOURNAL);
    refuses_strangers(JOURNAL);
    holds(row("bert", 2, "token-2"), NULL);
    assert_non_null(strstr(read_file(JOURNAL), "token-1"));
}

/* The ledger is restored from a copy that was made before the run. */
static void a_file_with_an_identity_that_the_ledger_does_not_know_is_refused(void **state)
{
    (void)state;
    run_with("bert", 2, "token-2");
    assert_int_equal(sqlite3_exec(ledger->db, "VACUUM INTO 'copy'", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(chmod("copy", 0600), 0);
    run_with("anna", 1, "token-1");
    open_sink(); /* nothing speaks against that: the file is as the last run left it */
    finish();
    ledger_close(ledger);
    assert_int_equal(rename("copy", LEDGER_PATH), 0);
    ledger = ledger_open(LEDGER_PATH, LEDGER_RUN, &error);
    works(ledger != NULL);
    refuses_strangers(PATH);
    holds(row("anna", 1, "token-1"), row("bert", 2, "token-2"));
    assert_false(is_there(JOURNAL));
}

/* Another run has had no use for the journal, and listed the create as in doubt. */
static void a_journal_of_a_run_before_the_last_answers_no_create_of_a_later_one(void **state)
{
    (void)state;
    open_sink();
    deliver("anna", 1, "token-1");
    intend("anna", ACTION_PROVISION, "", false);
    kill_run();
    begin_run(); /* without this sink */
    assert_int_equal(settle(WHEN_MS), 1);
    intend("anna", ACTION_PROVISION, "", false);
    open_sink();
    assert_int_equal(settle(WHEN_MS), 1);
    assert_int_equal(counts_at(0).in_doubt, 2);
    assert_int_equal(counts_at(0).by_state[IDENTITY_ACTIVE], 0);
    holds(NULL, NULL);
}

/* It was imported after the run was killed. */
static void a_journal_takes_nobodys_living_identity_away(void **state)
{
    (void)state;
    open_sink();
    deliver("anna", 1, "token-1");
    const int64_t task = intend("anna", ACTION_PROVISION, "", false);
    kill_run();
    provision("anna", 2, "", 0);
    open_sink();
    assert_string_equal(identity_of("anna").id, identity_id(2));
    assert_int_equal(counts_at(0).open_tasks, 1);
    assert_true(task > 0);
}

static void a_create_that_only_the_journal_knows_has_its_own_watched_values(void **state)
{
    struct intent intent = {.resource = place,
                            .key = "anna",
                            .key_length = 4,
                            .action = ACTION_PROVISION,
                            .attempt = 1,
                            .request_id = "5a3c0f00-0000-4000-8000-000000000001",
                            .identity = "",
                            .watch = "pw=A, and what follows",
                            .watch_length = 4,
                            .at_ms = WHEN_MS};
    int64_t task;

    (void)state;
    open_sink();
    deliver("anna", 1, "token-1");
    works(ledger_record_intent(ledger, run_id, &intent, &task, &error));
    kill_run();
    open_sink();
    assert_string_equal(identity_of("anna").watch, "pw=A");
}

/* The job writes its tokens elsewhere now, or to a database. */
static void tokens_are_owed_when_no_run_comes_for_their_journal(void **state)
{
    static char other[] = "out/other";

    (void)state;
    killed_run_with("anna", 1, "token-1");
    end_run(RUN_CRASHED); /* an import does that */
    sinks[0].path = other;
    open_sink();
    assert_true(identity_of("anna").token_owed);
}

static void tokens_are_owed_once_when_a_run_is_refused_in_between(void **state)
{
    (void)state;
    killed_run_with("anna", 1, "token-1");
    for (int refused = 0; refused < 2; refused++) {
        char shown[SINK_SHOWN_SIZE];
        void *opened = try_sink();
        works(opened != NULL);
        works(kind->finish(opened, ledger, NOW_S, shown, &error));
    }
    assert_false(identity_of("anna").token_owed);
    holds(row("anna", 1, "token-1"), NULL);
}

/* Killed behind the last rename, before the ledger heard of it. */
static void a_journal_that_has_become_the_file_is_not_missed(void **state)
{
    (void)state;
    killed_run_with("anna", 1, "token-1");
    assert_int_equal(rename(JOURNAL, PATH), 0);
    open_sink();
    assert_false(identity_of("anna").token_owed);
}

/* --- sealed now, or not any more --- */

/* The next run seals what it writes there, or does not any more. */
static void seal_from_now_on(bool seals)
{
    static char me_pem[] = "me.pem";
    static char *me[] = {me_pem};

    if (!is_there("me.pem"))
        run_shell("openssl req -x509 -newkey rsa:2048 -nodes -keyout me.key -out me.pem -subj /CN=me 2>/dev/null",
                  NULL);
    sinks[0].recipients = seals ? (struct text_list){me, 1} : (struct text_list){0};
}

static void what_was_not_sealed_is_owed_when_it_is_now(void **state)
{
    (void)state;
    killed_run_with("anna", 1, "token-1");
    open_sink();
    deliver("bert", 2, "token-2");
    intend("bert", ACTION_PROVISION, "", false);
    kill_run();
    seal_from_now_on(true);
    open_sink();
    assert_string_equal(identity_of("bert").id, identity_id(2));
    assert_true(identity_of("bert").token_owed);
    assert_false(identity_of("anna").token_owed); /* in the file, in the clear */
    deliver("carl", 3, "token-3");
    assert_null(strstr(read_file(JOURNAL), "token-2"));
}

static void what_was_sealed_is_owed_when_it_is_not_any_more(void **state)
{
    (void)state;
    seal_from_now_on(true);
    open_sink();
    provision_with("anna", 1, "token-1");
    deliver("bert", 2, "token-2");
    intend("bert", ACTION_PROVISION, "", false);
    kill_run();
    assert_true(is_there("out/.tokens.cms.partial-1"));
    seal_from_now_on(false);
    open_sink();
    assert_true(identity_of("anna").token_owed);
    assert_string_equal(identity_of("bert").id, identity_id(2));
    assert_true(identity_of("bert").token_owed);
    holds(NULL, NULL);
    assert_false(is_there("out/.tokens.cms.partial-1"));
}

static void tokens_are_forgotten_when_the_journal_of_a_killed_run_is_gone(void **state)
{
    (void)state;
    killed_run_with("anna", 1, "token-1");
    assert_int_equal(unlink(JOURNAL), 0);
    open_sink();
    assert_true(identity_of("anna").token_owed);
}

static void tokens_of_a_run_that_ended_are_remembered_without_a_journal(void **state)
{
    (void)state;
    run_with("anna", 1, "token-1");
    open_sink();
    assert_false(identity_of("anna").token_owed);
}

static void killed_again_while_settling_nothing_is_lost(void **state)
{
    (void)state;
    killed_run_with("anna", 1, "token-1");
    write_file(JOURNAL ".new", "user_id,identity_id,tok"); /* what the second kill left */
    open_sink();
    holds(row("anna", 1, "token-1"), NULL);
    assert_false(is_there(JOURNAL ".new"));
}

/* --- files that are not ours --- */

static void refuses_file(const char *text, const char *part)
{
    struct stat status;

    assert_true(mkdir("out", 0700) == 0 || stat("out", &status) == 0);
    write_file(PATH, text);
    assert_null(try_sink());
    assert_int_equal(error.code, ERROR_INPUT);
    says(part);
    assert_string_equal(read_file(PATH), text);
    assert_false(is_there(JOURNAL));
}

static void a_file_that_is_no_token_file_is_refused_and_left_as_it_is(void **state)
{
    (void)state;
    refuses_file("user_id,department\nanna,sales\n", "is no token file of this job");
    refuses_file("mail,identity_id,token,expires_at\nanna,8:acs:1,t,2023-11-14T23:13:20Z\n",
                 "is no token file of this job");
    if (is_csv()) {
        refuses_file("identity_id,user_id,token,expires_at\n", "is no token file of this job");
        refuses_file(CSV_HEADER "too,few\n", "is no token file of this job: line 2");
        return;
    }
    refuses_file("{\"mail\":\"anna\",\"identity_id\":\"1\",\"token\":\"t\",\"expires_at\":\"e\"}\n",
                 "is no token file of this job: line 1");
    refuses_file("{\"user_id\":\"anna\",\"identity_id\":\"1\",\"token\":\"t\",\"expires_at\":\"e\"}",
                 "line 1 has no end");
    refuses_file("{\"user_id\":\"anna\",\"identity_id\":\"1\",\"token\":\"t\",\"expires_at\":1}\n", "line 1");
    refuses_file("{\"user_id\":\"\",\"identity_id\":\"1\",\"token\":\"t\",\"expires_at\":\"e\"}\n", "line 1");
    refuses_file("{\"user_id\":\"\\u00e9\",\"identity_id\":\"1\",\"token\":\"t\",\"expires_at\":\"e\"}\n", "line 1");
}

static void a_token_file_that_others_may_write_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir("out", 0700), 0);
    write_file(PATH, CSV_HEADER);
    assert_int_equal(chmod(PATH, 0666), 0);
    assert_null(try_sink());
    assert_int_equal(error.code, ERROR_INPUT);
}

static void a_link_in_the_place_of_file_or_journal_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir("out", 0700), 0);
    write_file("other", CSV_HEADER);
    assert_int_equal(symlink("../other", PATH), 0);
    assert_null(try_sink());
    assert_int_equal(unlink(PATH), 0);
    assert_int_equal(symlink("../other", JOURNAL), 0);
    assert_null(try_sink());
    assert_string_equal(read_file("other"), CSV_HEADER);
}

static void refuses_journal(void)
{
    assert_null(try_sink());
    assert_int_equal(error.code, ERROR_INPUT);
    says(JOURNAL " is not ours to read");
    hints("look at who made it");
    assert_int_equal(unlink(JOURNAL), 0);
}

static void a_journal_that_somebody_else_made_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir("out", 0700), 0);
    write_file("other", CSV_HEADER);
    assert_int_equal(link("other", JOURNAL), 0);
    refuses_journal();
    assert_int_equal(mkfifo(JOURNAL, 0600), 0);
    refuses_journal();
    if (geteuid() != 0)
        return; /* cannot give files away */
    write_file(JOURNAL, CSV_HEADER);
    assert_int_equal(chown(JOURNAL, SOMEBODY_ELSE, (gid_t)-1), 0);
    refuses_journal();
}

static void a_key_with_a_comma_or_quote_keeps_its_row(void **state)
{
    (void)state;
    open_sink();
    provision_with("an\"na, \\sales\\", 1, "token-1");
    finish();
    run_with("bert", 2, "token-2");
    assert_non_null(strstr(read_file(PATH), is_csv() ? "\n\"an\"\"na, \\sales\\\"," RESOURCE_PART
                                                     : "\n{\"user_id\":\"an\\\"na, \\\\sales\\\\\",\"identity_id\":"));
    assert_string_equal(read_file(JOURNAL), "");
}

static void a_formula_is_disarmed_in_the_file_and_its_user_known_again(void **state)
{
    (void)state;
    spec.outputs.escape_formulas = true;
    run_with("=1+1", 1, "token-1");
    holds(row(is_csv() ? "'=1+1" : "=1+1", 1, "token-1"), NULL);
    open_sink();
    deliver("@new", 2, "token-2");
    intend("@new", ACTION_PROVISION, "", false);
    kill_run();
    reopen_ledger();
    open_sink();
    assert_string_equal(identity_of("@new").id, identity_id(2));
    holds(row(is_csv() ? "'@new" : "@new", 2, "token-2"), row(is_csv() ? "'=1+1" : "=1+1", 1, "token-1"));
}

/* A file longer than what is read in one go, with a row across each border. */
static void a_long_file_is_carried_over(void **state)
{
    enum { USERS = 600 };
    char key[64];
    char text[300];

    (void)state;
    open_sink();
    for (unsigned i = 0; i < USERS; i++) {
        snprintf(key, sizeof key, "user%u", i);
        snprintf(text, sizeof text, "token-%0*u", 200, i);
        provision_with(key, i, text);
    }
    finish();
    const size_t length = length_of(PATH);
    open_sink();
    deliver("user0", 0, "another");
    commit("user0", ACTION_ISSUE, 0, "another", ENDS_S);
    finish();
    assert_int_equal(length_of(PATH), length - strlen("token-") - 200 + strlen("another"));
}

/* --- beside other sinks --- */

/* Killed between the journal's sync and the ledger's commit: it is not known whether the other sink has the token. */
static void beside_another_sink_an_identity_is_recovered_and_its_token_owed(void **state)
{
    (void)state;
    spec.outputs.sink_count = 2;
    open_sink();
    deliver("anna", 1, "token-1");
    intend("anna", ACTION_PROVISION, "", false);
    kill_run();
    reopen_ledger();
    open_sink();
    assert_string_equal(identity_of("anna").id, identity_id(1));
    assert_true(identity_of("anna").token_owed);
    holds(NULL, NULL);
}

static void what_was_noted_about_another_journal_does_not_cut_this_one(void **state)
{
    struct token_journal journal;
    char path[PATH_MAX];

    (void)state;
    killed_run_with("anna", 1, "token-1");
    works(ledger_find_journal(ledger, realpath(JOURNAL, path), &journal, &error));
    works(ledger_note_journal_length(ledger, journal.id, journal.inode + 1, 10, &error));
    open_sink();
    holds(row("anna", 1, "token-1"), NULL);
}

static void looking_only_touches_nothing(void **state)
{
    (void)state;
    options = (struct sink_options){.spec = &spec, .sink = &sinks[0], .only_check = true};
    sink = kind->open(&options, &error);
    works(sink != NULL);
    assert_false(is_there("out"));
}

#define TEST(name)                                       \
    {#name " (csv)", name, begin_csv, end, NULL},        \
    {                                                    \
#name " (ndjson)", name, begin_ndjson, end, NULL \
    }

static const struct CMUnitTest tests[] = {
    TEST(a_token_is_in_the_file_after_the_run_and_in_the_journal_before),
    TEST(a_run_without_a_token_leaves_the_file_as_it_is),
    TEST(tokens_of_other_users_stay_in_the_file),
    TEST(a_superseded_token_is_dropped),
    TEST(tokens_that_ended_or_were_revoked_are_dropped),
    TEST(the_journal_of_a_killed_run_is_taken_over),
    TEST(a_torn_last_line_is_cut_off),
    TEST(a_journal_torn_in_its_header_is_dropped),
    TEST(half_an_appending_is_cut_off),
    TEST(an_identity_that_only_the_journal_knows_is_recorded_before_it_is_shown),
    TEST(a_token_that_only_the_journal_knows_takes_the_place_of_the_former_one),
    TEST(a_journal_with_an_identity_that_the_ledger_cannot_know_is_refused),
    TEST(a_file_with_an_identity_that_the_ledger_does_not_know_is_refused),
    TEST(a_journal_of_a_run_before_the_last_answers_no_create_of_a_later_one),
    TEST(a_journal_takes_nobodys_living_identity_away),
    TEST(a_create_that_only_the_journal_knows_has_its_own_watched_values),
    TEST(tokens_are_owed_when_no_run_comes_for_their_journal),
    TEST(tokens_are_owed_once_when_a_run_is_refused_in_between),
    TEST(a_journal_that_has_become_the_file_is_not_missed),
    TEST(what_was_not_sealed_is_owed_when_it_is_now),
    TEST(what_was_sealed_is_owed_when_it_is_not_any_more),
    TEST(tokens_are_forgotten_when_the_journal_of_a_killed_run_is_gone),
    TEST(tokens_of_a_run_that_ended_are_remembered_without_a_journal),
    TEST(killed_again_while_settling_nothing_is_lost),
    TEST(a_file_that_is_no_token_file_is_refused_and_left_as_it_is),
    TEST(a_token_file_that_others_may_write_is_refused),
    TEST(a_link_in_the_place_of_file_or_journal_is_refused),
    TEST(a_journal_that_somebody_else_made_is_refused),
    TEST(a_key_with_a_comma_or_quote_keeps_its_row),
    TEST(a_formula_is_disarmed_in_the_file_and_its_user_known_again),
    TEST(a_long_file_is_carried_over),
    TEST(beside_another_sink_an_identity_is_recovered_and_its_token_owed),
    TEST(what_was_noted_about_another_journal_does_not_cut_this_one),
    TEST(looking_only_touches_nothing),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
