"""A VRRP worker whose place another has taken says nothing more, whoever has ended it or not (docs/decisions, D9)."""

import os
import signal
import struct
import time

import pytest
from lab.program import alive
from lab.undisturbed import Undisturbed
from lab.waiting import wait_for

INTERVAL = 1
# The second word of the state page.
GENERATION = 8


@pytest.fixture
def frozen():
    """Freezes processes, which run again when the test is over."""
    pids = []

    def freeze(pid):
        pids.append(pid)
        os.kill(pid, signal.SIGSTOP)

        def state():
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().rpartition(")")[2].split()[0]
        wait_for(f"{pid} to be stopped", state, lambda seen: seen == "T", 2)
    yield freeze
    for pid in pids:
        if alive(pid):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("is_due", [True, False], ids=["with an advert that is due", "with nothing to do"])
def test_a_worker_that_nobody_has_killed_ends_in_silence(
        kept_duo, pair, sniffer, watched, frozen, is_due):  # noqa: F811
    """It was frozen while another became the owner of the page. hasupd is frozen meanwhile: it neither ends the worker nor
    starts one, so all that is heard from this node is what the old worker says."""
    a, b, store = kept_duo(advert=INTERVAL)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    old, page = a.worker(), dict(store.kept)["hasup-state"]
    frozen(a.program.pid)
    last = sniffer.wait_advert(pair[0], since=time.time(), bound=INTERVAL * 2 + 1)
    frozen(old)
    generation, = struct.unpack("<q", os.pread(page, 8, GENERATION))
    os.pwrite(page, struct.pack("<q", generation + 1), GENERATION)
    if is_due:
        # Its own clock counts on: the next advert is due when it thaws.
        wait_for("its next advert to be due", time.time, lambda now: now > last.time + INTERVAL * 1.1, INTERVAL + 2)
    thawed = time.time()
    os.kill(old, signal.SIGCONT)
    wait_for("its end", lambda: alive(old), lambda lives: not lives, INTERVAL + 0.5)
    assert not sniffer.adverts(pair[0], since=thawed), "it has advertised"
    assert not watched.removed
    os.kill(a.program.pid, signal.SIGCONT)
    same.goes_on(INTERVAL)
    assert a.worker() != old
    same.check("a replaced worker thaws")
