#!/usr/bin/python3
"""IPVS's table with 10,000 servers, 100 services of 100: from nothing, one weight changed by a reload, taken out at the end.

Each measurement boots user-mode Linux, whose kernel has IPVS, and runs this file in there with the name of the engine.
"""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from rig import ENGINES, ROOT  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "Tests", "LabIPVS"))

from lab import uml  # noqa: E402
from lab.hasup import Hasup  # noqa: E402
from lab.net import Lan  # noqa: E402
from lab.waiting import wait_for  # noqa: E402
from table import ORDINARY, keepalived, services  # noqa: E402

SERVICES, SERVERS = 100, 100
COMPLETE = SERVICES * SERVERS


def config(weight=1):
    """All services; the first server of the first one has this weight."""
    return "".join(
        f"virtual_server 10.127.0.{service + 1} 80 {{\n delay_loop 10\n lb_algo rr\n lb_kind NAT\n protocol TCP\n"
        + "".join(f" real_server 10.128.{service}.{server + 1} 80 {{\n  weight {weight if service == server == 0 else 1}\n }}\n"
                  for server in range(SERVERS)) + "}\n" for service in range(SERVICES))


def inside(name):
    """Prints what was measured, as JSON: processor time, seconds to the whole table, of the reload, its requests, of the stop."""
    with Lan("filling") as lan:
        node = lan.node("a")

        def rows():
            with node.netns.entered(), open("/proc/thread-self/net/ip_vs", encoding="ascii") as file:
                return [line.split() for line in file if line.startswith("  ->")][1:]

        def weights():
            return sum(int(row[3]) for row in rows())

        began = time.monotonic()
        if name == "hasup":
            daemon = Hasup(node, config()).start(launcher=ORDINARY)
            program, path = daemon.program, daemon.config
        else:
            program = keepalived(node, config())
            path = os.path.join(node.directory, "keepalived.conf")
        wait_for("the whole table", lambda: len(rows()), lambda seen: seen == COMPLETE, 60, 0.05)
        complete = time.monotonic() - began
        time.sleep(1)
        used = program.processor_seconds()
        written = services(daemon)["table"]["writes"] if name == "hasup" else None
        with open(path, "w", encoding="ascii") as file:
            file.write(config(weight=7))
        began = time.monotonic()
        program.signal(1)
        wait_for("the new weight", weights, lambda seen: seen == COMPLETE + 6, 60, 0.02)
        reload = time.monotonic() - began
        time.sleep(1)
        requests = services(daemon)["table"]["writes"] - written if name == "hasup" else None
        stop = program.stop(30)[1]
        assert not rows(), len(rows())
    print("measured", json.dumps([used, complete, reload, requests, stop]))


def measure(engine):
    """The figures of one boot."""
    name = next(name for name, kind in ENGINES.items() if kind is engine)
    status, output = uml.run("/usr/bin/python3", os.path.abspath(__file__), name, modules=uml.IPVS, bound=180)
    assert status == 0, output[-2000:]
    return json.loads(output.rpartition("measured ")[2])


if __name__ == "__main__":
    inside(sys.argv[1])
