"""Who runs as what: read from /proc, not from the daemon's own belief."""

import ctypes
import grp
import os
import pwd
import stat
import subprocess

import pytest
from lab import conf
from lab.hasup import Hasup, binary, kernel_view
from lab.waiting import wait_for

CAP_NET_ADMIN = 1 << 12
CAPABILITY = {name: 1 << number for name, number in {
    "chown": 0, "dac_override": 1, "dac_read_search": 2, "kill": 5, "setgid": 6, "setuid": 7, "setpcap": 8,
    "net_admin": 12, "net_raw": 13, "ipc_lock": 14, "sys_admin": 21, "sys_boot": 22, "sys_nice": 23}.items()}

LVS = """
virtual_server 10.0.0.200 80 {
    delay_loop 5
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 10.0.0.201 80 {
        TCP_CHECK {
        }
    }
}
"""


@pytest.fixture
def master(lan):
    """One node that is MASTER and has a checker."""
    node = lan.node("a")
    hasup = Hasup(node, conf.simple(200, version=3, advert=0.1) + LVS).start()
    lan.wait_holder("10.0.0.100", "a")
    return hasup


def sealed(view, capabilities):
    """Asserts what every worker has in common."""
    user = pwd.getpwnam("hasup")
    assert view["uids"] == {user.pw_uid} and view["uids"] != {0}
    assert view["gids"] == {user.pw_gid} == {grp.getgrnam("hasup-run").gr_gid}
    assert set(view["groups"]) <= {user.pw_gid}
    assert view["CapPrm"] == view["CapEff"] == capabilities
    assert view["CapInh"] == view["CapBnd"] == view["CapAmb"] == 0
    assert view["no_new_privs"] == 1
    assert view["seccomp"] == 2
    assert view["core"] == ("0", "0")
    assert view["processes"] == ("0", "0"), "nothing more is started, and no thread"
    assert view["files_owner"] == 0, "another user's process that is dumpable owns its files"


def test_the_vrrp_worker_is_sealed(master):
    """User hasup, CAP_NET_ADMIN and nothing else, no_new_privs, a seccomp filter, in a folder that it can't look into."""
    view = kernel_view(master.worker("hasup-vrrp"))
    sealed(view, CAP_NET_ADMIN)
    assert view["cwd"] == master.run_dir
    found = os.stat(view["cwd"])
    assert found.st_uid == 0 and stat.S_IMODE(found.st_mode) & 0o007 == 0


