"""How long a hand-over and a reload take, and what other links' changes cost: one run of one engine each."""

import signal
import statistics
import subprocess
import time

from rig import PER_LINK, conf, cpu_seconds, many, wait_addresses, wait_for, wire  # noqa: I001
from continuity import busy
from lab.net import Lan
from lab.undisturbed import AddressWatch
import test_reload_storm as storm

VIP = "10.0.0.100"
NEW = "10.0.9.9"


def both_have_it(engine, runs=10):
    """Median of the milliseconds for which both nodes have the address when one preempts the other."""
    overlaps = []
    with Lan("bench") as lan:
        a, b = lan.node("a"), lan.node("b")
        engine(b, conf.simple(100, version=3, advert=0.1)).start()
        lan.wait_holder(VIP, "b", 8)
        came, went = AddressWatch(a, VIP), AddressWatch(b, VIP)
        first = engine(a, conf.simple(200, version=3, advert=0.1))
        for number in range(1, runs + 1):
            first.start()
            lan.wait_holder(VIP, "a", 8)
            wait_for("its removal", lambda number=number: len(went.removed), lambda count, number=number: count >= number, 2)
            overlaps.append((went.removed[-1] - came.added[-1]) * 1000)
            time.sleep(0.5)
            first.stop()
            lan.wait_holder(VIP, "b", 8)
        came.close()
        went.close()
    return statistics.median(overlaps)


def reload_to_live(engine, count, processes, runs=7):
    """Median of the milliseconds from SIGHUP until an address that the file names anew is there, with so many instances
    and so many busy processes."""
    times = []
    with Lan("bench") as lan:
        a = lan.node("a")
        rest = storm.configuration(200) if count > 1 else conf.simple(200, version=3, advert=1)
        more = conf.instance("NEW", vrid=255, version=3, priority=200, advert=1, vips=["10.0.9.8/32"])
        daemon = engine(a, f"{rest}\n{more}").start()
        wait_for("MASTER", lambda: a.holds("10.0.9.8"), bound=12)
        time.sleep(6)
        watch = AddressWatch(a, NEW)
        changed = more.replace("10.0.9.8/32", f"10.0.9.8/32\n    {NEW}/32")
        with busy(processes):
            for _ in range(runs):
                a.write(f"{daemon.name}.conf", f"{rest}\n{changed}")
                before, begin = len(watch.added), time.time()
                daemon.program.signal(signal.SIGHUP)
                wait_for("the address", lambda before=before: len(watch.added), lambda seen, before=before: seen > before, 5)
                times.append((watch.added[-1] - begin) * 1000)
                a.write(f"{daemon.name}.conf", f"{rest}\n{more}")
                daemon.program.signal(signal.SIGHUP)
                wait_for("its end", lambda: not a.holds(NEW), bound=5)
                time.sleep(0.3)
        watch.close()
    return statistics.median(times)


def churn_cost(engine, links=4, rounds=100):
    """p36: milliseconds of a processor for each link that comes and goes in the daemon's own namespace, with 1,000
    instances; what their advertisements cost meanwhile is in it."""
    lines = "link add c0 type veth peer name c1\nlink set c0 up\nlink set c1 up\naddress add 10.200.0.1/24 dev c0\nlink del c0\n"
    with Lan("bench") as lan:
        a, b = lan.node("a"), lan.node("b")
        for index in range(1, links + 1):
            wire(a, b, index)
        daemon = engine(a, many(range(1, links + 1), 200, 1)).start()
        wait_addresses(a, PER_LINK * links, 30)
        time.sleep(8)
        family = daemon.program.family()

        before, begin = cpu_seconds(family), time.monotonic()
        for number in range(1, rounds + 1):
            subprocess.run(["ip", "-n", a.netns.name, "-batch", "-"], input=lines * 4, text=True, check=True)
            time.sleep(max(0, begin + number / 10 - time.monotonic()))
        return (cpu_seconds(family) - before) / (4 * rounds) * 1000
