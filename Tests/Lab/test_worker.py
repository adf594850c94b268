"""Crashes and hangs of the VRRP worker: replaced, nothing leaked, no orphan address."""

import os
import re
import signal
import time

import pytest
from lab import conf
from lab.hasup import OPTIMIZED, Hasup, descriptors
from lab.hostile import STAMP, Page
from lab.program import alive, children, end_processes
from lab.waiting import wait_for

VIP = "10.0.0.100"


def replaced(hasup, old, bound=3.0):
    """Waits until another VRRP worker runs, and returns its pid."""
    return wait_for("a new hasup-vrrp", lambda: hasup.roles().get("hasup-vrrp", []),
                    lambda pids: len(pids) == 1 and pids[0] != old, bound)[0]


def zombies(pid):
    """Children that ended and weren't waited for."""
    return [child for child in children(pid) if not alive(child)]


def test_kill_9_of_the_worker(duo, lan):
    """T6: the worker of the master is replaced, and the address has one holder, the same (more: test_continuity)."""
    a, _ = duo()
    old = a.worker()
    os.kill(old, signal.SIGKILL)
    replaced(a, old)
    lan.wait_holder(VIP, "a", 3)
    assert a.status().processes()["hasup-vrrp"]["restarts"] == 1
    assert a.running()


def test_kill_9_with_a_large_configuration(lan):
    """D29: decoding it takes longer than the realtime fuse of 0.2 s, and a worker that does is no worker that spins."""
    node, each = lan.node("a"), 40 if OPTIMIZED else 6
    for number in range(0, 18, 2):
        node.netns.ip("link", "add", f"down{number}", "type", "veth", "peer", "name", f"down{number + 1}")
    large = [conf.instance(f"I{n}", vrid=n % 255 + 1, interface=f"down{n // 255}",
                           vips=[f"10.{100 + (n >> 8)}.{n & 255}.{k}/32" for k in range(1, each + 1)])
             for n in range(4_000)]
    def text(priority):
        return conf.file(conf.instance(priority=255, version=3, vips=(f"{VIP}/24",)),
                         conf.instance("OTHER", vrid=99, priority=priority, interface="down16", vips=("10.9.0.1/32",)), *large)
    a = Hasup(node, text(100)).start()
    wait_for("the address", lambda: node.holds(VIP), bound=20)
    worker = a.worker()
    assert os.sched_getscheduler(worker) == os.SCHED_FIFO, "it isn't realtime here"
    # In force for what it does from now on; it can be lengthened again.
    assert wait_for("the short fuse", lambda: fuse(worker), lambda limits: limits[0] == 200_000, 2)[1] == 5_000_000
    os.kill(worker, signal.SIGKILL)
    fresh = replaced(a, worker)
    log = wait_for("its end is told", a.log, lambda log: "replaced, resumed 1 master, 4001 backups" in log, 10)
    assert a.worker() == fresh and "without a snapshot" not in log
    assert log.count("hasup-vrrp ended") == 1 and "signal 24" not in log, log[-1000:]
    wait_for("the short fuse", lambda: fuse(fresh), lambda limits: limits[0] == 200_000, 2)
    node.write("hasup.conf", text(101))
    done = a.cli("reload", bound=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert a.worker() == fresh and a.log().count("hasup-vrrp ended") == 1
    wait_for("the short fuse", lambda: fuse(fresh), lambda limits: limits[0] == 200_000, 2)
    assert node.holds(VIP)


def fuse(pid):
    """RLIMIT_RTTIME of a process, soft and hard, in microseconds."""
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("Max realtime timeout"))
    return tuple(int(word) for word in line.split()[3:5])