def memory_has(pid, text):
    """Where a process has these bytes in its memory; empty when nowhere."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        rows = [line.split() for line in file]
    places = []
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for span, rights, *rest in rows:
            low, high = (int(end, 16) for end in span.split("-"))
            if "r" not in rights or rest[-1].startswith("[v") or high - low > 1 << 28:
                continue
            try:
                memory.seek(low)
                if text in memory.read(high - low):
                    places.append(rest[-1])
            except OSError:
                continue
    return places


def test_the_vrrp_worker_knows_nothing_it_does_not_need(lan):
    """p27: arguments of programs and settings of mail aren't in the memory of the process that reads the network, be it
    started, reloaded, started again or upgraded."""
    node = lan.node("a")
    secret = b"s3cr3tT0ken"

    def text(priority):
        return conf.file(
            conf.instance(priority=priority, version=3, advert=0.1, extra=[f'notify_master "/bin/true {secret.decode()} root"']),
            settings=(f"smtp_helo_name {secret.decode()}", f"config_save_dir {node.directory}/save", "script_user root")) + LVS

    hasup = Hasup(node, text(200)).start()
    hasup.wait_state("MASTER")
    assert memory_has(hasup.program.pid, secret), "it isn't looked for in the right way"
    assert not memory_has(hasup.worker(), secret)
    assert hasup.reload(text(201)).returncode == 0
    assert not memory_has(hasup.worker(), secret)
    before = hasup.worker()
    os.kill(before, 9)
    wait_for("another worker", lambda: hasup.roles().get("hasup-vrrp", []), lambda pids: pids and pids != [before], 5)
    hasup.wait_state("MASTER")
    assert not memory_has(hasup.worker(), secret)
    assert hasup.cli("upgrade", bound=20).returncode == 0
    hasup.wait_state("MASTER")
    assert not memory_has(hasup.worker(), secret)


def test_the_checker_has_nothing(master):
    """User hasup, no capability at all, no_new_privs, a seccomp filter."""
    view = kernel_view(master.worker("hasup-checker"))
    sealed(view, 0)
    assert view["cwd"] == master.run_dir


def test_the_reader_of_the_configuration_is_sealed(lan):
    """hasup-config, caught while it parses a large file: no capability, a filter, nothing that it could start."""
    node = lan.node("a")
    hasup = Hasup(node, conf.simple(200, version=3, advert=0.1)).start()
    hasup.wait_state("MASTER")
    large = [conf.instance(f"I{n}", vrid=n % 255 + 1, interface=f"none{n}", vips=(f"10.{n >> 8}.{n & 255}.1/32",))
             for n in range(8000)]
    node.write("hasup.conf", conf.file(conf.instance(priority=200, version=3, advert=0.1), *large))
    hasup.hangup()

    def parsing():
        for pid in hasup.roles().get("hasup-config", []):
            try:
                view = kernel_view(pid)
            except (OSError, KeyError):
                return None
            if view["seccomp"] == 2 and view["CapPrm"] == 0:
                return view
        return None

    # hasupd's filter and its own.
    view = wait_for("hasup-config to have sealed itself", parsing, bound=5)
    sealed(view, 0)
    assert view["filters"] == 2


def test_the_supervisor_keeps_only_what_it_needs(master):
    """docs/decisions, D2: always six capabilities, some more by configuration, never the rest."""
    view = kernel_view(master.program.pid)
    always = ("net_admin", "net_raw", "setuid", "setgid", "setpcap", "kill")
    allowed = (*always, "sys_nice", "ipc_lock", "chown", "dac_read_search", "dac_override", "sys_boot", "sys_admin")
    assert view["CapEff"] & ~sum(CAPABILITY[name] for name in allowed) == 0, hex(view["CapEff"])
    assert not view["CapEff"] & (CAPABILITY["sys_admin"] | CAPABILITY["sys_boot"]), "nothing here asks for them"
    for name in always:
        assert view["CapEff"] & CAPABILITY[name], name


def test_without_scripts_the_supervisor_is_sandboxed_too(master):
    """docs/decisions, D2: no script in the file, so no_new_privs, a bounding set that is cut to what is kept, a filter
    of system calls, Landlock, no core file. Its workers are what they were, also those that it starts now."""
    view = kernel_view(master.program.pid)
    assert view["no_new_privs"] == 1
    assert view["CapBnd"] == view["CapPrm"] == view["CapEff"], hex(view["CapBnd"])
    assert (view["seccomp"], view["filters"]) == (2, 1)
    assert view["core"] == ("0", "0")
    assert view["cwd"] == master.run_dir
    old = master.worker()
    os.kill(old, 9)
    wait_for("a new worker", lambda: master.roles().get("hasup-vrrp", []), lambda pids: pids and old not in pids, 3)
    master.wait_state("MASTER")
    new = kernel_view(master.worker())
    sealed(new, CAP_NET_ADMIN)
    assert new["filters"] == 2, "hasupd's and its own"
    shown = master.status().processes()
    for role in ("hasupd", "hasup-vrrp", "hasup-checker"):
        assert shown[role]["landlock"] is has_landlock(), shown[role]
        assert not shown[role]["dumpable"] and shown[role]["core_limit_bytes"] == 0


def has_landlock():
    """Whether the kernel has it: landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)."""
    return ctypes.CDLL(None).syscall(444, None, 0, 1) > 0


def test_with_scripts_nothing_is_inherited(lan):
    """docs/decisions, D2: hasupd's own sets and soft limits only; and scripts that come later need a restart."""
    node = lan.node("a")
    plain, scripted = (conf.simple(200, version=3, advert=0.1, extra=lines) for lines in ((), ("notify /bin/true",)))
    hasup = Hasup(node, scripted).start(launcher=("prlimit", "--core=4096:8192"))
    hasup.wait_state("MASTER")
    view = kernel_view(hasup.program.pid)
    assert (view["seccomp"], view["no_new_privs"]) == (0, 0)
    assert view["CapBnd"] != view["CapPrm"]
    assert view["core"] == ("0", "8192"), "scripts get it back"
    shown = hasup.status().processes()
    assert shown["hasupd"]["landlock"] is False and shown["hasup-vrrp"]["landlock"] is has_landlock()
    assert hasup.stop()[0] == 0

    hasup = Hasup(node, plain).start()
    hasup.wait_state("MASTER")
    refused = hasup.reload(scripted)
    told = " ".join(refused.stdout.split())
    assert refused.returncode == 1 and "Restart hasupd" in told, refused.stdout + refused.stderr
    line, column = next((number, text.index("notify") + len("notify ") + 1)
                        for number, text in enumerate(scripted.splitlines(), 1) if "notify" in text)
    assert f"hasup.conf:{line}:{column}: the new configuration has scripts" in told, told
    assert hasup.state() == "MASTER"
    upgrade = hasup.cli("upgrade")
    assert upgrade.returncode != 0 and "Restart hasupd" in " ".join((upgrade.stdout + upgrade.stderr).split())
    assert hasup.reload(plain).returncode == 0


