"""Keywords of checks, end to end: where a check comes from, what it says, when it asks, what is logged."""

import os
import re
import subprocess
import time

import pytest
from lab.services import check, http_get, real, service, tcp, wait_table
from lab.machine import late
from lab.servers import Server, http, recording, smtp
from lab.waiting import hold_for, wait_for


def gaps(notes):
    """Seconds between connections that were noted."""
    return [after[0] - before[0] for before, after in zip(notes, notes[1:])]


def test_where_a_check_comes_from_and_what_it_says(lan, begin):
    """bindto, bind_port, bind_if, http_protocol, virtualhost, SMTP's host blocks, delay_loop of a check."""
    a, b = lan.nodes["a"], lan.node("b")
    notes = {port: [] for port in (9001, 9002, 9004, 9005, 9006, 9007)}
    for port, noted in notes.items():
        Server(a, port, recording(noted)).start()
    # The local port is free at once, although delay_loop is short: keepalived's second bind fails for a minute (B24).
    Server(b, 9003, http(), address="10.0.0.2").start()
    mails = [Server(a, port, smtp).start() for port in (9011, 9012)]
    there = "connect_ip 10.0.0.2"
    hasup, table = begin(service(
        real(9001, http_get(extra=["bindto 127.0.0.9"])), real(9002, http_get(extra=["bind_port 45001"])),
        real(9003, http_get(extra=[there, "bind_if eth0"])),
        real(9004, http_get("virtualhost a.example", extra=["http_protocol 1.1"])),
        real(9005, http_get(extra=["http_protocol 1.0C"])), real(9006, http_get()),
        real(9007, http_get(extra=["delay_loop 2"])),
        real(9008, http_get(extra=[there, "connect_port 9003", "bind_if lo"])),
        real(9010, check("SMTP_CHECK", "helo_name me.example", "host {", "  connect_port 9011", "}", "host {",
                         "  connect_ip 127.0.0.1", "  connect_port 9012", "}")),
        extra=["alpha"], delay=0.4))
    wait_table(table, {port: 1 for port in (9001, 9002, 9003, 9004, 9005, 9006, 9007, 9010)}, 8)
    wait_for("some rounds", lambda: len(notes[9007]), lambda count: count >= 3, 8)
    assert {peer[0] for _, peer, _ in notes[9001]} == {"127.0.0.9"}
    assert {peer[1] for _, peer, _ in notes[9002]} == {45001} and len(notes[9002]) > 5
    first = {port: notes[port][0][2].split("\r\n") for port in notes}
    assert first[9004][0] == "GET / HTTP/1.1" and {"Host: a.example", "Connection: close"} <= set(first[9004]), first[9004]
    assert first[9005][0] == "GET / HTTP/1.0" and "Connection: close" in first[9005], first[9005]
    assert first[9006][0] == "GET / HTTP/1.0" and not any("Connection" in line for line in first[9006]), first[9006]
    # HTTP_GET asks once more before it is up; from then on each takes its own time.
    assert all(abs(gap - 2) < 0.1 + late() for gap in gaps(notes[9007])[-1:]), gaps(notes[9007])
    assert all(abs(gap - 0.4) < 0.1 + late() for gap in gaps(notes[9006])[2:8]), gaps(notes[9006])
    mails[1].stop()
    wait_for("the server without one of its two hosts", table.servers, lambda seen: 9010 not in seen)
    mails[1].start()
    wait_for("it again", table.servers, lambda seen: 9010 in seen)


def test_warmup(lan, begin):
    """The first checks come at any time within warmup, with 0 at once."""
    node = lan.nodes["a"]
    notes = {port: [] for port in range(9001, 9017)}
    for port, noted in notes.items():
        Server(node, port, recording(noted)).start()
    began = time.monotonic()
    hasup, _ = begin(service(*(real(port, http_get(extra=[f"warmup {3 if port < 9009 else 0}"])) for port in notes), delay=1))
    wait_for("a check of all", lambda: [port for port in notes if not notes[port]], lambda missing: not missing, 6)
    cold = [notes[port][0][0] - began for port in range(9009, 9017)]
    warm = [notes[port][0][0] - began for port in range(9001, 9009)]
    assert max(cold) - min(cold) < 0.05 + late(), cold
    assert max(warm) < 3 + min(cold) + 0.05 + late() and max(warm) - min(warm) > 0.8, (warm, hasup.log())


