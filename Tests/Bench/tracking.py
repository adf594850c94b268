"""What tracking scripts cost, and whether adverts are on time beside them."""

import os
import shutil
import statistics
import subprocess
import time

from lab.net import Lan
from lab.sniffer import Sniffer
from lab.varlink import Wire
from lab.waiting import wait_for
from rig import ENGINES, conf, pss_megabytes

COUNT = 500
VIP = "10.0.0.100"


def scripts(command, count=COUNT):
    """A file with one instance and so many scripts that run each second as root."""
    blocks = "".join(f"vrrp_script s{number} {{\n    script {command}\n    interval 1\n    weight 1\n    user root\n}}\n"
                     for number in range(count))
    extra = ["track_script {", *(f"    s{number}" for number in range(count)), "}"]
    return conf.simple(100, before=blocks, version=3, advert=0.1, extra=extra,
                       settings=["enable_script_security", "script_user root"])


def group(priority, advert, count=10):
    """A file with a sync group whose members have a script each."""
    blocks = "".join(f"vrrp_script s{number} {{\n    script /usr/bin/true\n    interval 1\n    user root\n}}\n"
                     for number in range(count))
    members = [conf.instance(f"VI_{number}", vrid=51 + number, priority=priority, version=3, advert=advert,
                             vips=[f"10.0.0.{100 + number}/24"], extra=["track_script {", f"    s{number}", "}"])
               for number in range(count)]
    names = "\n".join(f"        VI_{number}" for number in range(count))
    return blocks + conf.file(*members, settings=["enable_script_security", "script_user root"]) \
        + f"vrrp_sync_group G {{\n    group {{\n{names}\n    }}\n}}\n"


def process(runs=20):
    """Medians in milliseconds: from the end of a tracked process to priority 0 on the wire, and from its start to the end of the
    FAULT. A network namespace has no connector, so starts are seen by a look at all processes each second."""
    ended, begun = [], []
    with Lan("bench") as lan:
        node = lan.node("a")
        sniffer = Sniffer(lan)
        path = os.path.join(node.directory, "hstracked")
        shutil.copy("/bin/sleep", path)
        block = "vrrp_track_process served {\n    process hstracked\n}\n"
        daemon = ENGINES["hasup"](node, conf.simple(100, before=block, version=3, advert=0.1,
                                                    extra=["track_process {", "    served", "}"])).start()
        for _ in range(runs):
            daemon.wait_state("FAULT")
            begin = time.time()
            service = subprocess.Popen([path, "600"], stdin=subprocess.DEVNULL)
            wait_for("its start", daemon.state, lambda state: state != "FAULT", 3, step=0.001)
            begun.append((time.time() - begin) * 1000)
            sniffer.wait_advert(node, since=time.time(), count=3)
            moment = time.time()
            service.kill()
            service.wait(2)
            ended.append((wait_for("priority 0", lambda: [advert for advert in sniffer.adverts(node, since=moment)
                                                          if advert.priority == 0], bound=2)[0].time - moment) * 1000)
        sniffer.close()
    return statistics.median(ended), statistics.median(begun)


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
