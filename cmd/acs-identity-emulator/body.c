#include "body.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MINUTES_LEAST = 60, MINUTES_MOST = 1440, CUSTOM_ID_LONGEST = 256 };

static const struct {
    const char *name;
    unsigned feature;
} known_scopes[] = {{"chat", 0},
                    {"voip", 0},
                    {"chat.join", FEATURE_JOIN_SCOPES},
                    {"chat.join.limited", FEATURE_JOIN_SCOPES},
                    {"voip.join", FEATURE_JOIN_SCOPES}};

enum { SCOPE_COUNT = sizeof known_scopes / sizeof *known_scopes };

/* The texts of wrong types and of broken JSON are not recorded: assumptions in the style of the others. */
static bool wrong_type(struct answer *answer, const char *target, const char *type)
{
    return answer_invalid(answer, FROM_FRONT, target, "%s: The JSON value could not be converted to %s.", target, type);
}

/* Reads an object. NULL with the answer filled otherwise. */
static json_t *read_object(const struct request *request, struct answer *answer)
{
    json_error_t fault;

    json_t *root = json_loadb(request->body, request->body_length, 0, &fault);
    if (root == NULL) {
        answer_invalid(answer, FROM_FRONT, NULL, "The request body is not valid JSON: %s (line %d, column %d).",
                       fault.text, fault.line, fault.column);
        return NULL;
    }
    if (!json_is_object(root)) {
        answer_invalid(answer, FROM_FRONT, NULL, "The request body is not a JSON object.");
        json_decref(root);
        return NULL;
    }
    return root;
}

/* A member that is there and not null; NULL otherwise. */
static const json_t *member(const json_t *root, const char *name)
{
    const json_t *value = json_object_get(root, name);

    return json_is_null(value) ? NULL : value;
}

static void add_scope(struct scopes *scopes, const char *name, unsigned features, unsigned *seen)
{
    for (unsigned i = 0; i < SCOPE_COUNT; i++) {
        if (strcmp(known_scopes[i].name, name) != 0)
            continue;
        if ((known_scopes[i].feature & features) != known_scopes[i].feature)
            break;
        if ((*seen & 1U << i) != 0)
            return;
        *seen |= 1U << i;
        const size_t length = strlen(scopes->text);
        snprintf(scopes->text + length, sizeof scopes->text - length, "%s%s", scopes->count > 0 ? "," : "", name);
        scopes->count++;
        return;
    }
    scopes->valid = false;
}

static bool read_scopes(struct scopes *scopes, const json_t *value, unsigned features, const char *target,
                        struct answer *answer)
{
    unsigned seen = 0;
    size_t index;
    const json_t *item;

    *scopes = (struct scopes){.given = value != NULL, .valid = true};
    if (value == NULL)
        return true;
    if (!json_is_array(value))
        return wrong_type(answer, target, "a list of strings");
    json_array_foreach(value, index, item)
    {
        if (!json_is_string(item))
            return wrong_type(answer, target, "a list of strings");
        add_scope(scopes, json_string_value(item), features, &seen);
    }
    return true;
}

/* Before 2022-10-01 the member is unknown, and so ignored. */
static bool read_minutes(int64_t *minutes, const json_t *root, unsigned features, struct answer *answer)
{
    const json_t *value = (features & FEATURE_LIFETIME) != 0 ? member(root, "expiresInMinutes") : NULL;

    *minutes = MINUTES_MOST;
    if (value == NULL)
        return true;
    *minutes = json_integer_value(value);
    if (!json_is_integer(value) || *minutes > INT32_MAX || *minutes < INT32_MIN)
        return wrong_type(answer, "ExpiresInMinutes", "an integer");
    return true;
}

static size_t characters(const char *utf8)
{
    size_t count = 0;

    for (; *utf8 != '\0'; utf8++)
        count += ((unsigned char)*utf8 & 0xc0) != 0x80;
    return count;
}

