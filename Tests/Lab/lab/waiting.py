"""Waiting that ends: every wait has a bound and fails with what it saw."""

import time


class Timeout(AssertionError):
    """A condition did not become true in its time."""


def wait_for(what, probe, until=bool, bound=5.0, step=0.01):
    """Calls `probe` until `until(value)` holds and returns that value.

    Fails after `bound` seconds, naming `what` was waited for and the last value seen.
    """
    deadline = time.monotonic() + bound
    while True:
        value = probe()
        if until(value):
            return value
        if time.monotonic() >= deadline:
            raise Timeout(f"waited {bound:g} s for {what}; last seen: {value!r}")
        time.sleep(step)


def hold_for(what, probe, until=bool, seconds=1.0, step=0.01):
    """The opposite: `until(value)` must hold at every look for `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = probe()
        if not until(value):
            raise AssertionError(f"{what} did not hold for {seconds:g} s; seen: {value!r}")
        time.sleep(step)
