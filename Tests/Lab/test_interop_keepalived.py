"""hasup and Debian's keepalived as one pair, each of them in both roles; docs/interop.md has all pairs."""

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.machine import late
from lab.peers import Keepalived

VIP, VIP6 = "10.0.0.100", "fd00::100"

# name: (address, prefix length, options of the instance; extra lines of a and of b)
LAYOUTS = {
    "v2": (VIP, 24, {"version": 2}, (), ()),
    "v2-pass": (VIP, 24, {"version": 2}, conf.password("secret"), conf.password("secret")),
    "v3": (VIP, 24, {"version": 3, "advert": 0.1}, (), ()),
    "v2-ipv6": (VIP6, 64, {"version": 2}, (), ()),
    "v3-ipv6": (VIP6, 64, {"version": 3, "advert": 0.1}, (), ()),
    "unicast-v2": (VIP, 24, {"version": 2}, conf.unicast("10.0.0.1", "10.0.0.2"), conf.unicast("10.0.0.2", "10.0.0.1")),
    "unicast-v3": (VIP, 24, {"version": 3, "advert": 0.1},
                   conf.unicast("10.0.0.1", "10.0.0.2"), conf.unicast("10.0.0.2", "10.0.0.1")),
    "unicast-v3-ipv6": (VIP6, 64, {"version": 3, "advert": 0.1},
                        conf.unicast("fd00::1", "fd00::2"), conf.unicast("fd00::2", "fd00::1")),
}
# Pairs of hasup alone: test_failover has the rest.
CASES = [*(pytest.param(Hasup, Keepalived, layout, id=f"as-master-{layout}") for layout in LAYOUTS),
         *(pytest.param(Keepalived, Hasup, layout, id=f"as-backup-{layout}") for layout in LAYOUTS),
         *(pytest.param(Hasup, Hasup, layout, id=f"hasup-hasup-{layout}") for layout in ("unicast-v3", "unicast-v3-ipv6"))]


@pytest.mark.parametrize("master,backup,layout", CASES)
def test_takeover_and_failback(lan, pair, sniffer, layout, master, backup):
    """One holder; the backup takes over after kill -9 in the protocol's time; the address comes back to the master."""
    address, length, options, first, second = LAYOUTS[layout]
    vips = [f"{address}/{length}"]
    a = master(pair[0], conf.simple(200, vips=vips, extra=first, **options)).start()
    # A backup that starts before the first advert may become master for a moment, and rightly.
    lan.wait_holder(address, "a", 8)
    backup(pair[1], conf.simple(100, vips=vips, extra=second, **options)).start()
    sniffer.wait_advert(pair[0], count=len(sniffer.adverts(pair[0])) + 8, bound=12)
    assert not sniffer.adverts(pair[1]), "the backup sent something"
    a.kill()
    interval = options.get("advert", 1)
    skew = 156 / 256 * (interval if options["version"] == 3 else 1)
    taken = sniffer.takeover(*pair)
    assert 3 * interval + skew - 0.001 <= taken <= 3 * interval + skew + 0.02 + late(), (taken, late())
    a.start()
    lan.wait_holder(address, "a", 8)
    a.stop()
    assert sniffer.adverts(pair[0])[-1].priority == 0
    lan.wait_holder(address, "b", 3)


def test_a_keepalived_with_another_password_is_not_heard(lan, pair, sniffer):
    """Its adverts count as authentication failures, and hasup becomes master beside it.

    (keepalived 2.2 falls silent as soon as it gets ours: each rejected packet puts its next advert off.)
    """
    b = Hasup(pair[1], conf.simple(100, version=2, extra=conf.password("right"))).start()
    Keepalived(pair[0], conf.simple(200, version=2, extra=conf.password("wrong"))).start()
    sniffer.wait_advert(pair[0], bound=8)
    b.wait_state("MASTER")
    assert any("auth" in reason.lower() for reason in b.status().discarded()), b.status().discarded()


def test_unicast_ipv6_leaves_with_hop_limit_255(lan, pair, sniffer):
    """RFC 9568 asks for 255 in unicast too (keepalived's own default is 64)."""
    Hasup(pair[0], conf.simple(200, version=3, advert=0.1, vips=[f"{VIP6}/64"],
                               extra=conf.unicast("fd00::1", "fd00::2"))).start()
    assert sniffer.wait_advert(pair[0]).ttl == 255


def test_version_3_backup_follows_the_masters_interval(lan, pair, sniffer):
    """I3: a backup configured with another interval takes over after three of the master's."""
    a = Keepalived(pair[0], conf.simple(200, version=3, advert=0.2)).start()
    Hasup(pair[1], conf.simple(100, version=3, advert=1)).start()
    lan.wait_holder(VIP, "a")
    sniffer.wait_advert(pair[0], count=5)
    a.kill()
    assert 0.72 <= sniffer.takeover(*pair) <= 0.75 + late()


def test_version_2_interval_mismatch_is_named(lan, pair, sniffer):
    """I3: a mismatch in version 2 is counted for its own reason."""
    Keepalived(pair[0], conf.simple(200, version=2, advert=1)).start()
    b = Hasup(pair[1], conf.simple(100, version=2, advert=2)).start()
    sniffer.wait_advert(pair[0], count=2, bound=6)
    assert any("interval" in reason.lower() for reason in b.status().discarded()), b.status().discarded()
