/* The editor's schema and the reference page say what the table says. */
#include "committed.h"
#include "spec_fixture.h"

#include "spec/spec_internal.h"

#include <jansson.h>

static void the_committed_schema_is_the_one_of_the_table(void **state)
{
    (void)state;
    committed_is(SOURCE_DIR "/jobs/rollcall.schema.json", spec_json_schema());
}

static void the_committed_reference_is_the_one_of_the_table(void **state)
{
    (void)state;
    committed_is(SOURCE_DIR "/jobs/REFERENCE.md", spec_reference_page());
}

static void the_committed_manual_is_the_one_of_the_table(void **state)
{
    (void)state;
    committed_part_is(SOURCE_DIR "/lib/spec/rollcall-job.5", spec_manual_keys());
}

/* The schema of a key, by its dotted path. */
static const json_t *schema_of(const json_t *schema, const struct spec_key *key)
{
    char path[SPEC_PATH_SIZE];
    char *rest;

    spec_key_path(key, path);
    for (char *name = strtok_r(path, ".", &rest); name != NULL; name = strtok_r(NULL, ".", &rest)) {
        const json_t *forms = json_object_get(schema, "oneOf");
        const json_t *section = forms == NULL ? schema : json_array_get(forms, json_array_size(forms) - 1);
        schema = json_object_get(json_object_get(section, "properties"), name);
    }
    return schema;
}

static void every_key_stands_in_the_schema_with_its_help(void **state)
{
    char *text = spec_json_schema();
    json_t *schema = json_loads(text, 0, NULL);

    (void)state;
    assert_non_null(schema);
    for (size_t i = 0; i < spec_table_count; i++) {
        const json_t *description = json_object_get(schema_of(schema, &spec_table[i]), "description");
        assert_string_equal(json_string_value(description), spec_table[i].help);
    }
    json_decref(schema);
    free(text);
}

static void every_key_stands_in_the_reference_with_its_help(void **state)
{
    char *page = spec_reference_page();

    (void)state;
    for (size_t i = 0; i < spec_table_count; i++) {
        char name[SPEC_PATH_SIZE + 8];
        snprintf(name, sizeof name, "| `%s` | ", spec_table[i].name);
        assert_non_null(strstr(page, name));
        assert_non_null(strstr(page, spec_table[i].help));
    }
    free(page);
}

static void the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < spec_table_count; i++) {
        const struct spec_key *key = &spec_table[i];
        const bool is_section = spec_is_section(key) || key->type == SPEC_NAMED;
        assert_ptr_equal(spec_key_find(key->section, key->name), key);
        assert_true(strlen(key->section) + 1 + strlen(key->name) < SPEC_PATH_SIZE);
        assert_int_equal(key->help[strlen(key->help) - 1], '.');
        assert_true(is_section || key->example != NULL);
        assert_false(key->required && key->initial != NULL);
        assert_true(key->size + key->offset <= sizeof(struct spec));
    }
}

/* The struct that the keys of a section fill: the spec, or one that is made for it. */
static void *fields_of(struct spec *spec, const char *section)
{
    for (size_t i = 0; i < spec_table_count; i++) {
        char path[SPEC_PATH_SIZE];
        const size_t length = strlen(spec_key_path(&spec_table[i], path));
        if (spec_table[i].element == 0 || strncmp(section, path, length) != 0 || strchr(".", section[length]) == NULL)
            continue;
        void *element = calloc(1, spec_table[i].element);
        memcpy((char *)spec + spec_table[i].offset, &element, sizeof element);
        memcpy((char *)spec + spec_table[i].count_offset, &(size_t){1}, sizeof(size_t));
        return element;
    }
    return spec;
}

/* The value of an example must be one that the reader takes, or every hint is a lie. */
static void every_example_is_valid(void **state)
{
    struct fixture *fixture = *state;

    write_text("users-yesterday.csv", "user_id\n");
    write_text("ca.pem", "x\n");
    write_text("application.pem", "x\n");
    write_text("rescue.pem", "x\n");
    write_program("store-tokens");
    write_program("upload");
    write_program("notify");
    setenv("COMMUNICATION_SERVICES_CONNECTION_STRING", "x", 1);
    write_text("app.pem", "x\n");
    write_text("azure-identity-token", "x\n");
    setenv("TOKENS_DATABASE", "x", 1);
    setenv("CONTOSO_CLIENT_SECRET", "x", 1);
    setenv("CONTOSO_CERTIFICATE_PASSWORD", "x", 1);
    for (size_t i = 0; i < spec_table_count; i++) {
        char yaml[512];
        char path[SPEC_PATH_SIZE];
        struct spec_reader reader = {.problems = &fixture->problems, .error = &fixture->error};
        if (spec_table[i].example == NULL)
            continue;
        snprintf(yaml, sizeof yaml, "value: %s\n", spec_table[i].example);
        unload(fixture);
        assert_true(problems_init(&fixture->problems, spec_key_path(&spec_table[i], path), &fixture->error));
        struct spec_tree *tree = spec_tree_parse(yaml, strlen(yaml), &fixture->problems, &fixture->error);
        assert_non_null(tree);
        fixture->spec = calloc(1, sizeof *fixture->spec);
        fixture->spec->path = strdup("job.yaml");
        fixture->spec->directory = strdup(".");
        reader.spec = fixture->spec;
        reader.fields = fields_of(fixture->spec, spec_table[i].section);
        reader.root = spec_tree_root(tree);
        struct spec_node *value = spec_node_child(reader.root, "value");
        const bool ok = value->kind == SPEC_MAPPING && spec_table[i].type == SPEC_SECTION
                            ? true
                            : spec_read_value(&reader, &spec_table[i], value);
        spec_tree_free(tree);
        print_problems(fixture);
        assert_string_equal(fixture->printed, "");
        assert_true(ok);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_committed_schema_is_the_one_of_the_table),
        TEST(the_committed_reference_is_the_one_of_the_table),
        TEST(the_committed_manual_is_the_one_of_the_table),
        TEST(every_key_stands_in_the_schema_with_its_help),
        TEST(every_key_stands_in_the_reference_with_its_help),
        TEST(the_table_is_sound),
        TEST(every_example_is_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
