"""Tracking scripts that hang, flood and fork, and a hasup-track that an attacker owns (docs/decisions, D6, D43 to D45)."""

import os
import signal
import struct
import time

import pytest
from lab import conf, hostile
from lab.fuse import DeadFileSystem
from lab.hasup import Hasup
from lab.hostile import Impostor, frame, text
from lab.machine import late
from lab.program import alive, descendants
from lab.waiting import hold_for, wait_for
from test_hostile_worker import Turns, anonymous, successor
from test_track_scripts import Check, changes_of, told

VIP = "10.0.0.100"



def widest_gap(sniffer, node, begin):
    """The widest gap between a node's adverts since then, in seconds."""
    sniffer.wait_advert(node, since=begin, count=3)
    return max(sniffer.gaps(node, since=begin))


def several(*checks, extra=(), blocks="", priority=150, **options):
    """A file with one instance that tracks these scripts, each with weight 1, and what `extra` says."""
    entries = [*(f"    {check.name} weight 1" for check in checks), *extra]
    options = {"version": 3, "advert": 0.1, **options}
    return conf.simple(priority, before="".join(check.block() for check in checks) + blocks,
                       extra=["track_script {", *entries, "}"], **options)


@pytest.fixture
def dead(lan):
    """Makes a folder of a node a file system that never answers, until the test ends."""
    made = []

    def begin(folder, **options):
        made.append(DeadFileSystem(folder, **options))
        return made[-1]
    yield begin
    for mount in made:
        mount.close()


def test_a_file_system_that_never_answers(lan, pair, sniffer, dead):
    """A script and a file on it have timed out; others go on at their times, an advert isn't late, and a stop ends all."""
    node = pair[0]
    share = os.path.join(node.directory, "share")
    os.mkdir(share)
    script, file, other = (os.path.join(folder, name) for folder, name in (
        (share, "check"), (share, "file"), (node.directory, "other")))
    for path in (script, file, other):
        with open(path, "w", encoding="ascii") as stream:
            stream.write("#!/bin/sh\n")
        os.chmod(path, 0o755)
    good = Check(node, "good")
    blocks = "".join(f"vrrp_script {name} {{\n    script {command}\n    interval 0.2\n    timeout 0.5\n}}\n"
                     for name, command in (("script", script), ("file", f"<{file}"), ("other", f"<{other}")))
    entries = [f"    {name} weight 1" for name in ("script", "file", "other")]
    a = Hasup(node, several(good, extra=entries, blocks=blocks)).start()
    a.wait_state("MASTER")
    told(a, *(f"script {name} succeeded: UP" for name in ("script", "file", "other", "good")))
    begin = time.time()
    dead(share)
    told(a, *(f"script {name} failed: timed out: DOWN" for name in ("script", "file")))
    before = len(good.starts())
    time.sleep(2)
    assert len(good.starts()) - before >= 15, "a tenth of a second each"
    assert changes_of(a, "other") == ["UP"]
    os.unlink(other)
    told(a, r"script other failed: can't be opened: No such file or directory: DOWN")
    assert a.state() == "MASTER" and a.status().instance()["priority"] == 151
    assert widest_gap(sniffer, node, begin) < 0.1 * 1.2 + late()
    assert a.stop()[0] == 0
    left = wait_for("no process to be left", lambda: [pid for pid in good.pids() if alive(pid)], lambda pids: not pids, 2)
    assert not left


def test_one_that_not_even_sigkill_ends(lan, pair, dead):
    """It gets no company: each start that it prevents is a failure, and when it ends all is as before."""
    node = pair[0]
    share = os.path.join(node.directory, "share")
    os.mkdir(share)
    check, good = Check(node, "web", body=f"cat {share}/file 2>/dev/null"), Check(node, "good")
    a = Hasup(node, several(good, extra=["    web weight 1"], blocks=check.block("timeout 0.5", "fall 3", interval=0.5)))
    a.start().wait_state("MASTER")
    mount = dead(share, reads=True)
    before = len(check.starts())
    mount.take()
    wait_for("the failure", lambda: changes_of(a), lambda seen: seen == ["UP", "DOWN"], 12)
    told(a, r"script web failed 3 times in a row: timed out: DOWN")
    runs = len(check.starts())
    hold_for("no company", lambda: (len(check.starts()), a.state()), lambda seen: seen == (runs, "MASTER"), 1)
    assert runs - before <= 2 and good.wait_runs(5) and check.was_alone()
    mount.close()
    wait_for("the next run", lambda: changes_of(a), lambda seen: seen == ["UP", "DOWN", "UP"], 5)


def test_scripts_that_flood_and_fork(lan, pair, sniffer):
    """Megabytes on standard error, and processes that are left behind: adverts are on time, memory doesn't grow, and what
    runs for too long is ended with its group."""
    node = pair[0]
    flood = Check(node, "flood", body="head -c 300000 /dev/zero | tr '\\0' x >&2")
    forks = Check(node, "forks", body="(sleep 600 9>&-) & (sleep 600) & sleep 600")
    a = Hasup(node, several(flood, extra=["    forks weight 1"], blocks=forks.block("timeout 0.3", interval=0.5))).start()
    a.wait_state("MASTER")
    flood.wait_runs(3)
    told(a, "script forks failed: timed out: DOWN")
    begin, roles = time.time(), a.roles()
    before = {role: anonymous(pids[0]) for role, pids in roles.items() if role.startswith("hasup")}
    flood.wait_runs(20)
    forks.wait_runs(3, 5)
    assert widest_gap(sniffer, node, begin) < 0.1 * 1.2 + late()
    for role, kilobytes in before.items():
        assert anonymous(roles[role][0]) - kilobytes < 500, role
    asleep = [pid for pid in descendants(a.program.pid) if "sleep" in open(f"/proc/{pid}/comm", encoding="ascii").read()]
    assert len(asleep) <= 3, "more than one run's"
    assert a.stop()[0] == 0
    wait_for("their groups to be gone", forks.pids, lambda pids: not pids, 2)