def test_retries_and_what_is_logged_of_them(lan, begin):
    """retry, delay_before_retry: three attempts, as far apart as it says; log_all_failures for one, for all by the global."""
    node = lan.nodes["a"]
    status = {"now": "200 OK"}
    notes = {port: [] for port in (9001, 9002)}
    for port, noted in notes.items():
        Server(node, port, recording(noted, lambda: status["now"])).start()
    servers = [real(9001, http_get(extra=["delay_before_retry 0.7", "log_all_failures"], retry=2)),
               real(9002, http_get(extra=["delay_before_retry 0.1"], retry=2))]
    config = service(*servers, delay=0.4)
    hasup, table = begin(config)
    wait_table(table, {9001: 1, 9002: 1})
    wait_for("checks", lambda: min(map(len, notes.values())), lambda count: count > 2)
    for noted in notes.values():
        noted.clear()
    status["now"] = "503 no"
    wait_table(table, {9001: 1}, 3)
    wait_table(table, {})
    slow = [gap for gap in gaps(notes[9001]) if gap > 0.55]
    assert len(slow) == 2 and all(abs(gap - 0.7) < 0.1 + late() for gap in slow), gaps(notes[9001])
    # After them the regular times go on, which may be near, too.
    assert 2 <= sum(gap < 0.25 for gap in gaps(notes[9002])) <= 3, gaps(notes[9002])

    def failures(port):
        return re.findall(rf":{port} of tcp 10.99.0.1:80: a check failed \((.*?)\), (\d+) retr", hasup.log())

    assert failures(9001) == [("status code 503", "1"), ("status code 503", "0")], hasup.log()
    assert failures(9002) == []
    status["now"] = "200 OK"
    wait_table(table, {9001: 1, 9002: 1})
    assert hasup.reload("global_defs {\n  checker_log_all_failures\n}\n" + config).returncode == 0
    status["now"] = "503 no"
    wait_table(table, {})
    assert len(failures(9002)) == 2, hasup.log()


def test_fast_recovery(lan, begin):
    """As long as the check isn't up, one url follows the other; without it they are a delay_loop apart."""
    node = lan.nodes["a"]
    notes = {port: [] for port in (9001, 9002)}
    for port, noted in notes.items():
        Server(node, port, recording(noted)).start()

    def check_of(*extra):
        urls = [line for path in ("/a", "/b", "/c") for line in ("url {", f"  path {path}", "}")]
        return check("HTTP_GET", *extra, *urls)

    _, table = begin(service(real(9001, check_of("fast_recovery")), real(9002, check_of()), extra=["alpha"], delay=0.8))
    wait_table(table, {9001: 1}, 3)
    wait_table(table, {9001: 1, 9002: 1}, 6)
    paths = [request.split()[1] for _, _, request in notes[9001][:4]]
    assert paths == ["/a", "/b", "/c", "/a"], paths
    assert all(gap < 0.2 + late() for gap in gaps(notes[9001])[:2]), gaps(notes[9001])
    assert all(gap > 0.6 for gap in gaps(notes[9001])[2:] + gaps(notes[9002])), (gaps(notes[9001]), gaps(notes[9002]))


def test_the_user_of_a_program(lan, begin):
    """MISC_CHECK's user, with and without a group, and script_user where it says nothing."""
    node = lan.nodes["a"]
    folder = os.path.join(node.directory, "notes")
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    program = node.write("who.sh", f"#!/bin/sh\numask 0\necho $(id -un) $(id -gn) > {folder}/$1\n")
    os.chmod(program, 0o755)

    def misc(name, *lines):
        body = "\n".join(f"      {line}" for line in [f'misc_path "{program} {name}"', "misc_timeout 5", *lines])
        return "    MISC_CHECK {\n" + body + "\n    }"

    begin("global_defs {\n  script_user daemon\n}\n" + service(
        real(9001, misc("one", "user nobody")), real(9002, misc("two", "user nobody daemon")), real(9003, misc("three"))))

    def noted():
        found = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="ascii") as file:
                found[name] = file.read().strip()
        return found

    wait_for("who they were", noted, lambda seen: seen == {
        "one": "nobody nogroup", "two": "nobody daemon", "three": "daemon daemon"}, 8)


def waiting(node):
    """Sockets in TIME_WAIT."""
    return len(node.netns.run("ss", "-Htan", "state", "time-wait").splitlines())


