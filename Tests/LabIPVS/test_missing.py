"""D69: the kernel's module goes and comes."""

import subprocess

from lab import conf
from lab.uml import IPVS, SCHEDULERS
from table import begin, saved, wait_services, wait_table
from test_crash import CONFIG, LINES

MODULES = "/run/kernel"


def test_missing(director):
    """Without the module VRRP and checks run and the reason is shown; when it is there, the table is written."""
    # Nobody uses it between two tests: each has taken its services away.
    subprocess.run(["modprobe", "-d", MODULES, "-r", "ip_vs_pe_sip", *(f"ip_vs_{name}" for name in SCHEDULERS), "ip_vs"], check=True,
                   capture_output=True)
    try:
        hasup = begin(director, conf.simple(100, version=3, advert=0.1) + CONFIG)
        answer = wait_services(hasup, "the reason", lambda answer: answer["table"].get("trouble"))
        assert "no module ip_vs" in answer["table"]["trouble"]
        hasup.wait_state("MASTER", bound=20)
        assert hasup.cli("status", bound=20).returncode == 1
    finally:
        subprocess.run(["modprobe", "-d", MODULES, "-a", *IPVS], check=True, capture_output=True)
    assert hasup.reload().returncode == 0
    wait_table(director, "the table", lambda lines: len(lines) == LINES)
    answer = wait_services(hasup, "no reason", lambda answer: not answer["table"].get("trouble"))
    assert [service["state"] for service in answer["services"]] == ["UP", "UP"]
    assert "IPVS can be used" in hasup.log()
    assert hasup.stop(20)[0] == 0
    assert saved(director) == []
