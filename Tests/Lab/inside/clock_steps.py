"""Steps of the wall clock, within user-mode Linux: a day forth, two back, one forth. Not to be run on a machine."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import conf, uml  # noqa: E402
from lab.hasup import Hasup  # noqa: E402
from lab.launch import without  # noqa: E402
from lab.net import Lan  # noqa: E402
from lab.waiting import wait_for  # noqa: E402

DAY = 86_400
# A worker that is replaced needs half a second in here, and more on a busy machine.
INTERVAL = 1
# What is realtime is ended after 0.2 s of work without a pause, which a start can take in here.
ORDINARY = without("sys_nice")


def counters(hasup):
    return hasup.status().instance()["counters"]


def settled(hasup):
    """What no step may change."""
    seen = hasup.status().instance()
    return seen["state"], seen["last_transition"]["text"], seen["counters"]["became_master"], seen["counters"]["left_master"]


def go_on(hasup, peer):
    """Adverts leave and are heard."""
    sent, heard = counters(hasup)["adverts_sent"], counters(peer)["adverts_received"]
    wait_for("adverts", lambda: (counters(hasup)["adverts_sent"], counters(peer)["adverts_received"]),
             lambda seen: seen[0] >= sent + 2 and seen[1] >= heard + 2, 20)


def main():
    assert uml.is_inside(), "this sets the clock: only for user-mode Linux"
    with Lan() as lan:
        one = Hasup(lan.node("a"), conf.simple(200, version=3, advert=INTERVAL)).start(launcher=ORDINARY)
        one.wait_state("MASTER", bound=15)
        two = Hasup(lan.node("b"), conf.simple(100, version=3, advert=INTERVAL)).start(launcher=ORDINARY)
        two.wait_state("BACKUP", bound=15)
        go_on(one, two)
        before = settled(one), settled(two)
        for step in (DAY, -2 * DAY, DAY):
            begin = time.time()
            time.clock_settime(time.CLOCK_REALTIME, begin + step)
            assert abs(time.time() - begin - step) < 60, "the clock wasn't set"
            go_on(one, two)
            assert (settled(one), settled(two)) == before, f"{step} s: {settled(one)} {settled(two)}, before: {before}"
        # What survives a worker doesn't hang on the wall clock, either.
        worker = one.worker()
        time.clock_settime(time.CLOCK_REALTIME, time.time() - DAY)
        os.kill(worker, 9)
        wait_for("another worker", one.roles, lambda roles: roles.get("hasup-vrrp", [worker]) != [worker], 20)
        wait_for("its answer", lambda: one.state() == "MASTER", bound=20)
        go_on(one, two)
        assert (settled(one), settled(two)) == before, f"{settled(one)} {settled(two)}, before: {before}"
        transitions = [line for line in two.cli("history", bound=20).stdout.splitlines() if "->" in line]
        assert len(transitions) == 1, transitions
        assert one.stop()[0] == 0
        two.wait_state("MASTER", bound=20)
        assert two.stop()[0] == 0
    print("no transition")


main()
