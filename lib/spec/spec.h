/* spec.h - the job spec: one YAML file, read into a typed struct (design, section 2).
 *
 * The grammar is the table in spec_table.c and nowhere else: the reader, its messages, jobs/rollcall.schema.json and
 * the reference page come from it.  Everything in a `struct spec` is valid: a value out of range, an unknown key, a
 * secret in the file itself or a file that is not there never gets this far.
 */
#ifndef ROLLCALL_SPEC_SPEC_H
#define ROLLCALL_SPEC_SPEC_H

#include "core/action.h"
#include "core/error.h"
#include "core/problems.h"
#include "core/secret.h"

#include <stdint.h>

struct text_list {
    char **items;
    size_t count;
};

/* A safety limit: refuses more than `count`, or more than `percent` of the identities in use (or, for shrink, of the
 * last good roster); where both are set the smaller one decides. */
struct limit {
    bool has_count;
    bool has_percent;
    uint64_t count;
    double percent; /* 0 to 100 */
};

/* At most `count` requests in any window of `window_ms`. count 0: no limit of our own. window_ms 0: nothing was said.
 */
struct quota {
    uint32_t count;
    uint32_t window_ms;
};

struct where_clause { /* a row is selected when the column has one of the values, for every clause */
    char *column;
    struct text_list values;
};

enum spec_http { SPEC_HTTP_AUTO, SPEC_HTTP_1_1, SPEC_HTTP_2 };
enum spec_credential {
    CREDENTIAL_ACCESS_KEY,
    CREDENTIAL_DEFAULT,
    CREDENTIAL_MANAGED_IDENTITY,
    CREDENTIAL_ENVIRONMENT,
    CREDENTIAL_WORKLOAD_IDENTITY,
    CREDENTIAL_AZURE_CLI,
    CREDENTIAL_CLIENT_SECRET,
    CREDENTIAL_CLIENT_CERTIFICATE,
};
enum spec_duplicates { DUPLICATES_REFUSE, DUPLICATES_FIRST };

/* How to sign in with Microsoft Entra ID. What is NULL or not set is what the variables of Azure's SDKs say. */
struct spec_sign_in {
    enum spec_credential kind;
    char *tenant_id;
    char *client_id;
    struct secret client_secret; /* set with SPEC_WITH_SECRETS alone; likewise the password */
    char *certificate;           /* PEM or PKCS#12, with its key */
    struct secret certificate_password;
    bool send_certificate_chain;
    char *token_file; /* a federated token */
    char *object_id;  /* of a managed identity; at the most one of this, the next one and client_id */
    char *resource_id;
    char *authority_host;
    char *ca_file; /* PEM with the only authorities to trust for authority_host; NULL: the system's */
};
enum { SPEC_RESOURCES_MAX = 64 };

enum { SPEC_SINKS_MAX = 8 };

enum spec_sink_kind { SINK_CSV, SINK_NDJSON, SINK_COMMAND, SINK_POSTGRES, SINK_SQLITE };

/* One place that tokens go to. */
struct spec_sink {
    char *name; /* for messages: the path, the program or the table */
    enum spec_sink_kind kind;
    char *path;               /* SINK_CSV, SINK_NDJSON, SINK_SQLITE; NULL for the others, likewise below */
    struct text_list command; /* SINK_COMMAND: the program, and its arguments */
    struct secret connection; /* SINK_POSTGRES: set with SPEC_WITH_SECRETS alone */
    char *table;
    struct {
        char *key;
        char *identity_id; /* NULL: not written; likewise expires_at */
        char *token;
        char *expires_at;
    } columns;
    struct text_list recipients; /* paths of certificates; none: not encrypted */
    uint32_t time_limit_ms;      /* of one batch */
    uint32_t batch;              /* tokens given to a command at one time, at most */
    bool required;               /* without it no token counts as delivered */
};

/* One Communication Services resource: where it is, how to sign in there, and what it allows. */
struct spec_resource {
    char *name;    /* "" for that of a job that has only one, under `resource` */
    uint64_t line; /* in the spec, of how it is signed in to */
    uint64_t column;
    struct secret connection_string; /* set, or endpoint is and credential is another than CREDENTIAL_ACCESS_KEY */
    char *endpoint;                  /* NULL with a connection string; but for SPEC_WITH_SECRETS also when
                                        the variable or file that holds it is not there */
    struct spec_sign_in credential;
    char *api_version;
    bool custom_id;
    char *ca_file;  /* PEM with the only authorities to trust; NULL: the system's */
    uint32_t share; /* of the users, next to the others' shares; all 0: roster.resource_column says who belongs where */
    struct quota quotas[ACTION_COUNT]; /* by enum action; quotas.create is ACTION_PROVISION's */
};

struct spec {
    char *path;      /* as given on the command line */
    char *directory; /* that it is in: relative paths start here */
    char *name;

    struct spec_resource *resources; /* one at the least */
    size_t resource_count;

    char *ledger; /* resolved against the spec's directory, as are all paths below */

