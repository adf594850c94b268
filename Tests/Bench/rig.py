"""What the measurements stand on: engines, direct links between two nodes, and figures from /proc."""

import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "Tests", "Lab"))

from lab import conf  # noqa: E402
from lab.hasup import Hasup  # noqa: E402
from lab.peers import Keepalived  # noqa: E402
from lab.waiting import wait_for  # noqa: E402

ENGINES = {"keepalived": Keepalived, "hasup": Hasup}
PER_LINK = 250


def wire(a, b, index):
    """A direct link between two nodes: eth<index> on both, addresses 10.<index>.0.1 and .2, no bridge."""
    name = f"eth{index}"
    a.netns.ip("link", "add", name, "type", "veth", "peer", "name", name, "netns", b.netns.name)
    for number, node in enumerate((a, b), 1):
        node.netns.ip("link", "set", name, "addrgenmode", "none")
        node.netns.ip("link", "set", name, "up")
        node.netns.ip("address", "add", f"10.{index}.0.{number}/16", "dev", name)
    return name


def many(links, priority, advert):
    """A file with 250 instances on each link."""
    return conf.file(*(
        conf.instance(f"VI_{index}_{vrid}", vrid=vrid, priority=priority, interface=f"eth{index}", version=3, advert=advert,
                      vips=[f"10.{index}.1.{vrid}/32"])
        for index in links for vrid in range(1, PER_LINK + 1)))


def cpu_seconds(pids):
    """User and system time of processes."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            ticks += sum(int(field) for field in file.read().rpartition(")")[2].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_megabytes(pids):
    """Sum of the proportional set sizes."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total / 1024


def sent(node, links):
    """Packets that a node has sent on its direct links."""
    with node.netns.entered(), open("/proc/thread-self/net/dev", encoding="ascii") as file:
        rows = {line.split(":")[0].strip(): line.split(":")[1].split() for line in file if ":" in line}
    return sum(int(rows[f"eth{index}"][9]) for index in links)


def addresses(node):
    """Number of virtual addresses on the direct links."""
    return sum(1 for address in node.addresses() if address.split(".")[2:3] == ["1"])


def wait_addresses(node, count, bound=20.0):
    """Waits until a node holds this many virtual addresses."""
    return wait_for(f"{count} addresses on {node.name}", lambda: addresses(node), lambda seen: seen == count, bound, 0.05)


def measure_cpu(node, links, families, seconds):
    """CPU per advert in microseconds of each family of processes, while `node` sends; and adverts per second."""
    before, packets, begin = [cpu_seconds(pids) for pids in families], sent(node, links), time.monotonic()
    time.sleep(seconds)
    after, packets, took = [cpu_seconds(pids) for pids in families], sent(node, links) - packets, time.monotonic() - begin
    return [(late - early) * 1e6 / packets for early, late in zip(before, after)], packets / took