static bool read_custom_id(const char **custom_id, const json_t *root, unsigned features, struct answer *answer)
{
    const json_t *value = (features & FEATURE_CUSTOM_ID) != 0 ? member(root, "customId") : NULL;

    *custom_id = NULL;
    if (value == NULL)
        return true;
    *custom_id = json_string_value(value);
    if (*custom_id == NULL)
        return wrong_type(answer, "CustomId", "a string");
    if (**custom_id == '\0' || characters(*custom_id) > CUSTOM_ID_LONGEST)
        return answer_invalid(answer, FROM_FRONT, "CustomId",
                              "CustomId: The field CustomId must be a string with a minimum length of 1 and a maximum "
                              "length of %d.",
                              CUSTOM_ID_LONGEST);
    return true;
}

bool create_body_read(struct create_body *body, const struct request *request, const struct version *version,
                      struct answer *answer)
{
    *body = (struct create_body){.scopes.valid = true, .minutes = MINUTES_MOST};
    if (request->body_length == 0)
        return true;
    body->root = read_object(request, answer);
    if (body->root == NULL)
        return false;
    if (read_scopes(&body->scopes, member(body->root, "createTokenWithScopes"), version->features,
                    "CreateTokenWithScopes", answer) &&
        read_minutes(&body->minutes, body->root, version->features, answer) &&
        read_custom_id(&body->custom_id, body->root, version->features, answer))
        return true;
    create_body_clear(body);
    return false;
}

void create_body_clear(struct create_body *body)
{
    json_decref(body->root);
    body->root = NULL;
}

bool issue_body_read(struct issue_body *body, const struct request *request, const struct version *version,
                     struct answer *answer)
{
    if (request->body_length == 0)
        return answer_invalid(answer, FROM_FRONT, NULL, "A non-empty request body is required.");
    json_t *root = read_object(request, answer);
    if (root == NULL)
        return false;
    bool ok = read_scopes(&body->scopes, member(root, "scopes"), version->features, "Scopes", answer) &&
              read_minutes(&body->minutes, root, version->features, answer);
    if (ok && !body->scopes.given)
        ok = answer_invalid(answer, FROM_FRONT, "Scopes", "Scopes: The Scopes field is required.");
    json_decref(root);
    return ok;
}

static bool read_text(const char **text, const json_t *root, const char *name, const char *target, const char *missing,
                      struct answer *answer)
{
    const json_t *value = member(root, name);

    *text = value == NULL ? missing : json_string_value(value);
    return value == NULL || *text != NULL || wrong_type(answer, target, "a string");
}

bool exchange_body_read(struct exchange_body *body, const struct request *request, struct answer *answer)
{
    *body = (struct exchange_body){.app_id = "", .user_id = ""};
    if (request->body_length == 0)
        return true;
    body->root = read_object(request, answer);
    if (body->root == NULL)
        return false;
    if (read_text(&body->token, body->root, "token", "Token", NULL, answer) &&
        read_text(&body->app_id, body->root, "appId", "AppId", "", answer) &&
        read_text(&body->user_id, body->root, "userId", "UserId", "", answer))
        return true;
    exchange_body_clear(body);
    return false;
}

void exchange_body_clear(struct exchange_body *body)
{
    json_decref(body->root);
    body->root = NULL;
}

/* The answer to a scope that does not exist is not recorded: an assumption. */
bool scopes_check(const struct scopes *scopes, struct answer *answer)
{
    if (scopes->valid)
        return true;
    return answer_invalid(answer, FROM_CONTROLLER, "scopes", "Invalid scopes - Provided scopes are not supported.");
}

bool minutes_check(int64_t minutes, struct answer *answer)
{
    if (minutes >= MINUTES_LEAST && minutes <= MINUTES_MOST)
        return true;
    return answer_invalid(answer, FROM_CONTROLLER, "ExpiresInMinutes",
                          "ExpiresInMinutes value %" PRId64 " is invalid. Value must be within the [%d, %d] interval.",
                          minutes, MINUTES_LEAST, MINUTES_MOST);
}
