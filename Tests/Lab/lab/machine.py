"""How late the machine itself was: a bound on a daemon's time is only fair with that added."""

import os
import threading
import time

STEP = 0.005


class Witness:
    """A thread on each processor that sleeps for 5 ms again and again, and notes by how much it overslept at most.

    On each, because a hypervisor may take one of them and leave the other.
    """

    def __init__(self):
        self.worst = 0.0
        for processor in os.sched_getaffinity(0):
            threading.Thread(target=self._watch, args=(processor,), daemon=True).start()

    def _watch(self, processor):
        os.sched_setaffinity(0, {processor})
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
