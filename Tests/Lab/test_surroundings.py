"""What surrounds the daemon fails or is strange: service goes on, and status says what is missing."""

import errno
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from lab import conf, uml
from lab.hasup import Hasup, binary
from lab.net import PREFIX
from lab.program import alive, children
from lab.varlink import Wire
from lab.waiting import wait_for
from test_continuity import replaced

VIP, OTHER = "10.0.0.100", "10.0.0.101"
GOOD = conf.simple(200, version=3, advert=0.1)
TWO = conf.simple(200, version=3, advert=0.1, vips=[f"{VIP}/24", f"{OTHER}/24"])


def two_addresses(lan):
    """A master with two addresses."""
    hasup = Hasup(lan.node("a"), TWO).start()
    hasup.wait_state("MASTER")
    wait_for("both addresses", lambda: hasup.node.holds(VIP) and hasup.node.holds(OTHER))
    return hasup


def test_what_a_reload_removes_goes_although_the_worker_hangs(lan):
    """R7: the worker hangs when the reload comes and is replaced: its successor removes what that took away."""
    hasup = two_addresses(lan)
    old = hasup.worker()
    os.kill(old, signal.SIGSTOP)
    hasup.node.write("hasup.conf", GOOD)
    hasup.hangup()
    replaced(hasup, old)
    wait_for("the removed address to go", lambda: hasup.node.holds(OTHER), lambda held: not held, 3)
    assert hasup.node.holds(VIP)
    assert hasup.stop()[0] == 0
    assert not hasup.node.addresses() & {VIP, OTHER}


def test_what_a_reload_removes_goes_although_no_worker_begins(lan):
    """D14: the worker hangs when the reload comes, its successor before it begins: hasup-withdraw knows what ran before."""
    hasup = two_addresses(lan)
    old = hasup.worker()
    halted, over = [], threading.Event()

    def halt():
        # Before the successor, or it would get as far as to remove something itself.
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_FIFO, os.sched_param(80))
        while not halted and not over.is_set():
            for pid in children(hasup.program.pid):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        if pid != old and file.read().startswith(b"hasup-vrrp\0"):
                            os.kill(pid, signal.SIGSTOP)
                            halted.append(pid)
                except (ProcessLookupError, FileNotFoundError):
                    pass
            time.sleep(0.0002)

    hunter = threading.Thread(target=halt, daemon=True)
    hunter.start()
    try:
        os.kill(old, signal.SIGSTOP)
        hasup.node.write("hasup.conf", GOOD)
        hasup.hangup()
        # It is ended a second after its start, and its successor removes what is left.
        wait_for("the removed address to go", lambda: hasup.node.holds(OTHER), lambda held: not held, 4)
    finally:
        over.set()
        hunter.join(2)
    assert re.search(rf"hasup-withdraw: no VRRP worker has advertised for too long: .*{re.escape(OTHER)}/24", hasup.log())
    hasup.wait_state("MASTER", bound=20)
    assert hasup.node.holds(VIP) and not hasup.node.holds(OTHER)
    assert hasup.stop()[0] == 0


def test_what_a_reload_removes_goes_although_everything_is_killed(lan):
    """R7: the ledger keeps a configuration until a worker has said that nothing of it is left."""
    hasup = two_addresses(lan)
    old = hasup.worker()
    os.kill(old, signal.SIGSTOP)
    for text in (GOOD, GOOD.replace("priority 200", "priority 201"), GOOD):
        hasup.node.write("hasup.conf", text)
        hasup.hangup()
    hasup.kill()
    assert hasup.node.holds(OTHER)
    hasup.start()
    hasup.wait_state("MASTER")
    assert not hasup.node.holds(OTHER)
    ledgers = wait_for("one copy", lambda: [name for name in os.listdir(hasup.run_dir) if name.startswith("ledger-")],
                       lambda names: len(names) == 1, 2)
    assert ledgers[0].endswith(".2") or ledgers[0].endswith(".3"), ledgers


def fill(descriptor):
    """Writes into a pipe until it takes nothing more."""
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_NONBLOCK)
    for size in (65536, 1):
        try:
            while True:
                os.write(descriptor, bytes(size))
        except BlockingIOError:
            pass


