"""Claims keep a second hasupd from the same virtual routers, whatever becomes of their file (docs/decisions.md, D35)."""

import fcntl
import os
import shutil
import struct
import threading
import time

import pytest
from lab import conf
from lab.hasup import Hasup, binary
from lab.launch import unlockable
from lab.waiting import wait_for
from test_removed_files import GOOD, in_place
from test_upgrade import SAYS

VIP, OTHER = "10.0.0.100", "10.0.0.101"


class Place:
    """An empty /run that several daemons of a node share, and nobody else."""

    def __init__(self, node):
        program = node.spawn(["sh", "-c", "touch /run/ready && exec sleep 300"], "place", private_run=True)
        self.run = f"/proc/{program.pid}/root/run"
        wait_for("a /run", lambda: os.path.exists(f"{self.run}/ready"))
        self.launcher = ["nsenter", f"--mount=/proc/{program.pid}/ns/mnt", "--"]
        self.claims = f"{self.run}/hasup/claims"


def master(lan, launcher=()):
    """A sealed daemon that is MASTER there, the place, and its node."""
    node = lan.node("a")
    place = Place(node)
    hasup = Hasup(node, GOOD).start(launcher=[*place.launcher, *launcher])
    hasup.wait_state("MASTER")
    return hasup, place, node


def claimed_anew(hasup, times):
    """Waits until it has claimed its virtual routers in a new file, so many times by now."""
    wait_for("the claims", lambda: hasup.log().count("the virtual routers are claimed anew"),
             lambda seen: seen >= times, 4)


@pytest.mark.parametrize("kind", ["sealed", "with scripts"])
def test_what_is_in_the_standard_run_directory_is_removed(lan, kind):
    """The claims are taken again in the new file, so a second hasupd with the same addresses doesn't start."""
    node = lan.node("a")
    place = Place(node)
    config = conf.simple(200, version=3, advert=0.1, extra=["notify /bin/true"] if kind == "with scripts" else [])
    hasup = Hasup(node, config).start(launcher=place.launcher)
    hasup.wait_state("MASTER")
    for number in (1, 2):
        if kind == "sealed":
            os.unlink(place.claims)
        else:
            shutil.rmtree(f"{place.run}/hasup")
        claimed_anew(hasup, number)
        second = Hasup(node, config, name=f"second-{number}").start(launcher=place.launcher)
        assert second.program.wait(5) == 75, second.log()
        assert f"(pid {hasup.program.pid})" in second.log(), second.log()
    assert in_place(hasup) and node.holds(VIP)
    # What a reload gives up is free in the new file, too.
    assert hasup.reload(config.replace("virtual_router_id 51", "virtual_router_id 52")).returncode == 0
    other = Hasup(node, config.replace(VIP, OTHER), name="other").start(launcher=place.launcher)
    other.wait_state("MASTER")
    assert other.stop()[0] == 0 and hasup.stop()[0] == 0


