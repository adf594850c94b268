"""A stand-in for systemd's descriptor store (sd_notify(3), FDSTORE=1): keeps what a service gives it, and passes it on."""

import array
import os
import re
import signal
import socket
import sys
import threading

from .waiting import wait_for

# What makes hasupd end for a successor (docs/decisions, D10).
PARK = signal.SIGRTMIN + 10
# What it keeps, without and with scripts that have run.
USUAL = ["hasup-addresses", "hasup-configuration", "hasup-state"]
ALL = ["hasup-addresses", "hasup-configuration", "hasup-notifications", "hasup-state"]

# Becomes the service with the descriptors at 3, 4, …: only the process itself knows its pid.
LAUNCHER = """
import os, sys
numbers = [int(word) for word in sys.argv[1].split(",") if word]
for place, number in enumerate([os.dup2(number, 500 + place) for place, number in enumerate(numbers)]):
    os.dup2(number, 3 + place)
os.closerange(3 + len(numbers), 1000)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


class Store:
    """A service manager for one hasupd, which it starts with what is kept."""

    def __init__(self, hasup):
        self.hasup, self.kept, self.told, self.lock = hasup, [], [], threading.Lock()
        self.path = os.path.join(hasup.node.directory, f"{hasup.name}.notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(0.1)
        self.stopped = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while not self.stopped:
            try:
                text, ancillary, _, _ = self.socket.recvmsg(4096, 1024)
            except socket.timeout:
                continue
            numbers = array.array("i")
            for level, kind, data in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    numbers.frombytes(data[:len(data) - len(data) % numbers.itemsize])
            self._take(text.decode(), list(numbers))

    def _take(self, text, numbers):
        settings = dict(line.partition("=")[::2] for line in text.splitlines())
        name = settings.get("FDNAME", "stored")
        with self.lock:
            self.told.append(text)
            if settings.get("FDSTOREREMOVE") == "1":
                for _, number in [entry for entry in self.kept if entry[0] == name]:
                    os.close(number)
                self.kept = [entry for entry in self.kept if entry[0] != name]
            for number in numbers:
                same = [entry for entry in self.kept if os.path.sameopenfile(entry[1], number)]
                if settings.get("FDSTORE") != "1" or same:
                    os.close(number)
                else:
                    # systemd passes the newest first.
                    self.kept.insert(0, (name, number))

    def put(self, name, number):
        """Keeps a descriptor of another program."""
        with self.lock:
            self.kept.insert(0, (name, number))

    def names(self):
        """Names of what is kept without their numbers, sorted."""
        with self.lock:
            return sorted(re.sub(r"-\d+$", "", name) for name, _ in self.kept)

    def clear(self):
        """Forgets everything, as after a start of the machine."""
        with self.lock:
            for _, number in self.kept:
                os.close(number)
            self.kept = []

    def drop(self, name):
        """Forgets what is kept under this name."""
        self._take(f"FDSTOREREMOVE=1\nFDNAME={name}", [])

    def count(self, word):
        """How often a message with this line has come."""
        with self.lock:
            return sum(word in text.splitlines() for text in self.told)

    def is_ready(self, pid):
        """Whether this process has said that it is ready."""
        with self.lock:
            return any({"READY=1", f"MAINPID={pid}"} <= set(text.splitlines()) for text in self.told)

    def start(self, *arguments):
        """Starts the daemon with what is kept, and waits until it says that it is ready."""
        hasup = self.hasup
        with self.lock:
            kept = list(self.kept)
        launcher = [sys.executable, "-c", LAUNCHER, ",".join(str(number) for _, number in kept)]
        environment = {"NOTIFY_SOCKET": self.path}
        if kept:
            environment |= {"LISTEN_FDS": str(len(kept)), "LISTEN_FDNAMES": ":".join(name for name, _ in kept)}
        hasup.start(*arguments, launcher=launcher, environment=environment,
                    descriptors=[number for _, number in kept])
        # News of a former one may be on their way.
        wait_for("READY=1", lambda: self.is_ready(hasup.program.pid) or not hasup.running(), bound=8)
        assert hasup.running(), hasup.log()
        return hasup

    def end(self, number, bound=5):
        """Sends a signal to the daemon and waits until it is gone."""
        self.hasup.program.signal(number)
        return self.hasup.program.process.wait(bound)

    def restart(self, number=signal.SIGKILL):
        """Ends the daemon by this signal and starts it again."""
        self.end(number)
        return self.start()

    def close(self):
        """Ends the reading and closes what is kept."""
        self.stopped = True
        self.thread.join(2)
        self.socket.close()
        for _, number in self.kept:
            os.close(number)
        self.kept = []
