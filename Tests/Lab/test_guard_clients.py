"""What a client sees of a guard: who answers for the address in each fault, and for how long two do."""

import os
import signal
import time

import pytest
from lab import conf
from lab.asking import Asker
from lab.cluster import VIP, begin
from lab.machine import late
from lab.peers import Keepalived
from lab.waiting import hold_for, wait_for

BETWEEN = ('iifname "p-a" oifname "p-b"', 'iifname "p-b" oifname "p-a"')


@pytest.fixture
def client(lan, cabled):
    """A client that asks who has the address."""
    asker = Asker(lan.node("c", 3), VIP)
    yield asker
    asker.close()


def cable(nodes, up):
    """The second way between the nodes."""
    nodes[0].netns.ip("link", "set", "eth1", "up" if up else "down")


CUTS = {
    "between the nodes": lambda lan, nodes: lan.drop(*BETWEEN),
    "one way": lambda lan, nodes: lan.drop(BETWEEN[0]),
    "adverts": lambda lan, nodes: lan.drop("ip protocol 112"),
    "heartbeats on the LAN": lambda lan, nodes: lan.drop("udp dport 7112"),
    "the cable": lambda lan, nodes: cable(nodes, False),
    "all heartbeats": lambda lan, nodes: (lan.drop("udp dport 7112"), cable(nodes, False)),
    "the backup's link": lambda lan, nodes: lan.cut(nodes[1]),
}


def test_clients_follow_after_every_cut(lan, cabled, keys, client):
    """T1: one machine answers the client in each of these cuts and after its end, all the time, and it's the MASTER."""
    a, b = begin(lan, cabled, keys)
    since = time.time()
    for name, cut in CUTS.items():
        cut(lan, cabled)
        hold_for("a alone has the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 1.5)
        lan.heal()
        cable(cabled, True)
        hold_for("a alone has the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 0.5)
        assert {mac for _, mac in client.since(since)} == {cabled[0].mac}, name
    assert client.silence(since) < 0.1 + late()
    assert [a.state(), b.state()] == ["MASTER", "BACKUP"]
    # Everything at once makes two masters. When it's over one is left, and the client has it within a second.
    lan.drop(*BETWEEN)
    cable(cabled, False)
    wait_for("two masters", lambda: lan.holders(VIP), lambda seen: seen == ["a", "b"], 5)
    cable(cabled, True)
    lan.heal()
    holder = wait_for("one master", lambda: lan.holders(VIP), lambda seen: len(seen) == 1, 1.5 + late())[0]
    settled = time.time()
    wait_for("answers", lambda: client.since(settled + 0.2), lambda seen: len(seen) > 20, 3)
    assert {mac for _, mac in client.since(settled + 0.2)} == {lan.nodes[holder].mac}


def frozen(lan, node, pids):
    """A paused machine: nothing of it runs, and its kernel answers nobody."""
    lan.cut(node)
    node.netns.ip("link", "set", "eth1", "down")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def thawed(lan, node, pids):
    """It goes on."""
    node.netns.ip("link", "set", "eth1", "up")
    lan.heal()
    for pid in reversed(pids):
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("engine", ["hasup", "keepalived"])
def test_a_thawed_master_lets_go(lan, cabled, keys, client, engine):
    """T3: the other node is MASTER by then, and stays it: two answer for a heartbeat's time and the kernel's work (table:
    0.3 s). keepalived's advert takes the address back without a word: its priority is higher."""
    extra = {"extra": ["nopreempt"]}
    if engine == "hasup":
        daemons = begin(lan, cabled, keys, advert=1, **extra)
    else:
        daemons = [Keepalived(cabled[0], conf.simple(200, version=3, advert=1, **extra)).start()]
        lan.wait_holder(VIP, "a", 10)
        daemons.append(Keepalived(cabled[1], conf.simple(100, version=3, advert=1, **extra)).start())
        time.sleep(2)
    pids = daemons[0].program.family()
    frozen(lan, cabled[0], pids)
    wait_for("the address on b", lambda: cabled[1].holds(VIP), bound=8)
    thaw = time.time()
    thawed(lan, cabled[0], pids)
    if engine == "hasup":
        lan.wait_holder(VIP, "b", 1 + late())
        wait_for("answers", lambda: client.since(thaw), lambda seen: len(seen) > 50, 3)
        print(f"two machines answered for {client.double(thaw) * 1000:.0f} ms")
        assert client.double(thaw) < 0.3 + late()
        hold_for("b alone has the address", lambda: lan.holders(VIP), lambda seen: seen == ["b"], 1)
    else:
        lan.wait_holder(VIP, "a", 3)
        print(f"keepalived: two machines answered for {client.double(thaw) * 1000:.0f} ms")
