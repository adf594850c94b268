"""rtnetlink by hand: marks of addresses (IFA_PROTO), which iproute2 shows and sets since its version 6.3 only."""

import ipaddress
import os
import socket
import struct

RTM_NEWADDR, RTM_GETADDR, NLMSG_ERROR, NLMSG_DONE = 20, 22, 2, 3
REQUEST, ACK, DUMP, CREATE_NEW = 0x1, 0x4, 0x300, 0x600
ADDRESS, LOCAL, CACHE, FLAGS, PROTO = 1, 2, 6, 8, 11
NO_DUPLICATES_SOUGHT = 0x02
HASUP, KEEPALIVED = 112, 18


def _attribute(kind, data):
    size = 4 + len(data)
    return struct.pack("HH", size, kind) + data + bytes(-size % 4)


def _ask(node, kind, flags, body):
    """Sends one request; yields (type, payload) of what comes until it is answered."""
    with node.netns.entered():
        link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    with link:
        link.settimeout(5)
        link.send(struct.pack("IHHII", 16 + len(body), kind, flags | REQUEST, 1, 0) + body)
        while True:
            data = link.recv(1 << 16)
            while len(data) >= 16:
                length, answer = struct.unpack("IH", data[:6])
                if answer == NLMSG_DONE:
                    return
                if answer == NLMSG_ERROR:
                    code = -struct.unpack("i", data[16:20])[0]
                    if code:
                        raise OSError(code, os.strerror(code))
                    return
                yield answer, data[16:length]
                data = data[(length + 3) & ~3:]


def add(node, prefix, interface, mark=0, lifetime=None):
    """Adds an address with a mark, or without one; with a lifetime in seconds, as DHCP does it."""
    parsed = ipaddress.ip_interface(prefix)
    with node.netns.entered():
        index = socket.if_nametoindex(interface)
    packed = parsed.ip.packed
    family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
    body = struct.pack("BBBBI", family, parsed.network.prefixlen, 0, 0, index) + _attribute(LOCAL, packed) \
        + _attribute(ADDRESS, packed)
    if parsed.version == 6:
        body += _attribute(FLAGS, struct.pack("I", NO_DUPLICATES_SOUGHT))
    if mark:
        body += _attribute(PROTO, bytes([mark]))
    if lifetime:
        body += _attribute(CACHE, struct.pack("IIII", lifetime, lifetime, 0, 0))
    list(_ask(node, RTM_NEWADDR, ACK | CREATE_NEW, body))


def of(node, address):
    """The marks of an address on all interfaces; 0 is none."""
    wanted, found = ipaddress.ip_address(address).packed, []
    for kind, data in _ask(node, RTM_GETADDR, DUMP, struct.pack("BBBBI", 0, 0, 0, 0, 0)):
        attributes, rest = {}, data[8:]
        while kind == RTM_NEWADDR and len(rest) >= 4:
            size, name = struct.unpack("HH", rest[:4])
            attributes[name] = rest[4:size]
            rest = rest[(size + 3) & ~3:]
        if attributes.get(LOCAL, attributes.get(ADDRESS)) == wanted:
            found.append(attributes.get(PROTO, b"\0")[0])
    return found