def test_sigstop_of_the_worker(duo, lan, pair):
    """T3: a worker that hangs is killed by the watchdog and replaced; there is one holder soon after."""
    a, _ = duo()
    old = a.worker()
    os.kill(old, signal.SIGSTOP)
    replaced(a, old)
    assert not alive(old)
    lan.wait_holder(VIP, "a", 3)
    told = r"was ended by hasupd \(its loop has stood still for [\d.]+ m?s\): replaced, resumed .*[\d.]+ ms after its last"
    wait_for("its end is told", a.log, lambda log: re.search(told, log))
    assert re.search(told, " ".join(a.cli("history").stdout.split()))


@pytest.mark.alone
@pytest.mark.parametrize("advert", [0.1, 0.01])
def test_a_stalled_machine_is_no_hung_worker(lan, advert):
    """D13: hasupd and its worker stop together and go on together, hasupd first: the worker isn't blamed."""
    a = Hasup(lan.node("a"), conf.simple(200, version=3, advert=advert)).start()
    a.wait_state("MASTER")
    worker, page = a.worker(), Page(a.worker())
    try:
        for number in range(20):
            for pid in (worker, a.program.pid):
                os.kill(pid, signal.SIGSTOP)
            # No condition ends a pause: it is the time itself. A worker that stamps is at work again.
            time.sleep(0.2)
            stamp = page.word(STAMP)
            for pid in (a.program.pid, worker):
                os.kill(pid, signal.SIGCONT)
            wait_for("the worker at work", lambda: page.word(STAMP), lambda now: now > stamp + 5e8 * advert, 3)
            # Several pieces of a pause, as a hypervisor deals them out.
            for _ in range(3):
                for pid in (worker, a.program.pid):
                    os.kill(pid, signal.SIGSTOP)
                time.sleep(0.9 * max(0.005, advert / 2))
                for pid in (a.program.pid, worker):
                    os.kill(pid, signal.SIGCONT)
            assert a.worker() == worker, f"pause {number}: {a.log()[-600:]}"
        wait_for("the worker at work", lambda: page.word(STAMP), lambda now: now > stamp + 5e8 * advert, 3)
    finally:
        page.close()
    assert a.worker() == worker and "is replaced" not in a.log(), a.log()[-600:]
    # One that hangs is found as ever.
    os.kill(worker, signal.SIGSTOP)
    replaced(a, worker)


def test_sigstop_of_everything(duo, lan):
    """T3: a frozen node that wakes up finds another master: there is one holder at once."""
    a, b = duo(first={"priority": 100}, second={"priority": 99})
    lan.nodes["b"].netns.ip("neigh", "flush", "all")
    family = a.program.family()
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    b.wait_state("MASTER", bound=3)
    for pid in reversed(family):
        os.kill(pid, signal.SIGCONT)
    wait_for("one holder", lambda: lan.holders(VIP), lambda seen: len(seen) == 1, 2)


def test_twenty_kills_leak_nothing(duo, lan):
    """C4: after twenty deaths of the worker the daemon has no descriptor and no zombie more than before."""
    a, _ = duo()
    worker = a.worker()
    os.kill(worker, signal.SIGKILL)
    worker = replaced(a, worker)
    lan.wait_holder(VIP, "a", 3)
    before = descriptors(a.program.pid)
    for _ in range(20):
        os.kill(worker, signal.SIGKILL)
        worker = replaced(a, worker, bound=5)
        lan.wait_holder(VIP, "a", 5)
    wait_for("as many descriptors as before", lambda: descriptors(a.program.pid), lambda count: count <= before, 2)
    wait_for("no zombie", lambda: zombies(a.program.pid), lambda found: found == [], 2)
    assert a.status().processes()["hasup-vrrp"]["restarts"] == 21


def test_the_worker_does_not_outlive_a_killed_supervisor(duo, pair, lan):
    """C2: with the supervisor killed the worker hands over, removes the address and ends."""
    a, b = duo()
    worker = a.worker()
    os.kill(a.program.pid, signal.SIGKILL)
    wait_for("the worker's end", lambda: alive(worker), lambda lives: not lives, 10)
    assert not pair[0].holds(VIP)
    b.wait_state("MASTER")


