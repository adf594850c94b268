"""Quorums, sorry servers and who is told of them; `--ipvs-record` stands for the kernel's table (behaviours_lvs2 B10-B13)."""

import ctypes
import json
import os
import signal
import socket
import threading

import pytest
from lab import mail
from lab.fifo import Ears
from lab.hasup import Hasup
from lab.servers import Server, http, silent
from lab.services import VS, http_get, real, service, tcp, wait_table
from lab.told import Told, calls, globals_of, line, noted
from lab.waiting import hold_for, wait_for


def test_quorum_with_hysteresis(lan, begin):
    """B10, B11: gained at quorum + hysteresis, lost below quorum - hysteresis; inhibited servers stay with weight 0. Both FIFOs
    and their readers are told byte for byte."""
    node = lan.nodes["a"]
    ears = Ears(node)
    ports = [9001, 9002, 9003, 9004]
    servers = {port: Server(node, port).start() for port in ports}
    fifos = [Told(os.path.join(node.directory, name)) for name in ("all", "services")]
    config = globals_of(f"notify_fifo {fifos[0].path}", f"lvs_notify_fifo {fifos[1].path}",
                        f"vrrp_notify_fifo {ears.path}")
    config += service(
        *(real(port, tcp(), extra=[noted(node, "notify_up", str(port), "up"), noted(node, "notify_down", str(port), "down"),
                                   *(["inhibit_on_failure"] if port == 9001 else [])]) for port in ports),
        extra=["quorum 3", "hysteresis 1", noted(node, "quorum_up", "quorum", "up"), noted(node, "quorum_down", "quorum", "down"),
               "sorry_server 127.0.0.1 9009", "sorry_server_inhibit"])
    hasup, table = begin(config)
    for fifo in fifos:
        fifo.open()
    every = {port: 1 for port in ports}
    wait_table(table, every | {9009: 0})
    told = [line("UP")]

    def expect(weights, *more):
        told.extend(more)
        wait_table(table, weights)
        for fifo in fifos:
            wait_for("the lines", fifo.lines, lambda seen: seen == told)

    expect(every | {9009: 0})
    servers[9001].stop()
    expect({9001: 0, 9002: 1, 9003: 1, 9004: 1, 9009: 0}, line("DOWN", 9001))
    servers[9002].stop()
    expect({9001: 0, 9003: 1, 9004: 1, 9009: 0}, line("DOWN", 9002))
    servers[9003].stop()
    expect({9001: 0, 9009: 1}, line("DOWN", 9003), line("DOWN"))
    for port in (9003, 9002):
        servers[port].start()
        expect({9001: 0, 9009: 1}, line("UP", port))
    servers[9001].start()
    expect(every | {9009: 0}, line("UP", 9001), line("UP"))
    wanted = ["quorum up", "9001 down", "9002 down", "9003 down", "quorum down", "9003 up", "9002 up", "9001 up", "quorum up"]
    ran = wait_for("the scripts", lambda: calls(node), lambda seen: sorted(seen) == sorted(wanted))
    assert [call for call in ran if call.startswith("quorum")] == ["quorum up", "quorum down", "quorum up"]
    assert all(fifo.bytes == "".join(f"{text}\n" for text in told).encode() for fifo in fifos)
    # A FIFO of VRRP has nothing of this.
    assert ears.outside.open().all() == []
    assert hasup.stop()[0] == 0
    # Without omega nobody is told at a stop.
    assert fifos[1].lines() == told


