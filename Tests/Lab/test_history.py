"""`hasup history`: what happened, kept over crashes and restarts."""

import json
import os
import subprocess

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.waiting import wait_for

GOOD = conf.simple(200, version=3, advert=0.1)


def events(hasup, *arguments):
    """The events of `hasup history --json`."""
    done = hasup.cli("history", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def changes(hasup, *arguments):
    """The transitions as (from, to)."""
    return [(event["transition"]["from"], event["transition"]["to"]) for event in events(hasup, *arguments)
            if event["kind"] == "transition"]


def test_what_happened_outlives_a_crash(lan):
    """O3: transitions with their reasons and refused reloads, in order, also after kill -9 of everything."""
    hasup = Hasup(lan.node("a"), GOOD).start()
    hasup.wait_state("MASTER")
    hasup.node.write("hasup.conf", GOOD.replace("priority 200", "priority 2000"))
    assert hasup.cli("reload").returncode == 1
    before = events(hasup)
    assert [event["kind"] for event in before if event["kind"] in ("transition", "reload")] == [
        "transition", "transition", "reload"]
    assert before[-1]["reload"]["ok"] is False
    hasup.kill()
    hasup.node.write("hasup.conf", GOOD)
    hasup.start()
    hasup.wait_state("MASTER")
    after = events(hasup)
    assert after[:len(before)] == before
    removed = "removed 10.0.0.100/24 from eth0: an earlier hasupd had left it there"
    assert removed in [event["text"] for event in after] and removed in hasup.log()
    assert changes(hasup) == 2 * [("INIT", "BACKUP"), ("BACKUP", "MASTER")]
    times = [event["unix_seconds"] for event in after]
    assert times == sorted(times)
    text = hasup.cli("history").stdout
    assert text.count("no master was heard") == 2 and "refused" in text
    assert hasup.cli("history", "-n", "1").stdout.splitlines() == text.splitlines()[-1:]
    assert changes(hasup, "VI_1") == changes(hasup)
    unknown = hasup.cli("history", "VI_2")
    told = " ".join(unknown.stderr.split())
    assert unknown.returncode == 1 and "no instance 'VI_2'" in told and "'VI_1'" in told
    assert text.count("hasupd 0") == 2 and text.count(" started (pid ") == 2, text
    assert text.count("was killed; its VRRP worker (pid ") == 1, text
    assert "hasup.conf:" in next(line for line in text.splitlines() if "refused" in line), "where the first error is"


def test_a_worker_that_is_replaced_and_a_clean_stop_are_told(lan):
    """O3: what became of a killed worker is the last word on it, and a stop isn't taken for a crash."""
    hasup = Hasup(lan.node("a"), GOOD).start()
    hasup.wait_state("MASTER")
    os.kill(hasup.worker(), 9)
    wait_for("the successor", lambda: hasup.cli("history").stdout, lambda text: "resumed 1 master, 0 backups" in text)
    assert "replaced, resumed 1 master" in " ".join(hasup.cli("status").stdout.split())
    hasup.stop()
    hasup.start()
    hasup.wait_state("MASTER")
    text = hasup.cli("history").stdout
    assert "stops (SIGTERM): handing over" in text and "was killed" not in text, text


def test_it_can_be_read_without_a_daemon(lan):
    """What a killed hasupd has left is printed, with the status of a daemon that doesn't answer; a reload's lists stay."""
    a = Hasup(lan.node("a"), conf.simple(200, version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    assert a.reload(conf.simple(210, version=3, advert=0.1)).returncode == 0
    told = a.cli("history").stdout
    assert "reloaded: changed VI_1; 0 unchanged  (VI_1: priority 200 -> 210)" in told
    reload = next(event["reload"] for event in map(json.loads, a.cli("history", "--json").stdout.splitlines())
                  if event["kind"] == "reload")
    assert reload["changed"] == ["VI_1"] and reload["changes"][0]["settings"][0]["new"] == "210"
    a.kill()
    done = a.cli("history")
    assert (done.returncode, done.stdout) == (2, told)
    sentence = " ".join(done.stderr.split())
    assert "hasupd doesn't answer at" in sentence and "These events are from" in sentence
    os.unlink(os.path.join(a.run_dir, "history"))
    done = a.cli("history")
    assert (done.returncode, done.stdout) == (2, "") and "has left" not in done.stderr


def test_half_a_line_spoils_nothing(lan):
    """A hasupd that died while it wrote: the whole events stay, and new ones follow them."""
    hasup = Hasup(lan.node("a"), GOOD).start()
    hasup.wait_state("MASTER")
    wait_for("the events", lambda: changes(hasup), lambda seen: len(seen) == 2)
    hasup.kill()
    with open(os.path.join(hasup.run_dir, "history"), "ab") as file:
        file.write(b'not an event\n{"kind":"transition","unix_sec')
    hasup.start()
    hasup.wait_state("MASTER")
    assert changes(hasup) == 2 * [("INIT", "BACKUP"), ("BACKUP", "MASTER")]


def test_only_the_last_thousand_are_kept(lan):
    """The file never holds more than twice what is shown."""
    hasup = Hasup(lan.node("a"), GOOD)
    os.makedirs(hasup.run_dir)
    path = os.path.join(hasup.run_dir, "history")
    with open(path, "w") as file:
        for number in range(1999):
            file.write(json.dumps({"kind": "note", "unix_seconds": number, "text": str(number)}) + "\n")
    hasup.start()
    hasup.wait_state("MASTER")
    seen = wait_for("the events", lambda: events(hasup), lambda seen: seen[-1]["kind"] == "transition")
    assert len(seen) == 1000
    assert [event["text"] for event in seen if event["kind"] == "note"][-1] == "1998"
    with open(path) as file:
        assert len(file.readlines()) < 2000


def test_a_full_disk_stops_nothing(lan, tmp_path):
    """The run directory's file system is full: service goes on, and status says what is missing."""
    directory = tmp_path / "run"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(directory)], check=True)
    try:
        hasup = Hasup(lan.node("a"), GOOD, run_dir=str(directory)).start()
        hasup.wait_state("MASTER")
        wait_for("the events", lambda: changes(hasup), lambda seen: len(seen) == 2)
        kept = events(hasup)
        with open(directory / "filler", "wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(bytes(1024))
        for _ in range(20):
            assert hasup.reload(GOOD.replace("priority 200", "priority 2000")).returncode == 1
        wait_for("the note", lambda: hasup.cli("status").stdout, lambda text: "misses events" in text)
        assert events(hasup)[:len(kept)] == kept
        assert hasup.state() == "MASTER"
        os.unlink(directory / "filler")
        assert hasup.reload(GOOD).returncode == 0
        assert events(hasup)[-1]["reload"]["ok"] is True
        assert "misses events" not in hasup.cli("status").stdout
        assert hasup.stop()[0] == 0
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)
