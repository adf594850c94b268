"""Checks of real servers and what they do to the table; `--ipvs-record` stands for the kernel's (behaviours_lvs2 B10-B18).

Everything is on one machine's loopback. Bounds are those of the issue: delay_loop and a little, not keepalived's.
"""

import os
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
from lab.forge import LONG
from lab.hasup import descriptors
from lab.machine import late
from lab.servers import Server, dribbling, http, silent, smtp
from lab.services import VS, check, http_get, real, service, tcp, wait_table
from lab.waiting import hold_for, wait_for


def test_L1_recovered_server_returns(lan, begin):
    """Out within delay_loop, back with its first success."""
    node = lan.nodes["a"]
    servers = [Server(node, port).start() for port in (9001, 9002)]
    hasup, table = begin(service(real(9001, tcp()), real(9002, tcp())))
    wait_table(table, {9001: 1, 9002: 1})
    hold_for("both servers", table.servers, lambda seen: seen == {9001: 1, 9002: 1}, 1.5)
    began = time.monotonic()
    servers[0].stop()
    wait_table(table, {9002: 1})
    assert time.monotonic() - began < 0.52 + late(), hasup.log()
    assert "real server 127.0.0.1:9001 of tcp 10.99.0.1:80 is DOWN (connection refused)" in hasup.log()
    began = time.monotonic()
    servers[0].start()
    wait_table(table, {9001: 1, 9002: 1})
    assert time.monotonic() - began < 0.52 + late()
    # The third acknowledgement is withheld: the server's program never sees a check.
    assert servers[1].accepted == 0


@pytest.mark.parametrize("name,reply,lines,passes", [
    ("plain", http(), [], True),
    ("status", http("503 Sorry"), [], False),
    ("status wanted", http("404 Not Found"), ["status_code 404"], True),
    ("digest", http(body=b"hello"), ["digest 5d41402abc4b2a76b9719d911017c592"], True),
    ("wrong digest", http(body=b"hellO"), ["digest 5d41402abc4b2a76b9719d911017c592"], False),
    ("digest of chunks", http(body=b"5\r\nhello\r\n0\r\n\r\n", headers=["Transfer-Encoding: chunked"], keeps_open=True),
     ["digest 5d41402abc4b2a76b9719d911017c592"], True),
    ("kept open", http(headers=["Content-Length: 5"], keeps_open=True), [], True),
    ("silent", silent, [], False),
    ("dribbling", dribbling, [], False),
    ("no HTTP", lambda connection, _: connection.sendall(b"SSH-2.0-x\r\n"), [], False),
    ("endless header", lambda connection, _: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100000), [], False),
    ("1 GB", lambda connection, _: [connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")] +
     [connection.sendall(bytes(1 << 20)) for _ in range(1024)], ["digest 5d41402abc4b2a76b9719d911017c592"], False),
], ids=lambda value: value if isinstance(value, str) else "")
def test_http_verdicts(lan, begin, name, reply, lines, passes):
    """B16, B18: also who dribbles is down within max(delay_loop, 3 × connect_timeout)."""
    node = lan.nodes["a"]
    Server(node, 9001, reply).start()
    hasup, table = begin(service(real(9001, http_get(*lines)), real(9002), extra=["alpha"]))
    wait_table(table, {9001: 1, 9002: 1} if passes else {9002: 1}, 6)
    if passes:
        hold_for("the server", table.servers, lambda seen: 9001 in seen, 1.5)
    else:
        hold_for("no server", table.servers, lambda seen: 9001 not in seen, 4.5)


