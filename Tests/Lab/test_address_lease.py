"""`address_lease`: the kernel removes the addresses of a hasup that is dead or hangs (docs/decisions, D16)."""

import os
import signal
import time

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.machine import late
from lab.pings import Pings
from lab.program import descendants
from lab.waiting import hold_for, wait_for

VIP, SECOND = "10.0.0.100", "fd00:10::100"
LEASE = 3
# The kernel counts whole seconds, and looks once a second at most.
GRANULARITY = 1.1


def lines(*others):
    """The keyword as keepalived takes it, and an address that isn't advertised."""
    return ["@hasup address_lease", *others]


def family(hasup):
    """All of its processes, hasupd first."""
    return [hasup.program.pid, *descendants(hasup.program.pid)]


def lifetime(node, address):
    """The seconds that an address has left; None for ever, 0 without it."""
    for link in node.netns.ip_json("address", "show", "dev", "eth0"):
        for info in link["addr_info"]:
            if info.get("local") == address:
                return None if info["valid_life_time"] > 1_000_000 else info["valid_life_time"]
    return 0


def stop(hasup):
    """SIGSTOP of everything: hasupd first, so that it doesn't replace a worker that hangs."""
    pids = family(hasup)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return pids


@pytest.mark.parametrize("death", ["kill", "stop"])
def test_the_kernel_drops_a_dead_masters_address(duo, lan, pair, death):
    """T6: nothing of hasup runs, and nobody starts it again: its addresses are gone after the lease and a second, and a
    client's traffic goes on to the peer. Thawed it doesn't serve again beside the new master."""
    excluded = ["virtual_ipaddress_excluded {", SECOND + "/64", "}"]
    a, b = duo(extra=lines(*excluded))
    client = lan.node("c")
    wait_for("both addresses", lambda: [lifetime(pair[0], each) for each in (VIP, SECOND)],
             lambda seen: all(each in (2, 3) for each in seen), 3)
    pings = Pings(client, VIP)
    begin, pids = time.monotonic(), []
    if death == "kill":
        a.kill()
    else:
        pids = stop(a)
    gone = {}
    while len(gone) < 2 and time.monotonic() - begin < 10:
        for address in (VIP, SECOND):
            if address not in gone and not pair[0].holds(address):
                gone[address] = time.monotonic() - begin
        time.sleep(0.01)
    print(f"{death}: gone after", {address: round(after, 2) for address, after in gone.items()})
    assert len(gone) == 2 and max(gone.values()) < LEASE + GRANULARITY + late()
    # Renewed a third of the lease ago at most.
    assert min(gone.values()) > LEASE * 2 / 3 - 0.1
    b.wait_state("MASTER")
    assert lan.holders(VIP) == ["b"]
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    if pids:
        wait_for("a to answer", lambda: a.state() in ("MASTER", "BACKUP"), bool, 10)
        # By its priority it preempts in time; it hasn't gone on.
        assert "stood still for longer than its address_lease" in wait_for(
            "its end as MASTER", a.log, lambda log: "MASTER -> BACKUP" in log, 5)
        assert "by another program" not in a.log()
        wait_for("one holder", lambda: len(lan.holders(VIP)), lambda count: count == 1, 5)
    missed, gap = pings.end()
    print(f"{death}: the client missed {missed} pings, {gap * 1000:.0f} ms at most")
    # The neighbours follow the peer at once, whether the dead one has the address or not.
    assert gap < 1 + late()


def test_without_a_lease_it_stays(duo, pair):
    """The same without the keyword."""
    a, b = duo()
    assert lifetime(pair[0], VIP) is None
    a.kill()
    b.wait_state("MASTER")
    hold_for("the address", lambda: pair[0].holds(VIP), bool, LEASE + GRANULARITY)


