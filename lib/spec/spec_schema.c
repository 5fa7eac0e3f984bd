/* The table as a JSON schema, by which an editor completes and checks a job spec while it is written.  It says what
 * each key may hold; the rules between keys are rollcall validate's. */
#include "spec/spec_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* jansson takes NULL for a value and says so: one flag collects every failure, and is asked once. */
struct schema {
    bool failed;
};

static json_t *section_schema(struct schema *schema, const char *section, size_t least);

static void put(struct schema *schema, json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) != 0)
        schema->failed = true;
}

static void add(struct schema *schema, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        schema->failed = true;
}

static json_t *of_type(struct schema *schema, const char *type)
{
    json_t *object = json_object();

    put(schema, object, "type", json_string(type));
    return object;
}

static json_t *with_pattern(struct schema *schema, const char *pattern)
{
    json_t *object = of_type(schema, "string");

    put(schema, object, "pattern", json_string(pattern));
    return object;
}

/* Takes two or three forms; the last may be NULL. */
static json_t *one_of(struct schema *schema, json_t *first, json_t *second, json_t *third)
{
    json_t *object = json_object();
    json_t *forms = json_array();

    add(schema, forms, first);
    add(schema, forms, second);
    if (third != NULL)
        add(schema, forms, third);
    put(schema, object, "oneOf", forms);
    return object;
}

static json_t *list_of(struct schema *schema, json_t *items, json_int_t least, json_int_t most)
{
    json_t *object = of_type(schema, "array");

    put(schema, object, "items", items);
    put(schema, object, "minItems", json_integer(least));
    put(schema, object, "maxItems", json_integer(most));
    return object;
}

/* To an editor 1.1 is a number; to the reader it is the text that stands there. */
static json_t *choice_schema(struct schema *schema, const struct spec_choice *choices)
{
    json_t *object = json_object();
    json_t *words = json_array();

    for (; choices->word != NULL; choices++) {
        char *end;
        add(schema, words, json_string(choices->word));
        const double number = strtod(choices->word, &end);
        if (*end == '\0')
            add(schema, words, json_real(number));
    }
    put(schema, object, "enum", words);
    return object;
}

static json_t *actions_schema(struct schema *schema, const struct spec_key *key)
{
    return one_of(schema, choice_schema(schema, key->choices),
                  list_of(schema, choice_schema(schema, key->choices), 1, ACTION_COUNT), NULL);
}

/* A value in a place where every scalar is taken as text. */
static json_t *any_scalar(struct schema *schema)
{
    json_t *object = json_object();
    json_t *types = json_array();

    add(schema, types, json_string("string"));
    add(schema, types, json_string("number"));
    add(schema, types, json_string("boolean"));
    put(schema, object, "type", types);
    return object;
}

static json_t *where_schema(struct schema *schema, const struct spec_key *key)
{
    json_t *object = of_type(schema, "object");

    put(schema, object, "minProperties", json_integer(key->min));
    put(schema, object, "maxProperties", json_integer(key->max));
    put(schema, object, "additionalProperties",
        one_of(schema, any_scalar(schema), list_of(schema, any_scalar(schema), 1, 10000), NULL));
    return object;
}

static json_t *source_schema(struct schema *schema, const char *name)
{
    json_t *object = of_type(schema, "object");
    json_t *properties = json_object();
    json_t *required = json_array();

    put(schema, properties, name, of_type(schema, "string"));
    add(schema, required, json_string(name));
    put(schema, object, "properties", properties);
    put(schema, object, "required", required);
    put(schema, object, "additionalProperties", json_false());
    return object;
}

static json_t *reference_schema(struct schema *schema, const struct spec_key *key)
{
    return one_of(schema, source_schema(schema, "env"), source_schema(schema, "file"),
                  key->secret ? NULL : of_type(schema, "string"));
}

static json_t *integer_schema(struct schema *schema, const struct spec_key *key)
{
    json_t *object = of_type(schema, "integer");

    put(schema, object, "minimum", json_integer(key->min));
    put(schema, object, "maximum", json_integer(key->max));
    return object;
}

static json_t *count_schema(struct schema *schema)
{
    json_t *object = of_type(schema, "integer");

    put(schema, object, "minimum", json_integer(0));
    return object;
}

static json_t *limit_schema(struct schema *schema)
{
    static const char percent[] = "^[0-9]+(\\.[0-9]+)?%$";
    json_t *part = one_of(schema, count_schema(schema), with_pattern(schema, percent), NULL);

    return one_of(schema, count_schema(schema), with_pattern(schema, percent), list_of(schema, part, 1, 2));
}

static json_t *value_schema(struct schema *schema, const struct spec_key *key);

static json_t *named_schema(struct schema *schema, const struct spec_key *key)
{
    char path[SPEC_PATH_SIZE];
    json_t *object = of_type(schema, "object");

    put(schema, object, "minProperties", json_integer(key->min));
    put(schema, object, "maxProperties", json_integer(key->max));
    put(schema, object, "propertyNames", with_pattern(schema, "^[A-Za-z0-9._-]{1,64}$"));
    put(schema, object, "additionalProperties", section_schema(schema, spec_keys_path(key, path), 0));
    return object;
}