def test_quorum_and_sorry_server(lan, begin):
    """B10: quorum 2 of two; only the sorry server while it is lost; FIFO lines and scripts in keepalived's words."""
    node = lan.nodes["a"]
    servers = [Server(node, port).start() for port in (9001, 9002)]
    fifo = os.path.join(node.directory, "fifo")
    notes = os.path.join(node.directory, "notes")
    script = node.write("note.sh", f"#!/bin/sh\necho \"$@\" >> {notes}\n")
    os.chmod(script, 0o755)
    config = f"global_defs {{\n  lvs_notify_fifo {fifo}\n  script_user root\n}}\n" + service(
        real(9001, tcp(), extra=[f'notify_down "{script} one down"', f'notify_up "{script} one up"']),
        real(9002, tcp()),
        extra=["quorum 2", f'quorum_up "{script} quorum up"', f'quorum_down "{script} quorum down"',
               "sorry_server 127.0.0.1 9009"])
    hasup, table = begin(config)
    wait_for("the FIFO", lambda: os.path.exists(fifo))
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    seen = []

    def lines():
        try:
            seen.append(os.read(reader, 65536))
        except BlockingIOError:
            pass
        return b"".join(seen).decode().splitlines()

    wait_table(table, {9001: 1, 9002: 1})
    vs = f"VS [{VS}]:tcp:80"
    wait_for("the first line", lines, lambda told: told == [f"{vs} UP"])
    servers[0].stop()
    wait_table(table, {9009: 1})
    one, two = (f"RS [127.0.0.1]:tcp:{port} [{VS}]:tcp:80" for port in (9001, 9002))
    wait_for("lines", lines, lambda told: told == [f"{vs} UP", f"{one} DOWN", f"{vs} DOWN"])
    servers[1].stop()
    wait_for("lines", lines, lambda told: told[3:] == [f"{two} DOWN"])
    for server in servers:
        server.start()
    wait_table(table, {9001: 1, 9002: 1})
    told = wait_for("lines", lines, lambda told: len(told) == 7)
    assert sorted(told[4:6]) == [f"{one} UP", f"{two} UP"] and told[6] == f"{vs} UP"

    def noted():
        with open(notes, encoding="ascii") as file:
            return file.read().splitlines()

    wait_for("scripts", noted, lambda calls: sorted(calls) == sorted(
        ["quorum up", "one down", "quorum down", "one up", "quorum up"]))


def test_L4_stopped_checker_replaced(lan, begin):
    """L4: kill -9, and SIGSTOP, beside a dead server: no write, nobody is notified, checks go on at once."""
    node = lan.nodes["a"]
    server = Server(node, 9001).start()
    hasup, table = begin(service(real(9001, tcp()), real(9002, tcp()), extra=["quorum 1"]))
    wait_table(table, {9001: 1})
    before = table.lines()
    notices = hasup.log().count(" is DOWN")
    for sent in (signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP):
        pid = hasup.worker("hasup-checker")
        os.kill(pid, sent)
        wait_for("another checker", lambda: hasup.roles().get("hasup-checker"), lambda new: new and new != [pid], 8)
        time.sleep(1.2)
    assert table.lines() == before
    assert hasup.log().count(" is DOWN") == notices
    server.stop()
    wait_table(table, {})


def test_L2_reload_writes_nothing(lan, begin):
    """L2: an unchanged reload and an upgrade write nothing; a changed weight, one line; a removed and a new server, two."""
    node = lan.nodes["a"]
    Server(node, 9001).start()
    config = service(real(9001, tcp()), real(9002, tcp()))
    hasup, table = begin(config)
    wait_table(table, {9001: 1})
    before = table.lines()
    assert hasup.reload().returncode == 0
    time.sleep(1)
    assert table.lines() == before
    pid = hasup.worker("hasup-checker")
    assert hasup.cli("upgrade", bound=20).returncode == 0
    wait_for("another checker", lambda: hasup.roles().get("hasup-checker"), lambda new: new and new != [pid], 8)
    time.sleep(1.2)
    assert not hasup.roles().get("hasup-vrrp"), "there is no instance"
    # What IPVS keeps, the record forgets with the process: all is written anew, and the dead server isn't.
    assert all("9002" not in " ".join(line) for line in table.lines()[len(before):]), table.lines()
    before = table.lines()
    # A new server follows alpha, a removed one goes.
    Server(node, 9003).start()
    assert hasup.reload(service(real(9001, tcp(), weight=5), real(9003, tcp()))).returncode == 0
    wait_table(table, {9001: 5, 9003: 1})
    kinds = sorted(line[1] for line in table.lines()[len(before):])
    assert kinds == ["addrs", "setrs"], kinds


def test_L4_descriptors_flat(lan, begin):
    """Those that say nothing end at connect_timeout; descriptors are flat; the others are checked on time."""
    node = lan.nodes["a"]
    Server(node, 9001).start()
    Server(node, 9002, silent).start()
    silents = "\n".join(service(real(9002, http_get(path=f"/{n}", timeout=2)), port=1000 + n) for n in range(300))
    hasup, table = begin(service(real(9001, tcp())) + silents)
    wait_table(table, {9001: 1})
    pid = hasup.worker("hasup-checker")
    wait_for("the silent ones to go", lambda: table.servers(1299), lambda seen: seen == {}, 10)
    counts = []
    for _ in range(8):
        counts.append(descriptors(pid))
        time.sleep(0.5)
    assert max(counts) < 400, counts
    hold_for("the living one", table.servers, lambda seen: seen == {9001: 1}, 1.0)


