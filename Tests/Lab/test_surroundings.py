"""Who and what else is there: other programs' names, namespaces without one, a clock that is set."""

import json
import os
import shutil
import subprocess

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
    assert "keepalived runs here" in hasup.log()


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
