#define _GNU_SOURCE
#include "include/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int result(int value) { return value < 0 ? -errno : value; }

int hasup_memfd_create(const char *name) { return result(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)); }

int hasup_memfd_seal_size(int fd) {
    return result(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
}

int hasup_memfd_seal_content(int fd) {
    return result(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
}

int hasup_memfd_is_sealed(int fd) {
    int wanted = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals < 0 ? -errno : (seals & wanted) == wanted;
}

int hasup_memfd_is_size_sealed(int fd) {
    int wanted = F_SEAL_SHRINK | F_SEAL_GROW;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals < 0 ? -errno : (seals & wanted) == wanted;
}

/// Advice about the code of the program and of each of its libraries: nobody else may map libm, whose every page its
/// relocation has touched.
static int advise_on_code(struct dl_phdr_info *object, size_t size, void *advice) {
    (void)size;
    uintptr_t mask = ~(uintptr_t)(sysconf(_SC_PAGESIZE) - 1);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & mask;
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        madvise((void *)start, end - start, *(int *)advice);
    }
    return 0;
}

void hasup_configure_malloc(void) {
    // A fixed threshold: glibc raises its own with the first large block that is freed.
    mallopt(M_MMAP_THRESHOLD, 32 << 10);
    mallopt(M_ARENA_MAX, 1);
}

enum { RELEASED_STACK = 1 << 20 };

/// Gives back what deep calls have used of the main thread's stack and left behind. Below the stack nothing is mapped
/// for at least 128 MiB (mmap_base in the kernel's arch/x86/mm/mmap.c and mm/util.c), so the range holds nothing else.
static void release_stack(long page_size) {
    if (gettid() != getpid()) return;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~((uintptr_t)page_size - 1);
    // Two pages are left to this function's own callees. Holes in the range are passed over.
    madvise((void *)(here - RELEASED_STACK - 2 * page_size), RELEASED_STACK, MADV_DONTNEED);
}

void hasup_release_code(void) {
    int advice = MADV_DONTNEED;
    dl_iterate_phdr(advise_on_code, &advice);
    malloc_trim(0);
    release_stack(sysconf(_SC_PAGESIZE));
}

void hasup_fetch_code(void) {
    int advice = MADV_WILLNEED;
    dl_iterate_phdr(advise_on_code, &advice);
}

void hasup_map_code(void) {
    // Before Linux 5.14 it fails, and each page is mapped when it is used.
    int advice = MADV_POPULATE_READ;
    dl_iterate_phdr(advise_on_code, &advice);
}

// A slot: sequence, checksum, record and length in one word, payload. Zero is no checksum.
enum { WORDS = HASUP_SLOT_SIZE / 8, HEAD_WORDS = WORDS - HASUP_SLOT_PAYLOAD / 8 };

static uint64_t checksum(const uint64_t *slot, uint32_t length) {
    uint64_t sum = slot[0] * 0x9e3779b97f4a7c15u + slot[2];
    for (uint32_t i = 0; i < (length + 7) / 8; i++) {
        sum = (sum ^ slot[HEAD_WORDS + i]) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 29;
    }
    return sum | 1;
}

void hasup_slot_write(int64_t *slot, int64_t sequence, uint32_t record, const void *payload, uint32_t length) {
    if (length > HASUP_SLOT_PAYLOAD) return;
    uint64_t fresh[WORDS] = {(uint64_t)sequence, 0, (uint64_t)record << 32 | length};
    memcpy(fresh + HEAD_WORDS, payload, length);
    uint64_t sum = checksum(fresh, length);
    __atomic_store_n(slot + 1, 0, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    slot[0] = (int64_t)fresh[0];
    slot[2] = (int64_t)fresh[2];
    memcpy(slot + HEAD_WORDS, fresh + HEAD_WORDS, (size_t)(length + 7) / 8 * 8);
    __atomic_store_n(slot + 1, (int64_t)sum, __ATOMIC_RELEASE);
}

int hasup_slot_read(const int64_t *slot, int64_t *sequence, uint32_t *record, void *payload) {
    uint64_t copy[WORDS];
    memcpy(copy, slot, sizeof copy);
    uint32_t length = (uint32_t)copy[2];
    if (copy[1] == 0 || length > HASUP_SLOT_PAYLOAD || checksum(copy, length) != copy[1]) return -1;
    *sequence = (int64_t)copy[0];
    *record = (uint32_t)(copy[2] >> 32);
    memcpy(payload, copy + HEAD_WORDS, length);
    return (int)length;
}

void hasup_slot_clear(int64_t *slot) { __atomic_store_n(slot + 1, 0, __ATOMIC_RELEASE); }

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
/// Workers have no environment to be told by. The search for leaks at the end would stop and trace threads, which no
/// sealed process may; what grows is found by the lab.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0:quarantine_size_mb=16"; }
#endif
#endif