def test_a_blocked_log_pipe(lan):
    """Nobody reads standard error: adverts go on, hasupd answers; when it dies, the worker hands over in its grace."""
    node = lan.node("a")
    pipe = os.path.join(node.directory, "stderr")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR)
    hasup = Hasup(node, GOOD).start(launcher=["sh", "-c", 'exec 2>"$0"; exec "$@"', pipe])
    hasup.wait_state("MASTER")
    fill(reader)
    for _ in range(3):
        assert hasup.reload(GOOD.replace("priority 200", "priority 2000")).returncode == 1
    assert hasup.state() == "MASTER"
    assert "log lines aren't taken" in hasup.cli("status").stdout
    worker = hasup.worker()
    hasup.program.signal(signal.SIGKILL)
    wait_for("the worker to hand over", lambda: alive(worker), lambda lives: not lives, 5)
    assert not node.holds(VIP)
    os.close(reader)


def test_a_read_only_run_directory(lan, tmp_path):
    """It becomes read-only while hasupd runs: reloads go on, and status says what is missing."""
    directory = tmp_path / "run"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(directory)], check=True)
    try:
        hasup = Hasup(lan.node("a"), GOOD, run_dir=str(directory / "hasup")).start()
        hasup.wait_state("MASTER")
        # What is open for writing keeps a file system from becoming read-only; a bind mount may.
        subprocess.run(["mount", "--bind", str(directory), str(directory)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(directory)], check=True)
        assert hasup.reload(GOOD.replace("priority 200", "priority 201")).returncode == 0
        assert hasup.status().instance()["priority"] == 201
        wait_for("the problem", lambda: hasup.cli("status").stdout, lambda text: "Read-only file system" in text)
        assert hasup.state() == "MASTER"
        subprocess.run(["umount", str(directory)], check=True)
        assert hasup.reload(GOOD).returncode == 0
        assert "Read-only" not in hasup.cli("status").stdout
        assert hasup.stop()[0] == 0
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=False)
        subprocess.run(["umount", "-l", str(directory)], check=False)


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


def test_stop_during_an_upgrade(lan):
    """SIGTERM that comes when the answer to `hasup upgrade` has left: hasupd stops."""
    hasup = Hasup(lan.node("a"), GOOD).start()
    hasup.wait_state("MASTER")
    with Wire(hasup.control) as wire:
        answer = wire.call("io.hasup.Upgrade")
        hasup.program.signal(signal.SIGTERM)
    assert "error" not in answer, answer
    assert hasup.program.wait(6) == 0
    assert not hasup.node.holds(VIP)


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


def in_place(hasup):
    """Whether status can be asked, and knows no problem."""
    return hasup.state() == "MASTER" and not hasup.status().answer["daemon"]["problems"]


def test_the_run_directory_is_removed(lan):
    """hasupd makes it, its lock, the socket and the history anew; nobody notices on the network."""
    scripts = conf.simple(200, version=3, advert=0.1, extra=["notify /bin/true"])
    hasup = Hasup(lan.node("a"), scripts).start()
    hasup.wait_state("MASTER")
    before = hasup.status().instance()["last_transition"]["unix_seconds"]
    for _ in range(2):
        shutil.rmtree(hasup.run_dir)
        wait_for("the control socket", lambda: in_place(hasup), bound=4)
    history = hasup.cli("history").stdout
    assert "MASTER" in history and "somebody has removed the run directory" in history, history
    assert os.stat(hasup.run_dir).st_mode & 0o777 == 0o750
    assert {"hasup.pid", "hasupd.lock", "vrrp-worker", "history"} < set(os.listdir(hasup.run_dir))
    assert any(name.startswith("ledger-") for name in os.listdir(hasup.run_dir))
    beside = Hasup(lan.node("b"), scripts, run_dir=hasup.run_dir).start()
    assert beside.program.wait(5) == 75 and "another hasupd runs" in beside.log()
    assert hasup.cli("upgrade").returncode == 0
    wait_for("what it became", lambda: in_place(hasup), bound=4)
    assert hasup.status().instance()["last_transition"]["unix_seconds"] == before
    assert hasup.stop()[0] == 0
    assert not os.path.exists(hasup.control)


