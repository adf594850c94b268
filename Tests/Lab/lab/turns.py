"""hasupd's longest turn with 1,000 instances: at the start, while all change, while all is asked for, over a reload."""

import json
import os

from . import conf
from .hasup import OPTIMIZED, Hasup
from .varlink import Wire
from .waiting import wait_for

PER_FAMILY = 250
# Debug builds take longer, and so may another machine.
BOUND = 0.010 if OPTIMIZED else 0.1


def configuration(priority, changed=None):
    """250 virtual routers of each family on each of two interfaces."""
    blocks = []
    for interface in (0, 1):
        for number in range(1, PER_FAMILY + 1):
            for family, vip in ((4, f"10.{interface}.{1 + number // 200}.{1 + number % 200}/32"),
                                (6, f"fd00::{interface + 1}:{number:x}/128")):
                name = f"V{family}_{interface}_{number}"
                blocks.append(conf.instance(name, vrid=number, version=3, interface=f"eth{interface}", vips=[vip],
                                            priority=priority + (name == changed)))
    return conf.file(*blocks)


def second_link(a, b):
    """A cable between the two nodes beside the LAN: a link has room for 510 virtual routers."""
    a.netns.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", b.netns.name)
    for node in (a, b):
        node.netns.ip("link", "set", "eth1", "addrgenmode", "none", "up")
        node.netns.ip("address", "add", f"10.1.0.{node.number}/24", "dev", "eth1")
        node.netns.ip("address", "add", f"fe80::1:{node.number}/64", "dev", "eth1", "nodad")


def longest(daemon):
    """Seconds of processor time of the turn that took most so far."""
    with Wire(daemon.control) as wire:
        return wire.call("io.hasup.Statistics")["parameters"]["loop"]["longest_work_seconds"]


def wait_all(daemon, state):
    """Waits until all instances are in this state; counted from the short answer."""
    def states():
        with Wire(daemon.control) as wire:
            answer = wire.call("io.hasup.Instances")["parameters"]["instances"]
        return sum(entry["state"] == state for entry in answer)
    wait_for(f"all {state}", states, lambda count: count == 4 * PER_FAMILY, 15, 0.2)


def start(node, priority, state):
    """A daemon whose instances have all reached this state."""
    daemon = Hasup(node, configuration(priority)).start()
    wait_for("the control socket", lambda: os.path.exists(daemon.control), bool, 5)
    wait_all(daemon, state)
    return daemon


def measure(lan):
    """Seconds of the turn that took most, up to the end of each chapter."""
    nodes = [lan.node("a"), lan.node("b")]
    second_link(*nodes)
    a = start(nodes[0], 200, "MASTER")
    b = start(nodes[1], 100, "BACKUP")
    turns = {"start": max(longest(a), longest(b))}
    a.kill()
    wait_all(b, "MASTER")
    turns["takeover"] = longest(b)
    events = b.cli("history", "--json").stdout.splitlines()
    assert sum(json.loads(event)["kind"] == "transition" for event in events) >= 900
    assert b.cli("status", "--json").stdout.count('"state":"MASTER"') == 4 * PER_FAMILY
    turns["questions"] = longest(b)
    done = b.reload(configuration(100, "V4_0_7"))
    assert done.returncode == 0 and "999 unchanged" in done.stdout, done.stdout + done.stderr
    done = b.reload(configuration(102))
    assert done.returncode == 0 and " 0 unchanged" in done.stdout, done.stdout + done.stderr
    turns["reload"] = longest(b)
    return turns
