"""before_master and before_release (docs/decisions, D48; pain point F7)."""

import os
import re
import signal
import subprocess
import time

import pytest
from lab import conf
from lab.forge import LONG
from lab.hasup import Hasup, binary
from lab.machine import late
from lab.program import alive
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"
STOPS = 50 if LONG else 6


class Script:
    """A script of a node that notes its begins and ends with their times."""

    def __init__(self, node, name, body):
        self.notes = os.path.join(node.directory, f"{name}.notes")
        self.path = node.write(
            name, f"#!/bin/sh\necho \"begin $(date +%s.%N) $$\" >> {self.notes}\n{body}\n"
            f"echo \"end $(date +%s.%N) $$\" >> {self.notes}\n")
        os.chmod(self.path, 0o755)

    def lines(self):
        """[(begin or end, time, pid)]."""
        try:
            with open(self.notes, encoding="ascii") as file:
                return [(word, float(moment), int(pid)) for word, moment, pid in map(str.split, file)]
        except FileNotFoundError:
            return []

    def begun(self):
        """Runs that have begun."""
        return [line for line in self.lines() if line[0] == "begin"]

    def ended(self):
        """Runs that have ended by themselves."""
        return [line for line in self.lines() if line[0] == "end"]


def hooked(node, *lines, priority=200, **options):
    """hasup with hooks."""
    options = {"version": 3, "advert": 0.1, **options}
    return Hasup(node, conf.simple(priority, extra=[f"@hasup {line}" for line in lines], **options))


def detail(hasup):
    """What `hasup status` says, as one line."""
    return " ".join(hasup.cli("status").stdout.split())


def test_the_addresses_wait_for_before_master(lan, sniffer):
    """MASTER on the wire at once, and the addresses when the program has ended with 0."""
    node = lan.node("a")
    script = Script(node, "claim", "sleep 1")
    a = hooked(node, f'before_master "{script.path}"').start()
    first = sniffer.wait_advert(node)
    hold_for("no address", lambda: not node.holds(VIP), seconds=0.6)
    assert a.state() == "MASTER" and "waits for before_master, for" in detail(a)
    assert a.status().instance()["awaited_hook"] == "before_master"
    wait_for("the address", lambda: node.holds(VIP))
    (begin,), (end,) = script.begun(), script.ended()
    assert begin[1] - first.time < 0.2 + late() and end[1] - begin[1] >= 1
    assert a.status().instance().get("awaited_hook") is None
    assert sniffer.widest_gap(node, since=first.time) < 0.15 + late(), "an election waits for no hook"
    assert a.cli("status").returncode == 0


def test_before_master_fails(lan, pair, sniffer):
    """Priority 0, so that the other node tries; nobody there, it runs again, and status says that nobody has the address."""
    script = Script(pair[0], "claim", f"test -e {pair[0].directory}/may || {{ echo no relay log; exit 3; }}")
    a = hooked(pair[0], f'before_master "{script.path}"').start()
    wait_for("two runs", script.begun, lambda runs: len(runs) >= 2)
    times = [moment for _, moment, _ in script.begun()]
    assert times[1] - times[0] >= 0.3
    assert not pair[0].holds(VIP)
    b = Hasup(pair[1], conf.simple(100, version=3, advert=0.1)).start()
    lan.wait_holder(VIP, "b", 5)
    # a is better, and tries again each time it would preempt; b is back after its skew.
    releases = [advert for advert in sniffer.adverts(pair[0]) if advert.priority == 0]
    assert releases
    b.stop()
    wait_for("its complaint", lambda: detail(a), lambda said: "nobody has the addresses" in said and "no relay log" in said)
    assert a.cli("status").returncode == 1
    pair[0].write("may", "")
    lan.wait_holder(VIP, "a", 5)
    assert a.cli("status").returncode == 0


@pytest.mark.parametrize("policy", ["yield", "proceed"])
def test_before_master_is_late(lan, policy):
    """It is ended with its group; then priority 0, or the addresses all the same."""
    node = lan.node("a")
    script = Script(node, "claim", "sleep 600 & sleep 600")
    a = hooked(node, f'before_master "{script.path}"', "hook_timeout 1", f"hook_failure {policy}").start()
    wait_for("its begin", script.begun)
    began = time.monotonic()
    if policy == "proceed":
        wait_for("the address", lambda: node.holds(VIP))
        assert 0.8 <= time.monotonic() - began <= 1.5 + late()
    else:
        wait_for("another run", script.begun, lambda runs: len(runs) >= 2)
        assert not node.holds(VIP)
    group = script.begun()[0][2]
    wait_for("the end of its group", lambda: not alive(group))
    assert not script.ended()
    assert a.running()


