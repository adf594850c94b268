// Sealed memory files and the few shared words that two processes look at.
#ifndef HASUP_MEMORY_H
#define HASUP_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/// A memory file that can be sealed, close-on-exec.
int hasup_memfd_create(const char *name);
/// Seals that keep the size: what is mapped can't become SIGBUS.
int hasup_memfd_seal_size(int fd);
/// Seals that keep size and content.
int hasup_memfd_seal_content(int fd);
/// Returns 1 if the size is sealed, whatever else is, or 0.
int hasup_memfd_is_size_sealed(int fd);
/// Returns 1 if size and content are sealed, or 0.
int hasup_memfd_is_sealed(int fd);

/// Keeps large blocks apart from small ones for good, so that what a burst needed goes back to the kernel when it is
/// freed (mallopt(3)). Call it first.
void hasup_configure_malloc(void);

/// Lets go of the code pages of the program and its libraries, of free memory and of the unused part of the main
/// thread's stack. Code that is still needed comes back by itself, page by page; what only the start needed doesn't.
/// Pages that are locked stay.
void hasup_release_code(void);

/// Has the kernel read the code of the program and its libraries from the disk, as far as it isn't in memory, and
/// doesn't wait for it.
void hasup_fetch_code(void);

/// Maps the code of the program and its libraries, so that none of its pages has to be faulted in (MADV_POPULATE_READ).
void hasup_map_code(void);

/// Nanoseconds or generation numbers in shared memory: whole, in order, and never torn.
static inline int64_t hasup_atomic_load(const int64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline void hasup_atomic_store(int64_t *word, int64_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

enum {
    /// Bytes of a slot, and what of it is the record's.
    HASUP_SLOT_SIZE = 256,
    HASUP_SLOT_PAYLOAD = 232,
};

/// Writes a record into a slot: it counts only from the last store on, so that a writer that is killed in between
/// leaves a slot that is taken for empty. At most HASUP_SLOT_PAYLOAD bytes.
void hasup_slot_write(int64_t *slot, int64_t sequence, uint32_t record, const void *payload, uint32_t length);
/// Copies a slot's record: its length, or -1 for a slot that holds none or half of one.
int hasup_slot_read(const int64_t *slot, int64_t *sequence, uint32_t *record, void *payload);
/// Empties a slot.
void hasup_slot_clear(int64_t *slot);

#endif
