#define _GNU_SOURCE
#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

int hasup_serial_open(const char *path, uint32_t *major_number, uint32_t *minor_number) {
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return -errno;
    struct stat status;
    struct termios settings;
    if (fstat(fd, &status) || tcgetattr(fd, &settings)) {
        int error = errno;
        close(fd);
        return -error;
    }
    *major_number = major(status.st_rdev);
    *minor_number = minor(status.st_rdev);
    return fd;
}

static const struct {
    int speed;
    speed_t code;
} speeds[] = {
    {1200, B1200},       {1800, B1800},       {2400, B2400},       {4800, B4800},       {9600, B9600},
    {19200, B19200},     {38400, B38400},     {57600, B57600},     {115200, B115200},   {230400, B230400},
    {460800, B460800},   {500000, B500000},   {576000, B576000},   {921600, B921600},   {1000000, B1000000},
    {1152000, B1152000}, {1500000, B1500000}, {2000000, B2000000}, {2500000, B2500000}, {3000000, B3000000},
    {3500000, B3500000}, {4000000, B4000000},
};

int hasup_serial_prepare(int fd, int speed) {
    struct termios settings;
    if (ioctl(fd, TIOCEXCL) || tcgetattr(fd, &settings)) return -errno;
    cfmakeraw(&settings);
    settings.c_iflag &= ~(tcflag_t)(IXON | IXOFF | IXANY);
    settings.c_cflag &= ~(tcflag_t)(CSTOPB | PARENB | CRTSCTS | CSIZE);
    settings.c_cflag |= CS8 | CREAD | CLOCAL;
    // Nothing there is EAGAIN then, and 0 bytes are a hang-up.
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++) {
        if (speeds[i].speed != speed) continue;
        if (cfsetispeed(&settings, speeds[i].code) || cfsetospeed(&settings, speeds[i].code)) return -errno;
        if (tcsetattr(fd, TCSANOW, &settings) || tcflush(fd, TCIOFLUSH)) return -errno;
        return 0;
    }
    return -EINVAL;
}

int hasup_serial_unsent(int fd) {
    int bytes = 0;
    return ioctl(fd, TIOCOUTQ, &bytes) ? -errno : bytes;
}
