#define _GNU_SOURCE
#include "include/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

struct file {
    struct file *next;
    uint64_t number;
    char *path;
    uint32_t uid, gid;
    int error, count;
    uint32_t groups[];
};

struct list {
    struct file *first, **end;
};

struct hasup_opener {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct list waiting, done;
    int descriptor, threads, waiting_count;
    uint32_t uid, gid;
};

static void append(struct list *list, struct file *file) {
    file->next = NULL;
    *list->end = file;
    list->end = &file->next;
}

static struct file *take(struct list *list) {
    struct file *file = list->first;
    if (!file) return NULL;
    list->first = file->next;
    if (!list->first) list->end = &list->first;
    return file;
}

struct hasup_opener *hasup_opener_create(void) {
    struct hasup_opener *opener = calloc(1, sizeof *opener);
    if (!opener) return NULL;
    opener->waiting.end = &opener->waiting.first;
    opener->done.end = &opener->done.first;
    opener->uid = geteuid();
    opener->gid = getegid();
    opener->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (opener->descriptor < 0) {
        free(opener);
        return NULL;
    }
    pthread_mutex_init(&opener->lock, NULL);
    pthread_cond_init(&opener->arrived, NULL);
    return opener;
}

int hasup_opener_descriptor(const struct hasup_opener *opener) { return opener->descriptor; }

/* The file system's ids and the groups belong to the thread (credentials(7)); the C library's setgroups would change them
   for all threads. Where the ids can't be had, the file isn't opened. */
static int become(const struct file *file) {
    if (syscall(SYS_setgroups, file->count, file->groups) < 0) return errno;
    setfsgid(file->gid);
    setfsuid(file->uid);
    // They return the ids of before, which -1 doesn't change.
    return (uint32_t)setfsuid((uid_t)-1) == file->uid && (uint32_t)setfsgid((gid_t)-1) == file->gid ? 0 : EPERM;
}

static int open_as(const struct hasup_opener *opener, const struct file *file) {
    int is_other = file->uid != opener->uid || file->gid != opener->gid || file->count > 0;
    int error = is_other ? become(file) : 0;
    if (!error) {
        int descriptor = open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (descriptor < 0) error = errno;
        else close(descriptor);
    }
    if (is_other) {
        setfsuid(opener->uid);
        setfsgid(opener->gid);
        (void)syscall(SYS_setgroups, 0, NULL);
    }
    return error;
}

static void *work(void *context) {
    struct hasup_opener *opener = context;
    pthread_mutex_lock(&opener->lock);
    for (;;) {
        while (!opener->waiting.first) pthread_cond_wait(&opener->arrived, &opener->lock);
        struct file *file = take(&opener->waiting);
        opener->waiting_count--;
        pthread_mutex_unlock(&opener->lock);
        file->error = open_as(opener, file);
        pthread_mutex_lock(&opener->lock);
        append(&opener->done, file);
        (void)eventfd_write(opener->descriptor, 1);
    }
    return NULL;
}

static int add_thread(struct hasup_opener *opener) {
    sigset_t all, before;
    pthread_t thread;
    pthread_attr_t attributes;
    sigfillset(&all);
    int error = pthread_attr_init(&attributes);
    if (error) return -error;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, work, opener);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error) return -error;
    opener->threads++;
    return 0;
}

int hasup_opener_open(
    struct hasup_opener *opener, uint64_t number, const char *path, uint32_t uid, uint32_t gid, const uint32_t *groups,
    int count) {
    if (opener->threads == 0) {
        int error = add_thread(opener);
        if (error < 0) return error;
    }
    struct file *file = malloc(sizeof *file + (size_t)count * sizeof *groups);
    if (file) file->path = strdup(path);
    if (!file || !file->path) {
        free(file);
        return -ENOMEM;
    }
    file->number = number;
    file->uid = uid;
    file->gid = gid;
    file->count = count;
    if (count > 0) memcpy(file->groups, groups, (size_t)count * sizeof *groups);
    pthread_mutex_lock(&opener->lock);
    append(&opener->waiting, file);
    opener->waiting_count++;
    pthread_cond_signal(&opener->arrived);
    pthread_mutex_unlock(&opener->lock);
    return 0;
}

int hasup_opener_help(struct hasup_opener *opener) {
    pthread_mutex_lock(&opener->lock);
    int count = opener->waiting_count;
    pthread_mutex_unlock(&opener->lock);
    if (count > 0 && opener->threads < HASUP_OPENER_THREADS_MAX) (void)add_thread(opener);
    return count;
}

int hasup_opener_take(struct hasup_opener *opener, uint64_t *number, int *error) {
    eventfd_t ignored;
    pthread_mutex_lock(&opener->lock);
    struct file *file = take(&opener->done);
    if (!file) (void)eventfd_read(opener->descriptor, &ignored);
    pthread_mutex_unlock(&opener->lock);
    if (!file) return 0;
    *number = file->number;
    *error = file->error;
    free(file->path);
    free(file);
    return 1;
}
