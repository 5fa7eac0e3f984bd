/* ledger.h - the durable memory of a job: who has which identity, and what was done (SQLite).
 *
 * One row a user in `identities`, one row in `tasks` for each request that may be on its way, one row a run in `runs`,
 * and one row an attempt in `audit`, which nothing changes or removes.  The rules that the rest relies on:
 *
 *   - An intent is recorded and committed before its request leaves (design, invariant 1).  A row in `tasks` that a run
 *     finds when it starts is in doubt; a task without one was not started, or its end stands in `audit`.
 *   - A result is committed before anybody hears of it (invariant 2).
 *   - A token is never stored, only its end and a fingerprint (invariant 4).
 *
 * A ledger is used by one thread at a time.  Several changes between ledger_begin() and ledger_commit() become durable
 * together.  Unless said otherwise, texts handed out are borrowed until the next call on the same ledger.
 */
#ifndef ROLLCALL_LEDGER_LEDGER_H
#define ROLLCALL_LEDGER_LEDGER_H

#include "core/action.h"
#include "core/category.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

struct ledger;

enum ledger_mode {
    LEDGER_READ, /* what is there, without a lock; a ledger that is not there is ERROR_INPUT */
    LEDGER_RUN,  /* read and write, made when missing, locked against other runs until closed (ERROR_BUSY) */
};

/* Refuses a file of another user, a symbolic link, a directory that others can write to, a file that is no ledger, and
 * a ledger newer than this program; brings an older one up to date (LEDGER_RUN). The file has mode 0600. */
struct ledger *ledger_open(const char *path, enum ledger_mode mode, struct error *error);
/* An empty one that nobody else sees, for what may come to nothing; it is gone when it is closed. */
struct ledger *ledger_open_scratch(struct error *error);
/* A second connection to the ledger that `ledger` has open, for reading beside it from another thread. */
struct ledger *ledger_open_beside(const struct ledger *ledger, struct error *error);
void ledger_close(struct ledger *ledger);
/* Takes room on the ledger's disk, so that answers to requests that have left can be recorded when the disk becomes
 * full meanwhile. False when there is not so much; true where the file system cannot reserve. None of it has a name. */
bool ledger_reserve(struct ledger *ledger, size_t bytes, struct error *error);
/* Gives the room back, to be written to. */
void ledger_use_reserve(struct ledger *ledger);
/* False when there is no file at `path`: nobody was ever provisioned. */
bool ledger_exists(const char *path);
/* Is a run at work on it? Only for a process that does not have it open. */
bool ledger_is_held(const char *path);

/* Reads the whole file and looks for damage: ERROR_INPUT when there is some. */
bool ledger_check_integrity(struct ledger *ledger, struct error *error);

bool ledger_begin(struct ledger *ledger, struct error *error);
bool ledger_commit(struct ledger *ledger, struct error *error);
void ledger_rollback(struct ledger *ledger);

/* --- resources: where the identities are (ledger_resources.c) --- */

enum { LEDGER_NAME_SIZE = 72, LEDGER_AUTHORITY_SIZE = 264 };

/* A resource as a job spec has it. */
struct ledger_resource {
    const char *name;      /* "" for that of a job that has only one */
    const char *authority; /* host and port; NULL where only the name matters */
};

/* What identities, tasks and the audit trail call the resources: ids[i] becomes that of wanted[i], 0 where the ledger
 * does not know it yet. The name decides; the first of several takes over what a job with a single one had. A name that
 * leads to another place than the one where its users are, or a place under another name, is ERROR_LIMIT (invariant 8).
 */
bool ledger_find_resources(struct ledger *ledger, const struct ledger_resource *wanted, size_t count, int64_t *ids,
                           struct error *error);
/* The same, and records them; part of the open transaction. */
bool ledger_bind_resources(struct ledger *ledger, const struct ledger_resource *wanted, size_t count, int64_t *ids,
                           struct error *error);

/* The name of one of them, "" for that of a job that has only one; borrowed until they are bound again. */
const char *ledger_resource_name(const struct ledger *ledger, int64_t id);

