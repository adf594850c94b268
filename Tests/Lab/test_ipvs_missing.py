"""Virtual servers where the kernel has no IPVS, and the file that takes its place (docs/decisions, D69)."""

import json
import os

import pytest
from lab import conf, uml
from lab.hasup import Hasup
from lab.waiting import hold_for, wait_for

SERVICES = """
virtual_server 10.99.0.1 80 {
    lb_algo wlc
    lb_kind NAT
    protocol TCP
    real_server 10.0.0.11 80 {
        weight 2
    }
    real_server 10.0.0.12 8080 {
        weight 3
    }
}
"""
FIRST = conf.simple(100, version=3, advert=0.1)


def has_ipvs():
    """Whether asking for IPVS would bring it."""
    return os.path.exists("/proc/net/ip_vs") or any(
        os.path.exists(f"/lib/modules/{os.uname().release}/kernel/net/netfilter/ipvs/ip_vs.ko{end}") for end in ("", ".xz"))


MISSING = pytest.mark.skipif(has_ipvs() or uml.is_inside(), reason="this kernel has IPVS")


def services(hasup):
    """The answer of Services."""
    return json.loads(hasup.cli("services", "--json").stdout)


@MISSING
def test_vrrp_goes_on(lan):
    """keepalived ends altogether (B4): hasup is MASTER, and says what is missing."""
    hasup = Hasup(lan.node("a"), FIRST + SERVICES).start()
    hasup.wait_state("MASTER")
    wait_for("the reason", lambda: services(hasup)["table"].get("trouble") or "", lambda text: "no module ip_vs" in text)
    shown = hasup.cli("services")
    assert shown.returncode == 1 and "IPVS is missing: the kernel" in shown.stdout, shown.stdout
    assert "10.0.0.12:8080" in shown.stdout, shown.stdout
    status = hasup.cli("status")
    assert status.returncode == 1 and "IPVS is missing" in status.stdout, status.stdout
    assert hasup.log().count("IPVS is missing") == 1, hasup.log()
    assert not os.path.exists(os.path.join(hasup.run_dir, "services")), "nothing is noted"
    hold_for("mastership", hasup.state, lambda state: state == "MASTER", 1)
    # Without virtual servers there is nothing to miss.
    assert hasup.reload(FIRST).returncode == 0
    wait_for("a good status", lambda: hasup.cli("status").returncode, lambda status: status == 0)
    assert hasup.stop()[0] == 0


def record(path):
    """The lines without their times."""
    with open(path, encoding="ascii") as file:
        lines = [line.rstrip("\n").split(" ", 1) for line in file]
    times = [float(time) for time, _ in lines]
    assert times == sorted(times), lines
    return [line for _, line in lines]


def test_record(lan):
    """`--ipvs-record`: a line for each change, and nothing for the kernel."""
    node = lan.node("a")
    path = os.path.join(node.directory, "record")
    hasup = Hasup(node, FIRST + SERVICES).start("--ipvs-record", path)
    hasup.wait_state("MASTER")
    begun = ["addvs 10.99.0.1:80", "addrs 10.99.0.1:80 10.0.0.11:80 2", "addrs 10.99.0.1:80 10.0.0.12:8080 3"]
    wait_for("the record", lambda: record(path), lambda lines: lines == begun)
    shown = hasup.cli("services")
    assert shown.returncode == 0, shown.stdout
    assert shown.stdout.startswith("IPVS isn't written: its changes go into "), shown.stdout
    assert services(hasup)["table"]["record_file"] == path
    # A sealed hasupd is the usual one.
    assert hasup.status().processes()["hasupd"]["seccomp"] == "filter"
    assert hasup.reload(FIRST + SERVICES.replace("weight 3", "weight 4").replace("10.0.0.11", "10.0.0.13")).returncode == 0
    changed = ["addrs 10.99.0.1:80 10.0.0.13:80 2", "setrs 10.99.0.1:80 10.0.0.12:8080 4",
               "delrs 10.99.0.1:80 10.0.0.11:80 0"]
    wait_for("the changes", lambda: record(path), lambda lines: lines == begun + changed)
    assert hasup.stop()[0] == 0
    assert record(path)[-1] == "delvs 10.99.0.1:80"


def test_an_impossible_record(lan):
    """A file that can't be written is an error at the start."""
    hasup = Hasup(lan.node("a"), FIRST + SERVICES).start("--ipvs-record", "/no/such/folder/record")
    assert hasup.program.wait(5) == 69, hasup.log()
    assert "--ipvs-record" in hasup.log(), hasup.log()
