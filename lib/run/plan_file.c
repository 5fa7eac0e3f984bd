#include "run/plan_file.h"

#include "core/clock.h"
#include "core/file.h"
#include "output/json_out.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_VERSION = 3, TEXT_CAP = 64 * 1024 * 1024, HEX_SIZE = 2 * EVP_MAX_MD_SIZE + 1 };

struct plan_file {
    json_t *root;
    struct text_list only; /* items are the JSON's own */
};

static void to_hex(const unsigned char *bytes, size_t length, char *text)
{
    for (size_t i = 0; i < length; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* SHA-256 of a file as hex digits. */
static bool hash_file(const char *path, char text[HEX_SIZE], struct error *error)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char bytes[16 * 1024];
    unsigned length = 0;
    size_t got = 0;
    FILE *stream = fopen(path, "rbe");
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    bool ok = stream != NULL && context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    while (ok && (got = fread(bytes, 1, sizeof bytes, stream)) > 0)
        ok = EVP_DigestUpdate(context, bytes, got) == 1;
    ok = ok && ferror(stream) == 0 && EVP_DigestFinal_ex(context, digest, &length) == 1;
    if (ok)
        to_hex(digest, length, text);
    else
        error_errno(error, "cannot read %s", path);
    EVP_MD_CTX_free(context);
    if (stream != NULL)
        fclose(stream);
    return ok;
}

static json_t *only_list(const struct text_list *only)
{
    json_t *list = json_array();

    for (size_t i = 0; only != NULL && i < only->count; i++)
        json_out_item(&list, json_string(only->items[i]));
    return list;
}

/* What came out: equal for equal plans. */
static json_t *outcome_of(const struct plan *plan)
{
    json_t *outcome = json_pack("{s:I, s:I}", "users", (json_int_t)plan->users, "active", (json_int_t)plan->active);
    json_t *places = json_array(); /* users who begin there, users who come there from elsewhere */

    for (int category = 0; category < CATEGORY_COUNT; category++)
        json_out_member(&outcome, category_name((enum category)category),
                        json_integer((json_int_t)plan->categories[category]));
    for (int action = 0; action < ACTION_COUNT; action++)
        json_out_member(&outcome, action_name((enum action)action), json_integer((json_int_t)plan->requests[action]));
    for (size_t i = 0; i < plan->spec->resource_count; i++)
        json_out_item(&places,
                      json_pack("[I, I]", (json_int_t)plan->parts[i].users, (json_int_t)plan->parts[i].arriving));
    json_out_member(&outcome, "places", places);
    return outcome;
}

bool plan_file_write(const char *path, const struct plan *plan, struct ledger *ledger, struct error *error)
{
    char spec_hash[HEX_SIZE];
    char roster_hash[2 * sizeof plan->roster.digest + 1];
    char previous_hash[2 * sizeof plan->previous.digest + 1]; /* zeros without roster.previous */
    char version[LEDGER_VERSION_SIZE];

    if (!hash_file(plan->spec->path, spec_hash, error) || !ledger_version(ledger, version, error))
        return false;
    to_hex(plan->roster.digest, sizeof plan->roster.digest, roster_hash);
    to_hex(plan->previous.digest, sizeof plan->previous.digest, previous_hash);
    json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:I, s:o, s:o}", "rollcall_plan", FILE_VERSION,
                             "job", plan->spec->name, "spec", spec_hash, "roster", roster_hash, "previous",
                             previous_hash, "ledger", version, "made_at", (json_int_t)plan->options.now_s,
                             "reissue_all", plan->options.reissue_all ? 1 : 0, "limit", (json_int_t)plan->options.limit,
                             "only", only_list(plan->options.only), "plan", outcome_of(plan));
    struct buffer text;
    struct atomic_file *file = NULL;
    buffer_init(&text, TEXT_CAP);
    if (json_out_append(&text, root, JSON_INDENT(2), error))
        file = atomic_file_open(path, 0600, error);
    if (file != NULL) {
        atomic_file_write(file, text.data, text.length);
        atomic_file_write(file, "\n", 1);
    }
    buffer_clear(&text);
    return file != NULL && atomic_file_commit(file, error);
}

static const char *text_member(const struct plan_file *file, const char *name)
{
    const char *text = json_string_value(json_object_get(file->root, name));

    return text != NULL ? text : "";
}

static bool read_options(struct plan_file *file, struct plan_options *options, struct error *error)
{
    const json_t *only = json_object_get(file->root, "only");
    const size_t count = json_array_size(only);

    *options = (struct plan_options){
        .now_s = json_integer_value(json_object_get(file->root, "made_at")),
        .reissue_all = json_is_true(json_object_get(file->root, "reissue_all")),
        .limit = (uint64_t)json_integer_value(json_object_get(file->root, "limit")),
    };
    if (count == 0)
        return true;
    file->only.items = calloc(count, sizeof *file->only.items);
    if (file->only.items == NULL)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const char *key = json_string_value(json_array_get(only, i));
        file->only.items[i] = (char *)(key != NULL ? key : "");
    }
    file->only.count = count;
    options->only = &file->only;
    return true;
}

