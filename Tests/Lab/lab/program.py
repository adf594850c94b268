"""Programs that the lab starts: their output, their family of processes, their end."""

import os
import signal
import subprocess
import time


def alive(pid):
    """Whether a process runs (a zombie doesn't)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def end_processes(pids):
    """SIGKILL to each of these pids, all of which the lab or its programs started; waits until they are gone."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    deadline = time.monotonic() + 5
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise AssertionError(f"processes did not end: {[pid for pid in pids if alive(pid)]}")
        time.sleep(0.001)


def children(pid):
    """Pids of the direct children."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def descendants(pid):
    """Pids of all descendants, parents before children."""
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


class Program:
    """A process in the foreground with its log file."""

    def __init__(self, command, log, environment=None, descriptors=()):
        self.log_path = log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            env={**os.environ, **(environment or {})}, start_new_session=True,
                                            pass_fds=descriptors)
        self.pid = self.process.pid

    def log(self):
        """All that the program has printed."""
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def running(self):
        """Whether the main process still runs."""
        return self.process.poll() is None

    def family(self):
        """The main process and all its descendants; none that has ended and is only reaped a moment later."""
        return [self.pid, *filter(alive, descendants(self.pid))]

    def processor_seconds(self):
        """What the family has used so far, those of it that have ended among them."""
        ticks = 0
        for pid in self.family():
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def signal(self, number):
        """Sends a signal to the main process."""
        self.process.send_signal(number)

    def wait(self, bound=10.0):
        """Waits for the end and returns the exit status."""
        try:
            return self.process.wait(bound)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.process.args} still runs after {bound} s:\n{self.log()[-2000:]}") from None

    def stop(self, bound=10.0):
        """SIGTERM, then waits; returns (exit status, seconds)."""
        begin = time.monotonic()
        self.signal(signal.SIGTERM)
        status = self.wait(bound)
        return status, time.monotonic() - begin

    def kill(self):
        """kill -9 of the whole family, youngest first."""
        end_processes(list(reversed(self.family())))
        self.process.wait(5)

    def close(self):
        """Makes sure that nothing of it is left."""
        if self.running():
            self.kill()
        else:
            end_processes([pid for pid in descendants(self.pid) if alive(pid)])