@pytest.mark.parametrize("size", [100, 10_000])
def test_L4_descriptors_flat_with_many(lan, begin, size):
    """Thousands of checks that fail, in services of this many, each of which waits for its whole connect_timeout: hasupd
    survives that all go down at once, and the others are checked on time."""
    count = 10_000 if LONG else 2_000
    a, b = lan.nodes["a"], lan.node("b", 2)
    a.netns.run("ping", "-c", "1", "-W", "2", "10.0.0.2")
    b.netns.ip("route", "add", "blackhole", "10.0.0.1/32")
    server = Server(a, 9001).start()
    failing = [real(20_000 + number, tcp()).replace("127.0.0.1", "10.0.0.2") for number in range(count)]
    hasup, table = begin(service(real(9001, tcp())) + "".join(
        service(*failing[first:first + size], port=1_000 + first // size, delay=1) for first in range(0, count, size)))
    wait_for("the failing ones to go", lambda: sum(line[1] == "delrs" for line in table.lines()), lambda seen: seen == count, 60, 0.5)
    pid = hasup.worker("hasup-checker")
    counts = []
    for _ in range(8):
        counts.append(descriptors(pid))
        time.sleep(0.5)
    # One for each that waits, and a few of its own.
    assert count / 4 < max(counts) < count + 50, counts
    assert hasup.running() and hasup.worker("hasup-checker") == pid
    stopped = time.time()
    server.stop()
    wait_table(table, {})
    # To read the table takes a while.
    assert float(table.lines()[-1][0]) - stopped < 0.52 + late()


def test_programs_and_files(lan, begin):
    """B25: exit status, misc_dynamic, misc_timeout with a program that ignores TERM, a program that isn't there; FILE_CHECK."""
    node = lan.nodes["a"]
    status = node.write("status", "0\n")
    number = node.write("number", "0\n")
    program = node.write("program.sh", f"#!/bin/sh\nexit $(cat {status})\n")
    hanging = node.write("hanging.sh", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n")
    for path in (program, hanging):
        os.chmod(path, 0o755)
    misc = "\n".join(["    MISC_CHECK {", '      misc_path "%s"', "      misc_timeout 1", "%s", "    }"])
    config = "global_defs {\n  script_user root\n}\n" + f"track_file load {{\n  file {number}\n}}\n" + service(
        real(9001, misc % (program, "      misc_dynamic"), weight=7), real(9002, misc % (program, "")),
        real(9003, misc % (hanging, "")),
        real(9005, "    FILE_CHECK {\n      track_file load\n      weight 2\n    }", weight=10))
    hasup, table = begin(config)
    wait_table(table, {9001: 7, 9002: 1, 9005: 10}, 8)
    node.write("status", "12\n")
    wait_table(table, {9001: 10, 9005: 10})
    node.write("status", "1\n")
    wait_table(table, {9005: 10})
    node.write("number", "-3\n")
    wait_table(table, {9005: 4})
    node.write("status", "0\n")
    node.write("number", "5\n")
    wait_table(table, {9001: 7, 9002: 1, 9005: 20})
    assert "9003 of tcp 10.99.0.1:80 is DOWN (the script took too long)" in hasup.log()


def test_regex(lan, begin):
    """B17: the decoded body alone, both offsets inclusive; what explodes is a failure, and the checker goes on."""
    node = lan.nodes["a"]
    replies = {9001: http(body=b"xxhello"), 9002: http(body=b"xxhello"), 9003: http(body=b"xxhello"),
               9004: http(body=b"xxhello"), 9005: http(body=b"a" * 40)}
    for port, reply in replies.items():
        Server(node, port, reply).start()
    exploding = ['regex "^(a+)+$x"']
    hasup, table = begin(service(
        real(9001, http_get('regex "hel+o"', "regex_min_offset 2", "regex_max_offset 3")),
        real(9002, http_get('regex "hello"', "regex_min_offset 3", "regex_max_offset 9")),
        real(9003, http_get('regex "Content"')),
        real(9004, http_get('regex "HELLO"', "regex_options caseless", "regex_no_match")),
        real(9005, http_get(*exploding)), extra=["alpha"]))
    wait_table(table, {9001: 1})
    hold_for("one server", table.servers, lambda seen: seen == {9001: 1}, 1.5)


def test_regex_without_anchor(lan, begin):
    """A search that begins anew at each place ends in time; the others are checked on time beside it."""
    node = lan.nodes["a"]
    living = Server(node, 9001, http(body=b"word " * 600 + b"OK")).start()
    Server(node, 9002, http(body=(b"x" * 20000 + b"\n") * 4 + b"y")).start()
    hasup, table = begin(service(
        real(9001, http_get('regex "(?:[a-z]+ )*OK"')), real(9002, http_get('regex "x.*y"')),
        real(9003, tcp())))
    wait_table(table, {9001: 1})
    pid = hasup.worker("hasup-checker")
    hold_for("one server", table.servers, lambda seen: seen == {9001: 1}, 4)
    began = time.monotonic()
    living.stop()
    wait_table(table, {})
    assert time.monotonic() - began < 0.52 + late(), hasup.log()
    assert "the regex takes too long on this body" in hasup.log()
    assert hasup.worker("hasup-checker") == pid, hasup.log()


def test_large_bodies(lan, begin):
    """20 checks of 8 MiB with a regex each second: the checker isn't taken for hung, and verdicts come."""
    node = lan.nodes["a"]
    body = b"z" * (8 << 20)
    ports = range(9101, 9121)
    servers = [Server(node, port, http(body=body, headers=[f"Content-Length: {len(body)}"])).start() for port in ports]
    hasup, table = begin(service(
        *(real(port, http_get('regex "zz"')) for port in ports), real(9001, tcp()), extra=["alpha"], delay=1))
    wait_table(table, {port: 1 for port in ports}, 10)
    pid = hasup.worker("hasup-checker")
    hold_for("all servers", table.servers, lambda seen: len(seen) == len(ports), 5)
    servers[0].stop()
    wait_table(table, {port: 1 for port in ports[1:]})
    assert hasup.worker("hasup-checker") == pid, hasup.log()


def test_checks_wait_for_the_address(lan, begin):
    """ha_suspend: no check runs before the address is on this host, nor after it has gone; the state stays."""
    node = lan.nodes["a"]
    server = Server(node, 9001, http()).start()
    hasup, table = begin(service(real(9001, http_get()), extra=["ha_suspend"]))
    wait_table(table, {9001: 1})
    time.sleep(1)
    assert server.accepted == 0
    node.netns.ip("address", "add", f"{VS}/32", "dev", "lo")
    wait_for("checks", lambda: server.accepted, lambda count: count > 1)
    node.netns.ip("address", "delete", f"{VS}/32", "dev", "lo")
    time.sleep(0.3)
    server.stop()
    hold_for("the state", table.servers, lambda seen: seen == {9001: 1}, 1.5)
    node.netns.ip("address", "add", f"{VS}/32", "dev", "lo")
    wait_table(table, {})


def test_other_protocols(lan, begin):
    """SMTP_CHECK with lines in several parts, UDP_CHECK on a closed and on an answering port, DNS_CHECK."""
    node = lan.nodes["a"]

    Server(node, 9001, smtp).start()
    Server(node, 9002, lambda connection, _: connection.sendall(b"554 no\r\n")).start()
    with node.netns.entered():
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for place, port in enumerate((9003, 9004)):
            sockets[place].bind(("127.0.0.1", port))

    def answer(place, change):
        while True:
            asked, whom = sockets[place].recvfrom(4096)
            sockets[place].sendto(change(asked), whom)

    threading.Thread(target=answer, args=(0, lambda asked: b"\x01\x02\x03"), daemon=True).start()
    threading.Thread(target=answer, args=(1, lambda asked: asked[:2] + bytes([asked[2] | 0x80]) + asked[3:]),
                     daemon=True).start()
    hasup, table = begin(service(
        real(9001, check("SMTP_CHECK")), real(9002, check("SMTP_CHECK")),
        real(9003, check("UDP_CHECK", "require_reply 01X2")), real(9004, check("DNS_CHECK", "name a.example", "type A")),
        real(9005, check("UDP_CHECK", timeout=1)), extra=["alpha"]))
    wait_table(table, {9001: 1, 9003: 1, 9004: 1})
    hold_for("three servers", table.servers, lambda seen: seen == {9001: 1, 9003: 1, 9004: 1}, 2)


def test_tls(lan, begin):
    """SSL_GET: whatever certificate; TLS that isn't; sessions are resumed."""
    node = lan.nodes["a"]
    key = os.path.join(node.directory, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    key, "-out", key + ".crt", "-days", "1", "-subj", "/CN=a"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(key + ".crt", key)
    resumed = []

    def reply(connection, _):
        with context.wrap_socket(connection, server_side=True) as secure:
            resumed.append(secure.session_reused)
            http()(secure, b"")

    Server(node, 9001, reply).start()
    Server(node, 9002, http()).start()
    block = "\n".join(["    SSL_GET {", "      connect_timeout 1", "      retry 0", "      url {", "        path /", "      }",
                       "    }"])
    hasup, table = begin(service(real(9001, block), real(9002, block), extra=["alpha"]))
    wait_table(table, {9001: 1})
    wait_for("connections", lambda: len(resumed), lambda count: count > 4)
    assert any(resumed), resumed
    assert table.servers() == {9001: 1}
