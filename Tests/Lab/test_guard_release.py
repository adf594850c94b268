"""The release script of a guarded group (D111): two writers on one shared file, of which each ends before the other begins."""

import os
import time

import pytest
from lab.cluster import VIP, daemon, settle
from lab.machine import late
from lab.program import alive
from lab.waiting import hold_for, wait_for

# The writer goes on for so long after it was asked to end.
ENDING = 0.2


class Writer:
    """A program of a node that writes to a shared file, each line with the node and the time, and its two scripts."""

    def __init__(self, node, shared):
        folder = node.directory
        self.name, self.pid_file, self.asked = node.name, f"{folder}/writer.pid", f"{folder}/asked"
        self.notes, self.hang, self.shared = f"{folder}/release.notes", f"{folder}/hang", shared
        writer = self._script(
            node, "writer", f'echo $$ > {self.pid_file}\nwhile :; do echo "{node.name} $(date +%s.%N)" >> {shared}; '
            "sleep 0.01; done\n")
        self.start = self._script(
            node, "begin", f"test -e {self.pid_file} && kill -0 $(cat {self.pid_file}) 2>/dev/null && exit 0\n"
            f"setsid {writer} > /dev/null 2>&1 &\n")
        self.release = self._script(
            node, "release", f"echo begin >> {self.notes}\ntest -e {self.hang} && exec sleep 60\n"
            f"test -e {self.pid_file} || exit 0\nsleep {ENDING}\npid=$(cat {self.pid_file})\nkill $pid\n"
            # A zombie has no arguments.
            f"while grep -q writer /proc/$pid/cmdline 2>/dev/null; do sleep 0.01; done\nrm {self.pid_file}\n"
            f"echo end >> {self.notes}\nexit 3\n")

    @staticmethod
    def _script(node, name, body):
        path = node.write(name, f"#!/bin/sh\n{body}")
        os.chmod(path, 0o755)
        return path

    def lines(self):
        """The lines of the release script."""
        try:
            with open(self.notes, encoding="ascii") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def kill(self):
        """Ends the writer."""
        try:
            with open(self.pid_file, encoding="ascii") as file:
                pid = int(file.read())
        except (FileNotFoundError, ValueError):
            return
        if alive(pid):
            os.kill(pid, 9)


@pytest.fixture
def shared(cabled):
    """The file that both write to."""
    return os.path.join(cabled[0].directory, "shared")


@pytest.fixture
def writers(cabled, shared):
    """One for each node."""
    both = [Writer(node, shared) for node in cabled]
    yield both
    for writer in both:
        writer.kill()


def prepared(node, key, priority, writer, timeout=3.0):
    """hasup with a release script, not started."""
    lines = ["release {", f'    script "{writer.release}"', f"    timeout {timeout}", "}"]
    return daemon(node, key, priority, lines, extra=[f'notify_master "{writer.start}"'])


