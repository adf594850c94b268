"""Two nodes with a guard: the cluster block, its keys, and the heartbeats as another program reads them."""

import base64
import hashlib
import hmac
import json
import os
import socket
import struct

from . import conf
from .hasup import Hasup, binary
from .net import run

VIP = "10.0.0.100"
PORT = 7112
SIGNATURE = 16


def guard(key, *lines, names="ab"):
    """The cluster block, the same on all nodes, in lines that keepalived skips; with these lines in it."""
    more = "".join(f"    {line}\n" for line in lines)
    members = "".join(f"""    node {name} {{
        heartbeat lan udp 10.0.0.{number} dev eth0
        heartbeat cable udp 192.168.9.{number} dev eth1
    }}
""" for number, name in enumerate(names, 1))
    block = f"""cluster web {{
    secret file:{key}
{more}{members}    guard VI_1
}}
"""
    return "".join(f"@hasup {line}\n" for line in block.splitlines())


def make_key(node, name="cluster.key"):
    """A new key file of a node."""
    path = os.path.join(node.directory, name)
    run(binary("hasup"), "keygen", "--number", "3", path)
    return path


def copy_key(path, node):
    """The same key file on another node."""
    copy = os.path.join(node.directory, "cluster.key")
    run("install", "-m", "600", path, copy)
    return copy


def frame_key(path):
    """The key of frames, derived as docs/decisions, D105, has it."""
    with open(path, encoding="ascii") as file:
        number, text = file.read().split()
    assert number == "3"
    secret = hmac.new(b"web", base64.b64decode(text), hashlib.sha256).digest()
    return hmac.new(secret, b"hasup beat\1", hashlib.sha256).digest()


class Beat:
    """A heartbeat as it came: the Ethernet frame, and what is in it."""

    def __init__(self, stamp, frame):
        self.time, self.frame = stamp, frame
        payload = frame[14 + 20 + 8:]
        self.signed, self.signature = payload[:-SIGNATURE], payload[-SIGNATURE:]
        magic, version, kind, self.tag, self.sender, self.path, echoes, groups = struct.unpack("!2sBB4sBBBB", payload[:12])
        assert (magic, version, kind) == (b"HU", 1, 0x13)
        self.nonce, self.sequence = struct.unpack("!QQ", payload[12:28])
        self.echoes = [payload[40 + 24 * index:64 + 24 * index] for index in range(echoes)]
        rest = payload[40 + 24 * echoes:]
        self.states = [rest[24 * index + 2] for index in range(groups)]

    def is_signed_by(self, key):
        """Whether the last 16 bytes are its signature."""
        return hmac.compare_digest(hmac.new(key, self.signed, hashlib.sha256).digest()[:SIGNATURE], self.signature)


def beats(sniffer, sender, since=0.0):
    """Heartbeats that came to the sniffer's node from the node of this number."""
    found = []
    for seconds, nanoseconds, data in list(sniffer.frames):
        stamp = seconds + nanoseconds / 1e9
        if stamp > since and data[12:14] == b"\x08\0" and data[23] == socket.IPPROTO_UDP:
            if struct.unpack("!H", data[36:38])[0] == PORT and data[42 + 8] == sender:
                found.append(Beat(stamp, data))
    return found


def daemon(node, key, priority, lines=(), **options):
    """hasup on a node, with the cluster block in its file; it isn't started."""
    options = {"version": 3, "advert": 0.1, **options}
    before = guard(key, *lines) if key else ""
    return Hasup(node, conf.simple(priority, before=before, **options))


def begin(lan, nodes, keys, lines=(), **options):
    """Starts hasup on both nodes; a becomes MASTER. Without keys they have no guard."""
    daemons = [daemon(node, key, priority, lines, **options).start("--config-id", node.name)
               for node, key, priority in zip(nodes, keys, (200, 100))]
    settle(lan, daemons)
    return daemons


def settle(lan, daemons):
    """Waits until a is MASTER and b BACKUP, after the election."""
    lan.wait_holder(VIP, "a", 10)
    daemons[0].wait_state("MASTER")
    daemons[1].wait_state("BACKUP")


def nodes(hasup):
    """The other nodes of its clusters, as status has them."""
    return json.loads(hasup.cli("status", "--json").stdout)["daemon"]["cluster_nodes"]


def paths(hasup):
    """The ways on which it hears the other node."""
    return [way for node in nodes(hasup) for way in node["heartbeats"]]


def altered(frame, change=lambda payload: payload):
    """An Ethernet frame with another UDP payload, whose lengths and checksums fit: a captured one has no right checksum."""
    payload = change(bytearray(frame[42:]))
    udp = frame[34:38] + struct.pack("!HH", 8 + len(payload), 0)
    head = bytearray(frame[14:34])
    head[2:4] = struct.pack("!H", 28 + len(payload))
    head[10:12] = b"\0\0"
    total = sum(struct.unpack("!10H", head))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    head[10:12] = struct.pack("!H", ~total & 0xffff)
    return bytes(frame[:14] + head + udp + payload)