/* A clock that was ahead had grace periods end that still go on. */
static bool check_moment(const struct plan_file *file, const char *path, int64_t now_s, struct error *error)
{
    const int64_t made_at_s = json_integer_value(json_object_get(file->root, "made_at"));
    char made[TIME_TEXT_SIZE];
    char now[TIME_TEXT_SIZE];

    if (made_at_s - PLAN_CLOCK_OFF_MAX_S <= now_s)
        return true;
    time_format_rfc3339(made_at_s, made);
    time_format_rfc3339(now_s, now);
    error_set(error, ERROR_INPUT, "%s was made at %s, and by this machine's clock it is %s", path, made, now);
    return error_hint(error, "set the clock, make the plan again with `rollcall plan --out FILE`, and look at it");
}

struct plan_file *plan_file_read(const char *path, const struct spec *spec, struct plan_options *options,
                                 struct error *error)
{
    struct plan_file *file = calloc(1, sizeof *file);
    char spec_hash[HEX_SIZE];
    json_error_t fault;

    if (file == NULL) {
        error_no_memory(error);
        return NULL;
    }
    const int fd = file_open_shared(path, error);
    if (fd < 0) {
        if (error->hint[0] == '\0')
            error_hint(error, "make it with `rollcall plan --out FILE`");
        goto fail;
    }
    file->root = json_loadfd(fd, JSON_REJECT_DUPLICATES, &fault);
    close(fd);
    if (file->root == NULL && (fault.text[0] == '\0' || json_error_code(&fault) == json_error_out_of_memory)) {
        error_no_memory(error);
        goto fail;
    }
    if (json_integer_value(json_object_get(file->root, "rollcall_plan")) != FILE_VERSION) {
        /* Not in jansson's words, which quote the file: it may be one with tokens. */
        if (file->root == NULL && fault.line > 0)
            error_set(error, ERROR_INPUT, "%s is no plan of rollcall: line %d, column %d is not JSON", path, fault.line,
                      fault.column);
        else
            error_set(error, ERROR_INPUT, "%s is no plan of this version of rollcall%s%s", path,
                      file->root == NULL ? ": " : "", file->root == NULL ? fault.text : "");
        error_hint(error, "make it with `rollcall plan --out FILE`");
        goto fail;
    }
    if (!hash_file(spec->path, spec_hash, error))
        goto fail;
    if (strcmp(text_member(file, "spec"), spec_hash) != 0) {
        error_set(error, ERROR_INPUT, "%s was made from another job spec than %s is now", path, spec->path);
        error_hint(error, "make the plan again with `rollcall plan --out FILE`, and look at it");
        goto fail;
    }
    if (!check_moment(file, path, options->now_s, error) || !read_options(file, options, error))
        goto fail;
    return file;
fail:
    plan_file_free(file);
    return NULL;
}

bool plan_file_check(const struct plan_file *file, const struct plan *plan, struct ledger *ledger, struct error *error)
{
    char roster_hash[2 * sizeof plan->roster.digest + 1];
    char previous_hash[2 * sizeof plan->previous.digest + 1]; /* zeros without roster.previous */
    char version[LEDGER_VERSION_SIZE];

    to_hex(plan->roster.digest, sizeof plan->roster.digest, roster_hash);
    to_hex(plan->previous.digest, sizeof plan->previous.digest, previous_hash);
    if (!ledger_version(ledger, version, error))
        return false;
    if (strcmp(text_member(file, "roster"), roster_hash) != 0)
        error_set(error, ERROR_INPUT, "the roster is not the one that the plan was made from");
    else if (strcmp(text_member(file, "previous"), previous_hash) != 0)
        error_set(error, ERROR_INPUT, "the older roster is not the one that the plan was made from");
    else if (strcmp(text_member(file, "ledger"), version) != 0)
        error_set(error, ERROR_INPUT, "the ledger has changed since the plan was made, or the plan was used already");
    else {
        json_t *outcome = outcome_of(plan);
        if (outcome == NULL)
            return error_no_memory(error);
        const bool same = json_equal(outcome, json_object_get(file->root, "plan")) == 1;
        json_decref(outcome);
        if (same)
            return true;
        error_set(error, ERROR_INPUT, "the plan does not come out as it did");
    }
    return error_hint(error, "make the plan again with `rollcall plan --out FILE`, and look at it");
}

void plan_file_free(struct plan_file *file)
{
    if (file == NULL)
        return;
    json_decref(file->root);
    free(file->only.items);
    free(file);
}
