"""A real boot: systemd starts the installed service, and what systemd does to it nobody notices (issue 11, 3, 4 and 7)."""

import os
import time

import pytest
from lab import conf, uml
from lab.boot import CannotBoot, Machine, no_scripts
from lab.hasup import Hasup, kernel_view
from lab.undisturbed import Undisturbed
from lab.waiting import wait_for
from test_privileges import CAPABILITY

VIP = "10.0.0.100"
LONG = bool(os.environ.get("LONG"))
TIMES = 20 if LONG else 2
KINDS = {"root": "hasup", "without scripts": "hasup", "rootless": "hasup-rootless"}
# Why no container could be started.
REFUSED = []
# The watchdog's time is this short here only; the rest is the unit as it is installed.
WATCHDOG = "[Service]\nWatchdogSec=1\n"


@pytest.fixture(params=list(KINDS))
def machine(request, pair):
    """Node a as a booted machine; its unit is `machine.unit`."""
    unit = KINDS[request.param]
    drop_in = (no_scripts() if request.param == "without scripts" else "") + WATCHDOG
    try:
        booted = Machine(pair[0], conf.simple(200, version=3, advert=0.1), [(f"{unit}.service", drop_in)])
    except CannotBoot as reason:
        REFUSED.append(reason)
        pytest.skip(f"systemd-nspawn can't start a container here, test_in_user_mode_linux does it: {reason}")
    booted.unit, booted.kind = unit, request.param
    try:
        yield booted
        report = getattr(request.node, "report_call", None)
        if report is not None and report.failed:
            print(booted.journal())
    finally:
        booted.close()


def next_main(machine, old):
    """Waits until systemd has started the next main process and heard that it is ready."""
    wait_for("the next hasupd", lambda: (machine.main_pid(machine.unit), machine.control("is-active", machine.unit)),
             lambda seen: seen[0] not in (0, old) and seen[1] == "active", 8)


def killed(machine):
    """kill -9 of hasupd."""
    old = machine.main_pid(machine.unit)
    machine.run("kill", "-9", str(old))
    next_main(machine, old)


def hung(machine):
    """SIGSTOP of hasupd: systemd's watchdog ends it, because nobody says any more that the service is well."""
    old = machine.main_pid(machine.unit)
    machine.run("kill", "-STOP", str(old))
    next_main(machine, old)


def restarted(machine):
    """systemctl restart."""
    old = machine.main_pid(machine.unit)
    machine.run("systemctl", "restart", machine.unit)
    assert machine.main_pid(machine.unit) not in (0, old)


def reloaded(machine):
    """systemctl reload with nothing new installed: the same process reads its file again."""
    old = machine.main_pid(machine.unit), machine.processes()["hasup-vrrp"]
    machine.run("systemctl", "reload", machine.unit)
    assert (machine.main_pid(machine.unit), machine.processes()["hasup-vrrp"]) == old


def upgraded(machine):
    """systemctl reload after a package was installed: the same process becomes the new program."""
    old = machine.main_pid(machine.unit)
    machine.run("sh", "-c", "cp /usr/sbin/hasupd /usr/sbin/hasupd.new && mv /usr/sbin/hasupd.new /usr/sbin/hasupd")
    assert os.readlink(f"/proc/{machine.outside(old)}/exe").endswith("(deleted)")
    machine.run("systemctl", "reload", machine.unit)
    assert machine.main_pid(machine.unit) == old
    assert not os.readlink(f"/proc/{machine.outside(old)}/exe").endswith("(deleted)")


def test_nobody_notices_what_systemd_does(lan, pair, sniffer, watched, machine):  # noqa: F811
    """Start, kill -9, hang, restart, reload, upgrade: the peer sees no transition; then stop, and it takes over."""
    peer = Hasup(pair[1], conf.simple(100, version=3, advert=0.1)).start()
    machine.run("systemctl", "start", machine.unit)
    lan.wait_holder(VIP, "a", 8)
    peer.wait_state("BACKUP")
    same = Undisturbed(machine.hasup, peer, pair[0], sniffer, watched)
    hangs = max(1, TIMES // 4)
    for what in (killed, hung, restarted, reloaded, upgraded):
        for _ in range(hangs if what is hung else TIMES):
            what(machine)
            wait_for("the run directory", machine.operators_may_look)
            same.goes_on(0.1)
        same.check(f"{machine.kind}, {what.__name__}")
    assert machine.count("Watchdog timeout") == hangs, "a hasupd that was well was ended by the watchdog"
    check_privileges(machine)
    begin = time.monotonic()
    machine.run("systemctl", "stop", machine.unit)
    lan.wait_holder(VIP, "b", 3)
    print(f"{machine.kind}, stopped in {time.monotonic() - begin:.2f} s")
    assert machine.show(machine.unit, "Result") == "success", machine.journal()
    assert machine.processes() == {}


def test_in_user_mode_linux():
    """The same but for the watchdog and the privileges with a kernel of its own: where containers can't be started, all kinds."""
    script = os.path.join(os.path.dirname(__file__), "inside", "boot.py")
    files = {"etc/keepalived/keepalived.conf": conf.simple(200, version=3, advert=3), "etc/no-scripts.conf": no_scripts()}
    kinds = list(KINDS) if REFUSED or LONG else ["root"]
    status, output = uml.boot(files, "/usr/bin/python3", script, *kinds)
    assert status == 0 and "nobody noticed" in output, output


def filters(machine, role):
    """How many system call filters a process has."""
    with open(f"/proc/{machine.processes()[role][0]}/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Seccomp_filters:"))


def check_privileges(machine):
    """What the unit grants, as /proc shows it."""
    views = {role: kernel_view(pids[0]) for role, pids in machine.processes().items()}
    for role, view in sorted(views.items()):
        print(f"{machine.kind:16} {role:12} uid {min(view['uids']):4} effective {view['CapEff']:x} bounding "
              f"{view['CapBnd']:x} seccomp {view['seccomp']} no_new_privs {view['no_new_privs']}")
    assert set(views) == {"hasupd", "hasup-vrrp"}
    # The unit's filter is one, and the worker has one of its own on top of it.
    assert filters(machine, "hasup-vrrp") == filters(machine, "hasupd") + 1
    assert "system call filter" not in machine.journal()
    assert views["hasup-vrrp"]["CapPrm"] == CAPABILITY["net_admin"] and 0 not in views["hasup-vrrp"]["uids"]
    if machine.kind == "rootless":
        assert 0 not in views["hasupd"]["uids"]
        assert views["hasupd"]["CapBnd"] == views["hasupd"]["CapPrm"] == CAPABILITY["net_admin"] | CAPABILITY["net_raw"]
    if machine.kind != "root":
        assert views["hasupd"]["no_new_privs"] == 1 and views["hasupd"]["seccomp"] == 2
