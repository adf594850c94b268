"""Ethernet, ARP, neighbour advertisements and VRRP: enough to judge and to forge what is on the LAN."""

import ipaddress
import socket
import struct
from dataclasses import dataclass, field

VRRP = 112
MULTICAST4, MULTICAST6 = "224.0.0.18", "ff02::12"


def checksum(data):
    """The Internet checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac_text(data):
    """Six bytes as text."""
    return ":".join(f"{byte:02x}" for byte in data)


def mac_bytes(text):
    """Text as six bytes."""
    return bytes.fromhex(text.replace(":", ""))


def address_bytes(text):
    """An IPv4 or IPv6 address as bytes."""
    return ipaddress.ip_address(text).packed


def pseudo_header(source, destination, length):
    """The pseudo-header of version 3, as both families have it."""
    source, destination = address_bytes(source), address_bytes(destination)
    if len(source) == 4:
        return source + destination + struct.pack("!BBH", 0, VRRP, length)
    return source + destination + struct.pack("!IHBB", length, 0, 0, VRRP)


@dataclass(frozen=True)
class Advert:
    """One VRRP advertisement as it was on the wire."""

    time: float
    port: str
    mac: str
    source: str
    destination: str
    ttl: int
    version: int
    vrid: int
    priority: int
    interval: float
    addresses: tuple
    auth_type: int
    auth_data: bytes
    checksum_ok: bool
    pdu: bytes = field(repr=False)

    @property
    def family(self):
        """4 or 6."""
        return 6 if ":" in self.source else 4


@dataclass(frozen=True)
class Announcement:
    """A gratuitous ARP or an unsolicited neighbour advertisement."""

    time: float
    port: str
    mac: str
    address: str


def parse_vrrp(time, port, mac, source, destination, ttl, pdu):
    """An advertisement from the bytes after the IP header, or None if they are too few."""
    if len(pdu) < 8:
        return None
    kind, vrid, priority, count, word, _ = struct.unpack("!BBBBHH", pdu[:8])
    version, size = kind >> 4, 16 if ":" in source else 4
    if version == 2:
        auth_type, interval = word >> 8, float(word & 0xFF)
    else:
        auth_type, interval = 0, (word & 0xFFF) / 100
    covered = pdu if version == 2 and size == 4 else pseudo_header(source, destination, len(pdu)) + pdu
    addresses = tuple(str(ipaddress.ip_address(pdu[8 + i * size:8 + (i + 1) * size]))
                      for i in range(count) if len(pdu) >= 8 + (i + 1) * size)
    return Advert(time, port, mac, source, destination, ttl, version, vrid, priority, interval, addresses, auth_type,
                  pdu[8 + count * size:] if version == 2 else b"", checksum(covered) == 0, pdu)


def parse(time, port, data):
    """An `Advert`, an `Announcement`, or None for anything else."""
    if len(data) < 14:
        return None
    mac, ethertype, body = mac_text(data[6:12]), struct.unpack("!H", data[12:14])[0], data[14:]
    if ethertype == 0x0800 and len(body) >= 20 and body[9] == VRRP:
        header, total = (body[0] & 15) * 4, struct.unpack("!H", body[2:4])[0]
        return parse_vrrp(time, port, mac, socket.inet_ntoa(body[12:16]), socket.inet_ntoa(body[16:20]), body[8],
                          body[header:total])
    if ethertype == 0x86DD and len(body) >= 40:
        length, following, hops = struct.unpack("!HBB", body[4:8])
        source, destination = (str(ipaddress.ip_address(body[i:i + 16])) for i in (8, 24))
        if following == VRRP:
            return parse_vrrp(time, port, mac, source, destination, hops, body[40:40 + length])
        if following == 58 and length >= 24 and body[40] == 136:
            return Announcement(time, port, mac, str(ipaddress.ip_address(body[48:64])))
    if ethertype == 0x0806 and len(body) >= 28 and body[14:18] == body[24:28]:
        return Announcement(time, port, mac, socket.inet_ntoa(body[14:18]))
    return None


def vrrp_pdu(source, destination, vrid, priority, addresses, version=3, interval=1.0, auth_type=0, auth=b""):
    """The bytes of a right advertisement."""
    packed = b"".join(address_bytes(address) for address in addresses)
    word = (auth_type << 8) | int(interval) if version == 2 else round(interval * 100) & 0xFFF
    trailer = auth.ljust(8, b"\0")[:8] if version == 2 else b""
    head = struct.pack("!BBBBH", version << 4 | 1, vrid, priority, len(addresses), word)
    blank = head + b"\0\0" + packed + trailer
    covered = blank if version == 2 else pseudo_header(source, destination, len(blank)) + blank
    return head + struct.pack("!H", checksum(covered)) + packed + trailer


def ip_packet(source, destination, pdu, ttl=255, protocol=VRRP):
    """An IP packet of either family around a payload."""
    if ":" in source:
        return struct.pack("!IHBB", 6 << 28 | 0xC0 << 20, len(pdu), protocol, ttl) + address_bytes(source) + \
            address_bytes(destination) + pdu
    head = struct.pack("!BBHHHBB", 0x45, 0xC0, 20 + len(pdu), 1, 0, ttl, protocol)
    addresses = address_bytes(source) + address_bytes(destination)
    return head + struct.pack("!H", checksum(head + b"\0\0" + addresses)) + addresses + pdu


def frame(source_mac, destination, packet):
    """An Ethernet frame to the multicast MAC of `destination`, or to a MAC given as text."""
    if destination == MULTICAST4:
        target = bytes.fromhex("01005e000012")
    elif destination == MULTICAST6:
        target = bytes.fromhex("333300000012")
    else:
        target = mac_bytes(destination)
    return target + mac_bytes(source_mac) + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet
