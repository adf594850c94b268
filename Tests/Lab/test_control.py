"""The control socket: a foreign client, the CLI's exit codes, and people who misbehave."""

import json
import os
import random
import signal
import socket
import stat
import threading
import time

import pytest
from lab import conf
from lab.hasup import Hasup, binary, descriptors, has_varlink, varlink_client
from lab.machine import late
from lab.varlink import Wire
from lab.waiting import wait_for

STATUS = "io.hasup.Status"


@pytest.fixture
def master(lan):
    """One node that is MASTER."""
    hasup = Hasup(lan.node("a"), conf.simple(200, version=3, advert=0.1)).start()
    hasup.wait_state("MASTER")
    return hasup


def assert_served(hasup, bound=0.5):
    """A new client is answered in time."""
    begin = time.monotonic()
    with Wire(hasup.control) as wire:
        assert "parameters" in wire.call(STATUS)
    assert time.monotonic() - begin < bound


def test_a_foreign_varlink_client(master):
    """Python's varlink package reads the interface and calls it."""
    assert has_varlink(), "PyPI's varlink is not in .venv: make setup says why"
    script = ("import json, sys, varlink\n"
              "with varlink.Client(address=sys.argv[1]) as client:\n"
              "    print(client.get_interface('io.hasup').name if hasattr(client, 'get_interface') else 'io.hasup')\n"
              "    with client.open('io.hasup') as connection:\n"
              "        print(json.dumps(connection.Status()))\n")
    name, answer = varlink_client(master.control, script).splitlines()
    assert name == "io.hasup"
    assert json.loads(answer)["instances"][0]["state"] == "MASTER"


def test_introspection(master):
    """org.varlink.service names the interface and gives its description."""
    with Wire(master.control) as wire:
        info = wire.call("org.varlink.service.GetInfo")["parameters"]
        assert "io.hasup" in info["interfaces"]
        description = wire.call("org.varlink.service.GetInterfaceDescription", interface="io.hasup")
        assert "method Status" in description["parameters"]["description"]
        assert wire.call("io.hasup.NoSuchMethod")["error"] == "org.varlink.service.MethodNotFound"
        assert wire.call("no.such.Thing")["error"] == "org.varlink.service.InterfaceNotFound"
        assert "parameters" in wire.call(STATUS), "an error does not end the connection"


def test_access_to_the_socket(master):
    """Root and group hasup, by file mode."""
    mode = os.stat(master.control)
    assert stat.S_IMODE(mode.st_mode) == 0o660
    assert mode.st_uid == 0


def test_exit_codes(lan, master):
    """0 all well, 1 something in FAULT, 2 daemon not reachable."""
    assert master.cli("status").returncode == 0
    master.node.netns.ip("link", "set", "eth0", "down")
    master.wait_state("FAULT")
    assert master.cli("status").returncode == 1
    master.stop()
    gone = master.cli("status")
    assert gone.returncode == 2 and gone.stderr
    assert gone.stdout == "", "O1: never an old answer"


def test_two_masters_that_do_not_understand_each_other(pair):
    """Each discards what the other one sends; status names the other one, and all isn't well."""
    a, b = pair
    old, new = (Hasup(node, conf.simple(100, version=version, advert=advert))
                for node, version, advert in ((a, 2, 1), (b, 3, 0.1)))
    for hasup in (old.start(), new.start()):
        hasup.wait_state("MASTER")
    for hasup, other in ((old, "10.0.0.2"), (new, "10.0.0.1")):
        done = wait_for("the alarm", lambda: hasup.cli("status"), lambda done: "two masters" in done.stdout)
        assert done.returncode == 1 and f"from {other}: version" in " ".join(done.stdout.split()), done.stdout
    old.kill()
    wait_for("its silence to count", lambda: new.cli("status"), lambda done: done.returncode == 0, 15, 0.2)
    text = " ".join(new.cli("status").stdout.split())
    assert "version; the last " in text and "two masters" not in text, text