def test_a_worker_dies_while_before_master_runs(lan):
    """The successor waits for the same run: it isn't begun again, and the addresses come after it."""
    node = lan.node("a")
    script = Script(node, "claim", "sleep 2")
    a = hooked(node, f'before_master "{script.path}"').start()
    wait_for("its begin", script.begun)
    for _ in range(3):
        old = a.worker()
        os.kill(old, signal.SIGKILL)
        wait_for("its successor", lambda: a.roles().get("hasup-vrrp", []),
                 lambda pids, old=old: len(pids) == 1 and pids[0] != old)
        assert not node.holds(VIP)
    wait_for("the address", lambda: node.holds(VIP))
    assert len(script.begun()) == 1 and len(script.ended()) == 1 and a.state() == "MASTER"


def test_no_hook_runs_twice_at_once_over_hasupds_death(lan, kept):
    """The next hasupd waits for the run of the one before, and then runs it anew: what became of it isn't known."""
    node = lan.node("a")
    script = Script(node, "claim", "sleep 1.5")
    a = hooked(node, f'before_master "{script.path}"', "hook_timeout 10")
    store = kept(a)
    store.start()
    wait_for("its begin", script.begun)
    store.restart()
    wait_for("the address", lambda: node.holds(VIP), bound=12)
    runs = script.lines()
    assert [word for word, _, _ in runs] == ["begin", "end", "begin", "end"], runs


def test_no_run_is_left_on_a_backup(lan, pair):
    """MASTER, BACKUP, MASTER, BACKUP within a hook's time: each run ends with its mastership."""
    script = Script(pair[0], "open", "sleep 3")
    a = hooked(pair[0], f'before_master "{script.path}"', "hook_timeout 30").start()
    for number in range(1, 3):
        wait_for("its begin", script.begun, lambda runs, number=number: len(runs) == number)
        assert a.state() == "MASTER"
        b = Hasup(pair[1], conf.simple(250, version=3, advert=0.1), name=f"b{number}").start()
        a.wait_state("BACKUP")
        wait_for("its end", lambda: not alive(script.begun()[-1][2]))
        if number == 1:
            b.stop()
    hold_for("nothing runs", lambda: len(script.begun()) == 2 and not script.ended() and a.state() == "BACKUP", seconds=4)
    assert a.log().count("ended: not MASTER any more") == 2 and "error" not in a.log()


def test_a_resignation_while_before_master_runs(lan, pair):
    """open never ends after close."""
    opening, closing = Script(pair[0], "open", "sleep 3"), Script(pair[0], "close", "sleep 0.2")
    b = Hasup(pair[1], conf.simple(100, version=3, advert=0.1)).start()
    lan.wait_holder(VIP, "b", 8)
    a = hooked(pair[0], f'before_master "{opening.path}"', f'before_release "{closing.path}"', "hook_timeout 20").start()
    wait_for("its begin", opening.begun)
    a.cli("resign", "VI_1", bound=30)
    wait_for("BACKUP", lambda: a.state() == "BACKUP")
    wait_for("its end", lambda: not alive(opening.begun()[-1][2]))
    hold_for("nothing runs", lambda: len(opening.begun()) == 1 and b.state() == "MASTER", seconds=4)
    if closing.begun():
        assert all(end[1] < closing.begun()[0][1] for end in opening.ended())


def test_many_hooks(lan):
    """As many run at once as there are: 40 of 1 s succeed within 3 s, at the start and at the stop."""
    node = lan.node("a")
    opening, closing = Script(node, "open", "sleep 1"), Script(node, "close", "sleep 1")
    hooks = [f'@hasup before_master "{opening.path}"', f'@hasup before_release "{closing.path}"', "@hasup hook_timeout 3"]
    instances = [conf.instance(f"VI_{number}", vrid=number, priority=200, version=3, vips=[f"10.0.1.{number}/24"], extra=hooks)
                 for number in range(1, 41)]
    a = Hasup(node, conf.file(*instances)).start()
    wait_for("the addresses", lambda: all(node.holds(f"10.0.1.{number}") for number in range(1, 41)), bound=12)
    assert len(opening.begun()) == len(opening.ended()) == 40
    status, seconds = a.stop(30)
    assert status == 0 and seconds < 5
    assert len(closing.begun()) == len(closing.ended()) == 40


