/* fail_alloc.c - preloaded, it lets an allocation fail; for allocations.py.
 *
 * ROLLCALL_FAIL_ALLOC=n   the n-th allocation since the libraries were loaded fails
 * ROLLCALL_FAIL_ALLOC=n+  so do all that follow
 * ROLLCALL_COUNT_ALLOC=F  at the end the number of allocations is written to the file F
 * ROLLCALL_TRACE_ALLOC=F  the callers of the one that failed first are written to the file F
 *
 * ROLLCALL_FAIL_ALLOC_SKIP="libone libtwo"   what these libraries allocate neither counts nor fails
 * ROLLCALL_FAIL_ALLOC_ONLY="libone"          nor does what others than these allocate
 *
 * strdup() and the like allocate with malloc(), and so fail with it. What the libraries allocate counts as well.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

static atomic_bool counts;
static atomic_ulong count;
static unsigned long fail_at; /* 0: never */
static bool and_after;
static char skip[64]; /* " libone libtwo "; "": none */
static char only[64]; /* likewise; "": all */
static atomic_bool has_failed;

struct callers {
    void *of[32]; /* the innermost first */
    int count;
    int most;
};

static _Unwind_Reason_Code take_caller(struct _Unwind_Context *context, void *argument)
{
    struct callers *callers = argument;

    if (callers->count == callers->most)
        return _URC_END_OF_STACK;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): libgcc has it as a number */
    callers->of[callers->count++] = (void *)_Unwind_GetIP(context);
    return _URC_NO_REASON;
}

/* Who asked for the first one that failed: a line for each caller, the innermost first. */
static void write_trace(void)
{
    struct callers callers = {.most = 32};
    Dl_info info;
    const char *path = getenv("ROLLCALL_TRACE_ALLOC");
    const int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    _Unwind_Backtrace(take_caller, &callers);
    for (int i = 0; i < callers.count; i++)
        if (dladdr(callers.of[i], &info) != 0)
            dprintf(fd, "%s %s +0x%zx\n", info.dli_fname, info.dli_sname != NULL ? info.dli_sname : "",
                    (size_t)((char *)callers.of[i] - (char *)info.dli_fbase));
    close(fd);
}

static bool fail(void)
{
    if (!atomic_exchange(&has_failed, true))
        write_trace();
    errno = ENOMEM;
    return true;
}

/* Whether the code at this address belongs to one of the libraries. */
static bool is_in(const char *libraries, const void *address)
{
    Dl_info info;
    char name[64];

    if (dladdr(address, &info) == 0)
        return false;
    const char *slash = strrchr(info.dli_fname, '/');
    const char *base = slash != NULL ? slash + 1 : info.dli_fname;
    snprintf(name, sizeof name, " %.*s ", (int)strcspn(base, "."), base);
    return strstr(libraries, name) != NULL;
}

/* The caller of malloc() may be a function that the program has lent to the library: then it is the caller's caller. */
static bool is_called_by(const char *libraries, const void *caller)
{
    struct callers callers = {.most = 8};

    _Unwind_Backtrace(take_caller, &callers);
    for (int i = 0; i < callers.count; i++)
        if (callers.of[i] == caller)
            return is_in(libraries, caller) || (i + 1 < callers.count && is_in(libraries, callers.of[i + 1]));
    return is_in(libraries, caller);
}

static bool is_left_out(const void *caller)
{
    return (skip[0] != '\0' && is_called_by(skip, caller)) || (only[0] != '\0' && !is_called_by(only, caller));
}

static bool fails(const void *caller)
{
    if (!atomic_load(&counts) || is_left_out(caller))
        return false;
    const unsigned long now = atomic_fetch_add(&count, 1) + 1;
    return fail_at != 0 && (now == fail_at || (and_after && now > fail_at)) && fail();
}

/* ISO C knows no way from dlsym()'s object pointer to a function: this is that of POSIX. */
static void find_next(void **function, const char *name)
{
    if (*function == NULL)
        *function = dlsym(RTLD_NEXT, name);
}

/* `next` is the function behind this one: the C library's, a sanitizer's or valgrind's. */
#define NEXT(name)                   \
    static __typeof__(&(name)) next; \
    find_next((void **)&next, #name)

void *malloc(size_t size)
{
    NEXT(malloc);
    return fails(__builtin_return_address(0)) ? NULL : next(size);
}

void *calloc(size_t nmemb, size_t size)
{
    NEXT(calloc);
    return fails(__builtin_return_address(0)) ? NULL : next(nmemb, size);
}

void *realloc(void *ptr, size_t size)
{
    NEXT(realloc);
    return fails(__builtin_return_address(0)) ? NULL : next(ptr, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    NEXT(aligned_alloc);
    return fails(__builtin_return_address(0)) ? NULL : next(alignment, size);
}

int posix_memalign(void **memptr, size_t alignment, size_t size)
{
    NEXT(posix_memalign);
    return fails(__builtin_return_address(0)) ? ENOMEM : next(memptr, alignment, size);
}

static void read_libraries(char libraries[64], const char *variable)
{
    const char *value = getenv(variable);

    if (value != NULL && *value != '\0')
        snprintf(libraries, 64, " %s ", value);
}

/* What is preloaded is set up as the last library, and taken down as the first. */
__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("ROLLCALL_FAIL_ALLOC");

    if (at != NULL) {
        char *end;
        fail_at = strtoul(at, &end, 10);
        and_after = *end == '+';
    }
    read_libraries(skip, "ROLLCALL_FAIL_ALLOC_SKIP");
    read_libraries(only, "ROLLCALL_FAIL_ALLOC_ONLY");
    /* The first time it reads the list of name services, and glibc does not come back when it has no memory for that:
     * one allocation crashes it, another fails an assertion. */
    getpwuid(0);
    atomic_store(&counts, true);
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("ROLLCALL_COUNT_ALLOC");

    atomic_store(&counts, false);
    const int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return;
    dprintf(fd, "%lu\n", atomic_load(&count));
    close(fd);
}
