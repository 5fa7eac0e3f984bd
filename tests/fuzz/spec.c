/* Job specs: every problem has its place, none repeats a secret, and a file that is written another way (indented, in
 * quotes, its aliases replaced by what they stand for) says the same.
 *
 * The file is in memory; a relative path starts at /proc/self/fd, where nothing of that name is. /dev/null and - stand
 * for files that are there.
 */
#include "fuzz.h"

#include "core/buffer.h"
#include "spec/spec_internal.h"

#include <inttypes.h>

enum { WRITTEN_MAX = 16 * 1024 * 1024 };

static const char access_key[] = "Y2FuYXJ5NzM1NzM1NzM1";
static const char endpoint[] = "https://contoso.communication.azure.com";

int LLVMFuzzerInitialize(int *count, char ***arguments);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    char connection[256];

    (void)count;
    (void)arguments;
    snprintf(connection, sizeof connection, "endpoint=%s/;accesskey=%s", endpoint, access_key);
    setenv("ACS_CONNECTION", connection, 1);
    setenv("ACS_ENDPOINT", endpoint, 1);
    return 0;
}

/* --- a tree as YAML --- */

static uint32_t take_character(const unsigned char **text)
{
    const unsigned char *at = *text;
    const int more = at[0] < 0x80 ? 0 : at[0] < 0xE0 ? 1 : at[0] < 0xF0 ? 2 : 3;
    uint32_t character = more == 0 ? at[0] : at[0] & (0x3Fu >> more);

    for (int i = 1; i <= more; i++)
        character = character << 6 | (at[i] & 0x3F);
    *text += more + 1;
    return character;
}

static void write_quoted(struct buffer *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    buffer_append_char(out, '"');
    while (*at != '\0') {
        const uint32_t character = take_character(&at);
        if (character < 0x20 || character > 0x7E || character == '"' || character == '\\')
            buffer_append_format(out, "\\U%08" PRIX32, character);
        else
            buffer_append_char(out, (char)character);
    }
    buffer_append_char(out, '"');
}

/* Where it matters that a scalar had no quotes (numbers, true, null) it is made of these. */
static bool stays_plain(const struct spec_node *node)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    return node->plain &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 || node->text[strspn(node->text, letters)] == '\0');
}

/* What follows "- " or ": ". */
static void write_node(struct buffer *out, const struct spec_node *node, int indent)
{
    if (node->kind == SPEC_SCALAR) {
        if (stays_plain(node))
            buffer_append_text(out, node->text);
        else
            write_quoted(out, node->text);
    } else if (node->children == NULL) {
        buffer_append_text(out, node->kind == SPEC_LIST ? "[]" : "{}");
    }
    buffer_append_char(out, '\n');
    for (const struct spec_node *entry = node->children; entry != NULL; entry = entry->next) {
        buffer_append_format(out, "%*s", indent, "");
        if (node->kind == SPEC_MAPPING) {
            buffer_append_text(out, "? ");
            write_quoted(out, entry->key->text);
            buffer_append_format(out, "\n%*s: ", indent, "");
        } else {
            buffer_append_text(out, "- ");
        }
        write_node(out, entry, indent + 1);
    }
}

static bool same_tree(const struct spec_node *a, const struct spec_node *b)
{
    if (a->kind != b->kind || (a->kind == SPEC_SCALAR && strcmp(a->text, b->text) != 0))
        return false;
    for (a = a->children, b = b->children; a != NULL && b != NULL; a = a->next, b = b->next)
        if ((a->key == NULL) != (b->key == NULL) || (a->key != NULL && strcmp(a->key->text, b->key->text) != 0) ||
            !same_tree(a, b))
            return false;
    return a == NULL && b == NULL;
}

/* --- reading --- */

/* No message repeats what stands in the environment, or anything that looks like a secret. */
static void check_problems(const struct problems *problems, const char *data, size_t size)
{
    const bool key_in_file = memmem(data, size, access_key, 8) != NULL;

    fuzz_check_problems(problems);
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        MUST(problem->line > 0 && problem->column > 0);
        MUST(!spec_looks_secret(problem->message));
        MUST(key_in_file || (strstr(problem->message, access_key) == NULL &&
                             (problem->hint == NULL || strstr(problem->hint, access_key) == NULL)));
    }
}

/* Whether the spec is accepted; the caller clears `problems`. */
static bool load(const void *data, size_t size, enum spec_secrets secrets, struct problems *problems)
{
    char path[64];
    struct error error;
    const int fd = fuzz_file(data, size);

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct spec *spec = spec_load(path, secrets, problems, &error);
    const bool ok = spec != NULL;
    MUST(ok == (error.code == ERROR_NONE) && ok == (problems->total == 0));
    MUST(ok || error.code == ERROR_INPUT);
    check_problems(problems, data, size);
    spec_free(spec);
    close(fd);
    return ok;
}

/* The tree of a file; NULL where the file has a fault that YAML knows of, or is one value alone. */
static struct spec_tree *parse(const char *bytes, size_t length)
{
    struct problems problems;
    struct error error;

    MUST(problems_init(&problems, "job.yaml", &error));
    struct spec_tree *tree = spec_tree_parse(bytes, length, &problems, &error);
    MUST(tree != NULL);
    if (problems.total > 0 || spec_tree_root(tree)->kind == SPEC_SCALAR) {
        spec_tree_free(tree);
        tree = NULL;
    }
    problems_clear(&problems);
    return tree;
}

/* Written another way, the file says the same: its tree is the same, and so is what is found wrong with it. (A fault of
 * a value that an alias repeats is reported once, and of every copy of it.) */
static void check_written_out(const char *data, size_t size, const struct problems *problems)
{
    struct buffer written;
    struct problems found;
    struct spec_tree *tree = parse(data, size);

    if (tree == NULL)
        return;
    buffer_init(&written, WRITTEN_MAX);
    write_node(&written, spec_tree_root(tree), 0);
    MUST(!buffer_failed(&written));
    if (written.length <= SPEC_FILE_MAX) {
        struct spec_tree *again = parse(written.data, written.length);
        MUST(again != NULL && same_tree(spec_tree_root(tree), spec_tree_root(again)));
        spec_tree_free(again);
        load(written.data, written.length, SPEC_WITH_SECRETS, &found);
        const bool has_alias = memchr(data, '*', size) != NULL;
        MUST(has_alias ? (found.total == 0) == (problems->total == 0) : found.total == problems->total);
        for (size_t i = 0; !has_alias && i < found.count; i++)
            MUST(strcmp(found.list[i].message, problems->list[i].message) == 0);
        problems_clear(&found);
    }
    buffer_clear(&written);
    spec_tree_free(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems with;
    struct problems without;

    if (size > SPEC_FILE_MAX)
        return 0;
    load(data, size, SPEC_WITH_SECRETS, &with);
    check_written_out((const char *)data, size, &with);
    load(data, size, SPEC_WITHOUT_SECRETS, &without);
    MUST(without.total <= with.total);
    problems_clear(&with);
    problems_clear(&without);
    return 0;
}
