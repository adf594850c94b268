// CLinux: functions of Linux that Swift's Glibc module can't reach: behind _GNU_SOURCE, variadic, or macros (CMSG_*).
// Imports: the C library and the kernel's headers.
// Begin with the header of a topic below; its .c file has the same name.
//
// The header is free of _GNU_SOURCE: with it, debug builds find two different fd_set (docs/architecture.md, section 2).
// Unless said otherwise a function returns 0 or a positive result, or -errno.
#ifndef HASUP_CLINUX_H
#define HASUP_CLINUX_H

#include "check.h"
#include "connector.h"
#include "file.h"
#include "helper.h"
#include "loop.h"
#include "mail.h"
#include "memory.h"
#include "message.h"
#include "packet.h"
#include "pattern.h"
#include "process.h"
#include "sandbox.h"
#include "serial.h"
#include "tls.h"

#endif