def claim_holder(file):
    """The pid that has locked something in this file; 0 for nobody (struct flock of F_GETLK, fcntl(2))."""
    kind, _, _, _, pid = struct.unpack("hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(
        "hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)))
    return 0 if kind == fcntl.F_UNLCK else pid


def test_an_upgrade_keeps_the_claims(lan):
    """At no moment of it the virtual router is free, and afterwards only what the new configuration needs isn't."""
    hasup, place, node = master(lan)
    holders, over = [], threading.Event()
    with open(place.claims, "r+b") as file:
        def look():
            while not over.is_set():
                holders.append(claim_holder(file))
                time.sleep(0.0001)

        watching = threading.Thread(target=look)
        watching.start()
        try:
            for _ in range(3):
                assert hasup.cli("upgrade", bound=20).returncode == 0
        finally:
            over.set()
            watching.join(5)
    assert set(holders) == {hasup.program.pid}, {pid: holders.count(pid) for pid in set(holders)}
    second = Hasup(node, GOOD, name="second").start(launcher=place.launcher)
    assert second.program.wait(5) == 75, second.log()
    node.write("hasup.conf", GOOD.replace("virtual_router_id 51", "virtual_router_id 52"))
    assert hasup.cli("upgrade", bound=20).returncode == 0
    other = Hasup(node, GOOD.replace(VIP, OTHER), name="other").start(launcher=place.launcher)
    other.wait_state("MASTER")
    assert other.stop()[0] == 0 and hasup.stop()[0] == 0


def copied(node, config=conf.simple(200, version=3, advert=0.1, extra=["notify /bin/true"])):
    """A daemon of a program of its own, which can be replaced."""
    hasup = Hasup(node, config)
    hasup.binary = os.path.join(node.directory, "hasupd")
    shutil.copy(binary("hasupd"), hasup.binary)
    return hasup


def test_an_upgrade_that_fails_keeps_the_claims(lan):
    """The program says all that is asked and isn't there when it is to be run: this hasupd goes on, and so do its locks."""
    node = lan.node("a")
    place = Place(node)
    hasup = copied(node)
    hasup.start(launcher=place.launcher)
    hasup.wait_state("MASTER")
    with open(hasup.binary + ".new", "w", encoding="ascii") as file:
        file.write(SAYS.format('rm -f "$0"; echo "accepted: it"; exit 0'))
    os.chmod(hasup.binary + ".new", 0o755)
    os.rename(hasup.binary + ".new", hasup.binary)
    assert hasup.cli("upgrade", bound=20).returncode == 1
    assert "this hasupd goes on" in hasup.log()
    with open(place.claims, "r+b") as file:
        assert claim_holder(file) == hasup.program.pid
    assert hasup.reload().returncode == 0
    assert hasup.stop()[0] == 0


def problem(hasup):
    """What status says of it."""
    return " ".join(hasup.status().answer["daemon"]["problems"])


class Taken:
    """While it lasts, this process has what lies where the claims should."""

    def __init__(self, place):
        self.place = place

    def __enter__(self):
        self.file = open(f"{self.place.run}/hasup/other", "wb")
        fcntl.lockf(self.file, fcntl.LOCK_EX)
        os.rename(self.file.name, self.place.claims)

    def __exit__(self, *error):
        self.file.close()


class Replaced:
    """While it lasts, no file can be made where the claims should be."""

    def __init__(self, place):
        self.place = place

    def __enter__(self):
        os.unlink(self.place.claims)
        os.mkdir(self.place.claims)

    def __exit__(self, *error):
        os.rmdir(self.place.claims)


def test_claims_that_cannot_be_taken_again(lan):
    """The folder is gone and hasupd is sealed, or another process was quicker: status says so as long as it lasts."""
    hasup, place, node = master(lan)
    with Taken(place):
        wait_for("the problem", lambda: problem(hasup),
                 lambda text: f"another hasupd (pid {os.getpid()}) has claimed 1 virtual router" in text, 4)
        assert hasup.log().count("has claimed 1 virtual router") == 1
    wait_for("no problem", lambda: problem(hasup), lambda text: not text, 4)
    second = Hasup(node, GOOD, name="second").start(launcher=place.launcher)
    assert second.program.wait(5) == 75, second.log()
    shutil.rmtree(f"{place.run}/hasup")
    wait_for("the problem", lambda: problem(hasup),
             lambda text: "/run/hasup/claims was removed" in text and "Restart hasupd" in text, 4)
    assert hasup.state() == "MASTER" and node.holds(VIP)
    assert hasup.stop()[0] == 0


def goes_on_unchanged(hasup, worker, sentence):
    """An upgrade was refused with this sentence, and nothing has changed by it."""
    assert sentence in problem(hasup)
    assert hasup.worker() == worker and hasup.state() == "MASTER" and hasup.node.holds(VIP)
    assert "upgrade: hasupd" not in hasup.log()


@pytest.mark.parametrize("command", [["upgrade"], ["reload", "--upgrade-if-changed"]])
def test_an_upgrade_without_all_claims_is_refused(lan, command):
    """Another process has one of them, so the new program might end at its start; it needn't be in status yet."""
    node = lan.node("a")
    place = Place(node)
    hasup = copied(node, GOOD)
    hasup.start(launcher=place.launcher)
    hasup.wait_state("MASTER")
    worker = hasup.worker()
    with Taken(place):
        # As long as the program is the same, it is a reload.
        if command[0] == "reload":
            assert hasup.cli(*command, bound=20).returncode == 0
        shutil.copy(binary("hasupd"), hasup.binary + ".new")
        os.rename(hasup.binary + ".new", hasup.binary)
        done = hasup.cli(*command, bound=20)
        sentence = f"another hasupd (pid {os.getpid()}) has claimed 1 virtual router"
        assert done.returncode == 1 and sentence in " ".join(done.stderr.split()), done
        goes_on_unchanged(hasup, worker, sentence)
    assert hasup.cli(*command, bound=20).returncode == 0
    wait_for("what it became", lambda: in_place(hasup), bound=4)
    assert hasup.worker() != worker
    second = Hasup(node, GOOD, name="second").start(launcher=place.launcher)
    assert second.program.wait(5) == 75, second.log()
    assert hasup.stop()[0] == 0


def test_an_upgrade_of_a_sealed_hasupd_without_its_file_is_refused(lan):
    """It couldn't make the file either, because Landlock outlives execve; and it would have nothing to say of it."""
    hasup, place, _ = master(lan)
    worker = hasup.worker()
    shutil.rmtree(f"{place.run}/hasup")
    done = hasup.cli("upgrade", bound=20)
    assert done.returncode == 1 and "/run/hasup/claims was removed" in " ".join(done.stderr.split()), done
    goes_on_unchanged(hasup, worker, "Restart hasupd")
    assert hasup.stop()[0] == 0


SLOW = "#!/bin/sh\ncase \"$*\" in *--check) touch {0}.asked; until [ -e {0}.go ]; do sleep 0.01; done ;; esac\n" \
    "exec {0} \"$@\"\n"


@pytest.mark.parametrize("kind", ["replaced", "taken"])
def test_claims_that_are_lost_during_an_upgrade(lan, kind):
    """The new program goes on and says what is wrong, as the one before it would have."""
    node = lan.node("a")
    place = Place(node)
    hasup, real = copied(node), os.path.join(node.directory, "real")
    shutil.copy(hasup.binary, real)
    hasup.start(launcher=place.launcher)
    hasup.wait_state("MASTER")
    worker = hasup.worker()
    os.chmod(node.write("hasupd.new", SLOW.format(real)), 0o755)
    os.rename(hasup.binary + ".new", hasup.binary)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(hasup.cli("upgrade", bound=20)))
    asking.start()
    try:
        wait_for("the question", lambda: os.path.exists(f"{real}.asked"))
        with Taken(place) if kind == "taken" else Replaced(place):
            node.write("real.go", "")
            asking.join(20)
            assert answers[0].returncode == 0, answers
            wait_for("another worker", lambda: hasup.worker() not in (None, worker))
            sentence = "has claimed 1 virtual router" if kind == "taken" else "/run/hasup/claims was removed"
            assert sentence in wait_for("an answer", lambda: problem(hasup))
            assert hasup.log().split("upgrade: hasupd")[1].count(sentence) == 1
            assert hasup.state() == "MASTER" and node.holds(VIP)
    finally:
        node.write("real.go", "")
        asking.join(20)
    wait_for("no problem", lambda: problem(hasup), lambda text: not text, 4)
    second = Hasup(node, GOOD, name="second").start(launcher=place.launcher)
    assert second.program.wait(5) == 75, second.log()
    assert hasup.stop()[0] == 0


def test_a_kernel_without_room_for_locks(lan):
    """ENOLCK isn't another's claim: hasupd runs, and says that nothing keeps a second one away."""
    hasup, _, _ = master(lan, unlockable())
    worker = hasup.worker()
    sentence = "1 virtual router can't be claimed in /run/hasup/claims"
    # Before the upgrade they are claimed again, which fails likewise.
    done = hasup.cli("upgrade", bound=20)
    assert done.returncode == 1 and "No locks available" in " ".join(done.stderr.split()), done
    goes_on_unchanged(hasup, worker, sentence)
    assert hasup.log().count(sentence) == 1
    # Nothing that a reload adds is claimed either.
    more = conf.file(conf.instance("VI_1", vrid=51, version=3, advert=0.1, priority=200, vips=[f"{VIP}/24"]),
                     conf.instance("VI_2", vrid=52, version=3, advert=0.1, priority=200, vips=[f"{OTHER}/24"]))
    assert hasup.reload(more).returncode == 0
    wait_for("the other one", lambda: problem(hasup), lambda text: "2 virtual routers can't be claimed" in text, 4)
    assert hasup.stop()[0] == 0