def test_linger(lan, begin):
    """With it a check is seen by the server's program and leaves a socket in TIME_WAIT; without it neither (D77)."""
    node = lan.nodes["a"]
    servers = [Server(node, port).start() for port in (9001, 9002)]
    notes = []
    Server(node, 9003, lambda connection, _: notes.append(connection.recv(4096)) or connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") or notes.append(connection.recv(4096))).start()
    hasup, table = begin(service(real(9001, tcp()), delay=0.3))
    wait_table(table, {9001: 1})
    time.sleep(1)
    assert servers[0].accepted == 0 and waiting(node) == 0
    assert hasup.reload(service(
        real(9001, tcp()), real(9002, tcp("@hasup linger")), real(9003, http_get(extra=["@hasup linger"])),
        delay=0.3)).returncode == 0
    wait_for("connections", lambda: servers[1].accepted, lambda count: count > 2)
    wait_for("sockets in TIME_WAIT", lambda: waiting(node), lambda count: count > 2)
    wait_for("the end of an HTTP connection", lambda: b"" in notes, lambda seen: seen)
    assert servers[0].accepted == 0


@pytest.mark.parametrize("lines,expected", [
    (["checker_priority 7", "checker_no_swap", "checker_cpu_affinity {cpu}"], {"nice": 7, "policy": os.SCHED_OTHER}),
    (["checker_rt_priority 99", "checker_rlimit_rttime 60000"], {"policy": os.SCHED_FIFO, "priority": 48}),
], ids=["ordinary", "realtime"])
def test_the_checkers_process(lan, begin, lines, expected):
    """checker_priority, _no_swap, _cpu_affinity, _rt_priority, _rlimit_rttime; a reload that changes them replaces it."""
    node = lan.nodes["a"]
    Server(node, 9001).start()
    processor = max(os.sched_getaffinity(0))
    config = service(real(9001, tcp()), real(9002, tcp()))
    hasup, table = begin(config)
    wait_table(table, {9001: 1})
    before, first = table.lines(), hasup.worker("hasup-checker")
    assert os.sched_getscheduler(first) == os.SCHED_OTHER
    block = "\n".join(f"  {line.format(cpu=processor)}" for line in lines)
    assert hasup.reload("global_defs {\n" + block + "\n}\n" + config).returncode == 0
    pid = wait_for("another checker", lambda: hasup.roles().get("hasup-checker"),
                   lambda found: found and found != [first], 8)[0]
    assert "DOWN" not in hasup.log().split("is replaced")[-1]

    def scheduling():
        return os.sched_getscheduler(pid)

    wait_for("its class", scheduling, lambda seen: seen & 0xFF == expected["policy"])
    if "nice" in expected:
        wait_for("its priority", lambda: os.getpriority(os.PRIO_PROCESS, pid), lambda seen: seen == expected["nice"])
        wait_for("its processor", lambda: os.sched_getaffinity(pid), lambda seen: seen == {processor})

        def locked():
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("VmLck"))

        # A container may not raise the limit: then it is said.
        wait_for("locked memory", lambda: locked() or "hasup-checker: can't lock memory" in hasup.log(), lambda seen: seen)
    else:
        wait_for("its priority", lambda: os.sched_getparam(pid).sched_priority, lambda seen: seen == expected["priority"])
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            limit = next(line.split()[3:5] for line in file if line.startswith("Max realtime timeout"))
        assert limit == ["60000", "60000"]
    hold_for("the table", table.lines, lambda seen: seen == before, 1.5)
    assert subprocess.run(["kill", "-0", str(pid)], check=False).returncode == 0


def test_bfd_check_waits(begin):
    """BFD_CHECK acts when BFD does: until then the server is up, also with alpha, and says so."""
    block = "    BFD_CHECK {\n      name b\n      alpha\n    }"
    hasup, table = begin("bfd_instance b {\n  neighbor_ip 10.0.0.2\n}\n" + service(real(9001, block), real(9002)))
    wait_table(table, {9001: 1, 9002: 1})
    shown = wait_for("the services", lambda: hasup.cli("services").stdout, lambda text: "9001" in text)
    assert "BFD_CHECK not yet" in shown, shown
    checked = hasup.cli("check")
    assert "BFD_CHECK" in hasup.log() + checked.stdout + checked.stderr
