"""A machine with systemd as process 1 and hasup installed: systemd-nspawn over the host's own files, in a node's network.

Nothing of the host is written: its files are the lower layer of an overlay whose upper one is in memory. Only what is
asked for is started: the target `lab.target` needs what every service needs, and nothing else.
"""

import glob
import grp
import os
import shutil
import subprocess
import uuid

from .hasup import Hasup, ROOT
from .launch import install
from .net import PREFIX
from .program import alive, children, end_processes
from .waiting import wait_for

LEFT = "/run/systemd/nspawn"
CAPABILITIES = "CAP_NET_ADMIN,CAP_NET_RAW,CAP_IPC_LOCK,CAP_SYS_NICE,CAP_SYS_RESOURCE"
# All mounts are this namespace's own. The cgroup is the machine's, so that what is left can be removed by name.
BOOT = """set -e
tree=$1 root=$2 name=$3; shift 3
for group in "$@"; do echo $$ >"$group/cgroup.procs"; done
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
mkdir "$root/upper" "$root/work" "$root/all"
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$root/all"
rm -rf "$root/all/etc/systemd/system"
cp -a "$tree/." "$root/all/"
exec systemd-nspawn -q -D "$root/all" -M "$name" --register=no --keep-unit --link-journal=no \
    --network-namespace-path="/run/netns/$name" --capability=%s --console=pipe \
    --kill-signal=SIGRTMIN+4 -b systemd.unit=lab.target systemd.show_status=no
""" % CAPABILITIES
# What a machine that forbids mounts or containers says: then there is nothing to test.
REFUSALS = ("Operation not permitted", "Permission denied", "Read-only file system")
TARGET = """[Unit]
Requires=sysinit.target dbus.service
After=sysinit.target dbus.service
AllowIsolate=yes
"""


class CannotBoot(Exception):
    """systemd-nspawn itself couldn't start a container here, for this reason."""


class Machine:
    """A booted machine on a node."""

    def __init__(self, node, config, drop_ins=()):
        self.node, self.groups = node, []
        self.had_left = os.path.exists(LEFT)
        self.tree = install(os.path.join(node.directory, "tree"))
        self.write("etc/machine-id", uuid.uuid4().hex + "\n")
        self.write("etc/fstab", "")
        self.write("etc/keepalived/keepalived.conf", config)
        self.write("etc/systemd/system/lab.target", TARGET)
        for unit, text in drop_ins:
            self.write(f"etc/systemd/system/{unit}.d/lab.conf", text)
        self.root = os.path.join(node.directory, "root")
        os.mkdir(self.root)
        for hierarchy in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"):
            if os.path.exists(f"{hierarchy}/cgroup.procs"):
                self.groups.append(f"{hierarchy}/{PREFIX}-{node.name}")
                os.mkdir(self.groups[-1])
        self.program = node.spawn(["unshare", "--mount", "bash", "-c", BOOT, "bash", self.tree, self.root,
                                   node.netns.name, *self.groups], "boot")
        try:
            self.leader = self._leader()
            wait_for("the target", lambda: self.control("is-active", "lab.target"), lambda text: text == "active", 30)
        except BaseException:
            self.close()
            raise
        self.hasup = Hasup(node, config, name="machine")
        self.hasup.control = f"/proc/{self.leader}/root/run/hasup/control.sock"

    def _leader(self):
        """Process 1 of the machine, by its number here."""
        def find():
            if not self.program.running():
                log = self.program.log()[-1000:].strip()
                refused = [line for line in log.splitlines() if any(word in line for word in REFUSALS)]
                assert refused, f"the machine has ended: {log}"
                raise CannotBoot(refused[-1])
            for pid in children(self.program.pid):
                try:
                    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
                except OSError:
                    continue
                if fields.get("NSpid", "").split()[-1:] == ["1"] and fields.get("Name") == "systemd":
                    return pid
            return None
        return wait_for("process 1", find, bound=15)

    def write(self, path, text):
        """A file of the machine, before it boots."""
        full = os.path.join(self.tree, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *command, check=True, bound=20):
        """Runs a command inside; returns the finished process."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-m", "-p", "-n", "-u", "-i", "-r", "-w", "--", *command],
            capture_output=True, text=True, timeout=bound, stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, f"{command}: {done.stderr or done.stdout}\n{self.journal()}"
        return done

    def control(self, *words):
        """systemctl, and what it printed, whatever its exit status."""
        return self.run("systemctl", *words, check=False).stdout.strip()

    def show(self, unit, name):
        """One property of a unit."""
        return self.control("show", "--value", f"--property={name}", unit)

    def journal(self):
        """The last lines of hasupd in the machine's journal."""
        return self.run("journalctl", "--no-pager", "-n", "60", "-t", "hasupd", "-t", "systemd", check=False).stdout

    def operators_may_look(self):
        """Whether the run directory is the operators' group's (D3): systemd makes it root's at every command it starts."""
        found = os.stat(f"/proc/{self.leader}/root/run/hasup")
        return (found.st_gid, found.st_mode & 0o777) == (grp.getgrnam("hasup").gr_gid, 0o750)

    def count(self, text):
        """How many lines of systemd's in the journal have this text."""
        return self.run("journalctl", "--no-pager", "-t", "systemd").stdout.count(text)

    def main_pid(self, unit):
        """The service's main process as systemd sees it, by its number inside."""
        return int(self.show(unit, "MainPID") or 0)

    def outside(self, pid):
        """The number here of a process inside."""
        for folder in glob.glob("/proc/[0-9]*"):
            try:
                with open(f"{folder}/status", encoding="ascii", errors="replace") as file:
                    numbers = next((line.split()[1:] for line in file if line.startswith("NSpid:")), [])
                if numbers[-1:] == [str(pid)] and len(numbers) > 1 and \
                        os.stat(f"{folder}/ns/pid").st_ino == os.stat(f"/proc/{self.leader}/ns/pid").st_ino:
                    return int(os.path.basename(folder))
            except OSError:
                continue
        return None

    def processes(self):
        """Pids here by role, of hasup's processes in the machine."""
        found = {}
        inside = os.stat(f"/proc/{self.leader}/ns/pid").st_ino
        for folder in glob.glob("/proc/[0-9]*"):
            try:
                if os.stat(f"{folder}/ns/pid").st_ino != inside:
                    continue
                with open(f"{folder}/cmdline", "rb") as file:
                    role = os.path.basename(file.read().split(b"\0")[0].decode())
            except OSError:
                continue
            pid = int(os.path.basename(folder))
            if role.startswith("hasup") and alive(pid):
                found.setdefault(role, []).append(pid)
        return found

    def close(self):
        """Ends it at once and removes what it has left: cgroups, and nspawn's folders if they weren't there before."""
        leader = getattr(self, "leader", None)
        if leader:
            end_processes([leader])
        try:
            self.program.wait(10)
        except AssertionError:
            self.program.kill()
        for group in self.groups:
            folders = [folder for folder, _, _ in os.walk(group, topdown=False)]
            for folder in folders:
                wait_for(f"{folder} to be empty", lambda: _removed(folder), bound=5)  # pylint: disable=W0640
        if not self.had_left:
            shutil.rmtree(LEFT, ignore_errors=True)


def _removed(folder):
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def no_scripts():
    """The drop-in for machines without scripts, as it is installed."""
    with open(os.path.join(ROOT, "packaging", "systemd", "no-scripts.conf"), encoding="utf-8") as file:
        return file.read()
