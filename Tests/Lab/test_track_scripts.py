"""Tracking scripts: who has the address by what they find, and what survives (docs/decisions, D43 to D45; pain points S4,
S5; behaviours §8)."""

import os
import re
import signal
import time

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.peers import Keepalived
from lab.program import alive, children
from lab.store import PARK
from lab.undisturbed import Undisturbed
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"

# Tells its pid and when it began, then does what its test wants, and succeeds while the file is there. A run that isn't
# alone says so: the lock is gone when the last process that has it is.
CHECK = """#!/bin/sh
exec 9>LOCK
flock -n 9 || echo overlap >>RUNS
echo $$ $(cut -d' ' -f1 /proc/uptime) >>RUNS
BODY
[ -e GOOD ]
"""


class Check:
    """A script of a node, and what it has told."""

    def __init__(self, node, name="web", body="", good=True):
        self.node, self.name = node, name
        self.good, self.runs, self.lock = (os.path.join(node.directory, f"{name}.{word}")
                                           for word in ("good", "runs", "lock"))
        text = CHECK.replace("BODY", body)
        for word in ("GOOD", "RUNS", "LOCK"):
            text = text.replace(word, getattr(self, word.lower()))
        self.path = node.write(f"{name}.sh", text)
        os.chmod(self.path, 0o755)
        self.set(good)

    def set(self, good):
        """Lets its runs succeed from now on, or fail."""
        if good:
            self.node.write(os.path.basename(self.good), "")
        elif os.path.exists(self.good):
            os.unlink(self.good)

    def block(self, *lines, interval=0.1):
        """Its vrrp_script block."""
        lines = [f'script "{self.path}"', f"interval {interval}", *lines]
        return "\n".join([f"vrrp_script {self.name} {{", *(f"    {line}" for line in lines), "}"]) + "\n"

    def lines(self):
        """What its runs have told."""
        if not os.path.exists(self.runs):
            return []
        with open(self.runs, encoding="ascii") as file:
            return file.read().splitlines()

    def starts(self):
        """When its runs began."""
        return [float(line.split()[1]) for line in self.lines() if len(line.split()) == 2]

    def wait_runs(self, more, bound=5):
        """Waits for this many further runs."""
        before = len(self.starts())
        return wait_for(f"{more} runs of {self.name}", lambda: len(self.starts()) - before,
                        lambda count: count >= more, bound)

    def pids(self):
        """Processes that run it or that a run of it has started."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if any(os.readlink(f"/proc/{pid}/fd/{number}") == self.lock for number in os.listdir(f"/proc/{pid}/fd")):
                    found.append(int(pid))
            except OSError:
                continue
        return found

    def was_alone(self):
        """Whether no two of its runs were there at once."""
        return "overlap" not in self.lines()


def tracked(check, *entry, priority=150, definition=(), interval=0.1, **options):
    """A file with one instance that tracks the script; `entry` are the words behind its name."""
    options = {"version": 3, "advert": 0.1, **options}
    extra = ["track_script {", " ".join([f"    {check.name}", *entry]), "}", *options.pop("extra", ())]
    return conf.simple(priority, before=check.block(*definition, interval=interval), extra=extra, **options)


def told(hasup, *lines):
    """Waits until the log has each of these lines."""
    for line in lines:
        wait_for(f"the line {line!r}", hasup.log, lambda log, line=line: re.search(line, log), 4)


def changes_of(hasup, name="web"):
    """Lines on changes of a script."""
    return re.findall(rf"script {name} .*: (UP|DOWN)$", hasup.log(), re.MULTILINE)


@pytest.mark.parametrize("peer", [Keepalived, Hasup])
@pytest.mark.parametrize("entry,good,bad", [
    (("weight", "60"), 210, 150), (("weight", "-60"), 150, 90), (("weight", "60", "reverse"), 90, 150),
    (("weight", "-60", "reverse"), 150, 210)])
def test_a_weight_moves_the_address(lan, pair, sniffer, peer, entry, good, bad):
    """§8: the sum decides who is better, there and back."""
    check = Check(pair[0])
    a = Hasup(pair[0], tracked(check, *entry, definition=["fall 2", "rise 2"])).start()
    threshold = (good + bad) // 2
    peer(pair[1], conf.simple(threshold, version=3, advert=0.1)).start()
    for is_good in (True, False, True):
        check.set(is_good)
        own = good if is_good else bad
        lan.wait_holder(VIP, "a" if own > threshold else "b", 8)
        wait_for("its priority", lambda: a.status().instance()["priority"], lambda seen, own=own: seen == own, 3)
    assert changes_of(a) == ["UP", "DOWN", "UP"], "one line for each change"
    told(a, r"script web succeeded: UP", r"script web failed 2 times in a row: exit status 1: DOWN",
         r"script web succeeded 2 times in a row: UP")
    assert check.was_alone()


@pytest.mark.parametrize("peer", [Keepalived, Hasup])
def test_weight_0_is_fault(lan, pair, sniffer, peer):
    """§8: FAULT with the script's name as the reason, priority 0 for the peer, and back."""
    check = Check(pair[0])
    a = Hasup(pair[0], tracked(check)).start()
    lan.wait_holder(VIP, "a", 8)
    peer(pair[1], conf.simple(100, version=3, advert=0.1)).start()
    sniffer.wait_advert(pair[0], since=time.time(), count=5)
    check.set(False)
    lan.wait_holder(VIP, "b", 5)
    a.wait_state("FAULT")
    assert any(advert.priority == 0 for advert in sniffer.adverts(pair[0]))
    assert "web" in a.status().reason(), a.status().reason()
    check.set(True)
    lan.wait_holder(VIP, "a", 8)


