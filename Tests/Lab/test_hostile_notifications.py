"""Notifications of a worker that an attacker owns: each is one that hasupd may send, and there is no end of them."""

import os
import re
import struct
import time

from lab import conf, hostile
from lab.fifo import Ears, lines_of
from lab.hasup import OPTIMIZED, ROOT, Hasup
from lab.hostile import Impostor, frame
from lab.machine import late
from lab.waiting import wait_for
from test_hostile_worker import Turns, anonymous

MASTER, BACKUP, FAULT = 1, 2, 3
LOWER, MASTER_PRIORITY, BACKUP_PRIORITY = 7, 9, 10
INSTANCES = 16
LASTS = 4


def queue_constants():
    """How many runs of an instance may follow one another at once, and the seconds between later ones."""
    path = os.path.join(ROOT, "Sources", "Supervision", "NotificationQueue.swift")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    burst = re.search(r"static var burst: Int64 { (\d+) }", text)
    spacing = re.search(r"static var spacing: Interval { \.milliseconds\((\d+)\) }", text)
    assert burst and spacing, f"{path} doesn't say it in these words any more"
    return int(burst[1]), int(spacing[1]) / 1000


def test_notifications_without_end(lan):
    """Each instance's scripts start so many times at once and then at their distance, no more and no less, however many
    instances there are; the last state is told, the others are counted."""
    burst, spacing = queue_constants()
    node = lan.node("a")
    folder = os.path.join(node.directory, "told")
    os.mkdir(folder)
    script = node.write("notify.sh", f"#!/bin/sh\necho $3 >>{folder}/$2\n")
    os.chmod(script, 0o755)
    names = [f"VI_{number}" for number in range(1, INSTANCES + 1)]

    def lines(name):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            return []
        with open(path, encoding="ascii") as file:
            return file.read().split()

    def all_told(state, bound):
        wait_for(f"{state} told of each", lambda: [lines(name)[-1:] for name in names],
                 lambda seen: all(last == [state] for last in seen), bound)
    a = Hasup(node, conf.file(*[
        conf.instance(name, vrid=number, priority=255, version=3, advert=10, vips=[f"10.0.1.{number}/32"],
                      extra=[f'notify "{script}"']) for number, name in enumerate(names, 1)])).start()
    all_told("MASTER", 8)
    # What they had at their start is no part of the burst any more.
    rested = max(len(lines(name)) for name in names) * spacing
    time.sleep(rested)

    def skipped(status):
        return {name: status.instance(name)["notifications_skipped"] for name in names}
    before = {name: len(lines(name)) for name in names}
    skipped_before = skipped(a.status())
    number, rounds = 1_000, 0

    def notify(moment):
        nonlocal number
        requests = b""
        for instance in range(INSTANCES):
            number += 1
            requests += struct.pack(">BIQBB", 0, instance, number, moment, 100)
        return frame(hostile.NOTIFY, struct.pack(">Q", 1) + requests)
    with Impostor(a.worker()) as impostor:
        begin = time.monotonic()
        while time.monotonic() - begin < LASTS:
            rounds += 1
            assert impostor.say(notify(MASTER if rounds % 2 else BACKUP))
            # Hundreds of frames a second: what is measured is the queue and not the machine.
            time.sleep(0.005)
        flooded = time.monotonic() - begin
        rounds += 1
        assert impostor.say(notify(FAULT))
        all_told("FAULT", 8)
        lasted = time.monotonic() - begin
        status = skipped(a.status())
    runs = {name: len(lines(name)) - before[name] for name in names}
    print(f"{rounds} notifications of each in {lasted:.1f} s: {min(runs.values())} to {max(runs.values())} runs")
    assert rounds > 200
    for name in names:
        assert runs[name] <= burst + lasted / spacing + 1, runs
        # A debug build takes so long to start a script that not all that may be are.
        assert runs[name] >= burst + (flooded / spacing - 2 if OPTIMIZED else 0), runs
        assert runs[name] + status[name] - skipped_before[name] == rounds, name
    assert "notification skipped: superseded by a newer one" in a.log()


def test_events_without_end(lan):
    """Lower-priority adverts and changes of priorities, which a worker makes up: the scripts of an instance have their
    rate, a state isn't kept waiting by them, the FIFO loses what it has no room for, and hasupd stays as large as it was."""
    burst, spacing = queue_constants()
    ears = Ears(lan.node("a"))
    event = ears.script("event.sh", f"#!/bin/sh\ndate +%s.%N >>{ears.node.directory}/events-seen\n")
    a = Hasup(ears.node, conf.simple(
        200, version=3, advert=0.1, settings=ears.settings(reader=False),
        extra=[f'notify "{ears.noted_script}"', f'notify_master_rx_lower_pri "{event}"'])).start()
    ears.outside.open()
    wait_for("MASTER", ears.noted, lambda seen: seen and seen[-1] == "INSTANCE VI_1 MASTER 200", 5)

    def scripts():
        return len(lines_of(os.path.join(ears.node.directory, "events-seen")))

    def notify(numbers):
        return frame(hostile.NOTIFY, struct.pack(">Q", 1) + b"".join(
            struct.pack(">BIQBB", 0, 0, number, (LOWER, MASTER_PRIORITY, BACKUP_PRIORITY)[number % 3], 200)
            for number in numbers))
    before, number = anonymous(a.program.pid), 1_000
    with Turns(a), Impostor(a.worker()) as impostor:
        begin = time.monotonic()
        while time.monotonic() - begin < LASTS:
            assert impostor.say(notify(range(number, number + 128)))
            number += 128
            # A number again, an event of a group, and one of an instance that isn't there.
            assert impostor.say(frame(hostile.NOTIFY, struct.pack(">QBIQBB", 1, 0, 0, number - 1, LOWER, 200)))
            assert impostor.say(frame(hostile.NOTIFY, struct.pack(">QBIQBB", 1, 1, 0, number, LOWER, 200)))
            assert impostor.say(frame(hostile.NOTIFY, struct.pack(">QBIQBB", 1, 0, 7, number, LOWER, 200)))
            time.sleep(0.002)
        lasted = time.monotonic() - begin
        assert impostor.say(frame(hostile.NOTIFY, struct.pack(">QBIQBB", 1, 0, 0, number, FAULT, 200)))
        told = time.monotonic()
        wait_for("FAULT", ears.noted, lambda seen: seen[-1] == "INSTANCE VI_1 FAULT 200", 3)
        told = time.monotonic() - told
        peak = anonymous(a.program.pid)
        problems = " ".join(a.status().answer["daemon"]["problems"])
    print(f"{number - 1000} events in {lasted:.1f} s: {scripts()} runs, a state after {told * 1000:.0f} ms, {before} -> {peak} kB")
    assert number > 10_000
    assert scripts() <= burst + lasted / spacing + 1
    assert told < spacing + late(), "not behind the events"
    assert "is full, because no program reads it" in problems
    assert peak - before < 8_192
    lines = ears.outside.all()
    assert lines[:2] == ['INSTANCE "VI_1" BACKUP 200', 'INSTANCE "VI_1" MASTER 200'] and len(lines) > 500
    assert {line.split()[2] for line in lines[2:]} == {"MASTER_RX_LOWER_PRI", "MASTER_PRIORITY", "BACKUP_PRIORITY"}
    log = a.log()
    for word in ("was started before", "can't send notification MASTER_RX_LOWER_PRI", "has no instance number 7"):
        assert word in log, word
    assert log.count("is lost: it is full") == 1
