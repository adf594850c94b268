"""Addresses and interfaces that come and go under the daemon."""

import os
import threading
import time

import pytest
from lab import conf
from lab.forge import LONG
from lab.hasup import Hasup
from lab.machine import late
from lab.net import Namespace
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"


@pytest.mark.parametrize("vip", ["10.0.0.100/24", "fd00::100/64"])
def test_a_deleted_address_comes_back(duo, lan, pair, sniffer, vip):
    """A1: deleted by hand on the master, it is back within 200 ms with an announcement and a log line."""
    address = vip.split("/")[0]
    a, _ = duo(vips=[vip], vip=address)
    sniffer.wait_advert(pair[0], count=3)
    lines = len(a.log().splitlines())
    begin = time.time()
    pair[0].netns.ip("address", "del", vip, "dev", "eth0")
    gone = time.monotonic()
    wait_for("the address", lambda: pair[0].holds(address), bound=0.5, step=0.002)
    assert time.monotonic() - gone < 0.2 + 0.02 + late()
    wait_for("an announcement", lambda: sniffer.announcements(address, pair[0], begin), bound=1)
    wait_for("a line", lambda: address in "\n".join(a.log().splitlines()[lines:]), bound=1)
    assert lan.holders(address) == ["a"]


def test_a_network_deleted_with_its_first_address_comes_back(duo, lan, pair, sniffer):
    """A1: `ip address del` of the first takes the others of its network with it; all are back, and nobody took over."""
    vips = [f"10.0.7.{number}/24" for number in range(1, 9)]
    a, b = duo(vips=vips, vip="10.0.7.1")
    wait_for("all addresses", lambda: [vip for vip in vips if not pair[0].holds(vip.split("/")[0])],
             lambda missing: not missing, 2)
    begin = time.time()
    pair[0].netns.ip("address", "del", vips[0], "dev", "eth0")
    wait_for("all addresses", lambda: [vip for vip in vips if not pair[0].holds(vip.split("/")[0])],
             lambda missing: not missing, 1)
    assert a.state() == "MASTER" and b.state() == "BACKUP"
    assert not sniffer.adverts(pair[1], since=begin)
    assert a.status().instance()["counters"]["became_master"] == 1


def test_somebody_who_keeps_removing_it(duo, lan, pair):
    """A1: against somebody who persists the peer takes over; neither log nor processor pay for it."""
    a, _ = duo(extra=["nopreempt"])
    before = cpu(a)
    for _ in range(300):
        pair[0].netns.ip("address", "del", f"{VIP}/24", "dev", "eth0", check=False)
    lan.wait_holder(VIP, "b", 3)
    assert cpu(a) - before < 1
    assert len([line for line in a.log().splitlines() if "was removed by another program" in line]) < 20


def test_an_address_on_another_interface_that_comes_later(duo, lan, pair, sniffer):
    """`dev` names an interface that doesn't exist and isn't tracked: told in log and status, set and announced when it
    appears."""
    extra = ["virtual_ipaddress_excluded {", "    10.0.8.1/24 dev eth7 no_track", "}"]
    a, _ = duo(extra=extra)
    address = a.status().instance()["excluded_addresses"][0]
    assert not address["installed"] and "no such interface; it is set when eth7 appears" in address["obstacle"]
    assert a.log().count("10.0.8.1/24 dev eth7: no such interface") == 1
    assert "no such interface" in a.cli("status").stdout
    for number in range(2):
        begin = time.time()
        pair[0].plug("eth7", f"p-a7{number}", address=False)
        wait_for("the address", lambda: pair[0].holds("10.0.8.1"), bound=1)
        wait_for("an announcement", lambda: sniffer.announcements("10.0.8.1", since=begin), bound=1)
        address = a.status().instance()["excluded_addresses"][0]
        assert address["installed"] and not address.get("obstacle"), address
        pair[0].netns.ip("link", "del", "eth7")
        wait_for("the complaint", lambda: a.status().instance()["excluded_addresses"][0].get("obstacle"), bound=1)
    assert a.state() == "MASTER" and lan.holders(VIP) == ["a"]


def test_an_address_that_was_there_is_never_removed(lan, pair):
    """docs/decisions, D14: found at the start, it stays at the stop, and status and log say so."""
    pair[0].netns.ip("address", "add", f"{VIP}/24", "dev", "eth0")
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    # It is MASTER before its addresses have been looked at in the kernel.
    wait_for("it's seen to be another program's", lambda: a.status().instance()["addresses"][0]["foreign"], bound=3)
    wait_for("a warning", lambda: VIP in a.log(), bound=3)
    a.stop()
    assert pair[0].holds(VIP)
    b = Hasup(pair[1], conf.simple(250, version=3, advert=0.1)).start()
    b.wait_state("MASTER")
    a.start()
    a.wait_state("BACKUP")
    hold_for("the address stays", lambda: pair[0].holds(VIP), seconds=0.5, step=0.05)