def test_nothing_is_said_before_the_first_result(lan, pair):
    """§8: INIT, without any notification, until the script has ended once; then the first result alone decides."""
    node = pair[0]
    check = Check(node, body=f"while [ ! -e {node.directory}/go ]; do sleep 0.05; done", good=False)
    notify = os.path.join(node.directory, "told")
    script = node.write("notify.sh", f"#!/bin/sh\necho $3 >>{notify}\n")
    os.chmod(script, 0o755)
    a = Hasup(node, tracked(check, definition=["timeout 60", "fall 3", "rise 3"], extra=[f'notify "{script}"'])).start()
    check.wait_runs(1)
    hold_for("INIT in silence", lambda: (a.state(), os.path.exists(notify)), lambda seen: seen == ("INIT", False), 1)
    node.write("go", "")
    a.wait_state("FAULT")
    check.set(True)
    a.wait_state("MASTER")
    wait_for("what was told", lambda: open(notify, encoding="ascii").read().split(),
             lambda words: words == ["FAULT", "BACKUP", "MASTER"], 3)


def test_init_fail(lan, pair):
    """It counts as failed until its first success."""
    check = Check(pair[0], body=f"while [ ! -e {pair[0].directory}/go ]; do sleep 0.05; done")
    a = Hasup(pair[0], tracked(check, definition=["timeout 60", "init_fail"])).start()
    a.wait_state("FAULT")
    pair[0].write("go", "")
    a.wait_state("MASTER")


@pytest.mark.parametrize("fall", [1, 2])
def test_one_that_hangs_and_ignores_term(lan, pair, fall):
    """S4: TERM at the timeout, KILL to its group 2 s later, one failure, the next start at the next tick; no company, no
    zombie, one line. One timeout with fall 2 changes nothing."""
    node = pair[0]
    body = f"[ -e {node.directory}/hang ] && trap '' TERM && sleep 600 & [ -e {node.directory}/hang ] && trap '' TERM " \
        "&& sleep 600"
    check = Check(node, body=body)
    a = Hasup(node, tracked(check, definition=[f"fall {fall}"], interval=1)).start()
    a.wait_state("MASTER")
    node.write("hang", "")
    check.wait_runs(1)
    group = check.pids()
    assert len(group) >= 3, group
    start = check.starts()[-1]
    os.unlink(os.path.join(node.directory, "hang"))
    wait_for("its group to be gone", lambda: [pid for pid in group if alive(pid)], lambda left: not left, 5)
    check.wait_runs(2)
    assert check.starts()[-2] - start == pytest.approx(4, abs=0.3), "the next tick after TERM, 2 s and KILL"
    track = a.worker("hasup-track")
    wait_for("no zombie", lambda: [pid for pid in children(track) if not alive(pid)], lambda dead: not dead, 1)
    if fall == 1:
        assert changes_of(a) == ["UP", "DOWN", "UP"]
        told(a, r"script web failed: timed out: DOWN")
    else:
        assert changes_of(a) == ["UP"] and a.state() == "MASTER"
    assert check.was_alone()


