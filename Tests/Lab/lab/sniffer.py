"""What passed the LAN's ports, with the kernel's time stamps."""

import socket
import struct
import threading
import time

from .net import run
from .packets import Advert, Announcement, parse
from .waiting import wait_for

ETH_P_ALL = 3
PACKET_OUTGOING = 4
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33


class Sniffer:
    """Keeps each frame once: where it entered the bridge, before any rule of the bridge drops it.

    With `prefix` "eth" it listens on a node instead, to what its interfaces receive.
    """

    def __init__(self, place, prefix="p-"):
        self.place, self.prefix = place, prefix
        self.frames = []
        self.packets = []
        with place.netns.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        except PermissionError:  # in a user namespace
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.settimeout(0.1)
        self._stop = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while not self._stop:
            try:
                data, ancillary, _, (name, _, kind, *_) = self._socket.recvmsg(2048, 128)
            except socket.timeout:
                continue
            if kind == PACKET_OUTGOING or not name.startswith(self.prefix):
                continue
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            stamp = seconds + nanoseconds / 1e9
            self.frames.append((seconds, nanoseconds, data))
            packet = parse(stamp, name, data)
            if packet:
                self.packets.append(packet)

    def adverts(self, node=None, vrid=None, since=0.0, family=None):
        """Advertisements seen so far, oldest first."""
        return [packet for packet in self.packets if isinstance(packet, Advert) and packet.time > since
                and (node is None or packet.port == node.port) and (vrid is None or packet.vrid == vrid)
                and (family is None or packet.family == family)]

    def announcements(self, address=None, node=None, since=0.0):
        """Gratuitous ARPs and unsolicited neighbour advertisements seen so far."""
        return [packet for packet in self.packets if isinstance(packet, Announcement) and packet.time > since
                and (node is None or packet.port == node.port) and (address is None or packet.address == address)]

    def wait_advert(self, node, vrid=None, since=0.0, bound=6.0, count=1):
        """Waits for adverts from a node and returns the first of them."""
        return wait_for(f"{count} adverts from {node.name}", lambda: self.adverts(node, vrid, since),
                        lambda seen: len(seen) >= count, bound)[0]

    def takeover(self, old, new, vrid=None, since=0.0, bound=8.0):
        """Seconds between the old master's last advert and the new one's first after it."""
        last = self.adverts(old, vrid)[-1].time
        first = self.wait_advert(new, vrid, max(since, last), bound)
        return first.time - self.adverts(old, vrid)[-1].time

    def gaps(self, node, vrid=None, since=0.0):
        """Seconds between one advert of a node and the next."""
        times = [advert.time for advert in self.adverts(node, vrid, since)]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    def widest_gap(self, node, vrid=None, since=0.0):
        """The longest silence of a node from `since` until now, its last advert before included (or `since` itself)."""
        times = [advert.time for advert in self.adverts(node, vrid)]
        before, after = [moment for moment in times if moment <= since], [moment for moment in times if moment > since]
        times = [*(before[-1:] or [since]), *after, time.time()]
        return max(later - earlier for earlier, later in zip(times, times[1:]))

    def save(self, path):
        """Writes all frames as a pcap file with nanoseconds."""
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
            for seconds, nanoseconds, data in list(self.frames):
                file.write(struct.pack("<IIII", seconds, nanoseconds, len(data), len(data)) + data)
        return path

    def close(self):
        """Ends the reading."""
        self._stop = True
        self._thread.join(2)
        self._socket.close()


def dissect(path):
    """What tshark finds wrong in a pcap file: malformed packets, expert errors, bad checksums."""
    expression = "_ws.malformed || _ws.expert.severity == \"Error\" || ip.checksum.status == \"Bad\"" \
        " || vrrp.checksum.status == \"Bad\" || icmpv6.checksum.status == \"Bad\""
    return run("tshark", "-r", path, "-o", "ip.check_checksum:TRUE", "-Y", expression, timeout=60)


def dissected(path, expression):
    """tshark's lines for frames that match."""
    return run("tshark", "-r", path, "-Y", expression, timeout=60).splitlines()