    struct {
        char *csv; /* "-": standard input */
        char *key;
        char delimiter;
        struct text_list watch;
        char *previous; /* NULL: the ledger is the other side */
        struct where_clause *where;
        size_t where_count;
        char *resource_column;    /* NULL: one resource, or shares */
        char *teams_token_column; /* with each user's Entra token, for exchanges; NULL: none, likewise below */
        char *teams_user_column;  /* with each user's object id in Entra */
        enum spec_duplicates duplicates;
    } roster;

    struct {
        struct text_list scopes;
        uint32_t lifetime_min;
        char *teams_app_id; /* the application that the Entra tokens were made for */
    } token;

    struct {
        struct action_list added;
        struct action_list changed;
        struct {
            bool set; /* without the rule no token is looked at */
            uint32_t within_s;
            uint32_t jitter_s;
            struct action_list actions;
        } expiring;
        struct {
            struct action_list actions;   /* empty: keep */
            uint64_t after_s;             /* grace period before them; 0: at once */
            struct action_list meanwhile; /* done at once when there is a grace period */
        } removed;
        struct action_list moved; /* empty: the user stays where its identity is */
        struct action_list lost;  /* empty: reported only */
    } rules;

    struct {
        struct limit erase; /* limits.delete */
        struct limit revoke;
        struct limit shrink;
        struct text_list protect; /* keys */
    } limits;

    struct {
        char *mapping; /* NULL: not written; likewise below */
        char *failures;
        char *metrics;
        struct spec_sink *sinks; /* of the tokens */
        size_t sink_count;       /* 0: nobody wants tokens */
        bool escape_formulas;
    } outputs;

    struct { /* programs and their arguments; none: nothing is run */
        struct text_list after_run;
        struct text_list on_failure;
        uint32_t time_limit_ms;
    } hooks;

    struct {
        uint32_t concurrency;
        struct quota default_quotas[ACTION_COUNT]; /* of resources that have no other: see struct spec_resource */
        bool create_counts_as_issue;               /* a create with a token takes a slot of both quotas */
        enum spec_http http;
        struct text_list connect_to; /* HOST:PORT:CONNECT-HOST:CONNECT-PORT */
        uint32_t connect_timeout_ms;
        uint32_t request_timeout_ms;
        uint32_t stall_timeout_ms; /* no byte in either direction for so long */
        uint32_t give_up_after_ms; /* a service that does not answer for so long ends the run */
    } engine;

    struct text_list secret_files;     /* that a secret of the spec was read from */
    struct text_list secret_variables; /* of the environment, that hold a secret of the spec: not for other programs */
};

enum spec_secrets {
    SPEC_WITH_SECRETS,    /* { env } and { file } are read; one that is not there is a problem */
    SPEC_WITHOUT_SECRETS, /* for commands that send nothing: they are only checked for their form */
    SPEC_WITHOUT_FILES,   /* for commands that ask the ledger alone: nor does any other file have to be there */
};

/* Reads `path`. On faults of the spec returns NULL with all of them in `problems` (initialised here, to be cleared by
 * the caller in any case) and error code ERROR_INPUT; the error's message then only says how many there are. A file
 * that cannot be read or is larger than 1 MiB is an ERROR_INPUT without problems. The environment is left as it is. */
struct spec *spec_load(const char *path, enum spec_secrets secrets, struct problems *problems, struct error *error);
void spec_free(struct spec *spec);

/* Refuses (ERROR_INPUT) a path that the command line gives to be written, where it is one of the job's own files: a
 * plan in the place of the ledger would be the end of both. `option` names it in the message. */
bool spec_check_output(const struct spec *spec, const char *option, const char *path, struct error *error);
/* Does the job exchange the tokens of Teams users? Then it does nothing else. */
bool spec_exchanges(const struct spec *spec);
/* Do its users get tokens? */
bool spec_has_tokens(const struct spec *spec);
/* Does the job name its resources (resources, not resource)? Then outputs and messages say which one they are about. */
bool spec_names_resources(const struct spec *spec);
/* Where one stands in the spec: "resource" or "resources.NAME". Returns `place`. */
enum { SPEC_RESOURCE_PLACE_SIZE = 80 };
const char *spec_resource_place(const struct spec_resource *resource, char place[SPEC_RESOURCE_PLACE_SIZE]);
/* The index of the resource with that name; SPEC_NO_RESOURCE where there is none. */
#define SPEC_NO_RESOURCE SIZE_MAX
size_t spec_find_resource(const struct spec *spec, const char *name);
/* The hint for a name that is none of them. Returns `hint`. */
enum { SPEC_SUGGESTION_SIZE = 512 };
const char *spec_suggest_resource(const struct spec *spec, const char *name, char hint[SPEC_SUGGESTION_SIZE]);

/* The reference page (Markdown), the editor's JSON schema and the keys in rollcall-job(5), made from the table;
 * malloc'd, NULL when out of memory. They are committed as jobs/REFERENCE.md, jobs/rollcall.schema.json and a part of
 * lib/spec/rollcall-job.5; ROLLCALL_UPDATE=1 in the environment of the unit test test_spec_document writes them anew.
 */
char *spec_reference_page(void);
char *spec_manual_keys(void);
char *spec_json_schema(void);

#endif