def test_first_states_and_last_ones(lan, begin):
    """alpha, rs_init_notifies and omega: down until the first verdict, then told although nothing changed; told at the stop."""
    node = lan.nodes["a"]
    for port in (9001, 9003):
        Server(node, port).start()
    fifo = Told(os.path.join(node.directory, "fifo"))
    config = globals_of("rs_init_notifies", f"lvs_notify_fifo {fifo.path}") + service(
        real(9001, tcp(), extra=[noted(node, "notify_up", "9001", "up"), noted(node, "notify_down", "9001", "down")]),
        real(9002, tcp(), extra=[noted(node, "notify_down", "9002", "down")]),
        real(9003, tcp(), extra=["alpha no"]),
        extra=["alpha", "omega", noted(node, "quorum_up", "quorum", "up"), noted(node, "quorum_down", "quorum", "down")])
    hasup, table = begin(config)
    fifo.open()
    wait_table(table, {9001: 1, 9003: 1})
    # The one without alpha stood there before its first verdict; the dead one never did.
    added = [place[3] for place in table.lines() if place[1] == "addrs"]
    assert added == ["127.0.0.1:9003", "127.0.0.1:9001"], table.lines()
    first = wait_for("the lines", fifo.lines, lambda told: len(told) >= 4)
    assert sorted(first) == sorted([line("UP"), line("UP", 9001), line("DOWN", 9002), line("UP", 9003)]), first
    wait_for("scripts", lambda: calls(node), lambda seen: sorted(seen) == ["9001 up", "9002 down", "quorum up"])
    assert hasup.stop()[0] == 0
    assert sorted(fifo.lines()[4:]) == sorted([line("DOWN", 9001), line("DOWN", 9003), line("DOWN")])
    assert sorted(calls(node)[3:]) == ["9001 down", "quorum down"]
    assert "virtual server tcp 10.99.0.1:80 is DOWN (hasupd stops)" in hasup.log()


def test_readers_of_fifos(lan, begin):
    """lvs_notify_fifo_script: one that begins later gets the states of all, then changes."""
    node = lan.nodes["a"]
    ears = Ears(node)
    server = Server(node, 9001).start()
    hasup, table = begin(globals_of(*ears.settings(keyword="lvs_notify_fifo")[1:]) + service(real(9001, tcp()), real(9002, tcp())))
    wait_table(table, {9001: 1})
    first = ears.reader()
    states = [line("UP", 9001), line("DOWN", 9002), line("UP")]
    wait_for("the lines", ears.read, lambda seen: line("DOWN", 9002) in seen)
    os.kill(first, signal.SIGKILL)
    wait_for("another reader", ears.readers, lambda seen: len(seen) == 2)
    wait_for("the states", ears.since_reader, lambda seen: seen == states)
    server.stop()
    wait_for("the changes", ears.since_reader, lambda seen: seen[3:] == [line("DOWN", 9001), line("DOWN")])
    assert hasup.stop()[0] == 0


def mailing(*lines):
    """global_defs of mail."""
    return globals_of("router_id lab", "smtp_server 127.0.0.1 2525", "notification_email_from a@example.org",
                      "notification_email {", "ops@example.org", "}", *lines)


@pytest.mark.parametrize("settings,of_service,of_server,wanted", [
    ((), (), (), {"RS"}),
    (("smtp_alert",), (), (), {"RS", "VS"}),
    (("smtp_alert", "smtp_alert_checker no"), (), (), set()),
    (("smtp_alert no", "smtp_alert_checker"), (), ("smtp_alert no",), {"VS"}),
    (("smtp_alert_checker no",), ("smtp_alert",), ("smtp_alert",), {"RS", "VS"}),
], ids=["default", "all", "checker-off", "server-off", "own"])
def test_mails(lan, begin, settings, of_service, of_server, wanted):
    """smtp_alert of a server or service, before smtp_alert_checker, before smtp_alert; by default of servers only."""
    node = lan.nodes["a"]
    server = Server(node, 9001).start()
    rs, vs = f"[lab] Realserver [127.0.0.1]:tcp:9001 of virtual server [{VS}]:tcp:80 - ", f"[lab] Virtualserver [{VS}]:tcp:80 - "
    subjects = {"RS": rs, "VS": vs}
    with mail.Server(node) as mailbox:
        hasup, table = begin(mailing(*settings) + service(real(9001, tcp(), extra=of_server), extra=of_service))
        wait_table(table, {9001: 1})
        server.stop()
        wait_table(table, {})
        server.start()
        wait_table(table, {9001: 1})
        expected = [vs + "UP"] * ("VS" in wanted) + [subjects[kind] + state for state in ("DOWN", "UP") for kind in sorted(wanted)]
        wait_for("the mails", mailbox.subjects, lambda seen: sorted(seen) == sorted(expected))
        hold_for("no more", mailbox.subjects, lambda seen: len(seen) == len(expected), 0.5)
        assert hasup.stop()[0] == 0


