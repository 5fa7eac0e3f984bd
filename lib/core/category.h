/* category.h - where a user stands in the join of roster and ledger (design, section 2). */
#ifndef ROLLCALL_CORE_CATEGORY_H
#define ROLLCALL_CORE_CATEGORY_H

enum category {
    CATEGORY_ADDED,
    CATEGORY_CHANGED,
    CATEGORY_EXPIRING,
    CATEGORY_UNCHANGED,
    CATEGORY_REMOVED,
    CATEGORY_LOST,
    CATEGORY_MOVED,
};

enum { CATEGORY_COUNT = 7 };

/* "added", "changed", "expiring", "unchanged", "removed", "lost", "moved": the words of the spec, the ledger and the
 * messages.
 */
const char *category_name(enum category category);

#endif
