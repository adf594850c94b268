"""Orders of operators: resign, takeover, maintenance (docs/decisions, D49; pain point F3)."""

import os
import re
import shutil
import signal
import statistics
import subprocess

import pytest
from lab import conf
from lab.forge import LONG
from lab.hasup import Hasup, binary
from lab.machine import late
from lab.peers import FRR, Keepalived
from lab.pings import Pings
from lab.varlink import Wire
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"
ROUNDS = 20 if LONG else 6


def order(hasup, *words, status=0, bound=30.0):
    """Gives an order; returns what is printed."""
    done = hasup.cli(*words, bound=bound)
    assert done.returncode == status, (words, done)
    return done.stdout.strip()


def what(hasup, name="VI_1"):
    """The order in force, as status has it."""
    return (hasup.status().instance(name).get("order") or {}).get("order")


def texts(hasup):
    """The lines of `hasup status`."""
    return " ".join(hasup.cli("status").stdout.split())


@pytest.mark.alone
@pytest.mark.parametrize("peer", [Hasup, Keepalived], ids=["hasup", "keepalived"])
def test_resign_without_a_lost_ping(lan, pair, peer):
    """F3: a client that pings each millisecond misses nothing, and neither does it when mastership comes back."""
    a = Hasup(pair[0], conf.simple(200, version=3)).start()
    lan.wait_holder(VIP, "a", 8)
    b = peer(pair[1], conf.simple(100, version=3)).start()
    client = lan.node("c")
    lost, silent = [], []
    for _ in range(ROUNDS):
        a.wait_state("MASTER")
        hold_for("one holder", lambda: not pair[1].holds(VIP), seconds=1.2)
        pings = Pings(client, VIP)
        said = order(a, "resign", "VI_1")
        assert re.fullmatch(r"10\.0\.0\.2 is MASTER after \d+ ms", said), said
        wait_for("the address on b", lambda: pair[1].holds(VIP) and not pair[0].holds(VIP))
        hold_for("b is MASTER", lambda: pair[1].holds(VIP), seconds=0.3)
        missing, gap = pings.end()
        lost.append(missing)
        silent.append(gap * 1000)
        assert a.state() == "BACKUP" and what(a) == "resigned"
        assert order(a, "takeover", "VI_1").startswith("MASTER after")
    print("lost", lost, "longest silence in ms", [round(gap, 1) for gap in silent])
    assert statistics.median(lost) == 0, (lost, silent)
    assert max(silent) <= 20 + late() * 1000, (lost, silent, late())
    assert b.running()


def test_resign_to_frr(lan, pair):
    """FRR claims by the priority 0, and hasup keeps the addresses until it is heard."""
    a = Hasup(pair[0], conf.simple(200, version=3)).start()
    b = FRR(pair[1], vrid=51, priority=100, version=3, vip4=VIP).start()
    a.wait_state("MASTER", bound=8)
    wait_for("FRR as backup", b.state, lambda state: state == "Backup", 8)
    assert order(a, "resign", "VI_1").startswith("10.0.0.2 is MASTER after ")
    wait_for("FRR as master", b.state, lambda state: state == "Master")
    hold_for("hasup leaves it alone", a.state, lambda state: state == "BACKUP", 5)
    # And takes over when it falls silent.
    b.kill()
    a.wait_state("MASTER", bound=8)
    assert what(a) is None


def test_a_resigned_router_preempts_again_after_takeover(duo, lan, pair):
    """A higher priority doesn't count until the order ends; status says who gave it and what ends it."""
    a, b = duo()
    assert order(a, "resign", "VI_1").startswith("10.0.0.2 is MASTER")
    hold_for("b stays", b.state, lambda state: state == "MASTER", 1.5)
    done = a.cli("status")
    assert done.returncode == 0, "an order alone is no trouble"
    assert re.search(r"order of \S+ ago: resigned by root; ends when the master falls silent", texts(a))
    entry = a.status().instance()["order"]
    assert entry["uid"] == 0 and entry["order"] == "resigned" and entry["unix_seconds"] > 1_600_000_000
    assert order(a, "takeover", "VI_1").startswith("MASTER after")
    lan.wait_holder(VIP, "a", 3)
    # It is above b by its own priority: nothing is added.
    assert a.status().instance()["priority"] == 200 and what(a) == "raised"
    events = [event for event in history(a) if event["kind"] == "order"]
    assert [event["text"].split(": ")[1] for event in events][:3] == [
        f"resigned by pid {pid(events[0])} (uid 0)", re.match(r"10\.0\.0\.2 is MASTER after \d+ ms", text(events[1]))[0],
        f"raised above the other routers by pid {pid(events[2])} (uid 0)"]


def history(hasup):
    """Events, the oldest first."""
    with Wire(hasup.control) as wire:
        return wire.call("io.hasup.History")["parameters"]["events"]


def text(event):
    """What an event says behind the name."""
    return event["text"].split(": ", 1)[1]


