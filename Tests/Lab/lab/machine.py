"""How late the machine itself was: a bound on a daemon's time is only fair with that added."""

import threading
import time

STEP = 0.005


class Witness:
    """A thread that sleeps for 5 ms again and again, and notes by how much it overslept at most."""

    def __init__(self):
        self.worst = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while True:
            begin = time.monotonic()
            time.sleep(STEP)
            self.worst = max(self.worst, time.monotonic() - begin - STEP)


_witness = Witness()


def forget():
    """Begins anew: called before each test."""
    _witness.worst = 0.0


def late():
    """Seconds by which this test's own clockwork was late at most. Exact figures are the benchmarks' business."""
    return _witness.worst


class Queue:
    """How long a process, runnable, waited for a processor at most: between two looks, 5 ms apart (proc(5), schedstat)."""

    def __init__(self, pid):
        self.path, self.worst, self.ended = f"/proc/{pid}/schedstat", 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _waited(self):
        with open(self.path, encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9

    def _watch(self):
        before = self._waited()
        while not self.ended.wait(STEP):
            now = self._waited()
            self.worst, before = max(self.worst, now - before), now

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
