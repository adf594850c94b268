"""hasupd dies or is restarted, and the peers don't notice (docs/decisions, D9, D10)."""

import os
import signal
import time

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.store import USUAL, PARK
from lab.undisturbed import AddressWatch, Undisturbed, changes
from lab.waiting import wait_for

VIP = "10.0.0.100"
LONG = bool(os.environ.get("LONG"))
TIMES = 20 if LONG else 5


@pytest.mark.parametrize("interval", [1, 0.1])
@pytest.mark.parametrize("number", [signal.SIGKILL, PARK], ids=["killed", "parked"])
def test_started_again_from_the_store(kept_duo, pair, sniffer, watched, interval, number):
    """kill -9 of hasupd, and `systemctl restart` by the unit's RestartKillSignal."""
    a, b, store = kept_duo(advert=interval)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    for _ in range(TIMES):
        assert store.end(number) == (0 if number == PARK else -signal.SIGKILL)
        time.sleep(0.1)
        store.start()
        same.goes_on(interval)
        assert store.names() == USUAL
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


def test_park_without_a_store_hands_over(duo, pair, lan, sniffer):
    """Nobody would keep anything: priority 0, as for SIGTERM."""
    a, b = duo(advert=1)
    begin = time.time()
    a.program.signal(PARK)
    assert a.program.wait(4) == 0
    assert "there is no descriptor store" in a.log()
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
    assert store.names() == USUAL
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
        assert "The old configuration stays in force" in " ".join(a.cli("status").stdout.split())
        assert "The old configuration stays in force" in a.log()
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


@pytest.mark.parametrize("way", ["killed at once", "killed later", "parked"])
def test_what_kills_each_hasupd_that_reads_it_is_dropped(lan, stores, way):
    """D11: a fourth hasupd that was killed before its worker had worked leaves its page to nobody. An orderly end counts
    for nothing, nor does the death of one that has lived with the page for a while."""
    # It listens for longer than this takes, so that no worker has worked.
    a = Hasup(lan.node("a"), conf.simple(100, version=3, advert=10))
    store = stores(a)
    store.start()
    a.wait_state("BACKUP")
    note = os.path.join(a.run_dir, "vrrp-worker")

    def deaths():
        with open(note, encoding="ascii") as file:
            return int(file.read().split()[3])
    for times in range(1, 6):
        if way == "killed later":
            wait_for("the page to have passed", deaths, lambda count: count == 1, 3)
        store.end(PARK if way == "parked" else signal.SIGKILL)
        store.start()
        wait_for("hasupd", a.log, lambda log, times=times: log.count(" started: ") == times + 1, 3)
        wait_for("a note", deaths, lambda count: count > 0, 3)
        dropped = way == "killed at once" and times >= 4
        assert ("starts without a snapshot" in a.log()) == dropped, (times, a.log()[-1000:])
    assert a.log().count("starts without a snapshot") == (way == "killed at once")


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
    wait_for("the new address", lambda: pair[0].holds("10.0.0.103"), bound=1)
    assert pair[0].holds("10.0.0.102") and not pair[0].holds("10.0.0.101")
    assert not watch.removed
    watch.close()