def pid(event):
    """The process that gave an order."""
    return re.search(r"pid (\d+)", event["text"])[1]


def test_nobody_takes_over(lan, sniffer):
    """It is MASTER again, and has been all the time: the addresses have never gone."""
    a = Hasup(lan.node("a"), conf.simple(version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    before = a.status().instance()["counters"]["became_master"]
    assert order(a, "resign", "VI_1", status=1) == "nobody took over; MASTER again"
    assert a.status().instance()["counters"]["became_master"] == before and what(a) is None
    assert lan.nodes["a"].holds(VIP)
    assert sorted({advert.priority for advert in sniffer.adverts()}) == [0, 100]


def test_nobody_takes_over_with_duplicate_address_detection(lan, sniffer):
    """A successor that detects duplicates would find our address: so it goes with the priority 0, and comes back."""
    node = lan.node("a")
    address = "fd00::100"
    a = Hasup(node, conf.simple(version=3, vips=[f"{address}/64 -nodad"])).start()
    wait_for("the address", lambda: node.holds(address), bound=8)
    command = node.netns.command(binary("hasup"), "resign", "--control", a.control, "VI_1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as resigning:
        wait_for("the priority 0", lambda: [advert for advert in sniffer.adverts(node) if advert.priority == 0])
        wait_for("no address", lambda: not node.holds(address), bound=0.5 + late())
        hold_for("nobody is given the time to find it", lambda: not node.holds(address), seconds=0.5)
        assert resigning.poll() is None, "it waits for a successor without the address"
        assert resigning.wait(10) == 1
        assert resigning.stdout.read().strip() == "nobody took over; MASTER again"
    wait_for("the address", lambda: node.holds(address))


def test_maintenance(duo, pair):
    """Whatever happens it isn't MASTER: not when the other falls silent, not over reload, crashes, upgrade."""
    a, b = duo()
    assert order(a, "maintenance", "on", "VI_1").startswith("10.0.0.2 is MASTER after ")
    assert a.cli("status").returncode == 0
    b.kill()
    wait_for("its silence", lambda: "nobody's" in texts(a), bound=3)
    assert a.cli("status").returncode == 1, "nobody has the address"
    hold_for("BACKUP", a.state, lambda state: state == "BACKUP", 1)
    assert a.reload(conf.simple(210, version=3, advert=0.1)).returncode == 0
    os.kill(a.worker(), signal.SIGKILL)
    hold_for("no address", lambda: not pair[0].holds(VIP), seconds=1)
    assert a.cli("upgrade", bound=20).returncode == 0
    hold_for("no address", lambda: not pair[0].holds(VIP), seconds=1)
    a.kill()
    a.start()
    a.wait_state("BACKUP")
    hold_for("BACKUP", a.state, lambda state: state == "BACKUP", 1)
    assert "in maintenance by root; ends by `hasup maintenance off VI_1`" in texts(a)
    assert order(a, "maintenance", "on", "VI_1") == "in maintenance already"
    assert order(a, "takeover", "VI_1", status=1).startswith("it is in maintenance: end that first")
    assert order(a, "maintenance", "off", "VI_1") == "not in maintenance any more"
    # The dead b still has it.
    wait_for("its address", lambda: pair[0].holds(VIP), bound=3)
    assert order(a, "maintenance", "off", "VI_1") == "it wasn't in maintenance"


def test_maintenance_of_all(lan):
    """It says that the addresses are nobody's, and holds."""
    node = lan.node("a")
    a = Hasup(node, conf.file(conf.instance("VI_1", version=3, advert=0.1),
                              conf.instance("VI_2", vrid=52, version=3, advert=0.1, vips=["10.0.0.101/24"]))).start()
    a.wait_state("MASTER")
    a.wait_state("MASTER", "VI_2")
    said = order(a, "maintenance", "on", "--all", status=1).splitlines()
    assert len(said) == 2 and all("nobody took over, so the addresses are nobody's" in line for line in said), said
    assert said[0].startswith("VI_1: ") and said[1].startswith("VI_2: ")
    hold_for("no address", lambda: not node.holds(VIP) and not node.holds("10.0.0.101"), seconds=1)
    assert order(a, "maintenance", "off", "--all").count("not in maintenance any more") == 2
    wait_for("the addresses", lambda: node.holds(VIP) and node.holds("10.0.0.101"))


def test_takeover(lan, pair):
    """nopreempt doesn't count, and the priority is above the master's until it isn't MASTER any more."""
    a = Hasup(pair[0], conf.simple(150, version=3, advert=0.1)).start()
    lan.wait_holder(VIP, "a", 5)
    b = Hasup(pair[1], conf.simple(100, version=3, advert=0.1, extra=["nopreempt"])).start()
    b.wait_state("BACKUP")
    wait_for("the master", lambda: b.status().instance().get("master"))
    assert order(b, "takeover", "VI_1").startswith("MASTER after")
    lan.wait_holder(VIP, "b", 2)
    hold_for("b stays", b.state, lambda state: state == "MASTER", 1.5)
    assert b.status().instance()["priority"] == 151 and "takeover = 151" in texts(b)
    assert order(b, "takeover", "VI_1") == "MASTER already"
    assert order(b, "resign", "VI_1").startswith("10.0.0.1 is MASTER")
    assert b.status().instance()["priority"] == 100
    # Its end is known by itself, too.
    assert order(b, "takeover", "VI_1").startswith("MASTER after")
    assert a.reload(conf.simple(220, version=3, advert=0.1)).returncode == 0
    b.wait_state("BACKUP")
    assert what(b) is None and b.status().instance()["priority"] == 100


def test_takeover_above_254(lan, pair):
    """Nothing is above but an owner."""
    a = Hasup(pair[0], conf.simple(254, version=3, advert=0.1)).start()
    lan.wait_holder(VIP, "a", 5)
    b = Hasup(pair[1], conf.simple(100, version=3, advert=0.1)).start()
    b.wait_state("BACKUP")
    wait_for("the master", lambda: b.status().instance().get("master"))
    said = order(b, "takeover", "VI_1", status=1)
    assert said.startswith("10.0.0.1 is MASTER with priority 254"), said
    assert what(b) is None and a.state() == "MASTER"


def test_names(lan):
    """An unknown name gets the nearest, none and two are refused."""
    a = Hasup(lan.node("a"), conf.simple(version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    done = a.cli("resign", "VI_2")
    assert done.returncode == 1 and "there is no instance or sync group 'VI_2'. Did you mean 'VI_1'?" in " ".join(done.stderr.split())
    assert a.cli("resign").returncode == 64
    assert a.cli("resign", "VI_1", "--all").returncode == 64
    assert a.cli("maintenance", "over", "VI_1").returncode == 64
    assert a.state() == "MASTER" and what(a) is None


def test_access(lan):
    """Orders are for those who may reload: others read status only."""
    a = Hasup(lan.node("a"), conf.simple(version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    os.chmod(a.run_dir, 0o755)
    os.chmod(a.control, 0o666)
    for words in (["resign", "VI_1"], ["takeover", "VI_1"], ["maintenance", "on", "--all"]):
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", binary("hasup"), words[0],
                   "--control", a.control, *words[1:]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1 and "only root and members of the group 'hasup'" in done.stderr, done
    assert a.state() == "MASTER" and what(a) is None


def test_a_worker_dies_while_it_resigns(lan, sniffer):
    """In no record: the successor is given the order again, and goes on."""
    node = lan.node("a")
    a = Hasup(node, conf.simple(version=3)).start()
    a.wait_state("MASTER", bound=8)
    command = node.netns.command(binary("hasup"), "resign", "--control", a.control, "VI_1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as resigning:
        wait_for("the priority 0", lambda: [advert for advert in sniffer.adverts() if advert.priority == 0])
        assert a.status().instance()["resigning"]
        os.kill(a.worker(), signal.SIGKILL)
        assert resigning.wait(10) == 1
        assert resigning.stdout.read().strip() == "nobody took over; MASTER again"
    assert len([advert for advert in sniffer.adverts() if advert.priority == 0]) == 2
    assert a.state() == "MASTER" and node.holds(VIP)


def test_orders_survive_a_restart(kept_duo, pair):
    """`systemctl restart`: the next hasupd finds them in the run directory, and its worker obeys from the start."""
    a, b, store = kept_duo()
    order(a, "resign", "VI_1")
    store.restart()
    a.wait_state("BACKUP", bound=8)
    hold_for("b stays", b.state, lambda state: state == "MASTER", 1.5)
    assert what(a) == "resigned"


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"form":9,"boot":"x"}'], ids=["empty", "half", "list", "form"])
def test_a_spoiled_file(lan, content):
    """It is told, and there are no orders."""
    node = lan.node("a")
    a = Hasup(node, conf.simple(version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    order(a, "maintenance", "on", "VI_1", status=1)
    a.kill()
    path = os.path.join(a.run_dir, "orders")
    with open(path, "rb") as file:
        boot = re.search(rb'"boot":"([^"]*)"', file.read())[1]
    with open(path, "wb") as file:
        file.write(content.replace(b'"x"', b'"' + boot + b'"'))
    a.start()
    a.wait_state("MASTER", bound=8)
    assert (not content) or "orders of the former hasupd are lost" in a.log()
    order(a, "maintenance", "on", "VI_1", status=1)
    assert what(a) == "maintenance"


def test_a_removed_file(lan):
    """SIGHUP writes it again."""
    node = lan.node("a")
    a = Hasup(node, conf.simple(version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    order(a, "maintenance", "on", "VI_1", status=1)
    shutil.rmtree(a.run_dir)
    a.hangup()
    wait_for("the file", lambda: os.path.exists(os.path.join(a.run_dir, "orders")))
    assert what(a) == "maintenance"
