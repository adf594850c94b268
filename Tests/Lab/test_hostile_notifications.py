"""Notifications of a worker that an attacker owns: each is one that hasupd may send, and there is no end of them."""

import os
import struct
import time

from lab import hostile
from lab.hostile import Impostor, frame
from lab.waiting import wait_for
from test_hostile_worker import lone  # noqa: F401

MASTER, BACKUP, FAULT = 1, 2, 3
BURST, SPACING = 10, 0.5


def test_notifications_without_end(lone, lan):  # noqa: F811
    """An instance's scripts start ten times at once, then twice a second; the last state is told, the others are counted."""
    told = os.path.join(lan.nodes["a"].directory, "told")
    script = lan.nodes["a"].write("notify.sh", f"#!/bin/sh\necho $3 >>{told}\n")
    os.chmod(script, 0o755)

    def lines():
        if not os.path.exists(told):
            return []
        with open(told, encoding="ascii") as file:
            return file.read().split()
    a = lone(advert=10, extra=[f'notify "{script}"'])
    wait_for("MASTER told", lines, lambda seen: seen and seen[-1] == "MASTER", 3)
    number, count, before = 1_000, len(lines()), a.status().instance()["notifications_skipped"]

    def notify(moment):
        return frame(hostile.NOTIFY, struct.pack(">QIQBB", 1, 0, number, moment, 100))
    with Impostor(a.worker()) as impostor:
        begin = time.monotonic()
        while time.monotonic() - begin < 4:
            number += 1
            assert impostor.say(notify(MASTER if number % 2 else BACKUP))
        number += 1
        assert impostor.say(notify(FAULT))
        wait_for("the last state told", lines, lambda seen: seen[-1] == "FAULT", 5)
        lasted = time.monotonic() - begin
        runs = len(lines()) - count
        skipped = a.status().instance()["notifications_skipped"] - before
    print(f"{number - 1_000} notifications in {lasted:.1f} s: {runs} runs, {skipped} skipped")
    assert number - 1_000 > 200
    assert runs <= BURST + lasted / SPACING + 1
    assert runs + skipped == number - 1_000
    assert "a notification wasn't sent because the next one had come before its turn" in a.log()
