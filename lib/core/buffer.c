#include "core/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char empty[1] = "";

void buffer_init(struct buffer *buffer, size_t cap)
{
    *buffer = (struct buffer){.data = empty, .cap = cap};
}

void buffer_clear(struct buffer *buffer)
{
    if (buffer->capacity > 0)
        free(buffer->data);
    buffer_init(buffer, buffer->cap);
}

void buffer_wipe(struct buffer *buffer)
{
    if (buffer->capacity > 0)
        explicit_bzero(buffer->data, buffer->capacity);
    buffer_clear(buffer);
}

void buffer_reset(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failure = BUFFER_OK;
    if (buffer->capacity > 0)
        buffer->data[0] = '\0';
}

bool buffer_failed(const struct buffer *buffer)
{
    return buffer->failure != BUFFER_OK;
}

bool buffer_error(const struct buffer *buffer, const char *what, struct error *error)
{
    if (buffer->failure == BUFFER_OVER_CAP)
        return error_set(error, ERROR_INPUT, "%s is larger than %zu bytes", what, buffer->cap);
    return error_no_memory(error);
}

/* Growing copies by hand instead of with realloc(), which may leave an unwiped copy of a secret behind. */
static bool grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity;

    while (capacity < needed)
        capacity *= 2;
    char *data = malloc(capacity);
    if (data == NULL) {
        buffer->failure = BUFFER_NO_MEMORY;
        return false;
    }
    memcpy(data, buffer->data, buffer->length + 1);
    if (buffer->capacity > 0) {
        explicit_bzero(buffer->data, buffer->capacity);
        free(buffer->data);
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

char *buffer_reserve(struct buffer *buffer, size_t length)
{
    if (buffer->failure != BUFFER_OK)
        return NULL;
    if (length > buffer->cap - buffer->length) {
        buffer->failure = BUFFER_OVER_CAP;
        return NULL;
    }
    if (buffer->length + length + 1 > buffer->capacity && !grow(buffer, buffer->length + length + 1))
        return NULL;
    return buffer->data + buffer->length;
}

void buffer_commit(struct buffer *buffer, size_t length)
{
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    char *room = buffer_reserve(buffer, length);

    if (room == NULL || length == 0)
        return;
    memcpy(room, bytes, length);
    buffer_commit(buffer, length);
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_append_char(struct buffer *buffer, char character)
{
    buffer_append(buffer, &character, 1);
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length <= 0)
        return;
    char *room = buffer_reserve(buffer, (size_t)length);
    if (room == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(room, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer_commit(buffer, (size_t)length);
}