@pytest.mark.parametrize("setting,states", [((), ["DOWN", "DOWN", "DOWN", "UP"]), (("no_checker_emails",), ["DOWN", "UP"])],
                         ids=["each-check", "no_checker_emails"])
def test_mails_of_checks(lan, begin, setting, states):
    """Each check that turns is mailed about, though the server stays down; with no_checker_emails only the server."""
    node = lan.nodes["a"]
    first, second = (Server(node, port).start() for port in (9001, 9002))
    subject = f"[lab] Realserver [127.0.0.1]:tcp:9001 of virtual server [{VS}]:tcp:80 - "
    with mail.Server(node) as mailbox:
        hasup, table = begin(mailing(*setting) + service(real(9001, tcp(), tcp("connect_port 9002"))))
        wait_table(table, {9001: 1})
        second.stop()
        wait_table(table, {})
        first.stop()
        wait_for("the second check's line", hasup.log, lambda log: "another check failed (connection refused); it stays DOWN" in log)
        second.start()
        wait_for("its end", hasup.log, lambda log: "a check passes again; it stays DOWN" in log)
        first.start()
        wait_table(table, {9001: 1})
        wait_for("the mails", mailbox.subjects, lambda seen: seen == [subject + state for state in states])
        assert hasup.stop()[0] == 0


def cases():
    """Up or down, check changed or not, quorum met or lost: (port of the service, bits)."""
    return [(100 + number, bool(number & 1), bool(number & 2), bool(number & 4)) for number in range(8)]


def test_L2_sorry_and_weights(lan, begin):
    """A reload changes the weight of a server that is up or down, with a changed check or not, with a quorum met or lost."""
    node = lan.nodes["a"]

    def places(vs):
        return 9000 + vs * 10, 9001 + vs * 10, 9002 + vs * 10

    def config(is_new):
        blocks = []
        for vs, _, is_changed, is_lost in cases():
            first, second, sorry = places(vs)
            check = tcp(timeout=2 if is_new and is_changed else 1)
            # A quorum is lowered to all of the weight: any server that is missing loses it.
            blocks.append(service(real(first, check, weight=5 if is_new else 1), real(second, tcp()), port=vs,
                                  extra=[f"quorum {100 if is_lost else 1}", f"sorry_server 127.0.0.1 {sorry}"]))
        return "".join(blocks)

    for vs, is_down, _, is_lost in cases():
        first, second, _ = places(vs)
        if not is_down:
            Server(node, first).start()
        if is_down or not is_lost:
            Server(node, second).start()

    def wanted(vs, is_down, is_lost, weight):
        first, second, sorry = places(vs)
        if is_lost:
            return {sorry: 1}
        return {second: 1} if is_down else {first: weight, second: 1}

    hasup, table = begin(config(False))
    for vs, is_down, _, is_lost in cases():
        wait_table(table, wanted(vs, is_down, is_lost, 1), port=vs)
    before = len(table.lines())
    assert hasup.reload(config(True)).returncode == 0
    for vs, is_down, _, is_lost in cases():
        wait_table(table, wanted(vs, is_down, is_lost, 5), port=vs)
    hold_for("no more writes", table.lines, lambda lines: len(lines) == before + 2, 2.5)
    assert [place[1] for place in table.lines()[before:]] == ["setrs", "setrs"]


