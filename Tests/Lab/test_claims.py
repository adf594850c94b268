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
    node = lan.node("a")
    place = Place(node)
    hasup = Hasup(node, GOOD).start(launcher=place.launcher)
    hasup.wait_state("MASTER")
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


def test_an_upgrade_that_fails_keeps_the_claims(lan):
    """The program says all that is asked and isn't there when it is to be run: this hasupd goes on, and so do its locks."""
    node = lan.node("a")
    place = Place(node)
    hasup = Hasup(node, conf.simple(200, version=3, advert=0.1, extra=["notify /bin/true"]))
    hasup.binary = os.path.join(node.directory, "hasupd")
    shutil.copy(binary("hasupd"), hasup.binary)
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


def test_claims_that_cannot_be_taken_again(lan):
    """The folder is gone and hasupd is sealed, or another process was quicker: status says so as long as it lasts."""
    node = lan.node("a")
    place = Place(node)
    hasup = Hasup(node, GOOD).start(launcher=place.launcher)
    hasup.wait_state("MASTER")

    def problem():
        return " ".join(hasup.status().answer["daemon"]["problems"])

    with open(f"{place.run}/hasup/other", "wb") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        os.rename(file.name, place.claims)
        wait_for("the problem", problem,
                 lambda text: f"another hasupd (pid {os.getpid()}) has claimed 1 virtual router" in text, 4)
        assert hasup.log().count("has claimed 1 virtual router") == 1
    wait_for("no problem", problem, lambda text: not text, 4)
    second = Hasup(node, GOOD, name="second").start(launcher=place.launcher)
    assert second.program.wait(5) == 75, second.log()
    shutil.rmtree(f"{place.run}/hasup")
    wait_for("the problem", problem,
             lambda text: "/run/hasup/claims was removed" in text and "Restart hasupd" in text, 4)
    assert hasup.state() == "MASTER" and node.holds(VIP)
    assert hasup.stop()[0] == 0
