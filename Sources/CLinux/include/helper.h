// A child process that opens and reads files for us, because a file system may never answer. It executes nothing.
#ifndef HASUP_HELPER_H
#define HASUP_HELPER_H

#include <stdint.h>

/// What a helper is to do with a path.
enum hasup_file_task {
    /// Open it for reading and close it again.
    HASUP_FILE_OPENS = 1,
    /// Watch all that decides which file it is, then read its first bytes.
    HASUP_FILE_READS = 2,
    /// Before that, write the number into a file that isn't there.
    HASUP_FILE_CREATES = 3,
    /// Before that, write the number, whether the file is there or not.
    HASUP_FILE_OVERWRITES = 4,
};

/// Starts a helper, which ends when its socket is closed, or with us; `inotify` may be -1 for one that only opens. Returns
/// our end of the socket.
int hasup_file_helper_start(int inotify, int *pid);
/// Gives it something to do, one after the other: `number` is what is written, `mode` that of a file that is made for it.
int hasup_file_helper_ask(int socket, enum hasup_file_task task, const char *path, int32_t number, uint32_t mode);

/// Supplementary groups that a file is opened with at most.
enum { HASUP_FILE_GROUPS_MAX = 64 };

/// Lets it open a file as another user.
int hasup_file_helper_open(
    int socket, const char *path, uint32_t uid, uint32_t gid, const uint32_t *groups, uint32_t count);

/// The memory of an answer.
struct hasup_file_answer;
struct hasup_file_answer *hasup_file_answer_create(void);
void hasup_file_answer_destroy(struct hasup_file_answer *answer);
/// Takes an answer: 1, 0 when there is none yet, or -errno; -EPIPE when the helper is gone.
int hasup_file_helper_answer(int socket, struct hasup_file_answer *answer);

/// What became of a file. Errors are error numbers, or 0.
struct hasup_file_outcome {
    /// The reason that it can't be opened or read.
    int32_t error;
    /// The reason that the number, if it was to be, couldn't be written.
    int32_t write_error;
    /// The reason that some change may not be told.
    int32_t watch_error;
    /// Whether its file system doesn't tell of all changes: it is the kernel's own, or other machines write there.
    uint8_t is_silent;
    /// Number of its first bytes that were read.
    uint8_t length;
    /// Number of folders, links and files that are watched for it.
    uint32_t place_count;
};

struct hasup_file_outcome hasup_file_outcome(const struct hasup_file_answer *answer);
const uint8_t *hasup_file_bytes(const struct hasup_file_answer *answer);
/// The watch of a place, and the name of the folder's entry that matters; an empty one for the file itself.
int hasup_file_place(const struct hasup_file_answer *answer, uint32_t place, const char **name);

/// An inotify descriptor for what helpers watch.
int hasup_file_watch_open(void);
/// Ends a watch.
void hasup_file_watch_remove(int inotify, int watch);

/// The memory of events of it.
struct hasup_file_events;
struct hasup_file_events *hasup_file_events_create(void);
void hasup_file_events_destroy(struct hasup_file_events *events);
/// Takes events that have happened, without waiting: their number, or -errno. A descriptor that has more stays readable.
int hasup_file_events_read(int inotify, struct hasup_file_events *events);
/// The watch of an event, -1 when events were lost, and the name of the folder's entry; an empty one for the folder or the
/// file itself.
int hasup_file_event(const struct hasup_file_events *events, int index, const char **name);

#endif
