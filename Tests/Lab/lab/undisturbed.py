"""Whether what is done to one node is noticed by its peer, by who uses the address, or on the wire."""

import pathlib
import socket
import subprocess
import sys
import threading
import time

INSIDE = pathlib.Path(__file__).resolve().parents[1] / "inside"

class AddressWatch:
    """rtnetlink in a node's namespace: whenever the address is removed from an interface, or comes to one.

    A realtime process of its own reads the clock: this one's threads would do it when the daemons let them.
    """

    def __init__(self, node, address):
        self.removed, self.added = [], []
        with node.netns.entered():
            route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        with route:
            route.bind((0, 0x10))  # RTMGRP_IPV4_IFADDR
            self.process = subprocess.Popen(
                [sys.executable, INSIDE / "address_watch.py", str(route.fileno()), address],
                pass_fds=[route.fileno()], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            what, moment = line.split()
            (self.added if what == "added" else self.removed).append(float(moment))

    def close(self):
        """Ends the reading."""
        self.process.kill()
        self.process.wait()
        self.thread.join(2)
        self.process.stdout.close()


def changes(hasup):
    """How often the instance has become or left MASTER."""
    counters = hasup.status().instance()["counters"]
    return counters["became_master"], counters["left_master"]


class Undisturbed:
    """Nobody but the daemon's own log knows that it was replaced."""

    def __init__(self, a, b, node, sniffer, watched):
        self.a, self.b, self.node, self.sniffer, self.watched = a, b, node, sniffer, watched
        self.before, self.mine, self.begin = changes(b), changes(a), time.time()
        sniffer.wait_advert(node, since=self.begin, bound=5)

    def goes_on(self, interval):
        """Waits until the node has advertised twice from now on."""
        self.sniffer.wait_advert(self.node, since=time.time(), bound=interval * 4 + 2, count=2)

    def check(self, what):
        """No transition, no address removed, no priority 0; prints the longest gap between adverts."""
        gap = max(self.sniffer.gaps(self.node, since=self.begin))
        print(f"{what}: {changes(self.b)[0] - self.before[0]} transitions, longest gap {gap * 1000:.0f} ms")
        assert changes(self.b) == self.before
        assert not self.watched.removed
        assert changes(self.a) == self.mine
        assert all(advert.priority for advert in self.sniffer.adverts(self.node) if advert.time > self.begin)