def test_status_fits_80_columns_and_has_no_colour_in_a_pipe(duo):
    """A table that a person can read; a BACKUP says why it isn't MASTER."""
    a, b = duo()
    for hasup in (a, b):
        text = hasup.cli("status").stdout
        assert "\x1b" not in text
        assert max(len(line) for line in text.splitlines()) <= 80, text
        assert "VI_1" in text and "10.0.0.100" in text
    assert "10.0.0.1" in b.cli("status").stdout.replace("10.0.0.100", ""), "the master's address"


def test_watch_streams(duo, pair):
    """`hasup watch` shows a transition without being asked again."""
    a, b = duo()
    log = os.path.join(pair[1].directory, "watch.log")
    program = pair[1].spawn([binary("hasup"), "watch", "--control", b.control], "watch")
    wait_for("the beginning", lambda: open(log, encoding="utf-8").read(), bound=3)
    a.kill()
    wait_for("the transition", lambda: open(log, encoding="utf-8").read(), lambda text: "MASTER" in text, 3)
    b.stop()
    assert program.wait(3) == 2 and "exited: there" in open(log, encoding="utf-8").read()


def test_a_refused_reload_is_remembered(master):
    """Exit status 1; status says when and why until a reload succeeds, and the old configuration stays in force."""
    done = master.reload(conf.simple(999, version=3, advert=0.1))
    assert done.returncode == 1 and "Refused. " in done.stdout and "efused: " not in done.stdout, done.stdout
    assert "ago, was refused:" in master.cli("status").stdout
    assert "has 1 error" in master.status().answer["daemon"]["refused_reload"]["reason"]
    assert master.state() == "MASTER"
    assert master.reload(conf.simple(150, version=3, advert=0.1)).returncode == 0
    assert "refused" not in master.cli("status").stdout
    assert master.status().answer["daemon"].get("refused_reload") is None


def test_names_of_processes(master):
    """`ps` shows the roles, not "exe"; notes on limits stay out of the table."""
    for role in ("hasup-vrrp", "hasupd"):
        with open(f"/proc/{master.worker(role)}/comm", encoding="utf-8") as file:
            assert file.read().strip() == role
    assert "\nnote: " not in master.cli("status").stdout


def test_version(master):
    """`hasup version` names the program and, when it runs, the daemon."""
    done = master.cli("version")
    assert done.returncode == 0 and "hasup" in done.stdout


@pytest.mark.parametrize("rubbish", [
    b"\0", b"{}\0", b"[]\0", b"null\0", b'{"method":1}\0', b'{"method":"io.hasup.Status","parameters":[]}\0',
    b'{"method":"' + b"x" * 300000, b"[" * 100000 + b"\0", b'"\xff\xfe"\0', b"GET / HTTP/1.0\r\n\r\n\0",
    random.Random(7).randbytes(20000) + b"\0"], ids=lambda data: f"{data[:12]!r}-{len(data)}")
def test_rubbish_harms_nobody(master, rubbish):
    """Whoever sends rubbish gets an error or is cut off; others are served and the master stays master."""
    with Wire(master.control, timeout=3) as wire:
        try:
            wire.send(rubbish)
        except OSError:
            pass
        assert_served(master)
        if len(rubbish) > 200000:
            assert wire.ended(), "an endless request is cut off"
    assert master.state() == "MASTER"


def test_half_requests_and_slow_readers(master, sniffer):
    """Clients that stop in the middle, or ask and never read: the others are served and no advert is late."""
    begin = time.time()
    halves = [Wire(master.control) for _ in range(50)]
    for wire in halves:
        wire.send(b'{"method":"io.hasup.St')
    slow = [Wire(master.control) for _ in range(20)]
    request = json.dumps({"method": STATUS}).encode() + b"\0"
    for wire in slow:
        wire.socket.settimeout(0.2)
        try:
            for _ in range(2000):
                wire.send(request)
        except OSError:
            pass
    for _ in range(20):
        assert_served(master)
    for wire in (*halves, *slow):
        wire.close()
    assert_served(master)
    assert sniffer.widest_gap(master.node, since=begin) < 0.15 + late()