@pytest.fixture
def kept(stores):
    """Makes a service manager with a descriptor store for a daemon."""
    return stores


def test_stop_hooks_finish(lan, pair, sniffer):
    """F7: of a program of 2 s with a limit of 5 s each run ends by itself, and only then the priority 0 leaves."""
    a = pair[0]
    script = Script(a, "leave", "sleep 2; ip -o address show >> /dev/null")
    for number in range(STOPS):
        hasup = hooked(a, f'before_release "{script.path}"').start()
        wait_for("the address", lambda: a.holds(VIP))
        began = time.time()
        hasup.program.signal(signal.SIGTERM)
        wait_for("the hook", script.begun, lambda runs, number=number: len(runs) == number + 1)
        if number == 0:
            hold_for("the address", lambda: a.holds(VIP), seconds=1)
            assert sniffer.widest_gap(a, since=began) < 0.15 + late(), "it is MASTER until then"
        assert hasup.program.process.wait(10) == 0
        assert len(script.ended()) == number + 1, script.lines()
        release = [advert for advert in sniffer.adverts(a, since=began) if advert.priority == 0]
        assert len(release) == 1 and release[0].time >= script.ended()[-1][1] - 0.05
        assert not a.holds(VIP)


def test_a_stop_hook_that_fails_or_is_late_keeps_nothing(lan):
    """A stop goes on."""
    node = lan.node("a")
    script = Script(node, "leave", "exit 3")
    hasup = hooked(node, f'before_release "{script.path}"').start()
    wait_for("the address", lambda: node.holds(VIP))
    status, seconds = hasup.stop()
    assert status == 0 and seconds < 2 and not node.holds(VIP)
    script = Script(node, "hang", "trap '' TERM; while :; do sleep 1; done")
    hasup = hooked(node, f'before_release "{script.path}"', "hook_timeout 1").start()
    wait_for("the address", lambda: node.holds(VIP))
    status, seconds = hasup.stop()
    assert status == 0 and 0.9 <= seconds < 4 and not node.holds(VIP)
    group = script.begun()[0][2]
    wait_for("nothing is left", lambda: not alive(group))


def test_a_resignation_that_is_refused(duo, lan):
    """Exit status 1 with the last line, still MASTER; and one that isn't hands over behind the hook."""
    node = lan.node("x")
    script = Script(node, "leave", f"test -e {node.directory}/may || {{ echo starting; echo replication is behind; exit 1; }}")
    a, b = duo(first={"extra": [f'@hasup before_release "{script.path}"']})
    done = a.cli("resign", "VI_1")
    assert done.returncode == 1
    assert re.fullmatch(r"before_release refused: .*leave ended with exit status 1: replication is behind; still MASTER",
                        done.stdout.strip()), done.stdout
    assert a.state() == "MASTER" and "order" not in a.status().instance()
    assert a.cli("maintenance", "on", "VI_1").returncode == 1 and a.state() == "MASTER"
    node.write("may", "")
    assert a.cli("resign", "VI_1").stdout.startswith("10.0.0.2 is MASTER after")
    lan.wait_holder(VIP, "b", 3)
    assert len(script.begun()) == 3 and b.state() == "MASTER"


def test_the_reason_of_a_refusal(lan):
    """It is that of this order's run: of one that is late, and of one that has failed."""
    node = lan.node("a")
    hang = os.path.join(node.directory, "hang")
    script = Script(node, "close", f"test -e {hang} && {{ echo hanging; sleep 30; }}; echo too early; exit 1")
    a = hooked(node, f'before_release "{script.path}"', "hook_timeout 1").start()
    wait_for("the address", lambda: node.holds(VIP))
    for isLate in (True, False, True):
        if isLate:
            node.write("hang", "")
        reason = "took longer than hook_timeout (1 s): hanging" if isLate else "ended with exit status 1: too early"
        said = a.cli("resign", "VI_1", bound=30).stdout.strip()
        assert said == f"before_release refused: {script.path} {reason}; still MASTER", said
        wait_for("its end", lambda: not alive(script.begun()[-1][2]))
        if isLate:
            os.unlink(hang)


