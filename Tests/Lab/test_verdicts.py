"""A master that serves nothing isn't one: what the kernel has decides what status says and who is MASTER."""

import time

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"
# The kernel refuses another scope in a network in which the interface has an address already.
REFUSED = "10.0.0.101/24 scope link"


def words(hasup):
    """Exit status and text of `hasup status`."""
    done = hasup.cli("status")
    return done.returncode, " ".join(done.stdout.split())


def text(priority, *vips, **options):
    """One instance."""
    return conf.simple(priority, **{"version": 3, "advert": 0.1, "vips": vips, **options})


def test_nobody_is_master_with_nothing(lan, pair, sniffer):
    """master-without-address: the kernel refuses all addresses. The peer may try; both say why they're in FAULT, and don't
    exchange mastership all the time. A file that is mended ends it at once."""
    begin = time.time()
    a = Hasup(pair[0], text(200, REFUSED)).start()
    b = Hasup(pair[1], text(100, REFUSED)).start()
    for hasup in (a, b):
        wait_for("FAULT", lambda hasup=hasup: words(hasup), lambda seen: seen[0] == 1 and "FAULT" in seen[1], 4)
        status, said = wait_for("the reason", lambda hasup=hasup: words(hasup),
                                lambda seen: "none of its virtual addresses could be used, 10.0.0.101 because" in seen[1])
        assert "the kernel says:" in said, said
    time.sleep(3)
    said = a.status().instance()
    tried = said["counters"]["became_master"]
    assert 1 <= tried <= 5, "after 1, 2 and 4 s it tries again"
    assert said["counters"]["left_master"] in (tried, tried - 1)
    assert not sniffer.announcements("10.0.0.101", since=begin)
    assert a.reload(text(200, f"{VIP}/24")).returncode == 0
    lan.wait_holder(VIP, "a", 3)
    assert words(a)[0] == 0
    assert b.reload(text(100, f"{VIP}/24")).returncode == 0
    b.wait_state("BACKUP")


def test_some_refused_is_a_master_that_says_so(duo, lan, pair, sniffer):
    """p31: MASTER with what the kernel takes; the rest stands in status, exit status 1, and is never announced."""
    a, b = duo(vips=[f"{VIP}/24", REFUSED], extra=["garp_master_refresh 1", "garp_master_delay 0"])
    status, said = wait_for("the word", lambda: words(a), lambda seen: seen[0] == 1, 2)
    assert "10.0.0.101/24 dev eth0: the kernel says:" in said and a.state() == "MASTER", said
    count = len(sniffer.announcements(VIP))
    wait_for("a refresh", lambda: len(sniffer.announcements(VIP)), lambda now: now > count, 3)
    assert not sniffer.announcements("10.0.0.101")
    assert b.state() == "BACKUP" and lan.holders(VIP) == ["a"]


def test_a_duplicate_is_no_address(lan):
    """p08: duplicate address detection finds another machine: FAULT and the peers' turn; when the conflict is over, it
    comes back by itself. With another address that is usable it's MASTER and says so."""
    node, other = lan.node("a"), lan.node("c")
    for setting in ("all", "eth0"):
        node.netns.sysctl(f"net.ipv6.conf.{setting}.accept_dad", 1)
    for address in ("fd00::100", "fd00::101"):
        other.netns.ip("address", "add", f"{address}/64", "dev", "eth0", "nodad")
    hasup = Hasup(node, conf.file(
        conf.instance("ALL", vrid=1, version=3, advert=0.1, vips=["fd00::100/64 -nodad"]),
        conf.instance("SOME", vrid=2, version=3, advert=0.1, vips=["fd00::101/64 -nodad", "fd00::102/64"]))).start()
    hasup.wait_state("FAULT", "ALL")
    status, said = wait_for("both words", lambda: words(hasup), lambda seen: seen[1].count(
        "another machine has it (duplicate address detection)") >= 2, 5)
    assert status == 1 and hasup.state("SOME") == "MASTER", said
    other.netns.ip("address", "del", "fd00::100/64", "dev", "eth0")
    wait_for("MASTER with the address", lambda: (hasup.state("ALL"), hasup.status().instance("ALL")["addresses"][0]),
             lambda seen: seen[0] == "MASTER" and seen[1]["installed"] and not seen[1].get("obstacle"), 12)
    assert not node.address_info("fd00::100").get("dadfailed")