def test_core_files_when_asked_for(lan):
    """--core: the limit that hasupd was started with is everybody's, and all are dumpable."""
    node = lan.node("a")
    hasup = Hasup(node, conf.simple(200, version=3, advert=0.1)).start(
        "--core", launcher=("prlimit", "--core=4096:8192"))
    hasup.wait_state("MASTER")
    for role, owner in (("hasupd", 0), ("hasup-vrrp", pwd.getpwnam("hasup").pw_uid)):
        view = kernel_view(hasup.worker(role))
        assert view["core"] == ("4096", "8192") and view["files_owner"] == owner, role
    assert hasup.status().processes()["hasup-vrrp"]["dumpable"]


def test_a_relative_path_means_what_it_meant_at_the_start(lan):
    """hasupd doesn't stay where it was started: reload and upgrade find the file all the same."""
    node = lan.node("a")
    hasup = Hasup(node, conf.simple(200, version=3, advert=0.1))
    full, hasup.config = hasup.config, os.path.basename(hasup.config)
    hasup.start(launcher=("env", "-C", os.path.dirname(full)))
    hasup.wait_state("MASTER")
    assert hasup.reload().returncode == 0
    done = hasup.cli("upgrade", bound=20)
    assert done.returncode == 0, done.stdout + done.stderr
    hasup.wait_state("MASTER")
    assert kernel_view(hasup.program.pid)["cwd"] == hasup.run_dir
    assert hasup.reload().returncode == 0


def test_upgrades_add_no_layer(lan):
    """Filters and Landlock can't be taken back, and Landlock has 16 layers: the next hasupd stays in the first one's."""
    node = lan.node("a")
    hasup = Hasup(node, conf.simple(200, version=3, advert=0.1)).start()
    hasup.wait_state("MASTER")
    for _ in range(3):
        assert hasup.cli("upgrade", bound=20).returncode == 0
        hasup.wait_state("MASTER")
    assert kernel_view(hasup.program.pid)["filters"] == 1
    shown = hasup.status().processes()
    assert shown["hasupd"]["landlock"] is has_landlock()
    assert "Landlock" not in shown["hasupd"].get("note", "") and "filter" not in shown["hasupd"].get("note", "")
    assert kernel_view(hasup.worker())["filters"] == 2


def test_status_shows_what_the_kernel_says(master):
    """`hasup status --processes`: pid, uid, capabilities, seccomp of each process are the kernel's."""
    shown = master.status().processes()
    roles = master.roles()
    for role in ("hasup-vrrp", "hasup-checker"):
        view = kernel_view(roles[role][0])
        assert shown[role]["pid"] == roles[role][0]
        assert {shown[role]["uid"]} == view["uids"]
        assert shown[role]["restarts"] == 0
    text = master.cli("status", "--processes").stdout
    for word in ("supervisor", "vrrp", "checker", "net_admin", *(str(pids[0]) for pids in roles.values())):
        assert word in text


def test_no_other_process_stays(master):
    """The configuration reader is gone after its work; nothing else runs."""
    assert set(master.roles()) == {"hasupd", "hasup-vrrp", "hasup-checker"}


def test_only_the_checker_maps_openssl(master):
    """Nothing that a VRRP-only site runs loads libssl; no daemon loads libstdc++ or Swift's shared library."""
    for role, pids in master.roles().items():
        with open(f"/proc/{pids[0]}/maps", encoding="utf-8") as file:
            maps = file.read()
        assert "libstdc++" not in maps and "libswiftCore" not in maps, role
        if role != "hasup-checker":
            assert "libssl" not in maps, role


def test_operators_may_ask_and_others_may_not(lan):
    """D3: the run directory is 0750 and the socket 0660, root:hasup; a member of the group is answered, nobody isn't."""
    node = lan.node("a")
    config = node.write("operators.conf", conf.simple(200, version=3, advert=0.1))
    hasupd = node.spawn([binary("hasupd"), "--foreground", "-f", config], "operators", private_run=True)
    wait_for("the address", lambda: node.holds("10.0.0.100"), bound=4)

    def ask(user, groups, *command):
        return subprocess.run(
            ["nsenter", f"--mount=/proc/{hasupd.pid}/ns/mnt", f"--net=/proc/{hasupd.pid}/ns/net", "--", "setpriv",
             "--reuid", user, "--regid", "nogroup", *groups, binary("hasup"), *command],
            capture_output=True, text=True, timeout=5, stdin=subprocess.DEVNULL)

    operator = grp.getgrnam("hasup").gr_gid
    # Its /run doesn't show the namespace's name.
    own = f"/run/hasup/netns-{os.stat(node.netns.path).st_ino}"
    for path, mode in (("/run/hasup", 0o750), (own, 0o750), (f"{own}/control.sock", 0o660)):
        found = os.stat(f"/proc/{hasupd.pid}/root{path}")
        assert stat.S_IMODE(found.st_mode) == mode, path
        assert (found.st_uid, found.st_gid) == (0, operator), path
    member = ask("nobody", ["--groups", "hasup"], "status")
    assert member.returncode == 0 and "MASTER" in member.stdout, member.stderr
    stranger = ask("nobody", ["--clear-groups"], "status")
    assert stranger.returncode == 2 and "group 'hasup'" in " ".join(stranger.stderr.split())
    worker = ask("hasup", ["--groups", "hasup"], "status")
    assert worker.returncode != 0, "an owned worker must not be served, whatever its groups"


