"""hasupd dies, is restarted, or becomes a newer one, and the peers don't notice (docs/decisions.md, D9, D10)."""

import itertools
import json
import os
import re
import shutil
import signal
import struct
import threading
import time

import pytest
from lab import conf, hostile
from lab.hasup import Hasup, binary
from lab.hostile import Impostor
from lab.program import alive, children
from lab.store import Store
from lab.waiting import hold_for, wait_for
from test_continuity import replaced
from test_continuity import AddressWatch, changes

VIP = "10.0.0.100"
LONG = bool(os.environ.get("LONG"))
TIMES = 20 if LONG else 5
PARK = signal.SIGRTMIN + 10
BOTH = ["hasup-configuration", "hasup-state"]
# With scripts.
ALL = ["hasup-configuration", "hasup-notifications", "hasup-state"]


@pytest.fixture
def stores():
    """Makes stores that are closed at the end."""
    made = []

    def make(hasup):
        made.append(Store(hasup))
        return made[-1]
    yield make
    for store in made:
        store.close()


@pytest.fixture
def watched(pair):
    """Watches the virtual address on a."""
    watch = AddressWatch(pair[0], VIP)
    yield watch
    watch.close()


@pytest.fixture
def kept_duo(lan, pair, stores):
    """a (priority 200) under a service manager with a descriptor store, b (priority 100) as its peer."""
    def begin(copied=False, first=None, **options):
        options = {"version": 3, "advert": 0.1, **options}
        a = Hasup(pair[0], conf.simple(200, **{**options, **(first or {})}))
        if copied:
            a.binary = os.path.join(pair[0].directory, "hasupd")
            shutil.copy(binary("hasupd"), a.binary)
            shutil.copy(binary("hasup-checker"), pair[0].directory)
        store = stores(a)
        store.start()
        b = Hasup(pair[1], conf.simple(100, **options)).start()
        lan.wait_holder(VIP, "a", 8)
        b.wait_state("BACKUP")
        return a, b, store
    return begin


class Undisturbed:
    """Nobody but the daemon's own log knows that it was replaced."""

    def __init__(self, a, b, node, sniffer, watched):
        self.a, self.b, self.node, self.sniffer, self.watched = a, b, node, sniffer, watched
        self.before, self.mine, self.begin = changes(b), changes(a), time.time()
        sniffer.wait_advert(node, since=self.begin, bound=5)

    def goes_on(self, interval):
        """Waits until the node has advertised twice from now on."""
        self.sniffer.wait_advert(self.node, since=time.time(), bound=interval * 4 + 2, count=2)

    def check(self, what):
        """No transition, no address removed, no priority 0; prints the longest gap between adverts."""
        gap = max(self.sniffer.gaps(self.node, since=self.begin))
        print(f"{what}: {changes(self.b)[0] - self.before[0]} transitions, longest gap {gap * 1000:.0f} ms")
        assert changes(self.b) == self.before
        assert not self.watched.removed
        assert changes(self.a) == self.mine
        assert all(advert.priority for advert in self.sniffer.adverts(self.node) if advert.time > self.begin)


@pytest.mark.parametrize("interval", [1, 0.1])
@pytest.mark.parametrize("number", [signal.SIGKILL, PARK], ids=["killed", "parked"])
def test_started_again_from_the_store(kept_duo, pair, sniffer, watched, interval, number):
    """Issue 11, 3: kill -9 of hasupd, and `systemctl restart` by the unit's RestartKillSignal."""
    a, b, store = kept_duo(advert=interval)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    for _ in range(TIMES):
        assert store.end(number) == (0 if number == PARK else -signal.SIGKILL)
        time.sleep(0.1)
        store.start()
        same.goes_on(interval)
        assert store.names() == BOTH
    same.check(f"advert_int {interval}, {TIMES} times")
    assert a.log().count("resumed 1 master, 0 backups") == TIMES


def test_killed_with_its_worker(kept_duo, pair, sniffer, watched):
    """As systemd does it without KillMode=process: nobody is left who could hand over."""
    a, b, store = kept_duo(advert=1)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    for _ in range(TIMES):
        a.kill()
        store.start()
        same.goes_on(1)
    same.check(f"all processes killed {TIMES} times")


