// Short processes, one after the other, for some seconds: one of four executes this program. Prints how many they were.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
    char *none[] = {arguments[0], NULL};
    long processes = 0;
    if (count < 2) return 0;
    for (double end = now() + atof(arguments[1]); now() < end; processes++) {
        pid_t pid = vfork();
        if (pid == 0) {
            if (processes % 4 == 0) execve("/proc/self/exe", none, none + 1);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    printf("%ld\n", processes);
    return 0;
}
