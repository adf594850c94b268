/* Preloaded into user-mode Linux on a host whose CPU has AMX: its registers take more room than that kernel has, and
 * Linux writes a process's registers (PTRACE_SETREGSET, NT_X86_XSTATE) only from a buffer with room for all of them. What user-mode
 * Linux doesn't know stays as it is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

long ptrace(enum __ptrace_request request, ...) {
    static long (*real)(enum __ptrace_request, ...);
    static char all[65536];
    va_list arguments;
    va_start(arguments, request);
    pid_t pid = va_arg(arguments, pid_t);
    void *kind = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);
    if (!real) real = dlsym(RTLD_NEXT, "ptrace");
    if (request == PTRACE_SETREGSET && kind == (void *)NT_X86_XSTATE) {
        struct iovec *known = data;
        struct iovec whole = {all, sizeof all};
        if (real(PTRACE_GETREGSET, pid, kind, &whole) == 0 && whole.iov_len > known->iov_len) {
            memcpy(all, known->iov_base, known->iov_len);
            return real(request, pid, kind, &whole);
        }
    }
    return real(request, pid, kind, data);
}
