#define _GNU_SOURCE
#include "include/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <link.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(int value) { return value < 0 ? -errno : value; }

static int resource(enum hasup_limit limit) {
    switch (limit) {
    case HASUP_LIMIT_LOCKED_MEMORY: return RLIMIT_MEMLOCK;
    case HASUP_LIMIT_REALTIME_PRIORITY: return RLIMIT_RTPRIO;
    case HASUP_LIMIT_REALTIME_TIME: return RLIMIT_RTTIME;
    case HASUP_LIMIT_CORE: return RLIMIT_CORE;
    case HASUP_LIMIT_DESCRIPTORS: return RLIMIT_NOFILE;
    case HASUP_LIMIT_PROCESSES: return RLIMIT_NPROC;
    }
    return -1;
}

static rlim_t amount(uint64_t value) { return value == UINT64_MAX ? RLIM_INFINITY : (rlim_t)value; }

int hasup_limit_set(enum hasup_limit limit, uint64_t soft, uint64_t hard) {
    struct rlimit both = {.rlim_cur = amount(soft), .rlim_max = amount(hard)};
    return result(setrlimit(resource(limit), &both));
}

int hasup_limit_get(enum hasup_limit limit, uint64_t *soft, uint64_t *hard) {
    struct rlimit both;
    if (getrlimit(resource(limit), &both) < 0) return -errno;
    *soft = both.rlim_cur == RLIM_INFINITY ? UINT64_MAX : both.rlim_cur;
    *hard = both.rlim_max == RLIM_INFINITY ? UINT64_MAX : both.rlim_max;
    return 0;
}

int hasup_users_get(uint32_t users[3]) { return result(getresuid(&users[0], &users[1], &users[2])); }
int hasup_groups_get(uint32_t groups[3]) { return result(getresgid(&groups[0], &groups[1], &groups[2])); }
int hasup_supplementary_groups(void) { return result(getgroups(0, NULL)); }
int hasup_supplementary_groups_clear(void) { return result(setgroups(0, NULL)); }

int hasup_scheduling_policy(void) {
    int policy = sched_getscheduler(0);
    return policy < 0 ? -errno : policy & ~SCHED_RESET_ON_FORK;
}

int hasup_scheduling_priority(void) {
    struct sched_param parameter;
    return sched_getparam(0, &parameter) < 0 ? -errno : parameter.sched_priority;
}

// The numbers are the same on all architectures; headers may be older than the kernel (linux/landlock.h).
enum { LANDLOCK_CREATE = 444, LANDLOCK_ADD = 445, LANDLOCK_RESTRICT = 446 };
enum { LANDLOCK_VERSION = 1, LANDLOCK_PATH_BENEATH = 1 };

struct landlock_rights {
    uint64_t files;
    uint64_t ports;
    uint64_t scopes;
};

struct landlock_path {
    uint64_t files;
    int32_t descriptor;
} __attribute__((packed));

int hasup_landlock_abi(void) { return result((int)syscall(LANDLOCK_CREATE, NULL, 0, LANDLOCK_VERSION)); }

int hasup_landlock_create(uint64_t files, uint64_t ports, uint64_t scopes) {
    // An older kernel takes a longer structure when what it doesn't know is 0.
    struct landlock_rights rights = {.files = files, .ports = ports, .scopes = scopes};
    return result((int)syscall(LANDLOCK_CREATE, &rights, sizeof rights, 0));
}

int hasup_landlock_allow(int rules, int path_descriptor, uint64_t files) {
    struct landlock_path path = {.files = files, .descriptor = path_descriptor};
    return result((int)syscall(LANDLOCK_ADD, rules, LANDLOCK_PATH_BENEATH, &path, 0));
}

int hasup_landlock_restrict(int rules) { return result((int)syscall(LANDLOCK_RESTRICT, rules, 0)); }

static int find_interpreter(struct dl_phdr_info *info, size_t size, void *found) {
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_INTERP) *(const char **)found = (const char *)(info->dlpi_addr + header->p_vaddr);
    }
    // The first object is the program itself; no other one counts.
    return 1;
}

const char *hasup_interpreter(void) {
    const char *path = NULL;
    dl_iterate_phdr(find_interpreter, &path);
    return path;
}