static json_t *mapping_schema(struct schema *schema, const struct spec_key *key)
{
    char path[SPEC_PATH_SIZE];
    json_t *mapping = section_schema(schema, spec_key_path(key, path), (size_t)key->min);

    return key->main == NULL ? mapping : one_of(schema, value_schema(schema, spec_key_main(key)), mapping, NULL);
}

static json_t *value_schema(struct schema *schema, const struct spec_key *key)
{
    switch (key->type) {
    case SPEC_SECTION: return mapping_schema(schema, key);
    case SPEC_SECTIONS:
        return one_of(schema, list_of(schema, mapping_schema(schema, key), 1, key->max), mapping_schema(schema, key),
                      NULL);
    case SPEC_NAMED: return named_schema(schema, key);
    case SPEC_ACTIONS: return actions_schema(schema, key);
    case SPEC_NAME: return with_pattern(schema, "^[A-Za-z0-9._-]{1,64}$");
    case SPEC_INTEGER: return integer_schema(schema, key);
    case SPEC_BOOLEAN: return of_type(schema, "boolean");
    case SPEC_CHOICE:
    case SPEC_WORD: return choice_schema(schema, key->choices);
    case SPEC_WORDS:
        return one_of(schema, choice_schema(schema, key->choices),
                      list_of(schema, choice_schema(schema, key->choices), 0, key->max), NULL);
    case SPEC_TEXTS: return one_of(schema, any_scalar(schema), list_of(schema, any_scalar(schema), 0, key->max), NULL);
    case SPEC_INPUTS:
        return one_of(schema, of_type(schema, "string"), list_of(schema, of_type(schema, "string"), 1, key->max), NULL);
    case SPEC_COMMAND:
        return one_of(schema, of_type(schema, "string"), list_of(schema, any_scalar(schema), 1, key->max), NULL);
    case SPEC_WHERE: return where_schema(schema, key);
    case SPEC_DELIMITER: return with_pattern(schema, "^([^\"\\r\\n]|tab)$");
    case SPEC_DURATION: return with_pattern(schema, "^[0-9]+(ms|s|m|h|d)$");
    case SPEC_LIMIT: return limit_schema(schema);
    case SPEC_QUOTA: return with_pattern(schema, "^([0-9]+/[0-9]+(ms|s|m|h)|none)$");
    case SPEC_REFERENCE: return reference_schema(schema, key);
    case SPEC_TEXT:
    case SPEC_PATH:
    case SPEC_INPUT:
    case SPEC_ROSTER: return of_type(schema, "string");
    }
    return NULL;
}

/* The default as the value that it is to an editor. */
static json_t *default_value(const struct spec_key *key)
{
    switch (key->type) {
    case SPEC_INTEGER: return json_integer(strtoll(key->initial, NULL, 10));
    case SPEC_BOOLEAN: return json_boolean(strcmp(key->initial, "true") == 0);
    case SPEC_WORDS: return json_array();
    default: return json_string(key->initial);
    }
}

static json_t *section_schema(struct schema *schema, const char *section, size_t least)
{
    json_t *object = of_type(schema, "object");
    json_t *properties = json_object();
    json_t *required = json_array();

    for (size_t i = 0; i < spec_table_count; i++) {
        const struct spec_key *key = &spec_table[i];
        if (strcmp(key->section, section) != 0)
            continue;
        json_t *value = value_schema(schema, key);
        put(schema, value, "description", json_string(key->help));
        if (key->initial != NULL)
            put(schema, value, "default", default_value(key));
        put(schema, properties, key->name, value);
        if (key->required)
            add(schema, required, json_string(key->name));
    }
    put(schema, object, "properties", properties);
    if (json_array_size(required) > 0)
        put(schema, object, "required", required);
    else
        json_decref(required);
    if (least > 0)
        put(schema, object, "minProperties", json_integer((json_int_t)least));
    put(schema, object, "additionalProperties", json_false());
    return object;
}

/* Text files end with a line break. Takes `text`. */
static char *end_line(char *text)
{
    const size_t length = text == NULL ? 0 : strlen(text);
    char *longer = text == NULL ? NULL : realloc(text, length + 2);

    if (longer == NULL) {
        free(text);
        return NULL;
    }
    memcpy(longer + length, "\n", 2);
    return longer;
}

char *spec_json_schema(void)
{
    struct schema schema = {0};
    json_t *object = json_object();
    char *text = NULL;

    put(&schema, object, "$schema", json_string("http://json-schema.org/draft-07/schema#"));
    put(&schema, object, "title", json_string("rollcall job spec"));
    put(&schema, object, "description",
        json_string(
            "Made from the table in lib/spec/spec_table.c; do not edit. Rules between keys: rollcall validate."));
    json_t *root = section_schema(&schema, "", 0);
    if (json_object_update(object, root) != 0)
        schema.failed = true;
    json_decref(root);
    if (!schema.failed)
        text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(4));
    json_decref(object);
    return end_line(text);
}