struct resource_count {
    int64_t id;
    const char *name;
    const char *authority;
    uint64_t by_state[4]; /* its identities, by enum identity_state */
};

typedef bool resource_visitor(void *context, const struct resource_count *resource, struct error *error);
/* Every resource that the ledger knows, in the order in which they came. */
bool ledger_each_resource(struct ledger *ledger, resource_visitor *visit, void *context, struct error *error);

/* --- identities --- */

enum identity_state { IDENTITY_ACTIVE, IDENTITY_REVOKED, IDENTITY_DELETED, IDENTITY_LOST };

const char *identity_state_name(enum identity_state state);
bool identity_state_parse(const char *name, enum identity_state *state);

enum { TOKEN_FINGERPRINT_SIZE = 16 }; /* the first bytes of the token's SHA-256 */

struct identity {
    int64_t row;
    int64_t resource; /* where it is: an id of ledger_find_resources() */
    const char *key;
    size_t key_length;
    const char *id; /* 8:acs:... */
    enum identity_state state;
    const char *watch; /* the watched columns as last applied (roster.h); "" when none were */
    size_t watch_length;
    int64_t token_expires_at_s; /* 0: no token that counts: none, revoked, or not delivered */
    bool token_owed;            /* one was to be made and has not been delivered */
    bool token_stale;           /* it is to be replaced, which has not been done yet */
    int64_t removed_at_s;       /* when a run first found the user gone from the roster; 0: it is in the roster */
};

typedef bool identity_visitor(void *context, const struct identity *identity, struct error *error);

/* All rows, in the order in which the users came. The visitor must not use the ledger. */
bool ledger_each_identity(struct ledger *ledger, identity_visitor *visit, void *context, struct error *error);
/* False with ERROR_NONE in error->code when there is no such user. */
bool ledger_find(struct ledger *ledger, const char *key, size_t key_length, struct identity *identity,
                 struct error *error);
bool ledger_find_owner(struct ledger *ledger, const char *id, struct identity *identity, struct error *error);
bool ledger_find_row(struct ledger *ledger, int64_t row, struct identity *identity, struct error *error);

/* Is this identity one of the ledger's users', or was it ever in its audit trail? */
bool ledger_knows(struct ledger *ledger, const char *key, const char *id, bool *known, struct error *error);
/* Is a create under way for the user, or was one ever in doubt? */
bool ledger_may_have_more(struct ledger *ledger, const char *key, bool *may, struct error *error);

/* When the user was found gone from the roster; 0: it is there again. Part of the open transaction. */
bool ledger_mark_removed(struct ledger *ledger, int64_t row, int64_t removed_at_s, struct error *error);
/* The token is to be replaced, and counts until it is: a run that ends before leaves that to the next one. Likewise. */
bool ledger_mark_stale(struct ledger *ledger, const char *key, size_t key_length, struct error *error);
/* Takes a watch text as applied without a request: for columns that are watched from now on. Likewise. */
bool ledger_adopt_watch(struct ledger *ledger, int64_t row, const char *watch, size_t watch_length,
                        struct error *error);

/* Does the delivered token of `key` have this fingerprint, and does it end after now_s? */
bool ledger_has_token(struct ledger *ledger, const char *key, size_t key_length,
                      const unsigned char fingerprint[TOKEN_FINGERPRINT_SIZE], int64_t now_s, bool *has,
                      struct error *error);

/* Adopts an identity that was made elsewhere; part of the open transaction. *conflict is set to what speaks against it
 * ("" when it was adopted, or stands there already the same), and nothing is changed then. */
enum { LEDGER_CONFLICT_SIZE = 256 };
struct adoption {
    int64_t resource;
    const char *key;
    const char *identity;
    enum identity_state state;
    int64_t token_expires_at_s; /* 0: none known */
};
bool ledger_adopt(struct ledger *ledger, int64_t run, const struct adoption *adoption, int64_t at_ms, bool *adopted,
                  char conflict[LEDGER_CONFLICT_SIZE], struct error *error);

/* --- runs --- */

