// Limits and identities of the calling process, as numbers.
#ifndef HASUP_SANDBOX_H
#define HASUP_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

enum hasup_limit { HASUP_LIMIT_LOCKED_MEMORY, HASUP_LIMIT_REALTIME_PRIORITY, HASUP_LIMIT_REALTIME_TIME };

/// setrlimit(2), soft and hard; UINT64_MAX is infinity.
int hasup_limit_set(enum hasup_limit limit, uint64_t value);
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

#endif
