/* form.h - name=value pairs, of queries and of forms. */
#ifndef EMULATOR_FORM_H
#define EMULATOR_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* Undoes percent-encoding; a percent sign that encodes nothing stands for itself. False when there is no room, or a NUL
 * is encoded. */
bool percent_decode(const char *text, size_t length, bool plus_is_space, char *decoded, size_t size);

/* The value of a name, decoded and malloc'd; NULL where it does not stand. */
char *form_value(const char *text, size_t length, const char *name);

#endif
