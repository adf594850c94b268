"""Packets that a hostile or broken machine sends."""

import os
import random
import socket
import time

from .packets import MULTICAST4, frame, ip_packet, vrrp_pdu

LONG = bool(os.environ.get("LONG"))


class Injector:
    """Sends frames from a node's interface."""

    def __init__(self, node, interface="eth0"):
        self.node = node
        with node.netns.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.bind((interface, 0))

    def packet(self, packet, destination=MULTICAST4):
        """Sends one IP packet in a frame of its own."""
        self.socket.send(frame(self.node.mac, destination, packet))

    def close(self):
        """Closes the socket."""
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def bad_packets(source, vrid, address="10.0.0.100", version=3, interval=1.0, password=None):
    """One packet of each kind that must be counted and otherwise ignored: kind -> IP packet."""
    auth = {"auth_type": 1, "auth": password} if password else {}
    options = {"version": version, "interval": interval, **auth}
    good = vrrp_pdu(source, MULTICAST4, vrid, 1, [address], **options)
    other = {"version": 5 - version, "interval": 1.0}
    kinds = {
        "checksum": ip_packet(source, MULTICAST4, good[:6] + bytes([good[6] ^ 0x55]) + good[7:]),
        "ttl": ip_packet(source, MULTICAST4, good, ttl=64),
        "truncated": ip_packet(source, MULTICAST4, good[:7]),
        "version": ip_packet(source, MULTICAST4, vrrp_pdu(source, MULTICAST4, vrid, 1, [address], **other)),
        # Priority 254: were it heard, it would win.
        "no address": ip_packet(source, MULTICAST4, vrrp_pdu(source, MULTICAST4, vrid, 254, [], **options)),
    }
    if password:
        wrong = {**options, "auth": bytes(reversed(password))}
        kinds["auth"] = ip_packet(source, MULTICAST4, vrrp_pdu(source, MULTICAST4, vrid, 1, [address], **wrong))
    return kinds


def oversized(source, vrid, address="10.0.0.100", **options):
    """A good advert with a tail: its length is as wrong as a truncated one's, and counts as that."""
    good = vrrp_pdu(source, MULTICAST4, vrid, 254, [address], **options)
    return ip_packet(source, MULTICAST4, good + bytes(1200))


def mutations(seed, count, source, vrid, address="10.0.0.100"):
    """Random packets and mutations of good ones, always the same for one seed."""
    chance = random.Random(seed)
    good = ip_packet(source, MULTICAST4, vrrp_pdu(source, MULTICAST4, vrid, 1, [address], interval=0.1))
    empty = ip_packet(source, MULTICAST4, vrrp_pdu(source, MULTICAST4, vrid, 1, [], interval=0.1))
    for number in range(count):
        kind = number % 5
        if kind == 0:
            yield ip_packet(source, MULTICAST4, chance.randbytes(chance.randrange(0, 1400)), ttl=255)
        elif kind == 1:
            body = bytearray(good)
            for _ in range(chance.randrange(1, 4)):
                body[chance.randrange(20, len(body))] ^= 1 << chance.randrange(8)
            yield bytes(body)
        elif kind == 2:
            yield ip_packet(source, MULTICAST4, good[20:chance.randrange(20, len(good))])
        elif kind == 3:
            tail = chance.randbytes(chance.randrange(1, 1400))
            yield ip_packet(source, MULTICAST4, good[20:] + tail, ttl=chance.randrange(255))
        else:
            body = bytearray(empty if chance.random() < 0.5 else good)
            body[20 + chance.randrange(6)] = chance.randrange(256)
            yield bytes(body)


def steadily(packets, per_second, seconds, send):
    """Sends the packets in turn at a steady rate."""
    begin, number = time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        if number < (time.monotonic() - begin) * per_second:
            send(packets[number % len(packets)])
            number += 1
        else:
            time.sleep(0.0005)
    return number
