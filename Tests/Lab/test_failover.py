"""Takeover, hand-over and failback between two hasup nodes."""

import time

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.machine import late
from lab.sniffer import dissect, dissected
from lab.waiting import hold_for, wait_for

VIP, VIP6 = "10.0.0.100", "fd00::100"


def master_down(advert, priority=100, version=3):
    """The protocol's master-down time."""
    return 3 * advert + (256 - priority) / 256 * (1 if version == 2 else advert)


@pytest.mark.parametrize("version,advert,vip", [
    (2, 1, f"{VIP}/24"), (3, 0.1, f"{VIP}/24"), (3, 0.01, f"{VIP}/24"), (3, 0.1, f"{VIP6}/64")],
    ids=["v2-1s", "v3-0.1s", "v3-0.01s", "v3-ipv6-0.1s"])
def test_kill_9_of_everything(duo, pair, sniffer, version, advert, vip):
    """The backup takes over after the protocol's time, not earlier, at most 10 ms later, and announces the address."""
    address = vip.split("/")[0]
    a, b = duo(version=version, advert=advert, vips=[vip], vip=address)
    sniffer.wait_advert(pair[0], count=5, bound=8)
    a.kill()
    seconds = sniffer.takeover(*pair)
    expected = master_down(advert, version=version)
    assert expected - 0.001 <= seconds <= expected + 0.01 + late(), (seconds, late())
    wait_for("the announcement", lambda: sniffer.announcements(address, pair[1]), bound=1)
    assert pair[1].holds(address)
    status = b.status()
    assert status.state() == "MASTER"
    assert status.reason(), "status says why"


def test_the_address_comes_as_configured(duo, pair):
    """Prefix, device and label of the address are those of the file; it is gone after the hand-over."""
    a, _ = duo(vips=[f"{VIP}/25 dev eth0 label eth0:1"])
    info = pair[0].address_info(VIP)
    assert info["prefixlen"] == 25 and info["dev"] == "eth0" and info["label"] == "eth0:1"
    a.stop()
    assert not pair[0].holds(VIP)


@pytest.mark.parametrize("version,advert", [(2, 1), (3, 0.1)])
def test_graceful_stop_hands_over(duo, pair, sniffer, version, advert):
    """SIGTERM: priority 0, address removed, exit 0 without a second of waiting; the peer is master after its skew."""
    a, _ = duo(version=version, advert=advert)
    status, seconds = a.stop()
    assert status == 0
    assert seconds < 0.3 + late()
    assert not pair[0].holds(VIP)
    skew = 156 / 256 * (1 if version == 2 else advert)
    taken = sniffer.takeover(*pair)
    assert sniffer.adverts(pair[0])[-1].priority == 0
    assert skew - 0.001 <= taken <= skew + 0.02 + late(), (taken, late())


def test_failback_with_preemption(duo, lan, pair):
    """The node with the higher priority takes the address back when it returns."""
    a, b = duo()
    a.kill()
    lan.wait_holder(VIP, "b", 2) if not pair[0].holds(VIP) else b.wait_state("MASTER")
    Hasup(pair[0], conf.simple(200, version=3, advert=0.1)).start()
    lan.wait_holder(VIP, "a", 4)
    b.wait_state("BACKUP")


def test_nopreempt_leaves_the_master_alone(duo, lan, pair, sniffer):
    """With nopreempt the returning node stays backup, and its status says why."""
    a, b = duo(extra=["nopreempt"])
    a.stop()
    lan.wait_holder(VIP, "b")
    again = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=["nopreempt"])).start()
    again.wait_state("BACKUP")
    since = time.time()
    hold_for("only b holds the address", lambda: lan.holders(VIP), lambda seen: seen == ["b"], 1.5, 0.05)
    assert not sniffer.adverts(pair[0], since=since)
    assert b.state() == "MASTER"
    assert "nopreempt" in again.status().instance()["why_not_master"]["text"]


def test_preempt_delay_waits_then_preempts(duo, lan, pair, sniffer):
    """p37, T7 (b): preempt_delay delays displacing a live master with a lower priority, by itself and by no timer's rest."""
    a, _ = duo(advert=0.5)
    a.stop()
    lan.wait_holder(VIP, "b")
    begin = time.time()
    again = Hasup(pair[0], conf.simple(200, version=3, advert=0.5, extra=["preempt_delay 2"])).start()
    again.wait_state("BACKUP")
    running = time.time()
    first = sniffer.wait_advert(pair[0], since=begin, bound=6)
    # It runs from the first advert that a hears, which comes within an interval of its start.
    assert begin + 2 <= first.time <= running + 2.5 + late(), (first.time - begin, first.time - running)
    lan.wait_holder(VIP, "a")


def test_preempt_delay_does_not_delay_an_orphan(lan, sniffer):
    """T7 (c): without a master there is nothing to wait for."""
    node = lan.node("a")
    begin = time.time()
    Hasup(node, conf.simple(200, version=3, advert=0.1, extra=["preempt_delay 30"])).start()
    assert sniffer.wait_advert(node, bound=3).time - begin < 1.5


