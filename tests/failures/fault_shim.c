/* Faults put between the program and the system, for LD_PRELOAD. By environment variables:
 *
 *   FAULT        what happens: full (no space left), broken_write, broken_sync, broken_read,
 *                broken_open, broken_stat, short (reads and writes of half the bytes), slow_read,
 *                wrong_eigenvalues, endless_solver
 *   FAULT_ERRNO  which error a broken call ends with (default: 5, an I/O error)
 *   FAULT_FILE   only files whose path has this in it
 *   FAULT_AFTER  so many calls are left alone first (default 0)
 *   FAULT_TIMES  so many calls fail then (default: all)
 *   FAULT_RANK   only on this rank (default: on all)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_here(void) {
    const char *wanted = getenv("FAULT_RANK");
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    return wanted == NULL || (rank != NULL && strcmp(wanted, rank) == 0);
}

static int is_asked(const char *kind) {
    const char *fault = getenv("FAULT");
    return fault != NULL && strcmp(fault, kind) == 0 && is_here();
}

static int is_file(int descriptor) {
    const char *part = getenv("FAULT_FILE");
    char link[64];
    char path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length < 0 || part == NULL) {
        return 0;
    }
    path[length] = '\0';
    return strstr(path, part) != NULL;
}

static int broken_with(void) {
    const char *number = getenv("FAULT_ERRNO");
    return number != NULL ? atoi(number) : EIO;
}

static int is_due(void) {
    static atomic_int calls;
    const char *after = getenv("FAULT_AFTER");
    const char *times = getenv("FAULT_TIMES");
    const int call = atomic_fetch_add(&calls, 1) - (after != NULL ? atoi(after) : 0);
    return call >= 0 && (times == NULL || call < atoi(times));
}

/* Whether this call is to fail, and with which error. */
static int write_fault(int descriptor) {
    const int reason = is_asked("full") ? ENOSPC : is_asked("broken_write") ? broken_with() : 0;
    return reason != 0 && is_file(descriptor) && is_due() ? reason : 0;
}

static size_t shortened(int descriptor, size_t size) {
    return size > 1 && is_asked("short") && is_file(descriptor) ? size / 2 : size;
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
    if ((errno = write_fault(descriptor)) != 0) {
        return -1;
    }
    return REAL(write)(descriptor, bytes, shortened(descriptor, size));
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t offset) {
    if ((errno = write_fault(descriptor)) != 0) {
        return -1;
    }
    return REAL(pwrite)(descriptor, bytes, shortened(descriptor, size), offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t offset) {
    return pwrite(descriptor, bytes, size, offset);
}

int fsync(int descriptor) {
    if (is_asked("broken_sync") && is_file(descriptor) && is_due()) {
        errno = EIO;
        return -1;
    }
    return REAL(fsync)(descriptor);
}

ssize_t pread(int descriptor, void *bytes, size_t size, off_t offset) {
    if (is_asked("broken_read") && is_file(descriptor) && is_due()) {
        errno = broken_with();
        return -1;
    }
    if (is_asked("slow_read") && is_file(descriptor)) {
        usleep(50000);
    }
    return REAL(pread)(descriptor, bytes, shortened(descriptor, size), offset);
}

ssize_t pread64(int descriptor, void *bytes, size_t size, off64_t offset) {
    return pread(descriptor, bytes, size, offset);
}

/* Whether what is done to a path is to fail. */
static int path_fault(const char *kind, const char *path) {
    const char *part = getenv("FAULT_FILE");
    if (path == NULL || part == NULL || strstr(path, part) == NULL || !is_asked(kind) || !is_due()) {
        return 0;
    }
    errno = broken_with();
    return 1;
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    return path_fault("broken_open", path) ? -1 : REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    return path_fault("broken_open", path) ? -1 : REAL(open64)(path, flags, mode);
}

int stat(const char *path, struct stat *status) {
    return path_fault("broken_stat", path) ? -1 : REAL(stat)(path, status);
}

int stat64(const char *path, struct stat64 *status) {
    return path_fault("broken_stat", path) ? -1 : REAL(stat64)(path, status);
}

int lstat(const char *path, struct stat *status) {
    return path_fault("broken_stat", path) ? -1 : REAL(lstat)(path, status);
}

/* LAPACK: eigenvalues of a tridiagonal matrix, where the program's own solver ends. */
void dsterf_(const int *n, double *d, double *e, int *info) {
    ((void (*)(const int *, double *, double *, int *))dlsym(RTLD_NEXT, "dsterf_"))(n, d, e, info);
    if (is_asked("endless_solver") && is_due()) {
        for (;;) {
            sleep(1000); /* a signal wakes it */
        }
    }
    if (*n > 0 && is_asked("wrong_eigenvalues") && is_due()) {
        d[0] = NAN;
    }
}
