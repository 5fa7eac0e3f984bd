/* The script is a list; each item is a rule:
 *
 *     - operation: create          # issue, revoke, delete, exchange; any of these (default); token, managed_identity
 *       nth: [3, 7]                # these occurrences of the operation, and
 *       from: 10                   # not before this one,
 *       until: 200                 # not after this one,
 *       share: 10%                 # of those that are left
 *       fault: close_after         # a word of faults.c; or in its place
 *       status: 503                #   an error, with
 *       body: html                 #     json (default), html or none
 *       code: Denied               #     the word, or for token the number, that stands in it
 *       retry_after: 2             #     in seconds
 *       clock: -20m                # the Date header is off, with the right answer or that of status
 *       acts: true                 # whether it is done all the same
 *       seconds: 5                 # of what takes time
 */
#include "duration.h"
#include "faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum {
    RULES_MAX = 1000,
    ANY_OPERATION = 1 << OPERATION_CREATE | 1 << OPERATION_ISSUE | 1 << OPERATION_REVOKE | 1 << OPERATION_DELETE |
                    1 << OPERATION_EXCHANGE,
};

struct script {
    const char *path;
    yaml_document_t document;
    struct error *error;

    /* Of the rule that is being read. */
    struct fault_rule *rule;
    unsigned kinds; /* how often its fault was named */
    bool has_status;
    bool has_clock;
    bool has_answer_keys; /* body, code, retry_after */
    bool has_seconds;
    bool has_acts;
};

static bool complain(struct script *script, const yaml_node_t *node, const char *format, ...) PRINTF_LIKE(3, 4);

static bool complain(struct script *script, const yaml_node_t *node, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(script->error, ERROR_INPUT, "%s:%zu: %s", script->path, node->start_mark.line + 1, text);
}

/* The text of a scalar; NULL for lists and maps. */
static const char *text_of(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* The same for a message: "" for what is no word, as it could do anything to a terminal. */
static const char *shown(const yaml_node_t *node)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    const char *text = text_of(node);

    return text != NULL && text[strspn(text, letters)] == '\0' && strlen(text) <= 64 ? text : "";
}

static bool is_text(const yaml_node_t *node, const char *text)
{
    return text_of(node) != NULL && strcmp(text_of(node), text) == 0;
}

static bool take_number(struct script *script, const yaml_node_t *node, uint64_t least, uint64_t most, uint64_t *number)
{
    const char *text = text_of(node);
    char *end;

    if (text != NULL && text[0] >= '0' && text[0] <= '9') {
        *number = strtoull(text, &end, 10);
        if (*end == '\0' && *number >= least && *number <= most)
            return true;
    }
    return complain(script, node, "this must be a whole number from %llu to %llu", (unsigned long long)least,
                    (unsigned long long)most);
}

/* --- one function for each key --- */

static bool take_operation(struct script *script, const yaml_node_t *value)
{
    static const enum operation those[] = {OPERATION_CREATE,          OPERATION_ISSUE,    OPERATION_REVOKE,
                                           OPERATION_DELETE,          OPERATION_EXCHANGE, OPERATION_TOKEN,
                                           OPERATION_MANAGED_IDENTITY};

    if (is_text(value, "any"))
        return true; /* as without it */
    for (size_t i = 0; i < sizeof those / sizeof *those; i++) {
        if (is_text(value, operation_name(those[i]))) {
            script->rule->operations = 1U << those[i];
            return true;
        }
    }
    return complain(script, value,
                    "operation must be one of: create, issue, revoke, delete, exchange, any, token, managed_identity");
}

static bool take_nth(struct script *script, const yaml_node_t *value)
{
    struct fault_rule *rule = script->rule;

    if (value->type != YAML_SEQUENCE_NODE) {
        rule->nth_count = 1;
        return take_number(script, value, 1, UINT32_MAX, &rule->nth[0]);
    }
    for (yaml_node_item_t *item = value->data.sequence.items.start; item < value->data.sequence.items.top; item++) {
        if (rule->nth_count == FAULT_NTH_MAX)
            return complain(script, value, "nth takes %d numbers at most", FAULT_NTH_MAX);
        if (!take_number(script, yaml_document_get_node(&script->document, *item), 1, UINT32_MAX,
                         &rule->nth[rule->nth_count++]))
            return false;
    }
    return rule->nth_count > 0 || complain(script, value, "nth is empty");
}

static bool take_from(struct script *script, const yaml_node_t *value)
{
    return take_number(script, value, 1, UINT32_MAX, &script->rule->from);
}

static bool take_until(struct script *script, const yaml_node_t *value)
{
    return take_number(script, value, 1, UINT32_MAX, &script->rule->until);
}

