"""Weights of what is tracked decide who has the address, in pairs of hasup and keepalived (docs/tracking.md; pain point
S6)."""

import os
import subprocess

import pytest
from lab import conf
from lab.hasup import Hasup, binary
from lab.peers import Keepalived
from lab.waiting import hold_for

VIP = "10.0.0.100"
PAIRS = {"hasup-hasup": (Hasup, Hasup), "hasup-keepalived": (Hasup, Keepalived), "keepalived-hasup": (Keepalived, Hasup)}
# Scripts of hasup: test_track_scripts.
KINDS = [*((names, "interface") for names in PAIRS), ("keepalived-hasup", "script")]


class Switch:
    """What a node tracks: an interface that is up or down, or a script that asks for a file."""

    def __init__(self, node, kind):
        self.node, self.kind = node, kind
        self.path = os.path.join(node.directory, "well")
        if kind == "interface":
            node.plug("eth1", f"{node.port}1", address=False)
        self.set(True)

    def set(self, well):
        """Makes it well, or ill."""
        if self.kind == "interface":
            self.node.netns.ip("link", "set", "eth1", "up" if well else "down")
        elif well:
            self.node.write("well", "")
        else:
            os.unlink(self.path)

    def text(self, priority, entry, *extra):
        """The node's file; `entry` are the words behind the tracked one's name."""
        name, before = "eth1", ""
        if self.kind == "script":
            name, before = "web", f'vrrp_script web {{\n    script "/usr/bin/test -e {self.path}"\n    interval 0.2\n}}\n'
        return conf.simple(priority, before=before, settings=("script_user root",), version=3, advert=0.1,
                           extra=[f"track_{self.kind} {{", f"    {name} {entry}", "}", *extra])


@pytest.mark.parametrize("entry,well,ill", [
    ("weight 60", 210, 150), ("weight -60", 150, 90), ("weight 60 reverse", 90, 150)],
    ids=["positive", "negative", "reverse"])
@pytest.mark.parametrize("names,kind", KINDS)
def test_a_pair_ranks_itself_by_weights(lan, pair, names, kind, entry, well, ill):
    """behaviours §8: hasup and keepalived with the same file have the same priority; the peer's lies between both."""
    switch = Switch(pair[0], kind)
    first, second = PAIRS[names]
    first(pair[0], switch.text(150, entry)).start()
    second(pair[1], conf.simple((well + ill) // 2, version=3, advert=0.1)).start()
    for is_well in (True, False, True):
        switch.set(is_well)
        lan.wait_holder(VIP, "a" if (well > ill) == is_well else "b", 8)


# The master has priority 150, its peer 100. Who has the address while the master's script fails, and when it succeeds again.
OUTCOMES = {
    ("-20", "preempt"): ("a", "a"), ("-20", "nopreempt"): ("a", "a"),
    ("-60", "preempt"): ("b", "a"), ("-60", "nopreempt"): ("a", "a"),
    ("0", "preempt"): ("b", "a"), ("0", "nopreempt"): ("b", "b"),
}


@pytest.mark.parametrize("names", PAIRS)
@pytest.mark.parametrize("weight,preempts", OUTCOMES)
def test_weights_and_nopreempt(lan, pair, weight, preempts, names):
    """S6: a weight below the gap between the priorities, one above it, and weight 0, with and without nopreempt on both
    nodes: the table of docs/tracking.md. The check warns of nopreempt with a weight, with its line."""
    ill, well = OUTCOMES[weight, preempts]
    extra = ["nopreempt"] if preempts == "nopreempt" else []
    first, second = PAIRS[names]
    switch = Switch(pair[0], "script")
    text = switch.text(150, f"weight {weight}", *extra)
    a = first(pair[0], text).start()
    lan.wait_holder(VIP, "a", 8)
    second(pair[1], conf.simple(100, version=3, advert=0.1, extra=extra)).start()
    hold_for("a has it", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 1)
    for is_well, holder in ((False, ill), (True, well)):
        switch.set(is_well)
        lan.wait_holder(VIP, holder)
        hold_for(f"{holder} has it", lambda: lan.holders(VIP), lambda seen, holder=holder: seen == [holder], 1.2)
        if first is Hasup:
            assert a.status().instance()["priority"] == (150 if is_well else 150 + int(weight))
            fault = weight == "0" and not is_well
            assert a.state() == ("FAULT" if fault else "MASTER" if holder == "a" else "BACKUP")
    done = subprocess.run([binary("hasup"), "check", a.config], capture_output=True, text=True, check=False)
    line = text.split("\n").index("    nopreempt") + 1 if extra else 0
    warning = f"{a.config}:{line}:5: warning: `nopreempt` with weighted tracking: a sick master keeps its role"
    assert (warning in done.stdout + done.stderr) == (bool(extra) and weight != "0"), done