def test_a_living_master_keeps_it(duo, lan, pair, watched):
    """It never goes, renewals are no news to anybody, and the worker's and hasupd's death change nothing."""
    a, b = duo(extra=lines())
    lan.wait_holder(VIP, "a")
    watched.added.clear()
    before = len(a.log())
    hold_for("a lifetime", lambda: lifetime(pair[0], VIP), lambda left: left is not None and left >= 2, 7)
    assert a.log()[before:] == "" and not watched.removed
    status = a.status().instance()
    assert status["address_lease_seconds"] == LEASE and status["lease_age_seconds"] < LEASE / 3 + late()
    assert "the kernel ends its addresses 3" in a.cli("status").stdout
    for _ in range(3):
        old = a.worker()
        os.kill(old, signal.SIGKILL)
        wait_for("another worker", lambda: a.roles().get("hasup-vrrp", []), lambda pids: len(pids) == 1 and pids != [old], 5)
        hold_for("a lifetime", lambda: lifetime(pair[0], VIP), lambda left: left is not None and left >= 1, 2)
    assert not watched.removed and lan.holders(VIP) == ["a"] and b.state() == "BACKUP"


def test_hasupds_restart_is_shorter_than_the_lease(kept_duo, lan, pair, watched):
    """hasupd dies and comes back, and its file changes meanwhile: the worker goes on, the address stays."""
    a, b, store = kept_duo(extra=lines(), advert=1)
    for _ in range(3):
        store.restart()
        a.wait_state("MASTER", bound=10)
        hold_for("a lifetime", lambda: lifetime(pair[0], VIP), lambda left: left is not None and left >= 1, 3)
    assert not watched.removed and lan.holders(VIP) == ["a"] and b.state() == "BACKUP"


def test_reloads_edit_it_in_place(duo, pair, watched):
    """The keyword comes, changes and goes: the address is never removed."""
    a, _ = duo()
    watched.removed.clear()
    for extra, wanted in ((lines(), (2, 3)), (["@hasup address_lease 20"], tuple(range(13, 21))), ([], (None,)), (lines(), (2, 3))):
        done = a.reload(conf.simple(200, version=3, advert=0.1, extra=extra))
        assert done.returncode == 0, done.stdout + done.stderr
        wait_for("the lifetime", lambda: lifetime(pair[0], VIP), lambda left, wanted=wanted: left in wanted, 3)
    assert not watched.removed and "by another program" not in a.log()


def test_others_addresses_are_left_alone(lan, pair):
    """An address that another program has added serves, and gets no lifetime; one that would go with ours keeps us from
    giving ours one."""
    node = pair[0]
    node.netns.sysctl("net.ipv4.conf.all.promote_secondaries", 0)
    node.netns.sysctl("net.ipv4.conf.eth0.promote_secondaries", 0)
    node.netns.ip("address", "add", "10.0.0.101/24", "dev", "eth0")
    a = Hasup(node, conf.simple(200, version=3, advert=0.1, extra=lines(),
                                vips=["10.9.0.100/24", "10.0.0.101/24"])).start()
    a.wait_state("MASTER")
    wait_for("a lifetime", lambda: lifetime(node, "10.9.0.100"), lambda left: left in (2, 3), 3)
    hold_for("no lifetime", lambda: lifetime(node, "10.0.0.101"), lambda left: left is None, 2)
    node.netns.ip("address", "add", "10.9.0.1/24", "dev", "eth0")
    wait_for("no lifetime", lambda: lifetime(node, "10.9.0.100"), lambda left: left is None, 3)
    assert "10.9.0.100 has no lease" in a.log() and "10.9.0.100" in a.log()
    assert a.status().instance()["endless_addresses"] == 1
    node.netns.ip("address", "del", "10.9.0.1/24", "dev", "eth0")
    wait_for("a lifetime", lambda: lifetime(node, "10.9.0.100"), lambda left: left in (2, 3), 3)
    a.kill()
    wait_for("the end", lambda: node.holds("10.9.0.100"), lambda held: not held, LEASE + GRANULARITY + 1)
    assert node.holds("10.0.0.101") and node.holds("10.0.0.1")


def test_keepalived_reads_the_file(pair):
    """D100: the line is none of its own."""
    path = pair[0].write("keepalived.conf", conf.simple(100, extra=["@hasup address_lease 5"]))
    # It raises for another exit status than 0.
    pair[0].netns.run("keepalived", "-t", "-f", path)
