"""Who and what else is there: other programs' names, namespaces without one, a clock that is set."""

import json
import os
import pwd
import re
import shutil
import subprocess
import sys

import pytest
from lab import conf, uml
from lab.hasup import Hasup, binary
from lab.waiting import wait_for

OTHER = "10.0.0.101"
GOOD = conf.simple(200, version=3, advert=0.1)


def test_who_is_only_called_keepalived(lan):
    """D24: a name is anybody's to choose; keepalived's exporter is no keepalived."""
    node = lan.node("a")
    programs = []
    for name, user in (("keepalived_exporter", None), ("keepalived", "nobody")):
        path = os.path.join(node.directory, name)
        shutil.copy("/bin/sleep", path)
        os.chmod(node.directory, 0o755)
        command = [path, "60"] if user is None else ["setpriv", "--reuid", user, "--clear-groups", path, "60"]
        programs.append(node.spawn(command, name))
    wait_for("their names", lambda: [open(f"/proc/{program.pid}/comm").read().strip() for program in programs],
             lambda names: names == ["keepalived_expo", "keepalived"])
    hasup = Hasup(node, GOOD).start()
    hasup.wait_state("MASTER")
    assert hasup.stop()[0] == 0
    shutil.copy("/bin/sleep", os.path.join(node.directory, "root-keepalived"))
    os.rename(os.path.join(node.directory, "root-keepalived"), os.path.join(node.directory, "keepalived"))
    real = node.spawn([os.path.join(node.directory, "keepalived"), "60"], "real")
    wait_for("its name", lambda: open(f"/proc/{real.pid}/comm").read().strip(), lambda name: name == "keepalived")
    hasup.start()
    assert hasup.program.wait(5) == 75
    assert "keepalived is running" in hasup.log()


def start_beside(node, command, name):
    """hasupd, started while this program runs in the node's namespace; and that program."""
    program = node.spawn(command, name)
    wait_for("its name", lambda: open(f"/proc/{program.pid}/comm").read().strip(), lambda text: text == name)
    return Hasup(node, GOOD, name="beside").start(), program


def test_a_setuid_program_called_keepalived(lan):
    """p04, D24: any user may start one by a link of that name, and it is root's as far as its effective user goes."""
    node = lan.node("a")
    os.chmod(node.directory, 0o755)
    program, link = os.path.join(node.directory, "waits"), os.path.join(node.directory, "keepalived")
    shutil.copy("/bin/sleep", program)
    os.chmod(program, 0o4755)
    os.symlink(program, link)
    hasup, other = start_beside(node, ["setpriv", "--reuid", "nobody", "--clear-groups", link, "60"], "keepalived")
    uids = re.search(r"Uid:\s+(\d+)\s+(\d+)", open(f"/proc/{other.pid}/status").read()).groups()
    assert uids == (str(pwd.getpwnam("nobody").pw_uid), "0")
    hasup.wait_state("MASTER")
    # Nor is one that is altogether root's, by the name of a link alone.
    assert hasup.stop()[0] == 0
    root, _ = start_beside(node, [link, "60"], "keepalived")
    root.wait_state("MASTER")


LOCKING = """
import fcntl, os, struct, sys, time
mode, kind = (os.O_RDWR, fcntl.F_WRLCK) if sys.argv[2] == "write" else (os.O_RDONLY, fcntl.F_RDLCK)
fcntl.fcntl(os.open(sys.argv[1], mode), 37, struct.pack("hhqqi4x", kind, 0, 0, 0, 0))
print("locked", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["read", "write"])
def test_who_locks_the_pid_file(lan, kind):
    """D24: to lock it for writing takes the right to write it, so that is a keepalived; a read lock is anybody's."""
    node = lan.node("a")
    script = node.write("hold.sh", f"""
        echo $$ >/run/keepalived.pid && chmod 644 /run/keepalived.pid
        {sys.executable} -c '{LOCKING}' /run/keepalived.pid {kind} >/run/held &
        while ! grep -q locked /run/held; do sleep 0.05; done
        exec {binary("hasupd")} -f {node.write("beside.conf", GOOD)} --foreground
    """)
    hasup = node.spawn(["sh", script], "hasup", private_run=True)
    if kind == "write":
        assert hasup.wait(5) == 75
        assert re.search(r"keepalived is running \(pid \d+, from /run/keepalived.pid\)", hasup.log()), hasup.log()
    else:
        wait_for("hasup as master", lambda: node.holds("10.0.0.100"), bound=4)
        assert hasup.stop()[0] == 0