def test_L2_new_check(lan, begin):
    """D75: a check that is new to a server leaves it in until its first verdict, also with alpha; a new server follows alpha."""
    node = lan.nodes["a"]
    Server(node, 9001, http("503 Busy")).start()
    slow = Server(node, 9003, http(before=1.5)).start()
    hasup, table = begin(service(real(9001, tcp()), extra=["alpha"]))
    wait_table(table, {9001: 1})
    before = len(table.lines())
    config = service(real(9001, tcp(), http_get(timeout=2)), real(9003, http_get(timeout=3)), extra=["alpha"])
    assert hasup.reload(config).returncode == 0
    wait_table(table, {})
    wait_table(table, {9003: 1}, bound=8)
    assert [place[1] for place in table.lines()[before:]] == ["delrs", "addrs"], "out by its verdict, in by its verdict"
    assert "9001 of tcp 10.99.0.1:80 is DOWN (status code 503)" in hasup.log()
    assert slow.accepted


def test_L4_age_in_status(lan, begin):
    """The age of each verdict grows when there are none, and the reason is named."""
    node = lan.nodes["a"]
    Server(node, 9001).start()
    hasup, table = begin(service(real(9001, tcp()), real(9002, tcp())))
    wait_table(table, {9001: 1})

    def servers():
        return json.loads(hasup.cli("services", "--json").stdout)["services"][0]["servers"]

    seen = wait_for("verdicts", servers, lambda found: all(one.get("verdict_age_seconds") is not None for one in found))
    assert all(one["verdict_age_seconds"] < 1.5 for one in seen), seen
    assert [one.get("reason") or "" for one in seen] == ["", "connection refused"], seen
    os.kill(hasup.worker("hasup-checker"), signal.SIGSTOP)
    wait_for("an age", servers, lambda found: all(one["verdict_age_seconds"] > 1.2 for one in found))
    wait_for("fresh ones", servers, lambda found: all(one["verdict_age_seconds"] < 1 for one in found), 8)
    assert table.servers() == {9001: 1}


def test_late_checks_are_shown(lan, begin):
    """D78: programs that wait for one of the 64 places are late, and counted; none of their servers is down for it."""
    node = lan.nodes["a"]
    program = node.write("slow.sh", "#!/bin/sh\nsleep 2\n")
    os.chmod(program, 0o755)
    block = "\n".join(["    MISC_CHECK {", f'      misc_path "{program} %d"', "      misc_timeout 10", "      warmup 0", "    }"])
    hasup, table = begin(globals_of() + service(*[real(9001 + place, block % place) for place in range(72)], delay=5))

    def shown():
        return hasup.cli("services").stdout

    wait_for("late checks", shown, lambda text: " checks late: no descriptor was left, or too many MISC_CHECKs ran" in text, 8)
    late = json.loads(hasup.cli("services", "--json").stdout)["late_checks"]
    assert 1 <= late <= 72, late
    hold_for("all servers", table.servers, lambda seen: len(seen) == 72, 2)


def test_F6_one_check_for_many(lan, begin):
    """D72: a hundred servers with equal checks are one connection an interval; one that differs is another."""
    node = lan.nodes["a"]
    server = Server(node, 9001, http()).start()
    hasup, table = begin("".join(service(real(9001, http_get()), port=1000 + number) for number in range(100))
                         + service(real(9001, http_get(path="/other"))))
    wait_for("the checks", lambda: server.accepted, lambda count: count >= 8, 8)
    begun = server.accepted
    hold_for("two checks in 0.5 s", lambda: server.accepted - begun, lambda count: count <= 16, 2)
    server.stop()
    for number in range(100):
        wait_table(table, {}, port=1000 + number)
    wait_table(table, {})
    # A connection that was open then is reset instead.
    assert hasup.log().count(" is DOWN (connection ") == 101


