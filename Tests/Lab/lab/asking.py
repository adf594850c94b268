"""Who answers for an address, as a client on the LAN sees it: asked by ARP every 10 ms."""

import socket
import struct
import threading
import time

PERIOD = 0.01
ETH_P_ARP = 0x0806
REQUEST, REPLY = 1, 2
EVERYBODY = b"\xff" * 6


class Asker:
    """Asks on a node for an address, and keeps who answers: `answers` is [(time, MAC)]."""

    def __init__(self, node, address):
        self.address = socket.inet_aton(address)
        self.answers = []
        with node.netns.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
        self._socket.bind(("eth0", ETH_P_ARP))
        self._socket.settimeout(PERIOD)
        own = bytes.fromhex(node.mac.replace(":", ""))
        self._request = (EVERYBODY + own + struct.pack("!HHHBBH", ETH_P_ARP, 1, 0x0800, 6, 4, REQUEST)
                         + own + socket.inet_aton(node.ip4) + bytes(6) + self.address)
        self._stop = False
        self._threads = [threading.Thread(target=step, daemon=True) for step in (self._ask, self._listen)]
        for thread in self._threads:
            thread.start()

    def _ask(self):
        while not self._stop:
            try:
                self._socket.send(self._request)
            except OSError:  # the link is down
                pass
            time.sleep(PERIOD)

    def _listen(self):
        while not self._stop:
            try:
                data = self._socket.recv(2048)
            except (socket.timeout, OSError):
                continue
            if len(data) >= 42 and data[20:22] == struct.pack("!H", REPLY) and data[28:32] == self.address:
                self.answers.append((time.time(), data[22:28].hex(":")))

    def close(self):
        """Ends it."""
        self._stop = True
        for thread in self._threads:
            thread.join(2)
        self._socket.close()

    def since(self, moment):
        """Answers after a moment."""
        return [(time_, mac) for time_, mac in self.answers if time_ > moment]

    def double(self, since=0.0):
        """Seconds for which two machines answered: the longest time in which answers of one lie between those of another."""
        spans = {}
        for moment, mac in self.since(since):
            first, _ = spans.get(mac, (moment, moment))
            spans[mac] = (first, moment)
        ordered = sorted(spans.values())
        return max((min(before[1], after[1]) - after[0] for before, after in zip(ordered, ordered[1:])), default=0.0)

    def silence(self, since=0.0):
        """Seconds for which nobody answered at most."""
        times = [moment for moment, _ in self.since(since)]
        return max((after - before for before, after in zip(times, times[1:])), default=0.0)