@pytest.mark.parametrize("interval", [1, 0.1])
def test_upgrade(kept_duo, pair, sniffer, watched, interval):
    """Issue 11, 4: another file lies where hasupd was started from; the process becomes that."""
    a, b, store = kept_duo(copied=True, advert=interval)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    mode = os.stat(a.control)
    for number in range(TIMES):
        fresh = a.binary + ".new"
        shutil.copy(binary("hasupd"), fresh)
        os.rename(fresh, a.binary)
        pid, old = a.program.pid, a.worker()
        done = a.cli("upgrade", bound=20)
        assert done.returncode == 0 and "hasupd" in done.stdout and "->" in done.stdout, done.stdout + done.stderr
        assert a.program.running() and os.readlink(f"/proc/{pid}/exe") == a.binary
        assert a.worker() != old and not alive(old)
        assert store.names() == BOTH, number
        same.goes_on(interval)
    same.check(f"advert_int {interval}, {TIMES} upgrades")
    now = os.stat(a.control)
    assert (now.st_gid, now.st_mode) == (mode.st_gid, mode.st_mode)
    wait_for("no zombie", lambda: [pid for pid in children(a.program.pid) if not alive(pid)],
             lambda dead: not dead, 2)
    assert a.reload().returncode == 0
    assert a.stop()[0] == 0
    assert store.names() == []


def test_upgrade_without_a_store(duo, pair, sniffer, watched):
    """It passes what it has by itself."""
    a, b = duo(advert=0.1)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    done = a.cli("upgrade", "--json", bound=20)
    assert done.returncode == 0, done.stderr
    reply = json.loads(done.stdout)
    assert reply["unchanged"] is True and reply["before"] == reply["version"], "it is the program that ran already"
    same.goes_on(0.1)
    same.check("upgrade without a store")
    assert "is gone" not in a.log(), a.log()


# What a program says that could go on where hasupd is, and then what it makes of the configuration.
SAYS = "#!/bin/sh\ncase \"$*\" in *--check) {} ;; esac\n" \
    "printf 'hasupd 9.9\\nstate-page 1 2\\nrecord 1\\nnotifications 1 2\\nsuccession 1 2\\n'\n"
BROKEN = {
    "refuses the files": (SAYS.format("echo 'refused: nothing can run'; exit 78").encode(), 0o755,
                          "hasupd 9.9 at .* doesn't take the configuration as it is: nothing can run"),
    "would leave something out": (SAYS.format("echo 'incomplete: it has 1 error'; exit 0").encode(), 0o755,
                                  "doesn't take the configuration as it is: it has 1 error"),
    "knows no such option": (SAYS.format("exit 64").encode(), 0o755, "doesn't say what it makes of the configuration"),
    "accepts and fails": (SAYS.format("echo 'accepted: it'; exit 70").encode(), 0o755, "exit status 70"),
    "garbage": (b"\x7fELF and nothing more\n", 0o755, "can't be run"),
    "fails": (b"#!/bin/sh\nexit 3\n", 0o755, "exit status 3"),
    "another": (b"#!/bin/sh\necho something else\n", 0o755, "isn't hasupd"),
    "hangs": (b"#!/bin/sh\nexec sleep 60\n", 0o755, "hasn't ended"),
    "without our page": (b"#!/bin/sh\nprintf 'hasupd 9.9\\nstate-page 3 4\\nrecord 1\\nsuccession 1\\n'\n", 0o755,
                         "can't read the page of the VRRP worker's state, which is of form 2: it reads form 3, 4"),
    "without forms": (b"#!/bin/sh\necho hasupd 0.0.1\n", 0o755, "it reads no form of it; a restart changes to it"),
    "not executable": (b"", 0o644, "Permission denied"),
    "missing": (None, 0, "No such file"),
}


# Observations that take long to tell: all their characters are escaped.
FLOODS_OF_TEXT = [hostile.frame(hostile.OBSERVATIONS, struct.pack(">Q", 1) + 14 * (
    struct.pack(">BI", 4, 0) + hostile.text(f"{number}" + "\u202e" * 160))) for number in range(1_000)]
SCRIPTED = {"extra": ("notify /bin/true",)}


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_upgrade_to_what_cannot_run_is_refused(kept_duo, pair, sniffer, watched, kind):
    """Nothing changes, and the reason is told. Without scripts in the file, hasupd couldn't even execute a shell."""
    a, b, _ = kept_duo(copied=True, first=SCRIPTED)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    content, mode, reason = BROKEN[kind]
    os.unlink(a.binary)
    if content is not None:
        with open(a.binary, "wb") as file:
            file.write(content)
        os.chmod(a.binary, mode)
    worker = a.worker()
    done = a.cli("upgrade", bound=20)
    assert done.returncode == 1 and re.search(reason, " ".join(done.stderr.split())), done.stderr
    assert a.worker() == worker and a.status().processes()["hasup-vrrp"]["restarts"] == 0
    same.goes_on(0.1)
    same.check(f"upgrade to a program that is {kind}")


