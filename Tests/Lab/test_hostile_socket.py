"""The packet socket that one VRRP worker after the other is given (docs/decisions, D39): what a worker that an
attacker owns makes of it isn't its successor's."""

import fcntl
import os
import signal
import socket
import struct
import time

import pytest
from lab.hostile import Impostor, borrowed
from lab.waiting import wait_for
from test_hostile_worker import lone, restarts, successor  # noqa: F401

SO_DETACH_FILTER, SO_LOCK_FILTER = 27, 44
SOL_PACKET, PACKET_TX_RING, PACKET_VNET_HDR = 263, 13, 15
ADDRESSES = [f"10.0.1.{number}" for number in range(1, 61)]


def packet_socket(pid):
    """A copy of a worker's packet socket."""
    for name in os.listdir(f"/proc/{pid}/fd"):
        if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
            continue
        one = socket.socket(fileno=borrowed(pid, int(name)))
        if one.family == socket.AF_PACKET:
            return one
        one.close()
    raise AssertionError(f"process {pid} has no packet socket")


def settings(one):
    """What of a packet socket could differ for who uses it next."""
    return {"buffer": one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
            "waits": not fcntl.fcntl(one.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK,
            "bound": one.getsockname()[:2],
            "header": one.getsockopt(SOL_PACKET, PACKET_VNET_HDR)}


def refused(attempt):
    """Whether the kernel refuses it, whoever asks."""
    try:
        attempt()
    except OSError:
        return True
    return False


# What a sealed worker's list of system calls allows, and then what only one without would do.
ALLOWED = {
    "the least buffer": lambda one: one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 0),
    "the largest buffer": lambda one: one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30),
    "sending waits": lambda one: fcntl.fcntl(one.fileno(), fcntl.F_SETFL, 0),
    "receiving has a limit": lambda one: (
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 1)),
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)),
}
# The last three can't be taken back by who didn't do it: there the next worker gets another socket.
FORBIDDEN = {
    "a header before each frame": lambda one: one.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1),
    "bound to all protocols": lambda one: one.bind(("eth0", 3)),
    "bound to another interface": lambda one: one.bind(("eth1", 0x0806)),
    # By which sending sends what is in the ring, and nothing else.
    "a ring": lambda one: one.setsockopt(SOL_PACKET, PACKET_TX_RING, struct.pack("IIII", 4096, 1, 2048, 2)),
}


@pytest.mark.parametrize("kind", [*ALLOWED, *FORBIDDEN, "all"])
def test_a_spoiled_packet_socket(lone, lan, sniffer, kind):  # noqa: F811
    """The next worker has it as the first one had, and each address is announced."""
    node = lan.nodes["a"]
    a = lone(vips=[f"{address}/32" for address in ADDRESSES])
    old = a.worker()
    with packet_socket(old) as one:
        before = settings(one)
        assert before["bound"] == ("", 0) and not before["waits"] and not before["header"]
        with Impostor(old) as impostor:
            for name, spoil in (ALLOWED | FORBIDDEN).items():
                if kind in (name, "all"):
                    spoil(one)
            assert settings(one) != before or kind in ("receiving has a limit", "a ring")
            # The filter is locked: nobody has ever received by it, and nobody will.
            assert refused(lambda: one.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0))
            assert refused(lambda: one.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 0))
            os.kill(impostor.pid, signal.SIGKILL)
        now = successor(a, old)
        with packet_socket(now) as its:
            assert settings(its) == before
            is_lost = kind in [*list(FORBIDDEN)[1:], "all"]
            assert os.path.sameopenfile(one.fileno(), its.fileno()) != is_lost
    assert restarts(a) == 1
    sniffer.wait_advert(node, since=time.time(), count=2)
    # The interface is slow, so that all of a burst waits in the socket's buffer.
    node.netns.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "80kbit",
                   "burst", "1540", "latency", "9s")
    node.netns.ip("link", "set", "eth0", "down")
    a.wait_state("FAULT")
    begin = time.time()
    node.netns.ip("link", "set", "eth0", "up")
    a.wait_state("MASTER")
    first = sniffer.wait_advert(node, since=begin, count=1)
    # The first round; a second one follows seconds later.
    wait_for("each address to be announced",
             lambda: {packet.address for packet in sniffer.announcements(node=node, since=begin)
                      if packet.time < first.time + 3},
             lambda seen: seen == set(ADDRESSES), 4)