def test_a_takeover_that_before_master_ends(lan, pair):
    """It says so, and what the program said; one without patience gets hasupd's answer, too."""
    script = Script(pair[0], "open", f"test ! -e {pair[0].directory}/slow || sleep 6; echo no relay log; exit 3")
    Hasup(pair[1], conf.simple(150, version=3, advert=0.1)).start()
    lan.wait_holder(VIP, "b", 8)
    a = hooked(pair[0], f'before_master "{script.path}"', "hook_timeout 20", priority=100).start()
    a.wait_state("BACKUP")
    wait_for("the master", lambda: a.status().instance().get("master"))
    done = a.cli("takeover", "VI_1", bound=30)
    assert done.returncode == 1
    assert done.stdout.strip() == (f"before_master failed: {script.path} ended with exit status 3: no relay log; "
                                   "its raised priority has ended")
    lan.wait_holder(VIP, "b", 3)
    pair[0].write("slow", "")
    done = a.cli("takeover", "VI_1", "--timeout", "1", bound=30)
    assert done.returncode == 1 and done.stdout.startswith("it didn't become MASTER within 1000 ms"), done
    lan.wait_holder(VIP, "b", 3)


def test_a_reload_that_takes_the_instance_away(lan, sniffer):
    """It is MASTER until the hook has ended; a reload that only changes it runs no hook."""
    node = lan.node("a")
    script = Script(node, "leave", "sleep 1")
    lines = [f'@hasup before_release "{script.path}"']
    other = conf.instance("OTHER", vrid=60, version=3, advert=0.1, vips=["10.0.0.60/24"])
    a = Hasup(node, conf.file(conf.instance(version=3, advert=0.1, extra=lines), other)).start()
    wait_for("the address", lambda: node.holds(VIP))
    assert a.reload(conf.file(conf.instance(priority=120, version=3, advert=0.1, extra=lines), other)).returncode == 0
    assert not script.begun()
    began = time.time()
    assert a.reload(conf.file(other)).returncode == 0
    (end,) = script.ended()
    assert end[1] - began >= 1
    (release,) = [advert for advert in sniffer.adverts(node, 51, since=began) if advert.priority == 0]
    assert release.time >= end[1] - 0.05 and not node.holds(VIP)
    assert sniffer.widest_gap(node, 60, since=began) < 0.15 + late()


def test_an_involuntary_release_runs_no_hook(lan):
    """A link that fails, and an address that another program keeps removing."""
    node = lan.node("a")
    script = Script(node, "leave", "true")
    a = hooked(node, f'before_release "{script.path}"').start()
    wait_for("the address", lambda: node.holds(VIP))
    lan.link(node, False)
    a.wait_state("FAULT")
    lan.link(node, True)
    a.wait_state("MASTER")
    assert not script.begun()


def test_what_a_hook_is(lan):
    """It runs as its user, alone in its group, and what it writes goes to no log but the last line."""
    node = lan.node("a")
    out = node.write("out", "")
    os.chmod(out, 0o666)
    script = Script(node, "claim", "")
    node.write("claim", f"#!/bin/sh\n(id -u; ps -o pgid= -p $$; echo $$; env) > {out}\nyes | head -c 3000000\n"
               "echo last words; exit 1\n")
    os.chmod(script.path, 0o755)
    a = hooked(node, f'before_master "{script.path} x" nobody', "hook_timeout 20").start()
    wait_for("its failure", lambda: "last words" in a.log(), bound=10)
    with open(out, encoding="ascii") as file:
        user, group, pid, *environment = file.read().split()
    assert user == "65534" and group == pid
    assert {entry.split("=")[0] for entry in environment} <= {"PATH", "PWD", "SHLVL", "_", "OLDPWD"}
    assert a.log().count("y\n") < 5
    assert a.cli("status").returncode == 1


def test_a_hook_that_writes_without_end(lan):
    """hasupd reads so much and no more, and ends it in its time."""
    node = lan.node("a")
    script = Script(node, "claim", "exec yes")
    a = hooked(node, f'before_master "{script.path}"', "hook_timeout 1").start()
    wait_for("its end", lambda: "took longer than hook_timeout (1 s): y" in a.log())
    with open(f"/proc/{a.program.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    assert ticks / os.sysconf("SC_CLK_TCK") < 1.0, "hasupd hasn't spent its time on it"


def test_check_of_hooks(lan):
    """A hook that can't be run is an error: with it nobody would ever be MASTER."""
    node = lan.node("a")
    path = node.write("x.conf", conf.simple(extra=['@hasup before_master "/nonexistent/program"',
                                                   "@hasup hook_timeout 61", "@hasup hook_failure never"]))
    done = subprocess.run([binary("hasup"), "check", path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for part in ("`/nonexistent/program` can't be run", "hook_timeout", "`hook_failure` is yield or proceed"):
        assert part in done.stdout + done.stderr, done
