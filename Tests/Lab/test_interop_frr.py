"""hasup and FRR's vrrpd as one pair, each of them in both roles."""

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.machine import late
from lab.peers import FRR
from lab.waiting import wait_for

LAYOUTS = {"v2": (2, 4, "10.0.0.100", 24), "v3": (3, 4, "10.0.0.100", 24), "v3-ipv6": (3, 6, "fd00::100", 64)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_frr_takes_over(lan, pair, sniffer, layout):
    """FRR stays backup of hasup, and takes over when hasup is killed. I1: checksums agree."""
    version, family, address, length = LAYOUTS[layout]
    a = Hasup(pair[0], conf.simple(200, version=version, vips=[f"{address}/{length}"])).start()
    b = FRR(pair[1], vrid=51, priority=100, version=version, **{f"vip{family}": address}).start()
    sniffer.wait_advert(pair[0], count=3, bound=8)
    assert b.state(family) == "Backup", b.show()
    assert not sniffer.adverts(pair[1])
    a.kill()
    slow = 0.1 if family == 4 else 1.1  # FRR's first IPv6 advert fails: its macvlan has no address yet
    assert 3.6 <= sniffer.takeover(*pair) <= 3.61 + slow + late()
    a.start()
    wait_for("FRR as backup again", lambda: b.state(family), lambda state: state == "Backup", 8)
    # FRR leaves the address on a macvlan that is down.
    wait_for("the address on a", lambda: pair[0].holds(address), bound=3)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_hasup_takes_over_from_frr(lan, pair, sniffer, layout):
    """hasup stays backup of FRR, takes over when FRR is killed, and counts nothing as wrong."""
    version, family, address, length = LAYOUTS[layout]
    a = FRR(pair[0], vrid=51, priority=200, version=version, **{f"vip{family}": address}).start()
    wait_for("FRR as master", lambda: a.state(family), lambda state: state == "Master", 8)
    b = Hasup(pair[1], conf.simple(100, version=version, vips=[f"{address}/{length}"])).start()
    b.wait_state("BACKUP")
    sniffer.wait_advert(pair[0], count=len(sniffer.adverts(pair[0])) + 4, bound=8)
    assert b.state() == "BACKUP"
    assert b.status().discarded() == {}
    a.kill()
    assert 3.6 <= sniffer.takeover(*pair) <= 3.64 + late()
    assert pair[1].holds(address)
