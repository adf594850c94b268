"""What a reload takes away goes, whatever becomes of the worker that should remove it (R7; docs/decisions, D14)."""

import itertools
import os
import re
import signal
import threading
import time

from lab import conf
from lab.forge import LONG
from lab.hasup import Hasup
from lab.program import children
from lab.waiting import wait_for
from test_continuity import replaced

VIP, OTHER = "10.0.0.100", "10.0.0.101"
GOOD = conf.simple(200, version=3, advert=0.1)
TWO = conf.simple(200, version=3, advert=0.1, vips=[f"{VIP}/24", f"{OTHER}/24"])


def two_addresses(lan):
    """A master with two addresses."""
    hasup = Hasup(lan.node("a"), TWO).start()
    hasup.wait_state("MASTER")
    wait_for("both addresses", lambda: hasup.node.holds(VIP) and hasup.node.holds(OTHER))
    return hasup


def test_what_a_reload_removes_goes_although_the_worker_hangs(lan):
    """R7: the worker hangs when the reload comes and is replaced: its successor removes what that took away."""
    hasup = two_addresses(lan)
    old = hasup.worker()
    os.kill(old, signal.SIGSTOP)
    hasup.node.write("hasup.conf", GOOD)
    hasup.hangup()
    replaced(hasup, old)
    wait_for("the removed address to go", lambda: hasup.node.holds(OTHER), lambda held: not held, 3)
    assert hasup.node.holds(VIP)
    assert hasup.stop()[0] == 0
    assert not hasup.node.addresses() & {VIP, OTHER}


def test_what_a_reload_removes_goes_although_no_worker_begins(lan):
    """D14: the worker hangs when the reload comes, its successor before it begins: hasup-withdraw knows what ran before."""
    hasup = two_addresses(lan)
    old = hasup.worker()
    halted, over = [], threading.Event()

    def halt():
        # Before the successor, or it would get as far as to remove something itself.
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_FIFO, os.sched_param(80))
        while not halted and not over.is_set():
            for pid in children(hasup.program.pid):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        if pid != old and file.read().startswith(b"hasup-vrrp\0"):
                            os.kill(pid, signal.SIGSTOP)
                            halted.append(pid)
                except (ProcessLookupError, FileNotFoundError):
                    pass
            time.sleep(0.0002)

    hunter = threading.Thread(target=halt, daemon=True)
    hunter.start()
    try:
        os.kill(old, signal.SIGSTOP)
        hasup.node.write("hasup.conf", GOOD)
        hasup.hangup()
        # It is ended a second after its start, and its successor removes what is left.
        wait_for("the removed address to go", lambda: hasup.node.holds(OTHER), lambda held: not held, 4)
    finally:
        over.set()
        hunter.join(2)
    assert re.search(rf"hasup-withdraw: no VRRP worker has advertised for too long: .*{re.escape(OTHER)}/24", hasup.log())
    hasup.wait_state("MASTER", bound=20)
    assert hasup.node.holds(VIP) and not hasup.node.holds(OTHER)
    assert hasup.stop()[0] == 0


def test_a_reload_that_meets_a_workers_beginning(lan):
    """R7: the worker dies while the files are read. Its successor has sorted what is there by the former configuration and
    waits for its sockets when the new one comes: what that takes away goes all the same."""
    def text(*numbers):
        return conf.file(*(conf.instance(f"V{number}", vrid=number, priority=200, version=3, advert=0.05,
                                         vips=[f"10.0.{number}.{host}/24" for host in (1, 2)]) for number in numbers))

    def virtual():
        return {address for address in node.addresses() if address.startswith("10.") and address != node.ip4}
    node, choices = lan.node("a"), itertools.cycle([(2, 3, 4), (1, 2)])
    hasup = Hasup(node, text(1, 2)).start()
    wait_for("all", virtual, lambda seen: len(seen) == 4)
    for turn in range(60 if LONG else 16):
        old, numbers = hasup.worker(), next(choices)
        node.write("hasup.conf", text(*numbers))
        hasup.hangup()
        time.sleep(turn % 20 / 1000)
        os.kill(old, signal.SIGKILL)
        wanted = {f"10.0.{number}.{host}" for number in numbers for host in (1, 2)}
        wait_for("the new file's addresses", virtual, lambda seen, wanted=wanted: seen == wanted, 3)
    assert hasup.stop()[0] == 0
    assert not virtual()


def test_what_a_reload_removes_goes_although_everything_is_killed(lan):
    """R7: the ledger keeps a configuration until a worker has said that nothing of it is left."""
    hasup = two_addresses(lan)
    old = hasup.worker()
    os.kill(old, signal.SIGSTOP)
    for text in (GOOD, GOOD.replace("priority 200", "priority 201"), GOOD):
        hasup.node.write("hasup.conf", text)
        hasup.hangup()
    hasup.kill()
    assert hasup.node.holds(OTHER)
    hasup.start()
    hasup.wait_state("MASTER")
    assert not hasup.node.holds(OTHER)
    ledgers = wait_for("one copy", lambda: [name for name in os.listdir(hasup.run_dir) if name.startswith("ledger-")],
                       lambda names: len(names) == 1, 2)
    assert ledgers[0].endswith(".2") or ledgers[0].endswith(".3"), ledgers
