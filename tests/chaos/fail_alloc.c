/* fail_alloc.c - preloaded, it lets an allocation fail; for allocations.py.
 *
 * ROLLCALL_FAIL_ALLOC=n   the n-th allocation since main() began fails
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
#include <execinfo.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>

typedef int main_function(int argc, char **argv, char **environment);

static atomic_bool in_main;
static thread_local bool in_glibc; /* where it ends the program by itself */
static atomic_ulong count;
static unsigned long fail_at; /* 0: never */
static bool and_after;
static const char *skip; /* "": none */
static const char *only; /* "": all */
static atomic_bool has_failed;
static main_function *real_main;

/* Who asked for the first one that failed: a line for each caller, the innermost first. */
static void write_trace(void)
{
    void *callers[32];
    Dl_info info;
    const char *path = getenv("ROLLCALL_TRACE_ALLOC");
    const int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    const int length = backtrace(callers, sizeof callers / sizeof *callers);
    for (int i = 0; i < length; i++)
        if (dladdr(callers[i], &info) != 0)
            dprintf(fd, "%s %s +0x%zx\n", info.dli_fname, info.dli_sname != NULL ? info.dli_sname : "",
                    (size_t)((char *)callers[i] - (char *)info.dli_fbase));
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
    snprintf(name, sizeof name, "%s", slash != NULL ? slash + 1 : info.dli_fname);
    name[strcspn(name, ".")] = '\0';
    return strstr(libraries, name) != NULL;
}

/* The caller of malloc() may be a function that the program has lent to the library: then it is the caller's caller. */
static bool is_called_by(const char *libraries, const void *caller)
{
    void *callers[8];

    const int length = backtrace(callers, sizeof callers / sizeof *callers);
    for (int i = 0; i < length; i++)
        if (callers[i] == caller)
            return is_in(libraries, caller) || (i + 1 < length && is_in(libraries, callers[i + 1]));
    return is_in(libraries, caller);
}

static bool is_left_out(const void *caller)
{
    return (skip[0] != '\0' && is_called_by(skip, caller)) || (only[0] != '\0' && !is_called_by(only, caller));
}

static bool fails(const void *caller)
{
    if (!atomic_load(&in_main) || in_glibc || is_left_out(caller))
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
#define NEXT(name)                 \
    static __typeof__(&name) next; \
    find_next((void **)&next, #name)

void *malloc(size_t size)
{
    NEXT(malloc);
    return fails(__builtin_return_address(0)) ? NULL : next(size);
}

void *calloc(size_t number, size_t size)
{
    NEXT(calloc);
    return fails(__builtin_return_address(0)) ? NULL : next(number, size);
}

void *realloc(void *old, size_t size)
{
    NEXT(realloc);
    return fails(__builtin_return_address(0)) ? NULL : next(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    NEXT(aligned_alloc);
    return fails(__builtin_return_address(0)) ? NULL : next(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    NEXT(posix_memalign);
    return fails(__builtin_return_address(0)) ? ENOMEM : next(memory, alignment, size);
}

/* Without memory for its list of services glibc does not return from here: it fails an assertion, or crashes. */
struct passwd *getpwuid(uid_t user)
{
    NEXT(getpwuid);
    in_glibc = true;
    struct passwd *found = next(user);
    in_glibc = false;
    return found;
}

static void write_count(void)
{
    const char *path = getenv("ROLLCALL_COUNT_ALLOC");

    atomic_store(&in_main, false);
    const int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return;
    dprintf(fd, "%lu\n", atomic_load(&count));
    close(fd);
}

static const char *libraries_of(const char *variable)
{
    const char *value = getenv(variable);

    return value != NULL ? value : "";
}

static int counted_main(int argc, char **argv, char **environment)
{
    const char *at = getenv("ROLLCALL_FAIL_ALLOC");

    if (at != NULL) {
        char *end;
        fail_at = strtoul(at, &end, 10);
        and_after = *end == '+';
    }
    skip = libraries_of("ROLLCALL_FAIL_ALLOC_SKIP");
    only = libraries_of("ROLLCALL_FAIL_ALLOC_ONLY");
    backtrace(&(void *){NULL}, 1); /* the first time it allocates */
    atexit(write_count);
    atomic_store(&in_main, true);
    return real_main(argc, argv, environment);
}

/* What runs before main() is the loader's; see glibc's sysdeps/generic/libc-start.h for the arguments. */
int __libc_start_main(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

int __libc_start_main(main_function *program, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void *stack_end)
{
    NEXT(__libc_start_main);
    real_main = program;
    return next(counted_main, argc, argv, init, fini, loader_fini, stack_end);
}