static bool take_share(struct script *script, const yaml_node_t *value)
{
    const char *text = text_of(value);
    char *end;

    if (text != NULL && text[0] >= '0' && text[0] <= '9') {
        const double percent = strtod(text, &end);
        script->rule->share = percent / 100;
        if (strcmp(end, "%") == 0 && percent > 0 && percent <= 100)
            return true;
    }
    return complain(script, value, "share must be more than 0%% and at most 100%%, such as 10%%");
}

static bool take_fault(struct script *script, const yaml_node_t *value)
{
    for (int kind = 0; kind < FAULT_COUNT; kind++) {
        if (!is_text(value, fault_name((enum fault_kind)kind)) || kind == FAULT_STATUS || kind == FAULT_CLOCK)
            continue;
        script->rule->fault.kind = (enum fault_kind)kind;
        script->kinds++;
        return true;
    }
    return complain(script, value, "there is no fault \"%s\"", shown(value));
}

static bool take_status(struct script *script, const yaml_node_t *value)
{
    uint64_t status = 0;

    if (!take_number(script, value, 400, 599, &status))
        return false;
    script->rule->fault.kind = FAULT_STATUS;
    script->rule->fault.status = (unsigned)status;
    script->has_status = true;
    script->kinds++;
    return true;
}

static bool take_body(struct script *script, const yaml_node_t *value)
{
    static const char *const words[] = {
        [FAULT_BODY_JSON] = "json", [FAULT_BODY_HTML] = "html", [FAULT_BODY_NONE] = "none"};

    script->has_answer_keys = true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (is_text(value, words[i])) {
            script->rule->fault.body = (enum fault_body)i;
            return true;
        }
    }
    return complain(script, value, "body must be one of: json, html, none");
}

static bool take_code(struct script *script, const yaml_node_t *value)
{
    const char *text = text_of(value);
    char *code = script->rule->fault.code;

    script->has_answer_keys = true;
    if (text == NULL || text[0] == '\0' || strlen(text) >= sizeof script->rule->fault.code)
        return complain(script, value, "code must be a word of at most %zu letters",
                        sizeof script->rule->fault.code - 1);
    memcpy(code, text, strlen(text) + 1);
    return true;
}

static bool take_acts(struct script *script, const yaml_node_t *value)
{
    script->has_acts = true;
    script->rule->fault.acts = is_text(value, "true");
    return is_text(value, "true") || is_text(value, "false") || complain(script, value, "acts must be true or false");
}

static bool take_retry_after(struct script *script, const yaml_node_t *value)
{
    uint64_t seconds = 0;

    script->has_answer_keys = true;
    if (!take_number(script, value, 0, 86400, &seconds))
        return false;
    script->rule->fault.retry_after_s = (int)seconds;
    return true;
}

static bool take_seconds(struct script *script, const yaml_node_t *value)
{
    const char *text = text_of(value);
    char *end;

    script->has_seconds = true;
    if (text != NULL && text[0] >= '0' && text[0] <= '9') {
        const double seconds = strtod(text, &end);
        if (*end == '\0' && seconds > 0 && seconds <= 3600) {
            script->rule->fault.lasts_us = (int64_t)(seconds * 1e6);
            return true;
        }
    }
    return complain(script, value, "seconds must be more than 0 and at most 3600");
}

static bool take_clock(struct script *script, const yaml_node_t *value)
{
    const char *text = text_of(value);
    int64_t off_us;

    script->has_clock = true;
    if (text == NULL || (text[0] != '-' && text[0] != '+') || !duration_parse(text + 1, strlen(text + 1), &off_us))
        return complain(script, value, "clock must be a sign and a length of time, such as -20m or +90s");
    script->rule->fault.clock_us = text[0] == '-' ? -off_us : off_us;
    return true;
}

static const struct key {
    const char *name;
    bool (*take)(struct script *script, const yaml_node_t *value);
} keys[] = {
    {"operation", take_operation}, {"nth", take_nth},
    {"from", take_from},           {"until", take_until},
    {"share", take_share},         {"fault", take_fault},
    {"status", take_status},       {"body", take_body},
    {"acts", take_acts},           {"retry_after", take_retry_after},
    {"seconds", take_seconds},     {"clock", take_clock},
    {"code", take_code},
};

static bool take_pair(struct script *script, const yaml_node_pair_t *pair)
{
    const yaml_node_t *name = yaml_document_get_node(&script->document, pair->key);
    const yaml_node_t *value = yaml_document_get_node(&script->document, pair->value);

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (is_text(name, keys[i].name))
            return keys[i].take(script, value);
    return complain(script, name, "there is no key \"%s\"", shown(name));
}