def test_the_run_directory_is_removed_and_hasupd_is_sealed(lan):
    """Without scripts it may make the folder and the socket only: status says what is missing until it is restarted."""
    hasup = Hasup(lan.node("a"), GOOD).start()
    hasup.wait_state("MASTER")
    os.unlink(hasup.control)
    wait_for("the control socket", lambda: in_place(hasup), bound=4)
    shutil.rmtree(hasup.run_dir)
    wait_for("the problem", lambda: " ".join(hasup.cli("status").stdout.split()),
             lambda text: "can't be at home in a new one" in text, 4)
    assert hasup.state() == "MASTER"
    assert hasup.reload(GOOD.replace("priority 200", "priority 201")).returncode == 0
    refused = hasup.cli("upgrade")
    assert refused.returncode == 1 and "can't be at home in a new one" in " ".join(refused.stderr.split()), refused
    assert hasup.log().count("can't be at home in a new one") == 1
    assert hasup.stop()[0] == 0
    hasup.start()
    wait_for("all well", lambda: in_place(hasup), bound=4)
    assert hasup.stop()[0] == 0


def test_a_socket_of_somebody_else_is_left(lan):
    """The control socket is replaced by another program's: that stays, also at the end."""
    hasup = Hasup(lan.node("a"), GOOD).start()
    hasup.wait_state("MASTER")
    os.unlink(hasup.control)
    other = socket.socket(socket.AF_UNIX)
    other.bind(hasup.control)
    other.listen(8)
    wait_for("a line", hasup.log, lambda text: "nobody can ask hasupd" in text, 4)
    assert hasup.stop()[0] == 0
    assert os.path.exists(hasup.control)
    other.close()


def lost_notifications(node):
    """Netlink sockets of this namespace that have lost messages (/proc/net/netlink, Drops)."""
    lines = node.netns.run("cat", "/proc/thread-self/net/netlink").splitlines()
    place = lines[0].split().index("Drops")
    return sum(int(line.split()[place]) > 0 for line in lines[1:])


