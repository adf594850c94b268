"""Heartbeats between two nodes: on the wire, signed, refused with a wrong key, without effect when they're repeated."""

import hashlib
import os
import socket
import time

from lab import conf
from lab.cluster import VIP, altered, beats, begin, copy_key, frame_key, guard, make_key, paths
from lab.hasup import Hasup
from lab.machine import late
from lab.waiting import hold_for, wait_for

PATIENCE = 0.5
MASTER = 2


def replay(node, frames, seconds):
    """Sends captured frames again, out of the node's end of the cable."""
    end = time.time() + seconds
    with node.netns.entered():
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind(("eth1", 0))
    with sender:
        while time.time() < end:
            for frame in frames:
                sender.send(frame)
            time.sleep(0.02)


def test_frames_flow_by_each_path_signed_and_echoed(lan, cabled, heard):
    """D103: each path has the node's frames, whose signature another program computes; the peer's newest is in them."""
    key = make_key(cabled[0])
    begin(lan, cabled, [key, copy_key(key, cabled[1])])
    since = time.time()
    seen = wait_for("ten frames of a on each path", lambda: beats(heard, 0, since),
                    lambda seen: min([sum(beat.path == path for beat in seen) for path in (0, 1)]) >= 10, 5)
    secret = frame_key(key)
    assert all(beat.is_signed_by(secret) for beat in seen)
    assert {beat.tag for beat in seen} == {hashlib.sha256(b"web").digest()[:4]}
    assert all(len(beat.echoes) == 1 and beat.echoes[0][0] == 1 for beat in seen)
    assert {tuple(beat.states) for beat in seen} == {(MASTER,)}
    for path in (0, 1):
        numbers = [beat.sequence for beat in seen if beat.path == path]
        assert numbers == sorted(set(numbers))


def test_a_wrong_key_is_refused_and_said(lan, cabled, heard):
    """One node has another key: neither hears the other, both say why, and nobody moves."""
    a, b = begin(lan, cabled, [make_key(node) for node in cabled], ["cold_start claim 1"])
    for daemon in (a, b):
        wait_for("the refusal in the log", daemon.log,
                 lambda log: "heartbeats were refused" in log and "no key of this node has signed them" in log, 5)
    for daemon in (a, b):
        wait_for("the refusals in the status", lambda: paths(daemon),  # pylint: disable=cell-var-from-loop
                 lambda seen: len(seen) == 2 and all(entry["refused"].get("authentication", 0) > 5 for entry in seen), 5)
        assert all(entry["received"] == 0 and set(entry["refused"]) == {"authentication"} for entry in paths(daemon))
    hold_for("a has the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 2)
    seen = beats(heard, 0)
    assert seen and all(not beat.echoes for beat in seen)


def test_repeated_frames_change_nothing(lan, cabled, heard):
    """Captured frames that are sent again are no life sign: they neither disturb nor keep a takeover from happening."""
    key = make_key(cabled[0])
    a, b = begin(lan, cabled, [key, copy_key(key, cabled[1])])
    since = time.time()
    seen = wait_for("frames by the cable", lambda: [beat for beat in beats(heard, 0, since) if beat.path == 1],
                    lambda seen: len(seen) >= 20, 5)
    frames = [altered(beat.frame) for beat in seen]
    replay(cabled[0], frames, 1)
    assert paths(b)[1]["refused"]["repeated"] > 20
    assert lan.holders(VIP) == ["a"]
    assert [a.state(), b.state()] == ["MASTER", "BACKUP"]
    a.kill()
    lan.nodes["a"].netns.ip("address", "del", f"{VIP}/24", "dev", "eth0", check=False)
    # As long as it would take with real ones, and they never stop.
    replay(cabled[0], frames, 3 + late())
    assert lan.holders(VIP) == ["b"]
    assert b.state() == "MASTER"


def test_a_killed_worker_leaves_no_gap(lan, cabled, heard):
    """kill -9 of a worker: its successor's frames come before anybody's patience is over."""
    key = make_key(cabled[0])
    a, _ = begin(lan, cabled, [key, copy_key(key, cabled[1])])
    killed = time.time()
    pid = a.worker()
    os.kill(pid, 9)
    seen = wait_for("frames after it", lambda: [beat.time for beat in beats(heard, 0, killed - 1) if beat.path == 1],
                    lambda times: bool(times) and times[-1] > killed + 1, 5)
    gap = max(after - before for before, after in zip(seen, seen[1:]))
    assert gap < PATIENCE + late()
    assert lan.holders(VIP) == ["a"]


def test_without_a_key_there_is_no_guard(lan, cabled):
    """A key file that others can read: the instance is in FAULT, and status and log say what to do."""
    key = make_key(cabled[0])
    os.chmod(key, 0o644)
    node = cabled[0]
    daemon = Hasup(node, conf.simple(200, before=guard(key), version=3, advert=0.1)).start("--config-id", "a")
    daemon.wait_state("FAULT")
    assert "chmod 600" in daemon.log()
    assert "the keys of its cluster can't be read" in " ".join(daemon.cli("status").stdout.split())
    os.chmod(key, 0o600)
    daemon.reload()
    wait_for("no fault", daemon.state, lambda state: state in ("BACKUP", "MASTER"), 5)


def test_what_a_reload_cant_read_stays_in_force(lan, cabled, heard):
    """A reload that finds no key file: the keys that were read before go on, and nobody moves."""
    key = make_key(cabled[0])
    a, _ = begin(lan, cabled, [key, copy_key(key, cabled[1])])
    os.rename(key, key + ".gone")
    a.reload()
    wait_for("the log says it", a.log, lambda log: "the keys that were read before stay in force" in log, 5)
    since = time.time()
    wait_for("frames go on", lambda: beats(heard, 0, since), lambda seen: len(seen) > 10, 5)
    assert lan.holders(VIP) == ["a"]
