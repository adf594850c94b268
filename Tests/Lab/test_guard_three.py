"""Three nodes with a guard: of two that could take over one does, and a cut between some moves nobody."""

import time

import pytest
from lab import conf
from lab.cluster import VIP, copy_key, guard, make_key
from lab.hasup import Hasup
from lab.machine import late
from lab.waiting import hold_for, wait_for

NAMES = "abc"
PRIORITIES = (200, 150, 100)


def between(*pairs):
    """Rules that drop everything on the LAN between nodes, both ways."""
    return [f'iifname "p-{one}" oifname "p-{other}"' for pair in pairs for one, other in (pair, pair[::-1])]


@pytest.fixture
def three(lan):
    """Three nodes that a second network joins, with hasup on each; a is MASTER."""
    nodes = [lan.node(name) for name in NAMES]
    lan.netns.ip("link", "add", "br1", "type", "bridge", "mcast_snooping", "0", "stp_state", "0", "forward_delay", "0")
    lan.netns.ip("link", "set", "br1", "addrgenmode", "none", "up")
    for node in nodes:
        node.plug("eth1", f"c-{node.name}", address=False)
        lan.netns.ip("link", "set", f"c-{node.name}", "master", "br1")
        node.netns.ip("address", "add", f"192.168.9.{node.number}/24", "dev", "eth1")
    key = make_key(nodes[0])
    keys = [key, *(copy_key(key, node) for node in nodes[1:])]
    daemons = [Hasup(node, conf.simple(priority, version=3, advert=0.1, before=guard(key, names=NAMES)))
               .start("--config-id", node.name) for node, priority, key in zip(nodes, PRIORITIES, keys)]
    lan.wait_holder(VIP, "a", 10)
    daemons[0].wait_state("MASTER")
    for daemon in daemons[1:]:
        daemon.wait_state("BACKUP")
    return daemons


def stays(lan, holder, seconds=3):
    """Exactly this node has the address, all the time."""
    hold_for(f"{holder} alone has the address", lambda: lan.holders(VIP), lambda seen: seen == [holder], seconds)


def end(hasup):
    """The machine is dead: nothing runs, nothing answers."""
    hasup.kill()
    for interface in ("eth0", "eth1"):
        hasup.node.netns.ip("address", "flush", "dev", interface)
        hasup.node.netns.ip("link", "set", interface, "down")


def test_the_best_one_follows_a_dead_master(lan, three, sniffer):
    """D108: b claims, c agrees to it and doesn't claim; when b dies, too, c follows it."""
    a, b, c = three
    begin = time.time()
    end(a)
    lan.wait_holder(VIP, "b", 3)
    stays(lan, "b", 2)
    assert not sniffer.adverts(c.node, since=begin)
    end(b)
    lan.wait_holder(VIP, "c", 3)
    assert c.state() == "MASTER"


@pytest.mark.parametrize("cut", [(("a", "b"), ("a", "c")), (("a", "b"),), (("b", "c"),), (("a", "b"), ("a", "c"), ("b", "c"))],
                         ids=["master", "master and one", "backups", "all"])
def test_a_cut_network_moves_nobody(lan, three, cut):
    """Table, "service network cut between the nodes", of three."""
    lan.drop(*between(*cut))
    stays(lan, "a")
    lan.heal()
    stays(lan, "a", 1)
    assert [daemon.state() for daemon in three] == ["MASTER", "BACKUP", "BACKUP"]


def test_a_dead_master_behind_a_cut_network(lan, three):
    """The backups don't hear each other's adverts, but their heartbeats: one of them is MASTER."""
    a, b, _ = three
    lan.drop(*between(("b", "c")))
    end(a)
    lan.wait_holder(VIP, "b", 4)
    stays(lan, "b", 2)
    assert b.state() == "MASTER"


def test_a_hand_over_goes_to_the_best(lan, three):
    """D111: `hasup resign` of a: b has it, c doesn't; and a has it back by `hasup takeover`."""
    a, b, _ = three
    done = a.cli("resign", "VI_1")
    assert done.returncode == 0 and "10.0.0.2 is MASTER" in done.stdout, done.stdout + done.stderr
    lan.wait_holder(VIP, "b", 2)
    stays(lan, "b", 1)
    done = a.cli("takeover", "VI_1")
    assert done.returncode == 0, done.stdout + done.stderr
    lan.wait_holder(VIP, "a", 2)
    b.wait_state("BACKUP")


def test_one_that_is_cut_off_comes_back(lan, three):
    """c hears nobody by any way: it becomes MASTER, because it has no reference; when it's back one is left (D110)."""
    c = three[2]
    lan.cut(c.node)
    lan.netns.ip("link", "set", "c-c", "down")
    wait_for("c has the address, too", lambda: lan.holders(VIP), lambda seen: seen == ["a", "c"], 8)
    lan.netns.ip("link", "set", "c-c", "up")
    lan.heal()
    wait_for("one master", lambda: lan.holders(VIP), lambda seen: len(seen) == 1, 1.5 + late())
    hold_for("one master", lambda: len(lan.holders(VIP)), lambda seen: seen <= 1, 2)
    assert sorted(daemon.state() for daemon in three) == ["BACKUP", "BACKUP", "MASTER"]
