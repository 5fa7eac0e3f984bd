/* spec_internal.h - what the files of lib/spec share: the table of keys, the tree of a file, the reader.
 *
 * From file to struct: spec_tree_parse() makes a tree of nodes with their places; spec_read() walks it along the table;
 * spec_check() looks at what concerns more than one key.  Each goes on after a fault, so that one pass finds them all.
 */
#ifndef ROLLCALL_SPEC_SPEC_INTERNAL_H
#define ROLLCALL_SPEC_SPEC_INTERNAL_H

#include "spec/spec.h"

/* ---- the table ---- */

enum spec_type {
    SPEC_SECTION, /* a mapping; its keys are the rows whose section it is (key.element: it fills a struct of its own) */
    SPEC_SECTIONS,  /* one such mapping or a list of them, each filling a struct of its own */
    SPEC_NAMED,     /* a mapping of names to such mappings, likewise */
    SPEC_ACTIONS,   /* keep, an action, or a list of actions: struct action_list */
    SPEC_TEXT,      /* char * */
    SPEC_NAME,      /* text of letters, digits, '.', '_' and '-': char * */
    SPEC_INTEGER,   /* by the size of the field */
    SPEC_BOOLEAN,   /* bool */
    SPEC_CHOICE,    /* a word that stands for a value: an enum */
    SPEC_WORD,      /* a word that stands for itself: char * */
    SPEC_WORDS,     /* a list of such words: struct text_list */
    SPEC_TEXTS,     /* a text or a list of texts: struct text_list */
    SPEC_INPUTS,    /* SPEC_INPUT or a list of them: struct text_list */
    SPEC_COMMAND,   /* a program that must be there, or a list of it and its arguments: struct text_list */
    SPEC_WHERE,     /* a mapping of a column to SPEC_TEXTS: where and where_count */
    SPEC_DELIMITER, /* char */
    SPEC_DURATION,  /* in the row's unit, by the size of the field */
    SPEC_LIMIT,     /* a percentage, a count, or both: struct limit */
    SPEC_QUOTA,     /* count/window, or none: struct quota */
    SPEC_PATH,      /* of a file that we write: char * */
    SPEC_INPUT,     /* of a file that must be there: char * */
    SPEC_ROSTER,    /* as SPEC_INPUT, or '-': char * */
    SPEC_REFERENCE, /* { env: NAME } or { file: PATH }: struct secret; where it is no secret also a text: char * */
};

struct spec_choice {
    const char *word; /* NULL ends the list */
    int value;
};

enum { SPEC_KEEP = ACTION_COUNT }; /* the value of the word keep among actions */

struct spec_key {
    const char *section; /* dotted path of the mapping it stands in; "" for the file's own */
    const char *name;
    enum spec_type type;
    bool required;       /* where its section stands */
    bool secret;         /* never in the file itself, never in a message */
    const char *initial; /* the default, as one would write it; read by the same code as the file; NULL: none */
    int64_t min;         /* integer: its value; duration: milliseconds; list, section: number of entries */
    int64_t max;
    uint32_t unit_ms;                  /* duration: the unit of the field */
    const struct spec_choice *choices; /* the words it may be made of */
    const char *main;                  /* section: the key whose value may stand in place of the mapping; NULL: none */
    size_t offset;                     /* of its field in struct spec, or in the struct that its section fills */
    size_t size;                       /* of its field; 0: not kept */
    size_t element;                    /* section: the size of the struct that it fills, in an array; 0: none. The
                                          struct begins with its name: char * */
    const char *keys;                  /* section: its keys are those of that path in the table; NULL: of its own */
    size_t count_offset;               /* then: of the array's length. The field at `offset` points to the array */
    const char *example;               /* for hints, the schema and the reference page */
    const char *help;                  /* one sentence */
};

extern const struct spec_key spec_table[];
extern const size_t spec_table_count;

/* Room for the dotted path of any key, and for a value as it is shown in a message. */
enum { SPEC_PATH_SIZE = 128, SPEC_SHOWN_SIZE = 96, SPEC_HINT_SIZE = SPEC_SUGGESTION_SIZE };

const struct spec_key *spec_key_find(const char *section, const char *name);
/* Whether keys stand below it. */
bool spec_is_section(const struct spec_key *key);
/* "roster.key", as the table has it; returns `path`. */
const char *spec_key_path(const struct spec_key *key, char path[SPEC_PATH_SIZE]);
/* Where the keys of a section stand in the table; returns `path`. */
const char *spec_keys_path(const struct spec_key *key, char path[SPEC_PATH_SIZE]);
/* The row of a section's main key; NULL where it has none. */
const struct spec_key *spec_key_main(const struct spec_key *key);
/* What a value of it is: "a duration". Returns `text`. */
const char *spec_key_phrase(const struct spec_key *key, char text[SPEC_HINT_SIZE]);
/* "1h to 24h", "at most 10000 entries", "1, 2 or 3"; empty when there is nothing to say. Returns `text`. */
const char *spec_key_range(const struct spec_key *key, char text[SPEC_HINT_SIZE]);