def verdicts(*entries, generation=1):
    """A frame of hasup-track's: what has become of objects, by number; results are 1 for UP and 2 for DOWN."""
    body = struct.pack(">Q", generation)
    for number, result, detail in entries:
        body += struct.pack(">IBII", number, result, 0, 1) + text(detail)
    return frame(hostile.TRACK_VERDICTS, body)


@pytest.fixture
def owned(lan, pair):
    """hasup with two scripts, and who speaks in its hasup-track's place."""
    web, slow = Check(pair[0]), Check(pair[0], "slow")
    a = Hasup(pair[0], several(web, slow)).start()
    a.wait_state("MASTER")
    told(a, "script web succeeded: UP", "script slow succeeded: UP")
    owner = Impostor(a.worker("hasup-track"))
    yield a, owner
    owner.close() if hasattr(owner, "close") else owner.ended.set()


def test_an_owned_hasup_track_invents_nothing(owned, pair, sniffer):
    """What isn't in the configuration is refused and told once; nothing else changes."""
    a, owner = owned
    old, begin = a.worker(), time.time()
    number = a.status().answer["daemon"]["configuration_generation"]
    for data in (verdicts((2, 1, ""), (1 << 31, 2, "x"), generation=number), verdicts((0, 1, ""), generation=number + 9),
                 verdicts((0, 0, ""), generation=number)) * 50:
        assert owner.say(data)
    told(a, "hasup-track: refused a report: the configuration has no tracked object number 2",
         f"hasup-track: refused a report: generation {number + 9} isn't the one that it runs",
         "hasup-track: refused a report: script web can't have such a result")
    assert a.log().count("refused a report") == 3
    assert changes_of(a) == ["UP"] and changes_of(a, "slow") == ["UP"]
    # Of what is there it decides: that is its work.
    assert owner.say(verdicts((0, 2, "\x1b[31mowned\n"), generation=number))
    told(a, r"script web failed: \\e\[31mowned|script web failed: .*owned.*: DOWN")
    assert "\x1b" not in a.log()
    wait_for("its priority", lambda: a.status().instance()["priority"], lambda seen: seen == 151, 2)
    assert a.worker() == old and widest_gap(sniffer, pair[0], begin) < 0.1 * 1.2 + late()


@pytest.mark.alone
def test_an_owned_hasup_track_floods(owned, pair, sniffer):
    """100,000 results that contradict each other: hasupd's turns are short, the VRRP worker isn't overrun, the log has few
    lines, and the last result is the one that counts."""
    a, owner = owned
    old, begin = a.worker(), time.time()
    before = anonymous(a.program.pid)
    with Turns(a):
        for number in range(1_000):
            assert owner.say(verdicts(*[(0, 1 + (number + place) % 2, "flood") for place in range(100)]))
        assert owner.say(verdicts((0, 2, "the last"), (1, 2, "the last")))
        wait_for("its priority", lambda: a.status().instance()["priority"], lambda seen: seen == 150, 5)
    assert a.worker() == old
    assert widest_gap(sniffer, pair[0], begin) < 0.1 * 1.5 + late()
    assert anonymous(a.program.pid) - before < 2_000
    # Of each level, UP and DOWN.
    assert len(changes_of(a)) <= 122 and a.log().count("too many changes") <= 2
    kept = {entry["name"]: entry for entry in a.status().answer["daemon"]["trackers"]}
    assert kept["web"]["last_result"] == "the last" and kept["web"]["state"] == "DOWN"


@pytest.mark.parametrize("data", [
    frame(hostile.TRACK_VERDICTS, b"\0" * 9), frame(hostile.TRACK_HELLO, hostile.hello()[0:2]), frame(0x7FF),
    frame(hostile.TRACK_CONFIGURED, struct.pack(">Q", 77)), frame(hostile.TRACK_VERDICTS, struct.pack(">QI", 1, 0) + b"\x09"),
    verdicts(*[(0, 1, "")] * 129)], ids=["short", "hello", "unknown", "generation", "result", "too many"])
def test_an_owned_hasup_track_talks_nonsense(owned, pair, sniffer, data):
    """It is ended and followed by another one; no state changes."""
    a, owner = owned
    worker, begin = a.worker(), time.time()
    owner.say(data)
    wait_for("its end", lambda: alive(owner.pid), lambda lives: not lives, 3)
    successor(a, owner.pid, "hasup-track")
    assert a.worker() == worker and changes_of(a) == ["UP"]
    assert widest_gap(sniffer, pair[0], begin) < 0.1 * 1.2 + late()


def test_it_dies_again_and_again(lan, pair):
    """Its restarts wait longer and longer, no state changes, and the last one goes on."""
    check = Check(pair[0])
    a = Hasup(pair[0], several(check)).start()
    a.wait_state("MASTER")
    told(a, "script web succeeded: UP")
    for _ in range(4):
        old = wait_for("it", lambda: a.roles().get("hasup-track", []), lambda pids: len(pids) == 1, 5)[0]
        os.kill(old, signal.SIGKILL)
        wait_for("its end", lambda old=old: alive(old), lambda lives: not lives, 2)
    assert "hasup-track ended (signal 9): starting it again in 0." in a.log()
    check.wait_runs(3)
    assert changes_of(a) == ["UP"] and check.was_alone()
