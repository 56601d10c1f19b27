/* A file layer that can forget: it stands between a program and its files and keeps, for each file under
 * POWERCUT_DIR, the bytes that each write replaced since the last fsync or fdatasync of that file; and for each folder
 * there, the names that were given, changed or taken away since the last fsync of the folder. A test kills the program
 * and then puts (all or some of) that back: what is left is what a power cut could have left.
 *
 * Loaded with LD_PRELOAD. The records go to POWERCUT_LOG. Bytes: one file per inode, INODE.undo,
 *     u64 offset, u64 length of the old bytes, u64 file size before, old bytes        (native byte order)
 * Names: one line each in the file "names", its fields behind tabs,
 *     created PATH | renamed FROM TO KEPT | removed PATH KEPT | synced FOLDER
 * where KEPT is a second name, in POWERCUT_LOG, of the file whose name was taken away, or "-".
 * Invariant: a record is in its log before what it undoes reaches the file, and a log of bytes is emptied only after the
 * sync of its file returned. With POWERCUT_IGNORE_SYNC set, syncs change nothing: a disk that lies, on which a program
 * must lose what it acknowledged.
 *
 * Not its concern: removed folders, and files written through mmap, which SQLite uses only for its rebuildable -shm. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *directory, *log_directory;
static int ignore_sync;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_renameat2)(int, const char *, int, const char *, unsigned int);
static int (*real_unlinkat)(int, const char *, int);
static int (*real_mkdirat)(int, const char *, mode_t);

__attribute__((constructor)) static void start(void) {
    directory = getenv("POWERCUT_DIR");
    log_directory = getenv("POWERCUT_LOG");
    ignore_sync = getenv("POWERCUT_IGNORE_SYNC") != NULL;
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_openat = dlsym(RTLD_NEXT, "openat64");
    real_renameat2 = dlsym(RTLD_NEXT, "renameat2");
    real_unlinkat = dlsym(RTLD_NEXT, "unlinkat");
    real_mkdirat = dlsym(RTLD_NEXT, "mkdirat");
}

static int real_open(const char *name, int flags, mode_t mode) { return real_openat(AT_FDCWD, name, flags, mode); }

static int is_below(const char *path) {
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* The path of an open file; whether it is one of ours. */
static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return is_below(path);
}

/* The path of a name in a folder that exists; whether it is one of ours. */
static int path_in(int folder, const char *name, char *path) {
    char joined[2 * PATH_MAX], parent[PATH_MAX];
    if (!directory || !log_directory) return 0;
    size_t length = 0;
    if (name[0] != '/') {
        char link[64] = "/proc/self/cwd";
        if (folder != AT_FDCWD) snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t linked = readlink(link, joined, PATH_MAX);
        if (linked <= 0) return 0;
        length = (size_t)linked;
        joined[length++] = '/';
    }
    snprintf(joined + length, PATH_MAX, "%s", name);
    for (length = strlen(joined); length > 1 && joined[length - 1] == '/'; length--) joined[length - 1] = 0;
    char *last = strrchr(joined, '/');
    *last++ = 0;
    if (!realpath(joined[0] ? joined : "/", parent)) return 0;
    if (snprintf(path, PATH_MAX, "%s/%s", parent, last) >= PATH_MAX) abort();
    return is_below(path);
}

/* Appends a record; aborts rather than lose one: a test that silently remembers less would prove less. */
static void append(const char *log, const void *record, size_t length) {
    int out = real_open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0 || real_write(out, record, length) != (ssize_t)length) abort();
    close(out);
}

static void note(const char *format, ...) {
    char line[4 * PATH_MAX], log[PATH_MAX];
    va_list fields;
    va_start(fields, format);
    int length = vsnprintf(line, sizeof line, format, fields);
    va_end(fields);
    if (length < 0 || (size_t)length >= sizeof line) abort();
    snprintf(log, sizeof log, "%s/names", log_directory);
    append(log, line, (size_t)length);
}

/* Gives the file of a name that will be taken away a second name, by which a cut finds it; "-" when there is none. */
static void keep(const char *path, char *kept) {
    static unsigned count;
    snprintf(kept, PATH_MAX, "%s/kept-%d-%u", log_directory, (int)getpid(), count++);
    if (link(path, kept) == 0) return;
    if (errno != ENOENT) abort();
    strcpy(kept, "-");
}

/* The path of the log of fd's inode, or 0 when the file is not one of ours. */
static int log_of(int fd, char *log, struct stat *info) {
    char path[PATH_MAX];
    if (!directory || !log_directory || fstat(fd, info) || !S_ISREG(info->st_mode) || !path_of(fd, path)) return 0;
    size_t length = strlen(path);
    if (length > 4 && strcmp(path + length - 4, "-shm") == 0) return 0;
    snprintf(log, PATH_MAX, "%s/%llu.undo", log_directory, (unsigned long long)info->st_ino);
    return 1;
}