def test_upgrade_that_fails_at_the_last_moment(kept_duo, pair, sniffer, watched):
    """A program that says its version and isn't there when it is to be run: this one goes on."""
    a, b, store = kept_duo(copied=True, first=SCRIPTED)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    rank = os.sched_getscheduler(a.program.pid)
    with open(a.binary + ".new", "w", encoding="ascii") as file:
        file.write(SAYS.format('rm -f "$0"; echo "accepted: it"; exit 0'))
    os.chmod(a.binary + ".new", 0o755)
    os.rename(a.binary + ".new", a.binary)
    worker = a.worker()
    done = a.cli("upgrade", bound=20)
    assert done.returncode == 1 and "didn't become" in " ".join(done.stderr.split()), done.stderr
    assert "this hasupd goes on" in a.log()
    assert a.worker() == worker
    # It left the class for that moment (D29).
    assert os.sched_getscheduler(a.program.pid) == rank
    assert a.reload().returncode == 0 and a.cli("status").returncode == 0
    assert store.names() == ALL
    same.goes_on(0.1)
    same.check("upgrade that failed in execve")


def test_the_program_that_is_asked_is_not_realtime(kept_duo, pair):
    """D29: hasupd lends its scheduling class only to what gives it up by itself."""
    a, _, _ = kept_duo(copied=True, first=SCRIPTED)
    if os.sched_getscheduler(a.program.pid) & ~os.SCHED_RESET_ON_FORK != os.SCHED_FIFO:
        pytest.fail("hasupd isn't realtime here")
    told = os.path.join(pair[0].directory, "class")
    os.unlink(a.binary)
    with open(a.binary, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\nchrt -p $$ >{told}\nexit 3\n")
    os.chmod(a.binary, 0o755)
    assert a.cli("upgrade", bound=20).returncode == 1
    with open(told, encoding="ascii") as file:
        assert "SCHED_OTHER" in file.read()


def test_upgrade_during_a_flood(lan):
    """A worker that talks without end: what waits is told, and the same process is the next hasupd."""
    node = lan.node("a")
    a = Hasup(node, conf.simple(255, version=3, advert=1)).start()
    a.wait_state("MASTER")
    pid, frames, stop = a.program.pid, itertools.cycle(FLOODS_OF_TEXT), threading.Event()
    with Impostor(a.worker()) as impostor:
        def flood():
            while not stop.is_set() and impostor.say(next(frames)):
                pass
        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        wait_for("a flood", lambda: impostor.sent, lambda sent: sent > 8_000, 10)
        done = a.cli("upgrade", bound=20)
        stop.set()
        thread.join(6)
    assert done.returncode == 0 and "->" in done.stdout, done.stdout + done.stderr
    assert a.program.running() and a.program.pid == pid, a.log()[-500:]
    assert a.log().count(" started: 1 instance") == 2
    a.wait_state("MASTER")


def test_upgrade_with_errors_in_the_configuration_is_refused(kept_duo, pair, sniffer, watched):
    """Another version may have no older configuration to go on with."""
    a, b, _ = kept_duo()
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    pair[0].write("hasup.conf", "vrrp_instance VI_1 {\n")
    done = a.cli("upgrade", bound=20)
    assert done.returncode == 1 and "mended" in done.stderr, done.stderr
    same.goes_on(0.1)
    same.check("upgrade with a broken configuration")


def test_upgrade_with_a_configuration_that_gets_worse_meanwhile(kept_duo, pair, sniffer, watched):
    """What this one has judged isn't what the new one would find: that one is asked, too, and says why."""
    a, b, store = kept_duo(copied=True, first=SCRIPTED)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    with open(a.binary + ".new", "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\n[ "$1" = --formats ] && echo vrrp_instance VI_1 {{ >{a.config}\n'
                   f'exec {binary("hasupd")} "$@"\n')
    os.chmod(a.binary + ".new", 0o755)
    os.rename(a.binary + ".new", a.binary)
    pid, worker = a.program.pid, a.worker()
    done = a.cli("upgrade", bound=20)
    said = " ".join(done.stderr.split())
    reason = f"{a.config} has 3 errors, the first: {a.config}:1: interface is missing"
    assert done.returncode == 1 and f"doesn't take the configuration as it is: {reason}" in said, done.stderr
    assert (a.program.pid, a.worker()) == (pid, worker) and a.program.running()
    assert store.names() == ALL
    # Once the file is mended, the same program is taken.
    pair[0].write("hasup.conf", conf.simple(200, version=3, advert=0.1, **SCRIPTED))
    with open(a.binary, "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nexec {binary("hasupd")} "$@"\n')
    assert a.cli("upgrade", bound=20).returncode == 0
    assert a.program.running() and a.worker() != worker
    same.goes_on(0.1)
    same.check("upgrade with a file that got worse")


def memory(size, seals=0, content=b""):
    """A memory file."""
    number = os.memfd_create("strange", os.MFD_ALLOW_SEALING)
    os.ftruncate(number, size)
    os.pwrite(number, content, 0)
    if seals:
        import fcntl
        fcntl.fcntl(number, fcntl.F_ADD_SEALS, seals)
    return number


STRANGE = {
    "foreign": lambda: [("somebody-elses", os.open("/dev/null", os.O_RDWR))],
    "not a memory file": lambda: [("hasup-state", os.open("/dev/null", os.O_RDWR)),
                                  ("hasup-configuration", os.open("/dev/null", os.O_RDONLY))],
    "not sealed": lambda: [("hasup-state", memory(4096 + 65536 * 256)), ("hasup-configuration", memory(100))],
    "of another size": lambda: [("hasup-state", memory(4096, 6)), ("hasup-configuration", memory(0, 14))],
    "zeros": lambda: [("hasup-state", memory(4096 + 65536 * 256, 6)), ("hasup-configuration", memory(4096, 14))],
}


@pytest.mark.parametrize("kind", sorted(STRANGE))
def test_what_is_strange_in_the_store(lan, pair, stores, kind):
    """It is told, removed from the store, and the start is an ordinary one."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1))
    store = stores(a)
    for name, number in STRANGE[kind]():
        store.put(name, number)
    store.start()
    lan.wait_holder(VIP, "a", 4)
    wait_for("its own in the store", store.names, lambda names: names == BOTH, 2)
    assert "can't be used" in a.log()
    store.restart()
    assert "resumed 1 master" in a.log()
    assert a.state() == "MASTER"


def test_a_page_full_of_rubbish(kept_duo, pair, lan):
    """Sealed, of the right size and form, and yet no record in it is one: the worker starts anew."""
    a, b, store = kept_duo()
    store.end(signal.SIGKILL)
    page = dict(store.kept)["hasup-state"]
    os.pwrite(page, os.urandom(1 << 20), 4096)
    os.pwrite(page, (4096).to_bytes(8, "little"), 24)
    store.start()
    a.wait_state("MASTER", bound=6)
    lan.wait_holder(VIP, "a", 4)
    assert a.stop()[0] == 0


def test_park_without_a_store_hands_over(duo, pair, lan, sniffer):
    """Nobody would keep anything: priority 0, as for SIGTERM."""
    a, b = duo(advert=1)
    begin = time.time()
    a.program.signal(PARK)
    assert a.program.wait(4) == 0
    assert "there is none" in a.log()
    assert not pair[0].holds(VIP)
    lan.wait_holder(VIP, "b", 2)
    assert any(advert.priority == 0 for advert in sniffer.adverts(pair[0]) if advert.time > begin)


def test_nobody_comes_back(kept_duo, pair, lan, sniffer, watched):
    """Parked, and no successor within the grace: the worker hands over; who comes later takes part in an election."""
    a, b, store = kept_duo(advert=0.5)
    store.end(PARK)
    lan.wait_holder(VIP, "b", 4)
    assert any(advert.priority == 0 for advert in sniffer.adverts(pair[0]))
    wait_for("the address to go", lambda: pair[0].holds(VIP), lambda held: not held, 2)
    store.start()
    a.wait_state("MASTER", bound=6)
    lan.wait_holder(VIP, "a", 3)
    assert changes(b) == (1, 1)
    assert "resumed 1 master" not in a.log()


def test_stop_leaves_nothing_in_the_store(kept_duo, pair):
    """SIGTERM is no park: a hasupd that is started later has nothing to resume."""
    a, _, store = kept_duo()
    assert store.names() == BOTH
    assert a.stop()[0] == 0
    wait_for("an empty store", store.names, lambda names: not names, 2)
    assert not pair[0].holds(VIP)


def test_a_file_with_an_error_does_not_end_what_ran(kept_duo, pair, sniffer, watched):
    """Somebody edits the file while hasupd is killed: the configuration that ran goes on, and status says so."""
    a, b, store = kept_duo()
    good = conf.simple(200, version=3, advert=0.1)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    for text in ("vrrp_instance VI_1 {\n", good.replace("priority 200", "priority much")):
        pair[0].write("hasup.conf", text)
        store.restart()
        same.goes_on(0.1)
        assert a.state() == "MASTER"
        assert "The old configuration goes on" in " ".join(a.cli("status").stdout.split())
        assert "The configuration that ran before goes on" in a.log()
    os.unlink(a.config)
    store.restart()
    same.goes_on(0.1)
    same.check("the file is broken, then gone")
    # What ran is what a reload has brought.
    assert a.reload(good.replace("priority 200", "priority 210")).returncode == 0
    store.restart()
    assert "The old configuration" not in a.cli("status").stdout
    pair[0].write("hasup.conf", "vrrp_instance VI_1 {\n")
    store.restart()
    assert a.status().instance()["priority"] == 210


def test_what_left_the_file_meanwhile_goes(lan, pair, stores):
    """The new file counts: an instance that it doesn't name any more leaves no address."""
    def config(*numbers):
        return "".join(conf.simple(200, vrid=number, name=f"VI_{number}", version=3, advert=0.1,
                                   vips=[f"10.0.0.{100 + number}/24"]) for number in numbers)
    a = Hasup(pair[0], config(1, 2))
    store = stores(a)
    store.start()
    for number in (1, 2):
        a.wait_state("MASTER", f"VI_{number}")
    watch = AddressWatch(pair[0], "10.0.0.102")
    pair[0].write("hasup.conf", config(2, 3))
    store.restart()
    a.wait_state("MASTER", "VI_3")
    assert pair[0].holds("10.0.0.102") and pair[0].holds("10.0.0.103") and not pair[0].holds("10.0.0.101")
    assert not watch.removed
    watch.close()


def test_notify_scripts_run_once(lan, pair, stores, sniffer):
    """A successor knows which notifications its predecessor has taken on."""
    told = os.path.join(pair[0].directory, "told")
    script = pair[0].write("notify.sh", f"#!/bin/sh\necho $3 >>{told}\n")
    os.chmod(script, 0o755)
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=[f'notify "{script}"']))
    store = stores(a)
    store.start()
    a.wait_state("MASTER")

    def lines():
        with open(told, encoding="ascii") as file:
            return file.read().split()
    wait_for("MASTER told", lambda: lines() if os.path.exists(told) else [], lambda seen: "MASTER" in seen, 3)
    for number in (signal.SIGKILL, PARK, signal.SIGKILL):
        store.restart(number)
        sniffer.wait_advert(pair[0], since=time.time(), count=3)
    assert a.cli("upgrade", bound=20).returncode == 0
    sniffer.wait_advert(pair[0], since=time.time(), count=3)
    hold_for("MASTER told once", lambda: lines().count("MASTER"), lambda count: count == 1, 0.5)
    # And the next one is told.
    pair[0].netns.ip("link", "set", "eth0", "down")
    wait_for("FAULT told", lines, lambda seen: seen[-1] == "FAULT", 3)