enum run_state { RUN_RUNNING, RUN_DONE, RUN_FAILED, RUN_STOPPED, RUN_INTERRUPTED, RUN_CRASHED };

const char *run_state_name(enum run_state state);

struct run_record {
    int64_t id;
    int64_t started_at_ms;
    int64_t ended_at_ms; /* 0 while it runs, and when it was killed */
    enum run_state state;
    const char *job;           /* name of the spec */
    const char *operator_name; /* user@host */
    uint64_t roster_rows;      /* one for each user of the roster, selected or not; 0: no measure for the next one */
    uint64_t users;            /* that the plan acts on; 0 for runs of before this was recorded, likewise below */
    uint64_t categories[CATEGORY_COUNT]; /* users by where the join found them, acted on or not */
    int64_t audit_before;        /* id of the last row in the audit trail when it began: its own rows are later ones */
    uint64_t done[ACTION_COUNT]; /* so far */
    uint64_t failed;             /* 0 while it runs, and when it was killed; likewise below */
    uint64_t left;               /* planned, not ended: for the next run */
    uint64_t in_doubt;           /* possible orphans that this run recorded */
    uint64_t throttled;
    const char *reason; /* why it stopped before its end, for people; "" or NULL when it did not, or nobody knows */
};

/* Marks runs that never ended as crashed, and makes a new one; sets record->id and audit_before. Part of the open
 * transaction. */
bool ledger_run_begin(struct ledger *ledger, struct run_record *record, struct error *error);
bool ledger_run_end(struct ledger *ledger, const struct run_record *record, struct error *error);
typedef bool run_visitor(void *context, const struct run_record *run, struct error *error);
/* The last `count` runs, newest first. */
bool ledger_each_run(struct ledger *ledger, size_t count, run_visitor *visit, void *context, struct error *error);
/* A run by its id, or the last one of `job` (id 0; NULL: of all jobs). False with ERROR_NONE in error->code when there
 * is none. */
bool ledger_find_run(struct ledger *ledger, int64_t id, const char *job, struct run_record *run, struct error *error);
/* Roster rows of the last run that ended well (RUN_DONE or RUN_FAILED), of `job` or of any, whichever had more: a job
 * with a few users does not make them the measure of another one. 0 when there is none. */
bool ledger_last_roster_rows(struct ledger *ledger, const char *job, uint64_t *rows, struct error *error);
/* When the last run ended that ended well and that the service did something for: our clock was right then. 0: there is
 * none. */
bool ledger_last_answered(struct ledger *ledger, int64_t *at_ms, struct error *error);

/* --- tasks and the audit trail --- */

enum outcome {
    OUTCOME_DONE,
    OUTCOME_GONE,        /* the service does not know the identity */
    OUTCOME_FAILED,      /* refused, about this user */
    OUTCOME_THROTTLED,   /* to be repeated */
    OUTCOME_TRANSIENT,   /* to be repeated; repeating is safe */
    OUTCOME_IN_DOUBT,    /* a create whose answer was lost: there may be an identity that nobody knows */
    OUTCOME_UNCONFIRMED, /* the same with a custom id: in doubt until it is repeated, which gives the same identity */
    OUTCOME_REJECTED,    /* the credential or our request as such was refused */
    OUTCOME_UNDELIVERED, /* no attempt: the token that an earlier one got has not reached a sink */
};

/* What a request is when it may have been acted on, and its answer is lost. repeatable: as in struct intent. */
enum outcome ledger_outcome_if_lost(enum action action, bool repeatable);

const char *outcome_name(enum outcome outcome);

struct intent {
    int64_t resource; /* that the request goes to */
    const char *key;
    size_t key_length;
    enum action action;
    uint32_t attempt; /* 1 for the first */
    const char *request_id;
    const char *identity; /* "" for a provision */
    bool repeatable;      /* false: a create without a custom id, which makes another identity each time */
    const char *watch;    /* as in struct result, for what makes a user known; NULL else */
    size_t watch_length;
    int64_t at_ms;
};

