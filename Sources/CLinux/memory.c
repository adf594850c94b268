#define _GNU_SOURCE
#include "include/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
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

static int release_code(struct dl_phdr_info *object, size_t size, void *page_size) {
    (void)size;
    uintptr_t mask = ~(uintptr_t)(*(long *)page_size - 1);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & mask;
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    // The first object is the program itself; libraries are shared with others anyway.
    return 1;
}

void hasup_tame_malloc(void) {
    // A fixed threshold: glibc raises its own with the first large block that is freed.
    mallopt(M_MMAP_THRESHOLD, 32 << 10);
    mallopt(M_ARENA_MAX, 1);
}

void hasup_release_code(void) {
    long page_size = sysconf(_SC_PAGESIZE);
    dl_iterate_phdr(release_code, &page_size);
    malloc_trim(0);
}
