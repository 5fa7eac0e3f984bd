/* json_out.h - JSON that is made in a straight line, and written whole or not at all.
 *
 * When memory runs out jansson answers NULL or -1 while a value is made; while it is written, 2.14 may leave a piece
 * out and say nothing. Here the first failure leaves NULL in place of the value, which is found once, where it is
 * written.
 */
#ifndef ROLLCALL_OUTPUT_JSON_OUT_H
#define ROLLCALL_OUTPUT_JSON_OUT_H

#include "core/buffer.h"
#include "core/error.h"

#include <jansson.h>
#include <stdio.h>

/* A string; null for NULL and "". */
json_t *json_out_text(const char *text);
/* Puts a member into *object, or an item at the end of *array; `value` is taken. */
void json_out_member(json_t **object, const char *name, json_t *value);
void json_out_item(json_t **array, json_t *value);

/* Appends the value's text (flags: jansson's JSON_COMPACT and the like), and takes the value. */
bool json_out_append(struct buffer *buffer, json_t *value, size_t flags, struct error *error);
/* Writes it and a line end to the stream, which is standard output. */
bool json_out_print(FILE *stream, json_t *value, size_t flags, struct error *error);

#endif
