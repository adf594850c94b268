"""Room, memory or a reader is missing: service goes on, and status says so."""

import errno
import fcntl
import os
import signal
import subprocess
import time

import pytest
from lab import conf
from lab.hasup import Hasup, binary
from lab.net import PREFIX
from lab.program import alive
from lab.waiting import wait_for

VIP = "10.0.0.100"
GOOD = conf.simple(200, version=3, advert=0.1)


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
    assert "lost: the reader of hasupd's standard error" in " ".join(hasup.cli("status").stdout.split())
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


def lost_notifications(node):
    """Netlink sockets of this namespace that have lost messages (/proc/net/netlink, Drops)."""
    lines = node.netns.run("cat", "/proc/thread-self/net/netlink").splitlines()
    place = lines[0].split().index("Drops")
    return sum(int(line.split()[place]) > 0 for line in lines[1:])


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
    assert hasup.log().count("notifications came faster than they were read") == 1
    assert hasup.reload(config(0.1)).returncode == 0
    node.netns.ip("link", "set", "eth1", "up")
    hasup.wait_state("MASTER", "VI_2")
    assert node.holds("10.0.1.100")
    assert hasup.stop()[0] == 0


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
    """A small cgroup: what grows in it is ended; hardly any memory, and nobody takes over."""
    # Who reads a page of a program first pays for it: what nobody has read yet would be the group's, and at the least
    # limit it could neither be kept nor read again.
    with open(binary("hasupd"), "rb") as program:
        assert program.read()
    a = Hasup(pair[0], GOOD).start(launcher=memory_group.launcher())
    a.wait_state("MASTER")
    b = Hasup(pair[1], conf.simple(100, version=3, advert=0.1)).start()
    b.wait_state("BACKUP")
    # More than a process of hasup's shows, pages of its program included: the kernel ends the greatest.
    assert memory_group.limit(memory_group.use() + (64 << 20))
    hog = pair[0].spawn([*memory_group.launcher(), "/usr/bin/python3", "-c", "x = bytearray(1 << 30); input()"], "hog")
    assert hog.wait(10) == -signal.SIGKILL
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
