"""What a guard costs and what it saves: the same fault without and with one."""

import contextlib
import statistics
import time

from rig import Hasup, conf, cpu_seconds, pss_megabytes  # noqa: I001
from lab import cluster
from lab.net import Lan
from lab.pings import Pings
from lab.sniffer import Sniffer
from lab.waiting import wait_for

VIP = cluster.VIP
GATEWAYS = (253, 254)
USUAL = ("interval 0.1", "timeout 1")
QUICK = ("interval 0.02", "timeout 0.2")


def references(interval=0.2, timeout=0.2):
    """A block of two reference addresses, one of which has to answer."""
    return ("references {", *(f"    10.0.0.{number} dev eth0" for number in GATEWAYS), "    require 1",
            f"    interval {interval}", f"    timeout {timeout}", "    losses 3", "}")


@contextlib.contextmanager
def site():
    """A LAN with two nodes that a cable joins, too, two gateways and a client: (lan, nodes, client)."""
    with Lan("bench") as lan:
        nodes = [lan.node("a"), lan.node("b")]
        nodes[0].netns.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", nodes[1].netns.name)
        for node in nodes:
            node.netns.ip("link", "set", "eth1", "up")
            node.netns.ip("address", "add", f"192.168.9.{node.number}/24", "dev", "eth1")
        for number in GATEWAYS:
            lan.node(f"gw{number}", number)
        yield lan, nodes, lan.node("client", 9)


def begin(lan, nodes, engine, lines, advert):
    """Starts a pair of which a is MASTER; with lines, hasup has a guard."""
    if lines and engine is Hasup:
        key = cluster.make_key(nodes[0])
        return cluster.begin(lan, nodes, [key, cluster.copy_key(key, nodes[1])], lines, advert=advert)
    daemons = [engine(nodes[0], conf.simple(200, version=3, advert=advert)).start()]
    lan.wait_holder(VIP, "a", 10)
    daemons.append(engine(nodes[1], conf.simple(100, version=3, advert=advert)).start())
    time.sleep(3 * advert)
    return daemons


def takeovers(engine, lines, advert, runs):
    """Milliseconds from the dead master's last advert to its successor's first, all processes killed at once."""
    found = []
    with site() as (lan, nodes, _):
        sniffer = Sniffer(lan)
        daemons = begin(lan, nodes, engine, lines, advert)
        for _ in range(runs):
            sniffer.wait_advert(nodes[0], since=time.time(), bound=10, count=4)
            time.sleep(advert * 0.4)
            nodes[0].kill_everything()
            daemons[0].program.process.wait(5)
            # The machine is dead: its kernel answers nobody.
            nodes[0].netns.ip("address", "flush", "dev", "eth0")
            found.append(sniffer.takeover(nodes[0], nodes[1], bound=10) * 1000)
            nodes[0].netns.ip("address", "add", "10.0.0.1/24", "dev", "eth0")
            daemons[0].start(*(("--config-id", "a") if lines and engine is Hasup else ()))
            lan.wait_holder(VIP, "a", 15)
            # Old reasons to move are over by then.
            time.sleep(max(1.5, 2 * advert))
        sniffer.close()
    return found


def added(lines, advert, runs):
    """Takeover times without and with a guard, in one run of hasup: [(median, worst)]."""
    return [(statistics.median(times), max(times)) for times in (takeovers(Hasup, None, advert, runs), takeovers(Hasup, lines, advert, runs))]


def gap(engine, lines, fault, runs):
    """The longest times in ms that a client is without an answer, with advert_int 1, while a fault is there."""
    found = []
    with site() as (lan, nodes, client):
        daemons = begin(lan, nodes, engine, lines, 1)
        for _ in range(runs):
            # The second burst of announcements comes five seconds after the first.
            time.sleep(6)
            pings = Pings(client, VIP)
            undo = fault(lan, nodes, daemons)
            wait_for("the address on b", lambda: nodes[1].holds(VIP), bound=10)
            time.sleep(0.5)
            found.append(pings.end()[1] * 1000)
            undo()
            lan.wait_holder(VIP, "a", 15)
    return found


def carrier(lan, nodes, _):
    """The master's interface loses its carrier."""
    lan.link(nodes[0], False)
    return lambda: lan.link(nodes[0], True)


def switch(lan, nodes, _):
    """The master's link is cut behind the switch: its carrier stays."""
    lan.cut(nodes[0])
    return lan.heal


def preemption(_lan, _nodes, daemons):
    """b, of a lower priority, is raised above the master by an operator, and takes over."""
    done = daemons[1].cli("takeover", "VI_1", bound=20)
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)

    def back():
        daemons[1].cli("resign", "VI_1", bound=20)
    return back


def resign(_lan, _nodes, daemons):
    """The master is told to hand over."""
    done = daemons[0].cli("resign", "VI_1", bound=20)
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return lambda: daemons[0].cli("takeover", "VI_1", bound=20)


def load(lines, seconds=20):
    """Per cent of a core that all of a master's processes take at advert_int 1, and their memory in MB."""
    with site() as (lan, nodes, _):
        daemons = begin(lan, nodes, Hasup, lines, 1)
        time.sleep(8)
        pids = daemons[0].program.family()
        before, start = cpu_seconds(pids), time.monotonic()
        time.sleep(seconds)
        used = (cpu_seconds(pids) - before) / (time.monotonic() - start) * 100
        return used, pss_megabytes(pids)


def loads(lines):
    """[without, with a guard]: (per cent of a core, MB)."""
    return [load(None), load(lines)]
