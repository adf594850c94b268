// Limits and identities of the calling process, as numbers.
#ifndef HASUP_SANDBOX_H
#define HASUP_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

enum hasup_limit {
    HASUP_LIMIT_LOCKED_MEMORY,
    HASUP_LIMIT_REALTIME_PRIORITY,
    HASUP_LIMIT_REALTIME_TIME,
    HASUP_LIMIT_CORE,
    HASUP_LIMIT_DESCRIPTORS,
    HASUP_LIMIT_PROCESSES,
};

/// setrlimit(2), soft and hard; UINT64_MAX is infinity.
int hasup_limit_set(enum hasup_limit limit, uint64_t soft, uint64_t hard);
/// getrlimit(2): the soft and the hard limit.
int hasup_limit_get(enum hasup_limit limit, uint64_t *soft, uint64_t *hard);

/// Real, effective and saved user and group.
int hasup_users_get(uint32_t users[3]);
int hasup_groups_get(uint32_t groups[3]);
/// Number of supplementary groups.
int hasup_supplementary_groups(void);
/// Leaves all supplementary groups.
int hasup_supplementary_groups_clear(void);

/// The scheduling policy of the calling thread, without SCHED_RESET_ON_FORK.
int hasup_scheduling_policy(void);
/// The realtime priority of the calling thread.
int hasup_scheduling_priority(void);

/// The version of Landlock that this kernel has (landlock(7)), -errno when it has none or it is switched off.
int hasup_landlock_abi(void);
/// A set of rules that handles these rights on files (LANDLOCK_ACCESS_FS_*) and TCP ports (LANDLOCK_ACCESS_NET_*) and
/// confines these ways out (LANDLOCK_SCOPE_*): a descriptor, close-on-exec. What the kernel doesn't know must be 0.
int hasup_landlock_create(uint64_t files, uint64_t ports, uint64_t scopes);
/// Allows these rights on a file, or on a folder and what is below it.
int hasup_landlock_allow(int rules, int path_descriptor, uint64_t files);
/// Puts the rules in force for the calling thread, for good. It needs no_new_privs or CAP_SYS_ADMIN.
int hasup_landlock_restrict(int rules);

/// The path of the program that loads this one's libraries (PT_INTERP); NULL for a static one. It lives as long as the
/// process.
const char *hasup_interpreter(void);

#endif
