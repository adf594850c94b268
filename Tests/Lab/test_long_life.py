"""Years in minutes: reloads, deaths, flapping links and scripts, and nothing that grows."""

import os
import random
import signal
import statistics
import time

import pytest
from lab import conf
from lab.forge import LONG
from lab.launch import without
from lab.hasup import Hasup, descriptors
from lab.program import alive, children
from lab.random_conf import configuration
from lab.waiting import wait_for

VIP = "10.0.0.100"
SANITIZED = bool(os.environ.get("HASUP_SANITIZER"))


def memory(hasup, kinds=("Pss_Anon", "Pss_Shmem")):
    """Kilobytes of all processes together that go only when they do. What is mapped from files isn't counted: the kernel
    maps as much of a program around a fault as lies together in its cache, 64 KiB or 1 MiB."""
    total = 0
    for pid in hasup.program.family():
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.split(":")[0] in kinds)
        except ProcessLookupError:
            # A script that has ended meanwhile isn't at rest, and looked at again.
            pass
    return total


def holdings(hasup):
    """Open descriptors by role, and the number of processes."""
    roles = {role: [descriptors(pid) for pid in pids] for role, pids in hasup.roles().items()}
    return roles, len(hasup.program.family())


def at_rest(hasup):
    """Memory after the daemon has given back what only events need: two seconds after the last one (decisions, D30)."""
    return wait_for("memory at rest", lambda: (memory(hasup), time.sleep(3), memory(hasup)),
                    lambda seen: abs(seen[0] - seen[2]) < 16, 30)[2]


def test_many_reloads_leak_nothing(lan):
    """R2: reloads over random pairs of files: no death, as many descriptors, less than 2 MiB more.

    Under the address sanitizer (`make lab-asan`), which keeps what was freed to find uses of it, only its findings count.
    """
    node = lan.node("a")
    node.netns.ip("link", "add", "eth1", "type", "veth", "peer", "name", "far1")
    for name in ("eth1", "far1"):
        node.netns.ip("link", "set", name, "up")
    # The sanitizer makes system calls that no filter expects, and what it slows down isn't hung: without the right to be
    # realtime there is no fuse.
    hasup = Hasup(node, configuration(random.Random(0)))
    hasup.start(*(["--seccomp", "errno"] if SANITIZED else []), launcher=without("sys_nice") if SANITIZED else ())
    wait_for("the daemon", hasup.state, lambda state: "unknown" not in state or "no instance" in state)

    def reload(seeds):
        for seed in seeds:
            done = hasup.reload(configuration(random.Random(seed)))
            assert done.returncode == 0, (seed, done.stdout + done.stderr)

    reload(range(1, 40))
    before, held = 0 if SANITIZED else at_rest(hasup), holdings(hasup)
    reload([*range(40, 2040 if LONG else 160), 39])
    assert wait_for("as many descriptors and processes", lambda: holdings(hasup), lambda now: now == held, 3)
    if not SANITIZED:
        assert at_rest(hasup) - before < 2048
    assert hasup.status().processes()["hasup-vrrp"]["restarts"] == 0
    assert hasup.stop()[0] == 0
    assert "Sanitizer" not in hasup.log()


class Soak:
    """Two daemons, and what happens to them in a round."""

    def __init__(self, lan, pair):
        self.lan, self.pair = lan, pair
        self.dice = random.Random(20260101)
        script = pair[0].write("notify.sh", "#!/bin/sh\nexit 0\n")
        os.chmod(script, 0o755)
        self.extra = [f'notify "{script}"']
        self.daemons = [Hasup(node, self.file(priority)).start() for node, priority in zip(pair, (200, 100))]
        self.a = self.daemons[0]
        lan.wait_holder(VIP, "a")

    def file(self, priority, vips=(f"{VIP}/24",)):
        """Each flap of the link makes each of the other instances run a script twice on both nodes: a storm."""
        storm = [conf.instance(f"S_{number}", vrid=number, priority=priority, version=3, advert=0.1,
                               vips=[f"10.0.1.{number}/32"], extra=self.extra) for number in range(60, 80)]
        return conf.file(conf.instance(priority=priority, version=3, advert=0.1, vips=vips, extra=self.extra), *storm,
                         settings=["script_user root", "enable_script_security"])

    def flap(self):
        self.lan.link(self.pair[0], False)
        self.lan.wait_holder(VIP, "b", 3)
        self.lan.link(self.pair[0], True)

    def reload(self):
        number = self.dice.randint(101, 120)
        assert self.a.reload(self.file(200, (f"{VIP}/24", f"10.0.0.{number}/24"))).returncode == 0

    def kill(self):
        victim = self.dice.choice(self.daemons)
        old = victim.worker(bound=5)
        os.kill(old, signal.SIGKILL)
        wait_for("another worker", lambda: victim.roles().get("hasup-vrrp", []),
                 lambda pids: len(pids) == 1 and pids != [old], 5)

    def partition(self):
        self.lan.cut(self.pair[1])
        self.lan.heal()

    def upgrade(self):
        done = self.dice.choice(self.daemons).cli("upgrade", bound=20)
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self):
        for daemon in self.daemons:
            daemon.cli("status")

    def round_of_all(self):
        for action in self.dice.sample(
                (self.flap, self.reload, self.kill, self.partition, self.upgrade, self.ask), 6):
            action()
        self.lan.wait_holder(VIP, "a", 8)

    def rest(self):
        """What both hold at rest after a round. What a process holds differs by some pages from life to life (by 2 % of
        them all together), so it's the median of nine lives."""
        sizes = []
        for _ in range(9):
            self.round_of_all()
            assert self.a.reload(self.file(200)).returncode == 0
            self.lan.wait_holder(VIP, "a")
            sizes.append([at_rest(daemon) for daemon in self.daemons])
        return [statistics.median(size) for size in zip(*sizes)], [holdings(daemon) for daemon in self.daemons]


@pytest.mark.minutes
def test_soak(lan, pair, record_property):
    """C4: whatever happens for however long: one holder afterwards, and no more memory, descriptors or processes."""
    soak = Soak(lan, pair)
    # The history is part of what they hold, and grows until it has 1,000 lines: some 60 a round.
    for _ in range(30):
        soak.round_of_all()
    before, held = soak.rest()
    used, begun = [daemon.program.processor_seconds() for daemon in soak.daemons], time.monotonic()
    rounds = 0
    while time.monotonic() - begun < (3600 if LONG else 100):
        soak.round_of_all()
        rounds += 1
    took = time.monotonic() - begun
    share = [(daemon.program.processor_seconds() - start) / took for daemon, start in zip(soak.daemons, used)]
    after, _ = soak.rest()
    for daemon, holding in zip(soak.daemons, held):
        wait_for("as many descriptors and processes", lambda: holdings(daemon), lambda now: now == holding, 3)
        wait_for("no zombie", lambda: [child for child in children(daemon.program.pid) if not alive(child)],
                 lambda found: not found, 3)
    growth = [(now - then) / then for now, then in zip(after, before)]
    record_property("rounds", rounds)
    record_property("growth", growth)
    record_property("processor", share)
    print(f"{rounds} rounds: memory grew by", ", ".join(f"{part:.1%}" for part in growth),
          "; of a processor", ", ".join(f"{part:.1%}" for part in share))
    assert max(growth) <= 0.02, (before, after, rounds)
