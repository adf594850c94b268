"""R7: what the kernel has after a start with X and a reload to Y is what a start with Y gives."""

import random
import time

from lab import conf
from lab.forge import LONG
from lab.hasup import Hasup
from lab.random_conf import configuration
from lab.waiting import wait_for

PAIRS = 200 if LONG else 12


def addresses(node):
    """Every address with what was configured of it. Which of a prefix's addresses is the first follows their order."""
    return sorted(
        (link["ifname"], info["local"], info["prefixlen"], info.get("scope"), info.get("label"), info.get("broadcast"))
        for link in node.netns.ip_json("address", "show")
        for info in link["addr_info"] if info.get("scope") != "link" or info["family"] == "inet")


def settled(hasup):
    """Waits until every instance is MASTER with all of its addresses; what the kernel has then."""
    def missing():
        try:
            instances = hasup.status().answer["instances"]
        except OSError as error:  # it is only just starting
            return [str(error)]
        return [(entry["name"], entry["state"], address["address"]) for entry in instances
                for address in entry["addresses"] + entry["excluded_addresses"]
                if entry["state"] != "MASTER" or not address["installed"]]
    wait_for("all instances to be MASTER with their addresses", missing, lambda seen: not seen, 6)
    return addresses(hasup.node)


def test_a_reload_ends_where_a_start_begins(lan):
    """R7: random pairs of configurations."""
    node = lan.node("a")
    node.netns.ip("link", "add", "eth1", "type", "veth", "peer", "name", "far1")
    for name in ("eth1", "far1"):
        node.netns.ip("link", "set", name, "up")
    bare = addresses(node)
    for seed in range(PAIRS):
        dice = random.Random(seed)
        first, second = configuration(dice), configuration(dice)
        hasup = Hasup(node, first).start()
        settled(hasup)
        done = hasup.reload(second)
        assert done.returncode == 0, (seed, done.stdout + done.stderr)
        reloaded = settled(hasup)
        assert hasup.stop()[0] == 0
        assert addresses(node) == bare, seed
        fresh = Hasup(node, second).start()
        assert reloaded == settled(fresh), (seed, first, second)
        assert fresh.stop()[0] == 0
        assert addresses(node) == bare, seed


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