def test_link_down_and_up(duo, lan, pair):
    """A2: down is FAULT with its reason and the peer takes over; up leaves FAULT within 1 s."""
    a, _ = duo()
    for _ in range(20 if LONG else 3):
        pair[0].netns.ip("link", "set", "eth0", "down")
        a.wait_state("FAULT", bound=1)
        assert "eth0" in a.status().reason()
        lan.wait_holder(VIP, "b", 2)
        pair[0].netns.ip("link", "set", "eth0", "up")
        pair[0].netns.ip("address", "add", f"{pair[0].ip6}/64", "dev", "eth0", "nodad", check=False)
        wait_for("no FAULT", a.state, lambda state: state in ("BACKUP", "MASTER"), 1.2)
        lan.wait_holder(VIP, "a", 3)


def test_carrier_lost_and_back(duo, lan, pair):
    """A2: a pulled cable is FAULT, the peer takes over, and it comes back by itself."""
    a, _ = duo()
    lan.link(pair[0], False)
    a.wait_state("FAULT", bound=1)
    assert not pair[0].holds(VIP)
    lan.wait_holder(VIP, "b", 2)
    lan.link(pair[0], True)
    lan.wait_holder(VIP, "a", 4)


def test_interface_deleted_and_made_again(duo, lan, pair, sniffer):
    """A2: within 1 s of the new link being usable the instance has left FAULT on the new interface index."""
    a, _ = duo()
    for number in range(10 if LONG else 2):
        pair[0].netns.ip("link", "del", "eth0")
        a.wait_state("FAULT", bound=1)
        lan.wait_holder(VIP, "b", 2)
        pair[0].port = f"p-a{number}"
        pair[0].plug("eth0", pair[0].port)
        wait_for("no FAULT", a.state, lambda state: state in ("BACKUP", "MASTER"), 1.2)
        begin = time.time()
        lan.wait_holder(VIP, "a", 4)
        sniffer.wait_advert(pair[0], since=begin, bound=2)
    assert a.status().processes()["hasup-vrrp"]["restarts"] == 0


def test_interface_and_address_appear_after_the_start(lan):
    """A3: neither interface nor address at the start; backup within 1 s of the last of them, no busy retry."""
    node = lan.node("a")
    node.netns.ip("link", "del", "eth0")
    hasup = Hasup(node, conf.simple(200, version=3, advert=0.1)).start()
    hasup.wait_state("FAULT")
    before = cpu(hasup)
    node.port = "p-late"
    hold_for("FAULT without the link", hasup.state, lambda state: state == "FAULT", 1.0, 0.1)
    node.plug("eth0", node.port, address=False)
    hold_for("FAULT without the address", hasup.state, lambda state: state == "FAULT", 0.7, 0.1)
    assert cpu(hasup) - before < 0.3
    node.address("eth0")
    wait_for("no FAULT", hasup.state, lambda state: state in ("BACKUP", "MASTER"), 1.2)
    lan.wait_holder(VIP, "a", 3)


def test_a_unicast_source_that_is_not_here(lan, pair):
    """Behaviours §7: without its source address an instance is in FAULT, or both nodes would be MASTER; it comes back
    with the address, on whichever interface."""
    source = "10.0.0.77"
    extra = conf.unicast(source, pair[1].ip4)
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=extra)).start()
    b = Hasup(pair[1], conf.simple(100, version=3, advert=0.1, extra=conf.unicast(pair[1].ip4, source))).start()
    a.wait_state("FAULT")
    b.wait_state("MASTER")
    for interface in ("lo", "eth0"):
        pair[0].netns.ip("address", "add", f"{source}/32", "dev", interface)
        lan.wait_holder(VIP, "a", 3)
        b.wait_state("BACKUP")
        pair[0].netns.ip("address", "del", f"{source}/32", "dev", interface)
        a.wait_state("FAULT")
        lan.wait_holder(VIP, "b", 3)


def cpu(hasup):
    """Seconds of CPU that the daemon's processes have used."""
    ticks = 0
    for pid in hasup.program.family():
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            ticks += sum(int(field) for field in file.read().rpartition(")")[2].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def test_tracked_interface(lan, pair):
    """track_interface: the other interface down is FAULT, its return leaves it. A reload that begins to track one that is
    down takes the service away, and its exit status says so."""
    for node in pair:
        node.plug("eth1", f"p-{node.name}1", address=False)
    extra = ["track_interface {", "    eth1", "}"]
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=extra)).start()
    Hasup(pair[1], conf.simple(100, version=3, advert=0.1, extra=extra)).start()
    lan.wait_holder(VIP, "a")
    pair[0].netns.ip("link", "set", "eth1", "down")
    lan.wait_holder(VIP, "b", 2)
    a.wait_state("FAULT")
    assert "eth1" in a.status().reason()
    pair[0].netns.ip("link", "set", "eth1", "up")
    lan.wait_holder(VIP, "a", 4)
    assert a.reload(conf.simple(200, version=3, advert=0.1)).returncode == 0
    pair[0].netns.ip("link", "set", "eth1", "down")
    for options, status in ((), 1), (("--json",), 0):
        done = a.reload(conf.simple(200, version=3, advert=0.1, extra=extra), *options)
        told = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == status, told
        assert ("VI_1 is in FAULT because of this reload: tracked interface eth1 is down" in told) == bool(status), told