def test_dual_master(lan, pair, sniffer):
    """Two addresses, two masters; when one node dies the other has both, and gives one back."""
    def config(first, second):
        return conf.file(conf.instance("VI_1", vrid=51, priority=first, version=3, advert=0.1, vips=["10.0.0.101/24"]),
                         conf.instance("VI_2", vrid=52, priority=second, version=3, advert=0.1, vips=["10.0.0.102/24"]))
    a = Hasup(pair[0], config(200, 100)).start()
    b = Hasup(pair[1], config(100, 200)).start()
    lan.wait_holder("10.0.0.101", "a")
    lan.wait_holder("10.0.0.102", "b")
    a.kill()
    assert sniffer.takeover(*pair, vrid=51) < master_down(0.1) + 0.05
    wait_for("both addresses", lambda: pair[1].holds("10.0.0.101") and pair[1].holds("10.0.0.102"), bound=1)
    assert b.status().state("VI_1") == "MASTER"
    Hasup(pair[0], config(200, 100)).start()
    lan.wait_holder("10.0.0.101", "a")
    lan.wait_holder("10.0.0.102", "b")


def test_tshark_finds_nothing_malformed(lan, pair, sniffer, tmp_path):
    """All that both nodes sent over a takeover and a hand-over, all versions and families, is well formed."""
    def config(priority):
        return conf.file(
            conf.instance("V2", vrid=1, priority=priority, vips=["10.0.0.101/24"]),
            conf.instance("PASS", vrid=2, priority=priority, vips=["10.0.0.102/24"], extra=conf.password("secret")),
            conf.instance("V3", vrid=3, priority=priority, version=3, advert=0.1,
                          vips=["10.0.0.103/24", "10.0.0.104/24"]),
            conf.instance("V6", vrid=4, priority=priority, version=3, advert=0.1,
                          vips=["fe80::100/64", "fd00::100/64"]))
    a = Hasup(pair[0], config(200)).start()
    Hasup(pair[1], config(100)).start()
    lan.wait_holder("10.0.0.101", "a")
    lan.wait_holder("fd00::100", "a")
    a.stop()
    for address in ("10.0.0.101", "10.0.0.102", "10.0.0.104", "fd00::100"):
        lan.wait_holder(address, "b")
    for vrid in (1, 2, 3, 4):
        sniffer.wait_advert(pair[1], vrid, count=2)
    path = sniffer.save(tmp_path / "lan.pcap")
    assert len(dissected(path, "vrrp")) > 20
    assert dissected(path, "arp.isgratuitous")
    assert dissected(path, "icmpv6.type == 136 && icmpv6.nd.na.flag.o == 1")
    assert dissect(path) == ""
    for advert in sniffer.adverts():
        assert advert.checksum_ok and advert.ttl == 255, advert


@pytest.mark.alone
def test_advert_spacing(lan, sniffer):
    """I3: captured spacing is within 5 % of advert_int, and the rate does not drift."""
    node = lan.node("a")
    Hasup(node, conf.simple(200, version=3, advert=0.05)).start()
    sniffer.wait_advert(node, count=101, bound=10)
    gaps = sorted(sniffer.gaps(node)[:100])
    assert 0.0495 <= sum(gaps) / len(gaps) <= 0.0505 + late() / 100
    assert gaps[5] >= 0.0475 - late() and gaps[94] <= 0.0525 + late(), gaps


@pytest.mark.parametrize("cut", ["carrier", "link"])
def test_a_master_without_a_link_that_it_ignores(lan, pair, cut):
    """dont_track_primary: without a carrier it stays MASTER, but isn't well, as with a link that is down."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=["dont_track_primary"])).start()
    a.wait_state("MASTER")
    assert a.cli("status").returncode == 0
    for _ in range(2):
        if cut == "carrier":
            lan.link(pair[0], False)
        else:
            pair[0].netns.ip("link", "set", "eth0", "down")
        wait_for("the failure", lambda: a.status().instance().get("send_failure"),
                 lambda seen: seen and seen["silent"], 3)
        shown = a.cli("status")
        assert shown.returncode == 1 and "its peers hear nothing" in " ".join(shown.stdout.split()) and a.state() == "MASTER"
        if cut == "carrier":
            lan.link(pair[0], True)
        else:
            pair[0].netns.ip("link", "set", "eth0", "up")
        wait_for("no failure", lambda: a.status().instance().get("send_failure"), lambda seen: not seen, 3)
        assert a.cli("status").returncode == 0


@pytest.mark.parametrize("family", ["multicast", "unicast"])
def test_a_master_that_cannot_send(lan, pair, family):
    """A firewall of its own forbids the adverts: counted, told with the error, and not well; and well again without it."""
    extra = conf.unicast(pair[0].ip4, pair[1].ip4) if family == "unicast" else ()
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=extra)).start()
    a.wait_state("MASTER")
    assert a.cli("status").returncode == 0
    assert not a.status().instance().get("send_failure")
    rules = "table inet lab {\nchain out {\ntype filter hook output priority 0;\nmeta l4proto 112 drop\n}\n}\n"
    pair[0].netns.run("nft", "-f", pair[0].write("forbid.nft", rules))
    failure = wait_for("the failure", lambda: a.status().instance().get("send_failure"),
                       lambda seen: seen and seen["silent"], 3)
    assert failure["text"] and a.status().instance()["counters"]["send_failures"] > 2
    shown = a.cli("status")
    text = " ".join(shown.stdout.split())
    assert shown.returncode == 1 and "adverts can't be sent" in text and "its peers hear nothing" in text, text
    assert a.log().count("an advertisement couldn't leave") == 1
    pair[0].netns.run("nft", "delete", "table", "inet", "lab")
    wait_for("no failure", lambda: a.status().instance().get("send_failure"), lambda seen: not seen, 3)
    assert a.cli("status").returncode == 0
    assert a.state() == "MASTER"
