/* What the user may have meant. */
#include "spec/spec_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_WORD = 40, MOST_SLIPS = 2 };

static size_t smaller(size_t left, size_t right)
{
    return left < right ? left : right;
}

static bool same_letter(char left, char right)
{
    return tolower((unsigned char)left) == tolower((unsigned char)right);
}

/* Damerau and Levenshtein's distance, with swaps of neighbours only; both words are at most LONGEST_WORD long. */
static size_t distance(const char *left, size_t left_length, const char *right, size_t right_length)
{
    size_t cost[LONGEST_WORD + 1][LONGEST_WORD + 1];

    for (size_t i = 0; i <= left_length; i++)
        cost[i][0] = i;
    for (size_t j = 0; j <= right_length; j++)
        cost[0][j] = j;
    for (size_t i = 1; i <= left_length; i++) {
        for (size_t j = 1; j <= right_length; j++) {
            const bool same = same_letter(left[i - 1], right[j - 1]);
            cost[i][j] = smaller(cost[i - 1][j - 1] + (same ? 0 : 1), smaller(cost[i - 1][j], cost[i][j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(left[i - 1], right[j - 2]) && same_letter(left[i - 2], right[j - 1]))
                cost[i][j] = smaller(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    }
    return cost[left_length][right_length];
}

bool spec_near_miss(const char *word, const char *candidate, size_t *slips)
{
    const size_t word_length = strlen(word);
    const size_t length = strlen(candidate);

    if (word_length > LONGEST_WORD || length > LONGEST_WORD)
        return false;
    *slips = distance(word, word_length, candidate, length);
    return *slips <= MOST_SLIPS && *slips * 2 < length;
}

static void append(char *text, size_t size, const char *more)
{
    const size_t length = strlen(text);

    snprintf(text + length, size - length, "%s", more);
}

/* "a, b or c", one word at a time. */
static void append_word(char *text, size_t size, const char *word, bool first, bool last)
{
    if (!first)
        append(text, size, last ? " or " : ", ");
    append(text, size, word);
}

void spec_append_choices(const struct spec_choice *choices, char *text, size_t size)
{
    for (size_t i = 0; choices[i].word != NULL; i++)
        append_word(text, size, choices[i].word, i == 0, choices[i + 1].word == NULL);
}

const char *spec_suggest_choice(const struct spec_choice *choices, const char *word, char hint[SPEC_HINT_SIZE])
{
    const char *nearest = NULL;
    size_t fewest = MOST_SLIPS + 1;
    size_t slips;

    for (size_t i = 0; choices[i].word != NULL; i++) {
        if (spec_near_miss(word, choices[i].word, &slips) && slips < fewest) {
            nearest = choices[i].word;
            fewest = slips;
        }
    }
    hint[0] = '\0';
    if (nearest != NULL) {
        snprintf(hint, SPEC_HINT_SIZE, "did you mean \"%s\"?", nearest);
        return hint;
    }
    append(hint, SPEC_HINT_SIZE, "write ");
    spec_append_choices(choices, hint, SPEC_HINT_SIZE);
    return hint;
}

static const char *nearest_key(const char *section, const char *name)
{
    const char *nearest = NULL;
    size_t fewest = MOST_SLIPS + 1;
    size_t slips;

    for (size_t i = 0; i < spec_table_count; i++) {
        const struct spec_key *key = &spec_table[i];
        if (strcmp(key->section, section) == 0 && spec_near_miss(name, key->name, &slips) && slips < fewest) {
            nearest = key->name;
            fewest = slips;
        }
    }
    return nearest;
}

/* "watch" belongs under roster. False where no section has such a key. */
static bool belongs_elsewhere(const char *name, char hint[SPEC_HINT_SIZE])
{
    size_t homes = 0;
    size_t written = 0;

    for (size_t i = 0; i < spec_table_count; i++)
        homes += strcmp(spec_table[i].name, name) == 0 ? 1 : 0;
    if (homes == 0)
        return false;
    snprintf(hint, SPEC_HINT_SIZE, "\"%s\" belongs ", name);
    for (size_t i = 0; i < spec_table_count; i++) {
        if (strcmp(spec_table[i].name, name) != 0)
            continue;
        const bool top = spec_table[i].section[0] == '\0';
        written++;
        append_word(hint, SPEC_HINT_SIZE, top ? "to the top of the file" : "under ", written == 1, written == homes);
        append(hint, SPEC_HINT_SIZE, spec_table[i].section);
    }
    return true;
}

const char *spec_suggest_key(const char *section, const char *name, char hint[SPEC_HINT_SIZE])
{
    const char *nearest = nearest_key(section, name);

    if (belongs_elsewhere(name, hint))
        return hint;
    if (nearest != NULL) {
        snprintf(hint, SPEC_HINT_SIZE, "did you mean \"%s\"?", nearest);
        return hint;
    }
    size_t last = 0;
    bool first = true;
    for (size_t i = 0; i < spec_table_count; i++)
        if (strcmp(spec_table[i].section, section) == 0)
            last = i;
    snprintf(hint, SPEC_HINT_SIZE, "remove it, or use one of ");
    for (size_t i = 0; i <= last; i++) {
        if (strcmp(spec_table[i].section, section) != 0)
            continue;
        append_word(hint, SPEC_HINT_SIZE, spec_table[i].name, first, i == last);
        first = false;
    }
    return hint;
}

bool spec_names_resources(const struct spec *spec)
{
    return spec->resources[0].name[0] != '\0';
}

const char *spec_resource_place(const struct spec_resource *resource, char place[SPEC_RESOURCE_PLACE_SIZE])
{
    const bool named = resource->name[0] != '\0';

    snprintf(place, SPEC_RESOURCE_PLACE_SIZE, "resource%s%s", named ? "s." : "", resource->name);
    return place;
}

size_t spec_find_resource(const struct spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->resource_count; i++)
        if (strcmp(spec->resources[i].name, name) == 0)
            return i;
    return SPEC_NO_RESOURCE;
}

const char *spec_suggest_resource(const struct spec *spec, const char *name, char hint[SPEC_SUGGESTION_SIZE])
{
    struct spec_choice names[SPEC_RESOURCES_MAX + 1] = {0};

    for (size_t i = 0; i < spec->resource_count; i++)
        names[i].word = spec->resources[i].name;
    return spec_suggest_choice(names, name, hint);
}