def test_ipv6_address_is_usable_at_once(duo, pair):
    """A4: never tentative, never failed; A5: a /128 is deprecated, so it's never a source."""
    a, _ = duo(vips=["fd00::100/128"], vip="fd00::100")
    flags = pair[0].address_info("fd00::100")
    assert not flags.get("tentative") and not flags.get("dadfailed")
    assert flags["preferred_life_time"] == 0
    assert a.state() == "MASTER"


@pytest.mark.alone
def test_links_of_a_neighbour_do_not_delay_adverts(duo, lan, pair, sniffer):
    """docs/decisions, D5: while another namespace makes and deletes links, no peer takes over."""
    a, b = duo(advert=0.05)
    other = Namespace("churn")
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            other.ip("link", "add", "c0", "type", "veth", "peer", "name", "c1", check=False)
            other.ip("link", "del", "c0", check=False)
    thread = threading.Thread(target=churn, daemon=True)
    begin = time.time()
    thread.start()
    try:
        hold_for("b is backup", lambda: sniffer.adverts(pair[1], since=begin), lambda seen: not seen, 5.0, 0.1)
    finally:
        stop.set()
        thread.join()
        other.delete()
    assert a.state() == "MASTER" and b.state() == "BACKUP"


def many(count, vrids, **options):
    """Instances with one address each, all of a network in which the machines have none."""
    blocks = [conf.instance(f"V{n}", vrid=n, version=3, advert=0.1, vips=[f"10.0.7.{n}/24"],
                            **{name: value(n) for name, value in options.items()})
              for n in range(1, count + 1) if n in vrids]
    return conf.file(*blocks)


def masters(daemon):
    return [report["name"] for report in daemon.status().answer["instances"] if report["state"] == "MASTER"]


def removals(monitor):
    """Addresses that `ip monitor` has seen going, in order."""
    return [line.split()[4].split("/")[0] for line in monitor.read_text().splitlines() if line.startswith("Deleted")]


def test_own_withdrawals_take_no_siblings(lan, tmp_path):
    """A1: where promote_secondaries is off, the kernel deletes a network with its first address. An instance that leaves
    takes only its own: by a reload that removes it, and one after the other when the peer preempts."""
    count = 24
    a, b = lan.node("a"), lan.node("b")
    watches = {}
    for node in (a, b):
        node.netns.sysctl("net.ipv4.conf.all.promote_secondaries", 0)
        node.netns.sysctl("net.ipv4.conf.eth0.promote_secondaries", 0)
        watches[node] = tmp_path / node.name
        node.spawn(["sh", "-c", f"exec ip monitor address dev eth0 >{watches[node]}"], "monitor")
    everything = range(1, count + 1)
    first = Hasup(a, many(count, everything, priority=lambda n: 100)).start()
    first.wait_state("MASTER", f"V{count}")
    wait_for("all of a", lambda: len(masters(first)), lambda seen: seen == count, 6)
    # Instances are removed one after the other, the network's first address first.
    left = set(everything)
    for gone in sorted(everything)[:7]:
        left.discard(gone)
        assert first.reload(many(count, left, priority=lambda n: 100)).returncode == 0
        wait_for("the addresses", lambda: [n for n in everything if a.holds(f"10.0.7.{n}")],
                 lambda seen: seen == sorted(left), 2)
        assert masters(first) == [f"V{n}" for n in sorted(left)]
    assert removals(watches[a]) == [f"10.0.7.{n}" for n in range(1, 8)]
    assert first.reload(many(count, everything, priority=lambda n: 100)).returncode == 0
    wait_for("all of a", lambda: len(masters(first)), lambda seen: seen == count, 6)
    # The peer takes one after the other: a normal failback.
    second = Hasup(b, many(count, everything, priority=lambda n: 200,
                           extra=lambda n: [f"preempt_delay {1 + n * 0.1:.1f}"])).start()
    second.wait_state("MASTER", f"V{count}", 12)
    wait_for("all of b", lambda: len(masters(second)), lambda seen: seen == count, 12)
    wait_for("none of a", lambda: [n for n in everything if a.holds(f"10.0.7.{n}")], lambda seen: not seen, 2)
    assert all(b.holds(f"10.0.7.{n}") for n in everything)
    assert len(removals(watches[a])) == 7 + count
    assert removals(watches[b]) == []
    for daemon in (first, second):
        assert "removed by somebody" not in daemon.log()
    reports = second.status().answer["instances"]
    assert all(report["counters"]["became_master"] == 1 for report in reports)
    assert a.netns.run("sysctl", "-n", "net.ipv4.conf.eth0.promote_secondaries").strip() == "0"
