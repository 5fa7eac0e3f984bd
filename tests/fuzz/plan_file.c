/* Saved plans: whatever stands in the file, it is refused in one line or gives options that can be used. */
#include "fuzz.h"

#include "run/plan_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spec spec = {.path = (char *)(uintptr_t) "/dev/null"};
    struct plan_options options = {0};
    struct error error = {0};
    char path[64];
    const int fd = fuzz_file(data, size);

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct plan_file *file = plan_file_read(path, &spec, &options, &error);
    if (file == NULL) {
        MUST(error.code == ERROR_INPUT && fuzz_is_line(error.message) && fuzz_is_line(error.hint));
        MUST(!fuzz_repeats(error.message, (const char *)data, size));
    } else {
        for (size_t i = 0; options.only != NULL && i < options.only->count; i++)
            MUST(utf8_valid_length(options.only->items[i], strlen(options.only->items[i])) ==
                 strlen(options.only->items[i]));
    }
    plan_file_free(file);
    close(fd);
    return 0;
}
