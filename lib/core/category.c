#include "core/category.h"

static const char *const names[CATEGORY_COUNT] = {
    [CATEGORY_ADDED] = "added",         [CATEGORY_CHANGED] = "changed", [CATEGORY_EXPIRING] = "expiring",
    [CATEGORY_UNCHANGED] = "unchanged", [CATEGORY_REMOVED] = "removed", [CATEGORY_LOST] = "lost",
    [CATEGORY_MOVED] = "moved",
};

const char *category_name(enum category category)
{
    return names[category];
}
