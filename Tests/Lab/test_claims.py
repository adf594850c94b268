"""Claims keep a second hasupd from the same virtual routers (docs/decisions, D35)."""

import fcntl
import os
import shutil
import struct
import threading
import time

from lab import conf
from lab.hasup import Hasup, binary
from lab.launch import unlockable
from lab.services import Table, real, service, wait_table
from lab.waiting import wait_for
from test_removed_files import GOOD
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


def problem(hasup):
    """What status says of it."""
    return " ".join(hasup.status().answer["daemon"]["problems"])


def test_the_file_of_claims_is_removed(lan):
    """A second hasupd with the same virtual routers would start: log and status say so until hasupd is restarted."""
    hasup, place, node = master(lan)
    second = Hasup(node, GOOD, name="second").start(launcher=place.launcher)
    assert second.program.wait(5) == 75, second.log()
    assert f"(pid {hasup.program.pid})" in second.log(), second.log()
    # What a reload gives up is free.
    assert hasup.reload(GOOD.replace("virtual_router_id 51", "virtual_router_id 52")).returncode == 0
    other = Hasup(node, GOOD.replace(VIP, OTHER), name="other").start(launcher=place.launcher)
    other.wait_state("MASTER")
    assert other.stop()[0] == 0
    os.unlink(place.claims)
    wait_for("the problem", lambda: problem(hasup),
             lambda text: "/run/hasup/claims was removed" in text and "Restart hasupd" in text, 4)
    assert hasup.cli("status").returncode == 1 and node.holds(VIP)
    assert wait_for("a line", lambda: hasup.log().count("claims was removed")) == 1
    assert hasup.stop()[0] == 0
    hasup.start(launcher=place.launcher)
    hasup.wait_state("MASTER")
    assert not problem(hasup) and hasup.stop()[0] == 0


def test_one_table(lan):
    """D68: one hasupd of a network namespace has virtual servers, with --ipvs-record, too: neither a start nor a reload brings
    a second one."""
    node = lan.node("a")
    place = Place(node)
    text = service(real(9001))
    tables = [Table(os.path.join(node.directory, f"table{number}")) for number in range(3)]
    hasup = Hasup(node, text).start("--ipvs-record", tables[0].path, launcher=place.launcher)
    wait_table(tables[0], {9001: 1})
    second = Hasup(node, text, name="second").start("--ipvs-record", tables[1].path, launcher=place.launcher)
    assert second.program.wait(20) == 75, second.log()
    assert f"(pid {hasup.program.pid}) has virtual servers in this network namespace already" in second.log(), second.log()
    assert not tables[1].lines()
    other = Hasup(node, GOOD, name="other").start("--ipvs-record", tables[2].path, launcher=place.launcher)
    other.wait_state("MASTER")
    refused = other.reload(GOOD + text)
    assert refused.returncode == 1 and f"(pid {hasup.program.pid}) has virtual servers" in refused.stdout + refused.stderr, refused
    assert not tables[2].lines() and other.stop()[0] == 0
    assert hasup.stop()[0] == 0
    # What is free may be had.
    third = Hasup(node, text, name="third").start("--ipvs-record", tables[1].path, launcher=place.launcher)
    wait_table(tables[1], {9001: 1})
    assert third.stop()[0] == 0


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


def test_an_upgrade_keeps_the_claims_without_their_file(lan):
    """The locks go with the descriptor: what runs then is still locked in the file that was removed, and says so."""
    hasup, place, node = master(lan)
    with open(place.claims, "r+b") as file:
        os.unlink(place.claims)
        assert hasup.cli("upgrade", bound=20).returncode == 0
        wait_for("the problem", lambda: problem(hasup), lambda text: "Restart hasupd" in text, 4)
        assert claim_holder(file) == hasup.program.pid
    assert hasup.state() == "MASTER" and node.holds(VIP)
    assert hasup.stop()[0] == 0


def test_a_kernel_without_room_for_locks(lan):
    """ENOLCK isn't another's claim: hasupd runs, and says that nothing keeps a second one away."""
    hasup, _, _ = master(lan, unlockable())
    sentence = "1 virtual router can't be locked in /run/hasup/claims: No locks available"
    wait_for("the problem", lambda: problem(hasup), lambda text: sentence in text, 4)
    assert hasup.log().count(sentence) == 1
    # Nothing that a reload adds is claimed either.
    more = conf.file(conf.instance("VI_1", vrid=51, version=3, advert=0.1, priority=200, vips=[f"{VIP}/24"]),
                     conf.instance("VI_2", vrid=52, version=3, advert=0.1, priority=200, vips=[f"{OTHER}/24"]))
    assert hasup.reload(more).returncode == 0
    wait_for("the other one", lambda: problem(hasup), lambda text: "2 virtual routers can't be locked" in text, 4)
    assert hasup.stop()[0] == 0