def test_the_realtime_priority_follows_the_configuration(lan):
    """vrrp_rt_priority acts at a reload, on the worker that lives and on hasupd, and on the next worker."""
    node = lan.node("a")
    hasup = Hasup(node, conf.simple(200, version=3, advert=0.1)).start()
    hasup.wait_state("MASTER")

    def priorities():
        pids = (hasup.worker(), hasup.program.pid)
        return [(os.sched_getscheduler(pid) & os.SCHED_FIFO, os.sched_getparam(pid).sched_priority) for pid in pids]

    assert priorities() == [(os.SCHED_FIFO, 50), (os.SCHED_FIFO, 49)]
    done = hasup.reload(conf.simple(200, version=3, advert=0.1, settings=("vrrp_rt_priority 30",)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert priorities() == [(os.SCHED_FIFO, 30), (os.SCHED_FIFO, 29)]
    old = hasup.worker()
    os.kill(old, 9)
    wait_for("a new worker", lambda: hasup.roles().get("hasup-vrrp", []), lambda pids: pids and old not in pids, 3)
    # It exists a moment before it has asked for it.
    wait_for("its priority", lambda: priorities()[0], lambda seen: seen == (os.SCHED_FIFO, 30), 2)


def test_children_are_born_realtime_and_only_the_vrrp_worker_stays_so(lan):
    """D29: hasupd waits for no child on a loaded machine, and keeps SCHED_RESET_ON_FORK for whoever else forks."""
    hasup = Hasup(lan.node("a"), conf.simple(200, version=3, advert=0.1) + LVS).start()
    hasup.wait_state("MASTER")
    assert os.sched_getscheduler(hasup.worker()) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO
    assert os.sched_getscheduler(hasup.worker("hasup-checker")) == os.SCHED_OTHER
    assert hasup.reload().returncode == 0
    assert os.sched_getscheduler(hasup.program.pid) == os.SCHED_FIFO | os.SCHED_RESET_ON_FORK


@pytest.mark.parametrize("owner", ["of the file", "of the folder of an include"])
def test_a_file_of_somebody_else_is_read_again(lan, owner):
    """p11, D2: what a start can read, a reload and an upgrade can read, too; only then the right to do so is kept."""
    node = lan.node("a")
    folder = os.path.join(node.directory, "parts")
    os.mkdir(folder)
    part = os.path.join(folder, "part.conf")
    with open(part, "w", encoding="ascii") as file:
        file.write(conf.simple(200, version=3, advert=0.1))
    hasup = Hasup(node, f"include {folder}/*.conf\n")
    strange = hasup.config if owner == "of the file" else folder
    os.chown(strange, 4711, 4711)
    os.chmod(strange, 0o700 if os.path.isdir(strange) else 0o600)
    hasup.start()
    hasup.wait_state("MASTER")
    assert kernel_view(hasup.program.pid)["CapEff"] & CAPABILITY["dac_read_search"]
    sealed(kernel_view(hasup.worker()), CAP_NET_ADMIN)
    for number in range(2):
        with open(part, "w", encoding="ascii") as file:
            file.write(conf.simple(201 + number, version=3, advert=0.1))
        done = hasup.cli("reload")
        assert done.returncode == 0, done.stdout + done.stderr
        done = hasup.cli("upgrade", bound=20)
        assert done.returncode == 0, done.stdout + done.stderr
        assert kernel_view(hasup.program.pid)["CapEff"] & CAPABILITY["dac_read_search"]
    assert hasup.status().instance("VI_1")["priority"] == 202
    assert hasup.stop()[0] == 0


def test_a_file_that_becomes_somebody_elses(master):
    """D2: the right to read it was given up; a restart, which is no failover, gets it back."""
    assert not kernel_view(master.program.pid)["CapEff"] & CAPABILITY["dac_read_search"]
    os.chown(master.config, 4711, 4711)
    os.chmod(master.config, 0o600)
    done = master.cli("reload")
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1 and "the right to read files of other users" in told and "Restart hasupd" in told, told
    assert master.state() == "MASTER"