def test_one_table_for_each_network_namespace(lan):
    """D68: hasupds of two network namespaces don't hinder each other; a second one in the same is refused."""
    config = service(real(9001, tcp()))
    daemons = [Hasup(lan.node(name), config).start() for name in ("a", "b", "c")]
    for hasup in daemons:
        wait_for("an answer", lambda hasup=hasup: hasup.cli("services").stdout, lambda text: VS in text)
    second = Hasup(lan.nodes["a"], config, name="second").start()
    assert second.program.wait(5) == 75 and f"(pid {daemons[0].program.pid})" in second.log(), second.log()
    for hasup in daemons:
        assert hasup.stop()[0] == 0


NETWORK = ["connect_timeout 1", "retry 0"]
# A server's greeting, read by a program.
GREETING = "exec 3<>/dev/tcp/10.0.0.2/9000 && read -u 3 said && [[ $said = 220* ]]"
CHECKS = {
    "tcp": ("TCP_CHECK", NETWORK, 81), "http": ("HTTP_GET", [*NETWORK, "url {", "path /", "}"], 82),
    "ssl": ("SSL_GET", [*NETWORK, "url {", "path /", "}"], 83), "smtp": ("SMTP_CHECK", NETWORK, 84),
    "dns": ("DNS_CHECK", [*NETWORK, "name a.example", "type A"], 85), "udp": ("UDP_CHECK", [*NETWORK, "require_reply 6F6B"], 86),
    "ping": ("PING_CHECK", NETWORK, 87), "misc": ("MISC_CHECK", [f"misc_path \"/bin/bash -c '{GREETING}'\"", "misc_timeout 1"], 88),
}
# Kinds of checks that the cause says nothing to.
BLIND = {"closed": {"ping"}, "wrong": {"tcp", "ping"}}


def causes(port):
    """The configuration of all kinds of checks of a server on another node."""
    blocks = [globals_of()]
    for kind, lines, vs in CHECKS.values():
        inner = "\n".join([f"    {kind} {{", *lines, "    }"])
        blocks.append(service(f"  real_server 10.0.0.2 {port} {{\n    weight 1\n{inner}\n  }}", port=vs))
    return "".join(blocks)


@pytest.mark.parametrize("cause,reasons", [
    ("closed", {"connection refused", "exit status 1"}),
    ("silent", {"no answer in time", "not done in time", "the script took too long"}),
    ("unreachable", {"host unreachable", "exit status 1"}),
    ("link", {"network unreachable", "host unreachable", "no answer in time", "exit status 1", "the script took too long"}),
    ("wrong", {"no answer in time", "not done in time", "the reply's first line isn't HTTP", "TLS failed", "reply code 554",
               "wrong reply", "malformed reply", "reply of 5 bytes", "exit status 1"}),
])
def test_L5_every_check_every_cause(lan, begin, cause, reasons):
    """Each kind of check finds each cause within its timeout, and names it. (A TCP_CHECK doesn't read replies, and the
    host of a closed port answers pings.)"""
    a, b = lan.nodes["a"], lan.node("b", 2)
    if cause in ("silent", "link"):
        # The neighbour's address is known to whom it was heard from.
        a.netns.run("ping", "-c", "1", "-W", "2", "10.0.0.2")
    if cause == "silent":
        b.netns.ip("route", "add", "blackhole", "10.0.0.1/32")
    elif cause == "unreachable":
        a.netns.ip("route", "add", "unreachable", "10.0.0.2/32")
    elif cause == "link":
        a.netns.ip("link", "set", "eth0", "down")
    elif cause == "wrong":
        def refuse(connection, request):
            connection.sendall(b"554 no\r\n")
            silent(connection, request)
        Server(b, 9000, refuse, address="10.0.0.2").start()
        with b.netns.entered():
            datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            datagrams.bind(("10.0.0.2", 9000))

        def answer():
            while True:
                _, whom = datagrams.recvfrom(4096)
                datagrams.sendto(b"other", whom)
        threading.Thread(target=answer, daemon=True).start()
    hasup, table = begin(causes(9000))
    blind = BLIND.get(cause, set())
    kinds = [kind for kind in CHECKS if kind not in blind]
    for kind in kinds:
        wait_table(table, {}, 8, port=CHECKS[kind][2])
    for kind in kinds:
        name = f"10.0.0.2:9000 of tcp {VS}:{CHECKS[kind][2]} is DOWN ("
        said = wait_for(f"{kind}'s reason", hasup.log, lambda log, name=name: name in log).split(name)[1].split(")")[0]
        assert said in reasons, (kind, said)
    for kind in blind:
        assert table.servers(CHECKS[kind][2]) == {9000: 1}


