#include "output/json_out.h"

enum { TEXT_CAP = 1024 * 1024 * 1024 };

json_t *json_out_text(const char *text)
{
    return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

static void lose(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

void json_out_member(json_t **object, const char *name, json_t *value)
{
    if (json_object_set_new(*object, name, value) != 0)
        lose(object);
}

void json_out_item(json_t **array, json_t *value)
{
    if (json_array_append_new(*array, value) != 0)
        lose(array);
}

static int append(const char *bytes, size_t length, void *context)
{
    struct buffer *buffer = context;

    buffer_append(buffer, bytes, length);
    return buffer_failed(buffer) ? -1 : 0;
}

bool json_out_append(struct buffer *buffer, json_t *value, size_t flags, struct error *error)
{
    const bool ok = value != NULL && json_dump_callback(value, append, buffer, flags) == 0;

    json_decref(value);
    if (buffer_failed(buffer))
        return buffer_error(buffer, "a JSON text", error);
    return ok ? true : error_no_memory(error);
}

bool json_out_print(FILE *stream, json_t *value, size_t flags, struct error *error)
{
    struct buffer text;

    buffer_init(&text, TEXT_CAP);
    bool ok = json_out_append(&text, value, flags, error);
    if (ok && (fwrite(text.data, 1, text.length, stream) != text.length || fputc('\n', stream) == EOF))
        ok = error_errno(error, "cannot write to standard output");
    buffer_clear(&text);
    return ok;
}
