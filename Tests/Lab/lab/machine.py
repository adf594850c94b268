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
