"""A hostile program in a worker's place: it has the worker's channel and its page, and the worker itself is stopped."""

import ctypes
import mmap
import os
import select
import signal
import socket
import struct
import threading
import time

SYS_PIDFD_GETFD = 438
PAGE_HEAD, SLOT, SLOT_HEAD, SLOTS_MAX, MARK = 4096, 256, 24, 65536, 8
GENERATION, STAMP, SLOTS_USED, NOTIFIED = 8, 16, 24, 32
MASK = (1 << 64) - 1

# The VRRP worker's messages (Sources/WorkerProtocol/WorkerMessages.swift) and, as far as it is to be answered, hasupd's.
HELLO, CONFIGURED, WORKED, OPEN_SOCKET, NOTIFY, OBSERVATIONS, STATUS, LOG, STOPPED, RESUMED, CLEARED, \
    DISCARDED, HOOKS, OPEN_HEARTBEAT_SOCKET, CLUSTER_NODE = range(0x201, 0x210)
SOCKET_GIVEN, SOCKET_REFUSED, ASK_STATUS = 0x103, 0x104, 0x105
CHECKER_HELLO, CHECKER_LOG = 0x401, 0x402
TRACK_HELLO, TRACK_CONFIGURED, TRACK_VERDICTS, TRACK_LOG = range(0x701, 0x705)
VERSION = 9


def frame(kind, payload=b"", flags=0, correlation=0, length=None):
    """A frame; a length of one's own makes it a wrong one (Sources/WorkerProtocol/Frame.swift)."""
    size = 12 + len(payload) if length is None else length
    return struct.pack(">IHHI", size, kind & 0xFFFF, flags, correlation) + payload


def text(content):
    """A string as it is encoded."""
    content = content if isinstance(content, bytes) else content.encode()
    return struct.pack(">I", len(content)) + content


def hello(version=VERSION, sentences=()):
    """What a worker says first: that it is sealed, and what it couldn't do."""
    return struct.pack(">HH", version, len(sentences)) + b"".join(text(one) for one in sentences) + b"\x01" + text("/")


def borrowed(pid, number):
    """A copy of another process's descriptor (pidfd_getfd(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        copy = libc.syscall(SYS_PIDFD_GETFD, pidfd, number, 0)
    finally:
        os.close(pidfd)
    if copy < 0:
        raise OSError(ctypes.get_errno(), f"pidfd_getfd of {number} in {pid}")
    return copy


def page_of(pid):
    """A copy of the descriptor of the page with a worker's stamp."""
    for number in os.listdir(f"/proc/{pid}/fd"):
        if os.readlink(f"/proc/{pid}/fd/{number}").startswith(("/memfd:hasup-state", "/memfd:hasup-tracking")):
            return borrowed(pid, int(number))
    raise AssertionError(f"process {pid} has no page: {os.listdir(f'/proc/{pid}/fd')}")


