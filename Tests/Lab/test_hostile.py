"""Bad packets: counted by their reason, and nothing else happens."""

import os
import signal
import time

import pytest
from lab import conf
from lab.forge import Injector, bad_packets, mutations, oversized, steadily
from lab.hasup import Hasup
from lab.machine import late
from lab.packets import MULTICAST4, ip_packet, vrrp_pdu
from lab.peers import Keepalived
from lab.waiting import wait_for

VIP, INTRUDER = "10.0.0.100", "10.0.0.66"


@pytest.fixture
def intruder(lan):
    """A machine that sends what it likes."""
    with Injector(lan.node("x", 0x42)) as injector:
        yield injector


def assert_each_reason_counts(hasup, intruder, kinds):
    """T2: one of each kind raises exactly one counter, and each kind another one."""
    seen = {}
    for kind, packet in kinds.items():
        before = hasup.status().discarded()
        intruder.packet(packet)
        after = wait_for(f"a counter for {kind}", lambda: hasup.status().discarded(),
                         lambda now, old=before: now != old, 2)
        changed = {reason: count - before.get(reason, 0) for reason, count in after.items()}
        changed = {reason: count for reason, count in changed.items() if count}
        assert list(changed.values()) == [1], (kind, changed)
        seen[kind] = next(iter(changed))
    assert len(set(seen.values())) == len(seen), seen


def test_reasons_of_version_3(lan, intruder):
    """Checksum, TTL, length, version and a missing address have counters of their own."""
    hasup = Hasup(lan.node("a"), conf.simple(200, version=3, advert=0.1)).start()
    hasup.wait_state("MASTER")
    assert_each_reason_counts(hasup, intruder, bad_packets(INTRUDER, 51, interval=0.1))
    assert hasup.state() == "MASTER"


def test_reasons_of_version_2_with_a_password(lan, intruder):
    """Authentication has one too."""
    hasup = Hasup(lan.node("a"), conf.simple(200, version=2, extra=conf.password("secret"))).start()
    hasup.wait_state("MASTER")
    assert_each_reason_counts(hasup, intruder, bad_packets(INTRUDER, 51, version=2, password=b"secret"))


def test_bad_packets_do_not_silence_a_master(lan, intruder, sniffer, record_property):
    """Four of each kind per advert interval: every advert leaves on time, the backup stays backup.

    keepalived stands beside it under the same load; its widest gap is recorded, not judged.
    """
    seconds, advert = 60, 0.2
    extra = conf.password("secret")
    a = Hasup(lan.node("a"), conf.simple(200, version=3, advert=advert)).start()
    b = Hasup(lan.node("b"), conf.simple(100, version=3, advert=advert)).start()
    c = Hasup(lan.node("c"), conf.simple(200, vrid=52, version=2, vips=["10.0.0.101/24"], extra=extra)).start()
    Keepalived(lan.node("k"), conf.simple(200, vrid=53, version=3, advert=advert, vips=["10.0.0.102/24"])).start()
    for hasup in (a, c):
        hasup.wait_state("MASTER", bound=8)
    b.wait_state("BACKUP")
    sniffer.wait_advert(lan.nodes["k"], 53)
    kinds = [*bad_packets(INTRUDER, 51, interval=advert).values(),
             *bad_packets(INTRUDER, 52, "10.0.0.101", version=2, password=b"secret").values(),
             *bad_packets(INTRUDER, 53, "10.0.0.102", interval=advert).values(),
             oversized(INTRUDER, 51, interval=advert)]
    begin = time.time()
    sent = steadily(kinds, len(kinds) * 4 / advert, seconds, intruder.packet)
    assert sniffer.widest_gap(lan.nodes["a"], 51, begin) < advert * 1.1 + late()
    assert sniffer.widest_gap(lan.nodes["c"], 52, begin) < 1.05 + late()
    assert len(sniffer.adverts(lan.nodes["a"], 51, begin)) >= seconds / advert - 2
    theirs = [0.0, *(advert.time - begin for advert in sniffer.adverts(lan.nodes["k"], 53, begin)), seconds]
    record_property("keepalived_widest_gap", max(later - earlier for earlier, later in zip(theirs, theirs[1:])))
    assert not sniffer.adverts(lan.nodes["b"], since=begin)
    assert a.state() == "MASTER" and b.state() == "BACKUP" and c.state() == "MASTER"
    counted = sum(a.status().discarded().values())
    assert counted >= sent * 4 / len(kinds) * 0.99, (counted, sent)
    for hasup in (a, b, c):
        assert hasup.status().processes()["hasup-vrrp"]["restarts"] == 0


def test_ten_thousand_random_packets(duo, lan, pair, intruder, sniffer):
    """10,000 random packets and mutations of good ones at a master and a backup: states and adverts don't move."""
    a, b = duo()
    begin = time.time()
    packets = list(mutations(20260101, 10_000, INTRUDER, 51))
    steadily(packets, 2500, len(packets) / 2500, intruder.packet)
    assert sniffer.widest_gap(pair[0], since=begin) < 0.15 + late()
    assert not sniffer.adverts(pair[1], since=begin)
    for hasup, state in ((a, "MASTER"), (b, "BACKUP")):
        status = hasup.status()
        assert status.state() == state
        assert sum(status.discarded().values()) > 1000
        assert status.processes()["hasup-vrrp"]["restarts"] == 0
    assert lan.holders(VIP) == ["a"]


def test_packets_for_no_instance_are_counted(lan, intruder):
    """T2: another pair's adverts on the link are counted once for the node, also by the worker's successor."""
    a = Hasup(lan.node("a"), conf.simple(200, version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    for _ in range(3):
        intruder.packet(ip_packet(INTRUDER, MULTICAST4, vrrp_pdu(INTRUDER, MULTICAST4, 99, 100, ["10.0.0.199"])))

    def strays():
        return a.status().answer["daemon"]["discarded"]
    wait_for("the count", strays, lambda counts: counts == {"unknownVRID": 3}, 2)
    text = a.cli("status")
    told = " ".join(text.stdout.split())
    assert text.returncode == 0 and "Packets for no instance here, discarded: 3 unknown VRID; the last 0." in told, told
    assert f"ago from {INTRUDER}: no instance here has VRID 99." in told, told
    old = a.worker()
    os.kill(old, signal.SIGKILL)
    wait_for("another worker", lambda: a.roles().get("hasup-vrrp", []), lambda pids: pids and pids != [old])
    wait_for("the same count", strays, lambda counts: counts == {"unknownVRID": 3}, 2)


def test_a_repeated_error_is_one_line_a_minute(duo, intruder):
    """O3: 1,000 bad adverts give at most one line a minute."""
    a, _ = duo()
    bad = bad_packets(INTRUDER, 51, interval=0.1)["checksum"]
    before = len(a.log().splitlines())
    steadily([bad], 1000, 1.0, intruder.packet)
    wait_for("the counter", lambda: sum(a.status().discarded().values()), lambda count: count > 500, 2)
    assert len(a.log().splitlines()) - before <= 2, a.log()[-2000:]
