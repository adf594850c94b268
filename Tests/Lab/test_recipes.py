"""The harness itself: the foreign daemons fail over with each other, so the recipes are right."""

import pytest
from lab import conf
from lab.machine import late
from lab.peers import FRR, Keepalived
from lab.sniffer import dissect, dissected

VIP = "10.0.0.100"


@pytest.mark.parametrize("version,advert", [(2, 1), (3, 0.1)])
def test_keepalived_takes_over_from_keepalived(lan, pair, sniffer, version, advert):
    """Takeover after kill -9 is three intervals and the skew."""
    a, b = pair
    first = Keepalived(a, conf.simple(200, version=version, advert=advert)).start()
    Keepalived(b, conf.simple(100, version=version, advert=advert)).start()
    lan.wait_holder(VIP, "a", 4.0)
    sniffer.wait_advert(a, count=3)
    first.kill()
    skew = 156 / 256 * (1 if version == 2 else advert)
    seconds = sniffer.takeover(a, b)
    assert 3 * advert + skew - 0.005 <= seconds <= 3 * advert + skew + 0.05 + late()
    assert lan.holders(VIP) == ["a", "b"], "kill -9 leaves the address on the dead node"


@pytest.mark.parametrize("family,version", [(4, 2), (4, 3), (6, 3)])
def test_frr_takes_over_from_keepalived(lan, pair, sniffer, family, version, tmp_path):
    """FRR is backup of a keepalived master, and takes over after its kill -9."""
    a, b = pair
    vip, length = (VIP, 24) if family == 4 else ("fd00::100", 64)
    master = Keepalived(a, conf.simple(200, version=version, vips=[f"{vip}/{length}"])).start()
    backup = FRR(b, vrid=51, priority=100, version=version, **{f"vip{family}": vip}).start()
    sniffer.wait_advert(a, count=3, bound=8)
    assert backup.state(family) == "Backup", backup.show()
    master.kill()
    seconds = sniffer.takeover(a, b)
    slow = 0.15 if family == 4 else 1.15  # FRR's first IPv6 advert fails: its macvlan has no address yet
    assert 3.6 <= seconds <= 3.61 + slow + late(), seconds
    assert backup.state(family) == "Master"
    path = sniffer.save(tmp_path / "lan.pcap")
    assert len(dissected(path, "vrrp")) >= 4
    assert dissect(path) == ""


def test_a_rule_of_the_bridge_hides_adverts(lan, pair, sniffer):
    """Dropping protocol 112 towards the backup makes two masters; healing makes one again."""
    a, b = pair
    Keepalived(a, conf.simple(200, version=3, advert=0.1)).start()
    Keepalived(b, conf.simple(100, version=3, advert=0.1)).start()
    lan.wait_holder(VIP, "a", 4.0)
    lan.deafen(b)
    sniffer.wait_advert(b)
    lan.heal()
    lan.wait_holder(VIP, "a", 2.0)
    assert sniffer.announcements(VIP, b), "the second master announced itself"