/* Remembers what bytes [offset, offset + length) of fd hold now. */
static void remember(int fd, off_t offset, size_t length) {
    char path[PATH_MAX];
    struct stat info;
    if (!log_of(fd, path, &info)) return;
    size_t old = 0;
    if (offset < info.st_size) {
        old = (size_t)(info.st_size - offset);
        if (old > length) old = length;
    }
    uint64_t head[3] = {(uint64_t)offset, old, (uint64_t)info.st_size};
    char *record = malloc(sizeof head + old);
    if (!record) abort();
    memcpy(record, head, sizeof head);
    if (old) {
        /* The program may have opened the file for writing only. */
        char self[64];
        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        int in = real_open(self, O_RDONLY | O_CLOEXEC, 0);
        if (in < 0 || pread(in, record + sizeof head, old, offset) != (ssize_t)old) abort();
        close(in);
    }
    append(path, record, sizeof head + old);
    free(record);
}

static int forget_after(int result, int fd) {
    char path[PATH_MAX];
    struct stat info = {0};
    if (result != 0 || ignore_sync || !directory || !log_directory) return result;
    if (log_of(fd, path, &info)) truncate(path, 0);
    else if (S_ISDIR(info.st_mode) && path_of(fd, path)) note("synced\t%s\n", path);
    return result;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    struct stat info;
    char path[PATH_MAX];
    if (!directory) return real_write(fd, bytes, length);
    pthread_mutex_lock(&lock);
    if (log_of(fd, path, &info)) {
        int flags = fcntl(fd, F_GETFL);
        off_t at = (flags & O_APPEND) ? info.st_size : lseek(fd, 0, SEEK_CUR);
        remember(fd, at, length);
    }
    ssize_t result = real_write(fd, bytes, length);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    pthread_mutex_lock(&lock);
    remember(fd, offset, length);
    ssize_t result = real_pwrite(fd, bytes, length, offset);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

int ftruncate64(int fd, off_t size) {
    struct stat info;
    char path[PATH_MAX];
    pthread_mutex_lock(&lock);
    if (log_of(fd, path, &info)) {
        remember(fd, size, info.st_size > size ? (size_t)(info.st_size - size) : 0);
    }
    int result = real_ftruncate(fd, size);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fsync(int fd) {
    pthread_mutex_lock(&lock);
    int result = forget_after(real_fsync(fd), fd);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

int fdatasync(int fd) {
    pthread_mutex_lock(&lock);
    int result = forget_after(real_fdatasync(fd), fd);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

static int opened(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    pthread_mutex_lock(&lock);
    if ((flags & (O_CREAT | O_TRUNC)) && path_in(folder, name, path)) {
        struct stat info;
        if (stat(path, &info) != 0) {
            if (flags & O_CREAT) note("created\t%s\n", path);
        } else if (flags & O_TRUNC) {
            int fd = real_open(path, O_RDONLY | O_CLOEXEC, 0);
            if (fd < 0) abort();
            remember(fd, 0, (size_t)info.st_size);
            close(fd);
        }
    }
    int result = real_openat(folder, name, flags, mode);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

/* The mode is given only with the flags that make a file. */
#define OPEN(folder)                                        \
    mode_t mode = 0;                                        \
    if (flags & (O_CREAT | O_TMPFILE)) {                    \
        va_list rest;                                       \
        va_start(rest, flags);                              \
        mode = va_arg(rest, mode_t);                        \
        va_end(rest);                                       \
    }                                                       \
    return opened(folder, name, flags, mode)

int open64(const char *name, int flags, ...) { OPEN(AT_FDCWD); }
int open(const char *name, int flags, ...) { OPEN(AT_FDCWD); }
int openat64(int folder, const char *name, int flags, ...) { OPEN(folder); }
int openat(int folder, const char *name, int flags, ...) { OPEN(folder); }

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned int flags) {
    char from_path[PATH_MAX], to_path[PATH_MAX], kept[PATH_MAX];
    pthread_mutex_lock(&lock);
    if (path_in(from_folder, from, from_path) && path_in(to_folder, to, to_path)) {
        keep(to_path, kept);
        note("renamed\t%s\t%s\t%s\n", from_path, to_path, kept);
    }
    int result = real_renameat2(from_folder, from, to_folder, to, flags);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return renameat2(from_folder, from, to_folder, to, 0);
}

int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int folder, const char *name, int flags) {
    char path[PATH_MAX], kept[PATH_MAX];
    pthread_mutex_lock(&lock);
    if (!(flags & AT_REMOVEDIR) && path_in(folder, name, path)) {
        keep(path, kept);
        note("removed\t%s\t%s\n", path, kept);
    }
    int result = real_unlinkat(folder, name, flags);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }

int mkdirat(int folder, const char *name, mode_t mode) {
    char path[PATH_MAX];
    pthread_mutex_lock(&lock);
    if (path_in(folder, name, path) && access(path, F_OK) != 0) note("created\t%s\n", path);
    int result = real_mkdirat(folder, name, mode);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }
