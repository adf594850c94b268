"""Whether what is done to one node is noticed by its peer, by who uses the address, or on the wire."""

import socket
import struct
import threading
import time


class AddressWatch:
    """rtnetlink in a node's namespace: whenever the address is removed from an interface, or comes to one."""

    def __init__(self, node, address):
        self.wanted, self.removed, self.added, self.stopped = socket.inet_aton(address), [], [], False
        with node.netns.entered():
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.socket.bind((0, 0x10))  # RTMGRP_IPV4_IFADDR
        self.socket.settimeout(0.1)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while not self.stopped:
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                continue
            while len(data) >= 16:
                length, kind = struct.unpack("IH", data[:6])
                if kind == 21 and self.wanted in data[16:length]:  # RTM_DELADDR
                    self.removed.append(time.time())
                if kind == 20 and self.wanted in data[16:length]:  # RTM_NEWADDR
                    self.added.append(time.time())
                data = data[max(16, (length + 3) & ~3):]

    def close(self):
        """Ends the reading."""
        self.stopped = True
        self.thread.join(2)
        self.socket.close()


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
