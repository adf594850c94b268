"""Without root, and in containers: what is missing is told once, what can work works (pain points C3, F12)."""

import os
import re

import pytest
from lab import conf
from lab.hasup import Hasup, kernel_view
from lab.launch import USER, container, ordinary
from lab.peers import Keepalived
from lab.undisturbed import Undisturbed
from lab.waiting import wait_for
from test_privileges import CAPABILITY, LVS
from test_scripts import look, script, seen, scripts

VIP = "10.0.0.100"
LEAST = ("net_admin", "net_raw")
ALL = (*LEAST, "setuid", "setgid", "setpcap", "kill", "sys_nice", "chown")
LINE = re.compile(r"the capability (\w+) is missing")


def daemon(node, launcher, *arguments, name="hasup", **options):
    """hasup with this launcher; an ordinary user's has a run directory that is his."""
    hasup = Hasup(node, conf.simple(200, version=3, advert=0.1, **options) + LVS, name=name)
    if "--reuid" in launcher:
        os.mkdir(hasup.run_dir, 0o750)
        os.chown(hasup.run_dir, USER, USER)
    return hasup.start(*arguments, launcher=launcher)


STARTS = {"root": [], "ordinary user": ordinary(LEAST), "container": container(LEAST)}


@pytest.mark.parametrize("name", list(STARTS)[1:])
def test_failover_with_a_peer(lan, pair, sniffer, watched, name):  # noqa: F811
    """NET_ADMIN and NET_RAW are enough: master beside keepalived, a dead worker is replaced, a stop hands over."""
    a = daemon(pair[0], STARTS[name])
    lan.wait_holder(VIP, "a")
    b = Keepalived(pair[1], conf.simple(100, version=3, advert=0.1)).start()
    sniffer.wait_advert(pair[0])
    for _ in range(3):
        old = a.worker()
        os.kill(old, 9)
        wait_for("another worker", lambda: a.roles().get("hasup-vrrp", []), lambda pids: pids and old not in pids, 3)
        a.wait_state("MASTER")
    assert not watched.removed, a.log()
    assert not sniffer.adverts(pair[1]), "the peer has taken over"
    assert a.reload(conf.simple(150, version=3, advert=0.1)).returncode == 0
    assert a.status().instance()["priority"] == 150
    status, _ = a.stop()
    assert status == 0, a.log()
    lan.wait_holder(VIP, "b", 3)
    assert b.running()


@pytest.mark.parametrize("name", list(STARTS)[1:])
def test_upgrade_and_restart_keep_the_capabilities(lan, pair, sniffer, watched, name):  # noqa: F811
    """What hasupd becomes has the same rights, and so have its workers."""
    a, b = daemon(pair[0], STARTS[name]), Hasup(pair[1], conf.simple(100, version=3, advert=0.1)).start()
    lan.wait_holder(VIP, "a")
    b.wait_state("BACKUP")
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    before = kernel_view(a.program.pid)
    for _ in range(2):
        done = a.cli("upgrade")
        assert done.returncode == 0, done.stdout + done.stderr
        same.goes_on(0.1)
    same.check(f"{name}, upgraded twice")
    assert kernel_view(a.program.pid) == before
    assert kernel_view(a.worker())["CapEff"] == CAPABILITY["net_admin"]


@pytest.mark.parametrize("kind", [ordinary, container])
@pytest.mark.parametrize("dropped", ALL)
def test_each_capability_that_is_missing_is_told_once(lan, kind, dropped):
    """C3: one line that names the capability and what is lost; without the two that everything needs, status 77."""
    node = lan.node("a")
    left = [name for name in ALL if name != dropped]
    look_at, _ = look(node)
    hasup = daemon(node, kind(left), extra=[f'notify_master "{look_at}" root'])
    if dropped in LEAST:
        assert hasup.program.wait(5) == 77
    else:
        wait_for("the address", lambda: node.holds(VIP) or not hasup.running(), bound=6)
        assert hasup.running() and hasup.state() == "MASTER", hasup.log()
    print([line for line in hasup.log().splitlines() if "missing" in line])
    # The container's root gives the run directory to the operators without chown, too, by being one of them.
    lost = [] if (kind, dropped) == (container, "chown") else [dropped]
    assert LINE.findall(hasup.log()) == lost, hasup.log()


