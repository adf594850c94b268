"""A checker that an attacker owns: it may take configured servers in and out, and nothing else (docs/decisions, D64)."""

import mmap
import os
import signal
import struct
import threading
import time

import pytest
from lab import hostile, mail
from lab.services import real, service, tcp, wait_table
from lab.hasup import descriptors
from lab.hostile import Impostor, frame
from lab.servers import Server
from lab.waiting import hold_for, wait_for
from test_hostile_worker import Turns, anonymous, successor
from test_services import mailing

# Messages of the checker, and hasupd's answers (Sources/WorkerProtocol/CheckerMessages.swift).
CONFIGURED, REPORTS, OBSERVATIONS, LATE, STOPPED, RUN_SCRIPT, OPEN_SOCKET = range(0x403, 0x40A)
SOCKET_REFUSED = 0x309
PLACES = 1 << 17
PAGE_SIZE, CHECK_STAMP = 4096 + PLACES * 64, 8


class CheckerImpostor(Impostor):
    """Speaks in the checker's place; its stamp is renewed."""

    def __init__(self, pid):
        super().__init__(pid, stamps=False)
        number = next(int(number) for number in os.listdir(f"/proc/{pid}/fd")
                      if os.readlink(f"/proc/{pid}/fd/{number}").startswith("/memfd:hasup-checks"))
        copy = hostile.borrowed(pid, number)
        self.memory = mmap.mmap(copy, PAGE_SIZE)
        os.close(copy)
        self.renewal = threading.Thread(target=self._renew, daemon=True)
        self.renewal.start()

    def _renew(self):
        while not self.ended.is_set():
            struct.pack_into("<q", self.memory, CHECK_STAMP, time.clock_gettime_ns(time.CLOCK_BOOTTIME))
            time.sleep(0.05)

    def fingerprints(self):
        """Those of the page's records."""
        words = [struct.unpack_from("<Q", self.memory, 4096 + place * 64 + 8)[0] for place in range(16)]
        return [word for word in words if word]

    def spoil(self):
        """Writes over all records of the page."""
        for place in range(64):
            self.memory[4096 + place * 64:4096 + (place + 1) * 64] = os.urandom(64)
        struct.pack_into("<q", self.memory, 16, -1)

    def fill(self):
        """Writes a record in each place of the page that no check has: all of them well formed."""
        for place in range(64, PLACES):
            self.memory[4096 + place * 64:4096 + (place + 1) * 64] = record(place + 1)
        struct.pack_into("<q", self.memory, 16, PLACES)

    def close(self):
        self.ended.set()
        self.renewal.join(2)
        super().close()


def record(fingerprint):
    """A record of a check that is up, as Sources/LoadBalancing/Checks/CheckRecord.swift has it."""
    words = [fingerprint, 1, 0, 0, 0, 0, 0]
    value = 0xcbf29ce484222325
    for word in words:
        value = (value ^ word) * 0x9e3779b97f4a7c15 & (1 << 64) - 1
        value ^= value >> 29
    return struct.pack("<II7Q", (value ^ value >> 32) & 0xffffffff, 0, *words)


def turned(number):
    """A report that a check of a server that is down has passed again."""
    return frame(OBSERVATIONS, struct.pack(">Q", 1) + struct.pack(">BIIBi?", 2, 0, number, 0, 0, True))


def server(number, up=True, weight=1, service_number=0, notification=0):
    """A report on a real server."""
    return struct.pack(">BII??IBiQ", 0, service_number, number, up, True, weight, 0, 0, notification)


def quorum(service_number, has, notification=0):
    """A report on a virtual server."""
    return struct.pack(">BI?Q", 1, service_number, has, notification)


def reports(*entries, generation=1):
    """A frame of them."""
    return frame(REPORTS, struct.pack(">Q", generation) + b"".join(entries))