/* ---- values: text to number and back, no messages ---- */

enum spec_parsed {
    SPEC_PARSED,
    SPEC_UNREADABLE,
    SPEC_NO_UNIT,      /* a duration that is only a number */
    SPEC_OUT_OF_RANGE, /* has the form, but not a value we take */
};

enum { QUOTA_COUNT_MAX = 1000000, QUOTA_WINDOW_MIN_MS = 100, QUOTA_WINDOW_MAX_MS = 60 * 60 * 1000 };

enum { SPEC_NAME_MAX = 64 };

/* Letters, digits, dots, underscores and hyphens, at most `max` of them. */
bool spec_is_name(const char *text, size_t max);
/* Decimal digits only; what does not fit becomes INT64_MAX, and thereby out of every range. */
bool spec_parse_integer(const char *text, int64_t *value);
enum spec_parsed spec_parse_duration(const char *text, int64_t *ms);
enum spec_parsed spec_parse_percent(const char *text, double *percent);
enum spec_parsed spec_parse_quota(const char *text, struct quota *quota);
/* "90m", "24h", "30d": in the largest unit that needs no fraction, except that a day stays 24h. Returns `text`. */
const char *spec_format_duration(int64_t ms, char text[SPEC_SHOWN_SIZE]);
/* Whether a text reads like a connection string or a URL with a password: pasted in the wrong place it must not travel
 * on into a log. */
bool spec_looks_secret(const char *text);
/* The user's own text for a message: in quotes, cut when long, control characters replaced, and *** where it looks like
 * a secret that has strayed. Returns `shown`. */
const char *spec_shown(const char *text, char shown[SPEC_SHOWN_SIZE]);

/* ---- suggestions ---- */

/* Whether `word` is a near miss of `candidate`: at most two slips (a letter more, less, other, or two swapped) and
 * fewer than half of its letters; `slips` gets their number. Case does not count. */
bool spec_near_miss(const char *word, const char *candidate, size_t *slips);
/* The hint for a key that `section` does not have. Returns `hint`. */
const char *spec_suggest_key(const char *section, const char *name, char hint[SPEC_HINT_SIZE]);
/* The hint for a word that is none of the choices. Returns `hint`. */
const char *spec_suggest_choice(const struct spec_choice *choices, const char *word, char hint[SPEC_HINT_SIZE]);
/* Appends "a, b or c" to a text of `size` bytes. */
void spec_append_choices(const struct spec_choice *choices, char *text, size_t size);

/* ---- the tree of a file ---- */

enum spec_kind { SPEC_SCALAR, SPEC_LIST, SPEC_MAPPING };

struct spec_node {
    enum spec_kind kind;
    bool plain;                 /* a scalar without quotes */
    bool bad;                   /* a fault of it is reported; nothing more is to be said about it */
    uint64_t line;              /* 1-based; of an alias: where the alias stands */
    uint64_t column;            /* 1-based, in characters */
    size_t weight;              /* nodes in it, itself and what aliases stand for included */
    char *text;                 /* of a scalar; without NUL inside */
    struct spec_node *key;      /* in a mapping: the key whose value this is */
    struct spec_node *children; /* first entry of a list or mapping */
    struct spec_node *next;     /* next entry of the parent */
};

struct spec_tree;

enum {
    SPEC_FILE_MAX = 1024 * 1024, /* bytes */
    SPEC_SCALAR_MAX = 64 * 1024, /* bytes */
    SPEC_DEPTH_MAX = 32,         /* mappings and lists within each other */
    SPEC_NODES_MAX = 100 * 1000, /* with aliases expanded */
    SPEC_ENTRIES_MAX = 1024,     /* keys in one mapping; keeps the search for duplicates cheap */
    SPEC_ANCHORS_MAX = 1024,
};

/* NULL only when the machine fails (then `error` says how). A fault of the file goes into `problems`; after one that
 * hides what follows there is no root. */
struct spec_tree *spec_tree_parse(const char *bytes, size_t length, struct problems *problems, struct error *error);
void spec_tree_free(struct spec_tree *tree);
/* NULL: see above. */
struct spec_node *spec_tree_root(const struct spec_tree *tree);
/* The value of a key; NULL where it does not stand. `mapping` may be NULL or another kind of node. */
struct spec_node *spec_node_child(const struct spec_node *mapping, const char *name);
/* The value at a dotted path. */
struct spec_node *spec_node_find(const struct spec_node *root, const char *path);
/* No value was written: an empty scalar, ~ or null, without quotes. */
bool spec_node_is_null(const struct spec_node *node);
/* Reports what libyaml stopped at, in words that help; see spec_yaml_error.c. */
struct yaml_parser_s;
void spec_yaml_fault(const struct yaml_parser_s *parser, const char *bytes, size_t length, struct problems *problems);

/* ---- the reader ---- */

