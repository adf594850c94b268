"""R7: what the kernel has after a start with X and whatever brings Y is what a start with Y gives."""

import os
import random
import signal
import threading
import time
import traceback

from lab import conf
from lab.forge import LONG
from lab.hasup import Hasup
from lab.launch import unmarked
from lab.random_conf import configuration
from lab.store import PARK, Store
from lab.waiting import wait_for

# FIRST=146 begins with that pair.
FIRST = int(os.environ.get("FIRST", 0))
PAIRS = range(FIRST, FIRST + (500 if LONG else 12))
# How many machines go through them side by side.
MACHINES = 4


def addresses(node):
    """Every address with what was configured of it. Which of a prefix's addresses is the first follows their order, and
    link-local ones the machine makes by itself."""
    return sorted(
        (link["ifname"], info["local"], info["prefixlen"], info.get("scope"), info.get("label"), info.get("broadcast"),
         info.get("preferred_life_time"), info.get("valid_life_time"))
        for link in node.netns.ip_json("address", "show")
        for info in link["addr_info"] if info.get("scope") != "link" or info["family"] == "inet")


def settled(hasup):
    """Waits until every instance is MASTER with all of its addresses, and nothing else; what the kernel has then."""
    def missing():
        try:
            instances = hasup.status().answer["instances"]
        except (AssertionError, OSError) as error:  # it is only just starting
            return [str(error)]
        return [(entry["name"], entry["state"], address["address"], address) for entry in instances
                for address in entry["addresses"] + entry["excluded_addresses"]
                if entry["state"] != "MASTER" or not address["installed"]]
    wait_for("all instances to be MASTER with their addresses", missing, lambda seen: not seen, 8)
    return addresses(hasup.node)


class Ways:
    """What may happen to a daemon between two files."""

    def __init__(self, hasup, store):
        self.hasup, self.store, self.killed = hasup, store, []

    def crash(self):
        """The worker dies, and its successor goes on."""
        self.killed = self.hasup.roles().get("hasup-vrrp", [])
        for pid in self.killed:
            os.kill(pid, signal.SIGKILL)

    def kill(self):
        """hasupd dies, and the next one finds the store."""
        self.store.restart(signal.SIGKILL)

    def park(self):
        """`systemctl restart`."""
        self.store.restart(PARK)

    def upgrade(self):
        """`hasup upgrade`."""
        done = self.hasup.cli("upgrade", bound=20)
        assert done.returncode == 0, done.stdout + done.stderr

    def reload(self):
        """`hasup reload`."""
        done = self.hasup.reload()
        assert done.returncode == 0, done.stdout + done.stderr

    def end(self):
        """SIGTERM. A worker that isn't there can't hand over, which hasupd would tell with exit status 70."""
        wait_for("a worker", lambda: self.hasup.roles().get("hasup-vrrp", []),
                 lambda pids: pids and not set(pids) & set(self.killed))
        assert self.hasup.stop()[0] == 0

    def stop(self):
        """An orderly end, and a new beginning."""
        self.end()
        self.store.start()

    def end_all(self):
        """Everything dies at once, and nothing is kept: the mark is all there is."""
        self.hasup.kill()
        self.store.clear()
        self.store.start()


EVENTS = ("crash", "kill", "park", "upgrade", "reload", "stop", "end_all")


def drawn(dice, marked):
    """What happens, in order: names of ways, with "file" where the second file is written; it is read at last."""
    # A kernel without marks doesn't know whose an address is when everything has died.
    ways = [name for name in EVENTS if marked or name != "end_all"]
    events = dice.choices(ways, k=dice.randint(1, 3))
    place = dice.randint(0, len(events))
    if all(name == "crash" for name in events[place:]):
        events.append(dice.choice([name for name in ways if name != "crash"]))
    return [*events[:place], "file", *events[place:]]


class Pair:
    """Two files, and what happens between them."""

    def __init__(self, seed):
        dice = random.Random(seed)
        self.seed, self.first, self.second = seed, configuration(dice), configuration(dice)
        self.marked = dice.random() < 0.7
        self.events, self.hurried = drawn(dice, self.marked), dice.random() < 0.5

    def __str__(self):
        return f"seed {self.seed}: {', '.join(self.events)}{', at once' if self.hurried else ''}, " \
            f"{'' if self.marked else 'no '}marks\n{self.first}\n{self.second}"

    def run(self, node, bare, launcher):
        """Starts with the first file, lets things happen, and compares with a start with the second one."""
        hasup = Hasup(node, self.first, name=f"seed{self.seed}")
        hasup.launcher = [] if self.marked else launcher
        store = Store(hasup)
        ways = Ways(hasup, store)
        try:
            store.start()
            settled(hasup)
            for event in self.events:
                if event == "file":
                    node.write(f"seed{self.seed}.conf", self.second)
                else:
                    getattr(ways, event)()
                if not self.hurried:
                    settled(hasup)
            reached = settled(hasup)
            ways.end()
            left = addresses(node)
        except Exception as error:
            raise AssertionError(f"{self}\n{hasup.log()[-3000:]}") from error
        finally:
            store.close()
        fresh = Hasup(node, self.second, name=f"fresh{self.seed}").start()
        wanted = settled(fresh)
        assert fresh.stop()[0] == 0
        more, less = sorted(set(reached) - set(wanted)), sorted(set(wanted) - set(reached))
        assert not more and not less, f"{self}\n{hasup.log()[-3000:]}\ntoo much: {more}\nmissing: {less}"
        assert left == bare and addresses(node) == bare, f"{self}\n{hasup.log()[-3000:]}\nleft: {left}"


def test_whatever_happens_ends_where_a_start_begins(lan):
    """R7: random pairs of configurations, and crashes, restarts, upgrades, reloads and stops between the first and the
    second one; on some machines the kernel keeps no mark of who has added an address."""
    lan.drop("ip protocol 112", "ip6 nexthdr 112")
    failures, seeds, lock = [], iter(PAIRS), threading.Lock()

    def run(node, bare, launcher):
        while not failures:
            with lock:
                seed = next(seeds, None)
            if seed is None:
                return
            try:
                Pair(seed).run(node, bare, launcher)
            except Exception:  # pylint: disable=broad-except
                failures.append(traceback.format_exc())
    threads = []
    for name in "abcd"[:MACHINES]:
        node = lan.node(name)
        node.netns.ip("link", "add", "eth1", "type", "veth", "peer", "name", "far1")
        for interface in ("eth1", "far1"):
            node.netns.ip("link", "set", interface, "up")
        threads.append(threading.Thread(target=run, args=(node, addresses(node), unmarked(node)), daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, "\n".join(failures)


def test_an_instance_that_becomes_another_one_hands_over(lan, pair, sniffer):
    """What a reload takes away says priority 0 by its own socket, although the new one needs another."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=1)).start()
    b = Hasup(pair[1], conf.simple(100, version=3, advert=1)).start()
    a.wait_state("MASTER")
    b.wait_state("BACKUP")
    begin = time.time()
    assert a.reload(conf.simple(200, version=3, advert=1, vips=("fd00::100/64",))).returncode == 0
    b.wait_state("MASTER", bound=2)
    assert [advert.priority for advert in sniffer.adverts(pair[0], since=begin, family=4)][-1] == 0
