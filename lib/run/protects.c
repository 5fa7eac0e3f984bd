#include "run/protects.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct protect_name {
    const char *text; /* of the entry, without the blanks around it */
    size_t length;
    size_t entry;
};

static void trim(const char **text, size_t *length)
{
    static const char blanks[] = " \t\r\n";

    while (*length > 0 && strchr(blanks, (*text)[0]) != NULL)
        (*text)++, (*length)--;
    while (*length > 0 && strchr(blanks, (*text)[*length - 1]) != NULL)
        (*length)--;
}

static void add(struct protects *protects, const char *text, size_t length, size_t entry)
{
    trim(&text, &length);
    if (length > 0)
        protects->names[protects->count++] = (struct protect_name){text, length, entry};
}

/* The text as a whole, and what stands between its commas. */
static void add_entry(struct protects *protects, size_t entry)
{
    const char *text = protects->entries->items[entry];

    add(protects, text, strlen(text), entry);
    if (strchr(text, ',') == NULL)
        return;
    for (; text != NULL; text = strchr(text, ',')) {
        text += *text == ',';
        add(protects, text, strcspn(text, ","), entry);
    }
}

static size_t most_names(const struct text_list *entries)
{
    size_t most = 1;

    for (size_t i = 0; i < entries->count; i++) {
        most += 2;
        for (const char *text = entries->items[i]; (text = strchr(text, ',')) != NULL; text++)
            most++;
    }
    return most;
}

bool protects_init(struct protects *protects, const struct text_list *entries, struct error *error)
{
    *protects = (struct protects){.entries = entries};
    protects->names = calloc(most_names(entries), sizeof *protects->names);
    protects->found = calloc(entries->count + 1, sizeof *protects->found);
    if (protects->names == NULL || protects->found == NULL)
        return error_no_memory(error);
    for (size_t i = 0; i < entries->count; i++)
        add_entry(protects, i);
    return true;
}

void protects_clear(struct protects *protects)
{
    free(protects->names);
    free(protects->found);
    *protects = (struct protects){0};
}

bool protects_has(const struct protects *protects, const char *key, size_t length)
{
    bool has = false;

    if (protects->count == 0)
        return false;
    trim(&key, &length);
    for (size_t i = 0; i < protects->count; i++) {
        const struct protect_name *name = &protects->names[i];
        if (name->length != length || strncasecmp(name->text, key, length) != 0)
            continue;
        atomic_store_explicit(&protects->found[name->entry], true, memory_order_relaxed);
        has = true;
    }
    return has;
}

size_t protects_unknown(const struct protects *protects, const char **first)
{
    size_t count = 0;

    for (size_t i = protects->entries->count; i-- > 0;) {
        if (protects->found[i])
            continue;
        *first = protects->entries->items[i];
        count++;
    }
    return count;
}