def test_what_nobody_heard_is_told_by_the_successor(lan, pair, stores):
    """A transition while no hasupd runs: its notification and its line in the history come from the next worker, once."""
    told = os.path.join(pair[0].directory, "told")
    script = pair[0].write("notify.sh", f"#!/bin/sh\necho $3 >>{told}\n")
    os.chmod(script, 0o755)
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=[f'notify "{script}"']))
    store = stores(a)
    store.start("--grace", "10")
    a.wait_state("MASTER")
    wait_for("MASTER told", lambda: os.path.exists(told) and open(told, encoding="ascii").read(), lambda text: "MASTER" in str(text))
    worker = a.worker()
    store.end(signal.SIGKILL)
    pair[0].netns.ip("link", "set", "eth0", "down")
    wait_for("the address to go", lambda: pair[0].holds("10.0.0.100"), lambda held: not held, 3)
    assert alive(worker), "it didn't wait for a hasupd"
    store.start("--grace", "10")
    a.wait_state("FAULT")
    history = a.cli("history").stdout
    transitions = [line for line in history.splitlines() if "MASTER -> FAULT" in line]
    assert len(transitions) == 1 and "eth0 is down" in transitions[0], history
    wait_for("FAULT told", lambda: open(told, encoding="ascii").read().split(), lambda words: words[-1] == "FAULT", 3)
    worker = a.worker()
    os.kill(worker, signal.SIGKILL)
    replaced(a, worker)
    a.wait_state("FAULT")
    hold_for("both told once", lambda: (open(told, encoding="ascii").read().split().count("FAULT"),
                                        a.cli("history").stdout.count("MASTER -> FAULT")), lambda seen: seen == (1, 1), 0.5)
