"""Time from a signal to the complete file that it asks for."""

import ctypes
import os
import select
import signal
import struct
import time

from lab.dumps import JSON_SIGNAL, NAMES
from lab.net import Lan
from rig import conf, many, wait_addresses, wire

KINDS = {"data": signal.SIGUSR1, "stats": signal.SIGUSR2, "json": JSON_SIGNAL}
IN_CLOSE_WRITE, IN_MOVED_TO = 0x8, 0x80


class Completions:
    """The moments at which files of a folder are complete: written to their end, or given their name."""

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.number = libc.inotify_init1(os.O_CLOEXEC)
        if self.number < 0 or libc.inotify_add_watch(self.number, folder.encode(), IN_CLOSE_WRITE | IN_MOVED_TO) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def wait(self, name, bound=5.0):
        """Waits until the file is complete and returns the time."""
        deadline = time.monotonic() + bound
        while select.select([self.number], [], [], max(0, deadline - time.monotonic()))[0]:
            events, now = os.read(self.number, 65536), time.monotonic()
            while events:
                length = struct.unpack_from("iIII", events)[3]
                if events[16:16 + length].rstrip(b"\0").decode() == name:
                    return now
                events = events[16 + length:]
        raise AssertionError(f"no {name} within {bound} s")

    def forget(self):
        """Reads what is there: a process that has given its file a name closes it later."""
        while select.select([self.number], [], [], 0)[0]:
            os.read(self.number, 65536)

    def close(self):
        """Ends it."""
        os.close(self.number)


def dump_times(engine, count, kind, rounds=40):
    """Milliseconds from each of some signals to the complete file, with so many instances."""
    with Lan("bench") as lan:
        a, b = lan.node("a"), lan.node("b")
        links = range(1, max(1, count // 250) + 1)
        for index in links:
            wire(a, b, index)
        text = many(links, 200, 1) if count >= 250 else conf.file(*(
            conf.instance(f"VI_{vrid}", vrid=vrid, priority=200, interface="eth1", version=3, vips=[f"10.1.1.{vrid}/32"])
            for vrid in range(1, count + 1)))
        folder = os.path.join(a.directory, "tmp")
        os.mkdir(folder)
        daemon = engine(a, text).start(environment={"TMPDIR": folder})
        wait_addresses(a, count, 30)
        time.sleep(6)
        completions, times = Completions(folder), []
        for _ in range(rounds):
            completions.forget()
            begin = time.monotonic()
            daemon.program.signal(KINDS[kind])
            times.append((completions.wait(NAMES[KINDS[kind]]) - begin) * 1000)
            # As exporters are: never twice at once.
            time.sleep(0.1)
        completions.close()
        return times