def test_with_the_standard_descriptors_closed(lan):
    """p29: no file of hasupd's becomes what scripts take for their standard error, and what hasup prints goes nowhere else."""
    node = lan.node("a")
    os.chmod(node.directory, 0o755)
    seen = node.write("seen", "")
    os.chmod(seen, 0o666)
    script = node.write("notify.sh", f"#!/bin/sh\nfor n in 0 1 2; do readlink /proc/$$/fd/$n; done >{seen}\necho text >&2\n")
    os.chmod(script, 0o755)
    hasup = Hasup(node, conf.simple(200, version=3, advert=0.1, extra=[f'notify_master "{script}" nobody']))
    hasup.start(launcher=["sh", "-c", 'exec "$0" "$@" 0<&- 1>&- 2>&-'])
    hasup.wait_state("MASTER")
    wait_for("the script", lambda: open(seen, encoding="ascii").read().split(), lambda words: len(words) == 3, 3)
    for number in range(3):
        assert os.readlink(f"/proc/{hasup.program.pid}/fd/{number}") == "/dev/null"
        assert os.readlink(f"/proc/{hasup.worker()}/fd/{number}") == "/dev/null"
    told = open(seen, encoding="ascii").read().split()
    assert told[2] == "/dev/null", told
    lock = open(os.path.join(hasup.run_dir, "hasupd.lock"), encoding="ascii").read()
    assert lock.split() == [str(hasup.program.pid)]
    command = node.netns.command("sh", "-c", 'exec "$0" "$@" >&-', binary("hasup"), "status", "--control", hasup.control)
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 74 and "can't write the output" in done.stderr, done
    assert hasup.stop()[0] == 0


WITHOUT_NAMES = """
ip link add eth0 type veth peer name port && ip link set eth0 up && ip link set port up && ip address add 10.0.0.1/24 dev eth0 && exec "$@"
"""


def test_network_namespaces_without_names(lan):
    """Two hasupd that share /run, each in a network namespace without a name: each has its files, each is found."""
    node = lan.node("a")
    config = node.write("hasup.conf", GOOD)
    place = node.spawn(["sh", "-c", "touch /run/ready && exec sleep 300"], "place", private_run=True)
    wait_for("a /run", lambda: os.path.exists(f"/proc/{place.pid}/root/run/ready"))
    mounts = ["nsenter", f"--mount=/proc/{place.pid}/ns/mnt", "--"]

    def start(name, *options):
        command = [binary("hasupd"), "-n", "-f", config, *options]
        return node.spawn([*mounts, "unshare", "--net", "sh", "-c", WITHOUT_NAMES, "sh", *command], name)

    def ask(network, *command):
        return subprocess.run(["nsenter", f"--net={network}", *mounts, binary("hasup"), *command],
                              capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)

    def is_master(network, *options):
        return wait_for("MASTER", lambda: ask(network, "status", "--json", *options).stdout, lambda text: "MASTER" in text)

    daemons = [start("one"), start("two")]
    for daemon in daemons:
        network = f"/proc/{daemon.pid}/ns/net"
        assert json.loads(is_master(network))["daemon"]["pid"] == daemon.pid
        with open(f"/proc/{place.pid}/root/run/hasup/netns-{os.stat(network).st_ino}/hasup.pid", encoding="ascii") as file:
            assert int(file.read()) == daemon.pid
    other = node.write("beside.conf", conf.simple(100, vrid=52, version=3, advert=0.1, vips=[f"{OTHER}/24"]))
    beside = node.spawn(["nsenter", f"--net=/proc/{daemons[0].pid}/ns/net", *mounts, binary("hasupd"), "-n", "-f", other,
                         "--instance", "beside"], "beside")
    network = f"/proc/{beside.pid}/ns/net"
    assert json.loads(is_master(network, "--instance", "beside"))["daemon"]["pid"] == beside.pid
    assert json.loads(is_master(network))["daemon"]["pid"] == daemons[0].pid
    again = start("again")
    assert json.loads(is_master(f"/proc/{again.pid}/ns/net"))["daemon"]["pid"] == again.pid
    elsewhere = ask("/proc/self/ns/net", "status")
    assert elsewhere.returncode == 2
    for daemon in daemons:
        folder = f"/run/hasup/netns-{os.stat(f'/proc/{daemon.pid}/ns/net').st_ino}"
        assert f"nsenter --net --target $(cat {folder}/hasup.pid) hasup" in " ".join(elsewhere.stderr.split()), elsewhere.stderr
    for program in (*daemons, beside, again):
        assert program.stop(5)[0] == 0


def test_steps_of_the_clock():
    """The wall clock is set by a day, forth and back: no transition, nor over a worker's death (a kernel of its own)."""
    status, output = uml.run("/usr/bin/python3", os.path.join(os.path.dirname(__file__), "inside", "clock_steps.py"))
    assert status == 0 and "no transition" in output, output
