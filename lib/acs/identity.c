#include "acs/acs.h"

#include <string.h>

static bool is_lower_hex(char character)
{
    return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'f');
}

/* 'x' is a lower-case hexadecimal digit, all else stands for itself [REC 02, 03]. */
static bool is_of_form(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx_xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    /* The NUL of a shorter text matches nothing in the form but its end. */
    for (size_t i = 0; i < sizeof form; i++)
        if (form[i] == 'x' ? !is_lower_hex(text[i]) : text[i] != form[i])
            return false;
    return true;
}

bool acs_identity_is_valid(const char *id)
{
    static const char *const clouds[] = {"8:acs:", "8:dod-acs:", "8:gcch-acs:"};

    for (size_t i = 0; i < sizeof clouds / sizeof *clouds; i++)
        if (strncmp(id, clouds[i], strlen(clouds[i])) == 0)
            return is_of_form(id + strlen(clouds[i]));
    return false;
}