def test_L5_a_local_address_that_is_gone(lan, begin):
    """D78: that isn't the server's failure: it stays, and shows as unchecked with the reason."""
    node = lan.nodes["a"]
    Server(node, 9001).start()
    node.netns.ip("address", "add", "127.0.0.77/32", "dev", "lo")
    hasup, table = begin(service(real(9001, tcp("bindto 127.0.0.77"))))
    wait_table(table, {9001: 1})

    def server():
        return json.loads(hasup.cli("services", "--json").stdout)["services"][0]["servers"][0]

    wait_for("a verdict", server, lambda seen: seen.get("verdict_age_seconds") is not None)
    node.netns.ip("address", "delete", "127.0.0.77/32", "dev", "lo")
    # All of 127.0.0.0/8 is local as long as lo has its own address.
    node.netns.ip("address", "delete", "127.0.0.1/8", "dev", "lo")
    node.netns.ip("address", "add", "127.0.0.1/32", "dev", "lo")
    seen = wait_for("the reason", server, lambda seen: seen["state"] == "UNCHECKED")
    assert seen["checks"][0]["kind"] == "TCP_CHECK" and not seen["checks"][0]["needs_mending"], seen
    assert seen["reason"] == "the local address isn't on this machine", seen
    wait_for("the log's line", hasup.log, lambda log: "isn't checked: the local address isn't on this machine" in log)
    assert table.servers() == {9001: 1}


# NETLINK_ROUTE, NETLINK_GENERIC (linux/netlink.h).
ROUTE, GENERIC = 0, 16


def netlink_buffers(pid, protocol):
    """Sizes of the receive buffers of a process's netlink sockets of one protocol."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    sizes = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                continue
        except OSError:
            continue
        # pidfd_getfd(2), which Python lacks.
        number = libc.syscall(438, pidfd, int(name), 0)
        if number < 0:
            continue
        with socket.socket(fileno=number) as found:
            if found.family == socket.AF_NETLINK and found.proto == protocol:
                sizes.append(found.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
    os.close(pidfd)
    return sizes


def test_receive_buffers(lan):
    """lvs_netlink_cmd_rcv_bufs: of the socket to IPVS; lvs_netlink_monitor_rcv_bufs: of the one that hears of addresses."""
    config = globals_of("lvs_netlink_cmd_rcv_bufs 3000000", "lvs_netlink_cmd_rcv_bufs_force", "lvs_netlink_monitor_rcv_bufs 4000000",
                        "lvs_netlink_monitor_rcv_bufs_force") + service(real(9001, tcp()), extra=["ha_suspend"])
    hasup = Hasup(lan.node("a"), config).start()
    wait_for("the socket to IPVS", lambda: netlink_buffers(hasup.program.pid, GENERIC), lambda sizes: sizes == [6000000])
    wait_for("the monitor", lambda: netlink_buffers(hasup.program.pid, ROUTE), lambda sizes: 8000000 in sizes)
    # A reload changes them in place.
    assert hasup.reload(config.replace("4000000", "5000000").replace("3000000", "3500000")).returncode == 0
    wait_for("the socket to IPVS", lambda: netlink_buffers(hasup.program.pid, GENERIC), lambda sizes: sizes == [7000000])
    wait_for("the monitor", lambda: netlink_buffers(hasup.program.pid, ROUTE), lambda sizes: 10000000 in sizes)
    assert hasup.stop()[0] == 0