def test_leftovers_of_a_total_death_go_at_the_next_start(duo, lan, pair, sniffer):
    """T6: with everything killed the address stays; the next start removes it before it sends or judges an advert."""
    a, b = duo()
    a.kill()
    b.wait_state("MASTER")
    assert pair[0].holds(VIP)
    pair[0].write("hasup.conf", conf.simple(50, version=3, advert=0.1))
    begin = time.time()
    a.start()
    lan.wait_holder(VIP, "b", 2)
    a.wait_state("BACKUP")
    assert not sniffer.adverts(pair[0], since=begin)


def test_a_pid_that_is_in_a_file_means_nothing(duo, pair):
    """C1: with the run directory left over by a kill, the next start works."""
    a, _ = duo()
    end_processes(list(reversed(a.program.family())))
    a.program.process.wait(5)
    a.start()
    a.wait_state("MASTER")


def test_an_address_that_left_the_file_goes_too(lan, pair):
    """Of a total death: its address is in the ledger, though the new file doesn't name it any more; others stay."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, vips=["10.0.0.100/24"])).start()
    lan.wait_holder("10.0.0.100", "a", 3)
    pair[0].netns.ip("address", "add", "10.0.0.99/24", "dev", "eth0")
    pair[0].kill_everything()
    a.program.process.wait(5)
    assert pair[0].holds("10.0.0.100")
    pair[0].write("hasup.conf", conf.simple(200, version=3, advert=0.1, vips=["10.0.0.101/24"]))
    a.start()
    lan.wait_holder("10.0.0.101", "a", 3)
    assert not pair[0].holds("10.0.0.100")
    assert pair[0].holds("10.0.0.99")
    assert "10.0.0.100" in a.log()
    a.stop()
    assert not [name for name in os.listdir(a.run_dir) if name.startswith("ledger")]


def test_a_forced_stop_leaves_no_address(lan, pair):
    """A worker that doesn't hand over is killed, its address is taken away, and the exit status says that it was so."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=10, vips=["10.0.0.100/24"])).start()
    a.wait_state("MASTER", bound=40)
    os.kill(a.worker(), signal.SIGSTOP)
    status, _ = a.stop(bound=10)
    assert status == 70
    assert not pair[0].holds("10.0.0.100")


def test_a_reload_follows_a_worker_that_dies_over_it(lan, pair):
    """A worker that hangs when the reload comes is replaced; the reload is over when its successor runs the new file."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    old = a.worker()
    os.kill(old, signal.SIGSTOP)
    done = a.reload(conf.simple(150, version=3, advert=0.1))
    assert done.returncode == 0, done.stdout + done.stderr
    assert replaced(a, old)
    assert a.status().answer["daemon"]["configuration_generation"] == 2
    assert a.status().instance()["base_priority"] == 150
    a.wait_state("MASTER")


def test_no_worker_without_an_instance(lan):
    """With virtual servers alone there is nothing for a VRRP worker to do; a reload that brings an instance starts it."""
    node = lan.node("a")
    services = "virtual_server 10.0.0.200 80 {\n    protocol TCP\n    real_server 10.0.0.9 80 {\n    }\n}\n"
    a = Hasup(node, services).start("--ipvs-record", os.path.join(node.directory, "table"))
    wait_for("an answer", lambda: a.cli("status").returncode, lambda code: code == 0, 5)
    assert "hasup-vrrp" not in a.roles() and "hasup-vrrp" not in a.cli("status", "--processes").stdout
    for number in range(20):
        # Nothing of what a worker would have to take away is kept.
        assert a.reload(services.replace("0.0.9", f"0.0.{10 + number}")).returncode == 0
    assert "hasup-vrrp" not in a.roles()
    assert a.reload(services + conf.simple(150, version=3, advert=0.1)).returncode == 0
    a.wait_state("MASTER")
    assert a.reload(services).returncode == 0
    wait_for("the address's end", lambda: node.holds(VIP), lambda held: not held, 3)
    assert a.cli("status").returncode == 0 and a.stop()[0] == 0