class Page:
    """A worker's state page, mapped (Sources/WorkerProtocol/StatePage.swift)."""

    def __init__(self, pid):
        number = page_of(pid)
        self.memory = mmap.mmap(number, PAGE_HEAD + SLOTS_MAX * (SLOT + MARK))
        os.close(number)

    def word(self, place):
        """One of the head's words."""
        return struct.unpack_from("<q", self.memory, place)[0]

    def set(self, place, value):
        """Writes one of the head's words."""
        struct.pack_into("<q", self.memory, place, value)

    def records(self):
        """[(slot, sequence, record number, payload)] of what is whole."""
        found = []
        for index in range(min(max(self.word(SLOTS_USED), 0), SLOTS_MAX)):
            slot = self.memory[PAGE_HEAD + index * SLOT:PAGE_HEAD + (index + 1) * SLOT]
            sequence, checked, both = struct.unpack_from("<QQQ", slot)
            number, length = both >> 32, both & 0xFFFFFFFF
            if checked and length <= SLOT - SLOT_HEAD and self.checksum(sequence, both, slot[SLOT_HEAD:], length) == checked:
                found.append((index, sequence, number, slot[SLOT_HEAD:SLOT_HEAD + length]))
        return found

    @staticmethod
    def checksum(sequence, both, payload, length):
        """As Sources/CLinux/memory.c calculates it."""
        total = (sequence * 0x9E3779B97F4A7C15 + both) & MASK
        for index in range((length + 7) // 8):
            word = struct.unpack_from("<Q", payload, index * 8)[0]
            total = ((total ^ word) * 0x9E3779B97F4A7C15) & MASK
            total ^= total >> 29
        return total | 1

    def write(self, index, sequence, number, payload):
        """A record with a right checksum."""
        both, padded = number << 32 | len(payload), payload.ljust(SLOT - SLOT_HEAD, b"\0")
        total = self.checksum(sequence & MASK, both, padded, len(payload))
        place = PAGE_HEAD + index * SLOT
        self.memory[place:place + SLOT] = struct.pack("<QQQ", sequence & MASK, total, both) + padded

    def mark_all(self, moment):
        """The same mark for the first slots' records."""
        for index in range(64):
            self.set(PAGE_HEAD + SLOTS_MAX * SLOT + index * MARK, moment)

    def close(self):
        """Unmaps it."""
        self.memory.close()


class Impostor:
    """Stops a worker and speaks in its place. For hasupd it is alive: its stamp is renewed."""

    def __init__(self, pid, stamps=True):
        self.pid, self.page, self.ended = pid, None, threading.Event()
        os.kill(pid, signal.SIGSTOP)
        self.channel = socket.socket(fileno=borrowed(pid, 3))
        self.channel.setblocking(False)
        self.sent = 0
        if stamps:
            self.page = Page(pid)
            self.thread = threading.Thread(target=self._stamp, daemon=True)
            self.thread.start()

    def _stamp(self):
        while not self.ended.is_set():
            self.page.set(STAMP, time.clock_gettime_ns(time.CLOCK_BOOTTIME))
            time.sleep(0.005)

    def say(self, data, descriptors=(), bound=5.0):
        """Sends one packet; False when hasupd has ended the channel."""
        deadline = time.monotonic() + bound
        while time.monotonic() < deadline:
            try:
                if descriptors:
                    socket.send_fds(self.channel, [data], list(descriptors))
                else:
                    self.channel.send(data)
                self.sent += 1
                return True
            except BlockingIOError:
                select.select([], [self.channel], [], 0.1)
            except OSError:
                return False
        raise AssertionError(f"hasupd has not taken a frame for {bound} s, after {self.sent}")

    def flood(self, frames):
        """Sends all of them, or as many as hasupd takes; returns how many."""
        before = self.sent
        for data in frames:
            if not self.say(data):
                break
        return self.sent - before

    def hear(self, bound=2.0):
        """The next frame of hasupd: (type, correlation, payload, descriptors); None at the end."""
        deadline = time.monotonic() + bound
        while time.monotonic() < deadline:
            try:
                data, descriptors, _, _ = socket.recv_fds(self.channel, 1 << 16, 16)
            except BlockingIOError:
                select.select([self.channel], [], [], 0.1)
                continue
            except OSError:
                return None
            if not data:
                return None
            _, kind, _, correlation = struct.unpack(">IHHI", data[:12])
            return kind, correlation, data[12:], list(descriptors)
        raise AssertionError(f"hasupd has said nothing for {bound} s")

    def wait_for(self, kind, bound=2.0):
        """The next frame of one type; others are passed over."""
        while True:
            heard = self.hear(bound)
            if heard is None or heard[0] == kind:
                return heard
            for number in heard[3]:
                os.close(number)

    def close(self):
        """Lets go of everything."""
        self.ended.set()
        if self.page:
            self.thread.join(2)
            self.page.close()
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