/* --- a rule as a whole --- */

static bool is_slow(enum fault_kind kind)
{
    return kind == FAULT_STALL || kind == FAULT_STALL_BODY || kind == FAULT_TRICKLE || fault_is_of_connections(kind);
}

/* Where `acts` may be said: elsewhere it follows from the fault. */
static bool may_act_or_not(enum fault_kind kind)
{
    return kind == FAULT_STATUS || kind == FAULT_HTML || kind == FAULT_REDIRECT || kind == FAULT_STALL ||
           kind == FAULT_RESET_HEADER;
}

static bool check_rule(struct script *script, const yaml_node_t *node)
{
    struct fault_rule *rule = script->rule;
    struct fault *fault = &rule->fault;

    if (script->kinds == 0 && script->has_clock) {
        fault->kind = FAULT_CLOCK;
        script->kinds++;
    }
    if (script->kinds != 1)
        return complain(script, node, "a rule has one fault: fault, status or clock");
    if (script->has_clock && fault->kind != FAULT_CLOCK && !script->has_status)
        return complain(script, node, "clock stands alone or with status");
    if (script->has_answer_keys && !script->has_status)
        return complain(script, node, "body, code and retry_after need status");
    if (script->has_seconds && !is_slow(fault->kind))
        return complain(script, node, "seconds are for stall, stall_body, trickle, refuse and those of TLS");
    if (script->has_acts && !may_act_or_not(fault->kind))
        return complain(script, node, "acts is for status, html, redirect, stall and reset_header");
    if (rule->from > rule->until)
        return complain(script, node, "from is after until");
    if (!script->has_acts)
        fault->acts = fault->kind != FAULT_STATUS && fault->kind != FAULT_REDIRECT &&
                      fault->kind != FAULT_CLOSE_BEFORE && !fault_is_of_connections(fault->kind);
    return true;
}

static bool take_rule(struct script *script, const yaml_node_t *node)
{
    struct script of_rule = {.path = script->path, .document = script->document, .error = script->error};
    struct fault_rule *rule = script->rule;

    *rule = (struct fault_rule){.operations = ANY_OPERATION,
                                .from = 1,
                                .until = UINT64_MAX,
                                .share = 1,
                                .fault = {.retry_after_s = -1, .lasts_us = 30000000}};
    of_rule.rule = rule;
    if (node->type != YAML_MAPPING_NODE)
        return complain(script, node, "a rule is a map, such as { operation: create, nth: 3, fault: close_after }");
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
        if (!take_pair(&of_rule, pair))
            return false;
    return check_rule(&of_rule, node);
}

static bool take_rules(struct script *script, struct faults *faults)
{
    const yaml_node_t *root = yaml_document_get_root_node(&script->document);

    if (root == NULL)
        return error_set(script->error, ERROR_INPUT, "%s:1: the script is empty", script->path);
    if (root->type != YAML_SEQUENCE_NODE)
        return complain(script, root, "the script must be a list of rules");
    const size_t count = (size_t)(root->data.sequence.items.top - root->data.sequence.items.start);
    if (count > RULES_MAX)
        return complain(script, root, "the script has more than %d rules", RULES_MAX);
    faults->rules = calloc(count + 1, sizeof *faults->rules);
    if (faults->rules == NULL)
        return error_no_memory(script->error);
    for (; faults->count < count; faults->count++) {
        script->rule = &faults->rules[faults->count];
        if (!take_rule(script,
                       yaml_document_get_node(&script->document, root->data.sequence.items.start[faults->count])))
            return false;
    }
    return true;
}

bool fault_script_read(struct faults *faults, const char *path, struct error *error)
{
    struct script script = {.path = path, .error = error};
    yaml_parser_t parser;
    bool ok = false;

    FILE *file = fopen(path, "re");
    if (file == NULL) {
        error_errno(error, "cannot read %s", path);
        error->code = ERROR_INPUT;
        return false;
    }
    if (!yaml_parser_initialize(&parser)) {
        fclose(file);
        return error_no_memory(error);
    }
    yaml_parser_set_input_file(&parser, file);
    if (yaml_parser_load(&parser, &script.document)) {
        ok = take_rules(&script, faults);
        yaml_document_delete(&script.document);
    } else {
        error_set(error, ERROR_INPUT, "%s:%zu: %s", path, parser.problem_mark.line + 1,
                  parser.problem == NULL ? "this is not YAML" : parser.problem);
    }
    yaml_parser_delete(&parser);
    fclose(file);
    return ok;
}
