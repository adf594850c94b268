"""hasup on a node: the daemon, its processes, and the one place that knows how status looks."""

import os
import signal
import subprocess

from .net import run
from .program import alive, descendants
from .varlink import Wire
from .waiting import wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILT = os.environ.get("HASUP_BUILD", os.path.join(ROOT, ".build", "release"))
# A debug build does the same more slowly.
OPTIMIZED = os.path.basename(os.path.normpath(BUILT)) != "debug"
CLIENT_PYTHON = os.path.join(ROOT, ".venv", "bin", "python")


def binary(name):
    """Path of a built program; missing ones are a failure, never a skip."""
    path = os.path.join(BUILT, name)
    if not os.access(path, os.X_OK):
        raise AssertionError(f"{path} is missing: run make build")
    return path


class Status:
    """The answers of Status and Processes, by the names that their members have in the interface io.hasup."""

    def __init__(self, answer, processes=()):
        self.answer, self.shown = answer, processes

    def instance(self, name="VI_1"):
        """One instance as an object."""
        for entry in self.answer["instances"]:
            if entry["name"] == name:
                return entry
        raise AssertionError(f"no instance {name} in {self.answer}")

    def settled(self, name="VI_1"):
        """What only a change may change: an instance without counters and ages."""
        moving = ("counters", "in_state_seconds", "last_advert_age_seconds", "why_not_master", "last_transition",
                  "lease_age_seconds")
        return {key: value for key, value in self.instance(name).items() if key not in moving}

    def state(self, name="VI_1"):
        """INIT, BACKUP, MASTER or FAULT."""
        return self.instance(name)["state"]

    def reason(self, name="VI_1"):
        """Why it is in this state, in words."""
        entry = self.instance(name)
        if entry["state"] == "FAULT":
            return "; ".join(entry["faults"])
        return (entry.get("last_transition") or {}).get("text", "")

    def discarded(self, name="VI_1"):
        """Rejected packets by reason, zeros left out."""
        return {reason: count for reason, count in self.instance(name)["counters"]["discarded"].items() if count}

    def processes(self):
        """The processes as the daemon shows them, by program."""
        programs = {"supervisor": "hasupd", "vrrp": "hasup-vrrp", "checker": "hasup-checker",
                    "track": "hasup-track"}
        return {programs.get(entry["role"], entry["role"]): entry for entry in self.shown}


class Hasup:
    """hasupd in the foreground with a run directory and control socket of its own."""

    def __init__(self, node, config, name="hasup", instance=None, run_dir=None):
        self.node, self.name, self.instance_name = node, name, instance
        self.config = node.write(f"{name}.conf", config)
        self.run_dir = run_dir or os.path.join(node.directory, f"{name}-run")
        self.control = os.path.join(self.run_dir, "control.sock")
        self.program = None
        self.binary = binary("hasupd")
        # A command that becomes the daemon, whoever starts it.
        self.launcher = []

    def start(self, *arguments, launcher=(), **options):
        """Starts it in the foreground without waiting for anything; a launcher becomes the command behind it.

        A system call that isn't on a process's list ends that process, which nothing in the lab takes for normal.
        """
        command = [*launcher, *self.launcher, self.binary, "-f", self.config, "--foreground", "--control", self.control,
                   "--run-dir", self.run_dir, "--seccomp", "kill"]
        if self.instance_name:
            command += ["--instance", self.instance_name]
        self.program = self.node.spawn([*command, *arguments], self.name, **options)
        return self

    def cli(self, command, *arguments, bound=10.0):
        """Runs a `hasup` command against this daemon; returns the finished process with its output."""
        command = self.node.netns.command(binary("hasup"), command, "--control", self.control, *arguments)
        return subprocess.run(command, capture_output=True, text=True, timeout=bound, stdin=subprocess.DEVNULL)

    def status(self):
        """What the daemon says of itself on the control socket."""
        with Wire(self.control) as wire:
            answer = wire.call("io.hasup.Status")
            processes = wire.call("io.hasup.Processes")
        if not answer or "error" in answer or "error" in processes:
            raise AssertionError(f"status failed: {answer} {processes}")
        return Status(answer["parameters"], processes["parameters"]["processes"])

    def state(self, name="VI_1"):
        """State of an instance, or what keeps us from knowing it."""
        try:
            return self.status().state(name)
        except (AssertionError, KeyError, ValueError, OSError, TypeError) as error:
            return f"unknown ({error})"

    def wait_state(self, state, name="VI_1", bound=6.0):
        """Waits until an instance is in this state."""
        return wait_for(f"{name} on {self.node.name} to be {state}", lambda: self.state(name),
                        lambda seen: seen == state, bound)

    def reload(self, config=None, *options):
        """Changes the file and asks for a reload; returns the finished command."""
        if config is not None:
            self.node.write(f"{self.name}.conf", config)
        return self.cli("reload", *options)

    def roles(self):
        """Pids by role, read from the kernel: argv[0] of all that descends from the daemon, and of itself."""
        found = {}
        for pid in [self.program.pid, *descendants(self.program.pid)]:
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    role = os.path.basename(file.read().split(b"\0")[0].decode())
            except OSError:
                continue
            if alive(pid):
                found.setdefault(role, []).append(pid)
        return found

    def worker(self, role="hasup-vrrp", bound=2.0):
        """Pid of the one worker of this role."""
        return wait_for(f"one {role}", lambda: self.roles().get(role, []), lambda pids: len(pids) == 1, bound)[0]

    def log(self):
        """What the daemon has printed."""
        return self.program.log()

    def stop(self, bound=10.0):
        """SIGTERM; returns (exit status, seconds)."""
        return self.program.stop(bound)

    def hangup(self):
        """SIGHUP."""
        self.program.signal(signal.SIGHUP)

    def kill(self):
        """kill -9 of the daemon and its workers at once."""
        self.node.kill_everything() if self.instance_name is None else self.program.kill()
        self.program.process.wait(5)

    def running(self):
        """Whether the daemon still runs."""
        return self.program.running()


def kernel_view(pid):
    """Uid, groups, capabilities, seccomp, no_new_privs, limits, dumpable and folder of a process, from /proc."""
    view = {}
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        limits = {line[:26].strip(): tuple(line[26:].split()[:2]) for line in file}
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            key, _, value = line.partition(":")
            view[key] = value.split()
    return {"uids": {int(uid) for uid in view["Uid"]}, "gids": {int(gid) for gid in view["Gid"]},
            "groups": [int(group) for group in view["Groups"]], "seccomp": int(view["Seccomp"][0]),
            "no_new_privs": int(view["NoNewPrivs"][0]), "filters": int(view["Seccomp_filters"][0]),
            "core": limits["Max core file size"], "processes": limits["Max processes"],
            "files_owner": os.stat(f"/proc/{pid}/limits").st_uid, "cwd": os.readlink(f"/proc/{pid}/cwd"),
            **{name: int(view[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}}


def descriptors(pid):
    """Number of open descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def varlink_client(control, script):
    """Runs a script in the virtual environment that has PyPI's varlink; argv[1] is the socket's address."""
    return run(CLIENT_PYTHON, "-c", script, f"unix:{control}")


def has_varlink():
    """Whether PyPI's varlink package is there."""
    return subprocess.run([CLIENT_PYTHON, "-c", "import varlink"], capture_output=True, check=False).returncode == 0 \
        if os.path.exists(CLIENT_PYTHON) else False


