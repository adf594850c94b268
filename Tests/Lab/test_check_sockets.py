"""Sockets of checks that need more than an ordinary program has: ping sockets (D79), marks and privileged local ports (D78)."""

import grp
import os
import re
import socket
import threading

import pytest
from lab import services
from lab.services import check, http_get, real, service, tcp, wait_table
from lab.servers import Server, http, smtp
from lab.waiting import hold_for, wait_for

MARK = 7
PING_RANGE = "net.ipv4.ping_group_range"


def ping(*lines, **options):
    """A PING_CHECK's block."""
    return check("PING_CHECK", *lines, **options)


def setting(node, name):
    """A sysctl of this node, words separated by blanks."""
    with node.netns.entered(), open("/proc/sys/" + name.replace(".", "/"), encoding="ascii") as file:
        return " ".join(file.read().split())


def widened():
    """The range with the checker's group alone in it."""
    number = grp.getgrnam("hasup-run").gr_gid
    return f"{number} {number}"


def sockets(pid):
    """Numbers of a process's sockets."""
    found = set()
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.update(re.findall(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{number}")))
        except FileNotFoundError:
            pass
    return found


def test_ping(lan, begin):
    """Both families and all ends; out when nobody answers, back when somebody does; no route is no answer (B23)."""
    a, b = lan.nodes["a"], lan.node("b")
    lan.node("c")
    assert setting(a, PING_RANGE) == "1 0"
    hasup, table = begin(service(
        real(9001, ping("connect_ip 10.0.0.2", "connect_port 9")), real(9002, ping("connect_ip fd00::2", timeout=0.5)),
        real(9003, ping("connect_ip 10.0.0.2", "bind_if eth0")),
        real(9004, ping("connect_ip 10.0.0.2", "bindto 10.0.0.1", "bind_port 777", f"fwmark {MARK}", "warmup 0",
                        "delay_before_retry 0.1", "log_all_failures")),
        real(9005, ping("connect_ip fe80::3", "bind_if eth0")), real(9006, ping("connect_ip 10.0.0.77", "alpha")),
        real(9007, ping("connect_ip 192.0.2.1"))))
    there = {port: 1 for port in range(9001, 9006)}
    wait_table(table, there)
    hold_for("all that answer", table.servers, lambda seen: seen == there, 1.5)
    assert setting(a, PING_RANGE) == widened()
    for family in ("ipv4.icmp_echo_ignore_all", "ipv6.icmp.echo_ignore_all"):
        b.netns.sysctl(f"net.{family}", 1)
    wait_table(table, {9005: 1})
    assert "9001 of tcp 10.99.0.1:80 is DOWN (no answer in time)" in hasup.log()
    for family in ("ipv4.icmp_echo_ignore_all", "ipv6.icmp.echo_ignore_all"):
        b.netns.sysctl(f"net.{family}", 0)
    wait_table(table, there)
    # The device that a check is bound to is down: that isn't the server's failure. Where there is no route it is.
    a.netns.ip("link", "set", "eth0", "down")
    wait_for("servers without a route to go", table.servers, lambda seen: 9001 not in seen and 9002 not in seen)
    hold_for("those bound to the device", table.servers, lambda seen: 9003 in seen and 9005 in seen, 2)
    shown = hasup.cli("services").stdout
    assert "UNCHECKED" in shown and "interface is down" in shown, shown
    a.netns.ip("link", "set", "eth0", "up")
    wait_for("the others", table.servers, lambda seen: {9001, 9003, 9004} <= set(seen), 8)
    hasup.stop()
    assert setting(a, PING_RANGE) == "1 0"


def test_the_range_of_ping_groups_is_put_back(lan, begin):
    """After a crash by the next hasupd; not over somebody else's change; after the last PING_CHECK has gone."""
    a = lan.nodes["a"]
    with_ping = service(real(9001, ping("connect_ip 10.0.0.1")))
    without = service(real(9001))
    a.netns.sysctl(PING_RANGE, "5 6")
    high = int(widened().split()[0])
    hasup, table = begin(with_ping)
    wait_table(table, {9001: 1})
    wait_for("the range", lambda: setting(a, PING_RANGE), lambda seen: seen == f"5 {high}")
    hasup.kill()
    assert setting(a, PING_RANGE) == f"5 {high}"
    hasup, table = begin(with_ping)
    wait_for("the checker", lambda: hasup.roles().get("hasup-checker"), lambda found: found, 8)
    assert hasup.cli("upgrade", bound=20).returncode == 0
    wait_for("the checker", lambda: hasup.roles().get("hasup-checker"), lambda found: found, 8)
    assert hasup.reload(without).returncode == 0
    wait_for("the range as it was", lambda: setting(a, PING_RANGE), lambda seen: seen == "5 6")
    assert hasup.reload(with_ping).returncode == 0
    wait_for("the range", lambda: setting(a, PING_RANGE), lambda seen: seen == f"5 {high}")
    a.netns.sysctl(PING_RANGE, "0 2000000")
    hasup.stop()
    assert setting(a, PING_RANGE) == "0 2000000"


@pytest.fixture
def filtered(lan, begin):
    """The node a, whose output lets only marked packets, or those of one local port, to some servers."""
    node = lan.nodes["a"]
    node.netns.run("nft", "-f", node.write("rules.nft", f"""table ip t {{
        chain output {{
            type filter hook output priority 0;
            tcp dport {{ 9001, 9002, 9003 }} meta mark != {MARK} drop
            udp dport {{ 9004, 9005 }} meta mark != {MARK} drop
            icmp type echo-request meta mark != {MARK} drop
            tcp dport {{ 9011, 9012 }} tcp sport != 700 drop
            tcp dport 9013 meta mark != {MARK} drop
            tcp dport 9013 tcp sport != 701 drop
        }}
    }}\n"""))
    return node


def answering(node, port, change):
    """A server for datagrams."""
    with node.netns.entered():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind(("127.0.0.1", port))

    def answer():
        while True:
            asked, whom = listener.recvfrom(4096)
            listener.sendto(change(asked), whom)
    threading.Thread(target=answer, daemon=True).start()


def test_marks_and_privileged_ports(begin, filtered):
    """hasupd makes the socket, once a check: the mark is on each packet, also after a failure."""
    node = filtered
    servers = {9001: None, 9002: http(), 9003: smtp, 9011: None, 9012: http(), 9013: http(), 9020: None}
    servers = {port: Server(node, port, reply).start() for port, reply in servers.items()}
    answering(node, 9004, lambda asked: asked[:2] + bytes([asked[2] | 0x80]) + asked[3:])
    answering(node, 9005, lambda asked: b"ok")
    mark = f"fwmark {MARK}"
    hasup, table = begin(service(
        real(9001, tcp(mark)), real(9002, http_get(extra=[mark])), real(9003, check("SMTP_CHECK", mark)),
        real(9004, check("DNS_CHECK", mark)), real(9005, check("UDP_CHECK", mark, "require_reply")),
        real(9006, ping(mark, "connect_ip 127.0.0.1")), real(9007, ping("connect_ip 127.0.0.1", timeout=0.5)),
        real(9011, tcp("bind_port 700")), real(9012, http_get(extra=["bind_port 700"])),
        real(9013, http_get(extra=["bind_port 701", mark])),
        real(9021, tcp("connect_port 9001", timeout=0.5)), extra=["alpha"]))
    there = {port: 1 for port in (9001, 9002, 9003, 9004, 9005, 9006, 9011, 9012, 9013)}
    wait_table(table, there)
    hold_for("all with the mark", table.servers, lambda seen: seen == there, 2)
    # It is the same socket each time: nine with the channel; SMTP closes as it should.
    pid = hasup.worker("hasup-checker")
    lasting = sockets(pid)
    hold_for("sockets", lambda: lasting.intersection_update(sockets(pid)) or len(lasting), lambda count: count > 6, 1.5)
    for port in (9001, 9012):
        servers[port].stop()
    wait_table(table, {port: 1 for port in there if port not in (9001, 9012)})
    for port in (9001, 9012):
        servers[port].start()
    wait_table(table, there)
    assert hasup.reload(service(real(9002, http_get(extra=[mark])), real(9001, tcp("fwmark 8"), weight=3))).returncode == 0
    wait_table(table, {9002: 1}, 8)
    assert "hasup-checker ended" not in hasup.log() and "refused a" not in hasup.log(), hasup.log()


def test_a_privileged_port_that_comes_later_wants_a_restart(begin, filtered):
    """hasupd has given up the right to it when its first configuration had none."""
    Server(filtered, 9011).start()
    hasup, table = begin(service(real(9020)))
    wait_table(table, {9020: 1})
    report = hasup.reload(service(real(9020), real(9011, tcp("bind_port 700"))))
    assert report.returncode != 0 and "privileged bind_port" in report.stdout + report.stderr, report
    assert services.VS in "".join(" ".join(line) for line in table.lines())