/* Sets *task to the row that ledger_record_result() or ledger_withdraw() ends. From the intent of a revoke or delete on
 * the user's token is in doubt, and to be replaced unless it is known to have ended. */
bool ledger_record_intent(struct ledger *ledger, int64_t run, const struct intent *intent, int64_t *task,
                          struct error *error);
/* The request did not leave after all. */
bool ledger_withdraw(struct ledger *ledger, int64_t task, struct error *error);

struct result {
    int64_t task;
    int64_t resource; /* that answered */
    const char *key;
    size_t key_length;
    enum action action;
    enum outcome outcome;
    uint32_t attempt;
    const char *request_id;
    const char *identity; /* the one acted on or made; "" when there is none */
    const char *ms_cv;    /* the service's correlation vector; "" when there is none */
    const char *code;
    const char *message;
    int status; /* HTTP status; 0 without an answer */
    int64_t at_ms;
    uint32_t elapsed_ms;  /* from sending to the answer, or until its loss was known, rounded up; 0: not known */
    const char *category; /* why the user was acted on; NULL: not known */
    const char *verdict;  /* how the user went on: again, next, done, failed or left; NULL: not known */

    /* What the identity becomes; looked at for OUTCOME_DONE and OUTCOME_GONE. */
    bool is_last; /* of the actions that a change asked for: only then the watch text is applied */
    const char *watch;
    size_t watch_length;
    bool is_removal;            /* done because the user is gone from the roster: a revoke leaves it revoked */
    bool token_wanted;          /* without a delivered token one is owed */
    int64_t token_expires_at_s; /* 0: no token came */
    unsigned char token_fingerprint[TOKEN_FINGERPRINT_SIZE];
    bool token_delivered; /* its sink has made it durable */
};

bool ledger_record_result(struct ledger *ledger, int64_t run, const struct result *result, struct error *error);

/* The run, which was killed, had put this answer to a provision or issue down elsewhere, and perhaps not here. When the
 * user still has such a task of that run (an issue: of the same identity; a provision: and no other living identity),
 * it is ended as done, in a transaction of its own; then *recovered is true. Fills in what the task knows (task,
 * resource, action, outcome, attempt, request_id, the watch text of a provision); the watch text of others stays as it
 * is, so that what it stands for is not taken for applied. Call it before ledger_run_begin(). */
bool ledger_recover_result(struct ledger *ledger, int64_t run, struct result *result, bool *recovered,
                           struct error *error);
/* Tasks that a former run left behind: each is put into the audit trail (as in doubt, or as to be repeated) and
 * removed. Part of the open transaction. */
bool ledger_settle_tasks(struct ledger *ledger, int64_t run, int64_t at_ms, struct error *error);
/* What became of a token whose result was recorded without it: a token that is owed counts as delivered now
 * (token_delivered; looks at the key, the identity and the token's fields), or the audit trail says why not (code and
 * message). Part of the open transaction. */
bool ledger_record_delivery(struct ledger *ledger, int64_t run, const struct result *result, struct error *error);

/* --- journals of token files: what a run delivers stands in one until the run ends --- */

struct token_journal {
    int64_t id;  /* 0: there is none; later ones have greater ids */
    int64_t run; /* whose tokens stand in it; 0 likewise */
    uint64_t inode;
    int64_t length; /* what it was before rows of the old file were appended; -1: none were */
};

/* The journal at `path` (absolute) is that of this run. Part of the open transaction. */
bool ledger_note_journal(struct ledger *ledger, const char *path, uint64_t inode, int64_t run, int64_t *id,
                         struct error *error);
/* The last one that was noted for this path. */
bool ledger_find_journal(struct ledger *ledger, const char *path, struct token_journal *journal, struct error *error);
bool ledger_note_journal_length(struct ledger *ledger, int64_t id, uint64_t inode, int64_t length, struct error *error);
/* Its tokens are where they belong. */
bool ledger_end_journal(struct ledger *ledger, int64_t id, struct error *error);
/* The greatest id; 0: there is no journal. */
bool ledger_last_journal(struct ledger *ledger, int64_t *id, struct error *error);
/* Journals up to this id will not be read any more: the tokens of their runs are owed again. */
bool ledger_forget_journals(struct ledger *ledger, int64_t last, struct error *error);

struct audit_record {
    int64_t id;
    int64_t at_ms;
    int64_t run;
    int64_t resource;
    const char *key;
    const char *action;
    const char *outcome;
    uint32_t attempt;
    const char *identity;
    int status;
    const char *code;
    const char *message;
    const char *request_id;
    const char *ms_cv;
    uint32_t elapsed_ms; /* these three as in struct result; 0 and "": not known */
    const char *category;
    const char *verdict;
};

typedef bool audit_visitor(void *context, const struct audit_record *record, struct error *error);
/* Of one user, oldest first. */
bool ledger_each_audit(struct ledger *ledger, const char *key, audit_visitor *visit, void *context,
                       struct error *error);
/* Of one run, oldest first. What else the ledger holds costs nothing, unless the run is older than audit_before. */
bool ledger_each_of_run(struct ledger *ledger, const struct run_record *run, audit_visitor *visit, void *context,
                        struct error *error);
/* Creates in doubt, oldest first: those with a custom id as long as no other one with it, for the same user and
 * resource, has come to a good end after them. */
bool ledger_each_in_doubt(struct ledger *ledger, audit_visitor *visit, void *context, struct error *error);
/* How many of them a run has recorded. */
bool ledger_count_in_doubt(struct ledger *ledger, int64_t run, uint64_t *count, struct error *error);
/* For the quota: the attempts of all resources, the last recorded first, up to one that ended before since_ms. */
bool ledger_each_attempt_since(struct ledger *ledger, int64_t since_ms, audit_visitor *visit, void *context,
                               struct error *error);

/* --- totals over the life of the ledger, by job --- */

/* Upper bounds of the time that an attempt took; the bucket after the last bound has the longer ones. */
enum { LEDGER_BOUNDS = 13, LEDGER_UNTIMED = LEDGER_BOUNDS + 1, LEDGER_BUCKETS };
extern const uint32_t ledger_bounds_ms[LEDGER_BOUNDS];

struct ledger_total {
    const char *action;
    const char *outcome;
    int bucket; /* 0 to LEDGER_BOUNDS; LEDGER_UNTIMED: the time was not recorded */
    uint64_t count;
    uint64_t sum_ms;
};

/* Adds what the audit trail has got since the last time; a transaction of its own. */
bool ledger_add_totals(struct ledger *ledger, struct error *error);
typedef bool total_visitor(void *context, const struct ledger_total *total, struct error *error);
bool ledger_each_total(struct ledger *ledger, const char *job, total_visitor *visit, void *context,
                       struct error *error);
/* When the last run of the job that did everything ended; 0: there is none. */
bool ledger_last_success(struct ledger *ledger, const char *job, int64_t *at_ms, struct error *error);

/* --- counting --- */

struct ledger_counts {
    uint64_t by_state[4]; /* by enum identity_state */
    uint64_t in_doubt;
    uint64_t open_tasks;
    uint64_t tokens_live;
    uint64_t tokens_within_1h;
    uint64_t tokens_within_6h;
    uint64_t tokens_within_24h;
};

bool ledger_count(struct ledger *ledger, int64_t now_s, struct ledger_counts *counts, struct error *error);

/* A small named value that outlives runs; "" when it was never set. */
bool ledger_get(struct ledger *ledger, const char *name, char *value, size_t size, struct error *error);
bool ledger_set(struct ledger *ledger, const char *name, const char *value, struct error *error);
/* A text that any run, import or change of an identity makes different: what a saved plan is bound to. "none" for a
 * ledger that is not there (NULL). */
enum { LEDGER_VERSION_SIZE = 64 };
bool ledger_version(struct ledger *ledger, char version[LEDGER_VERSION_SIZE], struct error *error);
/* Counts every change of an identity: equal numbers mean an unchanged mapping. */
bool ledger_generation(struct ledger *ledger, int64_t *generation, struct error *error);

#endif
