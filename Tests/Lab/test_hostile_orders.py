"""Orders and hooks of a worker that an attacker owns: it can only end orders that exist, and run what is configured."""

import os
import struct
import time

import pytest
from lab import conf, hostile
from lab.hasup import Hasup
from lab.hostile import Impostor, frame
from lab.waiting import hold_for, wait_for

MASTER, RELEASE = 0, 1
HOLDS, NOBODY, BECAME_MASTER, LATE = 0, 2, 4, 7


def ask(hook, number, instance=0, kind=0, generation=1, void=False):
    """A request for a hook of an instance (kind 0) or a sync group (1), or, void, the end of one."""
    return frame(hostile.HOOKS, struct.pack(">QBBIQ?", generation, hook, kind, instance, number, void))


def outcome(number, code):
    """What has become of an order."""
    return frame(hostile.OBSERVATIONS, struct.pack(">QBQB", 1, 15, number, code))


def kept(hasup):
    """The file of the orders in force."""
    with open(os.path.join(hasup.run_dir, "orders"), encoding="utf-8") as file:
        return file.read()


@pytest.fixture
def hooked(lan):
    """hasup with a before_release that notes its runs and takes a moment, and the notes."""
    node = lan.node("a")
    notes = os.path.join(node.directory, "notes")
    script = node.write("release", f"#!/bin/sh\nexec 9>{notes}.lock\nflock -n 9 || echo overlap >>{notes}\n"
                        f"echo run >>{notes}\nsleep 0.3\n")
    os.chmod(script, 0o755)
    a = Hasup(node, conf.simple(version=3, advert=10, extra=[f'@hasup before_release "{script}"'])).start()
    a.wait_state("BACKUP")

    def runs():
        if not os.path.exists(notes):
            return []
        with open(notes, encoding="ascii") as file:
            return file.read().split()
    return a, runs


def test_only_hooks_that_are_configured(hooked):
    """Its own hook runs; every other number is refused, and told once for each kind."""
    a, runs = hooked
    with Impostor(a.worker()) as impostor:
        impostor.say(frame(hostile.WORKED))
        for hook, instance, kind, generation in [(MASTER, 0, 0, 1), (RELEASE, 1, 0, 1), (RELEASE, (1 << 32) - 1, 0, 1),
                                                 (RELEASE, 0, 1, 1), (RELEASE, 0, 0, 2), (RELEASE, 0, 0, (1 << 64) - 1)]:
            impostor.say(ask(hook, 1, instance, kind, generation))
        for line in ("has no before_master", "the configuration has no instance number",
                     "the configuration has no sync group number", "isn't the one that it runs"):
            wait_for(line, a.log, lambda log, line=line: "refused a worker's request: " in log and line in log, 3)
        assert not runs()
        impostor.say(ask(RELEASE, 1))
        wait_for("its run", runs, lambda seen: seen == ["run"])


def test_a_run_for_each_number(hooked):
    """However often it asks: under one number one run, under many no two at once, and a few in a second."""
    a, runs = hooked
    with Impostor(a.worker()) as impostor:
        impostor.say(frame(hostile.WORKED))
        for _ in range(500):
            impostor.say(ask(RELEASE, 7))
        wait_for("its run", runs)
        hold_for("one run", runs, lambda seen: seen == ["run"], 1)
        begin = time.monotonic()
        for number in range(5_000):
            impostor.say(ask(RELEASE, 100 + number))
        wait_for("the last one", runs, lambda seen: len(seen) >= 3)
        hold_for("few runs", runs, lambda seen: "overlap" not in seen and len(seen) <= 3 + (time.monotonic() - begin) / 0.2, 2)


def test_a_run_that_is_void(hooked):
    """However often it asks and doesn't want it any more: a few runs in a second, no two at once, and the last one ends."""
    a, runs = hooked
    with Impostor(a.worker()) as impostor:
        impostor.say(frame(hostile.WORKED))
        begin = time.monotonic()
        for number in range(2_000):
            impostor.say(ask(RELEASE, number, void=True))
            impostor.say(ask(RELEASE, number))
            impostor.say(ask(RELEASE, number, void=True))
            impostor.say(ask(RELEASE, number, 7, void=True))
        impostor.say(ask(RELEASE, 5_000))
        wait_for("the last one", runs)
        hold_for("few runs", runs, lambda seen: "overlap" not in seen and len(seen) <= 2 + (time.monotonic() - begin) / 0.2, 1)
        assert "the configuration has no instance number 7" in a.log() and a.running()


def test_only_orders_that_exist(hooked):
    """An outcome of another order, or one that an order of the kind can't have, changes nothing; one that it may have does."""
    a, _ = hooked
    assert a.cli("maintenance", "on", "VI_1", bound=20).returncode == 0
    order = a.status().instance()["order"]
    with Impostor(a.worker()) as impostor:
        impostor.say(frame(hostile.WORKED))
        for number in (0, 1 << 32, (1 << 64) - 1):
            for code in range(8):
                if code != 1:
                    impostor.say(outcome(number, code))
        for number in range(1, 20):
            for code in (BECAME_MASTER, 5, 6, LATE):
                impostor.say(outcome(number, code))
        hold_for("the order", lambda: "maintenance" in kept(a), seconds=0.5)
        impostor.say(frame(hostile.OBSERVATIONS, struct.pack(">Q", 1) + 100 * struct.pack(">BQB", 15, 1, NOBODY)))
        hold_for("maintenance stays", lambda: "maintenance" in kept(a), seconds=0.5)
        # That of a hook that refuses.
        for number in range(1, 20):
            impostor.say(outcome(number, 3))
        wait_for("its end", lambda: "maintenance" not in kept(a))
    assert order["order"] == "maintenance"