struct spec_reader {
    struct spec *spec;
    const struct spec_node *root;
    /* The section at hand: */
    void *fields;                    /* the struct that its keys' offsets are about */
    const struct spec_node *section; /* NULL: it does not stand in the file */
    const char *place;               /* its path in the file */
    enum spec_secrets secrets;
    struct problems *problems;
    struct error *error; /* set when the machine fails; the user's faults go to problems */
};

/* The path of one of its keys in the file, for messages; returns `path`. */
const char *spec_place(const struct spec_reader *reader, const struct spec_key *key, char path[SPEC_PATH_SIZE]);
/* Reports a fault of the file at a node's place. Returns false. hint may be NULL. */
bool spec_fault(struct spec_reader *reader, const struct spec_node *node, const char *hint, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* "roster.key must be a text, not a list", with the example as hint. Returns false. */
bool spec_fault_type(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node);
/* "roster.key: a secret is not written into the job spec", without it. Returns false. */
bool spec_fault_secret(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node);

/* Fills the spec from the tree and, where the tree is silent, from the table. False when the machine failed. */
bool spec_read(struct spec_reader *reader);
/* Reads a mapping of keys. One that is not in the file (node is NULL) gets its defaults all the same. False when it is
 * none, or the machine failed; what is wrong with its keys is said of them. */
bool spec_read_mapping(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node);
/* Whether it is one; reports what it is instead. */
bool spec_is_mapping(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node);

/* --- sections that fill structs: spec_elements.c --- */

/* Reads one, a list of them or several under names, and makes the structs; node may be NULL: none. */
bool spec_read_elements(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node);
size_t spec_count_elements(const void *fields, const struct spec_key *key);
/* NULL: there are none. */
void *spec_element(const void *fields, const struct spec_key *key, size_t index);
/* Puts the reader into the index-th of the sections that have the keys of `of` in the table, for looking at what it
 * holds and where it stands; false when there are no more, and the reader is in the whole file again. */
bool spec_enter(struct spec_reader *reader, const char *of, size_t index, char place[SPEC_PATH_SIZE]);
/* Reads one value of a key that is no mapping; false when a fault was reported or the machine failed. */
bool spec_read_value(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node);
/* Where the value of a key goes. */
void *spec_field(const struct spec_reader *reader, const struct spec_key *key);
/* The file that a path in the spec names; malloc'd, NULL when out of memory. Reports one that cannot be read. */
char *spec_read_input(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node,
                      bool *readable);
/* Appends a copy. False when out of memory. */
bool spec_append_text(struct spec_reader *reader, struct text_list *list, const char *text);
/* As spec_read_value, for SPEC_TEXTS, SPEC_WORDS, SPEC_INPUTS and SPEC_COMMAND; SPEC_WHERE; SPEC_REFERENCE; and
 * SPEC_ACTIONS. */
bool spec_read_list(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node);
bool spec_read_where(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node);
bool spec_read_reference(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node);
bool spec_read_actions(struct spec_reader *reader, const struct spec_key *key, struct spec_node *node);
/* The text of a scalar that is there, not empty, and nothing that looks like a secret; NULL after a fault was reported.
 */
const char *spec_scalar(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node);
/* The value that a word stands for; false after a fault was reported. */
bool spec_read_choice(struct spec_reader *reader, const struct spec_key *key, const struct spec_node *node, int *value);
/* Puts a copy in the place of what a char * field holds. False when out of memory. */
bool spec_replace_text(struct spec_reader *reader, char **field, const char *text);

/* ---- rules between keys ---- */

/* The only version whose create takes an id of the caller's (reference: acs-identity.md, "Versions"). */
#define SPEC_CUSTOM_ID_VERSION "2025-03-02-preview"

struct spec_rule {
    const char *of; /* the path of a section that fills structs: the check is made for each; NULL: once for the file */
    const char *needs[6]; /* paths that must be free of faults of their own for the check to make sense; those that
                             begin with a dot are within the section that `of` names */
    bool (*check)(struct spec_reader *reader);
    const char *sentence; /* for the reference page */
};

extern const struct spec_rule spec_rules[];
extern const size_t spec_rules_count;

/* Rules with files to themselves: spec_exchange.c, spec_paths.c, spec_connect.c, spec_sign_in.c, spec_sinks.c. */
bool spec_check_exchange(struct spec_reader *reader);
bool spec_check_exchange_version(struct spec_reader *reader);
bool spec_check_paths(struct spec_reader *reader);
bool spec_check_connect_to(struct spec_reader *reader);
bool spec_check_sign_in(struct spec_reader *reader);
bool spec_check_sink(struct spec_reader *reader);
/* Which kind each sink is, and the columns that it does not name. False when the machine failed. */
bool spec_derive_sinks(struct spec_reader *reader);
/* What stands at `key` of the section at hand is the address of a service (core/origin.h); NULL: it is not known. */
bool spec_check_address(struct spec_reader *reader, const char *key, const char *address, const char *example);
/* Runs every rule whose needs are met. False when the machine failed. */
bool spec_check(struct spec_reader *reader);

#endif
