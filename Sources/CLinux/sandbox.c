#define _GNU_SOURCE
#include "include/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

static int result(int value) { return value < 0 ? -errno : value; }

static int resource(enum hasup_limit limit) {
    switch (limit) {
    case HASUP_LIMIT_LOCKED_MEMORY: return RLIMIT_MEMLOCK;
    case HASUP_LIMIT_REALTIME_PRIORITY: return RLIMIT_RTPRIO;
    case HASUP_LIMIT_REALTIME_TIME: return RLIMIT_RTTIME;
    }
    return -1;
}

int hasup_limit_set(enum hasup_limit limit, uint64_t value) {
    rlim_t wanted = value == UINT64_MAX ? RLIM_INFINITY : (rlim_t)value;
    struct rlimit both = {.rlim_cur = wanted, .rlim_max = wanted};
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