def test_a_file(lan, pair):
    """`</PATH`: that it can be opened is success. One process opens it each time."""
    node = pair[0]
    path = node.write("file", "")
    text = f"vrrp_script web {{\n    script <{path}\n    interval 0.1\n}}\n"
    a = Hasup(node, text + conf.simple(150, version=3, advert=0.1, extra=["track_script {", "    web", "}"])).start()
    a.wait_state("MASTER")
    def openers():
        return [a.roles()[role] for role in ("hasup-track", "hasup-files")]

    processes = openers()
    assert [len(pids) for pids in processes] == [1, 1]
    os.unlink(path)
    a.wait_state("FAULT")
    told(a, r"script web failed: can't be opened: No such file or directory: DOWN")
    os.mkfifo(path)
    a.wait_state("MASTER")
    os.unlink(path)
    a.wait_state("FAULT")
    assert openers() == processes


def test_one_that_cannot_be_executed(lan, pair):
    """S5: it is told apart from a check that fails, and it counts as a failure."""
    check = Check(pair[0])
    a = Hasup(pair[0], tracked(check)).start()

    def spoil(line, spoil_it):
        os.chmod(check.path, 0o755)
        os.chown(check.path, 0, 0)
        a.wait_state("MASTER")
        spoil_it()
        a.wait_state("FAULT")
        told(a, f"script web failed: {line}: DOWN")
    spoil("can't be executed: Permission denied", lambda: os.chmod(check.path, 0o644))

    def replace(text):
        pair[0].write("web.sh", text)
        os.chmod(check.path, 0o755)
    spoil("exit status 126", lambda: replace("#!/bin/sh\nexit 126\n"))
    replace("#!/bin/sh\n")
    spoil(r"refused: it would run as root, and .*mode 757\) can be changed by users other than root",
          lambda: os.chmod(check.path, 0o757))
    spoil("refused: No such file or directory", lambda: os.unlink(check.path))


def test_one_that_is_refused(lan, pair):
    """S5: an error at a check and a reload; a start takes it as failed, and it may be mended while hasupd runs."""
    check = Check(pair[0])
    os.chmod(check.path, 0o644)
    a = Hasup(pair[0], tracked(check)).start()
    a.wait_state("FAULT")
    line = rf"`{check.path}` can't be run: it isn't executable \(owner 0, mode 644\)"
    told(a, line + r" \(taken as failed\)")
    done = a.cli("reload")
    assert done.returncode == 1 and re.search("can't be run", " ".join(done.stdout.split() + done.stderr.split()))
    os.chmod(check.path, 0o755)
    a.wait_state("MASTER")
    assert a.cli("reload").returncode == 0


WAYS = ["track", "worker", "hasupd", "parked", "reload", "upgrade"]


def disturb(way, a, store, number):
    """Replaces a process, or the configuration by another one with the same script."""
    if way in ("track", "worker"):
        role = {"track": "hasup-track", "worker": "hasup-vrrp"}[way]
        old = a.worker(role)
        os.kill(old, signal.SIGKILL)
        wait_for(f"another {role}", lambda: a.roles().get(role, []), lambda pids: pids and pids != [old], 5)
    elif way in ("hasupd", "parked"):
        store.restart(PARK if way == "parked" else signal.SIGKILL)
    elif way == "reload":
        with open(a.config, encoding="utf-8") as file:
            text = file.read()
        done = a.reload(re.sub(r"garp_master_delay \d+", f"garp_master_delay {number + 1}", text))
        assert done.returncode == 0, done.stdout + done.stderr
    else:
        assert a.cli("upgrade", bound=20).returncode == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_state_is_what_it_was(kept_duo, pair, sniffer, watched, way):
    """D45: no death, reload or upgrade changes a priority or a state, runs a script twice at once, or leaves one."""
    slow = Check(pair[0], "slow", body="sleep 0.4")
    quick = Check(pair[0], "quick", good=False)
    blocks = slow.block("timeout 5") + quick.block("fall 2", "rise 2")
    a, b, store = kept_duo(first={"extra": ["garp_master_delay 0", "track_script {", "    slow", "    quick weight -20", "}"],
                                  "before": blocks})
    wait_for("its priority", lambda: a.status().instance()["priority"], lambda seen: seen == 180, 5)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    for number in range(5):
        slow.wait_runs(1)
        running = slow.pids()
        disturb(way, a, store, number)
        same.goes_on(0.1)
        if way not in ("worker", "reload"):
            wait_for("the runs of before to be gone", lambda: [pid for pid in running if alive(pid)],
                     lambda left: not left, 2)
        slow.wait_runs(2)
        quick.wait_runs(2)
    same.check(f"{way}, 5 times")
    assert {advert.priority for advert in sniffer.adverts(pair[0], since=same.begin)} == {180}
    assert slow.was_alone() and quick.was_alone()
    assert changes_of(a, "slow") == ["UP"] and changes_of(a, "quick") == ["DOWN"]
    assert a.stop()[0] == 0
    assert not slow.pids() and not quick.pids()
    assert store.names() == []


