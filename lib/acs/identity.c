#include "acs/acs.h"

#include <string.h>

static bool is_lower_hex(char character)
{
    return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'f');
}

/* The form is the rule: 'x' is a lower-case hexadecimal digit, all else stands for itself [REC 02, 03]. */
bool acs_identity_is_valid(const char *id)
{
    static const char form[] = "8:acs:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx_xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    _Static_assert(sizeof form == ACS_IDENTITY_LENGTH + 1, "the form and the length say the same");

    /* The NUL of a shorter id matches nothing in the form but its end. */
    for (size_t i = 0; i < sizeof form; i++)
        if (form[i] == 'x' ? !is_lower_hex(id[i]) : id[i] != form[i])
            return false;
    return true;
}