def test_the_table_of_all_processes(lan):
    """Capabilities, seccomp and user of every process as read from /proc, for each kind of start."""
    node = lan.node("a")
    print(f"\n{'start':14} {'process':14} {'uid':>5} {'permitted':>12} {'effective':>12} {'bounding':>12} "
          f"{'ambient':>8} nnp seccomp")
    least = sum(CAPABILITY[name] for name in LEAST)
    for name, launcher in STARTS.items():
        hasup = daemon(node, launcher, name=name.replace(" ", "-"))
        hasup.wait_state("MASTER")
        wait_for("the checker", lambda: hasup.roles().get("hasup-checker"))  # pylint: disable=cell-var-from-loop
        views = {role: kernel_view(pids[0]) for role, pids in hasup.roles().items()}
        for role, view in views.items():
            print(f"{name:14} {role:14} {min(view['uids']):5} {view['CapPrm']:12x} {view['CapEff']:12x} "
                  f"{view['CapBnd']:12x} {view['CapAmb']:8x} {view['no_new_privs']:3} {view['seccomp']:7}")
        assert set(views) == {"hasupd", "hasup-vrrp", "hasup-checker"}
        for role, capabilities in (("hasup-vrrp", CAPABILITY["net_admin"]), ("hasup-checker", 0)):
            view = views[role]
            assert view["CapPrm"] == view["CapEff"] == capabilities and view["CapInh"] == view["CapAmb"] == 0
            assert view["no_new_privs"] == 1 and view["seccomp"] == 2
            assert view["uids"] == {"ordinary user": {USER}, "container": {0}}.get(name, view["uids"])
            assert view["uids"] != {0} or name == "container"
        if name != "root":
            assert views["hasupd"]["CapEff"] == views["hasupd"]["CapPrm"] == views["hasupd"]["CapBnd"] == least
        hasup.stop()


def test_scripts_of_an_ordinary_user(lan):
    """They run as the user that hasupd is, and hasupd's capabilities aren't passed on to them."""
    node = lan.node("a")
    path, out = look(node)
    hasup = daemon(node, ordinary(LEAST), extra=[f'notify_master "{path}"'])
    status = seen(out)["status"]
    assert status["Uid"].split() == [str(USER)] * 4
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert scripts(hasup)["started"] == 1


def test_scripts_of_another_user_are_refused(lan):
    """With the reason in the log and in status: the capability that hasupd would need."""
    node = lan.node("a")
    path = script(node, "never.sh", "#!/bin/sh\nexit 0\n")
    hasup = daemon(node, ordinary(LEAST), extra=[f'notify_master "{path}" nobody nogroup'])
    hasup.wait_state("MASTER")
    wait_for("the refusal", lambda: scripts(hasup).get("refused"), bound=5)
    assert f"hasupd runs as uid {USER} without the capability setgid" in hasup.log()
    assert sorted(LINE.findall(hasup.log())) == ["chown", "setgid", "setpcap", "setuid", "sys_nice"]


def test_a_keepalived_of_root_is_seen_by_an_ordinary_user(lan):
    """D24 holds without root: neither its pid file's lock nor its namespace needs a right to be looked at."""
    node = lan.node("a")
    keepalived = Keepalived(node, conf.simple(100, version=3, advert=0.1)).start()
    lan.wait_holder(VIP, "a")
    hasup = daemon(node, ordinary(LEAST))
    assert hasup.program.wait(5) == 75
    assert "keepalived is running" in hasup.log() and keepalived.running()


def test_pid_files(lan):
    """As keepalived's options name them; written when the configuration runs, replaced with the worker, gone at the end."""
    node = lan.node("a")
    folder = os.path.join(node.directory, "pids")
    os.mkdir(folder)
    files = {option: os.path.join(folder, option) for option in ("pid", "vrrp_pid", "checkers_pid")}
    victim = node.write("victim", "untouched\n")
    os.symlink(victim, files["vrrp_pid"])
    hasup = daemon(node, [], *(word for option, path in files.items() for word in (f"--{option}", path)))

    def pids():
        found = {}
        for option, path in files.items():
            try:
                with open(path, encoding="ascii") as file:
                    found[option] = file.read()
            except OSError:
                found[option] = None
        return found

    def expected():
        roles = hasup.roles()
        return {option: f"{roles.get(role, [0])[0]}\n" for option, role in
                (("pid", "hasupd"), ("vrrp_pid", "hasup-vrrp"), ("checkers_pid", "hasup-checker"))}

    wait_for("the pid files", lambda: pids() == expected())
    os.kill(hasup.worker(), 9)
    wait_for("a new worker", lambda: len(hasup.roles().get("hasup-vrrp", [])) == 1)
    wait_for("the new worker's pid", lambda: pids() == expected())
    with open(victim, encoding="ascii") as file:
        assert file.read() == "untouched\n", "a link at the pid file's place was followed"
    assert not os.path.exists(os.path.join(hasup.run_dir, "hasup.pid"))
    hasup.stop()
    assert os.listdir(folder) == []


def test_a_stale_pid_file_keeps_nobody_from_starting(lan):
    """C1: a killed hasupd's pid file names a process that runs, and the next one starts all the same."""
    node = lan.node("a")
    hasup = daemon(node, [])
    path = os.path.join(hasup.run_dir, "hasup.pid")
    wait_for("the pid file", lambda: os.path.exists(path))
    hasup.kill()
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    hasup.start()
    hasup.wait_state("MASTER")

    def read():
        with open(path, encoding="ascii") as file:
            return file.read()
    wait_for("its pid", read, lambda text: text == f"{hasup.program.pid}\n")
    hasup.stop()
    assert not os.path.exists(path)
