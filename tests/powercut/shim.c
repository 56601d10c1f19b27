/* A file layer that can forget: it stands between a program and its files and keeps, for each file under
 * POWERCUT_DIR, the bytes that each write replaced since the last fsync or fdatasync of that file. A test kills the
 * program and then puts (all or some of) those bytes back: what is left is what a power cut could have left.
 *
 * Loaded with LD_PRELOAD. The records go to POWERCUT_LOG, one file per inode:
 *     u64 offset, u64 length of the old bytes, u64 file size before, old bytes        (native byte order)
 * Invariant: a record is in its log before the write that it undoes reaches the file, and a log is emptied only after
 * the sync of its file returned. With POWERCUT_IGNORE_SYNC set, syncs change nothing: the control, in which a program
 * must lose what it acknowledged.
 *
 * Not its concern: directory entries (a created file stays, empty), and files written through mmap, which SQLite
 * uses only for its rebuildable -shm. */
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
static int (*real_open)(const char *, int, ...);
static int (*real_unlink)(const char *);

__attribute__((constructor)) static void start(void) {
    directory = getenv("POWERCUT_DIR");
    log_directory = getenv("POWERCUT_LOG");
    ignore_sync = getenv("POWERCUT_IGNORE_SYNC") != NULL;
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_open = dlsym(RTLD_NEXT, "open64");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
}

/* The path of the log of fd's inode, or 0 when the file is not one of ours. */
static int log_of(int fd, char *path, struct stat *info) {
    char link[64], name[PATH_MAX];
    if (!directory || !log_directory || fstat(fd, info) || !S_ISREG(info->st_mode)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length <= 0) return 0;
    name[length] = 0;
    if (strncmp(name, directory, strlen(directory)) != 0) return 0;
    if (length > 4 && strcmp(name + length - 4, "-shm") == 0) return 0;
    snprintf(path, PATH_MAX, "%s/%llu.undo", log_directory, (unsigned long long)info->st_ino);
    char target[PATH_MAX];
    snprintf(target, sizeof target, "%s/%llu.path", log_directory, (unsigned long long)info->st_ino);
    if (access(target, F_OK)) {
        int out = real_open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (out >= 0) {
            if (real_write(out, name, (size_t)length) != length) abort();
            close(out);
        }
    }
    return 1;
}

/* Remembers what bytes [offset, offset + length) of fd hold now. Aborts rather than lose a record: a test that
 * silently remembers less would prove less. */
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
        int in = real_open(self, O_RDONLY | O_CLOEXEC);
        if (in < 0 || pread(in, record + sizeof head, old, offset) != (ssize_t)old) abort();
        close(in);
    }
    int out = real_open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0 || real_write(out, record, sizeof head + old) != (ssize_t)(sizeof head + old)) abort();
    close(out);
    free(record);
}

static int forget_after(int result, int fd) {
    char path[PATH_MAX];
    struct stat info;
    if (result == 0 && !ignore_sync && log_of(fd, path, &info)) truncate(path, 0);
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

/* A deleted file takes its records along: its inode may be given to another file. */
int unlink(const char *name) {
    char log[PATH_MAX], path[PATH_MAX + 8];
    struct stat info;
    pthread_mutex_lock(&lock);
    int fd = directory ? real_open(name, O_RDONLY | O_CLOEXEC) : -1;
    int ours = fd >= 0 && log_of(fd, log, &info);
    if (fd >= 0) close(fd);
    int result = real_unlink(name);
    int saved = errno;
    if (result == 0 && ours && info.st_nlink == 1) {
        real_unlink(log);
        snprintf(path, sizeof path, "%.*s.path", (int)(strlen(log) - strlen(".undo")), log);
        real_unlink(path);
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}
