// Serial lines.
#ifndef HASUP_SERIAL_H
#define HASUP_SERIAL_H

#include <stdint.h>

/// Opens a serial line without waiting for a carrier and without becoming its session's; nothing is changed yet. It may only
/// be a terminal. `major` and `minor` become the device's numbers.
int hasup_serial_open(const char *path, uint32_t *major, uint32_t *minor);

/// Makes it a raw line of this speed with 8 bits, no parity, one stop bit and no flow control, for nobody else, and forgets
/// what waits in both directions: 0, or -errno.
int hasup_serial_prepare(int fd, int speed);

/// Bytes that haven't left yet, or -errno.
int hasup_serial_unsent(int fd);

#endif