def begun(lan, cabled, keys, writers, timeout=3.0):
    """Both run; a is MASTER and writes. What the election has written is forgotten."""
    both = [prepared(node, key, priority, writer, timeout).start("--config-id", node.name)
            for node, key, priority, writer in zip(cabled, keys, (200, 100), writers)]
    settle(lan, both)
    writes(writers[0].shared, "a")
    hold_for("a alone has the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 1)
    for path in (writers[0].shared, *(writer.notes for writer in writers)):
        with open(path, "w", encoding="ascii"):
            pass
    return both


def wrote(shared):
    """The nodes in the order of their lines."""
    try:
        with open(shared, encoding="ascii") as file:
            return [line.split()[0] for line in file if line.strip()]
    except FileNotFoundError:
        return []


def turns(shared):
    """The same, each node once for all lines between two of the other."""
    found = []
    for name in wrote(shared):
        if found[-1:] != [name]:
            found.append(name)
    return found


def writes(shared, name):
    """Waits until the last lines are a node's."""
    wait_for(f"lines of {name}", lambda: wrote(shared)[-3:], lambda last: last == [name] * 3, 8)


def test_no_line_of_one_between_two_of_the_other(lan, cabled, keys, writers, shared):
    """D111: resign, takeover, a stop, preemption: each time the one has ended before the other begins."""
    a, b = begun(lan, cabled, keys, writers)
    writes(shared, "a")
    began = time.time()
    done = a.cli("resign", "VI_1")
    assert done.returncode == 0 and "10.0.0.2 is MASTER" in done.stdout, done.stdout + done.stderr
    assert time.time() - began > ENDING
    lan.wait_holder(VIP, "b", 2)
    writes(shared, "b")
    done = a.cli("takeover", "VI_1")
    assert done.returncode == 0, done.stdout + done.stderr
    writes(shared, "a")
    assert a.stop()[0] == 0
    writes(shared, "b")
    a.start("--config-id", "a")
    writes(shared, "a")
    assert turns(shared) == ["a", "b", "a", "b", "a"]
    assert [a.state(), b.state()] == ["MASTER", "BACKUP"]
    # Its exit status doesn't matter: it ran to its end.
    assert "it ran to its end, so that's released" in a.log() + b.log()
    assert [writer.lines() for writer in writers] == [["begin", "end"] * 2] * 2


def why(hasup):
    """Why it isn't MASTER."""
    return (hasup.status().instance().get("why_not_master") or {}).get("text", "")


def detail(hasup):
    """What `hasup status` says, as one line."""
    return " ".join(hasup.cli("status").stdout.split())


def hang(writer):
    """From now on its release script doesn't end by itself."""
    with open(writer.hang, "w", encoding="ascii"):
        pass


def test_while_it_runs_the_peer_waits_and_says_so(lan, cabled, keys, writers, shared):
    """The address is gone at once, and the other node's claim is held until the script has ended."""
    a, b = begun(lan, cabled, keys, writers)
    writes(shared, "a")
    hang(writers[0])
    a.cli("resign", "--timeout", "0.1", "VI_1")
    wait_for("the address's end", lambda: lan.holders(VIP), lambda seen: seen == [], 2)
    wait_for("what b waits for", lambda: why(b), lambda text: "its release script hasn't ended" in text, 2)
    assert "waits for its release script, for" in detail(a)
    assert lan.holders(VIP) == [] and turns(shared) == ["a"]


def test_a_script_that_hangs_counts_as_not_released(lan, cabled, keys, writers, shared):
    """D111: it is killed at its timeout, and the peer never writes. Who hasn't released is MASTER again, and says why."""
    a, b = begun(lan, cabled, keys, writers, timeout=2.0)
    writes(shared, "a")
    hang(writers[0])
    done = a.cli("resign", "VI_1")
    assert done.returncode == 1, done.stdout + done.stderr
    lan.wait_holder(VIP, "a", 5)
    assert [a.state(), b.state()] == ["MASTER", "BACKUP"] and turns(shared) == ["a"]
    status = a.cli("status")
    assert status.returncode == 1 and "took longer than its timeout" in detail(a) and "not released" in detail(a)
    assert "counts as not released" in a.log() and "counts as not released" in a.cli("history").stdout
    os.unlink(writers[0].hang)
    done = a.cli("resign", "VI_1")
    assert done.returncode == 0, done.stdout + done.stderr
    writes(shared, "b")
    assert turns(shared) == ["a", "b"] and a.cli("status").returncode == 0


def test_a_preemption_of_what_hangs_breaks_the_service_once(lan, cabled, keys, writers, shared):
    """The better node's claim gets nothing: the other one is MASTER again, and isn't asked a second time."""
    a, b = begun(lan, cabled, keys, writers, timeout=2.0)
    assert a.stop()[0] == 0
    writes(shared, "b")
    hang(writers[1])
    a.start("--config-id", "a")
    wait_for("b lets go", lambda: writers[1].lines(), bool, 8)
    lan.wait_holder(VIP, "b", 8)
    hold_for("b goes on", lambda: (turns(shared)[-1], writers[1].lines()), lambda seen: seen == ("b", ["begin"]), 4)
    assert [a.state(), b.state()] == ["BACKUP", "MASTER"] and b.cli("status").returncode == 1


def test_a_killed_worker_runs_no_script_twice(lan, cabled, keys, writers, shared):
    """D127: a successor waits for the run that its predecessor has asked for."""
    a, _ = begun(lan, cabled, keys, writers)
    writes(shared, "a")
    before = len(writers[0].lines())
    a.cli("resign", "--timeout", "0.1", "VI_1")
    wait_for("the script", lambda: len(writers[0].lines()), lambda count: count > before, 2)
    os.kill(a.worker(), 9)
    writes(shared, "b")
    assert writers[0].lines()[before:] == ["begin", "end"]
    assert turns(shared) == ["a", "b"]
    hold_for("b alone has the address", lambda: lan.holders(VIP), lambda seen: seen == ["b"], 1 + late())


def test_a_script_that_cant_be_started(lan, cabled, keys, writers, shared):
    """It is gone when it is needed: not released, as when it is killed."""
    a, b = begun(lan, cabled, keys, writers)
    writes(shared, "a")
    os.rename(writers[0].release, writers[0].release + ".gone")
    assert a.cli("resign", "VI_1").returncode == 1
    lan.wait_holder(VIP, "a", 5)
    assert "refused: No such file or directory" in detail(a) and a.cli("status").returncode == 1
    assert b.state() == "BACKUP" and turns(shared) == ["a"]