def test_a_thousand_connections(master, sniffer):
    """1,000 clients at once: root is still served, adverts go on, and all descriptors come back."""
    before = descriptors(master.program.pid)
    begin = time.time()
    clients = []
    try:
        for _ in range(1000):
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.settimeout(0.5)
            try:
                client.connect(master.control)
            except OSError:
                pass
            clients.append(client)
        wait_for("an answer", lambda: master.cli("status").returncode, lambda status: status == 0, 10, 0.1)
    finally:
        for client in clients:
            client.close()
    assert sniffer.widest_gap(master.node, since=begin) < 0.15 + late()
    wait_for("all descriptors back", lambda: descriptors(master.program.pid), lambda count: count <= before, 3)
    assert_served(master)


def test_an_answer_within_50_ms(master):
    """O1: status as JSON within 50 ms, with a stable shape."""
    with Wire(master.control) as wire:
        wire.call(STATUS)
        begin = time.monotonic()
        answer = wire.call(STATUS)["parameters"]
        assert time.monotonic() - begin < 0.05 + late()
    assert {"daemon", "instances"} <= set(answer)


def test_status_of_a_dead_worker(lan):
    """Exit 1 and a sentence while the VRRP worker is stopped; 0 and the replacement afterwards; watch told it."""
    node = lan.node("a")
    hasup = Hasup(node, conf.simple(200, version=3, advert=3)).start()
    hasup.wait_state("MASTER", bound=15)
    assert hasup.cli("status").returncode == 0
    worker = hasup.worker()
    os.kill(worker, signal.SIGSTOP)
    silent = hasup.cli("status")
    assert silent.returncode == 1
    assert "the VRRP worker doesn't answer" in silent.stdout
    os.kill(worker, signal.SIGKILL)
    wait_for("another worker that answers", lambda: hasup.cli("status"),
             lambda done: done.returncode == 0 and "signal 9" in done.stdout, 5)
    answer = hasup.status().answer["daemon"]["replacements"]
    assert [entry["process"] for entry in answer] == ["hasup-vrrp"]
    assert "hasup-vrrp" in hasup.cli("history").stdout


def test_the_log_level_while_it_runs(master):
    """D26: changed at once and for everything, shown, and refused for a level that there isn't."""
    assert master.cli("log-level").stdout == "info\n"
    assert master.cli("log-level", "error").stdout == "info -> error\n"
    assert master.status().answer["daemon"]["log_level"] == "error"
    before = master.log()
    assert master.reload(conf.simple(199, version=3, advert=0.1)).returncode == 0
    assert master.log() == before
    assert master.cli("log-level", "info").stdout == "error -> info\n"
    assert master.reload(conf.simple(200, version=3, advert=0.1)).returncode == 0
    assert "reloaded" in master.log()[len(before):]
    assert master.cli("log-level", "loud").returncode == 64
    with Wire(master.control) as wire:
        assert wire.call("io.hasup.SetLogLevel", level="loud")["error"] == "org.varlink.service.InvalidParameter"


def test_each_instance_is_told_of_itself_while_reloads_renumber_them(lan):
    """The worker's numbers mean something in its generation only: a reload that turns the order of 100 instances round
    gives nobody the state of another one."""
    def config(order):
        return conf.file(*[conf.instance(f"VI_{number}", vrid=number, priority=number + 1, version=3,
                                         vips=[f"10.0.{number}.100/24"]) for number in order])
    orders = [range(1, 101), range(100, 0, -1)]
    a = Hasup(lan.node("a"), config(orders[0])).start()
    a.wait_state("MASTER", "VI_100", bound=8)
    ended, wrong, asked = threading.Event(), [], []

    def ask():
        with Wire(a.control) as wire:
            while not ended.is_set():
                answer = wire.call("io.hasup.Status")["parameters"]["instances"]
                asked.append(len(answer))
                wrong.extend(one for one in answer if one["priority"] != one["base_priority"])

    askers = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
    for asker in askers:
        asker.start()
    for number in range(1, 16):
        assert a.reload(config(orders[number % 2])).returncode == 0
    ended.set()
    for asker in askers:
        asker.join(5)
    assert len(asked) > 30 and set(asked) == {100}
    assert not wrong, (len(wrong), len(asked), wrong[0])