@pytest.mark.parametrize("way", WAYS)
def test_a_fault_stays_one(kept_duo, pair, sniffer, watched, way):
    """D45: what has failed counts as failed until the next result, whoever dies meanwhile."""
    node = pair[0]
    check = Check(node, body=f"while [ -e {node.directory}/stop ]; do sleep 0.02; done")
    a, b, store = kept_duo(first={"extra": ["garp_master_delay 0", "track_script {", "    web", "}"],
                                  "before": check.block("timeout 60")})
    check.set(False)
    a.wait_state("FAULT")
    check.set(True)
    node.write("stop", "")
    begin = time.time()
    if a.state() != "FAULT":
        pytest.fail("it ended before it was stopped")
    for number in range(3):
        disturb(way, a, store, number)
        # A worker that dies before it has worked is started again after a while.
        a.wait_state("FAULT")
        hold_for("FAULT", a.state, lambda state: state == "FAULT", 0.5)
    assert not sniffer.adverts(node, since=begin)
    os.unlink(os.path.join(node.directory, "stop"))
    a.wait_state("MASTER")
    assert check.was_alone()


def test_another_definition_begins_anew(lan, pair):
    """A script with other arguments has no result yet; one of whom only numbers change keeps it."""
    node = pair[0]
    check = Check(node, body=f"[ \"$1\" = other ] && while [ ! -e {node.directory}/go ]; do sleep 0.02; done")
    text = tracked(check, definition=["timeout 60"])
    a = Hasup(node, text).start()
    a.wait_state("MASTER")
    assert a.reload(text.replace("timeout 60", "timeout 50\n    fall 3\n    rise 4")).returncode == 0
    hold_for("MASTER", a.state, lambda state: state == "MASTER", 0.5)
    assert changes_of(a) == ["UP"]
    assert a.reload(text.replace(check.path, f"{check.path} other")).returncode == 0
    hold_for("no other result", lambda: changes_of(a), lambda seen: seen == ["UP"], 0.5)
    node.write("go", "")
    wait_for("its first result", lambda: changes_of(a), lambda seen: seen == ["UP", "UP"], 3)
    assert check.was_alone()


def test_only_what_is_used_runs(lan, pair):
    """A script that nobody tracks isn't run, and one that has left the configuration is ended."""
    idle, used = Check(pair[0], "idle"), Check(pair[0], "used", body="sleep 30")
    text = idle.block() + tracked(used, "weight", "1", definition=["timeout 60"])
    a = Hasup(pair[0], text).start()
    used.wait_runs(1)
    hold_for("no run", idle.starts, lambda seen: not seen, 0.5)
    assert a.reload(text.replace("    used weight 1", "    idle weight 1")).returncode == 0
    idle.wait_runs(2)
    wait_for("its run to be gone", used.pids, lambda pids: not pids, 4)
    assert len(used.starts()) == 1


def test_a_sealed_hasupd_runs_none(lan, pair):
    """D2: one that was started without scripts refuses them at a reload, with the place; it opens files."""
    node = pair[0]
    check = Check(node)
    plain = conf.simple(150, version=3, advert=0.1)
    a = Hasup(node, plain).start()
    a.wait_state("MASTER")
    done = a.reload(tracked(check))
    assert done.returncode == 1 and "hasup.conf:2:" in done.stdout + done.stderr, done.stdout + done.stderr
    file = node.write("file", "")
    text = f"vrrp_script web {{\n    script <{file}\n    interval 0.1\n    user nobody\n}}\n"
    text += conf.simple(150, version=3, advert=0.1, extra=["track_script {", "    web", "}"])
    done = a.reload(text)
    assert done.returncode == 0, done.stdout + done.stderr
    told(a, r"script web succeeded: UP")
    os.chmod(file, 0o600)
    a.wait_state("FAULT")
    told(a, r"script web failed: can't be opened: Permission denied: DOWN")


def test_it_is_ended_when_it_hangs(lan, pair):
    """hasupd's watchdog replaces a hasup-track that stands still, and no state changes."""
    check = Check(pair[0])
    a = Hasup(pair[0], tracked(check)).start()
    a.wait_state("MASTER")
    old = a.worker("hasup-track")
    os.kill(old, signal.SIGSTOP)
    wait_for("another one", lambda: a.roles().get("hasup-track", []), lambda pids: pids and pids != [old], 20)
    check.wait_runs(2)
    assert a.state() == "MASTER" and check.was_alone() and changes_of(a) == ["UP"]