def test_a_listener_that_accepts_nobody_holds_nobody_up(lan):
    """D6: somebody else's socket at the control path, with as many waiting as it takes: to look at it must not block."""
    a = Hasup(lan.node("a"), conf.simple(255, version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    os.unlink(a.control)
    waiting = []
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(a.control)
        other.listen(0)
        while True:
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            try:
                waiting[-1].connect(a.control)
            except BlockingIOError:
                break
        wait_for("it to be told", a.log, lambda log: "control socket" in log and "Address already in use" in log, 5)
        worker = a.roles()["hasup-vrrp"][0]
        os.kill(worker, signal.SIGKILL)
        wait_for("another worker", a.roles, lambda roles: roles.get("hasup-vrrp", [worker]) != [worker], 1)
    for client in waiting:
        client.close()
    os.unlink(a.control)
    a.wait_state("MASTER", bound=5)


def test_more_notifications_than_the_socket_holds(lan):
    """ENOBUFS: what happened while the worker was away and what it was never told of is noticed all the same."""
    node = lan.node("a")
    node.plug("eth1", "p-second", address=False)
    node.netns.ip("address", "add", "10.0.1.1/24", "dev", "eth1")

    def config(advert):
        return conf.file(conf.instance("VI_1", priority=200, version=3, advert=advert), conf.instance(
            "VI_2", priority=200, version=3, advert=advert, vrid=52, interface="eth1", vips=["10.0.1.100/24"]))

    hasup = Hasup(node, config(0.1)).start()
    hasup.wait_state("MASTER")
    hasup.wait_state("MASTER", "VI_2")
    # The watchdog then waits for longer than the burst takes.
    assert hasup.reload(config(10)).returncode == 0
    burst = "".join(f"link set lo mtu {mtu}\n" for mtu in range(50000, 60000))
    batch = node.write("burst", f"{burst}address del {VIP}/24 dev eth0\nlink set eth1 down\n")
    worker = hasup.worker()
    os.kill(worker, signal.SIGSTOP)
    try:
        node.netns.ip("-batch", batch)
        assert lost_notifications(node), "the burst was too small to overflow the socket"
    finally:
        os.kill(worker, signal.SIGCONT)
    wait_for("the address", lambda: node.holds(VIP), bound=3)
    hasup.wait_state("FAULT", "VI_2", bound=3)
    assert hasup.worker() == worker, "it was replaced: the burst took longer than the watchdog waits"
    assert hasup.state() == "MASTER"
    assert hasup.log().count("had more to tell than could be read") == 1
    assert hasup.reload(config(0.1)).returncode == 0
    node.netns.ip("link", "set", "eth1", "up")
    hasup.wait_state("MASTER", "VI_2")
    assert node.holds("10.0.1.100")
    assert hasup.stop()[0] == 0


def test_steps_of_the_clock():
    """The wall clock is set by a day, forth and back: no transition, nor over a worker's death (a kernel of its own)."""
    status, output = uml.run("/usr/bin/python3", os.path.join(os.path.dirname(__file__), "inside", "clock_steps.py"))
    assert status == 0 and "no transition" in output, output


class MemoryGroup:
    """A cgroup with a limit of memory, of version 1 or 2."""

    def __init__(self):
        name = f"{PREFIX}-memory"
        if os.path.exists("/sys/fs/cgroup/memory/memory.limit_in_bytes"):
            self.folder, self.limit_file, self.use_file = f"/sys/fs/cgroup/memory/{name}", "memory.limit_in_bytes", \
                "memory.usage_in_bytes"
        else:
            with open("/sys/fs/cgroup/cgroup.subtree_control", "w", encoding="ascii") as file:
                file.write("+memory")
            self.folder, self.limit_file, self.use_file = f"/sys/fs/cgroup/{name}", "memory.max", "memory.current"
        os.mkdir(self.folder)

    def launcher(self):
        """A command in front of another one, which is in the group then."""
        return ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', self.folder]

    def use(self):
        """Bytes that are used."""
        with open(f"{self.folder}/{self.use_file}", encoding="ascii") as file:
            return int(file.read())

    def limit(self, size):
        """Sets the limit; False when so much can't be freed (version 1 says so)."""
        try:
            with open(f"{self.folder}/{self.limit_file}", "w", encoding="ascii") as file:
                file.write(str(size))
        except OSError as error:
            assert error.errno == errno.EBUSY, error
            return False
        return True

    def close(self):
        """Removes it; nothing may be left in it."""
        wait_for("an empty group", lambda: open(f"{self.folder}/cgroup.procs", encoding="ascii").read(),
                 lambda text: not text)
        os.rmdir(self.folder)


@pytest.fixture
def memory_group(lan):
    """A group for a program on the LAN, removed when that is gone."""
    group = MemoryGroup()
    yield group
    for node in lan.nodes.values():
        node.kill_everything()
    group.close()


def test_memory_is_short(memory_group, pair, sniffer):
    """A small cgroup: what grows in it is ended, and status says so; hardly any memory, and nobody takes over."""
    # Who reads a page of a program first pays for it: what nobody has read yet would be the group's, and at the least
    # limit it could neither be kept nor read again.
    with open(binary("hasupd"), "rb") as program:
        assert program.read()
    a = Hasup(pair[0], GOOD).start(launcher=memory_group.launcher())
    a.wait_state("MASTER")
    b = Hasup(pair[1], conf.simple(100, version=3, advert=0.1)).start()
    b.wait_state("BACKUP")
    assert memory_group.limit(memory_group.use() + (16 << 20))
    hog = pair[0].spawn([*memory_group.launcher(), "/usr/bin/python3", "-c", "x = bytearray(1 << 30); input()"], "hog")
    assert hog.wait(10) == -signal.SIGKILL
    told = wait_for("the reason in status", lambda: " ".join(a.cli("status").stdout.split()),
                    lambda text: "used up" in text, 4)
    assert "the kernel has ended a process in it" in told and "MASTER" in told
    size = memory_group.use()
    while size > 1 << 20 and memory_group.limit(size - (size >> 4)):
        size -= size >> 4
    sniffer.wait_advert(pair[0], since=time.time(), count=20)
    # A reload starts a process more, and something would have to be ended for it.
    assert memory_group.limit(size + (16 << 20))
    assert a.reload(GOOD.replace("priority 200", "priority 201")).returncode == 0
    assert a.state() == "MASTER"
    assert a.status().processes()["hasup-vrrp"]["restarts"] == 0
    assert b.status().instance()["counters"]["became_master"] == 0
    assert a.stop()[0] == 0