@pytest.fixture
def owned(lan, begin):
    """hasupd with two servers that are up, and an impostor of its checker."""
    node = lan.nodes["a"]
    for port in (9001, 9002):
        Server(node, port).start()
    hasup, table = begin(service(real(9001, tcp(), weight=5), real(9002, tcp("fwmark 7"), weight=5)))
    wait_table(table, {9001: 5, 9002: 5})
    wait_for("checks", lambda: hasup.cli("services").stdout, lambda text: "not checked yet" not in text)
    with CheckerImpostor(hasup.worker("hasup-checker")) as impostor:
        yield hasup, table, impostor
    try:
        os.kill(impostor.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


FAR = 1 << 40
REFUSED = {
    "a service that isn't there": reports(quorum(9, False)), "a server that isn't there": reports(server(77, False)),
    "a server of such a service": reports(server(0, False, service_number=1 << 31)),
    "a weight above the configured one": reports(server(0, weight=6)),
    "the largest weight": reports(server(1, weight=(1 << 32) - 1)),
    "a notification of the far future": reports(server(0, False, notification=FAR)),
    "an old generation": reports(server(0, False), generation=0),
    "a generation to come": reports(server(0, False), generation=99),
    "a program that isn't configured": frame(RUN_SCRIPT, struct.pack(">IQ", 0, 12345)),
    "a socket for no check": frame(OPEN_SOCKET, struct.pack(">IQ", 0, 12345)),
}


def test_what_it_may_not_say_is_refused(owned):
    """Numbers that don't exist, weights out of bounds, old generations: refused, logged, and nothing changes."""
    hasup, table, impostor = owned
    before = table.lines()
    for what, data in REFUSED.items():
        assert impostor.say(data), what
    # One line a minute of each kind; the others are counted.
    for sentence in ("there is no virtual server 9", "virtual server 0 has no real server 77", "a weight of 6 is more than",
                     f"notification {FAR} isn't due", "generation 0 isn't one that it runs",
                     "the configuration has no such check", "the configuration has no check that needs this socket"):
        wait_for(sentence, lambda: hasup.log().count(f"refused a report: {sentence}"),
                 lambda seen: seen == 1, 3)
    assert impostor.wait_for(SOCKET_REFUSED)[0] == SOCKET_REFUSED
    hold_for("the table", table.lines, lambda seen: seen == before, 1)
    # What it may say: a configured server out, with a smaller weight, and in again.
    for entry, wanted in ((server(0, False), {9002: 5}), (server(0, weight=2), {9001: 2, 9002: 5})):
        assert impostor.say(reports(entry))
        wait_table(table, wanted)
    assert hasup.roles()["hasup-checker"] == [impostor.pid]
    os.kill(impostor.pid, signal.SIGKILL)
    hasup.stop()
    assert hasup.log().count("(1 more like this within a minute)") >= 3, hasup.log()


@pytest.mark.parametrize("what", [*REFUSED, "one server in and out", "late starts", "a spoiled page", "sockets that it may have"])
def test_floods(owned, what):
    """100,000 frames (of those that make hasupd do something, 10,000): its turns stay short, memory and log small."""
    hasup, table, impostor = owned
    before, memory = table.lines(), anonymous(hasup.program.pid)
    data = {"one server in and out": [reports(server(0, False)), reports(server(0))],
            "late starts": [frame(LATE, struct.pack(">Q", 7))],
            "a spoiled page": [frame(LATE, struct.pack(">Q", 7))],
            "sockets that it may have": [frame(OPEN_SOCKET, struct.pack(">IQ", 1, number))
                                         for number in impostor.fingerprints()]}.get(what) or [REFUSED[what]]
    count = 10_000 if len(data) > 1 or "socket" in what or "program" in what else 100_000
    if what == "a spoiled page":
        impostor.spoil()
    with Turns(hasup):
        taken = impostor.flood(data[index % len(data)] for index in range(count))
        answer = hasup.cli("services")
    # Who doesn't hear its answers is replaced.
    assert taken == count or "doesn't read" in hasup.log(), (taken, hasup.log()[-2000:])
    assert "10.99.0.1" in answer.stdout, answer
    assert len(hasup.log().splitlines()) < 200, len(hasup.log().splitlines())
    assert anonymous(hasup.program.pid) - memory < 8192
    assert descriptors(hasup.program.pid) < 100
    if what != "one server in and out":
        assert table.lines() == before


@pytest.mark.parametrize("data", [
    b"abc", frame(0x400), frame(0x40B), frame(REPORTS, b"\0" * 7), reports(b"\x07" * 9), reports(server(0)[:-1]),
    reports(*[server(0)] * 129), frame(OPEN_SOCKET, b"\0"), frame(CONFIGURED, struct.pack(">Q", 42)),
    frame(OBSERVATIONS, struct.pack(">Q", 1) + b"\xff"), frame(hostile.CHECKER_HELLO, hostile.hello()),
], ids=lambda data: data[:6].hex())
def test_what_is_no_message_ends_it(owned, data):
    """Another checker follows, and no server goes."""
    hasup, table, impostor = owned
    before = table.lines()
    assert impostor.say(data)
    successor(hasup, impostor.pid, "hasup-checker")
    hold_for("the table", table.lines, lambda seen: seen == before, 1)


def test_a_descriptor_of_its_own_ends_it(owned):
    """Descriptors go from hasupd to the checker only."""
    hasup, table, impostor = owned
    before = table.lines()
    with open("/dev/null", "rb") as file:
        impostor.say(frame(LATE, struct.pack(">Q", 7), flags=1), [file.fileno()])
    successor(hasup, impostor.pid, "hasup-checker")
    assert table.lines() == before


def test_a_full_page(owned):
    """Strange records in all 131,072 places: `hasup services` doesn't hold up hasupd, and shows the checks that there are."""
    hasup, table, impostor = owned
    before = table.lines()
    impostor.fill()
    with Turns(hasup):
        for _ in range(10):
            assert "not checked yet" not in hasup.cli("services").stdout
    assert table.lines() == before


def test_turns_without_end(lan, begin):
    """Checks that turn again and again make mails of a server that is down alone, and six of them a minute."""
    node = lan.nodes["a"]
    first, second = (Server(node, port).start() for port in (9001, 9002))
    with mail.Server(node) as mailbox:
        hasup, table = begin(mailing() + service(real(9001, tcp()), real(9002, tcp())))
        wait_table(table, {9001: 1, 9002: 1})
        second.stop()
        wait_table(table, {9001: 1})
        wait_for("the first mail", mailbox.subjects, lambda seen: len(seen) == 1)
        with CheckerImpostor(hasup.worker("hasup-checker")) as impostor:
            for number in range(2_000):
                assert impostor.say(turned(number % 3))
            assert impostor.say(reports(server(0, False)))
            wait_table(table, {})
            wait_for("mails", mailbox.subjects, lambda seen: len(seen) == 7)
            hold_for("no more", mailbox.subjects, lambda seen: len(seen) == 7, 2)
            assert all("[127.0.0.1]:tcp:9002" in subject for subject in mailbox.subjects())
            os.kill(impostor.pid, signal.SIGKILL)
        first.stop()


def test_configurations_that_it_doesn_t_take(owned):
    """A checker that never says that it works by a configuration is replaced: hasupd keeps each one until then."""
    hasup, table, impostor = owned
    before = descriptors(hasup.program.pid)
    with open(hasup.config, encoding="utf-8") as file:
        config = file.read()
    for weight in range(6, 16):
        hasup.reload(config.replace("weight 5", f"weight {weight}"))
    held = descriptors(hasup.program.pid)
    successor(hasup, impostor.pid, "hasup-checker", 15)
    assert "it hasn't taken over a configuration within 10" in hasup.log(), hasup.log()
    wait_table(table, {9001: 15, 9002: 15})
    # A configuration has four; beside the newest one another may be kept.
    assert held >= before + 9 * 4, (before, held)
    wait_for("its descriptors", lambda: descriptors(hasup.program.pid), lambda seen: seen <= before + 4)
