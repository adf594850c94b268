"""What tracking scripts cost, and whether adverts are on time beside them."""

import time

from lab.net import Lan
from lab.sniffer import Sniffer
from lab.varlink import Wire
from lab.waiting import wait_for
from rig import conf, pss_megabytes

COUNT = 500
VIP = "10.0.0.100"


def scripts(command, count=COUNT):
    """A file with one instance and so many scripts that run each second as root."""
    blocks = "".join(f"vrrp_script s{number} {{\n    script {command}\n    interval 1\n    weight 1\n    user root\n}}\n"
                     for number in range(count))
    extra = ["track_script {", *(f"    s{number}" for number in range(count)), "}"]
    return conf.simple(100, before=blocks, version=3, advert=0.1, extra=extra,
                       settings=["enable_script_security", "script_user root"])


def used(program):
    """Processor time so far; processes of scripts end while it is read."""
    while True:
        try:
            return program.processor_seconds()
        except (FileNotFoundError, ProcessLookupError):
            continue


def longest_turn(daemon):
    """Milliseconds of processor time of hasupd's longest turn so far."""
    with Wire(daemon.control) as wire:
        return wire.call("io.hasup.Statistics")["parameters"]["loop"]["longest_work_seconds"] * 1000


def cost(engine, command, seconds=10):
    """Milliseconds of processor time for a run, the widest advert gap in milliseconds, and hasupd's longest turn."""
    with Lan("bench") as lan:
        node = lan.node("a")
        sniffer = Sniffer(lan)
        daemon = engine(node, scripts(command)).start()
        wait_for("the address", lambda: node.holds(VIP), bound=20)
        # The first runs are all at once.
        time.sleep(3)
        begin, before = time.time(), used(daemon.program)
        time.sleep(seconds)
        took, after = time.time() - begin, used(daemon.program)
        gap = max(sniffer.gaps(node, since=begin)) * 1000
        turn = longest_turn(daemon) if hasattr(daemon, "control") else None
        sniffer.close()
    return (after - before) / took / COUNT * 1000, gap, turn


def memory(engine):
    """Megabytes of all processes of a daemon with one script, at rest between its runs."""
    with Lan("bench") as lan:
        node = lan.node("a")
        text = scripts("/usr/bin/true", 1).replace("interval 1\n", "interval 30\n")
        daemon = engine(node, text).start()
        wait_for("the address", lambda: node.holds(VIP), bound=20)
        time.sleep(5)
        return pss_megabytes(daemon.program.family())