@pytest.mark.parametrize("how", ["down", "carrier"])
def test_the_interface_of_each_address_counts(lan, pair, how):
    """vip-dev-down: an address on a dead link serves nobody. FAULT, also with dont_track_primary, which is about the
    instance's own interface; not with no_track."""
    for node in pair:
        node.plug("eth1", f"q-{node.name}", address=False)
    both = {"TRACKED": (1, "10.1.1.100/24 dev eth1", []), "OWN": (2, "10.1.2.100/24 dev eth1", ["dont_track_primary"]),
            "FREE": (3, "10.1.3.100/24 dev eth1 no_track", [])}

    def file(priority):
        return conf.file(*(conf.instance(name, vrid=vrid, priority=priority, version=3, advert=0.1, extra=extra,
                                         vips=[f"10.0.{vrid}.100/24", vip])
                           for name, (vrid, vip, extra) in both.items()))
    a, b = Hasup(pair[0], file(200)).start(), Hasup(pair[1], file(100)).start()
    for name, (vrid, _, _) in both.items():
        lan.wait_holder(f"10.1.{vrid}.100", "a")
        b.wait_state("BACKUP", name)
    if how == "down":
        pair[0].netns.ip("link", "set", "eth1", "down")
    else:
        lan.netns.ip("link", "set", "q-a", "down")
    for name, (vrid, _, _) in both.items():
        if name != "FREE":
            lan.wait_holder(f"10.1.{vrid}.100", "b", 2)
            a.wait_state("FAULT", name)
            assert "eth1" in a.status().reason(name)
    assert words(a)[0] == 1
    hold_for("FREE is MASTER on a", lambda: (a.state("FREE"), b.state("FREE")),
             lambda seen: seen == ("MASTER", "BACKUP"), 0.5)
    lan.netns.ip("link", "set", "q-a", "up")
    pair[0].netns.ip("link", "set", "eth1", "up")
    for vrid, _, _ in both.values():
        lan.wait_holder(f"10.1.{vrid}.100", "a", 4)


def test_the_address_owner(lan, pair, sniffer):
    """p18: RFC 9568, 6.4.1: the virtual address is the interface's own, priority 255: MASTER at once, sends from it, and
    keeps it at the stop. A backup hears it, and takes over when it is gone."""
    text4 = {"vips": [f"{pair[0].ip4}/24"], "advert": 0.1, "version": 3}
    a = Hasup(pair[0], conf.simple(255, **text4)).start()
    a.wait_state("MASTER", bound=2)
    advert = sniffer.wait_advert(pair[0])
    assert (advert.source, advert.priority, advert.addresses) == (pair[0].ip4, 255, (pair[0].ip4,))
    b = Hasup(pair[1], conf.simple(100, **text4)).start()
    b.wait_state("BACKUP")
    time.sleep(0.5)
    assert b.state() == "BACKUP" and not pair[1].holds(pair[0].ip4)
    status, said = words(a)
    assert status == 0, said
    assert a.stop()[0] == 0
    assert pair[0].holds(pair[0].ip4), "it is the machine's own"
    b.wait_state("MASTER", bound=2)


def test_a_mended_file_mends(lan, pair, sniffer):
    """p14: a file that names the node's own address as a virtual one leaves no source; a reload gives it back, and takes it
    again, as a start does."""
    own, good = text(200, f"{pair[0].ip4}/24"), text(200, f"{VIP}/24")
    a = Hasup(pair[0], own).start()
    a.wait_state("FAULT")
    assert "no address to send from" in a.status().reason()
    assert a.reload(good).returncode == 0
    a.wait_state("MASTER", bound=2)
    assert sniffer.wait_advert(pair[0]).source == pair[0].ip4
    taken = a.reload(own)
    assert taken.returncode == 1 and "VI_1 is in FAULT because of this reload: " in " ".join(taken.stdout.split()), taken
    a.wait_state("FAULT", bound=2)
    assert pair[0].holds(pair[0].ip4)
    # With another address of its own there is another source.
    pair[0].netns.ip("address", "add", "10.0.0.77/24", "dev", "eth0")
    a.wait_state("MASTER", bound=3)
    begin = time.time()
    assert sniffer.wait_advert(pair[0], since=begin).source == "10.0.0.77"
